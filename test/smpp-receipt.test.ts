import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isReceiptType,
  networkError,
  parseReceipt,
  receiptDate,
  receiptText,
  STATE,
  scanReceipt,
  stateName,
  stateOf,
  stateWord,
  writeReceipt,
} from '../protocols/smpp/receipt.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { type Tlv, textTlv, uintTlv } from '../protocols/wire/tlv.ts';
import receipts from './vectors/smpp/receipts.json' with { type: 'json' };

interface Vector {
  name: string;
  text: string;
  text_hex?: string;
  esm_class: number;
  data_coding?: number;
  tlvs?: { receipted_message_id?: string; message_state?: number; network_error_code_hex?: string };
  expected: {
    id: string | null;
    sub: number | null;
    dlvrd: number | null;
    submit_date: string | null;
    done_date: string | null;
    stat: string | null;
    state: number | null;
    state_name: string | null;
    final: boolean | null;
    err: string | null;
    text: string | null;
    source_of_id: string | null;
    text_id: string | null;
    is_receipt: boolean;
  };
}

function tlvsOf(v: Vector): Tlv[] {
  const list: Tlv[] = [];
  const { receipted_message_id: id, message_state: state, network_error_code_hex: code } = v.tlvs ?? {};
  if (id !== undefined) list.push(textTlv(TAG.receiptedMessageId, id));
  if (state !== undefined) list.push(uintTlv(TAG.messageState, 1, state));
  if (code !== undefined) list.push({ tag: TAG.networkErrorCode, value: Buffer.from(code, 'hex') });
  return list;
}

/** The vectors give dates as the receipt shows them; a date with its zone is a moment, shown again in that zone. */
function shown(at: number | undefined, raw: string | undefined): string | null {
  if (at === undefined) return null;
  const quarters = raw?.length === 16 ? Number(raw.slice(13, 15)) * (raw.endsWith('-') ? -1 : 1) : 0;
  return new Date(at + quarters * 900_000).toISOString().slice(0, 19);
}

describe.each(receipts as unknown as Vector[])('$name', (v) => {
  const want = v.expected;
  const text = v.text_hex === undefined ? v.text : receiptText(Buffer.from(v.text_hex, 'hex'), v.data_coding ?? 0);

  it('reads as listed', () => {
    const said = scanReceipt(text);
    expect(said.id ?? null).toBe(want.text_id);
    expect(said.stat ?? null).toBe(want.stat);
    expect(said.err ?? null).toBe(want.err);
    expect(said.sub ?? null).toBe(want.sub);
    expect(said.dlvrd ?? null).toBe(want.dlvrd);
    expect(said.text ?? null).toBe(want.text);
    expect(shown(receiptDate(said.submitDate), said.submitDate)).toBe(want.submit_date);
    expect(shown(receiptDate(said.doneDate), said.doneDate)).toBe(want.done_date);
  });

  it('is a receipt, or is none', () => {
    const receipt = parseReceipt(v.esm_class, text, tlvsOf(v));
    if (!want.is_receipt) {
      expect(receipt).toBeUndefined();
      return;
    }
    expect(receipt).toMatchObject({
      id: want.id,
      idFrom: want.source_of_id,
      final: want.final,
      state: want.state,
    });
    expect(stateName(receipt!.state!)).toBe(want.state_name);
    expect(receipt?.textId ?? null).toBe(want.text_id);
  });

  it('of the same words, cut anywhere, never throws and never makes up an id', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const said = scanReceipt(text.slice(0, cut));
      if (said.id !== undefined) expect(scanReceipt(text).id?.startsWith(said.id), `cut at ${cut}`).toBe(true);
    }
  });
});

describe('esm_class', () => {
  it('says receipt whatever else it says', () => {
    for (const esmClass of [0x04, 0x44, 0xc4, 0x07, 0x24, 0x20, 0x60]) {
      expect(isReceiptType(esmClass), String(esmClass)).toBe(true);
    }
    for (const esmClass of [0x00, 0x40, 0x80, 0x03, 0x08, 0x10, 0x18]) {
      expect(isReceiptType(esmClass), String(esmClass)).toBe(false);
    }
  });

  it('unset: a text is a receipt only for a peer of whom that is known', () => {
    const text = 'id:1 stat:DELIVRD';
    expect(parseReceipt(0, text, [])).toBeUndefined();
    expect(parseReceipt(0, text, [], { sniff: true })).toMatchObject({ id: '1', state: STATE.delivered });
    expect(parseReceipt(0, 'Hi id:1 is mine', [], { sniff: true })).toBeUndefined();
  });
});

