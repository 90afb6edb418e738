import type { Socket } from 'node:net';
import type { Behaviour, BehaviourChange } from './behaviour.ts';
import type { Ledger } from './books.ts';
import { createDeliveries, flightPlaces } from './deliveries.ts';
import { createDue } from './due.ts';
import { misanswer, misanswers } from './faults/answers.ts';
import { hearing, mishears } from './faults/hearing.ts';
import { refusal } from './faults/logins.ts';
import { createShuffle } from './faults/shuffle.ts';
import { countedOf } from './handset.ts';
import { createObjections, type Objection } from './objection.ts';
import { createPeer, type PeerEvents } from './peer.ts';
import type { Account, AccountBook, Callback, Delivery, Mo, Protocol, Session, Speaker, Submit } from './protocol.ts';
import type { LabClock } from './scenario/clock.ts';
import { delayOf } from './scenario/distribution.ts';
import { chance, chosen, type Lot, lotOf, purpose } from './scenario/draw.ts';
import { type EventLog, type EventName, shownId } from './scenario/event-log.ts';
import { createRulebook, type Regime, type Rule } from './scenario/rules.ts';
import { createSchedule } from './scenario/schedule.ts';
import type { Step } from './scenario/schema.ts';
import { createSubmitEvent } from './scenario/submit-event.ts';
import type { Event } from './scenario/when.ts';
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
  readonly regime: Regime;
  readonly lot: Lot;
  /** The connection ends after it. */
  readonly last: boolean;
}

