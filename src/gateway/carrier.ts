import type { Clock } from '../base/clock.ts';
import { createHistogram, type Histogram } from '../base/histogram.ts';
import type { Ring } from '../base/ring.ts';
import type { Pump } from '../base/turn.ts';
import type { CarrierConfig } from '../config/schema.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import type { Message, Segment } from '../message/message.ts';
import type { OnDemand, Session } from '../session/session.ts';
import { createLane } from './lane.ts';
import { createRate, type Rate } from './rate.ts';

/** What limits a carrier's throughput at this moment. */
export type Limit = 'platform' | 'rate' | 'window' | 'throttling' | 'down' | 'store';

/** One bind of a carrier as the gateway uses it; hangs on the session as its tag. */
export interface Bind {
  readonly carrier: Carrier;
  readonly session: Session<Segment>;
  /** How many unanswered requests the carrier seems to bear: grows by one a window, halves when it says "too fast". */
  allowed: number;
  /** Nothing is sent before this time. */
  pausedUntil: number;
  pauseMs: number;
  /** Requests whose intent is on its way to the disk: they hold their place in the window. */
  intents: number;
}

export interface CarrierCounters {
  submitted: number;
  accepted: number;
  throttled: number;
  refused: number;
  retried: number;
  expired: number;
  late: number;
  lost: number;
  resent: number;
  reports: number;
  reportsParked: number;
  reportsMatchedLate: number;
  reportsDuplicate: number;
  intermediate: number;
  mo: number;
  moRefused: number;
  /** Long ones made whole, given up as incomplete, and parts that came again. */
  moJoined: number;
  moIncomplete: number;
  moRepeated: number;
  /** Octets that could not be understood as a report of ours. */
  odd: number;
  /** Phones said to be there again, and how many of these a platform was told. */
  alerts: number;
  alertsTold: number;
  /** Binds that came up, and that went down again. */
  binds: number;
  unbinds: number;
  readonly byCode: Map<number, number>;
  readonly byState: number[];
  readonly responseTime: Histogram;
  /** From the carrier's answer to its report. */
  readonly reportTime: Histogram;
}

/** A carrier at run time: its binds, its queue, what it is doing. */
export interface Carrier extends Pump {
  readonly name: string;
  config: CarrierConfig;
  readonly mapping: CarrierMapping;
  readonly binds: Bind[];
  /** How its binds are had, where they are not kept up all the time. */
  connection: OnDemand | undefined;
  /** Binds that it made to us (SGIP). */
  readonly dialIns: Set<Session<Segment>>;
  /** Segments without an answer by the id that their submit gave them; only where the id is the sequence. */
  readonly underWay: Map<string, Segment>;
  readonly high: Ring<Message>;
  readonly normal: Ring<Message>;
  /** The message whose segments are going out: once its first is admitted, the others are. */
  current: Message | undefined;
  rate: Rate;
  /** Sends of the priority lane in a row while bulk waits. */
  streak: number;
  limit: Limit;
  /** When the pump should run again though nothing happens (rate, pause); Infinity: never. */
  wakeAt: number;
  /** Sends in the current second, and the smoothed number a second. */
  recent: number;
  perSecond: number;
  /** Something has been queued for a whole second: `perSecond` is what it can do, not what it was given to do. */
  behind: boolean;
  wasQueued: boolean;
  full: boolean;
  /** Messages taken for it whose batch is not on disk yet: they will be in the queue, so they count for its room. */
  promised: number;
  /** `up` at the last tick. */
  wasUp: boolean;
  ref: number;
  /** False once removed from the configuration: sends nothing, still takes reports. */
  enabled: boolean;
  readonly up: boolean;
  readonly room: boolean;
  readonly throttled: boolean;
  readonly queued: number;
  readonly counters: CarrierCounters;
}

