import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import smpp from 'smpp';

// A gateway that none of ours made: the `smpp` package, told by each test how to treat the platform.
smpp.PDU.maxLength = 70_000;
for (const command of ['submit_sm', 'deliver_sm']) {
  const param = smpp.commands[command]?.params?.short_message;
  if (param !== undefined) delete param.filter;
}
delete smpp.tlvs.message_payload!.filter;

/** What a server does with the n-th submit (from 1). */
export type OnSubmit = (session: smpp.Session, pdu: smpp.PDU, n: number) => void;

export interface Gateway {
  readonly port: number;
  readonly submits: smpp.PDU[];
  readonly sessions: smpp.Session[];
  /** Most submits that waited for an answer. */
  peak: number;
}

/** `stops`: what is to be called at the end of the test. */
export async function gatewayWith(onSubmit: OnSubmit, stops: (() => unknown)[]): Promise<Gateway> {
  const gateway: Gateway = { port: 0, submits: [], sessions: [], peak: 0 };
  const server = smpp.createServer((session) => {
    gateway.sessions.push(session);
    let waiting = 0;
    session.on('error', () => session.destroy());
    session.on('enquire_link', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('unbind', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('bind_transceiver', (pdu: smpp.PDU) => {
      session.send(pdu.response({ command_status: pdu.password === 'secret' ? 0 : 0x0e, system_id: 'gateway' }));
    });
    session.on('submit_sm', (pdu: smpp.PDU) => {
      gateway.submits.push(pdu);
      waiting++;
      gateway.peak = Math.max(gateway.peak, waiting);
      onSubmit(session, pdu, gateway.submits.length);
    });
    session.on('send', (pdu: smpp.PDU) => {
      if (pdu.command === 'submit_sm_resp') waiting--;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    for (const s of gateway.sessions) s.destroy();
    server.close();
  });
  return Object.assign(gateway, { port: (server.address() as AddressInfo).port });
}

export const accept = (session: smpp.Session, pdu: smpp.PDU, id: string): void => {
  session.send(pdu.response({ message_id: id }));
};

export function report(
  session: smpp.Session,
  pdu: smpp.PDU,
  id: string,
  fields: smpp.Fields = {},
  stat = 'DELIVRD',
): void {
  session.deliver_sm({
    esm_class: 4,
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    short_message: Buffer.from(
      `id:${id} sub:001 dlvrd:001 submit date:2611240000 done date:2611240000 stat:${stat} err:000 text:`,
    ),
    ...fields,
  });
}
