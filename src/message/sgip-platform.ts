import { REPORT_STATE } from '../../protocols/sgip/report.ts';
import { RESULT, sgipResult } from '../../protocols/sgip/result.ts';
import { traceTime } from '../../protocols/sgip/sequence.ts';
import { sgipCodec, type submit, type trace } from '../../protocols/sgip/tables.ts';
import { contentOf } from '../../protocols/text/msg-fmt.ts';
import { beijingTime, parseTime } from '../../protocols/wire/beijing.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import { readCharging } from './charging.ts';
import { as, type Outgoing } from './mapping.ts';
import { ACCEPTED, DELIVERED, type Draft, EXPIRED, type Message, REJECTED, UNDELIVERABLE } from './message.ts';
import type { FromPlatform, PlatformMapping, Refusal } from './platform.ts';
import { chargingOf, contentFrom, contentTo, reserveOf } from './sgip.ts';

const codec = sgipCodec();

/** What a refusal is in Result. Clients slow down at 88 (1.3); 1.2 has nothing nearer than "busy". */
const REFUSALS: Readonly<Record<Refusal, number>> = {
  throttled: RESULT.FLOW_CONTROL,
  queueFull: RESULT.NODE_BUSY,
  storeFailing: RESULT.NODE_BUSY,
  source: RESULT.BAD_PARAMETER,
  destination: RESULT.BAD_NUMBER,
  noRoute: RESULT.NO_ROUTE,
  loop: RESULT.LOOP,
  disabled: RESULT.BAD_LOGIN,
  validity: RESULT.BAD_PARAMETER,
  schedule: RESULT.BAD_PARAMETER,
  tooLong: RESULT.BAD_LENGTH,
  notFound: RESULT.BAD_SEQUENCE,
  cannotCancel: RESULT.BAD_COMMAND,
  cannotReplace: RESULT.BAD_COMMAND,
  list: RESULT.BAD_PARAMETER,
};

/** Users of one Submit (1.2: 4.4). */
const MOST_USERS = 100;
/** MessageContent has 140 octets; with 7-bit text of another protocol in mind some count to 160. */
const MOST_OCTETS = 140;
const MOST_ASCII = 160;

/** registered_delivery by ReportFlag 0 (on failure), 1 (always), 2 (never). */
const REGISTERED: readonly number[] = [2, 1, 0];
/** The platform's account decides whether states that are not final are told. */
const INTERMEDIATE = 0x10;
const MONTHLY_RECORD = 3;

const refused = (status: number): FromPlatform => ({ what: 'refused', status });

function readSubmit(v: Pdu<typeof submit>, now: number, sequence: string): FromPlatform {
  const users = v.userNumber.length;
  if (users === 0 || users > MOST_USERS) return refused(RESULT.BAD_PARAMETER);
  // A record for the bill, of which the user is to see nothing: carried as a message it would reach the phone.
  if (v.reportFlag === MONTHLY_RECORD) return refused(RESULT.MONTHLY_NOT_ALLOWED);
  const most = contentOf(v.messageCoding) === 'ascii' ? MOST_ASCII : MOST_OCTETS;
  if (v.messageContent.length > most) return refused(RESULT.BAD_LENGTH);
  const registered = REGISTERED[v.reportFlag];
  const validUntil = timeOf(v.expireTime, now);
  const scheduledAt = timeOf(v.scheduleTime, now);
  if (registered === undefined || validUntil === undefined || scheduledAt === undefined)
    return refused(RESULT.BAD_PARAMETER);
  const draft: Draft = {
    source: v.spNumber,
    sourceTon: 0,
    sourceNpi: 1,
    destination: v.userNumber[0]!,
    destTon: 0,
    destNpi: 1,
    serviceType: '',
    esmClass: 0,
    protocolId: v.tpPid,
    // 0 is the usual one: of the ten steps the upper ones go before the rest.
    priority: Math.min(3, Math.floor(v.priority / 3)),
    dataCoding: dataCodingOf(v.messageCoding),
    ...contentFrom(v),
    registered: registered === 0 ? 0 : registered | INTERMEDIATE,
    scheduledAt,
    validUntil,
    tlvs: chargingOf(v.reserve),
    platformRef: sequence,
    hops: '',
  };
  if (users === 1) return { what: 'submit', draft };
  return { what: 'multi', whole: true, drafts: v.userNumber.map((destination) => ({ ...draft, destination })) };
}

