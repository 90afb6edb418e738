import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { until } from './node.ts';

// SMPP peers that share no line with our codec, for what the `smpp` package cannot send: frames are put together and
// taken apart here, octet by octet.

export const RESP = 0x80000000;

export function frame(command: number, status: number, sequence: number, ...body: Buffer[]): Buffer {
  const head = Buffer.alloc(16);
  const octets = Buffer.concat([head, ...body]);
  octets.writeUInt32BE(octets.length, 0);
  octets.writeUInt32BE(command, 4);
  octets.writeUInt32BE(status, 8);
  octets.writeUInt32BE(sequence, 12);
  return octets;
}

export const cstring = (...texts: string[]): Buffer => Buffer.from(texts.map((t) => `${t}\0`).join(''), 'latin1');
export const octets = (...values: number[]): Buffer => Buffer.from(values);
export function parameter(tag: number, value: Buffer, length = value.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(tag, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, value]);
}

export interface SmFields {
  readonly source?: string;
  readonly destination?: string;
  readonly esmClass?: number;
  readonly registered?: number;
  readonly dataCoding?: number;
  readonly text?: Buffer | string;
  /** sm_length where it is not that of the text. */
  readonly length?: number;
  readonly rest?: Buffer;
}

/** Body of submit_sm and deliver_sm. */
export function smBody(f: SmFields = {}): Buffer {
  const text = Buffer.from(f.text ?? 'hello');
  return Buffer.concat([
    cstring(''),
    octets(1, 1),
    cstring(f.source ?? '10690000'),
    octets(1, 1),
    cstring(f.destination ?? '13800000001'),
    octets(f.esmClass ?? 0, 0, 0, 0, 0, f.registered ?? 0, 0, f.dataCoding ?? 0, 0, f.length ?? text.length),
    text,
    f.rest ?? Buffer.alloc(0),
  ]);
}

export const bindBody = (systemId = 'acme', password = 'secret', version = 0x34): Buffer =>
  Buffer.concat([cstring(systemId, password, ''), octets(version, 0, 0), cstring('')]);

export interface Peer {
  readonly socket: Socket;
  readonly frames: Buffer[];
  closed: boolean;
  send(...frames: Buffer[]): void;
  /** The frame with this command and, if given, sequence. */
  got(command: number, sequence?: number): Promise<Buffer>;
}

export const commandOf = (b: Buffer): number => b.readUInt32BE(4);
export const statusOf = (b: Buffer): number => b.readUInt32BE(8);
export const sequenceOf = (b: Buffer): number => b.readUInt32BE(12);

function peerOf(socket: Socket, onFrame?: (frame: Buffer, peer: Peer) => void): Peer {
  let rest = Buffer.alloc(0);
  const peer: Peer = {
    socket,
    frames: [],
    closed: false,
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    async got(command, sequence) {
      const wanted = (b: Buffer): boolean =>
        commandOf(b) === command && (sequence === undefined || sequenceOf(b) === sequence);
      await until(`a frame 0x${command.toString(16)}`, () => peer.frames.some(wanted));
      return peer.frames.find(wanted)!;
    },
  };
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    peer.closed = true;
  });
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 16 && rest.length >= rest.readUInt32BE(0)) {
      const one = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(one.length);
      peer.frames.push(one);
      onFrame?.(one, peer);
    }
  });
  return peer;
}

export async function dialRaw(port: number): Promise<Peer> {
  const socket = connect(port, '127.0.0.1');
  const peer = peerOf(socket);
  await once(socket, 'connect');
  return peer;
}

export interface Centre {
  readonly port: number;
  readonly peers: Peer[];
  readonly submits: Buffer[];
  /** The answer to a bind. */
  bind: (request: Buffer) => Buffer;
  /** The answer to a submit_sm; undefined: none. */
  submit: (request: Buffer) => Buffer | undefined;
  stop(): Promise<void>;
}

/** A short message centre whose answers are octets. */
export async function startCentre(): Promise<Centre> {
  const server = createServer((socket) => {
    centre.peers.push(
      peerOf(socket, (b, peer) => {
        switch (commandOf(b)) {
          case 1:
          case 2:
          case 9:
            peer.send(centre.bind(b));
            return;
          case 4: {
            centre.submits.push(b);
            const answer = centre.submit(b);
            if (answer !== undefined) peer.send(answer);
            return;
          }
          case 6:
          case 0x15:
            peer.send(frame(commandOf(b) + RESP, 0, sequenceOf(b)));
        }
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let id = 0;
  const centre: Centre = {
    port: (server.address() as AddressInfo).port,
    peers: [],
    submits: [],
    bind: (b) => frame(commandOf(b) + RESP, 0, sequenceOf(b), cstring('smsc')),
    submit: (b) => frame(4 + RESP, 0, sequenceOf(b), cstring(String(++id))),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const { socket } of centre.peers) socket.destroy();
      await closed;
    },
  };
  return centre;
}
