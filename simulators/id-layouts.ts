/** How a number is written in SMPP's message_id: its base and case, and the digits that it is filled up to by zeros. */
export const ID_BASES = ['decimal', 'hex', 'HEX', 'decimal-10', 'hex-8', 'HEX-8'] as const;
export type IdBase = (typeof ID_BASES)[number];

/**
 * SMPP: the second of the start and a number; a plain counter; the date `YYMMDDhhmmss` in Beijing and six digits of a
 * counter; a number above 2^63; a UUID, which has no base.
 */
export const SMPP_ID_LAYOUTS = ['clock', 'counter', 'date', 'long', 'uuid'] as const;

/**
 * SMGP (deviation 2): decimal digits as specified; gateway and sequence as binary numbers around the decimal time; six
 * digits, `MMDDHHMMSS` and four digits; seconds since 1970, gateway and sequence, all binary.
 */
export const SMGP_ID_LAYOUTS = ['bcd', 'binary', 'long-time', 'seconds'] as const;

/** SGIP (deviation 1), in the sequence numbers of reports and MO: a NodeId of 0, a timestamp that is no date. */
export const SGIP_ID_LAYOUTS = ['plain', 'zero-node', 'no-date'] as const;
