import { stringify } from 'yaml';
import { type Character, quantiles, type Share, shareOf } from './character.ts';

/** A scenario, and the files that it names. */
export interface WrittenScenario {
  readonly yaml: string;
  readonly files: ReadonlyMap<string, string>;
}

export interface ScenarioHead {
  readonly name: string;
  readonly protocol: string;
  /** Undefined: the simulators' default. */
  readonly version: string | undefined;
  /** The carrier dials the platform with reports, unless it is told to use the connections that it has. */
  readonly dialsBack: boolean;
  /** Beginning of the names of the files for delays; undefined: they stand in the scenario, with fewer values. */
  readonly files: string | undefined;
}

/** Values kept of a distribution, in a file and in the scenario itself. */
const FILE_VALUES = 1_000;
const INLINE_VALUES = 100;
/** Where more reports than these go to other connections than the submit's, they go to any. */
const ANY_ABOVE = 0.1;

/** Writes what a carrier is like as a scenario that makes a simulated one like it. Nothing of numbers, texts or names is in it. */
export function scenarioText(c: Character, head: ScenarioHead): WrittenScenario {
  const files = new Map<string, string>();
  const distribution = (what: string, sorted: readonly number[]): unknown => {
    if (sorted.length === 0) return undefined;
    if (head.files === undefined) return { values: quantiles(sorted, INLINE_VALUES).map(rounded) };
    const file = `${head.files}${what}.txt`;
    files.set(file, `${quantiles(sorted, FILE_VALUES).map(rounded).join('\n')}\n`);
    return { file };
  };
  const judged = c.responseDelays.length - (c.throttle?.refusals ?? 0);
  const [form = 'same'] = c.forms.keys();
  const layouts = form.endsWith('-id') ? new Map([[form, 1]]) : c.layouts;
  const [layout = 'plain'] = layouts.keys();
  const [numbers = 'as-sent'] = c.numberForms.keys();
  const behaviour = {
    responseDelay: distribution('response-delay', c.responseDelays),
    reportDelay: distribution('report-delay', c.reportDelays),
    ...(c.reported.of > 0 && {
      reports: {
        probability: part(c.reported),
        ...(c.states.size > 0 && { states: Object.fromEntries(c.states) }),
      },
    }),
    ...(c.refused > 0 && {
      errorRate: { probability: rounded(c.refused / judged), codes: Object.fromEntries(c.codes) },
    }),
    ...(c.throttle !== undefined && { throttle: { perSecond: c.throttle.perSecond, code: c.throttle.code } }),
    ...(c.silent.these > 0 && { silence: { probability: part(c.silent), accepted: c.silentReported } }),
    ...(c.early.these > 0 && { reportBefore: { probability: part(c.early) } }),
    ...(c.duplicated.these > 0 && { duplicateReport: { probability: part(c.duplicated) } }),
    ...(shareOf(c.elsewhere) > ANY_ABOVE && { reportOn: 'any' }),
    ...((c.refusedAgainAfter !== undefined || c.unansweredAgainAfter !== undefined) && {
      redeliver: {
        ...(c.refusedAgainAfter !== undefined && { refused: Math.round(c.refusedAgainAfter) }),
        ...(c.unansweredAgainAfter !== undefined && { unanswered: Math.round(c.unansweredAgainAfter) }),
      },
    }),
    ...(layout !== 'plain' && { reportForm: { [head.protocol]: layout } }),
    ...(numbers !== 'as-sent' && { numberForm: numbers }),
    ...(c.first.share.these > 0 && { firstReport: { probability: part(c.first.share), state: c.first.word } }),
    ...(c.second.share.these > 0 && {
      secondReport: { probability: part(c.second.share), state: c.second.word, delay: rounded(c.second.delay) },
    }),
    ...(form === 'hex-response' && { idForm: { response: 'hex', receipt: 'decimal' } }),
    ...(form === 'hex-receipt' && { idForm: { response: 'decimal', receipt: 'hex' } }),
    ...(head.dialsBack && c.sameConnection && { duplex: true }),
    ...(c.probeEvery !== undefined && { probe: { every: Math.round(c.probeEvery) } }),
  };
  const scenario = {
    name: head.name,
    imitates: imitated(c),
    protocols: [head.protocol],
    ...(head.version !== undefined && { version: head.version }),
    behaviour: Object.fromEntries(Object.entries(behaviour).filter(([, value]) => value !== undefined)),
    ...(layouts.size > 1 && { rules: rulesFor(layouts, head.protocol) }),
  };
  return { yaml: stringify(scenario, { lineWidth: 120 }), files };
}

/** The layouts that come less often than the first, each for its share of the messages. */
function rulesFor(layouts: ReadonlyMap<string, number>, protocol: string): unknown[] {
  const all = [...layouts.values()].reduce((sum, n) => sum + n, 0);
  let left = all;
  // A later rule wins over an earlier one: those at the end get their shares first.
  const rules = [...layouts]
    .slice(1)
    .reverse()
    .map(([layout, n]) => {
      const rule = {
        name: `reports-${layout}`,
        when: { probability: rounded(n / left) },
        then: { reportForm: { [protocol]: layout } },
      };
      left -= n;
      return rule;
    });
  return rules.reverse();
}

/** What was seen, in words. */
function imitated(c: Character): string {
  const { reported, states, layouts } = c;
  const parts = [`A carrier as it was captured: ${c.submits} submits in ${Math.round(c.seconds)} s`];
  if (c.responseDelays.length > 0) parts.push(`answered after ${millis(c.responseDelays)}`);
  if (c.refused > 0) parts.push(`${c.refused} refused`);
  if (c.throttle !== undefined) parts.push(`no more than ${c.throttle.perSecond} a second taken`);
  if (c.silent.these > 0) parts.push(`${c.silent.these} never answered`);
  if (c.reportDelays.length > 0) parts.push(`reports ${millis(c.reportDelays)} after the answer`);
  if (reported.of > reported.these) parts.push(`${reported.of - reported.these} of ${reported.of} without one`);
  if (c.early.these > 0) parts.push(`${c.early.these} reports before the answer`);
  if (c.duplicated.these > 0) parts.push(`${c.duplicated.these} told twice`);
  if (c.elsewhere.these > 0) parts.push(`${c.elsewhere.these} on another connection`);
  if (states.size > 1) parts.push(`${states.size} states`);
  const odd = [...layouts].filter(([what]) => what !== 'plain');
  if (odd.length > 0) parts.push(`reports written ${odd.map(([what, n]) => `${what} (${n})`).join(', ')}`);
  return `${parts.join('; ')}.`;
}

const at = (sorted: readonly number[], share: number): number => rounded(sorted[Math.floor(sorted.length * share)]!);
const millis = (sorted: readonly number[]): string =>
  `${at(sorted, 0.5)} ms (half of them) and ${at(sorted, 0.99)} ms (99 %)`;

const rounded = (n: number): number => Math.round(Math.max(0, n) * 1000) / 1000;
const part = (share: Share): number => Math.round(shareOf(share) * 1e6) / 1e6;
