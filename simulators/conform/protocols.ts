import type { Check } from './check.ts';
import { SMPP_CHECKS } from './smpp/checks.ts';
import { smppTongue } from './smpp/tongue.ts';
import type { Tongue } from './tongue.ts';

export type Protocol = 'smpp';

export interface Conformance {
  readonly checks: readonly Check[];
  readonly tongue: (version: number) => Tongue;
  /** By the names of the command line; the first is the default. */
  readonly versions: Readonly<Record<string, number>>;
}

/** What can be checked of each protocol. */
export const CONFORMANCE: Readonly<Record<Protocol, Conformance>> = {
  smpp: { checks: SMPP_CHECKS, tongue: smppTongue, versions: { '3.4': 0x34, '3.3': 0x33, '5.0': 0x50 } },
};

export const PROTOCOLS = Object.keys(CONFORMANCE) as readonly Protocol[];
