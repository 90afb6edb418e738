import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { AccountConfig } from '../config/schema.ts';
import type { Alert, Outgoing } from './mapping.ts';
import type { Draft, Message } from './message.ts';
import type { KnownId } from './public-id.ts';

/** Why we refuse what a platform asks, in no protocol's terms; each protocol maps it to its own status. */
export type Refusal =
  | 'throttled' // no carrier has room, or the account's own limit
  | 'queueFull'
  | 'storeFailing'
  | 'source'
  | 'destination'
  | 'noRoute'
  | 'loop'
  | 'disabled'
  | 'validity'
  | 'schedule'
  | 'tooLong'
  | 'notFound'
  | 'cannotCancel'
  | 'cannotReplace'
  | 'list';

/** Destinations of one submit, those of its distribution lists included. */
export const MOST_DESTINATIONS = 10_000;

/** What a platform's request is. */
export type FromPlatform =
  | { readonly what: 'submit'; readonly draft: Draft }
  /** One content for several destinations; `unknown` are names of distribution lists that the account has not. */
  | {
      readonly what: 'multi';
      readonly whole: false;
      readonly drafts: readonly Draft[];
      readonly unknown: readonly string[];
    }
  /** The same under one status: all are taken or none. */
  | { readonly what: 'multi'; readonly whole: true; readonly drafts: readonly Draft[] }
  | { readonly what: 'query'; readonly id: string; readonly source: string }
  | {
      readonly what: 'cancel';
      readonly id: string;
      readonly source: string;
      readonly destination: string;
      readonly serviceType: string;
    }
  | { readonly what: 'replace'; readonly id: string; readonly source: string; readonly draft: Draft }
  /** Counts of the day that `day` (ms) falls in, of a service or ('') of all. */
  | {
      readonly what: 'statistics';
      readonly day: number;
      readonly service: string;
      readonly answer: (counts: DayCounts) => Outgoing;
    }
  /** Cannot be taken; the status is the protocol's own. */
  | { readonly what: 'refused'; readonly status: number };

/** Messages that were taken on one day, and what became of them. */
export interface DayCounts {
  /** Requests, and messages (one a destination) in them. */
  readonly submits: number;
  readonly messages: number;
  /** Or taken by the carrier, where no report was asked for. */
  readonly delivered: number;
  readonly waiting: number;
  readonly failed: number;
  readonly moTaken: number;
  readonly moWaiting: number;
  readonly moFailed: number;
}

/** A destination of a multiple submit that was refused. */
export interface Failed {
  readonly destination: string;
  readonly ton: number;
  readonly npi: number;
  readonly status: number;
}

/** What a protocol means, as a platform speaks it. One per protocol. */
export interface PlatformMapping {
  readonly protocol: string;
  /** Platforms may ask for the counts of a day: they are kept. */
  readonly tellsDays: boolean;
  /** Each of several destinations is told under its own id; else all under that of the first. */
  readonly idPerDestination: boolean;
  /** `sequence`: the whole of a wide sequence number (SGIP), as octets in a Latin-1 string. */
  /** Its platforms send a request that is not answered in time again, under the same sequence number. */
  readonly resends?: boolean;
  read(pdu: Plan, value: Values<Fields>, account: AccountConfig, now: number, sequence: string): FromPlatform;
  /** Status for a refusal. */
  status(refusal: Refusal): number;
  /** Name of a status for logs and metrics: `ESME_RTHROTTLED`. */
  statusName(status: number): string;
  /** The answer to a submit. `id` as `writeId` made it, '' where refused. */
  submitAnswer(pdu: Plan, version: number, id: string, failed: readonly Failed[]): Outgoing;
  /** `acceptedAt` is not known of what has ended a while ago. */
  queryAnswer(
    version: number,
    id: string,
    message: Pick<Message, 'state' | 'error'> & Partial<Pick<Message, 'acceptedAt'>>,
    doneAt: number,
  ): Outgoing;
  /**
   * Status for a submit with the sequence number of an earlier one that says something else; where it says the same it is
   * not taken again. Set where the sequence number is the message's name (SGIP 1.2, 3.7.2.4).
   */
  readonly repeatedStatus?: number;
  /** The answer without content to any request of a platform. */
  plainAnswer(pdu: Plan, version: number): Outgoing;
  toReceipt(message: Message, account: AccountConfig, version: number): Outgoing;
  /** A state that is not final; undefined where the protocol does not tell such. */
  toIntermediate(
    message: Message,
    state: number,
    error: string,
    account: AccountConfig,
    version: number,
    now: number,
  ): Outgoing | undefined;
  toMo(message: Message, account: AccountConfig, version: number): Outgoing;
  /**
   * Set where one PDU holds an MO of any length, from version `since` on; up to `short` octets it is one that every
   * platform reads.
   */
  readonly wholeMo?: { readonly short: number; readonly since: number };
  /** A phone is there again; left out where the protocol cannot tell. */
  toAlert?(alert: Alert, version: number): Outgoing;
  /** What the platform's id says of ours; undefined where it is none of our making. */
  readId(id: string, account: AccountConfig, version: number, now: number): KnownId | undefined;
  /** The platform's id of a message: nothing else goes into it, so that it is the same after every restart. */
  writeId(id: number, acceptedAt: number, account: AccountConfig, version: number): string;
  /** What a platform's answer to a receipt or MO means. */
  outcome(status: number): 'taken' | 'later' | 'refused';
}
