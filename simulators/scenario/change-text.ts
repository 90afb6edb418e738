import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BehaviourChange, BehaviourFault, changed, WELL_BEHAVED } from '../behaviour.ts';
import { durationOf } from './duration.ts';

/**
 * A change as a scenario writes it, which may say `1h` for milliseconds and name a `file` for a delay's values (relative
 * to `folder`), as the behaviour takes it. Throws BehaviourFault for what is none.
 */
export function changeOf(written: unknown, folder: string): BehaviourChange {
  const change = plain(written, '', folder) as BehaviourChange;
  changed(WELL_BEHAVED, change);
  return change;
}

function plain(value: unknown, key: string, folder: string): unknown {
  if (typeof value === 'string') return /^\d[\d.]*(ms|s|m|h|d)$/.test(value) ? (durationOf(value) ?? value) : value;
  if (Array.isArray(value)) return value.map((v) => plain(v, key, folder));
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([name, v]) => {
    const inner = key === '' ? name : `${key}.${name}`;
    if (name !== 'file' || typeof v !== 'string') return [name, plain(v, inner, folder)] as const;
    return ['values', valuesIn(resolve(folder, v), inner)] as const;
  });
  return Object.fromEntries(parts);
}

/** Milliseconds, one a line. */
function valuesIn(file: string, key: string): number[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    throw new BehaviourFault(key, `names ${file}, which cannot be read (${code})`, 'give a file with one delay a line');
  }
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line, k) => {
      const ms = durationOf(/^[\d.]+$/.test(line.trim()) ? Number(line) : line.trim());
      if (ms === undefined) {
        throw new BehaviourFault(key, `has ${JSON.stringify(line)} in line ${k + 1} of ${file}`, 'give milliseconds');
      }
      return ms;
    });
}
