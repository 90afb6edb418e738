import { describe, expect, it } from 'vitest';
import { msgIdParts } from '../protocols/cmpp/msg-id.ts';
import { msgIdHex as smgpIdHex } from '../protocols/smgp/msg-id.ts';
import { createCmppPlatform } from '../src/message/cmpp-platform.ts';
import { blockOf, candidates, ROUND, reducedId, resumedId } from '../src/message/public-id.ts';
import { createSmgpPlatform } from '../src/message/smgp-platform.ts';
import { configOf } from './support/node.ts';

const NOW = Date.UTC(2026, 10, 24, 8, 0, 0);
const account = configOf({ data: 'x', carriers: [{ name: 'c', protocol: 'smpp', port: 1 }] }).accounts[0]!;

/** The same numbers on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('ids of protocols with little room', () => {
  it('a block never carries, wherever it begins, and begins as soon as it can', () => {
    const next = random(1);
    for (let i = 0; i < 20_000; i++) {
      const count = 1 + Math.floor(next() * 254);
      // Near an edge as often as not.
      const edge = Math.floor(next() * 61) * 65_536 + (i % 3 === 0 ? 1_000_000 - 65_536 * 15 : 0);
      const from = Math.floor(NOW * 256 + (i % 2 === 0 ? next() * ROUND : edge - next() * 300));
      const id = blockOf(from, count);
      const [first, last] = [reducedId(id), reducedId(id + count - 1)];
      expect(Math.floor(first / 65_536)).toBe(Math.floor(last / 65_536));
      expect(Math.floor(first / 1_000_000)).toBe(Math.floor(last / 1_000_000));
      expect(id).toBeGreaterThanOrEqual(from);
      if (id > from) expect(Math.min(reducedId(id) % 65_536, reducedId(id) % 1_000_000)).toBe(0);
      expect(id - from).toBeLessThan(count);
    }
  });

  it('a process goes on where the one before stopped, at or after the clock', () => {
    const next = random(2);
    for (let i = 0; i < 10_000; i++) {
      const last = Math.floor(next() * 2 ** 48);
      const least = Math.floor(next() * 2 ** 48);
      const id = resumedId(last, least);
      expect(id).toBeGreaterThanOrEqual(Math.max(last, least));
      expect(id).toBeLessThan(Math.max(last + 1, least + ROUND));
      expect(reducedId(id)).toBe(reducedId(last));
    }
    expect(resumedId(1, 0)).toBe(1);
  });

  it('Msg_Id leads back to the message and to no other', () => {
    const next = random(3);
    for (let i = 0; i < 500; i++) {
      const code = Math.floor(next() * 65_536);
      const mapping = createCmppPlatform(code);
      const id = Math.floor(NOW * 256 + next() * 1e9);
      const acceptedAt = NOW - Math.floor(next() * 300 * 86_400_000);
      const raw = mapping.writeId(id, acceptedAt, account, 0x20);
      expect(raw.length).toBe(8);
      const known = mapping.readId(raw, account, 0x20, NOW)!;
      expect(acceptedAt - (acceptedAt % 1000)).toBe(known.from);
      expect(known.to).toBe(known.from + 1000);
      const found = (below: number): boolean => {
        for (const candidate of candidates(known, below)) if (candidate <= id) return candidate === id;
        return false;
      };
      expect(found(id + Math.floor(next() * 1e9) + 1)).toBe(true);
      expect(found(id)).toBe(false);
      expect(createCmppPlatform((code + 1) % 65_536).readId(raw, account, 0x20, NOW)).toBeUndefined();
    }
  });

  it('no two of 200,000 in a second are the same, over the end of a round', () => {
    const mapping = createCmppPlatform(7);
    const seen = new Set<string>();
    const first = Math.ceil((NOW * 256) / ROUND) * ROUND - 100_000;
    for (let id = first; id < first + 200_000; id++) seen.add(mapping.writeId(id, NOW, account, 0x20));
    expect(seen.size).toBe(200_000);
    // 22 bits of gateway hold the largest code with the largest number.
    const most = createCmppPlatform(65_535).writeId(ROUND - 1, NOW, account, 0x20);
    expect(msgIdParts(most)).toEqual({
      month: 11,
      day: 24,
      hour: 16,
      minute: 0,
      second: 0,
      gateway: 65_535 * 64 + 61,
      sequence: 3_999_999 % 65_536,
    });
  });

  it('a Msg_Id of last December is of last year; a date that is none is nobody\u2019s', () => {
    const mapping = createCmppPlatform(1);
    const december = Date.UTC(2025, 11, 31, 20);
    const january = Date.UTC(2026, 0, 2);
    const raw = mapping.writeId(5, december, account, 0x20);
    expect(mapping.readId(raw, account, 0x20, january)?.from).toBe(december);
    expect(mapping.readId('\xff'.repeat(8), account, 0x20, january)).toBeUndefined();
    expect(mapping.readId('\0'.repeat(8), account, 0x20, january)).toBeUndefined();
  });

  it('MsgID of SMGP is BCD, leads back to the message, and is no other’s', () => {
    const next = random(4);
    for (let i = 0; i < 500; i++) {
      const code = Math.floor(next() * 65_536);
      const mapping = createSmgpPlatform(code);
      const id = Math.floor(NOW * 256 + next() * 1e9);
      const acceptedAt = NOW - Math.floor(next() * 300 * 86_400_000);
      const raw = mapping.writeId(id, acceptedAt, account, 0x30);
      expect(smgpIdHex(raw)).toMatch(/^\d{20}$/);
      const known = mapping.readId(raw, account, 0x30, NOW)!;
      expect(acceptedAt - (acceptedAt % 60_000)).toBe(known.from);
      expect(known.to).toBe(known.from + 60_000);
      expect([...candidates(known, id + 1)][0]).toBe(id);
      expect(createSmgpPlatform((code + 1) % 65_536).readId(raw, account, 0x30, NOW)).toBeUndefined();
      expect(mapping.readId(`\xff${raw.slice(1)}`, account, 0x30, NOW)).toBeUndefined();
    }
    const mapping = createSmgpPlatform(65_535);
    const seen = new Set<string>();
    const first = Math.ceil((NOW * 256) / ROUND) * ROUND - 100_000;
    for (let id = first; id < first + 200_000; id++) seen.add(mapping.writeId(id, NOW, account, 0x30));
    expect(seen.size).toBe(200_000);
    // Six digits of gateway hold the largest code with the largest number.
    expect(smgpIdHex(mapping.writeId(ROUND - 1, NOW, account, 0x30))).toBe('65535311241600999999');
    const december = Date.UTC(2025, 11, 31, 15);
    const old = mapping.writeId(5, december, account, 0x30);
    expect(mapping.readId(old, account, 0x30, Date.UTC(2026, 0, 2))?.from).toBe(december);
  });

  it('candidates are bounded, newest first', () => {
    const known = { id: 5, every: ROUND, from: 0, to: 1 };
    const all = [...candidates(known, NOW * 256)];
    expect(all.length).toBe(20_000);
    expect(all.every((id, i) => id % ROUND === 5 && (i === 0 || id === all[i - 1]! - ROUND))).toBe(true);
    expect([...candidates(known, 5)]).toEqual([]);
    expect([...candidates(known, 6)]).toEqual([5]);
    expect([...candidates({ ...known, every: 0 }, 3)]).toEqual([5]);
  });
});
