import type { Coding } from '../protocols/text/charset.ts';
import { createReassembly } from '../protocols/text/reassemble.ts';
import { joinText } from '../protocols/text/segment.ts';
import type { Concat } from '../protocols/text/udh.ts';
import { latin1 } from '../protocols/wire/octets.ts';
import type { CarrierBook } from './carrier-book.ts';
import { createFingerprints, fingerprint } from './fingerprints.ts';
import type { FormRules } from './form-rules.ts';
import { shownOn } from './handset.ts';

/** What a carrier saw and did. A submit is a PDU; messages are its destinations. */
interface Counts {
  connections: number;
  binds: number;
  bindsRefused: number;
  submits: number;
  messages: number;
  accepted: number;
  refused: number;
  throttled: number;
  /** Answers written, good or bad. */
  answered: number;
  silent: number;
  spoilt: number;
  /** Answers that were sent a second time, and answers to nothing that was asked. */
  answeredTwice: number;
  strayAnswers: number;
  /** Logins and signs of life that were ignored on purpose. */
  unheard: number;
  /** Sessions that fell silent on purpose. */
  halfOpened: number;
  reports: number;
  reportsAnswered: number;
  reportsRefused: number;
  /** Reports sent again because their session ended, or because they were refused or not answered. */
  reportsRepeated: number;
  reportsWithheld: number;
  reportsDuplicated: number;
  mos: number;
  mosAnswered: number;
  /** Signs of life asked for by the other side. */
  probes: number;
  queries: number;
  cancels: number;
  /** Sessions that this side cut on purpose. */
  disconnects: number;
  /** Frames that could not be read. */
  malformed: number;
  /** Answers to nothing that is open. */
  stray: number;
  /** Answers to the right request that name another message (CMPP: Msg_Id of DELIVER_RESP). */
  wrongEcho: number;
  /** Most submits of one session that waited for their answers at a time. */
  windowPeak: number;
}

/** Nothing, fingerprints of each part (finds repeats among millions), or every message with its text. */
export type RecordMode = 'nothing' | 'fingerprints' | 'messages';

/** A message to one destination, joined from its parts. */
interface Message {
  readonly account: string;
  readonly source: string;
  readonly destination: string;
  readonly coding: Coding;
  readonly text: string;
  /** As the handset shows it, with what the carrier added; and the short messages that this takes. */
  readonly shown: string;
  readonly counted: number;
  /** The ids under which its parts were accepted. */
  readonly ids: readonly string[];
}

/** One part as it came. `octets` is its text without a user data header, a view that is valid during the call. */
export interface Arrival {
  readonly account: string;
  readonly source: string;
  readonly destination: string;
  readonly coding: Coding;
  readonly octets: Uint8Array;
  readonly concat: Concat | undefined;
  readonly id: string;
  /** What the carrier adds to the text. */
  readonly added: FormRules['added'];
}

/** Sees how long things took, in milliseconds of the carrier's clock. */
export interface Stopwatch {
  /** From a submit to its answer, as it is written. */
  answered(ms: number): void;
  /** From a submit to its report, whenever that is sent. */
  reported(ms: number): void;
  /** From a report or an MO to the other side's answer. */
  acknowledged(ms: number): void;
}

export interface Books {
  readonly counts: Counts;
  /** Refusals of submits by code. */
  readonly codes: ReadonlyMap<number, number>;
  /** Reports sent by state word. */
  readonly states: ReadonlyMap<string, number>;
  readonly mode: RecordMode;
  /** Accepted messages in the order in which they became whole; filled in mode `messages` only. */
  readonly messages: readonly Message[];
  /** How often this text came whole to this destination; mode `messages`. */
  arrivals(destination: string, text: string): number;
  /** Parts that were accepted more than once (same destination, place and octets); not in mode `nothing`. */
  readonly repeats: number;
  /** Messages begun and not whole; mode `messages`. */
  readonly incomplete: number;
}

