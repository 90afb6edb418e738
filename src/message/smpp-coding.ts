import type { Coding } from '../../protocols/text/charset.ts';
import { pack, unpack } from '../../protocols/text/gsm7.ts';
import { isSeptets } from '../../protocols/text/national.ts';

/** What data_coding 0 is to a peer. `utf8` is read only: nothing is sent so. */
export type DefaultAlphabet = 'gsm7' | 'latin1' | 'ascii' | 'utf8';

/** What a peer's octets mean where the specification leaves it open, or the peer does not keep to it. */
export interface Reading {
  /** A data_coding and what it is, before all rules: `{ 1: gsm7 }`. */
  readonly dataCodings: Readonly<Record<string, Coding>>;
  /** GSM text travels packed, eight characters in seven octets. */
  readonly packed: boolean;
  /** Zero octets at the end of a text: `auto` drops them where the alphabet has no character at 0 that anyone sends. */
  readonly trailingNulls: 'auto' | 'keep' | 'strip';
}

/** data_coding of 3.4 (5.2.19), of which 9, 10, 13 (pictograms, ISO 2022, JIS X 0212) are left as octets. */
const CODINGS: readonly (Coding | undefined)[] = [
  undefined,
  'ascii',
  'octets',
  'latin1',
  'octets',
  'sjis',
  'iso8859-5',
  'iso8859-8',
  'ucs2',
  'octets',
  'octets',
  'octets',
  'octets',
  'octets',
  'ksc5601',
  'octets',
];

/** How the octets under a data_coding are coded (5.2.19, and GSM 03.38 for what SMPP leaves open). */
export function codingOf(
  dataCoding: number,
  alphabet: DefaultAlphabet,
  octets: Uint8Array,
  reading: Reading,
): Coding | 'utf8' {
  const own = reading.dataCodings[dataCoding];
  const coding =
    own ?? (dataCoding === 0 ? alphabet : dataCoding < 0x10 ? CODINGS[dataCoding]! : gsmCoding(dataCoding));
  // Octets that are no septets: the sender means Latin-1, whatever it says.
  if (coding === 'gsm7' && !reading.packed) {
    for (let i = 0; i < octets.length; i++) if (octets[i]! > 0x7f) return 'latin1';
  }
  return coding;
}

/** The groups of GSM 03.38, section 4. */
function gsmCoding(dataCoding: number): Coding {
  if (dataCoding >= 0xf0) return (dataCoding & 4) === 0 ? 'gsm7' : 'octets';
  // Message waiting: the last group's text is UCS-2.
  if (dataCoding >= 0xc0) return dataCoding >= 0xe0 ? 'ucs2' : 'gsm7';
  // 0x80-0xBF is reserved; bit 5 says compressed, which nobody has been seen to send.
  if (dataCoding >= 0x80 || (dataCoding & 0x20) !== 0) return 'octets';
  const bits = (dataCoding >> 2) & 3;
  return bits === 0 ? 'gsm7' : bits === 2 ? 'ucs2' : 'octets';
}

/** The data_coding that says this coding to a peer; 0 where none does. */
export function dataCodingOf(coding: Coding, alphabet: DefaultAlphabet, reading: Pick<Reading, 'dataCodings'>): number {
  return labelOf(coding, alphabet, reading) ?? 0;
}

/** The same; undefined where none does: GBK, and GSM 03.38 where 0 is another alphabet. */
export function labelOf(
  coding: Coding,
  alphabet: DefaultAlphabet,
  reading: Pick<Reading, 'dataCodings'>,
): number | undefined {
  for (const number in reading.dataCodings) if (reading.dataCodings[number] === coding) return Number(number);
  if (coding === alphabet) return 0;
  switch (coding) {
    case 'ascii':
      return 1;
    case 'latin1':
      return 3;
    case 'ucs2':
      return 8;
    case 'sjis':
      return 5;
    case 'iso8859-5':
      return 6;
    case 'iso8859-8':
      return 7;
    case 'ksc5601':
      return 14;
    case 'octets':
      return 4;
    default:
      return isSeptets(coding) && alphabet === 'gsm7' ? 0 : undefined;
  }
}

/** Message class (GSM 03.38: 0 shown at once, 1 phone, 2 SIM, 3 terminal equipment); undefined where there is none. */
function classOf(dataCoding: number): number | undefined {
  if (dataCoding >= 0xf0) return dataCoding & 3;
  return dataCoding < 0x80 && (dataCoding & 0x10) !== 0 ? dataCoding & 3 : undefined;
}

/** The data_coding of a text that is coded anew: its class stays, in the group of its new alphabet. */
export function withClass(dataCoding: number, coding: Coding, given: number): number {
  const cls = classOf(given);
  if (cls === undefined) return dataCoding;
  if (isSeptets(coding)) return 0x10 | cls;
  return coding === 'ucs2' ? 0x18 | cls : dataCoding;
}

/** Bits between the end of a header and the first septet border behind it (3GPP TS 23.040, 9.2.3.24). */
const fillBehind = (udhOctets: number): number => (7 - ((udhOctets * 8) % 7)) % 7;

/** Septets packed as on the air, behind a header of so many octets. */
export const packed = (septets: Uint8Array, udhOctets: number): Uint8Array =>
  pack(septets, fillBehind(udhOctets), 'cr');

/** Packed octets behind a header, one septet an octet. A last septet that only fills the last octet is dropped. */
export function unpacked(octets: Uint8Array, udhOctets: number): Uint8Array {
  const fill = fillBehind(udhOctets);
  const septets = unpack(octets, Number.MAX_SAFE_INTEGER, fill);
  const last = septets.at(-1);
  const spare = (octets.length * 8 - fill) % 7 === 0 && (last === 0 || last === 0x0d);
  return spare ? septets.subarray(0, -1) : septets;
}

/** Data for a SIM is 3 to the Chinese carriers and Latin-1 here: 8-bit data is what both know (3.4: 5.2.19). */
export const plainOctets = (dataCoding: number): number => (dataCoding === 3 ? 4 : dataCoding);
