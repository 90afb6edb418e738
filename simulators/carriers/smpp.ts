import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE, writeHeader } from '../../protocols/smpp/header.ts';
import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { STATE, stateOf } from '../../protocols/smpp/receipt.ts';
import { ESME } from '../../protocols/smpp/status.ts';
import { type dataSm, SMPP_34, type SmppCodec, smppCodec, type submitSm } from '../../protocols/smpp/tables.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import {
  faultStatus,
  validateBind,
  validateData,
  validateMulti,
  validateSubmit,
} from '../../protocols/smpp/validate.ts';
import { encode, holds } from '../../protocols/text/charset.ts';
import { limitsFor, segment } from '../../protocols/text/segment.ts';
import { concatUdh } from '../../protocols/text/udh.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { putUint32 } from '../../protocols/wire/octets.ts';
import type { Fields, Pdu, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, type Tlv, textTlv, uintTlv } from '../../protocols/wire/tlv.ts';
import type { Behaviour } from '../behaviour.ts';
import type { Centre } from '../centre.ts';
import { createMinuteText } from '../minute-text.ts';
import { numberIn } from '../number-form.ts';
import { toldOf } from '../outcome.ts';
import { partAt, sarConcat } from '../part.ts';
import type { Codes, Delivery, Mo, MoPart, Protocol, Session, Speaker } from '../protocol.ts';
import { createReportStencil, nothingTold } from '../report-stencil.ts';
import { codingOf, DATA_CODING } from '../smpp-coding.ts';
import { createSmppIds, type SmppIds } from './ids-smpp.ts';
import { smppReceipt } from './report-forms-smpp.ts';

const CODES: Codes = {
  error: ESME.RSUBMITFAIL,
  throttled: ESME.RTHROTTLED,
  queueFull: ESME.RMSGQFUL,
  bindFailed: ESME.RBINDFAIL,
  tooManySessions: ESME.RALYBND,
  signature: ESME.RX_R_APPN,
  frequency: ESME.RX_R_APPN,
};

const NO_OCTETS = Buffer.alloc(0);
/** Seen in answers to 3.4 clients too. */
const VENDOR_TLV: Tlv = { tag: 0x1403, value: Buffer.from('46000') };

/** Command ids of the frames that come by the million; the rest goes by name. */
const SUBMIT_SM = 0x04;
const DELIVER_SM_RESP = 0x80000005;
const DATA_SM_RESP = 0x80000103;
const SUBMIT_MULTI = 0x21;
const DATA_SM = 0x103;

/** A short message centre that speaks SMPP 3.3, 3.4 or 5.0. `version`: what it offers, 0x34 and the like. */
export function smppCarrier(centre: Centre, version: number): Protocol {
  const ids = createSmppIds(centre.now);
  return {
    frame: FRAME,
    headerSize: HEADER,
    sequenceAt: 12,
    loginCommands: [0x01, 0x02, 0x09],
    probeCommand: 0x15,
    codes: CODES,
    nextId: (_count, rules) => ids.next(rules),
    codingOf,
    reportId: (id, _k, rules) => ids.inReceipt(id, rules),
    cut: cutMo,
    speak: (session) => speak(session, centre, version, ids),
  };
}

function cutMo(mo: Mo): MoPart[] {
  const coding = mo.coding ?? (holds(mo.text, 'gsm7') ? 'gsm7' : 'ucs2');
  const octets = encode(mo.text, coding);
  if (octets === undefined)
    throw new RangeError(`injectMo: the text has a character that ${coding} has not; leave out coding`);
  const dataCoding = DATA_CODING[coding] ?? 0;
  if (mo.long === 'payload') return [{ dataCoding, udhi: false, octets, payload: true }];
  const wide = mo.long === 'udh16';
  const parts = segment(octets, coding, limitsFor(coding, wide ? 7 : 6));
  if (parts.length === 1) return [{ dataCoding, udhi: false, octets, payload: false }];
  nextRef = (nextRef + 1) & 0xffff;
  return parts.map((part, k) => ({
    dataCoding,
    udhi: true,
    octets: Buffer.concat([concatUdh(nextRef, parts.length, k + 1, wide), part]),
    payload: false,
  }));
}
let nextRef = 0;

