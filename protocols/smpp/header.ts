import type { FrameRule } from '../wire/frame.ts';
import { putUint32 } from '../wire/octets.ts';
import type { Fields, Values } from '../wire/pdu.ts';
import type { Plan } from '../wire/plan.ts';

export const HEADER = 16;

/** 64 KiB of message_payload and about 1 KiB around it is the largest legal PDU; anything above is not SMPP. */
export const FRAME: FrameRule = { protocol: 'smpp', min: HEADER, max: 70_000 };
/** Largest frame before the bind: no stranger makes us wait for, or hold, more. */
export const MAX_BEFORE_BIND = 1024;

/** Bit 31 of a command_id: a response. */
export const RESPONSE = 0x80000000;

export interface Header {
  readonly commandLength: number;
  readonly commandId: number;
  readonly commandStatus: number;
  readonly sequenceNumber: number;
}

/** The 16 octets at `o` (3.4: 3.2). Any u32 is a good status and a good sequence number: peers use them all. */
export function readHeader(b: Buffer, o: number): Header {
  return {
    commandLength: b.readUInt32BE(o),
    commandId: b.readUInt32BE(o + 4),
    commandStatus: b.readUInt32BE(o + 8),
    sequenceNumber: b.readUInt32BE(o + 12),
  };
}

/** Writes the header at `o`, returns the offset of the body. */
export function writeHeader(
  b: Buffer,
  o: number,
  commandLength: number,
  commandId: number,
  commandStatus: number,
  sequenceNumber: number,
): number {
  putUint32(b, o, commandLength);
  putUint32(b, o + 4, commandId);
  putUint32(b, o + 8, commandStatus);
  putUint32(b, o + 12, sequenceNumber);
  return o + HEADER;
}

/** An answer that refuses has no body: readers disagree about one, and none needs it (3.4: 4.1.2, 4.4.2). */
const headerOnly = (commandId: number, status: number): boolean => status !== 0 && commandId >= RESPONSE;

/** Octets that `encodeFrame` will write. */
export function frameSize<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>, status = 0): number {
  return headerOnly(plan.id, status) ? HEADER : HEADER + plan.size(value);
}

/** Writes a whole PDU at `o`, returns the offset behind it. The caller has made room for `frameSize`. */
export function encodeFrame<F extends Fields>(
  plan: Plan<F>,
  value: Readonly<Values<F>>,
  status: number,
  sequence: number,
  out: Buffer,
  o: number,
): number {
  const end = headerOnly(plan.id, status) ? o + HEADER : plan.encode(value, out, o + HEADER);
  writeHeader(out, o, end - o, plan.id, status, sequence);
  return end;
}

/** sequence_number of a frame that could not be read, for its generic_nack: 0 where the octets are not there. */
export function sequenceOf(octets: Buffer, o = 0): number {
  return octets.length - o >= HEADER ? octets.readUInt32BE(o + 12) : 0;
}
