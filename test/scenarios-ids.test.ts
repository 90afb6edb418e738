import { once } from 'node:events';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { until } from './support/node.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

// Ids and dates, as the wire has them.

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

/** A client by the `smpp` package, which answers each receipt. */
async function packageClient(port: number) {
  const session = smpp.connect({ host: '127.0.0.1', port });
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
  expect((await request('bind_transceiver', { system_id, password })).command_status).toBe(0);
  return {
    receipts,
    submit: (destination_addr: string) =>
      request('submit_sm', {
        source_addr: '10690000',
        destination_addr,
        registered_delivery: 1,
        short_message: Buffer.from('hi'),
      }),
    async receipt(n: number) {
      await until(`receipt ${n}`, () => receipts.length >= n);
      const pdu = receipts[n - 1]!;
      const { message } = pdu.short_message as { message: string | Buffer };
      return { pdu, text: message.toString() };
    },
  };
}

test('scenario hex-ids: hexadecimal in the answer, ten decimal digits in the text, capitals in the parameter (quirks 1, 4)', async () => {
  const { carrier } = await lab({ protocol: 'smpp', scenario: 'hex-ids' }, 'smpp');
  const client = await packageClient(carrier.port);
  const ids: string[] = [];
  for (let k = 0; k < 3; k++) ids.push((await client.submit('13800000001')).message_id);
  // A pair of the field: 38601fa is 0059113978.
  expect(ids).toEqual(['38601f8', '38601f9', '38601fa']);
  const { pdu, text } = await client.receipt(3);
  expect(text).toMatch(/^id:0059113978 /);
  expect(pdu.receipted_message_id).toBe('38601FA');
});

