import { STATE } from '../../protocols/smpp/receipt.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { encode } from '../../protocols/text/charset.ts';
import { two } from '../../protocols/wire/civil.ts';
import { type Tlv, textTlv, uintTlv } from '../../protocols/wire/tlv.ts';

/**
 * Layouts of a receipt: `plain` as appendix B of 3.4 shows it, with receipted_message_id and message_state; and those of
 * the field.
 *
 * What carries it: `no-text` only parameters; `no-tlvs` only text; `as-mo` only text, and esm_class 0; `udhi-bit`,
 * `reply-path`, `intermediate-bit` esm_class 0x44, 0xc4, 0x24; `data-sm`; `payload` in message_payload; `ucs2`;
 * `ucs2-in-name` data_coding 8 over ASCII; `same-direction` addresses as the submit had them.
 *
 * The text: `bare` id and stat; `no-id`; `no-dates`; `no-err`; `other-order`; `capitals`; `equals` for the colons, commas
 * for the blanks; `blank-after-colon`; `lower-case` stat; `long-text` with lines and keys of its own; `trailing-nul`.
 *
 * Dates: `seconds`; `four-digit-year`; `zone` with tenths and zone; `zero-dates`.
 *
 * Parameters: `contradiction` message_state ENROUTE whatever the text says; `network-error` as specified, of `ascii`
 * digits, or of two octets (`short-`); `wide-state` in four octets; `no-nul`; `overrun` a length beyond the PDU;
 * `vendor-tlvs`.
 */
export const SMPP_REPORT_FORMS = [
  'plain',
  'no-text',
  'no-tlvs',
  'as-mo',
  'udhi-bit',
  'reply-path',
  'intermediate-bit',
  'data-sm',
  'payload',
  'ucs2',
  'ucs2-in-name',
  'same-direction',
  'bare',
  'no-id',
  'no-dates',
  'no-err',
  'other-order',
  'capitals',
  'equals',
  'blank-after-colon',
  'lower-case',
  'long-text',
  'trailing-nul',
  'seconds',
  'four-digit-year',
  'zone',
  'zero-dates',
  'contradiction',
  'network-error',
  'ascii-network-error',
  'short-network-error',
  'wide-state',
  'no-nul',
  'overrun',
  'vendor-tlvs',
] as const;
export type SmppReportForm = (typeof SMPP_REPORT_FORMS)[number];

/** What a receipt says. */
export interface Said {
  readonly id: string;
  /** In receipted_message_id. */
  readonly tlvId: string;
  readonly stat: string;
  readonly err: string;
  readonly state: number;
  readonly submittedAt: number;
  readonly doneAt: number;
}

/** How it is said. */
export interface Receipt {
  readonly esmClass: number;
  readonly dataCoding: number;
  readonly text: Uint8Array;
  /** `text` goes into message_payload, or the PDU is a data_sm. */
  readonly carriage: 'short' | 'payload' | 'data';
  readonly tlvs: readonly Tlv[];
  /** From the handset to the sender, as receipts go. */
  readonly swapped: boolean;
  /** The last parameter says that it has so many octets more than it has. */
  readonly overrun: number;
}

const ESM: Readonly<Partial<Record<SmppReportForm, number>>> = {
  'as-mo': 0,
  'udhi-bit': 0x44,
  'reply-path': 0xc4,
  'intermediate-bit': 0x24,
};
const TEXT = 'Your code is 493201';
const LONG_TEXT = 'First line\r\nid:0000000000 stat:UNDELIV err:999\r\nand what makes it longer than twenty';

/** `YYMMDDhhmm` and the like, in the time zone of the machine. */
function date(form: SmppReportForm, ms: number): string {
  const d = new Date(ms);
  const year = d.getFullYear();
  const minutes = [d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes()].map(two).join('');
  const short = two(year % 100) + minutes;
  switch (form) {
    case 'seconds':
      return short + two(d.getSeconds());
    case 'four-digit-year':
      return year + minutes;
    case 'zone': {
      const quarters = -d.getTimezoneOffset() / 15;
      return `${short}${two(d.getSeconds())}0${two(Math.abs(quarters))}${quarters < 0 ? '-' : '+'}`;
    }
    case 'zero-dates':
      return '0000000000';
    default:
      return short;
  }
}

