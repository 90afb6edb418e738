import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { Clock } from '../base/clock.ts';
import { createHistogram, type Histogram } from '../base/histogram.ts';
import type { Turn } from '../base/turn.ts';
import { EVENT_HEAD, FORMAT, writeEvent } from './events.ts';
import { type ColdEntry, type Journal, StoreFault } from './journal.ts';

/**
 * Gathers the events of the moment and commits them as one value (group commit). One commit is under way at a time;
 * meanwhile the next batch fills. What must wait for durability is an effect: run in order once its batch is on disk,
 * never in replay.
 */
export interface Batch {
  /** Encodes an event into the open batch. Returns the journal sequence that the batch will get. */
  add<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>): number;
  /** `run(a, b, c)` once the open batch is durable. A static function and its arguments: no closure per message. */
  effect<A, B, C>(run: (a: A, b: B, c: C) => void, a: A, b: B, c: C): void;
  coldPut(entry: ColdEntry): void;
  coldDelete(id: number): void;
  /** Batches up to this sequence are no longer needed. */
  trim(upTo: number): void;
  /** Sequence that the open batch will get. */
  readonly sequence: number;
  /** Octets waiting, open and sealed. */
  readonly waiting: number;
  /** More waits than memory should hold: stop taking work. */
  readonly congested: boolean;
  /** The last commit failed and is being tried again. */
  readonly faulty: string;
  readonly counters: BatchCounters;
  /** Resolves when everything added so far is durable; rejects after `deadlineMs` of a faulty store. */
  settled(): Promise<void>;
  /** Ends timers; the open batch is dropped. */
  stop(): void;
}

export interface BatchCounters {
  commits: number;
  events: number;
  octets: number;
  failures: number;
  /** Milliseconds a commit took. */
  readonly commitTime: Histogram;
  /** Events in a commit. */
  readonly commitSize: Histogram;
}

export interface BatchOptions {
  /** An open batch younger than this waits, unless it is big; ms. */
  readonly commitDelayMs: number;
  /** Octets from which a batch does not wait. */
  readonly bigOctets?: number;
  /** Octets waiting from which intake stops. */
  readonly congestedOctets?: number;
}

export interface BatchDeps {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly journal: Journal;
  /** Timer of the process; injected so that tests own it. */
  readonly after: (ms: number, run: () => void) => { cancel(): void };
  /** The newest batch of the journal that nothing needs any more, given all that was added so far. */
  readonly spent: () => number;
  /** Told once when the store begins to fail, and once when it is well again (`undefined`). */
  readonly onFault: (error: Error | undefined) => void;
}

type Effect = (a: unknown, b: unknown, c: unknown) => void;

interface Open {
  buffer: Buffer;
  at: number;
  events: number;
  /** Four entries an effect: the function and its arguments. Kept from batch to batch: growing it anew costs 600 octets a message. */
  effects: unknown[];
  effectsAt: number;
  coldPut: ColdEntry[];
  coldDelete: number[];
  trimTo: number;
  /** What could be dropped when it was sealed. */
  spent: number;
  since: number;
}

const RETRY_FROM = 50;
const RETRY_TO = 1_000;

