import { ANSWERED, ENDED, SENT } from '../../src/message/message.ts';
import { plans, readBatch } from '../../src/store/events.ts';
import { openLmdb } from '../../src/store/lmdb.ts';

/** A message as the journal of a dead gateway tells of it. Numbers of batches; 0: not there. */
export interface Told {
  readonly id: number;
  readonly destination: string;
  /** Place in its concatenation, where the platform made the segments; else 0. */
  readonly place: number;
  readonly registered: number;
  readonly accepted: number;
  /** By segment. */
  readonly sent: Map<number, number>;
  readonly answered: Map<number, number>;
  ended: number;
  endings: number;
  receipt: boolean;
  state: number;
  closed: number;
  closings: number;
}

/**
 * The journal, read between a kill and the next start. Of batches that a checkpoint let go before they were read, what
 * still lived is known from its snapshot; what had ended by then is only in the records.
 */
export interface JournalView {
  readonly byId: ReadonlyMap<number, Told>;
  /** By destination and place. */
  readonly byPlace: ReadonlyMap<string, Told>;
  readonly last: number;
  readonly octets: number;
  /** Batches that were let go unread. */
  readonly missed: number;
  /** Messages that were carried on, and that went to the cold index. */
  readonly carried: number;
  readonly cooled: number;
  /** Reads what is new; the gateway must be down. */
  read(): Promise<void>;
}

export function createJournalView(folder: string): JournalView {
  const byId = new Map<number, Told>();
  const byPlace = new Map<string, Told>();
  let last = 0;
  let octets = 0;
  let missed = 0;
  let carried = 0;
  let cooled = 0;

  const begin = (batch: number, v: Record<string, unknown>): Told => {
    const udh = v.udh as Uint8Array;
    const told: Told = {
      id: v.id as number,
      destination: v.destination as string,
      place: udh.length === 6 ? udh[5]! : 0,
      registered: v.registered as number,
      accepted: batch,
      sent: new Map(),
      answered: new Map(),
      ended: 0,
      endings: 0,
      receipt: false,
      state: 0,
      closed: 0,
      closings: 0,
    };
    byId.set(told.id, told);
    byPlace.set(`${told.destination}/${told.place}`, told);
    return told;
  };

  const onCarried = (batch: number, v: Record<string, unknown>): void => {
    carried++;
    const told = byId.get(v.id as number) ?? begin(batch, v);
    for (const [segment, { stage }] of (v.segments as { stage: number }[]).entries()) {
      if (stage >= SENT && !told.sent.has(segment)) told.sent.set(segment, batch);
      if (stage >= ANSWERED && !told.answered.has(segment)) told.answered.set(segment, batch);
    }
    if (v.stage !== ENDED) return;
    told.ended ||= batch;
    told.receipt = true;
    told.state = v.state as number;
  };

  const onEvent = (batch: number, kind: number, v: Record<string, unknown>): void => {
    const id = v.id as number;
    if (kind === plans.accepted.id) {
      begin(batch, v);
      return;
    }
    if (kind === plans.carried.id) {
      onCarried(batch, v);
      return;
    }
    if (kind === plans.cooled.id) cooled++;
    const told = byId.get(id);
    if (told === undefined) return;
    const first = (map: Map<number, number>): void => {
      const segment = v.segment as number;
      if (!map.has(segment)) map.set(segment, batch);
    };
    if (kind === plans.sent.id) first(told.sent);
    else if (kind === plans.answered.id) first(told.answered);
    else if (kind === plans.ended.id) {
      told.ended ||= batch;
      told.endings++;
      told.receipt = v.receipt === 1;
      told.state = v.state as number;
    } else if (kind === plans.closed.id) {
      told.closed ||= batch;
      told.closings++;
    }
  };

  return {
    byId,
    byPlace,
    get last() {
      return last;
    },
    get octets() {
      return octets;
    },
    get missed() {
      return missed;
    },
    get carried() {
      return carried;
    },
    get cooled() {
      return cooled;
    },
    async read() {
      const engine = openLmdb(folder);
      try {
        const { journal } = engine;
        missed += Math.max(0, journal.first - last - 1);
        octets = journal.octets;
        journal.replay((sequence, batch) => {
          if (sequence <= last) return;
          const b = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
          readBatch(b, (kind, value) => onEvent(sequence, kind, value));
          last = sequence;
        });
      } finally {
        await engine.close();
      }
    },
  };
}
