import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Arrival, createArrivals, parseArrival } from '../simulators/arrivals.ts';
import { createLoadFigures } from '../simulators/load-figures.ts';
import type { LoadOptions } from '../simulators/load-options.ts';
import { createLoad } from '../simulators/platform.ts';
import { readTrace } from '../simulators/trace-times.ts';
import { until } from './support/node.ts';
import { accept, gatewayWith } from './support/smpp-gateway.ts';

const times = (arrival: Arrival, n: number, seed = 1): number[] => {
  const next = createArrivals(arrival, seed);
  return Array.from({ length: n }, next);
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'open-loop-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe('arrivals', () => {
  test('constant', () => {
    expect(times({ law: 'constant', rate: 250 }, 4)).toEqual([0, 4, 8, 12]);
  });

  test('poisson: gaps of an exponential law, the same for the same seed', () => {
    const at = times({ law: 'poisson', rate: 1000 }, 20_000, 7);
    const gaps = at.map((t, k) => t - (at[k - 1] ?? 0));
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    expect(mean).toBeCloseTo(1, 1);
    // An exponential law is as wide as it is long, and has e^-1 of its gaps above the mean.
    const deviation = Math.sqrt(gaps.reduce((sum, g) => sum + (g - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeCloseTo(1, 1);
    expect(gaps.filter((g) => g > mean).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
    expect(gaps.every((g) => g >= 0)).toBe(true);
    expect(times({ law: 'poisson', rate: 1000 }, 100, 7)).toEqual(at.slice(0, 100));
    expect(times({ law: 'poisson', rate: 1000 }, 100, 8)).not.toEqual(at.slice(0, 100));
  });

  test('ramp: from one rate to the other, then at that', () => {
    const at = times({ law: 'ramp', from: 10, to: 90, seconds: 10 }, 1000);
    const inSecond = (s: number): number => at.filter((t) => t >= s * 1000 && t < (s + 1) * 1000).length;
    // 10 + 80·t/10 a second: 14 in the first, 86 in the last, 500 in all ten.
    expect(inSecond(0)).toBeGreaterThanOrEqual(13);
    expect(inSecond(0)).toBeLessThanOrEqual(15);
    expect(inSecond(9)).toBeGreaterThanOrEqual(85);
    expect(inSecond(9)).toBeLessThanOrEqual(87);
    expect(at.filter((t) => t < 10_000)).toHaveLength(500);
    expect(inSecond(12)).toBe(90);
    expect(at.every((t, k) => k === 0 || t >= at[k - 1]!)).toBe(true);
    expect(times({ law: 'ramp', from: 100, to: 100, seconds: 1 }, 3)).toEqual([0, 10, 20]);
    expect(times({ law: 'ramp', from: 100, to: 1, seconds: 10 }, 400).every(Number.isFinite)).toBe(true);
  });

  test('burst: all at once, then nothing', () => {
    expect(times({ law: 'burst', messages: 3, every: 500 }, 7)).toEqual([0, 0, 0, 500, 500, 500, 1000]);
  });

  test('trace: as recorded, faster if asked, and again from the start', () => {
    const recorded = Float64Array.from([1000, 1010, 1040]);
    expect(times({ law: 'trace', times: recorded, speed: 1 }, 5)).toEqual([0, 10, 40, 60, 70]);
    expect(times({ law: 'trace', times: recorded, speed: 2 }, 3)).toEqual([0, 5, 20]);
  });

  test('a trace is read from numbers, or from the book of either end', () => {
    const write = (name: string, lines: readonly string[]): string => {
      const path = join(folder, name);
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    };
    expect([...readTrace(write('times', ['5', '1.5 13800000000', '', '9']))]).toEqual([1.5, 5, 9]);
    const submit = (part: number, due: number) => JSON.stringify({ is: 'submit', part, due });
    expect([
      ...readTrace(write('a.book', ['{"book":"platform"}', submit(1, 7), submit(2, 8), '{"is":"receipt"}'])),
    ]).toEqual([7]);
    const message = JSON.stringify({ is: 'message', at: [12, 11] });
    expect([...readTrace(write('b.book', ['{"book":"carrier"}', message, '{"is":"report","at":3}']))]).toEqual([11]);
    expect(() => readTrace(write('bad', ['1', 'x']))).toThrow(/bad:2: "x" is no time/);
    expect(() => readTrace(write('empty', []))).toThrow(/no time in it/);
  });

  test.each([
    ['constant:2000', { law: 'constant', rate: 2000 }],
    ['poisson:0.5', { law: 'poisson', rate: 0.5 }],
    ['ramp:100-5000/60s', { law: 'ramp', from: 100, to: 5000, seconds: 60 }],
    ['burst:500/250ms', { law: 'burst', messages: 500, every: 250 }],
    ['trace:a/b.txt', { law: 'trace', times: Float64Array.of(1), speed: 1 }],
    ['trace:a/b.txt/2.5', { law: 'trace', times: Float64Array.of(1), speed: 2.5 }],
  ])('%s', (text, arrival) => {
    const read = (path: string): Float64Array => {
      expect(path).toBe('a/b.txt');
      return Float64Array.of(1);
    };
    expect(parseArrival(text, read)).toEqual(arrival);
  });

  test.each(['', 'poisson', 'poisson:-1', 'ramp:1/2s', 'burst:5', 'gauss:5'])('%j is none', (text) => {
    expect(() => parseArrival(text, () => Float64Array.of())).toThrow(/give constant:2000/);
  });

  test('a law that brings nothing is an error', () => {
    expect(() => createArrivals({ law: 'constant', rate: 0 }, 1)).toThrow(/rate is 0/);
    expect(() => createArrivals({ law: 'ramp', from: 1, to: 0, seconds: 1 }, 1)).toThrow(/last rate is 0/);
  });
});

describe('latency when the gateway stalls', () => {
  /** A load of 100 messages in a second whose gateway answers the first, then nothing until the second is over. */
  async function stalled(options: Partial<LoadOptions>) {
    let time = 1000;
    let held: (() => void)[] | undefined;
    const gateway = await gatewayWith((session, pdu, n) => {
      const answer = (): void => accept(session, pdu, String(n));
      if (held === undefined) answer();
      else held.push(answer);
    }, stops);
    const load = createLoad({
      port: gateway.port,
      systemId: 'esme',
      password: 'secret',
      count: 100,
      allowed: 1,
      texts: ['hello'],
      window: 10,
      receipts: false,
      now: () => time,
      ...options,
    });
    stops.push(() => {
      load.stop();
      load.stop();
    });
    load.start();
    await until('the first answer', () => load.progress.acked === 1);
    held = [];
    load.allow(100);
    time = 2000;
    await until('a full window', () => held?.length === 10);
    const answers = held;
    held = undefined;
    for (const answer of answers) answer();
    return { verdict: await load.done, load };
  }

  test('an open loop counts from when a message was due', async () => {
    const { verdict, load } = await stalled({ arrival: { law: 'constant', rate: 100 } });
    expect(verdict).toMatchObject({ acked: 100, clean: true });
    // Message k was due at 10·k ms and answered at 1000 ms: half of them waited for half a second or more.
    expect(verdict.toAck.p50).toBeGreaterThan(490);
    expect(verdict.toAck.p50).toBeLessThan(510);
    expect(verdict.toAck.p90).toBeGreaterThan(880);
    expect(verdict.toAck.max).toBeCloseTo(990, -1);
    expect(load.figures.times.answer.count).toBe(100);
    // The second in which nothing but the first was answered, and the moment at its end.
    expect(load.figures.points.map((p) => [p.at, p.submitted, p.acked])).toEqual([
      [1, 1, 1],
      [1, 99, 99],
    ]);
    expect(load.figures.points[1]!.answerMax).toBeCloseTo(990, -1);
  });

  test('a closed loop does not see what was not sent: only those that were open waited', async () => {
    const { verdict } = await stalled({});
    expect(verdict).toMatchObject({ acked: 100, clean: true });
    expect(verdict.toAck.p90).toBeLessThan(1);
  });

  test('the parts of a long message are due together', async () => {
    const { verdict } = await stalled({
      arrival: { law: 'constant', rate: 50 },
      texts: ['hello', 'x'.repeat(200)],
      count: 50,
    });
    expect(verdict).toMatchObject({ messages: 50, parts: 75, acked: 75 });
    // Both parts of message 1 waited since 20 ms, as the worst after message 0.
    expect(verdict.toAck.max).toBeCloseTo(980, -1);
  });
});

describe('figures', () => {
  test('a point a second, with empty ones, and percentiles of what ended in it', () => {
    const figures = createLoadFigures();
    figures.begin(5000);
    figures.submitted(5000);
    figures.acked(5100, 100);
    figures.refused(5200, 200);
    figures.receipt(8500, 3500, 'DELIVERED');
    figures.end(8600);
    const { points } = figures;
    expect(points.map((p) => [p.at, p.submitted, p.acked, p.refused, p.receipts])).toEqual([
      [1, 1, 1, 1, 0],
      [2, 0, 0, 0, 0],
      [3, 0, 0, 0, 0],
      [3.6, 0, 0, 0, 1],
    ]);
    expect(points[0]!.answerP99).toBeCloseTo(200, 0);
    expect(points[1]).toMatchObject({ answerP50: null, receiptP99: null, states: {} });
    expect(points[3]).toMatchObject({ states: { DELIVERED: 1 } });
    expect(figures.times.receipt.max / 1000).toBeCloseTo(3500, -1);
    expect(figures.times.answer.count).toBe(2);
  });

  test('bounded: where the room is full, two points become one and a point stands for twice as long', () => {
    const figures = createLoadFigures(4);
    figures.begin(1000);
    for (let s = 0; s < 14; s++) {
      figures.submitted(1000 + s * 1000);
      figures.acked(1000 + s * 1000, s + 1);
      figures.receipt(1000 + s * 1000, 1, s % 2 === 0 ? 'DELIVERED' : 'EXPIRED');
    }
    figures.end(15_000);
    expect(figures.points.length).toBeLessThanOrEqual(4);
    expect(figures.step).toBeGreaterThan(1);
    expect(figures.points.reduce((n, p) => n + p.acked, 0)).toBe(14);
    expect(figures.points.reduce((n, p) => n + (p.states.EXPIRED ?? 0), 0)).toBe(7);
    expect(figures.points[0]!.answerMax).toBeCloseTo(figures.step, 1);
    expect(figures.times.answer.count).toBe(14);
  });
});
