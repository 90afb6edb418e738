import { ANSWERED, AWAITING, type Message } from '../message/message.ts';
import { plans } from '../store/events.ts';
import type { Gateway } from './context.ts';
import { coldKey } from './correlate.ts';
import { canonicalId } from './id-form.ts';
import { reserveOf } from './room.ts';
import { freeze, thaw, unfreeze } from './state.ts';

/**
 * The rolling checkpoint. What the oldest batches of the journal are still needed for is written again in the newest, a
 * slice at a time, until those batches can be dropped: no pause, whatever waits. A message that has waited long for its
 * report goes to the cold index instead of being carried on.
 */
export interface Carrying {
  /** A slice of work; called on every tick. */
  step(): void;
  /** Writes everything that lives anew, so that the whole journal before it can be dropped (a clean stop). */
  all(): Promise<void>;
  /** Drops what nothing needs any more, however little. */
  trim(): void;
  /** The newest batch that nothing needs any more. */
  spent(): number;
}

/** Messages carried in one tick. */
const SLICE = 2_000;
/** Messages between two looks at how much was carried. */
const PIECE_LEAST = 50;
const PIECE_OCTETS = 512;
/** Of the reserve: what a tick carries at most, and how much of the journal a pass renews when there is no room but that. */
const SLICE_SHARE = 1 / 8;
const PASS_SHARE = 1 / 4;
/** Of what lives: so much ended is room for a pass to gain. */
const WORTH_SHARE = 1 / 25;
/** Messages moved to the cold index by one commit. */
const COOL_SLICE = 500;
/** Batches dropped at a time, at least: a trim is a commit itself, and an idle process makes none. */
const TRIM_LEAST = 32;
const TRY_MS = 1_000;
/** Octets that wait for the disk while everything is carried. */
const CARRY_MOST = 4 << 20;

interface Cooling {
  readonly id: number;
  readonly ref: number;
  readonly record: Buffer;
}

