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
  ended(id: number, account: string, state: number, error: string, at: number): void;
  find(id: number): Ended | undefined;
}

export function createRecent(reports = 1 << 20, messages = 1 << 15): Recent {
  // Two hashes an id: one alone would take every 4096th new id for a known one, and its report would be lost.
  const hashes = new Uint32Array(reports);
  const seconds = new Uint32Array(reports);
  // Columns, not objects: an object a message that outlives it would end up in the old generation, a message at a time.
  const ids = new Float64Array(messages);
  const times = new Float64Array(messages);
  const states = new Uint8Array(messages);
  const accounts = createWords();
  const errors = createWords();
  const accountOf = new Uint16Array(messages);
  const errorOf = new Uint16Array(messages);
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
    ended(id, account, state, error, at) {
      const place = hashId(id) & (messages - 1);
      ids[place] = id;
      times[place] = at;
      states[place] = state;
      accountOf[place] = accounts.number(account);
      errorOf[place] = errors.number(error);
    },
    find(id) {
      const place = hashId(id) & (messages - 1);
      if (id === 0 || ids[place] !== id) return undefined;
      return {
        id,
        account: accounts.word(accountOf[place]!),
        state: states[place]!,
        error: errors.word(errorOf[place]!),
        at: times[place]!,
      };
    },
  };
}

/** Words that come again and again, by number; beyond 65,535 different ones they are forgotten (''). */
function createWords(): { number(word: string): number; word(number: number): string } {
  const numbers = new Map<string, number>([['', 0]]);
  const words = [''];
  return {
    number(word) {
      const known = numbers.get(word);
      if (known !== undefined) return known;
      if (words.length > 0xffff) return 0;
      numbers.set(word, words.length);
      return words.push(word) - 1;
    },
    word: (number) => words[number] ?? '',
  };
}

function secondHash(id: string): number {
  let h = id.length;
  for (let i = 0; i < id.length; i++) h = (Math.imul(h, 31) + id.charCodeAt(i)) | 0;
  return Math.imul(h, 0x9e3779b1) >>> 0;
}
