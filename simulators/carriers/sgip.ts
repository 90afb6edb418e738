import { connect } from 'node:net';
import * as framing from '../../protocols/sgip/header.ts';
import { FRAME, HEADER, RESPONSE, SEQUENCE_AT, writeHeader } from '../../protocols/sgip/header.ts';
import { RESULT } from '../../protocols/sgip/result.ts';
import { traceTime } from '../../protocols/sgip/sequence.ts';
import { LOGIN_TYPE, sgipCodec } from '../../protocols/sgip/tables.ts';
import { codingOf, hasUdh } from '../../protocols/text/msg-fmt.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { pick } from '../../protocols/wire/plan.ts';
import type { Behaviour } from '../behaviour.ts';
import type { Centre } from '../centre.ts';
import { cutMo } from '../mo-cut.ts';
import { numberIn } from '../number-form.ts';
import { sgipTold } from '../outcome.ts';
import type { AccountBook, Codes, Protocol, Session, Speaker } from '../protocol.ts';
import { createSgipSequences, sequenceAt } from '../sgip-sequence.ts';
import { writerTo } from '../writer.ts';
import { departSgip, MORE_OCTETS } from './report-forms-sgip.ts';

const CODES: Codes = {
  error: RESULT.SYSTEM_FAILURE,
  throttled: RESULT.FLOW_CONTROL,
  queueFull: RESULT.QUEUE_FULL,
  bindFailed: RESULT.BAD_LOGIN,
  tooManySessions: RESULT.TOO_MANY_CONNECTIONS,
  signature: 76,
  frequency: 77,
};

/** An SMG of Beijing (1.2: 3.3). */
const NODE = 101001;
const RESERVE = 8;
/** A timestamp of the thirteenth month. */
const NO_DATE = 1_399_000_000;
const MOST_USERS = 100;
const MOST_OCTETS = 140;
/** Between two attempts to dial an account. */
const REDIAL_MS = 200;

const BIND = 0x01;
const SUBMIT = 0x03;
const DELIVER_RESP = 0x80000004;
const REPORT_RESP = 0x80000005;

/**
 * A gateway of China Unicom (SMG) that speaks SGIP 1.2. Reports and MO go to accounts that have a callback on connections
 * of its own (login type 2), or down theirs by `behaviour.duplex`.
 */
export function sgipCarrier(centre: Centre): Protocol {
  let connections = 0;
  const dials = new Map<AccountBook, { session: Session; at: number }>();
  return {
    frame: FRAME,
    // The counter, the last of the three numbers.
    headerSize: HEADER,
    sequenceAt: 16,
    loginCommands: [BIND],
    probeCommand: undefined,
    codes: CODES,
    codingOf,
    // Of MO only: a message is named by the sequence number of its submit.
    nextId: () => '',
    reportId: (id) => id,
    cut: cutMo,
    speak: (session) => speak(session, centre, connections++),
    starved(book) {
      if (book.callback === undefined || book.sessions.some((s) => s.receives && !s.peer.closed)) return;
      const last = dials.get(book);
      const at = centre.now();
      if (last !== undefined && (!last.session.peer.closed || at - last.at < REDIAL_MS)) return;
      const { host = '127.0.0.1', port } = book.callback;
      dials.set(book, { session: centre.accept(connect({ host, port }), book), at });
    },
  };
}

