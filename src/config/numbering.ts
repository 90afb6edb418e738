import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bareMobile } from '../base/mobile-number.ts';
import type { Fault } from './check.ts';
import type { Config } from './schema.ts';

/** Whose network a number is in, and how that is known: the prefix, or '' where it is on the list of ported numbers. */
export interface Owner {
  readonly operator: string;
  readonly prefix: string;
}

export interface Numbering {
  /** Undefined where no prefix fits. */
  ownerOf(number: string): Owner | undefined;
  readonly operators: ReadonlySet<string>;
  /** Numbers on the list of ported ones. */
  readonly ported: number;
  /** What is wrong in the files; what could be read counts all the same. */
  readonly faults: readonly Fault[];
}

/** Faults told of one file. */
const MOST_FAULTS = 20;
const known = new WeakMap<Config['numbering'], Numbering>();

/** The tables of a configuration, read once for it: another configuration reads them again. */
export function numberingOf({ numbering }: Config): Numbering {
  let tables = known.get(numbering);
  if (tables === undefined) {
    tables = readNumbering(numbering);
    known.set(numbering, tables);
  }
  return tables;
}

/** The table of mainland prefixes of this package, built or not. */
function shippedPrefixes(): string {
  const built = new URL('../../../config/prefixes-cn.csv', import.meta.url);
  const source = new URL('../../config/prefixes-cn.csv', import.meta.url);
  return fileURLToPath(import.meta.url.includes('/dist/') ? built : source);
}

