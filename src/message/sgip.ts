import { reportedState } from '../../protocols/sgip/report.ts';
import { RESULT, sgipResult } from '../../protocols/sgip/result.ts';
import { sequenceText } from '../../protocols/sgip/sequence.ts';
import { deliver, report, sgipCodec } from '../../protocols/sgip/tables.ts';
import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { codingOf, contentOf, hasUdh, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { absoluteTime } from '../../protocols/wire/beijing.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { CarrierConfig, SgipCarrierConfig } from '../config/schema.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Draft, type Message, NO_OCTETS, type Segment, STATE_NAMES, VALIDITY_GIVEN } from './message.ts';
import { carrierNumber } from './number.ts';
import { headerOf } from './user-data-header.ts';

const codec = sgipCodec();
const scratch = Buffer.allocUnsafe(512);
/** The SP pays (1.2: 4.4). */
const SP_PAYS = '0'.repeat(21);

function withUdh(udh: Uint8Array, part: Uint8Array): Uint8Array {
  if (udh.length === 0) return part;
  if (udh.length + part.length > scratch.length) return Buffer.concat([udh, part]);
  scratch.set(udh, 0);
  scratch.set(part, udh.length);
  return scratch.subarray(0, udh.length + part.length);
}

/** SPNumber: the access number with the account's extension digits behind it (扩展号). */
function spNumber(source: string, { fixed, prefix }: SgipCarrierConfig['spNumber']): string {
  if (fixed !== undefined) return fixed;
  return prefix === '' || source.startsWith(prefix) ? source : prefix + source;
}

function chargeNumber(user: string, { chargeNumber: payer }: SgipCarrierConfig): string {
  return payer === 'sp' ? SP_PAYS : payer === 'user' ? user : payer;
}

/** The name of a code with its number: `SGIP_USER_ABSENT:025`. */
const errorText = (code: number): string => `SGIP_${sgipResult(code).name}:${String(code).padStart(3, '0')}`;

/** What a Submit or a Deliver carries, split into header and text. */
export function contentFrom(v: {
  readonly tpUdhi: number;
  readonly messageCoding: number;
  readonly messageContent: Uint8Array;
}): Pick<Draft, 'udh' | 'octets' | 'coding'> {
  const content = v.messageContent;
  const header = hasUdh(v.tpUdhi) ? Math.min((content[0] ?? -1) + 1, content.length) : 0;
  const octets = content.subarray(header);
  return {
    udh: header === 0 ? NO_OCTETS : content.subarray(0, header),
    octets,
    coding: codingOf(v.messageCoding, octets),
  };
}

/** Content of an MO in a MessageCoding that SGIP has: what came in another coding is coded anew. */
export function contentTo(m: Message): { readonly messageCoding: number; readonly messageContent: Uint8Array } {
  const { coding, dataCoding } = m;
  const kept = dataCoding > 0x0f ? dataCoding : undefined;
  if (coding === 'octets') {
    const messageCoding = contentOf(dataCoding) === 'octets' ? dataCoding : 4;
    return { messageCoding, messageContent: withUdh(m.udh, m.octets) };
  }
  const own = msgFmtOf(coding);
  if (own !== undefined) {
    const messageCoding = kept !== undefined && contentOf(kept) === coding ? kept : own;
    return { messageCoding, messageContent: withUdh(m.udh, m.octets) };
  }
  const text = decode(m.octets, coding);
  const ascii = encode(text, 'ascii');
  const octets = ascii ?? encode(text, 'ucs2') ?? NO_OCTETS;
  return { messageCoding: ascii === undefined ? 8 : 0, messageContent: withUdh(m.udh, octets) };
}

/** Class 0: shown at once, not stored (GSM 03.38: 0x10-0x1F and 0xF0-0xFF with class bits 0). */
const isFlash = (dataCoding: number): boolean => (dataCoding & 0xf3) === 0x10 || (dataCoding & 0xf3) === 0xf0;

