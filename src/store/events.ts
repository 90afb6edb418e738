import type { Coding } from '../../protocols/text/charset.ts';
import { LEGACY_CODINGS } from '../../protocols/text/legacy.ts';
import { NATIONAL_CODINGS } from '../../protocols/text/national.ts';
import {
  type Custom,
  counted16,
  custom,
  float64,
  type Kind,
  text8,
  uint8,
  uint16,
  uint32,
} from '../../protocols/wire/field.ts';
import { cursor, latin1, putLatin1 } from '../../protocols/wire/octets.ts';
import { definePdu, type Fields, type Pdu } from '../../protocols/wire/pdu.ts';
import { type Plan, plan } from '../../protocols/wire/plan.ts';
import type { Attempt } from '../message/message.ts';

/**
 * The journal's events, declared like any PDU. A batch is one octet of format version, then events, each with a head of
 * four octets (kind, 24-bit length). Live code and replay apply the same event values, so recovery is not a second
 * program.
 */
export const FORMAT = 1;
export const EVENT_HEAD = 4;

/** The text codings by number: part of the journal's format, so only ever appended to. */
const CODINGS: readonly Coding[] = [
  'gsm7',
  'ascii',
  'latin1',
  'ucs2',
  'gbk',
  'octets',
  ...NATIONAL_CODINGS,
  ...LEGACY_CODINGS,
];

/** A text coding, as one octet. */
const coding: Kind<Coding> = {
  ...uint8,
  zero: 'octets',
  uses: () => ({ words: CODINGS, numbers: Object.fromEntries(CODINGS.map((word, number) => [word, number])) }),
  get: (s) => `${s.value}=${s.uses}.words[b[o++]]??'octets';`,
  put: (s) => `b[o++]=${s.uses}.numbers[${s.value}];`,
};

/** The id that the platform knows: the message's own, unless it was one of several destinations. */
const publicId: Kind<number> = {
  ...float64,
  width: 0,
  get: (s) =>
    `if(o>=end)short(${s.where},o);if(b[o++]===0)${s.value}=$id;` +
    `else{if(o+8>end)short(${s.where},o);${s.value}=b.readDoubleBE(o);o+=8;}`,
  put: (s) => `if(${s.value}===v.id)b[o++]=0;else{b[o++]=1;o=b.writeDoubleBE(${s.value},o);}`,
  size: (s) => `(${s.value}===v.id?1:9)`,
};

/** A last field that most events lack: nothing is written then, and journals from before it had a place are read. */
const lastText: Kind<string> = {
  ...text8,
  get: (s) => `if(o>=end)${s.value}='';else{${text8.get(s)}}`,
  put: (s) => `if(${s.value}!==''){${text8.put(s)}}`,
  size: (s) => `(${s.value}===''?0:1+${s.value}.length)`,
};

const content = {
  id: float64,
  kind: uint8,
  publicId,
  account: text8,
  acceptedAt: float64,
  source: text8,
  sourceTon: uint8,
  sourceNpi: uint8,
  destination: text8,
  destTon: uint8,
  destNpi: uint8,
  serviceType: text8,
  esmClass: uint8,
  protocolId: uint8,
  priority: uint8,
  dataCoding: uint8,
  coding,
  registered: uint8,
  flags: uint8,
  scheduledAt: float64,
  validUntil: float64,
  udh: counted16,
  octets: counted16,
  tlvs: counted16,
  carrier: text8,
};

/** A segment in a snapshot. */
export interface SegmentRecord {
  readonly stage: number;
  readonly carrierId: string;
  readonly otherId: string;
  readonly at: number;
  readonly state: number;
  readonly error: string;
  readonly unknowns: number;
}

const text8Octets = (s: string): number => 1 + Math.min(s.length, 255);
const putText8 = (s: string, b: Buffer, o: number): number => {
  const cut = s.length > 255 ? s.slice(0, 255) : s;
  b[o] = cut.length;
  return putLatin1(b, cut, o + 1);
};
const getText8 = (b: Buffer, o: number): string => {
  cursor.at = o + 1 + b[o]!;
  return latin1(b, o + 1, cursor.at);
};

