import smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { type CarrierSetup, until } from './support/node.ts';
import { carrierUp, receiptOf, type Smsc, useRig } from './support/rig.ts';

// Quirks of message ids and receipts that real short message centres have, sent by the `smpp` package to a whole gateway:
// what the platform is told in the end.
const rig = useRig();
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

async function between(more = '', account = '') {
  const a = await rig.smsc();
  a.reportAfter = undefined;
  const setup: CarrierSetup = { name: 'a', protocol: 'smpp', port: a.port, ...(more === '' ? {} : { more }) };
  const n = await rig.node({ carriers: [setup], account: `mo: ["1069"]${account === '' ? '' : `, ${account}`}` });
  await carrierUp(n, 'a');
  const p = await rig.platform(n.port);
  let taken = 0;
  /** A message that the carrier has answered: its id here. */
  const submit = async (fields: smpp.Fields = {}): Promise<string> => {
    const { message_id: id } = await p.submit(fields);
    taken++;
    await until('taken by the carrier', () => n.gw.carriers.get('a')!.counters.accepted >= taken);
    return id;
  };
  return { a, n, p, submit };
}
const text = (a: Smsc, body: string, fields: smpp.Fields = {}): Promise<smpp.PDU> =>
  a.deliver({
    esm_class: 4,
    source_addr: '13800000001',
    destination_addr: '10690000',
    short_message: Buffer.from(body, 'latin1'),
    ...fields,
  });
const state = (d: smpp.PDU): string | undefined => receiptOf(d).stat;

describe('ids', () => {
  it.each([
    ['quirk 1', 'hexToDecimal', '38601fa', '0059113978'],
    ['quirk 1', 'hexToDecimal', '70BA8A69', '1891273321'],
    ['quirk 1', 'hexToDecimal', '6aad5', '0000436949'],
    ['quirk 3: digits in both bases', 'hexToDecimal', '10', '16'],
    ['quirk 2', 'decimalToHex', '0416342074', '18d0e03a'],
    ['quirk 5: case', 'learn', '33E95179', '33e95179'],
    ['quirk 5: zeros', 'learn', '0000000436949', '436949'],
    [
      'quirk 5: a UUID keeps its zeros',
      'learn',
      '00b8be19-0000-4000-8000-00000000000A',
      '00B8BE19-0000-4000-8000-00000000000a',
    ],
    ['quirk 6: beyond 2^63', 'hexToDecimal', '812FC7470000001B', '9308878062554710043'],
    ['quirk 6: text', 'learn', 'SAR-+4407-1eedf843-2-1', 'SAR-+4407-1eedf843-2-1'],
    ['quirk 9: quotes and dots', 'learn', '"a.b"/7', '"a.b"/7'],
  ])('%s (%s): %s in the answer, %s in the receipt', async (_, form, answered, reported) => {
    const { a, p, submit } = await between(`idForm: ${form}`);
    a.reply = () => ({ id: answered });
    const id = await submit();
    await text(a, `id:${reported} sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:DELIVRD err:000`);
    expect(receiptOf((await p.delivered(1))[0]!)).toMatchObject({ id, stat: 'DELIVRD' });
  });

  it('quirk 4 (deviation 21): the parameter in one base, the text in the other: either finds it', async () => {
    const { a, p, submit } = await between('idForm: exact');
    a.reply = (pdu) => ({ id: pdu.destination_addr === '13800000001' ? '38601fa' : '59113979' });
    const ids = [await submit(), await submit({ destination_addr: '13800000002' })];
    // The parameter names the first as it was answered; of the second only the text does.
    await text(a, 'id:0059113978 stat:DELIVRD', { receipted_message_id: '38601fa' });
    await text(a, 'id:59113979 stat:UNDELIV', { receipted_message_id: '38601fb', source_addr: '13800000002' });
    const told = (await p.delivered(2)).map((d) => [receiptOf(d).id, state(d)]);
    expect(told).toEqual([
      [ids[0], 'DELIVRD'],
      [ids[1], 'UNDELIV'],
    ]);
  });

  it('quirk 8: status 0 without an id is taken; nothing can be matched to it, and nothing breaks', async () => {
    const { a, n, p, submit } = await between();
    a.reply = () => ({ id: '' });
    await submit();
    expect((await text(a, 'id: stat:DELIVRD')).command_status).toBe(0);
    a.reply = () => ({ id: '2' });
    const id = await submit();
    await text(a, 'id:2 stat:DELIVRD');
    expect((await p.delivered(1)).map((d) => receiptOf(d).id)).toEqual([id]);
    expect(n.gw.state.active.size + n.gw.state.frozen.count).toBeGreaterThan(0);
  });

  it('quirk 10: an id used twice means the newest message that is open, or the one whose number the receipt names', async () => {
    const { a, p, submit } = await between();
    a.reply = () => ({ id: '5' });
    const ids: string[] = [];
    for (const to of ['13800000001', '13800000002']) ids.push(await submit({ destination_addr: to }));
    await text(a, 'id:5 stat:UNDELIV', { source_addr: '13800000002' });
    await text(a, 'id:5 stat:DELIVRD', { source_addr: '13800000001' });
    const told = (await p.delivered(2)).map((d) => [receiptOf(d).id, state(d)]);
    expect(told).toEqual([
      [ids[1], 'UNDELIV'],
      [ids[0], 'DELIVRD'],
    ]);
  });
});

