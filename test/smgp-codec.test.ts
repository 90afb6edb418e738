import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, frameSize, HEADER, readHeader } from '../protocols/cmpp/header.ts';
import { authenticatorClient, authenticatorServer, verifyClient, verifyServer } from '../protocols/smgp/auth.ts';
import { FRAME } from '../protocols/smgp/header.ts';
import { addToMsgId, msgIdFromHex, msgIdHex, msgIdOf, msgIdParts } from '../protocols/smgp/msg-id.ts';
import { readReport, reportText, writeReport } from '../protocols/smgp/report.ts';
import { statusOf } from '../protocols/smgp/result.ts';
import { type SmgpCodec, smgpCodec } from '../protocols/smgp/tables.ts';
import { octetTlv, TAG, textOf, textTlv, tlvRow } from '../protocols/smgp/tlv-tags.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { tlvUint } from '../protocols/wire/tlv.ts';

const VERSIONS = [0x13, 0x20, 0x30] as const;

/** Octets of each frame with empty content, no receiver and no TLV, as the specification adds them up. */
const SIZES: Readonly<Record<string, number>> = {
  login: 42,
  loginResp: 33,
  submit: 126,
  submitResp: 26,
  deliver: 89,
  deliverResp: 26,
  activeTest: 12,
  activeTestResp: 12,
  forward: 12 + 10 + 18 + 3 + 10 + 2 + 6 + 6 + 1 + 34 + 63 + 1 + 8,
  forwardResp: 26,
  exit: 12,
  exitResp: 12,
  query: 31,
  queryResp: 71,
};

const plansOf = (codec: SmgpCodec): [string, Plan][] =>
  Object.keys(SIZES).map((key) => [key, codec[key as 'login'] as unknown as Plan]);

describe('sizes', () => {
  it.each(VERSIONS)('of empty frames in version %i', (version) => {
    const codec = smgpCodec(version);
    expect(plansOf(codec).length).toBe(codec.plans.length);
    for (const [key, plan] of plansOf(codec)) {
      const less = key === 'submit' && version === 0x13 ? 6 : 0;
      expect([key, frameSize(plan, plan.fill({}))]).toEqual([key, SIZES[key]! - less]);
    }
  });

  it('Submit takes 126 + 21n + L and its TLVs, and the largest fits the frame', () => {
    const { submit } = smgpCodec(0x30);
    const tlvs = [
      octetTlv(TAG.tpUdhi, 1),
      textTlv(TAG.msgSrc, '1'),
      textTlv(TAG.linkId, ''),
      textTlv(TAG.mServiceId, 'x'),
    ];
    for (const n of [0, 1, 100]) {
      for (const length of [0, 140, 255]) {
        const value = submit.fill({
          destTermId: Array(n).fill('18900001234'),
          msgContent: Buffer.alloc(length, 1),
          tlvs,
        });
        const want = 126 + 21 * n + length + 5 + 12 + 24 + 25;
        expect(frameSize(submit, value)).toBe(want);
        expect(encodeFrame(submit, value, 1, Buffer.alloc(want), 0)).toBe(want);
        expect(want).toBeLessThanOrEqual(FRAME.max);
      }
    }
  });

  it('versions that clients claim fall to a layout that we have, each compiled once', () => {
    for (const [octet, version] of [
      [0x00, 0x13],
      [0x13, 0x13],
      [0x1f, 0x13],
      [0x20, 0x20],
      [0x2f, 0x20],
      [0x30, 0x30],
      [0x31, 0x30],
      [0xff, 0x30],
    ] as const) {
      expect(smgpCodec(octet).version).toBe(version);
      expect(smgpCodec(octet)).toBe(smgpCodec(version));
    }
  });
});

/** Text that survives its field: no NUL, no blank at its end. */
const text = (max: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 1, max: 0xff }), { maxLength: max })
    .map((codes) => String.fromCharCode(...codes).replace(/ +$/, ''));
const raw = (width: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: width, maxLength: width }).map((o) => Buffer.from(o).toString('latin1'));
const number = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });

