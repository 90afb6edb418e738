import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import smpp from 'smpp';

smpp.PDU.maxLength = 70_000;
for (const command of ['submit_sm', 'deliver_sm']) {
  const param = smpp.commands[command]?.params?.short_message;
  if (param !== undefined) delete param.filter;
}
delete smpp.tlvs.message_payload!.filter;

/** A receipt as the relay would send it to the platform. */
export interface RelayedReceipt {
  id: string;
  number: string;
  stat: string;
}

/** What a bad gateway does. `n` counts submits, or receipts, from 1. */
export interface Mischief {
  /** Submits to send on for this one: none is lost, two are doubled. Default: the one. */
  readonly onSubmit?: (fields: smpp.Fields, n: number) => readonly smpp.Fields[];
  /** Receipts to send to the platform for this one. Default: the one. */
  readonly onReceipt?: (receipt: RelayedReceipt, n: number) => readonly RelayedReceipt[];
}

/** A gateway made of the `smpp` package alone, between a platform and the carrier at `upstream`. It has ids of its own. */
export async function relayTo(upstream: number, stops: (() => unknown)[], mischief: Mischief = {}): Promise<number> {
  const { onSubmit = (fields) => [fields], onReceipt = (receipt) => [receipt] } = mischief;
  const ids = new Map<string, string>();
  let platform: smpp.Session | undefined;
  let submits = 0;
  let receipts = 0;

  const carrier = smpp.connect({ host: '127.0.0.1', port: upstream });
  carrier.on('error', () => carrier.destroy());
  await new Promise<void>((resolve) => {
    carrier.on('connect', () => carrier.bind_transceiver({ system_id: 'relay', password: 'secret' }, () => resolve()));
  });
  carrier.on('deliver_sm', (pdu: smpp.PDU) => {
    carrier.send(pdu.response());
    const text = pdu.short_message.toString();
    const id = ids.get(/id:(\S+)/.exec(text)![1]!);
    if (id === undefined) return;
    const stat = /stat:(\w+)/.exec(text)![1]!;
    for (const receipt of onReceipt({ id, number: pdu.source_addr, stat }, ++receipts)) {
      platform?.deliver_sm({
        esm_class: 4,
        source_addr: receipt.number,
        destination_addr: pdu.destination_addr,
        short_message: Buffer.from(
          `id:${receipt.id} sub:001 dlvrd:001 submit date:2611240000 done date:2611240000 stat:${receipt.stat} err:000 text:`,
        ),
      });
    }
  });

  const server = smpp.createServer((session) => {
    session.on('error', () => session.destroy());
    session.on('unbind', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('bind_transceiver', (pdu: smpp.PDU) => {
      platform = session;
      session.send(pdu.response());
    });
    session.on('submit_sm', (pdu: smpp.PDU) => {
      const n = ++submits;
      const id = `g${n}`;
      const { source_addr, destination_addr, esm_class, data_coding, short_message } = pdu;
      const fields = { source_addr, destination_addr, esm_class, data_coding, short_message, registered_delivery: 1 };
      const onward = onSubmit(fields, n);
      // Without waiting for the carrier: as gateways do that keep what they accept.
      session.send(pdu.response({ message_id: id }));
      for (const one of onward) {
        carrier.submit_sm(one, (answer) => {
          if (answer.command_status === 0) ids.set(answer.message_id, id);
        });
      }
    });
    stops.push(() => session.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    carrier.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
