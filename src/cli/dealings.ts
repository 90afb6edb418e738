import { HEADER as CMPP_HEADER } from '../../protocols/cmpp/header.ts';
import { addToMsgId as cmppAdd } from '../../protocols/cmpp/msg-id.ts';
import {
  type Report as CmppReport,
  LONG_REPORT,
  readReport as readCmppReport,
  statClass,
  statState,
} from '../../protocols/cmpp/report.ts';
import { CMPP_30, cmppCodec } from '../../protocols/cmpp/tables.ts';
import { SEQUENCE_AT, HEADER as SGIP_HEADER } from '../../protocols/sgip/header.ts';
import { REPORT_STATE } from '../../protocols/sgip/report.ts';
import { SEQUENCE_OCTETS } from '../../protocols/sgip/sequence.ts';
import { sgipCodec } from '../../protocols/sgip/tables.ts';
import { addToMsgId as smgpAdd } from '../../protocols/smgp/msg-id.ts';
import { readReport as readSmgpReport } from '../../protocols/smgp/report.ts';
import { smgpCodec } from '../../protocols/smgp/tables.ts';
import { TAG as SMGP_TAG } from '../../protocols/smgp/tlv-tags.ts';
import { HEADER as SMPP_HEADER } from '../../protocols/smpp/header.ts';
import { decimalToHex, hexToDecimal, normalForms } from '../../protocols/smpp/message-id.ts';
import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { parseReceipt, receiptText, scanReceipt, stateName, stateOf } from '../../protocols/smpp/receipt.ts';
import { smppCodec } from '../../protocols/smpp/tables.ts';
import type { Coding } from '../../protocols/text/charset.ts';
import { codingOf, hasUdh } from '../../protocols/text/msg-fmt.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { latin1 } from '../../protocols/wire/octets.ts';
import { tlvUint } from '../../protocols/wire/tlv.ts';
import { toldOf } from '../../simulators/outcome.ts';
import type { Dealing, DealingReader } from '../capture/dealing.ts';
import { ANSWER, commandOf } from '../capture/wire.ts';

const OTHER: Dealing = { what: 'other' };
const PROBE: Dealing = { what: 'probe' };
const LOGIN: Dealing = { what: 'login' };
const MO: Dealing = { what: 'mo' };

/** The text's octets, behind the header. */
const behindHeader = (octets: Uint8Array, hasHeader: boolean): Uint8Array =>
  hasHeader ? octets.subarray(parseUdh(octets).length) : octets;

/** A Stat as a scenario names the state: the seven words by their long names, any other as it stands. */
const LONG_NAMES: ReadonlyMap<string, string> = new Map([
  ['DELIVRD', 'DELIVERED'],
  ['EXPIRED', 'EXPIRED'],
  ['DELETED', 'DELETED'],
  ['UNDELIV', 'UNDELIVERABLE'],
  ['ACCEPTD', 'ACCEPTED'],
  ['UNKNOWN', 'UNKNOWN'],
  ['REJECTD', 'REJECTED'],
]);
const wordOf = (stat: string): string => LONG_NAMES.get(stat.toUpperCase()) ?? (stat || statState(stat));

