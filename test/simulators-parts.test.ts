import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDue } from '../simulators/due.ts';
import { createFingerprints, fingerprint } from '../simulators/fingerprints.ts';
import { delayOf } from '../simulators/scenario/distribution.ts';
import { chance, chosen, lotOf } from '../simulators/scenario/draw.ts';
import { createSubmits } from '../simulators/submits.ts';

/** A real timer for the time of any clock. */
const wake =
  (now: () => number) =>
  (at: number, then: () => void): (() => void) => {
    const timer = setTimeout(then, Math.max(1, at - now()));
    return () => clearTimeout(timer);
  };

test('due things come at their time, in order of adding within a millisecond, and later ones beyond a turn of the wheel', async () => {
  // The wheel reads this clock; only its timer is real, so 20 s pass in a moment.
  let now = 1_000_000;
  const seen: [number, number][] = [];
  const due = createDue<{ at: number; n: number }>(
    (item) => seen.push([item.n, now]),
    () => now,
    wake(() => now),
  );
  const wanted = [5, 5, 0.2, 30, -4, 9000, 8197, 20_000];
  wanted.forEach((after, n) => {
    due.add({ at: now + after, n });
  });
  const start = now;
  expect(due.size).toBe(wanted.length);
  expect(due.find((x) => x.n === 5)?.at).toBe(start + 9000);
  for (let k = 0; k < 400 && due.size > 0; k++) {
    now += 97;
    await new Promise((r) => setTimeout(r, 2));
  }
  due.stop();
  expect(seen.map(([n]) => n)).toEqual([2, 4, 0, 1, 3, 6, 5, 7]);
  for (const [n, at] of seen) expect(at - start).toBeGreaterThanOrEqual(wanted[n]!);
});

test('due: stop forgets', async () => {
  const due = createDue<{ at: number }>(
    () => expect.unreachable(),
    () => performance.now(),
    wake(() => performance.now()),
  );
  due.add({ at: performance.now() + 1 });
  due.stop();
  await new Promise((r) => setTimeout(r, 10));
  expect(due.size).toBe(0);
});

test('fingerprints keep what a map keeps, through growth', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.nat()), { maxLength: 3000 }), (entries) => {
      const table = createFingerprints(1);
      const map = new Map<string, number>();
      for (const [text, n] of entries) {
        table.set(fingerprint(text), n);
        map.set(text, n);
      }
      for (const [text, n] of map) expect(table.get(fingerprint(text))).toBe(n);
      expect(table.size).toBe(map.size);
      expect(table.get(fingerprint('none of these, surely'))).toBe(-1);
    }),
    { numRuns: 30 },
  );
});

test('fingerprints of like texts differ', () => {
  const prints = new Set<number>();
  for (let k = 0; k < 200_000; k++) prints.add(fingerprint(String(1_795_000_000_000_000 + k)));
  for (let k = 0; k < 200_000; k++) prints.add(fingerprint(`8613800${String(k).padStart(6, '0')} 1/2 text`));
  expect(prints.size).toBe(400_000);
});

test('draws: weights and delays come out as given, from one seed the same', () => {
  const draw = (seed: number): string =>
    Array.from({ length: 2000 }, (_, k) => chosen(lotOf(seed, k, 0), 1, { a: 3, b: 1, never: 0 })).join('');
  const words = draw(5);
  expect(draw(5)).toBe(words);
  expect(draw(6)).not.toBe(words);
  expect(words).not.toContain('never');
  const a = words.split('a').length - 1;
  expect(a).toBeGreaterThan(1350);
  expect(a).toBeLessThan(1650);
  for (let k = 0; k < 1000; k++) {
    const ms = delayOf({ min: 5, max: 7 }, 1, 1, k);
    expect(ms >= 5 && ms < 7).toBe(true);
  }
  expect([chance(1, 1, 0), chance(1, 1, 1), delayOf(3, 1, 1)]).toEqual([false, true, 3]);
});

test('submits: every part has its message, and every message its parts', () => {
  const texts = ['short', 'x'.repeat(400), '中'.repeat(71), 'again'];
  for (const count of [1, 2, 3, 4, 5, 11]) {
    const submits = createSubmits(texts, count, 'udh', ['gsm7', 'ucs2']);
    const sizes = new Map<number, number>();
    for (let part = 0; part < submits.total; part++) {
      const m = submits.messageOf(part);
      sizes.set(m, (sizes.get(m) ?? 0) + 1);
      expect(submits.partOf(m)).toBeLessThanOrEqual(part);
    }
    expect([...sizes.values()]).toEqual(Array.from({ length: count }, (_, m) => [1, 3, 2, 1][m % 4]));
  }
});
