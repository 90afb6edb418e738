import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Scenario, scenarioIn } from './schema.ts';

/** Reads a scenario's file. Throws RangeError with a line `file:line:column: key: what is wrong; what to give` for each fault. */
export function readScenario(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    throw new RangeError(`${file}: cannot read the scenario (${code}); give a file, or a name from the library`);
  }
  return parseScenario(text, file);
}

/** `readScenario` of a text that is already read. */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const [unreadable] = [...doc.errors, ...doc.warnings];
  if (unreadable !== undefined) throw new RangeError(`${place(unreadable.pos[0])}: ${unreadable.message}`);
  const parsed = scenarioIn(dirname(file)).safeParse(doc.toJS() ?? {}, { error: words });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultsOf).map((fault) => {
    return { offset: offsetOf(doc, fault), line: `${keyOf(fault.path)}${fault.message}` };
  });
  faults.sort((a, b) => a.offset - b.offset);
  throw new RangeError(faults.map(({ offset, line }) => `${place(offset)}: ${line}`).join('\n'));
}

/** A scenario given as data. Throws RangeError that names the keys. */
export function checkScenario(value: unknown): Scenario {
  const parsed = scenarioIn(process.cwd()).safeParse(value, { error: words });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultsOf);
  throw new RangeError(faults.map(({ path, message }) => `scenario: ${keyOf(path)}${message}`).join('\n'));
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** It is the key itself that is wrong. */
  readonly ofKey?: boolean;
}

/** `rules[2].when.number: `, or nothing for the whole. */
function keyOf(path: readonly PropertyKey[]): string {
  const key = path.map((p, k) => (typeof p === 'number' ? `[${p}]` : `${k === 0 ? '' : '.'}${String(p)}`)).join('');
  return key === '' ? '' : `${key}: `;
}

/** An issue of the schema; each unknown key is a fault of its own, where it stands. */
function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message, ofKey: true }));
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  tuple: 'a list of two',
  object: 'a section of keys and values',
};

/** What is wrong and what to give, for what the schema has no words of its own. */
function words(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  const is =
    input === undefined ? 'is missing' : `is ${typeof input === 'object' ? 'a section' : JSON.stringify(input)}`;
  switch (issue.code) {
    case 'invalid_type': {
      const quotes = issue.expected === 'string' && typeof input === 'number' ? ' (put it in quotes)' : '';
      return `${is}; give ${KINDS[issue.expected] ?? issue.expected}${quotes}`;
    }
    case 'invalid_value':
      return `${is}; give ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `${is}; give ${issue.origin === 'string' || issue.origin === 'array' ? 'something' : `at least ${issue.minimum}`}`;
    case 'too_big':
      return `${is}; give at most ${issue.maximum}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? `${is}; give a date such as 2026-12-31T23:59:30+08:00` : undefined;
    case 'unrecognized_keys':
      return `is no key; known here: ${Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {}).join(', ')}`;
    default:
      return undefined;
  }
}

/** Where the value at the path stands (or its key), or the nearest section around it. */
function offsetOf(doc: Document, { path, ofKey = false }: Fault): number {
  let node: unknown = doc.contents;
  let offset = (node as Node | null)?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      if (ofKey && depth === path.length - 1) break;
      node = pair.value;
    } else if (isSeq(node) && node.items[Number(key)] !== undefined) {
      node = node.items[Number(key)];
    } else break;
    offset = (node as Node | null)?.range?.[0] ?? offset;
  }
  return offset;
}
