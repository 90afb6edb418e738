import type { Shifts } from './gsm7.ts';

/** National Language Identifiers (3GPP TS 23.038 section 6.2.1.2.4) by the language's two letters. */
const LANGUAGES = {
  tr: 1,
  es: 2,
  pt: 3,
  bn: 4,
  gu: 5,
  hi: 6,
  kn: 7,
  ml: 8,
  or: 9,
  pa: 10,
  ta: 11,
  te: 12,
  ur: 13,
} as const;
type Language = keyof typeof LANGUAGES;

/**
 * GSM 03.38 with the tables of one language: `gsm7-tr` has its locking and its single shift table (Spanish has a single
 * shift table only), `gsm7-tr-single` and `gsm7-tr-locking` one of the two. What the text starts with must say so: an
 * information element of three octets for each table.
 */
export type NationalCoding = `gsm7-${Language}` | `gsm7-${Exclude<Language, 'es'>}-${'single' | 'locking'}`;

interface National {
  readonly shifts: Shifts;
  /** The information elements that announce the tables. */
  readonly elements: Uint8Array;
}

const SINGLE = 0x24;
const LOCKING = 0x25;

const nationals: ReadonlyMap<string, National> = new Map(
  (Object.keys(LANGUAGES) as Language[]).flatMap((language): [NationalCoding, National][] => {
    const id = LANGUAGES[language];
    const single: National = { shifts: { single: id }, elements: Uint8Array.of(SINGLE, 1, id) };
    if (language === 'es') return [['gsm7-es', single]];
    return [
      [
        `gsm7-${language}`,
        { shifts: { single: id, locking: id }, elements: Uint8Array.of(LOCKING, 1, id, SINGLE, 1, id) },
      ],
      [`gsm7-${language}-single`, single],
      [`gsm7-${language}-locking`, { shifts: { locking: id }, elements: Uint8Array.of(LOCKING, 1, id) }],
    ];
  }),
);

export const NATIONAL_CODINGS = [...nationals.keys()] as readonly NationalCoding[];

const NO_ELEMENTS = new Uint8Array(0);

/** The tables of a coding; undefined where they are the default ones, or it is no GSM 03.38. */
export const shiftsOf = (coding: string): Shifts | undefined => nationals.get(coding)?.shifts;

/** The information elements with which every message or part in this coding must begin; none for most codings. */
export const shiftElements = (coding: string): Uint8Array => nationals.get(coding)?.elements ?? NO_ELEMENTS;

/** Asked for every message: the hyphen tells without a look-up. */
export const isNational = (coding: string): coding is NationalCoding =>
  coding.charCodeAt(4) === 0x2d && nationals.has(coding);

/** Whether octets of this coding are septets, in whichever tables. */
export const isSeptets = (coding: string): boolean => coding === 'gsm7' || isNational(coding);

/** The coding that these announced tables make; `gsm7` where none of them exists, undefined for two of different languages. */
export function nationalCoding(
  locking: number | undefined,
  single: number | undefined,
): NationalCoding | 'gsm7' | undefined {
  const main = locking === undefined || locking === 2 || locking > 13 ? 0 : locking;
  const after = single === undefined || single > 13 ? 0 : single;
  if (main === 0 && after === 0) return 'gsm7';
  for (const [coding, { shifts }] of nationals) {
    if ((shifts.locking ?? 0) === main && (shifts.single ?? 0) === after) return coding as NationalCoding;
  }
  return undefined;
}
