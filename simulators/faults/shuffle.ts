import type { AccountBook, Delivery } from '../protocol.ts';
import { drawn, purpose } from '../scenario/draw.ts';

const RANK = purpose('shuffle');

/** Reports that wait for others, to leave in another order than they came. */
export interface Shuffle {
  add(d: Delivery, within: number, wait: number): void;
  /** Those of an account. */
  of(book: AccountBook): readonly Delivery[];
}

/** `later` runs something after so many milliseconds; `release` takes the reports in the new order. */
export function createShuffle(
  later: (delay: number, run: () => void) => void,
  release: (d: Delivery) => void,
): Shuffle {
  const gathered = new Map<AccountBook, Delivery[]>();

  function go(book: AccountBook, all: Delivery[]): void {
    if (gathered.get(book) !== all) return;
    gathered.delete(book);
    const ranked = all.map((d, k) => ({ d, rank: drawn(d.lot, RANK, k) }));
    ranked.sort((a, b) => a.rank - b.rank);
    for (const { d } of ranked) release(d);
  }

  return {
    add(d, within, wait) {
      const { book } = d;
      let all = gathered.get(book);
      if (all === undefined) {
        const fresh: Delivery[] = [];
        all = fresh;
        gathered.set(book, fresh);
        later(wait, () => go(book, fresh));
      }
      all.push(d);
      if (all.length >= within) go(book, all);
    },
    of: (book) => gathered.get(book) ?? [],
  };
}
