/** The submits of one connection that wait for their answers, by sequence. */
export interface SubmitWindow {
  inFlight: number;
  /** When the submit that was answered last had been sent. */
  answeredSentAt: number;
  /** A sequence under which nothing is open. */
  next(): number;
  /** Opens a submit of this part: returns its sequence. */
  open(part: number, at: number): number;
  /** The part that an answer is about, or -1. */
  answered(sequence: number): number;
  /** The part that an answer is about which was given up before, or -1. */
  answeredLate(sequence: number): number;
  /** Gives up what was sent before `sentBefore`. */
  giveUp(sentBefore: number, each: (part: number) => void): void;
  /** The connection is gone: gives up all, and no answer comes any more. */
  clear(each: (part: number) => void): void;
}

/** `size`: most that are open at a time; `lastSequence`: sequences go from 1 to here, and around. */
export function createSubmitWindow(size: number, lastSequence: number): SubmitWindow {
  let places = 16;
  while (places < size * 2) places *= 2;
  const mask = places - 1;
  /** By sequence & mask: the part, or -1. */
  const parts = new Int32Array(places).fill(-1);
  const sequences = new Uint32Array(places);
  const sentAt = new Float64Array(places);
  /** Parts given up, by the sequence that may still be answered. */
  const late = new Map<number, number>();
  let sequence = 0;

  function next(): number {
    do {
      sequence = sequence === lastSequence ? 1 : sequence + 1;
    } while (parts[sequence & mask] !== -1);
    return sequence;
  }

  const window: SubmitWindow = {
    inFlight: 0,
    answeredSentAt: 0,
    next,
    open(part, at) {
      const s = next();
      const place = s & mask;
      parts[place] = part;
      sequences[place] = s;
      sentAt[place] = at;
      window.inFlight++;
      return s;
    },
    answered(s) {
      const place = s & mask;
      const part = parts[place]!;
      if (part === -1 || sequences[place] !== s) return -1;
      parts[place] = -1;
      window.inFlight--;
      window.answeredSentAt = sentAt[place]!;
      return part;
    },
    answeredLate(s) {
      const part = late.get(s);
      if (part === undefined) return -1;
      late.delete(s);
      return part;
    },
    giveUp(sentBefore, each) {
      if (window.inFlight === 0) return;
      for (let place = 0; place < places; place++) {
        const part = parts[place]!;
        if (part === -1 || sentAt[place]! > sentBefore) continue;
        late.set(sequences[place]!, part);
        parts[place] = -1;
        window.inFlight--;
        each(part);
      }
    },
    clear(each) {
      late.clear();
      for (let place = 0; place < places; place++) {
        const part = parts[place]!;
        if (part === -1) continue;
        parts[place] = -1;
        each(part);
      }
      window.inFlight = 0;
    },
  };
  return window;
}
