import { once } from 'node:events';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { createLabClock } from '../simulators/scenario/clock.ts';
import { checkScenario } from '../simulators/scenario/read.ts';

// The clients are the `smpp` package's: they share no line with the carrier, and know nothing of its clock.
delete smpp.commands.deliver_sm!.params!.short_message!.filter;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

type Line = Readonly<Record<string, unknown>> & { readonly t: number; readonly event: string };

interface Lab {
  readonly carrier: Carrier;
  readonly lines: readonly string[];
  events(event: string): Line[];
}

async function lab(scenario: object, options: Partial<CarrierOptions> = {}): Promise<Lab> {
  const lines: string[] = [];
  const carrier = await startCarrier({
    protocol: 'smpp',
    accounts: [{ name: 'esme', secret: 'secret' }],
    scenario: checkScenario({ name: 'it', imitates: 'a test', clock: { mode: 'virtual', patience: 20 }, ...scenario }),
    log: (line) => lines.push(line),
    ...options,
  });
  stops.push(() => carrier.stop());
  const events = (event: string): Line[] =>
    lines.map((line) => JSON.parse(line) as Line).filter((line) => line.event === event);
  return { carrier, lines, events };
}

async function until(is: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!is()) {
    if (performance.now() > end) throw new Error(`never: ${is}`);
    await new Promise((r) => setTimeout(r, 2));
  }
}

interface Client {
  readonly session: smpp.Session;
  readonly receipts: smpp.PDU[];
}

async function bound({ carrier }: Lab): Promise<Client> {
  const session = smpp.connect({ host: '127.0.0.1', port: carrier.port });
  session.on('error', () => session.destroy());
  // Its octets shall not wait for acknowledgements while the clock thinks that nothing comes.
  session.socket.setNoDelay(true);
  stops.push(() => session.destroy());
  await once(session, 'connect');
  const receipts: smpp.PDU[] = [];
  session.on('deliver_sm', (pdu: smpp.PDU) => {
    receipts.push(pdu);
    session.send(pdu.response());
  });
  const resp = await request(session, 'bind_transceiver', { system_id: 'esme', password: 'secret' });
  expect(resp.command_status).toBe(0);
  return { session, receipts };
}

const request = (session: smpp.Session, command: string, fields: smpp.Fields): Promise<smpp.PDU> =>
  new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));

const submit = (session: smpp.Session, k: number, text = `message ${k}`): Promise<smpp.PDU> =>
  request(session, 'submit_sm', {
    destination_addr: String(8613800000000 + k),
    registered_delivery: 1,
    short_message: Buffer.from(text),
  });

/** Everything that is drawn, at once. */
const LOTTERY = {
  behaviour: {
    responseDelay: { exponential: 40 },
    reportDelay: { lognormal: { median: 2000, sigma: 1 } },
    errorRate: { probability: 0.2, codes: { 8: 1, 88: 2 } },
    reports: { probability: 0.9, states: { DELIVERED: 5, EXPIRED: 2, UNDELIVERABLE: 1 } },
    reportBefore: { probability: 0.1 },
    duplicateReport: { probability: 0.1 },
    lateReport: { probability: 0.1, delay: { min: 60_000, max: 90_000 } },
    garbage: { probability: 0.05, kind: 'command' },
  },
  rules: [{ name: 'some', when: { probability: 0.3 }, then: { reportDelay: 5000 } }],
};

/** Sends all at once, and waits until the carrier has nothing more to do. */
async function history(seed: number): Promise<string> {
  const it = await lab({ ...LOTTERY, seed });
  const { session } = await bound(it);
  for (let k = 0; k < 60; k++) void submit(session, k % 50);
  const { counts } = it.carrier.books;
  await until(() => counts.submits === 60 && counts.answered === 60 && it.events('report').length >= 20);
  await until(() => {
    const { unanswered, inFlight, waiting } = it.carrier.standing();
    const planned = counts.accepted - counts.reportsWithheld + counts.reportsDuplicated;
    return counts.reports === planned && unanswered + inFlight + waiting === 0;
  });
  return it.lines.join('\n');
}

