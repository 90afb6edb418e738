import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BookHead } from '../simulators/book-file.ts';
import { listenForCalls } from '../simulators/callback.ts';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import type { LoadOptions } from '../simulators/load-options.ts';
import { createMix, parseMix } from '../simulators/mix.ts';
import { createLoad } from '../simulators/platform.ts';
import { formatReconciliation } from '../simulators/reconcile/format.ts';
import { type ReconcileOptions, type Reconciliation, reconcile } from '../simulators/reconcile/reconcile.ts';
import { createTimeline } from '../simulators/reconcile/timeline.ts';
import { scratchFolder, startTestNode } from './support/node.ts';
import { type Mischief, relayTo } from './support/smpp-relay.ts';

let folder: string;
const stops: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reconcile-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(folder, { recursive: true });
});
const path = (name: string): string => join(folder, name);

async function carrierWith(options: Partial<CarrierOptions> = {}): Promise<Carrier> {
  const carrier = await startCarrier({
    protocol: 'smpp',
    accounts: [
      { name: 'relay', secret: 'secret' },
      { name: '900001', secret: 'secret' },
    ],
    book: path('carrier.book'),
    ...options,
  });
  stops.push(() => carrier.stop());
  return carrier;
}

async function load(port: number, options: Partial<LoadOptions> = {}): Promise<void> {
  const running = createLoad({
    port,
    systemId: '900001',
    password: 'secret',
    count: 20,
    texts: ['hello'],
    receiptTimeout: 500,
    window: 1,
    book: path('platform.book'),
    ...options,
  });
  stops.push(() => {
    running.stop();
    running.stop();
  });
  running.start();
  await running.done;
}

const compared = (options: Partial<ReconcileOptions> = {}): Reconciliation =>
  reconcile({ platforms: [path('platform.book')], carriers: [path('carrier.book')], ...options });

/** Kinds of breaches with how often, and whom they name. */
const breachesOf = (result: Reconciliation): Record<string, [number, ...(string | undefined)[]]> =>
  Object.fromEntries(
    result.breaches.map(({ kind, count, offenders }) => [kind, [count, ...offenders.map((o) => o.number)]]),
  );

