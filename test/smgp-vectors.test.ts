import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeFrame, frameSize, HEADER, readHeader } from '../protocols/cmpp/header.ts';
import { authenticatorServer, verifyServer } from '../protocols/smgp/auth.ts';
import { describeFrame } from '../protocols/smgp/describe.ts';
import { FRAME } from '../protocols/smgp/header.ts';
import { readReport, writeReport } from '../protocols/smgp/report.ts';
import { type deliver, type loginResp, smgpCodec, type submit } from '../protocols/smgp/tables.ts';
import { TAG, textOf } from '../protocols/smgp/tlv-tags.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Pdu, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { expectWhole } from './support/whole-frames.ts';

interface Vector {
  readonly name: string;
  readonly version: '1.3' | '3.0';
  readonly kind: 'generated' | 'published' | 'capture' | 'deviation';
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>>;
  readonly context?: {
    readonly secret: string;
    readonly authenticator_client: string;
    readonly md5_status_octets: 1 | 4;
    readonly auth_valid: boolean;
  };
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/smgp.json', import.meta.url), 'utf8')) as Vector[];
const named = (name: string): Vector => {
  const found = vectors.find((v) => v.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};
const versionOf = (v: Vector): number => (v.version === '1.3' ? 0x13 : 0x30);
const octetsOf = (v: Vector): Buffer => Buffer.from(v.hex, 'hex');
const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

function read<P>(v: Vector, version = versionOf(v)): { plan: Plan; value: P } {
  const b = octetsOf(v);
  const plan = smgpCodec(version).byId.get(readHeader(b, 0).commandId);
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
  expect(vectors.length).toBe(31);
  const commands = new Set(vectors.map((v) => v.decoded.command));
  const missing = smgpCodec(0x30).plans.filter((plan) => !commands.has(plan.name));
  expect(missing.map((plan) => plan.name)).toEqual([
    'SMGP_LOGIN',
    'SMGP_ACTIVE_TEST',
    'SMGP_FORWARD',
    'SMGP_FORWARD_RESP',
    'SMGP_QUERY',
    'SMGP_QUERY_RESP',
  ]);
});

describe('frames that we did not write', () => {
  it.each(vectors)('$name reads as listed', (v) => {
    const { command, sequence_id, packet_length, request_id, ...listed } = v.decoded;
    const b = octetsOf(v);
    const header = readHeader(b, 0);
    expect(header.totalLength).toBe(packet_length);
    expect(`0x${header.commandId.toString(16).padStart(8, '0')}`).toBe(request_id);
    expect(describeFrame(b, versionOf(v))).toEqual({ command, sequence: sequence_id, fields: listed });
  });

  // Captures and deviations too: what is odd about them is in contents and TLVs, which are kept as they are.
  it.each(vectors)('$name writes back to the same octets', (v) => {
    const { plan, value } = read(v);
    expect(written(plan, value, v.decoded.sequence_id as number)).toBe(v.hex);
  });

  it.each(vectors)('$name comes whole through the framer, split at every octet', (v) => {
    expectWhole(FRAME, octetsOf(v), Buffer.from('0000000c0000000400000001', 'hex'));
  });

  it.each(vectors)('$name cut at any octet gives a typed fault or what is there', (v) => {
    const whole = octetsOf(v);
    const { plan, value } = read<Record<string, unknown>>(v);
    for (let end = HEADER; end < whole.length; end++) {
      // The octets behind the cut are gone, so that a read beyond it would show.
      const b = Buffer.from(whole.subarray(0, end));
      b.writeUInt32BE(end, 0);
      for (const go of [() => plan.decode(b, HEADER, end), () => describeFrame(b, versionOf(v))]) {
        try {
          expect(go()).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(WireFault);
          expect((error as WireFault).pdu).toBe(plan.name);
          expect(['truncated', 'counted-overrun']).toContain((error as WireFault).reason);
        }
      }
    }
    // An answer never says "accepted" where it says nothing.
    if (value.status !== undefined) expect(() => plan.decode(whole, HEADER, HEADER + 3)).toThrow('truncated');
  });
});

describe('deviation 1: layouts of a report', () => {
  const reports = vectors.filter((v) => v.decoded.report !== undefined);

  it('are in five vectors', () => {
    expect(reports.length).toBe(5);
  });

  it.each(reports)('$name', (v) => {
    const listed = v.decoded.report as Record<string, string>;
    const report = readReport(read<Pdu<typeof deliver>>(v).value.msgContent)!;
    const { id, submit_date, done_date, txt_hex, ...words } = listed;
    expect(report).toMatchObject({ ...words, id: latin1(id!), submitDate: submit_date, doneDate: done_date });
    expect(Buffer.from(report.text).toString('hex')).toBe(txt_hex);
  });

  it('ours is the one of the tables, in lower case', () => {
    const v = named('deliver_report_delivrd_spec_labels_122');
    const content = Buffer.from(read<Pdu<typeof deliver>>(v).value.msgContent);
    // The frame has the capitals of the specification's prose; both sides have the same offsets, hence the same octets
    // but for the two letters.
    const ours = writeReport(readReport(content)!);
    content.write('s', content.indexOf('Submit'), 'latin1');
    content.write('t', content.indexOf('Text'), 'latin1');
    expect(ours.toString('hex')).toBe(content.toString('hex'));
    expect(ours.length).toBe(122);
  });
});

describe('deviation 3: FixedFee', () => {
  const thirteen = named('capture_submit_v13_tlvs_1');

  it('is missing in 1.3, and the frames of either version are read in a session of the other', () => {
    for (const v of vectors.filter((one) => one.decoded.command === 'SMGP_SUBMIT')) {
      for (const version of [0x13, 0x20, 0x30]) {
        expect(read<Pdu<typeof submit>>(v, version).value).toEqual(read<Pdu<typeof submit>>(v).value);
      }
    }
    expect(describeFrame(octetsOf(thirteen), 0x13).fields).not.toHaveProperty('fixed_fee');
    expect(describeFrame(octetsOf(thirteen), 0x30).fields).toMatchObject({ fixed_fee: '', src_term_id: '10086' });
    expect(describeFrame(octetsOf(named('submit_ascii_no_tlv')), 0x13).fields).toMatchObject({ fixed_fee: '000000' });
  });

  it('is written as the version has it', () => {
    const { value } = read<Pdu<typeof submit>>(named('submit_ascii_no_tlv'));
    expect(written(smgpCodec(0x13).submit as unknown as Plan, value, 1).length / 2).toBe(151);
    expect(written(smgpCodec(0x20).submit as unknown as Plan, value, 1).length / 2).toBe(157);
  });
});

describe('TLVs', () => {
  it('deviation 4: texts a NUL longer or at their natural length', () => {
    for (const [name, tag, length, text] of [
      ['submit_productid_linkid_tlvs_zjtelecom', TAG.mServiceId, 9, 'PRODUCT01'],
      ['submit_productid_linkid_tlvs_zjtelecom', TAG.linkId, 20, '11202032250000000001'],
      ['capture_submit_v13_tlvs_1', TAG.mServiceId, 4, 'ABC'],
    ] as const) {
      const { tlvs } = read<Pdu<typeof submit>>(named(name)).value;
      expect(tlvs.find((t) => t.tag === tag)?.value.length).toBe(length);
      expect(textOf(tlvs, tag)).toBe(text);
    }
  });

  it('deviation 5: an unknown one is kept, one cut short at the end of the frame is dropped', () => {
    const v = named('capture_submit_v13_tlvs_2');
    const b = octetsOf(v);
    const { plan, value } = read<Pdu<typeof submit>>(v);
    expect(value.tlvs.map((t) => t.tag)).toContain(0x0014);
    for (let end = b.length - 1; end > b.length - 8; end--) {
      const cut = plan.decode(b, HEADER, end) as Pdu<typeof submit>;
      expect(cut.tlvs).toEqual(value.tlvs.slice(0, -1));
      expect(cut.srcTermId).toBe('10086');
    }
    b.writeUInt32BE(b.length - 2, 0);
    const { fields } = describeFrame(b.subarray(0, b.length - 2), 0x13);
    expect(fields.trailing_hex).toBe('001200044142');
    expect(fields.text).toBe(v.decoded.text);
  });
});

describe('deviation 6: authenticators of servers', () => {
  const answers = vectors.filter((v) => v.context !== undefined);

  it.each(answers)('$name', (v) => {
    const { value } = read<Pdu<typeof loginResp>>(v);
    const { secret, authenticator_client, md5_status_octets } = v.context!;
    const client = latin1(authenticator_client);
    expect(verifyServer(value, client, secret)).toBe(md5_status_octets === 4 ? 'uint32' : 'octet');
    expect(verifyServer(value, client, `${secret}x`)).toBeUndefined();
    const ours = authenticatorServer(value.status, client, secret);
    expect(ours === value.authenticatorServer).toBe(md5_status_octets === 4);
  });

  it('of refusals prove nothing: zeros, or a digest without the secret', () => {
    const client = latin1('e0b999fbbe667f577843adb1f81f5b66');
    const zeros = read<Pdu<typeof loginResp>>(named('login_resp_auth_error_21')).value;
    expect(verifyServer(zeros, client, 'any')).toBe('empty');
    expect(authenticatorServer(21, client, 'any')).toBe(zeros.authenticatorServer);
    const keyless = read<Pdu<typeof loginResp>>(named('login_resp_ip_error_20_zjtelecom')).value;
    expect(verifyServer(keyless, client, 'any')).toBe('keyless');
  });
});

describe('what is no frame', () => {
  it.each([
    ['', 'truncated'],
    ['0000000c00000004000000', 'truncated'],
    ['0000000b0000000400000001', 'length-too-small'],
    ['000010010000000400000001', 'length-too-large'],
    ['0000000d0000000400000001', 'truncated'],
    ['0000000c000000040000000100', 'trailing-octets'],
    ['0000000c0000000800000001', 'unknown-command'],
  ])('%s: %s', (hex, reason) => {
    expect(() => describeFrame(Buffer.from(hex, 'hex'), 0x30)).toThrow(WireFault);
    expect(() => describeFrame(Buffer.from(hex, 'hex'), 0x30)).toThrow(reason);
  });
});
