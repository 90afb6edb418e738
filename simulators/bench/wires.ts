import * as cmppAuth from '../../protocols/cmpp/auth.ts';
import { timestampOf, timestampText } from '../../protocols/cmpp/auth.ts';
import * as cmpp from '../../protocols/cmpp/header.ts';
import * as cmppReport from '../../protocols/cmpp/report.ts';
import { cmppCodec } from '../../protocols/cmpp/tables.ts';
import * as sgip from '../../protocols/sgip/header.ts';
import { LOGIN_TYPE, sgipCodec } from '../../protocols/sgip/tables.ts';
import { authenticatorClient } from '../../protocols/smgp/auth.ts';
import { FRAME as SMGP_FRAME } from '../../protocols/smgp/header.ts';
import * as smgpReport from '../../protocols/smgp/report.ts';
import { smgpCodec } from '../../protocols/smgp/tables.ts';
import * as smpp from '../../protocols/smpp/header.ts';
import { smppCodec } from '../../protocols/smpp/tables.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import type { FrameRule } from '../../protocols/wire/frame.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, textTlv, uintTlv } from '../../protocols/wire/tlv.ts';

/** Account and secret of all the bench's logins; the longest name that every protocol takes. */
export const ACCOUNT = '900001';
export const SECRET = 'bench';
export const SOURCE = '10690000';
/** 70 characters: one UCS-2 segment. */
export const TEXT =
  '您的验证码是482913，请在五分钟内完成登录，切勿将验证码告诉他人。如非本人操作，请忽略本短信或致电客服热线咨询。感谢您的使用与支持！祝您';

/** Stands for a destination, and where it stands its last eight digits are patched. */
const DESTINATION = '8613800000000';
export const DIGITS = 8;

/**
 * A protocol as whole frames of octets, made once by the codecs and then only copied and patched: what drives a carrier,
 * or answers a platform, shall cost next to nothing beside it.
 */
export interface Wire {
  readonly protocol: 'smpp' | 'cmpp' | 'sgip' | 'smgp';
  readonly version: string;
  readonly rule: FrameRule;
  /** The sequence in a header: four octets, or SGIP's twelve, of which the last four count. */
  readonly sequence: { readonly at: number; readonly octets: number };
  login(): Buffer;
  readonly loginResp: Buffer;
  readonly submit: Buffer;
  /** Where the digits of the destination are, in the submit and in the report. */
  readonly submitDigits: number;
  readonly reportDigits: readonly number[];
  readonly submitResp: Buffer;
  /** Octets of an answer to a submit that are all 0 where it was accepted. */
  readonly result: { readonly at: number; readonly octets: number };
  readonly report: Buffer;
  readonly reportResp: Buffer;
  /** Octets that an answer to a report repeats from it. */
  readonly echo: { readonly at: number; readonly octets: number };
  /** The id in the answer (SGIP: none) and in the report: as many octets, binary or decimal. */
  readonly id: {
    readonly octets: number;
    readonly decimal: boolean;
    readonly respAt: number;
    readonly reportAt: readonly number[];
  };
}

type Encode<S> = <F extends Fields>(plan: Plan<F>, value: Partial<Values<F>>, sequence: S) => Buffer;

/** All places of a text in a frame. */
function placesOf(frame: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = frame.indexOf(text, 0, 'latin1'); at >= 0; at = frame.indexOf(text, at + 1, 'latin1')) places.push(at);
  return places;
}

const digitsIn = (frame: Buffer): number[] =>
  placesOf(frame, DESTINATION).map((at) => at + DESTINATION.length - DIGITS);
/** A number as octets that stand for an id until it is patched. */
const idOf = (octets: number): string => 'KLMNOPQRSTUVWXYZ'.slice(0, octets);
const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

