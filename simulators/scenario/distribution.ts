import { drawn, type Lot } from './draw.ts';

/**
 * Milliseconds: always the same, uniform between two bounds, by a law with a mean or a median, in bands by their
 * shares, or one of a list of values (`file`: one a line). `least` and `most` bound what is drawn.
 */
export type Delay =
  | number
  | { readonly min: number; readonly max: number }
  | (Bounds & { readonly exponential: number })
  | (Bounds & { readonly lognormal: { readonly median: number; readonly sigma: number } })
  | (Bounds & { readonly bands: readonly { readonly share: number; readonly delay: Delay }[] })
  | (Bounds & { readonly values: readonly number[] });

interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

/** A draw from the distribution. `nth`: for which of several alike delays of one event. */
export function delayOf(delay: Delay, lot: Lot, purpose: number, nth = 0): number {
  if (typeof delay === 'number') return delay;
  if ('min' in delay) return delay.min + drawn(lot, purpose, nth) * (delay.max - delay.min);
  return Math.min(Math.max(unbounded(delay, lot, purpose, nth), delay.least ?? 0), delay.most ?? Infinity);
}

function unbounded(delay: Exclude<Delay, number | { min: number }>, lot: Lot, purpose: number, nth: number): number {
  const u = drawn(lot, purpose, nth);
  if ('exponential' in delay) return -delay.exponential * Math.log(1 - u);
  if ('lognormal' in delay) {
    // Box and Muller's transform of two draws to a normal one.
    const v = drawn(lot, purpose ^ SECOND, nth);
    const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
    return delay.lognormal.median * Math.exp(delay.lognormal.sigma * normal);
  }
  if ('values' in delay) return delay.values[Math.floor(u * delay.values.length)]!;
  let sum = 0;
  for (const { share } of delay.bands) sum += share;
  let at = u * sum;
  for (const band of delay.bands) {
    at -= band.share;
    if (at < 0) return delayOf(band.delay, lot, purpose ^ SECOND, nth);
  }
  return delayOf(delay.bands[delay.bands.length - 1]!.delay, lot, purpose ^ SECOND, nth);
}

/** Sets the draws inside a law apart from the one that chose it. */
const SECOND = 0x3c6ef372;

const good = (n: unknown): n is number => typeof n === 'number' && n >= 0 && Number.isFinite(n);
const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

export const DELAY_FORMS =
  'give milliseconds, { min, max }, { exponential: mean }, { lognormal: { median, sigma } }, { bands: [{ share, delay }] } or { values: [] }, the latter with least and most if need be';

/** Whether the value is a distribution. */
export function isDelay(value: unknown): value is Delay {
  if (good(value)) return true;
  if (!isRecord(value)) return false;
  const { least, most, ...law } = value;
  if (!(least === undefined || good(least)) || !(most === undefined || good(most))) return false;
  if (good(least) && good(most) && least > most) return false;
  const names = Object.keys(law).sort().join(' ');
  switch (names) {
    case 'max min':
      return good(law.min) && good(law.max) && law.min <= law.max && least === undefined && most === undefined;
    case 'exponential':
      return good(law.exponential);
    case 'lognormal': {
      const { lognormal } = law;
      return (
        isRecord(lognormal) && good(lognormal.median) && good(lognormal.sigma) && Object.keys(lognormal).length === 2
      );
    }
    case 'bands': {
      const { bands } = law;
      if (!Array.isArray(bands) || bands.length === 0) return false;
      if (!bands.every((b) => isRecord(b) && good(b.share) && isDelay(b.delay) && Object.keys(b).length === 2))
        return false;
      return bands.some((b: { share: number }) => b.share > 0);
    }
    case 'values':
      return Array.isArray(law.values) && law.values.length > 0 && law.values.every(good);
    default:
      return false;
  }
}
