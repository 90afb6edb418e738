import { type Coding, decode } from './charset.ts';
import { LEGACY_CODINGS, legacyWidth } from './legacy.ts';
import { isSeptets, NATIONAL_CODINGS, shiftElements } from './national.ts';

/** An octet that starts a pair in GSM 03.38. */
const ESC = 0x1b;
/** The octets of one short message's user data (3GPP TS 23.040 section 9.2.3.16). */
const USER_DATA = 140;
/** Both concatenation elements count the parts in one octet. */
export const MOST_PARTS = 255;

/** Octets of coded text that fit one message alone (`single`) and one part of several (`part`). GSM: unpacked septets. */
export interface Limits {
  readonly single: number;
  readonly part: number;
  /** Of the first and the last of several, where less than `part`. */
  readonly first?: number;
  readonly last?: number;
}

/** A text that cannot be sent. `TOO_LONG`: it takes more than 255 parts, the most a concatenation can count. */
export class TextFault extends Error {
  readonly code: 'TOO_LONG';
  constructor(code: 'TOO_LONG', message: string) {
    super(message);
    this.name = 'TextFault';
    this.code = code;
  }
}

/**
 * The limits of the air interface for parts that carry a header of `udhOctets` (6 with an 8-bit reference, 7 with a
 * 16-bit one). `more` are the octets of further elements that every message carries, parts or not; those of a national
 * coding count by themselves.
 */
export function limitsFor(coding: Coding, udhOctets: 6 | 7, more = 0): Limits {
  if (more === 0) return (udhOctets === 6 ? SHORT : LONG).get(coding)!;
  return { single: room(coding, 1 + more), part: room(coding, udhOctets + more) };
}

/** The limits with `head` octets kept free before the text and `tail` behind it, for what a carrier puts there itself. */
export function keepFree({ single, part }: Limits, head: number, tail: number): Limits {
  return { single: single - head - tail, part, first: part - head, last: part - tail };
}

function room(coding: Coding, header: number): number {
  const octets = USER_DATA - header;
  // Packed, septets start at the first septet border after the header.
  if (isSeptets(coding)) return Math.floor((octets * 8) / 7);
  return coding === 'ucs2' ? octets & ~1 : octets;
}

const tableOf = (udhOctets: number): ReadonlyMap<string, Limits> => {
  const row = (coding: Coding, more: number): [Coding, Limits] => [
    coding,
    { single: room(coding, more === 0 ? 0 : 1 + more), part: room(coding, udhOctets + more) },
  ];
  const plain: readonly Coding[] = ['gsm7', 'ascii', 'latin1', 'ucs2', 'gbk', 'octets', ...LEGACY_CODINGS];
  return new Map([
    ...plain.map((coding) => row(coding, 0)),
    // Tables of a language are announced in every message, parts or not.
    ...NATIONAL_CODINGS.map((coding) => row(coding, shiftElements(coding).length)),
  ]);
};
const SHORT = tableOf(6);
const LONG = tableOf(7);

/**
 * Cuts coded text into parts: views without a header, one only if it fits `single`. An escape pair, a surrogate pair and
 * a GBK code stay whole, so that each part can be read alone; so do the last `whole` octets, which must fit any part.
 * Throws TextFault if there are more than 255 parts.
 */
export function segment(octets: Uint8Array, coding: Coding, limits: Limits, whole = 0): Uint8Array[] {
  if (octets.length <= limits.single) return [octets];
  const parts: Uint8Array[] = [];
  for (let start = 0; start < octets.length; ) {
    if (parts.length === MOST_PARTS) {
      throw new TextFault(
        'TOO_LONG',
        `A text of ${octets.length} octets (${coding}) takes more than ${MOST_PARTS} parts of ${limits.part} octets; send it as several messages`,
      );
    }
    let end = endOf(octets, start, coding, limits);
    const rest = octets.length - whole;
    if (end > rest && end < octets.length && rest > start) end = rest;
    parts.push(octets.subarray(start, end));
    start = end;
  }
  return parts;
}

/** How many parts `segment` cuts, without cutting. May be above 255, where `segment` throws. */
export function countSegments(octets: Uint8Array, coding: Coding, limits: Limits): number {
  if (octets.length <= limits.single) return 1;
  let parts = 0;
  for (let start = 0; start < octets.length; parts++) start = endOf(octets, start, coding, limits);
  return parts;
}

/** Where the part that starts at `start` ends, in a text that does not fit one message. */
function endOf(octets: Uint8Array, start: number, coding: Coding, limits: Limits): number {
  const limit = start === 0 ? (limits.first ?? limits.part) : limits.part;
  const left = octets.length - start;
  if (left > limit) return cut(octets, start, coding, limit);
  if (start > 0 && left <= (limits.last ?? limit)) return octets.length;
  // It fits but for what is kept free behind it: its last character goes on into a part of its own.
  return cut(octets, start, coding, left - 1);
}

/** The last border between two characters that is at most `limit` octets behind `start`, and always further on. */
function cut(octets: Uint8Array, start: number, coding: Coding, limit: number): number {
  const end = start + limit;
  if (end >= octets.length) return octets.length;
  let at = end;
  if (isSeptets(coding)) {
    // Whether the last ESC opens a pair or closes one depends on how many stand in a row: ESC ESC is a pair.
    let escapes = 0;
    while (at - escapes > start && (octets[at - escapes - 1]! & 0x7f) === ESC) escapes++;
    at -= escapes & 1;
  } else if (coding === 'ucs2') {
    at -= limit & 1;
    if (at - start > 2 && (octets[at - 2]! & 0xfc) === 0xd8 && (octets[at]! & 0xfc) === 0xdc) at -= 2;
  } else if (coding === 'gbk') {
    // Trail octets look like lead octets, so only reading from the start tells where a code ends.
    at = start;
    for (let next = start; next <= end; next = at + gbkCode(octets, at)) at = next;
  } else if (coding === 'ksc5601' || coding === 'sjis') {
    at = start;
    for (let next = start; next <= end; next = at + legacyWidth(octets[at]!, coding)) at = next;
  }
  // A limit below one octet would never come to an end.
  return at > start ? at : Math.max(end, start + 1);
}

/** The octets of the code at `at`: 1, 2, or 4 of GB 18030. */
function gbkCode(octets: Uint8Array, at: number): number {
  const lead = octets[at]!;
  if (lead <= 0x80 || lead === 0xff) return 1;
  const trail = octets[at + 1]!;
  return trail >= 0x30 && trail <= 0x39 ? 4 : 2;
}

/**
 * The text of parts in their order. Parts of one coding are joined as octets first, so that what a bad splitter cut is
 * whole again; parts may differ in coding (`coding` then names each one's), as some platforms send them.
 */
export function joinText(parts: readonly Uint8Array[], coding: Coding | readonly Coding[]): string {
  if (typeof coding === 'string') return decode(parts.length === 1 ? parts[0]! : Buffer.concat(parts), coding);
  let text = '';
  for (let start = 0; start < parts.length; ) {
    let end = start + 1;
    while (end < parts.length && coding[end] === coding[start]) end++;
    text += joinText(parts.slice(start, end), coding[start]!);
    start = end;
  }
  return text;
}
