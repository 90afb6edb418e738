import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';

// The client is the `smpp` package: it shares no line with the carrier it judges.
smpp.PDU.maxLength = 70_000;
for (const command of ['submit_sm', 'deliver_sm', 'submit_multi']) {
  const param = smpp.commands[command]?.params?.short_message;
  if (param !== undefined) delete param.filter;
}
delete smpp.tlvs.message_payload!.filter;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function carrierWith(options: Partial<CarrierOptions> = {}): Promise<Carrier> {
  const carrier = await startCarrier({ protocol: 'smpp', accounts: [{ name: 'esme', secret: 'secret' }], ...options });
  stops.push(() => carrier.stop());
  return carrier;
}

async function until(is: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!is()) {
    if (performance.now() > end) throw new Error(`never: ${is}`);
    await new Promise((r) => setTimeout(r, 2));
  }
}

interface Client {
  readonly session: smpp.Session;
  readonly delivers: smpp.PDU[];
  /** Order of what came. */
  readonly log: string[];
  closed: boolean;
  request(command: string, fields?: smpp.Fields): Promise<smpp.PDU>;
  submit(fields?: smpp.Fields): Promise<smpp.PDU>;
  delivered(n: number): Promise<smpp.PDU[]>;
}

/** How the client answers a deliver_sm; undefined: not at all. */
type Answer = (pdu: smpp.PDU) => number | undefined;

async function clientOf(carrier: Carrier, answer: Answer = () => 0): Promise<Client> {
  const session = smpp.connect({ host: '127.0.0.1', port: carrier.port });
  session.on('error', () => session.destroy());
  await once(session, 'connect');
  const client: Client = {
    session,
    delivers: [],
    log: [],
    closed: false,
    request: (command, fields) =>
      new Promise((resolve, reject) => {
        if (!session.send(new smpp.PDU(command, fields), resolve)) reject(new Error('not writable'));
      }),
    submit: (fields) =>
      client.request('submit_sm', {
        source_addr: '10690000',
        destination_addr: '8613800000001',
        registered_delivery: 1,
        short_message: Buffer.from('hello'),
        ...fields,
      }),
    async delivered(n) {
      await until(() => client.delivers.length >= n);
      return client.delivers;
    },
  };
  session.on('pdu', (pdu: smpp.PDU) => {
    client.log.push(pdu.command);
    if (pdu.command === 'enquire_link') session.send(pdu.response());
    if (pdu.command !== 'deliver_sm') return;
    client.delivers.push(pdu);
    const status = answer(pdu);
    if (status !== undefined) session.send(pdu.response({ command_status: status }));
  });
  session.on('close', () => {
    client.closed = true;
  });
  stops.push(() => session.destroy());
  return client;
}

async function bound(carrier: Carrier, answer?: Answer, command = 'bind_transceiver'): Promise<Client> {
  const client = await clientOf(carrier, answer);
  const resp = await client.request(command, { system_id: 'esme', password: 'secret' });
  expect(resp.command_status).toBe(0);
  return client;
}

const textOf = (pdu: smpp.PDU): string => pdu.short_message.toString('latin1');

