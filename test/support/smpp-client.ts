import { once } from 'node:events';
import smpp from 'smpp';
import { until } from './node.ts';

// The `smpp` package as the client of a carrier: it shares no line with us.

export interface PackageClient {
  readonly session: smpp.Session;
  /** All that came, in order. */
  readonly came: readonly smpp.PDU[];
  readonly closed: boolean;
  bind(): Promise<smpp.PDU>;
  submit(to: string): Promise<smpp.PDU>;
  of(command: string): readonly smpp.PDU[];
  /** Waits until so many of this command have come. */
  got(command: string, n: number): Promise<readonly smpp.PDU[]>;
}

export async function packageClient(port: number): Promise<PackageClient> {
  const session = smpp.connect({ host: '127.0.0.1', port });
  session.on('error', () => session.destroy());
  const came: smpp.PDU[] = [];
  let closed = false;
  session.on('close', () => {
    closed = true;
  });
  session.on('pdu', (pdu: smpp.PDU) => {
    came.push(pdu);
    if (pdu.command === 'deliver_sm') session.send(pdu.response());
  });
  await once(session, 'connect');
  const request = (command: string, fields: smpp.Fields): Promise<smpp.PDU> =>
    new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));
  const client: PackageClient = {
    session,
    came,
    get closed() {
      return closed;
    },
    bind: () => request('bind_transceiver', { system_id: 'acme', password: 'secret', interface_version: 0x34 }),
    submit: (to) =>
      request('submit_sm', {
        source_addr: '10690000',
        destination_addr: to,
        registered_delivery: 1,
        short_message: Buffer.from('hello'),
      }),
    of: (command) => came.filter((p) => p.command === command),
    async got(command, n) {
      await until(`${n} ${command}`, () => client.of(command).length >= n);
      return client.of(command);
    },
  };
  return client;
}

/** A bound transceiver. */
export async function boundPackage(port: number): Promise<PackageClient> {
  const client = await packageClient(port);
  const { command_status } = await client.bind();
  if (command_status !== 0) throw new Error(`bind refused with ${command_status}`);
  return client;
}
