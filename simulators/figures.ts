import type { RecordableHistogram } from 'node:perf_hooks';
import type { Carrier } from './carrier.ts';
import { countIn, createOctaves, createTimes, type Octaves, record } from './times.ts';

/** What a carrier does in a second: rates a second, and how things stood at its end. */
interface Rates {
  readonly submits: number;
  readonly answers: number;
  readonly refused: number;
  readonly reports: number;
  readonly reportsAnswered: number;
  readonly mos: number;
}

/** A point of a carrier's history. Times in milliseconds; null where nothing was timed. */
export interface Figure extends Rates {
  /** Seconds since the start, at the end of what it stands for. */
  readonly at: number;
  readonly sessions: number;
  readonly unanswered: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly answerP50: number | null;
  readonly answerP99: number | null;
  readonly answerMax: number | null;
  readonly reportP50: number | null;
  readonly reportP99: number | null;
}

/** How long things took over the whole run, in microseconds; see `Stopwatch`. */
export interface Times {
  readonly answer: RecordableHistogram;
  readonly report: RecordableHistogram;
  readonly acknowledgement: RecordableHistogram;
}

/** The same in edges, see `Octaves`. */
type InOctaves = { readonly [K in keyof Times]: Octaves };

export interface Figures {
  /** Oldest first; bounded, see `step`. The last one may still grow. */
  readonly points: readonly Figure[];
  /** Of the last second; undefined before there was one. */
  readonly now: Figure | undefined;
  /** Seconds that a point stands for: 1, and twice as many each time the room is full. */
  readonly step: number;
  /** As of the last point. */
  readonly times: Times;
  readonly octaves: InOctaves;
  /** To be called once a second, with the seconds since the start: makes a figure of what was counted since the last. */
  take(at: number): void;
}

/** Two hours of seconds. Even: points are joined by pairs. */
const ROOM = 7200;

/** Takes figures of a carrier: what its books count, and times by a stopwatch of its own. `room`: most points kept. */
export function createFigures(carrier: Carrier, room = ROOM): Figures {
  const { counts } = carrier.books;
  const times: Times = { answer: createTimes(), report: createTimes(), acknowledgement: createTimes() };
  const octaves: InOctaves = {
    answer: createOctaves(),
    report: createOctaves(),
    acknowledgement: createOctaves(),
  };
  // Of the point that is to come.
  const answer = createTimes();
  const report = createTimes();
  let points: Figure[] = [];
  let now: Figure | undefined;
  let step = 1;
  /** Figures that the last point is made of. */
  let inLast = 1;
  let before = { ...counts };
  let lastAt = 0;

  carrier.time({
    answered(ms) {
      record(answer, ms);
      countIn(octaves.answer, ms);
    },
    reported(ms) {
      record(report, ms);
      countIn(octaves.report, ms);
    },
    acknowledged(ms) {
      record(times.acknowledgement, ms);
      countIn(octaves.acknowledgement, ms);
    },
  });

  return {
    get points() {
      return points;
    },
    get step() {
      return step;
    },
    get now() {
      return now;
    },
    times,
    octaves,
    take(at) {
      // A figure may be late: it stands for the time that really went by.
      const seconds = at - lastAt;
      if (!(seconds > 0)) return;
      const rate = (name: keyof typeof counts): number => (counts[name] - before[name]) / seconds;
      const { sessions, unanswered, inFlight, waiting } = carrier.standing();
      const share = (h: RecordableHistogram, percentile: number): number | null =>
        h.count === 0 ? null : h.percentile(percentile) / 1000;
      now = {
        at,
        submits: rate('submits'),
        answers: rate('answered'),
        refused: rate('refused'),
        reports: rate('reports'),
        reportsAnswered: rate('reportsAnswered'),
        mos: rate('mos'),
        sessions,
        unanswered,
        inFlight,
        waiting,
        answerP50: share(answer, 50),
        answerP99: share(answer, 99),
        answerMax: share(answer, 100),
        reportP50: share(report, 50),
        reportP99: share(report, 99),
      };
      if (points.length === 0 || inLast === step) {
        points.push(now);
        inLast = 1;
      } else {
        const last = points.pop()!;
        points.push(together(last, now, points.at(-1)?.at ?? 0));
        inLast++;
      }
      times.answer.add(answer);
      times.report.add(report);
      answer.reset();
      report.reset();
      before = { ...counts };
      lastAt = at;
      if (points.length < room || inLast < step) return;
      points = points.flatMap((p, k) =>
        k % 2 === 0 ? [] : [together(points[k - 1]!, p, k === 1 ? 0 : points[k - 2]!.at)],
      );
      step *= 2;
      inLast = step;
    },
  };
}

const RATES = ['submits', 'answers', 'refused', 'reports', 'reportsAnswered', 'mos'] as const;
const MOST = [
  ...(['sessions', 'unanswered', 'inFlight', 'waiting'] as const),
  ...(['answerP50', 'answerP99', 'answerMax', 'reportP50', 'reportP99'] as const),
];

/** Two that follow each other as one: rates are averaged over their times, of all else the greater is kept. */
function together(a: Figure, b: Figure, startedAt: number): Figure {
  const one: Record<string, number | null> = { at: b.at };
  for (const name of RATES) {
    one[name] = (a[name] * (a.at - startedAt) + b[name] * (b.at - a.at)) / (b.at - startedAt);
  }
  for (const name of MOST) {
    const most = Math.max(a[name] ?? -1, b[name] ?? -1);
    one[name] = most < 0 ? null : most;
  }
  return one as unknown as Figure;
}
