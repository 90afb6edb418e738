/** How octets leave a socket; see `split` and `glue` of the behaviour. */
export interface WriteShape {
  readonly split: { readonly octets: number; readonly pause: number };
  readonly glue: { readonly frames: number; readonly wait: number };
}

/** Octets on their way to a socket, kept back, joined and cut. Their times are those of the wire: real milliseconds. */
export interface Pieces {
  push(octets: Buffer, shape: WriteShape | undefined): void;
  /** Octets that are not yet written. */
  readonly waiting: number;
  /** Writes what is kept back, and calls `then` when all is written. */
  finish(then: () => void): void;
  /** Forgets what is not yet written. */
  stop(): void;
}

/** A longer one fires at once. */
const LONGEST = 0x7fffffff;

interface Run {
  readonly octets: Buffer;
  readonly size: number;
  readonly pause: number;
}

/** `idle` is called whenever nothing waits any more. */
export function createPieces(write: (octets: Buffer) => void, idle: () => void): Pieces {
  let kept: Buffer[] = [];
  let keptFrames = 0;
  let keptTimer: NodeJS.Timeout | undefined;
  let keptShape: WriteShape | undefined;
  const runs: Run[] = [];
  let at = 0;
  let waiting = 0;
  let next: { cancel(): void } | undefined;
  let finished: (() => void) | undefined;

  function release(): void {
    clearTimeout(keptTimer);
    keptTimer = undefined;
    const octets = kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    kept = [];
    keptFrames = 0;
    const { octets: size, pause } = keptShape?.split ?? { octets: 0, pause: 0 };
    runs.push({ octets, size: size > 0 ? size : octets.length, pause });
    if (next === undefined) step();
  }

  function step(): void {
    next = undefined;
    const run = runs[0];
    if (run === undefined) return;
    const piece = run.octets.subarray(at, at + run.size);
    at += piece.length;
    waiting -= piece.length;
    if (at >= run.octets.length) {
      runs.shift();
      at = 0;
    }
    write(piece);
    if (runs.length > 0) next = run.pause > 0 ? afterMs(run.pause) : afterTurn();
    else if (waiting === 0) {
      idle();
      finished?.();
    }
  }

  const afterMs = (ms: number): { cancel(): void } => {
    const timer = setTimeout(step, Math.min(ms, LONGEST));
    return { cancel: () => clearTimeout(timer) };
  };
  const afterTurn = (): { cancel(): void } => {
    const turn = setImmediate(step);
    return { cancel: () => clearImmediate(turn) };
  };

  return {
    push(octets, shape) {
      kept.push(octets);
      waiting += octets.length;
      keptShape = shape;
      const glue = shape?.glue;
      if (glue !== undefined && glue.frames > 1) {
        keptFrames += framesIn(octets);
        if (keptFrames < glue.frames) {
          keptTimer ??= setTimeout(release, Math.min(glue.wait, LONGEST));
          return;
        }
      }
      release();
    },
    get waiting() {
      return waiting;
    },
    finish(then) {
      finished = then;
      if (kept.length > 0) release();
      else if (waiting === 0) then();
    },
    stop() {
      clearTimeout(keptTimer);
      next?.cancel();
      kept = [];
      runs.length = 0;
      waiting = 0;
    },
  };
}

/** Whole frames by their lengths; what cannot be one ends the count. */
function framesIn(octets: Buffer): number {
  let frames = 0;
  for (let o = 0; o + 4 <= octets.length; frames++) {
    const length = octets.readUInt32BE(o);
    if (length < 4) break;
    o += length;
  }
  return Math.max(1, frames);
}
