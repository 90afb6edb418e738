import { connect, type Server, type Socket } from 'node:net';
import { WireFault } from '../protocols/wire/fault.ts';
import { createPeer, type Peer } from './peer.ts';
import { createPlatformBooks } from './platform-books.ts';
import type {
  Inbox,
  PlatformLink,
  PlatformProtocol,
  PlatformSetup,
  PlatformSpeaker,
  ReceivedMo,
} from './platform-protocol.ts';
import { cmppPlatform } from './platforms/cmpp.ts';
import { sgipPlatform } from './platforms/sgip.ts';
import { smgpPlatform } from './platforms/smgp.ts';
import { smppPlatform } from './platforms/smpp.ts';
import { createSubmits } from './submits.ts';
import type { Verdict } from './verdict.ts';

type PlatformKind = 'smpp' | 'cmpp' | 'sgip' | 'smgp';

export interface LoadOptions {
  readonly host?: string;
  readonly port: number;
  /** Default: smpp. */
  readonly protocol?: PlatformKind;
  /** SMPP 3.4; CMPP 2.0 (default), 2.1, 3.0; SGIP 1.2; SMGP 3.0 (default), 1.3. */
  readonly version?: string;
  /** The account: SMPP system_id, CMPP SP_Id, SGIP login name, SMGP ClientID. */
  readonly systemId: string;
  /** Its password, or shared secret. */
  readonly password: string;
  /** Messages to submit; one that is longer than a part takes several submits. */
  readonly count: number;
  /** Sent in turn, each in the protocol's plainest coding that holds it, else UCS-2. */
  readonly texts: readonly string[];
  /** Connections that submit and receive. Default 1. */
  readonly binds?: number;
  /** Most unanswered submits of a bind. Default 100. */
  readonly window?: number;
  /** Submits a second, whatever the answers do; latency then counts from when a submit was due. 0 (default): as the windows allow. */
  readonly rate?: number;
  readonly source?: string;
  /** Each message goes to a number of its own, counted up from this one. Default 8613800000000. */
  readonly firstNumber?: number;
  /** Ask for receipts and wait for them. Default true. */
  readonly receipts?: boolean;
  /** A long text goes in parts with a header (default), or whole in message_payload (SMPP). */
  readonly long?: 'udh' | 'payload';
  /** Submit again what was cut off without an answer. Default false: it stays unknown. */
  readonly resubmit?: boolean;
  /** Submit again, a little later, what was refused as too fast. Default false. */
  readonly retryThrottled?: boolean;
  /** A submit without an answer for so many milliseconds is unknown. Default 60,000. */
  readonly responseTimeout?: number;
  /** When nothing more has come for so many milliseconds, the missing receipts are lost. Default 10,000. */
  readonly receiptTimeout?: number;
  /** Gives up when no bind could be had for so many milliseconds. Default 60,000. */
  readonly reconnectFor?: number;
  /** SGIP: where the gateway dials us with receipts and MO, with our own name and password; listening already. */
  readonly callback?: Server;
  /** Submits no more than so many messages until `allow` gives more. Default: all. */
  readonly allowed?: number;
  /** A message from a handset came, or a part of one. */
  readonly onMo?: (mo: ReceivedMo) => void;
}

interface Progress {
  readonly parts: number;
  readonly submitted: number;
  /** How many it may submit for now. */
  readonly allowed: number;
  readonly settled: number;
  readonly acked: number;
  readonly receipted: number;
  readonly bound: number;
}

export interface Load {
  start(): void;
  readonly progress: Progress;
  /** Rejects when there never was a bind: wrong password, nobody there. */
  readonly done: Promise<Verdict>;
  /** Lets it submit so many messages in all. */
  allow(messages: number): void;
  /** Logs out and stays away. */
  leave(): void;
  /** Logs in again. */
  comeBack(): void;
  /** Submits no more and waits for what is due; the second time for nothing. */
  stop(): void;
}

/** How often the load looks for what did not come. */
const LOOK_MS = 100;
const ENQUIRE_MS = 20_000;
const THROTTLE_MS = 100;

