import { formatBreaches } from '../breaches.ts';
import type { Reconciliation } from './reconcile.ts';

/** Both ends as a table for people; for programs use `JSON.stringify`. */
export function formatReconciliation(r: Reconciliation): string {
  const rows: [string, string | number][] = [
    ['messages', r.messages],
    ['sent', `${r.sent} parts`],
    ['answered', `${r.answered}: ${r.accepted} accepted, ${r.refused} refused`],
    ['never answered', r.unanswered],
    ['at the carriers', `${r.arrived} messages, and ${r.refusals} submits refused`],
    ['reported', `${r.reported}, ${r.taken} taken`],
    ['received', r.received],
    ['never reported', r.unreported],
    ['ended between', r.endedBetween],
    ['lost', r.lost],
    ['duplicated', r.duplicated],
    ['late', r.late],
    ['mis-correlated', r.misCorrelated],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(20)} ${value}`);
  if (r.hops.length > 0) {
    const cells = (...texts: readonly string[]): string => texts.map((text) => text.padStart(11)).join('');
    lines.push('', `${'ms'.padEnd(20)}${cells('count', 'p50', 'p90', 'p99', 'p99.9', 'max')}`);
    for (const { name, count, negative, p50, p90, p99, p999, max } of r.hops) {
      const times = [p50, p90, p99, p999, max].map((ms) => ms.toFixed(ms < 10 ? 2 : 0));
      lines.push(`${name.padEnd(20)}${cells(String(count), ...times)}`);
      if (negative > 0)
        lines.push(`  ${negative} of them took less than no time: the clocks of the two ends are coarse, or disagree`);
    }
  }
  lines.push('', `verdict              ${r.clean ? 'clean' : 'NOT clean'}`);
  if (r.breaches.length > 0) lines.push('', formatBreaches(r.breaches));
  return lines.join('\n');
}
