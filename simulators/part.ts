import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { type Concat, parseUdh } from '../protocols/text/udh.ts';
import { type Tlv, tlvUint } from '../protocols/wire/tlv.ts';

/** The text of a part without its header, and its place by the header. A header that is none counts as text. */
export function partAt(octets: Uint8Array, udhi: boolean): { octets: Uint8Array; concat?: Concat } {
  if (!udhi) return { octets };
  const udh = parseUdh(octets);
  if (udh.fault !== undefined) return { octets };
  return { octets: octets.subarray(udh.length), ...(udh.concat !== undefined && { concat: udh.concat }) };
}

/** Place of a part by sar_msg_ref_num, sar_total_segments and sar_segment_seqnum (SMPP 3.4: 5.3.2.22-24). */
export function sarConcat(tlvs: readonly Tlv[]): Concat | undefined {
  const ref = tlvUint(tlvs, TAG.sarMsgRefNum);
  const total = tlvUint(tlvs, TAG.sarTotalSegments);
  const seq = tlvUint(tlvs, TAG.sarSegmentSeqnum);
  if (ref === undefined || total === undefined || seq === undefined) return undefined;
  return seq === 0 || seq > total ? undefined : { ref, refBits: 16, total, seq };
}
