import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { smgpCodec } from '../protocols/smgp/tables.ts';
import type { BindCredentials, BindVerdict } from '../src/session/dialect.ts';
import { smgp } from '../src/session/dialects/smgp.ts';
import { createRig, frameOf, type Written } from './session/rig.ts';

const v3 = smgpCodec(0x30);
const md5 = (...parts: (string | Buffer)[]): string =>
  createHash('md5')
    .update(Buffer.concat(parts.map((p) => Buffer.from(p))))
    .digest('binary');
const SECRET = 's3cr3tPw';
const timestamp = 301000000;
const digest = md5('10659000', Buffer.alloc(7), SECRET, '0301000000');
const login = { clientId: '10659000', authenticatorClient: digest, loginMode: 2, timestamp, clientVersion: 0x30 };
const credentials: BindCredentials = { name: '10659000', secret: SECRET, mode: 'trx', version: 0x30 };
const id = Buffer.from('01006101161700012345', 'hex').toString('latin1');
const message = { destTermId: ['18900001234'], msgContent: Buffer.from('hi') };

const server = (authenticate?: () => BindVerdict) =>
  createRig({ dialect: smgp, role: 'server', ...(authenticate === undefined ? {} : { authenticate }) });
const client = (more: Partial<BindCredentials> = {}) =>
  createRig({ dialect: smgp, role: 'client', credentials: { ...credentials, ...more } });
const boundClient = (more: Partial<BindCredentials> = {}, answer: object = {}) => {
  const rig = client(more);
  rig.link.feed(frameOf(smgp, v3.loginResp, { serverVersion: 0x30, ...answer }, 0));
  rig.take();
  rig.owner.words();
  return rig;
};
const boundServer = (more: object = {}) => {
  const rig = server();
  rig.link.feed(frameOf(smgp, v3.login, { ...login, ...more }, 7));
  rig.take();
  rig.owner.words();
  return rig;
};
/** RequestID, SequenceID and Status of an answer, which is behind ten octets of MsgID where there is one. */
const shown = ({ command, sequence, octets }: Written) => {
  const at = command === 0x80000001 ? 12 : 22;
  return { command, sequence, size: octets.length, status: octets.length >= at + 4 ? octets.readUInt32BE(at) : 0 };
};

