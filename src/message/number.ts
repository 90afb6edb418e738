/** How a carrier wants mainland numbers: bare, with 86, with +86. */
export type NumberForm = 'plain' | '86' | '+86';

const MAINLAND = /^(?:\+|00)?(?:86)?(1[3-9]\d{9})$/;

/** A destination in the carrier's form. Numbers that are no mainland mobile numbers are left as they are. */
export function carrierNumber(number: string, form: NumberForm): string {
  // The usual case without a regular expression: eleven digits for a carrier that wants eleven digits.
  if (form === 'plain' && number.length === 11 && number.charCodeAt(0) === 0x31) return number;
  const bare = MAINLAND.exec(number)?.[1];
  if (bare === undefined) return number;
  return form === 'plain' ? bare : form === '86' ? `86${bare}` : `+86${bare}`;
}

/** Whether two numbers are one but for prefixes: their last ten digits agree (or all of the shorter, if it has at least seven). */
export function sameNumber(a: string, b: string): boolean {
  // The usual case without regular expressions: one is the end of the other.
  if (a.length >= b.length ? b.length >= 7 && a.endsWith(b) : a.length >= 7 && b.endsWith(a)) return true;
  const x = a.replace(/\D/g, '');
  const y = b.replace(/\D/g, '');
  const n = Math.min(x.length, y.length, 10);
  return n >= 7 && x.slice(-n) === y.slice(-n);
}
