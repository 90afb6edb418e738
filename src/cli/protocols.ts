import type { CarrierConfig } from '../config/schema.ts';
import { cmppCarrier } from '../message/cmpp.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import { smppCarrier } from '../message/smpp-carrier.ts';

/** What the PDUs of each protocol mean, as a carrier speaks it. A further protocol is a line here. */
export const CARRIER_MAPPINGS: Readonly<Record<string, CarrierMapping>> = { smpp: smppCarrier, cmpp: cmppCarrier };

const CMPP_VERSIONS = { '2.0': 0x20, '2.1': 0x21, '3.0': 0x30 } as const;

/** Version in which a carrier is spoken to, as its bind says it. */
export function versionOf(carrier: CarrierConfig): number {
  return carrier.protocol === 'smpp' ? carrier.interfaceVersion : CMPP_VERSIONS[carrier.version];
}