export function createCarrier(
  config: CarrierConfig,
  mapping: CarrierMapping,
  clock: Clock,
  pump: (carrier: Carrier) => void,
): Carrier {
  const binds: Bind[] = [];
  const high = createLane();
  const normal = createLane();
  const carrier: Carrier = {
    name: config.name,
    config,
    mapping,
    binds,
    connection: undefined,
    dialIns: new Set(),
    underWay: new Map(),
    high,
    normal,
    current: undefined,
    rate: createRate(config.throughput),
    streak: 0,
    limit: 'platform',
    wakeAt: Number.POSITIVE_INFINITY,
    recent: 0,
    perSecond: 0,
    behind: false,
    wasQueued: false,
    full: false,
    promised: 0,
    wasUp: true,
    ref: Math.floor(clock.now() / 1000) & 0xffff,
    enabled: true,
    marked: false,
    pump: () => pump(carrier),
    get up() {
      return carrier.enabled && (binds.length > 0 || carrier.connection?.resting === true);
    },
    get room() {
      if (!carrier.enabled) return false;
      const { max, maxWait } = carrier.config.queue;
      const length = carrier.queued + carrier.promised;
      // High and low mark, so that a queue at its limit does not flap with every message.
      const wait = carrier.behind && carrier.perSecond > 0 && carrier.up ? (length / carrier.perSecond) * 1000 : 0;
      if (carrier.full) {
        if (length <= max / 2 && wait <= maxWait / 2) carrier.full = false;
      } else if (length >= max || wait > maxWait) carrier.full = true;
      return !carrier.full;
    },
    get throttled() {
      if (binds.length === 0) return false;
      const now = clock.now();
      return binds.every((b) => b.pausedUntil > now);
    },
    get queued() {
      return high.length + normal.length + (carrier.current === undefined ? 0 : 1);
    },
    counters: {
      submitted: 0,
      accepted: 0,
      throttled: 0,
      refused: 0,
      retried: 0,
      expired: 0,
      late: 0,
      lost: 0,
      resent: 0,
      reports: 0,
      reportsParked: 0,
      reportsMatchedLate: 0,
      reportsDuplicate: 0,
      intermediate: 0,
      mo: 0,
      moRefused: 0,
      moJoined: 0,
      moIncomplete: 0,
      moRepeated: 0,
      odd: 0,
      alerts: 0,
      alertsTold: 0,
      binds: 0,
      unbinds: 0,
      byCode: new Map(),
      byState: new Array<number>(10).fill(0),
      responseTime: createHistogram(),
      reportTime: createHistogram(),
    },
  };
  return carrier;
}

/** Requests that a bind may send now. */
export function bindRoom(bind: Bind, now: number): number {
  if (bind.pausedUntil > now) return 0;
  return Math.min(bind.session.room, Math.floor(bind.allowed) - bind.session.windowUsed) - bind.intents;
}

const PAUSE_FROM = 100;
const PAUSE_TO = 2_000;

/** The carrier said "too fast": half the allowance, and a pause that doubles while it goes on saying so. */
export function slowDown(bind: Bind, now: number): void {
  if (bind.pausedUntil > now) return; // one halving for all answers of one burst
  bind.allowed = Math.max(1, bind.allowed / 2);
  bind.pausedUntil = now + bind.pauseMs;
  bind.pauseMs = Math.min(bind.pauseMs * 2, PAUSE_TO);
}

/** The carrier took one: one more a window. */
export function speedUp(bind: Bind): void {
  const window = bind.session.windowSize;
  if (bind.allowed < window) bind.allowed = Math.min(window, bind.allowed + 1 / bind.allowed);
  bind.pauseMs = PAUSE_FROM;
}

/** Below this the carrier has room; above the other it has none, and the allowance halves within a window of answers. */
const IDLE_BELOW = 80;
const BUSY_ABOVE = 90;

/** The carrier took one and said how busy it is, 0 to 100. */
export function followCongestion(bind: Bind, percent: number, now: number): void {
  if (percent < IDLE_BELOW) speedUp(bind);
  else if (percent >= 100) slowDown(bind, now);
  else if (percent > BUSY_ABOVE) bind.allowed = Math.max(1, bind.allowed - 0.5);
}

export function createBind(carrier: Carrier, session: Session<Segment>): Bind {
  return { carrier, session, allowed: session.windowSize, pausedUntil: 0, pauseMs: PAUSE_FROM, intents: 0 };
}
