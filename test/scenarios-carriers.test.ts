import { once } from 'node:events';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

// Presets: carriers as a whole. Their delays are left out where the answers and reports are what is looked at.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const AT_ONCE = { responseDelay: 0, reportDelay: 0 };

async function lab(
  options: Omit<CarrierOptions, 'accounts'>,
  protocol: Parameters<typeof octetClient>[1],
): Promise<{ carrier: Carrier; client: OctetClient }> {
  const carrier = await startCarrier({ accounts: [OCTET_ACCOUNT], ...options });
  stops.push(() => carrier.stop());
  const client = await octetClient(carrier.port, protocol);
  stops.push(client.close);
  return { carrier, client };
}

const signed = { content: Buffer.from('【云马】您的验证码是1234', 'utf16le').swap16(), coding: 8 };

/** How often each value came. */
function tally<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** All values are among these, and the first so many of these do come. */
function expectAmong<T>(values: readonly T[], known: readonly T[], sure: number): void {
  const counts = tally(values);
  expect([...counts.keys()].filter((v) => !known.includes(v))).toEqual([]);
  for (const value of known.slice(0, sure)) expect([value, counts.get(value) ?? 0]).not.toEqual([value, 0]);
}

/** Submits to so many numbers and waits for all answers and reports: the codes of the answers, the reports as they came. */
async function run(
  carrier: Carrier,
  client: OctetClient,
  answer: number,
  codeAt: (f: Buffer) => number,
  prefix: string,
  sent = {},
) {
  const messages = 2000;
  for (let k = 0; k < messages; k++) client.post(prefix + String(10_000_000 + k), sent);
  const answers = (): Buffer[] => client.frames.filter((f) => f.readUInt32BE(4) === answer);
  await until('all answers', () => answers().length === messages);
  const codes = answers().map(codeAt);
  const accepted = codes.filter((code) => code === 0).length;
  const { counts } = carrier.books;
  await until(
    'all reports',
    () => counts.reportsAnswered + counts.reportsWithheld >= accepted && counts.reportsAnswered === counts.reports,
  );
  return { codes, reports: client.reports };
}

describe('scenario china-mobile:', () => {
  const statOf = (report: Buffer): string => report.toString('latin1', 85, 92).replace(/\0+$/, '');

  test('answers and reports have the codes of China Mobile, numbers no 86', async () => {
    const { carrier, client } = await lab({ protocol: 'cmpp', scenario: 'china-mobile', behaviour: AT_ONCE }, 'cmpp20');
    const { codes, reports } = await run(carrier, client, 0x80000004, (f) => f[20]!, '86138', signed);
    expectAmong(codes, [0, 8, 9, 13], 2);
    const stats = [
      'DELIVRD',
      'MI:0024',
      'MK:0001',
      'MK:0005',
      'MK:0008',
      'MK:0017',
      'MH:0007',
      'CB:0007',
      'ID:0069',
      'MA:0054',
      'EXPIRED',
    ];
    expectAmong(reports.map(statOf), stats, 5);
    const delivered = reports.filter((r) => statOf(r) === 'DELIVRD').length / reports.length;
    expect(delivered).toBeGreaterThan(0.9);
    expect(delivered).toBeLessThan(0.97);
    for (const report of reports) expect(report.toString('latin1', 54, 75)).toMatch(/^138\d{8}\0{10}$/);
  });

  test('an unsigned text is reported NOTITLE, the eleventh to a number BEYONDN', async () => {
    const behaviour = {
      ...AT_ONCE,
      errorRate: { probability: 0 },
      reports: { probability: 1, states: { DELIVERED: 1 } },
    };
    const { client } = await lab({ protocol: 'cmpp', scenario: 'china-mobile', behaviour }, 'cmpp20');
    await client.submit('8613800000001');
    for (let k = 0; k < 11; k++) await client.submit('8613800000002', signed);
    const stats = (await client.reported(12)).map(statOf);
    expect(tally(stats)).toEqual(
      new Map([
        ['NOTITLE', 1],
        ['DELIVRD', 10],
        ['BEYONDN', 1],
      ]),
    );
  });
});

test('scenario china-unicom: answers and Reports have the codes of China Unicom, some say State 1 first', async () => {
  const behaviour = { ...AT_ONCE, duplex: true };
  const { carrier, client } = await lab({ protocol: 'sgip', scenario: 'china-unicom', behaviour }, 'sgip');
  const { codes, reports } = await run(carrier, client, 0x80000003, (f) => f[20]!, '86130');
  expectAmong(codes, [0, 88, 33, 11, 32], 2);
  const told = reports.map((r) => `${r[54]}/${r[55]}`);
  expectAmong(told, ['0/0', '1/0', '2/25', '2/29', '2/61', '2/26', '2/27', '2/54', '2/69', '2/76'], 5);
  // A message that is on its way first is told of twice, of its end last.
  const byId = new Map<string, number[]>();
  for (const r of reports) {
    const id = r.toString('hex', 20, 32);
    byId.set(id, [...(byId.get(id) ?? []), r[54]!]);
  }
  const twice = [...byId.values()].filter((states) => states.length === 2);
  expect(twice.length).toBeGreaterThan(50);
  for (const states of twice) expect([states[0], states[1] === 1]).toEqual([1, false]);
});

