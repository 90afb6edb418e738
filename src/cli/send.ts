import { Command } from 'commander';
import { bindEsme } from '../../simulators/esme.ts';
import { Complaint } from './complaint.ts';
import { duration, portNumber } from './options.ts';

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly systemId: string;
  readonly password?: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly wait?: true | number;
  readonly timeout: number;
  readonly json?: true;
}

const RECEIPT_WAIT = 60_000;

export function sendCommand(): Command {
  return new Command('send')
    .description('submit one message over SMPP, print its id, and with --wait its receipt')
    .option('--host <address>', 'the gateway', '127.0.0.1')
    .option('--port <n>', 'its SMPP port', portNumber, 2775)
    .option('--system-id <id>', 'account', 'demo')
    .option('--password <text>', 'its password (default: $YIMA_PASSWORD, else demo)')
    .option('--from <address>', 'source_addr', '10690000')
    .requiredOption('--to <number>', 'destination_addr')
    .requiredOption('--text <text>', 'the text; a long one goes in parts')
    .option('--wait [duration]', 'wait for the receipt (60s)', duration)
    .option('--timeout <duration>', 'longest wait for connection, bind and answer', duration, 10_000)
    .option('--json', 'as JSON')
    .action(send);
}

async function send(flags: Flags): Promise<void> {
  const { host, port, systemId, timeout } = flags;
  const password = flags.password ?? process.env.YIMA_PASSWORD ?? 'demo';
  const complain = (error: unknown): never => {
    throw new Complaint(`send: ${(error as Error).message}`);
  };
  const esme = await bindEsme({ host, port, systemId, password, timeout }).catch(complain);
  try {
    const receipt = flags.wait !== undefined;
    const ids = await esme.submit({ source: flags.from, destination: flags.to, text: flags.text, receipt });
    if (flags.json !== true) for (const id of ids) process.stdout.write(`${id}\n`);
    const within = flags.wait === true || flags.wait === undefined ? RECEIPT_WAIT : flags.wait;
    const receipts = receipt ? await Promise.all(ids.map((id) => esme.receipt(id, within))) : [];
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ ids, receipts })}\n`);
    else
      for (const r of receipts) process.stdout.write(`${r.id} ${r.stat}${/^0*$/.test(r.err) ? '' : ` err ${r.err}`}\n`);
    if (receipts.some((r) => r.stat !== 'DELIVRD')) process.exitCode = 2;
  } catch (error) {
    complain(error);
  } finally {
    await esme.unbind();
  }
}