describe('without a gateway', () => {
  test.each([
    ['smpp', '3.4'],
    ['cmpp', '2.0'],
    ['cmpp', '3.0'],
    ['sgip', '1.2'],
    ['smgp', '3.0'],
  ] as const)('%s %s: both ends agree on every part, through every coding and length', async (protocol, version) => {
    const behaviour = {
      seed: 4,
      reports: { probability: 1, states: { DELIVERED: 8, EXPIRED: 1, UNDELIVERABLE: 1 } },
      reportDelay: { min: 0, max: 20 },
      reportBefore: { probability: 0.1 },
    };
    const callback = protocol === 'sgip' ? await listenForCalls(0) : undefined;
    stops.push(() => callback?.server.close());
    const carrier = await carrierWith({
      protocol,
      version,
      behaviour,
      accounts: [
        { name: '900001', secret: 'secret', ...(callback !== undefined && { callback: { port: callback.port } }) },
      ],
    });
    const mix = parseMix('ascii:20-300=3,gsm7:20-300=3,gbk:10-300=3,ucs2:10-200=2,emoji:10-200=2');
    await load(carrier.port, {
      protocol,
      ...(protocol !== 'smpp' && { version }),
      count: 400,
      texts: createMix(mix, [], 100, 9),
      window: 20,
      binds: 2,
      ...(callback !== undefined && { callback: callback.server }),
    });
    await carrier.stop();
    const result = compared();
    expect(formatReconciliation(result)).toMatch(/verdict +clean$/);
    const { counts } = carrier.books;
    expect(result).toMatchObject({
      messages: 400,
      sent: counts.accepted,
      accepted: counts.accepted,
      answered: counts.accepted,
      arrived: 400,
      reported: counts.reports,
      taken: counts.reports,
      received: counts.reports,
      lost: 0,
      duplicated: 0,
      late: 0,
      misCorrelated: 0,
      unreported: 0,
      breaches: [],
      clean: true,
    });
    expect(counts.reports).toBeGreaterThan(400);
    expect(result.hops.map((hop) => hop.name).sort()).toEqual([
      'carrier to its report',
      'due to answer',
      'due to receipt',
      'report to its answer',
      'report to receipt',
      'sent to carrier',
    ]);
    const hop = (name: string) => result.hops.find((h) => h.name === name)!;
    expect(hop('sent to carrier').count).toBe(counts.accepted);
    expect(hop('due to receipt').p50).toBeGreaterThanOrEqual(hop('report to receipt').p50);
    for (const name of ['sent to carrier', 'report to receipt']) expect(hop(name).negative).toBe(0);
  });

  test('what the carrier withholds is no loss; what it doubles is told', async () => {
    const carrier = await carrierWith({
      behaviour: {
        seed: 3,
        reports: { probability: 0.8, states: { DELIVERED: 1 } },
        duplicateReport: { probability: 0.1 },
        errorRate: { probability: 0.1, code: 0 },
      },
    });
    await load(carrier.port, { count: 300, window: 30 });
    await carrier.stop();
    const { counts } = carrier.books;
    const result = compared();
    expect(result).toMatchObject({
      accepted: counts.accepted,
      refused: counts.refused,
      refusals: counts.refused,
      unreported: counts.reportsWithheld,
      duplicated: counts.reportsDuplicated,
      lost: 0,
      misCorrelated: 0,
    });
    expect(Object.keys(breachesOf(result))).toEqual(['receipt doubled']);
    expect(result.breaches[0]!.offenders[0]!.what).toMatch(/^2 final receipts for 2 reports; id \d+ in /);
  });

  test('several books at either end', async () => {
    const one = await carrierWith({ book: path('1.book') });
    const two = await carrierWith({ book: path('2.book') });
    await load(one.port, { book: path('a.book') });
    // The same numbers and texts at the other carrier, and so the same ids.
    await load(two.port, { book: path('b.book') });
    await one.stop();
    await two.stop();
    const platforms = [path('a.book'), path('b.book')];
    const carriers = [path('1.book'), path('2.book')];
    expect(reconcile({ platforms, carriers })).toMatchObject({ messages: 40, arrived: 40, received: 40, clean: true });
    // Half of a carrier's messages are nobody's where a platform's book is missing.
    const half = reconcile({ platforms: [path('a.book')], carriers: [path('1.book'), path('2.book')] });
    expect(half.clean).toBe(false);
    const missing = reconcile({ platforms, carriers: [path('1.book')] });
    expect(breachesOf(missing)['delivery made up']![0]).toBe(20);
  });

  test('answers that never come, and an end without books', async () => {
    const carrier = await carrierWith({ behaviour: { seed: 2, silence: { probability: 0.2, accepted: true } } });
    await load(carrier.port, { count: 50, window: 50, responseTimeout: 100, receiptTimeout: 300 });
    await carrier.stop();
    const { silent } = carrier.books.counts;
    expect(silent).toBeGreaterThan(0);
    const result = compared();
    expect(result).toMatchObject({ unanswered: silent, answered: 50 - silent, lost: 0 });
    expect(breachesOf(result)['never answered']![0]).toBe(silent);
    const alone = compared({ carriers: [] });
    expect(alone).toMatchObject({ arrived: 0, unanswered: silent, lost: 0 });
  });
});

