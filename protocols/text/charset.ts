import { gbkDecode, gbkEncode, gbkLength, gbkPlain } from './gbk.ts';
import { gsm7Decode, gsm7Encode, gsm7Length } from './gsm7.ts';
import { isLegacy, type LegacyCoding, legacyDecode, legacyEncode } from './legacy.ts';
import { isNational, type NationalCoding, shiftsOf } from './national.ts';
import { scratch, scratchText } from './units.ts';

/**
 * How text becomes octets. `gsm7` is GSM 03.38 with its default tables (`gsm7-…` with national ones), one septet an octet; `latin1` is ISO 8859-1;
 * `ucs2` is UTF-16BE, as every peer reads it; `octets` is binary data, one octet a character U+0000 to U+00FF.
 */
export type Coding = 'gsm7' | NationalCoding | 'ascii' | 'latin1' | LegacyCoding | 'ucs2' | 'gbk' | 'octets';

/**
 * The octets of the text in this coding, or undefined if a character is not in it. `gbk` takes one- and two-octet codes
 * only: what needs GB 18030's four octets most handsets cannot show. `ucs2` takes any string, lone surrogates included.
 */
export function encode(text: string, coding: Coding): Buffer | undefined {
  switch (coding) {
    case 'gsm7':
      return gsm7Encode(text);
    case 'ucs2': {
      const out = Buffer.allocUnsafe(text.length * 2);
      out.write(text, 'utf16le');
      return out.swap16();
    }
    case 'gbk':
      return gbkEncode(text);
    default: {
      if (isNational(coding)) return gsm7Encode(text, shiftsOf(coding));
      if (isLegacy(coding)) return legacyEncode(text, coding);
      if (!within(text, coding === 'ascii' ? 0x7f : 0xff)) return undefined;
      return Buffer.from(text, 'latin1');
    }
  }
}

/**
 * The text of these octets. Never fails: what is no character of the coding shows as the nearest reading (`ascii` above
 * 0x7f as Latin-1), as a space (`gsm7`) or as U+FFFD (`gbk`, read as GB 18030).
 *
 * `ucs2` is read as UTF-16BE, or as UTF-16LE behind the mark fffe, which begins no text. A byte order mark at the start
 * and a last odd octet are dropped. A surrogate without its other half stays in the text as it is: only `ucs2` holds
 * such a text, and gives back the same octets, so that halves which a bad splitter parted meet again.
 */
export function decode(octets: Uint8Array, coding: Coding): string {
  switch (coding) {
    case 'gsm7':
      return gsm7Decode(octets);
    case 'ucs2':
      return ucs2Decode(octets);
    case 'gbk':
      return gbkDecode(octets);
    case 'ascii':
    case 'latin1':
    case 'octets':
      return latin1Decode(octets);
    default:
      if (isLegacy(coding)) return legacyDecode(octets, coding);
      return gsm7Decode(octets, 0, octets.length, shiftsOf(coding));
  }
}

function latin1Decode(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}

/**
 * Whether any peer of this coding reads these octets: in `gbk` no four octets of GB 18030 and no other code page's, in
 * `ucs2` the usual byte order.
 */
export function isPlain(octets: Uint8Array, coding: Coding): boolean {
  if (coding === 'gbk') return gbkPlain(octets);
  return coding !== 'ucs2' || octets[0] !== 0xff || octets[1] !== 0xfe;
}

/** Whether every character of the text is in this coding. */
export function holds(text: string, coding: Coding): boolean {
  switch (coding) {
    case 'gsm7':
      return gsm7Length(text) >= 0;
    case 'ucs2':
      return true;
    case 'gbk':
      return gbkLength(text) >= 0;
    default:
      if (isNational(coding)) return gsm7Length(text, shiftsOf(coding)) >= 0;
      if (isLegacy(coding)) return legacyEncode(text, coding) !== undefined;
      return within(text, coding === 'ascii' ? 0x7f : 0xff);
  }
}

function within(text: string, highest: 0x7f | 0xff): boolean {
  // UTF-8 is as long as the text just when all of it is ASCII, and Node counts it many characters at a time.
  if (Buffer.byteLength(text) === text.length) return true;
  if (highest === 0x7f) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > highest) return false;
  return true;
}

function ucs2Decode(octets: Uint8Array): string {
  // Big-endian without a mark is what peers expect, but some send one (seen: feff before each part).
  const little = octets[0] === 0xff && octets[1] === 0xfe;
  const start = little || (octets[0] === 0xfe && octets[1] === 0xff) ? 2 : 0;
  const high = little ? 1 : 0;
  const length = (octets.length - start) >> 1;
  const units = scratch(length);
  for (let i = 0, at = start; i < length; i++, at += 2) units[i] = (octets[at + high]! << 8) | octets[at + 1 - high]!;
  return scratchText(length);
}
