import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Matrix, runMatrix } from './run.ts';

/** `npm run matrix`: every platform protocol against every carrier protocol, as a table. Exit code 1 unless all is OK. */

const GATEWAY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'cli', 'yima.js');

function table({ kinds, cells }: Matrix): string {
  const word = (platform: string, carrier: string): string => {
    const cell = cells.find((c) => c.platform === platform && c.carrier === carrier);
    return cell?.failed === undefined ? 'OK' : `no ${cell.failed}`;
  };
  const rows = [['platform \\ carrier', ...kinds], ...kinds.map((p) => [p, ...kinds.map((c) => word(p, c))])];
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const began = performance.now();
const matrix = await runMatrix(GATEWAY);
process.stdout.write(`${table(matrix)}\n`);
const failures = matrix.cells.filter((c) => c.failed !== undefined);
for (const { platform, carrier, failed, why } of failures) {
  process.stdout.write(`\n${platform} → ${carrier}, ${failed}: ${why}\n`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
process.stdout.write(`\n${matrix.cells.length - failures.length} of ${matrix.cells.length} cells OK in ${seconds} s\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
