import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Histogram } from '../base/histogram.ts';
import type { Timer } from '../base/wheel.ts';
import type { BindCredentials, BindFailure, Dialect } from './dialect.ts';
import { Engine, type Keeper, type SessionDeps, type SessionLimits } from './engine.ts';
import { SocketLink } from './link.ts';
import { IDLE, type Mode, type OnDemand, type Session } from './session.ts';

export interface DialTls {
  /** Authorities that we trust instead of the system's. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** Our certificate, where the carrier wants one. PEM. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name in SNI and in the carrier's certificate; default: the host, if it is a name. */
  readonly serverName?: string;
  /** False takes any certificate. Default true. */
  readonly verify?: boolean;
}

export interface ReconnectOptions {
  /** First wait after a failure, and the longest: doubled in between, a random part of it taken. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Refusals for wrong credentials in a row after which a slot stops and alarms. */
  readonly credentialTries: number;
  /** Wait after "already bound": as long as the carrier may take to notice that the old session is gone. */
  readonly alreadyBoundMs: number;
  /** Pause between the rare tries of a stopped slot; default 10 minutes. */
  readonly stoppedMs?: number;
}

export interface DialOptions extends SessionLimits {
  /** The carrier. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly dialect: Dialect;
  readonly tls?: DialTls;
  /** `tx+rx`: a bind is a pair, a transmitter and a receiver. */
  readonly bind: Omit<BindCredentials, 'mode'> & { readonly mode: Mode | 'tx+rx' };
  /** Binds to keep up. */
  readonly binds: number;
  /** Our unanswered requests on each. */
  readonly window: number;
  readonly reconnect: ReconnectOptions;
  /** Longest wait for the connection itself (TLS included); default 10 s. */
  readonly connectTimeoutMs?: number;
  /** The same options with secrets and certificates read anew, asked for before every attempt: what has been rotated counts. */
  readonly fresh?: () => DialOptions;
  /** Binds are made on `wake` and may end when idle (`idleCloseMs`), instead of being kept up. */
  readonly onDemand?: boolean;
}

export interface DialDeps<T> extends SessionDeps<T> {
  /** From 0 to below 1; tests hand in their own. */
  readonly random?: () => number;
  readonly rtt?: Histogram;
  /** Attached to every session of this carrier. */
  readonly tag?: unknown;
  /** A slot has stopped: somebody must look. */
  readonly onAlarm?: (carrier: Carrier<T>, reason: string) => void;
}

/**
 * `waiting` backs off, `quarantined` waits for the carrier to forget the old session, `stopped` waits for somebody to
 * change the credentials (and tries again rarely), `idle` is closed.
 */
export type SlotState = 'idle' | 'connecting' | 'binding' | 'bound' | 'waiting' | 'quarantined' | 'stopped';

/** One bind that is kept up. */
export interface Slot<T> {
  readonly mode: Mode;
  readonly state: SlotState;
  /** When it came into this state, ms since the epoch. */
  readonly since: number;
  /** What ended the last attempt or session; `''` at first. */
  readonly error: string;
  /** Attempts since it was last bound. */
  readonly attempts: number;
  /** When it will be tried again, ms since the epoch; 0 when no attempt is due. */
  readonly nextAttemptAt: number;
  readonly session: Session<T> | undefined;
}

/** A carrier's binds. */
export interface Carrier<T> extends OnDemand {
  readonly name: string;
  /** The bound ones. */
  readonly sessions: readonly Session<T>[];
  readonly slots: readonly Slot<T>[];
  /** Takes other options: binds that they do not concern stay up. */
  update(options: DialOptions): void;
  /** Unbinds all within `withinMs` (default 5000); resolves when the last session is closed. */
  close(withinMs?: number): Promise<void>;
}

