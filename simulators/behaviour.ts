import { FORM_WORDS, type FormRules, PLAIN_FORMS } from './form-rules.ts';
import { DELAY_FORMS, type Delay, isDelay } from './scenario/distribution.ts';

/**
 * A final state of a message: DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, ACCEPTED, UNKNOWN, REJECTED; or another status
 * word, reported as it stands (CMPP: `MK:0012`).
 */
type StateWord = string;

/**
 * How a spoilt answer looks: random octets; a length below the header's (`length`) or of a gigabyte (`huge`); an unknown
 * command; a foreign sequence; a header without its body (`bodyless`); an HTTP page in its place (`text`); half a frame,
 * then the end of the connection (`cut`).
 */
type Garbage = 'octets' | 'length' | 'huge' | 'command' | 'sequence' | 'bodyless' | 'text' | 'cut';

/** An outcome for destinations that end in these digits: an error code at once, or a final state in the report. */
interface NumberRule {
  readonly suffix: string;
  readonly code?: number;
  readonly state?: StateWord;
}

/**
 * What a simulated carrier does, as data. Probabilities are 0 to 1; what is drawn hangs on the seed and the message alone
 * (scenario/draw.ts). A `code` of 0 stands for the protocol's usual one. Code asks for the behaviour of its event
 * (`Centre.ruling`) and obeys it: whether rules of a scenario had a part in it is none of its business.
 */
