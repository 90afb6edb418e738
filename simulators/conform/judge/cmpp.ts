import { authenticatorIsmg, timestampParts, verifySource } from '../../../protocols/cmpp/auth.ts';
import { addToMsgId, msgIdOf } from '../../../protocols/cmpp/msg-id.ts';
import { writeReport } from '../../../protocols/cmpp/report.ts';
import { CMPP_30, cmppCodec } from '../../../protocols/cmpp/tables.ts';
import { bodyOf } from '../body.ts';
import { COMMAND, cmppTongue, HEADER } from '../cmpp/tongue.ts';
import { answerTo, writeFrame } from '../frame.ts';
import { timestampNow } from '../timestamp.ts';
import type { Voice } from './voice.ts';

const MOST_RECEIVERS = 99;

/** A gateway of China Mobile that judges. */
export function cmppVoice(version: number): Voice {
  const codec = cmppCodec(version);
  let deliveries = 0;
  const time = timestampParts(timestampNow())!;
  const idOf = (sequence: number): string => msgIdOf({ ...time, gateway: 1001, sequence });

  return {
    tongue: cmppTongue(version),
    logins: [COMMAND.connect],
    window: 16,
    throttled: 8,
    login({ body, octets }, account) {
      const login = codec.connect.decode(body, 0, body.length);
      const faults = [
        octets.length === 39 ? '' : `a CONNECT of ${octets.length} octets, not 39`,
        timestampParts(login.timestamp) === undefined ? `Timestamp ${login.timestamp} is no time` : '',
        [0x20, 0x21, 0x30].includes(login.version) ? '' : `Version 0x${login.version.toString(16)}`,
      ].filter((fault) => fault !== '');
      return {
        name: login.sourceAddr,
        version: login.version,
        proven: login.sourceAddr === account.name && verifySource(login, account.secret),
        receives: true,
        fault: faults.join('; '),
      };
    },
    loginAnswer({ body, sequence, command }, { secret }) {
      const status = 0;
      const { authenticatorSource } = codec.connect.decode(body, 0, body.length);
      const proof = authenticatorIsmg(status, version, authenticatorSource, secret);
      const value = { status, authenticatorIsmg: proof, version };
      return writeFrame(HEADER, answerTo(command), sequence, bodyOf(codec.connectResp, value));
    },
    submit({ command, body }) {
      if (command !== COMMAND.submit) return undefined;
      let pdu: ReturnType<typeof codec.submit.decode>;
      try {
        pdu = codec.submit.decode(body, 0, body.length);
      } catch {
        return { from: '', to: [], wantsReport: false, udhi: false, content: body, fault: 'its fields cannot be read' };
      }
      const n = pdu.destTerminalId.length;
      const { length } = pdu.msgContent;
      const registered = pdu.registeredDelivery;
      const faults = [
        n >= 1 && n <= MOST_RECEIVERS ? '' : `DestUsr_tl ${n}`,
        pdu.destTerminalId.includes('') ? 'a receiver without digits' : '',
        registered <= (version < CMPP_30 ? 2 : 1) ? '' : `Registered_Delivery ${registered}`,
        pdu.pkTotal >= 1 && pdu.pkNumber >= 1 && pdu.pkNumber <= pdu.pkTotal
          ? ''
          : `Pk_number ${pdu.pkNumber} of Pk_total ${pdu.pkTotal}`,
        length <= (pdu.msgFmt === 0 ? 159 : 140) ? '' : `${length} octets of Msg_Fmt ${pdu.msgFmt}`,
        pdu.tpUdhi <= 1 ? '' : `TP_udhi ${pdu.tpUdhi}`,
        pdu.srcId === '' ? 'no Src_Id' : '',
      ].filter((fault) => fault !== '');
      return {
        from: pdu.srcId,
        to: pdu.destTerminalId,
        wantsReport: registered === 1,
        udhi: (pdu.tpUdhi & 0x41) !== 0,
        content: Buffer.from(pdu.msgContent),
        fault: faults.join('; '),
      };
    },
    id: idOf,
    submitAnswer: ({ command, sequence }, result, id) =>
      writeFrame(
        HEADER,
        answerTo(command),
        sequence,
        bodyOf(codec.submitResp, { msgId: result === 0 ? id : '', result }),
      ),
    report(sequence, id, { from, to }) {
      const number = to[0] ?? '';
      const value = codec.deliver.fill({
        msgId: addToMsgId(idOf(0x8000), deliveries++),
        destId: from,
        srcTerminalId: number,
        registeredDelivery: 1,
        msgContent: writeReport(
          {
            msgId: id,
            stat: 'DELIVRD',
            submitTime: '2601010000',
            doneTime: '2601010000',
            destTerminalId: number,
            smscSequence: deliveries,
          },
          version,
        ),
      });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliver, value));
    },
    mo(sequence, from, to) {
      const value = codec.deliver.fill({
        msgId: addToMsgId(idOf(0x8000), deliveries++),
        destId: to,
        srcTerminalId: from,
        msgContent: Buffer.from('MO'),
      });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliver, value));
    },
    answerFault(request, { body, octets }) {
      const size = version < CMPP_30 ? 21 : 24;
      if (octets.length !== size) return `a DELIVER_RESP of ${octets.length} octets, not ${size}`;
      const asked = request.toString('hex', 12, 20);
      if (body.toString('hex', 0, 8) !== asked) return `Msg_Id ${body.toString('hex', 0, 8)}, not ${asked}`;
      return body.subarray(8).every((octet) => octet === 0) ? '' : `Result ${body[body.length - 1]}`;
    },
  };
}
