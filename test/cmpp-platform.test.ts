import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { startNode } from '../src/cli/serve.ts';
import { parseConfig } from '../src/config/load.ts';
import { replay } from '../src/gateway/replay.ts';
import * as cmpp from './support/cmpp-peers.ts';
import { cmppPort, cmppSetup, reporting, useCmpp } from './support/cmpp-rig.ts';
import { configOf, until, yamlOf } from './support/node.ts';
import { carrierUp, kept, receiptOf, recordsOf } from './support/rig.ts';

const { ACTIVE_TEST, CANCEL, CONNECT, QUERY, RESP, SUBMIT, TERMINATE, field, frame, ucs2 } = cmpp;

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly version: '2.0' | '3.0';
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>>;
}
const vectors = JSON.parse(readFileSync(new URL('./vectors/cmpp.json', import.meta.url), 'utf8')) as Vector[];
const vector = (name: string): Buffer => Buffer.from(vectors.find((v) => v.name === name)!.hex, 'hex');

const { rig, carrier, start, login, open } = useCmpp();

/** `YYMMDDhhmmss032+` */
const absolute = (at: number): string =>
  `${new Date(at + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(2, 14)}032+`;

const statusOf = (f: cmpp.Frame, v3 = false): number => (v3 ? f.body.readUInt32BE(0) : f.body.readUInt8(0));

