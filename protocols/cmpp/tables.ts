import { counted, type Kind, octets, raw, rawTail, repeat, since, tail, uint8, uint32, until } from '../wire/field.ts';
import { definePdu } from '../wire/pdu.ts';
import { compile, type Plan, type Plans, plansById } from '../wire/plan.ts';

/** Protocol versions, as in the Version octet of CMPP_CONNECT. */
export const CMPP_20 = 0x20;
export const CMPP_21 = 0x21;
export const CMPP_30 = 0x30;

/** A width of 2.x and one of 3.0. */
const widths = (v2: number, v3: number) => ({ [CMPP_20]: v2, [CMPP_21]: v2, [CMPP_30]: v3 }) as const;

/** A phone number: 3.0 made room for pseudo numbers. */
export const TERMINAL_ID = widths(21, 32);
const terminalId = octets(TERMINAL_ID);
const v3 = <T>(kind: Kind<T>): Kind<T> => since(CMPP_30, kind);
const v2 = <T>(kind: Kind<T>): Kind<T> => until(CMPP_30, kind);
/** Last fields of SUBMIT, DELIVER and FWD. Peers send LinkID short or leave it out. */
const linkId = v3(tail(20));
const reserved = v2(rawTail(8));

/**
 * Status, Result, Success_Id: 1 octet in 2.x, 4 in 3.0, with `after` octets behind it. Read by the room that there is,
 * since servers answer in the other version's layout (seen: 4-octet CANCEL_RESP in 2.0). Where it is missing that is
 * a fault: zero would say that all went well.
 */
const code = (after: number): Kind<number> => ({
  ...uint8,
  width: 0,
  uses: (version) => ({ w: version < CMPP_30 ? 1 : 4 }),
  get: (s) =>
    `e=end-o-${after};if(e!==1&&e!==4)e=${s.uses}.w;if(o+e>end)short(${s.where},o);` +
    `if(e===1)${s.value}=b[o++];` +
    `else{${s.value}=b[o]*16777216+(b[o+1]<<16|b[o+2]<<8|b[o+3]);o+=4;}`,
  put: (s) =>
    `t=${s.value};if(${s.uses}.w===1)b[o++]=t<256?t:255;` +
    `else{b[o]=t>>>24;b[o+1]=t>>>16;b[o+2]=t>>>8;b[o+3]=t;o+=4;}`,
  size: (s) => `${s.uses}.w`,
});

/** A last octet that may be missing (seen: 12-octet ACTIVE_TEST_RESP). */
const lastUint8: Kind<number> = { ...uint8, width: 0, get: (s) => `${s.value}=o<end?b[o++]:0;`, size: () => '1' };

/**
 * Msg_Length and Msg_Content of DELIVER. A report (Registered_Delivery 1) has 60 octets or 71 in either version, and
 * Msg_Length may say the other: the room left in the frame decides, where it is one of the two. A report that is cut is
 * taken as far as it goes: its Msg_Id and Stat come first, and asking for it again brings the same octets.
 */
const deliverContent: Kind<Uint8Array> = {
  ...counted(),
  uses: (version) => ({ tail: version < CMPP_30 ? 8 : 20 }),
  get: (s) =>
    `if(o>=end)short(${s.where},o);e=o+1+b[o];` +
    `if($registeredDelivery===1){t=end-o-1-${s.uses}.tail;if(t===60||t===71)e=o+1+t;else if(e>end)e=end;}` +
    `if(e>end)overrun(${s.where},o);${s.value}=b.subarray(o+1,e);o=e;`,
};

/** Fields that SUBMIT and FWD share, in both halves of their order (2.0: 7.4.3.1). */
const message = {
  msgId: raw(8),
  pkTotal: uint8,
  pkNumber: uint8,
  registeredDelivery: uint8,
  msgLevel: uint8,
  serviceId: octets(10),
  feeUsertype: uint8,
} as const;
const charge = {
  tpPid: uint8,
  tpUdhi: uint8,
  msgFmt: uint8,
  msgSrc: octets(6),
  feeType: octets(2),
  feeCode: octets(6),
  validTime: octets(17),
  atTime: octets(17),
  srcId: octets(21),
} as const;

const answerOfServer = { from: 'server' } as const;
const fromClient = { from: 'client' } as const;

/** Login (2.0: 7.4.1.1). `authenticatorSource`: 16 octets, see `auth.ts`. */
export const connect = definePdu(
  0x00000001,
  'CMPP_CONNECT',
  { sourceAddr: octets(6), authenticatorSource: raw(16), version: uint8, timestamp: uint32 },
  { from: 'client', when: 'unbound' },
);
/** `authenticatorIsmg` and `version` are missing in refusals of some servers, and tell little in the rest. */
export const connectResp = definePdu(
  0x80000001,
  'CMPP_CONNECT_RESP',
  { status: code(17), authenticatorIsmg: rawTail(16), version: lastUint8 },
  { from: 'server', when: 'unbound' },
);

export const terminate = definePdu(0x00000002, 'CMPP_TERMINATE', {});
export const terminateResp = definePdu(0x80000002, 'CMPP_TERMINATE_RESP', {});

