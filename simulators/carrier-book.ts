import { createReassembly } from '../protocols/text/reassemble.ts';
import { joinText } from '../protocols/text/segment.ts';
import type { BookWriter } from './book-file.ts';
import type { Arrival, Part } from './books.ts';
import { fingerprint } from './fingerprints.ts';
import { printableId } from './printable-id.ts';

/** Writes what a carrier does into a book file. */
export interface CarrierBook {
  arrived(arrival: Arrival): void;
  refused(destination: string, code: number): void;
  /** `id`: as the report names it. */
  reported(id: string, destination: string, word: string): void;
  taken(id: string, destination: string): void;
  /** See `BookWriter.close`. Messages that are not whole are written as far as they came. */
  close(): void;
}

interface BookPart extends Part {
  readonly to: string;
  readonly at: number;
}

/** Parts of a message come within this time; a reference that comes again later is another message's. */
const WHOLE_WITHIN_MS = 3_600_000;
/** How often messages are given up, in arrivals of parts. */
const TIDY_EVERY = 4096;

const sameOctets = (a: Part, b: Part): boolean => Buffer.compare(a.octets, b.octets) === 0;

/** `reportId`: how a report names the message of an answer. */
export function createCarrierBook(writer: BookWriter, reportId: (id: string) => string): CarrierBook {
  const parts = createReassembly<BookPart>({
    maxOpen: 100_000,
    maxParts: 1_000_000,
    timeoutMs: WHOLE_WITHIN_MS,
    same: sameOctets,
  });
  let untilTidy = TIDY_EVERY;

  function message(to: string, text: number | undefined, ids: readonly string[], at: readonly number[]): void {
    const answered = ids.map(printableId);
    const named = ids.map((id) => (id === '' ? '' : printableId(reportId(id))));
    writer.write({
      is: 'message',
      to,
      ...(text !== undefined && { text }),
      ids: answered,
      ...(named.some((id, k) => id !== answered[k]) && { reportIds: named }),
      at,
    });
  }

  function giveUp(now: number): void {
    for (const { parts: there } of parts.expire(now)) {
      const some = there.find((p) => p !== undefined)!;
      message(
        some.to,
        undefined,
        there.map((p) => p?.id ?? ''),
        there.map((p) => p?.at ?? 0),
      );
    }
  }

  return {
    arrived({ account, source, destination, coding, octets, concat, id }) {
      const at = writer.at();
      if (concat === undefined || concat.total === 1) {
        return message(destination, fingerprint(joinText([octets], coding)), [id], [at]);
      }
      const part = { octets: Uint8Array.from(octets), coding, id, to: destination, at };
      const added = parts.add(`${account} ${source} ${destination}`, concat, part, at);
      if (--untilTidy === 0) {
        untilTidy = TIDY_EVERY;
        giveUp(at);
      }
      if (added.state === 'whole') {
        const all = added.parts;
        const text = joinText(
          all.map((p) => p.octets),
          all.map((p) => p.coding),
        );
        return message(
          destination,
          fingerprint(text),
          all.map((p) => p.id),
          all.map((p) => p.at),
        );
      }
      if (added.state === 'waiting') return;
      writer.write({
        is: 'repeat',
        to: destination,
        id: printableId(reportId(id)),
        part: concat.seq,
        parts: concat.total,
        at,
      });
    },
    refused(to, code) {
      writer.write({ is: 'refusal', to, code, at: writer.at() });
    },
    reported(id, to, word) {
      writer.write({ is: 'report', id: printableId(id), to, word, at: writer.at() });
    },
    taken(id, to) {
      writer.write({ is: 'taken', id: printableId(id), to, at: writer.at() });
    },
    close() {
      giveUp(Number.POSITIVE_INFINITY);
      writer.close();
    },
  };
}
