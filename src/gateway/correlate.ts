import type { Answer, Outgoing } from '../message/mapping.ts';
import {
  ACCEPTED,
  ANSWERED,
  AWAITING,
  DELIVERED,
  FAILED,
  type Message,
  REJECTED,
  REPORTED,
  type Report,
  SENT,
  type Segment,
  stateName,
  UNDELIVERABLE,
  UNKNOWN,
  WANTS_INTERMEDIATE,
} from '../message/message.ts';
import { sameNumber } from '../message/number.ts';
import type { Session } from '../session/session.ts';
import { plans } from '../store/events.ts';
import { hashCarrierId } from '../store/frozen.ts';
import { type Bind, type Carrier, slowDown, speedUp } from './carrier.ts';
import type { Gateway } from './context.ts';
import { enqueue, leave, routeOf, unknownOutcome } from './dispatch.ts';
import { end } from './finish.ts';
import { allows, canonicalId, type IdForm, type Lookup, lookups, toDecimal, toHex } from './id-form.ts';
import {
  adopt,
  applyAnswered,
  applyCarried,
  applyParked,
  applyRefused,
  applyReported,
  applyUnparked,
  find,
  fromCarried,
  type ParkedReport,
  parkedKey,
  rest,
} from './state.ts';

/** What a carrier's code means for a message. */
type CodeClass = 'ok' | 'throttled' | 'retry' | 'next' | 'permanent';

/** The class of a code: the route's list first, then the carrier's lists, then its default. */
export function classOf(carrier: Carrier, code: number, nextCodes: ReadonlySet<number> | undefined): CodeClass {
  if (code === 0) return 'ok';
  if (nextCodes?.has(code)) return 'next';
  const { codes } = carrier.config;
  if (codes.throttled.includes(code)) return 'throttled';
  if (codes.retry.includes(code)) return 'retry';
  if (codes.next.includes(code)) return 'next';
  if (codes.permanent.includes(code)) return 'permanent';
  return codes.default;
}

/** The carrier answered a segment. */
export function onAnswered(gw: Gateway, bind: Bind, s: Segment, answer: Answer, elapsedMs: number): void {
  const { carrier } = bind;
  const { counters } = carrier;
  const m = s.message;
  counters.responseTime.record(elapsedMs);
  if (answer.code !== 0) counters.byCode.set(answer.code, (counters.byCode.get(answer.code) ?? 0) + 1);
  // Ended, or moved to another carrier, while the request was under way.
  if (gw.state.active.get(m.id) !== m || m.segments[s.index] !== s || s.stage !== SENT) {
    if (answer.code === 0) counters.late++;
    return;
  }
  const route = routeOf(gw, m);
  const now = gw.clock.now();
  const kind = classOf(carrier, answer.code, route?.nextCodes);
  if (kind === 'ok') {
    counters.accepted++;
    speedUp(bind);
    taken(gw, carrier, m, s, answer.carrierId, now);
    return;
  }
  const outcome = `refused ${carrier.mapping.codeName(answer.code)}`;
  const value = {
    id: m.id,
    segment: s.index,
    carrier: carrier.name,
    outcome,
    counts: 1,
    leave: 0,
    flags: 0,
    retryAt: 0,
    at: now,
  };
  switch (kind) {
    case 'throttled': {
      counters.throttled++;
      slowDown(bind, now);
      const back = { ...value, outcome: '', counts: 0 };
      gw.batch.add(plans.refused, back);
      applyRefused(gw.state, m, back);
      if (route?.next.throttled === true && alone(m) && leave(gw, m, s.index, outcome, 0)) return;
      // Order kept: the throttled one is the next to go.
      if (carrier.current !== m) enqueue(gw, m, true);
      return;
    }
    case 'retry': {
      counters.retried++;
      const { from, to } = carrier.config.retry;
      const wait = Math.min(to, from * 2 ** Math.min(m.attempts, 16));
      const retry = { ...value, retryAt: now + wait };
      gw.batch.add(plans.refused, retry);
      applyRefused(gw.state, m, retry);
      if (carrier.current === m) carrier.current = undefined;
      if (retry.retryAt >= m.validUntil)
        end(
          gw,
          m,
          REJECTED,
          carrier.mapping.codeName(answer.code),
          'validity over while the carrier refused it for now',
        );
      else gw.later.add(retry.retryAt, m);
      return;
    }
    case 'next':
      if (alone(m, s)) {
        gw.batch.add(plans.refused, value);
        applyRefused(gw.state, m, value);
        if (carrier.current === m) carrier.current = undefined;
        counters.refused++;
        if (leave(gw, m, s.index, '', 0)) return;
        end(gw, m, REJECTED, carrier.mapping.codeName(answer.code), 'refused by the last carrier of its route');
        return;
      }
  }
  counters.refused++;
  if (carrier.current === m) carrier.current = undefined;
  gw.batch.add(plans.refused, value);
  applyRefused(gw.state, m, value);
  end(
    gw,
    m,
    m.segments.length === 1 ? REJECTED : UNDELIVERABLE,
    carrier.mapping.codeName(answer.code),
    'refused by the carrier',
  );
}