function textOf(form: SmppReportForm, said: Said): string {
  const { id, stat, err, state } = said;
  const dlvrd = state === STATE.delivered ? '001' : '000';
  const submitted = date(form, said.submittedAt);
  const done = date(form, said.doneAt);
  const dates = `submit date:${submitted} done date:${done}`;
  switch (form) {
    case 'no-text':
      return '';
    case 'bare':
      return `id:${id} stat:${stat}`;
    case 'no-id':
      return `sub:001 dlvrd:${dlvrd} ${dates} stat:${stat} err:${err} text:${TEXT}`;
    case 'no-dates':
      return `id:${id} sub:001 dlvrd:${dlvrd} stat:${stat} err:${err} text:${TEXT}`;
    case 'no-err':
      return `id:${id} sub:001 dlvrd:${dlvrd} ${dates} stat:${stat} text:${TEXT}`;
    case 'other-order':
      return `stat:${stat} err:${err} done date:${done} submit date:${submitted} dlvrd:${dlvrd} sub:001 id:${id}`;
    case 'capitals':
      return `ID:${id} Sub:001 Dlvrd:${dlvrd} Submit Date:${submitted} Done Date:${done} Stat:${stat} Err:${err} Text:${TEXT}`;
    case 'equals':
      return `id=${id},sub=001,dlvrd=${dlvrd},submit date=${submitted},done date=${done},stat=${stat},err=${err},text=${TEXT}`;
    case 'blank-after-colon':
      return `id: ${id} sub: 001 dlvrd: ${dlvrd} submit date: ${submitted} done date: ${done} stat: ${stat} err: ${err} text: ${TEXT}`;
    default: {
      const text = form === 'long-text' ? LONG_TEXT : TEXT;
      const word = form === 'lower-case' ? stat.toLowerCase() : stat;
      return `id:${id} sub:001 dlvrd:${dlvrd} ${dates} stat:${word} err:${err} text:${text}`;
    }
  }
}

function tlvsOf(form: SmppReportForm, { tlvId, state, err }: Said): readonly Tlv[] {
  if (form === 'no-tlvs' || form === 'as-mo') return [];
  const id =
    form === 'no-nul'
      ? { tag: TAG.receiptedMessageId, value: Buffer.from(tlvId) }
      : textTlv(TAG.receiptedMessageId, tlvId);
  const shown = form === 'contradiction' ? STATE.enroute : state;
  const stateTlv = uintTlv(TAG.messageState, form === 'wide-state' ? 4 : 1, shown);
  const code = Number.parseInt(err, 10) || 0;
  const networkError = (value: Uint8Array): Tlv => ({ tag: TAG.networkErrorCode, value });
  switch (form) {
    case 'network-error':
      // 3: GSM (3.4: 5.3.2.31).
      return [id, stateTlv, networkError(Uint8Array.of(3, code >> 8, code & 0xff))];
    case 'ascii-network-error':
      return [id, stateTlv, networkError(Buffer.from(err.padStart(3, '0').slice(0, 3)))];
    case 'short-network-error':
      return [id, stateTlv, networkError(Uint8Array.of(code >> 8, code & 0xff))];
    case 'overrun':
      return [stateTlv, id];
    case 'vendor-tlvs':
      return [
        { tag: 0x1403, value: Buffer.from('46000') },
        id,
        { tag: 0x2b, value: Uint8Array.of(1, 2, 3) },
        stateTlv,
        { tag: 0x060d, value: Buffer.from('net') },
      ];
    default:
      return [id, stateTlv];
  }
}

/** A receipt in a form that is not plain. */
export function smppReceipt(form: SmppReportForm, said: Said): Receipt {
  const text = textOf(form, said);
  return {
    esmClass: ESM[form] ?? 0x04,
    dataCoding: form === 'ucs2' || form === 'ucs2-in-name' ? 8 : 0,
    text:
      form === 'ucs2' ? encode(text, 'ucs2')! : Buffer.from(form === 'trailing-nul' ? `${text}\0\0` : text, 'latin1'),
    carriage: form === 'data-sm' ? 'data' : form === 'payload' ? 'payload' : 'short',
    tlvs: tlvsOf(form, said),
    swapped: form !== 'same-direction',
    overrun: form === 'overrun' ? 60 : 0,
  };
}