const cmpp: DealingReader = (frame, version) => {
  const codec = cmppCodec(version);
  const end = frame.length;
  switch (commandOf(frame)) {
    case codec.connect.id:
      return LOGIN;
    case codec.activeTest.id:
      return PROBE;
    case codec.submit.id: {
      const { srcId, destTerminalId, registeredDelivery, msgFmt, tpUdhi, msgContent } = codec.submit.decode(
        frame,
        CMPP_HEADER,
        end,
      );
      const hasHeader = hasUdh(tpUdhi);
      return {
        what: 'submit',
        source: srcId,
        destinations: destTerminalId,
        wantsReport: registeredDelivery === 1,
        coding: codingOf(msgFmt, behindHeader(msgContent, hasHeader)),
        octets: msgContent,
        hasHeader,
        id: undefined,
      };
    }
    case codec.submitResp.id: {
      const { msgId, result } = codec.submitResp.decode(frame, CMPP_HEADER, end);
      return { what: 'answer', code: result, throttled: result === 8, idOf: (k) => cmppAdd(msgId, k) };
    }
    case codec.deliver.id: {
      const { registeredDelivery, msgContent } = codec.deliver.decode(frame, CMPP_HEADER, end);
      if (registeredDelivery !== 1) return MO;
      const report = readCmppReport(msgContent);
      if (report === undefined) return OTHER;
      const { msgId, stat, destTerminalId } = report;
      const at = msgContent.byteOffset - frame.byteOffset;
      return {
        what: 'report',
        ids: [
          { form: 'same', id: msgId },
          { form: 'reversed-id', id: [...msgId].reverse().join('') },
          { form: 'swapped-id', id: msgId.slice(4) + msgId.slice(0, 4) },
        ],
        destination: destTerminalId,
        word: wordOf(stat),
        final: statClass(stat) !== 'accepted',
        layout: cmppLayout(report, version, msgContent.length, frame[at - 1]!, end - at - msgContent.length),
      };
    }
    case codec.deliverResp.id:
      return { what: 'taken', good: codec.deliverResp.decode(frame, CMPP_HEADER, end).result === 0 };
    default:
      return OTHER;
  }
};

/** `said`: Msg_Length; `tail`: octets behind the content. */
function cmppLayout(report: CmppReport, version: number, octets: number, said: number, tail: number): string {
  if (said !== octets) return 'lying-length';
  if (version < CMPP_30 && octets >= LONG_REPORT) return 'long';
  if (version >= CMPP_30 && octets < LONG_REPORT) return 'short';
  if (tail === 0) return 'no-tail';
  if (report.submitTime === '' && report.doneTime === '') return 'no-dates';
  return /^\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{4}$/.test(report.doneTime) ? 'plain' : 'junk-dates';
}

const sequenceOf = (frame: Buffer): string => latin1(frame, SEQUENCE_AT, SEQUENCE_AT + SEQUENCE_OCTETS);

/** Octets of a Report. */
const SGIP_REPORT = 64;

const sgip: DealingReader = (frame) => {
  const codec = sgipCodec();
  const end = frame.length;
  switch (commandOf(frame)) {
    case codec.bind.id:
      return LOGIN;
    case codec.submit.id: {
      const { spNumber, userNumber, reportFlag, messageCoding, tpUdhi, messageContent } = codec.submit.decode(
        frame,
        SGIP_HEADER,
        end,
      );
      const hasHeader = hasUdh(tpUdhi);
      return {
        what: 'submit',
        source: spNumber,
        destinations: userNumber,
        wantsReport: reportFlag === 1,
        coding: codingOf(messageCoding, behindHeader(messageContent, hasHeader)),
        octets: messageContent,
        hasHeader,
        id: sequenceOf(frame),
      };
    }
    case codec.submitResp.id: {
      const { result } = codec.submitResp.decode(frame, SGIP_HEADER, end);
      return { what: 'answer', code: result, throttled: result === 88, idOf: () => '' };
    }
    case codec.report.id: {
      const { submitSequenceNumber, userNumber, state, errorCode } = codec.report.decode(frame, SGIP_HEADER, end);
      const silent = state === REPORT_STATE.FAILED && errorCode === 0;
      const known =
        state === REPORT_STATE.SENT
          ? 'DELIVERED'
          : state === REPORT_STATE.WAITING
            ? 'ACCEPTED'
            : silent
              ? 'UNDELIVERABLE'
              : undefined;
      const coded = state !== REPORT_STATE.FAILED && errorCode !== 0;
      return {
        what: 'report',
        ids: [{ form: 'same', id: submitSequenceNumber }],
        destination: userNumber,
        word: known ?? String(errorCode),
        final: state !== REPORT_STATE.WAITING,
        layout: coded
          ? 'sent-with-code'
          : silent
            ? 'failed-without-code'
            : end < SGIP_REPORT
              ? 'no-reserve'
              : end > SGIP_REPORT
                ? 'long'
                : 'plain',
      };
    }
    case codec.reportResp.id:
      return { what: 'taken', good: codec.reportResp.decode(frame, SGIP_HEADER, end).result === 0 };
    case codec.deliver.id:
      return MO;
    case codec.deliverResp.id:
      return { what: 'taken', good: codec.deliverResp.decode(frame, SGIP_HEADER, end).result === 0 };
    default:
      return OTHER;
  }
};

