import {
  authenticatorIsmg,
  authenticatorSource,
  timestampOf,
  timestampText,
  verifyIsmg,
  verifySource,
} from '../../../protocols/cmpp/auth.ts';
import {
  COMMAND_ID_AT,
  FRAME,
  HEADER,
  MAX_BEFORE_CONNECT,
  SEQUENCE_ID_AT,
  writeHeader,
} from '../../../protocols/cmpp/header.ts';
import { NO_MSG_ID } from '../../../protocols/cmpp/msg-id.ts';
import { CONNECT_STATUS, connectStatus, RESULT } from '../../../protocols/cmpp/result.ts';
import { CMPP_30, cmppCodec, connect, type connectResp } from '../../../protocols/cmpp/tables.ts';
import { beijingTime } from '../../../protocols/wire/beijing.ts';
import { WireFault } from '../../../protocols/wire/fault.ts';
import { latin1 } from '../../../protocols/wire/octets.ts';
import type { Fields, Pdu, Values } from '../../../protocols/wire/pdu.ts';
import {
  type BindClaim,
  type BindFailure,
  type BindRefusal,
  byCommandOf,
  type Dialect,
  type OperationKind,
  type Operations,
} from '../dialect.ts';
import { senderMask } from '../states.ts';

type Connect = Pdu<typeof connect>;
type ConnectResp = Pdu<typeof connectResp>;
/** Where the answers have their status: SUBMIT_RESP and others, CANCEL_RESP, CONNECT_RESP. */
interface Coded {
  result?: number;
  successId?: number;
  status?: number;
}

const KINDS: Readonly<Record<string, OperationKind>> = {
  CMPP_CONNECT: 'bind',
  CMPP_CONNECT_RESP: 'bindAnswer',
  CMPP_ACTIVE_TEST: 'probe',
  CMPP_ACTIVE_TEST_RESP: 'probeAnswer',
  CMPP_TERMINATE: 'goodbye',
  CMPP_TERMINATE_RESP: 'goodbyeAnswer',
};

/** FWD is between gateways of the carrier: nobody may send it to us (2.0: 7.4.9). */
const SENDERS = { client: senderMask(['trx'], []), server: senderMask([], ['trx']), both: 0 } as const;

const REFUSALS: Readonly<Record<BindRefusal, number>> = {
  unknown: CONNECT_STATUS.AUTH_FAILED,
  password: CONNECT_STATUS.AUTH_FAILED,
  address: CONNECT_STATUS.BAD_SOURCE_ADDR,
  alreadyBound: CONNECT_STATUS.OTHER,
  tooMany: CONNECT_STATUS.OTHER,
  disabled: CONNECT_STATUS.AUTH_FAILED,
  mode: CONNECT_STATUS.OTHER,
  version: CONNECT_STATUS.VERSION_TOO_HIGH,
  busy: CONNECT_STATUS.OTHER,
};

/** 2 is also what a client gets from an address that is not allowed; 5 is "too many connections" of the commonest server. */
const FAILURES: ReadonlyMap<number, BindFailure> = new Map([
  [CONNECT_STATUS.BAD_SOURCE_ADDR, 'credentials'],
  [CONNECT_STATUS.AUTH_FAILED, 'credentials'],
  [CONNECT_STATUS.VERSION_TOO_HIGH, 'credentials'],
  [CONNECT_STATUS.OTHER, 'alreadyBound'],
]);

/** The secret that a claim has been shown to know, and what it was shown with: the answer hashes both. */
const proofs = new WeakMap<BindClaim, { readonly source: string; secret: string }>();

const cache = new Map<number, Operations>();

function operations(version: number): Operations {
  const codec = cmppCodec(version);
  let made = cache.get(codec.version);
  if (made !== undefined) return made;
  const byCommand = byCommandOf(codec.plans, KINDS, (plan) => SENDERS[plan.table.rules.from]);
  made = { version: codec.version, byCommand, probe: codec.activeTest, goodbye: codec.terminate, nack: undefined };
  cache.set(codec.version, made);
  return made;
}