function readNumbering(config: Config['numbering']): Numbering {
  const faults: Fault[] = [];
  /** Reads a file, or says why it cannot. */
  const read = (file: string, key: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      faults.push({
        path: ['numbering', key],
        message: `${file}: cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      });
      return Buffer.alloc(0);
    }
  };
  const complain = (file: string, key: string) => {
    let told = 0;
    return (line: number, message: string): void => {
      if (told++ < MOST_FAULTS) faults.push({ path: ['numbering', key], message: `${file}:${line}: ${message}` });
    };
  };
  const prefixes = config.prefixes ?? shippedPrefixes();
  const table = readPrefixes(read(prefixes, 'prefixes'), complain(prefixes, 'prefixes'));
  const operators = new Set([...table.owners.values()].map(({ operator }) => operator));
  const { ported } = config;
  const list =
    ported === undefined ? NONE_PORTED : readPorted(read(ported, 'ported'), [...operators], complain(ported, 'ported'));
  return {
    operators,
    ported: list.keys.length,
    faults,
    ownerOf(number) {
      const bare = bareMobile(number);
      const digits = bare ?? internationalDigits(number);
      if (list.keys.length > 0) {
        const owner = list.find(bare === undefined ? Number(digits) : MAINLAND + Number(bare));
        if (owner !== undefined) return owner;
      }
      for (const length of table.lengths) {
        const owner = table.owners.get(bare === undefined ? `+${digits.slice(0, length)}` : bare.slice(0, length));
        if (owner !== undefined) return owner;
      }
      return undefined;
    },
  };
}

/** 86 in front of eleven digits. */
const MAINLAND = 86e11;

function internationalDigits(number: string): string {
  if (number.startsWith('+')) return number.slice(1);
  return number.startsWith('00') ? number.slice(2) : number;
}

// ---- the files -------------------------------------------------------------------------------------------------

/** Rows of a file of fields and commas: blank lines, comments after `#` and a first row of names are passed over. */
function eachRow(b: Buffer, row: (start: number, end: number, line: number) => void): void {
  let line = 0;
  let rows = 0;
  // A byte order mark is what spreadsheets put there.
  let start = b.length >= 3 && b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf ? 3 : 0;
  while (start < b.length) {
    line++;
    const newline = b.indexOf(0x0a, start);
    let end = newline < 0 ? b.length : newline;
    const next = end + 1;
    if (end > start && b[end - 1] === 0x0d) end--;
    if (end > start && b[start] !== 0x23) {
      const head = rows++ === 0 && b[start]! >= 0x41;
      if (!head) row(start, end, line);
    }
    start = next;
  }
}

type Complain = (line: number, message: string) => void;

const ROW = /^\s*(\+?)(\d+)\s*,\s*([A-Za-z][A-Za-z0-9_.-]*)\s*(?:,.*)?$/;

function readPrefixes(
  b: Buffer,
  complain: Complain,
): { readonly owners: ReadonlyMap<string, Owner>; readonly lengths: readonly number[] } {
  const owners = new Map<string, Owner>();
  const lengths = new Set<number>();
  const lines = new Map<string, number>();
  eachRow(b, (start, end, line) => {
    const text = b.toString('utf8', start, end);
    const [, plus, digits, operator] = ROW.exec(text) ?? [];
    if (digits === undefined || operator === undefined || digits.length > 11) {
      complain(line, `expected prefix,operator such as 138,mobile or +852,hongkong, got ${JSON.stringify(text)}`);
      return;
    }
    const prefix = `${plus}${digits}`;
    const before = lines.get(prefix);
    if (before !== undefined) {
      complain(line, `the prefix ${prefix} stands in line ${before} already`);
      return;
    }
    lines.set(prefix, line);
    owners.set(prefix, { operator, prefix });
    lengths.add(digits.length);
  });
  return { owners, lengths: [...lengths].sort((a, c) => c - a) };
}

/** Ported numbers, eight octets each: number * 256 + operator, sorted. Fits a double up to thirteen digits. */
interface Ported {
  readonly keys: Float64Array;
  find(number: number): Owner | undefined;
}

const NONE_PORTED: Ported = { keys: new Float64Array(0), find: () => undefined };
const OPERATORS = 256;
const MOST_DIGITS = 13;

function readPorted(b: Buffer, operators: readonly string[], complain: Complain): Ported {
  const owners = operators.map((operator): Owner => ({ operator, prefix: '' }));
  let keys = new Float64Array(Math.max(16, Math.ceil(b.length / 16)));
  let count = 0;
  let last = '';
  let lastAt = -1;
  eachRow(b, (start, end, line) => {
    const comma = b.indexOf(0x2c, start);
    const number = comma < 0 || comma >= end ? -1 : numberAt(b, start, comma);
    if (number < 0) {
      complain(
        line,
        `expected number,operator such as 13800138000,unicom, got ${JSON.stringify(b.toString('utf8', start, end))}`,
      );
      return;
    }
    const second = b.indexOf(0x2c, comma + 1);
    const name = b.toString('latin1', comma + 1, second < 0 || second > end ? end : second).trim();
    if (name !== last) {
      last = name;
      lastAt = operators.indexOf(name);
    }
    if (lastAt < 0) {
      complain(line, `there is no operator ${JSON.stringify(name)} in the prefixes (known: ${operators.join(', ')})`);
      return;
    }
    if (count === keys.length) {
      const larger = new Float64Array(count * 2);
      larger.set(keys);
      keys = larger;
    }
    keys[count++] = number * OPERATORS + lastAt;
  });
  const sorted = keys.slice(0, count).sort();
  const twice = new Set<number>();
  for (let i = 1; i < count; i++) {
    const number = Math.floor(sorted[i]! / OPERATORS);
    if (sorted[i] !== sorted[i - 1] && number === Math.floor(sorted[i - 1]! / OPERATORS)) twice.add(number);
  }
  if (twice.size > 0) {
    const first = new Map<number, number>();
    eachRow(b, (start, _end, line) => {
      const number = numberAt(b, start, b.indexOf(0x2c, start));
      if (!twice.has(number)) return;
      const before = first.get(number);
      if (before === undefined) first.set(number, line);
      else complain(line, `the number stands in line ${before} already`);
    });
  }
  return {
    keys: sorted,
    find(number) {
      const from = number * OPERATORS;
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle]! < from) low = middle + 1;
        else high = middle;
      }
      const found = sorted[low];
      return found !== undefined && found - from < OPERATORS ? owners[found - from] : undefined;
    },
  };
}

/** A number of 3 to 13 digits, perhaps with + or 00, with its country in front; -1: none. */
function numberAt(b: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && b[at] === 0x20) at++;
  while (end > at && b[end - 1] === 0x20) end--;
  const mark = b[at] === 0x2b ? 1 : b[at] === 0x30 && b[at + 1] === 0x30 ? 2 : 0;
  at += mark;
  const digits = end - at;
  if (digits < 3 || digits > MOST_DIGITS) return -1;
  let number = 0;
  for (let i = at; i < end; i++) {
    const digit = b[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  // Eleven digits from 13 to 19 without a mark before them are a mainland number.
  return mark === 0 && number >= 13e9 && number < 20e9 ? MAINLAND + number : number;
}
