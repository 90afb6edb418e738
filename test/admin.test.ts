import { request } from 'node:http';
import smpp from 'smpp';
import { afterEach, describe, expect, it } from 'vitest';
import { type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { createLoad } from '../simulators/platform.ts';
import { type Admin, type Reloaded, startAdmin } from '../src/admin/http.ts';
import { maskNumber } from '../src/admin/mask.ts';
import { createMetrics } from '../src/admin/metrics.ts';
import type { Node } from '../src/cli/serve.ts';
import { WIRES_BY_NAME } from '../src/cli/wires.ts';
import { freeze } from '../src/gateway/state.ts';
import { ANSWERED } from '../src/message/message.ts';
import { coded, createEsme } from './support/esme.ts';
import { type CarrierSetup, scratchFolder, startTestNode, until } from './support/node.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Rig {
  readonly node: Node & { port: number };
  readonly admin: Admin;
  readonly url: string;
  get(path: string): Promise<{ status: number; text: string; json: unknown }>;
  post(path: string, body: unknown): Promise<{ status: number; json: unknown }>;
}

/** The value at a path inside parsed JSON. */
function dig(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value);
}

async function rig(
  carriers: readonly CarrierSetup[],
  more: { account?: string; data?: string; reload?: () => Promise<Reloaded> } = {},
): Promise<Rig> {
  let { data } = more;
  if (data === undefined) {
    const folder = scratchFolder();
    closers.push(() => folder.remove());
    data = folder.path;
  }
  const node = await startTestNode({
    data,
    carriers,
    ...(more.account === undefined ? {} : { account: more.account }),
  });
  closers.push(() => node.stop());
  const admin = await startAdmin(node, {
    listen: { host: '127.0.0.1', port: 0 },
    registry: createMetrics(node),
    wires: WIRES_BY_NAME,
    reload: more.reload ?? (() => Promise.resolve({ problems: [], needsRestart: [] })),
  });
  closers.push(() => admin.close());
  const url = `http://127.0.0.1:${admin.address.port}`;
  return {
    node,
    admin,
    url,
    async get(path) {
      const response = await fetch(`${url}${path}`);
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
      return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
    },
    async post(path, body) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, json: await response.json() };
    },
  };
}

async function smsc(options: Partial<CarrierOptions> = {}) {
  const carrier = await startCarrier({ protocol: 'smpp', ...options, accounts: [{ name: 'yima', secret: 'secret' }] });
  closers.push(() => carrier.stop());
  return carrier;
}

async function load(port: number, count: number, receipts = true) {
  const running = createLoad({ port, systemId: 'acme', password: 'secret', count, texts: ['a secret word'], receipts });
  running.start();
  return running.done;
}

