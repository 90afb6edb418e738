import { NOTHING_ALIKE, pack, unpack } from './packing.ts';

/**
 * Messages that wait (for a report, for their platform) as octets instead of objects: chunks that are written from one
 * end and given back when nothing in them lives, and an open-addressing index from hashes to records. A million waiting
 * messages cost some 120 octets each, index included, and no garbage collection.
 *
 * Record: octets u32, snapshot it is packed by u8 (0: none), octets of the snapshot
 * unpacked u24, keys u16, live u8, batch / 2^32 u8, id f64, batch u32, due u32
 * (seconds, rounded up), keys × hash u32, then the packed snapshot; aligned to 4.
 */
export interface Frozen {
  /** Stores a snapshot of `size` octets, written by `write(b, o)`, findable under its id and `keys`. */
  put(
    id: number,
    batch: number,
    due: number,
    keys: readonly number[],
    size: number,
    write: (b: Buffer, o: number) => void,
  ): void;
  /** Calls `look(b, start, end, id, ref)` for each live record with this hash, until it returns true. */
  find(hash: number, look: (record: FrozenRecord, ref: number) => boolean): boolean;
  /** Reference of a message by id, or -1. */
  byId(id: number): number;
  /** A record with its snapshot, which is valid until the next call of anything here. */
  read(ref: number): FrozenRecord;
  remove(ref: number): void;
  /** Heads of records in chunk order, oldest chunk first, from `cursor` on; at most `limit`. Returns the cursor to go on with, or -1 at the end. */
  scan(cursor: number, limit: number, see: (head: FrozenHead, ref: number) => void): number;
  readonly count: number;
  readonly octets: number;
}

export interface FrozenHead {
  readonly id: number;
  readonly batch: number;
  /** When it must be looked at; ms, to the second. */
  readonly due: number;
}

export interface FrozenRecord extends FrozenHead {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

const CHUNK = 1 << 20;
const HEAD = 28;
const KEYS_AT = 8;
const LIVE_AT = 10;
/** 32 bits are full after some months of full load. */
const BATCH_HIGH_AT = 11;
const TWO_32 = 0x1_0000_0000;
const ID_AT = 12;
const BATCH_AT = 20;
const DUE_AT = 24;
/** References count in units of the alignment: 32 bits reach 16 GiB. */
const UNIT = 4;
const NEVER = 0xffffffff;

interface Chunk {
  buffer: Buffer;
  used: number;
  live: number;
  /** Order of filling: oldest first when scanned. */
  order: number;
  /** The first snapshot of each size, which those of the same size are packed by: they have the same fields at the same places. */
  patterns: Uint8Array[];
}

const MOST_PATTERNS = 255;
const SIZE_MASK = 0xffffff;

/** 32-bit hash of a message id. */
export function hashId(id: number): number {
  return mix((id % 0x1_0000_0000) ^ Math.imul(Math.floor(id / 0x1_0000_0000), 0x9e3779b1));
}

/** 32-bit hash of a carrier's id under the carrier's name. */
export function hashCarrierId(carrier: string, id: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < carrier.length; i++) h = Math.imul(h ^ carrier.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ 0x1ff, 0x01000193);
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return mix(h);
}

