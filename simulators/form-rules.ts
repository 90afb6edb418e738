import { CMPP_REPORT_FORMS, type CmppReportForm } from './carriers/report-forms-cmpp.ts';
import { SGIP_REPORT_FORMS, type SgipReportForm } from './carriers/report-forms-sgip.ts';
import { SMGP_REPORT_FORMS, type SmgpReportForm } from './carriers/report-forms-smgp.ts';
import { SMPP_REPORT_FORMS, type SmppReportForm } from './carriers/report-forms-smpp.ts';
import { ID_BASES, type IdBase, SGIP_ID_LAYOUTS, SMGP_ID_LAYOUTS, SMPP_ID_LAYOUTS } from './id-layouts.ts';
import { NUMBER_FORMS, type NumberForm } from './number-form.ts';
import type { Delay } from './scenario/distribution.ts';

/**
 * What a carrier writes, and what it refuses for: the part of its behaviour that differs from one carrier to the next
 * though all keep, or mean to keep, the same specification. A word of a state is an outcome of outcome.ts, or written as
 * it stands.
 */
export interface FormRules {
  /** Layout of reports: `plain` as specified, or one of the field's (carriers/report-forms-*.ts). */
  readonly reportForm: {
    readonly cmpp: CmppReportForm;
    readonly sgip: SgipReportForm;
    readonly smgp: SmgpReportForm;
    readonly smpp: SmppReportForm;
  };
  /** Layout of answers: `plain` as specified, or one of the field's (ANSWER_FORMS). */
  readonly answerForm: {
    readonly cmpp: (typeof ANSWER_FORMS)['cmpp'][number];
    readonly sgip: (typeof ANSWER_FORMS)['sgip'][number];
    readonly smgp: (typeof ANSWER_FORMS)['smgp'][number];
    readonly smpp: (typeof ANSWER_FORMS)['smpp'][number];
  };
  /** SMPP: how the number in a message_id is written in the answer, in the receipt's text, and in its parameter. */
  readonly idForm: { readonly response: IdBase; readonly receipt: IdBase; readonly tlv: IdBase | 'receipt' };
  /** What ids are made of (id-layouts.ts). CMPP has but one layout. */
  readonly idLayout: {
    readonly smpp: (typeof SMPP_ID_LAYOUTS)[number];
    readonly smgp: (typeof SMGP_ID_LAYOUTS)[number];
    readonly sgip: (typeof SGIP_ID_LAYOUTS)[number];
  };
  /**
   * The counter in ids: its first value (0: another with each start of the carrier), and after how many ids it begins
   * again, within the second or minute that the id tells too (0: by the protocol, and so that none repeats); the code of
   * the gateway (0: CMPP 1001, SMGP 10061).
   */
  readonly ids: { readonly start: number; readonly wrap: number; readonly gateway: number };
  /** By how many ms the carrier's clocks are wrong: that of its ids, of the submit date and of the done date. */
  readonly clockSkew: { readonly ids: number; readonly submit: number; readonly done: number };
  /** How the handset's number is written in reports and MO. */
  readonly numberForm: NumberForm;
  /** A submit to several is reported for each of them, or once under the id of the answer. */
  readonly bulkReports: 'each' | 'once';
  /** A report comes though none was asked for. */
  readonly unaskedReport: { readonly probability: number };
  /** Another report comes before the one that counts, as soon as the message is accepted. */
  readonly firstReport: { readonly probability: number; readonly state: string };
  /** Another report comes this long after the one that counts. */
  readonly secondReport: { readonly probability: number; readonly state: string; readonly delay: Delay };
  /**
   * What is demanded of the signature 【…】: that there is one at its `place`; that it is one of those `registered` (none:
   * any); that there is but one. A long message is judged by the part where the signature should be. What fails is
   * refused with `code` (0: SMPP RX_R_APPN, CMPP 9, SGIP 76, SMGP 58), or accepted and reported so if `report` is a state.
   */
  readonly signature: {
    readonly demanded: boolean;
    readonly place: 'front' | 'end';
    readonly registered: readonly string[];
    readonly single: boolean;
    readonly code: number;
    readonly report: string;
  };
  /** The carrier's own signature, put on the text that the handset shows (books: `shown` and `counted`). '': none. */
  readonly added: { readonly signature: string; readonly place: 'front' | 'end' };
  /**
   * More than `most` messages to a number `within` so many ms are refused with `code` (0: SMPP RX_R_APPN, CMPP 9, SGIP 77,
   * SMGP 75), or accepted and reported so if `report` is a state. A long message counts once. `most` 0: off.
   */
  readonly frequency: {
    readonly most: number;
    readonly within: number;
    readonly code: number;
    readonly report: string;
  };
}

