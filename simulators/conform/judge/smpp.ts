import { UDHI } from '../../../protocols/smpp/payload.ts';
import { smppCodec } from '../../../protocols/smpp/tables.ts';
import { validateBind, validateData, validateSubmit } from '../../../protocols/smpp/validate.ts';
import { tlv } from '../../../protocols/wire/tlv.ts';
import { bodyOf } from '../body.ts';
import { answerTo, type Frame, writeFrame } from '../frame.ts';
import { COMMAND, cstringAt, HEADER, smppTongue } from '../smpp/tongue.ts';
import type { SubmitSeen, Voice } from './voice.ts';

const THROTTLED = 0x58;
const MESSAGE_PAYLOAD = 0x0424;

function answer(request: Frame, status: number, body: Buffer): Buffer {
  const frame = writeFrame(HEADER, answerTo(request.command), request.sequence, status === 0 ? body : Buffer.alloc(0));
  frame.writeUInt32BE(status, 8);
  return frame;
}

const UNREADABLE: SubmitSeen = {
  from: '',
  to: [],
  wantsReport: false,
  udhi: false,
  content: Buffer.alloc(0),
  fault: 'its fields cannot be read',
};

/** A short message centre that judges. */
export function smppVoice(version: number): Voice {
  const codec = smppCodec(version);
  return {
    tongue: smppTongue(version),
    logins: [COMMAND.transceiver, COMMAND.transmitter, COMMAND.receiver],
    window: undefined,
    throttled: THROTTLED,
    login({ command, body }, account) {
      const bind = codec.bindTransceiver.decode(body, 0, body.length);
      const status = validateBind(bind);
      const faults = [
        status === 0 ? '' : `a field is too long (status ${status})`,
        bind.password.length > 8 ? `a password of ${bind.password.length} characters; at most 8 are legal` : '',
        [0x33, 0x34, 0x50].includes(bind.interfaceVersion)
          ? ''
          : `interface_version 0x${bind.interfaceVersion.toString(16)}`,
      ].filter((fault) => fault !== '');
      return {
        name: bind.systemId,
        version: bind.interfaceVersion,
        proven: bind.systemId === account.name && bind.password === account.secret,
        receives: command !== COMMAND.transmitter,
        fault: faults.join('; '),
      };
    },
    loginAnswer: (request) => answer(request, 0, Buffer.from('JUDGE\0')),
    submit({ command, body }) {
      if (command !== COMMAND.submit && command !== COMMAND.data) return undefined;
      try {
        if (command === COMMAND.data) {
          const pdu = codec.dataSm.decode(body, 0, body.length);
          return {
            from: pdu.sourceAddr,
            to: [pdu.destinationAddr],
            wantsReport: (pdu.registeredDelivery & 3) === 1,
            udhi: (pdu.esmClass & UDHI) !== 0,
            content: tlv(pdu.tlvs, MESSAGE_PAYLOAD) ?? Buffer.alloc(0),
            fault: statusFault(validateData(pdu), pdu.destinationAddr),
          };
        }
        const pdu = codec.submitSm.decode(body, 0, body.length);
        const { registeredDelivery } = pdu;
        const bits = registeredDelivery & 3;
        const content = pdu.shortMessage.length > 0 ? pdu.shortMessage : tlv(pdu.tlvs, MESSAGE_PAYLOAD);
        const faults = [
          statusFault(validateSubmit(pdu), pdu.destinationAddr),
          registeredDelivery > 0x1f
            ? `registered_delivery 0x${registeredDelivery.toString(16)} sets reserved bits`
            : '',
          bits === 3 && version < 0x50 ? 'registered_delivery 3 is of 5.0' : '',
          (pdu.esmClass & 0x3c) !== 0 && (pdu.esmClass & 0x3c) !== 0x08 && (pdu.esmClass & 0x3c) !== 0x10
            ? `esm_class 0x${pdu.esmClass.toString(16)} is none of a submit`
            : '',
        ].filter((fault) => fault !== '');
        return {
          from: pdu.sourceAddr,
          to: [pdu.destinationAddr],
          wantsReport: bits === 1 || bits === 3,
          udhi: (pdu.esmClass & UDHI) !== 0,
          content: Buffer.from(content ?? []),
          fault: faults.join('; '),
        };
      } catch {
        return UNREADABLE;
      }
    },
    id: (n) => String(1_000_000 + n),
    submitAnswer: (request, code, id) => answer(request, code, Buffer.from(`${id}\0`)),
    report(sequence, id, { from, to }) {
      const text = `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`;
      const value = codec.deliverSm.fill({
        esmClass: 0x04,
        sourceAddr: to[0] ?? '',
        destinationAddr: from,
        shortMessage: Buffer.from(text),
      });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliverSm, value));
    },
    mo(sequence, from, to) {
      const value = codec.deliverSm.fill({ sourceAddr: from, destinationAddr: to, shortMessage: Buffer.from('MO') });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliverSm, value));
    },
    answerFault(_request, { status, body }) {
      if (status !== 0) return `status ${status}`;
      return cstringAt(body) === '' ? '' : `message_id ${cstringAt(body)}; it is not used, and empty`;
    },
  };
}

function statusFault(status: number, destination: string): string {
  if (destination === '') return 'no destination_addr';
  return status === 0 ? '' : `it is to be refused with status 0x${status.toString(16)}`;
}
