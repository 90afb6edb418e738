import {
  COMMAND_ID_AT,
  FRAME,
  HEADER,
  MAX_BEFORE_BIND,
  MESSAGE_LENGTH_AT,
  SEQUENCE_AT,
} from '../../../protocols/sgip/header.ts';
import { RESULT, sgipResult } from '../../../protocols/sgip/result.ts';
import { SEQUENCE_OCTETS, sequenceOf, stampOf } from '../../../protocols/sgip/sequence.ts';
import {
  type bind,
  LOGIN_TYPE,
  SGIP_12,
  sgipCodec,
  type TraceNode,
  unknownNode,
} from '../../../protocols/sgip/tables.ts';
import { beijingTime } from '../../../protocols/wire/beijing.ts';
import { WireFault } from '../../../protocols/wire/fault.ts';
import { putUint32 } from '../../../protocols/wire/octets.ts';
import type { Pdu } from '../../../protocols/wire/pdu.ts';
import {
  type BindFailure,
  type BindRefusal,
  byCommandOf,
  type Dialect,
  type OperationKind,
  type Operations,
} from '../dialect.ts';
import type { Mode } from '../session.ts';
import { senderMask } from '../states.ts';

const KINDS: Readonly<Record<string, OperationKind>> = {
  SGIP_BIND: 'bind',
  SGIP_BIND_RESP: 'bindAnswer',
  SGIP_UNBIND: 'goodbye',
  SGIP_UNBIND_RESP: 'goodbyeAnswer',
};

/** Requests that the owner is handed. What else there is belongs to routing and billing: answered with BAD_COMMAND. */
const OURS: ReadonlySet<string> = new Set(['SGIP_SUBMIT', 'SGIP_DELIVER', 'SGIP_REPORT', 'SGIP_USERRPT', 'SGIP_TRACE']);
/** By the specification only who connected asks; gateways also send reports and MO down the submit connection (deviation 4). */
const ANYONE = senderMask(['tx', 'rx', 'trx'], ['tx', 'rx', 'trx']);

/** What a connection is for, seen from the platform: 1 and 11 ask us, on 2 it is asked. */
const MODES: ReadonlyMap<number, Mode> = new Map([
  [LOGIN_TYPE.SP_TO_SMG, 'tx'],
  [LOGIN_TYPE.SMG_TO_SP, 'rx'],
  [LOGIN_TYPE.SMG_TO_SMG, 'trx'],
  [LOGIN_TYPE.TRACE, 'tx'],
]);
const LOGIN_TYPES: Readonly<Record<Mode, number>> = {
  tx: LOGIN_TYPE.SP_TO_SMG,
  rx: LOGIN_TYPE.SMG_TO_SP,
  trx: LOGIN_TYPE.SMG_TO_SMG,
};

const REFUSALS: Readonly<Record<BindRefusal, number>> = {
  unknown: RESULT.BAD_LOGIN,
  password: RESULT.BAD_LOGIN,
  address: RESULT.BAD_LOGIN,
  alreadyBound: RESULT.TOO_MANY_CONNECTIONS,
  tooMany: RESULT.TOO_MANY_CONNECTIONS,
  disabled: RESULT.BAD_LOGIN,
  mode: RESULT.BAD_LOGIN_TYPE,
  version: RESULT.BAD_LOGIN_TYPE,
  busy: RESULT.NODE_BUSY,
};

/** Servers disagree about their codes (deviation 12); only these two are clear enough to act on. */
const FAILURES: ReadonlyMap<number, BindFailure> = new Map([
  [RESULT.BAD_LOGIN, 'credentials'],
  [RESULT.TOO_MANY_CONNECTIONS, 'alreadyBound'],
]);

let cached: Operations | undefined;

function operations(): Operations {
  if (cached !== undefined) return cached;
  const codec = sgipCodec();
  const byCommand = byCommandOf(codec.plans, KINDS, (plan) => (OURS.has(plan.name) ? ANYONE : 0));
  cached = { version: SGIP_12, byCommand, probe: undefined, goodbye: codec.unbind, nack: undefined };
  return cached;
}

