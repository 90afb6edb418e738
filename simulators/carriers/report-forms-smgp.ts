import type { Report } from '../../protocols/smgp/report.ts';
import { encode } from '../../protocols/text/charset.ts';

/**
 * Layouts of the status report: `plain` as most write it, and those of the field (deviations 1, 2, 10). `capitals`:
 * `Submit date:` and `Text:`; `capital-text`: `Text:` alone; `underscores`: `submit_date:`, no text, 102 octets;
 * `joined`: no blank behind the id, `txt:` of ten octets of GBK, 110 octets; `s-separators`: capitals joined by the
 * letter s; `hex-id`: the id as twenty hex digits; `gbk-text`, `ucs2-text`: no three digits before the text; `no-labels`:
 * dates, stat and err alone have their labels.
 */
export const SMGP_REPORT_FORMS = [
  'plain',
  'capitals',
  'capital-text',
  'underscores',
  'joined',
  's-separators',
  'hex-id',
  'gbk-text',
  'ucs2-text',
  'no-labels',
] as const;
export type SmgpReportForm = (typeof SMGP_REPORT_FORMS)[number];

const TEXT = 20;
/** What the text of a report begins with where a form has one. */
const SHOWN = '中国验证码请勿告知他人';

interface Layout {
  /** Before each value but the id: sub, dlvrd, submit date, done date, stat, err, text. '': neither label nor value. */
  readonly labels: readonly [string, string, string, string, string, string, string];
  readonly hexId?: boolean;
  readonly text: Uint8Array;
}

const LOWER = [' sub:', ' dlvrd:', ' submit date:', ' done date:', ' stat:', ' err:', ' text:'] as const;
const NONE = Buffer.alloc(TEXT);
const LETTERS = Buffer.from('fillfillfillfillfill');
const filled = (octets: Uint8Array): Buffer => Buffer.concat([octets, NONE]).subarray(0, TEXT);

const LAYOUTS: Readonly<Record<Exclude<SmgpReportForm, 'plain'>, Layout>> = {
  capitals: {
    labels: [' sub:', ' dlvrd:', ' Submit date:', ' done date:', ' stat:', ' err:', ' Text:'],
    text: NONE,
  },
  'capital-text': {
    labels: [' sub:', ' dlvrd:', ' submit date:', ' done date:', ' stat:', ' err:', ' Text:'],
    text: LETTERS,
  },
  underscores: {
    labels: [' sub:', ' dlvrd:', ' submit_date:', ' done_date:', ' stat:', ' err:', ' text:'],
    text: Buffer.alloc(0),
  },
  joined: {
    labels: ['sub:', ' dlvrd:', ' submit_date:', ' done_date:', ' stat:', ' err:', ' txt:'],
    text: encode(SHOWN, 'gbk')!.subarray(0, 10),
  },
  's-separators': {
    labels: ['sSub:', 'sDlvrd:', 'sSubmit_Date:', 'sDone_Date:', 'sStat:', 'sErr:', 'sText:'],
    text: LETTERS,
  },
  'hex-id': { labels: LOWER, hexId: true, text: NONE },
  'gbk-text': { labels: LOWER, text: filled(encode(SHOWN, 'gbk')!) },
  'ucs2-text': { labels: LOWER, text: filled(encode(SHOWN, 'ucs2')!) },
  'no-labels': { labels: ['', '', ' submit date:', ' done date:', ' stat:', ' err:', ''], text: NONE },
};

/** The content of a report in a form that is not plain. */
export function smgpReport(form: Exclude<SmgpReportForm, 'plain'>, report: Readonly<Report>): Buffer {
  const { labels, hexId = false, text } = LAYOUTS[form];
  const { id, sub, dlvrd, submitDate, doneDate, stat, err } = report;
  const values = [
    sub.padEnd(3),
    dlvrd.padEnd(3),
    submitDate,
    doneDate,
    stat.padEnd(7).slice(0, 7),
    err.padEnd(3).slice(0, 3),
  ];
  const idText = hexId ? Buffer.from(id, 'latin1').toString('hex') : id;
  const said = values.map((value, k) => (labels[k] === '' ? '' : labels[k]! + value)).join('');
  const front = Buffer.from(`id:${idText}${said}${labels[6]}`, 'latin1');
  return labels[6] === '' ? front : Buffer.concat([front, text]);
}
