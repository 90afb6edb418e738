import {
  ANSWERED,
  type Attempt,
  AWAITING,
  DELIVERED,
  type Draft,
  ENDED,
  EXPIRED,
  FAILED,
  type Kind,
  type Message,
  MO,
  NO_CARRIERS,
  NO_OCTETS,
  NO_TRACE,
  newSegment,
  PART,
  PENDING,
  QUEUED,
  REPORTED,
  SENDING,
  SENT,
  type Segment,
  type SegmentStage,
  type Stage,
  UNDELIVERABLE,
  UNKNOWN_OUTCOME,
} from '../message/message.ts';
import * as ev from '../store/events.ts';
import { createFrozen, type Frozen, type FrozenRecord, hashCarrierId } from '../store/frozen.ts';
import { createHolds, type Holds } from '../store/holds.ts';
import { type Active, createActive } from './active.ts';
import { type AtCarrier, createAtCarrier } from './at-carrier.ts';
import { canonicalId } from './id-form.ts';

/** A report that came before, or without, the answer that it belongs to. */
export interface ParkedReport {
  readonly carrier: string;
  readonly carrierId: string;
  readonly state: number;
  readonly error: string;
  readonly destination: string;
  readonly at: number;
  batch: number;
}

/** What a carrier's reports have shown about its ids. */
export interface LearnedForm {
  form: string;
  matches: number;
}

/**
 * Everything that a crash must not lose, and the only functions that change it. Live code records an event and applies
 * it; replay reads the event and applies it.
 */
export interface State {
  /** Messages at work. Those that wait are in `frozen`. */
  readonly active: Active;
  readonly frozen: Frozen;
  /** Ids of those in `active` that came to wait for a report lately. */
  readonly warm: Warm;
  /** Answered segments of active messages, by carrier and canonical id. */
  readonly atCarrier: AtCarrier;
  readonly parked: Map<string, ParkedReport>;
  readonly learned: Map<string, LearnedForm>;
  readonly holds: Holds;
  nextId: number;
  /** Records are written up to this batch. */
  recordedTo: number;
  /** Ended messages whose platform is still to be told, while the journal is replayed. */
  readonly untold: Set<number>;
  /** Whether the message's text may be needed once it is at the carrier (another attempt may follow a failed report). */
  needsText: (message: Message) => boolean;
  /** When a waiting message must be looked at: its receipt window, or how long its receipt is kept. */
  dueOf: (message: Message) => number;
}

export function createState(): State {
  return {
    active: createActive(),
    frozen: createFrozen(),
    warm: createWarm(WARM),
    atCarrier: createAtCarrier(),
    parked: new Map(),
    learned: new Map(),
    holds: createHolds(),
    nextId: 1,
    recordedTo: 0,
    untold: new Set(),
    needsText: () => false,
    dueOf: () => Number.POSITIVE_INFINITY,
  };
}

/** Waiting messages kept as objects: a quick report finds them so, at no cost. */
const WARM = 4096;

/** The last ids pushed. Ids and not messages, so that one that has ended is garbage at once and not 4096 messages later. */
interface Warm {
  /** Returns the id that falls out, or 0. */
  push(id: number): number;
}

function createWarm(size: number): Warm {
  const ids = new Float64Array(size);
  let next = 0;
  return {
    push(id) {
      const oldest = ids[next]!;
      ids[next] = id;
      next = next + 1 === size ? 0 : next + 1;
      return oldest;
    },
  };
}

export const parkedKey = (carrier: string, canonical: string): string => `${carrier}\0${canonical}`;

/** Finds a message wherever it is; a frozen one is thawed into `active`. */
export function find(state: State, id: number): Message | undefined {
  const active = state.active.get(id);
  if (active !== undefined) return active;
  const ref = state.frozen.byId(id);
  return ref < 0 ? undefined : thaw(state, ref);
}

/** Makes an object of a frozen message. Whoever thaws it must let it `rest` again, or end it. */
export function thaw(state: State, ref: number): Message {
  return adopt(state, ref, unfreeze(state.frozen.read(ref)));
}

