import { latin1 } from '../../protocols/wire/octets.ts';
import type { Tlv } from '../../protocols/wire/tlv.ts';
import { NO_OCTETS } from './message.ts';
import { readTlvs, writeTlvs } from './tlv-octets.ts';

// What the mainland carriers bill by, beside what every message has. A message keeps it among its TLVs, under tags of
// the vendor range (0x1400-0x3FFF); no other protocol is sent them unless its allow-list names them.

const LINK_ID_TAG = 0x3f60;
const FEE_TAG = 0x3f61;
const TAGS: ReadonlySet<number> = new Set([LINK_ID_TAG, FEE_TAG]);

/** Who pays what for which service. */
export interface Fee {
  readonly serviceId: string;
  readonly userType: number;
  readonly terminalId: string;
  readonly terminalType: number;
  readonly type: string;
  readonly code: string;
}

export interface Charging {
  /** Of the MO that asked for this message (点播); '' where none did. */
  readonly linkId: string;
  readonly fee: Fee | undefined;
}

const NOTHING: Charging = Object.freeze({ linkId: '', fee: undefined });
const text = (tag: number, value: string): Tlv => ({ tag, value: Buffer.from(value, 'latin1') });

export function writeCharging({ linkId, fee }: Charging): Uint8Array {
  const list: Tlv[] = [];
  if (linkId !== '') list.push(text(LINK_ID_TAG, linkId));
  if (fee !== undefined) {
    const { serviceId, userType, terminalId, terminalType, type, code } = fee;
    list.push(text(FEE_TAG, [serviceId, userType, terminalId, terminalType, type, code].join('\0')));
  }
  return list.length === 0 ? NO_OCTETS : writeTlvs(list, TAGS);
}

export function readCharging(tlvs: Uint8Array): Charging {
  if (tlvs.length === 0) return NOTHING;
  let linkId = '';
  let fee: Fee | undefined;
  for (const { tag, value } of readTlvs(tlvs, TAGS)) {
    const said = latin1(value as Buffer, 0, value.length);
    if (tag === LINK_ID_TAG) linkId = said;
    else {
      const [serviceId = '', userType, terminalId = '', terminalType, type = '', code = ''] = said.split('\0');
      fee = {
        serviceId,
        userType: Number(userType) & 0xff,
        terminalId,
        terminalType: Number(terminalType) & 0xff,
        type,
        code,
      };
    }
  }
  return { linkId, fee };
}
