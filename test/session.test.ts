import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { authenticatorIsmg, authenticatorSource } from '../protocols/cmpp/auth.ts';
import { cmppCodec } from '../protocols/cmpp/tables.ts';
import { FRAME } from '../protocols/smpp/header.ts';
import { smppCodec } from '../protocols/smpp/tables.ts';
import { NO_TLVS } from '../protocols/wire/tlv.ts';
import type { BindCredentials, BindVerdict } from '../src/session/dialect.ts';
import { cmpp } from '../src/session/dialects/cmpp.ts';
import { smpp } from '../src/session/dialects/smpp.ts';
import { createRig, frameOf } from './session/rig.ts';

const codec = smppCodec(0x34);
const NACK = 0x80000000;
const BIND_RESP = 0x80000009;
const credentials: BindCredentials = { name: 'us', secret: 'pw', mode: 'trx', version: 0x34 };

const submit = { sourceAddr: '100', destinationAddr: '200', shortMessage: Buffer.from('hi') };
const frames = {
  bind: (sequence = 1) => frameOf(smpp, codec.bindTransceiver, { systemId: 'acme', interfaceVersion: 0x34 }, sequence),
  bindReceiver: (sequence = 1) =>
    frameOf(smpp, codec.bindReceiver, { systemId: 'acme', interfaceVersion: 0x34 }, sequence),
  probe: (sequence = 7) => frameOf(smpp, codec.enquireLink, {}, sequence),
  submit: (sequence = 7) => frameOf(smpp, codec.submitSm, submit, sequence),
  deliver: (sequence = 7) => frameOf(smpp, codec.deliverSm, submit, sequence),
  broken: (sequence = 7) => Buffer.concat([Buffer.from('0000001000000004', 'hex'), u32(0), u32(sequence)]),
  unbind: (sequence = 7) => frameOf(smpp, codec.unbind, {}, sequence),
  unbindResp: (sequence = 7) => frameOf(smpp, codec.unbindResp, {}, sequence),
  unknownRequest: (sequence = 7) => Buffer.concat([Buffer.from('0000001000010201', 'hex'), u32(0), u32(sequence)]),
  unknownAnswer: (sequence = 7) => Buffer.concat([Buffer.from('0000001080010201', 'hex'), u32(0), u32(sequence)]),
  strayAnswer: (sequence = 7) => frameOf(smpp, codec.submitSmResp, { messageId: 'x' }, sequence),
  strayDeliverAnswer: (sequence = 7) => frameOf(smpp, codec.deliverSmResp, {}, sequence),
  nack: (sequence = 7, status = 8) => frameOf(smpp, codec.genericNack, {}, sequence, status),
  outbind: (sequence = 7) => frameOf(smpp, codec.outbind, { systemId: 'smsc' }, sequence),
  bindResp: (sequence = 1, status = 0) =>
    frameOf(smpp, codec.bindTransceiverResp, { systemId: 'smsc' }, sequence, status),
};

function u32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}

const never = (): Promise<BindVerdict> => new Promise(() => undefined);

const serverStates = {
  open: () => createRig({ dialect: smpp, role: 'server' }),
  pending: () => {
    const rig = createRig({ dialect: smpp, role: 'server', authenticate: never });
    rig.link.feed(frames.bind());
    return rig;
  },
  bound: () => boundServer(),
  boundReceiver: () => {
    const rig = createRig({ dialect: smpp, role: 'server' });
    rig.link.feed(frames.bindReceiver());
    return rig;
  },
  draining: () => {
    const rig = boundServer();
    rig.session.request(codec.deliverSm, codec.deliverSm.fill(submit), 'd');
    rig.session.unbind('stop');
    return rig;
  },
  goodbye: () => {
    const rig = boundServer();
    rig.session.unbind('stop');
    return rig;
  },
};
const clientStates = {
  binding: () => createRig({ dialect: smpp, role: 'client', credentials }),
  bound: () => boundClient(),
};

function boundServer(options: Partial<Parameters<typeof createRig>[0]> = {}) {
  const rig = createRig({ dialect: smpp, role: 'server', ...options });
  rig.link.feed(frames.bind());
  rig.take();
  rig.owner.words();
  return rig;
}
function boundClient(options: Partial<Parameters<typeof createRig>[0]> = {}) {
  const rig = createRig({ dialect: smpp, role: 'client', credentials, ...options });
  rig.link.feed(frames.bindResp(rig.take()[0]!.sequence));
  rig.owner.words();
  return rig;
}

type Cell = readonly [reply: string, state: string, told: string];

/** `command/status` of each frame written; what the state is then; what the owner was told. */
function outcome(rig: ReturnType<typeof createRig>, frame: Buffer): Cell {
  rig.take();
  rig.owner.words();
  rig.link.feed(frame);
  rig.endTurn();
  const reply = rig
    .take()
    .map((w) => `${w.command.toString(16)}/${w.status}`)
    .join(' ');
  return [reply, rig.session.state, rig.owner.words().join(' ')];
}

