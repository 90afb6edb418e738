import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestampOf, timestampParts, timestampText } from '../protocols/cmpp/auth.ts';
import { encodeFrame, FRAME, frameSize, HEADER, readHeader } from '../protocols/cmpp/header.ts';
import {
  addToMsgId,
  createMsgIds,
  msgIdDecimal,
  msgIdFromDecimal,
  msgIdOf,
  msgIdParts,
} from '../protocols/cmpp/msg-id.ts';
import { readReport, statClass, statOf, statState, writeReport } from '../protocols/cmpp/report.ts';
import { connectStatus, deliverResult, submitResult } from '../protocols/cmpp/result.ts';
import { type CmppCodec, cmppCodec } from '../protocols/cmpp/tables.ts';
import { parseReportTime, reportTime } from '../protocols/cmpp/time.ts';
import { codingOf, contentOf, msgFmtOf } from '../protocols/text/msg-fmt.ts';
import { absoluteTime, beijingTime, parseTime } from '../protocols/wire/beijing.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';

const VERSIONS = [0x20, 0x21, 0x30] as const;

/** Octets of each PDU with empty content and no receiver, 2.x and 3.0, as the specification adds them up. */
const SIZES: Readonly<Record<string, readonly [number, number]>> = {
  connect: [39, 39],
  connectResp: [30, 33],
  terminate: [12, 12],
  terminateResp: [12, 12],
  submit: [138, 163],
  submitResp: [21, 24],
  deliver: [85, 109],
  deliverResp: [21, 24],
  query: [39, 39],
  queryResp: [63, 63],
  cancel: [20, 20],
  cancelResp: [13, 16],
  activeTest: [12, 12],
  activeTestResp: [13, 13],
  // 12 header; 6+6+1+1, 8+1+1+1+1+10+1, 21 [+33], 1+1+1+6+2+6+17+17+21 [+34], 1 [+33], 1, 8 or 20.
  fwd: [12 + 14 + 23 + 21 + 72 + 1 + 1 + 8, 12 + 14 + 23 + 21 + 33 + 72 + 34 + 1 + 33 + 1 + 20],
  fwdResp: [23, 26],
};

const plansOf = (codec: CmppCodec): [string, Plan][] =>
  Object.keys(SIZES).map((key) => [key, codec[key as 'connect'] as unknown as Plan]);

describe('sizes', () => {
  it.each(VERSIONS)('of empty frames in version %i', (version) => {
    const codec = cmppCodec(version);
    expect(plansOf(codec).length).toBe(codec.plans.length);
    for (const [key, plan] of plansOf(codec)) {
      expect([key, frameSize(plan, plan.fill({}))]).toEqual([key, SIZES[key]![version === 0x30 ? 1 : 0]]);
    }
  });

  it('SUBMIT takes 138 + 21n + L and 163 + 32n + L, and the largest fits the frame', () => {
    for (const n of [0, 1, 2, 99]) {
      for (const length of [0, 1, 140, 159, 255]) {
        const part = { destTerminalId: Array(n).fill('13800138000'), msgContent: Buffer.alloc(length, 0x41) };
        for (const version of VERSIONS) {
          const { submit } = cmppCodec(version);
          const want = version === 0x30 ? 163 + 32 * n + length : 138 + 21 * n + length;
          const b = Buffer.alloc(want);
          expect(frameSize(submit, submit.fill(part))).toBe(want);
          expect(encodeFrame(submit, submit.fill(part), 1, b, 0)).toBe(want);
          expect(want).toBeLessThanOrEqual(FRAME.max);
        }
      }
    }
  });

  it('reports are 60 and 71 octets, their frames 145 and 180', () => {
    const report = readReport(Buffer.alloc(60))!;
    for (const [version, size] of [
      [0x20, 60],
      [0x21, 60],
      [0x30, 71],
    ] as const) {
      const content = writeReport(report, version);
      expect(content.length).toBe(size);
      const { deliver } = cmppCodec(version);
      expect(frameSize(deliver, deliver.fill({ msgContent: content }))).toBe(version === 0x30 ? 180 : 145);
    }
  });
});

describe('versions', () => {
  it('that clients claim fall to a layout that we have, each compiled once', () => {
    for (const [octet, version] of [
      [0x00, 0x20],
      [0x01, 0x20],
      [0x20, 0x20],
      [0x21, 0x21],
      [0x2f, 0x21],
      [0x30, 0x30],
      [0x7f, 0x30],
    ] as const) {
      expect(cmppCodec(octet).version).toBe(version);
      expect(cmppCodec(octet)).toBe(cmppCodec(version));
    }
  });
});

