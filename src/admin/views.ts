import type { Account } from '../gateway/account.ts';
import type { Carrier } from '../gateway/carrier.ts';
import type { Gateway } from '../gateway/context.ts';
import { formOf } from '../gateway/correlate.ts';
import { listUnmatched } from '../gateway/unmatched.ts';
import { FAILED, type Message, MO, PART, REPORTED, stateName } from '../message/message.ts';
import type { MessageRecord } from '../store/records.ts';
import { maskNumber } from './mask.ts';
import { ceilingOf, limitOf, outboxAge } from './metrics.ts';
import type { Watched } from './watched.ts';

// What the HTTP API shows, as plain JSON: times as ISO 8601, durations in ms, no message texts anywhere.

const time = (ms: number): string | null => (ms > 0 && Number.isFinite(ms) ? new Date(ms).toISOString() : null);

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'storeWell' | 'carrierBound' | 'notStopping', boolean>>;
  /** Why not, in sentences. */
  readonly reasons: readonly string[];
}

/** Ready: the store is open and well, a carrier can be sent to, and no stop is under way. */
export function readiness({ gw }: Watched): Readiness {
  const reasons: string[] = [];
  const failing = gw.batch.faulty || gw.scarce;
  const storeWell = failing === '';
  if (!storeWell) reasons.push(`the store is failing: ${failing}`);
  const carrierBound = [...gw.carriers.values()].some((c) => c.up);
  if (!carrierBound) reasons.push(`no carrier is bound (of ${gw.carriers.size})`);
  if (gw.stopping) reasons.push('a graceful stop is under way');
  return { ready: reasons.length === 0, checks: { storeWell, carrierBound, notStopping: !gw.stopping }, reasons };
}

export function carriersView(node: Watched): object[] {
  return [...node.gw.carriers.values()].map((c) => carrierView(node, c));
}

function carrierView({ gw, dials }: Watched, c: Carrier): object {
  const { byCode, byState, responseTime, reportTime, ...counters } = c.counters;
  return {
    name: c.name,
    protocol: c.config.protocol,
    enabled: c.enabled,
    up: c.up,
    limit: limitOf(c),
    room: c.room,
    queue: {
      high: c.high.length,
      normal: c.normal.length + (c.current === undefined ? 0 : 1),
      oldestMs: ageOf(gw, c.current ?? c.high.peek() ?? c.normal.peek()),
    },
    perSecond: round(c.perSecond),
    ceilingPerSecond: round(ceilingOf(c)),
    throughputLimit: c.config.throughput,
    idForm: { configured: c.config.idForm, used: formOf(gw, c), learned: gw.state.learned.get(c.name) ?? null },
    slots: (dials.get(c.name)?.slots ?? []).map((slot) => ({
      mode: slot.mode,
      state: slot.state,
      since: time(slot.since),
      error: slot.error,
      attempts: slot.attempts,
      nextAttemptAt: time(slot.nextAttemptAt),
      session: slot.session === undefined ? null : sessionView(slot.session),
    })),
    counters: {
      ...counters,
      refusedByCode: Object.fromEntries([...byCode].slice(0, 64).map(([code, n]) => [c.mapping.codeName(code), n])),
      byState: statesOf(byState),
    },
    responseMs: percentiles(responseTime),
    reportMs: percentiles(reportTime),
  };
}

export function accountsView(node: Watched): object[] {
  return [...node.gw.accounts.values()].map((a) => accountView(node, a));
}

function accountView({ gw }: Watched, a: Account): object {
  const { byStatus, byState, ackTime, endTime, ...counters } = a.counters;
  return {
    name: a.name,
    systemId: a.config.systemId,
    enabled: a.enabled,
    binds: a.sessions.map(sessionView),
    maxBinds: a.config.maxBinds,
    outbox: {
      waiting: a.outbox.length,
      oldestMs: outboxAge(gw, a),
      inFlight: a.inFlight,
      pausedUntil: time(a.pausedUntil),
    },
    throughputLimit: a.config.throughput,
    counters: {
      ...counters,
      byStatus: Object.fromEntries([...byStatus].slice(0, 64).map(([status, n]) => [a.mapping.statusName(status), n])),
      byState: statesOf(byState),
    },
    ackMs: percentiles(ackTime),
    finalStateMs: percentiles(endTime),
  };
}

