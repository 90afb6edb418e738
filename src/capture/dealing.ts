import type { Coding } from '../../protocols/text/charset.ts';

/** What a PDU means to the messages of a platform and a carrier, in the words of no protocol. */
export type Dealing =
  | SubmitDealing
  | AnswerDealing
  | ReportDealing
  | { readonly what: 'mo' | 'login' | 'probe' }
  /** The platform's answer to a report or an MO. */
  | { readonly what: 'taken'; readonly good: boolean }
  | { readonly what: 'other' };

/** A message, or a part of one, to phones. */
export interface SubmitDealing {
  readonly what: 'submit';
  readonly source: string;
  readonly destinations: readonly string[];
  readonly wantsReport: boolean;
  readonly coding: Coding;
  /** With its user data header, where it has one. */
  readonly octets: Uint8Array;
  readonly hasHeader: boolean;
  /** Where the request is its own id. */
  readonly id: string | undefined;
}

/** The carrier's answer to a submit. */
export interface AnswerDealing {
  readonly what: 'answer';
  /** 0: taken. */
  readonly code: number;
  /** The code says: slower. */
  readonly throttled: boolean;
  /** Id of the k-th destination, from 0; '' where the answer has none. */
  idOf(k: number): string;
}

/** What became of a message. */
export interface ReportDealing {
  readonly what: 'report';
  /** The id as it stands and in the other forms that peers write; by the name of the form. */
  readonly ids: readonly { readonly form: string; readonly id: string }[];
  readonly destination: string;
  /** The state as a scenario names it. */
  readonly word: string;
  /** Nothing more is to come. */
  readonly final: boolean;
  /** How it is written, by the name that scenarios have for it; `plain`: as specified. */
  readonly layout: string;
}

/** Reads the meaning of a frame. Throws WireFault. */
export type DealingReader = (frame: Buffer, version: number) => Dealing;
