import { type Civil, two } from '../wire/civil.ts';

/** Octets of a sequence number. */
export const SEQUENCE_OCTETS = 12;

/**
 * A sequence number (1.2: 3.3) is kept as its 12 octets in a Latin-1 string: the answer must repeat it, the report names
 * the submit by it, and peers put into it what they like (deviation 1: node 0, a time that is none).
 */
export interface Sequence {
  readonly nodeId: number;
  /** MMDDhhmmss as a decimal number, without a year. */
  readonly timestamp: number;
  readonly counter: number;
}

/** The 12 octets of a sequence number, as a Latin-1 string. */
export function sequenceOf({ nodeId, timestamp, counter }: Sequence): string {
  return uint32(nodeId) + uint32(timestamp) + uint32(counter);
}

export function sequenceParts(raw: string): Sequence {
  return { nodeId: uint32At(raw, 0), timestamp: uint32At(raw, 4), counter: uint32At(raw, 8) };
}

/** `3010012345:1120203225:7`, as people and other systems write it. */
export function sequenceText(raw: string): string {
  const { nodeId, timestamp, counter } = sequenceParts(raw);
  return `${nodeId}:${stampText(timestamp)}:${counter}`;
}

/** The time in a sequence number: `civil` is the wall clock of its node. */
export function stampOf(civil: Civil): number {
  return (((civil.month * 100 + civil.day) * 100 + civil.hour) * 100 + civil.minute) * 100 + civil.second;
}

/** Ten digits; a number that is no time has them too. */
export function stampText(timestamp: number): string {
  return String(timestamp).padStart(10, '0');
}

/**
 * Node id of an SP: `3AAAAQQQQQ` with the area code of its city (010, 025, 0571), left-aligned and filled with zeros,
 * and its five-digit CorpId (1.2: 3.3). Undefined where these do not make one.
 */
export function nodeIdOf(areaCode: string, corpId: string): number | undefined {
  if (!/^\d{1,4}$/.test(areaCode) || !/^\d{1,5}$/.test(corpId)) return undefined;
  return Number(`3${areaCode.padEnd(4, '0')}${corpId.padStart(5, '0')}`);
}

/** Time of a node in a trace: `yymmddhhmmss`. */
export function traceTime(civil: Civil): string {
  const { year, month, day, hour, minute, second } = civil;
  return [year % 100, month, day, hour, minute, second].map(two).join('');
}

function uint32(n: number): string {
  return String.fromCharCode(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);
}

function uint32At(raw: string, at: number): number {
  return (
    ((raw.charCodeAt(at) << 24) |
      (raw.charCodeAt(at + 1) << 16) |
      (raw.charCodeAt(at + 2) << 8) |
      raw.charCodeAt(at + 3)) >>>
    0
  );
}
