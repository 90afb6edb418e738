import { pino } from 'pino';
import smpp from 'smpp';
import { afterEach, expect, test } from 'vitest';
import type { Finding } from '../simulators/conform/check.ts';
import { startJudge } from '../simulators/conform/judge/judge.ts';
import { JUDGEMENTS } from '../simulators/conform/judge/judgements.ts';
import { CONFORMANCE, type Protocol } from '../simulators/conform/protocols.ts';
import { type Node, startNode } from '../src/cli/serve.ts';
import { parseConfig } from '../src/config/load.ts';
import { nameOf } from './support/conform-rig.ts';
import { scratchFolder } from './support/node.ts';
import { useRig } from './support/rig.ts';
import { startWrongClient } from './support/wrong-client.ts';

// `yima conform --listen`: a carrier that judges its client.

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Keys of a carrier of the gateway, by protocol. */
const CARRIERS: Readonly<Record<Protocol, string>> = {
  smpp: 'systemId: acme, password: { demo: secret }',
  cmpp: 'version: "2.0", spId: "900001", sharedSecret: { demo: secret }',
  sgip: 'systemId: shop, password: { demo: secret }, corpId: "12345", areaCode: "010", deliver: { systemId: smg, password: { demo: secret } }',
  smgp: 'version: "3.0", clientId: "10659000", sharedSecret: { demo: secret }',
};

/** A node that sends everything to this carrier, given as YAML flow. */
async function gatewayTo(carrier: string): Promise<Node> {
  const folder = scratchFolder();
  const yaml = `
demo: true
node: { name: test, data: "${folder.path}", stopWithin: 1s }
log: { level: warn }
admin: { listen: 127.0.0.1:0 }
listeners: [ { name: smpp, protocol: smpp, listen: 127.0.0.1:0 }, { name: sgip, protocol: sgip, listen: 127.0.0.1:0 } ]
accounts: [ { name: acme, systemId: acme, password: { demo: secret }, route: main, mo: ["1069"] } ]
carriers: [ { ${carrier} } ]
routes: [ { name: main, rules: [ { steps: [ { carriers: [ { name: judge } ] } ] } ], next: { down: true } } ]
`;
  const loaded = parseConfig(yaml, 'test.yaml');
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.problems));
  const node = await startNode(loaded.config, pino({ level: process.env.YIMA_TEST_LOG ?? 'silent' }));
  closers.push(async () => {
    await node.stop(200);
    folder.remove();
  });
  return node;
}

const judgeSmpp = (options: { forMs: number; within: number; window: number }) =>
  startJudge({
    port: 0,
    account: { name: 'acme', secret: 'secret' },
    voice: CONFORMANCE.smpp.voice,
    version: 0x34,
    ...options,
  });

const failed = (findings: readonly Finding[]): string[] =>
  findings.filter((f) => f.outcome === 'fail').map((f) => f.name);

test.each(['smpp', 'cmpp', 'sgip', 'smgp'] as const)(
  'the gateway as a client of %s keeps to the specification',
  { timeout: 120_000 },
  async (protocol) => {
    const { voice, versions } = CONFORMANCE[protocol];
    const judge = await startJudge({
      port: 0,
      account: { name: nameOf(protocol), secret: 'secret' },
      voice,
      version: Object.values(versions)[0]!,
      forMs: 60_000,
      within: 5000,
      window: 10,
    });
    const node = await gatewayTo(
      `name: judge, protocol: ${protocol}, host: 127.0.0.1, port: ${judge.port}, window: 10, reconnect: { from: 100ms, to: 500ms }, ${CARRIERS[protocol]}`,
    );
    const platform = await rig.platform(node.listeners.get('smpp')!.address.port);
    let n = 0;
    const submit = (): void => {
      const text = `message ${++n}`.padEnd(n % 20 === 0 ? 200 : 10, '.');
      void platform.submit({
        source_addr: '10690000',
        destination_addr: `86138${String(n).padStart(8, '0')}`,
        short_message: Buffer.from(text),
      });
    };
    for (let k = 0; k < 50; k++) submit();
    const trickle = setInterval(submit, 20);
    const findings = await judge.findings;
    clearInterval(trickle);
    const told = findings
      .filter((f) => f.outcome !== 'pass')
      .map((f) => [`${f.outcome} ${f.name}: ${f.came}`, ...f.exchange.slice(-10)].join('\n'));
    // SGIP has no sign of life to ask for.
    expect(told).toEqual(protocol === 'sgip' ? ['n/a probe-answered: the protocol has none'] : []);
  },
);

// ---- a client of the smpp package ------------------------------------------------------------------------------

test('a plain client of the smpp package fails where it is wrong, and only there', { timeout: 60_000 }, async () => {
  const judge = await judgeSmpp({ forMs: 6000, within: 500, window: 10 });
  const session = smpp.connect({ host: '127.0.0.1', port: judge.port });
  closers.push(() => session.destroy());
  session.on('error', () => session.destroy());
  session.on('deliver_sm', (pdu: smpp.PDU) => session.send(pdu.response()));
  session.on('connect', () => {
    session.bind_transceiver({ system_id: 'acme', password: 'secret' }, () => {
      const submitting = setInterval(() => {
        session.submit_sm({
          source_addr: '10690000',
          destination_addr: '8613800000001',
          registered_delivery: 1,
          short_message: Buffer.from('hello'),
        });
      }, 10);
      closers.push(() => clearInterval(submitting));
    });
  });
  expect(failed(await judge.findings)).toEqual(Object.keys(PACKAGE_FAILS));
});

/** What fails of it, and why that is true. */
const PACKAGE_FAILS: Readonly<Record<string, string>> = {
  window: 'it has no window: what is submitted is sent',
  'probe-answered': 'enquire_link has no listener unless one is written',
  reconnects: 'a session that was cut is over; to come back is left to who uses it',
};

// ---- clients that are wrong on purpose -------------------------------------------------------------------------

const WRONG = JUDGEMENTS.map(({ name }) => name).filter((name) => name !== 'throttle-resent');

test('every judgement fails of a client that is wrong in it', { timeout: 60_000 }, async () => {
  // A message may be given up after it was throttled: that one alone never fails.
  const told = await Promise.all(
    WRONG.map(async (wrong) => {
      const judge = await judgeSmpp({ forMs: 10_000, within: 400, window: 10 });
      const client = startWrongClient(judge.port, wrong);
      const findings = await judge.findings;
      client.stop();
      return [wrong, failed(findings).includes(wrong)] as const;
    }),
  );
  expect(told.filter(([, caught]) => !caught).map(([name]) => name)).toEqual([]);
});

test('a client that is wrong in nothing passes', { timeout: 60_000 }, async () => {
  const judge = await judgeSmpp({ forMs: 20_000, within: 2000, window: 10 });
  const client = startWrongClient(judge.port, undefined);
  const findings = await judge.findings;
  client.stop();
  expect(findings.filter((f) => f.outcome !== 'pass').map((f) => `${f.name}: ${f.came}`)).toEqual([]);
});
