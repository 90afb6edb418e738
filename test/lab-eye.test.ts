import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Carrier, startCarrier } from '../simulators/carrier.ts';
import type { TappedConnection } from '../simulators/tap.ts';
import { type LabClient, labClient, lengthOf } from './support/lab-client.ts';
import { until } from './support/node.ts';
import { bindBody, frame, smBody } from './support/smpp-octets.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function carrier(behaviour = {}): Promise<Carrier> {
  const one = await startCarrier({ protocol: 'smpp', accounts: [{ name: 'acme', secret: 'secret' }], behaviour });
  stops.push(() => one.stop());
  return one;
}

async function client(port: number): Promise<LabClient> {
  const one = await labClient(port);
  stops.push(() => one.socket.destroy());
  return one;
}

const octetsOf = (list: readonly Buffer[]): string => Buffer.concat(list).toString('hex');

describe('the octets of a carrier', () => {
  it('are shown as the sockets had them, of connections that stand and of new ones, until nobody looks', async () => {
    const one = await carrier({ reports: { probability: 0 } });
    const early = await client(one.port);
    early.write(frame(0x09, 0, 1, bindBody()));
    await until('it came', () => lengthOf(early.received) > 0);
    const before = lengthOf(early.received);

    const seen: { connection: TappedConnection; fromClient: boolean; octets: Buffer }[] = [];
    one.watch((connection, fromClient, octets) => seen.push({ connection, fromClient, octets: Buffer.from(octets) }));
    early.write(frame(0x04, 0, 2, smBody()));
    const late = await client(one.port);
    late.write(frame(0x09, 0, 1, bindBody()));
    await until('it came', () => lengthOf(early.received) > before && lengthOf(late.received) > 0);

    const of = (c: { socket: Socket }, fromClient: boolean): Buffer[] =>
      seen
        .filter((s) => s.connection.client.port === c.socket.localPort && s.fromClient === fromClient)
        .map((s) => s.octets);
    expect(octetsOf(of(early, true))).toBe(octetsOf(early.sent.slice(1)));
    expect(octetsOf(of(early, false))).toBe(octetsOf(early.received).slice(before * 2));
    expect(octetsOf(of(late, true))).toBe(octetsOf(late.sent));
    expect(octetsOf(of(late, false))).toBe(octetsOf(late.received));
    expect(seen.every((s) => s.connection.server.port === one.port)).toBe(true);

    one.watch(undefined);
    const had = seen.length;
    const held = lengthOf(late.received);
    late.write(frame(0x15, 0, 3));
    await until('it came', () => lengthOf(late.received) > held);
    expect(seen.length).toBe(had);
  });
});

describe('the times of a carrier', () => {
  it('are taken of answers, reports and the answers to them', async () => {
    const one = await carrier({ responseDelay: 30, reportDelay: 50 });
    const taken = { answered: [] as number[], reported: [] as number[], acknowledged: [] as number[] };
    one.time({
      answered: (ms) => taken.answered.push(ms),
      reported: (ms) => taken.reported.push(ms),
      acknowledged: (ms) => taken.acknowledged.push(ms),
    });
    const c = await client(one.port);
    c.write(frame(0x09, 0, 1, bindBody()));
    c.write(frame(0x04, 0, 2, smBody({ registered: 1 })));
    await until('it came', () => taken.reported.length === 1);
    expect(one.standing()).toMatchObject({ sessions: 1, inFlight: 1, unanswered: 0 });
    // The report is the first request of the carrier to us.
    c.write(frame(0x80000005, 0, 1, Buffer.from([0])));
    await until('it came', () => taken.acknowledged.length === 1);
    // A timer may come late, never early.
    expect(taken.answered[0]).toBeGreaterThanOrEqual(29);
    expect(taken.reported[0]).toBeGreaterThanOrEqual(79);
    expect(taken.acknowledged[0]).toBeGreaterThanOrEqual(0);
    expect(one.standing().inFlight).toBe(0);
  });

  it('come with refusals by code', async () => {
    const one = await carrier({ numbers: [{ suffix: '1', code: 0x0b }] });
    const c = await client(one.port);
    c.write(frame(0x09, 0, 1, bindBody()));
    c.write(frame(0x04, 0, 2, smBody({ destination: '13800000001' })));
    c.write(frame(0x04, 0, 3, smBody({ destination: '13800000002' })));
    await until('it came', () => one.books.counts.answered === 2);
    expect([...one.books.codes]).toEqual([[0x0b, 1]]);
    expect(one.books.counts.refused).toBe(1);
  });
});
