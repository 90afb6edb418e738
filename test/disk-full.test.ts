import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { coded, createEsme, type Entry, type Esme } from './support/esme.ts';
import { createJournalView } from './support/journal-view.ts';
import { scratchFolder, startTestNode, until, yamlOf } from './support/node.ts';
import { type GatewayProcess, startProcess } from './support/process.ts';

const ESME_RSYSERR = 0x08;
const DELIVERED = 2;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function carrier(behaviour: CarrierOptions['behaviour']): Promise<Carrier> {
  const accounts = [{ name: 'yima', secret: 'secret' }];
  const c = await startCarrier({ protocol: 'smpp', record: 'messages', accounts, behaviour: behaviour ?? {} });
  closers.push(() => c.stop());
  return c;
}

function folder(): string {
  const f = scratchFolder();
  closers.push(f.remove);
  return f.path;
}

function platform(port: () => number, systemId = 'acme'): Esme {
  const esme = createEsme({ port, systemId, window: 100 });
  closers.push(esme.stop);
  return esme;
}

let number = 0;
const send = (esme: Esme, count: number): Entry[] =>
  Array.from({ length: count }, () =>
    esme.submit({
      destination: `138${String(number++).padStart(8, '0')}`,
      ...coded('a text of some length '.repeat(6)),
    }),
  );

const of = (entries: readonly Entry[], state: Entry['state']): Entry[] => entries.filter((e) => e.state === state);

/** Submits in small lots until the store is full. What was under way then waits for room, and may fill the window. */
async function fill(esme: Esme, most: number, full: () => boolean): Promise<Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < most && !full()) {
    const lot = send(esme, 500);
    entries.push(...lot);
    await until('answers', () => full() || lot.every((e) => e.state === 'acked' || e.state === 'refused'));
  }
  return entries;
}

async function ready(gateway: GatewayProcess): Promise<number> {
  return (await fetch(`http://127.0.0.1:${gateway.admin}/readyz`)).status;
}

/** The system refuses to let any of its files grow beyond so many octets: what a full disk looks like from inside. */
const limitFiles = (pid: number, octets: number | 'unlimited'): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${octets}:unlimited`]);
};

async function processWithFullDisk(): Promise<{
  config: string;
  data: string;
  smsc: Carrier;
  esme: Esme;
  /** Of another account, with nothing under way. */
  probe: Esme;
  gateway: GatewayProcess;
  replace(next: GatewayProcess): void;
  before: Entry[];
  during: Entry[];
}> {
  const data = folder();
  // Reports come late enough that some meet the full disk.
  const smsc = await carrier({ reportDelay: { min: 100, max: 800 } });
  const config = join(data, 'yima.yaml');
  writeFileSync(
    config,
    yamlOf({
      data,
      log: 'info',
      carriers: [{ name: 'smsc', protocol: 'smpp', port: smsc.port }],
      accounts: ['name: probe, systemId: probe, password: { demo: secret }, route: main'],
    }),
  );
  let gateway = await startProcess(config);
  closers.push(() => gateway.stop());
  const esme = platform(() => gateway.port);
  const probe = platform(() => gateway.port, 'probe');
  const before = send(esme, 500);
  await until('taken while there is room', () => of(before, 'acked').length === 500);
  expect(await ready(gateway)).toBe(200);
  limitFiles(gateway.pid, statSync(join(data, 'store', 'journal.mdb')).size + 200_000);
  const during = await fill(esme, 20_000, () => gateway.log.some((l) => String(l.msg).startsWith('store failing')));
  return {
    config,
    data,
    smsc,
    esme,
    probe,
    gateway,
    replace: (next) => {
      gateway = next;
    },
    before,
    during,
  };
}

describe('a disk that is full', () => {
  it('is said loudly, acknowledges nothing, and recovers by itself', async () => {
    const { smsc, esme, probe, gateway, before, during } = await processWithFullDisk();
    expect([...esme.statuses.keys()].filter((status) => status !== 0 && status !== ESME_RSYSERR)).toEqual([]);
    expect(await ready(gateway)).toBe(503);
    const said = gateway.log.filter((l) => l.level === 'error' && String(l.msg).startsWith('store failing'));
    expect(said).toHaveLength(1);
    expect(String(said[0]!.error)).toMatch(/no space left|limit/);
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.admin}/metrics`)).text();
    expect(metrics).toMatch(/^yima_store_fail\w* 1$/m);

    // Reports that come now are not answered: the carrier keeps them.
    await until('reports wait', () => smsc.books.counts.reports > smsc.books.counts.reportsAnswered);
    const { reportsAnswered } = smsc.books.counts;
    const acked = esme.byId.size;
    const later = send(probe, 50);
    await until('refused', () => of(later, 'refused').length === 50);
    expect([...probe.statuses]).toEqual([[ESME_RSYSERR, 50]]);
    expect(smsc.books.counts.reportsAnswered).toBe(reportsAnswered);
    expect(esme.byId.size).toBe(acked);

    limitFiles(gateway.pid, 'unlimited');
    const all = [...before, ...during];
    await until('well again', () => gateway.log.some((l) => String(l.msg).startsWith('store well again')));
    await until('answered', () => all.every((e) => e.state === 'acked' || e.state === 'refused'));
    const after = send(esme, 500);
    await until('taken again', () => of(after, 'acked').length === 500);
    const owed = of([...all, ...after], 'acked');
    await until('all receipts', () => owed.every((e) => e.receipts.length > 0));
    expect(owed.filter((e) => e.receipts.length !== 1 || e.receipts[0]!.state !== DELIVERED)).toEqual([]);
    expect(esme.orphans.size).toBe(0);
    expect(smsc.books.messages).toHaveLength(owed.length);
    expect(await ready(gateway)).toBe(200);
  });

  it('loses nothing that was acknowledged when the process dies meanwhile', async () => {
    const { config, data, smsc, esme, gateway, replace, before, during } = await processWithFullDisk();
    await gateway.kill();
    await until('gone for all', () => esme.bound === 0 && smsc.sessions === 0);
    const journal = createJournalView(join(data, 'store'));
    await journal.read();
    const acked = of([...before, ...during], 'acked');
    expect(acked.length).toBeGreaterThan(500);
    expect(acked.filter((e) => !journal.byId.has(Number(e.id)))).toEqual([]);

    replace(await startProcess(config));
    await until('all receipts', () => acked.every((e) => e.receipts.length > 0));
    expect(acked.filter((e) => e.receipts.some((r) => r.state !== DELIVERED))).toEqual([]);
    const after = send(esme, 100);
    await until('works', () => after.every((e) => e.receipts.length === 1));
  });
});

