/**
 * MsgID: ten octets, by the specification BCD: gateway 6 digits, MMDDHHMM, sequence 6 digits (3.0: 6.2.2.2). Gateways
 * put anything into it (deviation 2): we keep the octets as a Latin-1 string, compare these, and show them in
 * hexadecimal. Only ids of our own are taken apart.
 */
export const MSG_ID = 10;
/** MsgID of a refusal. */
export const NO_MSG_ID = '\0'.repeat(MSG_ID);

/** Sequences of one minute, beyond which they begin again. */
export const SEQUENCES = 1_000_000;

/** Wall clock in Beijing. */
export interface MsgIdTime {
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

export interface MsgIdParts extends MsgIdTime {
  /** Six digits: area code 3, device class 06, device number 1. */
  readonly gateway: number;
  readonly sequence: number;
}

/** Two decimal digits as one octet, and six as three. */
const bcd = (n: number): number => Math.floor(n / 10) * 16 + (n % 10);
const six = (n: number): string =>
  String.fromCharCode(bcd(Math.floor(n / 10_000) % 100), bcd(Math.floor(n / 100) % 100), bcd(n % 100));

/** Twenty hex digits; those of a BCD id are its number. */
export function msgIdHex(raw: string): string {
  return Buffer.from(raw, 'latin1').toString('hex');
}

/** Undefined where the text is not twenty hex digits. */
export function msgIdFromHex(text: string): string | undefined {
  return /^[0-9a-f]{20}$/i.test(text) ? Buffer.from(text, 'hex').toString('latin1') : undefined;
}

/** The specification's form. */
export function msgIdOf(p: MsgIdParts): string {
  const time = String.fromCharCode(bcd(p.month), bcd(p.day), bcd(p.hour), bcd(p.minute));
  return six(p.gateway) + time + six(p.sequence);
}

/** Parts of an id in the specification's form; undefined where one is no decimal number. */
export function msgIdParts(raw: string): MsgIdParts | undefined {
  const text = msgIdHex(raw);
  if (!/^\d{20}$/.test(text)) return undefined;
  const part = (start: number, end: number): number => Number(text.slice(start, end));
  return {
    gateway: part(0, 6),
    month: part(6, 8),
    day: part(8, 10),
    hour: part(10, 12),
    minute: part(12, 14),
    sequence: part(14, 20),
  };
}

/**
 * MsgID of receiver `k` (from 0) of a Submit to several: the answer names the first, the decimal sequence counts on and
 * wraps from 999999 to 000000 without carrying into the time.
 */
export function addToMsgId(raw: string, k: number): string {
  if (k === 0) return raw;
  const sequence = (Number(msgIdHex(raw.slice(7))) + k) % SEQUENCES;
  return raw.slice(0, 7) + six(sequence);
}