/** A frozen message as an object, for reading only: it stays where it is. */
export function unfreeze(record: FrozenRecord): Message {
  return fromCarried(ev.plans.carried.decode(record.buffer, record.start, record.end), record.batch);
}

/** `thaw`, for a message that was read from its record already. */
export function adopt(state: State, ref: number, message: Message): Message {
  state.frozen.remove(ref);
  state.active.set(message);
  message.live = true;
  indexIds(state, message);
  return message;
}

/** Puts a message that waits for others out of the way of the garbage collector. */
export function freeze(state: State, message: Message): void {
  const keys: number[] = [];
  if (message.stage === AWAITING) {
    for (const s of message.segments) {
      if (s.stage !== ANSWERED) continue;
      for (const id of s.otherId === '' ? [s.carrierId] : [s.carrierId, s.otherId]) {
        if (id === '') continue;
        const canonical = canonicalId(id);
        keys.push(hashCarrierId(message.carrier, canonical));
        state.atCarrier.remove(message.carrier, canonical, s);
      }
    }
  }
  const plan = ev.plans.carried;
  const due = state.dueOf(message);
  state.frozen.put(message.id, message.batch, due, keys, plan.size(message), (b, o) => void plan.encode(message, b, o));
  state.active.delete(message.id);
  message.live = false;
}

/** What we say of a message that is taken; the rest is its sender's. */
export type TakenAs = Pick<
  ev.Accepted,
  | 'id'
  | 'kind'
  | 'publicId'
  | 'account'
  | 'acceptedAt'
  | 'registered'
  | 'flags'
  | 'scheduledAt'
  | 'validUntil'
  | 'carrier'
>;

/** A message out of what a peer sent, copied from its PDU. */
export function createFrom(draft: Draft, as: TakenAs, batch: number): Message {
  return create(
    {
      id: as.id,
      kind: as.kind,
      publicId: as.publicId,
      account: as.account,
      acceptedAt: as.acceptedAt,
      source: draft.source,
      sourceTon: draft.sourceTon,
      sourceNpi: draft.sourceNpi,
      destination: draft.destination,
      destTon: draft.destTon,
      destNpi: draft.destNpi,
      serviceType: draft.serviceType,
      esmClass: draft.esmClass,
      protocolId: draft.protocolId,
      priority: draft.priority,
      dataCoding: draft.dataCoding,
      coding: draft.coding,
      registered: as.registered,
      flags: as.flags,
      scheduledAt: as.scheduledAt,
      validUntil: as.validUntil,
      udh: draft.udh,
      octets: draft.octets,
      tlvs: draft.tlvs,
      carrier: as.carrier,
      platformRef: draft.platformRef,
    },
    batch,
  );
}

/** A message as it is when it has just been taken. `value` is an event, or was read from a PDU: its octets are copied. */
export function create(value: ev.Accepted, batch: number): Message {
  return {
    id: value.id,
    kind: value.kind as Kind,
    publicId: value.publicId,
    account: value.account,
    acceptedAt: value.acceptedAt,
    source: value.source,
    sourceTon: value.sourceTon,
    sourceNpi: value.sourceNpi,
    destination: value.destination,
    destTon: value.destTon,
    destNpi: value.destNpi,
    serviceType: value.serviceType,
    esmClass: value.esmClass,
    protocolId: value.protocolId,
    priority: value.priority,
    dataCoding: value.dataCoding,
    coding: value.coding,
    registered: value.registered,
    flags: value.flags,
    scheduledAt: value.scheduledAt,
    validUntil: value.validUntil,
    udh: own(value.udh),
    octets: own(value.octets),
    tlvs: own(value.tlvs),
    platformRef: value.platformRef,
    stage: value.kind === MO ? ENDED : QUEUED,
    carrier: value.carrier,
    tried: NO_CARRIERS,
    attempts: 0,
    retryAt: 0,
    cutCoding: 'octets',
    cutOf: 0,
    cutRef: 0,
    segments: [],
    parts: undefined,
    trace: NO_TRACE,
    state: 0,
    error: '',
    reason: '',
    endedAt: value.kind === MO ? value.acceptedAt : 0,
    tellings: 0,
    batch,
    queued: false,
    live: false,
    leaving: false,
    submitter: 0,
  };
}

