import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Delay, delayOf, isDelay } from '../simulators/scenario/distribution.ts';
import { chance, drawn, lotOf, purpose } from '../simulators/scenario/draw.ts';
import { createOccurrences, messageKey } from '../simulators/scenario/message-key.ts';

const N = 20_000;
const sample = (delay: Delay, seed = 1): number[] =>
  Array.from({ length: N }, (_, k) => delayOf(delay, lotOf(seed, k * 7919, 0), 3)).sort((a, b) => a - b);
const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
const at = (all: readonly number[], part: number): number => all[Math.floor(all.length * part)]!;

describe('draws', () => {
  test('are even, and do not hang together: by key, time, purpose and number', () => {
    const series: ((k: number) => number)[] = [
      (k) => drawn(lotOf(1, k, 0), 1),
      (k) => drawn(lotOf(1, 5, k), 1),
      (k) => drawn(lotOf(k, 5, 0), 1),
      (k) => drawn(7, k),
      (k) => drawn(7, 1, k),
    ];
    for (const of of series) {
      const tenths = new Array<number>(10).fill(0);
      let pairs = 0;
      let outside = 0;
      for (let k = 0; k < N; k++) {
        const u = of(k);
        if (!(u >= 0 && u < 1)) outside++;
        tenths[Math.floor(u * 10)]!++;
        if (u < 0.5 && of(k + 1) < 0.5) pairs++;
      }
      expect(outside).toBe(0);
      for (const n of tenths) expect(Math.abs(n - N / 10)).toBeLessThan(N * 0.012);
      expect(Math.abs(pairs - N / 4)).toBeLessThan(N * 0.02);
    }
  });

  test('two purposes of one message are two draws', () => {
    const [a, b] = [purpose('silence'), purpose('error')];
    let both = 0;
    for (let k = 0; k < N; k++) if (chance(k, a, 0.5) && chance(k, b, 0.5)) both++;
    expect(Math.abs(both - N / 4)).toBeLessThan(N * 0.02);
  });
});

describe('distributions', () => {
  test('exponential: its mean, and a third above it', () => {
    const all = sample({ exponential: 100 });
    expect(mean(all)).toBeGreaterThan(95);
    expect(mean(all)).toBeLessThan(105);
    expect(all.filter((x) => x > 100).length / N).toBeCloseTo(Math.exp(-1), 1);
  });

  test('lognormal: its median and its spread', () => {
    const all = sample({ lognormal: { median: 80, sigma: 0.5 } });
    expect(at(all, 0.5)).toBeGreaterThan(77);
    expect(at(all, 0.5)).toBeLessThan(83);
    // One standard deviation above the median of the logarithm.
    expect(at(all, 0.8413) / 80).toBeCloseTo(Math.exp(0.5), 1);
  });

  test('bands: each its share', () => {
    const bands = [
      { share: 80, delay: 10 },
      { share: 15, delay: 100 },
      { share: 5, delay: { min: 900, max: 1000 } },
    ];
    const all = sample({ bands });
    expect(all.filter((x) => x === 10).length / N).toBeCloseTo(0.8, 1);
    expect(Math.abs(all.filter((x) => x === 100).length / N - 0.15)).toBeLessThan(0.015);
    expect(Math.abs(all.filter((x) => x >= 900).length / N - 0.05)).toBeLessThan(0.01);
    expect(at(all, 0.975)).toBeGreaterThan(930);
  });

  test('values: each of them, as often as it is given', () => {
    const all = sample({ values: [1, 2, 2, 4] });
    expect(new Set(all)).toEqual(new Set([1, 2, 4]));
    expect(Math.abs(all.filter((x) => x === 2).length / N - 0.5)).toBeLessThan(0.02);
  });

  test('properties: within the bounds, the same for the same lot', () => {
    const law = fc.oneof(
      fc.record({ exponential: fc.integer({ min: 0, max: 5000 }) }),
      fc.record({
        lognormal: fc.record({
          median: fc.integer({ min: 0, max: 5000 }),
          sigma: fc.double({ min: 0, max: 3, noNaN: true }),
        }),
      }),
      fc.record({ values: fc.array(fc.nat(5000), { minLength: 1 }) }),
      fc.record({
        bands: fc.array(fc.record({ share: fc.integer({ min: 1, max: 9 }), delay: fc.nat(5000) }), { minLength: 1 }),
      }),
    );
    fc.assert(
      fc.property(law, fc.nat(2000), fc.nat(2000), fc.integer(), (shape, a, b, lot) => {
        const delay: Delay = { ...shape, least: Math.min(a, b), most: Math.max(a, b) };
        expect(isDelay(delay)).toBe(true);
        const ms = delayOf(delay, lot, 9);
        expect(ms >= delay.least! && ms <= delay.most!).toBe(true);
        expect(delayOf(delay, lot, 9)).toBe(ms);
      }),
    );
  });

  test.each([
    -1,
    Number.NaN,
    'x',
    null,
    [],
    {},
    { min: 2, max: 1 },
    { min: 1, max: 2, most: 3 },
    { exponential: -1 },
    { exponential: 1, values: [1] },
    { exponential: 1, least: 5, most: 4 },
    { lognormal: { median: 1 } },
    { bands: [] },
    { bands: [{ share: 0, delay: 1 }] },
    { bands: [{ share: 1, delay: { max: 1 } }] },
    { values: [] },
  ])('%j is none', (value) => {
    expect(isDelay(value)).toBe(false);
  });
});

describe('the key of a message', () => {
  const octets = (text: string): Uint8Array => Buffer.from(text, 'latin1');

  test('is the same for a part that is numbered anew, and another for another place, text or number', () => {
    const part = (ref: number, seq: number): Uint8Array => Uint8Array.of(5, 0, 3, ref, 2, seq, 65, 66);
    const key = messageKey(['1380'], part(1, 1), true);
    expect(messageKey(['1380'], part(200, 1), true)).toBe(key);
    expect(messageKey(['1380'], part(1, 2), true)).not.toBe(key);
    expect(messageKey(['1381'], part(1, 1), true)).not.toBe(key);
    expect(messageKey(['1380'], octets('AB'), false)).not.toBe(key);
    expect(messageKey(['13', '80'], octets('AB'), false)).not.toBe(messageKey(['1380'], octets('AB'), false));
  });

  test('differs among many like messages', () => {
    const keys = new Set<number>();
    for (let k = 0; k < 200_000; k++) keys.add(messageKey([String(8613800000000 + k)], octets('code 4711'), false));
    expect(keys.size).toBe(200_000);
  });

  test('how often it came is kept for the last ones, in bounded memory', () => {
    const occurrences = createOccurrences(100);
    expect([1, 2, 1, 1].map(occurrences.next)).toEqual([0, 0, 1, 2]);
    for (let k = 1000; k < 1099; k++) occurrences.next(k);
    expect(occurrences.next(1)).toBe(3);
    for (let k = 2000; k < 2300; k++) occurrences.next(k);
    expect(occurrences.next(1)).toBe(0);
  });
});
