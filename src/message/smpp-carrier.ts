import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { isReceiptType, parseReceipt, type Receipt, receiptText } from '../../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../../protocols/smpp/status.ts';
import {
  type alertNotification,
  type dataSm,
  type deliverSm,
  SMPP_34,
  smppCodec,
  type submitSm,
} from '../../protocols/smpp/tables.ts';
import { absoluteTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { isSeptets } from '../../protocols/text/national.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import { NO_TLVS, type Tlv, tlvUint, uintTlv } from '../../protocols/wire/tlv.ts';
import type { CarrierConfig, SmppCarrierConfig } from '../config/schema.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import { type Message, NO_OCTETS, type Segment, UNKNOWN, VALIDITY_GIVEN } from './message.ts';
import { carrierNumber } from './number.ts';
import { dataCodingOf, labelOf, packed, plainOctets, withClass } from './smpp-coding.ts';
import { draftOf } from './smpp-draft.ts';
import { hopsWith, tagsAllowed } from './smpp-tlvs.ts';
import { readTlvs } from './tlv-octets.ts';
import { headerOf, withUdh } from './user-data-header.ts';

/** Octets of service_type (3.4: 5.2.11); other protocols have longer names of services. */
const SERVICE_TYPE = 5;

/** SMPP as we speak it to a carrier. */
export const smppCarrier: CarrierMapping = {
  protocol: 'smpp',
  busyStatus: ESME.RX_T_APPN,
  noRouteStatus: ESME.RX_P_APPN,
  roomiest: undefined,
  labels: (coding, config) => {
    const { defaultAlphabet } = config as SmppCarrierConfig;
    return labelOf(coding, defaultAlphabet, config as SmppCarrierConfig) !== undefined;
  },

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
    const sar = config.longMessage === 'sar';
    const udh = headerOf(m, segment.index, sar ? undefined : config.longMessage === 'udh16');
    if (sar && m.cutOf > 1) {
      tlvs = [
        uintTlv(TAG.sarMsgRefNum, 2, m.cutRef),
        uintTlv(TAG.sarTotalSegments, 1, m.cutOf),
        uintTlv(TAG.sarSegmentSeqnum, 1, segment.index + 1),
      ];
    }
    const octets = withUdh(udh, config.packed && isSeptets(m.cutCoding) ? packed(part, udh.length) : part);
    const asData = config.submitBy === 'data_sm' && codec.version >= SMPP_34;
    let shortMessage = octets;
    if (octets.length > 254 || asData) {
      shortMessage = NO_OCTETS;
      tlvs = [...(tlvs ?? []), { tag: TAG.messagePayload, value: octets }];
    }
    if (m.tlvs.length > 0 && config.tlvs.length > 0) tlvs = [...(tlvs ?? []), ...readTlvs(m.tlvs, tagsAllowed(config))];
    if (config.hopTag) tlvs = [...(tlvs ?? []), hopsWith(m, node)];
    const wants = (m.registered & 3) !== 0;
    // A class or a group of the sender's stays where the coding does.
    const dataCoding =
      m.cutCoding === m.coding && (m.dataCoding > 0x0f || m.cutCoding === 'octets')
        ? plainOctets(m.dataCoding)
        : withClass(dataCodingOf(m.cutCoding, config.defaultAlphabet, config), m.cutCoding, m.dataCoding);
    const bounded = (m.flags & VALIDITY_GIVEN) !== 0;
    if (asData && bounded) {
      // data_sm tells its validity in seconds, in a parameter (3.4: 5.3.2.9).
      const seconds = Math.round((m.validUntil - m.acceptedAt) / 1000);
      tlvs = [...(tlvs ?? []), uintTlv(TAG.qosTimeToLive, 4, Math.max(1, Math.min(0xffffffff, seconds)))];
    }
    const value: Pdu<typeof submitSm> = {
      serviceType: m.serviceType === '' || m.serviceType.length > SERVICE_TYPE ? config.serviceType : m.serviceType,
      sourceAddrTon: tonOf(config.sourceTon, m.source, m.sourceTon),
      sourceAddrNpi: npiOf(config.sourceNpi, m.source, m.sourceNpi),
      sourceAddr: m.source,
      destAddrTon: tonOf(config.destTon, m.destination, m.destTon),
      destAddrNpi: npiOf(config.destNpi, m.destination, m.destNpi),
      destinationAddr: carrierNumber(m.destination, config.numbers),
      esmClass: (m.esmClass & 0xbf) | (udh.length > 0 ? UDHI : 0),
      protocolId: m.protocolId,
      priorityFlag: m.priority,
      scheduleDeliveryTime: '',
      validityPeriod: bounded ? absoluteTime(m.validUntil) : '',
      registeredDelivery: (m.registered & 0x1c) | (wants ? 1 : 0),
      replaceIfPresentFlag: 0,
      dataCoding,
      smDefaultMsgId: 0,
      shortMessage,
      tlvs: tlvs ?? NO_TLVS,
    };
    // What data_sm has not, its plan does not read.
    return asData ? as(codec.dataSm, value) : as(codec.submitSm, value);
  },

  answer(_pdu, value, status, given): Answer {
    const id = value?.messageId;
    const tlvs = value?.tlvs as readonly Tlv[] | undefined;
    const congestion =
      tlvs === undefined || tlvs.length === 0 || (given as SmppCarrierConfig).congestion === 'ignore'
        ? undefined
        : congestionOf(tlvs);
    return { code: status, carrierId: status === 0 && typeof id === 'string' ? id : '', congestion };
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
    const flagged = isReceiptType(v.esmClass);
    if (flagged || config.receipts.sniff) {
      const { octets, coded } = receiptOctets(v);
      const receipt = parseReceipt(v.esmClass, receiptText(octets, coded), v.tlvs, config.receipts);
      if (receipt !== undefined) {
        return {
          what: 'report',
          answer,
          report: {
            carrierId: config.receipts.idFrom === 'text' ? (receipt.textId ?? receipt.id) : receipt.id,
            otherId: otherId(receipt, config.receipts.idFrom),
            state: receipt.state ?? UNKNOWN,
            intermediate: !receipt.final,
            error: receipt.err ?? receipt.stat ?? '',
            destination: v.sourceAddr,
          },
        };
      }
      // A receipt that names no message: refusing it would only bring it back for days (quirk 14).
      if (flagged) return { what: 'other', answer, status: ESME.ROK };
    }
    const draft = draftOf(v, config.moAlphabet ?? config.defaultAlphabet, config, tagsAllowed(config), now);
    return { what: 'mo', answer, draft };
  },

  alert(pdu, value, given) {
    const config = given as SmppCarrierConfig;
    if (pdu.name !== 'alert_notification') return undefined;
    const v = value as unknown as Pdu<typeof alertNotification>;
    return {
      source: v.sourceAddr,
      sourceTon: v.sourceAddrTon,
      sourceNpi: v.sourceAddrNpi,
      called: v.esmeAddr,
      calledTon: v.esmeAddrTon,
      calledNpi: v.esmeAddrNpi,
      availability: tlvUint(v.tlvs, TAG.msAvailabilityStatus),
      pass: config.alerts === 'pass',
    };
  },

  codeName: statusName,
  showId: (id) => id,
};

