import { type Added, createReassembly, type Incomplete } from '../../protocols/text/reassemble.ts';
import type { Concat } from '../../protocols/text/udh.ts';
import { type Message, POSSIBLE_DUPLICATE } from '../message/message.ts';

/**
 * Where the parts of long MO wait for each other, whatever bind each came over. It is this process's memory, filled
 * again from the journal after a restart; nothing beyond these functions is asked of it, so that a store that several
 * nodes share could stand here.
 */
export interface Assembly {
  /**
   * Takes one part; `within` is how long the first part of a text waits for the last. One that was in a text that has
   * been given out is flagged POSSIBLE_DUPLICATE and waits all the same.
   */
  add(part: Message, concat: Concat, within: number, now: number): Added<Message>;
  /** `add` for a part that a restart found waiting: it was no repetition when it came, so it is none now. */
  resume(part: Message, concat: Concat, within: number, now: number): Added<Message>;
  /** A part of a text that was given out before a restart: it may come again. */
  remember(part: Message, concat: Concat, within: number, now: number): void;
  /** Texts whose time is over, or whose reference was used anew; `most` of them. */
  expire(now: number, most?: number): Incomplete<Message>[];
  /** Texts begun and not whole. */
  readonly open: number;
}

export interface AssemblyLimits {
  /** Texts begun at the same time, and the parts that they have in all. */
  readonly texts: number;
  readonly parts: number;
}

/** A text that was given out: its parts by their hashes, so that one that comes again is known. */
interface Given {
  until: number;
  readonly hashes: (number | undefined)[];
}

export function createAssembly(limits: AssemblyLimits): Assembly {
  const parts = createReassembly<Message>({
    maxOpen: limits.texts,
    maxParts: limits.parts,
    timeoutMs: 0,
    same: (a, b) => a.coding === b.coding && Buffer.compare(a.octets, b.octets) === 0,
  });
  /** Oldest first. */
  const given = new Map<string, Given>();

  const take = (key: string, part: Message, concat: Concat, within: number, now: number): Added<Message> => {
    const added = parts.add(key, concat, part, now, within);
    if (added.state === 'whole' && added.parts.length === concat.total) {
      const { hashes } = entry(key, concat.total, now + within);
      for (const [k, p] of added.parts.entries()) hashes[k] = hashOf(p);
    }
    return added;
  };

  const entry = (key: string, total: number, until: number): Given => {
    let known = given.get(key);
    given.delete(key);
    if (known === undefined || known.hashes.length !== total) {
      known = { until, hashes: new Array<number | undefined>(total).fill(undefined) };
    }
    known.until = until;
    given.set(key, known);
    if (given.size > limits.texts) for (const oldest of given.keys()) if (given.delete(oldest)) break;
    return known;
  };

  return {
    add(part, concat, within, now) {
      const key = keyOf(part, concat);
      const before = given.get(key);
      if (before !== undefined) {
        // Sent again, or the first of another text under the same reference: what comes with it will tell.
        if (now < before.until && before.hashes[concat.seq - 1] === hashOf(part)) part.flags |= POSSIBLE_DUPLICATE;
        else given.delete(key);
      }
      return take(key, part, concat, within, now);
    },
    resume(part, concat, within, now) {
      const key = keyOf(part, concat);
      given.delete(key);
      return take(key, part, concat, within, now);
    },
    remember(part, concat, within, now) {
      entry(keyOf(part, concat), concat.total, now + within).hashes[concat.seq - 1] = hashOf(part);
    },
    expire(now, most) {
      for (const [key, { until }] of given) {
        if (until > now) break;
        given.delete(key);
      }
      return parts.open === 0 ? NONE : parts.expire(now, most);
    },
    get open() {
      return parts.open;
    },
  };
}

const NONE: Incomplete<Message>[] = [];

/** Reference, its width and the total tell apart what one sender has under way to one number. */
function keyOf({ carrier, source, destination }: Message, { ref, refBits, total }: Concat): string {
  return `${refBits}/${ref}/${total}/${carrier}\0${source}\0${destination}`;
}

/** Thirty-one bits of what a part says. */
function hashOf({ octets, coding }: Message): number {
  let h = 0x811c9dc5 ^ coding.length;
  for (let i = 0; i < octets.length; i++) h = Math.imul(h ^ octets[i]!, 0x01000193);
  return (h ^ (h >>> 15)) >>> 1;
}
