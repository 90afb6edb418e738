import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { countSegments, limitsFor, MOST_PARTS, segment } from '../../protocols/text/segment.ts';
import { withConcat, withoutConcat } from '../../protocols/text/udh.ts';
import { type Content, NO_OCTETS } from '../message/message.ts';
import { headerAsIs, withoutShifts } from '../message/user-data-header.ts';

/** The part of a message that joining and cutting change. */
export type Text = Pick<Content, 'udh' | 'dataCoding' | 'coding' | 'octets'>;

/**
 * One text of parts in their order. Parts of one coding are joined as octets, so that what a bad splitter cut is whole
 * again; where they differ (seen: 8, 8, 8, 0) each is read in its own and the whole is UCS-2. A header's other elements,
 * such as ports, are those of the first part.
 */
export function joinParts(parts: readonly Text[]): Text {
  const first = parts[0];
  if (first === undefined) return { udh: NO_OCTETS, dataCoding: 0, coding: 'octets', octets: NO_OCTETS };
  // The tables of a language belong to the coding: its name says them.
  const udh = withoutShifts(withoutConcat(first.udh));
  const coding = commonCoding(parts);
  if (coding === undefined) {
    const text = runsOf(parts).join('');
    return { udh, dataCoding: 0, coding: 'ucs2', octets: encode(text, 'ucs2')! };
  }
  const octets = parts.map(({ octets: o }, k) => (k > 0 ? withoutMark(o, coding) : o));
  return { udh, dataCoding: first.dataCoding, coding, octets: Buffer.concat(octets) };
}

/** Text of each run of parts of one coding: what a bad splitter cut within a run is whole again, too. */
function runsOf(parts: readonly Text[]): string[] {
  const runs: string[] = [];
  for (let start = 0, end = 0; start < parts.length; start = end) {
    const { coding } = parts[start]!;
    while (end < parts.length && parts[end]!.coding === coding) end++;
    const run = parts.slice(start, end);
    runs.push(
      decode(Buffer.concat(run.map(({ octets }, k) => (k > 0 ? withoutMark(octets, coding) : octets))), coding),
    );
  }
  return runs;
}

function commonCoding(parts: readonly Text[]): Coding | undefined {
  const { coding, dataCoding } = parts[0]!;
  if (parts.every((p) => p.coding === coding)) return coding;
  // Under one data_coding a part with octets above 0x7f tells how the others are meant.
  const latin1 = parts.every((p) => p.dataCoding === dataCoding && (p.coding === 'latin1' || p.coding === 'gsm7'));
  return latin1 ? 'latin1' : undefined;
}

/** Some put a byte order mark before each part: one in the middle would be a character. */
function withoutMark(octets: Uint8Array, coding: Coding): Uint8Array {
  const marked = coding === 'ucs2' && octets.length >= 2 && octets[0]! >= 0xfe && (octets[0]! ^ octets[1]!) === 1;
  return marked ? octets.subarray(2) : octets;
}

/** Octets of a PDU that holds no more than a short message. */
export const SHORT = 140;
/** The same for ASCII, which is packed on the air: below 160 (CMPP 2.0, Msg_Length). */
export const SHORT_ASCII = 159;

/** Octets that other elements of a header may take from every segment; with more of them the text goes without. */
const MOST_ELEMENTS = 100;

/** Codings that every protocol of short PDUs has. */
export const PLAIN: ReadonlySet<Coding> = new Set(['ascii', 'gbk', 'ucs2', 'octets']);

/** A text in a coding that every protocol of short PDUs has: ASCII or UCS-2 where it is in one that they lack. */
export function plain(text: Text): Text {
  if (PLAIN.has(text.coding)) return text;
  const read = decode(text.octets, text.coding);
  const udh = withoutShifts(text.udh);
  const ascii = encode(read, 'ascii');
  return ascii === undefined
    ? { udh, dataCoding: 0, coding: 'ucs2', octets: encode(read, 'ucs2')! }
    : { udh, dataCoding: 0, coding: 'ascii', octets: ascii };
}

/**
 * A whole text as what fits one PDU of `room` octets: itself, or segments of ours with an 8-bit reference. What is
 * longer than a concatenation can count becomes several texts, one behind the other.
 */
export function cutWhole(given: Text, room: number, ref: number): Text[] {
  if (headerAsIs(given).length + given.octets.length <= room) return [given];
  // Its place among segments that it was in before is not repeated in these.
  const other = withoutConcat(given.udh);
  const text = { ...given, udh: other.length > MOST_ELEMENTS ? NO_OCTETS : other };
  const header = headerAsIs(text);
  const more = Math.max(header.length - 1, 0);
  return countable(text, more).flatMap(({ udh, octets, coding, dataCoding }, k) => {
    const { part } = limitsFor(coding, 6, more);
    const parts = segment(octets, coding, { single: 0, part });
    return parts.map((own, i) => ({
      udh: withConcat(udh, ref + k, parts.length, i + 1, false),
      dataCoding,
      coding,
      octets: own,
    }));
  });
}

/** A text as one or more that take no more segments than can be counted. `more`: octets of other elements of the header. */
function countable(text: Text, more: number): Text[] {
  const { octets, coding } = text;
  const { part } = limitsFor(coding, 6, more);
  if (countSegments(octets, coding, { single: 0, part }) <= MOST_PARTS) return [text];
  return halves(text).flatMap((half) => countable(half, more));
}

/** A text in two, no character of it cut; damaged octets are read as `decode` reads them. */
function halves(text: Text): Text[] {
  const { octets, coding } = text;
  const read = decode(octets, coding);
  let middle = read.length >> 1;
  if ((read.charCodeAt(middle) & 0xfc00) === 0xdc00) middle--;
  return [read.slice(0, middle), read.slice(middle)].map((half) => {
    const own = encode(half, coding);
    if (own !== undefined) return { ...text, octets: own };
    return { ...text, dataCoding: 0, coding: 'ucs2', octets: encode(half, 'ucs2')! };
  });
}
