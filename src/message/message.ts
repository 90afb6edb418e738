import type { Coding } from '../../protocols/text/charset.ts';
import { decimalText } from '../../protocols/wire/octets.ts';

/** What a message is to us: a platform's message to a phone (MT), or a phone's to a platform (MO). */
export const MT = 1;
export const MO = 2;
export type Kind = typeof MT | typeof MO;

/** Where a message stands. */
export const QUEUED = 1; // waits for its carrier, its time or its retry
export const SENDING = 2; // some of its segments are at the carrier, not all are answered
export const AWAITING = 3; // all segments answered, a report is due
export const ENDED = 4; // its final state is known; a receipt (or the MO itself) waits for the platform
export type Stage = typeof QUEUED | typeof SENDING | typeof AWAITING | typeof ENDED;

/** Message states as numbers of SMPP 3.4, 5.2.28: what every protocol's words are mapped to. */
export const DELIVERED = 2;
export const EXPIRED = 3;
export const DELETED = 4;
export const UNDELIVERABLE = 5;
export const ACCEPTED = 6;
export const UNKNOWN = 7;
export const REJECTED = 8;
export const STATE_NAMES = [
  'SCHEDULED',
  'ENROUTE',
  'DELIVERED',
  'EXPIRED',
  'DELETED',
  'UNDELIVERABLE',
  'ACCEPTED',
  'UNKNOWN',
  'REJECTED',
] as const;

/** Where a segment stands. */
export const PENDING = 0; // not yet at the carrier, or to be sent again
export const SENT = 1; // octets left, no answer yet
export const ANSWERED = 2; // taken by the carrier, report due
export const REPORTED = 3; // its final state is known
export const FAILED = 4; // refused by the carrier for good
export type SegmentStage = typeof PENDING | typeof SENT | typeof ANSWERED | typeof REPORTED | typeof FAILED;

/** One PDU's worth of a message, and what became of it. It is also the token of the request that carries it. */
export interface Segment {
  readonly message: Message;
  readonly index: number;
  stage: SegmentStage;
  /** The carrier's id, as octets in a Latin-1 string; '' until answered. */
  carrierId: string;
  /** Id of an earlier send whose answer came late, or never: its report counts as well. */
  otherId: string;
  /** When the carrier answered, or the octets left; ms. */
  at: number;
  /** Final state of this segment once REPORTED or FAILED. */
  state: number;
  /** The carrier's raw word or code. */
  error: string;
  /** Sends whose outcome stayed unknown. */
  unknowns: number;
}

/** What was tried, for the trace: one entry for every attempt that did not simply succeed. */
export interface Attempt {
  readonly at: number;
  readonly carrier: string;
  readonly segment: number;
  /** `refused 0x0058`, `no answer`, `link lost`, … */
  readonly outcome: string;
}

/** Flags of a message, kept in one number for the journal. */
export const POSSIBLE_DUPLICATE = 1; // sent again although an earlier send may have arrived
export const UNKNOWN_OUTCOME = 2; // in an event: the segment's outcome is unknown
export const REPLAYED = 8; // a receipt told a second time on request
export const VALIDITY_GIVEN = 16; // the platform set validity_period: the carrier is told
export const WANTS_INTERMEDIATE = 32;
export const PART = 64; // an MO held back until the other parts of its text are here
export const INCOMPLETE = 128; // an MO of which parts never came

/** What is to be carried, and how the sender wants it. */
export interface Content {
  source: string;
  sourceTon: number;
  sourceNpi: number;
  destination: string;
  destTon: number;
  destNpi: number;
  serviceType: string;
  /** SMPP esm_class without its UDHI bit. */
  esmClass: number;
  protocolId: number;
  priority: number;
  /** As the sender gave it. */
  dataCoding: number;
  /** How `octets` are coded. */
  coding: Coding;
  /** SMPP registered_delivery. */
  registered: number;
  /** 0: at once. */
  scheduledAt: number;
  /** 0: the account's default was applied at accept, so never 0 for an MT. */
  validUntil: number;
  /** A UDH that came with the message, with its length octet; empty where none. */
  udh: Uint8Array;
  /** The text's octets, without UDH. Dropped once no attempt can follow. */
  octets: Uint8Array;
  /** TLVs on the account's allow-list, as on the wire. */
  tlvs: Uint8Array;
  /** What the platform itself calls it, where its protocol has no ids of ours (SGIP's sequence): octets as Latin-1. */
  platformRef: string;
}

/** A message in flight, in no protocol's terms. Octets are its own copies. */
export interface Message extends Content {
  readonly id: number;
  readonly kind: Kind;
  /** Id as the platform knows it (submit_multi: one for all destinations). */
  readonly publicId: number;
  account: string;
  readonly acceptedAt: number;
  flags: number;

  stage: Stage;
  /** Carrier that has it; '' before a route is chosen. For an MO: where it came from. */
  carrier: string;
  /** Carriers that it has been at and left. */
  tried: readonly string[];
  /** Attempts with octets left. */
  attempts: number;
  /** When a retry is due; 0: none. */
  retryAt: number;
  /** How it was cut for its carrier: coding, number of segments, reference. */
  cutCoding: Coding;
  cutOf: number;
  cutRef: number;
  segments: Segment[];
  /** Octets of the segments, made at dispatch; not journalled. */
  parts: readonly Uint8Array[] | undefined;
  trace: readonly Attempt[];

  /** Final state once ENDED. */
  state: number;
  /** The carrier's raw word or code, or our reason. */
  error: string;
  reason: string;
  endedAt: number;
  /** Attempts to hand the receipt over. */
  tellings: number;

  /** Journal sequence of the batch from which it can be rebuilt. */
  batch: number;
  /** In its carrier's queue; not journalled. */
  queued: boolean;
  /** One of the messages at work: not ended, not frozen. Whoever holds on to a message asks before he acts on it. */
  live: boolean;
  /** A segment was refused for this carrier: it goes on when the answers of the others are there. Not journalled. */
  leaving: boolean;
  /** Session that submitted it, as `Gateway.epoch` plus its id; 0: not known any more. */
  submitter: number;
}

/** A carrier's word on one segment. */
export interface Report {
  readonly carrierId: string;
  /** A second id that it also names; '' where there is none. */
  readonly otherId?: string;
  readonly state: number;
  /** Not a final state: ENROUTE, ACCEPTED. */
  readonly intermediate: boolean;
  readonly error: string;
  /** The phone's number as the carrier gives it: a hint, never the key. */
  readonly destination: string;
}

/** What a platform submitted, read from its PDU; octets are still views into the frame. */
export interface Draft extends Content {
  /** Names of the nodes of ours that it has passed, from the hop tag. */
  hops: string;
}

export const NO_OCTETS = new Uint8Array(0);
export const NO_TRACE: readonly Attempt[] = Object.freeze([]);
export const NO_CARRIERS: readonly string[] = Object.freeze([]);

/** Message ids as platforms see them. Decimal by default; 8 hex digits where the peer is older than SMPP 3.4. */
export function idText(id: number, form: 'decimal' | 'hex' | 'short'): string {
  if (form === 'decimal') return decimalText(id);
  if (form === 'hex') return id.toString(16).padStart(13, '0');
  return (id % 0x1_0000_0000).toString(16).padStart(8, '0');
}

export function stateName(state: number): string {
  return STATE_NAMES[state] ?? `STATE_${state}`;
}

export function newSegment(message: Message, index: number): Segment {
  return { message, index, stage: PENDING, carrierId: '', otherId: '', at: 0, state: 0, error: '', unknowns: 0 };
}
