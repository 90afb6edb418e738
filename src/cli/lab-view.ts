import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { codeName } from '../../simulators/code-names.ts';
import type { Figure } from '../../simulators/figures.ts';
import type { Lab, LabCarrier } from '../../simulators/lab.ts';
import { milliseconds, share, whole } from '../../simulators/report/format.ts';
import { type Distribution, distributionOf } from '../../simulators/times.ts';

export interface LabView {
  /** Shows how things are now. */
  draw(): void;
  /** Leaves the last picture where it is. */
  end(): void;
}

/** `picture`: painted in place, where standard output is a terminal; else a line for each carrier at which something came. */
export function createLabView(lab: Lab, picture: boolean): LabView {
  const { stdout } = process;
  if (!picture || !stdout.isTTY) return createLines(lab);
  const screen = createLogUpdate(stdout, { showCursor: true });
  const draw = (): void => {
    screen(labPicture(lab, stdout.columns || 80, stdout.rows || 24, pc.isColorSupported));
  };
  stdout.on('resize', draw);
  draw();
  return {
    draw,
    end() {
      stdout.off('resize', draw);
      draw();
      screen.done();
    },
  };
}

function createLines(lab: Lab): LabView {
  const before = new Map<LabCarrier, string>();
  return {
    draw() {
      for (const one of lab.carriers) {
        const line = lineOf(one);
        if (line === before.get(one)) continue;
        before.set(one, line);
        process.stdout.write(line);
      }
    },
    end: () => undefined,
  };
}

function lineOf({ name, carrier, figures }: LabCarrier): string {
  const { submits, refused, reports } = carrier.books.counts;
  const now = figures.now;
  const rate = now === undefined ? '' : ` (${whole(now.submits)} a second)`;
  const { sessions } = carrier;
  const many = sessions === 1 ? 'session' : 'sessions';
  return `${name}: ${whole(submits)} submits${rate}, ${whole(refused)} refused, ${whole(reports)} reports, ${whole(sessions)} ${many}\n`;
}

// -- The picture -------------------------------------------------------------------------------------------------

/** Columns from which more is told. */
const WIDE = 110;

type Paint = (text: string) => string;
/** Text in a row, each piece with its colour. */
type Row = readonly (readonly [text: string, paint?: Paint | undefined])[];
type Colours = ReturnType<typeof pc.createColors>;

/** A lab in so many columns and rows: a block for each carrier, or a line for each where blocks find no room. */
export function labPicture(lab: Lab, columns: number, rows: number, colour: boolean): string {
  const colours = pc.createColors(colour);
  const blocks = lab.carriers.map((one) => block(one, lab.seconds(), columns, colours));
  const room = rows - 1;
  const height = blocks.reduce((n, b) => n + b.length + 1, -1);
  const all =
    height <= room
      ? blocks.flatMap((b, k) => (k === 0 ? b : [[], ...b]))
      : [headOf(lab, colours), ...lab.carriers.map((one) => summary(one, columns, colours))];
  const shown = all.length <= room ? all : [...all.slice(0, room - 1), moreThan(all.length - room + 1, colours)];
  return shown.map((row) => painted(row, columns)).join('\n');
}

const moreThan = (hidden: number, { dim }: Colours): Row => [[`… and ${hidden} more; make the window taller`, dim]];

function block(one: LabCarrier, seconds: number, columns: number, c: Colours): Row[] {
  const { name, protocol, carrier, figures, scenario } = one;
  const { counts, states, codes } = carrier.books;
  const { sessions, unanswered, inFlight, waiting } = carrier.standing();
  const { points, times } = figures;
  const { now } = figures;
  const graph = Math.max(8, Math.min(60, columns - 69));
  const rate = (title: string, key: 'submits' | 'reports' | 'refused', total: number, paint: Paint, more: Row): Row => [
    [` ${title.padEnd(8)}`, c.dim],
    [`${whole(now?.[key] ?? 0).padStart(8)}/s `],
    [
      sparkline(
        points.map((p) => p[key]),
        graph,
      ),
      paint,
    ],
    [` ${whole(total).padStart(11)}`],
    [' in all  ', c.dim],
    ...more,
  ];
  const code = (n: number): string =>
    columns < WIDE ? codeName(protocol, n).split(' ', 1)[0]! : codeName(protocol, n);
  return [
    [
      [name, c.bold],
      [`  ${protocol.toUpperCase()}`],
      [`  ${whole(sessions)} ${sessions === 1 ? 'session' : 'sessions'}`, sessions === 0 ? c.yellow : undefined],
      ...(scenario === undefined ? [] : [[`  ${scenario.name}`, c.magenta] as const]),
      [`  seed ${carrier.behaviour.seed}  ${clock(seconds)}`, c.dim],
    ],
    rate('submits', 'submits', counts.submits, c.cyan, [
      [`open ${whole(unanswered)}`],
      [` most ${whole(counts.windowPeak)}`, c.dim],
    ]),
    rate('reports', 'reports', counts.reports, c.green, [
      [`open ${whole(inFlight)}`],
      [` waiting ${whole(waiting)}`, waiting > 0 ? c.yellow : c.dim],
    ]),
    rate('refused', 'refused', counts.refused, c.red, [[tally(codes, code, 2), c.red]]),
    [[' states  ', c.dim], [tally(states, (word) => word, columns < WIDE ? 3 : 6)]],
    latency('answer', distributionOf('', times.answer), now, 'answerP50', 'answerP99', columns, c),
    latency('report', distributionOf('', times.report), now, 'reportP50', 'reportP99', columns, c),
  ];
}

