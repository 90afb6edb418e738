import { counted, type Kind, octets, raw, rawTail, repeat, uint8, uint32 } from '../wire/field.ts';
import { definePdu } from '../wire/pdu.ts';
import { compile, type Plan, type Plans, plansById } from '../wire/plan.ts';
import { tlvs } from '../wire/tlv.ts';

/** Protocol versions, as in ClientVersion of Login. 3.0.1 to 3.0.3 added codes and texts, nothing to the layout. */
export const SMGP_13 = 0x13;
export const SMGP_20 = 0x20;
export const SMGP_30 = 0x30;

const TERM_ID = 21;
const FIXED_FEE = 6;
/** Fields between FixedFee and DestTermIDCount: MsgFormat, ValidTime, AtTime, SrcTermID, ChargeTermID. */
const TO_COUNT = 1 + 17 + 17 + 21 + 21;
const RESERVE = 8;

/** Whether a Submit whose MsgFormat is at `o` ends with the frame, to the octet. */
function ends(b: Buffer, o: number, end: number): boolean {
  let at = o + TO_COUNT;
  if (at >= end || b[at] === 0) return false;
  at += 1 + b[at]! * TERM_ID;
  if (at >= end) return false;
  at += 1 + b[at]! + RESERVE;
  while (at + 4 <= end) at += 4 + b.readUInt16BE(at + 2);
  return at === end;
}

/**
 * FixedFee of Submit, which 1.3 has not. Peers send the layout of the other version as well (deviation 3): where the
 * frame ends to the octet in the other one and not in ours, it is read so.
 */
const fixedFee: Kind<string> = {
  ...octets(FIXED_FEE),
  width: 0,
  uses: (version) => {
    const own = version >= SMGP_20 ? FIXED_FEE : 0;
    const other = FIXED_FEE - own;
    return {
      text: '',
      w: own,
      width: (b: Buffer, o: number, end: number) => (!ends(b, o + own, end) && ends(b, o + other, end) ? other : own),
    };
  },
  get: (s) =>
    `e=${s.uses}.width(b,o,end);if(o+e>end)short(${s.where},o);${s.value}=fixedAgain(${s.uses},b,o,o+e);o+=e;`,
  skip: (s) => `e=${s.uses}.width(b,o,end);if(o+e>end)short(${s.where},o);o+=e;`,
  put: (s) =>
    `if(${s.uses}.w!==0){if(${s.value}.length>${FIXED_FEE})tooLong(${s.where},o);o=putFixed(b,${s.value},o,${FIXED_FEE});}`,
  size: (s) => `${s.uses}.w`,
};

/** A last octet that may be missing, as a refusal's version. */
const lastUint8: Kind<number> = { ...uint8, width: 0, get: (s) => `${s.value}=o<end?b[o++]:0;`, size: () => '1' };

/**
 * Optional parameters, in any order (3.0: 6.3). One that is cut short at the end of the frame is dropped: what the
 * message is stands before them (deviation 5).
 */
const optional = (pdu: string) => tlvs(pdu, { onOverrun: 'drop', maxCount: 64, trailingZeros: 3 });

const answerOfServer = { from: 'server' } as const;
const fromClient = { from: 'client' } as const;

/** Login (3.0: 6.2.1). `authenticatorClient`: 16 octets, see `auth.ts`; `loginMode`: 0 send, 1 receive, 2 both. */
export const login = definePdu(
  0x00000001,
  'SMGP_LOGIN',
  { clientId: octets(8), authenticatorClient: raw(16), loginMode: uint8, timestamp: uint32, clientVersion: uint8 },
  { from: 'client', when: 'unbound' },
);
/** What is behind `status` is missing in refusals of some servers, and tells little in the rest. */
export const loginResp = definePdu(
  0x80000001,
  'SMGP_LOGIN_RESP',
  { status: uint32, authenticatorServer: rawTail(16), serverVersion: lastUint8 },
  { from: 'server', when: 'unbound' },
);

/** A message to phones (MT). 126 + 21·n + L octets and the TLVs, with n receivers; 6 less in 1.3. */
export const submit = definePdu(
  0x00000002,
  'SMGP_SUBMIT',
  {
    msgType: uint8,
    needReport: uint8,
    priority: uint8,
    serviceId: octets(10),
    feeType: octets(2),
    feeCode: octets(6),
    fixedFee,
    msgFormat: uint8,
    validTime: octets(17),
    atTime: octets(17),
    srcTermId: octets(TERM_ID),
    chargeTermId: octets(TERM_ID),
    destTermId: repeat(octets(TERM_ID)),
    msgContent: counted(),
    reserve: rawTail(RESERVE),
    tlvs: optional('SMGP_SUBMIT'),
  },
  fromClient,
);
/** `msgId` is that of the first receiver; see `addToMsgId`. */
export const submitResp = definePdu(0x80000002, 'SMGP_SUBMIT_RESP', { msgId: raw(10), status: uint32 }, answerOfServer);

