import { basename, dirname, extname, join } from 'node:path';
import type { CarrierOptions } from '../../simulators/carrier.ts';
import { type Lab, startLab } from '../../simulators/lab.ts';
import { type LabHttp, startLabHttp } from '../../simulators/lab-http.ts';
import { labReport } from '../../simulators/lab-report.ts';
import { reportText } from '../../simulators/report/report-text.ts';
import { after } from '../base/timers.ts';
import { Complaint } from './complaint.ts';
import type { AskedCarrier, LabFlags } from './lab.ts';
import { createLabView, type LabView } from './lab-view.ts';
import { createPduLog, type PduLog } from './pdu-log.ts';
import { reportWriter, writeReports } from './report-file.ts';

/** Kept for who asks over HTTP. */
const EVENTS = 50_000;

/** Runs the carriers until it is told to end, or the time is over. */
export async function runLab(asked: readonly AskedCarrier[], flags: LabFlags): Promise<void> {
  for (const file of flags.report ?? []) reportWriter(file);
  if (flags.view === true && flags.pdus === true)
    throw new Complaint('--view and --pdus both want the screen; give one of them, or --pcap');
  let view: LabView | undefined;
  let running: Lab;
  try {
    running = await startLab({
      carriers: asked.map((one, k) => carrierOf(one, flags, asked.length > 1 ? k + 1 : 0)),
      ...(flags.events === true && { events: EVENTS }),
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
    // Without any of both it is there to be switched on over HTTP; where the view has the screen, only a file takes it.
    const lines = flags.pdus === true || (flags.pcap === undefined && flags.view !== true);
    if (lines || flags.pcap !== undefined) {
      pdus = createPduLog(running, {
        dialled,
        ...(flags.pcap !== undefined && { pcap: flags.pcap }),
        ...(lines && { lines: print }),
      });
      pdus.turn(flags.pdus === true || flags.pcap !== undefined);
    }
    if (flags.http !== undefined) {
      http = await startLabHttp(running, { ...flags.http, ...(pdus !== undefined && { pdus: pdus.turn }) });
    }
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
  pdus?.close();
  await http?.close();
  await running.stop();
  process.stdout.write(`\n${reportText(report)}`);
  writeReports(flags.report ?? [], report);
}

function announce(running: Lab, http: LabHttp | undefined, { readyJson }: LabFlags): void {
  if (readyJson === true) {
    const ports = running.carriers.map(({ name, protocol, carrier }) => ({ name, protocol, port: carrier.port }));
    process.stdout.write(`${JSON.stringify({ ready: true, carriers: ports, http: http?.port ?? null })}\n`);
    return;
  }
  for (const { protocol, host, carrier, accounts, scenario } of running.carriers) {
    const plays = scenario === undefined ? '' : `, scenario ${scenario.name}`;
    process.stdout.write(`${protocol} carrier on ${host}:${carrier.port}, accounts ${accounts.join(', ')}${plays}\n`);
  }
  if (http !== undefined) process.stdout.write(`HTTP on ${http.host}:${http.port}: /metrics /state /report.html\n`);
  process.stdout.write('stop it with Ctrl-C\n\n');
}

/** `place`: in the row of carriers; 0: it is alone. */
function carrierOf(
  { protocol, version, port, scenario }: AskedCarrier,
  flags: LabFlags,
  place: number,
): CarrierOptions {
  const { host, callback, seed, behaviour } = flags;
  const accounts = (flags.account ?? ['yima:demo']).map((pair) => {
    const at = pair.indexOf(':');
    if (at < 1) throw new Complaint(`--account ${pair}: give name:secret`);
    return { name: pair.slice(0, at), secret: pair.slice(at + 1), ...(callback !== undefined && { callback }) };
  });
  const fileOf = (file: string | undefined): string | undefined =>
    place === 0 || file === undefined ? file : named(file, `${protocol}-${port === 0 ? place : port}`);
  const book = fileOf(flags.book);
  const log = fileOf(flags.log);
  return {
    protocol,
    host,
    port,
    accounts,
    behaviour: { ...(seed !== undefined && { seed }), ...behaviour },
    ...(version !== undefined && { version }),
    ...(scenario !== undefined && { scenario }),
    ...(book !== undefined && { book }),
    ...(log !== undefined && { log }),
  };
}

/** `lab.book` of `cmpp:7890` is `lab-cmpp-7890.book`; where no port is given, the place in the row stands for it. */
function named(file: string, carrier: string): string {
  const extension = extname(file);
  return join(dirname(file), `${basename(file, extension)}-${carrier}${extension}`);
}
