import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFrame } from '../protocols/smpp/describe.ts';
import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE, readHeader, sequenceOf } from '../protocols/smpp/header.ts';
import { type IdRule, normalForms, sameId } from '../protocols/smpp/message-id.ts';
import { messageOctets, UDHI } from '../protocols/smpp/payload.ts';
import { networkError } from '../protocols/smpp/receipt.ts';
import { ESME, status, statusCode, statusName } from '../protocols/smpp/status.ts';
import {
  type bindTransceiver,
  type dataSm,
  smppCodec,
  type submitMulti,
  type submitSm,
} from '../protocols/smpp/tables.ts';
import { absoluteTime, parseTime, relativeTime } from '../protocols/smpp/time.ts';
import { TAG, tlvName, tlvRow, tlvTag } from '../protocols/smpp/tlv-tags.ts';
import { faultStatus, validateBind, validateData, validateMulti, validateSubmit } from '../protocols/smpp/validate.ts';
import { parseUdh } from '../protocols/text/udh.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import { foreignProtocol } from '../protocols/wire/foreign.ts';
import { createFramer } from '../protocols/wire/frame.ts';
import { type Pdu, specName } from '../protocols/wire/pdu.ts';
import { type Tlv, tlvText, tlvUint } from '../protocols/wire/tlv.ts';
import malformed from './vectors/smpp/malformed.json' with { type: 'json' };
import ids from './vectors/smpp/message-ids.json' with { type: 'json' };
import streams from './vectors/smpp/streams.json' with { type: 'json' };
import times from './vectors/smpp/times.json' with { type: 'json' };
import frames from './vectors/smpp.json' with { type: 'json' };

interface Vector {
  name: string;
  version: string;
  kind: string;
  hex: string;
  error?: string;
  gateway: string;
  decoded: Record<string, unknown>;
}
const vectors = frames as unknown as Vector[];
const versionOf = (v: Vector): number => (v.version === '5.0' ? 0x50 : 0x34);

/** What the codec and the validation make of octets, as a session would ask them; `fault` where the decoder refused. */
interface Verdict {
  severity: 'fatal' | 'reject' | 'ignore' | 'wait' | 'accept';
  reply?: { command: string; command_status: number; sequence_number: number } | undefined;
  fault?: string;
  command?: string | undefined;
  value?: Record<string, unknown>;
}

function judge(octets: Buffer, version = 0x34): Verdict[] {
  const verdicts: Verdict[] = [];
  const framer = createFramer(FRAME, (b, start, end) => {
    verdicts.push(judgeFrame(b, start, end, version));
    return true;
  });
  try {
    framer.push(octets);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    const nack = { command: 'generic_nack', command_status: ESME.RINVCMDLEN, sequence_number: sequenceOf(octets) };
    const reply = foreignProtocol(octets) === undefined ? nack : undefined;
    verdicts.push({ severity: 'fatal', fault: error.reason, reply });
  }
  if (framer.partial > 0) verdicts.push({ severity: 'wait' });
  return verdicts;
}

function judgeFrame(b: Buffer, start: number, end: number, version: number): Verdict {
  const { commandId, commandStatus, sequenceNumber } = readHeader(b, start);
  const codec = smppCodec(version);
  const plan = codec.byId.get(commandId);
  const isResponse = commandId >= RESPONSE;
  if (plan === undefined) {
    if (isResponse) return { severity: 'ignore', fault: 'unknown-command' };
    const reply = { command: 'generic_nack', command_status: ESME.RINVCMDID, sequence_number: sequenceNumber };
    return { severity: 'reject', fault: 'unknown-command', reply };
  }
  const reply = (code: number) => ({
    command: codec.byId.get(commandId + RESPONSE)?.name ?? '',
    command_status: code,
    sequence_number: sequenceNumber,
  });
  let value: Record<string, unknown>;
  try {
    value = plan.decode(b, start + HEADER, end);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    return { severity: 'reject', fault: error.reason, reply: reply(faultStatus(error, commandId)) };
  }
  const code = validate(plan.name, value);
  const seen = { command: plan.name, value: { ...value, commandStatus, sequenceNumber } };
  return code === 0 ? { severity: 'accept', ...seen } : { severity: 'reject', reply: reply(code), ...seen };
}

