import fc from 'fast-check';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { cmppCodec } from '../protocols/cmpp/tables.ts';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import { smgpCodec } from '../protocols/smgp/tables.ts';
import { TAG as SMGP_TAG } from '../protocols/smgp/tlv-tags.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { type Coding, decode, encode, holds } from '../protocols/text/charset.ts';
import { choose } from '../protocols/text/choose.ts';
import { pack, unpack } from '../protocols/text/gsm7.ts';
import { contentOf, hasUdh } from '../protocols/text/msg-fmt.ts';
import { isSeptets, shiftElements } from '../protocols/text/national.ts';
import { createReassembly } from '../protocols/text/reassemble.ts';
import { joinText, TextFault } from '../protocols/text/segment.ts';
import { placeSignature } from '../protocols/text/signature.ts';
import { type Concat, concatUdh, parseUdh } from '../protocols/text/udh.ts';
import type { Values, Fields as WireFields } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { type Tlv, tlv, tlvUint } from '../protocols/wire/tlv.ts';
import { CARRIER_MAPPINGS, platformMappings, versionOf } from '../src/cli/protocols.ts';
import {
  type AccountConfig,
  accountSchema,
  type CarrierConfig,
  carrierSchema,
  configSchema,
} from '../src/config/schema.ts';
import { CutFault, cut } from '../src/gateway/cut.ts';
import { create } from '../src/gateway/state.ts';
import { type Message, MO, MT, newSegment } from '../src/message/message.ts';
import { generate, readTexts } from './support/texts.ts';

/*
 * Any text, in any coding that a platform may send it in, to a carrier of each protocol with any list of codings: cut,
 * written as PDUs, read by the fields of the specification, and joined again in whatever order the parts come.
 */

/** Long texts shrink for minutes once a property fails: report the smallest found by then. */
const bounded = { interruptAfterTimeLimit: 40_000 };

// ---- texts -----------------------------------------------------------------------------------------------------

const lines = [...readTexts().texts, ...generate(1_000, 7)];
const point = (min: number, max: number) => fc.integer({ min, max }).map((p) => String.fromCodePoint(p));
const SIGNATURE = '【驿马】';
/** What must not be cut, or is not in every coding, or is written otherwise in another. */
const unit = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abc 019.,\n\r@£Δ§') },
  { weight: 4, arbitrary: fc.constantFrom(...'€[]{}~^|\\\f') },
  { weight: 6, arbitrary: point(0x4e00, 0x9fa5) },
  { weight: 2, arbitrary: fc.constantFrom(...'，。！？…～【】（）·', '￥', '㎡', '①') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'é',
      'ñ',
      'ß',
      'ş',
      'ğ',
      'İ',
      'ã',
      '한',
      'ソ',
      'Ж',
      'ё',
      'ﾊ',
      'ก',
      'ع',
      'e\u0301',
      'n\u0303\u0323',
      '\u200d',
      '\ufe0f',
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('😀', '👨‍👩‍👧', '🇨🇳', '❤️', '👍🏽', '🀄', '𠮷', '㐀', 'ḿ', 'ǽ') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x1f }).map((c) => String.fromCharCode(c)) },
  { weight: 1, arbitrary: point(0, 0xffff) }, // lone surrogates and private use among them
  { weight: 1, arbitrary: point(0x10000, 0x10ffff) },
);
const ofUnits = (of: fc.Arbitrary<string>) =>
  fc.array(of, { maxLength: 420, size: 'max' }).map((list) => list.join(''));
const row = fc.array(fc.constantFrom(...lines), { minLength: 1, maxLength: 8 }).map((list) => list.join(''));
const text = fc
  .oneof(
    { weight: 4, arbitrary: row },
    { weight: 3, arbitrary: ofUnits(unit) },
    { weight: 1, arbitrary: ofUnits(fc.constantFrom(...'abc 019', ...'€[]{}~^|')) },
    { weight: 1, arbitrary: ofUnits(fc.constantFrom(...'abc 好，。', '好好好好')) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('Жё ', 'şğ[', 'ãõ[', '한국 ', 'ソ漢')
        .chain((of) => ofUnits(fc.constantFrom(...of, 'a'))),
    },
    { weight: 1, arbitrary: row.map((line) => SIGNATURE + line) },
    { weight: 1, arbitrary: row.map((line) => line + SIGNATURE) },
  )
  // A byte order mark is no text.
  .map((given) => given.replace(/^[\ufeff\ufffe]+/, ''));

