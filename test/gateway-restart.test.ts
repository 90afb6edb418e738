import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { ACCEPTED, AWAITING, MT } from '../src/message/message.ts';
import { EVENT_HEAD, FORMAT, plans, readBatch, writeEvent } from '../src/store/events.ts';
import { openLmdb } from '../src/store/lmdb.ts';
import { configOf, type Setup, until } from './support/node.ts';
import { carrierUp, kept, receiptOf, recordsOf, type Smsc, textsOf, useRig } from './support/rig.ts';

const rig = useRig();

const carrier = (smsc: Pick<Smsc, 'port'>, more?: string, name = 'a') => ({
  name,
  protocol: 'smpp' as const,
  port: smsc.port,
  ...(more === undefined ? {} : { more }),
});
/** An event as the journal has it. */
function eventOf<F extends Fields>(plan: Plan<F>, part: Partial<Values<F>>): Buffer {
  const value = plan.fill(part);
  const b = Buffer.alloc(EVENT_HEAD + plan.size(value));
  writeEvent(plan, value, b, 0);
  return b;
}

const text = (s: string) => ({ short_message: Buffer.from(s) });
const numbered = (n: number) => Array.from({ length: n }, (_, i) => `m${i}`);

describe('a clean stop and a start', () => {
  it('lose nothing, send nothing twice, and leave a short journal', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    a.reportAfter = undefined;
    const setup = { carriers: [carrier(a, 'window: 4')], data };
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    // Some done, some waiting for reports, some queued, one scheduled, one receipt untold, one report unmatched.
    for (const t of numbered(20)) await p.submit(text(t));
    await until('all there', () => a.submits.length === 20);
    for (let i = 0; i < 10; i++) await a.report(a.submits[i]!.pdu, String(1000 + i));
    await p.delivered(10);
    p.answer = () => undefined;
    await a.report(a.submits[10]!.pdu, '1010');
    await p.delivered(11);
    await a.report(a.submits[0]!.pdu, 'stranger');
    a.reply = () => undefined;
    await p.submit({ ...text('scheduled'), schedule_delivery_time: '000000000002000R' });
    for (const t of ['q0', 'q1', 'q2', 'q3', 'q4', 'q5']) await p.submit(text(t));
    await until('window full', () => a.submits.length === 24);
    a.reply = () => ({});
    // Answers for what is in flight come while the node stops.
    const stopping = n.stop(2000);
    for (const [i, s] of a.submits.slice(20).entries())
      s.session.send(s.pdu.response({ message_id: String(1020 + i) }));
    await stopping;

    const again = await rig.node(setup);
    expect(again.recovery.batches).toBeLessThanOrEqual(4);
    expect(again.recovery.messages).toBe(9 + 1 + 1 + 6);
    expect(again.gw.state.parked.size).toBe(1);
    expect(again.gw.counters).toMatchObject({ resentAfterRestart: 0, failedAfterRestart: 0 });
    await carrierUp(again, 'a');
    const q = await rig.platform(again.port);
    await q.delivered(1);
    await until('all sent', () => a.submits.length === 27);
    expect(textsOf(a)).toEqual([...numbered(20), 'q0', 'q1', 'q2', 'q3', 'q4', 'q5', 'scheduled']);
    const ids = [...Array.from({ length: 14 }, (_, i) => 1010 + i)];
    for (const [i, s] of a.submits.slice(10, 24).entries()) if (i > 0) await a.report(s.pdu, String(ids[i]));
    await q.delivered(14);
    expect(new Set(q.delivers.map((d) => receiptOf(d).id)).size).toBe(14);
    await again.stop();
    let events = 0;
    const third = await rig.node(setup);
    third.engine.journal.replay((_, b) => readBatch(Buffer.from(b), () => events++));
    expect(events).toBeLessThan(40);
    const records = await recordsOf(third);
    expect(new Set(records.map((r) => r.id)).size).toBe(records.length);
    expect(records).toHaveLength(10 + 14);
  });

  it('an idle node writes nothing', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a)] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    for (const t of numbered(50)) await p.submit(text(t));
    await p.delivered(50);
    await until('done', () => kept(n) === 0);
    let last = -1;
    await until('quiet', () => {
      const still = n.gw.batch.counters.commits === last;
      last = n.gw.batch.counters.commits;
      return still && n.gw.batch.waiting <= 1;
    });
    const { commits } = n.gw.batch.counters;
    const at = Date.now();
    await until('some ticks', () => Date.now() - at > 400);
    expect(n.gw.batch.counters.commits - commits).toBeLessThanOrEqual(1);
  });
});

