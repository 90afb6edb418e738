import { connect, createServer, type Socket } from 'node:net';
import { until } from './node.ts';

// SGIP peers that share no line with our codec: frames are put together and taken apart here, octet by octet.

export const BIND = 1;
export const UNBIND = 2;
export const SUBMIT = 3;
export const DELIVER = 4;
export const REPORT = 5;
export const USERRPT = 0x11;
export const TRACE = 0x1000;
export const ANSWER = 0x80000000;

/** A whole frame; `sequence` is 24 hexadecimal digits. */
export function frame(command: number, sequence: string, ...body: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  const octets = Buffer.concat([head, Buffer.from(sequence, 'hex'), ...body]);
  octets.writeUInt32BE(octets.length, 0);
  octets.writeUInt32BE(command, 4);
  return octets;
}

export const text = (value: string, width: number): Buffer => {
  const b = Buffer.alloc(width);
  b.write(value, 'latin1');
  return b;
};
export const octet = (...values: number[]): Buffer => Buffer.from(values);
const uint32 = (value: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(value);
  return b;
};

export const bindBody = (type: number, name: string, password = 'secret'): Buffer =>
  Buffer.concat([octet(type), text(name, 16), text(password, 16), text('', 8)]);
export const resultBody = (result: number): Buffer => Buffer.concat([octet(result), text('', 8)]);

export interface SubmitFields {
  readonly spNumber?: string;
  readonly users?: readonly string[];
  readonly serviceType?: string;
  readonly feeValue?: string;
  readonly givenValue?: string;
  readonly priority?: number;
  readonly expireTime?: string;
  readonly scheduleTime?: string;
  readonly reportFlag?: number;
  readonly tpUdhi?: number;
  readonly coding?: number;
  readonly content?: Buffer;
  readonly reserve?: string;
}

export function submitBody(f: SubmitFields = {}): Buffer {
  const users = f.users ?? ['8613000000001'];
  const content = f.content ?? Buffer.from('hello');
  return Buffer.concat([
    text(f.spNumber ?? '1065500', 21),
    text('0'.repeat(21), 21),
    octet(users.length),
    ...users.map((user) => text(user, 21)),
    text('12345', 5),
    text(f.serviceType ?? 'SVC01', 10),
    octet(1),
    text(f.feeValue ?? '0', 6),
    text(f.givenValue ?? '0', 6),
    octet(0, 2, f.priority ?? 0),
    text(f.expireTime ?? '', 16),
    text(f.scheduleTime ?? '', 16),
    octet(f.reportFlag ?? 1, 0, f.tpUdhi ?? 0, f.coding ?? 0, 0),
    uint32(content.length),
    content,
    text(f.reserve ?? '', 8),
  ]);
}

export const deliverBody = (from: string, to: string, tpUdhi: number, coding: number, content: Buffer, reserve = '') =>
  Buffer.concat([
    text(from, 21),
    text(to, 21),
    octet(0, tpUdhi, coding),
    uint32(content.length),
    content,
    text(reserve, 8),
  ]);

export const reportBody = (sequence: string, user: string, state: number, error: number, type = 0): Buffer =>
  Buffer.concat([Buffer.from(sequence, 'hex'), octet(type), text(user, 21), octet(state, error), text('', 8)]);

/** A frame that came. */
export interface Came {
  readonly command: number;
  readonly sequence: string;
  readonly body: Buffer;
}

/** Text of `width` octets at `at` of a body. */
export const textAt = (body: Buffer, at: number, width: number): string =>
  body.toString('latin1', at, at + width).replace(/\0.*$/s, '');

/** What of a Report's body matters. */
export const reported = ({ body }: Came): readonly [string, string, number, number] => [
  body.toString('hex', 0, 12),
  textAt(body, 13, 21),
  body[34]!,
  body[35]!,
];

export interface Peer {
  readonly socket: Socket;
  readonly came: readonly Came[];
  readonly closed: boolean;
  of(command: number): readonly Came[];
  send(...frames: Buffer[]): void;
  /** Answers what comes; by default every request with Result 0. */
  answer: (came: Came) => Buffer | undefined;
}

export function peerOn(socket: Socket): Peer {
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;
  const came: Came[] = [];
  const peer: Peer = {
    socket,
    came,
    get closed() {
      return closed;
    },
    of: (command) => came.filter((f) => f.command === command),
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    answer: ({ command, sequence }) => {
      if (command >= ANSWER) return undefined;
      return command === UNBIND ? frame(command + ANSWER, sequence) : frame(command + ANSWER, sequence, resultBody(0));
    },
  };
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 20 && rest.length >= rest.readUInt32BE(0)) {
      const octets = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(octets.length);
      const one = {
        command: octets.readUInt32BE(4),
        sequence: octets.toString('hex', 8, 20),
        body: Buffer.from(octets.subarray(20)),
      };
      came.push(one);
      const answer = peer.answer(one);
      if (answer !== undefined) socket.write(answer);
    }
  });
  return peer;
}

/** A listening peer, that of a carrier or of a platform that waits for its reports. */
export async function servePeers(onPeer: (peer: Peer) => void = () => undefined) {
  const peers: Peer[] = [];
  const server = createServer((socket) => {
    const peer = peerOn(socket);
    peers.push(peer);
    onPeer(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    peers,
    close(): void {
      for (const { socket } of peers) socket.destroy();
      server.close();
    },
  };
}

/** A peer that connects and logs in. */
export async function logIn(port: number, type: number, name: string): Promise<Peer> {
  const peer = peerOn(connect(port, '127.0.0.1'));
  peer.send(frame(BIND, 'b36924b942c4f1d900000000', bindBody(type, name)));
  await until(`${name} logged in`, () => peer.of(ANSWER + BIND).length === 1);
  const result = peer.of(ANSWER + BIND)[0]!.body[0];
  if (result !== 0) throw new Error(`login of ${name} refused with ${result}`);
  return peer;
}
