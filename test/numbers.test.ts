import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../src/base/clock.ts';
import { CARRIER_MAPPINGS, versionOf } from '../src/cli/protocols.ts';
import { explain } from '../src/gateway/explain.ts';
import { type Draft, NO_OCTETS } from '../src/message/message.ts';
import { configOf, until } from './support/node.ts';
import { carrierUp, kept, receiptOf, textsOf, useRig } from './support/rig.ts';

const rig = useRig();
const CODE = '1069000188';

async function start(account: string, carrier = `accessCode: "${CODE}"`, accounts: readonly string[] = []) {
  const a = await rig.smsc();
  const n = await rig.node({
    carriers: [{ name: 'a', protocol: 'smpp', port: a.port, more: carrier }],
    account,
    accounts,
  });
  await carrierUp(n, 'a');
  return { a, n, p: await rig.platform(n.port) };
}

describe('access code and extension (扩展号)', () => {
  it('an empty source or an extension of the account goes out behind the code; others as they are', async () => {
    const { a, p } = await start('extensions: ["01", "77"]');
    const sources = ['', '01', '0123', '77', '55', CODE, `${CODE}55`, '10690', 'brand', '771234567890'];
    for (const source_addr of sources) await p.submit({ source_addr });
    await p.delivered(sources.length);
    expect(a.submits.map(({ pdu }) => pdu.source_addr)).toEqual([
      `${CODE}01`,
      `${CODE}01`,
      `${CODE}0123`,
      `${CODE}77`,
      '55',
      CODE,
      `${CODE}55`,
      '10690',
      'brand',
      '771234567890', // twenty-two digits with the code: more than a source can have
    ]);
    // The platform's receipts name the source that it gave.
    expect(p.delivers.map((d) => d.destination_addr).sort()).toEqual([...sources].sort());
  });

  it('without extensions an empty source is the code; extensions pass a list of allowed sources', async () => {
    const one = await start('mo: []');
    await one.p.submit({ source_addr: '' });
    await one.p.delivered(1);
    expect(one.a.submits[0]!.pdu.source_addr).toBe(CODE);
    const two = await start('extensions: ["01"], allowedSources: ["95555"]');
    const status = async (source_addr: string) => (await two.p.submit({ source_addr })).command_status;
    expect([
      await status(''),
      await status('01'),
      await status('95555'),
      await status('0'),
      await status('011'),
    ]).toEqual([0, 0, 0, 0x0a, 0x0a]);
  });

  it('MO to it come to the account, with the whole called number or with what is behind the code', async () => {
    const { a, n, p } = await start('extensions: ["01"], moCalled: extension', undefined, [
      'name: other, systemId: other, password: { demo: secret }, route: main, extensions: ["0188"]',
    ]);
    const other = await rig.platform(n.port, { systemId: 'other' });
    const called = [`${CODE}01`, `+86${CODE}0199`, `${CODE}01882`];
    for (const destination_addr of called)
      await a.deliver({ source_addr: '13800000001', destination_addr, short_message: Buffer.from('hi') });
    await p.delivered(2);
    await other.delivered(1);
    expect(p.delivers.map((d) => d.destination_addr)).toEqual(['01', '0199']);
    expect(other.delivers[0]!.destination_addr).toBe(`${CODE}01882`);
    const nobody = await a.deliver({
      source_addr: '1',
      destination_addr: `${CODE}02`,
      short_message: Buffer.from('hi'),
    });
    expect(nobody.command_status).not.toBe(0);
    await until('all told', () => kept(n) === 0);
  });

  it('a platform that answers an MO from its extension is seen under the number that was called', async () => {
    const { a, p } = await start('extensions: ["01"], moCalled: extension');
    await a.deliver({ source_addr: '13800000001', destination_addr: `${CODE}0123`, short_message: Buffer.from('?') });
    const [mo] = await p.delivered(1);
    await p.submit({
      source_addr: mo!.destination_addr,
      destination_addr: mo!.source_addr,
      short_message: Buffer.from('!'),
    });
    await p.delivered(2);
    expect(textsOf(a)).toEqual(['!']);
    expect(a.submits[0]!.pdu.source_addr).toBe(`${CODE}0123`);
  });

  it('an extension has one owner; a prefix put before sources is the access code', () => {
    const carriers = [{ name: 'a', protocol: 'smpp' as const, port: 1 }];
    expect(() =>
      configOf({
        data: 'x',
        carriers,
        account: 'extensions: ["01"]',
        accounts: ['name: other, systemId: other, password: { demo: secret }, route: main, extensions: ["01"]'],
      }),
    ).toThrow(/accounts\[1\]\.extensions\[0\] the extension "01" is already used by accounts\[0\]\.extensions\[0\]/);
    const more = 'accessCode: "1069", srcId: { prefix: "1068" }';
    expect(() => configOf({ data: 'x', carriers: [{ name: 'c', protocol: 'cmpp', port: 1, more }] })).toThrow(
      /carriers\[0\]\.accessCode expected 1068, which is put before source addresses here, or only one of the two/,
    );
  });
});

