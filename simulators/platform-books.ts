import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { STATE, stateName } from '../protocols/smpp/receipt.ts';
import { createFingerprints, fingerprint } from './fingerprints.ts';
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
  acked(part: number, id: string, at: number): void;
  /** A refusal, final or not. */
  refusal(status: string): void;
  refused(part: number): void;
  /** A submit had no answer: what became of it is not known, whatever comes next. */
  missed(part: number): void;
  wasMissed(part: number): boolean;
  unknown(part: number): void;
  /** An answer came after all. False where it came too late for that, too. */
  known(part: number): boolean;
  receipt(id: string, state: number, number: string, at: number): void;
  readonly settled: number;
  verdict(): Verdict;
}

const REFUSED = 1;
const ACKED = 2;
const UNKNOWN = 3;

/** A receipt that came before the answer that tells its id. */
interface Early {
  readonly at: number;
  readonly state: number;
  readonly number: string;
}

/** Books for `count` messages, the m-th to the number `firstNumber + m`. */
export function createPlatformBooks(
  submits: Submits,
  count: number,
  firstNumber: number,
  wantsReceipts: boolean,
): PlatformBooks {
  const { total, messageOf, partOf } = submits;
  const outcome = new Uint8Array(total);
  const received = new Uint8Array(total);
  /** Was without an answer at some time: a receipt with an unknown id may be its own. */
  const doubtful = new Uint8Array(total);
  const from = new Float64Array(total);
  const ids = createFingerprints(total);
  const early = new Map<number, Early[]>();
  const refusals = new Map<string, number>();
  const states = new Map<number, number>();
  const toAck = createHistogram();
  const toReceipt = createHistogram();
  let startedAt = 0;
  let lastAckAt = 0;
  let lastReceiptAt = 0;
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

  function receiptOf(part: number, state: number, number: string, at: number): void {
    // The last eleven digits: a gateway may add or take away the country's.
    if (!number.endsWith(String(firstNumber + messageOf(part)).slice(-11))) n.misaddressed++;
    if (state === STATE.enroute || state === STATE.accepted) {
      n.intermediate++;
      return;
    }
    if (received[part]! < 255) received[part]!++;
    if (received[part]! > 1) {
      n.duplicated++;
      return;
    }
    n.receipted++;
    lastReceiptAt = at;
    states.set(state, (states.get(state) ?? 0) + 1);
    record(toReceipt, at - from[part]!);
  }

  /** Whether a receipt from this number can be of a part whose answer was lost. */
  function isDoubtful(number: string): boolean {
    const modulus = 1e11;
    const message = (Number(number.slice(-11)) - (firstNumber % modulus) + modulus) % modulus;
    if (!(message < count)) return false;
    for (let part = partOf(message); part < total && messageOf(part) === message; part++) {
      if (doubtful[part] === 1) return true;
    }
    return false;
  }

  function verdict(): Verdict {
    let receiptsOfUnknown = 0;
    let foreign = 0;
    for (const waiting of early.values()) {
      for (const { number } of waiting) {
        if (isDoubtful(number)) receiptsOfUnknown++;
        else foreign++;
      }
    }
    const unsent = total - n.acked - n.refused - n.unknown;
    const lost = wantsReceipts ? n.acked - n.receipted : 0;
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
      toAck: latency(toAck),
      toReceipt: latency(toReceipt),
      ackSeconds,
      seconds,
      acksPerSecond: perSecond(n.acked, ackSeconds),
      receiptsPerSecond: perSecond(n.receipted, seconds),
      clean:
        n.acked === total && lost + n.duplicated + receiptsOfUnknown + foreign + n.misaddressed + n.unreadable === 0,
    };
  }

  return {
    counts: n,
    begin(at) {
      if (startedAt === 0) startedAt = at;
    },
    due(part, at) {
      from[part] = at;
    },
    acked(part, id, at) {
      outcome[part] = ACKED;
      n.acked++;
      lastAckAt = at;
      record(toAck, at - from[part]!);
      const print = fingerprint(id);
      ids.set(print, part);
      if (early.size === 0) return;
      const before = early.get(print);
      if (before === undefined) return;
      early.delete(print);
      for (const r of before) receiptOf(part, r.state, r.number, r.at);
    },
    refusal(status) {
      refusals.set(status, (refusals.get(status) ?? 0) + 1);
    },
    refused(part) {
      outcome[part] = REFUSED;
      n.refused++;
    },
    missed(part) {
      doubtful[part] = 1;
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
      const print = fingerprint(id);
      const part = ids.get(print);
      if (part >= 0) {
        receiptOf(part, state, number, at);
        return;
      }
      const before = early.get(print);
      if (before === undefined) early.set(print, [{ at, state, number }]);
      else before.push({ at, state, number });
    },
    get settled() {
      return n.acked + n.refused + n.unknown;
    },
    verdict,
  };
}

/** Microseconds, at least one: the histogram takes nothing less. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}
