import type { BehaviourChange } from './behaviour.ts';
import type { Expectation } from './expectations.ts';
import { finalState } from './reconcile/states.ts';
import type { Scenario } from './scenario/schema.ts';

/** What decides when things happen, and not what becomes of a message. */
const HARMLESS = new Set([
  'seed',
  'responseDelay',
  'reportDelay',
  'lateReport',
  'reportBefore',
  'reportOn',
  'shuffleReports',
  'deliverWindow',
  'ignoreDeliverWindow',
  'redeliver',
  'duplex',
  'probe',
  'split',
  'glue',
  'slow',
]);

/**
 * What a scenario makes certain, by number: by its rules that hang on the number alone. None where anything else in it
 * (chance, time, throttling, faults) may decide of any message; `any` where it may for some numbers.
 */
export function expectationsOf(scenario: Scenario): Expectation[] {
  const { behaviour: base = {}, rules = [], schedule = [] } = scenario;
  if (schedule.length > 0 || !decided(base)) return [];
  const expectations: Expectation[] = [{ number: '*', outcome: outcomeOf({}, base) }];
  for (const { when = {}, then } of rules) {
    if (Object.keys(then).every((field) => HARMLESS.has(field))) continue;
    if (Object.keys(when).some((condition) => condition !== 'number')) return [];
    expectations.push({ number: when.number ?? '*', outcome: decided(then) ? outcomeOf(then, base) : 'any' });
  }
  // The first suffix that fits holds, and before all else.
  for (const { suffix, code = 0, state } of [...(base.numbers ?? [])].reverse()) {
    const outcome = code !== 0 ? 'refused' : state === undefined ? 'any' : outcomeOfWords([state]);
    expectations.push({ number: `*${suffix}`, outcome });
  }
  return expectations;
}

/** Whether only fields decide of a message that `outcomeOf` understands. */
function decided(change: BehaviourChange): boolean {
  return Object.keys(change).every(
    (field) => HARMLESS.has(field) || field === 'reports' || field === 'errorRate' || field === 'numbers',
  );
}

function outcomeOf(change: BehaviourChange, base: BehaviourChange): string {
  const refused = change.errorRate?.probability ?? base.errorRate?.probability ?? 0;
  if (refused === 1) return 'refused';
  const reported = change.reports?.probability ?? base.reports?.probability ?? 1;
  if (refused > 0) return 'any';
  if (reported === 0) return 'none';
  const states = change.reports?.states ?? base.reports?.states ?? { DELIVERED: 1 };
  return reported < 1 ? 'any' : outcomeOfWords(Object.keys(states).filter((word) => states[word]! > 0));
}

function outcomeOfWords(words: readonly string[]): string {
  if (words.length === 1 && finalState(words[0]!) >= 0) return words[0]!;
  // A word of the carrier's own says that it failed; how that is read is the gateway's affair.
  return words.some((word) => word === 'DELIVERED' || word === 'ACCEPTED' || word === 'ENROUTE') ? 'any' : 'failed';
}
