import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { findScenario } from '../simulators/scenario/library.ts';
import { until } from './support/node.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

// Scenarios by the lab's clock: an hour and a turn of the year pass in no time.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

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

const TONGUES = [
  ['cmpp', 'cmpp20', (r: Buffer) => r.toString('latin1', 85, 92)],
  ['sgip', 'sgip', (r: Buffer) => `${r[54]}/${r[55]}`],
  ['smgp', 'smgp', (r: Buffer) => /stat:(.{7}) err:(...)/.exec(r.toString('latin1'))!.slice(1).join('/')],
  ['smpp', 'smpp', (r: Buffer) => /stat:(\S+) err:(\S+)/.exec(r.toString('latin1'))!.slice(1).join('/')],
] as const;

describe('scenario magic-numbers:', () => {
  const WORDS: Record<(typeof TONGUES)[number][0], Readonly<Record<string, string>>> = {
    cmpp: {
      '0001': 'MK:0001',
      '0002': 'MI:0024',
      '0004': 'MH:0007',
      '0005': 'MK:0017',
      '0006': 'ID:0069',
      '0007': 'MK:0005',
      '0008': 'MA:0054',
      '0009': 'EXPIRED',
      '1234': 'DELIVRD',
    },
    sgip: {
      '0001': '2/29',
      '0002': '2/25',
      '0004': '2/22',
      '0005': '2/26',
      '0006': '2/69',
      '0007': '2/30',
      '0008': '2/54',
      '0009': '2/61',
      '1234': '0/0',
    },
    smgp: {
      '0001': 'UNDELIV/003',
      '0002': 'EXPIRED/001',
      '0004': 'UNDELIV/003',
      '0005': 'EXPIRED/007',
      '0006': 'UNDELIV/005',
      '0007': 'UNDELIV/004',
      '0008': 'UNKNOWN/999',
      '0009': 'EXPIRED/001',
      '1234': 'DELIVRD/000',
    },
    smpp: {
      '0001': 'UNDELIV/001',
      '0002': 'EXPIRED/027',
      '0004': 'UNDELIV/009',
      '0005': 'UNDELIV/032',
      '0006': 'REJECTD/099',
      '0007': 'UNDELIV/013',
      '0008': 'UNKNOWN/000',
      '0009': 'EXPIRED/001',
      '1234': 'DELIVRD/000',
    },
  };
  const CODES = { cmpp: [9, 8], sgip: [32, 88], smgp: [58, 1], smpp: [0x45, 0x58] };

  test.each(TONGUES)('%s: the last four digits decide', async (protocol, tongue, told) => {
    const scenario = { ...findScenario('magic-numbers'), clock: { mode: 'virtual' as const } };
    const { carrier, client } = await lab({ protocol, scenario, behaviour: { duplex: true } }, tongue);
    const to = (digits: string) => `861380000${digits}`;
    let n = 0;
    const next = async (): Promise<string> => told((await client.reported(++n))[n - 1]!);
    for (const [digits, word] of Object.entries(WORDS[protocol])) {
      expect((await client.submit(to(digits))).code).toBe(0);
      expect([digits, await next()]).toEqual([digits, word]);
    }
    const delivered = WORDS[protocol]['1234'];
    expect((await client.submit(to('0010'))).code).toBe(CODES[protocol][0]);
    expect((await client.submit(to('0017'))).code).toBe(CODES[protocol][1]);
    expect((await client.submit(to('0011'))).code).toBe(0);
    await client.submit(to('0012'));
    expect([await next(), await next()]).toEqual([delivered, delivered]);
    await client.submit(to('0013'));
    const onItsWay = await next();
    expect([onItsWay === delivered, await next()]).toEqual([false, delivered]);
    await client.submit(to('0014'));
    expect(await next()).toBe(delivered);
    expect(await next()).toBe({ cmpp: 'UNDELIV', sgip: '2/29', smgp: 'UNDELIV/003', smpp: 'UNDELIV/001' }[protocol]);
    const answers = client.frames.length;
    client.post(to('0015'));
    expect(await next()).toBe(delivered);
    // The report and no answer.
    expect(client.frames.length).toBe(answers + 1);
    client.post(to('0016'));
    expect(await next()).toBe(delivered);
    expect(client.frames.length).toBe(answers + 2);
    await until('the answer after it', () => client.frames.length === answers + 3);
    // An hour passes on the carrier's clock.
    await client.submit(to('0003'));
    expect(await next()).toBe(delivered);
    expect(carrier.books.counts.reports).toBe(n);
  });
});

describe('scenario new-year:', () => {
  const virtual = { duplex: true };

  test('CMPP: ids and reports of December, then of January', async () => {
    const { client } = await lab({ protocol: 'cmpp', scenario: 'new-year', behaviour: virtual }, 'cmpp20');
    const dates: string[] = [];
    let last = '';
    for (let k = 0; k < 80; k++) {
      const { id } = await client.submit('13800000001');
      const bits = BigInt(`0x${id}`);
      const field = (shift: bigint, width: bigint) => String((bits >> shift) & ((1n << width) - 1n)).padStart(2, '0');
      const date = field(60n, 4n) + field(55n, 5n) + field(50n, 5n) + field(44n, 6n);
      if (date !== dates.at(-1)) dates.push(date);
      // Of New Year, and yet smaller.
      if (date === '01010000' && last.startsWith('c')) expect(id < last).toBe(true);
      last = id;
    }
    expect(dates).toEqual(['12312359', '01010000']);
    const done = (await client.reported(80)).map((r) => r.toString('latin1', 102, 112));
    expect([...new Set(done)]).toEqual(['2612312359', '2701010000']);
  });

  test('SMGP: the same', async () => {
    const { client } = await lab({ protocol: 'smgp', scenario: 'new-year', behaviour: virtual }, 'smgp');
    const dates = new Set<string>();
    for (let k = 0; k < 80; k++) dates.add((await client.submit('13800000001')).id.slice(6, 14));
    expect([...dates]).toEqual(['12312359', '01010000']);
    const done = (await client.reported(80)).map((r) => /done date:(\d{10})/.exec(r.toString('latin1'))![1]);
    expect([...new Set(done)]).toEqual(['2612312359', '2701010000']);
  });

  test('SGIP: sequence numbers of Reports', async () => {
    const { client } = await lab({ protocol: 'sgip', scenario: 'new-year', behaviour: virtual }, 'sgip');
    for (let k = 0; k < 80; k++) await client.submit('8613800000001');
    const stamps = (await client.reported(80)).map((r) => String(r.readUInt32BE(12)).padStart(10, '0').slice(0, 8));
    expect([...new Set(stamps)]).toEqual(['12312359', '01010000']);
  });
});
