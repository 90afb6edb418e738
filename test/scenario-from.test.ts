import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Coding, encode } from '../protocols/text/charset.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import type { LoadText } from '../simulators/load-options.ts';
import { createLoad } from '../simulators/platform.ts';
import { readTraffic } from '../simulators/recorded-traffic.ts';
import { delayOf } from '../simulators/scenario/distribution.ts';
import { lotOf, purpose } from '../simulators/scenario/draw.ts';
import { checkScenario, readScenario } from '../simulators/scenario/read.ts';
import type { Scenario } from '../simulators/scenario/schema.ts';
import { createDissector } from '../src/capture/dissect.ts';
import { createPcapWriter, type WrittenConnection } from '../src/capture/pcap-writer.ts';
import { createScrubber } from '../src/capture/scrub.ts';
import { scenarioFromCommand } from '../src/cli/scenario-from.ts';
import { WIRES } from '../src/cli/wires.ts';
import { captureOf, type Talk, type TalkMessage, type TalkProtocol, type TalkReport } from './support/captured-talk.ts';
import { scratchFolder } from './support/node.ts';

const PROTOCOLS = ['smpp', 'cmpp', 'sgip', 'smgp'] as const;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Made {
  readonly folder: string;
  readonly scenario: Scenario;
  /** All that was written, of all files. */
  readonly written: string;
  readonly traffic: readonly { at: number; to: string; from: string; coding: string; parts: number; text: string }[];
}

/** Runs the command over the capture. */
async function scenarioFrom(protocol: TalkProtocol, capture: Buffer, ports: readonly string[] = []): Promise<Made> {
  const { path, remove } = scratchFolder();
  closers.push(remove);
  const file = join(path, 'capture.pcap');
  const folder = join(path, 'out');
  writeFileSync(file, capture);
  await quietly(() =>
    scenarioFromCommand().parseAsync([file, '--out', folder, ...ports.flatMap((p) => ['--port', p])], { from: 'user' }),
  );
  const written = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const lines = readFileSync(join(folder, `captured-${protocol}.traffic`), 'utf8')
    .trimEnd()
    .split('\n');
  return {
    folder,
    scenario: readScenario(join(folder, `captured-${protocol}.yaml`)),
    written: written.join('\n'),
    traffic: lines.map((line) => {
      const at = Number.parseFloat(line);
      return { at, ...(JSON.parse(line.slice(line.indexOf(' '))) as Omit<Made['traffic'][number], 'at'>) };
    }),
  };
}

/** What the command says is not for the test's own output. */
async function quietly(run: () => Promise<unknown>): Promise<string> {
  const { write } = process.stdout;
  const said: string[] = [];
  process.stdout.write = ((text: string) => said.push(text) > 0) as typeof write;
  try {
    await run();
  } finally {
    process.stdout.write = write;
  }
  return said.join('');
}

/** A number from 0 to 1, the same for the same k. */
const drawn = (k: number): number => ((Math.imul(k + 1, 0x9e3779b1) ^ Math.imul(k + 7, 0x85ebca6b)) >>> 0) / 2 ** 32;

const THROTTLED = { smpp: 0x58, cmpp: 8, sgip: 88, smgp: 1 } as const;
const REFUSALS = { smpp: [0x0b, 0x45], cmpp: [9, 13], sgip: [32, 29], smgp: [39, 47] } as const;
const FAILURE = { smpp: 'EXPIRED', cmpp: 'MK:0012', sgip: '27', smgp: 'MA:0054' } as const;