function validate(command: string, value: unknown): number {
  switch (command) {
    case 'submit_sm':
      return validateSubmit(value as Pdu<typeof submitSm>);
    case 'submit_multi':
      return validateMulti(value as Pdu<typeof submitMulti>);
    case 'data_sm':
      return validateData(value as Pdu<typeof dataSm>);
    case 'bind_receiver':
    case 'bind_transmitter':
    case 'bind_transceiver':
      return validateBind(value as Pdu<typeof bindTransceiver>);
    default:
      return 0;
  }
}

/** A vector's values in the shape that `describeFrame` gives. */
function listed(decoded: Record<string, unknown>): Record<string, unknown> {
  const {
    command_length: _l,
    command_id: _i,
    command_status: _s,
    sequence_number: _n,
    command: _c,
    ...fields
  } = decoded;
  return fields;
}

const zero = (value: unknown): boolean => value === 0 || value === '' || (Array.isArray(value) && value.length === 0);

describe.each(vectors.filter((v) => v.error === undefined))('$name', (v) => {
  const frame = Buffer.from(v.hex, 'hex');
  const codec = smppCodec(versionOf(v));
  const header = readHeader(frame, 0);
  const plan = codec.byId.get(header.commandId)!;
  const bodyFull = (): boolean => {
    const value = plan.decode(frame, HEADER, frame.length);
    return HEADER + plan.size(value) === frame.length;
  };

  it('decodes to the listed values', () => {
    const described = describeFrame(frame, versionOf(v));
    expect(described.command).toBe(v.decoded.command);
    expect(described.status).toBe(v.decoded.command_status);
    expect(described.sequence).toBe(v.decoded.sequence_number);
    const want = listed(v.decoded);
    for (const [key, value] of Object.entries(described.fields)) {
      // A tail that the peer left out reads as nothing.
      if (!(key in want)) expect(zero(value), key).toBe(true);
    }
    expect(described.fields).toMatchObject(want);
  });

  if (v.kind !== 'deviation')
    it('encodes to the same octets', () => {
      const value = plan.decode(frame, HEADER, frame.length);
      const out = Buffer.alloc(frame.length + 100, 0xee);
      if (header.commandStatus !== 0 && header.commandId >= RESPONSE) {
        // We send a refusal without a body (3.4: 4.4.2); the body that this peer sent is checked by itself.
        expect(encodeFrame(plan, value, header.commandStatus, header.sequenceNumber, out, 0)).toBe(HEADER);
        expect(out.toString('hex', 4, HEADER)).toBe(frame.toString('hex', 4, HEADER));
        if (frame.length > HEADER) {
          const end = plan.encode(value, out, HEADER);
          expect(out.toString('hex', HEADER, end)).toBe(frame.toString('hex', HEADER));
        }
        return;
      }
      if (!bodyFull()) {
        expect(v.name).toMatch(headerAlone);
        expect(v.hex).toHaveLength(2 * HEADER);
        const end = encodeFrame(plan, value, 0, header.sequenceNumber, out, 0);
        expect(out.toString('hex', 0, end)).toBe(`00000011${v.hex.slice(8)}00`);
        return;
      }
      const end = encodeFrame(plan, value, header.commandStatus, header.sequenceNumber, out, 3);
      expect(out.toString('hex', 3, end)).toBe(v.hex);
      expect(frameSize(plan, value, header.commandStatus)).toBe(frame.length);
      expect(out[end]).toBe(0xee);
    });

  it('comes whole out of the framer, wherever it is split', () => {
    for (let cut = 0; cut <= frame.length; cut++) {
      const got: string[] = [];
      const framer = createFramer(FRAME, (b, s, e) => got.push(b.toString('hex', s, e)) > 0);
      framer.push(Buffer.from(frame.subarray(0, cut)));
      framer.push(Buffer.concat([frame.subarray(cut), frame]));
      expect(got, `split at ${cut}`).toEqual([v.hex, v.hex]);
      expect(framer.partial).toBe(0);
    }
  });

  it('cut at any octet, is read without its tail or refused with a typed fault', () => {
    const value = plan.decode(frame, HEADER, frame.length) as Record<string, unknown>;
    const withoutTlvs = { ...value, tlvs: [] };
    const mandatory = HEADER + plan.size(withoutTlvs as never);
    for (let cut = HEADER; cut < frame.length; cut++) {
      let read: Record<string, unknown> | undefined;
      try {
        read = plan.decode(frame, HEADER, cut);
      } catch (error) {
        expect(error, `cut at ${cut}`).toBeInstanceOf(WireFault);
        expect(plan.table.rules.lenient, `cut at ${cut}`).toBe(false);
        continue;
      }
      // Octets of fields that had to be there cannot be missed without notice, unless the table is patient.
      if (cut < mandatory && !plan.table.rules.lenient) {
        expect(patient[plan.name], `${plan.name} cut at ${cut}`).toBeDefined();
      }
      expect(Object.keys(read)).toEqual(Object.keys(value));
    }
  });

  it('random octets in its place never get past a typed fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat({ max: frame.length }), (noise, keep) => {
        const b = Buffer.concat([frame.subarray(HEADER, Math.max(HEADER, keep)), noise]);
        try {
          const value = plan.decode(b, 0, b.length);
          validate(plan.name, value);
          // What was read can be written again.
          const out = Buffer.alloc(plan.size(value));
          expect(plan.encode(value, out, 0)).toBe(out.length);
        } catch (error) {
          expect(error).toBeInstanceOf(WireFault);
        }
      }),
      { numRuns: 30 },
    );
  });
});

