/** Slots at least, and slots per unit of window: room to skip slots that are still taken without searching long. */
const MIN_SLOTS = 16;
const LATE = 1024;

/** Where sequence numbers come from: a session's own, or one for several sessions whose numbers must differ. */
export interface Counter {
  next: number;
}

/**
 * Requests without an answer. A slot is `sequence & mask`; the full sequence is compared, so that an answer of another
 * lap does not match. Sequences of slots still taken are skipped: a slow answer never blocks its lap.
 *
 * ```
 *   sequence  41  42  43  44 …        mask 7
 *   slot       1   2   3   4
 *   taken      x   .   x   x          41 unanswered: when 49 (slot 1) is due, 50 is used
 * ```
 *
 * A class, because this is the inner loop: columns as fields of one hidden class (12 ns a request; a Map with a promise
 * and a timer costs 290).
 */
export class Window<T> {
  size: number;
  used = 0;
  /** Answer's command id that slot waits for. */
  expects: Int32Array;
  sentAt: Float64Array;
  readonly #first: number;
  readonly #last: number;
  readonly #counter: Counter;
  #mask: number;
  #taken: Uint8Array;
  #sequences: Uint32Array;
  #tokens: (T | undefined)[];
  // The last expired ones: their answers may still bring the peer's id.
  #lateSequences: Uint32Array | undefined;
  #lateExpects: Int32Array | undefined;
  #lateTokens: (T | undefined)[] | undefined;
  #lateNext = 0;
  #lateCount = 0;

  /** Sequence numbers run from `first` to `last` and begin again. */
  constructor(size: number, first: number, last: number, counter: Counter = { next: first }) {
    this.size = size;
    this.#first = first;
    this.#last = last;
    this.#counter = counter;
    const slots = slotsFor(size);
    this.#mask = slots - 1;
    this.#taken = new Uint8Array(slots);
    this.#sequences = new Uint32Array(slots);
    this.#tokens = new Array<T | undefined>(slots).fill(undefined);
    this.expects = new Int32Array(slots);
    this.sentAt = new Float64Array(slots);
  }

  /** A number for a PDU that takes no slot (bind, probe, goodbye), and for the next `open`. */
  nextSequence(): number {
    const counter = this.#counter;
    let sequence = counter.next;
    while (this.#taken[sequence & this.#mask] === 1) sequence = this.#after(sequence);
    counter.next = this.#after(sequence);
    return sequence;
  }

  /** Takes the slot of a sequence from `nextSequence`. The caller has checked that `used < size`. */
  open(sequence: number, expects: number, token: T, now: number): void {
    const slot = sequence & this.#mask;
    this.#taken[slot] = 1;
    this.#sequences[slot] = sequence;
    this.#tokens[slot] = token;
    this.expects[slot] = expects;
    this.sentAt[slot] = now;
    this.used++;
  }

  /** Slot of the open request with this sequence, or -1. */
  find(sequence: number): number {
    const slot = sequence & this.#mask;
    return this.#taken[slot] === 1 && this.#sequences[slot] === sequence ? slot : -1;
  }

  /** Frees a slot found by `find`; returns its token. */
  free(slot: number): T {
    const token = this.#tokens[slot] as T;
    this.#tokens[slot] = undefined;
    this.#taken[slot] = 0;
    this.used--;
    return token;
  }

  /**
   * Frees every slot opened at or before `before`, oldest lap first, keeps it for a late answer and hands its token to
   * `expired`. Returns when the oldest remaining request was sent, or Infinity.
   */
  expire(before: number, expired: (token: T) => void): number {
    let oldest = Infinity;
    // From the next slot round to the last opened: ascending sequences within a lap.
    for (let k = 0, n = this.#mask + 1; k < n; k++) {
      const slot = (this.#counter.next + k) & this.#mask;
      if (this.#taken[slot] === 0) continue;
      const at = this.sentAt[slot]!;
      if (at <= before) {
        expired(this.forfeit(slot));
        // `expired` may have closed everything, or have grown the window.
        if (n !== this.#mask + 1) return this.expire(before, expired);
      } else if (at < oldest) oldest = at;
    }
    return oldest;
  }

  /** Frees a slot found by `find` as `expire` does: its answer came but could not be read. */
  forfeit(slot: number): T {
    const token = this.#tokens[slot] as T;
    this.#remember(this.#sequences[slot]!, this.expects[slot]!, token);
    return this.free(slot);
  }

  /** Token of an expired request that this late answer belongs to; undefined for an answer to nothing. */
  takeLate(sequence: number, command: number): T | undefined {
    if (this.#lateCount === 0) return undefined;
    const sequences = this.#lateSequences!;
    const tokens = this.#lateTokens!;
    for (let at = sequences.indexOf(sequence); at >= 0; at = sequences.indexOf(sequence, at + 1)) {
      const token = tokens[at];
      if (token === undefined || this.#lateExpects![at] !== command) continue;
      tokens[at] = undefined;
      this.#lateCount--;
      return token;
    }
    return undefined;
  }

  /** Frees every slot and hands its token to `lost`. */
  lose(lost: (token: T) => void): void {
    for (let slot = 0; slot <= this.#mask && this.used > 0; slot++) {
      if (this.#taken[slot] === 1) lost(this.free(slot));
    }
  }

  /** What is open beyond a smaller size stays open; nothing new starts until it has gone. */
  resize(size: number): void {
    this.size = size;
    const slots = slotsFor(size);
    if (slots <= this.#mask + 1) return;
    const mask = slots - 1;
    const taken = new Uint8Array(slots);
    const sequences = new Uint32Array(slots);
    const tokens = new Array<T | undefined>(slots).fill(undefined);
    const expects = new Int32Array(slots);
    const sentAt = new Float64Array(slots);
    for (let old = 0; old <= this.#mask; old++) {
      if (this.#taken[old] === 0) continue;
      // Different slots under the small mask are different under the large one.
      const slot = this.#sequences[old]! & mask;
      taken[slot] = 1;
      sequences[slot] = this.#sequences[old]!;
      tokens[slot] = this.#tokens[old];
      expects[slot] = this.expects[old]!;
      sentAt[slot] = this.sentAt[old]!;
    }
    this.#mask = mask;
    this.#taken = taken;
    this.#sequences = sequences;
    this.#tokens = tokens;
    this.expects = expects;
    this.sentAt = sentAt;
  }

  #after(sequence: number): number {
    return sequence >= this.#last ? this.#first : sequence + 1;
  }

  #remember(sequence: number, expects: number, token: T): void {
    if (this.#lateTokens === undefined) {
      this.#lateSequences = new Uint32Array(LATE);
      this.#lateExpects = new Int32Array(LATE);
      this.#lateTokens = new Array<T | undefined>(LATE).fill(undefined);
    }
    const at = this.#lateNext;
    this.#lateNext = (at + 1) % LATE;
    if (this.#lateTokens[at] === undefined) this.#lateCount++;
    this.#lateSequences![at] = sequence;
    this.#lateExpects![at] = expects;
    this.#lateTokens[at] = token;
  }
}

function slotsFor(size: number): number {
  let slots = MIN_SLOTS;
  while (slots < size * 2) slots *= 2;
  return slots;
}