/** A busy hour in short: delays of a known law, refusals, failures, reports early, twice and never. */
function busy(protocol: TalkProtocol, count: number): Talk {
  const messages = Array.from({ length: count }, (_, n): TalkMessage => {
    const response = 5 + 20 * drawn(3 * n) ** 2;
    const code = n % 25 === 3 ? REFUSALS[protocol][0] : n % 50 === 9 ? REFUSALS[protocol][1] : 0;
    const silent = n % 40 === 7;
    const word = n % 10 === 4 ? FAILURE[protocol] : 'DELIVERED';
    const taken = { after: 1, good: true };
    const report: TalkReport = { after: 100 - 900 * Math.log(1 - drawn(3 * n + 1)), word, taken };
    const early = n % 20 === 11;
    const reports: TalkReport[] =
      code !== 0 || silent || n % 33 === 5 ? [] : [early ? { after: -response / 2, word, taken } : report];
    if (reports.length > 0 && n % 16 === 2) reports.push({ ...report, after: report.after + 40 });
    return {
      at: n * 10,
      from: '1069012345',
      to: [`861380013${String(n % 7000).padStart(4, '0')}`],
      text: `【某某银行】您的验证码是${100_000 + n}，请勿泄露`,
      coding: 'ucs2',
      ...(silent ? {} : { answer: { after: response, code } }),
      reports,
    };
  });
  return { name: 'SECRET', secret: 'pa55w0rd', messages, probes: [500, 3_500, 6_500, 9_500] };
}

/** At these shares of the sorted values. */
const at = (values: readonly number[], shares: readonly number[]): number[] => {
  const sorted = [...values].sort((a, b) => a - b);
  return shares.map((share) => sorted[Math.floor(share * sorted.length)]!);
};
const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/** So many draws from a delay of the scenario. */
function sampled(delay: unknown, count = 20_000): number[] {
  const what = purpose('sample');
  return Array.from({ length: count }, (_, k) => delayOf(delay as number, lotOf(1, k, 0), what));
}