interface Bind {
  readonly index: number;
  peer: Peer | undefined;
  speaker: PlatformSpeaker | undefined;
  bound: boolean;
  everBound: boolean;
  sequence: number;
  inFlight: number;
  /** By sequence & mask: the part, or -1. */
  readonly parts: Int32Array;
  readonly sequences: Uint32Array;
  readonly sentAt: Float64Array;
  /** Parts given up by the sequence that may still be answered. */
  readonly late: Map<number, number>;
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
    rate = 0,
    source = '10690000',
    firstNumber = 8613800000000,
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

  const now = (): number => performance.now();
  const protocol = protocolOf(options, {
    name: options.systemId,
    secret: options.password,
    source,
    receipts: wantsReceipts,
  });
  const { lastSequence } = protocol;
  if (long === 'payload' && options.protocol !== undefined && options.protocol !== 'smpp')
    throw new RangeError('platform: only SMPP has message_payload; use udh');
  const plan = createSubmits(texts, count, long, protocol.codings);
  const { total, messageOf } = plan;
  const books = createPlatformBooks(plan, count, firstNumber, wantsReceipts);
  const { counts } = books;
  /** Parts to be submitted again, before new ones. */
  const again: number[] = [];
  let next = 0;
  let allowed = plan.partOf(Math.min(count, options.allowed ?? count));
  let away = false;
  let startedAt = 0;

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
  let slots = 16;
  while (slots < window * 2) slots *= 2;
  const binds: Bind[] = Array.from({ length: bindCount }, (_, index) => ({
    index,
    peer: undefined,
    speaker: undefined,
    bound: false,
    everBound: false,
    sequence: 0,
    inFlight: 0,
    parts: new Int32Array(slots).fill(-1),
    sequences: new Uint32Array(slots),
    sentAt: new Float64Array(slots),
    late: new Map(),
    holdUntil: 0,
    backoff: 50,
    lastSent: 0,
  }));
  function nextSequence(bind: Bind): number {
    do {
      bind.sequence = bind.sequence === lastSequence ? 1 : bind.sequence + 1;
    } while (bind.parts[bind.sequence & (slots - 1)] !== -1);
    return bind.sequence;
  }

  /** Fills the window of a bind. */
  function pump(bind: Bind, at: number): void {
    const { peer, speaker } = bind;
    if (peer === undefined || speaker === undefined || !bind.bound || peer.closed || !peer.clear || at < bind.holdUntil)
      return;
    while (bind.inFlight < window) {
      let part: number;
      if (again.length > 0) part = again.pop()!;
      else if (!stopped && next < allowed) {
        const dueAt = rate > 0 ? startedAt + (next * 1000) / rate : at;
        if (dueAt > at) return;
        books.due(next, dueAt);
        part = next++;
      } else return;
      submitPart(bind, speaker, part, at);
    }
  }

  function submitPart(bind: Bind, speaker: PlatformSpeaker, part: number, at: number): void {
    const template = plan.template(part);
    const message = messageOf(part);
    if (template.udhi) template.octets[3] = message;
    const sequence = nextSequence(bind);
    const slot = sequence & (slots - 1);
    bind.parts[slot] = part;
    bind.sequences[slot] = sequence;
    bind.sentAt[slot] = at;
    bind.inFlight++;
    bind.lastSent = at;
    counts.submits++;
    speaker.submit(template, String(firstNumber + message), sequence);
  }

  // -- Answers -----------------------------------------------------------------------------------------------------
  /** The part that an answer is about, or -1 where nothing waits for it. */
  function answered(bind: Bind, sequence: number): number {
    const slot = sequence & (slots - 1);
    let part = bind.parts[slot]!;
    if (part === -1 || bind.sequences[slot] !== sequence) {
      const late = bind.late.get(sequence);
      if (late === undefined) return -1;
      bind.late.delete(sequence);
      if (!books.known(late)) return -1;
      part = late;
    } else {
      bind.parts[slot] = -1;
      bind.inFlight--;
    }
    return part;
  }

