import { afterEach, describe, expect, it } from 'vitest';
import { encode } from '../protocols/text/charset.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import { loginSp } from './support/cmpp-peers.ts';
import { until } from './support/node.ts';
import { carrierUp, kept, useRig } from './support/rig.ts';

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const CALLED = '1069000188';
const ucs2 = (text: string): Buffer => encode(text, 'ucs2')!;
const readUcs2 = (octets: Uint8Array): string => Buffer.from(octets).swap16().toString('utf16le');
const mo = { source_addr: '8613800000001', destination_addr: CALLED, data_coding: 8 };
const withHeader = (header: Uint8Array, text: Uint8Array) => ({
  ...mo,
  esm_class: 0x40,
  short_message: Buffer.concat([header, text]),
});
const inPayload = (header: Uint8Array, text: Uint8Array) => ({
  ...mo,
  esm_class: 0x40,
  short_message: Buffer.alloc(0),
  message_payload: Buffer.concat([header, text]),
});
const part = (k: number, total: number, text: string, ref = 5) =>
  withHeader(concatUdh(ref, total, k, false), ucs2(text));

async function cmppWorld(more = '', carrier = '') {
  const a = await rig.smsc();
  const n = await rig.node({
    carriers: [{ name: 'a', protocol: 'smpp', port: a.port, ...(carrier === '' ? {} : { more: carrier }) }],
    listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0"'],
    accounts: [
      `name: sp, protocol: cmpp, systemId: "900001", password: { demo: secret }, route: main, mo: ["${CALLED}"]${more}`,
    ],
  });
  await carrierUp(n, 'a');
  const s = await loginSp(n.listeners.get('cmpp')!.address.port);
  closers.push(() => s.socket.destroy());
  return { a, n, s };
}

describe('headers that leave no room', () => {
  it.each([100, 126, 127, 128, 131, 133, 134, 150, 230])(
    '%i octets of another element, and a text of several segments',
    async (filler) => {
      const { a, n, s } = await cmppWorld();
      const header = Buffer.concat([Buffer.from([filler + 2, 0x70, filler]), Buffer.alloc(filler, 1)]);
      const text = '长'.repeat(100);
      expect((await a.deliver(inPayload(header, ucs2(text)))).command_status).toBe(0);
      await until('all told', () => kept(n) === 0);
      const got = (await s.mos(0)).map((d) => readUcs2(d.content.subarray(d.tpUdhi === 0 ? 0 : d.content[0]! + 1)));
      expect(got.join('')).toBe(text);
    },
  );
});

describe('what calls itself a segment', () => {
  it('one of one, and longer than a segment: cut for a platform of short PDUs', async () => {
    const { a, n, s } = await cmppWorld();
    const text = '长'.repeat(150);
    await a.deliver(inPayload(concatUdh(9, 1, 1, false), ucs2(text)));
    await until('all told', () => kept(n) === 0);
    expect((await s.mos(0)).map((d) => readUcs2(d.content.subarray(6))).join('')).toBe(text);
  });

  it('one of one, in a coding that CMPP lacks', async () => {
    const { a, n, s } = await cmppWorld();
    await a.deliver({ ...withHeader(concatUdh(9, 1, 1, false), encode('é€', 'gsm7')!), data_coding: 0 });
    await until('all told', () => kept(n) === 0);
    const [d] = await s.mos(0);
    expect([d!.msgFmt, readUcs2(d!.content.subarray(d!.tpUdhi === 0 ? 0 : 6))]).toEqual([8, 'é€']);
  });

  it('moForm segments: one longer than a PDU of the platform is cut', async () => {
    const { a, n, s } = await cmppWorld(', moForm: segments', 'mo: { joinWithin: 200ms }');
    const texts = ['甲'.repeat(100), '乙'.repeat(150)];
    for (const k of [1, 2]) await a.deliver(inPayload(concatUdh(9, 2, k, false), ucs2(texts[k - 1]!)));
    await until('all told', () => kept(n) === 0);
    expect((await s.mos(0)).map((d) => readUcs2(d.content.subarray(6))).join('')).toBe(texts.join(''));
  });

  it('moForm segments: the last one in another coding keeps its place, though it waited', async () => {
    const { a, n, s } = await cmppWorld(', moForm: segments', 'mo: { joinWithin: 200ms }');
    await a.deliver(part(1, 2, '第一'));
    await a.deliver({ ...withHeader(concatUdh(5, 2, 2, false), encode('é', 'gsm7')!), data_coding: 0 });
    await until('all told', () => kept(n) === 0 && n.gw.assembly.open === 0);
    const got = await s.mos(0);
    expect(got.map((d) => [...d.content.subarray(0, 6)])).toEqual([
      [5, 0, 3, 5, 2, 1],
      [5, 0, 3, 5, 2, 2],
    ]);
    expect(got.map((d) => readUcs2(d.content.subarray(6)))).toEqual(['第一', 'é']);
  });
});
