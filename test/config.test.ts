import { scryptSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { type BehaviourChange, changed as changedRules, WELL_BEHAVED } from '../simulators/behaviour.ts';
import { diffConfig } from '../src/config/diff.ts';
import { expandRelative, formatProblem, loadConfig, parseConfig } from '../src/config/load.ts';
import { configReference } from '../src/config/reference.ts';
import {
  type CarrierConfig,
  type Config,
  carrierSchema,
  configSchema,
  parseAddress,
  parseDuration,
  parseOctets,
  type SecretRef,
} from '../src/config/schema.ts';
import { hashPassword, parseHash, resolveSecret, verifyPassword } from '../src/config/secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'yima-config-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const HASH = hashPassword('secret');
const BASE = `demo: true
listeners:
  - name: smpp
    protocol: smpp
    listen: 127.0.0.1:2775
accounts:
  - name: acme
    systemId: acme
    password: { demo: secret }
    route: main
carriers:
  - name: mobile
    protocol: cmpp
    host: 127.0.0.1
    port: 7890
    version: 2.0
    spId: "900001"
    sharedSecret: { demo: secret }
  - name: intl
    protocol: smpp
    host: 127.0.0.1
    port: 2776
    systemId: yima
    password: { demo: secret }
routes:
  - name: main
    rules:
      - destination: "86"
        steps:
          - carriers: [{ name: mobile, weight: 3 }, { name: intl }]
      - steps: [{ carriers: [{ name: intl }] }]
`;

/** The configuration of a text that must be right. */
function good(text: string, env: NodeJS.ProcessEnv = {}): Config {
  const { config, problems } = parseConfig(text, 'y.yaml', env);
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return config;
}
/** The problems of a text that must be wrong, one a line. */
function problems(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  return parseConfig(text, 'y.yaml', env).problems?.map(formatProblem) ?? [];
}
/** BASE with one place changed; the place must be there. */
const CMPP_CARRIER = `protocol: cmpp
    host: 127.0.0.1
    port: 7890
    version: 2.0
    spId: "900001"
    sharedSecret: { demo: secret }`;
const SGIP_CARRIER = `protocol: sgip
    host: 127.0.0.1
    port: 8801
    systemId: yima
    password: { demo: secret }
    corpId: "12345"`;

function changed(from: string, to: string): string {
  expect(BASE.split(from).length - 1, `"${from}" in BASE`).toBeGreaterThan(0);
  return BASE.replace(from, to);
}

/** BASE with a CMPP listener and its account on it. */
function cmppAccount(password: string): string {
  return changed('    protocol: smpp\n    listen', '    protocol: cmpp\n    listen')
    .replace('  - name: acme\n', '  - name: acme\n    protocol: cmpp\n')
    .replace('password: { demo: secret }', password);
}

describe('scalars', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['72h', 259_200_000],
    ['3d', 259_200_000],
    [0, 0],
  ])('duration %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  test.each(['', '5', 5, '-1s', '1 week', '1e3s', 's', '99999999d', 'Infinity', '1s2'])('no duration: %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
  test.each([
    ['64GiB', 64 * 2 ** 30],
    ['256MiB', 2 ** 28],
    ['10MB', 10_000_000],
    ['1.5KiB', 1_536],
    [4096, 4096],
  ])('size %s', (text, octets) => {
    expect(parseOctets(text)).toBe(octets);
  });
  test.each(['64GBi', '-1', '1 PiB', 'KiB', '99999999999TiB'])('no size: %j', (text) => {
    expect(parseOctets(text)).toBeUndefined();
  });
  test('addresses', () => {
    expect(parseAddress('127.0.0.1:2775')).toEqual({ host: '127.0.0.1', port: 2775 });
    expect(parseAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parseAddress('localhost:65535')).toEqual({ host: 'localhost', port: 65535 });
    for (const bad of ['127.0.0.1', ':2775', '::1:2775', '[::g]:1', '[1.2.3.4]:1', 'a:65536', 'a:-1', 'a b:1']) {
      expect(parseAddress(bad), bad).toBeUndefined();
    }
  });
});

/** Keys of a carrier that have no default, the name of the login and its secret first. */
function loginOf(carrier: CarrierConfig): Record<string, unknown> {
  switch (carrier.protocol) {
    case 'cmpp':
      return { spId: carrier.spId, sharedSecret: carrier.sharedSecret, version: carrier.version };
    case 'smgp':
      return { clientId: carrier.clientId, sharedSecret: carrier.sharedSecret };
    case 'sgip': {
      const { systemId, password, corpId, areaCode, deliver } = carrier;
      const theirs = { systemId: deliver?.systemId, password: deliver?.password };
      return { systemId, password, corpId, areaCode, deliver: theirs };
    }
    default:
      return { systemId: carrier.systemId, password: carrier.password };
  }
}