function speak(session: Session, centre: Centre, index: number): Speaker {
  const { peer, dialled } = session;
  const { books } = centre;
  const codec = sgipCodec();
  /** Reads of a Submit what a carrier looks at. */
  const readSubmit = pick(
    codec.submit,
    'spNumber',
    'userNumber',
    'corpId',
    'reportFlag',
    'tpUdhi',
    'messageCoding',
    'messageContent',
  );
  const sequences = createSgipSequences(NODE, index, centre.now);
  const ok = { result: RESULT.OK as number, reserve: '' };
  const report = codec.report.fill({});

  const { write, writeHeaderOnly } = writerTo(peer, framing);
  const answer = (plan: typeof codec.submitResp, result: number, sequence: string): void => {
    ok.result = result;
    write(plan, ok, sequence);
  };

  if (dialled !== undefined) {
    peer.socket.once('connect', () => {
      const { name = dialled.account.name, secret = dialled.account.secret } = dialled.callback ?? {};
      const bind = { loginType: LOGIN_TYPE.SMG_TO_SP, loginName: name, loginPassword: secret, reserve: '' };
      write(codec.bind, bind, sequences.of(0));
    });
  }

  function onBind(b: Buffer, start: number, end: number, sequence: string): void {
    const { loginType, loginName, loginPassword } = codec.bind.decode(b, start + HEADER, end);
    const book = centre.find(loginName);
    let result: number = RESULT.OK;
    if (session.book !== undefined) result = RESULT.LOGGED_IN_ALREADY;
    else if (book === undefined || loginPassword !== book.account.secret) result = RESULT.BAD_LOGIN;
    else if (loginType !== LOGIN_TYPE.SP_TO_SMG && loginType !== LOGIN_TYPE.TRACE) result = RESULT.BAD_LOGIN_TYPE;
    else result = centre.admit(session, book, false);
    if (result === RESULT.OK) session.receives = centre.ruling(session.regime).duplex;
    answer(codec.bindResp, result, sequence);
    if (result === RESULT.OK) centre.opened(session);
    else centre.refused(session);
  }

  function onSubmit(b: Buffer, start: number, end: number, sequence: string): void {
    const pdu = readSubmit(b, start + HEADER, end);
    const { spNumber, userNumber, messageContent, messageCoding } = pdu;
    // 0 asks for failures; 3, a billing record of a month, for its report.
    const wants = [2, 1, 0, 1][pdu.reportFlag] ?? 1;
    const udh = hasUdh(pdu.tpUdhi) ? parseUdh(messageContent) : undefined;
    const fault = udh?.fault === undefined ? faultOf(pdu) : RESULT.BAD_PARAMETER;
    const counter = sequences.counterAt(b, start);
    const id = centre.submit(session, {
      command: SUBMIT,
      sequence: counter,
      source: spNumber,
      destinations: userNumber,
      wants,
      fault,
      named: sequence,
      octets: messageContent,
      udhi: udh !== undefined,
      dataCoding: messageCoding,
    });
    if (id === '' || books.mode === 'nothing') return;
    const account = session.book!.account.name;
    const octets = udh === undefined ? messageContent : messageContent.subarray(udh.length);
    const coding = codingOf(messageCoding, octets);
    const { added } = centre.taken;
    for (const destination of userNumber) {
      books.arrived({ account, source: spNumber, destination, coding, octets, concat: udh?.concat, id, added });
    }
  }

  /** What an SMG refuses a Submit for (1.2: 4.3, table of errors). */
  function faultOf({ userNumber, messageContent, corpId }: ReturnType<typeof readSubmit>): number {
    if (userNumber.length === 0 || userNumber.length > MOST_USERS) return RESULT.BAD_PARAMETER;
    if (!userNumber.every((number) => /^86\d{11}$/.test(number))) return RESULT.BAD_NUMBER;
    if (messageContent.length > MOST_OCTETS) return RESULT.BAD_LENGTH;
    return /^\d{1,5}$/.test(corpId) ? RESULT.OK : RESULT.BAD_PARAMETER;
  }

  function onTrace(b: Buffer, start: number, end: number, sequence: string): void {
    books.counts.queries++;
    const { submitSequenceNumber } = codec.trace.decode(b, start + HEADER, end);
    const result = centre.waiting(submitSequenceNumber) === undefined ? 0 : 1;
    const time = traceTime(beijingTime(centre.now()));
    const node = { result, nodeId: String(NODE), receiveTime: time, sendTime: result === 0 ? time : '', reserve: '' };
    write(codec.traceResp, { nodes: [node] }, sequence);
  }

  function onAnswer(b: Buffer, start: number, end: number, command: number): void {
    if (command === REPORT_RESP || command === DELIVER_RESP) {
      // Result is the first octet, whatever is behind it.
      const result = start + HEADER < end ? b[start + HEADER]! : RESULT.BAD_LENGTH;
      centre.answered(session, sequences.counterAt(b, start), result === RESULT.OK);
    } else if (command === codec.bindResp.id && dialled !== undefined) {
      if (codec.bindResp.decode(b, start + HEADER, end).result === RESULT.OK) centre.joined(session, dialled);
      else centre.refused(session);
    }
  }

  function onRequest(b: Buffer, start: number, end: number, command: number) {
    const sequence = sequenceAt(b, start);
    if (command === codec.bind.id) return onBind(b, start, end, sequence);
    if (command === codec.unbind.id) {
      writeHeaderOnly(codec.unbindResp.id, sequence);
      return centre.parted(session);
    }
    if (session.book === undefined) return peer.end();
    if (command === SUBMIT && dialled === undefined) return onSubmit(b, start, end, sequence);
    if (command === codec.trace.id) return onTrace(b, start, end, sequence);
    // Well-formed, but nothing that we serve: told so (1.2: 3.7.2.4).
    ok.result = RESULT.BAD_COMMAND;
    peer.room(HEADER + 9);
    const body = codec.submitResp.encode(ok, peer.out, peer.at + HEADER);
    writeHeader(peer.out, peer.at, body - peer.at, (command | RESPONSE) >>> 0, sequence);
    peer.at = body;
  }

  /** Makes the sequence number of the frame at `start` one that is not as specified; its counter stays. */
  function relayId(start: number, { idLayout }: Behaviour): void {
    if (idLayout.sgip === 'zero-node') peer.out.writeUInt32BE(0, start + SEQUENCE_AT);
    else peer.out.writeUInt32BE(NO_DATE, start + SEQUENCE_AT + 4);
  }

  return {
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      try {
        if (command >= RESPONSE) onAnswer(b, start, end, command);
        else onRequest(b, start, end, command);
      } catch (e) {
        if (!(e instanceof WireFault)) throw e;
        // What cannot be read ends the connection (1.2: 3.7.2.4).
        books.counts.malformed++;
        peer.end();
      }
    },

    answer(_command, _sequence, code, id, rules) {
      const start = peer.at;
      answer(codec.submitResp, code, id);
      if (rules.answerForm.sgip === 'plain') return;
      // Reserve is left out, or there is more behind it (deviation 8).
      peer.room(RESERVE);
      if (rules.answerForm.sgip === 'long') peer.out.fill(0, peer.at, peer.at + RESERVE);
      peer.at += rules.answerForm.sgip === 'long' ? RESERVE : -RESERVE;
      peer.out.writeUInt32BE(peer.at - start, start);
    },

    report(d, sequence) {
      const rules = centre.ruling(d.regime);
      const [state, errorCode] = sgipTold(d.word);
      report.submitSequenceNumber = d.id;
      report.userNumber = numberIn(rules.numberForm, d.destination);
      report.state = state;
      report.errorCode = errorCode;
      const start = peer.at;
      write(codec.report, report, sequences.of(sequence, rules.clockSkew.ids));
      if (rules.reportForm.sgip !== 'plain') {
        peer.room(MORE_OCTETS);
        peer.at = departSgip(rules.reportForm.sgip, peer.out, start, peer.at);
        peer.out.writeUInt32BE(peer.at - start, start);
      }
      if (rules.idLayout.sgip !== 'plain') relayId(start, rules);
    },

    mo(d, part, sequence) {
      const rules = centre.ruling(d.regime);
      const deliver = codec.deliver.fill({
        userNumber: numberIn(rules.numberForm, d.destination),
        spNumber: d.source,
        tpUdhi: part.udhi ? 1 : 0,
        messageCoding: part.dataCoding,
        messageContent: part.octets,
      });
      const start = peer.at;
      write(codec.deliver, deliver, sequences.of(sequence, rules.clockSkew.ids));
      if (rules.idLayout.sgip !== 'plain') relayId(start, rules);
    },

    // There is no such thing in SGIP.
    probe: () => undefined,
  };
}
