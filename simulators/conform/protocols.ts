import type { Check } from './check.ts';
import { CMPP_CHECKS } from './cmpp/checks.ts';
import { cmppTongue } from './cmpp/tongue.ts';
import { cmppVoice } from './judge/cmpp.ts';
import { sgipVoice } from './judge/sgip.ts';
import { smgpVoice } from './judge/smgp.ts';
import { smppVoice } from './judge/smpp.ts';
import type { Voice } from './judge/voice.ts';
import { SGIP_CHECKS } from './sgip/checks.ts';
import { sgipTongue } from './sgip/tongue.ts';
import { SMGP_CHECKS } from './smgp/checks.ts';
import { smgpTongue } from './smgp/tongue.ts';
import { SMPP_CHECKS } from './smpp/checks.ts';
import { smppTongue } from './smpp/tongue.ts';
import type { Tongue } from './tongue.ts';

export type Protocol = Tongue['protocol'];

export interface Conformance {
  readonly checks: readonly Check[];
  readonly tongue: (version: number) => Tongue;
  readonly voice: (version: number) => Voice;
  /** By the names of the command line; the first is the default. */
  readonly versions: Readonly<Record<string, number>>;
}

/** What can be checked of each protocol. */
export const CONFORMANCE: Readonly<Record<Protocol, Conformance>> = {
  smpp: {
    checks: SMPP_CHECKS,
    tongue: smppTongue,
    voice: smppVoice,
    versions: { '3.4': 0x34, '3.3': 0x33, '5.0': 0x50 },
  },
  cmpp: {
    checks: CMPP_CHECKS,
    tongue: cmppTongue,
    voice: cmppVoice,
    versions: { '2.0': 0x20, '2.1': 0x21, '3.0': 0x30 },
  },
  sgip: { checks: SGIP_CHECKS, tongue: sgipTongue, voice: sgipVoice, versions: { '1.2': 0x12 } },
  smgp: { checks: SMGP_CHECKS, tongue: smgpTongue, voice: smgpVoice, versions: { '3.0': 0x30, '1.3': 0x13 } },
};

export const PROTOCOLS = Object.keys(CONFORMANCE) as readonly Protocol[];
