import { maskNumber } from './mask.ts';

// What is not shown of a PDU's fields unless `log.text` allows it: texts in every form, phone numbers. Secrets never are.

const SECRET = /^(password|login_password|authenticator.*)$/;
const TEXT =
  /^(text|short_message|message_payload|msg_content.*|txt.*|.*value_hex|value|body_hex|trailing_hex|message_content.*)$/;
/** Digits that are no phone number. */
const PLAIN =
  /^(.*msg_id|message_id|u64|hex|id|.*time.*|.*date.*|sequence|.*code.*|service.*|corp_id|stat|sub|dlvrd|err|tag|name)$/;
const RECEIPT = /^id:/;

/** Fields of a PDU for everybody to see. */
export function hiddenFields(fields: Readonly<Record<string, unknown>>, showText: boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, hidden(key, value, showText)]));
}

function hidden(key: string, value: unknown, showText: boolean): unknown {
  if (SECRET.test(key)) return '(hidden)';
  if (showText) return nested(key, value, showText);
  if (typeof value === 'string') {
    // A receipt in text form is ids and states, and at its end the beginning of the message.
    if (key === 'text' && RECEIPT.test(value)) return value.replace(/(\btext:)[\s\S]*$/i, '$1(hidden)');
    if (TEXT.test(key)) return `(${key === 'text' ? `${value.length} characters` : `${value.length >> 1} octets`})`;
    if (!PLAIN.test(key) && /^\+?\d{7,21}$/.test(value)) return maskNumber(value);
    return value;
  }
  if (typeof value === 'number' && key === 'value') return value;
  return nested(key, value, showText);
}

function nested(key: string, value: unknown, showText: boolean): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => hidden(key, item, showText));
  if (typeof value !== 'object' || value === null) return value;
  return hiddenFields(value as Record<string, unknown>, showText);
}
