import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../src/base/clock.ts';
import { type Bind, type Carrier, createCarrier } from '../src/gateway/carrier.ts';
import { compileRoutes, hasNext, pick, type Route, routeDigits, ruleFor } from '../src/gateway/route.ts';
import type { Message } from '../src/message/message.ts';
import { smppCarrier } from '../src/message/smpp-carrier.ts';
import { configOf } from './support/node.ts';

const clock = createManualClock();
const NAMES = ['a', 'b', 'c', 'd'] as const;
type Condition = 'up' | 'down' | 'full' | 'throttled';

/** A route and its carriers through the real configuration, each in a condition. */
function network(rules: string, next: string, conditions: Partial<Record<string, Condition>> = {}) {
  const config = configOf({
    data: '/tmp/never-opened',
    carriers: NAMES.map((name) => ({ name, protocol: 'smpp', port: 1, more: 'queue: { max: 1 }' })),
    rules,
    next,
  });
  const carriers = new Map<string, Carrier>();
  for (const c of config.carriers) {
    const carrier = createCarrier(c, smppCarrier, clock, () => undefined);
    const condition = conditions[c.name] ?? 'up';
    if (condition !== 'down')
      carrier.binds.push({ pausedUntil: condition === 'throttled' ? clock.now() + 1000 : 0 } as Bind);
    if (condition === 'full') carrier.normal.push({ id: 1 } as Message);
    carriers.set(c.name, carrier);
  }
  return { route: compileRoutes(config).get('main')!, carriers };
}

const to = (destination: string, source = '1069', tried: readonly string[] = []) => ({ destination, source, tried });
const steps = (...list: string[][]) =>
  `[ { steps: [ ${list.map((s) => `{ carriers: [ ${s.map((n) => `{ name: ${n} }`).join(', ')} ] }`).join(', ')} ] } ]`;

describe('rules', () => {
  const rule = (destination: string, source: string | undefined, carrier: string) =>
    `{ destination: "${destination}"${source === undefined ? '' : `, source: "${source}"`}, steps: [ { carriers: [ { name: ${carrier} } ] } ] }`;

  it('longest destination, then exact source, then longest source', () => {
    const rules = `[ ${[
      rule('86', '1069', 'a'),
      rule('86138', '10*', 'a'),
      rule('86138', '106*', 'b'),
      rule('86138', '1069', 'c'),
      rule('86', undefined, 'd'),
    ].join(', ')} ]`;
    const { route, carriers } = network(rules, '{ down: true }');
    const chosen = (destination: string, source: string) =>
      pick(route, carriers, to(destination, source)).carrier?.name;
    expect(chosen('+8613800000001', '1069')).toBe('c');
    expect(chosen('8613800000001', '10690')).toBe('b');
    expect(chosen('008613800000001', '10999')).toBe('a');
    expect(chosen('8613900000001', '95555')).toBe('d');
    expect(chosen('447700900000', '1069')).toBeUndefined();
    expect(pick(route, carriers, to('447700900000'))).toEqual({ carrier: undefined, waits: false, passed: [] });
  });

  it('agree with the definition, whatever the rules', () => {
    const digit = fc.constantFrom('1', '2');
    const prefix = fc.array(digit, { maxLength: 3 }).map((d) => d.join(''));
    const source = fc.option(
      fc
        .tuple(fc.array(digit, { minLength: 1, maxLength: 3 }), fc.boolean())
        .map(([d, star]) => d.join('') + (star ? '*' : '')),
      { nil: undefined },
    );
    const all = fc.uniqueArray(fc.record({ destination: prefix, source }), {
      minLength: 1,
      maxLength: 8,
      selector: (r) => `${r.destination} ${r.source}`,
    });
    fc.assert(
      fc.property(all, prefix, prefix, (list, destination, from) => {
        const { route } = network(
          `[ ${list.map((r) => rule(r.destination, r.source, 'a')).join(', ')} ]`,
          '{ down: true }',
        );
        const fits = list.filter((r) => {
          if (!destination.startsWith(r.destination)) return false;
          if (r.source === undefined) return true;
          return r.source.endsWith('*') ? from.startsWith(r.source.slice(0, -1)) : from === r.source;
        });
        const found = ruleFor(route, from, destination);
        expect(found === undefined).toBe(fits.length === 0);
        if (found === undefined) return;
        expect(found.destination.length).toBe(Math.max(...fits.map((r) => r.destination.length)));
      }),
      { numRuns: 60 },
    );
  });

  it('numbers are compared without + and 00', () => {
    expect(['+86138', '0086138', '86138', '013'].map(routeDigits)).toEqual(['86138', '86138', '86138', '013']);
  });
});

