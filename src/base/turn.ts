/** A queue that may have work it can do now. `pump` runs at the end of the turn, once, however often it was marked. */
export interface Pump {
  marked: boolean;
  pump(): void;
}

/** Octets that wait for the end of the turn: one write per link and turn. */
export interface Outgoing {
  dirty: boolean;
  flush(): void;
}

/**
 * The end of every event-loop turn, in this order and only here: pumps, commit, flush. Node runs each readable socket's
 * callback and then `setImmediate`, so what all sockets brought in one turn is pumped, committed and written together.
 */
export interface Turn {
  mark(pump: Pump): void;
  markOutgoing(link: Outgoing): void;
  /** The commit step: seals and appends the open batch when it is due. */
  onCommit(commit: () => void): void;
  /** Called last at the end of every turn. */
  onEnd(end: () => void): void;
  /** Makes sure that an end of turn will come. */
  wake(): void;
  /** Runs the end of the turn now (tests, shutdown). */
  end(): void;
}

export interface TurnOptions {
  /**
   * Writes are gathered for so many milliseconds before the next (ms; 0: every turn writes). A write to a socket costs
   * some 10 µs whatever is in it, the largest single cost of a message; the first after a pause goes at once.
   */
  readonly gatherMs?: number;
  /** Runs `end` at the end of this turn of the loop. */
  readonly schedule?: (end: () => void) => void;
  readonly after?: (ms: number, run: () => void) => void;
  /** Monotonic milliseconds. */
  readonly time?: () => number;
}

export function createTurn(options: TurnOptions = {}): Turn {
  const { gatherMs = 0, schedule = (end) => void setImmediate(end), time = () => performance.now() } = options;
  const after = options.after ?? ((ms, run) => void setTimeout(run, ms));
  let pumps: Pump[] = [];
  let spare: Pump[] = [];
  let outgoing: Outgoing[] = [];
  let spareOutgoing: Outgoing[] = [];
  let commit = (): void => undefined;
  let ended = (): void => undefined;
  let scheduled = false;
  let waiting = false;
  let flushedAt = 0;

  const end = (): void => {
    scheduled = false;
    // A pump that marks another (or itself) in this pass is run in this pass too, but not for ever: the rest of the
    // work waits for the next turn so that sockets are read in between.
    for (let pass = 0; pass < 4 && pumps.length > 0; pass++) {
      const now = pumps;
      pumps = spare;
      for (const p of now) {
        p.marked = false;
        p.pump();
      }
      now.length = 0;
      spare = now;
    }
    commit();
    flush();
    ended();
    if (pumps.length > 0) wake();
  };

  const flush = (): void => {
    if (outgoing.length === 0 || waiting) return;
    if (gatherMs > 0) {
      const left = gatherMs - (time() - flushedAt);
      if (left > 0) {
        waiting = true;
        after(left, () => {
          waiting = false;
          wake();
        });
        return;
      }
      flushedAt = time();
    }
    const links = outgoing;
    outgoing = spareOutgoing;
    for (const l of links) {
      l.dirty = false;
      l.flush();
    }
    links.length = 0;
    spareOutgoing = links;
  };

  const wake = (): void => {
    if (scheduled) return;
    scheduled = true;
    schedule(end);
  };

  return {
    mark(pump) {
      if (pump.marked) return;
      pump.marked = true;
      pumps.push(pump);
      wake();
    },
    markOutgoing(link) {
      if (link.dirty) return;
      link.dirty = true;
      outgoing.push(link);
      wake();
    },
    onCommit(f) {
      commit = f;
    },
    onEnd(f) {
      ended = f;
    },
    wake,
    end,
  };
}
