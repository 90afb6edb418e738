import { octets, raw, uint32 } from '../wire/field.ts';
import { definePdu, type Pdu } from '../wire/pdu.ts';
import { plan } from '../wire/plan.ts';
import { CMPP_20, CMPP_30, TERMINAL_ID } from './tables.ts';

/**
 * The status report in Msg_Content of a DELIVER: 60 octets in 2.x, 71 in 3.0 (2.0: 7.4.5.1). `msgId` is that of
 * SUBMIT_RESP, `stat` at most seven letters, times are YYMMDDHHMM or junk. The MO report inside FWD has the same shape.
 */
const reportTable = definePdu(
  0,
  'CMPP_REPORT',
  {
    msgId: raw(8),
    stat: octets(7),
    submitTime: octets(10),
    doneTime: octets(10),
    destTerminalId: octets(TERMINAL_ID),
    smscSequence: uint32,
  },
  { lenient: true },
);

export type Report = Pdu<typeof reportTable>;

const short = plan(reportTable, CMPP_20);
const long = plan(reportTable, CMPP_30);

/** Octets of a report in 2.x and in 3.0. */
export const SHORT_REPORT = 60;
export const LONG_REPORT = 71;
/** Msg_Id and Stat: less tells nothing. */
const LEAST = 15;

/**
 * Reads a report by its size, whatever the session's version. Undefined where not even Msg_Id and Stat are there; fields
 * that are cut off stay empty.
 */
export function readReport(content: Uint8Array): Report | undefined {
  if (content.length < LEAST) return undefined;
  const b = content instanceof Buffer ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
  return (b.length >= LONG_REPORT ? long : short).decode(b, 0, b.length);
}

/** Which layout `readReport` takes for this many octets. */
export function reportLayout(size: number): '2.0/60' | '3.0/71' | undefined {
  return size >= LONG_REPORT ? '3.0/71' : size >= SHORT_REPORT ? '2.0/60' : undefined;
}

/**
 * Writes a report in the layout of this version, `into` a buffer of its size or a new one. Throws WireFault where a value
 * is longer than its field.
 */
export function writeReport(
  report: Readonly<Report>,
  version: number,
  into: Buffer = Buffer.allocUnsafe(version < CMPP_30 ? SHORT_REPORT : LONG_REPORT),
): Buffer {
  (version < CMPP_30 ? short : long).encode(report, into, 0);
  return into;
}

/** What a Stat says of the message, in the words of SMPP's message_state. */
export type FinalState = 'DELIVERED' | 'EXPIRED' | 'DELETED' | 'UNDELIVERABLE' | 'ACCEPTED' | 'UNKNOWN' | 'REJECTED';

/** `accepted` is on the way: nothing is final, and gateways should not have passed it on. */
export type StatClass = 'delivered' | 'accepted' | 'failed';

/** The seven words of 2.0 (table 8.2), and vendors' words that mean a refusal. */
const WORDS: ReadonlyMap<string, FinalState> = new Map([
  ['DELIVRD', 'DELIVERED'],
  ['EXPIRED', 'EXPIRED'],
  ['DELETED', 'DELETED'],
  ['UNDELIV', 'UNDELIVERABLE'],
  ['ACCEPTD', 'ACCEPTED'],
  ['UNKNOWN', 'UNKNOWN'],
  ['REJECTD', 'REJECTED'],
  ['BLACK', 'REJECTED'],
  ['KEYWORD', 'REJECTED'],
  ['SIGFAIL', 'REJECTED'],
  ['NOTITLE', 'REJECTED'],
  ['NOROUTE', 'REJECTED'],
  ['BEYONDN', 'REJECTED'],
  ['', 'UNKNOWN'],
]);

/**
 * Families `XX:code`: the SMSC's own state and why (MI to MN), no report from whom it was sent to (C: the outcome is
 * not known), refused by the billing, the subscription platform or the gateway. The other families say that someone did
 * not answer, or with an error: not delivered. ML is "ACCEPTD with an error code", which comes once and is the end.
 */
const FAMILIES: ReadonlyMap<string, FinalState> = new Map([
  ['MI', 'EXPIRED'],
  ['MJ', 'DELETED'],
  ['MK', 'UNDELIVERABLE'],
  ['ML', 'UNKNOWN'],
  ['MM', 'UNKNOWN'],
  ['MN', 'REJECTED'],
  ['MH', 'UNKNOWN'],
  ['MC', 'UNKNOWN'],
  ['IC', 'UNKNOWN'],
  ['CB', 'REJECTED'],
  ['DB', 'REJECTED'],
  ['ID', 'REJECTED'],
]);

/** State of a Stat in any case. A word that nobody knows is a failure: success has one word only. */
export function statState(stat: string): FinalState {
  const word = stat.toUpperCase();
  const known = WORDS.get(word);
  if (known !== undefined) return known;
  return (word[2] === ':' ? FAMILIES.get(word.slice(0, 2)) : undefined) ?? 'UNDELIVERABLE';
}

export function statClass(stat: string): StatClass {
  const state = statState(stat);
  return state === 'DELIVERED' ? 'delivered' : state === 'ACCEPTED' ? 'accepted' : 'failed';
}

/** The word of a state, for a carrier that writes reports. */
export function statOf(state: FinalState): string {
  for (const [word, its] of WORDS) if (its === state) return word;
  return 'UNKNOWN';
}
