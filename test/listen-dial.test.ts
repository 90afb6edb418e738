import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { smppCodec } from '../protocols/smpp/tables.ts';
import type { BindRequest, BindVerdict } from '../src/session/dialect.ts';
import { smpp } from '../src/session/dialects/smpp.ts';
import { parseProxyHeader } from '../src/session/proxy-protocol.ts';
import { frameOf } from './session/rig.ts';
import {
  connectPeer,
  createWorld,
  dialIn,
  listenIn,
  type Peer,
  peerOn,
  servePeers,
  settle,
  until,
} from './session/sockets.ts';

const codec = smppCodec(0x34);
const text = { sourceAddr: '100', destinationAddr: '200', shortMessage: Buffer.from('hi') };
const bindFrame = (sequence = 1, name = 'acme'): Buffer =>
  frameOf(smpp, codec.bindTransceiver, { systemId: name, password: 'pw', interfaceVersion: 0x34 }, sequence);
const submitFrame = (sequence: number): Buffer => frameOf(smpp, codec.submitSm, text, sequence);
const probeFrame = (sequence: number): Buffer => frameOf(smpp, codec.enquireLink, {}, sequence);

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(...args: Parameters<typeof listenIn> extends [unknown, ...infer R] ? R : never) {
  const world = createWorld();
  const listener = await listenIn(world, ...args);
  cleanups.push(async () => {
    let closed = false;
    const closing = listener.close(0).then(() => {
      closed = true;
    });
    while (!closed) await world.wait(1_000);
    await closing;
    expect(world.errors).toEqual([]);
  });
  return { world, listener, port: listener.address.port };
}

function client(port: number): Peer {
  const peer = connectPeer(port, smpp);
  cleanups.push(() => peer.socket.destroy());
  return peer;
}

async function boundClient(port: number): Promise<Peer> {
  const peer = client(port);
  peer.send(bindFrame());
  await until(() => peer.frames.length === 1);
  expect(peer.frames.splice(0)).toMatchObject([{ command: 0x80000009, status: 0 }]);
  return peer;
}

