import type { Answer, Outgoing } from '../message/mapping.ts';
import {
  ACCEPTED,
  ANSWERED,
  AWAITING,
  DELIVERED,
  ENDED,
  FAILED,
  type Message,
  PENDING,
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
import { type Bind, type Carrier, followCongestion, slowDown, speedUp } from './carrier.ts';
import type { Gateway } from './context.ts';
import { enqueue, leave, routeOf, unknownOutcome } from './dispatch.ts';
import { end } from './finish.ts';
import { allows, canonicalId, type IdForm, type Lookup, lookups, toDecimal, toHex } from './id-form.ts';
import { asPlatformSees } from './numbers.ts';
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
  unfreeze,
} from './state.ts';

/** What a carrier's code means for a message. */
type CodeClass = 'throttled' | 'retry' | 'next' | 'permanent';

/** The class of a code: the route's list first, then the carrier's lists, then its default. */
export function classOf(carrier: Carrier, code: number, nextCodes: ReadonlySet<number> | undefined): CodeClass {
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
  if (!m.live || m.segments[s.index] !== s || s.stage !== SENT) {
    if (answer.code === 0) onLateAnswer(gw, carrier, s, answer);
    return;
  }
  const now = gw.clock.now();
  if (answer.code === 0) {
    counters.accepted++;
    if (answer.congestion === undefined) speedUp(bind);
    else followCongestion(bind, answer.congestion, now);
    taken(gw, carrier, m, s, answer.carrierId, now);
    if (m.leaving) goOn(gw, m);
    return;
  }
  const route = routeOf(gw, m);
  const kind = classOf(carrier, answer.code, route?.nextCodes);
  const error = errorOf(carrier, answer.code);
  const outcome = `refused ${error}`;
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
      if (m.leaving) {
        goOn(gw, m);
        return;
      }
      if (route?.next.throttled === true && alone(m) && leave(gw, m, s.index, outcome, 0, false)) return;
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
      if (m.leaving) goOn(gw, m);
      else if (retry.retryAt >= m.validUntil)
        end(gw, m, REJECTED, error, 'validity over while the carrier refused it for now');
      else gw.later.add(retry.retryAt, m);
      return;
    }
    case 'next':
      counters.refused++;
      if (carrier.current === m) carrier.current = undefined;
      gw.batch.add(plans.refused, value);
      applyRefused(gw.state, m, value);
      m.leaving = true;
      goOn(gw, m);
      return;
  }
  counters.refused++;
  if (carrier.current === m) carrier.current = undefined;
  gw.batch.add(plans.refused, value);
  applyRefused(gw.state, m, value);
  end(gw, m, m.segments.length === 1 ? REJECTED : UNDELIVERABLE, error, 'refused by the carrier');
}

/** The raw code with its name: `ESME_RINVDSTADR:011`. Its last three digits are `err` of the receipt. */
function errorOf(carrier: Carrier, code: number): string {
  return `${carrier.mapping.codeName(code)}:${String(code).padStart(3, '0')}`;
}

/** No segment of the message is, or may be, alive at its carrier. */
function alone(m: Message): boolean {
  return m.segments.every((x) => x.unknowns === 0 && (x.stage === PENDING || x.stage === FAILED));
}

/**
 * A segment was refused with a code that sends the message on. It goes when the answers of its other segments have
 * come; if the carrier took one of them, the message cannot go on, since it would be alive twice.
 */
function goOn(gw: Gateway, m: Message): void {
  if (m.stage === ENDED || !m.live) return;
  const error = m.trace.at(-1)?.outcome.replace(/^refused /, '') ?? '';
  if (m.segments.some((x) => x.stage === ANSWERED || x.stage === REPORTED || x.unknowns > 0)) {
    end(gw, m, UNDELIVERABLE, error, 'refused by the carrier, which took other segments of it');
    return;
  }
  if (m.segments.some((x) => x.stage === SENT)) return;
  if (!leave(gw, m, 0, '', 0)) end(gw, m, REJECTED, error, 'refused by the last carrier of its route');
}

function taken(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string, now: number): void {
  answered(gw, carrier, m, s, carrierId, now);
  settled(gw, carrier, m, s, carrierId);
}

function answered(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string, now: number): void {
  const value = { id: m.id, segment: s.index, carrier: carrier.name, carrierId, at: now };
  gw.batch.add(plans.answered, value);
  applyAnswered(gw.state, m, value);
}

