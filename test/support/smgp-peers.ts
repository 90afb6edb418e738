import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Frame, field, frame, frames, textOf, u32 } from './cmpp-peers.ts';
import { until } from './node.ts';

// Peers that speak SMGP by the octet, written from the tables of the specification and sharing no line with the
// gateway's codec: a service provider (SP), and a carrier's gateway (SMGW) whose every octet a test decides. The header
// is CMPP's in other names.

export const LOGIN = 1;
export const SUBMIT = 2;
export const DELIVER = 3;
export const ACTIVE_TEST = 4;
export const EXIT = 6;
export const QUERY = 7;
export const RESP = 0x80000000;

export const tlv = (tag: number, value: Uint8Array | string): Buffer => {
  const octets = Buffer.from(value);
  const b = Buffer.alloc(4);
  b.writeUInt16BE(tag, 0);
  b.writeUInt16BE(octets.length, 2);
  return Buffer.concat([b, octets]);
};

export const loginBody = (name: string, secret: string, mode: number, version: number, time = '1124081500'): Buffer =>
  Buffer.concat([
    field(name, 8),
    createHash('md5').update(name).update(Buffer.alloc(7)).update(secret).update(time).digest(),
    Buffer.of(mode),
    u32(Number(time)),
    Buffer.of(version),
  ]);

interface Cursor {
  take(n: number): Buffer;
  text(n: number): string;
  octet(): number;
  /** Tags and values to the end, those cut short left out. */
  tlvs(): [tag: number, value: string][];
}

function cursorOf(b: Buffer): Cursor {
  let o = 0;
  const c: Cursor = {
    take(n) {
      if (o + n > b.length) throw new Error(`${n} octets at ${o} of ${b.length}`);
      o += n;
      return b.subarray(o - n, o);
    },
    text: (n) => textOf(c.take(n)),
    octet: () => c.take(1)[0]!,
    tlvs() {
      const list: [number, string][] = [];
      while (o < b.length) {
        const head = c.take(4);
        list.push([head.readUInt16BE(0), c.take(head.readUInt16BE(2)).toString('hex')]);
      }
      return list;
    },
  };
  return c;
}

export interface SubmitFields {
  readonly to?: string | readonly string[];
  readonly content?: Uint8Array | string;
  readonly msgFormat?: number;
  readonly report?: number;
  readonly priority?: number;
  readonly serviceId?: string;
  readonly validTime?: string;
  readonly atTime?: string;
  readonly srcTermId?: string;
  readonly tlvs?: readonly Uint8Array[];
}

export function submitBody(f: SubmitFields, version: number): Buffer {
  const to = typeof f.to === 'string' ? [f.to] : (f.to ?? ['18900000001']);
  const content =
    typeof f.content === 'string' ? Buffer.from(f.content, 'latin1') : (f.content ?? Buffer.from('hello'));
  return Buffer.concat([
    Buffer.of(6, f.report ?? 1, f.priority ?? 0),
    field(f.serviceId ?? 'SVC', 10),
    field('00', 2),
    field('000000', 6),
    ...(version === 0x13 ? [] : [field('000000', 6)]),
    Buffer.of(f.msgFormat ?? 0),
    field(f.validTime ?? '', 17),
    field(f.atTime ?? '', 17),
    field(f.srcTermId ?? '10659000', 21),
    field('', 21),
    Buffer.of(to.length),
    ...to.map((n) => field(n, 21)),
    Buffer.of(content.length),
    content,
    Buffer.alloc(8),
    ...(f.tlvs ?? []),
  ]);
}

/** A Submit as a carrier reads it. */
export function readSubmit(b: Buffer, version: number) {
  const c = cursorOf(b);
  return {
    msgType: c.octet(),
    needReport: c.octet(),
    priority: c.octet(),
    serviceId: c.text(10),
    feeType: c.text(2),
    feeCode: c.text(6),
    fixedFee: version === 0x13 ? undefined : c.text(6),
    msgFormat: c.octet(),
    validTime: c.text(17),
    atTime: c.text(17),
    srcTermId: c.text(21),
    chargeTermId: c.text(21),
    to: Array.from({ length: c.octet() }, () => c.text(21)),
    content: c.take(c.octet()),
    reserve: c.take(8).toString('hex'),
    tlvs: c.tlvs(),
  };
}
export type Submit = ReturnType<typeof readSubmit>;

/** A Deliver as a service provider reads it. */
export function readDeliver(b: Buffer) {
  const c = cursorOf(b);
  return {
    msgId: c.take(10).toString('hex'),
    isReport: c.octet(),
    msgFormat: c.octet(),
    recvTime: c.text(14),
    srcTermId: c.text(21),
    destTermId: c.text(21),
    content: c.take(c.octet()),
    reserve: c.take(8).toString('hex'),
    tlvs: c.tlvs(),
  };
}
export type Deliver = ReturnType<typeof readDeliver>;

