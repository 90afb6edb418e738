import { sgipCodec } from '../../../protocols/sgip/tables.ts';
import { bodyOf } from '../body.ts';
import { ANSWER, answerTo, type Frame, type HeaderRule, writeFrame } from '../frame.ts';
import { timestampNow } from '../timestamp.ts';
import type { Reported, Tongue } from '../tongue.ts';

export const HEADER: HeaderRule = { octets: 20, sequenceAt: 8, sequenceOctets: 12 };

export const COMMAND = {
  bind: 1,
  unbind: 2,
  submit: 3,
  deliver: 4,
  report: 5,
  userRpt: 0x11,
  trace: 0x1000,
} as const;

/** An SP of Beijing with CorpId 12345 (1.2: 3.3). */
const NODE = 3_010_012_345;
const u32 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

const hexOf = (raw: string): string => Buffer.from(raw, 'latin1').toString('hex');

/** SGIP as a checking client speaks it. */
export function sgipTongue(version: number): Tongue {
  const codec = sgipCodec();
  const stamp = u32(timestampNow());

  function report({ command, body, octets }: Frame): Reported | undefined {
    if (command !== COMMAND.report) return undefined;
    let pdu: ReturnType<typeof codec.report.decode>;
    try {
      pdu = codec.report.decode(body, 0, body.length);
    } catch {
      return undefined;
    }
    const faults = [
      octets.length === 64 ? '' : `a Report of ${octets.length} octets, not 64`,
      pdu.reportType === 0 ? '' : `ReportType ${pdu.reportType} for a Submit`,
      pdu.state <= 2 ? '' : `State ${pdu.state}`,
      pdu.state === 2 || pdu.errorCode === 0 ? '' : `ErrorCode ${pdu.errorCode} with State ${pdu.state}`,
      /^86\d{11}$/.test(pdu.userNumber) ? '' : `UserNumber ${pdu.userNumber} has not the form 86…`,
    ].filter((fault) => fault !== '');
    return {
      key: hexOf(pdu.submitSequenceNumber),
      number: pdu.userNumber,
      final: pdu.state !== 1,
      fault: faults.join('; '),
    };
  }

  return {
    protocol: 'sgip',
    header: HEADER,
    version,
    commands: {
      login: COMMAND.bind,
      submit: COMMAND.submit,
      report: COMMAND.report,
      probe: undefined,
      leave: COMMAND.unbind,
    },
    name: (command) => codec.byId.get(command)?.name ?? `command 0x${command.toString(16)}`,
    sequence: (n) => u32(NODE) + stamp + u32(n),
    extremes: ['000000000000000000000000', 'ffffffffffffffffffffffff', `${u32(NODE)}${u32(1399999999)}00000000`],
    loginBody: (account, form) =>
      bodyOf(codec.bind, {
        loginType: form.mode ?? 1,
        loginName: form.name ?? account.name,
        loginPassword: form.secret ?? account.secret,
        reserve: '',
      }),
    submitBody: (message) =>
      bodyOf(
        codec.submit,
        codec.submit.fill({
          spNumber: message.from ?? '',
          chargeNumber: '0'.repeat(21),
          userNumber: message.to ?? [],
          corpId: '12345',
          serviceType: 'CHECK',
          feeType: 1,
          feeValue: '0',
          givenValue: '0',
          morelatetoMtFlag: 2,
          reportFlag: message.report === true ? 1 : 2,
          tpUdhi: message.udhi === true ? 1 : 0,
          messageCoding: message.coding ?? 0,
          messageContent: message.octets ?? Buffer.from('conformance'),
        }),
      ),
    code: ({ command, body }) =>
      command >= ANSWER && command !== answerTo(COMMAND.unbind) && body.length > 0 ? body[0] : undefined,
    // A message is named by the sequence of its submit, for all its receivers.
    key: (request) => request.octets.toString('hex', 8, 20),
    idFault: ({ octets }) => (octets.length === 29 ? '' : `a Submit_Resp of ${octets.length} octets, not 29`),
    report,
    answer({ command, sequence }) {
      switch (command) {
        case COMMAND.bind:
        case COMMAND.deliver:
        case COMMAND.report:
        case COMMAND.userRpt:
          return writeFrame(HEADER, answerTo(command), sequence, Buffer.alloc(9));
        case COMMAND.unbind:
          return writeFrame(HEADER, answerTo(command), sequence);
        default:
          return command < ANSWER
            ? writeFrame(HEADER, answerTo(command), sequence, Buffer.from([7, 0, 0, 0, 0, 0, 0, 0, 0]))
            : undefined;
      }
    },
  };
}