describe('as a server', () => {
  test('a login is judged by its digest, and answered with ours', () => {
    const checks: boolean[] = [];
    const rig = createRig({
      dialect: smgp,
      role: 'server',
      authenticate: (bind) => {
        expect(bind).toMatchObject({ name: '10659000', mode: 'trx', protocol: 'smgp', version: 0x30 });
        expect(bind.password).toBeUndefined();
        checks.push(bind.digestOf!('wrong'), bind.digestOf!(SECRET));
        return { accept: true, peer: 'sp', window: 16 };
      },
    });
    rig.link.feed(frameOf(smgp, v3.login, login, 1));
    expect(checks).toEqual([false, true]);
    const [answer] = rig.take();
    expect(answer!.octets.length).toBe(33);
    expect(v3.loginResp.decode(answer!.octets, 12, 33)).toEqual({
      status: 0,
      authenticatorServer: md5(Buffer.alloc(4), Buffer.from(digest, 'latin1'), SECRET),
      serverVersion: 0x30,
    });
  });

  test.each([
    [0, 'tx'],
    [1, 'rx'],
    [2, 'trx'],
  ])('LoginMode %i is %s', (loginMode, mode) => {
    expect(boundServer({ loginMode }).session).toMatchObject({ state: 'bound', mode });
  });

  test.each([
    [0x13, 0x13],
    [0x20, 0x20],
    [0x30, 0x30],
    [0x31, 0x30],
  ])('ClientVersion 0x%s is spoken to as 0x%s, and told so', (clientVersion, version) => {
    const rig = server();
    rig.link.feed(frameOf(smgp, v3.login, { ...login, clientVersion }, 1));
    expect(rig.take()[0]!.octets[32]).toBe(version);
    expect(rig.session.version).toBe(version);
  });

  test.each([
    ['unknown', 21],
    ['password', 21],
    ['address', 20],
    ['version', 22],
    ['tooMany', 2],
    ['alreadyBound', 2],
    ['busy', 1],
  ] as const)('refused as %s: Status %i without a digest, then closed', (reason, status) => {
    const rig = server(() => ({ accept: false, reason }));
    rig.link.feed(frameOf(smgp, v3.login, login, 1));
    const [answer] = rig.take();
    expect(v3.loginResp.decode(answer!.octets, 12, answer!.octets.length)).toMatchObject({
      status,
      authenticatorServer: '\0'.repeat(16),
    });
    expect(rig.session.state).toBe('closed');
  });

  test.each([
    [{ clientVersion: 0x40 }, 22],
    [{ loginMode: 3 }, 10],
  ])('a login of %j: Status %i', (part, status) => {
    const rig = server();
    rig.link.feed(frameOf(smgp, v3.login, { ...login, ...part }, 9));
    expect(rig.take().map(shown)).toMatchObject([{ command: 0x80000001, sequence: 9, status }]);
    expect(rig.session.state).toBe('closed');
  });

  test('a Submit is taken on modes 0 and 2, refused on mode 1; a Deliver never, its MsgID echoed', () => {
    for (const [loginMode, taken] of [
      [0, true],
      [1, false],
      [2, true],
    ] as const) {
      const rig = boundServer({ loginMode });
      rig.link.feed(frameOf(smgp, v3.submit, message, 5));
      expect(rig.owner.words()).toEqual(taken ? ['request'] : []);
      expect(rig.take().map(shown)).toEqual(taken ? [] : [{ command: 0x80000002, sequence: 5, size: 26, status: 11 }]);
      rig.link.feed(frameOf(smgp, v3.deliver, { msgId: id, msgContent: Buffer.from('hi') }, 6));
      const [answer] = rig.take();
      expect(v3.deliverResp.decode(answer!.octets, 12, 26)).toEqual({ msgId: id, status: 11 });
    }
  });

  test('what cannot be read is refused as structure and counted; Forward and routing are not for SPs', () => {
    const rig = boundServer();
    const broken = frameOf(smgp, v3.submit, message, 5).subarray(0, 130);
    broken.writeUInt32BE(130, 0);
    rig.link.feed(broken);
    rig.link.feed(frameOf(smgp, v3.forward, {}, 6));
    rig.link.feed(Buffer.from('0000000c0000000800000007', 'hex'));
    rig.link.feed(Buffer.from('0000000c0000000900000008', 'hex'));
    expect(rig.take().map(shown)).toEqual([
      { command: 0x80000002, sequence: 5, size: 26, status: 10 },
      { command: 0x80000005, sequence: 6, size: 26, status: 11 },
    ]);
    expect(rig.session.counters).toMatchObject({ badPdus: 2, unknown: 2 });
    expect(rig.session.state).toBe('bound');
  });

  test('Active_Test and Exit are answered in twelve octets, before the login and after it', () => {
    for (const rig of [server(), boundServer()]) {
      rig.link.feed(frameOf(smgp, v3.activeTest, {}, 0xfffffffe));
      expect(rig.take().map(shown)).toEqual([{ command: 0x80000004, sequence: 0xfffffffe, size: 12, status: 0 }]);
    }
    const rig = boundServer();
    rig.link.feed(frameOf(smgp, v3.exit, {}, 3));
    expect(rig.take().map(shown)).toEqual([{ command: 0x80000006, sequence: 3, size: 12, status: 0 }]);
    expect(rig.session.state).toBe('closed');
  });
});

