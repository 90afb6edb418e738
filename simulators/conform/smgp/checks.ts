import { textTlv } from '../../../protocols/wire/tlv.ts';
import type { Check } from '../check.ts';
import * as framing from '../common/framing.ts';
import * as liveness from '../common/liveness.ts';
import * as login from '../common/login.ts';
import * as reports from '../common/reports.ts';
import * as submits from '../common/submits.ts';
import { parameter } from '../parameter.ts';
import * as operations from './operations.ts';

const check = (name: string, section: string, expects: string, run: Check['run']): Check => ({
  name,
  section: `SMGP 3.0.3: ${section}`,
  expects,
  run,
});

/** System busy; the protocol has no code for flow control (8). */
const LATER = new Set([1, 75]);
const UNKNOWN_TAG = 0x0014;

export const SMGP_CHECKS: readonly Check[] = [
  check(
    'login-accepted',
    '6.2.1',
    'Login with the right authenticator is answered once, with status 0',
    login.loginAccepted,
  ),
  check(
    'login-proof',
    '6.2.1.2',
    'AuthenticatorServer is the digest of status, AuthenticatorClient and the secret',
    operations.proofOfGateway,
  ),
  check(
    'login-wrong-secret',
    '6.2.1.2, table of statuses',
    'status 21, and nothing is taken behind it',
    login.loginRefused({ secret: 'wrong' }, [21]),
  ),
  check(
    'login-unknown-account',
    '6.2.1.2, table of statuses',
    'status 21 or 52',
    login.loginRefused({ name: '99999999', secret: 'x' }, [21, 52]),
  ),
  check(
    'login-version-too-high',
    '6.2.1.2, table of statuses',
    'version 0x70: status 22',
    login.loginRefused({ version: 0x70 }, [22]),
  ),
  check('login-twice', '6.2.1', 'a second Login is refused, or the connection ends', login.secondLogin()),
  check('login-mode-send', '6.2.1.1', 'LoginMode 0 may submit', operations.modeSend),
  check('login-mode-receive', '6.2.1.1', 'LoginMode 1 may not submit', operations.modeReceive),
  check('login-split', '6.1', 'a Login that comes octet by octet is a Login', login.loginSplit),
  check('login-glued', '6.1', 'a Login and a Submit in one packet are two frames', login.loginGlued),
  check(
    'login-second-connection',
    '5.2',
    'a second connection of an account does the first no harm',
    login.secondConnection,
  ),
  check(
    'submit-before-login',
    '6.2.1',
    'Submit before Login is not accepted',
    login.submitBeforeLogin('any or the end'),
  ),
  check('active-test', '6.2.4', 'answered under its sequence, with 12 octets', liveness.probeAnswered([12])),
  check('active-test-before-login', '6.2.4', 'answered, or the end; the target lives on', liveness.probeBeforeLogin),
  check('answers-each', '5.2', 'a hundred requests in one packet get a hundred answers', liveness.probesInARow),
  check('exit', '6.2.6', 'Exit_Resp of 12 octets under its sequence', liveness.leaveAnswered),
  check('exit-with-open-submits', '6.2.6', 'nothing is answered behind Exit_Resp', liveness.leaveWithOpenSubmits),
  check('stray-responses', '6.1', 'responses to nothing are dropped, never answered', liveness.strayAnswers),
  check(
    'sequence-extremes',
    '6.1',
    'SequenceID 0, 0x80000000 and 0xFFFFFFFF come back as they are',
    liveness.sequenceExtremes,
  ),
  check('unknown-command', '6.1', 'an unknown RequestID costs the connection at most', framing.unknownCommand),
  check('unknown-response', '6.1', 'a response of no table is no reason for anything', framing.unknownAnswer),
  check('length-too-small', '6.1', 'PacketLength 11 costs the connection at most', framing.badLength(11)),
  check('length-zero', '6.1', 'PacketLength 0 costs the connection at most', framing.badLength(0)),
  check(
    'length-too-large',
    '6.1',
    'PacketLength 0x7FFFFFFF costs the connection at most',
    framing.badLength(0x7fffffff),
  ),
  check('length-too-large-before-login', '6.1', 'the same of a stranger', framing.badLength(0x7fffffff, false)),
  check('missing-fields', '6.2.2', 'a Submit whose fields end early is refused, or the end', framing.missingFields),
  check('split', '6.1', 'a Submit that comes octet by octet is a Submit', framing.splitSubmit),
  check('glued', '6.1', 'many requests in one packet are each answered', framing.gluedSubmits),
  check('cut', '5.2', 'connections that end within a frame do no harm', framing.cutMidFrame),
  check('slow-stranger', '5.2', 'half a Login holds up nobody', framing.slowStranger),
  check('foreign-protocols', '5.2', 'HTTP, TLS, SSH and noise do no harm', framing.foreignProtocols),
  check('submit-ascii', '6.2.2', 'MsgFormat 0 is accepted', submits.submitAccepted({})),
  check(
    'submit-ucs2',
    '6.2.2.1',
    'MsgFormat 8 is accepted',
    submits.submitAccepted({ coding: 8, octets: Buffer.from('4f60597d', 'hex') }),
  ),
  check(
    'submit-gb18030',
    '6.2.2.1',
    'MsgFormat 15 is accepted',
    submits.submitAccepted({ coding: 15, octets: Buffer.from('c4e3bac3', 'hex') }),
  ),
  check(
    'submit-binary',
    '6.2.2.1',
    'MsgFormat 4 is accepted',
    submits.submitAccepted({ coding: 4, octets: Buffer.of(0, 1, 0xfe, 0xff) }),
  ),
  check(
    'submit-140',
    '6.2.2.1',
    '140 octets are accepted',
    submits.submitAccepted({ coding: 4, octets: Buffer.alloc(140, 0x41) }),
  ),
  check(
    'submit-unknown-parameter',
    '6.3',
    'optional parameters that are not known are ignored',
    submits.submitAccepted({ tail: parameter(UNKNOWN_TAG, Buffer.of(1, 2, 3)) }),
  ),
  check(
    'submit-text-parameters',
    '6.3',
    'text parameters with a NUL of their own are taken',
    submits.submitAccepted({ tail: parameter(0x0010, Buffer.from(textTlv(0x0010, '10659000').value)) }),
  ),
  check(
    'submit-too-long',
    '6.2.2, table of statuses',
    '200 octets: status 36 or 10',
    submits.lengthLimit(200, [36, 10]),
  ),
  check(
    'submit-nobody',
    '6.2.2, table of statuses',
    'no receiver: status 47 or 10',
    submits.submitRefused({ to: [] }, [47, 10]),
  ),
  check(
    'submit-empty-number',
    '6.2.2, table of statuses',
    'a receiver without digits: status 47',
    submits.submitRefused({ to: [''] }, [47]),
  ),
  check('submit-ids', '6.2.2.2', 'every message has an id of its own', submits.idsDiffer),
  check('submit-id-form', '6.2.2.2', 'MsgID is gateway, time and number in BCD', operations.idForm),
  check(
    'submit-window',
    '5.2',
    'a hundred submits at once: each accepted, or told to come later',
    submits.floodAnswered(LATER),
  ),
  check(
    'long-udh',
    '3GPP 23.040: 9.2.3.24.1',
    'parts with TP_udhi and an 8-bit reference are accepted',
    submits.longMessage(submits.narrowHeader, 8),
  ),
  check(
    'long-udh16',
    '3GPP 23.040: 9.2.3.24.8',
    'parts with TP_udhi and a 16-bit reference are accepted',
    submits.longMessage(submits.wideHeader, 8),
  ),
  check(
    'long-broken-header',
    '3GPP 23.040: 9.2.3.24',
    'a user data header that does not parse gets an answer',
    submits.brokenHeader,
  ),
  check('query', '6.2.7', 'Query_Resp of 71 octets about the same day', operations.query),
  check(
    'report',
    '6.2.3.1',
    'a report of 122 octets with the MsgID, a stat, dates, err and the right number',
    reports.reportComes,
  ),
  check(
    'report-once',
    '6.2.2.1',
    'one report for a message, and no second where the first was answered',
    reports.reportOnce,
  ),
  check('report-unasked', '6.2.2.1', 'NeedReport 0: no report', reports.noReportUnasked),
  check('report-repeated', '5.2', 'a report without Deliver_Resp comes again', reports.reportRepeated),
  check('report-of-each', '6.2.2.2', 'three receivers: a report for each under MsgID, +1 and +2', reports.reportOfEach),
  check('report-waits', '5.2', 'an unanswered Deliver holds up no Submit', reports.worksWhileReportWaits),
  check('report-sequences', '6.1', 'Delivers come each under a sequence of its own', reports.serverSequences),
  check(
    'report-on-receiver',
    '6.2.1.1',
    'the report of a mode-0 connection comes on one of mode 1',
    operations.reportOnReceiver,
  ),
];
