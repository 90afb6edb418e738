import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Peer } from '../simulators/peer.ts';
import { createReportStencil, nothingTold, type Told } from '../simulators/report-stencil.ts';
import { createSubmitStencils } from '../simulators/submit-stencil.ts';
import type { Template } from '../simulators/submits.ts';

/** The outbox of a peer, and nothing behind it. */
function outbox(): Peer {
  const peer = { out: Buffer.alloc(0), at: 0, room: (octets: number) => grow(octets) };
  const grow = (octets: number): void => {
    if (peer.at + octets > peer.out.length) peer.out = Buffer.concat([peer.out, Buffer.alloc(octets + 4096)]);
  };
  return peer as unknown as Peer;
}

const written = (peer: Peer): string => peer.out.toString('latin1', 0, peer.at);

function put(peer: Peer, text: string): void {
  peer.room(text.length);
  peer.at += peer.out.write(text, peer.at, 'latin1');
}

const digits = (most: number) => fc.string({ unit: fc.constantFrom('0', '1', '8'), maxLength: most });

describe('stencils', () => {
  it('reports are as their tables write them, whatever the one before said', () => {
    const told = fc.record({
      id: digits(34),
      number: digits(3),
      ownId: digits(2),
      word: fc.constantFrom('DELIVERED', 'EXPIRED', 'MK:0005'),
      source: fc.constantFrom('1069', '10690'),
      submitted: fc.constantFrom('2601010000', '2601010001'),
      done: fc.constantFrom('2601010001', '2601010002'),
      counted: fc.constantFrom(1, 2),
    });
    const frameOf = (t: Told, sequence: string): string =>
      `${sequence}|${t.id}|${t.number}|${t.ownId}|${t.word} ${t.source} ${t.submitted} ${t.done} ${t.counted} ${t.number}.`;
    fc.assert(
      fc.property(fc.array(told, { minLength: 1, maxLength: 30 }), (all) => {
        const peer = outbox();
        const write = createReportStencil(
          peer,
          { id: 1, number: 2, ownId: 1 },
          (t) => put(peer, frameOf(t, '-')),
          (out, start, _end, sequence) => void out.write(String(sequence), start, 'latin1'),
        );
        const reused = nothingTold();
        for (const [k, t] of all.entries()) write(Object.assign(reused, t), k % 10);
        expect(written(peer)).toBe(all.map((t, k) => frameOf(t, String(k % 10))).join(''));
      }),
    );
  });

  it('submits are, too: texts that hold what stands for the number, and parts', () => {
    const mark = Buffer.from(Array.from({ length: 3 }, (_, i) => 0x80 + i));
    const template = (text: Buffer, udhi = false): Template => ({
      coding: 'ascii',
      udhi,
      octets: text,
      print: 1,
      part: 1,
      parts: udhi ? 2 : 1,
      whole: false,
    });
    const templates = [template(Buffer.from('abc')), template(mark), template(Buffer.from('x'), true)];
    const frameOf = (t: Template, number: string, sequence: number): string =>
      `${sequence}|${number}|${t.octets.toString('latin1')}.`;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...templates), digits(3)), { minLength: 1 }), (all) => {
        const peer = outbox();
        const submit = createSubmitStencils(
          peer,
          (out, start, sequence) => void out.write(String(sequence), start, 'latin1'),
          (t, number, sequence) => put(peer, frameOf(t, number, sequence)),
        );
        for (const [k, [t, number]] of all.entries()) submit(t, number, k % 10);
        expect(written(peer)).toBe(all.map(([t, number], k) => frameOf(t, number, k % 10)).join(''));
      }),
    );
  });
});
