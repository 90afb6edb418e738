import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open as openFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { putDecimal, putLatin1 } from '../../protocols/wire/octets.ts';
import type { Clock } from '../base/clock.ts';
import { type Message, MO, POSSIBLE_DUPLICATE, stateName } from '../message/message.ts';

/** The line kept of a message that ended: what was promised, what was tried, how it ended. */
export interface MessageRecord {
  readonly id: number;
  readonly publicId: number;
  readonly kind: 'MT' | 'MO';
  readonly account: string;
  readonly source: string;
  readonly destination: string;
  readonly carrier: string;
  readonly acceptedAt: number;
  readonly endedAt: number;
  readonly state: string;
  readonly stateCode: number;
  readonly error: string;
  readonly reason: string;
  readonly segments: number;
  readonly attempts: number;
  readonly possibleDuplicate: boolean;
  readonly registered: number;
  readonly carrierIds: readonly string[];
  readonly trace: Message['trace'];
  /** As much as a receipt needs to be told again. */
  readonly sourceTon: number;
  readonly sourceNpi: number;
  readonly destTon: number;
  readonly destNpi: number;
  /** The platform's own reference in hexadecimal; '' where its protocol uses ours. */
  readonly platformRef: string;
}

/** One file a day (UTC) of JSON lines, written behind the hot path: at most one write under way. */
export interface Records {
  /** `batch`: of the journal, from which a crash would rebuild the message; let go when its line is in the file. */
  add(m: Message, batch: number): void;
  /** Batch up to which every record is in its file. */
  readonly writtenTo: number;
  /** Told by the store which batch is durable, so that `writtenTo` can follow. */
  durable(batch: number): void;
  /** Writes what waits; called often, it writes ten times a second at most. */
  tick(): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Records whose message ended in [from, to), oldest first. */
  read(from: number, to: number, see: (record: MessageRecord) => void): Promise<void>;
  readonly counters: { written: number; failures: number; octets: number };
}

const DAY = 86_400_000;
const FLUSH_EVERY = 100;
const BIG = 1 << 17;

export function createRecords(
  folder: string,
  clock: Clock,
  showId: (carrier: string, id: string) => string,
  onFault: (error: Error) => void,
  /** Told the batch of each record that is in its file. */
  onWritten: (batch: number) => void,
): Records {
  let open = Buffer.allocUnsafe(1 << 18);
  let at = 0;
  let count = 0;
  let batches: number[] = [];
  let durableTo = 0;
  let writtenTo = 0;
  let writing: Promise<void> | undefined;
  let file: FileHandle | undefined;
  let fileName = '';
  let flushedAt = 0;
  const counters = { written: 0, failures: 0, octets: 0 };

  const room = (octets: number): void => {
    if (at + octets <= open.length) return;
    const larger = Buffer.allocUnsafe(Math.max(open.length * 2, at + octets));
    open.copy(larger, 0, 0, at);
    open = larger;
  };

  const write = async (): Promise<void> => {
    while (at > 0) {
      const octets = open.subarray(0, at);
      const lines = count;
      const held = batches;
      const upTo = durableTo;
      open = Buffer.allocUnsafe(1 << 18);
      at = 0;
      count = 0;
      batches = [];
      try {
        const name = dayName(clock.now());
        if (file === undefined || name !== fileName) {
          await file?.close();
          file = undefined;
          await mkdir(folder, { recursive: true });
          file = await openFile(join(folder, name), 'a');
          fileName = name;
          // A line torn by a crash or a full disk must not swallow the next one.
          if ((await file.stat()).size > 0) await file.appendFile('\n');
        }
        await file.appendFile(octets);
        counters.written += lines;
        counters.octets += octets.length;
        writtenTo = Math.max(writtenTo, upTo);
        for (const batch of held) onWritten(batch);
      } catch (error) {
        counters.failures++;
        onFault(error instanceof Error ? error : new Error(String(error)));
        await file?.close().catch(() => undefined);
        file = undefined;
        // Kept for the next try; the journal holds what is lost if we die before.
        open = Buffer.concat([octets, open.subarray(0, at)]);
        at = open.length;
        count += lines;
        batches = [...held, ...batches];
        return;
      }
    }
    writtenTo = Math.max(writtenTo, durableTo);
  };

  const start = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  return {
    add(m, batch) {
      room(MOST + m.trace.length * 400 + m.segments.length * 280);
      at = putLine(m, showId, open, at);
      count++;
      batches.push(batch);
    },
    get writtenTo() {
      return at === 0 && writing === undefined ? durableTo : writtenTo;
    },
    durable(batch) {
      durableTo = batch;
    },
    tick() {
      const now = clock.now();
      if (at === 0 || (now - flushedAt < FLUSH_EVERY && at < BIG)) return;
      flushedAt = now;
      void start();
    },
    async close() {
      await start();
      await file?.close();
      file = undefined;
    },
    async flush() {
      await start();
      if (at > 0) await start();
    },
    async read(from, to, see) {
      let names: string[];
      try {
        names = (await readdir(folder)).filter((n) => n.endsWith('.jsonl')).sort();
      } catch {
        return;
      }
      const first = dayName(from);
      // A record is written soon after its message ended: the file of the next day may hold it as well.
      const last = dayName(to + DAY);
      for (const name of names) {
        if (name < first || name > last) continue;
        for await (const line of linesOf(join(folder, name))) {
          const at = endOf(line);
          if (at < from || at >= to) continue;
          let record: MessageRecord;
          try {
            record = readRecord(line);
          } catch {
            continue; // the torn last line of a crash; its message is written again after the restart
          }
          if (record.endedAt >= from && record.endedAt < to) see(record);
        }
      }
    },
    counters,
  };
}

