import { createFramer } from '../../protocols/wire/frame.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { createManualClock } from '../../src/base/clock.ts';
import { createHistogram } from '../../src/base/histogram.ts';
import { createTurn } from '../../src/base/turn.ts';
import { createWheel } from '../../src/base/wheel.ts';
import type { BindCredentials, BindFailure, BindRequest, BindVerdict, Dialect } from '../../src/session/dialect.ts';
import { Engine, type SessionLimits } from '../../src/session/engine.ts';
import type { Link, Receiver } from '../../src/session/link.ts';
import type { Session, SessionOwner } from '../../src/session/session.ts';

/** A frame that the engine wrote, header fields read. */
export interface Written {
  readonly command: number;
  readonly status: number;
  readonly sequence: number;
  readonly octets: Buffer;
}

/** A link without a socket: octets go in by `feed`, frames come out in `written`. */
export interface TestLink extends Link {
  congested: boolean;
  choked: boolean;
  readonly ended: boolean;
  readonly held: boolean;
  readonly written: Written[];
  feed(...chunks: Buffer[]): void;
  drain(): void;
  /** The peer has gone. */
  cut(reason: string): void;
}

export function createTestLink(dialect: Dialect): TestLink {
  let receiver: Receiver;
  let at = 0;
  let ended = false;
  let held = false;
  const written: Written[] = [];
  const out = Buffer.alloc(512 * 1024);
  const framer = createFramer(dialect.frame, (b, start, end) => {
    if (receiver.onFrame(b, start, end)) return true;
    held = true;
    return false;
  });
  const run = (work: () => void, chunk: Buffer): void => {
    try {
      work();
    } catch (error) {
      if ((error as Error).name === 'WireFault') receiver.onFraming(error as never, chunk, 0);
      else receiver.onError(error);
    }
  };
  return {
    remoteAddress: '192.0.2.1',
    remotePort: 40_000,
    dirty: false,
    congested: false,
    choked: false,
    out,
    get ended() {
      return ended;
    },
    get held() {
      return held;
    },
    written,
    reserve: () => at,
    commit(end) {
      const octets = Buffer.from(out.subarray(at, end));
      at = end > 256 * 1024 ? 0 : end;
      written.push({
        command: octets.readUInt32BE(dialect.commandAt),
        status: dialect.statusAt < 0 ? (octets[dialect.headerOctets] ?? 0) : octets.readUInt32BE(dialect.statusAt),
        sequence: octets.readUInt32BE(dialect.sequenceAt),
        octets,
      });
    },
    start(r) {
      receiver = r;
    },
    limit: (max) => framer.limit(max),
    resume() {
      held = false;
      run(() => framer.resume(), Buffer.alloc(0));
    },
    end() {
      ended = true;
    },
    feed(...chunks) {
      for (const chunk of chunks) {
        receiver.onChunk();
        run(() => framer.push(chunk), chunk);
      }
    },
    drain: () => receiver.onDrain(),
    cut(reason) {
      ended = true;
      receiver.onGone(reason);
    },
  };
}

/** What an owner was told, in order. */
export type Told =
  | { readonly what: 'bound' | 'room' }
  | { readonly what: 'request'; readonly pdu: string; readonly value: Values<Fields>; readonly sequence: number }
  | {
      readonly what: 'answer' | 'late';
      readonly token: string;
      readonly pdu: string | undefined;
      readonly value: Values<Fields> | undefined;
      readonly status: number;
      readonly elapsedMs: number;
    }
  | { readonly what: 'expired' | 'lost'; readonly token: string }
  | { readonly what: 'closed'; readonly reason: string; readonly wasBound: boolean };

export interface RecordingOwner extends SessionOwner<string> {
  readonly told: Told[];
  /** Words of what was told since the last call. */
  words(): string[];
  /** Called for each request after it was noted. */
  answering: ((session: Session<string>, pdu: Plan, sequence: number, value: Values<Fields>) => void) | undefined;
}

