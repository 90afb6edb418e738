/**
 * A carrier's id in its report may be written unlike in its answer: other case, zeros more or fewer, another base. Ids
 * are kept as octets and only compared in a normal form; what is not a number is never rewritten (but for case).
 */

const DECIMAL = /^\d+$/;
const HEX = /^[0-9a-f]+$/;

/** The form under which an id is indexed: blanks trimmed, case folded, leading zeros of plain numbers trimmed. */
export function canonicalId(id: string): string {
  // Most ids are plain digits without zeros in front, or octets (CMPP): both need no work.
  let digits = id.charCodeAt(0) !== 0x30;
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    if (c < 0x20 || c > 0x7e) return id;
    if (c < 0x30 || c > 0x39) digits = false;
  }
  if (digits) return id;
  const folded = id.trim().toLowerCase();
  if (folded.charCodeAt(0) !== 0x30 || !HEX.test(folded)) return folded;
  const trimmed = folded.replace(/^0+/, '');
  return trimmed === '' ? '0' : trimmed;
}

/** A decimal id in hexadecimal, canonical; undefined where it is no decimal number. */
export function toHex(id: string): string | undefined {
  const text = id.trim();
  return DECIMAL.test(text) ? BigInt(text).toString(16) : undefined;
}

/** A hexadecimal id in decimal, canonical; undefined where it is no hexadecimal number. */
export function toDecimal(id: string): string | undefined {
  const text = id.trim().toLowerCase();
  return HEX.test(text) ? BigInt(`0x${text}`).toString(10) : undefined;
}

/** How a carrier's reports write the ids of its answers. */
export type IdForm = 'learn' | 'exact' | 'caseFolded' | 'zerosTrimmed' | 'hexToDecimal' | 'decimalToHex';

/** One way to look for a report's id; a guess must be confirmed by the destination. */
export interface Lookup {
  readonly form: 'same' | 'hexToDecimal' | 'decimalToHex';
  readonly id: string;
  readonly guess: boolean;
}

/**
 * Canonical ids under which the answer of a report's message may be indexed, the likeliest first and none before it is
 * needed. `form`: the carrier's set or learned form; `learn` also guesses the other base.
 */
export function* lookups(reportId: string, form: IdForm): Generator<Lookup, void> {
  if (form === 'hexToDecimal' || form === 'decimalToHex') {
    const id = form === 'hexToDecimal' ? toHex(reportId) : toDecimal(reportId);
    if (id !== undefined) yield { form, id, guess: false };
    yield { form: 'same', id: canonicalId(reportId), guess: id !== undefined };
    return;
  }
  const same = canonicalId(reportId);
  yield { form: 'same', id: same, guess: false };
  if (form !== 'learn') return;
  const hex = toHex(reportId);
  if (hex !== undefined && hex !== same) yield { form: 'hexToDecimal', id: hex, guess: true };
  const decimal = toDecimal(reportId);
  if (decimal !== undefined && decimal !== same) yield { form: 'decimalToHex', id: decimal, guess: true };
}

/** Whether a set form lets these two ids be one: `exact` the octets, `caseFolded` but for case, `zerosTrimmed` but for zeros too. */
export function allows(form: IdForm, answered: string, reported: string): boolean {
  if (form === 'exact') return answered === reported;
  if (form === 'caseFolded') return answered.trim().toLowerCase() === reported.trim().toLowerCase();
  return true;
}
