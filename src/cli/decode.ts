import { existsSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { WireFault } from '../../protocols/wire/fault.ts';
import type { Conversation, Sender } from '../capture/conversation.ts';
import { type CapturedPdu, createDissector } from '../capture/dissect.ts';
import { dissectFile } from '../capture/dissect-file.ts';
import { PORT_FLAG, PROTOCOLS, portsOf, seenText, unreadable } from './capture-file.ts';
import { Complaint } from './complaint.ts';
import { collect } from './options.ts';
import { allFields, elapsedText, leaves, sequenceText, tellingFields, timeText } from './pdu-text.ts';
import { WIRE_NAMES, WIRES } from './wires.ts';

interface Flags {
  readonly port?: readonly string[];
  readonly verbose?: true;
  readonly json?: true;
  readonly number?: string;
  readonly id?: string;
}

export function decodeCommand(): Command {
  return new Command('decode')
    .description('PDUs by the names of the specification: one frame in hexadecimal as JSON, or all of a capture file')
    .argument('<what>', `a protocol (${PROTOCOLS}), then a frame; or a file of pcap or pcapng, - for standard input`)
    .argument('[hex...]', 'the whole frame, header included; blanks and colons do not matter')
    .option(PORT_FLAG, 'of a capture: what a port speaks; several times for several, and only these are read', collect)
    .option('--number <digits>', 'of a capture: only PDUs with this phone number, and their answers')
    .option('--id <id>', 'of a capture: only PDUs with this message id, and their requests and answers')
    .option('--verbose', 'of a capture: every field')
    .option('--json', 'of a capture: a line of JSON a PDU')
    .action(async (what: string, parts: string[], flags: Flags) => {
      const spoken = WIRE_NAMES.get(what);
      if (spoken !== undefined && parts.length > 0) decodeHex(what, parts.join(''));
      else if (what === '-' || existsSync(what)) await decodeCapture(what, flags);
      else if (spoken !== undefined) throw new Complaint(`hex: give a frame of ${what} in hexadecimal`);
      else throw new Complaint(`${what} is neither a file nor a protocol (${PROTOCOLS})`);
    });
}

function decodeHex(protocol: string, text: string): void {
  const { wire, version = Object.values(wire.versions)[0]! } = WIRE_NAMES.get(protocol)!;
  const hex = text.replace(/[\s:]/g, '').replace(/^0x/i, '');
  const wrong = /[^0-9a-fA-F]/.exec(hex);
  if (wrong !== null) throw new Complaint(`hex: ${JSON.stringify(wrong[0])} is no hexadecimal digit`);
  if (hex.length % 2 !== 0) throw new Complaint(`hex: ${hex.length} digits make no whole octets`);
  try {
    process.stdout.write(`${JSON.stringify(wire.describe(Buffer.from(hex, 'hex'), version), undefined, 2)}\n`);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    throw new Complaint(`this is no ${protocol} frame: ${error.message}`);
  }
}

async function decodeCapture(file: string, flags: Flags): Promise<void> {
  const filtering = flags.number !== undefined || flags.id !== undefined;
  const show = flags.json === true ? asJson : (pdu: CapturedPdu) => asText(pdu, flags.verbose === true);
  const selection = filtering ? createSelection(flags) : undefined;
  let out: string[] = [];
  const write = async (): Promise<void> => {
    const text = out.join('');
    out = [];
    if (text !== '' && !process.stdout.write(text)) await new Promise((done) => process.stdout.once('drain', done));
  };
  let pdus = 0;
  const dissector = createDissector({
    wires: WIRES,
    ports: portsOf(flags.port),
    onPdu(pdu) {
      pdus++;
      if (selection === undefined) out.push(show(pdu));
      else selection.see(pdu);
    },
    onTrouble(conversation, sender, at, what) {
      if (!filtering) out.push(troubleText(conversation, sender, at, what, flags.json === true));
    },
  });

  const fault = await dissectFile(file, dissector, write).then(
    () => undefined,
    (error: unknown) => error,
  );
  for (const pdu of selection?.selected() ?? []) out.push(show(pdu));
  await write();
  if (flags.json !== true) process.stderr.write(`${seenText(dissector, pdus)}\n`);
  if (fault !== undefined) throw unreadable(file, fault);
}

function ends({ conversation, sender }: Pick<CapturedPdu, 'conversation' | 'sender'>): [string, string] {
  const { client, server } = conversation;
  return sender === 'client' ? [client, server] : [server, client];
}

/** The name of protocol and version: `cmpp30`. */
function spokenName({ wire, version }: CapturedPdu): string {
  const names = Object.entries(wire.versions).filter(([, v]) => v === version);
  return names.at(-1)?.[0] ?? wire.name;
}

/** A line of a PDU's most telling fields, or (`verbose`) all of them on lines of their own. */
export function asText(pdu: CapturedPdu, verbose: boolean): string {
  const { description: d, fault, frame, elapsed, wire, version } = pdu;
  const [from, to] = ends(pdu);
  const head = `${timeText(pdu.at)} #${pdu.conversation.number} ${from} → ${to} ${spokenName(pdu)}`;
  if (d === undefined) return `${head} ${pc.red(`unreadable: ${fault}`)} ${frame.toString('hex', 0, 64)}\n`;
  const status = wire.statusName(d, version);
  const good = status === 'OK' || status === 'ESME_ROK';
  const line = [
    head,
    pc.bold(d.command),
    `seq=${sequenceText(d.sequence)}`,
    ...(status === '' ? [] : [good ? pc.green(status) : pc.red(status)]),
    ...(verbose ? [] : [tellingFields(d)]),
    ...(elapsed === undefined ? [] : [pc.dim(elapsedText(elapsed))]),
    ...(elapsed === undefined && pdu.exchange === 0 ? [pc.dim('(its request was not captured)')] : []),
  ];
  return `${[line.filter((part) => part !== '').join(' '), ...(verbose ? allFields(d.fields, '    ') : [])].join('\n')}\n`;
}

function asJson(pdu: CapturedPdu): string {
  const { description: d, wire, version, elapsed } = pdu;
  const [from, to] = ends(pdu);
  return `${JSON.stringify({
    at: timeText(pdu.at),
    conversation: pdu.conversation.number,
    from,
    to,
    protocol: spokenName(pdu),
    exchange: pdu.exchange === 0 ? null : pdu.exchange,
    ...(elapsed === undefined ? {} : { elapsedMs: elapsed / 1000 }),
    ...(d === undefined
      ? { fault: pdu.fault, hex: pdu.frame.toString('hex') }
      : { ...d, ...(wire.statusName(d, version) === '' ? {} : { statusName: wire.statusName(d, version) }) }),
  })}\n`;
}

/** A line of what is no PDU, or was not captured. */
export function troubleText(
  { number, client, server }: Conversation,
  sender: Sender,
  at: number,
  what: string,
  json: boolean,
): string {
  const [from, to] = sender === 'client' ? [client, server] : [server, client];
  if (json) return `${JSON.stringify({ at: timeText(at), conversation: number, from, to, trouble: what })}\n`;
  return pc.yellow(`${timeText(at)} #${number} ${from} → ${to} ${what}\n`);
}

interface Selection {
  see(pdu: CapturedPdu): void;
  selected(): readonly CapturedPdu[];
}

/** Requests without an answer that are kept in case the answer has the id. */
const OPEN_MAX = 100_000;

/** Keeps the PDUs asked for with the other half of their exchanges. */
function createSelection({ number, id }: Flags): Selection {
  const chosen = new Set<CapturedPdu>();
  const open = new Map<number, CapturedPdu>();
  const wanted = (pdu: CapturedPdu): boolean => {
    if (pdu.description === undefined) return false;
    const { fields, sequence } = pdu.description;
    if (id !== undefined && [sequence, fields.submit_sequence].some((s) => sequenceText(s) === id)) return true;
    for (const leaf of leaves(fields)) {
      if (number !== undefined && sameNumber(leaf, number)) return true;
      if (id !== undefined && (leaf.toLowerCase() === id.toLowerCase() || leaf.includes(`id:${id}`))) return true;
    }
    return false;
  };
  return {
    see(pdu) {
      const other = open.get(pdu.exchange);
      if (pdu.elapsed === undefined && pdu.exchange > 0) {
        open.set(pdu.exchange, pdu);
        if (open.size > OPEN_MAX) for (const oldest of open.keys()) if (open.delete(oldest)) break;
      } else open.delete(pdu.exchange);
      if (!wanted(pdu) && (other === undefined || !chosen.has(other))) return;
      if (other !== undefined) chosen.add(other);
      chosen.add(pdu);
    },
    selected: () => [...chosen].sort((a, b) => a.at - b.at),
  };
}

/** With or without a country code, `+` or zeros in front. */
function sameNumber(a: string, b: string): boolean {
  if (!/^\+?\d{5,21}$/.test(a)) return false;
  const [short = '', long = ''] = [a, b].map((n) => n.replace(/^[+0]+/, '')).sort((x, y) => x.length - y.length);
  return long === short || (short.length >= 7 && long.length - short.length <= 4 && long.endsWith(short));
}
