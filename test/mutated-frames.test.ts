import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFrame as describeCmpp } from '../protocols/cmpp/describe.ts';
import { cmppCodec } from '../protocols/cmpp/tables.ts';
import { describeFrame as describeSgip } from '../protocols/sgip/describe.ts';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import { describeFrame as describeSmgp } from '../protocols/smgp/describe.ts';
import { smgpCodec } from '../protocols/smgp/tables.ts';
import { describeFrame as describeSmpp } from '../protocols/smpp/describe.ts';
import { smppCodec } from '../protocols/smpp/tables.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { CARRIER_MAPPINGS, platformMappings } from '../src/cli/protocols.ts';
import { accountSchema, carrierSchema, configSchema } from '../src/config/schema.ts';

/*
 * Frames of others with octets changed, cut out, put in or taken from another frame, read as what they say they are and
 * as another PDU of the protocol: a value or a typed fault, from the octets of the frame alone.
 */

const bounded = { interruptAfterTimeLimit: 20_000 };
const sharedSecret = { demo: 'secret' };

interface Protocol {
  readonly name: 'cmpp' | 'sgip' | 'smgp' | 'smpp';
  readonly header: number;
  readonly codecs: readonly { readonly version: number; readonly byId: ReadonlyMap<number, Plan> }[];
  /** What a configuration of its carriers must have. */
  readonly carrier: object;
  describe(frame: Buffer, version: number): unknown;
}

const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'cmpp',
    header: 12,
    codecs: [0x20, 0x21, 0x30].map((version) => ({ version, byId: cmppCodec(version).byId })),
    carrier: { version: '2.0', spId: '900001', sharedSecret },
    describe: describeCmpp,
  },
  {
    name: 'sgip',
    header: 20,
    codecs: [{ version: 0x12, byId: sgipCodec().byId }],
    carrier: { corpId: '12345', areaCode: '010', systemId: 'yima', password: { demo: 'secret' } },
    describe: describeSgip,
  },
  {
    name: 'smgp',
    header: 12,
    codecs: [0x13, 0x20, 0x30].map((version) => ({ version, byId: smgpCodec(version).byId })),
    carrier: { version: '3.0', clientId: '12345678', sharedSecret },
    describe: describeSmgp,
  },
  {
    name: 'smpp',
    header: 16,
    codecs: [0x33, 0x34, 0x50].map((version) => ({ version, byId: smppCodec(version).byId })),
    carrier: { systemId: 'yima', password: { demo: 'secret' } },
    describe: describeSmpp,
  },
];

const framesOf = (name: string): Buffer[] =>
  (JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')) as { hex: string }[])
    .map(({ hex }) => Buffer.from(hex, 'hex'))
    .filter((frame) => frame.length < 2_000);

type Mutation = (frame: Buffer, other: Buffer) => Buffer;
const at = (frame: Buffer, share: number): number => Math.floor(share * (frame.length + 1));
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const octet = fc.oneof(fc.constantFrom(0, 1, 0x0d, 0x20, 0x7f, 0x80, 0xff), fc.nat(255));
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(share, octet).map(
    ([where, value]): Mutation =>
      (frame) => {
        const b = Buffer.from(frame);
        if (b.length > 0) b[Math.min(at(b, where), b.length - 1)] = value;
        return b;
      },
  ),
  share.map(
    (where): Mutation =>
      (frame) =>
        frame.subarray(0, at(frame, where)),
  ),
  fc.tuple(share, fc.uint8Array({ maxLength: 40 })).map(
    ([where, more]): Mutation =>
      (frame) => {
        const cut = at(frame, where);
        return Buffer.concat([frame.subarray(0, cut), more, frame.subarray(cut)]);
      },
  ),
  fc.tuple(share, share).map(
    ([from, to]): Mutation =>
      (frame) => {
        const [a, b] = [at(frame, from), at(frame, to)].sort((x, y) => x - y) as [number, number];
        return Buffer.concat([frame.subarray(0, a), frame.subarray(b)]);
      },
  ),
  fc.tuple(share, share).map(
    ([here, there]): Mutation =>
      (frame, other) =>
        Buffer.concat([frame.subarray(0, at(frame, here)), other.subarray(at(other, there))]),
  ),
);

/** A value of its own, or the fault's words; anything else that is thrown goes on. */
function outcome<T>(read: () => T): { value: T; shown: unknown } | { fault: string } {
  try {
    const value = read();
    return { value, shown: structuredClone(value) };
  } catch (error) {
    if (error instanceof WireFault) return { fault: error.message };
    throw error;
  }
}

