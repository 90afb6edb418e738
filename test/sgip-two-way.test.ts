import { connect, createServer, type Server, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame, frameSize, HEADER } from '../protocols/sgip/header.ts';
import { sequenceOf, sequenceParts } from '../protocols/sgip/sequence.ts';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import { type Node, startNode } from '../src/cli/serve.ts';
import { parseConfig } from '../src/config/load.ts';
import { scratchFolder, until } from './support/node.ts';

// SGIP's two-way model (1.2, 3.2): who has something to say connects. Every peer here is a bare socket.

const codec = sgipCodec();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Frame {
  readonly name: string;
  readonly sequence: string;
  readonly value: Record<string, unknown>;
}

interface Peer {
  readonly socket: Socket;
  readonly frames: Frame[];
  readonly closed: boolean;
  of(name: string): Frame[];
  send(name: string, value: object, sequence: string): void;
}

function peerOn(socket: Socket, onFrame: (peer: Peer, frame: Frame) => void = () => undefined): Peer {
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;
  const frames: Frame[] = [];
  const peer: Peer = {
    socket,
    frames,
    get closed() {
      return closed;
    },
    of: (name) => frames.filter((f) => f.name === name),
    send(name, value, sequence) {
      const plan = codec.plans.find((p) => p.name === name)!;
      const whole = plan.fill(value);
      const out = Buffer.alloc(frameSize(plan, whole));
      encodeFrame(plan, whole, sequence, out, 0);
      socket.write(out);
    },
  };
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
      const frame = rest.subarray(0, rest.readUInt32BE(0));
      rest = rest.subarray(frame.length);
      const plan = codec.byId.get(frame.readUInt32BE(4))!;
      const read = {
        name: plan.name,
        sequence: frame.toString('latin1', 8, HEADER),
        value: { ...plan.decode(frame, HEADER, frame.length) } as Record<string, unknown>,
      };
      frames.push(read);
      onFrame(peer, read);
    }
  });
  closers.push(() => socket.destroy());
  return peer;
}

/** Answers every request with Result 0. */
function polite(peer: Peer, { name, sequence }: Frame): void {
  if (!name.endsWith('_RESP')) peer.send(`${name}_RESP`, {}, sequence);
}

async function server(
  onFrame: (peer: Peer, frame: Frame) => void,
): Promise<{ port: number; peers: Peer[]; it: Server }> {
  const peers: Peer[] = [];
  const it = createServer((socket) => peers.push(peerOn(socket, onFrame)));
  await new Promise<void>((resolve) => it.listen(0, '127.0.0.1', resolve));
  closers.push(() => it.close());
  return { port: (it.address() as { port: number }).port, peers, it };
}

async function client(port: number, loginType: number, loginName: string): Promise<Peer> {
  const peer = peerOn(connect(port, '127.0.0.1'), (p, f) => {
    if (f.name === 'SGIP_REPORT' || f.name === 'SGIP_DELIVER') polite(p, f);
  });
  peer.send('SGIP_BIND', { loginType, loginName, loginPassword: 'secret' }, seq(1));
  await until('bind answered', () => peer.of('SGIP_BIND_RESP').length === 1);
  expect(peer.of('SGIP_BIND_RESP')[0]!.value.result).toBe(0);
  return peer;
}

const seq = (counter: number, nodeId = 3_010_012_345): string =>
  sequenceOf({ nodeId, timestamp: 1_124_120_000, counter });

interface Made {
  readonly carrierPort: number;
  readonly callbackPort?: number;
  readonly reports?: 'callback' | 'same';
  readonly data?: string;
  /** Of a second carrier, next in the route. */
  readonly otherPort?: number;
  /** What we show the carrier. */
  readonly secret?: string;
}

