/** Information element identifiers (3GPP TS 23.040 section 9.2.3.24). */
const CONCAT_8 = 0x00;
const PORTS_8 = 0x04;
const PORTS_16 = 0x05;
const CONCAT_16 = 0x08;
const NATIONAL_SINGLE_SHIFT = 0x24;
const NATIONAL_LOCKING_SHIFT = 0x25;

/** One part's place in a message: `seq` 1 to `total` (at most 255) of those with the same `ref` of `refBits` bits. */
export interface Concat {
  readonly ref: number;
  readonly refBits: 8 | 16;
  readonly total: number;
  readonly seq: number;
}

export interface Element {
  readonly iei: number;
  /** A view of the octets that were parsed. */
  readonly data: Uint8Array;
}

/** Why a user data header is not one. The message cannot be told from its header then. */
export type UdhFault =
  /** No octet at all, though the flag says there is a header. */
  | 'UDH_EMPTY'
  /** UDHL says more octets than there are. */
  | 'UDH_OVERRUN'
  /** An element says more octets than the header has. */
  | 'UDH_IE_OVERRUN'
  /** One octet is left: too short to be an element. */
  | 'UDH_IE_TRUNCATED';

export interface Udh {
  /** Octets of the header with its length octet: where the text starts. Never more than there are. */
  readonly length: number;
  /** All elements in order, known or not, up to the fault if there is one. */
  readonly elements: readonly Element[];
  readonly concat?: Concat;
  /** Application port addressing (9.2.3.24.3, 9.2.3.24.4). */
  readonly ports?: { readonly dest: number; readonly source: number };
  /** Language identifier of the extension table (9.2.3.24.15). */
  readonly nationalSingle?: number;
  /** Language identifier of the main table (9.2.3.24.16). */
  readonly nationalLocking?: number;
  readonly fault?: UdhFault;
  /** A concatenation element was ignored as impossible, or several were there and the last one counts. */
  readonly remark?: 'CONCAT_INVALID' | 'CONCAT_DUPLICATE';
}

/**
 * Reads the user data header at the start of `octets` (23.040 section 9.2.3.24). Never throws: see `fault`.
 *
 * An element repeated: the last counts. A concatenation of total 0, part 0 or part above total is ignored, as is any
 * known element of another length than its own; the text is then a message of its own.
 *
 * `wideIei0` also takes IEI 0 with 4 octets as a 16-bit reference, which CMPP peers send (`06 00 04 …`).
 */
export function parseUdh(octets: Uint8Array, opts?: { readonly wideIei0?: boolean }): Udh {
  const elements: Element[] = [];
  if (octets.length === 0) return { length: 0, elements, fault: 'UDH_EMPTY' };
  const end = octets[0]! + 1;
  if (end > octets.length) return { length: octets.length, elements, fault: 'UDH_OVERRUN' };

  const udh: { -readonly [K in keyof Udh]: Udh[K] } = { length: end, elements };
  for (let at = 1; at < end; ) {
    if (at + 2 > end) return { length: end, elements, fault: 'UDH_IE_TRUNCATED' };
    const iei = octets[at]!;
    const length = octets[at + 1]!;
    at += 2;
    if (at + length > end) return { length: end, elements, fault: 'UDH_IE_OVERRUN' };
    const data = octets.subarray(at, at + length);
    at += length;
    elements.push({ iei, data });
    switch (iei) {
      case CONCAT_8:
      case CONCAT_16: {
        const concat = concatOf(iei, data, opts?.wideIei0 === true);
        if (concat === undefined) {
          udh.remark = 'CONCAT_INVALID';
          break;
        }
        if (udh.concat !== undefined) udh.remark = 'CONCAT_DUPLICATE';
        udh.concat = concat;
        break;
      }
      case PORTS_8:
        if (length === 2) udh.ports = { dest: data[0]!, source: data[1]! };
        break;
      case PORTS_16:
        if (length === 4) udh.ports = { dest: (data[0]! << 8) | data[1]!, source: (data[2]! << 8) | data[3]! };
        break;
      case NATIONAL_SINGLE_SHIFT:
        if (length === 1) udh.nationalSingle = data[0]!;
        break;
      case NATIONAL_LOCKING_SHIFT:
        if (length === 1) udh.nationalLocking = data[0]!;
        break;
    }
  }
  return udh;
}

function concatOf(iei: number, data: Uint8Array, wideIei0: boolean): Concat | undefined {
  let refBits: 8 | 16;
  if (iei === CONCAT_8 && data.length === 3) refBits = 8;
  else if (data.length === 4 && (iei === CONCAT_16 || wideIei0)) refBits = 16;
  else return undefined;
  const ref = refBits === 8 ? data[0]! : (data[0]! << 8) | data[1]!;
  const total = data[refBits / 8]!;
  const seq = data[refBits / 8 + 1]!;
  return seq === 0 || seq > total ? undefined : { ref, refBits, total, seq };
}

/**
 * The header as the specification has it: IEI 0 with 4 octets, which CMPP peers write for a 16-bit reference, becomes
 * IEI 8. The very octets where there is nothing to mend.
 */
export function mendUdh(udh: Uint8Array): Uint8Array {
  let mended: Uint8Array | undefined;
  for (let at = 1; at + 1 < udh.length; at += 2 + udh[at + 1]!) {
    if (udh[at] !== CONCAT_8 || udh[at + 1] !== 4 || at + 6 > udh.length) continue;
    mended ??= Uint8Array.from(udh);
    mended[at] = CONCAT_16;
  }
  return mended ?? udh;
}

/** A header of one concatenation element: 6 octets with an 8-bit reference, 7 with a 16-bit one (`wide`). */
export function concatUdh(ref: number, total: number, seq: number, wide: boolean): Buffer {
  return wide
    ? Buffer.from([6, CONCAT_16, 4, (ref >> 8) & 0xff, ref & 0xff, total, seq])
    : Buffer.from([5, CONCAT_8, 3, ref & 0xff, total, seq]);
}

/** The header without its concatenation, for a text that is whole again: empty where nothing else was in it. */
export function withoutConcat(udh: Uint8Array): Uint8Array {
  const others = parseUdh(udh).elements.filter(({ iei }) => iei !== CONCAT_8 && iei !== CONCAT_16);
  const octets = others.flatMap(({ iei, data }) => [iei, data.length, ...data]);
  return octets.length === 0 ? NOTHING : Uint8Array.from([octets.length, ...octets]);
}
const NOTHING = new Uint8Array(0);

/** `udh` (perhaps empty) with a concatenation in front of its own elements; see `concatUdh`. */
export function withConcat(udh: Uint8Array, ref: number, total: number, seq: number, wide: boolean): Buffer {
  const head = concatUdh(ref, total, seq, wide);
  if (udh.length <= 1) return head;
  head[0] = head[0]! + udh.length - 1;
  return Buffer.concat([head, udh.subarray(1)]);
}
