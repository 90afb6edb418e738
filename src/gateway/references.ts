import type { Content } from '../message/message.ts';

/** A message under the platform's own reference to it. */
interface Referred {
  readonly id: number;
  /** Of what was submitted: whether a reference comes again with the same. */
  readonly print: number;
}

/** What of a message a reference speaks of. */
type Submitted = Pick<Content, 'platformRef' | 'destination' | 'source' | 'dataCoding' | 'udh' | 'octets'>;

/**
 * The last messages of an account by the platform's own reference and destination, where it refers to them so. Kept in
 * memory: a platform repeats, and asks, soon or not at all. After a restart those that have not left yet are there.
 */
export interface References {
  add(submitted: Submitted, id: number): void;
  /** Id of the message, or 0. `key`: reference and destination. */
  find(key: string): number;
  /** Whether the reference was used before: with the same content, or with another. */
  seen(submitted: Submitted): 'no' | 'same' | 'other';
}

const MOST = 50_000;

export function createReferences(): References {
  const known = new Map<string, Referred>();
  return {
    add(submitted, id) {
      if (known.size >= MOST) {
        for (const oldest of known.keys()) {
          known.delete(oldest);
          break;
        }
      }
      known.set(keyOf(submitted), { id, print: printOf(submitted) });
    },
    find: (key) => known.get(key)?.id ?? 0,
    seen(submitted) {
      const before = known.get(keyOf(submitted));
      if (before === undefined) return 'no';
      return before.print === printOf(submitted) ? 'same' : 'other';
    },
  };
}

const keyOf = ({ platformRef, destination }: Submitted): string => platformRef + destination;

/** FNV-1a of what the phone would see. */
function printOf({ source, udh, octets, dataCoding }: Submitted): number {
  let print = 0x811c9dc5 ^ dataCoding;
  const mix = (octet: number): void => {
    print = Math.imul(print ^ octet, 0x01000193);
  };
  for (let i = 0; i < source.length; i++) mix(source.charCodeAt(i));
  for (const octet of udh) mix(octet);
  for (const octet of octets) mix(octet);
  return print;
}
