import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CallbackServer, listenForCalls } from '../callback.ts';
import { type Carrier, type CarrierProtocol, startCarrier } from '../carrier.ts';
import { start } from '../process.ts';
import { type Outcome, runCell } from './cell.ts';

/** A protocol of one side in one version. */
interface Kind {
  readonly name: string;
  readonly protocol: CarrierProtocol;
  readonly version?: string;
}

const KINDS: readonly Kind[] = [
  { name: 'SMPP 3.4', protocol: 'smpp' },
  { name: 'CMPP 2.0', protocol: 'cmpp', version: '2.0' },
  { name: 'CMPP 3.0', protocol: 'cmpp', version: '3.0' },
  { name: 'SGIP 1.2', protocol: 'sgip' },
  { name: 'SMGP 3.0', protocol: 'smgp', version: '3.0' },
];

/** What became of each pair. */
export interface Matrix {
  /** Names of the protocols, on either side. */
  readonly kinds: readonly string[];
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
  /** Where the platform is dialled. */
  readonly callback: CallbackServer | undefined;
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
    for (const [p, platform] of KINDS.entries()) {
      for (const [c, carrier] of KINDS.entries()) {
        const login = `90${p}${c}01`;
        const simulated = await carrierOf(carrier, login);
        stops.push(() => simulated.stop());
        const callback = platform.protocol === 'sgip' ? await listenForCalls(0) : undefined;
        stops.push(() => callback?.server.close());
        const service = `1069${p}${c}`;
        const firstNumber = 8613800000000 + p * 10_000 + c * 100;
        pairs.push({ platform, carrier, login, service, firstNumber, simulated, callback });
      }
    }
    const config = join(folder, 'matrix.yaml');
    writeFileSync(config, configOf(folder, pairs));
    const node = await start('gateway', [gateway, 'serve', '--config', config, '--ready-json']);
    stops.push(() => node.stop());
    const ports = node.ready.listeners as Readonly<Record<string, number>>;
    for (const { carrier, login, simulated } of pairs) {
      const { sgip } = ports;
      if (carrier.protocol !== 'sgip' || sgip === undefined) continue;
      simulated.callBack(login, { port: sgip, name: deliverer(login), secret: SECRET });
    }

    const cells = await Promise.all(
      pairs.map(async ({ platform, carrier, login, service, firstNumber, simulated, callback }) => {
        const { protocol, version } = platform;
        const port = ports[protocol];
        if (port === undefined) throw new Error(`the gateway does not say its ${protocol} port`);
        const outcome = await runCell({
          platform: {
            port,
            protocol,
            ...(version !== undefined && { version }),
            systemId: login,
            password: SECRET,
            ...(callback !== undefined && { callback: callback.server }),
          },
          carrier: simulated,
          service,
          firstNumber,
        });
        return { platform: platform.name, carrier: carrier.name, ...outcome };
      }),
    );
    return { kinds: KINDS.map((k) => k.name), cells };
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

/** Login of an SMG on its connections to the gateway. */
const deliverer = (login: string): string => `smg${login}`;

function configOf(folder: string, pairs: readonly Pair[]): string {
  const protocols = new Set(KINDS.map((k) => k.protocol));
  const lines = [
    'demo: true',
    `node: { name: matrix, data: "${join(folder, 'data')}", stopWithin: 3s }`,
    'log: { level: warn }',
    'store: { maxOctets: 4GiB }',
    'admin: { listen: 127.0.0.1:0 }',
    'listeners:',
    ...[...protocols].map((protocol) => `  - { name: ${protocol}, protocol: ${protocol}, listen: 127.0.0.1:0 }`),
    'accounts:',
    ...pairs.map((pair) => `  - ${accountOf(pair)}`),
    'carriers:',
    ...pairs.map((pair) => `  - ${carrierKeysOf(pair)}`),
    'routes:',
    ...pairs.map(
      ({ login }) => `  - { name: "${login}", rules: [ { steps: [ { carriers: [ { name: "${login}" } ] } ] } ] }`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function accountOf({ login, service, platform, callback }: Pair): string {
  const usual = `name: "${login}", protocol: ${platform.protocol}, route: "${login}", mo: ["${service}"]`;
  const dial =
    callback === undefined
      ? ''
      : `, sgip: { callback: { host: 127.0.0.1, port: ${callback.port}, systemId: "${login}", password: { demo: ${SECRET} } } }`;
  return `{ ${usual}, systemId: "${login}", password: { demo: ${SECRET} }${dial} }`;
}

function carrierKeysOf({ login, carrier: { protocol, version }, simulated }: Pair): string {
  const own = {
    smpp: `systemId: "${login}", password: { demo: ${SECRET} }`,
    cmpp: `version: "${version}", spId: "${login}", sharedSecret: { demo: ${SECRET} }`,
    sgip: `systemId: "${login}", password: { demo: ${SECRET} }, corpId: "12345", areaCode: "010", deliver: { systemId: "${deliverer(login)}", password: { demo: ${SECRET} } }`,
    smgp: `version: "${version}", clientId: "${login}", sharedSecret: { demo: ${SECRET} }`,
  };
  const usual = `name: "${login}", protocol: ${protocol}, host: 127.0.0.1, port: ${simulated.port}`;
  return `{ ${usual}, ${own[protocol]}, reconnect: { from: 100ms, to: 500ms } }`;
}