describe('binds', () => {
  test('tells its version, refuses wrong passwords and unknown names, and closes', async () => {
    const carrier = await carrierWith();
    const good = await clientOf(carrier);
    const resp = await good.request('bind_transmitter', { system_id: 'esme', password: 'secret' });
    expect([resp.command, resp.command_status, resp.sc_interface_version]).toEqual(['bind_transmitter_resp', 0, 0x34]);
    expect(carrier.sessions).toBe(1);

    for (const [system_id, password, status] of [
      ['esme', 'wrong', 0x0e],
      ['who', 'secret', 0x0f],
    ] as const) {
      const bad = await clientOf(carrier);
      expect((await bad.request('bind_transceiver', { system_id, password })).command_status).toBe(status);
      await until(() => bad.closed);
    }
    expect(carrier.books.counts).toMatchObject({ connections: 3, binds: 1, bindsRefused: 2 });
  });

  test('refuses a second bind, requests before the bind, submits on a receiver, and more sessions than allowed', async () => {
    const carrier = await carrierWith({ accounts: [{ name: 'esme', secret: 'secret', maxSessions: 1 }] });
    const early = await clientOf(carrier);
    expect((await early.submit()).command_status).toBe(0x04);
    const receiver = await bound(carrier, undefined, 'bind_receiver');
    expect((await receiver.submit()).command_status).toBe(0x04);
    expect((await receiver.request('bind_receiver', { system_id: 'esme', password: 'secret' })).command_status).toBe(5);
    const second = await clientOf(carrier);
    const refused = await second.request('bind_transceiver', { system_id: 'esme', password: 'secret' });
    expect(refused.command_status).toBe(0x05);
    expect(carrier.books.counts.submits).toBe(0);
    expect(receiver.closed).toBe(false);
  });

  test('answers enquire_link in any state, unknown commands with a nack, unbind with an end', async () => {
    const carrier = await carrierWith();
    const client = await clientOf(carrier);
    expect((await client.request('enquire_link')).command).toBe('enquire_link_resp');
    await client.request('bind_transceiver', { system_id: 'esme', password: 'secret' });
    const raw = Buffer.from('00000010000000770000000000000009', 'hex');
    const nack = once(client.session, 'generic_nack') as Promise<smpp.PDU[]>;
    client.session.socket.write(raw);
    expect((await nack)[0]).toMatchObject({ command_status: 3, sequence_number: 9 });
    expect((await client.request('unbind')).command).toBe('unbind_resp');
    await until(() => client.closed);
    await until(() => carrier.sessions === 0);
  });
});

