/**
 * The store as the gateway sees it: a journal of batches and a cold index, committed together.
 *
 * The contract that every engine keeps (test/store.test.ts runs it):
 *
 * - **Durable before resolved.** `append` resolves when the commit would survive loss of power, as far as the disk
 *   tells the truth. Nothing may be acknowledged to a peer before that.
 * - **All or nothing.** Batch, cold puts, cold deletes and trim of one commit take effect together or not at all.
 *   Within one commit the deletes come before the puts.
 * - **Order.** Sequence numbers start at 1 and rise by 1 without a gap, also over restarts. Appends made while one is
 *   on its way wait for it. If one fails, those that wait behind it fail too: no batch overtakes another, and the
 *   caller tries them again in its own order.
 * - **A failed commit leaves nothing** to be seen by `replay`, `get` or the counters, takes no sequence number, and
 *   may be tried again, as it is or changed. (Only if the process ends before the next successful commit may a commit
 *   whose append failed, or never returned, be found whole at the next start.)
 * - **Crash.** After a crash at any moment every commit that resolved is there, in order, each batch whole.
 * - **One owner.** A folder that another live process holds is refused (`locked`).
 */

/** What goes into one commit, atomically. */
export interface Commit {
  /** Appended under the next sequence number, 1 to 15,000,000 octets. Not to be changed before `append` settles, free for reuse after. */
  readonly batch: Uint8Array;
  /** Entries to store; one whose id is known replaces the old entry. Each id at most once. */
  readonly coldPut: readonly ColdEntry[];
  /** Ids to forget; unknown ones are ignored. */
  readonly coldDelete: readonly number[];
  /** Batches with a sequence number up to and including this one are dropped; 0 = none. At most `journal.last`. */
  readonly trimTo: number;
}

/** A message that left memory: found by its id, by any of its keys, or when it is due. */
export interface ColdEntry {
  /** 0 to 2^53 - 1. */
  readonly id: number;
  /** Octet strings of 1 to 511 octets that name the message. A key that is put again names the newer entry. */
  readonly keys: readonly Uint8Array[];
  /** When somebody must look at it, ms since 1970, an integer. */
  readonly due: number;
  readonly record: Uint8Array;
}

export interface Journal {
  /**
   * Commits. Resolves with the batch's sequence number once all of it is on disk.
   * Rejects with `StoreFault` if it could not be stored, with `RangeError` or `TypeError` if the commit itself is wrong.
   */
  append(commit: Commit): Promise<number>;
  /**
   * Hands over the kept batches, oldest first, synchronously. `batch` is the callee's to keep.
   * Throws `StoreFault` 'corrupt' at a batch whose checksum does not match.
   */
  replay(onBatch: (sequence: number, batch: Uint8Array) => void): void;
  /** Sequence number of the oldest kept batch; `last + 1` if there is none. */
  readonly first: number;
  /** Sequence number of the newest batch; 0 if there has never been one. */
  readonly last: number;
  /** Octets of the kept batches. */
  readonly octets: number;
  /** The newest batch up to which the kept ones, oldest first, hold at most so many octets; `first - 1` if the oldest is larger. */
  within(octets: number): number;
}

export interface ColdIndex {
  /** The entry that `key` names. */
  get(key: Uint8Array): { id: number; record: Uint8Array } | undefined;
  /** The record under `id`. */
  byId(id: number): Uint8Array | undefined;
  /** Up to `limit` entries with `due` <= `now` (ms since 1970), the longest due first. They stay until deleted. */
  due(now: number, limit: number): { id: number; record: Uint8Array }[];
  readonly count: number;
}

export interface Engine {
  readonly journal: Journal;
  readonly cold: ColdIndex;
  /** Octets that can still be journalled: the less of the disk's free space and the journal's own limit. */
  freeOctets(): Promise<number>;
  /** Waits for appends under way, refuses later ones, gives the folder up. */
  close(): Promise<void>;
}

/**
 * - `full`: no room, on disk or under the configured limit. Trim or wait for room, then try again.
 * - `failed`: the commit or the read could not be done for another reason. Trying again may help.
 * - `locked`: another process holds the folder.
 * - `corrupt`: what is on disk is not what was written.
 */
export type StoreFaultCode = 'full' | 'failed' | 'locked' | 'corrupt';

/** The store cannot do what was asked. The message names the folder and says what to do. */
export class StoreFault extends Error {
  readonly code: StoreFaultCode;
  readonly folder: string;

  constructor(code: StoreFaultCode, folder: string, message: string, cause?: unknown) {
    super(`store ${folder}: ${message}`, cause === undefined ? undefined : { cause });
    this.name = 'StoreFault';
    this.code = code;
    this.folder = folder;
  }
}
