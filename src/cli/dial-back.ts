import type { AccountConfig, Config } from '../config/schema.ts';
import { resolveSecret } from '../config/secret.ts';
import type { Message } from '../message/message.ts';
import { type Carrier as Dialled, type DialOptions, dial } from '../session/dial.ts';
import { sgip } from '../session/dialects/sgip.ts';
import { BAD_PDUS, type Parts } from './parts.ts';

const RESPONSE_MS = 30_000;
const CONNECT_MS = 10_000;
const RECONNECT = { fromMs: 1_000, toMs: 60_000, credentialTries: 5, alreadyBoundMs: 60_000 };

/** How a platform is dialled for its reports and MO; undefined where it is not (SGIP 1.2, 3.2: Login Type 2). */
export function dialBackOptions(account: AccountConfig, config: Config): DialOptions | undefined {
  const { callback, idleClose } = account.sgip;
  if (account.protocol !== 'sgip' || !account.enabled || callback === undefined) return undefined;
  const make = (secret: string): DialOptions => ({
    name: account.name,
    host: callback.host,
    port: callback.port,
    dialect: sgip,
    bind: { name: callback.systemId, secret, mode: 'rx', version: sgip.initialVersion },
    binds: callback.binds,
    window: account.window,
    connectTimeoutMs: CONNECT_MS,
    bindTimeoutMs: CONNECT_MS,
    responseTimeoutMs: RESPONSE_MS,
    keepaliveMs: 0,
    misses: 0,
    onDemand: true,
    idleCloseMs: idleClose,
    node: config.node.smgNodeId,
    intake: 1_000,
    badPdus: BAD_PDUS,
    reconnect: RECONNECT,
    fresh: () => make(resolveSecret(callback.password)),
  });
  return make('');
}

/** Dials a platform whenever there is something to tell it. */
export function dialBack(options: DialOptions, parts: Parts): Dialled<Message> {
  const { clock, wheel, turn, log, running, tap } = parts;
  const dialled = dial<Message>(options, {
    clock,
    wheel,
    turn,
    log,
    tap,
    owner: running.platforms,
    onAlarm: (peer, reason) =>
      log.error(
        { account: peer.name, reason },
        'ALARM: the platform refuses our login for reports and MO; dialling stopped until it changes',
      ),
  });
  const known = running.gw.accounts.get(options.name);
  if (known !== undefined) {
    known.connection = dialled;
    // What a restart found waiting.
    turn.mark(known);
  }
  return dialled;
}
