import { WireFault } from './fault.ts';
import { type Custom, custom, type Kind } from './field.ts';
import { cursor, findNul, latin1 } from './octets.ts';

/** A tagged optional parameter as on the wire; unknown tags are kept and re-emitted. */
export interface Tlv {
  readonly tag: number;
  readonly value: Uint8Array;
}

export const NO_TLVS: readonly Tlv[] = Object.freeze([]);

export interface TlvRules {
  /**
   * A length that runs past the frame: refuse (a customer must not be billed for a cut message), keep what is there of
   * the value, or drop it and whatever is behind it.
   */
  readonly onOverrun: 'fault' | 'clamp' | 'drop';
  /** More than this many in one PDU is an attack, not a message. */
  readonly maxCount: number;
  /** Zero octets at the end that are no TLV (C strings counted with their NUL by old peers) are dropped. */
  readonly trailingZeros: number;
}

/** The rest of the frame as tag (2), length (2), value. */
export const tlvs = (pdu: string, rules: TlvRules): Kind<readonly Tlv[]> =>
  custom<readonly Tlv[]>(NO_TLVS, () => tlvCodec(pdu, rules));

function tlvCodec(pdu: string, rules: TlvRules): Custom<readonly Tlv[]> {
  return {
    read(b, o, end) {
      cursor.at = end;
      if (o >= end) return NO_TLVS;
      if (end - o <= rules.trailingZeros && allZero(b, o, end)) return NO_TLVS;
      const list: Tlv[] = [];
      while (o < end) {
        if (list.length === rules.maxCount) throw new WireFault('tlv-too-many', pdu, 'tlvs', o);
        if (end - o < 4) {
          if (rules.onOverrun !== 'fault' || allZero(b, o, end)) break;
          throw new WireFault('tlv-truncated', pdu, 'tlvs', o);
        }
        const tag = b.readUInt16BE(o);
        let close = o + 4 + b.readUInt16BE(o + 2);
        if (close > end) {
          if (rules.onOverrun === 'fault') throw new WireFault('tlv-overrun', pdu, 'tlvs', o);
          if (rules.onOverrun === 'drop') break;
          close = end;
        }
        list.push({ tag, value: b.subarray(o + 4, close) });
        o = close;
      }
      return list;
    },
    write(list, b, o) {
      for (const { tag, value } of list) {
        o = b.writeUInt16BE(tag, o);
        o = b.writeUInt16BE(value.length, o);
        b.set(value, o);
        o += value.length;
      }
      return o;
    },
    size(list) {
      let n = 0;
      for (const t of list) n += 4 + t.value.length;
      return n;
    },
  };
}

function allZero(b: Buffer, o: number, end: number): boolean {
  while (o < end) if (b[o++] !== 0) return false;
  return true;
}

/** Octets of the first TLV with this tag. */
export function tlv(list: readonly Tlv[], tag: number): Uint8Array | undefined {
  for (const t of list) if (t.tag === tag) return t.value;
  return undefined;
}

/** Value as an unsigned integer, by its length on the wire (peers disagree with the tables about widths). */
export function tlvUint(list: readonly Tlv[], tag: number): number | undefined {
  const value = tlv(list, tag);
  if (value === undefined || value.length === 0) return undefined;
  let n = 0;
  for (const octet of value) n = n * 256 + octet;
  return n;
}

/** Value as text up to its NUL, or whole where the NUL is missing. */
export function tlvText(list: readonly Tlv[], tag: number): string | undefined {
  const value = tlv(list, tag);
  if (value === undefined) return undefined;
  const b = value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  return latin1(b, 0, findNul(b, 0, b.length));
}

/** Integer TLV of `width` octets. */
export function uintTlv(tag: number, width: number, value: number): Tlv {
  const b = Buffer.allocUnsafe(width);
  b.writeUIntBE(value, 0, width);
  return { tag, value: b };
}

/** Text TLV with its NUL. */
export function textTlv(tag: number, value: string): Tlv {
  return { tag, value: Buffer.from(`${value}\0`, 'latin1') };
}
