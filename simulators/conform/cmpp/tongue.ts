import { authenticatorSource, timestampText } from '../../../protocols/cmpp/auth.ts';
import { addToMsgId, msgIdHex } from '../../../protocols/cmpp/msg-id.ts';
import { LONG_REPORT, readReport, SHORT_REPORT } from '../../../protocols/cmpp/report.ts';
import { CMPP_30, cmppCodec } from '../../../protocols/cmpp/tables.ts';
import { bodyOf } from '../body.ts';
import { answerTo, type Frame, type HeaderRule, writeFrame } from '../frame.ts';
import { timestampNow } from '../timestamp.ts';
import type { Reported, Tongue } from '../tongue.ts';

export const HEADER: HeaderRule = { octets: 12, sequenceAt: 8, sequenceOctets: 4 };

export const COMMAND = {
  connect: 1,
  terminate: 2,
  submit: 4,
  deliver: 5,
  query: 6,
  cancel: 7,
  activeTest: 8,
} as const;

export const u32 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

/** Every u32 is a sequence (3.0: 8.3). */
export const EXTREMES: readonly string[] = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff].map(u32);

/** CMPP as a checking client speaks it. */
export function cmppTongue(version: number): Tongue {
  const codec = cmppCodec(version);
  const reportOctets = version < CMPP_30 ? SHORT_REPORT : LONG_REPORT;

  function report({ command, body }: Frame): Reported | undefined {
    if (command !== COMMAND.deliver) return undefined;
    let pdu: ReturnType<typeof codec.deliver.decode>;
    try {
      pdu = codec.deliver.decode(body, 0, body.length);
    } catch {
      return undefined;
    }
    if (pdu.registeredDelivery !== 1) return undefined;
    const { length } = pdu.msgContent;
    const read = readReport(pdu.msgContent);
    if (read === undefined) return undefined;
    const faults = [
      length === reportOctets ? '' : `a report of ${length} octets, not ${reportOctets}`,
      /^[\x21-\x7e]{1,7}$/.test(read.stat) ? '' : `Stat ${JSON.stringify(read.stat)}`,
      /^\d{10}$/.test(read.submitTime) && /^\d{10}$/.test(read.doneTime)
        ? ''
        : `times ${read.submitTime} and ${read.doneTime}; they are YYMMDDHHMM`,
      pdu.msgId === '\0'.repeat(8) ? 'the DELIVER has no Msg_Id of its own' : '',
    ].filter((fault) => fault !== '');
    return {
      key: msgIdHex(read.msgId),
      number: read.destTerminalId,
      final: read.stat !== 'ACCEPTD',
      fault: faults.join('; '),
    };
  }

  return {
    protocol: 'cmpp',
    header: HEADER,
    version,
    commands: {
      login: COMMAND.connect,
      submit: COMMAND.submit,
      report: COMMAND.deliver,
      probe: COMMAND.activeTest,
      leave: COMMAND.terminate,
    },
    name: (command) => codec.byId.get(command)?.name ?? `command 0x${command.toString(16)}`,
    sequence: u32,
    extremes: EXTREMES,
    loginBody(account, form) {
      const { name = account.name, secret = account.secret } = form;
      const timestamp = timestampNow();
      return bodyOf(codec.connect, {
        sourceAddr: name,
        authenticatorSource: authenticatorSource(name, secret, timestampText(timestamp)),
        version: form.version ?? version,
        timestamp,
      });
    },
    submitBody(message, { name }) {
      const body = bodyOf(
        codec.submit,
        codec.submit.fill({
          pkTotal: 1,
          pkNumber: 1,
          registeredDelivery: message.report === true ? 1 : 0,
          serviceId: 'CHECK',
          tpUdhi: message.udhi === true ? 1 : 0,
          msgFmt: message.coding ?? 0,
          msgSrc: name,
          feeType: '01',
          feeCode: '000000',
          srcId: message.from ?? '',
          destTerminalId: message.to ?? [],
          msgContent: message.octets ?? Buffer.from('conformance'),
        }),
      );
      return message.tail === undefined ? body : Buffer.concat([body, message.tail]);
    },
    code({ command, body }) {
      try {
        if (command === answerTo(COMMAND.connect)) return codec.connectResp.decode(body, 0, body.length).status;
        if (command === answerTo(COMMAND.submit)) return codec.submitResp.decode(body, 0, body.length).result;
      } catch {
        // Too short to have one.
      }
      return undefined;
    },
    key: (_request, answer, k = 0) => msgIdHex(addToMsgId(answer.body.toString('latin1', 0, 8), k)),
    idFault({ body, octets }) {
      const size = version < CMPP_30 ? 21 : 24;
      if (octets.length !== size) return `a SUBMIT_RESP of ${octets.length} octets, not ${size}`;
      return body.subarray(0, 8).every((octet) => octet === 0) ? 'an accepted submit has no Msg_Id' : '';
    },
    report,
    answer({ command, sequence, body }) {
      switch (command) {
        case COMMAND.deliver: {
          const echo = bodyOf(codec.deliverResp, { msgId: body.toString('latin1', 0, 8), result: 0 });
          return writeFrame(HEADER, answerTo(command), sequence, echo);
        }
        case COMMAND.activeTest:
          return writeFrame(HEADER, answerTo(command), sequence, Buffer.alloc(1));
        case COMMAND.terminate:
          return writeFrame(HEADER, answerTo(command), sequence);
        default:
          return undefined;
      }
    },
  };
}