  function linkOf(bind: Bind, peer: Peer): PlatformLink {
    return {
      peer,
      index: bind.index,
      sequence: () => nextSequence(bind),
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
          books.acked(part, id, at);
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
          } else books.refused(part);
        }
        pump(bind, at);
      },
      ...inbox,
    };
  }

  const inbox: Inbox = {
    receipt(id, state, number) {
      lastEventAt = now();
      books.receipt(id, state, number, lastEventAt);
    },
    mo(mo) {
      lastEventAt = now();
      counts.mos++;
      options.onMo?.(mo);
    },
    unreadable() {
      counts.unreadable++;
    },
  };

  // -- Binds -------------------------------------------------------------------------------------------------------
  function dial(bind: Bind): void {
    const socket = connect({ host, port });
    const peer = createPeer(socket, protocol.frame, {
      onFrame(b, start, end) {
        try {
          speaker.onFrame(b, start, end);
        } catch (e) {
          if (!(e instanceof WireFault)) throw e;
          counts.unreadable++;
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
          counts.unreadable++;
        }
      },
      onFault(fault) {
        lastFault = fault.message;
      },
      onClose: () => heard.delete(peer),
    });
    const read = hear(peer, inbox);
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
    bind.late.clear();
    lastBoundAt = now();
    for (let slot = 0; slot < slots; slot++) {
      const part = bind.parts[slot]!;
      if (part === -1) continue;
      bind.parts[slot] = -1;
      giveUp(part);
    }
    bind.inFlight = 0;
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
      if (bind.inFlight > 0) {
        for (let slot = 0; slot < slots; slot++) {
          const part = bind.parts[slot]!;
          if (part === -1 || at - bind.sentAt[slot]! < responseTimeout) continue;
          bind.late.set(bind.sequences[slot]!, part);
          bind.parts[slot] = -1;
          bind.inFlight--;
          lastEventAt = at;
          giveUp(part);
        }
      }
      if (at - bind.lastSent > ENQUIRE_MS) {
        bind.lastSent = at;
        bind.speaker?.probe();
      }
      pump(bind, at);
    }
    if (bound > 0 || away) lastBoundAt = at;
    else if (at - lastBoundAt > reconnectFor) return counts.submits === 0 ? fail() : finish();
    const open = stopped ? binds.some((x) => x.inFlight > 0) || again.length > 0 : books.settled < total;
    if (open) return;
    // Where an answer was missed, a late one or a receipt that shows what became of it may still come.
    const expected = wantsReceipts ? counts.acked - counts.receipted : 0;
    if ((expected <= 0 && counts.missed === 0) || at - lastEventAt > receiptTimeout) finish();
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
    reject(
      new Error(
        `platform: no bind at ${host}:${port} (${lastFault || 'no answer'}); check address, account and password`,
      ),
    );
  }

  function finish(): void {
    if (finished) return;
    for (const bind of binds) {
      for (const part of bind.parts) {
        if (part === -1) continue;
        books.missed(part);
        books.unknown(part);
      }
    }
    for (const part of again) if (books.wasMissed(part)) books.unknown(part);
    close();
    resolve(books.verdict());
  }

  return {
    done,
    start() {
      lastBoundAt = now();
      lastEventAt = lastBoundAt;
      options.callback?.on('connection', onCall);
      for (const bind of binds) dial(bind);
      look = setInterval(onLook, LOOK_MS);
      if (rate > 0) {
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

function protocolOf({ protocol = 'smpp', version }: LoadOptions, setup: PlatformSetup): PlatformProtocol {
  const versions = SPEAKS[protocol];
  const speaks = version === undefined ? Object.values(versions)[0] : versions[version];
  if (speaks === undefined) {
    const known = Object.keys(versions).join(', ');
    throw new RangeError(`platform: no ${protocol} version ${version}; give one of ${known}`);
  }
  return speaks(setup);
}

/** By protocol and version; the first version is the default. */
const SPEAKS: Readonly<Record<PlatformKind, Readonly<Record<string, (setup: PlatformSetup) => PlatformProtocol>>>> = {
  smpp: { '3.4': smppPlatform },
  cmpp: {
    '2.0': (setup) => cmppPlatform(setup, 0x20),
    '2.1': (setup) => cmppPlatform(setup, 0x21),
    '3.0': (setup) => cmppPlatform(setup, 0x30),
  },
  sgip: { '1.2': sgipPlatform },
  smgp: { '3.0': (setup) => smgpPlatform(setup, 0x30), '1.3': (setup) => smgpPlatform(setup, 0x13) },
};