describe('separators', () => {
  it.each([
    'id=77,sub=001,dlvrd=001,submit date=2601010101,done date=2601010102,stat=DELIVRD,err=000,text=x',
    'ID: 77; Sub: 001; Dlvrd: 001; Submit_Date: 2601010101; Done_Date: 2601010102; Stat: delivrd; Err: 000; Text: x',
    'stat:DELIVRD err:000 id:77, dlvrd:001 sub:001 donedate:2601010102 submitdate:2601010101\ttext:x',
  ])('%s', (text) => {
    expect(parseReceipt(4, text, [])).toEqual({
      id: '77',
      idFrom: 'text',
      textId: '77',
      sub: 1,
      dlvrd: 1,
      submitDate: Date.UTC(2026, 0, 1, 1, 1),
      doneDate: Date.UTC(2026, 0, 1, 1, 2),
      stat: 'DELIVRD',
      state: STATE.delivered,
      final: true,
      err: '000',
      text: 'x',
    });
  });

  it('the usual form, read at a glance, says the same as when it is scanned', () => {
    const usual =
      'id:77 sub:001 dlvrd:000 submit date:2601010101 done date:2601010102 stat:undeliv err:0A1 text: id:1\n';
    for (const text of [
      usual,
      usual.replace(' err:0A1', ''),
      usual.replace(/ sub:.* submit/, ' submit'),
      `${usual}\0`,
    ]) {
      // A blank behind the first colon is in no usual form.
      const scanned = scanReceipt(text.replace('id:', 'id: '));
      expect(scanReceipt(text)).toEqual(scanned);
      expect(scanned).toMatchObject({ id: '77', stat: 'UNDELIV', text: 'id:1' });
    }
  });

  it('the first of a key counts', () => {
    expect(parseReceipt(4, 'id:1 stat:EXPIRED id:2 stat:DELIVRD err:7', [])).toMatchObject({
      id: '1',
      state: STATE.expired,
      err: '7',
    });
    expect(scanReceipt('stat:DELIVRD').id).toBeUndefined();
  });

  it('an id keeps its quotes, dots and commas', () => {
    expect(scanReceipt('id:"a.b,c" stat:EXPIRED').id).toBe('"a.b,c"');
  });

  it('a word that only ends or begins like a key is none', () => {
    expect(scanReceipt('paid:5 idle:6 id 7 stats:x id:8')).toMatchObject({ id: '8', stat: undefined });
  });
});

describe('states', () => {
  const state = (text: string, tlvs: Tlv[], options = {}) => parseReceipt(4, text, tlvs, options);

  it('an unknown word is UNKNOWN and not the end', () => {
    expect(state('id:1 stat:WHATEVER', [])).toMatchObject({ state: STATE.unknown, final: false, stat: 'WHATEVER' });
    expect(state('id:1 stat:UNKNOWN', [])).toMatchObject({ state: STATE.unknown, final: true });
    expect(state('id:1 stat:WHATEVER', [], { words: { WHATEVER: STATE.rejected } })).toMatchObject({
      state: STATE.rejected,
      final: true,
    });
  });

  it('the parameter counts, unless the peer is known to mean the text; one that is no state does not count', () => {
    const enroute = [uintTlv(TAG.messageState, 1, STATE.enroute)];
    expect(state('id:1 stat:DELIVRD', enroute)).toMatchObject({ state: STATE.enroute, final: false });
    expect(state('id:1 stat:DELIVRD', enroute, { stateFrom: 'text' })).toMatchObject({ state: STATE.delivered });
    expect(state('id:1 stat:DELIVRD', [uintTlv(TAG.messageState, 1, 200)])).toMatchObject({ state: STATE.delivered });
    expect(state('id:1', [uintTlv(TAG.messageState, 4, STATE.expired)])).toMatchObject({ state: STATE.expired });
  });

  it('have a word of the specification each, that reads back', () => {
    for (const n of Object.values(STATE)) {
      expect(stateOf(stateWord(n))).toBe(n);
      expect(stateOf(stateName(n).toLowerCase())).toBe(n);
    }
    expect(stateWord(STATE.delivered)).toBe('DELIVRD');
    expect(stateWord(99)).toBe('UNKNOWN');
  });
});