// ---- platforms and carriers ------------------------------------------------------------------------------------

const SOURCES = ['ucs2', 'gb18030', 'gsm7', 'latin1', 'ascii'] as const;

/** The text as a platform sends it; undefined where its coding does not hold it. GB 18030 by a codec not ours. */
function fromPlatform(given: string, source: Coding | 'gb18030'): { coding: Coding; octets: Uint8Array } | undefined {
  if (source !== 'gb18030') {
    const octets = encode(given, source);
    return octets === undefined ? undefined : { coding: source, octets };
  }
  const octets = iconv.encode(given, 'gb18030');
  return iconv.decode(octets, 'gb18030') === given ? { coding: 'gbk', octets } : undefined;
}

function message(content: { coding: Coding; octets: Uint8Array; udh?: Uint8Array }): Message {
  const NOTHING = new Uint8Array(0);
  return create(
    {
      ...{ id: 1, kind: MT, publicId: 1, account: 'acme', acceptedAt: 0, carrier: '', platformRef: '' },
      ...{ source: '10690001', sourceTon: 0, sourceNpi: 0, destination: '13800000000', destTon: 0, destNpi: 0 },
      ...{ serviceType: '', esmClass: 0, protocolId: 0, priority: 0, dataCoding: 0, registered: 1, flags: 0 },
      ...{ scheduledAt: 0, validUntil: 0, udh: NOTHING, tlvs: NOTHING },
      ...content,
    },
    0,
  );
}

/** What a peer reads in one PDU. */
interface Read {
  readonly coding: Coding;
  readonly udh: Uint8Array;
  readonly concat: Concat | undefined;
  readonly octets: Uint8Array;
}
type Fields = Readonly<Record<string, unknown>>;

function behindHeader(content: Uint8Array, udhi: boolean, coding: Coding): Read {
  if (!udhi) return { coding, udh: new Uint8Array(0), concat: undefined, octets: content };
  const udh = parseUdh(content);
  expect(udh.fault).toBeUndefined();
  return { coding, udh: content.subarray(0, udh.length), concat: udh.concat, octets: content.subarray(udh.length) };
}

const byMsgFmt = (format: number, udhi: number, content: Uint8Array): Read =>
  behindHeader(content, hasUdh(udhi), contentOf(format));

interface Kind {
  readonly protocol: CarrierConfig['protocol'];
  /** What its configuration must have. */
  readonly required: readonly object[];
  readonly codings: readonly Coding[];
  readonly longMessage: readonly string[];
  /** Other keys that change how a text is written. */
  readonly more?: fc.Arbitrary<object>;
  read(fields: Fields, config: CarrierConfig): Read;
}

const CHINESE = { codings: ['ascii', 'gbk', 'ucs2'], longMessage: ['udh8', 'udh16'] } as const;
const sharedSecret = { demo: 'secret' };
const SMPP_CODINGS: Readonly<Record<number, Coding>> = {
  ...{ 0: 'gsm7', 1: 'ascii', 3: 'latin1', 5: 'sjis', 6: 'iso8859-5', 7: 'iso8859-8', 8: 'ucs2', 14: 'ksc5601' },
};

