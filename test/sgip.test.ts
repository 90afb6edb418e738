import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFrame } from '../protocols/sgip/describe.ts';
import { encodeFrame, FRAME, frameSize, HEADER, readHeader } from '../protocols/sgip/header.ts';
import { reportedState } from '../protocols/sgip/report.ts';
import { resultOctet, sgipResult } from '../protocols/sgip/result.ts';
import {
  nodeIdOf,
  sequenceOf,
  sequenceParts,
  sequenceText,
  stampOf,
  stampText,
  traceTime,
} from '../protocols/sgip/sequence.ts';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import { absoluteTime, beijingTime } from '../protocols/wire/beijing.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';

const codec = sgipCodec();

/** Octets of each PDU with empty content, no user and no node, as the specification adds them up. */
const SIZES: Readonly<Record<string, number>> = {
  SGIP_BIND: 61,
  SGIP_BIND_RESP: 29,
  SGIP_UNBIND: 20,
  SGIP_UNBIND_RESP: 20,
  SGIP_SUBMIT: 143,
  SGIP_SUBMIT_RESP: 29,
  SGIP_DELIVER: 77,
  SGIP_DELIVER_RESP: 29,
  SGIP_REPORT: 64,
  SGIP_REPORT_RESP: 29,
  SGIP_USERRPT: 71,
  SGIP_USERRPT_RESP: 29,
  SGIP_TRACE: 61,
  SGIP_TRACE_RESP: 21,
  SGIP_CHECKUSER: 20 + 16 + 16 + 21 + 8,
  SGIP_CHECKUSER_RESP: 30,
};

const read = codec.plans.filter((plan) => SIZES[plan.name] !== undefined);

describe('sizes', () => {
  it.each(read)('of an empty $name', (plan) => {
    expect(frameSize(plan, plan.fill({}))).toBe(SIZES[plan.name]);
  });

  it('are given for all but the commands of routing servers, 0x6 to 0xF, each with its answer', () => {
    expect(read.length).toBe(Object.keys(SIZES).length);
    const others = codec.plans.filter((plan) => !read.includes(plan));
    expect(others.map((plan) => (plan.id & 0x7fffffff) >>> 0).sort((a, b) => a - b)).toEqual(
      [6, 7, 8, 9, 10, 11, 12, 13, 14, 15].flatMap((id) => [id, id]),
    );
    expect(new Set(codec.plans.map((plan) => plan.id)).size).toBe(codec.plans.length);
    // Both specifications print MODIFYSMG_RESP as 0x0000000E.
    expect(codec.byId.get(0x8000000e)?.name).toBe('SGIP_MODIFYSMG_RESP');
    expect(codec.byId.get(0x0000000e)?.name).toBe('SGIP_MODIFYSMG');
  });

  it('Submit takes 143 + 21n + L, Deliver 77 + L, Trace_Resp 21 + 47k; a hundred users fit the frame', () => {
    for (const n of [0, 1, 2, 100]) {
      for (const length of [0, 1, 140]) {
        const value = codec.submit.fill({
          userNumber: Array(n).fill('8613001125453'),
          messageContent: Buffer.alloc(length, 0x41),
        });
        const b = Buffer.alloc(143 + 21 * n + length);
        expect(frameSize(codec.submit, value)).toBe(b.length);
        expect(encodeFrame(codec.submit, value, '', b, 0)).toBe(b.length);
        expect(b.length).toBeLessThanOrEqual(FRAME.max);
      }
    }
    expect(frameSize(codec.deliver, codec.deliver.fill({ messageContent: Buffer.alloc(140) }))).toBe(217);
    const node = { result: 0, nodeId: '', receiveTime: '', sendTime: '', reserve: '' };
    expect(frameSize(codec.traceResp, { nodes: [node, node, node] })).toBe(21 + 3 * 47);
  });
});

