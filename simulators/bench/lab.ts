import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { freePort } from '../callback.ts';
import { launch, type Measured, start } from '../process.ts';
import { createBlaster } from './blaster.ts';
import { type LabResult, printLab } from './figures.ts';
import { createSink } from './sink.ts';
import { ACCOUNT, SECRET, TEXT, WIRES, type Wire } from './wires.ts';

/**
 * `npm run bench:lab`: what a simulated carrier costs for a message (submit read and answered, report sent, its answer
 * read), and what the loading platform costs for the same. Each is a process of its own; this one is the other side,
 * which only copies octets and is not counted. CPU is the operating system's, user and system, of all threads, after a
 * quarter of the messages to warm up. For comparison a carrier and a load generator on the `smpp` package do the same.
 */

const here = dirname(fileURLToPath(import.meta.url));
const SIMULATORS = join(here, '..', 'main.js');
const PACKAGE = join(here, 'package-peer.js');
/** As `yima` runs: a young generation that fits the processor's cache, swept by one thread. */
const NODE_FLAGS = ['--max-semi-space-size=4', '--no-parallel-scavenge'];
const BINDS = 4;
const WINDOW = 256;
/** The package takes so much longer that a part of the messages must do. */
const PACKAGE_SHARE = 0.25;

const ROLES = ['carrier', 'load', 'both'] as const;
type Role = (typeof ROLES)[number];
const NAMES = [...Object.keys(WIRES), 'package'];

const options = new Command('bench:lab')
  .description('measures the simulators against peers that cost nothing, and against the smpp package')
  .option('--json', 'print one JSON object instead of the table')
  .option('--messages <n>', 'messages of a run', '200000')
  .option('--repeat <n>', 'runs of each case, of which the median counts', '3')
  .option('--case <name...>', `only these: ${NAMES.join(', ')}`)
  .option('--role <name...>', `only these: ${ROLES.join(', ')}`)
  .option('--profile <folder>', 'write CPU profiles of the measured processes there')
  .parse()
  .opts<{ json?: true; messages: string; repeat: string; case?: string[]; role?: string[]; profile?: string }>();

const messages = Number(options.messages);
const repeat = Number(options.repeat);
const wanted = (name: string): boolean => options.case === undefined || options.case.includes(name);
const wantedRole = (role: Role): boolean => options.role === undefined || options.role.includes(role);
const say = (text: string): void => {
  if (options.json !== true) process.stderr.write(`${text}\n`);
};

const flags = (name: string): string[] =>
  options.profile === undefined
    ? NODE_FLAGS
    : [...NODE_FLAGS, '--cpu-prof', '--cpu-prof-dir', options.profile, '--cpu-prof-name', `${name}.cpuprofile`];

interface Sample {
  readonly count: number;
  readonly seconds: number;
  readonly cpu: number;
}

const warmUp = (count: number): number => Math.max(5_000, Math.round(count / 4));

function carrierArgs({ protocol, version }: Wire, callback: number): string[] {
  const args = [SIMULATORS, 'carrier', '--protocol', protocol, '--version', version];
  args.push('--account', ACCOUNT, '--secret', SECRET, '--ready-json', '--stats-on-exit');
  return protocol === 'sgip' ? [...args, '--callback', String(callback)] : args;
}

function loadArgs({ protocol, version }: Wire, port: number, count: number, texts: string): string[] {
  const args = [SIMULATORS, 'platform', '--port', String(port), '--protocol', protocol, '--version', version];
  args.push('--system-id', ACCOUNT, '--password', SECRET, '--count', String(count), '--texts', texts);
  return [...args, '--binds', String(BINDS), '--window', String(WINDOW), '--json', '--stats-on-exit'];
}

/** The carrier must have heard the answer to each of its reports, or the figures tell nothing. */
async function stopped(carrier: Measured, expected: number): Promise<void> {
  const line = (await carrier.stop()).trim().split('\n').at(-1) ?? '';
  const { reportsAnswered } = (JSON.parse(line) as { counts: { reportsAnswered: number } }).counts;
  if (reportsAnswered !== expected)
    throw new Error(`${carrier.name}: ${reportsAnswered} reports answered of ${expected}`);
}

async function carrierRuns(name: string, wire: Wire, count: number, args: (callback: number) => string[]) {
  const blaster = await createBlaster(wire);
  const carrier = await start(name, [...flags(name), ...args(blaster.callbackPort)]);
  const port = carrier.ready.port as number;
  const samples: Sample[] = [];
  try {
    await blaster.run(port, warmUp(count));
    for (let k = 0; k < repeat; k++) {
      const before = carrier.cpu();
      const seconds = await blaster.run(port, count);
      samples.push({ count, seconds, cpu: carrier.cpu() - before });
    }
  } finally {
    blaster.stop();
    await stopped(carrier, warmUp(count) + repeat * count);
  }
  return samples;
}