/** Commands whose last field may be missing in a request, with the reason. */
const patient: Record<string, string> = {
  bind_receiver: 'address_range is left out by short clients',
  bind_transmitter: 'address_range is left out by short clients',
  bind_transceiver: 'address_range is left out by short clients',
  deliver_sm: 'short_message beyond the frame is taken as far as it goes',
};

/**
 * Published input of decoders that is no good output: an answer with status 0 must bring message_id, at least its NUL
 * (3.4: 4.4.2, 4.6.2, 4.7.2), and these peers send the header alone. We write the NUL.
 */
const headerAlone = /^pub_cloudhopper_decode_(submit|deliver|data)_sm_resp_/;

describe('deviations that the reference refuses', () => {
  /** Where two references disagree about the very same octets, what we do and why. */
  const decided: Record<string, { severity: string; status?: number; why: string }> = {
    pub_cloudhopper_decode_deliver_smwith_correct_total_byte_length_but_invalid_short_message_length_1164: {
      severity: 'accept',
      why: 'malformed.json (sm_length-16-with-8-nextel): an SMSC repeats for days what is refused, take what is there',
    },
    pub_cloudhopper_decode_deliver_sm_netfors_delivery_receipt_triggered_error_in_legacy_smpp_library_694: {
      severity: 'accept',
      why: 'malformed.json (tlv-overrun-netfors): receipts keep the cut parameter',
    },
    dev_sm_length_short: {
      severity: 'reject',
      status: ESME.RINVCMDLEN,
      why: 'three stray octets, the same as dev_tlv_3_bytes, for which 0x02 is asked: octets alone cannot tell them apart',
    },
    dev_multi_count_too_big: {
      severity: 'reject',
      status: ESME.RINVDESTFLAG,
      why: 'malformed.json (multi-count-over-addresses): what is seen is a dest_flag that is none',
    },
    dev_tlv_3_bytes: { severity: 'reject', status: ESME.RINVCMDLEN, why: 'not zeros' },
    dev_trailing_nul_after_text: { severity: 'accept', why: 'zeros' },
    dev_enquire_link_with_body: { severity: 'accept', why: 'one zero' },
    pub_cloudhopper_decode_bad_pdu_but_skip_all_data_in_buffer_116: {
      severity: 'reject',
      status: ESME.RINVCMDID,
      why: 'the first of two PDUs is unknown; that the second is read is checked below',
    },
  };

  it.each(vectors.filter((v) => v.error !== undefined))('$name: $error', (v) => {
    const [verdict] = judge(Buffer.from(v.hex, 'hex'), versionOf(v));
    const asked = /0x([0-9A-F]{2})/.exec(v.gateway)?.[1];
    const want = decided[v.name] ?? {
      severity: v.gateway.includes('close')
        ? 'fatal'
        : v.gateway.startsWith('lenient')
          ? 'accept'
          : v.gateway.startsWith('wait')
            ? 'wait'
            : v.gateway === 'drop'
              ? 'ignore'
              : 'reject',
      ...(asked !== undefined && !v.gateway.startsWith('lenient') ? { status: Number.parseInt(asked, 16) } : {}),
    };
    expect({ severity: verdict?.severity, status: verdict?.reply?.command_status }).toEqual({
      severity: want.severity,
      status: want.status,
    });
  });

  it('goes on behind an unknown PDU', () => {
    const v = vectors.find((x) => x.error === 'bytes_after_command_length')!;
    const verdicts = judge(Buffer.from(v.hex, 'hex'));
    expect(verdicts.map((x) => x.severity)).toEqual(['reject', 'accept']);
    expect(verdicts[1]?.command).toBe('enquire_link');
  });

  it('refuses at validation what the codec reads but no customer may send', () => {
    const check = (name: string) => judge(Buffer.from(vectors.find((v) => v.name === name)!.hex, 'hex'))[0];
    // Both are read by the codec (see above); malformed.json asks for a refusal on the customer's side.
    expect(check('dev_both_payload_and_text')?.reply?.command_status).toBe(ESME.ROPTPARNOTALLWD);
    expect(check('dev_udhi_without_text')?.reply?.command_status).toBe(ESME.RINVESMCLASS);
    for (const name of ['dev_sm_255', 'dev_tlv_duplicate', 'dev_concat_zero_of_zero', 'dev_request_with_status']) {
      expect(check(name)?.severity, name).toBe('accept');
    }
  });
});

