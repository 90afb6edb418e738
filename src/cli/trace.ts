import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import pc from 'picocolors';
import { z } from 'zod';
import { Complaint } from './complaint.ts';
import { ask, type Flags, fetchOctets, print, remote } from './control.ts';
import { allFields, sequenceText, tellingFields } from './pdu-text.ts';

interface TraceFlags extends Flags {
  readonly text?: true;
  readonly verbose?: true;
  readonly from?: string;
  readonly to?: string;
}

const time = z.string().nullable();
const attempt = z.object({ at: time, carrier: z.string(), segment: z.number(), outcome: z.string() });

const known = z.object({
  id: z.string(),
  publicId: z.string(),
  kind: z.string(),
  account: z.string(),
  source: z.string(),
  destination: z.string(),
  carrier: z.string(),
  acceptedAt: time,
  endedAt: time,
  stage: z.string(),
  state: z.string().nullable(),
  error: z.string(),
  reason: z.string(),
  attempts: z.number(),
  carrierIds: z.array(z.string()).optional(),
  segments: z.union([
    z.number(),
    z.array(
      z.object({
        index: z.number(),
        stage: z.string(),
        carrierId: z.string().nullable(),
        state: z.string().nullable(),
      }),
    ),
  ]),
  trace: z.array(attempt),
});

const frame = z.object({
  at: z.string(),
  session: z.number(),
  peer: z.string(),
  protocol: z.string(),
  direction: z.enum(['in', 'out']),
  elapsedMs: z.number().nullable(),
  by: z.string(),
  command: z.string().nullable(),
  sequence: z.unknown().optional(),
  status: z.string().optional(),
  fields: z.record(z.string(), z.unknown()).optional(),
  fault: z.string().optional(),
});

const answer = z.object({
  message: known.nullable(),
  tap: z.object({ from: time, overwritten: z.boolean(), octets: z.number() }).nullable(),
  frames: z.array(frame),
});

type Known = z.infer<typeof known>;
type Frame = z.infer<typeof frame>;
type Answer = z.infer<typeof answer>;

export function traceCommand(): Command {
  return remote('trace', 'the life of one message of a running gateway, with every PDU in and out')
    .argument('<id>', 'its id, as we, its platform or its carrier write it')
    .option('--text', 'with texts and full numbers, where log.text allows it')
    .option('--verbose', 'every field of every PDU')
    .option('--from <time>', 'of a message of long ago: it ended at or after this time')
    .option('--to <time>', 'and before this time')
    .action(async (id: string, flags: TraceFlags) => {
      const query = new URLSearchParams();
      if (flags.text === true) query.set('text', '1');
      if (flags.from !== undefined) query.set('from', flags.from);
      if (flags.to !== undefined) query.set('to', flags.to);
      const value = await ask(flags, `/api/trace/${encodeURIComponent(id)}?${query}`);
      const read = answer.parse(value);
      print(flags, value, () => lines(read, id, flags.verbose === true));
      if (read.message === null && read.frames.length === 0) process.exitCode = 1;
    });
}

export function captureCommand(): Command {
  return remote('capture', 'all that a running gateway keeps of its sessions, as a pcap file; only with log.text on')
    .argument('<file>', 'where to write it')
    .action(async (file: string, flags: Flags) => {
      const octets = await fetchOctets(flags, '/api/capture');
      try {
        writeFileSync(file, octets);
      } catch (error) {
        throw new Complaint(`${file}: cannot be written: ${(error as NodeJS.ErrnoException).code}`);
      }
      print(flags, { file, octets: octets.length }, () => [`${octets.length} octets in ${file}`]);
    });
}

function lines({ message, tap, frames }: Answer, id: string, verbose: boolean): string[] {
  const events = [
    ...(message === null ? [] : history(message)),
    ...frames.map((f) => ({ at: Date.parse(f.at), lines: frameLines(f, verbose) })),
  ];
  // Stable: what was told in order stays in order within a millisecond.
  const sorted = events.map((e, k) => ({ ...e, k })).sort((a, b) => a.at - b.at || a.k - b.k);
  return [
    ...(message === null ? [`no message ${id} is known here (any more; its record: --from, --to)`] : about(message)),
    ...(sorted.length === 0 ? [] : ['']),
    ...sorted.flatMap((e) => e.lines.map((line, k) => (k === 0 ? `${clock(e.at)} ${line}` : line))),
    ...remarks(message, tap, frames),
  ];
}

