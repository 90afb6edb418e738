import { afterEach, describe, expect, test } from 'vitest';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import type { Carrier, CarrierProtocol } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { carrierUnder } from './support/scenario-carrier.ts';
import { boundPackage } from './support/smpp-client.ts';
import { loggedIn, numbers, PROTOCOLS, type Wire } from './support/wire-clients.ts';

// How reports come, seen by the `smpp` package and by octets on a socket.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function under(name: string, protocol: CarrierProtocol, change?: BehaviourChange): Promise<Carrier> {
  const carrier = await carrierUnder(name, protocol, change);
  stops.push(() => carrier.stop());
  return carrier;
}

async function bound(protocol: CarrierProtocol, carrier: Carrier): Promise<Wire> {
  const wire = await loggedIn(protocol, carrier.port);
  stops.push(() => wire.destroy());
  return wire;
}

describe('scenario reports-out-of-order:', () => {
  test.each(PROTOCOLS)('%s: twenty by twenty, all of them, in another order', async (protocol) => {
    // None goes before its twenty are there.
    const carrier = await under('reports-out-of-order', protocol, { shuffleReports: { wait: 60_000 } });
    const wire = await bound(protocol, carrier);
    const sent = numbers(60);
    wire.submit(sent);
    await wire.frame(wire.tongue.report, 60);
    const came = wire.receivers();
    for (const from of [0, 20, 40]) {
      const batch = came.slice(from, from + 20);
      expect(batch).not.toEqual(sent.slice(from, from + 20));
      expect([...batch].sort()).toEqual(sent.slice(from, from + 20));
    }
  });

  test('what waited long enough goes, though fewer', async () => {
    const carrier = await under('reports-out-of-order', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const sent = numbers(10);
    for (const to of sent) void client.submit(to);
    const came = (await client.got('deliver_sm', 10)).map((d) => d.source_addr);
    expect(came).not.toEqual(sent);
    expect([...came].sort()).toEqual(sent);
  });
});

describe('scenario reports-thrice:', () => {
  test.each(PROTOCOLS)('%s: the same report three times, apart in time', async (protocol) => {
    const carrier = await under('reports-thrice', protocol);
    const wire = await bound(protocol, carrier);
    const begun = performance.now();
    wire.submit(numbers(10));
    await wire.frame(wire.tongue.report, 30);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2 * 199);
    const came = wire.receivers();
    for (const from of [0, 10, 20]) expect(came.slice(from, from + 10)).toEqual(numbers(10));
    // Apart from each other as deliveries: no number comes twice.
    expect(new Set(wire.sequences(wire.tongue.report)).size).toBe(30);
    expect(carrier.books.counts.reportsDuplicated).toBe(20);
  });

  test('the package: three receipts with one id', async () => {
    const carrier = await under('reports-thrice', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const { message_id } = await client.submit('13800000001');
    const ids = (await client.got('deliver_sm', 3)).map((d) => d.receipted_message_id);
    expect(ids).toEqual([message_id, message_id, message_id]);
  });
});

describe('scenario reports-elsewhere:', () => {
  test.each(PROTOCOLS)('%s: on every connection but that of the submit', async (protocol) => {
    const carrier = await under('reports-elsewhere', protocol);
    const [a, b, c] = [await bound(protocol, carrier), await bound(protocol, carrier), await bound(protocol, carrier)];
    a.submit(numbers(20));
    await until('reports', () => b.receivers().length + c.receivers().length === 20);
    expect(a.receivers()).toEqual([]);
    expect([...b.receivers(), ...c.receivers()].sort()).toEqual(numbers(20));
    expect(Math.min(b.receivers().length, c.receivers().length)).toBeGreaterThan(0);
  });

  test('where there is no other, on that of the submit', async () => {
    const carrier = await under('reports-elsewhere', 'cmpp');
    const wire = await bound('cmpp', carrier);
    wire.submit(numbers(3));
    await wire.frame(wire.tongue.report, 3);
  });
});

describe('scenario reports-after-reconnect:', () => {
  test.each(PROTOCOLS)('%s: none on the connection of the submits, all on the next', async (protocol) => {
    const carrier = await under('reports-after-reconnect', protocol);
    const first = await bound(protocol, carrier);
    first.submit(numbers(100));
    await until('the end', () => first.end === 'end');
    expect(first.codes()).toHaveLength(100);
    expect(first.receivers()).toEqual([]);
    const second = await bound(protocol, carrier);
    await second.frame(second.tongue.report, 100);
    expect([...second.receivers()].sort()).toEqual(numbers(100));
  });

  test('the package gets the receipts of its former bind', async () => {
    const carrier = await under('reports-after-reconnect', 'smpp');
    const first = await boundPackage(carrier.port);
    const { message_id } = await first.submit('13800000001');
    expect(first.of('deliver_sm')).toEqual([]);
    first.session.destroy();
    const second = await boundPackage(carrier.port);
    stops.push(() => second.session.destroy());
    expect((await second.got('deliver_sm', 1))[0]!.receipted_message_id).toBe(message_id);
  });
});

test.each(['reports-after-reconnect', 'reports-out-of-order'])(
  'under %s a report that is kept back is known to query_sm and cancel_sm',
  async (name) => {
    const carrier = await under(name, 'smpp', { shuffleReports: { wait: 60_000 } });
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const { message_id } = await client.submit('13800000001');
    await until('a report kept back', () => carrier.standing().waiting === 1);
    const asked = (command: 'query_sm' | 'cancel_sm') =>
      new Promise<number>((resolve) =>
        client.session[command]({ message_id, source_addr: '10690000', destination_addr: '' }, (answer) =>
          resolve(answer.command_status),
        ),
      );
    expect([await asked('query_sm'), await asked('cancel_sm')]).toEqual([0, 0]);
  },
);

describe('scenario reports-early:', () => {
  test.each(PROTOCOLS)('%s: the report is there before the answer', async (protocol) => {
    const carrier = await under('reports-early', protocol);
    const wire = await bound(protocol, carrier);
    const { report, submitAnswer } = wire.tongue;
    for (let k = 1; k <= 5; k++) {
      wire.submit(numbers(1, k), 100 + k);
      await wire.frame(submitAnswer, k);
    }
    const order = wire.frames.map((f) => f.readUInt32BE(4)).filter((c) => c === report || c === submitAnswer);
    expect(order).toEqual([1, 2, 3, 4, 5].flatMap(() => [report, submitAnswer]));
  });

  test('the package hears of an id that it does not know yet', async () => {
    const carrier = await under('reports-early', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const { message_id } = await client.submit('13800000001');
    expect(client.came.map((p) => p.command)).toEqual(['bind_transceiver_resp', 'deliver_sm', 'submit_sm_resp']);
    expect(client.of('deliver_sm')[0]!.receipted_message_id).toBe(message_id);
  });
});

describe('scenario reports-late:', () => {
  test.each(PROTOCOLS)('%s: some come seconds after the answers and the other reports', async (protocol) => {
    const carrier = await under('reports-late', protocol);
    const wire = await bound(protocol, carrier);
    const sent = numbers(40);
    wire.submit(sent);
    await wire.frame(wire.tongue.submitAnswer, 40);
    const answered = performance.now();
    // The others: what has come when the first late one does is counted by its distance from them.
    const times: number[] = [];
    await until('all reports', () => {
      while (times.length < wire.receivers().length) times.push(performance.now() - answered);
      return times.length === 40;
    });
    const late = times.filter((t) => t >= 1900).length;
    expect(late).toBeGreaterThan(3);
    expect(late).toBeLessThan(25);
    expect([...wire.receivers()].sort()).toEqual(sent);
  });
});

describe('scenario reports-missing:', () => {
  test.each(PROTOCOLS)('%s: some never come, and the others do', async (protocol) => {
    const carrier = await under('reports-missing', protocol);
    const wire = await bound(protocol, carrier);
    wire.submit(numbers(200));
    await wire.frame(wire.tongue.submitAnswer, 200);
    const { reportsWithheld } = carrier.books.counts;
    expect(reportsWithheld).toBeGreaterThan(5);
    expect(reportsWithheld).toBeLessThan(50);
    await wire.frame(wire.tongue.report, 200 - reportsWithheld);
    // One that is sent now stands behind all that were.
    carrier.change({ reports: { probability: 1 } });
    wire.submit(numbers(1, 1000), 5000);
    await until('the last', () => wire.receivers().includes(numbers(1, 1000)[0]!));
    expect(new Set(wire.receivers()).size).toBe(200 - reportsWithheld + 1);
  });
});

describe('scenario deliver-window-ignored:', () => {
  test.each(PROTOCOLS)('%s: thousands of reports though not one is answered', async (protocol) => {
    const carrier = await under('deliver-window-ignored', protocol);
    const wire = await bound(protocol, carrier);
    wire.answers = false;
    wire.submit(numbers(3000));
    await wire.frame(wire.tongue.report, 3000);
    expect(new Set(wire.receivers()).size).toBe(3000);
    expect(carrier.books.counts.reportsAnswered).toBe(0);
    // Answers that come in the end are all known.
    wire.send(...wire.of(wire.tongue.report).map(wire.tongue.answerTo));
    await until('all answered', () => carrier.books.counts.reportsAnswered === 3000);
    expect(carrier.books.counts.stray).toBe(0);
  });

  test('a carrier that keeps its window stops at it', async () => {
    const carrier = await under('deliver-window-ignored', 'cmpp', { ignoreDeliverWindow: false });
    const wire = await bound('cmpp', carrier);
    wire.answers = false;
    wire.submit(numbers(100));
    await wire.frame(wire.tongue.submitAnswer, 100);
    await wire.frame(wire.tongue.report, 16);
    wire.send(wire.tongue.answerTo(wire.of(wire.tongue.report)[0]!));
    await wire.frame(wire.tongue.report, 17);
    expect(carrier.books.counts.reports).toBe(17);
  });
});