export const deliverBody = (f: {
  readonly id?: Buffer;
  readonly report?: number;
  readonly content: Uint8Array;
  readonly msgFormat?: number;
  readonly from?: string;
  readonly to?: string;
  readonly tail?: readonly Uint8Array[];
}): Buffer =>
  Buffer.concat([
    f.id ?? Buffer.from('01006111240815000001', 'hex'),
    Buffer.of(f.report ?? 0, f.msgFormat ?? 0),
    field('20261124081500', 14),
    field(f.from ?? '18900000001', 21),
    field(f.to ?? '10659000', 21),
    Buffer.of(f.content.length),
    f.content,
    Buffer.alloc(8),
    ...(f.tail ?? []),
  ]);

/** A report as the tables of the specification have it, or with other labels. */
export const reportBody = (
  id: Uint8Array,
  stat = 'DELIVRD',
  err = '000',
  labels = ['id:', ' sub:', ' dlvrd:', ' submit date:', ' done date:', ' stat:', ' err:', ' text:'],
  text: Uint8Array = Buffer.alloc(20),
): Buffer => {
  const values = [id, ...['001', '001', '2611240815', '2611240816', stat, err].map((v) => Buffer.from(v)), text];
  return Buffer.concat(values.flatMap((value, i) => [Buffer.from(labels[i]!), value]));
};

/** A report of 122 octets by its offsets. */
export const readReport = (b: Buffer) => {
  const at = (o: number, n: number): string => b.toString('latin1', o, o + n);
  return {
    octets: b.length,
    id: b.toString('hex', 3, 13),
    sub: at(18, 3),
    dlvrd: at(28, 3),
    submitDate: at(44, 10),
    doneDate: at(65, 10),
    stat: at(81, 7),
    err: at(93, 3),
    labels: [at(0, 3), at(13, 5), at(21, 7), at(31, 13), at(54, 11), at(75, 6), at(88, 5), at(96, 6)],
    text: b.toString('latin1', 102),
  };
};

export interface SpOptions {
  readonly version?: number;
  readonly mode?: number;
  readonly name?: string;
  readonly secret?: string;
}

/** A service provider on one connection. */
export interface Sp {
  readonly socket: Socket;
  readonly frames: Frame[];
  readonly delivers: Deliver[];
  readonly closed: boolean;
  /** Status with which a Deliver is answered; undefined: not at all. */
  answer: (deliver: Deliver) => number | undefined;
  send(...octets: readonly Uint8Array[]): void;
  /** Sends a request under a sequence of its own; resolves with its answer. */
  request(command: number, ...body: readonly Uint8Array[]): Promise<Frame>;
  submit(fields?: SubmitFields): Promise<{ readonly msgId: string; readonly status: number }>;
  /** Waits for so many reports, or MO, in all. */
  reports(n: number): Promise<ReturnType<typeof readReport>[]>;
  mos(n: number): Promise<Deliver[]>;
}

/** Connects and sends nothing. */
export async function connectSp(port: number, { version = 0x30 }: SpOptions = {}): Promise<Sp> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  const waiting = new Map<string, (f: Frame) => void>();
  let sequence = 100;
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  const of = (isReport: number): Deliver[] => sp.delivers.filter((d) => d.isReport === isReport);
  const sp: Sp = {
    socket,
    frames: [],
    delivers: [],
    get closed() {
      return closed;
    },
    answer: () => 0,
    send: (...octets) => void socket.write(Buffer.concat(octets)),
    request(command, ...body) {
      const s = sequence++;
      const key = `${((command | RESP) >>> 0).toString(16)}/${s}`;
      const answered = new Promise<Frame>((resolve) => waiting.set(key, resolve));
      sp.send(frame(command, s, ...body));
      return answered;
    },
    async submit(fields = {}) {
      const { body } = await sp.request(SUBMIT, submitBody(fields, version));
      return { msgId: body.toString('hex', 0, 10), status: body.readUInt32BE(10) };
    },
    async reports(n) {
      await until(`${n} reports`, () => of(1).length >= n);
      return of(1).map((d) => readReport(d.content));
    },
    async mos(n) {
      await until(`${n} MO`, () => of(0).length >= n);
      return of(0);
    },
  };
  frames(socket, (f) => {
    sp.frames.push(f);
    const key = `${f.command.toString(16)}/${f.sequence}`;
    waiting.get(key)?.(f);
    waiting.delete(key);
    // Sequence 0 whatever was asked, as one client answers (deviation 9).
    if (f.command === ACTIVE_TEST) sp.send(frame(ACTIVE_TEST | RESP, 0));
    if (f.command === EXIT) sp.send(frame(EXIT | RESP, f.sequence));
    if (f.command !== DELIVER) return;
    const deliver = readDeliver(f.body);
    sp.delivers.push(deliver);
    const status = sp.answer(deliver);
    if (status !== undefined) sp.send(frame(DELIVER | RESP, f.sequence, f.body.subarray(0, 10), u32(status)));
  });
  return sp;
}

