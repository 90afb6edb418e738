import { msgIdDecimal, NO_MSG_ID } from '../../protocols/cmpp/msg-id.ts';
import { readReport, statClass, statState } from '../../protocols/cmpp/report.ts';
import { submitResult } from '../../protocols/cmpp/result.ts';
import { cmppCodec, deliver } from '../../protocols/cmpp/tables.ts';
import type { Coding } from '../../protocols/text/charset.ts';
import { codingOf, contentOf, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { absoluteTime } from '../../protocols/wire/beijing.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { CarrierConfig, CmppCarrierConfig } from '../config/schema.ts';
import { readCharging, writeCharging } from './charging.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Message, NO_OCTETS, type Segment, STATE_NAMES, VALIDITY_GIVEN } from './message.ts';
import { accessNumber, carrierNumber } from './number.ts';
import { headerOf, splitContent, withUdh } from './user-data-header.ts';

/** CMPP as we speak it to a carrier. */
export const cmppCarrier: CarrierMapping = {
  protocol: 'cmpp',
  busyStatus: 8, // flow control: sent again later
  noRouteStatus: 9,

  // Msg_Fmt 0 holds 159 octets: a GSM 7-bit segment of 153 characters with its header (CMPP reference, part 11).
  roomiest: { coding: 'ascii', octets: 159 },

  labels: (coding) => msgFmtOf(coding) !== undefined,

  limits(coding: Coding, config: CarrierConfig) {
    // Msg_Fmt 0 could hold 159 octets; 140 is what every gateway takes (CMPP reference, part 11).
    return limitsFor(coding === 'gsm7' ? 'ascii' : coding, config.longMessage === 'udh16' ? 7 : 6);
  },

  toSubmit(m: Message, segment: Segment, part: Uint8Array, given: CarrierConfig, version: number): Outgoing {
    const config = given as CmppCarrierConfig;
    const udh = headerOf(m, segment.index, config.longMessage === 'udh16');
    let pkTotal = m.cutOf;
    let pkNumber = segment.index + 1;
    if (m.udh.length > 0) {
      const concat = parseUdh(m.udh).concat;
      pkTotal = concat?.total ?? 1;
      pkNumber = concat?.seq ?? 1;
    }
    const { linkId, fee } = readCharging(m.tlvs);
    return as(cmppCodec(version).submit, {
      msgId: '',
      pkTotal,
      pkNumber,
      registeredDelivery: (m.registered & 3) === 0 ? 0 : 1,
      msgLevel: Math.min(m.priority * 3, 9),
      serviceId: fee?.serviceId ?? config.serviceId,
      feeUsertype: fee?.userType ?? config.feeUserType,
      feeTerminalId: fee?.terminalId ?? '',
      feeTerminalType: fee?.terminalType ?? 0,
      tpPid: m.protocolId,
      tpUdhi: udh.length > 0 ? 1 : 0,
      msgFmt: msgFmtFor(m),
      msgSrc: config.msgSrc ?? config.spId,
      feeType: fee?.type ?? config.feeType,
      feeCode: fee?.code ?? config.feeCode,
      validTime: (m.flags & VALIDITY_GIVEN) === 0 ? '' : absoluteTime(m.validUntil),
      atTime: '',
      // At most 21 octets (扩展号 behind 接入号).
      srcId: accessNumber(m.source, config.srcId),
      destTerminalId: [carrierNumber(m.destination, config.numbers)],
      destTerminalType: 0,
      msgContent: withUdh(udh, part),
      reserve: '',
      linkId: linkId === '' ? config.linkId : linkId,
    });
  },

  answer(_pdu, value, status): Answer {
    const id = value?.msgId;
    return { code: status, carrierId: status === 0 && typeof id === 'string' && id !== NO_MSG_ID ? id : '' };
  },

  fromCarrier(pdu, value, _config, version): FromCarrier {
    const codec = cmppCodec(version);
    if (pdu.id !== deliver.id) {
      const plan = codec.byId.get((pdu.id | 0x80000000) >>> 0) ?? (codec.deliverResp as unknown as Plan);
      return { what: 'other', answer: { plan, value: plan.fill({}) }, status: 2 };
    }
    const v = value as unknown as Pdu<typeof deliver>;
    const answer = as(codec.deliverResp, { msgId: v.msgId, result: 0 });
    if (v.registeredDelivery === 1) {
      const report = readReport(v.msgContent);
      // Nothing in it names a message: refusing it would only bring it again.
      if (report === undefined) return { what: 'other', answer, status: 0 };
      return {
        what: 'report',
        answer,
        report: {
          carrierId: report.msgId,
          state: STATE_NAMES.indexOf(statState(report.stat)),
          intermediate: statClass(report.stat) === 'accepted',
          error: statClass(report.stat) === 'delivered' ? '' : report.stat,
          destination: report.destTerminalId === '' ? v.srcTerminalId : report.destTerminalId,
        },
      };
    }
    const { udh, octets } = splitContent(v.msgContent, v.tpUdhi);
    return {
      what: 'mo',
      answer,
      draft: {
        source: v.srcTerminalId,
        sourceTon: 0,
        sourceNpi: 1,
        destination: v.destId,
        destTon: 0,
        destNpi: 1,
        serviceType: v.serviceId,
        esmClass: 0,
        protocolId: v.tpPid,
        priority: 0,
        // A class, or what kind of binary it is; plain text has no more than its coding.
        dataCoding: v.msgFmt > 0x0f || contentOf(v.msgFmt) === 'octets' ? v.msgFmt : 0,
        coding: codingOf(v.msgFmt, octets),
        registered: 0,
        scheduledAt: 0,
        validUntil: 0,
        udh,
        octets,
        tlvs: v.linkId === '' ? NO_OCTETS : writeCharging({ linkId: v.linkId, fee: undefined }),
        platformRef: '',
        hops: '',
      },
    };
  },

  codeName: (code) => `CMPP_${submitResult(code, 0x30).name}`,
  showId: (id) => (id.length === 8 ? msgIdDecimal(id) : id),
};

/** A message's own Msg_Fmt where it has its coding still: the class of a text, or what kind of binary it is. */
export function msgFmtFor({ cutCoding, coding, dataCoding }: Message): number {
  const kept = dataCoding > 0x0f || (cutCoding === 'octets' && contentOf(dataCoding) === 'octets');
  if (kept && cutCoding === coding && contentOf(dataCoding) === coding) return dataCoding;
  return msgFmtOf(cutCoding, isFlash(dataCoding)) ?? 4;
}

/** Class 0: shown at once, not stored (GSM 03.38: 0x10-0x1F and 0xF0-0xFF with class bits 0). */
function isFlash(dataCoding: number): boolean {
  return (dataCoding & 0xf3) === 0x10 || (dataCoding & 0xf3) === 0xf0;
}
