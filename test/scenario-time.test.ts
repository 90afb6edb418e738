import { once } from 'node:events';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, startCarrier } from '../simulators/carrier.ts';
import { findScenario } from '../simulators/scenario/library.ts';
import type { Scenario } from '../simulators/scenario/schema.ts';
import { until } from './support/node.ts';
import { OCTET_ACCOUNT, octetClient } from './support/octet-clients.ts';

// Scenarios of time and content. The clients are the `smpp` package and octets by the offsets of the specifications:
// they share no line with the carrier they judge, and know nothing of its clock.
delete smpp.commands.deliver_sm!.params!.short_message!.filter;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** The scenario on a clock that leaps over what nobody waits for, from this date if given. */
function leaping(name: string, start?: string): Scenario {
  const scenario = findScenario(name);
  const from = start ?? scenario.clock?.start;
  const clock = { mode: 'virtual' as const, patience: 20, perSubmit: 0, ...(from !== undefined && { start: from }) };
  return { ...scenario, clock };
}

async function carrierOf(scenario: string | Scenario, protocol: 'smpp' | 'cmpp' = 'smpp'): Promise<Carrier> {
  const carrier = await startCarrier({ protocol, accounts: [OCTET_ACCOUNT], scenario });
  stops.push(() => carrier.stop());
  return carrier;
}

interface Client {
  readonly receipts: smpp.PDU[];
  readonly answers: { readonly number: string; readonly status: number; readonly after: number }[];
  submit(number: string, text?: string): Promise<number>;
  login(): Promise<number>;
  /** Words of the receipts by number. */
  states(): Map<string, string>;
}

async function clientOf({ port }: Carrier): Promise<Client> {
  const session = smpp.connect({ host: '127.0.0.1', port });
  session.on('error', () => session.destroy());
  stops.push(() => session.destroy());
  await once(session, 'connect');
  session.socket.setNoDelay(true);
  const receipts: smpp.PDU[] = [];
  const answers: Client['answers'] = [];
  session.on('deliver_sm', (pdu: smpp.PDU) => {
    receipts.push(pdu);
    session.send(pdu.response());
  });
  const request = (command: string, fields: smpp.Fields): Promise<smpp.PDU> =>
    new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));
  const began = performance.now();
  return {
    receipts,
    answers,
    async submit(number, text = 'hi') {
      const chinese = /[^\0-\x7f]/.test(text);
      const octets = chinese ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text, 'latin1');
      const fields = { destination_addr: number, registered_delivery: 1, data_coding: chinese ? 8 : 0 };
      const { command_status: status } = await request('submit_sm', { ...fields, short_message: octets });
      answers.push({ number, status, after: performance.now() - began });
      return status;
    },
    async login() {
      const { name: system_id, secret: password } = OCTET_ACCOUNT;
      return (await request('bind_transceiver', { system_id, password })).command_status;
    },
    states: () => new Map(receipts.map((r) => [String(r.source_addr), /stat:(\w+)/.exec(textOf(r))![1]!])),
  };
}

async function bound(carrier: Carrier): Promise<Client> {
  const client = await clientOf(carrier);
  expect(await client.login()).toBe(0);
  return client;
}

const textOf = (pdu: smpp.PDU): string => pdu.short_message.toString('latin1');
/** Minutes of the dates in a receipt, from its submit to its end. */
function minutesOf(receipt: smpp.PDU): number {
  const [, ...dates] = /submit date:(\d{10}) done date:(\d{10})/.exec(textOf(receipt))!;
  const [submitted, done] = dates.map((d) => {
    const [year, month, day, hour, minute] = d.match(/\d\d/g)!.map(Number);
    return Date.UTC(2000 + year!, month! - 1, day, hour, minute) / 60_000;
  });
  return done! - submitted!;
}

const numberOf = (k: number): string => String(8613800000000 + k);
const many = (client: Client, n: number, text?: string): Promise<number[]> =>
  Promise.all(Array.from({ length: n }, (_, k) => client.submit(numberOf(k), text)));

