import { hashCarrierId, hashId } from '../store/frozen.ts';

/** The final word on a message that has left memory. */
export interface Ended {
  readonly id: number;
  readonly account: string;
  readonly state: number;
  readonly error: string;
  readonly at: number;
}

/**
 * A bounded memory of what ended lately, overwritten as it goes: a report that comes twice is told from one that nobody
 * knows, and query_sm answers for messages just finished. Both are conveniences: forgetting is harmless.
 */
export interface Recent {
  reported(carrier: string, canonicalId: string): void;
  wasReported(carrier: string, canonicalId: string): boolean;
  ended(entry: Ended): void;
  find(id: number): Ended | undefined;
}

export function createRecent(reports = 1 << 20, messages = 1 << 15): Recent {
  // Two hashes an id: one alone would take every 4096th new id for a known one, and its report would be lost.
  const hashes = new Uint32Array(reports);
  const seconds = new Uint32Array(reports);
  const entries: (Ended | undefined)[] = new Array(messages);
  return {
    reported(carrier, canonicalId) {
      const h = hashCarrierId(carrier, canonicalId);
      const place = h & (reports - 1);
      hashes[place] = h;
      seconds[place] = secondHash(canonicalId);
    },
    wasReported(carrier, canonicalId) {
      const h = hashCarrierId(carrier, canonicalId);
      const place = h & (reports - 1);
      return h !== 0 && hashes[place] === h && seconds[place] === secondHash(canonicalId);
    },
    ended(entry) {
      entries[hashId(entry.id) & (messages - 1)] = entry;
    },
    find(id) {
      const entry = entries[hashId(id) & (messages - 1)];
      return entry?.id === id ? entry : undefined;
    },
  };
}

function secondHash(id: string): number {
  let h = id.length;
  for (let i = 0; i < id.length; i++) h = (Math.imul(h, 31) + id.charCodeAt(i)) | 0;
  return Math.imul(h, 0x9e3779b1) >>> 0;
}
