import { basename, dirname, extname, join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import type { CarrierOptions, CarrierProtocol } from '../../simulators/carrier.ts';
import { type Lab, startLab } from '../../simulators/lab.ts';
import { type LabHttp, startLabHttp } from '../../simulators/lab-http.ts';
import { labReport } from '../../simulators/lab-report.ts';
import { reportText } from '../../simulators/report/report-text.ts';
import { after } from '../base/timers.ts';
import { type Address, parseAddress } from '../config/schema.ts';
import { Complaint } from './complaint.ts';
import { createLabView, type LabView } from './lab-view.ts';
import { address, collect, duration, json, wholeNumber } from './options.ts';
import { createPduLog, type PduLog } from './pdu-log.ts';
import { reportWriter, writeReports } from './report-file.ts';

interface Flags {
  readonly host: string;
  readonly account?: readonly string[];
  readonly callback?: Address;
  readonly seed?: number;
  readonly behaviour?: BehaviourChange;
  readonly http?: Address;
  readonly book?: string;
  readonly report?: readonly string[];
  readonly pcap?: string;
  readonly pdus?: true;
  readonly view?: true;
  readonly for?: number;
  readonly readyJson?: true;
}

/** `cmpp/3.0:7890=evening-peak`. */
interface Asked {
  readonly protocol: CarrierProtocol;
  readonly version: string | undefined;
  readonly port: number;
}

export function labCommand(): Command {
  return new Command('lab')
    .description(
      'run many simulated carriers in one process, watch them, change them while they run, and report at the end',
    )
    .addArgument(
      new Argument(
        '<carrier...>',
        'protocol[/version][:port]: cmpp:7890 smpp:2775 cmpp/3.0:7891; without a port a free one',
      ).argParser(carriers),
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--account <name:secret>', 'who may log in; several times for several (default: yima:demo)', collect)
    .option('--callback <host:port>', 'sgip: where the accounts listen for reports and MO', address)
    .option('--seed <n>', 'of all that is drawn', wholeNumber)
    .option('--behaviour <json>', 'any rules as JSON, or @file (simulators/behaviour.ts has them all)', json)
    .option('--http <port>', 'metrics, state and changes over HTTP; on this machine only, or host:port', httpAddress)
    .option('--book <file>', 'write the books of the carriers, for yima verdict; of several carriers, a file each')
    .option('--report <file>', 'write a report at the end: .html, .json or .txt; several times for several', collect)
    .option('--pcap <file>', 'write all that is said, for Wireshark')
    .option('--pdus', 'print every PDU as a line')
    .option('--view', 'show rates, windows, states and latencies as they are')
    .option('--for <duration>', 'end by itself after so long', duration)
    .option('--ready-json', 'print one line of JSON with the ports when everything listens')
    .action(lab);
}

function carriers(text: string, before: readonly Asked[] | undefined): readonly Asked[] {
  const found = /^(smpp|cmpp|sgip|smgp)(?:\/([\d.]+))?(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[3] ?? 0);
  if (found === null || port > 65_535)
    throw new InvalidArgumentError('give protocol[/version][:port], such as cmpp:7890, smpp or cmpp/3.0:7891');
  return [...(before ?? []), { protocol: found[1] as CarrierProtocol, version: found[2], port }];
}

function httpAddress(text: string): Address {
  const found = /^\d+$/.test(text) ? parseAddress(`127.0.0.1:${text}`) : parseAddress(text);
  if (found === undefined) throw new InvalidArgumentError('give a port, or host:port');
  return found;
}

async function lab(asked: readonly Asked[], flags: Flags): Promise<void> {
  for (const file of flags.report ?? []) reportWriter(file);
  if (flags.view === true && flags.pdus === true)
    throw new Complaint('--view and --pdus both want the screen; give one of them, or --pcap');
  let view: LabView | undefined;
  let running: Lab;
  try {
    running = await startLab({
      carriers: asked.map((one, k) => carrierOf(one, flags, asked.length > 1 ? k + 1 : 0)),
      onFigures: () => view?.draw(),
    });
  } catch (error) {
    throw new Complaint((error as Error).message);
  }
  const print = (text: string): void => void process.stdout.write(text);
  const dialled = new Map(flags.callback === undefined ? [] : [[flags.callback.port, 'sgip']]);
  let pdus: PduLog | undefined;
  let http: LabHttp | undefined;
  try {
    pdus = createPduLog(running, {
      dialled,
      ...(flags.pcap !== undefined && { pcap: flags.pcap }),
      ...((flags.pdus === true || flags.pcap === undefined) && flags.view !== true && { lines: print }),
    });
    const { turn } = pdus;
    turn(flags.pdus === true || flags.pcap !== undefined);
    if (flags.http !== undefined) http = await startLabHttp(running, { ...flags.http, pdus: turn });
  } catch (error) {
    pdus?.close();
    await running.stop();
    throw error instanceof Complaint ? error : new Complaint((error as Error).message);
  }
  announce(running, http, flags);
  view = createLabView(running, flags.view === true);

  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    if (flags.for !== undefined) after(flags.for, resolve);
  });
  view.end();
  const report = labReport(running);
  pdus.close();
  await http?.close();
  await running.stop();
  process.stdout.write(`\n${reportText(report)}`);
  writeReports(flags.report ?? [], report);
}

function announce(running: Lab, http: LabHttp | undefined, { readyJson }: Flags): void {
  if (readyJson === true) {
    const ports = running.carriers.map(({ name, protocol, carrier }) => ({ name, protocol, port: carrier.port }));
    process.stdout.write(`${JSON.stringify({ ready: true, carriers: ports, http: http?.port ?? null })}\n`);
    return;
  }
  for (const { protocol, host, carrier, accounts } of running.carriers)
    process.stdout.write(`${protocol} carrier on ${host}:${carrier.port}, accounts ${accounts.join(', ')}\n`);
  if (http !== undefined) process.stdout.write(`HTTP on ${http.host}:${http.port}: /metrics /state /report.html\n`);
  process.stdout.write('stop it with Ctrl-C\n');
}

/** `place`: in the row of carriers; 0: it is alone. */
function carrierOf({ protocol, version, port }: Asked, flags: Flags, place: number): CarrierOptions {
  const { host, callback, seed, behaviour } = flags;
  const accounts = (flags.account ?? ['yima:demo']).map((pair) => {
    const at = pair.indexOf(':');
    if (at < 1) throw new Complaint(`--account ${pair}: give name:secret`);
    return { name: pair.slice(0, at), secret: pair.slice(at + 1), ...(callback !== undefined && { callback }) };
  });
  const book = place === 0 ? flags.book : bookOf(flags.book, protocol, port === 0 ? place : port);
  return {
    protocol,
    host,
    port,
    accounts,
    behaviour: { ...(seed !== undefined && { seed }), ...behaviour },
    ...(version !== undefined && { version }),
    ...(book !== undefined && { book }),
  };
}

/** `lab.book` of `cmpp:7890` is `lab-cmpp-7890.book`; where no port is given, the place in the row stands for it. */
function bookOf(file: string | undefined, protocol: string, port: number): string | undefined {
  if (file === undefined) return undefined;
  const extension = extname(file);
  return join(dirname(file), `${basename(file, extension)}-${protocol}-${port}${extension}`);
}
