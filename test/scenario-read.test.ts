import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import { findScenario, scenarioFile, scenarioNames } from '../simulators/scenario/library.ts';
import { parseScenario } from '../simulators/scenario/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEAD = 'name: it\nimitates: nothing real\n';
const read = (text: string) => parseScenario(HEAD + text, 'it.yaml');
/** What is said of the text, whose first line is line 3. */
function faults(text: string, head = HEAD): string[] {
  try {
    parseScenario(head + text, 'it.yaml');
  } catch (e) {
    expect(e).toBeInstanceOf(RangeError);
    return (e as Error).message.split('\n');
  }
  return [];
}

describe('a scenario is read', () => {
  test('whole, with durations in ms', () => {
    const text = `protocols: [cmpp, smgp]
version: '3.0'
seed: 7
clock: { mode: virtual, start: 2026-12-31T23:59:30+08:00, perSubmit: 1 }
behaviour: { reportDelay: { min: 1s, max: 1.5s }, reports: { states: { DELIVERED: 9, 'MK:0005': 1 } } }
rules:
  - name: absent
    when: { number: '*0003', between: [0, 10m], during: { every: 60s, for: 5s } }
    then: { reportDelay: 1h }
schedule:
  - { at: 10s, change: { hold: true } }
  - { afterSubmits: 50, change: { hold: false }, removeRule: absent }
`;
    expect(read(text)).toEqual({
      name: 'it',
      imitates: 'nothing real',
      protocols: ['cmpp', 'smgp'],
      version: '3.0',
      seed: 7,
      clock: { mode: 'virtual', start: '2026-12-31T23:59:30+08:00', perSubmit: 1 },
      behaviour: { reportDelay: { min: 1000, max: 1500 }, reports: { states: { DELIVERED: 9, 'MK:0005': 1 } } },
      rules: [
        {
          name: 'absent',
          when: { number: '*0003', between: [0, 600_000], during: { every: 60_000, for: 5000 } },
          then: { reportDelay: 3_600_000 },
        },
      ],
      schedule: [
        { at: 10_000, change: { hold: true } },
        { afterSubmits: 50, change: { hold: false }, removeRule: 'absent' },
      ],
    });
  });

  test('delays from a file beside it', () => {
    writeFileSync(join(folder, 'measured.txt'), '12\n15.5\n\n1s\n');
    writeFileSync(join(folder, 'it.yaml'), `${HEAD}behaviour: { responseDelay: { file: measured.txt, most: 500 } }\n`);
    const { behaviour } = findScenario(join(folder, 'it.yaml'));
    expect(behaviour).toEqual({ responseDelay: { values: [12, 15.5, 1000], most: 500 } });
    writeFileSync(join(folder, 'measured.txt'), '12\nslow\n');
    expect(() => findScenario(join(folder, 'it.yaml'))).toThrow(
      /it\.yaml:3:\d+: behaviour\.responseDelay.*"slow" in line 2/,
    );
    writeFileSync(join(folder, 'none.yaml'), `${HEAD}behaviour: { responseDelay: { file: no.txt } }\n`);
    expect(() => findScenario(join(folder, 'none.yaml'))).toThrow(/no\.txt, which cannot be read \(ENOENT\)/);
  });
});

describe('what is wrong is said with its place, its key and a remedy', () => {
  test.each([
    ['behavior: {}', /^it\.yaml:3:1: behavior: is no key; known here: name, imitates, .*rules/],
    ['seed: x', /^it\.yaml:3:7: seed: is "x"; give a number/],
    ['seed: -1', /^it\.yaml:3:7: seed: is -1; give at least 0/],
    ['protocols: [cmpp, ucp]', /^it\.yaml:3:19: protocols\[1\]: is "ucp"; give one of smpp, cmpp, sgip, smgp/],
    ['version: 3.0', /^it\.yaml:3:10: version: is 3; give text \(put it in quotes\)/],
    ['clock: { mode: fast }', /^it\.yaml:3:16: clock\.mode: is "fast"; give one of real, scaled, virtual/],
    ['clock: { mode: real, start: tomorrow }', /clock\.start: is "tomorrow"; give a date such as 2026-/],
    ['behaviour: { responsDelay: 1 }', /^it\.yaml:3:28: behaviour\.responsDelay: is no rule; the rules are seed, /],
    [
      'behaviour:\n  errorRate: { probability: 2 }',
      /^it\.yaml:4:29: behaviour\.errorRate\.probability: is 2; give a number/,
    ],
    ['behaviour: 1', /^it\.yaml:3:12: behaviour: is 1; give rules/],
    ['rules:\n  - name: a\n    then: { hold: 1 }', /^it\.yaml:5:19: rules\[0\]\.then\.hold: is 1; give a boolean/],
    ['rules:\n  - name: a\n    then: { seed: 1 }', /^it\.yaml:5:19: rules\[0\]\.then\.seed: is one for the whole/],
    ['rules:\n  - { then: {} }', /^it\.yaml:4:5: rules\[0\]\.name: is missing; give text/],
    ['rules:\n  - { name: a, then: {} }\n  - { name: a, then: {} }', /^it\.yaml:5:13: rules\[1\]\.name: "a" is taken/],
    ['rules: [{ name: a, when: { number: 138 }, then: {} }]', /number: is 138; give text \(put it in quotes\)/],
    [
      'rules: [{ name: a, when: { number: "/(/" }, then: {} }]',
      /when\.number: .*give a glob such as \*0001, or \/regex\//,
    ],
    ['rules: [{ name: a, when: { daily: ["7:30", "9:00"] }, then: {} }]', /daily\[0\]: is "7:30"; give HH:MM/],
    [
      'rules: [{ name: a, when: { between: [1, soon] }, then: {} }]',
      /between\[1\]: is "soon"; give a duration such as/,
    ],
    ['rules: [{ name: a, when: { between: [1] }, then: {} }]', /between.*: is/],
    ['rules: [{ name: a, when: { every: 0 }, then: {} }]', /when\.every: is 0; give at least 1/],
    [
      'rules: [{ name: a, when: { whenever: 0 }, then: {} }]',
      /when\.whenever: is no key; known here: probability, every,/,
    ],
    ['rules: [{ name: a, when: { during: { every: 0, for: 1 } }, then: {} }]', /during\.every: .*more than 0/],
    ['schedule: [{ change: { hold: true } }]', /schedule\[0\]: has no time; give at or afterSubmits/],
    ['schedule: [{ at: 1s }]', /schedule\[0\]: does nothing; give change/],
    ['schedule: [{ at: 1s, change: { hold: 1 } }]', /^it\.yaml:3:38: schedule\[0\]\.change\.hold: is 1/],
    ['seed: [', /^it\.yaml:\d+:\d+: Flow sequence/],
    ['seed: 1\nseed: 2', /^it\.yaml:4:1: Map keys must be unique/],
  ])('%j', (text, said) => {
    const [first] = faults(text);
    expect(first).toMatch(said);
  });

  test('every fault, in the order of the file', () => {
    const all = faults('seed: x\nbehaviour: { hold: 3 }\nnonsense: 1');
    expect(all.map((line) => line.split(':')[1])).toEqual(['3', '4', '5']);
  });

  test('what is missing at all', () => {
    expect(faults('', '')).toEqual([
      'it.yaml:1:1: name: is missing; give text',
      'it.yaml:1:1: imitates: is missing; give text',
    ]);
  });
});

