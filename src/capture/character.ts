import type { Conversation } from './conversation.ts';
import type { Observation, ObservedMessage, ObservedReport, ObservedSubmit } from './observed.ts';

/** What a carrier is like, as far as its capture tells. Times in milliseconds, sorted; shares are 0 to 1. */
export interface Character {
  readonly submits: number;
  readonly seconds: number;
  /** Between a submit and its answer, and between the answer and the first final report; early ones left out. */
  readonly responseDelays: readonly number[];
  readonly reportDelays: readonly number[];
  /** Refusals by code, without those of a rate limit. */
  readonly codes: ReadonlyMap<number, number>;
  readonly refused: number;
  /** So many a second were taken when more were refused as too fast. */
  readonly throttle: { readonly perSecond: number; readonly code: number; readonly refusals: number } | undefined;
  readonly silent: Share;
  /** Reports came for what was never answered. */
  readonly silentReported: boolean;
  readonly states: ReadonlyMap<string, number>;
  readonly reported: Share;
  readonly early: Share;
  readonly duplicated: Share;
  /** Reports that went to another connection than the submit though that was there. */
  readonly elsewhere: Share;
  readonly refusedAgainAfter: number | undefined;
  readonly unansweredAgainAfter: number | undefined;
  readonly probeEvery: number | undefined;
  readonly forms: ReadonlyMap<string, number>;
  readonly layouts: ReadonlyMap<string, number>;
  /** How reports write the number of the submit, by the names of the scenarios. */
  readonly numberForms: ReadonlyMap<string, number>;
  /** Reports before the one that counts, and others after it: share and state. */
  readonly first: Further;
  readonly second: Further & { readonly delay: number };
  /** Reports on the connection that submits were on. */
  readonly sameConnection: boolean;
}

interface Further {
  readonly share: Share;
  /** The one that comes most; '' where there is none. */
  readonly word: string;
}

/** So many of how many. */
export interface Share {
  readonly of: number;
  readonly these: number;
}

export const shareOf = ({ of, these }: Share): number => (of === 0 ? 0 : these / of);

/** A submit is taken for unanswered when its connection was heard for so much longer than the longest answer took. */
const PATIENCE = 2;
const PATIENCE_LEAST_MS = 1_000;
/** What of a rate limit's refusals must come close to it, and how many may be taken beyond it, for each of them. */
const NEAR_LIMIT = 0.9;
const MOST = 0.8;
const FEW = 0.2;

export function characterOf(seen: Observation): Character {
  const answered = seen.submits.filter((s) => s.answer !== undefined);
  const responseDelays = answered.map((s) => (s.answer!.at - s.at) / 1000).sort(ascending);
  const taken = answered.filter((s) => s.answer!.dealing.code === 0);
  const throttle = throttleOf(taken, answered);
  const codes = new Map<number, number>();
  let refused = 0;
  for (const { answer } of answered) {
    const { code, throttled } = answer!.dealing;
    if (code === 0 || (throttled && throttle !== undefined)) continue;
    refused++;
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }

  const messages = taken.flatMap((s) => s.messages);
  const reported = messages.filter((m) => m.report !== undefined);
  const early = reported.filter((m) => m.report!.early);
  const reportDelays = reported
    .filter((m) => !m.report!.early)
    .map(waitOf)
    .sort(ascending);
  // Whether a report is missing is known only of what was answered long enough before the capture's end.
  const longest = reportDelays.at(-1) ?? 0;
  const asked = messages.filter(
    (m) => m.submit.dealing.wantsReport && (m.report !== undefined || seen.to - m.submit.answer!.at > longest * 1000),
  );
  const patience = Math.max(PATIENCE_LEAST_MS, PATIENCE * (responseDelays.at(-1) ?? 0)) * 1000;
  const judged = seen.submits.filter((s) => s.answer !== undefined || seen.lastHeard(s.conversation) - s.at > patience);
  const silent = judged.filter((s) => s.answer === undefined);
  const submitting = new Set(seen.submits.map((s) => s.conversation));
  const probes = seen.probes.flatMap(gaps);
  const interim = reported.filter((m) => m.interim.length > 0);
  const others = reported.flatMap((m) => {
    const other = m.more.find((r) => r.dealing.word !== m.report!.dealing.word);
    return other === undefined ? [] : [{ word: other.dealing.word, after: (other.at - m.report!.at) / 1000 }];
  });

  return {
    submits: seen.submits.length,
    seconds: (seen.to - seen.from) / 1e6,
    responseDelays,
    reportDelays,
    codes,
    refused,
    throttle,
    silent: { of: judged.length, these: silent.length },
    silentReported:
      silent.length > 0 && (seen.orphans > 0 || silent.some((s) => s.messages.some((m) => m.report !== undefined))),
    states: counted(reported.map((m) => m.report!.dealing.word)),
    reported: { of: asked.length, these: asked.filter((m) => m.report !== undefined).length },
    early: { of: reported.length, these: early.length },
    duplicated: {
      of: reported.length,
      these: reported.filter((m) => m.more.some((r) => r.before?.taken?.good === true)).length,
    },
    elsewhere: elsewhereOf(seen, submitting, reported),
    refusedAgainAfter: medianOf(repeatsAfter(seen.reports, 'refused')),
    unansweredAgainAfter: medianOf(repeatsAfter(seen.reports, 'unanswered')),
    probeEvery: medianOf(probes),
    forms: counted(reported.map((m) => m.report!.form)),
    layouts: counted(seen.reports.map((r) => r.dealing.layout)),
    numberForms: counted(reported.map((m) => numberForm(m.destination, m.report!.dealing.destination))),
    first: {
      share: { of: reported.length, these: interim.length },
      word: mostOf(interim.map((m) => m.interim[0]!.dealing.word)),
    },
    second: {
      share: { of: reported.length, these: others.length },
      word: mostOf(others.map((o) => o.word)),
      delay: medianOf(others.map((o) => o.after)) ?? 0,
    },
    sameConnection: seen.reports.some((r) => submitting.has(r.conversation)),
  };
}

