import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as cmpp from './support/cmpp-peers.ts';
import { cmppPort, cmppSetup, useCmpp, type World } from './support/cmpp-rig.ts';
import { until } from './support/node.ts';
import { carrierUp, kept } from './support/rig.ts';

// What peers do wrong (CMPP reference, part 17), sent over sockets in octets that no code of the gateway made. 8 and 10
// are in cmpp-platform.test.ts, beside what is right.

const { ACTIVE_TEST, DELIVER, RESP, SUBMIT, frame, u32, ucs2 } = cmpp;
const { carrier, login, rig, start } = useCmpp();

interface Case {
  readonly v3?: boolean;
  /** What the carrier sends as the report of the one SUBMIT, whole body of the DELIVER. */
  readonly report: (id: Buffer, to: string) => Buffer;
}

/** Submits one message and gives the report that its platform gets, once the carrier's is answered with 0. */
async function through({ v3 = false, report }: Case): Promise<cmpp.Report> {
  const { ismg, port } = await start({ version: v3 ? 0x30 : 0x20 });
  const sp = await login(port, { version: v3 ? 0x30 : 0x20 });
  const { msgId, result } = await sp.submit();
  expect(result).toBe(0);
  await until('there', () => ismg.submits.length === 1);
  expect(await ismg.deliver(report(ismg.submits[0]!.id, '13800000001'))).toBe(0);
  const [told] = await sp.reports(1);
  expect(told!.msgId).toBe(msgId);
  expect(told!.to).toBe('13800000001');
  expect(told!.octets).toBe(v3 ? 71 : 60);
  return told!;
}

const deliverOf = (content: Buffer, v3: boolean, more: Partial<Parameters<typeof cmpp.deliverBody>[0]> = {}): Buffer =>
  cmpp.deliverBody({ report: 1, content, ...more }, v3);

describe('reports of carriers', () => {
  it('deviation 1: of 60 octets in 3.0', async () => {
    const told = await through({
      v3: true,
      report: (id, to) => deliverOf(cmpp.reportBody(id, 'DELIVRD', to, 21), true),
    });
    expect(told.stat).toBe('DELIVRD');
  });

  it('deviation 2: of 71 octets in 2.0', async () => {
    const told = await through({ report: (id, to) => deliverOf(cmpp.reportBody(id, 'MK:0012', to, 32), false) });
    expect(told.stat).toBe('MK:0012');
  });

  it('deviation 16: of 71 octets where Msg_Length says 60', async () => {
    const told = await through({
      v3: true,
      report: (id, to) => deliverOf(cmpp.reportBody(id, 'UNDELIV', to, 32), true, { said: 60 }),
    });
    expect(told.stat).toBe('UNDELIV');
  });

  it('deviation 6: with the number of the SP in Dest_terminal_Id, and Src_terminal_Id filled to its end', async () => {
    const told = await through({
      v3: true,
      report: (id) =>
        deliverOf(cmpp.reportBody(id, 'DELIVRD', '10690001234', 32), true, { from: '13800000001'.padEnd(32, '0') }),
    });
    expect(told.stat).toBe('DELIVRD');
  });

  it.each(['0001010000', '          ', '9999999999', '24113131', '\0\0\0\0\0\0\0\0\0\0', 'YYMMDDHHMM'])(
    'deviation 7: with %j for times',
    async (times) => {
      const told = await through({
        report: (id, to) => deliverOf(cmpp.reportBody(id, 'DELIVRD', to, 21, times), false),
      });
      // Ours are those of the message.
      expect(told.submitTime).toMatch(/^\d{10}$/);
      expect(told.doneTime).toMatch(/^\d{10}$/);
      expect(told.doneTime >= told.submitTime).toBe(true);
    },
  );

  it('deviation 9: with blanks behind Stat, and octets behind the NUL', async () => {
    for (const stat of ['AF:4   ', 'AF:4\0zz']) {
      const told = await through({
        report: (id, to) => deliverOf(cmpp.reportBody(id, stat, `${to}\0rest`, 21), false),
      });
      expect(told.stat).toBe('AF:4');
    }
  });

  it.each(['13800000001', '8613800000001', '+8613800000001'])('deviation 15: about %s', async (to) => {
    const told = await through({
      report: (id) => deliverOf(cmpp.reportBody(id, 'DELIVRD', to, 21), false, { from: to }),
    });
    expect(told.stat).toBe('DELIVRD');
  });

  it('deviation 14: before the SUBMIT_RESP, and on another connection of the account', async () => {
    const { ismg, port, node } = await start({ carrier: 'binds: 2' });
    await until('both', () => ismg.sockets.size === 2);
    const sp = await login(port);
    const [one, two] = [...ismg.sockets];
    let sequence = 900;
    ismg.onSubmit = (id, s, f) => {
      const report = deliverOf(cmpp.reportBody(id, 'DELIVRD', f.to[0]!, 21), false);
      const here = ismg.submits.at(-1)!.socket;
      // Alternately on the connection of the submit and on the other, always before the answer.
      if (sequence % 2 === 0) here.write(frame(DELIVER, sequence++, report));
      else (here === one ? two! : one!).write(frame(DELIVER, sequence++, report));
      setTimeout(() => here.write(ismg.accept(id, s)), 30);
      return [];
    };
    const sent = [];
    for (let i = 0; i < 6; i++) sent.push((await sp.submit({ to: `1380000000${i}` })).msgId);
    const told = await sp.reports(6);
    expect(told.map((r) => r.msgId).sort()).toEqual([...sent].sort());
    expect(told.every((r) => r.stat === 'DELIVRD')).toBe(true);
    await until('over', () => kept(node) === 0);
    expect(node.gw.state.parked.size).toBe(0);
  });

  it('deviation 17: a carrier is never sent several receivers, so that its one report is of the one', async () => {
    const { ismg, port } = await start();
    const sp = await login(port);
    const to = ['13800000001', '13800000002', '13800000003'];
    const { msgId } = await sp.submit({ to });
    await until('there', () => ismg.submits.length === 3);
    expect(ismg.submits.map(({ fields }) => fields.to)).toEqual(to.map((number) => [number]));
    // One report for the second alone.
    const { id } = ismg.submits[1]!;
    await ismg.deliver(deliverOf(cmpp.reportBody(id, 'DELIVRD', to[1]!, 21), false));
    const [told] = await sp.reports(1);
    expect(BigInt(`0x${told!.msgId}`) - BigInt(`0x${msgId}`)).toBe(1n);
    expect(told!.to).toBe(to[1]);
  });
});

