import { createTurnClock } from '../turn-clock.ts';
import type { Scenario } from './schema.ts';

/** The time of a carrier: as it is, faster, or standing still until something comes in or nothing does. */
export interface LabClock {
  /** When it began, in ms since 1970. */
  readonly start: number;
  /** Milliseconds since 1970 by this clock, which does not step back. */
  now(): number;
  /** Calls once, at the time or as soon as possible after it. Returns how to call it off. */
  wake(at: number, then: () => void): () => void;
  /** Time goes from one thing to the next: whoever keeps several must ask to be woken for the first of them exactly. */
  readonly leaps: boolean;
  /**
   * Calls `look` at least every so many ms. `next`: when there will be something to see, for a clock on which nothing
   * else would happen until then; Infinity: never.
   */
  watch(every: number, look: () => void, next: () => number): void;
  /** Something came in. */
  heard(): void;
  /** A submit came. */
  submitted(): void;
  stop(): void;
}

/** Where a virtual clock begins if it is not told: every run alike. */
const VIRTUAL_START = Date.parse('2026-06-01T12:00:00+08:00');

/** Longer than a client whose octets wait for an acknowledgement (40 ms) keeps the rest of its submits. */
const PATIENCE = 50;

export function createLabClock(clock: Scenario['clock']): LabClock {
  const { mode = 'real', start, speed = 60, perSubmit = 1, patience = PATIENCE } = clock ?? {};
  const from = start === undefined ? undefined : Date.parse(start);
  if (mode === 'virtual') return virtualClock(from ?? VIRTUAL_START, perSubmit, patience);
  return runningClock(from ?? performance.timeOrigin + performance.now(), mode === 'scaled' ? speed : 1);
}

function runningClock(start: number, speed: number): LabClock {
  // Read several times for every message.
  const turn = createTurnClock();
  const zero = turn();
  const now = (): number => start + (turn() - zero) * speed;
  let watching: NodeJS.Timeout | undefined;
  return {
    start,
    now,
    wake(at, then) {
      const timer = setTimeout(then, Math.max(1, (at - now()) / speed));
      return () => clearTimeout(timer);
    },
    leaps: false,
    watch(every, look) {
      watching = setInterval(look, Math.max(1, every / speed));
    },
    heard: () => undefined,
    submitted: () => undefined,
    stop: () => clearInterval(watching),
  };
}

interface Wake {
  readonly at: number;
  readonly then: () => void;
}

/** Real ms of quiet before it leaps to what somebody only looks for, in times of its patience. */
const LONG = 10;

/**
 * Moves by `perSubmit` with each submit, and leaps to the next thing that is due when nothing came in for `patience` ms
 * of real time: what a client that submits without waiting gets depends on no other clock.
 */
function virtualClock(start: number, perSubmit: number, patience: number): LabClock {
  let time = start;
  const wakes = new Set<Wake>();
  let watcher: { readonly every: number; look(): void; next(): number } | undefined;
  let lookedAt = start;
  let heardAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const first = (): Wake | undefined => {
    let found: Wake | undefined;
    for (const wake of wakes) if (found === undefined || wake.at < found.at) found = wake;
    return found;
  };

  function goOn(to: number): void {
    time = Math.max(time, to);
    for (let wake = first(); wake !== undefined && wake.at <= time; wake = first()) {
      wakes.delete(wake);
      wake.then();
    }
    if (watcher !== undefined && time - lookedAt >= watcher.every) {
      lookedAt = time;
      watcher.look();
    }
  }

  function leap(): void {
    const next = first();
    if (next !== undefined) {
      goOn(next.at);
      return;
    }
    const at = watcher?.next() ?? Infinity;
    if (at === Infinity || watcher === undefined || quiet() < patience * LONG) return;
    time = Math.max(time, at);
    lookedAt = time;
    watcher.look();
  }

  const quiet = (): number => performance.now() - heardAt;

  function arm(after: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      const left = patience - quiet();
      if (left > 0) {
        arm(left);
        return;
      }
      const before = heardAt;
      // What came in while this process was busy is read first: the timer may be as late as that.
      setImmediate(() => {
        if (stopped) return;
        if (heardAt === before) leap();
        arm(patience);
      });
    }, after);
  }
  arm(patience);

  return {
    start,
    now: () => time,
    wake(at, then) {
      const wake = { at, then };
      wakes.add(wake);
      return () => wakes.delete(wake);
    },
    leaps: true,
    watch(every, look, next) {
      watcher = { every, look, next };
    },
    heard() {
      heardAt = performance.now();
    },
    submitted() {
      goOn(time + perSubmit);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
