import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import type { LoadOptions } from '../simulators/load-options.ts';
import { createLoad } from '../simulators/platform.ts';
import { formatVerdict, type Verdict } from '../simulators/verdict.ts';
import { accept, type Gateway, gatewayWith as madeGateway, type OnSubmit, report } from './support/smpp-gateway.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
const gatewayWith = (onSubmit: OnSubmit): Promise<Gateway> => madeGateway(onSubmit, stops);

async function run(port: number, options: Partial<LoadOptions> = {}): Promise<Verdict> {
  const load = createLoad({
    port,
    systemId: 'esme',
    password: 'secret',
    count: 20,
    texts: ['hello'],
    receiptTimeout: 300,
    ...options,
  });
  stops.push(() => {
    load.stop();
    load.stop();
  });
  load.start();
  return await load.done;
}

describe('the verdict', () => {
  test('clean when everything was acknowledged and reported once', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      accept(session, pdu, `id-${n}`);
      report(session, pdu, `id-${n}`, {}, n % 4 === 0 ? 'UNDELIV' : 'DELIVRD');
    });
    const verdict = await run(gateway.port, { count: 200, window: 7 });
    expect(verdict).toMatchObject({
      messages: 200,
      parts: 200,
      submits: 200,
      acked: 200,
      receipted: 200,
      refused: 0,
      unknown: 0,
      lost: 0,
      duplicated: 0,
      foreign: 0,
      misaddressed: 0,
      states: { DELIVERED: 150, UNDELIVERABLE: 50 },
      clean: true,
    });
    expect(gateway.peak).toBeLessThanOrEqual(7);
    expect(gateway.peak).toBeGreaterThan(1);
    const [first, last] = [gateway.submits[0]!, gateway.submits[199]!];
    expect([first.destination_addr, last.destination_addr]).toEqual(['8613800000000', '8613800000199']);
    expect(first).toMatchObject({ source_addr: '10690000', data_coding: 0, registered_delivery: 1, esm_class: 0 });
    expect(verdict.toAck.p50).toBeGreaterThan(0);
    expect(verdict.toAck.max).toBeGreaterThanOrEqual(verdict.toAck.p50);
    expect(verdict.toReceipt.p50).toBeGreaterThan(0);
    expect(formatVerdict(verdict)).toMatch(/acknowledged +200 .*\nlost +0\n.*verdict +clean$/s);
  });

  test('names what was lost, doubled, foreign, misaddressed, refused', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      const id = String(n);
      if (n === 1) {
        session.send(pdu.response({ command_status: 0x0b }));
        return;
      }
      accept(session, pdu, id);
      if (n === 2) return;
      report(session, pdu, n === 3 ? 'never-seen' : id, n === 4 ? { source_addr: '8613999999999' } : {});
      if (n === 5) report(session, pdu, id);
    });
    expect(await run(gateway.port)).toMatchObject({
      acked: 19,
      refused: 1,
      refusals: { ESME_RINVDSTADR: 1 },
      receipted: 17,
      lost: 2,
      foreign: 1,
      duplicated: 1,
      misaddressed: 1,
      clean: false,
    });
  });

  test('reads receipts by parameters, by text, and those that come before the answer', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      const id = `m${n}`;
      if (n % 2 === 0) {
        report(session, pdu, 'other', { receipted_message_id: id, message_state: 6, short_message: Buffer.from('') });
        report(session, pdu, 'other', { receipted_message_id: id, message_state: 3, short_message: Buffer.from('') });
        accept(session, pdu, id);
      } else {
        accept(session, pdu, id);
        report(session, pdu, id, { receipted_message_id: id, message_state: 6 });
        report(session, pdu, id);
      }
    });
    expect(await run(gateway.port)).toMatchObject({
      acked: 20,
      receipted: 20,
      states: { EXPIRED: 10, DELIVERED: 10 },
      intermediate: 20,
      clean: true,
    });
  });

  test('what was cut off is unknown, and its receipt no foreign one', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      if (n === 5) {
        // Taken, but cut before the answer; the receipt comes on the next bind.
        session.destroy();
        return;
      }
      accept(session, pdu, String(n));
      report(session, pdu, String(n));
      if (n === 6) report(session, gateway.submits[4]!, '5');
    });
    const verdict = await run(gateway.port, { window: 1 });
    expect(verdict).toMatchObject({
      submits: 20,
      acked: 19,
      unknown: 1,
      receipted: 19,
      receiptsOfUnknown: 1,
      foreign: 0,
      lost: 0,
      reconnects: 1,
      clean: false,
    });
  });

  test('submits again what was cut off, when told to', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      if (n === 5) return void session.destroy();
      accept(session, pdu, String(n));
      report(session, pdu, String(n));
    });
    const verdict = await run(gateway.port, { window: 1, resubmit: true });
    expect(verdict).toMatchObject({ submits: 21, acked: 20, unknown: 0, resubmitted: 1, receipted: 20, clean: true });
    expect(gateway.submits[5]!.destination_addr).toBe(gateway.submits[4]!.destination_addr);
  });

  test('stopped while it submits again, it says that the outcome is unknown', async () => {
    const gateway = await gatewayWith((session) => session.destroy());
    const load = createLoad({
      port: gateway.port,
      systemId: 'esme',
      password: 'secret',
      count: 3,
      texts: ['x'],
      window: 1,
      resubmit: true,
    });
    load.start();
    while (gateway.submits.length < 2) await new Promise((r) => setTimeout(r, 5));
    load.stop();
    load.stop();
    expect(await load.done).toMatchObject({ acked: 0, unknown: 1, unsent: 2, clean: false });
  });

  test('submits again what was refused as too fast, when told to', async () => {
    const gateway = await gatewayWith((session, pdu, n) => {
      if (n === 3) session.send(pdu.response({ command_status: 0x58 }));
      else {
        accept(session, pdu, String(n));
        report(session, pdu, String(n));
      }
    });
    const verdict = await run(gateway.port, { retryThrottled: true });
    expect(verdict).toMatchObject({
      submits: 21,
      acked: 20,
      refused: 0,
      refusals: { ESME_RTHROTTLED: 1 },
      clean: true,
    });
  });

  test('a submit that is not answered in time is unknown; a late answer still counts', async () => {
    let held: (() => void) | undefined;
    const gateway = await gatewayWith((session, pdu, n) => {
      const answer = (): void => {
        accept(session, pdu, String(n));
        report(session, pdu, String(n));
      };
      if (n === 1) held = answer;
      else answer();
      if (n === 20) setTimeout(() => held?.(), 400);
    });
    const verdict = await run(gateway.port, { responseTimeout: 50, receiptTimeout: 1500 });
    expect(verdict).toMatchObject({ acked: 20, unknown: 0, late: 1, receipted: 20 });
  });

  test('without receipts nothing is waited for', async () => {
    const gateway = await gatewayWith((session, pdu, n) => accept(session, pdu, String(n)));
    const verdict = await run(gateway.port, { receipts: false });
    expect(verdict).toMatchObject({ acked: 20, receipted: 0, lost: 0, clean: true });
    expect(gateway.submits[0]!.registered_delivery).toBe(0);
  });
});

