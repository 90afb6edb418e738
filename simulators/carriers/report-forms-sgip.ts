/**
 * Layouts of Report: `plain` as specified, and those of the field. `no-reserve`: 56 octets; `long`: eight octets more
 * than there are fields; `sent-with-code`: an ErrorCode beside a State that has none; `failed-without-code`: State 2 and
 * no ErrorCode.
 */
export const SGIP_REPORT_FORMS = ['plain', 'no-reserve', 'long', 'sent-with-code', 'failed-without-code'] as const;
export type SgipReportForm = (typeof SGIP_REPORT_FORMS)[number];

const STATE_AT = 54;
const RESERVE = 8;

/** Reworks the Report at `start`, which ends at `end` and has room behind it. Returns its new end. */
export function departSgip(form: SgipReportForm, out: Buffer, start: number, end: number): number {
  switch (form) {
    case 'no-reserve':
      return end - RESERVE;
    case 'long':
      out.fill(0, end, end + RESERVE);
      return end + RESERVE;
    case 'sent-with-code':
      if (out[start + STATE_AT] !== 2) out[start + STATE_AT + 1] = 88;
      return end;
    case 'failed-without-code':
      if (out[start + STATE_AT] === 2) out[start + STATE_AT + 1] = 0;
      return end;
    default:
      return end;
  }
}

/** What `long` adds. */
export const MORE_OCTETS = RESERVE;