describe('carriers', () => {
  it('deviation 4: answer ACTIVE_TEST with 12 octets; so do platforms', async () => {
    const { ismg, port, node } = await start({
      carrier: 'keepalive: 50ms, misses: 2, responseTimeout: 200ms',
      listeners: [
        'name: cmpp, protocol: cmpp, listen: "127.0.0.1:0", enquireLink: 50ms, misses: 2, responseTimeout: 200ms',
      ],
    });
    const sp = await login(port);
    // Our own client answers with 13; this one answers beside it with 12, which comes first.
    let asked = 0;
    sp.socket.prependListener('data', (chunk) => {
      if (chunk.readUInt32BE(4) !== ACTIVE_TEST) return;
      asked++;
      sp.send(frame(ACTIVE_TEST | RESP, chunk.readUInt32BE(8)));
    });
    await until('many', () => asked >= 10);
    expect(sp.closed).toBe(false);
    expect(ismg.sockets.size).toBe(1);
    expect(node.gw.carriers.get('mobile')!.counters.unbinds).toBe(0);
    expect((await sp.submit()).result).toBe(0);
  });

  it.each<readonly [string, number, (proof: Buffer) => Buffer]>([
    ['one octet of Status', 0x20, (proof) => hash(Buffer.of(0), proof)],
    ['four octets in 2.0', 0x20, (proof) => hash(u32(0), proof)],
    ['the digit', 0x30, (proof) => hash(Buffer.from('0'), proof)],
    ['four octets', 0x30, (proof) => hash(u32(0), proof)],
    ['zeros', 0x20, () => Buffer.alloc(16)],
    ['nonsense', 0x20, () => Buffer.alloc(16, 0x5a)],
  ])('deviation 11: AuthenticatorISMG over %s (0x%i)', async (_, version, proofOf) => {
    const ismg = await carrier(version);
    ismg.onConnect = (body) =>
      frameOfLogin(version, Buffer.concat([proofOf(body.subarray(6, 22)), Buffer.of(version)]));
    const node = await rig.node(
      cmppSetup({
        carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port, version: version === 0x30 ? '3.0' : '2.0' }],
      }),
    );
    await carrierUp(node, 'mobile');
  });
  const hash = (status: Buffer, proof: Buffer): Buffer =>
    createHash('md5').update(status).update(proof).update('secret').digest();
  const frameOfLogin = (version: number, rest: Buffer): Buffer =>
    Buffer.concat([version >= 0x30 ? u32(0) : Buffer.of(0), rest]);

  it('deviation 10: answer the login in the other version\u2019s layout, or with another Version', async () => {
    for (const [ours, body] of [
      ['2.0', Buffer.concat([u32(0), Buffer.alloc(16), Buffer.of(0x30)])],
      ['3.0', Buffer.concat([Buffer.of(0), Buffer.alloc(16), Buffer.of(0x20)])],
      ['2.0', Buffer.concat([Buffer.of(0), Buffer.alloc(16), Buffer.of(0x30)])],
      ['2.0', Buffer.concat([Buffer.of(0), Buffer.alloc(16)])],
    ] as const) {
      const ismg = await carrier(ours === '3.0' ? 0x30 : 0x20);
      ismg.onConnect = () => body;
      const node = await rig.node(
        cmppSetup({ carriers: [{ name: 'mobile', protocol: 'cmpp', port: ismg.port, version: ours }] }),
      );
      await carrierUp(node, 'mobile');
      const sp = await login(cmppPort(node));
      expect((await sp.submit()).result).toBe(0);
      await until('in our layout', () => ismg.submits.length === 1);
    }
  });

  it('deviation 13: send a CANCEL_RESP of four octets in 2.0, and answers of the other version\u2019s length', async () => {
    const { ismg, port, node } = await start();
    const sp = await login(port);
    // Nobody asked for it: it belongs to nothing, and harms nothing.
    [...ismg.sockets][0]!.write(frame(0x80000007, 77, u32(1)));
    ismg.onSubmit = (id, sequence) => [frame(SUBMIT | RESP, sequence, id, u32(0))];
    await sp.submit({ report: 0 });
    await until('taken', () => kept(node) === 0);
    ismg.onSubmit = (id, sequence) => [frame(SUBMIT | RESP, sequence, id, u32(12))];
    await sp.submit();
    expect((await sp.reports(1))[0]!.stat).toBe('REJECTD');
    expect(ismg.sockets.size).toBe(1);
  });
});

