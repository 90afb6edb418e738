import { Command } from 'commander';
import { BookFault } from '../../simulators/reconcile/book-reader.ts';
import { formatReconciliation } from '../../simulators/reconcile/format.ts';
import { reconcile } from '../../simulators/reconcile/reconcile.ts';
import { Complaint } from './complaint.ts';
import { collect, duration, wholeNumber } from './options.ts';

interface Flags {
  readonly platform: readonly string[];
  readonly carrier?: readonly string[];
  readonly late: number;
  readonly alterable?: boolean;
  readonly named: number;
  readonly json?: true;
}

export function verdictCommand(): Command {
  return new Command('verdict')
    .description(
      'compare the books of both ends, id by id; exit code 1 when anything was lost, doubled, late or mixed up',
    )
    .requiredOption('--platform <file>', 'book of a platform (yima load --book); several times for several', collect)
    .option('--carrier <file>', 'book of a carrier (yima lab --book); several times for several', collect)
    .option('--late <duration>', 'a receipt is late so long after its report', duration, 60_000)
    .option('--alterable', 'what lies between may change texts: it adds signatures')
    .option('--named <n>', 'offenders named of each kind', wholeNumber, 10)
    .option('--json', 'the result as JSON')
    .action(verdict);
}

function verdict({ platform, carrier = [], late, alterable = false, named, json }: Flags): void {
  try {
    const result = reconcile({ platforms: platform, carriers: carrier, late, alterable, named });
    process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : `${formatReconciliation(result)}\n`);
    if (!result.clean) process.exitCode = 1;
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (error instanceof BookFault) throw new Complaint(`cannot compare: ${error.message}`);
    if (code !== undefined) throw new Complaint(`cannot read the book ${path ?? ''}: ${code}`);
    throw error;
  }
}