/** Class and kind of binary stay with a message; GB and plain text have no more than their coding. */
const dataCodingOf = (messageCoding: number): number =>
  messageCoding > 0x0f || contentOf(messageCoding) === 'octets' ? messageCoding : 0;

/** 0 where there is none; undefined where it is no time. */
const timeOf = (text: string, now: number): number | undefined => (text === '' ? 0 : parseTime(text, now));

/** The code of a carrier that speaks SGIP too, as it stands at the end of its name: `SGIP_USER_ABSENT:025`. */
const OWN_CODE = /^SGIP_\w+:(\d{3})$/;

/** ErrorCode of a message that was not delivered: the carrier's own where it is one of SGIP's, else the nearest of 1.2. */
function errorCode(state: number, error: string): number {
  const own = Number(OWN_CODE.exec(error)?.[1] ?? 0);
  if (own > 0 && own < 256) return own;
  switch (state) {
    case EXPIRED:
      return RESULT.USER_ABSENT;
    case UNDELIVERABLE:
    case REJECTED:
      return RESULT.UNREACHABLE;
    default:
      return RESULT.SYSTEM_FAILURE;
  }
}

function reportOn(m: Message, state: number, error: string): Outgoing {
  const waiting = state === 0 || state === 1 || state === ACCEPTED;
  return as(codec.report, {
    submitSequenceNumber: m.platformRef,
    reportType: 0,
    userNumber: m.destination,
    state: state === DELIVERED ? REPORT_STATE.SENT : waiting ? REPORT_STATE.WAITING : REPORT_STATE.FAILED,
    errorCode: state === DELIVERED || waiting ? 0 : errorCode(state, error),
    reserve: '',
  });
}

/** SGIP as platforms speak it to us. `node`: our number as an SMG, which a trace shows. */
export function createSgipPlatform(node: number): PlatformMapping {
  return {
    protocol: 'sgip',
    tellsDays: false,
    // The platform knows a message by the sequence number of its own Submit, and by the user.
    idPerDestination: false,

    read(pdu, value, _account, now, sequence): FromPlatform {
      switch (pdu.name) {
        case 'SGIP_SUBMIT':
          return readSubmit(value as unknown as Pdu<typeof submit>, now, sequence);
        case 'SGIP_TRACE': {
          const v = value as unknown as Pdu<typeof trace>;
          return { what: 'query', id: v.submitSequenceNumber + v.userNumber, source: '' };
        }
        default:
          // Deliver, Report and UserRpt are ours to send.
          return refused(RESULT.BAD_COMMAND);
      }
    },

    repeatedStatus: RESULT.BAD_SEQUENCE,
    status: (refusal) => REFUSALS[refusal],
    statusName: (status) => `SGIP_${sgipResult(status).name}`,

    submitAnswer: () => as(codec.submitResp, { result: 0, reserve: '' }),

    queryAnswer(_version, _id, m, doneAt): Outgoing {
      const waiting = m.state === 0 || m.state === ACCEPTED;
      return as(codec.traceResp, {
        nodes: [
          {
            result: m.state === DELIVERED ? 0 : waiting ? REPORT_STATE.WAITING : errorCode(m.state, m.error),
            nodeId: String(node).slice(0, 6),
            receiveTime: m.acceptedAt === undefined ? '' : traceTime(beijingTime(m.acceptedAt)),
            sendTime: doneAt === 0 ? '' : traceTime(beijingTime(doneAt)),
            reserve: '',
          },
        ],
      });
    },

    plainAnswer(pdu): Outgoing {
      const plan = codec.byId.get((pdu.id | 0x80000000) >>> 0)!;
      return { plan, value: plan.fill({}) };
    },

    toReceipt: (m) => reportOn(m, m.state, m.error),
    toIntermediate: (m, state, error) => reportOn(m, state, error),

    toMo(m): Outgoing {
      return as(codec.deliver, {
        userNumber: m.source,
        spNumber: m.destination,
        tpPid: m.protocolId,
        tpUdhi: m.udh.length > 0 ? 1 : 0,
        ...contentTo(m),
        reserve: reserveOf(readCharging(m.tlvs).linkId, ''),
      });
    },

    readId: () => undefined,
    writeId: () => '',

    outcome(status) {
      if (status === RESULT.OK) return 'taken';
      // A sequence number that it takes for a repeated one: the next telling has another.
      const { class: kind } = sgipResult(status);
      return kind === 'throttle' || status === RESULT.BAD_SEQUENCE ? 'later' : 'refused';
    },
  };
}
