import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Coding, decode, encode } from '../protocols/text/charset.ts';
import { gsm7Encode } from '../protocols/text/gsm7.ts';
import { createReassembly, type Incomplete, type Reassembly } from '../protocols/text/reassemble.ts';
import { countSegments, joinText, type Limits, limitsFor, segment, TextFault } from '../protocols/text/segment.ts';
import type { Concat } from '../protocols/text/udh.ts';
import vectors from './vectors/smpp/gsm0338.json' with { type: 'json' };

/** Real texts where they are at hand; elsewhere the generated ones carry the test alone. */
const shared = process.env.YIMA_SHARED ?? join(import.meta.dirname, '../../shared');
const corpus = ['sms-en.txt', 'sms-zh.txt']
  .map((name) => join(shared, 'corpus', name))
  .filter((path) => existsSync(path))
  .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
  .filter((line) => line !== '');

/** Long texts shrink for minutes once a property fails: report the smallest found by then. */
const bounded = { interruptAfterTimeLimit: 20_000 };

const codings = [
  'gsm7',
  'gsm7-tr',
  'gsm7-hi-locking',
  'gsm7-pt-single',
  'ascii',
  'latin1',
  'ksc5601',
  'sjis',
  'ucs2',
  'gbk',
  'octets',
] as const;

/** Texts that a coding holds, rich in what must not be cut. */
const textsOf = {
  gsm7: texts(fc.constantFrom(...'a1 @£Δ\n', ...'€{}[]~^|\\\f')),
  'gsm7-tr': texts(fc.constantFrom(...'a1ışğİ€ç@', ...'{}[]Ş')),
  'gsm7-hi-locking': texts(fc.constantFrom(...'a1 कखग', ...'€{}[]')),
  'gsm7-pt-single': texts(fc.constantFrom(...'a1 @£', ...'ãõâê€{')),
  ksc5601: texts(fc.constantFrom(...'a1 한국어', '~')),
  sjis: texts(fc.constantFrom(...'a1 日本ｱソ')),
  ascii: texts(fc.integer({ min: 0, max: 0x7f }).map((unit) => String.fromCharCode(unit))),
  latin1: texts(fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit))),
  octets: texts(fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit))),
  gbk: texts(
    fc.oneof(
      fc.constantFrom(...'a1 。，丂狛丄'),
      fc.integer({ min: 0x4e00, max: 0x9fa5 }).map((u) => String.fromCharCode(u)),
    ),
  ),
  ucs2: texts(
    fc.oneof(
      fc.constantFrom('a', '好', '\ud83d', '\ude00'), // halves that happen to meet are a pair like any other
      fc.integer({ min: 0x10000, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
    ),
  ),
};

function texts(unit: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(unit, { maxLength: 900, size: 'max' }).map((list) => list.join(''));
}

const textAndCoding = fc
  .constantFrom(...codings)
  .chain((coding) => fc.record({ coding: fc.constant(coding), text: textsOf[coding] }));

/** All that must hold of a cut, for one text. */
function checkCut(text: string, coding: Coding, limits: Limits): void {
  const octets = encode(text, coding)!;
  const parts = segment(octets, coding, limits);
  expect(countSegments(octets, coding, limits)).toBe(parts.length);
  expect(Buffer.concat(parts).equals(octets)).toBe(true);
  expect(joinText(parts, coding)).toBe(text);
  if (octets.length <= limits.single) {
    expect(parts.length).toBe(1);
    return;
  }
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) {
    expect(part.length).toBeGreaterThan(0);
    expect(part.length).toBeLessThanOrEqual(limits.part);
  }
  // No part but the last has room for one more of the widest codes, so none is cut without need.
  for (const part of parts.slice(0, -1)) expect(part.length).toBeGreaterThan(limits.part - 4);
  // Nothing is cut in two: each part read alone is its piece of the text.
  const pieces = parts.map((part) => decode(part, coding));
  expect(pieces.join('')).toBe(text);
  for (let i = 1; i < pieces.length; i++) {
    expect(/[\ud800-\udbff]$/.test(pieces[i - 1]!) && /^[\udc00-\udfff]/.test(pieces[i]!)).toBe(false);
  }
}

