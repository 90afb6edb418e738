import { createAddressTest } from '../base/address.ts';
import type { CarrierConfig, PasswordRef } from '../config/schema.ts';
import { verifyDigest, verifyPassword } from '../config/secret.ts';
import type { Gateway } from '../gateway/context.ts';
import type { BindRequest, BindVerdict } from '../session/dialect.ts';
import { FROM_CARRIER } from '../session/sides.ts';
import { highestVersion } from './protocols.ts';

/** Who may bind, whether it is a platform or a carrier that dials in. */
interface Login {
  readonly password: PasswordRef;
  readonly allowedIps: readonly string[];
  /** Once the password is known to be right. */
  judge(): BindVerdict;
}

/** Judges a bind: who it is, its address, its password, the number of its binds. */
export function authenticate(gw: Gateway, bind: BindRequest): BindVerdict | Promise<BindVerdict> {
  if (gw.stopping) return { accept: false, reason: 'busy' };
  const login = platform(gw, bind) ?? carrier(gw, bind);
  if (login === undefined) return { accept: false, reason: 'unknown' };
  if (login.allowedIps.length > 0 && !createAddressTest(login.allowedIps)(bind.remoteAddress))
    return { accept: false, reason: 'address' };
  const { password: given, digestOf } = bind;
  const good =
    digestOf !== undefined
      ? verifyDigest(login.password, digestOf)
      : given !== undefined && verifyPassword(login.password, given);
  const judge = (known: boolean): BindVerdict => (known ? login.judge() : { accept: false, reason: 'password' });
  if (good === 'busy') return { accept: false, reason: 'busy' };
  return typeof good === 'boolean' ? judge(good) : good.then(judge);
}

function platform(gw: Gateway, bind: BindRequest): Login | undefined {
  const config = gw.config.accounts.find((a) => a.systemId === bind.name && a.protocol === bind.protocol);
  if (config === undefined) return undefined;
  return {
    password: config.password,
    allowedIps: config.allowedIps,
    judge() {
      if (!config.enabled) return { accept: false, reason: 'disabled' };
      const account = gw.accounts.get(config.name);
      // The password may have taken its time, and a reload come meanwhile.
      if (account?.config.protocol !== bind.protocol) return { accept: false, reason: 'unknown' };
      if (!account.enabled) return { accept: false, reason: 'disabled' };
      // Those that we made to it do not count.
      if (account.sessions.filter((s) => s.role === 'server').length >= config.maxBinds)
        return { accept: false, reason: 'alreadyBound' };
      const both = config.protocol === 'sgip' && config.sgip.reports === 'same' && bind.asksOnly !== true;
      const version = highestVersion(config);
      return {
        accept: true,
        peer: config.name,
        window: config.window,
        ...(both ? { mode: 'trx' } : {}),
        ...(version === undefined ? {} : { version }),
      };
    },
  };
}

/** An SGIP gateway that connects to us for reports and MO, with the login agreed for that (SGIP 1.2, 3.2). */
function carrier(gw: Gateway, bind: BindRequest): Login | undefined {
  if (bind.protocol !== 'sgip') return undefined;
  const isIt = (c: CarrierConfig): boolean => c.protocol === 'sgip' && c.deliver?.systemId === bind.name;
  const config = gw.config.carriers.find(isIt);
  if (config?.protocol !== 'sgip' || config.deliver === undefined) return undefined;
  const { password, allowedIps, maxBinds } = config.deliver;
  return {
    password,
    allowedIps,
    judge() {
      const known = gw.carriers.get(config.name);
      if (known === undefined || !known.enabled) return { accept: false, reason: 'unknown' };
      if (known.dialIns.size >= maxBinds) return { accept: false, reason: 'alreadyBound' };
      return { accept: true, peer: config.name, window: config.window, mode: 'rx', tag: FROM_CARRIER };
    },
  };
}