export function createCarrying(gw: Gateway): Carrying {
  const { state, batch, journal } = gw;
  let horizon = 0;
  let active: Iterator<Message> | undefined;
  /** Where the pass through the frozen messages is; -1: no pass. */
  let cursor = -1;
  let markedAt = Number.POSITIVE_INFINITY;
  let cooling = false;
  let coolCursor = 0;
  /** When the store is nearly full: octets at the last try to gain room, and when the next may be. */
  let lastTry = Number.POSITIVE_INFINITY;
  let livedAtTry = 0;
  let nextTry = 0;
  const reserve = reserveOf(gw.config.store.maxOctets);
  const sliceOctets = Math.min(CARRY_MOST, reserve * SLICE_SHARE);
  const piece = Math.max(PIECE_LEAST, Math.min(SLICE, Math.floor(sliceOctets / PIECE_OCTETS)));

  /** What lives of the journal, roughly: chunks of frozen messages are packed, and allocated before they are full. */
  const waiting = (): number => Math.min(2 * state.frozen.octets, 1024 * state.frozen.count);

  const carry = (m: Message): void => {
    const sequence = batch.add(plans.carried, m);
    state.holds.release(m.batch);
    state.holds.hold(sequence);
    m.batch = sequence;
    gw.counters.carried++;
  };

  // Records not yet in their file can be written again only from the journal.
  const spent = (): number => Math.min(state.holds.oldest - 1, markedAt - 1, gw.records.writtenTo, journal.last);

  const trim = (least = 1): void => {
    const upTo = spent();
    if (upTo - journal.first + 1 >= least) batch.trim(upTo);
  };

  const begin = (upTo: number): void => {
    horizon = upTo;
    cursor = 0;
    active = state.active.values();
    markedAt = batch.add(plans.mark, { nextId: state.nextId, recordedTo: gw.records.writtenTo });
    for (const [carrier, { form, matches }] of state.learned) batch.add(plans.learned, { carrier, form, matches });
    for (const parked of state.parked.values()) {
      if (parked.batch > horizon) continue;
      const sequence = batch.add(plans.parked, parked);
      state.holds.release(parked.batch);
      state.holds.hold(sequence);
      parked.batch = sequence;
    }
  };

  /** What is carried at once lands in one batch, which has its place in the reserve like all that is written meanwhile. */
  const slice = (): void => {
    const full = batch.waiting + sliceOctets;
    let left = SLICE;
    while (active !== undefined) {
      if (left === 0 || batch.waiting >= full) return;
      const next = active.next();
      if (next.done === true) active = undefined;
      else if (next.value.batch <= horizon) {
        carry(next.value);
        left--;
      }
    }
    while (cursor >= 0 && left > 0 && batch.waiting < full) {
      const old: number[] = [];
      cursor = state.frozen.scan(cursor, Math.min(left, piece), (record, ref) => {
        if (record.batch <= horizon) old.push(ref);
      });
      for (const ref of old) {
        const m = thaw(state, ref);
        carry(m);
        freeze(state, m);
      }
      left -= piece;
    }
  };

  /** The oldest of the journal, of so many octets, and one batch at least. */
  const oldest = (octets: number): number => Math.max(journal.first, journal.within(octets));

  const cool = (): void => {
    if (cooling) return;
    const { coldAfter, hotMessages } = gw.config.store;
    const now = gw.clock.now();
    const crowded = state.frozen.count > hotMessages * 0.9;
    const moved: Cooling[] = [];
    // `due` is the answer's time and the carrier's window: where even the longest window makes the answer too young, the
    // message need not be unpacked to know.
    let longest = 0;
    for (const { receiptWindow } of gw.config.carriers) if (receiptWindow > longest) longest = receiptWindow;
    const young = now - coldAfter + longest + 1000;
    coolCursor = state.frozen.scan(Math.max(coolCursor, 0), COOL_SLICE, (head, ref) => {
      if (!crowded && head.due > young) return;
      const record = state.frozen.read(ref);
      const m = unfreeze(record);
      if (m.stage !== AWAITING || (!crowded && now - (m.segments[0]?.at ?? now) < coldAfter)) return;
      moved.push({ id: m.id, ref, record: Buffer.from(record.buffer.subarray(record.start, record.end)) });
      batch.coldPut({
        id: m.id,
        keys: keysOf(m),
        due: Math.round(Math.min(record.due, Number.MAX_SAFE_INTEGER)),
        record: moved.at(-1)!.record,
      });
    });
    if (moved.length === 0) return;
    cooling = true;
    batch.effect(
      (given, list) => {
        drop(given, list);
        cooling = false;
      },
      gw,
      moved,
      undefined,
    );
  };

  return {
    step() {
      if (batch.faulty !== '' || batch.congested) return;
      const { journalKeep, maxOctets } = gw.config.store;
      const { octets } = journal;
      trim(gw.scarce === '' ? TRIM_LEAST : 1);
      if (active !== undefined || cursor >= 0) {
        // A pass that began when there was room goes only so far as there still is.
        if (gw.scarce !== '') horizon = Math.min(horizon, oldest(reserve * PASS_SHARE));
        slice();
      } else if (gw.scarce !== '') {
        // Little by little: what is carried needs room before its old batches give theirs back. Where everything still
        // lives that gains nothing, so not again at once.
        const now = gw.clock.now();
        const lives = state.active.size + state.frozen.count;
        if (now < nextTry && lives > livedAtTry * (1 - WORTH_SHARE)) return;
        nextTry = octets < lastTry ? now : now + TRY_MS;
        lastTry = octets;
        livedAtTry = lives;
        begin(oldest(reserve * PASS_SHARE));
      } else if (octets > Math.min(journalKeep, maxOctets / 2) + waiting()) {
        // Half of it at a time: what is carried lands in the other half.
        begin(oldest(octets / 2));
      }
      cool();
    },
    async all() {
      begin(batch.sequence - 1);
      while (active !== undefined || cursor >= 0) {
        slice();
        if (batch.waiting > CARRY_MOST) await batch.settled();
      }
    },
    trim: () => trim(),
    spent,
  };
}

function keysOf(m: Message): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const s of m.segments) {
    if (s.stage !== ANSWERED) continue;
    if (s.carrierId !== '') keys.push(coldKey(m.carrier, canonicalId(s.carrierId)));
    if (s.otherId !== '') keys.push(coldKey(m.carrier, canonicalId(s.otherId)));
  }
  return keys;
}

/**
 * Their entries are durable: what still waits unchanged leaves memory; of what went on meanwhile the entry is deleted in
 * the batch that says how it went on (this one: batches are sealed after the effects of the one before).
 */
function drop(gw: Gateway, moved: readonly Cooling[]): void {
  for (const { id, ref, record } of moved) {
    if (gw.state.frozen.byId(id) !== ref) {
      gw.batch.coldDelete(id);
      continue;
    }
    const now = gw.state.frozen.read(ref);
    if (record.compare(now.buffer, now.start, now.end) !== 0) {
      gw.batch.coldDelete(id);
      continue;
    }
    gw.batch.add(plans.cooled, { id });
    gw.state.frozen.remove(ref);
    gw.state.holds.release(now.batch);
    gw.counters.cooled++;
  }
}
