import fc from 'fast-check';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { type Coding, decode, encode } from '../protocols/text/charset.ts';
import { joinText } from '../protocols/text/segment.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import { cut } from '../src/gateway/cut.ts';
import { cmppCarrier } from '../src/message/cmpp.ts';
import type { Message } from '../src/message/message.ts';
import { smppCarrier } from '../src/message/smpp-carrier.ts';
import { configOf } from './support/node.ts';

const NOTHING = new Uint8Array(0);
const message = (coding: Coding, octets: Uint8Array, udh: Uint8Array = NOTHING): Message =>
  ({ coding, octets, udh }) as Message;

function carrier(protocol: 'cmpp' | 'smpp', more: string) {
  const [config] = configOf({ data: '/tmp/never-opened', carriers: [{ name: 'a', protocol, port: 1, more }] }).carriers;
  return { config: config!, mapping: protocol === 'cmpp' ? cmppCarrier : smppCarrier };
}

const text = fc.oneof(
  fc.string({ maxLength: 400 }),
  fc.string({ unit: fc.constantFrom(...'你好世界€[]{}~^\\|é a1'), maxLength: 400 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
);

describe('cutting for a carrier', () => {
  it.each([
    ['cmpp', 'coding: [gbk, ucs2], longMessage: udh8'],
    ['cmpp', 'coding: [ucs2], longMessage: udh16'],
    ['smpp', 'coding: [gsm7, ucs2], longMessage: udh8'],
    ['smpp', 'coding: [latin1, ucs2], longMessage: sar'],
  ] as const)('%s, %s: what is joined is what was sent, and every part fits', (protocol, more) => {
    const { config, mapping } = carrier(protocol, more);
    fc.assert(
      fc.property(text, fc.constantFrom<Coding>('ucs2', 'gsm7', 'latin1'), (given, coding) => {
        const octets = encode(given, coding);
        if (octets === undefined) return;
        // What the platform's coding makes of the text is what it sent.
        const sent = decode(octets, coding);
        const c = cut(message(coding, octets), config, mapping);
        expect(config.coding as readonly Coding[]).toContain(c.coding);
        const limits = mapping.limits(c.coding, config);
        const most = c.parts.length === 1 ? limits.single : limits.part;
        for (const part of c.parts) expect(part.length).toBeLessThanOrEqual(most);
        expect(
          joinText(
            [...c.parts],
            c.parts.map(() => c.coding),
          ),
        ).toBe(sent);
        // Cut again as it went out the first time: the very same parts.
        const again = cut(message(coding, octets), config, mapping, c.coding);
        expect(again.parts.map((p) => Buffer.from(p).toString('hex'))).toEqual(
          c.parts.map((p) => Buffer.from(p).toString('hex')),
        );
      }),
    );
  });

  it('the sender’s octets are left alone where the carrier prefers their coding; binary always', () => {
    const { config, mapping } = carrier('smpp', 'coding: [ucs2, gsm7]');
    const octets = Buffer.from('4f60597d', 'hex');
    expect(cut(message('ucs2', octets), config, mapping)).toEqual({ coding: 'ucs2', parts: [octets] });
    const binary = Buffer.alloc(300, 0xff);
    const { coding, parts } = cut(message('octets', binary), config, mapping);
    expect(coding).toBe('octets');
    expect(Buffer.concat(parts)).toEqual(binary);
    expect(parts).toHaveLength(3);
  });

  it('whole in message_payload where the carrier wants it', () => {
    const { config, mapping } = carrier('smpp', 'coding: [gsm7, ucs2], longMessage: payload');
    const octets = encode('x'.repeat(500), 'gsm7')!;
    expect(cut(message('gsm7', octets), config, mapping).parts).toEqual([octets]);
  });

  it('a segment of the platform’s own stays one, coded anew only where it fits', () => {
    const { config, mapping } = carrier('cmpp', 'coding: [gbk, ucs2]');
    const udh = concatUdh(1, 2, 1, false);
    const own = message('gsm7', encode('x'.repeat(100), 'gsm7')!, udh);
    expect(cut(own, config, mapping)).toMatchObject({ coding: 'gbk', parts: [Buffer.from('x'.repeat(100))] });
    const full = message('gsm7', encode('x'.repeat(153), 'gsm7')!, udh);
    // Msg_Fmt 0 may have 159 octets: a GSM 7-bit segment of plain text just fits with its header.
    expect(cut(full, config, mapping)).toMatchObject({ coding: 'ascii', parts: [Buffer.from('x'.repeat(153))] });
    const accented = message('gsm7', encode('é'.repeat(153), 'gsm7')!, udh);
    expect(() => cut(accented, config, mapping)).toThrow(/153 octets \(gsm7\) does not fit one segment in gbk, ucs2/);
  });

  it('a text that no allowed coding holds is a fault that says so', () => {
    const { config, mapping } = carrier('smpp', 'coding: [ascii]');
    expect(() => cut(message('ucs2', encode('你好', 'ucs2')!), config, mapping)).toThrow(/cannot be coded in ascii/);
  });

  it('takes another coding for fewer segments, unless the carrier wants the preferred one or the class would be lost', () => {
    const text = 'x'.repeat(160);
    const octets = encode(text, 'ucs2')!;
    const sent = (more: string, dataCoding = 8) => {
      const { config, mapping } = carrier('smpp', `coding: [ucs2, gsm7]${more}`);
      const c = cut({ ...message('ucs2', octets), dataCoding }, config, mapping);
      return [c.coding, c.parts.length];
    };
    expect(sent('')).toEqual(['gsm7', 1]);
    expect(sent(', choose: smallest')).toEqual(['gsm7', 1]);
    expect(sent(', choose: preferred')).toEqual(['ucs2', 3]);
    expect(sent(', longMessage: payload')).toEqual(['ucs2', 1]);
    expect(sent('', 0x18)).toEqual(['ucs2', 3]);
  });

  it('GB 18030 beyond GBK goes out in UCS2, its four octets and emoji included; damage as it came', () => {
    const { config, mapping } = carrier('cmpp', 'coding: [gbk, ucs2]');
    const sent = (octets: Buffer, more = config) => {
      const c = cut({ ...message('gbk', octets), dataCoding: 15 }, more, mapping);
      return { coding: c.coding, text: c.parts.map((part) => decode(part, c.coding)).join('') };
    };
    for (const text of ['驿马😀', '㐀', '好ǽ', `${'好'.repeat(100)}🀄${'好'.repeat(100)}`]) {
      expect(sent(iconv.encode(text, 'gb18030'))).toEqual({ coding: 'ucs2', text });
    }
    expect(sent(iconv.encode('驿马', 'gb18030'))).toEqual({ coding: 'gbk', text: '驿马' });
    // Microsoft's euro sign becomes the one that all read.
    const euro = cut(message('gbk', Buffer.from('80', 'hex')), config, mapping);
    expect(euro).toEqual({ coding: 'gbk', parts: [Buffer.from('a2e3', 'hex')] });
    const damaged = Buffer.from('c4e3ff41', 'hex');
    expect(cut(message('gbk', damaged), config, mapping)).toEqual({ coding: 'gbk', parts: [damaged] });
    // Nothing else on the list: its own octets are the best there is.
    const only = carrier('cmpp', 'coding: [gbk]').config;
    expect(sent(iconv.encode('驿马😀', 'gb18030'), only)).toEqual({ coding: 'gbk', text: '驿马😀' });
    // From a platform's own segment likewise, as long as it fits.
    const udh = concatUdh(1, 2, 1, false);
    const own = cut(message('gbk', iconv.encode('驿马😀', 'gb18030'), udh), config, mapping);
    expect(own).toEqual({ coding: 'ucs2', parts: [encode('驿马😀', 'ucs2')] });
    const full = iconv.encode(`${'a'.repeat(130)}😀`, 'gb18030');
    expect(cut(message('gbk', full, udh), config, mapping)).toEqual({ coding: 'gbk', parts: [full] });
  });

  it('UCS2 in the other byte order is turned', () => {
    const { config, mapping } = carrier('smpp', 'coding: [ucs2]');
    const octets = Buffer.concat([Buffer.from('fffe', 'hex'), Buffer.from('你好', 'utf16le')]);
    expect(cut(message('ucs2', octets), config, mapping)).toEqual({ coding: 'ucs2', parts: [encode('你好', 'ucs2')] });
  });

  it.each([0, 1, 7, 30])('keeps %i characters free before the text and behind it', (n) => {
    for (const [head, tail] of [
      [n, 0],
      [0, n],
      [n, n],
    ] as const) {
      const { config, mapping } = carrier('cmpp', `coding: [ucs2], reserve: { head: ${head}, tail: ${tail} }`);
      for (let length = 1; length < 300; length++) {
        const given = '好'.repeat(length);
        const parts = cut(message('ucs2', encode(given, 'ucs2')!), config, mapping).parts.map((part) =>
          decode(part, 'ucs2'),
        );
        expect(parts.join('')).toBe(given);
        const most = parts.length === 1 ? 70 : 67;
        parts[0] = '首'.repeat(head) + parts[0]!;
        parts[parts.length - 1] += '尾'.repeat(tail);
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(most);
        // Not one segment more than text and additions take.
        const all = head + length + tail;
        expect(parts).toHaveLength(all <= 70 ? 1 : Math.max(2, Math.ceil(all / 67)));
      }
    }
  });

  it('binary with a header of its own is left whole, or refused where it fits no segment', () => {
    const { config, mapping } = carrier('cmpp', 'coding: [gbk, ucs2]');
    const udh = Buffer.from('06050415810000', 'hex');
    const fits = Buffer.alloc(133, 1);
    expect(cut(message('octets', fits, udh), config, mapping)).toEqual({ coding: 'octets', parts: [fits] });
    expect(() => cut(message('octets', Buffer.alloc(134), udh), config, mapping)).toThrow(/134 octets \(octets\)/);
  });

  it('with a header that is no part’s, a message_payload may be as long as it is', () => {
    const { config, mapping } = carrier('smpp', 'coding: [gsm7, ucs2], longMessage: payload');
    const octets = encode('x'.repeat(300), 'gsm7')!;
    const ports = Buffer.from('06050415810000', 'hex');
    expect(cut(message('gsm7', octets, ports), config, mapping)).toEqual({ coding: 'gsm7', parts: [octets] });
    expect(() => cut(message('gsm7', octets, concatUdh(1, 2, 1, false)), config, mapping)).toThrow(/does not fit/);
  });

  it('a platform’s own segment goes in an unlisted coding only where the protocol has a word for it', () => {
    const udh = concatUdh(1, 2, 1, false);
    const mixed = encode(`${'a'.repeat(100)}你好`, 'gbk')!;
    const cmpp = carrier('cmpp', 'coding: [ucs2]');
    expect(cut(message('gbk', mixed, udh), cmpp.config, cmpp.mapping)).toEqual({ coding: 'gbk', parts: [mixed] });
    const smpp = carrier('smpp', 'coding: [gsm7, ucs2]');
    expect(() => cut(message('gbk', mixed, udh), smpp.config, smpp.mapping)).toThrow(/104 octets \(gbk\)/);
    const accented = encode('é'.repeat(100), 'latin1')!;
    expect(cut(message('latin1', accented, udh), carrier('smpp', 'coding: [ucs2]').config, smpp.mapping)).toEqual({
      coding: 'latin1',
      parts: [accented],
    });
    // Where data_coding 0 is Latin-1 there is none for GSM 03.38.
    const other = carrier('smpp', 'coding: [latin1], defaultAlphabet: latin1');
    const greek = encode('Δ'.repeat(100), 'gsm7')!;
    expect(() => cut(message('gsm7', greek, udh), other.config, other.mapping)).toThrow(/100 octets \(gsm7\)/);
  });

  it('a text with a message class goes in a coding that has a form for it, where one holds it', () => {
    const flash = (coding: Coding, text: string, more: string) => {
      const { config, mapping } = carrier('cmpp', more);
      return cut({ ...message(coding, encode(text, coding)!), dataCoding: 0x18 }, config, mapping).coding;
    };
    expect(flash('ucs2', '你好', 'coding: [gbk, ucs2]')).toBe('ucs2');
    expect(flash('gsm7', 'é', 'coding: [gbk, ucs2]')).toBe('ucs2');
    expect(flash('gsm7', 'e', 'coding: [gbk, ascii, ucs2]')).toBe('ascii');
    expect(flash('ucs2', '你好', 'coding: [gbk, ascii]')).toBe('gbk');
    expect(flash('ucs2', '你好', 'coding: [gbk]')).toBe('gbk');
  });
});
