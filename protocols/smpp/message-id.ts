/**
 * How a peer's two forms of one message_id differ: `same` base in submit_sm_resp and receipt; `hex-response` is
 * hexadecimal in the response and decimal in the receipt; `hex-receipt` the reverse. It is a fact of the peer and never
 * guessed from one id: `10` is good in both bases.
 */
export type IdRule = 'same' | 'hex-response' | 'hex-receipt';

/** One id in its forms for an index, from the strictest to the loosest. */
export interface IdForms {
  /** As it came. */
  readonly exact: string;
  /** Blanks around it gone, letters small. */
  readonly folded: string;
  /** And leading zeros gone, if the id is a plain number in either base; else as `folded`. */
  readonly trimmed: string;
}

const hexadecimal = /^[0-9a-f]+$/;
const decimal = /^[0-9]+$/;

export function normalForms(id: string): IdForms {
  const folded = id.trim().toLowerCase();
  return { exact: id, folded, trimmed: trimZeros(folded) };
}

/** Zeros belong to the id unless all of it is a number: a UUID keeps its own. */
function trimZeros(folded: string): string {
  if (folded.charCodeAt(0) !== 0x30 || !hexadecimal.test(folded)) return folded;
  let o = 0;
  while (o < folded.length - 1 && folded.charCodeAt(o) === 0x30) o++;
  return folded.slice(o);
}

/** The decimal form of a hexadecimal id, without leading zeros; undefined where the id is no hexadecimal number. */
export function hexToDecimal(id: string): string | undefined {
  const folded = id.trim().toLowerCase();
  return hexadecimal.test(folded) ? BigInt(`0x${folded}`).toString() : undefined;
}

/** The hexadecimal form of a decimal id, small letters, without leading zeros; undefined where it is no decimal number. */
export function decimalToHex(id: string): string | undefined {
  const folded = id.trim();
  return decimal.test(folded) ? BigInt(folded).toString(16) : undefined;
}

/** Whether a receipt's id names the message that got `responseId`. An id that is not a number is never rewritten. */
export function sameId(responseId: string, receiptId: string, rule: IdRule): boolean {
  if (responseId === receiptId) return true;
  const response = normalForms(responseId).trimmed;
  const receipt = normalForms(receiptId).trimmed;
  if (response === receipt) return true;
  if (rule === 'hex-response') return hexToDecimal(response) === receipt;
  if (rule === 'hex-receipt') return decimalToHex(response) === receipt;
  return false;
}
