import smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { freeze } from '../src/gateway/state.ts';
import { readBatch, sent } from '../src/store/events.ts';
import { until } from './support/node.ts';
import { carrierUp, kept, receiptOf, recordsOf, type Smsc, textsOf, useRig } from './support/rig.ts';

const rig = useRig();

const carrier = (smsc: Pick<Smsc, 'port'>, more?: string) => ({
  name: 'a',
  protocol: 'smpp' as const,
  port: smsc.port,
  ...(more === undefined ? {} : { more }),
});
const text = (s: string) => ({ short_message: Buffer.from(s) });
const long = (n: number) => ({ short_message: Buffer.alloc(0), message_payload: Buffer.from('x'.repeat(n)) });

/** One node with one carrier whose reports the test makes. */
async function oneCarrier(more = '', setup: Partial<Parameters<typeof rig.node>[0]> = {}) {
  const a = await rig.smsc();
  a.reportAfter = undefined;
  const n = await rig.node({ carriers: [carrier(a, more === '' ? undefined : more)], ...setup });
  await carrierUp(n, 'a');
  return { a, n, p: await rig.platform(n.port), c: n.gw.carriers.get('a')! };
}

describe('a report and its message', () => {
  it('before the answer: parked, matched when it comes, one receipt (quirk 11)', async () => {
    const { a, n, p, c } = await oneCarrier();
    a.reply = () => ({ id: 'AbC7', wait: 100 });
    const answer = p.submit();
    await until('at the carrier', () => a.submits.length === 1);
    expect((await a.report(a.submits[0]!.pdu, 'AbC7')).command_status).toBe(0);
    expect(n.gw.state.parked.size).toBe(1);
    await answer;
    await p.delivered(1);
    expect(receiptOf(p.delivers[0]!)).toMatchObject({ id: (await answer).message_id, stat: 'DELIVRD' });
    expect(n.gw.state.parked.size).toBe(0);
    expect(c.counters).toMatchObject({ reportsParked: 1, reportsMatchedLate: 1, reportsDuplicate: 0 });
  });

  it('twice, also after the message is gone: one receipt, both answered (quirk 14)', async () => {
    const { a, n, p, c } = await oneCarrier();
    await p.submit();
    await until('at the carrier', () => a.submits.length === 1);
    await Promise.all([a.report(a.submits[0]!.pdu, '1000'), a.report(a.submits[0]!.pdu, '1000')]);
    await p.delivered(1);
    await until('gone', () => kept(n) === 0);
    await a.report(a.submits[0]!.pdu, '1000');
    expect(a.answers).toEqual([0, 0, 0]);
    expect(c.counters.reportsDuplicate).toBe(2);
    expect(n.gw.state.parked.size).toBe(0);
    expect(p.delivers).toHaveLength(1);
  });

  it('on another bind of the carrier (quirk 13)', async () => {
    const { a, p, c } = await oneCarrier('binds: 2');
    await until('both', () => c.binds.length === 2);
    await p.submit();
    await until('at the carrier', () => a.submits.length === 1);
    const { pdu, session } = a.submits[0]!;
    const other = [...a.sessions].find((s) => s !== session)!;
    await a.deliver(
      {
        esm_class: 4,
        source_addr: pdu.destination_addr,
        receipted_message_id: '1000',
        message_state: 2,
        short_message: Buffer.from('id:1000 stat:DELIVRD err:000'),
      },
      other,
    );
    await p.delivered(1);
  });

  it('late answer: the message was sent again meanwhile, and the report of either copy counts (quirk 15)', async () => {
    const { a, n, p, c } = await oneCarrier('responseTimeout: 300ms');
    // The first send is answered after its time, the second one in time.
    a.reply = () => (a.submits.length === 1 ? { id: '7001', wait: 900 } : { id: '7002', wait: 0 });
    await p.submit(text('one'));
    await until('late', () => c.counters.late === 1);
    expect(textsOf(a)).toEqual(['one', 'one']);
    await a.report(a.submits[0]!.pdu, '7001');
    await p.delivered(1);
    await a.report(a.submits[1]!.pdu, '7002');
    expect(n.gw.state.parked.size).toBe(0);
    expect(p.delivers).toHaveLength(1);
    expect((await recordsOf(n))[0]).toMatchObject({ possibleDuplicate: true, state: 'DELIVERED', attempts: 1 });
  });

  it('late answer before that of the copy: the second id is not lost', async () => {
    const { a, p, c } = await oneCarrier('responseTimeout: 300ms');
    a.reply = () => (a.submits.length === 1 ? { id: '7001', wait: 500 } : { id: '7002', wait: 280 });
    await p.submit(text('one'));
    await until('both answers', () => c.counters.late === 2 || (c.counters.late === 1 && c.counters.accepted === 1));
    await a.report(a.submits[1]!.pdu, '7002');
    await p.delivered(1);
    expect(receiptOf(p.delivers[0]!).stat).toBe('DELIVRD');
  });

  it('after a restart, with the answer before it', async () => {
    const data = rig.folder();
    const { a, n, p } = await oneCarrier('', { data });
    const { message_id: id } = await p.submit({ ...text('one'), user_message_reference: 7 });
    await until('waiting', () => [...n.gw.state.active.values()].some((m) => m.stage === 3));
    await n.stop();
    const again = await rig.node({ carriers: [carrier(a)], data });
    await carrierUp(again, 'a');
    expect(kept(again)).toBe(1);
    await a.report(a.submits[0]!.pdu, '1000');
    const q = await rig.platform(again.port);
    await q.delivered(1);
    expect(receiptOf(q.delivers[0]!)).toMatchObject({ id, stat: 'DELIVRD' });
    expect(a.submits).toHaveLength(1);
    await until('done', () => kept(again) === 0);
  });

  it('unmatched: kept, bounded, the oldest gives way', async () => {
    const { a, n } = await oneCarrier('', { store: 'parkedMax: 5' });
    const pdu = { destination_addr: '13800000001', source_addr: '1069' } as smpp.PDU;
    for (let i = 0; i < 8; i++) expect((await a.report(pdu, `u${i}`)).command_status).toBe(0);
    expect([...n.gw.state.parked.values()].map((r) => r.carrierId)).toEqual(['u3', 'u4', 'u5', 'u6', 'u7']);
    expect(n.gw.counters.parkedDropped).toBe(3);
  });

  it('window over without a report: UNKNOWN, with a receipt; a report after it is known', async () => {
    const { a, n, p } = await oneCarrier('receiptWindow: 400ms');
    await p.submit();
    await p.delivered(1);
    expect(receiptOf(p.delivers[0]!)).toMatchObject({ stat: 'UNKNOWN' });
    expect((await recordsOf(n))[0]).toMatchObject({
      state: 'UNKNOWN',
      reason: 'no report within the receipt window of a',
    });
    await a.report(a.submits[0]!.pdu, '1000');
    expect(n.gw.state.parked.size).toBe(0);
  });
});

