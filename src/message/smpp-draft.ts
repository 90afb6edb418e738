import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { parseTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { gsm7Decode } from '../../protocols/text/gsm7.ts';
import { isSeptets, nationalCoding } from '../../protocols/text/national.ts';
import { parseUdh, type Udh, withConcat } from '../../protocols/text/udh.ts';
import { type Tlv, tlvText, tlvUint } from '../../protocols/wire/tlv.ts';
import { type Draft, NO_OCTETS } from './message.ts';
import { codingOf, type DefaultAlphabet, type Reading, unpacked } from './smpp-coding.ts';
import { HOP_TAG } from './smpp-tlvs.ts';
import { writeTlvs } from './tlv-octets.ts';
import { withoutShifts } from './user-data-header.ts';

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

/**
 * Fields that every message-carrying PDU has, in neutral terms. A header that does not parse is text where it comes from
 * a carrier; a platform's has been refused before.
 */
export function draftOf(
  v: Submitted,
  alphabet: DefaultAlphabet,
  reading: Reading,
  allowed: ReadonlySet<number>,
  now: number,
): Draft {
  let octets = messageOctets(v);
  let udh: Uint8Array = NO_OCTETS;
  let header: Udh | undefined;
  if ((v.esmClass & UDHI) !== 0 && octets.length > 0) {
    const parsed = parseUdh(octets);
    if (parsed.fault === undefined) {
      header = parsed;
      udh = octets.subarray(0, parsed.length);
      octets = octets.subarray(parsed.length);
    }
  }
  // sar_* becomes the header that every carrier knows; its reference has 16 bits. Where both tell the place among
  // segments, the header does (what peers do wrong, 46).
  if (header?.concat === undefined && v.tlvs.length !== 0) {
    const total = tlvUint(v.tlvs, TAG.sarTotalSegments) ?? 0;
    const seq = tlvUint(v.tlvs, TAG.sarSegmentSeqnum) ?? 0;
    if (total > 1 && total < 256 && seq > 0 && seq <= total) {
      udh = withConcat(udh, tlvUint(v.tlvs, TAG.sarMsgRefNum) ?? 0, total, seq, true);
    }
  }
  let { dataCoding } = v;
  let coding = codingOf(dataCoding, alphabet, octets, reading);
  if (reading.packed && coding === 'gsm7') octets = unpacked(octets, udh.length);
  octets = withoutNulls(octets, coding, reading.trailingNulls);
  if (coding === 'gsm7' && (header?.nationalLocking !== undefined || header?.nationalSingle !== undefined)) {
    const national = nationalCoding(header.nationalLocking, header.nationalSingle);
    if (national !== undefined) coding = national;
    else {
      // Tables of two languages at once have no coding of their own here: as text, and nothing of them is announced.
      const text = gsm7Decode(octets, 0, octets.length, {
        locking: header.nationalLocking ?? 0,
        single: header.nationalSingle ?? 0,
      });
      octets = encode(text, 'ucs2')!;
      coding = 'ucs2';
      dataCoding = 8;
      udh = withoutShifts(udh);
    }
  } else if (coding === 'utf8') {
    octets = encode(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8'), 'ucs2')!;
    coding = 'ucs2';
    dataCoding = 8;
  } else if (coding === 'ucs2' && hasMark(octets)) octets = encode(decode(octets, 'ucs2'), 'ucs2')!;
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
    dataCoding,
    coding,
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

/** A byte order mark: none is sent on, and the little-endian one says how to read what follows. */
function hasMark(octets: Uint8Array): boolean {
  return octets.length >= 2 && octets[0]! >= 0xfe && (octets[0]! ^ octets[1]!) === 1;
}

/** The text without the zero octets that C programs count into it (seen with every alphabet). */
function withoutNulls(octets: Uint8Array, coding: Coding | 'utf8', how: Reading['trailingNulls']): Uint8Array {
  if (octets.length === 0 || octets[octets.length - 1] !== 0 || how === 'keep' || coding === 'octets') return octets;
  // In GSM 03.38 zero is `@`, which may well end a text; in UTF-16 it may be the low half of a character.
  if (how === 'auto' && (isSeptets(coding) || coding === 'ucs2')) return octets;
  let end = octets.length;
  const step = coding === 'ucs2' ? 2 : 1;
  while (end >= step && octets[end - 1] === 0 && octets[end - step] === 0) end -= step;
  return octets.subarray(0, end);
}
