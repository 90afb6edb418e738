/**
 * Draws that hang on nothing but the seed, what they are for and their number: asked in any order, or again, they are the
 * same. At least 0, less than 1.
 */
export interface Draws {
  at(n: number): number;
}

export function createDraws(seed: number, purpose: string): Draws {
  let start = mixed(seed ^ 0x5bd1e995);
  for (let k = 0; k < purpose.length; k++) start = mixed(start ^ purpose.charCodeAt(k));
  return {
    at(n) {
      const a = mixed(start ^ mixed(n + 0x9e3779b9));
      // 53 bits: what is told apart by a draw may be told apart finely.
      return ((a >>> 0) * 0x200000 + (mixed(a ^ 0x85ebca6b) >>> 11)) / 0x20000000000000;
    },
  };
}

/** The last steps of MurmurHash3 (public domain, A. Appleby). */
function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
