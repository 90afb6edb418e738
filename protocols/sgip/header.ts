import type { FrameRule } from '../wire/frame.ts';
import { latin1, putLatin1, putUint32 } from '../wire/octets.ts';
import type { Fields, Values } from '../wire/pdu.ts';
import type { Plan } from '../wire/plan.ts';
import { SEQUENCE_OCTETS } from './sequence.ts';

export const HEADER = 20;
/** Offsets in the header. */
export const MESSAGE_LENGTH_AT = 0;
export const COMMAND_ID_AT = 4;
export const SEQUENCE_AT = 8;

/**
 * Frames are to be at most 2 KiB (1.2: chapter 4), but one Submit may name 100 users, which with 140 octets are 2,383:
 * we take frames of twice that length.
 */
export const FRAME: FrameRule = { protocol: 'sgip', min: HEADER, max: 4096 };
/** Largest frame before the login: Bind has 61 octets. */
export const MAX_BEFORE_BIND = 256;

/** Bit 31 of a Command ID: a response. */
export const RESPONSE = 0x80000000;

export interface Header {
  readonly messageLength: number;
  readonly commandId: number;
  /** The 12 octets, see `sequence.ts`. */
  readonly sequence: string;
}

/** The 20 octets at `o`. */
export function readHeader(b: Buffer, o: number): Header {
  return {
    messageLength: b.readUInt32BE(o + MESSAGE_LENGTH_AT),
    commandId: b.readUInt32BE(o + COMMAND_ID_AT),
    sequence: latin1(b, o + SEQUENCE_AT, o + SEQUENCE_AT + SEQUENCE_OCTETS),
  };
}

/** Writes the header at `o`, returns the offset of the body. */
export function writeHeader(b: Buffer, o: number, messageLength: number, commandId: number, sequence: string): number {
  putUint32(b, o + MESSAGE_LENGTH_AT, messageLength);
  putUint32(b, o + COMMAND_ID_AT, commandId);
  return putLatin1(b, sequence, o + SEQUENCE_AT);
}

/** Octets that `encodeFrame` will write. */
export function frameSize<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>): number {
  return HEADER + plan.size(value);
}

/**
 * Writes a whole PDU at `o`, returns the offset behind it. The caller has made room for `frameSize`. Throws WireFault
 * where a value is longer than its field.
 */
export function encodeFrame<F extends Fields>(
  plan: Plan<F>,
  value: Readonly<Values<F>>,
  sequence: string,
  out: Buffer,
  o: number,
): number {
  const end = plan.encode(value, out, o + HEADER);
  writeHeader(out, o, end - o, plan.id, sequence);
  return end;
}
