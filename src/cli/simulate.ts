import { Argument, Command } from 'commander';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import { type CarrierProtocol, startCarrier } from '../../simulators/carrier.ts';
import type { Delay } from '../../simulators/scenario/distribution.ts';
import { findScenario } from '../../simulators/scenario/library.ts';
import type { Scenario } from '../../simulators/scenario/schema.ts';
import { every } from '../base/timers.ts';
import type { Address } from '../config/schema.ts';
import { Complaint } from './complaint.ts';
import { address, collect, delay, json, wholeNumber } from './options.ts';

interface Flags {
  readonly version?: string;
  readonly host: string;
  readonly port: number;
  readonly account?: readonly string[];
  readonly callback?: Address;
  readonly responseDelay?: Delay;
  readonly reportDelay?: Delay;
  readonly throttle?: number;
  readonly scenario?: string;
  readonly seed?: number;
  readonly log?: string;
  readonly behaviour?: BehaviourChange;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run a simulated carrier: accepts, reports, and misbehaves as told')
    .addArgument(new Argument('<protocol>', 'what it speaks').choices(['cmpp', 'smpp', 'sgip', 'smgp']))
    .option(
      '--version <v>',
      'highest version spoken: cmpp 2.0 (default), 2.1, 3.0; smpp 3.4 (default), 3.3, 5.0; sgip 1.2; smgp 3.0 (default), 1.3',
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes a free one', wholeNumber, 0)
    .option('--account <name:secret>', 'who may log in; several times for several (default: yima:demo)', collect)
    .option('--callback <host:port>', 'sgip: where the accounts listen for reports and MO', address)
    .option('--response-delay <ms>', 'before an answer: 20, or 5-50', delay)
    .option('--report-delay <ms>', 'from the answer to the report: 1000, or 500-3000', delay)
    .option('--throttle <n>', 'most submits of an account in a second', wholeNumber)
    .option('--scenario <name>', 'of the library (yima scenarios lists it), or a file')
    .option('--seed <n>', 'of all that is drawn; default: the scenario’s, or 1', wholeNumber)
    .option('--log <file>', 'what happens, a line of JSON each')
    .option('--behaviour <json>', 'any rules as JSON, or @file (simulators/behaviour.ts has them all)', json)
    .action(simulate);
}

async function simulate(protocol: CarrierProtocol, flags: Flags): Promise<void> {
  const accounts = (flags.account ?? ['yima:demo']).map((pair) => {
    const at = pair.indexOf(':');
    if (at < 1) throw new Complaint(`--account ${pair}: give name:secret`);
    const { callback } = flags;
    return { name: pair.slice(0, at), secret: pair.slice(at + 1), ...(callback !== undefined && { callback }) };
  });
  const behaviour: BehaviourChange = {
    ...(flags.responseDelay === undefined ? {} : { responseDelay: flags.responseDelay }),
    ...(flags.reportDelay === undefined ? {} : { reportDelay: flags.reportDelay }),
    ...(flags.throttle === undefined ? {} : { throttle: { perSecond: flags.throttle } }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...flags.behaviour,
  };
  const { host, port, version, scenario: name } = flags;
  const scenario = name === undefined ? undefined : scenarioNamed(name);
  const carrier = await startCarrier({
    protocol,
    host,
    port,
    accounts,
    behaviour,
    ...(version === undefined ? {} : { version }),
    ...(scenario === undefined ? {} : { scenario }),
    ...(flags.log === undefined ? {} : { log: flags.log }),
  }).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'the port is taken' : (error as Error).message;
    throw new Complaint(`cannot simulate ${protocol} on ${host}:${port}: ${why}`);
  });
  // Before it is said that it runs: whoever reads that may stop it at once.
  const told = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const names = accounts.map((a) => a.name).join(', ');
  process.stdout.write(`${protocol} carrier on ${host}:${carrier.port}, accounts ${names}; stop it with Ctrl-C\n`);
  let before = 0;
  const counting = every(1000, () => {
    const { submits, refused, reports } = carrier.books.counts;
    if (submits === before) return;
    process.stdout.write(
      `${submits} submits (${submits - before} this second), ${refused} refused, ${reports} reports\n`,
    );
    before = submits;
  });
  await told;
  counting.stop();
  await carrier.stop();
}

function scenarioNamed(name: string): Scenario {
  try {
    return findScenario(name);
  } catch (error) {
    throw new Complaint((error as Error).message);
  }
}
