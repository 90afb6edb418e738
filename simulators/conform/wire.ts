import { connect, type Socket } from 'node:net';
import { ANSWER, type Frame, readFrame } from './frame.ts';
import type { Tongue } from './tongue.ts';

/** What went over one connection, for the eyes of a tester. */
export type Exchange = (line: string) => void;

/** One connection that a check holds by its octets. */
export interface Wire {
  readonly socket: Socket;
  readonly came: readonly Frame[];
  /** The other side has ended the connection. */
  readonly closed: boolean;
  /** Octets behind the last whole frame, or a length that no frame has. */
  readonly broken: boolean;
  /** In one write. */
  send(...octets: readonly Buffer[]): void;
  /** Octet by octet, each in a packet of its own. */
  dribble(octets: Buffer): Promise<void>;
  /** What requests that come are answered with; by default as the protocol asks. */
  answers: (request: Frame) => Buffer | undefined;
  /** Called at every frame, before it is answered. */
  onFrame: (frame: Frame) => void;
  /** Called when something came, and at the end. */
  onChange: () => void;
  end(): void;
}

const SHOWN = 80;

function shown(octets: Buffer): string {
  const hex = octets.toString('hex', 0, SHOWN);
  return octets.length > SHOWN ? `${hex}… (${octets.length} octets)` : hex;
}

/** Puts a connection under a check's eyes. `label`: which of the check's connections. */
export function wireOn(socket: Socket, tongue: Tongue, label: string, log: Exchange): Wire {
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;
  let broken = false;
  let dribbling = false;
  const behind: Buffer[] = [];
  const came: Frame[] = [];

  const tell = (way: string, octets: Buffer): void => {
    if (octets.length < tongue.header.octets) {
      log(`${label} ${way} ${shown(octets)}`);
      return;
    }
    const { command, sequence } = readFrame(tongue.header, octets);
    log(`${label} ${way} ${tongue.name(command)} sequence ${sequence}: ${shown(octets)}`);
  };

  const wire: Wire = {
    socket,
    came,
    get closed() {
      return closed;
    },
    get broken() {
      return broken;
    },
    send(...octets) {
      // Nothing may come between the octets of a frame.
      if (dribbling) {
        behind.push(...octets);
        return;
      }
      for (const one of octets) tell('->', one);
      if (!socket.destroyed) socket.write(Buffer.concat(octets));
    },
    async dribble(octets) {
      tell('-> (octet by octet)', octets);
      dribbling = true;
      for (const octet of octets) {
        if (!socket.destroyed) socket.write(Buffer.of(octet));
        await new Promise((resolve) => setImmediate(resolve));
      }
      dribbling = false;
      if (behind.length > 0) wire.send(...behind.splice(0));
    },
    answers: (request) => tongue.answer(request),
    onFrame: () => undefined,
    onChange: () => undefined,
    end() {
      socket.destroy();
    },
  };

  socket.setNoDelay(true);
  socket.on('error', (error: NodeJS.ErrnoException) => log(`${label} ${error.code ?? error.message}`));
  socket.on('close', () => {
    closed = true;
    log(`${label} closed`);
    wire.onChange();
  });
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (!broken && rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length < tongue.header.octets || length > 100_000) {
        broken = true;
        tell('<- (no frame)', rest);
        break;
      }
      if (rest.length < length) break;
      const frame = readFrame(tongue.header, Buffer.from(rest.subarray(0, length)));
      rest = rest.subarray(length);
      tell('<-', frame.octets);
      came.push(frame);
      wire.onFrame(frame);
      if (frame.command < ANSWER) {
        const answer = wire.answers(frame);
        if (answer !== undefined) wire.send(answer);
      }
    }
    wire.onChange();
  });
  return wire;
}

/** Connects; rejects where nobody listens. */
export async function dial(
  host: string,
  port: number,
  tongue: Tongue,
  label: string,
  log: Exchange,
  within: number,
): Promise<Wire> {
  const socket = connect({ host, port });
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no connection to ${host}:${port} within ${within} ms`)), within);
    socket.once('connect', () => {
      clearTimeout(late);
      resolve();
    });
    socket.once('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
  });
  return wireOn(socket, tongue, label, log);
}
