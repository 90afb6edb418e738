import { STATE, stateName } from '../../protocols/smpp/receipt.ts';
import { type Breach, type Breaches, createBreaches, type Offender } from '../breaches.ts';
import { createFingerprints } from '../fingerprints.ts';
import { type CarrierSide, readCarriers } from './carrier-side.ts';
import { createHops, type Hop } from './hops.ts';
import { type Matches, matchMessages, statesOfAlike } from './match.ts';
import { OUTCOME, type PlatformSide, readPlatforms, type StrayReceipt } from './platform-side.ts';
import { agrees } from './states.ts';
import { createTimeline } from './timeline.ts';

export interface ReconcileOptions {
  readonly platforms: readonly string[];
  /** None: the platforms' books are judged by themselves. */
  readonly carriers: readonly string[];
  /** A receipt that comes later than so many milliseconds after the carrier's report is late. Default 60,000. */
  readonly late?: number;
  /** What lies between may change texts: it adds signatures. Default false. */
  readonly alterable?: boolean;
  /** Offenders named of each kind. Default 10. */
  readonly named?: number;
}

/** What both ends say together, in parts: a message that is longer than one has several. */
export interface Reconciliation {
  readonly messages: number;
  readonly sent: number;
  /** Of those sent: accepted, refused, and never answered. */
  readonly answered: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unanswered: number;
  /** Messages that came to a carrier, and submits that the carriers refused. */
  readonly arrived: number;
  readonly refusals: number;
  /** Reports that the carriers sent, and those that were taken. */
  readonly reported: number;
  readonly taken: number;
  /** Parts with a final receipt. */
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly late: number;
  readonly misCorrelated: number;
  /** Arrived, and never reported by the carrier: nobody's fault but its own. */
  readonly unreported: number;
  /** Accepted, never at a carrier, and said to have failed: ended by what lies between. */
  readonly endedBetween: number;
  readonly hops: readonly Hop[];
  readonly breaches: readonly Breach[];
  readonly clean: boolean;
}

const DELIVERED = STATE.delivered;

/** Compares the books of both ends. Throws BookFault for a book that is none, or the system's error. */
export function reconcile(options: ReconcileOptions): Reconciliation {
  const { late = 60_000, alterable = false } = options;
  const breaches = createBreaches(options.named);
  const sinceOf = createTimeline();
  const strays: StrayReceipt[] = [];
  const platform = readPlatforms(options.platforms, sinceOf, (stray) => {
    const { id, from, state, part } = stray;
    if (part >= 0) strays.push(stray);
    else
      breaches.add('receipt of none of ours', () => ({
        number: from,
        id,
        what: `${state}, with an id that no answer had`,
      }));
  });
  /** Refusals of carriers by number that explain why a message did not come. */
  const refusals = createFingerprints();
  const carrier = readCarriers(options.carriers, sinceOf, (digits) =>
    refusals.set(digits, Math.max(0, refusals.get(digits)) + 1),
  );
  for (const { id, from, state, part } of strays) {
    const to = platform.lineOf(part).to;
    breaches.add('receipt of another message', () => ({ number: to, id, what: `${state}, and it came from ${from}` }));
  }
  const judged = judge(platform, carrier, breaches, {
    late,
    alterable,
    ends: options.carriers.length > 0,
    refused: (message) => refusals.get(platform.messages.digits.get(message)) > 0,
  });
  const count = (...kinds: readonly string[]): number => kinds.reduce((n, kind) => n + breaches.count(kind), 0);
  return {
    messages: platform.messages.key.length,
    sent: platform.parts.message.length,
    ...judged,
    arrived: carrier.messages.key.length,
    refusals: carrier.counts.refusals,
    reported: carrier.counts.reports,
    taken: carrier.counts.taken,
    lost: count('lost on the way to a carrier', 'lost receipt'),
    duplicated: count('receipt doubled', 'message doubled'),
    late: count('late receipt'),
    misCorrelated: count('wrong state', 'delivery made up', 'receipt of another message', 'receipt of none of ours'),
    breaches: breaches.list,
    clean: breaches.list.length === 0,
  };
}

