import type { Coding } from '../protocols/text/charset.ts';
import type { FrameRule } from '../protocols/wire/frame.ts';
import type { Peer } from './peer.ts';

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
}

/** What the centre must know of a protocol. */
export interface Protocol {
  readonly frame: FrameRule;
  /** Offset of the sequence in a header. */
  readonly sequenceAt: number;
  readonly codes: Codes;
  /** An id for `count` messages, as the answer tells it. */
  nextId(count: number): string;
  /** The id under which the report of the k-th of these messages comes. */
  reportId(id: string, k: number): string;
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
  answer(command: number, sequence: number, code: number, id: string): void;
  report(delivery: Delivery, sequence: number): void;
  mo(delivery: Delivery, part: MoPart, sequence: number): void;
  probe(sequence: number): void;
}

export interface Session {
  readonly peer: Peer;
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
  /** Our requests that wait for their answers, by sequence & (length - 1). At most half of the places are taken. */
  readonly flight: (Delivery | undefined)[];
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
  /** Times of the last submits, a ring as long as `throttle.perSecond`. */
  times: Float64Array;
  timesAt: number;
}
