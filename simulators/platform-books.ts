import { STATE, stateName } from '../protocols/smpp/receipt.ts';
import type { BookWriter } from './book-file.ts';
import type { Breaches } from './breaches.ts';
import type { Expected } from './expectations.ts';
import { createFingerprints, fingerprint } from './fingerprints.ts';
import type { FigureBook } from './load-figures.ts';
import type { NumberPlan } from './number-plan.ts';
import { printableId } from './printable-id.ts';
import type { Submits } from './submits.ts';
import { latency, type Verdict } from './verdict.ts';

/** What a platform counts. */
interface PlatformCounts {
  submits: number;
  acked: number;
  refused: number;
  unknown: number;
  /** Submits without an answer, resubmitted or not. */
  missed: number;
  resubmitted: number;
  receipted: number;
  duplicated: number;
  misaddressed: number;
  intermediate: number;
  unreadable: number;
  late: number;
  mos: number;
  reconnects: number;
}

/** A platform's books: what became of every part, in typed arrays, so that millions cost little. Times in milliseconds. */
export interface PlatformBooks {
  readonly counts: PlatformCounts;
  /** The load begins: throughput counts from here. */
  begin(at: number): void;
  /** A part is due, and latency counts from here. */
  due(part: number, at: number): void;
  submitted(part: number, at: number): void;
  acked(part: number, id: string, sentAt: number, at: number): void;
  /** A refusal, final or not. */
  refusal(status: string): void;
  refused(part: number, status: string, sentAt: number, at: number): void;
  /** A submit had no answer: what became of it is not known, whatever comes next. */
  missed(part: number): void;
  wasMissed(part: number): boolean;
  unknown(part: number): void;
  /** An answer came after all. False where it came too late for that, too. */
  known(part: number): boolean;
  /** Returns the part that it is of, or -1 where its id is not known (yet). */
  receipt(id: string, state: number, number: string, at: number): number;
  readonly settled: number;
  /** The load is over. */
  verdict(at: number): Verdict;
}

const REFUSED = 1;
const ACKED = 2;
const UNKNOWN = 3;

/** Most receipts that wait for the answer with their id; what comes beyond is nobody's. */
const MOST_EARLY = 200_000;

/** A receipt that came before the answer that tells its id. */
interface Early {
  readonly id: string;
  readonly at: number;
  readonly state: number;
  readonly number: string;
}

export interface PlatformBooksOptions {
  readonly plan: Submits;
  /** Messages. */
  readonly count: number;
  readonly numbers: NumberPlan;
  readonly wantsReceipts: boolean;
  readonly figures: FigureBook;
  readonly breaches: Breaches;
  readonly expected: Expected | undefined;
  readonly file: BookWriter | undefined;
}

