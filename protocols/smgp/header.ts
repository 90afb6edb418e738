import type { FrameRule } from '../wire/frame.ts';

/**
 * The header is CMPP's in other names: PacketLength, RequestID, SequenceID, four octets each, and bit 31 of a RequestID
 * says response (3.0: 6.1). The numbers of the requests are not CMPP's.
 *
 * The largest legal frame is a Submit to 100 receivers, 2,366 octets with 140 of content, and its TLVs.
 */
export const FRAME: FrameRule = { protocol: 'smgp', min: 12, max: 4096 };
/** Largest frame before the login: Login has 42 octets. */
export const MAX_BEFORE_LOGIN = 256;
