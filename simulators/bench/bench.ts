import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { freePort } from '../callback.ts';
import { type Measured, run, start } from '../process.ts';
import { latencyOf, type Measurement, printTable, type Result } from './figures.ts';

/**
 * `npm run bench`: platform → gateway → carrier → report → receipt, each in a process of its own, the gateway on its
 * embedded store with fsync. CPU is that of the gateway process, all threads, read from the operating system over the
 * measured run, after a quarter of it to warm up: a gateway runs for months, its compiler for seconds. In the same run a relay on the `smpp` package alone, which stores
 * nothing, carries the same load to the same carrier.
 */

const here = dirname(fileURLToPath(import.meta.url));
const SIMULATORS = join(here, '..', 'main.js');
const RELAY = join(here, '..', 'relay.js');
const GATEWAY = join(here, '..', '..', 'src', 'cli', 'yima.js');
/** As `npm start` and `yima` run it: a young generation that fits the processor's cache, swept by one thread. */
const NODE_FLAGS = ['--max-semi-space-size=4', '--no-parallel-scavenge'];

/** 70 characters: one UCS-2 segment. */
const CHINESE =
  '您的验证码是482913，请在五分钟内完成登录，切勿将验证码告诉他人。如非本人操作，请忽略本短信或致电客服热线咨询。感谢您的使用与支持！祝您生活愉快';
const LATIN = 'Your parcel 48291377 will be delivered today between 2 and 4 pm. Reply HOME or SHOP to choose a place.';

type Protocol = 'smpp' | 'cmpp' | 'sgip' | 'smgp';

interface Case {
  readonly name: string;
  readonly what: string;
  readonly platform: Protocol;
  readonly carrier: Protocol;
  readonly coding: string;
  readonly text: string;
  readonly binds: number;
  readonly window: number;
  readonly carrierBinds: number;
  readonly carrierWindow: number;
  readonly share: number;
}

const usual = {
  platform: 'smpp',
  carrier: 'cmpp',
  coding: 'ucs2',
  text: CHINESE.slice(0, 70),
  binds: 4,
  window: 100,
  carrierBinds: 4,
  carrierWindow: 64,
  share: 1,
} as const;

const CASES: readonly Case[] = [
  { ...usual, name: 'cmpp-ucs2', what: 'SMPP → CMPP 2.0, UCS2, 70 characters' },
  {
    ...usual,
    name: 'smpp-gsm7',
    what: 'SMPP → SMPP, GSM7, 100 characters',
    carrier: 'smpp',
    coding: 'gsm7',
    text: LATIN.slice(0, 100),
  },
  {
    ...usual,
    name: 'cmpp-long',
    what: 'SMPP → CMPP 2.0, UCS2, 3 segments',
    text: CHINESE.repeat(3).slice(0, 190),
    share: 0.3,
  },
  { ...usual, name: 'ten-binds', what: 'SMPP → CMPP 2.0, UCS2, 10 binds × window 100', binds: 10 },
  {
    ...usual,
    name: 'window-16',
    what: 'SMPP → CMPP 2.0, UCS2, carrier 1 bind × window 16',
    carrierBinds: 1,
    carrierWindow: 16,
    share: 0.25,
  },
  { ...usual, name: 'sgip-ucs2', what: 'SMPP → SGIP 1.2, UCS2, 70 characters', carrier: 'sgip', share: 0.5 },
  { ...usual, name: 'smgp-ucs2', what: 'SMPP → SMGP 3.0, UCS2, 70 characters', carrier: 'smgp', share: 0.5 },
  { ...usual, name: 'cmpp-cmpp', what: 'CMPP 2.0 → CMPP 2.0, UCS2, 70 characters', platform: 'cmpp', share: 0.5 },
];
/** The case that the other protocols are measured against, and how much more CPU a message of theirs may take. */
const YARDSTICK = 'cmpp-ucs2';
const MEASURED_BY_IT = ['sgip-ucs2', 'smgp-ucs2', 'cmpp-cmpp'];
const MOST_RATIO = 1.5;

const options = new Command('bench')
  .description('measures the gateway against a relay on the smpp package')
  .option('--json', 'print one JSON object instead of the table')
  .option('--messages <n>', 'messages of a full case', '400000')
  .option('--case <name...>', `only these: ${CASES.map((c) => c.name).join(', ')}, relay, waiting`)
  .option('--waiting <n>', 'messages that wait for their reports in the case waiting', '1000000')
  .option('--commit-delay <time>', 'store.commitDelay of the gateway', '2ms')
  .parse()
  .opts<{ json?: true; messages: string; case?: string[]; waiting: string; commitDelay: string }>();

const messages = Number(options.messages);
const wanted = (name: string): boolean => options.case === undefined || options.case.includes(name);
const say = (text: string): void => {
  if (options.json !== true) process.stderr.write(`${text}\n`);
};

