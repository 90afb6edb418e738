import { createHash, timingSafeEqual } from 'node:crypto';
import { CMPP_30 } from './tables.ts';

const SOURCE_ADDR = 6;
const NINE_ZEROS = Buffer.alloc(9);

/** Octets of a digest as the PDU field takes them: a Latin-1 string. */
export function md5(...parts: readonly (Buffer | string)[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('binary');
}

/** Compares digests in a time that does not tell how much of them is right. */
export function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

/** Month to second of a wall clock in Beijing; Timestamp has no year. */
export interface TimestampParts {
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Timestamp on the wire: the decimal number MMDDHHMMSS. */
export function timestampOf(t: TimestampParts): number {
  return (((t.month * 100 + t.day) * 100 + t.hour) * 100 + t.minute) * 100 + t.second;
}

/** The ten digits that the digest takes: the number has lost the zero of January to September. */
export function timestampText(timestamp: number): string {
  return String(timestamp).padStart(10, '0');
}

/** Month to second of a Timestamp, or undefined where there is no such date or time. */
export function timestampParts(timestamp: number): TimestampParts | undefined {
  const two = (place: number): number => Math.floor(timestamp / place) % 100;
  const parts = { month: two(1e8), day: two(1e6), hour: two(1e4), minute: two(100), second: two(1) };
  const good =
    parts.month >= 1 &&
    parts.month <= 12 &&
    parts.day >= 1 &&
    parts.day <= 31 &&
    parts.hour <= 23 &&
    parts.minute <= 59 &&
    parts.second <= 59;
  return good ? parts : undefined;
}

/**
 * AuthenticatorSource of CMPP_CONNECT (2.0: 7.4.1.1): MD5 of Source_Addr, nine zero octets, the secret and the ten
 * digits of the Timestamp. `padded`: Source_Addr NUL-padded to its six octets, which differs for short names only.
 * Returns 16 octets as a Latin-1 string.
 */
export function authenticatorSource(sourceAddr: string, secret: string, timestamp: string, padded = false): string {
  const name = Buffer.from(padded ? sourceAddr.padEnd(SOURCE_ADDR, '\0') : sourceAddr, 'latin1');
  return md5(name, NINE_ZEROS, secret, timestamp);
}

/** Whether a client knows the secret. Short names are taken padded and not: clients do either. */
export function verifySource(
  login: { readonly sourceAddr: string; readonly authenticatorSource: string; readonly timestamp: number },
  secret: string,
): boolean {
  const { sourceAddr, authenticatorSource: shown, timestamp } = login;
  const text = timestampText(timestamp);
  if (same(shown, authenticatorSource(sourceAddr, secret, text))) return true;
  return sourceAddr.length < SOURCE_ADDR && same(shown, authenticatorSource(sourceAddr, secret, text, true));
}

/**
 * How a server has put Status into AuthenticatorISMG; `empty` is sixteen zeros, or nothing, as refusals have: it proves
 * nothing.
 */
export type IsmgForm = 'octet' | 'uint32' | 'ascii' | 'empty';

function ismg(form: Exclude<IsmgForm, 'empty'>, status: number, source: string, secret: string): string {
  let octets: Buffer;
  if (form === 'ascii') octets = Buffer.from(String(status), 'latin1');
  else if (form === 'octet') octets = Buffer.from([status]);
  else {
    octets = Buffer.allocUnsafe(4);
    octets.writeUInt32BE(status);
  }
  return md5(octets, Buffer.from(source, 'latin1'), secret);
}

/**
 * AuthenticatorISMG of CMPP_CONNECT_RESP: MD5 of Status as on the wire (1 octet in 2.x, 4 in 3.0), AuthenticatorSource
 * and the secret; sixteen zeros where the login is refused. 16 octets as a Latin-1 string, like `source`.
 */
export function authenticatorIsmg(status: number, version: number, source: string, secret: string): string {
  return status === 0 ? ismg(version < CMPP_30 ? 'octet' : 'uint32', status, source, secret) : '\0'.repeat(16);
}

/**
 * In which of the field's forms the server has filled AuthenticatorISMG; undefined: in none for this secret. A reason
 * to log, none to refuse a login: servers disagree, and most clients never look (deviation 11).
 */
export function verifyIsmg(
  answer: { readonly status: number; readonly authenticatorIsmg: string },
  source: string,
  secret: string,
): IsmgForm | undefined {
  const { status, authenticatorIsmg: shown } = answer;
  if (/^\0*$/.test(shown)) return 'empty';
  for (const form of ['octet', 'uint32', 'ascii'] as const) {
    if (form === 'octet' && status > 0xff) continue;
    if (same(shown, ismg(form, status, source, secret))) return form;
  }
  return undefined;
}
