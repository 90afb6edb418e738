import { patternOf } from './scenario/when.ts';

/** What shall become of messages to some numbers. `number`: a glob (`*0002`) or a regular expression (`/2$/`). */
export interface Expectation {
  readonly number: string;
  /**
   * A final state (DELIVERED, UNDELIVERABLE, …), `failed` (any but DELIVERED), `refused`, `none` (accepted, and never
   * reported), or `any`: nothing is expected.
   */
  readonly outcome: string;
}

/** What is expected of a number: the last rule that fits it, or undefined. */
export type Expected = (number: string) => string | undefined;

const OUTCOMES = [
  'DELIVERED',
  'EXPIRED',
  'DELETED',
  'UNDELIVERABLE',
  'UNKNOWN',
  'REJECTED',
  'SKIPPED',
  'failed',
  'refused',
  'none',
  'any',
];

/** Throws RangeError for an outcome or a pattern that is none. */
export function createExpectations(rules: readonly Expectation[]): Expected | undefined {
  if (rules.length === 0) return undefined;
  const checked = rules.map(({ number, outcome }) => {
    if (!OUTCOMES.includes(outcome)) {
      throw new RangeError(`expect: ${JSON.stringify(outcome)} is no outcome; give one of ${OUTCOMES.join(', ')}`);
    }
    return { pattern: checkedPattern(number), outcome };
  });
  checked.reverse();
  return (number) => {
    const outcome = checked.find(({ pattern }) => pattern.test(number))?.outcome;
    return outcome === 'any' ? undefined : outcome;
  };
}

/** Reads `*0002=UNDELIVERABLE`. */
export function parseExpectation(text: string): Expectation {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new RangeError(`expect: ${JSON.stringify(text)} is no rule; give one such as *0002=UNDELIVERABLE`);
  const rule = { number: text.slice(0, at), outcome: text.slice(at + 1) };
  createExpectations([rule]);
  return rule;
}

function checkedPattern(pattern: string): RegExp {
  try {
    return patternOf(pattern);
  } catch (e) {
    throw new RangeError(`expect: ${pattern} is no regular expression: ${(e as Error).message}`);
  }
}