describe('login', () => {
  it('of frames that others made, answered octet for octet', async () => {
    const { port } = await start({
      accounts: [
        'name: golden, protocol: cmpp, systemId: "901234", password: { demo: s3cr3tPw }, route: main',
        'name: short, protocol: cmpp, systemId: "9012", password: { demo: s3cr3tPw }, route: main',
      ],
    });
    const ask = async (name: string): Promise<cmpp.Frame> => {
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
    const { port } = await start({
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
      const answer = await sp.request(CONNECT, cmpp.connectBody(name, secret, version));
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
    reporting(ismg);
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
      ...cmppSetup({ carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port }] }),
      listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0", enquireLink: 100ms'],
    });
    const sp = await login(cmppPort(node));
    expect((await sp.request(ACTIVE_TEST)).octets.toString('hex')).toMatch(/^0000000d80000008\w{8}00$/);
    await until('asked', () => sp.frames.filter((f) => f.command === ACTIVE_TEST).length >= 3);
    expect((await sp.request(TERMINATE)).octets.length).toBe(12);
    await until('closed', () => sp.closed);
  });

  it('before a login nothing else is taken; FWD and what is no request of a platform never', async () => {
    const { port, node } = await start();
    const stranger = await open(port);
    stranger.send(frame(SUBMIT, 1, cmpp.submitBody({}, true)));
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
    const { port, ismg } = await start({
      version: v3 ? 0x30 : 0x20,
      carrier: `coding: [${first}], numbers: "+86"`,
    });
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

  it('what cannot be taken has its Result, and nothing of it is kept', async () => {
    const { port, node, ismg } = await start({
      sp: 'allowedSources: ["1069*"]',
      rules:
        '[ { destination: "86", steps: [ { carriers: [ { name: mobile } ] } ] }, { destination: "1", steps: [ { carriers: [ { name: mobile } ] } ] } ]',
    });
    const sp = await login(port);
    const refused: readonly (readonly [cmpp.SubmitFields, number])[] = [
      [{ to: [] }, 1],
      [{ to: Array.from({ length: 101 }, (_, i) => `138000${10_000 + i}`) }, 1],
      // A charging record for the carrier, not a message for a phone.
      [{ report: 2 }, 1],
      [{ content: 'a'.repeat(160) }, 6],
      [{ msgFmt: 8, content: ucs2('字'.repeat(71)) }, 6],
      [{ msgFmt: 4, content: Buffer.alloc(141) }, 6],
      [{ tpUdhi: 1, msgFmt: 8, content: Buffer.from('0500030202', 'hex') }, 1],
      [{ tpUdhi: 1, content: '' }, 1],
      [{ srcId: '95588' }, 10],
      [{ to: '12' }, 13],
      [{ to: 'nobody' }, 13],
      [{ to: '' }, 13],
      [{ to: '13800000001234567890123'.slice(0, 21) }, 13],
      [{ to: '4915112345678' }, 9],
      [{ validTime: '150731224820032+' }, 1],
      [{ validTime: '401231000000032+', atTime: '401231000001032+' }, 1],
    ];
    for (const [fields, result] of refused) {
      expect(await sp.submit(fields), JSON.stringify(fields).slice(0, 80)).toEqual({
        msgId: '0'.repeat(16),
        result,
        octets: 21,
      });
    }
    expect(kept(node)).toBe(0);
    expect((await sp.submit({ content: 'a'.repeat(159) })).result).toBe(0);
    expect((await sp.submit({ content: '' })).result).toBe(0);
    await until('only the good ones', () => ismg.submits.length === 3);
    expect(ismg.submits.every(({ fields }) => fields.content.length <= 159)).toBe(true);
  });

  it('too fast, too many, and a store that fails are flow control', async () => {
    const { port, node, ismg } = await start({ sp: 'throughput: 2', store: 'hotMessages: 3' });
    ismg.onSubmit = () => [];
    const sp = await login(port);
    const results = await Promise.all([sp.submit(), sp.submit(), sp.submit()]);
    expect(results.map((r) => r.result)).toEqual([0, 0, 8]);
    await until('a second later', () => node.gw.accounts.get('sp')!.rate.room(Date.now()) === 2);
    expect((await sp.submit()).result).toBe(0);
    await until('a second later', () => node.gw.accounts.get('sp')!.rate.room(Date.now()) === 2);
    expect((await sp.submit()).result).toBe(8);
    expect(kept(node)).toBe(3);
  });

  it('one that comes again before it is answered is answered twice and taken once', async () => {
    const { port, ismg, node } = await start({ store: 'commitDelay: 400ms' });
    const sp = await login(port);
    const body = cmpp.submitBody({ content: 'once' }, false);
    const other = cmpp.submitBody({ content: 'other' }, false);
    // The last has the number of the others, but is none of them.
    sp.send(frame(SUBMIT, 7, body), frame(SUBMIT, 7, body), frame(SUBMIT, 8, body), frame(SUBMIT, 7, other));
    const answers = (): cmpp.Frame[] => sp.frames.filter((f) => f.command === SUBMIT + RESP);
    await until('four answers', () => answers().length === 4);
    expect(answers().map((f) => f.sequence)).toEqual([7, 7, 8, 7]);
    const ids = answers().map((f) => f.body.toString('hex', 0, 8));
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
    expect(answers().every((f) => f.body[8] === 0)).toBe(true);
    await until('three', () => ismg.submits.length === 3);
    // Once it is answered the number is free.
    sp.send(frame(SUBMIT, 7, body));
    await until('four', () => ismg.submits.length === 4);
    expect(node.gw.accounts.get('sp')!.counters).toMatchObject({ accepted: 4, resent: 1 });
  });

  it('every Msg_Fmt keeps what it is', async () => {
    const { port, ismg } = await start({ carrier: 'coding: [ascii, gbk, ucs2]' });
    const sp = await login(port);
    const sent: readonly (readonly [fmt: number, content: Buffer, comes?: number])[] = [
      [0, Buffer.from('plain')],
      [3, Buffer.from('a0c20000ff', 'hex')],
      [4, Buffer.from('00ff80', 'hex')],
      [8, ucs2('你好😀')],
      [9, ucs2('你好😀'), 8],
      [15, Buffer.from('c4e3bac3', 'hex')],
      [16, Buffer.from('flash')],
      [17, Buffer.from('phone')],
      [24, ucs2('闪信')],
      [26, ucs2('卡上')],
      [245, Buffer.from('0605040b8423f0', 'hex')],
      [246, Buffer.from('027000', 'hex')],
    ];
    for (const [msgFmt, content] of sent) expect((await sp.submit({ msgFmt, content })).result).toBe(0);
    await until('all there', () => ismg.submits.length === sent.length);
    expect(ismg.submits.map(({ fields }) => [fields.msgFmt, fields.content.toString('hex')])).toEqual(
      sent.map(([fmt, content, comes = fmt]) => [comes, content.toString('hex')]),
    );
  });

  it('level, protocol, validity and schedule go on; fees are the carrier\u2019s', async () => {
    const { port, ismg } = await start({
      carrier: 'serviceId: OURS, feeType: "02", feeCode: "000010", feeUserType: 2',
    });
    const sp = await login(port);
    const fields = {
      level: 9,
      tpPid: 0x7f,
      validTime: '401231000000032+',
      serviceId: 'THEIRS',
      fee: [3, '13900000000', '03', '999999'],
    } as const;
    expect((await sp.submit(fields)).result).toBe(0);
    // Whole seconds: that is what the field has.
    const at = Math.ceil(Date.now() / 1000) * 1000 + 1_000;
    expect((await sp.submit({ ...fields, level: 0, atTime: absolute(at) })).result).toBe(0);
    await until('the first', () => ismg.submits.length >= 1);
    expect(ismg.submits[0]!.fields).toMatchObject({
      level: 9,
      tpPid: 0x7f,
      validTime: '401231000000032+',
      serviceId: 'OURS',
      feeUserType: 2,
      feeTerminal: '',
      feeType: '02',
      feeCode: '000010',
      pk: [1, 1],
    });
    await until('the second', () => ismg.submits.length === 2);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    expect(ismg.submits[1]!.fields).toMatchObject({ level: 0, atTime: '' });
  });

  it('fees are the platform\u2019s where the account says so; a LinkID always goes on', async () => {
    const { port, ismg } = await start({
      version: 0x30,
      sp: 'cmpp: { charging: platform }',
      carrier: 'serviceId: OURS',
    });
    const sp = await login(port, { version: 0x30 });
    await sp.submit({ serviceId: 'THEIRS', fee: [3, '13900000000', '03', '999999'], linkId: '0123456789abcdef' });
    await until('there', () => ismg.submits.length === 1);
    expect(ismg.submits[0]!.fields).toMatchObject({
      serviceId: 'THEIRS',
      feeUserType: 3,
      feeTerminal: '13900000000',
      feeType: '03',
      feeCode: '999999',
      tail: '0123456789abcdef',
    });
  });
});

describe('SUBMIT to many', () => {
  const many = (n: number): string[] => Array.from({ length: n }, (_, i) => `1380000${1000 + i}`);

  it.each([
    ['2.0', 0x20],
    ['3.0', 0x30],
  ])('one answer for a hundred, a report for each with Msg_Id + k (%s)', async (_, version) => {
    const { port, ismg } = await start();
    reporting(ismg);
    const sp = await login(port, { version });
    const { msgId, result } = await sp.submit({ to: many(100) });
    expect(result).toBe(0);
    const reports = await sp.reports(100);
    const first = BigInt(`0x${msgId}`);
    const told = new Map(reports.map((r) => [r.to, BigInt(`0x${r.msgId}`) - first]));
    expect([...told].sort()).toEqual(many(100).map((to, k) => [to, BigInt(k)]));
    expect(sp.frames.filter((f) => f.command === SUBMIT + RESP)).toHaveLength(1);
  });

  it('the sequence never carries within one: ids are set aside up front', async () => {
    const { port, ismg, node } = await start();
    reporting(ismg);
    const sp = await login(port);
    // Three before 16 bits are full, and three before a million: where a block would carry, it begins behind it.
    for (const edge of [65_536, 1_000_000, 4_000_000]) {
      const base = Math.ceil(node.gw.state.nextId / 4_000_000) * 4_000_000;
      node.gw.state.nextId = base + edge - 3;
      const before = await sp.submit();
      const { msgId } = await sp.submit({ to: many(10) });
      const low = Number.parseInt(msgId.slice(12), 16);
      expect(low + 9, `${edge}`).toBeLessThan(65_536);
      expect(low).toBe(edge % 65_536 === 0 || edge === 4_000_000 ? 0 : edge % 65_536);
      expect(Number.parseInt(before.msgId.slice(12), 16)).toBe((edge - 3) % 65_536);
      sp.delivers.length = 0;
    }
  });

  it('one bad number refuses all of them', async () => {
    const { port, ismg, node } = await start();
    const sp = await login(port);
    expect((await sp.submit({ to: [...many(5), '99'] })).result).toBe(13);
    expect(kept(node)).toBe(0);
    expect(node.gw.carriers.get('mobile')).toMatchObject({ promised: 0, queued: 0 });
    expect((await sp.submit({ to: many(5) })).result).toBe(0);
    await until('these', () => ismg.submits.length === 5);
    expect(node.gw.accounts.get('sp')!.counters).toMatchObject({ accepted: 5, refused: 1 });
  });

  it('where the room ends in the middle, none is taken and the room is given back', async () => {
    const { port, ismg, node } = await start({ carrier: 'window: 1, queue: { max: 6 }' });
    ismg.onSubmit = () => [];
    const sp = await login(port);
    expect((await sp.submit({ to: many(4) })).result).toBe(0);
    await until('one at the carrier', () => ismg.submits.length === 1);
    expect((await sp.submit({ to: many(8) })).result).toBe(8);
    expect(node.gw.carriers.get('mobile')!.promised).toBe(0);
    expect(kept(node)).toBe(4);
    expect((await sp.submit({ to: many(2) })).result).toBe(0);
    expect(kept(node)).toBe(6);
  });

  it('counts for each receiver where the throughput is limited', async () => {
    const { port, node } = await start({ sp: 'throughput: 6' });
    const sp = await login(port);
    const results = await Promise.all([sp.submit(), sp.submit({ to: many(6) }), sp.submit({ to: many(5) })]);
    expect(results.map((r) => r.result)).toEqual([0, 8, 0]);
    expect(node.gw.accounts.get('sp')!.counters).toMatchObject({ accepted: 6, refused: 1 });
  });
});

describe('CANCEL and QUERY', () => {
  const LATER = '401231000000032+';
  const cancel = async (sp: cmpp.Sp, id: string, v3 = false): Promise<number> => {
    const answer = await sp.request(CANCEL, Buffer.from(id, 'hex'));
    expect(answer.octets.length).toBe(v3 ? 16 : 13);
    return statusOf(answer, v3);
  };

  it('takes back what has not left, by its Msg_Id alone', async () => {
    const { port, ismg } = await start({
      sp: 'validity: 3650d',
      accounts: [
        'name: two, protocol: cmpp, systemId: "900002", password: { demo: secret }, route: main, validity: 3650d',
      ],
    });
    const sp = await login(port);
    const three = await login(port, { version: 0x30 });
    const other = await login(port, { name: '900002' });
    const one = await sp.submit({ to: '13800000007', atTime: LATER });
    const bulk = await three.submit({ to: ['13800000001', '13800000002', '13800000003'], atTime: LATER });
    const gone = await sp.submit({ report: 0 });
    await until('gone', () => ismg.submits.length === 1);
    expect(await cancel(other, one.msgId)).toBe(1);
    expect(await cancel(sp, gone.msgId)).toBe(1);
    expect(await cancel(sp, '0'.repeat(16))).toBe(1);
    expect(await cancel(sp, 'f'.repeat(16))).toBe(1);
    // The right number in another second, or of another node.
    const other1 = (BigInt(`0x${one.msgId}`) ^ (1n << 38n)).toString(16).padStart(16, '0');
    const other2 = (BigInt(`0x${one.msgId}`) ^ (1n << 36n)).toString(16).padStart(16, '0');
    expect([await cancel(sp, other1), await cancel(sp, other2)]).toEqual([1, 1]);
    expect(await cancel(sp, one.msgId)).toBe(0);
    expect(await cancel(sp, one.msgId)).toBe(1);
    // Of several: the second by its own id, the rest by that of the answer.
    const second = (BigInt(`0x${bulk.msgId}`) + 1n).toString(16).padStart(16, '0');
    expect(await cancel(three, second, true)).toBe(0);
    const told = (): (readonly [string, string])[] =>
      [...sp.delivers, ...three.delivers].map((d) => cmpp.readReport(d.content)).map((r) => [r.to, r.stat] as const);
    await until('two reports', () => told().length === 2);
    expect(await cancel(three, bulk.msgId, true)).toBe(0);
    await until('all reports', () => told().length === 4);
    expect(told().sort()).toEqual(
      ['13800000001', '13800000002', '13800000003', '13800000007'].map((to) => [to, 'DELETED']),
    );
    expect(ismg.submits).toHaveLength(1);
  });

  it('finds a message of before many restarts', async () => {
    const { port, node } = await start({ sp: 'validity: 3650d' });
    const sp = await login(port);
    const { msgId } = await sp.submit({ atTime: LATER });
    node.gw.state.nextId += 4_000_000 * 15_000;
    expect(await cancel(sp, msgId)).toBe(0);
  });

  it('QUERY tells what became of the messages of a day', async () => {
    const { port, ismg } = await start();
    reporting(ismg);
    const sp = await login(port);
    const dayOf = (at: number): string => new Date(at + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');
    const ask = async (day: string, service?: string): Promise<number[]> => {
      const type = Buffer.of(service === undefined ? 0 : 1);
      const { body } = await sp.request(QUERY, field(day, 8), type, field(service ?? '', 10), Buffer.alloc(8));
      expect(body.length).toBe(51);
      expect(body.toString('latin1', 0, 8)).toBe(day);
      return Array.from({ length: 8 }, (_, i) => body.readUInt32BE(19 + 4 * i));
    };
    // Of today, and of the day on which the test began should that have been yesterday.
    const began = dayOf(Date.now());
    const askToday = async (service?: string): Promise<number[]> => {
      const days = [...new Set([began, dayOf(Date.now())])];
      const counts = await Promise.all(days.map((day) => ask(day, service)));
      return counts.reduce((a, c) => a.map((n, i) => n + c[i]!));
    };
    expect(await askToday()).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    await sp.submit({ to: ['13800000001', '13800000002'], serviceId: 'A' });
    await sp.submit({ serviceId: 'B' });
    await sp.reports(3);
    reporting(ismg, false, 'MK:0001');
    await sp.submit({ serviceId: 'B' });
    await sp.reports(4);
    ismg.onSubmit = () => [];
    await sp.submit({ serviceId: 'B' });
    expect(await ismg.deliver(cmpp.deliverBody({ content: Buffer.from('hi'), serviceId: 'B' }, false))).toBe(0);
    await sp.mos(1);
    await until('counted', () => sp.delivers.length === 5);
    // MT: requests, receivers, delivered, waiting, failed; MO: delivered, waiting, failed.
    await expect.poll(() => askToday()).toEqual([4, 5, 3, 1, 1, 1, 0, 0]);
    expect(await askToday('A')).toEqual([1, 2, 2, 0, 0, 0, 0, 0]);
    expect(await askToday('B')).toEqual([3, 3, 1, 1, 1, 1, 0, 0]);
    expect(await askToday('C')).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(await ask('20200101')).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(await ask('2020x101')).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('reports', () => {
  it('name the message as it was answered, its times, and the receiver as it was given', async () => {
    const { port, ismg } = await start({ carrier: 'numbers: plain' });
    reporting(ismg);
    const two = await login(port);
    const { msgId } = await two.submit({ to: '+8613800000001', srcId: '106900001234567890123', serviceId: 'NEWS' });
    await two.reports(1);
    const [deliver] = two.delivers;
    expect(ismg.submits[0]!.fields.to).toEqual(['13800000001']);
    expect(deliver).toMatchObject({
      destId: '106900001234567890123',
      serviceId: 'NEWS',
      srcTerminal: '+8613800000001',
      isReport: 1,
      tpUdhi: 0,
      msgFmt: 0,
    });
    const report = cmpp.readReport(deliver!.content);
    expect(report).toMatchObject({ msgId, stat: 'DELIVRD', to: '+8613800000001', octets: 60 });
    const minute = (at: number): string => new Date(at + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(2, 12);
    for (const time of [report.submitTime, report.doneTime]) {
      expect([minute(Date.now()), minute(Date.now() - 60_000)]).toContain(time);
    }
    // Month to minute of Msg_Id are those of its taking.
    const id = BigInt(`0x${msgId}`);
    const parts = [id >> 60n, (id >> 55n) & 31n, (id >> 50n) & 31n, (id >> 44n) & 63n];
    expect(parts.map((part) => String(part).padStart(2, '0')).join('')).toBe(report.submitTime.slice(2));
  });

  it('go to whichever connection has room, each in the layout of its version', async () => {
    const { port, ismg } = await start({ sp: 'window: 1' });
    const two = await login(port);
    const three = await login(port, { version: 0x30 });
    two.answer = () => undefined;
    three.answer = () => undefined;
    reporting(ismg);
    await two.submit();
    await two.submit();
    await until('one on each', () => two.delivers.length + three.delivers.length === 2);
    expect(cmpp.readReport(two.delivers[0]!.content).octets).toBe(60);
    expect(cmpp.readReport(three.delivers[0]!.content).octets).toBe(71);
  });

  it('deviation 8: a CMPP carrier\u2019s own word is kept, whatever it is', async () => {
    const { port, ismg } = await start();
    const sp = await login(port);
    const words = [
      'DELIVRD',
      'EXPIRED',
      'UNDELIV',
      'REJECTD',
      'MK:0001',
      'ID:0076',
      'CB:0005',
      'AF:4',
      'BLACK',
      'NOROUTE',
      'DB:0141',
    ];
    for (const [i, word] of words.entries()) {
      reporting(ismg, false, word);
      await sp.submit({ to: `1380000000${i % 10}` });
      expect((await sp.reports(i + 1)).at(-1)!.stat).toBe(word);
    }
    // Neither of these can be passed on as it is.
    for (const [i, [word, told]] of (
      [
        ['', 'UNKNOWN'],
        ['wrong', 'UNDELIV'],
        ['12', 'UNDELIV'],
      ] as const
    ).entries()) {
      reporting(ismg, false, word);
      await sp.submit();
      expect((await sp.reports(words.length + i + 1)).at(-1)!.stat, word).toBe(told);
    }
  });

  it('of carriers of another protocol have CMPP\u2019s word for the state', async () => {
    const smsc = await rig.smsc();
    smsc.reportAfter = undefined;
    const node = await rig.node(cmppSetup({ carriers: [{ name: 'intl', protocol: 'smpp', port: smsc.port }] }));
    await carrierUp(node, 'intl');
    const sp = await login(cmppPort(node));
    const said = [
      ['DELIVRD', '000', 'DELIVRD'],
      ['UNDELIV', '001', 'UNDELIV'],
      ['REJECTD', '069', 'REJECTD'],
      ['EXPIRED', '0F5', 'EXPIRED'],
      ['UNKNOWN', '', 'UNKNOWN'],
      ['DELETED', 'abc', 'DELETED'],
    ] as const;
    for (const [i, [stat, err, told]] of said.entries()) {
      const { msgId } = await sp.submit();
      await until('there', () => smsc.submits.length === i + 1);
      expect(smsc.submits[i]!.pdu.service_type).toBe('SVC');
      await smsc.report(smsc.submits[i]!.pdu, String(1000 + i), stat, err);
      expect((await sp.reports(i + 1)).at(-1)).toMatchObject({ msgId, stat: told });
    }
    // service_type has room for five.
    await sp.submit({ serviceId: 'LONGERNAME' });
    await until('there', () => smsc.submits.length === said.length + 1);
    expect(smsc.submits.at(-1)!.pdu.service_type).toBe('');
  });

  it('a submit that the carrier refuses, or that runs out of time, is reported', async () => {
    const { port, ismg } = await start();
    const sp = await login(port);
    ismg.onSubmit = (id, sequence) => [frame(SUBMIT + RESP, sequence, id, Buffer.of(13))];
    await sp.submit();
    expect((await sp.reports(1))[0]!.stat).toBe('REJECTD');
    ismg.onSubmit = (id, sequence) => [frame(SUBMIT + RESP, sequence, id, Buffer.of(8))];
    await sp.submit({ validTime: absolute(Date.now() + 4_000) });
    expect((await sp.reports(2))[1]!.stat).toMatch(/^(EXPIRED|REJECTD)$/);
    ismg.onSubmit = (id, sequence) => [ismg.accept(id, sequence)];
    // None is asked for: none comes, before that of the next.
    await sp.submit({ report: 0 });
    reporting(ismg);
    await sp.submit();
    expect((await sp.reports(3))[2]!.stat).toBe('DELIVRD');
    expect(sp.delivers).toHaveLength(3);
  });

  it('are told again until they are taken, and given up where they are refused for good', async () => {
    const { port, ismg, node } = await start();
    reporting(ismg);
    const sp = await login(port);
    const results = [8, 3, 0, 9];
    sp.answer = () => results.shift();
    const { msgId } = await sp.submit();
    const reports = await sp.reports(3);
    expect(reports.map((r) => r.msgId)).toEqual([msgId, msgId, msgId]);
    await until('taken', () => kept(node) === 0);
    await sp.submit();
    await sp.reports(4);
    await until('given up', () => kept(node) === 0);
    expect(node.gw.accounts.get('sp')!.counters).toMatchObject({ receipts: 1, receiptsRefused: 1, receiptsRetried: 2 });
    // No answer before the connection is gone.
    await sp.submit();
    await sp.reports(5);
    sp.socket.destroy();
    const again = await login(port, { version: 0x30 });
    expect((await again.reports(1))[0]).toMatchObject({ octets: 71, stat: 'DELIVRD' });
    await until('taken', () => kept(node) === 0);
  });
});

describe('ids', () => {
  it('are those of the answer after a restart, and never used twice', async () => {
    const data = rig.folder();
    const ismg = await carrier();
    const setup = cmppSetup({ carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port }] });
    const first = await rig.node({ ...setup, data });
    await carrierUp(first, 'mobile');
    const sp = await login(cmppPort(first));
    const bulk = await sp.submit({ to: ['13800000001', '13800000002'] });
    const taken = [];
    for (let i = 0; i < 50; i++) taken.push((await sp.submit({ report: 0 })).msgId);
    const last = first.gw.state.nextId;
    await first.stop();

    const node = await rig.node({ ...setup, data });
    await carrierUp(node, 'mobile');
    // Written as the one behind the last, wherever the clock says that it must be.
    expect(node.gw.state.nextId % 4_000_000).toBe(last % 4_000_000);
    expect(node.gw.state.nextId).toBeGreaterThanOrEqual(last);
    const again = await login(cmppPort(node));
    for (let i = 0; i < 50; i++) taken.push((await again.submit({ report: 0 })).msgId);
    expect(new Set(taken).size).toBe(100);
    const two = ismg.submits.filter((s) => s.fields.report === 1);
    expect(two).toHaveLength(2);
    for (const { id, fields } of two) {
      const content = cmpp.reportBody(id, 'DELIVRD', fields.to[0]!, 21);
      expect(await ismg.deliver(cmpp.deliverBody({ report: 1, content }, false))).toBe(0);
    }
    const told = (await again.reports(2)).map((r) => BigInt(`0x${r.msgId}`)).sort();
    expect(told).toEqual([BigInt(`0x${bulk.msgId}`), BigInt(`0x${bulk.msgId}`) + 1n]);

    // Told again on request, from the records: under the same ids once more.
    await until('taken', () => node.gw.accounts.get('sp')!.counters.receipts === 2);
    await recordsOf(node);
    expect(await replay(node.gw, { account: 'sp', from: 0, to: Date.now() + 1000 })).toMatchObject({ replayed: 2 });
    const both = (await again.reports(4)).map((r) => BigInt(`0x${r.msgId}`)).sort();
    expect(both).toEqual([told[0], told[0], told[1], told[1]]);
  });

  it('of two nodes differ by their code, given or made from the name', async () => {
    const ids = async (node: string): Promise<bigint> => {
      const ismg = await carrier();
      const config = yamlOf({
        ...cmppSetup({ carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port }] }),
        data: rig.folder(),
      }).replace('name: test,', `${node},`);
      const started = await startNode(parseConfig(config, 'test.yaml').config!, pino({ level: 'silent' }));
      const sp = await login(cmppPort(started));
      const { msgId } = await sp.submit();
      sp.socket.destroy();
      await started.stop(300);
      return BigInt(`0x${msgId}`);
    };
    expect(Number(((await ids('name: a, code: 1001')) >> 22n) & 0xffffn)).toBe(1001);
    const [a, b] = [await ids('name: a'), await ids('name: b')];
    expect((a >> 22n) & 0xffffn).not.toBe((b >> 22n) & 0xffffn);
  });
});

describe('MO', () => {
  it('keeps number, service, format, header and LinkID', async () => {
    const { port, ismg } = await start({ version: 0x30, sp: 'moForm: segments' });
    const sp = await login(port, { version: 0x30 });
    const udh = Buffer.from('050003420201', 'hex');
    const sent = [
      { content: Buffer.from('yes'), linkId: '20241124LINK', serviceId: 'VOTE' },
      { content: Buffer.concat([udh, ucs2('你好😀')]), msgFmt: 8, tpUdhi: 1 },
      { content: Buffer.from('c4e3bac3', 'hex'), msgFmt: 15 },
      { content: Buffer.from('0001ff', 'hex'), msgFmt: 4 },
      { content: Buffer.from('0001ff', 'hex'), msgFmt: 245 },
      { content: ucs2('闪'), msgFmt: 24 },
    ];
    for (const { linkId = '', ...f } of sent) {
      const body = cmpp.deliverBody(
        { ...f, destId: '10690001234', from: '8613900000001', tail: field(linkId, 20) },
        true,
      );
      expect(await ismg.deliver(body)).toBe(0);
    }
    const mos = await sp.mos(sent.length);
    for (const [i, { content, msgFmt = 0, tpUdhi = 0, linkId = '', serviceId = '' }] of sent.entries()) {
      expect(mos[i], `${i}`).toMatchObject({
        destId: '10690001234',
        srcTerminal: '8613900000001',
        msgFmt,
        tpUdhi,
        serviceId,
        tail: linkId,
      });
      expect(mos[i]!.content.toString('hex')).toBe(content.toString('hex'));
    }
    expect(new Set(mos.map((m) => m.msgId)).size).toBe(sent.length);
    // What the MO brought goes back with the answer to it.
    await sp.submit({ linkId: mos[0]!.tail });
    await until('there', () => ismg.submits.length === 1);
    expect(ismg.submits[0]!.fields.tail).toBe('20241124LINK');
    // 2.0 has no LinkID.
    sp.socket.destroy();
    const two = await login(port);
    await ismg.deliver(cmpp.deliverBody({ content: Buffer.from('no'), tail: field('LINK', 20) }, true));
    expect((await two.mos(1))[0]).toMatchObject({ tail: '', srcTerminal: '13800000001' });
  });

  it('of an SMPP carrier is in a format that CMPP has', async () => {
    const smsc = await rig.smsc();
    const node = await rig.node(cmppSetup({ carriers: [{ name: 'intl', protocol: 'smpp', port: smsc.port }] }));
    await carrierUp(node, 'intl');
    const sp = await login(cmppPort(node));
    const send = async (data_coding: number, text: Buffer): Promise<void> => {
      const answer = await smsc.deliver({
        source_addr: '13900000001',
        destination_addr: '1069000',
        data_coding,
        short_message: text,
      });
      expect(answer.command_status).toBe(0);
    };
    await send(0, Buffer.from('plain'));
    await send(0, Buffer.from([0x05, 0x1b, 0x65])); // é€
    await send(3, Buffer.from('caf\u00e9', 'latin1'));
    await send(8, ucs2('好'));
    await send(4, Buffer.from('00ff', 'hex'));
    await send(0, Buffer.alloc(160, 0x05)); // 320 octets in UCS2
    const mos = await sp.mos(8);
    expect(mos.slice(0, 5).map((m) => [m.msgFmt, m.content.toString('hex')])).toEqual([
      [0, Buffer.from('plain').toString('hex')],
      [8, ucs2('é€').toString('hex')],
      [8, ucs2('café').toString('hex')],
      [8, ucs2('好').toString('hex')],
      [4, '00ff'],
    ]);
    const parts = mos.slice(5);
    expect(parts.map((m) => [m.msgFmt, m.tpUdhi, m.content.length <= 140, m.content.toString('hex', 4, 6)])).toEqual(
      [1, 2, 3].map((k) => [8, 1, true, `030${k}`]),
    );
    expect(Buffer.concat(parts.map((m) => m.content.subarray(6))).equals(ucs2('é'.repeat(160)))).toBe(true);
  });
});

describe('an account that changes its protocol', () => {
  it('is told in the new one what was taken in the old, and the old binds go', async () => {
    const ismg = await carrier();
    const data = rig.folder();
    const carriers = [{ name: 'mobile', protocol: 'cmpp', port: ismg.port }] as const;
    const node = await rig.node({ ...cmppSetup({ carriers }), data });
    await carrierUp(node, 'mobile');
    const sp = await login(cmppPort(node));
    await sp.submit();
    await until('there', () => ismg.submits.length === 1);
    const smppNow = configOf({
      ...cmppSetup({ carriers }),
      data,
      accounts: [
        'name: sp, systemId: "900001", password: { demo: secret }, route: main',
        'name: one, protocol: cmpp, systemId: "900009", password: { demo: secret }, route: main',
      ],
    });
    await node.reload(smppNow);
    await until('the old bind goes', () => sp.closed);
    const { id, fields } = ismg.submits[0]!;
    const content = cmpp.reportBody(id, 'MK:0001', fields.to[0]!, 21);
    expect(await ismg.deliver(cmpp.deliverBody({ report: 1, content }, false))).toBe(0);
    const platform = await rig.platform(node.port, { systemId: '900001' });
    const [receipt] = await platform.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'UNDELIV', err: '001' });
    const refused = await open(cmppPort(node));
    expect(statusOf(await refused.request(CONNECT, cmpp.connectBody('900001', 'secret', 0x20)))).toBe(3);
  });
});

async function answerTo(sp: cmpp.Sp, octets: Buffer): Promise<cmpp.Frame> {
  const before = sp.frames.length;
  sp.send(octets);
  await until('answered', () => sp.frames.length > before);
  return sp.frames.at(-1)!;
}

function contentOf(octets: Buffer, v3: boolean, receivers: number): Buffer {
  const at = v3 ? 12 + 129 + 32 * receivers + 1 : 12 + 117 + 21 * receivers;
  return octets.subarray(at + 1, at + 1 + octets[at]!);
}
