import type { BookHead, CarrierLine, PlatformLine } from '../book-file.ts';
import { eachLine } from '../lines.ts';

/** A book that is none; the message names file, line, and what is wrong with it. */
export class BookFault extends Error {
  constructor(path: string, line: number, what: string) {
    super(`${path}:${line}: ${what}`);
    this.name = 'BookFault';
  }
}

type Line = PlatformLine | CarrierLine;

/** What a line of each kind must have, so that those who read it need not ask. */
const FIELDS: Readonly<Record<Line['is'], Readonly<Record<string, 'string' | 'number' | 'list'>>>> = {
  submit: {
    message: 'number',
    to: 'string',
    text: 'number',
    part: 'number',
    parts: 'number',
    due: 'number',
    sent: 'number',
    tries: 'number',
  },
  receipt: { id: 'string', from: 'string', state: 'string', at: 'number' },
  message: { to: 'string', ids: 'list', at: 'list' },
  repeat: { to: 'string', id: 'string', part: 'number', parts: 'number', at: 'number' },
  refusal: { to: 'string', code: 'number', at: 'number' },
  report: { id: 'string', to: 'string', word: 'string', at: 'number' },
  taken: { id: 'string', to: 'string', at: 'number' },
};

const LINES = { platform: ['submit', 'receipt'], carrier: ['message', 'repeat', 'refusal', 'report', 'taken'] };

/**
 * Reads the book of this end: the head first, then each line with its first octet in the file. Throws BookFault, or the
 * system's error. A last line that was cut off is left out.
 */
export function readBook<End extends 'platform' | 'carrier'>(
  path: string,
  end: End,
  onHead: (head: BookHead) => void,
  onLine: (line: End extends 'platform' ? PlatformLine : CarrierLine, at: number) => void,
): void {
  let lines = 0;
  eachLine(path, (text, number, at) => {
    lines = number;
    const line = parsed(text);
    if (number === 1) {
      checkHead(path, line, end);
      return onHead(line as unknown as BookHead);
    }
    if (line === undefined) throw new BookFault(path, number, 'is no line of JSON');
    const kind = line.is as Line['is'];
    if (!LINES[end].includes(kind)) {
      throw new BookFault(path, number, `is: ${JSON.stringify(kind)} is no line of the book of a ${end}`);
    }
    const fields = FIELDS[kind];
    for (const name in fields) {
      const value = line[name];
      const good = fields[name] === 'list' ? Array.isArray(value) : typeof value === fields[name];
      if (!good) throw new BookFault(path, number, `${name}: ${JSON.stringify(value)} is no ${fields[name]}`);
    }
    onLine(line as never, at);
  });
  if (lines === 0) throw new BookFault(path, 1, 'there is nothing in it');
}

function checkHead(path: string, head: Record<string, unknown> | undefined, end: string): void {
  if (head === undefined || (head.book !== 'platform' && head.book !== 'carrier')) {
    throw new BookFault(path, 1, 'is no book: the first line must be its head');
  }
  if (head.book !== end) throw new BookFault(path, 1, `book: it is that of a ${head.book}, not of a ${end}`);
  if (head.format !== 1) throw new BookFault(path, 1, `format: ${JSON.stringify(head.format)}; this version reads 1`);
  if (typeof head.since !== 'number') throw new BookFault(path, 1, `since: ${JSON.stringify(head.since)} is no number`);
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
