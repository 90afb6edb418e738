import smppPackage from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { smppCodec } from '../protocols/smpp/tables.ts';
import { smpp } from '../src/session/dialects/smpp.ts';
import type { Session } from '../src/session/session.ts';
import { createWorld, dialIn, listenIn, until } from './session/sockets.ts';

const codec = smppCodec(0x34);
const { PDU } = smppPackage;
PDU.maxLength = 70_000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Pdu = InstanceType<typeof PDU>;
type PackageSession = InstanceType<typeof smppPackage.Session>;

/** A client of the `smpp` package; its errors end it, else its link goes deaf. */
async function connectPackage(port: number): Promise<PackageSession> {
  const session = smppPackage.connect({ host: '127.0.0.1', port });
  session.on('error', () => session.destroy());
  cleanups.push(() => session.destroy());
  await new Promise<void>((resolve) => session.once('connect', resolve));
  return session;
}
const ask = (send: (onResponse: (pdu: Pdu) => void) => boolean): Promise<Pdu> =>
  new Promise((resolve) => {
    send(resolve);
  });

async function serve() {
  const world = createWorld();
  const listener = await listenIn(world, smpp, {}, (bind) =>
    bind.password === 'right'
      ? { accept: true, peer: bind.name, window: 10 }
      : { accept: false, reason: bind.name === 'nobody' ? 'unknown' : 'password' },
  );
  cleanups.push(async () => {
    let closed = false;
    void listener.close(0).then(() => {
      closed = true;
    });
    while (!closed) await world.wait(1_000);
    expect(world.errors).toEqual([]);
  });
  return { world, listener, port: listener.address.port };
}

describe('a client of the smpp package at our listener', () => {
  test('wrong password, wrong name, right one on the same link; then traffic both ways and unbind', async () => {
    const { world, listener, port } = await serve();
    const client = await connectPackage(port);
    const bind = (system_id: string, password: string) =>
      ask((f) => client.bind_transceiver({ system_id, password, interface_version: 0x34 }, f));
    expect((await bind('acme', 'wrong')).command_status).toBe(smppPackage.errors.ESME_RINVPASWD);
    expect((await bind('nobody', 'wrong')).command_status).toBe(smppPackage.errors.ESME_RINVSYSID);
    const bound = await bind('acme', 'right');
    expect(bound).toMatchObject({ command: 'bind_transceiver_resp', command_status: 0, system_id: 'yima' });
    expect(bound.sc_interface_version).toBe(0x34);

    const seen: string[] = [];
    world.owner.answering = (session, pdu, sequence, value) => {
      const { destinationAddr, shortMessage } = value as { destinationAddr: string; shortMessage: Uint8Array };
      seen.push(`${pdu.name} ${destinationAddr} ${Buffer.from(shortMessage).toString('latin1')}`);
      const full = destinationAddr === '299';
      const answer = codec.submitSmResp.fill({ messageId: `id-${destinationAddr}` });
      session.respond(sequence, codec.submitSmResp, answer, full ? 0x14 : 0);
    };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        ask((f) =>
          client.submit_sm(
            { source_addr: '100', destination_addr: `${200 + i}`, short_message: Buffer.from(`text ${i}`) },
            f,
          ),
        ),
      ),
    );
    expect(answers.map((a) => a.message_id ?? a.command_status)).toEqual(
      Array.from({ length: 100 }, (_, i) => (i === 99 ? 0x14 : `id-${200 + i}`)),
    );
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => `submit_sm ${200 + i} text ${i}`));

    client.on('deliver_sm', (pdu) => {
      client.send(pdu.response(pdu.destination_addr === '9' ? { command_status: 0x64 } : {}));
    });
    const [session] = listener.sessions;
    const from = world.owner.told.length;
    for (const to of ['1', '2', '9']) {
      const value = codec.deliverSm.fill({
        sourceAddr: '86138',
        destinationAddr: to,
        esmClass: 4,
        shortMessage: Buffer.from('id:1 stat:DELIVRD'),
        tlvs: [{ tag: 0x1e, value: Buffer.from('1\0') }],
      });
      session!.request(codec.deliverSm, value, `to ${to}`);
    }
    await until(() => session!.windowUsed === 0);
    expect(world.owner.told.slice(from)).toMatchObject([
      { what: 'answer', token: 'to 1', pdu: 'deliver_sm_resp', status: 0 },
      { what: 'answer', token: 'to 2', status: 0 },
      { what: 'answer', token: 'to 9', status: 0x64 },
    ]);

    expect((await ask((f) => client.enquire_link({}, f))).command).toBe('enquire_link_resp');
    expect((await ask((f) => client.unbind({}, f))).command).toBe('unbind_resp');
    await until(() => listener.sessions.size === 0);
  });

  test('wrong state, wrong direction, unknown command', async () => {
    const { port } = await serve();
    const client = await connectPackage(port);
    expect((await ask((f) => client.submit_sm({ destination_addr: '1' }, f))).command_status).toBe(4);
    expect((await ask((f) => client.enquire_link({}, f))).command_status).toBe(0);
    await ask((f) => client.bind_receiver({ system_id: 'acme', password: 'right' }, f));
    expect((await ask((f) => client.submit_sm({ destination_addr: '1' }, f))).command_status).toBe(4);
    expect((await ask((f) => client.deliver_sm({ destination_addr: '1' }, f))).command_status).toBe(4);
    expect((await ask((f) => client.bind_transmitter({ system_id: 'acme' }, f))).command_status).toBe(5);
  });
});

