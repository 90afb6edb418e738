/**
 * What the draws of one event hang on: the seed, the message (or the ordinal of the connection) and which time it came;
 * see `lotOf`. A draw is a function of the lot, the purpose and a number, not the next of a sequence: the same seed
 * decides alike for a message whatever came before it, on whatever connection.
 */
export type Lot = number;

/** The name of a kind of draw as a number: each decision draws for a purpose of its own. To be made once for each. */
export function purpose(name: string): number {
  let h = 0x811c9dc5;
  for (let k = 0; k < name.length; k++) h = Math.imul(h ^ name.charCodeAt(k), 0x01000193);
  return mixed(h);
}

/** `key`: 53 bits, see message-key.ts. `time`: 0 for the first time that it comes. */
export function lotOf(seed: number, key: number, time: number): Lot {
  const low = key | 0;
  const high = Math.floor(key / 0x100000000) | 0;
  return mixed(
    mixed(mixed(seed ^ 0x5bd1e995) ^ low) ^ Math.imul(high + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(time, 0x27d4eb2f),
  );
}

/** At least 0, less than 1, for the `nth` time that this lot is asked for this purpose. */
export function drawn(lot: Lot, purpose: number, nth = 0): number {
  return (mixed(mixed(lot ^ purpose) + Math.imul(nth + 1, 0x9e3779b9)) >>> 0) / 0x100000000;
}

/** True with this probability. Draws only where the outcome is open. */
export function chance(lot: Lot, purpose: number, probability: number, nth = 0): boolean {
  return probability > 0 && (probability >= 1 || drawn(lot, purpose, nth) < probability);
}

/** One of the words by their weights; '' where none has one above 0. */
export function chosen(lot: Lot, purpose: number, weights: Readonly<Record<string, number>>, nth = 0): string {
  const { words, bounds } = scaleOf(weights);
  if (words.length < 2) return words[0] ?? '';
  const at = drawn(lot, purpose, nth) * bounds[bounds.length - 1]!;
  let k = 0;
  while (bounds[k]! <= at && k < words.length - 1) k++;
  return words[k]!;
}

interface Scale {
  readonly words: readonly string[];
  readonly bounds: readonly number[];
}
const scales = new WeakMap<object, Scale>();
let last: object | undefined;
let lastScale: Scale = { words: [], bounds: [] };

function scaleOf(weights: Readonly<Record<string, number>>): Scale {
  if (weights === last) return lastScale;
  let scale = scales.get(weights);
  if (scale === undefined) {
    const words = Object.keys(weights).filter((w) => weights[w]! > 0);
    let sum = 0;
    scale = { words, bounds: words.map((w) => (sum += weights[w]!)) };
    scales.set(weights, scale);
  }
  last = weights;
  lastScale = scale;
  return scale;
}

/** The finalizer of MurmurHash3 (public domain, A. Appleby): every bit of the input moves half of the output's. */
function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