export function createRecordingOwner(): RecordingOwner {
  const told: Told[] = [];
  let from = 0;
  const owner: RecordingOwner = {
    told,
    answering: undefined,
    words() {
      const words = told.slice(from).map((t) => t.what);
      from = told.length;
      return words;
    },
    onBound: () => void told.push({ what: 'bound' }),
    onRequest(session, pdu, value, sequence) {
      told.push({ what: 'request', pdu: pdu.name, value, sequence });
      owner.answering?.(session, pdu, sequence, value);
    },
    onAnswer(_session, token, pdu, value, status, elapsedMs) {
      told.push({ what: 'answer', token, pdu: pdu?.name, value, status, elapsedMs });
    },
    onExpired: (_session, token) => void told.push({ what: 'expired', token }),
    onLate(_session, token, pdu, value, status) {
      told.push({ what: 'late', token, pdu: pdu.name, value, status, elapsedMs: -1 });
    },
    onLost: (_session, token) => void told.push({ what: 'lost', token }),
    onRoom: () => void told.push({ what: 'room' }),
    onClosed: (_session, reason, wasBound) => void told.push({ what: 'closed', reason, wasBound }),
  };
  return owner;
}

export const quietLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const LIMITS: SessionLimits = {
  bindTimeoutMs: 5_000,
  responseTimeoutMs: 10_000,
  keepaliveMs: 30_000,
  misses: 3,
  intake: 100,
  badPdus: 10,
};

export interface RigOptions {
  readonly dialect: Dialect;
  readonly role: 'client' | 'server';
  readonly limits?: Partial<SessionLimits>;
  readonly window?: number;
  readonly credentials?: BindCredentials;
  readonly authenticate?: (bind: BindRequest) => Promise<BindVerdict> | BindVerdict;
}

/** An engine on a link without a socket, with a clock that moves by hand. */
export function createRig(options: RigOptions) {
  const { dialect } = options;
  const clock = createManualClock();
  const wheel = createWheel(clock.now);
  let scheduled: (() => void) | undefined;
  const turn = createTurn({
    schedule: (end) => {
      scheduled = end;
    },
  });
  const owner = createRecordingOwner();
  const link = createTestLink(dialect);
  const failures: { failure: BindFailure; status: number; reason: string }[] = [];
  const errors: unknown[] = [];
  const rtt = createHistogram();
  const window = options.window ?? 10;
  const accept: BindVerdict = { accept: true, peer: 'acme', window };
  const session = new Engine<string>(
    link,
    {
      dialect,
      limits: { ...LIMITS, ...options.limits },
      rtt,
      side:
        options.role === 'server'
          ? {
              role: 'server',
              systemId: 'yima',
              tlsAuthorized: false,
              authenticate: options.authenticate ?? (() => accept),
            }
          : { role: 'client', name: 'carrier', credentials: options.credentials!, window },
      keeper: {
        onBound: () => undefined,
        onClosed: () => undefined,
        onBindFailed: (_session, failure, status, reason) => void failures.push({ failure, status, reason }),
      },
    },
    { clock, wheel, turn, owner, log: { ...quietLog, error: (fields) => void errors.push(fields) } },
  );
  session.start();
  return {
    clock,
    session,
    owner,
    link,
    failures,
    errors,
    rtt,
    /** Time passes in small steps, as it does. */
    wait(ms: number): void {
      for (let left = ms; left > 0; left -= 50) {
        clock.advance(Math.min(50, left));
        wheel.advance();
      }
    },
    /** The end of the turn, if one is due. */
    endTurn(): void {
      const end = scheduled;
      scheduled = undefined;
      end?.();
    },
    /** Frames written since the last call. */
    take(): Written[] {
      return link.written.splice(0);
    },
  };
}

/** A whole frame of a dialect. */
export function frameOf<F extends Fields>(
  dialect: Dialect,
  plan: Plan<F>,
  part: Partial<Values<F>>,
  sequence: number,
  status = 0,
): Buffer {
  const value = plan.fill(part);
  const body = status !== 0 && !dialect.hasBody(status) ? 0 : plan.size(value);
  const b = Buffer.alloc(dialect.headerOctets + body);
  if (body > 0) plan.encode(value, b, dialect.headerOctets);
  dialect.writeHeader(b, 0, b.length, plan.id, status, sequence);
  return b;
}
