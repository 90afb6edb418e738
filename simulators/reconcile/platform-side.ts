import type { BookHead, ReceiptLine, SubmitLine } from '../book-file.ts';
import { createFingerprints, type Fingerprints, fingerprint } from '../fingerprints.ts';
import { linesAt } from '../lines.ts';
import { readBook } from './book-reader.ts';
import { type Column, createColumn } from './column.ts';
import { finalState } from './states.ts';

export const OUTCOME = { unanswered: 0, accepted: 1, refused: 2 } as const;

/** A receipt that names a message and comes from another's number, or one with an id that is nobody's. */
export interface StrayReceipt {
  readonly id: string;
  readonly from: string;
  readonly state: string;
  /** Part whose id it names, or -1. */
  readonly part: number;
}

/** The last eleven digits: a gateway may add or take away the country's code, and signs. */
export const digitsOf = (number: string): string => number.replace(/\D/g, '').slice(-11);
export const messageKey = (digits: string, text: number): number => fingerprint(`${digits} ${text}`);

/** Most receipts that wait for their answer. */
const MOST_WAITING = 500_000;

/**
 * What the platforms' books say, in columns: rows of messages and rows of their parts. Lines are not kept, only where
 * they are in the files. Times are milliseconds since 1970.
 */
export function readPlatforms(
  paths: readonly string[],
  sinceOf: (head: BookHead) => number,
  onStray: (stray: StrayReceipt) => void,
) {
  const messages = {
    key: createColumn(Float64Array),
    digits: createColumn(Float64Array),
    /** Its part that was read last; others by `parts.next`. */
    last: createColumn(Int32Array),
    /** Next message with the same number and text, or the same number, or -1. */
    nextOfKey: createColumn(Int32Array),
    nextOfDigits: createColumn(Int32Array),
    /** Of the first of such a chain: its last. */
    tailOfKey: createColumn(Int32Array),
    tailOfDigits: createColumn(Int32Array),
  };
  const parts = {
    message: createColumn(Int32Array),
    next: createColumn(Int32Array),
    place: createColumn(Uint8Array),
    of: createColumn(Uint8Array),
    due: createColumn(Float64Array),
    sent: createColumn(Float64Array),
    /** NaN: never. */
    answered: createColumn(Float64Array),
    outcome: createColumn(Uint8Array),
    tries: createColumn(Uint8Array),
    /** Final receipts, the state of the first, and when it came. */
    receipts: createColumn(Uint16Array),
    state: createColumn(Uint8Array),
    receiptAt: createColumn(Float64Array),
    book: createColumn(Uint8Array),
    at: createColumn(Float64Array),
  };
  /** First message of each key, and of each number. */
  const firstOfKey = createFingerprints();
  const firstOfDigits = createFingerprints();
  const protocols = new Set<string>();
  let wantsReceipts = true;
  let receipts = 0;

  for (const [book, path] of paths.entries()) {
    const rows = createFingerprints();
    const firstPart = parts.message.length;
    /** By id and number together: there are peers that use an id twice. */
    const byId = createFingerprints();
    /** Receipts that are early, or of none of the parts. */
    const waiting = new Map<number, ReceiptLine[]>();
    let held = 0;
    let since = 0;

    const submit = (line: SubmitLine, at: number): void => {
      const digits = digitsOf(line.to);
      let message = rows.get(line.message + 1);
      if (message < 0) {
        message = messages.key.push(messageKey(digits, line.text));
        rows.set(line.message + 1, message);
        messages.digits.push(fingerprint(digits));
        messages.last.push(-1);
        messages.nextOfKey.push(-1);
        messages.nextOfDigits.push(-1);
        messages.tailOfKey.push(message);
        messages.tailOfDigits.push(message);
        chain(message, messages.key, firstOfKey, messages.nextOfKey, messages.tailOfKey);
        chain(message, messages.digits, firstOfDigits, messages.nextOfDigits, messages.tailOfDigits);
      }
      const part = parts.message.push(message);
      parts.next.push(messages.last.get(message));
      messages.last.set(message, part);
      parts.place.push(line.part);
      parts.of.push(line.parts);
      parts.due.push(since + line.due);
      parts.sent.push(since + line.sent);
      parts.answered.push(line.answered === undefined ? Number.NaN : since + line.answered);
      const { unanswered, accepted, refused } = OUTCOME;
      parts.outcome.push(line.id !== undefined ? accepted : line.refused !== undefined ? refused : unanswered);
      parts.tries.push(Math.min(255, line.tries));
      parts.receipts.push(0);
      parts.state.push(0);
      parts.receiptAt.push(Number.NaN);
      parts.book.push(book);
      parts.at.push(at);
      if (line.id === undefined) return;
      const print = fingerprint(`${line.id} ${digits}`);
      byId.set(print, part);
      if (held === 0) return;
      const before = waiting.get(print);
      if (before === undefined) return;
      waiting.delete(print);
      held -= before.length;
      for (const one of before) receiptOf(part, one);
    };

    const receipt = (line: ReceiptLine): void => {
      const print = fingerprint(`${line.id} ${digitsOf(line.from)}`);
      const part = byId.get(print);
      if (part >= 0) receiptOf(part, line);
      else if (held >= MOST_WAITING) onStray({ ...line, part: -1 });
      else {
        held++;
        const before = waiting.get(print);
        if (before === undefined) waiting.set(print, [line]);
        else before.push(line);
      }
    };

    const receiptOf = (part: number, line: ReceiptLine): void => {
      const state = finalState(line.state);
      if (state < 0) return;
      receipts++;
      const n = parts.receipts.get(part);
      parts.receipts.set(part, Math.min(65_535, n + 1));
      if (n > 0) return;
      parts.state.set(part, state);
      parts.receiptAt.set(part, since + line.at);
    };

    /** What still waits names no message of its number: whose is the id then? */
    const settle = (): void => {
      const left = new Map<string, ReceiptLine[]>();
      for (const lines of waiting.values()) {
        for (const line of lines) left.set(line.id, [...(left.get(line.id) ?? []), line]);
      }
      if (left.size === 0) return;
      let part = firstPart - 1;
      readBook(
        path,
        'platform',
        () => undefined,
        (line) => {
          if (line.is !== 'submit') return;
          part++;
          const lines = line.id === undefined ? undefined : left.get(line.id);
          if (lines === undefined) return;
          left.delete(line.id!);
          for (const stray of lines) {
            onStray({ ...stray, part });
            receiptOf(part, stray);
          }
        },
      );
      for (const lines of left.values()) for (const stray of lines) onStray({ ...stray, part: -1 });
    };

    readBook(
      path,
      'platform',
      (head) => {
        since = sinceOf(head);
        protocols.add(head.protocol);
        if (head.receipts === false) wantsReceipts = false;
      },
      (line, at) => (line.is === 'submit' ? submit(line, at) : receipt(line)),
    );
    settle();
  }

  return {
    messages,
    parts,
    firstOfKey,
    firstOfDigits,
    protocols,
    /** False where a platform asked for none. */
    wantsReceipts,
    /** Final ones that name a message of ours. */
    receipts,
    /** The line of a part, read again. */
    lineOf(part: number): SubmitLine {
      const [line] = linesAt(paths[parts.book.get(part)]!, [parts.at.get(part)]);
      return JSON.parse(line!) as SubmitLine;
    },
  };
}

export type PlatformSide = ReturnType<typeof readPlatforms>;

/** Appends the row to the chain of those with the same print. */
function chain(row: number, prints: Column, first: Fingerprints, next: Column, tail: Column): void {
  const head = first.get(prints.get(row));
  if (head < 0) {
    first.set(prints.get(row), row);
    return;
  }
  next.set(tail.get(head), row);
  tail.set(head, row);
}
