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

/** The journal, read between a kill and the next start. */
export interface JournalView {
  readonly byId: ReadonlyMap<number, Told>;
  /** By destination and place. */
  readonly byPlace: ReadonlyMap<string, Told>;
  readonly last: number;
  readonly octets: number;
  /** Reads what is new; the gateway must be down. Throws where batches are missing that were never read. */
  read(): Promise<void>;
}

export function createJournalView(folder: string): JournalView {
  const byId = new Map<number, Told>();
  const byPlace = new Map<string, Told>();
  let last = 0;
  let octets = 0;

  const onEvent = (batch: number, kind: number, v: Record<string, unknown>): void => {
    const id = v.id as number;
    if (kind === plans.accepted.id) {
      const udh = v.udh as Uint8Array;
      const told: Told = {
        id,
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
      byId.set(id, told);
      byPlace.set(`${told.destination}/${told.place}`, told);
      return;
    }
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
    async read() {
      const engine = openLmdb(folder);
      try {
        const { journal } = engine;
        if (journal.first > last + 1)
          throw new Error(`batches ${last + 1} to ${journal.first - 1} were trimmed unread`);
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
