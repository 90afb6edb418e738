import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { Wire } from '../capture/wire.ts';
import { REPLAY_MAX, replay } from '../gateway/replay.ts';
import { findMessage, ownId } from './find-message.ts';
import { tapAsPcap } from './tap-pcap.ts';
import { type TraceAsk, trace, traceView } from './trace.ts';
import { accountsView, carriersView, messageView, readiness, recordView, unmatchedView } from './views.ts';
import type { Watched } from './watched.ts';

/** What became of a reload: nothing is taken of a configuration with problems. */
export interface Reloaded {
  /** `file:line:column: key: what`, one each; empty: taken. */
  readonly problems: readonly string[];
  /** Keys whose change counts from the next start on. */
  readonly needsRestart: readonly string[];
}

export interface AdminOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: Registry;
  /** How the streams of each protocol are read, by its name. */
  readonly wires: ReadonlyMap<string, Wire>;
  /** Reads the configuration again and takes it. */
  readonly reload: () => Promise<Reloaded>;
}

export interface Admin {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

/** Says no, with the status to say it with. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

interface Ask {
  readonly query: URLSearchParams;
  /** What follows the route's path. */
  readonly rest: string;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

interface Route {
  readonly method: 'GET' | 'POST';
  /** A path, or with `/` at its end, what begins with it. */
  readonly path: string;
  readonly answer: (ask: Ask) => Reply | Promise<Reply>;
}

const BODY_MAX = 64 * 1024;
const UNMATCHED_MAX = 1_000;

/**
 * Metrics, health and the API of a node over HTTP. `/api/` answers peers on this machine only, whatever the address it
 * listens on: it has no logins. Rejects when the port cannot be had.
 */
export async function startAdmin(node: Watched, options: AdminOptions): Promise<Admin> {
  const { registry } = options;
  let replaying = false;

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/metrics',
      answer: async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
    },
    { method: 'GET', path: '/healthz', answer: () => json(200, { alive: true }) },
    {
      method: 'GET',
      path: '/readyz',
      answer() {
        const now = readiness(node);
        return json(now.ready ? 200 : 503, now);
      },
    },
    { method: 'GET', path: '/api/carriers', answer: () => json(200, carriersView(node)) },
    { method: 'GET', path: '/api/accounts', answer: () => json(200, accountsView(node)) },
    {
      method: 'GET',
      path: '/api/unmatched',
      answer: async ({ query }) => json(200, await unmatchedView(node, limitOf(query, 50, UNMATCHED_MAX))),
    },
    { method: 'GET', path: '/api/messages/', answer: ({ rest, query }) => message(node, rest, query) },
    { method: 'GET', path: '/api/trace/', answer: ({ rest, query }) => traced(node, options.wires, rest, query) },
    { method: 'GET', path: '/api/capture', answer: () => capture(node, options.wires) },
    {
      method: 'POST',
      path: '/api/receipts/replay',
      async answer({ body }) {
        const asked = replayBody.safeParse(body);
        if (!asked.success) throw new Refusal(400, sentence(asked.error));
        const { account, from, to, number } = asked.data;
        if (!node.gw.accounts.has(account)) throw new Refusal(404, `there is no account ${JSON.stringify(account)}`);
        if (from >= to) throw new Refusal(400, 'from: must be before to');
        if (replaying) throw new Refusal(409, 'a replay is under way; wait for its end');
        replaying = true;
        try {
          const done = await replay(node.gw, { account, from, to, ...(number === undefined ? {} : { number }) });
          node.log.info({ account, from, to, replayed: done.replayed }, 'receipts are told again');
          return json(200, {
            replayed: done.replayed,
            more: done.more === undefined ? null : new Date(done.more).toISOString(),
            most: REPLAY_MAX,
          });
        } finally {
          replaying = false;
        }
      },
    },
    {
      method: 'POST',
      path: '/api/reload',
      async answer() {
        const done = await options.reload();
        return json(done.problems.length === 0 ? 200 : 422, done);
      },
    },
  ];

  const handle = async (request: IncomingMessage): Promise<Reply> => {
    const url = new URL(request.url ?? '/', 'http://admin');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const fits = routes.filter((r) =>
      r.path.endsWith('/') ? url.pathname.startsWith(r.path) : url.pathname === r.path,
    );
    if (fits.length === 0) throw new Refusal(404, `there is no ${url.pathname}; see the list in the README`);
    const route = fits.find((r) => r.method === method);
    if (route === undefined) throw new Refusal(405, `${url.pathname} takes ${fits.map((r) => r.method).join(', ')}`);
    if (route.path.startsWith('/api/')) guard(request);
    const body = route.method === 'POST' ? await readBody(request) : undefined;
    return route.answer({ query: url.searchParams, rest: url.pathname.slice(route.path.length), body });
  };

  const server = createServer((request, response) => {
    handle(request)
      .catch((error: unknown) => {
        if (error instanceof Refusal) return json(error.status, { error: error.message });
        const what = error instanceof Error ? error.message : String(error);
        node.log.error({ path: request.url?.split('?')[0], error: what }, 'admin: a request failed');
        return json(500, { error: what });
      })
      .then((reply) => send(request, response, reply))
      .catch(() => response.destroy());
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 5_000;
  server.maxConnections = 64;
  server.maxHeadersCount = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const { host, port } = options.listen;
      const why =
        error.code === 'EADDRINUSE' ? 'the port is taken; stop its owner or change' : `${error.message}; check`;
      reject(new Error(`admin: cannot listen on ${host}:${port}: ${why} admin.listen`, { cause: error }));
    });
    server.listen(options.listen.port, options.listen.host, resolve);
  });
  server.on('error', (error) => node.log.error({ error: error.message }, 'admin: cannot accept'));

  return {
    address: server.address() as AddressInfo,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const when = z.union([z.number(), z.string()]).transform((given, context): number => {
  const ms = typeof given === 'number' ? given : Date.parse(given);
  if (Number.isFinite(ms) && ms >= 0 && ms < 1e14) return ms;
  context.addIssue({ code: 'custom', message: 'give a time such as 2026-05-01T08:00:00Z, or ms since 1970' });
  return z.NEVER;
});

const replayBody = z.strictObject({
  account: z.string(),
  from: when,
  to: when,
  number: z
    .string()
    .regex(/^\+?\d{3,20}$/, 'give digits')
    .optional(),
});

function sentence(error: z.ZodError): string {
  return error.issues.map((i) => `${i.path.join('.') || 'body'}: ${i.message}`).join('; ');
}

/** A message wherever it is: at work, waiting, cold, or ended (then its record; of long ago only with a time range). */
async function message(node: Watched, rest: string, query: URLSearchParams): Promise<Reply> {
  const id = ownId(rest);
  if (id === undefined) {
    throw new Refusal(400, 'give the id as a decimal number, or as 0x and hexadecimal digits');
  }
  const within = { from: timeOf(query, 'from'), to: timeOf(query, 'to') };
  const found = await findMessage(node, id, within);
  if (found?.message !== undefined) return json(200, messageView(node.gw, found.message));
  if (found !== undefined) return json(200, recordView(found.record));
  const ended = node.gw.recent.find(id)?.at;
  const from = ended ?? within.from;
  const to = ended === undefined ? within.to : ended + 1;
  if (from !== undefined && to !== undefined) {
    throw new Refusal(
      404,
      `no record of message ${id} between ${new Date(from).toISOString()} and ${new Date(to).toISOString()}`,
    );
  }
  throw new Refusal(
    404,
    `message ${id} is not here any more; look in its record by adding ?from=<time>&to=<time> of its end`,
  );
}

/** What was said of a message, texts and full numbers only where `log.text` lets anybody see them. */
async function traced(
  node: Watched,
  wires: ReadonlyMap<string, Wire>,
  rest: string,
  query: URLSearchParams,
): Promise<Reply> {
  const id = decodeURIComponent(rest);
  if (!/^[\x21-\x7e]{1,65}$/.test(id)) throw new Refusal(400, 'give an id of up to 65 printable characters');
  const showText = query.get('text') === '1';
  if (showText && !node.gw.config.log.text) throw new Refusal(403, 'log.text is off: no texts and full numbers');
  const ask: TraceAsk = { id, from: timeOf(query, 'from'), to: timeOf(query, 'to'), showText };
  return json(200, traceView(node, await trace(node, wires, ask), showText));
}

/** All that is kept of all sessions, for a reader of captures: nothing can be hidden in it but passwords. */
async function capture(node: Watched, wires: ReadonlyMap<string, Wire>): Promise<Reply> {
  if (!node.gw.config.log.text) throw new Refusal(403, 'log.text is off: no texts and full numbers');
  if (node.tap === undefined) throw new Refusal(404, 'nothing is kept: trace.memory is 0');
  return { status: 200, type: 'application/vnd.tcpdump.pcap', body: await tapAsPcap(node.tap, wires) };
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  const read = when.safeParse(/^\d+$/.test(given) ? Number(given) : given);
  if (!read.success) throw new Refusal(400, `${name}: ${read.error.issues[0]?.message ?? 'not a time'}`);
  return read.data;
}

function limitOf(query: URLSearchParams, otherwise: number, most: number): number {
  const given = query.get('limit');
  if (given === null) return otherwise;
  if (!/^\d{1,9}$/.test(given) || Number(given) < 1) throw new Refusal(400, `limit: give a number from 1 to ${most}`);
  return Math.min(Number(given), most);
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** No logins here, so: from this machine only, and not from a page in its browser. */
function guard(request: IncomingMessage): void {
  if (!LOOPBACK.test(request.socket.remoteAddress ?? '')) {
    throw new Refusal(403, '/api/ answers on this machine only');
  }
  if (request.headers.origin !== undefined) throw new Refusal(403, '/api/ does not answer pages of a browser');
  // A name that somebody else's DNS points here is a page's way around its origin.
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (!/^(localhost|[\d.]+|\[[0-9a-fA-F:.]+\])$/.test(host)) {
    throw new Refusal(403, '/api/ is reached by address or as localhost');
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const octets = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= BODY_MAX) return;
      // Paused, not destroyed: the answer still has to go out on this connection.
      request.pause();
      reject(new Refusal(413, `a body may have ${BODY_MAX} octets`));
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
  });
  if (octets.length === 0) return {};
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type)) throw new Refusal(415, 'send the body as application/json');
  try {
    return JSON.parse(octets.toString('utf8')) as unknown;
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${(error as Error).message}`);
  }
}

function json(status: number, value: unknown): Reply {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  // What was not read of a refused body must not hold the connection.
  const unread = !request.complete;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(unread ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
