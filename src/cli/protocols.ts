import { nodeIdOf } from '../../protocols/sgip/sequence.ts';
import { SGIP_12 } from '../../protocols/sgip/tables.ts';
import { smppCodec } from '../../protocols/smpp/tables.ts';
import type { AccountConfig, CarrierConfig, Config } from '../config/schema.ts';
import { cmppCarrier } from '../message/cmpp.ts';
import { createCmppPlatform } from '../message/cmpp-platform.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import type { PlatformMapping } from '../message/platform.ts';
import { sgipCarrier } from '../message/sgip.ts';
import { createSgipPlatform } from '../message/sgip-platform.ts';
import { smgpCarrier } from '../message/smgp.ts';
import { createSmgpPlatform } from '../message/smgp-platform.ts';
import { smppCarrier } from '../message/smpp-carrier.ts';
import { smppPlatform } from '../message/smpp-platform.ts';

/** What the PDUs of each protocol mean, as a carrier speaks it. A further protocol is a line here. */
export const CARRIER_MAPPINGS: Readonly<Record<string, CarrierMapping>> = {
  smpp: smppCarrier,
  cmpp: cmppCarrier,
  sgip: sgipCarrier,
  smgp: smgpCarrier,
};

/** And as a platform speaks it. Ids of several nodes differ by the node's code. */
export function platformMappings({ code, name, smgNodeId }: Config['node']): Readonly<Record<string, PlatformMapping>> {
  const node = code ?? codeOf(name);
  return {
    smpp: smppPlatform,
    cmpp: createCmppPlatform(node),
    sgip: createSgipPlatform(smgNodeId),
    smgp: createSmgpPlatform(node),
  };
}

/** A node's code out of its name (FNV-1a, folded to 16 bits): the same after every restart, and hardly another node's. */
function codeOf(name: string): number {
  let h = 0x811c9dc5;
  for (const octet of Buffer.from(name)) h = Math.imul(h ^ octet, 0x01000193);
  return ((h >>> 16) ^ h) & 0xffff;
}

/** Highest version that an account's binds may speak, as its dialect numbers it; undefined where that is not set. */
export const highestVersion = ({ protocol, interfaceVersion }: AccountConfig): number | undefined =>
  protocol === 'smpp' ? smppCodec(interfaceVersion).version : undefined;

const VERSIONS = { '1.3': 0x13, '2.0': 0x20, '2.1': 0x21, '3.0': 0x30 } as const;

/** Version in which a carrier is spoken to, as its bind says it. */
export function versionOf(carrier: CarrierConfig): number {
  switch (carrier.protocol) {
    case 'smpp':
      return carrier.interfaceVersion;
    case 'cmpp':
    case 'smgp':
      return VERSIONS[carrier.version];
    case 'sgip':
      return SGIP_12;
  }
}

/** Our node number in the sequence numbers that a carrier is sent; undefined where its protocol has none. */
export function nodeOf(carrier: CarrierConfig): number | undefined {
  if (carrier.protocol !== 'sgip') return undefined;
  return carrier.nodeId ?? nodeIdOf(carrier.areaCode ?? '', carrier.corpId) ?? 0;
}
