import { civilOf, daysInMonth, digits, epochOf, two } from '../wire/civil.ts';

/** A schedule_delivery_time, validity_period or final_date, as read (3.4: 7.1.1). Times are milliseconds since the epoch. */
export type SmppTime =
  /** At once; or the message centre's own default. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'absolute'; readonly at: number }
  | {
      readonly kind: 'relative';
      /** `now` and the amounts: years and months by the calendar, the rest by the clock. */
      readonly at: number;
      readonly years: number;
      readonly months: number;
      readonly days: number;
      readonly hours: number;
      readonly minutes: number;
      readonly seconds: number;
    }
  | { readonly kind: 'invalid'; readonly reason: string };

const invalid = (reason: string): SmppTime => ({ kind: 'invalid', reason });

/**
 * Reads `YYMMDDhhmmsstnnp`. Years are 2000 to 2099, whatever POSIX makes of them. `now` is what a relative time counts
 * from. Short forms are refused: they can be read two ways.
 */
export function parseTime(text: string, now: number): SmppTime {
  if (text === '') return { kind: 'empty' };
  if (text.length !== 16) return invalid(`${text.length} characters instead of 16`);
  const sign = text[15];
  const years = digits(text, 0, 2);
  const months = digits(text, 2, 4);
  const days = digits(text, 4, 6);
  const hours = digits(text, 6, 8);
  const minutes = digits(text, 8, 10);
  const seconds = digits(text, 10, 12);
  const tenths = digits(text, 12, 13);
  const quarters = digits(text, 13, 15);
  if (Number.isNaN(years + months + days + hours + minutes + seconds + tenths + quarters)) {
    return invalid('not all digits');
  }
  if (sign === 'R') {
    if (tenths !== 0 || quarters !== 0) return invalid('a relative time with tenths or a zone');
    if (months > 12 || days > 31 || hours > 23 || minutes > 59 || seconds > 59)
      return invalid('an amount out of range');
    const at = later(now, years * 12 + months) + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    return { kind: 'relative', at, years, months, days, hours, minutes, seconds };
  }
  if (sign !== '+' && sign !== '-') return invalid('does not end in +, - or R');
  if (quarters > 48) return invalid('a zone beyond 12 hours');
  const local = epochOf(2000 + years, months, days, hours, minutes, seconds);
  if (local === undefined) return invalid('no such date or time');
  return { kind: 'absolute', at: local + tenths * 100 + (sign === '+' ? -quarters : quarters) * 900_000 };
}

/** The same day and time some months on; the month's last day where it has no such day. */
function later(now: number, months: number): number {
  if (months === 0) return now;
  const c = civilOf(now);
  const month = c.month - 1 + months;
  const year = c.year + Math.floor(month / 12);
  const day = Math.min(c.day, daysInMonth(year, (month % 12) + 1));
  const whole = epochOf(year, (month % 12) + 1, day, c.hour, c.minute, c.second);
  return (whole ?? now) + (now - Math.floor(now / 1000) * 1000);
}

/** Writes an absolute time in the zone `offsetMinutes` east of UTC (in quarter hours, at most 12 h either way). */
export function absoluteTime(at: number, offsetMinutes = 0): string {
  const quarters = Math.max(-48, Math.min(48, Math.round(offsetMinutes / 15)));
  const c = civilOf(at + quarters * 900_000);
  const tenths = Math.floor((at - Math.floor(at / 1000) * 1000) / 100);
  return (
    two(c.year % 100) +
    two(c.month) +
    two(c.day) +
    two(c.hour) +
    two(c.minute) +
    two(c.second) +
    tenths +
    two(Math.abs(quarters)) +
    (quarters < 0 ? '-' : '+')
  );
}

/**
 * Writes a relative time of whole seconds, in days and below (peers disagree about the length of a month). Undefined
 * beyond 31 days, which only an absolute time can say for certain.
 */
export function relativeTime(seconds: number): string | undefined {
  const s = Math.max(0, Math.round(seconds));
  const days = Math.floor(s / 86_400);
  if (days > 31) return undefined;
  return `0000${two(days)}${two(Math.floor(s / 3600) % 24)}${two(Math.floor(s / 60) % 60)}${two(s % 60)}000R`;
}
