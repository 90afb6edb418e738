import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

// The house rules that a reader of one file cannot see. What the compiler and the linter check is not repeated here.

interface Import {
  readonly of: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  /** Files as paths from the root, packages as they are named. */
  readonly imports: readonly Import[];
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return path.endsWith('.ts') && !path.endsWith('.d.ts') ? [read(path)] : [];
  });
}

function read(path: string): Source {
  const code = withoutComments(readFileSync(path, 'utf8'));
  const imports: Import[] = [];
  for (const match of code.matchAll(/^(import|export)\s+(type\s)?([^;]*?)\bfrom\s+'([^']+)'/gm)) {
    const names = /^\{([^}]*)\}\s*$/.exec(match[3]!.trim())?.[1];
    const allTypes = names
      ?.split(',')
      .map((name) => name.trim())
      .every((name) => name === '' || name.startsWith('type '));
    imports.push({ of: resolved(path, match[4]!), typeOnly: match[2] !== undefined || allTypes === true });
  }
  for (const match of code.matchAll(/\bimport\s*\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm)) {
    imports.push({ of: resolved(path, (match[1] ?? match[2])!), typeOnly: false });
  }
  return { path, code, imports };
}

function resolved(from: string, to: string): string {
  return to.startsWith('.') ? normalize(join(dirname(from), to)) : to;
}

