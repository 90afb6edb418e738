import { decode } from './charset.ts';
import { codingOf, hasUdh } from './msg-fmt.ts';
import { parseUdh } from './udh.ts';

/** Adds a message's content for a person to read: the octets, its user data header, and its text where it has one. */
export function describeContent(
  content: Uint8Array,
  msgFmt: number,
  tpUdhi: number,
  fields: Record<string, unknown>,
): void {
  fields.msg_content_hex = hexOf(content);
  let octets = content;
  if (hasUdh(tpUdhi)) {
    const udh = parseUdh(content);
    if (udh.fault !== undefined) {
      fields.udh_fault = udh.fault;
      return;
    }
    fields.udh = {
      hex: hexOf(content.subarray(0, udh.length)),
      elements: udh.elements.map(({ iei, data }) => ({ iei, data: hexOf(data), ...concatOf(iei, data) })),
    };
    octets = content.subarray(udh.length);
  }
  const coding = codingOf(msgFmt, octets);
  if (coding !== 'octets' && !(coding === 'ucs2' && octets.length % 2 === 1)) fields.text = decode(octets, coding);
}

/** Numbers of a concatenation element; other readers show them beside the octets. */
function concatOf(iei: number, data: Uint8Array): Record<string, number> {
  const [a = 0, b = 0, c = 0, d = 0] = data;
  if (iei === 0 && data.length === 3) return { ref: a, total: b, number: c };
  if ((iei === 0 || iei === 8) && data.length === 4) return { ref: (a << 8) | b, total: c, number: d };
  return {};
}

const hexOf = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
