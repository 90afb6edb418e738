import { createHash } from 'node:crypto';
import { authenticatorIsmg, verifySource } from '../../protocols/cmpp/auth.ts';
import * as framing from '../../protocols/cmpp/header.ts';
import { FRAME, HEADER, RESPONSE, SEQUENCE_ID_AT } from '../../protocols/cmpp/header.ts';
import { addToMsgId } from '../../protocols/cmpp/msg-id.ts';
import { type Report, writeReport } from '../../protocols/cmpp/report.ts';
import { CMPP_30, type CmppCodec, cmppCodec } from '../../protocols/cmpp/tables.ts';
import type { Coding } from '../../protocols/text/charset.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { latin1, putUint32 } from '../../protocols/wire/octets.ts';
import { pick } from '../../protocols/wire/plan.ts';
import type { Centre } from '../centre.ts';
import { createMinuteText } from '../minute-text.ts';
import { cutMo } from '../mo-cut.ts';
import { numberIn } from '../number-form.ts';
import { cmppStat } from '../outcome.ts';
import type { Codes, Protocol, Session, Speaker } from '../protocol.ts';
import { createReportStencil, nothingTold, type Told } from '../report-stencil.ts';
import { writerTo } from '../writer.ts';
import { createCmppIds } from './ids-cmpp.ts';
import { type CmppDeparture, cmppDeparture } from './report-forms-cmpp.ts';

/** Results of SUBMIT_RESP (2.0: 7.4.3.2; 3.0: 8.4.3.2), and statuses of CONNECT_RESP above 4, which are the vendor's. */
const CODES: Codes = {
  error: 9,
  throttled: 8,
  queueFull: 8,
  bindFailed: 5,
  tooManySessions: 5,
  signature: 9,
  frequency: 9,
};
const BAD_STRUCTURE = 1;
const TOO_LONG = 6;
const OTHER = 9;
const BAD_MSG_SRC = 11;
const BAD_DESTINATION = 13;

/** Statuses of CONNECT_RESP. */
const BAD_SOURCE = 2;
const BAD_SECRET = 3;
const BAD_VERSION = 4;

const CONNECT = 0x01;
const TERMINATE = 0x02;
const SUBMIT = 0x04;
const QUERY = 0x06;
const CANCEL = 0x07;
const ACTIVE_TEST = 0x08;
const DELIVER_RESP = 0x80000005;

/** Text of what a Msg_Fmt says: the specification's five, else by the bits of 03.38's general coding. */
function codingOf(msgFmt: number): Coding {
  switch (msgFmt) {
    case 0:
      return 'ascii';
    case 3:
    case 4:
      return 'octets';
    case 15:
      return 'gbk';
    default:
      if (msgFmt >= 0xf0) return (msgFmt & 4) === 0 ? 'ascii' : 'octets';
      return (['ascii', 'octets', 'ucs2', 'gbk'] as const)[(msgFmt >> 2) & 3]!;
  }
}

/** A gateway of China Mobile (ISMG) that speaks CMPP. `version`: the highest it takes, 0x20, 0x21 or 0x30. */
export function cmppCarrier(centre: Centre, version: number): Protocol {
  const ids = createCmppIds(centre.now);
  return {
    frame: FRAME,
    headerSize: HEADER,
    sequenceAt: 8,
    loginCommands: [CONNECT],
    probeCommand: ACTIVE_TEST,
    codes: CODES,
    codingOf,
    nextId: ids,
    reportId: addToMsgId,
    cut: cutMo,
    speak: (session) => speak(session, centre, version, ids),
  };
}

/** Reads of a SUBMIT what a carrier looks at. */
const submitReader = ({ submit }: CmppCodec) =>
  pick(
    submit,
    'pkTotal',
    'pkNumber',
    'registeredDelivery',
    'tpUdhi',
    'msgFmt',
    'msgSrc',
    'srcId',
    'destTerminalId',
    'msgContent',
  );

