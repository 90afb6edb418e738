import { WireFault } from '../../protocols/wire/fault.ts';
import { latin1, putLatin1 } from '../../protocols/wire/octets.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { Clock } from '../base/clock.ts';
import type { Histogram } from '../base/histogram.ts';
import type { Pump, Turn } from '../base/turn.ts';
import type { Timer, Wheel } from '../base/wheel.ts';
import {
  type BindClaim,
  type BindCredentials,
  type BindFailure,
  type BindRequest,
  type BindVerdict,
  type Dialect,
  isForeign,
  type Operation,
  type Operations,
  type Ready,
  type WideSequence,
} from './dialect.ts';
import type { Link, Receiver } from './link.ts';
import {
  IDLE,
  type Mode,
  type Session,
  type SessionCounters,
  type SessionOwner,
  type SessionState,
} from './session.ts';
import { SUCCESSORS, senderBit } from './states.ts';
import type { Tap } from './tap.ts';
import { type Counter, Window } from './window.ts';

/** What a session logs to: pino's logger fits. One line per event of a session, none per message. */
export interface SessionLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SessionDeps<T> {
  readonly clock: Clock;
  readonly wheel: Wheel;
  readonly turn: Turn;
  readonly owner: SessionOwner<T>;
  readonly log: SessionLog;
  /** Keeps what is said on every session. */
  readonly tap?: Tap | undefined;
}

/** Limits of a session: times in ms. */
export interface SessionLimits {
  /** From the first octet of the connection to a bind. */
  readonly bindTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** Silence after which the peer is probed; 0 probes never. */
  readonly keepaliveMs: number;
  /** Unanswered probes in a row that end the session. */
  readonly misses: number;
  /** Time without a request in either direction after which we say goodbye; left out or 0: never. */
  readonly idleCloseMs?: number;
  /** Our node in the sequence numbers of our requests, where the protocol has it there (SGIP 1.2, 3.3). */
  readonly node?: number;
  /** Requests of the peer that may wait for an answer before reading stops. */
  readonly intake: number;
  /** Unreadable PDUs a minute that end the session. */
  readonly badPdus: number;
}

/** Who keeps this session: `listen` or `dial`. Called after the owner. */
export interface Keeper<T> {
  onBound(session: Engine<T>): void;
  onClosed(session: Engine<T>, reason: string, wasBound: boolean): void;
  /** The peer refused our bind, or (`network`) never answered it. */
  onBindFailed?(session: Engine<T>, failure: BindFailure, status: number, reason: string): void;
  onForeign?(session: Engine<T>): void;
}

export interface ServerSide {
  readonly role: 'server';
  readonly systemId: string;
  readonly tlsAuthorized: boolean;
  readonly authenticate: (bind: BindRequest) => Promise<BindVerdict> | BindVerdict;
}
export interface ClientSide {
  readonly role: 'client';
  /** The carrier's name. */
  readonly name: string;
  readonly credentials: BindCredentials;
  readonly window: number;
  readonly tag?: unknown;
}

export interface SessionSetup<T> {
  readonly dialect: Dialect;
  readonly limits: SessionLimits;
  readonly side: ServerSide | ClientSide;
  readonly keeper: Keeper<T>;
  /** Where times from request to answer are counted, shared by the sessions of an owner. */
  readonly rtt?: Histogram;
}

const REFUSED_BINDS = 3;
/** Wait for the answer to our goodbye, and for the last answers that we owe before we answer the peer's (quirk 82). */
const GOODBYE_MS = 2_000;
const DRAIN_MS = 5_000;
/** Share of a new sample in the moving average of the round trip. */
const RTT_SHARE = 0.1;

let sessions = 0;

/**
 * Counter of all wide sequences of this process: they name messages, so no two sessions may share one. It begins by the
 * millisecond, so that a restart within the same second does not repeat the numbers that it has used in it.
 */
let wideCounter: Counter | undefined;

