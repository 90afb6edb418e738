import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { isReceiptType, networkError, parseReceipt, receiptText } from '../../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../../protocols/smpp/status.ts';
import { type dataSm, type deliverSm, smppCodec } from '../../protocols/smpp/tables.ts';
import { absoluteTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { concatUdh } from '../../protocols/text/udh.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import { NO_TLVS, type Tlv, uintTlv } from '../../protocols/wire/tlv.ts';
import type { CarrierConfig, SmppCarrierConfig } from '../config/schema.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Message, NO_OCTETS, type Segment, UNKNOWN, VALIDITY_GIVEN } from './message.ts';
import { carrierNumber } from './number.ts';
import { dataCodingOf } from './smpp-coding.ts';
import { draftOf, withUdh } from './smpp-draft.ts';
import { hopsWith, tagsAllowed } from './smpp-tlvs.ts';
import { readTlvs } from './tlv-octets.ts';

/** SMPP as we speak it to a carrier. */
export const smppCarrier: CarrierMapping = {
  protocol: 'smpp',
  busyStatus: ESME.RX_T_APPN,
  noRouteStatus: ESME.RX_P_APPN,
  roomiest: undefined,

  limits(coding, config) {
    return limitsFor(coding, (config as SmppCarrierConfig).longMessage === 'udh8' ? 6 : 7);
  },

  toSubmit(
    m: Message,
    segment: Segment,
    part: Uint8Array,
    given: CarrierConfig,
    version: number,
    node: string,
  ): Outgoing {
    const config = given as SmppCarrierConfig;
    const codec = smppCodec(version);
    let tlvs: Tlv[] | undefined;
    let udh = m.udh;
    if (m.cutOf > 1) {
      if (config.longMessage === 'sar') {
        tlvs = [
          uintTlv(TAG.sarMsgRefNum, 2, m.cutRef),
          uintTlv(TAG.sarTotalSegments, 1, m.cutOf),
          uintTlv(TAG.sarSegmentSeqnum, 1, segment.index + 1),
        ];
      } else {
        udh = concatUdh(m.cutRef, m.cutOf, segment.index + 1, config.longMessage === 'udh16');
      }
    }
    const octets = withUdh(udh, part);
    let shortMessage = octets;
    if (octets.length > 254) {
      shortMessage = NO_OCTETS;
      tlvs = [...(tlvs ?? []), { tag: TAG.messagePayload, value: octets }];
    }
    if (m.tlvs.length > 0 && config.tlvs.length > 0) tlvs = [...(tlvs ?? []), ...readTlvs(m.tlvs, tagsAllowed(config))];
    if (config.hopTag) tlvs = [...(tlvs ?? []), hopsWith(m, node)];
    const same = m.cutCoding === m.coding;
    const wants = (m.registered & 3) !== 0;
    return as(codec.submitSm, {
      serviceType: m.serviceType === '' ? config.serviceType : m.serviceType,
      sourceAddrTon: config.sourceTon === 'auto' ? tonOf(m.source, m.sourceTon) : config.sourceTon,
      sourceAddrNpi: config.sourceNpi === 'auto' ? npiOf(m.source, m.sourceNpi) : config.sourceNpi,
      sourceAddr: m.source,
      destAddrTon: config.destTon === 'auto' ? tonOf(m.destination, m.destTon) : config.destTon,
      destAddrNpi: config.destNpi === 'auto' ? npiOf(m.destination, m.destNpi) : config.destNpi,
      destinationAddr: carrierNumber(m.destination, config.numbers),
      esmClass: (m.esmClass & 0xbf) | (udh.length > 0 ? UDHI : 0),
      protocolId: m.protocolId,
      priorityFlag: m.priority,
      scheduleDeliveryTime: '',
      validityPeriod: (m.flags & VALIDITY_GIVEN) === 0 ? '' : absoluteTime(m.validUntil),
      registeredDelivery: (m.registered & 0x1c) | (wants ? 1 : 0),
      replaceIfPresentFlag: 0,
      // A class or a group of the sender's stays where the coding does.
      dataCoding:
        same && (m.dataCoding > 0x0f || m.cutCoding === 'octets')
          ? m.dataCoding
          : dataCodingOf(m.cutCoding, config.defaultAlphabet),
      smDefaultMsgId: 0,
      shortMessage,
      tlvs: tlvs ?? NO_TLVS,
    });
  },

  answer(_pdu, value, status): Answer {
    const id = value?.messageId;
    return { code: status, carrierId: status === 0 && typeof id === 'string' ? id : '' };
  },

  fromCarrier(pdu, value, given, version, now): FromCarrier {
    const config = given as SmppCarrierConfig;
    const codec = smppCodec(version);
    const isData = pdu.id === codec.dataSm.id;
    const answer = isData
      ? as(codec.dataSmResp, { messageId: '', tlvs: NO_TLVS })
      : as(codec.deliverSmResp, { messageId: '', tlvs: NO_TLVS });
    if (!isData && pdu.id !== codec.deliverSm.id) return { what: 'other', answer, status: ESME.RINVCMDID };
    const v = value as unknown as Pdu<typeof deliverSm> | Pdu<typeof dataSm>;
    if (isReceiptType(v.esmClass)) {
      const text = receiptText(messageOctets(v), v.dataCoding);
      const receipt = parseReceipt(v.esmClass, text, v.tlvs);
      // A receipt that names no message: refusing it would only bring it back for days (quirk 14).
      if (receipt === undefined) return { what: 'other', answer, status: ESME.ROK };
      const network = networkError(v.tlvs);
      return {
        what: 'report',
        answer,
        report: {
          carrierId: receipt.id,
          state: receipt.state ?? UNKNOWN,
          intermediate: !receipt.final,
          error: receipt.err ?? network?.code ?? receipt.stat ?? '',
          destination: v.sourceAddr,
        },
      };
    }
    return { what: 'mo', answer, draft: draftOf(v, config.defaultAlphabet, tagsAllowed(config), now) };
  },

  codeName: statusName,
  showId: (id) => id,
};

/** TON as the platform gave it; where it left it open: alphanumeric by its letters, international by `+`. */
function tonOf(address: string, ton: number): number {
  if (ton !== 0 || address === '') return ton;
  return /^\+?\d*$/.test(address) ? 0 : 5;
}
function npiOf(address: string, npi: number): number {
  if (npi !== 0 || address === '') return npi;
  return /^\+?\d*$/.test(address) ? 1 : 0;
}
