import type { Finding, Outcome } from '../check.ts';
import { writeFrame } from '../frame.ts';
import type { Account } from '../tongue.ts';
import { type Came, type Hall, type Link, openHall } from './hall.ts';
import { JUDGEMENTS, type JudgementName, sectionOf } from './judgements.ts';
import type { Voice } from './voice.ts';

export interface JudgeOptions {
  readonly host?: string;
  readonly port: number;
  readonly account: Account;
  readonly voice: (version: number) => Voice;
  readonly version: number;
  /** Longest that it takes, in ms. */
  readonly forMs: number;
  /** How long an answer may take. */
  readonly within: number;
  /** Most open submits; default: what the protocol says. */
  readonly window?: number;
}

/** A carrier that judges the client that comes to it. */
export interface Judge {
  readonly port: number;
  /** Resolves when all has been tried, or the time is over. */
  readonly findings: Promise<readonly Finding[]>;
}

/** Answers to the first submits are held back so long, to see how many come. */
const HOLD_MS = 500;
/** Submits are throttled so long. */
const THROTTLE_MS = 500;
/** A message that is back sooner has not waited at all. */
const AT_ONCE_MS = 20;
/** After the cut, connections end at their login for so long; and the most that a client may try meanwhile. */
const KNOCK_MS = 1500;
const MOST_KNOCKS = 20;
const UNKNOWN_COMMAND = 0x7777;

const MOST_KNOWN = 100_000;

/** A message, by its text and numbers. */
const nameOf = ({ seen }: Came): string => `${seen.to.join()} ${Buffer.from(seen.content).toString('hex')}`;

interface Mark {
  outcome: Outcome;
  came: string;
  exchange: readonly string[];
}