const segments: Kind<readonly SegmentRecord[]> = custom<readonly SegmentRecord[]>(
  [],
  (): Custom<readonly SegmentRecord[]> => ({
    read(b, o) {
      const n = b[o++]!;
      const list: SegmentRecord[] = new Array(n);
      for (let i = 0; i < n; i++) {
        const stage = b[o]!;
        const state = b[o + 1]!;
        const unknowns = b[o + 2]!;
        const at = b.readDoubleBE(o + 3);
        const carrierId = getText8(b, o + 11);
        const otherId = getText8(b, cursor.at);
        const error = getText8(b, cursor.at);
        o = cursor.at;
        list[i] = { stage, carrierId, otherId, at, state, error, unknowns };
      }
      cursor.at = o;
      return list;
    },
    write(list, b, o) {
      b[o++] = list.length;
      for (const s of list) {
        b[o] = s.stage;
        b[o + 1] = s.state;
        b[o + 2] = s.unknowns;
        b.writeDoubleBE(s.at, o + 3);
        o = putText8(s.carrierId, b, o + 11);
        o = putText8(s.otherId, b, o);
        o = putText8(s.error, b, o);
      }
      return o;
    },
    size(list) {
      let n = 1;
      for (const s of list) n += 11 + text8Octets(s.carrierId) + text8Octets(s.otherId) + text8Octets(s.error);
      return n;
    },
  }),
);

const texts: Kind<readonly string[]> = custom<readonly string[]>(
  [],
  (): Custom<readonly string[]> => ({
    read(b, o) {
      const n = b[o]!;
      const list: string[] = new Array(n);
      cursor.at = o + 1;
      for (let i = 0; i < n; i++) list[i] = getText8(b, cursor.at);
      return list;
    },
    write(list, b, o) {
      b[o++] = list.length;
      for (const s of list) o = putText8(s, b, o);
      return o;
    },
    size: (list) => list.reduce((n, s) => n + text8Octets(s), 1),
  }),
);

/** At most this many attempts are kept in a trace: the first ones and the last. */
export const TRACE_MAX = 32;

const attempts: Kind<readonly Attempt[]> = custom<readonly Attempt[]>(
  [],
  (): Custom<readonly Attempt[]> => ({
    read(b, o) {
      const n = b[o++]!;
      const list: Attempt[] = new Array(n);
      for (let i = 0; i < n; i++) {
        const at = b.readDoubleBE(o);
        const segment = b[o + 8]!;
        const carrier = getText8(b, o + 9);
        const outcome = getText8(b, cursor.at);
        o = cursor.at;
        list[i] = { at, segment, carrier, outcome };
      }
      cursor.at = o;
      return list;
    },
    write(list, b, o) {
      b[o++] = list.length;
      for (const a of list) {
        b.writeDoubleBE(a.at, o);
        b[o + 8] = a.segment;
        o = putText8(a.carrier, b, o + 9);
        o = putText8(a.outcome, b, o);
      }
      return o;
    },
    size: (list) => list.reduce((n, a) => n + 9 + text8Octets(a.carrier) + text8Octets(a.outcome), 1),
  }),
);

/** A message taken: its acknowledgement follows once this is durable. */
export const accepted = definePdu(1, 'accepted', { ...content, platformRef: lastText });
/** A segment's octets left towards a carrier (or are about to, where an unknown outcome must not be repeated). */
export const sent = definePdu(2, 'sent', {
  id: float64,
  segment: uint8,
  of: uint8,
  coding,
  ref: uint16,
  flags: uint8,
  carrier: text8,
  at: float64,
  /** Where the sequence of the submit is the id. */
  carrierId: lastText,
});
/** The carrier took a segment and gave it an id. */
export const answered = definePdu(3, 'answered', {
  id: float64,
  segment: uint8,
  carrier: text8,
  carrierId: text8,
  at: float64,
});
/** An attempt ended without success; what follows: a retry at `retryAt`, or another carrier when `leave` is 1. */
export const refused = definePdu(4, 'refused', {
  id: float64,
  segment: uint8,
  carrier: text8,
  outcome: text8,
  /** 1: octets left, so the attempt counts. */
  counts: uint8,
  leave: uint8,
  /** Flags to set; UNKNOWN_OUTCOME: the segment may have arrived. */
  flags: uint8,
  retryAt: float64,
  at: float64,
});
/** A segment's final state, from the carrier's report. */
export const reported = definePdu(5, 'reported', {
  id: float64,
  segment: uint8,
  state: uint8,
  error: text8,
  at: float64,
});
/** A message's final state; `receipt` 1 when its platform is to be told. */
export const ended = definePdu(6, 'ended', {
  id: float64,
  state: uint8,
  error: text8,
  reason: text8,
  receipt: uint8,
  /** 1: ended by the report of its only segment, for which there is no event of its own. */
  reported: uint8,
  at: float64,
});
/** The platform took the receipt (or the MO), or it is given up; the message is gone. `outcome`: `taken`, `unwanted`, `kept too long`, … */
export const closed = definePdu(7, 'closed', { id: float64, outcome: text8, at: float64 });
/** A report that no message is known for yet. */
export const parked = definePdu(8, 'parked', {
  carrier: text8,
  carrierId: text8,
  state: uint8,
  error: text8,
  destination: text8,
  at: float64,
});
/** A parked report was matched or has grown too old. */
export const unparked = definePdu(9, 'unparked', { carrier: text8, carrierId: text8 });
/** replace_sm. */
export const replaced = definePdu(10, 'replaced', {
  id: float64,
  dataCoding: uint8,
  coding,
  registered: uint8,
  flags: uint8,
  scheduledAt: float64,
  validUntil: float64,
  octets: counted16,
});
/** A message as it is now: written again so that the batches that it came from can be dropped. */
export const carried = definePdu(11, 'carried', {
  ...content,
  stage: uint8,
  tried: texts,
  attempts: uint16,
  retryAt: float64,
  cutCoding: coding,
  cutOf: uint8,
  cutRef: uint16,
  segments,
  trace: attempts,
  state: uint8,
  error: text8,
  reason: text8,
  endedAt: float64,
  tellings: uint16,
  submitter: float64,
  platformRef: lastText,
});
/** A message left memory for the cold index. */
export const cooled = definePdu(12, 'cooled', { id: float64 });
/** What a carrier's report ids turned out to be. */
export const learned = definePdu(13, 'learned', { carrier: text8, form: text8, matches: uint32 });
/** The next message id: written again with every checkpoint. */
export const mark = definePdu(14, 'mark', { nextId: float64, recordedTo: float64 });

