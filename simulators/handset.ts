import { type Coding, decode, encode } from '../protocols/text/charset.ts';
import { limitsFor, segment } from '../protocols/text/segment.ts';
import { parseUdh } from '../protocols/text/udh.ts';
import type { FormRules } from './form-rules.ts';
import { partAt } from './part.ts';
import type { Submit } from './protocol.ts';

/** A message as the handset shows it. */
export interface Shown {
  readonly text: string;
  /** The short messages that the carrier charges for it. */
  readonly counted: number;
}

/**
 * The text with what the carrier adds to it; that may take one message more on the air than the sender thought. `coding`:
 * that of the text, which gives way to UCS-2 where it has no character for the signature.
 */
export function shownOn(text: string, coding: Coding, { signature, place }: FormRules['added']): Shown {
  const shown = place === 'front' ? signature + text : text + signature;
  for (const its of [coding, 'ucs2'] as const) {
    const octets = encode(shown, its);
    if (octets !== undefined) return { text: shown, counted: segment(octets, its, limitsFor(its, 6)).length };
  }
  return { text: shown, counted: 1 };
}

/**
 * The short messages that a submit makes with what is added to its text. A part of a long message is one: what is added
 * to it stands in its first part or its last, and the sender is not told.
 */
export function countedOf(
  submit: Submit,
  added: FormRules['added'],
  codingOf: (dataCoding: number, octets: Uint8Array) => Coding,
): number {
  if (submit.udhi && parseUdh(submit.octets).concat !== undefined) return 1;
  const { octets } = partAt(submit.octets, submit.udhi);
  const coding = codingOf(submit.dataCoding, octets);
  return shownOn(decode(octets, coding), coding, added).counted;
}
