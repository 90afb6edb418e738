import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encode } from '../protocols/text/charset.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import { PART } from '../src/message/message.ts';
import { type Deliver, deliverBody, loginSp, startIsmg } from './support/cmpp-peers.ts';
import type { Setup } from './support/node.ts';
import { until, yamlOf } from './support/node.ts';
import { startProcess } from './support/process.ts';
import { carrierUp, kept, type Platform, recordsOf, type Smsc, useRig } from './support/rig.ts';

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const CALLED = '1069000188';
const TEXTS = ['第一段，带表情😀。', '第二段：不会被打乱。', '第三段，完了！'] as const;
const WHOLE = TEXTS.join('');
const ucs2 = (text: string): Buffer => encode(text, 'ucs2')!;
const textOf = (pdu: { short_message: Buffer; message_payload?: unknown }): string => {
  const octets = pdu.short_message.length > 0 ? pdu.short_message : (pdu.message_payload as Buffer);
  return Buffer.from(octets).swap16().toString('utf16le');
};

/** A part as a carrier delivers it. */
function part(k: number, total: number, text: string, ref = 0x2a, wide = false) {
  return {
    source_addr: '8613800000001',
    destination_addr: CALLED,
    esm_class: 0x40,
    data_coding: 8,
    short_message: Buffer.concat([concatUdh(ref, total, k, wide), ucs2(text)]),
  };
}
const sar = (k: number, total: number, text: string, ref = 7) => ({
  source_addr: '8613800000001',
  destination_addr: CALLED,
  data_coding: 8,
  sar_msg_ref_num: ref,
  sar_total_segments: total,
  sar_segment_seqnum: k,
  short_message: ucs2(text),
});

async function start(smsc: Pick<Smsc, 'port'>, more: { account?: string; carrier?: string } & Partial<Setup> = {}) {
  const { account, carrier, ...setup } = more;
  const n = await rig.node({
    carriers: [
      { name: 'a', protocol: 'smpp', port: smsc.port, ...(carrier === undefined ? {} : { more: carrier }) },
      ...(setup.carriers ?? []),
    ],
    account: `mo: ["${CALLED}"]${account === undefined ? '' : `, ${account}`}`,
    ...(setup.data === undefined ? {} : { data: setup.data }),
  });
  await carrierUp(n, 'a');
  return n;
}
const seen = (p: Platform): string[] => p.delivers.map(textOf);

