import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type Behaviour, type BehaviourChange, changed, differenceOf, WELL_BEHAVED } from './behaviour.ts';
import { createBookWriter } from './book-file.ts';
import { type Books, createBooks, type RecordMode, type Stopwatch } from './books.ts';
import { createCarrierBook } from './carrier-book.ts';
import { cmppCarrier } from './carriers/cmpp.ts';
import { sgipCarrier } from './carriers/sgip.ts';
import { smgpCarrier } from './carriers/smgp.ts';
import { smppCarrier } from './carriers/smpp.ts';
import { type Centre, createCentre, type Standing } from './centre.ts';
import type { Account, Callback, Mo, Protocol } from './protocol.ts';
import { createLabClock } from './scenario/clock.ts';
import { createEventLog, type EventTarget } from './scenario/event-log.ts';
import { findScenario } from './scenario/library.ts';
import { checkScenario } from './scenario/read.ts';
import type { Rule } from './scenario/rules.ts';
import type { Scenario } from './scenario/schema.ts';
import type { TapReader } from './tap.ts';

/** Versions by protocol, as they are called and as they are on the wire; the first is the default. */
const VERSIONS = {
  smpp: { '3.4': 0x34, '3.3': 0x33, '5.0': 0x50 },
  cmpp: { '2.0': 0x20, '2.1': 0x21, '3.0': 0x30 },
  sgip: { '1.2': 0x12 },
  smgp: { '3.0': 0x30, '1.3': 0x13 },
} as const;

export type CarrierProtocol = keyof typeof VERSIONS;

export interface CarrierOptions {
  readonly protocol: CarrierProtocol;
  /** Highest version spoken: SMPP 3.3, 3.4 (default), 5.0; CMPP 2.0 (default), 2.1, 3.0; SGIP 1.2; SMGP 3.0 (default), 1.3. */
  readonly version?: string;
  /** Default: loopback. */
  readonly host?: string;
  /** Default: a free one, see `Carrier.port`. */
  readonly port?: number;
  readonly accounts: readonly Account[];
  /** A name of the library, a file, or the thing itself. */
  readonly scenario?: string | Scenario;
  /** Over that of the scenario. */
  readonly behaviour?: BehaviourChange;
  /** What happens, a line of JSON each, into files and to functions: see scenario/event-log.ts. */
  readonly log?: EventTarget | readonly EventTarget[];
  readonly record?: RecordMode;
  /** Writes its books into this file, for `yima verdict`; each carrier needs one of its own. */
  readonly book?: string;
}

const SPEAKS: Readonly<Record<CarrierProtocol, (centre: Centre, version: number) => Protocol>> = {
  smpp: smppCarrier,
  cmpp: cmppCarrier,
  sgip: sgipCarrier,
  smgp: smgpCarrier,
};

/** A simulated carrier that listens. */
export interface Carrier {
  readonly port: number;
  readonly books: Books;
  /** The base: what holds where no rule does. */
  readonly behaviour: Behaviour;
  readonly rules: readonly Rule[];
  /** Changes the base from now on. Throws RangeError for a rule that is none. */
  change(behaviour: BehaviourChange): void;
  /** Behind the others, so that it wins. Throws RangeError for a name that is taken and for what is no rule. */
  addRule(rule: Rule): void;
  /** False: there is none of this name. */
  removeRule(name: string): boolean;
  /**
   * The scenario with all that was changed, sent and cut since the start in its schedule: a carrier that is started with
   * it meets the same at the same times.
   */
  recording(): Scenario;
  /** Sessions that are logged in. */
  readonly sessions: number;
  /** How things stand now, summed over its sessions. */
  standing(): Standing;
  /** From now on the octets of all connections are shown to the reader; undefined: no more. */
  watch(reader: TapReader | undefined): void;
  /** How long things take is told from now on; undefined: no more. */
  time(stopwatch: Stopwatch | undefined): void;
  /**
   * Sends an MO to the account, or keeps it until there is a session. Resolves with the number of its parts once all are
   * answered. Throws RangeError for an unknown account or a coding that does not hold the text.
   */
  injectMo(mo: Mo): Promise<number>;
  /** SGIP: from now on the account is dialled there with reports and MO. */
  callBack(name: string, callback: Callback): void;
  /** Cuts all connections by a reset. New ones are accepted. */
  dropAll(): void;
  stop(): Promise<void>;
}