function mix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function createFrozen(): Frozen {
  const chunks: (Chunk | undefined)[] = [];
  const pool: Buffer[] = [];
  let tail = -1;
  let order = 0;
  let count = 0;
  const index = createHashIndex();
  let scratch = Buffer.allocUnsafe(1 << 12);

  const room = (octets: number): void => {
    if (scratch.length < octets) scratch = Buffer.allocUnsafe(octets * 2);
  };

  const newChunk = (): Chunk => {
    const chunk: Chunk = {
      buffer: pool.pop() ?? Buffer.allocUnsafeSlow(CHUNK),
      used: 0,
      live: 0,
      order: order++,
      patterns: [],
    };
    let at = 0;
    while (chunks[at] !== undefined) at++;
    chunks[at] = chunk;
    tail = at;
    return chunk;
  };

  const place = (ref: number): { chunk: Chunk; o: number } => {
    const at = Math.floor(ref / CHUNK);
    return { chunk: chunks[at]!, o: ref - at * CHUNK };
  };

  const headAt = (b: Buffer, o: number): FrozenHead => {
    const due = b.readUInt32BE(o + DUE_AT);
    return {
      id: b.readDoubleBE(o + ID_AT),
      batch: b[o + BATCH_HIGH_AT]! * TWO_32 + b.readUInt32BE(o + BATCH_AT),
      due: due === NEVER ? Number.POSITIVE_INFINITY : due * 1000,
    };
  };

  const record = (ref: number): FrozenRecord => {
    const { chunk, o } = place(ref);
    const b = chunk.buffer;
    const packedBy = b[o + 4]!;
    const size = b.readUInt32BE(o + 4) & SIZE_MASK;
    room(size);
    const like = packedBy === 0 ? NOTHING_ALIKE : chunk.patterns[packedBy - 1]!;
    unpack(b, o + HEAD + 4 * b.readUInt16BE(o + KEYS_AT), like, scratch, size);
    const { id, batch, due } = headAt(b, o);
    return { id, batch, due, buffer: scratch, start: 0, end: size };
  };

  return {
    put(id, batch, due, keys, size, write) {
      // Packed, a snapshot may grow by a ninth.
      const most = (HEAD + 4 * keys.length + size + Math.ceil(size / 8) + UNIT) & ~(UNIT - 1);
      if (most > CHUNK) throw new RangeError(`a snapshot of ${size} octets does not fit a chunk`);
      room(size);
      write(scratch, 0);
      let chunk = tail < 0 ? undefined : chunks[tail];
      if (chunk === undefined || chunk.used + most > CHUNK) chunk = newChunk();
      const o = chunk.used;
      const b = chunk.buffer;
      const slot = (tail * CHUNK + o) / UNIT;
      const packedBy = patternFor(chunk, size);
      b.writeUInt32BE(size + packedBy * (SIZE_MASK + 1), o + 4);
      b.writeUInt16BE(keys.length, o + KEYS_AT);
      b[o + LIVE_AT] = 1;
      b.writeDoubleBE(id, o + ID_AT);
      b[o + BATCH_HIGH_AT] = Math.floor(batch / TWO_32);
      b.writeUInt32BE(batch % TWO_32, o + BATCH_AT);
      b.writeUInt32BE(Math.min(Math.ceil(due / 1000), NEVER), o + DUE_AT);
      let k = o + HEAD;
      for (const hash of keys) {
        b.writeUInt32BE(hash, k);
        k += 4;
        index.insert(hash, slot);
      }
      index.insert(hashId(id), slot);
      const like = packedBy === 0 ? NOTHING_ALIKE : chunk.patterns[packedBy - 1]!;
      const octets = (pack(scratch, size, like, b, k) - o + UNIT - 1) & ~(UNIT - 1);
      // The first of its size is kept whole for those to come.
      if (packedBy === 0 && chunk.patterns.length < MOST_PATTERNS)
        chunk.patterns.push(Uint8Array.prototype.slice.call(scratch, 0, size));
      b.writeUInt32BE(octets, o);
      chunk.used += octets;
      chunk.live++;
      count++;
    },
    find(hash, look) {
      return index.find(hash, (slot) => {
        return look(record(slot * UNIT), slot * UNIT);
      });
    },
    byId(id) {
      let found = -1;
      index.find(hashId(id), (slot) => {
        const { chunk, o } = place(slot * UNIT);
        if (chunk.buffer.readDoubleBE(o + ID_AT) !== id) return false;
        found = slot * UNIT;
        return true;
      });
      return found;
    },
    read: record,
    remove(ref) {
      const { chunk, o } = place(ref);
      const b = chunk.buffer;
      if (b[o + LIVE_AT] !== 1) return;
      b[o + LIVE_AT] = 0;
      const keys = b.readUInt16BE(o + KEYS_AT);
      for (let k = 0; k < keys; k++) index.remove(b.readUInt32BE(o + HEAD + 4 * k), ref / UNIT);
      index.remove(hashId(b.readDoubleBE(o + ID_AT)), ref / UNIT);
      chunk.live--;
      count--;
      if (chunk.live === 0) {
        const at = Math.floor(ref / CHUNK);
        if (at === tail) {
          chunk.used = 0;
          chunk.patterns = [];
          // Another chunk to scans: an old cursor's offset need not be a record's border any more.
          chunk.order = order++;
        } else {
          chunks[at] = undefined;
          if (pool.length < 16) pool.push(chunk.buffer);
        }
      }
    },
    scan(cursor, limit, see) {
      // The cursor is (order of the chunk) × CHUNK + offset, so that it stays meaningful while chunks come and go.
      const live = chunks
        .flatMap((c, at) => (c === undefined ? [] : [{ c, at }]))
        .sort((x, y) => x.c.order - y.c.order);
      let seen = 0;
      for (const { c, at } of live) {
        const from = Math.floor(cursor / CHUNK);
        if (c.order < from) continue;
        let o = c.order === from ? cursor - from * CHUNK : 0;
        while (o < c.used) {
          const total = c.buffer.readUInt32BE(o);
          const next = o + total;
          if (c.buffer[o + LIVE_AT] === 1) {
            if (seen === limit) return c.order * CHUNK + o;
            seen++;
            see(headAt(c.buffer, o), at * CHUNK + o);
          }
          o = next;
        }
      }
      return -1;
    },
    get count() {
      return count;
    },
    get octets() {
      return chunks.reduce((n, c) => n + (c === undefined ? 0 : CHUNK), 0) + index.octets;
    },
  };
}

