import type { Frame } from './frame.ts';
import type { Account, LoginForm, Message, Tongue } from './tongue.ts';
import type { Wire } from './wire.ts';

/** One named check, as data and a function. Returns where all was right; else `fail` or `notApplicable` ends it. */
export interface Check {
  readonly name: string;
  /** Where the specification says so: version and section. */
  readonly section: string;
  /** What must be, in a sentence. */
  readonly expects: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** What a check works with: connections that end with it. */
export interface Bench {
  readonly tongue: Tongue;
  readonly account: Account;
  /** A number of the target's that may be sent to. */
  readonly to: string;
  readonly from: string;
  /** How long an answer may take, in ms. */
  readonly within: number;
  /** How long a report may take. */
  readonly reportWithin: number;
  /** The same target in another version of the protocol. */
  speaking(version: number): Bench;
  /** A connection, and nothing sent. */
  open(): Promise<Wire>;
  /** A connection that the target has let in; fails where it does not. */
  login(form?: LoginForm): Promise<Wire>;
  /** A sequence that this run has not used. */
  sequence(): string;
  /** A submit to `to` unless the message says otherwise. */
  submit(message?: Message): Buffer;
  request(command: number, body?: Buffer): Buffer;
  /** The frame for which `test` holds, be it here or still to come. Fails where the time is over or the connection is. */
  expect(wire: Wire, what: string, test: (frame: Frame) => boolean, within?: number): Promise<Frame>;
  /** The answer to a frame that was sent. */
  answerTo(wire: Wire, request: Buffer, within?: number): Promise<Frame>;
  /** As `answerTo`, or undefined where the target ends the connection or says nothing. */
  answerOrEnd(wire: Wire, request: Buffer, within?: number): Promise<Frame | undefined>;
  /** Whether the target ends the connection in this time. */
  ends(wire: Wire, within?: number): Promise<boolean>;
  /** What satisfies `find` on any connection, the target's own included; undefined where the time is over. */
  anywhere<T>(find: (frame: Frame, wire: Wire) => T | undefined, within: number): Promise<T | undefined>;
  /** All that satisfies `find` and has come until now. */
  seen<T>(find: (frame: Frame, wire: Wire) => T | undefined): readonly T[];
  /** What requests of the target are answered with from now on, on all connections. */
  answering(answers: ((request: Frame) => Buffer | undefined) | undefined): void;
  /** Time passes. For what must not come. */
  pause(ms: number): Promise<void>;
  /** Whether the target can dial us (SGIP). */
  readonly listens: boolean;
}

export type Outcome = 'pass' | 'fail' | 'n/a';

/** How a check went. */
export interface Finding {
  readonly name: string;
  readonly section: string;
  readonly outcome: Outcome;
  readonly expected: string;
  /** What came instead, or why it does not apply. */
  readonly came: string;
  /** What was sent and what came, the last lines of it. */
  readonly exchange: readonly string[];
  readonly ms: number;
}

class Verdict extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome, message: string) {
    super(message);
    this.outcome = outcome;
  }
}

/** Ends the check: what came is not what must be. */
export function fail(came: string): never {
  throw new Verdict('fail', came);
}

/** Ends the check: the target need not do this, or cannot be asked. */
export function notApplicable(why: string): never {
  throw new Verdict('n/a', why);
}

/** Outcome and words of what ended a check. */
export function verdictOf(error: unknown): { outcome: Outcome; came: string } {
  if (error instanceof Verdict) return { outcome: error.outcome, came: error.message };
  return { outcome: 'fail', came: error instanceof Error ? error.message : String(error) };
}
