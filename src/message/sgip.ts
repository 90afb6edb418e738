import { reportedState } from '../../protocols/sgip/report.ts';
import { RESULT, sgipResult } from '../../protocols/sgip/result.ts';
import { sequenceText } from '../../protocols/sgip/sequence.ts';
import { deliver, report, sgipCodec } from '../../protocols/sgip/tables.ts';
import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { codingOf, contentOf, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { absoluteTime } from '../../protocols/wire/beijing.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { CarrierConfig, SgipCarrierConfig } from '../config/schema.ts';
import { readCharging, writeCharging } from './charging.ts';
import { msgFmtFor } from './cmpp.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Draft, type Message, NO_OCTETS, type Segment, STATE_NAMES, VALIDITY_GIVEN } from './message.ts';
import { accessNumber, carrierNumber } from './number.ts';
import { headerOf, splitContent, withoutShifts, withUdh } from './user-data-header.ts';

const codec = sgipCodec();
/** The SP pays (1.2: 4.4). */
const SP_PAYS = '0'.repeat(21);

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
  const { udh, octets } = splitContent(v.messageContent, v.tpUdhi);
  return { udh, octets, coding: codingOf(v.messageCoding, octets) };
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
  return { messageCoding: ascii === undefined ? 8 : 0, messageContent: withUdh(withoutShifts(m.udh), octets) };
}

/** Reserve has eight octets, and no specification says what they are for: integrators put a LinkID there (reference, part 10). */
const LINK_ID = 8;

export const reserveOf = (linkId: string, without: string): string =>
  linkId === '' || linkId.length > LINK_ID ? without : linkId;
/** What of a PDU is kept beside the message for its charging. */
export const chargingOf = (reserve: string): Uint8Array =>
  writeCharging({ linkId: reserve.replace(/\0+$/, ''), fee: undefined });

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
      spNumber: accessNumber(m.source, config.spNumber),
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
      messageCoding: msgFmtFor(m),
      messageType: 0,
      messageContent: withUdh(udh, part),
      reserve: reserveOf(readCharging(m.tlvs).linkId, config.linkId),
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
        tlvs: chargingOf(v.reserve),
        platformRef: '',
        hops: '',
      },
    };
  },

  codeName: (code) => `SGIP_${sgipResult(code).name}`,
  showId: (id) => (id.length === 12 ? sequenceText(id) : id),
};