function values(plan: Plan, version: number): fc.Arbitrary<Values<Fields>> {
  const counts = ['mtTlMsg', 'mtTlusr', 'mtScs', 'mtWt', 'mtFl', 'moScs', 'moWt', 'moFl'];
  // Widths by hand, from the specification, not from the tables under test.
  const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    msgId: raw(10),
    authenticatorClient: raw(16),
    authenticatorServer: raw(16),
    timestamp: number(0xffffffff),
    status: number(0xffffffff),
    clientId: text(8),
    serviceId: text(10),
    queryCode: text(10),
    queryTime: text(8),
    feeType: text(2),
    feeCode: text(6),
    fixedFee: version === 0x13 && plan.name === 'SMGP_SUBMIT' ? fc.constant('') : text(6),
    validTime: text(17),
    atTime: text(17),
    recvTime: text(14),
    srcTermId: text(21),
    chargeTermId: text(21),
    destTermId: plan.name === 'SMGP_SUBMIT' ? fc.array(text(21), { minLength: 1, maxLength: 12 }) : text(21),
    destSmgwNo: text(6),
    srcSmgwNo: text(6),
    smcNo: text(6),
    reserve: raw(8),
    msgContent: fc.uint8Array({ maxLength: 255 }).map((o) => Buffer.from(o)),
    tlvs: fc.array(
      fc.record({ tag: number(0xffff), value: fc.uint8Array({ maxLength: 30 }).map((o) => Buffer.from(o)) }),
      { maxLength: 8 },
    ),
    ...Object.fromEntries(counts.map((key) => [key, number(0xffffffff)])),
  };
  const fields = Object.entries(plan.table.fields).map(([key, kind]): [string, fc.Arbitrary<unknown>] => {
    const made = byName[key] ?? (typeof kind.zero === 'number' ? number(0xff) : undefined);
    if (made === undefined) throw new Error(`${plan.name}.${key}: no arbitrary`);
    return [key, made];
  });
  return fc.record(Object.fromEntries(fields)).map((part) => plan.fill(part));
}

/** Three zeros at the end are read as none: a TLV of tag 0 that is cut, or the NULs of a C string. */
const isPadding = (value: Values<Fields>): boolean =>
  (value.tlvs as { tag: number; value: Buffer }[] | undefined)?.some((t) => t.tag === 0 && t.value.length === 0) ??
  false;