function latency(
  title: string,
  run: Distribution,
  now: Figure | undefined,
  p50: keyof Figure,
  p99: keyof Figure,
  columns: number,
  c: Colours,
): Row {
  const of = (ms: number | null | undefined): string => (ms === null || ms === undefined ? '-' : milliseconds(ms));
  const wide = columns >= WIDE;
  const all = (ms: number): string => (run.count === 0 ? '-' : milliseconds(ms)).padEnd(7);
  return [
    [` ${title.padEnd(8)}`, c.dim],
    ['now p50 ', c.dim],
    [of(now?.[p50]).padEnd(7)],
    [' p99 ', c.dim],
    [of(now?.[p99]).padEnd(7)],
    ['  all p50 ', c.dim],
    [all(run.p50)],
    ...(wide ? ([[' p90 ', c.dim], [all(run.p90)]] as const) : []),
    [' p99 ', c.dim],
    [all(run.p99)],
    ...(wide ? ([[' p99.9 ', c.dim], [all(run.p999)]] as const) : []),
    [' max ', c.dim],
    [all(run.max)],
  ];
}

const headOf = (lab: Lab, { dim }: Colours): Row => [
  [
    `${'carrier'.padEnd(16)}${'sessions'.padStart(9)}${'submits/s'.padStart(11)}${'reports/s'.padStart(11)}${'refused/s'.padStart(11)}${'p99'.padStart(9)}`,
    dim,
  ],
  [`  ${clock(lab.seconds())}`, dim],
];

function summary({ name, carrier, figures }: LabCarrier, columns: number, c: Colours): Row {
  const now = figures.now;
  const p99 = now?.answerP99 ?? null;
  return [
    [name.padEnd(16), c.bold],
    [whole(carrier.sessions).padStart(9)],
    [whole(now?.submits ?? 0).padStart(11)],
    [whole(now?.reports ?? 0).padStart(11)],
    [whole(now?.refused ?? 0).padStart(11), (now?.refused ?? 0) > 0 ? c.red : undefined],
    [(p99 === null ? '-' : milliseconds(p99)).padStart(9)],
    ['  '],
    [
      sparkline(
        figures.points.map((p) => p.submits),
        Math.max(4, columns - 72),
      ),
      c.cyan,
    ],
  ];
}

/** The most frequent ones with their shares. */
function tally<K>(counts: ReadonlyMap<K, number>, nameOf: (key: K) => string, most: number): string {
  const all = [...counts].sort((a, b) => b[1] - a[1]);
  const sum = all.reduce((n, [, count]) => n + count, 0);
  const shown = all.slice(0, most).map(([key, count]) => `${nameOf(key)} ${share(count, sum)}`);
  if (all.length > most) shown.push(`${all.length - most} more`);
  return shown.join(', ');
}

const BARS = ' ▁▂▃▄▅▆▇█';

/** The newest values from left to right, the highest of them a full block, and no block where there was nothing. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(...shown, 0);
  const bars = shown.map((v) => (v <= 0 ? ' ' : BARS[Math.max(1, Math.round((v / most) * 8))]!));
  return bars.join('').padStart(width);
}

function clock(seconds: number): string {
  const s = Math.floor(seconds);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** Cut at the last column, before colours make its length unknown. */
function painted(row: Row, columns: number): string {
  let left = columns;
  let text = '';
  for (const [piece, paint] of row) {
    const shown = piece.slice(0, left);
    left -= shown.length;
    text += paint === undefined ? shown : paint(shown);
    if (left === 0) break;
  }
  return text;
}