describe('submits and receipts', () => {
  test('answers with an id, then reports it as the specification writes it', async () => {
    const carrier = await carrierWith();
    const client = await bound(carrier);
    const before = new Date();
    const resp = await client.submit();
    expect(resp.command_status).toBe(0);
    const [receipt] = await client.delivered(1);
    expect(receipt).toMatchObject({
      esm_class: 4,
      source_addr: '8613800000001',
      destination_addr: '10690000',
      receipted_message_id: resp.message_id,
      message_state: 2,
    });
    const text = /^id:(\d+) sub:001 dlvrd:001 submit date:(\d{10}) done date:\d{10} stat:DELIVRD err:000 text:$/.exec(
      textOf(receipt!),
    )!;
    expect(text[1]).toBe(resp.message_id);
    const two = (n: number): string => String(n).padStart(2, '0');
    expect(text[2]!.slice(0, 6)).toBe(
      `${before.getFullYear() % 100}${two(before.getMonth() + 1)}${two(before.getDate())}`,
    );
    await until(() => carrier.books.counts.reportsAnswered === 1);
    expect(carrier.books.counts).toMatchObject({ submits: 1, accepted: 1, answered: 1, reports: 1, stray: 0 });
    expect([...carrier.books.states]).toEqual([['DELIVERED', 1]]);
  });

  test('registered_delivery 0, 2 and 3 mean none, failures only, successes only', async () => {
    const carrier = await carrierWith({ behaviour: { numbers: [{ suffix: '9', state: 'EXPIRED' }] } });
    const client = await bound(carrier);
    const ids: string[] = [];
    for (const registered_delivery of [0, 2, 3, 1]) {
      for (const destination_addr of ['8613800000001', '8613800000009']) {
        ids.push((await client.submit({ registered_delivery, destination_addr })).message_id);
      }
    }
    const receipts = await client.delivered(4);
    await until(() => carrier.books.counts.reportsAnswered === 4);
    expect(new Set(receipts.map((r) => r.receipted_message_id))).toEqual(new Set([ids[3], ids[4], ids[6], ids[7]]));
  });

  test('sends receipts to the receiver of the account when the submit came on a transmitter', async () => {
    const carrier = await carrierWith();
    const receiver = await bound(carrier, undefined, 'bind_receiver');
    const transmitter = await bound(carrier, undefined, 'bind_transmitter');
    const { message_id } = await transmitter.submit();
    expect((await receiver.delivered(1))[0]!.receipted_message_id).toBe(message_id);
    expect(transmitter.delivers).toEqual([]);
  });

  test('keeps receipts for an account without a session, and repeats what was not answered', async () => {
    const carrier = await carrierWith();
    const mute = await bound(carrier, () => undefined);
    const { message_id } = await mute.submit();
    await mute.delivered(1);
    mute.session.destroy();
    await until(() => carrier.sessions === 0);
    const next = await bound(carrier);
    expect((await next.delivered(1))[0]!.receipted_message_id).toBe(message_id);
    await until(() => carrier.books.counts.reportsAnswered === 1);
    expect(carrier.books.counts.reportsRepeated).toBe(1);
  });

  test('repeats a receipt that was refused, and one that was not answered in time', async () => {
    const carrier = await carrierWith({ behaviour: { redeliver: { refused: 1, unanswered: 1 } } });
    const answers = [0x14, undefined, 0];
    const client = await bound(carrier, () => answers.shift());
    await client.submit();
    await until(() => carrier.books.counts.reportsAnswered === 1);
    const ids = client.delivers.map((d) => d.receipted_message_id);
    expect(ids.length).toBeGreaterThanOrEqual(3);
    expect(new Set(ids).size).toBe(1);
    expect(carrier.books.counts.reportsRefused).toBe(1);
  });

  test('never has more deliveries unanswered than its window', async () => {
    const carrier = await carrierWith({ behaviour: { deliverWindow: 2 } });
    const held: smpp.PDU[] = [];
    const client = await bound(carrier, (pdu) => {
      held.push(pdu);
      return undefined;
    });
    for (let k = 0; k < 5; k++) await client.submit();
    await client.delivered(2);
    expect((await client.request('enquire_link')).command).toBe('enquire_link_resp');
    expect(client.delivers.length).toBe(2);
    for (let k = 0; k < 5; k++) {
      await until(() => held.length > 0);
      client.session.send(held.shift()!.response());
    }
    await until(() => carrier.books.counts.reportsAnswered === 5);
    expect(carrier.books.counts.reports).toBe(5);
  });

  test('data_sm, submit_multi, query_sm, cancel_sm, replace_sm', async () => {
    const carrier = await carrierWith({ record: 'messages', behaviour: { reportDelay: 300_000 } });
    const client = await bound(carrier);
    const data = await client.request('data_sm', {
      source_addr: '10690000',
      destination_addr: '8613800000001',
      registered_delivery: 1,
      message_payload: Buffer.from('by data sm'),
    });
    expect([data.command, data.command_status]).toEqual(['data_sm_resp', 0]);
    const multi = await client.request('submit_multi', {
      source_addr: '10690000',
      registered_delivery: 1,
      dest_address: [
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '8613800000002' },
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '8613800000003' },
      ],
      short_message: Buffer.from('to two'),
    });
    expect([multi.command, multi.command_status]).toEqual(['submit_multi_resp', 0]);
    expect(carrier.books.messages.map((m) => [m.destination, m.text, m.ids])).toEqual([
      ['8613800000001', 'by data sm', [data.message_id]],
      ['8613800000002', 'to two', [multi.message_id]],
      ['8613800000003', 'to two', [multi.message_id]],
    ]);
    const known = { message_id: data.message_id, source_addr: '10690000' };
    expect(await client.request('query_sm', known)).toMatchObject({ command_status: 0, message_state: 1 });
    expect((await client.request('query_sm', { message_id: 'none' })).command_status).toBe(0x67);
    expect((await client.request('replace_sm', { ...known, short_message: Buffer.from('x') })).command_status).toBe(0);
    expect((await client.request('cancel_sm', known)).command_status).toBe(0);
    expect((await client.request('cancel_sm', { message_id: 'none' })).command_status).toBe(0x11);
  });

  test('a cancelled message is reported as deleted', async () => {
    const carrier = await carrierWith({ behaviour: { reportDelay: 100 } });
    const client = await bound(carrier);
    const { message_id } = await client.submit();
    expect((await client.request('cancel_sm', { message_id })).command_status).toBe(0);
    const [receipt] = await client.delivered(1);
    expect(receipt!.message_state).toBe(4);
    expect(textOf(receipt!)).toContain('dlvrd:000');
    expect(textOf(receipt!)).toContain('stat:DELETED');
  });

  test('refuses what is wrong with a submit', async () => {
    const carrier = await carrierWith();
    const client = await bound(carrier);
    expect((await client.submit({ destination_addr: '' })).command_status).toBe(0x0b);
    expect((await client.submit({ validity_period: '99' })).command_status).toBe(0x62);
    expect((await client.submit({ esm_class: 0x40, short_message: Buffer.from([9, 0]) })).command_status).toBe(0x43);
    expect(carrier.books.counts).toMatchObject({ accepted: 0, refused: 3 });
  });
});

