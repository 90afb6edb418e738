import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Node } from '../src/cli/serve.ts';
import {
  ACTIVE_TEST,
  CONNECT,
  connectBody,
  connectSp,
  DELIVER,
  deliverBody,
  type Frame,
  frame,
  type Ismg,
  loginSp,
  reportBody,
  type Sp,
  type SpOptions,
  SUBMIT,
  startIsmg,
  submitBody,
  TERMINATE,
} from './support/cmpp-peers.ts';
import { type Setup, until } from './support/node.ts';
import { carrierUp, kept, useRig } from './support/rig.ts';

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly version: '2.0' | '3.0';
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>>;
}
const vectors = JSON.parse(readFileSync(new URL('./vectors/cmpp.json', import.meta.url), 'utf8')) as Vector[];
const vector = (name: string): Buffer => Buffer.from(vectors.find((v) => v.name === name)!.hex, 'hex');

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ACCOUNT =
  'name: sp, protocol: cmpp, systemId: "900001", password: { demo: secret }, route: main, mo: ["1069000"]';

type NodeSetup = Partial<Omit<Setup, 'carriers'>> & { readonly carriers: Setup['carriers']; readonly sp?: string };

const setupOf = ({ sp = '', ...setup }: NodeSetup) => ({
  ...setup,
  listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0"'],
  accounts: [`${ACCOUNT}${sp === '' ? '' : `, ${sp}`}`, ...(setup.accounts ?? [])],
});

const portOf = (node: Node): number => node.listeners.get('cmpp')!.address.port;

async function carrier(version = 0x20): Promise<Ismg> {
  const ismg = await startIsmg(version);
  closers.push(() => ismg.stop());
  return ismg;
}

/** A node between CMPP platforms and one raw CMPP carrier. */
async function start(
  version = 0x20,
  more: Partial<NodeSetup> = {},
  keys = '',
): Promise<{ node: Node; ismg: Ismg; port: number }> {
  const ismg = await carrier(version);
  const name = version === 0x30 ? '3.0' : '2.0';
  const node = await rig.node(
    setupOf({
      carriers: [
        { name: 'mobile', protocol: 'cmpp', port: ismg.port, version: name, ...(keys === '' ? {} : { more: keys }) },
      ],
      ...more,
    }),
  );
  await carrierUp(node, 'mobile');
  return { node, ismg, port: portOf(node) };
}

async function login(port: number, options?: SpOptions): Promise<Sp> {
  const sp = await loginSp(port, options);
  closers.push(() => sp.socket.destroy());
  return sp;
}
async function open(port: number): Promise<Sp> {
  const sp = await connectSp(port);
  closers.push(() => sp.socket.destroy());
  return sp;
}

/** The carrier says DELIVRD of everything, at once behind its answer. */
function reporting(ismg: Ismg, v3: boolean, stat = 'DELIVRD'): void {
  ismg.onSubmit = (id, sequence, f) => [
    ismg.accept(id, sequence),
    ...f.to.map((to, i) => {
      const own = Buffer.from(id);
      own.writeUInt16BE(own.readUInt16BE(6) + i, 6);
      return frame(
        DELIVER,
        90_000 + own.readUInt16BE(6),
        deliverBody({ report: 1, content: reportBody(own, stat, to, v3 ? 32 : 21), from: to }, v3),
      );
    }),
  ];
}

const statusOf = (f: Frame, v3 = false): number => (v3 ? f.body.readUInt32BE(0) : f.body.readUInt8(0));