const KINDS: readonly Kind[] = [
  {
    protocol: 'cmpp',
    required: ['2.0', '3.0'].map((version) => ({ version, spId: '900001', sharedSecret })),
    ...CHINESE,
    read(fields) {
      const { msgFmt, tpUdhi, pkTotal, pkNumber } = fields as Record<string, number>;
      const read = byMsgFmt(msgFmt!, tpUdhi!, fields.msgContent as Uint8Array);
      // A message from a phone has none.
      if (pkTotal !== undefined) expect([pkTotal, pkNumber]).toEqual([read.concat?.total ?? 1, read.concat?.seq ?? 1]);
      return read;
    },
  },
  {
    protocol: 'sgip',
    required: [{ corpId: '12345', areaCode: '010', systemId: 'yima', password: { demo: 'secret' } }],
    ...CHINESE,
    read(fields) {
      const { messageCoding, tpUdhi } = fields as Record<string, number>;
      return byMsgFmt(messageCoding!, tpUdhi!, fields.messageContent as Uint8Array);
    },
  },
  {
    protocol: 'smgp',
    required: ['1.3', '3.0'].map((version) => ({ version, clientId: '12345678', sharedSecret })),
    ...CHINESE,
    read(fields) {
      const tlvs = fields.tlvs as Tlv[];
      const udhi = tlvUint(tlvs, SMGP_TAG.tpUdhi) ?? 0;
      const read = byMsgFmt(fields.msgFormat as number, udhi, fields.msgContent as Uint8Array);
      if (Array.isArray(fields.destTermId)) {
        expect(tlvUint(tlvs, SMGP_TAG.pkTotal) ?? 1).toBe(read.concat?.total ?? 1);
        expect(tlvUint(tlvs, SMGP_TAG.pkNumber) ?? 1).toBe(read.concat?.seq ?? 1);
      }
      return read;
    },
  },
  {
    protocol: 'smpp',
    required: [{ systemId: 'yima', password: { demo: 'secret' } }],
    codings: ['gsm7', 'gsm7-tr', 'gsm7-pt-single', 'latin1', 'ascii', 'iso8859-5', 'ksc5601', 'sjis', 'ucs2'],
    longMessage: ['udh8', 'udh16', 'sar', 'payload'],
    more: fc.record({ packed: fc.boolean(), submitBy: fc.constantFrom('submit_sm', 'data_sm') }),
    read(fields, config) {
      const { dataCoding, esmClass } = fields as Record<string, number>;
      const tlvs = fields.tlvs as Tlv[];
      const payload = tlv(tlvs, TAG.messagePayload);
      const short = fields.shortMessage as Uint8Array | undefined;
      if (payload !== undefined) expect(short?.length ?? 0).toBe(0);
      const read = { ...behindHeader(payload ?? short!, (esmClass! & 0x40) !== 0, SMPP_CODINGS[dataCoding!]!) };
      if (read.coding === 'gsm7') {
        const { nationalLocking, nationalSingle } = parseUdh(read.udh);
        if (nationalLocking === 1 && nationalSingle === 1) read.coding = 'gsm7-tr';
        else if (nationalSingle === 3) read.coding = 'gsm7-pt-single';
        if ('packed' in config && config.packed) read.octets = unpacked(read.octets, read.udh.length);
      }
      const total = tlvUint(tlvs, TAG.sarTotalSegments);
      if (total === undefined) return read;
      const ref = tlvUint(tlvs, TAG.sarMsgRefNum)!;
      return { ...read, concat: { ref, refBits: 16, total, seq: tlvUint(tlvs, TAG.sarSegmentSeqnum)! } };
    },
  },
];

/** Codings in which a character of what a carrier adds has two octets. */
const WIDE: readonly Coding[] = ['ucs2', 'gbk', 'ksc5601', 'sjis'];

const fillBehind = (udhOctets: number): number => (7 - ((udhOctets * 8) % 7)) % 7;

/** Packed septets; a CR or zero bits that only fill the last octet are none (3GPP TS 23.038, 6.1.2.3.1). */
function unpacked(octets: Uint8Array, udhOctets: number): Uint8Array {
  const fill = fillBehind(udhOctets);
  const septets = unpack(octets, Number.MAX_SAFE_INTEGER, fill);
  const spare = (octets.length * 8 - fill) % 7 === 0 && (septets.at(-1) === 0 || septets.at(-1) === 0x0d);
  return spare ? septets.subarray(0, -1) : septets;
}

/** A carrier's configuration as its file would have it, made once for each protocol and version. */
const carriers = KINDS.flatMap((kind) =>
  kind.required.map((required) => {
    const { protocol } = kind;
    return { kind, base: carrierSchema.parse({ name: 'a', protocol, host: '127.0.0.1', port: 1, ...required }) };
  }),
);

