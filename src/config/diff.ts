import { isDeepStrictEqual } from 'node:util';
import type { Config } from './schema.ts';

/** Names of what differs in a list of named things. */
export interface ListDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What a reload has to touch; all else, and every bind on it, stays as it is. */
export interface ConfigDiff {
  readonly listeners: ListDiff;
  readonly accounts: ListDiff;
  readonly carriers: ListDiff;
  readonly routesChanged: boolean;
  readonly priorityChanged: boolean;
  /** Keys that differ but only count from the next start on, such as `store.maxOctets`. */
  readonly needsRestart: readonly string[];
}

function diffList(before: readonly { name: string }[], after: readonly { name: string }[]): ListDiff {
  const old = new Map(before.map((item) => [item.name, item]));
  const names = new Set(after.map(({ name }) => name));
  const added: string[] = [];
  const changed: string[] = [];
  for (const item of after) {
    const known = old.get(item.name);
    if (known === undefined) added.push(item.name);
    else if (!isDeepStrictEqual(known, item)) changed.push(item.name);
  }
  return { added, removed: [...old.keys()].filter((name) => !names.has(name)), changed };
}

/**
 * What a new configuration changes in a running node, by name and by deep comparison. What a secret refers to is not
 * compared: files and variables are read again at every bind.
 */
export function diffConfig(before: Config, after: Config): ConfigDiff {
  const needsRestart: string[] = [];
  for (const key of ['demo', 'simulators'] as const) {
    if (!isDeepStrictEqual(before[key], after[key])) needsRestart.push(key);
  }
  for (const section of ['node', 'log', 'store', 'admin', 'trace'] as const) {
    const old: Record<string, unknown> = before[section];
    for (const [key, value] of Object.entries(after[section])) {
      if (!isDeepStrictEqual(old[key], value)) needsRestart.push(`${section}.${key}`);
    }
  }
  return {
    listeners: diffList(before.listeners, after.listeners),
    accounts: diffList(before.accounts, after.accounts),
    carriers: diffList(before.carriers, after.carriers),
    routesChanged: !isDeepStrictEqual(before.routes, after.routes),
    priorityChanged: !isDeepStrictEqual(before.priority, after.priority),
    needsRestart,
  };
}
