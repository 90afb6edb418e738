import { authenticatorClient } from '../../../protocols/smgp/auth.ts';
import { addToMsgId, msgIdHex } from '../../../protocols/smgp/msg-id.ts';
import { REPORT_SIZE, readReport } from '../../../protocols/smgp/report.ts';
import { smgpCodec } from '../../../protocols/smgp/tables.ts';
import { octetTlv, TAG } from '../../../protocols/smgp/tlv-tags.ts';
import { bodyOf } from '../body.ts';
import { answerTo, type Frame, type HeaderRule, writeFrame } from '../frame.ts';
import { timestampNow } from '../timestamp.ts';
import type { Reported, Tongue } from '../tongue.ts';

export const HEADER: HeaderRule = { octets: 12, sequenceAt: 8, sequenceOctets: 4 };

export const COMMAND = { login: 1, submit: 2, deliver: 3, activeTest: 4, exit: 6, query: 7 } as const;

/** LoginMode: sends, receives, both. */
export const MODE = { send: 0, receive: 1, both: 2 } as const;

const u32 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
const STATS = /^(DELIVRD|EXPIRED|DELETED|UNDELIV|ACCEPTD|UNKNOWN|REJECTD|[A-Z]{2}:\d{4})$/;

/** SMGP as a checking client speaks it. */
export function smgpTongue(version: number): Tongue {
  const codec = smgpCodec(version);

  function report({ command, body }: Frame): Reported | undefined {
    if (command !== COMMAND.deliver) return undefined;
    let pdu: ReturnType<typeof codec.deliver.decode>;
    try {
      pdu = codec.deliver.decode(body, 0, body.length);
    } catch {
      return undefined;
    }
    if (pdu.isReport !== 1) return undefined;
    const read = readReport(pdu.msgContent);
    if (read === undefined) return undefined;
    const faults = [
      pdu.msgContent.length === REPORT_SIZE ? '' : `a report of ${pdu.msgContent.length} octets, not ${REPORT_SIZE}`,
      STATS.test(read.stat) ? '' : `stat ${JSON.stringify(read.stat)} is no word of 6.2.3.1`,
      /^\d{10}$/.test(read.submitDate) && /^\d{10}$/.test(read.doneDate)
        ? ''
        : `dates ${read.submitDate} and ${read.doneDate}; they are YYMMDDhhmm`,
      /^\d{3}$/.test(read.err) ? '' : `err ${JSON.stringify(read.err)} has not three digits`,
    ].filter((fault) => fault !== '');
    return {
      key: msgIdHex(read.id),
      number: pdu.srcTermId,
      final: read.stat !== 'ACCEPTD',
      fault: faults.join('; '),
    };
  }

  return {
    protocol: 'smgp',
    header: HEADER,
    version,
    commands: {
      login: COMMAND.login,
      submit: COMMAND.submit,
      report: COMMAND.deliver,
      probe: COMMAND.activeTest,
      leave: COMMAND.exit,
    },
    name: (command) => codec.byId.get(command)?.name ?? `command 0x${command.toString(16)}`,
    sequence: u32,
    extremes: [0, 1, 0x7fffffff, 0x80000000, 0xffffffff].map(u32),
    loginBody(account, form) {
      const { name = account.name, secret = account.secret } = form;
      const timestamp = timestampNow();
      return bodyOf(codec.login, {
        clientId: name,
        authenticatorClient: authenticatorClient(name, secret, timestamp),
        loginMode: form.mode ?? MODE.both,
        timestamp,
        clientVersion: form.version ?? version,
      });
    },
    submitBody(message) {
      const body = bodyOf(
        codec.submit,
        codec.submit.fill({
          msgType: 6,
          needReport: message.report === true ? 1 : 0,
          serviceId: 'CHECK',
          feeType: '00',
          feeCode: '000000',
          fixedFee: '000000',
          msgFormat: message.coding ?? 0,
          srcTermId: message.from ?? '',
          destTermId: message.to ?? [],
          msgContent: message.octets ?? Buffer.from('conformance'),
          tlvs: message.udhi === true ? [octetTlv(TAG.tpUdhi, 1)] : [],
        }),
      );
      return message.tail === undefined ? body : Buffer.concat([body, message.tail]);
    },
    code({ command, body }) {
      try {
        if (command === answerTo(COMMAND.login)) return codec.loginResp.decode(body, 0, body.length).status;
        if (command === answerTo(COMMAND.submit)) return codec.submitResp.decode(body, 0, body.length).status;
      } catch {
        // Too short to have one.
      }
      return undefined;
    },
    key: (_request, answer, k = 0) => msgIdHex(addToMsgId(answer.body.toString('latin1', 0, 10), k)),
    idFault({ body, octets }) {
      if (octets.length !== 26) return `a Submit_Resp of ${octets.length} octets, not 26`;
      return body.subarray(0, 10).every((octet) => octet === 0) ? 'an accepted submit has no MsgID' : '';
    },
    report,
    answer({ command, sequence, body }) {
      switch (command) {
        case COMMAND.deliver: {
          const echo = bodyOf(codec.deliverResp, { msgId: body.toString('latin1', 0, 10), status: 0 });
          return writeFrame(HEADER, answerTo(command), sequence, echo);
        }
        case COMMAND.activeTest:
        case COMMAND.exit:
          return writeFrame(HEADER, answerTo(command), sequence);
        default:
          return undefined;
      }
    },
  };
}
