import type { WireFault } from '../../protocols/wire/fault.ts';
import type { FrameRule } from '../../protocols/wire/frame.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import type { Mode } from './session.ts';

/** What the engine does with a frame of this command. Only `request` and `answer` concern the owner. */
export type OperationKind =
  | 'bind'
  | 'bindAnswer'
  | 'request'
  | 'answer'
  /** Has no answer and no meaning for us: outbind, alert_notification. */
  | 'notice'
  | 'probe'
  | 'probeAnswer'
  | 'goodbye'
  | 'goodbyeAnswer'
  /** generic_nack: an answer to whatever has its sequence. */
  | 'nack';

/** One command in one version, as one side reads it. */
export interface Operation {
  readonly plan: Plan;
  readonly kind: OperationKind;
  /** The answer that belongs to a request, bind, probe or goodbye. */
  readonly answer: Plan | undefined;
  /** Who may send it on which kind of bind: bits of `states.senderMask`. */
  readonly senders: number;
}

/** All commands of one version, as one side reads them. */
export interface Operations {
  readonly version: number;
  /** By command id as a signed 32-bit integer (`id | 0`): small integers make quick keys. */
  readonly byCommand: ReadonlyMap<number, Operation>;
  /** Undefined where the protocol has none: idle sessions are closed instead. */
  readonly probe: Plan | undefined;
  readonly goodbye: Plan;
  /** The PDU that refuses what has no answer of its own; undefined where the protocol has none. */
  readonly nack: Plan | undefined;
}

/** In every protocol the bit of an answer's command id. */
const RESPONSE = 0x80000000;

/** What each command is: control by its name in `kinds`, else by its id a request or the answer to one. */
export function byCommandOf(
  plans: Iterable<Plan>,
  kinds: Readonly<Record<string, OperationKind>>,
  senders: (plan: Plan) => number,
): ReadonlyMap<number, Operation> {
  const byId = new Map<number, Plan>();
  for (const plan of plans) byId.set(plan.id, plan);
  const byCommand = new Map<number, Operation>();
  for (const plan of byId.values()) {
    const isAnswer = plan.id >= RESPONSE;
    byCommand.set(plan.id | 0, {
      plan,
      kind: kinds[plan.name] ?? (isAnswer ? 'answer' : 'request'),
      answer: isAnswer ? undefined : byId.get(plan.id + RESPONSE),
      senders: senders(plan),
    });
  }
  return byCommand;
}

/** A bind as the server sees it, in no protocol's words. */
export interface BindRequest {
  readonly protocol: string;
  /** system_id, Source_Addr. */
  readonly name: string;
  readonly mode: Mode;
  /** Version that we would speak on this bind, as the plans number it. */
  readonly version: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The peer showed a client certificate of an accepted authority. */
  readonly tlsAuthorized: boolean;
  /** It is for questions about messages alone: nothing is brought on it (SGIP's trace). */
  readonly asksOnly?: boolean;
  /** In clear, where the protocol sends it so. */
  readonly password?: string;
  /** Whether the peer knew this secret, where the protocol sends a digest. */
  readonly digestOf?: (secret: string) => boolean;
}

export type BindRefusal =
  | 'unknown'
  | 'password'
  | 'address'
  | 'alreadyBound'
  | 'tooMany'
  | 'disabled'
  | 'mode'
  | 'version'
  | 'busy';

export type BindVerdict =
  | {
      readonly accept: true;
      readonly peer: string;
      readonly window: number;
      readonly tag?: unknown;
      /** What the bind is for, where that is not as the peer says: SGIP's platforms may take reports on their own. */
      readonly mode?: Mode;
      /** The highest version to be spoken, where that may be below what the peer asks for. */
      readonly version?: number;
    }
  | { readonly accept: false; readonly reason: BindRefusal };

/** What a dialect reads from a bind, before the listener adds where it came from. */
export type BindClaim = Omit<BindRequest, 'remoteAddress' | 'remotePort' | 'tlsAuthorized' | 'protocol'>;

/** A PDU ready to be written. */
export interface Ready {
  readonly plan: Plan;
  readonly value: Values<Fields>;
  readonly status: number;
}

/** How we bind to a carrier. */
export interface BindCredentials {
  /** system_id, Source_Addr. */
  readonly name: string;
  readonly secret: string;
  readonly mode: Mode;
  readonly version: number;
  /** SMPP only: system_type, addr_ton, addr_npi, address_range. */
  readonly systemType?: string;
  readonly addrTon?: number;
  readonly addrNpi?: number;
  readonly addressRange?: string;
}

