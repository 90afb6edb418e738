import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createManualClock } from '../src/base/clock.ts';
import { createHistogram } from '../src/base/histogram.ts';
import { createWheel } from '../src/base/wheel.ts';

function setup(tickMs = 20) {
  const clock = createManualClock(1_000_000);
  const wheel = createWheel(clock.now, tickMs);
  const run = (ms: number): void => {
    clock.advance(ms);
    wheel.advance();
  };
  return { clock, wheel, run };
}

describe('wheel', () => {
  test('fires once, never early, at most about a tick late', () => {
    const { clock, wheel, run } = setup();
    const fired: number[] = [];
    const timer = wheel.timer(() => fired.push(clock.now() - 1_000_000));
    timer.arm(100);
    expect(timer.armed).toBe(true);
    for (let i = 0; i < 300; i++) run(1);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(100);
    expect(fired[0]).toBeLessThanOrEqual(120);
    expect(timer.armed).toBe(false);
  });

  test('cancel and re-arm move it; size counts what is armed', () => {
    const { wheel, run } = setup();
    let fired = 0;
    const timer = wheel.timer(() => fired++);
    timer.arm(100);
    timer.arm(200);
    expect(wheel.size).toBe(1);
    run(150);
    expect(fired).toBe(0);
    timer.cancel();
    timer.cancel();
    expect(wheel.size).toBe(0);
    run(500);
    expect(fired).toBe(0);
    timer.arm(0);
    run(40);
    expect(fired).toBe(1);
  });

  test('far timers wait more than one round (1024 ticks)', () => {
    const { wheel, run } = setup();
    let fired = 0;
    wheel.timer(() => fired++).arm(60_000);
    for (let i = 0; i < 59; i++) run(1_000);
    expect(fired).toBe(0);
    run(1_100);
    expect(fired).toBe(1);
  });

  test('a timer may arm itself and cancel its neighbour of the same tick', () => {
    const { wheel, run } = setup();
    const log: string[] = [];
    const a = wheel.timer(() => {
      log.push('a');
      b.cancel();
      if (log.length < 3) a.arm(20);
    });
    const b = wheel.timer(() => log.push('b'));
    a.arm(20);
    b.arm(20);
    for (let i = 0; i < 10; i++) run(20);
    expect(log).toEqual(['a', 'a', 'a']);
    expect(wheel.size).toBe(0);
  });

  test('a jump fires everything that was due, in order of time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 60 }), fc.nat(120_000), (waits, jump) => {
        const { wheel, run } = setup();
        const fired: number[] = [];
        for (const ms of waits) wheel.timer(() => fired.push(ms)).arm(ms);
        run(jump);
        // To the tick: what was armed for a time well before the jump's end has fired, nothing after it has.
        for (const ms of waits.filter((w) => w + 40 <= jump)) expect(fired).toContain(ms);
        for (const ms of fired) expect(ms).toBeLessThanOrEqual(jump);
        const ticks = fired.map((ms) => Math.max(1, Math.ceil(ms / 20)));
        expect(ticks).toEqual([...ticks].sort((a, b) => a - b));
        expect(wheel.size).toBe(waits.length - fired.length);
      }),
    );
  });

  test('in production one interval drives it', async () => {
    const wheel = createWheel(undefined, 2);
    const stop = wheel.start();
    await new Promise<void>((resolve) => wheel.timer(resolve).arm(5));
    stop();
    expect(wheel.size).toBe(0);
  });
});

describe('histogram', () => {
  test('percentiles are right to 4 %, whatever the size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 1_000_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, p) => {
          const histogram = createHistogram();
          for (const v of values) histogram.record(v);
          const exact = [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(p * values.length)) - 1]!;
          expect(Math.abs(histogram.percentile(p) - exact)).toBeLessThanOrEqual(exact * 0.04 + 1 / 16);
        },
      ),
    );
  });

  test('merging adds, zero and huge values have a bucket', () => {
    const a = createHistogram();
    const b = createHistogram();
    a.record(0);
    b.record(1e12);
    b.record(10);
    a.merge(b);
    expect(a.count).toBe(3);
    expect(a.percentile(0)).toBeLessThan(0.1);
    expect(a.percentile(0.5)).toBeCloseTo(10, 0);
    expect(a.percentile(1)).toBeGreaterThan(1e7);
    a.reset();
    expect(a.count).toBe(0);
    expect(a.percentile(0.5)).toBe(0);
  });
});