/** The octets of a receipt's text without a header, which some put before it (quirks 22 and 23). */
function receiptOctets(v: Pdu<typeof deliverSm> | Pdu<typeof dataSm>): { octets: Uint8Array; coded: number } {
  const octets = messageOctets(v);
  if ((v.esmClass & UDHI) === 0) return { octets, coded: v.dataCoding };
  const udh = parseUdh(octets);
  return { octets: udh.fault === undefined ? octets.subarray(udh.length) : octets, coded: v.dataCoding };
}

/** The id of a receipt's other half, where it has two that differ: the parameter and the text may be in two bases. */
function otherId(receipt: Receipt, from: 'tlv' | 'text'): string {
  if (receipt.textId === undefined || receipt.textId === receipt.id) return '';
  return from === 'text' ? receipt.id : receipt.textId;
}

/** congestion_state (5.0: 4.8.4.18), 0 to 100; peers send it on 3.4 links too. */
function congestionOf(tlvs: readonly Tlv[]): number | undefined {
  const percent = tlvUint(tlvs, TAG.congestionState);
  return percent !== undefined && percent <= 100 ? percent : undefined;
}

type Ton = 'auto' | 'content' | number;

/**
 * TON as configured; `auto`: as the platform gave it, and where it left it open: alphanumeric by its letters;
 * `content`: by the address alone (seen: TON 1 for names, TON 5 for numbers).
 */
function tonOf(config: Ton, address: string, ton: number): number {
  if (typeof config === 'number') return config;
  if (config === 'auto' && (ton !== 0 || address === '')) return ton;
  if (!NUMERIC.test(address)) return 5;
  return config === 'content' && address.startsWith('+') ? 1 : 0;
}
function npiOf(config: Ton, address: string, npi: number): number {
  if (typeof config === 'number') return config;
  if (config === 'auto' && (npi !== 0 || address === '')) return npi;
  return NUMERIC.test(address) ? 1 : 0;
}
const NUMERIC = /^\+?\d*$/;
