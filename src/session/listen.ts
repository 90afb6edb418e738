import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { createAddressTest } from '../base/address.ts';
import type { Histogram } from '../base/histogram.ts';
import type { BindRequest, BindVerdict, Dialect } from './dialect.ts';
import { Engine, type Keeper, type SessionDeps, type SessionLimits } from './engine.ts';
import { SocketLink } from './link.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import type { Session } from './session.ts';

export interface ListenTls {
  /** PEM. */
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Authorities of client certificates. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** `request`: told to `authenticate`. `require`: no TLS without an accepted one. Default `none`. */
  readonly clientCertificate?: 'none' | 'request' | 'require';
}

export interface ListenOptions extends SessionLimits {
  /** For logs. */
  readonly name: string;
  readonly host: string;
  /** 0: a free one, see `address`. */
  readonly port: number;
  readonly dialect: Dialect;
  readonly tls?: ListenTls;
  /** Connections from these networks must begin with a PROXY header (v1 or v2); from elsewhere none is taken. */
  readonly proxyProtocol?: { readonly trusted: readonly string[] };
  readonly maxConnections: number;
  /** Connections without a bind; above it the oldest of them is closed, so that a flood of strangers keeps nobody out. */
  readonly maxUnbound: number;
  /** Our name in bind answers. */
  readonly systemId: string;
}

export interface ListenDeps<T> extends SessionDeps<T> {
  /** Judges a bind, at once or later; frames behind it wait meanwhile. A rejection is answered busy. */
  readonly authenticate: (bind: BindRequest) => Promise<BindVerdict> | BindVerdict;
  /** Where times from our request to the platform's answer are counted, all sessions together. */
  readonly rtt?: Histogram;
}

export interface ListenCounters {
  accepted: number;
  /** Closed at once: `maxConnections`. */
  overLimit: number;
  /** Unbound ones closed for a newer one: `maxUnbound`. */
  evicted: number;
  /** Came and went without an octet: health checks of load balancers. */
  silent: number;
  foreign: number;
  tlsFaults: number;
  proxyFaults: number;
}

export interface Listener<T> {
  readonly address: AddressInfo;
  /** All sessions, bound or not. */
  readonly sessions: ReadonlySet<Session<T>>;
  readonly counters: Readonly<ListenCounters>;
  /** Stops accepting, unbinds every session within `withinMs` (default 5000), resolves when all sockets are gone. */
  close(withinMs?: number): Promise<void>;
}

interface Remote {
  readonly address: string;
  readonly port: number;
}

/**
 * Accepts platforms. A socket goes through at most three gates: the PROXY header, TLS, the bind; each is bounded by
 * `bindTimeoutMs`. Rejects when the port cannot be had.
 */
