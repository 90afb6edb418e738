/**
 * Durations in log-linear buckets: 16 to an octave, so a percentile is right to about 3 %. Recording is an index and an
 * increment; histograms of the same shape are merged by addition.
 */
export interface Histogram {
  readonly counts: Uint32Array;
  readonly count: number;
  readonly sumMs: number;
  /** Counts one duration in ms; resolution 1/16 ms, durations above 2^26 ms share the last bucket. */
  record(ms: number): void;
  /** Duration in ms that the share `p` (0 to 1) of all does not exceed; 0 when nothing was recorded. */
  percentile(p: number): number;
  merge(other: Histogram): void;
  reset(): void;
}

const PER_MS = 16;
const BUCKETS = 16 * 28;

export function createHistogram(): Histogram {
  const counts = new Uint32Array(BUCKETS);
  let count = 0;
  let sumMs = 0;

  return {
    counts,
    get count() {
      return count;
    },
    get sumMs() {
      return sumMs;
    },
    record(ms) {
      counts[bucketOf(ms)]!++;
      count++;
      sumMs += ms;
    },
    percentile(p) {
      if (count === 0) return 0;
      let left = Math.max(1, Math.ceil(p * count));
      for (let i = 0; i < BUCKETS; i++) {
        left -= counts[i]!;
        if (left <= 0) return middleOf(i);
      }
      return middleOf(BUCKETS - 1);
    },
    merge(other) {
      for (let i = 0; i < BUCKETS; i++) counts[i]! += other.counts[i]!;
      count += other.count;
      sumMs += other.sumMs;
    },
    reset() {
      counts.fill(0);
      count = 0;
      sumMs = 0;
    },
  };
}

/** Values below 16 units are their own bucket; above, the octave and the four bits behind the leading one. */
function bucketOf(ms: number): number {
  const units = ms < 0 ? 0 : ms >= 2 ** 26 ? 2 ** 30 : (ms * PER_MS) | 0;
  if (units < 16) return units;
  const octave = 27 - Math.clz32(units);
  return Math.min(BUCKETS - 1, (octave + 1) * 16 + ((units >>> octave) & 15));
}

function middleOf(bucket: number): number {
  if (bucket < 16) return (bucket + 0.5) / PER_MS;
  const octave = (bucket >>> 4) - 1;
  return ((16 + (bucket & 15) + 0.5) * 2 ** octave) / PER_MS;
}

/** Upper edge of a bucket in ms: durations below it, and at or above the edge of the bucket before, are counted in it. */
export function upperEdge(bucket: number): number {
  if (bucket < 16) return (bucket + 1) / PER_MS;
  const octave = (bucket >>> 4) - 1;
  return ((16 + (bucket & 15) + 1) * 2 ** octave) / PER_MS;
}
