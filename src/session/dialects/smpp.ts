import { FRAME, HEADER, MAX_BEFORE_BIND, writeHeader } from '../../../protocols/smpp/header.ts';
import { ESME, statusName } from '../../../protocols/smpp/status.ts';
import {
  type bindTransceiver,
  type bindTransceiverResp,
  SMPP_33,
  SMPP_34,
  SMPP_50,
  smppCodec,
} from '../../../protocols/smpp/tables.ts';
import { faultStatus, validateBind } from '../../../protocols/smpp/validate.ts';
import { WireFault } from '../../../protocols/wire/fault.ts';
import type { Pdu } from '../../../protocols/wire/pdu.ts';
import type { Plan } from '../../../protocols/wire/plan.ts';
import { NO_TLVS, tlvUint, uintTlv } from '../../../protocols/wire/tlv.ts';
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

const SC_INTERFACE_VERSION = 0x0210;

type Bind = Pdu<typeof bindTransceiver>;
type BindResp = Pdu<typeof bindTransceiverResp>;

const KINDS: Readonly<Record<string, OperationKind>> = {
  bind_receiver: 'bind',
  bind_transmitter: 'bind',
  bind_transceiver: 'bind',
  bind_receiver_resp: 'bindAnswer',
  bind_transmitter_resp: 'bindAnswer',
  bind_transceiver_resp: 'bindAnswer',
  outbind: 'notice',
  alert_notification: 'notice',
  enquire_link: 'probe',
  enquire_link_resp: 'probeAnswer',
  unbind: 'goodbye',
  unbind_resp: 'goodbyeAnswer',
  generic_nack: 'nack',
};

const MODES: Readonly<Record<string, Mode>> = { bind_receiver: 'rx', bind_transmitter: 'tx', bind_transceiver: 'trx' };

/** Requests of an ESME need a transmitter, those of an SMSC a receiver (3.4: 2.3, table 2-1). */
const CLIENT = senderMask(['tx', 'trx'], []);
const SERVER = senderMask([], ['rx', 'trx']);
const SENDERS = { client: CLIENT, server: SERVER, both: CLIENT | SERVER } as const;

const REFUSALS: Readonly<Record<BindRefusal, number>> = {
  unknown: ESME.RINVSYSID,
  password: ESME.RINVPASWD,
  address: ESME.RBINDFAIL,
  alreadyBound: ESME.RALYBND,
  tooMany: ESME.RALYBND,
  disabled: ESME.RBINDFAIL,
  mode: ESME.RBINDFAIL,
  version: ESME.RBINDFAIL,
  busy: ESME.RSYSERR,
};

/** RBINDFAIL is not among the credential errors: SMSCs also give it while they start. */
const FAILURES: ReadonlyMap<number, BindFailure> = new Map([
  [ESME.RINVPASWD, 'credentials'],
  [ESME.RINVSYSID, 'credentials'],
  [ESME.RINVSYSTYP, 'credentials'],
  [ESME.RALYBND, 'alreadyBound'],
]);

const cache = new Map<string, Operations>();

function operations(version: number, role: 'client' | 'server'): Operations {
  const codec = smppCodec(version);
  const key = `${role}-${codec.version}`;
  let made = cache.get(key);
  if (made === undefined) {
    made = makeOperations(codec.version, role === 'client' ? codec.fromServer : codec.byId);
    cache.set(key, made);
  }
  return made;
}

function makeOperations(version: number, plans: ReadonlyMap<number, Plan>): Operations {
  const codec = smppCodec(version);
  const byCommand = byCommandOf(plans.values(), KINDS, (plan) => SENDERS[plan.table.rules.from]);
  return { version, byCommand, probe: codec.enquireLink, goodbye: codec.unbind, nack: codec.genericNack };
}

