import { countSegments, limitsFor } from '../../protocols/text/segment.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { AccountConfig } from '../config/schema.ts';
import type { Outgoing } from '../message/mapping.ts';
import { type Draft, type Message, MT, QUEUED, VALIDITY_GIVEN, WANTS_INTERMEDIATE } from '../message/message.ts';
import type { Failed, FromPlatform, Refusal } from '../message/platform.ts';
import { blockOf } from '../message/public-id.ts';
import type { Session } from '../session/session.ts';
import { plans } from '../store/events.ts';
import { type Account, wishOf } from './account.ts';
import { cancel, query, replace } from './amend.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { countDay, dayCounts } from './days.ts';
import { enqueue } from './dispatch.ts';
import { matchesAny, pick, ruleFor } from './route.ts';
import { applyAccepted, createFrom } from './state.ts';

/** A request that waits for durability before it is answered. */
interface Ticket {
  readonly session: Session<Message>;
  readonly account: Account;
  readonly pdu: Plan;
  readonly sequence: number;
  /** When it was taken. */
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
  if (account.mapping.repeatedStatus !== undefined && isRepeated(gw, account, session, pdu, sequence, request)) return;
  if (account.mapping.resends === true && isResent(gw, account, session, sequence, request)) return;
  switch (request.what) {
    case 'submit':
      submit(gw, account, session, pdu, sequence, request.draft);
      return;
    case 'multi':
      if (request.whole) submitWhole(gw, account, session, pdu, sequence, request.drafts);
      else submitMany(gw, account, session, pdu, sequence, request);
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
    case 'statistics': {
      const out = request.answer(dayCounts(account, request.day, request.service));
      session.respond(sequence, out.plan, out.value, 0);
      return;
    }
    case 'refused': {
      account.counters.refused++;
      countStatus(account, request.status);
      const out = account.mapping.plainAnswer(pdu, session.version);
      session.respond(sequence, out.plan, out.value, request.status);
    }
  }
}

/** Answers a submit whose sequence number was used before: it is not taken again. */
function isRepeated(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  request: FromPlatform,
): boolean {
  const draft = request.what === 'submit' ? request.draft : request.what === 'multi' ? request.drafts[0] : undefined;
  const seen = draft === undefined ? 'no' : account.references.seen(draft);
  if (seen === 'no') return false;
  const status = seen === 'same' ? 0 : (account.mapping.repeatedStatus ?? 0);
  const out = account.mapping.submitAnswer(pdu, session.version, '', NONE_FAILED);
  countStatus(account, status);
  if (status !== 0) {
    account.counters.refused++;
    session.respond(sequence, out.plan, out.value, status);
  } // The first one may still be on its way to the disk.
  else gw.batch.effect(answerTaken, session, sequence, out);
  return true;
}

/** Submits that wait for durability, by session and sequence number (as int32, which makes a quick key). */
const unanswered = new WeakMap<Session<Message>, Map<number, Ticket>>();

