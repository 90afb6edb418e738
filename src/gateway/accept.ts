import { countSegments, limitsFor } from '../../protocols/text/segment.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { type Draft, type Message, MT, QUEUED, VALIDITY_GIVEN, WANTS_INTERMEDIATE } from '../message/message.ts';
import type { Failed, FromPlatform, Refusal } from '../message/platform.ts';
import type { Session } from '../session/session.ts';
import { plans } from '../store/events.ts';
import { type Account, wishOf } from './account.ts';
import { cancel, query, replace } from './amend.ts';
import type { Gateway } from './context.ts';
import { enqueue } from './dispatch.ts';
import { matchesAny, pick, ruleFor } from './route.ts';
import { applyAccepted, createFrom } from './state.ts';

/** A request that waits for durability before it is answered. */
interface Ticket {
  readonly session: Session<Message>;
  readonly account: Account;
  readonly pdu: Plan;
  readonly sequence: number;
  readonly at: number;
  readonly publicId: number;
  readonly failed: readonly Failed[];
}

const NONE_FAILED: readonly Failed[] = Object.freeze([]);
/** What a destination must look like. */
export const NUMBER = /^\+?\d{3,20}$/;

/** A request of a platform: taken, answered at once with a refusal, or handed to query, cancel and replace. */
export function onPlatformRequest(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  value: Values<Fields>,
  sequence: number,
): void {
  const request = account.mapping.read(pdu, value, account.config, gw.clock.now(), session.wideSequence(sequence));
  switch (request.what) {
    case 'submit':
      submit(gw, account, session, pdu, sequence, request.draft);
      return;
    case 'multi':
      submitMany(gw, account, session, pdu, sequence, request);
      return;
    case 'query':
      query(gw, account, session, pdu, sequence, request);
      return;
    case 'cancel':
      cancel(gw, account, session, pdu, sequence, request);
      return;
    case 'replace':
      replace(gw, account, session, pdu, sequence, request);
      return;
    case 'refused': {
      account.counters.refused++;
      countStatus(account, request.status);
      const out = account.mapping.plainAnswer(pdu, session.version);
      session.respond(sequence, out.plan, out.value, request.status);
    }
  }
}

function submit(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  draft: Draft,
): void {
  const taken = take(gw, account, session, draft, 0);
  if (typeof taken === 'string') {
    refuse(account, session, pdu, sequence, taken);
    return;
  }
  const ticket: Ticket = {
    session,
    account,
    pdu,
    sequence,
    at: gw.clock.now(),
    publicId: taken.publicId,
    failed: NONE_FAILED,
  };
  gw.batch.effect(acknowledge, gw, ticket, taken);
}

function submitMany(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  request: Extract<FromPlatform, { what: 'multi' }>,
): void {
  const failed: Failed[] = [];
  let publicId = 0;
  let last: Refusal = 'list';
  for (const draft of request.drafts) {
    const taken = take(gw, account, session, draft, publicId);
    if (typeof taken === 'string') {
      last = taken;
      failed.push({
        destination: draft.destination,
        ton: draft.destTon,
        npi: draft.destNpi,
        status: account.mapping.status(taken),
      });
    } else {
      publicId = taken.publicId;
      gw.batch.effect(afterAccepted, gw, taken, undefined);
    }
  }
  if (publicId === 0) {
    refuse(account, session, pdu, sequence, last);
    return;
  }
  for (let i = 0; i < request.lists; i++)
    failed.push({ destination: '', ton: 0, npi: 0, status: account.mapping.status('list') });
  const ticket: Ticket = { session, account, pdu, sequence, at: gw.clock.now(), publicId, failed };
  gw.batch.effect(acknowledge, gw, ticket, undefined);
}

