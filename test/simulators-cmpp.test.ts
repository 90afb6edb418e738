import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';

// The client speaks in octets: frames that other programs made, answers read at the offsets of the specification.
interface Vector {
  readonly name: string;
  readonly hex: string;
}
const vectors = JSON.parse(readFileSync(new URL('./vectors/cmpp.json', import.meta.url), 'utf8')) as Vector[];
const frameOf = (name: string): Buffer => Buffer.from(vectors.find((v) => v.name === name)!.hex, 'hex');

const SP = { name: '901234', secret: 's3cr3tPw' };
const CONNECT_20 = frameOf('connect_20_leading_zero_timestamp');
const CONNECT_30 = frameOf('connect_30');

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function carrierWith(options: Partial<CarrierOptions> = {}): Promise<Carrier> {
  const carrier = await startCarrier({ protocol: 'cmpp', accounts: [SP], ...options });
  stops.push(() => carrier.stop());
  return carrier;
}

async function until(is: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!is()) {
    if (performance.now() > end) throw new Error(`never: ${is}`);
    await new Promise((r) => setTimeout(r, 2));
  }
}

interface Client {
  readonly frames: Buffer[];
  readonly delivers: Buffer[];
  closed: boolean;
  write(...frames: Buffer[]): void;
  /** The n-th frame (from 0) of this command. */
  frame(command: number, n?: number): Promise<Buffer>;
}

const commandOf = (frame: Buffer): number => frame.readUInt32BE(4);
const sequenceOf = (frame: Buffer): number => frame.readUInt32BE(8);

/** Result of a DELIVER_RESP; undefined: no answer. */
type Answer = (deliver: Buffer) => number | undefined;

async function clientOf(carrier: Carrier, version: '2.0' | '3.0' = '2.0', answer: Answer = () => 0): Promise<Client> {
  const socket = connect(carrier.port, '127.0.0.1');
  socket.on('error', () => undefined);
  stops.push(() => socket.destroy());
  await once(socket, 'connect');
  let rest = Buffer.alloc(0);
  const client: Client = {
    frames: [],
    delivers: [],
    closed: false,
    write: (...frames) => void socket.write(Buffer.concat(frames)),
    async frame(command, n = 0) {
      const of = (): Buffer[] => client.frames.filter((f) => commandOf(f) === command);
      await until(() => of().length > n);
      return of()[n]!;
    },
  };
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
      const frame = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(frame.length);
      client.frames.push(frame);
      if (commandOf(frame) !== 5) continue;
      client.delivers.push(frame);
      const result = answer(frame);
      if (result === undefined) continue;
      const resp = Buffer.alloc(version === '2.0' ? 21 : 24);
      resp.writeUInt32BE(resp.length, 0);
      resp.writeUInt32BE(0x80000005, 4);
      resp.writeUInt32BE(sequenceOf(frame), 8);
      frame.copy(resp, 12, 12, 20);
      resp[resp.length - 1] = result;
      client.write(resp);
    }
  });
  socket.on('close', () => {
    client.closed = true;
  });
  return client;
}

async function loggedIn(carrier: Carrier, version: '2.0' | '3.0' = '2.0', answer?: Answer): Promise<Client> {
  const client = await clientOf(carrier, version, answer);
  client.write(version === '2.0' ? CONNECT_20 : CONNECT_30);
  const resp = await client.frame(0x80000001);
  expect(version === '2.0' ? resp[12] : resp.readUInt32BE(12)).toBe(0);
  return client;
}

