import { once } from 'node:events';
import { connect } from 'node:net';
import type { CarrierProtocol } from '../../simulators/carrier.ts';
import * as cmpp from './cmpp-peers.ts';
import { until } from './node.ts';
import * as sgip from './sgip-octets.ts';
import * as smgp from './smgp-peers.ts';
import * as smpp from './smpp-octets.ts';

// One client for the four protocols that looks at the wire itself: frames are put together and read at the offsets of the
// specifications, chunks are kept as the socket gave them.

/** What the octets of a protocol mean. Sequences are numbers here: of SGIP's three the last, its counter. */
interface Tongue {
  readonly account: { readonly name: string; readonly secret: string };
  readonly sequenceAt: number;
  readonly login: (sequence: number) => Buffer;
  readonly submit: (sequence: number, to: string) => Buffer;
  readonly probe: ((sequence: number) => Buffer) | undefined;
  readonly unbind: (sequence: number) => Buffer;
  readonly loginAnswer: number;
  readonly submitAnswer: number;
  readonly probeAnswer: number;
  readonly report: number;
  /** Result of a login's or a submit's answer. */
  readonly code: (answer: Buffer) => number;
  readonly answerTo: (report: Buffer) => Buffer;
  /** Whom a report is of. */
  readonly receiver: (report: Buffer) => string;
  /** Codes where the carrier names none. */
  readonly codes: {
    readonly bindFailed: number;
    readonly tooMany: number;
    readonly throttled: number;
    readonly full: number;
  };
}

const cutText = (b: Buffer, at: number, width: number): string =>
  b.toString('latin1', at, at + width).replace(/\0.*$/s, '');
const sgipSequence = (n: number): string => `b36924b942c4f1d9${n.toString(16).padStart(8, '0')}`;

const SMPP: Tongue = {
  account: { name: 'acme', secret: 'secret' },
  sequenceAt: 12,
  login: (n) => smpp.frame(9, 0, n, smpp.bindBody()),
  submit: (n, to) => smpp.frame(4, 0, n, smpp.smBody({ destination: to, registered: 1 })),
  probe: (n) => smpp.frame(0x15, 0, n),
  unbind: (n) => smpp.frame(6, 0, n),
  loginAnswer: 0x80000009,
  submitAnswer: 0x80000004,
  probeAnswer: 0x80000015,
  report: 5,
  code: (b) => b.readUInt32BE(8),
  answerTo: (b) => smpp.frame(0x80000005, 0, b.readUInt32BE(12), Buffer.of(0)),
  // service_type is empty: ton and npi behind its NUL, then source_addr.
  receiver: (b) => cutText(b, 16 + 1 + 2, 21),
  codes: { bindFailed: 0x0d, tooMany: 0x05, throttled: 0x58, full: 0x14 },
};

const CMPP: Tongue = {
  account: { name: '900001', secret: 'secret' },
  sequenceAt: 8,
  login: (n) => cmpp.frame(1, n, cmpp.connectBody('900001', 'secret', 0x20)),
  submit: (n, to) => cmpp.frame(4, n, cmpp.submitBody({ to }, false)),
  probe: (n) => cmpp.frame(8, n),
  unbind: (n) => cmpp.frame(2, n),
  loginAnswer: 0x80000001,
  submitAnswer: 0x80000004,
  probeAnswer: 0x80000008,
  report: 5,
  code: (b) => (b.readUInt32BE(4) === 0x80000001 ? b[12]! : b[20]!),
  answerTo: (b) => cmpp.frame(0x80000005, b.readUInt32BE(8), b.subarray(12, 20), Buffer.of(0)),
  receiver: (b) => cutText(b, 12 + 8 + 21 + 10 + 3, 21),
  codes: { bindFailed: 5, tooMany: 5, throttled: 8, full: 8 },
};

const SMGP: Tongue = {
  account: { name: '10659000', secret: 'secret' },
  sequenceAt: 8,
  login: (n) => cmpp.frame(1, n, smgp.loginBody('10659000', 'secret', 2, 0x30)),
  submit: (n, to) => cmpp.frame(2, n, smgp.submitBody({ to }, 0x30)),
  probe: (n) => cmpp.frame(4, n),
  unbind: (n) => cmpp.frame(6, n),
  loginAnswer: 0x80000001,
  submitAnswer: 0x80000002,
  probeAnswer: 0x80000004,
  report: 3,
  code: (b) => b.readUInt32BE(b.readUInt32BE(4) === 0x80000001 ? 12 : 22),
  answerTo: (b) => cmpp.frame(0x80000003, b.readUInt32BE(8), b.subarray(12, 22), Buffer.alloc(4)),
  receiver: (b) => cutText(b, 12 + 10 + 2 + 14, 21),
  codes: { bindFailed: 21, tooMany: 2, throttled: 1, full: 1 },
};