describe('SMPP: every state and every kind of frame', () => {
  const NOTHING = '';
  const server: Record<keyof typeof serverStates, Partial<Record<keyof typeof frames, Cell>>> = {
    open: {
      bind: ['80000009/0', 'bound', 'bound'],
      probe: ['80000015/0', 'open', NOTHING],
      submit: ['80000004/4', 'open', NOTHING],
      deliver: ['80000005/4', 'open', NOTHING],
      broken: ['80000004/4', 'open', NOTHING],
      unbind: ['80000006/4', 'open', NOTHING],
      unbindResp: [NOTHING, 'open', NOTHING],
      unknownRequest: ['80000000/3', 'open', NOTHING],
      unknownAnswer: [NOTHING, 'open', NOTHING],
      strayDeliverAnswer: [NOTHING, 'open', NOTHING],
      nack: [NOTHING, 'open', NOTHING],
      bindResp: [NOTHING, 'open', NOTHING],
    },
    // Everything behind a bind waits until it has been judged.
    pending: {
      bind: [NOTHING, 'binding', NOTHING],
      probe: [NOTHING, 'binding', NOTHING],
      submit: [NOTHING, 'binding', NOTHING],
      unbind: [NOTHING, 'binding', NOTHING],
      nack: [NOTHING, 'binding', NOTHING],
    },
    bound: {
      bind: ['80000009/5', 'bound', NOTHING],
      probe: ['80000015/0', 'bound', NOTHING],
      submit: [NOTHING, 'bound', 'request'],
      deliver: ['80000005/4', 'bound', NOTHING],
      broken: ['80000004/2', 'bound', NOTHING],
      unbind: ['80000006/0', 'closed', 'closed'],
      unbindResp: [NOTHING, 'bound', NOTHING],
      unknownRequest: ['80000000/3', 'bound', NOTHING],
      unknownAnswer: [NOTHING, 'bound', NOTHING],
      strayAnswer: [NOTHING, 'bound', NOTHING],
      strayDeliverAnswer: [NOTHING, 'bound', NOTHING],
      nack: [NOTHING, 'bound', NOTHING],
      bindResp: [NOTHING, 'bound', NOTHING],
    },
    boundReceiver: {
      submit: ['80000004/4', 'bound', NOTHING],
      broken: ['80000004/4', 'bound', NOTHING],
      probe: ['80000015/0', 'bound', NOTHING],
      unbind: ['80000006/0', 'closed', 'closed'],
    },
    draining: {
      probe: ['80000015/0', 'unbinding', NOTHING],
      submit: [NOTHING, 'unbinding', 'request'],
      bind: ['80000009/5', 'unbinding', NOTHING],
      unbind: ['80000006/0', 'closed', 'lost closed'],
      unbindResp: [NOTHING, 'unbinding', NOTHING],
      nack: [NOTHING, 'unbinding', NOTHING],
    },
    goodbye: {
      probe: ['80000015/0', 'unbinding', NOTHING],
      submit: ['80000004/8', 'unbinding', NOTHING],
      unbind: ['80000006/0', 'closed', 'closed'],
      unbindResp: [NOTHING, 'closed', 'closed'],
      unknownRequest: ['80000000/3', 'unbinding', NOTHING],
    },
  };
  const client: Record<keyof typeof clientStates, Partial<Record<keyof typeof frames, Cell>>> = {
    binding: {
      bindResp: [NOTHING, 'bound', 'bound'],
      probe: ['80000015/0', 'binding', NOTHING],
      deliver: ['80000005/4', 'binding', NOTHING],
      outbind: [NOTHING, 'binding', NOTHING],
      bind: ['80000009/4', 'binding', NOTHING],
      unbind: ['80000006/4', 'binding', NOTHING],
      nack: [NOTHING, 'closed', 'closed'],
      strayAnswer: [NOTHING, 'binding', NOTHING],
      unknownRequest: ['80000000/3', 'binding', NOTHING],
    },
    bound: {
      bindResp: [NOTHING, 'bound', NOTHING],
      probe: ['80000015/0', 'bound', NOTHING],
      deliver: [NOTHING, 'bound', 'request'],
      submit: ['80000004/4', 'bound', NOTHING],
      bind: ['80000009/4', 'bound', NOTHING],
      outbind: [NOTHING, 'bound', NOTHING],
      unbind: ['80000006/0', 'closed', 'closed'],
      unbindResp: [NOTHING, 'bound', NOTHING],
      strayAnswer: [NOTHING, 'bound', NOTHING],
      nack: [NOTHING, 'bound', NOTHING],
    },
  };

  const rows = [
    ...Object.entries(server).flatMap(([state, cells]) =>
      Object.entries(cells).map(([event, cell]) => ({ role: 'server', state, event, cell })),
    ),
    ...Object.entries(client).flatMap(([state, cells]) =>
      Object.entries(cells).map(([event, cell]) => ({ role: 'client', state, event, cell })),
    ),
  ];
  test.each(rows)('$role, $state: $event', ({ role, state, event, cell }) => {
    const make = role === 'server' ? serverStates[state as 'open'] : clientStates[state as 'binding'];
    const rig = make();
    expect(outcome(rig, frames[event as keyof typeof frames]())).toEqual(cell);
    expect(rig.errors).toEqual([]);
    // The sequence is echoed, whatever it is.
    const again = make();
    again.take();
    again.link.feed(frames[event as keyof typeof frames](0xfffffffe));
    for (const w of again.take()) expect(w.sequence).toBe(0xfffffffe);
  });

  test('a closed session does and tells nothing more', () => {
    const rig = boundServer();
    rig.session.close('over');
    rig.owner.words();
    for (const frame of Object.values(frames)) rig.link.feed(frame());
    rig.session.respond(1, codec.submitSmResp, codec.submitSmResp.fill({}), 0);
    rig.session.close('again');
    rig.session.unbind('again');
    expect(rig.session.request(codec.deliverSm, codec.deliverSm.fill(submit), 'd')).toBe(-1);
    rig.wait(60_000);
    expect(rig.take()).toEqual([]);
    expect(rig.owner.words()).toEqual([]);
  });
});

