import type { Outgoing } from '../message/mapping.ts';
import { type Draft, MO, type Segment } from '../message/message.ts';
import type { Session } from '../session/session.ts';
import { calledAccount } from './called.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { concatOf, forwardOne, takePart, waitsForOthers } from './long-mo.ts';
import { createFrom } from './state.ts';

/**
 * A message from a phone: goes to the account of its called number, and is answered once it is durable. One that nobody
 * wants is refused, never swallowed; one that we cannot keep now is to come again.
 */
export function onMo(
  gw: Gateway,
  carrier: Carrier,
  session: Session<Segment>,
  sequence: number,
  draft: Draft,
  answer: Outgoing,
): void {
  const { mapping, counters, config } = carrier;
  counters.mo++;
  const name = calledAccount(gw.called, config.accessCode, draft.destination) ?? config.mo.account;
  const account = name === undefined ? undefined : gw.accounts.get(name);
  if (account === undefined) {
    counters.moRefused++;
    gw.log.warn({ carrier: carrier.name, called: draft.destination }, 'MO refused: no account has this called number');
    session.respond(sequence, answer.plan, answer.value, mapping.noRouteStatus);
    return;
  }
  const kept = gw.state.active.size + gw.state.frozen.count;
  if (gw.batch.faulty !== '' || gw.scarce !== '' || kept >= gw.config.store.hotMessages) {
    session.respond(sequence, answer.plan, answer.value, mapping.busyStatus);
    return;
  }
  const id = gw.state.nextId;
  const m = createFrom(
    draft,
    {
      id,
      kind: MO,
      publicId: id,
      account: account.name,
      acceptedAt: gw.clock.now(),
      registered: 0,
      flags: 0,
      scheduledAt: 0,
      validUntil: 0,
      carrier: carrier.name,
    },
    gw.batch.sequence,
  );
  const concat = concatOf(m.udh);
  if (waitsForOthers(account, m, concat)) takePart(gw, carrier, m, concat);
  else forwardOne(gw, account, m, concat);
  gw.batch.effect(answerMo, session, sequence, answer);
}

function answerMo(session: Session<Segment>, sequence: number, answer: Outgoing): void {
  session.respond(sequence, answer.plan, answer.value, 0);
}
