import type { RecordableHistogram } from 'node:perf_hooks';
import { createTimes, record } from '../times.ts';
import { type Latency, latency } from '../verdict.ts';

/** How long messages took from one place to the next, over both ends. `negative`: clocks that disagree. */
export interface Hop extends Latency {
  readonly name: string;
  readonly count: number;
  readonly negative: number;
}

/** Hops are listed in the order in which they are first taken. */
export function createHops() {
  const hops = new Map<string, { times: RecordableHistogram; negative: number }>();
  return {
    /** Milliseconds; NaN, where one of the two ends is not known, is no hop. */
    take(name: string, from: number, to: number): void {
      if (Number.isNaN(from) || Number.isNaN(to)) return;
      let hop = hops.get(name);
      if (hop === undefined) {
        hop = { times: createTimes(), negative: 0 };
        hops.set(name, hop);
      }
      // An end takes its times before or after it acts, and goes on with other things meanwhile.
      if (to - from < -1) hop.negative++;
      record(hop.times, to - from);
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
