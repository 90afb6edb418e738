import type { Logger } from 'pino';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { createCalendar } from '../base/calendar.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Turn } from '../base/turn.ts';
import type { Config } from '../config/schema.ts';
import type { Answer, CarrierMapping } from '../message/mapping.ts';
import {
  ENDED,
  type Message,
  MO,
  PART,
  PENDING,
  QUEUED,
  REPORTED,
  SENDING,
  SENT,
  type Segment,
} from '../message/message.ts';
import type { PlatformMapping } from '../message/platform.ts';
import { resumedId } from '../message/public-id.ts';
import { IDLE, type SessionOwner } from '../session/session.ts';
import { createBatch } from '../store/batch.ts';
import { readBatch } from '../store/events.ts';
import type { Engine } from '../store/journal.ts';
import type { Records } from '../store/records.ts';
import { onPlatformRequest } from './accept.ts';
import { type Account, createAccount } from './account.ts';
import { onAlert } from './alert.ts';
import { createAssembly } from './assembly.ts';
import { compileCalled } from './called.ts';
import { type Bind, type Carrier, createBind, createCarrier } from './carrier.ts';
import { type Carrying, createCarrying } from './carry.ts';
import type { Gateway } from './context.ts';
import { onAnswered, onLateAnswer, onNoAnswer, onReport } from './correlate.ts';
import { deliverPump, told, toldLate, untold } from './deliver.ts';
import { dispatchPump, enqueue, reroute, routeOf, unknownOutcome } from './dispatch.ts';
import { createExpiry, keptUntil } from './expire.ts';
import { canonicalId } from './id-form.ts';
import { ANEW, giveUpWaiting, rememberPart, resumePart } from './long-mo.ts';
import { onMo } from './mo.ts';
import { createRate } from './rate.ts';
import { createRecent } from './recent.ts';
import { createRoom } from './room.ts';
import { compileRoutes } from './route.ts';
import { createState, find, replayEvent } from './state.ts';
import { tell } from './tell.ts';

export interface GatewayDeps {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly engine: Engine;
  readonly records: Records;
  readonly log: Logger;
  readonly after: (ms: number, run: () => void) => { cancel(): void };
  /** What each protocol means, by name: the one registry is handed down by whoever wires the process. */
  readonly carrierMappings: Readonly<Record<string, CarrierMapping>>;
  readonly platformMappings: Readonly<Record<string, PlatformMapping>>;
}

/** What replay found. */
export interface Recovery {
  readonly batches: number;
  readonly events: number;
  readonly messages: number;
  readonly ms: number;
}

/** The gateway of one process: owner of all sessions, and of every message between them. */
export interface RunningGateway {
  readonly gw: Gateway;
  readonly carriers: SessionOwner<Segment>;
  readonly platforms: SessionOwner<Message>;
  /** Rebuilds the state from the journal. Before any session. */
  recover(): Recovery;
  /** Queues what recovery found. After `recover`, before sessions. */
  resume(): void;
  /** Every 20 ms or so. */
  tick(): void;
  /** Takes another configuration: what it does not change goes on undisturbed. */
  reload(config: Config): void;
  /** Everything told so far is durable, and a clean stop's journal is short. */
  settle(): Promise<void>;
}

