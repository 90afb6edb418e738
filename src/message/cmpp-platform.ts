import { msgIdOf, msgIdParts, NO_MSG_ID } from '../../protocols/cmpp/msg-id.ts';
import { LONG_REPORT, SHORT_REPORT, statOf, statState, writeReport } from '../../protocols/cmpp/report.ts';
import { RESULT, submitResult } from '../../protocols/cmpp/result.ts';
import { CMPP_30, type cancel, cmppCodec, type deliver, type query, type submit } from '../../protocols/cmpp/tables.ts';
import { reportTime } from '../../protocols/cmpp/time.ts';
import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { codingOf, contentOf, hasUdh, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { mendUdh } from '../../protocols/text/udh.ts';
import { BEIJING, beijingTime, parseTime } from '../../protocols/wire/beijing.ts';
import { digits, epochOf } from '../../protocols/wire/civil.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { AccountConfig } from '../config/schema.ts';
import { readCharging, writeCharging } from './charging.ts';
import { as, type Outgoing } from './mapping.ts';
import { type Draft, type Message, NO_OCTETS, REPLAYED, STATE_NAMES } from './message.ts';
import type { FromPlatform, PlatformMapping, Refusal } from './platform.ts';
import { type KnownId, ROUND, reducedId } from './public-id.ts';
import { withUdh } from './user-data-header.ts';

/** What a refusal is in Result of SUBMIT_RESP. 2.0 calls all from 9 on "other"; 8 is the only one that means "later". */
const REFUSALS: Readonly<Record<Refusal, number>> = {
  throttled: RESULT.FLOW_CONTROL,
  queueFull: RESULT.FLOW_CONTROL,
  storeFailing: RESULT.FLOW_CONTROL,
  source: RESULT.BAD_SRC_ID,
  destination: RESULT.BAD_DEST_TERMINAL_ID,
  noRoute: RESULT.OTHER,
  loop: RESULT.OTHER,
  disabled: RESULT.OTHER,
  validity: RESULT.BAD_STRUCTURE,
  schedule: RESULT.BAD_STRUCTURE,
  tooLong: RESULT.CONTENT_TOO_LONG,
  notFound: RESULT.BAD_STRUCTURE,
  cannotCancel: RESULT.BAD_STRUCTURE,
  cannotReplace: RESULT.BAD_STRUCTURE,
  list: RESULT.BAD_DEST_TERMINAL_ID,
};

/** Receivers of one SUBMIT: DestUsr_tl says below 100, and some peers count to it. */
const MOST_RECEIVERS = 100;
/** Msg_Length is below 160 in Msg_Fmt 0 and at most 140 in all others. */
const MOST_ASCII = 159;
const MOST_OCTETS = 140;
/** Msg_Content has one octet for its length. */
const MOST_CONTENT = 255;

/** Numbers that a gateway code of ours has room for below itself: 22 bits are `node.code` and these six. */
const PER_NODE = 64;
const SEQUENCES = 65_536;

// ---- requests ------------------------------------------------------------------------------------------------

const refused = (status: number): FromPlatform => ({ what: 'refused', status });

function readSubmit(v: Pdu<typeof submit>, account: AccountConfig, now: number): FromPlatform {
  const content = v.msgContent;
  const receivers = v.destTerminalId.length;
  if (receivers === 0 || receivers > MOST_RECEIVERS) return refused(RESULT.BAD_STRUCTURE);
  // 2 asks for a charging record and no message (2.0 only): carrying it as a message would reach a phone.
  if (v.registeredDelivery === 2) return refused(RESULT.BAD_STRUCTURE);
  if (content.length > (contentOf(v.msgFmt) === 'ascii' ? MOST_ASCII : MOST_OCTETS))
    return refused(RESULT.CONTENT_TOO_LONG);
  const header = hasUdh(v.tpUdhi) ? (content[0] ?? MOST_CONTENT) + 1 : 0;
  if (header > content.length) return refused(RESULT.BAD_STRUCTURE);
  const octets = header === 0 ? content : content.subarray(header);
  const draft: Draft = {
    source: v.srcId,
    sourceTon: 0,
    sourceNpi: 0,
    destination: v.destTerminalId[0]!,
    destTon: 0,
    destNpi: 0,
    serviceType: v.serviceId,
    esmClass: 0,
    protocolId: v.tpPid,
    priority: Math.min(3, Math.round(v.msgLevel / 3)),
    dataCoding: dataCodingOf(v.msgFmt),
    coding: codingOf(v.msgFmt, octets),
    registered: v.registeredDelivery === 0 ? 0 : 1,
    scheduledAt: timeOf(v.atTime, now),
    validUntil: timeOf(v.validTime, now),
    udh: header === 0 ? NO_OCTETS : mendUdh(content.subarray(0, header)),
    octets,
    tlvs: chargingOf(v, account),
    platformRef: '',
    hops: '',
  };
  if (receivers === 1) return { what: 'submit', draft };
  return { what: 'multi', whole: true, drafts: v.destTerminalId.map((destination) => ({ ...draft, destination })) };
}

/** A class, or what kind of binary it is, stays with a message; plain text has no more than its coding. */
const dataCodingOf = (msgFmt: number): number => (msgFmt > 0x0f || contentOf(msgFmt) === 'octets' ? msgFmt : 0);

/** 0 where there is none, and for the junk that platforms send: `150001300020032+` was seen. */
const timeOf = (text: string, now: number): number => (text === '' ? 0 : (parseTime(text, now) ?? 0));

function chargingOf(v: Pdu<typeof submit>, account: AccountConfig): Uint8Array {
  const own = account.cmpp.charging === 'platform';
  // Tables of 2.0 have no LinkID.
  const linkId = v.linkId ?? '';
  if (!own && linkId === '') return NO_OCTETS;
  const fee = {
    serviceId: v.serviceId,
    userType: v.feeUsertype,
    terminalId: v.feeTerminalId,
    terminalType: v.feeTerminalType,
    type: v.feeType,
    code: v.feeCode,
  };
  return writeCharging({ linkId, fee: own ? fee : undefined });
}

function readQuery(v: Pdu<typeof query>): FromPlatform {
  const midnight = epochOf(digits(v.time, 0, 4), digits(v.time, 4, 6), digits(v.time, 6, 8), 0, 0, 0);
  return {
    what: 'statistics',
    // A day that is none has nothing to tell; QUERY_RESP cannot refuse.
    day: midnight === undefined ? 0 : midnight - BEIJING,
    service: v.queryType === 1 ? v.queryCode : '',
    answer: (c) =>
      as(cmppCodec(CMPP_30).queryResp, {
        time: v.time,
        queryType: v.queryType,
        queryCode: v.queryCode,
        mtTlmsg: c.submits,
        mtTlusr: c.messages,
        mtScs: c.delivered,
        mtWt: c.waiting,
        mtFl: c.failed,
        moScs: c.moTaken,
        moWt: c.moWaiting,
        moFl: c.moFailed,
      }),
  };
}

// ---- Msg_Id --------------------------------------------------------------------------------------------------

/** Msg_Id of a message of ours: the second in which it was taken, then our id reduced, in gateway code and sequence. */
function writeId(id: number, acceptedAt: number, code: number): string {
  const { month, day, hour, minute, second } = beijingTime(acceptedAt);
  const k = reducedId(id);
  const gateway = code * PER_NODE + Math.floor(k / SEQUENCES);
  return msgIdOf({ month, day, hour, minute, second, gateway, sequence: k % SEQUENCES });
}

function readId(raw: string, code: number, now: number): KnownId | undefined {
  const p = msgIdParts(raw);
  const k = (p.gateway - code * PER_NODE) * SEQUENCES + p.sequence;
  if (k < 0 || k >= ROUND) return undefined;
  const { year } = beijingTime(now);
  // It has no year: of this one, unless that is still to come.
  for (const y of [year, year - 1]) {
    const local = epochOf(y, p.month, p.day, p.hour, p.minute, p.second);
    if (local !== undefined && local - BEIJING <= now)
      return { id: k, every: ROUND, from: local - BEIJING, to: local - BEIJING + 1000 };
  }
  return undefined;
}

// ---- reports and MO ------------------------------------------------------------------------------------------

/** Words of the mainland carriers: `MK:0001`, `UNDELIV`, `BLACK`. Codes of others have digits only, or are longer. */
const WORD = /^(?:[A-Z][A-Z0-9]:[0-9A-Z]{1,4}|[A-Z]{3,7})$/;

/** Stat: the carrier's own word where it is one of CMPP's, else that of the state. ACCEPTD is none to be passed on (8.2). */
function statWord(state: number, error: string): string {
  const name = STATE_NAMES[state];
  if (name === undefined || name === 'ENROUTE' || name === 'SCHEDULED' || name === 'ACCEPTED') return 'UNKNOWN';
  if (name === 'DELIVERED' || !WORD.test(error)) return statOf(name);
  const said = statState(error);
  return said === 'DELIVERED' || said === 'ACCEPTED' ? statOf(name) : error;
}

/** Reports are written here: encoded before the next is begun. */
const shortReport = Buffer.alloc(SHORT_REPORT);
const longReport = Buffer.alloc(LONG_REPORT);

/** The one DELIVER that is being written: encoded before the next is begun, so one object does for all. */
const told: Pdu<typeof deliver> = {
  msgId: '',
  destId: '',
  serviceId: '',
  tpPid: 0,
  tpUdhi: 0,
  msgFmt: 0,
  srcTerminalId: '',
  srcTerminalType: 0,
  registeredDelivery: 0,
  msgContent: NO_OCTETS,
  reserved: '',
  linkId: '',
};

/** Content of an MO in a Msg_Fmt that CMPP has: what came in another coding is coded anew. */
function moContent(m: Message): { readonly msgFmt: number; readonly octets: Uint8Array } {
  const { coding, dataCoding } = m;
  if (coding === 'octets') return { msgFmt: contentOf(dataCoding) === 'octets' ? dataCoding : 4, octets: m.octets };
  if (coding === 'ascii' || coding === 'gbk' || coding === 'ucs2') {
    const kept = dataCoding > 0x0f && contentOf(dataCoding) === coding;
    return { msgFmt: kept ? dataCoding : (msgFmtOf(coding) ?? 0), octets: m.octets };
  }
  const text = decode(m.octets, coding);
  const room = MOST_CONTENT - m.udh.length;
  let last: { readonly msgFmt: number; readonly octets: Uint8Array } = { msgFmt: 8, octets: NO_OCTETS };
  for (const into of ['ascii', 'ucs2', 'gbk'] as const satisfies readonly Coding[]) {
    const octets = encode(text, into);
    if (octets === undefined) continue;
    if (octets.length <= room) return { msgFmt: msgFmtOf(into) ?? 8, octets };
    if (into === 'ucs2') last = { msgFmt: 8, octets: octets.subarray(0, room & ~1) };
  }
  // Longer than any short message: its beginning, rather than nothing.
  return last;
}

/** CMPP as platforms speak it to us. `code`: `node.code`, which goes into every Msg_Id. */
export function createCmppPlatform(code: number): PlatformMapping {
  return {
    protocol: 'cmpp',
    tellsDays: true,
    idPerDestination: true,
    resends: true, // after T, up to N times (2.0: 7.2)

    read(pdu, value, account, now): FromPlatform {
      switch (pdu.name) {
        case 'CMPP_SUBMIT':
          return readSubmit(value as unknown as Pdu<typeof submit>, account, now);
        case 'CMPP_QUERY':
          return readQuery(value as unknown as Pdu<typeof query>);
        case 'CMPP_CANCEL': {
          const { msgId } = value as unknown as Pdu<typeof cancel>;
          return { what: 'cancel', id: msgId, source: '', destination: '', serviceType: '' };
        }
        default:
          return refused(RESULT.BAD_COMMAND);
      }
    },

    status: (refusal) => REFUSALS[refusal],
    statusName: (status) => `CMPP_${submitResult(status, CMPP_30).name}`,

    submitAnswer(_pdu, version, id): Outgoing {
      return as(cmppCodec(version).submitResp, { msgId: id === '' ? NO_MSG_ID : id, result: 0 });
    },

    // QUERY asks for counts and never for a message.
    queryAnswer: (version) => as(cmppCodec(version).queryResp, cmppCodec(version).queryResp.fill({})),

    plainAnswer(pdu, version): Outgoing {
      const { byId, submitResp } = cmppCodec(version);
      const plan = byId.get((pdu.id | 0x80000000) >>> 0) ?? (submitResp as unknown as Plan);
      return { plan, value: plan.fill({}) };
    },

    toReceipt(m, _account, version): Outgoing {
      // One told again has a new id of ours and the first one's public id.
      const id = writeId((m.flags & REPLAYED) === 0 ? m.id : m.publicId, m.acceptedAt, code);
      told.msgId = id;
      told.destId = m.source;
      told.serviceId = m.serviceType;
      told.tpPid = 0;
      told.tpUdhi = 0;
      told.msgFmt = 0;
      told.srcTerminalId = m.destination;
      told.registeredDelivery = 1;
      told.msgContent = writeReport(
        {
          msgId: id,
          stat: statWord(m.state, m.error),
          submitTime: reportTime(m.acceptedAt),
          doneTime: reportTime(m.endedAt),
          destTerminalId: m.destination,
          smscSequence: reducedId(m.id),
        },
        version,
        version < CMPP_30 ? shortReport : longReport,
      );
      told.linkId = '';
      return as(cmppCodec(version).deliver, told);
    },

    toIntermediate: () => undefined,

    toMo(m, _account, version): Outgoing {
      const { msgFmt, octets } = moContent(m);
      told.msgId = writeId(m.id, m.acceptedAt, code);
      told.destId = m.destination;
      told.serviceId = m.serviceType;
      told.tpPid = m.protocolId;
      told.tpUdhi = m.udh.length > 0 ? 1 : 0;
      told.msgFmt = msgFmt;
      told.srcTerminalId = m.source;
      told.registeredDelivery = 0;
      told.msgContent = withUdh(m.udh, octets);
      told.linkId = readCharging(m.tlvs).linkId;
      return as(cmppCodec(version).deliver, told);
    },

    readId: (id, _account, _version, now) => readId(id, code, now),
    writeId: (id, acceptedAt) => writeId(id, acceptedAt, code),

    outcome(status) {
      if (status === RESULT.OK) return 'taken';
      // Result 3 takes us for one who repeats a Sequence_Id: the next telling has another.
      return status === RESULT.FLOW_CONTROL || status === RESULT.DUPLICATE_SEQUENCE ? 'later' : 'refused';
    },
  };
}