describe('network_error_code', () => {
  const of = (hex: string) => networkError([{ tag: TAG.networkErrorCode, value: Buffer.from(hex, 'hex') }]);
  it('is type and code, ASCII digits, or what it is', () => {
    expect(of('030011')).toEqual({ type: 3, code: '17' });
    expect(of('303137')).toEqual({ type: undefined, code: '017' });
    expect(of('0011')).toEqual({ type: undefined, code: '17' });
    expect(of('')).toBeUndefined();
    expect(
      parseReceipt(4, 'id:1 stat:UNDELIV', [{ tag: TAG.networkErrorCode, value: Buffer.from('03000b', 'hex') }]),
    ).toMatchObject({ err: '11' });
  });
});

describe('dates', () => {
  it('are in the zone of the peer', () => {
    expect(receiptDate('2601010801', { offsetMinutes: 480 })).toBe(Date.UTC(2026, 0, 1, 0, 1));
    // A date that brings its zone needs no other.
    expect(receiptDate('260101080100032+', { offsetMinutes: 60 })).toBe(Date.UTC(2026, 0, 1, 0, 1));
  });

  it('of twelve digits are read as the peer is known to mean them', () => {
    expect(receiptDate('201012201641', { twelveDigits: 'long-year' })).toBe(Date.UTC(2010, 11, 20, 16, 41));
    expect(receiptDate('201506201641', { twelveDigits: 'seconds' })).toBeUndefined();
  });

  it('that are none are none', () => {
    for (const text of ['', '0000000000', '2602300101', 'yesterday', '26010101011', '2601019901', 'xx01010101']) {
      expect(receiptDate(text), text).toBeUndefined();
    }
  });
});

describe('a receipt of ours', () => {
  const parts = {
    id: '0123456789',
    sub: 2,
    dlvrd: 1,
    submitDate: Date.UTC(2010, 4, 23, 20, 39, 7),
    doneDate: Date.UTC(2010, 4, 24, 23, 39, 8),
    stat: 'DELIVRD',
    err: '12',
    text: 'This is a sample message',
  };

  it('has the form of the specification, octet for octet', () => {
    const published = (receipts as unknown as Vector[]).find((v) => v.name === 'spec-form')!;
    expect(writeReceipt(parts)).toBe(published.text);
  });

  it('may have seconds, and the zone of the customer', () => {
    expect(writeReceipt(parts, { seconds: true, offsetMinutes: 480 })).toContain(
      ' submit date:100524043907 done date:100525073908 ',
    );
  });

  it('does not cut a character in half', () => {
    expect(writeReceipt({ ...parts, text: `${'x'.repeat(19)}😀` })).toMatch(/text:x{19}$/);
    expect(writeReceipt({ ...parts, text: `${'x'.repeat(18)}😀y` })).toMatch(/text:x{18}😀$/u);
  });

  it('reads back, whatever the message says', () => {
    const ms = fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2099, 0, 1) }).map((t) => t - (t % 1000));
    const word = fc.constantFrom('DELIVRD', 'EXPIRED', 'UNDELIV', 'REJECTD', 'ACCEPTD', 'ENROUTE', 'DELETED');
    const hostile = fc.constantFrom('id:9 stat:DELIVRD', ' stat:UNDELIV', 'text:', 'err=1,', 'submit date:0', 'hi');
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9A-Za-z-]{1,36}$/),
        fc.tuple(fc.nat(999), fc.nat(999), ms, ms, word, fc.stringMatching(/^[0-9A-F]{3}$/)),
        fc.oneof(hostile, fc.string()),
        fc.integer({ min: -48, max: 56 }),
        (id, [sub, dlvrd, submitDate, doneDate, stat, err], text, quarters) => {
          const form = { seconds: true, offsetMinutes: quarters * 15 };
          const written = writeReceipt({ id, sub, dlvrd, submitDate, doneDate, stat, err, text }, form);
          const back = parseReceipt(4, written, [], form);
          expect(back).toMatchObject({ id, sub, dlvrd, submitDate, doneDate, stat, err });
        },
      ),
      { numRuns: 500 },
    );
  });
});
