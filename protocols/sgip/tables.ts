import { WireFault } from '../wire/fault.ts';
import { counted32, custom, octets, raw, rawTail, repeat, restOctets, uint8 } from '../wire/field.ts';
import { cursor, fixedText, latin1, putFixed } from '../wire/octets.ts';
import { definePdu } from '../wire/pdu.ts';
import { compile, type Plan, type Plans, plansById } from '../wire/plan.ts';
import { RESPONSE } from './header.ts';
import { SEQUENCE_OCTETS } from './sequence.ts';

/** 1.3 has the layouts of 1.2, with longer tables of errors. */
export const SGIP_12 = 0x12;

/** Login Type of Bind: what the connection is for (1.2: 4.1). */
export const LOGIN_TYPE = {
  SP_TO_SMG: 1,
  SMG_TO_SP: 2,
  SMG_TO_SMG: 3,
  SMG_TO_GNS: 4,
  GNS_TO_SMG: 5,
  GNS_TO_GNS: 6,
  TRACE: 11,
} as const;

const number = octets(21);
/** Reserve, 8 octets kept as they are: LinkID travels in it (reference, part 10). Peers leave it out. */
const reserve = rawTail(8);
const submitSequenceNumber = raw(SEQUENCE_OCTETS);
/** All answers are the same 29 octets; seen with more behind them, and with Result alone (deviation 8). */
const answer = { result: uint8, reserve };

/** Login. Name and password of 16 characters have no NUL. */
export const bind = definePdu(
  0x00000001,
  'SGIP_BIND',
  { loginType: uint8, loginName: octets(16), loginPassword: octets(16), reserve },
  { from: 'client', when: 'unbound' },
);
export const bindResp = definePdu(0x80000001, 'SGIP_BIND_RESP', answer, { from: 'server', when: 'unbound' });

export const unbind = definePdu(0x00000002, 'SGIP_UNBIND', {});
export const unbindResp = definePdu(0x80000002, 'SGIP_UNBIND_RESP', {});

/** A message to phones (MT): 143 + 21·n + L octets with n receivers. */
export const submit = definePdu(0x00000003, 'SGIP_SUBMIT', {
  spNumber: number,
  /** Empty: each receiver pays; 21 zeros: the SP does. */
  chargeNumber: number,
  userNumber: repeat(number),
  corpId: octets(5),
  serviceType: octets(10),
  feeType: uint8,
  feeValue: octets(6),
  givenValue: octets(6),
  agentFlag: uint8,
  morelatetoMtFlag: uint8,
  priority: uint8,
  expireTime: octets(16),
  scheduleTime: octets(16),
  reportFlag: uint8,
  tpPid: uint8,
  tpUdhi: uint8,
  messageCoding: uint8,
  messageType: uint8,
  messageContent: counted32,
  reserve,
});
/** Has no message id: that is the sequence number of the submit. */
export const submitResp = definePdu(0x80000003, 'SGIP_SUBMIT_RESP', answer);

/** A message from a phone (MO): 77 + L octets. */
export const deliver = definePdu(0x00000004, 'SGIP_DELIVER', {
  userNumber: number,
  spNumber: number,
  tpPid: uint8,
  tpUdhi: uint8,
  messageCoding: uint8,
  messageContent: counted32,
  reserve,
});
export const deliverResp = definePdu(0x80000004, 'SGIP_DELIVER_RESP', answer);

/** A status report on a submit (`reportType` 0) or on a deliver passed on (1); see `report.ts`. */
export const report = definePdu(0x00000005, 'SGIP_REPORT', {
  submitSequenceNumber,
  reportType: uint8,
  userNumber: number,
  state: uint8,
  errorCode: uint8,
  reserve,
});
export const reportResp = definePdu(0x80000005, 'SGIP_REPORT_RESP', answer);

/** A phone's contract changed. `userCondition`: 0 cancelled, 1 suspended for debt, 2 restored. */
export const userRpt = definePdu(0x00000011, 'SGIP_USERRPT', {
  spNumber: number,
  userNumber: number,
  userCondition: uint8,
  reserve,
});
export const userRptResp = definePdu(0x80000011, 'SGIP_USERRPT_RESP', answer);

/** Asks where a message is. */
export const trace = definePdu(0x00001000, 'SGIP_TRACE', { submitSequenceNumber, userNumber: number, reserve });