describe('as a client', () => {
  test.each([
    ['tx', 0],
    ['rx', 1],
    ['trx', 2],
  ] as const)('the login of a %s bind is LoginMode %i, hashed with the time in Beijing', (mode, loginMode) => {
    const [sent] = client({ mode }).take();
    expect(sent!.octets.length).toBe(42);
    // The clock of these tests: 2023-11-14 22:13:20 UTC.
    expect(v3.login.decode(sent!.octets, 12, 42)).toEqual({
      clientId: '10659000',
      authenticatorClient: md5('10659000', Buffer.alloc(7), SECRET, '1115061320'),
      loginMode,
      timestamp: 1115061320,
      clientVersion: 0x30,
    });
  });

  test('deviation 6: the digest of a server may be anything or nothing', () => {
    for (const authenticatorServer of [
      md5(Buffer.alloc(4), Buffer.from('x'), SECRET),
      md5(Buffer.alloc(1), Buffer.from('x'), SECRET),
      '',
      'junk of 16 octet',
    ]) {
      expect(boundClient({}, { authenticatorServer }).session.state).toBe('bound');
    }
  });

  test('a refusal that ends behind its Status is understood', () => {
    const rig = client();
    rig.link.feed(Buffer.from('00000010800000010000000000000015', 'hex'));
    expect(rig.failures).toMatchObject([{ failure: 'credentials', status: 21 }]);
  });

  test.each([
    [0x30, 0x30, 0x30],
    [0x30, 0x13, 0x13],
    [0x30, 0x20, 0x20],
    [0x30, 0x00, 0x30],
    [0x30, 0x31, 0x30],
    [0x13, 0x30, 0x13],
    [0x13, 0x13, 0x13],
  ])('we say 0x%s, the server 0x%s: 0x%s is spoken', (version, serverVersion, spoken) => {
    const rig = client({ version });
    expect(rig.take()[0]!.octets[41]).toBe(version);
    rig.link.feed(frameOf(smgp, v3.loginResp, { serverVersion }, 0));
    expect(rig.session).toMatchObject({ state: 'bound', version: spoken });
  });

  test.each([
    [1, 'refused'],
    [2, 'alreadyBound'],
    [20, 'credentials'],
    [21, 'credentials'],
    [22, 'credentials'],
    [3, 'credentials'],
    [5, 'alreadyBound'],
    [52, 'credentials'],
    [8200, 'refused'],
    [4_000_000_000, 'refused'],
  ])("deviation 7: a login refused with %i is %s, whoever's code it is", (status, failure) => {
    const rig = client();
    rig.link.feed(frameOf(smgp, v3.loginResp, { status }, 0));
    expect(rig.failures).toMatchObject([{ failure, status }]);
    expect(rig.failures[0]!.reason).toContain(`status ${status} `);
    expect(rig.session.state).toBe('closed');
  });

  test('deviation 9: an answer to Active_Test counts whatever its sequence', () => {
    const rig = boundClient();
    for (let n = 0; n < 10; n++) {
      rig.wait(30_000);
      const probes = rig.take().map(shown);
      expect(probes).toMatchObject([{ command: 4, size: 12 }]);
      rig.link.feed(frameOf(smgp, v3.activeTestResp, {}, 0));
    }
    expect(rig.session.state).toBe('bound');
    // None at all ends it.
    rig.wait(120_000);
    expect(rig.session.state).toBe('closed');
  });

  test('deviation 13: reports are taken on a connection of mode 0 too', () => {
    for (const mode of ['tx', 'rx', 'trx'] as const) {
      const rig = boundClient({ mode });
      rig.link.feed(frameOf(smgp, v3.deliver, { msgId: id, isReport: 1, msgContent: Buffer.from('id:') }, 8));
      expect(rig.owner.words()).toEqual(['request']);
      rig.session.respond(8, v3.deliverResp, v3.deliverResp.fill({ msgId: id }), 0);
      expect(rig.take().map(shown)).toEqual([{ command: 0x80000003, sequence: 8, size: 26, status: 0 }]);
    }
  });

  test('Status of 32 bits comes through; an answer without one says nothing', () => {
    const rig = boundClient();
    const value = v3.submit.fill(message);
    const sequence = rig.session.request(v3.submit, value, 'a');
    rig.link.feed(frameOf(smgp, v3.submitResp, { msgId: id, status: 4_000_000_001 }, sequence));
    expect(rig.owner.told.at(-1)).toMatchObject({ what: 'answer', status: 4_000_000_001, value: { msgId: id } });
    const next = rig.session.request(v3.submit, value, 'b');
    const short = frameOf(smgp, v3.submitResp, { msgId: id }, next).subarray(0, 22);
    short.writeUInt32BE(22, 0);
    rig.link.feed(short);
    expect(rig.owner.told.at(-1)).toEqual({ what: 'expired', token: 'b' });
  });
});

describe('whatever comes', () => {
  const commands = [1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x99];
  const frames = fc.array(
    fc.record({
      command: fc.constantFrom(...commands, ...commands.map((id) => (id | 0x80000000) >>> 0)),
      sequence: fc.integer({ min: 0, max: 0xffffffff }),
      body: fc.uint8Array({ maxLength: 300 }),
      // What the header says more or less than there is.
      lie: fc.constantFrom(0, 0, 0, 0, 0, 1, -1, 100_000, -13),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const octetsOf = (list: readonly { command: number; sequence: number; body: Uint8Array; lie: number }[]): Buffer =>
    Buffer.concat(
      list.map(({ command, sequence, body, lie }) => {
        const b = Buffer.alloc(12 + body.length);
        b.writeUInt32BE(Math.max(0, b.length + lie), 0);
        b.writeUInt32BE(command, 4);
        b.writeUInt32BE(sequence, 8);
        b.set(body, 12);
        return b;
      }),
    );

  test.each([
    ['an open server', () => server()],
    ['a bound server', () => boundServer()],
    ['a client that logs in', () => client()],
    ['a bound client', () => boundClient()],
  ] as const)('%s answers or closes, and never fails by itself', (_, make) => {
    fc.assert(
      fc.property(frames, (list) => {
        const rig = make();
        rig.owner.answering = (session, pdu, sequence) => {
          const plan = smgpCodec(session.version).byId.get((pdu.id | 0x80000000) >>> 0)!;
          session.respond(sequence, plan, plan.fill({}), 0);
        };
        rig.link.feed(octetsOf(list));
        rig.wait(1_000);
        expect(rig.errors).toEqual([]);
        // No answer is ever answered.
        const asked = list.filter((f) => f.command < 0x80000000).length;
        expect(rig.take().filter((w) => w.command >= 0x80000000).length).toBeLessThanOrEqual(asked + 1);
      }),
      { numRuns: 150 },
    );
  });
});
