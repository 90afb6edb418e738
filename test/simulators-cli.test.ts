import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { listenForCalls } from '../simulators/callback.ts';
import { createLoad } from '../simulators/platform.ts';

const program = (name: string): string => fileURLToPath(new URL(`../dist/simulators/${name}.js`, import.meta.url));

beforeAll(() => {
  for (const name of ['main', 'relay']) {
    if (!existsSync(program(name))) throw new Error(`${program(name)} is missing: run npm run build first`);
  }
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Program {
  readonly child: ChildProcess;
  /** The next line of its output, as JSON. */
  next(): Promise<Record<string, unknown>>;
  exit(): Promise<number | null>;
}

function start(name: string, ...args: string[]): Program {
  const child = spawn(process.execPath, [program(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines: Interface = createInterface({ input: child.stdout });
  const output = lines[Symbol.asyncIterator]();
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    child,
    async next() {
      const { value, done } = await output.next();
      if (done === true) throw new Error('it ended without a line');
      return JSON.parse(value) as Record<string, unknown>;
    },
    exit: () => exited,
  };
}

/** Runs to the end; output and exit code. */
function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program('main'), ...args], (e, out, err) => {
      resolve({ code: e === null ? 0 : Number(e.code), out, err });
    });
  });
}

const account = ['--account', 'esme', '--secret', 'secret'];
const login = ['--system-id', 'esme', '--password', 'secret'];

describe('carrier and platform as programs', () => {
  test('ready line, orders on standard input, counts at the end', async () => {
    const carrier = start(
      'main',
      'carrier',
      '--protocol',
      'smpp',
      ...account,
      '--ready-json',
      '--control',
      '--stats-on-exit',
    );
    const { ready, port } = await carrier.next();
    expect([ready, typeof port]).toEqual([true, 'number']);
    const good = await run('platform', '--port', String(port), ...login, '--count', '300', '--json');
    expect(good.code).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({ acked: 300, receipted: 300, clean: true });

    carrier.child.stdin!.write(
      '{"behaviour":{"errorRate":{"probability":1}}}\n{"behaviour":{"none":1}}\n{"stats":true}\n',
    );
    expect(await carrier.next()).toEqual({ ok: true });
    expect(await carrier.next()).toMatchObject({ ok: false });
    expect(await carrier.next()).toMatchObject({ counts: { submits: 300, accepted: 300 } });
    const bad = await run('platform', '--port', String(port), ...login, '--count', '10');
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/refused +10 \(ESME_RSUBMITFAIL 10\).*NOT clean/s);

    carrier.child.kill('SIGTERM');
    const end = await carrier.next();
    expect(end).toMatchObject({ counts: { submits: 310, accepted: 300, refused: 10 } });
    expect(end.cpuMicros).toBeGreaterThan(0);
    expect(await carrier.exit()).toBe(0);
  });

  test('each protocol: a platform at its carrier', async () => {
    const { server, port: calls } = await listenForCalls(0);
    server.close();
    const verdicts = ['smpp', 'cmpp', 'sgip', 'smgp'].map(async (protocol) => {
      const own = protocol === 'sgip' ? ['--callback', String(calls)] : [];
      const carrier = start('main', 'carrier', '--protocol', protocol, ...account, '--ready-json', ...own);
      const { port } = await carrier.next();
      const listen = protocol === 'sgip' ? ['--listen', String(calls)] : [];
      const to = ['--port', String(port), '--protocol', protocol, ...login, '--count', '20', '--json', ...listen];
      const { code, out } = await run('platform', ...to);
      return [protocol, code, (JSON.parse(out) as { receipted: number }).receipted];
    });
    expect(await Promise.all(verdicts)).toEqual(['smpp', 'cmpp', 'sgip', 'smgp'].map((protocol) => [protocol, 0, 20]));
  });

  test.each([
    [['carrier', '--protocol', 'ucp', ...account], /choices are smpp, cmpp/],
    [['carrier', '--protocol', 'cmpp', '--version', '4', ...account], /give one of 2.0, 2.1, 3.0/],
    [['carrier', '--protocol', 'smpp', '--account', 'a', '--account', 'b', '--secret', 's'], /one for each/],
    [['carrier', '--protocol', 'smpp', ...account, '--behaviour', '{"probe":'], /JSON/],
    [['platform', '--port', '1', ...login, '--reconnect-for', '100'], /no bind at 127.0.0.1:1/],
    [['platform', '--port', 'x', ...login], /give a number/],
  ])('%j is an error that says what to do', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n +at /);
  });
});

test('the relay brings answers and receipts back', async () => {
  const carrier = start('main', 'carrier', '--protocol', 'smpp', ...account, '--ready-json');
  const { port } = await carrier.next();
  const relay = start('relay', '--upstream', `127.0.0.1:${port}`, ...login, '--ready-json');
  const up = await relay.next();
  const load = createLoad({
    port: Number(up.port),
    systemId: 'any',
    password: 'any',
    count: 200,
    texts: ['hello', '长'.repeat(90)],
    window: 20,
  });
  load.start();
  expect(await load.done).toMatchObject({ parts: 300, acked: 300, receipted: 300, clean: true });
});
