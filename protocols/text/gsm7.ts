import { EXTENSION, MAIN } from './alphabets.ts';
import { scratch, scratchText } from './units.ts';

/** Announces the extension table: the next septet is looked up there (23.038 section 6.2.1). */
const ESC = 0x1b;
const SPACE = 0x20;
const CR = 0x0d;

/** Encoder entry of a character that no table has. Entries up to 0x7f are a code, others ESC in the high octet. */
const NONE = 0xffff;
/** The highest character of all alphabets is U+221E, so encoder tables end after it and stay in the cache. */
const CHARACTERS = 0x2220;

/**
 * The tables announced for a text by the information elements 25 (`locking`) and 24 (`single`): language identifiers,
 * 0 or absent = default. An identifier without a table means the default one (23.038 section 6.2.1.2.4).
 */
export interface Shifts {
  readonly locking?: number;
  readonly single?: number;
}

interface Alphabet {
  /** Character to entry, see NONE. */
  readonly encode: Uint16Array;
  /** Code to character: 0-127 main table, 128-255 after ESC. Every entry is defined. */
  readonly decode: Uint16Array;
}

const DEFAULT = alphabet(0, 0);
const national = new Map<number, Alphabet>();
let aside = Buffer.allocUnsafeSlow(1024);

function alphabet(locking: number, single: number): Alphabet {
  const encode = new Uint16Array(CHARACTERS).fill(NONE);
  // A code without a character shows as a space, as do a last ESC and ESC ESC (23.038 section 6.2.1.1, note 1).
  const decode = new Uint16Array(256).fill(SPACE);
  for (const [code, hex] of MAIN[locking]!.trim().split(/\s+/).entries()) {
    if (hex === '----') continue;
    const character = Number.parseInt(hex, 16);
    decode[code] = character;
    encode[character] = code;
  }
  // After ESC a code that the extension table lacks shows the character of the main table.
  decode.copyWithin(128, 0, 128);
  for (const entry of EXTENSION[single]!.trim().split(/\s+/)) {
    const [code, character] = entry.split(':').map((hex) => Number.parseInt(hex, 16)) as [number, number];
    decode[128 + code] = character;
    // The smallest entry: the main table's, which costs one septet, else the lowest code after ESC.
    encode[character] = Math.min(encode[character]!, (ESC << 8) | code);
  }
  return { encode, decode };
}

function alphabetOf(shifts: Shifts | undefined): Alphabet {
  if (shifts === undefined) return DEFAULT;
  const locking = MAIN[shifts.locking ?? 0] === undefined ? 0 : (shifts.locking ?? 0);
  const single = EXTENSION[shifts.single ?? 0] === undefined ? 0 : (shifts.single ?? 0);
  if (locking === 0 && single === 0) return DEFAULT;
  const key = locking * 256 + single;
  let found = national.get(key);
  if (found === undefined) {
    found = alphabet(locking, single);
    national.set(key, found);
  }
  return found;
}

/** How many septets the text takes (a character of the extension table counts 2), or -1 if one is not representable. */
export function gsm7Length(text: string, shifts?: Shifts): number {
  const table = alphabetOf(shifts).encode;
  let septets = text.length;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    const entry = character < CHARACTERS ? table[character]! : NONE;
    if (entry > 0x7f) {
      if (entry === NONE) return -1;
      septets++;
    }
  }
  return septets;
}

/** The text unpacked, one septet an octet, as SMPP and CMPP carry it; undefined if a character is not representable. */
export function gsm7Encode(text: string, shifts?: Shifts): Buffer | undefined {
  // Written aside first, because the length is known only then, and counting costs as much as writing.
  if (text.length * 2 > aside.length) aside = Buffer.allocUnsafeSlow(text.length * 4);
  const length = write(text, aside, 0, alphabetOf(shifts).encode);
  if (length < 0) return undefined;
  const out = Buffer.allocUnsafe(length);
  aside.copy(out, 0, 0, length);
  return out;
}