describe('parts become one message', () => {
  it('in any order, over any bind, repeated and interleaved, by UDH of either width and by SAR (quirk 46)', async () => {
    const a = await rig.smsc();
    // One that came again may begin another text: it waits for that as long as others do.
    const n = await start(a, { carrier: 'binds: 3, mo: { joinWithin: 3s }' });
    await until('three binds', () => a.sessions.size === 3);
    const p = await rig.platform(n.port);
    const sessions = [...a.sessions];
    const parts = [
      part(3, 3, TEXTS[2]),
      part(2, 3, `b${TEXTS[1]}`, 0x2a, true),
      part(1, 3, TEXTS[0]),
      sar(3, 3, `c${TEXTS[2]}`, 0x2a2a),
      part(1, 3, `b${TEXTS[0]}`, 0x2a, true),
      part(3, 3, TEXTS[2]), // again
      part(2, 2, 'e two', 0x2a),
      sar(1, 3, `c${TEXTS[0]}`, 0x2a2a),
      part(2, 3, TEXTS[1]),
      sar(2, 3, `c${TEXTS[1]}`, 0x2a2a),
      part(1, 3, TEXTS[0]), // again, of a message that is whole
      part(1, 2, 'e one, ', 0x2a),
      part(3, 3, `b${TEXTS[2]}`, 0x2a, true),
    ];
    for (const [k, fields] of parts.entries()) {
      expect((await a.deliver(fields, sessions[k % 3]!)).command_status).toBe(0);
    }
    await p.delivered(4);
    expect(seen(p).sort()).toEqual(
      [WHOLE, TEXTS.map((t) => `b${t}`).join(''), TEXTS.map((t) => `c${t}`).join(''), 'e one, e two'].sort(),
    );
    expect(p.delivers.every((d) => (d.esm_class & 0x40) === 0 && d.data_coding === 8)).toBe(true);
    await until('all told', () => kept(n) === 0);
    expect(n.gw.carriers.get('a')!.counters).toMatchObject({ moJoined: 4, moIncomplete: 0, moRepeated: 2, mo: 13 });
    expect((await recordsOf(n)).map((r) => [r.kind, r.state])).toEqual(
      Array.from({ length: 4 }, () => ['MO', 'DELIVERED']),
    );
  });

  it('what one short_message does not hold goes out in message_payload', async () => {
    const a = await rig.smsc();
    const n = await start(a);
    const p = await rig.platform(n.port);
    const long = ['甲', '乙', '丙'].map((c) => c.repeat(67));
    for (const [k, t] of long.entries()) await a.deliver(part(k + 1, 3, t));
    const [pdu] = await p.delivered(1);
    expect(pdu!.short_message.length).toBe(0);
    expect(textOf(pdu!)).toBe(long.join(''));
  });

  it('moForm cut: in order and in segments of ours, where one short_message is too short', async () => {
    const a = await rig.smsc();
    const n = await start(a, { account: 'moForm: cut' });
    const p = await rig.platform(n.port);
    const long = ['甲', '乙', '丙'].map((c) => c.repeat(60));
    for (const k of [2, 0, 1]) await a.deliver(part(k + 1, 3, long[k]!, 9, true));
    await p.delivered(3);
    const heads = p.delivers.map((d) => [...d.short_message.subarray(0, 6)]);
    expect(heads.map((h) => [...h.slice(0, 3), ...h.slice(4)])).toEqual([1, 2, 3].map((k) => [5, 0, 3, 3, k]));
    expect(new Set(heads.map((h) => h[3])).size).toBe(1);
    expect(p.delivers.every((d) => d.esm_class === 0x40 && d.short_message.length <= 140)).toBe(true);
    const text = p.delivers.map((d) => Buffer.from(d.short_message.subarray(6)).swap16().toString('utf16le'));
    expect(text.join('')).toBe(long.join(''));
    for (const k of [1, 0]) await a.deliver(part(k + 1, 2, TEXTS[k]!, 10));
    await p.delivered(4);
    expect(textOf(p.delivers[3]!)).toBe(TEXTS[0] + TEXTS[1]);
  });

  it('moForm segments: each as it comes, octet for octet', async () => {
    const a = await rig.smsc();
    const n = await start(a, { account: 'moForm: segments' });
    const p = await rig.platform(n.port);
    const sent = [part(2, 2, TEXTS[1]), part(1, 2, TEXTS[0])];
    for (const fields of sent) await a.deliver(fields);
    await p.delivered(2);
    expect(p.delivers.map((d) => d.short_message)).toEqual(sent.map((f) => f.short_message));
    expect(p.delivers.map((d) => d.esm_class)).toEqual([0x40, 0x40]);
  });

  it('UDH and SAR both (row 34; quirk 45): the header wins where they differ; SAR counts where the header says nothing of it', async () => {
    const a = await rig.smsc();
    const n = await start(a);
    const p = await rig.platform(n.port);
    const lying = { sar_msg_ref_num: 1, sar_total_segments: 5, sar_segment_seqnum: 4 };
    await a.deliver({ ...part(2, 2, TEXTS[1]), ...lying });
    await a.deliver({ ...part(1, 2, TEXTS[0]), ...lying });
    await p.delivered(1);
    const ports = Buffer.from([6, 5, 4, 0x15, 0x8a, 0, 0]);
    for (const k of [2, 1]) {
      const text = Buffer.concat([ports, ucs2(TEXTS[k - 1]!)]);
      await a.deliver({ ...sar(k, 2, ''), esm_class: 0x40, short_message: text });
    }
    await p.delivered(2);
    expect(textOf(p.delivers[0]!)).toBe(TEXTS[0] + TEXTS[1]);
    expect(p.delivers[1]!.short_message).toEqual(Buffer.concat([ports, ucs2(TEXTS[0] + TEXTS[1])]));
    expect(p.delivers[1]!.esm_class).toBe(0x40);
  });

  it('a reference used anew while the first text is open (quirk 47): neither is mixed with the other', async () => {
    const a = await rig.smsc();
    const n = await start(a);
    const p = await rig.platform(n.port);
    await a.deliver(part(1, 2, 'old one'));
    await a.deliver(part(1, 2, 'new one, '));
    await a.deliver(part(2, 2, 'new two'));
    await p.delivered(2);
    expect(seen(p).sort()).toEqual(['new one, new two', 'old one']);
    expect(p.delivers.map((d) => d[String(0x3f5b)] !== undefined)).toEqual(seen(p).map((t) => t === 'old one'));
  });

  it('impossible places (quirks 46 and 49) and headers that cannot be read are messages of their own', async () => {
    const a = await rig.smsc();
    const n = await start(a);
    const p = await rig.platform(n.port);
    for (const [total, k] of [
      [0, 1],
      [2, 0],
      [2, 3],
      [1, 1],
    ] as const)
      await a.deliver(part(k, total, 'x'));
    await a.deliver({ ...part(1, 2, ''), short_message: Buffer.from([9, 0, 3, 1, 2, 1]) });
    await p.delivered(5);
    await until('all told', () => kept(n) === 0);
  });

  it('parts of a CMPP carrier', async () => {
    const a = await rig.smsc();
    const c = await rig.sim({ protocol: 'cmpp', behaviour: { deliverWindow: 8 } });
    const n = await start(a, { carriers: [{ name: 'c', protocol: 'cmpp', port: c.port, more: 'binds: 2' }] });
    await carrierUp(n, 'c');
    const p = await rig.platform(n.port);
    const text = `${'长短信'.repeat(60)}😀。`;
    expect(await c.injectMo({ from: '13800000002', to: CALLED, text })).toBeGreaterThan(2);
    const [pdu] = await p.delivered(1);
    expect(textOf(pdu!)).toBe(text);
    expect([pdu!.source_addr, pdu!.destination_addr]).toEqual(['13800000002', CALLED]);
  });
});