/** One socket's life. A class: its fields are written for every frame. */
export class Engine<T> implements Session<T>, Receiver {
  readonly id = ++sessions;
  readonly role: 'client' | 'server';
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly counters: SessionCounters = createCounters();
  version: number;
  peer = '';
  mode: Mode = 'trx';
  state: SessionState = 'open';
  boundAt = 0;
  tag: unknown = undefined;
  intake = 0;
  rttMs = 0;
  lastSequence = '';
  readonly #dialect: Dialect;
  readonly #wide: WideSequence | undefined;
  /** Wide sequences of the peer's requests that are not answered, by the number that stands for each. */
  readonly #echoes = new Map<number, string>();
  #echo = 0;
  /** Head of our wide sequences in this second. */
  #prefix = '';
  #prefixAt = -1;
  readonly #limits: SessionLimits;
  readonly #side: ServerSide | ClientSide;
  readonly #keeper: Keeper<T>;
  readonly #rtt: Histogram | undefined;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #wheel: Wheel;
  readonly #turn: Turn;
  readonly #owner: SessionOwner<T>;
  readonly #log: SessionLog;
  readonly #window: Window<T>;
  readonly #resumer: Pump;
  readonly #expired: (token: T) => void;
  #operations: Operations;
  /** Bit of the peer's requests in the masks of operations; 0 while it may not send any. */
  #peerBit = 0;
  /** Monotonic time of this turn: read once a chunk, or with the first octets out. */
  #now: number;
  // The owner was refused, or saw no room: tell it when there is some.
  #wanting = false;
  #fullSince = -1;
  #fullMs = 0;
  #held = false;
  // Bind: timer until bound, then goodbye. Life: probes. Expiry: the oldest open request.
  readonly #phase: Timer;
  readonly #life: Timer;
  readonly #expiry: Timer;
  #expiryArmed = false;
  #refusedBinds = 0;
  /** Our bind, as it went out. */
  #sent: Ready | undefined;
  #heard = false;
  #probing = false;
  #misses = 0;
  #lastIn: number;
  #lastRequest: number;
  #badSince = 0;
  #bad = 0;
  #goodbye: 'none' | 'sent' | 'owed' = 'none';
  #goodbyeSequence = 0;
  #closing = '';

