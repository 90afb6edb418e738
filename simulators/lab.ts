import { performance } from 'node:perf_hooks';
import { type Carrier, type CarrierOptions, type CarrierProtocol, startCarrier } from './carrier.ts';
import { createEventRing, type EventRing, type EventSource } from './event-ring.ts';
import { createFigures, type Figures } from './figures.ts';
import { findScenario } from './scenario/library.ts';
import type { Scenario } from './scenario/schema.ts';

export interface LabOptions {
  readonly carriers: readonly CarrierOptions[];
  /** So many of the newest events are kept; 0 (default): none, and they cost nothing. */
  readonly events?: number;
  /** A figure of each carrier was taken: once a second. */
  readonly onFigures?: () => void;
}

export interface LabCarrier {
  /** `cmpp-7890`: protocol and port. */
  readonly name: string;
  readonly protocol: CarrierProtocol;
  readonly host: string;
  readonly accounts: readonly string[];
  /** Undefined: it has none, and does what its behaviour says. */
  readonly scenario: Scenario | undefined;
  readonly carrier: Carrier;
  readonly figures: Figures;
}

/** Several carriers in one process, and their figures. */
export interface Lab {
  readonly carriers: readonly LabCarrier[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly events: EventRing | undefined;
  /** Since the start. */
  seconds(): number;
  /** Takes a figure now, besides the one a second: for what is shown at the end. */
  take(): void;
  stop(): Promise<void>;
}

const FIGURES_MS = 1000;

/** Starts them all, or rejects with what kept one from it, and none is left running. */
export async function startLab(options: LabOptions): Promise<Lab> {
  if (options.carriers.length === 0) throw new RangeError('lab: no carrier; give at least one');
  const carriers: LabCarrier[] = [];
  const { events: room = 0 } = options;
  const events = room > 0 ? createEventRing(room) : undefined;
  const stopAll = async (): Promise<void> => {
    await Promise.all(carriers.map(({ carrier }) => carrier.stop()));
  };
  for (const one of options.carriers) {
    try {
      carriers.push(await start(one, events));
    } catch (error) {
      await stopAll();
      throw new LabFault(one, error as Error);
    }
  }
  const startedAt = Date.now();
  const start0 = performance.now();
  const seconds = (): number => (performance.now() - start0) / 1000;
  const take = (): void => {
    const at = seconds();
    for (const { figures } of carriers) figures.take(at);
  };
  const taking = setInterval(() => {
    take();
    options.onFigures?.();
  }, FIGURES_MS);

  return {
    carriers,
    startedAt,
    events,
    seconds,
    take,
    stop() {
      clearInterval(taking);
      return stopAll();
    },
  };
}

/** A carrier of a lab could not be started: names it, and why. */
class LabFault extends Error {
  constructor({ protocol, host, port }: CarrierOptions, cause: Error) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE' ? 'the port is taken; give another' : code === 'EACCES' ? 'the port is not allowed' : '';
    const where = port === undefined || port === 0 ? protocol : `${protocol} on ${host ?? '127.0.0.1'}:${port}`;
    super(`lab: cannot start ${where}: ${why || cause.message}`, { cause });
    this.name = 'LabFault';
  }
}

async function start(options: CarrierOptions, events: EventRing | undefined): Promise<LabCarrier> {
  const { protocol, accounts, host = '127.0.0.1' } = options;
  const scenario = typeof options.scenario === 'string' ? findScenario(options.scenario) : options.scenario;
  const source: EventSource = { name: protocol };
  const carrier = await startCarrier({
    ...options,
    ...(scenario !== undefined && { scenario }),
    ...(events !== undefined && { log: [options.log ?? [], (line: string) => events.add(source, line)].flat() }),
  });
  source.name = `${protocol}-${carrier.port}`;
  return {
    name: source.name,
    protocol,
    host,
    accounts: accounts.map((a) => a.name),
    scenario,
    carrier,
    figures: createFigures(carrier),
  };
}
