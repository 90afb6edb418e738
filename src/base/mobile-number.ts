const MAINLAND = /^(?:(?:\+|00)?86)?(1[3-9]\d{9})$/;

/**
 * The eleven digits of a mainland mobile number, however it is written (138…, 86138…, +86138…, 0086138…), or undefined.
 * Behind + or 00 there must be 86: +1 312 … is a number in America.
 */
export function bareMobile(number: string): string | undefined {
  // The usual cases without a regular expression.
  const { length } = number;
  if ((length === 11 || length === 13) && (length === 11 || number.startsWith('86'))) {
    let at = length - 11;
    const second = number.charCodeAt(at + 1);
    if (number.charCodeAt(at) !== 0x31 || second < 0x33 || second > 0x39) return undefined;
    for (at += 2; at < length; at++) {
      const c = number.charCodeAt(at);
      if (c < 0x30 || c > 0x39) return undefined;
    }
    return length === 11 ? number : number.slice(2);
  }
  return MAINLAND.exec(number)?.[1];
}