/** Values of a PDU: text that survives its field (no NUL, no blank at its end), octets whole, any number of its width. */
function values(plan: Plan): fc.Arbitrary<Values<Fields>> {
  const text = (max: number): fc.Arbitrary<string> =>
    fc
      .array(fc.integer({ min: 1, max: 0xff }), { maxLength: max })
      .map((codes) => String.fromCharCode(...codes).replace(/ +$/, ''));
  const raw = (width: number): fc.Arbitrary<string> =>
    fc.uint8Array({ minLength: width, maxLength: width }).map((o) => Buffer.from(o).toString('latin1'));
  const octet = fc.integer({ min: 0, max: 255 });
  // Widths by hand, from the specification, not from the tables under test.
  const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    loginName: text(16),
    loginPassword: text(16),
    userName: text(16),
    password: text(16),
    reserve: raw(8),
    spNumber: text(21),
    chargeNumber: text(21),
    userNumber: plan.name === 'SGIP_SUBMIT' ? fc.array(text(21), { maxLength: 100 }) : text(21),
    corpId: text(5),
    serviceType: text(10),
    feeValue: text(6),
    givenValue: text(6),
    expireTime: text(16),
    scheduleTime: text(16),
    messageContent: fc.uint8Array({ maxLength: 300 }).map((o) => Buffer.from(o)),
    body: fc.uint8Array({ maxLength: 300 }).map((o) => Buffer.from(o)),
    submitSequenceNumber: raw(12),
    nodes: fc.array(
      fc.record({ result: octet, nodeId: text(6), receiveTime: text(16), sendTime: text(16), reserve: raw(8) }),
      { maxLength: 20 },
    ),
  };
  return fc.record(
    Object.fromEntries(Object.keys(plan.table.fields).map((key) => [key, byName[key] ?? octet])),
  ) as fc.Arbitrary<Values<Fields>>;
}

const sequences = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((o) => Buffer.from(o).toString('latin1'));

