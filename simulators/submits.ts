import { type Coding, encode } from '../protocols/text/charset.ts';
import { limitsFor, segment } from '../protocols/text/segment.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import { fingerprint } from './fingerprints.ts';
import type { LoadText } from './load-options.ts';

/** One submit of a text, but for its destination and sequence. */
export interface Template {
  readonly coding: Coding;
  /** The octets begin with a header, whose reference is at octet 3. */
  readonly udhi: boolean;
  readonly octets: Buffer;
  /** Fingerprint of the whole text. */
  readonly print: number;
  /** Its place among the parts of the text, from 1. */
  readonly part: number;
  readonly parts: number;
  /** Longer than a message holds: to go whole, in a field that has room for it. */
  readonly whole: boolean;
}

/**
 * All submits of a load, numbered. Message m takes the text m modulo their number, and as many submits (parts) as that
 * text needs, so places repeat with the cycle of all texts and nothing is kept for each.
 */
export interface Submits {
  /** Parts of all messages. */
  readonly total: number;
  template(part: number): Template;
  /** The message of a part. */
  messageOf(part: number): number;
  /** The first part of a message. */
  partOf(message: number): number;
}

/**
 * `codings`: what texts are coded in, the plainest first; the first that holds a text takes it. `own`: all that the
 * protocol has, for texts that ask for one.
 */
export function createSubmits(
  texts: readonly (string | LoadText)[],
  count: number,
  long: 'udh' | 'payload',
  codings: readonly Coding[],
  own: readonly Coding[] = codings,
): Submits {
  const templates: Template[] = [];
  const textAt: number[] = [];
  texts.forEach((text, k) => {
    const prefer = typeof text === 'string' ? [] : [text.coding].filter((coding) => own.includes(coding));
    for (const template of templatesOf(typeof text === 'string' ? text : text.text, long, [...prefer, ...codings])) {
      templates.push(template);
      textAt.push(k);
    }
  });
  const firstOfText = texts.map((_, k) => textAt.indexOf(k));
  const cycle = templates.length;
  const partOf = (message: number): number =>
    Math.floor(message / texts.length) * cycle + firstOfText[message % texts.length]!;
  return {
    total: partOf(count),
    template: (part) => templates[part % cycle]!,
    messageOf: (part) => Math.floor(part / cycle) * texts.length + textAt[part % cycle]!,
    partOf,
  };
}

/** The submits that a text takes. */
function templatesOf(text: string, long: 'udh' | 'payload', codings: readonly Coding[]): Template[] {
  const { coding, octets } = encoded(text, codings);
  const limits = limitsFor(coding, 6);
  const print = fingerprint(text);
  if (octets.length > limits.single && long === 'payload') {
    return [{ coding, udhi: false, octets, print, part: 1, parts: 1, whole: true }];
  }
  const parts = segment(octets, coding, limits);
  if (parts.length === 1) return [{ coding, udhi: false, octets, print, part: 1, parts: 1, whole: false }];
  return parts.map((part, k) => ({
    coding,
    udhi: true,
    octets: Buffer.concat([concatUdh(0, parts.length, k + 1, false), part]),
    print,
    part: k + 1,
    parts: parts.length,
    whole: false,
  }));
}

function encoded(text: string, codings: readonly Coding[]): { coding: Coding; octets: Buffer } {
  for (const coding of codings) {
    const octets = encode(text, coding);
    if (octets !== undefined) return { coding, octets };
  }
  throw new RangeError(`platform: no coding of ${codings.join(', ')} holds ${JSON.stringify(text)}`);
}
