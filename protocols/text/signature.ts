/** Longest name between the brackets 【】 of a signature: platforms register 2 to 20 characters. What is longer is a remark in brackets. */
const LONGEST = 20;

/** The text with its signature in place, and that signature; '' where neither end of the text has one. */
export interface Signed {
  readonly text: string;
  readonly signature: string;
}

/**
 * Moves the signature at an end of the text to the end that is wanted. One that is there already stays, even if the
 * other end has one too; space around it stays with the text. Nothing is added, doubled or lost.
 */
export function placeSignature(text: string, place: 'first' | 'last'): Signed {
  const other = place === 'first' ? 'last' : 'first';
  const at = find(text, place) ?? find(text, other);
  if (at === undefined) return { text, signature: '' };
  const signature = text.slice(at.start, at.end);
  const rest = text.slice(0, at.start) + text.slice(at.end);
  return { text: place === 'first' ? signature + rest : rest + signature, signature };
}

function find(text: string, place: 'first' | 'last'): { readonly start: number; readonly end: number } | undefined {
  let start: number;
  let end: number;
  if (place === 'first') {
    start = text.length - text.trimStart().length;
    end = text.indexOf('】', start) + 1;
  } else {
    end = text.trimEnd().length;
    start = text.lastIndexOf('【', end);
  }
  if (start < 0 || text[start] !== '【' || text[end - 1] !== '】') return undefined;
  const name = text.slice(start + 1, end - 1);
  return name === '' || name.length > LONGEST || /[【】\r\n]/.test(name) ? undefined : { start, end };
}
