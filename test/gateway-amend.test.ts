import type smpp from 'smpp';
import { describe, expect, it } from 'vitest';
import { until } from './support/node.ts';
import { carrierUp, kept, receiptOf, type Smsc, textsOf, useRig } from './support/rig.ts';

const rig = useRig();
const OK = 0;
const RINVMSGID = 0x0c;
const RCANCELFAIL = 0x11;
const RREPLACEFAIL = 0x13;
const ENROUTE = 1;

const carrier = (smsc: Pick<Smsc, 'port'>) => ({ name: 'a', protocol: 'smpp' as const, port: smsc.port });
const text = (s: string) => ({ short_message: Buffer.from(s) });
const other = ['name: other, systemId: other, password: { demo: secret }, route: main'];

/** A node whose carrier is away until `comeUp`. */
async function away() {
  const a = await rig.smsc();
  const { port } = a;
  await a.stop();
  const n = await rig.node({ carriers: [carrier(a)], accounts: other });
  const p = await rig.platform(n.port);
  const ask = (command: string, id: string, fields: smpp.Fields = {}) =>
    p.request(command, { message_id: id, source_addr: '10690000', ...fields });
  return { n, p, ask, comeUp: () => rig.smsc(port) };
}

describe('query_sm', () => {
  it('enroute, awaiting its report, final, unknown; never another account’s, never with another source', async () => {
    const { n, p, ask, comeUp } = await away();
    const { message_id: id } = await p.submit();
    expect(await ask('query_sm', id)).toMatchObject({
      command_status: OK,
      message_id: id,
      message_state: ENROUTE,
      final_date: '',
    });
    const a = await comeUp();
    a.reportAfter = undefined;
    await until('awaiting', () => [...n.gw.state.active.values()].some((m) => m.stage === 3));
    expect(await ask('query_sm', id)).toMatchObject({ command_status: OK, message_state: ENROUTE });

    const q = await rig.platform(n.port, { systemId: 'other' });
    const foreign = await q.request('query_sm', { message_id: id, source_addr: '10690000' });
    expect(foreign.command_status).toBe(RINVMSGID);
    expect((await ask('query_sm', id, { source_addr: '95555' })).command_status).toBe(RINVMSGID);
    expect((await ask('query_sm', '42')).command_status).toBe(RINVMSGID);
    expect((await ask('query_sm', 'not a number')).command_status).toBe(RINVMSGID);

    await a.report(a.submits[0]!.pdu, '1000', 'UNDELIV', '007');
    await p.delivered(1);
    const final = await ask('query_sm', id);
    expect(final).toMatchObject({ command_status: OK, message_state: 5, error_code: 7 });
    expect(final.final_date).toMatch(/^\d{12}\d00\+$/);
  });

  it('of a waiting message that is in memory as octets, by its owner and by another: its report still finds it', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    a.reportAfter = undefined;
    const setup = { carriers: [carrier(a)], accounts: other, data };
    const first = await rig.node(setup);
    await carrierUp(first, 'a');
    const { message_id: id } = await (await rig.platform(first.port)).submit();
    await until('awaiting', () => [...first.gw.state.active.values()].some((m) => m.stage === 3));
    await first.stop();
    const n = await rig.node(setup);
    await carrierUp(n, 'a');
    expect(n.gw.state.frozen.count).toBe(1);
    const [p, q] = [await rig.platform(n.port), await rig.platform(n.port, { systemId: 'other' })];
    for (const command of ['query_sm', 'cancel_sm', 'replace_sm']) {
      const fields = { message_id: id, source_addr: '10690000', ...(command === 'replace_sm' ? text('x') : {}) };
      expect((await q.request(command, fields)).command_status).toBe(RINVMSGID);
      const own = { query_sm: OK, cancel_sm: RCANCELFAIL, replace_sm: RREPLACEFAIL }[command];
      expect((await p.request(command, fields)).command_status).toBe(own);
    }
    expect(n.gw.state.frozen.count).toBe(1);
    await a.report(a.submits[0]!.pdu, '1000');
    await p.delivered(1);
    expect(n.gw.state.parked.size).toBe(0);
  });
});