describe('rules, as they show on the wire', () => {
  test('responseDelay holds the answer back', async () => {
    const carrier = await carrierWith({ behaviour: { responseDelay: { min: 40, max: 60 } } });
    const client = await bound(carrier);
    const at = performance.now();
    expect((await client.submit()).command_status).toBe(0);
    expect(performance.now() - at).toBeGreaterThanOrEqual(39);
    await client.delivered(1);
    expect(client.log.indexOf('submit_sm_resp')).toBeLessThan(client.log.indexOf('deliver_sm'));
  });

  test('reportDelay and lateReport hold the report back', async () => {
    const carrier = await carrierWith({ behaviour: { reportDelay: 40 } });
    const client = await bound(carrier);
    let at = performance.now();
    await client.submit();
    await client.delivered(1);
    expect(performance.now() - at).toBeGreaterThanOrEqual(39);
    carrier.change({ reportDelay: 0, lateReport: { probability: 1, delay: 60 } });
    at = performance.now();
    await client.submit();
    await client.delivered(2);
    expect(performance.now() - at).toBeGreaterThanOrEqual(59);
  });

  test('errorRate refuses with its code, and can be changed at run time', async () => {
    const carrier = await carrierWith({ behaviour: { errorRate: { probability: 1 } } });
    const client = await bound(carrier);
    expect((await client.submit()).command_status).toBe(0x45);
    carrier.change({ errorRate: { code: 0x0b } });
    expect((await client.submit()).command_status).toBe(0x0b);
    carrier.change({ errorRate: { probability: 0 } });
    expect((await client.submit()).command_status).toBe(0);
    expect(carrier.books.counts).toMatchObject({ submits: 3, accepted: 1, refused: 2 });
  });

  test('a rate in between refuses some, the same ones for the same seed', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const carrier = await carrierWith({ behaviour: { seed, errorRate: { probability: 0.5 } } });
      const client = await bound(carrier);
      const statuses: number[] = [];
      for (let k = 0; k < 60; k++) statuses.push((await client.submit({ registered_delivery: 0 })).command_status);
      return statuses;
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
    const refused = first.filter((s) => s !== 0).length;
    expect(refused).toBeGreaterThan(10);
    expect(refused).toBeLessThan(50);
  });

  test('throttle refuses what is above n in any second', async () => {
    const carrier = await carrierWith({ behaviour: { throttle: { perSecond: 5 } } });
    const client = await bound(carrier);
    const answers = await Promise.all(Array.from({ length: 12 }, () => client.submit({ registered_delivery: 0 })));
    expect(answers.map((a) => a.command_status)).toEqual([0, 0, 0, 0, 0, ...Array.from({ length: 7 }, () => 0x58)]);
    expect(carrier.books.counts.throttled).toBe(7);
    carrier.change({ throttle: { code: 0x14 } });
    expect((await client.submit()).command_status).toBe(0x14);
  });

  test('window refuses what comes while so many wait', async () => {
    const carrier = await carrierWith({ behaviour: { window: { limit: 3 }, responseDelay: 50 } });
    const client = await bound(carrier);
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.submit()));
    expect(answers.map((a) => a.command_status)).toEqual([0, 0, 0, 0x14, 0x14]);
    expect(carrier.books.counts.windowPeak).toBe(5);
  });

  test('silence never answers; accepted or not, the report tells', async () => {
    const carrier = await carrierWith({ behaviour: { silence: { probability: 1 } } });
    const client = await bound(carrier);
    void client.submit();
    await until(() => carrier.books.counts.silent === 1);
    carrier.change({ silence: { accepted: true } });
    void client.submit({ destination_addr: '8613800000002' });
    const [receipt] = await client.delivered(1);
    expect(receipt!.source_addr).toBe('8613800000002');
    expect(client.log).not.toContain('submit_sm_resp');
    expect(carrier.books.counts).toMatchObject({ submits: 2, accepted: 1, answered: 0, silent: 2 });
  });

  test('disconnect ends the session after the answer to every n-th submit', async () => {
    const carrier = await carrierWith({ behaviour: { disconnect: { every: 3 } } });
    const client = await bound(carrier);
    const answers = await Promise.all([client.submit(), client.submit(), client.submit()]);
    expect(answers.map((a) => a.command_status)).toEqual([0, 0, 0]);
    await until(() => client.closed);
    expect(carrier.books.counts.disconnects).toBe(1);
  });

  test('disconnect ends the session of a submit that gets no answer, too', async () => {
    const carrier = await carrierWith({ behaviour: { disconnect: { every: 1 }, silence: { probability: 1 } } });
    const client = await bound(carrier);
    void client.submit();
    await until(() => client.closed);
    expect(client.log).not.toContain('submit_sm_resp');
  });

  test('midWindow cuts with requests unanswered', async () => {
    const carrier = await carrierWith({
      behaviour: { disconnect: { every: 3, midWindow: true }, responseDelay: 20_000 },
    });
    const client = await bound(carrier);
    for (let k = 0; k < 3; k++) void client.submit();
    await until(() => client.closed);
    expect(client.log).not.toContain('submit_sm_resp');
    expect(carrier.books.counts).toMatchObject({ submits: 3, accepted: 2 });
  });

  test('slow stops reading, and goes on', async () => {
    const carrier = await carrierWith({ behaviour: { slow: { every: 2, pause: 80 } } });
    const client = await bound(carrier);
    const at = performance.now();
    // The bind was frame 1: this one is answered, the next waits for the pause.
    expect((await client.submit()).command_status).toBe(0);
    expect((await client.submit()).command_status).toBe(0);
    expect(performance.now() - at).toBeGreaterThanOrEqual(79);
  });

  test('reportBefore sends the report before the answer', async () => {
    const carrier = await carrierWith({ behaviour: { reportBefore: { probability: 1 } } });
    const client = await bound(carrier);
    const { message_id } = await client.submit();
    await client.delivered(1);
    expect(client.log).toEqual(['bind_transceiver_resp', 'deliver_sm', 'submit_sm_resp']);
    expect(client.delivers[0]!.receipted_message_id).toBe(message_id);
  });

  test('duplicateReport sends it twice', async () => {
    const carrier = await carrierWith({ behaviour: { duplicateReport: { probability: 1 } } });
    const client = await bound(carrier);
    const { message_id } = await client.submit();
    const receipts = await client.delivered(2);
    expect(receipts.map((r) => r.receipted_message_id)).toEqual([message_id, message_id]);
    expect(carrier.books.counts.reportsDuplicated).toBe(1);
  });

  test('reports: lost ones, and states by weight', async () => {
    const carrier = await carrierWith({ behaviour: { reports: { probability: 0 } } });
    const client = await bound(carrier);
    await client.submit();
    expect(carrier.books.counts.reportsWithheld).toBe(1);
    carrier.change({ reports: { probability: 1, states: { UNDELIVERABLE: 1, EXPIRED: 1, REJECTED: 0 } } });
    for (let k = 0; k < 40; k++) await client.submit();
    const receipts = await client.delivered(40);
    const words = receipts.map((r) => /stat:(\w+)/.exec(textOf(r))![1]);
    expect(new Set(words)).toEqual(new Set(['UNDELIV', 'EXPIRED']));
    expect(new Set(receipts.map((r) => r.message_state))).toEqual(new Set([3, 5]));
  });

  test('idForm writes ids as carriers do: one base in the answer, another in the receipt', async () => {
    const carrier = await carrierWith({ behaviour: { idForm: { response: 'hex', receipt: 'decimal' } } });
    const client = await bound(carrier);
    // Sixteen ids in a row end in every digit of their base once: letters are among them whatever the clock says.
    const hex: string[] = [];
    for (let i = 0; i < 16; i++) hex.push((await client.submit()).message_id);
    const receipts = await client.delivered(16);
    expect(hex.map((id) => id.at(-1)).sort()).toEqual([...'0123456789abcdef']);
    for (const id of hex) expect(id).toMatch(/^[0-9a-f]+$/);
    const told = receipts.map((d) => d.receipted_message_id);
    expect([...told].sort()).toEqual(hex.map((id) => BigInt(`0x${id}`).toString()).sort());
    carrier.change({ idForm: { response: 'decimal', receipt: 'hex' } });
    const second = await client.submit();
    await client.delivered(17);
    expect(client.delivers[16]!.receipted_message_id).toBe(BigInt(second.message_id).toString(16));
    expect(textOf(client.delivers[16]!)).toContain(`id:${BigInt(second.message_id).toString(16)} `);
  });

  test('numbers decide by the end of the destination', async () => {
    const carrier = await carrierWith({
      behaviour: {
        numbers: [
          { suffix: '0404', code: 0x0b },
          { suffix: '0408', state: 'EXPIRED' },
        ],
      },
    });
    const client = await bound(carrier);
    expect((await client.submit({ destination_addr: '8613800000404' })).command_status).toBe(0x0b);
    expect((await client.submit({ destination_addr: '8613800000408' })).command_status).toBe(0);
    expect((await client.delivered(1))[0]!.message_state).toBe(3);
  });

  test('refuseBind refuses logins', async () => {
    const carrier = await carrierWith({ behaviour: { refuseBind: { probability: 1 } } });
    const client = await clientOf(carrier);
    const resp = await client.request('bind_transceiver', { system_id: 'esme', password: 'secret' });
    expect(resp.command_status).toBe(0x0d);
    await until(() => client.closed);
  });

  test('probe asks a silent client for a sign of life', async () => {
    const carrier = await carrierWith({ behaviour: { probe: { every: 1 } } });
    const client = await bound(carrier);
    await until(() => client.log.includes('enquire_link'));
    expect(client.closed).toBe(false);
  });

  test('dropAll cuts everyone, and the carrier goes on', async () => {
    const carrier = await carrierWith();
    const [a, b] = [await bound(carrier), await bound(carrier)];
    carrier.dropAll();
    await until(() => a.closed && b.closed && carrier.sessions === 0);
    expect((await (await bound(carrier)).submit()).command_status).toBe(0);
  });
});

