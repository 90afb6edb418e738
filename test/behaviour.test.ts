import { expect, test } from 'vitest';
import { type BehaviourChange, changed, WELL_BEHAVED } from '../simulators/behaviour.ts';

const given = (change: Record<string, unknown>) => () => changed(WELL_BEHAVED, change as BehaviourChange);

test.each([
  [{ split: { octets: 0.5 } }, /behaviour: split\.octets is 0\.5; give a whole number/],
  [{ split: { octet: 1 } }, /split\.octet is not known; split has octets, pause/],
  [{ glue: 8 }, /glue is not an object; give \{ frames, wait \}/],
  [{ glue: { wait: -1 } }, /glue\.wait is -1; give a number from 0/],
  [{ disconnect: { midFrame: 1 } }, /disconnect\.midFrame is 1; give a boolean/],
  [{ halfOpen: { every: 1.5 } }, /halfOpen\.every is 1\.5; give a whole number/],
  [{ refuseBind: { first: 'all' } }, /refuseBind\.first is "all"; give a number/],
  [{ silentProbe: { probability: 2 } }, /silentProbe\.probability is 2; give a number from 0 to 1/],
  [{ lateBind: { delay: 'soon' } }, /lateBind\.delay is "soon"; give milliseconds/],
  [{ answerTwice: { delay: -1 } }, /answerTwice\.delay is -1; give milliseconds/],
  [{ garbage: { kind: 'dirt' } }, /garbage\.kind is "dirt"; give one of octets, length, huge, command/],
  [{ reportOn: 'none' }, /reportOn is "none"; give one of same, any, other, reconnect/],
  [{ duplicateReport: { times: 0.5 } }, /duplicateReport\.times is 0\.5; give a whole number/],
  [{ window: { least: NaN } }, /window\.least is NaN; give a number from 0/],
  [{ throttle: { perSecond: 1.5 } }, /throttle\.perSecond is 1\.5; give a whole number/],
])('%j is refused, with the rule, what was given and what is possible', (change, words) => {
  expect(given(change)).toThrow(words);
});

test('what is left out of a rule stays', () => {
  const once = changed(WELL_BEHAVED, { split: { octets: 3 } });
  expect(changed(once, { split: { pause: 5 } }).split).toEqual({ octets: 3, pause: 5 });
  expect(WELL_BEHAVED.split).toEqual({ octets: 0, pause: 0 });
});
