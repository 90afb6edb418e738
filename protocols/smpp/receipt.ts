import { decode } from '../text/charset.ts';
import { civilOf, digits, epochOf, two } from '../wire/civil.ts';
import { latin1, putLatin1 } from '../wire/octets.ts';
import { type Tlv, tlv, tlvText, tlvUint } from '../wire/tlv.ts';
import { parseTime } from './time.ts';
import { TAG } from './tlv-tags.ts';

/** message_state (3.4: 5.2.28; 0 and 9 are of 5.0). */
export const STATE = {
  scheduled: 0,
  enroute: 1,
  delivered: 2,
  expired: 3,
  deleted: 4,
  undeliverable: 5,
  accepted: 6,
  unknown: 7,
  rejected: 8,
  skipped: 9,
} as const;

const STATE_NAMES = [
  'SCHEDULED',
  'ENROUTE',
  'DELIVERED',
  'EXPIRED',
  'DELETED',
  'UNDELIVERABLE',
  'ACCEPTED',
  'UNKNOWN',
  'REJECTED',
  'SKIPPED',
] as const;

/** The seven letters (as the specification cuts them) of each state. */
const STATE_WORDS = [
  'SCHEDULED',
  'ENROUTE',
  'DELIVRD',
  'EXPIRED',
  'DELETED',
  'UNDELIV',
  'ACCEPTD',
  'UNKNOWN',
  'REJECTD',
  'SKIPPED',
] as const;

/** States of the words seen in `stat:`, the specification's and vendors'. */
const words: ReadonlyMap<string, number> = new Map([
  ...STATE_NAMES.map((name, state): [string, number] => [name, state]),
  // Some cut every word at seven letters.
  ...STATE_NAMES.map((name, state): [string, number] => [name.slice(0, 7), state]),
  ...STATE_WORDS.map((word, state): [string, number] => [word, state]),
  ['FAILED', STATE.undeliverable],
  ['NOTDELIV', STATE.undeliverable],
  ['DND_REJECTED', STATE.rejected],
  ['BUFFRED', STATE.enroute],
  ['BUFFERD', STATE.enroute],
  ['BUFFERED', STATE.enroute],
  ['ACKED', STATE.enroute],
]);

/** `DELIVERED`, or `UNKNOWN` for a number that is no state. */
export const stateName = (state: number): string => STATE_NAMES[state] ?? 'UNKNOWN';
/** `DELIVRD`, or `UNKNOWN` for a number that is no state. */
export const stateWord = (state: number): string => STATE_WORDS[state] ?? 'UNKNOWN';

/** State of a `stat:` word in any case, or undefined; the peer's own words come first. */
export function stateOf(word: string, own?: Readonly<Record<string, number>>): number | undefined {
  const upper = word.toUpperCase();
  return own?.[upper] ?? words.get(upper);
}

/** Whether nothing can follow this state. ACCEPTED is not the end: a phone or a rejection may still answer. */
export const isFinal = (state: number): boolean =>
  state !== STATE.scheduled && state !== STATE.enroute && state !== STATE.accepted;

/** What the text of a receipt says, unjudged. */
export interface ReceiptText {
  readonly id: string | undefined;
  readonly sub: number | undefined;
  readonly dlvrd: number | undefined;
  readonly submitDate: string | undefined;
  readonly doneDate: string | undefined;
  /** Upper case. */
  readonly stat: string | undefined;
  /** As it came: two to four digits, hex or letters. */
  readonly err: string | undefined;
  readonly text: string | undefined;
}

export interface Receipt {
  /** receipted_message_id, else the text's id. */
  readonly id: string;
  readonly idFrom: 'tlv' | 'text';
  /** The text's own id: it may be in another base than the parameter's. */
  readonly textId: string | undefined;
  readonly state: number | undefined;
  /** Whether the state ends the message. An unknown word does not. */
  readonly final: boolean;
  readonly stat: string | undefined;
  readonly err: string | undefined;
  readonly sub: number | undefined;
  readonly dlvrd: number | undefined;
  /** Milliseconds since the epoch by the peer's clock; undefined where missing, all zeros or no date. */
  readonly submitDate: number | undefined;
  readonly doneDate: number | undefined;
  readonly text: string | undefined;
}

