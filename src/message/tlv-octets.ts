import type { Tlv } from '../../protocols/wire/tlv.ts';
import { NO_OCTETS } from './message.ts';

/** The TLVs whose tags are allowed, as octets on the wire: how a message keeps them. */
export function writeTlvs(list: readonly Tlv[], allowed: ReadonlySet<number>): Uint8Array {
  if (allowed.size === 0) return NO_OCTETS;
  const kept = list.filter((t) => allowed.has(t.tag));
  if (kept.length === 0) return NO_OCTETS;
  const b = Buffer.allocUnsafe(kept.reduce((n, t) => n + 4 + t.value.length, 0));
  let o = 0;
  for (const { tag, value } of kept) {
    o = b.writeUInt16BE(tag, o);
    o = b.writeUInt16BE(value.length, o);
    b.set(value, o);
    o += value.length;
  }
  return b;
}

/** The kept TLVs back as a list, those of `allowed` only where given. */
export function readTlvs(octets: Uint8Array, allowed: ReadonlySet<number> | undefined): Tlv[] {
  const b = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const list: Tlv[] = [];
  for (let o = 0; o + 4 <= b.length; ) {
    const tag = b.readUInt16BE(o);
    const end = o + 4 + b.readUInt16BE(o + 2);
    if (allowed === undefined || allowed.has(tag)) list.push({ tag, value: b.subarray(o + 4, end) });
    o = end;
  }
  return list;
}
