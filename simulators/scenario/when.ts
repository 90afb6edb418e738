import { chance, type Lot, purpose } from './draw.ts';

/**
 * For which events a rule holds: those for which all of its conditions do. What an event has not (a login has no
 * number) fits no condition on it.
 */
export interface When {
  /** Drawn by the message, or by the ordinal of the connection. */
  readonly probability?: number;
  /** Every n-th of the events that satisfy the rest. Counted apart for submits, logins and connections, as `first` and `after`. */
  readonly every?: number;
  /** Only the first n of those. */
  readonly first?: number;
  /** Only those after the first n. */
  readonly after?: number;
  /** From and to, in ms since the start. */
  readonly between?: readonly [number, number];
  /** The first `for` ms of every `every` ms, counted from `from` ms after the start. */
  readonly during?: { readonly every: number; readonly for: number; readonly from?: number };
  /** From and to by the lab's clock in Beijing, `HH:MM`; over midnight where `to` is not after `from`. */
  readonly daily?: readonly [string, string];
  /** The destination: a glob (`*` and `?`), or a regular expression between slashes. */
  readonly number?: string;
  /** The text of the part, in the same way. */
  readonly text?: string;
  readonly source?: string;
  readonly account?: string;
  /** The n-th connection since the start, from 1. */
  readonly session?: number;
}

/** What happens; a login and a connection have no number, source and text. */
export interface Event {
  readonly kind: 'submit' | 'login' | 'connection';
  readonly account: string | undefined;
  readonly session: number;
  readonly number: string | undefined;
  readonly source: string | undefined;
  text(): string | undefined;
  /** Asked for only by conditions that draw. */
  lot(): Lot;
}

/** The conditions of a rule, ready to be asked. */
export interface Condition {
  /** All but time and count. */
  fits(event: Event): boolean;
  /** The time, `ms` since 1970. */
  inTime(ms: number): boolean;
  readonly timed: boolean;
  /** Count this event, which satisfies the rest: does it hold for it? Always true where nothing counts. */
  counts(kind: Event['kind']): boolean;
  readonly counted: boolean;
}

const DAY = 86_400_000;
const MINUTE = 60_000;
const BEIJING = 8 * 3_600_000;

/** `name` sets the rule's draws apart; `start`: of the lab, in ms since 1970. */
export function conditionOf(when: When, name: string, start: number): Condition {
  const tests: ((event: Event) => boolean)[] = [];
  const { account, session, number, source, text, probability } = when;
  if (account !== undefined) tests.push((e) => e.account === account);
  if (session !== undefined) tests.push((e) => e.session === session);
  if (number !== undefined) tests.push(matcher(number, (e) => e.number));
  if (source !== undefined) tests.push(matcher(source, (e) => e.source));
  if (text !== undefined) tests.push(matcher(text, (e) => e.text()));
  if (probability !== undefined) {
    const drawing = purpose(`rule ${name}`);
    tests.push((e) => chance(e.lot(), drawing, probability));
  }
  const times = timesOf(when, start);
  const { every, first, after } = when;
  const counted = every !== undefined || first !== undefined || after !== undefined;
  const counts = { submit: 0, login: 0, connection: 0 };
  return {
    fits: (event) => tests.every((test) => test(event)),
    inTime: (ms) => times.every((test) => test(ms)),
    timed: times.length > 0,
    counts(kind) {
      if (!counted) return true;
      const n = ++counts[kind];
      if (first !== undefined && n > first) return false;
      if (after !== undefined && n <= after) return false;
      return every === undefined || (n - (after ?? 0)) % every === 0;
    },
    counted,
  };
}

function timesOf({ between, during, daily }: When, start: number): ((ms: number) => boolean)[] {
  const times: ((ms: number) => boolean)[] = [];
  if (between !== undefined) {
    const [from, to] = between;
    times.push((ms) => ms - start >= from && ms - start < to);
  }
  if (during !== undefined) {
    const { every, for: length, from = 0 } = during;
    times.push((ms) => ms - start >= from && (ms - start - from) % every < length);
  }
  if (daily !== undefined) {
    const [from, to] = daily.map(minuteOfDay) as [number, number];
    times.push((ms) => {
      const minute = ((ms + BEIJING) % DAY) / MINUTE;
      return from < to ? minute >= from && minute < to : minute >= from || minute < to;
    });
  }
  return times;
}

function minuteOfDay(text: string): number {
  const [hour, minute] = text.split(':').map(Number);
  return hour! * 60 + minute!;
}

function matcher(pattern: string, of: (event: Event) => string | undefined): (event: Event) => boolean {
  const expression = patternOf(pattern);
  return (event) => {
    const value = of(event);
    return value !== undefined && expression.test(value);
  };
}

/** The expression of `/regex/` (with `i`, `s`, `u` behind it if need be) or of a glob. Throws SyntaxError. */
export function patternOf(pattern: string): RegExp {
  const found = /^\/(.*)\/([isu]*)$/s.exec(pattern);
  if (found !== null) return new RegExp(found[1]!, found[2]);
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (c) => (c === '*' ? '[^]*' : c === '?' ? '[^]' : `\\${c}`));
  return new RegExp(`^${source}$`);
}
