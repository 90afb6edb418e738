import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Window } from '../src/session/window.ts';

const ANSWER = 0x80000004 | 0;

describe('window', () => {
  test('sequences run from first to last and begin again', () => {
    const window = new Window<string>(4, 1, 3);
    expect([1, 2, 3, 4, 5].map(() => window.nextSequence())).toEqual([1, 2, 3, 1, 2]);
    const wide = new Window<string>(4, 0, 0xffffffff);
    expect(wide.nextSequence()).toBe(0);
  });

  test('a slot still taken is skipped by the next laps', () => {
    const window = new Window<string>(8, 1, 0x7fffffff);
    const stuck = window.nextSequence();
    window.open(stuck, ANSWER, 'stuck', 0);
    for (let i = 0; i < 100; i++) {
      const sequence = window.nextSequence();
      expect(sequence % 16).not.toBe(stuck % 16);
      window.open(sequence, ANSWER, `t${i}`, 0);
      expect(window.free(window.find(sequence))).toBe(`t${i}`);
    }
    expect(window.find(stuck)).toBeGreaterThanOrEqual(0);
    expect(window.used).toBe(1);
  });

  test('the full sequence is compared: an answer of another lap matches nothing', () => {
    const window = new Window<string>(8, 1, 0x7fffffff);
    const sequence = window.nextSequence();
    window.open(sequence, ANSWER, 'a', 0);
    expect(window.find(sequence + 16)).toBe(-1);
    expect(window.find(sequence + 0x80000000)).toBe(-1);
    expect(window.find(sequence)).toBeGreaterThanOrEqual(0);
  });

  test('expiry frees in order of sending, remembers for late answers, and says what is oldest', () => {
    const window = new Window<string>(8, 1, 0x7fffffff);
    const sent = ['a', 'b', 'c'].map((token, i) => {
      const sequence = window.nextSequence();
      window.open(sequence, ANSWER, token, 100 * i);
      return sequence;
    });
    const expired: string[] = [];
    expect(window.expire(100, (token) => expired.push(token))).toBe(200);
    expect(expired).toEqual(['a', 'b']);
    expect(window.used).toBe(1);
    expect(window.find(sent[0]!)).toBe(-1);
    expect(window.takeLate(sent[0]!, 0x80000103 | 0)).toBeUndefined();
    expect(window.takeLate(sent[0]!, ANSWER)).toBe('a');
    expect(window.takeLate(sent[0]!, ANSWER)).toBeUndefined();
    expect(window.expire(1_000, (token) => expired.push(token))).toBe(Infinity);
    expect(expired).toEqual(['a', 'b', 'c']);
  });

  test('the late ring keeps the last 1024', () => {
    const window = new Window<number>(1, 1, 0x7fffffff);
    const sequences: number[] = [];
    for (let i = 0; i < 1_500; i++) {
      const sequence = window.nextSequence();
      sequences.push(sequence);
      window.open(sequence, ANSWER, i, i);
      window.expire(i, () => undefined);
    }
    expect(window.takeLate(sequences[0]!, ANSWER)).toBeUndefined();
    expect(window.takeLate(sequences[475]!, ANSWER)).toBeUndefined();
    for (let i = 476; i < 1_500; i++) expect(window.takeLate(sequences[i]!, ANSWER)).toBe(i);
  });

  test('every request ends exactly once, whatever happens (against a Map)', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ do: 'open' as const }) },
      { weight: 5, arbitrary: fc.nat(200).map((n) => ({ do: 'answer' as const, n })) },
      { weight: 1, arbitrary: fc.nat(20).map((n) => ({ do: 'expire' as const, n })) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => ({ do: 'resize' as const, n })) },
    );
    // Small ranges, so that sequences wrap many times within a run.
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 90, max: 300 }), (steps, last) => {
        const window = new Window<number>(4, 1, last);
        const open = new Map<number, { token: number; at: number }>();
        const ended = new Map<number, string>();
        let token = 0;
        let now = 0;
        const end = (t: number, how: string): void => {
          expect(ended.has(t)).toBe(false);
          ended.set(t, how);
        };
        for (const s of steps) {
          now++;
          if (s.do === 'open' && window.used < window.size) {
            const sequence = window.nextSequence();
            expect(open.has(sequence)).toBe(false);
            expect(sequence).toBeGreaterThanOrEqual(1);
            expect(sequence).toBeLessThanOrEqual(last);
            window.open(sequence, ANSWER, token, now);
            open.set(sequence, { token: token++, at: now });
          } else if (s.do === 'answer') {
            const sequence = (s.n % last) + 1;
            const slot = window.find(sequence);
            expect(slot >= 0).toBe(open.has(sequence));
            if (slot >= 0) {
              const t = window.free(slot);
              expect(t).toBe(open.get(sequence)!.token);
              open.delete(sequence);
              end(t, 'answered');
            }
          } else if (s.do === 'expire') {
            const before = now - s.n;
            const oldest = window.expire(before, (t) => end(t, 'expired'));
            for (const [sequence, o] of open) if (o.at <= before) open.delete(sequence);
            expect(oldest).toBe(Math.min(Infinity, ...[...open.values()].map((o) => o.at)));
          } else if (s.do === 'resize') window.resize(s.n);
          expect(window.used).toBe(open.size);
        }
        window.lose((t) => end(t, 'lost'));
        expect(window.used).toBe(0);
        expect(ended.size).toBe(token);
      }),
      { numRuns: 300 },
    );
  });
});
