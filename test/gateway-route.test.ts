import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configOf, until } from './support/node.ts';
import { carrierUp, kept, receiptOf, recordsOf, type Smsc, textsOf, useRig } from './support/rig.ts';

const rig = useRig();
const ESME = { RINVDSTADR: 0x0b, RTHROTTLED: 0x58, RMSGQFUL: 0x14, RSUBMITFAIL: 0x45, RSYSERR: 0x08 };

const carrier = (name: string, smsc: Pick<Smsc, 'port'>, more?: string) => ({
  name,
  protocol: 'smpp' as const,
  port: smsc.port,
  ...(more === undefined ? {} : { more }),
});
const text = (s: string) => ({ short_message: Buffer.from(s) });
const steps = (...names: string[]) => `[ ${names.map((n) => `{ carriers: [ { name: ${n} } ] }`).join(', ')} ]`;

describe('which carrier', () => {
  it('by account, source and destination prefix, the longest first; none is refused', async () => {
    const [a, b, c] = [await rig.smsc(), await rig.smsc(), await rig.smsc()];
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b), carrier('c', c)],
      rules: `[ { destination: "86", steps: ${steps('a')} }, { destination: "86138", steps: ${steps('b')} }, { destination: "86138", source: "106900*", steps: ${steps('c')} } ]`,
      accounts: ['name: other, systemId: other, password: { demo: secret }, route: main'],
    });
    await carrierUp(n, 'a', 'b', 'c');
    const p = await rig.platform(n.port);
    await p.submit({ destination_addr: '8613900000001', ...text('to a') });
    await p.submit({ destination_addr: '008613800000001', source_addr: '95555', ...text('to b') });
    await p.submit({ destination_addr: '+8613800000002', source_addr: '10690001', ...text('to c') });
    const refused = await p.submit({ destination_addr: '447700900000' });
    expect(refused.command_status).toBe(ESME.RINVDSTADR);
    await p.delivered(3);
    expect([textsOf(a), textsOf(b), textsOf(c)]).toEqual([['to a'], ['to b'], ['to c']]);
    await until('all told', () => kept(n) === 0);
  });

  it('by operator: ported numbers first, then prefixes; a reload reads the lists again', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    const ported = join(rig.folder(), 'ported.csv');
    writeFileSync(ported, '13800000001,unicom\n');
    const setup = {
      data: rig.folder(),
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { operator: mobile, steps: ${steps('a')} }, { operator: unicom, steps: ${steps('b')} } ]`,
      more: `numbering: { ported: "${ported}" }`,
    };
    const n = await rig.node(setup);
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    const submit = async (destination_addr: string) =>
      (await p.submit({ destination_addr, ...text(destination_addr) })).command_status;
    expect([await submit('+8613800000001'), await submit('8613800000002'), await submit('18600000003')]).toEqual([
      0, 0, 0,
    ]);
    expect(await submit('18900000004')).toBe(ESME.RINVDSTADR);
    await p.delivered(3);
    expect([textsOf(a), textsOf(b)]).toEqual([['8613800000002'], ['+8613800000001', '18600000003']]);
    writeFileSync(ported, '18900000004,mobile\n');
    await n.reload(configOf(setup));
    expect([await submit('18900000004'), await submit('13800000001')]).toEqual([0, 0]);
    await p.delivered(5);
    expect(textsOf(a).slice(1)).toEqual(['18900000004', '13800000001']);
  });

  it('weights are kept exactly over every cycle, fail-overs included', async () => {
    const [a, b, c] = [await rig.smsc(), await rig.smsc(), await rig.smsc()];
    a.reply = () => ({ status: 0x0b });
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b), carrier('c', c)],
      rules:
        '[ { steps: [ { carriers: [ { name: a } ] }, { carriers: [ { name: b, weight: 3 }, { name: c, weight: 1 } ] } ] } ]',
      next: '{ codes: [ 11 ] }',
    });
    await carrierUp(n, 'a', 'b', 'c');
    const p = await rig.platform(n.port);
    for (let i = 0; i < 40; i++) await p.submit(text(`m${i}`));
    await p.delivered(40);
    expect([a.submits.length, b.submits.length, c.submits.length]).toEqual([40, 30, 10]);
  });

  it('all segments of a message go to one carrier', async () => {
    const [a, b] = [await rig.sim({ protocol: 'smpp' }), await rig.sim({ protocol: 'smpp' })];
    const n = await rig.node({ carriers: [carrier('a', a, 'binds: 3'), carrier('b', b, 'binds: 3')] });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    const payload = Buffer.from('y'.repeat(700));
    for (let i = 0; i < 10; i++)
      await p.submit({ destination_addr: `1380000000${i}`, short_message: Buffer.alloc(0), message_payload: payload });
    await p.delivered(10);
    for (const sim of [a, b]) {
      expect(sim.books.messages.map((m) => m.text)).toEqual(Array.from({ length: 5 }, () => 'y'.repeat(700)));
      expect(sim.books.incomplete).toBe(0);
    }
  });

  it('a message that has passed this node is refused as a loop; others carry on where they have been', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier('a', a, 'hopTag: true')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    // The `smpp` package cannot write a vendor tag by number: registered as a parameter of its own.
    const smpp = (await import('smpp')).default;
    if (smpp.tlvs.hops === undefined) smpp.addTLV('hops', { id: 0x3f59, type: smpp.types.tlv!.cstring! });
    expect((await p.submit({ hops: 'one,test,two' })).command_status).toBe(ESME.RSUBMITFAIL);
    expect((await p.submit({ hops: 'one,two' })).command_status).toBe(0);
    const [receipt] = await p.delivered(1);
    expect(String(a.submits[0]!.pdu.hops)).toBe('one,two,test');
    expect(receipt!.hops).toBeUndefined();
  });
});

describe('on to the next carrier', () => {
  it('down: the queue of a carrier that goes down moves on, and nothing is sent twice', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reply = () => ({ wait: 30 });
    const n = await rig.node({
      carriers: [carrier('a', a, 'window: 2'), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    await Promise.all(Array.from({ length: 20 }, (_, i) => p.submit(text(`m${i}`))));
    await until('a has some', () => a.submits.length >= 4);
    await a.stop();
    await until('the rest at b', () => b.submits.length >= 14);
    const atA = textsOf(a);
    const atB = textsOf(b);
    expect(atB.filter((t) => atA.includes(t))).toEqual([]);
    // What was at a without an answer waits for a: it may be alive there.
    expect(new Set([...atA, ...atB]).size).toBe(20);
    expect(n.gw.carriers.get('a')!.queued + atB.length + p.delivers.length).toBeGreaterThanOrEqual(20 - 2);
  });

  it('a queue that is paused wakes with the bind, and is not looked at meanwhile', async () => {
    const a = await rig.smsc();
    const { port } = a;
    await a.stop();
    const n = await rig.node({ carriers: [{ name: 'a', protocol: 'smpp', port }] });
    const p = await rig.platform(n.port);
    for (let i = 0; i < 5; i++) expect((await p.submit(text(`m${i}`))).command_status).toBe(0);
    const c = n.gw.carriers.get('a')!;
    await until('queued', () => c.queued === 5);
    expect(c).toMatchObject({ limit: 'down', wakeAt: Number.POSITIVE_INFINITY });
    const again = await rig.smsc(port);
    await p.delivered(5);
    expect(textsOf(again)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
    const records = await recordsOf(n);
    expect(records.map((r) => [r.state, r.attempts])).toEqual(Array.from({ length: 5 }, () => ['DELIVERED', 0]));
  });

  it('taken while the first carrier went down: not left behind in its queue', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      store: 'commitDelay: 200ms',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    const answers = [p.submit(text('one')), p.submit(text('two'))];
    await until('accepted', () => kept(n) === 2);
    a.dropAll();
    await a.stop();
    await Promise.all(answers);
    await p.delivered(2);
    expect(textsOf(b)).toEqual(['one', 'two']);
  });

  it('full: on to the next, and then the platform is told to wait', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reply = () => undefined;
    b.reply = () => undefined;
    const more = 'window: 1, queue: { max: 2 }';
    const n = await rig.node({
      carriers: [carrier('a', a, more), carrier('b', b, more)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      account: 'busy: queueFull',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await p.submit(text(`m${i}`))).command_status);
    // One at work and two in the queue of each, by the time that they are durable.
    expect(statuses.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(statuses.slice(6)).toEqual([ESME.RMSGQFUL, ESME.RMSGQFUL]);
    expect([textsOf(a), textsOf(b)]).toEqual([['m0'], ['m3']]);
  });

  it('throttled: on to one that can take it now, without an attempt counted; not to one that is down', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reply = () => ({ status: ESME.RTHROTTLED });
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      next: '{ throttled: true, down: false }',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    await p.submit(text('one'));
    await p.delivered(1);
    expect([textsOf(a), textsOf(b)]).toEqual([['one'], ['one']]);
    expect((await recordsOf(n))[0]).toMatchObject({ carrier: 'b', attempts: 0, state: 'DELIVERED' });
    const { port } = b;
    await b.stop();
    await until('b down', () => n.gw.carriers.get('b')!.up === false);
    a.reply = () => (a.submits.length < 4 ? { status: ESME.RTHROTTLED } : {});
    await p.submit(text('two'));
    await p.delivered(2);
    expect(
      textsOf(a)
        .slice(1)
        .every((t) => t === 'two'),
    ).toBe(true);
    expect(port).toBeGreaterThan(0);
  });

  it('a code of the set: a long message goes on whole, once all its segments are refused', async () => {
    const [a, b] = [await rig.smsc(), await rig.sim({ protocol: 'smpp' })];
    a.reply = () => ({ status: 0x401, wait: 5 * (a.submits.length % 4) });
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      next: '{ codes: [ 1025 ] }',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    await p.submit({ short_message: Buffer.alloc(0), message_payload: Buffer.from('z'.repeat(450)) });
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'DELIVRD' });
    expect(a.submits).toHaveLength(3);
    expect(b.books.messages.map((m) => m.text)).toEqual(['z'.repeat(450)]);
    const [record] = await recordsOf(n);
    expect(record).toMatchObject({ carrier: 'b', segments: 3, state: 'DELIVERED' });
    expect(record!.trace.map((t) => [t.carrier, t.outcome])).toEqual([
      ['a', 'refused 0x00000401:1025'],
      ['a', 'refused 0x00000401:1025'],
      ['a', 'refused 0x00000401:1025'],
    ]);
  });

  it('a code of the set for one segment of which another was taken: it cannot go on, since it would live twice', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reply = () => (a.submits.length === 2 ? { status: 0x401 } : {});
    a.reportAfter = undefined;
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      next: '{ codes: [ 1025 ] }',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    await p.submit({ short_message: Buffer.alloc(0), message_payload: Buffer.from('z'.repeat(450)) });
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'UNDELIV', err: '025' });
    expect(receipt!.additional_status_info_text).toMatch(/^0x00000401:1025/);
    expect(b.submits).toHaveLength(0);
  });

  it('a failed report within T: on to the next carrier; after T it is final', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reportAfter = undefined;
    const n = await rig.node({
      carriers: [carrier('a', a), carrier('b', b)],
      rules: `[ { steps: ${steps('a', 'b')} } ]`,
      next: '{ reportFailedWithin: 500ms }',
    });
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    await p.submit(text('soon'));
    await until('at a', () => a.submits.length === 1);
    await a.report(a.submits[0]!.pdu, '1000', 'UNDELIV', '042');
    const [first] = await p.delivered(1);
    expect(receiptOf(first!)).toMatchObject({ stat: 'DELIVRD' });
    expect(textsOf(b)).toEqual(['soon']);

    await p.submit(text('later'));
    await until('at a', () => a.submits.length === 2);
    const sentAt = Date.now();
    await until('T is over', () => Date.now() - sentAt > 600);
    await a.report(a.submits[1]!.pdu, '1001', 'UNDELIV', '042');
    const second = (await p.delivered(2))[1]!;
    expect(receiptOf(second)).toMatchObject({ stat: 'UNDELIV', err: '042' });
    expect(b.submits).toHaveLength(1);
    const [one] = (await recordsOf(n)).filter((r) => r.state === 'DELIVERED');
    expect(one!.trace.map((t) => t.outcome)).toEqual(['reported 042']);
  });
});

describe('the priority lane', () => {
  it('passes bulk, and bulk has its share', async () => {
    const a = await rig.smsc();
    a.reply = () => undefined;
    const n = await rig.node({
      carriers: [carrier('a', a, 'window: 1')],
      accounts: ['name: codes, systemId: codes, password: { demo: secret }, route: main, priority: high'],
    });
    await carrierUp(n, 'a');
    const [bulk, codes] = [await rig.platform(n.port), await rig.platform(n.port, { systemId: 'codes' })];
    await bulk.submit(text('first'));
    await Promise.all(Array.from({ length: 20 }, (_, i) => bulk.submit(text(`b${i}`))));
    await Promise.all(Array.from({ length: 12 }, (_, i) => codes.submit(text(`u${i}`))));
    await bulk.submit({ priority_flag: 1, ...text('flagged') });
    const c = n.gw.carriers.get('a')!;
    await until('all queued', () => c.queued === 33);
    a.reply = () => ({});
    // The first one is answered by hand; the others flow after it.
    const [first] = a.submits;
    first!.session.send(first!.pdu.response({ message_id: 'x' }));
    await until('all at the carrier', () => a.submits.length === 34);
    const order = textsOf(a).slice(1);
    const urgent = (t: string): boolean => t.startsWith('u') || t === 'flagged';
    // Four in five while both wait.
    for (let i = 0; i + 5 <= 15; i++) expect(order.slice(i, i + 5).filter((t) => !urgent(t)).length).toBe(1);
    expect(order.lastIndexOf('flagged')).toBeLessThan(17);
    expect(order.filter(urgent)).toEqual([...Array.from({ length: 12 }, (_, i) => `u${i}`), 'flagged']);
    expect(order.filter((t) => !urgent(t))).toEqual(Array.from({ length: 20 }, (_, i) => `b${i}`));
  });

  it('keeps its share when the rate is the limit', async () => {
    const a = await rig.smsc();
    const n = await rig.node({
      carriers: [carrier('a', a, 'window: 100, throughput: 10')],
      accounts: ['name: codes, systemId: codes, password: { demo: secret }, route: main, priority: high'],
    });
    await carrierUp(n, 'a');
    const [bulk, codes] = [await rig.platform(n.port), await rig.platform(n.port, { systemId: 'codes' })];
    await Promise.all(Array.from({ length: 20 }, (_, i) => bulk.submit(text(`b${i}`))));
    await Promise.all(Array.from({ length: 20 }, (_, i) => codes.submit(text(`u${i}`))));
    await until('two seconds of it', () => a.submits.length >= 30);
    // The first ten went while no code was there; of the next twenty four in five are codes.
    const urgent = textsOf(a)
      .slice(10, 30)
      .filter((t) => t.startsWith('u'));
    expect(urgent).toHaveLength(16);
  });
});
