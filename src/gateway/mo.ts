import type { Outgoing } from '../message/mapping.ts';
import { type Draft, MO, type Segment } from '../message/message.ts';
import type { Session } from '../session/session.ts';
import { plans } from '../store/events.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { countDay } from './days.ts';
import { tell } from './deliver.ts';
import { accountForCalled } from './route.ts';
import { applyAccepted, createFrom } from './state.ts';

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
  const account = accountForCalled(gw.config.accounts, draft.destination) ?? config.mo.account;
  const to = account === undefined ? undefined : gw.accounts.get(account);
  if (to === undefined) {
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
      account: to.name,
      acceptedAt: gw.clock.now(),
      registered: 0,
      flags: 0,
      scheduledAt: 0,
      validUntil: 0,
      carrier: carrier.name,
    },
    gw.batch.sequence,
  );
  gw.batch.add(plans.accepted, m);
  applyAccepted(gw.state, m);
  if (to.mapping.tellsDays) countDay(to, m, 'mo');
  gw.batch.effect(tell, gw, m, undefined);
  gw.batch.effect(answerMo, session, sequence, answer);
}

function answerMo(session: Session<Segment>, sequence: number, answer: Outgoing): void {
  session.respond(sequence, answer.plan, answer.value, 0);
}
