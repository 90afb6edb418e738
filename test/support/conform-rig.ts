import type { Finding } from '../../simulators/conform/check.ts';
import { CONFORMANCE, type Protocol } from '../../simulators/conform/protocols.ts';
import { runChecks } from '../../simulators/conform/run.ts';

export interface Checked {
  readonly findings: readonly Finding[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

const NAMES = { smpp: 'acme', cmpp: '900001', sgip: 'shop', smgp: '10659000' } as const;
export const nameOf = (protocol: Protocol): string => NAMES[protocol];

export interface CheckOptions {
  readonly version?: string;
  readonly within?: number;
  readonly reportWithin?: number;
  readonly listen?: number;
  readonly only?: (name: string) => boolean;
}

/** All checks of the protocol against a server on loopback. */
export async function checked(protocol: Protocol, port: number, options: CheckOptions = {}): Promise<Checked> {
  const { checks, tongue, versions } = CONFORMANCE[protocol];
  const findings = await runChecks(
    checks.filter(({ name }) => options.only?.(name) ?? true),
    {
      host: '127.0.0.1',
      port,
      account: { name: nameOf(protocol), secret: 'secret' },
      to: '8613800000001',
      from: '10690000',
      within: options.within ?? 5000,
      reportWithin: options.reportWithin ?? 10_000,
      tongue,
      version: options.version === undefined ? Object.values(versions)[0]! : versions[options.version]!,
      ...(options.listen === undefined ? {} : { listen: options.listen }),
    },
  );
  const names = (outcome: string): string[] => findings.filter((f) => f.outcome === outcome).map((f) => f.name);
  return { findings, failed: names('fail'), skipped: names('n/a') };
}

/** What is wrong, as a test shows it: name, what came, and the last of the octets. */
export const complaints = ({ findings }: Checked): string[] =>
  findings.filter((f) => f.outcome === 'fail').map((f) => [`${f.name}: ${f.came}`, ...f.exchange.slice(-8)].join('\n'));
