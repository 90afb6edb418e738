import { connect, type Socket } from 'node:net';
import { WireFault } from '../protocols/wire/fault.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { createBookWriter } from './book-file.ts';
import { createBreaches } from './breaches.ts';
import { createExpectations } from './expectations.ts';
import { createLoadFigures } from './load-figures.ts';
import type { Load, LoadOptions } from './load-options.ts';
import { createMoCheck } from './mo-check.ts';
import { createNumberPlan } from './number-plan.ts';
import { createPeer, type Peer } from './peer.ts';
import { createPlatformBooks } from './platform-books.ts';
import type { Inbox, PlatformLink, PlatformSpeaker } from './platform-protocol.ts';
import { platformProtocol } from './platform-versions.ts';
import { printableId } from './printable-id.ts';
import { createSubmitWindow, type SubmitWindow } from './submit-window.ts';
import { createSubmits } from './submits.ts';
import { createTurnClock } from './turn-clock.ts';
import type { Verdict } from './verdict.ts';

/** How often the load looks for what did not come. */
const LOOK_MS = 100;
const ENQUIRE_MS = 20_000;
const THROTTLE_MS = 100;

interface Bind {
  readonly index: number;
  readonly open: SubmitWindow;
  peer: Peer | undefined;
  speaker: PlatformSpeaker | undefined;
  bound: boolean;
  everBound: boolean;
  /** Sequence of the last answer, where answers must be in order. */
  lastAnswered: number;
  holdUntil: number;
  backoff: number;
  lastSent: number;
}

