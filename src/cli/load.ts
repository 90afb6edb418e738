import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Arrival, parseArrival } from '../../simulators/arrivals.ts';
import { listenForCalls } from '../../simulators/callback.ts';
import { type Expectation, parseExpectation } from '../../simulators/expectations.ts';
import type { LoadOptions, LoadText } from '../../simulators/load-options.ts';
import { loadReport } from '../../simulators/load-report.ts';
import { createMix, type MixPart, parseMix } from '../../simulators/mix.ts';
import { createNumberPlan } from '../../simulators/number-plan.ts';
import { createLoad } from '../../simulators/platform.ts';
import { type RecordedTraffic, readTraffic } from '../../simulators/recorded-traffic.ts';
import type { Fact } from '../../simulators/report/run-report.ts';
import { findScenario } from '../../simulators/scenario/library.ts';
import { expectationsOf } from '../../simulators/scenario-expectations.ts';
import { readTrace } from '../../simulators/trace-times.ts';
import { formatVerdict } from '../../simulators/verdict.ts';
import { systemClock } from '../base/clock.ts';
import { every } from '../base/timers.ts';
import { Complaint } from './complaint.ts';
import { collect, duration, portNumber, readLines, wholeNumber } from './options.ts';
import { reportWriter, writeReports } from './report-file.ts';

interface Flags extends Omit<LoadOptions, 'texts' | 'password' | 'callback' | 'numbers' | 'ordered'> {
  readonly listen?: number;
  readonly password?: string;
  readonly texts?: readonly string[];
  readonly mix?: readonly MixPart[];
  readonly replay?: RecordedTraffic;
  readonly numbers?: Readonly<Record<string, number>>;
  readonly magic?: Readonly<Record<string, number>>;
  readonly inOrder?: readonly string[];
  readonly expectScenario?: string;
  readonly report?: readonly string[];
  readonly json?: true;
}

const TEXT = 'Your code is 295671, valid for five minutes. Nobody will ever ask you for it.';
/** Generated texts: enough that no two neighbours are alike, and few enough to hold. */
const MIX_SIZE = 4096;

export function loadCommand(): Command {
  return new Command('load')
    .description(
      'submit many messages as a platform, and check every answer and receipt; exit code 1 when a promise was broken',
    )
    .option('--host <address>', 'the gateway', '127.0.0.1')
    .option('--port <n>', 'its port', portNumber, 2775)
    .addOption(
      new Option('--protocol <name>', 'what to speak').choices(['smpp', 'cmpp', 'sgip', 'smgp']).default('smpp'),
    )
    .option('--version <v>', 'cmpp 2.0 (default), 2.1, 3.0; smgp 3.0 (default), 1.3')
    .option('--system-id <id>', 'account: system_id, SP_Id, login name or ClientID', 'demo')
    .option('--password <text>', 'its password (default: $YIMA_PASSWORD, else demo)')
    .option('--listen <port>', 'sgip: where the gateway dials with receipts', portNumber)
    .option('--texts <file>', 'one text a line, sent in turn; several times for several files', collect)
    .option('--mix <parts>', 'generated texts, by weight: gsm7:20-160=5,ucs2:70=3,gbk:500=1,emoji:10=1,texts=2', mix)
    .option(
      '--replay <file>',
      'the traffic of a capture (yima scenario-from): its times, lengths, codings and numbers',
      replay,
    )
    .option('--count <n>', 'messages', wholeNumber, 10_000)
    .option('--rate <n>', 'submits a second; 0: as the windows allow', wholeNumber, 0)
    .option(
      '--arrival <law>',
      'open loop, in messages a second: constant:2000, poisson:2000, ramp:100-5000/60s, burst:500/10s, trace:file',
      arrival,
    )
    .option('--window <n>', 'most unanswered submits of a bind', wholeNumber, 100)
    .option('--binds <n>', 'connections', wholeNumber, 1)
    .option('--source <address>', 'source_addr', '10690000')
    .option('--first-number <n>', 'destination of the first message; the next goes to the next', wholeNumber)
    .option('--numbers <weights>', 'random ones by prefix or operator: china-mobile=6,china-unicom=2,4479=1', weights)
    .option('--magic <shares>', 'last digits of a share of the numbers: 0002=0.05,0005=0.01', weights)
    .option('--seed <n>', 'of all that is drawn', wholeNumber, 1)
    .addOption(new Option('--long <way>', 'how a long text is submitted').choices(['udh', 'payload']))
    .option('--no-receipts', 'ask for no receipts')
    .option('--resubmit', 'submit again what was cut off without an answer')
    .option('--retry-throttled', 'submit again what was refused as too fast')
    .option('--receipt-timeout <duration>', 'quiet time after which missing receipts are lost', duration, 10_000)
    .option('--response-timeout <duration>', 'after which an answer no longer counts', duration)
    .option(
      '--expect <number=outcome>',
      'what shall become of numbers: *0002=UNDELIVERABLE, *0009=refused, /7$/=none; several times, the last that fits holds',
      expectation,
    )
    .option(
      '--expect-scenario <name>',
      'what a scenario makes certain by number (name, or file); --expect comes over it',
    )
    .option('--in-order <what>', 'what is promised in order: answers, receipts, or both (answers,receipts)', order)
    .option('--expect-mos <n>', 'whole messages from handsets that shall come', wholeNumber)
    .option('--book <file>', 'write what was sent and received, for yima verdict')
    .option('--report <file>', 'write a report at the end: .html, .json or .txt; several times for several', collect)
    .option('--named <n>', 'offenders named of each kind', wholeNumber, 10)
    .option('--json', 'the result as JSON')
    .action(load);
}