describe('round trips', () => {
  for (const version of VERSIONS) {
    for (const [key, plan] of plansOf(smgpCodec(version))) {
      it(`${key} in version 0x${version.toString(16)}`, () => {
        fc.assert(
          fc.property(values(plan, version), number(0xffffffff), fc.nat(9), (value, sequence, at) => {
            fc.pre(!isPadding(value));
            const size = frameSize(plan, value);
            const b = Buffer.alloc(at + size + 3, 0xee);
            expect(encodeFrame(plan, value, sequence, b, at)).toBe(at + size);
            expect(b.subarray(at + size).toString('hex')).toBe('eeeeee');
            expect(readHeader(b, at)).toEqual({ totalLength: size, commandId: plan.id, sequenceId: sequence });
            const frame = Buffer.from(b.subarray(at, at + size));
            expect(plan.decode(frame, HEADER, frame.length)).toEqual(value);
          }),
          { numRuns: 60 },
        );
      });

      it(`${key} in version 0x${version.toString(16)} from any octets: a value or a WireFault`, () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
            const b = Buffer.from(octets);
            try {
              expect(Object.keys(plan.decode(b, 0, b.length))).toEqual(Object.keys(plan.table.fields));
            } catch (error) {
              expect(error).toBeInstanceOf(WireFault);
            }
          }),
          { numRuns: 60 },
        );
      });
    }
  }

  it('deviation 3: a Submit of either layout, whatever the version of the session', () => {
    const { submit } = smgpCodec(0x30);
    const [old, now] = [smgpCodec(0x13).submit, submit];
    fc.assert(
      fc.property(values(submit as unknown as Plan, 0x30), (given) => {
        fc.pre(!isPadding(given));
        const filled = submit.fill(given as Values<Fields> as never);
        // Numbers have digits: octets that are a count and end the frame in the other layout are none.
        const value = {
          ...filled,
          chargeTermId: filled.chargeTermId.replace(/[^0-9]/g, '1'),
          destTermId: filled.destTermId.map((number) => number.replace(/[^0-9]/g, '8')),
        };
        for (const [writer, reader, fee] of [
          [old, now, ''],
          [now, old, value.fixedFee],
        ] as const) {
          const b = Buffer.alloc(frameSize(writer, value));
          encodeFrame(writer, value, 1, b, 0);
          expect(reader.decode(b, HEADER, b.length)).toEqual({ ...value, fixedFee: fee });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('refuses values that a field cannot hold, and names the field', () => {
    const { submit } = smgpCodec(0x30);
    const b = Buffer.alloc(4096);
    for (const [part, message] of [
      [{ serviceId: '12345678901' }, 'SMGP_SUBMIT.serviceId: value-too-long'],
      [{ fixedFee: '1234567' }, 'SMGP_SUBMIT.fixedFee: value-too-long'],
      [{ destTermId: ['1'.repeat(22)] }, 'SMGP_SUBMIT.destTermId: value-too-long'],
      [{ msgContent: Buffer.alloc(256) }, 'SMGP_SUBMIT.msgContent: value-too-long'],
    ] as const) {
      expect(() => encodeFrame(submit, submit.fill(part), 1, b, 0)).toThrow(message);
    }
  });
});

describe('TLVs', () => {
  it('are as wide as the specification has them', () => {
    const widths = { linkId: 20, msgSrc: 8, mServiceId: 21 } as const;
    for (const [key, width] of Object.entries(widths) as [keyof typeof widths, number][]) {
      expect(textTlv(TAG[key], 'ab').value).toEqual(Buffer.from(`ab${'\0'.repeat(width - 2)}`));
      expect(textTlv(TAG[key], 'x'.repeat(40)).value.length).toBe(width);
    }
    expect(textTlv(TAG.destTermPseudo, 'natural').value.toString()).toBe('natural');
    expect(octetTlv(TAG.pkTotal, 3)).toEqual({ tag: 9, value: Buffer.of(3) });
    expect(Object.values(TAG).map((tag) => tlvRow(tag)?.tag)).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    expect(tlvRow(0x0014)).toBeUndefined();
  });

  it('deviation 4: text with a NUL behind it, without one, and as a view of a larger buffer', () => {
    const whole = new Uint8Array(40).fill(0x41);
    whole[12] = 0;
    const list = [{ tag: TAG.linkId, value: whole.subarray(10, 15) }];
    expect(textOf(list, TAG.linkId)).toBe('AA');
    expect(textOf([{ tag: TAG.linkId, value: Buffer.from('A'.repeat(21)) }], TAG.linkId)).toBe('A'.repeat(21));
    expect(textOf(list, TAG.msgSrc)).toBe('');
    expect(tlvUint([{ tag: TAG.tpUdhi, value: Buffer.alloc(0) }], TAG.tpUdhi)).toBeUndefined();
  });
});

describe('authenticators', () => {
  const md5 = (...parts: (string | Buffer)[]): string =>
    createHash('md5')
      .update(Buffer.concat(parts.map((p) => Buffer.from(p))))
      .digest('binary');

  it('of the client: the example of the specification, 1 March 00:00:00', () => {
    const timestamp = 0x11f0e540;
    const digest = md5('12345678', Buffer.alloc(7), 's3cr3tPw', '0301000000');
    expect(authenticatorClient('12345678', 's3cr3tPw', timestamp)).toBe(digest);
    const login = { clientId: '12345678', authenticatorClient: digest, timestamp };
    expect(verifyClient(login, 's3cr3tPw')).toBe(true);
    expect(verifyClient(login, 's3cr3tPx')).toBe(false);
    expect(verifyClient({ ...login, timestamp: timestamp + 1 }, 's3cr3tPw')).toBe(false);
    expect(verifyClient({ ...login, authenticatorClient: '' }, 's3cr3tPw')).toBe(false);
  });

  it('deviation 6: of the server, in every form seen', () => {
    const client = 'c'.repeat(16);
    for (const [form, octets] of [
      ['uint32', '00000000'],
      ['octet', '00'],
      ['uint64le', '0000000000000000'],
    ] as const) {
      const shown = md5(Buffer.from(octets, 'hex'), client, 'secret');
      expect(verifyServer({ status: 0, authenticatorServer: shown }, client, 'secret')).toBe(form);
      expect(verifyServer({ status: 0, authenticatorServer: shown }, client, 'other')).toBeUndefined();
    }
    expect(verifyServer({ status: 0, authenticatorServer: '' }, client, 'secret')).toBe('empty');
    expect(authenticatorServer(0, client, 'secret')).toBe(md5(Buffer.alloc(4), client, 'secret'));
  });
});

describe('MsgID', () => {
  const parts = fc.record({
    gateway: fc.nat(999_999),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 1, max: 31 }),
    hour: fc.nat(23),
    minute: fc.nat(59),
    sequence: fc.nat(999_999),
  });

  it('is the example of the specification', () => {
    const p = { gateway: 10061, month: 1, day: 16, hour: 17, minute: 0, sequence: 12345 };
    expect(msgIdHex(msgIdOf(p))).toBe('01006101161700012345');
    expect(msgIdParts(msgIdOf(p))).toEqual(p);
  });

  it('any parts come back, and receivers count on without carrying into the time', () => {
    fc.assert(
      fc.property(parts, fc.nat(99), (p, k) => {
        const id = msgIdOf(p);
        expect(id.length).toBe(10);
        expect(msgIdParts(id)).toEqual(p);
        expect(msgIdFromHex(msgIdHex(id))).toBe(id);
        expect(msgIdParts(addToMsgId(id, k))).toEqual({ ...p, sequence: (p.sequence + k) % 1_000_000 });
      }),
    );
    const last = msgIdOf({ gateway: 10061, month: 1, day: 16, hour: 17, minute: 0, sequence: 999_999 });
    expect(msgIdHex(addToMsgId(last, 1))).toBe('01006101161700000000');
  });

  it('deviation 2: what is not BCD is kept and shown as it is', () => {
    for (const hex of ['6495c36ac4ea6b00000b', '0000ff06121423277475', '00270f062909070ab46b']) {
      const id = msgIdFromHex(hex.toUpperCase())!;
      expect(id.length).toBe(10);
      expect(msgIdHex(id)).toBe(hex);
      expect(msgIdParts(id)).toBeUndefined();
    }
    for (const text of ['', '1', '0'.repeat(19), '0'.repeat(21), 'g'.repeat(20)]) {
      expect(msgIdFromHex(text)).toBeUndefined();
    }
  });
});

/** Spellings of a label, words of which may be joined by a blank or `_`. */
const spelled = (label: string): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(' ', '_'), fc.constantFrom('lower', 'Upper', 'ALL')).map(([joint, letters]) => {
    const joined = label.replace(' ', joint);
    if (letters === 'lower') return joined;
    return letters === 'ALL' ? joined.toUpperCase() : joined.replace(/(^|[ _])[a-z]/g, (c) => c.toUpperCase());
  });
const digits = (n: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: n, maxLength: n }).map((d) => d.join(''));

