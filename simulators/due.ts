/** Things to be done at a time, in milliseconds of the given clock, to the millisecond. */
export interface Due<T extends { at: number }> {
  /** Runs `onDue(item)` at `item.at` or as soon as possible after it, items of one millisecond in the order of adding. */
  add(item: T): void;
  /** First waiting item that satisfies `is`, in no certain order: for rare questions, it looks at all. */
  find(is: (item: T) => boolean): T | undefined;
  readonly size: number;
  /** Forgets everything and stops the timer. */
  stop(): void;
}

const SLOTS = 8192;
const MASK = SLOTS - 1;

/**
 * A wheel of one slot a millisecond and one timer for all. Later than a turn of the wheel (8 s), an item stays in its
 * slot and is looked at once a turn. `leaps`: of a clock that must be told the very next item, see `LabClock`.
 */
export function createDue<T extends { at: number }>(
  onDue: (item: T) => void,
  now: () => number,
  wake: (at: number, then: () => void) => () => void,
  leaps = false,
): Due<T> {
  const slots: (T | undefined)[][] = Array.from({ length: SLOTS }, () => []);
  let spare: (T | undefined)[] = [];
  let tick = Math.floor(now());
  let size = 0;
  let callOff: (() => void) | undefined;
  let armedFor = Infinity;

  const arm = (at: number): void => {
    if (at >= armedFor) return;
    callOff?.();
    armedFor = at;
    callOff = wake(at, run);
  };

  const run = (): void => {
    const last = Math.floor(now());
    // Nothing is due before what it was armed for.
    tick = Math.max(tick, Math.min(armedFor - 1, last));
    armedFor = Infinity;
    while (tick < last && size > 0) {
      tick++;
      const slot = slots[tick & MASK]!;
      if (slot.length === 0) continue;
      slots[tick & MASK] = spare;
      for (let k = 0; k < slot.length; k++) {
        const item = slot[k]!;
        // Emptied place by place: a dead old array that still points at young items keeps them from the quick collector.
        slot[k] = undefined;
        if (item.at > tick) spare.push(item);
        else {
          size--;
          onDue(item);
        }
      }
      slot.length = 0;
      spare = slot;
    }
    if (size === 0) return;
    let first = Infinity;
    for (let k = 1; k <= SLOTS; k++) {
      const slot = slots[(tick + k) & MASK]!;
      if (slot.length === 0) continue;
      first = leaps ? Math.min(first, earliestOf(slot)) : tick + k;
      if (first <= tick + k) break;
    }
    arm(first);
  };

  const earliestOf = (slot: readonly (T | undefined)[]): number => {
    let earliest = Infinity;
    for (const item of slot) earliest = Math.min(earliest, Math.max(Math.ceil(item!.at), tick + 1));
    return earliest;
  };

  return {
    add(item) {
      if (size === 0) tick = Math.max(tick, Math.floor(now()));
      const at = Math.max(Math.ceil(item.at), tick + 1);
      slots[at & MASK]!.push(item);
      size++;
      arm(at);
    },
    find(is) {
      for (const slot of slots) {
        for (const item of slot) if (item !== undefined && is(item)) return item;
      }
      return undefined;
    },
    get size() {
      return size;
    },
    stop() {
      callOff?.();
      armedFor = Infinity;
      size = 0;
      for (const slot of slots) slot.length = 0;
    },
  };
}