describe('one seed, one history', () => {
  test('the event log of the same seed is equal to the octet, that of another is not', async () => {
    const first = await history(7);
    expect(first.split('\n').length).toBeGreaterThan(150);
    expect(await history(7)).toBe(first);
    const other = await history(8);
    expect(other).not.toBe(first);
    // Not only in the seed that its first line tells.
    expect(other.split('\n').slice(1)).not.toEqual(first.split('\n').slice(1));
  });

  test('over several binds and in any order, each message meets the same', async () => {
    /** What became of each message, by its number, with whether it was its first or second time. */
    const fates = async (seed: number, binds: number, order: readonly number[]): Promise<Map<string, string>> => {
      const it = await lab({ ...LOTTERY, behaviour: { ...LOTTERY.behaviour, garbage: { probability: 0 } }, seed });
      const clients = await Promise.all(Array.from({ length: binds }, () => bound(it)));
      const answers = await Promise.all(order.map((k, turn) => submit(clients[turn % binds]!.session, k)));
      expect(answers).toHaveLength(order.length);
      const { counts } = it.carrier.books;
      await until(() => counts.reports === counts.accepted - counts.reportsWithheld + counts.reportsDuplicated);
      const of = new Map<string, string>();
      const nameOf = new Map<unknown, string>();
      for (const { number, time = 0, code, id, rules = [] } of it.events('submit')) {
        const name = `${number}/${time}`;
        nameOf.set(id, name);
        of.set(name, `${code} ${rules}`);
      }
      for (const { id, word } of it.events('report')) {
        const name = nameOf.get(id)!;
        of.set(name, `${of.get(name)} ${word}`);
      }
      return new Map([...of].sort());
    };
    const up = Array.from({ length: 60 }, (_, k) => k % 40);
    const down = [...up].reverse();
    const mixed = [...up].sort((a, b) => ((a * 17) % 40) - ((b * 17) % 40));
    const first = await fates(3, 1, up);
    expect(first.size).toBe(60);
    expect(await fates(3, 4, down)).toEqual(first);
    expect(await fates(3, 3, mixed)).toEqual(first);
    expect(await fates(4, 1, up)).not.toEqual(first);
    // Chance is at work: some of all kinds.
    expect(new Set(first.values()).size).toBeGreaterThan(5);
  });
});

describe('clocks', () => {
  test('virtual: hours pass in a moment, and the receipts say so', async () => {
    const start = '2026-12-31T23:59:30+08:00';
    const it = await lab({ clock: { mode: 'virtual', start }, behaviour: { reportDelay: 3_600_000 } });
    const { session, receipts } = await bound(it);
    const began = performance.now();
    await submit(session, 1);
    await until(() => receipts.length === 1);
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(it.events('report')[0]!.t).toBeGreaterThanOrEqual(3_600_000);
    expect(it.events('report')[0]!.t).toBeLessThan(3_600_100);
    const text = receipts[0]!.short_message.toString('latin1');
    const [, submitted, done] = /submit date:(\d{10}) done date:(\d{10})/.exec(text)!;
    // In local time, whatever that is where this runs: an hour apart, and minute 59 both.
    const hour = (date: string): number => Number(date.slice(6, 8));
    expect((hour(done!) - hour(submitted!) + 24) % 24).toBe(1);
    expect([submitted!.slice(8), done!.slice(8)]).toEqual(['59', '59']);
  });

  test('virtual: moves with the submits, and not without cause', async () => {
    const it = await lab({ clock: { mode: 'virtual', perSubmit: 250 } });
    const { session } = await bound(it);
    // All at once: what comes in late on a busy machine would find that the clock had gone on.
    await Promise.all(Array.from({ length: 8 }, (_, k) => submit(session, k)));
    expect(it.events('submit').map(({ t }) => t)).toEqual([250, 500, 750, 1000, 1250, 1500, 1750, 2000]);
    // A report is due with the next millisecond, and then nothing.
    await until(() => it.events('report').length === 8);
    await new Promise((r) => setTimeout(r, 100));
    await submit(session, 9);
    expect(it.events('submit')[8]!.t).toBeLessThanOrEqual(2252);
  });

  test('virtual: what nobody answers is sent again after its time', async () => {
    const it = await lab({ clock: { mode: 'virtual', patience: 2 }, behaviour: { redeliver: { unanswered: 60_000 } } });
    const { session } = await bound(it);
    session.removeAllListeners('deliver_sm');
    await submit(session, 1);
    await until(() => it.events('report').length >= 3);
    const [first, second, third] = it.events('report').map(({ t }) => t);
    expect(second! - first!).toBeGreaterThanOrEqual(60_000);
    expect(third! - second!).toBeGreaterThanOrEqual(60_000);
    expect(third! - first!).toBeLessThan(121_000);
  });

  test('virtual: things of far and near come in their order', async () => {
    const it = await lab({
      behaviour: { reportDelay: 100 },
      rules: [
        { name: 'day', when: { number: '*1' }, then: { reportDelay: 86_400_000 } },
        { name: 'turn', when: { number: '*2' }, then: { reportDelay: 8_192 + 150 } },
        { name: 'hour', when: { number: '*3' }, then: { reportDelay: 3_600_000 } },
      ],
    });
    const { session, receipts } = await bound(it);
    for (const k of [1, 2, 3, 4]) void submit(session, k);
    await until(() => receipts.length === 4);
    expect(receipts.map((r) => String(r.source_addr).slice(-1))).toEqual(['4', '2', '3', '1']);
    const at = it.events('report').map(({ t }) => Math.round(t / 1000));
    expect(at).toEqual([0, 8, 3600, 86_400]);
  });

  test('scaled: as many times faster, from its date', async () => {
    const clock = createLabClock({ mode: 'scaled', start: '2026-03-01T00:00:00Z', speed: 1000 });
    stops.push(() => clock.stop());
    const real = performance.now();
    const before = clock.now();
    expect(before).toBeGreaterThanOrEqual(Date.parse('2026-03-01T00:00:00Z'));
    await new Promise<void>((resolve) => clock.wake(before + 20_000, resolve));
    const passed = performance.now() - real;
    expect(passed).toBeGreaterThanOrEqual(19);
    expect(clock.now() - before).toBeGreaterThanOrEqual(20_000 - 1000);
    expect(clock.now() - before).toBeLessThan((performance.now() - real) * 1000 + 1000);
  });

  test('real: begins at its date if it has one', () => {
    const dated = createLabClock({ mode: 'real', start: '2026-03-01T00:00:00Z' });
    expect(Math.abs(dated.now() - Date.parse('2026-03-01T00:00:00Z'))).toBeLessThan(10_000);
    const plain = createLabClock(undefined);
    expect(Math.abs(plain.now() - Date.now())).toBeLessThan(10_000);
    dated.stop();
    plain.stop();
  });
});

