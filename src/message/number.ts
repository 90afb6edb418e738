import { bareMobile } from '../base/mobile-number.ts';

/** How a peer wants mainland mobile numbers: as they came, bare, or with the country in front. */
export type NumberForm = 'given' | 'plain' | '86' | '+86' | '0086';

/** A number in a peer's form. Numbers that are no mainland mobile numbers are left as they are. */
export function carrierNumber(number: string, form: NumberForm): string {
  if (form === 'given') return number;
  const bare = bareMobile(number);
  if (bare === undefined) return number;
  return form === 'plain' ? bare : form + bare;
}

/** A carrier's service number (接入号) with the account's extension digits (扩展号) behind it, or one that is `fixed`. */
export function accessNumber(
  source: string,
  { fixed, prefix }: { readonly fixed?: string | undefined; readonly prefix: string },
): string {
  if (fixed !== undefined) return fixed;
  return prefix === '' || source.startsWith(prefix) ? source : prefix + source;
}

/** Whether two numbers are one but for prefixes: their last ten digits agree (or all of the shorter, if it has at least seven). */
export function sameNumber(a: string, b: string): boolean {
  if (a === b) return a.length >= 7;
  let i = a.length;
  let j = b.length;
  for (let same = 0; ; same++) {
    i = digitBefore(a, i);
    j = digitBefore(b, j);
    if (i < 0 || j < 0 || same === 10) return same >= 7;
    if (a.charCodeAt(i) !== b.charCodeAt(j)) return false;
  }
}

/** Index of the last digit before `at`, or -1. */
function digitBefore(text: string, at: number): number {
  for (let i = at - 1; i >= 0; i--) {
    const c = text.charCodeAt(i);
    if (c >= 0x30 && c <= 0x39) return i;
  }
  return -1;
}