describe('submits', () => {
  const answerAll: OnSubmit = (session, pdu, n) => {
    accept(session, pdu, String(n));
    report(session, pdu, String(n));
  };

  test('texts in turn, UCS-2 where GSM does not hold them, long ones in parts of one message', async () => {
    const gateway = await gatewayWith(answerAll);
    const long = '长'.repeat(100);
    const verdict = await run(gateway.port, { count: 5, texts: ['one', long, '二'], window: 1 });
    expect(verdict).toMatchObject({ messages: 5, parts: 7, acked: 7, receipted: 7, misaddressed: 0, clean: true });
    expect(gateway.submits.map((p) => [p.data_coding, p.esm_class, p.destination_addr.slice(-1)])).toEqual([
      [0, 0, '0'],
      [8, 0x40, '1'],
      [8, 0x40, '1'],
      [8, 0, '2'],
      [0, 0, '3'],
      [8, 0x40, '4'],
      [8, 0x40, '4'],
    ]);
    const parts = gateway.submits.slice(1, 3).map((p) => p.short_message);
    expect(parts.map((p) => [...p.subarray(0, 6)])).toEqual([
      [5, 0, 3, 1, 2, 1],
      [5, 0, 3, 1, 2, 2],
    ]);
    const octets = Buffer.concat(parts.map((p) => p.subarray(6)));
    expect(octets.swap16().toString('utf16le')).toBe(long);
    // Two long messages, two references.
    expect(gateway.submits[5]!.short_message[3]).toBe(4);
  });

  test('long ones whole in message_payload', async () => {
    const gateway = await gatewayWith(answerAll);
    await run(gateway.port, { count: 1, texts: ['x'.repeat(500)], long: 'payload' });
    expect(gateway.submits.length).toBe(1);
    expect(String(gateway.submits[0]!.message_payload)).toBe('x'.repeat(500));
  });

  test('over several binds', async () => {
    const gateway = await gatewayWith(answerAll);
    expect(await run(gateway.port, { count: 300, binds: 3, window: 5 })).toMatchObject({ acked: 300, clean: true });
    expect(gateway.sessions.length).toBe(3);
  });

  test('at a rate, however fast the answers are', async () => {
    const gateway = await gatewayWith(answerAll);
    const verdict = await run(gateway.port, { count: 60, rate: 200 });
    expect(verdict.clean).toBe(true);
    // 59 intervals of 5 ms.
    expect(verdict.ackSeconds).toBeGreaterThanOrEqual(0.29);
  });

  test('at a rate, latency counts from when a submit was due', async () => {
    // The first answer holds up a window of one for 300 ms: those behind it were due long before they were sent.
    const gateway = await gatewayWith((session, pdu, n) => {
      if (n === 1) setTimeout(() => answerAll(session, pdu, n), 300);
      else answerAll(session, pdu, n);
    });
    const verdict = await run(gateway.port, { count: 20, rate: 200, window: 1 });
    expect(verdict.toAck.p50).toBeGreaterThan(100);
  });
});

