import { sgipCodec } from '../../../protocols/sgip/tables.ts';
import { bodyOf } from '../body.ts';
import { answerTo, writeFrame } from '../frame.ts';
import { COMMAND, HEADER, sgipTongue } from '../sgip/tongue.ts';
import type { Voice } from './voice.ts';

/** A gateway of China Unicom that judges. Its reports go down the connection of the submit. */
export function sgipVoice(version: number): Voice {
  const codec = sgipCodec();
  const result = (value: number): Buffer => bodyOf(codec.submitResp, { result: value, reserve: '' });
  return {
    tongue: sgipTongue(version),
    logins: [COMMAND.bind],
    window: 32,
    throttled: 88,
    login({ body, octets }, account) {
      const bind = codec.bind.decode(body, 0, body.length);
      const faults = [
        octets.length === 61 ? '' : `a Bind of ${octets.length} octets, not 61`,
        bind.loginType === 1 ? '' : `Login Type ${bind.loginType}; that of an SP is 1`,
      ].filter((fault) => fault !== '');
      return {
        name: bind.loginName,
        version,
        proven: bind.loginName === account.name && bind.loginPassword === account.secret,
        receives: true,
        fault: faults.join('; '),
      };
    },
    loginAnswer: ({ command, sequence }) => writeFrame(HEADER, answerTo(command), sequence, result(0)),
    submit({ command, body }) {
      if (command !== COMMAND.submit) return undefined;
      let pdu: ReturnType<typeof codec.submit.decode>;
      try {
        pdu = codec.submit.decode(body, 0, body.length);
      } catch {
        return { from: '', to: [], wantsReport: false, udhi: false, content: body, fault: 'its fields cannot be read' };
      }
      const n = pdu.userNumber.length;
      const faults = [
        n >= 1 && n <= 100 ? '' : `UserCount ${n}`,
        pdu.userNumber.every((number) => /^86\d+$/.test(number)) ? '' : 'a UserNumber without 86',
        /^\d{1,5}$/.test(pdu.corpId) ? '' : `CorpId ${JSON.stringify(pdu.corpId)}`,
        pdu.reportFlag <= 3 ? '' : `ReportFlag ${pdu.reportFlag}`,
        pdu.morelatetoMtFlag <= 3 ? '' : `MorelatetoMTFlag ${pdu.morelatetoMtFlag}`,
        pdu.feeType <= 4 ? '' : `FeeType ${pdu.feeType}`,
        pdu.priority <= 9 ? '' : `Priority ${pdu.priority}`,
        pdu.messageContent.length <= 140 ? '' : `${pdu.messageContent.length} octets`,
        pdu.spNumber === '' ? 'no SPNumber' : '',
      ].filter((fault) => fault !== '');
      return {
        from: pdu.spNumber,
        to: pdu.userNumber,
        wantsReport: pdu.reportFlag === 1 || pdu.reportFlag === 3,
        udhi: (pdu.tpUdhi & 0x41) !== 0,
        content: Buffer.from(pdu.messageContent),
        fault: faults.join('; '),
      };
    },
    id: (n, { sequence, command }) =>
      // Of a submit its own sequence; an id that nobody has sent is made up.
      command === COMMAND.submit ? sequence : `${'0'.repeat(16)}${n.toString(16).padStart(8, '0')}`,
    submitAnswer: ({ command, sequence }, code) => writeFrame(HEADER, answerTo(command), sequence, result(code)),
    report(sequence, id, { to }) {
      const value = codec.report.fill({
        submitSequenceNumber: Buffer.from(id, 'hex').toString('latin1'),
        userNumber: to[0] ?? '',
      });
      return writeFrame(HEADER, COMMAND.report, sequence, bodyOf(codec.report, value));
    },
    mo(sequence, from, to) {
      const value = codec.deliver.fill({ userNumber: from, spNumber: to, messageContent: Buffer.from('MO') });
      return writeFrame(HEADER, COMMAND.deliver, sequence, bodyOf(codec.deliver, value));
    },
    answerFault(_request, { body }) {
      if (body.length < 1) return 'an answer without Result';
      return body[0] === 0 ? '' : `Result ${body[0]}`;
    },
  };
}
