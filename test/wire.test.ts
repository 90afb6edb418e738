import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireFault } from '../protocols/wire/fault.ts';
import {
  counted,
  counted16,
  cstring,
  float64,
  octets,
  raw,
  repeat,
  since,
  tail,
  text8,
  uint,
  uint8,
  uint16,
  uint32,
  until,
} from '../protocols/wire/field.ts';
import { createFramer } from '../protocols/wire/frame.ts';
import { decimalText, fixedAgain, fixedText, latin1, latin1Again, putDecimal } from '../protocols/wire/octets.ts';
import { definePdu } from '../protocols/wire/pdu.ts';
import { pick, plan } from '../protocols/wire/plan.ts';
import { tlvs, tlvUint } from '../protocols/wire/tlv.ts';

const table = definePdu(1, 'probe', {
  one: uint8,
  two: uint16,
  four: uint32,
  result: uint({ 2: 1, 3: 4 }),
  name: cstring(8),
  id: raw(8),
  address: octets({ 2: 4, 3: 6 }),
  extra: since(3, uint8),
  gone: until(3, octets(3)),
  list: repeat(octets({ 2: 4, 3: 6 })),
  content: counted(),
  link: tail(5),
});

describe('plan', () => {
  const value = {
    one: 7,
    two: 0x1234,
    four: 0xfedcba98,
    result: 9,
    name: 'abc',
    id: 'a\0b\xff\0\0\0z',
    address: '1234',
    extra: 0,
    gone: 'xy',
    list: ['12', '3456'],
    content: Buffer.from('hello'),
    link: 'L1',
  };

  it('writes a table in wire order, big-endian, padded (version 2, octets by hand)', () => {
    const p = plan(table, 2);
    const b = Buffer.alloc(200, 0xee);
    const end = p.encode(value, b, 3);
    expect(b.subarray(3, end).toString('hex')).toBe(
      '07' +
        '1234' +
        'fedcba98' +
        '09' +
        '61626300' +
        '610062ff0000007a' +
        '31323334' +
        '787900' +
        '02' +
        '31320000' +
        '33343536' +
        '05' +
        '68656c6c6f' +
        '4c31000000',
    );
    expect(p.size(value)).toBe(end - 3);
    expect(b[end]).toBe(0xee);
  });

  it('reads back what it wrote in every version, absent fields at zero', () => {
    for (const version of [2, 3]) {
      const p = plan(table, version);
      const b = Buffer.alloc(200);
      const end = p.encode(value, b, 0);
      const back = p.decode(b, 0, end);
      expect({ ...back, content: Buffer.from(back.content) }).toEqual({
        ...value,
        gone: version === 2 ? 'xy' : '',
      });
      expect(Object.keys(back)).toEqual(Object.keys(table.fields));
    }
  });

  it('faults, and never reads past the end, when cut at any octet before its tail', () => {
    const p = plan(table, 3);
    const b = Buffer.alloc(300, 0x41);
    const end = p.encode(value, b, 0);
    for (let cut = 0; cut < end - 5; cut++) {
      expect(() => p.decode(b, 0, cut), `cut at ${cut}`).toThrow(WireFault);
    }
    for (let cut = end - 5; cut <= end; cut++) expect(p.decode(b, 0, cut).content.length).toBe(5);
  });

  it('picks fields as they are read whole, with the same faults', () => {
    for (const version of [2, 3]) {
      const p = plan(table, version);
      const some = pick(p, 'four', 'address', 'list', 'link');
      const none = pick(p);
      const b = Buffer.alloc(200);
      const end = p.encode(p.fill({ name: 'n', four: 7, address: 'abc', list: ['x', 'y'], link: 'l' }), b, 0);
      const { four, address, list, link } = p.decode(b, 0, end);
      expect(some(b, 0, end)).toEqual({ four, address, list, link });
      for (let cut = 0; cut <= end; cut++) {
        const faultOf = (read: (b: Buffer, o: number, end: number) => unknown): unknown => {
          try {
            read(b, 0, cut);
            return undefined;
          } catch (e) {
            return (e as WireFault).message;
          }
        };
        expect(faultOf(some)).toBe(faultOf(p.decode));
        expect(faultOf(none)).toBe(faultOf(p.decode));
      }
    }
  });

  it('an answer may end anywhere', () => {
    const answer = definePdu(2, 'answer', { id: cstring(65), state: uint8, code: uint32 }, { lenient: true });
    const p = plan(answer, 1);
    expect(p.decode(Buffer.from('4142', 'hex'), 0, 2)).toEqual({ id: 'AB', state: 0, code: 0 });
    expect(p.decode(Buffer.from('41420005', 'hex'), 0, 4)).toEqual({ id: 'AB', state: 5, code: 0 });
    expect(p.decode(Buffer.from('4142000500', 'hex'), 0, 5)).toEqual({ id: 'AB', state: 5, code: 0 });
    expect(p.decode(Buffer.alloc(0), 0, 0)).toEqual({ id: '', state: 0, code: 0 });
  });

  it('refuses a value that its field cannot hold, and names the field', () => {
    const p = plan(table, 2);
    expect(() => p.encode({ ...value, address: '12345' }, Buffer.alloc(200), 0)).toThrow(
      'probe.address: value-too-long',
    );
    expect(p.tooLong({ ...value, name: '12345678' })).toBe('name');
    expect(p.tooLong({ ...value, name: '1234567' })).toBeUndefined();
  });

  it('refuses field names that could become source text', () => {
    expect(() => definePdu(1, 'x', { 'a;b': uint8 })).toThrow('not a field name');
  });

  it('any value survives', () => {
    const event = definePdu(3, 'event', { n: float64, t: text8, o: counted16, u: uint32, s: uint16 });
    const p = plan(event, 1);
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 255 }),
        fc.uint8Array({ maxLength: 2000 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 0, max: 0xffff }),
        (n, t, o, u, s) => {
          const b = Buffer.alloc(p.size({ n, t, o, u, s }));
          expect(p.encode({ n, t, o, u, s }, b, 0)).toBe(b.length);
          const back = p.decode(b, 0, b.length);
          expect({ ...back, o: Uint8Array.from(back.o) }).toEqual({ n, t, o, u, s });
        },
      ),
    );
  });
});

