import type { PlatformProtocol, PlatformSetup } from './platform-protocol.ts';
import { cmppPlatform } from './platforms/cmpp.ts';
import { sgipPlatform } from './platforms/sgip.ts';
import { smgpPlatform } from './platforms/smgp.ts';
import { smppPlatform } from './platforms/smpp.ts';

export type PlatformKind = 'smpp' | 'cmpp' | 'sgip' | 'smgp';

/** By protocol and version; the first version is the default. */
const SPEAKS: Readonly<Record<PlatformKind, Readonly<Record<string, (setup: PlatformSetup) => PlatformProtocol>>>> = {
  smpp: { '3.4': smppPlatform },
  cmpp: {
    '2.0': (setup) => cmppPlatform(setup, 0x20),
    '2.1': (setup) => cmppPlatform(setup, 0x21),
    '3.0': (setup) => cmppPlatform(setup, 0x30),
  },
  sgip: { '1.2': sgipPlatform },
  smgp: { '3.0': (setup) => smgpPlatform(setup, 0x30), '1.3': (setup) => smgpPlatform(setup, 0x13) },
};

/** Throws RangeError for a version that there is not. */
export function platformProtocol(
  protocol: PlatformKind,
  version: string | undefined,
  setup: PlatformSetup,
): PlatformProtocol {
  const versions = SPEAKS[protocol];
  const speaks = version === undefined ? Object.values(versions)[0] : versions[version];
  if (speaks === undefined) {
    const known = Object.keys(versions).join(', ');
    throw new RangeError(`platform: no ${protocol} version ${version}; give one of ${known}`);
  }
  return speaks(setup);
}