describe('MO of carriers', () => {
  it('deviation 3: with a LinkID that is short, or none', async () => {
    const { ismg, port } = await start({ version: 0x30 });
    const sp = await login(port, { version: 0x30 });
    for (const tail of [Buffer.alloc(0), Buffer.from('LINK7'), Buffer.from('LINK7\0\0\0')]) {
      expect(await ismg.deliver(cmpp.deliverBody({ content: Buffer.from('yes'), tail }, true))).toBe(0);
    }
    const mos = await sp.mos(3);
    expect(mos.map((m) => [m.content.toString(), m.tail])).toEqual([
      ['yes', ''],
      ['yes', 'LINK7'],
      ['yes', 'LINK7'],
    ]);
  });

  it('deviation 5: with TP_udhi 0x40, wide headers, one reference for two texts, parts in different formats', async () => {
    const { ismg, port } = await start({ sp: 'moForm: segments' });
    const sp = await login(port);
    const wide = Buffer.from('0b0003ba02010504158a0000', 'hex');
    const itio = Buffer.from('06000412340201', 'hex');
    const sent: readonly (readonly [udh: Buffer, text: Buffer, fmt: number, udhi: number])[] = [
      [wide, Buffer.from([1, 2, 3]), 4, 0x40],
      [itio, ucs2('前'), 8, 0x41],
      ...[1, 2, 3].map((k) => [Buffer.from([5, 0, 3, 0x66, 3, k]), ucs2(`三${k}`), 8, 1] as const),
      ...[1, 2].map((k) => [Buffer.from([5, 0, 3, 0x66, 2, k]), ucs2(`二${k}`), 8, 1] as const),
      [Buffer.from([5, 0, 3, 0x67, 2, 1]), ucs2('混'), 8, 1],
      [Buffer.from([5, 0, 3, 0x67, 2, 2]), Buffer.from('mixed'), 0, 1],
    ];
    for (const [udh, text, msgFmt, tpUdhi] of sent) {
      const content = Buffer.concat([udh, text]);
      expect(await ismg.deliver(cmpp.deliverBody({ content, msgFmt, tpUdhi }, false))).toBe(0);
    }
    // To a platform of CMPP they go as they came, but for the IEI of a 16-bit reference; we write 1.
    const mos = await sp.mos(sent.length);
    const mended = Buffer.from('06080412340201', 'hex');
    expect(mos.map((m) => [m.content.toString('hex'), m.msgFmt, m.tpUdhi])).toEqual(
      sent.map(([udh, text, fmt]) => [Buffer.concat([udh === itio ? mended : udh, text]).toString('hex'), fmt, 1]),
    );
  });

  it('deviation 9: to a number that fills its field, from one with blanks behind it', async () => {
    const { ismg, port } = await start();
    const sp = await login(port);
    const destId = '106900001234567890123';
    const from = '13900000001     ';
    expect(await ismg.deliver(cmpp.deliverBody({ content: Buffer.from('yes'), destId, from }, false))).toBe(0);
    expect((await sp.mos(1))[0]).toMatchObject({ destId, srcTerminal: '13900000001' });
  });
});

