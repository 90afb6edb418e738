import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Account } from '../gateway/account.ts';
import type { Carrier, Limit } from '../gateway/carrier.ts';
import { look } from '../gateway/look.ts';
import { stateName } from '../message/message.ts';
import type { SlotState } from '../session/dial.ts';
import { createExposition, type Exposition, type Labels, type Put } from './exposition.ts';
import { createSessionTotals, type Totals } from './session-totals.ts';
import type { Watched } from './watched.ts';

// Edges in ms, powers of two so that the log-linear histograms meet them exactly.
const ANSWER_EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384, 65_536];
const REPORT_EDGES = [
  128, 512, 2_048, 4_096, 8_192, 32_768, 131_072, 524_288, 2_097_152, 8_388_608, 33_554_432, 67_108_864,
];
const COMMIT_EDGES = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 512, 2_048, 8_192];
const BATCH_EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384];
const SECONDS = 0.001;

const LIMITS: readonly Limit[] = ['platform', 'rate', 'window', 'throttling', 'down', 'store'];
const SLOT_STATES: readonly SlotState[] = [
  'idle',
  'connecting',
  'binding',
  'bound',
  'waiting',
  'quarantined',
  'stopped',
];
/** Codes of one peer that get a label of their own: a peer that invents codes must not make labels without end. */
const CODES = 64;

/**
 * All metrics of a node, in a registry of its own. Everything is read from plain fields when the registry is scraped.
 * No label names a phone or a message.
 */
export function createMetrics(node: Watched): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = createExposition(registry);
  messages(metrics, node);
  accounts(metrics, node);
  carriers(metrics, node);
  binds(metrics, node);
  sessions(metrics, node);
  store(metrics, node);
  metrics.gauge('yima_start_time_seconds', 'When this node started, seconds since 1970.', (put) =>
    put(node.startedAt * SECONDS),
  );
  metrics.gauge('yima_stopping', '1 while a graceful stop is under way.', (put) => put(node.gw.stopping ? 1 : 0));
  return registry;
}

function messages(metrics: Exposition, { gw }: Watched): void {
  metrics.gauge(
    'yima_messages_in_store',
    'Messages that have not ended, or whose receipt or MO waits, by where they are kept.',
    (put) => {
      put(gw.state.active.size, { place: 'active' });
      put(gw.state.frozen.count, { place: 'frozen' });
      put(gw.cold.count, { place: 'cold' });
    },
  );
  metrics.gauge('yima_messages_hot_limit', 'Messages that memory may hold (store.hotMessages).', (put) =>
    put(gw.config.store.hotMessages),
  );
  metrics.gauge('yima_mo_open', 'Long messages from phones of which parts are missing.', (put) =>
    put(gw.assembly.open),
  );
  metrics.gauge('yima_messages_later', 'Messages that wait for their schedule or their retry.', (put) =>
    put(gw.later.size),
  );
  metrics.gauge('yima_frozen_octets', 'Memory of messages that wait, in octets.', (put) => put(gw.state.frozen.octets));
  metrics.gauge('yima_parked_reports', 'Reports that no message is known for yet.', (put) => put(gw.state.parked.size));
  metrics.counter('yima_parked_reports_given_up_total', 'Parked reports that were given up.', (put) => {
    put(gw.counters.parkedExpired, { reason: 'expired' });
    put(gw.counters.parkedDropped, { reason: 'full' });
  });
  metrics.counter('yima_messages_rerouted_total', 'Messages that went on to another carrier.', (put) =>
    put(gw.counters.rerouted),
  );
  metrics.counter('yima_messages_recovered_total', 'Unfinished messages found at start, by what was done.', (put) => {
    put(gw.counters.queuedAtRestart, { outcome: 'queued' });
    put(gw.counters.resentAfterRestart, { outcome: 'resent' });
    put(gw.counters.failedAfterRestart, { outcome: 'failed' });
  });
  metrics.counter('yima_messages_carried_total', 'Messages written again so that old journal can be dropped.', (put) =>
    put(gw.counters.carried),
  );
  metrics.counter('yima_messages_cooled_total', 'Messages moved to the cold index.', (put) => put(gw.counters.cooled));
  metrics.counter('yima_messages_warmed_total', 'Messages taken back from the cold index.', (put) =>
    put(gw.counters.warmed),
  );
  metrics.counter('yima_receipts_replayed_total', 'Receipts put into an outbox again on request.', (put) =>
    put(gw.counters.replays),
  );
}