export function createGateway(config: Config, deps: GatewayDeps): RunningGateway {
  const { clock, turn, engine, log } = deps;
  const batch = createBatch(
    { commitDelayMs: config.store.commitDelay },
    {
      clock,
      turn,
      journal: engine.journal,
      after: deps.after,
      spent: () => carrying.spent(),
      onFault: (error) => {
        if (error === undefined) log.info('store well again: taking messages');
        else log.error({ error: error.message }, 'store failing: nothing is acknowledged until it recovers');
      },
    },
  );
  const gw: Gateway = {
    clock,
    turn,
    batch,
    journal: engine.journal,
    cold: engine.cold,
    state: createState(),
    records: deps.records,
    log,
    accounts: new Map(),
    carriers: new Map(),
    routes: new Map(),
    config,
    called: compileCalled(config.accounts),
    assembly: createAssembly({ texts: 50_000, parts: 200_000 }),
    epoch: (Math.floor(clock.now() / 1000) % 2 ** 22) * 2 ** 31,
    later: createCalendar<Message>(20),
    recent: createRecent(),
    counters: {
      resentAfterRestart: 0,
      failedAfterRestart: 0,
      queuedAtRestart: 0,
      parkedExpired: 0,
      parkedDropped: 0,
      rerouted: 0,
      carried: 0,
      cooled: 0,
      warmed: 0,
      replays: 0,
    },
    scarce: '',
    stopping: false,
  };
  const carrying: Carrying = createCarrying(gw);
  const expiry = createExpiry(gw);
  const room = createRoom(gw, engine);
  let ended: { readonly message: Message; readonly batch: number }[] = [];
  let lastSecond = 0;

  gw.state.needsText = (m) => (routeOf(gw, m)?.next.reportFailedWithin ?? 0) > 0;
  gw.state.dueOf = (m) => {
    if (m.stage === ENDED) return keptUntil(gw, m);
    const window = gw.carriers.get(m.carrier)?.config.receiptWindow ?? 72 * 3_600_000;
    return m.segments.reduce((at, s) => Math.max(at, s.at), 0) + window;
  };

  const configure = (next: Config): void => {
    gw.config = next;
    gw.called = compileCalled(next.accounts);
    gw.routes.clear();
    for (const [name, route] of compileRoutes(next)) gw.routes.set(name, route);
    for (const account of gw.accounts.values()) account.enabled = false;
    for (const c of next.accounts) {
      const known = gw.accounts.get(c.name);
      const mapping = deps.platformMappings[c.protocol];
      if (mapping === undefined) throw new Error(`account ${c.name}: protocol ${c.protocol} is not built in`);
      if (known === undefined || known.mapping !== mapping) {
        gw.accounts.set(
          c.name,
          createAccount(c, mapping, (account) => deliverPump(gw, account), known),
        );
        // The old one lives on as long as its sessions: what it told is answered in its own protocol.
        for (const s of [...(known?.sessions ?? [])]) s.unbind('the account speaks another protocol now');
        continue;
      }
      if (known.config.throughput !== c.throughput) known.rate = createRate(c.throughput);
      known.config = c;
      known.enabled = c.enabled;
      for (const s of known.sessions) s.setWindow(c.window);
      turn.mark(known);
    }
    for (const carrier of gw.carriers.values()) carrier.enabled = false;
    for (const c of next.carriers) {
      const known = gw.carriers.get(c.name);
      const mapping = deps.carrierMappings[c.protocol];
      if (mapping === undefined) throw new Error(`carrier ${c.name}: protocol ${c.protocol} is not built in`);
      if (known === undefined) {
        gw.carriers.set(
          c.name,
          createCarrier(c, mapping, clock, (carrier) => dispatchPump(gw, carrier)),
        );
        continue;
      }
      if (known.config.throughput !== c.throughput) known.rate = createRate(c.throughput);
      known.config = c;
      known.enabled = true;
      for (const b of known.binds) {
        b.session.setWindow(c.window);
        b.allowed = Math.min(b.allowed, c.window);
      }
      turn.mark(known);
    }
    for (const carrier of gw.carriers.values()) if (!carrier.enabled) reroute(gw, carrier);
  };
  configure(config);

  /** An account or carrier that messages name but the configuration no longer has: its messages still end. */
  const missing = (m: Message): void => {
    if (!gw.accounts.has(m.account))
      log.warn({ account: m.account, message: m.id }, 'message of an account that is no longer configured');
  };

  const carriers: SessionOwner<Segment> = {
    onBound(session) {
      const carrier = gw.carriers.get(session.peer);
      if (carrier === undefined) return;
      const bind = createBind(carrier, session);
      session.tag = bind;
      carrier.counters.binds++;
      if (session.role === 'server') carrier.dialIns.add(session);
      if (session.mode === 'rx') return;
      const first = carrier.binds.length === 0;
      if (first) log.info({ carrier: carrier.name, queued: carrier.queued }, 'carrier up');
      carrier.binds.push(bind);
      turn.mark(carrier);
      // What waits for carriers that are down may go to this one now.
      if (first) for (const other of gw.carriers.values()) reroute(gw, other);
    },
    onRequest(session, pdu, value, sequence) {
      const carrier = (session.tag as Bind).carrier;
      const now = clock.now();
      const request = carrier.mapping.fromCarrier(pdu, value, carrier.config, session.version, now);
      if (request.what === 'report') onReport(gw, carrier, session, sequence, request.report, request.answer);
      else if (request.what === 'mo') onMo(gw, carrier, session, sequence, request.draft, request.answer);
      else {
        carrier.counters.odd++;
        session.respond(sequence, request.answer.plan, request.answer.value, request.status);
      }
    },
    onNotice(session, pdu, value) {
      const { carrier } = session.tag as Bind;
      const alert = carrier.mapping.alert?.(pdu, value, carrier.config);
      if (alert !== undefined) onAlert(gw, carrier, alert);
    },
    onAnswer(session, segment, pdu, value, status, elapsedMs) {
      const bind = session.tag as Bind;
      onAnswered(gw, bind, segment, answerOf(bind.carrier, segment, pdu, value, status), elapsedMs);
      turn.mark(bind.carrier);
    },
    onExpired(session, segment) {
      const { carrier } = session.tag as Bind;
      forget(carrier, segment);
      onNoAnswer(gw, carrier, segment, 'no answer');
      turn.mark(carrier);
    },
    onLate(session, segment, pdu, value, status) {
      const { carrier } = session.tag as Bind;
      onLateAnswer(gw, carrier, segment, answerOf(carrier, segment, pdu, value, status, true));
    },
    onLost(session, segment) {
      const { carrier } = session.tag as Bind;
      forget(carrier, segment);
      onNoAnswer(gw, carrier, segment, 'link lost');
    },
    onRoom(session) {
      turn.mark((session.tag as Bind).carrier);
    },
    onClosed(session, reason, wasBound) {
      if (!wasBound) return;
      const bind = session.tag as Bind | undefined;
      if (bind === undefined) return;
      const { carrier } = bind;
      carrier.counters.unbinds++;
      carrier.dialIns.delete(session);
      const at = carrier.binds.indexOf(bind);
      if (at < 0) return;
      carrier.binds.splice(at, 1);
      if (carrier.binds.length === 0) {
        if (reason === IDLE) log.info({ carrier: carrier.name }, 'carrier at rest');
        else log.warn({ carrier: carrier.name, queued: carrier.queued, reason }, 'carrier down');
        reroute(gw, carrier);
      }
      turn.mark(carrier);
    },
  };

  const platforms: SessionOwner<Message> = {
    onBound(session) {
      const account = gw.accounts.get(session.peer);
      if (account === undefined) {
        session.close('account gone');
        return;
      }
      session.tag = account;
      account.sessions.push(session);
      account.pausedUntil = 0;
      if (account.outbox.length > 0)
        log.info({ account: account.name, outbox: account.outbox.length }, 'telling what waited');
      turn.mark(account);
    },
    onRequest(session, pdu, value, sequence) {
      onPlatformRequest(gw, session.tag as Account, session, pdu, value, sequence);
    },
    onAnswer(session, m, _pdu, _value, status) {
      const account = session.tag as Account;
      told(gw, account, m, status);
      turn.mark(account);
    },
    onExpired(session, m) {
      untold(gw, session.tag as Account, m);
    },
    onLate(session, stale, _pdu, _value, status) {
      toldLate(gw, session.tag as Account, stale, status);
    },
    onLost(session, m) {
      untold(gw, session.tag as Account, m);
    },
    onRoom(session) {
      turn.mark(session.tag as Account);
    },
    onClosed(session, _reason, wasBound) {
      if (!wasBound) return;
      const account = session.tag as Account | undefined;
      if (account === undefined) return;
      const at = account.sessions.indexOf(session);
      if (at >= 0) account.sessions.splice(at, 1);
      turn.mark(account);
    },
  };

  const running: RunningGateway = {
    gw,
    carriers,
    platforms,

    recover() {
      // The gateway's own clock stands still within a turn.
      const began = systemClock.now();
      let batches = 0;
      let events = 0;
      engine.journal.replay((sequence, octets) => {
        batches++;
        const b = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
        readBatch(b, (kind, value) => {
          events++;
          replayEvent(gw.state, kind, value, sequence, (m) => {
            if (m.kind === MO && m.reason === ANEW && (m.flags & PART) === 0) return;
            if ((m.flags & PART) !== 0) {
              rememberPart(gw, m);
              return;
            }
            if (sequence > gw.state.recordedTo) {
              gw.state.holds.hold(m.batch);
              ended.push({ message: m, batch: m.batch });
            }
            if (m.kind === MO) return;
            // Reports that were not answered before the crash come again.
            for (const s of m.segments)
              if (s.stage === REPORTED) gw.recent.reported(m.carrier, canonicalId(s.carrierId));
            gw.recent.ended(m.id, m.account, m.state, m.error, m.endedAt);
          });
        });
      });
      // Checkpoints wrote some of them again: oldest first, as they were parked.
      const parked = [...gw.state.parked].sort((a, b) => a[1].at - b[1].at);
      gw.state.parked.clear();
      for (const [key, report] of parked) gw.state.parked.set(key, report);
      // Ids rise with time, so that they stay unique even if the journal was emptied.
      gw.state.nextId = resumedId(gw.state.nextId, clock.now() * 256);
      return { batches, events, messages: gw.state.active.size + gw.state.frozen.count, ms: systemClock.now() - began };
    },

    resume() {
      for (const { message, batch } of ended) gw.records.add(message, batch);
      const waiting = [...gw.state.active.values()].sort((a, b) => a.id - b.id);
      for (const m of waiting) {
        if (!m.live) continue;
        missing(m);
        // The platform may not have had its answer.
        if (m.platformRef !== '') gw.accounts.get(m.account)?.references.add(m, m.id);
        if ((m.flags & PART) !== 0) resumePart(gw, m);
        if (m.stage === QUEUED || m.stage === SENDING) takeUp(m);
      }
      for (const id of [...gw.state.untold].sort((a, b) => a - b)) {
        const m = find(gw.state, id);
        if (m === undefined) continue;
        missing(m);
        tell(gw, m);
      }
      gw.state.untold.clear();
      if (gw.cold.count > 0) forgetStale();
      ended = [];
      if (gw.counters.resentAfterRestart + gw.counters.failedAfterRestart + gw.counters.queuedAtRestart > 0) {
        log.warn(
          {
            resent: gw.counters.resentAfterRestart,
            failed: gw.counters.failedAfterRestart,
            queued: gw.counters.queuedAtRestart,
          },
          'messages found unfinished: those in flight have an unknown outcome',
        );
      }
    },

    tick() {
      const now = clock.now();
      gw.records.durable(engine.journal.last);
      gw.records.tick();
      room.look(now);
      expiry.step();
      giveUpWaiting(gw);
      carrying.step();
      for (const carrier of gw.carriers.values()) {
        if (carrier.wakeAt <= now || (carrier.limit === 'store' && carrier.queued > 0)) turn.mark(carrier);
        // At rest, and then not to be had: no bind went, of which anybody would have been told.
        const { up } = carrier;
        if (carrier.wasUp && !up) reroute(gw, carrier);
        carrier.wasUp = up;
      }
      for (const account of gw.accounts.values()) {
        const tellable = account.receivers > 0 || account.connection !== undefined;
        if (account.outbox.length > 0 && tellable && account.pausedUntil <= now) turn.mark(account);
      }
      if (now - lastSecond >= 1000) {
        lastSecond = now;
        expiry.second();
      }
    },

    reload(next) {
      configure(next);
    },

    async settle() {
      await carrying.all();
      await batch.settled();
      gw.records.durable(engine.journal.last);
      await gw.records.flush();
      carrying.trim();
      await batch.settled();
    },
  };

  /** A message that a restart found in the middle of its way. */
  const takeUp = (m: Message): void => {
    const inFlight = m.segments.filter((s) => s.stage === SENT);
    if (inFlight.length === 0) {
      gw.counters.queuedAtRestart++;
      const at = Math.max(m.scheduledAt, m.retryAt);
      if (at > clock.now()) gw.later.add(at, m);
      else if (m.segments.length === 0 || m.segments.some((s) => s.stage === PENDING)) enqueue(gw, m);
      return;
    }
    for (const s of inFlight) {
      const what = unknownOutcome(gw, m, s, 'restart');
      if (what === 'resent') gw.counters.resentAfterRestart++;
      else if (what === 'failed') gw.counters.failedAfterRestart++;
    }
  };

  /** Entries of the cold index whose message is in memory, or has ended: a crash fell between their two commits. */
  const forgetStale = (): void => {
    let cursor = 0;
    const look = (id: number): void => {
      if (gw.cold.byId(id) !== undefined) batch.coldDelete(id);
    };
    for (const id of gw.state.active.keys()) look(id);
    while (cursor >= 0) cursor = gw.state.frozen.scan(cursor, 10_000, (record) => look(record.id));
    for (const { message } of ended) look(message.id);
  };

  return running;
}

/** No answer to a segment is awaited any more; a late one to its first copy may have changed its ids about. */
function forget(carrier: Carrier, s: Segment): void {
  if (carrier.mapping.idIsSequence !== true) return;
  carrier.underWay.delete(s.carrierId);
  carrier.underWay.delete(s.otherId);
}

/**
 * What the answer to a segment's submit says. An id that is the submit's sequence was known before; of a segment sent
 * twice, a late answer is the first one's.
 */
function answerOf(
  carrier: Carrier,
  s: Segment,
  pdu: Plan | undefined,
  value: Values<Fields> | undefined,
  status: number,
  late = false,
): Answer {
  const answer = carrier.mapping.answer(pdu, value, status, carrier.config);
  if (carrier.mapping.idIsSequence !== true) return answer;
  const id = s.otherId !== '' && (late || s.stage !== SENT) ? s.otherId : s.carrierId;
  carrier.underWay.delete(id);
  return { code: answer.code, carrierId: answer.code === 0 ? id : '' };
}
