import { milliseconds, share, whole } from './format.ts';
import type { Fact, ReportPart, RunReport } from './run-report.ts';

const NAME = 22;
const WIDTH = 100;

/** A report for a terminal or a file; no colours. */
export function reportText(report: RunReport): string {
  const { title, startedAt, seconds, verdict, parts } = report;
  const lines = [title, `started ${new Date(startedAt).toISOString()}, ran ${seconds.toFixed(1)} s`];
  if (verdict !== undefined) {
    lines.push('', `${verdict.passed ? 'PASSED' : 'FAILED'}: ${verdict.words}`);
    for (const check of verdict.checks) {
      lines.push(`  ${check.passed ? 'pass' : 'FAIL'}  ${check.name.padEnd(NAME)} ${check.detail}`);
    }
  }
  for (const part of parts) lines.push('', ...partText(part));
  return `${lines.join('\n')}\n`;
}

function partText(part: ReportPart): string[] {
  const lines = [`== ${part.name} ${'='.repeat(Math.max(3, 60 - part.name.length))}`];
  if (part.imitates !== '') lines.push(...wrapped(part.imitates));
  lines.push(...facts(part.facts), ...(part.counts.length === 0 ? [] : ['', ...facts(part.counts)]));
  for (const { title, of, rows } of part.tallies) {
    if (rows.length === 0) continue;
    const sum = rows.reduce((n, row) => n + row.count, 0);
    lines.push('', `${title} (${of})`);
    for (const row of rows) {
      lines.push(
        `  ${row.name.padEnd(NAME - 2)} ${whole(row.count).padStart(12)}  ${share(row.count, sum).padStart(7)}`,
      );
    }
  }
  const taken = part.distributions.filter((d) => d.count > 0);
  if (taken.length > 0) {
    lines.push(
      '',
      'latency'.padEnd(NAME) + ['count', 'p50', 'p90', 'p99', 'p99.9', 'max'].map((h) => h.padStart(11)).join(''),
    );
    for (const d of taken) {
      const cells = [whole(d.count), ...[d.p50, d.p90, d.p99, d.p999, d.max].map(milliseconds)];
      lines.push(d.name.padEnd(NAME) + cells.map((cell) => cell.padStart(11)).join(''));
    }
  }
  return lines;
}

function facts(list: readonly Fact[]): string[] {
  return list.map(([name, value]) => `${name.padEnd(NAME)} ${typeof value === 'number' ? whole(value) : value}`);
}

function wrapped(prose: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of prose.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
