/** Node's Buffer has direct Latin-1 readers that its public types leave out; `toString('latin1')` costs twice as much. */
interface Latin1 {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
}

/** Up to this many octets a string is made without the binding, which takes three times as long for a phone number. */
const SHORT = 24;

/** By the number of octets: straight-line code from which the engine makes one call without a loop. */
const shortReaders = Array.from({ length: SHORT + 1 }, (_, n) => {
  const octets = Array.from({ length: n }, (_, i) => `b[o+${i}]`);
  return new Function('b', 'o', `return String.fromCharCode(${octets.join(',')})`) as (b: Buffer, o: number) => string;
});

/** Octets `start` to `end` as a string, one character an octet. */
export function latin1(b: Buffer, start: number, end: number): string {
  const n = end - start;
  if (n >= 0 && n <= SHORT && end <= b.length) return shortReaders[n]!(b, start);
  return (b as unknown as Latin1).latin1Slice(start, end);
}

/** Writes a Latin-1 string at `o`; returns the offset behind it. Short strings are quicker by hand than through the binding. */
export function putLatin1(b: Buffer, s: string, o: number): number {
  const n = s.length;
  if (n > 24) return o + (b as unknown as Latin1).latin1Write(s, o, n);
  for (let i = 0; i < n; i++) b[o + i] = s.charCodeAt(i);
  return o + n;
}

/** Writes a whole number from 0 to 2^53 in decimal; `String(n)` of one beyond 2^31 costs five times as much. */
export function putDecimal(b: Buffer, n: number, o: number): number {
  if (n < 1e9) return putDigits(b, n, o, digitsOf(n));
  const high = Math.floor(n / 1e9);
  return putDigits(b, n - high * 1e9, putDigits(b, high, o, digitsOf(high)), 9);
}

/** The same as text. */
export function decimalText(n: number): string {
  if (n < 1e9) return String(n);
  const high = Math.floor(n / 1e9);
  return String(high) + String(n - high * 1e9 + 1e9).slice(1);
}

function digitsOf(n: number): number {
  let count = 1;
  for (let bound = 10; n >= bound; bound *= 10) count++;
  return count;
}

function putDigits(b: Buffer, n: number, o: number, count: number): number {
  let rest = n | 0;
  for (let i = o + count - 1; i >= o; i--) {
    const tenth = (rest / 10) | 0;
    b[i] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
  return o + count;
}

/** First NUL at or after `o`, or `end` where there is none. */
export function findNul(b: Uint8Array, o: number, end: number): number {
  while (o < end && b[o] !== 0) o++;
  return o;
}

/**
 * Fixed-width text: cut at the first NUL, then at trailing blanks (peers pad with either, and leave garbage behind the
 * NUL; CMPP reference, deviation 9).
 */
export function fixedText(b: Buffer, o: number, end: number): string {
  let e = findNul(b, o, end);
  while (e > o && b[e - 1] === 0x20) e--;
  return latin1(b, o, e);
}

/** The text that a field had in the frame before. */
export interface Memo {
  text: string;
}

/** Whether the octets from `o` on are this text. From behind: numbers that differ do so at their end. */
function holds(b: Buffer, o: number, text: string): boolean {
  let i = text.length - 1;
  while (i >= 0 && b[o + i] === text.charCodeAt(i)) i--;
  return i < 0;
}

/**
 * As `latin1`, for a field that mostly says the same from frame to frame (accounts, service codes, nothing): to compare
 * costs a tenth of making the string again.
 */
export function latin1Again(memo: Memo, b: Buffer, start: number, end: number): string {
  const { text } = memo;
  if (text.length === end - start && holds(b, start, text)) return text;
  memo.text = latin1(b, start, end);
  return memo.text;
}

/** As `fixedText`, for such a field. */
export function fixedAgain(memo: Memo, b: Buffer, start: number, end: number): string {
  const { text } = memo;
  const e = start + text.length;
  if ((e === end || (e < end && b[e] === 0)) && holds(b, start, text)) return text;
  memo.text = fixedText(b, start, end);
  return memo.text;
}

/** Writes text into a fixed width, NUL-padded. The caller has checked that it fits. */
export function putFixed(b: Buffer, s: string, o: number, width: number): number {
  const end = o + width;
  o = putLatin1(b, s, o);
  while (o < end) b[o++] = 0;
  return end;
}

/** Where a reader of variable size leaves the offset behind its value: one shared place instead of a pair per call. */
export const cursor = { at: 0 };

/** Writes an unsigned number of four octets. */
export function putUint32(b: Buffer, o: number, n: number): void {
  b[o] = n >>> 24;
  b[o + 1] = n >>> 16;
  b[o + 2] = n >>> 8;
  b[o + 3] = n;
}
