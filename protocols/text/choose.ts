import { type Coding, encode } from './charset.ts';
import { isSeptets } from './national.ts';
import { countSegments, type Limits, limitsFor, MOST_PARTS } from './segment.ts';

/** A coding for a text: its octets, and how many parts they take. */
export interface Choice {
  readonly coding: Coding;
  readonly octets: Buffer;
  readonly segments: number;
  /** Units of the coding: septets, 16-bit units, else octets. */
  readonly units: number;
}

/** Which of the codings that hold a text: the one with the fewest segments, or the first of the list. */
export type ChoiceRule = 'smallest' | 'preferred';

/**
 * The coding among `allowed` that holds the whole text: in the fewest segments, where the earlier one wins a tie, or the
 * first one that takes no more than a concatenation can count. Undefined if none holds it, which cannot be where `ucs2`
 * is allowed.
 *
 * `limits` are those of the carrier; by default those of a 6-octet header.
 */
export function choose(
  text: string,
  allowed: readonly Coding[],
  limits: (coding: Coding) => Limits = (coding) => limitsFor(coding, 6),
  rule: ChoiceRule = 'smallest',
): Choice | undefined {
  let best: Choice | undefined;
  for (const coding of allowed) {
    if (best !== undefined && !mayTakeFewer(coding, best.coding)) continue;
    const octets = encode(text, coding);
    if (octets === undefined) continue;
    const segments = countSegments(octets, coding, limits(coding));
    if (best !== undefined && segments >= best.segments) continue;
    best = { coding, octets, segments, units: coding === 'ucs2' ? octets.length / 2 : octets.length };
    if (segments === 1 || (rule === 'preferred' && segments <= MOST_PARTS)) break;
  }
  return best;
}

/**
 * Whether a text may take fewer segments in `coding` than in `other`, where both hold it. UCS2 never does: it has two
 * octets for every character, which is the most, and no part has less room. ASCII only does where the other has septets
 * (two for a bracket): all others have an octet for its characters too.
 */
export function mayTakeFewer(coding: Coding, other: Coding): boolean {
  if (coding === 'ucs2' || coding === other) return false;
  return coding !== 'ascii' || other === 'ucs2' || isSeptets(other);
}
