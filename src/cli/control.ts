import { Command } from 'commander';
import { z } from 'zod';
import { Complaint } from './complaint.ts';
import { readConfig, wholeNumber } from './options.ts';

// Commands that ask a running gateway, over the HTTP of its admin.

export interface Flags {
  readonly admin?: string;
  readonly config?: string;
  readonly json?: true;
}

export function remote(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--admin <url>', 'where its admin listens (default: http://127.0.0.1:9464)')
    .option('--config <file>', 'take that address from a configuration')
    .option('--json', 'as JSON');
}

function addressOf(flags: Flags): string {
  if (flags.admin !== undefined) return flags.admin.replace(/\/$/, '');
  if (flags.config === undefined) return 'http://127.0.0.1:9464';
  const { host, port } = readConfig(flags.config).admin.listen;
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}

export async function ask(flags: Flags, path: string, body?: object): Promise<unknown> {
  const base = addressOf(flags);
  return read(await reach(base, path, body), `${base}${path}`);
}

/** What a path gives as octets. */
export async function fetchOctets(flags: Flags, path: string): Promise<Buffer> {
  const base = addressOf(flags);
  const response = await reach(base, path);
  if (!response.ok) await read(response, `${base}${path}`);
  return Buffer.from(await response.arrayBuffer());
}

async function reach(base: string, path: string, body?: object): Promise<Response> {
  try {
    return await fetch(`${base}${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    throw new Complaint(`cannot reach the gateway's admin at ${base}: ${cause}; does it run? (--admin, --config)`);
  }
}

/** The JSON of an answer, or a complaint of what it says is wrong. */
async function read(response: Response, from: string): Promise<unknown> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Complaint(
      `${from} answered ${response.status} with something else than JSON; is that the gateway's admin?`,
    );
  }
  if (response.ok) return value;
  const { error, problems } = z
    .object({ error: z.string().optional(), problems: z.array(z.string()).optional() })
    .parse(value);
  throw new Complaint(problems?.join('\n') ?? error ?? `${from} answered ${response.status}`);
}

export const print = (flags: Flags, value: unknown, lines: () => readonly string[]): void => {
  process.stdout.write(flags.json === true ? `${JSON.stringify(value, undefined, 2)}\n` : `${lines().join('\n')}\n`);
};

/** Rows under a head, columns as wide as they need to be. */
function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => String(row[k]).length)));
  return rows.map((row) =>
    row
      .map((cell, k) => String(cell).padEnd(widths[k]!))
      .join('  ')
      .trimEnd(),
  );
}

const carrierList = z.array(
  z.object({
    name: z.string(),
    protocol: z.string(),
    up: z.boolean(),
    limit: z.string(),
    queue: z.object({ high: z.number(), normal: z.number(), oldestMs: z.number() }),
    perSecond: z.number(),
    ceilingPerSecond: z.number(),
    idForm: z.object({ used: z.string() }),
    slots: z.array(z.object({ state: z.string(), error: z.string() })),
    responseMs: z.object({ p50: z.number(), p99: z.number() }),
  }),
);

export function carriersCommand(): Command {
  return remote('carriers', 'binds, queue and limit of every carrier of a running gateway').action(
    async (flags: Flags) => {
      const value = await ask(flags, '/api/carriers');
      print(flags, value, () => {
        const list = carrierList.parse(value);
        const head = [
          'carrier',
          'protocol',
          'binds',
          'limit',
          'queue',
          'oldest',
          'per s',
          'ceiling',
          'p50 ms',
          'p99 ms',
          'ids',
        ];
        const rows = list.map((c) => [
          c.name,
          c.protocol,
          `${c.slots.filter((s) => s.state === 'bound').length}/${c.slots.length}`,
          c.limit,
          c.queue.high + c.queue.normal,
          `${Math.round(c.queue.oldestMs / 1000)}s`,
          Math.round(c.perSecond),
          Math.round(c.ceilingPerSecond),
          c.responseMs.p50,
          c.responseMs.p99,
          c.idForm.used,
        ]);
        const troubles = list.flatMap((c) =>
          c.slots.filter((s) => s.state !== 'bound' && s.error !== '').map((s) => `${c.name}: ${s.state}, ${s.error}`),
        );
        return [...table([head, ...rows]), ...new Set(troubles)];
      });
    },
  );
}

const unmatchedList = z.object({
  total: z.number(),
  complete: z.boolean(),
  reports: z.array(
    z.object({
      carrier: z.string(),
      carrierId: z.string(),
      state: z.string(),
      destination: z.string(),
      at: z.string().nullable(),
      nearest: z.object({ message: z.string(), carrierIds: z.array(z.string()) }).nullable(),
    }),
  ),
});

export function unmatchedCommand(): Command {
  return remote('unmatched', 'reports that no message is known for, with the nearest message of each')
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .action(async (flags: Flags & { limit: number }) => {
      const value = await ask(flags, `/api/unmatched?limit=${flags.limit}`);
      print(flags, value, () => {
        const list = unmatchedList.parse(value);
        const rows = list.reports.map((r) => [
          r.at ?? '',
          r.carrier,
          r.carrierId,
          r.state,
          r.destination,
          r.nearest === null ? 'none' : `${r.nearest.message} (${r.nearest.carrierIds.join(', ')})`,
        ]);
        return [
          `${list.total} unmatched${list.complete ? '' : '; not all waiting messages were looked at for the nearest'}`,
          ...(rows.length === 0
            ? []
            : table([['at', 'carrier', 'id', 'state', 'destination', 'nearest message (its ids)'], ...rows])),
        ];
      });
    });
}

const replayed = z.object({ replayed: z.number(), more: z.string().nullable() });

export function receiptsCommand(): Command {
  const command = new Command('receipts').description('receipts of a running gateway');
  command.addCommand(
    remote('replay', 'tell receipts again, marked as a replay')
      .requiredOption('--account <name>', 'whose')
      .requiredOption('--from <time>', 'messages that ended at or after this time, such as 2026-05-01T08:00:00Z')
      .requiredOption('--to <time>', 'and before this time')
      .option('--number <number>', 'only of this destination')
      .action(async (flags: Flags & { account: string; from: string; to: string; number?: string }) => {
        const { account, from, to, number } = flags;
        const value = await ask(flags, '/api/receipts/replay', {
          account,
          from,
          to,
          ...(number === undefined ? {} : { number }),
        });
        print(flags, value, () => {
          const done = replayed.parse(value);
          const more = done.more === null ? '' : `; there are more: go on with --from ${done.more}`;
          return [`${done.replayed} receipts are told again${more}`];
        });
      }),
  );
  return command;
}

const reloaded = z.object({ needsRestart: z.array(z.string()) });

export function reloadCommand(): Command {
  return remote('reload', 'have a running gateway read its configuration again').action(async (flags: Flags) => {
    const value = await ask(flags, '/api/reload', {});
    print(flags, value, () => {
      const { needsRestart } = reloaded.parse(value);
      return [
        'reloaded',
        ...(needsRestart.length === 0 ? [] : [`counts after a restart only: ${needsRestart.join(', ')}`]),
      ];
    });
  });
}
