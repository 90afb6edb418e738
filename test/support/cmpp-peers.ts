import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { until } from './node.ts';

// Peers that speak CMPP by the octet, written from the tables of the specification and sharing no line with the
// gateway's codec: a service provider (SP), and a carrier (ISMG) whose every octet a test decides.

export const CONNECT = 1;
export const TERMINATE = 2;
export const SUBMIT = 4;
export const DELIVER = 5;
export const QUERY = 6;
export const CANCEL = 7;
export const ACTIVE_TEST = 8;
export const RESP = 0x80000000;

export interface Frame {
  readonly command: number;
  readonly sequence: number;
  readonly body: Buffer;
  /** Header and all. */
  readonly octets: Buffer;
}

export const frame = (command: number, sequence: number, ...body: readonly Uint8Array[]): Buffer => {
  const header = Buffer.alloc(12);
  header.writeUInt32BE(12 + body.reduce((n, b) => n + b.length, 0), 0);
  header.writeUInt32BE(command >>> 0, 4);
  header.writeUInt32BE(sequence, 8);
  return Buffer.concat([header, ...body]);
};

/** A text in a field of this width, NUL-padded. */
export const field = (text: string, width: number): Buffer => {
  const b = Buffer.alloc(width);
  b.write(text, 'latin1');
  return b;
};
export const u32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n >>> 0);
  return b;
};
export const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
export const textOf = (b: Buffer): string => {
  const end = b.indexOf(0);
  return b.toString('latin1', 0, end < 0 ? b.length : end);
};

export interface SubmitFields {
  readonly to?: string | readonly string[];
  readonly content?: Uint8Array | string;
  readonly msgFmt?: number;
  readonly tpUdhi?: number;
  readonly report?: number;
  readonly srcId?: string;
  readonly pk?: readonly [total: number, number: number];
  readonly level?: number;
  readonly serviceId?: string;
  readonly fee?: readonly [userType: number, terminal: string, type: string, code: string];
  readonly validTime?: string;
  readonly atTime?: string;
  readonly linkId?: string;
  /** 8 octets. */
  readonly msgId?: Buffer;
  readonly tpPid?: number;
}

export function submitBody(f: SubmitFields, v3: boolean): Buffer {
  const to = typeof f.to === 'string' ? [f.to] : (f.to ?? ['13800000001']);
  const content =
    typeof f.content === 'string' ? Buffer.from(f.content, 'latin1') : (f.content ?? Buffer.from('hello'));
  const [userType, terminal, feeType, feeCode] = f.fee ?? [0, '', '01', '000000'];
  const number = v3 ? 32 : 21;
  return Buffer.concat([
    f.msgId ?? Buffer.alloc(8),
    Buffer.of(f.pk?.[0] ?? 1, f.pk?.[1] ?? 1, f.report ?? 1, f.level ?? 0),
    field(f.serviceId ?? 'SVC', 10),
    Buffer.of(userType),
    field(terminal, number),
    ...(v3 ? [Buffer.of(0)] : []),
    Buffer.of(f.tpPid ?? 0, f.tpUdhi ?? 0, f.msgFmt ?? 0),
    field('900001', 6),
    field(feeType, 2),
    field(feeCode, 6),
    field(f.validTime ?? '', 17),
    field(f.atTime ?? '', 17),
    field(f.srcId ?? '1069000', 21),
    Buffer.of(to.length),
    ...to.map((n) => field(n, number)),
    ...(v3 ? [Buffer.of(0)] : []),
    Buffer.of(content.length),
    content,
    field(f.linkId ?? '', v3 ? 20 : 8),
  ]);
}

