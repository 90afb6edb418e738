import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrozen, hashCarrierId, hashId } from '../src/store/frozen.ts';
import { createHolds } from '../src/store/holds.ts';

interface Model {
  readonly id: number;
  readonly batch: number;
  readonly due: number;
  readonly keys: readonly number[];
  readonly content: Buffer;
}

describe('frozen messages', () => {
  const op = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        op: fc.constant('put' as const),
        size: fc.integer({ min: 0, max: 400_000 }),
        keys: fc.array(fc.nat({ max: 5 }), { maxLength: 3 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('remove' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.constant({ op: 'clear' as const }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('scan' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  );

  it('behave as a map of snapshots, whatever comes and goes, and scans go on where they stopped', () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 30, maxLength: 120, size: 'max' }), (ops) => {
        const frozen = createFrozen();
        const model = new Map<number, Model>();
        let nextId = 0x8000_0000 - 20;
        let cursor = 0;
        for (const o of ops) {
          if (o.op === 'put') {
            const id = nextId++;
            const content = Buffer.alloc(o.size, id & 0xff);
            const keys = o.keys.map((k) => hashCarrierId('a', `k${k}`));
            frozen.put(id, id * 2, (id % 1e9) * 1000, keys, content.length, (b, at) => void content.copy(b, at));
            model.set(id, { id, batch: id * 2, due: (id % 1e9) * 1000, keys, content });
          } else if (o.op === 'remove' && model.size > 0) {
            const id = [...model.keys()][o.which % model.size]!;
            frozen.remove(frozen.byId(id));
            model.delete(id);
          } else if (o.op === 'clear') {
            for (const id of model.keys()) frozen.remove(frozen.byId(id));
            model.clear();
          } else if (o.op === 'scan') {
            let seen = 0;
            cursor = frozen.scan(Math.max(cursor, 0), o.limit, (r, ref) => {
              seen++;
              expect(model.get(r.id)).toBeDefined();
              expect(frozen.byId(r.id)).toBe(ref);
            });
            expect(seen).toBeLessThanOrEqual(o.limit);
          }
          expect(frozen.count).toBe(model.size);
        }
        for (const m of model.values()) {
          const r = frozen.read(frozen.byId(m.id));
          expect([r.id, r.batch, r.due]).toEqual([m.id, m.batch, m.due]);
          expect(r.buffer.subarray(r.start, r.end).equals(m.content)).toBe(true);
        }
        for (let k = 0; k <= 5; k++) {
          const hash = hashCarrierId('a', `k${k}`);
          const found = new Set<number>();
          frozen.find(hash, (r) => {
            found.add(r.id);
            return false;
          });
          expect(found).toEqual(new Set([...model.values()].filter((m) => m.keys.includes(hash)).map((m) => m.id)));
        }
        const all: number[] = [];
        for (let at = 0; at >= 0; ) at = frozen.scan(at, 3, (r) => all.push(r.id));
        expect(all.sort()).toEqual([...model.keys()].sort());
        expect(frozen.byId(1)).toBe(-1);
      }),
      { numRuns: 60 },
    );
  });

  it('a scan that stopped inside a chunk which was emptied and filled anew ends', () => {
    const frozen = createFrozen();
    const put = (id: number, size: number): void => frozen.put(id, 1, 1, [], size, () => undefined);
    for (let id = 0; id < 10; id++) put(id, 100);
    const cursor = frozen.scan(0, 5, () => undefined);
    expect(cursor).toBeGreaterThan(0);
    for (let id = 0; id < 10; id++) frozen.remove(frozen.byId(id));
    put(100, 3000);
    const seen: number[] = [];
    expect(frozen.scan(cursor, 10, (r) => seen.push(r.id))).toBe(-1);
    expect(seen).toEqual([100]);
  });

  it('gives chunks back: a stream through it takes the memory of what lives', () => {
    const frozen = createFrozen();
    for (let id = 1; id <= 50_000; id++) {
      frozen.put(id, 1, 1, [hashId(id)], 300, (b, at) => void b.fill(1, at, at + 300));
      if (id > 2000) frozen.remove(frozen.byId(id - 2000));
    }
    expect(frozen.count).toBe(2000);
    expect(frozen.octets).toBeLessThan(8 << 20);
  });
});

describe('holds', () => {
  it('the oldest batch that is needed, as a plain count says', () => {
    const op = fc.record({ hold: fc.boolean(), batch: fc.nat({ max: 5000 }), which: fc.nat() });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.array(op, { minLength: 30, maxLength: 300, size: 'max' }),
        (base, ops) => {
          const holds = createHolds();
          const model: number[] = [];
          let newest = base;
          for (const o of ops) {
            if (o.hold) {
              // Mostly the newest batch, sometimes an older one that is still held.
              if (o.which % 4 !== 0 || model.length === 0) newest += o.batch % 7 === 0 ? o.batch : o.batch % 3;
              const batch = o.which % 4 !== 0 || model.length === 0 ? newest : model[o.which % model.length]!;
              holds.hold(batch);
              model.push(batch);
            } else if (model.length > 0) {
              const [batch] = model.splice(o.which % model.length, 1);
              holds.release(batch!);
            }
            expect(holds.oldest).toBe(model.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...model));
          }
        },
      ),
    );
  });
});
