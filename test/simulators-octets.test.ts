import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { createLoad } from '../simulators/platform.ts';
import type { ReceivedMo } from '../simulators/platform-protocol.ts';
import { until } from './support/node.ts';

// SGIP and SMGP simulators, spoken to in octets: frames that other programs made, answers read at the offsets of the
// specification.

interface Vector {
  readonly name: string;
  readonly hex: string;
}
const vectors = (protocol: string): ((name: string) => Buffer) => {
  const all = JSON.parse(readFileSync(new URL(`./vectors/${protocol}.json`, import.meta.url), 'utf8')) as Vector[];
  return (name) => Buffer.from(all.find((v) => v.name === name)!.hex, 'hex');
};
const sgip = vectors('sgip');
const smgp = vectors('smgp');

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Line {
  readonly frames: Buffer[];
  readonly socket: Socket;
  closed: boolean;
  write(...frames: Buffer[]): void;
  /** Waits for the n-th frame (from 1) of this command. */
  frame(command: number, n?: number): Promise<Buffer>;
}

function lineOn(socket: Socket): Line {
  let rest = Buffer.alloc(0);
  const line: Line = {
    frames: [],
    socket,
    closed: false,
    write: (...frames) => void socket.write(Buffer.concat(frames)),
    async frame(command, n = 1) {
      const of = (): Buffer[] => line.frames.filter((f) => f.readUInt32BE(4) === command);
      await until(`frame ${n} of ${command.toString(16)}`, () => of().length >= n);
      return of()[n - 1]!;
    },
  };
  socket.on('error', () => undefined);
  socket.on('close', () => {
    line.closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
      const frame = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(frame.length);
      line.frames.push(frame);
    }
  });
  stops.push(() => socket.destroy());
  return line;
}

async function dial(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1');
  const line = lineOn(socket);
  await once(socket, 'connect');
  return line;
}

