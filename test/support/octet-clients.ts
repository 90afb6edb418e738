import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from './node.ts';

// Clients in octets, which know the offsets of the specifications and no codec of ours.

export interface Sent {
  readonly source?: string;
  readonly content?: Buffer;
  /** Msg_Fmt, MessageCoding, MsgFormat, data_coding. Default: ASCII. */
  readonly coding?: number;
  readonly udhi?: boolean;
  /** SGIP: ReportFlag. Others: whether a report is asked for. Default 1. */
  readonly report?: number;
}

/** A protocol in octets. */
interface Tongue {
  login(): Buffer;
  submit(sequence: number, number: string, sent: Required<Sent>): Buffer;
  /** Commands: answers to login and submit, and what reports come in. */
  readonly loggedIn: number;
  readonly answered: number;
  readonly reports: readonly number[];
  sequenceOf(frame: Buffer): number;
  codeOf(answer: Buffer): number;
  /** Hex digits of what names the message in its answer. */
  idOf(answer: Buffer): string;
  answer(report: Buffer): Buffer;
}

const uint = (width: number, n: number): Buffer => {
  const b = Buffer.alloc(width);
  b.writeUIntBE(n, 0, width);
  return b;
};
const text = (width: number, s: string): Buffer => {
  const b = Buffer.alloc(width);
  b.write(s, 'latin1');
  return b;
};
const zeros = (width: number): Buffer => Buffer.alloc(width);
const md5 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

function frame12(command: number, sequence: number, ...body: Buffer[]): Buffer {
  const rest = Buffer.concat(body);
  return Buffer.concat([uint(4, 12 + rest.length), uint(4, command), uint(4, sequence), rest]);
}

function cmpp(is30: boolean): Tongue {
  const wide = is30 ? 32 : 21;
  const type = zeros(is30 ? 1 : 0);
  return {
    loggedIn: 0x80000001,
    answered: 0x80000004,
    reports: [5],
    login() {
      const proof = md5('901234', zeros(9), 'secret', '1124190000');
      return frame12(1, 1, text(6, '901234'), proof, uint(1, is30 ? 0x30 : 0x20), uint(4, 1_124_190_000));
    },
    submit: (sequence, number, { source, content, coding, udhi, report }) =>
      frame12(
        4,
        sequence,
        zeros(8),
        Buffer.of(1, 1, report, 0),
        text(10, 'SVC'),
        zeros(1 + wide),
        type,
        Buffer.of(0, udhi ? 1 : 0, coding),
        text(6, '901234'),
        text(2, '01'),
        text(6, '0'),
        zeros(17 + 17),
        text(21, source),
        Buffer.of(1),
        text(wide, number),
        type,
        Buffer.of(content.length),
        content,
        zeros(is30 ? 20 : 8),
      ),
    sequenceOf: (f) => f.readUInt32BE(8),
    codeOf: (f) => (is30 ? f.readUInt32BE(20) : f[20]!),
    idOf: (f) => f.toString('hex', 12, 20),
    answer: (f) => frame12(0x80000005, f.readUInt32BE(8), f.subarray(12, 20), zeros(is30 ? 4 : 1)),
  };
}

const smgp: Tongue = {
  loggedIn: 0x80000001,
  answered: 0x80000002,
  reports: [3],
  login() {
    const proof = md5('901234', zeros(7), 'secret', '1124190000');
    return frame12(1, 1, text(8, '901234'), proof, Buffer.of(2), uint(4, 1_124_190_000), Buffer.of(0x30));
  },
  submit: (sequence, number, { source, content, coding, udhi, report }) =>
    frame12(
      2,
      sequence,
      Buffer.of(6, report, 0),
      text(10, 'SVC'),
      text(2, '00'),
      zeros(6 + 6),
      Buffer.of(coding),
      zeros(17 + 17),
      text(21, source),
      zeros(21),
      Buffer.of(1),
      text(21, number),
      Buffer.of(content.length),
      content,
      zeros(8),
      udhi ? Buffer.of(0, 2, 0, 1, 1) : zeros(0),
    ),
  sequenceOf: (f) => f.readUInt32BE(8),
  codeOf: (f) => f.readUInt32BE(22),
  idOf: (f) => f.toString('hex', 12, 22),
  answer: (f) => frame12(0x80000003, f.readUInt32BE(8), f.subarray(12, 22), zeros(4)),
};

function frame20(command: number, sequence: Buffer, ...body: Buffer[]): Buffer {
  const rest = Buffer.concat(body);
  return Buffer.concat([uint(4, 20 + rest.length), uint(4, command), sequence, rest]);
}

