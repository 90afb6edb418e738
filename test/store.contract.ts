import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ColdEntry, Commit, Engine } from '../src/store/journal.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const string = (octets: Uint8Array | undefined): string | undefined => octets && Buffer.from(octets).toString('latin1');

export function commitOf(batch: Uint8Array | string, more: Partial<Commit> = {}): Commit {
  const octets = typeof batch === 'string' ? text(batch) : batch;
  return { coldPut: [], coldDelete: [], trimTo: 0, ...more, batch: octets };
}

function entry(id: number, keys: string[], due: number, record = `record ${id}`): ColdEntry {
  return { id, keys: keys.map(text), due, record: text(record) };
}

export function replayed(engine: Engine): [number, string][] {
  const found: [number, string][] = [];
  engine.journal.replay((sequence, batch) => found.push([sequence, Buffer.from(batch).toString('latin1')]));
  return found;
}

/**
 * What every engine must do (the words are in src/store/journal.ts). `open` opens the same store each time within one
 * test, with at most `maxOctets` of batches; `discard` throws it away after the test.
 */
export function storeContract(
  name: string,
  setup: () => { open: (limits?: { maxOctets?: number }) => Engine; discard: () => void },
): void {
  describe(`${name}: store contract`, () => {
    let open: (limits?: { maxOctets?: number }) => Engine;
    let discard: () => void;
    let engine: Engine;
    beforeEach(() => {
      ({ open, discard } = setup());
      engine = open();
    });
    afterEach(async () => {
      await engine.close();
      discard();
    });

    async function reopen(limits?: { maxOctets?: number }): Promise<void> {
      await engine.close();
      engine = open(limits);
    }

    test('a new store is empty', () => {
      expect(replayed(engine)).toEqual([]);
      const { first, last, octets } = engine.journal;
      expect({ first, last, octets }).toEqual({ first: 1, last: 0, octets: 0 });
      expect(engine.cold.count).toBe(0);
      expect(engine.cold.get(text('x'))).toBeUndefined();
      expect(engine.cold.byId(1)).toBeUndefined();
      expect(engine.cold.due(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    });

    test('batches come back in order, before and after a restart, and numbers go on', async () => {
      expect(await engine.journal.append(commitOf('one'))).toBe(1);
      expect(await engine.journal.append(commitOf('two'))).toBe(2);
      const expected = [
        [1, 'one'],
        [2, 'two'],
      ];
      expect(replayed(engine)).toEqual(expected);
      await reopen();
      expect(replayed(engine)).toEqual(expected);
      expect(await engine.journal.append(commitOf('three'))).toBe(3);
      expect(replayed(engine)).toEqual([...expected, [3, 'three']]);
    });

    test('appends made at once keep their order', async () => {
      const appends = Array.from({ length: 50 }, (_, i) => engine.journal.append(commitOf(`batch ${i + 1}`)));
      expect(await Promise.all(appends)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      expect(replayed(engine)).toEqual(Array.from({ length: 50 }, (_, i) => [i + 1, `batch ${i + 1}`]));
    });

    test('the buffer may be used again after append, and a view is stored, not its buffer', async () => {
      const buffer = Buffer.from('....first....');
      await engine.journal.append(commitOf(buffer.subarray(4, 9)));
      buffer.fill('x');
      await engine.journal.append(commitOf(buffer.subarray(0, 2)));
      expect(replayed(engine)).toEqual([
        [1, 'first'],
        [2, 'xx'],
      ]);
    });

    test.each([1, 100, 4_096, 16_360, 16_384, 150_000, 4_000_000])('a batch of %i octets', async (size) => {
      const batch = Buffer.alloc(size);
      for (let i = 0; i < size; i++) batch[i] = (i * 31 + (i >> 8)) & 0xff;
      await engine.journal.append(commitOf(batch));
      await reopen();
      const found: Uint8Array[] = [];
      engine.journal.replay((_, octets) => found.push(octets));
      expect(found).toHaveLength(1);
      expect(Buffer.compare(found[0]!, batch)).toBe(0);
      expect(engine.journal.octets).toBe(size);
    });

    test('what replay hands over stays', async () => {
      for (const batch of ['one', 'two', 'six']) await engine.journal.append(commitOf(batch));
      const kept: Uint8Array[] = [];
      engine.journal.replay((_, batch) => kept.push(batch));
      await engine.journal.append(commitOf('ten', { trimTo: 3 }));
      expect(kept.map(string)).toEqual(['one', 'two', 'six']);
    });

    test('an error thrown while replaying comes out, and the store goes on', async () => {
      await engine.journal.append(commitOf('one'));
      expect(() =>
        engine.journal.replay(() => {
          throw new Error('not mine');
        }),
      ).toThrow('not mine');
      expect(await engine.journal.append(commitOf('two'))).toBe(2);
      expect(replayed(engine)).toHaveLength(2);
    });

    test('trim drops up to and including its number, with the commit', async () => {
      for (let i = 1; i <= 5; i++) await engine.journal.append(commitOf('x'.repeat(i)));
      await engine.journal.append(commitOf('six', { trimTo: 3 }));
      const kept = [
        [4, 'xxxx'],
        [5, 'xxxxx'],
        [6, 'six'],
      ];
      expect(replayed(engine)).toEqual(kept);
      expect([engine.journal.first, engine.journal.last, engine.journal.octets]).toEqual([4, 6, 12]);
      await engine.journal.append(commitOf('7', { trimTo: 2 }));
      expect(engine.journal.first).toBe(4);
      await reopen();
      expect([engine.journal.first, engine.journal.last, engine.journal.octets]).toEqual([4, 7, 13]);
      expect(replayed(engine)).toEqual([...kept, [7, '7']]);
      await engine.journal.append(commitOf('8', { trimTo: 7 }));
      expect(replayed(engine)).toEqual([[8, '8']]);
    });

    test('a wrong commit is refused and does nothing', async () => {
      await engine.journal.append(commitOf('one'));
      const wrong: Commit[] = [
        commitOf(''),
        commitOf(Buffer.alloc(15_000_001)),
        commitOf('x', { trimTo: 2 }),
        commitOf('x', { trimTo: -1 }),
        commitOf('x', { trimTo: 0.5 }),
        commitOf('x', { coldPut: [entry(1, ['a'], 1), entry(2, [''], 1)] }),
        commitOf('x', { coldPut: [entry(1, ['a'], 1), entry(2, ['k'.repeat(512)], 1)] }),
        commitOf('x', { coldPut: [entry(-1, ['a'], 1)] }),
        commitOf('x', { coldPut: [entry(2 ** 53, ['a'], 1)] }),
        commitOf('x', { coldPut: [entry(1, ['a'], Number.NaN)] }),
        commitOf('x', { coldPut: [entry(1, ['a'], 1), entry(1, ['b'], 1)] }),
        commitOf('x', { coldDelete: [1.5] }),
      ];
      for (const commit of wrong) await expect(engine.journal.append(commit)).rejects.toBeInstanceOf(RangeError);
      expect(replayed(engine)).toEqual([[1, 'one']]);
      expect(engine.cold.count).toBe(0);
      expect(await engine.journal.append(commitOf('two'))).toBe(2);
    });

    test('a limit refuses loudly, leaves nothing, keeps the order, and ends with room', async () => {
      await reopen({ maxOctets: 1_000 });
      await engine.journal.append(commitOf('a'.repeat(600)));
      const one = engine.journal.append(commitOf('b'.repeat(600), { coldPut: [entry(1, ['k'], 1)] }));
      const behind = engine.journal.append(commitOf('small enough'));
      await expect(one).rejects.toMatchObject({ name: 'StoreFault', code: 'full' });
      await expect(behind).rejects.toMatchObject({ name: 'StoreFault', code: 'full' });
      expect(replayed(engine)).toEqual([[1, 'a'.repeat(600)]]);
      expect(engine.cold.count).toBe(0);
      expect(await engine.freeOctets()).toBe(400);
      expect(await engine.journal.append(commitOf('b'.repeat(600), { trimTo: 1 }))).toBe(2);
      expect(replayed(engine)).toEqual([[2, 'b'.repeat(600)]]);
    });

    test('tells which of the oldest batches so many octets hold', async () => {
      expect(engine.journal.within(100)).toBe(0);
      for (const length of [10, 20, 30]) await engine.journal.append(commitOf('x'.repeat(length)));
      for (const again of [false, true]) {
        if (again) await reopen();
        expect([0, 9, 10, 29, 30, 59, 60, 1_000].map((octets) => engine.journal.within(octets))).toEqual([
          0, 0, 1, 1, 2, 2, 3, 3,
        ]);
      }
      await engine.journal.append(commitOf('x', { trimTo: 2 }));
      expect([29, 30, 31].map((octets) => engine.journal.within(octets))).toEqual([2, 3, 4]);
    });

    test('a cold entry is found by each of its keys, by id and when due', async () => {
      const id = Number.MAX_SAFE_INTEGER;
      const octets = Uint8Array.from([0, 255, 0, 1]);
      await engine.journal.append(
        commitOf('x', {
          coldPut: [{ ...entry(id, ['carrier 1:ABC', 'k'.repeat(511)], 1_700_000_000_000), record: octets }],
        }),
      );
      for (const again of [false, true]) {
        if (again) await reopen();
        for (const key of ['carrier 1:ABC', 'k'.repeat(511)]) {
          const found = engine.cold.get(text(key));
          expect(found?.id).toBe(id);
          expect(Array.from(found!.record)).toEqual([0, 255, 0, 1]);
        }
        expect(engine.cold.get(text('carrier 1:AB'))).toBeUndefined();
        expect(engine.cold.get(text('k'.repeat(512)))).toBeUndefined();
        expect(engine.cold.get(new Uint8Array(0))).toBeUndefined();
        expect(Array.from(engine.cold.byId(id)!)).toEqual([0, 255, 0, 1]);
        expect(engine.cold.due(1_699_999_999_999, 10)).toEqual([]);
        expect(engine.cold.due(1_700_000_000_000, 10).map((e) => e.id)).toEqual([id]);
        expect(engine.cold.count).toBe(1);
      }
    });

    test('due gives the longest due first, up to the limit', async () => {
      const dues = [5_000_000_000_000, 3, 70_000, 3, 4_294_967_296, 4_294_967_295];
      await engine.journal.append(commitOf('x', { coldPut: dues.map((due, id) => entry(id, [`k${id}`], due)) }));
      const ids = (now: number, limit: number) => engine.cold.due(now, limit).map((e) => e.id);
      expect(ids(Number.MAX_SAFE_INTEGER, 100)).toEqual([1, 3, 2, 5, 4, 0]);
      expect(ids(Number.MAX_SAFE_INTEGER, 3)).toEqual([1, 3, 2]);
      expect(ids(4_294_967_295, 100)).toEqual([1, 3, 2, 5]);
      expect(ids(2, 100)).toEqual([]);
      expect(ids(100, 0)).toEqual([]);
      expect(string(engine.cold.due(3, 1)[0]?.record)).toBe('record 1');
    });

    test('delete forgets an entry with its keys; a key that a newer entry took stays', async () => {
      await engine.journal.append(commitOf('x', { coldPut: [entry(1, ['a', 'shared'], 10), entry(2, ['b'], 20)] }));
      await engine.journal.append(commitOf('x', { coldPut: [entry(3, ['shared'], 30)] }));
      expect(engine.cold.get(text('shared'))?.id).toBe(3);
      await engine.journal.append(commitOf('x', { coldDelete: [1, 1, 77] }));
      expect(engine.cold.count).toBe(2);
      expect(engine.cold.get(text('a'))).toBeUndefined();
      expect(engine.cold.byId(1)).toBeUndefined();
      expect(engine.cold.get(text('shared'))?.id).toBe(3);
      expect(engine.cold.due(100, 10).map((e) => e.id)).toEqual([2, 3]);
    });

    test('put replaces an entry of the same id, also after a delete in the same commit', async () => {
      await engine.journal.append(commitOf('x', { coldPut: [entry(1, ['old'], 10)] }));
      await engine.journal.append(commitOf('x', { coldPut: [entry(1, ['new'], 5, 'second')] }));
      expect(engine.cold.get(text('old'))).toBeUndefined();
      expect(string(engine.cold.get(text('new'))?.record)).toBe('second');
      expect(engine.cold.due(100, 10).map((e) => e.id)).toEqual([1]);
      await engine.journal.append(commitOf('x', { coldDelete: [1], coldPut: [entry(1, ['third'], 7, 'third')] }));
      expect(engine.cold.count).toBe(1);
      expect(engine.cold.get(text('new'))).toBeUndefined();
      expect(string(engine.cold.byId(1))).toBe('third');
      await reopen();
      expect(engine.cold.count).toBe(1);
    });

    test('a thousand cold entries in one commit', async () => {
      const all = Array.from({ length: 1_000 }, (_, id) => entry(id, [`a${id}`, `b${id}`], id));
      await engine.journal.append(commitOf('x', { coldPut: all }));
      expect(engine.cold.count).toBe(1_000);
      for (const id of [0, 1, 500, 999]) expect(engine.cold.get(text(`b${id}`))?.id).toBe(id);
      await engine.journal.append(commitOf('x', { coldDelete: all.map((e) => e.id) }));
      expect(engine.cold.count).toBe(0);
      expect(engine.cold.get(text('a500'))).toBeUndefined();
      expect(engine.cold.due(1_000, 10)).toEqual([]);
    });

    test('close waits for the append under way and refuses later ones', async () => {
      const under = engine.journal.append(commitOf('one'));
      const closing = engine.close();
      await expect(engine.journal.append(commitOf('late'))).rejects.toMatchObject({ code: 'failed' });
      expect(await under).toBe(1);
      await closing;
      expect(() => engine.cold.byId(1)).toThrow('closed');
      await engine.close();
      engine = open();
      expect(replayed(engine)).toEqual([[1, 'one']]);
    });

    test('any run of commits and restarts equals a model of it', async () => {
      const step = fc.oneof(
        { weight: 1, arbitrary: fc.constant('restart' as const) },
        {
          weight: 8,
          arbitrary: fc.record({
            size: fc.integer({ min: 1, max: 40_000 }),
            put: fc.uniqueArray(
              fc.record({ id: fc.nat(8), keys: fc.array(fc.nat(6), { maxLength: 3 }), due: fc.nat(20) }),
              { selector: (e) => e.id, maxLength: 4 },
            ),
            remove: fc.array(fc.nat(8), { maxLength: 3 }),
            trim: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
        },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          await engine.close();
          discard();
          ({ open, discard } = setup());
          engine = open();
          let batches: [number, string][] = [];
          let last = 0;
          const entries = new Map<number, { due: number; record: string; keys: string[] }>();
          const keys = new Map<string, number>();
          const forget = (id: number) => {
            for (const key of entries.get(id)?.keys ?? []) if (keys.get(key) === id) keys.delete(key);
            entries.delete(id);
          };
          for (const [n, s] of steps.entries()) {
            if (s === 'restart') await reopen();
            else {
              const trimTo = Math.floor(s.trim * last);
              const batch = String.fromCharCode(97 + (n % 26)).repeat(s.size);
              const coldPut = s.put.map((e) =>
                entry(
                  e.id,
                  e.keys.map((k) => `k${k}`),
                  e.due,
                  `${n}/${e.id}`,
                ),
              );
              await engine.journal.append(commitOf(batch, { coldPut, coldDelete: s.remove, trimTo }));
              batches = [...batches.filter(([sequence]) => sequence > trimTo), [++last, batch]];
              for (const id of [...s.remove, ...s.put.map((e) => e.id)]) forget(id);
              for (const e of s.put) {
                const named = e.keys.map((k) => `k${k}`);
                entries.set(e.id, { due: e.due, record: `${n}/${e.id}`, keys: named });
                for (const key of named) keys.set(key, e.id);
              }
            }
            expect(engine.journal.last).toBe(last);
            expect(engine.journal.octets).toBe(batches.reduce((sum, [, batch]) => sum + batch.length, 0));
            expect(engine.cold.count).toBe(entries.size);
          }
          expect(replayed(engine)).toEqual(batches);
          for (let k = 0; k <= 6; k++) {
            const id = keys.get(`k${k}`);
            expect(engine.cold.get(text(`k${k}`))?.id).toBe(id);
            if (id !== undefined) expect(string(engine.cold.byId(id))).toBe(entries.get(id)?.record);
          }
          const due = [...entries].sort(([a, x], [b, y]) => x.due - y.due || a - b).filter(([, e]) => e.due <= 15);
          expect(engine.cold.due(15, 100).map((e) => [e.id, string(e.record)])).toEqual(
            due.map(([id, e]) => [id, e.record]),
          );
        }),
        { numRuns: 30 },
      );
    });
  });
}
