import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/** Where a platform is dialled, for `LoadOptions.callback`. */
export interface CallbackServer {
  readonly server: Server;
  readonly port: number;
}

/** Listens on a port of this machine; 0 takes a free one. Rejects with the system's error where it is taken. */
export async function listenForCalls(port: number): Promise<CallbackServer> {
  const server = createServer({ noDelay: true });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port of this machine that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { server, port } = await listenForCalls(0);
  server.close();
  return port;
}
