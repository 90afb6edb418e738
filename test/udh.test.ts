import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatUdh, mendUdh, parseUdh, type Udh } from '../protocols/text/udh.ts';
import vectors from './vectors/smpp/udh.json' with { type: 'json' };

const octetsOf = (text: string) => Buffer.from(text, 'hex');

interface Expected {
  concat?: { ref: number; ref_bits: number; total: number; seq: number };
  ports?: { dest: number; source: number };
  national_single_shift?: number;
  national_locking_shift?: number;
  unknown?: number[];
  ignored?: string;
  error?: string;
}

/** A header said in the words of the vectors. */
function told({ concat, ports, nationalSingle, nationalLocking, elements, fault, remark }: Udh): Expected {
  if (fault !== undefined) return { error: fault };
  const known = [0x00, 0x04, 0x05, 0x08, 0x24, 0x25];
  const unknown = elements.map(({ iei }) => iei).filter((iei) => !known.includes(iei));
  return {
    ...(concat && { concat: { ref: concat.ref, ref_bits: concat.refBits, total: concat.total, seq: concat.seq } }),
    ...(ports && { ports }),
    ...(nationalSingle !== undefined && { national_single_shift: nationalSingle }),
    ...(nationalLocking !== undefined && { national_locking_shift: nationalLocking }),
    ...(unknown.length > 0 && { unknown }),
    ...(remark === 'CONCAT_INVALID' && { ignored: remark }),
  };
}

describe('user data header', () => {
  for (const { name, udh_hex, expected } of vectors as { name: string; udh_hex: string; expected: Expected }[]) {
    it(name, () => {
      const header = octetsOf(udh_hex);
      const want = expected.ignored === undefined ? expected : { ignored: 'CONCAT_INVALID' };
      expect(told(parseUdh(header))).toEqual(want);
      if (expected.error === 'UDH_OVERRUN') return;
      // The text after the header changes nothing, and starts where `length` says.
      const withText = parseUdh(Buffer.concat([header, octetsOf('050003010201')]));
      expect(told(withText)).toEqual(want);
      expect(withText.length).toBe(header.length);
    });
  }

  it('faults when there is none', () => {
    expect(parseUdh(Buffer.alloc(0))).toEqual({ length: 0, elements: [], fault: 'UDH_EMPTY' });
  });

  it('lets the last of several concatenations count', () => {
    const { concat, remark } = parseUdh(octetsOf('0b00030102010804000102' + '01'));
    expect(concat).toEqual({ ref: 1, refBits: 16, total: 2, seq: 1 });
    expect(remark).toBe('CONCAT_DUPLICATE');
    // An impossible one does not undo the good one before it.
    expect(parseUdh(octetsOf('0b00030702020804000101' + '05')).concat).toEqual({
      ref: 7,
      refBits: 8,
      total: 2,
      seq: 2,
    });
  });

  it('ignores an element of the wrong length', () => {
    const wrong = parseUdh(octetsOf('0400020102'));
    expect(wrong).toMatchObject({ length: 5, remark: 'CONCAT_INVALID' });
    expect(wrong.concat).toBeUndefined();
    expect(parseUdh(octetsOf('0524020101' + '0500')).nationalSingle).toBeUndefined();
  });

  it('takes IEI 0 with 4 octets for a 16-bit reference only when told to', () => {
    const cmpp = octetsOf('06000412340302');
    expect(parseUdh(cmpp).concat).toBeUndefined();
    expect(parseUdh(cmpp, { wideIei0: true }).concat).toEqual({ ref: 0x1234, refBits: 16, total: 3, seq: 2 });
    expect(parseUdh(octetsOf('050003120302'), { wideIei0: true }).concat).toMatchObject({ ref: 0x12, refBits: 8 });
  });

  it('mends IEI 0 with 4 octets, and nothing else', () => {
    const mended = (hex: string) => Buffer.from(mendUdh(octetsOf(hex))).toString('hex');
    expect(mended('06000412340302')).toBe('06080412340302');
    expect(mended('0c05040b84000000041234030200')).toBe('0c05040b84000008041234030200');
    for (const right of ['050003120302', '06080412340302', '0605040b840000', '0600041234', '00', '']) {
      expect(mended(right)).toBe(right);
    }
    const untouched = octetsOf('06080412340302');
    expect(mendUdh(untouched)).toBe(untouched);
  });

  it('never fails and never reads beyond the header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), (octets) => {
        const { length, elements, fault, concat } = parseUdh(octets);
        expect(length).toBeLessThanOrEqual(octets.length);
        const held = elements.reduce((sum, { data }) => sum + 2 + data.length, 1);
        if (fault === undefined) expect(held).toBe(length);
        else expect(concat).toBeUndefined();
        if (concat !== undefined) expect(concat.seq >= 1 && concat.seq <= concat.total).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('writes the two concatenations as the vectors have them', () => {
    expect(concatUdh(18, 52, 2, false).toString('hex')).toBe('050003123402');
    expect(concatUdh(4660, 3, 2, true).toString('hex')).toBe('06080412340302');
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(254),
        fc.boolean(),
        (ref, total, n, wide) => {
          const seq = (n % total) + 1;
          const udh = parseUdh(concatUdh(ref, total, seq, wide));
          expect(udh.concat).toEqual({ ref: wide ? ref : ref & 0xff, refBits: wide ? 16 : 8, total, seq });
          expect(udh.length).toBe(wide ? 7 : 6);
        },
      ),
    );
  });
});