describe('the library', () => {
  test('every file is a scenario of its own name, and has a test that shows it on the wire', () => {
    const titles = readdirSync('test')
      .filter((file) => file.endsWith('.test.ts'))
      .flatMap((file) => [...readFileSync(join('test', file), 'utf8').matchAll(/scenario ([a-z0-9-]+):/g)])
      .map((found) => found[1]);
    expect(scenarioNames().length).toBeGreaterThan(0);
    for (const name of scenarioNames()) {
      expect(findScenario(name).name).toBe(name);
      expect(titles, `a test titled "scenario ${name}: …"`).toContain(name);
    }
    // The other way: no test of a scenario that is gone.
    const real = new Set(scenarioNames());
    expect(titles.filter((title) => !real.has(title!))).toEqual([]);
  });

  test('says what it has not', () => {
    expect(() => scenarioFile('no-such')).toThrow(/no scenario no-such; give a file, or one of .*latency-bands/);
    expect(() => findScenario('./no-such.yaml')).toThrow(/no-such\.yaml: cannot read the scenario \(ENOENT\)/);
  });

  test('a carrier takes a scenario by name or as data, if it is for its protocol', async () => {
    const accounts = [{ name: 'a', secret: 'b' }];
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts,
      scenario: 'latency-bands',
      behaviour: { seed: 4 },
    });
    expect(carrier.behaviour.responseDelay).toHaveProperty('bands');
    expect(carrier.behaviour.seed).toBe(4);
    await carrier.stop();
    const scenario = { name: 'it', imitates: 'nothing', protocols: ['cmpp' as const] };
    await expect(startCarrier({ protocol: 'smpp', accounts, scenario })).rejects.toThrow(
      /it is a scenario for cmpp, not/,
    );
    const wrong = { ...scenario, seed: -1 };
    await expect(startCarrier({ protocol: 'cmpp', accounts, scenario: wrong })).rejects.toThrow(
      /scenario: seed: is -1/,
    );
  });

  test('yima simulate runs one, with another seed and a log', async () => {
    const log = join(folder, 'events.log');
    const args = ['simulate', 'smpp', '--scenario', 'latency-bands', '--seed', '99', '--log', log];
    const child = spawn(process.execPath, ['dist/src/cli/yima.js', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [ready] = (await once(child.stdout, 'data')) as [Buffer];
    expect(ready.toString()).toMatch(/^smpp carrier on 127\.0\.0\.1:\d+/);
    child.kill('SIGTERM');
    await once(child, 'exit');
    const [first] = readFileSync(log, 'utf8').split('\n');
    const start = { t: 0, event: 'start', protocol: 'smpp', version: '3.4', scenario: 'latency-bands', seed: 99 };
    expect(JSON.parse(first!)).toEqual(start);
  });

  test('yima scenarios lists it, shows one, and says where a file is wrong', () => {
    const yima = (...args: string[]): string =>
      execFileSync(process.execPath, ['dist/src/cli/yima.js', 'scenarios', ...args], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
    expect(yima()).toMatch(/^latency-bands +A gateway in front of several message centres/m);
    expect(yima('latency-bands')).toBe(readFileSync('simulators/scenarios/latency-bands.yaml', 'utf8'));
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(wrong, `${HEAD}seed: x\n`);
    expect(() => yima(wrong)).toThrow(/wrong\.yaml:3:7: seed: is "x"/);
  });
});
