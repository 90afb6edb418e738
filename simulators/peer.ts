import type { Socket } from 'node:net';
import { WireFault } from '../protocols/wire/fault.ts';
import { createFramer, type FrameRule } from '../protocols/wire/frame.ts';
import { createPieces, type Pieces, type WriteShape } from './faults/pieces.ts';

/** Unsent octets above which a peer stops reading: whoever does not read our answers gets no more of them. */
const HIGH_WATER = 4 << 20;
const OUTBOX = 64 << 10;
/** For the other side to read what it is sent before a reset. */
const READ_MS = 20;

export interface PeerEvents {
  /** A whole frame `b[start..end)`, valid during the call. */
  onFrame(b: Buffer, start: number, end: number): void;
  /** The stream can no longer be cut into frames. The peer is closed after this call. */
  onFault(fault: WireFault): void;
  /** Once, whoever closed. */
  onClose(): void;
}

/**
 * One socket: frames in, an outbox out. Plans encode straight into `out` at `at`; what one event-loop turn put there
 * leaves in one write at its end.
 */
export interface Peer {
  readonly socket: Socket;
  /** The outbox. Only valid between `room` and the end of the turn. */
  out: Buffer;
  /** Where the next frame goes. */
  at: number;
  /** Sees octets as they come and go, in the pieces of the socket; undefined: nobody looks. Views, valid during the call. */
  tap: ((sent: boolean, octets: Buffer) => void) | undefined;
  /** Makes room for so many octets at `at` and sees to it that they will be written. */
  room(octets: number): void;
  /** Whether the peer has taken nearly all that was written to it. */
  readonly clear: boolean;
  /** Nothing more goes out: it has ended, is about to, or was hushed. */
  readonly closed: boolean;
  /** Stops reading for so many milliseconds, in the middle of a chunk too. */
  pause(ms: number): void;
  /** Writes what is in the outbox, then ends the connection. */
  end(): void;
  /** Cuts the connection now (TCP reset); what is in the outbox is lost. */
  cut(): void;
  /** Writes the outbox up to this place, then resets the connection. */
  cutAt(at: number): void;
  /** The connection stays, but nothing is read nor written any more, also not what is in the outbox; an end is not noticed. */
  hush(): void;
}

/** Calls after so many milliseconds of whatever clock; returns how to call it off. */
type Wait = (ms: number, then: () => void) => () => void;

const realWait: Wait = (ms, then) => {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
};

/**
 * Wraps a connected socket. Throws nothing on bad input: an impossible frame goes to `onFault`. `shape` is asked before
 * each write how its octets are to go; undefined: as they are. `wait`: by which clock it pauses.
 */
export function createPeer(
  socket: Socket,
  rule: FrameRule,
  events: PeerEvents,
  shape?: () => WriteShape | undefined,
  wait: Wait = realWait,
): Peer {
  const spare: Buffer[] = [];
  let scheduled = false;
  let ending = false;
  let closed = false;
  let hushed = false;
  let pieces: Pieces | undefined;
  let pausedFor: (() => void) | undefined;
  let choked = false;

  const framer = createFramer(rule, (b, start, end) => {
    events.onFrame(b, start, end);
    return pausedFor === undefined && !ending && !hushed;
  });

  const read = (step: () => void): void => {
    try {
      step();
    } catch (e) {
      // Anything but a wire fault is a bug of ours and shall be loud.
      if (!(e instanceof WireFault)) throw e;
      events.onFault(e);
      peer.end();
    }
  };

  const flush = (): void => {
    scheduled = false;
    if (closed || hushed || socket.destroyed) return;
    const shaped = shape?.();
    if (shaped !== undefined || pieces !== undefined) {
      flushPieces(shaped);
      return;
    }
    if (peer.at > 0) {
      const full = peer.out;
      peer.tap?.(true, full.subarray(0, peer.at));
      const taken = socket.write(full.subarray(0, peer.at), () => {
        if (full.length === OUTBOX && spare.length < 4) spare.push(full);
      });
      peer.out = spare.pop() ?? Buffer.allocUnsafe(OUTBOX);
      peer.at = 0;
      if (!taken && socket.writableLength > HIGH_WATER && !choked) {
        choked = true;
        socket.pause();
      }
    }
    if (ending) socket.end();
  };

  /** Once pieces were made of a peer's octets all go that way: none may overtake another. */
  const flushPieces = (shaped: WriteShape | undefined): void => {
    if (pieces === undefined) {
      const write = (octets: Buffer): void => {
        if (socket.destroyed) return;
        peer.tap?.(true, octets);
        socket.write(octets);
      };
      pieces = createPieces(write, unchoke);
    }
    if (peer.at > 0) {
      pieces.push(Buffer.from(peer.out.subarray(0, peer.at)), shaped);
      peer.at = 0;
      if (pieces.waiting > HIGH_WATER && !choked) {
        choked = true;
        socket.pause();
      }
    }
    if (ending) pieces.finish(() => socket.end());
  };

  const unchoke = (): void => {
    if (pieces !== undefined && pieces.waiting > HIGH_WATER) return;
    choked = false;
    if (pausedFor === undefined && !hushed) socket.resume();
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  const peer: Peer = {
    socket,
    out: Buffer.allocUnsafe(OUTBOX),
    at: 0,
    tap: undefined,
    room(octets) {
      if (peer.at + octets > peer.out.length) {
        const grown = Buffer.allocUnsafe(Math.max(peer.out.length * 2, peer.at + octets));
        peer.out.copy(grown, 0, 0, peer.at);
        peer.out = grown;
      }
      schedule();
    },
    get clear() {
      return socket.writableLength + (pieces?.waiting ?? 0) < HIGH_WATER;
    },
    get closed() {
      return closed || ending || hushed;
    },
    pause(ms) {
      if (pausedFor !== undefined || closed) return;
      socket.pause();
      pausedFor = wait(ms, () => {
        pausedFor = undefined;
        if (closed || hushed) return;
        if (!choked) socket.resume();
        read(() => framer.resume());
      });
    },
    end() {
      ending = true;
      schedule();
    },
    cut() {
      ending = true;
      peer.at = 0;
      pieces?.stop();
      socket.resetAndDestroy();
    },
    cutAt(at) {
      hushed = true;
      const octets = Buffer.from(peer.out.subarray(0, at));
      peer.at = 0;
      pieces?.stop();
      peer.tap?.(true, octets);
      // Not before they are read: a reset takes with it what waits here, and hides behind octets that wait there.
      socket.write(octets, () => setTimeout(() => setImmediate(() => socket.resetAndDestroy()), READ_MS));
    },
    hush() {
      hushed = true;
      peer.at = 0;
      pieces?.stop();
      socket.pause();
    },
  };

  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    if (ending || hushed) return;
    peer.tap?.(false, chunk);
    read(() => framer.push(chunk));
  });
  socket.on('drain', unchoke);
  // A reset is an ordinary end here; `close` follows.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
    pausedFor?.();
    pieces?.stop();
    events.onClose();
  });
  return peer;
}