type SomeSession = Account['sessions'][number] | Carrier['binds'][number]['session'];

function sessionView(s: SomeSession): object {
  return {
    id: s.id,
    state: s.state,
    mode: s.mode,
    version: `0x${s.version.toString(16)}`,
    remote: s.remoteAddress,
    boundAt: time(s.boundAt),
    window: { used: s.windowUsed, size: s.windowSize },
    intake: s.intake,
    rttMs: round(s.rttMs),
  };
}

export async function unmatchedView({ gw }: Watched, limit: number): Promise<object> {
  const list = await listUnmatched(gw, limit);
  return {
    total: list.total,
    searched: list.searched,
    complete: list.complete,
    reports: list.reports.map(({ report, carrierId, nearest }) => ({
      carrier: report.carrier,
      carrierId,
      state: stateName(report.state),
      error: report.error,
      destination: maskNumber(report.destination),
      at: time(report.at),
      nearest:
        nearest === undefined
          ? null
          : {
              message: String(nearest.id),
              account: nearest.account,
              carrierIds: nearest.carrierIds,
              answeredAt: time(nearest.answeredAt),
            },
    })),
  };
}

const STAGES = ['', 'queued', 'sending', 'awaiting report', 'ended'];
const SEGMENT_STAGES = ['pending', 'sent', 'answered', 'reported', 'failed'];

/** A message that is still with us. */
export function messageView(gw: Gateway, m: Message): object {
  const showId = gw.carriers.get(m.carrier)?.mapping.showId ?? String;
  return {
    id: String(m.id),
    publicId: String(m.publicId),
    kind: m.kind === MO ? 'MO' : 'MT',
    account: m.account,
    source: m.source,
    destination: m.destination,
    acceptedAt: time(m.acceptedAt),
    scheduledAt: time(m.scheduledAt),
    validUntil: time(m.validUntil),
    stage: (m.flags & PART) === 0 ? STAGES[m.stage] : 'waiting for parts',
    state: m.state === 0 ? null : stateName(m.state),
    error: m.error,
    reason: m.reason,
    endedAt: time(m.endedAt),
    carrier: m.carrier,
    tried: m.tried,
    attempts: m.attempts,
    retryAt: time(m.retryAt),
    coding: { sent: m.coding, carrier: m.cutOf === 0 ? null : m.cutCoding },
    segments: m.segments.map((s) => ({
      index: s.index,
      stage: SEGMENT_STAGES[s.stage],
      carrierId: s.carrierId === '' ? null : showId(s.carrierId),
      otherId: s.otherId === '' ? null : showId(s.otherId),
      at: time(s.at),
      state: s.stage === REPORTED || s.stage === FAILED ? stateName(s.state) : null,
      error: s.error,
      unknowns: s.unknowns,
    })),
    receiptTellings: m.tellings,
    trace: m.trace.map((t) => ({ ...t, at: time(t.at) })),
  };
}

/** A message that has ended and left: its record. */
export function recordView(r: MessageRecord): object {
  return {
    ...r,
    id: String(r.id),
    publicId: String(r.publicId),
    stage: 'closed',
    acceptedAt: time(r.acceptedAt),
    endedAt: time(r.endedAt),
    trace: r.trace.map((t) => ({ ...t, at: time(t.at) })),
  };
}

function ageOf(gw: Gateway, m: Message | undefined): number {
  return m === undefined ? 0 : Math.max(0, gw.clock.now() - m.acceptedAt);
}

function statesOf(counts: readonly number[]): Record<string, number> {
  return Object.fromEntries(counts.flatMap((n, state) => (n === 0 ? [] : [[stateName(state), n]])));
}

function percentiles(h: { readonly count: number; percentile(p: number): number }): object {
  return { count: h.count, p50: round(h.percentile(0.5)), p99: round(h.percentile(0.99)) };
}

const round = (x: number): number => Math.round(x * 100) / 100;