describe('the checkpoint', () => {
  it('rolls while messages wait: the journal stays short and a restart finds all of them', async () => {
    const data = rig.folder();
    const a = await rig.sim({ protocol: 'smpp', behaviour: { reports: { probability: 0, states: { DELIVERED: 1 } } } });
    const setup = { carriers: [carrier(a, 'window: 100')], data, store: 'journalKeep: 1KiB' };
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    for (let k = 0; k < 30; k++) await Promise.all(numbered(100).map((t) => p.submit(text(t))));
    await until('all there', () => a.books.counts.accepted === 3000);
    await until('carried', () => n.gw.counters.carried > 500);
    await until('trimmed', () => n.engine.journal.first > 1);
    await n.stop();
    const again = await rig.node(setup);
    expect(again.recovery.messages).toBe(3000);
    expect(again.gw.state.frozen.count).toBe(3000);
  });
});

describe('the cold index', () => {
  it('reports after cooling match, due ones end, a restart in between', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    a.reportAfter = undefined;
    const setup = { carriers: [carrier(a, 'receiptWindow: 4s')], data };
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const ids: string[] = [];
    for (const t of numbered(6)) ids.push((await p.submit(text(t))).message_id);
    ids.push((await p.submit({ short_message: Buffer.alloc(0), message_payload: Buffer.alloc(300, 'x') })).message_id);
    await until('all there', () => a.submits.length === 8);
    await until('all answered', () => [...n.gw.state.active.values()].every((m) => m.stage === 3));
    await n.stop();

    const cooling = await rig.node({ ...setup, store: 'coldAfter: 50ms' });
    await carrierUp(cooling, 'a');
    const q = await rig.platform(cooling.port);
    await until('cold', () => cooling.gw.cold.count === 7 && kept(cooling) === 0);
    // Found by its report, by query_sm, and a second time known.
    await a.report(a.submits[0]!.pdu, '1000');
    await q.delivered(1);
    expect((await q.request('query_sm', { message_id: ids[1], source_addr: '10690000' })).message_state).toBe(1);
    await a.report(a.submits[0]!.pdu, '1000');
    expect(cooling.gw.state.parked.size).toBe(0);
    await until('taken out', () => cooling.gw.cold.count === 6);
    await a.report(a.submits[6]!.pdu, '1006'); // first half of the long one
    await cooling.stop();

    const third = await rig.node({ ...setup, store: 'coldAfter: 50ms' });
    await carrierUp(third, 'a');
    const r = await rig.platform(third.port);
    await a.report(a.submits[1]!.pdu, '1001');
    await a.report(a.submits[7]!.pdu, '1007', 'UNDELIV', '003');
    await r.delivered(2);
    expect(r.delivers.map((d) => [receiptOf(d).id, receiptOf(d).stat]).sort()).toEqual([
      [ids[1], 'DELIVRD'],
      [ids[6], 'UNDELIV'],
    ]);
    // The four that are left end by their receipt window.
    await r.delivered(6);
    expect(r.delivers.slice(2).map((d) => receiptOf(d).stat)).toEqual(Array(4).fill('UNKNOWN'));
    await until('all gone', () => kept(third) === 0 && third.gw.cold.count === 0);
    expect(third.gw.state.parked.size).toBe(0);
  });

  it('forgets a message whose end is in the journal: a crash fell between the commits of the two', async () => {
    const data = rig.folder();
    const id = 1_000_001;
    const message = { id, kind: MT, account: 'acme', destination: '13800138000', validUntil: 4_000_000_000_000 };
    const events = [
      eventOf(plans.accepted, message),
      eventOf(plans.ended, { id, state: ACCEPTED, at: 1_700_000_000_000 }),
    ];
    const record = plans.carried.fill({ ...message, stage: AWAITING });
    const octets = Buffer.alloc(plans.carried.size(record));
    plans.carried.encode(record, octets, 0);
    const store = openLmdb(join(data, 'store'));
    await store.journal.append({
      batch: Buffer.concat([Buffer.of(FORMAT), ...events]),
      coldPut: [{ id, keys: [Buffer.from('key')], due: 4_000_000_000_000, record: octets }],
      coldDelete: [],
      trimTo: 0,
    });
    expect(store.cold.count).toBe(1);
    await store.close();

    const n = await rig.node({ carriers: [carrier(await rig.smsc())], data });
    await until('forgotten', () => n.gw.cold.count === 0);
    expect((await recordsOf(n)).map((r) => [r.id, r.state])).toEqual([[id, 'ACCEPTED']]);
  });
});

