import type { Mode, SessionState } from './session.ts';

/** What may follow each state. `binding → open`: a server gives a refused client another try. */
export const SUCCESSORS: Readonly<Record<SessionState, readonly SessionState[]>> = {
  open: ['binding', 'closed'],
  binding: ['bound', 'open', 'closed'],
  bound: ['unbinding', 'closed'],
  unbinding: ['closed'],
  closed: [],
};

/**
 * Who may ask what of whom, as bits: one for each mode of a bind and sender's role. A request is legal when the bit of
 * its sender is in the mask of its operation.
 */
const BIT: Readonly<Record<`${'client' | 'server'}-${Mode}`, number>> = {
  'client-tx': 1,
  'client-rx': 2,
  'client-trx': 4,
  'server-tx': 8,
  'server-rx': 16,
  'server-trx': 32,
};

/** The bit of requests that `sender` sends on a bind of this mode. */
export function senderBit(sender: 'client' | 'server', mode: Mode): number {
  return BIT[`${sender}-${mode}`];
}

/** The mask of an operation: `from` and the modes in which each side may send it. */
export function senderMask(client: readonly Mode[], server: readonly Mode[]): number {
  let mask = 0;
  for (const mode of client) mask |= BIT[`client-${mode}`];
  for (const mode of server) mask |= BIT[`server-${mode}`];
  return mask;
}
