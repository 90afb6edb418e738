/**
 * One scratch area for UTF-16 units, shared by the decoders of this folder: building a string from units in place
 * costs half of appending characters. Fill and read it within one function; nothing here is re-entrant.
 */
let units = new Uint16Array(2048);
let octets = Buffer.from(units.buffer);

/** The scratch area with room for `length` units, in the byte order of the machine. Its content is undefined. */
export function scratch(length: number): Uint16Array {
  if (length > units.length) {
    units = new Uint16Array(length * 2);
    octets = Buffer.from(units.buffer);
  }
  return units;
}

/** The first `length` units of the scratch area as text. */
export function scratchText(length: number): string {
  // Every machine that runs Node 20 is little-endian or swaps here by itself: utf16le reads what Uint16Array wrote.
  return octets.toString('utf16le', 0, length * 2);
}
