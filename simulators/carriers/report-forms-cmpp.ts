import type { Report } from '../../protocols/cmpp/report.ts';
import { CMPP_20, CMPP_30 } from '../../protocols/cmpp/tables.ts';

/**
 * Layouts of the status report in DELIVER: `plain` as specified, and those of the field. `short`: 60 octets in 3.0 too;
 * `long`: 71 in 2.x too; `lying-length`: 71 octets where Msg_Length says 60; `no-tail`: without Reserve or LinkID;
 * `half-tail`: cut within it; `sp-number`: Dest_terminal_Id has the SP's number; `filled-source`: Src_terminal_Id filled
 * up to its width; `junk-dates`, `no-dates`; `blanks`: text fields padded with blanks; `leftovers`: octets behind the NUL
 * of text fields; `reversed-id`, `swapped-id`: the octets, or the halves, of Msg_Id the other way round.
 */
export const CMPP_REPORT_FORMS = [
  'plain',
  'short',
  'long',
  'lying-length',
  'no-tail',
  'half-tail',
  'sp-number',
  'filled-source',
  'junk-dates',
  'no-dates',
  'blanks',
  'leftovers',
  'reversed-id',
  'swapped-id',
] as const;
export type CmppReportForm = (typeof CMPP_REPORT_FORMS)[number];

/** How a form departs from the specification: in what the report says, its layout, and the frame around it. */
export interface CmppDeparture {
  /** Layout of the report, if not that of the session. */
  readonly version?: number;
  /** `spNumber`: where the message came from. */
  report?(report: Report, spNumber: string): Report;
  /** Reworks the DELIVER at `start`, returns its new end. The length in its header is set thereafter. */
  frame?(out: Buffer, start: number, end: number, version: number): number;
}

const DEST_ID = { at: 20, width: 21 };
const SERVICE_ID = { at: 41, width: 10 };
const SOURCE_AT = 54;

/** Places of the DELIVER and of the report in it (2.0: 7.4.5; 3.0: 8.5.1). */
function places(version: number): { source: number; length: number; tail: number; number: number } {
  return version < CMPP_30
    ? { source: 21, length: 76, tail: 8, number: 21 }
    : { source: 32, length: 88, tail: 20, number: 32 };
}

/** The fields of text in a DELIVER and its report: those that are padded. */
function textFields(version: number): readonly { readonly at: number; readonly width: number }[] {
  const { source, length, number } = places(version);
  const report = length + 1;
  return [
    DEST_ID,
    SERVICE_ID,
    { at: SOURCE_AT, width: source },
    { at: report + 8, width: 7 },
    { at: report + 35, width: number },
  ];
}

/** What is behind the first NUL of each text field. */
function pad(out: Buffer, start: number, version: number, from: number, octet: number): void {
  for (const { at, width } of textFields(version)) {
    const nul = out.subarray(start + at, start + at + width).indexOf(0);
    if (nul >= 0) out.fill(octet, Math.min(start + at + nul + from, start + at + width), start + at + width);
  }
}

const DEPARTURES: Readonly<Record<Exclude<CmppReportForm, 'plain'>, CmppDeparture>> = {
  short: { version: CMPP_20 },
  long: { version: CMPP_30 },
  'lying-length': {
    version: CMPP_30,
    frame(out, start, end, version) {
      out[start + places(version).length] = 60;
      return end;
    },
  },
  'no-tail': { frame: (_out, _start, end, version) => end - places(version).tail },
  'half-tail': { frame: (_out, _start, end, version) => end - places(version).tail / 2 },
  'sp-number': { report: (report, spNumber) => ({ ...report, destTerminalId: spNumber }) },
  'filled-source': {
    frame(out, start, end, version) {
      const field = out.subarray(start + SOURCE_AT, start + SOURCE_AT + places(version).source);
      const nul = field.indexOf(0);
      for (let k = nul; k > 0 && k < field.length; k++) field[k] = field[k - nul]!;
      return end;
    },
  },
  'junk-dates': { report: (report) => ({ ...report, submitTime: '0001010000', doneTime: '0001010000' }) },
  'no-dates': { report: (report) => ({ ...report, submitTime: '', doneTime: '' }) },
  blanks: {
    frame(out, start, end, version) {
      pad(out, start, version, 0, 0x20);
      return end;
    },
  },
  leftovers: {
    frame(out, start, end, version) {
      pad(out, start, version, 1, 0x37);
      return end;
    },
  },
  'reversed-id': { report: (report) => ({ ...report, msgId: [...report.msgId].reverse().join('') }) },
  'swapped-id': { report: (report) => ({ ...report, msgId: report.msgId.slice(4) + report.msgId.slice(0, 4) }) },
};

/** Undefined for the plain form. */
export const cmppDeparture = (form: CmppReportForm): CmppDeparture | undefined =>
  form === 'plain' ? undefined : DEPARTURES[form];
