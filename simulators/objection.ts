import { type Coding, decode } from '../protocols/text/charset.ts';
import { parseUdh } from '../protocols/text/udh.ts';
import type { Behaviour } from './behaviour.ts';
import { createFrequency } from './frequency.ts';
import { partAt } from './part.ts';
import type { Codes, Submit } from './protocol.ts';
import { signatureFault } from './signature.ts';

/** What a carrier holds against a submit: a code to refuse it with, or else the outcomes that its destinations get. */
export interface Objection {
  readonly code: number;
  /** By destination; undefined: nothing against this one. */
  readonly words: readonly (string | undefined)[];
}

/** Judges submits by their signature and by how often a number was sent to. */
export type Objections = (submit: Submit, rules: Behaviour, at: number, codes: Codes) => Objection | undefined;

/** `codingOf`: how the text of a submit is coded. */
export function createObjections(codingOf: (dataCoding: number, octets: Uint8Array) => Coding): Objections {
  const frequency = createFrequency();

  const concatOf = ({ octets, udhi }: Submit) => (udhi ? parseUdh(octets).concat : undefined);

  function toSignature(submit: Submit, { signature }: Behaviour, codes: Codes): Objection | undefined {
    const { octets } = partAt(submit.octets, submit.udhi);
    const text = decode(octets, codingOf(submit.dataCoding, octets));
    const fault = signatureFault(text, concatOf(submit), signature);
    if (fault === undefined) return undefined;
    if (signature.report === '') return { code: signature.code || codes.signature, words: [] };
    return { code: 0, words: submit.destinations.map(() => signature.report) };
  }

  function toFrequency(submit: Submit, rules: Behaviour, at: number, codes: Codes): Objection | undefined {
    const rule = rules.frequency;
    const concat = concatOf(submit);
    const later = concat !== undefined && concat.seq > 1;
    const many = submit.destinations.map((number) => frequency.tooMany(number, at, rule, later));
    if (!many.includes(true)) return undefined;
    if (rule.report === '') return { code: rule.code || codes.frequency, words: [] };
    return { code: 0, words: many.map((is) => (is ? rule.report : undefined)) };
  }

  return (submit, rules, at, codes) => {
    const { signature } = rules;
    if (signature.demanded || signature.single || signature.registered.length > 0) {
      const objection = toSignature(submit, rules, codes);
      if (objection !== undefined) return objection;
    }
    return rules.frequency.most > 0 ? toFrequency(submit, rules, at, codes) : undefined;
  };
}