function own(octets: Uint8Array): Uint8Array {
  return octets.length === 0 ? NO_OCTETS : Buffer.from(octets);
}

export function fromCarried(value: ev.Carried, batch: number): Message {
  const m = create(value, batch);
  m.stage = value.stage as Stage;
  m.tried = value.tried;
  m.attempts = value.attempts;
  m.retryAt = value.retryAt;
  m.cutCoding = value.cutCoding;
  m.cutOf = value.cutOf;
  m.cutRef = value.cutRef;
  m.segments = value.segments.map((s, index) => ({
    message: m,
    index,
    stage: s.stage as SegmentStage,
    carrierId: s.carrierId,
    otherId: s.otherId,
    at: s.at,
    state: s.state,
    error: s.error,
    unknowns: s.unknowns,
  }));
  m.trace = value.trace;
  m.state = value.state;
  m.error = value.error;
  m.reason = value.reason;
  m.endedAt = value.endedAt;
  m.tellings = value.tellings;
  m.submitter = value.submitter;
  return m;
}

// ---- what each event does -------------------------------------------------------------------------------------

export function applyAccepted(state: State, message: Message): Message {
  state.active.set(message);
  message.live = true;
  state.holds.hold(message.batch);
  if (message.id >= state.nextId) state.nextId = message.id + 1;
  return message;
}

export function applySent(m: Message, value: ev.Sent): void {
  // A new cut, or another carrier: live code has it already, replay learns of it here.
  if (
    m.carrier !== value.carrier ||
    m.segments.length !== value.of ||
    m.cutOf !== value.of ||
    m.cutCoding !== value.coding ||
    m.cutRef !== value.ref
  ) {
    m.cutOf = value.of;
    m.cutCoding = value.coding;
    m.cutRef = value.ref;
    m.segments = Array.from({ length: value.of }, (_, k) => newSegment(m, k));
  }
  m.carrier = value.carrier;
  m.stage = SENDING;
  m.flags |= value.flags;
  m.retryAt = 0;
  const s = m.segments[value.segment];
  if (s === undefined) return;
  s.stage = SENT;
  s.at = value.at;
  if (value.carrierId !== '') {
    if (s.carrierId !== '') s.otherId = s.carrierId;
    s.carrierId = value.carrierId;
  }
}

export function applyAnswered(state: State, m: Message, value: ev.Answered): void {
  const s = m.segments[value.segment];
  if (s === undefined || m.stage === ENDED) return;
  if (s.stage === ANSWERED) {
    // A late answer to an earlier send: its report counts as well.
    if (value.carrierId === s.carrierId) return;
    if (s.otherId !== '') state.atCarrier.remove(m.carrier, canonicalId(s.otherId), s);
    s.otherId = value.carrierId;
  } else if (s.stage === SENT || s.stage === PENDING) {
    s.stage = ANSWERED;
    if (s.carrierId !== value.carrierId) s.otherId = s.carrierId;
    s.carrierId = value.carrierId;
    if (s.otherId !== '') state.atCarrier.add(m.carrier, canonicalId(s.otherId), s);
    s.at = value.at;
  } else return;
  m.stage = m.segments.every((x) => x.stage >= ANSWERED) ? AWAITING : SENDING;
  if (value.carrierId !== '') state.atCarrier.add(m.carrier, canonicalId(value.carrierId), s);
}

