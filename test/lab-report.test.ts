import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Carrier } from '../simulators/carrier.ts';
import { createFigures } from '../simulators/figures.ts';
import { reportPage } from '../simulators/report/report-page.ts';
import { reportText } from '../simulators/report/report-text.ts';
import type { ReportPart, RunReport } from '../simulators/report/run-report.ts';
import { countIn, createOctaves, createTimes, distributionOf, OCTAVES, record } from '../simulators/times.ts';

describe('how long things took', () => {
  it('is told by the share that took no longer, up to the slowest', () => {
    const times = createTimes();
    for (let ms = 1; ms <= 1000; ms++) record(times, ms);
    const d = distributionOf('answer', times);
    // To three figures.
    const near = (ms: number): [number, number] => [ms * 0.999, ms * 1.001];
    for (const [value, ms] of [
      [d.p50, 500],
      [d.p90, 900],
      [d.p99, 990],
      [d.p999, 999],
      [d.max, 1000],
      [d.mean, 500.5],
    ] as const) {
      const [low, high] = near(ms);
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(high);
    }
    expect(d.count).toBe(1000);
    for (const [k, { percentile, ms }] of d.points.entries()) {
      if (k > 0) expect(percentile).toBeGreaterThan(d.points[k - 1]!.percentile);
      // The n-th of a thousand took n ms: what the point says of its share is so.
      if (k > 0) expect(Math.abs(ms - Math.ceil(percentile * 10))).toBeLessThanOrEqual(2);
    }
    expect(d.points.at(-1)).toEqual({ percentile: 99.9, ms: d.max });
  });

  it('says nothing of nothing, and holds what is out of all bounds', () => {
    const times = createTimes();
    expect(distributionOf('none', times)).toMatchObject({ count: 0, points: [] });
    record(times, -5);
    record(times, 1e12);
    const d = distributionOf('odd', times);
    expect(d.count).toBe(2);
    expect(d.max).toBeGreaterThanOrEqual(3_600_000);
  });

  it('counts by edges as Prometheus does: no longer than the edge', () => {
    const octaves = createOctaves();
    const given = [0, 0.25, 0.2501, 1, 1.5, 2, 2.01, 100, 131_072, 131_073, 1e9];
    for (const ms of given) countIn(octaves, ms);
    let below = 0;
    for (const [k, edge] of OCTAVES.entries()) {
      below += octaves.counts[k]!;
      expect(below, `no longer than ${edge} ms`).toBe(given.filter((ms) => ms <= edge).length);
    }
    expect(octaves.counts.reduce((a, b) => a + b)).toBe(given.length);
  });
});

/** As much of a carrier as figures look at. */
function countingCarrier() {
  const counts = { submits: 0, answered: 0, refused: 0, reports: 0, reportsAnswered: 0, mos: 0 };
  let stopwatch: Parameters<Carrier['time']>[0];
  const standing = { sessions: 1, unanswered: 0, inFlight: 0, waiting: 0 };
  const carrier = {
    books: { counts },
    standing: () => ({ ...standing }),
    time(watch: typeof stopwatch) {
      stopwatch = watch;
    },
  } as unknown as Carrier;
  return { carrier, counts, standing, answered: (ms: number) => stopwatch!.answered(ms) };
}