describe('binding as a server', () => {
  test('the answer tells our name, our version and nothing to a 3.3 client that it could not read', () => {
    for (const [version, tlvs] of [
      [0x34, 5],
      [0x50, 5],
      [0x33, 0],
      [0x00, 0],
    ] as const) {
      const rig = createRig({ dialect: smpp, role: 'server' });
      rig.link.feed(frameOf(smpp, codec.bindTransceiver, { systemId: 'acme', interfaceVersion: version }, 1));
      const [answer] = rig.take();
      expect(answer!.octets.length).toBe(16 + 'yima'.length + 1 + tlvs);
      expect(rig.session.version).toBe(Math.max(version, 0x33));
    }
  });

  test('what a bind claims reaches the judge, and frames behind it wait for the verdict', async () => {
    let judge: (verdict: BindVerdict) => void = () => undefined;
    const seen: unknown[] = [];
    const rig = createRig({
      dialect: smpp,
      role: 'server',
      authenticate: (bind) => {
        seen.push(bind);
        return new Promise((resolve) => {
          judge = resolve;
        });
      },
    });
    const bind = frameOf(smpp, codec.bindTransmitter, { systemId: 'acme', password: 'pw', interfaceVersion: 0x34 }, 3);
    rig.link.feed(Buffer.concat([bind, frames.probe(4), frames.submit(5)]));
    rig.link.feed(frames.submit(6));
    expect(rig.take()).toEqual([]);
    expect(rig.link.held).toBe(true);
    expect(seen).toEqual([
      {
        protocol: 'smpp',
        name: 'acme',
        password: 'pw',
        mode: 'tx',
        version: 0x34,
        remoteAddress: '192.0.2.1',
        remotePort: 40_000,
        tlsAuthorized: false,
      },
    ]);
    judge({ accept: true, peer: 'account 1', window: 3, tag: 'mine' });
    await Promise.resolve().then(() => undefined);
    await Promise.resolve();
    rig.endTurn();
    expect(rig.take().map((w) => [w.command, w.status, w.sequence])).toEqual([
      [0x80000002, 0, 3],
      [0x80000015, 0, 4],
    ]);
    expect(rig.owner.words()).toEqual(['bound', 'request', 'request']);
    expect(rig.session).toMatchObject({ peer: 'account 1', mode: 'tx', windowSize: 3, tag: 'mine', state: 'bound' });
    expect(rig.link.held).toBe(false);
  });

  test.each([
    ['unknown', 0x0f],
    ['password', 0x0e],
    ['address', 0x0d],
    ['alreadyBound', 0x05],
    ['tooMany', 0x05],
    ['disabled', 0x0d],
    ['busy', 0x08],
  ] as const)('refused as %s: status %i, three tries, then closed', (reason, status) => {
    const rig = createRig({ dialect: smpp, role: 'server', authenticate: () => ({ accept: false, reason }) });
    for (let i = 1; i <= 3; i++) {
      expect(rig.session.state).toBe('open');
      rig.link.feed(frames.bind(i));
      expect(rig.take().map((w) => [w.command, w.status, w.octets.length])).toEqual([[BIND_RESP, status, 16]]);
    }
    expect(rig.session.state).toBe('closed');
    expect(rig.owner.told).toMatchObject([{ what: 'closed', wasBound: false }]);
  });

  test('a judge that fails is busy, not an open door', async () => {
    for (const authenticate of [
      () => Promise.reject(new Error('down')),
      () => {
        throw new Error('down');
      },
    ]) {
      const rig = createRig({ dialect: smpp, role: 'server', authenticate });
      rig.link.feed(frames.bind());
      await new Promise((resolve) => setImmediate(resolve));
      expect(rig.take().map((w) => w.status)).toEqual([0x08]);
      expect(rig.session.state).toBe('open');
    }
  });

  test('no bind in time: closed', () => {
    const rig = createRig({ dialect: smpp, role: 'server' });
    rig.wait(4_900);
    rig.link.feed(frames.probe());
    expect(rig.session.state).toBe('open');
    rig.wait(200);
    expect(rig.session.state).toBe('closed');
    expect(rig.link.ended).toBe(true);
  });
});

describe('binding as a client', () => {
  test('the bind goes out as configured', () => {
    const rig = createRig({
      dialect: smpp,
      role: 'client',
      credentials: { ...credentials, mode: 'rx', systemType: 'VMS', addressRange: '^1' },
    });
    const [bind] = rig.take();
    expect(bind).toMatchObject({ command: 0x01, sequence: 1 });
    expect(codec.bindReceiver.decode(bind!.octets, 16, bind!.octets.length)).toEqual({
      systemId: 'us',
      password: 'pw',
      systemType: 'VMS',
      interfaceVersion: 0x34,
      addrTon: 0,
      addrNpi: 0,
      addressRange: '^1',
      tlvs: NO_TLVS,
    });
  });

  test.each([
    [0x0e, 'credentials'],
    [0x0f, 'credentials'],
    [0x53, 'credentials'],
    [0x05, 'alreadyBound'],
    [0x0d, 'refused'],
    [0x08, 'refused'],
    [0x401, 'refused'],
  ])('refused with %i: %s', (status, failure) => {
    const rig = createRig({ dialect: smpp, role: 'client', credentials });
    rig.link.feed(frames.bindResp(1, status));
    expect(rig.failures).toMatchObject([{ failure, status }]);
    expect(rig.session.state).toBe('closed');
    expect(rig.owner.words()).toEqual(['closed']);
  });

  test('bind answers of real peers: no body, no NUL, a cut parameter, a body with an error (quirks 54, 55, 64)', () => {
    for (const body of ['', '736d7363', '736d73630002100001', '736d736300021000']) {
      const rig = createRig({ dialect: smpp, role: 'client', credentials });
      const octets = Buffer.from(body, 'hex');
      rig.link.feed(Buffer.concat([u32(16 + octets.length), u32(BIND_RESP), u32(0), u32(1), octets]));
      expect(rig.session.state).toBe('bound');
      expect(rig.session.peer).toBe('carrier');
    }
  });

  test('a delivery in the same segment as the bind answer is taken (quirk 84)', () => {
    const rig = createRig({ dialect: smpp, role: 'client', credentials });
    rig.link.feed(Buffer.concat([frames.bindResp(), frames.deliver(9)]));
    expect(rig.owner.words()).toEqual(['bound', 'request']);
  });

  test('no answer in time is a failure of the network', () => {
    const rig = createRig({ dialect: smpp, role: 'client', credentials });
    rig.wait(5_100);
    expect(rig.failures).toMatchObject([{ failure: 'network' }]);
    expect(rig.session.state).toBe('closed');
  });
});

