import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Carrier, startCarrier } from '../simulators/carrier.ts';
import type { Node } from '../src/cli/serve.ts';
import { coded, createEsme, type Entry, type Esme, fitsOne, inParts } from './support/esme.ts';
import { scratchFolder, startTestNode, until } from './support/node.ts';
import { readTexts } from './support/texts.ts';

/*
 * Every text through a running gateway from a client whose codec is not ours to a CMPP 2.0, a CMPP 3.0 and an SMPP
 * carrier. Long ones go in turn as parts with a user data header and whole in message_payload.
 */
const { texts, from } = readTexts();
const CARRIERS = [
  { name: 'cmpp20', protocol: 'cmpp', version: '2.0', prefix: '131', more: 'coding: [gbk, ucs2], window: 64' },
  { name: 'cmpp30', protocol: 'cmpp', version: '3.0', prefix: '132', more: 'coding: [ucs2], window: 64' },
  { name: 'smsc', protocol: 'smpp', version: '3.4', prefix: '133', more: 'coding: [gsm7, ucs2], window: 64' },
] as const;

const carriers: Carrier[] = [];
const folder = scratchFolder();
let node: Node & { port: number };
let esme: Esme;
/** Submits of each text, by carrier. */
const sent: Entry[][] = [];
let seconds = 0;

const destinationOf = (prefix: string, k: number): string => prefix + String(k).padStart(8, '0');

function submit(destination: string, text: string, k: number, cmpp: boolean): Entry[] {
  const long = coded(text);
  // A GSM part of 153 characters has no room in a CMPP message: a platform that cuts for CMPP cuts in UCS-2.
  const inUdh = k % 2 === 0;
  const { dataCoding, octets } = cmpp && inUdh && !fitsOne(long.dataCoding, long.octets) ? coded(text, 'ucs2') : long;
  if (fitsOne(dataCoding, octets)) return [esme.submit({ destination, dataCoding, octets })];
  if (!inUdh) return [esme.submit({ destination, dataCoding, octets, payload: true })];
  return inParts(dataCoding, octets, k).map((part) =>
    esme.submit({ destination, dataCoding, octets: part, udhi: true }),
  );
}

beforeAll(async () => {
  for (const { protocol, version } of CARRIERS) {
    const name = protocol === 'cmpp' ? '900001' : 'yima';
    carriers.push(
      await startCarrier({ protocol, version, record: 'messages', accounts: [{ name, secret: 'secret' }] }),
    );
  }
  node = await startTestNode({
    data: folder.path,
    carriers: CARRIERS.map((c, k) => ({ ...c, port: carriers[k]!.port })),
    rules: `[ ${CARRIERS.map((c) => `{ destination: "${c.prefix}", steps: [ { carriers: [ { name: ${c.name} } ] } ] }`).join(', ')} ]`,
  });
  await until('carriers bound', () => [...node.gw.carriers.values()].every((c) => c.up));
  const began = performance.now();
  esme = createEsme({ port: () => node.port, binds: 2, window: 200 });
  for (const { prefix, protocol } of CARRIERS) {
    sent.push(texts.flatMap((text, k) => submit(destinationOf(prefix, k), text, k, protocol === 'cmpp')));
  }
  await until('all answered', () => esme.settled === esme.entries.length, 100_000);
  await until('all receipts', () => esme.receipted === esme.entries.length, 100_000);
  await until('all receipts answered', () => node.gw.state.active.size + node.gw.state.frozen.count === 0);
  seconds = (performance.now() - began) / 1000;
});

afterAll(async () => {
  esme?.stop();
  await node?.stop();
  for (const c of carriers) await c.stop();
  folder.remove();
});

describe(`${texts.length} texts (${from}) through the gateway`, () => {
  it('all are acknowledged, and each gets one receipt', () => {
    process.stdout.write(
      `corpus: ${esme.entries.length} submits of 3 × ${texts.length} texts in ${seconds.toFixed(1)} s, ` +
        `parts at the carriers ${carriers.map((c) => c.books.counts.accepted).join(', ')}\n`,
    );
    expect(texts).toHaveLength(10_000);
    expect([...esme.statuses]).toEqual([[0, esme.entries.length]]);
    expect(esme.byId.size).toBe(esme.entries.length);
    expect(esme.entries.filter((e) => e.receipts.length !== 1 || e.receipts[0]!.state !== 2)).toEqual([]);
    expect(esme.orphans.size).toBe(0);
    expect(esme.connections).toBe(2);
  });

  it.each(CARRIERS.map((c, k) => [c.name, c.prefix, k] as const))(
    '%s has each text once, character for character',
    (_name, prefix, k) => {
      const { books } = carriers[k]!;
      const found = new Map(books.messages.map((m) => [m.destination, m.text]));
      const wrong: { expected: string; got: string | undefined }[] = [];
      texts.forEach((expected, n) => {
        const got = found.get(destinationOf(prefix, n));
        if (got !== expected) wrong.push({ expected, got });
      });
      expect(wrong).toEqual([]);
      expect(books.messages).toHaveLength(texts.length);
      expect(books.repeats).toBe(0);
      expect(books.incomplete).toBe(0);
      expect(sent[k]!.length).toBeGreaterThan(texts.length);
      expect(books.counts.windowPeak).toBeLessThanOrEqual(64);
    },
  );

  it('the coding is the first of the carrier that holds the text', () => {
    const inGbk = (text: string): boolean => iconv.decode(iconv.encode(text, 'gbk'), 'gbk') === text;
    const [cmpp20, cmpp30, smsc] = carriers.map((c) => c.books.messages.filter((m) => m.ids.length === 1));
    expect(cmpp20!.filter((m) => (m.coding === 'gbk') !== inGbk(m.text)).map((m) => m.text)).toEqual([]);
    expect(cmpp20!.filter((m) => m.coding === 'gbk').length).toBeGreaterThan(texts.length / 2);
    expect(new Set(cmpp30!.map((m) => m.coding))).toEqual(new Set(['ucs2']));
    expect(smsc!.filter((m) => (m.coding === 'gsm7') !== (coded(m.text).dataCoding === 0))).toEqual([]);
  });
});