/** Starts a carrier. Rejects with RangeError for a wrong option, or with the system's error where the port is taken. */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { protocol, accounts } = options;
  const versions: Readonly<Record<string, number>> | undefined = VERSIONS[protocol];
  if (versions === undefined)
    throw new RangeError(`carrier: no protocol ${protocol}; give one of ${Object.keys(VERSIONS).join(', ')}`);
  const scenario = scenarioOf(options);
  // A scenario for several protocols names the version of those that have it.
  const own = scenario?.version !== undefined && scenario.version in versions ? scenario.version : undefined;
  const name = options.version ?? own ?? Object.keys(versions)[0]!;
  const version = versions[name];
  if (version === undefined) {
    throw new RangeError(`carrier: no ${protocol} version ${name}; give one of ${Object.keys(versions).join(', ')}`);
  }
  if (accounts.length === 0) throw new RangeError('carrier: no account; give at least one { name, secret }');

  const { seed, behaviour: base = {} } = scenario ?? {};
  const seeded = changed(changed(WELL_BEHAVED, base), seed === undefined ? {} : { seed });
  const behaviour = changed(seeded, options.behaviour ?? {});
  const books = createBooks(options.record ?? 'nothing', options.book !== undefined);
  const setting = {
    behaviour,
    rules: scenario?.rules ?? [],
    schedule: scenario?.schedule ?? [],
    clock: createLabClock(scenario?.clock),
    log: options.log === undefined ? undefined : createEventLog([options.log].flat()),
  };
  const { name: scenarioName = 'none' } = scenario ?? {};
  setting.log?.write(0, 'start', { protocol, version: name, scenario: scenarioName, seed: behaviour.seed });
  const centre = createCentre(accounts, books, setting, (c) => SPEAKS[protocol](c, version));
  const server = createServer({ noDelay: true }, (socket) => centre.accept(socket));
  try {
    if (options.book !== undefined) {
      const writer = createBookWriter(options.book, { book: 'carrier', protocol, seed: centre.behaviour.seed });
      books.file = createCarrierBook(writer, (id) => centre.protocol.reportId(id, 0, centre.behaviour));
    }
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
  } catch (e) {
    centre.stop();
    books.file?.close();
    throw e;
  }

  return {
    port: (server.address() as AddressInfo).port,
    books,
    get behaviour() {
      return centre.behaviour;
    },
    get rules() {
      return centre.rules;
    },
    change: centre.change,
    addRule: centre.addRule,
    removeRule: centre.removeRule,
    recording: () => ({
      name: 'recording',
      imitates: `what was done to a carrier${scenario === undefined ? '' : ` that began as ${scenario.name}`}`,
      ...scenario,
      version: name,
      seed: behaviour.seed,
      behaviour: differenceOf(behaviour),
      schedule: [...(scenario?.schedule ?? []), ...centre.recorded],
    }),
    get sessions() {
      return centre.standing().sessions;
    },
    standing: centre.standing,
    watch: centre.tap.watch,
    time(stopwatch) {
      books.stopwatch = stopwatch;
    },
    injectMo: centre.inject,
    callBack: centre.callBack,
    dropAll: centre.dropAll,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      centre.stop();
      await closed;
      books.file?.close();
    },
  };
}

function scenarioOf({ protocol, scenario: given }: CarrierOptions): Scenario | undefined {
  if (given === undefined) return undefined;
  const scenario = typeof given === 'string' ? findScenario(given) : checkScenario(given);
  const { name, protocols } = scenario;
  if (protocols !== undefined && !protocols.includes(protocol)) {
    throw new RangeError(`carrier: ${name} is a scenario for ${protocols.join(', ')}, not for ${protocol}`);
  }
  return scenario;
}
