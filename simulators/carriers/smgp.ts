import * as framing from '../../protocols/cmpp/header.ts';
import { HEADER, RESPONSE, SEQUENCE_ID_AT } from '../../protocols/cmpp/header.ts';
import { authenticatorServer, verifyClient } from '../../protocols/smgp/auth.ts';
import { FRAME } from '../../protocols/smgp/header.ts';
import { MSG_ID } from '../../protocols/smgp/msg-id.ts';
import { type Report, reportText, writeReport } from '../../protocols/smgp/report.ts';
import { STATUS } from '../../protocols/smgp/result.ts';
import { type SmgpCodec, smgpCodec } from '../../protocols/smgp/tables.ts';
import { octetTlv, TAG } from '../../protocols/smgp/tlv-tags.ts';
import { codingOf, hasUdh } from '../../protocols/text/msg-fmt.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { two } from '../../protocols/wire/civil.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { latin1, putUint32 } from '../../protocols/wire/octets.ts';
import { pick } from '../../protocols/wire/plan.ts';
import { NO_TLVS, tlvUint } from '../../protocols/wire/tlv.ts';
import type { Centre } from '../centre.ts';
import { createMinuteText } from '../minute-text.ts';
import { cutMo } from '../mo-cut.ts';
import { numberIn } from '../number-form.ts';
import { toldOf } from '../outcome.ts';
import type { Codes, Protocol, Session, Speaker } from '../protocol.ts';
import { createReportStencil, nothingTold, type Told } from '../report-stencil.ts';
import { writerTo } from '../writer.ts';
import { createSmgpIds, type SmgpIds } from './ids-smgp.ts';
import { smgpReport } from './report-forms-smgp.ts';

/** SMGP has no code for flow control: busy is the nearest. */
const CODES: Codes = {
  error: STATUS.NO_ROUTE,
  throttled: STATUS.BUSY,
  queueFull: STATUS.BUSY,
  bindFailed: STATUS.AUTH_FAILED,
  tooManySessions: STATUS.TOO_MANY_CONNECTIONS,
  signature: STATUS.NO_ROUTE,
  frequency: 75,
};

const LOGIN = 0x01;
const SUBMIT = 0x02;
const ACTIVE_TEST = 0x04;
const EXIT = 0x06;
const QUERY = 0x07;
const DELIVER_RESP = 0x80000003;

/** LoginMode: what a connection is for. */
const SENDS = 0;
const RECEIVES = 1;

const MOST_RECEIVERS = 100;
const MOST_OCTETS = 140;

/** A gateway of China Telecom (SMGW) that speaks SMGP. `version`: the highest it takes, 0x13 or 0x30. */
export function smgpCarrier(centre: Centre, version: number): Protocol {
  const ids = createSmgpIds(centre.now);
  return {
    frame: FRAME,
    headerSize: HEADER,
    sequenceAt: 8,
    loginCommands: [LOGIN],
    probeCommand: ACTIVE_TEST,
    codes: CODES,
    codingOf,
    nextId: ids.next,
    reportId: ids.plus,
    cut: cutMo,
    speak: (session) => speak(session, centre, version, ids.next),
  };
}

/** Reads of a Submit what a carrier looks at. */
const submitReader = ({ submit }: SmgpCodec) =>
  pick(submit, 'needReport', 'msgFormat', 'srcTermId', 'destTermId', 'msgContent', 'tlvs');