it('a dry run shows the source address, the operator and the rule', () => {
  const ported = join(rig.folder(), 'ported.csv');
  writeFileSync(ported, '13800000001,telecom\n');
  const config = configOf({
    data: 'x',
    carriers: [{ name: 'a', protocol: 'smpp', port: 1, more: `accessCode: "${CODE}"` }],
    account: 'extensions: ["01"]',
    rules: '[ { operator: telecom, steps: [ { carriers: [ { name: a } ] } ] } ]',
    more: `numbering: { ported: "${ported}" }`,
  });
  const draft: Draft = {
    source: '',
    sourceTon: 0,
    sourceNpi: 0,
    destination: '+8613800000001',
    destTon: 1,
    destNpi: 1,
    serviceType: '',
    esmClass: 0,
    protocolId: 0,
    priority: 0,
    dataCoding: 0,
    coding: 'gsm7',
    registered: 1,
    scheduledAt: 0,
    validUntil: 0,
    udh: NO_OCTETS,
    octets: Buffer.from('hello'),
    tlvs: NO_OCTETS,
    platformRef: '',
    hops: '',
  };
  const deps = { clock: createManualClock(), carrierMappings: CARRIER_MAPPINGS, versionOf };
  const shown = explain(config, { account: 'acme', draft }, deps);
  expect(shown).toMatchObject({
    accepted: true,
    operator: { name: 'telecom', why: 'list of ported numbers' },
    rule: { destination: '', operator: 'telecom', source: '' },
  });
  expect(shown.alternatives[0]!.submit?.fields.source_addr).toBe(`${CODE}01`);
  const other = explain(config, { account: 'acme', draft: { ...draft, destination: '13800000002' } }, deps);
  expect(other).toMatchObject({ accepted: false, operator: { name: 'mobile', why: 'prefix 138' }, rule: undefined });
});

describe('forms of mainland numbers', () => {
  const phones = ['13800000001', '8613800000002', '+8613800000003', '008613800000004', '+13125550100'];

  it.each([
    ['given', phones],
    ['plain', ['13800000001', '13800000002', '13800000003', '13800000004', '+13125550100']],
    ['86', ['8613800000001', '8613800000002', '8613800000003', '8613800000004', '+13125550100']],
    ['+86', ['+8613800000001', '+8613800000002', '+8613800000003', '+8613800000004', '+13125550100']],
    ['0086', ['008613800000001', '008613800000002', '008613800000003', '008613800000004', '+13125550100']],
  ])('%s: to the carrier, and in receipts and MO to the platform (deviation 15)', async (form, expected) => {
    const { a, p } = await start(`mo: ["1069"], numbers: "${form}"`, `numbers: "${form}"`);
    for (const destination_addr of phones) await p.submit({ destination_addr });
    await p.delivered(5);
    expect(a.submits.map(({ pdu }) => pdu.destination_addr)).toEqual(expected);
    expect(p.delivers.map((d) => d.source_addr).sort()).toEqual([...expected].sort());
    expect(p.delivers.every((d) => receiptOf(d).stat === 'DELIVRD')).toBe(true);
    for (const source_addr of phones)
      await a.deliver({ source_addr, destination_addr: '10690', short_message: Buffer.from('mo') });
    const mo = (await p.delivered(10)).slice(5);
    expect(mo.map((d) => d.source_addr)).toEqual(expected);
    expect(mo.every((d) => d.destination_addr === '10690')).toBe(true);
  });
});