const SGIP: Tongue = {
  account: { name: 'sp', secret: 'secret' },
  sequenceAt: 16,
  login: (n) => sgip.frame(1, sgipSequence(n), sgip.bindBody(1, 'sp')),
  submit: (n, to) => sgip.frame(3, sgipSequence(n), sgip.submitBody({ users: [`86${to}`] })),
  probe: undefined,
  unbind: (n) => sgip.frame(2, sgipSequence(n)),
  loginAnswer: 0x80000001,
  submitAnswer: 0x80000003,
  probeAnswer: 0,
  report: 5,
  code: (b) => b[20]!,
  answerTo: (b) => sgip.frame(0x80000005, b.toString('hex', 8, 20), sgip.resultBody(0)),
  receiver: (b) => cutText(b, 20 + 13, 21).replace(/^86/, ''),
  codes: { bindFailed: 1, tooMany: 3, throttled: 88, full: 33 },
};

export const TONGUES: Readonly<Record<CarrierProtocol, Tongue>> = { smpp: SMPP, cmpp: CMPP, sgip: SGIP, smgp: SMGP };
export const PROTOCOLS = Object.keys(TONGUES) as CarrierProtocol[];

export interface Wire {
  readonly tongue: Tongue;
  /** As the socket gave them. */
  readonly chunks: readonly Buffer[];
  readonly frames: readonly Buffer[];
  /** Octets behind the last whole frame. */
  readonly rest: Buffer;
  /** How the other side ended it. */
  readonly end: 'end' | 'reset' | undefined;
  /** Whether reports are answered. */
  answers: boolean;
  send(...frames: Buffer[]): void;
  /** Frames of this command. */
  of(command: number): readonly Buffer[];
  /** Waits for the n-th frame (from 1) of this command. */
  frame(command: number, n?: number): Promise<Buffer>;
  /** Submits to these numbers in one write, under sequences from `first` on. */
  submit(to: readonly string[], first?: number): void;
  /** Codes of the answers to submits, in the order in which they came. */
  codes(): number[];
  sequences(command: number): number[];
  receivers(): string[];
  destroy(): void;
}

export const sequenceOf = (tongue: Tongue, frame: Buffer): number => frame.readUInt32BE(tongue.sequenceAt);

/** Numbers that differ, eleven digits each. */
export const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, k) => String(13800000000 + from + k));

export async function wireTo(protocol: CarrierProtocol, port: number): Promise<Wire> {
  const tongue = TONGUES[protocol];
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const chunks: Buffer[] = [];
  const frames: Buffer[] = [];
  let rest = Buffer.alloc(0);
  let end: Wire['end'];
  const wire: Wire = {
    tongue,
    chunks,
    frames,
    get rest() {
      return rest;
    },
    get end() {
      return end;
    },
    answers: true,
    send: (...all) => void socket.write(Buffer.concat(all)),
    of: (command) => frames.filter((f) => f.readUInt32BE(4) === command),
    async frame(command, n = 1) {
      await until(`frame ${n} of 0x${command.toString(16)}`, () => wire.of(command).length >= n);
      return wire.of(command)[n - 1]!;
    },
    submit: (to, first = 100) => wire.send(...to.map((number, k) => tongue.submit(first + k, number))),
    codes: () => wire.of(tongue.submitAnswer).map(tongue.code),
    sequences: (command) => wire.of(command).map((f) => sequenceOf(tongue, f)),
    receivers: () => wire.of(tongue.report).map(tongue.receiver),
    destroy: () => socket.destroy(),
  };
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') end ??= 'reset';
  });
  socket.on('end', () => {
    end ??= 'end';
  });
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 12 && rest.readUInt32BE(0) >= 12 && rest.length >= rest.readUInt32BE(0)) {
      const one = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(one.length);
      frames.push(one);
      if (wire.answers && one.readUInt32BE(4) === tongue.report) wire.send(tongue.answerTo(one));
    }
  });
  await once(socket, 'connect');
  return wire;
}

export async function loggedIn(protocol: CarrierProtocol, port: number): Promise<Wire> {
  const wire = await wireTo(protocol, port);
  wire.send(wire.tongue.login(1));
  const code = wire.tongue.code(await wire.frame(wire.tongue.loginAnswer));
  if (code !== 0) throw new Error(`login refused with ${code}`);
  return wire;
}
