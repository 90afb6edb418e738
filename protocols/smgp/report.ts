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
const SIZE = 122;
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
 * Reads a report in any of the field's layouts. Undefined where it does not begin with `id:` and an id. A value whose
 * label is missing is taken from its place in a report of the specification's size, else it stays empty.
 */
export function readReport(content: Uint8Array): Report | undefined {
  const b = content instanceof Buffer ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
  if (b.length < ID_AT + MSG_ID || latin1(b, 0, ID_AT).toLowerCase() !== 'id:') return undefined;
  // Some gateways are said to write it as text: the octets of no other layout are twenty hex digits here.
  const hex = b.length < ID_AT + HEX_ID ? '' : latin1(b, ID_AT, ID_AT + HEX_ID);
  const isText = /^[0-9a-f]{20}$/i.test(hex);
  const id = isText ? Buffer.from(hex, 'hex').toString('latin1') : latin1(b, ID_AT, ID_AT + MSG_ID);
  const start = ID_AT + (isText ? HEX_ID : MSG_ID);
  const rest = latin1(b, start, b.length);
  let from = 0;
  const value = ({ pattern, width, at }: Label): string => {
    pattern.lastIndex = from;
    const found = pattern.exec(rest);
    if (found === null) return b.length === SIZE && !isText ? worth(latin1(b, at, at + width)) : '';
    const end = pattern.lastIndex + width;
    const text = worth(rest.slice(pattern.lastIndex, end));
    // A value that is shorter than its width must not hide the label behind it.
    from = pattern.lastIndex + text.length;
    return text;
  };
  return {
    id,
    sub: value(LABELS.sub),
    dlvrd: value(LABELS.dlvrd),
    submitDate: value(LABELS.submitDate),
    doneDate: value(LABELS.doneDate),
    stat: value(LABELS.stat),
    err: value(LABELS.err),
    text: textOf(b, start, rest, from),
  };
}

/** What a value says: it ends at a blank or NUL. */
const worth = (text: string): string => /^[^ \0]*/.exec(text)![0];

function textOf(b: Buffer, start: number, rest: string, from: number): Uint8Array {
  TEXT_LABEL.lastIndex = from;
  if (TEXT_LABEL.exec(rest) !== null) return b.subarray(start + TEXT_LABEL.lastIndex);
  return b.length === SIZE && start === ID_AT + MSG_ID ? b.subarray(TEXT_AT) : b.subarray(b.length);
}

/** Writes a report of 122 octets, with labels in lower case as most peers write and expect them. Longer values are cut. */
export function writeReport(report: Readonly<Report>): Buffer {
  const b = Buffer.alloc(SIZE);
  const { id, sub, dlvrd, submitDate, doneDate, stat, err, text } = report;
  let o = putLatin1(b, 'id:', 0);
  o = putLatin1(b, (id === '' ? NO_MSG_ID : id).slice(0, MSG_ID).padEnd(MSG_ID, '\0'), o);
  o = put(b, ' sub:', sub, 3, o);
  o = put(b, ' dlvrd:', dlvrd, 3, o);
  o = put(b, ' submit date:', submitDate, 10, o);
  o = put(b, ' done date:', doneDate, 10, o);
  o = put(b, ' stat:', stat, 7, o);
  o = put(b, ' err:', err, 3, o);
  o = putLatin1(b, ' text:', o);
  b.set(text.subarray(0, TEXT), o);
  return b;
}

function put(b: Buffer, label: string, value: string, width: number, o: number): number {
  const start = putLatin1(b, label, o);
  putLatin1(b, value.slice(0, width).padEnd(width, ' '), start);
  return start + width;
}

/** The text of a report: three digits of the message's length, and its first 17 octets. */
export function reportText(message: Uint8Array): Buffer {
  const b = Buffer.alloc(TEXT);
  putLatin1(b, String(Math.min(message.length, 999)).padStart(3, '0'), 0);
  b.set(message.subarray(0, TEXT - 3), 3);
  return b;
}