function speak(session: Session, centre: Centre, offered: number, nextId: SmgpIds['next']): Speaker {
  const { peer } = session;
  const { books } = centre;
  let codec = smgpCodec(offered);
  let readSubmit = submitReader(codec);
  let submits = false;
  const submitTime = createMinuteText();
  const doneTime = createMinuteText();

  const { write, writeHeaderOnly } = writerTo(peer, framing);
  function onLogin(b: Buffer, o: number, end: number, sequence: number) {
    const login = codec.login.decode(b, o, end);
    const book = centre.find(login.clientId);
    let status: number;
    if (session.book !== undefined || book === undefined) status = STATUS.AUTH_FAILED;
    else if (!verifyClient(login, book.account.secret)) status = STATUS.AUTH_FAILED;
    else if (login.clientVersion > offered) status = STATUS.VERSION_TOO_HIGH;
    else status = centre.admit(session, book, login.loginMode !== SENDS);
    // The answer has one layout in all versions.
    const proof = authenticatorServer(status, login.authenticatorClient, book?.account.secret ?? '');
    write(codec.loginResp, { status, authenticatorServer: proof, serverVersion: offered }, sequence);
    if (status !== STATUS.OK) return centre.refused(session);
    codec = smgpCodec(login.clientVersion);
    readSubmit = submitReader(codec);
    submits = login.loginMode !== RECEIVES;
    centre.opened(session);
  }

  function onSubmit(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = readSubmit(b, o, end);
    const { srcTermId, destTermId, msgFormat, msgContent } = pdu;
    const udh = hasUdh(tlvUint(pdu.tlvs, TAG.tpUdhi) ?? 0) ? parseUdh(msgContent) : undefined;
    const fault = udh?.fault === undefined ? faultOf(pdu) : STATUS.BAD_STRUCTURE;
    const id = centre.submit(session, {
      command: SUBMIT,
      sequence,
      source: srcTermId,
      destinations: destTermId,
      wants: pdu.needReport === 1 ? 1 : 0,
      fault,
      named: '',
      octets: msgContent,
      udhi: udh !== undefined,
      dataCoding: msgFormat,
    });
    if (id === '' || books.mode === 'nothing') return;
    const account = session.book!.account.name;
    const octets = udh === undefined ? msgContent : msgContent.subarray(udh.length);
    const coding = codingOf(msgFormat, octets);
    for (let k = 0; k < destTermId.length; k++) {
      const destination = destTermId[k]!;
      books.arrived({
        account,
        source: srcTermId,
        destination,
        coding,
        octets,
        concat: udh?.concat,
        id: centre.protocol.reportId(id, k, centre.taken),
        added: centre.taken.added,
      });
    }
  }

  /** What a gateway refuses a Submit for (3.0.3: appendix of the statuses). */
  function faultOf({ destTermId, msgContent, srcTermId }: ReturnType<typeof readSubmit>): number {
    if (destTermId.length === 0 || destTermId.length > MOST_RECEIVERS) return STATUS.BAD_DEST_TERM_ID;
    if (destTermId.includes('')) return STATUS.BAD_DEST_TERM_ID;
    if (msgContent.length > MOST_OCTETS) return STATUS.BAD_MSG_LENGTH;
    return srcTermId === '' ? STATUS.BAD_SRC_TERM_ID : STATUS.OK;
  }

  function onQuery(b: Buffer, o: number, end: number, sequence: number): void {
    const { counts, states } = books;
    counts.queries++;
    const asked = codec.query.decode(b, o, end);
    const delivered = states.get('DELIVERED') ?? 0;
    const figures = {
      mtTlMsg: counts.submits,
      mtTlusr: counts.messages,
      mtScs: delivered,
      mtWt: Math.max(0, counts.accepted - counts.reports),
      mtFl: counts.reports - delivered,
      moScs: counts.mosAnswered,
      moWt: counts.mos - counts.mosAnswered,
      moFl: 0,
      reserve: '',
    };
    write(codec.queryResp, { ...asked, ...figures }, sequence);
  }

  function onRequest(b: Buffer, o: number, end: number, command: number, sequence: number) {
    if (command === ACTIVE_TEST) {
      books.counts.probes++;
      // Some do not echo the sequence (deviation 9).
      const mute = centre.ruling(session.regime).answerForm.smgp === 'active-test-zero';
      return writeHeaderOnly((ACTIVE_TEST | RESPONSE) >>> 0, mute ? 0 : sequence);
    }
    if (command === LOGIN) return onLogin(b, o, end, sequence);
    if (command === EXIT) {
      writeHeaderOnly((EXIT | RESPONSE) >>> 0, sequence);
      return centre.parted(session);
    }
    if (session.book === undefined) return peer.end();
    if (command === SUBMIT && submits) return onSubmit(b, o, end, sequence);
    if (command === QUERY) return onQuery(b, o, end, sequence);
    books.counts.malformed++;
    peer.end();
  }

  const deliver = codec.deliver.fill({ isReport: 1 });
  const told = nothingTold();
  function reportOf(t: Told): Report {
    const { stat, err } = toldOf('smgp', t.word);
    const sub = String(t.counted).padStart(3, '0');
    const dlvrd = stat === 'DELIVRD' ? sub : '000';
    return { id: t.id, sub, dlvrd, submitDate: t.submitted, doneDate: t.done, stat, err, text: noText };
  }
  function carry(t: Told, content: Buffer, sequence: number): void {
    deliver.msgId = t.ownId;
    deliver.recvTime = `20${t.done}00`;
    deliver.srcTermId = t.number;
    deliver.destTermId = t.source;
    deliver.msgContent = content;
    write(codec.deliver, deliver, sequence);
  }
  const writePlain = createReportStencil(
    peer,
    { id: 1, number: 1, ownId: 1 },
    (t) => carry(t, writeReport(reportOf(t)), 0),
    (out, start, _end, sequence) => putUint32(out, start + SEQUENCE_ID_AT, sequence),
  );
  const noText = reportText(Buffer.alloc(0));

  return {
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 8);
      if (command === DELIVER_RESP) {
        const status = start + 26 <= end ? b.readUInt32BE(start + HEADER + MSG_ID) : STATUS.BAD_STRUCTURE;
        const echo = latin1(b, start + HEADER, Math.min(end, start + HEADER + MSG_ID));
        return centre.answered(session, sequence, status === STATUS.OK, echo);
      }
      if (command >= RESPONSE) return;
      try {
        onRequest(b, start + HEADER, end, command, sequence);
      } catch (e) {
        if (!(e instanceof WireFault)) throw e;
        books.counts.malformed++;
        if (command === SUBMIT && session.book !== undefined) {
          write(codec.submitResp, { msgId: '', status: STATUS.BAD_STRUCTURE }, sequence);
        } else {
          peer.end();
        }
      }
    },

    answer(_command, sequence, code, id) {
      write(codec.submitResp, { msgId: id, status: code }, sequence);
    },

    report(d, sequence) {
      const rules = centre.ruling(d.regime);
      const { clockSkew } = rules;
      d.echo = nextId(1, rules);
      told.id = d.id;
      told.number = numberIn(rules.numberForm, d.destination);
      told.ownId = d.echo;
      told.word = d.word;
      told.source = d.source;
      told.submitted = submitTime(d.submittedAt + clockSkew.submit);
      told.done = doneTime(d.at + clockSkew.done);
      told.counted = d.counted;
      const form = rules.reportForm.smgp;
      if (form === 'plain') return writePlain(told, sequence);
      carry(told, smgpReport(form, reportOf(told)), sequence);
    },

    mo(d, part, sequence) {
      d.echo = d.id;
      const { year, month, day, hour, minute, second } = beijingTime(centre.now());
      const value = codec.deliver.fill({
        msgId: d.id,
        recvTime: String(year) + [month, day, hour, minute, second].map(two).join(''),
        srcTermId: numberIn(centre.ruling(d.regime).numberForm, d.destination),
        destTermId: d.source,
        msgFormat: part.dataCoding,
        msgContent: part.octets,
        tlvs: part.udhi ? [octetTlv(TAG.tpUdhi, 1)] : NO_TLVS,
      });
      write(codec.deliver, value, sequence);
    },

    probe: (sequence) => writeHeaderOnly(ACTIVE_TEST, sequence),
  };
}