describe('segmentation', () => {
  for (const { name, text, encoding, parts } of vectors.segmentation) {
    it(name, () => {
      const [kind, ...more] = encoding.split('-') as [string, ...string[]];
      const coding = kind === 'binary' ? 'octets' : (kind as Coding);
      const shift = (which: string) => Number(more.find((word) => word.startsWith(which))?.slice(which.length) ?? 0);
      const shifts = { locking: shift('locking'), single: shift('single') };
      const elements = (shifts.locking > 0 ? 3 : 0) + (shifts.single > 0 ? 3 : 0);
      const octets =
        kind === 'binary'
          ? Buffer.from(text, 'hex')
          : kind === 'gsm7'
            ? gsm7Encode(text, shifts)!
            : encode(text, coding)!;
      const limits = limitsFor(coding, more.includes('ref16') ? 7 : 6, elements);
      const perUnit = coding === 'ucs2' ? 2 : 1;
      expect(segment(octets, coding, limits).map((part) => part.length / perUnit)).toEqual(parts);
      expect(countSegments(octets, coding, limits)).toBe(parts.length);
    });
  }

  it('has the limits of the air interface', () => {
    expect(limitsFor('gsm7', 6)).toEqual({ single: 160, part: 153 });
    expect(limitsFor('gsm7', 7)).toEqual({ single: 160, part: 152 });
    expect(limitsFor('ucs2', 6)).toEqual({ single: 140, part: 134 });
    expect(limitsFor('ucs2', 7)).toEqual({ single: 140, part: 132 });
    for (const coding of ['gbk', 'latin1', 'ascii', 'octets'] as const) {
      expect(limitsFor(coding, 6)).toEqual({ single: 140, part: 134 });
      expect(limitsFor(coding, 7)).toEqual({ single: 140, part: 133 });
    }
  });

  it('joins to what it cut, cuts nothing in two and wastes nothing, at any limit', () => {
    fc.assert(
      fc.property(
        textAndCoding,
        fc.constantFrom(6, 7, 'odd'),
        fc.integer({ min: 6, max: 40 }),
        ({ text, coding }, udh, part) => {
          const limits = udh === 'odd' ? { single: part, part } : limitsFor(coding, udh as 6 | 7);
          if (countSegments(encode(text, coding)!, coding, limits) <= 255) checkCut(text, coding, limits);
        },
      ),
      { ...bounded, numRuns: 1500 },
    );
  });

  it('does so with real texts, alone and in rows of five', () => {
    const long = corpus.flatMap((_, i) => (i % 5 === 0 ? [corpus.slice(i, i + 5).join('')] : []));
    for (const text of [...corpus, ...long]) {
      for (const coding of ['gsm7', 'gbk', 'ucs2'] as const) {
        if (encode(text, coding) !== undefined) checkCut(text, coding, limitsFor(coding, 6));
      }
    }
  });

  it('loses no octet of garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600, size: 'max' }), fc.constantFrom(...codings), (octets, coding) => {
        const limits = limitsFor(coding, 7);
        const parts = segment(octets, coding, limits);
        expect(Buffer.concat(parts).equals(octets)).toBe(true);
        if (parts.length > 1) for (const part of parts) expect(part.length).toBeLessThanOrEqual(limits.part);
        expect(parts.length).toBe(countSegments(octets, coding, limits));
      }),
      { ...bounded, numRuns: 1000 },
    );
  });

  it('tells a pair of escapes from an escape pair', () => {
    const limits = { single: 4, part: 4 };
    const cuts = (hex: string) => segment(Buffer.from(hex, 'hex'), 'gsm7', limits).map((part) => part.length);
    expect(cuts('6161611b6561')).toEqual([3, 3]);
    expect(cuts('61611b1b6561')).toEqual([4, 2]);
    expect(cuts('611b1b1b6561')).toEqual([3, 3]);
    expect(cuts('1b1b1b1b1b65')).toEqual([4, 2]);
  });

  it('fills a part with pairs to its last octet', () => {
    const octets = encode('好'.repeat(100), 'gbk')!;
    expect(segment(octets, 'gbk', limitsFor('gbk', 6)).map((part) => part.length)).toEqual([134, 66]);
    expect(segment(octets, 'gbk', limitsFor('gbk', 7)).map((part) => part.length)).toEqual([132, 68]);
  });

  it('keeps a code of four octets whole (GB 18030 passed through)', () => {
    const octets = Buffer.from('616161' + '9439da33' + '6161', 'hex');
    expect(segment(octets, 'gbk', { single: 6, part: 6 }).map((part) => part.length)).toEqual([3, 6]);
  });

  it('gives views, not copies', () => {
    const octets = Buffer.alloc(300, 0x61);
    for (const part of segment(octets, 'octets', limitsFor('octets', 6))) expect(part.buffer).toBe(octets.buffer);
  });

  it('refuses more than 255 parts', () => {
    const limits = limitsFor('gsm7', 6);
    expect(segment(Buffer.alloc(255 * 153, 0x61), 'gsm7', limits).length).toBe(255);
    const tooLong = Buffer.alloc(255 * 153 + 1, 0x61);
    expect(countSegments(tooLong, 'gsm7', limits)).toBe(256);
    expect(() => segment(tooLong, 'gsm7', limits)).toThrow(TextFault);
    expect(() => segment(tooLong, 'gsm7', limits)).toThrow(expect.objectContaining({ code: 'TOO_LONG' }));
  });
});

