import { codeName } from './code-names.ts';
import type { Figure } from './figures.ts';
import type { Lab, LabCarrier } from './lab.ts';
import type { Chart, Fact, ReportPart, RunReport } from './report/run-report.ts';
import { distributionOf } from './times.ts';

/** What the carriers of a lab saw and did so far. */
export function labReport(lab: Lab): RunReport {
  lab.take();
  const { carriers, startedAt } = lab;
  const title = carriers.length === 1 ? `Carrier ${carriers[0]!.name}` : `Lab of ${carriers.length} carriers`;
  return { title, startedAt, seconds: lab.seconds(), verdict: undefined, parts: carriers.map(partOf) };
}

function partOf(one: LabCarrier): ReportPart {
  const { name, protocol, carrier, figures } = one;
  const { points, times } = figures;
  return {
    name,
    imitates: one.scenario?.imitates ?? '',
    facts: factsOf(one),
    counts: countsOf(one),
    times: points.map((p) => p.at),
    charts: chartsOf(points),
    distributions: [
      distributionOf('submit to answer', times.answer),
      distributionOf('submit to report', times.report),
      distributionOf('report to its answer', times.acknowledgement),
    ],
    tallies: [
      { title: 'States', of: 'reports sent', rows: sorted(carrier.books.states, (word) => word) },
      {
        title: 'Errors by code',
        of: 'submits refused',
        rows: sorted(carrier.books.codes, (c) => codeName(protocol, c)),
      },
    ],
  };
}

function factsOf({ protocol, host, carrier, accounts, figures, scenario }: LabCarrier): Fact[] {
  return [
    ['protocol', protocol.toUpperCase()],
    ['listens on', `${host}:${carrier.port}`],
    ['accounts', accounts.join(', ')],
    ['scenario', scenario?.name ?? 'none'],
    ['seed', String(carrier.behaviour.seed)],
    ...clockOf(scenario),
    ...(figures.step === 1 ? [] : [['a point stands for', `${figures.step} s`] as const]),
  ];
}

/** Latencies are told in the carrier's own time, rates in real time. */
function clockOf(scenario: LabCarrier['scenario']): Fact[] {
  const { mode = 'real', speed = 1 } = scenario?.clock ?? {};
  if (mode === 'real') return [];
  return [['clock', mode === 'virtual' ? 'virtual: latencies are in its time' : `${speed} times as fast as real time`]];
}

/** Always told; what is left out here is told where it is not 0. */
const ALWAYS = new Set(['submits', 'accepted', 'refused', 'reports', 'reportsAnswered']);
const COUNTS = {
  connections: 'connections',
  binds: 'logins',
  bindsRefused: 'logins refused',
  submits: 'submits',
  messages: 'messages',
  accepted: 'accepted',
  refused: 'refused',
  throttled: 'refused as too fast',
  answered: 'answers',
  silent: 'never answered',
  spoilt: 'answers spoilt',
  reports: 'reports sent',
  reportsAnswered: 'reports answered',
  reportsRefused: 'reports refused',
  reportsRepeated: 'reports repeated',
  reportsWithheld: 'reports withheld',
  reportsDuplicated: 'reports doubled',
  mos: 'MO sent',
  mosAnswered: 'MO answered',
  probes: 'signs of life asked',
  queries: 'queries',
  cancels: 'cancels',
  disconnects: 'connections cut',
  malformed: 'frames unreadable',
  stray: 'stray answers',
  wrongEcho: 'wrong id in answers',
  windowPeak: 'most unanswered',
} as const;

function countsOf({ carrier }: LabCarrier): Fact[] {
  const { counts, mode, repeats, incomplete } = carrier.books;
  const told = (Object.keys(COUNTS) as (keyof typeof COUNTS)[])
    .filter((key) => counts[key] > 0 || ALWAYS.has(key))
    .map((key): Fact => [COUNTS[key], counts[key]]);
  if (mode !== 'nothing') told.push(['parts that came again', repeats]);
  if (mode === 'messages') told.push(['messages not whole', incomplete]);
  return told;
}

function chartsOf(points: readonly Figure[]): Chart[] {
  const line = (name: string, key: keyof Figure) => ({ name, values: points.map((p) => p[key]) });
  const charts: Chart[] = [
    {
      title: 'Throughput',
      unit: 'per second',
      lines: [
        line('submits', 'submits'),
        line('answers', 'answers'),
        line('reports', 'reports'),
        line('MO', 'mos'),
        line('refused', 'refused'),
      ],
    },
    {
      title: 'Open at the end of each second',
      unit: 'messages',
      lines: [
        line('submits not answered', 'unanswered'),
        line('reports not answered', 'inFlight'),
        line('reports that wait for a session', 'waiting'),
      ],
    },
    { title: 'Sessions', unit: 'sessions', lines: [line('logged in', 'sessions')] },
    {
      title: 'Submit to answer',
      unit: 'ms',
      lines: [line('p50', 'answerP50'), line('p99', 'answerP99'), line('max', 'answerMax')],
    },
    { title: 'Submit to report', unit: 'ms', lines: [line('p50', 'reportP50'), line('p99', 'reportP99')] },
  ];
  // What never happened needs no picture.
  return charts
    .map((chart) => ({ ...chart, lines: chart.lines.filter(({ values }) => values.some((v) => v !== null && v > 0)) }))
    .filter(({ lines }) => lines.length > 0);
}

function sorted<K>(counts: ReadonlyMap<K, number>, nameOf: (key: K) => string): { name: string; count: number }[] {
  return [...counts].map(([key, count]) => ({ name: nameOf(key), count })).sort((a, b) => b.count - a.count);
}
