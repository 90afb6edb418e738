import { CMPP_30 } from '../../../protocols/cmpp/tables.ts';
import type { Check } from '../check.ts';
import * as framing from '../common/framing.ts';
import * as liveness from '../common/liveness.ts';
import * as login from '../common/login.ts';
import * as reports from '../common/reports.ts';
import * as submits from '../common/submits.ts';
import * as operations from './operations.ts';

const check = (name: string, section: string, expects: string, run: Check['run']): Check => ({
  name,
  section: `CMPP ${section}`,
  expects,
  run,
});

/** Flow control (3.0: 8.4.3.2). */
const LATER = new Set([8]);

/** Offsets in a SUBMIT, header and all. */
const PK_TOTAL = 20;
const PK_NUMBER = 21;
const msgSrcAt = (version: number): number => 12 + (version < CMPP_30 ? 47 : 59);
const countAt = (version: number): number => msgSrcAt(version) + 6 + 2 + 6 + 17 + 17 + 21;

export const CMPP_CHECKS: readonly Check[] = [
  check(
    'connect-accepted',
    '2.0: 7.4.1; 3.0: 8.4.1',
    'CONNECT with the right authenticator is answered once, with status 0',
    login.loginAccepted,
  ),
  check(
    'connect-proof',
    '2.0: 7.4.1.2; 3.0: 8.4.1.2',
    'AuthenticatorISMG is the digest of status, AuthenticatorSource and the secret, in the layout of the version',
    operations.proofOfGateway,
  ),
  check(
    'connect-wrong-secret',
    '2.0: 7.4.1.2; 3.0: 8.4.1.2',
    'status 3, and nothing is taken behind it',
    login.loginRefused({ secret: 'wrong' }, [3]),
  ),
  check(
    'connect-unknown-account',
    '2.0: 7.4.1.2; 3.0: 8.4.1.2',
    'status 2 or 3',
    login.loginRefused({ name: '999999', secret: 'x' }, [2, 3]),
  ),
  check(
    'connect-version-too-high',
    '2.0: 7.4.1.2; 3.0: 8.4.1.2',
    'version 0x40: status 4',
    login.loginRefused({ version: 0x40 }, [4]),
  ),
  check(
    'connect-version',
    '2.0: 7.4.1.2; 3.0: 8.4.1.2',
    'the answer names a version that exists',
    operations.tellsVersion,
  ),
  check(
    'connect-odd-versions',
    '2.0: 7.4.1.1',
    'versions 0x00, 0x01 and 0x21 get an answer of 2.x',
    operations.oddVersions,
  ),
  check('connect-twice', '3.0: 6.2', 'a second CONNECT is refused, or the connection ends', login.secondLogin()),
  check('connect-split', '3.0: 8.1', 'a CONNECT that comes octet by octet is a CONNECT', login.loginSplit),
  check('connect-glued', '3.0: 8.1', 'a CONNECT and a SUBMIT in one packet are two frames', login.loginGlued),
  check(
    'connect-second-connection',
    '3.0: 6.2.1',
    'a second connection of an account does the first no harm',
    login.secondConnection,
  ),
  check(
    'submit-before-connect',
    '3.0: 6.2',
    'SUBMIT before CONNECT is not accepted',
    login.submitBeforeLogin('any or the end'),
  ),
  check(
    'active-test',
    '2.0: 7.4.8; 3.0: 8.4.8',
    'answered under its sequence, with 13 octets',
    liveness.probeAnswered([13]),
  ),
  check(
    'active-test-before-connect',
    '3.0: 8.4.8',
    'answered, or the end; the target lives on',
    liveness.probeBeforeLogin,
  ),
  check('answers-each', '3.0: 6.2.2', 'a hundred requests in one packet get a hundred answers', liveness.probesInARow),
  check(
    'terminate',
    '2.0: 7.4.2; 3.0: 8.4.2',
    'TERMINATE_RESP of 12 octets under its sequence',
    liveness.leaveAnswered,
  ),
  check(
    'terminate-with-open-submits',
    '3.0: 8.4.2',
    'nothing is answered behind TERMINATE_RESP',
    liveness.leaveWithOpenSubmits,
  ),
  check('stray-responses', '3.0: 8.3', 'responses to nothing are dropped, never answered', liveness.strayAnswers),
  check(
    'sequence-extremes',
    '2.0: 7.3; 3.0: 8.3',
    'Sequence_Id 0, 0x80000000 and 0xFFFFFFFF come back as they are',
    liveness.sequenceExtremes,
  ),
  check('unknown-command', '3.0: 8.3', 'an unknown command costs the connection at most', framing.unknownCommand),
  check('unknown-response', '3.0: 8.3', 'a response of no table is no reason for anything', framing.unknownAnswer),
  check('length-too-small', '3.0: 8.3', 'Total_Length 11 costs the connection at most', framing.badLength(11)),
  check('length-zero', '3.0: 8.3', 'Total_Length 0 costs the connection at most', framing.badLength(0)),
  check(
    'length-too-large',
    '3.0: 8.3',
    'Total_Length 0x7FFFFFFF costs the connection at most',
    framing.badLength(0x7fffffff),
  ),
  check('length-too-large-before-connect', '3.0: 8.3', 'the same of a stranger', framing.badLength(0x7fffffff, false)),
  check(
    'missing-fields',
    '3.0: 8.4.3.2',
    'a SUBMIT whose fields end early is refused, or the end',
    framing.missingFields,
  ),
  check('trailing-octets', '3.0: 8.3', 'octets behind the fields are no other frame', framing.trailingOctets),
  check('split', '3.0: 8.1', 'a SUBMIT that comes octet by octet is a SUBMIT', framing.splitSubmit),
  check('glued', '3.0: 8.1', 'many requests in one packet are each answered', framing.gluedSubmits),
  check('cut', '3.0: 6.2', 'connections that end within a frame do no harm', framing.cutMidFrame),
  check('slow-stranger', '3.0: 6.2', 'half a CONNECT holds up nobody', framing.slowStranger),
  check('foreign-protocols', '3.0: 6.2', 'HTTP, TLS, SSH and noise do no harm', framing.foreignProtocols),
  check(
    'submit-ascii',
    '2.0: 7.4.3; 3.0: 8.4.3',
    'Msg_Fmt 0 is accepted, in the layout of the version',
    submits.submitAccepted({}),
  ),
  check(
    'submit-ucs2',
    '2.0: 7.4.3.1',
    'Msg_Fmt 8 is accepted',
    submits.submitAccepted({ coding: 8, octets: Buffer.from('4f60597d', 'hex') }),
  ),
  check(
    'submit-gb',
    '2.0: 7.4.3.1',
    'Msg_Fmt 15 is accepted',
    submits.submitAccepted({ coding: 15, octets: Buffer.from('c4e3bac3', 'hex') }),
  ),
  check(
    'submit-binary',
    '2.0: 7.4.3.1',
    'Msg_Fmt 4 is accepted',
    submits.submitAccepted({ coding: 4, octets: Buffer.of(0, 1, 0xfe, 0xff) }),
  ),
  check(
    'submit-159-ascii',
    '2.0: 7.4.3.1',
    '159 characters of ASCII are accepted',
    submits.submitAccepted({ octets: Buffer.alloc(159, 0x41) }),
  ),
  check(
    'submit-140-ucs2',
    '2.0: 7.4.3.1',
    '140 octets of UCS2 are accepted',
    submits.submitAccepted({ coding: 8, octets: Buffer.alloc(140, 0x4f) }),
  ),
  check('submit-own-msg-id', '2.0: 7.4.3.1', 'a Msg_Id that the SP fills in is ignored', ownMsgId),
  check(
    'submit-too-long',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    '200 binary octets: result 4 or 6',
    submits.lengthLimit(200, [4, 6]),
  ),
  check(
    'submit-length-overrun',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    'Msg_Length beyond the frame: result 1 or 4, or the end',
    submits.spoiltSubmit({}, spoilLength, [1, 4]),
  ),
  check('submit-nobody', '2.0: 7.4.3.2; 3.0: 8.4.3.2', 'no receiver is refused', submits.submitRefused({ to: [] })),
  check(
    'submit-empty-number',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    'a receiver without digits is refused',
    submits.submitRefused({ to: [''] }),
  ),
  check(
    'submit-bad-pk',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    'Pk_number above Pk_total gets an answer, and is no other message',
    badPk,
  ),
  check('submit-ids', '2.0: 7.4.3.2; 3.0: 8.4.3.2', 'every message has an id of its own', submits.idsDiffer),
  check(
    'submit-id-form',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    'Msg_Id is month, day, time, gateway and number',
    operations.idForm,
  ),
  check(
    'submit-window',
    '2.0: 6.2.2; 3.0: 6.2.2',
    'a hundred submits at once: each accepted, or told to come later (8)',
    submits.floodAnswered(LATER),
  ),
  check(
    'long-udh',
    '3GPP 23.040: 9.2.3.24.1',
    'parts with an 8-bit reference are accepted',
    submits.longMessage(submits.narrowHeader, 8),
  ),
  check(
    'long-udh16',
    '3GPP 23.040: 9.2.3.24.8',
    'parts with a 16-bit reference are accepted',
    submits.longMessage(submits.wideHeader, 8),
  ),
  check(
    'long-broken-header',
    '3GPP 23.040: 9.2.3.24',
    'a user data header that does not parse gets an answer',
    submits.brokenHeader,
  ),
  check('query', '2.0: 7.4.6; 3.0: 8.4.6', 'QUERY_RESP of 63 octets about the same day', operations.query),
  check(
    'cancel-unknown',
    '2.0: 7.4.7; 3.0: 8.4.7',
    'CANCEL of an unknown message is refused, in the layout of the version',
    operations.cancelUnknown,
  ),
  check(
    'report',
    '2.0: 7.4.5.1; 3.0: 8.4.5.1',
    'a report of 60 octets (3.0: 71) with the Msg_Id, a Stat, times and the right number',
    reports.reportComes,
  ),
  check(
    'report-once',
    '2.0: 7.4.3.1',
    'one report for a message, and no second where the first was answered',
    reports.reportOnce,
  ),
  check('report-unasked', '2.0: 7.4.3.1', 'Registered_Delivery 0: no report', reports.noReportUnasked),
  check(
    'report-repeated',
    '2.0: 6.2.2; 3.0: 6.2.2',
    'a report without DELIVER_RESP comes again',
    reports.reportRepeated,
  ),
  check(
    'report-of-each',
    '2.0: 7.4.3.2; 3.0: 8.4.3.2',
    'three receivers: a report for each under Msg_Id, +1 and +2',
    reports.reportOfEach,
  ),
  check('report-waits', '3.0: 6.2.2', 'an unanswered DELIVER holds up no SUBMIT', reports.worksWhileReportWaits),
  check('report-sequences', '3.0: 8.3', 'DELIVERs come each under a sequence of its own', reports.serverSequences),
];

async function ownMsgId(bench: Parameters<Check['run']>[0]): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  submit.fill(0x5a, 12, 20);
  wire.send(submit);
  const answer = await bench.answerTo(wire, submit);
  submits.expectAccepted(bench, answer);
}

function spoilLength(submit: Buffer, { tongue }: Parameters<Check['run']>[0]): void {
  const { version } = tongue;
  const receivers = version < CMPP_30 ? 21 : 33;
  submit.writeUInt8(250, countAt(version) + 1 + receivers);
}

async function badPk(bench: Parameters<Check['run']>[0]): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  submit[PK_TOTAL] = 2;
  submit[PK_NUMBER] = 5;
  wire.send(submit);
  await bench.answerTo(wire, submit);
  await liveness.works(bench, wire);
}