export const activeTest = definePdu(0x00000008, 'CMPP_ACTIVE_TEST', {}, { when: 'any' });
export const activeTestResp = definePdu(
  0x80000008,
  'CMPP_ACTIVE_TEST_RESP',
  { reserved: lastUint8 },
  { when: 'any', lenient: true },
);

/** A message to phones (MT). 138 + 21·n + L octets in 2.x, 163 + 32·n + L in 3.0, with n receivers. */
export const submit = definePdu(
  0x00000004,
  'CMPP_SUBMIT',
  {
    ...message,
    feeTerminalId: terminalId,
    feeTerminalType: v3(uint8),
    ...charge,
    destTerminalId: repeat(terminalId),
    destTerminalType: v3(uint8),
    msgContent: counted(),
    reserve: reserved,
    linkId,
  },
  fromClient,
);
/** `msgId` is that of the first receiver; see `addToMsgId`. */
export const submitResp = definePdu(0x80000004, 'CMPP_SUBMIT_RESP', { msgId: raw(8), result: code(0) }, answerOfServer);

/** A message from a phone (MO), or a status report (`registeredDelivery` 1, see `report.ts`). */
export const deliver = definePdu(
  0x00000005,
  'CMPP_DELIVER',
  {
    msgId: raw(8),
    destId: octets(21),
    serviceId: octets(10),
    tpPid: uint8,
    tpUdhi: uint8,
    msgFmt: uint8,
    srcTerminalId: terminalId,
    srcTerminalType: v3(uint8),
    registeredDelivery: uint8,
    msgContent: deliverContent,
    reserved,
    linkId,
  },
  answerOfServer,
);
export const deliverResp = definePdu(0x80000005, 'CMPP_DELIVER_RESP', { msgId: raw(8), result: code(0) }, fromClient);

/** Statistics of a day; `queryType` 0 of all, 1 of the service `queryCode`. */
export const query = definePdu(
  0x00000006,
  'CMPP_QUERY',
  { time: octets(8), queryType: uint8, queryCode: octets(10), reserve: rawTail(8) },
  fromClient,
);
export const queryResp = definePdu(
  0x80000006,
  'CMPP_QUERY_RESP',
  {
    time: octets(8),
    queryType: uint8,
    queryCode: octets(10),
    mtTlmsg: uint32,
    mtTlusr: uint32,
    mtScs: uint32,
    mtWt: uint32,
    mtFl: uint32,
    moScs: uint32,
    moWt: uint32,
    moFl: uint32,
  },
  { from: 'server', lenient: true },
);

export const cancel = definePdu(0x00000007, 'CMPP_CANCEL', { msgId: raw(8) }, fromClient);
/** `successId`: 0 cancelled, 1 not. */
export const cancelResp = definePdu(0x80000007, 'CMPP_CANCEL_RESP', { successId: code(0) }, answerOfServer);

/** Between gateways. `msgFwdType`: 0 MT, 1 MO, 2 report of an MT, 3 report of an MO. */
export const fwd = definePdu(0x00000009, 'CMPP_FWD', {
  sourceId: octets(6),
  destinationId: octets(6),
  nodesCount: uint8,
  msgFwdType: uint8,
  ...message,
  feeTerminalId: octets(21),
  feeTerminalPseudo: v3(octets(32)),
  feeTerminalUsertype: v3(uint8),
  ...charge,
  srcPseudo: v3(octets(32)),
  srcUsertype: v3(uint8),
  srcType: v3(uint8),
  destId: repeat(octets(21)),
  destPseudo: v3(octets(32)),
  destUsertype: v3(uint8),
  msgContent: counted(),
  reserve: reserved,
  linkId,
});
export const fwdResp = definePdu(0x80000009, 'CMPP_FWD_RESP', {
  msgId: raw(8),
  pkTotal: uint8,
  pkNumber: uint8,
  result: code(0),
});

const tables = {
  connect,
  connectResp,
  terminate,
  terminateResp,
  submit,
  submitResp,
  deliver,
  deliverResp,
  query,
  queryResp,
  cancel,
  cancelResp,
  activeTest,
  activeTestResp,
  fwd,
  fwdResp,
} as const;

/** The compiled codecs of one version, by name and by command id. */
export interface CmppCodec extends Plans<typeof tables> {
  readonly version: number;
  readonly byId: ReadonlyMap<number, Plan>;
  readonly plans: readonly Plan[];
}

const codecs = new Map<number, CmppCodec>();

/**
 * The codec for a Version octet, made once per version. Odd versions (seen: 0x00, 0x01 from clients of 2.0) fall to the
 * nearest layout: below 0x21 is 2.0, from 0x30 on 3.0, 2.1 between.
 */
export function cmppCodec(versionOctet: number): CmppCodec {
  const version = versionOctet < CMPP_21 ? CMPP_20 : versionOctet < CMPP_30 ? CMPP_21 : CMPP_30;
  let codec = codecs.get(version);
  if (codec === undefined) {
    const { named, plans } = compile(tables, version);
    codec = { ...named, version, plans, byId: plansById(plans) };
    codecs.set(version, codec);
  }
  return codec;
}
