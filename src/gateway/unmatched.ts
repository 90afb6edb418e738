import { sleep } from '../base/timers.ts';
import { ANSWERED, type Message } from '../message/message.ts';
import { sameNumber } from '../message/number.ts';
import type { Gateway } from './context.ts';
import { type ParkedReport, unfreeze } from './state.ts';

/** A message that a parked report may belong to: same carrier, same number, still without its report. */
export interface Candidate {
  readonly id: number;
  readonly account: string;
  /** What the carrier called it, for people. */
  readonly carrierIds: readonly string[];
  readonly answeredAt: number;
}

export interface Unmatched {
  readonly report: ParkedReport;
  /** The id in the report, for people. */
  readonly carrierId: string;
  /** The one that was answered nearest to the report's coming. */
  readonly nearest: Candidate | undefined;
}

export interface UnmatchedList {
  readonly total: number;
  readonly reports: readonly Unmatched[];
  /** Messages looked at for candidates, and whether these were all that wait in memory. */
  readonly searched: number;
  readonly complete: boolean;
}

/** Messages looked at for one list, and in one event-loop turn. */
const SEARCH_MAX = 200_000;
const SLICE = 2_000;

/** The oldest parked reports with the nearest candidate of each. Looks at a bounded number of messages, a slice a turn. */
export async function listUnmatched(gw: Gateway, limit: number): Promise<UnmatchedList> {
  const reports: ParkedReport[] = [];
  for (const report of gw.state.parked.values()) {
    if (reports.length >= limit) break;
    reports.push(report);
  }
  // By carrier and end of number, so that a message costs one look-up.
  const wanted = new Map<string, ParkedReport[]>();
  for (const r of reports) {
    const key = keyOf(r.carrier, r.destination);
    if (key === undefined) continue;
    const list = wanted.get(key);
    if (list === undefined) wanted.set(key, [r]);
    else list.push(r);
  }
  const nearest = new Map<ParkedReport, Candidate>();
  let searched = 0;

  const consider = (m: Message): void => {
    searched++;
    const key = keyOf(m.carrier, m.destination);
    const list = key === undefined ? undefined : wanted.get(key);
    if (list === undefined) return;
    const segments = m.segments.filter((s) => s.stage === ANSWERED);
    if (segments.length === 0) return;
    const answeredAt = segments.reduce((at, s) => Math.max(at, s.at), 0);
    const showId = gw.carriers.get(m.carrier)?.mapping.showId ?? String;
    for (const r of list) {
      const known = nearest.get(r);
      if (known !== undefined && Math.abs(known.answeredAt - r.at) <= Math.abs(answeredAt - r.at)) continue;
      if (!sameNumber(m.destination, r.destination)) continue;
      const carrierIds = segments.map((s) => showId(s.carrierId));
      nearest.set(r, { id: m.id, account: m.account, carrierIds, answeredAt });
    }
  };

  let complete = true;
  if (wanted.size > 0) {
    for (const m of gw.state.active.values()) {
      if (searched >= SEARCH_MAX) break;
      consider(m);
      if (searched % SLICE === 0) await sleep(0);
    }
    let cursor = 0;
    while (cursor >= 0 && searched < SEARCH_MAX) {
      cursor = gw.state.frozen.scan(cursor, SLICE, (_, ref) => {
        consider(unfreeze(gw.state.frozen.read(ref)));
      });
      if (cursor >= 0) await sleep(0);
    }
    complete = cursor < 0;
  }
  return {
    total: gw.state.parked.size,
    reports: reports.map((report) => ({
      report,
      carrierId: gw.carriers.get(report.carrier)?.mapping.showId(report.carrierId) ?? report.carrierId,
      nearest: nearest.get(report),
    })),
    searched,
    complete,
  };
}

/** Numbers that `sameNumber` calls one end in the same seven digits; one with fewer is a hint to nothing. */
function keyOf(carrier: string, number: string): string | undefined {
  const digits = number.replace(/\D/g, '');
  return digits.length < 7 ? undefined : `${carrier} ${digits.slice(-7)}`;
}
