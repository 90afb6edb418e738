import fc from 'fast-check';
import smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { encodeFrame, frameSize, HEADER, RESPONSE } from '../protocols/smpp/header.ts';
import { smppCodec } from '../protocols/smpp/tables.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { type Fields, specName } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import type { Tlv } from '../protocols/wire/tlv.ts';

/*
 * Our codec against the `smpp` package, whose code is not ours, in both directions. Its filters turn texts, times and
 * structured parameters into objects and lose octets on the way, so they are taken off: fields and octets are compared.
 */
smpp.PDU.maxLength = 70_000;
for (const command of Object.values(smpp.commands))
  for (const p of Object.values(command.params ?? {})) delete p.filter;
for (const row of Object.values(smpp.tlvsById)) delete row.filter;

const RUNS = 200;
const codec = smppCodec(0x50);
const plans = [...codec.byId.values()].filter((p) => smpp.commandsById[p.id] !== undefined);

const byte = fc.nat({ max: 255 });
/** Seven bits: the package reads strings as ASCII. */
const text = (max: number) => fc.stringMatching(new RegExp(`^[\\x01-\\x7f]{0,${max}}$`));
const buffer = (max: number) => fc.uint8Array({ maxLength: max }).map((a) => Buffer.from(a));

const destAddress = fc.oneof(
  fc.record({ destFlag: fc.constant(1 as const), destAddrTon: byte, destAddrNpi: byte, destinationAddr: text(20) }),
  fc.record({ destFlag: fc.constant(2 as const), dlName: text(20) }),
);
const unsuccessSme = fc.record({
  destAddrTon: byte,
  destAddrNpi: byte,
  destinationAddr: text(20),
  errorStatusCode: fc.nat({ max: 0xffffffff }),
});

/** Any value of a plan's fields, TLVs aside. */
function bodyOf(plan: Plan): fc.Arbitrary<Record<string, unknown>> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, kind] of Object.entries(plan.table.fields as Fields)) {
    if (key === 'tlvs') continue;
    if (key === 'destAddress') model[key] = fc.array(destAddress, { maxLength: 20 });
    else if (key === 'unsuccessSme') model[key] = fc.array(unsuccessSme, { maxLength: 20 });
    else if (typeof kind.zero === 'number') model[key] = byte;
    else if (typeof kind.zero === 'string') model[key] = text(kind.max);
    else model[key] = buffer(kind.max);
  }
  return fc.record(model);
}

/** A parameter as both sides see it. */
interface Parameter {
  tag: number;
  name: string;
  octets: Buffer;
  value: unknown;
}

/** What the package cannot keep apart from a field, or calls by another name in that PDU. */
const clash = (plan: Plan, name: string): boolean =>
  Object.keys(smpp.commandsById[plan.id]?.params ?? {}).includes(name) ||
  smpp.commandsById[plan.id]?.tlvMap?.[name] !== undefined;

function parameterOf(row: (typeof smpp.tlvsById)[number]): fc.Arbitrary<Parameter> {
  const { tlv } = smpp.types;
  const base = { tag: row.id, name: row.tag };
  const uint = (width: number) =>
    fc.nat({ max: 256 ** width - 1 }).map((value) => {
      const octets = Buffer.alloc(width);
      octets.writeUIntBE(value, 0, width);
      return { ...base, octets, value };
    });
  switch (row.type) {
    case tlv.int8:
      return uint(1);
    case tlv.int16:
      return uint(2);
    case tlv.int32:
      return uint(4);
    case tlv.cstring:
      return text(64).map((value) => ({ ...base, octets: Buffer.from(`${value}\0`, 'latin1'), value }));
    case tlv.string:
      return text(64).map((value) => ({ ...base, octets: Buffer.from(value, 'latin1'), value }));
    default:
      return buffer(row.id === TAG.messagePayload ? 2000 : 200).map((octets) => ({ ...base, octets, value: octets }));
  }
}

function parametersOf(plan: Plan): fc.Arbitrary<Parameter[]> {
  const rows = Object.values(smpp.tlvsById).filter((row) => !clash(plan, row.tag));
  return fc.shuffledSubarray(rows, { maxLength: 8 }).chain((chosen) => fc.tuple(...chosen.map(parameterOf)));
}

const lists = { destAddress: 'dest_address', unsuccessSme: 'unsuccess_sme' } as const;

/** Our value of a field as the package has it. */
function theirs(key: string, value: unknown): unknown {
  if (!(key in lists)) return value;
  return (value as Record<string, unknown>[]).map(({ destFlag: _flag, ...item }) =>
    Object.fromEntries(Object.entries(item).map(([k, v]) => [specName(k), v])),
  );
}