/** Where the answers have their status; Trace_Resp has one for each node. */
interface Coded {
  result?: number;
  nodes?: readonly TraceNode[];
}

/** SGIP 1.2, and 1.3, which is the same on the wire. */
export const sgip: Dialect = {
  name: 'sgip',
  frame: FRAME,
  maxBeforeBind: MAX_BEFORE_BIND,
  headerOctets: HEADER,
  commandAt: COMMAND_ID_AT,
  statusAt: -1,
  sequenceAt: SEQUENCE_AT + 8,
  wide: {
    at: SEQUENCE_AT,
    octets: SEQUENCE_OCTETS,
    prefix: (node, at) => sequenceOf({ nodeId: node, timestamp: stampOf(beijingTime(at)), counter: 0 }).slice(0, 8),
  },
  firstSequence: 0,
  lastSequence: 0xffffffff,
  initialVersion: SGIP_12,
  closesOnRefusal: true,
  status: {
    badLength: RESULT.BAD_LENGTH,
    unknownCommand: RESULT.BAD_COMMAND,
    wrongState: RESULT.BAD_COMMAND,
    alreadyBound: RESULT.LOGGED_IN_ALREADY,
    busy: RESULT.NODE_BUSY,
  },

  operations,
  writeHeader(out, o, length, command, _status, sequence) {
    putUint32(out, o + MESSAGE_LENGTH_AT, length);
    putUint32(out, o + COMMAND_ID_AT, command);
    // Node and time before it are the engine's to write, in answers the counter as well.
    putUint32(out, o + SEQUENCE_AT + 8, sequence);
  },
  hasBody: () => true,
  statusOf(value) {
    return (value as Coded).result ?? 0;
  },
  setStatus(value, status) {
    const coded = value as Coded;
    if (coded.result !== undefined) coded.result = status;
    else if (coded.nodes !== undefined && status !== 0) coded.nodes = [unknownNode(status)];
  },
  refusal: (answer) => answer.fill({}),
  faultStatus: (fault) =>
    fault.reason === 'truncated' || fault.reason === 'counted-overrun' ? RESULT.BAD_LENGTH : RESULT.BAD_PARAMETER,

  readBind(operation, b, o, end) {
    const login = operation.plan.decode(b, o, end) as unknown as Pdu<typeof bind>;
    const mode = MODES.get(login.loginType);
    if (mode === undefined) return RESULT.BAD_LOGIN_TYPE;
    const asksOnly = login.loginType === LOGIN_TYPE.TRACE;
    return { name: login.loginName, password: login.loginPassword, mode, version: SGIP_12, asksOnly };
  },
  acceptBind: (operation) => ({ plan: operation.answer!, value: operation.answer!.fill({}), status: RESULT.OK }),
  refuseBind(operation, _claim, status) {
    const value = operation.answer!.fill({});
    (value as Coded).result = status;
    return { plan: operation.answer!, value, status };
  },
  refusalStatus: (reason) => REFUSALS[reason],

  writeBind(credentials) {
    const value: Pdu<typeof bind> = {
      loginType: LOGIN_TYPES[credentials.mode],
      loginName: credentials.name,
      loginPassword: credentials.secret,
      reserve: '',
    };
    return { plan: sgipCodec().bind, value, status: 0 };
  },
  readBindAnswer(_credentials, _sent, b, start, end) {
    let result: number;
    try {
      result = sgipCodec().bindResp.decode(b, start + HEADER, end).result;
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      const reason = `a login answer that cannot be read: ${error.message}`;
      return { ok: false, failure: 'refused', status: 0, reason };
    }
    if (result === RESULT.OK) return { ok: true, version: SGIP_12, remark: '' };
    const { name, sentence } = sgipResult(result);
    const reason = `login refused with result ${result} (${name}): ${sentence}`;
    return { ok: false, failure: FAILURES.get(result) ?? 'refused', status: result, reason };
  },

  canSubmit: (mode) => mode !== 'rx',
  canDeliver: (mode) => mode !== 'tx',
};