export function applyRefused(state: State, m: Message, value: ev.Refused): void {
  m.flags |= value.flags & ~UNKNOWN_OUTCOME;
  if (value.counts === 1) m.attempts++;
  // A throttled send is no attempt and leaves no trace.
  if (value.outcome !== '') {
    const attempt: Attempt = { at: value.at, carrier: value.carrier, segment: value.segment, outcome: value.outcome };
    m.trace = m.trace.length < ev.TRACE_MAX ? [...m.trace, attempt] : [...m.trace.slice(0, -1), attempt];
  }
  m.retryAt = value.retryAt;
  if (value.leave === 1) {
    forgetIds(state, m);
    m.tried = [...m.tried, m.carrier];
    m.carrier = '';
    m.segments = [];
    m.parts = undefined;
    m.cutOf = 0;
    m.leaving = false;
    m.stage = QUEUED;
    return;
  }
  const s = m.segments[value.segment];
  if (s !== undefined && (s.stage === SENT || s.stage === PENDING)) {
    s.stage = PENDING;
    if ((value.flags & UNKNOWN_OUTCOME) !== 0) s.unknowns++;
    else s.carrierId = ''; // where the submit's sequence is the id: refused, it names nothing
  }
  if (m.segments.every((x) => x.stage === PENDING)) m.stage = QUEUED;
}

export function applyReported(state: State, m: Message, value: ev.Reported): void {
  const s = m.segments[value.segment];
  if (s === undefined || m.stage === ENDED || s.stage === REPORTED) return;
  forgetSegment(state, m, s);
  s.stage = REPORTED;
  s.state = value.state;
  s.error = value.error;
  s.at = value.at;
}

export function applyEnded(state: State, m: Message, value: ev.Ended): void {
  forgetIds(state, m);
  m.stage = ENDED;
  m.state = value.state;
  m.error = value.error;
  m.reason = value.reason;
  m.endedAt = value.at;
  m.retryAt = 0;
  m.parts = undefined;
  m.octets = NO_OCTETS;
  for (const s of m.segments) {
    if (s.stage === REPORTED) continue;
    // The report of an only segment ends its message: one event says both.
    s.stage = value.reported === 1 ? REPORTED : FAILED;
    s.state = value.state;
    s.error = value.error;
  }
  if (value.receipt === 0) drop(state, m);
}

export function applyClosed(state: State, m: Message, value: ev.Closed): void {
  if (m.kind === MO) {
    m.state = value.outcome === 'taken' ? DELIVERED : value.outcome === LATE ? EXPIRED : UNDELIVERABLE;
    m.reason = value.outcome;
    m.endedAt = value.at;
  }
  drop(state, m);
}

/** Outcome of a receipt or MO that its platform did not take in time. */
export const LATE = 'not taken in time';

export function applyReplaced(m: Message, value: ev.Replaced): void {
  m.dataCoding = value.dataCoding;
  m.coding = value.coding;
  m.registered = value.registered;
  m.flags = value.flags;
  m.scheduledAt = value.scheduledAt;
  m.validUntil = value.validUntil;
  m.octets = own(value.octets);
  m.udh = NO_OCTETS;
  m.parts = undefined;
  m.cutOf = 0;
  m.segments = [];
}

/** The message as carried replaces whatever was known of it. */
export function applyCarried(state: State, value: ev.Carried, batch: number): Message {
  const old = find(state, value.id);
  if (old !== undefined) drop(state, old);
  const m = fromCarried(value, batch);
  state.active.set(m);
  m.live = true;
  state.holds.hold(batch);
  if (m.id >= state.nextId) state.nextId = m.id + 1;
  indexIds(state, m);
  return m;
}

function indexIds(state: State, m: Message): void {
  if (m.stage !== SENDING && m.stage !== AWAITING) return;
  for (const s of m.segments) {
    if (s.stage !== ANSWERED) continue;
    if (s.carrierId !== '') state.atCarrier.add(m.carrier, canonicalId(s.carrierId), s);
    if (s.otherId !== '') state.atCarrier.add(m.carrier, canonicalId(s.otherId), s);
  }
}

export function applyParked(state: State, value: ev.Parked, batch: number): void {
  const key = parkedKey(value.carrier, canonicalId(value.carrierId));
  const old = state.parked.get(key);
  if (old !== undefined) {
    state.holds.release(old.batch);
    state.parked.delete(key);
  }
  state.parked.set(key, { ...value, batch });
  state.holds.hold(batch);
}

export function applyUnparked(state: State, value: ev.Unparked): void {
  const key = parkedKey(value.carrier, canonicalId(value.carrierId));
  const old = state.parked.get(key);
  if (old === undefined) return;
  state.parked.delete(key);
  state.holds.release(old.batch);
}

