import { type Coding, decode, encode } from '../../protocols/text/charset.ts';
import { choose } from '../../protocols/text/choose.ts';
import { segment } from '../../protocols/text/segment.ts';
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
 * Chooses coding and segments for a carrier. The sender's octets go through untouched where the carrier prefers their
 * coding; else the text is coded anew in whichever allowed coding takes the fewest segments, the preferred one first.
 * A segment that the platform made itself stays one segment. `fixed`: the coding that earlier segments went out in.
 */
export function cut(m: Message, config: CarrierConfig, mapping: CarrierMapping, fixed?: Coding): Cut {
  const allowed: readonly Coding[] = config.coding;
  const limits = (coding: Coding) => mapping.limits(coding, config);
  const whole = config.longMessage === 'payload';
  if (m.coding === 'octets')
    return { coding: 'octets', parts: whole ? [m.octets] : segment(m.octets, 'octets', limits('octets')) };

  if (m.udh.length > 0) return ownSegment(m, allowed, limits, mapping.roomiest);

  if (fixed === undefined ? m.coding === allowed[0] : fixed === m.coding) {
    return { coding: m.coding, parts: whole ? [m.octets] : segment(m.octets, m.coding, limits(m.coding)) };
  }
  const text = decode(m.octets, m.coding);
  const choice = choose(text, fixed === undefined ? allowed : [fixed], limits);
  if (choice === undefined) throw new CutFault(`the text cannot be coded in ${allowed.join(', ')}`);
  return {
    coding: choice.coding,
    parts: whole ? [choice.octets] : segment(choice.octets, choice.coding, limits(choice.coding)),
  };
}

/** A segment with a header of the platform's own: it must still fit one PDU, whatever it is coded in. */
function ownSegment(
  m: Message,
  allowed: readonly Coding[],
  limits: (coding: Coding) => { single: number },
  roomiest: CarrierMapping['roomiest'],
): Cut {
  const room = (coding: Coding): number => {
    const { single } = limits(coding);
    // Septets start at the first border behind the header (GSM 03.40, 9.2.3.24); other codings lose the octets.
    return coding === 'gsm7' ? Math.floor(((140 - m.udh.length) * 8) / 7) : single - m.udh.length;
  };
  if (allowed.includes(m.coding) && m.octets.length <= room(m.coding)) return { coding: m.coding, parts: [m.octets] };
  const text = decode(m.octets, m.coding);
  for (const coding of allowed) {
    const choice = choose(text, [coding]);
    if (choice !== undefined && choice.octets.length <= room(coding)) return { coding, parts: [choice.octets] };
  }
  if (roomiest !== undefined) {
    const octets = encode(text, roomiest.coding);
    if (octets !== undefined && m.udh.length + octets.length <= roomiest.octets) {
      return { coding: roomiest.coding, parts: [octets] };
    }
  }
  throw new CutFault(
    `the platform's own segment of ${m.octets.length} octets (${m.coding}) does not fit one segment in ${allowed.join(', ')}`,
  );
}
