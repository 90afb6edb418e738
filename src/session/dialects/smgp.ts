import { timestampOf } from '../../../protocols/cmpp/auth.ts';
import { COMMAND_ID_AT, HEADER, SEQUENCE_ID_AT, writeHeader } from '../../../protocols/cmpp/header.ts';
import { authenticatorClient, authenticatorServer, verifyClient, verifyServer } from '../../../protocols/smgp/auth.ts';
import { FRAME, MAX_BEFORE_LOGIN } from '../../../protocols/smgp/header.ts';
import { MSG_ID, NO_MSG_ID } from '../../../protocols/smgp/msg-id.ts';
import { STATUS, statusOf } from '../../../protocols/smgp/result.ts';
import { type login, type loginResp, SMGP_13, SMGP_20, SMGP_30, smgpCodec } from '../../../protocols/smgp/tables.ts';
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
import type { Mode } from '../session.ts';
import { senderMask } from '../states.ts';

type Login = Pdu<typeof login>;
type LoginResp = Pdu<typeof loginResp>;

const KINDS: Readonly<Record<string, OperationKind>> = {
  SMGP_LOGIN: 'bind',
  SMGP_LOGIN_RESP: 'bindAnswer',
  SMGP_ACTIVE_TEST: 'probe',
  SMGP_ACTIVE_TEST_RESP: 'probeAnswer',
  SMGP_EXIT: 'goodbye',
  SMGP_EXIT_RESP: 'goodbyeAnswer',
};

/**
 * A client that only receives may not submit. What a gateway delivers is taken on every connection: a report lost is
 * worse than one on the wrong connection (deviation 13). Forward is between gateways: nobody may send it to us.
 */
const SENDERS = {
  client: senderMask(['tx', 'trx'], []),
  server: senderMask([], ['tx', 'rx', 'trx']),
  both: 0,
} as const;

/** LoginMode: 0 send, 1 receive, 2 both. */
const MODES: readonly Mode[] = ['tx', 'rx', 'trx'];

/** The highest ClientVersion that has the layout of 3.0: 3.1 and its followers may know codes and TLVs that we do not. */
const HIGHEST = 0x3f;

const REFUSALS: Readonly<Record<BindRefusal, number>> = {
  unknown: STATUS.AUTH_FAILED,
  password: STATUS.AUTH_FAILED,
  address: STATUS.BAD_ADDRESS,
  alreadyBound: STATUS.TOO_MANY_CONNECTIONS,
  tooMany: STATUS.TOO_MANY_CONNECTIONS,
  disabled: STATUS.AUTH_FAILED,
  mode: STATUS.BAD_STRUCTURE,
  version: STATUS.VERSION_TOO_HIGH,
  busy: STATUS.BUSY,
};

/**
 * Codes of the specification, and of two servers that have their own (deviation 7): 3 password or account and 5 too many
 * connections of one, 52 unknown account of the other.
 */
const FAILURES: ReadonlyMap<number, BindFailure> = new Map([
  [STATUS.TOO_MANY_CONNECTIONS, 'alreadyBound'],
  [STATUS.BAD_ADDRESS, 'credentials'],
  [STATUS.AUTH_FAILED, 'credentials'],
  [STATUS.VERSION_TOO_HIGH, 'credentials'],
  [3, 'credentials'],
  [5, 'alreadyBound'],
  [52, 'credentials'],
]);

/** The secret that a claim has been shown to know, and what it was shown with: the answer hashes both. */
const proofs = new WeakMap<BindClaim, { readonly client: string; secret: string }>();

const cache = new Map<number, Operations>();

function operations(version: number): Operations {
  const codec = smgpCodec(version);
  let made = cache.get(codec.version);
  if (made !== undefined) return made;
  const byCommand = byCommandOf(codec.plans, KINDS, (plan) => SENDERS[plan.table.rules.from]);
  made = { version: codec.version, byCommand, probe: codec.activeTest, goodbye: codec.exit, nack: undefined };
  cache.set(codec.version, made);
  return made;
}

