/**
 * How our ids go into the ids of other protocols, which are shorter: reduced by this, with the time of acceptance beside
 * it. Ids rise by one a message, so two that are written alike would have to be this many apart in one second or minute.
 */
export const ROUND = 4_000_000;

/** Parts of the reduced id that those protocols count within: 16 bits (CMPP), six digits (SMGP). */
const BITS = 65_536;
const DIGITS = 1_000_000;

/** Our id as a protocol with short ids writes it. */
export function reducedId(id: number): number {
  return id % ROUND;
}

/** The first id from `next` on with `count - 1` behind it that its counting part has room for: no carry on the way. */
export function blockOf(next: number, count: number): number {
  for (let id = next; ; ) {
    const k = reducedId(id);
    const room = Math.min(BITS - (k % BITS), DIGITS - (k % DIGITS));
    if (room >= count) return id;
    id += room;
  }
}

/** The first id of a process: `least` or above, and written as the one that comes after the last of the process before. */
export function resumedId(next: number, least: number): number {
  return next >= least ? next : next + Math.ceil((least - next) / ROUND) * ROUND;
}

/** What a platform's id says of ours. */
export interface KnownId {
  readonly id: number;
  /** Ids that differ by a multiple of it are written alike; 0: no two are. */
  readonly every: number;
  /** The message was accepted in [from, to) ms. */
  readonly from: number;
  readonly to: number;
}

/** Ids looked at for one of a platform's. Those 4,000,000 apart reach back for days, however often we were restarted. */
const MOST = 20_000;

/** The ids below `next` that a platform's may stand for, the newest first. */
export function* candidates(known: KnownId, next: number): IterableIterator<number> {
  if (known.every === 0) {
    yield known.id;
    return;
  }
  let id = known.id + Math.floor((next - 1 - known.id) / known.every) * known.every;
  for (let n = 0; n < MOST && id > 0; n++, id -= known.every) yield id;
}