/** SGIP as we speak it to a carrier. */
export const sgipCarrier: CarrierMapping = {
  protocol: 'sgip',
  // Submit_Resp names no message: the report comes back to the sequence number that we gave.
  idIsSequence: true,
  busyStatus: RESULT.NODE_BUSY,
  noRouteStatus: RESULT.NO_ROUTE,

  // 140 octets in every coding (reference, part 9).
  roomiest: undefined,
  labels: (coding) => msgFmtOf(coding) !== undefined,

  limits(coding: Coding, config: CarrierConfig) {
    return limitsFor(coding === 'gsm7' ? 'ascii' : coding, config.longMessage === 'udh16' ? 7 : 6);
  },

  toSubmit(m: Message, segment: Segment, part: Uint8Array, given: CarrierConfig): Outgoing {
    const config = given as SgipCarrierConfig;
    const udh = headerOf(m, segment.index, config.longMessage === 'udh16');
    const user = carrierNumber(m.destination, config.numbers);
    return as(codec.submit, {
      spNumber: spNumber(m.source, config.spNumber),
      chargeNumber: chargeNumber(user, config),
      userNumber: [user],
      corpId: config.corpId,
      serviceType: config.serviceType,
      feeType: config.feeType,
      feeValue: config.feeValue,
      givenValue: config.givenValue,
      agentFlag: config.agentFlag,
      morelatetoMtFlag: config.morelatetoMtFlag,
      priority: Math.min(m.priority * 3, 9),
      expireTime: (m.flags & VALIDITY_GIVEN) === 0 ? '' : absoluteTime(m.validUntil),
      scheduleTime: '',
      reportFlag: (m.registered & 3) === 0 ? 2 : config.reportFlag,
      tpPid: m.protocolId,
      tpUdhi: udh.length > 0 ? 1 : 0,
      messageCoding: msgFmtOf(m.cutCoding, isFlash(m.dataCoding)) ?? 4,
      messageType: 0,
      messageContent: withUdh(udh, part),
      reserve: config.linkId,
    });
  },

  answer(_pdu, _value, status): Answer {
    return { code: status, carrierId: '' };
  },

  fromCarrier(pdu, value): FromCarrier {
    if (pdu.id === report.id) {
      const v = value as unknown as Pdu<typeof report>;
      const answer = as(codec.reportResp, { result: 0, reserve: '' });
      // On a Deliver that was passed on: we never asked for one.
      if (v.reportType !== 0) return { what: 'other', answer, status: 0 };
      const state = reportedState(v.state, v.errorCode);
      return {
        what: 'report',
        answer,
        report: {
          carrierId: v.submitSequenceNumber,
          state: STATE_NAMES.indexOf(state),
          intermediate: state === 'ACCEPTED',
          error: state === 'DELIVERED' || state === 'ACCEPTED' ? '' : errorText(v.errorCode),
          destination: v.userNumber,
        },
      };
    }
    if (pdu.id !== deliver.id) {
      const plan = codec.byId.get((pdu.id | 0x80000000) >>> 0)!;
      // A change of a user's contract (UserRpt) is taken note of; nobody submits to us here, or asks where a message is.
      const status = pdu.name === 'SGIP_USERRPT' ? 0 : RESULT.BAD_COMMAND;
      return { what: 'other', answer: { plan, value: plan.fill({}) }, status };
    }
    const v = value as unknown as Pdu<typeof deliver>;
    return {
      what: 'mo',
      answer: as(codec.deliverResp, { result: 0, reserve: '' }),
      draft: {
        source: v.userNumber,
        sourceTon: 0,
        sourceNpi: 1,
        destination: v.spNumber,
        destTon: 0,
        destNpi: 1,
        serviceType: '',
        esmClass: 0,
        protocolId: v.tpPid,
        priority: 0,
        dataCoding: 0,
        ...contentFrom(v),
        registered: 0,
        scheduledAt: 0,
        validUntil: 0,
        tlvs: NO_OCTETS,
        platformRef: '',
        hops: '',
      },
    };
  },

  codeName: (code) => `SGIP_${sgipResult(code).name}`,
  showId: (id) => (id.length === 12 ? sequenceText(id) : id),
};
