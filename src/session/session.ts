import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';

/** Where a session is in its life; `states.ts` says what may follow what. A session is one socket's life: never reset. */
export type SessionState = 'open' | 'binding' | 'bound' | 'unbinding' | 'closed';

/** Reason with which a session ends that has no keepalive and nothing to say (SGIP 1.2, 3.2): no failure. */
export const IDLE = 'idle';

/** What a bind is for, seen from the client: sends (transmitter), takes (receiver), or both. */
export type Mode = 'tx' | 'rx' | 'trx';

/** Counts of one session since it was opened: plain fields, read when metrics are scraped. */
export interface SessionCounters {
  framesIn: number;
  framesOut: number;
  octetsIn: number;
  octetsOut: number;
  /** Requests of the peer handed to the owner. */
  requestsIn: number;
  /** Requests written through `request`. */
  requestsOut: number;
  /** Answers of the peer that matched an open slot. */
  answersIn: number;
  /** Answers written through `respond`. */
  answersOut: number;
  /** Statuses other than 0 in matched answers of the peer. */
  readonly statusesIn: Map<number, number>;
  /** Statuses other than 0 that we answered, the engine's own refusals included. */
  readonly statusesOut: Map<number, number>;
  expired: number;
  /** Answers that came after their slot had expired. */
  late: number;
  /** Answers to nothing we know. */
  unmatched: number;
  lost: number;
  /** `request` calls refused for want of room. */
  refused: number;
  /** PDUs of the peer that have no answer and that nobody here wants (outbind, alert_notification). */
  notices: number;
  /** Streams that could not be cut into frames any more (0 or 1), and exceptions of our own while handling a chunk. */
  faults: number;
  /** Frames whose body could not be read or that were not allowed in this state. */
  badPdus: number;
  /** Commands that the protocol does not know. */
  unknown: number;
  probes: number;
  probeMisses: number;
  /** Times that reading was paused because intake or the outbox was full. */
  holds: number;
}

/** One authenticated (or to be authenticated) connection. `T`: the owner's token of a request. */
export interface Session<T> {
  /** Unique in this process. */
  readonly id: number;
  readonly role: 'client' | 'server';
  /** The dialect's name. */
  readonly protocol: string;
  /** Agreed version, as the protocol's plans number it. */
  readonly version: number;
  /** Account or carrier; `''` before the bind. */
  readonly peer: string;
  /** What the bind is for. What it lets us do is `canSubmit` and `canDeliver` of the dialect. */
  readonly mode: Mode;
  readonly state: SessionState;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Milliseconds since the epoch; 0 before the bind. */
  readonly boundAt: number;
  /** Whatever the owner attached. */
  tag: unknown;
  readonly windowSize: number;
  readonly windowUsed: number;
  /** Requests that may be written now: 0 unless bound, a slot free and the outbox below its mark. */
  readonly room: number;
  /** Requests of the peer that wait for `respond`. */
  readonly intake: number;
  /** Moving average of the time from request to answer, in ms; 0 before the first answer. */
  readonly rttMs: number;
  /** Milliseconds that the window has been full so far. */
  readonly fullMs: number;
  readonly counters: Readonly<SessionCounters>;
  /** The whole sequence of the request written last, as octets in a Latin-1 string; '' where numbers are all there is. */
  readonly lastSequence: string;
  /** The whole sequence of a request handed to `onRequest` and not answered yet; '' where numbers are all there is. */
  wideSequence(sequence: number): string;
  /**
   * Writes a request into the outbox and opens a window slot. Returns its sequence number, or -1 when there is no room.
   * `token` comes back exactly once: `onAnswer`, `onExpired` or `onLost`. Throws WireFault if the value cannot be
   * encoded: nothing is written then and no slot taken. Field limits that the encoder does not need are the caller's.
   */
  request<F extends Fields>(plan: Plan<F>, value: Values<F>, token: T): number;
  /**
   * Answers a request handed to `onRequest`: exactly once each, now or later. A status inside the body (CMPP Result) is
   * set from `status`; a body that an error answer must not have is left out. No-op when the session is closed.
   */
  respond<F extends Fields>(sequence: number, plan: Plan<F>, value: Values<F>, status: number): void;
  /** Writes a PDU that has no answer (alert_notification). No-op unless bound. */
  notify<F extends Fields>(plan: Plan<F>, value: Values<F>): void;
  /** Takes no new requests, lets due answers come for `withinMs` (default 5000), says goodbye, closes. */
  unbind(reason: string, withinMs?: number): void;
  /** Flushes what is in the outbox and closes. Open slots are told `onLost`. */
  close(reason: string): void;
  setWindow(size: number): void;
}

/** Connections that are opened when there is something to say, and may end when there is not (SGIP). */
export interface OnDemand {
  /** Nothing is wrong with the peer: it is bound, or would be after `wake`. */
  readonly resting: boolean;
  wake(): void;
}

/** Who owns sessions: the gateway. Every call is synchronous, in the turn in which its octets came. */
export interface SessionOwner<T> {
  onBound(session: Session<T>): void;
  /** A request of the peer. Views in `value` are valid during the call only. `session.respond` must follow, once. */
  onRequest(session: Session<T>, pdu: Plan, value: Values<Fields>, sequence: number): void;
  /** A PDU of a bound peer to which nothing is owed (alert_notification). Views in `value` are valid during the call only. */
  onNotice?(session: Session<T>, pdu: Plan, value: Values<Fields>): void;
  /** The answer, or a generic_nack (then `pdu` and `value` are undefined). `value` alone is undefined if it was unreadable. */
  onAnswer(
    session: Session<T>,
    token: T,
    pdu: Plan | undefined,
    value: Values<Fields> | undefined,
    status: number,
    elapsedMs: number,
  ): void;
  /** No answer within the response timeout, or none that could be read. The slot is free; a late answer may still come. */
  onExpired(session: Session<T>, token: T): void;
  onLate(session: Session<T>, token: T, pdu: Plan, value: Values<Fields>, status: number): void;
  /** The link went with the slot open: the outcome is unknown. */
  onLost(session: Session<T>, token: T): void;
  /** `room` rose from 0, or a slot became free after a refusal: the owner's pump should run. */
  onRoom(session: Session<T>): void;
  onClosed(session: Session<T>, reason: string, wasBound: boolean): void;
}
