import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { encode } from '../protocols/text/charset.ts';
import type { Node } from '../src/cli/serve.ts';
import { frame, u32, ucs2 } from './support/cmpp-peers.ts';
import { type Setup, until } from './support/node.ts';
import { carrierUp, kept, recordsOf, useRig } from './support/rig.ts';
import {
  ACTIVE_TEST,
  connectSp,
  DELIVER,
  deliverBody,
  EXIT,
  LOGIN,
  loginBody,
  loginSp,
  QUERY,
  readReport,
  reportBody,
  type Smgw,
  type Sp,
  type SpOptions,
  SUBMIT,
  startSmgw,
  submitBody,
  tlv,
} from './support/smgp-peers.ts';

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function gateway(version = 0x30): Promise<Smgw> {
  const smgw = await startSmgw(version);
  closers.push(() => smgw.stop());
  return smgw;
}

type More = Partial<Omit<Setup, 'carriers'>> & { readonly sp?: string };

/** A node between platforms, of SMPP and SMGP, and one raw gateway of a carrier. */
async function start(keys = '', more: More = {}, version = 0x30) {
  const smgw = await gateway(version);
  const { sp = '', ...setup } = more;
  const node = await rig.node({
    ...setup,
    carriers: [
      {
        name: 'telecom',
        protocol: 'smgp',
        port: smgw.port,
        version: version === 0x13 ? '1.3' : '3.0',
        ...(keys === '' ? {} : { more: keys }),
      },
    ],
    listeners: setup.listeners ?? ['name: smgp, protocol: smgp, listen: "127.0.0.1:0"'],
    accounts: [
      `name: school, protocol: smgp, systemId: "10650001", password: { demo: secret }, route: main, mo: ["10650001"]${sp === '' ? '' : `, ${sp}`}`,
      ...(setup.accounts ?? []),
    ],
  });
  await carrierUp(node, 'telecom');
  return { node, smgw, port: portOf(node) };
}
const portOf = (node: Node): number => node.listeners.get('smgp')!.address.port;

async function login(port: number, options?: SpOptions): Promise<Sp> {
  const sp = await loginSp(port, options);
  closers.push(() => sp.socket.destroy());
  return sp;
}

const gbk = (text: string): Buffer => encode(text, 'gbk')!;
const statusOf = (octets: Buffer): number => octets.readUInt32BE(0);
/** The carrier says DELIVRD of everything, at once behind its answer. */
function reporting(smgw: Smgw, stat = 'DELIVRD', err = '000'): void {
  smgw.onSubmit = (id, sequence, f) => [
    smgw.accept(id, sequence),
    frame(DELIVER, 90_000 + sequence, deliverBody({ report: 1, content: reportBody(id, stat, err), from: f.to[0]! })),
  ];
}

