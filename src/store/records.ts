import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type Message, MO, stateName } from '../message/message.ts';

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
}

/** One file a day (UTC) of JSON lines, written behind the hot path: at most one write under way. */
export interface Records {
  add(m: Message): void;
  /** Batch up to which every record is in its file. */
  readonly writtenTo: number;
  /** Told by the store which batch is durable, so that `writtenTo` can follow. */
  durable(batch: number): void;
  flush(): Promise<void>;
  /** Records whose message ended in [from, to), oldest first. */
  read(from: number, to: number, see: (record: MessageRecord) => void): Promise<void>;
  readonly counters: { written: number; failures: number; octets: number };
}

const DAY = 86_400_000;

export function createRecords(
  folder: string,
  clock: Clock,
  showId: (carrier: string, id: string) => string,
  onFault: (error: Error) => void,
): Records {
  let open = Buffer.allocUnsafe(1 << 18);
  let at = 0;
  let count = 0;
  let durableTo = 0;
  let writtenTo = 0;
  let writing: Promise<void> | undefined;
  let made = false;
  const counters = { written: 0, failures: 0, octets: 0 };

  const put = (text: string): void => {
    // Three octets a character are enough for any text.
    if (at + text.length * 3 > open.length) {
      const larger = Buffer.allocUnsafe(Math.max(open.length * 2, at + text.length * 3));
      open.copy(larger, 0, 0, at);
      open = larger;
    }
    at += open.write(text, at);
  };

  const write = async (): Promise<void> => {
    while (at > 0) {
      const octets = open.subarray(0, at);
      const lines = count;
      const upTo = durableTo;
      open = Buffer.allocUnsafe(1 << 18);
      at = 0;
      count = 0;
      try {
        if (!made) {
          await mkdir(folder, { recursive: true });
          made = true;
        }
        await appendFile(fileOf(folder, clock.now()), octets);
        counters.written += lines;
        counters.octets += octets.length;
        writtenTo = Math.max(writtenTo, upTo);
      } catch (error) {
        counters.failures++;
        onFault(error instanceof Error ? error : new Error(String(error)));
        // Kept for the next try; the journal holds what is lost if we die before.
        open = Buffer.concat([octets, open.subarray(0, at)]);
        at = open.length;
        count += lines;
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
    add(m) {
      put(lineOf(m, showId));
      count++;
    },
    get writtenTo() {
      return at === 0 && writing === undefined ? durableTo : writtenTo;
    },
    durable(batch) {
      durableTo = batch;
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
        for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
          if (line === '') continue;
          let record: MessageRecord;
          try {
            record = JSON.parse(line) as MessageRecord;
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

const dayName = (at: number): string => `${new Date(at).toISOString().slice(0, 10)}.jsonl`;
const fileOf = (folder: string, at: number): string => join(folder, dayName(at));

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const quoted = (s: string): string => (PLAIN.test(s) ? `"${s}"` : JSON.stringify(s));

/** Built by hand: `JSON.stringify` of the whole costs three times as much, once per message. */
function lineOf(m: Message, showId: (carrier: string, id: string) => string): string {
  let ids = '';
  for (const s of m.segments) {
    if (s.carrierId === '') continue;
    ids += `${ids === '' ? '' : ','}${quoted(showId(m.carrier, s.carrierId))}`;
  }
  return (
    `{"id":${m.id},"publicId":${m.publicId},"kind":"${m.kind === MO ? 'MO' : 'MT'}","account":${quoted(m.account)},` +
    `"source":${quoted(m.source)},"destination":${quoted(m.destination)},"carrier":${quoted(m.carrier)},` +
    `"acceptedAt":${m.acceptedAt},"endedAt":${m.endedAt},"state":"${stateName(m.state)}","stateCode":${m.state},` +
    `"error":${quoted(m.error)},"reason":${quoted(m.reason)},"segments":${m.segments.length},"attempts":${m.attempts},` +
    `"possibleDuplicate":${(m.flags & 1) !== 0},"registered":${m.registered},"carrierIds":[${ids}],` +
    `"trace":${m.trace.length === 0 ? '[]' : JSON.stringify(m.trace)},"sourceTon":${m.sourceTon},"sourceNpi":${m.sourceNpi},` +
    `"destTon":${m.destTon},"destNpi":${m.destNpi}}\n`
  );
}
