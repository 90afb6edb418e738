import type { Socket } from 'node:net';
import { WireFault } from '../../protocols/wire/fault.ts';
import { createFramer, type FrameRule, type Framer } from '../../protocols/wire/frame.ts';
import type { Outgoing, Turn } from '../base/turn.ts';
import type { Timer, Wheel } from '../base/wheel.ts';
import type { StreamTap } from './tap.ts';

/** The engine, as its link sees it. */
export interface Receiver {
  /** Octets came; their frames follow. */
  onChunk(): void;
  /** A whole frame, valid during the call. False: hold everything behind it until `resume`. */
  onFrame(b: Buffer, start: number, end: number): boolean;
  /** The stream cannot be cut any more; the bad frame begins at `b[at]`. */
  onFraming(fault: WireFault, b: Buffer, at: number): void;
  /** The outbox is below its marks again. */
  onDrain(): void;
  onGone(reason: string): void;
  /** Something of ours threw while a chunk was handled. */
  onError(error: unknown): void;
}

/** One socket, as the engine sees it; tests hand in another. */
export interface Link {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Something waits in the outbox for the end of this turn. */
  readonly dirty: boolean;
  /** The peer reads too slowly for new requests. */
  readonly congested: boolean;
  /** The peer reads so slowly that even answers must stop: do not read from it. */
  readonly choked: boolean;
  /** Where to encode: `reserve` first, then write from the offset it gave, then `commit`. */
  readonly out: Buffer;
  reserve(octets: number): number;
  commit(end: number): void;
  start(receiver: Receiver): void;
  /** Largest frame from now on. */
  limit(max: number): void;
  /** Goes on after `onFrame` said false. */
  resume(): void;
  /** Writes what is in the outbox, says FIN, and is gone within `LINGER_MS` whatever the peer does. */
  end(): void;
}

/** One chunk of the outbox: every PDU fits, and a turn's work for one peer does too. */
const CHUNK = 128 * 1024;
/** Octets that the kernel did not take: above the first no requests, above the second no answers either. */
const CONGESTED = 256 * 1024;
const CHOKED = 1024 * 1024;
const LINGER_MS = 2_000;

/**
 * Outboxes live for one turn: a link takes one from here with its first octet of the turn and gives it back when the
 * kernel has taken the octets. Ten thousand idle links hold none.
 */
const spare: Buffer[] = [];
const SPARE = 32;
const NONE = Buffer.alloc(0);

function takeChunk(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
}
function giveChunk(chunk: Buffer): void {
  if (chunk.length === CHUNK && spare.length < SPARE) spare.push(chunk);
}

/** A dual-stack listener shows IPv4 peers as mapped addresses; operators write them plain. */
const plainAddress = (address: string): string => (/^::ffff:\d+\./i.test(address) ? address.slice(7) : address);

export interface LinkOptions {
  readonly frame: FrameRule;
  /** Longest wait for the rest of a frame that has begun. */
  readonly frameTimeoutMs?: number;
  /** Longest wait for a peer that does not read. */
  readonly drainTimeoutMs?: number;
  /** The peer's address where a proxy told it. */
  readonly remote?: { readonly address: string; readonly port: number };
}

/** A class because `reserve` and `commit` run for every PDU. */
export class SocketLink implements Link, Outgoing {
  readonly remoteAddress: string;
  readonly remotePort: number;
  dirty = false;
  congested = false;
  choked = false;
  out: Buffer = NONE;
  /** Told all octets in and out. */
  tap: StreamTap | undefined = undefined;
  readonly #socket: Socket;
  readonly #encrypted: boolean;
  readonly #turn: Turn;
  readonly #framer: Framer;
  readonly #drainTimeoutMs: number;
  readonly #frameTimeoutMs: number;
  readonly #wheel: Wheel;
  readonly #slow: Timer;
  readonly #frameTimer: Timer;
  readonly #onWritten: () => void;
  #receiver: Receiver | undefined;
  #at = 0;
  /** Chunks that the socket still has, oldest first. */
  #inFlight: Buffer[] = [];
  #held = false;
  #ended = false;
  #partialSince = 0;
  // Where in the current chunk the last whole frame ended, to point at a bad one.
  #chunk: Buffer = NONE;
  #chunkAt = 0;
  #splitFrom = 0;
  #frames = 0;