/** Parts that a text takes from a platform that splits it: what the verdict counts. */
async function load(
  port: number,
  c: Pick<Case, 'platform' | 'binds' | 'window' | 'text'>,
  count: number,
  folder: string,
  more: readonly string[] = [],
): Promise<Measurement> {
  const file = join(folder, 'texts.txt');
  writeFileSync(file, `${c.text}\n`);
  const printed = await run('platform', [
    SIMULATORS,
    'platform',
    '--port',
    String(port),
    '--protocol',
    c.platform,
    '--system-id',
    'bench',
    '--password',
    'bench',
    '--count',
    String(count),
    '--binds',
    String(c.binds),
    '--window',
    String(c.window),
    '--texts',
    file,
    '--long',
    c.platform === 'smpp' ? 'payload' : 'udh',
    '--json',
    ...more,
  ]);
  return JSON.parse(printed) as Measurement;
}

/** How the gateway logs in at each carrier. */
const CARRIER_KEYS: Readonly<Record<Protocol, string>> = {
  smpp: 'systemId: bench, password: { demo: bench }',
  cmpp: 'version: "2.0", spId: "900001", sharedSecret: { demo: bench }',
  sgip: 'systemId: bench, password: { demo: bench }, corpId: "12345", areaCode: "010", deliver: { systemId: bench, password: { demo: bench } }',
  smgp: 'version: "3.0", clientId: bench, sharedSecret: { demo: bench }',
};

/** `deliverPort`: where an SGIP carrier dials us with its reports. */
function gatewayConfig(folder: string, c: Case, carrierPort: number, deliverPort: number): string {
  const listeners = [`{ name: ${c.platform}, protocol: ${c.platform}, listen: 127.0.0.1:0 }`];
  if (c.carrier === 'sgip') listeners.push(`{ name: deliver, protocol: sgip, listen: 127.0.0.1:${deliverPort} }`);
  const file = join(folder, 'bench.yaml');
  writeFileSync(
    file,
    `demo: true
node: { name: bench, data: "${join(folder, 'data')}" }
log: { level: warn }
store: { commitDelay: ${options.commitDelay} }
admin: { listen: 127.0.0.1:0 }
listeners: [ ${listeners.join(', ')} ]
accounts: [ { name: bench, protocol: ${c.platform}, systemId: bench, password: { demo: bench }, route: main, maxBinds: 100, window: 200 } ]
carriers: [ { name: carrier, host: 127.0.0.1, port: ${carrierPort}, protocol: ${c.carrier}, ${CARRIER_KEYS[c.carrier]}, coding: [${c.coding}], binds: ${c.carrierBinds}, window: ${c.carrierWindow}, queue: { max: 2000000, maxWait: 1h } } ]
routes: [ { name: main, rules: [ { steps: [ { carriers: [ { name: carrier } ] } ] } ] } ]
`,
  );
  return file;
}

const carrierArgs = (c: Pick<Case, 'carrier'>, more: readonly string[] = []): string[] => [
  SIMULATORS,
  'carrier',
  '--protocol',
  c.carrier,
  '--account',
  c.carrier === 'cmpp' ? '900001' : 'bench',
  '--secret',
  'bench',
  '--ready-json',
  ...more,
];

async function measure(
  name: string,
  what: string,
  target: Measured,
  c: Case,
  count: number,
  folder: string,
): Promise<Result> {
  const port = portOf(target);
  await load(port, c, Math.max(5_000, Math.round(count / 4)), folder);
  const before = target.cpu();
  const verdict = await load(port, c, count, folder);
  const cpu = target.cpu() - before;
  return {
    name,
    what,
    messages: verdict.messages,
    segments: verdict.parts,
    seconds: verdict.seconds,
    msgs_per_s: Math.round(verdict.messages / verdict.seconds),
    cpu_us_per_msg: Number((cpu / verdict.messages).toFixed(2)),
    rss_mb: Math.round(target.rss().all),
    ...latencyOf(verdict),
    lost: verdict.lost + verdict.unknown,
    duplicated: verdict.duplicated,
  };
}

function portOf(target: Measured): number {
  const { ready } = target;
  const listeners = ready.listeners as Readonly<Record<string, number>> | undefined;
  const port = ready.port ?? listeners?.smpp ?? listeners?.cmpp;
  if (typeof port !== 'number') throw new Error(`${target.name} does not say its port: ${JSON.stringify(ready)}`);
  return port;
}

function startGateway(folder: string, c: Case, carrier: Measured, deliverPort = 0): Promise<Measured> {
  const config = gatewayConfig(folder, c, portOf(carrier), deliverPort);
  return start('gateway', [...NODE_FLAGS, GATEWAY, 'serve', '--config', config, '--ready-json']);
}