export async function listen<T>(options: ListenOptions, deps: ListenDeps<T>): Promise<Listener<T>> {
  const { dialect, name } = options;
  const { log, wheel, turn } = deps;
  const sessions = new Set<Engine<T>>();
  // In order of arrival: the first is the oldest.
  const unbound = new Set<Engine<T>>();
  const sockets = new Set<Socket>();
  const counters: ListenCounters = {
    accepted: 0,
    overLimit: 0,
    evicted: 0,
    silent: 0,
    foreign: 0,
    tlsFaults: 0,
    proxyFaults: 0,
  };
  let closing = false;

  const keeper: Keeper<T> = {
    onBound: (session) => void unbound.delete(session),
    onClosed(session) {
      unbound.delete(session);
      sessions.delete(session);
      if (session.counters.octetsIn === 0 && session.counters.faults === 0) counters.silent++;
    },
    onForeign: () => void counters.foreign++,
  };

  const open = (socket: Socket | TLSSocket, remote: Remote | undefined, tlsAuthorized: boolean): void => {
    if (unbound.size >= options.maxUnbound) {
      counters.evicted++;
      for (const oldest of unbound) {
        oldest.close('too many connections without a bind');
        break;
      }
    }
    const link = new SocketLink(
      socket,
      { frame: dialect.frame, ...(remote === undefined ? {} : { remote }) },
      wheel,
      turn,
    );
    const session = new Engine<T>(
      link,
      {
        dialect,
        limits: options,
        side: { role: 'server', systemId: options.systemId, tlsAuthorized, authenticate: deps.authenticate },
        keeper,
        ...(deps.rtt === undefined ? {} : { rtt: deps.rtt }),
      },
      deps,
    );
    sessions.add(session);
    unbound.add(session);
    link.tap = deps.tap?.open(session);
    session.start();
    if (closing) session.close('the listener is closing');
  };

  const secure = options.tls === undefined ? undefined : createSecure(options, counters, open);
  const trusted = options.proxyProtocol === undefined ? undefined : createAddressTest(options.proxyProtocol.trusted);

  const accept = (socket: Socket): void => {
    counters.accepted++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Until a link takes over, an error only ends the socket.
    socket.on('error', () => socket.destroy());
    if (closing || sockets.size > options.maxConnections) {
      counters.overLimit++;
      socket.destroy();
      return;
    }
    const go = (remote: Remote | undefined): void => {
      if (secure === undefined) open(socket, remote, false);
      else secure.take(socket, remote);
    };
    if (trusted === undefined || !trusted(socket.remoteAddress ?? '')) {
      go(undefined);
      return;
    }
    // The header comes in one segment from every proxy, but nothing says that it must.
    let head: Buffer = Buffer.alloc(0);
    const timer = wheel.timer(() => {
      counters.proxyFaults++;
      socket.destroy();
    });
    timer.arm(options.bindTimeoutMs);
    socket.once('close', () => timer.cancel());
    const onData = (chunk: Buffer): void => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const header = parseProxyHeader(head);
      if (header.kind === 'partial') return;
      timer.cancel();
      socket.off('data', onData);
      if (header.kind === 'fault') {
        counters.proxyFaults++;
        log.warn({ listener: name, remote: socket.remoteAddress, reason: header.reason }, 'listen: bad PROXY header');
        socket.destroy();
        return;
      }
      socket.pause();
      if (header.octets < head.length) socket.unshift(head.subarray(header.octets));
      go(header.source);
      if (secure === undefined) socket.resume();
    };
    socket.on('data', onData);
  };

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, accept);
  await bindPort(server, options.port, options.host);
  server.on('error', (error) => log.error({ listener: name, err: error }, 'listen: cannot accept'));
  const address = server.address() as AddressInfo;
  log.info({ listener: name, address: address.address, port: address.port, protocol: dialect.name }, 'listen: open');

  return {
    address,
    sessions,
    counters,
    close(withinMs = 5_000) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of [...sessions]) session.unbind('the listener is closing', withinMs);
      // Sockets that have no session yet: a PROXY header or a TLS handshake is under way.
      if (sessions.size < sockets.size) {
        const last = wheel.timer(() => {
          for (const socket of sockets) socket.destroy();
        });
        last.arm(withinMs + 4_000);
        void closed.then(() => last.cancel());
      }
      return closed;
    },
  };
}

/** The TLS gate: takes raw sockets, opens a session when the handshake is done. */
function createSecure(
  options: ListenOptions,
  counters: ListenCounters,
  open: (socket: TLSSocket, remote: Remote | undefined, authorized: boolean) => void,
): { take(socket: Socket, remote: Remote | undefined): void } {
  const { key, cert, ca, clientCertificate = 'none' } = options.tls!;
  const server: TlsServer = createTlsServer({
    key,
    cert,
    ...(ca === undefined ? {} : { ca: Array.isArray(ca) ? [...ca] : (ca as string | Buffer) }),
    minVersion: 'TLSv1.2',
    requestCert: clientCertificate !== 'none',
    rejectUnauthorized: clientCertificate === 'require',
    handshakeTimeout: options.bindTimeoutMs,
  });
  // The secured socket shows the raw one's ends: that is how what the proxy told finds its way.
  const remotes = new Map<string, Remote>();
  const ends = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on('secureConnection', (socket) => open(socket, remotes.get(ends(socket)), socket.authorized));
  server.on('tlsClientError', (_error, socket) => {
    counters.tlsFaults++;
    socket.destroy();
  });
  return {
    take(socket, remote) {
      if (remote !== undefined) {
        const key = ends(socket);
        remotes.set(key, remote);
        socket.once('close', () => remotes.delete(key));
      }
      server.emit('connection', socket);
    },
  };
}

function bindPort(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
