import type smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { decode } from '../protocols/text/charset.ts';
import { startCarrier } from '../simulators/carrier.ts';
import { createExpectations, parseExpectation } from '../simulators/expectations.ts';
import type { LoadOptions } from '../simulators/load-options.ts';
import { loadReport } from '../simulators/load-report.ts';
import { createMix, parseMix } from '../simulators/mix.ts';
import { createNumberPlan } from '../simulators/number-plan.ts';
import { createLoad } from '../simulators/platform.ts';
import { parseScenario } from '../simulators/scenario/read.ts';
import { expectationsOf } from '../simulators/scenario-expectations.ts';
import { formatVerdict, type Verdict } from '../simulators/verdict.ts';
import { accept, gatewayWith, type OnSubmit, report } from './support/smpp-gateway.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function loadAt(port: number, options: Partial<LoadOptions> = {}) {
  const load = createLoad({
    port,
    systemId: 'esme',
    password: 'secret',
    count: 10,
    texts: ['hello'],
    window: 1,
    receiptTimeout: 300,
    ...options,
  });
  stops.push(() => {
    load.stop();
    load.stop();
  });
  load.start();
  return load;
}
const against = async (onSubmit: OnSubmit, options: Partial<LoadOptions> = {}): Promise<Verdict> =>
  loadAt((await gatewayWith(onSubmit, stops)).port, options).done;

const breachesOf = ({ breaches }: Verdict): Record<string, [number, ...(string | undefined)[]]> =>
  Object.fromEntries(breaches.map(({ kind, count, offenders }) => [kind, [count, ...offenders.map((o) => o.number)]]));
const number = (n: number): string => String(8613800000000 + n);
const answered: OnSubmit = (session, pdu, n) => {
  accept(session, pdu, String(n));
  report(session, pdu, String(n));
};