const md5 = (...parts: (Buffer | string)[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** Text of a fixed field, at the specification's offset. */
const field = (frame: Buffer, at: number, size: number): string =>
  frame
    .subarray(at, at + size)
    .toString('latin1')
    .replace(/\0.*$/s, '');

interface Report {
  readonly msgId: string;
  readonly stat: string;
  readonly submitTime: string;
  readonly doneTime: string;
  readonly destTerminalId: string;
}

/** The report in a DELIVER of 145 (2.0) or 180 octets (3.0). */
function reportOf(frame: Buffer): Report {
  const is30 = frame.length === 180;
  if (!is30) expect(frame.length).toBe(145);
  const width = is30 ? 32 : 21;
  // Header 12, Msg_Id 8, Dest_Id 21, Service_Id 10, TP_pid, TP_udhi, Msg_Fmt, Src_terminal_Id, [type], then these:
  const at = 12 + 8 + 21 + 10 + 3 + width + (is30 ? 1 : 0);
  expect([frame[at], frame[at + 1]]).toEqual([1, is30 ? 71 : 60]);
  const o = at + 2;
  const destTerminalId = field(frame, o + 35, width);
  expect(field(frame, 12 + 8 + 21 + 10 + 3, width)).toBe(destTerminalId);
  return {
    msgId: frame.subarray(o, o + 8).toString('hex'),
    stat: field(frame, o + 8, 7),
    submitTime: field(frame, o + 15, 10),
    doneTime: field(frame, o + 25, 10),
    destTerminalId,
  };
}

/** The parts of a Msg_Id by the specification's bits. */
function parts(msgId: string): Record<'month' | 'day' | 'hour' | 'minute' | 'second' | 'gateway' | 'sequence', number> {
  const id = BigInt(`0x${msgId}`);
  const bits = (shift: bigint, width: bigint): number => Number((id >> shift) & ((1n << width) - 1n));
  return {
    month: bits(60n, 4n),
    day: bits(55n, 5n),
    hour: bits(50n, 5n),
    minute: bits(44n, 6n),
    second: bits(38n, 6n),
    gateway: bits(16n, 22n),
    sequence: bits(0n, 16n),
  };
}

/** Seconds since 1970 of Beijing's month to second, in this year. */
function beijing(t: ReturnType<typeof parts>): number {
  return Date.UTC(new Date().getUTCFullYear(), t.month - 1, t.day, t.hour - 8, t.minute, t.second) / 1000;
}

describe('login', () => {
  test('2.0: 30 octets, proof over a Status of one octet', async () => {
    const client = await clientOf(await carrierWith());
    client.write(CONNECT_20);
    const resp = await client.frame(0x80000001);
    expect([resp.length, sequenceOf(resp), resp[12], resp[29]]).toEqual([30, 1, 0, 0x20]);
    const proof = md5(Buffer.from([0]), CONNECT_20.subarray(18, 34), SP.secret);
    expect(resp.subarray(13, 29).toString('hex')).toBe(proof);
  });

  test('3.0: 33 octets, proof over four', async () => {
    const client = await clientOf(await carrierWith({ version: '3.0' }));
    client.write(CONNECT_30);
    const resp = await client.frame(0x80000001);
    expect([resp.length, resp.readUInt32BE(12), resp[32]]).toEqual([33, 0, 0x30]);
    expect(resp.subarray(16, 32).toString('hex')).toBe(md5(Buffer.alloc(4), CONNECT_30.subarray(18, 34), SP.secret));
  });

  test('a carrier of 3.0 speaks 2.0 with those who ask for it; one of 2.0 says that 3.0 is too high', async () => {
    const three = await clientOf(await carrierWith({ version: '3.0' }));
    three.write(CONNECT_20);
    expect((await three.frame(0x80000001)).length).toBe(30);
    const two = await carrierWith({ version: '2.0' });
    const client = await clientOf(two);
    client.write(CONNECT_30);
    const resp = await client.frame(0x80000001);
    expect([resp.length, resp[12], resp[29]]).toEqual([30, 4, 0x20]);
    await until(() => client.closed);
    expect(two.books.counts.bindsRefused).toBe(1);
  });

  test('refuses a wrong secret with 3, an unknown name with 2, too many sessions with 5', async () => {
    for (const [accounts, status] of [
      [[{ name: '901234', secret: 'other' }], 3],
      [[{ name: '901235', secret: 's3cr3tPw' }], 2],
      [[{ ...SP, maxSessions: 0 }], 5],
    ] as const) {
      const client = await clientOf(await carrierWith({ accounts }));
      client.write(CONNECT_20);
      const resp = await client.frame(0x80000001);
      expect(resp[12]).toBe(status);
      expect(resp.subarray(13, 29).equals(Buffer.alloc(16))).toBe(true);
      await until(() => client.closed);
    }
  });

  test('takes a short name hashed with its padding', async () => {
    const client = await clientOf(await carrierWith({ accounts: [{ name: '9012', secret: SP.secret }] }));
    client.write(frameOf('connect_20_short_source_addr_padded_md5'));
    expect((await client.frame(0x80000001))[12]).toBe(0);
  });

  test('ends a connection that submits before its login', async () => {
    const carrier = await carrierWith();
    const client = await clientOf(carrier);
    client.write(frameOf('submit_20_ascii'));
    await until(() => client.closed);
    expect([client.frames, carrier.books.counts.submits]).toEqual([[], 0]);
  });
});

describe('submits and reports', () => {
  test('2.0: SUBMIT_RESP of 21 octets, a Msg_Id of now, a report of 60 octets with that id', async () => {
    const carrier = await carrierWith({ record: 'messages' });
    const client = await loggedIn(carrier);
    const before = Math.floor(Date.now() / 1000);
    client.write(frameOf('submit_20_ascii'));
    const resp = await client.frame(0x80000004);
    expect([resp.length, sequenceOf(resp), resp[20]]).toEqual([21, 16, 0]);
    const msgId = resp.subarray(12, 20).toString('hex');
    expect(beijing(parts(msgId))).toBeGreaterThanOrEqual(before - 1);
    expect(beijing(parts(msgId))).toBeLessThanOrEqual(Date.now() / 1000 + 1);
    expect(parts(msgId).gateway).toBe(1001);

    const report = reportOf(await client.frame(5));
    expect(report).toMatchObject({ msgId, stat: 'DELIVRD', destTerminalId: '13800138000' });
    const year = String(new Date(Date.now() + 8 * 3_600_000).getUTCFullYear() % 100);
    expect(report.submitTime).toMatch(new RegExp(`^${year}[01]\\d[0-3]\\d[0-2]\\d[0-5]\\d$`));
    // To the number that the SP sent from.
    const submit = frameOf('submit_20_ascii');
    expect(field(client.delivers[0]!, 20, 21)).toBe(field(submit, 12 + 8 + 4 + 10 + 1 + 21 + 3 + 6 + 2 + 6 + 34, 21));
    await until(() => carrier.books.counts.reportsAnswered === 1);
    expect(carrier.books.counts).toMatchObject({ submits: 1, messages: 1, accepted: 1, stray: 0, wrongEcho: 0 });
    expect(carrier.books.messages).toMatchObject([{ text: 'Hello CMPP 2.0, code 1234.', coding: 'ascii' }]);
  });

  test('3.0: SUBMIT_RESP of 24 octets, a report of 71', async () => {
    const carrier = await carrierWith({ version: '3.0' });
    const client = await loggedIn(carrier, '3.0');
    client.write(frameOf('submit_30_ascii'));
    const resp = await client.frame(0x80000004);
    expect([resp.length, resp.readUInt32BE(20)]).toEqual([24, 0]);
    const report = reportOf(await client.frame(5));
    expect(report).toMatchObject({ msgId: resp.subarray(12, 20).toString('hex'), stat: 'DELIVRD' });
    await until(() => carrier.books.counts.reportsAnswered === 1);
  });

  test('bulk: one answer, and a report for each receiver with Msg_Id + k', async () => {
    const carrier = await carrierWith({ version: '3.0', record: 'messages' });
    const client = await loggedIn(carrier, '3.0');
    client.write(frameOf('submit_30_three_recipients'), frameOf('submit_30_ascii'));
    const first = parts((await client.frame(0x80000004)).subarray(12, 20).toString('hex'));
    await client.frame(5, 3);
    const reports = client.delivers.slice(0, 3).map(reportOf);
    expect(reports.map((r) => r.destTerminalId)).toEqual(['13800138000', '13900139000', '13700137000']);
    expect(reports.map((r) => parts(r.msgId))).toEqual(
      [0, 1, 2].map((k) => ({ ...first, sequence: (first.sequence + k) & 0xffff })),
    );
    // The next message does not take an id of the range.
    const next = parts((await client.frame(0x80000004, 1)).subarray(12, 20).toString('hex'));
    expect(next.sequence).toBe((first.sequence + 3) & 0xffff);
    expect(carrier.books.counts).toMatchObject({ submits: 2, messages: 4, accepted: 2 });
    expect(carrier.books.messages.map((m) => [m.destination, m.text]).slice(0, 3)).toEqual([
      ['13800138000', '群发测试'],
      ['13900139000', '群发测试'],
      ['13700137000', '群发测试'],
    ]);
  });

  test('no report where none was asked for', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier);
    client.write(frameOf('submit_20_ucs2_two_recipients_smsgate'), frameOf('submit_20_ascii'));
    await client.frame(5);
    expect(carrier.books.counts).toMatchObject({ accepted: 2, messages: 3, reports: 1 });
  });

  test.each([
    ['submit_20_ucs2', '【签名】您的验证码是1234，请勿泄露。'],
    ['submit_20_gbk_fmt15', '您好，世界 hello'],
    ['submit_20_flash_ucs2_fmt24', '闪信'],
    ['submit_20_gbk_go_cmpp', '【测试】go_cmpp提交'],
    ['submit_20_ucs2_itio', 'IT codec 测试'],
  ])('reads the text of %s', async (name, text) => {
    const carrier = await carrierWith({ record: 'messages' });
    const client = await loggedIn(carrier);
    client.write(frameOf(name));
    await client.frame(0x80000004);
    expect(carrier.books.messages.map((m) => m.text)).toEqual([text]);
  });

  test('joins a long message of other makers, whatever comes first', async () => {
    const carrier = await carrierWith({ record: 'messages' });
    const client = await loggedIn(carrier);
    client.write(frameOf('submit_20_long_ascii200_smsgate_part2of2'));
    client.write(frameOf('submit_20_long_ascii200_smsgate_part1of2'));
    await client.frame(0x80000004, 1);
    expect(carrier.books.messages.map((m) => m.text)).toEqual(['0123456789'.repeat(20)]);
    expect(carrier.books.messages[0]!.ids.length).toBe(2);
  });

  test('refuses what a gateway refuses', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier);
    const good = frameOf('submit_20_ascii');
    const changed = (at: number, value: number): Buffer => {
      const frame = Buffer.from(good);
      frame[at] = value;
      return frame;
    };
    const srcAt = 12 + 8 + 4 + 10 + 1 + 21 + 3;
    const cases: [Buffer, number][] = [
      [changed(21, 0), 1], // Pk_number 0
      [changed(20, 0), 1], // Pk_total 0
      [changed(srcAt, 0x38), 9], // Msg_src of another SP
      [changed(srcAt - 2, 1), 1], // TP_udhi, but the text is no header
    ];
    for (const [frame] of cases) client.write(frame);
    await client.frame(0x80000004, cases.length - 1);
    const results = client.frames.filter((f) => commandOf(f) === 0x80000004).map((f) => f[20]);
    expect(results).toEqual(cases.map(([, result]) => result));
    expect(carrier.books.counts).toMatchObject({ accepted: 0, refused: 4 });
    // One that does not read is answered too, and the session goes on.
    const cut = Buffer.from(good.subarray(0, 60));
    cut.writeUInt32BE(60, 0);
    client.write(cut, good);
    expect((await client.frame(0x80000004, 4))[20]).toBe(1);
    expect((await client.frame(0x80000004, 5))[20]).toBe(0);
  });

  test('flow control, errors and vendor words', async () => {
    const carrier = await carrierWith({ behaviour: { throttle: { perSecond: 1 } } });
    const client = await loggedIn(carrier);
    client.write(frameOf('submit_20_ascii'), frameOf('submit_20_two_recipients'));
    expect((await client.frame(0x80000004, 1))[20]).toBe(8);
    carrier.change({ throttle: { perSecond: 0 }, errorRate: { probability: 1, code: 100 } });
    client.write(frameOf('submit_20_ascii'));
    expect((await client.frame(0x80000004, 2))[20]).toBe(100);
    carrier.change({ errorRate: { probability: 0 }, reports: { states: { 'MK:0012': 1 } } });
    client.write(frameOf('submit_20_ascii'));
    expect(reportOf(await client.frame(5, 1)).stat).toBe('MK:0012');
    for (const [n, [state, stat]] of [
      ['UNDELIVERABLE', 'UNDELIV'],
      ['EXPIRED', 'EXPIRED'],
      ['REJECTED', 'REJECTD'],
    ].entries()) {
      carrier.change({ reports: { states: { [state!]: 1 } } });
      client.write(frameOf('submit_20_ascii'));
      expect(reportOf(await client.frame(5, 2 + n)).stat).toBe(stat);
    }
  });

  test('spoils a sequence where CMPP has it', async () => {
    const carrier = await carrierWith({ behaviour: { garbage: { probability: 1, kind: 'sequence' } } });
    const client = await loggedIn(carrier);
    client.write(frameOf('submit_20_ascii'));
    expect(sequenceOf(await client.frame(0x80000004))).toBe(0x7ffffff1);
  });

  test('repeats reports that were refused, and after the next login those that were not answered', async () => {
    const carrier = await carrierWith({ behaviour: { redeliver: { refused: 1 } } });
    const answers: (number | undefined)[] = [8, undefined];
    const client = await loggedIn(carrier, '2.0', () => answers.shift());
    client.write(frameOf('submit_20_ascii'));
    await client.frame(5, 1);
    carrier.dropAll();
    const next = await loggedIn(carrier);
    const ids = [...client.delivers, await next.frame(5)].map((f) => reportOf(f).msgId);
    expect(new Set(ids).size).toBe(1);
    await until(() => carrier.books.counts.reportsAnswered === 1);
    expect(carrier.books.counts).toMatchObject({ reportsRefused: 1, reportsRepeated: 2 });
  });

  test('notices an answer that names another message than it answers', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier, '2.0', () => undefined);
    client.write(frameOf('submit_20_ascii'));
    const deliver = await client.frame(5);
    const resp = frameOf('deliver_resp_20_ok');
    resp.writeUInt32BE(sequenceOf(deliver), 8);
    client.write(resp);
    await until(() => carrier.books.counts.reportsAnswered === 1);
    client.write(resp);
    await until(() => carrier.books.counts.stray === 1);
    expect(carrier.books.counts.wrongEcho).toBe(1);
  });

  test('an answer to a report without Msg_Id and Result is no good one, and ends nothing', async () => {
    const carrier = await carrierWith({ behaviour: { redeliver: { refused: 1 } } });
    let delivers = 0;
    const client = await loggedIn(carrier, '2.0', () => (++delivers === 1 ? undefined : 0));
    client.write(frameOf('submit_20_ascii'));
    const deliver = await client.frame(5);
    const resp = Buffer.alloc(12);
    resp.writeUInt32BE(12, 0);
    resp.writeUInt32BE(0x80000005, 4);
    resp.writeUInt32BE(sequenceOf(deliver), 8);
    client.write(resp);
    await client.frame(5, 1);
    await until(() => carrier.books.counts.reportsAnswered === 1);
    expect(carrier.books.counts).toMatchObject({ reportsRefused: 1, wrongEcho: 1 });
  });

  test('ids never repeat, however many a second takes', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier);
    const n = 140_000;
    const submit = Buffer.from(frameOf('submit_20_ascii'));
    submit[22] = 0;
    const batch = Buffer.concat(Array.from({ length: 1000 }, () => submit));
    for (let k = 0; k < n / 1000; k++) client.write(batch);
    const seen = new Set<string>();
    let read = 1;
    await until(() => {
      for (; read < client.frames.length; read++) seen.add(client.frames[read]!.toString('latin1', 12, 20));
      return read === n + 1;
    });
    expect(seen.size).toBe(n);
  });
});

