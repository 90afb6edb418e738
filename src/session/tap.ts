import type { Clock } from '../base/clock.ts';

/** What is kept of a session whose octets are kept. */
export interface TappedSession {
  readonly id: number;
  readonly role: 'client' | 'server';
  /** The dialect's name. */
  readonly protocol: string;
  /** As the last octets were kept. */
  readonly version: number;
  /** Account or carrier; '' before the bind. */
  readonly peer: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Octets of one session in one direction, as they came or went at once: whole frames and parts of some. */
export interface TappedPiece {
  /** Where it stands, and where the next one does. */
  readonly position: number;
  readonly next: number;
  readonly session: TappedSession;
  readonly received: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** A view, valid until the next octets of any session. */
  readonly octets: Buffer;
}

/** Takes the octets of one session. */
export interface StreamTap {
  take(received: boolean, chunk: Buffer, length: number): void;
}

/** Keeps the newest octets of all sessions, up to a size: overwritten as it goes. */
export interface Tap {
  open(session: TappedSession): StreamTap;
  /** The first piece at or behind a position; undefined: that is all. Pieces that are gone are passed over. */
  read(position: number): TappedPiece | undefined;
  /** Position of the oldest piece that is still here; 0: nothing was overwritten yet. */
  readonly oldest: number;
  /** Position behind the newest. */
  readonly newest: number;
  readonly size: number;
}

/** Octets before each piece: length of all, session, time, length of the octets, direction. */
const HEAD = 24;
const ALIGN = 8;

interface Known {
  id: number;
  role: 'client' | 'server';
  protocol: string;
  version: number;
  peer: string;
  remoteAddress: string;
  remotePort: number;
  /** Of its pieces that are still here. */
  pieces: number;
}

/** One copy a chunk, not one a frame: what a link reads or writes at once is kept as it is, and cut when somebody asks. */
export function createTap(octets: number, clock: Clock): Tap {
  const size = Math.max(1 << 18, octets - (octets % ALIGN));
  // The system gives pages as they are written: what is not used costs nothing.
  const ring = Buffer.allocUnsafeSlow(size);
  const known = new Map<number, Known>();
  let oldest = 0;
  let newest = 0;

  /** Gives up the oldest piece, or the unused end of the ring. */
  const forget = (): void => {
    const o = oldest % size;
    const session = ring.readUInt32LE(o + 4);
    oldest += ring.readUInt32LE(o);
    if (session === 0) return;
    const k = known.get(session);
    if (k !== undefined && --k.pieces === 0) known.delete(session);
  };

  const keep = (k: Known, received: boolean, chunk: Buffer, from: number, length: number): void => {
    const total = (HEAD + length + ALIGN - 1) & -ALIGN;
    let o = newest % size;
    const unused = o + total > size ? size - o : 0;
    while (newest + unused + total - oldest > size) forget();
    if (unused > 0) {
      ring.writeUInt32LE(unused, o);
      ring.writeUInt32LE(0, o + 4);
      newest += unused;
      o = 0;
    }
    ring.writeUInt32LE(total, o);
    ring.writeUInt32LE(k.id, o + 4);
    ring.writeDoubleLE(clock.now(), o + 8);
    ring.writeUInt32LE(length, o + 16);
    ring[o + 20] = received ? 1 : 0;
    chunk.copy(ring, o + HEAD, from, from + length);
    newest += total;
    if (k.pieces++ === 0) known.set(k.id, k);
  };

  return {
    open(session) {
      const { id, role, protocol, remoteAddress, remotePort } = session;
      const k: Known = { id, role, protocol, remoteAddress, remotePort, version: 0, peer: '', pieces: 0 };
      // A chunk may be larger than a small ring.
      const most = size >> 2;
      return {
        take(received, chunk, length) {
          k.version = session.version;
          k.peer = session.peer;
          for (let from = 0; from < length; from += most) keep(k, received, chunk, from, Math.min(most, length - from));
        },
      };
    },
    read(position) {
      for (let p = Math.max(position, oldest); p < newest; ) {
        const o = p % size;
        const next = p + ring.readUInt32LE(o);
        const session = known.get(ring.readUInt32LE(o + 4));
        if (session !== undefined) {
          const length = ring.readUInt32LE(o + 16);
          return {
            position: p,
            next,
            session,
            received: ring[o + 20] === 1,
            at: ring.readDoubleLE(o + 8),
            octets: ring.subarray(o + HEAD, o + HEAD + length),
          };
        }
        p = next;
      }
      return undefined;
    },
    get oldest() {
      return oldest;
    },
    get newest() {
      return newest;
    },
    size,
  };
}
