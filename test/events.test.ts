import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { EVENT_HEAD, FORMAT, JournalFault, plans, readBatch, writeEvent } from '../src/store/events.ts';

const CODINGS = ['gsm7', 'ascii', 'latin1', 'ucs2', 'gbk', 'octets'] as const;
const u8 = fc.nat({ max: 255 });
const time = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER), fc.constant(0));
/** Carriers' ids are octets: every Latin-1 character. */
const latin1 = fc.uint8Array({ maxLength: 255 }).map((a) => Buffer.from(a).toString('latin1'));
const octets = fc.uint8Array({ maxLength: 600 }).map((a) => Buffer.from(a));

const SPECIAL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  tried: fc.array(latin1, { maxLength: 5 }),
  segments: fc.array(
    fc.record({ stage: u8, carrierId: latin1, otherId: latin1, at: time, state: u8, error: latin1, unknowns: u8 }),
    { maxLength: 8 },
  ),
  trace: fc.array(fc.record({ at: time, carrier: latin1, segment: u8, outcome: latin1 }), { maxLength: 32 }),
  coding: fc.constantFrom(...CODINGS),
  cutCoding: fc.constantFrom(...CODINGS),
};
const U8 = new Set([
  'kind',
  'segment',
  'of',
  'counts',
  'leave',
  'state',
  'receipt',
  'reported',
  'stage',
  'cutOf',
  'flags',
]);
const U16 = new Set(['ref', 'cutRef', 'attempts', 'tellings']);

/** Any value that an event may have, made from its table: a field that is added is tested without another line here. */
function anyValue(plan: Plan): fc.Arbitrary<Values<Fields>> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, kind] of Object.entries(plan.table.fields as Fields)) {
    model[key] =
      SPECIAL[key] ??
      (typeof kind.zero === 'string'
        ? latin1
        : typeof kind.zero === 'number'
          ? U16.has(key)
            ? fc.nat({ max: 0xffff })
            : U8.has(key) || /Ton|Npi|Class|protocolId|priority|dataCoding|registered/.test(key)
              ? u8
              : key === 'matches'
                ? fc.nat({ max: 0xffffffff })
                : time
          : octets);
  }
  return fc.record(model) as fc.Arbitrary<Values<Fields>>;
}

const all = Object.values(plans) as unknown as Plan[];
const anyEvent = fc.oneof(...all.map((plan) => anyValue(plan).map((value) => ({ plan, value }))));

function batchOf(events: readonly { plan: Plan; value: Values<Fields> }[]): Buffer {
  const size = events.reduce((n, e) => n + EVENT_HEAD + e.plan.size(e.value), 1);
  const b = Buffer.alloc(size);
  b[0] = FORMAT;
  const end = events.reduce((o, e) => writeEvent(e.plan, e.value, b, o), 1);
  expect(end).toBe(size);
  return b;
}

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v)));

describe('the journal’s events', () => {
  it.each(all.map((p) => [p.name, p] as const))('%s comes back as it was', (_, plan) => {
    fc.assert(
      fc.property(anyValue(plan), (value) => {
        const read: [number, Record<string, unknown>][] = [];
        readBatch(batchOf([{ plan, value }]), (kind, v) => read.push([kind, v]));
        expect(read.map(([kind]) => kind)).toEqual([plan.id]);
        expect(plain(read[0]![1])).toEqual(plain(value));
      }),
      { numRuns: 50 },
    );
  });

  it('a batch of any events is read in order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const kinds: number[] = [];
        readBatch(batchOf(events), (kind) => kinds.push(kind));
        expect(kinds).toEqual(events.map((e) => e.plan.id));
      }),
      { numRuns: 50 },
    );
  });

  it('have numbers that are part of the format', () => {
    expect(Object.fromEntries(all.map((p) => [p.name, p.id]))).toEqual({
      accepted: 1,
      sent: 2,
      answered: 3,
      refused: 4,
      reported: 5,
      ended: 6,
      closed: 7,
      parked: 8,
      unparked: 9,
      replaced: 10,
      carried: 11,
      cooled: 12,
      learned: 13,
      mark: 14,
    });
  });

  it('another format, an unknown event and a cut batch are faults that say so', () => {
    const good = batchOf([{ plan: plans.cooled as unknown as Plan, value: { id: 7 } }]);
    const other = Buffer.from(good);
    other[0] = FORMAT + 1;
    expect(() => readBatch(other, () => undefined)).toThrow(
      new JournalFault(
        `journal format ${FORMAT + 1} is not ${FORMAT}: written by another version; start that version, or move the data folder away`,
      ),
    );
    const unknown = Buffer.from(good);
    unknown[1] = 99;
    expect(() => readBatch(unknown, () => undefined)).toThrow(/kind 99 at octet 1/);
    expect(() => readBatch(good.subarray(0, good.length - 1), () => undefined)).toThrow(JournalFault);
    expect(() => readBatch(good.subarray(0, 3), () => undefined)).toThrow(JournalFault);
    let events = 0;
    readBatch(Buffer.alloc(0), () => events++);
    readBatch(Buffer.from([FORMAT]), () => events++);
    expect(events).toBe(0);
  });
});