const smgp: DealingReader = (frame, version) => {
  const codec = smgpCodec(version);
  const end = frame.length;
  // Its header is CMPP's.
  switch (commandOf(frame)) {
    case codec.login.id:
      return LOGIN;
    case codec.activeTest.id:
      return PROBE;
    case codec.submit.id: {
      const { srcTermId, destTermId, needReport, msgFormat, msgContent, tlvs } = codec.submit.decode(
        frame,
        CMPP_HEADER,
        end,
      );
      const hasHeader = hasUdh(tlvUint(tlvs, SMGP_TAG.tpUdhi) ?? 0);
      return {
        what: 'submit',
        source: srcTermId,
        destinations: destTermId,
        wantsReport: needReport === 1,
        coding: codingOf(msgFormat, behindHeader(msgContent, hasHeader)),
        octets: msgContent,
        hasHeader,
        id: undefined,
      };
    }
    case codec.submitResp.id: {
      const { msgId, status } = codec.submitResp.decode(frame, CMPP_HEADER, end);
      return { what: 'answer', code: status, throttled: status === 1, idOf: (k) => smgpAdd(msgId, k) };
    }
    case codec.deliver.id: {
      const { isReport, msgContent, srcTermId } = codec.deliver.decode(frame, CMPP_HEADER, end);
      if (isReport !== 1) return MO;
      const report = readSmgpReport(msgContent);
      if (report === undefined) return OTHER;
      return {
        what: 'report',
        ids: [{ form: 'same', id: report.id }],
        destination: srcTermId,
        word: told('smgp', wordOf(report.stat), report.stat, report.err),
        final: statClass(report.stat) !== 'accepted',
        layout: smgpLayout(Buffer.from(msgContent).toString('latin1')),
      };
    }
    case codec.deliverResp.id:
      return { what: 'taken', good: codec.deliverResp.decode(frame, CMPP_HEADER, end).status === 0 };
    default:
      return OTHER;
  }
};

function smgpLayout(content: string): string {
  const [, layout = 'plain'] = SMGP_LAYOUTS.find(([pattern]) => pattern.test(content)) ?? [];
  return layout;
}

/** What tells a layout from the others; the first that fits. */
const SMGP_LAYOUTS: readonly (readonly [RegExp, string])[] = [
  [/^id:[0-9a-f]{20}/i, 'hex-id'],
  [/sSub:/, 's-separators'],
  [/submit_date:[\s\S]* txt:/, 'joined'],
  [/submit_date:/, 'underscores'],
  [/Submit date:/, 'capitals'],
  [/Text:/, 'capital-text'],
  [/^id:[\s\S]{10}(?!.?sub:)[\s\S]*submit date:/i, 'no-labels'],
];

/** A state whose err is another than the usual: both, as they stand. */
function told(protocol: 'smgp' | 'smpp', word: string, stat: string, err: string | undefined): string {
  return err === undefined || err === '' || err === toldOf(protocol, word).err ? word : `${stat}/${err}`;
}

/** data_coding as most carriers read it; what is beyond ASCII in the default alphabet is Latin-1. */
function smppCoding(dataCoding: number, octets: Uint8Array): Coding {
  const plain = octets.every((octet) => octet < 0x80);
  if (dataCoding === 0) return plain ? 'gsm7' : 'latin1';
  if (dataCoding === 1) return plain ? 'ascii' : 'latin1';
  if (dataCoding === 3) return 'latin1';
  return dataCoding === 8 ? 'ucs2' : 'octets';
}