/** No segment of the message but `except` is, or may be, alive at its carrier. */
function alone(m: Message, except?: Segment): boolean {
  return m.segments.every((x) => x === except || (x.stage !== SENT && x.stage !== ANSWERED && x.stage !== REPORTED));
}

function taken(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string, now: number): void {
  const value = { id: m.id, segment: s.index, carrier: carrier.name, carrierId, at: now };
  gw.batch.add(plans.answered, value);
  applyAnswered(gw.state, m, value);
  if ((m.registered & 3) === 0) {
    // No report was asked for, so none will come: the carrier's word is the last.
    if (m.stage === AWAITING) end(gw, m, ACCEPTED, '', 'taken by the carrier; no report asked for');
    return;
  }
  if (gw.state.parked.size > 0 && carrierId !== '') matchParked(gw, carrier, m, s, carrierId);
  rest(gw.state, m);
}

/** A late answer: the slot had expired, the message may have been sent again; its id counts for reports all the same. */
export function onLateAnswer(gw: Gateway, carrier: Carrier, stale: Segment, answer: Answer): void {
  carrier.counters.late++;
  if (answer.code !== 0 || answer.carrierId === '') return;
  const m = find(gw.state, stale.message.id);
  if (m === undefined || m.carrier !== carrier.name) return;
  const s = m.segments[stale.index];
  if (s === undefined) return;
  const value = { id: m.id, segment: s.index, carrier: carrier.name, carrierId: answer.carrierId, at: gw.clock.now() };
  gw.batch.add(plans.answered, value);
  applyAnswered(gw.state, m, value);
  if (gw.state.parked.size > 0) matchParked(gw, carrier, m, s, answer.carrierId);
  rest(gw.state, m);
}

export function onNoAnswer(gw: Gateway, carrier: Carrier, s: Segment, outcome: 'no answer' | 'link lost'): void {
  if (outcome === 'no answer') carrier.counters.expired++;
  else carrier.counters.lost++;
  if (carrier.current === s.message) carrier.current = undefined;
  unknownOutcome(gw, s.message, s, outcome);
}

// ---- reports ---------------------------------------------------------------------------------------------------