describe('garbage', () => {
  /** What comes after the bind_resp for one submit. */
  async function answerTo(kind: 'octets' | 'length' | 'command' | 'sequence' | 'cut'): Promise<Buffer> {
    const carrier = await carrierWith({
      behaviour: { garbage: { probability: 1, kind }, reports: { probability: 0 } },
    });
    const socket: Socket = connect(carrier.port, '127.0.0.1');
    stops.push(() => socket.destroy());
    await once(socket, 'connect');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const bind = new smpp.PDU('bind_transceiver', { system_id: 'esme', password: 'secret' });
    bind.sequence_number = 1;
    const submit = new smpp.PDU('submit_sm', { destination_addr: '1', short_message: Buffer.from('x') });
    submit.sequence_number = 2;
    socket.write(Buffer.concat([bind.toBuffer(), submit.toBuffer()]));
    let all = Buffer.alloc(0);
    await until(() => {
      all = Buffer.concat(chunks);
      return all.length > 16 && all.length > all.readUInt32BE(0) + 16;
    });
    expect(carrier.books.counts.spoilt).toBe(1);
    return all.subarray(all.readUInt32BE(0));
  }

  test('octets: the frame border is lost', async () => {
    expect((await answerTo('octets')).readUInt32BE(0)).toBeGreaterThan(0x7f000000);
  });
  test('length: shorter than a header', async () => {
    expect((await answerTo('length')).readUInt32BE(0)).toBe(5);
  });
  test('command: an answer to nothing known', async () => {
    const frame = await answerTo('command');
    expect([frame.readUInt32BE(4), frame.readUInt32BE(12)]).toEqual([0x8fffffff, 2]);
  });
  test('sequence: somebody else’s', async () => {
    const frame = await answerTo('sequence');
    expect([frame.readUInt32BE(4), frame.readUInt32BE(12)]).toEqual([0x80000004, 0x7ffffff1]);
  });
  test('cut: less than the frame says', async () => {
    const frame = await answerTo('cut');
    expect(frame.readUInt32BE(0)).toBeGreaterThan(frame.length);
  });
});

