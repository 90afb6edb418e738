import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BehaviourChange } from './behaviour.ts';
import type { RecordMode } from './books.ts';
import { listenForCalls } from './callback.ts';
import { type Carrier, type CarrierOptions, type CarrierProtocol, startCarrier } from './carrier.ts';
import type { LoadOptions } from './load-options.ts';
import { createLoad } from './platform.ts';
import type { Account, Mo } from './protocol.ts';
import type { Delay } from './scenario/distribution.ts';
import { formatVerdict } from './verdict.ts';

const number = (text: string): number => {
  const n = Number(text);
  if (text.trim() === '' || !Number.isFinite(n)) throw new InvalidArgumentError('give a number');
  return n;
};

/** `20`, or `5-50` for anything between. */
const delay = (text: string): Delay => {
  const [min, max] = text.split('-').map(number);
  return max === undefined ? min! : { min: min!, max };
};

/** `DELIVERED=9,EXPIRED=1`. */
const weights = (text: string): Record<string, number> =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [word, weight = '1'] = pair.split('=');
      return [word!, number(weight)];
    }),
  );

/** JSON, or `@file` with JSON in it. */
const json = (text: string): unknown => {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (e) {
    throw new InvalidArgumentError(e instanceof Error ? e.message : String(e));
  }
};

const choice = (flags: string, description: string, words: readonly string[]): Option =>
  new Option(flags, description).choices(words);

const collect = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

interface CarrierFlags {
  protocol: CarrierProtocol;
  version?: string;
  host?: string;
  port?: number;
  account: string[];
  secret: string[];
  maxSessions?: number;
  callback?: number;
  responseDelay?: Delay;
  reportDelay?: Delay;
  reports?: number;
  states?: Record<string, number>;
  errorRate?: number;
  errorCode?: number;
  throttle?: number;
  windowLimit?: number;
  silence?: number;
  disconnectEvery?: number;
  seed?: number;
  behaviour?: BehaviourChange;
  record?: RecordMode;
  stats?: true;
  statsOnExit?: true;
  readyJson?: true;
  control?: true;
}

/** Flags are short for the rules most often used; `--behaviour` has them all. */
function behaviourOf(f: CarrierFlags): BehaviourChange {
  return {
    ...(f.seed !== undefined && { seed: f.seed }),
    ...(f.responseDelay !== undefined && { responseDelay: f.responseDelay }),
    ...(f.reportDelay !== undefined && { reportDelay: f.reportDelay }),
    ...((f.reports !== undefined || f.states !== undefined) && {
      reports: { ...(f.reports !== undefined && { probability: f.reports }), ...(f.states && { states: f.states }) },
    }),
    ...((f.errorRate !== undefined || f.errorCode !== undefined) && {
      errorRate: { probability: f.errorRate ?? 1, code: f.errorCode ?? 0 },
    }),
    ...(f.throttle !== undefined && { throttle: { perSecond: f.throttle } }),
    ...(f.windowLimit !== undefined && { window: { limit: f.windowLimit } }),
    ...(f.silence !== undefined && { silence: { probability: f.silence } }),
    ...(f.disconnectEvery !== undefined && { disconnect: { every: f.disconnectEvery } }),
    ...f.behaviour,
  };
}

function accountsOf(f: CarrierFlags): Account[] {
  if (f.account.length !== f.secret.length) {
    throw new RangeError(`carrier: ${f.account.length} --account but ${f.secret.length} --secret; give one for each`);
  }
  return f.account.map((name, k) => ({
    name,
    secret: f.secret[k]!,
    ...(f.maxSessions !== undefined && { maxSessions: f.maxSessions }),
    ...(f.callback !== undefined && { callback: { port: f.callback } }),
  }));
}

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

function stats(carrier: Carrier): object {
  const { user, system } = process.cpuUsage();
  const { counts, states, repeats, incomplete } = carrier.books;
  return {
    counts,
    states: Object.fromEntries(states),
    repeats,
    incomplete,
    sessions: carrier.sessions,
    cpuMicros: user + system,
    rssBytes: process.memoryUsage.rss(),
  };
}