describe('joining', () => {
  it('makes whole what a bad splitter cut', () => {
    const octets = encode('好😀好', 'ucs2')!;
    expect(joinText([octets.subarray(0, 4), octets.subarray(4)], 'ucs2')).toBe('好😀好');
    expect(joinText([octets.subarray(0, 1), octets.subarray(1)], 'ucs2')).toBe('好😀好');
    const gbk = encode('你好', 'gbk')!;
    expect(joinText([gbk.subarray(0, 3), gbk.subarray(3)], 'gbk')).toBe('你好');
  });

  it('takes parts of different codings', () => {
    const parts = [encode('你', 'ucs2')!, encode('好', 'ucs2')!, encode(' ok', 'ascii')!, encode('吗', 'ucs2')!];
    expect(joinText(parts, ['ucs2', 'ucs2', 'ascii', 'ucs2'])).toBe('你好 ok吗');
    expect(joinText([], 'ucs2')).toBe('');
  });
});

describe('reassembly', () => {
  const concat = (seq: number, total = 3, ref = 7, refBits: 8 | 16 = 8): Concat => ({ ref, refBits, total, seq });
  const fresh = (more: Partial<Parameters<typeof createReassembly<string>>[0]> = {}): Reassembly<string> =>
    createReassembly<string>({ maxOpen: 100, maxParts: 10_000, timeoutMs: 1000, ...more });

  it('joins parts in any order, once each', () => {
    const reassembly = fresh();
    expect(reassembly.add('k', concat(3), 'c', 0)).toEqual({ state: 'waiting' });
    expect(reassembly.add('k', concat(1), 'a', 1)).toEqual({ state: 'waiting' });
    expect(reassembly.add('k', concat(3), 'c', 2)).toEqual({ state: 'duplicate' });
    expect(reassembly.open).toBe(1);
    expect(reassembly.add('k', concat(2), 'b', 3)).toEqual({ state: 'whole', parts: ['a', 'b', 'c'] });
    expect(reassembly.open).toBe(0);
    expect(reassembly.expire(1e9)).toEqual([]);
  });

  it('keeps apart what differs in key, reference, total or width (seen: reference 0x66 with totals 3 and 2)', () => {
    const reassembly = fresh();
    const strands: [string, number, number, 8 | 16][] = [
      ['a', 3, 0x66, 8],
      ['a', 2, 0x66, 8],
      ['a', 3, 0x66, 16],
      ['a', 3, 0, 8],
      ['b', 3, 0x66, 8],
    ];
    for (let seq = 1; seq <= 3; seq++) {
      for (const [key, total, ref, refBits] of strands) {
        if (seq > total) continue;
        const name = `${key}${total}${ref}${refBits}`;
        const added = reassembly.add(key, concat(seq, total, ref, refBits), `${name}.${seq}`, seq);
        const parts = Array.from({ length: total }, (_, i) => `${name}.${i + 1}`);
        expect(added).toEqual(seq === total ? { state: 'whole', parts } : { state: 'waiting' });
      }
    }
    expect(reassembly.open).toBe(0);
  });

  it('takes the impossible for a message of its own', () => {
    const reassembly = fresh();
    for (const [seq, total] of [
      [0, 3],
      [4, 3],
      [1, 0],
      [1, 1],
    ] as const) {
      expect(reassembly.add('k', concat(seq, total), 'x', 0)).toEqual({ state: 'whole', parts: ['x'] });
    }
    expect(reassembly.open).toBe(0);
  });

  it('gives back what stayed incomplete, when its time is over and not before', () => {
    const reassembly = fresh();
    reassembly.add('k', concat(2), 'b', 0);
    reassembly.add('k', concat(1, 2, 9), 'z', 500);
    expect(reassembly.expire(999)).toEqual([]);
    expect(reassembly.expire(1000)).toEqual([{ key: 'k', concat: concat(2), parts: [undefined, 'b', undefined] }]);
    expect(reassembly.open).toBe(1);
    expect(reassembly.add('k', concat(2, 2, 9), 'y', 1499)).toEqual({ state: 'whole', parts: ['z', 'y'] });
  });

  it('begins anew when the older message is out of time, though nobody has called expire', () => {
    const reassembly = fresh();
    reassembly.add('k', concat(1, 2), 'old 1', 0);
    expect(reassembly.add('k', concat(2, 2), 'new 2', 1000)).toEqual({ state: 'waiting' });
    expect(reassembly.open).toBe(2);
    expect(reassembly.add('k', concat(1, 2), 'new 1', 1001)).toEqual({ state: 'whole', parts: ['new 1', 'new 2'] });
    expect(reassembly.expire(1001)).toEqual([{ key: 'k', concat: concat(1, 2), parts: ['old 1', undefined] }]);
    expect(reassembly.open).toBe(0);
  });

  it('begins anew when a part of one number has other content, if it can tell', () => {
    const reassembly = fresh({ same: (a, b) => a === b });
    reassembly.add('k', concat(1, 2), 'first', 0);
    expect(reassembly.add('k', concat(1, 2), 'first', 1)).toEqual({ state: 'duplicate' });
    expect(reassembly.add('k', concat(1, 2), 'second', 2)).toEqual({ state: 'waiting' });
    expect(reassembly.add('k', concat(2, 2), 'rest', 3)).toEqual({ state: 'whole', parts: ['second', 'rest'] });
    expect(reassembly.expire(3)).toEqual([{ key: 'k', concat: concat(1, 2), parts: ['first', undefined] }]);
  });

  it('is bounded in messages and in parts, and finishes what it began', () => {
    const byMessages = fresh({ maxOpen: 2 });
    byMessages.add('a', concat(1), 'a1', 0);
    byMessages.add('b', concat(1), 'b1', 0);
    expect(byMessages.add('c', concat(1), 'c1', 0)).toEqual({ state: 'full' });
    byMessages.add('a', concat(2), 'a2', 0);
    expect(byMessages.add('a', concat(3), 'a3', 0).state).toBe('whole');
    expect(byMessages.add('c', concat(1), 'c1', 0).state).toBe('waiting');

    const byParts = fresh({ maxParts: 5 });
    expect(byParts.add('a', concat(1, 255), 'x', 0)).toEqual({ state: 'full' });
    expect(byParts.add('a', concat(1, 3), 'x', 0).state).toBe('waiting');
    expect(byParts.add('b', concat(1, 3), 'x', 0)).toEqual({ state: 'full' });
    expect(byParts.add('b', concat(1, 2), 'x', 0).state).toBe('waiting');
    expect(byParts.expire(1000).length).toBe(2);
    expect(byParts.add('c', concat(1, 5), 'x', 1000).state).toBe('waiting');
  });

  it('has its room back after each whole message', () => {
    const reassembly = fresh({ maxOpen: 1, maxParts: 2 });
    for (let ref = 0; ref < 100; ref++) {
      expect(reassembly.add('k', concat(1, 2, ref), 'a', ref).state).toBe('waiting');
      expect(reassembly.add('k', concat(2, 2, ref), 'b', ref).state).toBe('whole');
    }
  });

  it('under shuffled, repeated, interleaved and lost parts every message comes whole once, or is given back', () => {
    const message = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      ref: fc.constantFrom(0, 1, 255),
      refBits: fc.constantFrom<8 | 16>(8, 16),
      total: fc.integer({ min: 2, max: 6 }),
      lost: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 4, nil: undefined }),
      repeated: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    });
    const identity = (m: { key: string; ref: number; refBits: number; total: number }) =>
      `${m.key}/${m.ref}/${m.refBits}/${m.total}`;
    const scene = fc.uniqueArray(message, { selector: identity, maxLength: 12 }).chain((messages) => {
      const arrivals = messages.flatMap((m) =>
        Array.from({ length: m.total }, (_, i) => i + 1)
          .filter((seq) => seq !== m.lost)
          .flatMap((seq) => Array.from({ length: seq === m.repeated ? 2 : 1 }, () => ({ m, seq }))),
      );
      const order = fc.shuffledSubarray(arrivals, { minLength: arrivals.length, maxLength: arrivals.length });
      return fc.record({ messages: fc.constant(messages), arrivals: order });
    });
    fc.assert(
      fc.property(scene, ({ messages, arrivals }) => {
        const reassembly = fresh({ same: (a, b) => a === b });
        const whole = new Map<string, string[]>();
        const done = new Set<string>();
        const expected = (m: (typeof messages)[number]) =>
          Array.from({ length: m.total }, (_, i) => `${identity(m)}#${i + 1}`);
        for (const [now, { m, seq }] of arrivals.entries()) {
          // A part that comes again after its message was whole would begin another: that is for the caller's records.
          if (done.has(identity(m))) continue;
          const added = reassembly.add(
            m.key,
            { ref: m.ref, refBits: m.refBits, total: m.total, seq },
            `${identity(m)}#${seq}`,
            now,
          );
          if (added.state === 'whole') {
            whole.set(identity(m), added.parts);
            done.add(identity(m));
          } else expect(added.state).not.toBe('full');
        }
        const rest = new Map<string, Incomplete<string>>(
          reassembly.expire(1e9).map((left) => [identity({ key: left.key, ...left.concat }), left]),
        );
        expect(reassembly.open).toBe(0);
        for (const m of messages) {
          const lost = m.lost !== undefined && m.lost <= m.total;
          if (!lost) expect(whole.get(identity(m))).toEqual(expected(m));
          else {
            const parts = expected(m).map((part, i) => (i + 1 === m.lost ? undefined : part));
            expect(rest.get(identity(m))?.parts).toEqual(parts);
          }
        }
        expect(whole.size + rest.size).toBe(messages.length);
      }),
      { numRuns: 500 },
    );
  });

  it('brings a text through cut, shuffle and join', () => {
    fc.assert(
      fc.property(textAndCoding, fc.integer(), ({ text, coding }, seed) => {
        const octets = encode(text, coding)!;
        const parts = segment(octets, coding, limitsFor(coding, 6));
        const reassembly = createReassembly<Uint8Array>({ maxOpen: 1, maxParts: 255, timeoutMs: 1 });
        const order = parts.map((part, i) => ({ part, seq: i + 1 }));
        order.sort((a, b) => ((a.seq * 7919 + seed) % 101) - ((b.seq * 7919 + seed) % 101));
        let joined: string | undefined;
        for (const { part, seq } of order) {
          const added = reassembly.add('k', concat(seq, parts.length), part, 0);
          if (added.state === 'whole') joined = joinText(added.parts, coding);
        }
        expect(joined).toBe(text);
      }),
      { ...bounded, numRuns: 300 },
    );
  });
});
