import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type Latency, latency } from '../verdict.ts';

/** How long messages took from one place to the next, over both ends. `negative`: clocks that disagree. */
export interface Hop extends Latency {
  readonly name: string;
  readonly count: number;
  readonly negative: number;
}

/** A day, in microseconds. */
const LONGEST = 86_400_000_000;

/** Hops are listed in the order in which they are first taken. */
export function createHops() {
  const hops = new Map<string, { times: RecordableHistogram; negative: number }>();
  return {
    /** Milliseconds; NaN, where one of the two ends is not known, is no hop. */
    take(name: string, from: number, to: number): void {
      if (Number.isNaN(from) || Number.isNaN(to)) return;
      let hop = hops.get(name);
      if (hop === undefined) {
        hop = { times: createHistogram({ lowest: 1, highest: LONGEST, figures: 3 }), negative: 0 };
        hops.set(name, hop);
      }
      const micros = Math.round((to - from) * 1000);
      // An end takes its times before or after it acts, and goes on with other things meanwhile.
      if (micros < -1000) hop.negative++;
      hop.times.record(Math.min(LONGEST, Math.max(1, micros)));
    },
    get list(): Hop[] {
      return [...hops].map(([name, { times, negative }]) => ({
        name,
        count: times.count,
        negative,
        ...latency(times),
      }));
    },
  };
}