/** Takes a message out of memory: it is done, or it is in the cold index now. */
export function drop(state: State, m: Message): void {
  forgetIds(state, m);
  if (state.active.delete(m.id)) state.holds.release(m.batch);
  m.live = false;
}

/**
 * Called when nothing more is to be done with a message now. One that waits for a report stays as it is for a while;
 * when too many do, the ones that have waited longest are frozen.
 */
export function rest(state: State, m: Message): void {
  if (m.stage !== AWAITING || !m.live) return;
  m.parts = undefined;
  if (m.octets.length > 0 && !state.needsText(m)) m.octets = NO_OCTETS;
  const oldest = state.warm.push(m.id);
  if (oldest === 0) return;
  const waiting = state.active.get(oldest);
  if (waiting !== undefined && waiting.stage === AWAITING) freeze(state, waiting);
}

function forgetSegment(state: State, m: Message, s: Segment): void {
  if (s.carrierId !== '') state.atCarrier.remove(m.carrier, canonicalId(s.carrierId), s);
  if (s.otherId !== '') state.atCarrier.remove(m.carrier, canonicalId(s.otherId), s);
}

function forgetIds(state: State, m: Message): void {
  if (state.atCarrier.size === 0) return;
  for (const s of m.segments) if (s.stage === ANSWERED) forgetSegment(state, m, s);
}

// ---- replay ---------------------------------------------------------------------------------------------------

/** Applies one event read from the journal. `onEnded` sees messages that ended, for their records. */
export function replayEvent(
  state: State,
  kind: number,
  value: Record<string, unknown>,
  batch: number,
  onEnded: (m: Message) => void,
): void {
  switch (kind) {
    case ev.accepted.id:
      store(state, applyAccepted(state, create(value as ev.Accepted, batch)));
      return;
    case ev.carried.id: {
      store(state, applyCarried(state, value as ev.Carried, batch));
      return;
    }
    case ev.parked.id:
      applyParked(state, value as ev.Parked, batch);
      return;
    case ev.unparked.id:
      applyUnparked(state, value as ev.Unparked);
      return;
    case ev.learned.id: {
      const learned = value as ev.Learned;
      state.learned.set(learned.carrier, { form: learned.form, matches: learned.matches });
      return;
    }
    case ev.mark.id: {
      const mark = value as ev.Mark;
      if (mark.nextId > state.nextId) state.nextId = mark.nextId;
      if (mark.recordedTo > state.recordedTo) state.recordedTo = mark.recordedTo;
      return;
    }
  }
  const m = find(state, value.id as number);
  // An event of a message that is gone: it was carried on under a later batch and has ended since.
  if (m === undefined) return;
  switch (kind) {
    case ev.sent.id:
      applySent(m, value as ev.Sent);
      break;
    case ev.answered.id:
      applyAnswered(state, m, value as ev.Answered);
      break;
    case ev.refused.id:
      applyRefused(state, m, value as ev.Refused);
      break;
    case ev.reported.id:
      applyReported(state, m, value as ev.Reported);
      break;
    case ev.ended.id:
      applyEnded(state, m, value as ev.Ended);
      onEnded(m);
      break;
    case ev.closed.id:
      applyClosed(state, m, value as ev.Closed);
      if (m.kind === MO) onEnded(m);
      state.untold.delete(m.id);
      break;
    case ev.replaced.id:
      applyReplaced(m, value as ev.Replaced);
      break;
    case ev.cooled.id:
      drop(state, m);
      return;
  }
  store(state, m);
}

/** In replay nobody works on a message now: all that waits for others is frozen, an ended one remembered for its platform. */
function store(state: State, m: Message): void {
  // A part waits for the other parts of its text, at hand.
  if (!m.live || (m.flags & PART) !== 0) return;
  if (m.stage === ENDED) state.untold.add(m.id);
  else if (m.stage !== AWAITING) return;
  else if (!state.needsText(m)) m.octets = NO_OCTETS;
  freeze(state, m);
}