describe.each(PROTOCOLS)('a scenario of a capture: %s', (protocol) => {
  it('has the delays, codes, states and shares of the original', async () => {
    const talk = busy(protocol, 2_000);
    const { scenario } = await scenarioFrom(protocol, captureOf(protocol, talk));
    expect(scenario).toMatchObject({ name: `captured-${protocol}`, protocols: [protocol] });
    expect(scenario.version).toBe({ smpp: '3.4', cmpp: '2.0', sgip: '1.2', smgp: '3.0' }[protocol]);
    const { messages } = talk;
    const b = scenario.behaviour!;
    const answered = messages.filter((m) => m.answer !== undefined);

    const near = (got: readonly number[], wanted: readonly number[]) => {
      for (const [k, value] of at(wanted, SHARES).entries()) {
        const other = at(got, SHARES)[k]!;
        expect(Math.abs(other - value), `${SHARES[k]}: ${other} for ${value}`).toBeLessThan(1 + 0.08 * value);
      }
    };
    near(
      sampled(b.responseDelay),
      answered.map((m) => m.answer!.after),
    );
    const reported = messages.filter((m) => m.reports.length > 0);
    near(
      sampled(b.reportDelay),
      reported.map((m) => m.reports[0]!.after).filter((after) => after >= 0),
    );

    const refused = answered.filter((m) => m.answer!.code !== 0);
    const codes: Record<string, number> = {};
    for (const m of refused) codes[m.answer!.code] = (codes[m.answer!.code] ?? 0) + 1;
    expect(b.errorRate!.codes).toEqual(codes);
    expect(b.errorRate!.probability).toBeCloseTo(refused.length / answered.length, 2);
    const states: Record<string, number> = {};
    for (const m of reported) states[m.reports[0]!.word] = (states[m.reports[0]!.word] ?? 0) + 1;
    expect(b.reports!.states).toEqual(states);
    expect(b.reports!.probability).toBeCloseTo(
      reported.length / answered.filter((m) => m.answer!.code === 0).length,
      1,
    );
    expect(b.reports!.probability).toBeLessThan(0.99);
    expect(b.silence!.probability).toBeCloseTo(1 / 40, 2);
    expect(b.reportBefore!.probability).toBeCloseTo(
      reported.filter((m) => m.reports[0]!.after < 0).length / reported.length,
      2,
    );
    expect(b.duplicateReport!.probability).toBeCloseTo(
      reported.filter((m) => m.reports.length > 1).length / reported.length,
      2,
    );
    expect(b.throttle).toBeUndefined();
    // SGIP has no sign of life.
    expect(b.probe).toEqual(protocol === 'sgip' ? undefined : { every: 3_000 });
  });

  it('has nothing of the texts, numbers and names of the original, but their shape', async () => {
    const talk = busy(protocol, 200);
    const { written, traffic } = await scenarioFrom(protocol, captureOf(protocol, talk));
    expect(traffic).toHaveLength(talk.messages.length);
    for (const secret of ['SECRET', 'pa55w0rd', '10.1.2.3', '10.9.8.7', '1069012345', '某', '银行', '验证码', '泄露']) {
      expect(written).not.toContain(secret);
    }
    for (const [k, m] of talk.messages.entries()) {
      expect(written).not.toContain(m.to[0]);
      const t = traffic[k]!;
      expect(t.at).toBeCloseTo(m.at, 2);
      expect(t.coding).toBe('ucs2');
      expect(t.text).toMatch(/^【\p{Lo}{4}】\p{Lo}{6}\d{6}\p{P}\p{Lo}{4}$/u);
      apart(t.text, m.text);
      // A mobile number as before, all else of it another.
      expect(t.to).toMatch(/^861[3-9]\d{9}$/);
      apart(t.to.slice(3), m.to[0]!.slice(3));
      apart(t.from, m.from);
    }
    expect(new Set(traffic.map((t) => t.from)).size).toBe(1);
    expect(new Set(traffic.map((t) => t.to)).size).toBe(new Set(talk.messages.map((m) => m.to[0])).size);
    expect(new Set(traffic.map((t) => t.text)).size).toBe(new Set(talk.messages.map((m) => m.text)).size);
  });

  it('knows a rate limit from refusals by chance', async () => {
    // Twenty a second are taken, of some forty.
    const taken: number[] = [];
    const messages = Array.from({ length: 200 }, (_, n): TalkMessage => {
      const at = n * 25;
      const free = taken.filter((t) => at - t < 1_000).length < 20;
      if (free) taken.push(at);
      const answer = { after: 1, code: free ? 0 : THROTTLED[protocol] };
      return { at, from: '1', to: ['13800138000'], text: 'x', coding: 'ascii', answer, reports: [] };
    });
    const limited = await scenarioFrom(protocol, captureOf(protocol, { name: 'a', secret: 'b', messages }));
    expect(limited.scenario.behaviour).toMatchObject({ throttle: { perSecond: 20, code: THROTTLED[protocol] } });
    expect(limited.scenario.behaviour!.errorRate).toBeUndefined();

    const codes = messages.map((m, n) => ({
      ...m,
      answer: { after: 1, code: n % 7 === 0 && n > 50 ? THROTTLED[protocol] : 0 },
    }));
    const moody = codes.map((m, n) => ({ ...m, at: n * 25 + (n > 100 ? 3_000 : 0) + (n % 3) * 200 }));
    const by = await scenarioFrom(
      protocol,
      captureOf(protocol, { name: 'a', secret: 'b', messages: moody.sort((x, y) => x.at - y.at) }),
    );
    expect(by.scenario.behaviour!.errorRate!.codes).toHaveProperty(String(THROTTLED[protocol]));
    expect(by.scenario.behaviour!.throttle).toBeUndefined();
  });

  it('tells reports that come again because they were not taken from those that come twice', async () => {
    const messages = Array.from({ length: 60 }, (_, n): TalkMessage => {
      const refused: TalkReport[] = [
        { after: 10, word: 'DELIVERED', taken: { after: 1, good: false } },
        { after: 711, word: 'DELIVERED' },
      ];
      const unanswered: TalkReport[] = [
        { after: 10, word: 'DELIVERED', taken: { after: -1, good: false } },
        { after: 5_010, word: 'DELIVERED' },
      ];
      // The second leaves before the first is answered.
      const twice: TalkReport[] = [
        { after: 10, word: 'DELIVERED', taken: { after: 30, good: true } },
        { after: 12, word: 'DELIVERED', taken: { after: 30, good: true } },
      ];
      const reports = [refused, unanswered, twice][n % 3]!;
      return {
        at: n * 50,
        from: '1',
        to: ['13800138000'],
        text: 'x',
        coding: 'ascii',
        answer: { after: 1, code: 0 },
        reports,
      };
    });
    const { scenario } = await scenarioFrom(protocol, captureOf(protocol, { name: 'a', secret: 'b', messages }));
    expect(scenario.behaviour).toMatchObject({
      redeliver: { refused: 700, unanswered: 5_000 },
      duplicateReport: { probability: expect.closeTo(1 / 3, 3) as number },
      reports: { probability: 1, states: { DELIVERED: 60 } },
    });
  });

  it('joins the parts of a long message, and tells what of one is missing', async () => {
    const text = '这是一条很长的短信。'.repeat(12);
    const parts = [text.slice(0, 67), text.slice(67)];
    const part = (at: number, ref: number, k: number): TalkMessage => ({
      at,
      from: '1069',
      to: ['13800138000'],
      text: parts[k]!,
      coding: 'ucs2',
      udh: concatUdh(ref, 2, k + 1, false),
      answer: { after: 1, code: 0 },
      reports: [],
    });
    const messages = [part(0, 7, 1), part(10, 7, 0), part(20, 8, 0), part(30, 7, 0), part(40, 7, 1)];
    const { traffic } = await scenarioFrom(protocol, captureOf(protocol, { name: 'a', secret: 'b', messages }));
    expect(traffic.map((t) => [Math.round(t.at), t.parts, t.text.length])).toEqual([
      [0, 2, 120],
      [20, 1, 67],
      [30, 2, 120],
    ]);
    expect(traffic[2]!.text).toBe(traffic[0]!.text);
    expect(traffic[2]!.to).toBe(traffic[1]!.to);
  });
});

