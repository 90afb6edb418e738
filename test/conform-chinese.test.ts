import { afterEach, describe, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import { HEADER as CMPP } from '../simulators/conform/cmpp/tongue.ts';
import { answerTo, type Frame, type HeaderRule, writeFrame } from '../simulators/conform/frame.ts';
import { HEADER as SGIP } from '../simulators/conform/sgip/tongue.ts';
import { HEADER as SMGP } from '../simulators/conform/smgp/tongue.ts';
import { type OnBroken, startBroken } from './support/broken-server.ts';
import { checked, complaints, nameOf } from './support/conform-rig.ts';
import { freePort } from './support/free-port.ts';
import { carrierUp, useRig } from './support/rig.ts';

// `yima conform` for CMPP, SGIP and SMGP: the simulated carriers and the gateway's own servers keep to the
// specification, and every check fails of some server that is wrong on purpose.

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Chinese = 'cmpp' | 'sgip' | 'smgp';

const SPOKEN: readonly (readonly [Chinese, string])[] = [
  ['cmpp', '2.0'],
  ['cmpp', '2.1'],
  ['cmpp', '3.0'],
  ['smgp', '3.0'],
  ['smgp', '1.3'],
  ['sgip', '1.2'],
];

describe.each(SPOKEN)('%s %s', (protocol, version) => {
  test('the simulated carrier keeps to the specification', async () => {
    const listen = await freePort();
    const account = {
      name: nameOf(protocol),
      secret: 'secret',
      ...(protocol === 'sgip' && { callback: { port: listen } }),
    };
    const carrier = await startCarrier({ protocol, version, accounts: [account], behaviour: { reportDelay: 20 } });
    closers.push(() => carrier.stop());
    const result = await checked(protocol, carrier.port, { version, ...(protocol === 'sgip' && { listen }) });
    expect(complaints(result)).toEqual([]);
    expect(result.skipped).toEqual([]);
  });

  test('the server of the gateway keeps to the specification', { timeout: 120_000 }, async () => {
    const listen = await freePort();
    const back = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'yima', secret: 'secret' }],
      behaviour: { reportDelay: 20 },
    });
    closers.push(() => back.stop());
    const callback = `, sgip: { callback: { host: 127.0.0.1, port: ${listen}, systemId: shop, password: { demo: secret } } }`;
    const node = await rig.node({
      carriers: [{ name: 'back', protocol: 'smpp', port: back.port }],
      listeners: [`name: ${protocol}, protocol: ${protocol}, listen: "127.0.0.1:0"`],
      accounts: [
        `name: sp, protocol: ${protocol}, systemId: "${nameOf(protocol)}", password: { demo: secret }, route: main${
          protocol === 'sgip' ? callback : ''
        }`,
      ],
    });
    await carrierUp(node, 'back');
    const { port } = node.listeners.get(protocol)!.address;
    const result = await checked(protocol, port, { version, ...(protocol === 'sgip' && { listen }) });
    expect(complaints(result)).toEqual([]);
    // It takes a header that does not parse for text: SGIP has no code for it.
    expect(result.skipped).toEqual(protocol === 'sgip' ? ['long-broken-header'] : []);
  });
});

// ---- servers that are wrong on purpose -------------------------------------------------------------------------

interface Wrong {
  readonly header: HeaderRule;
  readonly login: number;
  readonly report: number;
  /** An answer that accepts, with an id that is always the same. */
  readonly yes: (frame: Frame) => Buffer;
  /** And one that refuses. */
  readonly no: (frame: Frame) => Buffer;
}

const ONES = Buffer.alloc(10, 0x11);
const code = (octets: number, value: number): Buffer => Buffer.concat([Buffer.alloc(octets - 1), Buffer.of(value)]);

const WRONG: Readonly<Record<Chinese, Wrong>> = {
  // CONNECT_RESP with version 0x7F and no proof; else eight octets and a code.
  cmpp: {
    header: CMPP,
    login: 1,
    report: 5,
    yes: ({ command }) =>
      command === 1
        ? Buffer.concat([Buffer.alloc(17), Buffer.of(0x7f)])
        : Buffer.concat([Buffer.alloc(8, 0xff), Buffer.of(0)]),
    no: ({ command }) =>
      command === 1
        ? Buffer.concat([Buffer.of(99), Buffer.alloc(17)])
        : Buffer.concat([Buffer.alloc(8), Buffer.of(99)]),
  },
  sgip: {
    header: SGIP,
    login: 1,
    report: 5,
    yes: () => Buffer.alloc(10),
    no: () => Buffer.concat([Buffer.of(99), Buffer.alloc(8)]),
  },
  smgp: {
    header: SMGP,
    login: 1,
    report: 3,
    yes: ({ command }) => (command === 1 ? Buffer.alloc(21) : Buffer.concat([ONES.map((n) => n | 0xf0), code(4, 0)])),
    no: ({ command }) =>
      command === 1 ? Buffer.concat([code(4, 99), Buffer.alloc(17)]) : Buffer.concat([Buffer.alloc(10), code(4, 99)]),
  },
};

function brokenServers({ header, login, yes, no }: Wrong): Readonly<Record<string, OnBroken>> {
  const answer =
    (body: (frame: Frame) => Buffer): OnBroken =>
    (frame, socket) =>
      void socket.write(writeFrame(header, answerTo(frame.command), frame.sequence, body(frame)));
  const lettingIn =
    (then: OnBroken): OnBroken =>
    (frame, socket) =>
      frame.command === login ? answer(yes)(frame, socket) : then(frame, socket);
  return {
    'says nothing at all': () => undefined,
    'refuses everything by a code of no table': answer(no),
    'lets everybody in, and then says nothing': lettingIn(() => undefined),
    'says yes to everything, answers included': answer(yes),
    'refuses all but logins': lettingIn(answer(no)),
    'answers all under one sequence': lettingIn(
      (frame, socket) =>
        void socket.write(writeFrame(header, answerTo(frame.command), '01'.repeat(header.sequenceOctets), yes(frame))),
    ),
    'sends octets that are no frame': lettingIn((_frame, socket) => void socket.write(Buffer.alloc(32, 0xff))),
    'ends at the first request': lettingIn((_frame, socket) => void socket.end()),
  };
}

test.each(['cmpp', 'sgip', 'smgp'] as const)(
  'every check of %s fails of some server that is wrong',
  { timeout: 300_000 },
  async (protocol) => {
    const wrong = WRONG[protocol];
    const some = new Set<string>();
    let all: readonly string[] = [];
    for (const [name, onFrame] of Object.entries(brokenServers(wrong))) {
      const broken = await startBroken(wrong.header, onFrame);
      const result = await checked(protocol, broken.port, {
        within: 40,
        reportWithin: 40,
        ...(protocol === 'sgip' && { listen: 0 }),
      });
      await broken.stop();
      all = result.findings.map((f) => f.name);
      expect(result.failed, name).not.toEqual([]);
      for (const failed of result.failed) some.add(failed);
    }
    expect(all.filter((name) => !some.has(name))).toEqual([]);
  },
);
