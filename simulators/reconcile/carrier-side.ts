import type { BookHead, MessageLine, RepeatLine, ReportLine, TakenLine } from '../book-file.ts';
import { createFingerprints, fingerprint } from '../fingerprints.ts';
import { linesAt } from '../lines.ts';
import { readBook } from './book-reader.ts';
import { createColumn } from './column.ts';
import { digitsOf, messageKey } from './platform-side.ts';
import { bitOfWord } from './states.ts';

/** Most reports that wait for their message to become whole. */
const MOST_WAITING = 500_000;

/** What the carriers' books say, in columns as `readPlatforms` has them. */
export function readCarriers(
  paths: readonly string[],
  sinceOf: (head: BookHead) => number,
  onRefusal: (digits: number) => void,
) {
  const messages = {
    /** 0: its text is not known. */
    key: createColumn(Float64Array),
    digits: createColumn(Float64Array),
    /** Its first part; the others follow. */
    first: createColumn(Int32Array),
    of: createColumn(Uint8Array),
    /** A part that came again alone: its place, else 0. */
    repeat: createColumn(Uint8Array),
  };
  const parts = {
    message: createColumn(Int32Array),
    /** 0: it never came. */
    at: createColumn(Float64Array),
    reports: createColumn(Uint16Array),
    /** States reported, see states.ts. */
    states: createColumn(Uint16Array),
    /** NaN: never. */
    reportedAt: createColumn(Float64Array),
    takenAt: createColumn(Float64Array),
    book: createColumn(Uint8Array),
    line: createColumn(Float64Array),
  };
  const protocols = new Set<string>();
  const n = { reports: 0, taken: 0, refusals: 0, ownerless: 0 };

  for (const [book, path] of paths.entries()) {
    const byId = createFingerprints();
    const waiting = new Map<number, (ReportLine | TakenLine)[]>();
    let held = 0;
    let since = 0;

    const enter = (id: string, digits: string, message: number, at: number, line: number): void => {
      const part = parts.message.push(message);
      parts.at.push(id === '' ? 0 : since + at);
      parts.reports.push(0);
      parts.states.push(0);
      parts.reportedAt.push(Number.NaN);
      parts.takenAt.push(Number.NaN);
      parts.book.push(book);
      parts.line.push(line);
      if (id === '') return;
      const print = fingerprint(`${id} ${digits}`);
      byId.set(print, part);
      if (held === 0) return;
      const before = waiting.get(print);
      if (before === undefined) return;
      waiting.delete(print);
      held -= before.length;
      for (const report of before) reported(report);
    };

    const arrived = (line: MessageLine | RepeatLine, at: number): void => {
      const digits = digitsOf(line.to);
      const whole = line.is === 'message';
      const message = messages.key.push(whole && line.text !== undefined ? messageKey(digits, line.text) : 0);
      messages.digits.push(fingerprint(digits));
      messages.first.push(parts.message.length);
      messages.of.push(whole ? line.ids.length : line.parts);
      messages.repeat.push(whole ? 0 : line.part);
      const ids = whole ? (line.reportIds ?? line.ids) : [line.id];
      const times = whole ? line.at : [line.at];
      for (let k = 0; k < ids.length; k++) enter(ids[k]!, digits, message, times[k]!, at);
    };

    const reported = (line: ReportLine | TakenLine): void => {
      const print = fingerprint(`${line.id} ${digitsOf(line.to)}`);
      const part = byId.get(print);
      if (part < 0) {
        if (held >= MOST_WAITING) {
          n.ownerless++;
          return;
        }
        held++;
        const before = waiting.get(print);
        if (before === undefined) waiting.set(print, [line]);
        else before.push(line);
        return;
      }
      if (line.is === 'taken') {
        n.taken++;
        if (Number.isNaN(parts.takenAt.get(part))) parts.takenAt.set(part, since + line.at);
        return;
      }
      n.reports++;
      const bit = bitOfWord(line.word);
      parts.states.set(part, parts.states.get(part) | bit);
      if (bit === 0) return;
      parts.reports.set(part, Math.min(65_535, parts.reports.get(part) + 1));
      if (Number.isNaN(parts.reportedAt.get(part))) parts.reportedAt.set(part, since + line.at);
    };

    readBook(
      path,
      'carrier',
      (head) => {
        since = sinceOf(head);
        protocols.add(head.protocol);
      },
      (line, at) => {
        if (line.is === 'message' || line.is === 'repeat') return arrived(line, at);
        if (line.is !== 'refusal') return reported(line);
        n.refusals++;
        onRefusal(fingerprint(digitsOf(line.to)));
      },
    );
    n.ownerless += held;
  }

  return {
    messages,
    parts,
    protocols,
    counts: n,
    /** The line of a part, and the book that it is in. */
    lineOf(part: number): { path: string; line: MessageLine | RepeatLine } {
      const path = paths[parts.book.get(part)]!;
      return { path, line: JSON.parse(linesAt(path, [parts.line.get(part)])[0]!) as MessageLine | RepeatLine };
    },
  };
}

export type CarrierSide = ReturnType<typeof readCarriers>;