describe('order and duplicates', () => {
  it('quirk 11: the receipt before the answer', async () => {
    const { a, p } = await between();
    a.reply = () => undefined;
    const asked = p.submit();
    await until('a submit', () => a.submits.length === 1);
    const { pdu, session } = a.submits[0]!;
    await text(a, 'id:early stat:DELIVRD');
    session.send(pdu.response({ message_id: 'early' }));
    const { message_id: id } = await asked;
    expect(receiptOf((await p.delivered(1))[0]!)).toMatchObject({ id, stat: 'DELIVRD' });
  });

  it('quirk 13: on another bind of the same account', async () => {
    const { a, p, submit } = await between('binds: 2');
    await until('two binds', () => a.sessions.size === 2);
    a.reply = () => ({ id: '9' });
    await submit();
    const other = [...a.sessions].find((s) => s !== a.submits[0]!.session)!;
    await a.deliver({ esm_class: 4, source_addr: '1', short_message: Buffer.from('id:9 stat:DELIVRD') }, other);
    expect((await p.delivered(1)).map(state)).toEqual(['DELIVRD']);
  });

  it('quirks 14 and 27: repeated, or without any id: always answered, told once', async () => {
    const { a, p, submit } = await between();
    a.reply = () => ({ id: '9' });
    await submit();
    const answers: smpp.PDU[] = [];
    for (const body of ['id:9 stat:DELIVRD', 'id:9 stat:DELIVRD', 'id:9 stat:DELIVRD', 'nothing', ''])
      answers.push(await text(a, body));
    expect(answers.map((d) => [d.command, d.command_status])).toEqual(Array(5).fill(['deliver_sm_resp', 0]));
    await p.request('enquire_link');
    expect(p.delivers.map(state)).toEqual(['DELIVRD']);
  });

  it('quirk 16: ACCEPTD is not the end, and what is ended stays so', async () => {
    const { a, p, submit } = await between();
    a.reply = () => ({ id: '9' });
    await submit();
    await text(a, 'id:9 stat:ACCEPTD');
    await text(a, 'id:9 stat:ENROUTE');
    await text(a, 'id:9 stat:DELIVRD');
    expect((await text(a, 'id:9 stat:UNDELIV')).command_status).toBe(0);
    await p.delivered(1);
    expect(p.delivers.map(state)).toEqual(['DELIVRD']);
  });

  it('quirk 17 (deviations 26 and 28): receipts that nobody asked for, of messages that nobody knows: answered, not told', async () => {
    const { a, p } = await between();
    a.reply = (pdu) => (pdu.registered_delivery === 0 ? { id: 'quiet' } : { status: 0x45 });
    await p.submit({ registered_delivery: 0 });
    const answers = [await text(a, 'id:quiet stat:DELIVRD'), await text(a, 'id:never stat:REJECTD')];
    expect(answers.map((d) => d.command_status)).toEqual([0, 0]);
    expect(p.delivers).toEqual([]);
  });
});

