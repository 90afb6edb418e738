import type { CarrierConfig, Config } from '../config/schema.ts';
import { cmppCarrier } from '../message/cmpp.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import type { PlatformMapping } from '../message/platform.ts';
import { smppCarrier } from '../message/smpp-carrier.ts';
import { smppPlatform } from '../message/smpp-platform.ts';

/** What the PDUs of each protocol mean, as a carrier speaks it. A further protocol is a line here. */
export const CARRIER_MAPPINGS: Readonly<Record<string, CarrierMapping>> = { smpp: smppCarrier, cmpp: cmppCarrier };

/** And as a platform speaks it. Ids of several nodes differ by the node's code. */
export function platformMappings(_node: Config['node']): Readonly<Record<string, PlatformMapping>> {
  return { smpp: smppPlatform };
}

const CMPP_VERSIONS = { '2.0': 0x20, '2.1': 0x21, '3.0': 0x30 } as const;

/** Version in which a carrier is spoken to, as its bind says it. */
export function versionOf(carrier: CarrierConfig): number {
  return carrier.protocol === 'smpp' ? carrier.interfaceVersion : CMPP_VERSIONS[carrier.version];
}
