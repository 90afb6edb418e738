import type { LoadFigure, LoadFigures } from './load-figures.ts';
import type { Chart, Fact, RunReport, RunVerdict } from './report/run-report.ts';
import { distributionOf } from './times.ts';
import type { Verdict } from './verdict.ts';

export interface LoadReportOptions {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** What a reader needs to run it again. */
  readonly facts: readonly Fact[];
  /** The loop was open: latency counts from when a message was due. */
  readonly openLoop: boolean;
}

/** What a load saw, and whether all promises were kept. */
export function loadReport(verdict: Verdict, figures: LoadFigures, options: LoadReportOptions): RunReport {
  const { points, step, times } = figures;
  const from = options.openLoop ? 'due' : 'submit';
  const rows = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count);
  return {
    title: `Load of ${verdict.messages} messages`,
    startedAt: options.startedAt,
    seconds: verdict.seconds,
    verdict: runVerdict(verdict),
    parts: [
      {
        name: 'Platform',
        imitates: '',
        facts: [...options.facts, ...(step === 1 ? [] : [['a point stands for', `${step} s`] as const])],
        counts: countsOf(verdict),
        times: points.map((p) => p.at),
        charts: chartsOf(points, from),
        distributions: [
          distributionOf(`${from} to answer`, times.answer),
          distributionOf(`${from} to receipt`, times.receipt),
        ],
        tallies: [
          { title: 'Final states', of: 'receipts', rows: rows(verdict.states) },
          { title: 'Errors by code', of: 'submits refused', rows: rows(verdict.refusals) },
        ],
      },
    ],
  };
}

/** What is looked at in every load; further breaches follow. */
const CHECKS: readonly (readonly [kind: string, promise: string])[] = [
  ['unanswered', 'every submit was answered'],
  ['lost', 'every accepted part has its final receipt'],
  ['duplicated', 'no final receipt came twice'],
  ['foreign', 'every receipt is of a message of ours'],
  ['misaddressed', 'every receipt came from the number of its message'],
];

function runVerdict({ breaches, clean, acked, parts }: Verdict): RunVerdict {
  const detailOf = (kind: string): string | undefined => {
    const breach = breaches.find((b) => b.kind === kind);
    if (breach === undefined) return undefined;
    const named = breach.offenders
      .slice(0, 3)
      .map(({ number, what }) => (number === undefined ? what : `${number}: ${what}`));
    return `${breach.count} (${named.join('; ')}${breach.count > named.length ? '; …' : ''})`;
  };
  const usual = CHECKS.map(([kind, promise]) => {
    const detail = detailOf(kind);
    return { name: kind, passed: detail === undefined, detail: detail ?? promise };
  });
  const further = breaches
    .filter(({ kind }) => !CHECKS.some(([known]) => known === kind))
    .map(({ kind }) => ({ name: kind, passed: false, detail: detailOf(kind)! }));
  const kept = breaches.length === 0;
  let words = kept
    ? 'All promises were kept.'
    : `${breaches.length === 1 ? '1 promise was' : `${breaches.length} promises were`} not kept.`;
  if (kept && !clean) words += ` Accepted were ${acked} of ${parts} parts.`;
  return { passed: kept, words, checks: [...usual, ...further] };
}

function countsOf(v: Verdict): Fact[] {
  const further: Fact[] = [
    ['unknown outcome', v.unknown],
    ['never submitted', v.unsent],
    ['submitted again', v.resubmitted],
    ['answered late', v.late],
    ['lost', v.lost],
    ['duplicated', v.duplicated],
    ['of unknown outcome', v.receiptsOfUnknown],
    ['foreign', v.foreign],
    ['misaddressed', v.misaddressed],
    ['intermediate receipts', v.intermediate],
    ['unreadable', v.unreadable],
    ['messages received', v.mos],
    ['reconnects', v.reconnects],
  ];
  return [
    ['messages', v.messages],
    ['parts', v.parts],
    ['submits', v.submits],
    ['accepted', v.acked],
    ['refused', v.refused],
    ['final receipts', v.receipted],
    ['answers a second', v.acksPerSecond],
    ['receipts a second', v.receiptsPerSecond],
    ...further.filter(([, value]) => value !== 0),
  ];
}

function chartsOf(points: readonly LoadFigure[], from: string): Chart[] {
  /** Each point stands for the time since the last. */
  const rate = (name: string, of: (p: LoadFigure) => number) => ({
    name,
    values: points.map((p, k) => {
      const seconds = p.at - (points[k - 1]?.at ?? 0);
      return seconds > 0 ? of(p) / seconds : null;
    }),
  });
  const line = (name: string, of: (p: LoadFigure) => number | null) => ({ name, values: points.map(of) });
  const states = [...new Set(points.flatMap((p) => Object.keys(p.states)))].sort();
  const charts: Chart[] = [
    {
      title: 'Throughput',
      unit: 'per second',
      lines: [
        rate('submits', (p) => p.submitted),
        rate('accepted', (p) => p.acked),
        rate('refused', (p) => p.refused),
        rate('final receipts', (p) => p.receipts),
      ],
    },
    {
      title: `From ${from} to answer`,
      unit: 'ms',
      lines: [line('p50', (p) => p.answerP50), line('p99', (p) => p.answerP99), line('max', (p) => p.answerMax)],
    },
    {
      title: `From ${from} to receipt`,
      unit: 'ms',
      lines: [line('p50', (p) => p.receiptP50), line('p99', (p) => p.receiptP99)],
    },
    {
      title: 'Final states',
      unit: 'per second',
      lines: states.map((state) => rate(state, (p) => p.states[state] ?? 0)),
    },
  ];
  // What never happened needs no picture.
  return charts
    .map((chart) => ({ ...chart, lines: chart.lines.filter(({ values }) => values.some((v) => v !== null && v > 0)) }))
    .filter(({ lines }) => lines.length > 0);
}
