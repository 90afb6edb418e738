import type { Segment } from '../message/message.ts';
import { hashCarrierId } from '../store/frozen.ts';

/**
 * Answered segments of messages at work, by carrier and canonical id. Keyed by a 32-bit hash: joining carrier and id into
 * one string for a Map costs four times as much, four times a message. Whoever looks checks that it is the one.
 */
export interface AtCarrier {
  add(carrier: string, canonicalId: string, segment: Segment): void;
  remove(carrier: string, canonicalId: string, segment: Segment): void;
  find(carrier: string, canonicalId: string, fits: (segment: Segment) => boolean): Segment | undefined;
  readonly size: number;
}

export function createAtCarrier(): AtCarrier {
  // As signed integers hashes are small integers to V8: quick keys.
  const one = new Map<number, Segment>();
  /** Further ones of a hash: two ids in 2^32, or one id given twice. */
  const more = new Map<number, Segment[]>();
  return {
    add(carrier, canonicalId, segment) {
      const key = hashCarrierId(carrier, canonicalId) | 0;
      const known = one.get(key);
      if (known === undefined || known === segment) {
        one.set(key, segment);
        return;
      }
      const list = more.get(key);
      if (list === undefined) more.set(key, [segment]);
      else if (!list.includes(segment)) list.push(segment);
    },
    remove(carrier, canonicalId, segment) {
      const key = hashCarrierId(carrier, canonicalId) | 0;
      const list = more.size === 0 ? undefined : more.get(key);
      if (one.get(key) === segment) {
        const next = list?.shift();
        if (next === undefined) one.delete(key);
        else one.set(key, next);
      } else if (list !== undefined) {
        const at = list.indexOf(segment);
        if (at >= 0) list.splice(at, 1);
      }
      if (list?.length === 0) more.delete(key);
    },
    find(carrier, canonicalId, fits) {
      const key = hashCarrierId(carrier, canonicalId) | 0;
      const first = one.get(key);
      if (first === undefined || fits(first)) return first;
      return more.size === 0 ? undefined : more.get(key)?.find(fits);
    },
    get size() {
      return one.size;
    },
  };
}
