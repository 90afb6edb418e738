import type { Check } from '../check.ts';
import * as framing from '../common/framing.ts';
import * as liveness from '../common/liveness.ts';
import * as login from '../common/login.ts';
import * as reports from '../common/reports.ts';
import * as submits from '../common/submits.ts';
import { parameter } from '../parameter.ts';
import * as binds from './binds.ts';
import * as operations from './operations.ts';

const check = (name: string, section: string, expects: string, run: Check['run']): Check => ({
  name,
  section: `SMPP ${section}`,
  expects,
  run,
});

/** ESME_RTHROTTLED, ESME_RMSGQFUL and, of some, ESME_RSYSERR and ESME_RX_T_APPN. */
const LATER = new Set([0x58, 0x14, 0x08, 0x64]);
const TEXT_UCS2 = Buffer.from('4f60597d', 'hex');
const MESSAGE_PAYLOAD = 0x0424;

const PASSWORD_REFUSED = [0x0e, 0x0d];
const SYSTEM_ID_REFUSED = [0x0f, 0x0e, 0x0d];

/** sm_length of a plain submit is this far from its end. */
const lengthAt = (submit: Buffer): number => submit.length - 'conformance'.length - 1;

export const SMPP_CHECKS: readonly Check[] = [
  check(
    'bind-accepted',
    '3.4: 4.1',
    'bind_transceiver with the right password is answered once, with status 0',
    login.loginAccepted,
  ),
  check(
    'bind-wrong-password',
    '3.4: 5.1.3',
    'status 0x0E (ESME_RINVPASWD) or 0x0D, and nothing is taken behind it',
    login.loginRefused({ secret: 'wrong' }, PASSWORD_REFUSED),
  ),
  check(
    'bind-unknown-system-id',
    '3.4: 5.1.3',
    'status 0x0F (ESME_RINVSYSID), 0x0E or 0x0D',
    login.loginRefused({ name: 'nobody', secret: 'x' }, SYSTEM_ID_REFUSED),
  ),
  check(
    'bind-refused-by-its-response',
    '3.4: 4.1',
    'each of the three binds is refused by its own response',
    binds.refusedByItsResponse,
  ),
  check('bind-twice', '3.4: 5.1.3', 'a second bind on a session gets status 5 (ESME_RALYBND)', login.secondLogin([5])),
  check('bind-transmitter', '3.4: 4.1.1', 'bind_transmitter is answered and may submit', binds.transmitter),
  check('bind-receiver', '3.4: 4.1.3, 5.1.3', 'bind_receiver is answered and may not submit: status 4', binds.receiver),
  check('bind-split', '3.4: 3.2', 'a bind that comes octet by octet is a bind', login.loginSplit),
  check('bind-glued', '3.4: 3.2', 'a bind and a submit in one packet are two frames', login.loginGlued),
  check(
    'bind-second-connection',
    '3.4: 2.2',
    'a second connection of an account does the first no harm',
    login.secondConnection,
  ),
  check('version-3.4', '3.4: 5.3.2.25', 'sc_interface_version names a version that exists', binds.tellsVersion),
  check('version-3.3', '3.4: 3.3', 'a peer of 3.3 is sent no optional parameters', binds.oldVersion),
  check('version-5.0', '5.0: 4.1.1', 'a bind of 5.0 is answered by what will be spoken', binds.newVersion),
  check('version-odd', '3.4: 5.2.4', 'versions that do not exist get an answer', binds.oddVersions),
  check(
    'submit-before-bind',
    '3.4: 2.2, 5.1.3',
    'submit_sm before a bind gets status 4 (ESME_RINVBNDSTS)',
    login.submitBeforeLogin([4]),
  ),
  check(
    'enquire-link',
    '3.4: 4.11',
    'answered under its sequence, with 16 octets and status 0',
    liveness.probeAnswered([16]),
  ),
  check(
    'enquire-link-before-bind',
    '3.4: 4.11',
    'answered, or the end; the target lives on',
    liveness.probeBeforeLogin,
  ),
  check('answers-each', '3.4: 2.6', 'a hundred requests in one packet get a hundred answers', liveness.probesInARow),
  check('unbind', '3.4: 4.2', 'unbind_resp of 16 octets under its sequence', liveness.leaveAnswered),
  check(
    'unbind-with-open-submits',
    '3.4: 4.2',
    'nothing is answered behind unbind_resp',
    liveness.leaveWithOpenSubmits,
  ),
  check('stray-responses', '3.4: 2.6', 'responses to nothing are dropped, never answered', liveness.strayAnswers),
  check('stray-nack', '3.4: 4.3', 'a generic_nack is not answered', operations.nackIgnored),
  check(
    'sequence-extremes',
    '3.4: 3.2',
    'sequence_number 1 and 0x7FFFFFFF come back as they are',
    liveness.sequenceExtremes,
  ),
  check(
    'unknown-command',
    '3.4: 4.3, 5.1.3',
    'generic_nack with status 3 under its sequence; the session stays',
    operations.unknownNacked,
  ),
  check('unknown-response', '3.4: 4.3', 'a response of no table is no reason for anything', framing.unknownAnswer),
  check('server-command', '3.4: 2.4', 'deliver_sm of a client is refused', operations.serverCommand),
  check(
    'length-too-small',
    '3.4: 3.2, 4.3',
    'command_length 15: generic_nack with status 2, then the end',
    operations.badLengthNacked,
  ),
  check('length-zero', '3.4: 3.2', 'command_length 0 costs the connection at most', framing.badLength(0)),
  check(
    'length-too-large',
    '3.4: 3.2',
    'command_length 0x7FFFFFFF costs the connection at most',
    framing.badLength(0x7fffffff),
  ),
  check('length-too-large-before-bind', '3.4: 3.2', 'the same of a stranger', framing.badLength(0x7fffffff, false)),
  check('missing-fields', '3.4: 5.1.3', 'a submit_sm whose fields end early is refused', framing.missingFields),
  check('trailing-octets', '3.4: 3.2', 'octets behind the fields are no other frame', framing.trailingOctets),
  check('split', '3.4: 3.2', 'a submit_sm that comes octet by octet is a submit_sm', framing.splitSubmit),
  check('glued', '3.4: 3.2', 'many requests in one packet are each answered', framing.gluedSubmits),
  check('cut', '3.4: 2.2', 'connections that end within a frame do no harm', framing.cutMidFrame),
  check('slow-stranger', '3.4: 2.2', 'half a bind holds up nobody', framing.slowStranger),
  check('foreign-protocols', '3.4: 2.2', 'HTTP, TLS, SSH and noise do no harm', framing.foreignProtocols),
  check(
    'submit-default-alphabet',
    '3.4: 4.4, 5.2.19',
    'data_coding 0 is accepted with a message_id of its own',
    submits.submitAccepted({}),
  ),
  check(
    'submit-latin1',
    '3.4: 5.2.19',
    'data_coding 3 is accepted',
    submits.submitAccepted({ coding: 3, octets: Buffer.from('caf\xe9', 'latin1') }),
  ),
  check(
    'submit-binary',
    '3.4: 5.2.19',
    'data_coding 4 is accepted',
    submits.submitAccepted({ coding: 4, octets: Buffer.of(0, 1, 0xfe, 0xff) }),
  ),
  check(
    'submit-ucs2',
    '3.4: 5.2.19',
    'data_coding 8 is accepted',
    submits.submitAccepted({ coding: 8, octets: TEXT_UCS2 }),
  ),
  check(
    'submit-empty',
    '3.4: 5.2.22',
    'a text of no octets is accepted',
    submits.submitAccepted({ octets: Buffer.alloc(0) }),
  ),
  check(
    'submit-payload',
    '3.4: 5.3.2.32',
    'a text in message_payload is accepted',
    submits.submitAccepted({
      octets: Buffer.alloc(0),
      tail: parameter(MESSAGE_PAYLOAD, Buffer.from('in the payload')),
    }),
  ),
  check(
    'submit-unknown-parameter',
    '3.4: 3.3.1',
    'optional parameters that are not known are ignored',
    submits.submitAccepted({
      tail: Buffer.concat([parameter(0x1501, Buffer.from('vendor')), parameter(0x3ffe, Buffer.alloc(0))]),
    }),
  ),
  check(
    'submit-parameter-overrun',
    '3.4: 5.1.3',
    'an optional parameter longer than the frame is refused',
    submits.spoiltSubmit({ tail: parameter(0x0204, Buffer.of(0, 1), 200) }, () => undefined, undefined),
  ),
  check(
    'submit-length-overrun',
    '3.4: 5.1.3',
    'sm_length beyond the frame: status 1 (ESME_RINVMSGLEN) or 2',
    submits.spoiltSubmit({}, (b) => b.writeUInt8(250, lengthAt(b)), [1, 2]),
  ),
  check(
    'submit-no-destination',
    '3.4: 5.1.3',
    'an empty destination_addr: status 0x0B (ESME_RINVDSTADR)',
    submits.submitRefused({ to: [''] }, [0x0b]),
  ),
  check(
    'submit-long-destination',
    '3.4: 5.1.3',
    'a destination_addr of 40 digits: status 0x0B',
    submits.submitRefused({ to: ['1'.repeat(40)] }, [0x0b]),
  ),
  check(
    'submit-long-source',
    '3.4: 5.1.3',
    'a source_addr of 40 digits: status 0x0A (ESME_RINVSRCADR)',
    submits.submitRefused({ from: '1'.repeat(40) }, [0x0a]),
  ),
  check(
    'submit-bad-validity',
    '3.4: 5.1.3, 7.1.1',
    'a validity_period that is no time: status 0x62 (ESME_RINVEXPIRY)',
    timeRefused('validity', 0x62),
  ),
  check(
    'submit-bad-schedule',
    '3.4: 5.1.3, 7.1.1',
    'a schedule_delivery_time that is no time: status 0x61 (ESME_RINVSCHED)',
    timeRefused('schedule', 0x61),
  ),
  check('submit-ids', '3.4: 4.4.2', 'every message has an id of its own', submits.idsDiffer),
  check(
    'submit-same-sequence',
    '3.4: 3.2',
    'requests under one sequence are each answered (parts of real clients)',
    submits.sameSequenceTwice,
  ),
  check(
    'submit-window',
    '3.4: 2.6',
    'a hundred submits at once: each accepted, or told to come later',
    submits.floodAnswered(LATER),
  ),
  check(
    'long-udh',
    '3GPP 23.040: 9.2.3.24.1',
    'parts with an 8-bit reference are accepted',
    submits.longMessage(submits.narrowHeader, 0),
  ),
  check(
    'long-udh16',
    '3GPP 23.040: 9.2.3.24.8',
    'parts with a 16-bit reference are accepted',
    submits.longMessage(submits.wideHeader, 4),
  ),
  check('long-sar', '3.4: 5.3.2.22', 'parts by sar_* parameters are accepted', operations.sarParts),
  check(
    'long-broken-header',
    '3GPP 23.040: 9.2.3.24',
    'a user data header that does not parse gets an answer',
    submits.brokenHeader,
  ),
  check('submit-multi', '3.4: 4.5', 'submit_multi to three numbers: an id and no_unsuccess', operations.submitMulti),
  check(
    'submit-multi-nobody',
    '3.4: 4.5.1, 5.1.3',
    'submit_multi to nobody is refused',
    operations.submitMultiToNobody,
  ),
  check('data-sm', '3.4: 4.7', 'data_sm is accepted with an id', operations.dataSm),
  check('query-sm', '3.4: 4.8', 'the state of a message just accepted, or ESME_RQUERYFAIL', operations.querySm),
  check(
    'query-unknown',
    '3.4: 4.8, 5.1.3',
    'an unknown message: status 0x67 (ESME_RQUERYFAIL) or 0x0C',
    operations.ofUnknownMessage('query'),
  ),
  check('cancel-sm', '3.4: 4.9', 'cancelled, or status 0x11 (ESME_RCANCELFAIL)', operations.cancelSm),
  check(
    'cancel-unknown',
    '3.4: 4.9, 5.1.3',
    'an unknown message: status 0x11 or 0x0C',
    operations.ofUnknownMessage('cancel'),
  ),
  check(
    'replace-unknown',
    '3.4: 4.10, 5.1.3',
    'an unknown message: status 0x13 (ESME_RREPLACEFAIL) or 0x0C',
    operations.ofUnknownMessage('replace'),
  ),
  check(
    'receipt',
    '3.4: 5.2.12, appendix B',
    'a receipt with the message_id, a state and the right number',
    reports.reportComes,
  ),
  check(
    'receipt-once',
    '3.4: 5.2.17',
    'one receipt for a message, and no second where the first was answered',
    reports.reportOnce,
  ),
  check('receipt-unasked', '3.4: 5.2.17', 'registered_delivery 0: no receipt', reports.noReportUnasked),
  check('receipt-repeated', '3.4: 4.6', 'a receipt without deliver_sm_resp comes again', reports.reportRepeated),
  check('receipt-waits', '3.4: 2.6', 'an unanswered deliver_sm holds up no submit', reports.worksWhileReportWaits),
  check('receipt-sequences', '3.4: 3.2', 'deliver_sm come each under a sequence of its own', reports.serverSequences),
  check(
    'receipt-on-receiver',
    '3.4: 2.2',
    'the receipt of a transmitter’s message comes on the receiver',
    binds.receiptOnReceiver,
  ),
];

/** A submit with 'not a time' in one of its two times. */
function timeRefused(which: 'schedule' | 'validity', code: number): Check['run'] {
  return async (bench) => {
    const plain = bench.submit();
    // Four octets stand between validity_period and sm_length, and both times are a NUL here.
    const times = lengthAt(plain) - 6;
    const at = which === 'schedule' ? times : times + 1;
    const submit = Buffer.concat([plain.subarray(0, at), Buffer.from('2026-13-45 25:61'), plain.subarray(at)]);
    submit.writeUInt32BE(submit.length, 0);
    const wire = await bench.login();
    wire.send(submit);
    submits.refused(bench, await bench.answerTo(wire, submit), [code]);
  };
}
