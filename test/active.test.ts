import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActive } from '../src/gateway/active.ts';
import type { Message } from '../src/message/message.ts';

describe('messages at work', () => {
  it('are what a Map of them would be, also where low bits of ids meet', () => {
    const id = fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 })).map(([high, lowest]) => high * 2 ** 30 + lowest + 5);
    const op = fc.record({ op: fc.constantFrom('set', 'delete', 'get'), id });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const active = createActive();
        const model = new Map<number, Message>();
        for (const o of ops) {
          if (o.op === 'set') {
            const m = { id: o.id } as Message;
            active.set(m);
            model.set(o.id, m);
          } else if (o.op === 'delete') expect(active.delete(o.id)).toBe(model.delete(o.id));
          expect(active.get(o.id)).toBe(model.get(o.id));
          expect(active.has(o.id)).toBe(model.has(o.id));
          expect(active.size).toBe(model.size);
        }
        const sorted = (ids: Iterable<number>): number[] => [...ids].sort((a, b) => a - b);
        expect(sorted(active.keys())).toEqual(sorted(model.keys()));
        expect(new Set(active.values())).toEqual(new Set(model.values()));
      }),
    );
  });
});