describe('form', () => {
  const bodies: readonly (readonly [string, string, smpp.Fields, string])[] = [
    ['quirk 18: id and state only', 'id:9 stat:DELIVRD', {}, 'DELIVRD'],
    ['quirk 19: other order, keys and case', 'Stat: delivrd, submitdate:2401010000; Id=9 Text:x', {}, 'DELIVRD'],
    ['quirk 19: a blank behind the colon', 'id: 9 stat: EXPIRED err: 0', {}, 'EXPIRED'],
    ['quirk 20: parameters only', '', { receipted_message_id: '9', message_state: 5 }, 'UNDELIV'],
    [
      'quirk 20: parameters against the text',
      'id:8 stat:DELIVRD',
      { receipted_message_id: '9', message_state: 5 },
      'UNDELIV',
    ],
    ['quirk 22: with reply path and mode', 'id:9 stat:DELIVRD', { esm_class: 0x87 }, 'DELIVRD'],
    ['quirk 22: with UDHI', '\x05\0\x03\x07\x01\x01id:9 stat:DELIVRD', { esm_class: 0x44 }, 'DELIVRD'],
    ['quirk 23: in UCS-2', utf16('id:9 stat:DELIVRD').toString('latin1'), { data_coding: 8 }, 'DELIVRD'],
    ['quirk 23: called UCS-2, but in ASCII', 'id:9 stat:DELIVRD', { data_coding: 8 }, 'DELIVRD'],
    ['quirk 25: FAILED', 'id:9 stat:FAILED', {}, 'UNDELIV'],
    ['quirk 25: NOTDELIV', 'id:9 stat:NOTDELIV', {}, 'UNDELIV'],
    ['quirk 25: cut at seven letters', 'id:9 stat:UNDELIVERABLE', {}, 'UNDELIV'],
    [
      'quirk 26: dates with seconds',
      'id:9 submit date:240101000000 done date:240101000001 stat:DELIVRD',
      {},
      'DELIVRD',
    ],
    [
      'quirk 26: a year of four digits',
      'id:9 submit date:202401010000 done date:202401010000 stat:DELIVRD',
      {},
      'DELIVRD',
    ],
    ['quirk 26: zeros', 'id:9 submit date:0000000000 done date:0000000000 stat:DELIVRD', {}, 'DELIVRD'],
    [
      'quirk 26: tenths and zone',
      'id:9 submit date:240101000000004+ done date:240101000000004+ stat:DELIVRD',
      {},
      'DELIVRD',
    ],
    ['quirk 27: err of four digits does not decide', 'id:9 stat:DELIVRD err:0002', {}, 'DELIVRD'],
    ['quirk 27: err in letters', 'id:9 stat:UNDELIV err:21b', {}, 'UNDELIV'],
    ['quirk 28: keys in its text', 'id:9 stat:UNDELIV err:000 text:id:7 stat:DELIVRD\nsecond', {}, 'UNDELIV'],
    ['quirk 30: parameter and text disagree', 'id:9 stat:DELIVRD', { message_state: 8 }, 'REJECTD'],
    [
      'quirk 31: addresses not swapped',
      'id:9 stat:DELIVRD',
      { source_addr: '10690000', destination_addr: '13800000001' },
      'DELIVRD',
    ],
    ['quirk 56: message_state of four octets', 'id:9', { '0x0427': Buffer.from('00000002', 'hex') }, 'DELIVRD'],
    ['quirk 55: a parameter without its NUL', '', { '0x001e': Buffer.from('9'), message_state: 2 }, 'DELIVRD'],
    ['quirk 55: a parameter with two NULs', '', { '0x001e': Buffer.from('9\0\0'), message_state: 2 }, 'DELIVRD'],
    ['deviation 16: in message_payload', '', { message_payload: Buffer.from('id:9 stat:DELIVRD') }, 'DELIVRD'],
    [
      'deviation 52: times filled, source empty',
      'id:9 stat:DELIVRD',
      { source_addr: '', validity_period: 'tomorrow' },
      'DELIVRD',
    ],
  ];

  it('each of them is understood', async () => {
    const { a, p, submit } = await between();
    let told = 0;
    for (const [what, body, fields, expected] of bodies) {
      a.reply = () => ({ id: '9' });
      const id = await submit();
      const raw = Object.entries(fields).filter(([key]) => key.startsWith('0x'));
      const named = Object.fromEntries(Object.entries(fields).filter(([key]) => !key.startsWith('0x')));
      if (raw.length === 0) expect((await text(a, body, named)).command_status, what).toBe(0);
      else {
        for (const [tag, value] of raw) named[nameOf(Number(tag))] = value;
        expect((await text(a, body, named)).command_status, what).toBe(0);
      }
      told++;
      await p.delivered(told);
      const d = p.delivers.at(-1)!;
      expect([receiptOf(d).id, state(d)], what).toEqual([id, expected]);
    }
  });

  it('quirk 21: not marked as a receipt: an MO, unless the carrier is known for it', async () => {
    const { a, p, submit } = await between();
    a.reply = () => ({ id: '9' });
    await submit();
    const body = {
      source_addr: '13800000001',
      destination_addr: '1069',
      short_message: Buffer.from('id:9 stat:DELIVRD'),
    };
    await a.deliver(body);
    expect((await p.delivered(1))[0]).toMatchObject({ esm_class: 0 });

    const sniffing = await between('receipts: { sniff: true }');
    sniffing.a.reply = () => ({ id: '9' });
    const id = await sniffing.submit();
    await sniffing.a.deliver(body);
    await sniffing.a.deliver({ ...body, short_message: Buffer.from('my id: is 9') });
    const [receipt, mo] = await sniffing.p.delivered(2);
    expect([receipt!.esm_class, receiptOf(receipt!).id, mo!.esm_class]).toEqual([4, id, 0]);
  });

  it('quirks 25 and 30: a table of words, and the text before the parameter, by setting; an unknown word ends nothing', async () => {
    const { a, p, submit } = await between('receipts: { stateFrom: text, words: { Blocked: rejected } }');
    a.reply = (pdu) => ({ id: pdu.destination_addr.slice(-1) });
    for (const to of ['13800000001', '13800000002']) await submit({ destination_addr: to });
    await text(a, 'id:1 stat:HMMM');
    await text(a, 'id:1 stat:BLOCKED');
    await text(a, 'id:2 stat:DELIVRD', { message_state: 1 });
    expect((await p.delivered(2)).map(state)).toEqual(['REJECTD', 'DELIVRD']);
  });

  it('quirk 29: network_error_code as three digits, and as it should be', async () => {
    const { a, p, submit } = await between();
    a.reply = (pdu) => ({ id: pdu.destination_addr.slice(-1) });
    for (const to of ['13800000001', '13800000002']) await submit({ destination_addr: to });
    await text(a, 'id:1 stat:UNDELIV', { network_error_code: Buffer.from('034') });
    await text(a, 'id:2 stat:UNDELIV', { network_error_code: Buffer.from('030011', 'hex') });
    expect((await p.delivered(2)).map((d) => receiptOf(d).err)).toEqual(['034', '017']);
  });
});

/** The package writes a known parameter by its table: under another name octets go in as they are. */
function nameOf(tag: number): string {
  const name = `raw_${tag.toString(16)}`;
  Object.assign(smpp.tlvs, { [name]: { ...smpp.tlvs.message_payload, id: tag, tag: name } });
  return name;
}
