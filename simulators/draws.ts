import { drawn, lotOf, purpose } from './scenario/draw.ts';

/** Draws by number: the n-th is the same whatever was asked before. At least 0, less than 1. */
export type Draws = (n: number) => number;

export function createDraws(seed: number, name: string): Draws {
  const what = purpose(name);
  return (n) => drawn(lotOf(seed, n, 0), what);
}
