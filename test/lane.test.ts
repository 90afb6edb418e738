import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLane } from '../src/gateway/lane.ts';
import type { Message } from '../src/message/message.ts';

const message = (id: number): Message => ({ id }) as Message;

it('a lane is a queue in which what comes back goes first, in the order of its ids', () => {
  const op = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ op: 'push' as const }) },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('back' as const), which: fc.nat() }) },
    { weight: 4, arbitrary: fc.constant({ op: 'shift' as const }) },
    { weight: 1, arbitrary: fc.constant({ op: 'drain' as const }) },
  );
  fc.assert(
    fc.property(fc.array(op, { minLength: 50, maxLength: 300, size: 'max' }), (ops) => {
      const lane = createLane();
      let fresh: number[] = [];
      let back: number[] = [];
      const out: number[] = [];
      let next = 1;
      for (const o of ops) {
        if (o.op === 'push') {
          lane.push(message(next));
          fresh.push(next++);
        } else if (o.op === 'back' && out.length > 0) {
          const [id] = out.splice(o.which % out.length, 1);
          lane.unshift(message(id!));
          back = [...back, id!].sort((a, b) => a - b);
        } else if (o.op === 'shift') {
          const expected = back.length > 0 ? back.shift() : fresh.shift();
          expect(lane.shift()?.id).toBe(expected);
          if (expected !== undefined) out.push(expected);
        } else if (o.op === 'drain') {
          expect(lane.drain().map((m) => m.id)).toEqual([...back, ...fresh]);
          out.push(...back, ...fresh);
          back = [];
          fresh = [];
        }
        expect(lane.length).toBe(back.length + fresh.length);
        expect(lane.peek()?.id).toBe(back[0] ?? fresh[0]);
        expect([...lane].map((m) => m.id)).toEqual([...back, ...fresh]);
      }
    }),
  );
});

it('gives back the memory of what passed through it', () => {
  const lane = createLane();
  for (let id = 0; id < 20_000; id++) lane.unshift(message(id));
  for (let id = 0; id < 20_000; id++) expect(lane.shift()?.id).toBe(id);
  expect(lane.shift()).toBeUndefined();
});
