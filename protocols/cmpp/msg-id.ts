/**
 * Msg_Id: 64 bits, month 4, day 5, hour 5, minute 6, second 6, gateway 22, sequence 16 (2.0: 7.4.3.2). We keep its eight
 * octets as a Latin-1 string, as the tables read it, and never as a number, which holds 53 bits only.
 */
export interface MsgIdParts extends MsgIdTime {
  /** ISMG code as an integer: 1001 for 001001. */
  readonly gateway: number;
  readonly sequence: number;
}

/** Wall clock in Beijing. */
export interface MsgIdTime {
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Msg_Id that says nothing: SPs submit it. */
export const NO_MSG_ID = '\0'.repeat(8);

const octet = (raw: string, i: number): number => raw.charCodeAt(i) & 0xff;
const uint32 = (raw: string, i: number): number =>
  octet(raw, i) * 0x1000000 + ((octet(raw, i + 1) << 16) | (octet(raw, i + 2) << 8) | octet(raw, i + 3));
const text32 = (n: number): string => String.fromCharCode(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);

/** Any eight octets have parts; nothing says that they are a date. */
export function msgIdParts(raw: string): MsgIdParts {
  const high = uint32(raw, 0);
  const low = uint32(raw, 4);
  return {
    month: high >>> 28,
    day: (high >>> 23) & 0x1f,
    hour: (high >>> 18) & 0x1f,
    minute: (high >>> 12) & 0x3f,
    second: (high >>> 6) & 0x3f,
    gateway: ((high & 0x3f) << 16) | (low >>> 16),
    sequence: low & 0xffff,
  };
}

/** Each part is cut to its bits. */
export function msgIdOf(p: MsgIdParts): string {
  const high =
    ((p.month & 0xf) << 28) |
    ((p.day & 0x1f) << 23) |
    ((p.hour & 0x1f) << 18) |
    ((p.minute & 0x3f) << 12) |
    ((p.second & 0x3f) << 6) |
    ((p.gateway >>> 16) & 0x3f);
  return text32(high) + text32((p.gateway << 16) | (p.sequence & 0xffff));
}

/** As people see it: an unsigned decimal number. */
export function msgIdDecimal(raw: string): string {
  // Long division by 10^9 in 16-bit digits: every step is exact in a double, and a BigInt costs five times as much.
  let a = raw.charCodeAt(0) * 256 + raw.charCodeAt(1);
  let b = raw.charCodeAt(2) * 256 + raw.charCodeAt(3);
  let c = raw.charCodeAt(4) * 256 + raw.charCodeAt(5);
  let d = raw.charCodeAt(6) * 256 + raw.charCodeAt(7);
  let text = '';
  for (;;) {
    let rest = a;
    a = Math.floor(rest / 1e9);
    rest = (rest - a * 1e9) * 65_536 + b;
    b = Math.floor(rest / 1e9);
    rest = (rest - b * 1e9) * 65_536 + c;
    c = Math.floor(rest / 1e9);
    rest = (rest - c * 1e9) * 65_536 + d;
    d = Math.floor(rest / 1e9);
    rest -= d * 1e9;
    if (a === 0 && b === 0 && c === 0 && d === 0) return `${rest}${text}`;
    text = String(rest + 1e9).slice(1) + text;
  }
}

/** Undefined where the text is no unsigned decimal number of 64 bits. */
export function msgIdFromDecimal(text: string): string | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const n = BigInt(text);
  if (n >= 1n << 64n) return undefined;
  return text32(Number(n >> 32n)) + text32(Number(n & 0xffffffffn));
}

/** Sixteen hex digits. */
export function msgIdHex(raw: string): string {
  return Buffer.from(raw, 'latin1').toString('hex');
}

/**
 * Msg_Id of receiver `k` (from 0) of a SUBMIT to several: the answer names the first, the sequence counts on and wraps
 * to 0 without carrying into the gateway (2.0: 7.4.3.2).
 */
export function addToMsgId(raw: string, k: number): string {
  if (k === 0) return raw;
  const sequence = (((octet(raw, 6) << 8) | octet(raw, 7)) + k) & 0xffff;
  return raw.slice(0, 6) + String.fromCharCode(sequence >>> 8, sequence & 0xff);
}

/** Makes the Msg_Ids of one gateway. Unique as long as no second takes more than 65,536. */
export interface MsgIds {
  /** An id at this time, with the `count - 1` sequences behind it set aside for further receivers. */
  next(now: MsgIdTime, count?: number): string;
}

export function createMsgIds(gateway: number, firstSequence = 0): MsgIds {
  let sequence = firstSequence & 0xffff;
  return {
    next({ month, day, hour, minute, second }, count = 1) {
      const id = msgIdOf({ month, day, hour, minute, second, gateway, sequence });
      sequence = (sequence + count) & 0xffff;
      return id;
    },
  };
}