describe('with a gateway between that does wrong, all of it is found', () => {
  /** Twenty messages, of which those to …0007 expire, through a relay. */
  async function through(mischief: Mischief, options: Partial<ReconcileOptions> = {}): Promise<Reconciliation> {
    const carrier = await carrierWith({ behaviour: { numbers: [{ suffix: '0007', state: 'EXPIRED' }] } });
    await load(await relayTo(carrier.port, stops, mischief));
    await carrier.stop();
    return compared(options);
  }
  const number = (n: number): string => String(8613800000000 + n);

  test('an honest one is clean', async () => {
    expect(await through({})).toMatchObject({ sent: 20, arrived: 20, reported: 20, received: 20, clean: true });
  });

  test('a lost receipt', async () => {
    const result = await through({ onReceipt: (receipt, n) => (n === 4 ? [] : [receipt]) });
    expect(breachesOf(result)).toEqual({ 'lost receipt': [1, number(3)] });
    expect(result).toMatchObject({ lost: 1, received: 19, reported: 20, clean: false });
    // The id that the platform knows, and the carrier's.
    expect(result.breaches[0]!.offenders[0]).toMatchObject({
      id: 'g4',
      what: expect.stringMatching(/; id \d+ in .*carrier.book/),
    });
  });

  test('a receipt told twice', async () => {
    const result = await through({ onReceipt: (receipt, n) => (n === 4 ? [receipt, receipt] : [receipt]) });
    expect(breachesOf(result)).toEqual({ 'receipt doubled': [1, number(3)] });
    expect(result.breaches[0]!.offenders[0]!.what).toMatch(/^2 final receipts for 1 reports/);
  });

  test('a state that the carrier did not report', async () => {
    const result = await through({
      onReceipt: (receipt) => [{ ...receipt, stat: receipt.number.endsWith('0007') ? 'DELIVRD' : receipt.stat }],
    });
    expect(breachesOf(result)).toEqual({ 'wrong state': [1, number(7)] });
    expect(result.breaches[0]!.offenders[0]!.what).toMatch(/^told DELIVERED, and the carrier reported EXPIRED/);
    expect(result.misCorrelated).toBe(1);
  });

  test('receipts that name each other’s messages', async () => {
    const result = await through({
      onReceipt: (receipt, n) => [n === 3 ? { ...receipt, id: 'g5' } : n === 5 ? { ...receipt, id: 'g3' } : receipt],
    });
    expect(breachesOf(result)).toEqual({ 'receipt of another message': [2, number(2), number(4)] });
    expect(result.breaches[0]!.offenders[0]).toMatchObject({
      id: 'g3',
      what: `DELIVERED, and it came from ${number(4)}`,
    });
  });

  test('receipts whose ids and numbers are both those of another, told by their states', async () => {
    let kept: { id: string; number: string } | undefined;
    const result = await through({
      onReceipt(receipt, n) {
        if (n === 7) {
          kept = receipt;
          return [];
        }
        // The states of the seventh (delivered) and the eighth (expired) change places.
        return n === 8
          ? [
              { ...receipt, stat: 'DELIVRD' },
              { ...kept!, stat: 'EXPIRED' },
            ]
          : [receipt];
      },
    });
    expect(breachesOf(result)).toEqual({ 'wrong state': [2, number(6), number(7)] });
  });

  test('a receipt of nothing', async () => {
    const result = await through({
      onReceipt: (receipt, n) => (n === 2 ? [receipt, { ...receipt, id: 'x9' }] : [receipt]),
    });
    expect(breachesOf(result)).toEqual({ 'receipt of none of ours': [1, number(1)] });
  });

  test('a message accepted and not sent on', async () => {
    const result = await through({ onSubmit: (fields, n) => (n === 6 ? [] : [fields]) });
    expect(breachesOf(result)).toEqual({ 'lost on the way to a carrier': [1, number(5)] });
    expect(result).toMatchObject({ lost: 1, arrived: 19 });
  });

  test('a message sent on twice', async () => {
    const result = await through({
      onSubmit: (fields, n) => (n === 6 ? [fields, fields] : [fields]),
      onReceipt: (receipt, n) => (n === 7 ? [] : [receipt]),
    });
    expect(breachesOf(result)).toEqual({ 'message doubled': [1, number(5)] });
  });

  test('a text that was changed, which may be meant', async () => {
    const onSubmit: Mischief['onSubmit'] = (fields, n) => [
      n === 6 ? { ...fields, short_message: Buffer.from('hallo') } : fields,
    ];
    expect(breachesOf(await through({ onSubmit }))).toEqual({ 'text changed': [1, number(5)] });
    expect(compared({ alterable: true }).clean).toBe(true);
  });

  test('a message that nobody sent', async () => {
    const result = await through({
      onSubmit: (fields, n) => (n === 6 ? [fields, { ...fields, destination_addr: '8613999999999' }] : [fields]),
      onReceipt: (receipt) => (receipt.number.endsWith('9999') ? [] : [receipt]),
    });
    expect(breachesOf(result)).toEqual({ 'message that no platform sent': [1, '8613999999999'] });
  });

  test('a delivery made up, of a message that no carrier had, or before any report', async () => {
    const result = await through({
      onSubmit: (fields, n) => (n === 6 ? [] : [fields]),
      onReceipt: (receipt, n) => (n === 3 ? [receipt, { id: 'g6', number: number(5), stat: 'DELIVRD' }] : [receipt]),
    });
    // It even came before the answer to its submit.
    expect(breachesOf(result)).toEqual({ 'delivery made up': [1, number(5)] });
  });

  test('a failure that the gateway tells of a message that it kept is no loss', async () => {
    const result = await through({
      onSubmit: (fields, n) => (n === 6 ? [] : [fields]),
      onReceipt: (receipt, n) => (n === 8 ? [receipt, { id: 'g6', number: number(5), stat: 'EXPIRED' }] : [receipt]),
    });
    expect(result).toMatchObject({ endedBetween: 1, lost: 0, clean: true });
  });

  test('only so many are named, and the rest counted', async () => {
    const result = await through({ onReceipt: () => [] }, { named: 3 });
    expect(result.breaches[0]).toMatchObject({ kind: 'lost receipt', count: 20 });
    expect(result.breaches[0]!.offenders).toHaveLength(3);
    expect(formatReconciliation(result)).toMatch(
      /lost receipt: 20\n {2}8613800000000 {2}id g1 .*\n.*\n.*\n {2}and 17 more/,
    );
  });
});