export interface Behaviour extends FormRules {
  readonly seed: number;
  /** Between a request and its answer. */
  readonly responseDelay: Delay;
  /** Between the answer and the report. */
  readonly reportDelay: Delay;
  /** How many of the reports asked for are sent, and with which states (weights). */
  readonly reports: { readonly probability: number; readonly states: Readonly<Record<StateWord, number>> };
  /** A submit is refused (0: SMPP RSUBMITFAIL, CMPP 9, SGIP 32, SMGP 58), or with one of `codes` by their weights. */
  readonly errorRate: {
    readonly probability: number;
    readonly code: number;
    readonly codes: Readonly<Record<string, number>>;
  };
  /** Submits of an account above this many in a second are refused (0: SMPP RTHROTTLED, CMPP 8, SGIP 88, SMGP 1). `perSecond` 0: off. */
  readonly throttle: { readonly perSecond: number; readonly code: number };
  /**
   * Throttling that comes in bursts, whatever the rate: after `every` submits of an account the next `length` are refused
   * as too fast. `length` 0: off.
   */
  readonly throttleBurst: { readonly every: number; readonly length: number; readonly code: number };
  /**
   * A submit is refused while this many others of its session wait for their answers (0: SMPP RMSGQFUL, CMPP 8, SGIP 33,
   * SMGP 1). With every `shrinkEvery`-th submit of a session the limit is one less, down to `least`. `shrinkEvery` 0: it stays.
   */
  readonly window: {
    readonly limit: number;
    readonly code: number;
    readonly shrinkEvery: number;
    readonly least: number;
  };
  /** A submit is never answered; `accepted`: its report comes nevertheless. */
  readonly silence: { readonly probability: number; readonly accepted: boolean };
  /** The answer is spoilt on the wire. The message itself was accepted, or refused, as usual. */
  readonly garbage: { readonly probability: number; readonly kind: Garbage };
  /** The answer comes a second time, after `delay`. */
  readonly answerTwice: { readonly probability: number; readonly delay: Delay };
  /** An answer to a sequence that nobody used: before the right one, or `instead` of it. */
  readonly strayAnswer: { readonly probability: number; readonly instead: boolean };
  /**
   * The connection ends with every n-th submit of a session: after its answer, or (`midFrame`) by a reset in the middle of
   * the answer, or (`midWindow`) by a reset in its place, with all that was not yet answered. `every` 0: never.
   */
  readonly disconnect: { readonly every: number; readonly midWindow: boolean; readonly midFrame: boolean };
  /**
   * With every n-th submit of a session its connection falls silent: it stays, but nothing is read from it nor written to
   * it. It is reset after `for` ms; 0: it stays until the other side gives up. `every` 0: never.
   */
  readonly halfOpen: { readonly every: number; readonly for: number };
  /** After every n-th frame of a session nothing is read for `pause` ms. `every` 0: never. */
  readonly slow: { readonly every: number; readonly pause: number };
  /** All that we write goes in pieces of so many octets, with `pause` ms between two. `octets` 0: off. */
  readonly split: { readonly octets: number; readonly pause: number };
  /** Frames are kept back until there are so many, or for `wait` ms, and then written at once. `frames` 0: off. */
  readonly glue: { readonly frames: number; readonly wait: number };
  /** Logins are refused (0: SMPP RBINDFAIL, CMPP 5, SGIP 1, SMGP 21), and the `first` ones of each account for certain. */
  readonly refuseBind: { readonly probability: number; readonly code: number; readonly first: number };
  /** A login is answered after this delay. */
  readonly lateBind: { readonly probability: number; readonly delay: Delay };
  /** A login is never answered. */
  readonly silentBind: { readonly probability: number };
  /**
   * Most sessions of an account (0: as the account says). One that ended without an unbind counts for `linger` ms more,
   * as where the carrier has not yet noticed (0: SMPP RALYBND, CMPP 5, SGIP 3, SMGP 2).
   */
  readonly sessionLimit: { readonly most: number; readonly linger: number; readonly code: number };
  /** enquire_link or ACTIVE_TEST is not answered. */
  readonly silentProbe: { readonly probability: number };
  /** The report comes before the answer. */
  readonly reportBefore: { readonly probability: number };
  /** The report comes again, so many `times`, each `delay` after the one before. */
  readonly duplicateReport: { readonly probability: number; readonly times: number; readonly delay: Delay };
  /** The report takes this delay instead of `reportDelay`. */
  readonly lateReport: { readonly probability: number; readonly delay: Delay };
  /** Reports are gathered by so many, or for `wait` ms, and leave in another order. `within` below 2: off. */
  readonly shuffleReports: { readonly within: number; readonly wait: number };
  /**
   * Reports go to the session of the submit if it still is there (`same`), to any of the account in turn, to any `other`
   * one if there is one, or only once the session of the submit has ended (`reconnect`).
   */
  readonly reportOn: 'same' | 'any' | 'other' | 'reconnect';
  /** Reports and messages wait as long as this is true. */
  readonly hold: boolean;
  /** Most unanswered reports and messages to a session. One that is set higher holds for sessions begun thereafter. */
  readonly deliverWindow: number;
  /** Reports and messages are sent however many are unanswered: `deliverWindow` is not kept. */
  readonly ignoreDeliverWindow: boolean;
  /** A report that was refused, or not answered in time, is sent again after so many milliseconds. */
  readonly redeliver: { readonly refused: number; readonly unanswered: number };
  /** SGIP: reports and MO also go down the connections of the account (the other way is to dial it). */
  readonly duplex: boolean;
  /** We ask for a sign of life after so many milliseconds. 0: never. */
  readonly probe: { readonly every: number };
  /** First rule whose suffix fits the destination. */
  readonly numbers: readonly NumberRule[];
}

/** A carrier as one wishes for: everything answered and delivered at once. */
export const WELL_BEHAVED: Behaviour = {
  seed: 1,
  responseDelay: 0,
  reportDelay: 0,
  reports: { probability: 1, states: { DELIVERED: 1 } },
  errorRate: { probability: 0, code: 0, codes: {} },
  throttle: { perSecond: 0, code: 0 },
  throttleBurst: { every: 0, length: 0, code: 0 },
  window: { limit: 0, code: 0, shrinkEvery: 0, least: 1 },
  silence: { probability: 0, accepted: false },
  garbage: { probability: 0, kind: 'octets' },
  answerTwice: { probability: 0, delay: 0 },
  strayAnswer: { probability: 0, instead: false },
  disconnect: { every: 0, midWindow: false, midFrame: false },
  halfOpen: { every: 0, for: 0 },
  slow: { every: 0, pause: 0 },
  split: { octets: 0, pause: 0 },
  glue: { frames: 0, wait: 0 },
  refuseBind: { probability: 0, code: 0, first: 0 },
  lateBind: { probability: 0, delay: 0 },
  silentBind: { probability: 0 },
  sessionLimit: { most: 0, linger: 0, code: 0 },
  silentProbe: { probability: 0 },
  reportBefore: { probability: 0 },
  duplicateReport: { probability: 0, times: 1, delay: 0 },
  lateReport: { probability: 0, delay: 0 },
  shuffleReports: { within: 0, wait: 1000 },
  reportOn: 'same',
  hold: false,
  deliverWindow: 2048,
  ignoreDeliverWindow: false,
  redeliver: { refused: 1000, unanswered: 60_000 },
  duplex: false,
  probe: { every: 0 },
  numbers: [],
  ...PLAIN_FORMS,
};