/** What is a fact of the peer and no receipt tells. */
export interface ReceiptOptions {
  /** Zone of the peer's dates, minutes east of UTC. */
  readonly offsetMinutes?: number;
  /** How twelve digits are read: seconds if that is a date, else a year of four digits (`auto`); or always one of them. */
  readonly twelveDigits?: 'auto' | 'seconds' | 'long-year';
  /** Words of this peer, in capitals, and their states. */
  readonly words?: Readonly<Record<string, number>>;
  /** Which counts where message_state and the text disagree. */
  readonly stateFrom?: 'tlv' | 'text';
  /** Take a message that is not flagged as a receipt for one if it has both `id:` and `stat:`: a sender can forge that. */
  readonly sniff?: boolean;
}

const TYPE_BITS = 0x3c;

/**
 * Whether esm_class says receipt or intermediate notification; other bits (UDHI, reply path, mode) may be set too
 * (3.4: 5.2.12). A flagged message of which `parseReceipt` makes nothing is still no message of a person.
 */
export function isReceiptType(esmClass: number): boolean {
  const type = esmClass & TYPE_BITS;
  return type === 0x04 || type === 0x20 || type === 0x24;
}

/** The text of a receipt's octets: one octet a character, or UTF-16 where data_coding says so and the octets agree. */
export function receiptText(octets: Uint8Array, dataCoding: number): string {
  const plain = decode(octets, 'latin1');
  if (dataCoding !== 8 || /id:|stat:/i.test(plain)) return plain;
  return decode(octets, 'ucs2');
}

/**
 * Reads a receipt: optional parameters first, the text fills the gaps; keys in any order and case. Undefined where it is
 * no receipt, or has no id.
 */
export function parseReceipt(
  esmClass: number,
  text: string,
  tlvs: readonly Tlv[],
  options: ReceiptOptions = {},
): Receipt | undefined {
  const flagged = isReceiptType(esmClass);
  if (!flagged && options.sniff !== true) return undefined;
  const said = scanReceipt(text);
  if (!flagged && (said.id === undefined || said.stat === undefined)) return undefined;

  const tlvId = tlvs.length === 0 ? undefined : tlvText(tlvs, TAG.receiptedMessageId)?.trim() || undefined;
  const id = tlvId ?? said.id;
  if (id === undefined) return undefined;
  const textState = said.stat === undefined ? undefined : stateOf(said.stat, options.words);
  const tlvState = tlvs.length === 0 ? undefined : knownState(tlvUint(tlvs, TAG.messageState));
  const state =
    (options.stateFrom === 'text' ? (textState ?? tlvState) : (tlvState ?? textState)) ??
    (said.stat === undefined ? undefined : STATE.unknown);
  return {
    id,
    idFrom: tlvId === undefined ? 'text' : 'tlv',
    textId: said.id,
    state,
    final: state !== undefined && isFinal(state) && (tlvState !== undefined || textState !== undefined),
    stat: said.stat,
    err: said.err ?? (tlvs.length === 0 ? undefined : networkError(tlvs)?.code),
    sub: said.sub,
    dlvrd: said.dlvrd,
    submitDate: receiptDate(said.submitDate, options),
    doneDate: receiptDate(said.doneDate, options),
    text: said.text,
  };
}

const knownState = (n: number | undefined): number | undefined =>
  n !== undefined && n <= STATE.skipped ? n : undefined;

/**
 * network_error_code: type (1) and code (2) as the specification has it; three ASCII digits, as some send, are the code
 * itself; anything else is left as a number or hex.
 */
