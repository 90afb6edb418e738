import type { Behaviour } from './behaviour.ts';
import type { Ledger } from './books.ts';
import type { AccountBook, Delivery, Session } from './protocol.ts';
import type { Regime } from './scenario/rules.ts';

/** The time, and the time of the last thing that happened: near enough where nothing hangs on it, and free. */
export interface Clock {
  now(): number;
  coarse: number;
}

/** Reports and MO on their way: sent within the window of a session, kept while there is none, repeated until answered. */
export interface Deliveries {
  /** Sends it now, or as soon as a session of the account has room. */
  enqueue(d: Delivery): void;
  /** Sends what waits; to be called whenever a session may have got room. */
  pump(book: AccountBook): void;
  /** Takes back what a session sent before `until` and was not answered. */
  repeat(s: Session, book: AccountBook, until: number): void;
  /** The other side answered. `echo`: the id that it named, where the protocol has that. */
  answered(s: Session, sequence: number, good: boolean, echo?: string): void;
  nextSequence(s: Session): number;
}

/** Places for `Session.flight`: a power of two, twice the window. */
export function flightPlaces(window: number): number {
  let places = 16;
  while (places < window * 2) places *= 2;
  return places;
}

/** `ruling`: the behaviour that a regime makes now. `later` brings a delivery back to `enqueue` at its time; `starved` hears of accounts that have no session for
 * it, `sent` of what is sent. */
export function createDeliveries(
  ruling: (regime: Regime) => Behaviour,
  books: Ledger,
  clock: Clock,
  later: (d: Delivery) => void,
  starved: (book: AccountBook) => void,
  sent: (s: Session, d: Delivery) => void,
): Deliveries {
  const { counts } = books;

  function ready(s: Session): boolean {
    if (!s.receives) return false;
    const { hold, deliverWindow, ignoreDeliverWindow } = ruling(s.regime);
    const room = (s.inFlight < deliverWindow && s.inFlight * 2 < s.flight.length) || ignoreDeliverWindow;
    return room && !hold && !s.peer.closed && s.peer.clear;
  }

  /** Whether a rule for this message holds it; the others are not to wait behind it. */
  const held = (d: Delivery): boolean => d.regime.rules.length > 0 && ruling(d.regime).hold;

  /** A session that can take the delivery now. */
  function pick(book: AccountBook, d: Delivery): Session | undefined {
    const prefer = d.session;
    const { reportOn } = ruling(d.regime);
    const there = prefer !== undefined && prefer.book === book;
    if (reportOn === 'same' && there && ready(prefer)) return prefer;
    const avoid =
      reportOn === 'other' && there && book.sessions.some((s) => s !== prefer && takes(s)) ? prefer : undefined;
    const n = book.sessions.length;
    for (let k = 0; k < n; k++) {
      book.turn = (book.turn + 1) % n;
      const s = book.sessions[book.turn]!;
      if (s !== avoid && ready(s)) return s;
    }
    return undefined;
  }

  const takes = (s: Session): boolean => s.receives && !s.peer.closed;

  /** The session whose end it waits for. */
  function keeper(d: Delivery): Session | undefined {
    if (d.session === undefined || d.session.book !== d.book) return undefined;
    return ruling(d.regime).reportOn === 'reconnect' ? d.session : undefined;
  }

  function enqueue(d: Delivery) {
    const { book } = d;
    const waitsFor = keeper(d);
    if (waitsFor !== undefined) {
      waitsFor.kept ??= [];
      waitsFor.kept.push(d);
      return;
    }
    if (held(d)) {
      book.held.push(d);
      return;
    }
    if (book.head === book.waiting.length) {
      const s = pick(book, d);
      if (s !== undefined) return send(s, d);
    }
    book.waiting.push(d);
    starved(book);
  }

  function pump(book: AccountBook): void {
    if (book.held.length > 0) {
      const still: Delivery[] = [];
      for (const d of book.held) (held(d) ? still : book.waiting).push(d);
      book.held = still;
    }
    while (book.head < book.waiting.length) {
      const d = book.waiting[book.head]!;
      const s = pick(book, d);
      if (s === undefined) {
        starved(book);
        break;
      }
      book.head++;
      send(s, d);
    }
    if (book.head > 1024 && book.head * 2 > book.waiting.length) {
      book.waiting = book.waiting.slice(book.head);
      book.head = 0;
    }
  }

  function send(s: Session, d: Delivery): void {
    if (s.inFlight * 2 >= s.flight.length) widen(s);
    const sequence = nextSequence(s);
    const { stopwatch } = books;
    d.at = stopwatch === undefined ? clock.coarse : clock.now();
    d.sequence = sequence;
    s.flight[sequence & (s.flight.length - 1)] = d;
    s.inFlight++;
    sent(s, d);
    if (d.part === undefined) {
      counts.reports++;
      books.reported(d.word);
      stopwatch?.reported(d.at - d.submittedAt);
      books.file?.reported(d.id, d.destination, d.word);
      s.speaker.report(d, sequence);
    } else {
      counts.mos++;
      s.speaker.mo(d, d.part, sequence);
    }
  }

  /** Twice the places, for who is sent more than its window. */
  function widen(s: Session): void {
    const wide = new Array<Delivery | undefined>(s.flight.length * 2).fill(undefined);
    for (const d of s.flight) if (d !== undefined) wide[d.sequence & (wide.length - 1)] = d;
    s.flight = wide;
  }

  function nextSequence(s: Session): number {
    do {
      s.sequence = s.sequence === 0x7fffffff ? 1 : s.sequence + 1;
    } while (s.flight[s.sequence & (s.flight.length - 1)] !== undefined);
    return s.sequence;
  }

  /** Takes back what was sent before `until` and not answered. */
  function repeat(s: Session, book: AccountBook, until: number): void {
    if (s.inFlight === 0) return;
    for (let k = 0; k < s.flight.length; k++) {
      const d = s.flight[k];
      if (d === undefined || d.at > until) continue;
      s.flight[k] = undefined;
      s.inFlight--;
      counts.reportsRepeated++;
      book.waiting.push(d);
    }
  }

  function answered(s: Session, sequence: number, good: boolean, echo?: string): void {
    const place = sequence & (s.flight.length - 1);
    const d = s.flight[place];
    if (d === undefined || d.sequence !== sequence) {
      counts.stray++;
      return;
    }
    s.flight[place] = undefined;
    s.inFlight--;
    books.stopwatch?.acknowledged(clock.now() - d.at);
    if (echo !== undefined && echo !== d.echo) counts.wrongEcho++;
    if (good) {
      if (d.part === undefined) {
        counts.reportsAnswered++;
        books.file?.taken(d.id, d.destination);
      } else counts.mosAnswered++;
      d.settle?.();
    } else {
      counts.reportsRefused++;
      counts.reportsRepeated++;
      d.at = clock.now() + ruling(d.regime).redeliver.refused;
      later(d);
    }
    if (d.book.head < d.book.waiting.length) pump(d.book);
  }

  return { enqueue, pump, repeat, answered, nextSequence };
}