function speak(session: Session, centre: Centre, offered: number, nextId: ReturnType<typeof createCmppIds>): Speaker {
  const { peer } = session;
  const { books } = centre;
  let codec = cmppCodec(offered);
  let readSubmit = submitReader(codec);
  const submitTime = createMinuteText();
  const doneTime = createMinuteText();
  let smscSequence = 0;

  const { write, writeHeaderOnly } = writerTo(peer, framing);

  function onConnect(b: Buffer, o: number, end: number, sequence: number): void {
    const login = codec.connect.decode(b, o, end);
    const book = centre.find(login.sourceAddr);
    let status = 0;
    if (session.book !== undefined || book === undefined) status = BAD_SOURCE;
    else if (!verifySource(login, book.account.secret)) status = BAD_SECRET;
    else if (login.version > offered) status = BAD_VERSION;
    else status = centre.admit(session, book, true);
    // The answer is in the layout that will be spoken; where we do not agree, in ours.
    if (status === 0) {
      codec = cmppCodec(login.version);
      readSubmit = submitReader(codec);
    }
    const secret = book?.account.secret ?? '';
    const proof = proofOf(status, login.authenticatorSource, secret);
    write(codec.connectResp, { status, authenticatorIsmg: proof, version: offered }, sequence);
    if (status === 0) centre.opened(session);
    else centre.refused(session);
  }

  /** AuthenticatorISMG, over the Status as the wire has it or as some compute it (deviation 11). */
  function proofOf(status: number, source: string, secret: string): string {
    switch (centre.ruling(session.regime).answerForm.cmpp) {
      case 'wide-proof':
        return authenticatorIsmg(status, CMPP_30, source, secret);
      case 'digit-proof':
        return latin1(createHash('md5').update(`${status}${source}${secret}`, 'latin1').digest(), 0, 16);
      case 'no-proof':
        return '';
      default:
        return authenticatorIsmg(status, codec.version, source, secret);
    }
  }

  function onSubmit(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = readSubmit(b, o, end);
    // 2 asks for a billing record that nobody delivers (2.x only).
    const wants = pdu.registeredDelivery === 1 ? 1 : 0;
    const { srcId, destTerminalId, msgFmt, msgContent } = pdu;
    // Some pass on the octet of 03.40, where the bit is 0x40.
    const udh = (pdu.tpUdhi & 0x41) === 0 ? undefined : parseUdh(msgContent);
    const fault = udh?.fault === undefined ? faultOf(pdu) : BAD_STRUCTURE;
    const id = centre.submit(session, {
      command: SUBMIT,
      sequence,
      source: srcId,
      destinations: destTerminalId,
      wants,
      fault,
      named: '',
      octets: msgContent,
      udhi: udh !== undefined,
      dataCoding: msgFmt,
    });
    if (id === '' || books.mode === 'nothing') return;
    const account = session.book!.account.name;
    const octets = udh === undefined ? msgContent : msgContent.subarray(udh.length);
    const concat = udh?.concat;
    const coding = codingOf(msgFmt);
    const { added } = centre.taken;
    for (let k = 0; k < destTerminalId.length; k++) {
      const destination = destTerminalId[k]!;
      books.arrived({ account, source: srcId, destination, coding, octets, concat, id: addToMsgId(id, k), added });
    }
  }

  /** What a gateway refuses a SUBMIT for (3.0: 8.4.3.1). */
  function faultOf(pdu: ReturnType<typeof readSubmit>): number {
    const is30 = codec.version >= CMPP_30;
    const n = pdu.destTerminalId.length;
    if (n === 0 || n >= 100 || pdu.destTerminalId.includes('')) return is30 ? BAD_DESTINATION : OTHER;
    if (pdu.pkNumber === 0 || pdu.pkNumber > pdu.pkTotal) return BAD_STRUCTURE;
    if (pdu.msgContent.length > (pdu.msgFmt === 0 ? 159 : 140)) return TOO_LONG;
    if (pdu.msgSrc !== session.book!.account.name) return is30 ? BAD_MSG_SRC : OTHER;
    return 0;
  }

  function onQuery(b: Buffer, o: number, end: number, sequence: number): void {
    const { counts, states } = books;
    counts.queries++;
    const { time, queryType, queryCode } = codec.query.decode(b, o, end);
    const delivered = states.get('DELIVERED') ?? 0;
    const mtFl = counts.reports - delivered;
    const figures = {
      mtTlmsg: counts.submits,
      mtTlusr: counts.messages,
      mtScs: delivered,
      mtWt: Math.max(0, counts.accepted - counts.reports),
      mtFl,
      moScs: counts.mosAnswered,
      moWt: counts.mos - counts.mosAnswered,
      moFl: 0,
    };
    write(codec.queryResp, { time, queryType, queryCode, ...figures }, sequence);
  }

  function onCancel(b: Buffer, o: number, end: number, sequence: number): void {
    books.counts.cancels++;
    const waiting = centre.waiting(codec.cancel.decode(b, o, end).msgId);
    if (waiting !== undefined) waiting.word = 'DELETED';
    const wide = centre.ruling(session.regime).answerForm.cmpp === 'long-cancel';
    write((wide ? cmppCodec(CMPP_30) : codec).cancelResp, { successId: waiting === undefined ? 1 : 0 }, sequence);
  }

  function onRequest(b: Buffer, o: number, end: number, command: number, sequence: number) {
    if (command === ACTIVE_TEST) {
      books.counts.probes++;
      if (centre.ruling(session.regime).answerForm.cmpp === 'short-active-test') {
        return writeHeaderOnly((ACTIVE_TEST | RESPONSE) >>> 0, sequence);
      }
      return write(codec.activeTestResp, { reserved: 0 }, sequence);
    }
    if (command === CONNECT) return onConnect(b, o, end, sequence);
    if (command === TERMINATE) {
      writeHeaderOnly(0x80000002, sequence);
      return centre.parted(session);
    }
    // The protocol has no answer to a request before the login, nor to an unknown one.
    if (session.book === undefined) return peer.end();
    switch (command) {
      case SUBMIT:
        return onSubmit(b, o, end, sequence);
      case QUERY:
        return onQuery(b, o, end, sequence);
      case CANCEL:
        return onCancel(b, o, end, sequence);
      default:
        books.counts.malformed++;
        return peer.end();
    }
  }

  const deliver = codec.deliver.fill({ registeredDelivery: 1 });

  const told = nothingTold();
  const reportOf = (t: Told): Report => ({
    msgId: t.id,
    stat: cmppStat(t.word),
    submitTime: t.submitted,
    doneTime: t.done,
    destTerminalId: t.number,
    smscSequence,
  });
  function address(t: Told): void {
    deliver.msgId = t.ownId;
    deliver.destId = t.source;
    deliver.srcTerminalId = t.number;
  }
  const writePlain = createReportStencil(
    peer,
    { id: 1, number: 2, ownId: 1 },
    (t) => {
      address(t);
      deliver.msgContent = writeReport(reportOf(t), codec.version);
      write(codec.deliver, deliver, 0);
    },
    (out, start, end, sequence) => {
      putUint32(out, start + SEQUENCE_ID_AT, sequence);
      // SMSC_sequence is the report's last field; behind it are Reserve or LinkID.
      putUint32(out, end - (codec.version < CMPP_30 ? 12 : 24), smscSequence);
    },
  );

  /** Writes a report that is not as specified. */
  function depart(report: Report, departure: CmppDeparture, sequence: number): void {
    const said = departure.report?.(report, deliver.destId) ?? report;
    deliver.msgContent = writeReport(said, departure.version ?? codec.version);
    const start = peer.at;
    write(codec.deliver, deliver, sequence);
    if (departure.frame === undefined) return;
    peer.at = departure.frame(peer.out, start, peer.at, codec.version);
    peer.out.writeUInt32BE(peer.at - start, start);
  }

  return {
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 8);
      if (command === DELIVER_RESP) {
        // Result is the rest behind Msg_Id, one octet or four: zero is zero in both. None at all is no good answer.
        const resultAt = start + HEADER + 8;
        let result = resultAt < end ? 0 : BAD_STRUCTURE;
        for (let o = resultAt; o < end; o++) result |= b[o]!;
        const echo = latin1(b, start + HEADER, Math.min(end, resultAt));
        return centre.answered(session, sequence, result === 0, echo);
      }
      if (command >= RESPONSE) return;
      try {
        onRequest(b, start + HEADER, end, command, sequence);
      } catch (e) {
        if (!(e instanceof WireFault)) throw e;
        books.counts.malformed++;
        if (command === SUBMIT && session.book !== undefined) {
          write(codec.submitResp, { msgId: '', result: BAD_STRUCTURE }, sequence);
        } else {
          peer.end();
        }
      }
    },

    answer(_command, sequence, code, id) {
      write(codec.submitResp, { msgId: id, result: code }, sequence);
    },

    report(d, sequence) {
      const rules = centre.ruling(d.regime);
      const { clockSkew, numberForm } = rules;
      d.echo = nextId(1, rules);
      told.id = d.id;
      told.number = numberIn(numberForm, d.destination);
      told.ownId = d.echo;
      told.word = d.word;
      told.source = d.source;
      told.submitted = submitTime(d.submittedAt + clockSkew.submit);
      told.done = doneTime(d.at + clockSkew.done);
      smscSequence++;
      const departure = cmppDeparture(rules.reportForm.cmpp);
      if (departure === undefined) return writePlain(told, sequence);
      address(told);
      depart(reportOf(told), departure, sequence);
    },

    mo(d, part, sequence) {
      d.echo = d.id;
      const value = codec.deliver.fill({
        msgId: d.id,
        destId: d.source,
        srcTerminalId: numberIn(centre.ruling(d.regime).numberForm, d.destination),
        tpUdhi: part.udhi ? 1 : 0,
        msgFmt: part.dataCoding,
        msgContent: part.octets,
      });
      write(codec.deliver, value, sequence);
    },

    probe: (sequence) => writeHeaderOnly(ACTIVE_TEST, sequence),
  };
}
