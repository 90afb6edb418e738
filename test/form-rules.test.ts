import { afterEach, describe, expect, test } from 'vitest';
import { type BehaviourChange, changed, WELL_BEHAVED } from '../simulators/behaviour.ts';
import { type Carrier, startCarrier } from '../simulators/carrier.ts';
import { createFrequency } from '../simulators/frequency.ts';
import { signatureFault } from '../simulators/signature.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe('what a carrier writes and refuses for is checked', () => {
  test.each([
    [{ reportForm: { cmpp: 'tiny' } }, /reportForm\.cmpp is "tiny"; give one of plain, short, long/],
    [{ reportForm: { ucp: 'plain' } }, /reportForm\.ucp is not known; reportForm has cmpp, sgip, smgp, smpp/],
    [
      { answerForm: { smpp: 'short-active-test' } },
      /answerForm\.smpp is "short-active-test"; give one of plain, error-body/,
    ],
    [{ idForm: { receipt: 'octal' } }, /idForm\.receipt is "octal"; give one of decimal, hex, HEX/],
    [{ idLayout: { smgp: 'ascii' } }, /idLayout\.smgp is "ascii"; give one of bcd/],
    [{ ids: { wrap: -1 } }, /ids\.wrap is -1; give a number from 0/],
    [{ clockSkew: { done: 'late' } }, /clockSkew\.done is "late"; give a number/],
    [{ numberForm: '0086-' }, /numberForm is "0086-"; give one of as-sent, national/],
    [{ signature: { registered: 'YIMA' } }, /signature\.registered is "YIMA"; give a list of texts/],
    [{ signature: { registered: [1] } }, /signature\.registered is \[1\]; give a list of texts/],
    [{ signature: { place: 'middle' } }, /signature\.place is "middle"; give one of front, end/],
    [{ secondReport: { delay: -1 } }, /secondReport\.delay is -1; give milliseconds/],
    [{ bulkReports: 'none' }, /bulkReports is "none"; give one of each, once/],
  ])('%j', (change, fault) => {
    expect(() => changed(WELL_BEHAVED, change as BehaviourChange)).toThrow(fault);
  });

  test('a clock may be slow, and what is left out stays', () => {
    const once = changed(WELL_BEHAVED, { clockSkew: { done: -1000 }, idForm: { response: 'hex' } });
    const twice = changed(once, { clockSkew: { ids: 5 } });
    expect(twice.clockSkew).toEqual({ ids: 5, submit: 0, done: -1000 });
    expect(twice.idForm).toEqual({ response: 'hex', receipt: 'decimal', tlv: 'receipt' });
  });
});

describe('a signature', () => {
  const rule = { ...WELL_BEHAVED.signature, demanded: true, single: true };
  const end = { ...rule, place: 'end' as const };
  const part = (seq: number) => ({ ref: 1, refBits: 8 as const, total: 3, seq });
  test.each([
    ['【云马】您好', undefined, rule, undefined],
    ['您好【云马】', undefined, rule, 'unsigned'],
    ['您好【云马】 ', undefined, end, undefined],
    ['【】您好', undefined, rule, 'unsigned'],
    [`【${'长'.repeat(21)}】您好`, undefined, rule, 'unsigned'],
    ['【云马】', undefined, rule, undefined],
    ['【云马】您好【云马】', undefined, rule, 'bad-signature'],
    ['【云马】 【云马】您好', undefined, rule, 'bad-signature'],
    ['【云马】活动【详情】见网页', undefined, rule, undefined],
    ['您好', part(2), rule, undefined],
    ['您好', part(1), rule, 'unsigned'],
    ['您好', part(1), end, undefined],
    ['您好', part(3), end, 'unsigned'],
    ['您好', undefined, { ...rule, demanded: false }, undefined],
    ['【别家】您好', undefined, { ...rule, demanded: false, registered: ['云马'] }, 'bad-signature'],
  ])('%s %j', (text, concat, its, fault) => {
    expect(signatureFault(text, concat, its)).toBe(fault);
  });
});

