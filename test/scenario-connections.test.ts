import { afterEach, describe, expect, test } from 'vitest';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import type { Carrier, CarrierProtocol } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { carrierUnder } from './support/scenario-carrier.ts';
import { boundPackage, packageClient } from './support/smpp-client.ts';
import { loggedIn, numbers, PROTOCOLS, TONGUES, type Wire, wireTo } from './support/wire-clients.ts';

// What goes wrong with connections and logins, seen by the `smpp` package and by octets on a socket.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function under(name: string, protocol: CarrierProtocol, change?: BehaviourChange): Promise<Carrier> {
  const carrier = await carrierUnder(name, protocol, change);
  stops.push(() => carrier.stop());
  return carrier;
}

async function dial(protocol: CarrierProtocol, carrier: Carrier): Promise<Wire> {
  const wire = await wireTo(protocol, carrier.port);
  stops.push(() => wire.destroy());
  return wire;
}

async function bound(protocol: CarrierProtocol, carrier: Carrier): Promise<Wire> {
  const wire = await loggedIn(protocol, carrier.port);
  stops.push(() => wire.destroy());
  return wire;
}

describe('scenario half-open:', () => {
  test.each(PROTOCOLS)('%s: silent from a submit on, and still connected', async (protocol) => {
    const carrier = await under('half-open', protocol);
    const { every } = carrier.behaviour.halfOpen;
    const wire = await bound(protocol, carrier);
    const { tongue } = wire;
    wire.submit(numbers(every - 1));
    await wire.frame(tongue.report, every - 1);
    expect(wire.codes()).toHaveLength(every - 1);
    const frames = wire.frames.length;
    wire.submit(numbers(1, 5000), 5000);
    await until('silence', () => carrier.books.counts.halfOpened === 1);
    wire.submit(numbers(5, 6000), 6000);
    if (tongue.probe !== undefined) wire.send(tongue.probe(9000));
    wire.send(tongue.unbind(9001));
    // Another connection is served meanwhile, and waits until everything must have been read.
    const other = await bound(protocol, carrier);
    for (let k = 1; k <= 20; k++) {
      other.submit(numbers(1, 7000 + k), k);
      await other.frame(tongue.submitAnswer, k);
    }
    expect(wire.frames).toHaveLength(frames);
    expect([wire.rest.length, wire.end]).toEqual([0, undefined]);
    expect(carrier.books.counts.submits).toBe(every + 20);
  });

  test('it is reset after its time', async () => {
    const carrier = await under('half-open', 'cmpp', { halfOpen: { every: 1, for: 50 } });
    const wire = await bound('cmpp', carrier);
    wire.submit(numbers(1));
    await until('a reset', () => wire.end === 'reset');
    expect(wire.codes()).toEqual([]);
  });
});

describe('scenario reset-mid-frame:', () => {
  test.each(PROTOCOLS)('%s: half an answer, then a reset', async (protocol) => {
    const carrier = await under('reset-mid-frame', protocol, { hold: true });
    const { every } = carrier.behaviour.disconnect;
    const wire = await bound(protocol, carrier);
    wire.submit(numbers(every + 10));
    await until('a reset', () => wire.end !== undefined);
    expect(wire.end).toBe('reset');
    expect(wire.codes()).toHaveLength(every - 1);
    const good = wire.of(wire.tongue.submitAnswer)[0]!;
    expect(wire.rest.length).toBeGreaterThan(0);
    expect(wire.rest.length).toBeLessThan(good.length);
    expect(wire.rest.readUInt32BE(0)).toBe(good.length);
    expect(carrier.books.counts.accepted).toBe(every);
  });
});

describe('scenario close-every-n:', () => {
  test.each(PROTOCOLS)('%s: ends behind the hundredth answer, each time', async (protocol) => {
    const carrier = await under('close-every-n', protocol, { hold: true });
    for (let round = 0; round < 2; round++) {
      const wire = await bound(protocol, carrier);
      wire.submit(numbers(150, round * 150));
      await until('the end', () => wire.end !== undefined);
      expect(wire.codes()).toHaveLength(100);
      expect(wire.rest).toHaveLength(0);
    }
    expect(carrier.books.counts.disconnects).toBe(2);
  });

  test('the package sees the close', async () => {
    const carrier = await under('close-every-n', 'smpp', { hold: true });
    const client = await boundPackage(carrier.port);
    for (const to of numbers(120)) void client.submit(to);
    await until('the close', () => client.closed);
    expect(client.of('submit_sm_resp')).toHaveLength(100);
    expect(client.of('unbind')).toEqual([]);
  });
});

