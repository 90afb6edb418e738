import { decode } from '../../protocols/text/charset.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import type { ObservedSubmit } from './observed.ts';
import type { Scrubber } from './scrub.ts';

/** A message of a platform as it came, whole, under another text and other numbers. */
export interface TrafficMessage {
  /** Milliseconds after the first. */
  readonly at: number;
  readonly to: string;
  readonly from: string;
  readonly coding: string;
  /** Submits that it took. */
  readonly parts: number;
  readonly text: string;
}

interface Whole {
  readonly at: number;
  readonly submit: ObservedSubmit;
  readonly parts: (Uint8Array | undefined)[];
}

/** The messages of these submits in their order: parts joined, one for each destination. */
export function trafficOf(submits: readonly ObservedSubmit[], scrub: Scrubber): TrafficMessage[] {
  const messages = joined(submits).sort((a, b) => a.at - b.at);
  const start = messages[0]?.at ?? 0;
  return messages.flatMap(({ at, submit, parts }) => {
    const { coding, source, destinations } = submit.dealing;
    const octets = Buffer.concat(parts.map((part) => part ?? new Uint8Array(0)));
    const text = scrub.text(decode(octets, coding), coding);
    return destinations.map((destination) => ({
      at: (at - start) / 1000,
      to: scrub.number(destination),
      from: scrub.number(source),
      coding,
      parts: parts.length,
      text,
    }));
  });
}

/** A part whose others were not captured is a message of its own. */
function joined(submits: readonly ObservedSubmit[]): Whole[] {
  const done: Whole[] = [];
  const open = new Map<string, Whole>();
  const apart = ({ submit, parts }: Whole): void => {
    for (const part of parts) if (part !== undefined) done.push({ at: submit.at, submit, parts: [part] });
  };
  for (const submit of submits) {
    const { octets, hasHeader, source, destinations } = submit.dealing;
    const udh = hasHeader ? parseUdh(octets, { wideIei0: true }) : undefined;
    const content = udh === undefined ? octets : octets.subarray(udh.length);
    const concat = udh?.concat;
    if (concat === undefined || concat.total === 1) {
      done.push({ at: submit.at, submit, parts: [content] });
      continue;
    }
    const key = `${source} ${destinations.join(',')} ${concat.refBits} ${concat.ref} ${concat.total}`;
    let whole = open.get(key);
    if (whole?.parts[concat.seq - 1] !== undefined) {
      apart(whole);
      whole = undefined;
    }
    if (whole === undefined) {
      whole = { at: submit.at, submit, parts: new Array<Uint8Array | undefined>(concat.total).fill(undefined) };
      open.set(key, whole);
    }
    whole.parts[concat.seq - 1] = content;
    if (whole.parts.includes(undefined)) continue;
    open.delete(key);
    done.push(whole);
  }
  for (const whole of open.values()) apart(whole);
  return done;
}

/** A line a message: the time, then the rest as JSON. Who wants only the times reads the number that a line begins with. */
export function trafficLine({ at, ...rest }: TrafficMessage): string {
  return `${at} ${JSON.stringify(rest)}`;
}