describe('the rest of the protocol', () => {
  test('ACTIVE_TEST, QUERY, CANCEL, TERMINATE', async () => {
    const carrier = await carrierWith({ behaviour: { reportDelay: 300_000 } });
    const client = await loggedIn(carrier);
    client.write(frameOf('active_test'));
    expect((await client.frame(0x80000008)).toString('hex')).toBe(frameOf('active_test_resp').toString('hex'));

    client.write(frameOf('submit_20_ascii'), frameOf('query_by_service'));
    const resp = await client.frame(0x80000004);
    const figures = await client.frame(0x80000006);
    expect([figures.length, sequenceOf(figures)]).toEqual([63, 128]);
    expect(figures.subarray(12, 31).equals(frameOf('query_by_service').subarray(12, 31))).toBe(true);
    expect([figures.readUInt32BE(31), figures.readUInt32BE(35), figures.readUInt32BE(43)]).toEqual([1, 1, 1]);

    const cancel = Buffer.alloc(20);
    cancel.writeUInt32BE(20, 0);
    cancel.writeUInt32BE(7, 4);
    const wrong = Buffer.from(cancel);
    resp.copy(cancel, 12, 12, 20);
    client.write(cancel, wrong);
    expect([await client.frame(0x80000007), await client.frame(0x80000007, 1)].map((f) => [f.length, f[12]])).toEqual([
      [13, 0],
      [13, 1],
    ]);
    client.write(frameOf('terminate'));
    expect((await client.frame(0x80000002)).toString('hex')).toBe(frameOf('terminate_resp').toString('hex'));
    await until(() => client.closed && carrier.sessions === 0);
  });

  test('asks a silent client for a sign of life', async () => {
    const carrier = await carrierWith({ behaviour: { probe: { every: 1 } } });
    const client = await loggedIn(carrier);
    expect((await client.frame(8)).length).toBe(12);
  });

  test('closes on a command that is none, and on a frame that is none', async () => {
    const carrier = await carrierWith();
    for (const octets of ['0000000c0000007700000001', '0000000400000004', 'ffffffff00000004']) {
      const client = await loggedIn(carrier);
      client.write(Buffer.from(octets, 'hex'));
      await until(() => client.closed);
    }
    expect(carrier.books.counts.malformed).toBe(3);
  });
});