/** Values of a PDU: text that survives its field (no NUL, no blank at its end), octets whole, any number of its width. */
function values(plan: Plan, version: number): fc.Arbitrary<Values<Fields>> {
  const text = (max: number): fc.Arbitrary<string> =>
    fc
      .array(fc.integer({ min: 1, max: 0xff }), { maxLength: max })
      .map((codes) => String.fromCharCode(...codes).replace(/ +$/, ''));
  const raw = (width: number): fc.Arbitrary<string> =>
    fc.uint8Array({ minLength: width, maxLength: width }).map((o) => Buffer.from(o).toString('latin1'));
  const number = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
  const address = version === 0x30 ? 32 : 21;
  // Widths by hand, from the specification, not from the tables under test.
  const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    msgId: raw(8),
    authenticatorSource: raw(16),
    authenticatorIsmg: raw(16),
    timestamp: number(0xffffffff),
    status: number(version === 0x30 ? 0xffffffff : 0xff),
    result: number(version === 0x30 ? 0xffffffff : 0xff),
    successId: number(version === 0x30 ? 0xffffffff : 0xff),
    sourceAddr: text(6),
    sourceId: text(6),
    destinationId: text(6),
    serviceId: text(10),
    queryCode: text(10),
    msgSrc: text(6),
    feeType: text(2),
    feeCode: text(6),
    validTime: text(17),
    atTime: text(17),
    srcId: text(21),
    time: text(8),
    linkId: text(20),
    reserve: raw(8),
    reserved: plan.name === 'CMPP_ACTIVE_TEST_RESP' ? number(0xff) : raw(8),
    feeTerminalId: text(plan.name === 'CMPP_FWD' ? 21 : address),
    srcTerminalId: text(address),
    feeTerminalPseudo: text(32),
    srcPseudo: text(32),
    destPseudo: text(32),
    destTerminalId: fc.array(text(address), { maxLength: 12 }),
    destId: plan.name === 'CMPP_FWD' ? fc.array(text(21), { maxLength: 3 }) : text(21),
    msgContent: fc.uint8Array({ maxLength: 255 }).map((o) => Buffer.from(o)),
    ...Object.fromEntries(
      ['mtTlmsg', 'mtTlusr', 'mtScs', 'mtWt', 'mtFl', 'moScs', 'moWt', 'moFl'].map((k) => [k, number(0xffffffff)]),
    ),
  };
  const fields = Object.entries(plan.table.fields)
    .filter(([, kind]) => version >= kind.from && version < kind.until)
    .map(([key, kind]): [string, fc.Arbitrary<unknown>] => {
      const made = byName[key] ?? (typeof kind.zero === 'number' ? number(0xff) : undefined);
      if (made === undefined) throw new Error(`${plan.name}.${key}: no arbitrary`);
      return [key, made];
    });
  return fc.record(Object.fromEntries(fields)).map((part) => plan.fill(part));
}

/** Where Msg_Length may lie, 60 or 71 octets of room are a report of that size: the one reading that is not the writer's. */
const isReportByRoom = (value: Values<Fields>): boolean => value.registeredDelivery === 1;