describe('ids', () => {
  it('hexadecimal in the answer, decimal in the report: learned, and shown; ambiguous ids are told by the number (quirks 1, 3)', async () => {
    const { a, n, p } = await oneCarrier();
    let next = 0x10;
    a.reply = () => ({ id: (next++).toString(16) });
    const ids: string[] = [];
    for (let i = 0; i < 24; i++) ids.push((await p.submit({ destination_addr: `1380000${1000 + i}` })).message_id);
    await until('all there', () => a.submits.length === 24);
    // 0x10 is reported as 16, which is also how the answer of 0x16 is written.
    for (const [i, s] of a.submits.entries()) await a.report(s.pdu, String(0x10 + i).padStart(10, '0'));
    await p.delivered(24);
    const told = p.delivers.map((d) => [receiptOf(d).id, d.source_addr]);
    expect(told).toEqual(ids.map((id, i) => [id, `1380000${1000 + i}`]));
    expect(n.gw.state.learned.get('a')).toMatchObject({ form: 'hexToDecimal' });
    expect(n.gw.state.learned.get('a')!.matches).toBeGreaterThanOrEqual(3);
    expect(n.gw.state.parked.size).toBe(0);
  });

  it('learned from reports that came first, and known after a restart', async () => {
    const data = rig.folder();
    const { a, n, p } = await oneCarrier('', { data });
    let next = 0xa0;
    a.reply = () => ({ id: (next++).toString(16).toUpperCase(), wait: 30 });
    for (let i = 0; i < 4; i++) {
      const answer = p.submit({ destination_addr: `1380000100${i}` });
      await until('there', () => a.submits.length === i + 1);
      await a.report(a.submits[i]!.pdu, String(0xa0 + i));
      await answer;
    }
    await p.delivered(4);
    expect(n.gw.state.learned.get('a')).toEqual({ form: 'hexToDecimal', matches: 3 });
    await n.stop();
    const again = await rig.node({ carriers: [carrier(a)], data });
    expect(again.gw.state.learned.get('a')).toEqual({ form: 'hexToDecimal', matches: 3 });
  });

  it('exact where it is set: another case is not the same', async () => {
    const { a, n, p } = await oneCarrier('idForm: exact');
    a.reply = () => ({ id: 'abc-1' });
    await p.submit();
    await until('there', () => a.submits.length === 1);
    await a.report(a.submits[0]!.pdu, 'ABC-1');
    expect(n.gw.state.parked.size).toBe(1);
    await a.report(a.submits[0]!.pdu, 'abc-1');
    await p.delivered(1);
  });
});

