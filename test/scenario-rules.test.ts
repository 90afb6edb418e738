import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BehaviourChange, changed, WELL_BEHAVED } from '../simulators/behaviour.ts';
import { createRulebook, type Rule, type Rulebook } from '../simulators/scenario/rules.ts';
import { type Event, patternOf, type When } from '../simulators/scenario/when.ts';

const START = Date.parse('2026-01-01T00:00:00+08:00');

const rulebook = (behaviour: BehaviourChange, rules: readonly Rule[], start: number): Rulebook =>
  createRulebook(changed(WELL_BEHAVED, behaviour), rules, start);

const submit = (over: Partial<Event> = {}, text = 'hello'): Event => ({
  kind: 'submit',
  account: 'esme',
  session: 1,
  number: '8613800000001',
  source: '10690000',
  text: () => text,
  lot: () => 1,
  ...over,
});

/** For which of these the rule holds: one verdict each. */
function holdsFor(when: When, events: readonly (readonly [Event, number])[]): boolean[] {
  const rule: Rule = { name: 'it', when, then: { hold: true } };
  const book = rulebook({}, [rule], START);
  return events.map(([event, after]) => book.now(book.of(event, START + after), START + after).behaviour.hold);
}

const holds = (when: When, event: Event, after = 0): boolean => holdsFor(when, [[event, after]])[0]!;

describe('conditions', () => {
  test.each([
    [{ number: '*0001' }, true],
    [{ number: '*0002' }, false],
    [{ number: '86138????0001' }, true],
    [{ number: '/^86(138|139)/' }, true],
    [{ number: '/^138/' }, false],
    [{ text: '*ell*' }, true],
    [{ text: '/HELL/' }, false],
    [{ text: '/HELL/i' }, true],
    [{ source: '1069*' }, true],
    [{ account: 'esme' }, true],
    [{ account: 'other' }, false],
    [{ session: 1 }, true],
    [{ session: 2 }, false],
    [{ number: '*0001', text: 'bye' }, false],
    [{}, true],
  ] satisfies [When, boolean][])('%j: %s', (when, is) => {
    expect(holds(when, submit())).toBe(is);
  });

  test('what an event has not, fits no condition on it', () => {
    const login = submit({ kind: 'login', number: undefined, source: undefined, text: () => undefined });
    for (const when of [{ number: '*' }, { text: '*' }, { source: '*' }]) expect(holds(when, login)).toBe(false);
    expect(holds({ account: 'esme' }, login)).toBe(true);
  });

  test('a glob is the same as its plain meaning, whatever else the number has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (head, tail) => {
        const plain = (s: string): string => s.replace(/[*?]/g, '');
        fc.pre(!head.startsWith('/'));
        const pattern = patternOf(`${plain(head)}*${plain(tail)}`);
        expect(pattern.test(plain(head) + plain(tail))).toBe(true);
        expect(pattern.test(`${plain(head)}\n.x${plain(tail)}`)).toBe(true);
      }),
    );
  });
});

describe('times', () => {
  test('between, during and daily', () => {
    const at = (...after: number[]): [Event, number][] => after.map((ms) => [submit(), ms]);
    expect(holdsFor({ between: [100, 200] }, at(99, 100, 199, 200))).toEqual([false, true, true, false]);
    const during = { every: 60, for: 5, from: 30 };
    expect(holdsFor({ during }, at(0, 29, 30, 34, 35, 89, 90, 94.9, 95))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    const hour = 3_600_000;
    expect(
      holdsFor({ daily: ['22:00', '07:30'] }, at(0, 7 * hour, 7.5 * hour, 21.99 * hour, 22 * hour, 25 * hour)),
    ).toEqual([true, true, false, false, true, true]);
    expect(holdsFor({ daily: ['08:00', '09:00'] }, at(0, 8 * hour, 8.5 * hour, 9 * hour))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('a time that comes later changes what an old message is under', () => {
    const book = rulebook({}, [{ name: 'night', when: { between: [10, 20] }, then: { hold: true } }], START);
    const regime = book.of(submit(), START);
    expect([0, 10, 20].map((ms) => book.now(regime, START + ms).behaviour.hold)).toEqual([false, true, false]);
  });
});

describe('counts', () => {
  const series = (when: When, n: number): number[] =>
    holdsFor(
      when,
      Array.from({ length: n }, () => [submit(), 0] as const),
    ).flatMap((is, k) => (is ? [k + 1] : []));

  test('every, first and after, of the events that satisfy the rest', () => {
    expect(series({ every: 3 }, 10)).toEqual([3, 6, 9]);
    expect(series({ first: 2 }, 10)).toEqual([1, 2]);
    expect(series({ after: 7 }, 10)).toEqual([8, 9, 10]);
    expect(series({ after: 2, every: 3 }, 10)).toEqual([5, 8]);
    const other = submit({ number: '1' });
    const mixed: [Event, number][] = [other, submit(), other, submit(), submit()].map((e) => [e, 0]);
    expect(holdsFor({ number: '86*', every: 2 }, mixed)).toEqual([false, false, false, true, false]);
    const timed: [Event, number][] = [0, 10, 11, 12, 30].map((ms) => [submit(), ms]);
    expect(holdsFor({ between: [10, 20], every: 2 }, timed)).toEqual([false, false, true, false, false]);
  });

  test('each kind of event has its own count', () => {
    const login = submit({ kind: 'login' });
    const events: [Event, number][] = [submit(), login, submit(), login].map((e) => [e, 0]);
    expect(holdsFor({ first: 1 }, events)).toEqual([true, true, false, false]);
  });

  test('properties: first and after share the events, every takes its part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (n, m) => {
        expect([...series({ first: m }, n), ...series({ after: m }, n)]).toEqual(
          Array.from({ length: n }, (_, k) => k + 1),
        );
        expect(series({ every: m }, n)).toHaveLength(Math.floor(n / m));
      }),
    );
  });
});