/** The books with the pen: for the carrier. */
export interface Ledger extends Books {
  /** Undefined: nobody takes times, and none cost anything. */
  stopwatch: Stopwatch | undefined;
  refused(code: number): void;
  /** Where all this is written too. */
  file: CarrierBook | undefined;
  arrived(arrival: Arrival): void;
  reported(word: string): void;
}

export interface Part {
  readonly octets: Uint8Array;
  readonly coding: Coding;
  readonly id: string;
}

/** `filed`: it will have a file, and must see messages for that. */
export function createBooks(recorded: RecordMode, filed = false): Ledger {
  const mode = filed && recorded === 'nothing' ? 'fingerprints' : recorded;
  const counts: Counts = {
    connections: 0,
    binds: 0,
    bindsRefused: 0,
    submits: 0,
    messages: 0,
    accepted: 0,
    refused: 0,
    throttled: 0,
    answered: 0,
    silent: 0,
    spoilt: 0,
    answeredTwice: 0,
    strayAnswers: 0,
    unheard: 0,
    halfOpened: 0,
    reports: 0,
    reportsAnswered: 0,
    reportsRefused: 0,
    reportsRepeated: 0,
    reportsWithheld: 0,
    reportsDuplicated: 0,
    mos: 0,
    mosAnswered: 0,
    probes: 0,
    queries: 0,
    cancels: 0,
    disconnects: 0,
    malformed: 0,
    stray: 0,
    wrongEcho: 0,
    windowPeak: 0,
  };
  const states = new Map<string, number>();
  const codes = new Map<number, number>();
  const messages: Message[] = [];
  const arrivals = new Map<string, number>();
  const seen = createFingerprints();
  const parts = createReassembly<Part>({ maxOpen: 100_000, maxParts: 1_000_000, timeoutMs: 3_600_000 });
  let repeats = 0;

  const whole = (a: Arrival, all: readonly Part[]): void => {
    const octets = all.map((p) => p.octets);
    const codings = all.map((p) => p.coding);
    const text = joinText(octets, codings);
    const { account, source, destination, coding } = a;
    const { added } = a;
    const shown = added.signature === '' ? { text, counted: all.length } : shownOn(text, coding, added);
    const ids = all.map((p) => p.id);
    messages.push({ account, source, destination, coding, text, shown: shown.text, counted: shown.counted, ids });
    const key = `${destination} ${text}`;
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
  };

  const ledger: Ledger = {
    counts,
    states,
    codes,
    stopwatch: undefined,
    mode,
    file: undefined,
    messages,
    arrivals: (destination, text) => arrivals.get(`${destination} ${text}`) ?? 0,
    get repeats() {
      return repeats;
    },
    get incomplete() {
      return parts.open;
    },
    arrived(a) {
      if (mode === 'nothing') return;
      ledger.file?.arrived(a);
      const { octets, concat } = a;
      const content = latin1(Buffer.from(octets.buffer, octets.byteOffset, octets.length), 0, octets.length);
      // The reference is left out: a sender that repeats a message may number it anew.
      const place = concat === undefined ? '' : `${concat.seq}/${concat.total}`;
      const print = fingerprint(`${a.destination} ${place} ${content}`);
      const before = Math.max(0, seen.get(print));
      if (before > 0) repeats++;
      seen.set(print, before + 1);
      if (mode !== 'messages') return;
      const part: Part = { octets: Uint8Array.from(octets), coding: a.coding, id: a.id };
      if (concat === undefined) return whole(a, [part]);
      const added = parts.add(`${a.account} ${a.source} ${a.destination}`, concat, part, performance.now());
      if (added.state === 'whole') whole(a, added.parts);
    },
    refused(code) {
      counts.refused++;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    },
    reported(word) {
      states.set(word, (states.get(word) ?? 0) + 1);
    },
  };
  return ledger;
}
