import { type Tlv, tlv } from '../wire/tlv.ts';
import { TAG } from './tlv-tags.ts';

/** esm_class bit: the message begins with a user data header. */
export const UDHI = 0x40;

const NOTHING = new Uint8Array(0);

/** The message of a PDU: short_message, or message_payload where that is empty (peers use either for any length). */
export function messageOctets(value: {
  readonly shortMessage?: Uint8Array;
  readonly tlvs: readonly Tlv[];
}): Uint8Array {
  const short = value.shortMessage ?? NOTHING;
  if (short.length > 0 || value.tlvs.length === 0) return short;
  return tlv(value.tlvs, TAG.messagePayload) ?? short;
}