const THROTTLED = 0x58;
const statusOf = (frame: Buffer): number => frame.readUInt32BE(8);

/** An id in the forms that a carrier may write another way in its answer. */
function smppIds(id: string): { form: string; id: string }[] {
  const ids = [{ form: 'same', id: normalForms(id).trimmed }];
  const decimal = hexToDecimal(id);
  const hex = decimalToHex(id);
  if (hex !== undefined) ids.push({ form: 'hex-response', id: normalForms(hex).trimmed });
  if (decimal !== undefined) ids.push({ form: 'hex-receipt', id: decimal });
  return ids;
}

const smpp: DealingReader = (frame, version) => {
  const codec = smppCodec(version);
  const end = frame.length;
  const command = commandOf(frame);
  switch (command) {
    case codec.bindReceiver.id:
    case codec.bindTransmitter.id:
    case codec.bindTransceiver.id:
      return LOGIN;
    case codec.enquireLink.id:
      return PROBE;
    case codec.submitSm.id: {
      const value = codec.submitSm.decode(frame, SMPP_HEADER, end);
      const octets = messageOctets(value);
      const hasHeader = (value.esmClass & UDHI) !== 0;
      return {
        what: 'submit',
        source: value.sourceAddr,
        destinations: [value.destinationAddr],
        wantsReport: (value.registeredDelivery & 3) !== 0,
        coding: smppCoding(value.dataCoding, behindHeader(octets, hasHeader)),
        octets,
        hasHeader,
        id: undefined,
      };
    }
    case codec.submitSmResp.id: {
      const code = statusOf(frame);
      const id = code === 0 && end > SMPP_HEADER ? codec.submitSmResp.decode(frame, SMPP_HEADER, end).messageId : '';
      return {
        what: 'answer',
        code,
        throttled: code === THROTTLED,
        idOf: () => (id === '' ? '' : normalForms(id).trimmed),
      };
    }
    case ANSWER:
      return { what: 'answer', code: statusOf(frame), throttled: statusOf(frame) === THROTTLED, idOf: () => '' };
    case codec.deliverSm.id: {
      const { esmClass, dataCoding, sourceAddr, tlvs, ...message } = codec.deliverSm.decode(frame, SMPP_HEADER, end);
      const octets = messageOctets({ ...message, tlvs });
      const text = receiptText(octets, dataCoding);
      const receipt = parseReceipt(esmClass, text, tlvs, { sniff: true });
      if (receipt === undefined) return MO;
      const known = receipt.stat === undefined || stateOf(receipt.stat) !== undefined;
      return {
        what: 'report',
        ids: smppIds(receipt.id),
        destination: sourceAddr,
        word:
          receipt.stat === undefined
            ? stateName(receipt.state ?? 7)
            : told('smpp', known ? stateName(receipt.state ?? 7) : receipt.stat, receipt.stat, receipt.err),
        final: receipt.final || !known,
        layout: smppLayout(esmClass, receipt.idFrom === 'tlv', text, scanReceipt(text).submitDate),
      };
    }
    case codec.deliverSmResp.id:
      return { what: 'taken', good: statusOf(frame) === 0 };
    default:
      return OTHER;
  }
};

function smppLayout(esmClass: number, parameters: boolean, text: string, date: string | undefined): string {
  if (text === '') return 'no-text';
  if (!parameters) return (esmClass & 0x3c) === 0 ? 'as-mo' : 'no-tlvs';
  if (date === undefined) return 'no-dates';
  if (/^0+$/.test(date)) return 'zero-dates';
  return date.length === 12 ? 'seconds' : date.length === 14 ? 'four-digit-year' : 'plain';
}

/** By the names of the wires. */
export const DEALINGS: ReadonlyMap<string, DealingReader> = new Map([
  ['cmpp', cmpp],
  ['sgip', sgip],
  ['smgp', smgp],
  ['smpp', smpp],
]);