export function createBatch(options: BatchOptions, deps: BatchDeps): Batch {
  const { clock, turn, journal } = deps;
  const big = options.bigOctets ?? 256 * 1024;
  const congestedOctets = options.congestedOctets ?? 8 * 1024 * 1024;
  const counters: BatchCounters = {
    commits: 0,
    events: 0,
    octets: 0,
    failures: 0,
    commitTime: createHistogram(),
    commitSize: createHistogram(),
  };
  let open = fresh();
  let spare: Open | undefined = fresh();
  let sealed: Open | undefined;
  let faulty = '';
  let timer: { cancel(): void } | undefined;
  let stopped = false;
  // Sequence that the open batch will get; counted here, since `journal.last` moves while a commit is under way.
  let sequence = journal.last + 1;
  let waiters: (() => void)[] = [];

  const empty = (): boolean =>
    open.at === 1 &&
    open.effectsAt === 0 &&
    open.coldPut.length === 0 &&
    open.coldDelete.length === 0 &&
    open.trimTo === 0;

  const touch = (): void => {
    if (open.since === 0) {
      open.since = clock.now();
      turn.wake();
    }
  };

  const commit = (): void => {
    if (stopped || sealed !== undefined || empty()) return;
    const age = clock.now() - open.since;
    if (open.at < big && age < options.commitDelayMs) {
      if (timer === undefined) {
        timer = deps.after(options.commitDelayMs - age, () => {
          timer = undefined;
          commit();
        });
      }
      return;
    }
    timer?.cancel();
    timer = undefined;
    sealed = open;
    sealed.spent = deps.spent();
    sequence++;
    open = spare ?? fresh();
    spare = undefined;
    append(sealed, RETRY_FROM, clock.now());
  };

  const append = (batch: Open, retry: number, began: number): void => {
    journal
      .append({
        batch: batch.buffer.subarray(0, batch.at),
        coldPut: batch.coldPut,
        coldDelete: batch.coldDelete,
        trimTo: batch.trimTo,
      })
      .then(
        () => release(batch, began),
        (error: unknown) => {
          counters.failures++;
          if (stopped) return;
          const fault = error instanceof Error ? error : new Error(String(error));
          if (faulty === '') deps.onFault(fault);
          faulty = fault.message;
          // What makes room must not wait behind what has none.
          if (fault instanceof StoreFault && fault.code === 'full') batch.trimTo = Math.max(batch.trimTo, batch.spent);
          deps.after(retry, () => append(batch, Math.min(retry * 2, RETRY_TO), began));
        },
      );
  };

  const release = (batch: Open, began: number): void => {
    if (faulty !== '') {
      faulty = '';
      deps.onFault(undefined);
    }
    counters.commits++;
    counters.events += batch.events;
    counters.octets += batch.at;
    counters.commitTime.record(clock.now() - began);
    counters.commitSize.record(batch.events);
    sealed = undefined;
    const { effects, effectsAt } = batch;
    for (let i = 0; i < effectsAt; i += 4) (effects[i] as Effect)(effects[i + 1], effects[i + 2], effects[i + 3]);
    // A batch that once grew large gives its memory back.
    if (spare === undefined && batch.buffer.length <= 8 << 20) spare = emptied(batch);
    if (waiters.length > 0 && empty()) {
      const all = waiters;
      waiters = [];
      for (const w of all) w();
    }
    turn.wake();
  };

  turn.onCommit(commit);

  return {
    add(plan, value) {
      touch();
      const need = EVENT_HEAD + plan.size(value);
      if (open.at + need > open.buffer.length) {
        const larger = Buffer.allocUnsafe(Math.max(open.buffer.length * 2, open.at + need));
        open.buffer.copy(larger, 0, 0, open.at);
        open.buffer = larger;
      }
      open.at = writeEvent(plan, value, open.buffer, open.at);
      open.events++;
      return sequence;
    },
    effect(run, a, b, c) {
      touch();
      const { effects } = open;
      let at = open.effectsAt;
      effects[at++] = run;
      effects[at++] = a;
      effects[at++] = b;
      effects[at++] = c;
      open.effectsAt = at;
    },
    coldPut(entry) {
      touch();
      open.coldPut.push(entry);
    },
    coldDelete(id) {
      touch();
      open.coldDelete.push(id);
    },
    trim(upTo) {
      touch();
      if (upTo > open.trimTo) open.trimTo = upTo;
    },
    get sequence() {
      return sequence;
    },
    get waiting() {
      return open.at + (sealed?.at ?? 0);
    },
    get congested() {
      return open.at > congestedOctets;
    },
    get faulty() {
      return faulty;
    },
    counters,
    settled() {
      if (sealed === undefined && empty()) return Promise.resolve();
      turn.wake();
      return new Promise((resolve) => waiters.push(resolve));
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

function fresh(): Open {
  const buffer = Buffer.allocUnsafe(1 << 20);
  buffer[0] = FORMAT;
  return {
    buffer,
    at: 1,
    events: 0,
    effects: [],
    effectsAt: 0,
    coldPut: [],
    coldDelete: [],
    trimTo: 0,
    spent: 0,
    since: 0,
  };
}

/** A batch to be filled again. Nothing in it keeps a message alive. */
function emptied(batch: Open): Open {
  batch.effects.fill(undefined, 0, batch.effectsAt);
  batch.at = 1;
  batch.events = 0;
  batch.effectsAt = 0;
  if (batch.coldPut.length > 0) batch.coldPut = [];
  if (batch.coldDelete.length > 0) batch.coldDelete = [];
  batch.trimTo = 0;
  batch.since = 0;
  return batch;
}
