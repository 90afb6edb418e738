import { readAs } from '../capture/dissect.ts';
import { createPcapWriter, type WrittenConnection } from '../capture/pcap-writer.ts';
import type { Wire } from '../capture/wire.ts';
import type { Tap, TappedSession } from '../session/tap.ts';
import { eachTappedFrame } from './tapped-frames.ts';

/** Fields with a secret in clear. */
const SECRETS = ['password', 'login_password'];
const LOOPBACK = '127.0.0.1';
/** Our own end of a connection is not kept: it gets a port of the dynamic range. */
const DYNAMIC = 49_152;
const DYNAMIC_PORTS = 16_384;

/** What the tap holds, as a pcap file: a segment a frame, under headers made up for it. Passwords are stars. */
export async function tapAsPcap(tap: Tap, wires: ReadonlyMap<string, Wire>): Promise<Buffer> {
  const parts: Buffer[] = [];
  const connections = new Map<number, WrittenConnection>();
  const writer = createPcapWriter((octets) => parts.push(octets));
  await eachTappedFrame(
    tap,
    wires,
    () => true,
    ({ session, wire, received, at, frame }) => {
      let connection = connections.get(session.id);
      if (connection === undefined) {
        connection = connectionOf(session, wire);
        connections.set(session.id, connection);
      }
      const fromServer = received === (session.role === 'client');
      writer.octets(connection, fromServer ? 'server' : 'client', at, withoutSecrets(wire, frame, session.version));
    },
  );
  return Buffer.concat(parts);
}

function connectionOf({ id, role, remoteAddress, remotePort }: TappedSession, wire: Wire): WrittenConnection {
  const remote = { address: remoteAddress, port: remotePort };
  return role === 'server'
    ? { client: remote, server: { address: LOOPBACK, port: wire.ports[0] ?? 0 } }
    : { client: { address: LOOPBACK, port: DYNAMIC + (id % DYNAMIC_PORTS) }, server: remote };
}

function withoutSecrets(wire: Wire, frame: Buffer, version: number): Buffer {
  // Binds are short and have the lowest numbers in every protocol.
  if (frame[4] !== 0 || frame[7]! > 9 || frame.length > 256) return frame;
  const fields = readAs(wire, frame, version).description?.fields ?? {};
  let shown = frame;
  for (const key of SECRETS) {
    const secret = fields[key];
    if (typeof secret !== 'string' || secret === '') continue;
    if (shown === frame) shown = Buffer.from(frame);
    for (let o = wire.headerOctets; ; ) {
      o = shown.indexOf(secret, o, 'latin1');
      if (o < 0) break;
      shown.fill('*', o, o + secret.length);
    }
  }
  return shown;
}