describe('receipts of long messages', () => {
  it.each([
    ['all', ['DELIVRD', 'UNDELIV', 'DELIVRD'], 3, 'UNDELIV'],
    ['all', ['DELIVRD', 'DELIVRD', 'DELIVRD'], 3, 'DELIVRD'],
    ['firstFailure', ['DELIVRD', 'EXPIRED', 'UNDELIV'], 2, 'EXPIRED'],
    ['last', ['UNDELIV', 'EXPIRED', 'DELIVRD'], 3, 'DELIVRD'],
    ['worst', ['EXPIRED', 'UNDELIV', 'REJECTD'], 3, 'UNDELIV'],
  ])('%s: %j', async (policy, states, after, final) => {
    const { a, n, p } = await oneCarrier('', { account: `receipts: { join: ${policy} }` });
    const { message_id: id } = await p.submit(long(450));
    await until('three', () => a.submits.length === 3);
    for (const [i, s] of a.submits.entries()) {
      await a.report(s.pdu, String(1000 + i), states[i], `00${i}`);
      if (i + 1 < after) expect(p.delivers).toHaveLength(0);
      else await p.delivered(1);
    }
    await until('gone', () => kept(n) === 0);
    expect(p.delivers.map((d) => [receiptOf(d).id, receiptOf(d).stat])).toEqual([[id, final]]);
    // Reports after the end are no strangers.
    expect(n.gw.state.parked.size).toBe(0);
  });

  it('segments of the platform’s own get one each, with their own ids, and arrive untouched', async () => {
    const { a, n, p } = await oneCarrier('coding: [gsm7, ucs2]');
    const udh = (k: number) => Buffer.from([5, 0, 3, 0x2a, 2, k]);
    const ids: string[] = [];
    for (const k of [1, 2]) {
      const answer = await p.submit({
        esm_class: 0x40,
        short_message: Buffer.concat([udh(k), Buffer.from(`part ${k}`)]),
      });
      ids.push(answer.message_id);
    }
    for (const k of [1, 2]) {
      const answer = await p.submit({
        ...text(`sar ${k}`),
        sar_msg_ref_num: 0x1234,
        sar_total_segments: 2,
        sar_segment_seqnum: k,
      });
      ids.push(answer.message_id);
    }
    await until('all', () => a.submits.length === 4);
    for (const [i, s] of a.submits.entries()) await a.report(s.pdu, String(1000 + i));
    await p.delivered(4);
    expect(new Set(ids).size).toBe(4);
    expect(p.delivers.map((d) => receiptOf(d).id)).toEqual(ids);
    expect(a.submits.map((s) => [s.pdu.esm_class & 0x40, s.pdu.short_message.toString('latin1')])).toEqual([
      [0x40, '\x05\x00\x03\x2a\x02\x01part 1'],
      [0x40, '\x05\x00\x03\x2a\x02\x02part 2'],
      [0x40, '\x06\x08\x04\x12\x34\x02\x01sar 1'],
      [0x40, '\x06\x08\x04\x12\x34\x02\x02sar 2'],
    ]);
    await until('gone', () => kept(n) === 0);
  });
});