/** Lines of a file that may be larger than memory, a chunk a turn. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const octets = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = octets.indexOf(0x0a); end >= 0; end = octets.indexOf(0x0a, start)) {
      if (end > start) yield octets.toString('utf8', start, end);
      start = end + 1;
    }
    rest = octets.subarray(start);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}

/** The time in a record without reading all of it; NaN in what is none. */
function endOf(line: string): number {
  const at = line.indexOf('"endedAt":');
  return at < 0 ? Number.NaN : Number.parseInt(line.slice(at + 10, at + 30), 10);
}

const dayName = (at: number): string => `${new Date(at).toISOString().slice(0, 10)}.jsonl`;

/** Octets of a line without its trace and its carrier's ids, at most: ten strings of 255 characters, escaped, and numbers. */
const MOST = 16 * 1024;

/** A JSON string: as it is where that is plain ASCII, which it nearly always is. */
function putText(text: string, b: Buffer, o: number): number {
  const start = o;
  b[o++] = 0x22;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return start + b.write(JSON.stringify(text), start);
    b[o++] = c;
  }
  b[o++] = 0x22;
  return o;
}

/** What a line leaves out when it is so: half of a line would say nothing. */
const USUAL: Omit<MessageRecord, 'id' | 'publicId' | 'account' | 'acceptedAt' | 'endedAt' | 'state' | 'stateCode'> = {
  kind: 'MT',
  source: '',
  destination: '',
  carrier: '',
  error: '',
  reason: '',
  segments: 1,
  attempts: 0,
  possibleDuplicate: false,
  registered: 0,
  carrierIds: [],
  trace: [],
  sourceTon: 0,
  sourceNpi: 0,
  destTon: 0,
  destNpi: 0,
  platformRef: '',
};

/** A record from its line. Throws SyntaxError for a line that is none. */
export function readRecord(line: string): MessageRecord {
  const given = JSON.parse(line) as Partial<MessageRecord>;
  return { ...USUAL, publicId: given.id, ...given } as MessageRecord;
}

/** Written by hand into octets: `JSON.stringify` of the whole costs several times as much, once per message. */
function putLine(m: Message, showId: (carrier: string, id: string) => string, b: Buffer, o: number): number {
  o = putDecimal(b, m.id, putLatin1(b, '{"id":', o));
  if (m.publicId !== m.id) o = putDecimal(b, m.publicId, putLatin1(b, ',"publicId":', o));
  if (m.kind === MO) o = putLatin1(b, ',"kind":"MO"', o);
  o = putText(m.account, b, putLatin1(b, ',"account":', o));
  if (m.source !== '') o = putText(m.source, b, putLatin1(b, ',"source":', o));
  if (m.destination !== '') o = putText(m.destination, b, putLatin1(b, ',"destination":', o));
  if (m.carrier !== '') o = putText(m.carrier, b, putLatin1(b, ',"carrier":', o));
  o = putDecimal(b, m.acceptedAt, putLatin1(b, ',"acceptedAt":', o));
  o = putDecimal(b, m.endedAt, putLatin1(b, ',"endedAt":', o));
  o = putText(stateName(m.state), b, putLatin1(b, ',"state":', o));
  o = putDecimal(b, m.state, putLatin1(b, ',"stateCode":', o));
  if (m.error !== '') o = putText(m.error, b, putLatin1(b, ',"error":', o));
  if (m.reason !== '') o = putText(m.reason, b, putLatin1(b, ',"reason":', o));
  if (m.segments.length !== 1) o = putDecimal(b, m.segments.length, putLatin1(b, ',"segments":', o));
  if (m.attempts !== 0) o = putDecimal(b, m.attempts, putLatin1(b, ',"attempts":', o));
  if ((m.flags & POSSIBLE_DUPLICATE) !== 0) o = putLatin1(b, ',"possibleDuplicate":true', o);
  if (m.registered !== 0) o = putDecimal(b, m.registered, putLatin1(b, ',"registered":', o));
  let first = true;
  for (const s of m.segments) {
    if (s.carrierId === '') continue;
    o = first ? putLatin1(b, ',"carrierIds":[', o) : putLatin1(b, ',', o);
    first = false;
    o = putText(showId(m.carrier, s.carrierId), b, o);
  }
  if (!first) b[o++] = 0x5d;
  if (m.trace.length > 0) o += b.write(`,"trace":${JSON.stringify(m.trace)}`, o);
  if (m.sourceTon !== 0) o = putDecimal(b, m.sourceTon, putLatin1(b, ',"sourceTon":', o));
  if (m.sourceNpi !== 0) o = putDecimal(b, m.sourceNpi, putLatin1(b, ',"sourceNpi":', o));
  if (m.destTon !== 0) o = putDecimal(b, m.destTon, putLatin1(b, ',"destTon":', o));
  if (m.destNpi !== 0) o = putDecimal(b, m.destNpi, putLatin1(b, ',"destNpi":', o));
  if (m.platformRef !== '')
    o = putText(Buffer.from(m.platformRef, 'latin1').toString('hex'), b, putLatin1(b, ',"platformRef":', o));
  return putLatin1(b, '}\n', o);
}