/** A message from a phone (MO), or a status report (`isReport` 1, see `report.ts`). */
export const deliver = definePdu(
  0x00000003,
  'SMGP_DELIVER',
  {
    msgId: raw(10),
    isReport: uint8,
    msgFormat: uint8,
    recvTime: octets(14),
    srcTermId: octets(TERM_ID),
    destTermId: octets(TERM_ID),
    msgContent: counted(),
    reserve: rawTail(RESERVE),
    tlvs: optional('SMGP_DELIVER'),
  },
  answerOfServer,
);
export const deliverResp = definePdu(0x80000003, 'SMGP_DELIVER_RESP', { msgId: raw(10), status: uint32 }, fromClient);

export const activeTest = definePdu(0x00000004, 'SMGP_ACTIVE_TEST', {}, { when: 'any' });
export const activeTestResp = definePdu(0x80000004, 'SMGP_ACTIVE_TEST_RESP', {}, { when: 'any', lenient: true });

/** Between gateways. `reportFlag`: 0 this is a report, 1 wants one, 2 does not. */
export const forward = definePdu(0x00000005, 'SMGP_FORWARD', {
  msgId: raw(10),
  destSmgwNo: octets(6),
  srcSmgwNo: octets(6),
  smcNo: octets(6),
  msgType: uint8,
  reportFlag: uint8,
  priority: uint8,
  serviceId: octets(10),
  feeType: octets(2),
  feeCode: octets(6),
  fixedFee: octets(FIXED_FEE),
  msgFormat: uint8,
  validTime: octets(17),
  atTime: octets(17),
  srcTermId: octets(TERM_ID),
  destTermId: octets(TERM_ID),
  chargeTermId: octets(TERM_ID),
  msgContent: counted(),
  reserve: rawTail(RESERVE),
  tlvs: optional('SMGP_FORWARD'),
});
export const forwardResp = definePdu(0x80000005, 'SMGP_FORWARD_RESP', {
  msgId: raw(10),
  status: uint32,
  tlvs: optional('SMGP_FORWARD_RESP'),
});

export const exit = definePdu(0x00000006, 'SMGP_EXIT', {});
export const exitResp = definePdu(0x80000006, 'SMGP_EXIT_RESP', {});

/** Statistics of a day; `queryType` 0 of all, 1 of the service `queryCode`. */
export const query = definePdu(
  0x00000007,
  'SMGP_QUERY',
  { queryTime: octets(8), queryType: uint8, queryCode: octets(10) },
  fromClient,
);
export const queryResp = definePdu(
  0x80000007,
  'SMGP_QUERY_RESP',
  {
    queryTime: octets(8),
    queryType: uint8,
    queryCode: octets(10),
    mtTlMsg: uint32,
    mtTlusr: uint32,
    mtScs: uint32,
    mtWt: uint32,
    mtFl: uint32,
    moScs: uint32,
    moWt: uint32,
    moFl: uint32,
    reserve: raw(RESERVE),
  },
  { from: 'server', lenient: true },
);

const tables = {
  login,
  loginResp,
  submit,
  submitResp,
  deliver,
  deliverResp,
  activeTest,
  activeTestResp,
  forward,
  forwardResp,
  exit,
  exitResp,
  query,
  queryResp,
} as const;

/** The compiled codecs of one version, by name and by request id. */
export interface SmgpCodec extends Plans<typeof tables> {
  readonly version: number;
  readonly byId: ReadonlyMap<number, Plan>;
  readonly plans: readonly Plan[];
}

const codecs = new Map<number, SmgpCodec>();

/**
 * The codec for a ClientVersion, made once per version. Others fall to the nearest layout: below 0x20 is 1.3, below
 * 0x30 is 2.0, from there on 3.0.
 */
export function smgpCodec(versionOctet: number): SmgpCodec {
  const version = versionOctet < SMGP_20 ? SMGP_13 : versionOctet < SMGP_30 ? SMGP_20 : SMGP_30;
  let codec = codecs.get(version);
  if (codec === undefined) {
    const { named, plans } = compile(tables, version);
    codec = { ...named, version, plans, byId: plansById(plans) };
    codecs.set(version, codec);
  }
  return codec;
}