describe('decimal', () => {
  it('writes every whole number as String does', () => {
    const b = Buffer.alloc(32);
    const numbers = [0, 9, 10, 999_999_999, 1e9, 1e9 + 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 1_795_000_000_000];
    const check = (n: number): void => {
      expect(b.toString('latin1', 3, putDecimal(b, n, 3))).toBe(String(n));
      expect(decimalText(n)).toBe(String(n));
    };
    for (const n of numbers) check(n);
    fc.assert(fc.property(fc.maxSafeNat(), check));
  });
});

describe('tlvs', () => {
  const strict = plan(definePdu(1, 'p', { t: tlvs('p', { onOverrun: 'fault', maxCount: 3, trailingZeros: 3 }) }), 1);
  const clamp = plan(definePdu(1, 'p', { t: tlvs('p', { onOverrun: 'clamp', maxCount: 3, trailingZeros: 3 }) }), 1);
  const read = (p: typeof strict, hex: string) => p.decode(Buffer.from(hex, 'hex'), 0, hex.length / 2).t;

  it('keeps unknown tags and their octets', () => {
    expect(read(strict, '14000002beef').length).toBe(1);
    expect(tlvUint(read(strict, '02040002007b'), 0x0204)).toBe(123);
  });
  it('refuses, clamps or drops what has a length beyond the frame', () => {
    expect(() => read(strict, '001e0041333035')).toThrow('tlv-overrun');
    expect(Buffer.from(read(clamp, '001e0041333035')[0]!.value).toString()).toBe('305');
    const drop = plan(definePdu(1, 'p', { t: tlvs('p', { onOverrun: 'drop', maxCount: 3, trailingZeros: 3 }) }), 1);
    for (const cut of ['001e0041333035', '001e0041', '001e00', '00']) {
      expect(read(drop, `02040002007b${cut}`).map((t) => t.tag)).toEqual([0x0204]);
    }
  });
  it('bounds their number', () => {
    expect(() => read(strict, '0030000000300000003000000030000000')).toThrow('tlv-too-many');
  });
  it('ignores up to three zero octets at the end', () => {
    expect(read(strict, '000000')).toEqual([]);
    expect(read(strict, '02040002007b0000')).toHaveLength(1);
  });
});