test('messages to a number are counted over any stretch of the time', () => {
  const { tooMany } = createFrequency();
  const rule = { ...WELL_BEHAVED.frequency, most: 2, within: 1000 };
  const at = (ms: number, number = 'a'): boolean => tooMany(number, ms, rule, false);
  expect([at(0), at(900), at(999), at(0, 'b')]).toEqual([false, false, true, false]);
  // The first is out of the second that ends now; what was refused did not count.
  expect([at(1000), at(1100), at(1900)]).toEqual([false, true, false]);
});

describe('on the wire', () => {
  async function lab(
    behaviour: BehaviourChange,
    protocol: 'cmpp20' | 'sgip' | 'smpp',
  ): Promise<{ carrier: Carrier; client: OctetClient }> {
    const name = protocol === 'cmpp20' ? 'cmpp' : protocol;
    const carrier = await startCarrier({ protocol: name, accounts: [OCTET_ACCOUNT], behaviour });
    stops.push(() => carrier.stop());
    const client = await octetClient(carrier.port, protocol);
    stops.push(client.close);
    return { carrier, client };
  }

  test.each([
    ['as-sent', '8613800000001'],
    ['national', '13800000001'],
    ['86', '8613800000001'],
    ['+86', '+8613800000001'],
    ['0086', '008613800000001'],
  ] as const)('numbers in reports and MO: %s (CMPP deviation 15)', async (numberForm, number) => {
    const { carrier, client } = await lab({ numberForm }, 'cmpp20');
    await client.submit('8613800000001');
    const [report] = await client.reported(1);
    expect(report!.toString('latin1', 54, 75)).toBe(number.padEnd(21, '\0'));
    expect(report!.toString('latin1', 77 + 35, 77 + 56)).toBe(number.padEnd(21, '\0'));
    await carrier.injectMo({ from: '8613800000001', to: '10690000', text: 'hi' });
    expect((await client.reported(2))[1]!.toString('latin1', 54, 75)).toBe(number.padEnd(21, '\0'));
  });

  test('a report of success though only failures were asked for (SGIP deviation 6)', async () => {
    const { carrier, client } = await lab({ duplex: true, unaskedReport: { probability: 1 } }, 'sgip');
    await client.submit('8613800000001', { report: 0 });
    expect((await client.reported(1))[0]!.subarray(54, 56)).toEqual(Buffer.of(0, 0));
    carrier.change({ unaskedReport: { probability: 0 } });
    await client.submit('8613800000001', { report: 0 });
    await client.submit('8613800000001', { report: 1 });
    await client.reported(2);
    expect(client.reports).toHaveLength(2);
  });

  test('words of states: with a code behind them, in a letter case of their own, negative as tables print them', async () => {
    const { carrier, client } = await lab({ reports: { states: { 'FAILED/21b': 1 } } }, 'smpp');
    await client.submit('13800000001');
    expect((await client.reported(1))[0]!.toString('latin1')).toContain(' stat:FAILED err:21b ');
    carrier.change({ reports: { states: { constructor: 1 } } });
    await client.submit('13800000001');
    expect((await client.reported(2))[1]!.toString('latin1')).toContain(' stat:constructor err:001 ');
    const sgip = await lab({ duplex: true, reports: { states: { '-17': 1 } } }, 'sgip');
    await sgip.client.submit('8613800000001');
    expect((await sgip.client.reported(1))[0]!.subarray(54, 56)).toEqual(Buffer.of(2, 239));
  });

  test('one report for a submit to several, or one for each (CMPP deviation 17)', async () => {
    const { carrier, client } = await lab({ bulkReports: 'once' }, 'cmpp20');
    // The frame of one receiver, with another behind it.
    const bulk = (sequence: number): Buffer => {
      const one = client.made('13800000001');
      const number = Buffer.alloc(21);
      number.write('13800000002');
      const at = 12 + 117 + 21;
      const two = Buffer.concat([one.subarray(0, at), number, one.subarray(at)]);
      two.writeUInt32BE(two.length, 0);
      two.writeUInt32BE(sequence, 8);
      two[12 + 116] = 2;
      return two;
    };
    client.write(bulk(101));
    await client.frame(0x80000004);
    await client.reported(1);
    carrier.change({ bulkReports: 'each' });
    client.write(bulk(102));
    await client.frame(0x80000004, 2);
    const numbers = (await client.reported(3)).map((r) => r.toString('latin1', 54, 65));
    expect(numbers).toEqual(['13800000001', '13800000001', '13800000002']);
  });
});