describe('as a client of a carrier', () => {
  it('a message goes out as the tables say, and its report comes back as a receipt', async () => {
    const { node, smgw } = await start('serviceId: SVC01, srcTermId: { prefix: "10659000" }');
    const [first] = smgw.logins;
    expect(first!.length).toBe(30);
    const time = String(first!.readUInt32BE(25)).padStart(10, '0');
    const digest = createHash('md5').update('10659000').update(Buffer.alloc(7)).update('secret').update(time).digest();
    expect(first!.toString('hex')).toBe(
      Buffer.concat([Buffer.from('10659000'), digest, Buffer.of(2), first!.subarray(25, 29), Buffer.of(0x30)]).toString(
        'hex',
      ),
    );
    reporting(smgw);
    const p = await rig.platform(node.port);
    const text = '【电信】您的验证码是 1234';
    await p.submit({ source_addr: '01', destination_addr: '8618900001234', data_coding: 8, short_message: ucs2(text) });
    const [receipt] = await p.delivered(1);
    expect(receipt!.short_message.toString('latin1')).toContain('stat:DELIVRD err:000');
    expect(smgw.submits.map((s) => s.fields)).toEqual([
      {
        msgType: 6,
        needReport: 1,
        priority: 0,
        serviceId: 'SVC01',
        feeType: '00',
        feeCode: '000000',
        fixedFee: '000000',
        msgFormat: 15,
        validTime: '',
        atTime: '',
        srcTermId: '1065900001',
        chargeTermId: '',
        to: ['18900001234'],
        content: gbk(text),
        reserve: '0'.repeat(16),
        tlvs: [],
      },
    ]);
    await until('answered', () => smgw.answers.length === 1);
    expect(smgw.answers).toEqual([{ msgId: '01006111240815000001', status: 0 }]);
    expect((await recordsOf(node))[0]).toMatchObject({ state: 'DELIVERED' });
  });

  it('deviation 3: 1.3 has no FixedFee, and TLVs all the same', async () => {
    const { node, smgw } = await start('mServiceId: PRODUCT01, msgSrc: "30000001"', {}, 0x13);
    expect(smgw.logins[0]!.at(-1)).toBe(0x13);
    const p = await rig.platform(node.port);
    await p.submit({ destination_addr: '18900001234' });
    await until('one submit', () => smgw.submits.length === 1);
    expect(smgw.submits[0]!.fields).toMatchObject({
      fixedFee: undefined,
      msgFormat: 15,
      tlvs: [
        [0x10, Buffer.from('30000001').toString('hex')],
        [0x12, Buffer.from('PRODUCT01\0\0\0\0\0\0\0\0\0\0\0\0').toString('hex')],
      ],
    });
  });

  it('long Chinese text with an emoji: TP_udhi, UDH, PkTotal and PkNumber from 1', async () => {
    const { node, smgw } = await start();
    reporting(smgw);
    const p = await rig.platform(node.port);
    const text = `第一段长短信内容，${'中国电信'.repeat(20)}😀完`;
    await p.request('submit_sm', {
      source_addr: '10659000',
      destination_addr: '18900001234',
      registered_delivery: 1,
      data_coding: 8,
      message_payload: ucs2(text),
    });
    await p.delivered(1);
    const parts = smgw.submits.map((s) => s.fields);
    expect(parts.length).toBe(2);
    parts.forEach((f, i) => {
      expect(f.msgFormat).toBe(8);
      expect(f.content.length).toBeLessThanOrEqual(140);
      expect(f.content.subarray(0, 3).toString('hex')).toBe('050003');
      expect([f.content[4], f.content[5]]).toEqual([2, i + 1]);
      expect(f.tlvs).toEqual([
        [2, '01'],
        [9, '02'],
        [0x0a, `0${i + 1}`],
      ]);
    });
    expect(Buffer.concat(parts.map((f) => f.content.subarray(6))).toString('hex')).toBe(ucs2(text).toString('hex'));
  });

  it('`tlvs: full` sends what the commonest client does; 16-bit references take seven octets', async () => {
    const { node, smgw } = await start('tlvs: full, longMessage: udh16, coding: [ucs2], linkId: LINK');
    const p = await rig.platform(node.port);
    await p.submit({ destination_addr: '18900001234' });
    await until('one submit', () => smgw.submits.length === 1);
    const zero = [1, 2, 4, 5, 7, 11, 12].map((tag) => [tag, '00']);
    const own = [
      [9, '01'],
      [10, '01'],
      [3, Buffer.from(`LINK${'\0'.repeat(16)}`).toString('hex')],
    ];
    const { tlvs } = smgw.submits[0]!.fields;
    expect([...tlvs].sort(([a], [b]) => a - b)).toEqual([...zero, ...own].sort(([a], [b]) => Number(a) - Number(b)));
    await p.submit({ destination_addr: '18900001234', short_message: Buffer.from('x'.repeat(150)) });
    await until('three submits', () => smgw.submits.length === 4);
    expect(smgw.submits[1]!.fields.content.subarray(0, 3).toString('hex')).toBe('060804');
  });

  it('deviations 1, 2 and 10: reports in every layout of the field, ids and texts of whatever octets', async () => {
    const { node, smgw } = await start();
    const p = await rig.platform(node.port);
    const spec = ['id:', ' sub:', ' dlvrd:', ' submit date:', ' done date:', ' stat:', ' err:', ' text:'];
    const layouts: [labels: string[], text: Uint8Array][] = [
      [spec, Buffer.alloc(20)],
      [spec.with(3, ' Submit date:').with(7, ' Text:'), Buffer.from('fill'.repeat(5))],
      [spec.with(7, ' Text:'), Buffer.from('fill'.repeat(5))],
      [spec.with(3, ' submit_date:').with(4, ' done_date:'), Buffer.alloc(0)],
      [['id:', 'sub:', ' dlvrd:', ' submit_date:', ' done_date:', ' stat:', ' err:', ' txt:'], gbk('中国0a8ae5')],
      [['id:', 'sSub:', 'sDlvrd:', 'sSubmit_Date:', 'sDone_Date:', 'sStat:', 'sErr:', 'sText:'], ucs2('文本文本')],
      [spec.map((label) => label.toUpperCase()), Buffer.from('id:0123456789 stat:EXPIRED err:001')],
    ];
    for (const [n, [labels, text]] of layouts.entries()) {
      await p.submit({ destination_addr: `1890000${n}234` });
      await until(`${n + 1} submits`, () => smgw.submits.length === n + 1);
      const content = reportBody(smgw.submits[n]!.id, 'UNDELIV', `00${n}`, labels, text);
      expect((await smgw.deliver(deliverBody({ report: 1, content, from: `1890000${n}234` }))).status).toBe(0);
      const receipts = await p.delivered(n + 1);
      expect(receipts[n]!.short_message.toString('latin1')).toContain(
        n === 0 ? 'stat:UNDELIV' : `stat:UNDELIV err:00${n}`,
      );
      expect(receipts[n]!.source_addr).toBe(`1890000${n}234`);
    }
    // And the id as twenty hex digits of text.
    await p.submit({ destination_addr: '18900009999' });
    await until('one more', () => smgw.submits.length === layouts.length + 1);
    const hex = Buffer.from(smgw.submits.at(-1)!.id.toString('hex').toUpperCase());
    await smgw.deliver(deliverBody({ report: 1, content: reportBody(hex, 'EXPIRED', '001') }));
    const receipts = await p.delivered(layouts.length + 1);
    expect(receipts.at(-1)!.short_message.toString('latin1')).toContain('stat:EXPIRED err:001');
  });

  it('deviation 11: a report with twenty NULs for a text and an err that says nothing of the stat', async () => {
    const { node, smgw } = await start();
    reporting(smgw, 'DELIVRD', '047');
    const p = await rig.platform(node.port);
    await p.submit();
    const [receipt] = await p.delivered(1);
    expect(receipt!.short_message.toString('latin1')).toContain('stat:DELIVRD err:000');
  });

  it('deviation 13: a report before its Submit_Resp, and on the receiving connection of a pair', async () => {
    const { node, smgw } = await start('loginMode: tx+rx');
    await until('two logins', () => smgw.sockets.length === 2);
    expect(smgw.sockets.map((s) => s.mode).sort()).toEqual([0, 1]);
    const receiving = smgw.sockets.find((s) => s.mode === 1)!.socket;
    smgw.onSubmit = () => [];
    const p = await rig.platform(node.port);
    const submitted = p.submit({ destination_addr: '18900001234' });
    await until('one submit', () => smgw.submits.length === 1);
    const { id, sequence, socket } = smgw.submits[0]!;
    expect(socket).not.toBe(receiving);
    await submitted;
    const report = deliverBody({ report: 1, content: reportBody(id), from: '18900001234' });
    expect(await smgw.deliver(report, receiving)).toMatchObject({ status: 0 });
    expect(p.delivers).toEqual([]);
    socket.write(smgw.accept(id, sequence));
    const [receipt] = await p.delivered(1);
    expect(receipt!.short_message.toString('latin1')).toContain('stat:DELIVRD');
    // A gateway that reports on the sending connection is understood too.
    smgw.onSubmit = (one, s) => [smgw.accept(one, s)];
    await p.submit({ destination_addr: '18900005678' });
    await until('two submits', () => smgw.submits.length === 2);
    await smgw.deliver(deliverBody({ report: 1, content: reportBody(smgw.submits[1]!.id) }), smgw.submits[1]!.socket);
    await p.delivered(2);
  });

  it("deviation 7: a vendor's Status ends the message and keeps its number", async () => {
    const { node, smgw } = await start();
    smgw.onSubmit = (id, s) => [smgw.accept(id, s, 8200)];
    const p = await rig.platform(node.port);
    await p.submit();
    const [receipt] = await p.delivered(1);
    expect(receipt!.short_message.toString('latin1')).toContain('stat:REJECTD');
    const { byCode } = node.gw.carriers.get('telecom')!.counters;
    expect([...byCode.keys()]).toContain(8200);
  });

  it('1 is "slow down", and the message goes again; 75 (daily volume) is not hammered on', async () => {
    const { node, smgw } = await start();
    let busy = 2;
    smgw.onSubmit = (id, s) => [smgw.accept(id, s, busy-- > 0 ? 1 : 0)];
    const p = await rig.platform(node.port);
    await p.submit();
    await until('three submits', () => smgw.submits.length === 3);
    expect(node.gw.carriers.get('telecom')!.counters.throttled).toBe(2);
    smgw.onSubmit = (id, s) => [smgw.accept(id, s, 75)];
    await p.submit();
    const [receipt] = await p.delivered(1);
    expect(receipt!.short_message.toString('latin1')).toContain('stat:REJECTD err:075');
    expect(smgw.submits.length).toBe(4);
  });

  it('deviation 12: SrcTermID with 118 and without, numbers with 86 and without, as the carrier is set', async () => {
    for (const [keys, source, to, want] of [
      ['srcTermId: { prefix: "11801234" }, numbers: "86"', '1', '18900001234', ['118012341', '8618900001234']],
      ['srcTermId: { prefix: "11801234" }', '118012341', '8618900001234', ['118012341', '18900001234']],
      ['srcTermId: { fixed: "10659000" }, numbers: "+86"', '77', '18900001234', ['10659000', '+8618900001234']],
    ] as const) {
      const { node, smgw } = await start(keys);
      const p = await rig.platform(node.port);
      await p.submit({ source_addr: source, destination_addr: to });
      await until('one submit', () => smgw.submits.length === 1);
      const { fields, id } = smgw.submits[0]!;
      expect([fields.srcTermId, fields.to[0]]).toEqual(want);
      // Its report may write the number either way.
      await smgw.deliver(deliverBody({ report: 1, content: reportBody(id), from: '018900001234' }));
      await p.delivered(1);
      await node.stop(300);
    }
  });

  it('deviations 4, 5, 8: MO with odd TLVs, and parts that only the header counts', async () => {
    const { node, smgw } = await start('mo: { account: acme }', { account: 'moForm: segments' });
    const p = await rig.platform(node.port);
    const udh = (n: number): Buffer => Buffer.from([5, 0, 3, 0x99, 2, n]);
    const tails: Buffer[][] = [
      // A NUL more, its natural length, an unknown one, and one that is cut short at the end of the frame.
      [tlv(3, `${'1'.repeat(20)}\0`), tlv(2, Buffer.of(1)), tlv(0x14, Buffer.of(1)), Buffer.from('0012001541', 'hex')],
      // PkNumber counts from 0, and says three parts.
      [tlv(3, '1'), tlv(2, Buffer.of(0x40)), tlv(9, Buffer.of(3)), tlv(10, Buffer.of(0)), Buffer.from('0010', 'hex')],
    ];
    for (const [i, tail] of tails.entries()) {
      const content = Buffer.concat([udh(i + 1), ucs2(i === 0 ? '你好' : '电信')]);
      expect(await smgw.deliver(deliverBody({ content, msgFormat: 8, tail }))).toMatchObject({ status: 0 });
    }
    const delivers = await p.delivered(2);
    expect(delivers.map((d) => [d.esm_class & 0x40, d.data_coding, d.short_message.toString('hex')])).toEqual([
      [0x40, 8, `050003990201${ucs2('你好').toString('hex')}`],
      [0x40, 8, `050003990202${ucs2('电信').toString('hex')}`],
    ]);
  });

  it('an MO for nobody is refused by name, and a Deliver that cannot be read too', async () => {
    const { node, smgw } = await start();
    expect(await smgw.deliver(deliverBody({ content: Buffer.from('hi'), to: '999' }))).toEqual({
      msgId: '01006111240815000001',
      status: 58,
    });
    const broken = deliverBody({ content: Buffer.from('hi') }).subarray(0, 70);
    expect(await smgw.deliver(broken)).toEqual({ msgId: '01006111240815000001', status: 10 });
    expect(kept(node)).toBe(0);
  });

  it('deviation 9: Active_Test_Resp without the sequence keeps the connection up', async () => {
    const { smgw, node } = await start('keepalive: 100ms, misses: 3');
    await until('eight probes', () => smgw.activeTests >= 8);
    expect(smgw.logins.length).toBe(1);
    expect(node.gw.carriers.get('telecom')!.up).toBe(true);
  });

  it('deviation 6: whatever the server hashes, the login stands; deviation 7: its own codes for a refusal', async () => {
    const smgw = await gateway();
    const refusals = [52, 3, 21];
    smgw.login = () => {
      const status = refusals.shift() ?? 0;
      // Refusals end behind their Status; the acceptance hashes one octet of it.
      if (status !== 0) return u32(status);
      return Buffer.concat([u32(0), createHash('md5').update(Buffer.alloc(1)).digest(), Buffer.of(0x30)]);
    };
    const node = await rig.node({ carriers: [{ name: 'telecom', protocol: 'smgp', port: smgw.port }] });
    // Three refusals of credentials in a row stop the dialling.
    await until('stopped', () => node.dials.get('telecom')!.slots[0]!.state === 'stopped');
    expect(node.dials.get('telecom')!.slots[0]!.error).toContain('status 21 (AUTH_FAILED)');
    // Whoever changes something wants to see at once whether it helped.
    await node.reload({ ...node.config, carriers: node.config.carriers.map((c) => ({ ...c, window: 18 })) });
    await carrierUp(node, 'telecom');
  });
});

