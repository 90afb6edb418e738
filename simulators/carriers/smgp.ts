import * as framing from '../../protocols/cmpp/header.ts';
import { HEADER, RESPONSE } from '../../protocols/cmpp/header.ts';
import { authenticatorServer, verifyClient } from '../../protocols/smgp/auth.ts';
import { FRAME } from '../../protocols/smgp/header.ts';
import { addToMsgId, MSG_ID, msgIdOf, SEQUENCES } from '../../protocols/smgp/msg-id.ts';
import { reportText, writeReport } from '../../protocols/smgp/report.ts';
import { STATUS } from '../../protocols/smgp/result.ts';
import { smgpCodec } from '../../protocols/smgp/tables.ts';
import { octetTlv, TAG } from '../../protocols/smgp/tlv-tags.ts';
import { stateOf, stateWord } from '../../protocols/smpp/receipt.ts';
import { codingOf, hasUdh } from '../../protocols/text/msg-fmt.ts';
import { parseUdh } from '../../protocols/text/udh.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { two } from '../../protocols/wire/civil.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { latin1 } from '../../protocols/wire/octets.ts';
import { NO_TLVS, tlvUint } from '../../protocols/wire/tlv.ts';
import type { Centre } from '../centre.ts';
import { createMinuteText } from '../minute-text.ts';
import { cutMo } from '../mo-cut.ts';
import type { Codes, Protocol, Session, Speaker } from '../protocol.ts';
import { writerTo } from '../writer.ts';

/** SMGP has no code for flow control: busy is the nearest. */
const CODES: Codes = {
  error: STATUS.NO_ROUTE,
  throttled: STATUS.BUSY,
  queueFull: STATUS.BUSY,
  bindFailed: STATUS.AUTH_FAILED,
  tooManySessions: STATUS.TOO_MANY_CONNECTIONS,
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
const MINUTE = 60_000;
/** Area 010, device class 06, device 1; fast carriers take the devices behind it too. */
const GATEWAY = 10_061;

/** A gateway of China Telecom (SMGW) that speaks SMGP. `version`: the highest it takes, 0x13 or 0x30. */
export function smgpCarrier(centre: Centre, version: number): Protocol {
  const ids = createIds(centre);
  return {
    frame: FRAME,
    sequenceAt: 8,
    codes: CODES,
    codingOf,
    nextId: ids,
    reportId: addToMsgId,
    cut: cutMo,
    speak: (session) => speak(session, centre, version, ids),
  };
}

/** MsgIDs that do not repeat at any speed: when a minute has used up a gateway's million, the next gateway goes on. */
function createIds(centre: Centre): (count: number) => string {
  const bcd = Array.from({ length: 100 }, (_, n) => String.fromCharCode(Math.floor(n / 10) * 16 + (n % 10)));
  let minute = 0;
  let gateway = GATEWAY;
  let used = 0;
  let front = '';
  // A carrier that is started again within a minute goes on elsewhere.
  let sequence = Math.floor(centre.now() * 8) % SEQUENCES;

  return (count) => {
    const now = Math.floor(centre.now() / MINUTE);
    used += count;
    if (now !== minute || used > SEQUENCES) {
      gateway = now === minute ? gateway + 1 : GATEWAY;
      minute = now;
      used = count;
      front = msgIdOf({ ...beijingTime(now * MINUTE), gateway, sequence: 0 }).slice(0, MSG_ID - 3);
    }
    const [high, middle] = [Math.floor(sequence / 10_000), Math.floor(sequence / 100) % 100];
    const id = front + bcd[high]! + bcd[middle]! + bcd[sequence % 100]!;
    sequence = (sequence + count) % SEQUENCES;
    return id;
  };
}

function speak(session: Session, centre: Centre, offered: number, nextId: (count: number) => string): Speaker {
  const { peer } = session;
  const { books } = centre;
  let codec = smgpCodec(offered);
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
    submits = login.loginMode !== RECEIVES;
    centre.opened(session);
  }

  function onSubmit(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = codec.submit.decode(b, o, end);
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
        id: addToMsgId(id, k),
      });
    }
  }

  /** What a gateway refuses a Submit for (3.0.3: appendix of the statuses). */
  function faultOf({ destTermId, msgContent, srcTermId }: ReturnType<typeof codec.submit.decode>): number {
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
      return writeHeaderOnly((ACTIVE_TEST | RESPONSE) >>> 0, sequence);
    }
    if (command === LOGIN) return onLogin(b, o, end, sequence);
    if (command === EXIT) {
      writeHeaderOnly((EXIT | RESPONSE) >>> 0, sequence);
      return peer.end();
    }
    if (session.book === undefined) return peer.end();
    if (command === SUBMIT && submits) return onSubmit(b, o, end, sequence);
    if (command === QUERY) return onQuery(b, o, end, sequence);
    books.counts.malformed++;
    peer.end();
  }

  const deliver = codec.deliver.fill({ isReport: 1 });
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
      const state = stateOf(d.word);
      const delivered = d.word === 'DELIVERED';
      d.echo = nextId(1);
      deliver.msgId = d.echo;
      deliver.recvTime = `20${doneTime(d.at)}00`;
      deliver.srcTermId = d.destination;
      deliver.destTermId = d.source;
      deliver.msgContent = writeReport({
        id: d.id,
        sub: '001',
        dlvrd: delivered ? '001' : '000',
        submitDate: submitTime(d.submittedAt),
        doneDate: doneTime(d.at),
        // Any other word is reported as it stands.
        stat: state === undefined ? d.word.slice(0, 7) : stateWord(state),
        err: delivered ? '000' : '999',
        text: noText,
      });
      write(codec.deliver, deliver, sequence);
    },

    mo(d, part, sequence) {
      d.echo = d.id;
      const { year, month, day, hour, minute, second } = beijingTime(centre.now());
      const value = codec.deliver.fill({
        msgId: d.id,
        recvTime: String(year) + [month, day, hour, minute, second].map(two).join(''),
        srcTermId: d.destination,
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
