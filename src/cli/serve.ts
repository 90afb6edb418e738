import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { createTurnClock } from '../base/clock.ts';
import { after, every, sleep } from '../base/timers.ts';
import { createTurn } from '../base/turn.ts';
import { createWheel } from '../base/wheel.ts';
import { diffConfig } from '../config/diff.ts';
import type { CarrierConfig, Config, ListenerConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secret.ts';
import type { Gateway } from '../gateway/context.ts';
import { createGateway, type Recovery } from '../gateway/gateway.ts';
import type { Message, Segment } from '../message/message.ts';
import { type Carrier as Dialled, type DialOptions, dial } from '../session/dial.ts';
import type { BindCredentials, Dialect } from '../session/dialect.ts';
import { cmpp } from '../session/dialects/cmpp.ts';
import { sgip } from '../session/dialects/sgip.ts';
import { smgp } from '../session/dialects/smgp.ts';
import { smpp } from '../session/dialects/smpp.ts';
import { type Listener, type ListenOptions, listen } from '../session/listen.ts';
import type { Mode } from '../session/session.ts';
import { ownerBySide } from '../session/sides.ts';
import { createTap, type Tap } from '../session/tap.ts';
import type { Engine } from '../store/journal.ts';
import { openLmdb } from '../store/lmdb.ts';
import { createRecords } from '../store/records.ts';
import { authenticate } from './authenticate.ts';
import { dialBack, dialBackOptions } from './dial-back.ts';
import { BAD_PDUS, type Parts } from './parts.ts';
import { CARRIER_MAPPINGS, nodeOf, platformMappings, versionOf } from './protocols.ts';

/** How each protocol binds; what its PDUs mean is beside it, in `protocols.ts`. */
const DIALECTS: Readonly<Record<string, Dialect>> = { smpp, cmpp, sgip, smgp };

const TICK_MS = 20;
/** Writes are gathered for so long: at 20,000 messages a second it halves their number. */
const GATHER_MS = 1;

/** A running node. */
export interface Node {
  config: Config;
  readonly gw: Gateway;
  readonly engine: Engine;
  readonly log: Logger;
  readonly listeners: Map<string, Listener<Message | Segment>>;
  readonly dials: Map<string, Dialled<Segment>>;
  /** Connections to platforms that are dialled for their reports and MO (SGIP), by account. */
  readonly callbacks: Map<string, Dialled<Message>>;
  readonly recovery: Recovery;
  readonly startedAt: number;
  /** The newest octets of all sessions; undefined: not kept (`trace.memory: 0`). */
  readonly tap: Tap | undefined;
  /** Takes another configuration without touching what it does not change. Returns what needs a restart. */
  reload(config: Config): Promise<readonly string[]>;
  /** Takes nothing new, lets what is under way finish within `withinMs`, makes everything durable. */
  stop(withinMs?: number): Promise<void>;
}

/** Starts a node: store, recovery, carriers, listeners, in this order. Rejects with what could not be started. */
export async function startNode(config: Config, log: Logger): Promise<Node> {
  const turn = createTurn({ gatherMs: GATHER_MS });
  const clock = createTurnClock(turn.wake);
  turn.onEnd(clock.endOfTurn);
  const wheel = createWheel();
  const folder = resolve(config.node.data);
  mkdirSync(folder, { recursive: true });
  const engine = openLmdb(join(folder, 'store'), { maxOctets: config.store.maxOctets });
  const records = createRecords(
    join(folder, 'records'),
    clock,
    (carrier, id) => running.gw.carriers.get(carrier)?.mapping.showId(id) ?? id,
    (error) => log.error({ error: error.message }, 'records cannot be written; kept and tried again'),
    (batch) => running.gw.state.holds.release(batch),
  );
  const running = createGateway(config, {
    clock,
    turn,
    engine,
    records,
    log,
    after,
    carrierMappings: CARRIER_MAPPINGS,
    platformMappings: platformMappings(config.node),
  });
  const recovery = running.recover();
  if (recovery.events > 0) log.info(recovery, 'journal replayed');
  running.resume();
  const stopWheel = wheel.start();
  const ticking = every(TICK_MS, () => running.tick());

  const tap = config.trace.memory > 0 ? createTap(config.trace.memory, clock) : undefined;
  const parts: Parts = { clock, wheel, turn, log, running, tap };
  const dials = new Map<string, Dialled<Segment>>();
  const callbacks = new Map<string, Dialled<Message>>();
  const listeners = new Map<string, Listener<Message | Segment>>();
  for (const c of config.carriers) dials.set(c.name, dialCarrier(c, parts));
  dialBackAll(config, callbacks, parts);
  try {
    for (const l of config.listeners) listeners.set(l.name, await startListener(l, parts));
  } catch (error) {
    for (const l of listeners.values()) await l.close(0);
    for (const d of [...dials.values(), ...callbacks.values()]) await d.close(0);
    ticking.stop();
    stopWheel();
    await engine.close();
    throw error;
  }

  const node: Node = {
    config,
    gw: running.gw,
    engine,
    log,
    listeners,
    dials,
    callbacks,
    recovery,
    startedAt: clock.now(),
    tap,

    async reload(wanted) {
      const { config: next, kept } = withProtocolsKept(wanted, node);
      const diff = diffConfig(node.config, next);
      const before = new Map(node.config.carriers.map((c) => [c.name, deliverLogin(c)]));
      node.config = next;
      running.reload(next);
      for (const name of diff.carriers.removed) {
        void dials.get(name)?.close();
        dials.delete(name);
      }
      for (const c of next.carriers) {
        if (diff.carriers.added.includes(c.name)) dials.set(c.name, dialCarrier(c, parts));
        else if (diff.carriers.changed.includes(c.name)) dials.get(c.name)?.update(dialOptions(c));
      }
      for (const name of [...diff.carriers.removed, ...diff.carriers.changed]) {
        const login = deliverLogin(next.carriers.find((c) => c.name === name));
        if (login !== undefined && login === before.get(name)) continue;
        for (const s of running.gw.carriers.get(name)?.dialIns ?? []) s.unbind('the carrier may not dial in any more');
      }
      dialBackAll(next, callbacks, parts);
      for (const name of [...diff.accounts.removed, ...diff.accounts.changed]) {
        const now = next.accounts.find((a) => a.name === name);
        if (now?.enabled === true) continue;
        for (const s of [...(running.gw.accounts.get(name)?.sessions ?? [])]) s.unbind('account removed or disabled');
      }
      for (const name of [...diff.listeners.removed, ...diff.listeners.changed]) {
        await listeners.get(name)?.close();
        listeners.delete(name);
      }
      for (const l of next.listeners) if (!listeners.has(l.name)) listeners.set(l.name, await startListener(l, parts));
      log.info({ ...diff }, 'configuration reloaded');
      return [...diff.needsRestart, ...kept];
    },

    async stop(withinMs = node.config.node.stopWithin) {
      const { gw } = running;
      gw.stopping = true;
      const deadline = clock.now() + withinMs;
      // Carriers first have their answers taken; platforms stay bound meanwhile for the receipts that are ready.
      const part = Math.max(100, withinMs * 0.4);
      await Promise.all([...dials.values()].map((d) => d.close(part)));
      await Promise.all([...listeners.values(), ...callbacks.values()].map((l) => l.close(part)));
      const settled = running.settle();
      await Promise.race([settled, sleep(Math.max(100, deadline - clock.now()))]);
      ticking.stop();
      stopWheel();
      gw.batch.stop();
      await records.close();
      await engine.close();
    },
  };
  return node;
}

/**
 * A configuration in which no carrier speaks another protocol than it did: ids, codes and cuts of its messages at work
 * are of the one that they were sent in. `kept`: the keys that wait for the next start.
 */
function withProtocolsKept(wanted: Config, { config, gw }: Node): { config: Config; kept: readonly string[] } {
  const changes = (c: CarrierConfig): boolean =>
    (gw.carriers.get(c.name)?.mapping ?? CARRIER_MAPPINGS[c.protocol]) !== CARRIER_MAPPINGS[c.protocol];
  const changed = wanted.carriers.filter(changes);
  if (changed.length === 0) return { config: wanted, kept: [] };
  const carriers = wanted.carriers.flatMap((c) =>
    changes(c) ? config.carriers.filter(({ name }) => name === c.name) : [c],
  );
  return { config: { ...wanted, carriers }, kept: changed.map(({ name }) => `carriers.${name}.protocol`) };
}

/** The name under which a carrier dials in, if it may. */
const deliverLogin = (c: CarrierConfig | undefined): string | undefined =>
  c?.protocol === 'sgip' ? c.deliver?.systemId : undefined;

/** Brings the connections to platforms in line with the accounts. */
function dialBackAll(config: Config, callbacks: Map<string, Dialled<Message>>, parts: Parts): void {
  const wanted = new Map<string, DialOptions>();
  for (const account of config.accounts) {
    const options = dialBackOptions(account, config);
    if (options !== undefined) wanted.set(account.name, options);
  }
  for (const [name, dialled] of callbacks) {
    if (wanted.has(name)) continue;
    const account = parts.running.gw.accounts.get(name);
    if (account !== undefined) account.connection = undefined;
    void dialled.close();
    callbacks.delete(name);
  }
  for (const [name, options] of wanted) {
    const known = callbacks.get(name);
    if (known === undefined) callbacks.set(name, dialBack(options, parts));
    else known.update(options);
  }
}

function dialCarrier(config: CarrierConfig, { clock, wheel, turn, log, running, tap }: Parts): Dialled<Segment> {
  const dialled = dial<Segment>(dialOptions(config), {
    clock,
    wheel,
    turn,
    log,
    tap,
    owner: running.carriers,
    onAlarm: (carrier, reason) =>
      log.error(
        { carrier: carrier.name, reason },
        'ALARM: the carrier refuses our credentials; dialling stopped until they change',
      ),
  });
  const carrier = running.gw.carriers.get(config.name);
  if (carrier !== undefined) carrier.connection = dialled;
  return dialled;
}

function dialOptions(config: CarrierConfig): DialOptions {
  const dialect = DIALECTS[config.protocol];
  if (dialect === undefined) throw new Error(`carrier ${config.name}: protocol ${config.protocol} is not built in`);
  const { tls } = config;
  return {
    name: config.name,
    host: config.host,
    port: config.port,
    dialect,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            verify: tls.verify,
            ...(tls.ca === undefined ? {} : { ca: readFileSync(tls.ca) }),
            ...(tls.cert === undefined ? {} : { cert: readFileSync(tls.cert) }),
            ...(tls.key === undefined ? {} : { key: readFileSync(tls.key) }),
            ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
          },
        }),
    bind: credentials(config),
    binds: config.binds,
    window: config.window,
    connectTimeoutMs: config.bindTimeout,
    bindTimeoutMs: config.bindTimeout,
    responseTimeoutMs: config.responseTimeout,
    keepaliveMs: config.keepalive,
    misses: config.misses,
    ...(config.protocol === 'sgip'
      ? { idleCloseMs: config.idleClose, onDemand: config.idleClose > 0, node: nodeOf(config) ?? 0 }
      : {}),
    intake: 10_000,
    badPdus: BAD_PDUS,
    fresh: () => dialOptions(config),
    reconnect: {
      fromMs: config.reconnect.from,
      toMs: config.reconnect.to,
      credentialTries: config.reconnect.credentialTries,
      alreadyBoundMs: config.reconnect.alreadyBound,
    },
  };
}

