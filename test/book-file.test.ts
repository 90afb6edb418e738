import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import smpp from 'smpp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createBookWriter } from '../simulators/book-file.ts';
import { startCarrier } from '../simulators/carrier.ts';
import { fingerprint } from '../simulators/fingerprints.ts';
import { createLoad } from '../simulators/platform.ts';
import { until } from './support/node.ts';

// What a carrier writes down, of what the `smpp` package sends it.
smpp.PDU.maxLength = 70_000;
delete smpp.commands.submit_sm!.params!.short_message!.filter;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'books-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function bound(port: number): Promise<smpp.Session> {
  return new Promise((resolve) => {
    const session = smpp.connect({ host: '127.0.0.1', port }, () =>
      session.bind_transceiver({ system_id: 'esme', password: 'secret' }, () => resolve(session)),
    );
    session.on('error', () => session.destroy());
    stops.push(() => session.destroy());
  });
}

function submitted(session: smpp.Session, fields: smpp.Fields): Promise<smpp.PDU> {
  return new Promise((resolve) => session.submit_sm({ registered_delivery: 1, ...fields }, resolve));
}

describe('the book of a carrier', () => {
  test('messages with the fingerprint of their text, refusals, reports, and what was taken of them', async () => {
    const book = join(folder, 'carrier.book');
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'esme', secret: 'secret' }],
      behaviour: {
        seed: 5,
        numbers: [
          { suffix: '9', code: 0x45 },
          { suffix: '8', state: 'EXPIRED' },
        ],
      },
      book,
    });
    const session = await bound(carrier.port);
    let taken = 0;
    session.on('deliver_sm', (pdu: smpp.PDU) => {
      taken++;
      session.send(pdu.response());
    });
    const one = await submitted(session, { destination_addr: '8', short_message: Buffer.from('hello') });
    const bad = await submitted(session, { destination_addr: '9', short_message: Buffer.from('hello') });
    const part = (k: number, text: string): Promise<smpp.PDU> =>
      submitted(session, {
        destination_addr: '1',
        esm_class: 0x40,
        short_message: Buffer.concat([Buffer.from([5, 0, 3, 7, 2, k]), Buffer.from(text)]),
      });
    const second = await part(2, ' and the end');
    const again = await part(2, ' and the end');
    const first = await part(1, 'the beginning');
    const half = await submitted(session, {
      destination_addr: '2',
      esm_class: 0x40,
      short_message: Buffer.from([5, 0, 3, 8, 2, 1, 0x41]),
    });
    await until('all reports taken', () => carrier.books.counts.reportsAnswered === 5 && taken === 5);
    await carrier.stop();

    const [head, ...lines] = linesOf(book);
    expect(head).toMatchObject({ book: 'carrier', format: 1, protocol: 'smpp', seed: 5 });
    expect(Math.abs((head!.since as number) - Date.now())).toBeLessThan(60_000);
    expect(bad.command_status).toBe(0x45);
    const of = (is: string) => lines.filter((line) => line.is === is);
    const at = expect.any(Number) as number;
    expect(of('message')).toEqual([
      { is: 'message', to: '8', text: fingerprint('hello'), ids: [one.message_id], at: [at] },
      {
        is: 'message',
        to: '1',
        text: fingerprint('the beginning and the end'),
        ids: [first.message_id, second.message_id],
        at: [at, at],
      },
      { is: 'message', to: '2', ids: [half.message_id, ''], at: [at, 0] },
    ]);
    expect(of('refusal')).toEqual([{ is: 'refusal', to: '9', code: 0x45, at }]);
    expect(of('repeat')).toEqual([{ is: 'repeat', to: '1', id: again.message_id, part: 2, parts: 2, at }]);
    const reported = of('report').map((line) => [line.id, line.to, line.word]);
    expect(reported).toHaveLength(5);
    expect(reported).toContainEqual([one.message_id, '8', 'EXPIRED']);
    expect(reported).toContainEqual([half.message_id, '2', 'DELIVERED']);
    expect(of('taken').map((line) => line.id)).toEqual(of('report').map((line) => line.id));
  });

  test('ids as answered and as reported, where these differ', async () => {
    const book = join(folder, 'forms.book');
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'esme', secret: 'secret' }],
      behaviour: { idForm: { response: 'hex', receipt: 'decimal' } },
      book,
    });
    const session = await bound(carrier.port);
    const { message_id } = await submitted(session, { destination_addr: '8', short_message: Buffer.from('hello') });
    await until('the report', () => carrier.books.counts.reports === 1);
    await carrier.stop();
    const lines = linesOf(book);
    const decimal = BigInt(`0x${message_id}`).toString();
    expect(lines.find((line) => line.is === 'message')).toMatchObject({ ids: [message_id], reportIds: [decimal] });
    expect(lines.find((line) => line.is === 'report')).toMatchObject({ id: decimal });
  });

  test('a book that cannot be made is an error at the start, and no port stays open for it', async () => {
    const options = { protocol: 'smpp', accounts: [{ name: 'a', secret: 'b' }] } as const;
    await expect(startCarrier({ ...options, book: join(folder, 'none', 'x') })).rejects.toThrow(/ENOENT/);
  });
});

test('a book can be read while it is written', async () => {
  const path = join(folder, 'open.book');
  const writer = createBookWriter(path, { book: 'carrier', protocol: 'smpp' });
  writer.write({ is: 'refusal', to: '1', code: 1, at: 5 });
  await until('the line in the file', () => readFileSync(path, 'utf8').split('\n').length === 3);
  expect(linesOf(path)[1]).toEqual({ is: 'refusal', to: '1', code: 1, at: 5 });
  writer.close();
});

test('ids of raw octets are written in hexadecimal', async () => {
  const book = join(folder, 'cmpp.book');
  const accounts = [{ name: '900001', secret: 'secret' }];
  const carrier = await startCarrier({ protocol: 'cmpp', accounts, book });
  const login = { systemId: '900001', password: 'secret' };
  const platformBook = join(folder, 'cmpp-platform.book');
  const load = createLoad({
    protocol: 'cmpp',
    port: carrier.port,
    ...login,
    count: 1,
    texts: ['hello'],
    book: platformBook,
  });
  load.start();
  await load.done;
  await carrier.stop();
  const [, submit] = linesOf(platformBook);
  expect(submit!.id).toMatch(/^[0-9a-f]{16}$/);
  expect(linesOf(book).find((line) => line.is === 'message')).toMatchObject({ ids: [submit!.id] });
  expect(linesOf(book).find((line) => line.is === 'report')).toMatchObject({ id: submit!.id });
});

test.skipIf(!existsSync('/dev/full'))('a full disk is told at the end and stops nothing before', () => {
  const writer = createBookWriter('/dev/full', { book: 'carrier', protocol: 'smpp' });
  for (let k = 0; k < 5000; k++) writer.write({ is: 'refusal', to: '1', code: 1, at: k });
  expect(() => writer.close()).toThrow(/ENOSPC/);
  expect(() => writer.close()).not.toThrow();
});
