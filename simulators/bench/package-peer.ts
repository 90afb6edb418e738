import { Command } from 'commander';
import smpp from 'smpp';

/**
 * A carrier and a load generator as one would write them on the `smpp` package in an afternoon: what the simulators are
 * measured against. Usual style: an event per PDU, a callback per request.
 */

// The package decodes texts and encodes them again unless told otherwise; nobody here looks at them.
for (const command of ['submit_sm', 'deliver_sm']) {
  const param = smpp.commands[command]?.params?.short_message;
  if (param !== undefined) delete param.filter;
}

function careful(session: smpp.Session): void {
  session.on('error', () => session.destroy());
  session.on('unbind', (pdu: smpp.PDU) => {
    session.send(pdu.response());
    session.close();
  });
}

function receipt(id: string, submit: smpp.PDU): smpp.Fields {
  return {
    source_addr: submit.destination_addr,
    destination_addr: submit.source_addr,
    esm_class: 4,
    short_message: Buffer.from(
      `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`,
    ),
    receipted_message_id: id,
    message_state: 2,
  };
}

function carrier(): void {
  let ids = 1_000_000_000;
  let reportsAnswered = 0;
  const server = smpp.createServer((session) => {
    careful(session);
    session.on('bind_transceiver', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('submit_sm', (pdu: smpp.PDU) => {
      const id = String(++ids);
      session.send(pdu.response({ message_id: id }));
      session.deliver_sm(receipt(id, pdu), () => {
        reportsAnswered++;
      });
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
  });
  process.on('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify({ counts: { reportsAnswered } })}\n`);
    process.exit(0);
  });
}

interface LoadFlags {
  port: string;
  count: string;
  account: string;
  secret: string;
  text: string;
  binds: string;
  window: string;
}

function load(f: LoadFlags): void {
  const count = Number(f.count);
  const message = Buffer.from(f.text, 'utf16le').swap16();
  let next = 0;
  let receipted = 0;
  const open = new Map<string, number>();
  for (let k = 0; k < Number(f.binds); k++) {
    const session = smpp.connect({ host: '127.0.0.1', port: Number(f.port) }, () => {
      session.bind_transceiver({ system_id: f.account, password: f.secret }, () => {
        for (let n = 0; n < Number(f.window); n++) submit();
      });
    });
    careful(session);
    const submit = (): void => {
      if (next === count) return;
      const m = next++;
      session.submit_sm(
        {
          source_addr: '10690000',
          destination_addr: String(8613800000000 + m),
          registered_delivery: 1,
          data_coding: 8,
          short_message: message,
        },
        (answer) => {
          open.set(answer.message_id, m);
          submit();
        },
      );
    };
    session.on('deliver_sm', (pdu: smpp.PDU) => {
      open.delete(String(pdu.receipted_message_id));
      session.send(pdu.response());
      if (++receipted === count) process.exit(0);
    });
  }
}

const program = new Command('package-peer').description('a carrier and a load generator on the smpp package');
program.command('carrier').action(carrier);
program
  .command('load')
  .requiredOption('--port <n>')
  .requiredOption('--count <n>')
  .requiredOption('--account <name>')
  .requiredOption('--secret <text>')
  .requiredOption('--text <text>')
  .requiredOption('--binds <n>')
  .requiredOption('--window <n>')
  .action(load);
program.parse();