const carrier = fc.constantFrom(...carriers).chain(({ kind, base }) =>
  fc
    .record({
      coding: fc.shuffledSubarray([...kind.codings], { minLength: 1 }),
      longMessage: fc.constantFrom(...kind.longMessage),
      choose: fc.constantFrom('smallest', 'preferred'),
      signature: fc.constantFrom('asGiven', 'first', 'last'),
      more: kind.more ?? fc.constant({}),
      reserve: fc.oneof(
        { weight: 2, arbitrary: fc.constant({ head: 0, tail: 0 }) },
        { weight: 1, arbitrary: fc.record({ head: fc.nat(30), tail: fc.nat(30) }) },
      ),
    })
    .map(({ more, ...own }) => ({ kind, config: { ...base, ...own, ...more } as CarrierConfig })),
);

/** All submits of a message to a carrier as octets, read again; undefined where it cannot be sent. */
function submits(m: Message, config: CarrierConfig, kind: Kind, ref: number): Read[] | undefined {
  const mapping = CARRIER_MAPPINGS[config.protocol]!;
  let made: ReturnType<typeof cut>;
  try {
    made = cut(m, config, mapping);
  } catch (error) {
    if (error instanceof CutFault || error instanceof TextFault) return undefined;
    throw error;
  }
  m.cutCoding = made.coding;
  m.cutOf = made.parts.length;
  m.cutRef = ref;
  m.segments = made.parts.map((_, k) => newSegment(m, k));
  return made.parts.map((part, k) => {
    const { plan, value } = mapping.toSubmit(m, m.segments[k]!, part, config, versionOf(config), 'node');
    const frame = Buffer.alloc(plan.size(value));
    plan.encode(value, frame, 0);
    const read = kind.read(plan.decode(frame, 0, frame.length) as Fields, config);
    expect(read.coding).toBe(made.coding);
    // Packed, a last @ or CR may look like filling.
    const lost = read.octets.length < part.length && 'packed' in config && config.packed;
    if (lost && (part.at(-1) === 0 || part.at(-1) === 0x0d)) expect(read.octets.length).toBe(part.length - 1);
    return lost ? { ...read, octets: part } : read;
  });
}

/** Octets of a part on the air: septets packed behind the header. */
function airOctets({ coding, udh, octets }: Pick<Read, 'coding' | 'udh' | 'octets'>): number {
  if (!isSeptets(coding)) return udh.length + octets.length;
  const fill = fillBehind(udh.length);
  const packed = pack(octets, fill);
  expect(Buffer.from(unpack(packed, octets.length, fill)).equals(octets)).toBe(true);
  return udh.length + packed.length;
}

const isHalf = (before: string, after: string): boolean =>
  /[\ud800-\udbff]$/.test(before) && /^[\udc00-\udfff]/.test(after);

// ---- properties ------------------------------------------------------------------------------------------------