describe('reload', () => {
  it('adds, changes and removes carriers and accounts and drops no bind that it does not concern', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    const setup: Setup = {
      data: rig.folder(),
      carriers: [carrier(a)],
      accounts: ['name: other, systemId: other, password: { demo: secret }, route: main'],
    };
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    const [p, q] = [await rig.platform(n.port), await rig.platform(n.port, { systemId: 'other' })];
    let dropped = 0;
    p.session.on('close', () => dropped++);
    const [session] = [...a.sessions];

    // A carrier more, the first one with a smaller window; an account gone, which is still owed a receipt.
    a.reportAfter = undefined;
    const { message_id: owed } = await q.submit(text('owed'));
    await until('there', () => a.submits.length === 1);
    const next = configOf({
      ...setup,
      carriers: [carrier(a, 'window: 3'), carrier(b, undefined, 'b')],
      accounts: ['name: third, systemId: third, password: { demo: secret }, route: main'],
    });
    await n.reload({ ...next, listeners: n.config.listeners });
    await carrierUp(n, 'b');
    expect(n.gw.carriers.get('a')!.binds[0]!.session.windowSize).toBe(3);
    await until('other is unbound', () => n.gw.accounts.get('other')!.sessions.length === 0);
    await expect(rig.platform(n.port, { systemId: 'other' })).rejects.toThrow('bind refused');
    await a.report(a.submits[0]!.pdu, '1000');
    await until('owed', () => n.gw.accounts.get('other')!.outbox.length === 1);
    await rig.platform(n.port, { systemId: 'third' });

    // The account comes back and gets what it is owed.
    await n.reload({ ...configOf(setup), listeners: n.config.listeners });
    const again = await rig.platform(n.port, { systemId: 'other' });
    await again.delivered(1);
    expect(receiptOf(again.delivers[0]!).id).toBe(owed);
    await until('b is left', () => b.sessions.size === 0);
    expect(dropped).toBe(0);
    expect([...a.sessions]).toEqual([session]);
    await p.submit(text('still'));
    await until('still', () => textsOf(a).includes('still'));
  });

  it('a carrier that is to speak another protocol goes on as it is until the next start', async () => {
    const a = await rig.smsc();
    const setup: Setup = { data: rig.folder(), carriers: [carrier(a)] };
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    const [session] = [...a.sessions];
    const p = await rig.platform(n.port);
    const next = configOf({ ...setup, carriers: [{ name: 'a', protocol: 'cmpp', port: a.port }] });
    expect(await n.reload({ ...next, listeners: n.config.listeners })).toEqual(['carriers.a.protocol']);
    await p.submit(text('still'));
    await until('still', () => textsOf(a).includes('still'));
    expect([...a.sessions]).toEqual([session]);

    // Nor does it help to take it away first.
    const other = [carrier(await rig.smsc(), undefined, 'b')];
    await n.reload({ ...configOf({ ...setup, carriers: other }), listeners: n.config.listeners });
    await until('gone', () => a.sessions.size === 0);
    expect(await n.reload({ ...next, listeners: n.config.listeners })).toEqual(['carriers.a.protocol']);
    expect(n.dials.size).toBe(0);
    await n.reload({ ...configOf(setup), listeners: n.config.listeners });
    await carrierUp(n, 'a');
  });

  it('a carrier that is removed hands its queue to the others', async () => {
    const [a, b] = [await rig.smsc(), await rig.smsc()];
    a.reply = () => undefined;
    const two = '[ { steps: [ { carriers: [ { name: a } ] }, { carriers: [ { name: b } ] } ] } ]';
    const setup: Setup = {
      data: rig.folder(),
      carriers: [carrier(a, 'window: 1'), carrier(b, undefined, 'b')],
      rules: two,
      next: '{ down: false }',
    };
    const n = await rig.node(setup);
    await carrierUp(n, 'a', 'b');
    const p = await rig.platform(n.port);
    for (const t of numbered(5)) await p.submit(text(t));
    await until('queued', () => n.gw.carriers.get('a')!.queued === 4);
    await n.reload({
      ...configOf({
        ...setup,
        carriers: [carrier(b, undefined, 'b')],
        rules: '[ { steps: [ { carriers: [ { name: b } ] } ] } ]',
      }),
      listeners: n.config.listeners,
    });
    await p.delivered(4);
    expect(textsOf(b)).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(textsOf(a)).toEqual(['m0']);
  });
});