interface Malformed {
  name: string;
  note?: string;
  hex: string;
  expected: {
    error: string | null;
    stage: string;
    severity: string;
    reply: { command: string; command_status: number; sequence_number: number } | null;
    accepted_as?: Record<string, unknown>;
  };
}

describe('malformed', () => {
  const reasons: Record<string, string> = {
    CMDLEN_TOO_SMALL: 'length-too-small',
    CMDLEN_TOO_LARGE: 'length-too-large',
    UNKNOWN_COMMAND: 'unknown-command',
    BODY_TRUNCATED: 'truncated',
    NULL_MISSING: 'no-terminator',
    SM_LENGTH_OVERRUN: 'counted-overrun',
    TLV_OVERRUN: 'tlv-overrun',
    TLV_TOO_MANY: 'tlv-too-many',
    DEST_FLAG: 'bad-choice',
  };

  it.each((malformed.cases as Malformed[]).map((c) => [c.name, c] as const))('%s', (_name, c) => {
    const { expected } = c;
    const frame = Buffer.from(c.hex, 'hex');
    const [verdict] = judge(frame);
    // What is decided by session state is no matter of octets: the codec reads these.
    const want = expected.severity === 'lenient' || expected.stage === 'session' ? 'accept' : expected.severity;
    expect(verdict?.severity).toBe(want);
    if (want === 'fatal' || want === 'reject') expect(verdict?.reply ?? null).toEqual(expected.reply);
    if (verdict?.fault !== undefined) expect(verdict.fault).toBe(reasons[expected.error ?? '']);
    if (want === 'accept') {
      const { commandId, sequenceNumber } = readHeader(frame, 0);
      if (expected.reply !== null) {
        const answer = smppCodec(0x34).byId.get(commandId + RESPONSE)!;
        const out = Buffer.alloc(HEADER);
        expect(encodeFrame(answer, answer.fill({}), 0, sequenceNumber, out, 0)).toBe(HEADER);
        expect(answer.name).toBe(expected.reply.command);
        expect(readHeader(out, 0).sequenceNumber).toBe(expected.reply.sequence_number);
      }
      expectAccepted(verdict!, expected.accepted_as ?? {});
    }
  });

  function expectAccepted(verdict: Verdict, want: Record<string, unknown>): void {
    const value = verdict.value!;
    const tlvs = value.tlvs as readonly Tlv[];
    for (const [key, expected] of Object.entries(want)) {
      const field = key.replace(/_(.)/g, (_, c: string) => c.toUpperCase());
      if (key === 'command') expect(verdict.command).toBe(expected);
      else if (key === 'short_message_hex') {
        expect(Buffer.from(value.shortMessage as Uint8Array).toString('hex')).toBe(expected);
      } else if (key === 'network_error_code') expect(networkError(tlvs)?.code).toBe(expected);
      else if (field in value) expect(value[field], key).toBe(expected);
      else if (typeof expected === 'number') expect(tlvUint(tlvs, tlvTag(key)!), key).toBe(expected);
      else expect(tlvText(tlvs, tlvTag(key)!), key).toBe(expected);
    }
  }

  it('an impossible concatenation is ignored and the later of two counts', () => {
    const udhOf = (name: string) => {
      const [verdict] = judge(Buffer.from(malformed.cases.find((c) => c.name === name)!.hex, 'hex'));
      const value = verdict!.value as unknown as Pdu<typeof submitSm>;
      expect(value.esmClass & UDHI).toBe(UDHI);
      return parseUdh(messageOctets(value)).concat;
    };
    expect(udhOf('udh-concat-total-0')).toBeUndefined();
    expect(udhOf('udh-concat-seq-over-total')).toBeUndefined();
    expect(udhOf('udh-concat-wrong-ie-length')).toBeUndefined();
    expect(udhOf('udh-two-concat-elements')).toMatchObject({ refBits: 16, ref: 1, total: 2, seq: 1 });
  });

  it('names the protocols that end up on the wrong port', () => {
    const of = (name: string) => foreignProtocol(Buffer.from(malformed.cases.find((c) => c.name === name)!.hex, 'hex'));
    expect(of('http-get')).toBe('HTTP');
    expect(of('tls-client-hello-on-plain-port')).toBe('TLS');
    expect(of('proxy-protocol-v1')).toBe('PROXY protocol 1');
    expect(of('proxy-protocol-v2')).toBe('PROXY protocol 2');
    expect(of('ssh-banner')).toBe('SSH');
    expect(of('len-0')).toBeUndefined();
    expect(of('len-15')).toBeUndefined();
  });
});

