import { Command, Option } from 'commander';
import pc from 'picocolors';
import { type Coding, encode } from '../../protocols/text/charset.ts';
import { systemClock } from '../base/clock.ts';
import type { AccountConfig } from '../config/schema.ts';
import { type Alternative, type Explanation, explain } from '../gateway/explain.ts';
import { type Draft, NO_OCTETS } from '../message/message.ts';
import { dataCodingOf } from '../message/smpp-coding.ts';
import { Complaint } from './complaint.ts';
import { collect, readConfig, wholeNumber } from './options.ts';
import { CARRIER_MAPPINGS, versionOf } from './protocols.ts';

interface Flags {
  readonly config: string;
  readonly account: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly coding?: Coding;
  readonly receipt: 'always' | 'failure' | 'success' | 'none';
  readonly priority: number;
  readonly down?: readonly string[];
  readonly json?: true;
}

const RECEIPTS = { none: 0, always: 1, failure: 2, success: 3 } as const;

export function explainCommand(): Command {
  return new Command('explain')
    .description('dry run of a message: checks, coding, segments, route with its alternatives; sends nothing')
    .option('--config <file>', 'configuration', 'config/yima.yaml')
    .requiredOption('--account <name>', 'account or its system_id')
    .option('--from <address>', 'source_addr', '10690000')
    .requiredOption('--to <number>', 'destination_addr')
    .requiredOption('--text <text>', 'the text')
    .addOption(
      new Option(
        '--coding <name>',
        "how the platform codes it (default: the account's default alphabet, else ucs2)",
      ).choices(['gsm7', 'ascii', 'latin1', 'ucs2']),
    )
    .addOption(
      new Option('--receipt <when>', 'receipts it asks for')
        .choices(['always', 'failure', 'success', 'none'])
        .default('always'),
    )
    .option('--priority <n>', 'priority_flag', wholeNumber, 0)
    .option('--down <carrier>', 'a carrier to take for down; several times for several', collect)
    .option('--json', 'as JSON')
    .action((flags: Flags) => {
      const config = readConfig(flags.config);
      const account = config.accounts.find((a) => a.name === flags.account || a.systemId === flags.account);
      const unknown = (flags.down ?? []).find((name) => !config.carriers.some((c) => c.name === name));
      if (unknown !== undefined) throw new Complaint(`--down: there is no carrier "${unknown}" in ${flags.config}`);
      const answer = explain(
        config,
        { account: flags.account, draft: draftOf(flags, account) },
        {
          clock: systemClock,
          carrierMappings: CARRIER_MAPPINGS,
          versionOf,
          down: flags.down ?? [],
        },
      );
      process.stdout.write(flags.json === true ? `${JSON.stringify(answer, undefined, 2)}\n` : formatted(answer));
      if (!answer.accepted) process.exitCode = 1;
    });
}

const NO_CODINGS = { dataCodings: {} };

function draftOf(flags: Flags, account: AccountConfig | undefined): Draft {
  const alphabet = account?.defaultAlphabet ?? 'gsm7';
  const own: Coding = alphabet === 'utf8' ? 'ucs2' : alphabet;
  const coding = flags.coding ?? (encode(flags.text, own) === undefined ? 'ucs2' : own);
  const octets = encode(flags.text, coding);
  if (octets === undefined) throw new Complaint(`--coding ${coding}: the text has characters that ${coding} has not`);
  return {
    source: flags.from,
    sourceTon: 0,
    sourceNpi: 0,
    destination: flags.to,
    destTon: 1,
    destNpi: 1,
    serviceType: '',
    esmClass: 0,
    protocolId: 0,
    priority: flags.priority,
    dataCoding: dataCodingOf(coding, alphabet, NO_CODINGS),
    coding,
    registered: RECEIPTS[flags.receipt],
    scheduledAt: 0,
    validUntil: 0,
    udh: NO_OCTETS,
    octets,
    tlvs: NO_OCTETS,
    platformRef: '',
    hops: '',
  };
}

function formatted(e: Explanation): string {
  const lines = [
    e.accepted ? pc.green('accepted') : pc.red('REFUSED'),
    ...e.checks.map((c) => `  ${c.ok ? pc.green('ok  ') : pc.red('FAIL')} ${c.check.padEnd(12)} ${c.why}`),
    `operator: ${e.operator === undefined ? 'unknown' : `${e.operator.name} (${e.operator.why})`}`,
    `lane: ${e.urgent ? 'priority' : 'normal'}, receipt: ${e.receipt}`,
    ...(e.route === undefined ? [] : [`route: ${e.route}, rule for ${ruleText(e.rule)}`]),
    ...e.alternatives.flatMap(alternative),
  ];
  return `${lines.join('\n')}\n`;
}

function ruleText(rule: Explanation['rule']): string {
  const { destination, operator } = rule ?? { destination: 'none', operator: '' };
  return `destination "${destination}"${operator === '' ? '' : `, operator ${operator}`}`;
}

function alternative(a: Alternative, k: number): string[] {
  const share =
    a.sharedWith.length === 0 ? '' : `, ${Math.round(a.share * 100)} % shared with ${a.sharedWith.join(', ')}`;
  const head = `${k + 1}. ${pc.bold(a.carrier)} (${a.protocol}), step ${a.step}${share}${a.waits ? ', waits until it is up' : ''}`;
  const passed = a.passed.map((p) => `   passed over ${p.carrier}: ${p.why}`);
  if (a.fault !== undefined) return [head, ...passed, `   ${pc.red('cannot be sent')}: ${a.fault}`];
  const octets = a.segments.map((s) => s.octets).join(' + ');
  return [
    head,
    ...passed,
    `   ${a.coding}, ${a.segments.length} segment${a.segments.length === 1 ? '' : 's'}, ${octets} octets`,
    ...a.segments.map(
      (s, i) => `   ${i + 1}/${a.segments.length} ${s.text === undefined ? '(octets)' : JSON.stringify(s.text)}`,
    ),
    `   ${a.submit?.command} with ${wishIn(a.submit?.fields ?? {})}`,
  ];
}

/** How each protocol calls the field that asks for a report. */
const WISHES = ['registered_delivery', 'report_flag', 'need_report'];

function wishIn(fields: Readonly<Record<string, unknown>>): string {
  const name = WISHES.find((wish) => fields[wish] !== undefined) ?? WISHES[0]!;
  return `${name} ${String(fields[name])}`;
}
