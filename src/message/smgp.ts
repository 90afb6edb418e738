import { statClass, statOf, statState } from '../../protocols/cmpp/report.ts';
import { msgIdHex, NO_MSG_ID } from '../../protocols/smgp/msg-id.ts';
import { readReport } from '../../protocols/smgp/report.ts';
import { STATUS, statusOf } from '../../protocols/smgp/result.ts';
import { deliver, smgpCodec } from '../../protocols/smgp/tables.ts';
import { octetTlv, TAG, textOf, textTlv } from '../../protocols/smgp/tlv-tags.ts';
import type { Coding } from '../../protocols/text/charset.ts';
import { contentOf as codingFamily, codingOf, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { absoluteTime } from '../../protocols/wire/beijing.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, type Tlv, tlvUint } from '../../protocols/wire/tlv.ts';
import type { CarrierConfig, SmgpCarrierConfig } from '../config/schema.ts';
import { readCharging, writeCharging } from './charging.ts';
import { msgFmtFor } from './cmpp.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Draft, type Message, NO_OCTETS, type Segment, STATE_NAMES, VALIDITY_GIVEN } from './message.ts';
import { accessNumber, carrierNumber } from './number.ts';
import { headerOf, splitContent, withUdh } from './user-data-header.ts';

/** MsgType of a message to a phone. */
const MT = 6;

/** TLVs of one octet are few: each is made once. */
const octets = new Map<number, Tlv>();
export function octet(tag: number, value: number): Tlv {
  const key = tag * 256 + value;
  let made = octets.get(key);
  if (made === undefined) {
    made = octetTlv(tag, value);
    octets.set(key, made);
  }
  return made;
}

/** What the configuration alone puts into the TLVs of every Submit. */
const standing = new WeakMap<SmgpCarrierConfig, readonly Tlv[]>();
function standingTlvs(config: SmgpCarrierConfig): readonly Tlv[] {
  let list = standing.get(config);
  if (list === undefined) {
    const { msgSrc, mServiceId, chargeUserType, tlvs } = config;
    const made: Tlv[] = [];
    if (tlvs === 'full' || chargeUserType !== 0) made.push(octet(TAG.chargeUserType, chargeUserType));
    if (tlvs === 'full') {
      for (const tag of [TAG.chargeTermType, TAG.destTermType, TAG.submitMsgType, TAG.spDealResult])
        made.push(octet(tag, 0));
    }
    if (msgSrc !== undefined) made.push(textTlv(TAG.msgSrc, msgSrc));
    if (mServiceId !== undefined) made.push(textTlv(TAG.mServiceId, mServiceId));
    list = made.length === 0 ? NO_TLVS : made;
    standing.set(config, list);
  }
  return list;
}

function submitTlvs(m: Message, index: number, udh: Uint8Array, config: SmgpCarrierConfig): readonly Tlv[] {
  const list = standingTlvs(config);
  const full = config.tlvs === 'full';
  // Of the MO that asked for this message (点播).
  const linkId = readCharging(m.tlvs).linkId || config.linkId;
  if (!full && linkId === '' && m.cutOf === 1 && udh.length === 0 && m.protocolId === 0) return list;
  let total = m.cutOf;
  let number = index + 1;
  if (m.udh.length > 0) {
    const concat = parseUdh(m.udh).concat;
    total = concat?.total ?? 1;
    number = concat?.seq ?? 1;
  }
  const own: Tlv[] = [];
  if (full || m.protocolId !== 0) own.push(octet(TAG.tpPid, m.protocolId));
  if (full || udh.length > 0) own.push(octet(TAG.tpUdhi, udh.length > 0 ? 1 : 0));
  if (linkId !== '') own.push(textTlv(TAG.linkId, linkId));
  if (full || total > 1) own.push(octet(TAG.pkTotal, total), octet(TAG.pkNumber, number));
  own.push(...list);
  return own;
}

/**
 * The carrier's word on a failure: its seven words are our states, which the three digits of err say more about; a word
 * of its own says more than these.
 */
function errorOf(stat: string, err: string): string {
  const isState = stat === '' || stat.toUpperCase() === statOf(statState(stat));
  return isState && err !== '' && err !== '000' ? err : stat;
}

/** Header and text of a content. Only the header tells which part it is: the Pk TLVs lie (deviation 8). */
export function contentOf(
  content: Uint8Array,
  msgFormat: number,
  tlvs: readonly Tlv[],
): Pick<Draft, 'udh' | 'octets' | 'coding' | 'dataCoding'> {
  const { udh, octets } = splitContent(content, tlvUint(tlvs, TAG.tpUdhi) ?? 0);
  return {
    udh,
    octets,
    coding: codingOf(msgFormat, octets),
    // A class, or what kind of binary it is; plain text has no more than its coding.
    dataCoding: msgFormat > 0x0f || codingFamily(msgFormat) === 'octets' ? msgFormat : 0,
  };
}

/** The LinkID that a Submit or Deliver brings, as a message keeps it. */
export function chargingOf(tlvs: readonly Tlv[]): Uint8Array {
  const linkId = textOf(tlvs, TAG.linkId);
  return linkId === '' ? NO_OCTETS : writeCharging({ linkId, fee: undefined });
}

/** SMGP as we speak it to a carrier. */
export const smgpCarrier: CarrierMapping = {
  protocol: 'smgp',
  busyStatus: STATUS.BUSY,
  noRouteStatus: STATUS.NO_ROUTE,

  // MsgLength is at most 140 in every MsgFormat.
  roomiest: undefined,

  labels: (coding) => msgFmtOf(coding) !== undefined,

  limits(coding: Coding, config: CarrierConfig) {
    return limitsFor(coding === 'gsm7' ? 'ascii' : coding, config.longMessage === 'udh16' ? 7 : 6);
  },

  toSubmit(m: Message, segment: Segment, part: Uint8Array, given: CarrierConfig, version: number): Outgoing {
    const config = given as SmgpCarrierConfig;
    const udh = headerOf(m, segment.index, config.longMessage === 'udh16');
    return as(smgpCodec(version).submit, {
      msgType: MT,
      needReport: (m.registered & 3) === 0 ? 0 : 1,
      priority: Math.min(m.priority, 3),
      serviceId: config.serviceId,
      feeType: config.feeType,
      feeCode: config.feeCode,
      fixedFee: config.fixedFee,
      msgFormat: msgFmtFor(m),
      validTime: (m.flags & VALIDITY_GIVEN) === 0 ? '' : absoluteTime(m.validUntil),
      atTime: '',
      srcTermId: accessNumber(m.source, config.srcTermId),
      chargeTermId: config.chargeTermId,
      destTermId: [carrierNumber(m.destination, config.numbers)],
      msgContent: withUdh(udh, part),
      reserve: '',
      tlvs: submitTlvs(m, segment.index, udh, config),
    });
  },

  answer(_pdu, value, status): Answer {
    const id = value?.msgId;
    return { code: status, carrierId: status === 0 && typeof id === 'string' && id !== NO_MSG_ID ? id : '' };
  },

  fromCarrier(pdu, value, _config, version): FromCarrier {
    const codec = smgpCodec(version);
    if (pdu.id !== deliver.id) {
      const plan = codec.byId.get((pdu.id | 0x80000000) >>> 0) ?? (codec.deliverResp as unknown as Plan);
      return { what: 'other', answer: { plan, value: plan.fill({}) }, status: STATUS.BAD_COMMAND };
    }
    const v = value as unknown as Pdu<typeof deliver>;
    const answer = as(codec.deliverResp, { msgId: v.msgId, status: 0 });
    if (v.isReport === 1) {
      const report = readReport(v.msgContent);
      // Nothing in it names a message: refusing it would only bring it again.
      if (report === undefined) return { what: 'other', answer, status: 0 };
      const its = statClass(report.stat);
      return {
        what: 'report',
        answer,
        report: {
          carrierId: report.id,
          state: STATE_NAMES.indexOf(statState(report.stat)),
          intermediate: its === 'accepted',
          error: its === 'delivered' ? '' : errorOf(report.stat, report.err),
          destination: v.srcTermId,
        },
      };
    }
    return {
      what: 'mo',
      answer,
      draft: {
        source: v.srcTermId,
        sourceTon: 0,
        sourceNpi: 1,
        destination: v.destTermId,
        destTon: 0,
        destNpi: 1,
        serviceType: '',
        esmClass: 0,
        protocolId: tlvUint(v.tlvs, TAG.tpPid) ?? 0,
        priority: 0,
        ...contentOf(v.msgContent, v.msgFormat, v.tlvs),
        registered: 0,
        scheduledAt: 0,
        validUntil: 0,
        tlvs: chargingOf(v.tlvs),
        platformRef: '',
        hops: '',
      },
    };
  },

  codeName: (code) => `SMGP_${statusOf(code).name}`,
  showId: (id) => (id.length === 10 ? msgIdHex(id) : id),
};