describe('a text on its way to a carrier', () => {
  it.each(
    carriers.flatMap(({ kind, base }) =>
      kind.codings.flatMap((coding) => kind.longMessage.map((longMessage) => ({ kind, base, coding, longMessage }))),
    ),
  )('goes to $kind.protocol in $coding, long ones by $longMessage', ({ kind, base, coding, longMessage }) => {
    const sample = { gbk: '驿马', ucs2: '驿😀', 'gsm7-tr': 'ş[', 'gsm7-pt-single': 'ã[', latin1: 'é¾', ksc5601: '한a' }[
      coding as string
    ];
    const given = (sample ?? { sjis: 'ソa', 'iso8859-5': 'Ж1', gsm7: 'Δ€' }[coding as string] ?? 'ab').repeat(150);
    const config = { ...base, coding: [coding], longMessage } as CarrierConfig;
    const parts = submits(message({ coding: 'ucs2', octets: encode(given, 'ucs2')! }), config, kind, 7)!;
    expect(parts.length > 1).toBe(longMessage !== 'payload');
    expect(parts[0]!.coding).toBe(coding);
    expect(
      joinText(
        parts.map((part) => part.octets),
        coding,
      ),
    ).toBe(given);
  });

  it('arrives character for character, in segments that fit and can be read alone', () => {
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(...SOURCES),
        carrier,
        fc.nat(0xffff),
        (given, source, { kind, config }, ref) => {
          const content = fromPlatform(given, source);
          if (content === undefined) return;
          const { coding: list, reserve, signature, longMessage } = config;
          const sent = signature === 'asGiven' ? given : placeSignature(given, signature).text;
          const parts = submits(message(content), config, kind, longMessage === 'udh8' ? ref & 0xff : ref);
          if (parts === undefined) {
            // No coding of the list holds it, nor was it in the one that is listed.
            expect(list.some((coding) => holds(sent, coding))).toBe(false);
            return;
          }
          const { coding } = parts[0]!;
          expect(list as readonly Coding[]).toContain(coding);
          expect(
            joinText(
              parts.map((part) => part.octets),
              coding,
            ),
          ).toBe(sent);

          // Each part alone is its piece of the text.
          const pieces = parts.map((part) => decode(part.octets, coding));
          if (!/[\ufeff\ufffe]/.test(sent)) expect(pieces.join('')).toBe(sent);
          for (let i = 1; i < pieces.length; i++) expect(isHalf(pieces[i - 1]!, pieces[i]!)).toBe(false);
          if (longMessage === 'payload') {
            expect(parts).toHaveLength(1);
            return;
          }

          const free = (characters: number) => characters * (WIDE.includes(coding) ? 2 : 1);
          for (const [k, part] of parts.entries()) {
            const head = k === 0 ? free(reserve.head) : 0;
            const tail = k === parts.length - 1 ? free(reserve.tail) : 0;
            const octets = Buffer.concat([Buffer.alloc(head), part.octets, Buffer.alloc(tail)]);
            // sar_* becomes a header of seven octets on the air.
            const more = longMessage === 'sar' && parts.length > 1 ? 7 - Math.min(part.udh.length, 1) : 0;
            const udh = Buffer.alloc(part.udh.length + more);
            expect(airOctets({ coding, udh, octets })).toBeLessThanOrEqual(140);
          }
          if (parts.length === 1) expect(parts[0]!.concat).toBeUndefined();
          else {
            const bits = longMessage === 'udh8' ? 8 : 16;
            expect(parts.map((part) => part.concat)).toEqual(
              parts.map((_, k) => ({
                ref: bits === 8 ? ref & 0xff : ref,
                refBits: bits,
                total: parts.length,
                seq: k + 1,
              })),
            );
          }

          const { signature: mark } = placeSignature(sent, signature === 'first' ? 'first' : 'last');
          if (signature === 'first') expect(pieces[0]!.startsWith(mark)).toBe(true);
          if (signature === 'last') expect(pieces.at(-1)!.endsWith(mark)).toBe(true);

          // Of the codings that hold it the one that was asked for; the sender's own octets may have a right to theirs.
          const holding = sent.includes('\ufffd') ? [] : list.filter((one) => holds(sent, one));
          if (holding.length > 0 && config.choose === 'preferred') expect(coding).toBe(holding[0]);
          if (holding.length > 0 && config.choose === 'smallest' && reserve.head + reserve.tail === 0) {
            const mapping = CARRIER_MAPPINGS[config.protocol]!;
            const fewest = holding.map((one) => choose(sent, [one], (c) => mapping.limits(c, config))!.segments);
            expect(parts.length).toBe(Math.min(...fewest));
          }
        },
      ),
      { ...bounded, numRuns: 2_000 },
    );
  });

  it('is joined again from parts shuffled, doubled and mixed with those of other messages', () => {
    const scene = fc
      .array(
        fc.record({ text, carrier, key: fc.constantFrom('a', 'b'), ref: fc.constantFrom(0, 1, 255, 256, 65_535) }),
        {
          minLength: 1,
          maxLength: 5,
        },
      )
      .chain((messages) =>
        fc.record({ messages: fc.constant(messages), order: fc.array(fc.nat(), { minLength: 97, maxLength: 97 }) }),
      );
    fc.assert(
      fc.property(scene, ({ messages, order }) => {
        const open = new Set<string>();
        const texts = new Map<number, string>();
        const arrivals: { n: number; key: string; part: Read }[] = [];
        for (const [n, { text: given, carrier: c, key, ref }] of messages.entries()) {
          const config = { ...c.config, signature: 'asGiven' } as CarrierConfig;
          const wide = config.longMessage !== 'udh8';
          const parts = submits(message(fromPlatform(given, 'ucs2')!), config, c.kind, wide ? ref : ref & 0xff);
          if (parts === undefined) continue;
          // Two messages of one key, reference, width and total at once are not told apart by anyone.
          const strand = `${key}/${wide}/${wide ? ref : ref & 0xff}/${parts.length}`;
          if (open.has(strand)) continue;
          open.add(strand);
          texts.set(n, given);
          for (const part of parts) arrivals.push({ n, key, part });
        }
        const mixed = [...arrivals, ...arrivals]
          .map((arrival, k) => ({ arrival, at: order[k % order.length]! * 31 + ((k * 7919) % 101) }))
          .sort((a, b) => a.at - b.at);
        const reassembly = createReassembly<Read>({
          maxOpen: 100,
          maxParts: 5_000,
          timeoutMs: 1_000,
          same: (a, b) => Buffer.from(a.octets).equals(b.octets),
        });
        const joined = new Map<number, string>();
        for (const { arrival } of mixed) {
          const { n, key, part } = arrival;
          if (joined.has(n)) continue; // what comes again after its message was whole is for the caller's records
          const added = reassembly.add(key, part.concat ?? { ref: 0, refBits: 8, total: 1, seq: 1 }, part, 0);
          expect(added.state).not.toBe('full');
          if (added.state !== 'whole') continue;
          joined.set(
            n,
            joinText(
              added.parts.map((p) => p.octets),
              added.parts.map((p) => p.coding),
            ),
          );
        }
        expect(joined).toEqual(new Map([...texts].filter(([n]) => joined.has(n))));
        expect(joined.size).toBe(texts.size);
        expect(reassembly.open).toBe(0);
      }),
      { ...bounded, numRuns: 300 },
    );
  });

  it('that a platform cut itself keeps its header, and goes out as one segment that fits or not at all', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...SOURCES), carrier, fc.boolean(), (given, source, { kind, config }, wide) => {
        const udh = concatUdh(0x1234, 2, 1, wide);
        // As much of it as a platform would put into one segment.
        const most = source === 'gsm7' ? 70 : source === 'ucs2' ? 60 : 40;
        const start = [...given].slice(0, most).join('');
        const content = fromPlatform(start, source);
        if (content === undefined || udh.length + content.octets.length > 140) return;
        const parts = submits(message({ ...content, udh }), config, kind, 0);
        if (parts === undefined) {
          for (const coding of config.coding) {
            const octets = encode(start, coding);
            const header = Buffer.alloc(udh.length + shiftElements(coding).length);
            if (octets !== undefined) expect(airOctets({ coding, udh: header, octets })).toBeGreaterThan(140);
          }
          return;
        }
        expect(parts).toHaveLength(1);
        const [part] = parts;
        expect(part!.concat).toEqual(parseUdh(udh).concat);
        expect(decode(part!.octets, part!.coding)).toBe(start);
        // CMPP's ASCII may have 159 octets.
        expect(airOctets(part!)).toBeLessThanOrEqual(part!.coding === 'ascii' ? 159 : 140);
      }),
      { ...bounded, numRuns: 1_000 },
    );
  });
});

