import { decode as iconvDecode } from 'iconv-lite';
import { scratch, scratchText } from './units.ts';

/** Octets of a pair: lead 0x81-0xfe, trail 0x40-0xfe without 0x7f. A trail of 0x30-0x39 starts four octets (GB 18030). */
const LEAD = 0x81;
const TRAIL = 0x40;
const TRAILS = 0xff - TRAIL;

let encoder: Uint16Array | undefined;
let decoder: Uint16Array | undefined;

/**
 * Character to octets: up to 0x7f one octet, more two, 0 (but for U+0000) not in GBK. The pairs are those of GB 18030,
 * so the euro sign is a2e3 and not the single octet 0x80 of Microsoft's code page.
 */
function buildEncoder(): Uint16Array {
  const pairs = decoderTable();
  const table = new Uint16Array(0x10000);
  for (let character = 0; character < 0x80; character++) table[character] = character;
  for (let lead = LEAD; lead <= 0xfe; lead++) {
    for (let trail = TRAIL; trail <= 0xfe; trail++) {
      const character = pairs[(lead - LEAD) * TRAILS + trail - TRAIL]!;
      // U+3000 has two pairs; the first one is the standard's.
      if (character !== 0 && table[character] === 0) table[character] = (lead << 8) | trail;
    }
  }
  return table;
}

/** Pair to character, 0 where there is none. One call for all pairs, with a line feed after each to tell them apart. */
function buildDecoder(): Uint16Array {
  const table = new Uint16Array((0xff - LEAD) * TRAILS);
  const octets = Buffer.alloc(table.length * 3, 0x0a);
  for (let i = 0; i < table.length; i++) {
    octets[i * 3] = LEAD + Math.floor(i / TRAILS);
    octets[i * 3 + 1] = TRAIL + (i % TRAILS);
  }
  for (const [i, character] of iconvDecode(octets, 'gb18030').split('\n').entries()) {
    if (character.length === 1 && character !== '\ufffd') table[i] = character.charCodeAt(0);
  }
  return table;
}

function encoderTable(): Uint16Array {
  encoder ??= buildEncoder();
  return encoder;
}

function decoderTable(): Uint16Array {
  decoder ??= buildDecoder();
  return decoder;
}

/** The number of octets the text takes in GBK, or -1 if it holds a character without a one- or two-octet code. */
export function gbkLength(text: string): number {
  const table = encoderTable();
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character > 0x7f) {
      if (table[character] === 0) return -1;
      length++;
    }
  }
  return length;
}

/** The text in GBK, or undefined if it holds a character without a one- or two-octet code (emoji, rare ideographs). */
export function gbkEncode(text: string): Buffer | undefined {
  const table = encoderTable();
  const out = Buffer.allocUnsafe(text.length * 2);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character < 0x80) {
      out[at++] = character;
    } else {
      const pair = table[character]!;
      if (pair === 0) return undefined;
      out[at++] = pair >> 8;
      out[at++] = pair;
    }
  }
  return at === out.length ? out : out.subarray(0, at);
}

/** Whether all octets are single ones and pairs: no four octets of GB 18030, no 0x80 of Microsoft's, no half of a pair. */
export function gbkPlain(octets: Uint8Array): boolean {
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet < 0x80) continue;
    i++;
    if (i === octets.length || octet === 0x80 || octet === 0xff || octets[i]! < TRAIL) return false;
  }
  return true;
}

/**
 * The text of GBK octets, with what GB 18030 has beyond it (four octets). Never fails: what is no character shows as
 * U+FFFD.
 */
export function gbkDecode(octets: Uint8Array): string {
  const table = decoderTable();
  const units = scratch(octets.length);
  let length = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet < 0x80) {
      units[length++] = octet;
    } else {
      const trail = octets[++i];
      const character =
        octet > 0x80 && octet < 0xff && trail !== undefined && trail >= TRAIL && trail < 0xff
          ? table[(octet - LEAD) * TRAILS + trail - TRAIL]!
          : 0;
      // Four octets, damage, or Microsoft's 0x80 for the euro sign: seldom, so left to the full decoder.
      if (character === 0) return iconvDecode(octets, 'gb18030');
      units[length++] = character;
    }
  }
  return scratchText(length);
}