function accounts(metrics: Exposition, { gw }: Watched): void {
  const each = (read: (put: Put, a: Account) => void) => (put: Put) => {
    for (const a of gw.accounts.values()) read((value, labels) => put(value, { account: a.name, ...labels }), a);
  };
  metrics.counter(
    'yima_account_messages_accepted_total',
    'Messages of a platform that were acknowledged or are about to be.',
    each((put, { counters }) => put(counters.accepted)),
  );
  metrics.counter(
    'yima_account_messages_ended_total',
    'Messages of a platform that came to a final state.',
    each((put, { counters }) => byState(put, counters.byState)),
  );
  metrics.counter(
    'yima_account_segments_total',
    'Segments that accepted messages count for.',
    each((put, { counters }) => put(counters.segments)),
  );
  metrics.counter(
    'yima_account_answers_total',
    'Answers to what a platform submitted, by status.',
    each((put, a) => byCode(put, 'status', a.counters.byStatus, a.mapping.statusName)),
  );
  metrics.counter(
    'yima_account_receipts_total',
    'Receipts by what became of them; retried: told again.',
    each((put, { counters }) => {
      put(counters.receipts, { outcome: 'taken' });
      put(counters.receiptsRefused, { outcome: 'refused' });
      put(counters.receiptsExpired, { outcome: 'expired' });
      put(counters.receiptsRetried, { outcome: 'retried' });
    }),
  );
  metrics.counter(
    'yima_account_mo_total',
    'Messages from phones that the platform took.',
    each((put, { counters }) => put(counters.mo)),
  );
  metrics.gauge(
    'yima_account_outbox',
    'Receipts and MO that wait for the platform.',
    each((put, a) => put(a.outbox.length)),
  );
  metrics.gauge(
    'yima_account_outbox_oldest_seconds',
    'How long the head of the outbox has waited; 0 when it is empty.',
    each((put, a) => put(outboxAge(gw, a) * SECONDS)),
  );
  metrics.gauge(
    'yima_account_deliveries_in_flight',
    'Receipts and MO sent and not answered.',
    each((put, a) => put(a.inFlight)),
  );
  metrics.gauge(
    'yima_account_binds',
    'Bound sessions of the platform.',
    each((put, a) => put(a.sessions.length)),
  );
  metrics.histogram('yima_account_ack_seconds', 'From submit to acknowledgement.', ANSWER_EDGES, SECONDS, (put) => {
    for (const a of gw.accounts.values()) put(a.counters.ackTime, { account: a.name });
  });
  metrics.histogram(
    'yima_account_final_state_seconds',
    'From submit to the final state.',
    REPORT_EDGES,
    SECONDS,
    (put) => {
      for (const a of gw.accounts.values()) put(a.counters.endTime, { account: a.name });
    },
  );
}

