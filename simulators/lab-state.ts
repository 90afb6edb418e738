import type { Behaviour } from './behaviour.ts';
import type { Standing } from './centre.ts';
import { codeName } from './code-names.ts';
import type { Figure } from './figures.ts';
import type { Lab, LabCarrier } from './lab.ts';
import { type Distribution, distributionOf } from './times.ts';

/** A lab as it stands, for programs. */
interface LabState {
  readonly startedAt: string;
  readonly seconds: number;
  readonly carriers: readonly CarrierState[];
}

interface CarrierState extends Standing {
  readonly name: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly accounts: readonly string[];
  /** Name of its scenario. */
  readonly scenario: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  /** Of the last second; null before there was one. */
  readonly now: Figure | null;
  /** Milliseconds, of the whole run. */
  readonly latency: Readonly<Record<string, Omit<Distribution, 'name' | 'points'>>>;
  readonly behaviour: Behaviour;
}

export function labState(lab: Lab): LabState {
  return {
    startedAt: new Date(lab.startedAt).toISOString(),
    seconds: lab.seconds(),
    carriers: lab.carriers.map(stateOf),
  };
}

function stateOf({ name, protocol, host, accounts, scenario, carrier, figures }: LabCarrier): CarrierState {
  const { counts, states, codes } = carrier.books;
  const { answer, report, acknowledgement } = figures.times;
  const latency = Object.entries({ answer, report, acknowledgement }).map(([key, times]) => {
    const { name: _, points: __, ...rest } = distributionOf(key, times);
    return [key, rest];
  });
  return {
    name,
    protocol,
    host,
    port: carrier.port,
    accounts,
    scenario: scenario?.name ?? null,
    ...carrier.standing(),
    counts: { ...counts },
    states: Object.fromEntries(states),
    codes: Object.fromEntries([...codes].map(([code, n]) => [codeName(protocol, code), n])),
    now: figures.now ?? null,
    latency: Object.fromEntries(latency),
    behaviour: carrier.behaviour,
  };
}
