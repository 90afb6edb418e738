import { describe, expect, it } from 'vitest';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import type { Coding } from '../protocols/text/charset.ts';
import { decode, encode } from '../protocols/text/charset.ts';
import { accountSchema, sgipCarrierSchema } from '../src/config/schema.ts';
import { create } from '../src/gateway/state.ts';
import { writeCharging } from '../src/message/charging.ts';
import {
  DELETED,
  DELIVERED,
  EXPIRED,
  type Message,
  MO,
  MT,
  NO_OCTETS,
  REJECTED,
  UNDELIVERABLE,
  UNKNOWN,
} from '../src/message/message.ts';
import { sgipCarrier } from '../src/message/sgip.ts';
import { createSgipPlatform } from '../src/message/sgip-platform.ts';

// What SGIP's PDUs mean, where the other side speaks another protocol.

const codec = sgipCodec();
const platform = createSgipPlatform(101_001);
const account = accountSchema.parse({
  name: 'shop',
  protocol: 'sgip',
  systemId: 'shop',
  password: { demo: 'x' },
  route: 'main',
});
const REF = '\xb3\x69\x24\xb9\x42\xc4\xf1\xd9\0\0\0\x07';

function message(part: Partial<Message>): Message {
  const m = create(
    {
      id: 1,
      kind: MT,
      publicId: 1,
      account: 'shop',
      acceptedAt: 0,
      flags: 0,
      source: '1065500',
      sourceTon: 0,
      sourceNpi: 1,
      destination: '13000000001',
      destTon: 0,
      destNpi: 1,
      serviceType: '',
      esmClass: 0,
      protocolId: 0,
      priority: 0,
      dataCoding: 0,
      coding: 'ascii',
      registered: 1,
      scheduledAt: 0,
      validUntil: 0,
      udh: NO_OCTETS,
      octets: NO_OCTETS,
      tlvs: NO_OCTETS,
      carrier: '',
      platformRef: REF,
    },
    1,
  );
  return Object.assign(m, part);
}

describe('reports of carriers of other protocols', () => {
  it.each([
    ['delivered', DELIVERED, '', 0, 0],
    ['delivered, with what an SMPP carrier says about it', DELIVERED, '000', 0, 0],
    ["an SGIP carrier's own code", UNDELIVERABLE, 'SGIP_MEMORY_FULL:026', 2, 26],
    ["an SGIP vendor's own code", UNDELIVERABLE, 'SGIP_CODE_239:239', 2, 239],
    ['a word of CMPP', UNDELIVERABLE, 'MK:0012', 2, 21],
    ['a code of SMPP that looks like one of ours', REJECTED, 'ESME_RINVDSTADR:011', 2, 21],
    ['a code beyond an octet', REJECTED, 'SGIP_CODE_999:999', 2, 21],
    ['expired', EXPIRED, 'EXPIRED', 2, 25],
    ['deleted', DELETED, '', 2, 32],
    ['nobody knows', UNKNOWN, '', 2, 32],
  ] as const)('%s', (_, state, error, expected, code) => {
    const { plan, value } = platform.toReceipt(message({ state, error }), account, 0x12);
    expect(plan.name).toBe('SGIP_REPORT');
    expect(value).toEqual({
      submitSequenceNumber: REF,
      reportType: 0,
      userNumber: '13000000001',
      state: expected,
      errorCode: code,
      reserve: '',
    });
  });
});

