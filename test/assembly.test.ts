import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Coding, decode, encode } from '../protocols/text/charset.ts';
import { limitsFor, segment } from '../protocols/text/segment.ts';
import { type Concat, concatUdh, parseUdh, withConcat, withoutConcat } from '../protocols/text/udh.ts';
import { createAssembly } from '../src/gateway/assembly.ts';
import { cutWhole, joinParts, plain, type Text } from '../src/gateway/join.ts';
import { type Message, POSSIBLE_DUPLICATE } from '../src/message/message.ts';
import { headerAsIs } from '../src/message/user-data-header.ts';

const ALPHABETS = {
  gsm7: [...'@£aZ09 \n', '€', '{', '\\', 'Ω'],
  ascii: [...'aZ09 ~@'],
  latin1: [...'aéÿ ñ'],
  ucs2: ['a', '中', '😀', '𠀀', 'é', '。'],
  gbk: ['a', '中', '镕', '。', '1'],
  octets: ['\0', '\x80', 'ÿ', 'a'],
  'gsm7-tr': [...'aZ09 ğşı', '€'],
  'iso8859-5': ['a', 'Д', 'ж', '0'],
} as const satisfies Partial<Record<Coding, readonly string[]>>;
const CODINGS = Object.keys(ALPHABETS) as (keyof typeof ALPHABETS)[];

const part = (fields: Partial<Message>): Message =>
  ({ source: '1', destination: '2', carrier: 'a', dataCoding: 0, coding: 'ucs2', ...fields }) as Message;
const concatOf = (m: Pick<Message, 'udh'>): Concat => parseUdh(m.udh).concat!;

/** It was in a text that has been given out. */
const again = (m: Message): boolean => (m.flags & POSSIBLE_DUPLICATE) !== 0;

/** A long text of one coding as its sender cuts it. */
const longText = fc
  .record({ coding: fc.constantFrom(...CODINGS), wide: fc.boolean(), ref: fc.integer({ min: 0, max: 3 }) })
  .chain(({ coding, wide, ref }) =>
    fc
      .array(fc.constantFrom(...ALPHABETS[coding]), { minLength: 161, maxLength: 500, size: 'max' })
      .map((units) => ({ coding, wide, ref, text: units.join('') })),
  );

function partsOf(m: { coding: Coding; wide: boolean; ref: number; text: string }, source: string): Message[] {
  const octets = encode(m.text, m.coding)!;
  const parts = segment(octets, m.coding, limitsFor(m.coding, m.wide ? 7 : 6));
  return parts.map((o, k) =>
    part({ source, coding: m.coding, octets: o, udh: concatUdh(m.ref, parts.length, k + 1, m.wide) }),
  );
}