export function networkError(
  tlvs: readonly Tlv[],
): { readonly type: number | undefined; readonly code: string } | undefined {
  const value = tlv(tlvs, TAG.networkErrorCode);
  if (value === undefined || value.length === 0) return undefined;
  const ascii = decode(value, 'latin1');
  if (value.length === 3 && /^[0-9]{3}$/.test(ascii)) return { type: undefined, code: ascii };
  if (value.length === 3) return { type: value[0], code: String(value[1]! * 256 + value[2]!) };
  return {
    type: undefined,
    code: value.length <= 4 ? String(tlvUint(tlvs, TAG.networkErrorCode)) : Buffer.from(value).toString('hex'),
  };
}

const ID = 0;
const SUB = 1;
const DLVRD = 2;
const SUBMIT = 3;
const DONE = 4;
const STAT = 5;
const ERR = 6;
const TEXT = 7;
const NO_KEY = -1;

/** The specification's own order, which most keep: read in a third of the time of the scan. */
const usual =
  /^id:([^\s,;]+)(?: sub:(\d{1,9}))?(?: dlvrd:(\d{1,9}))? submit date:([^\s,;]+) done date:([^\s,;]+) stat:([^\s,;]+)(?: err:([^\s,;]+))?(?: text:([\s\S]*))?$/i;

/** First values found, by key: one shared place, filled and read within one scan. */
const values: (string | undefined)[] = new Array<string | undefined>(8).fill(undefined);

/** Where the value of the key that `keyAt` found begins. */
let valueAt = 0;

/**
 * Scans `key:value` pairs, `:` or `=`, separated by blanks, line ends, commas or semicolons. The first of a key counts.
 * All behind `text:` is text, whatever keys its author put there; only an empty text may be followed by an id or stat
 * that was missing until then.
 */
export function scanReceipt(text: string): ReceiptText {
  const m = usual.exec(text);
  if (m !== null && !text.endsWith('\0')) {
    return {
      id: m[1],
      sub: count(m[2]),
      dlvrd: count(m[3]),
      submitDate: m[4],
      doneDate: m[5],
      stat: m[6]?.toUpperCase(),
      err: m[7],
      text: m[8]?.trim() || undefined,
    };
  }
  values.fill(undefined);
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  let open = NO_KEY;
  let from = 0;
  for (let o = 0; o < end; ) {
    const key = keyAt(text, o, end);
    if (key === NO_KEY) {
      o = nextWord(text, o, end);
      continue;
    }
    if (open !== NO_KEY) values[open] ??= token(text, from, o);
    open = key;
    from = o = valueAt;
    if (key !== TEXT) continue;
    const next = skipBlanks(text, o, end);
    const missing = keyAt(text, next, end);
    open = NO_KEY;
    if ((missing === ID || missing === STAT) && values[missing] === undefined) {
      o = next;
      continue;
    }
    values[TEXT] = text.slice(from, end).trim() || undefined;
    break;
  }
  if (open !== NO_KEY) values[open] ??= token(text, from, end);
  return {
    id: values[ID],
    sub: count(values[SUB]),
    dlvrd: count(values[DLVRD]),
    submitDate: values[SUBMIT],
    doneDate: values[DONE],
    stat: values[STAT]?.toUpperCase(),
    err: values[ERR],
    text: values[TEXT],
  };
}

const isBlank = (c: number): boolean => c === 0x20 || (c >= 0x09 && c <= 0x0d);
const isBreak = (c: number): boolean => c <= 0x3b && (c === 0x20 || c === 0x2c || c === 0x3b || isBlank(c));

function skipBlanks(text: string, o: number, end: number): number {
  while (o < end && isBlank(text.charCodeAt(o))) o++;
  return o;
}

/** Start of the next word. */
function nextWord(text: string, o: number, end: number): number {
  while (o < end && !isBreak(text.charCodeAt(o))) o++;
  while (o < end && isBreak(text.charCodeAt(o))) o++;
  return o;
}

