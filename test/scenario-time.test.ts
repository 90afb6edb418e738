import { once } from 'node:events';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';

// Scenarios of time. The client is the `smpp` package: it shares no line with the carrier it judges.
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function boundTo(port: number): Promise<smpp.Session> {
  const session = smpp.connect({ host: '127.0.0.1', port });
  session.on('error', () => session.destroy());
  stops.push(() => session.destroy());
  await once(session, 'connect');
  const resp = await new Promise<smpp.PDU>((resolve) => {
    session.send(new smpp.PDU('bind_transceiver', { system_id: 'esme', password: 'secret' }), resolve);
  });
  expect(resp.command_status).toBe(0);
  return session;
}

describe('delays', () => {
  test('scenario latency-bands: most answers come at once, some after 100 ms, few after a second', async () => {
    const accounts = [{ name: 'esme', secret: 'secret' }];
    const carrier = await startCarrier({ protocol: 'smpp', accounts, scenario: 'latency-bands' });
    stops.push(() => carrier.stop());
    const session = await boundTo(carrier.port);
    const began = performance.now();
    const submit = (k: number): Promise<number> =>
      new Promise((resolve) => {
        const pdu = new smpp.PDU('submit_sm', { destination_addr: String(8613800000000 + k), short_message: 'hi' });
        session.send(pdu, () => resolve(performance.now() - began));
      });
    const took = await Promise.all(Array.from({ length: 200 }, (_, k) => submit(k)));
    // A slow machine only adds to what is waited, so these hold on any.
    expect(Math.min(...took)).toBeGreaterThanOrEqual(9);
    const slowest = took.filter((ms) => ms >= 999).length;
    expect(slowest).toBeGreaterThanOrEqual(3);
    expect(took.filter((ms) => ms >= 99).length).toBeGreaterThanOrEqual(slowest + 15);
    // And in the order of their bands: 5 % at the end take most of the time.
    const inOrder = [...took].sort((a, b) => a - b);
    expect(inOrder[170]! - inOrder[0]!).toBeLessThan(inOrder[199]! - inOrder[0]! - 500);
  });
});