/** CMPP 2.0, 2.1 and 3.0. */
export const cmpp: Dialect = {
  name: 'cmpp',
  frame: FRAME,
  maxBeforeBind: MAX_BEFORE_CONNECT,
  headerOctets: HEADER,
  commandAt: COMMAND_ID_AT,
  statusAt: -1,
  sequenceAt: SEQUENCE_ID_AT,
  firstSequence: 0,
  lastSequence: 0xffffffff,
  initialVersion: CMPP_30,
  closesOnRefusal: true,
  status: {
    badLength: RESULT.BAD_LENGTH,
    unknownCommand: RESULT.BAD_COMMAND,
    wrongState: RESULT.BAD_COMMAND,
    alreadyBound: CONNECT_STATUS.OTHER,
    busy: RESULT.FLOW_CONTROL,
  },

  operations,
  writeHeader(out, o, length, command, _status, sequence) {
    writeHeader(out, o, length, command, sequence);
  },
  hasBody: () => true,
  statusOf(value) {
    const coded = value as Coded;
    return coded.result ?? coded.successId ?? 0;
  },
  setStatus(value, status) {
    const coded = value as Coded;
    if (coded.result !== undefined) coded.result = status;
    else if (coded.successId !== undefined) coded.successId = status;
  },
  refusal(answer, _status, b, o, end) {
    // Msg_Id comes first in DELIVER: what is refused is named, even if the rest could not be read.
    const echo = answer.name === 'CMPP_DELIVER_RESP' && o + 8 <= end ? latin1(b, o, o + 8) : NO_MSG_ID;
    const value = answer.fill({});
    return 'msgId' in value ? ({ ...value, msgId: echo } as Values<Fields>) : value;
  },
  faultStatus(fault, command) {
    // In CONNECT_RESP, 4 is another thing.
    if (command === connect.id) return CONNECT_STATUS.BAD_STRUCTURE;
    const isLength = fault.reason === 'truncated' || fault.reason === 'counted-overrun';
    return isLength ? RESULT.BAD_LENGTH : RESULT.BAD_STRUCTURE;
  },

  readBind(operation, b, o, end) {
    const login = operation.plan.decode(b, o, end) as unknown as Connect;
    if (login.version > CMPP_30) return CONNECT_STATUS.VERSION_TOO_HIGH;
    const proof = { source: login.authenticatorSource, secret: '' };
    const claim: BindClaim = {
      name: login.sourceAddr,
      mode: 'trx',
      version: cmppCodec(login.version).version,
      digestOf(secret) {
        const good = verifySource(login, secret);
        if (good) proof.secret = secret;
        return good;
      },
    };
    proofs.set(claim, proof);
    return claim;
  },
  acceptBind(_operation, claim) {
    const { connectResp: plan } = cmppCodec(claim.version);
    const { source = '', secret = '' } = proofs.get(claim) ?? {};
    const value: ConnectResp = {
      status: CONNECT_STATUS.OK,
      authenticatorIsmg: authenticatorIsmg(CONNECT_STATUS.OK, claim.version, source, secret),
      version: CMPP_30,
    };
    return { plan, value, status: CONNECT_STATUS.OK };
  },
  refuseBind(operation, claim, status) {
    const plan = claim === undefined ? operation.answer! : cmppCodec(claim.version).connectResp;
    const value: ConnectResp = { status, authenticatorIsmg: '', version: CMPP_30 };
    return { plan, value, status };
  },
  refusalStatus: (reason) => REFUSALS[reason],

  writeBind(credentials, at) {
    const timestamp = timestampOf(beijingTime(at));
    const value: Connect = {
      sourceAddr: credentials.name,
      authenticatorSource: authenticatorSource(credentials.name, credentials.secret, timestampText(timestamp)),
      version: credentials.version,
      timestamp,
    };
    return { plan: cmppCodec(credentials.version).connect, value, status: 0 };
  },
  readBindAnswer(credentials, sent, b, start, end) {
    const { version, connectResp: plan } = cmppCodec(credentials.version);
    let answer: ConnectResp;
    try {
      answer = plan.decode(b, start + HEADER, end);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      return {
        ok: false,
        failure: 'refused',
        status: 0,
        reason: `a login answer that cannot be read: ${error.message}`,
      };
    }
    if (answer.status !== CONNECT_STATUS.OK) {
      const failure = FAILURES.get(answer.status) ?? 'refused';
      const { name, sentence } = connectStatus(answer.status);
      const reason = `login refused with status ${answer.status} (${name}): ${sentence}`;
      return { ok: false, failure, status: answer.status, reason };
    }
    // Reasons to log, none to refuse: the Version octet is unreliable in the field, and servers hash in four ways.
    const remarks: string[] = [];
    const octets = end - start;
    if (octets !== HEADER + plan.size(answer)) remarks.push(`answered in ${octets} octets, not this version's`);
    if (answer.version !== credentials.version) remarks.push(`says version 0x${answer.version.toString(16)}`);
    const { authenticatorSource: source } = sent.value as Connect;
    if (verifyIsmg(answer, source, credentials.secret) === undefined) remarks.push('AuthenticatorISMG does not match');
    return { ok: true, version, remark: remarks.join('; ') };
  },

  canSubmit: () => true,
  canDeliver: () => true,
};