async function gateway({
  carrierPort,
  callbackPort,
  otherPort,
  reports = 'callback',
  data,
  secret = 'secret',
}: Made): Promise<Node> {
  const folder = data ?? scratch();
  const callback =
    callbackPort === undefined
      ? ''
      : `, callback: { host: 127.0.0.1, port: ${callbackPort}, systemId: smg, password: { demo: secret } }`;
  const other =
    otherPort === undefined
      ? ''
      : `
  - { name: other, protocol: sgip, host: 127.0.0.1, port: ${otherPort}, systemId: sp, password: { demo: secret },
      corpId: "12345", areaCode: "010" }`;
  const next = otherPort === undefined ? '' : ', { carriers: [ { name: other } ] }';
  const text = `
demo: true
node: { name: test, data: "${folder}", stopWithin: 2s, smgNodeId: 101001 }
log: { level: warn }
admin: { listen: 127.0.0.1:0 }
listeners: [ { name: sgip, protocol: sgip, listen: 127.0.0.1:0 } ]
accounts:
  - { name: acme, protocol: sgip, systemId: acme, password: { demo: secret }, route: main, mo: ["10655"],
      sgip: { reports: ${reports}, idleClose: 60s${callback} } }
carriers:
  - { name: unicom, protocol: sgip, host: 127.0.0.1, port: ${carrierPort}, systemId: sp, password: { demo: "${secret}" },
      corpId: "12345", areaCode: "010", reconnect: { from: 50ms, to: 200ms },
      deliver: { systemId: smgw, password: { demo: secret } } }${other}
routes: [ { name: main, rules: [ { steps: [ { carriers: [ { name: unicom } ] }${next} ] } ] } ]
`;
  const loaded = parseConfig(text, 'test.yaml');
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.problems));
  const node = await startNode(loaded.config, pino({ level: process.env.YIMA_TEST_LOG ?? 'silent' }));
  let stopped: Promise<void> | undefined;
  const stop = node.stop;
  node.stop = (withinMs) => {
    stopped ??= stop(withinMs);
    return stopped;
  };
  closers.push(() => node.stop(200));
  return node;
}

function scratch(): string {
  const folder = scratchFolder();
  closers.push(() => folder.remove());
  return folder.path;
}

const portOf = (node: Node): number => node.listeners.get('sgip')!.address.port;
const submitOf = (userNumbers: readonly string[]): object => ({
  spNumber: '106550001',
  chargeNumber: '0'.repeat(21),
  userNumber: userNumbers,
  corpId: '12345',
  reportFlag: 1,
  messageCoding: 8,
  messageContent: Buffer.from('60a8597d', 'hex'),
});

