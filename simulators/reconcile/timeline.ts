import type { BookHead } from '../book-file.ts';

/** Clocks of two processes differ by no more than this, unless they are on two machines, or one of them was set. */
const SAME_MACHINE_MS = 10_000;

/**
 * When each book begins, on one time line. Books of one machine are laid by the clock that its processes share: the time
 * of day is set and slewed, and each process has taken it at another moment.
 */
export function createTimeline(): (head: BookHead) => number {
  let first: BookHead | undefined;
  return (head) => {
    first ??= head;
    if (head.uptime === undefined || first.uptime === undefined) return head.since;
    const shared = first.since + (head.uptime - first.uptime);
    return Math.abs(shared - head.since) < SAME_MACHINE_MS ? shared : head.since;
  };
}