describe('our binds at a server of the smpp package', () => {
  async function smsc(onSession: (session: PackageSession) => void) {
    const server = smppPackage.createServer((session) => {
      session.on('error', () => session.destroy());
      onSession(session);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    cleanups.push(() => {
      for (const session of server.sessions) session.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as { port: number }).port;
  }

  test('binds tx and rx, submits through its window, takes receipts, probes, unbinds', async () => {
    const sessions: PackageSession[] = [];
    const binds: string[] = [];
    const port = await smsc((session) => {
      sessions.push(session);
      const onBind = (pdu: Pdu): void => {
        binds.push(`${pdu.command} ${pdu.system_id} ${pdu.password}`);
        session.send(pdu.response({ system_id: 'smsc' }));
      };
      session.on('bind_transmitter', onBind);
      session.on('bind_receiver', onBind);
      session.on('enquire_link', (pdu) => session.send(pdu.response()));
      session.on('unbind', (pdu) => {
        session.send(pdu.response());
        session.close();
      });
      session.on('submit_sm', (pdu) => {
        session.send(pdu.response({ message_id: `m${pdu.destination_addr}` }));
        const receiver = sessions.find((s) => s !== session)!;
        receiver.deliver_sm({
          source_addr: pdu.destination_addr,
          destination_addr: pdu.source_addr,
          esm_class: 4,
          short_message: Buffer.from(`id:m${pdu.destination_addr} stat:DELIVRD`),
        });
      });
    });
    const world = createWorld();
    const carrier = dialIn(world, smpp, port, {
      bind: { name: 'us', secret: 'pw', mode: 'tx+rx', version: 0x34 },
      window: 8,
    });
    await until(() => carrier.sessions.length === 2);
    expect(binds.sort()).toEqual(['bind_receiver us pw', 'bind_transmitter us pw']);
    const receipts: string[] = [];
    world.owner.answering = (session, pdu, sequence, value) => {
      const { shortMessage } = value as { shortMessage: Uint8Array };
      receipts.push(`${pdu.name} ${Buffer.from(shortMessage).toString('latin1')}`);
      session.respond(sequence, codec.deliverSmResp, codec.deliverSmResp.fill({}), 0);
    };
    const tx: Session<string> = carrier.sessions.find((s) => s.mode === 'tx')!;
    let sent = 0;
    let most = 0;
    while (sent < 200) {
      while (tx.room > 0 && sent < 200) {
        const value = codec.submitSm.fill({
          sourceAddr: '1',
          destinationAddr: `${sent}`,
          shortMessage: Buffer.from('x'),
        });
        tx.request(codec.submitSm, value, `t${sent++}`);
      }
      most = Math.max(most, tx.windowUsed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => receipts.length === 200 && tx.windowUsed === 0);
    expect(most).toBe(8);
    const answers = world.owner.told.filter((t) => t.what === 'answer');
    expect(
      answers.map((t) => t.what === 'answer' && `${t.token} ${String((t.value as { messageId: string }).messageId)}`),
    ).toEqual(Array.from({ length: 200 }, (_, i) => `t${i} m${i}`));
    expect(receipts).toEqual(Array.from({ length: 200 }, (_, i) => `deliver_sm id:m${i} stat:DELIVRD`));
    await world.wait(30_500);
    await until(() => carrier.sessions.every((s) => s.counters.probes === 1 && s.counters.unmatched === 0));
    let closed = false;
    void carrier.close().then(() => {
      closed = true;
    });
    await until(() => closed);
    expect(world.owner.told.filter((t) => t.what === 'closed')).toMatchObject([{ wasBound: true }, { wasBound: true }]);
    expect(world.errors).toEqual([]);
  });

  test.each([
    ['ESME_RINVPASWD', 'waiting'],
    ['ESME_RALYBND', 'quarantined'],
  ])('refused with %s: %s', async (status, state) => {
    const port = await smsc((session) => {
      session.on('bind_transceiver', (pdu) => {
        session.send(pdu.response({ command_status: smppPackage.errors[status] }));
        session.close();
      });
    });
    const world = createWorld();
    const carrier = dialIn(world, smpp, port);
    await until(() => carrier.slots[0]!.state === state);
    expect(carrier.slots[0]!.error).toContain(status);
    await carrier.close();
  });
});
