import { type Civil, civilOf, digits, epochOf, two } from '../wire/civil.ts';

const QUARTER = 900_000;
const BEIJING_QUARTERS = 32;
const BEIJING = BEIJING_QUARTERS * QUARTER;

/** The wall clock in Beijing at `at` (ms since the epoch), as Timestamp, Msg_Id and reports have it. */
export function beijingTime(at: number): Civil {
  return civilOf(at + BEIJING);
}

/** ValId_Time or At_Time of `at` (ms since the epoch): SMPP 3.3 absolute, `YYMMDDhhmmss032+` (2.0: 7.4.3.1). */
export function absoluteTime(at: number): string {
  const c = beijingTime(at);
  return `${minute(c)}${two(c.second)}0${two(BEIJING_QUARTERS)}+`;
}

/**
 * Reads a ValId_Time or At_Time, as ms since the epoch; undefined where it is empty or no time. A zone that is none of
 * whole hours (seen: `101+`) or missing is Beijing. `now` is what a relative time (`…R`, SMPP 3.4) counts from.
 */
export function parseTime(text: string, now: number): number | undefined {
  const years = digits(text, 0, 2);
  const months = digits(text, 2, 4);
  const days = digits(text, 4, 6);
  const hours = digits(text, 6, 8);
  const minutes = digits(text, 8, 10);
  const seconds = digits(text, 10, 12);
  if (text[15] === 'R') {
    const amount = (((years * 365 + months * 30 + days) * 24 + hours) * 60 + minutes) * 60 + seconds;
    return Number.isNaN(amount) ? undefined : now + amount * 1000;
  }
  const local = epochOf(2000 + years, months, days, hours, minutes, seconds);
  if (local === undefined) return undefined;
  const quarters = digits(text, 13, 15);
  if (!(quarters <= 48 && quarters % 4 === 0)) return local - BEIJING;
  return local + (text[15] === '-' ? quarters : -quarters) * QUARTER;
}

/** Submit_time or Done_time of a report: `YYMMDDHHMM` in Beijing. */
export function reportTime(at: number): string {
  return minute(beijingTime(at));
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

const minute = (c: Civil): string => two(c.year % 100) + two(c.month) + two(c.day) + two(c.hour) + two(c.minute);