describe('messages from handsets', () => {
  test('short, in the plainest coding that holds it', async () => {
    const carrier = await carrierWith();
    const client = await bound(carrier);
    const one = carrier.injectMo({ from: '8613800000001', to: '10690000', text: 'TD' });
    const two = carrier.injectMo({ from: '8613800000001', to: '10690000', text: '退订' });
    expect(await Promise.all([one, two])).toEqual([1, 1]);
    const [latin, han] = client.delivers;
    expect(latin).toMatchObject({
      esm_class: 0,
      data_coding: 0,
      source_addr: '8613800000001',
      destination_addr: '10690000',
    });
    expect(textOf(latin!)).toBe('TD');
    expect(han!.data_coding).toBe(8);
    expect(han!.short_message.toString('hex')).toBe('90008ba2');
    expect(carrier.books.counts).toMatchObject({ mos: 2, mosAnswered: 2, reports: 0 });
  });

  test('long: in parts with a 6- or 7-octet header, or whole in message_payload', async () => {
    const carrier = await carrierWith();
    const client = await bound(carrier);
    const text = '长'.repeat(100);
    const octets = Buffer.from(text, 'utf16le').swap16();
    expect(await carrier.injectMo({ from: '1', to: '2', text })).toBe(2);
    const parts = client.delivers.splice(0);
    expect(parts.map((p) => [p.esm_class, p.data_coding, p.short_message.subarray(0, 3).toString('hex')])).toEqual([
      [0x40, 8, '050003'],
      [0x40, 8, '050003'],
    ]);
    expect(parts.map((p) => [...p.short_message.subarray(4, 6)])).toEqual([
      [2, 1],
      [2, 2],
    ]);
    expect(Buffer.concat(parts.map((p) => p.short_message.subarray(6))).equals(octets)).toBe(true);
    expect(parts[0]!.short_message[3]).toBe(parts[1]!.short_message[3]);

    expect(await carrier.injectMo({ from: '1', to: '2', text, long: 'udh16' })).toBe(2);
    const wide = client.delivers.splice(0);
    expect(wide.map((p) => p.short_message.subarray(0, 3).toString('hex'))).toEqual(['060804', '060804']);
    expect(Buffer.concat(wide.map((p) => p.short_message.subarray(7))).equals(octets)).toBe(true);

    expect(await carrier.injectMo({ from: '1', to: '2', text, long: 'payload' })).toBe(1);
    expect((client.delivers[0]!.message_payload as Buffer).equals(octets)).toBe(true);
  });

  test('waits for a session, and says what it cannot send', async () => {
    const carrier = await carrierWith();
    const sent = carrier.injectMo({ from: '1', to: '2', text: 'early' });
    const client = await bound(carrier);
    expect(await sent).toBe(1);
    expect(textOf(client.delivers[0]!)).toBe('early');
    expect(() => carrier.injectMo({ from: '1', to: '2', text: 'x', account: 'who' })).toThrow(/no account "who"/);
    expect(() => carrier.injectMo({ from: '1', to: '2', text: '字', coding: 'gsm7' })).toThrow(/gsm7/);
  });
});