describe('listen', () => {
  test('binds, answers in one write a turn, says goodbye', async () => {
    const { world, listener, port } = await serve(smpp);
    world.owner.answering = (session, _pdu, sequence) =>
      session.respond(sequence, codec.submitSmResp, codec.submitSmResp.fill({ messageId: `m${sequence}` }), 0);
    const peer = await boundClient(port);
    let reads = 0;
    peer.socket.on('data', () => reads++);
    peer.send(...Array.from({ length: 100 }, (_, i) => submitFrame(i + 10)));
    await until(() => peer.frames.length === 100);
    expect(peer.frames.map((f) => f.sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i + 10));
    expect(reads).toBeLessThan(10);
    const [session] = listener.sessions;
    expect(session).toMatchObject({ peer: 'acme', state: 'bound', remoteAddress: '127.0.0.1' });
    expect(session!.remotePort).toBe(peer.socket.localPort);
    peer.send(frameOf(smpp, codec.unbind, {}, 500));
    await until(() => peer.closed);
    expect(peer.frames.at(-1)).toMatchObject({ command: 0x80000006, sequence: 500 });
    expect(listener.sessions.size).toBe(0);
  });

  test('octet by octet', async () => {
    const { port } = await serve(smpp);
    const peer = client(port);
    for (const octet of Buffer.concat([bindFrame(), probeFrame(2)])) {
      peer.send(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => peer.frames.length === 2);
    expect(peer.frames.map((f) => f.command)).toEqual([0x80000009, 0x80000015]);
  });

  test('a frame that does not end is bounded, one that is merely large is not (quirk 52)', async () => {
    const { world, port } = await serve(smpp);
    const peer = await boundClient(port);
    peer.send(submitFrame(5).subarray(0, 20));
    await settle();
    await world.wait(9_000);
    expect(peer.closed).toBe(false);
    peer.send(submitFrame(5).subarray(20), submitFrame(6).subarray(0, 20));
    await settle();
    // The clock began anew with the second frame.
    await world.wait(9_000);
    expect(peer.closed).toBe(false);
    await world.wait(2_000);
    await until(() => peer.closed);
    expect(world.owner.words()).toEqual(['bound', 'request', 'closed']);
  });

  test('health checks, other protocols, floods of strangers (quirks 50, 86)', async () => {
    const { world, listener, port } = await serve(smpp, { maxUnbound: 5 });
    const probe = client(port);
    await until(() => listener.sessions.size === 1);
    probe.socket.end();
    await until(() => listener.counters.silent === 1);
    for (const octets of [
      'GET / HTTP/1.1\r\n\r\n',
      'SSH-2.0-x\r\n',
      '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4',
      'PROXY TCP4 ',
    ]) {
      const peer = client(port);
      peer.send(Buffer.from(octets, 'latin1'));
      await until(() => peer.closed);
      expect(peer.frames).toEqual([]);
    }
    expect(listener.counters.foreign).toBe(4);
    expect(world.warnings).toEqual([]);
    const bound = await boundClient(port);
    const strangers = Array.from({ length: 20 }, () => client(port));
    await until(() => listener.counters.evicted === 15);
    await until(() => strangers.filter((s) => s.closed).length === 15);
    const late = await boundClient(port);
    expect([bound.closed, late.closed]).toEqual([false, false]);
    await world.wait(5_500);
    await until(() => strangers.every((s) => s.closed));
    expect([bound.closed, late.closed]).toEqual([false, false]);
  });

  test('maxConnections', async () => {
    const { listener, port } = await serve(smpp, { maxConnections: 2 });
    const [a, b] = [await boundClient(port), await boundClient(port)];
    const c = client(port);
    await until(() => c.closed);
    expect(listener.counters.overLimit).toBe(1);
    a.socket.destroy();
    await until(() => listener.sessions.size === 1);
    await boundClient(port);
    expect(b.closed).toBe(false);
  });

  test('a port that is taken is an error', async () => {
    const { world, port } = await serve(smpp);
    await expect(listenIn(world, smpp, { port })).rejects.toThrow('EADDRINUSE');
  });

  test('a peer that floods is read no faster than it is answered; others are not touched (quirk 73)', async () => {
    const { world, listener, port } = await serve(smpp, { intake: 50 });
    const flood = await boundClient(port);
    const other = await boundClient(port);
    const [session] = listener.sessions;
    // Until the kernel's buffers are full and the flood itself has to wait.
    let sent = 0;
    while (flood.socket.writableLength < 1_000_000) {
      flood.send(...Array.from({ length: 2_000 }, () => submitFrame(++sent)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session!.intake).toBe(50);
    expect(world.owner.told.filter((t) => t.what === 'request')).toHaveLength(50);
    other.send(probeFrame(9));
    await until(() => other.frames.length === 1);
    // Answer everything from now on, the oldest first.
    const answer = codec.submitSmResp.fill({ messageId: 'x' });
    for (let i = 1; i <= 50; i++) session!.respond(i, codec.submitSmResp, answer, 0);
    world.owner.answering = (s, _pdu, sequence) => s.respond(sequence, codec.submitSmResp, answer, 0);
    await until(() => flood.frames.length === sent);
    expect(flood.frames.map((f) => f.sequence)).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
  });

  test('a peer that never reads: no room, then no reading, then no session', async () => {
    const { world, listener, port } = await serve(smpp);
    const deaf = await boundClient(port);
    deaf.socket.pause();
    const [session] = listener.sessions;
    session!.setWindow(1_000_000);
    // Every text is another: an outbox used again too early would show.
    const big = (n: number) => codec.deliverSm.fill({ ...text, shortMessage: Buffer.alloc(250, `${n} `) });
    let written = 0;
    while (session!.room > 0) {
      // Just under one chunk of the outbox a turn: the next turn's would overwrite what the kernel has not taken.
      for (let i = 0; i < 400 && session!.room > 0; i++) session!.request(codec.deliverSm, big(written++), 't');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const inFlight = session!.counters.octetsOut;
    expect(session!.request(codec.deliverSm, big(0), 'no')).toBe(-1);
    // It reads again in time: there is room again, and all of it came.
    await world.wait(20_000);
    deaf.socket.resume();
    await until(() => session!.room > 0);
    await until(() => deaf.frames.length === written);
    expect(deaf.frames.reduce((n, f) => n + f.octets.length, 0)).toBe(inFlight - 26);
    for (const [n, f] of deaf.frames.entries()) {
      const { shortMessage } = codec.deliverSm.decode(f.octets, 16, f.octets.length);
      if (!Buffer.alloc(250, `${n} `).equals(shortMessage)) throw new Error(`frame ${n} is not what was sent`);
    }
    // Again, and now not.
    deaf.socket.pause();
    do {
      for (let i = 0; i < 500 && session!.room > 0; i++) session!.request(codec.deliverSm, big(0), 'again');
      await settle();
    } while (session!.room > 0);
    world.owner.words();
    for (let i = 0; i < 31 && session!.state === 'bound'; i++) {
      deaf.send(probeFrame(i));
      await world.wait(1_000);
    }
    expect(session!.state).toBe('closed');
    expect(world.owner.told.at(-1)).toMatchObject({ what: 'closed', reason: 'the peer has not read for 30 s' });
  });

  test('a peer that floods and does not read its answers is not read any further, then gets them all', async () => {
    const { world, listener, port } = await serve(smpp);
    const answer = codec.submitSmResp.fill({ messageId: 'x'.repeat(64) });
    world.owner.answering = (s, _pdu, sequence) => s.respond(sequence, codec.submitSmResp, answer, 0);
    const deaf = await boundClient(port);
    deaf.socket.pause();
    const [session] = listener.sessions;
    let sent = 0;
    let answered = -1;
    // Until the flood moves nothing any more: what we hold for it is bounded, whatever it sends.
    while (answered !== session!.counters.answersOut || deaf.socket.writableLength === 0) {
      answered = session!.counters.answersOut;
      deaf.send(...Array.from({ length: 10_000 }, () => submitFrame(++sent)));
      await settle();
      if (deaf.socket.writableLength > 30_000_000) throw new Error('it is read for ever');
    }
    expect(session!.counters.holds).toBeGreaterThan(0);
    expect(sent).toBeGreaterThan(answered);
    deaf.socket.resume();
    await until(() => deaf.frames.length === sent);
    expect(deaf.frames.every((f, i) => f.sequence === i + 1 && f.octets.length === 81)).toBe(true);
  });

  test('a bad length in pieces is refused without guessing its sequence', async () => {
    const { port } = await serve(smpp);
    const peer = await boundClient(port);
    peer.send(Buffer.from('7fff', 'hex'));
    await settle();
    peer.send(Buffer.from('ffff0000000400000000000000050000000600000007', 'hex'));
    await until(() => peer.closed);
    expect(peer.frames).toMatchObject([{ command: 0x80000000, status: 2, sequence: 0 }]);
    // Behind a whole frame in the same chunk it is where it is.
    const other = await boundClient(port);
    other.send(probeFrame(3), Buffer.from('7fffffff000000040000000000000005', 'hex'));
    await until(() => other.closed);
    expect(other.frames.map((f) => f.sequence)).toEqual([3, 5]);
  });

  test('close: unbinds all, waits for what is due, ends those who do not answer', async () => {
    const world = createWorld();
    const listener = await listenIn(world, smpp);
    const polite = await boundClient(listener.address.port);
    polite.onFrame = (f) => {
      if (f.command === 0x05) polite.send(frameOf(smpp, codec.deliverSmResp, {}, f.sequence));
      if (f.command === 0x06) polite.send(frameOf(smpp, codec.unbindResp, {}, f.sequence));
    };
    await boundClient(listener.address.port);
    client(listener.address.port);
    await until(() => listener.sessions.size === 3);
    const [first, second] = listener.sessions;
    first!.request(codec.deliverSm, codec.deliverSm.fill(text), 'answered');
    second!.request(codec.deliverSm, codec.deliverSm.fill(text), 'not answered');
    let done = false;
    const closing = listener.close(3_000).then(() => {
      done = true;
    });
    await until(() => polite.closed);
    expect(done).toBe(false);
    while (!done) await world.wait(500);
    await closing;
    const ends = world.owner.told.flatMap((t) => ('token' in t ? [`${t.token}: ${t.what}`] : []));
    expect(ends).toEqual(['answered: answer', 'not answered: lost']);
    expect(listener.sessions.size).toBe(0);
  });
});

describe('TLS', () => {
  let server: Awaited<ReturnType<typeof generate>>;
  let stranger: Awaited<ReturnType<typeof generate>>;
  beforeAll(async () => {
    const options: Parameters<typeof generate>[1] = {
      keyType: 'ec',
      algorithm: 'sha256',
      clientCertificate: { cn: 'platform' },
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    };
    server = await generate([{ name: 'commonName', value: 'localhost' }], options);
    stranger = await generate([{ name: 'commonName', value: 'somebody else' }], options);
  });
  const binds: BindRequest[] = [];
  const remember = (bind: BindRequest): BindVerdict => {
    binds.push(bind);
    return { accept: true, peer: bind.name, window: 5 };
  };

  function tlsClient(port: number, options: ConnectionOptions = {}): { socket: TLSSocket; peer: Peer } {
    const socket = connectTls({ host: '127.0.0.1', port, ca: server.cert, servername: 'localhost', ...options });
    cleanups.push(() => socket.destroy());
    return { socket, peer: peerOn(socket, smpp) };
  }

  test('binds over TLS 1.2 and later, much data both ways', async () => {
    const { world, port } = await serve(smpp, { tls: { key: server.private, cert: server.cert } }, remember);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { socket, peer } = tlsClient(port, { minVersion: version, maxVersion: version });
      peer.send(bindFrame());
      await until(() => peer.frames.length === 1);
      expect(socket.getProtocol()).toBe(version);
      const answer = codec.submitSmResp.fill({ messageId: 'x'.repeat(60) });
      world.owner.answering = (s, _pdu, sequence) => s.respond(sequence, codec.submitSmResp, answer, 0);
      peer.send(...Array.from({ length: 5_000 }, (_, i) => submitFrame(i)));
      await until(() => peer.frames.length === 5_001);
      expect(peer.frames.slice(1).every((f, i) => f.sequence === i && f.octets.length === 77)).toBe(true);
    }
    const old = tlsClient(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
    await until(() => old.peer.closed);
  });

  test('client certificates: asked for, required', async () => {
    const mutual = { key: server.private, cert: server.cert, ca: server.cert };
    const ours = { key: server.clientprivate!, cert: server.clientcert! };
    const theirs = { key: stranger.clientprivate!, cert: stranger.clientcert! };

    const asked = await serve(smpp, { tls: { ...mutual, clientCertificate: 'request' } }, remember);
    binds.length = 0;
    for (const options of [{}, theirs, ours]) {
      const { peer } = tlsClient(asked.port, options);
      peer.send(bindFrame());
      await until(() => peer.frames.length === 1);
    }
    expect(binds.map((b) => b.tlsAuthorized)).toEqual([false, false, true]);

    const required = await serve(smpp, { tls: { ...mutual, clientCertificate: 'require' } }, remember);
    for (const options of [{}, theirs]) {
      const { peer } = tlsClient(required.port, { ...options, maxVersion: 'TLSv1.2' });
      peer.send(bindFrame());
      await until(() => peer.closed);
      expect(peer.frames).toEqual([]);
    }
    const { peer } = tlsClient(required.port, ours);
    peer.send(bindFrame());
    await until(() => peer.frames.length === 1);
    expect(binds.at(-1)!.tlsAuthorized).toBe(true);
    expect(required.listener.counters.tlsFaults).toBe(2);
  });

  test('dial over TLS: takes what it trusts, shows its certificate, and nothing else', async () => {
    const { world, port } = await serve(
      smpp,
      { tls: { key: server.private, cert: server.cert, ca: server.cert, clientCertificate: 'require' } },
      remember,
    );
    const certificate = { key: server.clientprivate!, cert: server.clientcert! };
    const carrier = dialIn(createWorldOf(world), smpp, port, {
      tls: { ca: server.cert, serverName: 'localhost', ...certificate },
    });
    await until(() => carrier.sessions.length === 1);
    const wrong = dialIn(createWorldOf(world), smpp, port, { tls: { ca: stranger.cert, ...certificate } });
    await until(() => wrong.slots[0]!.state === 'waiting');
    expect(wrong.slots[0]!.error).toMatch(/cannot connect: .*(SELF_SIGNED|UNABLE_TO_VERIFY|SIGNATURE)/);
    const named = dialIn(createWorldOf(world), smpp, port, {
      tls: { ca: server.cert, serverName: 'smsc.example', ...certificate },
    });
    await until(() => named.slots[0]!.state === 'waiting');
    expect(named.slots[0]!.error).toMatch(/ALTNAME/);
    for (const c of [carrier, wrong, named]) await c.close();
  });

  test('a plain client on the TLS port, and the reverse', async () => {
    const tls = await serve(smpp, { tls: { key: server.private, cert: server.cert } });
    const plain = client(tls.port);
    plain.send(bindFrame());
    await until(() => plain.closed);
    expect(tls.listener.counters.tlsFaults).toBe(1);
    const open = await serve(smpp);
    const { peer } = tlsClient(open.port);
    await until(() => peer.closed);
    expect(open.listener.counters.foreign).toBe(1);
  });

  test('PROXY header first, then TLS, in one segment or in pieces', async () => {
    const { listener, port } = await serve(
      smpp,
      { tls: { key: server.private, cert: server.cert }, proxyProtocol: { trusted: ['127.0.0.0/8'] } },
      remember,
    );
    binds.length = 0;
    const raw = client(port);
    raw.socket.removeAllListeners('data');
    raw.send(Buffer.from('PROXY TCP4 198.51.100.7 192.0.2.1 4711 2775\r\n'));
    const socket = connectTls({ socket: raw.socket, ca: server.cert, servername: 'localhost' });
    cleanups.push(() => socket.destroy());
    const peer = peerOn(socket, smpp);
    peer.send(bindFrame());
    await until(() => peer.frames.length === 1);
    expect(binds).toMatchObject([{ remoteAddress: '198.51.100.7', remotePort: 4711 }]);
    expect(listener.counters.proxyFaults).toBe(0);
  });

  /** The same clock and wheel, an owner of its own. */
  function createWorldOf(world: ReturnType<typeof createWorld>): ReturnType<typeof createWorld> {
    const other = createWorld();
    return {
      ...other,
      clock: world.clock,
      wheel: world.wheel,
      deps: { ...other.deps, wheel: world.wheel, clock: world.clock },
    };
  }
});

describe('PROXY protocol', () => {
  const v2 = (hex: string): Buffer => Buffer.from(`0d0a0d0a000d0a515549540a${hex}`, 'hex');
  const header = (octets: number, address?: string, port?: number) => ({
    kind: 'header',
    octets,
    ...(address === undefined ? {} : { source: { address, port } }),
  });

  // The lines are those of HAProxy's proxy-protocol.txt, 2.1 and 2.2.
  test.each([
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', header(56, '255.255.255.255', 65_535)],
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n', header(47, '192.168.0.1', 56_324)],
    [
      'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n',
      header(104, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 65_535),
    ],
    ['PROXY UNKNOWN\r\n', header(15)],
    ['PROXY UNKNOWN ffff:f::1 ::2 65535 65535\r\n', header(41)],
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324', { kind: 'partial' }],
    ['PRO', { kind: 'partial' }],
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 70000\r\n', { kind: 'fault', reason: 'v1: bad port' }],
    ['PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n', { kind: 'fault', reason: 'v1: bad port' }],
    ['PROXY TCP4 ::1 ::2 1 2\r\n', { kind: 'fault', reason: 'v1: bad address' }],
    ['PROXY TCP4 192.168.0.256 192.168.0.11 1 2\r\n', { kind: 'fault', reason: 'v1: bad address' }],
    ['PROXY TCP4 192.168.0.1 192.168.0.11 1 2 3\r\n', { kind: 'fault', reason: 'v1: bad address' }],
    ['PROXY UDP4 192.168.0.1 192.168.0.11 1 2\r\n', { kind: 'fault', reason: 'v1: unknown family' }],
    [`PROXY TCP4 ${'1'.repeat(120)}\r\n`, { kind: 'fault', reason: 'v1: no end of line within 107 octets' }],
    ['GET / HTTP/1.1\r\n', { kind: 'fault', reason: 'no PROXY header' }],
  ])('v1 %j', (line, expected) => {
    expect(parseProxyHeader(Buffer.from(line, 'latin1'))).toEqual(expected);
  });

  test.each([
    ['2111000cc0000201c000020213880ad7', header(28, '192.0.2.1', 5_000)],
    ['2111000fc0000201c000020213880ad7040000', header(31, '192.0.2.1', 5_000)],
    [
      `21210024${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}13880ad7`,
      header(52, '2001:db8::1', 5_000),
    ],
    ['20000000', header(16)],
    ['2111000cc0000201c0000202', { kind: 'partial' }],
    ['21', { kind: 'partial' }],
    ['21000000', header(16)],
    ['2112000cc0000201c000020213880ad7', header(28)],
    ['21110004c0000201', { kind: 'fault', reason: 'v2: addresses cut short' }],
    ['1111000cc0000201c000020213880ad7', { kind: 'fault', reason: 'v2: unknown version' }],
    ['2211000cc0000201c000020213880ad7', { kind: 'fault', reason: 'v2: unknown command' }],
    ['2111ffff', { kind: 'fault', reason: 'v2: too long' }],
  ])('v2 %s', (hex, expected) => {
    const octets = v2(hex);
    expect(parseProxyHeader(octets)).toEqual(expected);
    // Cut anywhere, it waits for more or is wrong already; it never reads what is not there.
    for (let n = 1; n < octets.length; n++) {
      expect(['partial', 'fault', 'header']).toContain(parseProxyHeader(octets.subarray(0, n)).kind);
    }
  });

  test.each([
    ['v1', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 4711 2775\r\n'), '2001:db8::7'],
    ['v2', v2('2111000cc6336407c00002011267 0ad7'.replace(' ', '')), '198.51.100.7'],
  ])('%s from a trusted proxy, whole with the bind behind it or octet by octet', async (_name, octets, address) => {
    const binds: BindRequest[] = [];
    const { port } = await serve(smpp, { proxyProtocol: { trusted: ['127.0.0.1'] } }, (bind) => {
      binds.push(bind);
      return { accept: true, peer: bind.name, window: 5 };
    });
    const whole = client(port);
    whole.send(octets, bindFrame());
    await until(() => whole.frames.length === 1);
    const pieces = client(port);
    for (const octet of octets) {
      pieces.send(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await settle();
    pieces.send(bindFrame());
    await until(() => pieces.frames.length === 1);
    expect(binds.map((b) => [b.remoteAddress, b.remotePort])).toEqual([
      [address, 4_711],
      [address, 4_711],
    ]);
  });

  test('required from the trusted, not taken from others, bounded in time', async () => {
    const trusting = await serve(smpp, { proxyProtocol: { trusted: ['127.0.0.1'] } });
    const without = client(trusting.port);
    without.send(bindFrame());
    await until(() => without.closed);
    const silent = client(trusting.port);
    silent.send(Buffer.from('PROXY '));
    await settle();
    await trusting.world.wait(5_100);
    await until(() => silent.closed);
    expect(trusting.listener.counters.proxyFaults).toBe(2);
    expect(trusting.listener.sessions.size).toBe(0);
    const other = await serve(smpp, { proxyProtocol: { trusted: ['10.0.0.0/8'] } });
    const liar = client(other.port);
    liar.send(Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'), bindFrame());
    await until(() => liar.closed);
    expect(liar.frames).toEqual([]);
    await boundClient(other.port);
  });
});

describe('dial', () => {
  type Carriers = Awaited<ReturnType<typeof servePeers>>;
  const answers: { bind: number } = { bind: 0 };

  /** A carrier that binds (or refuses) whoever comes and answers what is asked. */
  async function smsc(onPeer: (peer: Peer) => void = polite): Promise<Carriers> {
    const carriers = await servePeers(smpp, onPeer);
    cleanups.push(carriers.close);
    return carriers;
  }
  function polite(peer: Peer): void {
    peer.onFrame = (f) => {
      const answer = [...codec.byId.values()].find((p) => p.id === f.command + 0x80000000);
      if (f.command >= 0x80000000 || answer === undefined) return;
      const isBind = [1, 2, 9].includes(f.command);
      peer.send(frameOf(smpp, answer, {}, f.sequence, isBind ? answers.bind : 0));
      if (isBind && answers.bind !== 0) peer.socket.end();
    };
  }
  function dialling(
    port: number,
    ...args: Parameters<typeof dialIn> extends [unknown, unknown, unknown, ...infer R] ? R : never
  ) {
    const world = createWorld();
    const carrier = dialIn(world, smpp, port, ...args);
    cleanups.push(async () => {
      let closed = false;
      void carrier.close(0).then(() => {
        closed = true;
      });
      while (!closed) await world.wait(1_000);
    });
    return { world, carrier };
  }
  const states = (carrier: { slots: readonly { state: string }[] }): string =>
    carrier.slots.map((s) => s.state).join(' ');

  afterEach(() => {
    answers.bind = 0;
  });

  test('keeps n binds up; tx+rx is a pair each; fewer and more by update', async () => {
    const carriers = await smsc();
    const options = { bind: { name: 'us', secret: 'pw', mode: 'tx+rx', version: 0x34 }, binds: 2 } as const;
    const { world, carrier } = dialling(carriers.port, options);
    await until(() => carrier.sessions.length === 4);
    expect(carrier.slots.map((s) => `${s.mode} ${s.state}`)).toEqual(['tx bound', 'tx bound', 'rx bound', 'rx bound']);
    expect(carriers.peers.map((p) => p.frames[0]!.command).sort()).toEqual([1, 1, 2, 2]);
    const base = baseOf(carriers.port);
    carrier.update({ ...base, ...options, binds: 1, window: 3 });
    await until(() => carriers.peers.filter((p) => p.closed).length === 2);
    expect(carrier.slots.map((s) => `${s.mode} ${s.state}`)).toEqual(['tx bound', 'rx bound']);
    expect(carrier.sessions.map((s) => s.windowSize)).toEqual([3, 3]);
    carrier.update({ ...base, ...options, binds: 3 });
    await until(() => carrier.sessions.length === 6);
    expect(world.owner.told.filter((t) => t.what === 'bound')).toHaveLength(8);
    let closed = false;
    void carrier.close().then(() => {
      closed = true;
    });
    await until(() => closed);
    expect(carriers.peers.every((p) => p.frames.at(-1)!.command === 0x06)).toBe(true);
  });

  const baseOf = (port: number) => ({
    name: 'carrier',
    host: '127.0.0.1',
    port,
    dialect: smpp,
    bind: { name: 'us', secret: 'pw', mode: 'trx' as const, version: 0x34 },
    binds: 1,
    window: 10,
    bindTimeoutMs: 5_000,
    responseTimeoutMs: 10_000,
    keepaliveMs: 30_000,
    misses: 3,
    intake: 100,
    badPdus: 10,
    reconnect: { fromMs: 1_000, toMs: 60_000, credentialTries: 3, alreadyBoundMs: 90_000 },
  });

  test('a secret is read anew before every attempt: a rotated one counts without a reload', async () => {
    const carriers = await smsc();
    let secret = 'old';
    const base = baseOf(carriers.port);
    const options = () => ({ ...base, bind: { ...base.bind, secret } });
    const { world, carrier } = dialling(carriers.port, { ...options(), fresh: options });
    await until(() => carrier.sessions.length === 1);
    expect(carriers.peers[0]!.frames[0]!.octets.includes('old')).toBe(true);
    secret = 'new';
    carriers.peers[0]!.socket.destroy();
    await until(() => carrier.slots[0]!.state === 'waiting');
    await world.wait(carrier.slots[0]!.nextAttemptAt - world.clock.now() + 40, 20);
    await until(() => carrier.sessions.length === 1);
    expect(carriers.peers[1]!.frames[0]!.octets.includes('new')).toBe(true);
  });

  test('a secret that cannot be read fails the attempt and says so; it is tried again', async () => {
    const carriers = await smsc();
    let there = false;
    const base = baseOf(carriers.port);
    const fresh = () => {
      if (!there) throw new Error('cannot read the secret file x');
      return base;
    };
    const { world, carrier } = dialling(carriers.port, { fresh });
    expect(carrier.slots[0]!.error).toBe('cannot connect: cannot read the secret file x');
    there = true;
    await world.wait(carrier.slots[0]!.nextAttemptAt - world.clock.now() + 40, 20);
    await until(() => carrier.sessions.length === 1);
  });

  test('on demand: bound when woken, at rest after the peer hangs up with nothing due, in trouble when it refuses', async () => {
    const carriers = await smsc();
    const { carrier } = dialling(carriers.port, { onDemand: true });
    expect(states(carrier)).toBe('idle');
    expect(carrier.resting).toBe(true);
    carrier.wake();
    await until(() => carrier.sessions.length === 1);
    // A plain FIN, as SGIP's servers end an idle connection (SGIP reference, deviation 5).
    carriers.peers[0]!.socket.end();
    await until(() => states(carrier) === 'idle');
    expect(carrier.resting).toBe(true);
    expect(carriers.peers).toHaveLength(1);
    carrier.wake();
    await until(() => carrier.sessions.length === 1);
    // Gone with a request unanswered: that is a failure, tried again by itself.
    carriers.peers[1]!.onFrame = undefined;
    carrier.sessions[0]!.request(codec.submitSm, codec.submitSm.fill(text), 'm');
    await until(() => carriers.peers[1]!.frames.some((f) => f.command === 4));
    carriers.peers[1]!.socket.destroy();
    await until(() => states(carrier) === 'waiting');
    expect(carrier.resting).toBe(false);
  });

  test('on demand: another host is tried at once, however long the old one has been waited for', async () => {
    const gone = await servePeers(smpp, () => undefined);
    await gone.close();
    const carriers = await smsc();
    const { carrier } = dialling(gone.port, { onDemand: true });
    carrier.wake();
    await until(() => states(carrier) === 'waiting');
    carrier.update({ ...baseOf(carriers.port), onDemand: true });
    await until(() => carrier.sessions.length === 1);
  });

  test('network errors back off exponentially with jitter up to the cap, then the bind comes by itself', async () => {
    const gone = await servePeers(smpp, () => undefined);
    await gone.close();
    const { world, carrier } = dialling(gone.port, {}, { random: () => 0.999 });
    const slot = carrier.slots[0]!;
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      await until(() => slot.state === 'waiting');
      expect(slot.error).toContain('ECONNREFUSED');
      expect(slot.attempts).toBe(i + 1);
      waits.push(Math.round((slot.nextAttemptAt - world.clock.now()) / 1_000));
      const before = slot.attempts;
      await world.wait(slot.nextAttemptAt - world.clock.now() - 40, 5_000);
      expect(slot.attempts).toBe(before);
      await world.wait(80, 40);
      expect(slot.attempts).toBe(before + 1);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    const low = dialling(gone.port, {}, { random: () => 0 });
    await until(() => low.carrier.slots[0]!.state === 'waiting');
    expect(low.carrier.slots[0]!.nextAttemptAt - low.world.clock.now()).toBe(500);
  });

  test('a lost session is bound again; one that never lasts backs off all the same', async () => {
    const carriers = await smsc();
    const { world, carrier } = dialling(carriers.port, {}, { random: () => 0.999 });
    const slot = carrier.slots[0]!;
    const waits: number[] = [];
    for (let i = 1; i <= 4; i++) {
      await until(() => slot.state === 'bound');
      carrier.sessions[0]!.request(codec.submitSm, codec.submitSm.fill(text), `t${i}`);
      carriers.peers.at(-1)!.socket.destroy();
      await until(() => slot.state === 'waiting');
      expect(carrier.sessions).toEqual([]);
      waits.push(Math.round((slot.nextAttemptAt - world.clock.now()) / 1_000));
      await world.wait(slot.nextAttemptAt - world.clock.now() + 50);
    }
    expect(waits).toEqual([1, 2, 4, 8]);
    expect(world.owner.told.filter((t) => t.what === 'lost')).toHaveLength(4);
    // One that lasted is forgiven.
    await until(() => slot.state === 'bound');
    await world.wait(61_000, 10_000);
    carriers.peers.at(-1)!.socket.destroy();
    await until(() => slot.state === 'waiting');
    expect(Math.round((slot.nextAttemptAt - world.clock.now()) / 1_000)).toBe(1);
  });

  test('wrong credentials: a few tries, an alarm, then rarely, until somebody changes them (quirk 85)', async () => {
    answers.bind = 0x0e;
    const carriers = await smsc();
    const alarms: string[] = [];
    const { world, carrier } = dialling(
      carriers.port,
      {},
      { onAlarm: (c, reason) => alarms.push(`${c.name}: ${reason}`) },
    );
    const slot = carrier.slots[0]!;
    for (let i = 0; i < 2; i++) {
      await until(() => slot.state === 'waiting');
      await world.wait(slot.nextAttemptAt - world.clock.now() + 50);
    }
    await until(() => slot.state === 'stopped');
    expect(alarms).toEqual(['carrier: bind refused with ESME_RINVPASWD']);
    expect(carriers.peers).toHaveLength(3);
    await world.wait(599_000, 20_000);
    await settle();
    expect(carriers.peers).toHaveLength(3);
    await world.wait(2_000);
    await until(() => carriers.peers.length === 4);
    await until(() => slot.state === 'stopped');
    expect(alarms).toHaveLength(1);
    answers.bind = 0;
    carrier.update({ ...baseOf(carriers.port), bind: { name: 'us', secret: 'right', mode: 'trx', version: 0x34 } });
    await until(() => slot.state === 'bound');
    expect(slot).toMatchObject({ error: '', attempts: 0, nextAttemptAt: 0 });
    const { octets } = carriers.peers.at(-1)!.frames[0]!;
    expect(codec.bindTransceiver.decode(octets, 16, octets.length).password).toBe('right');
  });

  test('already bound: quarantined until the carrier must have noticed (quirk 81)', async () => {
    answers.bind = 0x05;
    const carriers = await smsc();
    const { world, carrier } = dialling(carriers.port);
    const slot = carrier.slots[0]!;
    await until(() => slot.state === 'quarantined');
    expect(slot.error).toBe('bind refused with ESME_RALYBND');
    answers.bind = 0;
    await world.wait(89_900, 10_000);
    await settle();
    expect(carriers.peers).toHaveLength(1);
    await world.wait(200);
    await until(() => slot.state === 'bound');
  });

  test('a carrier that takes the connection and says nothing, one that nacks, one that is not there', async () => {
    const mute = await smsc((peer) => {
      // What comes may be a TLS hello: it is not read as frames.
      peer.socket.removeAllListeners('data');
      peer.socket.resume();
    });
    const silent = dialling(mute.port);
    await until(() => mute.peers.length === 1 && silent.carrier.slots[0]!.state === 'binding');
    await silent.world.wait(5_100);
    await until(() => silent.carrier.slots[0]!.state === 'waiting');
    expect(silent.carrier.slots[0]!.error).toContain('has not answered the bind');
    const nacking = await smsc((peer) => {
      peer.onFrame = (f) => peer.send(frameOf(smpp, codec.genericNack, {}, f.sequence, 3));
    });
    const nacked = dialling(nacking.port);
    await until(() => nacked.carrier.slots[0]!.state === 'waiting');
    expect(nacked.carrier.slots[0]!.error).toContain('generic_nack');
    const handshake = dialling(mute.port, { tls: { verify: false } });
    await until(() => mute.peers.length === 2);
    await handshake.world.wait(10_100);
    await until(() => handshake.carrier.slots[0]!.state === 'waiting' && mute.peers[1]!.closed);
    expect(handshake.carrier.slots[0]!.error).toBe('cannot connect: no answer');
    const bad = dialling(70_000);
    expect(bad.carrier.slots[0]).toMatchObject({ state: 'waiting' });
    expect(bad.carrier.slots[0]!.error).toContain('cannot connect');
  });

  test('update of what a session was made with: the old one ends first, then the new one comes', async () => {
    const carriers = await smsc();
    const { world, carrier } = dialling(carriers.port);
    await until(() => carrier.sessions.length === 1);
    const [old] = carrier.sessions;
    carrier.update({ ...baseOf(carriers.port), keepaliveMs: 1_000 });
    expect(old!.state).toBe('unbinding');
    expect(carriers.peers).toHaveLength(1);
    await until(() => carrier.sessions.length === 1 && carrier.sessions[0] !== old);
    expect(carriers.peers[0]!.closed || carriers.peers[0]!.frames.at(-1)!.command === 0x06).toBe(true);
    expect(world.owner.told.map((t) => t.what)).toEqual(['bound', 'closed', 'bound']);
  });

  test('close while connecting, waiting and bound', async () => {
    const carriers = await smsc();
    for (const moment of ['connecting', 'bound'] as const) {
      const { carrier } = dialling(carriers.port);
      await until(() => states(carrier) === moment);
      await carrier.close();
      expect(states(carrier)).toBe('');
    }
    answers.bind = 0x08;
    const { world, carrier } = dialling(carriers.port);
    await until(() => states(carrier) === 'waiting');
    const before = carriers.peers.length;
    await carrier.close();
    await world.wait(120_000, 10_000);
    await settle();
    expect(carriers.peers).toHaveLength(before);
  });

  test('response timeouts free the window and late answers still come, over a real link (quirks 15, 72)', async () => {
    const held: number[] = [];
    const carriers = await smsc((peer) => {
      polite(peer);
      const answering = peer.onFrame!;
      peer.onFrame = (f) => (f.command === 0x04 ? void held.push(f.sequence) : answering(f));
    });
    const { world, carrier } = dialling(carriers.port, { window: 2 });
    await until(() => carrier.sessions.length === 1);
    const [session] = carrier.sessions;
    for (const token of ['a', 'b']) session!.request(codec.submitSm, codec.submitSm.fill(text), token);
    await until(() => held.length === 2);
    expect(session!.room).toBe(0);
    await world.wait(10_100);
    expect(session!.room).toBe(2);
    carriers.peers[0]!.send(frameOf(smpp, codec.submitSmResp, { messageId: 'late' }, held[1]!));
    await until(() => world.owner.told.some((t) => t.what === 'late'));
    expect(world.owner.told.slice(1)).toMatchObject([
      { what: 'expired', token: 'a' },
      { what: 'expired', token: 'b' },
      { what: 'room' },
      { what: 'late', token: 'b', value: { messageId: 'late' } },
    ]);
  });

  test('a carrier that is dead behind an open connection is left after the misses (quirk 78)', async () => {
    const carriers = await smsc((peer) => {
      peer.onFrame = (f) => {
        if (f.command === 0x09) peer.send(frameOf(smpp, codec.bindTransceiverResp, {}, f.sequence));
      };
    });
    const { world, carrier } = dialling(carriers.port);
    await until(() => carrier.sessions.length === 1);
    await world.wait(61_000, 1_000);
    await until(() => carrier.sessions.length === 0 || carrier.slots[0]!.state === 'waiting');
    expect(world.owner.told.find((t) => t.what === 'closed')).toMatchObject({
      reason: 'no sign of life after 3 probes',
    });
  });
});