describe('MO of carriers of other protocols', () => {
  it.each([
    ['gsm7', 'plain', 0],
    ['gsm7', '[Straße] 5 €', 8],
    ['latin1', 'déjà vu', 8],
    ['ascii', 'plain', 0],
    ['gbk', '您好', 15],
    ['ucs2', '您好😀', 8],
  ] as const satisfies readonly (readonly [Coding, string, number])[])('%s %j', (coding, text, messageCoding) => {
    const m = message({ kind: MO, coding, octets: encode(text, coding)! });
    const value = platform.toMo(m, account, 0x12).value as unknown as {
      messageCoding: number;
      messageContent: Uint8Array;
    };
    expect(value.messageCoding).toBe(messageCoding);
    const read = messageCoding === 8 ? 'ucs2' : messageCoding === 15 ? 'gbk' : 'ascii';
    expect(decode(value.messageContent, read)).toBe(text);
  });

  it('octets keep what kind they are, a flash its class', () => {
    for (const [coding, dataCoding, messageCoding] of [
      ['octets', 4, 4],
      ['octets', 0xf5, 0xf5],
      ['octets', 0, 4],
      ['ucs2', 0x18, 0x18],
      ['ascii', 0x10, 0x10],
      // The class of another coding says nothing of this one.
      ['ucs2', 0x10, 8],
    ] as const) {
      const m = message({ kind: MO, coding, dataCoding, octets: Buffer.from('0041', 'hex') });
      expect(platform.toMo(m, account, 0x12).value).toMatchObject({ messageCoding });
    }
  });
});

describe('answers of platforms to reports and MO', () => {
  it.each([
    [0, 'taken'],
    [11, 'later'],
    [33, 'later'],
    [88, 'later'],
    [9, 'later'],
    [5, 'refused'],
    [7, 'refused'],
    [255, 'refused'],
  ] as const)('Result %i: %s', (result, outcome) => {
    expect(platform.outcome(result)).toBe(outcome);
  });
});

describe('what a carrier is sent', () => {
  const base = {
    name: 'unicom',
    protocol: 'sgip',
    host: '127.0.0.1',
    port: 8801,
    systemId: 'yima',
    password: { demo: 'x' },
    corpId: '12345',
    areaCode: '010',
  };
  const submitted = (part: Partial<Message>, config: object = {}) => {
    const m = message(part);
    m.cutCoding = m.coding;
    m.cutOf = 1;
    const carrier = sgipCarrierSchema.parse({ ...base, ...config });
    const { plan, value } = sgipCarrier.toSubmit(
      m,
      { message: m, index: 0, stage: 0, carrierId: '', otherId: '', at: 0, state: 0, error: '', unknowns: 0 },
      m.octets,
      carrier,
      0x12,
      'node',
    );
    expect(plan).toBe(codec.submit);
    return value as unknown as Record<string, unknown>;
  };

  it.each([
    ['+8613000000001', {}, '8613000000001'],
    ['13000000001', { numbers: 'plain' }, '13000000001'],
    ['8613000000001', { numbers: 'plain' }, '13000000001'],
    // No mainland mobile: left as it is.
    ['85291234567', {}, '85291234567'],
  ] as const)('%s as %j wants it', (destination, config, user) => {
    expect(submitted({ destination }, config).userNumber).toEqual([user]);
  });

  it.each([
    [{}, '0'.repeat(21)],
    [{ chargeNumber: 'user' }, '8613000000001'],
    [{ chargeNumber: '8613911111111' }, '8613911111111'],
  ] as const)('ChargeNumber with %j', (config, expected) => {
    expect(submitted({}, config).chargeNumber).toBe(expected);
  });

  it.each([
    [{}, '1065500'],
    [{ spNumber: { prefix: '1065' } }, '1065500'],
    [{ spNumber: { prefix: '10690' } }, '106901065500'],
    [{ spNumber: { fixed: '10655' } }, '10655'],
  ] as const)('SPNumber with %j', (config, expected) => {
    expect(submitted({}, config).spNumber).toBe(expected);
  });

  it.each([
    [0, {}, 2],
    [1, {}, 1],
    [2, {}, 1],
    [1, { reportFlag: 0 }, 0],
    [0, { reportFlag: 0 }, 2],
  ] as const)('registered %i with %j: ReportFlag %i', (registered, config, flag) => {
    expect(submitted({ registered }, config).reportFlag).toBe(flag);
  });

  it('a LinkID that Reserve has no room for is left out', () => {
    const tlvs = (linkId: string) => writeCharging({ linkId, fee: undefined });
    expect(submitted({ tlvs: tlvs('LINKID01') }, { linkId: 'OURS' }).reserve).toBe('LINKID01');
    // CMPP's have twenty.
    expect(submitted({ tlvs: tlvs('0000000000000123456') }, { linkId: 'OURS' }).reserve).toBe('OURS');
    expect(submitted({}).reserve).toBe('');
  });
});