const ascending = (a: number, b: number): number => a - b;

/** From the answer to the report, in milliseconds. */
const waitOf = (m: ObservedMessage): number => (m.report!.at - m.submit.answer!.at) / 1000;

function counted<T>(list: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

const mostOf = (words: readonly string[]): string => [...counted(words).keys()][0] ?? '';

function numberForm(submitted: string, reported: string): string {
  if (submitted === reported) return 'as-sent';
  const [, prefix = '', national] = /^(\+86|0086|86|)(1\d{10})$/.exec(reported) ?? [];
  if (national === undefined || !submitted.endsWith(national)) return 'as-sent';
  return prefix === '' ? 'national' : prefix;
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((at, k) => (at - times[k]!) / 1000);
}

function medianOf(list: readonly number[]): number | undefined {
  return list.length === 0 ? undefined : [...list].sort(ascending)[Math.floor(list.length / 2)];
}

/** How long it took until a report came again that was refused, or not answered on a connection that stayed. */
function repeatsAfter(reports: readonly ObservedReport[], why: 'refused' | 'unanswered'): number[] {
  return reports.flatMap(({ at, conversation, before }) => {
    if (before === undefined || before.taken?.good === true) return [];
    if (why === 'refused') return before.taken === undefined ? [] : [(at - before.taken.at) / 1000];
    return before.taken === undefined && before.conversation === conversation ? [(at - before.at) / 1000] : [];
  });
}

/**
 * A rate limit is recognised by what it does: within the second before a refusal about the same number was always taken,
 * and hardly anything is taken where so many were. Else its refusals are like all others.
 */
function throttleOf(taken: readonly ObservedSubmit[], answered: readonly ObservedSubmit[]): Character['throttle'] {
  const refusals = answered.filter((s) => s.answer!.dealing.throttled);
  if (refusals.length === 0) return undefined;
  const times = Float64Array.from(taken.map((s) => s.at)).sort();
  const within = ({ at }: ObservedSubmit): number => below(times, at) - below(times, at - 1e6 + 1);
  const perSecond = medianOf(refusals.map(within))!;
  const near = refusals.filter((s) => within(s) >= NEAR_LIMIT * perSecond).length;
  const beyond = taken.filter((s) => within(s) >= perSecond).length;
  if (perSecond === 0 || near < MOST * refusals.length || beyond > FEW * refusals.length) return undefined;
  return { perSecond, code: refusals[0]!.answer!.dealing.code, refusals: refusals.length };
}

/** How many of the times are before this one. */
function below(times: Float64Array, at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Only where reports come on connections that submit: a carrier that dials back has no choice. */
function elsewhereOf(
  seen: Observation,
  submitting: ReadonlySet<Conversation>,
  reported: readonly ObservedMessage[],
): Share {
  const free = reported.filter(
    ({ submit, report }) => submitting.has(report!.conversation) && seen.lastHeard(submit.conversation) >= report!.at,
  );
  return { of: free.length, these: free.filter((m) => m.report!.conversation !== m.submit.conversation).length };
}

/** So many values of the sorted list at equal distances, its ends left out but for their halves; all where there are not more. */
export function quantiles(sorted: readonly number[], count: number): number[] {
  if (sorted.length <= count) return [...sorted];
  if (count === 1) return [sorted.at(-1)!];
  return Array.from({ length: count }, (_, k) => sorted[Math.floor(((k + 0.5) / count) * sorted.length)]!);
}
