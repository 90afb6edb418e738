import type { Tongue } from '../tongue.ts';

/** One named judgement on a client. */
export interface Judgement {
  readonly name: string;
  readonly expects: string;
  /** Why it is not applicable where it never came to it. */
  readonly unless: string;
}

const judgement = (name: string, expects: string, unless: string): Judgement => ({ name, expects, unless });

const NO_CLIENT = 'no client connected';
const NO_SUBMIT = 'no submit came';
const NO_EAR = 'no connection that takes reports';
const NO_REPORT = 'no submit asked for a report';

/** What a client is judged by, in the order in which it is told. */
export const JUDGEMENTS = [
  judgement('login-first', 'the first frame of every connection is a login', NO_CLIENT),
  judgement('login-authenticator', 'it shows that it knows the secret of the account', NO_CLIENT),
  judgement('login-fields', 'version, timestamp and lengths are legal', NO_CLIENT),
  judgement('login-once', 'one login on a connection', NO_CLIENT),
  judgement('login-waits', 'nothing is submitted before the login is answered', NO_CLIENT),
  judgement('submit-fields', 'fields are legal: length of the content, numbers, flags, coding', NO_SUBMIT),
  judgement('submit-sequences', 'no submit under a sequence that is still open on its connection', NO_SUBMIT),
  judgement('window', 'no more open submits than the window allows', 'the window was never filled, or none was agreed'),
  judgement(
    'long-headers',
    'parts of a long message have a header that parses, and numbers from 1 to the total',
    'no long message came',
  ),
  judgement('answers-out-of-order', 'answers to submits in another order are taken', 'never were two submits open'),
  judgement('probe-answered', 'a sign of life is given in time when asked', 'the protocol has none'),
  judgement('report-answered', 'a report is answered in time, with its sequence and its id', NO_REPORT),
  judgement('report-split', 'a report that comes octet by octet is answered', NO_REPORT),
  judgement('report-glued', 'reports in one packet are each answered', NO_REPORT),
  judgement('report-duplicate', 'a report that comes again is answered again', NO_REPORT),
  judgement('report-unknown', 'a report for an id that it does not know is answered, and the session stays', NO_EAR),
  judgement('mo-answered', 'a message from a phone is answered with its sequence and its id', NO_EAR),
  judgement('answers-known', 'it answers nothing that was not asked', NO_CLIENT),
  judgement('stray-answers', 'answers to what it never sent do no harm', NO_EAR),
  judgement('unknown-command', 'an unknown command costs the connection at most', NO_EAR),
  judgement(
    'throttle-slows',
    'what is told to come later does not come at once',
    'no submit that had not come before came while submits were throttled',
  ),
  judgement(
    'throttle-resent',
    'what was told to come later comes again',
    'what was throttled did not come again in time',
  ),
  judgement('reconnects', 'it comes back after its connections were cut', NO_CLIENT),
  judgement('backoff', 'it does not knock in a tight loop while its connections end at once', 'it did not come back'),
  judgement('leave-answered', 'a farewell is answered', NO_CLIENT),
] as const satisfies readonly Judgement[];

export type JudgementName = (typeof JUDGEMENTS)[number]['name'];

interface Sections {
  readonly login: string;
  readonly fields: string;
  readonly sequence: string;
  readonly window: string;
  readonly long: string;
  readonly probe: string;
  readonly report: string;
  readonly command: string;
  readonly throttle: string;
  readonly session: string;
  readonly leave: string;
}

const LONG = '3GPP 23.040: 9.2.3.24';

const SECTIONS: Readonly<Record<Tongue['protocol'], Sections>> = {
  smpp: {
    login: 'SMPP 3.4: 4.1',
    fields: 'SMPP 3.4: 4.4.1, 5.2',
    sequence: 'SMPP 3.4: 3.2',
    window: 'SMPP 3.4: 2.6',
    long: LONG,
    probe: 'SMPP 3.4: 4.11',
    report: 'SMPP 3.4: 4.6',
    command: 'SMPP 3.4: 4.3',
    throttle: 'SMPP 3.4: 5.1.3',
    session: 'SMPP 3.4: 2.2',
    leave: 'SMPP 3.4: 4.2',
  },
  cmpp: {
    login: 'CMPP 2.0: 7.4.1; 3.0: 8.4.1',
    fields: 'CMPP 2.0: 7.4.3; 3.0: 8.4.3',
    sequence: 'CMPP 2.0: 7.3; 3.0: 8.3',
    window: 'CMPP 2.0, 3.0: 6.2.2',
    long: LONG,
    probe: 'CMPP 2.0: 7.4.8; 3.0: 8.4.8',
    report: 'CMPP 2.0: 7.4.5; 3.0: 8.4.5',
    command: 'CMPP 3.0: 8.3',
    throttle: 'CMPP 2.0: 7.4.3.2; 3.0: 8.4.3.2',
    session: 'CMPP 3.0: 6.2',
    leave: 'CMPP 2.0: 7.4.2; 3.0: 8.4.2',
  },
  sgip: {
    login: 'SGIP 1.2: 4.1',
    fields: 'SGIP 1.2: 4.3',
    sequence: 'SGIP 1.2: 3.3',
    window: 'SGIP 1.2: 3.7',
    long: LONG,
    probe: 'SGIP 1.2: 3.7',
    report: 'SGIP 1.2: 4.4, 4.11',
    command: 'SGIP 1.2: 3.7.2.4',
    throttle: 'SGIP 1.2: table of errors',
    session: 'SGIP 1.2: 3.7',
    leave: 'SGIP 1.2: 4.2',
  },
  smgp: {
    login: 'SMGP 3.0.3: 6.2.1',
    fields: 'SMGP 3.0.3: 6.2.2',
    sequence: 'SMGP 3.0.3: 6.1',
    window: 'SMGP 3.0.3: 5.2',
    long: LONG,
    probe: 'SMGP 3.0.3: 6.2.4',
    report: 'SMGP 3.0.3: 6.2.3',
    command: 'SMGP 3.0.3: 6.1',
    throttle: 'SMGP 3.0.3: table of statuses',
    session: 'SMGP 3.0.3: 5.2',
    leave: 'SMGP 3.0.3: 6.2.6',
  },
};

const KINDS: readonly (readonly [beginning: string, kind: keyof Sections])[] = [
  ['login', 'login'],
  ['submit-sequences', 'sequence'],
  ['submit', 'fields'],
  ['window', 'window'],
  ['answers', 'window'],
  ['long', 'long'],
  ['probe', 'probe'],
  ['report', 'report'],
  ['mo', 'report'],
  ['stray', 'sequence'],
  ['unknown', 'command'],
  ['throttle', 'throttle'],
  ['leave', 'leave'],
];

/** Where the specification of this protocol says so. */
export function sectionOf(protocol: Tongue['protocol'], name: string): string {
  return SECTIONS[protocol][KINDS.find(([beginning]) => name.startsWith(beginning))?.[1] ?? 'session'];
}