/** A SUBMIT as a carrier reads it. */
export function readSubmit(b: Buffer, v3: boolean) {
  let o = 0;
  const take = (n: number): Buffer => {
    o += n;
    return b.subarray(o - n, o);
  };
  const text = (n: number): string => textOf(take(n));
  const octet = (): number => take(1)[0]!;
  const number = v3 ? 32 : 21;
  const read = {
    msgId: take(8),
    pk: [octet(), octet()],
    report: octet(),
    level: octet(),
    serviceId: text(10),
    feeUserType: octet(),
    feeTerminal: text(number),
    feeTerminalType: v3 ? octet() : 0,
    tpPid: octet(),
    tpUdhi: octet(),
    msgFmt: octet(),
    msgSrc: text(6),
    feeType: text(2),
    feeCode: text(6),
    validTime: text(17),
    atTime: text(17),
    srcId: text(21),
    to: Array.from({ length: octet() }, () => text(number)),
    toType: v3 ? octet() : 0,
    content: take(octet()),
    tail: text(v3 ? 20 : 8),
  };
  if (o !== b.length) throw new Error(`SUBMIT of ${b.length} octets, read ${o}`);
  return read;
}

/** A DELIVER as a service provider reads it. */
export function readDeliver(b: Buffer, v3: boolean) {
  let o = 0;
  const take = (n: number): Buffer => {
    o += n;
    return b.subarray(o - n, o);
  };
  const text = (n: number): string => textOf(take(n));
  const octet = (): number => take(1)[0]!;
  const read = {
    msgId: take(8).toString('hex'),
    destId: text(21),
    serviceId: text(10),
    tpPid: octet(),
    tpUdhi: octet(),
    msgFmt: octet(),
    srcTerminal: text(v3 ? 32 : 21),
    srcTerminalType: v3 ? octet() : 0,
    isReport: octet(),
    content: take(octet()),
    tail: text(v3 ? 20 : 8),
  };
  if (o !== b.length) throw new Error(`DELIVER of ${b.length} octets, read ${o}`);
  return read;
}
export type Deliver = ReturnType<typeof readDeliver>;

/** A report: 60 octets, or 71 in 3.0. */
export function readReport(b: Buffer) {
  const number = b.length === 71 ? 32 : 21;
  if (b.length !== 39 + number) throw new Error(`a report of ${b.length} octets`);
  return {
    msgId: b.toString('hex', 0, 8),
    stat: textOf(b.subarray(8, 15)),
    submitTime: textOf(b.subarray(15, 25)),
    doneTime: textOf(b.subarray(25, 35)),
    to: textOf(b.subarray(35, 35 + number)),
    smscSequence: b.readUInt32BE(35 + number),
    octets: b.length,
  };
}
export type Report = ReturnType<typeof readReport>;

export const reportBody = (id: Buffer, stat: string, to: string, width: 21 | 32, times = '2411240800'): Buffer =>
  Buffer.concat([id, field(stat, 7), field(times, 10), field(times, 10), field(to, width), u32(7)]);

export const deliverBody = (
  f: {
    readonly id?: Buffer;
    readonly destId?: string;
    readonly from?: string;
    readonly report?: number;
    readonly content: Uint8Array;
    readonly msgFmt?: number;
    readonly tpUdhi?: number;
    readonly said?: number;
    readonly serviceId?: string;
    /** Octets behind the content; default: as the version has them. */
    readonly tail?: Uint8Array;
  },
  v3: boolean,
): Buffer =>
  Buffer.concat([
    f.id ?? Buffer.from('0102030405060708', 'hex'),
    field(f.destId ?? '1069000', 21),
    field(f.serviceId ?? '', 10),
    Buffer.of(0, f.tpUdhi ?? 0, f.msgFmt ?? 0),
    field(f.from ?? '13800000001', v3 ? 32 : 21),
    ...(v3 ? [Buffer.of(0)] : []),
    Buffer.of(f.report ?? 0, f.said ?? f.content.length),
    f.content,
    f.tail ?? Buffer.alloc(v3 ? 20 : 8),
  ]);

