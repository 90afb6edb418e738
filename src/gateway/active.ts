import type { Message } from '../message/message.ts';

/**
 * Messages at work, by id: what a Map of them would be, in order of coming. Ids are beyond 32 bits, and a Map whose keys
 * are no small integers calls out of compiled code at every access, six times a message. So it is keyed by the low 30
 * bits; the rare message that meets another there is kept apart.
 */
export interface Active {
  get(id: number): Message | undefined;
  has(id: number): boolean;
  set(m: Message): void;
  /** True if it was there. */
  delete(id: number): boolean;
  keys(): IterableIterator<number>;
  values(): IterableIterator<Message>;
  readonly size: number;
}

const LOW = 2 ** 30;

export function createActive(): Active {
  const byLow = new Map<number, Message>();
  const apart = new Map<number, Message>();
  const low = (id: number): number => (id - Math.floor(id / LOW) * LOW) | 0;

  const get = (id: number): Message | undefined => {
    const m = byLow.get(low(id));
    if (m !== undefined && m.id === id) return m;
    return apart.size === 0 ? undefined : apart.get(id);
  };

  return {
    get,
    has: (id) => get(id) !== undefined,
    set(m) {
      const key = low(m.id);
      const known = byLow.get(key);
      if (known === undefined || known.id === m.id) {
        byLow.set(key, m);
        // It may have been apart before the other one went.
        if (apart.size > 0) apart.delete(m.id);
      } else apart.set(m.id, m);
    },
    delete(id) {
      const key = low(id);
      const known = byLow.get(key);
      if (known !== undefined && known.id === id) return byLow.delete(key);
      return apart.size > 0 && apart.delete(id);
    },
    *keys() {
      for (const m of byLow.values()) yield m.id;
      yield* apart.keys();
    },
    *values() {
      yield* byLow.values();
      yield* apart.values();
    },
    get size() {
      return byLow.size + apart.size;
    },
  };
}
