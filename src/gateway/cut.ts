import { type Coding, decode, encode, isPlain } from '../../protocols/text/charset.ts';
import { choose, mayTakeFewer } from '../../protocols/text/choose.ts';
import { isNational, isSeptets, shiftElements } from '../../protocols/text/national.ts';
import { keepFree, type Limits, segment } from '../../protocols/text/segment.ts';
import { placeSignature, type Signed } from '../../protocols/text/signature.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import type { CarrierConfig } from '../config/schema.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import type { Message } from '../message/message.ts';

/** How a message goes out to a carrier: the coding, and the octets of each segment without our header. */
export interface Cut {
  readonly coding: Coding;
  readonly parts: readonly Uint8Array[];
}

/** A message that cannot be sent to this carrier as it is. */
export class CutFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CutFault';
  }
}

/**
 * Chooses coding and segments for a carrier. The sender's octets go through untouched where they are in the coding that
 * the carrier prefers and no other is to be had for fewer segments; else the text is coded anew, as `choose` says.
 * Octets that not every peer of their coding reads (GB 18030's four-octet codes in GBK) count as in no coding.
 * A segment that the platform made itself stays one segment. `fixed`: the coding that earlier segments went out in.
 */
export function cut(m: Message, config: CarrierConfig, mapping: CarrierMapping, fixed?: Coding): Cut {
  if (m.udh.length > 0) return ownSegment(m, config, mapping);
  if (m.coding === 'octets') return inParts('octets', m.octets, mapping.limits('octets', config), config);

  const allowed: readonly Coding[] = fixed === undefined ? codingsFor(m, config) : [fixed];
  const limits = (coding: Coding): Limits => limitsOf(coding, config, mapping);
  const signed = signedText(m, config);
  // A text with a class is best as it is: other codings may have no word for the class.
  const own = m.coding === allowed[0] || (m.dataCoding > 0x0f && allowed.includes(m.coding));
  const preferred = own && signed?.moved !== true;
  const plain = preferred && isPlain(m.octets, m.coding);
  // Message class and the like are lost with the sender's own octets, so these stay whatever they cost.
  if (
    plain &&
    (m.octets.length <= limits(m.coding).single ||
      !allowed.some((coding) => mayTakeFewer(coding, m.coding)) ||
      config.choose === 'preferred' ||
      config.longMessage === 'payload' ||
      m.dataCoding > 0x0f)
  ) {
    return inParts(m.coding, m.octets, limits(m.coding), config, signed);
  }

  const text = signed?.text ?? decode(m.octets, m.coding);
  const choice =
    choose(text, allowed, limits, config.choose) ??
    (fixed === undefined && allowed !== config.coding ? choose(text, config.coding, limits, config.choose) : undefined);
  // Damage is passed on as it came: coded anew it would be worse. So is what no coding of the list holds.
  if (preferred && (choice === undefined || (plain && choice.coding === m.coding) || text.includes('\ufffd'))) {
    return inParts(m.coding, m.octets, limits(m.coding), config, signed);
  }
  if (choice === undefined) throw new CutFault(`the text cannot be coded in ${allowed.join(', ')}`);
  return inParts(choice.coding, choice.octets, limits(choice.coding), config, signed);
}

/** GB has no form for a message class (flash and the like): a text with one goes in another coding that there is. */
function codingsFor(m: Message, config: CarrierConfig): readonly Coding[] {
  const { coding } = config;
  if (m.dataCoding <= 0x0f || m.coding === 'gbk' || coding.length === 1) return coding;
  return (coding as readonly Coding[]).filter((one) => one !== 'gbk');
}

/** What one PDU holds, less what the carrier puts into it itself. */
function limitsOf(coding: Coding, config: CarrierConfig, mapping: CarrierMapping): Limits {
  const limits = mapping.limits(coding, config);
  const { head, tail } = config.reserve;
  if (head === 0 && tail === 0) return limits;
  // What is added is in the script of the country: two octets a character where the coding has such.
  const octets = coding === 'ucs2' || coding === 'gbk' || coding === 'ksc5601' || coding === 'sjis' ? 2 : 1;
  return keepFree(limits, head * octets, tail * octets);
}

/** The text with its signature where the carrier wants it; undefined where it does not care. */
function signedText(m: Message, config: CarrierConfig): (Signed & { readonly moved: boolean }) | undefined {
  if (config.signature === 'asGiven') return undefined;
  const given = decode(m.octets, m.coding);
  const { text, signature } = placeSignature(given, config.signature);
  return { text, signature, moved: text !== given };
}

function inParts(coding: Coding, octets: Uint8Array, limits: Limits, config: CarrierConfig, signed?: Signed): Cut {
  if (config.longMessage === 'payload') return { coding, parts: [octets] };
  // A signature at the end is whole in the last segment; one at the start fits the first anyway.
  const whole =
    config.signature === 'last' && signed !== undefined && octets.length > limits.single
      ? (encode(signed.signature, coding)?.length ?? 0)
      : 0;
  return { coding, parts: segment(octets, coding, limits, whole) };
}

/** A segment with a header of the platform's own: it must still fit one PDU, whatever it is coded in. */
function ownSegment(m: Message, config: CarrierConfig, mapping: CarrierMapping): Cut {
  const { roomiest } = mapping;
  const allowed: readonly Coding[] = config.coding;
  // What is no part of several may be longer than one: the carrier cuts it.
  const cutThere = config.longMessage === 'payload' && parseUdh(m.udh).concat === undefined;
  const room = (coding: Coding): number => {
    if (cutThere) return Number.POSITIVE_INFINITY;
    // Septets start at the first border behind the header (GSM 03.40, 9.2.3.24); other codings lose the octets.
    if (!isSeptets(coding)) return mapping.limits(coding, config).single - m.udh.length;
    const header = m.udh.length + (coding === m.coding ? 0 : shiftElements(coding).length);
    return Math.floor(((140 - header) * 8) / 7);
  };
  const asItIs: Cut = { coding: m.coding, parts: [m.octets] };
  // Tables of a language are announced in the header that came with the text: whoever takes septets takes those.
  const taken =
    m.coding === 'octets' || allowed.includes(m.coding) || (isNational(m.coding) && allowed.includes('gsm7'));
  const fits = taken && m.octets.length <= room(m.coding);
  if (fits && isPlain(m.octets, m.coding)) return asItIs;
  if (m.coding !== 'octets') {
    const text = decode(m.octets, m.coding);
    if (fits && text.includes('\ufffd')) return asItIs;
    for (const coding of allowed) {
      const octets = encode(text, coding);
      if (octets !== undefined && octets.length <= room(coding)) return { coding, parts: [octets] };
    }
    // The sender's octets and its word for them, where the carrier's protocol has that word.
    if (fits || (mapping.labels?.(m.coding, config) && m.octets.length <= room(m.coding))) return asItIs;
    const octets = roomiest === undefined ? undefined : encode(text, roomiest.coding);
    if (roomiest !== undefined && octets !== undefined && m.udh.length + octets.length <= roomiest.octets) {
      return { coding: roomiest.coding, parts: [octets] };
    }
  }
  // Its neighbours are messages of their own and may be gone already, so it cannot be cut anew with them.
  throw new CutFault(
    `the platform's own segment of ${m.octets.length} octets (${m.coding}) does not fit one segment in ${allowed.join(', ')}; a text sent whole is cut for each carrier`,
  );
}
