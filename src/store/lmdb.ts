import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, readSync, statfsSync } from 'node:fs';
import { open as openFile, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type ColdEntry, type ColdIndex, type Commit, type Engine, type Journal, StoreFault } from './journal.ts';
import { ownFolder } from './owner.ts';

/**
 * The embedded engine: journal and cold index in one LMDB file, `journal.mdb`.
 *
 * Tables (keys and values are octets, numbers big-endian, so that key order is number order):
 *   journal   sequence u64, length u32, crc32 u32  ->  batch
 *   cold      id u64                               ->  due u64, keys u16, (length u16, key)*, record
 *   coldKey   key                                  ->  id u64
 *   coldDue   due u64, id u64                      ->  (empty)
 *   turn      "turn"                               ->  sequence u64, written only to pass a transaction
 * Length and checksum are in the journal's key so that counting the kept octets reads no batch.
 */

export interface LmdbOptions {
  /** Limit of the kept batches in octets; an append beyond it is refused as `full`. Default 32 GiB. */
  readonly maxOctets?: number;
  /** Address space to begin with, in octets; takes neither memory nor disk until used, and grows. Default: twice maxOctets. */
  readonly mapSize?: number;
  /** Octets of file pages mapped into the process above which they are let go. Default 32 MiB. */
  readonly maxMapped?: number;
}