describe('schedule', () => {
  test('changes come at their time and after their submits, and rules with them', async () => {
    const it = await lab({
      clock: { mode: 'virtual', perSubmit: 10 },
      schedule: [
        { afterSubmits: 2, change: { errorRate: { probability: 1, code: 8 } } },
        {
          at: 45,
          change: { errorRate: { probability: 0 } },
          addRule: { name: 'bad', when: { number: '*5' }, then: { errorRate: { probability: 1, code: 99 } } },
        },
        { at: 45, afterSubmits: 7, removeRule: 'bad' },
      ],
    });
    const { session } = await bound(it);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 15, 25].map((k) => submit(session, k)));
    const statuses = answers.map((pdu) => pdu.command_status);
    expect(statuses).toEqual([0, 0, 8, 8, 99, 0, 99, 0]);
    expect(it.events('change').map(({ t }) => t)).toEqual([20, 50, 70]);
  });

  test('what waits is let go by a change without a submit', async () => {
    const it = await lab({
      behaviour: { hold: true },
      schedule: [{ afterSubmits: 3, change: { hold: false } }],
    });
    const { session, receipts } = await bound(it);
    for (let k = 0; k < 3; k++) await submit(session, k);
    await until(() => receipts.length === 3);
  });

  test('what was done to a carrier is done again by its recording', async () => {
    const one = await lab({ seed: 5, behaviour: { errorRate: { probability: 0.5 } } }, { behaviour: { seed: 6 } });
    const play = async (it: Lab, act: (k: number) => void): Promise<number[]> => {
      const { session } = await bound(it);
      const statuses: number[] = [];
      for (let k = 0; k < 40; k++) {
        act(k);
        statuses.push((await submit(session, k)).command_status);
      }
      return statuses;
    };
    const first = await play(one, (k) => {
      if (k === 10) one.carrier.change({ errorRate: { code: 8 } });
      if (k === 20)
        one.carrier.addRule({ name: 'odd', when: { number: '/[13579]$/' }, then: { errorRate: { code: 88 } } });
      if (k === 30) expect(one.carrier.removeRule('odd')).toBe(true);
      if (k === 35) void one.carrier.injectMo({ from: '8613900000001', to: '10690000', text: 'hi' });
    });
    expect(new Set(first)).toEqual(new Set([0, 0x45, 8, 88]));
    expect(one.carrier.removeRule('odd')).toBe(false);

    const recording = JSON.parse(JSON.stringify(one.carrier.recording())) as object;
    const two = await lab(recording);
    expect(await play(two, () => undefined)).toEqual(first);
    await until(() => two.events('mo').length === 1);
    const changes = (it: Lab): unknown[] => it.events('change').map(({ t, event, ...rest }) => rest);
    expect(changes(two)).toEqual(changes(one));
    expect(changes(one)).toHaveLength(4);
  });
});
