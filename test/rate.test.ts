import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRate } from '../src/gateway/rate.ts';

const SECOND = 1010; // a hundredth more than a second, see rate.ts

describe('a rate', () => {
  it('lets at most n go in any second, and as many as that allows', () => {
    const steps = fc.array(fc.record({ wait: fc.nat({ max: 700 }), want: fc.nat({ max: 12 }) }), {
      minLength: 20,
      maxLength: 120,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), steps, (limit, list) => {
        const rate = createRate(limit);
        const taken: number[] = [];
        let now = 1_700_000_000_000;
        for (const { wait, want } of list) {
          now += wait;
          const room = limit - taken.filter((at) => at > now - SECOND).length;
          expect(rate.room(now)).toBe(room);
          for (let i = 0; i < Math.min(want, room); i++) {
            rate.take(now);
            taken.push(now);
          }
        }
        for (const at of taken) {
          const within = taken.filter((x) => x >= at && x < at + 1000).length;
          expect(within).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it('says when so many may go: then they may, and a millisecond earlier they may not', () => {
    const gaps = fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), gaps, fc.integer({ min: 1, max: 12 }), (limit, list, count) => {
        const rate = createRate(limit);
        let now = 1_000_000;
        for (const gap of list) {
          now += gap;
          if (rate.room(now) > 0) rate.take(now);
        }
        const need = Math.min(count, limit);
        const at = rate.at(count, now);
        expect(rate.room(at)).toBeGreaterThanOrEqual(need);
        if (at > now) expect(rate.room(at - 1)).toBeLessThan(need);
      }),
    );
  });

  it('0 is no limit', () => {
    const rate = createRate(0);
    rate.take(1);
    expect([rate.room(1), rate.at(1_000_000, 7)]).toEqual([Number.POSITIVE_INFINITY, 7]);
  });
});
