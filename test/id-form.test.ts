import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allows, canonicalId, type IdForm, lookups, toDecimal, toHex } from '../src/gateway/id-form.ts';
import { createRecent } from '../src/gateway/recent.ts';

interface Pair {
  readonly submit_sm_resp_id: string;
  readonly receipt_id: string;
  readonly match: boolean;
  readonly rule: string;
  readonly note?: string;
}
const pairs = JSON.parse(readFileSync(new URL('vectors/smpp/message-ids.json', import.meta.url), 'utf8')) as Pair[];

/** The form in which a report's id is found under its answer's; a guess counts, since the number bears it out. */
function found(answered: string, reported: string, form: IdForm): string | undefined {
  for (const look of lookups(reported, form)) if (look.id === canonicalId(answered)) return look.form;
  return undefined;
}

describe('ids of answers and reports', () => {
  it.each(pairs.map((p) => [p.submit_sm_resp_id, p.receipt_id, p.match, p.rule] as const))(
    '%j reported as %j: %s (%s)',
    (answered, reported, match, rule) => {
      if (!match) {
        const same = [...lookups(reported, 'learn')].filter((look) => !look.guess);
        expect(same.map((look) => look.id)).not.toContain(canonicalId(answered));
        return;
      }
      const form = found(answered, reported, 'learn');
      expect(form).toBeDefined();
      if (rule.startsWith('hex-resp')) {
        expect(form).toBe('hexToDecimal');
        expect(found(answered, reported, 'hexToDecimal')).toBe('hexToDecimal');
      }
    },
  );

  it('numbers of any size keep every digit between the bases', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 80n }), (n) => {
        expect(toHex(n.toString())).toBe(n.toString(16));
        expect(toDecimal(n.toString(16).toUpperCase())).toBe(n.toString());
        expect(found(n.toString(16), n.toString().padStart(30, '0'), 'hexToDecimal')).toBe('hexToDecimal');
        expect(found(n.toString(), n.toString(16), 'decimalToHex')).toBe('decimalToHex');
      }),
    );
  });

  it('what is no number is never rewritten but for case; binary ids not at all', () => {
    expect(canonicalId('Ab-00C')).toBe('ab-00c');
    expect(canonicalId('0x1F')).toBe('0x1f');
    expect(canonicalId('000')).toBe('0');
    expect(canonicalId('00AF')).toBe('af');
    const binary = '\x00\xffA\x80 \x01\x02\x03';
    expect(canonicalId(binary)).toBe(binary);
    expect([toHex('12a'), toDecimal('12g')]).toEqual([undefined, undefined]);
  });

  it('forms that are set allow no more than they say', () => {
    expect([allows('exact', 'Ab', 'ab'), allows('exact', 'ab', 'ab')]).toEqual([false, true]);
    expect([allows('caseFolded', 'Ab', 'aB '), allows('caseFolded', '0ab', 'ab')]).toEqual([true, false]);
    expect(allows('zerosTrimmed', '0AB', 'ab')).toBe(true);
  });
});

describe('what came lately', () => {
  it('a full memory of reports takes no new id for a known one', () => {
    const recent = createRecent(1 << 18, 16);
    const id = (i: number): string => (Math.imul(i, 0x9e3779b1) >>> 0).toString(36) + i.toString(36);
    for (let i = 0; i < 600_000; i++) recent.reported('a', id(i));
    let wrong = 0;
    for (let i = 600_000; i < 800_000; i++) if (recent.wasReported('a', id(i))) wrong++;
    expect(wrong).toBe(0);
    expect(recent.wasReported('a', id(599_999))).toBe(true);
    expect(recent.wasReported('b', id(599_999))).toBe(false);
  });
});