async function runCarrier(f: CarrierFlags): Promise<void> {
  const options: CarrierOptions = {
    protocol: f.protocol,
    accounts: accountsOf(f),
    behaviour: behaviourOf(f),
    ...(f.version !== undefined && { version: f.version }),
    ...(f.host !== undefined && { host: f.host }),
    ...(f.port !== undefined && { port: f.port }),
    ...(f.record !== undefined && { record: f.record }),
  };
  const carrier = await startCarrier(options);
  if (f.readyJson === true) say({ ready: true, protocol: f.protocol, port: carrier.port });
  else process.stdout.write(`${f.protocol} carrier on port ${carrier.port}; stop it with Ctrl-C\n`);

  let before = 0;
  const ticker = f.stats === true ? setInterval(() => line(), 1000) : undefined;
  const line = (): void => {
    const { submits, reports, refused, accepted } = carrier.books.counts;
    process.stdout.write(
      `sessions ${carrier.sessions}  submits ${submits} (${submits - before}/s)  accepted ${accepted}  refused ${refused}  reports ${reports}\n`,
    );
    before = submits;
  };

  if (f.control === true) createInterface({ input: process.stdin }).on('line', (text) => control(carrier, text));
  const stop = (): void => {
    clearInterval(ticker);
    if (f.statsOnExit === true) say(stats(carrier));
    carrier.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/**
 * One line of JSON in, one out, in order: `{"behaviour": {…}}` changes rules, `{"mo": {…}}` sends a message, `{"drop":
 * true}` cuts all connections, `{"stats": true}` tells the counts.
 */
function control(carrier: Carrier, text: string): void {
  try {
    const order = JSON.parse(text) as { behaviour?: BehaviourChange; mo?: Mo; drop?: boolean; stats?: boolean };
    if (order.behaviour !== undefined) carrier.change(order.behaviour);
    if (order.mo !== undefined) void carrier.injectMo(order.mo);
    if (order.drop === true) carrier.dropAll();
    say(order.stats === true ? stats(carrier) : { ok: true });
  } catch (e) {
    say({ ok: false, error: e instanceof Error ? e.message : String(e) });
  }
}

interface PlatformFlags extends Omit<LoadOptions, 'texts' | 'callback'> {
  listen?: number;
  texts?: string;
  json?: true;
  statsOnExit?: true;
}

async function runPlatform(f: PlatformFlags): Promise<void> {
  const texts =
    f.texts === undefined
      ? ['Your code is 295671, valid for five minutes. Nobody will ever ask you for it.']
      : readFileSync(f.texts, 'utf8')
          .split('\n')
          .filter((t) => t !== '');
  const { listen, ...options } = f;
  const callback = listen === undefined ? undefined : (await listenForCalls(listen)).server;
  const load = createLoad({ ...options, texts, ...(callback !== undefined && { callback }) });
  process.once('SIGTERM', () => load.stop());
  process.on('SIGINT', () => load.stop());

  const { stderr } = process;
  const bar = stderr.isTTY
    ? new SingleBar({ stream: stderr, format: '{bar} {value}/{total} receipts {receipts} binds {bound}' })
    : undefined;
  const draw = (): void => {
    const { acked, settled, receipted, bound } = load.progress;
    bar?.update(settled, { receipts: `${receipted}/${acked}`, bound });
  };
  bar?.start(load.progress.parts, 0, { receipts: '0/0', bound: 0 });
  const ticker = setInterval(draw, 200);
  const cpu = process.cpuUsage();
  load.start();
  try {
    const verdict = await load.done;
    draw();
    const { user, system } = process.cpuUsage(cpu);
    const figures = f.statsOnExit === true ? { ...verdict, cpuMicros: user + system } : verdict;
    bar?.stop();
    process.stdout.write(f.json === true ? `${JSON.stringify(figures)}\n` : `${formatVerdict(verdict)}\n`);
    process.exitCode = verdict.clean ? 0 : 1;
  } finally {
    callback?.close();
    bar?.stop();
    clearInterval(ticker);
  }
}

const program = new Command('simulators').description('simulated carriers, and a platform that loads a gateway');

program
  .command('carrier')
  .description('a carrier that accepts, reports and misbehaves as told')
  .addOption(choice('--protocol <name>', 'what it speaks', ['smpp', 'cmpp', 'sgip', 'smgp']).makeOptionMandatory())
  .option('--version <v>', 'smpp 3.3, 3.4, 5.0; cmpp 2.0, 2.1, 3.0; sgip 1.2; smgp 1.3, 3.0')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <n>', 'port to listen on; 0 takes a free one', number, 0)
  .requiredOption('--account <name>', 'system_id, SP_Id, login name or ClientID; several times for several', collect)
  .requiredOption('--secret <text>', 'its password or shared secret, in the same order', collect)
  .option('--max-sessions <n>', 'most sessions of an account', number)
  .option('--callback <port>', 'sgip: port of this machine to dial the accounts at with reports', number)
  .option('--response-delay <ms>', 'before an answer: 20, or 5-50', delay)
  .option('--report-delay <ms>', 'from the answer to the report: 1000, or 500-3000', delay)
  .option('--reports <probability>', 'how many of the reports are sent', number)
  .option('--states <weights>', 'final states: DELIVERED=9,EXPIRED=1', weights)
  .option('--error-rate <probability>', 'how many submits are refused', number)
  .option('--error-code <n>', 'with which code', number)
  .option('--throttle <n>', 'most submits of an account in a second', number)
  .option('--window-limit <n>', 'most unanswered submits of a session', number)
  .option('--silence <probability>', 'how many submits are never answered', number)
  .option('--disconnect-every <n>', 'ends a session with every n-th submit', number)
  .option('--seed <n>', 'of all that is drawn', number)
  .option('--behaviour <json>', 'any rules as JSON, or @file', json)
  .addOption(choice('--record <mode>', 'what is kept of messages', ['nothing', 'fingerprints', 'messages']))
  .option('--stats', 'a line of counts every second')
  .option('--stats-on-exit', 'counts and own CPU time as JSON at the end')
  .option('--ready-json', 'one line of JSON with the port when it listens')
  .option('--control', 'take orders as lines of JSON from standard input')
  .action(runCarrier);

program
  .command('platform')
  .description('submits, and books every answer and receipt; exit code 1 unless all is clean')
  .option('--host <address>', 'the gateway', '127.0.0.1')
  .requiredOption('--port <n>', 'its port', number)
  .addOption(choice('--protocol <name>', 'what it speaks', ['smpp', 'cmpp', 'sgip', 'smgp']).default('smpp'))
  .option('--version <v>', 'cmpp 2.0, 2.1, 3.0; smgp 1.3, 3.0')
  .requiredOption('--system-id <id>', 'account: system_id, SP_Id, login name or ClientID')
  .requiredOption('--password <text>', 'its password or shared secret')
  .option('--listen <port>', 'sgip: where the gateway dials with receipts', number)
  .option('--count <n>', 'messages', number, 10_000)
  .option('--rate <n>', 'submits a second; 0: as the windows allow', number, 0)
  .option('--window <n>', 'most unanswered submits of a bind', number, 100)
  .option('--binds <n>', 'connections', number, 1)
  .option('--texts <file>', 'one text a line, sent in turn')
  .option('--source <address>', 'source_addr')
  .option('--first-number <n>', 'destination of the first message; the next goes to the next', number)
  .addOption(choice('--long <way>', 'how long texts go', ['udh', 'payload']))
  .option('--no-receipts', 'ask for no receipts')
  .option('--resubmit', 'submit again what was cut off without an answer')
  .option('--retry-throttled', 'submit again what was refused as too fast')
  .option('--receipt-timeout <ms>', 'quiet time after which missing receipts are lost', number)
  .option('--response-timeout <ms>', 'after which an answer no longer counts', number)
  .option('--reconnect-for <ms>', 'give up when no bind can be had for so long', number)
  .option('--json', 'the verdict as JSON')
  .option('--stats-on-exit', 'own CPU time in the JSON')
  .action(runPlatform);

program.parseAsync().catch((e: unknown) => {
  process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
  process.exit(1);
});