describe('window', () => {
  const value = codec.submitSm.fill(submit);
  const answer = (sequence: number, status = 0): Buffer =>
    frameOf(smpp, codec.submitSmResp, { messageId: `m${sequence}` }, sequence, status);

  test('never more open requests than the window; a refused owner is told when there is room', () => {
    const rig = boundClient({ window: 3 });
    const { session } = rig;
    const sequences = ['a', 'b', 'c'].map((token) => session.request(codec.submitSm, value, token));
    expect(session.room).toBe(0);
    expect(session.request(codec.submitSm, value, 'd')).toBe(-1);
    expect(rig.take()).toHaveLength(3);
    rig.clock.advance(40);
    rig.link.feed(answer(sequences[1]!), answer(sequences[0]!, 0x58));
    expect(rig.owner.told.slice(1)).toMatchObject([
      { what: 'answer', token: 'b', pdu: 'submit_sm_resp', status: 0, elapsedMs: 40, value: { messageId: 'm3' } },
      { what: 'room' },
      { what: 'answer', token: 'a', status: 0x58 },
    ]);
    expect(session.room).toBe(2);
    expect(session.fullMs).toBe(40);
    expect(session.rttMs).toBe(40);
    expect(rig.rtt.count).toBe(2);
    expect(session.counters).toMatchObject({ answersIn: 2, requestsOut: 3, refused: 1 });
    expect([...session.counters.statusesIn]).toEqual([[0x58, 1]]);
  });

  test('room rises from 0 without a refusal: told too', () => {
    const rig = boundClient({ window: 1 });
    const sequence = rig.session.request(codec.submitSm, value, 'a');
    rig.link.feed(answer(sequence));
    expect(rig.owner.words()).toEqual(['answer', 'room']);
    const again = rig.session.request(codec.submitSm, value, 'b');
    rig.session.setWindow(5);
    expect(rig.owner.words()).toEqual(['room']);
    expect(rig.session.room).toBe(4);
    expect(again).toBeGreaterThan(0);
  });

  test('an answer of the wrong kind or sequence changes nothing (quirks 69, 71)', () => {
    const rig = boundClient();
    const sequence = rig.session.request(codec.submitSm, value, 'a');
    rig.link.feed(
      frameOf(smpp, codec.enquireLinkResp, {}, sequence),
      frameOf(smpp, codec.querySmResp, {}, sequence),
      answer(sequence + 1),
      answer(sequence + 32),
    );
    expect(rig.owner.words()).toEqual([]);
    expect(rig.session.windowUsed).toBe(1);
    expect(rig.session.counters.unmatched).toBe(3);
    rig.link.feed(answer(sequence), answer(sequence));
    expect(rig.owner.words()).toEqual(['answer']);
    expect(rig.session.counters.unmatched).toBe(4);
  });

  test('generic_nack answers what has its sequence', () => {
    const rig = boundClient();
    const sequence = rig.session.request(codec.submitSm, value, 'a');
    rig.link.feed(frames.nack(sequence, 0x03));
    expect(rig.owner.told.at(-1)).toMatchObject({ what: 'answer', token: 'a', pdu: undefined, status: 3 });
    expect(rig.session.windowUsed).toBe(0);
  });

  test('no answer in time: expired, the slot is free, a late answer still finds its token (quirks 15, 72)', () => {
    const rig = boundClient({ window: 2 });
    const first = rig.session.request(codec.submitSm, value, 'a');
    rig.wait(5_000);
    const second = rig.session.request(codec.submitSm, value, 'b');
    rig.wait(4_900);
    expect(rig.owner.words()).toEqual([]);
    rig.wait(200);
    expect(rig.owner.words()).toEqual(['expired', 'room']);
    expect(rig.session.windowUsed).toBe(1);
    rig.wait(5_000);
    expect(rig.owner.words()).toEqual(['expired']);
    rig.link.feed(answer(second), answer(first), answer(first));
    expect(rig.owner.told.slice(-2)).toMatchObject([
      { what: 'late', token: 'b', value: { messageId: `m${second}` } },
      { what: 'late', token: 'a' },
    ]);
    expect(rig.session.counters).toMatchObject({ expired: 2, late: 2, unmatched: 1 });
    expect(rig.session.state).toBe('bound');
  });

  test('a link that goes loses every open request, once', () => {
    const rig = boundClient();
    for (const token of ['a', 'b', 'c']) rig.session.request(codec.submitSm, value, token);
    rig.link.cut('ECONNRESET');
    expect(rig.owner.told.slice(1)).toEqual([
      { what: 'lost', token: 'a' },
      { what: 'lost', token: 'b' },
      { what: 'lost', token: 'c' },
      { what: 'closed', reason: 'ECONNRESET', wasBound: true },
    ]);
  });

  test('a value that cannot be encoded throws, writes nothing and takes no slot', () => {
    const rig = boundClient();
    const bad = codec.submitSm.fill({ ...submit, shortMessage: Buffer.alloc(300) });
    expect(() => rig.session.request(codec.submitSm, bad, 'a')).toThrow('submit_sm.shortMessage: value-too-long');
    expect(rig.take()).toEqual([]);
    expect(rig.session.windowUsed).toBe(0);
    expect(rig.session.request(codec.submitSm, value, 'a')).toBeGreaterThan(0);
  });

  test('an answer with an error needs no readable body; a positive one that cannot be read is no answer (quirk 64)', () => {
    const rig = boundClient();
    const many = Array.from({ length: 70 }, (_, i) => ({ tag: 0x1400 + i, value: Buffer.alloc(0) }));
    const sequence = rig.session.request(codec.submitSm, value, 'a');
    const body = codec.submitSmResp.fill({ messageId: 'x', tlvs: many });
    const unreadable = Buffer.alloc(16 + codec.submitSmResp.size(body));
    codec.submitSmResp.encode(body, unreadable, 16);
    const send = (s: number, status: number): void => {
      smpp.writeHeader(unreadable, 0, unreadable.length, 0x80000004, status, s);
      rig.link.feed(Buffer.from(unreadable));
    };
    send(sequence, 0x45);
    expect(rig.owner.told.at(-1)).toMatchObject({ what: 'answer', token: 'a', status: 0x45, value: undefined });
    send(rig.session.request(codec.submitSm, value, 'b'), 0);
    expect(rig.owner.told.at(-1)).toEqual({ what: 'expired', token: 'b' });
    expect(rig.session.windowUsed).toBe(0);
  });
});