interface LiveSlot<T> extends Slot<T> {
  mode: Mode;
  state: SlotState;
  since: number;
  error: string;
  attempts: number;
  nextAttemptAt: number;
  session: Engine<T> | undefined;
  timer: Timer;
  /** Failures in a row, sessions that did not last among them: the backoff's exponent. */
  failures: number;
  credentialRefusals: number;
  /** Sessions on demand in a row that the peer ended at once, with nothing said. */
  hasty: number;
  /** Its options have changed: bind again as soon as the old session has ended. */
  renew: boolean;
  /** Set once the slot is no longer wanted: it ends as soon as its session does. */
  leaving: boolean;
}

const STOPPED_MS = 600_000;
const CONNECT_MS = 10_000;
/** A session that lived this long was sound: its end begins the backoff anew. */
const SOUND_MS = 60_000;
/** On demand: one that its peer ends sooner, with nothing said, would be woken again in a circle. */
const HASTY_MS = 5_000;

const modesOf = (mode: Mode | 'tx+rx'): readonly Mode[] => (mode === 'tx+rx' ? ['tx', 'rx'] : [mode]);

/** Keeps the binds to one carrier up until closed. */
export function dial<T>(first: DialOptions, deps: DialDeps<T>): Carrier<T> {
  const { clock, wheel, turn, log } = deps;
  const random = deps.random ?? Math.random;
  let options = first;
  const slots: LiveSlot<T>[] = [];
  const leaving = new Set<LiveSlot<T>>();
  /** How to end an attempt that has no session yet. */
  const connecting = new Map<LiveSlot<T>, (reason: string) => void>();
  let bound: Session<T>[] = [];
  let closed: (() => void) | undefined;
  let stopping = false;

  const to = (slot: LiveSlot<T>, state: SlotState): void => {
    slot.state = state;
    slot.since = clock.now();
    if (state !== 'waiting' && state !== 'quarantined' && state !== 'stopped') slot.nextAttemptAt = 0;
  };

  const rest = (slot: LiveSlot<T>, state: 'waiting' | 'quarantined' | 'stopped', ms: number): void => {
    to(slot, state);
    slot.nextAttemptAt = clock.now() + ms;
    slot.timer.arm(ms);
  };

  const backOff = (slot: LiveSlot<T>): void => {
    const { fromMs, toMs } = options.reconnect;
    const most = Math.min(toMs, fromMs * 2 ** Math.min(slot.failures - 1, 30));
    // Full jitter, but never at once: binds that fell together come back apart.
    rest(slot, 'waiting', Math.max(Math.min(fromMs, most) / 2, random() * most));
  };

  /** After an attempt or a session: what next, by the class of what happened. */
  const failed = (slot: LiveSlot<T>, failure: BindFailure, reason: string): void => {
    slot.session = undefined;
    slot.error = reason;
    slot.failures++;
    if (slot.leaving) {
      gone(slot);
      return;
    }
    if (slot.renew) {
      fresh(slot);
      return;
    }
    log.warn({ carrier: options.name, mode: slot.mode, attempts: slot.attempts, failure, reason }, 'dial: no bind');
    if (failure === 'credentials') {
      slot.credentialRefusals++;
      if (slot.credentialRefusals >= options.reconnect.credentialTries) {
        rest(slot, 'stopped', options.reconnect.stoppedMs ?? STOPPED_MS);
        // Every rare try ends here again; the alarm is given once.
        if (slot.credentialRefusals === options.reconnect.credentialTries) deps.onAlarm?.(carrier, reason);
        return;
      }
    } else if (failure !== 'network') slot.credentialRefusals = 0;
    if (failure === 'alreadyBound') rest(slot, 'quarantined', options.reconnect.alreadyBoundMs);
    else backOff(slot);
  };

  /** A bind on demand that ended with nothing due, whoever ended it: the usual way (SGIP 1.2, 3.2), no failure. */
  const rested = (slot: LiveSlot<T>, reason: string): void => {
    slot.session = undefined;
    slot.failures = 0;
    if (slot.leaving) gone(slot);
    else {
      slot.renew = false;
      slot.error = reason === IDLE ? '' : reason;
      to(slot, 'idle');
    }
  };

  /** Tries now, with nothing held against it. */
  const fresh = (slot: LiveSlot<T>): void => {
    slot.renew = false;
    slot.attempts = 0;
    slot.failures = 0;
    slot.credentialRefusals = 0;
    attempt(slot);
  };

  const gone = (slot: LiveSlot<T>): void => {
    slot.timer.cancel();
    to(slot, 'idle');
    leaving.delete(slot);
    if (stopping && leaving.size === 0) closed?.();
  };

  const keeperOf = (slot: LiveSlot<T>): Keeper<T> => {
    let failure: { readonly kind: BindFailure; readonly reason: string } | undefined;
    return {
      onBound(session) {
        slot.attempts = 0;
        slot.credentialRefusals = 0;
        slot.error = '';
        to(slot, 'bound');
        bound = [...bound, session];
        if (slot.leaving) session.unbind('the bind is no longer wanted');
      },
      onBindFailed(_session, kind, _status, reason) {
        failure = { kind, reason };
      },
      onClosed(session, reason, wasBound) {
        bound = bound.filter((s) => s !== session);
        if (!wasBound) {
          failed(slot, failure?.kind ?? 'network', failure?.reason ?? reason);
          return;
        }
        // Carriers that take a bind and drop it at once must not be hammered.
        if (clock.now() - session.boundAt >= SOUND_MS) slot.failures = 0;
        const { lost, answersIn } = session.counters;
        const hasty = reason !== IDLE && answersIn === 0 && clock.now() - session.boundAt < HASTY_MS;
        slot.hasty = hasty ? slot.hasty + 1 : 0;
        if (options.onDemand === true && slot.hasty < 2 && (reason === IDLE || lost === 0)) rested(slot, reason);
        else failed(slot, 'network', reason);
      },
    };
  };

  const attempt = (slot: LiveSlot<T>): void => {
    slot.attempts++;
    to(slot, 'connecting');
    let settled = false;
    let socket: Socket | undefined;
    const fail = (reason: string): void => {
      if (settled) return;
      settled = true;
      connecting.delete(slot);
      slot.timer.cancel();
      socket?.destroy();
      failed(slot, 'network', reason);
    };
    try {
      const using = options.fresh?.() ?? options;
      const made = connect(using, () => {
        if (settled) return;
        settled = true;
        connecting.delete(slot);
        slot.timer.cancel();
        made.off('close', onClose);
        begin(slot, made, using);
      });
      socket = made;
    } catch (error) {
      fail(`cannot connect: ${(error as Error).message}`);
      return;
    }
    // Stays: an error after the end of the session must find a listener too.
    socket.on('error', (error: NodeJS.ErrnoException) => fail(`cannot connect: ${error.code ?? error.message}`));
    const onClose = (): void => fail('cannot connect: closed by the peer');
    socket.on('close', onClose);
    connecting.set(slot, fail);
    slot.timer.arm(options.connectTimeoutMs ?? CONNECT_MS);
  };

  const begin = (slot: LiveSlot<T>, socket: Socket, using: DialOptions): void => {
    const link = new SocketLink(socket, { frame: using.dialect.frame }, wheel, turn);
    const { mode: _pair, ...credentials } = using.bind;
    const session = new Engine<T>(
      link,
      {
        dialect: using.dialect,
        limits: using,
        side: {
          role: 'client',
          name: using.name,
          credentials: { ...credentials, mode: slot.mode },
          window: using.window,
          tag: deps.tag,
        },
        keeper: keeperOf(slot),
        ...(deps.rtt === undefined ? {} : { rtt: deps.rtt }),
      },
      deps,
    );
    slot.session = session;
    to(slot, 'binding');
    link.tap = deps.tap?.open(session);
    session.start();
  };

  const onTimer = (slot: LiveSlot<T>): void => {
    if (slot.state === 'connecting') connecting.get(slot)?.('cannot connect: no answer');
    else if (slot.state !== 'idle') attempt(slot);
  };

  const add = (mode: Mode): void => {
    const slot: LiveSlot<T> = {
      mode,
      state: 'idle',
      since: clock.now(),
      error: '',
      attempts: 0,
      nextAttemptAt: 0,
      session: undefined,
      timer: wheel.timer(() => onTimer(slot)),
      failures: 0,
      credentialRefusals: 0,
      hasty: 0,
      renew: false,
      leaving: false,
    };
    slots.push(slot);
    if (options.onDemand !== true) attempt(slot);
  };

  const remove = (slot: LiveSlot<T>, withinMs?: number): void => {
    slots.splice(slots.indexOf(slot), 1);
    slot.leaving = true;
    leaving.add(slot);
    if (slot.session !== undefined) slot.session.unbind('the bind is no longer wanted', withinMs);
    else if (slot.state === 'connecting') connecting.get(slot)?.('the bind is no longer wanted');
    else gone(slot);
  };

  /** Brings the slots in line with the options: as many of each mode as there are binds. */
  const settle = (): void => {
    const wanted = modesOf(options.bind.mode);
    for (const slot of [...slots]) if (!wanted.includes(slot.mode)) remove(slot);
    for (const mode of wanted) {
      const have = slots.filter((slot) => slot.mode === mode);
      for (const slot of have.slice(options.binds)) remove(slot);
      for (let n = have.length; n < options.binds; n++) add(mode);
    }
  };

  const carrier: Carrier<T> = {
    get name() {
      return options.name;
    },
    get sessions() {
      return bound;
    },
    slots,
    get resting() {
      return !stopping && options.onDemand === true && slots.some((slot) => slot.failures === 0);
    },
    wake() {
      if (stopping || options.onDemand !== true) return;
      for (const slot of slots) if (slot.state === 'idle') fresh(slot);
    },
    update(next) {
      if (stopping) return;
      const before = options;
      options = next;
      const kept = new Set(slots);
      settle();
      if (mustRebind(before, next)) {
        // The old session goes first: carriers count sockets.
        for (const slot of slots) {
          if (!kept.has(slot)) continue;
          slot.renew = true;
          if (slot.session !== undefined) slot.session.unbind('the options have changed');
          else if (slot.state === 'connecting') connecting.get(slot)?.('the options have changed');
          else if (next.onDemand === true && slot.state === 'idle') slot.renew = false;
          else fresh(slot);
        }
        return;
      }
      for (const session of bound) session.setWindow(next.window);
      // Whoever changed something wants to see at once whether it helped.
      for (const slot of slots) if (slot.state === 'stopped' || slot.state === 'waiting') fresh(slot);
    },
    close(withinMs) {
      stopping = true;
      return new Promise((resolve) => {
        closed = resolve;
        for (const slot of [...slots]) remove(slot, withinMs);
        if (leaving.size === 0) resolve();
      });
    },
  };
  settle();
  return carrier;
}

/** Whether sessions made with `a` are wrong under `b`. The number of binds, the window and the waits are not. */
function mustRebind(a: DialOptions, b: DialOptions): boolean {
  const fixed = (o: DialOptions): string =>
    JSON.stringify([
      o.name,
      o.host,
      o.port,
      o.dialect.name,
      o.tls ?? null,
      { ...o.bind, mode: '' },
      o.keepaliveMs,
      o.misses,
      o.responseTimeoutMs,
      o.intake,
      o.badPdus,
      o.onDemand ?? false,
      o.idleCloseMs ?? 0,
      o.node ?? 0,
    ]);
  return fixed(a) !== fixed(b);
}

function connect(options: DialOptions, onConnected: () => void): Socket {
  const { host, port, tls } = options;
  if (tls === undefined) {
    return connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, onConnected);
  }
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  return connectTls(
    {
      host,
      port,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: tls.verify !== false,
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(tls.ca === undefined ? {} : { ca: Array.isArray(tls.ca) ? [...tls.ca] : (tls.ca as string | Buffer) }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    },
    onConnected,
  );
}
