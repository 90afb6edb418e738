import type { BehaviourChange } from '../../simulators/behaviour.ts';
import { type Carrier, type CarrierProtocol, startCarrier } from '../../simulators/carrier.ts';
import { TONGUES } from './wire-clients.ts';

/** A carrier under a scenario of the library, with what the test changes of it. SGIP: all on one connection. */
export async function carrierUnder(
  scenario: string,
  protocol: CarrierProtocol,
  change: BehaviourChange = {},
): Promise<Carrier> {
  const { account } = TONGUES[protocol];
  return startCarrier({ protocol, accounts: [account], scenario, behaviour: { duplex: true, ...change } });
}
