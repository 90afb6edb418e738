import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { bareMobile } from '../src/base/mobile-number.ts';
import { parseConfig } from '../src/config/load.ts';
import { type Numbering, numberingOf } from '../src/config/numbering.ts';
import { compileRoutes, ruleFor } from '../src/gateway/route.ts';
import { carrierNumber } from '../src/message/number.ts';
import { configOf, scratchFolder, yamlOf } from './support/node.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

let files = 0;
function written(content: string | Buffer): string {
  const path = join(folder.path, `${files++}.csv`);
  writeFileSync(path, content);
  return path;
}
const setup = { data: '/tmp/never-opened', carriers: [{ name: 'a', protocol: 'smpp' as const, port: 1 }] };
const base = configOf(setup);
const tables = (numbering: { prefixes?: string; ported?: string }): Numbering => numberingOf({ ...base, numbering });
const faultsOf = (numbering: { prefixes?: string; ported?: string }): string[] =>
  tables(numbering).faults.map((f) => `${f.path.join('.')}: ${f.message}`);

describe('the table that comes with the package', () => {
  const shipped = tables({});
  const operator = (number: string): string | undefined => shipped.ownerOf(number)?.operator;

  it('has no fault, and four operators', () => {
    expect(shipped.faults).toEqual([]);
    expect([...shipped.operators].sort()).toEqual(['broadnet', 'mobile', 'telecom', 'unicom']);
  });

  it.each([
    [
      'mobile',
      '13400000000 13900000000 14700000000 17800000000 18800000000 19800000000 17030000000 17050000000 17060000000 16500000000',
    ],
    [
      'unicom',
      '13000000000 15600000000 16600000000 18600000000 19600000000 17040000000 17070000000 17090000000 17150000000 16700000000',
    ],
    [
      'telecom',
      '13300000000 13490000000 15300000000 18900000000 19900000000 17000000000 17010000000 17020000000 16200000000',
    ],
    ['broadnet', '19200000000'],
  ])('%s', (name, numbers) => {
    for (const number of numbers.split(' '))
      expect([number, `86${number}`, `+86${number}`, `0086${number}`].map(operator)).toEqual([name, name, name, name]);
  });

  it('knows nothing of other numbers, those that look alike included', () => {
    for (const number of ['10086', '+13105550100', '0013105550100', '+8621555501', '02155550100', '', 'abc', '+'])
      expect(operator(number), number).toBeUndefined();
  });

  it('covers every prefix between 130 and 199 but those that nobody has', () => {
    const free = Array.from({ length: 70 }, (_, k) => String(130 + k)).filter(
      (prefix) => operator(`${prefix}00000000`) === undefined,
    );
    expect(free).toEqual('142 143 154 160 161 163 164 168 169 179 194'.split(' '));
  });
});

