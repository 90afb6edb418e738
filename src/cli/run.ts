import { fileURLToPath } from 'node:url';
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import { type CarrierOptions, type Carrier as Simulated, startCarrier } from '../../simulators/carrier.ts';
import { type Admin, type Reloaded, startAdmin } from '../admin/http.ts';
import { createMetrics } from '../admin/metrics.ts';
import { formatProblem, loadConfig } from '../config/load.ts';
import type { Config, SimulatorConfig } from '../config/schema.ts';
import { StoreFault } from '../store/journal.ts';
import { Complaint } from './complaint.ts';
import { createLogger } from './logger.ts';
import { type Node, startNode } from './serve.ts';
import { WIRES_BY_NAME } from './wires.ts';

export interface ServeOptions {
  readonly config?: string;
  /** The demo configuration, with the simulated carriers in it. */
  readonly demo: boolean;
  /** One line of JSON on standard output when everything listens: for programs that start us. */
  readonly readyJson: boolean;
}

const DEFAULT_CONFIG = 'config/yima.yaml';

/** Runs a node until it is told to stop: SIGTERM and SIGINT stop it, SIGHUP reads the configuration again. */
export async function serve(options: ServeOptions): Promise<void> {
  const file = options.config ?? (options.demo ? demoFile() : DEFAULT_CONFIG);
  const config = read(file);
  const log = createLogger({ ...config.log, node: config.node.name });

  const simulated: Simulated[] = [];
  for (const s of config.simulators) simulated.push(await simulate(s));
  const stopSimulated = async (): Promise<void> => {
    await Promise.all(simulated.map((s) => s.stop()));
  };

  let node: Node;
  try {
    node = await startNode(config, log);
  } catch (error) {
    await stopSimulated();
    throw complaintOf(error);
  }

  const reload = async (): Promise<Reloaded> => {
    const { config: next, problems } = loadConfig(file);
    if (next === undefined) {
      for (const p of problems) log.error({ problem: formatProblem(p) }, 'configuration not taken: it is as before');
      return { problems: problems.map(formatProblem), needsRestart: [] };
    }
    const needsRestart = await node.reload(next);
    if (needsRestart.length > 0) log.warn({ needsRestart }, 'some keys count from the next start on');
    return { problems: [], needsRestart };
  };

  let admin: Admin;
  try {
    admin = await startAdmin(node, {
      listen: config.admin.listen,
      registry: createMetrics(node),
      wires: WIRES_BY_NAME,
      reload,
    });
  } catch (error) {
    await node.stop(0);
    await stopSimulated();
    throw complaintOf(error);
  }

  process.on('SIGHUP', () => {
    reload().catch((error: unknown) => log.error({ error: String(error) }, 'reload failed'));
  });
  closeWithGrace({ delay: config.node.stopWithin + 2_000, logger: graceLog(log) }, async ({ err }) => {
    if (err !== undefined) log.fatal({ error: err.message, stack: err.stack }, 'a defect of the gateway: stopping');
    else log.info('stopping');
    await node.stop();
    await admin.close();
    await stopSimulated();
    log.info('stopped');
  });

  const listeners = Object.fromEntries([...node.listeners].map(([name, l]) => [name, l.address.port]));
  if (options.readyJson) {
    process.stdout.write(`${JSON.stringify({ ready: true, listeners, admin: admin.address.port })}\n`);
  } else if (options.demo) process.stderr.write(welcome(config, listeners, admin.address.port));
}

function read(file: string): Config {
  const { config, problems } = loadConfig(file);
  if (config !== undefined) return config;
  const [first, ...more] = problems.map(formatProblem);
  throw new Complaint([first ?? `${file}: cannot be read`, ...more].join('\n      '));
}

/** The demo configuration of this package, built or not. */
function demoFile(): string {
  const built = new URL('../../../config/demo.yaml', import.meta.url);
  const source = new URL('../../config/demo.yaml', import.meta.url);
  return fileURLToPath(import.meta.url.includes('/dist/') ? built : source);
}

async function simulate(config: SimulatorConfig): Promise<Simulated> {
  const { accounts, behaviour, record } = config.options as {
    accounts: CarrierOptions['accounts'];
    behaviour?: BehaviourChange;
    record?: CarrierOptions['record'];
  };
  try {
    return await startCarrier({
      protocol: config.protocol,
      host: config.listen.host,
      port: config.listen.port,
      accounts,
      ...(config.version === undefined ? {} : { version: config.version }),
      ...(behaviour === undefined ? {} : { behaviour }),
      ...(record === undefined ? {} : { record }),
    });
  } catch (error) {
    throw complaintOf(error, `simulated carrier ${config.name}`);
  }
}

/** What went wrong at start, as a sentence with a remedy; defects keep their own words. */
function complaintOf(error: unknown, what = 'cannot start'): Error {
  if (error instanceof StoreFault) return new Complaint(error.message);
  const system = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (system.code === 'EADDRINUSE') {
    return new Complaint(
      `${what}: ${system.address}:${system.port} is taken; stop who listens there, or give another address`,
    );
  }
  if (system.code === 'EACCES') {
    return new Complaint(
      `${what}: not allowed to use ${system.address ?? system.path}:${system.port ?? ''}; choose another`,
    );
  }
  return error instanceof Error
    ? new Complaint(`${what}: ${error.message}`)
    : new Complaint(`${what}: ${String(error)}`);
}

function graceLog(log: Logger): { error(message?: unknown, ...more: unknown[]): void } {
  return { error: (message, ...more) => log.error({ more: more.map(String) }, String(message)) };
}

function welcome(config: Config, listeners: Readonly<Record<string, number>>, admin: number): string {
  const login = (listener: string): string => {
    const protocol = config.listeners.find((l) => l.name === listener)?.protocol;
    const account = config.accounts.find((a) => a.protocol === protocol);
    const password = account !== undefined && 'demo' in account.password ? account.password.demo : '';
    return `as ${account?.systemId ?? ''}, password ${password}`;
  };
  const lines = [
    '',
    '  驿马 Yima is running, on the embedded store, with simulated carriers.',
    '',
    ...Object.entries(listeners).map(([name, port]) => `    platforms    127.0.0.1:${port}   ${name}, ${login(name)}`),
    ...config.simulators.map(
      (s) => `    carrier      127.0.0.1:${s.listen.port}   ${s.name}: ${s.protocol} ${s.version ?? ''} (simulated)`,
    ),
    `    operators    http://127.0.0.1:${admin}/metrics  /readyz  /api/carriers`,
    '',
    '  Try, in another terminal:',
    '',
    '    npx yima send --to 13800138000 --text "你好，世界" --wait',
    '    npx yima load --count 10000 --rate 2000',
    '    npx yima explain --config config/demo.yaml --account demo --to 13800138000 --text "你好，世界"',
    `    curl -s http://127.0.0.1:${admin}/api/carriers`,
    '',
    '  Ctrl-C stops it.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}