function carriers(metrics: Exposition, { gw }: Watched): void {
  const each = (read: (put: Put, c: Carrier) => void) => (put: Put) => {
    for (const c of gw.carriers.values()) read((value, labels) => put(value, { carrier: c.name, ...labels }), c);
  };
  metrics.counter(
    'yima_carrier_submits_total',
    'Segments sent to a carrier.',
    each((put, { counters }) => put(counters.submitted)),
  );
  metrics.counter(
    'yima_carrier_outcomes_total',
    'Segments by what came of their submit; expired: no answer in time; lost: the link went; late: answered after that; resent: sent again with an unknown outcome.',
    each((put, { counters: n }) => {
      put(n.accepted, { outcome: 'accepted' });
      put(n.throttled, { outcome: 'throttled' });
      put(n.retried, { outcome: 'retried' });
      put(n.refused, { outcome: 'refused' });
      put(n.expired, { outcome: 'expired' });
      put(n.lost, { outcome: 'lost' });
      put(n.late, { outcome: 'late' });
      put(n.resent, { outcome: 'resent' });
    }),
  );
  metrics.counter(
    'yima_carrier_answers_total',
    "Answers of a carrier to submits, by the protocol's code.",
    each((put, c) => {
      put(c.counters.accepted, { code: c.mapping.codeName(0) });
      byCode(put, 'code', c.counters.byCode, c.mapping.codeName);
    }),
  );
  metrics.counter(
    'yima_carrier_messages_ended_total',
    'Messages that came to a final state at a carrier.',
    each((put, { counters }) => byState(put, counters.byState)),
  );
  metrics.counter(
    'yima_carrier_reports_total',
    'Reports of a carrier. received counts all, the others are parts of it; matched_late: parked first, matched when the answer came.',
    each((put, { counters: n }) => {
      put(n.reports, { kind: 'received' });
      put(n.intermediate, { kind: 'intermediate' });
      put(n.reportsDuplicate, { kind: 'duplicate' });
      put(n.reportsParked, { kind: 'parked' });
      put(n.reportsMatchedLate, { kind: 'matched_late' });
    }),
  );
  metrics.counter(
    'yima_carrier_mo_total',
    'Messages from phones; refused ones are for a called number that no account has.',
    each((put, { counters: n }) => {
      put(n.mo - n.moRefused, { outcome: 'taken' });
      put(n.moRefused, { outcome: 'refused' });
    }),
  );
  metrics.counter(
    'yima_carrier_mo_long_total',
    'Long messages from phones. joined: all parts came; incomplete: handed on without the rest, which did not come in time; repeated: parts that had come before.',
    each((put, { counters: n }) => {
      put(n.moJoined, { outcome: 'joined' });
      put(n.moIncomplete, { outcome: 'incomplete' });
      put(n.moRepeated, { outcome: 'repeated' });
    }),
  );
  metrics.counter(
    'yima_carrier_alerts_total',
    'Phones that a carrier said were there again (alert_notification). told: passed on to a platform.',
    each((put, { counters: n }) => {
      put(n.alertsTold, { outcome: 'told' });
      put(n.alerts - n.alertsTold, { outcome: 'counted' });
    }),
  );
  metrics.counter(
    'yima_carrier_odd_requests_total',
    'Requests of a carrier that are neither a report nor an MO.',
    each((put, { counters }) => put(counters.odd)),
  );
  metrics.gauge(
    'yima_carrier_queue',
    'Messages that wait for a carrier, by lane.',
    each((put, c) => {
      put(c.high.length, { lane: 'high' });
      put(c.normal.length + (c.current === undefined ? 0 : 1), { lane: 'normal' });
    }),
  );
  metrics.gauge(
    'yima_carrier_queue_oldest_seconds',
    'How long ago the head of a lane was accepted; 0 when the lane is empty.',
    each((put, c) => {
      const now = gw.clock.now();
      const age = (at: number | undefined): number => (at === undefined ? 0 : Math.max(0, now - at) * SECONDS);
      put(age(c.high.peek()?.acceptedAt), { lane: 'high' });
      put(age((c.current ?? c.normal.peek())?.acceptedAt), { lane: 'normal' });
    }),
  );
  metrics.gauge(
    'yima_carrier_room',
    '0 while the queue of a carrier is over its mark and routes pass it by.',
    each((put, c) => put(c.full ? 0 : 1)),
  );
  metrics.gauge(
    'yima_carrier_limit',
    'Which side limits a carrier now: 1 for the one of platform (nothing waits), rate (our limit), window (its window and response time), throttling (it says too fast), down (no bind), store.',
    each((put, c) => {
      const limit = limitOf(c);
      for (const name of LIMITS) put(name === limit ? 1 : 0, { limit: name });
    }),
  );
  metrics.gauge(
    'yima_carrier_ceiling_segments_per_second',
    'What windows and response times allow: the sum over its binds of window / response time. Absent before the first answer.',
    each((put, c) => {
      const ceiling = ceilingOf(c);
      if (ceiling > 0) put(ceiling);
    }),
  );
  metrics.gauge(
    'yima_carrier_rate_limit_segments_per_second',
    'Our limit for a carrier (throughput). Absent where there is none.',
    each((put, c) => {
      if (c.config.throughput > 0) put(c.config.throughput);
    }),
  );
  metrics.gauge(
    'yima_carrier_segments_per_second',
    'Segments sent to a carrier, smoothed over some seconds.',
    each((put, c) => put(c.perSecond)),
  );
  metrics.histogram('yima_carrier_response_seconds', 'From submit to answer.', ANSWER_EDGES, SECONDS, (put) => {
    for (const c of gw.carriers.values()) put(c.counters.responseTime, { carrier: c.name });
  });
  metrics.histogram('yima_carrier_report_seconds', 'From answer to report.', REPORT_EDGES, SECONDS, (put) => {
    for (const c of gw.carriers.values()) put(c.counters.reportTime, { carrier: c.name });
  });
}