/** What follows when the carrier has taken a segment. */
function settled(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string): void {
  if ((m.registered & 3) === 0) {
    // No report was asked for, so none will come: the carrier's word is the last.
    if (m.stage === AWAITING) end(gw, m, ACCEPTED, '', 'taken by the carrier; no report asked for');
    return;
  }
  if (gw.state.parked.size > 0 && carrierId !== '' && matchParked(gw, carrier, m, s, carrierId)) return;
  rest(gw.state, m);
}

/** A late answer: the slot had expired, the message may have been sent again; its id counts for reports all the same. */
export function onLateAnswer(gw: Gateway, carrier: Carrier, stale: Segment, answer: Answer): void {
  carrier.counters.late++;
  if (answer.code !== 0 || answer.carrierId === '') return;
  const m = find(gw.state, stale.message.id);
  const s = m?.segments[stale.index];
  if (m === undefined || s === undefined || m.carrier !== carrier.name || s.stage > ANSWERED) {
    // Its message has ended: the report of this copy will tell nothing new.
    if (m?.stage === ENDED || s !== undefined || gw.recent.find(stale.message.id) !== undefined)
      gw.recent.reported(carrier.name, canonicalId(answer.carrierId));
    if (m !== undefined) rest(gw.state, m);
    return;
  }
  taken(gw, carrier, m, s, answer.carrierId, gw.clock.now());
  if (m.leaving) goOn(gw, m);
}

export function onNoAnswer(gw: Gateway, carrier: Carrier, s: Segment, outcome: 'no answer' | 'link lost'): void {
  if (outcome === 'no answer') carrier.counters.expired++;
  else carrier.counters.lost++;
  if (carrier.current === s.message) carrier.current = undefined;
  unknownOutcome(gw, s.message, s, outcome);
  if (s.message.leaving) goOn(gw, s.message);
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
  const hit =
    locate(gw, carrier, report) ??
    // Named twice, in the parameter and in the text, and not by the same digits.
    (report.otherId ? locate(gw, carrier, { ...report, carrierId: report.otherId }) : undefined) ??
    beforeAnswer(gw, carrier, report, now);
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
  } else park(gw, carrier, report, now);
  gw.batch.effect(answerReport, session, sequence, answer);
}

function answerReport(session: Session<Segment>, sequence: number, answer: Outgoing): void {
  session.respond(sequence, answer.plan, answer.value, 0);
}

/**
 * A report that came before the answer to its submit, of which the id was known when it was sent (SGIP): the carrier has
 * taken it, whatever becomes of the answer.
 */
function beforeAnswer(gw: Gateway, carrier: Carrier, report: Report, now: number): Segment | undefined {
  const s = carrier.underWay.get(report.carrierId);
  if (s === undefined) return undefined;
  const m = s.message;
  if (!m.live || m.segments[s.index] !== s || s.stage > ANSWERED) return undefined;
  if (s.stage === SENT) answered(gw, carrier, m, s, report.carrierId, now);
  return s.stage === ANSWERED ? s : undefined;
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
  if (form !== 'hexToDecimal' && form !== 'decimalToHex') {
    // Nearly every report names the very id of its answer: found without a list of guesses.
    const look: Lookup = { form: 'same', id: canonicalId(report.carrierId), guess: false };
    const found = locateOne(gw, carrier, report, look, form);
    if (found !== undefined && (form !== 'learn' || !doubtful(found.message, report))) {
      learn(gw, carrier, look, report.carrierId, found);
      return found;
    }
  }
  let other: Segment | undefined;
  for (const look of lookups(report.carrierId, form)) {
    const found = locateOne(gw, carrier, report, look, form);
    if (found === undefined) continue;
    // Until the form is known, the same digits may name one message in decimal and another in hexadecimal.
    if (form === 'learn' && look.form === 'same' && doubtful(found.message, report)) {
      other = found;
      continue;
    }
    if (other !== undefined) rest(gw.state, other.message);
    learn(gw, carrier, look, report.carrierId, found);
    return found;
  }
  return other;
}

/** The report names a number that is not the message's. */
function doubtful(m: Message, report: { readonly destination: string }): boolean {
  return report.destination.length >= 7 && !sameNumber(m.destination, report.destination);
}

/** Whether a segment's id is the one looked for; a guess at its base must be borne out by the destination. */
function fits(s: Segment, report: Report, look: Lookup, form: IdForm): boolean {
  // One whose report is in is not meant again: its entry in the cold index may outlive it for a commit.
  if (s.stage !== ANSWERED) return false;
  const exact = s.carrierId === report.carrierId;
  if (exact && look.form === 'same') return true;
  if (canonicalId(s.carrierId) !== look.id && (s.otherId === '' || canonicalId(s.otherId) !== look.id)) return false;
  if (look.guess && !sameNumber(s.message.destination, report.destination)) return false;
  return (
    look.form !== 'same' || allows(form, s.carrierId, report.carrierId) || allows(form, s.otherId, report.carrierId)
  );
}

