import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Carrier, startCarrier } from '../carrier.ts';
import { start } from '../process.ts';
import { type Outcome, runCell } from './cell.ts';

/** A protocol of one side in one version. */
interface Kind {
  readonly name: string;
  readonly protocol: 'smpp' | 'cmpp';
  readonly version?: string;
}

const KINDS: readonly Kind[] = [
  { name: 'SMPP 3.4', protocol: 'smpp' },
  { name: 'CMPP 2.0', protocol: 'cmpp', version: '2.0' },
  { name: 'CMPP 3.0', protocol: 'cmpp', version: '3.0' },
];

/** Protocols that platforms may speak to the gateway. */
const PLATFORMS = KINDS.filter((k) => k.protocol === 'smpp');
const CARRIERS = KINDS;

/** What became of each pair; `cells` in the order of `platforms`, then `carriers`. */
export interface Matrix {
  readonly platforms: readonly string[];
  readonly carriers: readonly string[];
  readonly cells: readonly (Outcome & { readonly platform: string; readonly carrier: string })[];
}

interface Pair {
  readonly platform: Kind;
  readonly carrier: Kind;
  /** Name of its account, login at its carrier. */
  readonly login: string;
  readonly service: string;
  readonly firstNumber: number;
  readonly simulated: Carrier;
}

const SECRET = 'secret';

/**
 * Runs every platform protocol against every carrier protocol, all at once through one gateway process over real sockets.
 * `gateway`: the built `yima.js`.
 */
export async function runMatrix(gateway: string): Promise<Matrix> {
  const folder = mkdtempSync(join(tmpdir(), 'yima-matrix-'));
  const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const pairs: Pair[] = [];
    for (const [p, platform] of PLATFORMS.entries()) {
      for (const [c, carrier] of CARRIERS.entries()) {
        const login = `90${p}${c}01`;
        const simulated = await carrierOf(carrier, login);
        stops.push(() => simulated.stop());
        const service = `1069${p}${c}`;
        const firstNumber = 8613800000000 + p * 10_000 + c * 100;
        pairs.push({ platform, carrier, login, service, firstNumber, simulated });
      }
    }
    const config = join(folder, 'matrix.yaml');
    writeFileSync(config, configOf(folder, pairs));
    const node = await start('gateway', [gateway, 'serve', '--config', config, '--ready-json']);
    stops.push(() => node.stop());
    const ports = node.ready.listeners as Readonly<Record<string, number>>;

    const cells = await Promise.all(
      pairs.map(async ({ platform, carrier, login, service, firstNumber, simulated }) => {
        const { protocol, version } = platform;
        const port = ports[protocol];
        if (port === undefined) throw new Error(`the gateway does not say its ${protocol} port`);
        const outcome = await runCell({
          platform: { port, protocol, ...(version !== undefined && { version }), systemId: login, password: SECRET },
          carrier: simulated,
          service,
          firstNumber,
        });
        return { platform: platform.name, carrier: carrier.name, ...outcome };
      }),
    );
    return { platforms: PLATFORMS.map((k) => k.name), carriers: CARRIERS.map((k) => k.name), cells };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function carrierOf({ protocol, version }: Kind, name: string): Promise<Carrier> {
  return startCarrier({
    protocol,
    ...(version !== undefined && { version }),
    accounts: [{ name, secret: SECRET }],
    record: 'messages',
  });
}

function configOf(folder: string, pairs: readonly Pair[]): string {
  const lines = [
    'demo: true',
    `node: { name: matrix, data: "${join(folder, 'data')}", stopWithin: 3s }`,
    'log: { level: warn }',
    'store: { maxOctets: 4GiB }',
    'admin: { listen: 127.0.0.1:0 }',
    'listeners:',
    ...new Set(
      PLATFORMS.map(({ protocol }) => `  - { name: ${protocol}, protocol: ${protocol}, listen: 127.0.0.1:0 }`),
    ),
    'accounts:',
    ...pairs.map(
      ({ login, service, platform }) =>
        `  - { name: "${login}", ${ACCOUNT[platform.protocol](login)}, route: "${login}", mo: ["${service}"] }`,
    ),
    'carriers:',
    ...pairs.map(
      ({ login, carrier, simulated }) =>
        `  - { name: "${login}", protocol: ${carrier.protocol}, host: 127.0.0.1, port: ${simulated.port}, ${CARRIER[carrier.protocol](login, carrier)}, reconnect: { from: 100ms, to: 500ms } }`,
    ),
    'routes:',
    ...pairs.map(
      ({ login }) => `  - { name: "${login}", rules: [ { steps: [ { carriers: [ { name: "${login}" } ] } ] } ] }`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const ACCOUNT: Readonly<Record<Kind['protocol'], (login: string) => string>> = {
  smpp: (login) => `systemId: "${login}", password: { demo: ${SECRET} }`,
  cmpp: (login) => `systemId: "${login}", password: { demo: ${SECRET} }`,
};

const CARRIER: Readonly<Record<Kind['protocol'], (login: string, kind: Kind) => string>> = {
  smpp: (login) => `systemId: "${login}", password: { demo: ${SECRET} }`,
  cmpp: (login, { version }) => `version: "${version}", spId: "${login}", sharedSecret: { demo: ${SECRET} }`,
};