interface Judging {
  readonly late: number;
  readonly alterable: boolean;
  /** There are carriers' books. */
  readonly ends: boolean;
  /** Carriers refused submits to its number. */
  refused(message: number): boolean;
}

function judge(platform: PlatformSide, carrier: CarrierSide, breaches: Breaches, judging: Judging) {
  const { messages, parts } = platform;
  const matches = matchMessages(platform, carrier);
  const alike = statesOfAlike(platform, carrier, matches);
  const hops = createHops();
  // SGIP has one word for all failures.
  const loose = platform.protocols.has('sgip') || carrier.protocols.has('sgip');
  const n = { answered: 0, accepted: 0, refused: 0, unanswered: 0, received: 0, unreported: 0, endedBetween: 0 };

  const offender = (part: number, what: string, at?: number): Offender => {
    const { to, id } = platform.lineOf(part);
    return {
      number: to,
      ...(id !== undefined && { id }),
      what: at === undefined ? what : `${what}; ${there(carrier, at)}`,
    };
  };

  for (let part = 0; part < parts.message.length; part++) {
    const message = parts.message.get(part);
    const outcome = parts.outcome.get(part);
    const receipts = parts.receipts.get(part);
    const at = counterpart(carrier, matches, message, parts.place.get(part), parts.of.get(part));
    hops.take('due to answer', parts.due.get(part), parts.answered.get(part));
    if (at >= 0) hops.take('sent to carrier', parts.sent.get(part), carrier.parts.at.get(at));
    if (receipts > 0) n.received++;
    if (receipts > 1) {
      breaches.add('receipt doubled', () =>
        at < 0
          ? offender(part, `${receipts} final receipts`)
          : offender(part, `${receipts} final receipts for ${carrier.parts.reports.get(at)} reports`, at),
      );
    }
    if (outcome === OUTCOME.unanswered) {
      n.unanswered++;
      breaches.add('never answered', () =>
        offender(part, at < 0 ? 'submitted' : 'submitted, and at the carrier', at < 0 ? undefined : at),
      );
      continue;
    }
    n.answered++;
    if (outcome === OUTCOME.refused) {
      n.refused++;
      if (at >= 0 && parts.of.get(part) === 1 && parts.tries.get(part) === 1 && matches.alike[message] === 0) {
        breaches.add('refused, and sent on', () => offender(part, `refused with ${platform.lineOf(part).refused}`, at));
      }
      continue;
    }
    n.accepted++;
    if (at < 0) absent(part, message, receipts);
    else present(part, message, receipts, at);
  }

  /** Accepted, and at no carrier. */
  function absent(part: number, message: number, receipts: number): void {
    if (!judging.ends) {
      if (receipts === 0 && platform.wantsReceipts) {
        breaches.add('lost receipt', () => offender(part, 'accepted, and no final receipt came'));
      }
      return;
    }
    const told = parts.state.get(part);
    if (receipts > 0 && told === DELIVERED) {
      breaches.add('delivery made up', () => offender(part, 'told DELIVERED, and no carrier ever accepted it'));
    } else if (receipts > 0) n.endedBetween++;
    else if (!judging.refused(message)) {
      breaches.add('lost on the way to a carrier', () => offender(part, 'accepted, and never at a carrier'));
    } else if (platform.wantsReceipts) {
      breaches.add('lost receipt', () => offender(part, 'refused by the carrier, and no receipt says so'));
    }
  }

  /** Accepted, and `at` the carrier. */
  function present(part: number, message: number, receipts: number, at: number): void {
    const reportedAt = carrier.parts.reportedAt.get(at);
    const receiptAt = parts.receiptAt.get(part);
    hops.take('carrier to its report', carrier.parts.at.get(at), reportedAt);
    hops.take('report to its answer', reportedAt, carrier.parts.takenAt.get(at));
    hops.take('report to receipt', reportedAt, receiptAt);
    hops.take('due to receipt', parts.due.get(part), receiptAt);
    const reported =
      matches.alike[message] === 1 ? alike(message) : statesOf(carrier, matches, message, at, parts.of.get(part));
    if (receipts === 0) {
      if (reported === 0) n.unreported++;
      else if (platform.wantsReceipts) {
        breaches.add('lost receipt', () => offender(part, 'reported by the carrier, and no receipt came', at));
      }
      return;
    }
    const told = parts.state.get(part);
    if (reported === 0) {
      if (told === DELIVERED)
        breaches.add('delivery made up', () => offender(part, 'told DELIVERED, and the carrier never reported', at));
      else n.endedBetween++;
    } else if (!agrees(told, reported, loose)) {
      breaches.add('wrong state', () =>
        offender(part, `told ${stateName(told)}, and the carrier reported ${namesOf(reported)}`, at),
      );
    }
    if (receiptAt - reportedAt > judging.late) {
      breaches.add('late receipt', () =>
        offender(part, `${Math.round(receiptAt - reportedAt)} ms after the report`, at),
      );
    }
  }

  for (let message = 0; message < messages.key.length; message++) {
    const part = messages.last.get(message);
    // What was submitted again after a doubt may come again.
    const allowed = Math.max(1, triesOf(platform, message));
    if (matches.arrivals[message]! > 1 && matches.arrivals[message]! > allowed + spare(platform, matches, message)) {
      breaches.add('message doubled', () =>
        offender(
          part,
          `${matches.arrivals[message]} times at the carriers`,
          carrier.messages.first.get(matches.first[message]!),
        ),
      );
    }
    if (matches.repeats[message]! > 0 && allowed === 1) {
      breaches.add('message doubled', () =>
        offender(part, `${matches.repeats[message]} of its parts came to the carrier again`),
      );
    }
    if (matches.altered[message] === 1 && !judging.alterable) {
      breaches.add('text changed', () => offender(part, 'the carrier got another text'));
    }
  }
  for (let row = 0; row < matches.ofCarrier.length; row++) {
    if (matches.ofCarrier[row] !== -1) continue;
    const at = carrier.messages.first.get(row);
    breaches.add('message that no platform sent', () => ({
      number: carrier.lineOf(at).line.to,
      what: there(carrier, at),
    }));
  }
  return { ...n, hops: hops.list };
}