describe('any value', () => {
  it.each(codec.plans)('of $name comes back from its octets', (plan) => {
    fc.assert(
      fc.property(values(plan), sequences, (value, sequence) => {
        const b = Buffer.alloc(frameSize(plan, value) + 2, 0xee);
        const end = encodeFrame(plan, value, sequence, b, 1);
        expect(end).toBe(b.length - 1);
        expect([b[0], b[end]]).toEqual([0xee, 0xee]);
        expect(readHeader(b, 1)).toEqual({ messageLength: b.length - 2, commandId: plan.id, sequence });
        expect(plan.decode(b, 1 + HEADER, end)).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });

  it('octets of a peer read or are a typed fault, and never more', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codec.plans), fc.uint8Array({ maxLength: 400 }), (plan, octets) => {
        const b = Buffer.from(octets);
        try {
          expect(Object.keys(plan.decode(b, 0, b.length))).toEqual(Object.keys(plan.table.fields));
        } catch (error) {
          expect(error).toBeInstanceOf(WireFault);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('too long for its field is a fault, not a shift of what follows', () => {
    const b = Buffer.alloc(4096);
    for (const [plan, value] of [
      [codec.bind, codec.bind.fill({ loginName: 'x'.repeat(17) })],
      [codec.submit, codec.submit.fill({ userNumber: ['8613001125453', '8'.repeat(22)] })],
      [codec.submit, codec.submit.fill({ corpId: '123456' })],
      [codec.submit, codec.submit.fill({ reserve: 'x'.repeat(9) })],
      [codec.traceResp, { nodes: [{ result: 0, nodeId: '1234567', receiveTime: '', sendTime: '', reserve: '' }] }],
    ] as unknown as [Plan, Values<Fields>][]) {
      expect(() => encodeFrame(plan, value, '', b, 0)).toThrow('value-too-long');
    }
  });
});

describe('sequence numbers', () => {
  it('are the same as numbers and as octets', () => {
    const u32 = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(u32, u32, u32, (nodeId, timestamp, counter) => {
        const raw = sequenceOf({ nodeId, timestamp, counter });
        const b = Buffer.from(raw, 'latin1');
        expect([b.readUInt32BE(0), b.readUInt32BE(4), b.readUInt32BE(8), b.length]).toEqual([
          nodeId,
          timestamp,
          counter,
          12,
        ]);
        expect(sequenceParts(raw)).toEqual({ nodeId, timestamp, counter });
      }),
    );
  });

  it('show as node:time:counter, a node beyond 2^31 too', () => {
    const raw = sequenceOf({ nodeId: 3057112345, timestamp: 102030405, counter: 7 });
    expect(Buffer.from(raw, 'latin1').toString('hex', 0, 4)).toBe('b637d519');
    expect(sequenceText(raw)).toBe('3057112345:0102030405:7');
  });

  it('node ids of SPs, from area code and CorpId', () => {
    expect(nodeIdOf('010', '12345')).toBe(3010012345);
    expect(nodeIdOf('025', '12345')).toBe(3025012345);
    expect(nodeIdOf('0571', '12345')).toBe(3057112345);
    expect(nodeIdOf('010', '7')).toBe(3010000007);
    for (const [area, corp] of [
      ['', '12345'],
      ['05711', '12345'],
      ['010', ''],
      ['010', '123456'],
      ['010', 'ABCDE'],
    ] as const) {
      expect(nodeIdOf(area, corp)).toBeUndefined();
    }
  });

  it('have the wall clock as digits', () => {
    const noon = beijingTime(Date.UTC(2025, 10, 20, 12, 32, 25));
    expect(stampOf(noon)).toBe(1120203225);
    expect(stampText(stampOf(noon))).toBe('1120203225');
    expect(stampText(102030405)).toBe('0102030405');
    expect(traceTime(noon)).toBe('251120203225');
  });
});

it('ExpireTime fills its sixteen octets and has no NUL', () => {
  const value = codec.submit.fill({ expireTime: absoluteTime(Date.UTC(2025, 11, 31, 15, 59, 59)) });
  const b = Buffer.alloc(frameSize(codec.submit, value));
  encodeFrame(codec.submit, value, '', b, 0);
  // Behind header, two numbers, UserCount 0, 5+10+1+6+6+1+1+1.
  const at = HEADER + 43 + 31;
  expect(b.toString('latin1', at, at + 17)).toBe('251231235959032+\0');
  expect(codec.submit.decode(b, HEADER, b.length).expireTime).toBe('251231235959032+');
});

describe('results', () => {
  it('of 1.2 keep their number, name and meaning', () => {
    expect(sgipResult(0).class).toBe('ok');
    expect(sgipResult(1)).toMatchObject({ code: 1, name: 'BAD_LOGIN', class: 'session' });
    // The constants of one known client are off by twelve from 21 on: 21 is not 33.
    expect(sgipResult(21).name).toBe('UNREACHABLE');
    expect(sgipResult(33).name).toBe('QUEUE_FULL');
    expect(sgipResult(25).name).toBe('USER_ABSENT');
  });

  it('11, 33 and 88 say slow down, and no other does', () => {
    const slow = Array.from({ length: 256 }, (_, code) => code).filter((code) => sgipResult(code).class === 'throttle');
    expect(slow).toEqual([11, 33, 88]);
  });

  it('of vendors have a name with their number', () => {
    expect(sgipResult(239)).toMatchObject({ code: 239, name: 'CODE_239', class: 'soft' });
  });

  it('printed as signed numbers are octets all the same', () => {
    expect([-17, -43, -74, 33, 255].map(resultOctet)).toEqual([239, 213, 182, 33, 255]);
    expect([256, -129, 1.5, Number.NaN].map(resultOctet)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

it('states of reports', () => {
  expect(reportedState(0, 0)).toBe('DELIVERED');
  expect(reportedState(1, 0)).toBe('ACCEPTED');
  expect(reportedState(2, 25)).toBe('UNDELIVERABLE');
  expect(reportedState(2, 61)).toBe('EXPIRED');
  expect(reportedState(2, 69)).toBe('REJECTED');
  expect(reportedState(2, 255)).toBe('UNDELIVERABLE');
  // ErrorCode means something in failures only.
  expect(reportedState(0, 61)).toBe('DELIVERED');
  expect(reportedState(7, 0)).toBe('UNKNOWN');
});

describe('deviations in single frames', () => {
  const answer = (result: number, tail: string): Buffer => {
    const b = Buffer.concat([Buffer.alloc(HEADER), Buffer.from([result]), Buffer.from(tail, 'hex')]);
    b.writeUInt32BE(b.length, 0);
    b.writeUInt32BE(0x80000003, 4);
    return b;
  };

  it('1: node 0, a time that is no time, any octets: kept as they are', () => {
    const sequence = '\0\0\0\0\xff\xff\xff\xff\x80\x01\x02\x03';
    const value = codec.report.fill({ submitSequenceNumber: sequence, userNumber: '13001125453' });
    const b = Buffer.alloc(64);
    encodeFrame(codec.report, value, sequence, b, 0);
    expect(readHeader(b, 0).sequence).toBe(sequence);
    expect(codec.report.decode(b, HEADER, 64).submitSequenceNumber).toBe(sequence);
    expect(describeFrame(b).sequence).toEqual({ node_id: 0, timestamp: '4294967295', counter: 2147549699 });
  });

  it('8: answers without Reserve, with half of it, or longer', () => {
    for (const [tail, reserve] of [
      ['', ''],
      ['00000000', ''],
      ['4c494e4b49443031', 'LINKID01'],
      ['0000000000000000deadbeef', ''],
    ] as const) {
      const b = answer(88, tail);
      const value = codec.submitResp.decode(b, HEADER, b.length);
      expect(value.result).toBe(88);
      expect(describeFrame(b).fields).toMatchObject({ result: 88, reserve });
    }
    expect(describeFrame(answer(0, '0000000000000000deadbeef')).fields.trailing_hex).toBe('deadbeef');
    expect(() => describeFrame(answer(0, '').subarray(0, HEADER))).toThrow('truncated');
  });

  it('10: TP_udhi 0x40 is a header as well as 1', () => {
    for (const tpUdhi of [1, 0x40, 0x41]) {
      const value = codec.deliver.fill({
        tpUdhi,
        messageCoding: 8,
        messageContent: Buffer.from('050003010201597d', 'hex'),
      });
      const b = Buffer.alloc(frameSize(codec.deliver, value));
      encodeFrame(codec.deliver, value, '', b, 0);
      expect(describeFrame(b).fields).toMatchObject({ text: '好', udh: { hex: '050003010201' } });
    }
  });

  it('Reserve that is no text shows its octets too', () => {
    const value = codec.userRpt.fill({ reserve: '\x01\0\xff\0\0\0\0\0' });
    const b = Buffer.alloc(71);
    encodeFrame(codec.userRpt, value, '', b, 0);
    expect(describeFrame(b).fields.reserve_hex).toBe('0100ff0000000000');
  });

  it('a length of the content beyond the frame is a fault', () => {
    const value = codec.deliver.fill({ messageContent: Buffer.from('hello') });
    const b = Buffer.alloc(frameSize(codec.deliver, value));
    encodeFrame(codec.deliver, value, '', b, 0);
    for (const said of [14, 15, 0x7fffffff, 0xffffffff]) {
      b.writeUInt32BE(said, HEADER + 45);
      expect(() => codec.deliver.decode(b, HEADER, b.length)).toThrow('counted-overrun');
    }
    b.writeUInt32BE(13, HEADER + 45);
    expect(codec.deliver.decode(b, HEADER, b.length).reserve).toBe('');
  });
});
