import {
  AWAITING,
  ENDED,
  type Message,
  PART,
  PENDING,
  QUEUED,
  REPLAYED,
  SENDING,
  UNKNOWN,
} from '../message/message.ts';
import type { Account } from './account.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { unpark, warm } from './correlate.ts';
import { enqueue, expired } from './dispatch.ts';
import { end } from './finish.ts';
import { LATE, rest, thaw } from './state.ts';
import { close } from './tell.ts';

/** Parked reports and cold messages looked at in one tick. */
const SLICE = 500;
/** Frozen messages looked at in one tick: a million are gone through in a minute or so. */
const FROZEN_SLICE = 1_000;
/** How long a report waits for its answer. */
const PARKED_FOR = 72 * 3_600_000;

/** Ends what is due by time: validity, receipt window, kept receipts, parked reports. And starts what waited for its time. */
export function createExpiry(gw: Gateway): { step(): void; second(): void } {
  let cursor = 0;
  let sweep: Iterator<Message> | undefined;

  const due = (m: Message, now: number): void => {
    if (m.stage === AWAITING) {
      end(gw, m, UNKNOWN, '', `no report within the receipt window of ${m.carrier}`);
      return;
    }
    if (m.stage !== ENDED || keptUntil(gw, m) > now) return;
    const account = gw.accounts.get(m.account);
    if (account !== undefined) account.counters.receiptsExpired++;
    gw.log.warn({ account: m.account, message: m.id }, 'receipt or MO not taken in time; given up');
    close(gw, m, LATE);
  };

  return {
    /** Every tick. */
    step() {
      if (gw.batch.faulty !== '' || gw.batch.congested) return;
      const now = gw.clock.now();
      gw.later.due(now, (m) => {
        if (!m.live || m.queued) return;
        if (m.stage !== QUEUED && m.stage !== SENDING) return;
        const at = Math.max(m.scheduledAt, m.retryAt);
        if (at > now) gw.later.add(at, m);
        else if (m.stage === QUEUED || m.segments.some((s) => s.stage === PENDING)) {
          if (m.scheduledAt !== 0) m.scheduledAt = 0;
          enqueue(gw, m, m.attempts > 0);
        }
      });
      const passed: number[] = [];
      cursor = gw.state.frozen.scan(Math.max(cursor, 0), FROZEN_SLICE, (record, ref) => {
        if (record.due <= now) passed.push(ref);
      });
      for (const ref of passed) {
        const m = thaw(gw.state, ref);
        due(m, now);
        rest(gw.state, m);
      }
      for (let i = 0; i < SLICE; i++) {
        const oldest = gw.state.parked.values().next().value;
        if (oldest === undefined || oldest.at + PARKED_FOR > now) break;
        unpark(gw, oldest);
        gw.counters.parkedExpired++;
      }
      if (gw.cold.count > 0) {
        for (const entry of gw.cold.due(now, SLICE)) {
          warm(gw, entry, (m) => m);
          const m = gw.state.active.get(entry.id);
          if (m !== undefined && m.stage === AWAITING) due(m, now);
          else gw.batch.coldDelete(entry.id);
        }
      }
    },

    /** Every second. */
    second() {
      const now = gw.clock.now();
      for (const carrier of gw.carriers.values()) smooth(carrier);
      if (gw.batch.faulty !== '' || gw.batch.congested) return;
      for (const account of gw.accounts.values()) forgetGone(gw, account);
      // A slice of what is at work a second: validity ends to within seconds even when much is queued.
      sweep ??= gw.state.active.values();
      for (let i = 0; i < 50_000; i++) {
        const next = sweep.next();
        if (next.done === true) {
          sweep = undefined;
          break;
        }
        const m = next.value;
        if (m.stage <= SENDING) void expired(gw, m, now);
        else if (m.stage === AWAITING && gw.state.dueOf(m) <= now) due(m, now);
        else if (m.stage === ENDED && keptUntil(gw, m) <= now) due(m, now);
      }
    },
  };
}

/** How long the receipt of an ended message, or an MO, waits for its platform. A replay has its own time: its end is long ago. */
export function keptUntil(gw: Gateway, m: Message): number {
  // The assembly of its text has a time of its own.
  if ((m.flags & PART) !== 0) return Number.POSITIVE_INFINITY;
  if ((m.flags & REPLAYED) !== 0) return m.validUntil;
  return m.endedAt + keepOf(gw, m.account);
}

export function keepOf(gw: Gateway, account: string): number {
  return gw.accounts.get(account)?.config.receipts.keep ?? 72 * 3_600_000;
}

/** Receipts given up leave the outbox of a platform that does not come: its depth and age are those of what is owed. */
function forgetGone(gw: Gateway, { outbox }: Account): void {
  for (let id = outbox.peek(); id !== undefined; id = outbox.peek()) {
    if (gw.state.active.has(id) || gw.state.frozen.byId(id) >= 0) return;
    outbox.shift();
  }
}

function smooth(carrier: Carrier): void {
  // Idle for a moment: all it was given went at once.
  carrier.behind = carrier.queued > 0 && carrier.wasQueued;
  carrier.wasQueued = carrier.queued > 0;
  carrier.perSecond = carrier.perSecond === 0 ? carrier.recent : carrier.perSecond * 0.7 + carrier.recent * 0.3;
  if (carrier.perSecond < 0.5) carrier.perSecond = 0;
  carrier.recent = 0;
}
