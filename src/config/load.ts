import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { checkConfig, type Fault, formatPath } from './check.ts';
import { type Config, configSchema } from './schema.ts';

/** What is wrong, where, and what was expected. Lines and columns count from 1; path is empty for the whole file. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** `config/demo.yaml:12:5: accounts[0].window: expected at least 1, got 0` */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** A path of the configuration as an absolute one; relative ones count from the working directory. */
export function expandRelative(path: string, from: string = process.cwd()): string {
  return resolve(from, path);
}

// ---- what the schema says, in the reader's words ----------------------------------------------------------------

const EXPECTED: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section (keys and values)',
  record: 'a section (keys and values)',
};

function show(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** The nearest of the known keys, if it is a likely slip: at most two letters off. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
      }
      row = next;
    }
    return row[b.length]!;
  };
  const [best] = known
    .map((name) => ({ name, off: distance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.off - b.off);
  return best !== undefined && best.off <= Math.min(2, key.length / 2) ? best.name : undefined;
}

/** Message of an issue for which the schema itself has none. Never repeats text: it may be a secret. */
function issueMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = `expected ${EXPECTED[issue.expected] ?? issue.expected}`;
      if (issue.input === undefined) return expected;
      if (issue.expected === 'string' && ['number', 'boolean'].includes(typeof issue.input)) {
        return `${expected}: put it in quotes`;
      }
      return `${expected}, got ${typeof issue.input === 'string' ? 'text' : show(issue.input)}`;
    }
    case 'invalid_value': {
      const values = `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
      const quoted = typeof issue.input === 'number' && issue.values.some((value) => typeof value === 'string');
      return issue.input === undefined
        ? values
        : `${values}, got ${show(issue.input)}${quoted ? ' (put it in quotes)' : ''}`;
    }
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, got ${show(issue.input)}`
        : undefined;
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}, got ${show(issue.input)}`
        : undefined;
    case 'invalid_union':
      return Array.isArray(issue.options) ? `expected one of ${issue.options.join(', ')}` : undefined;
    case 'unrecognized_keys':
      // The keys that are known here, for `unknownKeys`.
      return Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {}).join(' ');
    default:
      return undefined;
  }
}

function unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys): Fault[] {
  const known = issue.message.split(' ');
  return issue.keys.map((key) => {
    const meant = nearest(key, known);
    const hint = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`;
    return { path: [...issue.path, key], message: `unknown key; ${hint}` };
  });
}

// ---- where it stands --------------------------------------------------------------------------------------------

interface Place {
  readonly offset: number;
  /** Whether the whole path is in the file; else the offset is that of the nearest section around it. */
  readonly found: boolean;
}

/** Finds the value or the key at a path, through aliases. */
function locate(doc: Document, path: readonly PropertyKey[], of: 'value' | 'key'): Place {
  let node: unknown = doc.contents;
  let offset = (node as Node | null)?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return { offset, found: false };
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
      if (of === 'key' && depth === path.length - 1) break;
    } else if (isSeq(node) && node.items[Number(key)] !== undefined) {
      node = node.items[Number(key)];
    } else {
      return { offset, found: false };
    }
    offset = (node as Node | null)?.range?.[0] ?? offset;
  }
  return { offset, found: true };
}

/** Names in paths that follow the working directory, made absolute. */
function expandPaths(config: Config, from: string): void {
  const expand = <K extends string>(holder: { [key in K]?: string | undefined }, ...keys: K[]): void => {
    for (const key of keys) {
      const path = holder[key];
      if (path !== undefined) holder[key] = expandRelative(path, from);
    }
  };
  expand(config.node, 'data');
  expand(config.numbering, 'prefixes', 'ported');
  for (const { tls } of [...config.listeners, ...config.carriers]) if (tls) expand(tls, 'cert', 'key', 'ca');
  for (const { password } of config.accounts) if ('file' in password) expand(password, 'file');
  for (const carrier of config.carriers) {
    const secret = 'sharedSecret' in carrier ? carrier.sharedSecret : carrier.password;
    if ('file' in secret) expand(secret, 'file');
  }
}

/** Result of loading: a configuration that may be used as it is, or all problems found, in the order of the file. */
export type Loaded =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly config?: undefined; readonly problems: readonly Problem[] };

/** `loadConfig` on text that is already read; `file` is only named in problems. */
export function parseConfig(text: string, file: string, environment: NodeJS.ProcessEnv = process.env): Loaded {
  const lines = new LineCounter();
  const problem = (offset: number, path: readonly PropertyKey[], message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message };
  };
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const unreadable = [...doc.errors, ...doc.warnings];
  if (unreadable.length > 0)
    return {
      problems: unreadable.map(({ pos, code, message }) =>
        problem(pos[0], [], code === 'MULTIPLE_DOCS' ? 'expected one document, but a second begins here' : message),
      ),
    };
  let value: unknown;
  try {
    value = doc.toJS();
  } catch (error) {
    return { problems: [problem(0, [], (error as Error).message)] };
  }
  const placed = ({ path, message }: Fault, of: 'value' | 'key' = 'value'): Problem =>
    problem(locate(doc, path, of).offset, path, message);
  const inOrder = (problems: Problem[]): Loaded => ({
    problems: problems.sort((a, b) => a.line - b.line || a.column - b.column),
  });

  const parsed = configSchema.safeParse(value ?? {}, { error: issueMessage });
  if (!parsed.success) {
    return inOrder(
      parsed.error.issues.flatMap((issue) => {
        if (issue.code === 'unrecognized_keys') return unknownKeys(issue).map((fault) => placed(fault, 'key'));
        const { found } = locate(doc, issue.path, 'value');
        return [placed({ path: issue.path, message: found ? issue.message : `missing: ${issue.message}` })];
      }),
    );
  }
  const config = parsed.data;
  expandPaths(config, process.cwd());
  const faults = checkConfig(config, environment);
  return faults.length > 0 ? inOrder(faults.map((fault) => placed(fault))) : { config };
}

/**
 * Reads a YAML configuration, fills in all defaults, makes its paths absolute, and checks it: each key against the
 * schema, then the keys against each other, and whether the secrets and files it refers to are there.
 * Never throws for what is in the file, nor for a file that cannot be read.
 */
export function loadConfig(file: string, environment: NodeJS.ProcessEnv = process.env): Loaded {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot read the configuration: ${(error as NodeJS.ErrnoException).code}`;
    return { problems: [{ file, line: 1, column: 1, path: '', message }] };
  }
  return parseConfig(text, file, environment);
}
