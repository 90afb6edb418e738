import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import type { Finding } from '../simulators/conform/check.ts';
import { CONFORMANCE, PROTOCOLS } from '../simulators/conform/protocols.ts';
import { freePort } from './support/free-port.ts';
import { scratchFolder } from './support/node.ts';
import { startWrongClient } from './support/wrong-client.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function conform(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    execFile(process.execPath, ['dist/src/cli/yima.js', 'conform', ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

async function carrier(): Promise<string> {
  const one = await startCarrier({ protocol: 'smpp', accounts: [{ name: 'acme', secret: 'secret' }] });
  closers.push(() => one.stop());
  return `127.0.0.1:${one.port}`;
}

test('checks that pass exit with 0, findings go to standard output and to a JUnit file', async () => {
  const folder = scratchFolder();
  closers.push(() => folder.remove());
  const junit = join(folder.path, 'junit.xml');
  const target = await carrier();
  const run = await conform(
    'smpp',
    '--target',
    target,
    '--account',
    'acme:secret',
    '--only',
    'bind-*',
    '--junit',
    junit,
  );
  expect(run).toMatchObject({ code: 0, err: '' });
  expect(run.out).toContain('pass  bind-wrong-password  (SMPP 3.4: 5.1.3)');
  expect(run.out).toMatch(/\n10 passed, 0 failed, 0 not applicable\n$/);
  const xml = readFileSync(junit, 'utf8');
  expect(xml).toContain('<testsuite name="yima conform smpp" tests="10" failures="0" skipped="0"');
  expect(xml.match(/<testcase /g)).toHaveLength(10);
});

test('a check that fails exits with 1 and shows what was sent, what came and what was expected', async () => {
  const args = [
    'smpp',
    '--target',
    await carrier(),
    '--account',
    'acme:wrong',
    '--within',
    '1s',
    '--only',
    'bind-accepted',
  ];
  const run = await conform(...args);
  expect(run.code).toBe(1);
  expect(run.out).toMatch(/FAIL {2}bind-accepted/);
  expect(run.out).toContain('expected: bind_transceiver with the right password is answered once');
  expect(run.out).toContain('came:     the login was refused with 14');
  expect(run.out).toMatch(/\[1\] -> bind_transceiver sequence [0-9a-f]{8}: 000000/);
  expect(run.out).toMatch(/\[1\] <- bind_transceiver_resp sequence/);
  const json = JSON.parse((await conform(...args, '--json')).out) as Finding;
  expect(json).toMatchObject({ name: 'bind-accepted', outcome: 'fail', section: 'SMPP 3.4: 4.1' });
});

test('a wrong call is told so', async () => {
  expect(await conform('smpp', '--account', 'a:b')).toMatchObject({ code: 1, out: '' });
  expect((await conform('smpp', '--target', '127.0.0.1:1')).err).toContain('--account name:secret is missing');
  const none = await conform('smpp', '--target', '127.0.0.1:1', '--account', 'a:b', '--only', 'nothing');
  expect(none.err).toContain('--only nothing: no such check; --list names them');
});

test('the list of a protocol names every check with its section', async () => {
  for (const protocol of PROTOCOLS) {
    const { checks } = CONFORMANCE[protocol];
    expect(new Set(checks.map((c) => c.name)).size).toBe(checks.length);
    for (const { section } of checks) expect(section).toMatch(/\d/);
    const { out, code } = await conform(protocol, '--list');
    expect(code).toBe(0);
    for (const { name, section } of checks) expect(out).toContain(`${name}  (${section})`);
  }
});

test('with --listen a client is judged; what never happened is not applicable', async () => {
  const port = await freePort();
  const judging = conform(
    'smpp',
    '--listen',
    String(port),
    '--account',
    'acme:secret',
    '--for',
    '4s',
    '--within',
    '300ms',
    '--json',
  );
  const client = startWrongClient(port, 'login-authenticator');
  const run = await judging;
  client.stop();
  expect(run.code).toBe(1);
  const findings = run.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding);
  expect(findings.filter((f) => f.outcome === 'fail')).toMatchObject([
    { name: 'login-authenticator', came: 'of "acme"; the account is acme' },
  ]);
  expect(findings.find((f) => f.name === 'window')).toMatchObject({ outcome: 'n/a' });
});

test('with --listen and no client nothing is judged, which is no pass', async () => {
  const run = await conform(
    'cmpp',
    '--listen',
    String(await freePort()),
    '--account',
    '900001:secret',
    '--for',
    '300ms',
  );
  expect(run).toMatchObject({ code: 1, out: '' });
  expect(run.err).toContain('no client came in time');
});
