import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client of octets only: what it wrote and what came, as the sockets had it. */
export interface LabClient {
  readonly socket: Socket;
  readonly sent: Buffer[];
  readonly received: Buffer[];
  write(octets: Buffer): void;
}

export async function labClient(port: number): Promise<LabClient> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  return {
    socket,
    sent,
    received,
    write(octets) {
      sent.push(octets);
      socket.write(octets);
    },
  };
}

export const lengthOf = (list: readonly Buffer[]): number => list.reduce((n, b) => n + b.length, 0);

/** The frames of a stream that begin with their lengths, as command ids. */
export function commandsIn(list: readonly Buffer[]): number[] {
  const all = Buffer.concat(list);
  const commands: number[] = [];
  for (let o = 0; o + 8 <= all.length && o + all.readUInt32BE(o) <= all.length; o += all.readUInt32BE(o)) {
    commands.push(all.readUInt32BE(o + 4));
  }
  return commands;
}
