import { Argument, Command, InvalidArgumentError } from 'commander';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import type { CarrierProtocol } from '../../simulators/carrier.ts';
import { type Address, parseAddress } from '../config/schema.ts';
import { address, collect, duration, json, wholeNumber } from './options.ts';

export interface LabFlags {
  readonly host: string;
  readonly account?: readonly string[];
  readonly callback?: Address;
  readonly seed?: number;
  readonly behaviour?: BehaviourChange;
  readonly http?: Address;
  readonly book?: string;
  readonly log?: string;
  readonly events?: true;
  readonly report?: readonly string[];
  readonly pcap?: string;
  readonly pdus?: true;
  readonly view?: true;
  readonly for?: number;
  readonly readyJson?: true;
}

/** `cmpp/3.0:7890=evening-peak`. */
export interface AskedCarrier {
  readonly protocol: CarrierProtocol;
  readonly version: string | undefined;
  /** 0: a free one. */
  readonly port: number;
  readonly scenario: string | undefined;
}

export function labCommand(): Command {
  return new Command('lab')
    .description(
      'run many simulated carriers in one process, watch them, change them while they run, and report at the end',
    )
    .addArgument(
      new Argument(
        '<carrier...>',
        'protocol[/version][:port][=scenario]: cmpp:7890=latency-bands smpp cmpp/3.0:7891; without a port a free one',
      ).argParser(carrier),
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--account <name:secret>', 'who may log in; several times for several (default: yima:demo)', collect)
    .option('--callback <host:port>', 'sgip: where the accounts listen for reports and MO', address)
    .option('--seed <n>', 'of all that is drawn; default: the scenario’s, or 1', wholeNumber)
    .option('--behaviour <json>', 'over those of the scenarios, as JSON, or @file', json)
    .option('--http <port>', 'metrics, state and changes over HTTP; on this machine only, or host:port', httpAddress)
    .option('--book <file>', 'write the books of the carriers, for yima verdict; of several carriers, a file each')
    .option('--log <file>', 'what happens, a line of JSON each; of several carriers, a file each')
    .option('--events', 'keep the newest of what happens, for /events over HTTP')
    .option('--report <file>', 'write a report at the end: .html, .json or .txt; several times for several', collect)
    .option('--pcap <file>', 'write all that is said, for Wireshark')
    .option('--pdus', 'print every PDU as a line')
    .option('--view', 'show rates, windows, states and latencies as they are')
    .option('--for <duration>', 'end by itself after so long', duration)
    .option('--ready-json', 'print one line of JSON with the ports when everything listens')
    .action(async (asked: readonly AskedCarrier[], flags: LabFlags) => {
      // Metrics, reports and the view are much to load: the other commands start without them.
      const { runLab } = await import('./run-lab.ts');
      await runLab(asked, flags);
    });
}

function carrier(text: string, before: readonly AskedCarrier[] | undefined): readonly AskedCarrier[] {
  const found = /^(smpp|cmpp|sgip|smgp)(?:\/([\d.]+))?(?::(\d{1,5}))?(?:=(.+))?$/.exec(text);
  const port = Number(found?.[3] ?? 0);
  if (found === null || port > 65_535) {
    throw new InvalidArgumentError(
      'give protocol[/version][:port][=scenario], such as cmpp:7890=latency-bands, smpp or cmpp/3.0:7891',
    );
  }
  const [, protocol, version, , scenario] = found;
  return [...(before ?? []), { protocol: protocol as CarrierProtocol, version, port, scenario }];
}

function httpAddress(text: string): Address {
  const found = parseAddress(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
  if (found === undefined) throw new InvalidArgumentError('give a port, or host:port');
  return found;
}