/** The carrier's part for this place of a message; where it was cut otherwise, the first; -1 where nothing came. */
function counterpart(carrier: CarrierSide, matches: Matches, message: number, place: number, of: number): number {
  const row = matches.first[message]!;
  if (row < 0) return -1;
  const first = carrier.messages.first.get(row);
  if (carrier.messages.of.get(row) !== of) return first;
  const at = first + place - 1;
  return carrier.parts.at.get(at) === 0 ? -1 : at;
}

/** What was reported of a part, in all its arrivals; where it was cut otherwise, of any of the parts. */
function statesOf(carrier: CarrierSide, matches: Matches, message: number, at: number, of: number): number {
  const row = matches.first[message]!;
  const parts = carrier.messages.of.get(row);
  if (parts === of) return carrier.parts.states.get(at);
  let states = 0;
  const first = carrier.messages.first.get(row);
  for (let k = first; k < first + parts; k++) states |= carrier.parts.states.get(k);
  return states;
}

/** Most submits of any of its parts. */
function triesOf({ messages, parts }: PlatformSide, message: number): number {
  let most = 0;
  for (let part = messages.last.get(message); part >= 0; part = parts.next.get(part)) {
    most = Math.max(most, parts.tries.get(part));
  }
  return most;
}

/** Submits of messages like this one that were more than one each: where it is not known which one came again. */
function spare(platform: PlatformSide, matches: Matches, message: number): number {
  if (matches.alike[message] === 0) return 0;
  let more = 0;
  for (let other = message; other >= 0; other = platform.messages.nextOfKey.get(other)) {
    if (other !== message) more += Math.max(0, triesOf(platform, other) - 1);
  }
  return more;
}

function there(carrier: CarrierSide, at: number): string {
  const { path, line } = carrier.lineOf(at);
  const ids = line.is === 'message' ? line.ids.filter((id) => id !== '').join(' ') : line.id;
  return `id ${ids} in ${path}`;
}

const namesOf = (states: number): string =>
  Array.from({ length: 10 }, (_, state) => state)
    .filter((state) => (states & (1 << state)) !== 0)
    .map(stateName)
    .join(' and ') || 'a failure of its own';