async function loadRuns(name: string, wire: Wire, count: number, args: (port: number, all: number) => string[]) {
  const samples: Sample[] = [];
  for (let k = 0; k < repeat; k++) {
    const warm = warmUp(count);
    const all = warm + count;
    let from: { at: number; cpu: number; submits: number } | undefined;
    let to = { at: 0, cpu: 0 };
    const sink = await createSink(wire, (submits) => {
      if (from === undefined && submits >= warm) from = { at: performance.now(), cpu: load.cpu(), submits };
      if (submits >= all) to = { at: performance.now(), cpu: load.cpu() };
    });
    const load = launch(name, [...flags(name), ...args(sink.port, all)]);
    const printed = await load.done;
    sink.stop();
    if (from === undefined || to.at === 0) throw new Error(`${name}: not all was submitted\n${printed}`);
    if (printed !== '') checked(name, printed);
    samples.push({ count: all - from.submits, seconds: (to.at - from.at) / 1000, cpu: to.cpu - from.cpu });
  }
  return samples;
}

interface Printed {
  readonly clean: boolean;
  readonly seconds: number;
  readonly cpuMicros: number;
}

function checked(name: string, printed: string): Printed {
  const verdict = JSON.parse(printed) as Printed;
  if (!verdict.clean) throw new Error(`${name}: not clean\n${printed}`);
  return verdict;
}

/** The loading platform against the carrier. */
async function bothRuns(wire: Wire, count: number): Promise<{ carrier: Sample[]; load: Sample[] }> {
  const listenPort = await freePort();
  const carrier = await start('carrier', [...NODE_FLAGS, ...carrierArgs(wire, listenPort)]);
  const port = carrier.ready.port as number;
  const samples = { carrier: [] as Sample[], load: [] as Sample[] };
  const calls = wire.protocol === 'sgip' ? ['--listen', String(listenPort)] : [];
  const runs = [warmUp(count), ...Array.from({ length: repeat }, () => count)];
  for (const [k, n] of runs.entries()) {
    const before = carrier.cpu();
    const printed = await launch('load', [...NODE_FLAGS, ...loadArgs(wire, port, n, texts), ...calls]).done;
    const { seconds, cpuMicros } = checked('load', printed);
    if (k === 0) continue;
    samples.carrier.push({ count: n, seconds, cpu: carrier.cpu() - before });
    samples.load.push({ count: n, seconds, cpu: cpuMicros });
  }
  await stopped(
    carrier,
    runs.reduce((a, b) => a + b, 0),
  );
  return samples;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

function result(name: string, role: string, samples: readonly Sample[]): LabResult {
  const costs = samples.map((s) => s.cpu / s.count);
  const cpu = median(costs);
  const two = (n: number): number => Number(n.toFixed(2));
  return {
    name,
    role,
    messages: samples[0]?.count ?? 0,
    cpu_us_per_msg: two(cpu),
    cpu_us_least: two(Math.min(...costs)),
    cpu_us_most: two(Math.max(...costs)),
    msgs_per_s_core: Math.round(1e6 / cpu),
    msgs_per_s: Math.round(median(samples.map((s) => s.count / s.seconds))),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'yima-bench-lab-'));
const texts = join(folder, 'texts.txt');
writeFileSync(texts, `${TEXT}\n`);
try {
  const results: LabResult[] = [];
  for (const [name, wire] of Object.entries(WIRES)) {
    if (!wanted(name)) continue;
    if (wantedRole('carrier')) {
      say(`${name}: carrier`);
      const samples = await carrierRuns(`${name}-carrier`, wire, messages, (port) => carrierArgs(wire, port));
      results.push(result(name, 'carrier', samples));
    }
    if (wantedRole('load')) {
      say(`${name}: load`);
      const args = (port: number, all: number): string[] => loadArgs(wire, port, all, texts);
      results.push(result(name, 'load', await loadRuns(`${name}-load`, wire, messages, args)));
    }
    if (wantedRole('both')) {
      say(`${name}: load against carrier`);
      const { carrier, load } = await bothRuns(wire, messages);
      results.push(result(name, 'carrier, under load', carrier), result(name, 'load, on carrier', load));
    }
  }
  if (wanted('package')) {
    const wire = WIRES.smpp!;
    const count = Math.round(messages * PACKAGE_SHARE);
    if (wantedRole('carrier')) {
      say('package: carrier');
      const samples = await carrierRuns('package-carrier', wire, count, () => [PACKAGE, 'carrier']);
      results.push(result('package', 'carrier', samples));
    }
    if (wantedRole('load')) {
      say('package: load');
      const args = (port: number, all: number): string[] => {
        const where = ['--port', String(port), '--count', String(all), '--account', ACCOUNT, '--secret', SECRET];
        return [PACKAGE, 'load', ...where, '--text', TEXT, '--binds', String(BINDS), '--window', String(WINDOW)];
      };
      results.push(result('package', 'load', await loadRuns('package-load', wire, count, args)));
    }
  }
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ machine, cases: results })}\n` : printLab(machine, results),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
