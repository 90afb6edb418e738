import type { Coding } from '../../protocols/text/charset.ts';
import type { Limits } from '../../protocols/text/segment.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { CarrierConfig } from '../config/schema.ts';
import type { Draft, Message, Report, Segment } from './message.ts';

/** A PDU ready to be written: its plan for the agreed version and its values. */
export interface Outgoing {
  readonly plan: Plan;
  readonly value: Values<Fields>;
}

/** A plan and values that fit it, as the gateway hands them on. */
export const as = <F extends Fields>(plan: Plan<F>, value: Values<F>): Outgoing => ({
  plan: plan as unknown as Plan,
  value: value as unknown as Values<Fields>,
});

/** What a carrier's answer to a submit says. */
export interface Answer {
  /** The protocol's own code; 0: taken. */
  readonly code: number;
  /** Octets as a Latin-1 string; '' where refused. */
  readonly carrierId: string;
  /** How busy the carrier says it is, 0 to 100; undefined where it says nothing. */
  readonly congestion?: number | undefined;
}

/** A phone that was out of reach is there again (SMPP alert_notification). */
export interface Alert {
  /** The phone. */
  readonly source: string;
  readonly sourceTon: number;
  readonly sourceNpi: number;
  /** The service that had asked to be told. */
  readonly called: string;
  readonly calledTon: number;
  readonly calledNpi: number;
  /** Available, denied or unavailable, as the protocol numbers it; undefined where it is not said. */
  readonly availability: number | undefined;
  /** Whether it is for an account, by configuration; else it is counted only. */
  readonly pass: boolean;
}

/** What a carrier's request is. `answer` is the PDU to answer it with; the status goes beside it. */
export type FromCarrier =
  | { readonly what: 'report'; readonly report: Report; readonly answer: Outgoing }
  | { readonly what: 'mo'; readonly draft: Draft; readonly answer: Outgoing }
  | { readonly what: 'other'; readonly answer: Outgoing; readonly status: number };

/** What a protocol means, as a carrier's side speaks it. One per protocol; the gateway knows only this. */
export interface CarrierMapping {
  readonly protocol: string;
  /** The id of a segment is the sequence of its submit (SGIP): known before the answer, which has none. */
  readonly idIsSequence?: boolean;
  /** Status with which a report or MO is answered that we cannot keep now. */
  readonly busyStatus: number;
  /** Status for an MO that no account wants. */
  readonly noRouteStatus: number;
  /** Octets that one PDU holds in this coding, alone and as a part with our header. */
  limits(coding: Coding, config: CarrierConfig): Limits;
  /**
   * A coding that every carrier of the protocol takes, listed or not, and that holds more octets (header included) than
   * the others: the last resort for a segment that the platform cut itself.
   */
  readonly roomiest: { readonly coding: Coding; readonly octets: number } | undefined;
  /** Whether a coding that the carrier does not list has a label in the protocol: octets may then go as they came. */
  labels?(coding: Coding, config: CarrierConfig): boolean;
  /** The submit of one segment; `part` are its octets without header. */
  toSubmit(
    message: Message,
    segment: Segment,
    part: Uint8Array,
    config: CarrierConfig,
    version: number,
    node: string,
  ): Outgoing;
  answer(pdu: Plan | undefined, value: Values<Fields> | undefined, status: number, config: CarrierConfig): Answer;
  fromCarrier(pdu: Plan, value: Values<Fields>, config: CarrierConfig, version: number, now: number): FromCarrier;
  /** What a PDU that has no answer says; undefined where it says nothing to us. */
  alert?(pdu: Plan, value: Values<Fields>, config: CarrierConfig): Alert | undefined;
  /** Name of a code for logs and traces: `ESME_RTHROTTLED`. */
  codeName(code: number): string;
  /** A carrier's id for people: CMPP's octets as a decimal number. */
  showId(carrierId: string): string;
}