/** Waits for a client, and judges it by watching and provoking. */
export async function startJudge(options: JudgeOptions): Promise<Judge> {
  const marks = new Map<JudgementName, Mark>();
  const waiting = new Set<() => void>();
  const started = performance.now();
  const end = started + options.forMs;
  const window = options.window ?? options.voice(options.version).window;

  const pass = (name: JudgementName): void => {
    if (!marks.has(name)) marks.set(name, { outcome: 'pass', came: '', exchange: [] });
  };
  const fail = (name: JudgementName, why: string, link: Link | undefined): void => {
    if (marks.get(name)?.outcome !== 'fail') {
      marks.set(name, { outcome: 'fail', came: why, exchange: [...(link?.lines ?? [])] });
    }
  };

  // -- What is done with submits, and with logins ----------------------------------------------------------------

  let onSubmit = (came: Came): void => take(came);
  let admit = (): boolean => true;
  let ids = 0;
  /** Accepted, and a report was asked for and is not sent yet. */
  const reportable: { readonly came: Came; readonly id: string }[] = [];
  let lastAccepted: Came | undefined;
  /** Messages that came before: one with the same text to the same number tells nothing of repetitions. */
  const known = new Set<string>();

  function take(came: Came): void {
    const id = came.link.voice.id(++ids, came.frame);
    hall.answer(came, 0, id);
    lastAccepted = came;
    if (known.size < MOST_KNOWN) known.add(nameOf(came));
    if (came.seen.wantsReport) reportable.push({ came, id });
  }

  const hall: Hall = await openHall(
    {
      host: options.host ?? '127.0.0.1',
      port: options.port,
      account: options.account,
      voice: options.voice,
      version: options.version,
      within: options.within,
      window,
    },
    {
      pass,
      fail,
      admit: () => admit(),
      onSubmit: (came) => onSubmit(came),
      onChange: () => {
        for (const look of [...waiting]) look();
      },
    },
  );

  // -- Waiting -----------------------------------------------------------------------------------------------------

  /** Until `find` finds something; undefined when that takes longer, or all is over. */
  function until<T>(find: () => T | undefined, ms: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const done = (found: T | undefined): void => {
        clearTimeout(late);
        waiting.delete(look);
        resolve(found);
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) done(found);
      };
      const late = setTimeout(() => done(undefined), Math.max(0, Math.min(ms, end - performance.now())));
      waiting.add(look);
      look();
    });
  }
  const pause = (ms: number): Promise<unknown> => until(() => undefined, ms);

  const bound = (): Link | undefined => hall.links.find((l) => l.bound && !l.wire.closed);
  const ear = (): Link | undefined => hall.links.find((l) => l.bound && !l.wire.closed && l.login?.receives === true);

  // -- Provocations ------------------------------------------------------------------------------------------------

  /** The first submits wait for their answers, which then come last first. */
  async function holdAnswers(): Promise<void> {
    const held: Came[] = [];
    onSubmit = (came) => void held.push(came);
    if ((await until(() => held[0], options.forMs)) === undefined) return;
    await pause(HOLD_MS);
    onSubmit = take;
    const several = held.length > 1;
    for (const came of held.reverse()) take(came);
    if (!several) return;
    const alive = await until(bound, options.within);
    await pause(50);
    if (alive === undefined || alive.wire.closed) fail('answers-out-of-order', 'the connection ended', held[0]?.link);
    else pass('answers-out-of-order');
  }

  /** A report that has not been sent yet, for a link that takes it. */
  async function nextReport(): Promise<{ link: Link; came: Came; id: string } | undefined> {
    const next = await until(() => reportable[0], options.within);
    const link = await until(ear, options.within);
    if (next === undefined || link === undefined) return undefined;
    reportable.shift();
    return { link, ...next };
  }

  async function judged(name: JudgementName, link: Link, request: Buffer, split = false): Promise<boolean> {
    const answer = await hall.ask(link, request, split);
    if (answer === undefined) {
      fail(name, link.wire.closed ? 'the connection ended' : `no answer within ${options.within} ms`, link);
      return false;
    }
    const fault = link.voice.answerFault(request, answer);
    if (fault === '') pass(name);
    else fail(name, fault, link);
    return fault === '';
  }

  async function probe(): Promise<void> {
    const link = bound();
    if (link === undefined) return;
    const command = link.voice.tongue.commands.probe;
    if (command === undefined) return;
    const answer = await hall.ask(link, writeFrame(link.voice.tongue.header, command, hall.sequence(link)));
    if (answer === undefined) fail('probe-answered', 'no answer in time', link);
    else pass('probe-answered');
  }

  async function reports(): Promise<void> {
    for (const name of ['report-answered', 'report-split', 'report-duplicate'] as const) {
      const next = await nextReport();
      if (next === undefined) return;
      const { link, came, id } = next;
      const request = (): Buffer => link.voice.report(hall.sequence(link), id, came.seen);
      const good = await judged(name, link, request(), name === 'report-split');
      if (good && name === 'report-duplicate') await judged(name, link, request());
    }
    const first = await nextReport();
    if (first === undefined) return;
    const { link, came, id } = first;
    const glued = [1, 2, 3].map(() => link.voice.report(hall.sequence(link), id, came.seen));
    const answers = glued.map((request) => hall.expect(link, request));
    link.wire.send(...glued);
    const missing = (await Promise.all(answers)).filter((answer) => answer === undefined).length;
    if (missing === 0) pass('report-glued');
    else fail('report-glued', `${missing} of ${glued.length} were not answered`, link);
  }

  /** Still there: a sign of life, or a report on nothing known is answered with whatever code. */
  async function alive(link: Link): Promise<boolean> {
    const { voice } = link;
    const { tongue } = voice;
    // Who gives no sign of life is not to fail for that again.
    const command = marks.get('probe-answered')?.outcome === 'pass' ? tongue.commands.probe : undefined;
    const request =
      command === undefined ? unknownReport(link) : writeFrame(tongue.header, command, hall.sequence(link));
    return (await hall.ask(link, request)) !== undefined;
  }

  function unknownReport(link: Link): Buffer {
    const { voice } = link;
    const nothing = writeFrame(voice.tongue.header, 0, hall.sequence(link));
    const frame = { octets: nothing, command: 0, status: 0, sequence: '', body: nothing };
    return voice.report(hall.sequence(link), voice.id(0x7fff, frame), {
      from: lastAccepted?.seen.from ?? '10690000',
      to: lastAccepted?.seen.to ?? ['8613800000001'],
      wantsReport: true,
      udhi: false,
      content: Buffer.alloc(0),
      fault: '',
    });
  }

  async function strange(): Promise<void> {
    const link = await until(ear, options.within);
    if (link === undefined) return;
    const { voice } = link;
    if ((await hall.ask(link, unknownReport(link))) === undefined) fail('report-unknown', 'no answer', link);
    else if (link.wire.closed) fail('report-unknown', 'the connection ended', link);
    else pass('report-unknown');

    const again = await until(ear, options.within);
    if (again === undefined) return;
    const seen = lastAccepted?.seen;
    await judged(
      'mo-answered',
      again,
      voice.mo(hall.sequence(again), seen?.to[0] ?? '8613800000001', seen?.from ?? '10690000'),
    );

    const third = await until(ear, options.within);
    if (third === undefined || lastAccepted === undefined) return;
    const stray = { ...lastAccepted.frame, sequence: hall.sequence(third) };
    third.wire.send(
      third.voice.submitAnswer(stray, 0, third.voice.id(0x7ffe, stray)),
      third.voice.submitAnswer(lastAccepted.frame, 0, third.voice.id(0x7ffd, lastAccepted.frame)),
    );
    if (await alive(third)) pass('stray-answers');
    else fail('stray-answers', 'the session works no more', third);

    const fourth = await until(ear, options.within);
    if (fourth === undefined) return;
    const { tongue } = fourth.voice;
    const unknown = writeFrame(tongue.header, UNKNOWN_COMMAND, hall.sequence(fourth), Buffer.alloc(8));
    void hall.ask(fourth, unknown);
    // It may end the connection; then it must come back.
    if ((await alive(fourth)) || (fourth.wire.closed && (await until(ear, options.within)) !== undefined)) {
      pass('unknown-command');
    } else fail('unknown-command', 'the session works no more, and no other came', fourth);
  }

  /** Every submit is told to come later, for a while. */
  async function throttle(): Promise<void> {
    const told = new Map<string, number>();
    let atOnce = 0;
    let back = false;
    onSubmit = (came) => {
      const name = nameOf(came);
      const before = told.get(name);
      if (before !== undefined && came.at - before < AT_ONCE_MS) atOnce++;
      hall.answer(came, came.link.voice.throttled, '');
      if (!known.has(name)) told.set(name, performance.now());
    };
    const first = await until(() => (told.size > 0 ? true : undefined), options.within);
    if (first !== undefined) await pause(THROTTLE_MS);
    onSubmit = (came) => {
      if (told.has(nameOf(came))) back = true;
      take(came);
    };
    if (first === undefined) return;
    if (atOnce > 0) fail('throttle-slows', `${atOnce} submits were back within ${AT_ONCE_MS} ms`, bound());
    else pass('throttle-slows');
    if ((await until(() => (back ? true : undefined), options.within)) !== undefined) pass('throttle-resent');
    onSubmit = take;
  }

  /** All connections are cut, and the next ones end at their login. */
  async function cut(): Promise<void> {
    const before = hall.links.length;
    admit = () => false;
    const last = bound();
    for (const { wire } of [...hall.links]) wire.socket.resetAndDestroy();
    const at = hall.count;
    const came = await until(() => (hall.count > at ? true : undefined), options.forMs);
    if (came === undefined) {
      fail('reconnects', 'it did not come back', last);
      return;
    }
    await pause(KNOCK_MS);
    const knocks = hall.count - at;
    admit = () => true;
    if (knocks > MOST_KNOCKS * Math.max(1, before)) fail('backoff', `${knocks} connections in ${KNOCK_MS} ms`, last);
    else pass('backoff');
    if ((await until(bound, options.forMs)) === undefined) fail('reconnects', 'it did not log in again', last);
    else pass('reconnects');
  }

  async function leave(): Promise<void> {
    const link = await until(bound, options.within);
    if (link === undefined) return;
    const { tongue } = link.voice;
    const answer = await hall.ask(link, writeFrame(tongue.header, tongue.commands.leave, hall.sequence(link)));
    if (answer === undefined) fail('leave-answered', link.wire.closed ? 'the connection ended' : 'no answer', link);
    else pass('leave-answered');
  }

  async function run(): Promise<readonly Finding[]> {
    await until(bound, options.forMs);
    for (const step of [holdAnswers, probe, reports, strange, throttle, cut, leave]) {
      if (performance.now() < end) await step();
    }
    await hall.stop();
    const { protocol } = options.voice(options.version).tongue;
    return JUDGEMENTS.map(({ name, expects, unless }) => {
      const mark = marks.get(name) ?? { outcome: 'n/a', came: unless, exchange: [] };
      return {
        name,
        section: sectionOf(protocol, name),
        expected: expects,
        ...mark,
        ms: Math.round(performance.now() - started),
      };
    });
  }

  return { port: hall.port, findings: run() };
}
