import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** How long things took, by the share of them that took no longer. Milliseconds. */
export interface Distribution {
  readonly name: string;
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Rising; the last one is `max`, at the share that only the slowest exceeds. */
  readonly points: readonly { readonly percentile: number; readonly ms: number }[];
}

/** An hour, in microseconds. */
const LONGEST = 3_600_000_000;
/** Points between two shares of which the second leaves half as many over: the axis of HdrHistogram's plots. */
const POINTS_TO_A_HALF = 4;

/** For `record`: microseconds up to an hour, to three figures. */
export const createTimes = (): RecordableHistogram => createHistogram({ lowest: 1, highest: LONGEST, figures: 3 });

/** Records milliseconds. What is longer than an hour counts as an hour, and what is no time at all as a microsecond. */
export function record(times: RecordableHistogram, ms: number): void {
  times.record(Math.min(LONGEST, Math.max(1, Math.round(ms * 1000))));
}

export function distributionOf(name: string, times: RecordableHistogram): Distribution {
  const { count } = times;
  if (count === 0) return { name, count, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0, points: [] };
  const at = (percentile: number): number => times.percentile(percentile) / 1000;
  const points = [{ percentile: 0, ms: times.min / 1000 }];
  for (let halvings = 1 / POINTS_TO_A_HALF; ; halvings += 1 / POINTS_TO_A_HALF) {
    const left = 2 ** -halvings;
    if (left * count <= 1) break;
    points.push({ percentile: 100 * (1 - left), ms: at(100 * (1 - left)) });
  }
  const max = times.max / 1000;
  if (count > 1) points.push({ percentile: 100 * (1 - 1 / count), ms: max });
  return { name, count, mean: times.mean / 1000, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max, points };
}

/** Counts of durations by edges that are powers of two, in milliseconds: what a histogram of Prometheus is made of. */
export interface Octaves {
  /** Durations that are no longer than the k-th of `OCTAVES` and longer than the one before; one more for all others. */
  readonly counts: Float64Array;
  sum: number;
}

/** From a quarter of a millisecond to two minutes. */
export const OCTAVES: readonly number[] = Array.from({ length: 20 }, (_, k) => 2 ** (k - 2));

export const createOctaves = (): Octaves => ({ counts: new Float64Array(OCTAVES.length + 1), sum: 0 });

export function countIn(octaves: Octaves, ms: number): void {
  const quarters = Math.ceil(Math.min(ms, 2 ** 20) * 4);
  octaves.counts[quarters <= 1 ? 0 : Math.min(OCTAVES.length, 32 - Math.clz32(quarters - 1))]!++;
  octaves.sum += ms;
}