describe('what was expected', () => {
  test('another state, a refusal, an acceptance: each named', async () => {
    const verdict = await against(
      (session, pdu, n) => {
        if (n === 9) session.send(pdu.response({ command_status: 0x0b }));
        else answered(session, pdu, n);
      },
      {
        expect: [
          { number: '*', outcome: 'DELIVERED' },
          { number: '*0002', outcome: 'UNDELIVERABLE' },
          { number: '/5$/', outcome: 'refused' },
          { number: '*7', outcome: 'none' },
        ],
      },
    );
    expect(breachesOf(verdict)).toEqual({
      'wrong state': [2, number(2), number(7)],
      'wrong answer': [2, number(5), number(8)],
    });
    const [state, answer] = verdict.breaches;
    expect(state!.offenders[0]).toEqual({ number: number(2), id: '3', what: 'DELIVERED, expected UNDELIVERABLE' });
    expect(answer!.offenders.map((o) => o.what)).toEqual([
      'accepted, expected refused',
      'refused with ESME_RINVDSTADR, expected DELIVERED',
    ]);
    expect(verdict.clean).toBe(false);
    expect(formatVerdict(verdict)).toMatch(/wrong state: 2\n {2}8613800000002 {2}id 3 {2}DELIVERED, expected UNDELIV/);
  });

  test('magic numbers of a carrier: all as expected is clean, though one is never reported', async () => {
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'esme', secret: 'secret' }],
      behaviour: { numbers: [{ suffix: '02', state: 'UNDELIVERABLE' }] },
    });
    stops.push(() => carrier.stop());
    const suffixes = { '02': 0.3 };
    const expectations = ['*=DELIVERED', '*02=UNDELIVERABLE'].map(parseExpectation);
    const numbers = createNumberPlan({ suffixes, seed: 5, first: 8613811111100 });
    const verdict = await loadAt(carrier.port, { count: 300, window: 30, numbers, expect: expectations }).done;
    expect(verdict.breaches).toEqual([]);
    expect(verdict.states.UNDELIVERABLE).toBeGreaterThan(60);
    expect(verdict.states.UNDELIVERABLE! + verdict.states.DELIVERED!).toBe(300);
    carrier.change({ reports: { probability: 0 } });
    const none = await loadAt(carrier.port, { expect: [{ number: '*', outcome: 'none' }] }).done;
    expect(none).toMatchObject({ lost: 0, receipted: 0, breaches: [] });
  });

  test('what a scenario makes certain, and nothing where chance or time decides', async () => {
    const scenario = (yaml: string) => parseScenario(`name: s\nimitates: nothing\n${yaml}`, 's.yaml');
    const rules = scenario(`
behaviour: { reportDelay: 5 }
rules:
  - { name: off, when: { number: '*02' }, then: { reports: { states: { 'MK:0005': 1 } } } }
  - { name: late, when: { probability: 0.5 }, then: { reportDelay: 20 } }
  - { name: old, when: { number: '*03' }, then: { reports: { states: { EXPIRED: 1 } } } }
  - { name: not, when: { number: '*04' }, then: { errorRate: { probability: 1 } } }
  - { name: mute, when: { number: '*05' }, then: { reports: { probability: 0 } } }
  - { name: twice, when: { number: '*06' }, then: { duplicateReport: { probability: 0.5 } } }
`);
    const expectations = expectationsOf(rules);
    expect(expectations.map((e) => `${e.number}=${e.outcome}`)).toEqual([
      '*=DELIVERED',
      '*02=failed',
      '*03=EXPIRED',
      '*04=refused',
      '*05=none',
      '*06=any',
    ]);
    const carrier = await startCarrier({
      protocol: 'cmpp',
      accounts: [{ name: 'esme', secret: 'secret' }],
      scenario: rules,
    });
    stops.push(() => carrier.stop());
    const suffixes = { '02': 0.1, '03': 0.1, '04': 0.1, '05': 0.1 };
    const options: Partial<LoadOptions> = { protocol: 'cmpp', count: 400, window: 20, systemId: 'esme' };
    const numbers = createNumberPlan({ prefixes: { 861380000: 1 }, digits: 13, suffixes });
    const told = await loadAt(carrier.port, { ...options, numbers, expect: expectations }).done;
    expect(Object.keys(breachesOf(told)).filter((kind) => kind !== 'duplicated')).toEqual([]);
    expect(told.refused).toBeGreaterThan(20);
    expect(told.states.UNDELIVERABLE).toBeGreaterThan(20);
    // The wrong scenario is noticed.
    const wrong = expectationsOf(scenario('behaviour: { reports: { states: { EXPIRED: 1 } } }'));
    const odd = await loadAt(carrier.port, { ...options, count: 5, firstNumber: 8613800000010, expect: wrong }).done;
    expect(breachesOf(odd)['wrong state']![0]).toBe(5);

    expect(expectationsOf(scenario('behaviour: { silence: { probability: 0.1 } }'))).toEqual([]);
    const burst = '{ name: a, when: { during: { every: 60s, for: 5s } }, then: { throttle: { perSecond: 1 } } }';
    expect(expectationsOf(scenario(`rules: [ ${burst} ]`))).toEqual([]);
    expect(expectationsOf(scenario('schedule: [ { at: 5s, change: { hold: true } } ]'))).toEqual([]);
  });

  test('the last rule that fits holds; what is no rule is an error', () => {
    const expected = createExpectations([
      { number: '861*', outcome: 'DELIVERED' },
      { number: '*1', outcome: 'EXPIRED' },
    ])!;
    expect([expected('8610'), expected('8611'), expected('8621'), expected('8620')]).toEqual([
      'DELIVERED',
      'EXPIRED',
      'EXPIRED',
      undefined,
    ]);
    expect(parseExpectation('/=1$/=EXPIRED')).toEqual({ number: '/=1$/', outcome: 'EXPIRED' });
    expect(() => parseExpectation('EXPIRED')).toThrow(/is no rule/);
    expect(() => parseExpectation('*1=LOST')).toThrow(/is no outcome/);
    expect(() => parseExpectation('/(/=EXPIRED')).toThrow(/no regular expression/);
  });
});

describe('losses and strangers', () => {
  test('lost, doubled, foreign, misaddressed and never answered, each with its number', async () => {
    const verdict = await against(
      (session, pdu, n) => {
        if (n === 6) return;
        accept(session, pdu, String(n));
        if (n === 2) return;
        report(session, pdu, n === 3 ? 'x3' : String(n), n === 4 ? { source_addr: '8613999999999' } : {});
        if (n === 5) report(session, pdu, '5');
      },
      { responseTimeout: 200, named: 2 },
    );
    expect(breachesOf(verdict)).toEqual({
      lost: [2, number(1), number(2)],
      duplicated: [1, number(4)],
      foreign: [1, number(2)],
      misaddressed: [1, number(3)],
      unanswered: [1, number(5)],
    });
  });
});