describe('parts as CMPP carriers send them', () => {
  it('IEI 0 with four octets, TP_udhi 0x40 (deviation 5), ports in the header, parts of several Msg_Fmt, one reference for two texts', async () => {
    const a = await rig.smsc();
    const ismg = await startIsmg(0x20);
    closers.push(() => ismg.stop());
    const n = await start(a, { carriers: [{ name: 'c', protocol: 'cmpp', port: ismg.port, more: 'binds: 2' }] });
    await until('two connections', () => ismg.sockets.size === 2);
    const p = await rig.platform(n.port);
    const sockets = [...ismg.sockets];
    let turn = 0;
    const deliver = async (udh: readonly number[], text: Uint8Array, msgFmt = 8, tpUdhi = 1) => {
      const content = Buffer.concat([Buffer.from(udh), text]);
      const body = deliverBody({ destId: CALLED, content, msgFmt, tpUdhi }, false);
      expect(await ismg.deliver(body, sockets[turn++ % 2]!)).toBe(0);
    };
    await deliver([6, 0, 4, 0x12, 0x34, 2, 2], ucs2('宽二'), 8, 0x40);
    await deliver([5, 0, 3, 0x66, 3, 3], Buffer.from(' and ASCII'), 0);
    await deliver([5, 0, 3, 0x66, 2, 2], ucs2('乙二'));
    await deliver([6, 0, 4, 0x12, 0x34, 2, 1], ucs2('宽一'), 8, 0x40);
    await deliver([5, 0, 3, 0x66, 3, 1], ucs2('甲一'));
    await deliver([5, 0, 3, 0x66, 2, 1], ucs2('乙一'));
    await deliver([5, 0, 3, 0x66, 3, 2], Buffer.from('b6fe', 'hex'), 15); // 二 in GBK
    await p.delivered(3);
    expect(seen(p).sort()).toEqual(['宽一宽二', '甲一二 and ASCII', '乙一乙二'].sort());
    const ports = [0x0b, 5, 4, 0x15, 0x8a, 0, 0, 0, 3, 0xba];
    await deliver([...ports, 2, 2], ucs2('二'));
    await deliver([...ports, 2, 1], ucs2('一'));
    const pdu = (await p.delivered(4))[3]!;
    expect(pdu.short_message).toEqual(Buffer.concat([Buffer.from([6, 5, 4, 0x15, 0x8a, 0, 0]), ucs2('一二')]));
  });
});