function binds(metrics: Exposition, { gw, dials }: Watched): void {
  metrics.gauge('yima_carrier_slots', 'Binds that are kept up to a carrier, by the state they are in.', (put) => {
    for (const carrier of dials.values()) {
      for (const state of SLOT_STATES) {
        const n = carrier.slots.reduce((sum, slot) => sum + (slot.state === state ? 1 : 0), 0);
        put(n, { carrier: carrier.name, state });
      }
    }
  });
  metrics.counter(
    'yima_carrier_binds_total',
    'Binds to a carrier that came up: all but the first of a slot are reconnects.',
    (put) => {
      for (const c of gw.carriers.values()) put(c.counters.binds, { carrier: c.name });
    },
  );
  metrics.counter('yima_carrier_unbinds_total', 'Binds to a carrier that ended.', (put) => {
    for (const c of gw.carriers.values()) put(c.counters.unbinds, { carrier: c.name });
  });
  metrics.gauge(
    'yima_carrier_window',
    'Requests that a carrier has not answered, and the sum of its windows.',
    (put) => {
      for (const { name, sessions } of dials.values()) {
        put(
          sessions.reduce((n, s) => n + s.windowUsed, 0),
          { carrier: name, part: 'used' },
        );
        put(
          sessions.reduce((n, s) => n + s.windowSize, 0),
          { carrier: name, part: 'size' },
        );
      }
    },
  );
  metrics.counter(
    'yima_carrier_window_full_seconds_total',
    'How long windows of the binds that are up have been full, summed.',
    (put) => {
      for (const { name, sessions } of dials.values()) {
        put(sessions.reduce((n, s) => n + s.fullMs, 0) * SECONDS, { carrier: name });
      }
    },
  );
  metrics.gauge(
    'yima_carrier_allowed',
    'Unanswered requests that the binds of a carrier seem to bear: below their windows after "too fast".',
    (put) => {
      for (const c of gw.carriers.values()) {
        put(
          c.binds.reduce((n, b) => n + Math.floor(b.allowed), 0),
          { carrier: c.name },
        );
      }
    },
  );
  metrics.gauge(
    'yima_account_window',
    'Receipts and MO that a platform has not answered, and the sum of its windows.',
    (put) => {
      for (const a of gw.accounts.values()) {
        put(
          a.sessions.reduce((n, s) => n + s.windowUsed, 0),
          { account: a.name, part: 'used' },
        );
        put(
          a.sessions.reduce((n, s) => n + s.windowSize, 0),
          { account: a.name, part: 'size' },
        );
      }
    },
  );
  metrics.gauge('yima_account_intake', 'Requests of a platform that wait for their answer.', (put) => {
    for (const a of gw.accounts.values())
      put(
        a.sessions.reduce((n, s) => n + s.intake, 0),
        { account: a.name },
      );
  });
}