/**
 * Answers that are not as specified. CMPP: ACTIVE_TEST_RESP without its octet, CANCEL_RESP of four octets in 2.x,
 * AuthenticatorISMG over four octets of Status in 2.x or over its digits, or none. SGIP: answers without Reserve, or
 * longer ones. SMGP: Active_Test_Resp that does not echo the sequence. SMPP: refusals with a body; no NUL behind the
 * message_id; no body at all, or an empty message_id, though accepted; a vendor's parameter in the answer.
 */
export const ANSWER_FORMS = {
  cmpp: ['plain', 'short-active-test', 'long-cancel', 'wide-proof', 'digit-proof', 'no-proof'],
  sgip: ['plain', 'no-reserve', 'long'],
  smgp: ['plain', 'active-test-zero'],
  smpp: ['plain', 'error-body', 'no-nul', 'no-body', 'empty-id', 'vendor-tlv'],
} as const;

/** As specified, and nothing refused. */
export const PLAIN_FORMS: FormRules = {
  reportForm: { cmpp: 'plain', sgip: 'plain', smgp: 'plain', smpp: 'plain' },
  answerForm: { cmpp: 'plain', sgip: 'plain', smgp: 'plain', smpp: 'plain' },
  idForm: { response: 'decimal', receipt: 'decimal', tlv: 'receipt' },
  idLayout: { smpp: 'clock', smgp: 'bcd', sgip: 'plain' },
  ids: { start: 0, wrap: 0, gateway: 0 },
  clockSkew: { ids: 0, submit: 0, done: 0 },
  numberForm: 'as-sent',
  bulkReports: 'each',
  unaskedReport: { probability: 0 },
  firstReport: { probability: 0, state: 'ACCEPTED' },
  secondReport: { probability: 0, state: 'UNDELIVERABLE', delay: 0 },
  signature: { demanded: false, place: 'front', registered: [], single: false, code: 0, report: '' },
  added: { signature: '', place: 'front' },
  frequency: { most: 0, within: 60_000, code: 0, report: '' },
};

/** What is possible where a word is asked for, by the path of the rule. */
export const FORM_WORDS: Readonly<Record<string, readonly string[]>> = {
  'reportForm.cmpp': CMPP_REPORT_FORMS,
  'reportForm.sgip': SGIP_REPORT_FORMS,
  'reportForm.smgp': SMGP_REPORT_FORMS,
  'reportForm.smpp': SMPP_REPORT_FORMS,
  'answerForm.cmpp': ANSWER_FORMS.cmpp,
  'answerForm.sgip': ANSWER_FORMS.sgip,
  'answerForm.smgp': ANSWER_FORMS.smgp,
  'answerForm.smpp': ANSWER_FORMS.smpp,
  'idForm.response': ID_BASES,
  'idForm.receipt': ID_BASES,
  'idForm.tlv': ['receipt', ...ID_BASES],
  'idLayout.smpp': SMPP_ID_LAYOUTS,
  'idLayout.smgp': SMGP_ID_LAYOUTS,
  'idLayout.sgip': SGIP_ID_LAYOUTS,
  numberForm: NUMBER_FORMS,
  bulkReports: ['each', 'once'],
  'signature.place': ['front', 'end'],
  'added.place': ['front', 'end'],
};