describe('scenario bind-refused-n-times:', () => {
  test.each(PROTOCOLS)('%s: three refusals, each with a close, then a login like them is taken', async (protocol) => {
    const carrier = await under('bind-refused-n-times', protocol);
    const { login, loginAnswer, code, codes } = TONGUES[protocol];
    const seen: number[] = [];
    for (let k = 0; k < 4; k++) {
      const wire = await dial(protocol, carrier);
      wire.send(login(1));
      seen.push(code(await wire.frame(loginAnswer)));
      if (seen[k] !== 0) await until('closed', () => wire.end === 'end');
    }
    expect(seen).toEqual([codes.bindFailed, codes.bindFailed, codes.bindFailed, 0]);
  });

  test('the package is told ESME_RBINDFAIL', async () => {
    const carrier = await under('bind-refused-n-times', 'smpp');
    const status: number[] = [];
    for (let k = 0; k < 4; k++) {
      const client = await packageClient(carrier.port);
      stops.push(() => client.session.destroy());
      status.push((await client.bind()).command_status);
    }
    expect(status).toEqual([0x0d, 0x0d, 0x0d, 0]);
  });
});

describe('scenario bind-late:', () => {
  test.each(PROTOCOLS)(
    '%s: the login is answered after a second, and what was sent behind it is not',
    async (protocol) => {
      const carrier = await under('bind-late', protocol);
      const wire = await dial(protocol, carrier);
      const begun = performance.now();
      wire.send(wire.tongue.login(1));
      const answer = await wire.frame(wire.tongue.loginAnswer);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(999);
      expect(wire.tongue.code(answer)).toBe(0);
      wire.submit(numbers(1));
      await wire.frame(wire.tongue.submitAnswer);
    },
  );
});

describe('scenario bind-never-answered:', () => {
  test.each(PROTOCOLS)('%s: some logins are swallowed on a live connection, others are well', async (protocol) => {
    const carrier = await under('bind-never-answered', protocol);
    const wires: Wire[] = [];
    for (let k = 0; k < 20; k++) {
      const wire = await dial(protocol, carrier);
      wires.push(wire);
      wire.send(wire.tongue.login(1));
      const { unheard } = carrier.books.counts;
      await until(
        'heard or not',
        () =>
          wire.frames.length > 0 ||
          carrier.books.counts.unheard > unheard ||
          carrier.books.counts.unheard + carrier.books.counts.binds === k + 1,
      );
    }
    const { unheard, binds } = carrier.books.counts;
    await until('the others', () => wires.filter((w) => w.frames.length === 1).length === binds);
    expect(unheard + binds).toBe(20);
    expect(unheard).toBeGreaterThan(3);
    expect(binds).toBeGreaterThan(3);
    expect(wires.filter((w) => w.frames.length === 0 && w.end === undefined)).toHaveLength(unheard);
  });
});

describe('scenario no-keepalive-answers:', () => {
  test.each(['smpp', 'cmpp', 'smgp'] as const)('%s: messages are answered, signs of life are not', async (protocol) => {
    const carrier = await under('no-keepalive-answers', protocol);
    const wire = await bound(protocol, carrier);
    const { probe, probeAnswer, submitAnswer } = wire.tongue;
    wire.send(probe!(50), probe!(51));
    wire.submit(numbers(1));
    await wire.frame(submitAnswer);
    await wire.frame(wire.tongue.report);
    expect(wire.of(probeAnswer)).toEqual([]);
    expect([carrier.books.counts.unheard, wire.end]).toEqual([2, undefined]);
    // The same carrier without the fault.
    carrier.change({ silentProbe: { probability: 0 } });
    wire.send(probe!(52));
    await wire.frame(probeAnswer);
    expect(wire.sequences(probeAnswer)).toEqual([52]);
  });

  test('the package waits for enquire_link_resp in vain', async () => {
    const carrier = await under('no-keepalive-answers', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    client.session.enquire_link();
    await client.submit('13800000001');
    expect(client.of('enquire_link_resp')).toEqual([]);
  });
});

describe('scenario session-limit-after-cut:', () => {
  test.each(PROTOCOLS)(
    '%s: after a cut the next login is one too many, until the old one is forgotten',
    async (protocol) => {
      const carrier = await under('session-limit-after-cut', protocol, { hold: true });
      const { linger } = carrier.behaviour.sessionLimit;
      const { login, loginAnswer, code, codes } = TONGUES[protocol];
      const wire = await bound(protocol, carrier);
      wire.submit(numbers(500));
      await until('a cut', () => wire.end !== undefined);
      const cut = performance.now();
      expect(wire.end).toBe('reset');
      await until('nobody', () => carrier.sessions === 0);

      const tried: number[] = [];
      while (tried.at(-1) !== 0) {
        const next = await dial(protocol, carrier);
        next.send(login(1));
        tried.push(code(await next.frame(loginAnswer)));
        if (tried.at(-1) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      // Our clock began a little later than that of the carrier.
      expect(performance.now() - cut).toBeGreaterThan(linger - 500);
      expect(tried.length).toBeGreaterThan(1);
      expect(new Set(tried.slice(0, -1))).toEqual(new Set([codes.tooMany]));
    },
  );

  test.each(PROTOCOLS)('%s: who says goodbye may come back at once', async (protocol) => {
    const carrier = await under('session-limit-after-cut', protocol);
    const first = await bound(protocol, carrier);
    first.send(first.tongue.unbind(9));
    await until('the end', () => first.end === 'end' && carrier.sessions === 0);
    await bound(protocol, carrier);
    expect(carrier.books.counts.bindsRefused).toBe(0);
  });
});
