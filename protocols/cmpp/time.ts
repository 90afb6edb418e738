import { BEIJING, beijingMinute } from '../wire/beijing.ts';
import { digits, epochOf } from '../wire/civil.ts';

/** Submit_time or Done_time of a report: `YYMMDDHHMM` in Beijing. */
export function reportTime(at: number): string {
  return beijingMinute(at);
}

/**
 * Reads a Submit_time or Done_time, as ms since the epoch; undefined for the junk that carriers send (deviation 7), of
 * which `0001010000` has the look of a date: there was no CMPP in the year 2000.
 */
export function parseReportTime(text: string): number | undefined {
  const year = digits(text, 0, 2);
  if (text.length !== 10 || year === 0) return undefined;
  const local = epochOf(
    2000 + year,
    digits(text, 2, 4),
    digits(text, 4, 6),
    digits(text, 6, 8),
    digits(text, 8, 10),
    0,
  );
  return local === undefined ? undefined : local - BEIJING;
}
