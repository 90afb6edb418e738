import type { Coding } from '../protocols/text/charset.ts';
import type { Concat } from '../protocols/text/udh.ts';
import type { FrameRule } from '../protocols/wire/frame.ts';
import type { Peer } from './peer.ts';
import type { Template } from './submits.ts';

/** A message from a handset, or a part of one, in the words of no protocol. */
export interface ReceivedMo {
  readonly from: string;
  /** The called number. */
  readonly to: string;
  readonly coding: Coding;
  /** Without a header; a view that is valid during the call. */
  readonly octets: Uint8Array;
  readonly concat: Concat | undefined;
}

/** Where a platform books what comes from the gateway. */
export interface Inbox {
  /** `state`: as SMPP numbers them. */
  receipt(id: string, state: number, number: string): void;
  mo(mo: ReceivedMo): void;
  /** A receipt or an MO that tells nothing. */
  unreadable(): void;
}

/** One connection of a platform, as its protocol sees it. */
export interface PlatformLink extends Inbox {
  readonly peer: Peer;
  /** Which of the platform's connections it is, from 0. */
  readonly index: number;
  /** A sequence under which nothing is open. */
  sequence(): number;
  /** The gateway let us in. */
  bound(): void;
  /** It did not; `final`: for a reason that will not go away. */
  turnedAway(words: string, final: boolean): void;
  /** The message submitted under this sequence has this id. */
  accepted(sequence: number, id: string): void;
  /** `throttled`: it may go again a little later. */
  refused(sequence: number, words: string, throttled: boolean): void;
}

/** What a platform says on one connection. All write into the peer's outbox. */
export interface PlatformSpeaker {
  login(): void;
  submit(template: Template, destination: string, sequence: number): void;
  /** A sign of life is asked for, where the protocol has such a thing. */
  probe(): void;
  logout(): void;
  /** Throws WireFault where a frame cannot be read. */
  onFrame(b: Buffer, start: number, end: number): void;
}

/** What a simulated platform must know of a protocol. */
export interface PlatformProtocol {
  readonly frame: FrameRule;
  /** What texts may be coded in, the plainest first. */
  readonly codings: readonly Coding[];
  /** What else they may be coded in, for those that ask for it. */
  readonly otherCodings: readonly Coding[];
  /** Sequences of a connection go from 1 to here. */
  readonly lastSequence: number;
  speak(link: PlatformLink): PlatformSpeaker;
  /** Reads what comes on a connection that the gateway opens, where the protocol has such a thing. */
  hear?(peer: Peer, inbox: Inbox): (b: Buffer, start: number, end: number) => void;
}

/** How a platform logs in and what its submits say. */
export interface PlatformSetup {
  /** SMPP system_id, CMPP SP_Id, SGIP login name, SMGP ClientID. */
  readonly name: string;
  readonly secret: string;
  readonly source: string;
  readonly receipts: boolean;
}