/** Cuts frames out of a socket. */
export function frames(socket: Socket, onFrame: (f: Frame) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= held.readUInt32BE(0)) {
      const octets = held.subarray(0, held.readUInt32BE(0));
      held = held.subarray(octets.length);
      onFrame({
        command: octets.readUInt32BE(4),
        sequence: octets.readUInt32BE(8),
        body: octets.subarray(12),
        octets,
      });
    }
  });
}

export interface SpOptions {
  /** As CONNECT says it. */
  readonly version?: number;
  readonly name?: string;
  readonly secret?: string;
  /** Result with which a DELIVER is answered; undefined: not at all. */
  readonly answer?: (deliver: Deliver) => number | undefined;
}

export type Answer = { readonly msgId: string; readonly result: number; readonly octets: number };

/** A service provider on one connection. */
export interface Sp {
  readonly socket: Socket;
  readonly frames: Frame[];
  readonly delivers: Deliver[];
  readonly closed: boolean;
  answer: (deliver: Deliver) => number | undefined;
  send(...octets: readonly Uint8Array[]): void;
  /** Sends a request under a sequence of its own; resolves with its answer. */
  request(command: number, ...body: readonly Uint8Array[]): Promise<Frame>;
  submit(fields?: SubmitFields): Promise<Answer>;
  /** Waits for so many reports in all. */
  reports(n: number): Promise<Report[]>;
  mos(n: number): Promise<Deliver[]>;
}

export const authenticator = (name: string, secret: string, timestamp: string): Buffer =>
  createHash('md5').update(name).update(Buffer.alloc(9)).update(secret).update(timestamp).digest();

export const connectBody = (name: string, secret: string, version: number, timestamp = '1124081500'): Buffer =>
  Buffer.concat([field(name, 6), authenticator(name, secret, timestamp), Buffer.of(version), u32(Number(timestamp))]);

/** Connects and sends nothing. */
export async function connectSp(port: number, options: SpOptions = {}): Promise<Sp> {
  const v3 = (options.version ?? 0x20) >= 0x30;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  const waiting = new Map<string, (f: Frame) => void>();
  let sequence = 100;
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  const sp: Sp = {
    socket,
    frames: [],
    delivers: [],
    get closed() {
      return closed;
    },
    answer: options.answer ?? (() => 0),
    send: (...octets) => void socket.write(Buffer.concat(octets)),
    request(command, ...body) {
      const s = sequence++;
      const answered = new Promise<Frame>((resolve) =>
        waiting.set(`${((command | RESP) >>> 0).toString(16)}/${s}`, resolve),
      );
      sp.send(frame(command, s, ...body));
      return answered;
    },
    async submit(fields = {}) {
      const { body } = await sp.request(SUBMIT, submitBody(fields, v3));
      return {
        msgId: body.toString('hex', 0, 8),
        result: v3 ? body.readUInt32BE(8) : body.readUInt8(8),
        octets: body.length + 12,
      };
    },
    async reports(n) {
      const all = (): Deliver[] => sp.delivers.filter((d) => d.isReport === 1);
      await until(`${n} reports`, () => all().length >= n);
      return all().map((d) => readReport(d.content));
    },
    async mos(n) {
      const all = (): Deliver[] => sp.delivers.filter((d) => d.isReport === 0);
      await until(`${n} MO`, () => all().length >= n);
      return all();
    },
  };
  frames(socket, (f) => {
    sp.frames.push(f);
    const key = `${f.command.toString(16)}/${f.sequence}`;
    waiting.get(key)?.(f);
    waiting.delete(key);
    if (f.command === ACTIVE_TEST) sp.send(frame(ACTIVE_TEST | RESP, f.sequence, Buffer.of(0)));
    if (f.command === TERMINATE) sp.send(frame(TERMINATE | RESP, f.sequence));
    if (f.command !== DELIVER) return;
    const deliver = readDeliver(f.body, v3);
    sp.delivers.push(deliver);
    const result = sp.answer(deliver);
    if (result === undefined) return;
    sp.send(frame(DELIVER | RESP, f.sequence, f.body.subarray(0, 8), v3 ? u32(result) : Buffer.of(result)));
  });
  return sp;
}

