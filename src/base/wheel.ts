/** A timer that is made once and armed many times: one per need of a session, never one per message. */
export interface Timer {
  /** Fires once, at or after `ms` from now. Arming again moves it. */
  arm(ms: number): void;
  cancel(): void;
  readonly armed: boolean;
}

/**
 * The process's one timer wheel: arm and cancel are a list splice, whatever the number of timers. Its time is monotonic
 * and not the clock's, so that a corrected clock neither fires everything nor stops everything.
 */
export interface Wheel {
  timer(fire: () => void): Timer;
  /** Monotonic milliseconds: what durations are measured with. */
  time(): number;
  /** Fires what is due at `now`, in order. Production: called by `start`'s interval. Tests: called by hand. */
  advance(now?: number): void;
  /** Advances by an interval that does not keep the process alive, until the returned function is called. */
  start(): () => void;
  /** Armed timers. */
  readonly size: number;
}

interface Node extends Timer {
  due: number;
  next: Node;
  previous: Node;
  fire: () => void;
}

const SLOTS = 1024;

/**
 * `time`: a source of monotonic milliseconds (tests: a manual clock's `now`). `tickMs`: the granularity; a timer fires
 * at most about one tick late and never early.
 */
export function createWheel(time: () => number = () => performance.now(), tickMs = 20): Wheel {
  // Each slot is a ring whose head is itself a node; a timer farther away than one round is passed over until due.
  const slots = Array.from({ length: SLOTS }, () => head());
  let at = Math.floor(time() / tickMs);
  let size = 0;

  const splice = (node: Node): void => {
    node.previous.next = node.next;
    node.next.previous = node.previous;
    node.next = node;
    node.previous = node;
    size--;
  };

  const tick = (): void => {
    const slot = slots[at % SLOTS]!;
    // What is due moves to a list of its own first: `fire` may arm and cancel anything, itself included.
    const due = head();
    for (let node = slot.next; node !== slot; ) {
      const next = node.next;
      if (node.due <= at) {
        node.previous.next = node.next;
        node.next.previous = node.previous;
        append(due, node);
      }
      node = next;
    }
    while (due.next !== due) {
      const node = due.next;
      splice(node);
      node.fire();
    }
  };

  const advance = (now = time()): void => {
    const to = Math.floor(now / tickMs);
    while (at < to) {
      if (size === 0) {
        at = to;
        return;
      }
      at++;
      tick();
    }
  };

  return {
    timer(fire) {
      const node = head();
      node.fire = fire;
      node.arm = (ms) => {
        if (node.next !== node) splice(node);
        node.due = Math.max(at + 1, Math.ceil((time() + ms) / tickMs));
        append(slots[node.due % SLOTS]!, node);
        size++;
      };
      node.cancel = () => {
        if (node.next !== node) splice(node);
      };
      return node;
    },
    time,
    advance,
    start() {
      const interval = setInterval(() => advance(), tickMs);
      interval.unref();
      return () => clearInterval(interval);
    },
    get size() {
      return size;
    },
  };
}

function append(list: Node, node: Node): void {
  node.next = list;
  node.previous = list.previous;
  list.previous.next = node;
  list.previous = node;
}

function head(): Node {
  const nothing = (): void => undefined;
  const node: Node = {
    due: 0,
    fire: nothing,
    arm: nothing,
    cancel: nothing,
    get armed(): boolean {
      return node.next !== node;
    },
    next: undefined as unknown as Node,
    previous: undefined as unknown as Node,
  };
  node.next = node;
  node.previous = node;
  return node;
}
