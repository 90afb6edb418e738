import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { parseTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { parseUdh, withConcat } from '../../protocols/text/udh.ts';
import { type Tlv, tlvText, tlvUint } from '../../protocols/wire/tlv.ts';
import { type Draft, NO_OCTETS } from './message.ts';
import { codingOf } from './smpp-coding.ts';
import { HOP_TAG } from './smpp-tlvs.ts';
import { writeTlvs } from './tlv-octets.ts';

type Submitted = {
  readonly serviceType: string;
  readonly sourceAddrTon: number;
  readonly sourceAddrNpi: number;
  readonly sourceAddr: string;
  readonly destAddrTon?: number;
  readonly destAddrNpi?: number;
  readonly destinationAddr?: string;
  readonly esmClass: number;
  readonly protocolId?: number;
  readonly priorityFlag?: number;
  readonly registeredDelivery: number;
  readonly dataCoding: number;
  readonly shortMessage?: Uint8Array;
  readonly scheduleDeliveryTime?: string;
  readonly validityPeriod?: string;
  readonly tlvs: readonly Tlv[];
};

/** Fields that every message-carrying PDU has, in neutral terms. */
export function draftOf(
  v: Submitted,
  alphabet: 'gsm7' | 'latin1' | 'ascii',
  allowed: ReadonlySet<number>,
  now: number,
): Draft {
  let octets = messageOctets(v);
  let udh: Uint8Array = NO_OCTETS;
  if ((v.esmClass & UDHI) !== 0 && octets.length > 0) {
    const length = Math.min(octets[0]! + 1, octets.length);
    udh = octets.subarray(0, length);
    octets = octets.subarray(length);
  }
  // Where both tell the place among segments, the header does (what peers do wrong, 46).
  if (v.tlvs.length !== 0 && parseUdh(udh).concat === undefined) {
    const total = tlvUint(v.tlvs, TAG.sarTotalSegments) ?? 0;
    const seq = tlvUint(v.tlvs, TAG.sarSegmentSeqnum) ?? 0;
    // sar_* becomes the header that every carrier knows; its reference has 16 bits.
    if (total > 1 && total < 256 && seq > 0 && seq <= total) {
      const own = parseUdh(udh).fault === undefined ? udh : NO_OCTETS;
      udh = withConcat(own, tlvUint(v.tlvs, TAG.sarMsgRefNum) ?? 0, total, seq, true);
    }
  }
  const hops = v.tlvs.length === 0 ? '' : (tlvText(v.tlvs, HOP_TAG) ?? '');
  const schedule = v.scheduleDeliveryTime ?? '';
  const validity = v.validityPeriod ?? '';
  const scheduled = schedule === '' ? undefined : parseTime(schedule, now);
  const valid = validity === '' ? undefined : parseTime(validity, now);
  return {
    source: v.sourceAddr,
    sourceTon: v.sourceAddrTon,
    sourceNpi: v.sourceAddrNpi,
    destination: v.destinationAddr ?? '',
    destTon: v.destAddrTon ?? 0,
    destNpi: v.destAddrNpi ?? 0,
    serviceType: v.serviceType,
    esmClass: v.esmClass & ~UDHI & 0xff,
    protocolId: v.protocolId ?? 0,
    priority: v.priorityFlag ?? 0,
    dataCoding: v.dataCoding,
    coding: codingOf(v.dataCoding, alphabet, octets),
    registered: v.registeredDelivery,
    scheduledAt: scheduled !== undefined && 'at' in scheduled ? scheduled.at : 0,
    validUntil: valid !== undefined && 'at' in valid ? valid.at : 0,
    udh,
    octets,
    // Where it has been goes on with it, so that a loop of any length is seen.
    tlvs: v.tlvs.length === 0 ? NO_OCTETS : writeTlvs(v.tlvs, hops === '' ? allowed : new Set([...allowed, HOP_TAG])),
    platformRef: '',
    hops,
  };
}

const scratch = Buffer.allocUnsafe(70_000);

/** Header and text in one run of octets, valid until the next call: the PDU is encoded at once. */
export function withUdh(udh: Uint8Array, part: Uint8Array): Uint8Array {
  if (udh.length === 0) return part;
  scratch.set(udh, 0);
  scratch.set(part, udh.length);
  return scratch.subarray(0, udh.length + part.length);
}