/** Connects and logs in; throws where that is refused. */
export async function loginSp(port: number, options: SpOptions = {}): Promise<Sp> {
  const { name = '10650001', secret = 'secret', mode = 2, version = 0x30 } = options;
  const sp = await connectSp(port, options);
  const { body } = await sp.request(LOGIN, loginBody(name, secret, mode, version));
  if (body.readUInt32BE(0) !== 0) throw new Error(`login refused with ${body.readUInt32BE(0)}`);
  return sp;
}

export interface Smgw {
  readonly port: number;
  /** Logins that came, header left out. */
  readonly logins: Buffer[];
  /** Connections with their LoginMode, in the order of their logins. */
  readonly sockets: { readonly socket: Socket; readonly mode: number }[];
  readonly submits: {
    readonly fields: Submit;
    readonly id: Buffer;
    readonly sequence: number;
    readonly socket: Socket;
  }[];
  /** Answers to our Delivers. */
  readonly answers: { readonly msgId: string; readonly status: number }[];
  readonly activeTests: number;
  /** Body of Login_Resp. */
  login: (body: Buffer) => Uint8Array;
  /** What is written for a Submit, besides nothing; default: Submit_Resp of Status 0. */
  onSubmit: (id: Buffer, sequence: number, fields: Submit) => readonly Uint8Array[];
  accept(id: Buffer, sequence: number, status?: number): Buffer;
  /** Writes a Deliver with this body on a connection (default: the last that receives); resolves with its answer. */
  deliver(body: Uint8Array, socket?: Socket): Promise<{ readonly msgId: string; readonly status: number }>;
  stop(): Promise<void>;
}

/** A carrier's gateway that does what a test says. */
export async function startSmgw(version = 0x30): Promise<Smgw> {
  const open = new Set<Socket>();
  const waiting = new Map<number, (answer: { msgId: string; status: number }) => void>();
  let nextId = 1;
  let sequence = 5000;
  let activeTests = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      open.delete(socket);
      const at = smgw.sockets.findIndex((s) => s.socket === socket);
      if (at >= 0) smgw.sockets.splice(at, 1);
    });
    frames(socket, (f) => {
      switch (f.command) {
        case LOGIN: {
          smgw.logins.push(Buffer.from(f.body));
          const answer = smgw.login(f.body);
          socket.write(frame(LOGIN | RESP, f.sequence, answer));
          if (Buffer.from(answer).readUInt32BE(0) === 0) smgw.sockets.push({ socket, mode: f.body[24]! });
          break;
        }
        case ACTIVE_TEST:
          activeTests++;
          // Sequence 0 whatever was asked, as one gateway answers (deviation 9).
          socket.write(frame(ACTIVE_TEST | RESP, 0));
          break;
        case EXIT:
          socket.end(frame(EXIT | RESP, f.sequence));
          break;
        case SUBMIT: {
          // Octets of its own making: no BCD (deviation 2).
          const id = Buffer.concat([Buffer.from('6495c36ac4ea', 'hex'), u32(nextId++)]);
          const fields = readSubmit(f.body, version);
          smgw.submits.push({ fields, id, sequence: f.sequence, socket });
          for (const octets of smgw.onSubmit(id, f.sequence, fields)) socket.write(octets);
          break;
        }
        case DELIVER + RESP: {
          const answer = { msgId: f.body.toString('hex', 0, 10), status: f.body.readUInt32BE(10) };
          smgw.answers.push(answer);
          waiting.get(f.sequence)?.(answer);
        }
      }
    });
  });
  const smgw: Smgw = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    logins: [],
    sockets: [],
    submits: [],
    answers: [],
    get activeTests() {
      return activeTests;
    },
    login: () => Buffer.concat([u32(0), Buffer.alloc(16), Buffer.of(version)]),
    accept: (id, s, status = 0) => frame(SUBMIT | RESP, s, id, u32(status)),
    onSubmit: (id, s) => [smgw.accept(id, s)],
    deliver: (body, socket = smgw.sockets.findLast((s) => s.mode !== 0)?.socket) =>
      new Promise((resolve, reject) => {
        if (socket === undefined) return reject(new Error('no connection that receives'));
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
  return smgw;
}