describe('SGIP in two ways', () => {
  it('submits on demand, takes reports on a connection of the carrier, brings them on one of ours', async () => {
    const smg = await server((peer, f) => {
      polite(peer, f);
    });
    const sp = await server(polite);
    const node = await gateway({ carrierPort: smg.port, callbackPort: sp.port });
    // Nothing to say, so nobody is dialled.
    expect(smg.peers).toHaveLength(0);
    expect(node.gw.carriers.get('unicom')!.up).toBe(true);

    const platform = await client(portOf(node), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000001', '8613000000002']), seq(77));
    await until('submit answered', () => platform.of('SGIP_SUBMIT_RESP').length === 1);
    expect(platform.of('SGIP_SUBMIT_RESP')[0]).toMatchObject({ sequence: seq(77), value: { result: 0 } });

    await until('two submits at the carrier', () => smg.peers[0]?.of('SGIP_SUBMIT').length === 2);
    const [one, two] = smg.peers[0]!.of('SGIP_SUBMIT');
    expect(one!.sequence).not.toBe(two!.sequence);
    expect(sequenceParts(one!.sequence).nodeId).toBe(3_010_012_345);
    expect(smg.peers[0]!.of('SGIP_BIND')[0]!.value).toMatchObject({ loginType: 1, loginName: 'sp' });

    // The carrier dials in with its own login, and reports; only then is the platform dialled.
    expect(sp.peers).toHaveLength(0);
    const back = await client(portOf(node), 2, 'smgw');
    const reportOn = (f: Frame, state: number, errorCode: number, counter: number): void =>
      back.send(
        'SGIP_REPORT',
        {
          submitSequenceNumber: f.sequence,
          reportType: 0,
          userNumber: (f.value.userNumber as string[])[0]!,
          state,
          errorCode,
        },
        seq(counter, 101_000),
      );
    reportOn(one!, 1, 0, 1);
    reportOn(one!, 0, 0, 2);
    reportOn(two!, 2, 27, 3);
    await until('reports answered', () => back.of('SGIP_REPORT_RESP').length === 3);
    expect(back.of('SGIP_REPORT_RESP').map((f) => [f.sequence, f.value.result])).toEqual(
      [1, 2, 3].map((n) => [seq(n, 101_000), 0]),
    );
    await until('reports at the platform', () => sp.peers[0]?.of('SGIP_REPORT').length === 2);
    expect(sp.peers[0]!.of('SGIP_BIND')[0]!.value).toMatchObject({
      loginType: 2,
      loginName: 'smg',
      loginPassword: 'secret',
    });
    const reports = sp.peers[0]!.of('SGIP_REPORT');
    expect(
      new Map(
        reports.map((f) => [f.value.userNumber, [f.value.submitSequenceNumber, f.value.state, f.value.errorCode]]),
      ),
    ).toEqual(
      new Map([
        ['8613000000001', [seq(77), 0, 0]],
        ['8613000000002', [seq(77), 2, 27]],
      ]),
    );
    expect(sequenceParts(reports[0]!.sequence).nodeId).toBe(101_001);

    // MO the same way.
    back.send(
      'SGIP_DELIVER',
      {
        userNumber: '8613000000001',
        spNumber: '106550001',
        messageCoding: 15,
        messageContent: Buffer.from('c4e3bac3', 'hex'),
      },
      seq(9, 101_000),
    );
    await until('MO at the platform', () => sp.peers[0]!.of('SGIP_DELIVER').length === 1);
    expect(sp.peers[0]!.of('SGIP_DELIVER')[0]!.value).toMatchObject({
      userNumber: '8613000000001',
      spNumber: '106550001',
    });
  });

  it('a report before the answer to its submit, and no answer at all: the sequence was known when it was sent', async () => {
    const smg = await server((peer, f) => {
      if (f.name !== 'SGIP_SUBMIT') polite(peer, f);
    });
    const node = await gateway({ carrierPort: smg.port, reports: 'same' });
    const platform = await client(portOf(node), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000003']), seq(5));
    await until('submit at the carrier', () => smg.peers[0]?.of('SGIP_SUBMIT').length === 1);
    const sent = smg.peers[0]!.of('SGIP_SUBMIT')[0]!;
    // On the submit connection itself, as gateways do that take it for duplex (deviations 4 and 7).
    smg.peers[0]!.send(
      'SGIP_REPORT',
      { submitSequenceNumber: sent.sequence, userNumber: '8613000000003', state: 0 },
      seq(1, 101_000),
    );
    await until('report answered', () => smg.peers[0]!.of('SGIP_REPORT_RESP').length === 1);
    // And the platform has asked for its reports on its own connection.
    await until('report at the platform', () => platform.of('SGIP_REPORT').length === 1);
    expect(platform.of('SGIP_REPORT')[0]!.value).toMatchObject({ submitSequenceNumber: seq(5), state: 0 });
    polite(smg.peers[0]!, sent);
    await until('nothing is left', () => node.gw.state.active.size + node.gw.state.frozen.count === 0);
    await until('nothing is under way', () => node.gw.carriers.get('unicom')!.underWay.size === 0);
  });

  it('reports wait while the platform is away, over a restart too, and name its sequence when it is back', async () => {
    const smg = await server(polite);
    const away = await server(polite);
    const { port } = away;
    await new Promise((resolve) => away.it.close(resolve));
    const data = scratch();
    const first = await gateway({ carrierPort: smg.port, callbackPort: port, data });
    const platform = await client(portOf(first), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000004']), seq(6));
    await until('submit at the carrier', () => smg.peers[0]?.of('SGIP_SUBMIT').length === 1);
    const sent = smg.peers[0]!.of('SGIP_SUBMIT')[0]!;
    const back = await client(portOf(first), 2, 'smgw');
    back.send(
      'SGIP_REPORT',
      { submitSequenceNumber: sent.sequence, userNumber: '8613000000004', state: 0 },
      seq(1, 101_000),
    );
    await until('report answered', () => back.of('SGIP_REPORT_RESP').length === 1);
    await first.stop(200);

    const second = await gateway({ carrierPort: smg.port, callbackPort: port, data });
    expect(second.gw.accounts.get('acme')!.outbox.length).toBe(1);
    const peers: Peer[] = [];
    const again = createServer((socket) => peers.push(peerOn(socket, polite)));
    await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve));
    closers.push(() => again.close());
    await until('the report', () => peers.some((p) => p.of('SGIP_REPORT').length === 1));
    expect(peers.flatMap((p) => p.of('SGIP_REPORT'))[0]!.value).toMatchObject({
      submitSequenceNumber: seq(6),
      userNumber: '8613000000004',
      state: 0,
    });
  });

  it('a carrier hangs up when idle: the next message dials it again, and that is no failure', async () => {
    const smg = await server(polite);
    const node = await gateway({ carrierPort: smg.port, reports: 'same' });
    const platform = await client(portOf(node), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000005']), seq(1));
    await until('first submit', () => smg.peers[0]?.of('SGIP_SUBMIT').length === 1);
    await until('it is answered', () => node.gw.carriers.get('unicom')!.counters.accepted === 1);
    smg.peers[0]!.socket.end();
    await until('at rest', () => node.gw.carriers.get('unicom')!.binds.length === 0);
    await until('still good for messages', () => node.gw.carriers.get('unicom')!.up);
    await until('it waits for messages, it is not down', () => node.gw.carriers.get('unicom')!.limit === 'platform');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000006']), seq(2));
    await until('second submit', () => smg.peers[1]?.of('SGIP_SUBMIT').length === 1);
    expect(platform.of('SGIP_SUBMIT_RESP').map((f) => f.value.result)).toEqual([0, 0]);
  });

  it('a login that is neither an account nor a carrier, or has the wrong password, is answered with 1 and closed', async () => {
    const smg = await server(polite);
    const node = await gateway({ carrierPort: smg.port, reports: 'same' });
    for (const [loginType, loginName, loginPassword] of [
      [1, 'nobody', 'secret'],
      [2, 'smgw', 'wrong'],
      [1, 'acme', 'wrong'],
    ] as const) {
      const peer = peerOn(connect(portOf(node), '127.0.0.1'));
      peer.send('SGIP_BIND', { loginType, loginName, loginPassword }, seq(1));
      await until('closed', () => peer.closed);
      expect(peer.frames).toMatchObject([{ name: 'SGIP_BIND_RESP', sequence: seq(1), value: { result: 1 } }]);
    }
  });

  it('a platform that takes our bind and says goodbye at once is dialled again later, not in a circle', async () => {
    const smg = await server(polite);
    const sp = await server((peer, f) => {
      polite(peer, f);
      if (f.name === 'SGIP_BIND') peer.send('SGIP_UNBIND', {}, seq(1));
    });
    const node = await gateway({ carrierPort: smg.port, callbackPort: sp.port });
    await reported(node, smg);
    await until('waiting, or dialled over and over', () => {
      const slot = node.callbacks.get('acme')!.slots[0]!;
      return sp.peers.length > 3 || slot.state === 'waiting';
    });
    // Once may happen with nothing wrong.
    expect(sp.peers).toHaveLength(2);
    await until('once more', () => sp.peers.length === 3);
  });

  it('a platform that says "later" and hangs up is dialled again when the pause is over', async () => {
    const smg = await server(polite);
    let busy = true;
    const sp = await server((peer, f) => {
      if (f.name !== 'SGIP_REPORT' || !busy) {
        polite(peer, f);
        return;
      }
      busy = false;
      peer.send('SGIP_REPORT_RESP', { result: 11 }, f.sequence);
      peer.send('SGIP_UNBIND', {}, seq(1));
    });
    const node = await gateway({ carrierPort: smg.port, callbackPort: sp.port });
    await reported(node, smg);
    await until('the report again', () => sp.peers.flatMap((p) => p.of('SGIP_REPORT')).length === 2);
    await until('nothing is left', () => node.gw.state.active.size + node.gw.state.frozen.count === 0);
  });

  it('an answer to nothing, of no known command, does not make us forget the sequence of a request', async () => {
    const smg = await server(polite);
    const node = await gateway({ carrierPort: smg.port, reports: 'same' });
    const platform = await client(portOf(node), 1, 'acme');
    platform.socket.cork();
    platform.send('SGIP_SUBMIT', submitOf(['8613000000007']), seq(2));
    for (let counter = 0; counter < 8; counter++) {
      const junk = Buffer.alloc(HEADER);
      junk.writeUInt32BE(HEADER, 0);
      junk.writeUInt32BE(0x80000999, 4);
      junk.writeUInt32BE(counter, 16);
      platform.socket.write(junk);
    }
    platform.socket.uncork();
    await until('submit answered', () => platform.of('SGIP_SUBMIT_RESP').length === 1);
    expect(platform.of('SGIP_SUBMIT_RESP')[0]).toMatchObject({ sequence: seq(2), value: { result: 0 } });
  });

  it('what waits for a carrier at rest that turns out to be down goes on to the next of its route', async () => {
    const away = await server(polite);
    await new Promise((resolve) => away.it.close(resolve));
    const other = await server(polite);
    const node = await gateway({ carrierPort: away.port, otherPort: other.port, reports: 'same' });
    const platform = await client(portOf(node), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000008']), seq(2));
    await until('submit at the other', () => other.peers[0]?.of('SGIP_SUBMIT').length === 1);
  });

  it('the connections of a carrier that is removed, or may not dial in any more, end', async () => {
    const smg = await server(polite);
    const node = await gateway({ carrierPort: smg.port, reports: 'same' });
    const back = await client(portOf(node), 2, 'smgw');
    await node.reload({
      ...node.config,
      carriers: node.config.carriers.map((c) => (c.protocol === 'sgip' ? { ...c, deliver: undefined } : c)),
    });
    await until('goodbye', () => back.of('SGIP_UNBIND').length === 1);
    polite(back, back.of('SGIP_UNBIND')[0]!);
    await until('closed', () => back.closed);
  });

  it('a secret that the protocol has no room for is a failed attempt, and no end of the process', async () => {
    const smg = await server(polite);
    const node = await gateway({ carrierPort: smg.port, reports: 'same', secret: 'seventeen octets!' });
    const platform = await client(portOf(node), 1, 'acme');
    platform.send('SGIP_SUBMIT', submitOf(['8613000000009']), seq(2));
    await until('no bind', () => node.dials.get('unicom')!.slots[0]!.error.includes('login'));
  });
});

/** A message submitted, taken and reported: its platform is now to be told. */
async function reported(node: Node, smg: { readonly peers: readonly Peer[] }): Promise<void> {
  const platform = await client(portOf(node), 1, 'acme');
  platform.send('SGIP_SUBMIT', submitOf(['8613000000001']), seq(6));
  await until('submit at the carrier', () => smg.peers[0]?.of('SGIP_SUBMIT').length === 1);
  const sent = smg.peers[0]!.of('SGIP_SUBMIT')[0]!;
  const back = await client(portOf(node), 2, 'smgw');
  const report = { submitSequenceNumber: sent.sequence, userNumber: '8613000000001', state: 0 };
  back.send('SGIP_REPORT', report, seq(1, 101_000));
  await until('report answered', () => back.of('SGIP_REPORT_RESP').length === 1);
}