describe('messages from handsets', () => {
  /** Offsets of a 2.0 DELIVER. */
  const mo = (f: Buffer) => ({
    destId: field(f, 20, 21),
    udhi: f[52],
    fmt: f[53],
    from: field(f, 54, 21),
    report: f[75],
    content: f.subarray(77, 77 + f[76]!),
    size: f.length,
  });

  test('short ones: ASCII, UCS-2, or GBK where asked for', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier);
    const from = '13800138000';
    const to = '10690000';
    expect(await carrier.injectMo({ from, to, text: 'TD' })).toBe(1);
    expect(await carrier.injectMo({ from, to, text: '退订' })).toBe(1);
    expect(await carrier.injectMo({ from, to, text: '退订', coding: 'gbk' })).toBe(1);
    const seen = client.delivers.map(mo);
    expect(seen.map((m) => [m.destId, m.from, m.report, m.udhi, m.fmt, m.content.toString('hex'), m.size])).toEqual([
      [to, from, 0, 0, 0, '5444', 87],
      [to, from, 0, 0, 8, '90008ba2', 89],
      [to, from, 0, 0, 15, 'cdcbb6a9', 89],
    ]);
    expect(carrier.books.counts).toMatchObject({ mos: 3, mosAnswered: 3 });
  });

  test('long ones in parts', async () => {
    const carrier = await carrierWith();
    const client = await loggedIn(carrier);
    const text = '上行长短信测试内容'.repeat(9);
    expect(await carrier.injectMo({ from: '13800138000', to: '10690000', text })).toBe(2);
    const seen = client.delivers.map(mo);
    expect(seen.map((m) => [m.udhi, m.fmt, ...m.content.subarray(0, 3), ...m.content.subarray(4, 6)])).toEqual([
      [1, 8, 5, 0, 3, 2, 1],
      [1, 8, 5, 0, 3, 2, 2],
    ]);
    expect(Buffer.concat(seen.map((m) => m.content.subarray(6))).equals(Buffer.from(text, 'utf16le').swap16())).toBe(
      true,
    );
    expect(() => carrier.injectMo({ from: '1', to: '2', text, long: 'payload' })).toThrow(/message_payload/);
    expect(() => carrier.injectMo({ from: '1', to: '2', text, coding: 'gsm7' })).toThrow(/ascii, gbk, ucs2/);
  });
});