describe('parts of many texts, shuffled, repeated, interleaved, by every coding', () => {
  it('give each text once, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(longText, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
        (texts, order) => {
          // One sender for all whose references differ in something, else a sender of their own.
          const used = new Set<string>();
          const all = texts.map((m, i) => {
            const count = partsOf(m, 'x').length;
            const key = `${m.wide}/${m.ref}/${count}`;
            const source = used.has(key) ? `own${i}` : 'one';
            used.add(key);
            return { m, parts: partsOf(m, source) };
          });
          // Each part once in any order, and then some again at any place behind.
          let turn = 0;
          const next = (n: number): number => order[turn++ % order.length]! % n;
          const line: Message[] = [];
          for (const { parts } of all) for (const p of parts) line.splice(next(line.length + 1), 0, p);
          for (let k = 0; k < 6; k++) {
            const at = next(line.length);
            line.splice(at + 1 + next(line.length - at), 0, { ...line[at]! });
          }
          const assembly = createAssembly({ texts: 100, parts: 1000 });
          const whole: Text[] = [];
          for (const p of line) {
            const added = assembly.add(p, concatOf(p), 1000, 0);
            if (added.state === 'whole' && !added.parts.every(again)) whole.push(joinParts(added.parts));
          }
          // What still waits came only again.
          const left = assembly.expire(1000).flatMap((x) => x.parts.filter((p) => p !== undefined));
          expect(left.every(again)).toBe(true);
          expect(whole.map((t) => `${t.coding} ${decode(t.octets, t.coding)}`).sort()).toEqual(
            all.map(({ m }) => `${m.coding} ${m.text}`).sort(),
          );
          expect(whole.every((t) => t.udh.length === 0)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('cut anew for any protocol they stay the same text, and every segment fits', () => {
    const header = fc.constantFrom(new Uint8Array(0), Uint8Array.from([6, 5, 4, 0x15, 0x8a, 0, 0]));
    fc.assert(
      fc.property(longText, header, fc.constantFrom(140, 254), (m, udh, room) => {
        const text: Text = { udh, dataCoding: 0, coding: m.coding, octets: encode(m.text, m.coding)! };
        const carried = room === 140 ? plain(text) : text;
        const parts = cutWhole(carried, room, 7);
        for (const p of parts) {
          // Septets are packed on the air: there they are the 140 octets that the others are here.
          const septets = p.coding.startsWith('gsm7');
          const header = headerAsIs(p).length;
          const octets = septets
            ? Math.ceil(((p.octets.length + Math.ceil((header * 8) / 7)) * 7) / 8)
            : header + p.octets.length;
          if (parts.length > 1) expect(octets).toBeLessThanOrEqual(140);
          else expect(header + p.octets.length).toBeLessThanOrEqual(room);
          expect([...withoutConcat(p.udh)]).toEqual([...udh]);
        }
        if (parts.length > 1) {
          expect(parts.map((p) => concatOf(p))).toEqual(
            parts.map((_, k) => ({ ref: 7, refBits: 8, total: parts.length, seq: k + 1 })),
          );
        }
        const again = joinParts(parts);
        expect(decode(again.octets, again.coding)).toBe(m.text);
        expect([...again.udh]).toEqual([...udh]);
      }),
      { numRuns: 150 },
    );
  });
});

it('what is longer than 255 segments becomes several texts, none of it lost, no character cut', () => {
  const long = `${'中😀'.repeat(12_000)}。`;
  const parts = cutWhole(
    { udh: new Uint8Array(0), dataCoding: 8, coding: 'ucs2', octets: encode(long, 'ucs2')! },
    140,
    9,
  );
  const refs = [...new Set(parts.map((p) => concatOf(p).ref))];
  expect(refs.length).toBeGreaterThan(1);
  for (const ref of refs) {
    const own = parts.filter((p) => concatOf(p).ref === ref).map((p) => concatOf(p));
    expect(own.map(({ seq, total }) => [seq, total])).toEqual(own.map((_, k) => [k + 1, own.length]));
  }
  expect(parts.map((p) => decode(p.octets, 'ucs2')).join('')).toBe(long);
});

describe('time', () => {
  const at = (k: number, total: number, text: string): Message =>
    part({ octets: encode(text, 'ucs2')!, udh: concatUdh(1, total, k, false) });

  it('counts from the first part; what came is given back once, and a late part begins anew', () => {
    const assembly = createAssembly({ texts: 10, parts: 100 });
    const add = (m: Message, now: number, within = 300) => assembly.add(m, concatOf(m), within, now).state;
    expect(add(at(2, 3, 'b'), 0)).toBe('waiting');
    expect(add(at(1, 3, 'a'), 299)).toBe('waiting');
    expect(assembly.expire(299)).toEqual([]);
    const [incomplete, ...more] = assembly.expire(300);
    expect(more).toEqual([]);
    expect(incomplete?.parts.map((p) => (p === undefined ? undefined : decode(p.octets, 'ucs2')))).toEqual([
      'a',
      'b',
      undefined,
    ]);
    expect(assembly.expire(10_000)).toEqual([]);
    expect(add(at(3, 3, 'c'), 10_000)).toBe('waiting');
    expect(assembly.open).toBe(1);
  });

  it('each text has its own: one that waits shorter ends first', () => {
    const assembly = createAssembly({ texts: 10, parts: 100 });
    const slow = at(1, 2, 'slow');
    const quick = part({ ...at(1, 2, 'quick'), carrier: 'b' });
    assembly.add(slow, concatOf(slow), 1000, 0);
    assembly.add(quick, concatOf(quick), 100, 50);
    expect(assembly.expire(150, 0)).toEqual([]);
    expect(assembly.expire(150, 1).map((x) => x.parts[0])).toEqual([quick]);
    expect(assembly.expire(1000).map((x) => x.parts[0])).toEqual([slow]);
  });

  it('parts of a text that was given out are known for as long, and no longer; another text is taken', () => {
    const assembly = createAssembly({ texts: 10, parts: 100 });
    const add = (m: Message, now: number): string => {
      const { state } = assembly.add(m, concatOf(m), 100, now);
      return (m.flags & POSSIBLE_DUPLICATE) === 0 ? state : `${state} again`;
    };
    add(at(1, 2, 'a'), 0);
    expect(add(at(2, 2, 'b'), 10)).toBe('whole');
    expect(add(at(1, 2, 'a'), 50)).toBe('waiting again');
    expect(add(at(2, 2, 'b'), 109)).toBe('whole again');
    expect(add(at(1, 2, 'x'), 120)).toBe('waiting');
    expect(add(at(2, 2, 'b'), 120)).toBe('whole');
    assembly.expire(500);
    expect(add(at(2, 2, 'b'), 500)).toBe('waiting');
  });

  it('what memory may hold is bounded: a text that finds no room is said to', () => {
    const assembly = createAssembly({ texts: 2, parts: 5 });
    const add = (m: Message) => assembly.add(m, concatOf(m), 100, 0).state;
    expect(['1', '2', '3'].map((source) => add({ ...at(1, 2, 'a'), source }))).toEqual(['waiting', 'waiting', 'full']);
    expect(add({ ...at(2, 2, 'b'), source: '1' })).toBe('whole');
    expect(add({ ...at(1, 4, 'b'), source: '3' })).toBe('full');
    for (let k = 0; k < 50; k++) {
      expect(add({ ...at(1, 2, 'a'), source: `n${k}` })).toBe('waiting');
      expect(add({ ...at(2, 2, 'b'), source: `n${k}` })).toBe('whole');
    }
  });
});

describe('joining', () => {
  it('a mark at the start of every part is dropped (seen: feff before each)', () => {
    const octets = (text: string) => encode(`\ufeff${text}`, 'ucs2')!;
    const text = joinParts([
      part({ octets: octets('一'), udh: concatUdh(1, 2, 1, false) }),
      part({ octets: octets('二') }),
    ]);
    expect(decode(text.octets, text.coding)).toBe('一二');
  });

  it('a character that a bad splitter cut in two is whole again', () => {
    const octets = encode('中😀', 'ucs2')!;
    const cut = [octets.subarray(0, 4), octets.subarray(4)];
    const text = joinParts(cut.map((o, k) => part({ octets: o, udh: concatUdh(1, 2, k + 1, false) })));
    expect(decode(text.octets, text.coding)).toBe('中😀');
  });

  it('one data_coding read in two ways, by an octet above 0x7f, is the wider one', () => {
    const parts = [
      part({ coding: 'gsm7', octets: Buffer.from('a'), udh: concatUdh(1, 2, 1, false) }),
      part({ coding: 'latin1', octets: Buffer.from([0xe9]) }),
    ];
    expect(joinParts(parts)).toMatchObject({ coding: 'latin1', octets: Buffer.from([0x61, 0xe9]) });
  });

  it('a header is made and undone', () => {
    const ports = Uint8Array.from([6, 5, 4, 0x15, 0x8a, 0, 0]);
    for (const own of [new Uint8Array(0), ports])
      for (const wide of [false, true]) {
        const udh = withConcat(own, 0x1234, 3, 2, wide);
        expect(udh[0]).toBe(udh.length - 1);
        expect(parseUdh(udh)).toMatchObject({ concat: { ref: wide ? 0x1234 : 0x34, total: 3, seq: 2 } });
        expect([...withoutConcat(udh)]).toEqual([...own]);
      }
  });
});
