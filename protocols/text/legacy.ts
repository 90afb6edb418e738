import { decode as iconvDecode, encode as iconvEncode } from 'iconv-lite';

/**
 * Character sets that peers name and few still send: ISO 8859-5 (Cyrillic), ISO 8859-8 (Hebrew), KS C 5601 (Korean, as
 * EUC-KR) and JIS X 0208, which everybody sends as Shift JIS.
 */
export type LegacyCoding = 'iso8859-5' | 'iso8859-8' | 'ksc5601' | 'sjis';

const NAMES: Readonly<Record<LegacyCoding, string>> = {
  'iso8859-5': 'iso-8859-5',
  'iso8859-8': 'iso-8859-8',
  ksc5601: 'euc-kr',
  sjis: 'shift_jis',
};

export const LEGACY_CODINGS = Object.keys(NAMES) as readonly LegacyCoding[];

export const isLegacy = (coding: string): coding is LegacyCoding => Object.hasOwn(NAMES, coding);

/** The text of these octets; U+FFFD for what is no character. */
export function legacyDecode(octets: Uint8Array, coding: LegacyCoding): string {
  return iconvDecode(Buffer.from(octets.buffer, octets.byteOffset, octets.length), NAMES[coding]);
}

/** The octets of the text, or undefined if a character is not in the set. */
export function legacyEncode(text: string, coding: LegacyCoding): Buffer | undefined {
  const octets = iconvEncode(text, NAMES[coding]);
  return iconvDecode(octets, NAMES[coding]) === text ? octets : undefined;
}

/** Octets of the character that begins with `lead`. */
export function legacyWidth(lead: number, coding: string): 1 | 2 {
  if (coding === 'ksc5601') return lead > 0x80 ? 2 : 1;
  // Shift JIS has half-width katakana of one octet between its two ranges of lead octets.
  if (coding === 'sjis') return (lead >= 0x81 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xfc) ? 2 : 1;
  return 1;
}
