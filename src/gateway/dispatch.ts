import { TextFault } from '../../protocols/text/segment.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import {
  EXPIRED,
  type Message,
  newSegment,
  PENDING,
  POSSIBLE_DUPLICATE,
  QUEUED,
  REJECTED,
  SENDING,
  SENT,
  type Segment,
  UNDELIVERABLE,
  UNKNOWN,
  UNKNOWN_OUTCOME,
} from '../message/message.ts';
import { plans } from '../store/events.ts';
import { type Bind, bindRoom, type Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { CutFault, cut } from './cut.ts';
import { end } from './finish.ts';
import { asCarrierSees } from './numbers.ts';
import { hasNext, matchesAny, pick, type Route } from './route.ts';
import { applyRefused, applySent } from './state.ts';

/** Whether a message takes the priority lane: by its account, its source, or its priority_flag. */
export function isUrgent(gw: Gateway, m: Message): boolean {
  if (m.priority > 0) return true;
  if (gw.accounts.get(m.account)?.config.priority === 'high') return true;
  return matchesAny(gw.config.priority.sources, m.source);
}

/**
 * Puts a message into its carrier's queue, choosing the carrier where none is chosen yet or the chosen one has gone.
 * `front`: it has been at the head already and keeps its place.
 */
export function enqueue(gw: Gateway, m: Message, front = false): void {
  if (m.queued) return;
  let carrier = m.carrier === '' ? undefined : gw.carriers.get(m.carrier);
  if (carrier === undefined || (!carrier.up && !started(m))) {
    const route = routeOf(gw, m);
    const choice = route === undefined ? undefined : pick(route, gw.carriers, m);
    // One that is merely down keeps it, unless the route goes on to one that is up.
    if (carrier === undefined || !carrier.enabled || (route?.next.down === true && choice?.waits === false))
      carrier = choice?.carrier;
    if (carrier === undefined) {
      // All that could take it are full: it was accepted, so it waits and is tried again.
      if (choice?.passed.some((p) => p.why === 'full')) {
        m.carrier = '';
        gw.later.add(gw.clock.now() + 1000, m);
        return;
      }
      end(gw, m, m.tried.length > 0 ? UNDELIVERABLE : REJECTED, m.trace.at(-1)?.outcome ?? '', 'no route');
      return;
    }
    assign(m, carrier);
  }
  place(gw, carrier, m, front);
  gw.turn.mark(carrier);
}

/** Into the carrier's queue, at the head or at the end of its lane. */
function place(gw: Gateway, carrier: Carrier, m: Message, front: boolean): void {
  const lane = isUrgent(gw, m) ? carrier.high : carrier.normal;
  if (front) lane.unshift(m);
  else lane.push(m);
  m.queued = true;
}

export function routeOf(gw: Gateway, m: Message): Route | undefined {
  const account = gw.accounts.get(m.account);
  return account === undefined ? undefined : gw.routes.get(account.config.route);
}

/** Octets of it are, or may be, at its carrier: it stays with it, since there are never two live copies. */
function started(m: Message): boolean {
  return m.segments.some((s) => s.stage !== PENDING || s.unknowns > 0);
}

/** Gives a message of which nothing has left to a carrier; what was cut for one is cut anew for another. */
function assign(m: Message, carrier: Carrier): void {
  if (m.carrier !== carrier.name) {
    m.parts = undefined;
    m.cutOf = 0;
    m.segments = [];
  }
  m.carrier = carrier.name;
}

/** Sends what the carrier's binds, its rate and our store let go. */
export function dispatchPump(gw: Gateway, carrier: Carrier): void {
  const now = gw.clock.now();
  carrier.wakeAt = Number.POSITIVE_INFINITY;
  if (carrier.binds.length === 0) {
    // At rest it waits for something to send, as a bound one does.
    carrier.limit = carrier.up && carrier.queued === 0 ? 'platform' : 'down';
    if (carrier.enabled && carrier.queued > 0) carrier.connection?.wake();
    return;
  }
  for (;;) {
    if (gw.batch.congested || gw.batch.faulty !== '') {
      carrier.limit = 'store';
      carrier.wakeAt = now + 20;
      return;
    }
    const { streak } = carrier;
    const m = carrier.current ?? next(gw, carrier);
    if (m === undefined) {
      carrier.limit = 'platform';
      return;
    }
    if (carrier.current === undefined) {
      if (!ready(gw, m, now)) continue;
      if (m.carrier !== carrier.name) {
        enqueue(gw, m); // it has gone on meanwhile
        continue;
      }
      if (m.parts === undefined && !prepare(gw, m, carrier)) continue;
      const count = carrier.rate.limit === 0 ? 0 : m.segments.reduce((n, s) => (s.stage === PENDING ? n + 1 : n), 0);
      if (count > 0 && carrier.rate.room(now) < Math.min(count, carrier.rate.limit)) {
        carrier.limit = 'rate';
        carrier.wakeAt = carrier.rate.at(count, now);
        place(gw, carrier, m, true);
        carrier.streak = streak; // nothing of its share was used
        return;
      }
      carrier.current = m;
    }
    if (!sendPending(gw, carrier, m, now)) {
      // Nothing of it has left: it waits among the others, so that one more urgent or put back goes first.
      if (carrier.current === m && m.segments.every((s) => s.stage === PENDING)) {
        carrier.current = undefined;
        place(gw, carrier, m, true);
        carrier.streak = streak;
      }
      return;
    }
    carrier.current = undefined;
  }
}

/** Sends the segments of `current` that are pending; false when something stopped it before the last. */
function sendPending(gw: Gateway, carrier: Carrier, m: Message, now: number): boolean {
  for (const s of m.segments) {
    if (s.stage !== PENDING) continue;
    if (carrier.rate.room(now) <= 0) {
      carrier.limit = 'rate';
      carrier.wakeAt = carrier.rate.at(1, now);
      return false;
    }
    const bind = freest(carrier, now);
    if (bind === undefined) return false;
    if (!send(gw, carrier, bind, m, s, now)) {
      // Ended because it cannot be encoded: nothing is left to send.
      if (m.stage !== QUEUED && m.stage !== SENDING) return true;
      return false;
    }
  }
  return true;
}

function send(gw: Gateway, carrier: Carrier, bind: Bind, m: Message, s: Segment, now: number): boolean {
  const { session } = bind;
  const policy = onUnknown(gw, m, carrier);
  const { mapping, config } = carrier;
  let sequence: number;
  const value = {
    id: m.id,
    segment: s.index,
    of: m.segments.length,
    coding: m.cutCoding,
    ref: m.cutRef,
    flags: s.unknowns > 0 ? POSSIBLE_DUPLICATE : 0,
    carrier: carrier.name,
    at: now,
    carrierId: '',
  };
  if (policy === 'fail') {
    // The intent is durable before the octets leave: after a crash the outcome is known to be unknown, never repeated.
    gw.batch.add(plans.sent, value);
    applySent(m, value);
    carrier.rate.take(now);
    bind.intents++;
    gw.batch.effect(writeIntent, gw, bind, s);
    return true;
  }
  try {
    const seen = asCarrierSees(m, config, gw.accounts);
    const out = mapping.toSubmit(seen, s, m.parts![s.index]!, config, session.version, gw.config.node.name);
    sequence = session.request(out.plan, out.value, s);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    carrier.current = undefined;
    end(gw, m, REJECTED, '', `cannot be encoded for ${carrier.name}: ${error.message}`);
    return false;
  }
  if (sequence < 0) {
    carrier.limit = 'window';
    return false;
  }
  if (mapping.idIsSequence) {
    value.carrierId = session.lastSequence;
    carrier.underWay.set(value.carrierId, s);
  }
  gw.batch.add(plans.sent, value);
  applySent(m, value);
  carrier.rate.take(now);
  carrier.recent++;
  carrier.counters.submitted++;
  return true;
}

/** Writes a segment whose intent is durable; if the bind has gone meanwhile, nothing has left and it is sent elsewhere. */
function writeIntent(gw: Gateway, bind: Bind, s: Segment): void {
  const m = s.message;
  const { carrier } = bind;
  bind.intents--;
  gw.turn.mark(carrier);
  if (!m.live || s.stage !== SENT) return;
  const target = bind.session.room > 0 ? bind : freest(carrier, gw.clock.now());
  let sequence = -1;
  if (target !== undefined) {
    try {
      const out = carrier.mapping.toSubmit(
        asCarrierSees(m, carrier.config, gw.accounts),
        s,
        m.parts![s.index]!,
        carrier.config,
        target.session.version,
        gw.config.node.name,
      );
      sequence = target.session.request(out.plan, out.value, s);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      end(gw, m, REJECTED, '', `cannot be encoded for ${carrier.name}: ${error.message}`);
      return;
    }
  }
  if (sequence >= 0) {
    if (carrier.mapping.idIsSequence) {
      if (s.carrierId !== '') s.otherId = s.carrierId;
      s.carrierId = target!.session.lastSequence;
      carrier.underWay.set(s.carrierId, s);
    }
    carrier.recent++;
    carrier.counters.submitted++;
    return;
  }
  const value = {
    id: m.id,
    segment: s.index,
    carrier: carrier.name,
    outcome: '',
    counts: 0,
    leave: 0,
    flags: 0,
    retryAt: 0,
    at: gw.clock.now(),
  };
  gw.batch.add(plans.refused, value);
  applyRefused(gw.state, m, value);
  enqueue(gw, m, true);
}

function freest(carrier: Carrier, now: number): Bind | undefined {
  let best: Bind | undefined;
  let room = 0;
  let paused = Number.POSITIVE_INFINITY;
  for (const b of carrier.binds) {
    const r = bindRoom(b, now);
    if (r > room) {
      room = r;
      best = b;
    } else if (b.pausedUntil > now && b.pausedUntil < paused) paused = b.pausedUntil;
  }
  if (best === undefined) {
    const throttled = carrier.binds.some((b) => b.pausedUntil > now || Math.floor(b.allowed) < b.session.windowSize);
    carrier.limit = throttled ? 'throttling' : 'window';
    carrier.wakeAt = Math.min(carrier.wakeAt, paused);
  }
  return best;
}

/** The next message of the two lanes: the urgent first, but never more than its share while bulk waits. */
function next(gw: Gateway, carrier: Carrier): Message | undefined {
  const { high, normal } = carrier;
  const { share } = gw.config.priority;
  const most = Math.max(1, Math.round(share / (1 - share)));
  let m: Message | undefined;
  if (high.length > 0 && (normal.length === 0 || carrier.streak < most)) {
    m = high.shift();
    carrier.streak = normal.length === 0 ? 0 : carrier.streak + 1;
  } else {
    m = normal.shift();
    carrier.streak = 0;
  }
  if (m !== undefined) m.queued = false;
  return m;
}

/** Checks at the moment of sending: what has ended, or grown too old, is not sent. */
function ready(gw: Gateway, m: Message, now: number): boolean {
  if (m.stage !== QUEUED && m.stage !== SENDING) return false;
  if (!m.live) return false;
  if (m.leaving) return false;
  if (m.scheduledAt > now || m.retryAt > now) {
    // Replaced by a later schedule while it was queued, or another of its segments is to be tried later.
    gw.later.add(Math.max(m.scheduledAt, m.retryAt), m);
    return false;
  }
  return !expired(gw, m, now);
}

/** Ends a message whose validity is over and of which nothing is under way. */
export function expired(gw: Gateway, m: Message, now: number): boolean {
  if (m.validUntil > now || (m.stage !== QUEUED && m.stage !== SENDING)) return false;
  let pending = m.segments.length === 0;
  let left = 0;
  let unknown = false;
  for (const s of m.segments) {
    if (s.stage === SENT) return false; // its answer, or its absence, comes first
    if (s.stage === PENDING) pending = true;
    else left++;
    if (s.unknowns > 0) unknown = true;
  }
  if (!pending) return false;
  const error = m.trace.at(-1)?.outcome ?? '';
  if (unknown) end(gw, m, UNKNOWN, error, 'validity over; an earlier send may have arrived');
  else if (left > 0)
    end(gw, m, EXPIRED, error, `validity over with ${left} of ${m.segments.length} segments at ${m.carrier}`);
  else end(gw, m, EXPIRED, error, 'validity over before it could be sent');
  return true;
}

/** Cuts the message for its carrier. Derived from the message and the configuration alone, so not an event. */
function prepare(gw: Gateway, m: Message, carrier: Carrier): boolean {
  try {
    const { coding, parts } = cut(m, carrier.config, carrier.mapping, m.cutOf > 0 ? m.cutCoding : undefined);
    if (m.cutOf > 0 && m.cutOf !== parts.length)
      throw new CutFault(`it went out as ${m.cutOf} segments and is ${parts.length} now`);
    m.parts = parts;
    if (m.cutOf === 0) {
      m.cutCoding = coding;
      m.cutOf = parts.length;
      m.cutRef = parts.length > 1 ? nextRef(carrier) : 0;
      m.segments = parts.length === 1 ? [newSegment(m, 0)] : parts.map((_, k) => newSegment(m, k));
    }
    m.carrier = carrier.name;
    return true;
  } catch (error) {
    if (!(error instanceof CutFault || error instanceof TextFault)) throw error;
    end(gw, m, REJECTED, '', error.message);
    return false;
  }
}

function nextRef(carrier: Carrier): number {
  const wide = carrier.config.longMessage !== 'udh8';
  carrier.ref = (carrier.ref + 1) & 0xffff;
  return wide ? carrier.ref : carrier.ref & 0xff;
}

export function onUnknown(gw: Gateway, m: Message, carrier: Carrier | undefined): 'resend' | 'fail' {
  return gw.accounts.get(m.account)?.config.onUnknown ?? carrier?.config.onUnknown ?? 'resend';
}

/** A segment whose outcome nobody knows: no answer, a lost link, a restart. By policy it is sent once more, or the message fails. */
export function unknownOutcome(gw: Gateway, m: Message, s: Segment, outcome: string): 'resent' | 'failed' | 'stale' {
  if (!m.live || m.segments[s.index] !== s || s.stage !== SENT) return 'stale';
  const carrier = gw.carriers.get(m.carrier);
  const resend = onUnknown(gw, m, carrier) === 'resend' && s.unknowns === 0;
  const value = {
    id: m.id,
    segment: s.index,
    carrier: m.carrier,
    outcome,
    counts: 1,
    leave: 0,
    flags: UNKNOWN_OUTCOME | (resend ? POSSIBLE_DUPLICATE : 0),
    retryAt: 0,
    at: gw.clock.now(),
  };
  gw.batch.add(plans.refused, value);
  applyRefused(gw.state, m, value);
  if (!resend) {
    end(gw, m, UNKNOWN, '', `outcome unknown: ${outcome}`);
    return 'failed';
  }
  if (carrier !== undefined) carrier.counters.resent++;
  enqueue(gw, m, true);
  return 'resent';
}

/** Gives up this carrier for the next one of the route, if there is one and nothing of the message is alive here. */
export function leave(
  gw: Gateway,
  m: Message,
  segment: number,
  outcome: string,
  counts: 0 | 1,
  mayWait = true,
): boolean {
  const route = routeOf(gw, m);
  if (route === undefined || !hasNext(route, gw.carriers, m, mayWait)) return false;
  const old = gw.carriers.get(m.carrier);
  if (old?.current === m) old.current = undefined;
  const value = {
    id: m.id,
    segment,
    carrier: m.carrier,
    outcome,
    counts,
    leave: 1,
    flags: 0,
    retryAt: 0,
    at: gw.clock.now(),
  };
  gw.batch.add(plans.refused, value);
  applyRefused(gw.state, m, value);
  gw.counters.rerouted++;
  enqueue(gw, m);
  return true;
}

/** A carrier went down, or another came up: what has not left moves on where the route allows it. */
export function reroute(gw: Gateway, carrier: Carrier): void {
  if (carrier.up || carrier.queued === 0) return;
  const stay: Message[] = [];
  const all = [...carrier.high.drain(), ...carrier.normal.drain()];
  if (carrier.current !== undefined) {
    all.unshift(carrier.current);
    carrier.current = undefined;
  }
  for (const m of all) {
    m.queued = false;
    if ((m.stage !== QUEUED && m.stage !== SENDING) || !m.live) continue;
    const route = routeOf(gw, m);
    if (!started(m) && route !== undefined && (route.next.down || !carrier.enabled)) {
      const choice = pick(route, gw.carriers, m);
      if (choice.carrier !== undefined && choice.carrier !== carrier && !choice.waits) {
        assign(m, choice.carrier);
        gw.counters.rerouted++;
        enqueue(gw, m);
        continue;
      }
    }
    stay.push(m);
  }
  for (const m of stay) place(gw, carrier, m, false);
}
