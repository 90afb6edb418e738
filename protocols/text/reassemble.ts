import type { Concat } from './udh.ts';

export interface ReassemblyOptions<T> {
  /** Most messages begun and not yet whole. */
  readonly maxOpen: number;
  /** Most parts of these messages together, counted by their totals: a message once begun has room for its rest. */
  readonly maxParts: number;
  /** How long after its first part a message may still become whole, where `add` does not say it. */
  readonly timeoutMs: number;
  /**
   * Whether two parts of one number are the same. Without it they always are, so a part that comes again is a
   * duplicate; with it a different one says that the sender has used the reference anew for another message.
   */
  readonly same?: (a: T, b: T) => boolean;
}

export type Added<T> =
  /** Kept; others are missing. */
  | { readonly state: 'waiting' }
  /** The last one missing: all parts in their order, nothing kept. */
  | { readonly state: 'whole'; readonly parts: T[] }
  /** It was here before: not kept. */
  | { readonly state: 'duplicate' }
  /** No room to begin this message: not kept. Parts of messages already begun are never refused. */
  | { readonly state: 'full' };

/** A message whose time is over, or whose reference was used anew. */
export interface Incomplete<T> {
  readonly key: string;
  readonly concat: Concat;
  /** As long as `concat.total`; undefined is what never came. */
  readonly parts: (T | undefined)[];
}

export interface Reassembly<T> {
  /**
   * Takes one part. `key` says whose it is: account, source and destination. Parts belong together when reference,
   * total and width of the reference are equal too, so two messages that differ in one of these may be interleaved.
   * An impossible `concat` (part 0, or above total) is a message of its own.
   */
  add(key: string, concat: Concat, part: T, now: number, timeoutMs?: number): Added<T>;
  /** Gives up messages whose time is over at `now`, `most` of them, and returns what was there of them. */
  expire(now: number, most?: number): Incomplete<T>[];
  /** Messages held: begun and not whole, with those that wait for `expire`. */
  readonly open: number;
}

interface Open<T> extends Incomplete<T> {
  missing: number;
  readonly deadline: number;
}

const WAITING = Object.freeze({ state: 'waiting' as const });
const DUPLICATE = Object.freeze({ state: 'duplicate' as const });
const FULL = Object.freeze({ state: 'full' as const });

/** Joins the parts of long messages. Times are milliseconds of the caller's clock, which must not run backwards. */
export function createReassembly<T>(options: ReassemblyOptions<T>): Reassembly<T> {
  const { maxOpen, maxParts, same } = options;
  const messages = new Map<string, Open<T>>();
  /** Those whose reference was used anew. */
  const displaced: Open<T>[] = [];
  /** The totals of all above. */
  let reserved = 0;

  return {
    get open() {
      return messages.size + displaced.length;
    },

    add(key, concat, part, now, timeoutMs = options.timeoutMs) {
      const { ref, refBits, total, seq } = concat;
      if (total <= 1 || seq < 1 || seq > total) return { state: 'whole', parts: [part] };

      const id = `${refBits}/${ref}/${total}/${key}`;
      let message = messages.get(id);
      if (message !== undefined) {
        const before = message.parts[seq - 1];
        const over = now >= message.deadline;
        if (!over && before !== undefined && (same === undefined || same(before, part))) return DUPLICATE;
        if (over || before !== undefined) {
          // The rest of the older message did not come in time, or comes no more: mixing the two would garble both.
          if (!hasRoom(total)) return FULL;
          messages.delete(id);
          displaced.push(message);
          message = undefined;
        }
      }
      if (message === undefined) {
        if (!hasRoom(total)) return FULL;
        reserved += total;
        const parts = new Array<T | undefined>(total).fill(undefined);
        message = { key, concat, parts, missing: total, deadline: now + timeoutMs };
        messages.set(id, message);
      }
      message.parts[seq - 1] = part;
      message.missing--;
      if (message.missing > 0) return WAITING;
      messages.delete(id);
      reserved -= total;
      return { state: 'whole', parts: message.parts as T[] };
    },

    expire(now, most = Number.POSITIVE_INFINITY) {
      const ended = displaced.splice(0, most);
      for (const [id, message] of messages) {
        if (ended.length >= most) break;
        if (message.deadline > now) continue;
        messages.delete(id);
        ended.push(message);
      }
      for (const { concat } of ended) reserved -= concat.total;
      return ended.map(({ key, concat, parts }) => ({ key, concat, parts }));
    },
  };

  function hasRoom(total: number): boolean {
    return messages.size + displaced.length < maxOpen && reserved + total <= maxParts;
  }
}