/** At no place the same character, but for blanks and the brackets of a signature. */
function apart(made: string, original: string): void {
  expect(made).toHaveLength(original.length);
  for (let k = 0; k < made.length; k++) {
    if (!/[\s【】]/.test(original[k]!)) expect(made[k], `${made} of ${original} at ${k}`).not.toBe(original[k]);
  }
}

/** Numbers, texts and names in the PDUs of a capture, and the addresses of its connections. */
function saidIn(octets: Buffer): string[] {
  const said = new Set<string>();
  const dissector = createDissector({
    wires: WIRES,
    ports: undefined,
    onPdu({ description, conversation }) {
      for (const end of [conversation.client, conversation.server]) said.add(end.replace(/:\d+$/, ''));
      for (const [key, value] of Object.entries(description?.fields ?? {})) {
        if (!/(terminal_id|_id|src|addr|text|number)$/.test(key) || key === 'msg_id') continue;
        for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
          if (typeof one === 'string' && one.length >= 5) said.add(one);
        }
      }
    },
    onTrouble: () => undefined,
  });
  dissector.push(octets);
  dissector.end();
  return [...said];
}

describe('what is told of one protocol', () => {
  it('SMPP: ids in hexadecimal in receipts', async () => {
    const { scenario } = await scenarioFrom('smpp', captureOf('smpp', busy('smpp', 100), { hexReceipts: true }));
    expect(scenario.behaviour!.idForm).toEqual({ response: 'decimal', receipt: 'hex' });
    expect(scenario.behaviour!.reports!.states).toHaveProperty('DELIVERED');
  });

  it('reports on other connections than the submit', async () => {
    const talk = busy('cmpp', 200);
    const messages = talk.messages.map((m) => ({ ...m, reports: m.reports.map((r) => ({ ...r, elsewhere: true })) }));
    const { scenario } = await scenarioFrom('cmpp', captureOf('cmpp', { ...talk, messages, connections: 2 }));
    expect(scenario.behaviour!.reportOn).toBe('any');
    const same = await scenarioFrom('cmpp', captureOf('cmpp', { ...talk, connections: 2 }));
    expect(same.scenario.behaviour!.reportOn).toBeUndefined();
  });

  it('a submit to several: a message and a report for each', async () => {
    const messages: TalkMessage[] = [
      {
        at: 0,
        from: '1069',
        to: ['13800138001', '13800138002'],
        text: 'two',
        coding: 'ascii',
        answer: { after: 1, code: 0 },
        reports: [
          { after: 10, of: 0, word: 'DELIVERED' },
          { after: 20, of: 1, word: 'UNDELIVERABLE' },
        ],
      },
    ];
    const { scenario, traffic } = await scenarioFrom('cmpp', captureOf('cmpp', { name: 'a', secret: 'b', messages }));
    expect(scenario.behaviour!.reports).toEqual({ probability: 1, states: { DELIVERED: 1, UNDELIVERABLE: 1 } });
    expect(traffic).toHaveLength(2);
    expect(traffic[0]!.text).toBe(traffic[1]!.text);
    expect(traffic[0]!.to).not.toBe(traffic[1]!.to);
  });

  it('of captures that dumpcap has made: their numbers, texts and names are gone', async () => {
    for (const name of readdirSync('test/vectors/capture')) {
      const octets = readFileSync(join('test/vectors/capture', name));
      const made = await scenarioFrom('cmpp', octets);
      const secrets = saidIn(octets);
      expect(secrets.length).toBeGreaterThan(3);
      for (const secret of secrets) expect(made.written, name).not.toContain(secret);
      expect(made.scenario.behaviour!.responseDelay).toBeDefined();
      expect(made.traffic.length).toBeGreaterThan(0);
    }
  });
});