const sequences = fc.nat({ max: 0xffffffff });
const hex = (octets: unknown): unknown => (octets instanceof Uint8Array ? Buffer.from(octets).toString('hex') : octets);
const plainTlvs = (list: readonly Tlv[]) => list.map((t) => [t.tag, hex(t.value)]);

it('both know the same commands, and the same fields in the same order', () => {
  expect(plans.length).toBe(codec.byId.size);
  for (const plan of plans) {
    const fields = Object.keys(plan.table.fields)
      .filter((key) => key !== 'tlvs')
      .map(specName);
    expect(fields, plan.name).toEqual(Object.keys(smpp.commandsById[plan.id]?.params ?? {}));
    expect(smpp.commandsById[plan.id]?.command).toBe(plan.name);
  }
});

it('both know the same optional parameters', () => {
  const ours = new Map(Object.entries(TAG).map(([name, tag]) => [tag as number, specName(name)]));
  const renamed: Record<string, string> = { dest_port: 'destination_port' };
  for (const row of Object.values(smpp.tlvsById)) {
    expect(ours.get(row.id), row.tag).toBe(renamed[row.tag] ?? row.tag);
  }
});

describe.each(plans.map((plan) => [plan.name, plan] as const))('%s', (name, plan) => {
  const body = bodyOf(plan);
  const parameters = parametersOf(plan);

  it('written by us is read by the package', () => {
    const unknown = fc.record({ tag: fc.integer({ min: 0x1400, max: 0x3fff }), octets: buffer(50) });
    fc.assert(
      fc.property(body, parameters, unknown, sequences, (value, list, vendor, sequence) => {
        const tlvs = [...list.map((p) => ({ tag: p.tag, value: p.octets })), { tag: vendor.tag, value: vendor.octets }];
        const whole = { ...value, tlvs };
        const frame = Buffer.alloc(frameSize(plan, whole));
        expect(encodeFrame(plan, whole, 0, sequence, frame, 0)).toBe(frame.length);

        const pdu = new smpp.PDU(frame);
        expect(pdu.command).toBe(name);
        expect(pdu.command_length).toBe(frame.length);
        expect(pdu.sequence_number).toBe(sequence);
        for (const [key, v] of Object.entries(value)) expect(hex(pdu[specName(key)]), key).toEqual(hex(theirs(key, v)));
        for (const p of list) {
          const read = smpp.tlvsById[p.tag]?.multiple ? (pdu[p.name] as unknown[])[0] : pdu[p.name];
          expect(hex(read), p.name).toEqual(hex(p.value));
        }
        expect(hex(pdu[String(vendor.tag)])).toBe(hex(vendor.octets));
      }),
      { numRuns: RUNS },
    );
  });

  it('written by the package is read by us, and written again to the same octets', () => {
    fc.assert(
      fc.property(body, parameters, sequences, (value, list, sequence) => {
        const options: Record<string, unknown> = { sequence_number: sequence };
        for (const [key, v] of Object.entries(value)) options[specName(key)] = theirs(key, v);
        for (const p of list) options[p.name] = smpp.tlvsById[p.tag]?.multiple ? [p.value] : p.value;
        const frame = new smpp.PDU(name, options).toBuffer();

        const read = plan.decode(frame, HEADER, frame.length) as Record<string, unknown>;
        for (const [key, v] of Object.entries(value)) expect(hex(read[key]), key).toEqual(hex(v));
        // The package writes parameters in the order of its own object.
        const sorted = (rows: unknown[][]) => rows.sort((a, b) => Number(a[0]) - Number(b[0]));
        expect(sorted(plainTlvs(read.tlvs as Tlv[]))).toEqual(sorted(list.map((p) => [p.tag, hex(p.octets)])));

        const again = Buffer.alloc(frame.length);
        expect(encodeFrame(plan, read, 0, sequence, again, 0)).toBe(frame.length);
        expect(again.toString('hex')).toBe(frame.toString('hex'));
      }),
      { numRuns: RUNS },
    );
  });
});

it('a refusal is the same sixteen octets', () => {
  const answers = plans.filter((p) => p.id >= RESPONSE);
  fc.assert(
    fc.property(
      fc.constantFrom(...answers),
      fc.integer({ min: 1, max: 0xffffffff }),
      sequences,
      (plan, status, sequence) => {
        const out = Buffer.alloc(HEADER);
        expect(encodeFrame(plan, plan.fill({}), status, sequence, out, 0)).toBe(HEADER);
        const pdu = new smpp.PDU(plan.name, { command_status: status, sequence_number: sequence });
        pdu.command_length = HEADER;
        expect(out.toString('hex')).toBe(pdu.toBuffer().toString('hex'));
      },
    ),
    { numRuns: 500 },
  );
});