const reports = fc.record({
  id: raw(10),
  sub: digits(3),
  dlvrd: digits(3),
  submitDate: digits(10),
  doneDate: digits(10),
  stat: fc.constantFrom('DELIVRD', 'EXPIRED', 'UNDELIV', 'MK:0012', 'ACCEPTD'),
  err: fc.oneof(digits(3), fc.constantFrom('E', '7')),
  text: fc.uint8Array({ minLength: 0, maxLength: 40 }),
});

const blank = {
  id: '0123456789',
  sub: '001',
  dlvrd: '001',
  submitDate: '2511202032',
  doneDate: '2511202033',
  err: '000',
};

describe('reports', () => {
  it('deviation 1: every spelling of the labels, any separator or none, any octets in id and text', () => {
    const layout = fc.record({
      labels: fc.tuple(
        ...['id', 'sub', 'dlvrd', 'submit date', 'done date', 'stat', 'err'].map(spelled),
        fc.oneof(spelled('text'), spelled('txt')),
      ),
      separator: fc.constantFrom(' ', '', 's', '\0', '  '),
      padded: fc.boolean(),
    });
    fc.assert(
      fc.property(reports, layout, (r, { labels, separator, padded }) => {
        // A short value without padding needs something behind it that ends it.
        fc.pre(padded || r.err.length === 3 || separator === ' ' || separator === '\0');
        const widths = [10, 3, 3, 10, 10, 7, 3];
        const said = [r.id, r.sub, r.dlvrd, r.submitDate, r.doneDate, r.stat, r.err].map(
          (v, i) => `${labels[i]}:${padded ? v.padEnd(widths[i]!, ' ') : v}`,
        );
        const head = Buffer.from(`${[...said, `${labels[7]}:`].join(separator)}`, 'latin1');
        const got = readReport(Buffer.concat([head, r.text]))!;
        expect({ ...got, text: Buffer.from(got.text).toString('hex') }).toEqual({
          ...r,
          text: Buffer.from(r.text).toString('hex'),
        });
      }),
      { numRuns: 500 },
    );
  });

  it('a text that begins as a label ends is no label', () => {
    const b = writeReport({ ...blank, stat: 'EXPIRED', text: Buffer.from('x') });
    const short = Buffer.concat([b.subarray(0, 97), Buffer.from('txt::rest')]);
    expect(Buffer.from(readReport(short)!.text).toString()).toBe(':rest');
    expect(readReport(short)).toMatchObject({ stat: 'EXPIRED', err: '000' });
  });

  it('an id as twenty hex digits of text is the ten octets', () => {
    fc.assert(
      fc.property(reports, fc.constantFrom(' ', ''), fc.boolean(), (r, separator, upper) => {
        const hex = msgIdHex(r.id);
        const tail = `sub:001 dlvrd:001 submit date:2511202032 done date:2511202033 stat:${r.stat} err:000 text:`;
        const got = readReport(Buffer.from(`id:${upper ? hex.toUpperCase() : hex}${separator}${tail}`, 'latin1'))!;
        expect(got).toMatchObject({ id: r.id, sub: '001', stat: r.stat, err: '000', doneDate: '2511202033' });
      }),
    );
  });

  it('ours: 122 octets that read back, offsets as the specification has them', () => {
    fc.assert(
      fc.property(reports, (r) => {
        const b = writeReport({ ...r, text: reportText(r.text) });
        expect(b.length).toBe(122);
        const at = (o: number, n: number): string => b.toString('latin1', o, o + n).trimEnd();
        expect([at(18, 3), at(28, 3), at(44, 10), at(65, 10), at(81, 7), at(93, 3)]).toEqual([
          r.sub,
          r.dlvrd,
          r.submitDate,
          r.doneDate,
          r.stat,
          r.err,
        ]);
        expect(b.toString('latin1', 3, 13)).toBe(r.id);
        expect(readReport(b)).toMatchObject({ id: r.id, stat: r.stat, err: r.err });
        expect(b.toString('latin1', 102, 105)).toBe(String(r.text.length).padStart(3, '0'));
      }),
    );
  });

  it('of the size of the specification with labels that nobody knows is read by its offsets', () => {
    const b = writeReport({
      id: '0123456789',
      sub: '001',
      dlvrd: '001',
      submitDate: '2511202032',
      doneDate: '2511202033',
      stat: 'EXPIRED',
      err: '007',
      text: Buffer.from('000'),
    });
    for (const label of ['stat', 'err:', 'sub:', 'dlvrd', 'text', 'done date']) {
      b.write('?'.repeat(label.length), b.indexOf(label, 13), 'latin1');
    }
    const got = readReport(b)!;
    expect(got).toMatchObject({ sub: '001', dlvrd: '001', doneDate: '2511202033', stat: 'EXPIRED', err: '007' });
    expect(Buffer.from(got.text).toString('latin1', 0, 3)).toBe('000');
    expect(readReport(b.subarray(0, 121))).toMatchObject({ stat: '', err: '', id: '0123456789' });
  });

  it('reads what is there of any octets, and never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom('', 'id:', 'ID:', 'Id:'), fc.uint8Array({ maxLength: 150 }), (head, octets) => {
        const b = Buffer.concat([Buffer.from(head), octets]);
        const report = readReport(b);
        if (head === '' || octets.length < 10) return;
        expect(report?.id.length).toBe(10);
      }),
    );
    expect(readReport(Buffer.from('id:123456789'))).toBeUndefined();
    expect(readReport(Buffer.from('xd:1234567890'))).toBeUndefined();
  });

  it('deviation 10: text of any coding, without the three digits, is octets', () => {
    const gbk = Buffer.concat([
      Buffer.from('id:0123456789 sub:001 stat:DELIVRD err:000 txt:'),
      Buffer.from('d6d0b9fa', 'hex'),
    ]);
    expect(readReport(gbk)?.text).toEqual(Buffer.from('d6d0b9fa', 'hex'));
    const whole = new Uint8Array(200);
    whole.set(gbk, 50);
    expect(Buffer.from(readReport(whole.subarray(50, 50 + gbk.length))!.text).toString('hex')).toBe('d6d0b9fa');
  });
});

describe('deviation 7: statuses', () => {
  it('are named, and those of vendors keep their number', () => {
    expect(statusOf(0)).toMatchObject({ name: 'OK' });
    expect(statusOf(75)).toMatchObject({ name: 'OVER_DAILY_VOLUME' });
    for (const code of [3, 50, 112, 52, 8200, 4_000_000_000]) {
      expect(statusOf(code)).toMatchObject({ code, name: `STATUS_${code}` });
    }
    expect(statusOf(8200).sentence).toContain('vendor');
    for (let code = 0; code < 300; code++) {
      expect(statusOf(code).name).toMatch(/^[A-Z0-9_]+$/);
      expect(statusOf(code).sentence.endsWith('.')).toBe(true);
    }
  });
});