/** Something to be done at a time. */
interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** What every simulated carrier does, whatever it speaks: accepts, refuses, reports and misbehaves by its rules. */
export interface Centre {
  /** The base, which holds for events that no rule is for. */
  readonly behaviour: Behaviour;
  readonly rules: readonly Rule[];
  readonly books: Ledger;
  readonly sessions: ReadonlySet<Session>;
  readonly protocol: Protocol;
  change(change: BehaviourChange): void;
  addRule(rule: Rule): void;
  /** False: there is none of this name. */
  removeRule(name: string): boolean;
  /** What was changed, sent and cut from outside, as steps of a schedule that do it again. */
  readonly recorded: readonly Step[];
  /** Enters a fault that was made on purpose into the event log, if there is one. */
  fault(session: Session, what: string): void;
  /** The behaviour that the rules of a session, a submit's answer or a delivery make now. */
  ruling(regime: Regime): Behaviour;
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
  /** The other side takes its leave. The caller answers before. */
  parted(session: Session): void;
  /** The rules of the submit that was taken last. */
  readonly taken: Behaviour;
  /** A submit came. Returns the id if the message was accepted, else ''. */
  submit(session: Session, submit: Submit): string;
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

/** What a carrier is to do, and by which clock. */
export interface Setting {
  readonly behaviour: Behaviour;
  readonly rules: readonly Rule[];
  readonly schedule: readonly Step[];
  readonly clock: LabClock;
  readonly log: EventLog | undefined;
}

/** How often sessions are looked at for silence and for unanswered reports. */
const LOOK_MS = 200;

// What is drawn for.
const ERROR = purpose('error');
const ERROR_CODE = purpose('error code');
const SILENCE = purpose('silence');
const REPORT_BEFORE = purpose('report before');
const RESPONSE_DELAY = purpose('response delay');
const REPORT_DELAY = purpose('report delay');
const LATE = purpose('late report');
const STATE = purpose('state');
const REPORT = purpose('report');
const DUPLICATE = purpose('duplicate report');
const DUPLICATE_DELAY = purpose('duplicate report delay');
const REFUSE_BIND = purpose('refuse bind');
const UNASKED = purpose('unasked report');
const FIRST_REPORT = purpose('first report');
const SECOND_REPORT = purpose('second report');
const SECOND_DELAY = purpose('second report delay');

export function createCentre(
  accounts: readonly Account[],
  books: Ledger,
  setting: Setting,
  makeProtocol: (centre: Centre) => Protocol,
): Centre {
  const { clock: labClock, log } = setting;
  const { now } = labClock;
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
      held: [],
      logins: 0,
      burst: 0,
      ghosts: [],
      rates: new Map(),
    });
  }
  const { counts } = books;
  const clock = { now, coarse: now() };
  const rulebook = createRulebook(setting.behaviour, setting.rules, labClock.start);
  const { base } = rulebook;
  const ruling = (regime: Regime): Behaviour =>
    regime.timed ? rulebook.now(regime, clock.coarse).behaviour : regime.behaviour;
  const submitEvent = createSubmitEvent(
    () => base.behaviour.seed,
    (dataCoding, octets) => centre.protocol.codingOf(dataCoding, octets),
  );
  const objections = createObjections((dataCoding, octets) => centre.protocol.codingOf(dataCoding, octets));
  let taken = base.behaviour;
  let mos = 0;
  const due = createDue<Answer | Delivery | Task>(
    (item) => {
      clock.coarse = item.at;
      if ('command' in item) respond(item);
      else if ('word' in item) reportDue(item);
      else item.run();
    },
    now,
    labClock.wake,
    labClock.leaps,
  );
  const later = (delay: number, run: () => void): void => due.add({ at: now() + delay, run });
  const deliveries = createDeliveries(
    ruling,
    books,
    clock,
    due.add,
    (book) => centre.protocol.starved?.(book),
    (s, { part, source, destination, word, id }) => {
      if (log === undefined) return;
      if (part === undefined) enter('report', s, { number: destination, id: shownId(id), word });
      else enter('mo', s, { from: destination, to: source });
    },
  );
  const enter = (event: EventName, s: Session | undefined, fields: Readonly<Record<string, unknown>>): void => {
    log?.write(clock.coarse - labClock.start, event, s === undefined ? fields : { session: s.ordinal, ...fields });
  };

  const shuffle = createShuffle(later, deliveries.enqueue);

  // -- Answers ---------------------------------------------------------------------------------------------------

  function respond(answer: Answer): void {
    const s = answer.session;
    s.unanswered--;
    const { peer } = s;
    if (peer.closed) return;
    const start = peer.at;
    const rules = ruling(answer.regime);
    s.speaker.answer(answer.command, answer.sequence, answer.code, answer.id, rules);
    counts.answered++;
    if (log !== undefined) {
      const { sequence, code, id } = answer;
      enter('answer', s, { sequence, code, ...(code === 0 && { id: shownId(id) }) });
    }
    books.stopwatch?.answered(now() - answer.submittedAt);
    if (misanswers(rules)) {
      const before = log === undefined ? counts : { ...counts };
      misanswer(peer, start, centre.protocol, rules, answer.lot, books, later);
      if (counts.strayAnswers > before.strayAnswers) centre.fault(s, 'stray answer');
      if (counts.answeredTwice > before.answeredTwice) centre.fault(s, 'answered twice');
      if (counts.spoilt > before.spoilt) centre.fault(s, `garbage ${rules.garbage.kind}`);
    }
    if (!answer.last) return;
    if (rules.disconnect.midFrame) peer.cutAt(start + Math.ceil((peer.at - start) / 2));
    else peer.end();
  }

  // -- Verdicts --------------------------------------------------------------------------------------------------

  function verdict(
    s: Session,
    book: AccountBook,
    destinations: readonly string[],
    at: number,
    rules: Behaviour,
    lot: Lot,
  ): number {
    const { codes } = centre.protocol;
    const { throttle, throttleBurst, window, errorRate } = rules;
    if (throttle.perSecond > 0 && tooFast(book, throttle.perSecond, destinations.length, at)) {
      counts.throttled++;
      return throttle.code || codes.throttled;
    }
    if (throttleBurst.length > 0) {
      const { every, length, code } = throttleBurst;
      if (book.burst++ % (every + length) >= every) {
        counts.throttled++;
        return code || codes.throttled;
      }
    }
    if (window.limit > 0 && s.unanswered >= placesOf(window, s.submits)) return window.code || codes.queueFull;
    if (rules.numbers.length > 0) {
      const code = numberRule(rules, destinations[0])?.code;
      if (code !== undefined && code !== 0) return code;
    }
    if (!chance(lot, ERROR, errorRate.probability)) return 0;
    return Number(chosen(lot, ERROR_CODE, errorRate.codes)) || errorRate.code || codes.error;
  }

  const placesOf = ({ limit, shrinkEvery, least }: Behaviour['window'], submits: number): number =>
    shrinkEvery > 0 ? Math.max(least, limit - Math.floor(submits / shrinkEvery)) : limit;

  /** Flow is counted in messages, and over any second: the n-th last one must be older than one. */
  function tooFast(book: AccountBook, perSecond: number, messages: number, at: number): boolean {
    let rate = book.rates.get(perSecond);
    if (rate === undefined) {
      rate = { times: new Float64Array(perSecond), at: 0 };
      book.rates.set(perSecond, rate);
    }
    for (let k = 0; k < messages; k++) {
      if (at - rate.times[rate.at]! < 1000) return true;
      rate.times[rate.at] = at;
      rate.at = (rate.at + 1) % perSecond;
    }
    return false;
  }

  const numberRule = (rules: Behaviour, destination: string | undefined) =>
    destination === undefined ? undefined : rules.numbers.find((r) => destination.endsWith(r.suffix));

  const endingOf = ({ midWindow, midFrame }: Behaviour['disconnect']): string => {
    if (midWindow) return 'reset in place of an answer';
    return midFrame ? 'reset in the middle of an answer' : 'end after an answer';
  };

  // -- Submits ---------------------------------------------------------------------------------------------------

  /** Takes a submit. Returns the id if the message was accepted, else ''. */
  function take(s: Session, submit: Submit): string {
    const book = s.book!;
    const { command, sequence, destinations, fault } = submit;
    const at = now();
    clock.coarse = at;
    submitEvent.about(s, submit);
    const regime = rulebook.some ? rulebook.of(submitEvent, at) : base;
    const rules = ruling(regime);
    taken = rules;
    const lot = rulebook.draws || log !== undefined ? submitEvent.lot() : 0;
    const { disconnect, halfOpen, silence } = rules;
    counts.submits++;
    counts.messages += destinations.length;
    s.submits++;
    if (halfOpen.every > 0 && s.submits % halfOpen.every === 0) {
      centre.fault(s, 'half-open');
      fallSilent(s, halfOpen.for);
      return '';
    }
    const last = disconnect.every > 0 && s.submits % disconnect.every === 0;
    if (last) {
      counts.disconnects++;
      centre.fault(s, endingOf(disconnect));
      if (disconnect.midWindow) {
        s.peer.cut();
        return '';
      }
    }
    let code = fault || verdict(s, book, destinations, at, rules, lot);
    const objection = code === 0 ? objections(submit, rules, at, centre.protocol.codes) : undefined;
    if (objection !== undefined) code = objection.code;
    const silent = chance(lot, SILENCE, silence.probability);
    if (silent) counts.silent++;
    if (silent) centre.fault(s, 'no answer');
    if (silent && last) s.peer.end();
    if (silent && !silence.accepted) return '';

    let id = submit.named;
    if (code === 0) {
      counts.accepted++;
      if (id === '') id = centre.protocol.nextId(destinations.length, rules);
    } else {
      books.refused(code);
      if (books.file !== undefined) for (const to of destinations) books.file.refused(to, code);
    }
    if (log !== undefined) enterSubmit(s, submit, code, id, regime, at);
    const unasked = submit.wants !== 1 && chance(lot, UNASKED, rules.unaskedReport.probability);
    const wants = unasked ? 1 : submit.wants;
    const reports = code === 0 && wants !== 0;
    const early = reports && chance(lot, REPORT_BEFORE, rules.reportBefore.probability);
    if (early) planReports(s, book, id, submit, wants, objection?.words, regime, lot, at, at, at);
    const delay = delayOf(rules.responseDelay, lot, RESPONSE_DELAY);
    if (!silent) {
      s.unanswered++;
      if (s.unanswered > counts.windowPeak) counts.windowPeak = s.unanswered;
      const answer = { at: at + delay, submittedAt: at, session: s, command, sequence, code, id, regime, lot, last };
      if (delay === 0) respond(answer);
      else due.add(answer);
    }
    if (reports && !early) {
      const { lateReport, reportDelay } = rules;
      const late = chance(lot, LATE, lateReport.probability);
      const after = delayOf(late ? lateReport.delay : reportDelay, lot, REPORT_DELAY);
      // Never in the turn of the answer: due things come after it, whatever socket they take.
      const answeredAt = at + delay + 0.001;
      const dueAt = at + delay + Math.max(after, 0.001);
      planReports(s, book, id, submit, wants, objection?.words, regime, lot, at, answeredAt, dueAt);
    }
    return code === 0 ? id : '';
  }

  function enterSubmit(s: Session, submit: Submit, code: number, id: string, regime: Regime, at: number): void {
    const { key, time } = submitEvent;
    const rules = rulebook.now(regime, at).rules.map(({ rule }) => rule.name);
    enter('submit', s, {
      number: submit.destinations.join(','),
      key: key.toString(36),
      ...(time > 0 && { time }),
      code,
      ...(code === 0 && { id: shownId(id) }),
      ...(rules.length > 0 && { rules }),
    });
  }

  // -- Reports ---------------------------------------------------------------------------------------------------

  /**
   * Reports of an accepted submit: one for each destination that asked for one. `words`: those whose outcome is settled.
   * `answeredAt`, `at`: when the first and the final report are due.
   */
  function planReports(
    s: Session,
    book: AccountBook,
    id: string,
    submit: Submit,
    wants: number,
    words: Objection['words'] | undefined,
    submitRegime: Regime,
    lot: Lot,
    submittedAt: number,
    answeredAt: number,
    at: number,
  ): void {
    const { source, destinations } = submit;
    const reported = ruling(submitRegime).bulkReports === 'once' ? 1 : destinations.length;
    for (let k = 0; k < reported; k++) {
      const destination = destinations[k]!;
      const regime = k === 0 ? submitRegime : regimeFor(destination, submitRegime, submittedAt);
      const rules = ruling(regime);
      const word =
        words?.[k] ??
        (rules.numbers.length > 0 ? numberRule(rules, destination)?.state : undefined) ??
        chosen(lot, STATE, rules.reports.states, k);
      if (wants === 2 && word === 'DELIVERED') continue;
      if (wants === 3 && word !== 'DELIVERED') continue;
      if (!chance(lot, REPORT, rules.reports.probability, k)) {
        counts.reportsWithheld++;
        continue;
      }
      const delivery: Delivery = {
        at,
        sequence: 0,
        echo: '',
        book,
        session: s,
        id: centre.protocol.reportId(id, k, rules),
        source,
        destination,
        word,
        submittedAt,
        counted: rules.added.signature === '' ? 1 : countedOf(submit, rules.added, centre.protocol.codingOf),
        regime,
        lot,
        part: undefined,
        settle: undefined,
      };
      const { firstReport, secondReport } = rules;
      if (chance(lot, FIRST_REPORT, firstReport.probability, k)) {
        due.add({ ...delivery, at: answeredAt, word: firstReport.state });
      }
      if (chance(lot, SECOND_REPORT, secondReport.probability, k)) {
        const after = delayOf(secondReport.delay, lot, SECOND_DELAY, k);
        // Behind the one that counts, in its millisecond too.
        due.add({ ...delivery, at: at + Math.max(after, 1), word: secondReport.state });
      }
      if (at <= submittedAt) deliveries.enqueue(delivery);
      else due.add(delivery);
      const { duplicateReport } = rules;
      if (!chance(lot, DUPLICATE, duplicateReport.probability, k)) continue;
      let again = at;
      for (let time = 1; time <= duplicateReport.times; time++) {
        counts.reportsDuplicated++;
        again += delayOf(duplicateReport.delay, lot, DUPLICATE_DELAY, k * duplicateReport.times + time);
        due.add({ ...delivery, at: again });
      }
    }
  }

  function reportDue(d: Delivery): void {
    const { within, wait } = ruling(d.regime).shuffleReports;
    if (within > 1 && d.part === undefined) shuffle.add(d, within, wait);
    else deliveries.enqueue(d);
  }

  /** The rules for a further destination of the submit that is being taken. */
  function regimeFor(destination: string, first: Regime, at: number): Regime {
    if (!rulebook.some) return first;
    submitEvent.to(destination);
    return rulebook.of(submitEvent, at);
  }

  function inject(mo: Mo): Promise<number> {
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
          id: centre.protocol.nextId(1, base.behaviour),
          source: mo.to,
          destination: mo.from,
          word: '',
          submittedAt: now(),
          counted: 1,
          regime: base,
          lot: lotOf(base.behaviour.seed, ++mos, 1),
          part,
          settle,
        });
      }
    });
  }

  // -- Sessions --------------------------------------------------------------------------------------------------

  function regimeOf(s: Session, kind: 'login' | 'connection', book: AccountBook | undefined): Regime {
    if (!rulebook.some) return base;
    const event: Event = {
      kind,
      account: book?.account.name,
      session: s.ordinal,
      number: undefined,
      source: undefined,
      text: () => undefined,
      lot: () => s.lot,
    };
    return rulebook.of(event, now());
  }

  function closed(s: Session): void {
    sessions.delete(s);
    tap.leave(s.peer);
    const { book } = s;
    if (book === undefined) return;
    s.book = undefined;
    book.sessions.splice(book.sessions.indexOf(s), 1);
    const { linger } = ruling(s.regime).sessionLimit;
    if (linger > 0 && !s.parted && s.dialled === undefined) book.ghosts.push(now() + linger);
    for (const d of s.kept ?? []) book.waiting.push(d);
    // What was not answered comes again, on another session or after the next login.
    deliveries.repeat(s, book, Infinity);
    deliveries.pump(book);
  }

  /** Whether the frame is to be read now; if not, it is read later, or never. */
  function heard(s: Session, b: Buffer, start: number, end: number, rules: Behaviour): boolean {
    const wait = hearing(b.readUInt32BE(start + 4), centre.protocol, rules, s.lot, s.frames);
    if (wait === 0) return true;
    if (wait === Infinity) {
      counts.unheard++;
      centre.fault(s, 'unheard request');
      return false;
    }
    const frame = Buffer.from(b.subarray(start, end));
    later(wait, () => {
      if (!s.peer.closed) s.speaker.onFrame(frame, 0, frame.length);
    });
    return false;
  }

  function fallSilent(s: Session, ms: number): void {
    counts.halfOpened++;
    s.peer.hush();
    if (ms === 0) return;
    later(ms, () => {
      if (!s.peer.socket.destroyed) s.peer.cut();
    });
  }

  function look(): void {
    const at = now();
    clock.coarse = at;
    for (const s of sessions) {
      const { book } = s;
      if (book === undefined) continue;
      const { redeliver, probe } = ruling(s.regime);
      deliveries.repeat(s, book, at - redeliver.unanswered);
      if (probe.every > 0 && at - s.lastProbeAt >= probe.every) {
        s.lastProbeAt = at;
        if (!s.heard) s.speaker.probe(deliveries.nextSequence(s));
        s.heard = false;
      }
      deliveries.pump(book);
    }
    // Whom nobody serves: protocols that dial try again.
    for (const book of accountBooks.values()) {
      if (book.head < book.waiting.length || book.held.length > 0) deliveries.pump(book);
    }
  }

  /** When it is worth looking again, for a clock that leaps. */
  function nextLook(): number {
    let next = Infinity;
    for (const s of sessions) {
      if (s.book === undefined) continue;
      const { redeliver, probe } = ruling(s.regime);
      if (probe.every > 0) next = Math.min(next, s.lastProbeAt + probe.every);
      if (s.inFlight === 0) continue;
      for (const d of s.flight) if (d !== undefined) next = Math.min(next, d.at + redeliver.unanswered);
    }
    for (const book of accountBooks.values()) {
      if (book.head < book.waiting.length || book.held.length > 0) next = Math.min(next, now() + LOOK_MS);
    }
    return next;
  }

  // -- Changes ---------------------------------------------------------------------------------------------------

  /** Does what a step says, whoever asked for it. Throws RangeError for what is none, before anything is done. */
  function apply({ change, addRule, removeRule, mo, drop }: Omit<Step, 'at' | 'afterSubmits'>): void {
    clock.coarse = now();
    if (change !== undefined) rulebook.change(change);
    if (addRule !== undefined) {
      rulebook.add(addRule);
      for (const s of sessions) s.regime = regimeOf(s, s.book === undefined ? 'connection' : 'login', s.book);
    }
    if (removeRule !== undefined) rulebook.remove(removeRule);
    enter('change', undefined, {
      ...(change !== undefined && { change }),
      ...(addRule !== undefined && { addRule }),
      ...(removeRule !== undefined && { removeRule }),
      ...(mo !== undefined && { mo }),
      ...(drop !== undefined && { drop }),
    });
    if (mo !== undefined) void inject(mo);
    if (drop === true) for (const s of sessions) s.peer.cut();
    for (const book of accountBooks.values()) deliveries.pump(book);
  }

  const wait = (ms: number, then: () => void): (() => void) => labClock.wake(now() + ms, then);
  const tap = createTap();

  const centre: Centre = {
    books,
    sessions,
    tap,
    now,
    protocol: undefined as unknown as Protocol,
    get behaviour() {
      return base.behaviour;
    },
    get rules() {
      return rulebook.rules;
    },
    ruling,
    get taken() {
      return taken;
    },
    get recorded() {
      return schedule.recorded;
    },
    change(change) {
      apply({ change });
      schedule.record({ change }, counts.submits);
    },
    addRule(rule) {
      apply({ addRule: rule });
      schedule.record({ addRule: rule }, counts.submits);
    },
    removeRule(name) {
      if (!rulebook.rules.some((rule) => rule.name === name)) return false;
      apply({ removeRule: name });
      schedule.record({ removeRule: name }, counts.submits);
      return true;
    },
    fault(s, what) {
      if (log !== undefined) enter('fault', s, { fault: what });
    },
    find: (name) => accountBooks.get(name),
    accept(socket, dialled) {
      counts.connections++;
      labClock.heard();
      const events: PeerEvents = {
        onFrame(b, start, end) {
          s.frames++;
          s.heard = true;
          labClock.heard();
          const rules = ruling(s.regime);
          const { slow } = rules;
          if (slow.every > 0 && s.frames % slow.every === 0) peer.pause(slow.pause);
          if (!mishears(rules) || heard(s, b, start, end, rules)) s.speaker.onFrame(b, start, end);
        },
        onFault() {
          counts.malformed++;
          s.speaker.lost?.();
        },
        onClose: () => closed(s),
      };
      const shape = () => {
        const rules = ruling(s.regime);
        return rules.split.octets > 0 || rules.glue.frames > 1 ? rules : undefined;
      };
      const peer = createPeer(socket, centre.protocol.frame, events, shape, wait);
      const { seed, deliverWindow } = base.behaviour;
      const s: Session = {
        peer,
        ordinal: counts.connections,
        lot: lotOf(seed, counts.connections, 0),
        regime: base,
        dialled,
        book: undefined,
        receives: false,
        frames: 0,
        submits: 0,
        unanswered: 0,
        sequence: 0,
        heard: false,
        lastProbeAt: now(),
        parted: false,
        kept: undefined,
        flight: new Array<Delivery | undefined>(flightPlaces(deliverWindow)).fill(undefined),
        inFlight: 0,
        speaker: undefined as unknown as Speaker,
      };
      s.regime = regimeOf(s, 'connection', undefined);
      s.speaker = centre.protocol.speak(s);
      sessions.add(s);
      tap.join(peer, dialled !== undefined);
      return s;
    },
    admit(s, book, receives) {
      const { codes } = centre.protocol;
      clock.coarse = now();
      s.regime = regimeOf(s, 'login', book);
      const rules = ruling(s.regime);
      const { refuseBind } = rules;
      const code = refusal(rules, book, codes, now());
      if (code !== 0) return code;
      if (chance(s.lot, REFUSE_BIND, refuseBind.probability)) return refuseBind.code || codes.bindFailed;
      counts.binds++;
      s.book = book;
      s.receives = receives;
      book.sessions.push(s);
      return 0;
    },
    opened(s) {
      if (log !== undefined) enter('login', s, { account: s.book?.account.name, code: 0 });
      if (s.book !== undefined) deliveries.pump(s.book);
    },
    joined(s, book) {
      s.book = book;
      s.regime = regimeOf(s, 'login', book);
      s.receives = true;
      book.sessions.push(s);
      if (log !== undefined) enter('login', s, { account: book.account.name, dialled: true });
      deliveries.pump(book);
    },
    refused(s) {
      counts.bindsRefused++;
      if (log !== undefined) enter('login', s, { refused: true });
      s.peer.end();
    },
    parted(s) {
      s.parted = true;
      s.peer.end();
    },
    submit(s, submit) {
      labClock.submitted();
      const id = take(s, submit);
      if (counts.submits >= schedule.next) schedule.submitted(counts.submits);
      return id;
    },
    answered: deliveries.answered,
    waiting(id) {
      const is = (d: Delivery): boolean => d.id === id && d.part === undefined;
      const item = due.find((x) => 'word' in x && is(x)) as Delivery | undefined;
      if (item !== undefined) return item;
      for (const { waiting, head, held } of accountBooks.values()) {
        for (let k = head; k < waiting.length; k++) if (is(waiting[k]!)) return waiting[k];
        const found = held.find(is);
        if (found !== undefined) return found;
      }
      for (const book of accountBooks.values()) {
        const found = shuffle.of(book).find(is);
        if (found !== undefined) return found;
      }
      for (const s of sessions) {
        const found = s.kept?.find(is);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    inject(mo) {
      const sent = inject(mo);
      enter('change', undefined, { mo });
      schedule.record({ mo }, counts.submits);
      return sent;
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
      for (const s of sessions) sum.waiting += s.kept?.length ?? 0;
      for (const book of accountBooks.values()) {
        sum.waiting += book.waiting.length - book.head + book.held.length + shuffle.of(book).length;
      }
      return sum;
    },
    dropAll() {
      apply({ drop: true });
      schedule.record({ drop: true }, counts.submits);
    },
    stop() {
      labClock.stop();
      due.stop();
      for (const s of sessions) s.peer.socket.destroy();
      log?.close();
    },
  };
  (centre as { protocol: Protocol }).protocol = makeProtocol(centre);
  const schedule = createSchedule(setting.schedule, labClock, apply);
  labClock.watch(LOOK_MS, look, nextLook);
  return centre;
}