describe('a customer and an SMSC are read with different patience', () => {
  const codec = smppCodec(0x34);
  // data_sm of which message_payload says 9 octets and brings 3.
  const body = Buffer.from(`00${'0101353500'.repeat(2)}000000${'04240009616263'}`, 'hex');

  it('a cut data_sm is refused from a customer and taken from an SMSC', () => {
    expect(() => codec.byId.get(0x103)!.decode(body, 0, body.length)).toThrow('data_sm.tlvs: tlv-overrun');
    const value = codec.fromServer.get(0x103)!.decode(body, 0, body.length) as unknown as Pdu<typeof dataSm>;
    expect(Buffer.from(messageOctets(value)).toString()).toBe('abc');
  });

  it('both know the same commands', () => {
    expect([...codec.fromServer.keys()]).toEqual([...codec.byId.keys()]);
  });
});

describe('versions', () => {
  it('fall to what the peer can take', () => {
    expect([0, 0x30, 0x33, 0x34, 0x35, 0x40, 0x50, 0x51, 0x7b].map((v) => smppCodec(v).version)).toEqual([
      0x33, 0x33, 0x33, 0x34, 0x34, 0x34, 0x50, 0x50, 0x34,
    ]);
    expect(smppCodec(0x34)).toBe(smppCodec(0x35));
    expect(smppCodec(0x34).byId.has(0x111)).toBe(false);
    expect(smppCodec(0x50).byId.has(0x111)).toBe(true);
  });

  it('a 3.3 peer is sent no optional parameter, and its own are read', () => {
    const old = smppCodec(0x33).submitSmResp;
    const value = { messageId: '1A', tlvs: [{ tag: TAG.congestionState, value: Buffer.of(80) }] };
    const out = Buffer.alloc(old.size(value));
    expect(old.encode(value, out, 0)).toBe(3);
    expect(out.toString('hex')).toBe('314100');
    const sent = Buffer.from('314100' + '0428000150', 'hex');
    expect(tlvUint(old.decode(sent, 0, sent.length).tlvs, TAG.congestionState)).toBe(80);
  });
});

