import type { Verdict } from '../verdict.ts';

/** What the platform prints after a load. */
export type Measurement = Verdict;

/** One case's figures, named as the JSON output names them. */
export interface Result {
  readonly name: string;
  readonly what: string;
  readonly messages: number;
  readonly segments: number;
  readonly seconds: number;
  readonly msgs_per_s: number;
  readonly cpu_us_per_msg: number;
  readonly rss_mb: number;
  readonly p50_ms_ack: number;
  readonly p99_ms_ack: number;
  readonly p50_ms_receipt: number;
  readonly p99_ms_receipt: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly relay_cpu_ratio?: number;
}

const round = (ms: number): number => Number(ms.toFixed(1));

export function latencyOf(v: Verdict): Pick<Result, 'p50_ms_ack' | 'p99_ms_ack' | 'p50_ms_receipt' | 'p99_ms_receipt'> {
  return {
    p50_ms_ack: round(v.toAck.p50),
    p99_ms_ack: round(v.toAck.p99),
    p50_ms_receipt: round(v.toReceipt.p50),
    p99_ms_receipt: round(v.toReceipt.p99),
  };
}

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
}

/** The table for people. */
export function printTable(machine: Machine, results: readonly Result[]): string {
  const head = [
    'case',
    'messages',
    'msg/s',
    'CPU µs/msg',
    'relay ÷ it',
    'RSS MB',
    'ack p50/p99 ms',
    'receipt p50/p99 ms',
    'lost',
    'dup',
  ];
  const rows = results.map((r) => [
    r.what,
    String(r.messages),
    String(r.msgs_per_s),
    r.cpu_us_per_msg.toFixed(1),
    r.relay_cpu_ratio === undefined ? '' : `${r.relay_cpu_ratio.toFixed(1)} ×`,
    String(r.rss_mb),
    `${r.p50_ms_ack} / ${r.p99_ms_ack}`,
    `${r.p50_ms_receipt} / ${r.p99_ms_receipt}`,
    String(r.lost),
    String(r.duplicated),
  ]);
  return tableOf(machine, head, rows);
}

function tableOf(machine: Machine, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n\n${[line(head), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n')}\n`;
}

/** What a simulator cost for a message, as the JSON output names it: the median of some runs, the least and the most. */
export interface LabResult {
  readonly name: string;
  readonly role: string;
  readonly messages: number;
  readonly cpu_us_per_msg: number;
  readonly cpu_us_least: number;
  readonly cpu_us_most: number;
  /** What one core would do, all of it given to this process. */
  readonly msgs_per_s_core: number;
  /** What came about beside all else that this machine did. */
  readonly msgs_per_s: number;
}

/** The table for people; `package` among the results is what the others are measured by. */
export function printLab(machine: Machine, results: readonly LabResult[]): string {
  const head = ['case', 'messages', 'CPU µs/msg', 'least–most', 'msg/s a core', 'msg/s', 'package ÷ it'];
  const rows = results.map((r) => {
    const by = results.find((x) => x.name === 'package' && x.role === r.role);
    return [
      `${r.name} ${r.role}`,
      String(r.messages),
      r.cpu_us_per_msg.toFixed(2),
      `${r.cpu_us_least.toFixed(2)}–${r.cpu_us_most.toFixed(2)}`,
      String(r.msgs_per_s_core),
      String(r.msgs_per_s),
      by === undefined || by === r ? '' : `${(by.cpu_us_per_msg / r.cpu_us_per_msg).toFixed(1)} ×`,
    ];
  });
  return tableOf(machine, head, rows);
}
