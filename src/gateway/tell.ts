import { type Message, MO } from '../message/message.ts';
import { plans } from '../store/events.ts';
import type { Gateway } from './context.ts';
import { countDay } from './days.ts';
import { applyClosed, freeze } from './state.ts';

/** Receipts in memory as objects; those behind them wait frozen. */
const HOT_OUTBOX = 2_000;

/** Puts an ended message (or an MO) into its platform's outbox. */
export function tell(gw: Gateway, m: Message): void {
  const account = gw.accounts.get(m.account);
  if (account === undefined) {
    close(gw, m, 'no such account');
    return;
  }
  account.outbox.push(m.id);
  if (account.receivers === 0 || account.outbox.length > HOT_OUTBOX) freeze(gw.state, m);
  gw.turn.mark(account);
}

/** The last word on a message: its receipt is taken, or given up. */
export function close(gw: Gateway, m: Message, outcome: string): void {
  const value = { id: m.id, outcome, at: gw.clock.now() };
  // An MO has come to its end only now; held until its record is in the file.
  if (m.kind === MO) {
    const account = gw.accounts.get(m.account);
    if (account?.mapping.tellsDays) countDay(account, m, outcome === 'taken' ? 'moTaken' : 'moFailed');
    gw.state.holds.hold(m.batch);
    gw.batch.effect(gw.records.add, m, m.batch, undefined);
  }
  gw.batch.add(plans.closed, value);
  applyClosed(gw.state, m, value);
}
