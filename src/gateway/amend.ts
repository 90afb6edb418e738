import type { Plan } from '../../protocols/wire/plan.ts';
import { DELETED, type Message, MT, PENDING, QUEUED, VALIDITY_GIVEN } from '../message/message.ts';
import { type FromPlatform, MOST_DESTINATIONS, type Refusal } from '../message/platform.ts';
import { candidates, type KnownId } from '../message/public-id.ts';
import type { Session } from '../session/session.ts';
import { plans } from '../store/events.ts';
import { type Account, wishOf } from './account.ts';
import type { Gateway } from './context.ts';
import { end } from './finish.ts';
import { look } from './look.ts';
import type { Ended } from './recent.ts';
import { applyReplaced } from './state.ts';

type Asked<W extends FromPlatform['what']> = Extract<FromPlatform, { what: W }>;

/** query_sm: the state now; the final one for what has ended lately. */
export function query(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  asked: Asked<'query'>,
): void {
  const referred = account.references.find(asked.id);
  const known =
    referred > 0
      ? { id: referred, every: 0, from: 0, to: Number.POSITIVE_INFINITY }
      : account.mapping.readId(asked.id, account.config, session.version, gw.clock.now());
  const m = known === undefined ? undefined : lookUp(gw, account, known);
  if (m !== undefined && sameSource(asked, m)) {
    const out = account.mapping.queryAnswer(session.version, asked.id, m, m.endedAt);
    session.respond(sequence, out.plan, out.value, 0);
    return;
  }
  const ended = known === undefined ? undefined : endedLately(gw, account, known);
  if (ended !== undefined) {
    const out = account.mapping.queryAnswer(session.version, asked.id, ended, ended.at);
    session.respond(sequence, out.plan, out.value, 0);
    return;
  }
  refuse(account, session, pdu, sequence, 'notFound');
}

/** cancel_sm: one message by id, or (with an empty id) all that fit the addresses and the service type (SMPP 3.4, 4.9). */
export function cancel(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  asked: Asked<'cancel'>,
): void {
  const targets: Message[] = [];
  if (asked.id !== '') {
    const known = account.mapping.readId(asked.id, account.config, session.version, gw.clock.now());
    const m = known === undefined ? undefined : lookUp(gw, account, known);
    if (m === undefined || !sameSource(asked, m)) {
      refuse(account, session, pdu, sequence, 'notFound');
      return;
    }
    // The id of several destinations is that of the first, and their own follow it.
    for (let k = 0; k < MOST_DESTINATIONS; k++) {
      const one = k === 0 ? m : m.id === m.publicId ? gw.state.active.get(m.id + k) : undefined;
      // Those of one submit follow one another: with the first message of another they are over.
      if (one !== undefined && one.publicId !== m.publicId) break;
      if (one !== undefined && untouched(one)) targets.push(one);
    }
    if (targets.length === 0) {
      refuse(account, session, pdu, sequence, 'cannotCancel');
      return;
    }
  } else {
    for (const m of gw.state.active.values()) {
      if (m.account !== account.name || !untouched(m)) continue;
      if (m.source !== asked.source || m.destination !== asked.destination) continue;
      if (asked.serviceType !== '' && m.serviceType !== asked.serviceType) continue;
      targets.push(m);
    }
    if (targets.length === 0) {
      refuse(account, session, pdu, sequence, 'cannotCancel');
      return;
    }
  }
  for (const m of targets) end(gw, m, DELETED, '', 'cancelled by the platform');
  const out = account.mapping.plainAnswer(pdu, session.version);
  gw.batch.effect(answerOk, session, sequence, out);
}

/** replace_sm: text, times and receipt wish of a message that has not left (SMPP 3.4, 4.10). */
export function replace(
  gw: Gateway,
  account: Account,
  session: Session<Message>,
  pdu: Plan,
  sequence: number,
  asked: Asked<'replace'>,
): void {
  const known = account.mapping.readId(asked.id, account.config, session.version, gw.clock.now());
  const m = known === undefined ? undefined : lookUp(gw, account, known);
  if (m === undefined || m.source !== asked.source) {
    refuse(account, session, pdu, sequence, 'notFound');
    return;
  }
  if (!untouched(m)) {
    refuse(account, session, pdu, sequence, 'cannotReplace');
    return;
  }
  const now = gw.clock.now();
  const { draft } = asked;
  const scheduledAt = draft.scheduledAt > now ? draft.scheduledAt : m.scheduledAt;
  const validUntil = draft.validUntil === 0 ? m.validUntil : draft.validUntil;
  if (validUntil <= now || scheduledAt >= validUntil) {
    refuse(account, session, pdu, sequence, validUntil <= now ? 'validity' : 'schedule');
    return;
  }
  const value = {
    id: m.id,
    dataCoding: m.dataCoding,
    coding: m.coding,
    registered: (m.registered & ~3) | wishOf(account.config, draft.registered),
    flags: m.flags | (draft.validUntil === 0 ? 0 : VALIDITY_GIVEN),
    scheduledAt,
    validUntil,
    octets: draft.octets,
  };
  gw.batch.add(plans.replaced, value);
  applyReplaced(m, value);
  if (m.scheduledAt !== 0 && draft.scheduledAt > now) gw.later.add(m.scheduledAt, m);
  const out = account.mapping.plainAnswer(pdu, session.version);
  gw.batch.effect(answerOk, session, sequence, out);
}

/** Nothing of it has left. */
function untouched(m: Message): boolean {
  return m.stage === QUEUED && m.segments.every((s) => s.stage === PENDING && s.unknowns === 0);
}

const sameSource = (asked: { readonly source: string }, m: Message): boolean =>
  asked.source === '' || m.source === asked.source;

/** A message of the account that can be changed as long as it is among those at work; others are read-only copies. */
function lookUp(gw: Gateway, account: Account, known: KnownId): Message | undefined {
  for (const id of candidates(known, gw.state.nextId)) {
    // Where an id may be one of many they are looked for among what is in memory.
    const near = known.every === 0 || gw.state.active.has(id) || gw.state.frozen.byId(id) >= 0;
    const m = near ? look(gw, id) : undefined;
    if (m === undefined || m.kind !== MT || m.account !== account.name) continue;
    if (m.acceptedAt >= known.from && m.acceptedAt < known.to) return m;
  }
  return undefined;
}

function endedLately(gw: Gateway, account: Account, known: KnownId): Ended | undefined {
  for (const id of candidates(known, gw.state.nextId)) {
    const ended = gw.recent.find(id);
    if (ended !== undefined && ended.account === account.name) return ended;
  }
  return undefined;
}

function answerOk(
  session: Session<Message>,
  sequence: number,
  out: { plan: Plan; value: Parameters<Plan['encode']>[0] },
): void {
  session.respond(sequence, out.plan, out.value, 0);
}

function refuse(account: Account, session: Session<Message>, pdu: Plan, sequence: number, refusal: Refusal): void {
  const out = account.mapping.plainAnswer(pdu, session.version);
  session.respond(sequence, out.plan, out.value, account.mapping.status(refusal));
}
