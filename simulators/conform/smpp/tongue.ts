import { UDHI } from '../../../protocols/smpp/payload.ts';
import { smppCodec } from '../../../protocols/smpp/tables.ts';
import { TAG } from '../../../protocols/smpp/tlv-tags.ts';
import { tlvText, tlvUint } from '../../../protocols/wire/tlv.ts';
import { bodyOf } from '../body.ts';
import { ANSWER, answerTo, type Frame, type HeaderRule, writeFrame } from '../frame.ts';
import type { Message, Reported, Tongue } from '../tongue.ts';

export const HEADER: HeaderRule = { octets: 16, statusAt: 8, sequenceAt: 12, sequenceOctets: 4 };

export const COMMAND = {
  nack: 0x80000000,
  receiver: 0x01,
  transmitter: 0x02,
  query: 0x03,
  submit: 0x04,
  deliver: 0x05,
  unbind: 0x06,
  replace: 0x07,
  cancel: 0x08,
  transceiver: 0x09,
  enquire: 0x15,
  multi: 0x21,
  data: 0x103,
} as const;

/** Text up to its NUL, or to the end. */
export function cstringAt(body: Buffer, at = 0): string {
  const end = body.indexOf(0, at);
  return body.toString('latin1', at, end < 0 ? body.length : end);
}

export const u32 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

const STATS = /^(DELIVRD|EXPIRED|DELETED|UNDELIV|ACCEPTD|UNKNOWN|REJECTD|ENROUTE)$/;

/** SMPP as a checking client speaks it. */
export function smppTongue(version: number): Tongue {
  const codec = smppCodec(version);

  function report({ command, body }: Frame): Reported | undefined {
    if (command !== COMMAND.deliver && command !== COMMAND.data) return undefined;
    const plan = command === COMMAND.deliver ? codec.deliverSm : codec.dataSm;
    let pdu: { esmClass: number; sourceAddr: string; tlvs: Parameters<typeof tlvText>[0]; shortMessage?: Uint8Array };
    try {
      pdu = plan.decode(body, 0, body.length);
    } catch {
      return undefined;
    }
    if ((pdu.esmClass & 0x3c) !== 0x04) return undefined;
    const text = Buffer.from(pdu.shortMessage ?? []).toString('latin1');
    const named = tlvText(pdu.tlvs, TAG.receiptedMessageId);
    const written = /\bid:(\S*)/i.exec(text)?.[1];
    const stat = /\bstat:(\S*)/i.exec(text)?.[1];
    const state = tlvUint(pdu.tlvs, TAG.messageState);
    const faults = [
      named === undefined && written === undefined
        ? 'the receipt has no id, in its text or as receipted_message_id'
        : '',
      named !== undefined && written !== undefined && named !== written
        ? `receipted_message_id ${named} differs from the id ${written} of the text`
        : '',
      stat !== undefined && !STATS.test(stat) ? `stat:${stat} is no word of appendix B` : '',
      stat === undefined && state === undefined ? 'the receipt has no state, in its text or as message_state' : '',
    ].filter((fault) => fault !== '');
    return {
      key: named ?? written ?? '',
      number: pdu.sourceAddr,
      final: stat === undefined ? state !== 1 && state !== 6 : stat !== 'ENROUTE' && stat !== 'ACCEPTD',
      fault: faults.join('; '),
    };
  }

  return {
    protocol: 'smpp',
    header: HEADER,
    version,
    commands: {
      login: COMMAND.transceiver,
      submit: COMMAND.submit,
      report: COMMAND.deliver,
      probe: COMMAND.enquire,
      leave: COMMAND.unbind,
    },
    name: (command) => codec.byId.get(command)?.name ?? `command 0x${command.toString(16)}`,
    // 1 to 0x7FFFFFFF (3.4: 3.2).
    sequence: (n) => u32((n % 0x7ffffffe) + 1),
    extremes: [u32(1), u32(0x7fffffff)],
    loginBody: ({ name, secret }, form) =>
      bodyOf(
        codec.bindTransceiver,
        codec.bindTransceiver.fill({
          systemId: form.name ?? name,
          password: form.secret ?? secret,
          interfaceVersion: form.version ?? version,
        }),
      ),
    submitBody(message: Message) {
      const { to = [], from = '', octets = Buffer.from('conformance'), coding = 0, tail } = message;
      const body = bodyOf(
        codec.submitSm,
        codec.submitSm.fill({
          sourceAddrTon: 1,
          sourceAddrNpi: 1,
          sourceAddr: from,
          destAddrTon: 1,
          destAddrNpi: 1,
          destinationAddr: to[0] ?? '',
          esmClass: message.udhi === true ? UDHI : 0,
          registeredDelivery: message.report === true ? 1 : 0,
          dataCoding: coding,
          shortMessage: octets,
        }),
      );
      return tail === undefined ? body : Buffer.concat([body, tail]);
    },
    code: (answer) => answer.status,
    key: (_request, answer) => cstringAt(answer.body),
    idFault(answer) {
      const id = cstringAt(answer.body);
      if (id === '') return 'an accepted submit has no message_id';
      if (id.length > 64) return `a message_id of ${id.length} characters; at most 64 are legal`;
      if (version < 0x34 && !/^[0-9a-f]{1,8}$/i.test(id)) return `message_id ${id} is not 8 hexadecimal digits (3.3)`;
      return '';
    },
    report,
    answer({ command, sequence }) {
      switch (command) {
        case COMMAND.deliver:
        case COMMAND.data:
          return writeFrame(HEADER, answerTo(command), sequence, Buffer.alloc(1));
        case COMMAND.enquire:
        case COMMAND.unbind:
          return writeFrame(HEADER, answerTo(command), sequence);
        case 0x102:
        case 0x0b:
          // alert_notification and outbind have no answer.
          return undefined;
        default:
          return command < ANSWER ? nack(sequence, 3) : undefined;
      }
    },
  };
}

function nack(sequence: string, status: number): Buffer {
  const frame = writeFrame(HEADER, COMMAND.nack, sequence);
  frame.writeUInt32BE(status, 8);
  return frame;
}
