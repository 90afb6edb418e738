import { hasUdh } from '../../protocols/text/msg-fmt.ts';
import { isNational, shiftElements } from '../../protocols/text/national.ts';
import { concatUdh, mendUdh, parseUdh } from '../../protocols/text/udh.ts';
import type { Message } from './message.ts';
import { NO_OCTETS } from './message.ts';

const NATIONAL_SINGLE_SHIFT = 0x24;
const NATIONAL_LOCKING_SHIFT = 0x25;

/** The header with these elements behind its own. */
function withElements(udh: Uint8Array, elements: Uint8Array): Uint8Array {
  const joined = new Uint8Array(Math.max(udh.length, 1) + elements.length);
  joined.set(udh, 0);
  joined.set(elements, Math.max(udh.length, 1));
  joined[0] = joined.length - 1;
  return joined;
}

/** The header without the elements that announce tables of a language; nothing where it had no others. */
export function withoutShifts(udh: Uint8Array): Uint8Array {
  const kept = parseUdh(udh).elements.filter(
    ({ iei }) => iei !== NATIONAL_SINGLE_SHIFT && iei !== NATIONAL_LOCKING_SHIFT,
  );
  if (kept.length === 0) return NO_OCTETS;
  return Uint8Array.from([
    kept.reduce((n, { data }) => n + 2 + data.length, 0),
    ...kept.flatMap(({ iei, data }) => [iei, data.length, ...data]),
  ]);
}

/**
 * The header that a segment goes out with: the one that came with the message (with the tables of a language that its text
 * is coded anew in, and without those that it came in), or ours. `wide`: with a reference of 16 bits; undefined: the parts are told otherwise.
 */
export function headerOf(m: Message, index: number, wide: boolean | undefined): Uint8Array {
  if (m.udh.length > 0) {
    if (m.cutCoding === m.coding) return m.udh;
    const kept = isNational(m.coding) ? withoutShifts(m.udh) : m.udh;
    return isNational(m.cutCoding) ? withElements(kept, shiftElements(m.cutCoding)) : kept;
  }
  const udh = m.cutOf > 1 && wide !== undefined ? concatUdh(m.cutRef, m.cutOf, index + 1, wide) : NO_OCTETS;
  return isNational(m.cutCoding) ? withElements(udh, shiftElements(m.cutCoding)) : udh;
}

/** The header of a message that is handed on as it is: what its coding needs is announced, whoever joined its parts. */
export function headerAsIs(m: Pick<Message, 'udh' | 'coding'>): Uint8Array {
  if (!isNational(m.coding)) return m.udh;
  return withElements(withoutShifts(m.udh), shiftElements(m.coding));
}

/** The longest content of any PDU: message_payload. */
const scratch = Buffer.allocUnsafe(70_000);

/** Header and text in one run of octets, valid until the next call: the PDU is encoded at once. */
export function withUdh(udh: Uint8Array, part: Uint8Array): Uint8Array {
  if (udh.length === 0) return part;
  if (udh.length + part.length > scratch.length) return Buffer.concat([udh, part]);
  scratch.set(udh, 0);
  scratch.set(part, udh.length);
  return scratch.subarray(0, udh.length + part.length);
}

/** Content of the Chinese protocols as header and text; a header longer than the content is all of it. */
export function splitContent(
  content: Uint8Array,
  udhi: number,
): { readonly udh: Uint8Array; readonly octets: Uint8Array } {
  const header = hasUdh(udhi) ? Math.min((content[0] ?? -1) + 1, content.length) : 0;
  if (header === 0) return { udh: NO_OCTETS, octets: content };
  return { udh: mendUdh(content.subarray(0, header)), octets: content.subarray(header) };
}
