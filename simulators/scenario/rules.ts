import { type Behaviour, type BehaviourChange, changed, drawsLots, WELL_BEHAVED } from '../behaviour.ts';
import { type Condition, conditionOf, type Event, type When } from './when.ts';

/** A change of the behaviour for the events that it is for. */
export interface Rule {
  readonly name: string;
  /** Left out: for all. */
  readonly when?: When;
  readonly then: BehaviourChange;
}

/**
 * The rules that an event is under, but for their times, and the behaviour that they make of the base. One for each set
 * of rules that was ever met; a change of the base or of the rules shows in all of them at once.
 */
export interface Regime {
  /** What holds if none of its rules has a time; else ask `Rulebook.now`. */
  behaviour: Behaviour;
  /** Some of its rules hold at times only. */
  timed: boolean;
  /** In the order of the rulebook. */
  readonly rules: readonly RuleInForce[];
}

interface RuleInForce extends Condition {
  readonly rule: Rule;
  alive: boolean;
}

interface Node extends Regime {
  readonly parent: Node | undefined;
  readonly with: Map<RuleInForce, Node>;
}

export interface Rulebook {
  /** Without any rule. */
  readonly base: Regime;
  readonly rules: readonly Rule[];
  /** There is a rule. */
  readonly some: boolean;
  /** Something hangs on chance: every submit needs its lot. */
  readonly draws: boolean;
  /** Throws RangeError for a change that is none. */
  change(change: BehaviourChange): void;
  /** Behind the others, so that it wins. Throws RangeError for a name that is taken and a change that is none. */
  add(rule: Rule): void;
  /** False: there is none of this name. */
  remove(name: string): boolean;
  /** The rules that the event is under. Counts it. */
  of(event: Event, at: number): Regime;
  /** Those of them that hold at this time. */
  now(regime: Regime, at: number): Regime;
}

/** `start`: of the lab, in ms since 1970. Throws RangeError as `change` and `add` do. */
export function createRulebook(behaviour: Behaviour, rules: readonly Rule[], start: number): Rulebook {
  const base = nodeOf(undefined, undefined);
  base.behaviour = behaviour;
  const standing: RuleInForce[] = [];

  function nodeOf(parent: Node | undefined, s: RuleInForce | undefined): Node {
    const node: Node = {
      parent,
      behaviour: WELL_BEHAVED,
      timed: false,
      rules: parent === undefined ? [] : [...parent.rules, s!],
      with: new Map(),
    };
    if (parent !== undefined) settle(node);
    return node;
  }

  /** Works out what the node means, from its parent. */
  function settle(node: Node): void {
    const { parent, rules: all } = node;
    if (parent !== undefined) {
      const own = all[all.length - 1]!;
      node.behaviour = own.alive ? changed(parent.behaviour, own.rule.then) : parent.behaviour;
      node.timed = parent.timed || (own.alive && own.timed);
    }
    for (const child of node.with.values()) settle(child);
  }

  function under(node: Node, s: RuleInForce): Node {
    let child = node.with.get(s);
    if (child === undefined) {
      child = nodeOf(node, s);
      node.with.set(s, child);
    }
    return child;
  }

  const book: Rulebook = {
    base,
    get rules() {
      return standing.map((s) => s.rule);
    },
    some: false,
    draws: false,
    change(change) {
      base.behaviour = changed(base.behaviour, change);
      settle(base);
      survey();
    },
    add(rule) {
      if (standing.some((s) => s.rule.name === rule.name)) {
        throw new RangeError(`rules: there is a rule ${rule.name} already; remove it first or give another name`);
      }
      if (rule.then.seed !== undefined) {
        throw new RangeError(`rules: ${rule.name} changes the seed; give it in the scenario, it is one for all`);
      }
      changed(base.behaviour, rule.then);
      standing.push({ ...conditionOf(rule.when ?? {}, rule.name, start), rule, alive: true });
      survey();
    },
    remove(name) {
      const at = standing.findIndex((s) => s.rule.name === name);
      if (at < 0) return false;
      standing[at]!.alive = false;
      standing.splice(at, 1);
      settle(base);
      survey();
      return true;
    },
    of(event, at) {
      let node = base;
      for (const s of standing) {
        if (!s.fits(event)) continue;
        if (s.counted && !(s.inTime(at) && s.counts(event.kind))) continue;
        node = under(node, s);
      }
      return node;
    },
    now(regime, at) {
      if (!regime.timed) return regime;
      let node = base;
      for (const s of regime.rules) if (s.alive && s.inTime(at)) node = under(node, s);
      return node;
    },
  };
  const survey = (): void => {
    const own = book as { some: boolean; draws: boolean };
    own.some = standing.length > 0;
    own.draws =
      drawsLots(base.behaviour) ||
      standing.some(
        ({ rule }) => rule.when?.probability !== undefined || drawsLots(changed(base.behaviour, rule.then)),
      );
  };
  survey();
  for (const rule of rules) book.add(rule);
  return book;
}
