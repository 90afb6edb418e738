import { Command } from 'commander';
import smpp from 'smpp';

/**
 * The gateway that one would write on the `smpp` package in an afternoon, to be measured against: SMPP in, SMPP out,
 * receipts back, nothing stored. Usual style: an event per PDU, a callback per request, a map from id to session.
 */

interface Origin {
  readonly session: smpp.Session;
}

const program = new Command('relay')
  .description('a plain SMPP relay on the smpp package: the peer of the benchmark')
  .requiredOption('--upstream <host:port>', 'the carrier')
  .requiredOption('--system-id <id>', 'as whom to bind there')
  .requiredOption('--password <text>', 'with which password')
  .option('--listen <port>', 'port of loopback for platforms', '0')
  .option('--binds <n>', 'connections to the carrier', '1')
  .option('--ready-json', 'print one line of JSON when it can be used')
  .parse();
const options = program.opts<{
  upstream: string;
  systemId: string;
  password: string;
  listen: string;
  binds: string;
  readyJson?: true;
}>();

smpp.PDU.maxLength = 70_000;
const [host = '127.0.0.1', port = '2775'] = options.upstream.split(':');
const origins = new Map<string, Origin>();
const upstreams: smpp.Session[] = [];
let turn = 0;

/** Message fields go through as they came. */
const forwarded = [
  'service_type',
  'source_addr_ton',
  'source_addr_npi',
  'source_addr',
  'dest_addr_ton',
  'dest_addr_npi',
  'destination_addr',
  'esm_class',
  'protocol_id',
  'priority_flag',
  'registered_delivery',
  'data_coding',
  'short_message',
  'message_payload',
  'receipted_message_id',
  'message_state',
] as const;

function fieldsOf(pdu: smpp.PDU): smpp.Fields {
  const fields: smpp.Fields = {};
  for (const name of forwarded) if (pdu[name] !== undefined) fields[name] = pdu[name];
  return fields;
}

// The package decodes texts and encodes them again unless told otherwise; a relay has no use for the text.
for (const command of ['submit_sm', 'deliver_sm']) {
  const param = smpp.commands[command]?.params?.short_message;
  if (param !== undefined) delete param.filter;
}
const payload = smpp.tlvs.message_payload;
if (payload !== undefined) delete payload.filter;

function keepAlive(session: smpp.Session): void {
  session.on('error', () => session.destroy());
  session.on('enquire_link', (pdu: smpp.PDU) => session.send(pdu.response()));
  session.on('unbind', (pdu: smpp.PDU) => {
    session.send(pdu.response());
    session.close();
  });
}

function connectUpstream(): void {
  const session = smpp.connect({ host, port: Number(port) }, () => {
    session.bind_transceiver({ system_id: options.systemId, password: options.password }, (answer) => {
      if (answer.command_status !== 0) {
        process.stderr.write(`relay: the carrier refused the bind with status ${answer.command_status}\n`);
        process.exit(1);
      }
      upstreams.push(session);
      if (upstreams.length === Number(options.binds)) listen();
    });
  });
  keepAlive(session);
  session.on('deliver_sm', (pdu: smpp.PDU) => {
    const id = String(pdu.receipted_message_id ?? '').replace(/\0$/, '');
    const origin = origins.get(id);
    if (origin === undefined) {
      session.send(pdu.response());
      return;
    }
    origin.session.deliver_sm(fieldsOf(pdu), (answer) => {
      origins.delete(id);
      session.send(pdu.response({ command_status: answer.command_status }));
    });
  });
  session.on('close', () => {
    process.stderr.write('relay: the carrier closed the connection\n');
    process.exit(1);
  });
}

const server = smpp.createServer((session) => {
  keepAlive(session);
  session.on('bind_transceiver', (pdu: smpp.PDU) => session.send(pdu.response()));
  session.on('submit_sm', (pdu: smpp.PDU) => {
    turn = (turn + 1) % upstreams.length;
    upstreams[turn]!.submit_sm(fieldsOf(pdu), (answer) => {
      if (answer.command_status === 0) origins.set(answer.message_id, { session });
      session.send(pdu.response({ command_status: answer.command_status, message_id: answer.message_id }));
    });
  });
});

function listen(): void {
  server.listen(Number(options.listen), '127.0.0.1', () => {
    const address = server.address();
    const chosen = typeof address === 'object' && address !== null ? address.port : 0;
    if (options.readyJson === true) process.stdout.write(`${JSON.stringify({ ready: true, port: chosen })}\n`);
  });
}

process.on('SIGTERM', () => {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${JSON.stringify({ cpuMicros: user + system })}\n`);
  process.exit(0);
});

for (let k = 0; k < Number(options.binds); k++) connectUpstream();
