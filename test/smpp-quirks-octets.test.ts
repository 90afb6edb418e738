import { afterEach, describe, expect, it } from 'vitest';
import { gsm7Encode } from '../protocols/text/gsm7.ts';
import { type CarrierSetup, until } from './support/node.ts';
import { carrierUp, receiptOf, useRig } from './support/rig.ts';
import {
  bindBody,
  type Centre,
  commandOf,
  cstring,
  dialRaw,
  frame,
  octets,
  type Peer,
  parameter,
  RESP,
  sequenceOf,
  smBody,
  startCentre,
  statusOf,
} from './support/smpp-octets.ts';

// Quirks of texts, fields and frames, sent octet by octet: by a platform to our listener, and by a short message centre
// to our bind.
const rig = useRig();
const centres: Centre[] = [];
const sockets: Peer[] = [];
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  for (const c of centres.splice(0)) await c.stop();
});

const BIND_TRX = 9;
const SUBMIT = 4;
const DELIVER = 5;
const UNBIND = 6;
const MULTI = 0x21;
const QUERY = 3;
const PROBE = 0x15;
const NACK = 0x80000000;
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** A node whose carrier is the package's centre, and a bound platform of octets. */
async function platform(more = '', account = '') {
  const a = await rig.smsc();
  const setup: CarrierSetup = { name: 'a', protocol: 'smpp', port: a.port, ...(more === '' ? {} : { more }) };
  const n = await rig.node({ carriers: [setup], ...(account === '' ? {} : { account }) });
  await carrierUp(n, 'a');
  const p = await dialled(n.port);
  p.send(frame(BIND_TRX, 0, 1, bindBody()));
  expect(statusOf(await p.got(BIND_TRX + RESP))).toBe(0);
  return { a, n, p };
}
async function dialled(port: number): Promise<Peer> {
  const p = await dialRaw(port);
  sockets.push(p);
  return p;
}

/** A node whose carrier is a centre of octets, and a platform of the package. */
async function centre(more = '', account = '', before: (c: Centre) => void = () => undefined) {
  const c = await startCentre();
  centres.push(c);
  before(c);
  const setup: CarrierSetup = { name: 'a', protocol: 'smpp', port: c.port, ...(more === '' ? {} : { more }) };
  const n = await rig.node({ carriers: [setup], account: `mo: ["1069"]${account === '' ? '' : `, ${account}`}` });
  await carrierUp(n, 'a');
  return { c, n, p: await rig.platform(n.port) };
}
const mo = { source: '13800000001', destination: '1069' };

describe('texts of a platform', () => {
  /** What it sends, and what arrives at a carrier that takes these codings. */
  async function arrives(f: Parameters<typeof smBody>[0], more = '', account = '') {
    const { a, p } = await platform(more, account);
    p.send(frame(SUBMIT, 0, 2, smBody(f)));
    expect(statusOf(await p.got(SUBMIT + RESP, 2))).toBe(0);
    await until('a submit', () => a.submits.length === 1);
    const { pdu } = a.submits[0]!;
    return [pdu.data_coding, pdu.short_message.toString('hex')];
  }
  it('quirk 33: @ is a zero octet, at the start, in the middle and at the end', async () => {
    expect(await arrives({ text: Buffer.from('0061006200', 'hex') })).toEqual([0, '0061006200']);
    expect(await arrives({ text: gsm7Encode('@a_$@')! }, 'coding: [ucs2]')).toEqual([
      8,
      utf16('@a_$@').toString('hex'),
    ]);
  });
  it('quirk 32 (deviation 40): data_coding 0 is what the account says; octets above 0x7f are no GSM', async () => {
    expect(await arrives({ text: Buffer.from('fc', 'hex') }, 'coding: [ucs2]')).toEqual([8, '00fc']);
    expect(await arrives({ text: Buffer.from('5f', 'hex') }, 'coding: [ucs2]', 'defaultAlphabet: latin1')).toEqual([
      8,
      '005f',
    ]);
    expect(await arrives({ text: Buffer.from('你', 'utf8') }, '', 'defaultAlphabet: utf8')).toEqual([8, '4f60']);
    expect(await arrives({ text: 'plain' }, '', 'defaultAlphabet: utf8')).toEqual([
      0,
      Buffer.from('plain').toString('hex'),
    ]);
  });
  it('quirk 35 (deviation 43): a byte order mark of either order is obeyed and not sent on', async () => {
    expect(await arrives({ dataCoding: 8, text: Buffer.from('fffe604f', 'hex') })).toEqual([8, '4f60']);
    expect(await arrives({ dataCoding: 8, text: Buffer.from('feff4f60', 'hex') })).toEqual([8, '4f60']);
  });
  it('quirk 41: zero octets at the end go in ASCII, stay in GSM, or go everywhere by setting', async () => {
    const hi = Buffer.from('hi\0\0');
    expect((await arrives({ dataCoding: 3, text: hi }))[1]).toBe('6869');
    expect((await arrives({ text: hi }))[1]).toBe('68690000');
    expect((await arrives({ text: hi }, '', 'trailingNulls: strip'))[1]).toBe('6869');
  });
  it('deviation 13: zero octets behind short_message', async () => {
    expect((await arrives({ text: 'hi', rest: Buffer.alloc(3) }))[1]).toBe('6869');
  });
});

