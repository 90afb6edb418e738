import { describe, expect, it } from 'vitest';
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
const numbered = (n: number, prefix = 'm') => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

/** Most in any window of `ms`. */
function mostWithin(times: readonly number[], ms: number): number {
  let most = 0;
  for (let i = 0, j = 0; i < times.length; i++) {
    while (times[i]! - times[j]! >= ms) j++;
    most = Math.max(most, i - j + 1);
  }
  return most;
}

describe('throttling', () => {
  it.each([0x58, 0x14])(
    'code %i: order kept, no attempt counted, the bind slows down and recovers (quirks 74, 75)',
    async (status) => {
      const a = await rig.smsc();
      let busy = true;
      let refused = 0;
      const taken: string[] = [];
      a.reply = (pdu) => {
        if (busy) {
          refused++;
          return { status };
        }
        taken.push(pdu.short_message.toString());
        return {};
      };
      const n = await rig.node({ carriers: [carrier(a, 'window: 8')] });
      await carrierUp(n, 'a');
      const p = await rig.platform(n.port);
      const [bind] = n.gw.carriers.get('a')!.binds;
      let least = 8;
      const looking = setInterval(() => {
        least = Math.min(least, bind!.allowed);
      }, 1);
      await Promise.all(numbered(40).map((t) => p.submit(text(t))));
      // Busy no more while nothing is on its way, so that all answers of a window are alike.
      await until('slowed down', () => {
        if (refused >= 6 && bind!.session.windowUsed === 0) busy = false;
        return !busy;
      });
      await p.delivered(40);
      clearInterval(looking);
      expect(taken).toEqual(numbered(40));
      expect(least).toBeLessThanOrEqual(4);
      expect(bind!.allowed).toBeGreaterThan(least);
      const records = await recordsOf(n);
      expect(records.map((r) => r.attempts)).toEqual(numbered(40).map(() => 0));
      expect(records.every((r) => r.trace.length === 0 && r.state === 'DELIVERED')).toBe(true);
      expect(n.gw.carriers.get('a')!.counters.throttled).toBe(refused);
    },
  );

  it('CMPP 8: nothing lost, nothing twice', async () => {
    const ismg = await rig.sim({ protocol: 'cmpp', behaviour: { throttle: { perSecond: 40, code: 0 } } });
    const n = await rig.node({ carriers: [{ name: 'a', protocol: 'cmpp', port: ismg.port, more: 'window: 16' }] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await Promise.all(numbered(100).map((t) => p.submit(text(t))));
    await p.delivered(100);
    expect(ismg.books.counts.throttled).toBeGreaterThan(0);
    expect(ismg.books.messages.map((m) => m.text)).toHaveLength(100);
    expect(new Set(ismg.books.messages.map((m) => m.text)).size).toBe(100);
    await until('all told', () => kept(n) === 0);
  });
});

describe('the rate of a carrier', () => {
  it('holds over any second by the carrier’s own times, counts segments, and keeps a message together (quirk 76)', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a, 'window: 100, throughput: 20')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await Promise.all([...numbered(7).map((t) => p.submit(text(t))), ...numbered(12).map(() => p.submit(long(450)))]);
    await p.delivered(19);
    const times = a.submits.map((s) => s.at);
    expect(times).toHaveLength(7 + 36);
    // 900: what the machine may delay on the way.
    expect(mostWithin(times, 900)).toBeLessThanOrEqual(20);
    // Its segments follow one another: no other message between them.
    const parts = a.submits.slice(7).map((s) => s.pdu.short_message.subarray(3, 6).toString('hex'));
    for (let i = 0; i < parts.length; i += 3)
      expect(parts.slice(i, i + 3).map((x) => x.slice(2))).toEqual(['0301', '0302', '0303']);
  });

  it('of an account: segments, and RTHROTTLED beyond it', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a)], account: 'throughput: 7' });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const statuses = [
      await p.submit(long(450)),
      await p.submit(long(450)),
      await p.submit(long(450)),
      await p.submit(),
    ];
    expect(statuses.map((s) => s.command_status)).toEqual([0, 0, 0x58, 0]);
  });

  it('a burst on a quiet carrier is not taken for a long wait', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a, 'window: 10, queue: { maxWait: 5s }')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit(text('quiet'));
    const c = n.gw.carriers.get('a')!;
    await until('a smoothed rate', () => c.perSecond > 0);
    const answers = await Promise.all(numbered(300).map((t) => p.submit(text(t))));
    expect(answers.filter((x) => x.command_status !== 0)).toEqual([]);
  });
});

