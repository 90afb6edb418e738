import { createRing, type Ring } from '../base/ring.ts';
import type { Message } from '../message/message.ts';

/**
 * A carrier's queue of one lane: first in, first out, and what comes back (throttled, lost, put off by the rate) goes
 * before the rest in the order in which it was accepted, in whatever order its answers came.
 */
export function createLane(): Ring<Message> {
  const fresh = createRing<Message>();
  /** Rising ids from `head` on. */
  let back: Message[] = [];
  let head = 0;

  return {
    get length() {
      return back.length - head + fresh.length;
    },
    push: fresh.push,
    unshift(m) {
      // Answers come mostly in order: looked for from the end.
      let at = back.length;
      while (at > head && back[at - 1]!.id > m.id) at--;
      if (at === back.length) back.push(m);
      else if (at === head && head > 0) back[--head] = m;
      else back.splice(at, 0, m);
    },
    shift() {
      if (head === back.length) return fresh.shift();
      const m = back[head++]!;
      if (head === back.length || head === 4096) {
        back = back.slice(head);
        head = 0;
      }
      return m;
    },
    peek: () => (head < back.length ? back[head] : fresh.peek()),
    drain() {
      const all = [...back.slice(head), ...fresh.drain()];
      back = [];
      head = 0;
      return all;
    },
    *[Symbol.iterator]() {
      for (let i = head; i < back.length; i++) yield back[i]!;
      yield* fresh;
    },
  };
}
