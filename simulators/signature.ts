import type { Concat } from '../protocols/text/udh.ts';
import type { FormRules } from './form-rules.ts';

/** What a carrier holds against a text, as an outcome (outcome.ts). */
export type SignatureFault = 'unsigned' | 'bad-signature';

/** A name of up to twenty characters in 【】; what is longer is a remark in brackets. */
const FRONT = /^\s*【([^【】\r\n]{1,20})】/;
const END = /【([^【】\r\n]{1,20})】\s*$/;

/**
 * What is wrong with the signature of a text by the rule, if anything. A part of a long message is judged only if it is
 * the one where the signature should be, the others pass.
 */
export function signatureFault(
  text: string,
  concat: Concat | undefined,
  rule: FormRules['signature'],
): SignatureFault | undefined {
  const { place, demanded, registered, single } = rule;
  if (concat !== undefined && concat.seq !== (place === 'front' ? 1 : concat.total)) return undefined;
  const front = FRONT.exec(text);
  const end = END.exec(text);
  const found = place === 'front' ? front : end;
  if (found === null) return demanded ? 'unsigned' : undefined;
  const name = found[1]!;
  if (registered.length > 0 && !registered.includes(name)) return 'bad-signature';
  return single && isDoubled(text, front, end) ? 'bad-signature' : undefined;
}

/** A signature at either end, or two of them at one. */
function isDoubled(text: string, front: RegExpExecArray | null, end: RegExpExecArray | null): boolean {
  if (front !== null && end !== null && end.index >= front[0].length) return true;
  if (front !== null && FRONT.test(text.slice(front[0].length))) return true;
  return end !== null && END.test(text.slice(0, end.index));
}