type Table = Database<Buffer, Buffer>;
interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly journal: Table;
  readonly cold: Table;
  readonly coldKey: Table;
  readonly coldDue: Table;
  readonly turn: Table;
}
interface Waiting {
  readonly commit: Commit;
  readonly done: (sequence: number) => void;
  readonly failed: (reason: unknown) => void;
}
/** One put, or one removal if there is no value. */
interface Write {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

const maxBatch = 15_000_000; // from 16 MiB on lmdb-js hands out mapped memory instead of a copy
const maxKey = 511; // LMDB's own limit; lmdb-js allows more
const dataFile = 'journal.mdb';
const commitsPerLook = 64;
/** Room that a commit may need beside its batch, for tree and free-list pages. */
const spare = 2 ** 20;
const nothing = Buffer.alloc(0);
const restore = 'Stop here and restore the folder from a copy, or move it away to start empty.';
const makeRoom = 'Free disk space, raise the limit, or wait for a trim; then try again.';

/**
 * Opens the store in `folder`, which is made if missing, and takes the folder for this process.
 *
 * Throws `StoreFault`: 'locked' if a live process has it, 'corrupt' if the file is damaged or not ours, 'full' or
 * 'failed' if it cannot be opened.
 */
export function openLmdb(folder: string, options: LmdbOptions = {}): Engine {
  const path = resolve(folder);
  const maxOctets = options.maxOctets ?? 32 * 2 ** 30;
  const mapSize = options.mapSize ?? 2 * maxOctets;
  const maxMapped = options.maxMapped ?? 32 * 2 ** 20;

  /** Undefined after a failed commit until the file could be opened again, and after `close`. */
  let env: Environment | undefined;
  let reopening = false;
  let closed: string | undefined;
  let closing: Promise<void> | undefined;
  let committing = false;
  let idle: (() => void) | undefined;
  const waiting: Waiting[] = [];

  /** lengths[i] is that of the batch with sequence first + i. */
  const lengths: number[] = [];
  let first = 1;
  let last = 0;
  let octets = 0;
  let entries = 0;

  let mappedBase = 0;
  let untilLook = commitsPerLook;
  /** Length of the batch that the disk had no room for. */
  let refusedLength = Number.POSITIVE_INFINITY;
  /** The newest transaction freed pages; LMDB gives them out only after another one. */
  let freeing = false;

  const release = takeFolder(path);
  try {
    count(environment());
  } catch (error) {
    void env?.root.close();
    release();
    throw error;
  }

  function environment(): Environment {
    if (env) return env;
    if (closed !== undefined) throw new StoreFault('failed', path, closed);
    // Opened now, it would be joined to the old one, which is not closed yet.
    if (reopening) throw new StoreFault('failed', path, 'its file is just being opened anew. Try again.');
    env = openEnvironment(path, mapSize);
    mappedBase = mappedOctets();
    untilLook = commitsPerLook;
    return env;
  }

  /** Only microtasks pass until it is open again, so that no socket's or timer's callback finds it closed. */
  async function reopen(old: Environment): Promise<Environment> {
    env = undefined;
    reopening = true;
    await old.root.close();
    reopening = false;
    return environment();
  }

  function count(from: Environment): void {
    for (const key of from.journal.getKeys({})) {
      const sequence = readNumber(key, 0);
      if (lengths.length === 0) first = sequence;
      else if (sequence !== last + 1) {
        throw new StoreFault('corrupt', path, `batches ${last + 1} to ${sequence - 1} are missing. ${restore}`);
      }
      const length = key.readUInt32BE(8);
      lengths.push(length);
      octets += length;
      last = sequence;
    }
    entries = statsOf(from.cold).entryCount;
  }

  const journal: Journal = {
    append(commit) {
      return new Promise((done, failed) => {
        if (closed !== undefined) throw new StoreFault('failed', path, closed);
        check(commit, last);
        waiting.push({ commit, done, failed });
        if (!committing) void commitWaiting();
      });
    },
    replay(onBatch) {
      for (const { key, value } of environment().journal.getRange({})) {
        const sequence = readNumber(key, 0);
        if (value.length !== key.readUInt32BE(8) || crc32(value) !== key.readUInt32BE(12)) {
          throw new StoreFault('corrupt', path, `batch ${sequence} is not what was written. ${restore}`);
        }
        onBatch(sequence, value);
      }
      untilLook = 1; // all of it is mapped now
    },
    get first() {
      return first;
    },
    get last() {
      return last;
    },
    get octets() {
      return octets;
    },
    within(most) {
      let i = 0;
      for (let left = most; i < lengths.length && lengths[i]! <= left; i++) left -= lengths[i]!;
      return first + i - 1;
    },
  };

  const cold: ColdIndex = {
    get(key) {
      if (entries === 0 || key.length === 0 || key.length > maxKey) return undefined;
      const found = environment().coldKey.getBinaryFast(asBuffer(key));
      if (found === undefined) return undefined;
      const id = readNumber(found, 0);
      const record = cold.byId(id);
      return record === undefined ? undefined : { id, record };
    },
    byId(id) {
      const shared = environment().cold.getBinaryFast(numberKey(id)); // valid until the next read
      if (shared === undefined) return undefined;
      const from = endOfKeys(shared);
      const record = Buffer.allocUnsafe(shared.length - from);
      shared.copy(record, 0, from, shared.length);
      return record;
    },
    due(now, limit) {
      const found: { id: number; record: Uint8Array }[] = [];
      if (entries === 0 || limit <= 0) return found;
      for (const key of environment().coldDue.getKeys({ limit })) {
        if (readNumber(key, 0) > now) break;
        const id = readNumber(key, 8);
        const record = cold.byId(id);
        if (record !== undefined) found.push({ id, record });
      }
      return found;
    },
    get count() {
      return entries;
    },
  };

  /** One commit after the other, so that of a failed one it is known which it was. */
  async function commitWaiting(): Promise<void> {
    committing = true;
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        next.done(await commitOne(next.commit));
      } catch (fault) {
        next.failed(fault);
        for (const behind of waiting.splice(0)) behind.failed(fault);
      }
    }
    committing = false;
    idle?.();
  }

  async function commitOne(commit: Commit): Promise<number> {
    const into = environment();
    const length = commit.batch.length;
    const trimmed = Math.max(0, commit.trimTo - first + 1);
    let freed = 0;
    for (let i = 0; i < trimmed; i++) freed += lengths[i]!;
    if (octets - freed + length > maxOctets) {
      throw new StoreFault('full', path, `its limit of ${maxOctets} octets is reached. ${makeRoom}`);
    }
    if (length >= refusedLength && trimmed === 0 && commit.coldDelete.length === 0) {
      // Trying for real costs an opening and, in lmdb-js, a stack trace on stderr.
      const refusal = await growthRefusal(path, length);
      if (refusal) throw faultOf(path, refusal);
    }

    const writes: Write[] = [];
    if (trimmed > 0) {
      for (const key of into.journal.getKeys({ end: numberKey(commit.trimTo + 1) })) {
        writes.push({ table: into.journal, key, value: undefined });
      }
    }
    const added = coldWrites(into, commit, entries > 0, writes);
    writes.push({ table: into.journal, key: journalKey(last + 1, commit.batch), value: asBuffer(commit.batch) });
    try {
      // One callback is one transaction. It must not throw: what it had queued until then would be committed.
      await into.root.batch(() => {
        for (const write of writes) {
          if (write.value === undefined) void write.table.remove(write.key);
          else void write.table.put(write.key, write.value);
        }
      });
    } catch (error) {
      const fault = await recover(into, reasonOf(error), length);
      if (fault.code !== 'full' || !freeing) throw fault;
      await passTurn();
      return commitOne(commit);
    }

    refusedLength = Number.POSITIVE_INFINITY;
    freeing = trimmed > 0 || commit.coldDelete.length > 0;
    last++;
    first += trimmed;
    lengths.splice(0, trimmed);
    lengths.push(length);
    octets += length - freed;
    entries += added;
    if (--untilLook <= 0) await letPagesGo(into);
    return last;
  }

  /** Passes a transaction, so that the pages that the one before it freed can be used. */
  async function passTurn(): Promise<void> {
    const into = environment();
    try {
      await into.turn.put(Buffer.from('turn'), numberKey(last));
    } catch (error) {
      throw await recover(into, reasonOf(error), 0);
    }
    freeing = false;
    refusedLength = Number.POSITIVE_INFINITY;
  }

  /**
   * After a failed commit the file is opened anew: once a meta page has failed LMDB refuses every transaction, and
   * lmdb-js would wait for it for ever. Returns what to tell the caller.
   */
  async function recover(broken: Environment, reasonGiven: Promise<unknown>, length: number): Promise<StoreFault> {
    const reason = await reasonGiven;
    try {
      const anew = await reopen(broken);
      const newest = lastSequence(anew.journal);
      if (newest !== last) {
        // The meta page reached the file after all and LMDB could not take it back: it may or may not be durable.
        closed = `batch ${newest} is there although its commit failed. Restart, so that it is replayed.`;
        env = undefined;
        await anew.root.close();
        return new StoreFault('failed', path, closed, reason);
      }
    } catch {
      // It stays closed; the next append or read tries again and says why not.
    }
    const refusal = await growthRefusal(path, length);
    if (refusal && length > 0) refusedLength = length;
    return faultOf(path, isUnclear(reason) ? (refusal ?? reason) : reason);
  }

  /**
   * Trimming and reading map file pages (the kernel maps 64 KiB around each one touched), which count as memory of this
   * process until they are unmapped. Opening anew does that in about half a millisecond.
   */
  async function letPagesGo(current: Environment): Promise<void> {
    untilLook = commitsPerLook;
    if (closed !== undefined || mappedOctets() - mappedBase <= maxMapped) return;
    try {
      await reopen(current);
    } catch {
      // The commit is on disk all the same; the next append or read says what is wrong.
    }
  }

  return {
    journal,
    cold,
    async freeOctets() {
      return Math.max(0, Math.min(maxOctets - octets, (await diskFree(path)) - spare));
    },
    close() {
      closing ??= close();
      return closing;
    },
  };

  async function close(): Promise<void> {
    closed ??= 'it is closed.';
    if (committing) {
      await new Promise<void>((settled) => {
        idle = settled;
      });
    }
    const open = env;
    env = undefined;
    await open?.root.close();
    release();
  }
}