/** SMGP 1.3, 2.0 and 3.0 to 3.0.3. */
export const smgp: Dialect = {
  name: 'smgp',
  frame: FRAME,
  maxBeforeBind: MAX_BEFORE_LOGIN,
  headerOctets: HEADER,
  commandAt: COMMAND_ID_AT,
  statusAt: -1,
  sequenceAt: SEQUENCE_ID_AT,
  firstSequence: 0,
  lastSequence: 0xffffffff,
  initialVersion: SMGP_30,
  closesOnRefusal: true,
  status: {
    badLength: STATUS.BAD_STRUCTURE,
    unknownCommand: STATUS.BAD_COMMAND,
    wrongState: STATUS.BAD_COMMAND,
    alreadyBound: STATUS.TOO_MANY_CONNECTIONS,
    busy: STATUS.BUSY,
  },

  operations,
  writeHeader(out, o, length, command, _status, sequence) {
    writeHeader(out, o, length, command, sequence);
  },
  hasBody: () => true,
  statusOf: (value) => (value as { status?: number }).status ?? 0,
  setStatus(value, status) {
    const coded = value as { status?: number };
    if (coded.status !== undefined) coded.status = status;
  },
  refusal(answer, _status, b, o, end) {
    // MsgID comes first in Deliver: what is refused is named, even if the rest could not be read.
    const isNamed = answer.name === 'SMGP_DELIVER_RESP' && o + MSG_ID <= end;
    const value = answer.fill({});
    if (!('msgId' in value)) return value;
    return { ...value, msgId: isNamed ? latin1(b, o, o + MSG_ID) : NO_MSG_ID } as Values<Fields>;
  },
  faultStatus: () => STATUS.BAD_STRUCTURE,

  readBind(operation, b, o, end) {
    const read = operation.plan.decode(b, o, end) as unknown as Login;
    if (read.clientVersion > HIGHEST) return STATUS.VERSION_TOO_HIGH;
    const mode = MODES[read.loginMode];
    if (mode === undefined) return REFUSALS.mode;
    const proof = { client: read.authenticatorClient, secret: '' };
    const claim: BindClaim = {
      name: read.clientId,
      mode,
      version: smgpCodec(read.clientVersion).version,
      digestOf(secret) {
        const good = verifyClient(read, secret);
        if (good) proof.secret = secret;
        return good;
      },
    };
    proofs.set(claim, proof);
    return claim;
  },
  acceptBind(_operation, claim) {
    const { loginResp: plan } = smgpCodec(claim.version);
    const { client = '', secret = '' } = proofs.get(claim) ?? {};
    const value: LoginResp = {
      status: STATUS.OK,
      authenticatorServer: authenticatorServer(STATUS.OK, client, secret),
      serverVersion: claim.version,
    };
    return { plan, value, status: STATUS.OK };
  },
  refuseBind(operation, claim, status) {
    const plan = claim === undefined ? operation.answer! : smgpCodec(claim.version).loginResp;
    const value: LoginResp = { status, authenticatorServer: '', serverVersion: SMGP_30 };
    return { plan, value, status };
  },
  refusalStatus: (reason) => REFUSALS[reason],

  writeBind({ name, secret, mode, version }, at) {
    const timestamp = timestampOf(beijingTime(at));
    const value: Login = {
      clientId: name,
      authenticatorClient: authenticatorClient(name, secret, timestamp),
      loginMode: MODES.indexOf(mode),
      timestamp,
      clientVersion: version,
    };
    return { plan: smgpCodec(version).login, value, status: 0 };
  },
  readBindAnswer(credentials, sent, b, start, end) {
    const { version, loginResp: plan } = smgpCodec(credentials.version);
    let answer: LoginResp;
    try {
      answer = plan.decode(b, start + HEADER, end);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      const reason = `a login answer that cannot be read: ${error.message}`;
      return { ok: false, failure: 'refused', status: 0, reason };
    }
    const { status, serverVersion } = answer;
    if (status !== STATUS.OK) {
      const { name, sentence } = statusOf(status);
      const reason = `login refused with status ${status} (${name}): ${sentence}`;
      return { ok: false, failure: FAILURES.get(status) ?? 'refused', status, reason };
    }
    // Reasons to log, none to refuse: servers hash in several ways (deviation 6).
    const remarks: string[] = [];
    const { authenticatorClient: client } = sent.value as Login;
    if (verifyServer(answer, client, credentials.secret) === undefined) {
      remarks.push('AuthenticatorServer does not match');
    }
    if (serverVersion !== credentials.version) remarks.push(`says version 0x${serverVersion.toString(16)}`);
    // A lower version is believed where there is such a one: the octet is junk in too many answers.
    const lower = serverVersion < version && (serverVersion === SMGP_13 || serverVersion === SMGP_20);
    return { ok: true, version: lower ? serverVersion : version, remark: remarks.join('; ') };
  },

  canSubmit: (mode) => mode !== 'rx',
  canDeliver: (mode) => mode !== 'tx',
};
