import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { authenticatorIsmg, authenticatorSource, verifyIsmg, verifySource } from '../protocols/cmpp/auth.ts';
import { describeFrame } from '../protocols/cmpp/describe.ts';
import { encodeFrame, FRAME, frameSize, HEADER, readHeader } from '../protocols/cmpp/header.ts';
import { msgIdDecimal, msgIdFromDecimal, msgIdHex, msgIdOf, msgIdParts } from '../protocols/cmpp/msg-id.ts';
import { readReport, writeReport } from '../protocols/cmpp/report.ts';
import {
  type cancelResp,
  cmppCodec,
  type connect,
  type connectResp,
  type deliver,
  type submit,
} from '../protocols/cmpp/tables.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Pdu, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { expectWhole } from './support/whole-frames.ts';

interface MsgId {
  readonly u64: string;
  readonly hex: string;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly gateway: number;
  readonly sequence: number;
}

interface Vector {
  readonly name: string;
  readonly version: '2.0' | '3.0';
  readonly kind: 'generated' | 'published' | 'capture' | 'deviation';
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>>;
  readonly context?: {
    readonly secret: string;
    readonly auth_valid: boolean;
    readonly authenticator_source?: string;
    readonly md5_source_addr?: string;
    readonly md5_status_octets?: 1 | 4 | 'ascii';
  };
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/cmpp.json', import.meta.url), 'utf8')) as Vector[];
const named = (name: string): Vector => {
  const found = vectors.find((v) => v.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};
const versionOf = (v: Vector): number => (v.version === '3.0' ? 0x30 : 0x20);
const octetsOf = (v: Vector): Buffer => Buffer.from(v.hex, 'hex');
const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

function read<P>(v: Vector): { plan: Plan; value: P } {
  const b = octetsOf(v);
  const plan = cmppCodec(versionOf(v)).byId.get(readHeader(b, 0).commandId);
  if (plan === undefined) throw new Error(`${v.name}: no plan`);
  return { plan, value: plan.decode(b, HEADER, b.length) as P };
}

function written(plan: Plan, value: unknown, sequence: number): string {
  const out = Buffer.alloc(frameSize(plan, value as Values<Fields>) + 4, 0xee);
  const end = encodeFrame(plan, value as Values<Fields>, sequence, out, 2);
  expect(end).toBe(out.length - 2);
  expect([out[0], out[1], out[end], out[end + 1]]).toEqual([0xee, 0xee, 0xee, 0xee]);
  return out.toString('hex', 2, end);
}

it('has the whole list', () => {
  expect(vectors.length).toBe(75);
  const commands = new Set(vectors.map((v) => v.decoded.command));
  // CANCEL alone is in no vector.
  expect(commands.size).toBe(cmppCodec(0x20).plans.length - 1);
});

describe('frames that we did not write', () => {
  it.each(vectors)('$name reads as listed', (v) => {
    const { command, sequence_id, total_length, command_id, ...listed } = v.decoded;
    const b = octetsOf(v);
    const header = readHeader(b, 0);
    expect(header.totalLength).toBe(total_length);
    expect(`0x${header.commandId.toString(16).padStart(8, '0')}`).toBe(command_id);
    expect(describeFrame(b, versionOf(v))).toEqual({ command, sequence: sequence_id, fields: listed });
  });

  // Captures of whole frames are in the specification's layout too; what differs is listed below.
  const rewritten = vectors.filter((v) => v.kind !== 'deviation');
  it.each(rewritten)('$name writes back to the same octets', (v) => {
    const { plan, value } = read(v);
    expect(written(plan, value, v.decoded.sequence_id as number)).toBe(v.hex);
  });

  it.each(vectors)('$name comes whole through the framer, split at every octet', (v) => {
    expectWhole(FRAME, octetsOf(v), Buffer.from('0000000c0000000800000001', 'hex'));
  });

  it.each(vectors)('$name cut at any octet gives a typed fault or what is there', (v) => {
    const whole = octetsOf(v);
    const { plan, value } = read<Record<string, unknown>>(v);
    let faults = 0;
    for (let end = HEADER; end < whole.length; end++) {
      // The octets behind the cut are gone, so that a read beyond it would show.
      const b = Buffer.from(whole.subarray(0, end));
      b.writeUInt32BE(end, 0);
      for (const go of [() => plan.decode(b, HEADER, end), () => describeFrame(b, versionOf(v))]) {
        try {
          const got = go();
          expect(got).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(WireFault);
          expect((error as WireFault).pdu).toBe(plan.name);
          expect(['truncated', 'counted-overrun']).toContain((error as WireFault).reason);
          faults++;
        }
      }
    }
    // Whatever is read from the shortest frame: an answer never says "accepted" where it says nothing.
    if (value.result !== undefined || value.status !== undefined || value.successId !== undefined) {
      expect(() => plan.decode(whole, HEADER, HEADER)).toThrow('truncated');
      expect(faults).toBeGreaterThan(0);
    }
  });
});

describe('reports', () => {
  const reports = vectors.filter((v) => v.decoded.report !== undefined);

  it.each(reports)('$name holds a report that reads and writes back', (v) => {
    const { value } = read<Pdu<typeof deliver>>(v);
    const listed = v.decoded.report as Record<string, unknown>;
    const report = readReport(value.msgContent);
    expect(report).toEqual({
      msgId: latin1((listed.msg_id as MsgId).hex),
      stat: listed.stat,
      submitTime: listed.submit_time,
      doneTime: listed.done_time,
      destTerminalId: listed.dest_terminal_id,
      smscSequence: listed.smsc_sequence,
    });
    const version = listed.layout === '3.0/71' ? 0x30 : 0x20;
    expect(writeReport(report!, version).toString('hex')).toBe(Buffer.from(value.msgContent).toString('hex'));
  });

  it('takes 71 octets where Msg_Length says 60, and writes the true length', () => {
    const v = named('deliver_30_report_71_but_msg_length_says_60_itio_DEVIATION');
    const b = octetsOf(v);
    const { plan, value } = read<Pdu<typeof deliver>>(v);
    expect(value.msgContent.length).toBe(71);
    expect(value.linkId).toBe('');
    expect(Buffer.from(written(plan, value, 145), 'hex').compare(b)).not.toBe(0);
    b[b.indexOf(value.msgContent) - 1] = 71;
    expect(written(plan, value, 145)).toBe(b.toString('hex'));
  });

  it('takes 60 octets in 3.0, and the LinkID behind them', () => {
    const { value } = read<Pdu<typeof deliver>>(named('capture_deliver30_report_60_octets_short_by_11'));
    expect(value.msgContent.length).toBe(60);
    expect(value.linkId).toBe('0000000000000123456');
    expect(readReport(value.msgContent)?.destTerminalId).toBe('10086988');
  });

  it('takes 71 octets in 2.0, whether Msg_Length says so or not', () => {
    const v = named('deliver_30_report_delivrd_71_smsgate');
    const content = read<Pdu<typeof deliver>>(v).value.msgContent;
    const codec = cmppCodec(0x20);
    const value = codec.deliver.fill({ registeredDelivery: 1, msgContent: content, srcTerminalId: '13800138000' });
    const b = Buffer.alloc(frameSize(codec.deliver, value));
    encodeFrame(codec.deliver, value, 1, b, 0);
    expect(b.length).toBe(85 + 71);
    for (const said of [71, 60, 0, 255]) {
      b[b.indexOf(content) - 1] = said;
      expect(readReport(codec.deliver.decode(b, HEADER, b.length).msgContent)).toEqual(readReport(content));
    }
  });
});

describe('deviations', () => {
  it('CANCEL_RESP of 4 octets in a 2.0 session', () => {
    const { value } = read<Pdu<typeof cancelResp>>(named('cancel_resp_4_octets_in_20_session_DEVIATION'));
    expect(value.successId).toBe(1);
  });

  it('answers in the layout of the other version', () => {
    for (const [name, version, result] of [
      ['submit_resp_20_flow_control_8', 0x30, 8],
      ['submit_resp_30_vendor_code_107', 0x20, 107],
    ] as const) {
      const b = octetsOf(named(name));
      expect(cmppCodec(version).submitResp.decode(b, HEADER, b.length).result).toBe(result);
    }
    for (const [name, version] of [
      ['connect_resp_20_auth_failed_status3', 0x30],
      ['connect_resp_30_auth_failed_zero_auth', 0x20],
    ] as const) {
      const b = octetsOf(named(name));
      const got = cmppCodec(version).connectResp.decode(b, HEADER, b.length);
      expect(got.status).toBe(3);
      expect(got.authenticatorIsmg).toBe(latin1(named(name).decoded.authenticator_ismg as string));
      expect(got.version).toBe(named(name).decoded.version);
    }
  });

  it('a refusal of a login that is its status only', () => {
    expect(cmppCodec(0x20).connectResp.decode(Buffer.from('03', 'hex'), 0, 1).status).toBe(3);
    expect(cmppCodec(0x30).connectResp.decode(Buffer.from('00000003', 'hex'), 0, 4).status).toBe(3);
  });

  it('ACTIVE_TEST_RESP without its octet', () => {
    const b = Buffer.from('0000000c8000000800000007', 'hex');
    expect(cmppCodec(0x20).activeTestResp.decode(b, HEADER, 12)).toEqual({ reserved: 0 });
    expect(describeFrame(b, 0x20)).toEqual({ command: 'CMPP_ACTIVE_TEST_RESP', sequence: 7, fields: {} });
  });

  it('LinkID and Reserve short or missing', () => {
    for (const [name, left] of [
      ['pub_deliver_30_mo', 20],
      ['submit_30_ascii', 20],
      ['pub_deliver_20_mo', 8],
      ['submit_20_ascii', 8],
    ] as const) {
      const v = named(name);
      const b = octetsOf(v);
      const { plan } = read(v);
      for (let missing = 0; missing <= left; missing++) {
        const got = plan.decode(b, HEADER, b.length - missing) as Record<string, unknown>;
        expect(Buffer.from(got.msgContent as Uint8Array).toString('hex')).toBe(v.decoded.msg_content_hex);
      }
      expect(() => plan.decode(b, HEADER, b.length - left - 1)).toThrow('counted-overrun');
    }
  });

  it('strings without NUL, padded with blanks, or with garbage behind the NUL', () => {
    const v = named('submit_20_ascii');
    const b = octetsOf(v);
    const { plan } = read(v);
    // Service_Id begins 24 octets into the frame, Src_Id 90.
    for (const [octets, want] of [
      ['ABCDEFGHIJ', 'ABCDEFGHIJ'],
      ['MSVC01    ', 'MSVC01'],
      ['MSVC\0\x07\xff\0xy', 'MSVC'],
      ['\0SVC01\0\0\0\0', ''],
    ] as const) {
      b.write(octets, 24, 'latin1');
      expect((plan.decode(b, HEADER, b.length) as Pdu<typeof submit>).serviceId).toBe(want);
    }
    const full = '106901234001123456789';
    b.write(full, b.indexOf('106901234001'), 'latin1');
    expect((plan.decode(b, HEADER, b.length) as Pdu<typeof submit>).srcId).toBe(full);
  });

  it('TP_udhi 0x40 is a header as well as 1; IEI 0 with a reference of two octets', () => {
    const v = named('capture_deliver30_body_ucs2_tp_udhi_0x40');
    expect((v.decoded.udh as { hex: string }).hex).toBe('050003000101');
    expect(describeFrame(octetsOf(v), 0x30).fields.udh).toEqual(v.decoded.udh);

    const codec = cmppCodec(0x30);
    const value = codec.deliver.fill({ tpUdhi: 1, msgFmt: 8, msgContent: Buffer.from('060004012c0201597d', 'hex') });
    const b = Buffer.alloc(frameSize(codec.deliver, value));
    encodeFrame(codec.deliver, value, 1, b, 0);
    const { fields } = describeFrame(b, 0x30);
    expect(fields.udh).toEqual({
      hex: '060004012c0201',
      elements: [{ iei: 0, data: '012c0201', ref: 300, total: 2, number: 1 }],
    });
    expect(fields.text).toBe('好');
  });

  it('octets behind the last field are shown, and do not disturb', () => {
    const v = named('submit_20_ascii');
    const b = Buffer.concat([octetsOf(v), Buffer.from('abcd', 'hex')]);
    b.writeUInt32BE(b.length, 0);
    const { fields } = describeFrame(b, 0x20);
    expect(fields.trailing_hex).toBe('abcd');
    expect(fields.text).toBe(v.decoded.text);
  });
});

describe('what is no frame', () => {
  it.each([
    ['', 'truncated'],
    ['0000000c00000008000000', 'truncated'],
    ['0000000b0000000800000001', 'length-too-small'],
    ['000010010000000800000001', 'length-too-large'],
    ['0000000d0000000800000001', 'truncated'],
    ['0000000c000000080000000100', 'trailing-octets'],
    ['0000000c0000000300000001', 'unknown-command'],
  ])('%s: %s', (hex, reason) => {
    expect(() => describeFrame(Buffer.from(hex, 'hex'), 0x20)).toThrow(WireFault);
    expect(() => describeFrame(Buffer.from(hex, 'hex'), 0x20)).toThrow(reason);
  });
});

describe('authenticators', () => {
  const logins = vectors.filter((v) => v.context !== undefined && v.decoded.command === 'CMPP_CONNECT');
  const answers = vectors.filter((v) => v.context !== undefined && v.decoded.command === 'CMPP_CONNECT_RESP');

  it('are in ten vectors', () => {
    expect(logins.length).toBe(4);
    expect(answers.length).toBe(6);
  });

  it.each(logins)('$name', (v) => {
    const { value } = read<Pdu<typeof connect>>(v);
    const { secret, auth_valid, md5_source_addr } = v.context!;
    expect(verifySource(value, secret)).toBe(auth_valid);
    expect(verifySource(value, `${secret}x`)).toBe(false);
    expect(verifySource({ ...value, timestamp: value.timestamp + 1 }, secret)).toBe(false);
    expect(verifySource({ ...value, authenticatorSource: '' }, secret)).toBe(false);
    const text = v.decoded.timestamp_text as string;
    const padded = md5_source_addr !== undefined;
    expect(authenticatorSource(value.sourceAddr, secret, text, padded)).toBe(value.authenticatorSource);
    if (padded) expect(authenticatorSource(value.sourceAddr, secret, text)).not.toBe(value.authenticatorSource);
  });

  it.each(answers)('$name', (v) => {
    const { value } = read<Pdu<typeof connectResp>>(v);
    const { secret, authenticator_source, md5_status_octets } = v.context!;
    const source = latin1(authenticator_source!);
    const form = { 1: 'octet', 4: 'uint32', ascii: 'ascii' }[md5_status_octets!];
    expect(verifyIsmg(value, source, secret)).toBe(form);
    expect(verifyIsmg(value, source, `${secret}x`)).toBeUndefined();
    if (v.kind !== 'deviation' && value.status === 0) {
      expect(authenticatorIsmg(value.status, value.version, source, secret)).toBe(value.authenticatorIsmg);
    }
  });

  it('is empty in refusals, ours and those of others', () => {
    for (const name of ['connect_resp_20_auth_failed_zero_auth', 'connect_resp_30_auth_failed_zero_auth']) {
      const { value } = read<Pdu<typeof connectResp>>(named(name));
      expect(verifyIsmg(value, 'x'.repeat(16), 'secret')).toBe('empty');
      expect(authenticatorIsmg(value.status, value.version, 'x'.repeat(16), 'secret')).toBe(value.authenticatorIsmg);
    }
  });
});

describe('Msg_Id', () => {
  const ids = vectors.flatMap((v) => [v.decoded.msg_id, (v.decoded.report as { msg_id?: unknown })?.msg_id]);
  it.each((ids as (MsgId | undefined)[]).filter((id) => id !== undefined))('$hex', ({ u64, hex, ...parts }) => {
    const raw = latin1(hex);
    expect(msgIdDecimal(raw)).toBe(u64);
    expect(msgIdFromDecimal(u64)).toBe(raw);
    expect(msgIdHex(raw)).toBe(hex);
    expect(msgIdParts(raw)).toEqual(parts);
    expect(msgIdOf(parts)).toBe(raw);
  });
});