describe('binds', () => {
  test('a wrong password is an error that names it', async () => {
    const gateway = await gatewayWith(() => undefined);
    await expect(run(gateway.port, { password: 'wrong' })).rejects.toThrow(/"esme" was refused with ESME_RINVPASWD/);
  });

  test('nobody there is an error after a while', async () => {
    const server: Server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await expect(run(port, { reconnectFor: 200 })).rejects.toThrow(/no bind at 127.0.0.1:\d+ \(.*ECONNREFUSED/);
  });

  test('answers enquire_link and receives messages', async () => {
    let asked = 0;
    const gateway = await gatewayWith((session, pdu, n) => {
      session.enquire_link({}, () => {
        asked++;
        accept(session, pdu, String(n));
        report(session, pdu, String(n));
      });
      session.deliver_sm({ source_addr: '1', destination_addr: '2', short_message: Buffer.from('TD') });
    });
    const texts: string[] = [];
    const verdict = await run(gateway.port, { onMo: ({ octets }) => texts.push(Buffer.from(octets).toString()) });
    expect([verdict.mos, asked, texts.length, texts[0]]).toEqual([20, 20, 20, 'TD']);
  });

  test.each([
    [{ count: 0 }, /count is 0/],
    [{ texts: [] }, /no texts/],
    [{ window: 0 }, /at least 1/],
  ])('%j', (options, message) => {
    expect(() => createLoad({ port: 1, systemId: 'a', password: 'b', count: 1, texts: ['x'], ...options })).toThrow(
      message,
    );
  });
});

test('both ends agree: what the platform was told is what the carrier did', async () => {
  const carrier = await startCarrier({
    protocol: 'smpp',
    accounts: [{ name: 'esme', secret: 'secret' }],
    record: 'fingerprints',
    behaviour: {
      seed: 3,
      responseDelay: { min: 0, max: 5 },
      reportDelay: { min: 0, max: 20 },
      errorRate: { probability: 0.1, code: 0 },
      reports: { probability: 0.9, states: { DELIVERED: 8, EXPIRED: 1, UNDELIVERABLE: 1 } },
      duplicateReport: { probability: 0.05 },
      reportBefore: { probability: 0.1 },
      reportOn: 'any',
    },
  });
  stops.push(() => carrier.stop());
  const verdict = await run(carrier.port, { count: 5000, binds: 3, window: 50, receiptTimeout: 500 });
  const { counts, states, repeats } = carrier.books;
  expect(verdict.acked).toBe(counts.accepted);
  expect(verdict.refused).toBe(counts.refused);
  expect(verdict.lost).toBe(counts.reportsWithheld);
  expect(verdict.duplicated).toBe(counts.reportsDuplicated);
  expect(verdict.receipted + verdict.duplicated).toBe(counts.reports);
  expect(counts.reportsAnswered).toBe(counts.reports);
  expect(verdict).toMatchObject({ foreign: 0, misaddressed: 0, unknown: 0 });
  expect(repeats).toBe(0);
  for (const n of [counts.refused, counts.reportsWithheld, counts.reportsDuplicated]) expect(n).toBeGreaterThan(0);
  expect(new Set(states.keys())).toEqual(new Set(['DELIVERED', 'EXPIRED', 'UNDELIVERABLE']));
});
