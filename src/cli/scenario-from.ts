import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { WireFault } from '../../protocols/wire/fault.ts';
import { characterOf } from '../capture/character.ts';
import type { Dealing } from '../capture/dealing.ts';
import { type CapturedPdu, createDissector } from '../capture/dissect.ts';
import { dissectFile } from '../capture/dissect-file.ts';
import { createObserver, type Observation } from '../capture/observed.ts';
import { scenarioText, type WrittenScenario } from '../capture/scenario-text.ts';
import { createScrubber, type Scrubber } from '../capture/scrub.ts';
import { trafficLine, trafficOf } from '../capture/traffic.ts';
import { PORT_FLAG, PROTOCOLS, portsOf, seenText, unreadable } from './capture-file.ts';
import { Complaint } from './complaint.ts';
import { DEALINGS } from './dealings.ts';
import { collect } from './options.ts';
import { WIRES } from './wires.ts';

interface Flags {
  readonly port?: readonly string[];
  readonly out?: string;
  readonly name?: string;
}

export function scenarioFromCommand(): Command {
  return new Command('scenario-from')
    .description(
      'make of a capture what it takes to see it again: a scenario of the carrier and the traffic of the platform, with other texts and numbers',
    )
    .argument('<capture>', 'a file of pcap or pcapng, - for standard input')
    .option(PORT_FLAG, `what a port speaks (${PROTOCOLS}); several times for several, and only these are read`, collect)
    .option(
      '--out <folder or file.yaml>',
      'where to: a folder takes a scenario, its delays and the traffic of each protocol; default: the scenario on standard output',
    )
    .option('--name <name>', 'what the scenario is called (default: captured-<protocol>)')
    .action(scenarioFrom);
}

async function scenarioFrom(capture: string, { port, out, name }: Flags): Promise<void> {
  if (name !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new Complaint(`--name ${name}: give small letters, digits and -`);
  }
  const observer = createObserver(meaningOf);
  let pdus = 0;
  const dissector = createDissector({
    wires: WIRES,
    ports: portsOf(port),
    onPdu(pdu) {
      pdus++;
      observer.see(pdu);
    },
    onTrouble: () => undefined,
  });
  await dissectFile(capture, dissector).catch((fault: unknown) => {
    throw unreadable(capture, fault);
  });
  const seen = observer.observed();
  const useful = seen.filter((o) => o.submits.length > 0);
  if (useful.length === 0) throw new Complaint(`${capture}: ${nothingIn(seen, seenText(dissector, pdus), port)}`);
  const inFile = out !== undefined && /\.ya?ml$/.test(out);
  if (useful.length > 1 && (out === undefined || inFile || name !== undefined)) {
    const spoken = useful.map((o) => `${o.protocol} (${o.submits.length} submits)`).join(', ');
    throw new Complaint(`${capture} has ${spoken}: choose one with --port, or give a folder with --out and no --name`);
  }
  const scrubber = createScrubber();
  for (const one of useful) {
    const called = name ?? `captured-${one.protocol}`;
    if (out === undefined) process.stdout.write(written(one, called, undefined).yaml);
    else if (inFile) write(dirname(out), basename(out).replace(/\.ya?ml$/, ''), out, one, called, undefined, scrubber);
    else write(out, called, join(out, `${called}.yaml`), one, called, `${called}.`, scrubber);
  }
}

function write(
  folder: string,
  stem: string,
  file: string,
  seen: Observation,
  name: string,
  files: string | undefined,
  scrubber: Scrubber,
): void {
  const scenario = written(seen, name, files);
  const traffic = trafficOf(seen.submits, scrubber);
  const put = (path: string, text: string): void => {
    writeFileSync(path, text);
    process.stdout.write(`${path}\n`);
  };
  try {
    mkdirSync(folder, { recursive: true });
    put(file, scenario.yaml);
    for (const [path, text] of scenario.files) put(join(folder, path), text);
    put(join(folder, `${stem}.traffic`), traffic.map((message) => `${trafficLine(message)}\n`).join(''));
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Complaint(`${path ?? folder}: cannot be written: ${code}`);
  }
}

function written(seen: Observation, name: string, files: string | undefined): WrittenScenario {
  const { protocol, version } = seen;
  return scenarioText(characterOf(seen), {
    name,
    protocol,
    // SMGP 2.0 is 3.0 but for its number, and not among the simulators.
    version: protocol === 'smgp' && version === 0x20 ? '3.0' : `${version >> 4}.${version & 15}`,
    dialsBack: protocol === 'sgip',
    files,
  });
}

/** What a frame means to messages; what cannot be read means nothing. */
function meaningOf({ wire, frame, version, description }: CapturedPdu): Dealing {
  const read = DEALINGS.get(wire.name);
  if (read === undefined || description === undefined) return { what: 'other' };
  try {
    return read(frame, version);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    return { what: 'other' };
  }
}

function nothingIn(seen: readonly Observation[], what: string, ports: readonly string[] | undefined): string {
  const remedy =
    ports === undefined ? 'if it has, say what its port speaks with --port' : 'see whether --port names the right one';
  if (seen.length === 0) return `no traffic of a carrier in it (${what}); ${remedy}`;
  const spoken = seen
    .map((o) => `${o.protocol}: ${o.logins} logins, ${o.reports.length} reports, ${o.mos} MO`)
    .join('; ');
  return `no submit in it (${what}; ${spoken}): nothing tells how submits are answered; capture longer, or the connection that submits`;
}