describe('login', () => {
  it('of frames that others made, answered octet for octet', async () => {
    const { port } = await start(0x20, {
      accounts: [
        'name: golden, protocol: cmpp, systemId: "901234", password: { demo: s3cr3tPw }, route: main',
        'name: short, protocol: cmpp, systemId: "9012", password: { demo: s3cr3tPw }, route: main',
      ],
    });
    const ask = async (name: string): Promise<Frame> => {
      const sp = await open(port);
      sp.send(vector(name));
      await until('answered', () => sp.frames.length === 1);
      return sp.frames[0]!;
    };
    expect((await ask('connect_30')).octets.toString('hex')).toBe(vector('connect_resp_30_ok').toString('hex'));
    const two = await ask('connect_20_leading_zero_timestamp');
    expect(two.octets.length).toBe(30);
    expect(statusOf(two)).toBe(0);
    expect(statusOf(await ask('connect_20_short_source_addr_padded_md5'))).toBe(0);
    const three = await ask('connect_30_smsgate');
    expect(three.octets.length).toBe(33);
    expect(statusOf(three, true)).toBe(0);
  });

  it('failures have their statuses, and the connection ends', async () => {
    const { port } = await start(0x20, {
      accounts: [
        'name: away, protocol: cmpp, systemId: "900002", password: { demo: secret }, route: main, allowedIps: [192.0.2.1]',
        'name: off, protocol: cmpp, systemId: "900003", password: { demo: secret }, route: main, enabled: false',
        'name: one, protocol: cmpp, systemId: "900004", password: { demo: secret }, route: main, maxBinds: 1',
        // Of a protocol that this listener does not speak.
        'name: other, systemId: "900005", password: { demo: secret }, route: main',
      ],
    });
    const refused = async (name: string, secret = 'secret', version = 0x20): Promise<number> => {
      const sp = await open(port);
      const answer = await sp.request(CONNECT, connectBody(name, secret, version));
      await until('closed', () => sp.closed);
      return statusOf(answer, answer.octets.length === 33);
    };
    expect(await refused('900001', 'Secret')).toBe(3);
    expect(await refused('999999')).toBe(3);
    expect(await refused('900002')).toBe(2);
    expect(await refused('900003')).toBe(3);
    expect(await refused('900005')).toBe(3);
    expect(await refused('900001', 'secret', 0x40)).toBe(4);
    expect(await refused('900001', 'Secret', 0x30)).toBe(3);
    await login(port, { name: '900004' });
    expect(await refused('900004')).toBe(5);
  });

  it('deviation 10: the version of each bind is honoured, whatever it is, on one listener and account', async () => {
    const { port, ismg } = await start();
    reporting(ismg, false);
    for (const [version, octets] of [
      [0x00, 21],
      [0x01, 21],
      [0x20, 21],
      [0x21, 21],
      [0x30, 24],
    ] as const) {
      const sp = await login(port, { version });
      expect(await sp.submit({ to: '13900000000' })).toMatchObject({ result: 0, octets });
      const [report] = await sp.reports(1);
      expect(report!.octets).toBe(version === 0x30 ? 71 : 60);
      sp.socket.destroy();
      await until('gone', () => sp.closed);
    }
  });

  it('active tests are answered and asked for; TERMINATE is answered and ends it', async () => {
    const ismg = await carrier();
    const node = await rig.node({
      ...setupOf({ carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port }] }),
      listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0", enquireLink: 100ms'],
    });
    const sp = await login(portOf(node));
    expect((await sp.request(ACTIVE_TEST)).octets.toString('hex')).toMatch(/^0000000d80000008\w{8}00$/);
    await until('asked', () => sp.frames.filter((f) => f.command === ACTIVE_TEST).length >= 3);
    expect((await sp.request(TERMINATE)).octets.length).toBe(12);
    await until('closed', () => sp.closed);
  });

  it('before a login nothing else is taken; FWD and what is no request of a platform never', async () => {
    const { port, node } = await start();
    const stranger = await open(port);
    stranger.send(frame(SUBMIT, 1, submitBody({}, true)));
    await until('answered or closed', () => stranger.closed || stranger.frames.length > 0);
    if (stranger.frames.length > 0) expect(stranger.frames[0]!.body.subarray(8).readUInt32BE(0)).not.toBe(0);
    const sp = await login(port);
    sp.send(vector('fwd_20_mt'));
    await until('refused', () => sp.frames.some((f) => f.command === 0x80000009));
    expect(sp.frames.find((f) => f.command === 0x80000009)!.body.at(-1)).toBe(2);
    expect(kept(node)).toBe(0);
  });
});

describe('SUBMIT', () => {
  const foreign = vectors.filter((v) => v.decoded.command === 'CMPP_SUBMIT');

  it.each(foreign)('$name is answered, and comes to the carrier as it was', async (v) => {
    const v3 = v.version === '3.0';
    const fmt = v.decoded.msg_fmt as number;
    const first = fmt === 0 ? 'ascii' : fmt === 15 ? 'gbk' : 'ucs2';
    const { port, ismg } = await start(v3 ? 0x30 : 0x20, {}, `coding: [${first}], numbers: "+86"`);
    const sp = await login(port, { version: v3 ? 0x30 : 0x20 });
    const octets = Buffer.from(v.hex, 'hex');
    if (v.decoded.valid_time !== '') {
      // Its time is over; what else is in it is not.
      expect((await answerTo(sp, octets)).body.readUInt32BE(8)).toBe(1);
      octets.fill(0, v3 ? 85 : 73, v3 ? 102 : 90);
      sp.frames.length = 0;
    }
    sp.send(octets);
    await until('answered', () => sp.frames.some((f) => f.command === 0x80000004));
    const answer = sp.frames.find((f) => f.command === 0x80000004)!;
    expect(answer.sequence).toBe(octets.readUInt32BE(8));
    expect(answer.body.subarray(8).every((octet) => octet === 0)).toBe(true);
    const to = v.decoded.dest_terminal_id as string[];
    await until('at the carrier', () => ismg.submits.length === to.length);
    for (const [i, { fields }] of ismg.submits.entries()) {
      expect(fields.to).toEqual([`+86${to[i]!.slice(-11)}`]);
      expect(fields.msgFmt).toBe(fmt);
      expect(fields.content.toString('hex')).toBe(contentOf(octets, v3, to.length).toString('hex'));
      expect(fields.tpUdhi).toBe(v.decoded.tp_udhi);
      expect(fields.srcId).toBe(v.decoded.src_id);
    }
  });
});

async function answerTo(sp: Sp, octets: Buffer): Promise<Frame> {
  const before = sp.frames.length;
  sp.send(octets);
  await until('answered', () => sp.frames.length > before);
  return sp.frames.at(-1)!;
}

function contentOf(octets: Buffer, v3: boolean, receivers: number): Buffer {
  const at = v3 ? 12 + 129 + 32 * receivers + 1 : 12 + 117 + 21 * receivers;
  return octets.subarray(at + 1, at + 1 + octets[at]!);
}