describe('shares', () => {
  it('are exact over every cycle, and nobody waits longer than its share allows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), (weights) => {
        const rules = `[ { steps: [ { carriers: [ ${weights.map((w, i) => `{ name: ${NAMES[i]}, weight: ${w} }`).join(', ')} ] } ] } ]`;
        const { route, carriers } = network(rules, '{ down: true }');
        const cycle = weights.reduce((a, b) => a + b, 0);
        for (let k = 0; k < 3; k++) {
          const counts = weights.map(() => 0);
          for (let i = 0; i < cycle; i++) {
            // Asking whether another is left uses up nobody's turn.
            hasNext(route, carriers, { ...to('1'), carrier: 'z' } as unknown as Message, true);
            counts[NAMES.indexOf(pick(route, carriers, to('1')).carrier!.name as 'a')]!++;
          }
          expect(counts).toEqual(weights);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('of one that cannot take it go to the others of the step', () => {
    const { route, carriers } = network(steps(['a', 'b', 'c'], ['d']), '{ down: true }', { b: 'down' });
    const chosen = Array.from({ length: 6 }, () => pick(route, carriers, to('1')).carrier!.name);
    expect(chosen.filter((x) => x === 'a')).toHaveLength(3);
    expect(chosen.filter((x) => x === 'c')).toHaveLength(3);
  });
});

describe('reasons to go on', () => {
  const cases: [string, Partial<Record<string, Condition>>, string, string | undefined, boolean][] = [
    ['a is up', {}, '{}', 'a', false],
    ['a is down', { a: 'down' }, '{ down: true }', 'b', false],
    ['a is down and that is no reason: it waits there', { a: 'down' }, '{ down: false }', 'a', true],
    ['a is full', { a: 'full' }, '{ full: true }', 'b', false],
    ['a is full and that is no reason: nobody', { a: 'full' }, '{ full: false }', undefined, false],
    ['a throttles, which is no reason by default', { a: 'throttled' }, '{}', 'a', false],
    ['a throttles', { a: 'throttled' }, '{ throttled: true }', 'b', false],
    ['all are down: the first keeps it', { a: 'down', b: 'down', c: 'down' }, '{ down: true }', 'a', true],
    ['all are full', { a: 'full', b: 'full', c: 'full' }, '{ full: true }', undefined, false],
    [
      'a throttles, the others are down: a keeps it',
      { a: 'throttled', b: 'down', c: 'down' },
      '{ throttled: true, down: true }',
      'a',
      true,
    ],
    [
      'a is full, b down, c full: b keeps it',
      { a: 'full', b: 'down', c: 'full' },
      '{ full: true, down: true }',
      'b',
      true,
    ],
  ];
  it.each(cases)('%s', (_, conditions, next, expected, waits) => {
    const { route, carriers } = network(steps(['a'], ['b'], ['c']), next, conditions);
    const choice = pick(route, carriers, to('1'));
    expect([choice.carrier?.name, choice.waits]).toEqual([expected, waits]);
  });

  it('one that was tried is passed, whatever the reasons; what is left is what may be tried', () => {
    const { route, carriers } = network(steps(['a'], ['b'], ['c']), '{ down: true }', { c: 'down' });
    const next = (r: Route, tried: string[], carrier: string, mayWait: boolean) =>
      hasNext(r, carriers, { ...to('1', '1069', tried), carrier } as unknown as Message, mayWait);
    expect(pick(route, carriers, to('1', '1069', ['a'])).carrier?.name).toBe('b');
    expect(next(route, [], 'a', false)).toBe(true);
    expect(next(route, ['a'], 'b', false)).toBe(false);
    expect(next(route, ['a'], 'b', true)).toBe(true);
    expect(next(route, ['a', 'b'], 'c', true)).toBe(false);
  });

  it('room has a high and a low mark', () => {
    const { carriers } = network(steps(['a']), '{}');
    const a = carriers.get('a')!;
    a.config = { ...a.config, queue: { max: 10, maxWait: 60_000 } };
    const fill = (n: number): void => {
      a.normal.drain();
      for (let i = 0; i < n; i++) a.normal.push({ id: i } as Message);
    };
    const seen = [9, 10, 6, 5, 9].map((n) => {
      fill(n);
      return a.room;
    });
    expect(seen).toEqual([true, false, false, true, true]);
  });
});
