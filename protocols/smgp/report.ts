import { latin1, putLatin1 } from '../wire/octets.ts';
import { MSG_ID, NO_MSG_ID } from './msg-id.ts';

/**
 * The status report in MsgContent of a Deliver (3.0: 6.2.3.1): `id:` and the ten raw octets of the MsgID, then labels
 * with values of fixed width. `stat` at most seven letters, `err` three digits, dates YYMMDDhhmm or junk.
 */
export interface Report {
  /** Ten octets as a Latin-1 string, as Submit_Resp has them. */
  readonly id: string;
  readonly sub: string;
  readonly dlvrd: string;
  readonly submitDate: string;
  readonly doneDate: string;
  readonly stat: string;
  readonly err: string;
  /** What is behind the last label; its coding is anybody's guess (deviation 10). */
  readonly text: Uint8Array;
}

const ID_AT = 3;
const HEX_ID = 2 * MSG_ID;
/** Octets of a report of the specification. */
export const REPORT_SIZE = 122;
const TEXT_AT = 102;
const TEXT = 20;

interface Label {
  readonly pattern: RegExp;
  readonly width: number;
  /** Where the value begins in the specification's layout. */
  readonly at: number;
}

/**
 * Labels as they come: in either case, words joined by a blank or `_`, whatever separator before them or none
 * (deviation 1). With the flag g, so that each is looked for behind the value before it.
 */
const LABELS = {
  sub: { pattern: /sub:/gi, width: 3, at: 18 },
  dlvrd: { pattern: /dlvrd:/gi, width: 3, at: 28 },
  submitDate: { pattern: /submit[ _]date:/gi, width: 10, at: 44 },
  doneDate: { pattern: /done[ _]date:/gi, width: 10, at: 65 },
  stat: { pattern: /stat:/gi, width: 7, at: 81 },
  err: { pattern: /err:/gi, width: 3, at: 93 },
} as const satisfies Record<string, Label>;
const TEXT_LABEL = /te?xt:/gi;

/**
 * Where the labels of the specification's layout begin and end, with their first and last letters: in either case, and
 * with whatever between their words.
 */
const PLACES = [
  [14, 's', 'b', 17],
  [22, 'd', 'd', 27],
  [32, 's', 'e', 43],
  [55, 'd', 'e', 64],
  [76, 's', 't', 80],
  [89, 'e', 'r', 92],
  [97, 't', 't', 101],
].map(([start, first, last, colon]) => ({
  start: Number(start),
  first: String(first).charCodeAt(0),
  last: String(last).charCodeAt(0),
  colon: Number(colon),
}));

function isInPlace(b: Buffer): boolean {
  if (b.length < TEXT_AT) return false;
  for (const { start, first, last, colon } of PLACES) {
    if (b[colon] !== 0x3a || (b[start]! | 0x20) !== first || (b[colon - 1]! | 0x20) !== last) return false;
  }
  return true;
}

/**
 * Reads a report in every layout of the field. Undefined where it does not begin with `id:` and an id. A value whose
 * label is missing is taken from its place in a report of the specification's size, else it stays empty.
 */
export function readReport(content: Uint8Array): Report | undefined {
  const b = content instanceof Buffer ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
  if (b.length < ID_AT + MSG_ID || b[2] !== 0x3a || (b[0]! | 0x20) !== 0x69 || (b[1]! | 0x20) !== 0x64)
    return undefined;
  return isInPlace(b) ? readInPlace(b) : readByLabels(b);
}

/** What a value says: it ends at a blank or NUL. */
function worth(b: Buffer, o: number, end: number): string {
  let e = o;
  while (e < end && b[e] !== 0x20 && b[e] !== 0) e++;
  return latin1(b, o, e);
}

function readInPlace(b: Buffer): Report {
  const value = ({ at, width }: Label): string => worth(b, at, at + width);
  return {
    id: latin1(b, ID_AT, ID_AT + MSG_ID),
    sub: value(LABELS.sub),
    dlvrd: value(LABELS.dlvrd),
    submitDate: value(LABELS.submitDate),
    doneDate: value(LABELS.doneDate),
    stat: value(LABELS.stat),
    err: value(LABELS.err),
    text: b.subarray(TEXT_AT),
  };
}

function readByLabels(b: Buffer): Report {
  // Some gateways are said to write the id as text: the octets of no other layout are twenty hex digits here.
  const hex = b.length < ID_AT + HEX_ID ? '' : latin1(b, ID_AT, ID_AT + HEX_ID);
  const isText = /^[0-9a-f]{20}$/i.test(hex);
  const start = ID_AT + (isText ? HEX_ID : MSG_ID);
  // The places of the specification's layout, where that may be meant.
  const hasPlaces = b.length === REPORT_SIZE && !isText;
  const rest = latin1(b, start, b.length);
  let from = 0;
  const value = ({ pattern, width, at }: Label): string => {
    pattern.lastIndex = from;
    const found = pattern.exec(rest);
    if (found === null) return hasPlaces ? worth(b, at, at + width) : '';
    const o = start + pattern.lastIndex;
    const text = worth(b, o, Math.min(o + width, b.length));
    // A value that is shorter than its width must not hide the label behind it.
    from = pattern.lastIndex + text.length;
    return text;
  };
  const read = {
    id: isText ? Buffer.from(hex, 'hex').toString('latin1') : latin1(b, ID_AT, ID_AT + MSG_ID),
    sub: value(LABELS.sub),
    dlvrd: value(LABELS.dlvrd),
    submitDate: value(LABELS.submitDate),
    doneDate: value(LABELS.doneDate),
    stat: value(LABELS.stat),
    err: value(LABELS.err),
  };
  TEXT_LABEL.lastIndex = from;
  const hasText = TEXT_LABEL.test(rest);
  return { ...read, text: b.subarray(hasText ? start + TEXT_LABEL.lastIndex : hasPlaces ? TEXT_AT : b.length) };
}

/** A report without its values; labels in lower case, as most peers write and expect them. */
const BLANK = Buffer.concat([
  Buffer.from(
    `id:${NO_MSG_ID} sub:    dlvrd:    submit date:           done date:           stat:        err:    text:`,
  ),
  Buffer.alloc(TEXT),
]);

/** Writes a report of 122 octets, `into` a buffer of that size or a new one. Longer values are cut. */
export function writeReport(report: Readonly<Report>, into: Buffer = Buffer.allocUnsafe(REPORT_SIZE)): Buffer {
  const { sub, dlvrd, submitDate, doneDate, stat, err } = LABELS;
  BLANK.copy(into);
  put(into, report.id, ID_AT, MSG_ID);
  put(into, report.sub, sub.at, sub.width);
  put(into, report.dlvrd, dlvrd.at, dlvrd.width);
  put(into, report.submitDate, submitDate.at, submitDate.width);
  put(into, report.doneDate, doneDate.at, doneDate.width);
  put(into, report.stat, stat.at, stat.width);
  put(into, report.err, err.at, err.width);
  const { text } = report;
  for (let i = 0; i < text.length && i < TEXT; i++) into[TEXT_AT + i] = text[i]!;
  return into;
}

function put(b: Buffer, value: string, o: number, width: number): void {
  putLatin1(b, value.length > width ? value.slice(0, width) : value, o);
}

/** The text of a report: three digits of the message's length, and its first 17 octets. */
export function reportText(message: Uint8Array): Buffer {
  const b = Buffer.alloc(TEXT);
  putLatin1(b, String(Math.min(message.length, 999)).padStart(3, '0'), 0);
  b.set(message.subarray(0, TEXT - 3), 3);
  return b;
}
