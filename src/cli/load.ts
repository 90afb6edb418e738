import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { listenForCalls } from '../../simulators/callback.ts';
import { createLoad, type LoadOptions } from '../../simulators/platform.ts';
import { formatVerdict } from '../../simulators/verdict.ts';
import { every } from '../base/timers.ts';
import { Complaint } from './complaint.ts';
import { duration, portNumber, readLines, wholeNumber } from './options.ts';

interface Flags extends Omit<LoadOptions, 'texts' | 'password' | 'callback'> {
  readonly listen?: number;
  readonly password?: string;
  readonly texts?: string;
  readonly json?: true;
}

const TEXT = 'Your code is 295671, valid for five minutes. Nobody will ever ask you for it.';

export function loadCommand(): Command {
  return new Command('load')
    .description(
      'submit many messages as a platform, and book every answer and receipt; exit code 1 when any is lost or doubled',
    )
    .option('--host <address>', 'the gateway', '127.0.0.1')
    .option('--port <n>', 'its port', portNumber, 2775)
    .addOption(
      new Option('--protocol <name>', 'what to speak').choices(['smpp', 'cmpp', 'sgip', 'smgp']).default('smpp'),
    )
    .option('--version <v>', 'cmpp 2.0 (default), 2.1, 3.0; smgp 3.0 (default), 1.3')
    .option('--system-id <id>', 'account: system_id, SP_Id, login name or ClientID', 'demo')
    .option('--password <text>', 'its password (default: $YIMA_PASSWORD, else demo)')
    .option('--listen <port>', 'sgip: where the gateway dials with receipts', portNumber)
    .option('--texts <file>', 'one text a line, sent in turn')
    .option('--count <n>', 'messages', wholeNumber, 10_000)
    .option('--rate <n>', 'submits a second; 0: as the windows allow', wholeNumber, 0)
    .option('--window <n>', 'most unanswered submits of a bind', wholeNumber, 100)
    .option('--binds <n>', 'connections', wholeNumber, 1)
    .option('--source <address>', 'source_addr', '10690000')
    .option('--first-number <n>', 'destination of the first message; the next goes to the next', wholeNumber)
    .addOption(new Option('--long <way>', 'how a long text is submitted').choices(['udh', 'payload']))
    .option('--no-receipts', 'ask for no receipts')
    .option('--resubmit', 'submit again what was cut off without an answer')
    .option('--retry-throttled', 'submit again what was refused as too fast')
    .option('--receipt-timeout <duration>', 'quiet time after which missing receipts are lost', duration, 10_000)
    .option('--json', 'the result as JSON')
    .action(load);
}

async function load(flags: Flags): Promise<void> {
  const { texts: file, json, listen, ...options } = flags;
  const callback = listen === undefined ? undefined : await called(listen);
  const running = createLoad({
    ...options,
    password: options.password ?? process.env.YIMA_PASSWORD ?? 'demo',
    texts: file === undefined ? [TEXT] : readLines(file),
    ...(callback !== undefined && { callback }),
  });
  // The first stops submitting, the second stops waiting.
  const stop = (): void => running.stop();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  const { stderr } = process;
  const bar = stderr.isTTY
    ? new SingleBar({ stream: stderr, format: '{bar} {value}/{total}  receipts {receipts}  binds {bound}' })
    : undefined;
  const draw = (): void => {
    const { settled, acked, receipted, bound } = running.progress;
    bar?.update(settled, { receipts: `${receipted}/${acked}`, bound });
  };
  bar?.start(running.progress.parts, 0, { receipts: '0/0', bound: 0 });
  const drawing = every(200, draw);
  running.start();
  try {
    const verdict = await running.done;
    draw();
    bar?.stop();
    process.stdout.write(json === true ? `${JSON.stringify(verdict)}\n` : `${formatVerdict(verdict)}\n`);
    if (verdict.lost + verdict.duplicated + verdict.foreign + verdict.misaddressed > 0) process.exitCode = 1;
  } catch (error) {
    throw new Complaint((error as Error).message);
  } finally {
    callback?.close();
    bar?.stop();
    drawing.stop();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function called(port: number): Promise<NonNullable<LoadOptions['callback']>> {
  try {
    return (await listenForCalls(port)).server;
  } catch (error) {
    throw new Complaint(`cannot listen on port ${port}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