function smppWire(): Wire {
  const codec = smppCodec(0x34);
  const encode: Encode<number> = (plan, part, sequence) => {
    const value = plan.fill(part);
    const frame = Buffer.alloc(smpp.frameSize(plan, value));
    smpp.encodeFrame(plan, value, 0, sequence, frame, 0);
    return frame;
  };
  const id = idOf(16);
  const submit = encode(
    codec.submitSm,
    {
      sourceAddr: SOURCE,
      destAddrTon: 1,
      destAddrNpi: 1,
      destinationAddr: DESTINATION,
      registeredDelivery: 1,
      dataCoding: 8,
      shortMessage: ucs2(TEXT),
    },
    0,
  );
  const submitResp = encode(codec.submitSmResp, { messageId: id, tlvs: NO_TLVS }, 0);
  const text = `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`;
  const report = encode(
    codec.deliverSm,
    {
      sourceAddr: DESTINATION,
      destinationAddr: SOURCE,
      esmClass: 4,
      shortMessage: Buffer.from(text, 'latin1'),
      tlvs: [textTlv(TAG.receiptedMessageId, id), uintTlv(TAG.messageState, 1, 2)],
    },
    0,
  );
  return {
    protocol: 'smpp',
    version: '3.4',
    rule: smpp.FRAME,
    sequence: { at: 12, octets: 4 },
    login: () =>
      encode(codec.bindTransceiver, { systemId: ACCOUNT, password: SECRET, interfaceVersion: 0x34, tlvs: NO_TLVS }, 1),
    loginResp: encode(codec.bindTransceiverResp, { systemId: 'SINK', tlvs: NO_TLVS }, 0),
    submit,
    submitDigits: digitsIn(submit)[0]!,
    submitResp,
    result: { at: 8, octets: 4 },
    report,
    reportDigits: digitsIn(report),
    reportResp: encode(codec.deliverSmResp, { messageId: '', tlvs: NO_TLVS }, 0),
    echo: { at: 0, octets: 0 },
    id: { octets: 16, decimal: true, respAt: placesOf(submitResp, id)[0]!, reportAt: placesOf(report, id) },
  };
}

const encodeCmpp: Encode<number> = (plan, part, sequence) => {
  const value = plan.fill(part);
  const frame = Buffer.alloc(cmpp.frameSize(plan, value));
  cmpp.encodeFrame(plan, value, sequence, frame, 0);
  return frame;
};

function cmppWire(version: '2.0' | '3.0'): Wire {
  const octet = version === '2.0' ? 0x20 : 0x30;
  const codec = cmppCodec(octet);
  const encode = encodeCmpp;
  const id = idOf(8);
  const submit = encode(
    codec.submit,
    {
      pkTotal: 1,
      pkNumber: 1,
      registeredDelivery: 1,
      serviceId: 'SIM',
      msgFmt: 8,
      msgSrc: ACCOUNT,
      feeType: '01',
      feeCode: '000000',
      srcId: SOURCE,
      destTerminalId: [DESTINATION],
      msgContent: ucs2(TEXT),
    },
    0,
  );
  const submitResp = encode(codec.submitResp, { msgId: id }, 0);
  const content = cmppReport.writeReport(
    {
      msgId: id,
      stat: 'DELIVRD',
      submitTime: '2601010000',
      doneTime: '2601010000',
      destTerminalId: DESTINATION,
      smscSequence: 1,
    },
    octet,
  );
  const report = encode(
    codec.deliver,
    { destId: SOURCE, srcTerminalId: DESTINATION, registeredDelivery: 1, msgContent: content },
    0,
  );
  const reportResp = encode(codec.deliverResp, {}, 0);
  return {
    protocol: 'cmpp',
    version,
    rule: cmpp.FRAME,
    sequence: { at: 8, octets: 4 },
    login() {
      const timestamp = timestampOf(beijingTime(Date.now()));
      const proof = cmppAuth.authenticatorSource(ACCOUNT, SECRET, timestampText(timestamp));
      return encode(codec.connect, { sourceAddr: ACCOUNT, authenticatorSource: proof, version: octet, timestamp }, 1);
    },
    loginResp: encode(codec.connectResp, { version: octet }, 0),
    submit,
    submitDigits: digitsIn(submit)[0]!,
    submitResp,
    result: { at: cmpp.HEADER + 8, octets: submitResp.length - cmpp.HEADER - 8 },
    report,
    reportDigits: digitsIn(report),
    reportResp,
    echo: { at: cmpp.HEADER, octets: 8 },
    id: { octets: 8, decimal: false, respAt: cmpp.HEADER, reportAt: placesOf(report, id) },
  };
}