describe('books', () => {
  const part = (udh: string, text: Buffer): smpp.Fields => ({
    esm_class: 0x40,
    short_message: Buffer.concat([Buffer.from(udh, 'hex'), text]),
  });

  test('joins parts by 8- and 16-bit reference, sar_* and payload, in any order', async () => {
    const carrier = await carrierWith({ record: 'messages' });
    const client = await bound(carrier);
    const b = (s: string): Buffer => Buffer.from(s, 'latin1');
    await client.submit(part('0500030a0202', b('world')));
    await client.submit(part('0608040a0b0201', b('wide ')));
    await client.submit(part('0500030a0201', b('hello ')));
    await client.submit(part('0608040a0b0202', b('one')));
    const sar = (seq: number): smpp.Fields => ({ sar_msg_ref_num: 9, sar_total_segments: 2, sar_segment_seqnum: seq });
    await client.submit({ ...sar(2), short_message: b('by sar') });
    await client.submit({ ...sar(1), short_message: b('parts ') });
    await client.submit({ short_message: b(''), message_payload: b('x'.repeat(400)) });
    // A surrogate pair cut in half comes whole again.
    await client.submit({ ...part('0500030c0201', Buffer.from('d83d', 'hex')), data_coding: 8 });
    await client.submit({ ...part('0500030c0202', Buffer.from('de00', 'hex')), data_coding: 8 });
    expect(carrier.books.messages.map((m) => m.text)).toEqual([
      'hello world',
      'wide one',
      'parts by sar',
      'x'.repeat(400),
      '😀',
    ]);
    expect(carrier.books.messages[0]!.ids.length).toBe(2);
    expect(carrier.books.incomplete).toBe(0);
  });

  test('counts arrivals and repeats; what was refused did not arrive', async () => {
    const carrier = await carrierWith({ record: 'messages', behaviour: { numbers: [{ suffix: '404', code: 0x0b }] } });
    const client = await bound(carrier);
    await client.submit();
    await client.submit();
    await client.submit({ destination_addr: '8613800000002' });
    await client.submit({ destination_addr: '8613800000404' });
    const { books } = carrier;
    expect([books.arrivals('8613800000001', 'hello'), books.arrivals('8613800000002', 'hello')]).toEqual([2, 1]);
    expect(books.arrivals('8613800000404', 'hello')).toBe(0);
    expect(books.repeats).toBe(1);
  });

  test('finds repeated parts by fingerprint, whatever their reference', async () => {
    const carrier = await carrierWith({ record: 'fingerprints' });
    const client = await bound(carrier);
    const text = Buffer.from('same');
    for (const udh of ['050003010201', '050003020201', '050003010202']) await client.submit(part(udh, text));
    expect(carrier.books.repeats).toBe(1);
    expect(carrier.books.messages).toEqual([]);
  });
});

