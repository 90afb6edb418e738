import type { Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { decode } from '../protocols/text/charset.ts';
import { listenForCalls } from '../simulators/callback.ts';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import type { Load, LoadOptions } from '../simulators/load-options.ts';
import { createLoad } from '../simulators/platform.ts';
import type { ReceivedMo } from '../simulators/platform-protocol.ts';
import { until } from './support/node.ts';

// Platforms straight at the carriers of their protocol, which have tests of their own against octets of others.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const LONG = '【译码】您的订单已发货😀，请注意查收。'.repeat(10);
const TEXTS = ['hello', '您的验证码是 482913 😀', LONG];

type Kind = Pick<LoadOptions, 'version'> & { protocol: NonNullable<LoadOptions['protocol']> };
const KINDS: readonly [string, Kind][] = [
  ['SMPP 3.4', { protocol: 'smpp' }],
  ['CMPP 2.0', { protocol: 'cmpp', version: '2.0' }],
  ['CMPP 3.0', { protocol: 'cmpp', version: '3.0' }],
  ['SGIP 1.2', { protocol: 'sgip' }],
  ['SMGP 3.0', { protocol: 'smgp' }],
  ['SMGP 1.3', { protocol: 'smgp', version: '1.3' }],
];

/** Where the platform of a test is dialled back. */
let callback: Server | undefined;
async function callbackPort(): Promise<number> {
  const { server, port } = await listenForCalls(0);
  callback = server;
  stops.push(() => {
    callback = undefined;
    server.close();
  });
  return port;
}

async function carrierOf(kind: Kind, options: Partial<CarrierOptions> = {}): Promise<Carrier> {
  const { protocol, version } = kind;
  const carrier = await startCarrier({
    protocol,
    ...(version !== undefined && { version }),
    accounts: [
      { name: '900001', secret: 'secret', ...(protocol === 'sgip' && { callback: { port: await callbackPort() } }) },
    ],
    record: 'messages',
    ...options,
  });
  stops.push(() => carrier.stop());
  return carrier;
}

function loadOf(kind: Kind, port: number, options: Partial<LoadOptions> = {}): Load {
  const load = createLoad({
    ...kind,
    port,
    systemId: '900001',
    password: 'secret',
    count: 30,
    texts: TEXTS,
    receiptTimeout: 500,
    ...(callback !== undefined && { callback }),
    ...options,
  });
  stops.push(() => {
    load.stop();
    load.stop();
  });
  load.start();
  return load;
}

describe.each(KINDS)('a %s platform', (_, kind) => {
  it('short and long texts arrive whole, and every receipt names its message', async () => {
    const states = { DELIVERED: 8, EXPIRED: 1, UNDELIVERABLE: 1 };
    const behaviour = { seed: 3, reportBefore: { probability: 0.1 }, reports: { probability: 1, states } };
    const carrier = await carrierOf(kind, { behaviour });
    const verdict = await loadOf(kind, carrier.port, { count: 300, binds: 2, window: 20 }).done;
    expect(verdict).toMatchObject({ clean: true, misaddressed: 0, unreadable: 0, intermediate: 0 });
    expect(verdict.states).toEqual(Object.fromEntries(carrier.books.states));
    expect(carrier.books.messages).toHaveLength(300);
    for (const text of TEXTS) expect(carrier.books.messages.filter((m) => m.text === text)).toHaveLength(100);
    expect(carrier.books.repeats).toBe(0);
    expect(carrier.books.counts.malformed).toBe(0);
  });

  it('refusals are named, and what is too fast goes again when told to', async () => {
    const behaviour = { throttle: { perSecond: 20 }, numbers: [{ suffix: '0007', code: 9 }] };
    const carrier = await carrierOf(kind, { behaviour });
    const load = loadOf(kind, carrier.port, { texts: ['hello'], retryThrottled: true });
    const verdict = await load.done;
    expect([verdict.acked, verdict.refused]).toEqual([29, 1]);
    expect(verdict.resubmitted).toBeGreaterThan(0);
    expect(Object.keys(verdict.refusals)).toHaveLength(2);
  });

  it('MO come with sender, number, text and place', async () => {
    const carrier = await carrierOf(kind);
    const mos: (Pick<ReceivedMo, 'from' | 'to' | 'concat'> & { text: string })[] = [];
    const load = loadOf(kind, carrier.port, {
      allowed: 0,
      onMo: ({ from, to, octets, coding, concat }) => mos.push({ from, to, concat, text: decode(octets, coding) }),
    });
    await until('bound', () => load.progress.bound === 1);
    await carrier.injectMo({ from: '8613912345678', to: '106900001', text: '退订😀' });
    expect(await carrier.injectMo({ from: '8613912345678', to: '106900001', text: LONG })).toBe(mos.length - 1);
    expect(mos[0]).toEqual({ from: '8613912345678', to: '106900001', concat: undefined, text: '退订😀' });
    const parts = mos.slice(1).sort((a, b) => a.concat!.seq - b.concat!.seq);
    expect(parts.map((p) => p.text).join('')).toBe(LONG);
    expect(parts.every((p) => p.concat?.total === parts.length)).toBe(true);
    expect(carrier.books.counts).toMatchObject({ mosAnswered: mos.length, wrongEcho: 0, stray: 0 });
  });

  it('submits what it is allowed, and away it gets nothing until it comes back', async () => {
    const carrier = await carrierOf(kind, { behaviour: { hold: true } });
    const load = loadOf(kind, carrier.port, { allowed: 3 });
    const { allowed } = load.progress;
    await until('three acknowledged', () => load.progress.acked === allowed);
    load.leave();
    await until('away', () => carrier.sessions === 0 && load.progress.bound === 0);
    carrier.change({ hold: false });
    expect([load.progress.submitted, load.progress.receipted]).toEqual([allowed, 0]);
    expect(allowed).toBeLessThan(load.progress.parts);
    load.comeBack();
    await until('the receipts', () => load.progress.receipted === allowed);
    load.allow(30);
    expect(await load.done).toMatchObject({ clean: true, reconnects: 1 });
  });

  it('wrong password: says so', async () => {
    const carrier = await carrierOf(kind);
    await expect(loadOf(kind, carrier.port, { password: 'wrong' }).done).rejects.toThrow(/refused with/);
  });
});

it.each([
  [{ protocol: 'cmpp', version: '4.0' }, /no cmpp version 4.0; give one of 2.0, 2.1, 3.0/],
  [{ protocol: 'cmpp', long: 'payload' }, /use udh/],
] as const)('%j is an error', (options, message) => {
  const usual = { port: 1, systemId: 'a', password: 'b', count: 1, texts: ['x'] };
  expect(() => createLoad({ ...usual, ...options })).toThrow(message);
});