async function load(flags: Flags, command: Command): Promise<void> {
  const {
    texts: files,
    mix: parts,
    replay: recorded,
    numbers: prefixes,
    magic,
    inOrder,
    expectScenario,
    report = [],
    json,
    listen,
    ...options
  } = flags;
  for (const file of report) reportWriter(file);
  const { seed = 1, firstNumber: first } = options;
  const asRecorded = recorded !== undefined && command.getOptionValueSource('count') === 'default';
  const count = asRecorded ? recorded.texts.length : options.count;
  const lines = (files ?? []).flatMap(readLines);
  const callback = listen === undefined ? undefined : await called(listen);
  const running = complaining(() =>
    createLoad({
      ...(recorded !== undefined && { arrival: { law: 'trace', times: recorded.times, speed: 1 } }),
      ...options,
      count,
      password: options.password ?? process.env.YIMA_PASSWORD ?? 'demo',
      texts: recorded?.texts ?? textsOf(parts, lines, count, seed),
      numbers:
        recorded === undefined
          ? createNumberPlan({
              seed,
              ...(first !== undefined && { first }),
              ...(prefixes !== undefined && { prefixes }),
              ...(magic !== undefined && { suffixes: magic }),
            })
          : (message) => recorded.numbers[message % recorded.numbers.length]!,
      expect: [...certain(expectScenario), ...(options.expect ?? [])],
      ordered: { answers: inOrder?.includes('answers') === true, receipts: inOrder?.includes('receipts') === true },
      ...(callback !== undefined && { callback }),
    }),
  );
  // The first stops submitting, the second stops waiting.
  const stop = (): void => running.stop();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  const { stderr } = process;
  const bar = stderr.isTTY
    ? new SingleBar({ stream: stderr, format: '{bar} {value}/{total}  receipts {receipts}  binds {bound}' })
    : undefined;
  const draw = (): void => {
    const { settled, acked, receipted, bound } = running.progress;
    bar?.update(settled, { receipts: `${receipted}/${acked}`, bound });
  };
  bar?.start(running.progress.parts, 0, { receipts: '0/0', bound: 0 });
  const drawing = every(200, draw);
  const startedAt = systemClock.now();
  running.start();
  try {
    const verdict = await running.done;
    draw();
    bar?.stop();
    process.stdout.write(json === true ? `${JSON.stringify(verdict)}\n` : `${formatVerdict(verdict)}\n`);
    if (verdict.breaches.length > 0) process.exitCode = 1;
    if (report.length > 0) {
      const openLoop = recorded !== undefined || options.arrival !== undefined || (options.rate ?? 0) > 0;
      writeReports(report, loadReport(verdict, running.figures, { startedAt, facts: factsOf(flags), openLoop }));
    }
  } catch (error) {
    throw error instanceof Complaint ? error : new Complaint((error as Error).message);
  } finally {
    callback?.close();
    bar?.stop();
    drawing.stop();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** What a reader of the report needs to run it again. */
function factsOf({
  protocol = 'smpp',
  version,
  host,
  port,
  systemId,
  binds,
  window,
  rate,
  arrival,
  seed,
  replay: recorded,
}: Flags): Fact[] {
  const loop =
    arrival !== undefined
      ? `open, ${arrival.law}`
      : recorded !== undefined
        ? 'open, as recorded'
        : rate
          ? `open, ${rate} submits a second`
          : 'closed';
  return [
    ['protocol', version === undefined ? protocol.toUpperCase() : `${protocol.toUpperCase()} ${version}`],
    ['gateway', `${host}:${port}`],
    ['account', systemId],
    ['connections', binds ?? 1],
    ['window of each', window ?? 100],
    ['loop', loop],
    ['seed', String(seed)],
  ];
}

function textsOf(
  parts: readonly MixPart[] | undefined,
  lines: readonly string[],
  count: number,
  seed: number,
): readonly (string | LoadText)[] {
  if (parts !== undefined) return createMix(parts, lines, Math.min(count, MIX_SIZE), seed);
  return lines.length === 0 ? [TEXT] : lines;
}

function certain(scenario: string | undefined): readonly Expectation[] {
  if (scenario === undefined) return [];
  const expectations = expectationsOf(findScenario(scenario));
  if (expectations.length > 0) return expectations;
  throw new RangeError(
    `--expect-scenario ${scenario}: chance, times or faults decide of every message; use yima verdict`,
  );
}

/** Options that only together are wrong. */
function complaining<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw new Complaint(error.message);
    throw error;
  }
}

/** A reader of an option from one that throws RangeError, or the system's error for a file. */
const reader =
  <T>(read: (text: string) => T) =>
  (text: string): T => {
    try {
      return read(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

const mix = reader(parseMix);
const replay = reader(readTraffic);
const arrival = reader((text): Arrival => parseArrival(text, readTrace));
const expectation = (text: string, before: readonly Expectation[] | undefined): Expectation[] => [
  ...(before ?? []),
  reader(parseExpectation)(text),
];
const weights = reader((text): Record<string, number> => {
  const pairs = text.split(',').map((pair): [string, number] => {
    const [name = '', weight = '1'] = pair.split('=');
    return [name.trim(), Number(weight)];
  });
  if (pairs.some(([name, weight]) => name === '' || !(weight > 0)))
    throw new RangeError('give name=weight,name=weight');
  return Object.fromEntries(pairs);
});
const order = reader((text): string[] => {
  const words = text.split(',');
  if (!words.every((word) => word === 'answers' || word === 'receipts'))
    throw new RangeError('give answers, receipts, or both');
  return words;
});

async function called(port: number): Promise<NonNullable<LoadOptions['callback']>> {
  try {
    return (await listenForCalls(port)).server;
  } catch (error) {
    throw new Complaint(`cannot listen on port ${port}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