describe('options', () => {
  const start = (options: object): Promise<Carrier> =>
    startCarrier({ protocol: 'smpp', accounts: [{ name: 'a', secret: 'b' }], ...options } as CarrierOptions);

  test.each([
    [{ protocol: 'ucp' }, /no protocol ucp; give one of smpp, cmpp, sgip, smgp/],
    [{ version: '9' }, /no smpp version 9; give one of 3.4, 3.3, 5.0/],
    [{ accounts: [] }, /no account/],
    [{ behaviour: { responsDelay: 1 } }, /responsDelay is no rule; the rules are seed, responseDelay/],
    [{ behaviour: { responseDelay: -1 } }, /responseDelay is -1; give milliseconds/],
    [{ behaviour: { responseDelay: { min: 5, max: 1 } } }, /give milliseconds, { min, max }, /],
    [{ behaviour: { errorRate: { probability: 2 } } }, /errorRate.probability is 2; give a number from 0 to 1/],
    [{ behaviour: { errorRate: { chance: 1 } } }, /errorRate.chance is not known; errorRate has probability, code/],
    [{ behaviour: { errorRate: 1 } }, /errorRate is not an object/],
    [{ behaviour: { garbage: { kind: 'odd' } } }, /garbage.kind is "odd"; give one of octets/],
    [{ behaviour: { reports: { states: {} } } }, /give weights by state/],
    [{ behaviour: { numbers: [{ state: 'EXPIRED' }] } }, /numbers is not a list of rules/],
    [{ behaviour: { deliverWindow: 0 } }, /deliverWindow is 0; give a number from 1/],
  ])('%j', async (options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });

  test('a port that is taken', async () => {
    const carrier = await carrierWith();
    await expect(start({ port: carrier.port })).rejects.toThrow(/EADDRINUSE/);
  });

  test('a change that is wrong changes nothing', async () => {
    const carrier = await carrierWith();
    const before = carrier.behaviour;
    expect(() => carrier.change({ seed: 5, reportOn: 'every' as 'any' })).toThrow(/reportOn is "every"/);
    expect(carrier.behaviour).toBe(before);
  });
});

test('frames that do not read are answered, streams that do not are cut, and the carrier goes on', async () => {
  const carrier = await carrierWith();
  const client = await bound(carrier);
  // sm_length 255 in a frame that has 3 octets left.
  const frame = new smpp.PDU('submit_sm', { destination_addr: '1', short_message: Buffer.from('abc') });
  frame.sequence_number = 77;
  const octets = frame.toBuffer();
  octets[octets.length - 4] = 255;
  const answer = once(client.session, 'submit_sm_resp') as Promise<smpp.PDU[]>;
  client.session.socket.write(octets);
  expect((await answer)[0]).toMatchObject({ command_status: 1, sequence_number: 77 });
  client.session.socket.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await until(() => client.closed);
  expect(carrier.books.counts.malformed).toBe(2);
  expect((await (await bound(carrier)).submit()).command_status).toBe(0);
});