function sgipWire(): Wire {
  const codec = sgipCodec();
  const encode: Encode<string> = (plan, part, sequence) => {
    const value = plan.fill(part);
    const frame = Buffer.alloc(sgip.frameSize(plan, value));
    sgip.encodeFrame(plan, value, sequence, frame, 0);
    return frame;
  };
  const none = '\0'.repeat(12);
  const id = idOf(12);
  const submit = encode(
    codec.submit,
    {
      spNumber: SOURCE,
      chargeNumber: '0'.repeat(21),
      userNumber: [DESTINATION],
      corpId: '12345',
      serviceType: 'SIM',
      feeType: 1,
      feeValue: '0',
      givenValue: '0',
      morelatetoMtFlag: 2,
      reportFlag: 1,
      messageCoding: 8,
      messageContent: ucs2(TEXT),
    },
    none,
  );
  const report = encode(codec.report, { submitSequenceNumber: id, userNumber: DESTINATION }, none);
  return {
    protocol: 'sgip',
    version: '1.2',
    rule: sgip.FRAME,
    sequence: { at: sgip.SEQUENCE_AT, octets: 12 },
    login: () =>
      encode(codec.bind, { loginType: LOGIN_TYPE.SP_TO_SMG, loginName: ACCOUNT, loginPassword: SECRET }, none),
    loginResp: encode(codec.bindResp, {}, none),
    submit,
    submitDigits: digitsIn(submit)[0]!,
    submitResp: encode(codec.submitResp, {}, none),
    result: { at: sgip.HEADER, octets: 1 },
    report,
    reportDigits: digitsIn(report),
    reportResp: encode(codec.reportResp, {}, none),
    echo: { at: 0, octets: 0 },
    id: { octets: 12, decimal: false, respAt: sgip.SEQUENCE_AT, reportAt: placesOf(report, id) },
  };
}

function smgpWire(): Wire {
  const codec = smgpCodec(0x30);
  const encode = encodeCmpp;
  const id = idOf(10);
  const submit = encode(
    codec.submit,
    {
      msgType: 6,
      needReport: 1,
      serviceId: 'SIM',
      feeType: '00',
      feeCode: '000000',
      fixedFee: '000000',
      msgFormat: 8,
      srcTermId: SOURCE,
      destTermId: [DESTINATION],
      msgContent: ucs2(TEXT),
    },
    0,
  );
  const content = smgpReport.writeReport({
    id,
    sub: '001',
    dlvrd: '001',
    submitDate: '2601010000',
    doneDate: '2601010000',
    stat: 'DELIVRD',
    err: '000',
    text: smgpReport.reportText(Buffer.alloc(0)),
  });
  const report = encode(
    codec.deliver,
    { isReport: 1, recvTime: '20260101000000', srcTermId: DESTINATION, destTermId: SOURCE, msgContent: content },
    0,
  );
  return {
    protocol: 'smgp',
    version: '3.0',
    rule: SMGP_FRAME,
    sequence: { at: 8, octets: 4 },
    login() {
      const timestamp = timestampOf(beijingTime(Date.now()));
      const proof = authenticatorClient(ACCOUNT, SECRET, timestamp);
      const login = { clientId: ACCOUNT, authenticatorClient: proof, loginMode: 2, timestamp, clientVersion: 0x30 };
      return encode(codec.login, login, 1);
    },
    loginResp: encode(codec.loginResp, { serverVersion: 0x30 }, 0),
    submit,
    submitDigits: digitsIn(submit)[0]!,
    submitResp: encode(codec.submitResp, { msgId: id }, 0),
    result: { at: cmpp.HEADER + 10, octets: 4 },
    report,
    reportDigits: digitsIn(report),
    reportResp: encode(codec.deliverResp, {}, 0),
    echo: { at: cmpp.HEADER, octets: 10 },
    id: { octets: 10, decimal: false, respAt: cmpp.HEADER, reportAt: placesOf(report, id) },
  };
}

/** By the names of the bench's cases. */
export const WIRES: Readonly<Record<string, Wire>> = {
  smpp: smppWire(),
  'cmpp-2.0': cmppWire('2.0'),
  'cmpp-3.0': cmppWire('3.0'),
  sgip: sgipWire(),
  smgp: smgpWire(),
};
