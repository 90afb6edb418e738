import type { Wire } from './wire.ts';

/** What a stream is cut by. */
export type Cutting = Pick<Wire, 'frame' | 'headerOctets' | 'knows'>;

/** Cuts one direction of a stream into frames, also one that begins anywhere and has holes. */
export interface FrameSearch {
  octets(at: number, octets: Buffer): void;
  /** So many octets are missing here. */
  gap(at: number, missing: number): void;
  /** What follows may begin anywhere. */
  adrift(): void;
  /** Nothing follows. */
  end(at: number): void;
}

export interface FrameSearchEvents {
  /** A whole frame; valid during the call. */
  onFrame(at: number, frame: Buffer): void;
  /** Octets that belong to no frame, and why. */
  onSkipped(at: number, octets: number, why: string): void;
}

const NONE = Buffer.alloc(0);

export function createFrameSearch(rule: Cutting, events: FrameSearchEvents): FrameSearch {
  let rest: Buffer = NONE;
  let inStep = true;
  /** Octets still to come of a frame that has lost some: the next frame begins behind them. */
  let passOver = 0;
  let skipped = 0;

  const lengthAt = (o: number): number => {
    const length = rest.readUInt32BE(o);
    return length >= rule.frame.min && length <= rule.frame.max ? length : 0;
  };
  const looksLikeHeader = (o: number): boolean => lengthAt(o) > 0 && rule.knows(rest.readUInt32BE(o + 4));

  /** The next header: followed by another, or by the end of what a segment brought. -1: none yet. */
  const find = (): number => {
    let maybe = -1;
    for (let o = 0; o + rule.headerOctets <= rest.length; o++) {
      if (!looksLikeHeader(o)) continue;
      const behind = o + lengthAt(o);
      if (behind === rest.length) return o;
      if (behind + 8 <= rest.length) {
        if (looksLikeHeader(behind)) return o;
      } else if (maybe < 0) maybe = o;
    }
    if (maybe < 0) maybe = Math.max(0, rest.length - rule.headerOctets + 1);
    skipped += maybe;
    rest = rest.subarray(maybe);
    return -1;
  };

  const tellSkipped = (at: number, why: string): void => {
    if (skipped > 0) events.onSkipped(at, skipped, why);
    skipped = 0;
  };

  const run = (at: number): void => {
    let o = 0;
    for (;;) {
      if (!inStep) {
        rest = rest.subarray(o);
        o = 0;
        const found = find();
        if (found < 0) return;
        skipped += found;
        rest = rest.subarray(found);
        inStep = true;
        tellSkipped(at, 'no frame begins there');
      }
      if (rest.length - o < 4) break;
      const length = lengthAt(o);
      if (length === 0) {
        inStep = false;
        continue;
      }
      if (rest.length - o < length) break;
      events.onFrame(at, rest.subarray(o, o + length));
      o += length;
    }
    rest = rest.subarray(o);
  };

  return {
    octets(at, octets) {
      let fresh = octets;
      if (passOver > 0) {
        const passed = Math.min(passOver, fresh.length);
        passOver -= passed;
        skipped += passed;
        if (passOver > 0) return;
        tellSkipped(at, 'the rest of a frame that is not whole');
        fresh = fresh.subarray(passed);
      }
      rest = rest.length === 0 ? fresh : Buffer.concat([rest, fresh]);
      run(at);
      // The caller's octets are gone after the call.
      if (rest.length > 0 && rest.buffer === octets.buffer) rest = Buffer.from(rest);
    },
    gap(at, missing) {
      if (passOver > 0) {
        if (missing > passOver) inStep = false;
        passOver = Math.max(0, passOver - missing);
      } else {
        // The length of a frame that has begun says where the next one does.
        const length = inStep && rest.length >= 4 ? lengthAt(0) : 0;
        if (length >= rest.length + missing) passOver = length - rest.length - missing;
        else inStep = false;
      }
      skipped += rest.length;
      rest = NONE;
      tellSkipped(at, `a frame that is not whole: ${missing} octets were not captured`);
    },
    adrift() {
      inStep = false;
    },
    end(at) {
      skipped += rest.length;
      rest = NONE;
      tellSkipped(at, 'a frame that has not ended');
    },
  };
}
