import type { Coding } from '../protocols/text/charset.ts';
import type { FrameRule } from '../protocols/wire/frame.ts';
import type { Behaviour } from './behaviour.ts';
import type { Peer } from './peer.ts';
import type { Lot } from './scenario/draw.ts';
import type { Regime } from './scenario/rules.ts';

/** Who may log in. */
export interface Account {
  /** SMPP system_id, CMPP SP_Id, SGIP login name, SMGP ClientID. */
  readonly name: string;
  readonly secret: string;
  /** SGIP: where the account listens for reports and MO, and how to log in there (default: as it does here). */
  readonly callback?: Callback;
  /** Most sessions at a time. Default: no limit. */
  readonly maxSessions?: number;
}

export interface Callback {
  readonly host?: string;
  readonly port: number;
  readonly name?: string;
  readonly secret?: string;
}

/** A message from a handset to the account. */
export interface Mo {
  readonly from: string;
  /** The called number: the account's service number. */
  readonly to: string;
  readonly text: string;
  /** Default: the plainest that holds the text. */
  readonly coding?: Coding;
  /** How a long text is carried: 6- or 7-octet header, or whole in message_payload (SMPP). Default `udh`. */
  readonly long?: 'udh' | 'udh16' | 'payload';
  /** Whose sessions get it. Default: the first account. */
  readonly account?: string;
}

/** A submit as its protocol read it; its octets are a view that is valid during the call. */
export interface Submit {
  readonly command: number;
  readonly sequence: number;
  readonly source: string;
  readonly destinations: readonly string[];
  /** registered_delivery bits 1-0: 0 no report, 1 any, 2 failures, 3 successes. */
  readonly wants: number;
  /** A code for what is wrong with it, or 0. */
  readonly fault: number;
  /** The id, where the submit brings it. */
  readonly named: string;
  /** Of the part, with a user data header if `udhi`. */
  readonly octets: Uint8Array;
  readonly udhi: boolean;
  /** data_coding or Msg_Fmt. */
  readonly dataCoding: number;
}

/** One MO PDU's worth. */
export interface MoPart {
  /** data_coding or Msg_Fmt. */
  readonly dataCoding: number;
  readonly udhi: boolean;
  readonly octets: Uint8Array;
  readonly payload: boolean;
}

/** The codes a protocol uses where a rule names none. */
export interface Codes {
  readonly error: number;
  readonly throttled: number;
  readonly queueFull: number;
  readonly bindFailed: number;
  readonly tooManySessions: number;
  /** For a signature that is missing or wrong, and for one message too many to a number. */
  readonly signature: number;
  readonly frequency: number;
}

/** What the centre must know of a protocol. */
export interface Protocol {
  readonly frame: FrameRule;
  /** Octets of a header, and the offset of the sequence in it. */
  readonly headerSize: number;
  readonly sequenceAt: number;
  /** Requests that log in, and that ask for a sign of life. */
  readonly loginCommands: readonly number[];
  readonly probeCommand: number | undefined;
  readonly codes: Codes;
  /** An id for `count` messages, as the answer tells it. */
  nextId(count: number, rules: Behaviour): string;
  /** The id under which the report of the k-th of these messages comes. */
  reportId(id: string, k: number, rules: Behaviour): string;
  /** How the text of a submit is coded. */
  codingOf(dataCoding: number, octets: Uint8Array): Coding;
  /** The PDUs of an MO. */
  cut(mo: Mo): MoPart[];
  speak(session: Session): Speaker;
  /** Something waits for the account, and none of its sessions takes it. */
  starved?(book: AccountBook): void;
}

/** One session's half that speaks the protocol. All but `onFrame` write into the session's outbox. */
export interface Speaker {
  /** Throws nothing: what cannot be read is answered as the protocol says. */
  onFrame(b: Buffer, start: number, end: number): void;
  /** `command`: as given to `centre.submit`. */
  answer(command: number, sequence: number, code: number, id: string, rules: Behaviour): void;
  report(delivery: Delivery, sequence: number): void;
  mo(delivery: Delivery, part: MoPart, sequence: number): void;
  probe(sequence: number): void;
  /** The border of the frames is lost and the connection about to end: a last word, where the protocol has one. */
  lost?(): void;
}

export interface Session {
  readonly peer: Peer;
  /** Of the connections since the start, from 1. */
  readonly ordinal: number;
  /** Of the draws for the connection and its logins. */
  readonly lot: Lot;
  /** The rules that it is under: see `Centre.ruling`. */
  regime: Regime;
  /** The account that we dialled; undefined where it dialled us. */
  readonly dialled: AccountBook | undefined;
  /** Undefined until logged in. */
  book: AccountBook | undefined;
  /** Takes reports and MO. */
  receives: boolean;
  frames: number;
  submits: number;
  /** Submits that wait for their answers; those that will never get one are not among them. */
  unanswered: number;
  sequence: number;
  /** Something came since we last asked for a sign of life. */
  heard: boolean;
  lastProbeAt: number;
  /** It was ended by a request of the protocol. */
  parted: boolean;
  /** Reports that wait for its end. */
  kept: Delivery[] | undefined;
  /** Our requests that wait for their answers, by sequence & (length - 1). At most half of the places are taken. */
  flight: (Delivery | undefined)[];
  inFlight: number;
  speaker: Speaker;
}

/** A report, or a part of an MO, on its way to an account. */
export interface Delivery {
  /** When it is due; once sent, when it was sent. */
  at: number;
  /** Under which it was sent last. */
  sequence: number;
  /** What its answer must echo, where the protocol has such a thing. */
  echo: string;
  readonly book: AccountBook;
  /** The session of the submit. */
  readonly session: Session | undefined;
  readonly id: string;
  /** Of the submit: a report goes from its destination to its source. */
  readonly source: string;
  readonly destination: string;
  word: string;
  readonly submittedAt: number;
  /** The short messages that the carrier charges for it (handset.ts); some protocols' reports tell. */
  readonly counted: number;
  /** The rules that its submit was under; an MO is under none. */
  readonly regime: Regime;
  /** Of the draws for its submit, or for the MO. */
  readonly lot: Lot;
  readonly part: MoPart | undefined;
  readonly settle: (() => void) | undefined;
}

export interface AccountBook {
  readonly account: Account;
  /** See `Account.callback`; may come later. */
  callback: Callback | undefined;
  readonly sessions: Session[];
  /** Due and not yet sent; `head` is the first that is left. */
  waiting: Delivery[];
  head: number;
  turn: number;
  /** Due, and held by a rule that is not for all. */
  held: Delivery[];
  /** Logins so far. */
  logins: number;
  /** Submits so far, as far as throttling in bursts counts them. */
  burst: number;
  /** Until when sessions that were lost count as if they still were there. */
  ghosts: number[];
  /** Times of the last submits for each `throttle.perSecond` that is in force, rings of that length. */
  readonly rates: Map<number, { readonly times: Float64Array; at: number }>;
}