describe('streams', () => {
  interface Stream {
    name: string;
    chunks?: string[];
    hex_head?: string;
    fill?: { octet: string; count: number };
    chunk_size?: number;
    expected: { pdus: Record<string, unknown>[]; leftover_hex: string; error: string | null };
  }

  it.each((streams as unknown as Stream[]).map((s) => [s.name, s] as const))('%s', (_name, s) => {
    let chunks = (s.chunks ?? []).map((c) => Buffer.from(c, 'hex'));
    if (s.fill !== undefined && s.hex_head !== undefined && s.chunk_size !== undefined) {
      const whole = Buffer.from(s.hex_head + s.fill.octet.repeat(s.fill.count), 'hex');
      chunks = [];
      for (let o = 0; o < whole.length; o += s.chunk_size) chunks.push(whole.subarray(o, o + s.chunk_size));
    }
    const got: Record<string, unknown>[] = [];
    const framer = createFramer(FRAME, (b, start, end) => {
      const verdict = judgeFrame(b, start, end, 0x34);
      const { commandLength, sequenceNumber } = readHeader(b, start);
      const seen: Record<string, unknown> = { sequence_number: sequenceNumber, command_length: commandLength };
      if (verdict.fault === undefined) seen.command = verdict.command;
      else seen.error = { 'unknown-command': 'UNKNOWN_COMMAND', truncated: 'BODY_TRUNCATED' }[verdict.fault];
      const payload = (verdict.value?.tlvs as readonly Tlv[] | undefined)?.find((t) => t.tag === TAG.messagePayload);
      if (payload !== undefined) seen.message_payload_length = payload.value.length;
      got.push(seen);
      return true;
    });
    let fault: string | null = null;
    try {
      for (const chunk of chunks) framer.push(chunk);
    } catch (error) {
      expect(error).toBeInstanceOf(WireFault);
      fault = (error as WireFault).reason;
    }
    expect(fault).toBe(s.expected.error === null ? null : 'length-too-small');
    expect(got).toHaveLength(s.expected.pdus.length);
    s.expected.pdus.forEach(({ frame: _frame, ...want }, i) => {
      expect(got[i]).toMatchObject(want);
    });
    if (fault === null) expect(framer.partial).toBe(s.expected.leftover_hex.length / 2);
  });
});

describe('times', () => {
  interface Time {
    text: string;
    kind: string;
    utc?: string;
    [part: string]: unknown;
  }
  const now = Date.UTC(2026, 0, 31, 12, 0, 0, 250);

  it.each((times as Time[]).map((t) => [t.text, t] as const))('"%s"', (_text, t) => {
    const got = parseTime(t.text, now);
    expect(got.kind).toBe(t.kind);
    if (got.kind === 'absolute') {
      expect(new Date(got.at).toISOString()).toBe(t.utc);
    } else if (got.kind === 'relative') {
      const { years, months, days, hours, minutes, seconds } = t;
      expect(got).toMatchObject({ years, months, days, hours, minutes, seconds });
    }
  });

  it('counts relative times by the calendar and the clock', () => {
    const at = (text: string) => {
      const time = parseTime(text, now);
      return time.kind === 'relative' ? new Date(time.at).toISOString() : time.kind;
    };
    expect(at('000000001000000R')).toBe('2026-01-31T12:10:00.250Z');
    expect(at('000100000000000R')).toBe('2026-02-28T12:00:00.250Z');
    expect(at('020100000000000R')).toBe('2028-02-29T12:00:00.250Z');
    expect(at('001200000000000R')).toBe('2027-01-31T12:00:00.250Z');
  });

  it('writes what it reads back, in any zone', () => {
    const from = Date.UTC(2000, 0, 2);
    const to = Date.UTC(2099, 11, 30);
    fc.assert(
      fc.property(fc.integer({ min: from, max: to }), fc.integer({ min: -48, max: 48 }), (ms, quarters) => {
        const text = absoluteTime(ms, quarters * 15);
        expect(text).toHaveLength(16);
        expect(parseTime(text, 0)).toEqual({ kind: 'absolute', at: Math.floor(ms / 100) * 100 });
        const local = new Date(ms + quarters * 900_000).toISOString();
        expect(text.slice(0, 12)).toBe(local.replace(/\D/g, '').slice(2, 14));
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 32 * 86_400 - 1 }), (seconds) => {
        const time = parseTime(relativeTime(seconds)!, 0);
        expect(time).toMatchObject({ kind: 'relative', at: seconds * 1000, months: 0, years: 0 });
      }),
    );
    expect(relativeTime(32 * 86_400)).toBeUndefined();
  });
});

