import type { Socket } from 'node:net';
import { type Behaviour, type BehaviourChange, changed, createDice, WELL_BEHAVED } from './behaviour.ts';
import type { Ledger } from './books.ts';
import { createDeliveries, flightPlaces } from './deliveries.ts';
import { createDue } from './due.ts';
import { createPeer, type Peer } from './peer.ts';
import type { Account, AccountBook, Callback, Delivery, Mo, Protocol, Session, Speaker } from './protocol.ts';
import { createTap, type Tap } from './tap.ts';

/** What is open, summed over the sessions. */
export interface Standing {
  readonly sessions: number;
  /** Submits that wait for their answers. */
  readonly unanswered: number;
  /** Reports and MO that were sent and not answered, and those that wait to be sent. */
  readonly inFlight: number;
  readonly waiting: number;
}

interface Answer {
  readonly at: number;
  readonly submittedAt: number;
  readonly session: Session;
  readonly command: number;
  readonly sequence: number;
  readonly code: number;
  readonly id: string;
  /** The connection ends after it. */
  readonly last: boolean;
}

/** What every simulated carrier does, whatever it speaks: accepts, refuses, reports and misbehaves by its rules. */
export interface Centre {
  readonly rules: Behaviour;
  readonly books: Ledger;
  readonly sessions: ReadonlySet<Session>;
  readonly protocol: Protocol;
  change(change: BehaviourChange): void;
  /** Milliseconds since 1970, from a clock that does not step back. */
  now(): number;
  /** `dialled`: the account, where the connection is ours. */
  accept(socket: Socket, dialled?: AccountBook): Session;
  find(name: string): AccountBook | undefined;
  /** Lets a session in, or not: returns 0 or a code. The caller answers, then calls `opened`. */
  admit(session: Session, book: AccountBook, receives: boolean): number;
  opened(session: Session): void;
  /** An account has let us in, on a connection of ours. */
  joined(session: Session, book: AccountBook): void;
  refused(session: Session): void;
  /**
   * A submit came. `wants`: registered_delivery bits 1-0 (0 no report, 1 any, 2 failures, 3 successes). `fault`: a code
   * for what is wrong with it, or 0. `named`: the id, where the submit brings it. Returns the id if the message was
   * accepted, else ''.
   */
  submit(
    session: Session,
    command: number,
    sequence: number,
    source: string,
    destinations: readonly string[],
    wants: number,
    fault: number,
    named?: string,
  ): string;
  /** The other side answered one of our requests; see `Deliveries.answered`. */
  answered(session: Session, sequence: number, good: boolean, echo?: string): void;
  /** The waiting report of a message, by its reported id. */
  waiting(id: string): Delivery | undefined;
  inject(mo: Mo): Promise<number>;
  /** From now on the account is dialled there. */
  callBack(name: string, callback: Callback): void;
  dropAll(): void;
  standing(): Standing;
  readonly tap: Tap;
  stop(): void;
}

/** How often sessions are looked at for silence and for unanswered reports. */
const LOOK_MS = 200;

