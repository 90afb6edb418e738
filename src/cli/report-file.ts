import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { reportPage } from '../../simulators/report/report-page.ts';
import { reportText } from '../../simulators/report/report-text.ts';
import type { RunReport } from '../../simulators/report/run-report.ts';
import { Complaint } from './complaint.ts';

type Writer = (report: RunReport) => string;

const WRITERS: Readonly<Record<string, Writer>> = {
  '.html': reportPage,
  '.json': (report) => `${JSON.stringify(report)}\n`,
  '.txt': reportText,
};

/** Throws Complaint for a name that says nothing of what is to be in the file: to be asked before the run. */
export function reportWriter(file: string): Writer {
  const writer = WRITERS[extname(file).toLowerCase()];
  if (writer === undefined)
    throw new Complaint(`--report ${file}: give a name that ends in ${Object.keys(WRITERS).join(', ')}`);
  return writer;
}

/** Writes a report into files, each in the form that its name asks for, and tells so on standard error. */
export function writeReports(files: readonly string[], report: RunReport): void {
  for (const file of files) {
    const text = reportWriter(file)(report);
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw new Complaint(`--report: cannot write ${file}: ${(error as NodeJS.ErrnoException).code}`);
    }
    process.stderr.write(`report: ${file}\n`);
  }
}
