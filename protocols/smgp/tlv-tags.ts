import { fixedText, putFixed } from '../wire/octets.ts';
import type { Tlv } from '../wire/tlv.ts';

/** Optional parameters (3.0: 6.3), by tag. */
export const TAG = {
  tpPid: 0x0001,
  tpUdhi: 0x0002,
  linkId: 0x0003,
  chargeUserType: 0x0004,
  chargeTermType: 0x0005,
  chargeTermPseudo: 0x0006,
  destTermType: 0x0007,
  destTermPseudo: 0x0008,
  pkTotal: 0x0009,
  pkNumber: 0x000a,
  submitMsgType: 0x000b,
  spDealResult: 0x000c,
  srcTermType: 0x000d,
  srcTermPseudo: 0x000e,
  nodesCount: 0x000f,
  msgSrc: 0x0010,
  srcType: 0x0011,
  mServiceId: 0x0012,
} as const;

/** `octet` is a number; `text` is NUL-padded to its width by the specification, and has whatever length in the field. */
export type TlvKind = 'octet' | 'text';

export interface TlvRow {
  readonly tag: number;
  readonly name: string;
  readonly kind: TlvKind;
  /** Octets of the value; 0: none set. */
  readonly width: number;
}

const octet = (tag: number, name: string): TlvRow => ({ tag, name, kind: 'octet', width: 1 });
const text = (tag: number, name: string, width: number): TlvRow => ({ tag, name, kind: 'text', width });

const rows: readonly TlvRow[] = [
  octet(TAG.tpPid, 'TP_pid'),
  octet(TAG.tpUdhi, 'TP_udhi'),
  text(TAG.linkId, 'LinkID', 20),
  octet(TAG.chargeUserType, 'ChargeUserType'),
  octet(TAG.chargeTermType, 'ChargeTermType'),
  text(TAG.chargeTermPseudo, 'ChargeTermPseudo', 0),
  octet(TAG.destTermType, 'DestTermType'),
  text(TAG.destTermPseudo, 'DestTermPseudo', 0),
  octet(TAG.pkTotal, 'PkTotal'),
  octet(TAG.pkNumber, 'PkNumber'),
  octet(TAG.submitMsgType, 'SubmitMsgType'),
  octet(TAG.spDealResult, 'SPDealResult'),
  octet(TAG.srcTermType, 'SrcTermType'),
  text(TAG.srcTermPseudo, 'SrcTermPseudo', 0),
  octet(TAG.nodesCount, 'NodesCount'),
  text(TAG.msgSrc, 'MsgSrc', 8),
  octet(TAG.srcType, 'SrcType'),
  text(TAG.mServiceId, 'MServiceID', 21),
];
const byTag: ReadonlyMap<number, TlvRow> = new Map(rows.map((row) => [row.tag, row]));

/** The row of a tag; undefined where the specification has none (seen: 0x0014). */
export function tlvRow(tag: number): TlvRow | undefined {
  return byTag.get(tag);
}

/** A text parameter, NUL-padded to the width of its row. Longer text is cut. */
export function textTlv(tag: number, value: string): Tlv {
  const width = byTag.get(tag)?.width || value.length;
  const b = Buffer.allocUnsafe(width);
  putFixed(b, value.slice(0, width), 0, width);
  return { tag, value: b };
}

/** A parameter of one octet. */
export function octetTlv(tag: number, value: number): Tlv {
  return { tag, value: Buffer.of(value) };
}

/** A text parameter as the peer sent it: its width, one octet more, or its natural length (deviation 4). */
export function textOf(list: readonly Tlv[], tag: number): string {
  for (const t of list) {
    if (t.tag !== tag) continue;
    const b = Buffer.from(t.value.buffer, t.value.byteOffset, t.value.length);
    return fixedText(b, 0, b.length);
  }
  return '';
}