describe('a text on its way to a platform', () => {
  const platforms = platformMappings(configSchema.parse({}).node);
  const accounts = KINDS.flatMap((kind) => {
    const mapping = platforms[kind.protocol];
    if (mapping === undefined) return [];
    const versions = { cmpp: [0x20, 0x30], sgip: [0x12], smgp: [0x13, 0x30], smpp: [0x33, 0x34, 0x50] }[kind.protocol];
    const protocol = kind.protocol;
    const base = { name: 'acme', systemId: '900001', protocol, route: 'main', password: { demo: 'secret' } };
    const account = accountSchema.parse(base);
    return versions.map((version) => ({ kind, mapping, version, account }));
  });

  it('arrives character for character, whatever coding its carrier has it in', () => {
    const sources = fc.constantFrom(...SOURCES, 'gsm7-tr', 'sjis');
    const alphabets = fc.constantFrom('gsm7', 'latin1', 'ascii', 'utf8');
    const header = fc.constantFrom(undefined, concatUdh(7, 2, 1, false), concatUdh(7, 2, 2, true));
    fc.assert(
      fc.property(text, sources, fc.constantFrom(...accounts), alphabets, header, (long, source, to, alphabet, udh) => {
        const given = [...long].slice(0, 60).join('');
        const content = fromPlatform(given, source);
        if (content === undefined || (source === 'gsm7-tr' && udh !== undefined)) return;
        const { kind, mapping, version, account } = to;
        const m = { ...message({ ...content, ...(udh !== undefined && { udh }) }), kind: MO } as Message;
        const config = { ...account, defaultAlphabet: alphabet } as AccountConfig;
        const { plan, value } = mapping.toMo(m, config, version);
        const frame = Buffer.alloc(plan.size(value));
        plan.encode(value, frame, 0);
        const fields = plan.decode(frame, 0, frame.length) as Fields;
        // What 0 means to a platform is its account's matter; UTF-8 is read only.
        const zero = kind.protocol === 'smpp' && fields.dataCoding === 0;
        if (zero) expect(alphabet).not.toBe('utf8');
        const read = kind.read(fields, account as unknown as CarrierConfig);
        const coding = zero && read.coding === 'gsm7' ? (alphabet as Coding) : read.coding;
        expect(decode(read.octets, coding)).toBe(given);
        expect(read.concat).toEqual(udh === undefined ? undefined : parseUdh(udh).concat);
      }),
      { ...bounded, numRuns: 1_500 },
    );
  });
});

