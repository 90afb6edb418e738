// What a schema of single keys cannot say: names that must be unique, references that must lead somewhere, keys that
// must go together, and what only a demo may do.
import { accessSync, constants } from 'node:fs';
import { numberingOf } from './numbering.ts';
import type {
  AccountConfig,
  Address,
  CarrierConfig,
  Config,
  PasswordRef,
  SecretRef,
  SimulatorConfig,
} from './schema.ts';
import { parseHash, resolveSecret, SecretFault } from './secret.ts';

/** Something wrong at a key of the configuration. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

type Report = (path: readonly PropertyKey[], message: string) => void;

const isLoopback = ({ host }: Address): boolean =>
  /^(localhost|127(\.\d+){3}|(::ffff:)?127(\.\d+){3}|::1)$/i.test(host);
const isWildcard = ({ host }: Address): boolean => host === '0.0.0.0' || host === '::';
const show = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** Reports every key but the first that says the same. */
function unique(entries: Iterable<readonly [string, readonly PropertyKey[]]>, what: string, report: Report): void {
  const first = new Map<string, readonly PropertyKey[]>();
  for (const [value, path] of entries) {
    const other = first.get(value);
    if (other === undefined) first.set(value, path);
    else report(path, `${what} "${value}" is already used by ${formatPath(other)}`);
  }
}

/** `accounts[0].receipts.keep` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text && '.'}${String(key)}`),
    '',
  );
}

function checkNames(config: Config, report: Report): void {
  const lists = {
    listeners: 'listener',
    accounts: 'account',
    carriers: 'carrier',
    routes: 'route',
    simulators: 'simulator',
  };
  for (const [list, what] of Object.entries(lists) as [keyof typeof lists, string][]) {
    unique(
      config[list].map(({ name }, i) => [name, [list, i, 'name']] as const),
      `the ${what} name`,
      report,
    );
  }
  // One login name may be of several protocols: they have listeners of their own.
  const accounts = config.accounts.map((account, i) => ({ ...account, at: ['accounts', i, 'systemId'] }));
  // Carriers that connect to us bind beside them.
  const dialIns = config.carriers.flatMap((c, i) =>
    c.protocol === 'sgip' && c.deliver !== undefined
      ? [[c.deliver.systemId, ['carriers', i, 'deliver', 'systemId']] as const]
      : [],
  );
  for (const protocol of new Set([...accounts.map((a) => a.protocol), ...(dialIns.length > 0 ? ['sgip'] : [])])) {
    unique(
      [
        ...accounts.filter((a) => a.protocol === protocol).map(({ systemId, at }) => [systemId, at] as const),
        ...(protocol === 'sgip' ? dialIns : []),
      ],
      'the systemId',
      report,
    );
  }
  unique(
    config.accounts.flatMap(({ mo }, i) => mo.map((prefix, k) => [prefix, ['accounts', i, 'mo', k]] as const)),
    'the called-number prefix',
    report,
  );
  unique(
    config.accounts.flatMap(({ extensions }, i) =>
      extensions.map((digits, k) => [digits, ['accounts', i, 'extensions', k]] as const),
    ),
    'the extension',
    report,
  );
}

function checkReferences(config: Config, report: Report): void {
  const names = (list: readonly { name: string }[]) => new Set(list.map(({ name }) => name));
  const known = { route: names(config.routes), account: names(config.accounts), carrier: names(config.carriers) };
  const refer = (kind: keyof typeof known, name: string, path: readonly PropertyKey[]): void => {
    if (known[kind].has(name)) return;
    const others = known[kind].size > 0 ? `known: ${[...known[kind]].join(', ')}` : `there are no ${kind}s`;
    report(path, `there is no ${kind} "${name}" (${others})`);
  };
  config.accounts.forEach(({ route }, i) => {
    refer('route', route, ['accounts', i, 'route']);
  });
  config.carriers.forEach(({ mo }, i) => {
    if (mo.account !== undefined) refer('account', mo.account, ['carriers', i, 'mo', 'account']);
  });
  config.routes.forEach(({ rules }, i) => {
    unique(
      rules.map(
        ({ destination, operator, source }, k) =>
          [
            `${destination},${operator === undefined ? '' : ` ${operator},`} ${source ?? '*'}`,
            ['routes', i, 'rules', k],
          ] as const,
      ),
      'the pair of destination and source',
      report,
    );
    rules.forEach(({ steps }, k) => {
      steps.forEach(({ carriers }, s) => {
        const at = (c: number) => ['routes', i, 'rules', k, 'steps', s, 'carriers', c, 'name'];
        carriers.forEach(({ name }, c) => {
          refer('carrier', name, at(c));
        });
        unique(
          carriers.map(({ name }, c) => [name, at(c)] as const),
          'in this step the carrier',
          report,
        );
      });
    });
  });
}

/** The files of `numbering`, where anything needs them, and the operators that rules name. */
function checkNumbering(config: Config, report: Report): void {
  const { prefixes, ported } = config.numbering;
  const named = config.routes.some(({ rules }) => rules.some(({ operator }) => operator !== undefined));
  if (!named && prefixes === undefined && ported === undefined) return;
  const { faults, operators } = numberingOf(config);
  for (const { path, message } of faults) report(path, message);
  config.routes.forEach(({ rules }, i) => {
    rules.forEach(({ operator }, k) => {
      if (operator === undefined || operators.has(operator)) return;
      const message = `there is no operator "${operator}" in the table of prefixes (known: ${[...operators].join(', ')})`;
      report(['routes', i, 'rules', k, 'operator'], message);
    });
  });
}