function about(m: Known): string[] {
  const segments = typeof m.segments === 'number' ? [] : m.segments;
  const state = m.state === null ? m.stage : `${m.state}${m.error === '' ? '' : ` (${m.error})`}`;
  return [
    `${pc.bold(`message ${m.publicId}`)}${m.id === m.publicId ? '' : ` (${m.id})`}, ${m.kind} of ${m.account}, ${m.source} → ${m.destination}`,
    `${pc.bold(state)}${m.reason === '' ? '' : `: ${m.reason}`}${m.carrier === '' ? '' : `, carrier ${m.carrier}`}${m.attempts === 0 ? '' : `, ${m.attempts} failed attempts`}`,
    ...segments.map(
      (s) =>
        `segment ${s.index + 1}/${segments.length}: ${s.stage}${s.carrierId === null ? '' : `, carrier's id ${s.carrierId}`}${s.state === null ? '' : `, ${s.state}`}`,
    ),
    ...(m.carrierIds === undefined || m.carrierIds.length === 0 ? [] : [`carrier's ids ${m.carrierIds.join(', ')}`]),
  ];
}

interface Event {
  readonly at: number;
  readonly lines: readonly string[];
}

function history(m: Known): Event[] {
  const event = (at: string | null, what: string): Event[] =>
    at === null ? [] : [{ at: Date.parse(at), lines: [pc.cyan(`· ${what}`)] }];
  return [
    ...event(m.acceptedAt, 'accepted'),
    ...m.trace.flatMap((t) => event(t.at, `${t.outcome} (${t.carrier}, segment ${t.segment + 1})`)),
    ...event(m.endedAt, `ended: ${m.state ?? ''}`),
  ];
}

function frameLines(f: Frame, verbose: boolean): string[] {
  const peer = f.peer === '' ? 'a stranger' : f.peer;
  const who = f.direction === 'in' ? `${peer} ──► Yima` : `Yima ──► ${peer}`;
  const head = `${who.padEnd(24)} ${f.protocol} #${f.session}`;
  const { command, fields = {}, status = '' } = f;
  if (command === null) return [`${head} ${pc.red(`unreadable: ${f.fault}`)}`];
  const good = status === 'OK' || status === 'ESME_ROK';
  const line = [
    head,
    pc.bold(command),
    `seq=${sequenceText(f.sequence)}`,
    status === '' ? '' : good ? pc.green(status) : pc.red(status),
    verbose ? '' : tellingFields({ command, sequence: f.sequence, fields }),
    f.elapsedMs === null ? '' : pc.dim(`+${f.elapsedMs} ms`),
    f.by === 'number and time' ? pc.yellow('(by number and time)') : '',
  ];
  return [line.filter((part) => part !== '').join(' '), ...(verbose ? allFields(fields, '      ') : [])];
}

function remarks(message: Known | null, tap: Answer['tap'], frames: readonly Frame[]): string[] {
  if (tap === null) return ['', 'no frames are kept: trace.memory is 0'];
  const since = tap.from === null ? 'none yet' : `back to ${tap.from}`;
  const accepted = message?.acceptedAt;
  const late = tap.from !== null && typeof accepted === 'string' && tap.overwritten && accepted <= tap.from;
  if (late) {
    return [
      '',
      pc.yellow(`the frames kept reach ${since} only: earlier ones of this message are forgotten (trace.memory)`),
    ];
  }
  return frames.length > 0 ? [] : ['', `none of the frames kept (${since}) names it`];
}

/** Of the day, in UTC; the date is in the head of what is long ago. */
const clock = (at: number): string => pc.dim(new Date(at).toISOString().replace('T', ' ').slice(0, -1));