/** SMPP 3.3, 3.4 and what of 5.0 is the same on the wire. */
export const smpp: Dialect = {
  name: 'smpp',
  frame: FRAME,
  maxBeforeBind: MAX_BEFORE_BIND,
  headerOctets: HEADER,
  commandAt: 4,
  statusAt: 8,
  sequenceAt: 12,
  firstSequence: 1,
  lastSequence: 0x7fffffff,
  initialVersion: SMPP_34,
  // Three tries (3.4: 2.2 leaves the session open after a refused bind).
  closesOnRefusal: false,
  status: {
    badLength: ESME.RINVCMDLEN,
    unknownCommand: ESME.RINVCMDID,
    wrongState: ESME.RINVBNDSTS,
    alreadyBound: ESME.RALYBND,
    busy: ESME.RSYSERR,
  },

  operations,
  writeHeader,
  hasBody: (status) => status === ESME.ROK,
  statusOf: () => ESME.ROK,
  setStatus: () => undefined,
  refusal: (answer) => answer.fill({}),
  faultStatus,

  readBind(operation, b, o, end) {
    const bind = operation.plan.decode(b, o, end) as unknown as Bind;
    const status = validateBind(bind);
    if (status !== ESME.ROK) return status;
    return {
      name: bind.systemId,
      password: bind.password,
      mode: MODES[operation.plan.name] ?? 'trx',
      // A client older than 3.4 gets no TLVs.
      version: smppCodec(bind.interfaceVersion).version,
    };
  },
  acceptBind(operation, claim, systemId) {
    const plan = operations(claim.version, 'server').byCommand.get(operation.answer!.id | 0)!.plan;
    return { plan, value: plan.fill({ systemId, tlvs: [uintTlv(SC_INTERFACE_VERSION, 1, claim.version)] }), status: 0 };
  },
  refuseBind: (operation, _claim, status) => ({ plan: operation.answer!, value: operation.answer!.fill({}), status }),
  refusalStatus: (reason) => REFUSALS[reason],

  writeBind(credentials) {
    const codec = smppCodec(credentials.version);
    const plan: Plan =
      credentials.mode === 'tx'
        ? codec.bindTransmitter
        : credentials.mode === 'rx'
          ? codec.bindReceiver
          : codec.bindTransceiver;
    const value: Bind = {
      systemId: credentials.name,
      password: credentials.secret,
      systemType: credentials.systemType ?? '',
      interfaceVersion: credentials.version,
      addrTon: credentials.addrTon ?? 0,
      addrNpi: credentials.addrNpi ?? 0,
      addressRange: credentials.addressRange ?? '',
      tlvs: NO_TLVS,
    };
    return { plan, value, status: 0 };
  },
  readBindAnswer(credentials, _sent, b, start, end) {
    const status = b.readUInt32BE(start + 8);
    if (status !== ESME.ROK) {
      return {
        ok: false,
        failure: FAILURES.get(status) ?? 'refused',
        status,
        reason: `bind refused with ${statusName(status)}`,
      };
    }
    const version = smppCodec(credentials.version).version;
    const said = interfaceVersionOf(b, start + HEADER, end);
    // Nothing said means 3.4 (5.0: 4.1.1.7); a peer that says less gets no TLVs.
    const agreed = said === SMPP_33 ? SMPP_33 : version === SMPP_50 && (said ?? 0) < SMPP_50 ? SMPP_34 : version;
    return { ok: true, version: agreed, remark: '' };
  },

  canSubmit: (mode) => mode !== 'rx',
  canDeliver: (mode) => mode !== 'tx',
};

/** sc_interface_version of a bind answer; undefined where it is missing or the body cannot be read (both are seen). */
function interfaceVersionOf(b: Buffer, o: number, end: number): number | undefined {
  try {
    const answer: BindResp = smppCodec(SMPP_34).bindTransceiverResp.decode(b, o, end);
    return tlvUint(answer.tlvs, SC_INTERFACE_VERSION);
  } catch (error) {
    if (error instanceof WireFault) return undefined;
    throw error;
  }
}
