import { timestampParts } from '../../../protocols/cmpp/auth.ts';
import { authenticatorServer, verifyClient } from '../../../protocols/smgp/auth.ts';
import { addToMsgId, msgIdOf } from '../../../protocols/smgp/msg-id.ts';
import { reportText, writeReport } from '../../../protocols/smgp/report.ts';
import { smgpCodec } from '../../../protocols/smgp/tables.ts';
import { TAG } from '../../../protocols/smgp/tlv-tags.ts';
import { tlvUint } from '../../../protocols/wire/tlv.ts';
import { bodyOf } from '../body.ts';
import { answerTo, writeFrame } from '../frame.ts';
import { COMMAND, HEADER, MODE, smgpTongue } from '../smgp/tongue.ts';
import { timestampNow } from '../timestamp.ts';
import type { Voice } from './voice.ts';

/** A gateway of China Telecom that judges. */
export function smgpVoice(version: number): Voice {
  const codec = smgpCodec(version);
  let deliveries = 0;
  const time = timestampParts(timestampNow())!;
  const idOf = (sequence: number): string => msgIdOf({ ...time, gateway: 10_061, sequence });

  return {
    tongue: smgpTongue(version),
    logins: [COMMAND.login],
    window: 16,
    throttled: 1,
    login({ body, octets }, account) {
      const login = codec.login.decode(body, 0, body.length);
      const faults = [
        octets.length === 42 ? '' : `a Login of ${octets.length} octets, not 42`,
        login.loginMode <= 2 ? '' : `LoginMode ${login.loginMode}`,
        timestampParts(login.timestamp) === undefined ? `TimeStamp ${login.timestamp} is no time` : '',
      ].filter((fault) => fault !== '');
      return {
        name: login.clientId,
        version: login.clientVersion,
        proven: login.clientId === account.name && verifyClient(login, account.secret),
        receives: login.loginMode !== MODE.send,
        fault: faults.join('; '),
      };
    },
    loginAnswer({ body, sequence, command }, { secret }) {
      const status = 0;
      const { authenticatorClient } = codec.login.decode(body, 0, body.length);
      const proof = authenticatorServer(status, authenticatorClient, secret);
      const value = { status, authenticatorServer: proof, serverVersion: version };
      return writeFrame(HEADER, answerTo(command), sequence, bodyOf(codec.loginResp, value));
    },
    submit({ command, body }) {
      if (command !== COMMAND.submit) return undefined;
      let pdu: ReturnType<typeof codec.submit.decode>;
      try {
        pdu = codec.submit.decode(body, 0, body.length);
      } catch {
        return { from: '', to: [], wantsReport: false, udhi: false, content: body, fault: 'its fields cannot be read' };
      }
      const n = pdu.destTermId.length;
      const faults = [
        n >= 1 && n <= 100 ? '' : `DestTermIDCount ${n}`,
        pdu.destTermId.includes('') ? 'a receiver without digits' : '',
        pdu.msgType === 6 ? '' : `MsgType ${pdu.msgType}; that of an MT is 6`,
        pdu.needReport <= 1 ? '' : `NeedReport ${pdu.needReport}`,
        pdu.msgContent.length <= 140 ? '' : `${pdu.msgContent.length} octets`,
        pdu.srcTermId === '' ? 'no SrcTermID' : '',
      ].filter((fault) => fault !== '');
      return {
        from: pdu.srcTermId,
        to: pdu.destTermId,
        wantsReport: pdu.needReport === 1,
        udhi: ((tlvUint(pdu.tlvs, TAG.tpUdhi) ?? 0) & 0x41) !== 0,
        content: Buffer.from(pdu.msgContent),
        fault: faults.join('; '),
      };
    },
    id: idOf,
    submitAnswer: ({ command, sequence }, status, id) =>
      writeFrame(
        HEADER,
        answerTo(command),
        sequence,
        bodyOf(codec.submitResp, { msgId: status === 0 ? id : '', status }),
      ),
    report(sequence, id, { from, to }) {
      const value = codec.deliver.fill({
        msgId: addToMsgId(idOf(500_000), deliveries++),
        isReport: 1,
        recvTime: '20260101000000',
        srcTermId: to[0] ?? '',
        destTermId: from,
        msgContent: writeReport({
          id,
          sub: '001',
          dlvrd: '001',
          submitDate: '2601010000',
          doneDate: '2601010000',
          stat: 'DELIVRD',
          err: '000',
          text: reportText(Buffer.alloc(0)),
        }),
      });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliver, value));
    },
    mo(sequence, from, to) {
      const value = codec.deliver.fill({
        msgId: addToMsgId(idOf(500_000), deliveries++),
        recvTime: '20260101000000',
        srcTermId: from,
        destTermId: to,
        msgContent: Buffer.from('MO'),
      });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliver, value));
    },
    answerFault(request, { body, octets }) {
      if (octets.length !== 26) return `a Deliver_Resp of ${octets.length} octets, not 26`;
      const asked = request.toString('hex', 12, 22);
      if (body.toString('hex', 0, 10) !== asked) return `MsgID ${body.toString('hex', 0, 10)}, not ${asked}`;
      return body.readUInt32BE(10) === 0 ? '' : `status ${body.readUInt32BE(10)}`;
    },
  };
}