/** Makes the folder, durably, and takes it. */
function takeFolder(path: string): () => void {
  try {
    const made = mkdirSync(path, { recursive: true });
    for (let at = path; made !== undefined; at = dirname(at)) {
      syncFolder(dirname(at));
      if (at === made) break;
    }
    return ownFolder(path);
  } catch (error) {
    throw error instanceof StoreFault ? error : faultOf(path, error);
  }
}

function openEnvironment(path: string, mapSize: number): Environment {
  let root: RootDatabase<Buffer, Buffer> | undefined;
  try {
    checkFile(path);
    root = open<Buffer, Buffer>({
      path: join(path, dataFile),
      encoding: 'binary',
      keyEncoding: 'binary',
      mapSize,
      // With overlapping sync a commit is visible before it is durable, and a failed sync is reported to nobody.
      overlappingSync: false,
      // A commit is one batch() call; nothing else is to be gathered into it.
      eventTurnBatching: false,
      noMemInit: true,
      // Batches of any length leave a long list of free runs; LMDB's upkeep of it grows with the square of what it holds
      // in memory. Larger pages and a bounded list: 0.4 instead of 1.3 ms CPU a commit with 450 MB kept, file 18 % larger.
      pageSize: 16384,
      ...({ maxFreeSpaceToLoad: 2000, maxFreeSpaceToRetain: 3000 } as object), // not in lmdb's types
    });
    // LMDB's own lock is seen where the owner's process is not (another container). Whoever opens the file alone
    // empties the reader table; getStats enters us; so a second reader is another live process.
    if (statsOf(root).numReaders > 1) {
      throw new StoreFault('locked', path, 'another process has its file open. Stop that process first.');
    }
    const env = {
      root,
      journal: openTable(root, 'journal'),
      cold: openTable(root, 'cold'),
      coldKey: openTable(root, 'coldKey'),
      coldDue: openTable(root, 'coldDue'),
      turn: openTable(root, 'turn'),
    };
    syncFolder(path);
    return env;
  } catch (error) {
    void root?.close();
    throw error instanceof StoreFault ? error : faultOf(path, error);
  }
}