function sessions(metrics: Exposition, node: Watched): void {
  const totals = createSessionTotals(node);
  const each = (read: (put: Put, t: Totals) => void) => (put: Put) => {
    for (const t of totals()) read((value, labels) => put(value, { side: t.side, peer: t.peer, ...labels }), t);
  };
  const count = (t: Totals, name: Parameters<Totals['counts']['get']>[0]): number => t.counts.get(name) ?? 0;
  metrics.counter(
    'yima_session_pdus_total',
    'PDUs by what they are; all: every frame, keepalives and binds included.',
    each((put, t) => {
      for (const [direction, kind, name] of [
        ['in', 'all', 'framesIn'],
        ['out', 'all', 'framesOut'],
        ['in', 'request', 'requestsIn'],
        ['out', 'request', 'requestsOut'],
        ['in', 'answer', 'answersIn'],
        ['out', 'answer', 'answersOut'],
        ['out', 'probe', 'probes'],
      ] as const) {
        put(count(t, name), { direction, kind });
      }
    }),
  );
  metrics.counter(
    'yima_session_octets_total',
    'Octets of PDUs.',
    each((put, t) => {
      put(count(t, 'octetsIn'), { direction: 'in' });
      put(count(t, 'octetsOut'), { direction: 'out' });
    }),
  );
  metrics.counter(
    'yima_session_refusals_total',
    'Answers with a status other than success, by status; in: the peer refused us, out: we refused the peer.',
    each((put, t) => {
      const name =
        t.side === 'carrier'
          ? node.gw.carriers.get(t.peer)?.mapping.codeName
          : node.gw.accounts.get(t.peer)?.mapping.statusName;
      const put2 = (direction: string) => (value: number, labels?: Labels) => put(value, { direction, ...labels });
      byCode(put2('in'), 'status', t.statusesIn, name ?? String);
      byCode(put2('out'), 'status', t.statusesOut, name ?? String);
    }),
  );
  metrics.counter(
    'yima_session_troubles_total',
    'What went wrong on sessions.',
    each((put, t) => {
      for (const [trouble, name] of [
        ['answer_expired', 'expired'],
        ['answer_late', 'late'],
        ['answer_unmatched', 'unmatched'],
        ['request_lost', 'lost'],
        ['stream_unreadable', 'faults'],
        ['pdu_unreadable', 'badPdus'],
        ['command_unknown', 'unknown'],
        ['probe_missed', 'probeMisses'],
        ['reading_held', 'holds'],
      ] as const) {
        put(count(t, name), { trouble });
      }
    }),
  );
  metrics.gauge('yima_listener_sessions', 'Open sessions of a listener, bound or not.', (put) => {
    for (const [listener, l] of node.listeners) put(l.sessions.size, { listener });
  });
  metrics.counter(
    'yima_listener_connections_total',
    'Connections of a listener, by what became of them; accepted counts all.',
    (put) => {
      for (const [listener, { counters: n }] of node.listeners) {
        put(n.accepted, { listener, outcome: 'accepted' });
        put(n.overLimit, { listener, outcome: 'over_limit' });
        put(n.evicted, { listener, outcome: 'evicted' });
        put(n.silent, { listener, outcome: 'silent' });
        put(n.foreign, { listener, outcome: 'foreign' });
        put(n.tlsFaults, { listener, outcome: 'tls_fault' });
        put(n.proxyFaults, { listener, outcome: 'proxy_fault' });
      }
    },
  );
}