/** Rules to change: what is left out stays, inside a rule too (but `states`, `codes` and `numbers` are replaced whole). */
export type BehaviourChange = {
  readonly [K in keyof Behaviour]?: Behaviour[K] extends Delay | string | boolean | readonly unknown[]
    ? Behaviour[K]
    : Partial<Behaviour[K]>;
};

const WORDS: Readonly<Record<string, readonly string[]>> = {
  kind: ['octets', 'length', 'huge', 'command', 'sequence', 'bodyless', 'text', 'cut'],
  reportOn: ['same', 'any', 'other', 'reconnect'],
  ...FORM_WORDS,
};

/** What is counted, and so comes in whole numbers. */
const WHOLE: ReadonlySet<string> = new Set([
  'perSecond',
  'limit',
  'shrinkEvery',
  'least',
  'every',
  'length',
  'octets',
  'frames',
  'first',
  'times',
  'most',
  'deliverWindow',
]);

/** The rules with a change applied. Throws BehaviourFault that names the rule, what was given and what is possible. */
export function changed(rules: Behaviour, change: BehaviourChange): Behaviour {
  const next: Record<string, unknown> = { ...rules };
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    const old = (WELL_BEHAVED as unknown as Record<string, unknown>)[name];
    if (old === undefined) fail(name, 'is no rule', `the rules are ${Object.keys(WELL_BEHAVED).join(', ')}`);
    if (name === 'numbers') next[name] = checkNumbers(value);
    else if (isDelayName(name)) next[name] = checkDelay(name, value);
    else if (isRecord(old)) next[name] = { ...(next[name] as object), ...checkParts(name, old, value) };
    else next[name] = checkPart(name, name, old, value);
  }
  return next as unknown as Behaviour;
}

const isDelayName = (name: string): boolean => name === 'responseDelay' || name === 'reportDelay' || name === 'delay';
const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

/** A change that is none: at which key (`errorRate.code`), what is wrong, and what to give. */
export class BehaviourFault extends RangeError {
  readonly key: string;
  readonly what: string;
  readonly remedy: string;

  constructor(key: string, what: string, remedy: string) {
    super(`behaviour: ${key} ${what}; ${remedy}`);
    this.name = 'BehaviourFault';
    this.key = key;
    this.what = what;
    this.remedy = remedy;
  }
}

function fail(name: string, what: string, remedy: string): never {
  throw new BehaviourFault(name, what, remedy);
}

function checkParts(name: string, old: Record<string, unknown>, value: unknown): Record<string, unknown> {
  if (!isRecord(value)) fail(name, 'is not an object', `give { ${Object.keys(old).join(', ')} }`);
  for (const [part, v] of Object.entries(value)) {
    if (!(part in old)) fail(`${name}.${part}`, 'is not known', `${name} has ${Object.keys(old).join(', ')}`);
    checkPart(`${name}.${part}`, part, old[part], v);
  }
  return value;
}

