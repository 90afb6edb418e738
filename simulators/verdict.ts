import type { RecordableHistogram } from 'node:perf_hooks';
import { type Breach, formatBreaches } from './breaches.ts';

/** Milliseconds. */
export interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What a platform can say of a gateway after a load, by its own books. */
export interface Verdict {
  readonly messages: number;
  /** Parts to be submitted. */
  readonly parts: number;
  /** submit_sm sent, with those sent again. */
  readonly submits: number;
  /** Parts that were acknowledged, refused for good, or whose outcome is unknown (cut off, or never answered). */
  readonly acked: number;
  readonly refused: number;
  readonly unknown: number;
  readonly unsent: number;
  readonly resubmitted: number;
  /** Refusals by status, with those submitted again. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Acknowledged parts with a final receipt, and without one. */
  readonly receipted: number;
  readonly lost: number;
  /** Further receipts for a part that had one. */
  readonly duplicated: number;
  /** Receipts with an id that was never acknowledged: of a message whose outcome was unknown, or of none of ours. */
  readonly receiptsOfUnknown: number;
  readonly foreign: number;
  /** Receipts that came from another number than the message went to. */
  readonly misaddressed: number;
  readonly intermediate: number;
  readonly unreadable: number;
  /** Answers to submits that were already given up. */
  readonly late: number;
  readonly states: Readonly<Record<string, number>>;
  readonly mos: number;
  readonly reconnects: number;
  readonly toAck: Latency;
  readonly toReceipt: Latency;
  /** From the first submit to the last answer, and to the last receipt. */
  readonly ackSeconds: number;
  readonly seconds: number;
  readonly acksPerSecond: number;
  readonly receiptsPerSecond: number;
  /** Promises that were not kept, with the first offenders of each kind. */
  readonly breaches: readonly Breach[];
  /** Every part acknowledged, and no breach. */
  readonly clean: boolean;
}

/** Percentiles of a histogram of microseconds. */
export function latency(h: RecordableHistogram): Latency {
  if (h.count === 0) return { mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const at = (p: number): number => h.percentile(p) / 1000;
  return { mean: h.mean / 1000, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: h.max / 1000 };
}

/** A verdict as a table for people; for programs use `JSON.stringify`. */
export function formatVerdict(v: Verdict): string {
  const ms = (x: number): string => `${x < 10 ? x.toFixed(2) : x.toFixed(0)} ms`;
  const times = (l: Latency): string =>
    `p50 ${ms(l.p50)}  p90 ${ms(l.p90)}  p99 ${ms(l.p99)}  p99.9 ${ms(l.p999)}  max ${ms(l.max)}`;
  const list = (r: Readonly<Record<string, number>>): string =>
    Object.entries(r)
      .map(([k, x]) => `${k} ${x}`)
      .join(', ') || 'none';
  const rows: [string, string | number][] = [
    ['messages', v.messages],
    ['submits', `${v.submits} for ${v.parts} parts`],
    ['acknowledged', `${v.acked} in ${v.ackSeconds.toFixed(2)} s, ${v.acksPerSecond} a second`],
    ['refused', `${v.refused} (${list(v.refusals)})`],
    ['unknown outcome', v.unknown],
    ['submitted again', v.resubmitted],
    ['receipts', `${v.receipted} in ${v.seconds.toFixed(2)} s, ${v.receiptsPerSecond} a second`],
    ['states', list(v.states)],
    ['lost', v.lost],
    ['duplicated', v.duplicated],
    ['of unknown outcome', v.receiptsOfUnknown],
    ['foreign', v.foreign],
    ['misaddressed', v.misaddressed],
    ['messages received', v.mos],
    ['reconnects', v.reconnects],
    ['to acknowledgement', times(v.toAck)],
    ['to receipt', times(v.toReceipt)],
    ['verdict', v.clean ? 'clean' : 'NOT clean'],
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(20)} ${value}`).join('\n');
  return v.breaches.length === 0 ? table : `${table}\n\n${formatBreaches(v.breaches)}`;
}