/** Every check before a message is ours; then it is recorded. */
function take(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  draft: Draft,
  publicId: number,
): Message | Refusal {
  const now = gw.clock.now();
  const { config } = account;
  if (gw.batch.faulty !== '' || gw.scarce !== '') return 'storeFailing';
  if (gw.stopping || gw.batch.congested) return 'throttled';
  if (!account.enabled) return 'disabled';
  if (!sourceAllowed(config.allowedSources, draft.source)) return 'source';
  if (!NUMBER.test(draft.destination)) return 'destination';
  if (draft.hops !== '' && draft.hops.split(',').includes(gw.config.node.name)) return 'loop';
  if (draft.validUntil !== 0 && draft.validUntil <= now) return 'validity';
  if (draft.scheduledAt !== 0 && draft.validUntil !== 0 && draft.scheduledAt >= draft.validUntil) return 'schedule';
  const segments = segmentsOf(draft);
  if (segments > 255) return 'tooLong';
  const { rate } = account;
  if (rate.limit > 0 && rate.room(now) < Math.min(segments, rate.limit)) return 'throttled';
  if (gw.state.active.size + gw.state.frozen.count >= gw.config.store.hotMessages) return 'queueFull';
  const route = gw.routes.get(config.route);
  if (route === undefined) return 'noRoute';
  let carrier = '';
  if (draft.scheduledAt > now) {
    if (ruleFor(route, draft.source, draft.destination) === undefined) return 'noRoute';
  } else {
    const choice = pick(route, gw.carriers, {
      source: draft.source,
      destination: draft.destination,
      tried: NONE_TRIED,
    });
    if (choice.carrier === undefined) return choice.passed.length === 0 ? 'noRoute' : config.busy;
    carrier = choice.carrier.name;
    choice.carrier.promised++;
  }
  if (rate.limit > 0) for (let i = 0; i < segments; i++) rate.take(now);

  const id = gw.state.nextId;
  const { receipts } = config;
  const wish = wishOf(config, draft.registered);
  const message = createFrom(
    draft,
    {
      id,
      kind: MT,
      publicId: publicId === 0 ? id : publicId,
      account: account.name,
      acceptedAt: now,
      registered: (draft.registered & ~3 & 0xff) | wish,
      flags:
        (draft.validUntil === 0 ? 0 : VALIDITY_GIVEN) |
        (receipts.intermediate && (draft.registered & 0x10) !== 0 ? WANTS_INTERMEDIATE : 0),
      scheduledAt: draft.scheduledAt > now ? draft.scheduledAt : 0,
      validUntil: draft.validUntil === 0 ? Math.max(now, draft.scheduledAt) + config.validity : draft.validUntil,
      carrier: '',
    },
    gw.batch.sequence,
  );
  gw.batch.add(plans.accepted, message);
  applyAccepted(gw.state, message);
  // Decided now, so that the queue's room is the room that was promised; not journalled: a restart decides anew.
  message.carrier = carrier;
  message.submitter = gw.epoch + session.id;
  account.counters.accepted++;
  account.counters.segments += segments;
  return message;
}

const NONE_TRIED: readonly string[] = Object.freeze([]);

function afterAccepted(gw: Gateway, m: Message): void {
  const carrier = gw.carriers.get(m.carrier);
  if (carrier !== undefined) carrier.promised--;
  if (m.stage !== QUEUED || !m.live) return;
  if (m.scheduledAt !== 0) gw.later.add(m.scheduledAt, m);
  else enqueue(gw, m);
}

function acknowledge(gw: Gateway, t: Ticket, only: Message | undefined): void {
  if (only !== undefined) afterAccepted(gw, only);
  const { mapping, config, counters } = t.account;
  const version = t.session.version;
  const out = mapping.submitAnswer(t.pdu, version, mapping.writeId(t.publicId, config, version), t.failed);
  counters.ackTime.record(gw.clock.now() - t.at);
  countStatus(t.account, 0);
  t.session.respond(t.sequence, out.plan, out.value, 0);
}

function refuse(account: Account, session: Session<Message>, pdu: Plan, sequence: number, refusal: Refusal): void {
  const status = account.mapping.status(refusal);
  account.counters.refused++;
  countStatus(account, status);
  const out = account.mapping.submitAnswer(pdu, session.version, '', NONE_FAILED);
  session.respond(sequence, out.plan, out.value, status);
}

function countStatus(account: Account, status: number): void {
  const { byStatus } = account.counters;
  byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
}

/** Segments that a submission counts for: what its own coding makes of it, whatever its carrier takes. */
export function segmentsOf(draft: Draft): number {
  return draft.octets.length <= 140 ? 1 : countSegments(draft.octets, draft.coding, limitsFor(draft.coding, 6));
}

/** An empty list allows all. */
export function sourceAllowed(patterns: readonly string[], source: string): boolean {
  return patterns.length === 0 || matchesAny(patterns, source);
}