describe('a store at its own limit', () => {
  it('takes nothing new while its room is needed for what it has, and goes on when that has ended', async () => {
    // All of it lives when the store is full, however slowly it filled, and ends in no order.
    const smsc = await carrier({ hold: true, reportDelay: { min: 0, max: 2_000 } });
    const node = await startTestNode({
      data: folder(),
      maxOctets: '2MiB',
      carriers: [{ name: 'smsc', protocol: 'smpp', port: smsc.port, more: 'window: 200' }],
    });
    closers.push(() => node.stop());
    const { gw } = node;
    const esme = platform(() => node.port);
    let most = 0;
    let failed = '';
    let said = '';
    const watch = setInterval(() => {
      most = Math.max(most, gw.journal.octets);
      failed ||= gw.batch.faulty;
    }, 1);
    closers.push(() => clearInterval(watch));

    // What lives is written anew while nothing ends: where that gains room more is taken, and all of it keeps to the reserve.
    const entries: Entry[] = [];
    for (let round = 0; round < 3; round++) {
      entries.push(...(await fill(esme, 40_000, () => gw.scarce !== '')));
      said ||= gw.scarce;
      entries.push(...send(esme, 100));
      await until('answered', () => entries.every((e) => e.state === 'acked' || e.state === 'refused'));
      const enough = gw.counters.carried + entries.length / 8;
      await until('carried on', () => failed !== '' || gw.scarce === '' || gw.counters.carried >= enough);
    }
    expect(said).toMatch(/octets left/);
    expect(failed).toBe('');
    expect([...esme.statuses.keys()].sort()).toEqual([0, ESME_RSYSERR]);
    const owed = of(entries, 'acked');
    expect(owed.length).toBeGreaterThan(1_000);

    smsc.change({ hold: false });
    await until('all receipts', () => failed !== '' || owed.every((e) => e.receipts.length > 0));
    expect(failed).toBe('');
    await until('room again', () => gw.scarce === '');
    smsc.change({ reportDelay: 0 });
    const after = send(esme, 1_000);
    await until('goes on', () => after.every((e) => e.receipts.length > 0));
    expect([...owed, ...after].filter((e) => e.receipts.length !== 1 || e.receipts[0]!.state !== DELIVERED)).toEqual(
      [],
    );
    // The reserve was enough: the store never came to its very end.
    expect(failed).toBe('');
    expect(most).toBeLessThan(2 * 2 ** 20);
    process.stdout.write(
      `store limit: ${owed.length} taken before, journal at most ${most} octets, carried ${gw.counters.carried}\n`,
    );
  });
});
