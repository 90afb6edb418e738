import type { Peer } from './peer.ts';

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A connection whose octets are shown: the same object for all of them. */
export interface TappedConnection {
  /** From 1, in the order in which they came to be watched. */
  readonly number: number;
  /** Who dialled: the other side, or (SGIP) the carrier. */
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** `fromClient`: sent by who dialled. `octets`: a view, valid during the call, as the socket had them. */
export type TapReader = (connection: TappedConnection, fromClient: boolean, octets: Buffer) => void;

/** Shows the octets of all connections while somebody looks; costs nothing while nobody does. */
export interface Tap {
  /** Undefined: looks no more. */
  watch(reader: TapReader | undefined): void;
  join(peer: Peer, dialled: boolean): void;
  leave(peer: Peer): void;
}

export function createTap(): Tap {
  const peers = new Map<Peer, boolean>();
  let reader: TapReader | undefined;
  let connections = 0;

  const show = (peer: Peer, dialled: boolean): void => {
    const see = reader;
    if (see === undefined) {
      peer.tap = undefined;
      return;
    }
    let connection: TappedConnection | undefined;
    peer.tap = (sent, octets) => {
      // Not before: the address of a connection that we dial is not known until it stands.
      connection ??= ends(peer, dialled, ++connections);
      see(connection, sent === dialled, octets);
    };
  };

  return {
    watch(next) {
      reader = next;
      for (const [peer, dialled] of peers) show(peer, dialled);
    },
    join(peer, dialled) {
      peers.set(peer, dialled);
      show(peer, dialled);
    },
    leave(peer) {
      peers.delete(peer);
    },
  };
}

function ends({ socket }: Peer, dialled: boolean, number: number): TappedConnection {
  const here = { address: socket.localAddress ?? '127.0.0.1', port: socket.localPort ?? 0 };
  const there = { address: socket.remoteAddress ?? '127.0.0.1', port: socket.remotePort ?? 0 };
  return dialled ? { number, client: here, server: there } : { number, client: there, server: here };
}