function checkPart(path: string, part: string, old: unknown, value: unknown): unknown {
  if (isDelayName(part)) return checkDelay(path, value);
  if (part === 'states') return checkStates(path, value);
  if (part === 'codes') return checkCodes(path, value);
  if (Array.isArray(old) && !(Array.isArray(value) && value.every((v) => typeof v === 'string'))) {
    fail(path, `is ${JSON.stringify(value)}`, 'give a list of texts');
  }
  if (typeof value !== typeof old) fail(path, `is ${JSON.stringify(value)}`, `give a ${typeof old}`);
  const words = WORDS[path] ?? WORDS[part];
  if (words !== undefined && !words.includes(value as string)) {
    fail(path, `is ${JSON.stringify(value)}`, `give one of ${words.join(', ')}`);
  }
  if (typeof value === 'number') {
    const most = part === 'probability' ? 1 : part === 'deliverWindow' ? 65_536 : Number.MAX_SAFE_INTEGER;
    const least = part === 'deliverWindow' ? 1 : path.startsWith('clockSkew.') ? -most : 0;
    if (!(value >= least && value <= most)) fail(path, `is ${value}`, `give a number from ${least} to ${most}`);
    if (WHOLE.has(part) && !Number.isInteger(value)) fail(path, `is ${value}`, 'give a whole number');
  }
  return value;
}

function checkDelay(path: string, value: unknown): unknown {
  return isDelay(value) ? value : fail(path, `is ${JSON.stringify(value)}`, DELAY_FORMS);
}

function checkCodes(path: string, value: unknown): unknown {
  const good =
    isRecord(value) &&
    Object.entries(value).every(([code, w]) => /^\d+$/.test(code) && typeof w === 'number' && w >= 0) &&
    (Object.keys(value).length === 0 || Object.values(value).some((w) => w !== 0));
  if (!good) fail(path, `is ${JSON.stringify(value)}`, 'give weights by code, such as { "8": 3, "9": 1 }');
  return value;
}

function checkStates(path: string, value: unknown): unknown {
  const weights = isRecord(value) ? Object.values(value) : [];
  if (weights.length === 0 || !weights.every((w) => typeof w === 'number' && w >= 0) || !weights.some((w) => w !== 0)) {
    fail(path, `is ${JSON.stringify(value)}`, 'give weights by state, such as { "DELIVERED": 9, "EXPIRED": 1 }');
  }
  return value;
}

function checkNumbers(value: unknown): unknown {
  const good =
    Array.isArray(value) &&
    value.every(
      (r) =>
        isRecord(r) &&
        typeof r.suffix === 'string' &&
        (r.code === undefined || typeof r.code === 'number') &&
        (r.state === undefined || typeof r.state === 'string'),
    );
  if (!good) fail('numbers', 'is not a list of rules', 'give [{ "suffix": "0001", "state": "EXPIRED" }, …]');
  return value;
}

/** What to change of a well-behaved carrier to make this one, but for the seed. */
export function differenceOf(behaviour: Behaviour): BehaviourChange {
  const differs = ([name, value]: [string, unknown]): boolean =>
    name !== 'seed' && JSON.stringify(value) !== JSON.stringify(WELL_BEHAVED[name as keyof Behaviour]);
  return Object.fromEntries(Object.entries(behaviour).filter(differs));
}

/** Fields that draw nothing, whatever they are. */
const DRAWLESS: ReadonlySet<string> = new Set<keyof Behaviour>([
  'seed',
  'throttle',
  'throttleBurst',
  'window',
  'disconnect',
  'halfOpen',
  'slow',
  'split',
  'glue',
  'sessionLimit',
  'reportOn',
  'hold',
  'deliverWindow',
  'ignoreDeliverWindow',
  'redeliver',
  'idForm',
  'duplex',
  'probe',
  'numbers',
  'reportForm',
  'answerForm',
  'idLayout',
  'ids',
  'clockSkew',
  'numberForm',
  'bulkReports',
  'signature',
  'added',
  'frequency',
]);

/** Whether something may hang on chance: then a message needs its lot, which costs a pass over its octets. */
export function drawsLots(behaviour: Behaviour): boolean {
  return Object.entries(behaviour).some(([name, value]) => {
    if (DRAWLESS.has(name)) return false;
    if (isDelayName(name)) return typeof value !== 'number';
    if (name === 'reports') {
      const { probability, states } = behaviour.reports;
      return (probability > 0 && probability < 1) || Object.values(states).filter((w) => w > 0).length > 1;
    }
    if (isRecord(value) && value.probability === 0) return false;
    return JSON.stringify(value) !== JSON.stringify(WELL_BEHAVED[name as keyof Behaviour]);
  });
}
