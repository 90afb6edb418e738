import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Coding, decode, encode } from '../protocols/text/charset.ts';
import { placeSignature } from '../protocols/text/signature.ts';
import { cut } from '../src/gateway/cut.ts';
import { cmppCarrier } from '../src/message/cmpp.ts';
import type { Message } from '../src/message/message.ts';
import { configOf } from './support/node.ts';

describe('placing a signature', () => {
  it.each([
    ['【驿马】您好', '【驿马】您好', '您好【驿马】', '【驿马】'],
    ['您好【驿马】', '【驿马】您好', '您好【驿马】', '【驿马】'],
    [' 【驿马】您好', '【驿马】 您好', ' 您好【驿马】', '【驿马】'],
    ['您好【驿马】\n', '【驿马】您好\n', '您好\n【驿马】', '【驿马】'],
    ['【驿马】', '【驿马】', '【驿马】', '【驿马】'],
    // Where both ends have one, the end that is wanted has what it wants.
    ['【驿】您好【马】', '【驿】您好【马】', '【驿】您好【马】', undefined],
  ])('%j', (given, first, last, signature) => {
    expect(placeSignature(given, 'first').text).toBe(first);
    expect(placeSignature(given, 'last').text).toBe(last);
    if (signature !== undefined) expect(placeSignature(given, 'last').signature).toBe(signature);
  });

  it.each([
    '',
    '您好',
    '您【驿马】好',
    '【】您好',
    '您好【】',
    '【驿马您好',
    '您好驿马】',
    '】您好【',
    '【【驿马】您好',
    `【${'长'.repeat(21)}】您好`,
    '【驿\n马】您好',
    '[驿马]您好',
  ])('%j has none', (given) => {
    for (const place of ['first', 'last'] as const) {
      expect(placeSignature(given, place)).toEqual({ text: given, signature: '' });
    }
  });

  it('moves at most: the same characters, and placed twice is placed once', () => {
    const text = fc.array(fc.constantFrom('【', '】', '【驿马】', '您', '好', ' ', '\n', '😀'), { maxLength: 12 });
    fc.assert(
      fc.property(text, fc.constantFrom<'first' | 'last'>('first', 'last'), (list, place) => {
        const given = list.join('');
        const { text, signature } = placeSignature(given, place);
        expect([...text].sort()).toEqual([...given].sort());
        if (signature === '') expect(text).toBe(given);
        else expect(place === 'first' ? text.startsWith(signature) : text.endsWith(signature)).toBe(true);
        expect(placeSignature(text, place)).toEqual({ text, signature });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a carrier with a rule for signatures', () => {
  const carrier = (more: string) =>
    configOf({ data: '/tmp/never-opened', carriers: [{ name: 'a', protocol: 'cmpp', port: 1, more }] }).carriers[0]!;
  const texts = (more: string, text: string, coding: Coding = 'ucs2') => {
    const m = { coding, octets: encode(text, coding)!, udh: new Uint8Array(0), dataCoding: 8 } as unknown as Message;
    const c = cut(m, carrier(more), cmppCarrier);
    return c.parts.map((part) => decode(part, c.coding));
  };

  it('asGiven: as the platform put it', () => {
    expect(texts('coding: [ucs2]', '您好【驿马】')).toEqual(['您好【驿马】']);
  });

  it('first: at the start of the first segment, in any coding', () => {
    const long = '您好'.repeat(40);
    for (const coding of ['ucs2', 'gbk'] as const) {
      for (const list of ['[ucs2]', '[gbk, ucs2]']) {
        const parts = texts(`coding: ${list}, signature: first`, `${long}【驿马】`, coding);
        expect(parts).toHaveLength(2);
        expect(parts[0]!.startsWith('【驿马】您好')).toBe(true);
        expect(parts.join('')).toBe(`【驿马】${long}`);
      }
    }
  });

  it('last: whole in the last segment, wherever the border would have been', () => {
    for (let n = 50; n < 150; n++) {
      const body = '好'.repeat(n);
      for (const text of [`【驿马短信】${body}`, `${body}【驿马短信】`]) {
        const parts = texts('coding: [ucs2], signature: last', text);
        expect(parts.join('')).toBe(`${body}【驿马短信】`);
        expect(parts.at(-1)!.endsWith('【驿马短信】')).toBe(true);
        expect(parts).toHaveLength(n + 6 <= 70 ? 1 : Math.ceil((n + 6) / 67));
      }
    }
  });

  it('leaves alone what a platform cut itself, and text without one', () => {
    expect(texts('coding: [ucs2], signature: first', '您好')).toEqual(['您好']);
    const m = {
      coding: 'ucs2',
      octets: encode('您好【驿马】', 'ucs2')!,
      udh: Buffer.from('050003010202', 'hex'),
    } as unknown as Message;
    const c = cut(m, carrier('coding: [ucs2], signature: first'), cmppCarrier);
    expect(decode(c.parts[0]!, c.coding)).toBe('您好【驿马】');
  });

  it('a message sent in part goes on as it was cut', () => {
    const text = `${'您好'.repeat(50)}【驿马】`;
    const m = {
      coding: 'gbk',
      octets: encode(text, 'gbk')!,
      udh: new Uint8Array(0),
      dataCoding: 15,
    } as unknown as Message;
    const config = carrier('coding: [gbk, ucs2], signature: first');
    const first = cut(m, config, cmppCarrier);
    expect(cut(m, config, cmppCarrier, first.coding)).toEqual(first);
  });
});