describe('platforms', () => {
  const sent = async (fields: cmpp.SubmitFields, v3 = false): Promise<World['ismg']['submits'][number]['fields']> => {
    const { ismg, port } = await start({ version: v3 ? 0x30 : 0x20, carrier: 'coding: [ucs2, ascii, gbk]' });
    const sp = await login(port, { version: v3 ? 0x30 : 0x20 });
    expect((await sp.submit(fields)).result).toBe(0);
    await until('there', () => ismg.submits.length === 1);
    return ismg.submits[0]!.fields;
  };

  it('deviation 12: send a Msg_Id of their own, which is nobody\u2019s', async () => {
    const { ismg, port } = await start();
    const sp = await login(port);
    const own = Buffer.from('1122334455667788', 'hex');
    const { msgId } = await sp.submit({ msgId: own });
    expect(msgId).not.toBe(own.toString('hex'));
    await until('there', () => ismg.submits.length === 1);
    expect(ismg.submits[0]!.fields.msgId.equals(Buffer.alloc(8))).toBe(true);
    await ismg.deliver(deliverOf(cmpp.reportBody(ismg.submits[0]!.id, 'DELIVRD', '13800000001', 21), false));
    expect((await sp.reports(1))[0]!.msgId).toBe(msgId);
  });

  it('deviation 3: leave LinkID out, or short', async () => {
    const { ismg, port } = await start({ version: 0x30 });
    const sp = await login(port, { version: 0x30 });
    const body = cmpp.submitBody({ linkId: 'LINK7' }, true);
    for (const end of [20, 15, 10]) {
      const answer = await sp.request(SUBMIT, body.subarray(0, body.length - end));
      expect(answer.body.readUInt32BE(8), `without ${end}`).toBe(0);
    }
    await until('there', () => ismg.submits.length === 3);
    expect(ismg.submits.map(({ fields }) => fields.tail)).toEqual(['', 'LINK7', 'LINK7']);
  });

  it('deviation 5: send TP_udhi 0x40, wide headers, wrong Pk_total and Pk_number', async () => {
    const udh = Buffer.from('0b0003ba02020504158a0000', 'hex');
    const content = Buffer.concat([udh, Buffer.from('00ff', 'hex')]);
    // The header says what the place is: 2 of 2.
    expect(await sent({ tpUdhi: 0x40, msgFmt: 4, content, pk: [5, 4] })).toMatchObject({
      tpUdhi: 1,
      pk: [2, 2],
      content,
      msgFmt: 4,
    });
    const whole = ucs2('没有头');
    expect(await sent({ content: whole, msgFmt: 8, pk: [5, 4] })).toMatchObject({
      tpUdhi: 0,
      pk: [1, 1],
      content: whole,
    });
  });

  it('deviation 5: send the parts of a long text in different formats, two texts under one reference', async () => {
    const { ismg, port } = await start({ carrier: 'coding: [ucs2, ascii, gbk]' });
    const sp = await login(port);
    const parts: readonly (readonly [Buffer, number])[] = [
      ...[1, 2, 3].map((k) => [Buffer.concat([Buffer.from([5, 0, 3, 0x66, 4, k]), ucs2(`甲${k}`)]), 8] as const),
      [Buffer.concat([Buffer.from([5, 0, 3, 0x66, 4, 4]), Buffer.from('ascii')]), 0],
      ...[1, 2].map((k) => [Buffer.concat([Buffer.from([5, 0, 3, 0x66, 2, k]), ucs2(`乙${k}`)]), 8] as const),
    ];
    for (const [content, msgFmt] of parts) expect((await sp.submit({ content, msgFmt, tpUdhi: 1 })).result).toBe(0);
    await until('there', () => ismg.submits.length === parts.length);
    expect(ismg.submits.map(({ fields }) => [fields.content.toString('hex'), fields.msgFmt])).toEqual(
      parts.map(([content, fmt]) => [content.toString('hex'), fmt]),
    );
  });

  it('deviation 9: pad with blanks, fill fields to their end, leave octets behind a NUL', async () => {
    expect(
      await sent({
        srcId: '106900001234567890123',
        to: '13800000001\0garbage',
        serviceId: 'SVC       ',
        fee: [0, '', '01', '0'],
      }),
    ).toMatchObject({ srcId: '106900001234567890123', to: ['13800000001'] });
    expect(await sent({ srcId: '1069000              ', to: '13800000001          ' })).toMatchObject({
      srcId: '1069000',
      to: ['13800000001'],
    });
  });

  it.each(['13800000001', '8613800000001', '+8613800000001'])('deviation 15: send to %s', async (to) => {
    expect((await sent({ to })).to).toEqual(['13800000001']);
  });

  it('junk in At_Time and ValId_Time is no time', async () => {
    for (const junk of ['150001300020032+', '0', 'now', '240101000000101+'.slice(0, 3), '                ']) {
      expect(await sent({ atTime: junk, validTime: junk })).toMatchObject({ atTime: '', validTime: '' });
    }
    // A zone that is none is Beijing.
    const zone = await sent({ validTime: '401231000000101+' });
    expect(zone.validTime).toBe('401231000000032+');
  });
});
