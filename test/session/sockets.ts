import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createFramer } from '../../protocols/wire/frame.ts';
import { createManualClock } from '../../src/base/clock.ts';
import { createTurn } from '../../src/base/turn.ts';
import { createWheel } from '../../src/base/wheel.ts';
import { type DialDeps, type DialOptions, dial } from '../../src/session/dial.ts';
import type { BindRequest, BindVerdict, Dialect } from '../../src/session/dialect.ts';
import { type ListenOptions, listen } from '../../src/session/listen.ts';
import { createRecordingOwner, LIMITS, quietLog, type Written } from './rig.ts';

/** Lets sockets move until something is so. The test's own time limit is what bounds it. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Lets sockets move a little: for what must not happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Real sockets and turns, time by hand. */
export function createWorld() {
  const clock = createManualClock();
  const wheel = createWheel(clock.now);
  const turn = createTurn();
  const owner = createRecordingOwner();
  const warnings: string[] = [];
  const errors: unknown[] = [];
  const log = {
    ...quietLog,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: (fields: object) => void errors.push(fields),
  };
  return {
    clock,
    wheel,
    turn,
    owner,
    warnings,
    errors,
    deps: { clock, wheel, turn, owner, log },
    /** Time passes; sockets move in between. */
    async wait(ms: number, step = 500): Promise<void> {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        wheel.advance();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
export type World = ReturnType<typeof createWorld>;

export function listenIn(
  world: World,
  dialect: Dialect,
  options: Partial<ListenOptions> = {},
  authenticate: (bind: BindRequest) => Promise<BindVerdict> | BindVerdict = (bind) => ({
    accept: true,
    peer: bind.name,
    window: 10,
  }),
) {
  return listen<string>(
    {
      ...LIMITS,
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      dialect,
      maxConnections: 100,
      maxUnbound: 50,
      systemId: 'yima',
      ...options,
    },
    { ...world.deps, authenticate },
  );
}

export function dialIn(
  world: World,
  dialect: Dialect,
  port: number,
  options: Partial<DialOptions> = {},
  deps: Partial<DialDeps<string>> = {},
) {
  return dial<string>(
    {
      ...LIMITS,
      name: 'carrier',
      host: '127.0.0.1',
      port,
      dialect,
      bind: { name: 'us', secret: 'pw', mode: 'trx', version: dialect.initialVersion },
      binds: 1,
      window: 10,
      reconnect: { fromMs: 1_000, toMs: 60_000, credentialTries: 3, alreadyBoundMs: 90_000 },
      ...options,
    },
    { ...world.deps, random: () => 0.5, ...deps },
  );
}

/** A peer with a socket and no manners. */
export interface Peer {
  readonly socket: Socket;
  readonly frames: Written[];
  readonly closed: boolean;
  send(...octets: Buffer[]): void;
  /** Called for each frame that comes. */
  onFrame: ((frame: Written) => void) | undefined;
}

export function peerOn(socket: Socket, dialect: Dialect): Peer {
  const frames: Written[] = [];
  let closed = false;
  const framer = createFramer({ ...dialect.frame, min: 0, max: 1_000_000 }, (b, start, end) => {
    const octets = Buffer.from(b.subarray(start, end));
    const frame = {
      command: octets.readUInt32BE(dialect.commandAt),
      status: dialect.statusAt < 0 ? (octets[dialect.headerOctets] ?? 0) : octets.readUInt32BE(dialect.statusAt),
      sequence: octets.readUInt32BE(dialect.sequenceAt),
      octets,
    };
    frames.push(frame);
    peer.onFrame?.(frame);
    return true;
  });
  socket.on('data', (chunk: Buffer) => framer.push(chunk));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  const peer: Peer = {
    socket,
    frames,
    get closed() {
      return closed;
    },
    send: (...octets) => void socket.write(Buffer.concat(octets)),
    onFrame: undefined,
  };
  return peer;
}

export function connectPeer(port: number, dialect: Dialect): Peer {
  return peerOn(connect({ host: '127.0.0.1', port, noDelay: true }), dialect);
}

/** A server that hands over each connection. */
export async function servePeers(dialect: Dialect, onPeer: (peer: Peer) => void) {
  const peers: Peer[] = [];
  const server: Server = createServer((socket) => {
    const peer = peerOn(socket, dialect);
    peers.push(peer);
    onPeer(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    async close(): Promise<void> {
      for (const peer of peers) peer.socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