/** A platform that submits, and books every answer and every receipt. */
export function createLoad(options: LoadOptions): Load {
  const {
    host = '127.0.0.1',
    port,
    count,
    texts,
    binds: bindCount = 1,
    window = 100,
    source = '10690000',
    firstNumber = 8613800000000,
    seed = 1,
    ordered = {},
    now = createTurnClock(),
    receipts: wantsReceipts = true,
    long = 'udh',
    resubmit = false,
    retryThrottled = false,
    responseTimeout = 60_000,
    receiptTimeout = 10_000,
    reconnectFor = 60_000,
  } = options;
  if (texts.length === 0) throw new RangeError('platform: no texts; give at least one');
  if (!(Number.isInteger(count) && count > 0))
    throw new RangeError(`platform: count is ${count}; give how many messages to submit`);
  if (!(window > 0 && bindCount > 0)) throw new RangeError('platform: window and binds must be at least 1');

  const protocol = platformProtocol(options.protocol ?? 'smpp', options.version, {
    name: options.systemId,
    secret: options.password,
    source,
    receipts: wantsReceipts,
  });
  if (long === 'payload' && options.protocol !== undefined && options.protocol !== 'smpp')
    throw new RangeError('platform: only SMPP has message_payload; use udh');
  const { codings, otherCodings, lastSequence } = protocol;
  const plan = createSubmits(texts, count, long, codings, [...codings, ...otherCodings]);
  const { total, messageOf } = plan;
  const numbers = options.numbers ?? createNumberPlan({ first: firstNumber });
  const arrivals = arrivalsOf(options, seed);
  const figures = createLoadFigures();
  const breaches = createBreaches(options.named);
  const mos = createMoCheck(breaches, options.expectMos);
  const expected = createExpectations(options.expect ?? []);
  const file =
    options.book === undefined
      ? undefined
      : createBookWriter(options.book, {
          book: 'platform',
          protocol: options.protocol ?? 'smpp',
          account: options.systemId,
          receipts: wantsReceipts,
        });
  const books = createPlatformBooks({ plan, count, numbers, wantsReceipts, figures, breaches, expected, file });
  const { counts } = books;
  /** Parts to be submitted again, before new ones. */
  const again: number[] = [];
  let next = 0;
  let allowed = plan.partOf(Math.min(count, options.allowed ?? count));
  let away = false;
  let startedAt = 0;
  /** When `next` is due, in an open loop; NaN until it is asked for. */
  let nextDueAt = Number.NaN;

  let lastEventAt = 0;
  let lastBoundAt = 0;
  let stopped = false;
  let finished = false;
  let look: NodeJS.Timeout | undefined;
  let pace: NodeJS.Timeout | undefined;
  let lastFault = '';
  let resolve: (v: Verdict) => void = () => undefined;
  let reject: (e: Error) => void = () => undefined;
  const done = new Promise<Verdict>((yes, no) => {
    resolve = yes;
    reject = no;
  });

  // -- Submitting --------------------------------------------------------------------------------------------------
  const binds: Bind[] = Array.from({ length: bindCount }, (_, index) => ({
    index,
    open: createSubmitWindow(window, lastSequence),
    peer: undefined,
    speaker: undefined,
    bound: false,
    everBound: false,
    lastAnswered: 0,
    holdUntil: 0,
    backoff: 50,
    lastSent: 0,
  }));

  /** Fills the window of a bind. */
  function pump(bind: Bind, at: number): void {
    const { peer, speaker } = bind;
    if (peer === undefined || speaker === undefined || !bind.bound || peer.closed || !peer.clear || at < bind.holdUntil)
      return;
    const { open } = bind;
    while (open.inFlight < window) {
      let part: number;
      if (again.length > 0) part = again.pop()!;
      else if (!stopped && next < allowed) {
        if (arrivals === undefined) books.due(next, at);
        else if (!isDue(arrivals, at)) return;
        part = next++;
      } else return;
      const template = plan.template(part);
      const message = messageOf(part);
      if (template.udhi) template.octets[3] = message;
      bind.lastSent = at;
      books.submitted(part, at);
      speaker.submit(template, numbers(message), open.open(part, at));
    }
  }

  /** Whether the next part is due in the open loop, and if so, since when. */
  function isDue({ next: arrive, whole }: OpenLoop, at: number): boolean {
    if (Number.isNaN(nextDueAt)) nextDueAt = startedAt + arrive();
    if (nextDueAt > at) return false;
    books.due(next, nextDueAt);
    // The parts of a message are due together.
    const { part, parts } = plan.template(next);
    if (!whole || part === parts) nextDueAt = Number.NaN;
    return true;
  }

  // -- Answers -----------------------------------------------------------------------------------------------------
  /** The part that an answer is about, or -1 where nothing waits for it. */
  function answered(bind: Bind, sequence: number): number {
    const part = bind.open.answered(sequence);
    if (part === -1) {
      const late = bind.open.answeredLate(sequence);
      return late === -1 || !books.known(late) ? -1 : late;
    }
    if (ordered.answers === true) {
      const { lastAnswered } = bind;
      // A step back by more than half the way round is a step forward.
      if (sequence < lastAnswered && lastAnswered - sequence < lastSequence / 2) {
        breaches.add('answer out of order', () => ({
          number: numbers(messageOf(part)),
          what: `sequence ${sequence} was answered after ${lastAnswered}`,
        }));
      }
      bind.lastAnswered = sequence;
    }
    return part;
  }

  function linkOf(bind: Bind, peer: Peer): PlatformLink {
    return {
      peer,
      index: bind.index,
      sequence: bind.open.next,
      bound: () => onBound(bind),
      turnedAway(words, final) {
        lastFault = words;
        if (counts.submits === 0 && final) fail();
        peer.end();
      },
      accepted(sequence, id) {
        const part = answered(bind, sequence);
        const at = now();
        if (part !== -1) {
          lastEventAt = at;
          books.acked(part, id, bind.open.answeredSentAt, at);
        }
        pump(bind, at);
      },
      refused(sequence, words, throttled) {
        const part = answered(bind, sequence);
        const at = now();
        if (part !== -1) {
          lastEventAt = at;
          books.refusal(words);
          if (retryThrottled && throttled) {
            bind.holdUntil = at + THROTTLE_MS;
            counts.resubmitted++;
            again.push(part);
          } else books.refused(part, words, bind.open.answeredSentAt, at);
        }
        pump(bind, at);
      },
      ...inbox(),
    };
  }

  /** Of one connection: the order of receipts is a connection's. */
  function inbox(): Inbox {
    let lastPart = -1;
    return {
      receipt(id, state, number) {
        lastEventAt = now();
        const part = books.receipt(id, state, number, lastEventAt);
        if (ordered.receipts !== true || part === -1) return;
        if (part < lastPart) {
          breaches.add('receipt out of order', () => ({
            number,
            id: printableId(id),
            what: `came after that of ${numbers(messageOf(lastPart))}, which was submitted later`,
          }));
        }
        lastPart = part;
      },
      mo(mo) {
        lastEventAt = now();
        counts.mos++;
        mos.add(mo, lastEventAt);
        options.onMo?.(mo);
      },
      unreadable,
    };
  }

  function unreadable(): void {
    counts.unreadable++;
    breaches.add('unreadable', () => ({ what: 'a frame, a receipt or a message that cannot be read' }));
  }

  // -- Binds -------------------------------------------------------------------------------------------------------
  function dial(bind: Bind): void {
    const socket = connect({ host, port });
    const peer = createPeer(socket, protocol.frame, {
      onFrame(b, start, end) {
        try {
          speaker.onFrame(b, start, end);
        } catch (e) {
          if (!(e instanceof WireFault)) throw e;
          unreadable();
        }
      },
      onFault(fault) {
        lastFault = fault.message;
      },
      onClose: () => closed(bind),
    });
    const speaker = protocol.speak(linkOf(bind, peer));
    bind.peer = peer;
    bind.speaker = speaker;
    socket.on('error', (e) => {
      lastFault = e.message;
    });
    socket.once('connect', speaker.login);
  }

  /** The connections that the gateway has opened to us. */
  const heard = new Set<Peer>();

  function onCall(socket: Socket): void {
    const { hear } = protocol;
    if (hear === undefined || away || finished) return void socket.destroy();
    const peer = createPeer(socket, protocol.frame, {
      onFrame(b, start, end) {
        try {
          read(b, start, end);
        } catch (e) {
          if (!(e instanceof WireFault)) throw e;
          unreadable();
        }
      },
      onFault(fault) {
        lastFault = fault.message;
      },
      onClose: () => heard.delete(peer),
    });
    const read = hear(peer, inbox());
    heard.add(peer);
  }

  function onBound(bind: Bind): void {
    const at = now();
    if (bind.everBound) counts.reconnects++;
    bind.everBound = true;
    bind.bound = true;
    bind.backoff = 50;
    lastBoundAt = at;
    lastEventAt = at;
    if (startedAt === 0) startedAt = at;
    books.begin(at);
    pump(bind, at);
  }

  function closed(bind: Bind): void {
    bind.bound = false;
    bind.peer = undefined;
    bind.speaker = undefined;
    bind.lastAnswered = 0;
    lastBoundAt = now();
    bind.open.clear(giveUp);
    if (finished || away) return;
    setTimeout(() => {
      if (!finished && !away && bind.peer === undefined) dial(bind);
    }, bind.backoff);
    bind.backoff = Math.min(bind.backoff * 2, 1000);
  }

  /** A part without an answer. */
  function giveUp(part: number): void {
    books.missed(part);
    if (resubmit && !finished) {
      counts.resubmitted++;
      again.push(part);
      return;
    }
    books.unknown(part);
  }

  // -- The end -----------------------------------------------------------------------------------------------------
  function onLook() {
    const at = now();
    let bound = 0;
    for (const bind of binds) {
      if (!bind.bound || bind.peer === undefined) continue;
      bound++;
      bind.open.giveUp(at - responseTimeout, (part) => {
        lastEventAt = at;
        giveUp(part);
      });
      if (at - bind.lastSent > ENQUIRE_MS) {
        bind.lastSent = at;
        bind.speaker?.probe();
      }
      pump(bind, at);
    }
    if (bound > 0 || away) lastBoundAt = at;
    else if (at - lastBoundAt > reconnectFor) return counts.submits === 0 ? fail() : finish();
    const open = stopped ? binds.some((x) => x.open.inFlight > 0) || again.length > 0 : books.settled < total;
    if (open) return;
    // Where an answer was missed, a late one or a receipt that shows what became of it may still come.
    const missing =
      (wantsReceipts ? counts.acked - counts.receipted : 0) + Math.max(0, (options.expectMos ?? 0) - mos.whole);
    if ((missing <= 0 && counts.missed === 0) || at - lastEventAt > receiptTimeout) finish();
  }

  function logOut(): void {
    for (const bind of binds) {
      if (bind.peer === undefined) continue;
      if (bind.bound) bind.speaker?.logout();
      bind.peer.end();
    }
    for (const peer of heard) peer.end();
  }

  function close(): void {
    finished = true;
    clearInterval(look);
    clearInterval(pace);
    options.callback?.off('connection', onCall);
    logOut();
  }

  function fail(): void {
    if (finished) return;
    close();
    file?.close();
    reject(
      new Error(
        `platform: no bind at ${host}:${port} (${lastFault || 'no answer'}); check address, account and password`,
      ),
    );
  }

  function finish(): void {
    if (finished) return;
    finished = true;
    for (const bind of binds) bind.open.clear(giveUp);
    for (const part of again) if (books.wasMissed(part)) books.unknown(part);
    close();
    mos.end();
    const verdict = books.verdict(now());
    try {
      file?.close();
      resolve(verdict);
    } catch (e) {
      reject(new Error(`platform: the book ${options.book} could not be written: ${(e as Error).message}`));
    }
  }

  return {
    done,
    figures,
    start() {
      lastBoundAt = now();
      lastEventAt = lastBoundAt;
      options.callback?.on('connection', onCall);
      for (const bind of binds) dial(bind);
      look = setInterval(onLook, LOOK_MS);
      if (arrivals !== undefined) {
        pace = setInterval(() => {
          const at = now();
          for (const bind of binds) pump(bind, at);
        }, 1);
      }
    },
    get progress() {
      return {
        parts: total,
        submitted: next,
        allowed,
        settled: books.settled,
        acked: counts.acked,
        receipted: counts.receipted,
        bound: binds.filter((x) => x.bound).length,
      };
    },
    allow(messages) {
      allowed = plan.partOf(Math.min(count, messages));
      for (const bind of binds) pump(bind, now());
    },
    leave() {
      away = true;
      logOut();
    },
    comeBack() {
      away = false;
      for (const bind of binds) if (bind.peer === undefined) dial(bind);
    },
    stop() {
      if (stopped) return finish();
      stopped = true;
    },
  };
}

/** `whole`: the parts of a message come together; else each part is an arrival. */
interface OpenLoop {
  readonly next: Arrivals;
  readonly whole: boolean;
}

function arrivalsOf({ arrival, rate = 0 }: LoadOptions, seed: number): OpenLoop | undefined {
  if (arrival !== undefined) return { next: createArrivals(arrival, seed), whole: true };
  if (rate === 0) return undefined;
  return { next: createArrivals({ law: 'constant', rate }, seed), whole: false };
}