/** Where somebody is expected to call. */
async function expectCalls(): Promise<{ port: number; lines: Line[] }> {
  const lines: Line[] = [];
  const server = createServer((socket) => void lines.push(lineOn(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, lines };
}

async function carrierOf(options: CarrierOptions): Promise<Carrier> {
  const carrier = await startCarrier({ record: 'messages', ...options });
  stops.push(() => carrier.stop());
  return carrier;
}

/** The frame again with another command, and what is to be laid over it. */
function like(frame: Buffer, changes: (b: Buffer) => void): Buffer {
  const b = Buffer.from(frame);
  changes(b);
  return b;
}

/** SGIP: 29 octets of an answer to this frame. */
function answerTo(request: Buffer, result: number): Buffer {
  const b = Buffer.alloc(29);
  b.writeUInt32BE(29, 0);
  b.writeUInt32BE((request.readUInt32BE(4) | 0x80000000) >>> 0, 4);
  request.copy(b, 8, 8, 20);
  b[20] = result;
  return b;
}

const textAt = (b: Buffer, start: number, width: number): string =>
  b.toString('latin1', start, start + width).replace(/\0.*$/, '');

describe('SGIP carrier', () => {
  const SP = { name: 'sp_login', secret: 'sp_passwd' };

  async function bound(options: Partial<CarrierOptions> = {}): Promise<{ carrier: Carrier; line: Line }> {
    const carrier = await carrierOf({ protocol: 'sgip', accounts: [SP], ...options });
    const line = await dial(carrier.port);
    line.write(sgip('bind_smsgate'));
    expect(await line.frame(0x80000001)).toEqual(answerTo(sgip('bind_smsgate'), 0));
    return { carrier, line };
  }

  it('answers submits of others with their own sequence number, and reads their texts', async () => {
    const { carrier, line } = await bound();
    const names = ['submit_ascii_sp_pays', 'submit_gbk', 'submit_long_udh6_part1', 'submit_long_udh6_part2'];
    line.write(...names.map(sgip));
    for (const [k, name] of names.entries()) {
      expect(await line.frame(0x80000003, k + 1)).toEqual(answerTo(sgip(name), 0));
    }
    expect(await line.frame(0x80000003)).toEqual(sgip('submit_resp_ok'));
    const texts = carrier.books.messages.map((m) => m.text);
    expect(texts.slice(0, 2)).toEqual(['Hello SGIP', '您好，世界']);
    expect(texts[2]).toMatch(/^这是一条超过七十个汉字.*请核对分段边界与序号是否一致。$/);
  });

  it('dials the account with reports, one for each user, repeats them until they are answered, and with MO', async () => {
    const calls = await expectCalls();
    const callback = { port: calls.port, name: 'smg_user', secret: 'smg_pass' };
    const behaviour = { redeliver: { refused: 50, unanswered: 60_000 } };
    const { carrier, line } = await bound({ accounts: [{ ...SP, callback }], behaviour });
    const submit = sgip('submit_two_users_reserve_linkid_smsgate');
    line.write(submit);
    await until('a call', () => calls.lines.length === 1);
    const call = calls.lines[0]!;
    const bind = await call.frame(1);
    // Login Type 2 with name and password, as another program has it; the sequence number is its own.
    expect(bind.subarray(20)).toEqual(sgip('bind_smg_to_sp_type2').subarray(20));
    call.write(answerTo(bind, 0));
    const reports = [await call.frame(5, 1), await call.frame(5, 2)];
    for (const report of reports) {
      expect(report).toHaveLength(64);
      expect(report.subarray(20, 32)).toEqual(submit.subarray(8, 20));
      expect([report[32], report[54], report[55]]).toEqual([0, 0, 0]);
    }
    expect(reports.map((r) => textAt(r, 33, 21))).toEqual(['8613001125453', '8613101125454']);
    expect(line.frames.filter((f) => f.readUInt32BE(4) === 5)).toEqual([]);
    // One is refused, and comes again.
    call.write(answerTo(reports[0]!, 0), answerTo(reports[1]!, 11));
    const again = await call.frame(5, 3);
    expect(again.subarray(20)).toEqual(reports[1]!.subarray(20));
    expect(again.subarray(8, 20)).not.toEqual(reports[1]!.subarray(8, 20));
    call.write(answerTo(again, 0));
    await until('both answered', () => carrier.books.counts.reportsAnswered === 2);
    const answered = carrier.injectMo({ from: '8613001125453', to: '1065512349', text: 'TD' });
    const mo = await call.frame(4);
    expect([textAt(mo, 20, 21), textAt(mo, 41, 21), mo[62], mo[63], mo[64]]).toEqual([
      '8613001125453',
      '1065512349',
      0,
      0,
      0,
    ]);
    expect([mo.readUInt32BE(65), mo.toString('latin1', 69, 71)]).toEqual([2, 'TD']);
    call.write(answerTo(mo, 0));
    expect(await answered).toBe(1);
  });

  it('dials again when the account hangs up or refuses, and loses nothing', async () => {
    const calls = await expectCalls();
    const { line } = await bound({ accounts: [{ ...SP, callback: { port: calls.port } }] });
    line.write(sgip('submit_gbk'));
    await until('a call', () => calls.lines.length === 1);
    calls.lines[0]!.write(answerTo(await calls.lines[0]!.frame(1), 1));
    await until('a second call', () => calls.lines.length === 2);
    calls.lines[1]!.write(answerTo(await calls.lines[1]!.frame(1), 0));
    await calls.lines[1]!.frame(5);
    calls.lines[1]!.socket.destroy();
    await until('a third call', () => calls.lines.length === 3);
    calls.lines[2]!.write(answerTo(await calls.lines[2]!.frame(1), 0));
    expect((await calls.lines[2]!.frame(5)).subarray(20, 32)).toEqual(sgip('submit_gbk').subarray(8, 20));
  });

  it('duplex: reports on the connection of the submit; states by their codes', async () => {
    const numbers = [{ suffix: '5454', state: 'EXPIRED' }];
    const { line } = await bound({ behaviour: { duplex: true, numbers } });
    const submit = sgip('submit_two_users_reserve_linkid_smsgate');
    line.write(submit);
    const reports = [await line.frame(5, 1), await line.frame(5, 2)];
    expect(reports.map((r) => [r[54], r[55]])).toEqual([
      [0, 0],
      [2, 61],
    ]);
    expect(line.frames[1]!.readUInt32BE(4)).toBe(0x80000003);
  });

  it.each([
    ['a number without 86', (b: Buffer) => void b.fill(0, 63, 84).write('13001125453', 63), 6],
    ['more than 140 octets', undefined, 8],
    ['a header that is none', (b: Buffer) => void b.writeUInt8(1, 84 + 5 + 10 + 1 + 6 + 6 + 3 + 32 + 2), 5],
  ])('refuses %s with %3$s', async (_, change, result) => {
    const { line } = await bound();
    const submit = sgip('submit_gbk');
    let sent: Buffer;
    if (change === undefined) {
      sent = Buffer.concat([submit.subarray(0, 156), Buffer.alloc(141, 'x'), Buffer.alloc(8)]);
      sent.writeUInt32BE(sent.length, 0);
      sent.writeUInt32BE(141, 152);
    } else sent = like(submit, change);
    line.write(sent);
    expect(await line.frame(0x80000003)).toEqual(answerTo(sent, result));
  });

  it('answers what it does not serve with an error code, and a trace', async () => {
    const { line } = await bound({ behaviour: { reportDelay: 60_000 } });
    line.write(sgip('deliver_mo_long_udh6_part1'));
    expect((await line.frame(0x80000004))[20]).toBe(7);
    line.write(sgip('submit_ascii_sp_pays'), sgip('trace'));
    const trace = await line.frame(0x80001000);
    expect([trace.length, trace[20], textAt(trace, 22, 6)]).toEqual([68, 1, '101001']);
    expect(trace.subarray(8, 20)).toEqual(sgip('trace').subarray(8, 20));
  });

  it.each([
    ['the password of another', (b: Buffer) => void b.write('x', 37), 1],
    ['a login type of SMGs', (b: Buffer) => void b.writeUInt8(2, 20), 4],
  ])('refuses %s, then closes', async (_, change, result) => {
    const carrier = await carrierOf({ protocol: 'sgip', accounts: [SP] });
    const line = await dial(carrier.port);
    const bind = like(sgip('bind_smsgate'), change);
    line.write(bind);
    expect(await line.frame(0x80000001)).toEqual(answerTo(bind, result));
    await until('closed', () => line.closed);
  });
});

describe('SGIP platform', () => {
  it('takes a call only by its own name, and hears reports and MO on it', async () => {
    const gateway = await expectCalls();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => server.close());
    const mos: (Pick<ReceivedMo, 'from' | 'to' | 'concat'> & { octets: number })[] = [];
    const load = createLoad({
      port: gateway.port,
      protocol: 'sgip',
      systemId: 'smg_user',
      password: 'smg_pass',
      count: 1,
      texts: ['hello'],
      firstNumber: 8613001125453,
      callback: server,
      onMo: ({ from, to, concat, octets }) => mos.push({ from, to, concat, octets: octets.length }),
    });
    load.start();
    stops.push(() => [load.stop(), load.stop()]);
    await until('the platform', () => gateway.lines.length === 1);
    const line = gateway.lines[0]!;
    line.write(answerTo(await line.frame(1), 0));
    const submit = await line.frame(3);
    line.write(answerTo(submit, 0));

    const { port } = server.address() as AddressInfo;
    const bind = sgip('bind_smg_to_sp_type2');
    const stranger = await dial(port);
    stranger.write(like(bind, (b) => void b.write('x', 37)));
    expect((await stranger.frame(0x80000001))[20]).toBe(1);
    await until('turned away', () => stranger.closed);

    const smg = await dial(port);
    smg.write(bind);
    expect(await smg.frame(0x80000001)).toEqual(answerTo(bind, 0));
    const mo = sgip('deliver_mo_long_udh6_part1');
    smg.write(mo);
    expect(await smg.frame(0x80000004)).toEqual(answerTo(mo, 0));
    const concat = expect.objectContaining({ total: 2, seq: 1 });
    expect(mos).toEqual([{ from: '8613001125453', to: '106551234', concat, octets: 134 }]);
    const waiting = like(sgip('report_waiting_state1'), (b) => void submit.copy(b, 20, 8, 20));
    const sent = like(sgip('report_success'), (b) => void submit.copy(b, 20, 8, 20));
    smg.write(waiting, sent);
    expect(await smg.frame(0x80000005, 2)).toEqual(sgip('report_resp_ok'));
    expect(await load.done).toMatchObject({
      acked: 1,
      receipted: 1,
      intermediate: 1,
      states: { DELIVERED: 1 },
      mos: 1,
    });
  });
});

describe('SMGP carrier', () => {
  const SP = { name: '118012', secret: 's3cr3tPw' };

  function login(change: { secret?: string; mode?: number; version?: number } = {}): Buffer {
    const { secret = SP.secret, mode = 2, version = 0x30 } = change;
    const b = Buffer.alloc(42);
    b.writeUInt32BE(42, 0);
    b.writeUInt32BE(1, 4);
    b.writeUInt32BE(77, 8);
    b.write(SP.name, 12);
    const digest = createHash('md5').update(SP.name).update(Buffer.alloc(7)).update(secret).update('0301000000');
    digest.digest().copy(b, 20);
    b[36] = mode;
    // The specification's example: 1 March.
    b.writeUInt32BE(0x11f0e540, 37);
    b[41] = version;
    return b;
  }

  async function loggedIn(
    options: Partial<CarrierOptions> = {},
    change = {},
  ): Promise<{ carrier: Carrier; line: Line }> {
    const carrier = await carrierOf({ protocol: 'smgp', accounts: [SP], ...options });
    const line = await dial(carrier.port);
    const frame = login(change);
    line.write(frame);
    const resp = await line.frame(0x80000001);
    expect([resp.length, resp.readUInt32BE(8), resp.readUInt32BE(12), resp[32]]).toEqual([33, 77, 0, 0x30]);
    const proof = createHash('md5').update(Buffer.alloc(4)).update(frame.subarray(20, 36)).update(SP.secret).digest();
    expect(resp.subarray(16, 32)).toEqual(proof);
    return { carrier, line };
  }

  it('takes submits of others, numbers the receivers on, and reports each in 122 octets', async () => {
    const { carrier, line } = await loggedIn();
    line.write(smgp('submit_gb18030'), smgp('submit_three_recipients'), smgp('submit_productid_linkid_tlvs_zjtelecom'));
    const answers = [await line.frame(0x80000002, 1), await line.frame(0x80000002, 2)];
    expect(answers.map((a) => [a.length, a.readUInt32BE(8), a.readUInt32BE(22)])).toEqual([
      [26, 17, 0],
      [26, 19, 0],
    ]);
    // BCD: area and device, month to minute, number.
    const ids = answers.map((a) => a.toString('hex', 12, 22));
    expect(ids[0]).toMatch(/^010061\d{14}$/);
    const first = Number(ids[1]!.slice(14));
    const reports = [];
    for (let k = 2; k <= 4; k++) reports.push(await line.frame(3, k));
    const wanted = [0, 1, 2].map((k) => ids[1]!.slice(0, 14) + String((first + k) % 1_000_000).padStart(6, '0'));
    expect(reports.map((r) => r.toString('hex', 84, 94))).toEqual(wanted);
    expect(reports.map((r) => textAt(r, 38, 21))).toEqual(['18900001234', '13300001234', '15300001234']);
    for (const report of reports) {
      expect([report.length, report[22], report[80]]).toEqual([211, 1, 122]);
      // stat at octet 81 of the content, err at 93.
      expect([textAt(report, 162, 7), textAt(report, 174, 3)]).toEqual(['DELIVRD', '000']);
      expect(textAt(report, 59, 21)).toBe('118012341');
    }
    expect(carrier.books.messages.map((m) => m.text).slice(0, 2)).toEqual(['您好，电信 hello', '群发']);
  });

  it('reads the layout of 1.3, captured in the field', async () => {
    const { carrier, line } = await loggedIn({}, { version: 0x13 });
    line.write(smgp('capture_submit_v13_tlvs_1'));
    expect((await line.frame(0x80000002)).readUInt32BE(22)).toBe(0);
    expect(carrier.books.messages[0]).toMatchObject({ source: '10086', destination: '13800138000', coding: 'ascii' });
  });

  it('a connection that only sends gets no reports; one that only receives may not submit', async () => {
    const { carrier, line } = await loggedIn({}, { mode: 0 });
    line.write(smgp('submit_gb18030'));
    await line.frame(0x80000002);
    const other = await dial(carrier.port);
    other.write(login({ mode: 1 }));
    const report = await other.frame(3);
    expect(report[22]).toBe(1);
    expect(line.frames.some((f) => f.readUInt32BE(4) === 3)).toBe(false);
    other.write(smgp('submit_gb18030'));
    await until('closed', () => other.closed);
    line.write(smgp('exit'));
    expect(await line.frame(0x80000006)).toEqual(smgp('exit_resp'));
    await until('closed', () => line.closed);
  });

  it.each([
    ['a wrong secret', { secret: 'other' }, 21],
    ['a version above its own', { version: 0x40 }, 22],
  ])('refuses %s', async (_, change, status) => {
    const carrier = await carrierOf({ protocol: 'smgp', accounts: [SP] });
    const line = await dial(carrier.port);
    line.write(login(change));
    const resp = await line.frame(0x80000001);
    expect(resp.readUInt32BE(12)).toBe(status);
    expect(resp.subarray(16, 32)).toEqual(Buffer.alloc(16));
    await until('closed', () => line.closed);
  });
});