/** Comments blanked, strings and regular expressions left as they are. */
function withoutComments(text: string): string {
  return text.replace(
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|(?<=[=(,:!&|?{};\n]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (found) => (found.startsWith('//') || found.startsWith('/*') ? '' : found),
  );
}

const sources = ['src', 'protocols', 'simulators'].flatMap(sourcesIn);
const tests = sourcesIn('test');
const within = (...folders: string[]) =>
  sources.filter((s) => folders.some((f) => s.path === f || s.path.startsWith(`${f}/`)));

/** Paths (with what was found) that break a rule. */
function breaches(list: readonly Source[], found: (s: Source) => readonly string[]): string[] {
  return list.flatMap((s) => found(s).map((what) => `${s.path}: ${what}`));
}
const matches =
  (pattern: RegExp) =>
  (s: Source): string[] =>
    [...s.code.matchAll(pattern)].map((m) => m[0].trim());

describe('the reader of this test', () => {
  it('sees imports, and not what comments say', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(withoutComments("a('//x'); // Date.now()\n/* setTimeout */ b")).toBe("a('//x'); \n b");
    const yima = sources.find((s) => s.path === 'src/cli/yima.ts')!;
    expect(yima.imports).toContainEqual({ of: 'src/cli/run.ts', typeOnly: false });
    const link = sources.find((s) => s.path === 'src/session/link.ts')!;
    expect(link.imports).toContainEqual({ of: 'node:net', typeOnly: true });
    expect(sources.every((s) => s.path === 'src/cli/yima.ts' || !s.code.startsWith('#!'))).toBe(true);
  });
});

describe('layers: an arrow may only point down', () => {
  const anyProtocol = ['protocols'];
  const allowed: Readonly<Record<string, readonly string[]>> = {
    'src/base': [],
    'src/config': ['src/base', ...anyProtocol],
    'src/message': ['src/base', 'src/config', ...anyProtocol],
    'src/session': ['src/base', ...anyProtocol],
    'src/store': ['src/base', 'src/message', 'protocols/wire', 'protocols/text'],
    'src/gateway': [
      'src/base',
      'src/config',
      'src/message',
      'src/session',
      'src/store',
      'protocols/wire',
      'protocols/text',
    ],
    'src/admin': ['src/base', 'src/capture', 'src/config', 'src/message', 'src/session', 'src/store', 'src/gateway'],
    'src/capture': ['src/base', 'protocols/wire', 'protocols/text'],
    'src/cli': ['src', 'simulators', ...anyProtocol],
    simulators: anyProtocol,
    'protocols/wire': [],
    'protocols/text': [],
    'protocols/smpp': ['protocols/wire', 'protocols/text'],
    'protocols/cmpp': ['protocols/wire', 'protocols/text'],
    'protocols/sgip': ['protocols/wire', 'protocols/text'],
    // Written from CMPP, with its message formats, times, digests and words of a report.
    'protocols/smgp': ['protocols/wire', 'protocols/text', 'protocols/cmpp'],
  };

  it('every file belongs to a layer', () => {
    const strays = sources.filter((s) => !Object.keys(allowed).some((layer) => s.path.startsWith(`${layer}/`)));
    expect(
      strays.map((s) => s.path),
      'give its folder a line in the table above',
    ).toEqual([]);
  });

  it.each(Object.entries(allowed))('%s', (layer, below) => {
    const own = within(layer);
    expect(own.length).toBeGreaterThan(0);
    const wrong = breaches(own, (s) =>
      s.imports
        .filter(({ of }) => /^(src|protocols|simulators|test)\//.test(of))
        .filter(({ of }) => ![layer, ...below].some((folder) => of.startsWith(`${folder}/`)))
        .map(({ of }) => `imports ${of}`),
    );
    expect(wrong, `${layer} imports itself and ${below.join(', ') || 'nothing else'} only`).toEqual([]);
  });
});

describe('one place for each', () => {
  it('sockets', () => {
    const places = ['src/session/listen.ts', 'src/session/dial.ts'];
    const wrong = breaches(within('src', 'protocols'), (s) =>
      places.includes(s.path)
        ? []
        : s.imports.filter((i) => /^node:(net|tls|dgram)$/.test(i.of) && !i.typeOnly).map((i) => `imports ${i.of}`),
    );
    expect(wrong, 'node:net and node:tls only in src/session/listen.ts and dial.ts, but for types').toEqual([]);
    const http = breaches(within('src', 'protocols', 'simulators'), (s) =>
      ['src/admin/http.ts', 'simulators/lab-http.ts'].includes(s.path)
        ? []
        : s.imports.filter((i) => /^node:https?2?$/.test(i.of)).map((i) => i.of),
    );
    expect(http, 'node:http only in src/admin/http.ts and simulators/lab-http.ts').toEqual([]);
  });

  it('clock and timers', () => {
    const clock =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b|\bset(Timeout|Interval|Immediate)\b/g;
    const outside = within('src', 'protocols').filter((s) => !s.path.startsWith('src/base/'));
    expect(breaches(outside, matches(clock)), 'clock and timers only in src/base: time is passed in').toEqual([]);
  });

  it.each([
    ['lmdb', /^lmdb$/, 'src/store/lmdb.ts'],
    ['prom-client', /^prom-client$/, 'src/admin/'],
    ['pino-pretty', /^pino-pretty$/, 'src/cli/logger.ts'],
    ['commander, cli-progress and log-update', /^(commander|cli-progress|log-update)$/, 'src/cli/'],
    ['yaml and zod', /^(yaml|zod)$/, 'src/'],
    ['iconv-lite', /^iconv-lite$/, 'protocols/text/'],
  ])('%s', (_, engine, place) => {
    const wrong = breaches(within('src', 'protocols'), (s) =>
      s.path.startsWith(place) ? [] : s.imports.filter((i) => engine.test(i.of)).map((i) => `imports ${i.of}`),
    );
    expect(wrong, `only in ${place}`).toEqual([]);
  });

  it('the names of protocols', () => {
    const places = ['src/session/dialects/', 'src/message/', 'src/config/', 'src/cli/'];
    const elsewhere = within('src').filter((s) => !places.some((place) => s.path.startsWith(place)));
    const wrong = breaches(elsewhere, matches(/\b\w*(smpp|cmpp|sgip|smgp)\w*/gi));
    expect(wrong, `protocols are named in ${places.join(', ')} only: the rest of the house works for any`).toEqual([]);
    const neutral = within('protocols/wire', 'protocols/text');
    expect(breaches(neutral, matches(/\b\w*(smpp|cmpp|sgip|smgp)\w*/gi)), 'wire and text know no protocol').toEqual([]);
  });
});

describe('protocols are pure', () => {
  it('no I/O, no environment, no randomness', () => {
    const wrong = breaches(within('protocols'), (s) => [
      ...s.imports.filter((i) => i.of.startsWith('node:') && i.of !== 'node:crypto').map((i) => `imports ${i.of}`),
      ...matches(/\bprocess\.\w+|\bconsole\.\w+|\bMath\.random\b|\bfetch\(/g)(s),
    ]);
    expect(wrong, 'protocols/ turns octets into values and back, nothing else').toEqual([]);
  });
});

describe('habits', () => {
  it('no barrels, no default exports', () => {
    expect(breaches(sources, (s) => (/(^|\/)index\.ts$/.test(s.path) ? ['is a barrel by its name'] : []))).toEqual([]);
    expect(
      breaches(sources, matches(/^export\s+(\*|(type\s+)?\{[^}]*\})\s*from\b/gm)),
      'import from where it is written',
    ).toEqual([]);
    expect(breaches(sources, matches(/^export default\b/gm)), 'exports have names').toEqual([]);
  });

  it('files are named for a concept', () => {
    const empty = /(^|[/-])(util|utils|helper|helpers|manager|common|misc|shared|stuff)(s?)\.ts$/;
    expect(breaches(sources, (s) => (empty.test(s.path) ? ['says nothing'] : []))).toEqual([]);
  });

  it('imports of ours end in .ts', () => {
    const wrong = breaches([...sources, ...tests], (s) =>
      s.imports
        .filter((i) => /^(src|protocols|simulators|test)\//.test(i.of) && !/\.(ts|json)$/.test(i.of))
        .map((i) => i.of),
    );
    expect(wrong).toEqual([]);
  });

  it('nothing is waved through', () => {
    // As comments these would be lost with them: looked for in the whole text.
    const wrong = [...sources, ...tests].flatMap((s) => {
      const ignored = readFileSync(s.path, 'utf8').match(/@ts-(ignore|nocheck|expect-error)/g) ?? [];
      return s.path === 'test/architecture.test.ts' ? [] : ignored.map((what) => `${s.path}: ${what}`);
    });
    expect(wrong, 'the compiler is right until shown wrong').toEqual([]);
    const skipped = breaches(tests, matches(/\b(it|test|describe)\.(only|skip|todo|fails)\b/g));
    expect(skipped, 'every test runs').toEqual([]);
  });

  it('console is for nobody', () => {
    expect(breaches(within('src', 'protocols'), matches(/\bconsole\.\w+/g)), 'log with pino, answer on stdout').toEqual(
      [],
    );
  });
});