describe('as a server of platforms', () => {
  it('a Submit is answered with an MsgID in BCD, reported in 122 octets, and an MO comes back', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const sp = await login(port);
    const { msgId, status } = await sp.submit({
      to: '18900001234',
      content: gbk('您好，电信'),
      msgFormat: 15,
      srcTermId: '10650001',
    });
    expect(status).toBe(0);
    expect(msgId).toMatch(/^\d{20}$/);
    const [report] = await sp.reports(1);
    expect(report).toEqual({
      octets: 122,
      id: msgId,
      sub: '001',
      dlvrd: '001',
      submitDate: expect.stringMatching(/^\d{10}$/) as string,
      doneDate: expect.stringMatching(/^\d{10}$/) as string,
      stat: 'DELIVRD',
      err: '000',
      labels: ['id:', ' sub:', ' dlvrd:', ' submit date:', ' done date:', ' stat:', ' err:', ' text:'],
      text: expect.stringMatching(/^\d{3}/) as string,
    });
    expect(msgId.slice(6, 14)).toBe(report!.submitDate.slice(2));
    expect(sp.delivers[0]).toMatchObject({ msgFormat: 0, srcTermId: '18900001234', destTermId: '10650001', tlvs: [] });
    expect(smgw.submits[0]!.fields).toMatchObject({ msgFormat: 15, content: gbk('您好，电信'), srcTermId: '10650001' });

    const tail = [tlv(3, '1'.repeat(20)), tlv(1, Buffer.of(0))];
    await smgw.deliver(deliverBody({ content: ucs2('退订'), msgFormat: 8, to: '1065000188', tail }));
    const [mo] = await sp.mos(1);
    expect(mo).toMatchObject({
      msgFormat: 15,
      content: gbk('退订'),
      srcTermId: '18900000001',
      destTermId: '1065000188',
      tlvs: [[3, Buffer.from('1'.repeat(20)).toString('hex')]],
    });
    // What the MO asked for is charged by its LinkID.
    await sp.submit({ content: 'reply', tlvs: [tlv(3, `${'1'.repeat(20)}\0`)] });
    await until('two submits', () => smgw.submits.length === 2);
    expect(smgw.submits[1]!.fields.tlvs).toEqual([[3, Buffer.from('1'.repeat(20)).toString('hex')]]);
  });

  it('deviations 3, 4, 5: 1.3 and 3.0 on one listener, in either layout, with odd TLVs', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const old = await login(port, { version: 0x13 });
    const now = await login(port);
    expect((await old.submit({ to: '18900000001' })).status).toBe(0);
    expect((await now.submit({ to: '18900000002' })).status).toBe(0);
    const { body } = await now.request(SUBMIT, submitBody({ to: '18900000003' }, 0x13));
    expect(body.readUInt32BE(10)).toBe(0);
    const odd = [tlv(0x14, Buffer.of(1)), tlv(0x12, 'ABC\0'), tlv(0x10, '123456789'), Buffer.from('00020009', 'hex')];
    expect((await old.submit({ to: '18900000004', content: '4', tlvs: odd })).status).toBe(0);
    await until('four submits', () => smgw.submits.length === 4);
    expect(smgw.submits.map((s) => s.fields.to[0]).sort()).toEqual([1, 2, 3, 4].map((n) => `1890000000${n}`));
  });

  it('LoginMode: reports and MO go to connections that receive, which may not submit', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const sender = await login(port, { mode: 0 });
    const receiver = await login(port, { mode: 1 });
    const { msgId } = await sender.submit();
    expect((await receiver.submit()).status).toBe(11);
    const [report] = await receiver.reports(1);
    expect(report!.id).toBe(msgId);
    expect(sender.delivers).toEqual([]);
  });

  it('up to a hundred receivers: one MsgID stands for as many, counted on, each reported under its own', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const sp = await login(port);
    const to = Array.from({ length: 100 }, (_, i) => `189000010${String(i).padStart(2, '0')}`);
    const { msgId, status } = await sp.submit({ to });
    expect(status).toBe(0);
    await sp.reports(100);
    const want = to.map((number, k) => [
      number,
      msgId.slice(0, 14) + String(Number(msgId.slice(14)) + k).padStart(6, '0'),
    ]);
    const told = sp.delivers.map((d) => [d.srcTermId, readReport(d.content).id]);
    expect(told.sort()).toEqual(want);
    expect((await sp.submit({ to: [] })).status).toBe(10);
    expect((await sp.submit({ to: [...to, '18900001999'] })).status).toBe(10);
    // One that cannot be taken: none is.
    expect((await sp.submit({ to: ['18900000001', 'nobody'] })).status).toBe(47);
    expect(smgw.submits.length).toBe(100);
  });

  it.each([
    ['a number that is none', { to: '12' }, 47],
    ['a source that is not its own', { srcTermId: '999' }, 46],
    ['content above 140 octets', { content: Buffer.alloc(141, 0x41) }, 36],
    ['a header longer than the content', { content: Buffer.from([9, 0]), tlvs: [tlv(2, Buffer.of(1))] }, 10],
    ['a pseudo number', { tlvs: [tlv(7, Buffer.of(1)), tlv(8, 'PSEUDO')] }, 47],
    ['a validity that is over', { validTime: '200101000000032+' }, 37],
    ['a schedule that is no time', { atTime: 'tomorrow' }, 45],
    ['a schedule behind the validity', { atTime: '300102000000032+', validTime: '300101000000032+' }, 45],
  ])('refused: %s', async (_, fields, status) => {
    const { smgw, port } = await start('', { sp: 'allowedSources: ["106*"]' });
    const sp = await login(port);
    expect(await sp.submit(fields)).toEqual({ msgId: '0'.repeat(20), status });
    expect(smgw.submits).toEqual([]);
  });

  it('refused: no route 58, no room and too fast 1; none of them is lost from sight', async () => {
    const { port, node } = await start('', {
      sp: 'throughput: 1',
      rules: '[ { destination: "86189", steps: [ { carriers: [ { name: telecom } ] } ] } ]',
    });
    const sp = await login(port);
    expect((await sp.submit({ to: '8613800000001' })).status).toBe(58);
    const statuses = await Promise.all([1, 2, 3].map((n) => sp.submit({ to: `861890000000${n}` })));
    expect(statuses.map((s) => s.status)).toContain(1);
    const { byStatus } = node.gw.accounts.get('school')!.counters;
    expect([...byStatus.keys()].sort((a, b) => a - b)).toEqual([0, 1, 58]);
  });

  it('logins: digest, address, number of connections, versions, and the answer hashed with four octets', async () => {
    const { port } = await start('', {
      accounts: [
        'name: away, protocol: smgp, systemId: "10650002", password: { demo: secret }, route: main, allowedIps: [192.0.2.1]',
        'name: one, protocol: smgp, systemId: "10650004", password: { demo: secret }, route: main, maxBinds: 1',
        // Of a protocol that this listener does not speak.
        'name: other, systemId: "10650005", password: { demo: secret }, route: main',
      ],
    });
    const ask = async (name: string, secret = 'secret', mode = 2, version = 0x30): Promise<[number, number]> => {
      const sp = await connectSp(port);
      closers.push(() => sp.socket.destroy());
      const { body } = await sp.request(LOGIN, loginBody(name, secret, mode, version));
      if (statusOf(body) !== 0) await until('closed', () => sp.closed);
      return [statusOf(body), body[20]!];
    };
    expect(await ask('10650001', 'Secret')).toEqual([21, 0x30]);
    expect(await ask('99999999')).toEqual([21, 0x30]);
    expect(await ask('10650002')).toEqual([20, 0x30]);
    expect(await ask('10650005')).toEqual([21, 0x30]);
    expect(await ask('10650001', 'secret', 2, 0x40)).toEqual([22, 0x30]);
    expect(await ask('10650004')).toEqual([0, 0x30]);
    expect(await ask('10650004')).toEqual([2, 0x30]);
    for (const version of [0x13, 0x20, 0x30]) expect(await ask('10650001', 'secret', 2, version)).toEqual([0, version]);

    const sp = await connectSp(port);
    closers.push(() => sp.socket.destroy());
    const sent = loginBody('10650001', 'secret', 2, 0x30);
    const { body } = await sp.request(LOGIN, sent);
    const digest = createHash('md5').update(Buffer.alloc(4)).update(sent.subarray(8, 24)).update('secret').digest();
    expect(body.subarray(4, 20)).toEqual(digest);
  });

  it('deviation 9: probes answered under sequence 0 keep it up; ours are twelve octets; Exit ends it', async () => {
    const { port } = await start('', {
      listeners: ['name: smgp, protocol: smgp, listen: "127.0.0.1:0", enquireLink: 100ms, misses: 3'],
    });
    const sp = await login(port);
    await until('eight probes', () => sp.frames.filter((f) => f.command === ACTIVE_TEST).length >= 8);
    expect(sp.closed).toBe(false);
    expect((await sp.request(ACTIVE_TEST)).octets.length).toBe(12);
    expect((await sp.request(EXIT)).octets.length).toBe(12);
    await until('closed', () => sp.closed);
  });

  it('Query tells the counts of the day', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const sp = await login(port);
    await sp.submit({ to: ['18900000001', '18900000002'] });
    await sp.submit({ serviceId: 'OTHER' });
    await sp.reports(3);
    const day = `20${readReport(sp.delivers[0]!.content).submitDate.slice(0, 6)}`;
    const ask = async (type: number, code: string): Promise<number[]> => {
      const asked = Buffer.concat([Buffer.from(day), Buffer.of(type), Buffer.from(code.padEnd(10, '\0'))]);
      const { octets, body } = await sp.request(QUERY, asked);
      expect(octets.length).toBe(71);
      expect(body.subarray(0, 19)).toEqual(asked);
      return Array.from({ length: 8 }, (_, i) => body.readUInt32BE(19 + 4 * i));
    };
    expect(await ask(0, '')).toEqual([2, 3, 3, 0, 0, 0, 0, 0]);
    expect(await ask(1, 'OTHER')).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
    expect(await ask(1, 'NONE')).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('a platform that is away gets its report later, under the id that it was told, also after a restart', async () => {
    const data = rig.folder();
    const { smgw, port, node } = await start('', { data });
    smgw.onSubmit = (id, s) => [smgw.accept(id, s)];
    const sp = await login(port);
    const { msgId } = await sp.submit({ to: '18900001234' });
    await until('one submit', () => smgw.submits.length === 1);
    sp.socket.destroy();
    await node.stop(300);
    const again = await rig.node({
      data,
      carriers: [{ name: 'telecom', protocol: 'smgp', port: smgw.port }],
      listeners: ['name: smgp, protocol: smgp, listen: "127.0.0.1:0"'],
      accounts: ['name: school, protocol: smgp, systemId: "10650001", password: { demo: secret }, route: main'],
    });
    await carrierUp(again, 'telecom');
    const content = reportBody(smgw.submits[0]!.id, 'UNDELIV', '004');
    await smgw.deliver(deliverBody({ report: 1, content, from: '18900001234' }));
    const back = await login(portOf(again));
    const [report] = await back.reports(1);
    expect(report).toMatchObject({ id: msgId, stat: 'UNDELIV', err: '004', dlvrd: '000' });
  });

  it('a report answered "busy" is told again; one refused for good is not', async () => {
    const { smgw, port } = await start();
    reporting(smgw);
    const sp = await login(port);
    const statuses = [1, 12, 0];
    sp.answer = () => statuses.shift() ?? 10;
    await sp.submit();
    await until('told three times', () => sp.delivers.length === 3);
    expect(new Set(sp.delivers.map((d) => d.msgId)).size).toBe(1);
    await sp.submit();
    await until('told once', () => sp.delivers.length === 4);
  });

  it('MO: long ones in segments with TP_udhi, an emoji in MsgFormat 8; `text: ucs2` wherever it may be', async () => {
    const { smgw, port } = await start('mo: { account: school }', {
      sp: 'smgp: { text: ucs2 }, moForm: segments',
      accounts: [
        'name: other, protocol: smgp, systemId: "10650002", password: { demo: secret }, route: main, mo: ["10650002"], moForm: segments',
      ],
    });
    const sp = await login(port);
    await smgw.deliver(deliverBody({ content: gbk('中文'), msgFormat: 15 }));
    await smgw.deliver(deliverBody({ content: Buffer.from('plain'), msgFormat: 0 }));
    await smgw.deliver(deliverBody({ content: Buffer.of(1, 2, 3), msgFormat: 4 }));
    const part = Buffer.concat([Buffer.from('050003770201', 'hex'), ucs2('😀')]);
    await smgw.deliver(deliverBody({ content: part, msgFormat: 8, tail: [tlv(2, Buffer.of(1))] }));
    // A part without one is in the format of its fellow, although this account is to have 15.
    const plain = Buffer.concat([Buffer.from('050003770202', 'hex'), ucs2('电信')]);
    await smgw.deliver(deliverBody({ content: plain, msgFormat: 8, to: '1065000299', tail: [tlv(2, Buffer.of(1))] }));
    const other = await login(port, { name: '10650002' });
    expect((await other.mos(1))[0]).toMatchObject({ msgFormat: 8, content: plain });
    const mos = await sp.mos(4);
    expect(mos.map((d) => [d.msgFormat, d.content.toString('hex'), d.tlvs])).toEqual([
      [8, ucs2('中文').toString('hex'), []],
      [0, Buffer.from('plain').toString('hex'), []],
      [4, '010203', []],
      [8, part.toString('hex'), [[2, '01']]],
    ]);
  });

  it('before a login nothing else is taken', async () => {
    const { port, node } = await start();
    const stranger = await connectSp(port);
    closers.push(() => stranger.socket.destroy());
    stranger.send(frame(SUBMIT, 1, submitBody({}, 0x30)));
    await until('answered', () => stranger.frames.length > 0 || stranger.closed);
    for (const f of stranger.frames) expect(f.body.readUInt32BE(10)).toBe(11);
    expect(kept(node)).toBe(0);
  });
});