describe('codes', () => {
  it('temporary: again with growing pauses until taken; the trace has each (quirk 77)', async () => {
    const a = await rig.smsc();
    a.reply = () => (a.submits.length < 4 ? { status: 0x08 } : {});
    const n = await rig.node({ carriers: [carrier(a, 'retry: { from: 50ms, to: 400ms }')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit();
    await p.delivered(1);
    const gaps = a.submits.slice(1).map((s, i) => s.at - a.submits[i]!.at);
    expect(gaps).toHaveLength(3);
    expect(gaps[0]).toBeGreaterThan(45);
    expect(gaps[1]).toBeGreaterThan(95);
    expect(gaps[2]).toBeGreaterThan(190);
    const [record] = await recordsOf(n);
    expect(record).toMatchObject({ attempts: 3, state: 'DELIVERED' });
    expect(record!.trace.map((t) => t.outcome)).toEqual(Array.from({ length: 3 }, () => 'refused ESME_RSYSERR:008'));
  });

  it('temporary until the validity ends: rejected with the raw code, and a receipt', async () => {
    const a = await rig.smsc();
    a.reply = () => ({ status: 0x08 });
    const n = await rig.node({ carriers: [carrier(a, 'retry: { from: 100ms, to: 1s }')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit({ validity_period: '000000000001000R' });
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'REJECTD', err: '008' });
    expect(receipt!.additional_status_info_text).toMatch(/^ESME_RSYSERR:008/);
    const [record] = await recordsOf(n);
    expect(record!.reason).toBe('validity over while the carrier refused it for now');
    expect(record!.endedAt - record!.acceptedAt).toBeLessThanOrEqual(1100);
    expect(a.submits.length).toBeGreaterThan(1);
  });

  it('permanent: ended at once, by default and by the carrier’s list; other lists by code', async () => {
    const a = await rig.smsc();
    a.reply = (pdu) => ({ status: Number(pdu.short_message.toString()) });
    const n = await rig.node({
      carriers: [carrier(a, 'codes: { permanent: [ 8 ], retry: [ 77 ], default: permanent }')],
    });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit(text('11'));
    await p.submit(text('8'));
    await p.submit(text('1029'));
    await p.delivered(3);
    expect(p.delivers.map((d) => receiptOf(d).err)).toEqual(['011', '008', '029']);
    expect(p.delivers.map((d) => d.message_state)).toEqual([8, 8, 8]);
    expect(a.submits).toHaveLength(3);
  });

  it('a long message of which one segment is refused for good ends at once; what comes of the others is known', async () => {
    const a = await rig.smsc();
    a.reply = () => (a.submits.length === 2 ? { status: 0x0b } : {});
    a.reportAfter = 50;
    const n = await rig.node({ carriers: [carrier(a)] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit(long(450));
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'UNDELIV', err: '011' });
    await until('both reports of the others', () => a.answers.length === 2);
    expect(a.answers).toEqual([0, 0]);
    expect(n.gw.state.parked.size).toBe(0);
    expect(p.delivers).toHaveLength(1);
  });
});

describe('times', () => {
  it('validity ends while the carrier is down: expired, with a receipt', async () => {
    const a = await rig.smsc();
    await a.stop();
    const n = await rig.node({ carriers: [carrier(a)] });
    const p = await rig.platform(n.port);
    await p.submit({ validity_period: '000000000001000R' });
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'EXPIRED' });
    expect((await recordsOf(n))[0]).toMatchObject({
      state: 'EXPIRED',
      reason: 'validity over before it could be sent',
    });
  });

  it('validity ends with some of its segments at a carrier that went away: expired, too', async () => {
    const a = await rig.smsc();
    a.reply = () => (a.submits.length === 1 ? {} : { status: 0x58 });
    a.reportAfter = undefined;
    const n = await rig.node({ carriers: [carrier(a, 'window: 1')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit({ ...long(300), validity_period: '000000000002000R' });
    await until('half of it is there', () => a.submits.length >= 2);
    await a.stop();
    const [receipt] = await p.delivered(1);
    expect(receiptOf(receipt!)).toMatchObject({ stat: 'EXPIRED' });
    expect((await recordsOf(n))[0]!.reason).toBe('validity over with 1 of 2 segments at a');
  });

  it('schedule_delivery_time, absolute and relative, and the validity that the carrier is told', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a)] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const in1s = new Date(Date.now() + 1300);
    const two = (k: number): string => String(k).padStart(2, '0');
    const absolute = `${two(in1s.getUTCFullYear() % 100)}${two(in1s.getUTCMonth() + 1)}${two(in1s.getUTCDate())}${two(in1s.getUTCHours())}${two(in1s.getUTCMinutes())}${two(in1s.getUTCSeconds())}${Math.floor(in1s.getUTCMilliseconds() / 100)}00+`;
    const began = performance.now();
    await p.submit({ ...text('absolute'), schedule_delivery_time: absolute, validity_period: '000000010000000R' });
    await p.submit({ ...text('relative'), schedule_delivery_time: '000000000001000R' });
    await p.submit(text('now'));
    await p.delivered(1);
    expect(textsOf(a)).toEqual(['now']);
    await p.delivered(3);
    expect(new Set(textsOf(a).slice(1))).toEqual(new Set(['absolute', 'relative']));
    for (const s of a.submits.slice(1)) {
      expect(s.at - began).toBeGreaterThan(950);
      expect(s.at - began).toBeLessThan(3000);
      expect(s.pdu.schedule_delivery_time).toBe('');
    }
    const told = (t: string) => a.submits.find((s) => s.pdu.short_message.toString() === t)!.pdu.validity_period;
    expect(told('absolute')).toMatch(/^\d{12}\d00\+$/);
    expect(told('relative')).toBe('');
    expect(
      (await p.submit({ schedule_delivery_time: '000000000200000R', validity_period: '000000000100000R' }))
        .command_status,
    ).toBe(0x61);
    expect((await p.submit({ validity_period: '200101000000000+' })).command_status).toBe(0x62);
  });
});

describe('registered_delivery', () => {
  it('0 none, 1 all, 2 failures, 3 successes; the account may want all or none (quirk 93)', async () => {
    const a = await rig.smsc();
    a.reportAfter = undefined;
    const n = await rig.node({
      carriers: [carrier(a)],
      accounts: [
        'name: all, systemId: all, password: { demo: secret }, route: main, receipts: { request: always }',
        'name: none, systemId: none, password: { demo: secret }, route: main, receipts: { request: never }',
      ],
    });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const submit = async (who: typeof p, registered: number, stat: string) => {
      const id = a.submits.length;
      await who.submit({ ...text(`${registered}${stat}`), registered_delivery: registered });
      await until('at the carrier', () => a.submits.length > id);
      const { pdu } = a.submits[id]!;
      if ((pdu.registered_delivery & 3) !== 0) await a.report(pdu, String(1000 + id), stat);
      return pdu.registered_delivery;
    };
    const asked = [];
    for (const registered of [0, 1, 2, 3])
      for (const stat of ['DELIVRD', 'UNDELIV']) asked.push(await submit(p, registered, stat));
    expect(asked).toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
    await p.delivered(4);
    const all = await rig.platform(n.port, { systemId: 'all' });
    const none = await rig.platform(n.port, { systemId: 'none' });
    expect(await submit(all, 0, 'DELIVRD')).toBe(1);
    expect(await submit(none, 1, 'DELIVRD')).toBe(0);
    await all.delivered(1);
    await until('nothing left', () => kept(n) === 0);
    expect(p.delivers.map((d) => receiptOf(d).stat)).toEqual(['DELIVRD', 'UNDELIV', 'UNDELIV', 'DELIVRD']);
    expect(none.delivers).toHaveLength(0);
    const states = (await recordsOf(n)).map((r) => r.state).sort();
    expect(states).toEqual([
      'ACCEPTED',
      'ACCEPTED',
      'ACCEPTED',
      ...Array(4).fill('DELIVERED'),
      ...Array(3).fill('UNDELIVERABLE'),
    ]);
  });

  it('intermediate states only where the account has them and the message asks', async () => {
    const a = await rig.smsc();
    a.reportAfter = undefined;
    const n = await rig.node({
      carriers: [carrier(a)],
      account: 'receipts: { intermediate: true }',
      accounts: ['name: plain, systemId: plain, password: { demo: secret }, route: main'],
    });
    await carrierUp(n, 'a');
    const [p, plain] = [await rig.platform(n.port), await rig.platform(n.port, { systemId: 'plain' })];
    await p.submit({ registered_delivery: 0x11 });
    await p.submit({ registered_delivery: 1 });
    await plain.submit({ registered_delivery: 0x11 });
    await until('at the carrier', () => a.submits.length === 3);
    for (const [i, s] of a.submits.entries()) {
      await a.report(s.pdu, String(1000 + i), 'ACCEPTD', '000', { esm_class: 0x20 });
      await a.report(s.pdu, String(1000 + i), 'DELIVRD');
    }
    await p.delivered(3);
    await plain.delivered(1);
    expect(p.delivers.map((d) => [d.esm_class, d.message_state])).toEqual([
      [0x20, 6],
      [0x04, 2],
      [0x04, 2],
    ]);
    expect(plain.delivers.map((d) => d.esm_class)).toEqual([0x04]);
    await until('nothing in flight', () => n.gw.accounts.get('acme')!.inFlight === 0 && kept(n) === 0);
  });
});