/** The octets of a value, in a buffer that shows what is written beside them. */
function written(plan: Plan, value: Values<Fields>): Buffer {
  const size = plan.size(value);
  const out = Buffer.alloc(size + 8, 0xee);
  expect(plan.encode(value, out, 4)).toBe(4 + size);
  expect(out.toString('hex', 0, 4) + out.toString('hex', 4 + size)).toBe('ee'.repeat(8));
  return out.subarray(4, 4 + size);
}

/** The body in a larger buffer, with other octets before and behind it. */
function framed(body: Buffer, fill: number): Buffer {
  const b = Buffer.alloc(body.length + 400, fill);
  body.copy(b, 7);
  return b;
}

describe.each(PROTOCOLS)('mutated frames of $name', ({ name, header, codecs, carrier, describe: describeFrame }) => {
  const frames = framesOf(name);
  const bodies = fc
    .tuple(fc.constantFrom(...frames), fc.constantFrom(...frames), fc.array(mutation, { maxLength: 4 }))
    .map(([frame, other, mutations]) => ({
      id: frame.length < 8 ? 0 : frame.readUInt32BE(4),
      body: mutations.reduce((b, mutate) => mutate(b, other.subarray(header)), frame.subarray(header)),
    }));
  const readings = fc
    .record({ codec: fc.constantFrom(...codecs), mutated: bodies, other: fc.option(fc.nat()) })
    .map(({ codec, mutated, other }) => {
      const plans = [...codec.byId.values()];
      const plan = other === null ? codec.byId.get(mutated.id) : plans[other % plans.length];
      return { version: codec.version, plan: plan ?? plans[0]!, body: mutated.body };
    });

  it('read to a value or a typed fault, whatever is before and behind them; written back it is stable', () => {
    fc.assert(
      fc.property(readings, ({ plan, body }) => {
        const read = (fill: number) => outcome(() => plan.decode(framed(body, fill), 7, 7 + body.length));
        const one = read(0);
        const other = read(0xff);
        if ('fault' in one || 'fault' in other) {
          expect(other).toEqual(one);
          return;
        }
        expect(other.shown).toEqual(one.shown);
        // Written, it is the frame that the specification has for it: read and written again it stays as it is.
        const first = written(plan, one.value);
        const again = outcome(() => plan.decode(first, 0, first.length));
        if ('fault' in again) throw new Error(again.fault);
        expect(written(plan, again.value).toString('hex')).toBe(first.toString('hex'));
      }),
      { ...bounded, numRuns: 3_000 },
    );
  });

  it('are shown or refused with a typed fault', () => {
    fc.assert(
      fc.property(bodies, fc.constantFrom(...codecs), fc.boolean(), ({ id, body }, { version }, honest) => {
        const frame = Buffer.concat([Buffer.alloc(header, 1), body]);
        frame.writeUInt32BE(honest ? frame.length : 77, 0);
        frame.writeUInt32BE(id, 4);
        outcome(() => describeFrame(frame, version));
      }),
      { ...bounded, numRuns: 2_000 },
    );
  });

  it('mean something to both sides, or nothing, but never harm', () => {
    const config = carrierSchema.parse({ name: 'a', protocol: name, host: '127.0.0.1', port: 1, ...carrier });
    const { node } = configSchema.parse({});
    const toCarrier = CARRIER_MAPPINGS[name];
    const toPlatform = platformMappings(node)[name];
    const account = accountSchema.parse({
      ...{ name: 'acme', systemId: '900001', route: 'main', password: { demo: 'secret' } },
      ...(toPlatform !== undefined && { protocol: name }),
    });
    fc.assert(
      fc.property(readings, ({ version, plan, body }) => {
        const read = outcome(() => plan.decode(framed(body, 0), 7, 7 + body.length));
        if ('fault' in read) return;
        if (plan.id >= 0x80000000) {
          const { code } = toCarrier!.answer(plan, read.value, 0, config);
          expect(code).toBe(0);
          return;
        }
        const got = toCarrier!.fromCarrier(plan, read.value, config, version, 1_700_000_000_000);
        written(got.answer.plan, got.answer.value);
        if (got.what === 'mo') expect(got.draft.octets.length).toBeLessThanOrEqual(body.length);
        if (got.what === 'report') expect(got.report.state).toBeGreaterThanOrEqual(0);
        const sequence = '\0'.repeat(12);
        const asked = toPlatform?.read(plan, read.value, account, 1_700_000_000_000, sequence);
        if (asked?.what === 'submit') expect(asked.draft.octets.length).toBeLessThanOrEqual(body.length);
      }),
      { ...bounded, numRuns: 3_000 },
    );
  });
});
