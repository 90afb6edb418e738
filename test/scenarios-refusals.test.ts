import { afterEach, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

// What carriers refuse, and what they add, for the sake of those who read the messages.

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

/** Stat of a report of CMPP 2.0. */
const statOf = (report: Buffer): string => report.toString('latin1', 77 + 8, 77 + 15);

/** UTF-16BE, as Msg_Fmt 8 has it. */
const ucs2 = (text: string) => ({ content: Buffer.from(text, 'utf16le').swap16(), coding: 8 });
const part = (seq: number, total: number, text: string) => ({
  content: Buffer.concat([Buffer.of(5, 0, 3, 9, total, seq), ucs2(text).content]),
  coding: 8,
  udhi: true,
});

const CODES = { cmpp20: 9, cmpp30: 9, sgip: 76, smgp: 58, smpp: 0x66 } as const;
const TONGUES = [
  ['cmpp', 'cmpp20', '2.0'],
  ['cmpp', 'cmpp30', '3.0'],
  ['sgip', 'sgip', '1.2'],
  ['smgp', 'smgp', '3.0'],
  ['smpp', 'smpp', '3.4'],
] as const;

test.each(TONGUES)(
  'scenario signature-demanded: %s (%s) lets only signed texts pass',
  async (protocol, tongue, version) => {
    const { client } = await lab({ protocol, version, scenario: 'signature-demanded' }, tongue);
    const code = async (sent: ReturnType<typeof ucs2> | ReturnType<typeof part>) =>
      (await client.submit('8613800000001', { ...sent, source: '955001' })).code;
    const bad = CODES[tongue];
    expect(await code(ucs2('【云马科技】您的验证码是1234'))).toBe(0);
    expect(await code(ucs2(' 【YIMA】 code 1234'))).toBe(0);
    expect(await code(ucs2('您的验证码是1234'))).toBe(bad);
    expect(await code(ucs2('您的验证码是1234【云马科技】'))).toBe(bad);
    expect(await code(ucs2('【别家科技】您的验证码是1234'))).toBe(bad);
    expect(await code(ucs2('【云马科技】【YIMA】您的验证码是1234'))).toBe(bad);
    expect(await code(ucs2('【云马科技】您的验证码是1234【YIMA】'))).toBe(bad);
    // A long message is judged by its first part.
    expect(await code(part(1, 2, '【云马科技】长短信'))).toBe(0);
    expect(await code(part(2, 2, '第二段'))).toBe(0);
    expect(await code(part(1, 2, '没有签名'))).toBe(bad);
  },
);

test('scenario signature-demanded: what comes from 1069… is accepted and reported SIGFAIL', async () => {
  const { client } = await lab({ protocol: 'cmpp', scenario: 'signature-demanded' }, 'cmpp20');
  expect((await client.submit('13800000001', { ...ucs2('您好'), source: '10690001' })).code).toBe(0);
  expect((await client.submit('13800000001', { ...ucs2('【YIMA】您好'), source: '10690001' })).code).toBe(0);
  expect((await client.reported(2)).map(statOf)).toEqual(['SIGFAIL', 'DELIVRD']);
});

test.each(TONGUES)(
  'scenario frequency-cap: %s (%s) refuses the fourth message to a number',
  async (protocol, tongue, version) => {
    const { client } = await lab({ protocol, version, scenario: 'frequency-cap' }, tongue);
    const code = async (number: string, sent = {}) => (await client.submit(number, sent)).code;
    const bad = { ...CODES, sgip: 77, smgp: 75 }[tongue];
    for (let k = 0; k < 3; k++) expect(await code('8613800000001')).toBe(0);
    expect(await code('8613800000001')).toBe(bad);
    expect(await code('8613800000001')).toBe(bad);
    expect(await code('8613800000002')).toBe(0);
    // A long message counts once, and its parts share its fate.
    for (let seq = 1; seq <= 5; seq++) expect(await code('8613800000003', part(seq, 5, 'a'))).toBe(0);
    for (let seq = 1; seq <= 2; seq++) expect(await code('8613800000001', part(seq, 2, 'b'))).toBe(bad);
  },
);

test('scenario frequency-cap: the fourth to a number that ends in 9 is accepted and reported BEYONDN', async () => {
  const { client } = await lab({ protocol: 'cmpp', scenario: 'frequency-cap' }, 'cmpp20');
  for (let k = 0; k < 4; k++) expect((await client.submit('13800000009')).code).toBe(0);
  expect((await client.reported(4)).map(statOf)).toEqual(['DELIVRD', 'DELIVRD', 'DELIVRD', 'BEYONDN']);
});

test('scenario signature-added: a receipt tells the messages that the longer text makes', async () => {
  const { carrier, client } = await lab({ protocol: 'smpp', scenario: 'signature-added', record: 'messages' }, 'smpp');
  const text = '字'.repeat(70);
  await client.submit('13800000001', ucs2(text));
  await client.submit('13800000002', ucs2(text.slice(0, 60)));
  const counts = (await client.reported(2)).map((r) => /sub:\d{3} dlvrd:\d{3}/.exec(r.toString('latin1'))?.[0]);
  expect(counts).toEqual(['sub:002 dlvrd:002', 'sub:001 dlvrd:001']);
  expect(carrier.books.messages.map((m) => [m.text, m.shown, m.counted])).toEqual([
    [text, `【云马科技】${text}`, 2],
    [text.slice(0, 60), `【云马科技】${text.slice(0, 60)}`, 1],
  ]);
});

test('scenario signature-added: in the report of SMGP, and in the books of a long message joined', async () => {
  const { carrier, client } = await lab({ protocol: 'smgp', scenario: 'signature-added', record: 'messages' }, 'smgp');
  await client.submit('13800000001', ucs2('字'.repeat(66)));
  const [report] = await client.reported(1);
  expect(report!.toString('latin1')).toContain(' sub:002 dlvrd:002 ');
  await client.submit('13800000002', part(1, 2, 'x'.repeat(67)));
  await client.submit('13800000002', part(2, 2, 'y'.repeat(65)));
  const [, long] = carrier.books.messages;
  // 6 + 132 characters do not fit into two messages of 67.
  expect([long!.shown.slice(0, 7), long!.shown.length, long!.counted]).toEqual(['【云马科技】x', 138, 3]);
});