/** A carrier's report: matched, known as a duplicate, or parked; answered once what it changed is durable. */
export function onReport(
  gw: Gateway,
  carrier: Carrier,
  session: Session<Segment>,
  sequence: number,
  report: Report,
  answer: Outgoing,
): void {
  const { counters } = carrier;
  counters.reports++;
  const now = gw.clock.now();
  const hit = locate(gw, carrier, report);
  if (report.intermediate) {
    counters.intermediate++;
    if (hit !== undefined) {
      intermediate(gw, hit.message, report, now);
      rest(gw.state, hit.message);
    }
    session.respond(sequence, answer.plan, answer.value, 0);
    return;
  }
  if (hit !== undefined) {
    counters.reportTime.record(now - hit.at);
    settle(gw, hit.message, hit, report.state, report.error, now);
  } else if (gw.recent.wasReported(carrier.name, canonicalId(report.carrierId))) {
    counters.reportsDuplicate++;
    session.respond(sequence, answer.plan, answer.value, 0);
    return;
  } else park(gw, carrier, report, now);
  gw.batch.effect(answerReport, session, sequence, answer);
}

function answerReport(session: Session<Segment>, sequence: number, answer: Outgoing): void {
  session.respond(sequence, answer.plan, answer.value, 0);
}

/** The form of the carrier's ids: as configured, or as learned. */
export function formOf(gw: Gateway, carrier: Carrier): IdForm {
  const set = carrier.config.idForm as IdForm;
  if (set !== 'learn') return set;
  const learned = gw.state.learned.get(carrier.name);
  return learned !== undefined && learned.matches >= LEARNED_AFTER ? (learned.form as IdForm) : 'learn';
}

const LEARNED_AFTER = 3;

/** The segment that a report speaks of: at work, waiting in memory, or in the cold index. */
function locate(gw: Gateway, carrier: Carrier, report: Report): Segment | undefined {
  const form = formOf(gw, carrier);
  for (const look of lookups(report.carrierId, form)) {
    const found = locateOne(gw, carrier, report, look, form);
    if (found === undefined) continue;
    learn(gw, carrier, look, report, found);
    return found;
  }
  return undefined;
}

/** Whether a segment's id is the one looked for; a guess at its base must be borne out by the destination. */
function fits(s: Segment, report: Report, look: Lookup, form: IdForm): boolean {
  if (s.stage !== ANSWERED && s.stage !== REPORTED) return false;
  const exact = s.carrierId === report.carrierId;
  if (exact && look.form === 'same') return true;
  if (canonicalId(s.carrierId) !== look.id && (s.otherId === '' || canonicalId(s.otherId) !== look.id)) return false;
  if (look.guess && !sameNumber(s.message.destination, report.destination)) return false;
  return (
    look.form !== 'same' || allows(form, s.carrierId, report.carrierId) || allows(form, s.otherId, report.carrierId)
  );
}

function locateOne(gw: Gateway, carrier: Carrier, report: Report, look: Lookup, form: IdForm): Segment | undefined {
  const active = gw.state.atCarrier.get(parkedKey(carrier.name, look.id));
  if (active !== undefined && fits(active, report, look, form)) return active;

  // Several messages may share a normal form: the one with the very same octets is meant, else the newest.
  let bestRef = -1;
  let best: Segment | undefined;
  gw.state.frozen.find(hashCarrierId(carrier.name, look.id), (record, ref) => {
    const m = fromCarried(plans.carried.decode(record.buffer, record.start, record.end), record.batch);
    if (m.carrier !== carrier.name) return false;
    for (const s of m.segments) {
      if (!fits(s, report, look, form)) continue;
      const exact = s.carrierId === report.carrierId;
      if (exact || best === undefined || m.id > best.message.id) {
        bestRef = ref;
        best = s;
      }
      if (exact) return true;
    }
    return false;
  });
  if (best !== undefined) {
    adopt(gw.state, bestRef, best.message);
    return best;
  }

  if (gw.cold.count === 0) return undefined;
  const record = gw.cold.get(coldKey(carrier.name, look.id));
  if (record === undefined) return undefined;
  return warm(gw, record, (m) => m.segments.find((s) => fits(s, report, look, form)));
}

export function coldKey(carrier: string, canonical: string): Uint8Array {
  return Buffer.from(parkedKey(carrier, canonical), 'latin1');
}