test('scenario china-telecom: stat and err of China Telecom, now and then in the labels of another vendor', async () => {
  const { carrier, client } = await lab({ protocol: 'smgp', scenario: 'china-telecom', behaviour: AT_ONCE }, 'smgp');
  const { codes, reports } = await run(carrier, client, 0x80000002, (f) => f.readUInt32BE(22), '189');
  expectAmong(codes, [0, 1, 39, 47], 2);
  const told = reports.map((r) => /stat:(.{7}) err:(...)/.exec(r.toString('latin1'))!.slice(1).join('/'));
  const known = [
    'DELIVRD/000',
    'EXPIRED/001',
    'UNDELIV/003',
    'UNKNOWN/999',
    'UNDELIV/004',
    'UNDELIV/005',
    'EXPIRED/002',
    'EXPIRED/007',
    'UNDELIV/008',
  ];
  expectAmong(told, known, 4);
  const sizes = tally(reports.map((r) => r[80]!));
  expect(sizes.get(110)).toBeGreaterThanOrEqual(8);
  expect(sizes.get(122)).toBeGreaterThan(1900);
  expect(sizes.size).toBe(2);
  const codeOf = async () => (await client.submit('18900000001')).code;
  carrier.change({ errorRate: { probability: 0 } });
  for (let k = 0; k < 10; k++) expect(await codeOf()).toBe(0);
  expect(await codeOf()).toBe(75);
});

test('scenario smpp-international: ids in two bases, dates by country, receipts that nobody asked for', async () => {
  const carrier = await startCarrier({
    protocol: 'smpp',
    accounts: [OCTET_ACCOUNT],
    scenario: 'smpp-international',
    behaviour: {
      ...AT_ONCE,
      errorRate: { probability: 0 },
      reports: { probability: 1 },
      firstReport: { probability: 0 },
    },
  });
  stops.push(() => carrier.stop());
  const session = smpp.connect({ host: '127.0.0.1', port: carrier.port });
  session.on('error', () => session.destroy());
  await once(session, 'connect');
  stops.push(() => session.destroy());
  const receipts: smpp.PDU[] = [];
  session.on('deliver_sm', (pdu: smpp.PDU) => {
    receipts.push(pdu);
    session.send(pdu.response());
  });
  const request = (command: string, fields: smpp.Fields): Promise<smpp.PDU> =>
    new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));
  const { name: system_id, secret: password } = OCTET_ACCOUNT;
  await request('bind_transceiver', { system_id, password });
  const submit = (destination_addr: string, registered_delivery: number) =>
    request('submit_sm', {
      source_addr: 'Yima',
      destination_addr,
      registered_delivery,
      short_message: Buffer.from('hi'),
    });
  const text = (k: number): string => (receipts[k]!.short_message as { message: string | Buffer }).message.toString();

  const countries = ['447700900001', '33600000001', '919000000001', '5511900000001', '12025550001'];
  for (const [k, number] of countries.entries()) {
    const { message_id } = await submit(number, 1);
    expect(message_id).toMatch(/^[0-9a-f]{8}$/);
    await until(`receipt ${k}`, () => receipts.length === k + 1);
    const decimal = String(Number.parseInt(message_id, 16)).padStart(10, '0');
    expect(receipts[k]!.receipted_message_id).toBe(decimal);
    if (k !== 3) expect(text(k)).toContain(`id:${decimal} `);
  }
  expect(text(0)).toMatch(/submit date:\d{12} /);
  expect(text(1)).toMatch(/submit date:20\d{10} /);
  expect(text(3)).toBe('');
  expect(text(4)).toMatch(/submit date:\d{10} .* stat:[A-Z]{7} err:\d{3} /);

  // One in a hundred comes unasked.
  await Promise.all(Array.from({ length: 1000 }, (_, k) => submit(String(12_025_560_000 + k), 0)));
  const { counts } = carrier.books;
  await until('answers to all receipts', () => counts.reports > 5 && counts.reportsAnswered === counts.reports);
  expect(receipts.length).toBeLessThan(50);
});

const TONGUES = [
  ['cmpp', 'cmpp20', (r: Buffer) => r.toString('latin1', 85, 92)],
  ['sgip', 'sgip', (r: Buffer) => `${r[54]}/${r[55]}`],
  ['smgp', 'smgp', (r: Buffer) => /stat:(.{7}) err:(...)/.exec(r.toString('latin1'))!.slice(1).join('/')],
  ['smpp', 'smpp', (r: Buffer) => /stat:(\S+) err:(\S+)/.exec(r.toString('latin1'))!.slice(1).join('/')],
] as const;

describe('scenario two-reports:', () => {
  const WORDS = {
    cmpp: ['ACCEPTD', 'DELIVRD', 'UNDELIV'],
    sgip: ['1/0', '0/0', '2/29'],
    smgp: ['ACCEPTD/999', 'DELIVRD/000', 'UNDELIV/003'],
    smpp: ['ACCEPTD/001', 'DELIVRD/000', 'UNDELIV/001'],
  };
  test.each(TONGUES)(
    '%s tells of the way, of the end, and of another end (quirk 16)',
    async (protocol, tongue, told) => {
      const { client } = await lab({ protocol, scenario: 'two-reports', behaviour: { duplex: true } }, tongue);
      await client.submit('8613800000001');
      expect((await client.reported(3)).map(told)).toEqual(WORDS[protocol]);
    },
  );
});