const REFUSED = 0x45;
const TOO_FAST = 0x58;

describe('delays', () => {
  test('scenario latency-bands: most answers come at once, some after 100 ms, few after a second', async () => {
    const client = await bound(await carrierOf('latency-bands'));
    await many(client, 200);
    const took = client.answers.map(({ after }) => after);
    // A slow machine only adds to what is waited, so these hold on any.
    expect(Math.min(...took)).toBeGreaterThanOrEqual(9);
    const slowest = took.filter((ms) => ms >= 999).length;
    expect(slowest).toBeGreaterThanOrEqual(3);
    expect(took.filter((ms) => ms >= 99).length).toBeGreaterThanOrEqual(slowest + 15);
    // And in the order of their bands: 5 % at the end take most of the time.
    const inOrder = [...took].sort((a, b) => a - b);
    expect(inOrder[170]! - inOrder[0]!).toBeLessThan(inOrder[199]! - inOrder[0]! - 500);
  });

  test('scenario slow-tail: answers come out of their order, receipts from seconds to many minutes later', async () => {
    const client = await bound(await carrierOf(leaping('slow-tail')));
    expect(new Set(await many(client, 80))).toEqual(new Set([0]));
    const order = client.answers.map(({ number }) => number);
    expect(order).not.toEqual([...order].sort());
    await until('80 receipts', () => client.receipts.length === 80);
    const minutes = client.receipts.map(minutesOf);
    expect(minutes.filter((m) => m <= 1).length).toBeGreaterThan(50);
    expect(Math.max(...minutes)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(61);
  });
});

describe('by the clock', () => {
  test('scenario quiet-night: advertising is refused by night only, and some handsets are off until the morning', async () => {
    const night = await bound(await carrierOf(leaping('quiet-night', '2026-06-01T23:00:00+08:00')));
    expect(await night.submit(numberOf(900), '新品上市，回复TD退订')).toBe(REFUSED);
    expect(new Set(await many(night, 30, '您的验证码是1234'))).toEqual(new Set([0]));
    await until('30 receipts', () => night.receipts.length === 30);
    const late = night.receipts.map(minutesOf).filter((m) => m > 2);
    expect(late.length).toBeGreaterThan(3);
    expect(late.length).toBeLessThan(20);
    for (const m of late) expect(m >= 240 && m <= 601).toBe(true);

    const day = await bound(await carrierOf(leaping('quiet-night', '2026-06-01T12:00:00+08:00')));
    expect(await day.submit(numberOf(900), '新品上市，回复TD退订')).toBe(0);
    await many(day, 30);
    await until('31 receipts', () => day.receipts.length === 31);
    expect(Math.max(...day.receipts.map(minutesOf))).toBeLessThanOrEqual(1);
  });

  test('scenario evening-peak: a full window meets the limit of 100 a second, in a burst that of 10; by day none', async () => {
    const tooFast = async (scenario: Scenario): Promise<number> => {
      const client = await bound(await carrierOf(scenario));
      return (await many(client, 150)).filter((status) => status === TOO_FAST).length;
    };
    // All of them within one moment of a clock that stands still.
    expect(await tooFast(leaping('evening-peak'))).toBe(50);
    expect(await tooFast(leaping('evening-peak', '2026-06-01T12:00:00+08:00'))).toBe(0);

    const scenario = leaping('evening-peak');
    const carrier = await carrierOf({ ...scenario, clock: { ...scenario.clock!, perSubmit: 200 } });
    const client = await bound(carrier);
    // Five a second: the burst from the tenth second on is the only time that its limit of 10 could be met, and is not.
    expect(new Set(await many(client, 90))).toEqual(new Set([0]));
    const fast = await carrierOf({ ...scenario, clock: { ...scenario.clock!, perSubmit: 50 } });
    const eager = await bound(fast);
    // Twenty a second: refused in the burst, from message 200 to 300, every other one.
    const statuses = await many(eager, 320);
    const refused = statuses.flatMap((status, k) => (status === TOO_FAST ? [k] : []));
    expect(refused.length).toBeGreaterThan(30);
    expect(refused.length).toBeLessThan(60);
    expect(refused.every((k) => k >= 195 && k <= 305)).toBe(true);
  });

  test('scenario year-turn: ids of the old year and the new, a report dated across it', async () => {
    const scenario = leaping('year-turn');
    const carrier = await carrierOf({ ...scenario, clock: { ...scenario.clock!, perSubmit: 10_000 } }, 'cmpp');
    const client = await octetClient(carrier.port, 'cmpp20');
    stops.push(client.close);
    for (let k = 0; k < 6; k++) client.post(numberOf(k));
    await client.frame(0x80000004, 6);
    // Msg_Id: month 4 bits, day 5, hour 5, minute 6, second 6 (2.0: 7.4.3.2).
    const dates = client.frames
      .filter((frame) => frame.readUInt32BE(4) === 0x80000004)
      .map((frame) => {
        const high = frame.readUInt32BE(12);
        return [high >>> 28, (high >>> 23) & 31, (high >>> 18) & 31, (high >>> 12) & 63];
      });
    expect(dates[0]).toEqual([12, 31, 23, 59]);
    expect(dates[5]).toEqual([1, 1, 0, 0]);
    // Submit_time and Done_time, YYMMDDHHMM each, in the report of the first: behind Msg_Id and Stat.
    const reports = await client.reported(6);
    const times = reports.map((frame) => frame.subarray(12 + 8 + 21 + 10 + 3 + 21 + 2 + 15).toString('latin1', 0, 20));
    expect(times.some((t) => t.startsWith('2612312359270101000'))).toBe(true);
  });
});

describe('by content and count', () => {
  test('scenario content-filter: links refused, words rejected in the report, codes passed, some others lost', async () => {
    const client = await bound(await carrierOf(leaping('content-filter')));
    expect(await client.submit(numberOf(1), 'see HTTPS://example.com')).toBe(REFUSED);
    expect(await client.submit(numberOf(2), '低息贷款，无抵押')).toBe(0);
    expect(await client.submit(numberOf(3), 'your lottery code is 4711')).toBe(0);
    expect(await client.submit(numberOf(4), '恭喜中奖 www.example.com')).toBe(REFUSED);
    expect(await client.submit(numberOf(5), 'code 12, www.example.com')).toBe(0);
    await many({ ...client, submit: (number) => client.submit(number.replace('138', '139')) }, 100);
    await until('all receipts', () => client.receipts.length === 103);
    const states = client.states();
    expect([2, 3, 5].map((k) => states.get(numberOf(k)))).toEqual(['REJECTD', 'DELIVRD', 'DELIVRD']);
    const lost = [...states.values()].filter((word) => word === 'UNDELIV').length;
    expect(lost).toBeGreaterThanOrEqual(1);
    expect(lost).toBeLessThan(15);
  });

  test('scenario cold-start: two logins refused, thirty slow messages of which every tenth is refused, then all is well', async () => {
    const carrier = await carrierOf('cold-start');
    for (let k = 0; k < 2; k++) expect(await (await clientOf(carrier)).login()).not.toBe(0);
    const client = await bound(carrier);
    const began = performance.now();
    const statuses = await many(client, 30);
    expect(performance.now() - began).toBeGreaterThanOrEqual(199);
    expect(statuses.flatMap((status, k) => (status === REFUSED ? [k + 1] : []))).toEqual([10, 20, 30]);
    // What is slow is told by the order: a new one overtakes an old one no more.
    expect(new Set(await many(client, 60))).toEqual(new Set([0]));
    const order = client.answers.slice(30).map(({ number }) => number);
    expect(order).toEqual([...order].sort());
  });
});
