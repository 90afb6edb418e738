import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eachTappedFrame } from '../src/admin/tapped-frames.ts';
import { createManualClock } from '../src/base/clock.ts';
import { WIRES_BY_NAME } from '../src/cli/wires.ts';
import { createTap, type Tap } from '../src/session/tap.ts';

const SIZE = 1 << 18;

const session = (id: number, peer = `peer${id}`) => ({
  id,
  role: 'server' as const,
  protocol: 'cmpp',
  version: 0x20,
  peer,
  remoteAddress: '10.0.0.1',
  remotePort: id,
});

function pieces(tap: Tap): { session: number; received: boolean; at: number; octets: Buffer }[] {
  const all = [];
  for (let p = tap.read(0); p !== undefined; p = tap.read(p.next)) {
    all.push({ session: p.session.id, received: p.received, at: p.at, octets: Buffer.from(p.octets) });
  }
  return all;
}

/** CMPP_ACTIVE_TEST. */
function activeTest(sequence: number): Buffer {
  const b = Buffer.from('0000000c0000000800000000', 'hex');
  b.writeUInt32BE(sequence, 8);
  return b;
}

describe('the tap', () => {
  it('keeps the newest octets, whatever their sizes, and forgets the oldest', () => {
    const take = fc.record({
      id: fc.integer({ min: 1, max: 5 }),
      received: fc.boolean(),
      length: fc.integer({ min: 1, max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(take, { minLength: 1, maxLength: 60 }), (takes) => {
        const clock = createManualClock();
        const tap = createTap(SIZE, clock);
        const taps = [1, 2, 3, 4, 5].map((id) => tap.open(session(id)));
        const told = takes.map(({ id, received, length }, k) => {
          clock.advance(1);
          const octets = Buffer.alloc(length + 10, k);
          taps[id - 1]!.take(received, octets, length);
          return { session: id, received, at: clock.now(), octets: octets.subarray(0, length) };
        });
        const kept = pieces(tap);
        const shown = ({ octets, ...rest }: ReturnType<typeof pieces>[number]) => ({
          ...rest,
          length: octets.length,
          first: octets[0],
        });
        expect(kept.map(shown)).toEqual(told.slice(told.length - kept.length).map(shown));
        for (const [k, p] of kept.entries())
          expect(p.octets.equals(told[told.length - kept.length + k]!.octets)).toBe(true);
        const octets = kept.reduce((n, p) => n + p.octets.length, 0);
        // Nothing is forgotten before the ring is full, but for its unused end.
        if (kept.length < told.length) expect(octets).toBeGreaterThan(SIZE - 3 * 40_100);
        expect(tap.newest - tap.oldest).toBeLessThanOrEqual(SIZE);
      }),
      { numRuns: 100 },
    );
  });

  it('knows a session by what it was when its newest octets came, and forgets it with its last ones', () => {
    const tap = createTap(SIZE, createManualClock());
    const first = session(1, '');
    const stream = tap.open(first);
    stream.take(true, Buffer.from('bind'), 4);
    expect(tap.read(0)!.session).toMatchObject({ peer: '' });
    first.peer = 'acme';
    stream.take(false, Buffer.from('answer'), 6);
    expect(tap.read(0)!.session).toMatchObject({ peer: 'acme', remotePort: 1 });
    tap.open(session(2)).take(true, Buffer.alloc(60_000), 60_000);
    for (let k = 0; k < 4; k++) tap.open(session(3 + k)).take(true, Buffer.alloc(60_000), 60_000);
    expect(pieces(tap).some((p) => p.session === 1)).toBe(false);
  });

  it('takes a chunk larger than itself in parts', () => {
    const tap = createTap(SIZE, createManualClock());
    tap.open(session(1)).take(true, Buffer.alloc(3 * SIZE, 7), 3 * SIZE);
    expect(pieces(tap).every((p) => p.octets.every((o) => o === 7))).toBe(true);
  });
});

describe('frames of the tap', () => {
  async function sequences(tap: Tap, wanted: (peer: string) => boolean = () => true): Promise<number[]> {
    const found: number[] = [];
    await eachTappedFrame(
      tap,
      WIRES_BY_NAME,
      (s) => wanted(s.peer),
      (f) => found.push(f.frame.readUInt32BE(8)),
    );
    return found;
  }

  it('are cut from what came at once, over its borders, session by session and each way', async () => {
    const tap = createTap(SIZE, createManualClock());
    const [a, b] = [tap.open(session(1)), tap.open(session(2))];
    const two = Buffer.concat([activeTest(1), activeTest(2).subarray(0, 5)]);
    a!.take(true, two, two.length);
    b!.take(true, activeTest(10), 12);
    a!.take(false, activeTest(20), 12);
    a!.take(true, activeTest(2).subarray(5), 7);
    expect(await sequences(tap)).toEqual([1, 10, 20, 2]);
    expect(await sequences(tap, (peer) => peer === 'peer2')).toEqual([10]);
  });

  it('begin at the first whole one where the ones before were overwritten', async () => {
    const tap = createTap(SIZE, createManualClock());
    const stream = tap.open(session(1));
    // Chunks of 1000 octets that end anywhere in a frame.
    const all = Buffer.concat(Array.from({ length: 60_000 }, (_, k) => activeTest(k)));
    for (let o = 0; o < all.length; o += 1000)
      stream.take(true, all.subarray(o, o + 1000), Math.min(1000, all.length - o));
    const found = await sequences(tap);
    expect(found.length).toBeGreaterThan(15_000);
    expect(found).toEqual(Array.from({ length: found.length }, (_, k) => 60_000 - found.length + k));
  });

  it('that are overwritten while it is read are passed over', async () => {
    const tap = createTap(SIZE << 2, createManualClock());
    const stream = tap.open(session(1));
    const chunk = (from: number): Buffer => Buffer.concat(Array.from({ length: 1000 }, (_, k) => activeTest(from + k)));
    for (let k = 0; k < 80; k++) stream.take(true, chunk(k * 1000), 12_000);
    const { newest } = tap;
    const reading = sequences(tap);
    // It has read a slice; the rest is overwritten but for the newest.
    for (let k = 0; k < 60; k++) stream.take(true, chunk(1_000_000), 12_000);
    const found = await reading;
    expect(tap.oldest).toBeLessThan(newest);
    expect(found.at(-1)).toBe(79_999);
    expect(found.length).toBeLessThan(80_000);
    expect(found.every((n, k) => k === 0 || n > found[k - 1]!)).toBe(true);
  });
});
