import { writeFileSync } from 'node:fs';
import { Argument, Command } from 'commander';
import pc from 'picocolors';
import type { Check, Finding } from '../../simulators/conform/check.ts';
import { startJudge } from '../../simulators/conform/judge/judge.ts';
import { junitOf } from '../../simulators/conform/junit.ts';
import { CONFORMANCE, type Conformance, PROTOCOLS, type Protocol } from '../../simulators/conform/protocols.ts';
import { runChecks } from '../../simulators/conform/run.ts';
import type { Account } from '../../simulators/conform/tongue.ts';
import type { Address } from '../config/schema.ts';
import { Complaint } from './complaint.ts';
import { address, collect, duration, portNumber, wholeNumber } from './options.ts';

interface Flags {
  readonly target?: Address;
  readonly account?: string;
  readonly version?: string;
  readonly to: string;
  readonly from: string;
  readonly within: number;
  readonly reports: number;
  readonly listen?: number;
  readonly for: number;
  readonly window?: number;
  readonly only?: readonly string[];
  readonly junit?: string;
  readonly json?: true;
  readonly list?: true;
}

export function conformCommand(): Command {
  return new Command('conform')
    .description('check a server of a protocol, or with --listen a client, against its specification')
    .addArgument(new Argument('<protocol>', 'what it speaks').choices([...PROTOCOLS]))
    .option('--target <host:port>', 'the server to check', address)
    .option('--account <name:secret>', 'an account that may log in there')
    .option(
      '--version <v>',
      'version to speak: smpp 3.4 (default), 3.3, 5.0; cmpp 2.0 (default), 2.1, 3.0; smgp 3.0 (default), 1.3',
    )
    .option('--to <number>', 'number that messages go to; they may really be sent', '8613800000001')
    .option('--from <number>', 'sender of the messages', '10690000')
    .option('--within <time>', 'how long an answer may take', duration, 5000)
    .option('--reports <time>', 'how long a status report may take', duration, 20_000)
    .option(
      '--listen <port>',
      'without --target: be a carrier there, and judge the client that comes; sgip with --target: where the server dials us with reports',
      portNumber,
    )
    .option('--for <time>', 'with --listen: how long to judge at most', duration, 60_000)
    .option('--window <n>', 'with --listen: most open submits (default: cmpp and smgp 16, sgip 32)', wholeNumber)
    .option(
      '--only <name>',
      'only this check, or those whose name begins so with a * behind; several times for several',
      collect,
    )
    .option('--list', 'say what is checked, and where it is written')
    .option('--junit <file>', 'write the findings for a CI')
    .option('--json', 'print a line of JSON for each check')
    .addHelpText('after', '\nExits with 1 where a check fails.')
    .action(conform);
}

async function conform(protocol: Protocol, flags: Flags): Promise<void> {
  const all = CONFORMANCE[protocol];
  const checks = all.checks.filter(
    ({ name }) => flags.only === undefined || flags.only.some((one) => named(one, name)),
  );
  if (checks.length === 0) throw new Complaint(`--only ${flags.only?.join(', ')}: no such check; --list names them`);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  if (flags.list === true) {
    for (const { name, section, expects } of checks) {
      print(flags.json === true ? JSON.stringify({ name, section, expects }) : `${name}  (${section})\n    ${expects}`);
    }
    return;
  }
  const onFinding = (finding: Finding): void =>
    print(flags.json === true ? JSON.stringify(finding) : described(finding));
  const findings =
    flags.target === undefined && flags.listen !== undefined
      ? await judgeClient(protocol, flags, flags.listen, onFinding)
      : await checkServer(protocol, checks, flags, onFinding);
  const count = (outcome: string): number => findings.filter((f) => f.outcome === outcome).length;
  if (flags.json !== true) print(`${count('pass')} passed, ${count('fail')} failed, ${count('n/a')} not applicable`);
  if (flags.junit !== undefined) {
    try {
      writeFileSync(flags.junit, junitOf(`yima conform ${protocol}`, findings));
    } catch (error) {
      throw new Complaint(`cannot write ${flags.junit}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  if (count('fail') > 0) process.exitCode = 1;
}

async function checkServer(
  protocol: Protocol,
  checks: readonly Check[],
  flags: Flags,
  onFinding: (finding: Finding) => void,
): Promise<readonly Finding[]> {
  const { target } = flags;
  if (target === undefined) {
    throw new Complaint('--target host:port is missing: which server to check (or --listen port, to judge a client)');
  }
  const all = CONFORMANCE[protocol];
  return runChecks(
    checks,
    {
      ...target,
      account: accountOf(flags.account),
      to: flags.to,
      from: flags.from,
      within: flags.within,
      reportWithin: flags.reports,
      tongue: all.tongue,
      version: versionOf(all, flags.version),
      ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    },
    onFinding,
  );
}

async function judgeClient(
  protocol: Protocol,
  flags: Flags,
  port: number,
  onFinding: (finding: Finding) => void,
): Promise<readonly Finding[]> {
  const all = CONFORMANCE[protocol];
  const judge = await startJudge({
    port,
    account: accountOf(flags.account),
    voice: all.voice,
    version: versionOf(all, flags.version),
    forMs: flags.for,
    within: flags.within,
    ...(flags.window === undefined ? {} : { window: flags.window }),
  }).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'the port is taken' : (error as Error).message;
    throw new Complaint(`cannot listen on 127.0.0.1:${port}: ${why}`);
  });
  process.stderr.write(`${protocol} carrier on 127.0.0.1:${judge.port} waits for a client that keeps submitting\n`);
  const findings = await judge.findings;
  if (findings.every((f) => f.outcome === 'n/a')) throw new Complaint('no client came in time: nothing was judged');
  for (const finding of findings) onFinding(finding);
  return findings;
}

const named = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

function accountOf(pair: string | undefined): Account {
  if (pair === undefined) throw new Complaint('--account name:secret is missing: as whom to log in');
  const at = pair.indexOf(':');
  if (at < 1) throw new Complaint(`--account ${pair}: give name:secret`);
  return { name: pair.slice(0, at), secret: pair.slice(at + 1) };
}

function versionOf({ versions }: Conformance, name: string | undefined): number {
  const version = name === undefined ? Object.values(versions)[0] : versions[name];
  if (version === undefined) throw new Complaint(`--version ${name}: give one of ${Object.keys(versions).join(', ')}`);
  return version;
}

const MARKS = { pass: pc.green('pass'), fail: pc.red('FAIL'), 'n/a': pc.dim('n/a ') } as const;

function described({ name, section, outcome, expected, came, exchange }: Finding): string {
  const head = `${MARKS[outcome]}  ${name}  (${section})`;
  if (outcome === 'pass') return head;
  if (outcome === 'n/a') return `${head}\n      ${came}`;
  return [
    head,
    `      expected: ${expected}`,
    `      came:     ${came}`,
    ...exchange.map((line) => `      ${line}`),
  ].join('\n');
}
