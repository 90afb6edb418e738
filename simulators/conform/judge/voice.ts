import type { Frame } from '../frame.ts';
import type { Account, Tongue } from '../tongue.ts';

/** What a client's login says. */
export interface LoginSeen {
  readonly name: string;
  readonly version: number;
  /** It shows that it knows the secret. */
  readonly proven: boolean;
  /** It takes reports and MO on this connection. */
  readonly receives: boolean;
  /** What is not as the specification has it; '' where all is. */
  readonly fault: string;
}

/** What a client's submit says. */
export interface SubmitSeen {
  readonly from: string;
  readonly to: readonly string[];
  readonly wantsReport: boolean;
  readonly udhi: boolean;
  readonly content: Uint8Array;
  /** Content longer than the protocol allows, a missing number, a flag of no table; '' where all is well. */
  readonly fault: string;
}

/** How a carrier that judges a client speaks one protocol in one version. */
export interface Voice {
  readonly tongue: Tongue;
  /** Commands by which a client logs in. */
  readonly logins: readonly number[];
  /** Most submits that may be open on a connection where nothing else was agreed; undefined where there is no such limit. */
  readonly window: number | undefined;
  /** Code of a submit that shall come again later. */
  readonly throttled: number;
  login(frame: Frame, account: Account): LoginSeen;
  /** The answer that lets in. */
  loginAnswer(request: Frame, account: Account): Buffer;
  /** Undefined where the frame is no submit. Throws nothing: what cannot be read has a fault. */
  submit(frame: Frame): SubmitSeen | undefined;
  /** The n-th id, as the reports name it. SGIP: the sequence of the submit. */
  id(n: number, request: Frame): string;
  submitAnswer(request: Frame, code: number, id: string): Buffer;
  /** A report, delivered, on a message with this id. */
  report(sequence: string, id: string, submit: SubmitSeen): Buffer;
  mo(sequence: string, from: string, to: string): Buffer;
  /** What is wrong with the answer to a report or MO; '' where nothing is. */
  answerFault(request: Buffer, answer: Frame): string;
}