describe('frames of a platform', () => {
  it('quirks 42 and 43, deviations 14 and 17: a length that is not true, two texts: refused, and the link goes on', async () => {
    const { p } = await platform();
    const bodies: [Buffer, number][] = [
      [smBody({ length: 16, text: 'eight oc' }), 1],
      [smBody({ text: 'a', rest: parameter(0x424, Buffer.from('b')) }), 0xc1],
      [smBody({ text: '', rest: parameter(0x424, Buffer.alloc(0)) }), 0],
      [smBody({ rest: parameter(0x1400, Buffer.from('x'), 40) }), 0xc0],
      [smBody({ esmClass: 0x40, text: octets(9, 0, 3, 1) }), 0x43],
      [smBody({ rest: parameter(0x426, octets(1)) }), 0],
      [smBody({ rest: parameter(0x381, Buffer.from('7100313233', 'hex')) }), 0],
      [smBody({ rest: parameter(0x20e, octets(0, 2)) }), 0],
    ];
    for (const [i, [body, status]] of bodies.entries()) {
      p.send(frame(SUBMIT, 0, 10 + i, body));
      expect([i, statusOf(await p.got(SUBMIT + RESP, 10 + i))]).toEqual([i, status]);
    }
  });

  it('quirk 48 (deviation 39): one sequence number for all parts: each is taken and answered', async () => {
    const { a, p } = await platform();
    for (const seq of [1, 2, 3])
      p.send(
        frame(
          SUBMIT,
          0,
          7,
          smBody({ esmClass: 0x40, text: Buffer.concat([octets(5, 0, 3, 9, 3, seq), octets(0x61)]) }),
        ),
      );
    await until('three answers', () => p.frames.filter((b) => commandOf(b) === SUBMIT + RESP).length === 3);
    const answers = p.frames.filter((b) => commandOf(b) === SUBMIT + RESP);
    expect(answers.map((b) => [statusOf(b), sequenceOf(b)])).toEqual([
      [0, 7],
      [0, 7],
      [0, 7],
    ]);
    expect(new Set(answers.map((b) => b.subarray(16).toString('latin1'))).size).toBe(3);
    await until('three submits', () => a.submits.length === 3);
  });

  it('quirk 68 (deviation 37): sequence 0 and those with the high bit come back as they are', async () => {
    const { p } = await platform();
    for (const sequence of [0, 0x80000000, 0xffffffff, 0x7fffffff]) {
      p.send(frame(SUBMIT, 0, sequence, smBody()));
      expect(statusOf(await p.got(SUBMIT + RESP, sequence))).toBe(0);
    }
  });

  it('quirks 53 and 54, deviation 35: strings beyond their limit, a bind that ends without its NUL', async () => {
    const { n, p } = await platform();
    const bind = async (body: Buffer): Promise<number> => {
      const one = await dialled(n.port);
      one.send(frame(BIND_TRX, 0, 1, body));
      return statusOf(await one.got(BIND_TRX + RESP));
    };
    expect(await bind(bindBody('acme', 'much longer than eight'))).toBe(0x0e);
    expect(await bind(bindBody('a-system-id-of-more-than-sixteen'))).toBe(0x0f);
    expect(await bind(bindBody().subarray(0, -1))).toBe(0);
    const bodies: [Buffer, number][] = [
      [smBody({ destination: '1'.repeat(30) }), 0x0b],
      [smBody({ source: '1'.repeat(30) }), 0x0a],
    ];
    for (const [i, [body, status]] of bodies.entries()) {
      p.send(frame(SUBMIT, 0, 10 + i, body));
      expect(statusOf(await p.got(SUBMIT + RESP, 10 + i))).toBe(status);
    }
    p.send(frame(QUERY, 0, 20, cstring('9'.repeat(80)), octets(0, 0), cstring('1')));
    expect(statusOf(await p.got(QUERY + RESP, 20))).toBe(0x0c);
  });

  it('quirks 61 and 62: unknown commands and answers nobody waits for', async () => {
    const { p } = await platform();
    p.send(
      frame(0x00010201, 0, 5),
      frame(0x80010201, 0, 6),
      frame(DELIVER + RESP, 0, 7),
      frame(NACK, 3, 8),
      frame(PROBE, 0, 9),
    );
    await p.got(PROBE + RESP, 9);
    expect(
      p.frames.filter((b) => commandOf(b) !== BIND_TRX + RESP).map((b) => [commandOf(b), statusOf(b), sequenceOf(b)]),
    ).toEqual([
      [NACK, 3, 5],
      [PROBE + RESP, 0, 9],
    ]);
  });

  it('quirk 63: our enquire_link_resp has 16 octets; quirk 79: before the bind and after a refused one too', async () => {
    const { n } = await platform();
    const p = await dialled(n.port);
    p.send(frame(PROBE, 0, 1));
    expect((await p.got(PROBE + RESP, 1)).length).toBe(16);
    p.send(frame(BIND_TRX, 0, 2, bindBody('acme', 'wrong')), frame(PROBE, 0, 3));
    expect(statusOf(await p.got(BIND_TRX + RESP, 2))).toBe(0x0e);
    await p.got(PROBE + RESP, 3);
    p.send(frame(BIND_TRX, 0, 4, bindBody()), frame(SUBMIT, 0, 5, smBody()));
    expect(statusOf(await p.got(SUBMIT + RESP, 5))).toBe(0);
  });

  it('quirk 66: a submit_multi whose list has no name is refused, and the link goes on', async () => {
    const { p } = await platform();
    const tail = octets(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x61);
    p.send(frame(MULTI, 0, 2, cstring(''), octets(1, 1), cstring('1'), octets(1, 2), tail));
    expect(statusOf(await p.got(MULTI + RESP, 2))).not.toBe(0);
    p.send(frame(MULTI, 0, 3, cstring(''), octets(1, 1), cstring('1'), octets(1, 9), cstring('x'), tail));
    expect(statusOf(await p.got(MULTI + RESP, 3))).toBe(0x40);
    p.send(frame(PROBE, 0, 4));
    await p.got(PROBE + RESP, 4);
  });

  it.each([
    [0x00, 0],
    [0x30, 0],
    [0x33, 0],
    [0x34, 0x34],
    [0x35, 0x34],
    [0x40, 0x34],
    [0x50, 0x50],
    [0x7b, 0x34],
  ])('quirk 67 (deviation 36): interface_version 0x%s', async (version, said) => {
    const { n } = await platform();
    const p = await dialled(n.port);
    p.send(frame(BIND_TRX, 0, 1, bindBody('acme', 'secret', version)));
    const answer = await p.got(BIND_TRX + RESP);
    const told = answer.subarray(16 + 'YIMA\0'.length);
    expect(told.toString('hex')).toBe(said === 0 ? '' : `02100001${said.toString(16)}`);
  });

  it('quirks 51 and 52 (deviation 53): a length that cannot be: generic_nack, and the link is closed', async () => {
    const { n } = await platform();
    for (const length of [0, 15, 0x7fffffff]) {
      const p = await dialled(n.port);
      p.send(frame(BIND_TRX, 0, 1, bindBody()));
      await p.got(BIND_TRX + RESP);
      const bad = frame(SUBMIT, 0, 9);
      bad.writeUInt32BE(length, 0);
      p.send(bad);
      expect(statusOf(await p.got(NACK))).toBe(2);
      await until('closed', () => p.closed);
    }
  });

  it('quirks 82, 83 and 86 (deviations 34 and 51): a bind for each message, closed at once; health checks', async () => {
    const { a, n } = await platform('', 'maxBinds: 2');
    for (let i = 0; i < 10; i++) {
      (await dialled(n.port)).socket.destroy();
      const p = await dialled(n.port);
      p.send(frame(BIND_TRX, 0, 1, bindBody()), frame(SUBMIT, 0, 2, smBody()));
      expect(statusOf(await p.got(SUBMIT + RESP, 2))).toBe(0);
      p.send(frame(UNBIND, 0, 3));
      await p.got(UNBIND + RESP, 3);
      p.socket.destroy();
    }
    await until('all submits', () => a.submits.length === 10);
  });

  it('quirk 65 (deviation 5): deliver_sm_resp with an id, with none, with no body', async () => {
    const { a, n, p } = await platform('', 'mo: ["1069"]');
    for (const body of [cstring('4711'), cstring(''), Buffer.alloc(0)]) {
      p.frames.length = 0;
      await a.deliver({ source_addr: '1380', destination_addr: '1069', short_message: Buffer.from('hi') });
      const d = await p.got(DELIVER);
      p.send(frame(DELIVER + RESP, 0, sequenceOf(d), body));
    }
    await until('all taken', () => n.gw.accounts.get('acme')!.counters.mo === 3);
  });

  it('quirks 87 and 88: numbers with + and 00, TON that does not fit: decided by the address, by setting', async () => {
    const { a, p } = await platform('sourceTon: content, sourceNpi: content, destTon: content, numbers: "86"');
    const sent = [
      ['ACME', '+8613800000001'],
      ['+447700900000', '008613800000001'],
    ] as const;
    for (const [i, [source, destination]] of sent.entries()) {
      p.send(frame(SUBMIT, 0, 10 + i, smBody({ source, destination })));
      expect(statusOf(await p.got(SUBMIT + RESP, 10 + i))).toBe(0);
    }
    await until('two submits', () => a.submits.length === 2);
    expect(a.submits.map(({ pdu }) => [pdu.source_addr_ton, pdu.source_addr_npi, pdu.destination_addr])).toEqual([
      [5, 0, '8613800000001'],
      [1, 1, '8613800000001'],
    ]);
  });
});