describe('intake', () => {
  test('at the limit reading stops, at half of it it goes on, and nothing is lost', () => {
    const rig = boundServer({ limits: { intake: 4 } });
    rig.link.feed(Buffer.concat([1, 2, 3, 4, 5, 6, 7].map((n) => frames.submit(n))));
    expect(rig.owner.told.filter((t) => t.what === 'request')).toHaveLength(4);
    expect(rig.link.held).toBe(true);
    const ok = codec.submitSmResp.fill({ messageId: 'id' });
    rig.session.respond(1, codec.submitSmResp, ok, 0);
    rig.endTurn();
    expect(rig.link.held).toBe(true);
    rig.session.respond(2, codec.submitSmResp, ok, 0);
    // Not inside `respond`: the owner is in the middle of something.
    expect(rig.owner.told.filter((t) => t.what === 'request')).toHaveLength(4);
    rig.endTurn();
    expect(rig.owner.told.filter((t) => t.what === 'request')).toHaveLength(6);
    rig.session.respond(3, codec.submitSmResp, ok, 0);
    rig.session.respond(4, codec.submitSmResp, ok, 0);
    rig.endTurn();
    expect(rig.owner.told.flatMap((t) => (t.what === 'request' ? [t.sequence] : []))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(rig.session.intake).toBe(3);
    expect(rig.session.counters.holds).toBe(2);
  });

  test('an answer at once never stops reading', () => {
    const rig = boundServer({ limits: { intake: 1 } });
    rig.owner.answering = (session, _pdu, sequence) =>
      session.respond(sequence, codec.submitSmResp, codec.submitSmResp.fill({ messageId: 'id' }), 0);
    rig.link.feed(Buffer.concat([1, 2, 3].map((n) => frames.submit(n))));
    expect(rig.take().map((w) => w.sequence)).toEqual([1, 2, 3]);
    expect(rig.session.counters.holds).toBe(0);
  });

  test('a refusal has no body', () => {
    const rig = boundServer();
    rig.link.feed(frames.submit(5));
    rig.session.respond(5, codec.submitSmResp, codec.submitSmResp.fill({ messageId: 'not to be seen' }), 0x58);
    expect(rig.take()).toMatchObject([{ command: 0x80000004, status: 0x58, sequence: 5 }]);
    expect([...rig.session.counters.statusesOut]).toEqual([[0x58, 1]]);
  });

  test('a peer that does not read: no room while congested, no reading while choked', () => {
    const rig = boundServer();
    rig.link.congested = true;
    expect(rig.session.room).toBe(0);
    expect(rig.session.request(codec.deliverSm, codec.deliverSm.fill(submit), 'd')).toBe(-1);
    rig.link.feed(frames.probe());
    expect(rig.link.held).toBe(false);
    rig.link.choked = true;
    rig.link.feed(frames.probe(), frames.probe());
    expect(rig.link.held).toBe(true);
    expect(rig.take()).toHaveLength(2);
    rig.link.congested = false;
    rig.link.choked = false;
    rig.link.drain();
    rig.endTurn();
    expect(rig.take()).toHaveLength(1);
    expect(rig.owner.words()).toEqual(['room']);
  });
});

describe('keepalive', () => {
  test('silence is probed, and ends the session after so many misses', () => {
    const rig = boundServer();
    rig.wait(29_900);
    expect(rig.take()).toEqual([]);
    rig.wait(200);
    expect(rig.take().map((w) => w.command)).toEqual([0x15]);
    rig.wait(20_100);
    expect(rig.take()).toHaveLength(2);
    expect(rig.session.state).toBe('bound');
    rig.wait(10_100);
    expect(rig.session.state).toBe('closed');
    expect(rig.session.counters).toMatchObject({ probes: 3, probeMisses: 3 });
    expect(rig.owner.told.at(-1)).toMatchObject({ reason: 'no sign of life after 3 probes' });
  });

  test("while we do not read, silence is ours and not the peer's", () => {
    const rig = boundServer({ limits: { intake: 1 } });
    rig.link.feed(frames.submit(5));
    expect(rig.link.held).toBe(true);
    rig.wait(300_000);
    expect(rig.session.state).toBe('bound');
    expect(rig.session.counters.probeMisses).toBe(0);
  });

  test('anything that comes is life, whatever its sequence (quirks 69, 78)', () => {
    const rig = boundServer();
    for (let i = 0; i < 10; i++) {
      rig.wait(30_100);
      expect(rig.take().map((w) => w.command)).toEqual([0x15]);
      rig.link.feed(i % 2 === 0 ? frameOf(smpp, codec.enquireLinkResp, {}, 99_999) : frames.probe());
      rig.take();
    }
    expect(rig.session.state).toBe('bound');
    expect(rig.session.counters.probeMisses).toBe(0);
  });

  test('traffic both ways is not disturbed by probes', () => {
    const rig = boundClient();
    for (let i = 0; i < 30; i++) {
      const sequence = rig.session.request(codec.submitSm, codec.submitSm.fill(submit), 't');
      rig.wait(5_000);
      rig.link.feed(frameOf(smpp, codec.submitSmResp, { messageId: 'x' }, sequence));
    }
    expect(rig.session.counters.probes).toBe(0);
  });

  test('a peer that only talks is asked too: some drop clients that never ask (quirk 80)', () => {
    const rig = boundClient();
    for (let i = 0; i < 7; i++) {
      rig.wait(5_000);
      rig.link.feed(frames.probe());
    }
    expect(rig.session.counters.probes).toBe(1);
  });
});

describe('goodbye', () => {
  const value = codec.deliverSm.fill(submit);

  test('unbind waits for the answers due both ways, then says goodbye, then closes', () => {
    const rig = boundServer();
    const sequence = rig.session.request(codec.deliverSm, value, 'd');
    rig.link.feed(frames.submit(5));
    rig.take();
    rig.session.unbind('stop');
    expect(rig.session.room).toBe(0);
    expect(rig.session.request(codec.deliverSm, value, 'e')).toBe(-1);
    rig.link.feed(frameOf(smpp, codec.deliverSmResp, {}, sequence));
    expect(rig.take()).toEqual([]);
    rig.session.respond(5, codec.submitSmResp, codec.submitSmResp.fill({ messageId: 'id' }), 0);
    const written = rig.take();
    expect(written.map((w) => w.command)).toEqual([0x80000004, 0x06]);
    rig.link.feed(frames.unbindResp(written[1]!.sequence));
    expect(rig.session.state).toBe('closed');
    expect(rig.owner.told.at(-1)).toEqual({ what: 'closed', reason: 'stop', wasBound: true });
  });

  test('what is not answered by the deadline is lost; a peer that ignores our goodbye is left', () => {
    const rig = boundServer();
    rig.session.request(codec.deliverSm, value, 'd');
    rig.take();
    rig.session.unbind('stop', 3_000);
    rig.wait(2_900);
    expect(rig.take()).toEqual([]);
    rig.wait(200);
    expect(rig.take().map((w) => w.command)).toEqual([0x06]);
    rig.wait(2_100);
    expect(rig.session.state).toBe('closed');
    expect(rig.owner.words()).toEqual(['lost', 'closed']);
  });

  test('the peer unbinds with answers due: they go first (quirk 82)', () => {
    const rig = boundServer();
    rig.link.feed(frames.submit(5), frames.unbind(6));
    expect(rig.take()).toEqual([]);
    expect(rig.session.state).toBe('unbinding');
    rig.session.respond(5, codec.submitSmResp, codec.submitSmResp.fill({ messageId: 'id' }), 0);
    expect(rig.take().map((w) => [w.command, w.sequence])).toEqual([
      [0x80000004, 5],
      [0x80000006, 6],
    ]);
    expect(rig.session.state).toBe('closed');
    expect(rig.link.ended).toBe(true);
  });
});

describe('bad input', () => {
  test('unreadable bodies are answered and counted; too many within a minute end the session', () => {
    const rig = boundServer({ limits: { badPdus: 4, keepaliveMs: 0 } });
    for (let i = 0; i < 3; i++) rig.link.feed(frames.broken(i));
    rig.wait(61_000);
    rig.link.feed(frames.probe());
    for (let i = 3; i < 6; i++) rig.link.feed(frames.broken(i));
    expect(rig.session.state).toBe('bound');
    rig.link.feed(frames.broken(6), frames.broken(7));
    expect(rig.session.state).toBe('closed');
    const refused = rig.take().filter((w) => w.command === 0x80000004);
    expect(refused.map((w) => [w.sequence, w.status])).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => [n, 2]));
  });

  test('a frame larger than a stranger may send', () => {
    const rig = createRig({ dialect: smpp, role: 'server' });
    rig.link.feed(Buffer.concat([u32(2_000), u32(0x09), u32(0), u32(77)]));
    expect(rig.take()).toMatchObject([{ command: NACK, status: 2, sequence: 77 }]);
    expect(rig.session.state).toBe('closed');
    const bound = boundServer();
    bound.link.feed(Buffer.concat([u32(FRAME.max + 1), u32(0x04), u32(0), u32(78)]));
    expect(bound.take()).toMatchObject([{ command: NACK, status: 2, sequence: 78 }]);
  });

  test('an owner that throws costs its session, not the process', () => {
    const rig = boundServer();
    rig.owner.answering = () => {
      throw new Error('a bug');
    };
    rig.link.feed(frames.submit(5));
    expect(rig.session.state).toBe('closed');
    expect(rig.errors).toHaveLength(1);
  });

  interface Malformed {
    readonly name: string;
    readonly hex: string;
    readonly expected: {
      readonly stage: string;
      readonly severity: string;
      readonly close: boolean;
      readonly reply: { command: string; command_status: number; sequence_number: number } | null;
    };
  }
  const file = new URL('./vectors/smpp/malformed.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Malformed[] };
  // Field limits and user data headers are the gateway's to judge, in its own words; here they must just arrive.
  const ours = cases.filter((c) => c.expected.stage === 'decode' || c.expected.stage === 'session');

  test.each(ours)('malformed.json: $name', ({ hex, expected }) => {
    const octets = Buffer.from(hex, 'hex');
    const command = octets.length >= 8 ? octets.readUInt32BE(4) : 0;
    const isBind = [1, 2, 9].includes(command);
    const fromServer = [0x05].includes(command);
    const foreign = expected.severity === 'fatal' && expected.reply === null;
    const unbound = isBind || foreign;
    const rig = unbound ? createRig({ dialect: smpp, role: 'server' }) : fromServer ? boundClient() : boundServer();
    if (expected.severity === 'lenient' && command === BIND_RESP) return expectBound(octets);
    rig.link.feed(octets);
    const { reply } = expected;
    const written = rig.take();
    if (reply === null) expect(written.filter((w) => w.command !== 0x80000006)).toEqual([]);
    else {
      const known = [...codec.byId.values()].find((plan) => plan.name === reply.command)!;
      expect(written).toMatchObject([
        { command: known.id, status: reply.command_status, sequence: reply.sequence_number },
      ]);
    }
    // An unbind with a broken body is an unbind.
    if (command !== 0x06) expect(rig.session.state === 'closed').toBe(expected.close);
    if (expected.severity === 'accept' && command === 0x04) expect(rig.owner.words()).toEqual(['request']);
    expect(rig.errors).toEqual([]);
    return undefined;
  });

  function expectBound(octets: Buffer): void {
    const rig = createRig({ dialect: smpp, role: 'client', credentials });
    rig.link.feed(octets);
    expect(rig.session.state).toBe('bound');
  }
});

