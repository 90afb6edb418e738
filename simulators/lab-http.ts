import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { BehaviourChange } from './behaviour.ts';
import type { Lab, LabCarrier } from './lab.ts';
import { labMetrics } from './lab-metrics.ts';
import { labReport } from './lab-report.ts';
import { labState } from './lab-state.ts';
import { reportPage } from './report/report-page.ts';
import { reportText } from './report/report-text.ts';
import type { Rule } from './scenario/rules.ts';

export interface LabHttpOptions {
  /** Default: loopback. */
  readonly host?: string;
  readonly port: number;
  /** Switches the log of PDUs; undefined: there is none to be switched. */
  readonly pdus?: (on: boolean) => void;
}

export interface LabHttp {
  readonly host: string;
  readonly port: number;
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
  /** What stands for `*` in the path. */
  readonly rest: string;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/*` at its end: whatever follows. */
  readonly path: string;
  readonly answer: (ask: Ask) => Reply | Promise<Reply>;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const BODY_MAX = 1 << 20;

const moBody = z.strictObject({
  from: z.string().regex(/^\+?\d{1,20}$/, 'give the digits of the handset'),
  to: z.string().regex(/^\+?\d{1,20}$/, 'give the digits of the service number'),
  text: z.string(),
  coding: z.enum(['gsm7', 'ascii', 'latin1', 'ucs2', 'gbk']).optional(),
  long: z.enum(['udh', 'udh16', 'payload']).optional(),
  account: z.string().optional(),
});

/**
 * A lab over HTTP: what its carriers see, and changes of what they do. It has no logins, so it listens on this machine
 * unless told otherwise, and answers no page of a browser. Rejects when the port cannot be had.
 */
export async function startLabHttp(lab: Lab, options: LabHttpOptions): Promise<LabHttp> {
  const metrics = labMetrics(lab);

  /** The carrier that is asked for, or the only one. */
  const one = (query: URLSearchParams): LabCarrier => {
    const names = lab.carriers.map((c) => c.name).join(', ');
    const name = query.get('carrier');
    if (name === null) {
      if (lab.carriers.length > 1) throw new Refusal(400, `carrier: say which, by ?carrier= with one of ${names}`);
      return lab.carriers[0]!;
    }
    const found = lab.carriers.find((c) => c.name === name);
    if (found === undefined)
      throw new Refusal(404, `carrier: there is no ${JSON.stringify(name)}; give one of ${names}`);
    return found;
  };
  /** The carrier that is asked for, or all of them. */
  const those = (query: URLSearchParams): readonly LabCarrier[] => (query.has('carrier') ? [one(query)] : lab.carriers);

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/metrics',
      answer: async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }),
    },
    { method: 'GET', path: '/state', answer: () => json(200, labState(lab)) },
    { method: 'GET', path: '/report.json', answer: () => json(200, labReport(lab)) },
    {
      method: 'GET',
      path: '/report.txt',
      answer: () => ({ status: 200, type: 'text/plain; charset=utf-8', body: reportText(labReport(lab)) }),
    },
    {
      method: 'GET',
      path: '/report.html',
      answer: () => ({ status: 200, type: 'text/html; charset=utf-8', body: reportPage(labReport(lab)) }),
    },
    {
      method: 'PATCH',
      path: '/behaviour',
      answer({ query, body }) {
        if (!isObject(body))
          throw new Refusal(400, 'behaviour: give an object of what to change, such as {"hold": true}');
        const { carrier } = one(query);
        refusing(() => carrier.change(body as BehaviourChange));
        return json(200, carrier.behaviour);
      },
    },
    {
      method: 'GET',
      path: '/scenario',
      answer({ query }) {
        const { name, scenario } = one(query);
        if (scenario === undefined) throw new Refusal(404, `scenario: ${name} plays none`);
        return json(200, scenario);
      },
    },
    {
      method: 'GET',
      path: '/recording',
      answer: ({ query }) => ({
        status: 200,
        type: 'application/yaml; charset=utf-8',
        body: stringify(one(query).carrier.recording()),
      }),
    },
    {
      method: 'GET',
      path: '/events',
      answer({ query }) {
        if (lab.events === undefined) {
          throw new Refusal(409, 'events: this lab keeps none; start it with --events');
        }
        const since = query.get('since') ?? '0';
        if (!/^\d{1,15}$/.test(since))
          throw new Refusal(400, `since: ${since} is no number; give next of the last answer`);
        return { status: 200, type: JSON_TYPE, body: `${lab.events.since(Number(since))}\n` };
      },
    },
    { method: 'GET', path: '/rules', answer: ({ query }) => json(200, one(query).carrier.rules) },
    {
      method: 'POST',
      path: '/rules',
      answer({ query, body }) {
        if (!isObject(body)) throw new Refusal(400, 'rule: give an object { name, when, then }');
        const { carrier } = one(query);
        refusing(() => carrier.addRule(body as unknown as Rule));
        return json(201, carrier.rules);
      },
    },
    {
      method: 'DELETE',
      path: '/rules/*',
      answer({ query, rest }) {
        const { carrier } = one(query);
        if (carrier.removeRule(rest)) return json(200, carrier.rules);
        const names = carrier.rules.map((r) => r.name).join(', ') || 'none';
        throw new Refusal(404, `rule: there is no ${JSON.stringify(rest)}; there are: ${names}`);
      },
    },
    {
      method: 'POST',
      path: '/mo',
      answer({ query, body }) {
        const { carrier } = one(query);
        const asked = moBody.safeParse(body);
        if (!asked.success) throw new Refusal(400, sentence(asked.error));
        const { coding, long, account, ...mo } = asked.data;
        // Answered when it is on its way: it may have to wait for a session.
        void refusing(() =>
          carrier.injectMo({
            ...mo,
            ...(coding !== undefined && { coding }),
            ...(long !== undefined && { long }),
            ...(account !== undefined && { account }),
          }),
        );
        return json(202, { sent: 'or kept until there is a session', open: carrier.standing() });
      },
    },
    {
      method: 'POST',
      path: '/drop',
      answer({ query }) {
        const cut = those(query).map(({ name, carrier }) => {
          const { sessions } = carrier;
          carrier.dropAll();
          return { carrier: name, sessions };
        });
        return json(200, { cut });
      },
    },
    {
      method: 'PUT',
      path: '/pdus',
      answer({ body }) {
        const asked = z.strictObject({ on: z.boolean() }).safeParse(body);
        if (!asked.success) throw new Refusal(400, `${sentence(asked.error)}; give {"on": true} or {"on": false}`);
        if (options.pdus === undefined) throw new Refusal(409, 'pdus: this lab has no log of PDUs to switch');
        options.pdus(asked.data.on);
        return json(200, asked.data);
      },
    },
  ];

  const handle = async (request: IncomingMessage): Promise<Reply> => {
    guard(request);
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://lab');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const fits = routes.filter(({ path }) =>
      path.endsWith('/*') ? pathname.startsWith(path.slice(0, -1)) : pathname === path,
    );
    if (fits.length === 0) throw new Refusal(404, `there is no ${pathname}; there are ${listOf(routes)}`);
    const route = fits.find((r) => r.method === method);
    if (route === undefined) throw new Refusal(405, `${pathname} takes ${fits.map((r) => r.method).join(', ')}`);
    const body = method === 'GET' || method === 'DELETE' ? undefined : await readBody(request);
    return route.answer({ query, rest: decoded(pathname.slice(route.path.length - 1)), body });
  };

  const server = createServer((request, response) => {
    handle(request)
      .catch((error: unknown) => {
        if (error instanceof Refusal) return json(error.status, { error: error.message });
        return json(500, { error: error instanceof Error ? error.message : String(error) });
      })
      .then((reply) => send(request, response, reply))
      .catch(() => response.destroy());
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  const { host = '127.0.0.1', port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken; give another' : error.message;
      reject(new Error(`lab: HTTP cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  // One that cannot be accepted (too many open files) is no reason to end.
  server.on('error', () => undefined);

  return {
    host,
    port: (server.address() as AddressInfo).port,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const listOf = (routes: readonly Route[]): string => routes.map(({ method, path }) => `${method} ${path}`).join(', ');

/** What the carrier says no to, is the asker's fault. */
function refusing<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal(400, error.message);
    throw error;
  }
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

function sentence(error: z.ZodError): string {
  return error.issues.map((i) => `${i.path.join('.') || 'body'}: ${i.message}`).join('; ');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, `${text} is no text in percent-encoding`);
  }
}

/** No logins here, so no page that a browser on this machine happens to show may ask, under whatever name. */
function guard(request: IncomingMessage): void {
  if (request.headers.origin !== undefined) throw new Refusal(403, 'a lab does not answer pages of a browser');
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (!/^(localhost|[\d.]+|\[[0-9a-fA-F:.]+\])$/.test(host)) {
    throw new Refusal(403, 'a lab is reached by address or as localhost');
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const octets = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= BODY_MAX) return;
      // Paused, not destroyed: the answer still has to go out on this connection.
      request.pause();
      reject(new Refusal(413, `a body may have ${BODY_MAX} octets`));
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
  });
  if (octets.length === 0) return undefined;
  try {
    return JSON.parse(octets.toString('utf8')) as unknown;
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${(error as Error).message}`);
  }
}

function json(status: number, value: unknown): Reply {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What was not read of a refused body must not hold the connection.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
