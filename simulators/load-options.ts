import type { Server } from 'node:net';
import type { Coding } from '../protocols/text/charset.ts';
import type { Arrival } from './arrivals.ts';
import type { Expectation } from './expectations.ts';
import type { LoadFigures } from './load-figures.ts';
import type { NumberPlan } from './number-plan.ts';
import type { ReceivedMo } from './platform-protocol.ts';
import type { PlatformKind } from './platform-versions.ts';
import type { Verdict } from './verdict.ts';

export interface LoadOptions {
  readonly host?: string;
  readonly port: number;
  /** Default: smpp. */
  readonly protocol?: PlatformKind;
  /** SMPP 3.4; CMPP 2.0 (default), 2.1, 3.0; SGIP 1.2; SMGP 3.0 (default), 1.3. */
  readonly version?: string;
  /** The account: SMPP system_id, CMPP SP_Id, SGIP login name, SMGP ClientID. */
  readonly systemId: string;
  /** Its password, or shared secret. */
  readonly password: string;
  /** Messages to submit; one that is longer than a part takes several submits. */
  readonly count: number;
  /** Sent in turn, each in the protocol's plainest coding that holds it, else UCS-2. */
  readonly texts: readonly (string | LoadText)[];
  /** Connections that submit and receive. Default 1. */
  readonly binds?: number;
  /** Most unanswered submits of a bind. Default 100. */
  readonly window?: number;
  /** Submits a second, whatever the answers do; latency then counts from when a submit was due. 0 (default): as the windows allow. */
  readonly rate?: number;
  readonly source?: string;
  /** An open loop: messages come when they come, whatever the answers do. Latency then counts from when one was due. */
  readonly arrival?: Arrival;
  /** Each message goes to a number of its own, counted up from this one. Default 8613800000000. */
  readonly firstNumber?: number;
  /** Or to the numbers of this plan. */
  readonly numbers?: NumberPlan;
  /** Of what arrivals draw. Default 1. */
  readonly seed?: number;
  /** Ask for receipts and wait for them. Default true. */
  readonly receipts?: boolean;
  /** A long text goes in parts with a header (default), or whole in message_payload (SMPP). */
  readonly long?: 'udh' | 'payload';
  /** Submit again what was cut off without an answer. Default false: it stays unknown. */
  readonly resubmit?: boolean;
  /** Submit again, a little later, what was refused as too fast. Default false. */
  readonly retryThrottled?: boolean;
  /** A submit without an answer for so many milliseconds is unknown. Default 60,000. */
  readonly responseTimeout?: number;
  /** When nothing more has come for so many milliseconds, the missing receipts are lost. Default 10,000. */
  readonly receiptTimeout?: number;
  /** Gives up when no bind could be had for so many milliseconds. Default 60,000. */
  readonly reconnectFor?: number;
  /** SGIP: where the gateway dials us with receipts and MO, with our own name and password; listening already. */
  readonly callback?: Server;
  /** Submits no more than so many messages until `allow` gives more. Default: all. */
  readonly allowed?: number;
  /** What shall become of messages by number; of others nothing is expected but a final receipt. */
  readonly expect?: readonly Expectation[];
  /** The gateway promises answers in the order of submits, or receipts of a connection in the order of their submits. */
  readonly ordered?: { readonly answers?: boolean; readonly receipts?: boolean };
  /** So many whole messages from handsets shall come, and the load waits for them as for receipts. */
  readonly expectMos?: number;
  /** Writes its books into this file, for `yima verdict`. */
  readonly book?: string;
  /** Offenders named of each kind of breach. Default 10. */
  readonly named?: number;
  /** The load's clock, in milliseconds, which must not step back. Default: performance.now. */
  readonly now?: () => number;
  /** A message from a handset came, or a part of one. */
  readonly onMo?: (mo: ReceivedMo) => void;
}

/** A text that shall go in this coding, where the protocol has it and it holds the text; else in the usual one. */
export interface LoadText {
  readonly text: string;
  readonly coding: Coding;
}

export interface Progress {
  readonly parts: number;
  readonly submitted: number;
  /** How many it may submit for now. */
  readonly allowed: number;
  readonly settled: number;
  readonly acked: number;
  readonly receipted: number;
  readonly bound: number;
}

export interface Load {
  start(): void;
  readonly progress: Progress;
  /** What happened when; also while it runs. */
  readonly figures: LoadFigures;
  /** Rejects when there never was a bind: wrong password, nobody there. */
  readonly done: Promise<Verdict>;
  /** Lets it submit so many messages in all. */
  allow(messages: number): void;
  /** Logs out and stays away. */
  leave(): void;
  /** Logs in again. */
  comeBack(): void;
  /** Submits no more and waits for what is due; the second time for nothing. */
  stop(): void;
}