/** Takes a message back from the cold index: its snapshot is journalled again, the entry deleted in the same commit. */
export function warm<T>(
  gw: Gateway,
  entry: { id: number; record: Uint8Array },
  use: (m: Message) => T | undefined,
): T | undefined {
  const b = Buffer.from(entry.record.buffer, entry.record.byteOffset, entry.record.length);
  const value = plans.carried.decode(b, 0, b.length);
  // Back in memory already: the deletion of its entry is not durable yet.
  const known = gw.state.active.get(value.id);
  if (known !== undefined || gw.recent.find(value.id) !== undefined)
    return known === undefined ? undefined : use(known);
  const trial = fromCarried(value, 0);
  if (use(trial) === undefined) return undefined;
  const m = applyCarried(gw.state, value, gw.batch.add(plans.carried, value));
  gw.batch.coldDelete(value.id);
  gw.counters.warmed++;
  return use(m);
}

function learn(gw: Gateway, carrier: Carrier, look: Lookup, report: Report, found: Segment): void {
  if (look.form === 'same') {
    if (gw.state.learned.has(carrier.name)) return;
    const form =
      found.carrierId === report.carrierId
        ? 'exact'
        : found.carrierId.toLowerCase() === report.carrierId.toLowerCase()
          ? 'caseFolded'
          : 'zerosTrimmed';
    if (form === 'exact') return;
    record(gw, carrier, form, 1);
    return;
  }
  const known = gw.state.learned.get(carrier.name);
  if (known?.form === look.form && known.matches >= LEARNED_AFTER) return;
  record(gw, carrier, look.form, known?.form === look.form ? known.matches + 1 : 1);
}

function record(gw: Gateway, carrier: Carrier, form: string, matches: number): void {
  gw.batch.add(plans.learned, { carrier: carrier.name, form, matches });
  gw.state.learned.set(carrier.name, { form, matches });
  if (matches === LEARNED_AFTER)
    gw.log.info({ carrier: carrier.name, form }, 'learned how this carrier writes ids in its reports');
}

// ---- parked reports --------------------------------------------------------------------------------------------

function park(gw: Gateway, carrier: Carrier, report: Report, now: number): void {
  const { parked } = gw.state;
  if (parked.size >= gw.config.store.parkedMax) {
    // Bounded: the oldest unknown report gives way to the newest.
    const oldest = parked.values().next().value;
    if (oldest === undefined) return;
    unpark(gw, oldest);
    gw.counters.parkedDropped++;
  }
  const value = {
    carrier: carrier.name,
    carrierId: report.carrierId,
    state: report.state,
    error: report.error,
    destination: report.destination,
    at: now,
  };
  applyParked(gw.state, value, gw.batch.add(plans.parked, value));
  carrier.counters.reportsParked++;
}

export function unpark(gw: Gateway, report: ParkedReport): void {
  const value = { carrier: report.carrier, carrierId: report.carrierId };
  gw.batch.add(plans.unparked, value);
  applyUnparked(gw.state, value);
}

function matchParked(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string): void {
  const form = formOf(gw, carrier);
  const tries: { id: string | undefined; guess: boolean }[] = [{ id: canonicalId(carrierId), guess: false }];
  if (form === 'learn' || form === 'hexToDecimal') tries.push({ id: toDecimal(carrierId), guess: form === 'learn' });
  if (form === 'learn' || form === 'decimalToHex') tries.push({ id: toHex(carrierId), guess: form === 'learn' });
  for (const { id, guess } of tries) {
    if (id === undefined) continue;
    const report = gw.state.parked.get(parkedKey(carrier.name, id));
    if (report === undefined) continue;
    if (guess && !sameNumber(m.destination, report.destination)) continue;
    unpark(gw, report);
    carrier.counters.reportsMatchedLate++;
    settle(gw, m, s, report.state, report.error, gw.clock.now());
    return;
  }
}

// ---- final states ----------------------------------------------------------------------------------------------