export type Accepted = Pdu<typeof accepted>;
export type Sent = Pdu<typeof sent>;
export type Answered = Pdu<typeof answered>;
export type Refused = Pdu<typeof refused>;
export type Reported = Pdu<typeof reported>;
export type Ended = Pdu<typeof ended>;
export type Closed = Pdu<typeof closed>;
export type Parked = Pdu<typeof parked>;
export type Unparked = Pdu<typeof unparked>;
export type Replaced = Pdu<typeof replaced>;
export type Carried = Pdu<typeof carried>;
export type Learned = Pdu<typeof learned>;
export type Mark = Pdu<typeof mark>;

export const plans = {
  accepted: plan(accepted, FORMAT),
  sent: plan(sent, FORMAT),
  answered: plan(answered, FORMAT),
  refused: plan(refused, FORMAT),
  reported: plan(reported, FORMAT),
  ended: plan(ended, FORMAT),
  closed: plan(closed, FORMAT),
  parked: plan(parked, FORMAT),
  unparked: plan(unparked, FORMAT),
  replaced: plan(replaced, FORMAT),
  carried: plan(carried, FORMAT),
  cooled: plan(cooled, FORMAT),
  learned: plan(learned, FORMAT),
  mark: plan(mark, FORMAT),
} as const;

const byKind: (Plan | undefined)[] = [];
for (const p of Object.values(plans)) byKind[p.id] = p as unknown as Plan;

/** A journal that we cannot read: written by a later version, or damaged. */
export class JournalFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JournalFault';
  }
}

/** Reads a batch; views are into `batch`. */
export function readBatch(batch: Buffer, onEvent: (kind: number, value: Record<string, unknown>) => void): void {
  if (batch.length === 0) return;
  if (batch[0] !== FORMAT) {
    throw new JournalFault(
      `journal format ${batch[0]} is not ${FORMAT}: written by another version; start that version, or move the data folder away`,
    );
  }
  let o = 1;
  while (o < batch.length) {
    const kind = batch[o]!;
    const end = o + EVENT_HEAD > batch.length ? Infinity : o + EVENT_HEAD + batch.readUIntBE(o + 1, 3);
    const p = byKind[kind];
    if (p === undefined || end > batch.length)
      throw new JournalFault(`journal event of kind ${kind} at octet ${o} cannot be read`);
    onEvent(kind, p.decode(batch, o + EVENT_HEAD, end) as Record<string, unknown>);
    o = end;
  }
}

/** Writes one event with its head at `o`; the caller has made room for `EVENT_HEAD + size`. */
export function writeEvent<F extends Fields>(
  p: Plan<F>,
  value: Parameters<Plan<F>['encode']>[0],
  b: Buffer,
  o: number,
): number {
  const end = p.encode(value, b, o + EVENT_HEAD);
  b[o] = p.id;
  b.writeUIntBE(end - o - EVENT_HEAD, o + 1, 3);
  return end;
}
