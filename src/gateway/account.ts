import { createHistogram, type Histogram } from '../base/histogram.ts';
import { createRing, type Ring } from '../base/ring.ts';
import type { Pump } from '../base/turn.ts';
import type { AccountConfig } from '../config/schema.ts';
import type { Message } from '../message/message.ts';
import type { PlatformMapping } from '../message/platform.ts';
import type { OnDemand, Session } from '../session/session.ts';
import type { Days } from './days.ts';
import { createRate, type Rate } from './rate.ts';
import { createReferences, type References } from './references.ts';

export interface AccountCounters {
  accepted: number;
  segments: number;
  refused: number;
  /** Submits that came again before they were answered, and were not taken twice. */
  resent: number;
  receipts: number;
  receiptsRefused: number;
  receiptsExpired: number;
  receiptsRetried: number;
  mo: number;
  readonly byStatus: Map<number, number>;
  readonly byState: number[];
  /** From submit to acknowledgement. */
  readonly ackTime: Histogram;
  /** From submit to final state. */
  readonly endTime: Histogram;
}

/** A platform at run time: its binds and its outbox of receipts and MO. */
export interface Account extends Pump {
  readonly name: string;
  config: AccountConfig;
  mapping: PlatformMapping;
  /** Bound sessions; those that take receipts are `rx` or `trx`. */
  readonly sessions: Session<Message>[];
  /** How the platform is dialled for its receipts and MO, where it waits for that (SGIP). */
  connection: OnDemand | undefined;
  /** Ids of ended messages to be told, oldest first. */
  readonly outbox: Ring<number>;
  rate: Rate;
  /** Nothing is told before this time: the platform said "later". */
  pausedUntil: number;
  pauseMs: number;
  inFlight: number;
  /** False once removed from the configuration: takes nothing, still owed its receipts. */
  enabled: boolean;
  readonly receivers: number;
  readonly counters: AccountCounters;
  readonly days: Days;
  readonly references: References;
}

/** `before` spoke another protocol: what is still to be told goes over to the new one, and its counts go on. */
export function createAccount(
  config: AccountConfig,
  mapping: PlatformMapping,
  pump: (account: Account) => void,
  before?: Account,
): Account {
  const sessions: Session<Message>[] = [];
  const account: Account = {
    name: config.name,
    config,
    mapping,
    sessions,
    connection: undefined,
    outbox: before?.outbox ?? createRing<number>(),
    rate: createRate(config.throughput),
    pausedUntil: 0,
    pauseMs: PAUSE_FROM,
    inFlight: 0,
    enabled: config.enabled,
    marked: false,
    pump: () => pump(account),
    get receivers() {
      let n = 0;
      for (const s of sessions) if (s.mode !== 'tx') n++;
      return n;
    },
    days: before?.days ?? new Map(),
    references: before?.references ?? createReferences(),
    counters: before?.counters ?? {
      accepted: 0,
      segments: 0,
      refused: 0,
      resent: 0,
      receipts: 0,
      receiptsRefused: 0,
      receiptsExpired: 0,
      receiptsRetried: 0,
      mo: 0,
      byStatus: new Map(),
      byState: new Array<number>(10).fill(0),
      ackTime: createHistogram(),
      endTime: createHistogram(),
    },
  };
  return account;
}

const PAUSE_FROM = 500;
const PAUSE_TO = 30_000;

/** Bits 1-0 of registered_delivery: as asked, unless the account has all or none. */
export function wishOf(config: AccountConfig, registered: number): number {
  const asked = registered & 3;
  if (config.receipts.request === 'never') return 0;
  return config.receipts.request === 'always' && asked === 0 ? 1 : asked;
}

/** The platform said "later": a pause that doubles while it goes on saying so. */
export function pauseTelling(account: Account, now: number): void {
  if (account.pausedUntil > now) return;
  account.pausedUntil = now + account.pauseMs;
  account.pauseMs = Math.min(account.pauseMs * 2, PAUSE_TO);
}

export function tellingWent(account: Account): void {
  account.pauseMs = PAUSE_FROM;
}