/** A segment's final state is known; perhaps the message's is, too. */
function settle(gw: Gateway, m: Message, s: Segment, state: number, error: string, now: number): void {
  const sentAt = s.at;
  gw.recent.reported(m.carrier, canonicalId(s.carrierId));
  if (s.otherId !== '') gw.recent.reported(m.carrier, canonicalId(s.otherId));
  if (m.segments.length === 1) {
    if (state !== DELIVERED && failsOver(gw, m, s, sentAt, now) && leave(gw, m, 0, outcomeOf(state, error), 1)) return;
    end(gw, m, state, error, '', 1);
    return;
  }
  const value = { id: m.id, segment: s.index, state, error, at: now };
  gw.batch.add(plans.reported, value);
  applyReported(gw.state, m, value);
  const outcome = joined(m, gw.accounts.get(m.account)?.config.receipts.join ?? 'all');
  if (outcome === undefined) {
    rest(gw.state, m);
    return;
  }
  if (outcome.state !== DELIVERED && failsOver(gw, m, s, sentAt, now)) {
    if (leave(gw, m, s.index, outcomeOf(outcome.state, outcome.error), 1)) return;
  }
  end(gw, m, outcome.state, outcome.error, '');
}

const outcomeOf = (state: number, error: string): string => `reported ${error === '' ? stateName(state) : error}`;

/** The route goes on after a failed report within its time, nothing else of the message is alive, and its text is still here. */
function failsOver(gw: Gateway, m: Message, except: Segment, sentAt: number, now: number): boolean {
  const within = routeOf(gw, m)?.next.reportFailedWithin ?? 0;
  if (within === 0 || now - sentAt > within || m.validUntil <= now || m.octets.length === 0) return false;
  return m.segments.every((x) => x === except || (x.stage === REPORTED && x.state !== DELIVERED));
}

const RANK: readonly number[] = [0, 0, 1, 5, 6, 8, 2, 4, 7]; // by message_state: DELIVERED best, UNDELIVERABLE worst

/** One final state out of the segments', by the account's policy; undefined while it is open. */
export function joined(
  m: Message,
  policy: 'all' | 'firstFailure' | 'last' | 'worst',
): { state: number; error: string } | undefined {
  const { segments } = m;
  if (segments.length === 1) {
    const [s] = segments;
    return s!.stage === REPORTED ? { state: s!.state, error: s!.error } : undefined;
  }
  if (policy === 'firstFailure') {
    const failure = segments.find((s) => s.stage === REPORTED && s.state !== DELIVERED);
    if (failure !== undefined) return { state: failure.state, error: failure.error };
  }
  if (!segments.every((s) => s.stage === REPORTED || s.stage === FAILED)) return undefined;
  if (policy === 'last') {
    const last = segments.reduce((a, b) => (b.at >= a.at ? b : a));
    return { state: last.state, error: last.error };
  }
  if (policy === 'worst') {
    const worst = segments.reduce((a, b) => ((RANK[b.state] ?? 9) > (RANK[a.state] ?? 9) ? b : a));
    return { state: worst.state, error: worst.error };
  }
  const failure = segments.find((s) => s.state !== DELIVERED);
  return failure === undefined
    ? { state: DELIVERED, error: segments[0]!.error }
    : { state: failure.state, error: failure.error };
}

/** An intermediate state: passed on at once where the platform asked for it; not kept, since a final one follows. */
function intermediate(gw: Gateway, m: Message, report: Report, now: number): void {
  if ((m.flags & WANTS_INTERMEDIATE) === 0) return;
  const account = gw.accounts.get(m.account);
  const session = account?.sessions.find((x) => x.mode !== 'tx' && x.room > 0);
  if (account === undefined || session === undefined) return;
  const out = account.mapping.toIntermediate(
    m,
    report.state === 0 ? UNKNOWN : report.state,
    report.error,
    account.config,
    session.version,
    now,
  );
  if (session.request(out.plan, out.value, { ...m, id: 0 }) >= 0) account.inFlight++;
}
