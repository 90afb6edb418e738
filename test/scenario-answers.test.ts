import { afterEach, describe, expect, test } from 'vitest';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import type { Carrier, CarrierProtocol } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { carrierUnder } from './support/scenario-carrier.ts';
import { boundPackage } from './support/smpp-client.ts';
import { loggedIn, numbers, PROTOCOLS, sequenceOf, TONGUES, type Wire } from './support/wire-clients.ts';

// What goes wrong with answers, seen by the `smpp` package and by octets on a socket.

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

/** How often each of them occurs. */
function tally(values: readonly number[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
}

describe('scenario answer-twice:', () => {
  test('the package gets one answer in five a second time, with the same id', async () => {
    const carrier = await under('answer-twice', 'smpp');
    const client = await boundPackage(carrier.port);
    stops.push(() => client.session.destroy());
    for (const to of numbers(100)) void client.submit(to);
    await until('all answers', () => carrier.books.counts.answered === 100);
    const twice = carrier.books.counts.answeredTwice;
    expect(twice).toBeGreaterThan(5);
    expect(twice).toBeLessThan(50);
    const answers = await client.got('submit_sm_resp', 100 + twice);
    const bySequence = tally(answers.map((a) => a.sequence_number));
    expect([...bySequence.values()].filter((n) => n === 2)).toHaveLength(twice);
    for (const [sequence, n] of bySequence) {
      const ids = answers.filter((a) => a.sequence_number === sequence).map((a) => a.message_id);
      expect(new Set(ids).size, `ids of ${n} answers to ${sequence}`).toBe(1);
    }
  });

  test.each(PROTOCOLS)('%s: the same octets twice', async (protocol) => {
    const [wire] = await wireUnder('answer-twice', protocol, { answerTwice: { probability: 1, delay: 0 } });
    wire.submit(numbers(1));
    const second = await wire.frame(wire.tongue.submitAnswer, 2);
    expect(second).toEqual(wire.of(wire.tongue.submitAnswer)[0]);
  });
});

describe('scenario answer-to-unknown-sequence:', () => {
  test.each(PROTOCOLS)('%s: every request has its answer, and some answer no request', async (protocol) => {
    const [wire, carrier] = await wireUnder('answer-to-unknown-sequence', protocol);
    const { submitAnswer } = wire.tongue;
    wire.submit(numbers(100), 1000);
    await until('all answers', () => carrier.books.counts.answered === 100);
    const stray = carrier.books.counts.strayAnswers;
    expect(stray).toBeGreaterThan(2);
    expect(stray).toBeLessThan(30);
    await wire.frame(submitAnswer, 100 + stray);
    const sequences = wire.sequences(submitAnswer);
    const own = (n: number): boolean => n >= 1000 && n < 1100;
    expect(new Set(sequences.filter(own)).size).toBe(100);
    expect(sequences.filter((n) => !own(n))).toHaveLength(stray);
  });

  test('instead: the request itself gets none', async () => {
    const change = { strayAnswer: { probability: 1, instead: true } };
    const [wire] = await wireUnder('answer-to-unknown-sequence', 'smpp', change);
    wire.submit(numbers(3), 7);
    await wire.frame(wire.tongue.submitAnswer, 3);
    expect(wire.sequences(wire.tongue.submitAnswer).map((n) => n & 0xff)).toEqual([7, 8, 9]);
    expect(Math.min(...wire.sequences(wire.tongue.submitAnswer))).toBeGreaterThan(1000);
  });
});

describe('scenario no-answer:', () => {
  test.each(PROTOCOLS)('%s: some submits get a report, but never an answer', async (protocol) => {
    const [wire, carrier] = await wireUnder('no-answer', protocol);
    const { submitAnswer, report } = wire.tongue;
    wire.submit(numbers(200), 1000);
    await wire.frame(report, 200);
    const { silent } = carrier.books.counts;
    expect(silent).toBeGreaterThan(1);
    expect(silent).toBeLessThan(50);
    expect(new Set(wire.receivers()).size).toBe(200);
    // What is answered thereafter stands behind all answers to those.
    carrier.change({ silence: { probability: 0 } });
    wire.submit(numbers(1, 500), 5000);
    await until('the last answer', () => wire.sequences(submitAnswer).includes(5000));
    expect(wire.of(submitAnswer)).toHaveLength(200 - silent + 1);
  });
});

describe('scenario garbage:', () => {
  test.each(PROTOCOLS)('%s: among thousands of answers a few are spoilt, and nothing else is', async (protocol) => {
    const carrier = await under('garbage', protocol, { hold: true });
    const { counts } = carrier.books;
    let broken = 0;
    for (let first = 1000; first < 4000; first += 100) {
      const wire = await loggedIn(protocol, carrier.port);
      stops.push(() => wire.destroy());
      const { spoilt } = counts;
      const right = (frame: Buffer): boolean => {
        const sequence = sequenceOf(wire.tongue, frame);
        return frame.length > 20 && sequence >= first && sequence < first + 100;
      };
      const answers = (): readonly Buffer[] => wire.frames.slice(1);
      const odd = (): boolean =>
        wire.end !== undefined ||
        (wire.rest.length >= 4 && !(wire.rest.readUInt32BE(0) >= 12 && wire.rest.readUInt32BE(0) < 1000)) ||
        answers().some((f) => f.readUInt32BE(4) !== wire.tongue.submitAnswer || !right(f));
      wire.submit(numbers(100, first), first);
      await until('answers', () => odd() || answers().length === 100);
      expect(odd(), `submits from ${first}`).toBe(counts.spoilt > spoilt);
      if (odd()) broken++;
    }
    expect(broken).toBeGreaterThan(1);
    expect(broken).toBeLessThan(20);
  });

  const kinds = ['octets', 'length', 'huge', 'command', 'sequence', 'bodyless', 'text', 'cut'] as const;

  /** The octets that stand in the place of an answer, spoilt in this way. */
  async function spoilt(
    protocol: CarrierProtocol,
    kind: (typeof kinds)[number],
  ): Promise<{ octets: Buffer; good: Buffer }> {
    const [wire, carrier] = await wireUnder('garbage', protocol);
    wire.submit(numbers(1), 100);
    const good = await wire.frame(wire.tongue.submitAnswer);
    await wire.frame(wire.tongue.report);
    const before = Buffer.concat(wire.chunks).length;
    // Nothing but the answer shall follow.
    carrier.change({ garbage: { probability: 1, kind }, hold: true });
    wire.submit(numbers(1, 1), 101);
    const after = (): Buffer => Buffer.concat(wire.chunks).subarray(before);
    await until(`octets of ${kind}`, () => after().length > 0);
    return { octets: after(), good };
  }

  test.each(PROTOCOLS.flatMap((protocol) => kinds.map((kind) => [protocol, kind] as const)))(
    '%s: an answer spoilt by %s',
    async (protocol, kind) => {
      const { octets, good } = await spoilt(protocol, kind);
      const { sequenceAt, submitAnswer } = TONGUES[protocol];
      const header = protocol === 'smpp' ? 16 : protocol === 'sgip' ? 20 : 12;
      switch (kind) {
        case 'octets':
          expect(octets).toHaveLength(good.length);
          expect(octets.readUInt32BE(0)).toBeGreaterThanOrEqual(0x7f000000);
          break;
        case 'length':
          expect(octets.readUInt32BE(0)).toBe(5);
          break;
        case 'huge':
          expect(octets.readUInt32BE(0)).toBe(1 << 30);
          break;
        case 'command':
          expect(octets.readUInt32BE(4)).toBe(0x8fffffff);
          break;
        case 'sequence':
          expect(octets.readUInt32BE(4)).toBe(submitAnswer);
          expect(sequenceOf(TONGUES[protocol], octets)).not.toBe(101);
          break;
        case 'bodyless':
          expect([octets.length, octets.readUInt32BE(0), octets.readUInt32BE(sequenceAt)]).toEqual([
            header,
            header,
            101,
          ]);
          break;
        case 'text':
          expect(octets.toString('latin1')).toMatch(/^HTTP\/1\.1 503 /);
          break;
        case 'cut':
          expect(octets.length).toBeLessThan(good.length);
          expect(octets.readUInt32BE(0)).toBe(good.length);
      }
    },
  );
});

describe('scenario throttle-bursts:', () => {
  test.each(PROTOCOLS)('%s: a hundred pass, twenty in a row are too fast, again and again', async (protocol) => {
    const [wire, carrier] = await wireUnder('throttle-bursts', protocol);
    const { submitAnswer, codes } = wire.tongue;
    wire.submit(numbers(300));
    await wire.frame(submitAnswer, 300);
    const refused = wire.codes().flatMap((code, k) => (code === 0 ? [] : [[k, code]]));
    const burst = (from: number) => Array.from({ length: 20 }, (_, k) => [from + k, codes.throttled]);
    expect(refused).toEqual([...burst(100), ...burst(220)]);
    expect(carrier.books.counts.throttled).toBe(40);
  });
});

describe('scenario window-shrinks:', () => {
  test.each(PROTOCOLS)('%s: the same load has fewer and fewer places', async (protocol) => {
    // Answers come only when the whole of a wave has been read.
    const [wire, carrier] = await wireUnder('window-shrinks', protocol, { responseDelay: 400 });
    const { submitAnswer, codes } = wire.tongue;
    const accepted: number[] = [];
    for (let wave = 0; wave < 4; wave++) {
      wire.submit(numbers(100, wave * 100), wave * 100);
      await wire.frame(submitAnswer, (wave + 1) * 100);
      const results = wire.codes().slice(wave * 100);
      expect(new Set(results)).toEqual(new Set([0, codes.full]));
      accepted.push(results.filter((c) => c === 0).length);
    }
    // 64 less one for every fifty submits: reached at the 63rd place of the first wave, and so on.
    expect(accepted).toEqual([63, 61, 59, 57]);
    // In the end there are four.
    carrier.change({ window: { shrinkEvery: 1 } });
    wire.submit(numbers(50, 1000), 1000);
    await wire.frame(submitAnswer, 450);
    expect(
      wire
        .codes()
        .slice(400)
        .filter((c) => c === 0),
    ).toHaveLength(4);
  });
});