describe('a scrubbed text or number', () => {
  const CODINGS: readonly Coding[] = ['gsm7', 'ascii', 'latin1', 'gbk', 'ucs2', 'octets'];
  const ALPHABETS: Readonly<Record<string, string>> = {
    gsm7: 'abcXYZ 0189.,!?@£$èéùÇØΔΓß€[]{}~|^\\\n',
    ascii: 'abcXYZ 0189.,!?@$%&/()=#~^{}',
    latin1: 'abcÄÖÜéèñ¿¡ 0189£',
    gbk: '的一是您验证码【】，。！ 0189abc',
    ucs2: '您的验证码【】，。 0189abc😀🚚привет안녕สวัสดี',
    octets: '\u0000\u0001\u007f\u0080\u00ff a1',
  };
  const written = fc.constantFrom(...CODINGS).chain((coding) =>
    fc.record({
      coding: fc.constant(coding),
      text: fc.array(fc.constantFrom(...ALPHABETS[coding]!), { maxLength: 200 }).map((list) => list.join('')),
    }),
  );

  it('keeps length, octets and kinds, and no character', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 8 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (list, key) => {
        const scrub = createScrubber(Buffer.from(key));
        for (const { text, coding } of list) {
          const made = scrub.text(text, coding);
          expect(made).toHaveLength(text.length);
          expect(encode(made, coding)?.length).toBe(encode(text, coding)!.length);
          expect(scrub.text(text, coding)).toBe(made);
          const [a, b] = [[...made], [...text]];
          expect(a).toHaveLength(b.length);
          for (const [k, original] of b.entries()) {
            const kept = coding !== 'octets' && /[\s【】]/u.test(original);
            if (kept) expect(a[k]).toBe(original);
            else expect(a[k], `${original} in ${coding}`).not.toBe(original);
            if (coding === 'octets' || kept) continue;
            if (/\d/.test(original)) expect(a[k]).toMatch(/\d/);
            if (/\p{Lo}/u.test(original)) expect(a[k]).toMatch(/\p{Lo}/u);
            if (/[a-z]/.test(original)) expect(a[k]).toMatch(/\p{Ll}/u);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is alike where the originals are, and nowhere else; another key gives another', () => {
    const number = fc
      .tuple(
        fc.constantFrom('', '+'),
        fc.oneof(fc.stringMatching(/^[0-9]{5,20}$/), fc.stringMatching(/^(0086|86)?1[3-9][0-9]{9}$/)),
      )
      .map(([plus, n]) => plus + n);
    fc.assert(
      fc.property(fc.uniqueArray(number, { maxLength: 50 }), (numbers) => {
        const scrub = createScrubber();
        const made = numbers.map((n) => scrub.number(n));
        expect(new Set(made).size).toBe(numbers.length);
        expect(numbers.map((n) => scrub.number(n))).toEqual(made);
        for (const [k, n] of numbers.entries()) {
          const [shape] = /^((\+|00)?861(?=[3-9]\d{9}$)|1(?=[3-9]\d{9}$)|\+|)/.exec(n)!;
          expect(made[k]).toMatch(n.startsWith('+') ? /^\+[1-9]\d*$/ : shape.startsWith('00') ? /^0086/ : /^[1-9]\d*$/);
          expect(made[k]!.slice(0, shape.length)).toBe(shape);
          for (let o = shape.length; o < n.length; o++) expect(made[k]![o]).not.toBe(n[o]);
        }
      }),
    );
    const secret = '13800138000';
    expect(new Set(Array.from({ length: 20 }, () => createScrubber().number(secret))).size).toBeGreaterThan(15);
  });
});

describe('scenario and traffic on the simulators', () => {
  /** Plays this traffic against a carrier and captures that. */
  async function played(
    options: Pick<CarrierOptions, 'scenario' | 'behaviour'>,
    protocol: TalkProtocol,
    texts: readonly LoadText[],
    numbers: readonly string[],
  ): Promise<{ carrier: Carrier; capture: Buffer }> {
    const account = { name: protocol === 'smgp' ? '10659000' : '900001', secret: 'secret' };
    const carrier = await startCarrier({ protocol, accounts: [account], ...options });
    closers.push(() => carrier.stop());
    const chunks: Buffer[] = [];
    const pcap = createPcapWriter((octets) => chunks.push(Buffer.from(octets)));
    const lines = new Map<object, WrittenConnection>();
    carrier.watch((connection, fromClient, octets) => {
      const line = lines.get(connection) ?? { client: connection.client, server: connection.server };
      lines.set(connection, line);
      pcap.octets(line, fromClient ? 'client' : 'server', performance.timeOrigin + performance.now(), octets);
    });
    const load = createLoad({
      protocol,
      port: carrier.port,
      systemId: account.name,
      password: account.secret,
      count: texts.length,
      texts,
      numbers: (m) => numbers[m]!,
      responseTimeout: 3_000,
      receiptTimeout: 1_000,
    });
    load.start();
    await load.done;
    return { carrier, capture: Buffer.concat(chunks) };
  }

  /** Plays what was made of a capture against a carrier of that scenario. */
  async function replayed(made: Made, protocol: TalkProtocol): Promise<{ carrier: Carrier; capture: Buffer }> {
    const { texts, numbers } = readTraffic(join(made.folder, `captured-${protocol}.traffic`));
    const scenario = join(made.folder, `captured-${protocol}.yaml`);
    // What the original took its time for is not what is looked at.
    const behaviour = {
      responseDelay: 0,
      reportDelay: { min: 0, max: 5 },
      ...(protocol === 'sgip' && { duplex: true }),
    };
    return played({ scenario, behaviour }, protocol, texts, numbers);
  }

  it.each([
    ['cmpp', { reportForm: { cmpp: 'long' }, numberForm: 'national' }],
    ['cmpp', { reportForm: { cmpp: 'reversed-id' } }],
    ['cmpp', { reportForm: { cmpp: 'no-dates' }, firstReport: { probability: 1, state: 'ACCEPTED' } }],
    ['cmpp', { reportForm: { cmpp: 'lying-length' } }],
    ['smgp', { reportForm: { smgp: 'joined' } }],
    ['smgp', { reportForm: { smgp: 'hex-id' } }],
    ['smgp', { reportForm: { smgp: 'capital-text' }, reports: { states: { 'EXPIRED/002': 40 } } }],
    ['smgp', { reportForm: { smgp: 'no-labels' } }],
    ['smpp', { idForm: { response: 'hex', receipt: 'decimal' } }],
    ['smpp', { idForm: { response: 'decimal', receipt: 'hex' } }],
    ['smpp', { reportForm: { smpp: 'no-tlvs' }, reports: { states: { 'UNDELIV/21b': 40 } } }],
    ['smpp', { reportForm: { smpp: 'seconds' }, secondReport: { probability: 1, state: 'UNDELIVERABLE' } }],
    ['sgip', { duplex: true, reportForm: { sgip: 'no-reserve' }, reports: { states: { '27': 40 } } }],
  ] as const)('%s: %j is recognised', async (protocol, behaviour) => {
    const texts = Array.from({ length: 40 }, (_, k): LoadText => ({ text: `text ${k}`, coding: 'ascii' }));
    const numbers = texts.map((_, k) => `86138001380${String(k).padStart(2, '0')}`);
    const { carrier, capture } = await played({ behaviour: behaviour as BehaviourChange }, protocol, texts, numbers);
    const { scenario } = await scenarioFrom(protocol, capture, [`${carrier.port}=${protocol}`]);
    expect(scenario.behaviour).toMatchObject(behaviour);
    expect(scenario.behaviour!.reports!.probability).toBe(1);
    expect(scenario.rules).toBeUndefined();
    const plain = Object.keys(scenario.behaviour!).filter((key) => !/Delay$|^reports$|^probe$|^duplex$/.test(key));
    expect(plain.sort()).toEqual(
      Object.keys(behaviour)
        .filter((key) => key !== 'duplex' && key !== 'reports')
        .sort(),
    );
  });

  it('layouts that come in turn come by their shares', async () => {
    const texts = Array.from({ length: 400 }, (_, k): LoadText => ({ text: `text ${k}`, coding: 'ascii' }));
    const numbers = texts.map((_, k) => String(13_800_000_000 + k));
    const scenario = checkScenario({
      name: 'mixed',
      imitates: 'two vendors',
      rules: [{ name: 'other', when: { every: 4 }, then: { reportForm: { cmpp: 'no-tail' } } }],
    });
    const { carrier, capture } = await played({ scenario }, 'cmpp', texts, numbers);
    const made = await scenarioFrom('cmpp', capture, [`${carrier.port}=cmpp`]);
    expect(made.scenario.rules).toEqual([
      { name: 'reports-no-tail', when: { probability: 0.25 }, then: { reportForm: { cmpp: 'no-tail' } } },
    ]);
  });

  it.each(PROTOCOLS)('%s: the same codes and states come as often', async (protocol) => {
    const talk = busy(protocol, 1_500);
    const made = await scenarioFrom(
      protocol,
      captureOf(protocol, {
        ...talk,
        messages: talk.messages.map(({ answer, ...m }, n) => ({
          ...m,
          answer: answer ?? { after: 5 + (n % 3), code: 0 },
        })),
      }),
    );
    const { carrier, capture } = await replayed(made, protocol);
    const again = await scenarioFrom(protocol, capture, [`${carrier.port}=${protocol}`]);
    const [a, b] = [made.scenario.behaviour!, again.scenario.behaviour!];
    expect(again.traffic).toHaveLength(made.traffic.length);
    expect(again.traffic.map((t) => t.text.length).sort()).toEqual(made.traffic.map((t) => t.text.length).sort());
    // Six deviations of a binomial law: the key is another each time.
    const alike = (x: Readonly<Record<string, number>>, y: Readonly<Record<string, number>>): void => {
      expect(Object.keys(y).sort()).toEqual(Object.keys(x).sort());
      for (const [key, count] of Object.entries(x)) {
        expect(Math.abs(y[key]! - count), `${key}: ${y[key]} for ${count}`).toBeLessThan(6 * Math.sqrt(2 * count) + 1);
      }
    };
    alike(a.errorRate!.codes!, b.errorRate!.codes!);
    alike(a.reports!.states!, b.reports!.states!);
    for (const what of ['reportBefore', 'duplicateReport'] as const) {
      expect(Math.abs(b[what]!.probability! - a[what]!.probability!), what).toBeLessThan(0.04);
    }
  });
});

describe('a capture that tells nothing', () => {
  const complaint = async (octets: Buffer, ...more: string[]): Promise<string> => {
    const { path, remove } = scratchFolder();
    closers.push(remove);
    mkdirSync(path, { recursive: true });
    const file = join(path, 'some.pcap');
    writeFileSync(file, octets);
    const said = scenarioFromCommand().parseAsync([file, ...more], { from: 'user' });
    return said.then(
      () => 'no complaint',
      (error: unknown) => (error as Error).message.replace(path, ''),
    );
  };
  const empty = (): Buffer => {
    const chunks: Buffer[] = [];
    createPcapWriter((octets) => chunks.push(Buffer.from(octets)));
    return Buffer.concat(chunks);
  };
  const web = (): Buffer => {
    const chunks: Buffer[] = [];
    const pcap = createPcapWriter((octets) => chunks.push(Buffer.from(octets)));
    const line = { client: { address: '10.0.0.1', port: 40_000 }, server: { address: '10.0.0.2', port: 80 } };
    pcap.octets(line, 'client', 1_000, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    pcap.octets(line, 'server', 1_001, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
    return Buffer.concat(chunks);
  };

  it('says what is missing and what to do', async () => {
    expect(await complaint(empty())).toBe(
      '/some.pcap: no traffic of a carrier in it (0 packets, 0 connections, 0 PDUs); if it has, say what its port speaks with --port',
    );
    expect(await complaint(web())).toMatch(
      /no traffic of a carrier in it \(5 packets, 1 connections, 1 of them of other/,
    );
    expect(await complaint(web(), '--port', '9999=cmpp')).toMatch(/see whether --port names the right one/);
    expect(await complaint(Buffer.from('no capture at all'))).toMatch(/neither pcap nor pcapng/);
    expect(await complaint(web(), '--port', '80=gopher')).toMatch(/give port=protocol, with one of/);
    expect(await complaint(web(), '--name', 'Big Name')).toMatch(/small letters/);
    const silent = captureOf('cmpp', { name: 'a', secret: 'b', messages: [], probes: [1] });
    expect(await complaint(silent)).toMatch(/no submit in it .*cmpp: 1 logins, 0 reports, 0 MO/);
  });

  it('asks which, where there are several and one file', async () => {
    const both = Buffer.concat([captureOf('cmpp', busy('cmpp', 5)), captureOf('smpp', busy('smpp', 5)).subarray(24)]);
    expect(await complaint(both)).toMatch(/has cmpp \(5 submits\), smpp \(5 submits\): choose one/);
    expect(await complaint(both, '--out', join('nowhere', 'x.yaml'))).toMatch(/choose one with --port/);
  });

  it('without --out the scenario comes alone, its delays in it', async () => {
    const { path, remove } = scratchFolder();
    closers.push(remove);
    const file = join(path, 'a.pcap');
    writeFileSync(file, captureOf('sgip', busy('sgip', 300)));
    const said = await quietly(() => scenarioFromCommand().parseAsync([file, '--name', 'evening'], { from: 'user' }));
    writeFileSync(join(path, 'x.yaml'), said);
    const scenario = readScenario(join(path, 'x.yaml'));
    expect(scenario.name).toBe('evening');
    expect(scenario.behaviour!.reportDelay).toMatchObject({ values: expect.any(Array) as number[] });
  });
});