describe('CMPP: every state and every kind of frame', () => {
  const v2 = cmppCodec(0x20);
  const login = {
    sourceAddr: '900001',
    // Checked by another implementation: see protocol notes, CONNECT.
    authenticatorSource: Buffer.from('90d00c1d517abd0b4f65f6bcf8535d16', 'hex').toString('latin1'),
    version: 0x20,
    timestamp: 1021080510,
  };
  const cmppCredentials: BindCredentials = { name: '900001', secret: '888888', mode: 'trx', version: 0x20 };
  const id = '\x01\x02\x03\x04\x05\x06\x07\x08';
  const message = { msgId: id, destTerminalId: ['13800138000'], msgContent: Buffer.from('hi') };
  const cut = (frame: Buffer, octets: number): Buffer => {
    const b = Buffer.from(frame.subarray(0, octets));
    b.writeUInt32BE(octets, 0);
    return b;
  };
  const is = {
    connect: (n = 7) => frameOf(cmpp, v2.connect, login, n),
    connectResp: (n = 0) => frameOf(cmpp, v2.connectResp, { authenticatorIsmg: 'x'.repeat(16), version: 0x20 }, n),
    refusal: (n = 0) => frameOf(cmpp, v2.connectResp, { status: 3 }, n),
    activeTest: (n = 7) => frameOf(cmpp, v2.activeTest, {}, n),
    submit: (n = 7) => frameOf(cmpp, v2.submit, message, n),
    deliver: (n = 7) => frameOf(cmpp, v2.deliver, { msgId: id, msgContent: Buffer.from('hi') }, n),
    brokenSubmit: (n = 7) => cut(frameOf(cmpp, v2.submit, message, n), 60),
    brokenDeliver: (n = 7) => cut(frameOf(cmpp, v2.deliver, { msgId: id, msgContent: Buffer.from('hi') }, n), 60),
    fwd: (n = 7) => frameOf(cmpp, v2.fwd, { destId: ['1'] }, n),
    terminate: (n = 7) => frameOf(cmpp, v2.terminate, {}, n),
    terminateResp: (n = 7) => frameOf(cmpp, v2.terminateResp, {}, n),
    stray: (n = 7) => frameOf(cmpp, v2.submitResp, {}, n),
    strayDelivered: (n = 7) => frameOf(cmpp, v2.deliverResp, {}, n),
    unknown: (n = 7) => Buffer.concat([u32(12), u32(0x10), u32(n)]),
    unknownAnswer: (n = 7) => Buffer.concat([u32(12), u32(0x80000010), u32(n)]),
  };
  const server = (authenticate?: () => Promise<BindVerdict> | BindVerdict) =>
    createRig({ dialect: cmpp, role: 'server', ...(authenticate === undefined ? {} : { authenticate }) });
  const client = () => createRig({ dialect: cmpp, role: 'client', credentials: cmppCredentials });
  const states = {
    'server open': () => server(),
    'server pending': () => {
      const rig = server(never);
      rig.link.feed(is.connect());
      return rig;
    },
    'server bound': () => {
      const rig = server();
      rig.link.feed(is.connect());
      return rig;
    },
    'server goodbye': () => {
      const rig = states['server bound']();
      rig.session.unbind('stop');
      return rig;
    },
    'client binding': client,
    'client bound': () => {
      const rig = client();
      rig.link.feed(is.connectResp());
      return rig;
    },
  };
  const NOTHING = '';
  const grid: Record<keyof typeof states, Partial<Record<keyof typeof is, Cell>>> = {
    'server open': {
      connect: ['80000001/0', 'bound', 'bound'],
      activeTest: ['80000008/0', 'open', NOTHING],
      submit: ['80000004/0', 'open', NOTHING],
      terminate: ['80000002/0', 'open', NOTHING],
      unknown: [NOTHING, 'open', NOTHING],
      unknownAnswer: [NOTHING, 'open', NOTHING],
      strayDelivered: [NOTHING, 'open', NOTHING],
    },
    'server pending': {
      connect: [NOTHING, 'binding', NOTHING],
      submit: [NOTHING, 'binding', NOTHING],
      activeTest: [NOTHING, 'binding', NOTHING],
    },
    'server bound': {
      connect: ['80000001/5', 'bound', NOTHING],
      activeTest: ['80000008/0', 'bound', NOTHING],
      submit: [NOTHING, 'bound', 'request'],
      deliver: ['80000005/1', 'bound', NOTHING],
      brokenSubmit: ['80000004/0', 'bound', NOTHING],
      fwd: ['80000009/0', 'bound', NOTHING],
      terminate: ['80000002/0', 'closed', 'closed'],
      terminateResp: [NOTHING, 'bound', NOTHING],
      unknown: [NOTHING, 'bound', NOTHING],
      strayDelivered: [NOTHING, 'bound', NOTHING],
    },
    'server goodbye': {
      submit: ['80000004/0', 'unbinding', NOTHING],
      terminate: ['80000002/0', 'closed', 'closed'],
      terminateResp: [NOTHING, 'closed', 'closed'],
    },
    'client binding': {
      connectResp: [NOTHING, 'bound', 'bound'],
      refusal: [NOTHING, 'closed', 'closed'],
      activeTest: ['80000008/0', 'binding', NOTHING],
      deliver: ['80000005/1', 'binding', NOTHING],
      unknown: [NOTHING, 'binding', NOTHING],
    },
    'client bound': {
      connectResp: [NOTHING, 'bound', NOTHING],
      activeTest: ['80000008/0', 'bound', NOTHING],
      deliver: [NOTHING, 'bound', 'request'],
      brokenDeliver: ['80000005/1', 'bound', NOTHING],
      submit: ['80000004/0', 'bound', NOTHING],
      terminate: ['80000002/0', 'closed', 'closed'],
      stray: [NOTHING, 'bound', NOTHING],
      unknown: [NOTHING, 'bound', NOTHING],
    },
  };
  const rows = Object.entries(grid).flatMap(([state, cells]) =>
    Object.entries(cells).map(([event, cell]) => ({ state, event, cell })),
  );
  // The status column shows the first octet of the body: Msg_Id's in most answers, Status in CONNECT_RESP.
  test.each(rows)('$state: $event', ({ state, event, cell }) => {
    const rig = states[state as keyof typeof states]();
    expect(outcome(rig, is[event as keyof typeof is]())).toEqual(cell);
    expect(rig.errors).toEqual([]);
    const again = states[state as keyof typeof states]();
    again.take();
    again.link.feed(is[event as keyof typeof is](0xfffffffe));
    for (const w of again.take()) expect(w.sequence).toBe(0xfffffffe);
  });

  test.each([
    ['server bound', 'deliver', 2, id],
    ['server bound', 'brokenSubmit', 4, '\0'.repeat(8)],
    ['server goodbye', 'submit', 8, '\0'.repeat(8)],
    ['client bound', 'brokenDeliver', 4, id],
    ['client bound', 'submit', 2, '\0'.repeat(8)],
  ] as const)(
    '%s: %s is refused with Result %i, its Msg_Id echoed where it is known',
    (state, event, result, msgId) => {
      const rig = states[state]();
      rig.take();
      rig.link.feed(is[event]());
      const [answer] = rig.take();
      expect(v2.submitResp.decode(answer!.octets, 12, answer!.octets.length)).toEqual({ msgId, result });
      expect([...rig.session.counters.statusesOut]).toEqual([[result, 1]]);
    },
  );

  test.each([0x20, 0x21, 0x30, 0x00])(
    'a login of version %i: judged by its digest, answered in its layout',
    (version) => {
      const checks: boolean[] = [];
      const rig = createRig({
        dialect: cmpp,
        role: 'server',
        authenticate: (bind) => {
          expect(bind).toMatchObject({ name: '900001', mode: 'trx', protocol: 'cmpp' });
          expect(bind.password).toBeUndefined();
          checks.push(bind.digestOf!('wrong'), bind.digestOf!('888888'));
          return { accept: true, peer: 'sp', window: 16 };
        },
      });
      rig.link.feed(frameOf(cmpp, v2.connect, { ...login, version }, 1));
      expect(checks).toEqual([false, true]);
      const [answer] = rig.take();
      expect(answer!.octets.length).toBe(version < 0x30 ? 30 : 33);
      const read = cmppCodec(version).connectResp.decode(answer!.octets, 12, answer!.octets.length);
      expect(read).toEqual({
        status: 0,
        authenticatorIsmg: authenticatorIsmg(0, version, login.authenticatorSource, '888888'),
        version: 0x30,
      });
    },
  );

  test.each([
    ['unknown', 3],
    ['password', 3],
    ['address', 2],
    ['version', 4],
    ['tooMany', 5],
    ['busy', 5],
  ] as const)('refused as %s: status %i, then closed', (reason, status) => {
    const rig = server(() => ({ accept: false, reason }));
    rig.link.feed(is.connect());
    expect(rig.take()).toMatchObject([{ command: 0x80000001, status }]);
    expect(rig.session.state).toBe('closed');
  });

  test('a version that does not exist', () => {
    const rig = server();
    rig.link.feed(frameOf(cmpp, v2.connect, { ...login, version: 0x7f }, 1));
    const [answer] = rig.take();
    expect(v2.connectResp.decode(answer!.octets, 12, answer!.octets.length).status).toBe(4);
    expect(rig.session.state).toBe('closed');
  });

  test('as a client: what goes out is hashed with Beijing time, and an answer in either layout is taken', () => {
    for (const [version, octets] of [
      [0x20, 33],
      [0x30, 30],
      [0x30, 33],
    ] as const) {
      const rig = createRig({ dialect: cmpp, role: 'client', credentials: { ...cmppCredentials, version } });
      const [sent] = rig.take();
      const value = cmppCodec(version).connect.decode(sent!.octets, 12, sent!.octets.length);
      // The rig's clock: 2023-11-14 22:13:20 UTC.
      expect(value).toEqual({
        sourceAddr: '900001',
        authenticatorSource: authenticatorSource('900001', '888888', '1115061320'),
        version,
        timestamp: 1115061320,
      });
      const layout = cmppCodec(octets === 30 ? 0x20 : 0x30);
      rig.link.feed(frameOf(cmpp, layout.connectResp, { authenticatorIsmg: 'wrong', version: 0x10 }, sent!.sequence));
      expect(rig.session).toMatchObject({ state: 'bound', version });
    }
  });

  test.each([
    [1, 'refused'],
    [2, 'credentials'],
    [3, 'credentials'],
    [4, 'credentials'],
    [5, 'alreadyBound'],
    [77, 'refused'],
  ])('as a client: status %i is %s', (status, failure) => {
    const rig = client();
    rig.link.feed(frameOf(cmpp, v2.connectResp, { status }, 0));
    expect(rig.failures).toMatchObject([{ failure, status }]);
    expect(rig.session.state).toBe('closed');
  });

  test('requests and answers: Result is the status, sequences use all 32 bits and begin at 0', () => {
    const rig = states['client bound']();
    rig.take();
    const value = v2.submit.fill(message);
    const sequence = rig.session.request(v2.submit, value, 'a');
    expect(sequence).toBe(1);
    rig.link.feed(frameOf(cmpp, v2.submitResp, { msgId: id, result: 8 }, sequence));
    expect(rig.owner.told.at(-1)).toMatchObject({ what: 'answer', token: 'a', status: 8, value: { msgId: id } });
    // An answer without its Result says nothing.
    const next = rig.session.request(v2.submit, value, 'b');
    rig.link.feed(Buffer.concat([u32(12), u32(0x80000004), u32(next)]));
    expect(rig.owner.told.at(-1)).toEqual({ what: 'expired', token: 'b' });
    rig.link.feed(is.deliver(5));
    rig.session.respond(5, v2.deliverResp, v2.deliverResp.fill({ msgId: id }), 9);
    const [answer] = rig.take().slice(-1);
    expect(v2.deliverResp.decode(answer!.octets, 12, answer!.octets.length)).toEqual({ msgId: id, result: 9 });
  });

  test('framing lost: closed without a word', () => {
    for (const hex of ['00000000', '0000000b80000004', '0000100180000004']) {
      const rig = states['client bound']();
      rig.take();
      rig.link.feed(Buffer.from(hex, 'hex'));
      expect(rig.take()).toEqual([]);
      expect(rig.session.state).toBe('closed');
      expect(rig.session.counters.faults).toBe(1);
    }
  });
});