  constructor(link: Link, setup: SessionSetup<T>, deps: SessionDeps<T>) {
    const { dialect, side } = setup;
    this.role = side.role;
    this.protocol = dialect.name;
    this.remoteAddress = link.remoteAddress;
    this.remotePort = link.remotePort;
    this.version = side.role === 'client' ? side.credentials.version : dialect.initialVersion;
    this.#dialect = dialect;
    this.#wide = dialect.wide;
    this.#limits = setup.limits;
    this.#side = side;
    this.#keeper = setup.keeper;
    this.#rtt = setup.rtt;
    this.#link = link;
    this.#clock = deps.clock;
    this.#wheel = deps.wheel;
    this.#turn = deps.turn;
    this.#owner = deps.owner;
    this.#log = deps.log;
    this.#operations = dialect.operations(this.version, this.role);
    this.#window = new Window<T>(
      side.role === 'client' ? side.window : 1,
      dialect.firstSequence,
      dialect.lastSequence,
      dialect.wide === undefined ? undefined : counterOf(deps.clock),
    );
    this.#now = deps.wheel.time();
    this.#lastIn = this.#now;
    this.#lastRequest = this.#now;
    this.#resumer = { marked: false, pump: () => this.#resume() };
    this.#expired = (token) => {
      this.counters.expired++;
      this.#owner.onExpired(this, token);
    };
    this.#phase = deps.wheel.timer(() => this.#onPhase());
    this.#life = deps.wheel.timer(() => this.#onLife());
    this.#expiry = deps.wheel.timer(() => this.#onExpiry());
  }

  /** Begins: a server waits for a bind, a client sends one. */
  start(): void {
    const { dialect, side } = { dialect: this.#dialect, side: this.#side };
    this.#link.limit(dialect.maxBeforeBind);
    this.#link.start(this);
    this.#phase.arm(this.#limits.bindTimeoutMs);
    if (side.role === 'server') return;
    this.mode = side.credentials.mode;
    this.tag = side.tag;
    this.#to('binding');
    try {
      this.#sent = dialect.writeBind(side.credentials, this.#clock.now());
      this.#writeReady(this.#sent, this.#window.nextSequence());
    } catch (error) {
      // A secret is read at every attempt: nobody has measured it before.
      if (!(error instanceof WireFault)) throw error;
      this.#bindFailed('refused', 0, `our login cannot be written: ${error.message}`);
    }
  }

  get windowSize(): number {
    return this.#window.size;
  }
  get windowUsed(): number {
    return this.#window.used;
  }
  get room(): number {
    if (this.state !== 'bound' || this.#link.congested) return 0;
    const free = this.#window.size - this.#window.used;
    return free > 0 ? free : 0;
  }
  get fullMs(): number {
    return this.#fullMs + (this.#fullSince < 0 ? 0 : this.#wheel.time() - this.#fullSince);
  }

  request<F extends Fields>(plan: Plan<F>, value: Values<F>, token: T): number {
    const window = this.#window;
    if (this.state !== 'bound' || window.used >= window.size || this.#link.congested) {
      this.counters.refused++;
      this.#wanting = true;
      return -1;
    }
    if (!this.#link.dirty) this.#now = this.#wheel.time();
    const sequence = window.nextSequence();
    this.#write(plan, value, 0, sequence);
    this.#lastRequest = this.#now;
    window.open(sequence, plan.id | 0x80000000, token, this.#now);
    this.counters.requestsOut++;
    if (window.used === window.size) {
      this.#fullSince = this.#now;
      this.#wanting = true;
    }
    if (!this.#expiryArmed) {
      this.#expiryArmed = true;
      this.#expiry.arm(this.#limits.responseTimeoutMs);
    }
    return sequence;
  }

  respond<F extends Fields>(sequence: number, plan: Plan<F>, value: Values<F>, status: number): void {
    if (this.intake > 0) this.intake--;
    if (this.state === 'closed') return;
    this.counters.answersOut++;
    this.#dialect.setStatus(value, status);
    this.#write(plan, value, status, sequence);
    if (this.#held && !this.#mustHold()) this.#turn.mark(this.#resumer);
    if (this.state === 'unbinding') this.#drained();
  }

  notify<F extends Fields>(plan: Plan<F>, value: Values<F>): void {
    if (this.state === 'bound') this.#write(plan, value, 0, this.#window.nextSequence());
  }

  unbind(reason: string, withinMs = DRAIN_MS): void {
    if (this.state === 'closed' || this.state === 'unbinding') return;
    if (this.state !== 'bound') {
      this.close(reason);
      return;
    }
    this.#to('unbinding');
    this.#closing = reason;
    this.#phase.arm(withinMs);
    this.#drained();
  }

  wideSequence(sequence: number): string {
    return this.#echoes.get(sequence) ?? '';
  }

  setWindow(size: number): void {
    this.#window.resize(size);
    this.#offer();
  }

  close(reason: string): void {
    if (this.state === 'closed') return;
    this.#end(reason, true);
  }

  // What the link brings.

  onChunk(): void {
    this.#now = this.#wheel.time();
    this.#lastIn = this.#now;
    this.#heard = true;
  }

  onFrame(b: Buffer, start: number, end: number): boolean {
    if (this.state === 'closed') return false;
    const counters = this.counters;
    counters.framesIn++;
    counters.octetsIn += end - start;
    const dialect = this.#dialect;
    const command = int32(b, start + dialect.commandAt);
    const wide = this.#wide;
    const sequence =
      wide === undefined || command < 0 ? int32(b, start + dialect.sequenceAt) >>> 0 : this.#keep(wide, b, start);
    const operation = this.#operations.byCommand.get(command);
    if (operation === undefined) this.#onUnknown(command, sequence);
    else if (operation.kind === 'request') this.#onRequest(operation, b, start, end, sequence);
    else if (operation.kind === 'answer') this.#onAnswer(operation, b, start, end, sequence);
    else this.#onControl(operation, b, start, end, sequence);
    if (!this.#held && !this.#mustHold()) return true;
    if (!this.#held && (this.state as SessionState) !== 'closed') counters.holds++;
    this.#held = true;
    return false;
  }

  onFraming(fault: WireFault, b: Buffer, at: number): void {
    if (this.state === 'closed') return;
    const dialect = this.#dialect;
    if (this.counters.framesIn === 0 && at >= 0 && isForeign(b, at)) {
      this.#keeper.onForeign?.(this);
      this.#end('the peer speaks another protocol', true);
      return;
    }
    this.counters.faults++;
    const nack = this.#operations.nack;
    if (nack !== undefined) {
      const whole = at >= 0 && b.length - at >= dialect.headerOctets;
      const sequence = whole ? int32(b, at + dialect.sequenceAt) >>> 0 : 0;
      this.#refuse(nack, nack.fill({}), dialect.status.badLength, sequence);
    }
    this.#end(`framing lost: ${fault.reason} (${fault.offset})`, true);
  }

  onDrain(): void {
    if (this.#held && !this.#mustHold()) this.#turn.mark(this.#resumer);
    this.#offer();
  }

  onGone(reason: string): void {
    if (this.state !== 'closed') this.#end(reason, false);
  }

  onError(error: unknown): void {
    this.counters.faults++;
    this.#log.error({ ...this.#who(), err: error }, 'session: an error of ours while handling a frame');
    this.close('an internal error');
  }

  // Frames.

  #onRequest(operation: Operation, b: Buffer, start: number, end: number, sequence: number): void {
    const body = start + this.#dialect.headerOctets;
    if ((operation.senders & this.#peerBit) === 0) {
      const { busy, wrongState } = this.#dialect.status;
      this.counters.badPdus++;
      // After our goodbye the peer's requests are not wrong, only late.
      this.#refuseRequest(operation, this.state === 'unbinding' ? busy : wrongState, sequence, b, body, end);
      return;
    }
    let value: Values<Fields>;
    try {
      value = operation.plan.decode(b, body, end);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      this.#refuseRequest(operation, this.#dialect.faultStatus(error, operation.plan.id), sequence, b, body, end);
      this.#onBad(error);
      return;
    }
    this.intake++;
    this.counters.requestsIn++;
    this.#owner.onRequest(this, operation.plan, value, sequence);
  }

  #onAnswer(operation: Operation, b: Buffer, start: number, end: number, sequence: number): void {
    const { plan } = operation;
    const { headerOctets, statusAt } = this.#dialect;
    const window = this.#window;
    const slot = window.find(sequence);
    let value: Values<Fields> | undefined;
    let fault: WireFault | undefined;
    try {
      value = plan.decode(b, start + headerOctets, end);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      fault = error;
    }
    let status: number | undefined;
    if (statusAt >= 0) {
      status = int32(b, start + statusAt) >>> 0;
      // A positive answer that cannot be read says nothing; of a negative one the status is enough.
      if (value === undefined && status === 0) status = undefined;
    } else if (value !== undefined) status = this.#dialect.statusOf(value);

    if (slot < 0 || window.expects[slot] !== (plan.id | 0)) {
      const token = status === undefined || value === undefined ? undefined : window.takeLate(sequence, plan.id | 0);
      if (token === undefined) this.counters.unmatched++;
      else {
        this.counters.late++;
        this.#owner.onLate(this, token, plan, value!, status!);
      }
    } else if (status === undefined) {
      const token = window.forfeit(slot);
      this.#freed();
      this.#expired(token);
      this.#offer();
    } else {
      this.#settle(slot, plan, value, status);
    }
    if (fault !== undefined) this.#onBad(fault);
    if (this.state === 'unbinding') this.#drained();
  }

  #onControl(operation: Operation, b: Buffer, start: number, end: number, sequence: number): void {
    switch (operation.kind) {
      case 'probe':
        this.#refuse(operation.answer!, operation.answer!.fill({}), 0, sequence);
        return;
      case 'probeAnswer':
        // That something came was counted as life; a wrong sequence in it does not matter (quirk 69).
        return;
      case 'bind':
        this.#onBind(operation, b, start, end, sequence);
        return;
      case 'bindAnswer':
        this.#onBindAnswer(b, start, end);
        return;
      case 'goodbye':
        this.#onGoodbye(operation, sequence, b, start, end);
        return;
      case 'goodbyeAnswer':
        if (this.#goodbye === 'sent') this.#end(this.#closing, true);
        return;
      case 'nack':
        this.#onNack(b, start, sequence);
        return;
      default:
        // A notice: outbind, alert_notification. Nothing is owed for it.
        this.counters.notices++;
        if (this.state === 'bound') this.#onNotice(operation, b, start, end);
    }
  }

  #onNotice(operation: Operation, b: Buffer, start: number, end: number): void {
    if ((operation.senders & this.#peerBit) === 0) return;
    try {
      const value = operation.plan.decode(b, start + this.#dialect.headerOctets, end);
      this.#owner.onNotice?.(this, operation.plan, value);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      this.#onBad(error);
    }
  }

  #onUnknown(command: number, sequence: number): void {
    this.counters.unknown++;
    const { nack } = this.#operations;
    // An answer's number is the peer's choice, and none of those that stand for its requests.
    if (nack === undefined && command >= 0) this.#echoes.delete(sequence);
    // Never answer a response: two that do so never stop (quirk 62).
    if (command < 0 || nack === undefined) return;
    this.#refuse(nack, nack.fill({}), this.#dialect.status.unknownCommand, sequence);
  }

  #onNack(b: Buffer, start: number, sequence: number): void {
    const { statusAt } = this.#dialect;
    const status = statusAt < 0 ? 0 : int32(b, start + statusAt) >>> 0;
    if (this.state === 'binding' && this.role === 'client') {
      this.#bindFailed('refused', status, 'the bind was answered with generic_nack');
      return;
    }
    const slot = this.#window.find(sequence);
    if (slot < 0) {
      if (this.#goodbye === 'sent' && sequence === this.#goodbyeSequence) this.#end(this.#closing, true);
      else this.counters.unmatched++;
      return;
    }
    this.#settle(slot, undefined, undefined, status);
    if (this.state === 'unbinding') this.#drained();
  }

  /** The answer to an open request is here: its slot is free for the next. */
  #settle(slot: number, plan: Plan | undefined, value: Values<Fields> | undefined, status: number): void {
    const elapsed = this.#now - this.#window.sentAt[slot]!;
    const token = this.#window.free(slot);
    this.#freed();
    this.#answered(status, elapsed);
    this.#owner.onAnswer(this, token, plan, value, status, elapsed);
    this.#offer();
  }

  // Binding.

  #onBind(operation: Operation, b: Buffer, start: number, end: number, sequence: number): void {
    const dialect = this.#dialect;
    const body = start + dialect.headerOctets;
    if (this.#side.role === 'client') {
      this.counters.badPdus++;
      this.#refuseRequest(operation, dialect.status.wrongState, sequence, b, body, end);
      return;
    }
    if (this.state !== 'open') {
      this.counters.badPdus++;
      this.#writeReady(dialect.refuseBind(operation, undefined, dialect.status.alreadyBound), sequence);
      return;
    }
    this.#to('binding');
    let claim: BindClaim | number;
    try {
      claim = dialect.readBind(operation, b, body, end);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      this.counters.badPdus++;
      claim = dialect.faultStatus(error, operation.plan.id);
    }
    if (typeof claim === 'number') {
      this.#writeReady(dialect.refuseBind(operation, undefined, claim), sequence);
      this.#end(`a bind that cannot be read was answered with ${claim}`, true);
      return;
    }
    const request: BindRequest = {
      ...claim,
      protocol: dialect.name,
      remoteAddress: this.remoteAddress,
      remotePort: this.remotePort,
      tlsAuthorized: this.#side.tlsAuthorized,
    };
    const read = claim;
    const verdict = this.#judge(request);
    if (!(verdict instanceof Promise)) {
      this.#onVerdict(operation, read, sequence, verdict);
      return;
    }
    // Frames behind the bind wait: `#mustHold` while binding.
    verdict
      .catch((error: unknown): BindVerdict => this.#judgeFailed(error))
      .then((known) => {
        if (this.state !== 'binding') return;
        this.#now = this.#wheel.time();
        this.#onVerdict(operation, read, sequence, known);
        if (this.#held && !this.#mustHold()) this.#turn.mark(this.#resumer);
      })
      .catch((error: unknown) => this.onError(error));
  }

  #judge(request: BindRequest): Promise<BindVerdict> | BindVerdict {
    try {
      return (this.#side as ServerSide).authenticate(request);
    } catch (error) {
      return this.#judgeFailed(error);
    }
  }

  #judgeFailed(error: unknown): BindVerdict {
    this.#log.error({ ...this.#who(), err: error }, 'session: a bind could not be checked');
    return { accept: false, reason: 'busy' };
  }

  #onVerdict(operation: Operation, claim: BindClaim, sequence: number, verdict: BindVerdict): void {
    const dialect = this.#dialect;
    if (verdict.accept) {
      const { systemId } = this.#side as ServerSide;
      // The claim itself where nothing changes: a dialect may know more of it.
      const highest = verdict.version ?? claim.version;
      const agreed = highest < claim.version ? { ...claim, version: highest } : claim;
      this.#writeReady(dialect.acceptBind(operation, agreed, systemId), sequence);
      this.mode = verdict.mode ?? claim.mode;
      if (verdict.tag !== undefined) this.tag = verdict.tag;
      this.#window.resize(verdict.window);
      this.#onBound(verdict.peer, agreed.version);
      return;
    }
    this.#writeReady(dialect.refuseBind(operation, claim, dialect.refusalStatus(verdict.reason)), sequence);
    this.#log.warn({ ...this.#who(), name: claim.name, reason: verdict.reason }, 'session: bind refused');
    this.#refusedBinds++;
    if (dialect.closesOnRefusal || this.#refusedBinds >= REFUSED_BINDS) {
      this.#end(`bind refused: ${verdict.reason}`, true);
    } else this.#to('open');
  }

  #onBindAnswer(b: Buffer, start: number, end: number): void {
    if (this.#side.role !== 'client' || this.state !== 'binding') {
      this.counters.unmatched++;
      return;
    }
    const outcome = this.#dialect.readBindAnswer(this.#side.credentials, this.#sent!, b, start, end);
    if (outcome.ok) {
      if (outcome.remark !== '') this.#log.warn({ ...this.#who(), remark: outcome.remark }, 'session: odd bind answer');
      this.#onBound(this.#side.name, outcome.version);
    } else this.#bindFailed(outcome.failure, outcome.status, outcome.reason);
  }

  #bindFailed(failure: BindFailure, status: number, reason: string): void {
    this.#keeper.onBindFailed?.(this, failure, status, reason);
    this.#end(reason, true);
  }

  #onBound(peer: string, version: number): void {
    this.#phase.cancel();
    this.peer = peer;
    this.version = version;
    this.boundAt = this.#clock.now();
    this.#operations = this.#dialect.operations(version, this.role);
    this.#peerBit = senderBit(this.role === 'server' ? 'client' : 'server', this.mode);
    this.#link.limit(this.#dialect.frame.max);
    this.#to('bound');
    const { keepaliveMs, idleCloseMs = 0 } = this.#limits;
    if (this.#operations.probe === undefined ? idleCloseMs > 0 : keepaliveMs > 0)
      this.#life.arm(this.#operations.probe === undefined ? idleCloseMs : keepaliveMs);
    this.#log.info({ ...this.#who(), mode: this.mode, version, window: this.windowSize }, 'session: bound');
    this.#owner.onBound(this);
    this.#keeper.onBound(this);
  }

  // Goodbye.

  #onGoodbye(operation: Operation, sequence: number, b: Buffer, start: number, end: number): void {
    if (this.state !== 'bound' && this.state !== 'unbinding') {
      const body = start + this.#dialect.headerOctets;
      this.counters.badPdus++;
      this.#refuseRequest(operation, this.#dialect.status.wrongState, sequence, b, body, end);
      return;
    }
    this.#peerBit = 0;
    if (this.#goodbye === 'owed') {
      // Once more: the first has started the time that is left.
      this.#refuse(operation.answer!, operation.answer!.fill({}), 0, sequence);
      return;
    }
    if (this.#goodbye === 'sent') {
      this.#refuse(operation.answer!, operation.answer!.fill({}), 0, sequence);
      this.#end(this.#closing, true);
      return;
    }
    if (this.state === 'bound') this.#to('unbinding');
    this.#goodbye = 'owed';
    this.#goodbyeSequence = sequence;
    this.#closing = 'the peer unbound';
    this.#phase.arm(GOODBYE_MS);
    this.#drained();
  }

  /** While unbinding, after everything that may have been the last thing due. */
  #drained(): void {
    if (this.state !== 'unbinding' || this.intake > 0) return;
    if (this.#goodbye === 'owed') this.#answerGoodbye();
    else if (this.#goodbye === 'none' && this.#window.used === 0) this.#sayGoodbye();
  }

  #answerGoodbye(): void {
    const plan = this.#operations.byCommand.get(this.#operations.goodbye.id)!.answer!;
    this.#refuse(plan, plan.fill({}), 0, this.#goodbyeSequence);
    this.#end(this.#closing, true);
  }

  #sayGoodbye(): void {
    const { goodbye } = this.#operations;
    this.#goodbye = 'sent';
    this.#goodbyeSequence = this.#window.nextSequence();
    this.#peerBit = 0;
    this.#write(goodbye, goodbye.fill({}), 0, this.#goodbyeSequence);
    this.#phase.arm(GOODBYE_MS);
  }

  // Timers.

  #onPhase(): void {
    if (this.state === 'unbinding') {
      if (this.#goodbye === 'none') this.#sayGoodbye();
      else if (this.#goodbye === 'owed') this.#answerGoodbye();
      else this.#end(this.#closing, true);
      return;
    }
    const reason = `no bind within ${this.#limits.bindTimeoutMs / 1000} s`;
    if (this.role === 'client') this.#bindFailed('network', 0, `the peer has not answered the bind: ${reason}`);
    else this.#end(reason, true);
  }

  /** Probes when idle: nothing came, or we asked nothing, for a while (peers also drop clients that never ask). */
  #onLife(): void {
    const { keepaliveMs, responseTimeoutMs, misses } = this.#limits;
    const now = this.#wheel.time();
    const { probe } = this.#operations;
    if (probe === undefined) {
      this.#onIdle(now);
      return;
    }
    // While we do not read, silence says nothing of the peer.
    if (this.#heard || this.#held) {
      this.#probing = false;
      this.#misses = 0;
    }
    if (this.#probing) {
      this.counters.probeMisses++;
      if (++this.#misses >= misses) {
        this.#end(`no sign of life after ${misses} probes`, true);
        return;
      }
    } else {
      const quiet = now - Math.min(this.#lastIn, this.#lastRequest);
      if (quiet < keepaliveMs) {
        this.#life.arm(keepaliveMs - quiet);
        return;
      }
    }
    this.#probing = true;
    this.#heard = false;
    this.#now = now;
    this.#lastRequest = now;
    this.counters.probes++;
    this.#write(probe, probe.fill({}), 0, this.#window.nextSequence());
    this.#life.arm(Math.min(keepaliveMs, responseTimeoutMs));
  }

  /** No keepalive exists: who has nothing to say hangs up (SGIP 1.2, 3.2). */
  #onIdle(now: number): void {
    const { idleCloseMs = 0 } = this.#limits;
    const quiet = now - Math.max(this.#lastIn, this.#lastRequest);
    if (quiet >= idleCloseMs && this.#window.used === 0 && this.intake === 0) this.unbind(IDLE);
    else this.#life.arm(Math.max(idleCloseMs - quiet, idleCloseMs / 4));
  }

  #onExpiry(): void {
    const { responseTimeoutMs } = this.#limits;
    const now = this.#wheel.time();
    const full = this.#window.used >= this.#window.size;
    const oldest = this.#window.expire(now - responseTimeoutMs, this.#expired);
    if (this.state === 'closed') return;
    if (full && this.#window.used < this.#window.size) this.#freed();
    this.#expiryArmed = oldest !== Infinity;
    if (this.#expiryArmed) this.#expiry.arm(oldest + responseTimeoutMs - now);
    this.#offer();
    if (this.state === 'unbinding') this.#drained();
  }

  // Small things.

  #mustHold(): boolean {
    if (this.state === 'binding' && this.role === 'server') return true;
    if (this.#link.choked || this.state === 'closed') return true;
    // Held at the limit, on again at half of it.
    return this.#held ? this.intake > this.#limits.intake >> 1 : this.intake >= this.#limits.intake;
  }

  #resume(): void {
    if (!this.#held || this.state === 'closed' || this.#mustHold()) return;
    this.#held = false;
    this.#lastIn = this.#wheel.time();
    this.#now = this.#lastIn;
    this.#link.resume();
  }

  #freed(): void {
    if (this.#fullSince < 0) return;
    this.#fullMs += this.#now - this.#fullSince;
    this.#fullSince = -1;
  }

  #offer(): void {
    if (!this.#wanting || this.room === 0) return;
    this.#wanting = false;
    this.#owner.onRoom(this);
  }

  #answered(status: number, elapsed: number): void {
    this.counters.answersIn++;
    if (status !== 0) bump(this.counters.statusesIn, status);
    this.rttMs = this.rttMs === 0 ? elapsed : this.rttMs + (elapsed - this.rttMs) * RTT_SHARE;
    this.#rtt?.record(elapsed);
  }

  #onBad(fault: WireFault): void {
    this.counters.badPdus++;
    if (this.#now - this.#badSince > 60_000) {
      this.#badSince = this.#now;
      this.#bad = 0;
    }
    this.#log.warn({ ...this.#who(), fault: fault.message }, 'session: a PDU that cannot be read');
    if (++this.#bad >= this.#limits.badPdus) this.close(`${this.#bad} unreadable PDUs within a minute`);
  }

  #refuseRequest(op: Operation, status: number, sequence: number, b: Buffer, body: number, end: number): void {
    const { nack } = this.#operations;
    if (op.answer !== undefined) {
      this.#refuse(op.answer, this.#dialect.refusal(op.answer, status, b, body, end), status, sequence);
    } else if (nack !== undefined) this.#refuse(nack, nack.fill({}), status, sequence);
  }

  /** An answer of the engine's own. */
  #refuse(plan: Plan, value: Values<Fields>, status: number, sequence: number): void {
    this.#dialect.setStatus(value, status);
    this.#write(plan, value, status, sequence);
  }

  #writeReady(ready: Ready, sequence: number): void {
    this.#write(ready.plan, ready.value, ready.status, sequence);
  }

  /** Straight into the outbox. Nothing is committed if `encode` throws. */
  #write<F extends Fields>(plan: Plan<F>, value: Values<F>, status: number, sequence: number): void {
    const dialect = this.#dialect;
    const link = this.#link;
    const header = dialect.headerOctets;
    const body = status === 0 || dialect.hasBody(status);
    const o = link.reserve(body ? header + plan.size(value) : header);
    const end = body ? plan.encode(value, link.out, o + header) : o + header;
    dialect.writeHeader(link.out, o, end - o, plan.id, status, sequence);
    if (this.#wide !== undefined) this.#writeWide(this.#wide, link.out, o, plan.id, sequence);
    link.commit(end);
    this.counters.framesOut++;
    this.counters.octetsOut += end - o;
    if (status !== 0) bump(this.counters.statusesOut, status);
  }

  /** Keeps the whole sequence of a request for its answer; returns the number that stands for it meanwhile. */
  #keep(wide: WideSequence, b: Buffer, start: number): number {
    const sequence = this.#echo;
    this.#echo = (sequence + 1) >>> 0;
    this.#echoes.set(sequence, latin1(b, start + wide.at, start + wide.at + wide.octets));
    return sequence;
  }

  #writeWide(wide: WideSequence, out: Buffer, o: number, command: number, sequence: number): void {
    if ((command | 0) < 0) {
      putLatin1(out, this.#echoes.get(sequence) ?? '', o + wide.at);
      this.#echoes.delete(sequence);
      return;
    }
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#prefixAt) {
      this.#prefixAt = second;
      this.#prefix = wide.prefix(this.#limits.node ?? 0, second * 1000);
    }
    putLatin1(out, this.#prefix, o + wide.at);
    this.lastSequence = latin1(out, o + wide.at, o + wide.at + wide.octets);
  }

  #to(state: SessionState): void {
    if (!SUCCESSORS[this.state].includes(state)) throw new Error(`session: ${this.state} → ${state} is not legal`);
    this.state = state;
  }

  #end(reason: string, flush: boolean): void {
    const wasBound = this.state === 'bound' || this.state === 'unbinding';
    const wasBinding = this.state === 'binding';
    this.#to('closed');
    this.#peerBit = 0;
    this.#phase.cancel();
    this.#life.cancel();
    this.#expiry.cancel();
    if (flush) this.#link.end();
    this.#freed();
    this.#window.lose((token) => {
      this.counters.lost++;
      this.#owner.onLost(this, token);
    });
    if (wasBound) this.#log.info({ ...this.#who(), reason }, 'session: closed');
    else if (wasBinding) this.#log.warn({ ...this.#who(), reason }, 'session: closed before it was bound');
    this.#owner.onClosed(this, reason, wasBound);
    this.#keeper.onClosed(this, reason, wasBound);
  }

  #who(): object {
    return {
      session: this.id,
      protocol: this.protocol,
      peer: this.peer === '' && this.#side.role === 'client' ? this.#side.name : this.peer,
      remote: `${this.remoteAddress}:${this.remotePort}`,
    };
  }
}

function counterOf(clock: Clock): Counter {
  wideCounter ??= { next: (Math.floor(clock.now()) % 1000) * 4_294_967 };
  return wideCounter;
}

/** Big-endian, by hand: Buffer's readers check what the framer has checked already. */
function int32(b: Buffer, o: number): number {
  return (b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!;
}

/** A peer can invent statuses: beyond this many they share one entry, -1. */
const STATUSES = 256;

function bump(counts: Map<number, number>, status: number): void {
  const key = counts.size < STATUSES || counts.has(status) ? status : -1;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function createCounters(): SessionCounters {
  return {
    framesIn: 0,
    framesOut: 0,
    octetsIn: 0,
    octetsOut: 0,
    requestsIn: 0,
    requestsOut: 0,
    answersIn: 0,
    answersOut: 0,
    statusesIn: new Map(),
    statusesOut: new Map(),
    expired: 0,
    late: 0,
    unmatched: 0,
    lost: 0,
    refused: 0,
    notices: 0,
    faults: 0,
    badPdus: 0,
    unknown: 0,
    probes: 0,
    probeMisses: 0,
    holds: 0,
  };
}