test('late receipts: by the times in the books', () => {
  const head = { format: 1, protocol: 'smpp', since: 1e12 };
  const book = (name: string, lines: readonly object[]) =>
    writeFileSync(path(name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const submit = {
    is: 'submit',
    message: 0,
    to: '13800000001',
    text: 5,
    part: 1,
    parts: 1,
    due: 0,
    sent: 0,
    tries: 1,
    answered: 1,
    id: 'a',
  };
  book('platform.book', [
    { ...head, book: 'platform' },
    submit,
    { is: 'receipt', id: 'a', from: '+8613800000001', state: 'DELIVERED', at: 5000 },
  ]);
  book('carrier.book', [
    // A clock that started two seconds later, and a number without the country's code.
    { ...head, book: 'carrier', since: 1e12 + 2000 },
    { is: 'message', to: '8613800000001', text: 5, ids: ['7'], at: [-1999] },
    { is: 'report', id: '7', to: '8613800000001', word: 'DELIVERED', at: 0 },
  ]);
  expect(compared({ late: 2999 })).toMatchObject({ late: 1, clean: false });
  expect(compared({ late: 3000 })).toMatchObject({ late: 0, clean: true });
  const hop = compared().hops.find((h) => h.name === 'report to receipt')!;
  expect(hop.max).toBeGreaterThan(2990);
  expect(hop.max).toBeLessThan(3010);
});

describe('books that are none', () => {
  test.each([
    ['', /a\.book:1: there is nothing in it/],
    ['hello\n', /a\.book:1: is no book/],
    ['{"book":"carrier","format":1,"since":1}\n', /a\.book:1: book: it is that of a carrier, not of a platform/],
    ['{"book":"platform","format":2,"since":1}\n', /format: 2; this version reads 1/],
    ['{"book":"platform","format":1,"since":1}\n{"is":"report"}\n', /a\.book:2: is: "report" is no line/],
    ['{"book":"platform","format":1,"since":1}\n{"is":"receipt","id":5}\n', /a\.book:2: id: 5 is no string/],
    ['{"book":"platform","format":1,"since":1}\n\u0000\n', /a\.book:2: is no line of JSON/],
  ])('%j', (text, message) => {
    writeFileSync(path('a.book'), text);
    expect(() => reconcile({ platforms: [path('a.book')], carriers: [] })).toThrow(message);
  });

  test('a last line that was cut off is left out', async () => {
    const carrier = await carrierWith();
    await load(carrier.port);
    await carrier.stop();
    appendFileSync(path('platform.book'), '{"is":"rec');
    expect(compared().clean).toBe(true);
  });
});

test('through Yima: texts coded and cut otherwise, and codes of the carrier’s own, agree', async () => {
  const scratch = scratchFolder();
  stops.push(() => scratch.remove());
  const carrier = await carrierWith({
    protocol: 'cmpp',
    version: '3.0',
    behaviour: {
      seed: 6,
      reports: { probability: 1, states: { DELIVERED: 6, EXPIRED: 1, 'MK:0012': 1, 'MI:0010': 1 } },
    },
  });
  const node = await startTestNode({
    data: scratch.path,
    carriers: [{ name: 'ismg', protocol: 'cmpp', version: '3.0', port: carrier.port }],
  });
  stops.push(() => node.stop());
  // 160 septets fit one short message, 160 octets of ASCII do not.
  const texts = ['hello', 'x'.repeat(160), 'y'.repeat(400), '您的订单已发货😀，请注意查收。'.repeat(8)];
  await load(node.port, { systemId: 'acme', count: 200, window: 20, texts });
  await carrier.stop();
  const result = compared();
  expect(result).toMatchObject({ messages: 200, arrived: 200, lost: 0, duplicated: 0, misCorrelated: 0, breaches: [] });
  expect(result.clean).toBe(true);
});

test('books of one machine are laid by its own clock, whatever the time of day was set to between them', () => {
  const head = { format: 1, protocol: 'smpp' } as const;
  const platform: BookHead = { ...head, book: 'platform', since: 1e12, uptime: 5000 };
  const carrier = (since: number, uptime: number): BookHead => ({ ...head, book: 'carrier', since, uptime });
  const timeline = createTimeline();
  expect(timeline(platform)).toBe(1e12);
  expect(timeline(carrier(1e12 + 2030, 7000))).toBe(1e12 + 2000);
  // Another machine: its clock says nothing here.
  expect(timeline(carrier(1e12 + 2030, 700_000))).toBe(1e12 + 2030);
});