/**
 * Writes the text unpacked into `out` from `offset` on and returns the offset after it, or -1 if a character is not
 * representable (the octets before it are then written). Throws RangeError if the text does not fit.
 */
export function gsm7EncodeInto(text: string, out: Uint8Array, offset: number, shifts?: Shifts): number {
  const end = write(text, out, offset, alphabetOf(shifts).encode);
  if (end > out.length)
    throw new RangeError(`GSM 03.38: ${end - offset} septets do not fit ${out.length - offset} octets`);
  return end;
}

/** The offset after the text, though `out` may have ended before, or -1. */
function write(text: string, out: Uint8Array, offset: number, table: Uint16Array): number {
  let at = offset;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    const entry = character < CHARACTERS ? table[character]! : NONE;
    if (entry > 0x7f) {
      if (entry === NONE) return -1;
      out[at++] = ESC;
    }
    out[at++] = entry;
  }
  return at;
}

/**
 * The text of unpacked septets `start` to `end`. Never fails: a code without a character, a last ESC and ESC ESC show
 * as a space, ESC before a code that the extension table lacks is dropped.
 *
 * Octets above 0x7f are no GSM: `high: 'mask'` (default) drops their top bit, `'latin1'` reads the whole text as
 * Latin-1 as soon as there is one (peers do both under data_coding 0).
 */
export function gsm7Decode(
  octets: Uint8Array,
  start = 0,
  end = octets.length,
  opts?: Shifts & { readonly high?: 'mask' | 'latin1' },
): string {
  const table = alphabetOf(opts).decode;
  const units = scratch(end - start);
  let length = 0;
  let seen = 0;
  for (let i = start; i < end; i++) {
    let octet = octets[i]!;
    seen |= octet;
    octet &= 0x7f;
    if (octet === ESC && i + 1 < end) {
      octet = octets[++i]!;
      seen |= octet;
      octet |= 0x80;
    }
    units[length++] = table[octet]!;
  }
  if (seen > 0x7f && opts?.high === 'latin1') {
    for (let i = start; i < end; i++) units[i - start] = octets[i]!;
    length = end - start;
  }
  return scratchText(length);
}

/**
 * Packs septets as the air interface does (23.038 section 6.1.2.1.1): septet n starts at bit 7n + `fill`, low bits
 * first. `fill` is the number of bits between a UDH and the next septet border, (7 - 8 * UDH octets mod 7) mod 7.
 *
 * When 7 bits are left over, `spare: 'cr'` puts a CR there as 23.038 asks, because readers that count octets would
 * show zero bits as `@`; `'zero'` (default) suits wherever the number of septets is carried.
 */
export function pack(septets: Uint8Array, fill = 0, spare: 'zero' | 'cr' = 'zero'): Buffer {
  const bits = septets.length * 7 + fill;
  const out = Buffer.alloc(Math.ceil(bits / 8));
  let held = fill;
  let buffer = 0;
  let at = 0;
  for (let i = 0; i < septets.length; i++) {
    buffer |= (septets[i]! & 0x7f) << held;
    held += 7;
    if (held >= 8) {
      out[at++] = buffer;
      buffer >>= 8;
      held -= 8;
    }
  }
  if (at < out.length) {
    if (spare === 'cr' && out.length * 8 - bits === 7) buffer |= CR << held;
    out[at] = buffer;
  }
  return out;
}

/** The first `septets` septets of packed octets, or as many as are there; `fill` as in `pack`. */
export function unpack(octets: Uint8Array, septets: number, fill = 0): Buffer {
  const out = Buffer.allocUnsafe(Math.max(0, Math.min(septets, Math.floor((octets.length * 8 - fill) / 7))));
  let bit = fill;
  for (let i = 0; i < out.length; i++, bit += 7) {
    const at = bit >> 3;
    out[i] = ((octets[at]! | ((octets[at + 1] ?? 0) << 8)) >> (bit & 7)) & 0x7f;
  }
  return out;
}
