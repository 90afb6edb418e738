import { UDHI } from '../protocols/smpp/payload.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { encode } from '../protocols/text/charset.ts';
import { limitsFor, segment } from '../protocols/text/segment.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import { NO_TLVS, type Tlv } from '../protocols/wire/tlv.ts';

/** One submit of a text, but for its destination and sequence. */
interface Template {
  readonly dataCoding: number;
  readonly esmClass: number;
  readonly octets: Buffer;
  readonly tlvs: readonly Tlv[];
}

/**
 * All submits of a load, numbered. Message m takes the text m modulo their number, and as many submits (parts) as that
 * text needs, so places repeat with the cycle of all texts and nothing is kept for each.
 */
export interface Submits {
  /** Parts of all messages. */
  readonly total: number;
  template(part: number): Template;
  /** The message of a part. */
  messageOf(part: number): number;
  /** The first part of a message. */
  partOf(message: number): number;
}

export function createSubmits(texts: readonly string[], count: number, long: 'udh' | 'payload'): Submits {
  const templates: Template[] = [];
  const textAt: number[] = [];
  texts.forEach((text, k) => {
    for (const template of templatesOf(text, long)) {
      templates.push(template);
      textAt.push(k);
    }
  });
  const firstOfText = texts.map((_, k) => textAt.indexOf(k));
  const cycle = templates.length;
  const partOf = (message: number): number =>
    Math.floor(message / texts.length) * cycle + firstOfText[message % texts.length]!;
  return {
    total: partOf(count),
    template: (part) => templates[part % cycle]!,
    messageOf: (part) => Math.floor(part / cycle) * texts.length + textAt[part % cycle]!,
    partOf,
  };
}

/** The submits that a text takes. */
function templatesOf(text: string, long: 'udh' | 'payload'): Template[] {
  const gsm = encode(text, 'gsm7');
  const coding = gsm === undefined ? 'ucs2' : 'gsm7';
  const octets = gsm ?? encode(text, 'ucs2')!;
  const dataCoding = gsm === undefined ? 8 : 0;
  const limits = limitsFor(coding, 6);
  const none = Buffer.alloc(0);
  if (octets.length > limits.single && long === 'payload') {
    return [{ dataCoding, esmClass: 0, octets: none, tlvs: [{ tag: TAG.messagePayload, value: octets }] }];
  }
  const parts = segment(octets, coding, limits);
  if (parts.length === 1) return [{ dataCoding, esmClass: 0, octets, tlvs: NO_TLVS }];
  return parts.map((part, k) => ({
    dataCoding,
    esmClass: UDHI,
    octets: Buffer.concat([concatUdh(0, parts.length, k + 1, false), part]),
    tlvs: NO_TLVS,
  }));
}