describe('the outbox of a platform', () => {
  it('keeps receipts while it is away and drains in order through its window at the next bind', async () => {
    const { a, n, p } = await oneCarrier('', { account: 'window: 2' });
    a.reportAfter = undefined;
    a.reply = (pdu) => ({ id: pdu.short_message.toString() });
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push((await p.submit(text(`m${i}`))).message_id);
    await until('all at the carrier', () => a.submits.length === 10);
    await p.unbind();
    // Only now: one that the platform takes as it leaves may be told again.
    for (const { pdu } of a.submits) await a.report(pdu, pdu.short_message.toString());
    const account = n.gw.accounts.get('acme')!;
    await until('all wait', () => account.outbox.length === 10);
    // Two unanswered at most: the third comes when the first is answered.
    const q = await rig.platform(n.port, { mode: 'receiver', answer: () => undefined });
    await q.delivered(2);
    expect(account).toMatchObject({ inFlight: 2 });
    expect(q.delivers).toHaveLength(2);
    q.answer = () => 0;
    for (const d of q.delivers) q.session.send(d.response({ command_status: 0 }));
    await until('all', () => q.delivers.length === 10);
    expect(q.delivers.map((d) => receiptOf(d).id)).toEqual(ids);
    await until('empty', () => kept(n) === 0 && account.inFlight === 0);
  });

  it('tells again what was not answered, and after "later"; not what was refused for good', async () => {
    const { a, n, p } = await oneCarrier();
    a.reportAfter = 0;
    const statuses = [0x64, 0x14, 0];
    p.answer = () => statuses.shift() ?? 0x65;
    await p.submit();
    await p.delivered(3);
    await until('closed', () => kept(n) === 0);
    await p.submit();
    await p.delivered(4);
    await until('given up', () => kept(n) === 0);
    const account = n.gw.accounts.get('acme')!;
    expect(account.counters).toMatchObject({ receipts: 1, receiptsRetried: 2, receiptsRefused: 1 });
    // Cut off with a receipt unanswered.
    p.answer = () => undefined;
    await p.submit();
    await p.delivered(5);
    p.session.destroy();
    const q = await rig.platform(n.port);
    await q.delivered(1);
    expect(receiptOf(q.delivers[0]!).id).toBe(receiptOf(p.delivers[4]!).id);
  });

  it('a late answer of the platform: taken means taken, an error means told again', async () => {
    const { a, n, p } = await oneCarrier('', { listener: 'responseTimeout: 300ms' });
    a.reportAfter = 0;
    const late = async (status: number) => {
      const before = p.delivers.length;
      p.answer = () => undefined;
      await p.submit();
      await p.delivered(before + 2); // told again after the first time ran out
      p.session.send(p.delivers[before]!.response({ command_status: status }));
    };
    await late(0);
    await until('closed', () => kept(n) === 0);
    await late(0x58);
    await p.request('enquire_link');
    expect(kept(n)).toBe(1);
    p.answer = () => 0;
    await until('closed', () => kept(n) === 0);
  });

  it('to the submitting bind where the account says so, and to any when it is gone', async () => {
    const { a, n, p } = await oneCarrier('', { account: 'receipts: { to: submitter }', store: 'hotMessages: 100000' });
    a.reportAfter = 400;
    const q = await rig.platform(n.port);
    const [ofP, ofQ]: [string[], string[]] = [[], []];
    for (let i = 0; i < 6; i++) {
      ofP.push((await p.submit()).message_id);
      ofQ.push((await q.submit()).message_id);
    }
    // Also of messages that waited as octets.
    await until(
      'all answered',
      () => a.submits.length === 12 && [...n.gw.state.active.values()].every((m) => m.stage === 3),
    );
    for (const m of [...n.gw.state.active.values()]) freeze(n.gw.state, m);
    expect(n.gw.state.frozen.count).toBeGreaterThan(5);
    await Promise.all([p.delivered(6), q.delivered(6)]);
    expect(p.delivers.map((d) => receiptOf(d).id)).toEqual(ofP);
    expect(q.delivers.map((d) => receiptOf(d).id)).toEqual(ofQ);
    a.reportAfter = 200;
    const { message_id: id } = await q.submit();
    await q.unbind();
    await p.delivered(7);
    expect(receiptOf(p.delivers[6]!).id).toBe(id);
  });

  it('keeps a receipt as long as the account says', async () => {
    const { a, n, p } = await oneCarrier('', { account: 'receipts: { keep: 1s }' });
    a.reportAfter = 50;
    await p.submit();
    await p.unbind();
    const account = n.gw.accounts.get('acme')!;
    await until('waits', () => account.outbox.length === 1);
    await until('given up', () => account.counters.receiptsExpired === 1);
    expect(kept(n)).toBe(0);
    await until('out of the outbox', () => account.outbox.length === 0);
  });
});

