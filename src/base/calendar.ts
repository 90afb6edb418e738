/**
 * Things due at a time, to the granularity of a page: appending is O(1), nothing is ever taken out early. Whoever takes
 * a due item checks whether it still is what it was; that is cheaper than keeping a heap true.
 */
export interface Calendar<T> {
  add(at: number, item: T): void;
  /** Hands over everything due at `now`. */
  due(now: number, take: (item: T) => void): void;
  /** Time of the earliest page, or Infinity. */
  readonly next: number;
  readonly size: number;
}

export function createCalendar<T>(pageMs: number): Calendar<T> {
  const pages = new Map<number, T[]>();
  let earliest = Infinity;
  let size = 0;

  const findEarliest = (): number => {
    let min = Infinity;
    for (const page of pages.keys()) if (page < min) min = page;
    return min;
  };

  return {
    add(at, item) {
      const page = Math.ceil(at / pageMs);
      const list = pages.get(page);
      if (list === undefined) pages.set(page, [item]);
      else list.push(item);
      if (page < earliest) earliest = page;
      size++;
    },
    due(now, take) {
      while (earliest * pageMs <= now) {
        const list = pages.get(earliest) ?? [];
        pages.delete(earliest);
        size -= list.length;
        earliest = findEarliest();
        for (const item of list) take(item);
      }
    },
    get next() {
      return earliest * pageMs;
    },
    get size() {
      return size;
    },
  };
}