/**
 * Why a bind did not come about, by what to do: wrong `credentials` stop after a few tries, `alreadyBound` waits until
 * the peer must have noticed that the old session is gone, `refused` and `network` back off.
 */
export type BindFailure = 'credentials' | 'alreadyBound' | 'refused' | 'network';

export type BindOutcome =
  | { readonly ok: true; readonly version: number; readonly remark: string }
  | { readonly ok: false; readonly failure: BindFailure; readonly status: number; readonly reason: string };

/**
 * A sequence number wider than four octets (SGIP 1.2, 3.3: node, time, counter). `sequenceAt` of the dialect is its
 * counter; the whole is echoed in answers octet by octet, since peers send what is neither a node nor a date.
 */
export interface WideSequence {
  readonly at: number;
  readonly octets: number;
  /** What stands before the counter in our own requests, as Latin-1. `at`: ms since the epoch. */
  prefix(node: number, at: number): string;
}

/** What the engine must know of a protocol. Data and small functions: no state, no I/O. */
export interface Dialect {
  readonly name: string;
  readonly frame: FrameRule;
  /** Largest frame from a peer that has not proved who it is. */
  readonly maxBeforeBind: number;
  readonly headerOctets: number;
  /** Offsets in the header; `statusAt` is -1 where answers carry their status in the body. */
  readonly commandAt: number;
  readonly statusAt: number;
  readonly sequenceAt: number;
  readonly wide?: WideSequence;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Version spoken until a bind has agreed on one. */
  readonly initialVersion: number;
  /** A server closes after a refused bind instead of waiting for another. */
  readonly closesOnRefusal: boolean;
  /** Statuses of the engine's own refusals. */
  readonly status: {
    readonly badLength: number;
    readonly unknownCommand: number;
    readonly wrongState: number;
    readonly alreadyBound: number;
    readonly busy: number;
  };

  /** Compiled once per version and side. `role` is ours. */
  operations(version: number, role: 'client' | 'server'): Operations;
  writeHeader(out: Buffer, o: number, length: number, command: number, status: number, sequence: number): void;
  /** Whether an answer with this status has a body. */
  hasBody(status: number): boolean;
  /** Status inside an answer's body; only where `statusAt` is -1. */
  statusOf(value: Values<Fields>): number;
  /** Puts the status into an answer's body, where the protocol has it there. */
  setStatus(value: Values<Fields>, status: number): void;
  /** Answer to a request whose body could not be read, or was not allowed: `b[o..end)` is that body. */
  refusal(answer: Plan, status: number, b: Buffer, o: number, end: number): Values<Fields>;
  /** Status for a body that could not be read. */
  faultStatus(fault: WireFault, command: number): number;

  /** Reads a bind: what it claims, or the status that refuses it. Throws WireFault. */
  readBind(operation: Operation, b: Buffer, o: number, end: number): BindClaim | number;
  /** Positive answer to a bind. `systemId` is our name, where the protocol tells it. */
  acceptBind(operation: Operation, claim: BindClaim, systemId: string): Ready;
  /** Negative answer to a bind; `claim` undefined where it could not be read. */
  refuseBind(operation: Operation, claim: BindClaim | undefined, status: number): Ready;
  refusalStatus(reason: BindRefusal): number;

  /** Our bind. `at`: ms since the epoch, for protocols that hash the time. */
  writeBind(credentials: BindCredentials, at: number): Ready;
  /** Reads the answer `b[start..end)`, header included, to the bind `sent`; its layout may be another version's. */
  readBindAnswer(credentials: BindCredentials, sent: Ready, b: Buffer, start: number, end: number): BindOutcome;

  /** Whether the client of such a bind may submit messages, and be delivered any. */
  canSubmit(mode: Mode): boolean;
  canDeliver(mode: Mode): boolean;
}

/**
 * The first octets of another protocol: a TLS hello, HTTP, SSH, a PROXY header. Load balancers and scanners send them
 * all day (SMPP quirks 50); no carrier protocol begins so, as these would be lengths of 10^8 and more.
 */
export function isForeign(b: Buffer, o = 0): boolean {
  if (b.length - o < 2) return false;
  if (b[o] === 0x16 && b[o + 1] === 0x03) return true;
  if (b.length - o < 4) return false;
  for (let i = o; i < o + 4; i++) {
    const c = b[i]!;
    if ((c < 0x20 || c > 0x7e) && c !== 0x0d && c !== 0x0a) return false;
  }
  return true;
}
