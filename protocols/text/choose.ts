import { type Coding, encode } from './charset.ts';
import { countSegments, type Limits, limitsFor } from './segment.ts';

/** A coding for a text: its octets, and how many parts they take. */
export interface Choice {
  readonly coding: Coding;
  readonly octets: Buffer;
  readonly segments: number;
  /** Units of the coding: septets, 16-bit units, else octets. */
  readonly units: number;
}

/**
 * The coding among `allowed` that holds the whole text in the fewest segments; the earlier one wins a tie. Undefined if
 * none holds it, which cannot be where `ucs2` is allowed.
 *
 * `limits` are those of the carrier; by default those of a 6-octet header.
 */
export function choose(
  text: string,
  allowed: readonly Coding[],
  limits: (coding: Coding) => Limits = (coding) => limitsFor(coding, 6),
): Choice | undefined {
  let best: Choice | undefined;
  for (const coding of allowed) {
    const octets = encode(text, coding);
    if (octets === undefined) continue;
    const segments = countSegments(octets, coding, limits(coding));
    if (best !== undefined && segments >= best.segments) continue;
    best = { coding, octets, segments, units: coding === 'ucs2' ? octets.length / 2 : octets.length };
    if (segments === 1) break;
  }
  return best;
}