describe('framer', () => {
  const rule = { protocol: 'test', min: 8, max: 100 };
  const frame = (n: number, fill: number): Buffer => {
    const b = Buffer.alloc(n, fill);
    b.writeUInt32BE(n, 0);
    return b;
  };

  it('cuts the same frames from any chunking', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 8, max: 100 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 200 }),
        (sizes, cuts) => {
          const stream = Buffer.concat(sizes.map((n, i) => frame(n, i + 1)));
          const got: string[] = [];
          const f = createFramer(rule, (b, s, e) => got.push(b.toString('hex', s, e)) > 0);
          for (let o = 0, i = 0; o < stream.length; i++) {
            const n = cuts[i % cuts.length]!;
            f.push(Buffer.from(stream.subarray(o, o + n)));
            o += n;
          }
          expect(got).toEqual(sizes.map((n, i) => frame(n, i + 1).toString('hex')));
          expect(f.partial).toBe(0);
        },
      ),
    );
  });

  it('refuses an impossible length before waiting for it', () => {
    for (const [hex, reason] of [
      ['00000000', 'length-too-small'],
      ['7fffffff', 'length-too-large'],
      ['47455420', 'length-too-large'],
    ] as const) {
      expect(() => createFramer(rule, () => true).push(Buffer.from(hex, 'hex'))).toThrow(reason);
      const byOctet = createFramer(rule, () => true);
      expect(() => {
        for (const octet of Buffer.from(hex, 'hex')) byOctet.push(Buffer.of(octet));
      }).toThrow(reason);
    }
  });

  it('holds what the receiver does not take yet, in order', () => {
    const got: number[] = [];
    let room = 2;
    const f = createFramer(rule, (b, s) => {
      got.push(b[s + 4]!);
      return --room > 0;
    });
    f.push(Buffer.concat([frame(10, 1), frame(9, 2), frame(20, 3).subarray(0, 15)]));
    f.push(Buffer.concat([frame(20, 3).subarray(15), frame(8, 4)]));
    expect(got).toEqual([1, 2]);
    room = 1;
    f.resume();
    expect(got).toEqual([1, 2, 3]);
    expect(f.held).toBe(8);
    room = 9;
    f.resume();
    expect(got).toEqual([1, 2, 3, 4]);
    expect(f.held).toBe(0);
  });
});

describe('text', () => {
  // Few octets, so that texts are often alike, or one the beginning of another.
  const some = fc
    .uint8Array({ max: 3, maxLength: 6 })
    .map((octets) => Buffer.from(octets.map((o) => [0, 32, 65, 0xe9][o]!)));

  it('reads as Latin-1 at any length', () => {
    const b = Buffer.from(Array.from({ length: 60 }, (_, i) => (i * 37) & 0xff));
    for (let n = 0; n <= 40; n++) expect(latin1(b, 7, 7 + n)).toBe(b.toString('latin1', 7, 7 + n));
  });

  it('is the same whatever the field said before', () => {
    const fixed = { text: '' };
    const whole = { text: '' };
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 20 }), (texts) => {
        for (const text of texts) {
          const b = Buffer.concat([Buffer.from('A'), text, Buffer.from('\0A')]);
          const end = 1 + text.length;
          expect(fixedAgain(fixed, b, 1, end)).toBe(fixedText(b, 1, end));
          expect(latin1Again(whole, b, 1, end)).toBe(b.toString('latin1', 1, end));
        }
      }),
    );
  });
});