function checkAddresses(config: Config, report: Report): void {
  const sockets: { address: Address; path: readonly PropertyKey[] }[] = [
    { address: config.admin.listen, path: ['admin', 'listen'] },
    ...config.listeners.map(({ listen }, i) => ({ address: listen, path: ['listeners', i, 'listen'] })),
    ...config.simulators.map(({ listen }, i) => ({ address: listen, path: ['simulators', i, 'listen'] })),
  ];
  sockets.forEach(({ address, path }, i) => {
    const other = sockets
      .slice(0, i)
      .find(
        ({ address: { host, port }, address: earlier }) =>
          port !== 0 && port === address.port && (host === address.host || isWildcard(earlier) || isWildcard(address)),
      );
    if (other) report(path, `${show(address)} is already taken by ${formatPath(other.path)} (${show(other.address)})`);
    if (config.demo && !isLoopback(address)) {
      report(path, `with \`demo: true\` everything must listen on loopback, such as 127.0.0.1:${address.port}`);
    }
  });
  if (!config.demo && config.simulators.length > 0) report(['simulators'], 'simulators need `demo: true`');
}

function checkSecret(
  ref: PasswordRef,
  path: readonly PropertyKey[],
  demo: boolean,
  report: Report,
  env: NodeJS.ProcessEnv,
) {
  if ('scrypt' in ref) {
    if (parseHash(ref.scrypt) === undefined) {
      report(
        [...path, 'scrypt'],
        'expected a hash as `yima hash` prints it: its parameters, salt or hash are not usable',
      );
    }
    return;
  }
  if ('demo' in ref) {
    if (!demo) {
      report(
        [...path, 'demo'],
        'a password in clear needs `demo: true`; use { env: NAME } or { file: path } (accounts also { scrypt: "…" })',
      );
    }
    return;
  }
  try {
    resolveSecret(ref, env);
  } catch (error) {
    if (!(error instanceof SecretFault)) throw error;
    report([...path, 'env' in ref ? 'env' : 'file'], error.message);
  }
}

