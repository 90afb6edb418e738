import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Node, startNode } from '../../src/cli/serve.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';

/** A folder that is gone after the test. */
export function scratchFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'yima-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface CarrierSetup {
  readonly name: string;
  readonly protocol: 'cmpp' | 'smgp' | 'smpp';
  readonly port: number;
  /** More keys of the carrier, as YAML flow: `window: 10, coding: [ucs2]`. */
  readonly more?: string;
  readonly version?: string;
}

export interface Setup {
  readonly data: string;
  readonly port?: number;
  readonly carriers: readonly CarrierSetup[];
  /** More keys of the account, as YAML flow. */
  readonly account?: string;
  /** Steps of the route's rules, as YAML flow; default: one step with all carriers. */
  readonly rules?: string;
  readonly next?: string;
  readonly store?: string;
  readonly listener?: string;
  /** Further listeners, each as YAML flow. */
  readonly listeners?: readonly string[];
  /** Further accounts, each as YAML flow. */
  readonly accounts?: readonly string[];
  readonly log?: string;
  /** Further sections, as YAML. */
  readonly more?: string;
  /** Default 4GiB. */
  readonly maxOctets?: string;
}

/** The configuration of a node as a file holds it. */
export function yamlOf(setup: Setup): string {
  const carriers = setup.carriers.map((c) => {
    const own =
      c.protocol === 'cmpp'
        ? `version: "${c.version ?? '2.0'}", spId: "900001", sharedSecret: { demo: secret }`
        : c.protocol === 'smgp'
          ? `version: "${c.version ?? '3.0'}", clientId: "10659000", sharedSecret: { demo: secret }`
          : 'systemId: yima, password: { demo: secret }';
    return `  - { name: ${c.name}, protocol: ${c.protocol}, host: 127.0.0.1, port: ${c.port}, ${own}, reconnect: { from: 100ms, to: 500ms }${c.more === undefined ? '' : `, ${c.more}`} }`;
  });
  const all = setup.carriers.map((c) => `{ name: ${c.name} }`).join(', ');
  const listeners = (setup.listeners ?? []).map((l) => `  - { ${l} }`);
  const accounts = (setup.accounts ?? []).map((a) => `  - { ${a} }`);
  return `
demo: true
node: { name: test, data: "${setup.data}", stopWithin: 3s }
log: { level: ${setup.log ?? 'warn'} }
store: { maxOctets: ${setup.maxOctets ?? '4GiB'}${setup.store === undefined ? '' : `, ${setup.store}`} }
admin: { listen: 127.0.0.1:0 }
listeners:
  - { name: smpp, protocol: smpp, listen: 127.0.0.1:${setup.port ?? 0}${setup.listener === undefined ? '' : `, ${setup.listener}`} }
${listeners.join('\n')}
accounts:
  - { name: acme, systemId: acme, password: { demo: secret }, route: main${setup.account === undefined ? '' : `, ${setup.account}`} }
${accounts.join('\n')}
carriers:
${carriers.join('\n')}
routes:
  - name: main
    rules: ${setup.rules ?? `[ { steps: [ { carriers: [ ${all} ] } ] } ]`}
    next: ${setup.next ?? '{ down: true }'}
${setup.more ?? ''}
`;
}

/** A configuration through the real loader, so that tests use its defaults and its checks. */
export function configOf(setup: Setup): Config {
  const loaded = parseConfig(yamlOf(setup), 'test.yaml');
  if (loaded.config === undefined)
    throw new Error(loaded.problems.map((p) => `${p.line}:${p.column} ${p.path} ${p.message}`).join('\n'));
  return loaded.config;
}

export async function startTestNode(setup: Setup): Promise<Node & { port: number }> {
  const log = pino({ level: process.env.YIMA_TEST_LOG ?? 'silent' });
  const node = await startNode(configOf(setup), log);
  return Object.assign(node, { port: node.listeners.get('smpp')!.address.port });
}

/**
 * Waits for something to become true, looked at every few milliseconds. The bound matters only where it never does:
 * many times what a loaded machine needs, and less than a test has, so that the error names what was awaited.
 */
export async function until(what: string, test: () => boolean, withinMs = 60_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!test()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
