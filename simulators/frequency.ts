import type { FormRules } from './form-rules.ts';

/** Counts the messages to each number. */
export interface Frequency {
  /**
   * Whether a message to this number would be one too many; if not, it counts. `later`: not the first part of a long
   * message, which shares the first part's fate.
   */
  tooMany(number: string, at: number, rule: FormRules['frequency'], later: boolean): boolean;
}

interface Number {
  /** Of the messages that counted, the oldest first. */
  times: number[];
  refused: boolean;
}

/** Numbers beyond which those that got nothing for longest are forgotten. */
const MOST_NUMBERS = 1 << 18;

export function createFrequency(): Frequency {
  const numbers = new Map<string, Number>();
  return {
    tooMany(number, at, { most, within }, later) {
      let seen = numbers.get(number);
      if (later) return seen?.refused ?? false;
      if (seen === undefined) {
        seen = { times: [], refused: false };
        if (numbers.size >= MOST_NUMBERS) numbers.delete(numbers.keys().next().value!);
      } else {
        numbers.delete(number);
      }
      // Behind the others: a map gives back its keys in the order in which they were put in.
      numbers.set(number, seen);
      const { times } = seen;
      while (times.length > 0 && at - times[0]! >= within) times.shift();
      seen.refused = times.length >= most;
      if (!seen.refused) times.push(at);
      return seen.refused;
    },
  };
}