/** Widths of the login names, and whether a platform shows its password only by a digest of it. */
const LOGINS: Readonly<Record<AccountConfig['protocol'], { readonly name: number; readonly digest: boolean }>> = {
  smpp: { name: 15, digest: false },
  cmpp: { name: 6, digest: true },
  sgip: { name: 16, digest: false },
  smgp: { name: 8, digest: true },
};

function checkAccount(
  account: AccountConfig,
  at: readonly PropertyKey[],
  config: Config,
  report: Report,
  env: NodeJS.ProcessEnv,
): void {
  const { protocol, systemId, password } = account;
  const { name, digest } = LOGINS[protocol];
  if (protocol === 'sgip') checkSgip(account.sgip, [...at, 'sgip'], config.demo, report, env);
  const spoken = protocol.toUpperCase();
  if (systemId.length > name) report([...at, 'systemId'], `a login name of ${spoken} has at most ${name} octets`);
  // With no listener at all one complaint will do.
  if (config.listeners.length > 0 && !config.listeners.some((l) => l.protocol === protocol))
    report([...at, 'protocol'], `no listener speaks ${protocol}`);
  checkSecret(password, [...at, 'password'], config.demo, report, env);
  if (!digest) return;
  const needs = `${spoken} platforms prove their password by a digest, which needs the password itself: use { env: NAME } or { file: path }`;
  if ('scrypt' in password) report([...at, 'password', 'scrypt'], needs);
  else if (!('demo' in password) && isHash(password, env)) {
    report([...at, 'password', 'env' in password ? 'env' : 'file'], `holds a hash; ${needs}, with the password in it`);
  }
}

function checkSgip(
  { reports, callback }: AccountConfig['sgip'],
  at: readonly PropertyKey[],
  demo: boolean,
  report: Report,
  env: NodeJS.ProcessEnv,
): void {
  if (callback !== undefined) checkSecret(callback.password, [...at, 'callback', 'password'], demo, report, env);
  else if (reports === 'callback')
    report(at, 'reports and MO are brought to the platform: expected `callback`, or `reports: same`');
}

function isHash(ref: SecretRef, env: NodeJS.ProcessEnv): boolean {
  try {
    return parseHash(resolveSecret(ref, env)) !== undefined;
  } catch (error) {
    // Reported by `checkSecret`.
    if (error instanceof SecretFault) return false;
    throw error;
  }
}