function locateOne(gw: Gateway, carrier: Carrier, report: Report, look: Lookup, form: IdForm): Segment | undefined {
  // Carriers use an id again, two centres of one the same: the number that the report names tells which is meant.
  let spare: Segment | undefined;
  const active = gw.state.atCarrier.find(carrier.name, look.id, (s) => {
    if (s.message.carrier !== carrier.name || !fits(s, report, look, form)) return false;
    if (!doubtful(s.message, report)) return true;
    spare ??= s;
    return false;
  });
  if (active !== undefined) return active;

  // Then the one with the very same octets, where several share a normal form; else the newest.
  let bestRef = -1;
  let best: Segment | undefined;
  let bestRank = -1;
  gw.state.frozen.find(hashCarrierId(carrier.name, look.id), (record, ref) => {
    const m = unfreeze(record);
    if (m.carrier !== carrier.name) return false;
    for (const s of m.segments) {
      if (!fits(s, report, look, form)) continue;
      const rank = (doubtful(m, report) ? 0 : 2) + (s.carrierId === report.carrierId ? 1 : 0);
      if (best === undefined || rank > bestRank || (rank === bestRank && m.id > best.message.id)) {
        bestRef = ref;
        best = s;
        bestRank = rank;
      }
    }
    return false;
  });
  if (best !== undefined && (bestRank >= 2 || spare === undefined)) {
    adopt(gw.state, bestRef, best.message);
    return best;
  }
  if (spare !== undefined) return spare;

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
  const known = find(gw.state, value.id);
  if (known !== undefined) {
    const found = use(known);
    if (found === undefined) rest(gw.state, known);
    return found;
  }
  if (gw.recent.find(value.id) !== undefined) return undefined;
  const trial = fromCarried(value, 0);
  if (use(trial) === undefined) return undefined;
  const m = applyCarried(gw.state, value, gw.batch.add(plans.carried, value));
  gw.batch.coldDelete(value.id);
  gw.counters.warmed++;
  return use(m);
}

function learn(gw: Gateway, carrier: Carrier, look: Pick<Lookup, 'form'>, reportId: string, found: Segment): void {
  if (look.form === 'same') {
    if (gw.state.learned.has(carrier.name)) return;
    const form =
      found.carrierId === reportId
        ? 'exact'
        : found.carrierId.toLowerCase() === reportId.toLowerCase()
          ? 'caseFolded'
          : 'zerosTrimmed';
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

/** Looks for a report that came before this answer; true where there was one. */
function matchParked(gw: Gateway, carrier: Carrier, m: Message, s: Segment, carrierId: string): boolean {
  const form = formOf(gw, carrier);
  const learning = form === 'learn';
  const tries: { form: Lookup['form']; id: string | undefined }[] = [{ form: 'same', id: canonicalId(carrierId) }];
  if (learning || form === 'hexToDecimal') tries.push({ form: 'hexToDecimal', id: toDecimal(carrierId) });
  if (learning || form === 'decimalToHex') tries.push({ form: 'decimalToHex', id: toHex(carrierId) });
  let match: { readonly look: Pick<Lookup, 'form'>; readonly report: ParkedReport } | undefined;
  for (const look of tries) {
    const report = look.id === undefined ? undefined : gw.state.parked.get(parkedKey(carrier.name, look.id));
    if (report === undefined) continue;
    if (look.form === 'same') {
      if (!allows(form, carrierId, report.carrierId)) continue;
      match = { look, report };
      if (learning && doubtful(m, report)) continue; // unless another fits better
      break;
    }
    if (learning && !sameNumber(m.destination, report.destination)) continue;
    match = { look, report };
    break;
  }
  if (match === undefined) return false;
  const { look, report } = match;
  unpark(gw, report);
  carrier.counters.reportsMatchedLate++;
  if (carrierId === s.carrierId) learn(gw, carrier, look, report.carrierId, s);
  settle(gw, m, s, report.state, report.error, gw.clock.now());
  return true;
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
function joined(
  m: Message,
  policy: 'all' | 'firstFailure' | 'last' | 'worst',
): { state: number; error: string } | undefined {
  const { segments } = m;
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
    asPlatformSees(m, account.config, gw.carriers),
    report.state === 0 ? UNKNOWN : report.state,
    report.error,
    account.config,
    session.version,
    now,
  );
  if (out === undefined) return;
  if (session.request(out.plan, out.value, { ...m, id: 0, live: false }) >= 0) account.inFlight++;
}