describe('platforms whose PDUs hold a short message only', () => {
  const sp = (more = '') =>
    `name: sp, protocol: cmpp, systemId: "900001", password: { demo: secret }, route: main, mo: ["${CALLED}"]${more}`;

  async function platform(more?: string) {
    const a = await rig.smsc();
    const n = await rig.node({
      carriers: [{ name: 'a', protocol: 'smpp', port: a.port }],
      listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0"'],
      accounts: [sp(more)],
    });
    await carrierUp(n, 'a');
    const s = await loginSp(n.listeners.get('cmpp')!.address.port);
    closers.push(() => s.socket.destroy());
    return { a, n, s };
  }
  const joined = (all: readonly Deliver[]): string => {
    for (const [k, d] of all.entries()) {
      expect([d.tpUdhi, d.msgFmt, d.content.length <= 140]).toEqual([1, 8, true]);
      expect([...d.content.subarray(0, 6)]).toEqual([5, 0, 3, all[0]!.content[3], all.length, k + 1]);
    }
    return all.map((d) => Buffer.from(d.content.subarray(6)).swap16().toString('utf16le')).join('');
  };

  it('a whole text of one PDU is cut for them, and coded in what they have', async () => {
    const { a, n, s } = await platform();
    const text = 'é€'.repeat(100);
    await a.deliver({
      source_addr: '13800000001',
      destination_addr: CALLED,
      short_message: Buffer.alloc(0),
      message_payload: encode(text, 'gsm7')!,
    });
    const all = await s.mos(3);
    expect(joined(all)).toBe(text);
    await until('all told', () => kept(n) === 0);
  });

  it('parts are joined and cut in order, since in their coding they may be longer', async () => {
    const { a, n, s } = await platform();
    const texts = ['é'.repeat(153), `${'x'.repeat(150)}é`];
    for (const k of [2, 1])
      await a.deliver({
        ...part(k, 2, ''),
        data_coding: 0,
        short_message: Buffer.concat([concatUdh(1, 2, k, false), encode(texts[k - 1]!, 'gsm7')!]),
      });
    const all = await s.mos(5);
    expect(joined(all)).toBe(texts.join(''));
    await until('all told', () => kept(n) === 0);
  });

  it('more than 255 segments: several texts', async () => {
    const { a, n, s } = await platform();
    const text = '长'.repeat(20_000);
    await a.deliver({
      source_addr: '13800000001',
      destination_addr: CALLED,
      data_coding: 8,
      short_message: Buffer.alloc(0),
      message_payload: ucs2(text),
    });
    const all = await s.mos(Math.ceil(20_000 / 67));
    await until('all told', () => kept(n) === 0);
    expect(all.map((d) => Buffer.from(d.content.subarray(6)).swap16().toString('utf16le')).join('')).toBe(text);
    expect(all.every((d) => d.content.length <= 140)).toBe(true);
  });

  it('moForm segments: as they come', async () => {
    const { a, s } = await platform(', moForm: segments');
    const sent = [part(2, 2, TEXTS[1]), part(1, 2, TEXTS[0])];
    for (const fields of sent) await a.deliver(fields);
    expect((await s.mos(2)).map((d) => d.content)).toEqual(sent.map((f) => f.short_message));
  });
});

describe('a whole text that waits', () => {
  it('is cut for a platform that comes with SMPP 3.3, which has no message_payload; a restart in between', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    const n = await start(a, { data });
    const long = ['甲', '乙', '丙'].map((c) => c.repeat(67));
    for (const [k, t] of long.entries()) await a.deliver(part(k + 1, 3, t));
    const p = await rig.platform(n.port, { version: 0x33, answer: () => undefined });
    await p.delivered(3);
    expect(p.delivers.map((d) => [d.esm_class, d.short_message.length])).toEqual(long.map(() => [0x40, 140]));
    n.gw.batch.stop();
    await n.engine.close();
    const again = await start(a, { data });
    const q = await rig.platform(again.port, { version: 0x33 });
    const text = (await q.delivered(3)).map((d) =>
      Buffer.from(d.short_message.subarray(6)).swap16().toString('utf16le'),
    );
    expect(text).toEqual(long);
    await until('all told', () => kept(again) === 0);
    expect((await recordsOf(again)).map((r) => [r.kind, r.state])).toEqual(long.map(() => ['MO', 'DELIVERED']));
  });
});

describe('parts that never come', () => {
  it('what came goes out marked when the time is over; and counts', async () => {
    const a = await rig.smsc();
    const n = await start(a, { carrier: 'mo: { joinWithin: 300ms }' });
    const p = await rig.platform(n.port);
    for (const k of [3, 1]) await a.deliver(part(k, 3, TEXTS[k - 1]!));
    const [pdu] = await p.delivered(1);
    expect(textOf(pdu!)).toBe(TEXTS[0] + TEXTS[2]);
    expect(pdu![String(0x3f5b)]).toBeDefined();
    expect(n.gw.carriers.get('a')!.counters).toMatchObject({ moJoined: 0, moIncomplete: 1 });
    // The last part was only late: it is not lost.
    await a.deliver(part(2, 3, TEXTS[1]));
    expect(textOf((await p.delivered(2))[1]!)).toBe(TEXTS[1]);
    await until('all told', () => kept(n) === 0);
  });

  it('moForm cut: the segments that came, whose headers tell what is missing', async () => {
    const a = await rig.smsc();
    const n = await start(a, { account: 'moForm: cut', carrier: 'mo: { joinWithin: 200ms }' });
    const p = await rig.platform(n.port);
    const sent = [part(1, 3, TEXTS[0]), part(3, 3, TEXTS[2])];
    for (const fields of [...sent].reverse()) await a.deliver(fields);
    await p.delivered(2);
    expect(p.delivers.map((d) => d.short_message)).toEqual(sent.map((f) => f.short_message));
  });
});

