import { type Civil, civilOf, digits, epochOf, two } from './civil.ts';

const QUARTER = 900_000;
const BEIJING_QUARTERS = 32;
/** What a clock in Beijing is ahead of UTC, in ms. */
export const BEIJING = BEIJING_QUARTERS * QUARTER;

/**
 * The last results of a function of a time, by second or minute: every message is stamped with a few times, and many
 * messages with the same. Sixteen of them, so that those of different messages do not drive each other out.
 */
function remembered<T>(unitMs: number, make: (at: number) => T): (at: number) => T {
  const units = new Float64Array(16).fill(Number.NaN);
  const made: T[] = [];
  return (at) => {
    const unit = Math.floor(at / unitMs);
    const place = unit & 15;
    if (units[place] !== unit) {
      units[place] = unit;
      made[place] = make(at);
    }
    return made[place]!;
  };
}

/** The wall clock in Beijing at `at` (ms since the epoch), as the Chinese carriers have it in logins, ids and reports. */
export const beijingTime: (at: number) => Civil = remembered(1_000, (at) => civilOf(at + BEIJING));

/** `YYMMDDhhmm` in Beijing at `at`. */
export const beijingMinute: (at: number) => string = remembered(60_000, (at) => minuteText(beijingTime(at)));

/** A time limit or a schedule at `at` (ms since the epoch): absolute with its zone, `YYMMDDhhmmsst032+`. */
export function absoluteTime(at: number): string {
  const c = beijingTime(at);
  return `${minuteText(c)}${two(c.second)}0${two(BEIJING_QUARTERS)}+`;
}

/**
 * Reads such a time, as ms since the epoch; undefined where it is empty or no time. A zone that is none of
 * whole hours (seen: `101+`) or missing is Beijing. `now` is what a relative time (`…R`) counts from.
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

/** `YYMMDDhhmm` */
export const minuteText = (c: Civil): string =>
  two(c.year % 100) + two(c.month) + two(c.day) + two(c.hour) + two(c.minute);