describe('the shipped files', () => {
  test('demo.yaml loads, routes lead where its comment says', () => {
    const { config, problems } = loadConfig('config/demo.yaml', {});
    expect(problems).toBeUndefined();
    const demo = config!;
    expect(demo.listeners.map(({ protocol, listen }) => `${protocol} ${listen.host}:${listen.port}`)).toEqual([
      'smpp 127.0.0.1:2775',
      'cmpp 127.0.0.1:7900',
      'sgip 127.0.0.1:8801',
      'smgp 127.0.0.1:8890',
    ]);
    expect(demo.accounts.map((a) => a.protocol)).toEqual(['smpp', 'cmpp', 'sgip', 'smgp']);
    expect(demo.carriers.map((c) => [c.name, c.port, c.protocol === 'cmpp' ? c.version : '', c.coding])).toEqual([
      ['cmpp2', 7890, '2.0', ['gbk', 'ucs2']],
      ['cmpp3', 7891, '3.0', ['ucs2']],
      ['sgip', 8811, '', ['gbk', 'ucs2']],
      ['smgp', 8891, '', ['gbk', 'ucs2']],
      ['smsc', 2776, '', ['gsm7', 'ucs2']],
    ]);
    const steps = demo.routes[0]!.rules.map((rule) => [
      rule.operator,
      rule.steps.map(({ carriers }) => carriers[0]!.name),
    ]);
    expect(steps).toEqual([
      ['mobile', ['cmpp2', 'cmpp3']],
      ['unicom', ['sgip']],
      ['telecom', ['smgp']],
      [undefined, ['smsc']],
    ]);
  });

  test('every carrier of the demo finds its simulator, with the right account and secret', () => {
    const demo = loadConfig('config/demo.yaml', {}).config!;
    for (const carrier of demo.carriers) {
      const simulator = demo.simulators.find(
        ({ listen }) => listen.host === carrier.host && listen.port === carrier.port,
      );
      const [name, secret] = Object.values(loginOf(carrier)) as [string, SecretRef];
      expect(simulator?.protocol).toBe(carrier.protocol);
      if (carrier.protocol === 'cmpp') expect(simulator?.version).toBe(carrier.version);
      expect(simulator?.options.accounts).toEqual([
        { name, secret: resolveSecret(secret), ...(carrier.protocol === 'sgip' && { callback: expect.anything() }) },
      ]);
      if (carrier.protocol === 'sgip') {
        const [{ callback }] = simulator!.options.accounts as [{ callback: object }];
        const { systemId, password } = carrier.deliver!;
        const port = demo.listeners.find((l) => l.protocol === 'sgip')!.listen.port;
        expect(callback).toEqual({ port, name: systemId, secret: resolveSecret(password as SecretRef) });
      }
      const rules = changedRules(WELL_BEHAVED, simulator?.options.behaviour as BehaviourChange);
      expect(rules.reportDelay).toEqual({ min: 200, max: 2000 });
    }
  });

  const env = {
    ACME_PASSWORD: HASH,
    MOBILE_SECRET: 'a',
    INTL_PASSWORD: 'b',
    SHOP_PASSWORD: 'c',
    SHOP_CALLBACK_PASSWORD: 'd',
    BANK_SECRET: 'c',
    UNICOM_PASSWORD: 'e',
    UNICOM_DELIVER_PASSWORD: 'f',
    TELECOM_SECRET: 'g',
    SCHOOL_SECRET: 'h',
  };

  test('example.yaml loads, and what it shows as defaults are the defaults', () => {
    const { config: example, problems } = loadConfig('config/example.yaml', env);
    expect(problems).toBeUndefined();
    const { node, ...rest } = configSchema.parse({});
    for (const key of ['demo', 'log', 'store', 'admin', 'priority', 'simulators'] as const) {
      expect(example![key], key).toEqual(rest[key]);
    }
    expect(example!.node).toEqual({ ...node, data: expandRelative(node.data) });
    const { name, systemId, password, route } = example!.accounts[0]!;
    const account = configSchema.parse({ accounts: [{ name, systemId, password, route }] }).accounts[0];
    expect(example!.accounts[0]).toEqual(account);
    for (const carrier of example!.carriers) {
      const { name, host, port, protocol } = carrier;
      expect(carrier).toEqual(carrierSchema.parse({ name, host, port, protocol, ...loginOf(carrier) }));
    }
  });

  test('example.yaml names every key of the schema', () => {
    const text = readFileSync('config/example.yaml', 'utf8');
    const keys = [...configReference().matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
    expect(keys.length).toBeGreaterThan(100);
    for (const key of keys) {
      const last = key.split('.').at(-1)!;
      expect(text, key).toMatch(new RegExp(`(^|[\\s{#-])${last}:`, 'm'));
    }
  });

  test('docs/config.md is what the schema says', async () => {
    await expect(configReference()).toMatchFileSnapshot('../docs/config.md');
  });

  test('every key of the reference has a type and a meaning', () => {
    const rows = configReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    for (const row of rows) {
      const [, key, type, , meaning] = row.split(/(?<!\\)\|/).map((text) => text.trim());
      expect(type, key).not.toBe('');
      expect(meaning, key).not.toBe('');
    }
  });
});

describe('a right configuration', () => {
  test('gets all defaults', () => {
    const config = good(BASE);
    expect(config.accounts[0]).toMatchObject({
      window: 100,
      receipts: { join: 'all', to: 'any', keep: 72 * 3_600_000, request: 'asked', form: 'both', idForm: 'decimal' },
      validity: 48 * 3_600_000,
      busy: 'throttled',
    });
    expect(config.carriers[0]).toMatchObject({
      version: '2.0',
      codes: { throttled: [8] },
      window: 16,
      idForm: 'learn',
    });
    expect(config.carriers[1]).toMatchObject({ codes: { throttled: [0x58, 0x14] }, bind: 'trx', sourceTon: 'auto' });
    expect(config.routes[0]!.rules[0]!.steps[0]!.carriers).toEqual([
      { name: 'mobile', weight: 3 },
      { name: 'intl', weight: 1 },
    ]);
  });

  test('does not share defaults between items', () => {
    const config = good(
      changed(
        '  - name: intl\n',
        '  - name: second\n    protocol: smpp\n    host: h\n    port: 1\n    systemId: a\n    password: { demo: b }\n  - name: intl\n',
      ),
    );
    const [, a, b] = config.carriers;
    expect(a!.codes).toEqual(b!.codes);
    a!.codes.throttled.push(1);
    expect(b!.codes.throttled).not.toContain(1);
    expect(
      carrierSchema.parse({ name: 'c', protocol: 'smpp', host: 'h', port: 1, systemId: 'a', password: { demo: 'b' } })
        .codes.throttled,
    ).not.toContain(1);
  });

  test('paths are absolute, from the working directory', () => {
    const secret = written('secret', 'hush\n');
    const config = good(changed('password: { demo: secret }', `password: { file: ${secret} }`));
    expect(config.node.data).toBe(join(process.cwd(), 'data'));
    expect(expandRelative('a/b', '/x')).toBe('/x/a/b');
    expect(expandRelative('/a/b', '/x')).toBe('/a/b');
    expect(config.accounts[0]!.password).toEqual({ file: secret });
  });
});

// Each: what is changed in the base, and the whole problem as the reader sees it.
const WRONG: [what: string, text: () => string, ...expected: (string | RegExp)[]][] = [
  [
    'an unknown key, nearly right',
    () => changed('    route: main', '    windw: 5\n    route: main'),
    'y.yaml:10:5: accounts[0].windw: unknown key; did you mean "window"?',
  ],
  [
    'an unknown key at the top',
    () => `xyzzy: 1\n${BASE}`,
    /^y\.yaml:1:1: xyzzy: unknown key; known here: demo, node, log, /,
  ],
  [
    'a key of the other protocol',
    () => changed('    spId:', '    addressRange: ""\n    spId:'),
    /^y\.yaml:17:5: carriers\[0\]\.addressRange: unknown key; known here: name, .*spId/,
  ],
  [
    'a list for text',
    () => changed('host: 127.0.0.1', 'host: [a]'),
    'y.yaml:14:11: carriers[0].host: expected text, got a list',
  ],
  [
    'an unquoted number for text',
    () => changed('spId: "900001"', 'spId: 900001'),
    'y.yaml:17:11: carriers[0].spId: expected text: put it in quotes',
  ],
  [
    'an unquoted prefix',
    () => changed('destination: "86"', 'destination: 0086'),
    'y.yaml:28:22: routes[0].rules[0].destination: expected text: put it in quotes',
  ],
  [
    'an unquoted +86',
    () => changed('    spId:', '    numbers: +86\n    spId:'),
    'y.yaml:17:14: carriers[0].numbers: expected one of given, plain, 86, +86, 0086, got 86 (put it in quotes)',
  ],
  [
    'text for a number',
    () => changed('port: 7890', 'port: cmpp'),
    'y.yaml:15:11: carriers[0].port: expected a number, got text',
  ],
  [
    'half a bind',
    () => changed('    spId:', '    binds: 1.5\n    spId:'),
    'y.yaml:17:12: carriers[0].binds: expected a whole number, got 1.5',
  ],
  [
    'window 0',
    () => changed('    route: main', '    window: 0\n    route: main'),
    'y.yaml:10:13: accounts[0].window: expected at least 1, got 0',
  ],
  [
    'a port out of range',
    () => changed('port: 7890', 'port: 70000'),
    'y.yaml:15:11: carriers[0].port: expected at most 65535, got 70000',
  ],
  [
    'a bad duration',
    () => changed('    route: main', '    validity: 2 days\n    route: main'),
    'y.yaml:10:15: accounts[0].validity: expected a duration above 0, such as 500ms, 30s, 5m, 72h or 3d, got "2 days"',
  ],
  [
    'a timeout of 0',
    () => changed('    spId:', '    responseTimeout: 0s\n    spId:'),
    /^y\.yaml:17:22: carriers\[0\]\.responseTimeout: expected a duration above 0/,
  ],
  [
    'a bad size',
    () => `store: { maxOctets: 64 gigs }\n${BASE}`,
    /^y\.yaml:1:21: store\.maxOctets: expected a size such as .*, got "64 gigs"$/,
  ],
  [
    'a bad address',
    () => changed('listen: 127.0.0.1:2775', 'listen: 2775'),
    /^y\.yaml:5:13: listeners\[0\]\.listen: expected host:port/,
  ],
  [
    'a bad CIDR',
    () => changed('    route: main', '    allowedIps: [10.0.0.0/33]\n    route: main'),
    /^y\.yaml:10:18: accounts\[0\]\.allowedIps\[0\]: expected an address or CIDR/,
  ],
  [
    'a star in the middle',
    () => changed('    route: main', '    allowedSources: ["10*69"]\n    route: main'),
    /^y\.yaml:10:22: accounts\[0\]\.allowedSources\[0\]: .*"\*" at most at its end$/,
  ],
  [
    'a + in a destination',
    () => changed('destination: "86"', 'destination: "+86"'),
    /destination: expected digits only, without \+ or 00$/,
  ],
  [
    'an unknown TLV',
    () => changed('    route: main', '    tlvs: [user_mesage_reference]\n    route: main'),
    /^y\.yaml:10:12: accounts\[0\]\.tlvs\[0\]: expected the name of an SMPP parameter/,
  ],
  [
    'a choice that is none',
    () => changed('protocol: cmpp', 'protocol: sgp'),
    /^y\.yaml:13:15: carriers\[0\]\.protocol: expected one of cmpp, sgip, smgp, smpp/,
  ],
  [
    'an SGIP carrier without a node number, and without what to make one of',
    () => changed(CMPP_CARRIER, SGIP_CARRIER),
    /^y\.yaml:\d+:\d+: carriers\[0\]: expected `nodeId`, or `areaCode` to make it of$/,
  ],
  [
    'an SGIP platform that is to be called back, and nothing says where',
    () => changed('    systemId: acme', '    protocol: sgip\n    systemId: acme'),
    'y.yaml:7:5: accounts[0].sgip: reports and MO are brought to the platform: expected `callback`, or `reports: same`',
    'y.yaml:8:15: accounts[0].protocol: no listener speaks sgip',
  ],
  [
    'an SGIP gateway that is to bring reports where nothing listens for it',
    () =>
      changed(
        CMPP_CARRIER,
        `${SGIP_CARRIER}\n    areaCode: "010"\n    deliver: { systemId: smg, password: { demo: x } }`,
      ),
    /^y\.yaml:\d+:\d+: carriers\[0\]\.deliver: no listener speaks sgip$/,
  ],
  [
    'sar on CMPP',
    () => changed('    spId:', '    longMessage: sar\n    spId:'),
    'y.yaml:17:18: carriers[0].longMessage: expected one of udh8, udh16, got "sar"',
  ],
  [
    'a version that is none',
    () => changed('version: 2.0', 'version: 2.5'),
    'y.yaml:16:14: carriers[0].version: expected one of 2.0, 2.1, 3.0, got "2.5"',
  ],
  [
    'a missing key',
    () => changed('    systemId: acme\n', ''),
    'y.yaml:7:5: accounts[0].systemId: missing: expected text',
  ],
  [
    'a missing password',
    () => changed('    password: { demo: secret }\n', ''),
    /^y\.yaml:7:5: accounts\[0\]\.password: missing: expected one of \{ scrypt/,
  ],
  [
    'two accounts of one name',
    () => changed('carriers:', '  - { name: acme, systemId: other, password: { demo: x }, route: main }\ncarriers:'),
    'y.yaml:11:13: accounts[1].name: the account name "acme" is already used by accounts[0].name',
  ],
  [
    'two accounts of one systemId',
    () => changed('carriers:', '  - { name: other, systemId: acme, password: { demo: x }, route: main }\ncarriers:'),
    /accounts\[1\]\.systemId: the systemId "acme" is already used by accounts\[0\]\.systemId$/,
  ],
  [
    'a CMPP account whose password is known by a hash only',
    () => cmppAccount(`password: { scrypt: "${HASH}" }`),
    /^y\.yaml:10:25: accounts\[0\]\.password\.scrypt: CMPP platforms prove their password by a digest, .* use \{ env: NAME \} or \{ file: path \}$/,
  ],
  [
    'a CMPP account whose variable holds a hash',
    () => cmppAccount('password: { env: HASH_HERE }'),
    /^y\.yaml:10:22: accounts\[0\]\.password\.env: holds a hash; CMPP platforms prove .*, with the password in it$/,
  ],
  [
    'a login name longer than Source_Addr',
    () => cmppAccount('password: { demo: secret }').replace('systemId: acme', 'systemId: "9000010"'),
    'y.yaml:9:15: accounts[0].systemId: a login name of CMPP has at most 6 octets',
  ],
  [
    'an account whose protocol no listener speaks',
    () => changed('    systemId: acme', '    protocol: cmpp\n    systemId: acme'),
    'y.yaml:8:15: accounts[0].protocol: no listener speaks cmpp',
  ],
  [
    'an account of a protocol that there is not',
    () => changed('    systemId: acme', '    protocol: xmpp\n    systemId: acme'),
    /^y\.yaml:8:15: accounts\[0\]\.protocol: expected one of smpp, cmpp/,
  ],
  [
    'a node code beyond 16 bits',
    () => `node: { code: 65536 }\n${BASE}`,
    /^y\.yaml:1:15: node\.code: expected at most 65535/,
  ],
  [
    'two carriers of one name',
    () => changed('name: intl\n', 'name: mobile\n'),
    /^y\.yaml:19:11: carriers\[1\]\.name: the carrier name "mobile" is already used/,
    /there is no carrier "intl"/,
    /there is no carrier "intl"/,
  ],
  [
    'one called number for two accounts',
    () => changed('    route: main', '    mo: ["1069", "1069"]\n    route: main'),
    /^y\.yaml:10:18: accounts\[0\]\.mo\[1\]: .* "1069" is already used by accounts\[0\]\.mo\[0\]$/,
  ],
  [
    'a route that is not there',
    () => changed('route: main', 'route: mian'),
    'y.yaml:10:12: accounts[0].route: there is no route "mian" (known: main)',
  ],
  [
    'a carrier that is not there',
    () => changed('{ name: mobile, weight: 3 }', '{ name: mobil }'),
    'y.yaml:30:32: routes[0].rules[0].steps[0].carriers[0].name: there is no carrier "mobil" (known: mobile, intl)',
  ],
  [
    'an account for MO that is not there',
    () => changed('    spId:', '    mo: { account: nobody }\n    spId:'),
    'y.yaml:17:20: carriers[0].mo.account: there is no account "nobody" (known: acme)',
  ],
  ['a weight of 0', () => changed('weight: 3', 'weight: 0'), /^y\.yaml:30:48: .*weight: expected a weight above 0$/],
  [
    'a carrier twice in a step',
    () => changed('{ name: mobile, weight: 3 }', '{ name: intl }'),
    /carriers\[1\]\.name: in this step the carrier "intl" is already used/,
  ],
  [
    'empty steps',
    () => changed('steps: [{ carriers: [{ name: intl }] }]', 'steps: []'),
    'y.yaml:31:16: routes[0].rules[1].steps: expected at least one step',
  ],
  [
    'a step of no carrier',
    () => changed('carriers: [{ name: intl }] }', 'carriers: [] }'),
    /steps\[0\]\.carriers: expected at least one carrier$/,
  ],
  [
    'a rule that cannot be reached',
    () => changed('      - steps: [', '      - destination: "86"\n        steps: ['),
    /rules\[1\]: the pair of destination and source "86, \*" is already used by routes\[0\]\.rules\[0\]$/,
  ],
  [
    'two listeners on one address',
    () => changed('accounts:', '  - { name: b, protocol: smpp, listen: 127.0.0.1:2775 }\naccounts:'),
    'y.yaml:6:40: listeners[1].listen: 127.0.0.1:2775 is already taken by listeners[0].listen (127.0.0.1:2775)',
  ],
  [
    'a listener on the admin address',
    () => changed('127.0.0.1:2775', '127.0.0.1:9464'),
    /listeners\[0\]\.listen: 127\.0\.0\.1:9464 is already taken by admin\.listen/,
  ],
  [
    'a demo that listens to the world',
    () => changed('127.0.0.1:2775', '0.0.0.0:2775'),
    /^y\.yaml:5:13: listeners\[0\]\.listen: with `demo: true` everything must listen on loopback/,
  ],
  [
    'a code in two classes',
    () => changed('    spId:', '    codes: { retry: [8] }\n    spId:'),
    /codes\.retry\[0\]: the code "8" is already used by carriers\[0\]\.codes\.throttled\[0\]$/,
  ],
  [
    'a LinkID in CMPP 2.0',
    () => changed('    spId:', '    linkId: abc\n    spId:'),
    /linkId: CMPP 2\.0 has no LinkID$/,
  ],
  [
    'TLVs to a peer of 3.3',
    () => changed('    systemId: yima', '    systemId: yima\n    interfaceVersion: 0x33\n    longMessage: sar'),
    /longMessage: sar needs TLVs/,
  ],
  [
    'a backoff that shrinks',
    () => changed('    spId:', '    retry: { from: 2m }\n    spId:'),
    /retry\.to: expected no less than `from`$/,
  ],
  [
    'a file that is not there',
    () => changed('    spId:', '    tls: { ca: /nowhere/ca.pem }\n    spId:'),
    /tls\.ca: cannot read \/nowhere\/ca\.pem: ENOENT$/,
  ],
  [
    'a hash of 2 GiB',
    () =>
      changed(
        '{ demo: secret }',
        `{ scrypt: "scrypt$16777216$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAA==" }`,
      ),
    /password\.scrypt: expected a hash/,
  ],
  [
    'a hash that is none',
    () => changed('{ demo: secret }', '{ scrypt: hunter2 }'),
    /password\.scrypt: expected scrypt\$N/,
  ],
  [
    'a key twice',
    () => changed('    route: main', '    route: main\n    route: main'),
    /^y\.yaml:11:5: Map keys must be unique$/,
  ],
  ['no YAML', () => 'a: [1, 2\nb: }', /^y\.yaml:2:/],
  ['an unknown alias', () => changed('demo: true', 'demo: *nothing'), /^y\.yaml:1:/],
  ['two documents', () => `a: 1\n---\nb: 1`, 'y.yaml:2:1: expected one document, but a second begins here'],
  ['a list at the top', () => '- a', 'y.yaml:1:1: expected a section (keys and values), got a list'],
];

describe('a wrong configuration', () => {
  test.each(WRONG)('%s', (_what, text, ...expected) => {
    const found = problems(text(), { HASH_HERE: HASH });
    for (const [i, problem] of expected.entries()) {
      if (typeof problem === 'string') expect(found[i]).toBe(problem);
      else expect(found[i]).toMatch(problem);
    }
    if (expected.every((problem) => typeof problem === 'string')) expect(found).toHaveLength(expected.length);
  });

  test('one login name may be of two protocols', () => {
    const text = cmppAccount('password: { demo: secret }').replace(
      'accounts:',
      '  - { name: smpp2, protocol: smpp, listen: 127.0.0.1:2777 }\naccounts:\n  - { name: b, systemId: acme, password: { demo: x }, route: main }',
    );
    expect(good(text).accounts.map((a) => [a.systemId, a.protocol])).toEqual([
      ['acme', 'smpp'],
      ['acme', 'cmpp'],
    ]);
  });

  test('an empty one names all that is missing', () => {
    expect(problems('')).toEqual([
      'y.yaml:1:1: listeners: expected at least one',
      'y.yaml:1:1: accounts: expected at least one',
      'y.yaml:1:1: carriers: expected at least one',
      'y.yaml:1:1: routes: expected at least one',
    ]);
  });

  test('all problems at once, in the order of the file', () => {
    const found = problems(
      changed('port: 7890', 'port: 0')
        .replace('protocol: smpp', 'protocol: smpp\n    misses: x')
        .replace('weight: 3', 'weight: -1'),
    );
    expect(found.map((line) => line.split(':')[1])).toEqual(['5', '16', '31']);
  });

  test('problems inside an alias point at what it stands for', () => {
    const text = changed(
      'steps:\n          - carriers: [{ name: mobile, weight: 3 }, { name: intl }]',
      'steps: &s\n          - carriers: [{ name: nobody }]',
    ).replace('- steps: [{ carriers: [{ name: intl }] }]', '- steps: *s');
    const found = problems(text);
    expect(found).toHaveLength(2);
    for (const line of found) expect(line).toMatch(/^y\.yaml:30:32: .*there is no carrier "nobody"/);
  });

  test('a file that cannot be read', () => {
    const missing = join(folder, 'none.yaml');
    expect(loadConfig(missing).problems?.map(formatProblem)).toEqual([
      `${missing}:1:1: cannot read the configuration: ENOENT`,
    ]);
    expect(loadConfig(folder).problems?.[0]?.message).toBe('cannot read the configuration: EISDIR');
  });

  test('aliases that multiply are refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) {
      const before = String.fromCharCode(96 + i);
      const name = String.fromCharCode(97 + i);
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
    }
    expect(problems(bomb.join('\n'))[0]).toMatch(/^y\.yaml:1:1: .*alias/i);
  });

  test('whatever the file holds, problems and no exception', () => {
    const base = parseDocument(BASE).toJS();
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      paths.push(path);
      if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, [...path, i]);
      else if (value !== null && typeof value === 'object')
        for (const [k, v] of Object.entries(value)) walk(v, [...path, k]);
    };
    walk(base, []);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const doc = parseDocument(BASE);
        if (path.length === 0) doc.contents = doc.createNode(value) as typeof doc.contents;
        else doc.setIn(path, value);
        const loaded = parseConfig(String(doc), 'y.yaml', {});
        if (loaded.config !== undefined) return;
        expect(loaded.problems.length).toBeGreaterThan(0);
        for (const { line, column, message } of loaded.problems) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
          expect(message).not.toMatch(/undefined|\[object|Invalid input|Too (small|big)/);
        }
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        const loaded = parseConfig(text, 'y.yaml', {});
        expect(loaded.problems?.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('secrets', () => {
  test('in clear only in the demo', () => {
    const found = problems(changed('demo: true\n', ''));
    expect(found).toHaveLength(3);
    expect(found[0]).toBe(
      'y.yaml:8:23: accounts[0].password.demo: a password in clear needs `demo: true`; use { env: NAME } or { file: path } (accounts also { scrypt: "…" })',
    );
  });

  test('simulators only in the demo', () => {
    const text = `${BASE.replaceAll('{ demo: secret }', '{ env: S }').replace('demo: true\n', '')}simulators: [{ name: a, protocol: cmpp, listen: 127.0.0.1:1 }]\n`;
    expect(problems(text, { S: 'x' })).toEqual(['y.yaml:31:13: simulators: simulators need `demo: true`']);
  });

  test('a missing variable or file is a problem that names it', () => {
    const env = changed('{ demo: secret }', '{ env: ACME_PW }');
    expect(problems(env)).toEqual(['y.yaml:9:22: accounts[0].password.env: environment variable ACME_PW is not set']);
    expect(problems(env, { ACME_PW: '' })[0]).toMatch(/environment variable ACME_PW is empty$/);
    expect(problems(env, { ACME_PW: 'x' })).toEqual([]);
    expect(problems(changed('{ demo: secret }', '{ file: /nowhere/pw }'))).toEqual([
      'y.yaml:9:23: accounts[0].password.file: cannot read the secret file /nowhere/pw: ENOENT',
    ]);
    expect(problems(changed('{ demo: secret }', `{ file: ${written('empty', '\n')} }`))[0]).toMatch(/is empty$/);
  });

  test('no problem repeats a secret', () => {
    for (const wrong of [
      'hunter2',
      '{ demo: [hunter2] }',
      '{ scrypt: hunter2 }',
      '{ plain: hunter2 }',
      '[hunter2]',
      '{ env: "hunter2!" }',
      '{ demo: hunter2, env: X }',
    ]) {
      for (const from of ['password: { demo: secret }', 'sharedSecret: { demo: secret }']) {
        const found = problems(changed(from, `${from.split(':')[0]}: ${wrong}`));
        expect(found.length, wrong).toBeGreaterThan(0);
        expect(found.join('\n'), wrong).not.toContain('hunter2');
      }
    }
  });

  test('resolve from a variable, a file (less one newline) or in clear', () => {
    expect(resolveSecret({ env: 'A' }, { A: ' x ' })).toBe(' x ');
    expect(resolveSecret({ file: written('pw', 'hush\r\n') })).toBe('hush');
    expect(resolveSecret({ demo: 'clear' })).toBe('clear');
    expect(() => resolveSecret({ env: 'A' }, {})).toThrow('environment variable A is not set');
  });

  test('a hash is scrypt as node makes it, with a salt of its own', () => {
    const parsed = parseHash(HASH)!;
    expect(parsed.hash).toEqual(scryptSync('secret', parsed.salt, 32, { N: 16384, r: 8, p: 1 }));
    expect(hashPassword('secret')).not.toBe(HASH);
  });

  // RFC 7914 section 12, third vector.
  const RFC =
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
  test('verifies the published vector', async () => {
    const salt = Buffer.from('SodiumChloride').toString('base64');
    const text = `scrypt$16384$8$1$${salt}$${Buffer.from(RFC, 'hex').toString('base64')}`;
    expect(await verifyPassword({ scrypt: text }, 'pleaseletmein')).toBe(true);
    expect(await verifyPassword({ scrypt: text }, 'pleaseletmeim')).toBe(false);
  });

  const octets = (n: number) => Buffer.alloc(n, 7).toString('base64');
  test.each([
    ['N no power of 2', `scrypt$1000$8$1$${octets(16)}$${octets(32)}`],
    ['N of 1', `scrypt$1$8$1$${octets(16)}$${octets(32)}`],
    ['more memory than it may', `scrypt$1048576$8$1$${octets(16)}$${octets(32)}`],
    ['N too large for r', `scrypt$65536$1$1$${octets(16)}$${octets(32)}`],
    ['r of 0', `scrypt$1024$0$1$${octets(16)}$${octets(32)}`],
    ['a broken r', `scrypt$1024$1.5$1$${octets(16)}$${octets(32)}`],
    ['p of 99', `scrypt$1024$8$99$${octets(16)}$${octets(32)}`],
    ['no salt to speak of', `scrypt$1024$8$1$${octets(4)}$${octets(32)}`],
    ['a short hash', `scrypt$1024$8$1$${octets(16)}$${octets(8)}`],
    ['a part too many', `scrypt$1024$8$1$${octets(16)}$${octets(32)}$`],
  ])('refuses a hash with %s', (_what, text) => {
    expect(parseHash(text)).toBeUndefined();
    expect(verifyPassword({ scrypt: text }, text)).toBe(false);
  });

  test('remembers the last good password, and only that', async () => {
    const ref = { scrypt: hashPassword('right') };
    expect(verifyPassword(ref, 'right')).toBeInstanceOf(Promise);
    expect(await verifyPassword(ref, 'right')).toBe(true);
    expect(verifyPassword(ref, 'right')).toBe(true);
    expect(await verifyPassword(ref, 'wrong')).toBe(false);
    expect(verifyPassword(ref, 'wrong')).toBeInstanceOf(Promise);
    expect(verifyPassword({ scrypt: HASH }, 'right')).toBeInstanceOf(Promise);
  });

  test('a flood of wrong passwords does not grow a queue: beyond two hundred they are sent away', async () => {
    const ref = { scrypt: `scrypt$2$1$1$${octets(16)}$${octets(32)}` };
    // One after the other: with this one all that earlier tests began has ended.
    await verifyPassword(ref, 'first');
    const runs = Array.from({ length: 300 }, (_, n) => verifyPassword(ref, `wrong ${n}`));
    expect(runs.filter((run) => run === 'busy')).toHaveLength(100);
    expect(new Set(await Promise.all(runs.slice(0, 200)))).toEqual(new Set([false]));
    expect(await verifyPassword(ref, 'wrong again')).toBe(false);
  });

  test('ten binds at once cost one run', async () => {
    const ref = { scrypt: hashPassword('right') };
    const runs = Array.from({ length: 10 }, () => verifyPassword(ref, 'right'));
    expect(new Set(runs).size).toBe(1);
    expect(await runs[0]).toBe(true);
  });

  test('plain references answer at once; a hash may stand in the file', async () => {
    expect(verifyPassword({ demo: 'demo' }, 'demo')).toBe(true);
    expect(verifyPassword({ demo: 'demo' }, 'demo ')).toBe(false);
    expect(verifyPassword({ demo: 'demo' }, '')).toBe(false);
    const ref = { file: written('hash', `${HASH}\n`) };
    expect(await verifyPassword(ref, 'secret')).toBe(true);
    expect(await verifyPassword(ref, HASH)).toBe(false);
    expect(verifyPassword({ scrypt: 'scrypt$broken' }, 'scrypt$broken')).toBe(false);
    expect(() => verifyPassword({ file: '/nowhere/pw' }, 'x')).toThrow('cannot read the secret file /nowhere/pw');
  });
});

describe('diff', () => {
  const before = good(BASE);

  test('the same text: nothing', () => {
    const none = { added: [], removed: [], changed: [] };
    expect(diffConfig(before, good(`# a comment\n${BASE}`))).toEqual({
      listeners: none,
      accounts: none,
      carriers: none,
      routesChanged: false,
      priorityChanged: false,
      needsRestart: [],
    });
  });

  test('by name, whatever the order', () => {
    const after = good(
      BASE.replace('port: 2776', 'port: 2777')
        .replace('name: acme', 'name: other')
        .replace('  - name: main\n', '  - name: main\n    next: { throttled: true }\n'),
    );
    after.carriers.reverse();
    const diff = diffConfig(before, after);
    expect(diff.accounts).toEqual({ added: ['other'], removed: ['acme'], changed: [] });
    expect(diff.carriers).toEqual({ added: [], removed: [], changed: ['intl'] });
    expect(diff.routesChanged).toBe(true);
    expect(diff.needsRestart).toEqual([]);
  });

  test('what only counts from the next start on is named by key', () => {
    const after = good(
      `node: { data: /elsewhere }\nstore: { maxOctets: 1GiB, commitDelay: 0s }\nadmin: { listen: 127.0.0.1:1 }\nlog: { level: debug }\npriority: { share: 0.5 }\n${BASE}`,
    );
    const diff = diffConfig(before, after);
    expect(diff.needsRestart).toEqual([
      'node.data',
      'log.level',
      'store.maxOctets',
      'store.commitDelay',
      'admin.listen',
    ]);
    expect(diff.priorityChanged).toBe(true);
  });
});

test('the schema can be written as JSON Schema, so that editors may use it', () => {
  expect(z.toJSONSchema(configSchema, { io: 'input' }).type).toBe('object');
});