describe('cancel_sm', () => {
  it('by id: never sent, ended as DELETED with its receipt; not once it has left', async () => {
    const { n, p, ask, comeUp } = await away();
    const { message_id: id } = await p.submit(text('one'));
    await p.submit(text('two'));
    expect((await ask('cancel_sm', id, { source_addr: '95555' })).command_status).toBe(RINVMSGID);
    expect((await ask('cancel_sm', id)).command_status).toBe(OK);
    await p.delivered(1);
    expect(receiptOf(p.delivers[0]!)).toMatchObject({ id, stat: 'DELETED' });
    expect(await ask('query_sm', id)).toMatchObject({ message_state: 4 });
    const a = await comeUp();
    a.reportAfter = undefined;
    await until('two is there', () => a.submits.length === 1);
    expect(textsOf(a)).toEqual(['two']);
    const waiting = [...n.gw.state.active.values()][0]!;
    await until('awaiting', () => waiting.stage === 3);
    expect((await ask('cancel_sm', String(waiting.publicId))).command_status).toBe(RCANCELFAIL);
  });

  it('by addresses and service type: all that fit', async () => {
    const { n, p, ask } = await away();
    await p.submit({ ...text('a'), service_type: 'WAP' });
    await p.submit(text('b'));
    await p.submit({ ...text('c'), destination_addr: '13800000002' });
    const by = { destination_addr: '13800000001' };
    expect((await ask('cancel_sm', '', { ...by, service_type: 'USSD' })).command_status).toBe(RCANCELFAIL);
    expect((await ask('cancel_sm', '', { ...by, service_type: 'WAP' })).command_status).toBe(OK);
    await p.delivered(1);
    expect((await ask('cancel_sm', '', by)).command_status).toBe(OK);
    await p.delivered(2);
    await until('one left', () => kept(n) === 1);
  });

  it('a scheduled message, and all destinations of one submit_multi', async () => {
    const { n, p, ask } = await away();
    const { message_id: scheduled } = await p.submit({ schedule_delivery_time: '000000010000000R' });
    expect((await ask('cancel_sm', scheduled)).command_status).toBe(OK);
    const multi = await p.request('submit_multi', {
      source_addr: '10690000',
      registered_delivery: 1,
      dest_address: [1, 2, 3].map((k) => ({
        dest_flag: 1,
        dest_addr_ton: 1,
        dest_addr_npi: 1,
        destination_addr: `1380000000${k}`,
      })),
      ...text('many'),
    });
    expect(multi.command_status).toBe(OK);
    expect((await ask('cancel_sm', multi.message_id)).command_status).toBe(OK);
    await p.delivered(4);
    expect(p.delivers.map((d) => receiptOf(d).stat)).toEqual(Array(4).fill('DELETED'));
    await until('nothing left', () => kept(n) === 0);
  });
});

describe('replace_sm', () => {
  it('text, schedule, validity and receipt wish of a message that has not left, also over a restart', async () => {
    const data = rig.folder();
    const a = await rig.smsc();
    const { port } = a;
    await a.stop();
    const n = await rig.node({ carriers: [carrier(a)], data });
    const p = await rig.platform(n.port);
    const { message_id: id } = await p.submit({ ...text('first words'), schedule_delivery_time: '000000010000000R' });
    const fields = {
      message_id: id,
      source_addr: '10690000',
      schedule_delivery_time: '000000000001000R',
      validity_period: '000000020000000R',
      registered_delivery: 1,
      ...text('second words'),
    };
    expect((await p.request('replace_sm', { ...fields, source_addr: '95555' })).command_status).toBe(RINVMSGID);
    expect(
      (await p.request('replace_sm', { ...fields, schedule_delivery_time: '000000030000000R' })).command_status,
    ).toBe(0x61);
    expect((await p.request('replace_sm', fields)).command_status).toBe(OK);
    await n.stop();
    const again = await rig.node({ carriers: [carrier(a)], data });
    const b = await rig.smsc(port);
    const q = await rig.platform(again.port);
    await q.delivered(1);
    expect(textsOf(b)).toEqual(['second words']);
    expect(b.submits[0]!.pdu.validity_period).toMatch(/^\d{12}\d00\+$/);
    expect((await q.request('replace_sm', fields)).command_status).toBe(RINVMSGID);
  });

  it('refused once it has left', async () => {
    const { n, p, ask, comeUp } = await away();
    const { message_id: id } = await p.submit();
    const a = await comeUp();
    a.reportAfter = undefined;
    await until('awaiting', () => [...n.gw.state.active.values()].some((m) => m.stage === 3));
    expect((await ask('replace_sm', id, text('too late'))).command_status).toBe(RREPLACEFAIL);
    expect(textsOf(a)).toEqual(['hello']);
  });
});

describe('submit_multi and data_sm', () => {
  it('several destinations, bad ones and a distribution list named; one id, a receipt from each', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a)] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const to = (number: string) => ({ dest_flag: 1, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: number });
    const answer = await p.request('submit_multi', {
      source_addr: '10690000',
      registered_delivery: 1,
      dest_address: [to('13800000001'), to('nonsense'), { dest_flag: 2, dl_name: 'friends' }, to('13800000002')],
      ...text('many'),
    });
    expect(answer.command_status).toBe(OK);
    const failed = answer.unsuccess_sme as { destination_addr: string; error_status_code: number }[];
    expect(failed.map((f) => [f.destination_addr, f.error_status_code])).toEqual([
      ['nonsense', 0x0b],
      ['friends', 0x34],
    ]);
    await p.delivered(2);
    expect(p.delivers.map((d) => [receiptOf(d).id, d.source_addr]).sort()).toEqual([
      [answer.message_id, '13800000001'],
      [answer.message_id, '13800000002'],
    ]);
    const none = await p.request('submit_multi', { source_addr: '1', dest_address: [to('nonsense')], ...text('none') });
    expect(none.command_status).toBe(0x0b);
  });

  it('data_sm with message_payload', async () => {
    const a = await rig.smsc();
    const n = await rig.node({ carriers: [carrier(a)] });
    await carrierUp(n, 'a');
    const p = await rig.platform(n.port);
    const answer = await p.request('data_sm', {
      source_addr: '10690000',
      destination_addr: '13800000001',
      registered_delivery: 1,
      message_payload: Buffer.from('by data_sm'),
    });
    expect(answer).toMatchObject({ command: 'data_sm_resp', command_status: OK });
    await p.delivered(1);
    expect(textsOf(a)).toEqual(['by data_sm']);
    expect(receiptOf(p.delivers[0]!).id).toBe(answer.message_id);
  });
});