describe('frames of a centre', () => {
  it('quirks 54, 57 and 64: a bind answer without its NUL, with parameters of its own, or without a body', async () => {
    for (const body of [
      Buffer.from('smsc'),
      Buffer.concat([cstring('smsc'), parameter(0x1002, Buffer.from('x'))]),
      Buffer.alloc(0),
    ]) {
      const { p } = await centre('', '', (c) => {
        c.bind = (b) => frame(commandOf(b) + RESP, 0, sequenceOf(b), body);
      });
      expect((await p.submit()).command_status).toBe(0);
    }
  });

  it('quirks 54 and 57: an id without its NUL, parameters behind it; the receipt finds it', async () => {
    const { c, p } = await centre();
    const bodies = [
      Buffer.from('41'),
      Buffer.concat([cstring('42'), parameter(0x428, octets(7)), parameter(0x2b, octets(1))]),
    ];
    c.submit = (b) => frame(SUBMIT + RESP, 0, sequenceOf(b), bodies[c.submits.length - 1]!);
    for (const [i, id] of ['41', '42'].entries()) {
      const { message_id: ours } = await p.submit();
      await until('a submit', () => c.submits.length === i + 1);
      c.peers[0]!.send(frame(DELIVER, 0, 100 + i, smBody({ esmClass: 4, text: `id:${id} stat:DELIVRD` })));
      expect(statusOf(await c.peers[0]!.got(DELIVER + RESP, 100 + i))).toBe(0);
      expect(receiptOf((await p.delivered(i + 1))[i]!).id).toBe(ours);
    }
  });

  it('quirks 64 and 92 (deviations 1, 2 and 7): errors with a body, positives without one, statuses in no table', async () => {
    const { c, n, p } = await centre('codes: { default: permanent }');
    const answers: [number, Buffer][] = [
      [0x0b, cstring('id')],
      [0x0b, Buffer.from('00', 'hex')],
      [0x22, Buffer.alloc(0)],
      [0x400, Buffer.from('junk')],
      [0xfffffffe, Buffer.alloc(0)],
      [0, Buffer.alloc(0)],
    ];
    c.submit = (b) =>
      frame(SUBMIT + RESP, answers[c.submits.length - 1]![0], sequenceOf(b), answers[c.submits.length - 1]![1]);
    for (let i = 0; i < answers.length; i++) {
      await p.submit();
      await until('a submit', () => c.submits.length === i + 1);
    }
    const told = await p.delivered(5);
    expect(told.map((d) => receiptOf(d).stat)).toEqual(Array(5).fill('REJECTD'));
    expect(told.map((d) => String(d.additional_status_info_text).replace('\0', '').slice(-4))).toEqual([
      ':011',
      ':011',
      ':034',
      '1024',
      '7294',
    ]);
    await until('taken', () => n.gw.carriers.get('a')!.counters.accepted === 1);
    expect(c.peers.length).toBe(1);
  });

  it('quirks 69, 70 and 71 (deviation 38): answers with a wrong number or of another kind answer nothing', async () => {
    const { c, n, p } = await centre();
    c.submit = () => undefined;
    await p.submit();
    await until('a submit', () => c.submits.length === 1);
    const sequence = sequenceOf(c.submits[0]!);
    const peer = c.peers[0]!;
    peer.send(
      frame(SUBMIT + RESP, 0, sequence + 1000, cstring('wrong')),
      frame(PROBE + RESP, 0, sequence),
      frame(DELIVER, 0, sequence, smBody(mo)),
    );
    await peer.got(DELIVER + RESP, sequence);
    expect(n.gw.carriers.get('a')!.counters.accepted).toBe(0);
    peer.send(frame(SUBMIT + RESP, 0, sequence, cstring('right')), frame(SUBMIT + RESP, 0, sequence, cstring('again')));
    await until('taken', () => n.gw.carriers.get('a')!.counters.accepted === 1);
    peer.send(frame(DELIVER, 0, 9, smBody({ esmClass: 4, text: 'id:right stat:DELIVRD' })));
    await p.delivered(2);
  });

  it('quirks 29 and 84: messages in one segment with the bind answer', async () => {
    const { p } = await centre('', '', (c) => {
      c.bind = (b) =>
        Buffer.concat([
          frame(commandOf(b) + RESP, 0, sequenceOf(b), cstring('smsc')),
          frame(DELIVER, 0, 1, smBody(mo)),
        ]);
    });
    expect((await p.delivered(1))[0]!.short_message.toString()).toBe('hello');
  });

  it('quirks 14, 42, 43, 44, 56, 90 and 91, deviations 9 to 13: what is odd in an MO is read as far as it goes, and always answered', async () => {
    const { c, p } = await centre();
    const peer = c.peers[0]!;
    const euro = gsm7Encode('€')!;
    const bodies: [Buffer, string][] = [
      [smBody({ ...mo, length: 16, text: 'eight oc' }), 'eight oc'],
      [smBody({ ...mo, text: 'nul', rest: octets(0, 0) }), 'nul'],
      [smBody({ ...mo, text: 'cut', rest: parameter(0x1400, Buffer.from('x'), 65) }), 'cut'],
      [smBody({ ...mo, text: '', rest: parameter(0x424, Buffer.from('payload')) }), 'payload'],
      [smBody({ ...mo, text: 'both', rest: parameter(0x424, Buffer.from('payload')) }), 'both'],
      [smBody({ ...mo, text: 'short', rest: parameter(0x424, Buffer.alloc(0)) }), 'short'],
      [smBody({ ...mo, esmClass: 0x40, text: 'no header' }), 'no header'],
      [smBody({ ...mo, text: octets(5, 0, 3, 1, 2, 1, 0x61) }), '\x05\0\x03\x01\x02\x01a'],
      [smBody({ ...mo, text: 'more', rest: parameter(0x426, octets(1)) }), 'more'],
      [smBody({ ...mo, text: 'callback', rest: parameter(0x381, Buffer.from('7100313233', 'hex')) }), 'callback'],
      [smBody({ ...mo, text: 'wide', rest: parameter(0x6, octets(0, 0, 0, 9)) }), 'wide'],
      [smBody({ ...mo, text: euro }), euro.toString('latin1')],
    ];
    for (const [i, [body]] of bodies.entries()) {
      peer.send(frame(DELIVER, 0, 100 + i, body));
      expect([i, statusOf(await peer.got(DELIVER + RESP, 100 + i))]).toEqual([i, 0]);
    }
    const told = await p.delivered(bodies.length);
    expect(told.map((d) => d.short_message.toString('latin1'))).toEqual(bodies.map(([, text]) => text));
    peer.send(frame(DELIVER, 0, 999, Buffer.from('nothing that could be read')));
    expect(statusOf(await peer.got(DELIVER + RESP, 999))).not.toBe(0);
    peer.send(frame(PROBE, 0, 1000));
    await peer.got(PROBE + RESP, 1000);
  });

  it('quirks 36 and 37 (deviation 44): pairs cut between parts are whole again', async () => {
    const { c, p } = await centre();
    const parts = (dataCoding: number, ref: number, ...texts: Buffer[]): Buffer[] =>
      texts.map((text, k) =>
        frame(
          DELIVER,
          0,
          ref * 10 + k,
          smBody({
            ...mo,
            dataCoding,
            esmClass: 0x40,
            text: Buffer.concat([octets(5, 0, 3, ref, texts.length, k + 1), text]),
          }),
        ),
      );
    c.peers[0]!.send(...parts(0, 1, octets(0x61, 0x1b), octets(0x65, 0x62)));
    expect((await p.delivered(1))[0]!.short_message.toString('hex')).toBe('611b6562');
    const smile = utf16('a😀b');
    c.peers[0]!.send(...parts(8, 2, smile.subarray(0, 4), smile.subarray(4)));
    expect((await p.delivered(2))[1]!.short_message.toString('hex')).toBe(smile.toString('hex'));
    c.peers[0]!.send(...parts(8, 3, smile.subarray(0, 3), smile.subarray(3)));
    expect((await p.delivered(3))[2]!.short_message.toString('hex')).toBe(smile.toString('hex'));
  });

  it('quirk 32: data_coding 0 of MO by a setting of its own', async () => {
    const { c, p } = await centre('moAlphabet: latin1');
    c.peers[0]!.send(frame(DELIVER, 0, 1, smBody({ ...mo, text: '_$' })));
    const [d] = await p.delivered(1);
    expect([d!.data_coding, d!.short_message.toString()]).toEqual([3, '_$']);
  });

  it('quirk 94: bound, but its submits get 0x04: again later, and none is lost', async () => {
    const { c, p } = await centre('retry: { from: 20ms, to: 50ms }');
    c.submit = (b) =>
      c.submits.length < 3
        ? frame(SUBMIT + RESP, 4, sequenceOf(b))
        : frame(SUBMIT + RESP, 0, sequenceOf(b), cstring('1'));
    await p.submit();
    await until('three submits', () => c.submits.length === 3);
    c.peers[0]!.send(frame(DELIVER, 0, 1, smBody({ esmClass: 4, text: 'id:1 stat:DELIVRD' })));
    expect(receiptOf((await p.delivered(1))[0]!).stat).toBe('DELIVRD');
  });

  it('quirk 58: an unknown parameter loses none of its octets on its way', async () => {
    const { c, p } = await centre('tlvs: [0x1401]', 'tlvs: [0x1401]');
    c.peers[0]!.send(frame(DELIVER, 0, 1, smBody({ ...mo, rest: parameter(0x1401, Buffer.from('end', 'latin1')) })));
    const [d] = await p.delivered(1);
    expect(Object.values(d!).some((v) => Buffer.isBuffer(v) && v.toString() === 'end')).toBe(true);
  });

  it('quirk 51 (deviation 53): a stream that is shifted: nack, closed, bound again', async () => {
    const { c, p } = await centre();
    c.peers[0]!.send(octets(0x80, 0, 0, 9), frame(DELIVER, 0, 1, smBody(mo)));
    await until('another bind', () => c.peers.length === 2);
    expect(statusOf(await c.peers[0]!.got(NACK))).toBe(2);
    await until('bound', () => c.peers[1]!.frames.length > 0);
    c.peers[1]!.send(frame(DELIVER, 0, 1, smBody(mo)));
    await p.delivered(1);
  });
});
