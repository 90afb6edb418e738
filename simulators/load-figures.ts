import type { RecordableHistogram } from 'node:perf_hooks';
import { createTimes, record } from './times.ts';

/** What a load saw in one step of time: counts of it, and percentiles of what ended in it, in milliseconds. */
export interface LoadFigure {
  /** Seconds since the load began, at its end. */
  readonly at: number;
  readonly submitted: number;
  readonly acked: number;
  readonly refused: number;
  readonly receipts: number;
  /** Null: nothing was answered in it. */
  readonly answerP50: number | null;
  readonly answerP99: number | null;
  readonly answerMax: number | null;
  readonly receiptP50: number | null;
  readonly receiptP99: number | null;
  /** Final receipts by state. */
  readonly states: Readonly<Record<string, number>>;
}

/**
 * A load over time, for plots. Latency is that of the verdict: from when a submit was due. The histograms are in
 * microseconds (HdrHistogram, three figures): `percentile(p)` of any p, or all of them by `percentiles`.
 */
export interface LoadFigures {
  /** Oldest first. Bounded: see `step`. */
  readonly points: readonly LoadFigure[];
  /** Seconds that a point stands for: 1, and twice as many each time the room is full. */
  readonly step: number;
  readonly times: { readonly answer: RecordableHistogram; readonly receipt: RecordableHistogram };
}

/** Figures with the pen. Times `at` are milliseconds of the load's clock, and do not fall. */
export interface FigureBook extends LoadFigures {
  /** The load begins. */
  begin(at: number): void;
  submitted(at: number): void;
  acked(at: number, ms: number): void;
  refused(at: number, ms: number): void;
  receipt(at: number, ms: number, state: string): void;
  /** What is open becomes the last point. */
  end(at: number): void;
}

/** An hour. */
const ROOM = 3600;
/** `room`: most points kept. */
export function createLoadFigures(room = ROOM): FigureBook {
  const times = { answer: createTimes(), receipt: createTimes() };
  // Of the point that is open.
  const answer = createTimes();
  const receipt = createTimes();
  let submitted = 0;
  let acked = 0;
  let refused = 0;
  let receipts = 0;
  let states: Record<string, number> = {};

  let points: LoadFigure[] = [];
  let step = 1;
  let startedAt = 0;
  /** When the open point ends. */
  let until = Number.POSITIVE_INFINITY;

  function close(end: number): void {
    points.push({
      at: (end - startedAt) / 1000,
      submitted,
      acked,
      refused,
      receipts,
      answerP50: percentile(answer, 50),
      answerP99: percentile(answer, 99),
      answerMax: answer.count === 0 ? null : answer.max / 1000,
      receiptP50: percentile(receipt, 50),
      receiptP99: percentile(receipt, 99),
      states,
    });
    if (answer.count > 0) times.answer.add(answer);
    if (receipt.count > 0) times.receipt.add(receipt);
    answer.reset();
    receipt.reset();
    submitted = 0;
    acked = 0;
    refused = 0;
    receipts = 0;
    states = {};
    if (points.length < room) return;
    points = halved(points);
    step *= 2;
  }

  function roll(at: number): void {
    while (at >= until) {
      close(until);
      until += step * 1000;
    }
  }

  return {
    get points() {
      return points;
    },
    get step() {
      return step;
    },
    times,
    begin(at) {
      startedAt = at;
      until = at + step * 1000;
    },
    submitted(at) {
      if (at >= until) roll(at);
      submitted++;
    },
    acked(at, ms) {
      if (at >= until) roll(at);
      acked++;
      record(answer, ms);
    },
    refused(at, ms) {
      if (at >= until) roll(at);
      refused++;
      record(answer, ms);
    },
    receipt(at, ms, state) {
      if (at >= until) roll(at);
      receipts++;
      states[state] = (states[state] ?? 0) + 1;
      record(receipt, ms);
    },
    end(at) {
      roll(at);
      if (submitted + acked + refused + receipts > 0) close(at);
      until = Number.POSITIVE_INFINITY;
    },
  };
}

const percentile = (h: RecordableHistogram, p: number): number | null =>
  h.count === 0 ? null : h.percentile(p) / 1000;

/** Two points become one. Percentiles of both together are not known: the worse stands for both. */
function halved(points: readonly LoadFigure[]): LoadFigure[] {
  const worse = (a: number | null, b: number | null): number | null =>
    a === null ? b : b === null ? a : Math.max(a, b);
  const half: LoadFigure[] = [];
  for (let k = 0; k < points.length; k += 2) {
    const [a, b] = [points[k]!, points[k + 1]];
    if (b === undefined) {
      half.push(a);
      continue;
    }
    const states: Record<string, number> = { ...a.states };
    for (const [state, n] of Object.entries(b.states)) states[state] = (states[state] ?? 0) + n;
    half.push({
      at: b.at,
      submitted: a.submitted + b.submitted,
      acked: a.acked + b.acked,
      refused: a.refused + b.refused,
      receipts: a.receipts + b.receipts,
      answerP50: worse(a.answerP50, b.answerP50),
      answerP99: worse(a.answerP99, b.answerP99),
      answerMax: worse(a.answerMax, b.answerMax),
      receiptP50: worse(a.receiptP50, b.receiptP50),
      receiptP99: worse(a.receiptP99, b.receiptP99),
      states,
    });
  }
  return half;
}
