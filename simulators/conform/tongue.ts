import type { Frame, HeaderRule } from './frame.ts';

export interface Account {
  readonly name: string;
  readonly secret: string;
}

/** A login as a check wants it: what is left out is right. */
export interface LoginForm {
  readonly name?: string;
  readonly secret?: string;
  readonly version?: number;
  /** SGIP: Login Type; SMGP: LoginMode. */
  readonly mode?: number;
}

/** A submit as a check wants it: what is left out is plain and right. */
export interface Message {
  readonly to?: readonly string[];
  readonly from?: string;
  readonly octets?: Uint8Array;
  /** data_coding, Msg_Fmt, MessageCoding, MsgFormat. */
  readonly coding?: number;
  readonly report?: boolean;
  readonly udhi?: boolean;
  /** Octets behind the last field: optional parameters, where the protocol has them. */
  readonly tail?: Buffer;
}

/** What a status report says. */
export interface Reported {
  /** As `Tongue.key` makes it. */
  readonly key: string;
  readonly number: string;
  readonly final: boolean;
  /** What is not as the specification has it; '' where all is. */
  readonly fault: string;
}

/** What checks of all protocols must know of one, in one version. */
export interface Tongue {
  readonly protocol: 'smpp' | 'cmpp' | 'sgip' | 'smgp';
  readonly header: HeaderRule;
  readonly version: number;
  readonly commands: {
    readonly login: number;
    readonly submit: number;
    /** The request that carries reports. */
    readonly report: number;
    /** SGIP has none. */
    readonly probe: number | undefined;
    readonly leave: number;
  };
  name(command: number): string;
  /** The n-th sequence of a connection. */
  sequence(n: number): string;
  /** Sequences that are legal and seldom seen. */
  readonly extremes: readonly string[];
  loginBody(account: Account, form: LoginForm): Buffer;
  submitBody(message: Message, account: Account): Buffer;
  /** Status or Result of an answer; undefined where there is none to read. */
  code(answer: Frame): number | undefined;
  /** The id by which reports name the k-th message of an accepted submit. */
  key(request: Frame, answer: Frame, k?: number): string;
  /** What is wrong with the id in an accepted answer; '' where nothing is. */
  idFault(answer: Frame): string;
  /** A status report, or undefined where the frame is none. */
  report(frame: Frame): Reported | undefined;
  /** The right answer to a request of a server. */
  answer(request: Frame): Buffer | undefined;
}

/** Codes that tell a submit to come again later. */
export type Later = ReadonlySet<number>;
