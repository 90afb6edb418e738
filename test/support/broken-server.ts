import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Frame, HeaderRule } from '../../simulators/conform/frame.ts';
import { answerTo, readFrame, writeFrame } from '../../simulators/conform/frame.ts';

// Servers that are wrong on purpose: each shows that checks can fail.

export interface Broken {
  readonly port: number;
  stop(): Promise<void>;
}

/** What such a server does with a frame. `socket` is where to write. */
export type OnBroken = (frame: Frame, socket: Socket) => void;

export async function startBroken(header: HeaderRule, onFrame: OnBroken): Promise<Broken> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= header.octets) {
        // It takes a length that is none for the next frame's beginning, as careless servers do.
        const said = rest.readUInt32BE(0);
        const length = said < header.octets || said > 5000 ? header.octets : said;
        if (rest.length < length) return;
        const frame = readFrame(header, rest.subarray(0, length));
        rest = rest.subarray(length);
        onFrame(frame, socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Answers every request with these octets, whatever it is. */
export const answering =
  (header: HeaderRule, body: (frame: Frame) => Buffer, status = 0): OnBroken =>
  (frame, socket) => {
    const answer = writeFrame(header, answerTo(frame.command), frame.sequence, body(frame));
    if (header.statusAt !== undefined) answer.writeUInt32BE(status, header.statusAt);
    socket.write(answer);
  };