export function createCentre(
  accounts: readonly Account[],
  books: Ledger,
  behaviour: BehaviourChange,
  makeProtocol: (centre: Centre) => Protocol,
): Centre {
  const epoch = performance.timeOrigin;
  const now = (): number => epoch + performance.now();
  const sessions = new Set<Session>();
  const accountBooks = new Map<string, AccountBook>();
  for (const account of accounts) {
    accountBooks.set(account.name, {
      account,
      callback: account.callback,
      sessions: [],
      waiting: [],
      head: 0,
      turn: 0,
      times: new Float64Array(0),
      timesAt: 0,
    });
  }
  const { counts } = books;
  const clock = { now, coarse: now() };
  let rules = changed(WELL_BEHAVED, behaviour);
  let dice = createDice(rules.seed);
  const due = createDue<Answer | Delivery>((item) => {
    clock.coarse = item.at;
    if ('command' in item)
      respond(item.session, item.submittedAt, item.command, item.sequence, item.code, item.id, item.last);
    else deliveries.enqueue(item);
  }, now);
  const deliveries = createDeliveries(
    () => rules,
    books,
    clock,
    due.add,
    (book) => centre.protocol.starved?.(book),
  );

  // -- Answers ---------------------------------------------------------------------------------------------------

  function respond(
    s: Session,
    submittedAt: number,
    command: number,
    sequence: number,
    code: number,
    id: string,
    last: boolean,
  ): void {
    s.unanswered--;
    const { peer } = s;
    if (peer.closed) return;
    const start = peer.at;
    s.speaker.answer(command, sequence, code, id);
    counts.answered++;
    books.stopwatch?.answered(now() - submittedAt);
    if (dice.chance(rules.garbage.probability)) spoil(peer, start);
    if (last) peer.end();
  }

  /** Spoils the frame that was just written. */
  function spoil(peer: Peer, start: number): void {
    counts.spoilt++;
    const { out } = peer;
    switch (rules.garbage.kind) {
      case 'octets':
        // A first octet that no length has: the frame border is lost for sure.
        out[start] = 0x7f;
        for (let o = start + 1; o < peer.at; o++) out[o] = dice.octet();
        break;
      case 'length':
        out.writeUInt32BE(5, start);
        break;
      case 'command':
        out.writeUInt32BE(0x8fffffff, start + 4);
        break;
      case 'sequence':
        out.writeUInt32BE(0x7ffffff1, start + centre.protocol.sequenceAt);
        break;
      case 'cut':
        peer.at = start + Math.ceil((peer.at - start) / 2);
        peer.end();
        break;
    }
  }

  // -- Verdicts --------------------------------------------------------------------------------------------------

  function verdict(s: Session, book: AccountBook, destinations: readonly string[], at: number): number {
    const { codes } = centre.protocol;
    const { throttle, window, errorRate } = rules;
    if (throttle.perSecond > 0) {
      // Flow is counted in messages, and over any second: the n-th last one must be older than one.
      if (book.times.length !== throttle.perSecond) {
        book.times = new Float64Array(throttle.perSecond);
        book.timesAt = 0;
      }
      for (let k = 0; k < destinations.length; k++) {
        if (at - book.times[book.timesAt]! < 1000) {
          counts.throttled++;
          return throttle.code || codes.throttled;
        }
        book.times[book.timesAt] = at;
        book.timesAt = (book.timesAt + 1) % book.times.length;
      }
    }
    if (window.limit > 0 && s.unanswered >= window.limit) return window.code || codes.queueFull;
    if (rules.numbers.length > 0) {
      const code = numberRule(destinations[0])?.code;
      if (code !== undefined && code !== 0) return code;
    }
    if (dice.chance(errorRate.probability)) return errorRate.code || codes.error;
    return 0;
  }

  const numberRule = (destination: string | undefined) =>
    destination === undefined ? undefined : rules.numbers.find((r) => destination.endsWith(r.suffix));

  // -- Reports ---------------------------------------------------------------------------------------------------

  /** Reports of an accepted submit: one for each destination that asked for one. */
  function planReports(
    s: Session,
    book: AccountBook,
    id: string,
    source: string,
    destinations: readonly string[],
    wants: number,
    submittedAt: number,
    at: number,
  ): void {
    for (let k = 0; k < destinations.length; k++) {
      const destination = destinations[k]!;
      const word =
        (rules.numbers.length > 0 ? numberRule(destination)?.state : undefined) ?? dice.word(rules.reports.states);
      if (wants === 2 && word === 'DELIVERED') continue;
      if (wants === 3 && word !== 'DELIVERED') continue;
      if (!dice.chance(rules.reports.probability)) {
        counts.reportsWithheld++;
        continue;
      }
      const delivery: Delivery = {
        at,
        sequence: 0,
        echo: '',
        book,
        session: s,
        id: centre.protocol.reportId(id, k),
        source,
        destination,
        word,
        submittedAt,
        part: undefined,
        settle: undefined,
      };
      if (at <= submittedAt) deliveries.enqueue(delivery);
      else due.add(delivery);
      if (dice.chance(rules.duplicateReport.probability)) {
        counts.reportsDuplicated++;
        due.add({ ...delivery });
      }
    }
  }

  // -- Sessions --------------------------------------------------------------------------------------------------

  function closed(s: Session): void {
    sessions.delete(s);
    tap.leave(s.peer);
    const { book } = s;
    if (book === undefined) return;
    s.book = undefined;
    book.sessions.splice(book.sessions.indexOf(s), 1);
    // What was not answered comes again, on another session or after the next login.
    deliveries.repeat(s, book, Infinity);
    deliveries.pump(book);
  }

  const look = setInterval(() => {
    const at = now();
    clock.coarse = at;
    for (const s of sessions) {
      const { book } = s;
      if (book === undefined) continue;
      deliveries.repeat(s, book, at - rules.redeliver.unanswered);
      if (rules.probe.every > 0 && at - s.lastProbeAt >= rules.probe.every) {
        s.lastProbeAt = at;
        if (!s.heard) s.speaker.probe(deliveries.nextSequence(s));
        s.heard = false;
      }
      deliveries.pump(book);
    }
    // Whom nobody serves: protocols that dial try again.
    for (const book of accountBooks.values()) if (book.head < book.waiting.length) deliveries.pump(book);
  }, LOOK_MS);

  const tap = createTap();

  const centre: Centre = {
    books,
    sessions,
    tap,
    now,
    protocol: undefined as unknown as Protocol,
    get rules() {
      return rules;
    },
    change(change) {
      const { seed } = rules;
      rules = changed(rules, change);
      if (rules.seed !== seed) dice = createDice(rules.seed);
      for (const book of accountBooks.values()) deliveries.pump(book);
    },
    find: (name) => accountBooks.get(name),
    accept(socket, dialled) {
      counts.connections++;
      const peer = createPeer(socket, centre.protocol.frame, {
        onFrame(b, start, end) {
          s.frames++;
          s.heard = true;
          const { slow } = rules;
          if (slow.every > 0 && s.frames % slow.every === 0) peer.pause(slow.pause);
          s.speaker.onFrame(b, start, end);
        },
        onFault() {
          counts.malformed++;
        },
        onClose: () => closed(s),
      });
      const s: Session = {
        peer,
        dialled,
        book: undefined,
        receives: false,
        frames: 0,
        submits: 0,
        unanswered: 0,
        sequence: 0,
        heard: false,
        lastProbeAt: now(),
        flight: new Array<Delivery | undefined>(flightPlaces(rules.deliverWindow)).fill(undefined),
        inFlight: 0,
        speaker: undefined as unknown as Speaker,
      };
      s.speaker = centre.protocol.speak(s);
      sessions.add(s);
      tap.join(peer, dialled !== undefined);
      return s;
    },
    admit(s, book, receives) {
      const { codes } = centre.protocol;
      if (dice.chance(rules.refuseBind.probability)) return rules.refuseBind.code || codes.bindFailed;
      if (book.sessions.length >= (book.account.maxSessions ?? Infinity)) return codes.tooManySessions;
      counts.binds++;
      s.book = book;
      s.receives = receives;
      book.sessions.push(s);
      return 0;
    },
    opened(s) {
      if (s.book !== undefined) deliveries.pump(s.book);
    },
    joined(s, book) {
      s.book = book;
      s.receives = true;
      book.sessions.push(s);
      deliveries.pump(book);
    },
    refused(s) {
      counts.bindsRefused++;
      s.peer.end();
    },
    submit(s, command, sequence, source, destinations, wants, fault, named = '') {
      const book = s.book!;
      const { disconnect, silence } = rules;
      counts.submits++;
      counts.messages += destinations.length;
      s.submits++;
      const last = disconnect.every > 0 && s.submits % disconnect.every === 0;
      if (last) {
        counts.disconnects++;
        if (disconnect.midWindow) {
          s.peer.cut();
          return '';
        }
      }
      const at = now();
      clock.coarse = at;
      const code = fault || verdict(s, book, destinations, at);
      const silent = dice.chance(silence.probability);
      if (silent) counts.silent++;
      if (silent && last) s.peer.end();
      if (silent && !silence.accepted) return '';

      let id = named;
      if (code === 0) {
        counts.accepted++;
        if (id === '') id = centre.protocol.nextId(destinations.length);
      } else {
        books.refused(code);
        if (books.file !== undefined) for (const to of destinations) books.file.refused(to, code);
      }
      const reports = code === 0 && wants !== 0;
      const early = reports && dice.chance(rules.reportBefore.probability);
      if (early) planReports(s, book, id, source, destinations, wants, at, at);
      const delay = dice.delay(rules.responseDelay);
      if (!silent) {
        s.unanswered++;
        if (s.unanswered > counts.windowPeak) counts.windowPeak = s.unanswered;
        if (delay === 0) respond(s, at, command, sequence, code, id, last);
        else due.add({ at: at + delay, submittedAt: at, session: s, command, sequence, code, id, last });
      }
      if (reports && !early) {
        const { lateReport, reportDelay } = rules;
        const after = dice.delay(dice.chance(lateReport.probability) ? lateReport.delay : reportDelay);
        // Never in the turn of the answer: due things come after it, whatever socket they take.
        planReports(s, book, id, source, destinations, wants, at, at + delay + Math.max(after, 0.001));
      }
      return code === 0 ? id : '';
    },
    answered: deliveries.answered,
    waiting(id) {
      const is = (d: Delivery): boolean => d.id === id && d.part === undefined;
      const item = due.find((x) => !('command' in x) && is(x)) as Delivery | undefined;
      if (item !== undefined) return item;
      for (const { waiting, head } of accountBooks.values()) {
        for (let k = head; k < waiting.length; k++) if (is(waiting[k]!)) return waiting[k];
      }
      return undefined;
    },
    inject(mo) {
      const name = mo.account ?? accounts[0]?.name ?? '';
      const book = accountBooks.get(name);
      if (book === undefined)
        throw new RangeError(`injectMo: no account ${JSON.stringify(name)}; give one of the carrier's`);
      const parts = centre.protocol.cut(mo);
      let left = parts.length;
      return new Promise((resolve) => {
        const settle = (): void => {
          if (--left === 0) resolve(parts.length);
        };
        for (const part of parts) {
          deliveries.enqueue({
            at: now(),
            sequence: 0,
            echo: '',
            book,
            session: undefined,
            id: centre.protocol.nextId(1),
            source: mo.to,
            destination: mo.from,
            word: '',
            submittedAt: now(),
            part,
            settle,
          });
        }
      });
    },
    callBack(name, callback) {
      const book = accountBooks.get(name);
      if (book === undefined) throw new RangeError(`callBack: no account ${JSON.stringify(name)}`);
      book.callback = callback;
      deliveries.pump(book);
    },
    standing() {
      const sum = { sessions: 0, unanswered: 0, inFlight: 0, waiting: 0 };
      for (const s of sessions) {
        if (s.book === undefined) continue;
        sum.sessions++;
        sum.unanswered += s.unanswered;
        sum.inFlight += s.inFlight;
      }
      for (const { waiting, head } of accountBooks.values()) sum.waiting += waiting.length - head;
      return sum;
    },
    dropAll() {
      for (const s of sessions) s.peer.cut();
    },
    stop() {
      clearInterval(look);
      due.stop();
      for (const s of sessions) s.peer.socket.destroy();
    },
  };
  (centre as { protocol: Protocol }).protocol = makeProtocol(centre);
  return centre;
}