/** First word of a value, without the comma that ends its pair. */
function token(text: string, o: number, end: number): string | undefined {
  o = skipBlanks(text, o, end);
  let e = o;
  while (e < end && !isBlank(text.charCodeAt(e))) e++;
  while (e > o && (text.charCodeAt(e - 1) === 0x2c || text.charCodeAt(e - 1) === 0x3b)) e--;
  return e === o ? undefined : text.slice(o, e);
}

function count(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const n = digits(value, 0, value.length);
  return Number.isNaN(n) ? undefined : n;
}

/** Which key stands at `o`, with its separator, if any does. */
function keyAt(text: string, o: number, end: number): number {
  switch (text.charCodeAt(o) | 0x20) {
    case 0x69:
      return ends(text, word(text, o, end, 'id'), end) ? ID : NO_KEY;
    case 0x64:
      if ((text.charCodeAt(o + 1) | 0x20) === 0x6c)
        return ends(text, word(text, o, end, 'dlvrd'), end) ? DLVRD : NO_KEY;
      return ends(text, dateWord(text, word(text, o, end, 'done'), end), end) ? DONE : NO_KEY;
    case 0x73:
      if ((text.charCodeAt(o + 1) | 0x20) === 0x74) return ends(text, word(text, o, end, 'stat'), end) ? STAT : NO_KEY;
      if (ends(text, word(text, o, end, 'sub'), end)) return SUB;
      return ends(text, dateWord(text, word(text, o, end, 'submit'), end), end) ? SUBMIT : NO_KEY;
    case 0x65:
      return ends(text, word(text, o, end, 'err'), end) ? ERR : NO_KEY;
    case 0x74:
      return ends(text, word(text, o, end, 'text'), end) ? TEXT : NO_KEY;
    default:
      return NO_KEY;
  }
}

/** Offset behind `key` at `o`, in any case; -1 where it is not there. */
function word(text: string, o: number, end: number, key: string): number {
  if (o + key.length > end) return -1;
  for (let i = 0; i < key.length; i++) if ((text.charCodeAt(o + i) | 0x20) !== key.charCodeAt(i)) return -1;
  return o + key.length;
}

/** The ` date` of `submit date`, which some write in one word. */
function dateWord(text: string, o: number, end: number): number {
  if (o < 0) return -1;
  const c = text.charCodeAt(o);
  return word(text, c === 0x20 || c === 0x5f ? o + 1 : o, end, 'date');
}

/** Whether the key that ended at `o` is followed by its separator. */
function ends(text: string, o: number, end: number): boolean {
  if (o < 0) return false;
  const at = skipBlanks(text, o, end);
  if (at >= end) return false;
  const c = text.charCodeAt(at);
  valueAt = at + 1;
  return c === 0x3a || c === 0x3d;
}

/**
 * A receipt's date: YYMMDDhhmm, with seconds, with a year of four digits, or a whole SMPP time that brings its zone.
 * Anything else is no date, and no reason to refuse the receipt.
 */
export function receiptDate(text: string | undefined, options: ReceiptOptions = {}): number | undefined {
  if (text === undefined) return undefined;
  const zone = (options.offsetMinutes ?? 0) * 60_000;
  switch (text.length) {
    case 10:
      return dateAt(text, 2000 + digits(text, 0, 2), 2, false, zone);
    case 12: {
      const form = options.twelveDigits ?? 'auto';
      const short = form === 'long-year' ? undefined : dateAt(text, 2000 + digits(text, 0, 2), 2, true, zone);
      return short ?? (form === 'seconds' ? undefined : dateAt(text, digits(text, 0, 4), 4, false, zone));
    }
    case 14:
      return dateAt(text, digits(text, 0, 4), 4, true, zone);
    case 16: {
      const time = parseTime(text, 0);
      return time.kind === 'absolute' ? time.at : undefined;
    }
    default:
      return undefined;
  }
}