describe('rules together', () => {
  test('later rules win, and leave what they do not name', () => {
    const book = rulebook(
      { responseDelay: 5, reports: { states: { DELIVERED: 1 } } },
      [
        { name: 'a', when: { number: '*1' }, then: { responseDelay: 10, errorRate: { probability: 1 } } },
        { name: 'b', then: { responseDelay: 20, errorRate: { code: 8 } } },
      ],
      START,
    );
    expect(book.of(submit(), START).behaviour).toMatchObject({
      responseDelay: 20,
      errorRate: { probability: 1, code: 8 },
      reports: { states: { DELIVERED: 1 } },
    });
    expect(book.of(submit({ number: '2' }), START).behaviour).toMatchObject({
      responseDelay: 20,
      errorRate: { probability: 0, code: 8 },
    });
    expect(book.base.behaviour.responseDelay).toBe(5);
  });

  test('a change of the base and of the rules shows in what a message is under already', () => {
    const book = rulebook({}, [{ name: 'a', then: { reportDelay: 7 } }], START);
    const regime = book.of(submit(), START);
    book.change({ hold: true });
    expect(regime.behaviour).toMatchObject({ hold: true, reportDelay: 7 });
    book.add({ name: 'b', when: { session: 1 }, then: { reportDelay: 9 } });
    expect(regime.behaviour.reportDelay).toBe(7);
    expect(book.of(submit(), START).behaviour.reportDelay).toBe(9);
    expect(book.remove('a')).toBe(true);
    expect(book.remove('a')).toBe(false);
    expect(regime.behaviour).toMatchObject({ hold: true, reportDelay: 0 });
    expect(book.rules.map((r) => r.name)).toEqual(['b']);
  });

  test('refuses what is no rule, and stays as it was', () => {
    const book = rulebook({}, [{ name: 'a', then: {} }], START);
    expect(() => book.add({ name: 'a', then: {} })).toThrow(/there is a rule a already/);
    expect(() => book.add({ name: 'b', then: { seed: 3 } })).toThrow(/b changes the seed/);
    expect(() => book.add({ name: 'b', then: { hold: 1 } as never })).toThrow(/hold is 1/);
    expect(book.rules).toHaveLength(1);
  });

  test('only what hangs on chance asks for lots', () => {
    expect(rulebook({}, [], START).draws).toBe(false);
    expect(rulebook({ reportDelay: 30, errorRate: { code: 8 } }, [], START).draws).toBe(false);
    expect(rulebook({ reports: { states: { EXPIRED: 1 } } }, [], START).draws).toBe(false);
    expect(rulebook({ reports: { states: { EXPIRED: 1, DELIVERED: 1 } } }, [], START).draws).toBe(true);
    expect(rulebook({ reportDelay: { min: 1, max: 2 } }, [], START).draws).toBe(true);
    expect(rulebook({ silence: { probability: 0.5 } }, [], START).draws).toBe(true);
    expect(rulebook({}, [{ name: 'a', then: { hold: true } }], START).draws).toBe(false);
    expect(rulebook({}, [{ name: 'a', when: { probability: 0.5 }, then: { hold: true } }], START).draws).toBe(true);
  });
});