export function createPlatformBooks(options: PlatformBooksOptions): PlatformBooks {
  const { plan, count, numbers, wantsReceipts, figures, breaches, expected, file } = options;
  const { total, messageOf } = plan;
  const outcome = new Uint8Array(total);
  const received = new Uint8Array(total);
  /** Was without an answer at some time: a receipt with an unknown id may be its own. */
  const doubtful = new Uint8Array(total);
  const doubtfulNumbers = createFingerprints();
  const from = new Float64Array(total);
  /** For the file: when it was sent last, and how often. */
  const sent = new Float64Array(file === undefined ? 0 : total);
  const tries = new Uint8Array(file === undefined ? 0 : total);
  const ids = createFingerprints(total);
  const early = new Map<number, Early[]>();
  const refusals = new Map<string, number>();
  const states = new Map<number, number>();
  let startedAt = 0;
  let lastAckAt = 0;
  let lastReceiptAt = 0;
  let receiptsOfUnknown = 0;
  let foreign = 0;
  let withheld = 0;
  const n: PlatformCounts = {
    submits: 0,
    acked: 0,
    refused: 0,
    unknown: 0,
    missed: 0,
    resubmitted: 0,
    receipted: 0,
    duplicated: 0,
    misaddressed: 0,
    intermediate: 0,
    unreadable: 0,
    late: 0,
    mos: 0,
    reconnects: 0,
  };
  const numberOf = (part: number): string => numbers(messageOf(part));

  function receiptOf(part: number, id: string, state: number, number: string, at: number): void {
    const to = numberOf(part);
    if (!number.endsWith(tail(to))) {
      n.misaddressed++;
      breaches.add('misaddressed', () => ({
        number: to,
        id: printableId(id),
        what: `the receipt came from ${number}`,
      }));
    }
    if (state === STATE.enroute || state === STATE.accepted) {
      n.intermediate++;
      return;
    }
    if (received[part]! < 255) received[part]!++;
    if (received[part]! > 1) {
      n.duplicated++;
      const what = (): string => `receipt number ${received[part]}, ${stateName(state)}`;
      breaches.add('duplicated', () => ({ number: to, id: printableId(id), what: what() }));
      return;
    }
    n.receipted++;
    lastReceiptAt = at;
    states.set(state, (states.get(state) ?? 0) + 1);
    figures.receipt(at, at - from[part]!, stateName(state));
    if (expected === undefined) return;
    const want = expected(to);
    if (want === undefined || want === 'refused' || want === stateName(state)) return;
    if (want === 'failed' && state !== STATE.delivered) return;
    breaches.add('wrong state', () => ({
      number: to,
      id: printableId(id),
      what: `${stateName(state)}, expected ${want}`,
    }));
  }

  /** Of none of ours, or of one whose answer was lost. */
  function ownerless({ id, number, state }: Early): void {
    if (doubtfulNumbers.get(fingerprint(tail(number))) > 0) receiptsOfUnknown++;
    else {
      foreign++;
      breaches.add('foreign', () => ({
        number,
        id: printableId(id),
        what: `a receipt (${stateName(state)}) with an id of none of ours`,
      }));
    }
  }

  function write(part: number, sentAt: number, end: { answered?: number; id?: string; refused?: string }): void {
    const { print, part: place, parts } = plan.template(part);
    file!.write({
      is: 'submit',
      message: messageOf(part),
      to: numberOf(part),
      text: print,
      part: place,
      parts,
      due: file!.at(from[part]!),
      sent: file!.at(sentAt),
      tries: tries[part]!,
      ...end,
    });
  }

  function wrongAnswer(part: number, id: string | undefined, was: string): void {
    const want = expected!(numberOf(part))!;
    breaches.add('wrong answer', () => ({
      number: numberOf(part),
      ...(id !== undefined && { id: printableId(id) }),
      what: `${was}, expected ${want === 'none' ? 'accepted' : want}`,
    }));
  }

  /** Names what is missing, now that nothing more comes. */
  function settle(): void {
    for (const waiting of early.values()) for (const one of waiting) ownerless(one);
    early.clear();
    for (let part = 0; part < total; part++) {
      const number = (): string => numberOf(part);
      if (outcome[part] === UNKNOWN) {
        if (file !== undefined) write(part, sent[part]!, {});
        breaches.add('unanswered', () => ({ number: number(), what: 'submitted, and no answer came' }));
      } else if (outcome[part] === ACKED && received[part] === 0 && wantsReceipts) {
        if (expected?.(number()) === 'none') withheld++;
        else breaches.add('lost', () => ({ number: number(), what: 'acknowledged, and no final receipt came' }));
      }
    }
  }

  function verdict(at: number): Verdict {
    figures.end(at);
    settle();
    const unsent = total - n.acked - n.refused - n.unknown;
    const lost = wantsReceipts ? n.acked - n.receipted - withheld : 0;
    const ackSeconds = Math.max(0, lastAckAt - startedAt) / 1000;
    const seconds = Math.max(0, Math.max(lastAckAt, lastReceiptAt) - startedAt) / 1000;
    const perSecond = (k: number, s: number): number => (s > 0 ? Math.round(k / s) : 0);
    return {
      messages: count,
      parts: total,
      submits: n.submits,
      acked: n.acked,
      refused: n.refused,
      unknown: n.unknown,
      unsent,
      resubmitted: n.resubmitted,
      refusals: Object.fromEntries(refusals),
      receipted: n.receipted,
      lost,
      duplicated: n.duplicated,
      receiptsOfUnknown,
      foreign,
      misaddressed: n.misaddressed,
      intermediate: n.intermediate,
      unreadable: n.unreadable,
      late: n.late,
      states: Object.fromEntries([...states].map(([s, k]) => [stateName(s), k])),
      mos: n.mos,
      reconnects: n.reconnects,
      toAck: latency(figures.times.answer),
      toReceipt: latency(figures.times.receipt),
      ackSeconds,
      seconds,
      acksPerSecond: perSecond(n.acked, ackSeconds),
      receiptsPerSecond: perSecond(n.receipted, seconds),
      breaches: breaches.list,
      clean: n.acked === total && receiptsOfUnknown === 0 && breaches.list.length === 0,
    };
  }

  return {
    counts: n,
    begin(at) {
      if (startedAt !== 0) return;
      startedAt = at;
      figures.begin(at);
    },
    due(part, at) {
      from[part] = at;
    },
    submitted(part, at) {
      n.submits++;
      figures.submitted(at);
      if (file === undefined) return;
      sent[part] = at;
      if (tries[part]! < 255) tries[part]!++;
    },
    acked(part, id, sentAt, at) {
      outcome[part] = ACKED;
      n.acked++;
      lastAckAt = at;
      figures.acked(at, at - from[part]!);
      if (file !== undefined) write(part, sentAt, { answered: file.at(at), id: printableId(id) });
      if (expected?.(numberOf(part)) === 'refused') wrongAnswer(part, id, 'accepted');
      const print = fingerprint(id);
      ids.set(print, part);
      if (early.size === 0) return;
      const before = early.get(print);
      if (before === undefined) return;
      early.delete(print);
      for (const r of before) receiptOf(part, r.id, r.state, r.number, r.at);
    },
    refusal(status) {
      refusals.set(status, (refusals.get(status) ?? 0) + 1);
    },
    refused(part, status, sentAt, at) {
      outcome[part] = REFUSED;
      n.refused++;
      figures.refused(at, at - from[part]!);
      if (file !== undefined) write(part, sentAt, { answered: file.at(at), refused: status });
      const want = expected?.(numberOf(part));
      if (want !== undefined && want !== 'refused') wrongAnswer(part, undefined, `refused with ${status}`);
    },
    missed(part) {
      doubtful[part] = 1;
      doubtfulNumbers.set(fingerprint(tail(numberOf(part))), 1);
      n.missed++;
    },
    wasMissed: (part) => doubtful[part] === 1,
    unknown(part) {
      outcome[part] = UNKNOWN;
      n.unknown++;
    },
    known(part) {
      n.late++;
      if (outcome[part] !== UNKNOWN) return false;
      n.unknown--;
      return true;
    },
    receipt(id, state, number, at) {
      file?.write({ is: 'receipt', id: printableId(id), from: number, state: stateName(state), at: file.at(at) });
      const print = fingerprint(id);
      const part = ids.get(print);
      if (part >= 0) {
        receiptOf(part, id, state, number, at);
        return part;
      }
      const one = { id, at, state, number };
      const before = early.get(print);
      if (before !== undefined) before.push(one);
      else if (early.size < MOST_EARLY) early.set(print, [one]);
      else ownerless(one);
      return -1;
    },
    get settled() {
      return n.acked + n.refused + n.unknown;
    },
    verdict,
  };
}

/** The last eleven digits: a gateway may add or take away the country's. */
const tail = (number: string): string => number.slice(-11);
