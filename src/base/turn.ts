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

export function createTurn(schedule: (end: () => void) => void = (end) => void setImmediate(end)): Turn {
  let pumps: Pump[] = [];
  let spare: Pump[] = [];
  let outgoing: Outgoing[] = [];
  let spareOutgoing: Outgoing[] = [];
  let commit = (): void => undefined;
  let ended = (): void => undefined;
  let scheduled = false;

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
    const links = outgoing;
    outgoing = spareOutgoing;
    for (const l of links) {
      l.dirty = false;
      l.flush();
    }
    links.length = 0;
    spareOutgoing = links;
    ended();
    if (pumps.length > 0) wake();
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
