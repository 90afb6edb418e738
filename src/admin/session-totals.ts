import type { Message, Segment } from '../message/message.ts';
import type { Session, SessionCounters } from '../session/session.ts';
import type { Watched } from './watched.ts';

type AnySession = Session<Message> | Session<Segment>;

/** Sums over all sessions of one peer in one role, ended ones included. */
export interface Totals {
  readonly side: 'account' | 'carrier';
  readonly peer: string;
  readonly counts: Map<(typeof COUNTED)[number], number>;
  readonly statusesIn: Map<number, number>;
  readonly statusesOut: Map<number, number>;
}

const COUNTED = [
  'framesIn',
  'framesOut',
  'octetsIn',
  'octetsOut',
  'requestsIn',
  'requestsOut',
  'answersIn',
  'answersOut',
  'expired',
  'late',
  'unmatched',
  'lost',
  'faults',
  'badPdus',
  'unknown',
  'probes',
  'probeMisses',
  'holds',
] as const satisfies readonly (keyof SessionCounters)[];

/**
 * Sessions count for themselves and go; sums must only rise. Sessions that were seen alive are kept until the scrape
 * after their end, so that nothing they counted is lost; one that came and went between two scrapes is not seen.
 */
export function createSessionTotals(node: Watched): () => readonly Totals[] {
  const ended = new Map<string, Totals>();
  const seen = new Set<AnySession>();
  /** The sums of this turn: several metrics of one scrape ask for them. */
  let known: readonly Totals[] | undefined;

  return () => {
    if (known !== undefined) return known;
    for (const carrier of node.dials.values()) for (const s of carrier.sessions) seen.add(s);
    for (const listener of node.listeners.values()) {
      for (const s of listener.sessions) if (s.peer !== '') seen.add(s);
    }
    for (const s of seen) {
      if (s.state !== 'closed') continue;
      seen.delete(s);
      addTo(ended, s);
    }
    const now = new Map<string, Totals>();
    for (const [key, t] of ended) {
      now.set(key, {
        ...t,
        counts: new Map(t.counts),
        statusesIn: new Map(t.statusesIn),
        statusesOut: new Map(t.statusesOut),
      });
    }
    for (const s of seen) addTo(now, s);
    known = [...now.values()];
    queueMicrotask(() => {
      known = undefined;
    });
    return known;
  };
}

function addTo(sums: Map<string, Totals>, s: AnySession): void {
  const side = s.role === 'client' ? 'carrier' : 'account';
  const key = `${side} ${s.peer}`;
  let totals = sums.get(key);
  if (totals === undefined) {
    totals = { side, peer: s.peer, counts: new Map(), statusesIn: new Map(), statusesOut: new Map() };
    sums.set(key, totals);
  }
  for (const name of COUNTED) totals.counts.set(name, (totals.counts.get(name) ?? 0) + s.counters[name]);
  for (const [status, n] of s.counters.statusesIn)
    totals.statusesIn.set(status, (totals.statusesIn.get(status) ?? 0) + n);
  for (const [status, n] of s.counters.statusesOut)
    totals.statusesOut.set(status, (totals.statusesOut.get(status) ?? 0) + n);
}
