import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import type { Carrier, CarrierProtocol } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { carrierUnder } from './support/scenario-carrier.ts';
import { boundPackage } from './support/smpp-client.ts';
import { loggedIn, numbers, PROTOCOLS, TONGUES, type Wire } from './support/wire-clients.ts';

// How octets leave and enter a carrier, seen in the chunks of a socket.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function under(name: string, protocol: CarrierProtocol, change?: BehaviourChange): Promise<Carrier> {
  const carrier = await carrierUnder(name, protocol, change);
  stops.push(() => carrier.stop());
  return carrier;
}

async function wireUnder(name: string, protocol: CarrierProtocol, change?: BehaviourChange): Promise<[Wire, Carrier]> {
  const carrier = await under(name, protocol, change);
  const wire = await loggedIn(protocol, carrier.port);
  stops.push(() => wire.destroy());
  return [wire, carrier];
}

describe('scenario octet-by-octet:', () => {
  test.each(PROTOCOLS)('%s: no frame comes in one piece', async (protocol) => {
    const [wire] = await wireUnder('octet-by-octet', protocol);
    wire.submit(numbers(5));
    await wire.frame(wire.tongue.submitAnswer, 5);
    await wire.frame(wire.tongue.report, 5);
    const longest = Math.max(...wire.chunks.map((c) => c.length));
    const shortest = Math.min(...wire.frames.map((f) => f.length));
    // A socket may join what was written apart, but hardly a whole frame of it.
    expect(longest).toBeLessThan(shortest);
    expect(wire.codes()).toEqual([0, 0, 0, 0, 0]);
  });

  test('the package puts the answers together', async () => {
    const carrier = await under('octet-by-octet', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const answers = await Promise.all(numbers(5).map((to) => client.submit(to)));
    expect(answers.map((a) => a.command_status)).toEqual([0, 0, 0, 0, 0]);
  });

  test('with pauses, no earlier than the pauses let it', async () => {
    const [wire, carrier] = await wireUnder('octet-by-octet', 'cmpp');
    carrier.change({ split: { octets: 7, pause: 20 }, hold: true });
    const before = wire.chunks.length;
    const begun = performance.now();
    wire.submit(numbers(1));
    const answer = await wire.frame(wire.tongue.submitAnswer);
    // 21 octets in three pieces: two pauses.
    expect(answer).toHaveLength(21);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2 * 19);
    expect(wire.chunks.slice(before).map((c) => c.length)).toEqual([7, 7, 7]);
  });
});

describe('scenario glued-frames:', () => {
  test.each(PROTOCOLS)('%s: answers to requests of eight turns come in one chunk', async (protocol) => {
    const [wire, carrier] = await wireUnder('glued-frames', protocol);
    // No wait runs out while we look on, and no report gets in between.
    carrier.change({ glue: { wait: 60_000 }, hold: true });
    const before = wire.chunks.length;
    for (let k = 0; k < 8; k++) {
      expect(wire.chunks).toHaveLength(before);
      wire.submit(numbers(1, k), k);
      await until(`submit ${k}`, () => carrier.books.counts.answered === k + 1);
    }
    await wire.frame(wire.tongue.submitAnswer, 8);
    const chunks = wire.chunks.slice(before);
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toEqual(Buffer.concat(wire.of(wire.tongue.submitAnswer)));
  });

  test('what waited long enough goes, though alone', async () => {
    const [wire] = await wireUnder('glued-frames', 'smpp');
    const begun = performance.now();
    wire.submit(numbers(1));
    await wire.frame(wire.tongue.submitAnswer);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(24);
  });

  test('the package takes many answers from one chunk', async () => {
    const carrier = await under('glued-frames', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    const answers = await Promise.all(numbers(40).map((to) => client.submit(to)));
    expect(new Set(answers.map((a) => a.message_id)).size).toBe(40);
  });
});

describe('scenario slow-reader:', () => {
  test.each(PROTOCOLS)('%s: answers come by tens, with the pauses between', async (protocol) => {
    const [wire, carrier] = await wireUnder('slow-reader', protocol, { hold: true });
    const { pause } = carrier.behaviour.slow;
    const before = wire.chunks.length;
    const begun = performance.now();
    // The login was the first frame.
    wire.submit(numbers(99));
    await wire.frame(wire.tongue.submitAnswer, 99);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(9 * (pause - 1));
    expect(wire.chunks.length - before).toBeGreaterThanOrEqual(10);
  });

  test('what the carrier does not read, the sender cannot get rid of', async () => {
    const carrier = await under('slow-reader', 'cmpp', { slow: { every: 1, pause: 600_000 } });
    const socket = connect(carrier.port, '127.0.0.1');
    stops.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const { login, submit } = TONGUES.cmpp;
    socket.write(login(1));
    await once(socket, 'data');
    const many = Buffer.concat(numbers(5000).map((to, k) => submit(k, to)));
    for (let k = 0; k < 30; k++) socket.write(many);
    await until('full buffers', () => socket.writableLength > many.length && carrier.books.counts.submits === 0);
    const stuck = socket.writableLength;
    // As much as before after many turns of the loop: nothing moves.
    for (let k = 0; k < 50; k++) await new Promise((resolve) => setImmediate(resolve));
    expect(socket.writableLength).toBe(stuck);
    expect(carrier.books.counts.submits).toBe(0);
  });
});
