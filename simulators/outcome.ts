import { REPORT_STATE } from '../protocols/sgip/report.ts';

/** How a report tells of an outcome in one of the protocols that have words: Stat, and an error code of three characters. */
export interface Told {
  readonly stat: string;
  readonly err: string;
}

/** State and ErrorCode of SGIP's Report. */
export type SgipTold = readonly [state: number, errorCode: number];

interface Outcome {
  readonly cmpp: string;
  readonly sgip: SgipTold;
  readonly smgp: Told;
  readonly smpp: Told;
}

const told = (stat: string, err: string): Told => ({ stat, err });
const failed = (errorCode: number): SgipTold => [REPORT_STATE.FAILED, errorCode];

/**
 * What may become of a message, as each carrier says it. The first seven are the states of SMPP; the others are causes,
 * by the tables that integrators of the Chinese carriers keep (CMPP: Stat families MK, MI, ID, CB, DB and words of
 * vendors; SGIP: ErrorCode of 1.2 and of 1.3's appendix; SMGP: table of err) and, for SMPP, by the error codes of the
 * mobile network (MAP) that centres pass on in `err:`.
 */
const TABLE: Readonly<Record<string, Outcome>> = {
  DELIVERED: {
    cmpp: 'DELIVRD',
    sgip: [REPORT_STATE.SENT, 0],
    smgp: told('DELIVRD', '000'),
    smpp: told('DELIVRD', '000'),
  },
  ACCEPTED: {
    cmpp: 'ACCEPTD',
    sgip: [REPORT_STATE.WAITING, 0],
    smgp: told('ACCEPTD', '999'),
    smpp: told('ACCEPTD', '001'),
  },
  EXPIRED: { cmpp: 'EXPIRED', sgip: failed(61), smgp: told('EXPIRED', '001'), smpp: told('EXPIRED', '001') },
  DELETED: { cmpp: 'DELETED', sgip: failed(28), smgp: told('DELETED', '999'), smpp: told('DELETED', '001') },
  UNDELIVERABLE: { cmpp: 'UNDELIV', sgip: failed(29), smgp: told('UNDELIV', '003'), smpp: told('UNDELIV', '001') },
  UNKNOWN: { cmpp: 'UNKNOWN', sgip: failed(55), smgp: told('UNKNOWN', '999'), smpp: told('UNKNOWN', '001') },
  REJECTED: { cmpp: 'REJECTD', sgip: failed(50), smgp: told('REJECTD', '999'), smpp: told('REJECTD', '001') },

  'no-such-number': { cmpp: 'MK:0001', sgip: failed(29), smgp: told('UNDELIV', '003'), smpp: told('UNDELIV', '001') },
  'powered-off': { cmpp: 'MI:0024', sgip: failed(25), smgp: told('EXPIRED', '001'), smpp: told('EXPIRED', '027') },
  'out-of-area': { cmpp: 'MK:0008', sgip: failed(25), smgp: told('EXPIRED', '001'), smpp: told('UNDELIV', '027') },
  busy: { cmpp: 'MK:0010', sgip: failed(25), smgp: told('EXPIRED', '002'), smpp: told('UNDELIV', '031') },
  'memory-full': { cmpp: 'MK:0017', sgip: failed(26), smgp: told('EXPIRED', '007'), smpp: told('UNDELIV', '032') },
  barred: { cmpp: 'MK:0005', sgip: failed(30), smgp: told('UNDELIV', '004'), smpp: told('UNDELIV', '013') },
  ported: { cmpp: 'MH:0007', sgip: failed(22), smgp: told('UNDELIV', '003'), smpp: told('UNDELIV', '009') },
  suspended: { cmpp: 'DB:0102', sgip: failed(56), smgp: told('UNDELIV', '004'), smpp: told('UNDELIV', '013') },
  'no-balance': { cmpp: 'CB:0007', sgip: failed(40), smgp: told('UNDELIV', '004'), smpp: told('REJECTD', '013') },
  'not-sms-capable': { cmpp: 'UNDELIV', sgip: failed(27), smgp: told('UNDELIV', '008'), smpp: told('UNDELIV', '011') },
  blacklisted: { cmpp: 'ID:0069', sgip: failed(69), smgp: told('UNDELIV', '005'), smpp: told('REJECTD', '099') },
  'bad-content': { cmpp: 'KEYWORD', sgip: failed(76), smgp: told('UNDELIV', '009'), smpp: told('REJECTD', '098') },
  unsigned: { cmpp: 'NOTITLE', sgip: failed(50), smgp: told('UNDELIV', '009'), smpp: told('REJECTD', '097') },
  'bad-signature': { cmpp: 'SIGFAIL', sgip: failed(50), smgp: told('UNDELIV', '009'), smpp: told('REJECTD', '097') },
  'too-often': { cmpp: 'BEYONDN', sgip: failed(77), smgp: told('UNDELIV', '005'), smpp: told('REJECTD', '096') },
  'no-route': { cmpp: 'ID:0072', sgip: failed(72), smgp: told('UNDELIV', '006'), smpp: told('UNDELIV', '034') },
  'no-answer': { cmpp: 'MA:0054', sgip: failed(54), smgp: told('UNKNOWN', '999'), smpp: told('UNKNOWN', '000') },
};

const OUTCOMES: ReadonlyMap<string, Outcome> = new Map(Object.entries(TABLE));

/**
 * The Stat of CMPP. A word that is no outcome of the table is written as it stands (`MB:0064`), cut at the seven octets
 * of the field.
 */
export const cmppStat = (word: string): string => OUTCOMES.get(word)?.cmpp ?? word.slice(0, 7);

/**
 * State and ErrorCode of SGIP. A word that is no outcome of the table is an ErrorCode (`69`; `-17`: as integrators'
 * tables print 239), or both (`0/54`).
 */
export function sgipTold(word: string): SgipTold {
  const outcome = OUTCOMES.get(word);
  if (outcome !== undefined) return outcome.sgip;
  const [first = '', second] = word.split('/');
  if (second === undefined) return failed(Number(first) & 0xff);
  return [Number(first) & 0xff, Number(second) & 0xff];
}

/** `stat:` and `err:` of SMGP and SMPP. A word that is no outcome of the table is a stat, or both (`UNDELIV/21b`). */
export function toldOf(protocol: 'smgp' | 'smpp', word: string): Told {
  const outcome = OUTCOMES.get(word);
  if (outcome !== undefined) return outcome[protocol];
  const cut = word.indexOf('/');
  const usual = protocol === 'smgp' ? '999' : '001';
  return cut < 0 ? { stat: word, err: usual } : { stat: word.slice(0, cut), err: word.slice(cut + 1) };
}