describe('figures', () => {
  it('are rates over the time that really went by, and gaps where nothing was timed', () => {
    const { carrier, counts, answered } = countingCarrier();
    const figures = createFigures(carrier);
    counts.submits = 100;
    answered(7);
    figures.take(1);
    counts.submits = 400;
    figures.take(3);
    expect(figures.points.map((p) => [p.at, p.submits])).toEqual([
      [1, 100],
      [3, 150],
    ]);
    expect(figures.points[0]!.answerP50).toBeCloseTo(7, 1);
    expect(figures.points[1]!.answerP50).toBeNull();
    expect(figures.times.answer.count).toBe(1);
  });

  it('stay bounded: two points become one, and no submit and no peak gets lost', () => {
    const { carrier, counts, standing, answered } = countingCarrier();
    const room = 16;
    const figures = createFigures(carrier, room);
    for (let s = 1; s <= 100; s++) {
      counts.submits += s;
      standing.unanswered = s === 37 ? 999 : 1;
      if (s === 50) answered(1234);
      figures.take(s);
    }
    expect(figures.points.length).toBeLessThan(room);
    expect(figures.step).toBe(8);
    for (const [k, p] of figures.points.slice(0, -1).entries()) expect(p.at).toBe((k + 1) * 8);
    expect(figures.now).toMatchObject({ at: 100, submits: 100 });
    let before = 0;
    let submits = 0;
    for (const p of figures.points) {
      submits += p.submits * (p.at - before);
      before = p.at;
    }
    expect(submits).toBeCloseTo(counts.submits, 6);
    expect(Math.max(...figures.points.map((p) => p.unanswered))).toBe(999);
    expect(Math.max(...figures.points.map((p) => p.answerMax ?? 0))).toBeCloseTo(1234, -1);
  });
});

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'&\u2028`;

function partNamed(name: string): ReportPart {
  const times = createTimes();
  for (let k = 1; k <= 200; k++) record(times, k);
  return {
    name,
    imitates: `A gateway that says ${name}`,
    facts: [['seed', name]],
    counts: [['submits', 1234567]],
    times: [1, 2, 3],
    charts: [{ title: name, unit: 'per second', lines: [{ name, values: [1, null, 3] }] }],
    distributions: [distributionOf(name, times), distributionOf('empty', createTimes())],
    tallies: [
      { title: name, of: 'reports', rows: [{ name, count: 3 }] },
      { title: 'none', of: 'x', rows: [] },
    ],
  };
}

function reportOf(name: string): RunReport {
  return {
    title: name,
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    seconds: 12.34,
    verdict: { passed: false, words: name, checks: [{ name, passed: false, detail: name }] },
    parts: [partNamed(name)],
  };
}

describe('the page of a report', () => {
  const page = reportPage(reportOf(HOSTILE));

  it('shows every text as text', () => {
    const outside = page.replace(/<script[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, '');
    expect(outside).not.toContain('alert(1)</script>');
    expect(outside).not.toMatch(/<img/i);
    expect(outside).toContain('&#60;img src=x onerror=&#34;alert(2)&#34;&#62;&#39;&#38;');
    // The data, our plots' library and our own: no more scripts than these.
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(page.match(/<\/script/g)).toHaveLength(3);
  });

  it('holds the report as its scripts read it', () => {
    const data = /<script type="application\/json" id="report">([\s\S]*?)<\/script>/.exec(page)![1]!;
    expect(JSON.parse(data)).toEqual(JSON.parse(JSON.stringify(reportOf(HOSTILE))));
  });

  it('forbids by its policy all but the scripts and styles that are in it, which are let in by their hashes', () => {
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/
      .exec(page)![1]!
      .replaceAll('&#39;', "'");
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const inline = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((m) => m[1]!);
    expect(inline).toHaveLength(2);
    for (const script of inline) expect(policy).toContain(hash(script));
    expect(policy).toContain(hash(/<style>([\s\S]*?)<\/style>/.exec(page)![1]!));
    // What the policy would refuse in silence.
    expect(page.replace(/<script>[\s\S]*?<\/script>/g, '')).not.toMatch(
      /\s(style|on\w+)="|<link|\ssrc="|\shref="|@import|url\(/,
    );
  });

  it('has tables for whom the plots do not reach', () => {
    expect(page).toContain('1,234,567');
    expect(page).toMatch(/<td>200<\/td><td>10[01] ms<\/td>/);
    expect(page).not.toContain('>empty<');
    expect(page).toContain('<b>Failed</b>');
  });
});

describe('the text of a report', () => {
  it('tells the same', () => {
    const text = reportText(reportOf('cmpp-7890'));
    expect(text).toContain('FAILED: cmpp-7890');
    expect(text).toMatch(/^submits +1,234,567$/m);
    expect(text).toMatch(/^cmpp-7890 +200 +100 ms +180 ms +198 ms +200 ms +200 ms$/m);
    expect(text).toContain('started 2026-01-02T03:04:05.000Z, ran 12.3 s');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });
});