async function gatewayCase(c: Case, folder: string): Promise<Result> {
  say(`${c.name}: ${c.what}`);
  const deliverPort = c.carrier === 'sgip' ? await freePort() : 0;
  const carrier = await start('carrier', carrierArgs(c, deliverPort === 0 ? [] : ['--callback', String(deliverPort)]));
  const gateway = await startGateway(folder, c, carrier, deliverPort);
  try {
    return await measure(c.name, c.what, gateway, c, Math.round(messages * c.share), folder);
  } finally {
    await gateway.stop();
    await carrier.stop();
    rmSync(join(folder, 'data'), { recursive: true, force: true });
  }
}

/** The same load as `smpp-gsm7`, through the relay. */
async function relayCase(folder: string): Promise<Result> {
  const c = CASES.find((x) => x.name === 'smpp-gsm7')!;
  say('relay: the same through a relay on the smpp package, which stores nothing');
  const carrier = await start('carrier', carrierArgs(c));
  const relay = await start('relay', [
    RELAY,
    '--upstream',
    `127.0.0.1:${portOf(carrier)}`,
    '--system-id',
    'bench',
    '--password',
    'bench',
    '--binds',
    String(c.carrierBinds),
    '--ready-json',
  ]);
  try {
    return await measure(
      'relay',
      'SMPP → SMPP, GSM7, 100 characters; smpp package, no store',
      relay,
      c,
      Math.round(messages / 3),
      folder,
    );
  } finally {
    await relay.stop();
    await carrier.stop();
  }
}

/** Memory with many messages waiting for reports that do not come. */
async function waitingCase(folder: string): Promise<Result> {
  const count = Number(options.waiting);
  const c = CASES[0]!;
  say(`waiting: ${count} messages wait for their reports`);
  const carrier = await start('carrier', carrierArgs(c, ['--reports', '0']));
  const gateway = await startGateway(folder, c, carrier);
  try {
    const before = gateway.cpu();
    const verdict = await load(portOf(gateway), c, count, folder, ['--receipt-timeout', '3000']);
    const cpu = gateway.cpu() - before;
    const rss = gateway.rss();
    return {
      name: 'waiting',
      what: `${count} messages waiting for reports (anonymous memory ${Math.round(rss.anonymous)} MB)`,
      messages: verdict.messages,
      segments: verdict.parts,
      seconds: verdict.ackSeconds,
      msgs_per_s: Math.round(verdict.acked / verdict.ackSeconds),
      cpu_us_per_msg: Number((cpu / verdict.messages).toFixed(2)),
      rss_mb: Math.round(rss.all),
      ...latencyOf(verdict),
      // No receipt can come here: what counts is that all were taken.
      lost: verdict.messages - verdict.acked,
      duplicated: verdict.duplicated,
    };
  } finally {
    await gateway.stop();
    await carrier.stop();
    rmSync(join(folder, 'data'), { recursive: true, force: true });
  }
}

const ratioLine = ({ what, ratio }: { what: string; ratio: number }): string =>
  `${what}: ${ratio.toFixed(2)} × the CPU of a message SMPP → CMPP 2.0${ratio > MOST_RATIO ? ` (more than ${MOST_RATIO} ×)` : ''}`;

const folder = mkdtempSync(join(tmpdir(), 'yima-bench-'));
try {
  const results: Result[] = [];
  for (const c of CASES) if (wanted(c.name)) results.push(await gatewayCase(c, folder));
  const relay = wanted('relay') ? await relayCase(folder) : undefined;
  const waiting = wanted('waiting') ? await waitingCase(folder) : undefined;
  const yardstick = results.find((r) => r.name === YARDSTICK)?.cpu_us_per_msg;
  const ratios = results.flatMap((r) => {
    if (yardstick === undefined || !MEASURED_BY_IT.includes(r.name)) return [];
    return [{ name: r.name, what: r.what, ratio: Number((r.cpu_us_per_msg / yardstick).toFixed(2)) }];
  });
  const report = {
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
    cases: results.map((r) => ({
      ...r,
      ...(relay === undefined ? {} : { relay_cpu_ratio: Number((relay.cpu_us_per_msg / r.cpu_us_per_msg).toFixed(2)) }),
    })),
    ...(relay === undefined ? {} : { relay }),
    ...(waiting === undefined ? {} : { waiting }),
    ...(ratios.length === 0 ? {} : { ratios }),
  };
  if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stdout.write(
      printTable(report.machine, [
        ...report.cases,
        ...(relay === undefined ? [] : [relay]),
        ...(waiting === undefined ? [] : [waiting]),
      ]) +
        ratios.map((r) => `\n${ratioLine(r)}`).join('') +
        (ratios.length > 0 ? '\n' : ''),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