describe('round trips', () => {
  for (const version of VERSIONS) {
    const codec = cmppCodec(version);
    for (const [key, plan] of plansOf(codec)) {
      it(`${key} in version 0x${version.toString(16)}`, () => {
        fc.assert(
          fc.property(values(plan, version), fc.nat(0xffffffff), fc.nat(9), (value, sequence, at) => {
            const size = frameSize(plan, value);
            const b = Buffer.alloc(at + size + 3, 0xee);
            expect(encodeFrame(plan, value, sequence, b, at)).toBe(at + size);
            expect(b.subarray(at + size).toString('hex')).toBe('eeeeee');
            expect(readHeader(b, at)).toEqual({ totalLength: size, commandId: plan.id, sequenceId: sequence });
            // From a buffer that ends with the frame, so that a read beyond it would show.
            const frame = Buffer.from(b.subarray(at, at + size));
            const back = plan.decode(frame, HEADER, frame.length);
            expect(Object.keys(back)).toEqual(Object.keys(plan.table.fields));
            expect(back).toEqual(value);
            if (!isReportByRoom(value)) return;
            const cut = plan.decode(frame, HEADER, frame.length - 1);
            expect(cut.msgId).toBe(value.msgId);
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

  it('refuses values that a field cannot hold, and names the field', () => {
    const { submit } = cmppCodec(0x20);
    const b = Buffer.alloc(4096);
    for (const [part, message] of [
      [{ serviceId: '12345678901' }, 'CMPP_SUBMIT.serviceId: value-too-long'],
      [{ destTerminalId: ['1'.repeat(22)] }, 'CMPP_SUBMIT.destTerminalId: value-too-long'],
      [{ msgContent: Buffer.alloc(256) }, 'CMPP_SUBMIT.msgContent: value-too-long'],
    ] as const) {
      expect(() => encodeFrame(submit, submit.fill(part), 1, b, 0)).toThrow(message);
    }
    const long = submit.fill({ destTerminalId: ['1'.repeat(32)] });
    expect(() => encodeFrame(cmppCodec(0x30).submit, long, 1, b, 0)).not.toThrow();
  });

  it('a Result that one octet cannot hold is 255, never success', () => {
    const { submitResp } = cmppCodec(0x20);
    const b = Buffer.alloc(21);
    encodeFrame(submitResp, submitResp.fill({ result: 256 }), 1, b, 0);
    expect(b[20]).toBe(255);
  });
});

describe('Msg_Id', () => {
  it('is the number that the specification lays out, for any parts', () => {
    const parts = fc.record({
      month: fc.nat(15),
      day: fc.nat(31),
      hour: fc.nat(31),
      minute: fc.nat(63),
      second: fc.nat(63),
      gateway: fc.nat(0x3fffff),
      sequence: fc.nat(0xffff),
    });
    fc.assert(
      fc.property(parts, (p) => {
        const bits: [number, number][] = [
          [p.month, 4],
          [p.day, 5],
          [p.hour, 5],
          [p.minute, 6],
          [p.second, 6],
          [p.gateway, 22],
          [p.sequence, 16],
        ];
        const text = bits.map(([n, width]) => n.toString(2).padStart(width, '0')).join('');
        const raw = msgIdOf(p);
        expect(msgIdDecimal(raw)).toBe(BigInt(`0b${text}`).toString());
        expect(msgIdFromDecimal(msgIdDecimal(raw))).toBe(raw);
        expect(msgIdParts(raw)).toEqual(p);
      }),
    );
  });

  it('from text that is none', () => {
    for (const text of ['', 'x', '-1', '1.5', ' 1', '18446744073709551616', '100000000000000000000', '0x10']) {
      expect(msgIdFromDecimal(text)).toBeUndefined();
    }
    expect(msgIdFromDecimal('18446744073709551615')).toBe('\xff'.repeat(8));
  });

  it('counts receivers on without carrying into the gateway', () => {
    const id = msgIdOf({ month: 3, day: 5, hour: 9, minute: 8, second: 7, gateway: 791, sequence: 65534 });
    expect([0, 1, 2, 3].map((k) => msgIdParts(addToMsgId(id, k)).sequence)).toEqual([65534, 65535, 0, 1]);
    for (const k of [1, 2, 98]) {
      expect(msgIdParts(addToMsgId(id, k))).toEqual({ ...msgIdParts(id), sequence: (65534 + k) % 65536 });
    }
  });

  it('generator: 65,536 different ids in one second, ranges set aside', () => {
    const now = { month: 12, day: 31, hour: 23, minute: 59, second: 59 };
    const ids = createMsgIds(1001, 65_000);
    const seen = new Set<string>();
    for (let i = 0; i < 65_536; i++) seen.add(ids.next(now));
    expect(seen.size).toBe(65_536);
    const first = ids.next(now, 3);
    expect(msgIdParts(first)).toEqual({ ...now, gateway: 1001, sequence: 65_000 });
    expect(ids.next(now)).toBe(addToMsgId(first, 3));
  });
});

describe('reports', () => {
  it('reads what is there of any octets, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        const report = readReport(octets);
        expect(report === undefined).toBe(octets.length < 15);
        if (report === undefined) return;
        expect(report.msgId).toBe(Buffer.from(octets.subarray(0, 8)).toString('latin1'));
        expect(['delivered', 'accepted', 'failed']).toContain(statClass(report.stat));
        parseReportTime(report.doneTime);
      }),
    );
  });

  it('of a frame that ends inside it: as far as it goes, since Msg_Id and Stat come first', () => {
    const content = writeReport({ ...readReport(Buffer.alloc(60))!, msgId: '\x01\xffABCDEF', stat: 'EXPIRED' }, 0x30);
    for (const version of VERSIONS) {
      const { deliver } = cmppCodec(version);
      const value = deliver.fill({ registeredDelivery: 1, msgContent: content });
      const b = Buffer.alloc(frameSize(deliver, value));
      encodeFrame(deliver, value, 1, b, 0);
      const start = b.indexOf(content);
      for (let end = start + 15; end < start + content.length; end++) {
        const report = readReport(deliver.decode(b, HEADER, end).msgContent);
        expect(report).toMatchObject({ msgId: '\x01\xffABCDEF', stat: 'EXPIRED' });
      }
      // A message that is cut is no message.
      const mo = deliver.fill({ msgContent: content });
      encodeFrame(deliver, mo, 1, b, 0);
      expect(() => deliver.decode(b, HEADER, start + content.length - 1)).toThrow('counted-overrun');
    }
  });

  it('a view that is no Buffer, somewhere in a larger one', () => {
    const whole = new Uint8Array(200);
    const content = writeReport(
      {
        msgId: '12345678',
        stat: 'DELIVRD',
        submitTime: '2511202032',
        doneTime: '0001010000',
        destTerminalId: '13800138000',
        smscSequence: 0xfedcba98,
      },
      0x30,
    );
    whole.set(content, 33);
    expect(readReport(whole.subarray(33, 33 + 71))).toEqual(readReport(content));
    expect(readReport(content)?.smscSequence).toBe(0xfedcba98);
  });

  it.each([
    ['DELIVRD', 'DELIVERED', 'delivered'],
    ['delivrd', 'DELIVERED', 'delivered'],
    ['EXPIRED', 'EXPIRED', 'failed'],
    ['DELETED', 'DELETED', 'failed'],
    ['UNDELIV', 'UNDELIVERABLE', 'failed'],
    ['ACCEPTD', 'ACCEPTED', 'accepted'],
    ['UNKNOWN', 'UNKNOWN', 'failed'],
    ['REJECTD', 'REJECTED', 'failed'],
    ['MK:0012', 'UNDELIVERABLE', 'failed'],
    ['MI:0024', 'EXPIRED', 'failed'],
    ['MJ:0001', 'DELETED', 'failed'],
    ['MM:0001', 'UNKNOWN', 'failed'],
    ['MN:0001', 'REJECTED', 'failed'],
    ['MH:0007', 'UNKNOWN', 'failed'],
    ['ML:0001', 'UNKNOWN', 'failed'],
    ['MA:0054', 'UNDELIVERABLE', 'failed'],
    ['MB:0064', 'UNDELIVERABLE', 'failed'],
    ['MC:0001', 'UNKNOWN', 'failed'],
    ['CB:0007', 'REJECTED', 'failed'],
    ['DB:0141', 'REJECTED', 'failed'],
    ['ID:0069', 'REJECTED', 'failed'],
    ['IB:0054', 'UNDELIVERABLE', 'failed'],
    ['AF:4', 'UNDELIVERABLE', 'failed'],
    ['BLACK', 'REJECTED', 'failed'],
    ['NOROUTE', 'REJECTED', 'failed'],
    ['DELIVR', 'UNDELIVERABLE', 'failed'],
    ['', 'UNKNOWN', 'failed'],
  ] as const)('Stat "%s" is %s, %s', (stat, state, its) => {
    expect(statState(stat)).toBe(state);
    expect(statClass(stat)).toBe(its);
  });

  it('every state has its word of seven letters', () => {
    for (const state of [
      'DELIVERED',
      'EXPIRED',
      'DELETED',
      'UNDELIVERABLE',
      'ACCEPTED',
      'UNKNOWN',
      'REJECTED',
    ] as const) {
      expect(statOf(state).length).toBe(7);
      expect(statState(statOf(state))).toBe(state);
    }
  });
});

describe('results', () => {
  it.each([
    [0, 0x20, 'ok'],
    [1, 0x20, 'hard'],
    [3, 0x30, 'soft'],
    [5, 0x30, 'hard'],
    [8, 0x20, 'throttle'],
    [8, 0x21, 'throttle'],
    [8, 0x30, 'throttle'],
    [9, 0x20, 'soft'],
    [9, 0x21, 'hard'],
    [9, 0x30, 'hard'],
    [13, 0x30, 'hard'],
    [107, 0x30, 'soft'],
    [4_000_000_000, 0x30, 'soft'],
  ] as const)('SUBMIT_RESP %i in version %i is %s', (code, version, its) => {
    const result = submitResult(code, version);
    expect(result.code).toBe(code);
    expect(result.class).toBe(its);
    expect(result.name).toMatch(/^[A-Z0-9_]+$/);
    expect(result.sentence.endsWith('.')).toBe(true);
  });

  it('only 0 is success, whatever the answer', () => {
    for (let code = 0; code < 300; code++) {
      for (const result of [
        submitResult(code, 0x20),
        submitResult(code, 0x30),
        deliverResult(code),
        connectStatus(code),
      ])
        expect(result.class === 'ok').toBe(code === 0);
    }
    expect(connectStatus(3)).toMatchObject({ name: 'AUTH_FAILED', class: 'session' });
    expect(deliverResult(9).name).toBe('RESULT_9');
  });
});

describe('Msg_Fmt', () => {
  it.each([
    [0, 'ascii'],
    [3, 'octets'],
    [4, 'octets'],
    [8, 'ucs2'],
    [9, 'ucs2'],
    [15, 'gbk'],
    [16, 'ascii'],
    [17, 'ascii'],
    [24, 'ucs2'],
    [25, 'ucs2'],
    [27, 'ucs2'],
    [244, 'octets'],
    [245, 'octets'],
    [246, 'octets'],
    [247, 'octets'],
  ] as const)('%i is %s', (msgFmt, content) => {
    expect(contentOf(msgFmt)).toBe(content);
  });

  it('of a coding, and back', () => {
    for (const coding of ['ascii', 'gbk', 'ucs2', 'octets'] as const) {
      expect(contentOf(msgFmtOf(coding)!)).toBe(coding);
      expect(contentOf(msgFmtOf(coding, true)!)).toBe(coding);
    }
    expect([msgFmtOf('ascii', true), msgFmtOf('ucs2', true)]).toEqual([16, 24]);
    expect(msgFmtOf('gsm7')).toBeUndefined();
    expect(msgFmtOf('latin1')).toBeUndefined();
  });

  it('ASCII that is none is GB where it reads, else Latin-1', () => {
    expect(codingOf(0, Buffer.from('hello'))).toBe('ascii');
    expect(codingOf(0, Buffer.from('c4fabac3', 'hex'))).toBe('gbk');
    expect(codingOf(0, Buffer.from('63616666e9', 'hex'))).toBe('latin1');
    expect(codingOf(4, Buffer.from('c4fabac3', 'hex'))).toBe('octets');
  });
});

describe('times', () => {
  const at = Date.UTC(2015, 6, 31, 14, 48, 20);

  it('ValId_Time is absolute in Beijing', () => {
    expect(absoluteTime(at)).toBe('150731224820032+');
    expect(parseTime('150731224820032+', 0)).toBe(at);
    expect(beijingTime(at)).toEqual({ year: 2015, month: 7, day: 31, hour: 22, minute: 48, second: 20 });
  });

  it('reads any zone of whole hours, and Beijing from the zones that are none', () => {
    expect(parseTime('150731144820000+', 0)).toBe(at);
    expect(parseTime('150731164820008+', 0)).toBe(at);
    expect(parseTime('150731094820020-', 0)).toBe(at);
    expect(parseTime('150731224820101+', 0)).toBe(at);
    expect(parseTime('150731224820', 0)).toBe(at);
    expect(parseTime('000000010000000R', at)).toBe(at + 3_600_000);
  });

  it('reads nothing from what is no time (seen: day 00 of month 00)', () => {
    for (const text of [
      '',
      '150001300025032+',
      '15073122482',
      'tomorrow, please',
      '150732224820032+',
      '00000001xx00000R',
    ])
      expect(parseTime(text, at)).toBeUndefined();
  });

  it('comes back from every second until 2100', () => {
    fc.assert(
      fc.property(fc.integer({ min: 978_307_200, max: 4_102_415_999 - 28_800 }), (second) => {
        expect(parseTime(absoluteTime(second * 1000), 0)).toBe(second * 1000);
        expect(parseReportTime(reportTime(second * 1000))).toBe(second * 1000 - (second % 60) * 1000);
      }),
    );
  });

  it('report times: junk is undefined', () => {
    expect(reportTime(at)).toBe('1507312248');
    for (const text of ['', '0000000000', '0001010000', 'xxxxxxxxxx', '2513010000', '25112020', '251120203200']) {
      expect(parseReportTime(text)).toBeUndefined();
    }
  });

  it('Timestamp loses the zero of January and gets it back', () => {
    const parts = { month: 1, day: 2, hour: 3, minute: 4, second: 5 };
    expect(timestampOf(parts)).toBe(102030405);
    expect(timestampText(102030405)).toBe('0102030405');
    expect(timestampParts(102030405)).toEqual(parts);
    expect(timestampParts(1231235959)).toEqual({ month: 12, day: 31, hour: 23, minute: 59, second: 59 });
    for (const junk of [0, 1301000000, 4294967295, 102240000]) expect(timestampParts(junk)).toBeUndefined();
  });
});
