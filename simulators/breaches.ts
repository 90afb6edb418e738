/** One that a breach is about, as far as it is known. */
export interface Offender {
  readonly number?: string;
  readonly id?: string;
  readonly what: string;
}

/** A promise that was not kept: how often, and the first offenders. */
export interface Breach {
  readonly kind: string;
  readonly count: number;
  readonly offenders: readonly Offender[];
}

export interface Breaches {
  /** The offender is asked for only where it will be named. */
  add(kind: string, offender: () => Offender): void;
  count(kind: string): number;
  readonly list: readonly Breach[];
}

/** `most`: offenders named of each kind. */
export function createBreaches(most = 10): Breaches {
  const kinds = new Map<string, { kind: string; count: number; offenders: Offender[] }>();
  return {
    add(kind, offender) {
      let breach = kinds.get(kind);
      if (breach === undefined) {
        breach = { kind, count: 0, offenders: [] };
        kinds.set(kind, breach);
      }
      breach.count++;
      if (breach.offenders.length < most) breach.offenders.push(offender());
    },
    count: (kind) => kinds.get(kind)?.count ?? 0,
    get list() {
      return [...kinds.values()];
    },
  };
}

/** A paragraph for each kind, for people. */
export function formatBreaches(breaches: readonly Breach[]): string {
  return breaches
    .map(({ kind, count, offenders }) => {
      const lines = offenders.map(({ number, id, what }) => {
        const named = [number, id === undefined ? undefined : `id ${id}`, what].filter((word) => word !== undefined);
        return `  ${named.join('  ')}`;
      });
      if (count > offenders.length) lines.push(`  and ${count - offenders.length} more`);
      return `${kind}: ${count}\n${lines.join('\n')}`;
    })
    .join('\n');
}
