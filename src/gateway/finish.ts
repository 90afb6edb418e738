import { ACCEPTED, ANSWERED, DELIVERED, type Message, MT } from '../message/message.ts';
import { plans } from '../store/events.ts';
import type { Gateway } from './context.ts';
import { countDay } from './days.ts';
import { canonicalId } from './id-form.ts';
import { applyEnded } from './state.ts';
import { tell } from './tell.ts';

/** Whether the platform wants to hear of this final state (SMPP 3.4, 5.2.17: bits 1-0 are a number). */
export function wantsReceipt(m: Pick<Message, 'registered'>, state: number): boolean {
  switch (m.registered & 3) {
    case 1:
      return true;
    case 2:
      return state !== DELIVERED;
    case 3:
      return state === DELIVERED;
    default:
      return false;
  }
}

/** Ends a message: final state, record, and a receipt where one is wanted. No message ends otherwise. */
export function end(gw: Gateway, m: Message, state: number, error: string, reason: string, reported: 0 | 1 = 0): void {
  const now = gw.clock.now();
  const receipt = m.kind === MT && wantsReceipt(m, state) ? 1 : 0;
  const value = { id: m.id, state, error, reason, receipt, reported, at: now };
  // Reports that are still to come have nothing to tell any more: known, not unmatched.
  if (reported === 0) {
    for (const s of m.segments) {
      if (s.stage !== ANSWERED) continue;
      if (s.carrierId !== '') gw.recent.reported(m.carrier, canonicalId(s.carrierId));
      if (s.otherId !== '') gw.recent.reported(m.carrier, canonicalId(s.otherId));
    }
  }
  const { batch } = m;
  // Held until its record is in the file: a crash before that writes the record anew, from all that the journal has.
  gw.state.holds.hold(batch);
  gw.batch.add(plans.ended, value);
  applyEnded(gw.state, m, value);
  const carrier = gw.carriers.get(m.carrier);
  if (carrier !== undefined) carrier.counters.byState[state] = (carrier.counters.byState[state] ?? 0) + 1;
  const account = gw.accounts.get(m.account);
  if (account !== undefined) {
    account.counters.byState[state] = (account.counters.byState[state] ?? 0) + 1;
    if (m.kind === MT && account.mapping.tellsDays)
      countDay(account, m, state === DELIVERED || state === ACCEPTED ? 'delivered' : 'failed');
    account.counters.endTime.record(now - m.acceptedAt);
  }
  gw.recent.ended(m.id, m.account, state, error, now);
  gw.batch.effect(receipt === 1 ? recordAndTell : record, gw, m, batch);
}

function record(gw: Gateway, m: Message, batch: number): void {
  gw.records.add(m, batch);
}

function recordAndTell(gw: Gateway, m: Message, batch: number): void {
  gw.records.add(m, batch);
  tell(gw, m);
}