  constructor(socket: Socket, options: LinkOptions, wheel: Wheel, turn: Turn) {
    this.#socket = socket;
    this.#encrypted = 'encrypted' in socket;
    this.#turn = turn;
    this.#wheel = wheel;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? 30_000;
    this.#frameTimeoutMs = options.frameTimeoutMs ?? 10_000;
    this.remoteAddress = plainAddress(options.remote?.address ?? socket.remoteAddress ?? '');
    this.remotePort = options.remote?.port ?? socket.remotePort ?? 0;
    this.#framer = createFramer(options.frame, (b, start, end) => this.#onFrame(b, start, end));
    this.#slow = wheel.timer(() => this.#onSlow());
    this.#frameTimer = wheel.timer(() => this.#onFrameTimer());
    this.#onWritten = () => {
      const chunk = this.#inFlight.shift();
      if (chunk !== undefined) giveChunk(chunk);
    };
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrained());
    socket.on('end', () => this.#gone('the peer closed the connection'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#gone(error.code ?? error.message));
    socket.on('close', () => {
      this.#slow.cancel();
      this.#gone('the connection is closed');
    });
  }

  limit(max: number): void {
    this.#framer.limit(max);
  }

  reserve(octets: number): number {
    if (this.#at + octets > this.out.length) {
      if (this.#at > 0) this.#write();
      this.out = octets <= CHUNK ? takeChunk() : Buffer.allocUnsafeSlow(octets);
    }
    return this.#at;
  }

  commit(end: number): void {
    this.#at = end;
    if (!this.dirty) this.#turn.markOutgoing(this);
  }

  flush(): void {
    if (this.#at > 0) this.#write();
    else this.#release();
    const waiting = this.#socket.writableLength;
    if (waiting <= CONGESTED || this.#ended) return;
    this.choked = waiting > CHOKED;
    if (this.congested) return;
    this.congested = true;
    this.#slow.arm(this.#drainTimeoutMs);
  }

  resume(): void {
    if (!this.#held || this.#ended) return;
    this.#held = false;
    this.#partialSince = this.#wheel.time();
    this.#chunk = NONE;
    this.#chunkAt = 0;
    try {
      this.#framer.resume();
    } catch (error) {
      this.#caught(error);
    }
    this.#boundPartial();
    // Another frame may have asked to hold again.
    if (!this.#held && !this.#ended) this.#socket.resume();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#frameTimer.cancel();
    if (this.#at > 0) this.#write();
    else this.#release();
    const socket = this.#socket;
    // Read on and throw away: unread octets would turn our FIN, and the answer before it, into a reset.
    socket.removeAllListeners('data');
    socket.on('data', () => undefined);
    socket.resume();
    socket.end();
    if (socket.destroyed) return;
    this.#slow.arm(LINGER_MS);
  }

  #write(): void {
    const chunk = this.out;
    const view = chunk.subarray(0, this.#at);
    this.tap?.take(false, chunk, this.#at);
    this.#at = 0;
    this.out = NONE;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) {
      giveChunk(chunk);
    } else if (this.#encrypted || socket.writableLength > 0) {
      socket.write(view, this.#onWritten);
      this.#inFlight.push(chunk);
    } else {
      socket.write(view);
      // Taken whole by the kernel: the chunk is free. Otherwise it is the socket's, for good.
      if (socket.writableLength === 0) giveChunk(chunk);
    }
  }

  #release(): void {
    giveChunk(this.out);
    this.out = NONE;
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.tap?.take(true, chunk, chunk.length);
    const before = this.#framer.partial;
    const frames = this.#frames;
    this.#chunk = chunk;
    this.#chunkAt = -before;
    this.#splitFrom = before;
    try {
      this.#receiver!.onChunk();
      this.#framer.push(chunk);
    } catch (error) {
      this.#caught(error);
    }
    if (before === 0 || this.#frames !== frames) this.#partialSince = this.#wheel.time();
    this.#boundPartial();
  }

  #boundPartial(): void {
    if (this.#framer.partial > 0 && !this.#ended && !this.#frameTimer.armed) {
      this.#frameTimer.arm(this.#frameTimeoutMs);
    }
  }

  #onFrame(b: Buffer, start: number, end: number): boolean {
    this.#frames++;
    if (this.#chunk === NONE) this.#chunk = b;
    if (b === this.#chunk) this.#chunkAt = end;
    else this.#chunkAt = end - start - this.#splitFrom;
    if (this.#receiver!.onFrame(b, start, end)) return true;
    if (!this.#held) {
      this.#held = true;
      if (!this.#ended) this.#socket.pause();
    }
    return false;
  }

  /** Nothing that a peer's octets bring about may leave this link. */
  #caught(error: unknown): void {
    const receiver = this.#receiver!;
    if (error instanceof WireFault && (error.reason === 'length-too-small' || error.reason === 'length-too-large')) {
      receiver.onFraming(error, this.#chunk, this.#chunkAt);
    } else receiver.onError(error);
  }

  #gone(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#frameTimer.cancel();
    this.#slow.cancel();
    this.#at = 0;
    this.#release();
    this.#socket.destroy();
    this.#receiver!.onGone(reason);
  }

  #onDrained(): void {
    if (!this.congested || this.#ended) return;
    this.congested = false;
    this.choked = false;
    this.#slow.cancel();
    this.#receiver!.onDrain();
  }

  #onSlow(): void {
    if (this.#ended) {
      this.#socket.destroy();
      return;
    }
    this.#gone(`the peer has not read for ${this.#drainTimeoutMs / 1000} s`);
  }

  #onFrameTimer(): void {
    if (this.#framer.partial === 0) return;
    const left = this.#held ? this.#frameTimeoutMs : this.#partialSince + this.#frameTimeoutMs - this.#wheel.time();
    if (left > 0) this.#frameTimer.arm(left);
    else this.#gone(`a frame has not ended for ${this.#frameTimeoutMs / 1000} s`);
  }
}
