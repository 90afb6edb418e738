/** Which batches of the journal something in memory still needs: a count per batch, and the oldest with one. */
export interface Holds {
  hold(batch: number): void;
  release(batch: number): void;
  /** Oldest batch needed, or Infinity. */
  readonly oldest: number;
}

export function createHolds(): Holds {
  let counts = new Uint32Array(1024);
  let base = 0;
  let top = 0; // behind the newest batch seen
  let oldest = 0;

  const room = (batch: number): void => {
    if (top === 0) {
      base = batch;
      oldest = batch;
      top = batch;
    }
    if (batch < base) {
      const grown = new Uint32Array(counts.length + (base - batch) + 1024);
      grown.set(counts.subarray(0, top - base), base - batch);
      counts = grown;
      base = batch;
    } else if (batch - base >= counts.length) {
      // Drop what lies before the oldest, then double while it is not enough.
      settle();
      const keepFrom = Math.min(oldest, top);
      const live = counts.slice(keepFrom - base, top - base);
      let size = counts.length;
      while (batch - keepFrom >= size / 2) size *= 2;
      counts = new Uint32Array(size);
      counts.set(live);
      base = keepFrom;
    }
    if (batch >= top) top = batch + 1;
    if (batch < oldest) oldest = batch;
  };

  const settle = (): void => {
    while (oldest < top && counts[oldest - base] === 0) oldest++;
  };

  return {
    hold(batch) {
      room(batch);
      counts[batch - base]!++;
    },
    release(batch) {
      counts[batch - base]!--;
    },
    get oldest() {
      settle();
      return oldest >= top ? Infinity : oldest;
    },
  };
}
