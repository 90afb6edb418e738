import type { AccountConfig } from '../config/schema.ts';
import { routeDigits } from './route.ts';

/** Accounts by prefixes of a number, compiled: one look-up for each length of prefix there is. */
interface Prefixes {
  readonly accounts: ReadonlyMap<string, string>;
  /** The longest first. */
  readonly lengths: readonly number[];
}

/** Whose MO it is, by the called number. */
export interface Called {
  /** Called numbers as they stand. */
  readonly full: Prefixes;
  /** What stands behind a carrier's access code (扩展号). */
  readonly extensions: Prefixes;
}

function compile(entries: Iterable<readonly [prefix: string, account: string]>): Prefixes {
  const accounts = new Map(entries);
  const lengths = [...new Set([...accounts.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);
  return { accounts, lengths };
}

export function compileCalled(accounts: readonly AccountConfig[]): Called {
  return {
    full: compile(accounts.flatMap(({ name, mo }) => mo.map((prefix) => [prefix, name] as const))),
    extensions: compile(
      accounts.flatMap(({ name, extensions }) => extensions.map((digits) => [digits, name] as const)),
    ),
  };
}

/** The account of a called number: the longest prefix that fits, an extension counted with the access code before it. */
export function calledAccount(called: Called, accessCode: string, number: string): string | undefined {
  const digits = routeDigits(number);
  const found = longest(called, accessCode, digits);
  // Some write the country before a service number, too.
  return found ?? (digits.startsWith('86') ? longest(called, accessCode, digits.slice(2)) : undefined);
}

function longest({ full, extensions }: Called, accessCode: string, digits: string): string | undefined {
  const one = lengthOf(full, digits, 0);
  const behind = accessCode.length;
  const own = behind > 0 && digits.startsWith(accessCode) ? lengthOf(extensions, digits, behind) : 0;
  if (own > 0 && behind + own >= one) return extensions.accounts.get(digits.slice(behind, behind + own));
  return one > 0 ? full.accounts.get(digits.slice(0, one)) : undefined;
}

/** Digits of the longest prefix that fits at `from`; 0: none does. */
function lengthOf({ accounts, lengths }: Prefixes, digits: string, from: number): number {
  for (const length of lengths) {
    if (from + length <= digits.length && accounts.has(digits.slice(from, from + length))) return length;
  }
  return 0;
}
