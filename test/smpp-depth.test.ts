import smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { gsm7Encode, pack } from '../protocols/text/gsm7.ts';
import type { CarrierSetup } from './support/node.ts';
import { until } from './support/node.ts';
import { carrierUp, receiptOf, type Smsc, useRig } from './support/rig.ts';

// What SMPP has beyond submit and receipt, through a whole gateway, with the `smpp` package on both ends.
const rig = useRig();
const carrier = (c: Smsc, more?: string): CarrierSetup => ({
  name: 'a',
  protocol: 'smpp',
  port: c.port,
  ...(more === undefined ? {} : { more }),
});
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** A node between one platform and one carrier. */
async function between(more?: string, account?: string, version?: number) {
  const a = await rig.smsc();
  const n = await rig.node({ carriers: [carrier(a, more)], ...(account === undefined ? {} : { account }) });
  await carrierUp(n, 'a');
  const p = await rig.platform(n.port, version === undefined ? {} : { version });
  return { a, n, p };
}

describe('versions', () => {
  it('quirk 7: a 3.3 platform: ids of eight hexadecimal digits, receipts as text, no parameter', async () => {
    const { p } = await between(undefined, 'receipts: { form: tlv }', 0x33);
    const { message_id: id } = await p.submit();
    expect(id).toMatch(/^[0-9a-f]{8}$/);
    const [d] = await p.delivered(1);
    expect(receiptOf(d!)).toMatchObject({ id, stat: 'DELIVRD' });
    expect([d!.receipted_message_id, d!.message_state]).toEqual([undefined, undefined]);
    expect((await p.request('query_sm', { message_id: id, source_addr: '10690000' })).message_state).toBe(2);
  });

  it('a 5.0 platform is answered 5.0; broadcasts are refused in their own words', async () => {
    const { n } = await between();
    const p = await rig.platform(n.port, { version: 0x50 });
    expect([...n.gw.accounts.get('acme')!.sessions].map((s) => s.version)).toContain(0x50);
    const needed = {
      broadcast_area_identifier: [Buffer.from('00414243', 'hex')],
      broadcast_content_type: Buffer.from('000001', 'hex'),
      broadcast_rep_num: 3,
      broadcast_frequency_interval: Buffer.from('080005', 'hex'),
    };
    const some = await p.request('broadcast_sm', { source_addr: '1', broadcast_rep_num: 3 });
    expect([some.command, some.command_status]).toEqual(['broadcast_sm_resp', 0xc3]);
    const whole = await p.request('broadcast_sm', { source_addr: '1', ...needed });
    expect([whole.command, whole.command_status]).toEqual(['broadcast_sm_resp', 0x10d]);
    const asked = await p.request('query_broadcast_sm', { message_id: '1', source_addr: '1' });
    expect([asked.command, asked.command_status]).toEqual(['query_broadcast_sm_resp', 0x10e]);
    const taken = await p.request('cancel_broadcast_sm', { message_id: '1', source_addr: '1' });
    expect([taken.command, taken.command_status]).toEqual(['cancel_broadcast_sm_resp', 0x10f]);
  });

  it('a 3.4 platform has no broadcasts: generic_nack', async () => {
    const { p } = await between();
    const answer = await p.request('broadcast_sm', { source_addr: '1', broadcast_rep_num: 3 });
    expect([answer.command, answer.command_status]).toEqual(['generic_nack', 3]);
  });

  it('quirk 59: an account held to an older version is sent no parameter, whatever it asks for', async () => {
    const { n, p } = await between(undefined, 'interfaceVersion: 0x33', 0x34);
    expect(n.gw.accounts.get('acme')!.sessions.map((s) => s.version)).toEqual([0x33]);
    await p.submit();
    const [d] = await p.delivered(1);
    expect(d!.receipted_message_id).toBeUndefined();
  });

  it('a 5.0 carrier that says it is busy is sent less at a time, and more again when it is not', async () => {
    const a = await rig.smsc();
    a.bindFields = { sc_interface_version: 0x50 };
    let congestion = 95;
    a.reply = () => ({ fields: { congestion_state: congestion } });
    a.reportAfter = undefined;
    const n = await rig.node({ carriers: [carrier(a, 'interfaceVersion: 0x50, window: 10')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const bind = n.gw.carriers.get('a')!.binds[0]!;
    expect([bind.session.version, bind.allowed]).toEqual([0x50, 10]);
    await Promise.all(Array.from({ length: 10 }, () => p.submit()));
    await until('ten answers', () => n.gw.carriers.get('a')!.counters.accepted === 10);
    expect(bind.allowed).toBe(5);
    congestion = 85;
    await Promise.all(Array.from({ length: 10 }, () => p.submit()));
    await until('twenty answers', () => n.gw.carriers.get('a')!.counters.accepted === 20);
    expect(bind.allowed).toBe(5);
    congestion = 10;
    await Promise.all(Array.from({ length: 60 }, () => p.submit()));
    await until('all answers', () => n.gw.carriers.get('a')!.counters.accepted === 80);
    expect(bind.allowed).toBe(10);
  });

  it('quirk 57: congestion_state from a 3.4 carrier is believed, or ignored by its setting', async () => {
    const a = await rig.smsc();
    a.reply = () => ({ fields: { congestion_state: 95 } });
    a.reportAfter = undefined;
    const n = await rig.node({ carriers: [carrier(a, 'congestion: ignore, window: 10')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await Promise.all(Array.from({ length: 10 }, () => p.submit()));
    await until('ten answers', () => n.gw.carriers.get('a')!.counters.accepted === 10);
    expect(n.gw.carriers.get('a')!.binds[0]!.allowed).toBe(10);
  });
});

describe('replace_sm', () => {
  it('the text is in the coding of the message that it replaces: no octet of it is taken for anything else', async () => {
    const { a, p } = await between('coding: [ucs2]', 'defaultAlphabet: latin1');
    const { message_id: id } = await p.submit({
      data_coding: 8,
      short_message: utf16('first'),
      schedule_delivery_time: '000000000003000R',
    });
    const by = { message_id: id, source_addr: '10690000' };
    expect((await p.request('replace_sm', { ...by, short_message: utf16('nextĀ') })).command_status).toBe(0);
    await until('a submit', () => a.submits.length === 1);
    const { pdu } = a.submits[0]!;
    expect([pdu.data_coding, pdu.short_message.toString('hex')]).toEqual([8, utf16('nextĀ').toString('hex')]);
  });
});

describe('submit_multi', () => {
  const to = (number: string) => ({ dest_flag: 1, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: number });
  const list = (name: string) => ({ dest_flag: 2, dl_name: name });
  const lists = 'lists: { staff: ["13800000001", "13800000002"], night: ["13800000002", "+8613800000003"] }';

  it('254 destinations: a message each, one id, a receipt from each', async () => {
    const { a, p } = await between('window: 100');
    const numbers = Array.from({ length: 254 }, (_, i) => `1390000${String(i).padStart(4, '0')}`);
    const answer = await p.request('submit_multi', {
      source_addr: '10690000',
      registered_delivery: 1,
      dest_address: numbers.map(to),
      short_message: Buffer.from('all'),
    });
    expect([answer.command_status, answer.unsuccess_sme]).toEqual([0, []]);
    await p.delivered(254);
    expect(a.submits.map((s) => s.pdu.destination_addr).sort()).toEqual(numbers);
    expect(new Set(p.delivers.map((d) => receiptOf(d).id))).toEqual(new Set([answer.message_id]));
    expect(p.delivers.map((d) => d.source_addr).sort()).toEqual(numbers);
  });

  it('lists of the account are taken apart; a number in two of them gets one message; unknown lists are named', async () => {
    const { a, p } = await between(undefined, lists);
    const answer = await p.request('submit_multi', {
      source_addr: '10690000',
      registered_delivery: 1,
      dest_address: [list('staff'), to('13800000009'), list('night'), list('nobody')],
      short_message: Buffer.from('shift'),
    });
    expect(answer.command_status).toBe(0);
    expect(answer.unsuccess_sme).toMatchObject([{ destination_addr: 'nobody', error_status_code: 0x34 }]);
    await p.delivered(4);
    expect(a.submits.map((s) => s.pdu.destination_addr).sort()).toEqual([
      '13800000001',
      '13800000002',
      '13800000003',
      '13800000009',
    ]);
  });

  it('only an unknown list: refused as such', async () => {
    const { p } = await between(undefined, lists);
    const answer = await p.request('submit_multi', {
      source_addr: '1',
      dest_address: [list('constructor')],
      short_message: Buffer.from('x'),
    });
    expect(answer.command_status).toBe(0x34);
  });
});

describe('data_sm', () => {
  it('to a carrier that wants it: text, header and validity are where data_sm has them; its answer counts', async () => {
    const { a, p } = await between('submitBy: data_sm');
    const answer = await p.submit({
      short_message: Buffer.concat([Buffer.from('050003070201', 'hex'), Buffer.from('part')]),
      esm_class: 0x40,
      validity_period: '000000010000000R',
    });
    await p.delivered(1);
    const { pdu } = a.submits[0]!;
    expect(pdu.command).toBe('data_sm');
    expect(pdu).toMatchObject({ destination_addr: '13800000001', esm_class: 0x40, registered_delivery: 1 });
    expect((pdu.message_payload as unknown as Buffer).toString('latin1')).toBe('\x05\0\x03\x07\x02\x01part');
    expect(pdu.qos_time_to_live).toBeGreaterThan(3590);
    expect(pdu.qos_time_to_live).toBeLessThanOrEqual(3600);
    expect(receiptOf(p.delivers[0]!).id).toBe(answer.message_id);
  });

  it('quirk 24: receipts and MO that a carrier brings by data_sm', async () => {
    const { a, p } = await between(undefined, 'mo: ["1069"]');
    a.reportAfter = undefined;
    a.reply = () => ({ id: '77' });
    const { message_id: id } = await p.submit();
    const receipt = Buffer.from('id:77 stat:UNDELIV err:005');
    const answers = [
      await a.deliver({ esm_class: 4, source_addr: '13800000001', message_payload: receipt }, undefined, 'data_sm'),
      await a.deliver(
        { source_addr: '13800000001', destination_addr: '1069', message_payload: Buffer.from('hi') },
        undefined,
        'data_sm',
      ),
    ];
    expect(answers.map((d) => [d.command, d.command_status])).toEqual([
      ['data_sm_resp', 0],
      ['data_sm_resp', 0],
    ]);
    const told = await p.delivered(2);
    expect(receiptOf(told[0]!)).toMatchObject({ id, stat: 'UNDELIV', err: '005' });
    expect(told[1]!.short_message.toString()).toBe('hi');
  });

  it('to a platform that wants it: receipts and MO', async () => {
    const { a, p } = await between(undefined, 'deliverBy: data_sm, mo: ["1069"], receipts: { form: both }');
    const { message_id: id } = await p.submit();
    await p.delivered(1);
    await a.deliver({ source_addr: '13800000001', destination_addr: '1069', short_message: Buffer.from('hi') });
    await p.delivered(2);
    expect(p.delivers.map((d) => [d.command, d.esm_class])).toEqual([
      ['data_sm', 4],
      ['data_sm', 0],
    ]);
    const payloads = p.delivers.map((d) => (d.message_payload as unknown as Buffer).toString('latin1'));
    expect(payloads[0]).toContain(`id:${id} `);
    expect(payloads[1]).toBe('hi');
  });
});

describe('alert_notification', () => {
  const alert = { source_addr: '13800000001', source_addr_ton: 1, esme_addr: '10690001', ms_availability_status: 0 };

  it('passed on to the account of the called number where the carrier says so', async () => {
    const { a, n, p } = await between('alerts: pass', 'mo: ["1069"]');
    const tx = await rig.platform(n.port, { mode: 'transmitter' });
    [...a.sessions][0]!.send(new smpp.PDU('alert_notification', alert));
    await until('an alert', () => p.alerts.length === 1);
    expect(p.alerts[0]).toMatchObject(alert);
    expect(tx.alerts).toEqual([]);
    expect(n.gw.carriers.get('a')!.counters).toMatchObject({ alerts: 1, alertsTold: 1 });
  });

  it('else counted, and the link goes on', async () => {
    const { a, n, p } = await between(undefined, 'mo: ["1069"]');
    [...a.sessions][0]!.send(new smpp.PDU('alert_notification', alert));
    await until('counted', () => n.gw.carriers.get('a')!.counters.alerts === 1);
    await p.submit();
    await p.delivered(1);
    expect([p.alerts, n.gw.carriers.get('a')!.counters.alertsTold]).toEqual([[], 0]);
  });
});

describe('receipts in the form of the account', () => {
  it('dates with seconds in its zone, err by its table, ids in hexadecimal', async () => {
    const { a, p } = await between(
      undefined,
      'receipts: { form: text, idForm: hex, seconds: true, zone: "+08:00", errors: { "020": "7", "UNDE*": "9", "ESME_RINVDSTADR": "11" } }',
    );
    a.reportAfter = undefined;
    let n = 0;
    a.reply = (pdu) => (pdu.destination_addr.endsWith('9') ? { status: 0x0b } : { id: `k${n++}` });
    const before = Date.now();
    const ids = [];
    for (const to of ['13800000001', '13800000002', '13800000009'])
      ids.push((await p.submit({ destination_addr: to })).message_id);
    expect(ids.every((id) => /^[0-9a-f]{13}$/.test(id))).toBe(true);
    await p.delivered(1);
    await a.report(a.submits[0]!.pdu, 'k0', 'UNDELIV', '020');
    await a.deliver({ esm_class: 4, source_addr: '13800000002', short_message: Buffer.from('id:k1 stat:UNDELIV') });
    const told = await p.delivered(3);
    const seen = told.map(receiptOf).sort((x, y) => x.id!.localeCompare(y.id!));
    expect(seen.map((r) => [r.id, r.err])).toEqual([
      [ids[0], '007'],
      [ids[1], '009'],
      [ids[2], '011'],
    ]);
    const [, year, ...rest] = /^(..)(..)(..)(..)(..)(..)$/.exec(seen[0]!['submit date']!)!.map(Number);
    const [month, day, hour, minute, second] = rest;
    const at = Date.UTC(2000 + year!, month! - 1, day, hour! - 8, minute, second);
    expect(at).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
    expect(at).toBeLessThan(before + 60_000);
    expect(told.every((d) => d.receipted_message_id === undefined)).toBe(true);
  });
});

describe('alphabets', () => {
  /** What a platform sends, and what arrives at a carrier. */
  async function sent(fields: smpp.Fields, more?: string, account?: string): Promise<smpp.PDU> {
    const { a, p } = await between(more, account);
    expect((await p.submit(fields)).command_status).toBe(0);
    await until('a submit', () => a.submits.length > 0);
    return a.submits[0]!.pdu;
  }

  it('the shift tables of a language, with the header that announces them, pass untouched', async () => {
    const octets = Buffer.concat([Buffer.from('06240101250101', 'hex'), gsm7Encode('ışğ', { locking: 1, single: 1 })!]);
    const pdu = await sent({ esm_class: 0x40, data_coding: 0, short_message: octets });
    expect([pdu.esm_class, pdu.data_coding, pdu.short_message.toString('hex')]).toEqual([
      0x40,
      0,
      octets.toString('hex'),
    ]);
  });

  it('where the carrier takes UCS-2 only, they are read, and announced no more', async () => {
    const text = gsm7Encode('ğ ü', { single: 1 })!;
    const octets = Buffer.concat([Buffer.from('080003070201240101', 'hex'), text]);
    const pdu = await sent({ esm_class: 0x40, data_coding: 0, short_message: octets }, 'coding: [ucs2]');
    expect([pdu.data_coding, pdu.short_message.toString('hex')]).toEqual([
      8,
      `050003070201${utf16('ğ ü').toString('hex')}`,
    ]);
  });

  it('as a coding of the carrier: announced in every segment, and fewer of them than in UCS-2', async () => {
    const text = 'şğıİ '.repeat(50);
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a, 'coding: [gsm7, gsm7-tr, ucs2]')] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    await p.submit({ data_coding: 8, message_payload: utf16(text), short_message: Buffer.alloc(0) });
    await until('two submits', () => a.submits.length === 2);
    const parts = a.submits.map((s) => s.pdu.short_message);
    for (const [k, part] of parts.entries()) {
      expect(part.subarray(0, 3).toString('hex')).toBe('0b0003');
      expect(part.subarray(4, 12).toString('hex')).toBe(`020${k + 1}250101240101`);
      expect(part.length).toBeLessThanOrEqual(12 + 146);
    }
    // Turkish locking shift by the tables of 23.038: ş 1d? read back by the other's count of septets.
    expect(parts.reduce((sum, part) => sum + part.length - 12, 0)).toBe(
      gsm7Encode(text, { locking: 1, single: 1 })!.length,
    );
    expect(a.submits.map((s) => [s.pdu.esm_class, s.pdu.data_coding])).toEqual([
      [0x40, 0],
      [0x40, 0],
    ]);
  });

  it('an MO in them reaches the platform with its header; a CMPP reader would get its text', async () => {
    const { a, p } = await between(undefined, 'mo: ["1069"]');
    const octets = Buffer.concat([Buffer.from('03240101', 'hex'), gsm7Encode('ğ', { single: 1 })!]);
    await a.deliver({ esm_class: 0x40, source_addr: '1380', destination_addr: '1069', short_message: octets });
    const [d] = await p.delivered(1);
    expect([d!.esm_class, d!.short_message.toString('hex')]).toEqual([0x40, octets.toString('hex')]);
  });

  it.each([
    [0x10, 'hello', 'latin1', 'coding: [gsm7, ucs2]', 0x10],
    [0x10, 'hello', 'latin1', 'coding: [ucs2]', 0x18],
    [0xf1, 'hello', 'latin1', 'coding: [ucs2]', 0x19],
    [0xf5, '\x01\x02', 'latin1', 'coding: [gsm7]', 0xf5],
    [0x18, '\x4f\x60', 'latin1', 'coding: [ucs2]', 0x18],
    [0x18, '\0h', 'latin1', 'coding: [gsm7]', 0x10],
  ] as const)(
    'quirk 39: class of data_coding %i with %j stays with the message',
    async (given, text, charset, more, expected) => {
      const pdu = await sent({ data_coding: given, short_message: Buffer.from(text, charset) }, more);
      expect(pdu.data_coding).toBe(expected);
    },
  );

  it.each([
    [6, 'b0b1', 'АБ'],
    [7, 'e0e1', 'אב'],
    [14, 'c7d1b1db', '한글'],
    [5, '93fa967b', '日本'],
    [3, 'e9', 'é'],
    [1, '40', '@'],
  ])('data_coding %i is read, and coded for who takes UCS-2', async (given, octets, text) => {
    const pdu = await sent({ data_coding: given, short_message: Buffer.from(octets, 'hex') }, 'coding: [ucs2]');
    expect([pdu.data_coding, pdu.short_message.toString('hex')]).toEqual([8, utf16(text).toString('hex')]);
  });

  it('a segment in a coding that no list names passes under its own label', async () => {
    const octets = Buffer.concat([Buffer.from('050003070201', 'hex'), Buffer.alloc(134, 0xb0)]);
    const pdu = await sent({ esm_class: 0x40, data_coding: 6, short_message: octets });
    expect([pdu.data_coding, pdu.short_message.equals(octets)]).toEqual([6, true]);
  });

  it('quirk 40: packed both ways, by setting: octets as on the air', async () => {
    const { a, p } = await between('packed: true', 'packed: true, mo: ["1069"]');
    const text = gsm7Encode('hello €')!;
    await p.submit({ data_coding: 0, short_message: pack(text) });
    await until('a submit', () => a.submits.length > 0);
    expect(a.submits[0]!.pdu.short_message.toString('hex')).toBe(pack(text, 0, 'cr').toString('hex'));
    const udh = Buffer.from('050003070201', 'hex');
    await p.submit({ data_coding: 0, esm_class: 0x40, short_message: Buffer.concat([udh, pack(text, 1)]) });
    await until('a submit', () => a.submits.length > 1);
    expect(a.submits[1]!.pdu.short_message.toString('hex')).toBe(
      Buffer.concat([udh, pack(text, 1, 'cr')]).toString('hex'),
    );
  });

  it('quirk 34: a table of data_coding per peer, both ways', async () => {
    const { a, p } = await between('dataCodings: { 1: gsm7 }', 'dataCodings: { 1: gsm7 }');
    await p.submit({ data_coding: 1, short_message: gsm7Encode('@ü')! });
    await until('a submit', () => a.submits.length > 0);
    expect([a.submits[0]!.pdu.data_coding, a.submits[0]!.pdu.short_message.toString('hex')]).toEqual([1, '007e']);
  });
});