describe('order, where it is promised', () => {
  /** Answers, or reports, in pairs the wrong way round. */
  const swapped = (what: 'answers' | 'receipts'): OnSubmit => {
    let held: (() => void) | undefined;
    return (session, pdu, n) => {
      const act = (): void => {
        if (what === 'answers') accept(session, pdu, String(n));
        report(session, pdu, String(n));
      };
      if (what === 'receipts') accept(session, pdu, String(n));
      if (n % 2 === 1) held = act;
      else {
        act();
        held!();
      }
    };
  };

  test.each(['answers', 'receipts'] as const)('%s', async (what) => {
    const broken = await against(swapped(what), { window: 2, ordered: { [what]: true } });
    const kind = what === 'answers' ? 'answer out of order' : 'receipt out of order';
    expect(breachesOf(broken)).toEqual({ [kind]: [5, number(0), number(2), number(4), number(6), number(8)] });
    const free = await against(swapped(what), { window: 2 });
    expect(free.clean).toBe(true);
    const kept = await against(answered, { window: 2, ordered: { answers: true, receipts: true } });
    expect(kept.breaches).toEqual([]);
  });
});

describe('messages from handsets', () => {
  const mo = (session: smpp.Session, text: string, more: smpp.Fields = {}): void => {
    session.deliver_sm({
      source_addr: '8613912345678',
      destination_addr: '2',
      short_message: Buffer.from(text),
      ...more,
    });
  };
  const part = (session: smpp.Session, k: number): void =>
    mo(session, '', { esm_class: 0x40, short_message: Buffer.from([5, 0, 3, 9, 2, k, 0x41]) });

  test('as many whole ones as expected, waited for as receipts are', async () => {
    let first = true;
    const verdict = await against(
      (session, pdu, n) => {
        answered(session, pdu, n);
        if (!first) return;
        first = false;
        mo(session, 'TD');
        part(session, 2);
        // Long after the last receipt; the load is waiting.
        setTimeout(() => part(session, 1), 150);
      },
      { expectMos: 2, receiptTimeout: 5000 },
    );
    expect(verdict).toMatchObject({ mos: 3, breaches: [], clean: true });
  });

  test('too few, too many, a part twice, a part never', async () => {
    const few = await against(answered, { expectMos: 1 });
    expect(few.breaches).toMatchObject([{ kind: 'message from a handset lost', count: 1 }]);
    const many = await against(
      (session, pdu, n) => {
        answered(session, pdu, n);
        if (n < 4) mo(session, 'TD');
      },
      { expectMos: 2 },
    );
    expect(many.breaches).toMatchObject([{ kind: 'message from a handset doubled' }]);
    const odd = await against((session, pdu, n) => {
      if (n === 1) {
        part(session, 1);
        part(session, 1);
      }
      answered(session, pdu, n);
    });
    expect(breachesOf(odd)).toEqual({
      'message from a handset doubled': [1, '8613912345678'],
      'message from a handset not whole': [1, '8613912345678'],
    });
  });
});

describe('numbers', () => {
  const many = (plan: (m: number) => string, n = 20_000): string[] => Array.from({ length: n }, (_, m) => plan(m));

  test('by operator: of its prefixes, by weight, all different, the same for the same seed', () => {
    const options = { prefixes: { 'china-mobile': 6, 'china-unicom': 3, '4479': 1 }, seed: 3 };
    const numbers = many(createNumberPlan(options));
    expect(numbers.every((n) => /^(861[3-9]\d{9}|\d{12})$/.test(n))).toBe(true);
    expect(new Set(numbers).size).toBe(numbers.length);
    const share = (pattern: RegExp): number => numbers.filter((n) => pattern.test(n)).length / numbers.length;
    expect(share(/^4479/)).toBeCloseTo(0.1, 1);
    expect(share(/^86(13[012]|155|156|166|17[56]|18[56]|196)/)).toBeCloseTo(0.3, 1);
    expect(many(createNumberPlan(options), 50)).toEqual(numbers.slice(0, 50));
    expect(many(createNumberPlan({ ...options, seed: 4 }), 50)).not.toEqual(numbers.slice(0, 50));
    expect(createNumberPlan(options)(777)).toBe(numbers[777]);
  });

  test('magic suffixes by share, the others as they are', () => {
    const numbers = many(createNumberPlan({ first: 8613811111111, suffixes: { '0002': 0.05, '0009': 0.01 } }));
    const share = (end: string): number => numbers.filter((n) => n.endsWith(end)).length / numbers.length;
    expect(share('0002')).toBeCloseTo(0.05, 2);
    expect(share('0009')).toBeCloseTo(0.01, 2);
    expect(numbers.filter((n, m) => n === String(8613811111111 + m)).length / numbers.length).toBeCloseTo(0.94, 2);
  });

  test.each([
    [{ suffixes: { '1': 0.7, '2': 0.7 } }, /are 1.4 together/],
    [{ suffixes: { x: 0.1 } }, /no suffix/],
    [{ prefixes: { mars: 1 } }, /no prefix; give digits, or one of china-mobile/],
    [{ prefixes: { '86138': -1 } }, /weight of prefix 86138 is -1/],
    [{ prefixes: {} }, /no prefix has a weight/],
  ])('%j is an error', (options, message) => {
    expect(() => createNumberPlan(options)).toThrow(message);
  });
});

