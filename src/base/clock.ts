/** Where time comes from: passed in, so that tests own it. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** To the microsecond, never back; strays from the system's time as that is set anew. For what was on a wire. */
export const fineClock: Clock = { now: () => performance.timeOrigin + performance.now() };

/**
 * The system's time, read at most once a turn of the event loop: a message asks for it a dozen times, and a read costs
 * 50 ns. `wake` makes sure that a turn ends after a read; `endOfTurn` is called when it does.
 */
export function createTurnClock(wake: () => void): Clock & { endOfTurn(): void } {
  let at = 0;
  return {
    now() {
      if (at === 0) {
        at = Date.now();
        wake();
      }
      return at;
    },
    endOfTurn() {
      at = 0;
    },
  };
}

/** A clock that moves only when told. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function createManualClock(start = 1_700_000_000_000): ManualClock {
  let at = start;
  return {
    now: () => at,
    advance(ms) {
      at += ms;
    },
  };
}