describe('a header with a 16-bit reference under IEI 0 (CMPP deviation 5)', () => {
  const wide = Buffer.from('06000412340201', 'hex');
  const content = Buffer.concat([wide, encode('驿马', 'ucs2')!]);
  const account = accountSchema.parse({ name: 'acme', systemId: 'a', route: 'main', password: { demo: 'secret' } });
  const platforms = platformMappings(configSchema.parse({}).node);
  const udhi: Tlv[] = [{ tag: SMGP_TAG.tpUdhi, value: Uint8Array.of(1) }];
  const to = ['13800000000'];
  const submitted = {
    cmpp: [cmppCodec(0x20).submit, { msgFmt: 8, tpUdhi: 1, msgContent: content, destTerminalId: to }],
    sgip: [sgipCodec().submit, { messageCoding: 8, tpUdhi: 1, messageContent: content, userNumber: to }],
    smgp: [smgpCodec(0x30).submit, { msgFormat: 8, tlvs: udhi, msgContent: content, destTermId: to }],
  } as const;
  const delivered = {
    cmpp: [cmppCodec(0x20).deliver, { msgFmt: 8, tpUdhi: 1, msgContent: content }],
    sgip: [sgipCodec().deliver, { messageCoding: 8, tpUdhi: 1, messageContent: content }],
    smgp: [smgpCodec(0x30).deliver, { msgFormat: 8, tlvs: udhi, msgContent: content }],
  } as const;

  it.each(['cmpp', 'sgip', 'smgp'] as const)('%s: is taken from platforms and carriers and mended', (protocol) => {
    const of = ([made, part]: readonly unknown[]) => {
      const plan = made as Plan;
      return { plan, value: plan.fill(part as Partial<Values<WireFields>>) };
    };
    const mt = of(submitted[protocol]);
    const asked = platforms[protocol]!.read(mt.plan, mt.value, account, 0, '\0'.repeat(12));
    const { base } = carriers.find(({ kind }) => kind.protocol === protocol)!;
    const mo = of(delivered[protocol]);
    const got = CARRIER_MAPPINGS[protocol]!.fromCarrier(mo.plan, mo.value, base, 0x20, 0);
    for (const read of [asked, got]) {
      if (!('draft' in read)) throw new Error(read.what);
      expect(parseUdh(read.draft.udh).concat).toEqual({ ref: 0x1234, refBits: 16, total: 2, seq: 1 });
      expect(decode(read.draft.octets, read.draft.coding)).toBe('驿马');
    }
    expect(wide.equals(content.subarray(0, 7))).toBe(true);
  });
});
