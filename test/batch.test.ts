import { afterEach, describe, expect, it } from 'vitest';
import { createManualClock } from '../src/base/clock.ts';
import { createTurn } from '../src/base/turn.ts';
import { createBatch } from '../src/store/batch.ts';
import { plans } from '../src/store/events.ts';
import { openLmdb } from '../src/store/lmdb.ts';
import { scratchFolder, until } from './support/node.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A batch on a real store of so many octets. Time stands still; a commit that failed is tried again when told. */
function batchOf(maxOctets: number) {
  const folder = scratchFolder();
  closers.push(folder.remove);
  const engine = openLmdb(folder.path, { maxOctets });
  closers.push(() => engine.close());
  const again: (() => void)[] = [];
  const faults: string[] = [];
  const spent = { upTo: 0 };
  const turn = createTurn({ schedule: () => undefined });
  const batch = createBatch(
    { commitDelayMs: 0 },
    {
      clock: createManualClock(1),
      turn,
      journal: engine.journal,
      after: (_, run) => {
        again.push(run);
        return { cancel: () => undefined };
      },
      spent: () => spent.upTo,
      onFault: (fault) => faults.push(fault?.message ?? 'well'),
    },
  );
  closers.push(() => batch.stop());
  /** Adds so many small events and commits them; resolves when that is done or failed. */
  const commit = async (events: number): Promise<void> => {
    for (let k = 0; k < events; k++) batch.add(plans.mark, { nextId: k, recordedTo: 0 });
    await ended(() => turn.end());
  };
  /** Does what makes it try a commit, and waits for how that goes. */
  const ended = async (act: () => void): Promise<void> => {
    const { commits, failures } = batch.counters;
    act();
    await until('a commit', () => batch.counters.commits + batch.counters.failures > commits + failures);
  };
  return { batch, journal: engine.journal, spent, faults, again, commit, ended, turn };
}

describe('a batch that the store has no room for', () => {
  it('takes along what could be dropped when it was sealed, or it would wait for room for ever', async () => {
    const { batch, journal, spent, faults, again, commit, ended, turn } = batchOf(1_400);
    await commit(30);
    await commit(30);
    const { octets } = journal;
    expect(journal.last).toBe(2);
    expect(octets * 1.5).toBeGreaterThan(1_400);

    // The first batch is needed no more. To say so is for the next batch, which waits behind this one.
    spent.upTo = 1;
    await commit(30);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/limit/);
    batch.trim(1);
    turn.end();
    expect({ first: journal.first, last: journal.last }).toEqual({ first: 1, last: 2 });

    await ended(again.shift()!);
    expect({ first: journal.first, last: journal.last }).toEqual({ first: 2, last: 3 });
    expect(faults.at(-1)).toBe('well');
    expect(batch.faulty).toBe('');
  });

  it('drops nothing that was still needed when it was sealed', async () => {
    const { batch, journal, spent, faults, again, commit, ended } = batchOf(1_400);
    await commit(30);
    await commit(30);
    await commit(30);
    // Needed no more because of an event that is not on disk: it may not go before that is.
    spent.upTo = 1;
    expect(again).toHaveLength(1);
    await ended(again.shift()!);
    expect(journal.first).toBe(1);
    expect(batch.faulty).toMatch(/limit/);
    expect(faults).toHaveLength(1);
  });
});