test('each base and layout of message_id that is no plain counter (quirks 5, 6)', async () => {
  const { carrier } = await lab({ protocol: 'smpp' }, 'smpp');
  const client = await packageClient(carrier.port);
  let n = 0;
  async function pair(change: Parameters<Carrier['change']>[0]): Promise<[string, string]> {
    carrier.change(change);
    const { message_id } = await client.submit('13800000001');
    return [message_id, /^id:(\S+)/.exec((await client.receipt(++n)).text)![1]!];
  }
  const counter = { idLayout: { smpp: 'counter' as const }, ids: { start: 0xabcd } };
  expect(await pair({ ...counter, idForm: { response: 'HEX-8', receipt: 'hex' } })).toEqual(['0000ABCD', 'abcd']);
  expect(await pair({ idForm: { response: 'decimal', receipt: 'HEX' } })).toEqual(['43982', 'ABCE']);
  expect(await pair({ idForm: { response: 'hex-8', receipt: 'decimal' } })).toEqual(['0000abcf', '43983']);
  const long = await pair({ idLayout: { smpp: 'long' }, idForm: { response: 'HEX', receipt: 'decimal' } });
  expect(BigInt(`0x${long[0]}`).toString()).toBe(long[1]);
  expect(BigInt(long[1]) > 2n ** 63n).toBe(true);
  const uuid = await pair({ idLayout: { smpp: 'uuid' } });
  expect(uuid[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuid[1]).toBe(uuid[0]);
  const dated = await pair({ idLayout: { smpp: 'date' }, idForm: { response: 'decimal', receipt: 'decimal' } });
  expect(dated[0]).toMatch(/^\d{18}$/);
});

describe('scenario id-wrap:', () => {
  test.each([
    ['cmpp', 'cmpp20', (id: string) => Number.parseInt(id.slice(12), 16)],
    ['smgp', 'smgp', (id: string) => Number(id.slice(14))],
    ['smpp', 'smpp', (id: string) => Number(Buffer.from(id, 'hex').toString('latin1').replace('\0', ''))],
  ] as const)(
    '%s begins again at 0, while the reports of the first round are open',
    async (protocol, tongue, counterOf) => {
      const { client } = await lab({ protocol, scenario: 'id-wrap' }, tongue);
      const ids: string[] = [];
      for (let k = 0; k < 20; k++) ids.push((await client.submit('13800000001')).id);
      const counters = ids.map(counterOf);
      // From its start it counts to 15, then from 0. Reports of CMPP and SMGP take numbers of it too.
      expect(counters.slice(0, 4)).toEqual([13, 14, 15, 0]);
      for (const n of counters) expect(n).toBeLessThan(16);
      await client.reported(20);
    },
  );

  test('smpp: an id comes again while its first bearer has no receipt (quirk 10)', async () => {
    const behaviour = { reportDelay: 0, hold: true };
    const { carrier, client } = await lab({ protocol: 'smpp', scenario: 'id-wrap', behaviour }, 'smpp');
    const ids: string[] = [];
    for (let k = 0; k < 17; k++) ids.push((await client.submit('13800000001')).id);
    expect(ids[16]).toBe(ids[0]);
    expect(client.reports).toHaveLength(0);
    carrier.change({ hold: false });
    await client.reported(17);
  });
});

/** `YYMMDDHHMM` in Beijing. */
const beijing = (ms: number): string => new Date(ms + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(2, 12);
const minutes = (yymmddhhmm: string): number => {
  const [, y, mo, d, h, mi] = /^(..)(..)(..)(..)(..)$/.exec(yymmddhhmm)!.map(Number);
  return Date.UTC(2000 + y!, mo! - 1, d!, h!, mi!) / 60_000;
};

describe('scenario clock-skew:', () => {
  test('CMPP: done seven minutes before it was submitted, under an id of tomorrow', async () => {
    const { client } = await lab({ protocol: 'cmpp', scenario: 'clock-skew' }, 'cmpp20');
    const before = Date.now();
    const { id } = await client.submit('13800000001');
    const [report] = await client.reported(1);
    const [submitted, done] = [report!.toString('latin1', 92, 102), report!.toString('latin1', 102, 112)];
    expect([6, 7]).toContain(minutes(submitted) - minutes(done));
    const bits = BigInt(`0x${id}`);
    const dayOf = (ms: number) => beijing(ms + 86_400_000).slice(2, 6);
    const date = `${String(bits >> 60n).padStart(2, '0')}${String((bits >> 55n) & 0x1fn).padStart(2, '0')}`;
    expect([dayOf(before), dayOf(Date.now())]).toContain(date);
  });

  test('SMGP: the same', async () => {
    const { client } = await lab({ protocol: 'smgp', scenario: 'clock-skew' }, 'smgp');
    const before = Date.now();
    const { id } = await client.submit('13800000001');
    const text = (await client.reported(1))[0]!.toString('latin1');
    const [, submitted, done] = /submit date:(\d{10}) done date:(\d{10})/.exec(text)!;
    expect([6, 7]).toContain(minutes(submitted!) - minutes(done!));
    const dayOf = (ms: number) => beijing(ms + 86_400_000).slice(2, 6);
    expect([dayOf(before), dayOf(Date.now())]).toContain(id.slice(6, 10));
  });

  test('SGIP: the sequence number of a Report is of tomorrow', async () => {
    const { client } = await lab({ protocol: 'sgip', scenario: 'clock-skew', behaviour: { duplex: true } }, 'sgip');
    const before = Date.now();
    await client.submit('8613800000001');
    const stamp = String((await client.reported(1))[0]!.readUInt32BE(12)).padStart(10, '0');
    const dayOf = (ms: number) => beijing(ms + 86_400_000).slice(2, 6);
    expect([dayOf(before), dayOf(Date.now())]).toContain(stamp.slice(0, 4));
  });

  test('SMPP: the receipt is done before it was submitted (quirk 25)', async () => {
    const { client } = await lab({ protocol: 'smpp', scenario: 'clock-skew' }, 'smpp');
    await client.submit('13800000001');
    const text = (await client.reported(1))[0]!.toString('latin1');
    const [, submitted, done] = /submit date:(\d{10}) done date:(\d{10})/.exec(text)!;
    expect([6, 7]).toContain(minutes(submitted!) - minutes(done!));
  });
});