describe('mixes', () => {
  test('kinds by weight, lengths between the bounds, no character cut, the same for the same seed', () => {
    const parts = parseMix('ascii:10-20=1,gsm7:50=1,gbk:5-300=2,ucs2:70=1,emoji:9-13=1,texts=2');
    const texts = createMix(parts, ['one', 'two'], 4000, 6);
    const own = texts.filter((t) => typeof t === 'string');
    expect(own.length / texts.length).toBeCloseTo(0.25, 1);
    expect(new Set(own)).toEqual(new Set(['one', 'two']));
    const bounds = { ascii: [10, 20], gsm7: [50, 50], gbk: [5, 300], ucs2: [9, 70] };
    for (const text of texts) {
      if (typeof text === 'string') continue;
      const [least, most] = bounds[text.coding as keyof typeof bounds];
      expect(text.text.length).toBeGreaterThanOrEqual(least!);
      expect(text.text.length).toBeLessThanOrEqual(most!);
      // Throws for half a surrogate pair.
      expect(encodeURIComponent(text.text)).not.toBe('');
    }
    const lengths = texts.flatMap((t) => (typeof t !== 'string' && t.coding === 'gbk' ? [t.text.length] : []));
    expect([Math.min(...lengths) < 15, Math.max(...lengths) > 290]).toEqual([true, true]);
    expect(texts.some((t) => typeof t !== 'string' && /\p{Extended_Pictographic}/u.test(t.text))).toBe(true);
    expect(createMix(parts, ['one', 'two'], 100, 6)).toEqual(texts.slice(0, 100));
    expect(createMix(parts, ['one', 'two'], 100, 7)).not.toEqual(texts.slice(0, 100));
  });

  test.each(['', 'gsm7', 'gsm7:0', 'gsm7:20-10', 'utf8:5', 'texts:5', 'gsm7:5=0'])('%j is none', (text) => {
    expect(() => parseMix(text)).toThrow(/is no part; give kind:characters=weight/);
  });

  test('each kind goes in its coding, as a server that none of ours made reads it', async () => {
    const codings: Record<number, 'gsm7' | 'ascii' | 'ucs2' | 'gbk'> = { 0: 'gsm7', 1: 'ascii', 8: 'ucs2', 15: 'gbk' };
    const texts = createMix(parseMix('ascii:30,gsm7:30,gbk:30,ucs2:30,emoji:30'), [], 40, 2);
    const gateway = await gatewayWith(answered, stops);
    expect((await loadAt(gateway.port, { count: 40, texts, window: 5 }).done).clean).toBe(true);
    const read = gateway.submits.map((pdu) => decode(pdu.short_message, codings[pdu.data_coding]!));
    expect(read).toEqual(texts.map((t) => (typeof t === 'string' ? t : t.text)));
    expect(new Set(gateway.submits.map((pdu) => pdu.data_coding))).toEqual(new Set([0, 1, 8, 15]));
  });
});

test('the report tells the promises, kept and broken, and draws what happened', async () => {
  const gateway = await gatewayWith((session, pdu, n) => {
    accept(session, pdu, String(n));
    if (n !== 2) report(session, pdu, String(n));
  }, stops);
  const load = loadAt(gateway.port);
  const verdict = await load.done;
  const told = loadReport(verdict, load.figures, { startedAt: 1e12, facts: [['seed', '1']], openLoop: true });
  expect(told.verdict).toMatchObject({ passed: false, words: '1 promise was not kept.' });
  expect(told.verdict!.checks.find((c) => c.name === 'lost')).toEqual({
    name: 'lost',
    passed: false,
    detail: `1 (${number(1)}: acknowledged, and no final receipt came)`,
  });
  expect(told.verdict!.checks.filter((c) => !c.passed)).toHaveLength(1);
  const [part] = told.parts;
  expect(part!.tallies[0]).toMatchObject({ rows: [{ name: 'DELIVERED', count: 9 }] });
  expect(part!.distributions.map((d) => [d.name, d.count])).toEqual([
    ['due to answer', 10],
    ['due to receipt', 9],
  ]);
  const throughput = part!.charts.find((c) => c.title === 'Throughput')!;
  const submits = throughput.lines.find((l) => l.name === 'submits')!.values;
  const total = submits.reduce<number>((n, v, k) => n + (v ?? 0) * (part!.times[k]! - (part!.times[k - 1] ?? 0)), 0);
  expect(total).toBeCloseTo(10, 5);
});
