import type { Alert } from '../message/mapping.ts';
import type { Message } from '../message/message.ts';
import type { Session } from '../session/session.ts';
import { calledAccount } from './called.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';

/**
 * A carrier says that a phone is there again. It asks for no answer and is worth nothing later: told to a bind of the
 * account that has the called number if there is one now, else counted and written to the log.
 */
export function onAlert(gw: Gateway, carrier: Carrier, alert: Alert): void {
  const { counters, config } = carrier;
  counters.alerts++;
  const name = alert.pass
    ? (calledAccount(gw.called, config.accessCode, alert.called) ?? config.mo.account)
    : undefined;
  const account = name === undefined ? undefined : gw.accounts.get(name);
  const session = account?.sessions.find((s: Session<Message>) => s.mode !== 'tx' && s.room > 0);
  const out = session === undefined ? undefined : account?.mapping.toAlert?.(alert, session.version);
  if (session === undefined || out === undefined) {
    gw.log.info({ carrier: carrier.name, called: alert.called, account: name }, 'a phone is there again; told nobody');
    return;
  }
  session.notify(out.plan, out.value);
  counters.alertsTold++;
}
