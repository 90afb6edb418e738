import { WireFault } from './fault.ts';

/** How frames are cut: all our protocols begin with a 4-octet big-endian length that counts the whole frame. */
export interface FrameRule {
  readonly protocol: string;
  /** Smallest legal length: the header. */
  readonly min: number;
  /** Largest length we wait for; checked before waiting. */
  readonly max: number;
}

/** Takes a whole frame `b[start..end)`, valid during the call. False: hold the rest until `resume`. */
export type OnFrame = (b: Buffer, start: number, end: number) => boolean;

export interface Framer {
  /** Feeds a chunk. Throws WireFault when the declared length is impossible: the stream cannot be resynchronised. */
  push(chunk: Buffer): void;
  /** Goes on with what was held. */
  resume(): void;
  /** Octets of an unfinished frame: a read timer must bound them. */
  readonly partial: number;
  /** Octets held back because the receiver said stop. */
  readonly held: number;
  /** A frame may become larger after the bind than before it. */
  limit(max: number): void;
}

/**
 * Chunks to whole frames as views; only a frame split over chunks is copied, once, into a buffer of its own declared
 * length (octet-by-octet delivery stays linear).
 */
export function createFramer(rule: FrameRule, onFrame: OnFrame): Framer {
  let max = rule.max;
  const head = Buffer.alloc(4);
  let headHave = 0;
  let whole: Buffer | undefined;
  let have = 0;
  let rest: Buffer | undefined;
  let stopped = false;

  const checked = (length: number): number => {
    if (length < rule.min) throw new WireFault('length-too-small', rule.protocol, 'length', length);
    if (length > max) throw new WireFault('length-too-large', rule.protocol, 'length', length);
    return length;
  };

  const run = (chunk: Buffer): void => {
    let o = 0;
    const end = chunk.length;
    // First finish a split frame.
    if (headHave > 0 || whole !== undefined) {
      while (whole === undefined && o < end) {
        head[headHave++] = chunk[o++]!;
        if (headHave === 4) {
          whole = Buffer.allocUnsafe(checked(head.readUInt32BE(0)));
          head.copy(whole, 0);
          have = 4;
        }
      }
      if (whole === undefined) return;
      const take = Math.min(whole.length - have, end - o);
      chunk.copy(whole, have, o, o + take);
      have += take;
      o += take;
      if (have < whole.length) return;
      const frame = whole;
      whole = undefined;
      headHave = 0;
      have = 0;
      if (!onFrame(frame, 0, frame.length)) {
        stopped = true;
        if (o < end) rest = chunk.subarray(o);
        return;
      }
    }
    while (end - o >= 4) {
      const length = checked(chunk.readUInt32BE(o));
      if (o + length > end) break;
      const start = o;
      o += length;
      if (!onFrame(chunk, start, o)) {
        stopped = true;
        if (o < end) rest = chunk.subarray(o);
        return;
      }
    }
    if (o === end) return;
    if (end - o < 4) {
      headHave = chunk.copy(head, 0, o, end);
      return;
    }
    whole = Buffer.allocUnsafe(chunk.readUInt32BE(o));
    have = chunk.copy(whole, 0, o, end);
  };

  return {
    push(chunk) {
      if (stopped) {
        rest = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
        return;
      }
      run(chunk);
    },
    resume() {
      if (!stopped) return;
      stopped = false;
      const next = rest;
      rest = undefined;
      if (next !== undefined) run(next);
    },
    get partial() {
      return whole === undefined ? headHave : have;
    },
    get held() {
      return rest === undefined ? 0 : rest.length;
    },
    limit(octets) {
      max = octets;
    },
  };
}
