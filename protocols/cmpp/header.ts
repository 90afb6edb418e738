import type { FrameRule } from '../wire/frame.ts';
import { putUint32 } from '../wire/octets.ts';
import type { Fields, Values } from '../wire/pdu.ts';
import type { Plan } from '../wire/plan.ts';

export const HEADER = 12;
/** Offsets in the header. */
export const TOTAL_LENGTH_AT = 0;
export const COMMAND_ID_AT = 4;
export const SEQUENCE_ID_AT = 8;

/** The largest legal frame is a 3.0 SUBMIT to 99 receivers, 3,471 octets with 140 of content and 3,586 with 255. */
export const FRAME: FrameRule = { protocol: 'cmpp', min: HEADER, max: 4096 };
/** Largest frame before the login: CONNECT has 39 octets, its answer 33. */
export const MAX_BEFORE_CONNECT = 256;

/** Bit 31 of a Command_Id: a response. */
export const RESPONSE = 0x80000000;

export interface Header {
  readonly totalLength: number;
  readonly commandId: number;
  readonly sequenceId: number;
}

/** The 12 octets at `o`. Any u32 is a good Sequence_Id. */
export function readHeader(b: Buffer, o: number): Header {
  return {
    totalLength: b.readUInt32BE(o + TOTAL_LENGTH_AT),
    commandId: b.readUInt32BE(o + COMMAND_ID_AT),
    sequenceId: b.readUInt32BE(o + SEQUENCE_ID_AT),
  };
}

/** Writes the header at `o`, returns the offset of the body. */
export function writeHeader(b: Buffer, o: number, totalLength: number, commandId: number, sequenceId: number): number {
  putUint32(b, o + TOTAL_LENGTH_AT, totalLength);
  putUint32(b, o + COMMAND_ID_AT, commandId);
  putUint32(b, o + SEQUENCE_ID_AT, sequenceId);
  return o + HEADER;
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
  sequence: number,
  out: Buffer,
  o: number,
): number {
  const end = plan.encode(value, out, o + HEADER);
  writeHeader(out, o, end - o, plan.id, sequence);
  return end;
}
