/**
 * At most `limit` segments in any second, exactly: the times of the last `limit` sends are kept, and the next may go
 * when the oldest of them is a second ago. (A token bucket lets nearly twice its rate through around a second's edge.)
 */
export interface Rate {
  /** How many may go now; Infinity without a limit. */
  room(now: number): number;
  take(now: number): void;
  /** When `count` (at most the limit) may go. */
  at(count: number, now: number): number;
  readonly limit: number;
}

/** A hundredth more than a second: what leaves us a second apart may arrive a little closer. */
const SECOND = 1010;

export function createRate(limit: number): Rate {
  if (limit === 0) return { limit, room: () => Infinity, take: () => undefined, at: (_, now) => now };
  const times = new Float64Array(limit).fill(-Infinity);
  let next = 0; // where the next time goes, which holds the oldest
  return {
    limit,
    room(now) {
      // The usual case first: the oldest is long ago, or not even one may go.
      const edge = now - SECOND;
      if (times[next]! > edge) return 0;
      if (times[(next + limit - 1) % limit]! <= edge) return limit;
      let low = 0;
      let high = limit - 1;
      // Times rise from `next` on: find how many are at or before the edge.
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (times[(next + middle) % limit]! <= edge) low = middle;
        else high = middle - 1;
      }
      return low + 1;
    },
    take(now) {
      times[next] = now;
      next = next + 1 === limit ? 0 : next + 1;
    },
    at(count, now) {
      const k = Math.min(count, limit) - 1;
      return Math.max(now, times[(next + k) % limit]! + SECOND);
    },
  };
}