/** Samples by name and labels, as a scraper reads them; throws on a line that is none. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$/.exec(
      line,
    );
    if (match === null) throw new Error(`no sample: ${line}`);
    const key = `${match[1]}${match[2] ?? ''}`;
    if (samples.has(key)) throw new Error(`twice: ${key}`);
    const value = match[3] === '+Inf' ? Number.POSITIVE_INFINITY : match[3] === 'Nan' ? Number.NaN : Number(match[3]);
    samples.set(key, value);
  }
  return samples;
}

describe('/metrics', () => {
  it('agrees with the books of both ends', async () => {
    const carrier = await smsc();
    const { node, get } = await rig([
      { name: 'smsc', protocol: 'smpp', port: carrier.port, more: 'binds: 2, window: 10' },
    ]);
    const verdict = await load(node.port, 300);
    expect(verdict.clean).toBe(true);
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    const m = samplesOf(text);
    expect(m.get('yima_account_messages_accepted_total{account="acme"}')).toBe(300);
    expect(m.get('yima_account_messages_ended_total{account="acme",state="DELIVERED"}')).toBe(300);
    expect(m.get('yima_account_answers_total{account="acme",status="ESME_ROK"}')).toBe(300);
    expect(m.get('yima_account_receipts_total{account="acme",outcome="taken"}')).toBe(300);
    expect(m.get('yima_account_outbox{account="acme"}')).toBe(0);
    expect(m.get('yima_carrier_submits_total{carrier="smsc"}')).toBe(carrier.books.counts.submits);
    expect(m.get('yima_carrier_answers_total{carrier="smsc",code="ESME_ROK"}')).toBe(carrier.books.counts.accepted);
    expect(m.get('yima_carrier_reports_total{carrier="smsc",kind="received"}')).toBe(carrier.books.counts.reports);
    expect(m.get('yima_carrier_messages_ended_total{carrier="smsc",state="DELIVERED"}')).toBe(300);
    expect(m.get('yima_carrier_slots{carrier="smsc",state="bound"}')).toBe(2);
    expect(m.get('yima_carrier_binds_total{carrier="smsc"}')).toBe(2);
    expect(m.get('yima_carrier_window{carrier="smsc",part="size"}')).toBe(20);
    expect(m.get('yima_carrier_window{carrier="smsc",part="used"}')).toBe(0);
    expect(m.get('yima_carrier_ceiling_segments_per_second{carrier="smsc"}')).toBeGreaterThan(0);
    expect(m.get('yima_session_pdus_total{side="carrier",peer="smsc",direction="out",kind="request"}')).toBe(300);
    expect(m.get('yima_session_pdus_total{side="carrier",peer="smsc",direction="in",kind="answer"}')).toBe(300);
    expect(m.get('yima_store_failing')).toBe(0);
    expect(m.get('yima_store_free_octets')).toBeGreaterThan(0);
    expect(m.get('yima_store_commit_events_count')).toBe(m.get('yima_store_commits_total'));
    expect(m.get('yima_store_commit_events_sum')).toBe(m.get('yima_store_events_total'));
    expect(m.get('yima_records_total')).toBeLessThanOrEqual(300);
    expect(m.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
    expect(m.has('process_cpu_user_seconds_total')).toBe(true);
    // One limit at a time.
    const limits = [...m].filter(([key]) => key.startsWith('yima_carrier_limit{'));
    expect(limits).toHaveLength(6);
    expect(limits.reduce((n, [, value]) => n + value, 0)).toBe(1);
  });

  it('histograms rise to their count', async () => {
    const carrier = await smsc({ behaviour: { responseDelay: 20 } });
    const { node, get } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    await load(node.port, 100);
    const m = samplesOf((await get('/metrics')).text);
    const buckets = [...m].flatMap(([key, value]) => {
      const le = /^yima_carrier_response_seconds_bucket\{carrier="smsc",le="([^"]+)"\}$/.exec(key)?.[1];
      return le === undefined ? [] : [{ le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value }];
    });
    expect(buckets.length).toBeGreaterThan(10);
    for (let k = 1; k < buckets.length; k++) {
      expect(buckets[k]!.le).toBeGreaterThan(buckets[k - 1]!.le);
      expect(buckets[k]!.value).toBeGreaterThanOrEqual(buckets[k - 1]!.value);
    }
    expect(buckets.at(-1)!.value).toBe(100);
    expect(m.get('yima_carrier_response_seconds_count{carrier="smsc"}')).toBe(100);
    // No answer came before the carrier's delay was over, and a delay of 20 ms is not above a second.
    expect(buckets.find((b) => b.le === 0.016)!.value).toBe(0);
    expect(buckets.find((b) => b.le === 1.024)!.value).toBe(100);
    expect(m.get('yima_carrier_response_seconds_sum{carrier="smsc"}')).toBeGreaterThanOrEqual(100 * 0.019);
  });

  it('every metric has a help text, a unit or a count in its name, and no label names a phone', async () => {
    const carrier = await smsc();
    const { node, get } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    await load(node.port, 10);
    const { text } = await get('/metrics');
    const names = [...text.matchAll(/^# TYPE (yima_\S+) (\S+)$/gm)].map(([, name, type]) => ({
      name: name!,
      type: type!,
    }));
    expect(names.length).toBeGreaterThan(50);
    for (const { name, type } of names) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.{8,}$`, 'm'));
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|events)$/);
      expect(name).not.toMatch(/_ms$|_bytes$/);
    }
    expect(text).not.toMatch(/86138\d/);
    expect(text).not.toContain('a secret word');
  });

  it('sums over sessions never fall when a session ends', async () => {
    const carrier = await smsc();
    const { node, get } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    const key = 'yima_session_pdus_total{side="account",peer="acme",direction="in",kind="request"}';
    const esme = createEsme({ port: () => node.port });
    closers.push(() => esme.stop());
    const { dataCoding, octets } = coded('hello');
    for (let i = 0; i < 20; i++) esme.submit({ destination: `861380000${1000 + i}`, dataCoding, octets });
    await until('receipts', () => esme.receipted === 20);
    expect(samplesOf((await get('/metrics')).text).get(key)).toBe(20);
    esme.stop();
    await until('unbound', () => node.gw.accounts.get('acme')!.sessions.length === 0);
    expect(samplesOf((await get('/metrics')).text).get(key)).toBe(20);
    expect((await load(node.port, 5)).clean).toBe(true);
    expect(samplesOf((await get('/metrics')).text).get(key)).toBeGreaterThanOrEqual(20);
  });
});

describe('health', () => {
  it('is ready with a store and a bound carrier only', async () => {
    const first = await smsc();
    const { port } = first;
    await first.stop();
    const { get, node } = await rig([{ name: 'smsc', protocol: 'smpp', port }]);
    expect((await get('/healthz')).status).toBe(200);
    const unready = await get('/readyz');
    expect(unready.status).toBe(503);
    expect(unready.json).toMatchObject({
      ready: false,
      checks: { storeWell: true, carrierBound: false, notStopping: true },
    });
    expect(dig(unready.json, 'reasons')).toEqual(['no carrier is bound (of 1)']);
    await smsc({ port });
    await until('carrier up', () => node.gw.carriers.get('smsc')!.up);
    expect((await get('/readyz')).status).toBe(200);
    node.gw.stopping = true;
    const stopping = await get('/readyz');
    node.gw.stopping = false;
    expect(stopping.status).toBe(503);
    expect(dig(stopping.json, 'reasons')).toEqual(['a graceful stop is under way']);
  });
});

describe('/api', () => {
  it('shows carriers and accounts', async () => {
    const carrier = await smsc();
    const { node, get } = await rig([
      { name: 'smsc', protocol: 'smpp', port: carrier.port },
      { name: 'gone', protocol: 'smpp', port: 1 },
    ]);
    await load(node.port, 20);
    const { json: carriers } = await get('/api/carriers');
    expect(dig(carriers, 0)).toMatchObject({
      name: 'smsc',
      protocol: 'smpp',
      up: true,
      queue: { high: 0, normal: 0, oldestMs: 0 },
      idForm: { configured: 'learn' },
      counters: { submitted: 20, accepted: 20, byState: { DELIVERED: 20 }, refusedByCode: {} },
      responseMs: { count: 20 },
    });
    expect(dig(carriers, 0, 'slots', 0)).toMatchObject({
      state: 'bound',
      error: '',
      session: { window: { used: 0, size: 16 } },
    });
    await until('dialled', () => node.dials.get('gone')!.slots[0]!.error !== '');
    const again = dig((await get('/api/carriers')).json, 1);
    expect(again).toMatchObject({ name: 'gone', up: false, limit: 'down' });
    expect(dig(again, 'slots', 0, 'error')).toContain('ECONNREFUSED');
    const { json: accounts } = await get('/api/accounts');
    expect(dig(accounts, 0)).toMatchObject({
      name: 'acme',
      systemId: 'acme',
      outbox: { waiting: 0, oldestMs: 0 },
      counters: { accepted: 20, receipts: 20, byState: { DELIVERED: 20 } },
    });
    expect(JSON.stringify([carriers, accounts])).not.toContain('secret');
  });

  it('shows a message that waits for its report, and one that has ended', async () => {
    const carrier = await smsc({ behaviour: { reports: { probability: 0, states: { DELIVERED: 1 } } } });
    const { node, get } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    const esme = createEsme({ port: () => node.port });
    closers.push(() => esme.stop());
    const { dataCoding, octets } = coded('a secret word');
    const entry = esme.submit({ destination: '8613800138000', dataCoding, octets });
    await until('answered', () => node.gw.state.active.get(Number(entry.id))?.segments[0]?.stage === ANSWERED);
    freeze(node.gw.state, node.gw.state.active.get(Number(entry.id))!);
    const waiting = await get(`/api/messages/${entry.id}`);
    expect(waiting.json).toMatchObject({
      id: entry.id,
      account: 'acme',
      destination: '8613800138000',
      stage: 'awaiting report',
      state: null,
      carrier: 'smsc',
      segments: [{ index: 0, stage: 'answered', state: null }],
    });
    expect(waiting.text).not.toContain('a secret word');
    // Looking at it left it where it was.
    expect(node.gw.state.frozen.count).toBe(1);
    expect(dig((await get(`/api/messages/0x${Number(entry.id).toString(16)}`)).json, 'id')).toBe(entry.id);

    carrier.change({ reports: { probability: 1, states: { UNDELIVERABLE: 1 } } });
    const other = esme.submit({ destination: '8613800138001', dataCoding, octets });
    await until('receipt', () => other.receipts.length === 1);
    await until('closed', () => node.gw.state.active.size === 0);
    const ended = await get(`/api/messages/${other.id}`);
    expect(ended.json).toMatchObject({
      id: other.id,
      stage: 'closed',
      state: 'UNDELIVERABLE',
      destination: '8613800138001',
    });
    expect((await get('/api/messages/12')).status).toBe(404);
    expect((await get('/api/messages/../../etc')).status).toBe(404);
    expect((await get('/api/messages/1x')).status).toBe(400);
  });

  it('lists unmatched reports with the nearest candidate, numbers masked', async () => {
    // A carrier on the smpp package that reports under another id than it answered with.
    const server = smpp.createServer((session: smpp.Session) => {
      session.on('error', () => session.destroy());
      session.on('bind_transceiver', (pdu: smpp.PDU) => session.send(pdu.response()));
      session.on('unbind', (pdu: smpp.PDU) => {
        session.send(pdu.response());
        session.close();
      });
      session.on('submit_sm', (pdu: smpp.PDU) => {
        session.send(pdu.response({ message_id: 'answer-id' }));
        session.deliver_sm({
          source_addr: pdu.destination_addr,
          destination_addr: pdu.source_addr,
          esm_class: 4,
          short_message: Buffer.from(
            'id:report-id sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:',
          ),
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const { node, get } = await rig([{ name: 'odd', protocol: 'smpp', port }]);
    const esme = createEsme({ port: () => node.port });
    closers.push(() => esme.stop());
    const { dataCoding, octets } = coded('hello');
    const entry = esme.submit({ destination: '8613800138000', dataCoding, octets });
    await until('parked', () => node.gw.state.parked.size === 1 && entry.id !== '');
    const { json, text } = await get('/api/unmatched?limit=10');
    expect(json).toMatchObject({
      total: 1,
      complete: true,
      reports: [
        {
          carrier: 'odd',
          carrierId: 'report-id',
          state: 'DELIVERED',
          destination: '138******00',
          nearest: { message: entry.id, account: 'acme', carrierIds: ['answer-id'] },
        },
      ],
    });
    expect(text).not.toContain('8613800138000');
    expect((await get('/api/unmatched?limit=0')).status).toBe(400);
    expect(samplesOf((await get('/metrics')).text).get('yima_parked_reports')).toBe(1);
  });

  it('says what is wrong with a request', async () => {
    const carrier = await smsc();
    const { get, post, url } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    expect((await get('/nothing')).status).toBe(404);
    expect((await get('/api/reload')).status).toBe(405);
    const replayPath = '/api/receipts/replay';
    expect((await post(replayPath, {})).status).toBe(400);
    expect((await post(replayPath, { account: 'nobody', from: 0, to: 1 })).status).toBe(404);
    expect((await post(replayPath, { account: 'acme', from: 5, to: 5 })).status).toBe(400);
    expect(dig((await post(replayPath, { account: 'acme', from: 'yesterday', to: 5 })).json, 'error')).toMatch(
      /^from: give a time/,
    );
    expect((await post(replayPath, { account: 'acme', from: 0, to: 1, textt: 'x' })).status).toBe(400);
    const send = (body: string, headers: Record<string, string>) =>
      fetch(`${url}${replayPath}`, { method: 'POST', body, headers }).then(async (r) => [r.status, await r.json()]);
    expect(await send('{', { 'content-type': 'application/json' })).toEqual([
      400,
      { error: expect.stringMatching(/not JSON/) },
    ]);
    expect(await send('{}', { 'content-type': 'text/plain' })).toEqual([415, expect.anything()]);
    expect(await send('{}', { 'content-type': 'application/json', origin: 'http://evil.example' })).toEqual([
      403,
      expect.anything(),
    ]);
    const large = JSON.stringify({ account: 'x'.repeat(200_000) });
    expect(await send(large, { 'content-type': 'application/json' })).toEqual([413, expect.anything()]);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('does not answer under a name that somebody pointed here', async () => {
    const carrier = await smsc();
    const { admin } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }]);
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request(
          { host: '127.0.0.1', port: admin.address.port, path: '/api/carriers', headers: { host } },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        )
          .on('error', reject)
          .end();
      });
    expect(await status('rebound.example:80')).toBe(403);
    expect(await status('localhost:9464')).toBe(200);
    expect(await status('[::1]:9464')).toBe(200);
  });

  it('reloads, and tells the problems of a configuration that was not taken', async () => {
    const carrier = await smsc();
    let outcome: Reloaded = { problems: [], needsRestart: ['store.maxOctets'] };
    const { post } = await rig([{ name: 'smsc', protocol: 'smpp', port: carrier.port }], {
      reload: () => Promise.resolve(outcome),
    });
    expect(await post('/api/reload', {})).toEqual({ status: 200, json: outcome });
    outcome = { problems: ['yima.yaml:3:1: node: unknown key'], needsRestart: [] };
    expect(await post('/api/reload', {})).toEqual({ status: 422, json: outcome });
  });
});

describe('replay of receipts', () => {
  it('tells receipts again under their old ids, marked, also after a restart', async () => {
    const carrier = await smsc();
    const folder = scratchFolder();
    closers.push(() => folder.remove());
    const setup = [{ name: 'smsc', protocol: 'smpp', port: carrier.port }] as const;
    const first = await rig(setup, { data: folder.path });
    const esme = createEsme({ port: () => first.node.port });
    closers.push(() => esme.stop());
    const { dataCoding, octets } = coded('hello');
    const from = Date.now();
    for (let i = 0; i < 30; i++) esme.submit({ destination: `8613800138${100 + i}`, dataCoding, octets });
    const unasked = esme.submit({ destination: '8613800138999', dataCoding, octets, registered: 0 });
    await until('receipts', () => esme.receipted === 30 && unasked.state === 'acked');
    await until('closed', () => first.node.gw.state.active.size === 0);
    const range = { account: 'acme', from: new Date(from - 1).toISOString(), to: Date.now() + 1000 };

    const one = await first.post('/api/receipts/replay', { ...range, number: '8613800138105' });
    expect(one).toEqual({ status: 200, json: { replayed: 1, more: null, most: 20_000 } });
    const entry = esme.entries.find((e) => e.submit.destination === '8613800138105')!;
    await until('told again', () => entry.receipts.length === 2);
    expect(entry.receipts[1]!.state).toBe(2);

    const early = await first.post('/api/receipts/replay', { ...range, from: 0, to: from - 60_000 });
    expect(dig(early.json, 'replayed')).toBe(0);

    // The platform is away: what is replayed waits for it, over a restart too.
    esme.stop();
    await until('unbound', () => first.node.gw.accounts.get('acme')!.sessions.length === 0);
    const all = await first.post('/api/receipts/replay', range);
    expect(dig(all.json, 'replayed')).toBe(30);
    expect(first.node.gw.accounts.get('acme')!.outbox.length).toBe(30);
    await first.admin.close();
    await first.node.stop();

    const second = await rig(setup, { data: folder.path });
    expect(second.node.gw.accounts.get('acme')!.outbox.length).toBe(30);
    const told: smpp.PDU[] = [];
    const session = smpp.connect({ host: '127.0.0.1', port: second.node.port });
    closers.push(() => session.destroy());
    session.on('error', () => session.destroy());
    session.on('deliver_sm', (pdu: smpp.PDU) => {
      told.push(pdu);
      session.send(pdu.response());
    });
    session.on('connect', () =>
      session.bind_receiver({ system_id: 'acme', password: 'secret', interface_version: 0x34 }),
    );
    await until(
      'told',
      () => told.length === 30 && second.node.gw.state.active.size + second.node.gw.state.frozen.count === 0,
    );
    const ids = esme.entries.filter((e) => e !== unasked).map((e) => e.id);
    expect(told.map((pdu) => String(pdu.receipted_message_id)).sort()).toEqual(ids.sort());
    for (const pdu of told) {
      // The vendor TLV that marks a replay.
      expect(pdu[String(0x3f5a)]).toBeDefined();
      expect(pdu.message_state).toBe(2);
    }
  });
});

describe('masking', () => {
  it.each([
    ['8613800138000', '861********00'],
    ['+8613800138000', '+86*********00'],
    ['10690', '*****'],
    ['', ''],
  ])('%s → %s', (number, masked) => {
    expect(maskNumber(number)).toBe(masked);
    expect(masked).toHaveLength(number.length);
  });
});