/** What one node on the way knows of a message. `result`: 0 received, 1 waiting, else an error. */
export interface TraceNode {
  readonly result: number;
  readonly nodeId: string;
  /** `yymmddhhmmss`, as is `sendTime`. */
  readonly receiveTime: string;
  readonly sendTime: string;
  readonly reserve: string;
}
const NODE_OCTETS = 47;

/** A node that knows nothing but this result. */
export const unknownNode = (result: number): TraceNode => ({
  result,
  nodeId: '',
  receiveTime: '',
  sendTime: '',
  reserve: '',
});

/** Count, then that many nodes of 47 octets (the specification prints the fields flat; 1.2: 4.14). */
const nodes = custom<readonly TraceNode[]>([], () => ({
  read(b, o, end) {
    const where = [traceRespName, 'nodes', o] as const;
    if (o >= end) throw new WireFault('truncated', ...where);
    const count = b[o++]!;
    if (o + count * NODE_OCTETS > end) throw new WireFault('counted-overrun', ...where);
    const list: TraceNode[] = [];
    for (let i = 0; i < count; i++, o += NODE_OCTETS) {
      list.push({
        result: b[o]!,
        nodeId: fixedText(b, o + 1, o + 7),
        receiveTime: fixedText(b, o + 7, o + 23),
        sendTime: fixedText(b, o + 23, o + 39),
        reserve: latin1(b, o + 39, o + 47),
      });
    }
    cursor.at = o;
    return list;
  },
  write(list, b, o) {
    if (list.length > 255) throw new WireFault('value-too-long', traceRespName, 'nodes', o);
    b[o++] = list.length;
    for (const node of list) {
      b[o++] = node.result;
      for (const [text, width] of [
        [node.nodeId, 6],
        [node.receiveTime, 16],
        [node.sendTime, 16],
        [node.reserve, 8],
      ] as const) {
        if (text.length > width) throw new WireFault('value-too-long', traceRespName, 'nodes', o);
        o = putFixed(b, text, o, width);
      }
    }
    return o;
  },
  size: (list) => 1 + list.length * NODE_OCTETS,
}));
const traceRespName = 'SGIP_TRACE_RESP';
export const traceResp = definePdu(0x80001000, traceRespName, { nodes });

/** Between a gateway and a billing system; not for SPs. */
export const checkUser = definePdu(0x00000010, 'SGIP_CHECKUSER', {
  userName: octets(16),
  password: octets(16),
  userNumber: number,
  reserve,
});
/** `status`: 0 cancelled, 1 suspended for debt, 2 normal. */
export const checkUserResp = definePdu(0x80000010, 'SGIP_CHECKUSER_RESP', { result: uint8, status: uint8, reserve });

const tables = {
  bind,
  bindResp,
  unbind,
  unbindResp,
  submit,
  submitResp,
  deliver,
  deliverResp,
  report,
  reportResp,
  userRpt,
  userRptResp,
  trace,
  traceResp,
  checkUser,
  checkUserResp,
} as const;

/** Commands of routing servers (GNS), 0x6 to 0xF: nothing of ours, so they are named and answered, not read. */
const gns = [
  'ADDSP',
  'MODIFYSP',
  'DELETESP',
  'QUERYROUTE',
  'ADDTELESEG',
  'MODIFYTELESEG',
  'DELETETELESEG',
  'ADDSMG',
  'MODIFYSMG',
  'DELETESMG',
].flatMap((name, i) => [
  definePdu(6 + i, `SGIP_${name}`, { body: restOctets }),
  definePdu(RESPONSE + 6 + i, `SGIP_${name}_RESP`, answer),
]);

/** The compiled codecs, by name and by command id. */
export interface SgipCodec extends Plans<typeof tables> {
  readonly byId: ReadonlyMap<number, Plan>;
  readonly plans: readonly Plan[];
}

let codec: SgipCodec | undefined;

/** The codec, made once. */
export function sgipCodec(): SgipCodec {
  if (codec === undefined) {
    const { named, plans: ours } = compile(tables, SGIP_12);
    const plans = [...ours, ...compile({ ...gns }, SGIP_12).plans];
    codec = { ...named, plans, byId: plansById(plans) };
  }
  return codec;
}
