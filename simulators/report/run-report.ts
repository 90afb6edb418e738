import type { Distribution } from '../times.ts';

/** What is said of a run at its end: of a lab (a part for each carrier) or of a load (one part). Also its JSON. */
export interface RunReport {
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  /** Undefined: nobody judged. */
  readonly verdict: RunVerdict | undefined;
  readonly parts: readonly ReportPart[];
}

export interface RunVerdict {
  readonly passed: boolean;
  /** In one sentence. */
  readonly words: string;
  /** What was looked at, each with what came out. */
  readonly checks: readonly { readonly name: string; readonly passed: boolean; readonly detail: string }[];
}

export interface ReportPart {
  readonly name: string;
  /** What of the real world this is, in prose; '' where it is nothing. */
  readonly imitates: string;
  /** Protocol, scenario, seed, addresses: whatever a reader needs to run it again. */
  readonly facts: readonly Fact[];
  readonly counts: readonly Fact[];
  /** Seconds since the start, rising: where the points of all charts stand. Each stands for the time since the last. */
  readonly times: readonly number[];
  readonly charts: readonly Chart[];
  readonly distributions: readonly Distribution[];
  /** Such as final states and errors by code. */
  readonly tallies: readonly Tally[];
}

export type Fact = readonly [name: string, value: string | number];

export interface Chart {
  readonly title: string;
  /** Of all its lines, such as `per second`, `ms` or `messages`. */
  readonly unit: string;
  /** As many values as there are times; null: nothing is known, which is shown as a gap. */
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

export interface Tally {
  readonly title: string;
  /** What is counted, such as `reports`. */
  readonly of: string;
  readonly rows: readonly { readonly name: string; readonly count: number }[];
}