/**
 * Finds what would make opening fail: lmdb-js then uses memory that it has freed, and the process may crash.
 * A data file begins with a page header of 24 octets and MDB_MAGIC; an empty one is made new.
 */
function checkFile(path: string): void {
  const head = Buffer.alloc(28);
  const file = openSync(join(path, dataFile), constants.O_RDWR | constants.O_CREAT, 0o664);
  let length: number;
  try {
    length = readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (length > 0 && head.readUInt32LE(24) !== 0xbeefc0de) {
    throw new StoreFault('corrupt', path, `${dataFile} is not a store. ${restore}`);
  }
  if (length === 0 && freeOf(statfsSync(path)) < spare) {
    throw new StoreFault('full', path, `no space left for a new store. ${makeRoom}`);
  }
}

function openTable(root: RootDatabase<Buffer, Buffer>, name: string): Table {
  return root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
}

/** Adds what a commit's cold part writes; returns by how much the number of entries changes. */
function coldWrites(env: Environment, commit: Commit, mayExist: boolean, writes: Write[]): number {
  let added = 0;
  if (mayExist) {
    const gone = new Set(commit.coldDelete);
    for (const entry of commit.coldPut) gone.add(entry.id);
    for (const id of gone) if (coldRemovals(env, id, writes)) added--;
  }
  for (const entry of commit.coldPut) {
    const id = numberKey(entry.id);
    for (const key of entry.keys) writes.push({ table: env.coldKey, key: asBuffer(key), value: id });
    writes.push({ table: env.coldDue, key: dueKey(entry.due, entry.id), value: nothing });
    writes.push({ table: env.cold, key: id, value: encodeEntry(entry) });
    added++;
  }
  return added;
}

function coldRemovals(env: Environment, id: number, writes: Write[]): boolean {
  const idKey = numberKey(id);
  const stored = env.cold.getBinary(idKey);
  if (stored === undefined) return false;
  const end = endOfKeys(stored);
  for (let at = 10; at < end; ) {
    const length = stored.readUInt16BE(at);
    const key = stored.subarray(at + 2, at + 2 + length);
    // A newer entry may have taken the key over.
    const named = env.coldKey.getBinaryFast(key);
    if (named !== undefined && readNumber(named, 0) === id) writes.push({ table: env.coldKey, key, value: undefined });
    at += 2 + length;
  }
  writes.push({ table: env.coldDue, key: dueKey(readNumber(stored, 0), id), value: undefined });
  writes.push({ table: env.cold, key: idKey, value: undefined });
  return true;
}

function encodeEntry(entry: ColdEntry): Buffer {
  let size = 10 + entry.record.length;
  for (const key of entry.keys) size += 2 + key.length;
  const stored = Buffer.allocUnsafe(size);
  writeNumber(stored, entry.due, 0);
  let at = stored.writeUInt16BE(entry.keys.length, 8);
  for (const key of entry.keys) {
    at = stored.writeUInt16BE(key.length, at);
    stored.set(key, at);
    at += key.length;
  }
  stored.set(entry.record, at);
  return stored;
}

/** Where the keys of a stored entry end and its record begins. */
function endOfKeys(stored: Buffer): number {
  let at = 10;
  for (let keys = stored.readUInt16BE(8); keys > 0; keys--) at += 2 + stored.readUInt16BE(at);
  return at;
}

function journalKey(sequence: number, batch: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(16);
  writeNumber(key, sequence, 0);
  key.writeUInt32BE(batch.length, 8);
  key.writeUInt32BE(crc32(batch), 12);
  return key;
}

function dueKey(due: number, id: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  writeNumber(key, due, 0);
  writeNumber(key, id, 8);
  return key;
}

function numberKey(value: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  writeNumber(key, value, 0);
  return key;
}

function writeNumber(into: Buffer, value: number, at: number): void {
  into.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  into.writeUInt32BE(value % 2 ** 32, at + 4);
}

function readNumber(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 2 ** 32 + from.readUInt32BE(at + 4);
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

function lastSequence(journal: Table): number {
  for (const key of journal.getKeys({ reverse: true, limit: 1 })) return readNumber(key, 0);
  return 0;
}

/** Refuses what could fail half-way through a transaction. */
function check(commit: Commit, last: number): void {
  const { batch, coldPut, trimTo } = commit;
  if (!(batch.length >= 1 && batch.length <= maxBatch)) {
    throw new RangeError(`a batch has 1 to ${maxBatch} octets, not ${batch.length}`);
  }
  if (!(Number.isSafeInteger(trimTo) && trimTo >= 0 && trimTo <= last)) {
    throw new RangeError(`trimTo is 0 to ${last} (the newest batch), not ${trimTo}`);
  }
  for (const id of commit.coldDelete) checkNumber('a cold id', id);
  const ids = new Set<number>();
  for (const { id, keys, due } of coldPut) {
    checkNumber('a cold id', id);
    checkNumber('due', due);
    ids.add(id);
    if (keys.length > 0xffff) throw new RangeError(`a cold entry has at most 65535 keys, not ${keys.length}`);
    for (const key of keys) {
      if (!(key.length >= 1 && key.length <= maxKey)) {
        throw new RangeError(`a cold key has 1 to ${maxKey} octets, not ${key.length}`);
      }
    }
  }
  if (ids.size !== coldPut.length) throw new RangeError('coldPut names an id twice');
}

function checkNumber(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`${what} is an integer from 0, not ${value}`);
}

function statsOf(table: Table): { entryCount: number; numReaders: number } {
  return table.getStats() as ReturnType<typeof statsOf>;
}

/** Octets of file pages mapped into this process; 0 where the system does not tell. */
function mappedOctets(): number {
  try {
    const line = /^RssFile:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Octets of the file system that this process may still use; without limit if it does not tell. */
async function diskFree(path: string): Promise<number> {
  try {
    return freeOf(await statfs(path));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** A file system without a limit of its own (a tmpfs may be one) says that it has no blocks at all. */
function freeOf(disk: { blocks: number; bavail: number; bsize: number }): number {
  return disk.blocks === 0 ? Number.POSITIVE_INFINITY : disk.bavail * disk.bsize;
}

/**
 * Why the file cannot grow by `length`: the error of a write to a file beside it at the place where it ends. LMDB says
 * EIO for every short write, and free space alone does not tell about quotas and size limits.
 */
async function growthRefusal(path: string, length: number): Promise<unknown> {
  const probe = join(path, 'probe');
  try {
    const at = (await stat(join(path, dataFile))).size;
    const file = await openFile(probe, 'w');
    try {
      const octets = Buffer.alloc(length + spare);
      for (let done = 0; done < octets.length; ) {
        done += (await file.write(octets, done, octets.length - done, at + done)).bytesWritten;
      }
    } finally {
      await file.close();
      await unlink(probe);
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Makes the names in a folder durable. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** lmdb-js says "see commitError", a promise that is already rejected with the reason when the commit's is. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error;
  try {
    await Promise.race([error.commitError, undefined]);
    return error;
  } catch (reason) {
    return reason;
  }
}

const noRoomCodes = new Set<unknown>([-30792, 28, 122, 27, 'ENOSPC', 'EDQUOT', 'EFBIG']); // MDB_MAP_FULL, Linux errno(3)
const corruptCodes = new Set<unknown>([-30797, -30796, -30794, -30793, -30778]); // MDB_PAGE_NOTFOUND, CORRUPTED, VERSION_MISMATCH, INVALID, BAD_CHECKSUM
/** MDB_BAD_TXN follows whatever failed first in the transaction; EIO is also what LMDB makes of a short write. */
const unclearCodes = new Set<unknown>([-30782, 5]);

function codeOf(reason: unknown): unknown {
  return reason instanceof Error && 'code' in reason ? reason.code : undefined;
}

function isUnclear(reason: unknown): boolean {
  return unclearCodes.has(codeOf(reason));
}

function faultOf(path: string, reason: unknown): StoreFault {
  const code = codeOf(reason);
  const text = reason instanceof Error ? reason.message : String(reason);
  if (noRoomCodes.has(code)) {
    return new StoreFault('full', path, `no space left (${text}). ${makeRoom}`, reason);
  }
  if (corruptCodes.has(code)) return new StoreFault('corrupt', path, `${text}. ${restore}`, reason);
  return new StoreFault(
    'failed',
    path,
    `${text}. Check the disk and the folder's permissions, then try again.`,
    reason,
  );
}
