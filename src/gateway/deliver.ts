import { WireFault } from '../../protocols/wire/fault.ts';
import { ENDED, type Message, MO } from '../message/message.ts';
import type { Session } from '../session/session.ts';
import { type Account, pauseTelling, tellingWent } from './account.ts';
import type { Gateway } from './context.ts';
import { recut } from './long-mo.ts';
import { asPlatformSees } from './numbers.ts';
import { find, freeze } from './state.ts';
import { close } from './tell.ts';

/** The pump of an account's outbox: hands over receipts and MO while its binds have room. */
export function deliverPump(gw: Gateway, account: Account): void {
  if (account.outbox.length === 0 || gw.batch.congested) return;
  const now = gw.clock.now();
  if (account.pausedUntil > now) return;
  while (account.outbox.length > 0) {
    let session = freest(account);
    if (session === undefined) {
      if (account.receivers === 0) account.connection?.wake();
      return;
    }
    const m = find(gw.state, account.outbox.shift()!);
    if (m === undefined || m.stage !== ENDED) continue;
    if (account.config.receipts.to === 'submitter' && m.submitter !== 0) {
      const own = account.sessions.find((s) => gw.epoch + s.id === m.submitter && s.mode !== 'tx');
      if (own !== undefined) {
        if (own.room <= 0) {
          account.outbox.unshift(m.id);
          return;
        }
        session = own;
      }
    }
    if (m.kind === MO && recut(gw, account, m, session.version)) continue;
    const { mapping, config } = account;
    const seen = asPlatformSees(m, config, gw.carriers);
    let sequence: number;
    try {
      const out =
        m.kind === MO ? mapping.toMo(seen, config, session.version) : mapping.toReceipt(seen, config, session.version);
      sequence = session.request(out.plan, out.value, m);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      gw.log.error(
        { account: account.name, message: m.id, error: error.message },
        'receipt or MO cannot be encoded; given up',
      );
      close(gw, m, `cannot be encoded: ${error.message}`);
      continue;
    }
    if (sequence < 0) {
      account.outbox.unshift(m.id);
      return;
    }
    account.inFlight++;
  }
}

function freest(account: Account): Session<Message> | undefined {
  let best: Session<Message> | undefined;
  let room = 0;
  for (const s of account.sessions) {
    if (s.mode === 'tx') continue;
    const r = s.room;
    if (r > room) {
      room = r;
      best = s;
    }
  }
  return best;
}

/** The platform answered a receipt or an MO. */
export function told(gw: Gateway, account: Account, m: Message, status: number): void {
  account.inFlight--;
  if (!m.live) return;
  const outcome = account.mapping.outcome(status);
  if (outcome === 'taken') {
    tellingWent(account);
    if (m.kind === MO) account.counters.mo++;
    else account.counters.receipts++;
    close(gw, m, 'taken');
  } else if (outcome === 'later') {
    account.counters.receiptsRetried++;
    pauseTelling(account, gw.clock.now());
    again(gw, account, m);
  } else {
    account.counters.receiptsRefused++;
    gw.log.warn({ account: account.name, message: m.id, status }, 'platform refused a receipt or MO for good');
    close(gw, m, `refused 0x${status.toString(16).padStart(8, '0')}`);
  }
}

/** No answer, or the link went: told again, since nothing says that it was taken. */
export function untold(gw: Gateway, account: Account, m: Message): void {
  account.inFlight--;
  if (!m.live) return;
  account.counters.receiptsRetried++;
  again(gw, account, m);
}

function again(gw: Gateway, account: Account, m: Message): void {
  m.tellings++;
  account.outbox.unshift(m.id);
  if (account.receivers === 0) freeze(gw.state, m);
  else gw.turn.mark(account);
}

/** The platform's answer came after its time: what it took needs no second telling, wherever it waits for one. */
export function toldLate(gw: Gateway, account: Account, stale: Message, status: number): void {
  const m = find(gw.state, stale.id);
  if (m === undefined) return;
  if (m.stage === ENDED && account.mapping.outcome(status) === 'taken') {
    if (m.kind === MO) account.counters.mo++;
    else account.counters.receipts++;
    close(gw, m, 'taken');
  } else if (m.stage === ENDED && account.receivers === 0) freeze(gw.state, m);
}