/** `YYMMDDhhmm` in local time. */
function localMinute(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(d.getFullYear() % 100)}${two(d.getMonth() + 1)}${two(d.getDate())}${two(d.getHours())}${two(d.getMinutes())}`;
}

function speak(session: Session, centre: Centre, offered: number, ids: SmppIds): Speaker {
  const { peer } = session;
  const { books } = centre;
  let codec = smppCodec(SMPP_34);
  let submits = false;

  function write<F extends Fields>(plan: Plan<F>, value: Values<F>, status: number, sequence: number): void {
    peer.room(frameSize(plan, value, status));
    peer.at = encodeFrame(plan, value, status, sequence, peer.out, peer.at);
  }

  /** An answer without a body: refusals, and those that have nothing to say. */
  function writeHeaderOnly(commandId: number, status: number, sequence: number): void {
    peer.room(HEADER);
    peer.at = writeHeader(peer.out, peer.at, HEADER, commandId, status, sequence);
  }

  const nack = (status: number, sequence: number): void => writeHeaderOnly(0x80000000, status, sequence);

  // -- Requests --------------------------------------------------------------------------------------------------

  function onBind(b: Buffer, o: number, end: number, command: number, sequence: number): void {
    const bind = codec.bindTransceiver.decode(b, o, end);
    const book = centre.find(bind.systemId);
    let status: number = validateBind(bind);
    if (session.book !== undefined) status = ESME.RALYBND;
    else if (status === ESME.ROK && book === undefined) status = ESME.RINVSYSID;
    else if (status === ESME.ROK && book!.account.secret !== bind.password) status = ESME.RINVPASWD;
    if (status === ESME.ROK) status = centre.admit(session, book!, command !== 0x02);
    if (status !== ESME.ROK) {
      writeHeaderOnly((command | RESPONSE) >>> 0, status, sequence);
      // A second bind on a bound session is refused, but the session stays (3.4: 5.1.3).
      if (session.book === undefined) centre.refused(session);
      return;
    }
    codec = smppCodec(Math.min(bind.interfaceVersion, offered));
    submits = command !== 0x01;
    const tlvs = codec.version >= SMPP_34 ? [uintTlv(TAG.scInterfaceVersion, 1, offered)] : NO_TLVS;
    const plan = codec.byId.get((command | RESPONSE) >>> 0) as unknown as SmppCodec['bindTransceiverResp'];
    write(plan, { systemId: 'YIMASIM', tlvs }, ESME.ROK, sequence);
    centre.opened(session);
  }

  function onSubmit(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = codec.submitSm.decode(b, o, end);
    take(pdu, validateSubmit(pdu), SUBMIT_SM, sequence);
  }

  function onData(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = codec.dataSm.decode(b, o, end);
    take(pdu, validateData(pdu), DATA_SM, sequence);
  }

  function take(
    pdu: Pdu<typeof submitSm> | Pdu<typeof dataSm>,
    invalid: number,
    command: number,
    sequence: number,
  ): void {
    const { sourceAddr, destinationAddr } = pdu;
    const fault = destinationAddr === '' ? ESME.RINVDSTADR : invalid;
    const wants = pdu.registeredDelivery & 3;
    const { esmClass, dataCoding } = pdu;
    const octets = messageOctets(pdu);
    const id = centre.submit(session, {
      command,
      sequence,
      source: sourceAddr,
      destinations: [destinationAddr],
      wants,
      fault,
      named: '',
      octets,
      udhi: (esmClass & UDHI) !== 0,
      dataCoding,
    });
    if (id === '' || books.mode === 'nothing') return;
    enter(sourceAddr, destinationAddr, esmClass, dataCoding, octets, pdu.tlvs, id);
  }

  function onMulti(b: Buffer, o: number, end: number, sequence: number): void {
    const pdu = codec.submitMulti.decode(b, o, end);
    // Distribution lists are kept at real centres; this one has none (3.4: 5.2.25).
    const lists = pdu.destAddress.some((d) => d.destFlag === 2);
    const fault = validateMulti(pdu) || (lists ? ESME.RINVDLNAME : ESME.ROK);
    const numbers = pdu.destAddress.map((d) => (d.destFlag === 1 ? d.destinationAddr : d.dlName));
    const wants = pdu.registeredDelivery & 3;
    const { sourceAddr, esmClass, dataCoding } = pdu;
    const octets = messageOctets(pdu);
    const id = centre.submit(session, {
      command: SUBMIT_MULTI,
      sequence,
      source: sourceAddr,
      destinations: numbers,
      wants,
      fault,
      named: '',
      octets,
      udhi: (esmClass & UDHI) !== 0,
      dataCoding,
    });
    if (id === '' || books.mode === 'nothing') return;
    for (const number of numbers) enter(sourceAddr, number, esmClass, dataCoding, octets, pdu.tlvs, id);
  }

  /** Enters an accepted part into the books: its place by header or by sar_* parameters, its text without the header. */
  function enter(
    source: string,
    destination: string,
    esmClass: number,
    dataCoding: number,
    message: Uint8Array,
    tlvs: readonly Tlv[],
    id: string,
  ): void {
    const { octets, concat = sarConcat(tlvs) } = partAt(message, (esmClass & UDHI) !== 0);
    const account = session.book!.account.name;
    const { added } = centre.taken;
    books.arrived({ account, source, destination, coding: codingOf(dataCoding), octets, concat, id, added });
  }

  function waitingFor(messageId: string): Delivery | undefined {
    return centre.waiting(centre.protocol.reportId(messageId, 0, centre.ruling(session.regime)));
  }

  function onQuery(b: Buffer, o: number, end: number, sequence: number) {
    books.counts.queries++;
    const { messageId } = codec.querySm.decode(b, o, end);
    const waiting = waitingFor(messageId);
    if (waiting === undefined) return writeHeaderOnly(0x80000003, ESME.RQUERYFAIL, sequence);
    const found = { messageId, finalDate: '', messageState: STATE.enroute, errorCode: 0, tlvs: NO_TLVS };
    write(codec.querySmResp, found, ESME.ROK, sequence);
  }

  function onCancel(b: Buffer, o: number, end: number, sequence: number) {
    books.counts.cancels++;
    const { messageId } = codec.cancelSm.decode(b, o, end);
    const waiting = waitingFor(messageId);
    if (waiting !== undefined) waiting.word = 'DELETED';
    writeHeaderOnly(0x80000008, waiting === undefined ? ESME.RCANCELFAIL : ESME.ROK, sequence);
  }

  function onReplace(b: Buffer, o: number, end: number, sequence: number) {
    const { messageId } = codec.replaceSm.decode(b, o, end);
    const waiting = waitingFor(messageId);
    writeHeaderOnly(0x80000007, waiting === undefined ? ESME.RREPLACEFAIL : ESME.ROK, sequence);
  }

  function onRequest(b: Buffer, o: number, end: number, command: number, sequence: number) {
    switch (command) {
      case 0x01:
      case 0x02:
      case 0x09:
        return onBind(b, o, end, command, sequence);
      case 0x15:
        books.counts.probes++;
        return writeHeaderOnly(0x80000015, ESME.ROK, sequence);
      case 0x06:
        writeHeaderOnly(0x80000006, ESME.ROK, sequence);
        return centre.parted(session);
    }
    if (!codec.byId.has(command)) return nack(ESME.RINVCMDID, sequence);
    const response = (command | RESPONSE) >>> 0;
    if (session.book === undefined || !submits) return writeHeaderOnly(response, ESME.RINVBNDSTS, sequence);
    switch (command) {
      case SUBMIT_SM:
        return onSubmit(b, o, end, sequence);
      case DATA_SM:
        return onData(b, o, end, sequence);
      case SUBMIT_MULTI:
        return onMulti(b, o, end, sequence);
      case 0x03:
        return onQuery(b, o, end, sequence);
      case 0x08:
        return onCancel(b, o, end, sequence);
      case 0x07:
        return onReplace(b, o, end, sequence);
      default:
        return nack(ESME.RINVCMDID, sequence);
    }
  }

  // -- Answers ---------------------------------------------------------------------------------------------------

  function accept(command: number, sequence: number, messageId: string, tlvs: readonly Tlv[]): void {
    if (command === SUBMIT_MULTI) {
      write(codec.submitMultiResp, { messageId, unsuccessSme: [], tlvs }, ESME.ROK, sequence);
      return;
    }
    const plan = command === SUBMIT_SM ? codec.submitSmResp : codec.dataSmResp;
    write(plan, { messageId, tlvs }, ESME.ROK, sequence);
  }

  /** An answer that is not as specified. Forms that are none for this answer leave it as it is. */
  function oddAnswer(
    response: number,
    command: number,
    sequence: number,
    code: number,
    id: string,
    form: Behaviour['answerForm']['smpp'],
  ): void {
    const start = peer.at;
    if (code !== 0) {
      writeHeaderOnly(response, code, sequence);
      if (form !== 'error-body') return;
      peer.room(1);
      peer.out[peer.at++] = 0;
    } else {
      accept(command, sequence, form === 'empty-id' ? '' : id, form === 'vendor-tlv' ? [VENDOR_TLV] : NO_TLVS);
      if (form === 'no-body') peer.at = start + HEADER;
      // Of submit_multi_resp a count comes behind the id.
      else if (form === 'no-nul' && command !== SUBMIT_MULTI) peer.at--;
    }
    peer.out.writeUInt32BE(peer.at - start, start);
  }

  // -- Receipts --------------------------------------------------------------------------------------------------

  const submitTime = createMinuteText(localMinute);
  const doneTime = createMinuteText(localMinute);
  const told = nothingTold();
  const receipt = codec.deliverSm.fill({ esmClass: 0x04, sourceAddrTon: 1, sourceAddrNpi: 1 });
  const writeReceipt = createReportStencil(
    peer,
    { id: 1, number: 1, ownId: 1 },
    (t) => {
      const { stat, err } = toldOf('smpp', t.word);
      const state = stateOf(stat) ?? STATE.undeliverable;
      const sub = String(t.counted).padStart(3, '0');
      const dlvrd = state === STATE.delivered ? sub : '000';
      const dates = `submit date:${t.submitted} done date:${t.done}`;
      const text = `id:${t.id} sub:${sub} dlvrd:${dlvrd} ${dates} stat:${stat} err:${err} text:`;
      receipt.shortMessage = Buffer.from(text, 'latin1');
      receipt.sourceAddr = t.number;
      receipt.destinationAddr = t.source;
      receipt.tlvs = [textTlv(TAG.receiptedMessageId, t.ownId), uintTlv(TAG.messageState, 1, state)];
      write(codec.deliverSm, receipt, ESME.ROK, 0);
    },
    (out, start, _end, sequence) => putUint32(out, start + 12, sequence),
  );

  /** A receipt that is not as specified. */
  function oddReceipt(d: Delivery, sequence: number, rules: Behaviour): void {
    const { clockSkew, numberForm, reportForm } = rules;
    const { stat, err } = toldOf('smpp', d.word);
    const said = smppReceipt(reportForm.smpp, {
      id: d.id,
      tlvId: ids.inTlv(d.id, rules),
      stat,
      err,
      state: stateOf(stat) ?? STATE.undeliverable,
      submittedAt: d.submittedAt + clockSkew.submit,
      doneAt: d.at + clockSkew.done,
    });
    const number = numberIn(numberForm, d.destination);
    const payload = { tag: TAG.messagePayload, value: said.text };
    const value = {
      sourceAddrTon: 1,
      sourceAddrNpi: 1,
      sourceAddr: said.swapped ? number : d.source,
      destinationAddr: said.swapped ? d.source : number,
      esmClass: said.esmClass,
      dataCoding: said.dataCoding,
      tlvs: said.carriage === 'short' ? said.tlvs : [payload, ...said.tlvs],
    };
    if (said.carriage === 'data') {
      write(codec.dataSm, codec.dataSm.fill(value), ESME.ROK, sequence);
      return;
    }
    const shortMessage = said.carriage === 'short' ? said.text : NO_OCTETS;
    write(codec.deliverSm, codec.deliverSm.fill({ ...value, shortMessage }), ESME.ROK, sequence);
    if (said.overrun === 0) return;
    // The length is that of the last parameter, four octets behind its tag's begin.
    const last = said.tlvs[said.tlvs.length - 1]!.value.length;
    peer.out.writeUInt16BE(last + said.overrun, peer.at - last - 2);
  }

  return {
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 12);
      if (command === DELIVER_SM_RESP) return centre.answered(session, sequence, b.readUInt32BE(start + 8) === 0);
      if (command >= RESPONSE) {
        // data_sm_resp or a generic_nack may answer a delivery too; a probe's answer is only a sign of life.
        if (command === DATA_SM_RESP) centre.answered(session, sequence, b.readUInt32BE(start + 8) === 0);
        if (command === 0x80000000) centre.answered(session, sequence, false);
        return;
      }
      try {
        onRequest(b, start + HEADER, end, command, sequence);
      } catch (e) {
        if (!(e instanceof WireFault)) throw e;
        books.counts.malformed++;
        writeHeaderOnly((command | RESPONSE) >>> 0, faultStatus(e, command), sequence);
      }
    },

    answer(command, sequence, code, id, rules) {
      const response = (command | RESPONSE) >>> 0;
      const form = rules.answerForm.smpp;
      if (form !== 'plain') return oddAnswer(response, command, sequence, code, id, form);
      if (code !== 0) return writeHeaderOnly(response, code, sequence);
      accept(command, sequence, id, NO_TLVS);
    },

    report(d, sequence) {
      const rules = centre.ruling(d.regime);
      const { clockSkew, numberForm } = rules;
      if (rules.reportForm.smpp !== 'plain') return oddReceipt(d, sequence, rules);
      told.id = d.id;
      told.number = numberIn(numberForm, d.destination);
      told.ownId = ids.inTlv(d.id, rules);
      told.word = d.word;
      told.source = d.source;
      told.submitted = submitTime(d.submittedAt + clockSkew.submit);
      told.done = doneTime(d.at + clockSkew.done);
      told.counted = d.counted;
      writeReceipt(told, sequence);
    },

    mo(d, part, sequence) {
      const value = codec.deliverSm.fill({
        sourceAddrTon: 1,
        sourceAddrNpi: 1,
        sourceAddr: numberIn(centre.ruling(d.regime).numberForm, d.destination),
        destinationAddr: d.source,
        esmClass: part.udhi ? UDHI : 0,
        dataCoding: part.dataCoding,
      });
      if (part.payload) value.tlvs = [{ tag: TAG.messagePayload, value: part.octets }];
      else value.shortMessage = part.octets;
      write(codec.deliverSm, value, ESME.ROK, sequence);
    },

    lost() {
      if (session.book !== undefined) nack(ESME.RINVCMDLEN, 0);
    },

    probe: (sequence) => writeHeaderOnly(0x15, ESME.ROK, sequence),
  };
}