function checkTlsFiles(
  tls: { cert?: string | undefined; key?: string | undefined; ca?: string | undefined },
  path: readonly PropertyKey[],
  report: Report,
) {
  for (const key of ['cert', 'key', 'ca'] as const) {
    const file = tls[key];
    if (file === undefined) continue;
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      report([...path, key], `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
}

function checkCarrier(carrier: CarrierConfig, at: readonly PropertyKey[], config: Config, report: Report): void {
  const { codes, reconnect, retry, tls } = carrier;
  unique(
    (['throttled', 'retry', 'next', 'permanent'] as const).flatMap((kind) =>
      codes[kind].map((code, i) => [String(code), [...at, 'codes', kind, i]] as const),
    ),
    'the code',
    report,
  );
  unique(
    carrier.coding.map((coding, i) => [coding, [...at, 'coding', i]] as const),
    'the coding',
    report,
  );
  if (reconnect.from > reconnect.to) report([...at, 'reconnect', 'to'], 'expected no less than `from`');
  if (retry.from > retry.to) report([...at, 'retry', 'to'], 'expected no less than `from`');
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined)) {
    report([...at, 'tls'], '`cert` and `key` go together');
  }
  if (carrier.longMessage === 'payload' && (carrier.reserve.head > 0 || carrier.reserve.tail > 0)) {
    report([...at, 'reserve'], 'with longMessage payload the carrier cuts the text, and leaves room for its own');
  }
  const prefix =
    carrier.protocol === 'cmpp'
      ? carrier.srcId.prefix
      : carrier.protocol === 'sgip'
        ? carrier.spNumber.prefix
        : carrier.protocol === 'smgp'
          ? carrier.srcTermId.prefix
          : '';
  if (prefix !== '' && carrier.accessCode !== '' && prefix !== carrier.accessCode) {
    report(
      [...at, 'accessCode'],
      `expected ${prefix}, which is put before source addresses here, or only one of the two`,
    );
  }
  if (carrier.protocol === 'cmpp') {
    if (carrier.linkId !== '' && carrier.version !== '3.0')
      report([...at, 'linkId'], `CMPP ${carrier.version} has no LinkID`);
  } else if (carrier.protocol === 'sgip') {
    if (carrier.nodeId === undefined && carrier.areaCode === undefined)
      report(at, 'expected `nodeId`, or `areaCode` to make it of');
    if (
      carrier.deliver !== undefined &&
      config.listeners.length > 0 &&
      !config.listeners.some((l) => l.protocol === 'sgip')
    )
      report([...at, 'deliver'], 'no listener speaks sgip');
  } else if (carrier.protocol === 'smpp' && carrier.interfaceVersion < 0x34) {
    // SMPP 3.4 §3.4: a peer of an earlier version must be sent no optional parameter.
    if (carrier.tlvs.length > 0) report([...at, 'tlvs'], 'TLVs need interfaceVersion 0x34 or above');
    if (carrier.longMessage === 'sar' || carrier.longMessage === 'payload') {
      report([...at, 'longMessage'], `${carrier.longMessage} needs TLVs, and these interfaceVersion 0x34 or above`);
    }
  }
}

/** All that is wrong between the keys of a configuration, in no order. Reads files and variables it refers to. */
export function checkConfig(config: Config, env: NodeJS.ProcessEnv = process.env): Fault[] {
  const faults: Fault[] = [];
  const report: Report = (path, message) => faults.push({ path, message });
  for (const list of ['listeners', 'accounts', 'carriers', 'routes'] as const) {
    if (config[list].length === 0) report([list], 'expected at least one');
  }
  checkNames(config, report);
  checkReferences(config, report);
  checkNumbering(config, report);
  checkAddresses(config, report);
  config.listeners.forEach(({ tls }, i) => {
    if (tls === undefined) return;
    checkTlsFiles(tls, ['listeners', i, 'tls'], report);
    if (tls.clientCertificate === 'require' && tls.ca === undefined) {
      report(['listeners', i, 'tls', 'clientCertificate'], 'requiring a client certificate needs `ca`');
    }
  });
  config.accounts.forEach((account, i) => {
    checkAccount(account, ['accounts', i], config, report, env);
  });
  config.carriers.forEach((carrier, i) => {
    const at = ['carriers', i];
    checkCarrier(carrier, at, config, report);
    if (carrier.tls !== undefined) checkTlsFiles(carrier.tls, [...at, 'tls'], report);
    if ('sharedSecret' in carrier) checkSecret(carrier.sharedSecret, [...at, 'sharedSecret'], config.demo, report, env);
    else checkSecret(carrier.password, [...at, 'password'], config.demo, report, env);
    if (carrier.protocol === 'sgip' && carrier.deliver !== undefined)
      checkSecret(carrier.deliver.password, [...at, 'deliver', 'password'], config.demo, report, env);
  });
  config.simulators.forEach(({ protocol, version }, i) => {
    if (version !== undefined && !SIMULATED[protocol].includes(version)) {
      report(['simulators', i, 'version'], `there is no ${protocol.toUpperCase()} ${version}`);
    }
  });
  return faults;
}

/** Versions of the simulated carriers. */
const SIMULATED: Readonly<Record<SimulatorConfig['protocol'], readonly string[]>> = {
  cmpp: ['2.0', '2.1', '3.0'],
  smpp: ['3.3', '3.4', '5.0'],
  sgip: ['1.2'],
  smgp: ['1.3', '3.0'],
};