function store(metrics: Exposition, { gw, engine }: Watched): void {
  const { batch, records } = gw;
  metrics.gauge('yima_store_failing', '1 while the last commit failed: nothing is acknowledged.', (put) =>
    put(batch.faulty === '' && gw.scarce === '' ? 0 : 1),
  );
  metrics.gauge('yima_store_congested', '1 while more waits to be committed than memory should hold.', (put) =>
    put(batch.congested ? 1 : 0),
  );
  metrics.gauge('yima_store_waiting_octets', 'Octets that are not durable yet.', (put) => put(batch.waiting));
  metrics.counter('yima_store_commits_total', 'Batches committed to the journal.', (put) =>
    put(batch.counters.commits),
  );
  metrics.counter('yima_store_commit_failures_total', 'Commits that failed and were tried again.', (put) =>
    put(batch.counters.failures),
  );
  metrics.counter('yima_store_events_total', 'Events committed to the journal.', (put) => put(batch.counters.events));
  metrics.counter('yima_store_octets_total', 'Octets committed to the journal.', (put) => put(batch.counters.octets));
  metrics.histogram('yima_store_commit_seconds', 'How long a commit took.', COMMIT_EDGES, SECONDS, (put) =>
    put(batch.counters.commitTime),
  );
  metrics.histogram('yima_store_commit_events', 'Events in a commit.', BATCH_EDGES, 1, (put) =>
    put(batch.counters.commitSize),
  );
  metrics.gauge('yima_journal_octets', 'Octets of the batches that are kept.', (put) => put(engine.journal.octets));
  metrics.gauge('yima_journal_batches', 'Batches that are kept.', (put) =>
    put(engine.journal.last - engine.journal.first + 1),
  );
  metrics.gauge(
    'yima_store_free_octets',
    'Octets that can still be journalled: disk or limit, whichever is less.',
    async (put) => {
      try {
        put(await engine.freeOctets());
      } catch {
        // No value rather than a wrong one: the folder cannot be looked at, which `yima_store_failing` tells.
      }
    },
  );
  metrics.counter('yima_records_total', 'Records of ended messages written.', (put) => put(records.counters.written));
  metrics.counter('yima_record_failures_total', 'Writes of records that failed and were tried again.', (put) =>
    put(records.counters.failures),
  );
}

/** What limits a carrier: as its pump saw it last, but a carrier without a bind is down whether it has work or not. */
export function limitOf(carrier: Carrier): Limit {
  return carrier.binds.length === 0 ? 'down' : carrier.limit;
}

/** Segments a second that windows and response times allow (Little's law); 0 before the first answer. */
export function ceilingOf(carrier: Carrier): number {
  return carrier.binds.reduce((n, { session }) => {
    return session.rttMs > 0 ? n + (session.windowSize * 1000) / session.rttMs : n;
  }, 0);
}

/** Milliseconds that the head of an outbox has waited. */
export function outboxAge(gw: Watched['gw'], account: Account): number {
  const id = account.outbox.peek();
  const endedAt = id === undefined ? undefined : look(gw, id)?.endedAt;
  return endedAt === undefined ? 0 : Math.max(0, gw.clock.now() - endedAt);
}

function byState(put: Put, counts: readonly number[]): void {
  // 0 and 1 are no final states.
  for (let state = 2; state < counts.length - 1; state++) put(counts[state]!, { state: stateName(state) });
}

function byCode(put: Put, label: string, counts: ReadonlyMap<number, number>, name: (code: number) => string): void {
  let labelled = 0;
  let others = 0;
  for (const [code, n] of counts) {
    if (labelled++ < CODES) put(n, { [label]: name(code) });
    else others += n;
  }
  if (others > 0) put(others, { [label]: 'other' });
}
