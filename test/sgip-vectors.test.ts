import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeFrame } from '../protocols/sgip/describe.ts';
import { encodeFrame, FRAME, frameSize, HEADER, readHeader } from '../protocols/sgip/header.ts';
import { sequenceOf, sequenceParts, sequenceText, stampText } from '../protocols/sgip/sequence.ts';
import { type bind, type report, sgipCodec, type submit } from '../protocols/sgip/tables.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Pdu, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { expectWhole } from './support/whole-frames.ts';

interface Sequence {
  readonly node_id: number;
  readonly timestamp: string;
  readonly counter: number;
}

interface Vector {
  readonly name: string;
  readonly kind: 'generated' | 'published' | 'capture' | 'deviation';
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>> & { readonly sequence: Sequence };
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/sgip.json', import.meta.url), 'utf8')) as Vector[];
const named = (name: string): Vector => {
  const found = vectors.find((v) => v.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};
const octetsOf = (v: Vector): Buffer => Buffer.from(v.hex, 'hex');
const rawOf = (s: Sequence): string =>
  sequenceOf({ nodeId: s.node_id, timestamp: Number(s.timestamp), counter: s.counter });

function read<P>(v: Vector): { plan: Plan; value: P } {
  const b = octetsOf(v);
  const plan = sgipCodec().byId.get(readHeader(b, 0).commandId);
  if (plan === undefined) throw new Error(`${v.name}: no plan`);
  return { plan, value: plan.decode(b, HEADER, b.length) as P };
}

function written(plan: Plan, value: unknown, sequence: string): string {
  const out = Buffer.alloc(frameSize(plan, value as Values<Fields>) + 4, 0xee);
  const end = encodeFrame(plan, value as Values<Fields>, sequence, out, 2);
  expect(end).toBe(out.length - 2);
  expect([out[0], out[1], out[end], out[end + 1]]).toEqual([0xee, 0xee, 0xee, 0xee]);
  return out.toString('hex', 2, end);
}

it('has the whole list', () => {
  expect(vectors.length).toBe(22);
  // No independent encoder for the others: Unbind, UserRpt, CheckUser.
  expect(new Set(vectors.map((v) => v.decoded.command))).toEqual(
    new Set(
      ['BIND', 'BIND_RESP', 'SUBMIT', 'SUBMIT_RESP', 'DELIVER', 'DELIVER_RESP', 'REPORT', 'REPORT_RESP']
        .concat(['TRACE', 'TRACE_RESP'])
        .map((name) => `SGIP_${name}`),
    ),
  );
});

describe('frames that we did not write', () => {
  it.each(vectors)('$name reads as listed', (v) => {
    const { command, sequence, message_length, command_id, ...listed } = v.decoded;
    const b = octetsOf(v);
    const header = readHeader(b, 0);
    expect(header.messageLength).toBe(message_length);
    expect(`0x${header.commandId.toString(16).padStart(8, '0')}`).toBe(command_id);
    expect(describeFrame(b)).toEqual({ command, sequence, fields: listed });
  });

  it.each(vectors)('$name: its sequence is twelve octets, and three numbers', (v) => {
    const { sequence } = readHeader(octetsOf(v), 0);
    expect(Buffer.from(sequence, 'latin1').toString('hex')).toBe(v.hex.slice(16, 40));
    expect(rawOf(v.decoded.sequence)).toBe(sequence);
    const { nodeId, timestamp, counter } = sequenceParts(sequence);
    expect({ node_id: nodeId, timestamp: stampText(timestamp), counter }).toEqual(v.decoded.sequence);
    expect(sequenceText(sequence)).toBe(
      `${v.decoded.sequence.node_id}:${v.decoded.sequence.timestamp}:${v.decoded.sequence.counter}`,
    );
  });

  const rewritten = vectors.filter((v) => v.kind === 'generated' || v.kind === 'published');
  it.each(rewritten)('$name writes back to the same octets', (v) => {
    const { plan, value } = read(v);
    expect(written(plan, value, readHeader(octetsOf(v), 0).sequence)).toBe(v.hex);
  });

  it('every one of them is generated or published: none is left out above', () => {
    expect(rewritten.length).toBe(vectors.length);
  });

  it.each(vectors)('$name comes whole through the framer, split at every octet', (v) => {
    expectWhole(FRAME, octetsOf(v), Buffer.from('0000001400000002b36924b942c4f1d900000009', 'hex'));
  });

  it.each(vectors)('$name cut at any octet gives a typed fault or what is there', (v) => {
    const whole = octetsOf(v);
    const { plan, value } = read<Record<string, unknown>>(v);
    let faults = 0;
    for (let end = HEADER; end < whole.length; end++) {
      // The octets behind the cut are gone, so that a read beyond it would show.
      const b = Buffer.from(whole.subarray(0, end));
      b.writeUInt32BE(end, 0);
      for (const go of [() => plan.decode(b, HEADER, end), () => describeFrame(b)]) {
        try {
          expect(go()).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(WireFault);
          expect((error as WireFault).pdu).toBe(plan.name);
          expect(['truncated', 'counted-overrun']).toContain((error as WireFault).reason);
          faults++;
        }
      }
    }
    expect(faults).toBeGreaterThan(0);
    // An answer never says "taken" where it says nothing.
    if (value.result !== undefined) expect(() => plan.decode(whole, HEADER, HEADER)).toThrow('truncated');
  });
});

describe('layouts', () => {
  it('MessageCoding comes before MessageType, and the length has four octets', () => {
    const b = octetsOf(named('submit_gbk'));
    // Behind header, SPNumber, ChargeNumber, UserCount, one UserNumber, and 5+10+1+6+6+1+1+1+16+16+1+1+1 octets.
    const at = HEADER + 21 + 21 + 1 + 21 + 66;
    expect(b.toString('hex', at, at + 6)).toBe('0f000000000a');
    const { value } = read<Pdu<typeof submit>>(named('submit_gbk'));
    expect([value.messageCoding, value.messageType, value.messageContent.length]).toEqual([15, 0, 10]);
  });

  it('a name and a password of sixteen characters have no NUL', () => {
    const { value } = read<Pdu<typeof bind>>(named('bind_full_width_names_no_nul'));
    expect([value.loginName, value.loginPassword]).toEqual(['sixteen_chars_ab', 'sixteen_chars_pw']);
  });

  it('the octets that a report names the submit by are those of the submit', () => {
    const { value } = read<Pdu<typeof report>>(named('report_failed_99_smsgate'));
    const sent = readHeader(octetsOf(named('submit_two_users_reserve_linkid_smsgate')), 0).sequence;
    expect(value.submitSequenceNumber).toBe(sent);
  });
});

describe('what is no frame', () => {
  it.each([
    ['', 'truncated'],
    ['000000140000000200000000000000000000', 'truncated'],
    ['0000001300000002000000000000000000000000', 'length-too-small'],
    ['0000100100000002000000000000000000000000', 'length-too-large'],
    ['0000001500000002000000000000000000000000', 'truncated'],
    ['000000140000000200000000000000000000000000', 'trailing-octets'],
    ['0000001400000012000000000000000000000000', 'unknown-command'],
  ])('%s: %s', (hex, reason) => {
    expect(() => describeFrame(Buffer.from(hex, 'hex'))).toThrow(WireFault);
    expect(() => describeFrame(Buffer.from(hex, 'hex'))).toThrow(reason);
  });
});