function credentials(config: CarrierConfig): Omit<BindCredentials, 'mode'> & { mode: Mode | 'tx+rx' } {
  if (config.protocol === 'cmpp') {
    return {
      name: config.spId,
      secret: resolveSecret(config.sharedSecret),
      mode: 'trx',
      version: versionOf(config),
    };
  }
  if (config.protocol === 'smgp') {
    return {
      name: config.clientId,
      secret: resolveSecret(config.sharedSecret),
      mode: config.loginMode,
      version: versionOf(config),
    };
  }
  // Reports and MO come over connections of its own (Login Type 2), or down this one.
  if (config.protocol === 'sgip') {
    return { name: config.systemId, secret: resolveSecret(config.password), mode: 'tx', version: versionOf(config) };
  }
  return {
    name: config.systemId,
    secret: resolveSecret(config.password),
    mode: config.bind,
    version: versionOf(config),
    systemType: config.systemType,
    addressRange: config.addressRange,
  };
}

async function startListener(
  config: ListenerConfig,
  { clock, wheel, turn, log, running, tap }: Parts,
): Promise<Listener<Message | Segment>> {
  const dialect = DIALECTS[config.protocol];
  if (dialect === undefined) throw new Error(`listener ${config.name}: protocol ${config.protocol} is not built in`);
  const { tls } = config;
  const options: ListenOptions = {
    name: config.name,
    host: config.listen.host,
    port: config.listen.port,
    dialect,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            cert: readFileSync(tls.cert),
            key: readFileSync(tls.key),
            clientCertificate: tls.clientCertificate,
            ...(tls.ca === undefined ? {} : { ca: readFileSync(tls.ca) }),
          },
        }),
    ...(config.proxyProtocol === undefined ? {} : { proxyProtocol: config.proxyProtocol }),
    maxConnections: config.maxConnections,
    maxUnbound: Math.max(10, Math.ceil(config.maxConnections / 2)),
    systemId: config.systemId,
    bindTimeoutMs: config.bindTimeout,
    responseTimeoutMs: config.responseTimeout,
    keepaliveMs: config.enquireLink,
    ...(config.protocol === 'sgip' ? { idleCloseMs: config.idleClose, node: running.gw.config.node.smgNodeId } : {}),
    misses: config.misses,
    intake: config.intake,
    badPdus: BAD_PDUS,
  };
  return listen<Message | Segment>(options, {
    clock,
    wheel,
    turn,
    log,
    tap,
    owner: ownerBySide(running.platforms, running.carriers),
    authenticate: (bind) => authenticate(running.gw, bind),
  });
}
