import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE, writeHeader } from '../../protocols/smpp/header.ts';
import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import { isReceiptType, parseReceipt, receiptText, STATE } from '../../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../../protocols/smpp/status.ts';
import { SMPP_34, smppCodec } from '../../protocols/smpp/tables.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { putUint32 } from '../../protocols/wire/octets.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, tlvText, tlvUint } from '../../protocols/wire/tlv.ts';
import { partAt, sarConcat } from '../part.ts';
import type { PlatformLink, PlatformProtocol, PlatformSetup, PlatformSpeaker } from '../platform-protocol.ts';
import { codingOf, DATA_CODING } from '../smpp-coding.ts';
import { createSubmitStencils } from '../submit-stencil.ts';

const SUBMIT_SM_RESP = 0x80000004;
const DELIVER_SM = 0x05;
const BIND_TRANSCEIVER_RESP = 0x80000009;

/** A platform that speaks SMPP 3.4 on transceivers. */
export function smppPlatform(setup: PlatformSetup): PlatformProtocol {
  return {
    frame: FRAME,
    codings: ['gsm7', 'ucs2'],
    otherCodings: ['ascii', 'latin1', 'gbk'],
    lastSequence: 0x7fffffff,
    speak: (link) => speak(link, setup),
  };
}

function speak(link: PlatformLink, setup: PlatformSetup): PlatformSpeaker {
  const { peer } = link;
  const codec = smppCodec(SMPP_34);
  const submit = codec.submitSm.fill({
    sourceAddr: setup.source,
    destAddrTon: 1,
    destAddrNpi: 1,
    registeredDelivery: setup.receipts ? 1 : 0,
  });
  const nothing = Buffer.alloc(0);
  const deliverAnswer = { messageId: '', tlvs: NO_TLVS };

  function write<F extends Fields>(plan: Plan<F>, value: Values<F>, sequence: number): void {
    peer.room(frameSize(plan, value, 0));
    peer.at = encodeFrame(plan, value, 0, sequence, peer.out, peer.at);
  }
  function writeHeaderOnly(command: number, sequence: number): void {
    peer.room(HEADER);
    peer.at = writeHeader(peer.out, peer.at, HEADER, command, 0, sequence);
  }

  const putSequence = (out: Buffer, start: number, sequence: number): void => putUint32(out, start + 12, sequence);

  function onDeliver(b: Buffer, start: number, end: number, sequence: number) {
    const pdu = codec.deliverSm.decode(b, start + HEADER, end);
    write(codec.deliverSmResp, deliverAnswer, sequence);
    if (!isReceiptType(pdu.esmClass)) {
      const { sourceAddr: from, destinationAddr: to, dataCoding, esmClass, tlvs } = pdu;
      const { octets, concat = sarConcat(tlvs) } = partAt(messageOctets(pdu), (esmClass & UDHI) !== 0);
      return link.mo({ from, to, coding: codingOf(dataCoding), octets, concat });
    }
    let id = tlvText(pdu.tlvs, TAG.receiptedMessageId);
    let state = tlvUint(pdu.tlvs, TAG.messageState);
    if (id === undefined || state === undefined) {
      const text = receiptText(messageOctets(pdu), pdu.dataCoding);
      const read = parseReceipt(pdu.esmClass, text, pdu.tlvs);
      id = read?.id;
      state = read?.state ?? STATE.unknown;
    }
    if (id === undefined) return link.unreadable();
    link.receipt(id, state, pdu.sourceAddr);
  }

  function onAnswer(b: Buffer, start: number, end: number, sequence: number) {
    const status = b.readUInt32BE(start + 8);
    if (status === ESME.ROK)
      return link.accepted(sequence, codec.submitSmResp.decode(b, start + HEADER, end).messageId);
    link.refused(sequence, statusName(status), status === ESME.RTHROTTLED || status === ESME.RMSGQFUL);
  }

  function onBound(status: number) {
    if (status === ESME.ROK) return link.bound();
    const words = `bind_transceiver as ${JSON.stringify(setup.name)} was refused with ${statusName(status)}`;
    link.turnedAway(words, status === ESME.RINVPASWD || status === ESME.RINVSYSID);
  }

  return {
    login() {
      const bind = { systemId: setup.name, password: setup.secret, interfaceVersion: SMPP_34 };
      write(codec.bindTransceiver, codec.bindTransceiver.fill(bind), link.sequence());
    },
    submit: createSubmitStencils(peer, putSequence, (template, destination, sequence) => {
      const { octets, whole } = template;
      submit.destinationAddr = destination;
      submit.dataCoding = DATA_CODING[template.coding] ?? 0;
      submit.esmClass = template.udhi ? UDHI : 0;
      submit.shortMessage = whole ? nothing : octets;
      submit.tlvs = whole ? [{ tag: TAG.messagePayload, value: octets }] : NO_TLVS;
      write(codec.submitSm, submit, sequence);
    }),
    probe: () => writeHeaderOnly(0x15, link.sequence()),
    logout: () => writeHeaderOnly(0x06, link.sequence()),
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 12);
      switch (command) {
        case SUBMIT_SM_RESP:
          return onAnswer(b, start, end, sequence);
        case DELIVER_SM:
          return onDeliver(b, start, end, sequence);
        case BIND_TRANSCEIVER_RESP:
          return onBound(b.readUInt32BE(start + 8));
        case 0x15:
          return writeHeaderOnly(0x80000015, sequence);
        case 0x06:
          writeHeaderOnly(0x80000006, sequence);
          return peer.end();
        default:
          if (command < RESPONSE) writeHeaderOnly(0x80000000, sequence);
      }
    },
  };
}