/** Number of the chunk's snapshot of this size, counted from 1; 0 where it has none. */
function patternFor(chunk: Chunk, size: number): number {
  for (let i = 0; i < chunk.patterns.length; i++) if (chunk.patterns[i]!.length === size) return i + 1;
  return 0;
}

interface HashIndex {
  insert(hash: number, slot: number): void;
  remove(hash: number, slot: number): void;
  find(hash: number, look: (slot: number) => boolean): boolean;
  readonly octets: number;
}

const PARTS = 256;

/** Hash → slot numbers, several per hash; 256 small tables, so that growing one never stops the world. */
function createHashIndex(): HashIndex {
  const hashes: Uint32Array[] = Array.from({ length: PARTS }, () => new Uint32Array(64));
  // Slot + 1; 0 is free.
  const slots: Uint32Array[] = Array.from({ length: PARTS }, () => new Uint32Array(64));
  const counts = new Uint32Array(PARTS);

  const grow = (part: number): void => {
    const h = hashes[part]!;
    const s = slots[part]!;
    const size = h.length * 2;
    const nh = new Uint32Array(size);
    const ns = new Uint32Array(size);
    for (let i = 0; i < h.length; i++) {
      if (s[i] === 0) continue;
      let j = h[i]! & (size - 1);
      while (ns[j] !== 0) j = (j + 1) & (size - 1);
      nh[j] = h[i]!;
      ns[j] = s[i]!;
    }
    hashes[part] = nh;
    slots[part] = ns;
  };

  return {
    insert(hash, slot) {
      const part = hash >>> 24;
      if (counts[part]! * 4 >= hashes[part]!.length * 3) grow(part);
      const h = hashes[part]!;
      const s = slots[part]!;
      const mask = h.length - 1;
      let i = hash & mask;
      while (s[i] !== 0) i = (i + 1) & mask;
      h[i] = hash;
      s[i] = slot + 1;
      counts[part]!++;
    },
    remove(hash, slot) {
      const part = hash >>> 24;
      const h = hashes[part]!;
      const s = slots[part]!;
      const mask = h.length - 1;
      let i = hash & mask;
      while (s[i] !== 0 && (h[i] !== hash || s[i] !== slot + 1)) i = (i + 1) & mask;
      if (s[i] === 0) return;
      // Backward-shift deletion: no tombstones, so chains stay short however much comes and goes.
      let hole = i;
      for (let j = (i + 1) & mask; s[j] !== 0; j = (j + 1) & mask) {
        const home = h[j]! & mask;
        if (((j - home) & mask) >= ((j - hole) & mask)) {
          h[hole] = h[j]!;
          s[hole] = s[j]!;
          hole = j;
        }
      }
      s[hole] = 0;
      counts[part]!--;
    },
    find(hash, look) {
      const part = hash >>> 24;
      const h = hashes[part]!;
      const s = slots[part]!;
      const mask = h.length - 1;
      for (let i = hash & mask; s[i] !== 0; i = (i + 1) & mask) {
        if (h[i] === hash && look(s[i]! - 1)) return true;
      }
      return false;
    },
    get octets() {
      return hashes.reduce((n, h) => n + h.length * 8, 0);
    },
  };
}
