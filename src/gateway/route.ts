import { numberingOf } from '../config/numbering.ts';
import type { Config, RouteConfig } from '../config/schema.ts';
import type { Message } from '../message/message.ts';
import type { Carrier } from './carrier.ts';

/** Why a carrier was passed over, for `explain`, traces and metrics. */
export type Passed = 'tried' | 'down' | 'full' | 'throttled' | 'unknown';

export interface Choice {
  readonly carrier: Carrier | undefined;
  /** True when a carrier was chosen although it cannot send now: its queue holds the message until it can. */
  readonly waits: boolean;
  readonly passed: readonly { readonly carrier: string; readonly why: Passed }[];
}

export interface Rule {
  readonly destination: string;
  /** Empty for all. */
  readonly operator: string;
  readonly source: string;
  readonly exactSource: boolean;
  readonly steps: readonly { readonly carriers: readonly { readonly name: string; readonly weight: number }[] }[];
  /** Smooth weighted round robin: the credit of every carrier of every step. */
  readonly credit: number[][];
}

/** A route compiled for look-up: rules in order of precedence. */
export interface Route {
  readonly name: string;
  readonly next: RouteConfig['next'];
  readonly nextCodes: ReadonlySet<number>;
  readonly rules: readonly Rule[];
  /** Set where a rule asks for it. */
  readonly operatorOf: ((number: string) => string) | undefined;
}

/** Digits of a number as routes see them: without `+` and `00`. */
export function routeDigits(number: string): string {
  if (number.startsWith('+')) return number.slice(1);
  return number.startsWith('00') ? number.slice(2) : number;
}

/** Whether a source is on the list; a pattern with `*` at the end stands for anything behind it. */
export function matchesAny(patterns: readonly string[], source: string): boolean {
  for (const p of patterns) {
    if (p.endsWith('*') ? source.startsWith(p.slice(0, -1)) : source === p) return true;
  }
  return false;
}

export function compileRoutes(config: Config): Map<string, Route> {
  const routes = new Map<string, Route>();
  const operatorOf = (number: string): string => numberingOf(config).ownerOf(number)?.operator ?? '';
  for (const route of config.routes) {
    const rules = route.rules.map((rule): Rule => {
      const source = rule.source ?? '*';
      return {
        destination: rule.destination,
        operator: rule.operator ?? '',
        source: source.replace(/\*$/, ''),
        exactSource: !source.endsWith('*'),
        steps: rule.steps,
        credit: rule.steps.map((s) => s.carriers.map(() => 0)),
      };
    });
    // Longest destination, then with an operator, then longest source, then the order of the file (sort is stable).
    rules.sort(
      (a, b) =>
        b.destination.length - a.destination.length ||
        Number(b.operator !== '') - Number(a.operator !== '') ||
        Number(b.exactSource) - Number(a.exactSource) ||
        b.source.length - a.source.length,
    );
    routes.set(route.name, {
      name: route.name,
      next: route.next,
      nextCodes: new Set(route.next.codes),
      rules,
      operatorOf: rules.some((rule) => rule.operator !== '') ? operatorOf : undefined,
    });
  }
  return routes;
}

export function ruleFor(route: Route, source: string, destination: string): Rule | undefined {
  const digits = routeDigits(destination);
  const operator = route.operatorOf?.(destination) ?? '';
  for (const rule of route.rules) {
    if (!digits.startsWith(rule.destination)) continue;
    if (rule.operator !== '' && rule.operator !== operator) continue;
    if (rule.exactSource ? source === rule.source : source.startsWith(rule.source)) return rule;
  }
  return undefined;
}

/**
 * Chooses the carrier: step by step, within a step by weight among those that can take it now. A step none of whose
 * carriers can is passed only for the reasons that the route lists; else the message waits there. Where every step is
 * passed, it waits at the first carrier that merely throttles, else at the first that is merely down. `take` false: only to know, no carrier's turn is used up.
 */
export function pick(
  route: Route,
  carriers: ReadonlyMap<string, Carrier>,
  message: Pick<Message, 'source' | 'destination' | 'tried'>,
  take = true,
): Choice {
  // Made when the first is passed over: nearly always none is.
  let passed: { carrier: string; why: Passed }[] | undefined;
  const rule = ruleFor(route, message.source, message.destination);
  let waiting: Carrier | undefined;
  let paused: Carrier | undefined;
  for (let s = 0; rule !== undefined && s < rule.steps.length; s++) {
    const members = rule.steps[s]!.carriers;
    const credit = rule.credit[s]!;
    let best = -1;
    let total = 0;
    let stuck = false;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      const carrier = carriers.get(member.name);
      const why = obstacle(carrier, message.tried, route.next.throttled);
      if (why !== undefined) {
        passed ??= [];
        passed.push({ carrier: member.name, why });
        if (why === 'down') waiting ??= carrier;
        if (why === 'throttled') paused ??= carrier;
        if (why !== 'tried' && why !== 'unknown' && !route.next[why]) stuck = true;
        continue;
      }
      total += member.weight;
      if (take) credit[i] = credit[i]! + member.weight;
      if (best < 0 || credit[i]! > credit[best]!) best = i;
    }
    if (best >= 0) {
      if (take) credit[best] = credit[best]! - total;
      return { carrier: carriers.get(members[best]!.name), waits: false, passed: passed ?? NONE_PASSED };
    }
    if (stuck) break;
  }
  const holds = paused ?? waiting;
  return { carrier: holds, waits: holds !== undefined, passed: passed ?? NONE_PASSED };
}

const NONE_PASSED: Choice['passed'] = Object.freeze([]);

function obstacle(carrier: Carrier | undefined, tried: readonly string[], minds: boolean): Passed | undefined {
  if (carrier === undefined) return 'unknown';
  if (tried.includes(carrier.name)) return 'tried';
  if (!carrier.room) return 'full';
  if (!carrier.up) return 'down';
  return minds && carrier.throttled ? 'throttled' : undefined;
}

/**
 * Whether another carrier is left that the message has not been at; one that is down will do where `mayWait`, and one
 * that is full as well: its queue will have room again.
 */
export function hasNext(
  route: Route,
  carriers: ReadonlyMap<string, Carrier>,
  message: Message,
  mayWait: boolean,
): boolean {
  const tried = [...message.tried, message.carrier];
  const { source, destination } = message;
  const { carrier, waits, passed } = pick(route, carriers, { source, destination, tried }, false);
  if (carrier !== undefined) return mayWait || !waits;
  return mayWait && passed.some((p) => p.why === 'full');
}