/** Answers, when its time comes, a submit that is here already and only not answered yet: a slow disk makes no second message. */
function isResent(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  sequence: number,
  request: FromPlatform,
): boolean {
  const draft = request.what === 'submit' ? request.draft : request.what === 'multi' ? request.drafts[0] : undefined;
  const ticket = draft === undefined ? undefined : unanswered.get(session)?.get(sequence | 0);
  if (draft === undefined || ticket === undefined) return false;
  const first = gw.state.active.get(ticket.publicId);
  // One number for several messages is a fault of its sender's, and no reason to lose one.
  if (first === undefined || first.destination !== draft.destination || !same(first.octets, draft.octets)) return false;
  account.counters.resent++;
  gw.batch.effect(acknowledge, gw, ticket, undefined);
  return true;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function answerTaken(session: Session<Message>, sequence: number, out: Outgoing): void {
  session.respond(sequence, out.plan, out.value, 0);
}

function submit(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  draft: Draft,
): void {
  const now = gw.clock.now();
  const place = judge(gw, account, draft, now, NOTHING_AHEAD);
  if (typeof place === 'string') {
    refuse(account, session, pdu, sequence, place);
    return;
  }
  const taken = take(gw, account, session, draft, now, place, gw.state.nextId, 0);
  gw.batch.effect(acknowledge, gw, ticketOf(session, account, pdu, sequence, taken, NONE_FAILED), taken);
}

/** One content for several, each for itself: who cannot be taken is named in the answer. */
function submitMany(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  request: Extract<FromPlatform, { what: 'multi'; whole: false }>,
): void {
  const now = gw.clock.now();
  const failed: Failed[] = [];
  let first: Message | undefined;
  let last: Refusal = 'list';
  for (const draft of request.drafts) {
    const place = judge(gw, account, draft, now, NOTHING_AHEAD);
    if (typeof place === 'string') {
      last = place;
      failed.push({
        destination: draft.destination,
        ton: draft.destTon,
        npi: draft.destNpi,
        status: account.mapping.status(place),
      });
    } else {
      const taken = take(gw, account, session, draft, now, place, gw.state.nextId, first?.id ?? 0);
      first ??= taken;
      gw.batch.effect(afterAccepted, gw, taken, undefined);
    }
  }
  if (first === undefined) {
    refuse(account, session, pdu, sequence, last);
    return;
  }
  for (const destination of request.unknown)
    failed.push({ destination, ton: 0, npi: 0, status: account.mapping.status('list') });
  gw.batch.effect(acknowledge, gw, ticketOf(session, account, pdu, sequence, first, failed), undefined);
}

/** One content for several under one status: all are taken or none, and their ids follow one another. */
function submitWhole(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  drafts: readonly Draft[],
): void {
  const now = gw.clock.now();
  const places: (Carrier | undefined)[] = [];
  let segments = 0;
  for (const draft of drafts) {
    const place = judge(gw, account, draft, now, { messages: places.length, segments });
    if (typeof place === 'string') {
      for (const carrier of places) if (carrier !== undefined) carrier.promised--;
      refuse(account, session, pdu, sequence, place);
      return;
    }
    places.push(place);
    segments += segmentsOf(draft);
  }
  const id = blockOf(gw.state.nextId, drafts.length);
  let first: Message | undefined;
  drafts.forEach((draft, i) => {
    const taken = take(gw, account, session, draft, now, places[i], id + i, id);
    first ??= taken;
    gw.batch.effect(afterAccepted, gw, taken, undefined);
  });
  if (first === undefined) refuse(account, session, pdu, sequence, 'destination');
  else gw.batch.effect(acknowledge, gw, ticketOf(session, account, pdu, sequence, first, NONE_FAILED), undefined);
}

/** What of the same request was judged before and is not taken yet. */
interface Ahead {
  readonly messages: number;
  readonly segments: number;
}
const NOTHING_AHEAD: Ahead = Object.freeze({ messages: 0, segments: 0 });

/** Every check before a message is ours. A carrier that is given back has promised room; undefined: it is for later. */
function judge(gw: Gateway, account: Account, draft: Draft, now: number, ahead: Ahead): Carrier | undefined | Refusal {
  const { config } = account;
  if (gw.batch.faulty !== '' || gw.scarce !== '') return 'storeFailing';
  if (gw.stopping || gw.batch.congested) return 'throttled';
  if (!account.enabled) return 'disabled';
  if (!sourceAllowed(config, draft.source)) return 'source';
  if (!NUMBER.test(draft.destination)) return 'destination';
  if (draft.hops !== '' && draft.hops.split(',').includes(gw.config.node.name)) return 'loop';
  if (draft.validUntil !== 0 && draft.validUntil <= now) return 'validity';
  if (draft.scheduledAt !== 0 && draft.validUntil !== 0 && draft.scheduledAt >= draft.validUntil) return 'schedule';
  const segments = segmentsOf(draft);
  if (segments > 255) return 'tooLong';
  const { rate } = account;
  if (rate.limit > 0 && rate.room(now) < Math.min(ahead.segments + segments, rate.limit)) return 'throttled';
  if (gw.state.active.size + gw.state.frozen.count + ahead.messages >= gw.config.store.hotMessages) return 'queueFull';
  const route = gw.routes.get(config.route);
  if (route === undefined) return 'noRoute';
  if (draft.scheduledAt > now)
    return ruleFor(route, draft.source, draft.destination) === undefined ? 'noRoute' : undefined;
  const choice = pick(route, gw.carriers, {
    source: draft.source,
    destination: draft.destination,
    tried: NONE_TRIED,
  });
  if (choice.carrier === undefined) return choice.passed.length === 0 ? 'noRoute' : config.busy;
  choice.carrier.promised++;
  return choice.carrier;
}

/** Records a message: it is ours. `first` is the id of the first of several destinations, 0 for an only one. */
function take(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  draft: Draft,
  now: number,
  place: Carrier | undefined,
  id: number,
  first: number,
): Message {
  const { config, rate } = account;
  const segments = segmentsOf(draft);
  if (rate.limit > 0) for (let i = 0; i < segments; i++) rate.take(now);
  const { receipts } = config;
  const wish = wishOf(config, draft.registered);
  const message = createFrom(
    draft,
    {
      id,
      kind: MT,
      publicId: first === 0 ? id : first,
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
  message.carrier = place === undefined ? '' : place.name;
  message.submitter = gw.epoch + session.id;
  account.counters.accepted++;
  account.counters.segments += segments;
  if (draft.platformRef !== '') account.references.add(draft, id);
  if (account.mapping.tellsDays) countDay(account, message, first === 0 || first === id ? 'submitted' : 'further');
  return message;
}

function ticketOf(
  session: Session<Message>,
  account: Account,
  pdu: Plan,
  sequence: number,
  first: Message,
  failed: readonly Failed[],
): Ticket {
  const ticket = { session, account, pdu, sequence, at: first.acceptedAt, publicId: first.publicId, failed };
  if (account.mapping.resends === true) {
    const own = unanswered.get(session) ?? new Map<number, Ticket>();
    if (own.size === 0) unanswered.set(session, own);
    own.set(sequence | 0, ticket);
  }
  return ticket;
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
  if (mapping.resends === true) unanswered.get(t.session)?.delete(t.sequence | 0);
  const version = t.session.version;
  const id = mapping.writeId(t.publicId, t.at, config, version);
  const out = mapping.submitAnswer(t.pdu, version, id, t.failed);
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

/** An empty list allows all; an account's extensions are its own, and stand for an empty source, too. */
export function sourceAllowed({ allowedSources, extensions }: AccountConfig, source: string): boolean {
  if (allowedSources.length === 0 || matchesAny(allowedSources, source)) return true;
  return extensions.length > 0 && (source === '' || extensions.includes(source));
}
