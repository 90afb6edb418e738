import { decimalText } from '../protocols/wire/octets.ts';
import { createDraws } from './draws.ts';

/** Which number the m-th message goes to: the same for the same m, whatever was asked before. */
export type NumberPlan = (message: number) => string;

export interface NumberOptions {
  /** Counted up from here, where there are no prefixes. */
  readonly first?: number;
  /** Drawn by weight: beginnings of numbers, or the name of an operator, see OPERATORS. */
  readonly prefixes?: Readonly<Record<string, number>>;
  /** By share of the messages (0 to 1 together): last digits, which decide what some carriers do. */
  readonly suffixes?: Readonly<Record<string, number>>;
  /** Of numbers from a prefix, all digits. Default: 13 behind 86 (with it), otherwise 12. */
  readonly digits?: number;
  readonly seed?: number;
}

/** Beginnings of the mobile numbers of mainland China, by operator, with the country's code. Some of them each. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  'china-mobile': [
    '86134',
    '86135',
    '86136',
    '86137',
    '86138',
    '86139',
    '86150',
    '86151',
    '86152',
    '86157',
    '86158',
    '86159',
    '86182',
    '86183',
    '86184',
    '86187',
    '86188',
    '86195',
    '86197',
    '86198',
  ],
  'china-unicom': ['86130', '86131', '86132', '86155', '86156', '86166', '86175', '86176', '86185', '86186', '86196'],
  'china-telecom': ['86133', '86153', '86173', '86177', '86180', '86181', '86189', '86190', '86191', '86193', '86199'],
  'china-broadnet': ['86192'],
};

/** A number coprime to ten, so that its multiples go through all endings before one comes again. */
const STRIDE = 7_548_783;

/** Throws RangeError for weights that are none. */
export function createNumberPlan(options: NumberOptions = {}): NumberPlan {
  const { first = 8613800000000, seed = 1 } = options;
  const prefixes = options.prefixes === undefined ? undefined : scaleOf('prefix', options.prefixes);
  const suffixes = options.suffixes === undefined ? undefined : scaleOf('suffix', options.suffixes);
  if (suffixes !== undefined && suffixes.sum > 1 + 1e-9) {
    throw new RangeError(`numbers: the shares of the suffixes are ${suffixes.sum} together; give at most 1`);
  }
  for (const suffix of suffixes?.words ?? []) {
    if (!/^\d+$/.test(suffix)) throw new RangeError(`numbers: ${JSON.stringify(suffix)} is no suffix; give digits`);
  }
  for (const prefix of prefixes?.words ?? []) {
    if (!/^\+?\d{1,12}$/.test(prefix) && OPERATORS[prefix] === undefined) {
      const known = Object.keys(OPERATORS).join(', ');
      throw new RangeError(`numbers: ${JSON.stringify(prefix)} is no prefix; give digits, or one of ${known}`);
    }
  }
  const prefixDraws = createDraws(seed, 'prefix');
  const blockDraws = createDraws(seed, 'block');
  const suffixDraws = createDraws(seed, 'suffix');

  function plain(message: number): string {
    if (prefixes === undefined) return decimalText(first + message);
    const word = pick(prefixes, prefixDraws(message) * prefixes.sum)!;
    const blocks = OPERATORS[word];
    const prefix = blocks === undefined ? word : blocks[Math.floor(blockDraws(message) * blocks.length)]!;
    const bare = prefix.replace('+', '');
    const room = Math.max(1, (options.digits ?? (bare.startsWith('86') ? 13 : 12)) - bare.length);
    // Each ending once before any comes twice: numbers of one prefix are as different as can be.
    const ending = (message * STRIDE + (seed >>> 0)) % 10 ** room;
    return prefix + String(ending).padStart(room, '0');
  }

  if (suffixes === undefined) return plain;
  return (message) => {
    const number = plain(message);
    const suffix = pick(suffixes, suffixDraws(message));
    return suffix === undefined ? number : number.slice(0, -suffix.length) + suffix;
  };
}

interface Scale {
  readonly words: readonly string[];
  readonly bounds: readonly number[];
  readonly sum: number;
}

function scaleOf(what: string, weights: Readonly<Record<string, number>>): Scale {
  const words = Object.keys(weights).filter((word) => weights[word] !== 0);
  let sum = 0;
  const bounds = words.map((word) => {
    const weight = weights[word]!;
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new RangeError(`numbers: the weight of ${what} ${word} is ${weight}; give more than 0`);
    }
    sum += weight;
    return sum;
  });
  if (words.length === 0) throw new RangeError(`numbers: no ${what} has a weight`);
  return { words, bounds, sum };
}

/** The word at this place of the scale, or undefined above it. */
function pick({ words, bounds }: Scale, at: number): string | undefined {
  for (let k = 0; k < words.length; k++) if (at < bounds[k]!) return words[k];
  return undefined;
}
