import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import smpp from 'smpp';
import { afterEach, expect, test } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import { answerTo, writeFrame } from '../simulators/conform/frame.ts';
import { HEADER } from '../simulators/conform/smpp/tongue.ts';
import { answering, type OnBroken, startBroken } from './support/broken-server.ts';
import { checked, complaints } from './support/conform-rig.ts';
import { carrierUp, useRig } from './support/rig.ts';

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ACCOUNTS = [{ name: 'acme', secret: 'secret' }];

test.each(['3.4', '5.0'])('the simulated SMPP carrier of %s keeps to the specification', async (version) => {
  const carrier = await startCarrier({ protocol: 'smpp', version, accounts: ACCOUNTS, behaviour: { reportDelay: 20 } });
  closers.push(() => carrier.stop());
  const result = await checked('smpp', carrier.port, { version });
  expect(complaints(result)).toEqual([]);
  expect(result.skipped).toEqual([]);
  expect(result.findings.length).toBeGreaterThanOrEqual(60);
});

test('a carrier that speaks 3.4 alone is asked for nothing of 5.0', async () => {
  const carrier = await startCarrier({ protocol: 'smpp', accounts: ACCOUNTS });
  closers.push(() => carrier.stop());
  const result = await checked('smpp', carrier.port, { only: (name) => name.startsWith('version') });
  expect(complaints(result)).toEqual([]);
});

test('the SMPP server of the gateway keeps to the specification', { timeout: 120_000 }, async () => {
  const carrier = await startCarrier({
    protocol: 'smpp',
    accounts: [{ name: 'yima', secret: 'secret' }],
    behaviour: { reportDelay: 20 },
  });
  closers.push(() => carrier.stop());
  const node = await rig.node({ carriers: [{ name: 'back', protocol: 'smpp', port: carrier.port }] });
  await carrierUp(node, 'back');
  const result = await checked('smpp', node.listeners.get('smpp')!.address.port);
  expect(complaints(result)).toEqual([]);
  expect(result.skipped).toEqual([]);
});

// ---- servers that are wrong on purpose -------------------------------------------------------------------------

const ID = Buffer.from('1\0');

/** What every check of logins takes for granted. */
const lettingIn =
  (then: OnBroken): OnBroken =>
  (frame, socket) => {
    if ([1, 2, 9].includes(frame.command)) answering(HEADER, () => ID)(frame, socket);
    else then(frame, socket);
  };

/** An empty system_id and sc_interface_version 0x7F. */
const VERSION_7F = Buffer.from('00021000017f', 'hex');

const BROKEN: Readonly<Record<string, OnBroken>> = {
  'says nothing at all': () => undefined,
  'speaks a version of its own': answering(HEADER, () => VERSION_7F),
  'lets everybody in, and then says nothing': lettingIn(() => undefined),
  'says yes to everything under one id': (frame, socket) => {
    if (frame.command < 0x80000000)
      answering(HEADER, () => (frame.command === 0x15 ? Buffer.alloc(1) : ID))(frame, socket);
    else answering(HEADER, () => ID)({ ...frame, command: 0 }, socket);
  },
  'refuses all but binds': lettingIn(answering(HEADER, () => Buffer.alloc(0), 8)),
  'answers all under sequence 1': lettingIn(
    (frame, socket) => void socket.write(writeFrame(HEADER, answerTo(frame.command), '00000001', ID)),
  ),
  'answers all with generic_nack': lettingIn((frame, socket) => {
    const nack = writeFrame(HEADER, 0x80000000, frame.sequence);
    nack.writeUInt32BE(0x45, 8);
    socket.write(nack);
  }),
  'sends octets that are no frame': lettingIn((_frame, socket) => void socket.write(Buffer.alloc(16, 0xff))),
  'ends at the first request': lettingIn((_frame, socket) => void socket.end()),
};

test('every check of SMPP fails of some server that is wrong', { timeout: 300_000 }, async () => {
  const some = new Set<string>();
  let all: readonly string[] = [];
  for (const [wrong, onFrame] of Object.entries(BROKEN)) {
    const broken = await startBroken(HEADER, onFrame);
    const result = await checked('smpp', broken.port, { within: 40, reportWithin: 40 });
    await broken.stop();
    all = result.findings.map((f) => f.name);
    expect(result.failed, wrong).not.toEqual([]);
    // A server that is wrong in one thing is not wrong in all: else the checks would tell nothing.
    if (!wrong.startsWith('says nothing')) expect(result.failed, wrong).not.toEqual(all);
    for (const name of result.failed) some.add(name);
  }
  expect(all.filter((name) => !some.has(name))).toEqual([]);
});

// ---- a server of the smpp package ------------------------------------------------------------------------------

/** The server that the package's own documentation shows, with a receipt behind each submit that asks for one. */
async function packageServer(): Promise<number> {
  let ids = 0;
  const server = smpp.createServer((session) => {
    session.on('error', () => session.destroy());
    const onBind = (pdu: smpp.PDU): void => {
      const right = pdu.system_id === 'acme' && pdu.password === 'secret';
      session.send(pdu.response({ command_status: right ? 0 : smpp.errors.ESME_RBINDFAIL! }));
      if (!right) session.close();
    };
    for (const bind of ['bind_receiver', 'bind_transmitter', 'bind_transceiver']) session.on(bind, onBind);
    session.on('enquire_link', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('unbind', (pdu: smpp.PDU) => {
      session.send(pdu.response());
      session.close();
    });
    session.on('submit_sm', (pdu: smpp.PDU) => {
      const id = String(++ids);
      session.send(pdu.response({ message_id: id }));
      if (pdu.registered_delivery !== 1) return;
      session.deliver_sm({
        esm_class: 4,
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        short_message: Buffer.from(`id:${id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:`),
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const session of server.sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What fails of it, and why that is true. */
const PACKAGE_FAILS: Readonly<Record<string, string>> = {
  'bind-twice': 'it keeps no session state: every bind is a bind',
  'bind-receiver': 'nor does it know which bind may submit',
  'submit-before-bind': 'nor that there was none',
  'unknown-command': 'what has no listener is not answered, an unknown command least of all',
  'server-command': 'deliver_sm of a client has no listener either',
  'length-too-small': 'its parser raises an error; the connection ends without generic_nack',
  'missing-fields': 'its parser fills fields that are not there with their defaults, and the submit is taken',
  'submit-parameter-overrun': 'it cuts a parameter that is longer than the frame without a word',
  'submit-length-overrun': 'and a text in the same way',
  'submit-no-destination': 'no field is looked at: nobody gets this message',
  'submit-long-destination': 'lengths of C-octet strings are not checked',
  'submit-long-source': 'the same',
  'submit-bad-validity': 'a time that is none is parsed to whatever comes out',
  'submit-bad-schedule': 'the same',
  'submit-multi': 'no listener: not answered, not even with ESME_RINVCMDID',
  'submit-multi-nobody': 'the same',
  'data-sm': 'the same',
  'query-sm': 'the same',
  'query-unknown': 'the same',
  'cancel-sm': 'the same',
  'cancel-unknown': 'the same',
  'replace-unknown': 'the same',
  'receipt-repeated': 'a receipt is sent once; its answer is not waited for',
  'receipt-on-receiver': 'a receipt goes down the connection of its submit, a transmitter included',
};

test('a plain server of the smpp package fails where it is wrong, and only there', { timeout: 120_000 }, async () => {
  const result = await checked('smpp', await packageServer(), { within: 500, reportWithin: 500 });
  expect(result.failed).toEqual(Object.keys(PACKAGE_FAILS));
});
