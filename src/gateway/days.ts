import type { Message } from '../message/message.ts';
import type { DayCounts } from '../message/platform.ts';
import type { Account } from './account.ts';

// Counts of an account by day and service, for protocols whose platforms ask for them. They are of this process: what
// was before its start is told from the records only.

type Counted = 'submitted' | 'further' | 'delivered' | 'failed' | 'mo' | 'moTaken' | 'moFailed';

/** Beijing: where the protocols that ask for days live. */
const ZONE = 8 * 3_600_000;
const DAY = 86_400_000;
/** Days kept: a message may end three days after it was taken. */
const DAYS = 5;
/** Services counted by name on one day. */
const SERVICES = 1_000;

const dayOf = (at: number): number => Math.floor((at + ZONE) / DAY);

interface Counts {
  /** Requests, and destinations in them. */
  submits: number;
  messages: number;
  delivered: number;
  failed: number;
  mo: number;
  moTaken: number;
  moFailed: number;
}

/** Counts of an account, by day and then by service; '' is all of them together. */
export type Days = Map<number, Map<string, Counts>>;

const newCounts = (): Counts => ({ submits: 0, messages: 0, delivered: 0, failed: 0, mo: 0, moTaken: 0, moFailed: 0 });

/** Counts an event of a message to the day on which it was taken. */
export function countDay(account: Account, m: Pick<Message, 'acceptedAt' | 'serviceType'>, what: Counted): void {
  const { days } = account;
  const day = dayOf(m.acceptedAt);
  let services = days.get(day);
  if (services === undefined) {
    services = new Map([['', newCounts()]]);
    days.set(day, services);
    if (days.size > DAYS) days.delete(Math.min(...days.keys()));
  }
  count(services.get('')!, what);
  if (m.serviceType === '') return;
  let own = services.get(m.serviceType);
  if (own === undefined) {
    if (services.size > SERVICES) return;
    own = newCounts();
    services.set(m.serviceType, own);
  }
  count(own, what);
}

function count(c: Counts, what: Counted): void {
  switch (what) {
    case 'submitted':
      c.submits++;
      c.messages++;
      break;
    case 'further':
      c.messages++;
      break;
    default:
      c[what]++;
  }
}

/** What is known of a day (any time in it) and service ('': all). Zeros where nothing is. */
export function dayCounts(account: Account, at: number, service: string): DayCounts {
  const c = account.days.get(dayOf(at))?.get(service) ?? newCounts();
  return {
    submits: c.submits,
    messages: c.messages,
    delivered: c.delivered,
    failed: c.failed,
    // What ended today and was taken before the start was never counted as taken.
    waiting: Math.max(0, c.messages - c.delivered - c.failed),
    moTaken: c.moTaken,
    moFailed: c.moFailed,
    moWaiting: Math.max(0, c.mo - c.moTaken - c.moFailed),
  };
}
