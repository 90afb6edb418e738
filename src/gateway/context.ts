import type { Logger } from 'pino';
import type { Calendar } from '../base/calendar.ts';
import type { Clock } from '../base/clock.ts';
import type { Turn } from '../base/turn.ts';
import type { Config } from '../config/schema.ts';
import type { Message } from '../message/message.ts';
import type { Batch } from '../store/batch.ts';
import type { ColdIndex, Journal } from '../store/journal.ts';
import type { Records } from '../store/records.ts';
import type { Account } from './account.ts';
import type { Assembly } from './assembly.ts';
import type { Called } from './called.ts';
import type { Carrier } from './carrier.ts';
import type { Recent } from './recent.ts';
import type { Route } from './route.ts';
import type { State } from './state.ts';

/** Counts of the gateway as a whole: plain fields, read when metrics are scraped. */
export interface GatewayCounters {
  /** Messages whose outcome a restart left unknown, by what was done with them. */
  resentAfterRestart: number;
  failedAfterRestart: number;
  /** Queued at the crash, so that a send whose journal entry was lost is possible. */
  queuedAtRestart: number;
  parkedExpired: number;
  parkedDropped: number;
  rerouted: number;
  carried: number;
  cooled: number;
  warmed: number;
  replays: number;
}

/** What every step of a message's way needs. One per process. */
export interface Gateway {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly batch: Batch;
  readonly journal: Journal;
  readonly cold: ColdIndex;
  readonly state: State;
  readonly records: Records;
  readonly log: Logger;
  readonly accounts: Map<string, Account>;
  readonly carriers: Map<string, Carrier>;
  readonly routes: Map<string, Route>;
  config: Config;
  /** Whose MO they are, by called number. */
  called: Called;
  /** Long MO of which parts are missing. */
  readonly assembly: Assembly;
  /** Added to a session's id, so that it is not taken for one of an earlier process. */
  readonly epoch: number;
  /** Messages that wait for a time: schedule or retry. */
  readonly later: Calendar<Message>;
  /** What ended lately: duplicate reports and queries of finished messages. */
  readonly recent: Recent;
  readonly counters: GatewayCounters;
  /**
   * Why nothing new is taken although the store works: its room is nearly used up, and what was taken needs the rest to
   * come to its end. '' while there is room.
   */
  scarce: string;
  /** True while stopping: nothing new is taken. */
  stopping: boolean;
}
