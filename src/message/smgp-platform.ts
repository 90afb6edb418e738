import { statOf } from '../../protocols/cmpp/report.ts';
import { reportTime } from '../../protocols/cmpp/time.ts';
import { msgIdOf, msgIdParts, NO_MSG_ID, SEQUENCES } from '../../protocols/smgp/msg-id.ts';
import { REPORT_SIZE, reportText, writeReport } from '../../protocols/smgp/report.ts';
import { STATUS, statusOf } from '../../protocols/smgp/result.ts';
import { type deliver, type query, smgpCodec, type submit } from '../../protocols/smgp/tables.ts';
import { TAG, textTlv } from '../../protocols/smgp/tlv-tags.ts';
import { decode, encode } from '../../protocols/text/charset.ts';
import { contentOf as codingFamily, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { BEIJING, beijingTime, parseTime } from '../../protocols/wire/beijing.ts';
import { digits, epochOf, two } from '../../protocols/wire/civil.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, type Tlv, tlvUint } from '../../protocols/wire/tlv.ts';
import type { AccountConfig } from '../config/schema.ts';
import { readCharging } from './charging.ts';
import { as, type Outgoing } from './mapping.ts';
import { ACCEPTED, DELIVERED, type Draft, type Message, NO_OCTETS, REPLAYED, STATE_NAMES } from './message.ts';
import type { FromPlatform, PlatformMapping, Refusal } from './platform.ts';
import { type KnownId, ROUND, reducedId } from './public-id.ts';
import { chargingOf, contentOf, octet } from './smgp.ts';
import { withUdh } from './user-data-header.ts';

/** What a refusal is in Status of Submit_Resp. "Busy" is the only one that means "later". */
const REFUSALS: Readonly<Record<Refusal, number>> = {
  throttled: STATUS.BUSY,
  queueFull: STATUS.BUSY,
  storeFailing: STATUS.BUSY,
  source: STATUS.BAD_SRC_TERM_ID,
  destination: STATUS.BAD_DEST_TERM_ID,
  noRoute: STATUS.NO_ROUTE,
  loop: STATUS.ROUTE_ERROR,
  disabled: STATUS.ACCOUNT_EXPIRED,
  validity: STATUS.EXPIRED,
  schedule: STATUS.BAD_AT_TIME,
  tooLong: STATUS.BAD_MSG_LENGTH,
  notFound: STATUS.BAD_COMMAND,
  cannotCancel: STATUS.BAD_COMMAND,
  cannotReplace: STATUS.BAD_COMMAND,
  list: STATUS.BAD_DEST_TERM_ID,
};

/** Receivers of one Submit, and octets of a message to phones. */
const MOST_RECEIVERS = 100;
const MOST_OCTETS = 140;
/** MsgContent has one octet for its length. */
const MOST_CONTENT = 255;

// ---- requests ------------------------------------------------------------------------------------------------

const refused = (status: number): FromPlatform => ({ what: 'refused', status });

function readSubmit(v: Pdu<typeof submit>, now: number): FromPlatform {
  const receivers = v.destTermId.length;
  if (receivers === 0 || receivers > MOST_RECEIVERS) return refused(STATUS.BAD_STRUCTURE);
  // DestTermType 1: what is in DestTermPseudo instead of a number (伪码) only its own network can read.
  if (tlvUint(v.tlvs, TAG.destTermType) === 1) return refused(STATUS.BAD_DEST_TERM_ID);
  if (v.msgContent.length > MOST_OCTETS) return refused(STATUS.BAD_MSG_LENGTH);
  const content = contentOf(v.msgContent, v.msgFormat, v.tlvs);
  if (content.udh.length > 0 && content.udh.length !== content.udh[0]! + 1) return refused(STATUS.BAD_STRUCTURE);
  // A schedule that cannot be read is not one for now; of a validity there is a default.
  const scheduledAt = givenTime(v.atTime, now);
  if (scheduledAt === undefined) return refused(STATUS.BAD_AT_TIME);
  const draft: Draft = {
    source: v.srcTermId,
    sourceTon: 0,
    sourceNpi: 0,
    destination: v.destTermId[0]!,
    destTon: 0,
    destNpi: 0,
    serviceType: v.serviceId,
    esmClass: 0,
    protocolId: tlvUint(v.tlvs, TAG.tpPid) ?? 0,
    // One appendix counts to 9.
    priority: Math.min(v.priority, 3),
    ...content,
    registered: v.needReport === 0 ? 0 : 1,
    scheduledAt,
    validUntil: givenTime(v.validTime, now) ?? 0,
    tlvs: chargingOf(v.tlvs),
    platformRef: '',
    hops: '',
  };
  if (receivers === 1) return { what: 'submit', draft };
  return { what: 'multi', whole: true, drafts: v.destTermId.map((destination) => ({ ...draft, destination })) };
}

/** 0 where none is given, undefined where it is no time. */
function givenTime(text: string, now: number): number | undefined {
  return /^[0 ]*$/.test(text) ? 0 : parseTime(text, now);
}

function readQuery(v: Pdu<typeof query>): FromPlatform {
  const { queryTime, queryType, queryCode } = v;
  const midnight = epochOf(digits(queryTime, 0, 4), digits(queryTime, 4, 6), digits(queryTime, 6, 8), 0, 0, 0);
  return {
    what: 'statistics',
    // A day that is none has nothing to tell; Query_Resp cannot refuse.
    day: midnight === undefined ? 0 : midnight - BEIJING,
    service: queryType === 1 ? queryCode : '',
    answer: (c) =>
      as(smgpCodec(0).queryResp, {
        queryTime,
        queryType,
        queryCode,
        mtTlMsg: c.submits,
        mtTlusr: c.messages,
        mtScs: c.delivered,
        mtWt: c.waiting,
        mtFl: c.failed,
        moScs: c.moTaken,
        moWt: c.moWaiting,
        moFl: c.moFailed,
        reserve: '',
      }),
  };
}

// ---- MsgID ---------------------------------------------------------------------------------------------------

/** Device numbers of a gateway: `node.code` and this digit are its six. */
const DEVICES = 10;

/** MsgID of a message of ours: the minute in which it was taken, then our id reduced, in device and sequence. */
function writeId(id: number, acceptedAt: number, code: number): string {
  const { month, day, hour, minute } = beijingTime(acceptedAt);
  const k = reducedId(id);
  const gateway = code * DEVICES + Math.floor(k / SEQUENCES);
  return msgIdOf({ month, day, hour, minute, gateway, sequence: k % SEQUENCES });
}

function readId(raw: string, code: number, now: number): KnownId | undefined {
  const p = msgIdParts(raw);
  if (p === undefined) return undefined;
  const k = (p.gateway - code * DEVICES) * SEQUENCES + p.sequence;
  if (k < 0 || k >= ROUND) return undefined;
  const { year } = beijingTime(now);
  // It has no year: of this one, unless that is still to come.
  for (const y of [year, year - 1]) {
    const local = epochOf(y, p.month, p.day, p.hour, p.minute, 0);
    if (local !== undefined && local - BEIJING <= now)
      return { id: k, every: ROUND, from: local - BEIJING, to: local - BEIJING + 60_000 };
  }
  return undefined;
}

// ---- reports and MO ------------------------------------------------------------------------------------------

/** Err of a success, and of a failure of which no more is known (3.0: 6.2.3.1). */
const NO_ERROR = '000';
const NOT_KNOWN = '999';

/** The three digits of err: the carrier's own, as they are or at the end of its word. */
function errOf(state: number, error: string): string {
  if (state === DELIVERED) return NO_ERROR;
  const own = /\d{1,3}$/.exec(error)?.[0].padStart(3, '0');
  return own === undefined || own === NO_ERROR ? NOT_KNOWN : own;
}

/** Stat has seven words. ACCEPTD is none to end with. */
function statWord(state: number): string {
  const name = STATE_NAMES[state];
  if (name === undefined || state === ACCEPTED || name === 'ENROUTE' || name === 'SCHEDULED') return 'UNKNOWN';
  return statOf(name);
}

/** YYYYMMDDHHMMSS in Beijing. */
function recvTime(at: number): string {
  const c = beijingTime(at);
  return c.year + two(c.month) + two(c.day) + two(c.hour) + two(c.minute) + two(c.second);
}

/** Reports are written here: encoded before the next is begun. */
const report = Buffer.alloc(REPORT_SIZE);

/** The one Deliver that is being written: encoded before the next is begun, so one object does for all. */
const told: Pdu<typeof deliver> = {
  msgId: '',
  isReport: 0,
  msgFormat: 0,
  recvTime: '',
  srcTermId: '',
  destTermId: '',
  msgContent: NO_OCTETS,
  reserve: '',
  tlvs: NO_TLVS,
};

interface Formatted {
  readonly msgFormat: number;
  readonly octets: Uint8Array;
}

/** Content of an MO in the account's MsgFormat where that holds it, else as it came, else in one that SMGP has. */
function moContent(m: Message, wanted: AccountConfig['smgp']['text']): Formatted {
  const { coding, dataCoding } = m;
  if (coding === 'octets')
    return { msgFormat: codingFamily(dataCoding) === 'octets' ? dataCoding : 4, octets: m.octets };
  const own = msgFmtOf(coding);
  // A class is kept, and with it the coding; so is what no text is (an application's ports in the header).
  if (own !== undefined && dataCoding > 0x0f && codingFamily(dataCoding) === coding)
    return { msgFormat: dataCoding, octets: m.octets };
  // Parts of one text must not come in several: who joins their octets would read them in one.
  const isPart = m.udh.length > 0;
  if (own !== undefined && (coding === 'ascii' || wanted === 'asGiven' || coding === wanted || isPart))
    return { msgFormat: own, octets: m.octets };
  const text = decode(m.octets, coding);
  const room = MOST_CONTENT - m.udh.length;
  for (const into of ['ascii', wanted === 'ucs2' ? 'ucs2' : 'gbk'] as const) {
    const octets = encode(text, into);
    if (octets !== undefined && octets.length <= room) return { msgFormat: msgFmtOf(into)!, octets };
  }
  if (own !== undefined) return { msgFormat: own, octets: m.octets };
  // Longer than any short message: its beginning, rather than nothing.
  return { msgFormat: 8, octets: encode(text, 'ucs2')!.subarray(0, room & ~1) };
}

function moTlvs(m: Message): readonly Tlv[] {
  const { linkId } = readCharging(m.tlvs);
  if (m.protocolId === 0 && m.udh.length === 0 && linkId === '') return NO_TLVS;
  const list: Tlv[] = [];
  if (m.protocolId !== 0) list.push(octet(TAG.tpPid, m.protocolId));
  if (m.udh.length > 0) list.push(octet(TAG.tpUdhi, 1));
  if (linkId !== '') list.push(textTlv(TAG.linkId, linkId));
  return list;
}

/** SMGP as platforms speak it to us. `code`: `node.code`, which goes into every MsgID. */
export function createSmgpPlatform(code: number): PlatformMapping {
  return {
    protocol: 'smgp',
    tellsDays: true,
    idPerDestination: true,

    read(pdu, value, _account, now): FromPlatform {
      switch (pdu.name) {
        case 'SMGP_SUBMIT':
          return readSubmit(value as unknown as Pdu<typeof submit>, now);
        case 'SMGP_QUERY':
          return readQuery(value as unknown as Pdu<typeof query>);
        default:
          return refused(STATUS.BAD_COMMAND);
      }
    },

    status: (refusal) => REFUSALS[refusal],
    statusName: (status) => `SMGP_${statusOf(status).name}`,

    submitAnswer(_pdu, version, id): Outgoing {
      return as(smgpCodec(version).submitResp, { msgId: id === '' ? NO_MSG_ID : id, status: 0 });
    },

    // Query asks for counts and never for a message.
    queryAnswer: (version) => as(smgpCodec(version).queryResp, smgpCodec(version).queryResp.fill({})),

    plainAnswer(pdu, version): Outgoing {
      const { byId, submitResp } = smgpCodec(version);
      const plan = byId.get((pdu.id | 0x80000000) >>> 0) ?? (submitResp as unknown as Plan);
      return { plan, value: plan.fill({}) };
    },

    toReceipt(m, _account, version): Outgoing {
      // One told again has a new id of ours and the first one's public id.
      const id = writeId((m.flags & REPLAYED) === 0 ? m.id : m.publicId, m.acceptedAt, code);
      told.msgId = id;
      told.isReport = 1;
      told.msgFormat = 0;
      told.recvTime = recvTime(m.endedAt);
      told.srcTermId = m.destination;
      told.destTermId = m.source;
      told.msgContent = writeReport(
        {
          id,
          sub: '001',
          dlvrd: m.state === DELIVERED ? '001' : '000',
          submitDate: reportTime(m.acceptedAt),
          doneDate: reportTime(m.endedAt),
          stat: statWord(m.state),
          err: errOf(m.state, m.error),
          text: reportText(m.octets),
        },
        report,
      );
      told.tlvs = NO_TLVS;
      return as(smgpCodec(version).deliver, told);
    },

    toIntermediate: () => undefined,

    toMo(m, account, version): Outgoing {
      const { msgFormat, octets } = moContent(m, account.smgp.text);
      told.msgId = writeId(m.id, m.acceptedAt, code);
      told.isReport = 0;
      told.msgFormat = msgFormat;
      told.recvTime = recvTime(m.acceptedAt);
      told.srcTermId = m.source;
      told.destTermId = m.destination;
      told.msgContent = withUdh(m.udh, octets);
      told.tlvs = moTlvs(m);
      return as(smgpCodec(version).deliver, told);
    },

    readId: (id, _account, _version, now) => readId(id, code, now),
    writeId: (id, acceptedAt) => writeId(id, acceptedAt, code),

    outcome(status) {
      if (status === STATUS.OK) return 'taken';
      // 12 takes us for one who repeats a SequenceID: the next telling has another.
      return status === STATUS.BUSY || status === STATUS.DUPLICATE_SEQUENCE ? 'later' : 'refused';
    },
  };
}