describe('message ids', () => {
  const rules: Record<string, IdRule> = {
    'hex-resp/decimal-receipt': 'hex-response',
    'decimal-resp/hex-receipt': 'hex-receipt',
  };

  it.each(ids.map((p) => [p.submit_sm_resp_id, p.receipt_id, p.rule, p.match] as const))(
    '%s and %s, %s: %s',
    (response, receipt, rule, match) => {
      expect(sameId(response, receipt, rules[rule] ?? 'same')).toBe(match);
    },
  );

  it('has forms to index by that find the same pairs', () => {
    for (const p of ids.filter((x) => rules[x.rule] === undefined)) {
      expect(normalForms(p.submit_sm_resp_id).trimmed === normalForms(p.receipt_id).trimmed, p.rule).toBe(p.match);
    }
    expect(normalForms(' 00Ab ')).toEqual({ exact: ' 00Ab ', folded: '00ab', trimmed: 'ab' });
    expect(normalForms('0000').trimmed).toBe('0');
    expect(normalForms('').trimmed).toBe('');
  });

  it('converts any 64-bit id exactly and rewrites nothing that is no number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 8 }), (n, zeros) => {
        const hex = n.toString(16);
        const padded = '0'.repeat(zeros) + n.toString();
        expect(sameId(hex, padded, 'hex-response')).toBe(true);
        expect(sameId(padded, hex.toUpperCase(), 'hex-receipt')).toBe(true);
        expect(sameId(hex, (n + 1n).toString(), 'hex-response')).toBe(hex === (n + 1n).toString());
      }),
    );
    expect(sameId('msg-10', '16', 'hex-response')).toBe(false);
    expect(sameId('', '0', 'hex-response')).toBe(false);
  });
});

describe('names', () => {
  it('of statuses', () => {
    expect(statusName(0x58)).toBe('ESME_RTHROTTLED');
    expect(statusName(0x401)).toBe('0x00000401');
    expect(statusCode('rmsgqful')).toBe(0x14);
    expect(status(0x14).class).toBe('throttle');
    expect(status(0x401)).toMatchObject({ class: 'soft', code: 0x401 });
  });

  it('of optional parameters', () => {
    expect(tlvName(0x0204)).toBe('user_message_reference');
    expect(tlvName(0x1400)).toBe('0x1400');
    expect(tlvTag('0x1400')).toBe(0x1400);
    expect(tlvTag('nonsense')).toBeUndefined();
    expect(tlvRow(TAG.sarMsgRefNum)).toEqual({ tag: 0x020c, name: 'sar_msg_ref_num', kind: 'uint2' });
  });

  it('of fields are the specification’s', () => {
    const names = Object.keys(smppCodec(0x34).submitSm.table.fields).map(specName);
    expect(names.slice(0, 7)).toEqual([
      'service_type',
      'source_addr_ton',
      'source_addr_npi',
      'source_addr',
      'dest_addr_ton',
      'dest_addr_npi',
      'destination_addr',
    ]);
  });
});

describe('describeFrame', () => {
  it('refuses what is no whole frame', () => {
    const fault = (hex: string) => {
      try {
        describeFrame(Buffer.from(hex, 'hex'), 0x34);
      } catch (error) {
        return (error as WireFault).reason;
      }
      return undefined;
    };
    expect(fault('00000010')).toBe('truncated');
    expect(fault('0000000f000000150000000000000001')).toBe('length-too-small');
    expect(fault('00011171000000040000000000000009')).toBe('length-too-large');
    expect(fault('0000001100000015000000000000000100ff')).toBe('trailing-octets');
    expect(fault('00000010000001100000000000000001')).toBe('unknown-command');
    expect(fault('00000010000000040000000000000001')).toBe('truncated');
    expect(fault('00000010000000150000000000000001')).toBeUndefined();
  });
});