describe('messages from mobiles', () => {
  it('by the longest prefix of the called number; kept while the platform is away; without an account refused', async () => {
    const { a, n, p } = await oneCarrier('tlvs: [user_message_reference, source_port]', {
      account: 'mo: ["1069"], tlvs: [user_message_reference]',
      accounts: ['name: other, systemId: other, password: { demo: secret }, route: main, mo: ["10690001"]'],
    });
    const mo = (to: string, s: string) =>
      a.deliver({
        source_addr: '8613800000001',
        destination_addr: to,
        short_message: Buffer.from(s),
        user_message_reference: 9,
        source_port: 5,
      });
    expect((await mo('1069555', 'to acme')).command_status).toBe(0);
    expect((await mo('106900017', 'to other')).command_status).toBe(0);
    expect((await mo('95555', 'to nobody')).command_status).toBe(0x65);
    await p.delivered(1);
    expect(p.delivers[0]).toMatchObject({
      source_addr: '8613800000001',
      destination_addr: '1069555',
      esm_class: 0,
      user_message_reference: 9,
    });
    expect(p.delivers[0]!.source_port).toBeUndefined();
    const other = n.gw.accounts.get('other')!;
    expect(other.outbox.length).toBe(1);
    const q = await rig.platform(n.port, { systemId: 'other' });
    await q.delivered(1);
    expect(q.delivers[0]!.short_message.toString()).toBe('to other');
    await until('gone', () => kept(n) === 0);
    const records = await recordsOf(n);
    expect(records.map((r) => [r.kind, r.account, r.state]).sort()).toEqual([
      ['MO', 'acme', 'DELIVERED'],
      ['MO', 'other', 'DELIVERED'],
    ]);
  });

  it('survive a restart, in order', async () => {
    const data = rig.folder();
    const { a, n, p } = await oneCarrier('mo: { account: acme }', { data });
    await p.unbind();
    for (let i = 0; i < 5; i++)
      await a.deliver({ source_addr: '13800000001', destination_addr: '1', short_message: Buffer.from(`mo${i}`) });
    await n.stop();
    const again = await rig.node({ carriers: [carrier(a)], data });
    const q = await rig.platform(again.port);
    await q.delivered(5);
    expect(q.delivers.map((d) => d.short_message.toString())).toEqual(['mo0', 'mo1', 'mo2', 'mo3', 'mo4']);
  });
});