/** Connects and logs in; throws where that is refused. */
export async function loginSp(port: number, options: SpOptions = {}): Promise<Sp> {
  const sp = await connectSp(port, options);
  const { name = '900001', secret = 'secret', version = 0x20 } = options;
  const { body } = await sp.request(CONNECT, connectBody(name, secret, version));
  const status = version >= 0x30 ? body.readUInt32BE(0) : body.readUInt8(0);
  if (status !== 0) throw new Error(`login refused with ${status}`);
  return sp;
}

export interface Ismg {
  readonly port: number;
  readonly submits: { readonly fields: ReturnType<typeof readSubmit>; readonly id: Buffer; readonly socket: Socket }[];
  readonly sockets: Set<Socket>;
  /** Results of the answers to our DELIVERs. */
  readonly answers: number[];
  /** Body of CONNECT_RESP for that of a CONNECT; default: Status 0, zeros, the version. */
  onConnect: (body: Buffer) => Uint8Array;
  /** What is written for a SUBMIT, besides nothing; default: SUBMIT_RESP of Result 0. */
  onSubmit: (id: Buffer, sequence: number, fields: ReturnType<typeof readSubmit>) => readonly Uint8Array[];
  accept(id: Buffer, sequence: number): Buffer;
  /** Writes a DELIVER with this body on one connection (default: the first); resolves when it is answered. */
  deliver(body: Uint8Array, socket?: Socket): Promise<number>;
  stop(): Promise<void>;
}

/** A carrier that does what a test says. */
export async function startIsmg(version: number): Promise<Ismg> {
  const v3 = version >= 0x30;
  const sockets = new Set<Socket>();
  const waiting = new Map<number, (result: number) => void>();
  let nextId = 1;
  let sequence = 5000;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      open.delete(socket);
      sockets.delete(socket);
    });
    frames(socket, (f) => {
      switch (f.command) {
        case CONNECT:
          socket.write(frame(CONNECT | RESP, f.sequence, ismg.onConnect(f.body)));
          sockets.add(socket);
          break;
        case ACTIVE_TEST:
          // Without the Reserved octet, as some carriers answer.
          socket.write(frame(ACTIVE_TEST | RESP, f.sequence));
          break;
        case TERMINATE:
          socket.end(frame(TERMINATE | RESP, f.sequence));
          break;
        case SUBMIT: {
          const fields = readSubmit(f.body, v3);
          const id = Buffer.concat([Buffer.from('5b8a2f00', 'hex'), u32(nextId)]);
          nextId += fields.to.length;
          ismg.submits.push({ fields, id, socket });
          for (const octets of ismg.onSubmit(id, f.sequence, fields)) socket.write(octets);
          break;
        }
        case DELIVER + RESP: {
          const result = f.body.length >= 12 ? f.body.readUInt32BE(8) : f.body.readUInt8(8);
          ismg.answers.push(result);
          waiting.get(f.sequence)?.(result);
        }
      }
    });
  });
  const ismg: Ismg = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    submits: [],
    sockets,
    answers: [],
    onConnect: () => Buffer.concat([v3 ? u32(0) : Buffer.of(0), Buffer.alloc(16), Buffer.of(version)]),
    accept: (id, s) => frame(SUBMIT | RESP, s, id, v3 ? u32(0) : Buffer.of(0)),
    onSubmit: (id, s) => [ismg.accept(id, s)],
    deliver: (body, socket = [...sockets][0]) =>
      new Promise((resolve, reject) => {
        if (socket === undefined) return reject(new Error('no connection'));
        const s = sequence++;
        waiting.set(s, resolve);
        socket.write(frame(DELIVER, s, body));
      }),
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const s of open) s.destroy();
      await closed;
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return ismg;
}