describe('a reference that is used anew at once', () => {
  it('for a text that begins as the last one did: both come, whole', async () => {
    const a = await rig.smsc();
    const n = await start(a, { carrier: 'mo: { joinWithin: 3s }' });
    const p = await rig.platform(n.port);
    for (const rest of ['b', 'c']) {
      await a.deliver(part(1, 3, TEXTS[0]));
      await a.deliver(part(2, 3, rest));
      await a.deliver(part(3, 3, rest));
    }
    await p.delivered(2);
    expect(seen(p).sort()).toEqual([`${TEXTS[0]}bb`, `${TEXTS[0]}cc`]);
    // All of it again is what a carrier sends whose answers were lost.
    for (const [k, text] of [TEXTS[0], 'c', 'c'].entries()) await a.deliver(part(k + 1, 3, text));
    await until('nothing kept', () => kept(n) === 0);
    expect(seen(p)).toHaveLength(2);
    expect(n.gw.carriers.get('a')!.counters).toMatchObject({ moJoined: 2, moIncomplete: 0 });
    expect((await recordsOf(n)).map((r) => r.state)).toEqual(['DELIVERED', 'DELIVERED']);
  });
});

describe('durability', () => {
  it('parts survive a kill; the rest completes them, one that comes again is known, the platform gets it when it comes', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    const n = await start(a, { data });
    await a.deliver(part(3, 3, TEXTS[2]));
    await a.deliver(part(1, 3, TEXTS[0]));
    await a.deliver(part(1, 2, 'x one, ', 9));
    await a.deliver(part(2, 2, 'x two', 9));
    expect(kept(n)).toBe(3);
    // As after kill -9: nothing of memory is written, the store's lock goes.
    n.gw.batch.stop();
    await n.engine.close();

    const again = await start(a, { data, store: 'journalKeep: 1KiB', carrier: 'mo: { joinWithin: 3s }' });
    expect([...again.gw.state.active.values()].filter((m) => (m.flags & PART) !== 0)).toHaveLength(2);
    expect(again.gw.assembly.open).toBe(1);
    const session = [...a.sessions].at(-1)!;
    await a.deliver(part(1, 3, TEXTS[0]), session);
    await a.deliver(part(2, 2, 'x two', 9), session);
    await a.deliver(part(2, 3, TEXTS[1]), session);
    expect(again.gw.assembly.open).toBe(1);
    const p = await rig.platform(again.port);
    await p.delivered(2);
    expect(seen(p).sort()).toEqual(['x one, x two', WHOLE].sort());
    await until('all told', () => kept(again) === 0);
    expect((await recordsOf(again)).map((r) => r.kind)).toEqual(['MO', 'MO']);
    expect(again.gw.carriers.get('a')!.counters).toMatchObject({ moRepeated: 2, moIncomplete: 0 });
  });

  it('parts survive a kill -9 of the process: the last one makes them whole, once', async () => {
    const folder = rig.folder();
    const a = await rig.smsc();
    const file = join(folder, 'yima.yaml');
    const account = `mo: ["${CALLED}"]`;
    const carriers = [{ name: 'a', protocol: 'smpp', port: a.port }] as const;
    writeFileSync(file, yamlOf({ data: join(folder, 'data'), carriers, account }));
    const first = await startProcess(file);
    closers.push(() => first.kill().catch(() => undefined));
    await until('bound', () => a.sessions.size === 1);
    for (const k of [3, 1]) expect((await a.deliver(part(k, 3, TEXTS[k - 1]!))).command_status).toBe(0);
    await first.kill();
    await until('gone', () => a.sessions.size === 0);

    const second = await startProcess(file);
    closers.push(() => second.kill().catch(() => undefined));
    await until('bound again', () => a.sessions.size === 1);
    const p = await rig.platform(second.port);
    await a.deliver(part(2, 3, TEXTS[1]));
    await p.delivered(1);
    expect(await second.stop()).toBe(0);
    expect(seen(p)).toEqual([WHOLE]);
  });

  it('a clean stop carries the parts', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    const n = await start(a, { data });
    await a.deliver(part(2, 3, TEXTS[1]));
    await a.deliver(part(1, 3, TEXTS[0]));
    await n.stop();
    const again = await start(a, { data });
    const p = await rig.platform(again.port);
    await a.deliver(part(3, 3, TEXTS[2]), [...a.sessions].at(-1)!);
    expect(textOf((await p.delivered(1))[0]!)).toBe(WHOLE);
  });
});