describe('optional parameters', () => {
  it('on the allow-lists they pass, to the carrier and into the receipt; others are dropped (quirk 57)', async () => {
    if (smpp.tlvs.vendor === undefined) smpp.addTLV('vendor', { id: 0x1501, type: smpp.types.tlv!.buffer! });
    const { a, p } = await oneCarrier('tlvs: [user_message_reference, 0x1501]', {
      account: 'tlvs: [user_message_reference, 0x1501, source_port]',
    });
    await p.submit({
      user_message_reference: 77,
      vendor: Buffer.from('v1'),
      source_port: 5,
      dest_addr_subunit: 1,
      service_type: 'CMT',
    });
    await until('there', () => a.submits.length === 1);
    const { pdu } = a.submits[0]!;
    expect(pdu).toMatchObject({ user_message_reference: 77, service_type: 'CMT' });
    expect(pdu.vendor).toEqual(Buffer.from('v1'));
    expect([pdu.source_port, pdu.dest_addr_subunit]).toEqual([undefined, undefined]);
    await a.report(pdu, '1000');
    await p.delivered(1);
    const receipt = p.delivers[0]!;
    expect(receipt).toMatchObject({ user_message_reference: 77, source_port: 5, service_type: 'CMT' });
    expect(receipt.vendor).toEqual(Buffer.from('v1'));
    expect(receipt.dest_addr_subunit).toBeUndefined();
  });
});

describe('outcome unknown', () => {
  it('resend: once, flagged, and the second time UNKNOWN (quirks 15, 72)', async () => {
    const { a, n, p } = await oneCarrier('responseTimeout: 200ms');
    a.reply = (pdu) => (pdu.short_message.toString() === 'never' ? undefined : {});
    await p.submit(text('never'));
    await p.delivered(1);
    expect(textsOf(a)).toEqual(['never', 'never']);
    expect(receiptOf(p.delivers[0]!)).toMatchObject({ stat: 'UNKNOWN' });
    const [record] = await recordsOf(n);
    expect(record).toMatchObject({
      possibleDuplicate: true,
      state: 'UNKNOWN',
      attempts: 2,
      reason: 'outcome unknown: no answer',
    });
    expect(record!.trace.map((t) => t.outcome)).toEqual(['no answer', 'no answer']);
  });

  it('resend after a lost bind keeps the order, and stays with its carrier', async () => {
    const { a, n, p } = await oneCarrier('window: 4');
    a.reply = () => undefined;
    await Promise.all(['m0', 'm1', 'm2', 'm3', 'm4', 'm5'].map((t) => p.submit(text(t))));
    await until('the window is full', () => a.submits.length === 4);
    a.reply = () => ({});
    a.dropAll();
    await until('all again', () => a.submits.length === 10);
    expect(textsOf(a).slice(4)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
    expect(n.gw.carriers.get('a')!.counters).toMatchObject({ lost: 4, resent: 4 });
  });

  it('fail: never a second time; the intent is on disk before the octets leave, and the window holds', async () => {
    const data = rig.folder();
    const { a, n, p } = await oneCarrier('window: 4, onUnknown: fail', { data, store: 'commitDelay: 20ms' });
    const intents: number[] = [];
    a.reply = () => {
      let onDisk = 0;
      n.engine.journal.replay((_, b) => readBatch(Buffer.from(b), (kind) => kind === sent.id && onDisk++));
      intents.push(onDisk);
      return undefined;
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => p.submit(text(`m${i}`))));
    await until('the window is full', () => a.submits.length === 4);
    for (const [i, onDisk] of intents.entries()) expect(onDisk).toBeGreaterThan(i);
    await p.request('enquire_link');
    expect(n.gw.carriers.get('a')!.queued).toBe(8);
    a.reply = () => ({});
    a.reportAfter = 0;
    a.dropAll();
    await p.delivered(12);
    expect(textsOf(a)).toEqual(Array.from({ length: 12 }, (_, i) => `m${i}`));
    const stats = p.delivers.map((d) => receiptOf(d).stat).sort();
    expect(stats).toEqual([...Array(8).fill('DELIVRD'), ...Array(4).fill('UNKNOWN')]);
    const failed = (await recordsOf(n)).filter((r) => r.state === 'UNKNOWN');
    expect(failed.map((r) => r.possibleDuplicate)).toEqual([false, false, false, false]);
  });
});
