import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { type Coding, decode, encode, holds } from '../protocols/text/charset.ts';
import { choose, mayTakeFewer } from '../protocols/text/choose.ts';
import {
  gsm7Decode,
  gsm7Encode,
  gsm7EncodeInto,
  gsm7Length,
  pack,
  type Shifts,
  unpack,
} from '../protocols/text/gsm7.ts';
import vectors from './vectors/smpp/gsm0338.json' with { type: 'json' };

const hex = (octets: Uint8Array | undefined) =>
  octets === undefined ? undefined : Buffer.from(octets).toString('hex');
const octetsOf = (text: string) => Buffer.from(text, 'hex');

/** Real texts where they are at hand; elsewhere the generated ones carry the test alone. */
const shared = process.env.YIMA_SHARED ?? join(import.meta.dirname, '../../shared');
const corpus = ['sms-en.txt', 'sms-zh.txt']
  .map((name) => join(shared, 'corpus', name))
  .filter((path) => existsSync(path))
  .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
  .filter((line) => line !== '');

const languages = Object.keys(vectors.tables.names).map(Number);
const locking = vectors.tables.locking as Record<string, (number | null)[]>;
const single = vectors.tables.single as Record<string, Record<string, number>>;

/** Characters of the default alphabet, from the vectors and not from our tables. */
const gsmCharacters = [...locking[0]!.filter((c) => c !== null), ...Object.values(single[0]!)].map((c) =>
  String.fromCharCode(c),
);
const gsmText = fc.array(fc.constantFrom(...gsmCharacters), { maxLength: 400 }).map((list) => list.join(''));
/** Any string: control characters, lone surrogates, astral characters, Chinese. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.constantFrom(...gsmCharacters),
    fc.integer({ min: 0x4e00, max: 0x9fa5 }).map((unit) => String.fromCharCode(unit)),
    fc.integer({ min: 0x10000, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
  ),
  maxLength: 300,
});

describe('GSM 03.38 against the published vectors', () => {
  for (const vector of vectors.vectors) {
    const shifts: Shifts = { locking: vector.locking, single: vector.single };
    const fill = 'fill_bits' in vector ? vector.fill_bits : 0;
    it(vector.name, () => {
      const octets = octetsOf(vector.unpacked);
      expect(gsm7Decode(octets, 0, octets.length, shifts)).toBe(vector.text);
      expect(hex(pack(octets, fill))).toBe(vector.packed);
      expect(hex(unpack(octetsOf(vector.packed), vector.septets, fill))).toBe(vector.unpacked);
      const encoded = gsm7Encode(vector.text, shifts);
      // Where a character is in both tables, `decode` vectors may have taken the longer way.
      if ('direction' in vector) expect(gsm7Decode(encoded!, 0, encoded!.length, shifts)).toBe(vector.text);
      else {
        expect(hex(encoded)).toBe(vector.unpacked);
        expect(gsm7Length(vector.text, shifts)).toBe(vector.septets);
      }
    });
  }

  for (const vector of vectors.decode_only) {
    it(`decodes ${vector.name}`, () => {
      const octets = octetsOf(vector.unpacked);
      expect(gsm7Decode(octets, 0, octets.length, { locking: vector.locking, single: vector.single })).toBe(
        vector.text,
      );
    });
  }

  for (const { text, note } of vectors.not_representable) {
    it(`refuses U+${text.codePointAt(0)!.toString(16)}: ${note}`, () => {
      expect(gsm7Encode(text)).toBeUndefined();
      expect(gsm7Length(text)).toBe(-1);
      expect(gsm7EncodeInto(text, Buffer.alloc(8), 0)).toBe(-1);
      expect(holds(text, 'gsm7')).toBe(false);
    });
  }

  it('has every main table, code by code', () => {
    for (const language of languages) {
      const table = locking[language] ?? locking[0]!; // Spanish has no locking shift table
      for (const [code, character] of table.entries()) {
        if (code === 0x1b) continue;
        const expected = character === null ? ' ' : String.fromCharCode(character);
        expect(gsm7Decode(Uint8Array.of(code), 0, 1, { locking: language })).toBe(expected);
        if (character !== null) expect(hex(gsm7Encode(expected, { locking: language }))).toBe(hex(Uint8Array.of(code)));
      }
    }
  });

  it('has every extension table, code by code, with the main table behind it', () => {
    for (const language of languages) {
      const extension = new Map(Object.entries(single[language]!).map(([code, c]) => [Number.parseInt(code, 16), c]));
      for (let code = 0; code < 128; code++) {
        if (code === 0x1b) continue;
        const expected = String.fromCharCode(extension.get(code) ?? locking[0]![code] ?? 0x20);
        expect(gsm7Decode(Uint8Array.of(0x1b, code), 0, 2, { single: language })).toBe(expected);
        if (!extension.has(code) || locking[0]!.includes(extension.get(code)!)) continue;
        const again = gsm7Encode(expected, { single: language })!;
        expect(again.length).toBe(2);
        expect(gsm7Decode(again, 0, 2, { single: language })).toBe(expected);
      }
    }
  });
});

describe('GSM 03.38', () => {
  it('reads as the smpp package does, and writes what it writes', () => {
    const { ASCII } = smpp.encodings; // its name for GSM 03.38
    fc.assert(
      fc.property(gsmText, (text) => {
        const octets = gsm7Encode(text)!;
        expect(hex(octets)).toBe(hex(Buffer.from(ASCII.encode(text))));
        expect(gsm7Decode(octets)).toBe(ASCII.decode(Buffer.from(octets)));
      }),
      { numRuns: 500 },
    );
  });

  it('gives back any text of any pair of tables, packed or not, at any fill', () => {
    const characters = (shifts: Shifts) => [
      ...(locking[shifts.locking!] ?? locking[0]!).filter((c) => c !== null),
      ...Object.values(single[shifts.single!]!),
    ];
    const texts = fc
      .record({ locking: fc.constantFrom(...languages), single: fc.constantFrom(...languages) })
      .chain((shifts) =>
        fc.record({
          shifts: fc.constant(shifts),
          text: fc
            .array(fc.constantFrom(...characters(shifts)), { maxLength: 200 })
            .map((list) => String.fromCharCode(...list)),
          fill: fc.integer({ min: 0, max: 6 }),
        }),
      );
    fc.assert(
      fc.property(texts, ({ shifts, text, fill }) => {
        const octets = gsm7Encode(text, shifts)!;
        expect(octets.length).toBe(gsm7Length(text, shifts));
        expect(gsm7Decode(octets, 0, octets.length, shifts)).toBe(text);
        const packed = pack(octets, fill);
        expect(packed.length).toBe(Math.ceil((octets.length * 7 + fill) / 8));
        expect(hex(unpack(packed, octets.length, fill))).toBe(hex(octets));
      }),
      { numRuns: 500 },
    );
  });

  it('never fails on octets, and reads only those it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(20), (octets, before, after) => {
        const framed = Buffer.concat([Buffer.alloc(before, 0x41), octets, Buffer.alloc(after, 0x42)]);
        const masked = octets.map((octet) => octet & 0x7f);
        const text = gsm7Decode(framed, before, before + octets.length);
        expect(text).toBe(gsm7Decode(masked));
        expect(text.length).toBeLessThanOrEqual(octets.length);
        const high = octets.some((octet) => octet > 0x7f);
        expect(gsm7Decode(octets, 0, octets.length, { high: 'latin1' })).toBe(
          high ? Buffer.from(octets).toString('latin1') : text,
        );
      }),
    );
  });

  it('fills 7 spare bits with CR on request only (23.038 section 6.1.2.3.1)', () => {
    const seven = gsm7Encode('JoeyBlu')!;
    expect(hex(pack(seven))).toBe('ca77392f64d701');
    expect(hex(pack(seven, 0, 'cr'))).toBe('ca77392f64d71b');
    expect(hex(pack(gsm7Encode('123456')!, 0, 'cr'))).toBe('31d98c56b301'); // 6 bits spare: no room
  });

  it('unpacks no more septets than there are', () => {
    expect(unpack(octetsOf('31d98c'), 100).length).toBe(3);
    expect(unpack(Buffer.alloc(0), 5).length).toBe(0);
  });

  it('writes into a buffer at an offset, and says so when there is no room', () => {
    const out = Buffer.alloc(8, 0xee);
    expect(gsm7EncodeInto('a€', out, 2)).toBe(5);
    expect(hex(out)).toBe('eeee611b65eeeeee');
    expect(() => gsm7EncodeInto('abc', Buffer.alloc(2), 0)).toThrow(RangeError);
  });

  it('takes a language without a table for the default one', () => {
    expect(hex(gsm7Encode('@è', { locking: 99, single: 200 }))).toBe('0004');
    expect(gsm7Decode(octetsOf('04'), 0, 1, { locking: 2 })).toBe('è');
  });
});

describe('GBK', () => {
  it('is iconv-lite for every character of the plane', () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const character = String.fromCharCode(unit);
      const ours = encode(character, 'gbk');
      const surrogate = unit >= 0xd800 && unit <= 0xdfff;
      const theirs = surrogate ? undefined : iconv.encode(character, 'gb18030');
      const expected = theirs === undefined || theirs.length > 2 ? undefined : theirs;
      if (hex(ours) !== hex(expected))
        expect([unit.toString(16), hex(ours)]).toEqual([unit.toString(16), hex(expected)]);
      if (holds(character, 'gbk') !== (expected !== undefined)) expect.fail(`holds U+${unit.toString(16)}`);
    }
    expect(hex(encode('你好€，Yima', 'gbk'))).toBe('c4e3bac3a2e3a3ac59696d61');
    expect(encode('好😀', 'gbk')).toBeUndefined();
  });

  it('is TextDecoder for every pair, but for those that Unicode moved out of the private use area', () => {
    const gbk = new TextDecoder('gbk');
    const gb18030 = new TextDecoder('gb18030');
    const isPrivate = (text: string) => text >= '\ue000' && text <= '\uf8ff';
    let same = 0;
    for (let lead = 0x81; lead <= 0xfe; lead++) {
      for (let trail = 0x40; trail <= 0xfe; trail++) {
        if (trail === 0x7f) continue;
        const pair = Buffer.from([lead, trail]);
        const ours = decode(pair, 'gbk');
        const theirs = [gbk.decode(pair), gb18030.decode(pair)];
        if (theirs.includes(ours)) same++;
        else expect(isPrivate(ours) || theirs.some(isPrivate), `${hex(pair)} ${ours} ${theirs}`).toBe(true);
      }
    }
    expect(same).toBeGreaterThan(23_900);
  });

  it('reads octets as iconv-lite reads GB 18030, four-octet codes and damage included', () => {
    const code = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 2 }),
      fc
        .tuple(fc.integer({ min: 0x81, max: 0xfe }), fc.integer({ min: 0x40, max: 0xfe }))
        .map((pair) => Uint8Array.from(pair)),
      fc.integer({ min: 0x10000, max: 0x1ffff }).map((point) => iconv.encode(String.fromCodePoint(point), 'gb18030')),
    );
    fc.assert(
      fc.property(fc.array(code, { maxLength: 60 }), (codes) => {
        const octets = Buffer.concat(codes);
        expect(decode(octets, 'gbk')).toBe(iconv.decode(octets, 'gb18030'));
      }),
      { numRuns: 1000 },
    );
    expect(decode(iconv.encode('驿马😀', 'gb18030'), 'gbk')).toBe('驿马😀');
    expect(decode(octetsOf('8041'), 'gbk')).toBe('€A');
  });
});

describe('UCS2, Latin-1, ASCII, octets', () => {
  it('UCS2 gives back any string, and is UTF-16BE', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const octets = encode(text, 'ucs2')!;
        expect(holds(text, 'ucs2')).toBe(true);
        expect(hex(octets)).toBe(hex(iconv.encode(text, 'utf-16be')));
        if (text.startsWith('\ufffe')) return; // no character: the mark of the other byte order
        expect(decode(octets, 'ucs2')).toBe(text.startsWith('\ufeff') ? text.slice(1) : text);
      }),
    );
  });

  it('UCS2 drops a mark at the start and a last odd octet', () => {
    expect(decode(octetsOf('feff4f60597d'), 'ucs2')).toBe('你好');
    expect(decode(octetsOf('4f60597d00'), 'ucs2')).toBe('你好');
    expect(decode(octetsOf('fe'), 'ucs2')).toBe('');
    expect(decode(octetsOf('4f60feff'), 'ucs2')).toBe('你\ufeff');
  });

  it('UCS2 behind the mark of the other byte order is read in that order', () => {
    expect(decode(Buffer.concat([octetsOf('fffe'), Buffer.from('你好😀', 'utf16le')]), 'ucs2')).toBe('你好😀');
    expect(decode(octetsOf('fffe'), 'ucs2')).toBe('');
    expect(decode(octetsOf('fffe604f7d'), 'ucs2')).toBe('你');
  });

  it('UCS2 keeps halves of a surrogate pair as they are, so that they meet again', () => {
    for (const half of ['d83d', 'de00', 'de00d83d', 'd83d0041', '0041de00']) {
      const text = decode(octetsOf(half), 'ucs2');
      expect(text.length).toBe(half.length / 4);
      expect(hex(encode(text, 'ucs2'))).toBe(half);
      for (const coding of ['gsm7', 'latin1', 'gbk'] as const) expect(encode(text, coding)).toBeUndefined();
    }
    expect(decode(octetsOf('d83d'), 'ucs2') + decode(octetsOf('de00'), 'ucs2')).toBe('😀');
  });

  it('ASCII ends at 0x7f and Latin-1 at 0xff; reading takes what is there', () => {
    expect(hex(encode('A~\u007f', 'ascii'))).toBe('417e7f');
    expect(encode('é', 'ascii')).toBeUndefined();
    expect(hex(encode('é\u00ff', 'latin1'))).toBe('e9ff');
    expect(encode('Ā', 'latin1')).toBeUndefined();
    expect(decode(octetsOf('41e9'), 'ascii')).toBe('Aé');
    expect(hex(encode(decode(octetsOf('00ff80'), 'octets'), 'octets'))).toBe('00ff80');
    expect(decode(octetsOf('0041e9').subarray(1), 'latin1')).toBe('Aé');
  });

  it('in every coding, what is held is given back and what is not is refused', () => {
    const codings: Coding[] = ['gsm7', 'ascii', 'latin1', 'ucs2', 'gbk', 'octets'];
    fc.assert(
      fc.property(fc.oneof(anyText, gsmText), fc.constantFrom(...codings), (text, coding) => {
        const octets = encode(text, coding);
        expect(octets !== undefined).toBe(holds(text, coding));
        if (octets === undefined) {
          // It is one character that is refused, not the text.
          expect([...Array(text.length).keys()].some((i) => !holds(text[i]!, coding))).toBe(true);
        } else if (!/^[\ufeff\ufffe]/.test(text)) expect(decode(octets, coding)).toBe(text);
      }),
      { numRuns: 1000 },
    );
    for (const text of corpus) {
      for (const coding of codings) {
        const octets = encode(text, coding);
        if (octets !== undefined && decode(octets, coding) !== text) expect.fail(`${coding}: ${text}`);
      }
    }
  });
});

describe('the coding for a text', () => {
  it('takes the fewest segments, and of equals the first', () => {
    expect(choose('hello', ['gsm7', 'ucs2'])).toMatchObject({ coding: 'gsm7', units: 5, segments: 1 });
    expect(choose('你好', ['gsm7', 'ucs2'])).toMatchObject({ coding: 'ucs2', units: 2, segments: 1 });
    expect(choose('你好', ['gbk', 'ucs2'])).toMatchObject({ coding: 'gbk', units: 4 });
    expect(choose('你好😀', ['gbk', 'ucs2'])).toMatchObject({ coding: 'ucs2', units: 4 });
    // 71 brackets are 142 septets, which fit, and 71 units, which do not; 81 are 162 septets and 81 octets.
    expect(choose('['.repeat(71), ['ucs2', 'gsm7'])).toMatchObject({ coding: 'gsm7', units: 142, segments: 1 });
    expect(choose('['.repeat(81), ['gsm7', 'latin1'])).toMatchObject({ coding: 'latin1', segments: 1 });
    // 100 letters and 20 ideographs: 140 octets of GBK, 2 parts of UCS2.
    expect(choose(`${'a'.repeat(100)}${'好'.repeat(20)}`, ['ucs2', 'gbk'])).toMatchObject({
      coding: 'gbk',
      segments: 1,
    });
    expect(choose('a'.repeat(200), ['latin1', 'ascii', 'ucs2'])).toMatchObject({ coding: 'latin1', segments: 2 });
    expect(choose('é', ['ascii'])).toBeUndefined();
    expect(choose('', ['gsm7'])).toMatchObject({ units: 0, segments: 1 });
  });

  it('goes by the limits of the carrier', () => {
    const limits = () => ({ single: 159, part: 134 });
    expect(choose('a'.repeat(160), ['ascii'], limits)).toMatchObject({ segments: 2 });
    expect(choose('a'.repeat(159), ['ascii'], limits)).toMatchObject({ segments: 1 });
  });

  it('or the first that holds the text, unless no concatenation can count its parts', () => {
    const preferred = (text: string, allowed: Coding[]) => choose(text, allowed, undefined, 'preferred');
    expect(preferred('a'.repeat(160), ['ucs2', 'gsm7'])).toMatchObject({ coding: 'ucs2', segments: 3 });
    expect(preferred('你好', ['gsm7', 'gbk', 'ucs2'])).toMatchObject({ coding: 'gbk' });
    expect(preferred('a'.repeat(20_000), ['ucs2', 'gsm7'])).toMatchObject({ coding: 'gsm7', segments: 131 });
    expect(preferred('é', ['ascii'])).toBeUndefined();
  });

  it('looks at no coding that cannot take fewer segments, and misses none that can', () => {
    const all: Coding[] = ['gsm7', 'ascii', 'latin1', 'gbk', 'ucs2'];
    const parts = (text: string, coding: Coding) => choose(text, [coding])?.segments ?? Number.POSITIVE_INFINITY;
    const mixed = fc
      .array(fc.constantFrom(...'aaaa[€é好😀', 'aaaaaaaaaaaaaaaaaaaa', '[[[[[[[[[['), { maxLength: 300, size: 'max' })
      .map((list) => list.join(''));
    fc.assert(
      fc.property(mixed, fc.shuffledSubarray(all, { minLength: 1 }), (text, allowed) => {
        const fewest = Math.min(...allowed.map((coding) => parts(text, coding)));
        const first = allowed.find((coding) => parts(text, coding) === fewest);
        const choice = choose(text, allowed);
        if (fewest === Number.POSITIVE_INFINITY) expect(choice).toBeUndefined();
        else expect([choice!.coding, choice!.segments]).toEqual([first, fewest]);
        for (const a of all) {
          for (const b of all)
            if (!mayTakeFewer(a, b) && parts(text, b) > parts(text, a))
              expect(parts(text, b)).toBe(Number.POSITIVE_INFINITY);
        }
      }),
      { numRuns: 500, interruptAfterTimeLimit: 20_000 },
    );
  });
});