const NODE = Buffer.concat([uint(4, 3_010_012_345), uint(4, 1_124_190_000)]);
const sgip: Tongue = {
  loggedIn: 0x80000001,
  answered: 0x80000003,
  reports: [5],
  login: () =>
    frame20(1, Buffer.concat([NODE, uint(4, 1)]), Buffer.of(1), text(16, '901234'), text(16, 'secret'), zeros(8)),
  submit: (sequence, number, { source, content, coding, udhi, report }) =>
    frame20(
      3,
      Buffer.concat([NODE, uint(4, sequence)]),
      text(21, source),
      text(21, '0'.repeat(21)),
      Buffer.of(1),
      text(21, number),
      text(5, '12345'),
      text(10, 'SVC'),
      Buffer.of(1),
      text(6, '0'),
      text(6, '0'),
      Buffer.of(0, 2, 0),
      zeros(16 + 16),
      Buffer.of(report, 0, udhi ? 1 : 0, coding, 0),
      uint(4, content.length),
      content,
      zeros(8),
    ),
  sequenceOf: (f) => f.readUInt32BE(16),
  codeOf: (f) => f[20]!,
  idOf: (f) => f.toString('hex', 8, 20),
  answer: (f) => frame20((f.readUInt32BE(4) | 0x80000000) >>> 0, f.subarray(8, 20), zeros(9)),
};

function frame16(command: number, status: number, sequence: number, ...body: Buffer[]): Buffer {
  const rest = Buffer.concat(body);
  return Buffer.concat([uint(4, 16 + rest.length), uint(4, command), uint(4, status), uint(4, sequence), rest]);
}
const cString = (s: string): Buffer => Buffer.from(`${s}\0`, 'latin1');

const smpp: Tongue = {
  loggedIn: 0x80000009,
  answered: 0x80000004,
  reports: [5, 0x103],
  login: () => frame16(9, 0, 1, cString('901234'), cString('secret'), cString(''), Buffer.of(0x34, 0, 0, 0)),
  submit: (sequence, number, { source, content, coding, udhi, report }) =>
    frame16(
      4,
      0,
      sequence,
      cString(''),
      Buffer.of(1, 1),
      cString(source),
      Buffer.of(1, 1),
      cString(number),
      Buffer.of(udhi ? 0x40 : 0, 0, 0, 0, 0, report, 0, coding, 0, content.length),
      content,
    ),
  sequenceOf: (f) => f.readUInt32BE(12),
  codeOf: (f) => f.readUInt32BE(8),
  idOf: (f) => f.toString('hex', 16),
  answer: (f) => frame16((f.readUInt32BE(4) | 0x80000000) >>> 0, 0, f.readUInt32BE(12), zeros(1)),
};

const TONGUES = { cmpp20: cmpp(false), cmpp30: cmpp(true), smgp, sgip, smpp } as const;

/** The account that these clients log in to. */
export const OCTET_ACCOUNT = { name: '901234', secret: 'secret' };

export interface OctetClient {
  readonly frames: readonly Buffer[];
  /** The reports that came, as they came. */
  readonly reports: readonly Buffer[];
  write(frame: Buffer): void;
  /** The n-th frame (from 1) of this command. */
  frame(command: number, n?: number): Promise<Buffer>;
  /** Submits and waits for the answer. */
  submit(number: string, sent?: Sent): Promise<{ code: number; id: string; frame: Buffer }>;
  /** The frame of a submit, which is not sent. */
  made(number: string, sent?: Sent): Buffer;
  /** Submits and does not wait; returns the sequence. */
  post(number: string, sent?: Sent): number;
  reported(n: number): Promise<readonly Buffer[]>;
  close(): void;
}

/** Logs in and answers every report. */
export async function octetClient(port: number, protocol: keyof typeof TONGUES): Promise<OctetClient> {
  const tongue = TONGUES[protocol];
  const socket: Socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const frames: Buffer[] = [];
  const reports: Buffer[] = [];
  let sequence = 1;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
      const frame = Buffer.from(rest.subarray(0, rest.readUInt32BE(0)));
      rest = rest.subarray(frame.length);
      frames.push(frame);
      if (!tongue.reports.includes(frame.readUInt32BE(4))) continue;
      reports.push(frame);
      socket.write(tongue.answer(frame));
    }
  });
  const client: OctetClient = {
    frames,
    reports,
    write: (frame) => void socket.write(frame),
    async frame(command, n = 1) {
      const of = (): Buffer[] => frames.filter((f) => f.readUInt32BE(4) === command);
      await until(`frame ${n} of ${command.toString(16)}`, () => of().length >= n);
      return of()[n - 1]!;
    },
    made(number, sent = {}) {
      const all = { source: '10690000', content: Buffer.from('hello'), coding: 0, udhi: false, report: 1, ...sent };
      return tongue.submit(++sequence, number, all);
    },
    post(number, sent) {
      socket.write(client.made(number, sent));
      return sequence;
    },
    async submit(number, sent) {
      const asked = client.post(number, sent);
      const is = (f: Buffer): boolean => f.readUInt32BE(4) === tongue.answered && tongue.sequenceOf(f) === asked;
      await until(`answer ${asked}`, () => frames.some(is));
      const frame = frames.find(is)!;
      return { code: tongue.codeOf(frame), id: tongue.idOf(frame), frame };
    },
    async reported(n) {
      await until(`report ${n}`, () => reports.length >= n);
      return reports;
    },
    close: () => void socket.destroy(),
  };
  socket.write(tongue.login());
  await client.frame(tongue.loggedIn);
  return client;
}