/** The date of `year` and MMDDhhmm at `o`, and ss where there are `seconds`; undefined where there is no such date. */
function dateAt(text: string, year: number, o: number, seconds: boolean, zone: number): number | undefined {
  const local = epochOf(
    year,
    digits(text, o, o + 2),
    digits(text, o + 2, o + 4),
    digits(text, o + 4, o + 6),
    digits(text, o + 6, o + 8),
    seconds ? digits(text, o + 8, o + 10) : 0,
  );
  return local === undefined || Number.isNaN(local) ? undefined : local - zone;
}

/** A receipt to be written. Dates in milliseconds since the epoch. */
export interface ReceiptParts {
  readonly id: string;
  readonly sub: number;
  readonly dlvrd: number;
  readonly submitDate: number;
  readonly doneDate: number;
  /** `DELIVRD`: see `stateWord`. */
  readonly stat: string;
  /** Three characters, or fewer, which are padded with zeros. */
  readonly err: string;
  /** The message; its first 20 characters are sent. */
  readonly text: string;
}

export interface ReceiptForm {
  /** Zone of the dates, minutes east of UTC. */
  readonly offsetMinutes?: number;
  /** Dates with seconds, as most gateways send them, or without, as the specification has them. */
  readonly seconds?: boolean;
}

/** Writes the text of a receipt exactly in the form of the specification's example (3.4: appendix B). */
export function writeReceipt(parts: ReceiptParts, form: ReceiptForm = {}): string {
  const b = Buffer.allocUnsafe(96 + parts.id.length + parts.stat.length + parts.err.length);
  return latin1(b, 0, putReceipt(b, 0, parts, form)) + first20(parts.text);
}

/**
 * `writeReceipt` into octets, up to `text:` and without the text: a gateway writes one a message, and joining a dozen
 * strings costs more than all the rest. Returns the offset behind it.
 */
export function putReceipt(b: Buffer, o: number, parts: Omit<ReceiptParts, 'text'>, form: ReceiptForm = {}): number {
  const zone = (form.offsetMinutes ?? 0) * 60_000;
  const seconds = form.seconds === true;
  o = putLatin1(b, parts.id, putLatin1(b, 'id:', o));
  o = putThree(b, parts.sub, putLatin1(b, ' sub:', o));
  o = putThree(b, parts.dlvrd, putLatin1(b, ' dlvrd:', o));
  o = putLatin1(b, dateText(parts.submitDate + zone, seconds), putLatin1(b, ' submit date:', o));
  o = putLatin1(b, dateText(parts.doneDate + zone, seconds), putLatin1(b, ' done date:', o));
  o = putLatin1(b, parts.stat, putLatin1(b, ' stat:', o));
  o = putLatin1(b, ' err:', o);
  for (let i = parts.err.length; i < 3; i++) b[o++] = 0x30;
  o = putLatin1(b, parts.err, o);
  return putLatin1(b, ' text:', o);
}

function putThree(b: Buffer, n: number, o: number): number {
  const shown = Math.min(n, 999);
  b[o] = 0x30 + Math.floor(shown / 100);
  b[o + 1] = 0x30 + (Math.floor(shown / 10) % 10);
  b[o + 2] = 0x30 + (shown % 10);
  return o + 3;
}

/** Receipts of one time carry the same two or three minutes: the last texts by minute. */
const minutes: { at: number; text: string }[] = [
  { at: Number.NaN, text: '' },
  { at: Number.NaN, text: '' },
];

function dateText(ms: number, seconds: boolean): string {
  const minute = Math.floor(ms / 60_000);
  const known = minutes[minute & 1]!;
  if (known.at !== minute) {
    const c = civilOf(ms);
    known.at = minute;
    known.text = two(c.year % 100) + two(c.month) + two(c.day) + two(c.hour) + two(c.minute);
  }
  return seconds ? known.text + two(Math.floor(ms / 1000) - minute * 60) : known.text;
}

/** First 20 characters; one that takes two units is not cut in half. */
function first20(text: string): string {
  if (text.length <= 20) return text;
  const last = text.charCodeAt(19);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? 19 : 20);
}