describe('other tables', () => {
  it('the longest prefix counts, other countries by their code', () => {
    const prefixes = written(
      'prefix,operator,remark\r\n# ours\r\n\r\n138,mobile\r\n13800,testers,a remark\r\n+852,hongkong\r\n',
    );
    const t = tables({ prefixes });
    expect(t.faults).toEqual([]);
    expect(
      ['13800138000', '13812345678', '+85291234567', '0085291234567', '85291234567'].map((n) => t.ownerOf(n)),
    ).toEqual([
      { operator: 'testers', prefix: '13800' },
      { operator: 'mobile', prefix: '138' },
      ...Array.from({ length: 3 }, () => ({ operator: 'hongkong', prefix: '+852' })),
    ]);
  });

  it('errors name file, line and what is wrong', () => {
    const prefixes = written('prefix,operator\n138;mobile\n139,mobile\nx40,mobile\n139,unicom\n');
    expect(faultsOf({ prefixes })).toEqual([
      `numbering.prefixes: ${prefixes}:2: expected prefix,operator such as 138,mobile or +852,hongkong, got "138;mobile"`,
      `numbering.prefixes: ${prefixes}:4: expected prefix,operator such as 138,mobile or +852,hongkong, got "x40,mobile"`,
      `numbering.prefixes: ${prefixes}:5: the prefix 139 stands in line 3 already`,
    ]);
    const ported = written(
      '13800138000,unicom\n13800138000\n138001380001234,unicom\n+8613800138000,telecom\n13900000000,nobody\n',
    );
    expect(faultsOf({ ported })).toEqual([
      `numbering.ported: ${ported}:2: expected number,operator such as 13800138000,unicom, got "13800138000"`,
      `numbering.ported: ${ported}:3: expected number,operator such as 13800138000,unicom, got "138001380001234,unicom"`,
      `numbering.ported: ${ported}:5: there is no operator "nobody" in the prefixes (known: unicom, telecom, mobile, broadnet)`,
      `numbering.ported: ${ported}:4: the number stands in line 1 already`,
    ]);
    expect(faultsOf({ ported: '/nowhere.csv' })).toEqual(['numbering.ported: /nowhere.csv: cannot be read: ENOENT']);
  });

  it('a check of the configuration tells them, at their key', () => {
    const ported = written('13800138000,nobody\n');
    const { problems } = parseConfig(`${yamlOf(setup)}numbering:\n  ported: ${ported}\n`, 'y.yaml');
    expect(problems?.map((p) => [p.file, p.path, p.message])).toEqual([
      ['y.yaml', 'numbering.ported', expect.stringMatching(/\.csv:1: there is no operator "nobody"/)],
    ]);
    const rules = '[ { operator: mobil, steps: [ { carriers: [ { name: a } ] } ] } ]';
    expect(() => configOf({ ...setup, rules })).toThrow(
      /routes\[0\]\.rules\[0\]\.operator there is no operator "mobil" in the table of prefixes \(known: /,
    );
  });
});

describe('ported numbers', () => {
  it('are found whatever the list, in every way of writing, and no others', () => {
    const names = ['mobile', 'unicom', 'telecom', 'broadnet'];
    const number = fc.integer({ min: 13_000_000_000, max: 19_999_999_999 }).map(String);
    const list = fc.uniqueArray(fc.tuple(number, fc.constantFrom(...names), fc.constantFrom('', '86', '+86', '0086')), {
      selector: ([n]) => n,
      maxLength: 200,
    });
    fc.assert(
      fc.property(list, fc.array(number), (rows, others) => {
        const content = `number,operator\n${rows.map(([n, name, mark]) => `${mark}${n},${name}`).join('\n')}`;
        const t = tables({ ported: written(content) });
        expect(t.faults).toEqual([]);
        expect(t.ported).toBe(rows.length);
        for (const [n, name] of rows) {
          expect(t.ownerOf(n)).toEqual({ operator: name, prefix: '' });
          expect(t.ownerOf(`+86${n}`)?.operator).toBe(name);
        }
        for (const n of others) {
          if (!rows.some(([r]) => r === n)) expect(t.ownerOf(n)?.prefix).not.toBe('');
        }
      }),
      { numRuns: 25 },
    );
  });

  it('half a million take eight octets each and are found in no time', () => {
    const rows = Buffer.alloc(500_000 * 19);
    for (let k = 0; k < 500_000; k++) rows.write(`${13_800_000_000 + k * 3},mobile\n`, k * 19, 'latin1');
    const t = tables({ ported: written(rows) });
    expect([t.ported, t.faults]).toEqual([500_000, []]);
    expect(t.ownerOf('13800000000')?.prefix).toBe('');
    expect(t.ownerOf('13801499997')?.prefix).toBe('');
    expect(t.ownerOf('13801499998')?.prefix).toBe('138');
  });
});

describe('rules with an operator', () => {
  const steps = 'steps: [ { carriers: [ { name: a } ] } ]';
  const chosen = (rules: string, ported: string, source: string, destination: string): unknown => {
    const config = configOf({ ...setup, rules });
    const route = compileRoutes({ ...config, numbering: { ported } }).get('main')!;
    const rule = ruleFor(route, source, destination);
    return rule === undefined ? undefined : [rule.destination, rule.operator, rule.source];
  };

  it('longest destination, then with an operator, then the source', () => {
    const ported = written('13800138000,unicom\n');
    const rules = `[ { source: "10690001", ${steps} }, { operator: mobile, ${steps} }, { operator: mobile, source: "1069*", ${steps} }, { operator: unicom, ${steps} }, { destination: "1381", ${steps} }, { destination: "1381", operator: mobile, ${steps} } ]`;
    const of = (source: string, destination: string) => chosen(rules, ported, source, destination);
    expect(of('95555', '13912345678')).toEqual(['', 'mobile', '']);
    expect(of('10690001', '8613912345678')).toEqual(['', 'mobile', '1069']);
    expect(of('95555', '+8613800138000')).toEqual(['', 'unicom', '']);
    expect(of('95555', '13812345678')).toEqual(['1381', 'mobile', '']);
    expect(of('10690001', '18900000000')).toEqual(['', '', '10690001']);
    expect(of('95555', '18900000000')).toBeUndefined();
  });
});

describe('numbers as a peer wants them', () => {
  it('mainland mobile numbers in each form, from each form; others as they are', () => {
    const written = ['13812345678', '8613812345678', '+8613812345678', '008613812345678'];
    for (const number of written) {
      expect(bareMobile(number)).toBe('13812345678');
      expect((['plain', '86', '+86', '0086', 'given'] as const).map((form) => carrierNumber(number, form))).toEqual([
        ...written,
        number,
      ]);
    }
    for (const number of [
      '+13812345678',
      '10086',
      '106900018',
      '12812345678',
      '1381234567x',
      '861381234567',
      '85291234567',
    ])
      expect(carrierNumber(number, '+86')).toBe(number);
  });
});

it('the shipped table is sorted and says each prefix once', () => {
  const rows = readFileSync('config/prefixes-cn.csv', 'utf8')
    .split('\n')
    .filter((row) => /^\d/.test(row));
  expect(rows).toEqual([...new Set(rows)].sort());
});
