import type { Check } from '../check.ts';
import * as framing from '../common/framing.ts';
import * as liveness from '../common/liveness.ts';
import * as login from '../common/login.ts';
import * as reports from '../common/reports.ts';
import * as submits from '../common/submits.ts';
import * as operations from './operations.ts';

const check = (name: string, section: string, expects: string, run: Check['run']): Check => ({
  name,
  section: `SGIP 1.2: ${section}`,
  expects,
  run,
});

/** Node busy; over the flow limit (1.3); flow control (1.3: appendix). */
const LATER = new Set([11, 33, 88]);
const UCS2 = 8;
/** UserCount of a Submit, header and all. */
const COUNT_AT = 20 + 42;

export const SGIP_CHECKS: readonly Check[] = [
  check(
    'bind-accepted',
    '4.1',
    'Bind with Login Type 1 and the right password is answered once, with result 0',
    login.loginAccepted,
  ),
  check(
    'bind-wrong-password',
    '4.1, table of errors',
    'result 1, and nothing is taken behind it',
    login.loginRefused({ secret: 'wrong' }, [1]),
  ),
  check(
    'bind-unknown-name',
    '4.1, table of errors',
    'result 1',
    login.loginRefused({ name: 'nobody', secret: 'x' }, [1]),
  ),
  check(
    'bind-wrong-type',
    '4.1, table of errors',
    'a Login Type of no table: result 4 or 1',
    login.loginRefused({ mode: 9 }, [4, 1]),
  ),
  check('bind-twice', '4.1, table of errors', 'a second Bind on a connection: result 2', login.secondLogin([2])),
  check('bind-split', '4', 'a Bind that comes octet by octet is a Bind', login.loginSplit),
  check('bind-glued', '4', 'a Bind and a Submit in one packet are two frames', login.loginGlued),
  check(
    'bind-second-connection',
    '3.7',
    'a second connection of an account does the first no harm',
    login.secondConnection,
  ),
  check('submit-before-bind', '3.7', 'Submit before Bind is not accepted', login.submitBeforeLogin('any or the end')),
  check('answers-of-one-form', '4.1, 4.3', 'answers have 29 octets: Result and Reserve', operations.answersOfOneForm),
  check('answers-each', '3.7', 'a hundred requests in one packet get a hundred answers', liveness.probesInARow),
  check('unbind', '4.2', 'Unbind_Resp of 20 octets under its sequence', liveness.leaveAnswered),
  check('unbind-with-open-submits', '4.2', 'nothing is answered behind Unbind_Resp', liveness.leaveWithOpenSubmits),
  check('stray-responses', '3.7.2.4', 'responses to nothing are dropped, never answered', liveness.strayAnswers),
  check(
    'sequence-extremes',
    '3.3',
    'node 0, ones throughout, and a time that is none come back as they are',
    liveness.sequenceExtremes,
  ),
  check('unknown-command', '3.7.2.4', 'an unknown command costs the connection at most', framing.unknownCommand),
  check('unknown-response', '3.7.2.4', 'a response of no table is no reason for anything', framing.unknownAnswer),
  check(
    'foreign-role',
    '3.7.2.4',
    'a Deliver of an SP is answered with an error; the connection stays',
    operations.foreignRole,
  ),
  check('length-too-small', '4', 'Message Length 19 costs the connection at most', framing.badLength(19)),
  check('length-zero', '4', 'Message Length 0 costs the connection at most', framing.badLength(0)),
  check(
    'length-too-large',
    '4',
    'Message Length 0x7FFFFFFF costs the connection at most',
    framing.badLength(0x7fffffff),
  ),
  check('length-too-large-before-bind', '4', 'the same of a stranger', framing.badLength(0x7fffffff, false)),
  check('missing-fields', '3.7.2.4', 'a Submit whose fields end early is refused, or the end', framing.missingFields),
  check('split', '4', 'a Submit that comes octet by octet is a Submit', framing.splitSubmit),
  check('glued', '4', 'many requests in one packet are each answered', framing.gluedSubmits),
  check('cut', '3.7', 'connections that end within a frame do no harm', framing.cutMidFrame),
  check('slow-stranger', '3.7', 'half a Bind holds up nobody', framing.slowStranger),
  check('foreign-protocols', '3.7', 'HTTP, TLS, SSH and noise do no harm', framing.foreignProtocols),
  check('submit-ascii', '4.3', 'MessageCoding 0 is accepted', submits.submitAccepted({})),
  check(
    'submit-ucs2',
    '4.3',
    'MessageCoding 8 is accepted',
    submits.submitAccepted({ coding: UCS2, octets: Buffer.from('4f60597d', 'hex') }),
  ),
  check(
    'submit-gbk',
    '4.3',
    'MessageCoding 15 is accepted',
    submits.submitAccepted({ coding: 15, octets: Buffer.from('c4e3bac3', 'hex') }),
  ),
  check(
    'submit-binary',
    '4.3',
    'MessageCoding 4 is accepted',
    submits.submitAccepted({ coding: 4, octets: Buffer.of(0, 1, 0xfe, 0xff) }),
  ),
  check(
    'submit-140',
    '4.3',
    '140 octets are accepted',
    submits.submitAccepted({ coding: UCS2, octets: Buffer.alloc(140, 0x4f) }),
  ),
  check('submit-too-long', '4.3, table of errors', '200 octets: result 8 or 5', submits.lengthLimit(200, [8, 5])),
  check(
    'submit-nobody',
    '4.3, table of errors',
    'UserCount 0: result 5 or 6',
    submits.submitRefused({ to: [] }, [5, 6]),
  ),
  check(
    'submit-bad-number',
    '4.3, table of errors',
    'a UserNumber of letters: result 6 or 5',
    submits.submitRefused({ to: ['not-a-number'] }, [6, 5]),
  ),
  check(
    'submit-count-overrun',
    '3.7.2.4',
    'UserCount beyond the frame is refused, or the end',
    submits.spoiltSubmit({}, (b) => b.writeUInt8(200, COUNT_AT), undefined),
  ),
  check(
    'submit-window',
    '3.7',
    'a hundred submits at once: each accepted, or told to come later',
    submits.floodAnswered(LATER),
  ),
  check(
    'long-udh',
    '3GPP 23.040: 9.2.3.24.1',
    'parts with TP_udhi and an 8-bit reference are accepted',
    submits.longMessage(submits.narrowHeader, UCS2),
  ),
  check(
    'long-udh16',
    '3GPP 23.040: 9.2.3.24.8',
    'parts with TP_udhi and a 16-bit reference are accepted',
    submits.longMessage(submits.wideHeader, UCS2),
  ),
  check(
    'long-broken-header',
    '3GPP 23.040: 9.2.3.24',
    'a user data header that does not parse gets an answer',
    submits.brokenHeader,
  ),
  check('trace', '4.14', 'nodes of 47 octets, or an error', operations.trace),
  check('dial-back', '3.2, 4.1', 'reports come on a connection of the gateway, with Login Type 2', operations.dialBack),
  check(
    'report',
    '4.11',
    'a Report of 64 octets with the sequence of the Submit, a State and the right number',
    reports.reportComes,
  ),
  check(
    'report-once',
    '4.3',
    'one Report for a message, and no second where the first was answered',
    reports.reportOnce,
  ),
  check('report-unasked', '4.3', 'ReportFlag 2: no Report', reports.noReportUnasked),
  check('report-repeated', '3.7', 'a Report without Report_Resp comes again', reports.reportRepeated),
  check('report-of-each', '4.3', 'three receivers: a Report for each, under one sequence', reports.reportOfEach),
  check('report-waits', '3.7', 'an unanswered Report holds up no Submit', reports.worksWhileReportWaits),
  check('report-sequences', '3.3', 'Reports come each under a sequence of its own', reports.serverSequences),
];
