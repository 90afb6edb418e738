import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { sgipCodec } from '../protocols/sgip/tables.ts';
import { type Node, startNode } from '../src/cli/serve.ts';
import { parseConfig } from '../src/config/load.ts';
import type { BindCredentials } from '../src/session/dialect.ts';
import { sgip } from '../src/session/dialects/sgip.ts';
import { IDLE } from '../src/session/session.ts';
import { createRig } from './session/rig.ts';
import { scratchFolder, until } from './support/node.ts';
import {
  ANSWER,
  BIND,
  bindBody,
  DELIVER,
  deliverBody,
  frame,
  logIn,
  octet,
  type Peer,
  REPORT,
  reportBody,
  reported,
  resultBody,
  SUBMIT,
  type SubmitFields,
  servePeers,
  submitBody,
  TRACE,
  text,
  textAt,
  UNBIND,
  USERRPT,
} from './support/sgip-octets.ts';

// What real SGIP peers do (the reference's checklist, by its numbers), sent as octets that our codec did not make.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A gateway between an SMG that tests play (`smg`) and platforms that they play too. */
async function world(more: { readonly account?: string; readonly carrier?: string } = {}) {
  const smg = await servePeers();
  closers.push(smg.close);
  const folder = scratchFolder();
  closers.push(() => folder.remove());
  const yaml = `
demo: true
node: { name: test, data: "${folder.path}", stopWithin: 2s, smgNodeId: 101001 }
log: { level: warn }
admin: { listen: 127.0.0.1:0 }
listeners: [ { name: sgip, protocol: sgip, listen: 127.0.0.1:0 } ]
accounts:
  - { name: shop, protocol: sgip, systemId: shop, password: { demo: secret }, route: main, mo: ["10655"],
      sgip: { reports: same }${more.account ?? ''} }
carriers:
  - { name: unicom, protocol: sgip, host: 127.0.0.1, port: ${smg.port}, systemId: yima, password: { demo: secret },
      corpId: "12345", areaCode: "010", reconnect: { from: 50ms, to: 200ms }, retry: { from: 20ms, to: 50ms },
      deliver: { systemId: unicom, password: { demo: secret } }${more.carrier ?? ''} }
routes: [ { name: main, rules: [ { steps: [ { carriers: [ { name: unicom } ] } ] } ] } ]
`;
  const loaded = parseConfig(yaml, 'test.yaml');
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  const start = () => startNode(config, pino({ level: process.env.YIMA_TEST_LOG ?? 'silent' }));
  const w = {
    node: await start(),
    smg,
    async restart(): Promise<void> {
      await w.node.stop(200);
      w.node = await start();
    },
    async login(type: number, name: string): Promise<Peer> {
      const peer = await logIn(w.node.listeners.get('sgip')!.address.port, type, name);
      closers.push(() => peer.socket.destroy());
      return peer;
    },
    /** Submits at the carrier, over all its connections, once there are so many. */
    async submits(n: number) {
      const all = () => smg.peers.flatMap((p) => p.of(SUBMIT));
      await until(`${n} submits at the carrier`, () => all().length >= n);
      return all();
    },
  };
  closers.push(() => w.node.stop(200));
  return w;
}

const kept = (node: Node): number => node.gw.state.active.size + node.gw.state.frozen.count;
const SEQUENCE = 'b36924b942c4f1d900000007';

async function submitted(peer: Peer, sequence: string, fields: SubmitFields = {}): Promise<number> {
  const before = peer.of(ANSWER + SUBMIT).length;
  peer.send(frame(SUBMIT, sequence, submitBody(fields)));
  await until('submit answered', () => peer.of(ANSWER + SUBMIT).length > before);
  const answer = peer.of(ANSWER + SUBMIT).at(-1)!;
  expect(answer.sequence).toBe(sequence);
  return answer.body[0]!;
}

describe('what platforms send', () => {
  it.each([
    ['node 0', '0000000042c4f1d900000001'],
    ['a time that is none', 'b36924b9ffffffff00000001'],
    ['nothing but zeros', '000000000000000000000000'],
    ['a node and a counter above 2^31', 'ffffffff0000000080000001'],
    ['the leap day, of which a guessed year may know nothing (13)', 'b36924b90da7cb1b00000001'],
  ])(
    '1: a sequence number with %s is repeated octet by octet, in the answer and in the report',
    async (_, sequence) => {
      const w = await world();
      const platform = await w.login(1, 'shop');
      expect(await submitted(platform, sequence)).toBe(0);
      const [sent] = await w.submits(1);
      w.smg.peers[0]!.send(
        frame(REPORT, '00018a890614dc4500000001', reportBody(sent!.sequence, '8613000000001', 0, 0)),
      );
      await until('report', () => platform.of(REPORT).length === 1);
      expect(reported(platform.of(REPORT)[0]!)).toEqual([sequence, '8613000000001', 0, 0]);
      // Ours is made anew: node of area code and CorpId, and a counter of the process.
      expect(sent!.sequence.slice(0, 8)).toBe('b36924b9');
      expect(sent!.sequence).not.toBe(sequence);
    },
  );

  it('2: empty FeeValue, GivenValue and ServiceType', async () => {
    const w = await world({ carrier: ', serviceType: OWN, feeValue: "10"' });
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE, { feeValue: '', givenValue: '', serviceType: '' })).toBe(0);
    const { body } = (await w.submits(1))[0]!;
    // Behind SPNumber, ChargeNumber, UserCount, one UserNumber and CorpId: the carrier's own values.
    expect([textAt(body, 69, 10), textAt(body, 80, 6)]).toEqual(['OWN', '10']);
  });

  it('3: a number without 86 is taken, goes to the carrier with 86, and is reported as the platform wrote it', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE, { users: ['13000000001', '+8613000000002'] })).toBe(0);
    const sent = await w.submits(2);
    expect(sent.map(({ body }) => textAt(body, 43, 21))).toEqual(['8613000000001', '8613000000002']);
    // The SP pays: 21 zeros that leave no room for a NUL.
    expect(sent[0]!.body.toString('latin1', 21, 42)).toBe('0'.repeat(21));
    sent.forEach((s, i) => {
      w.smg.peers[0]!.send(
        frame(REPORT, `00018a890614dc450000000${i}`, reportBody(s.sequence, `861300000000${i + 1}`, i * 2, i * 27)),
      );
    });
    await until('reports', () => platform.of(REPORT).length === 2);
    expect(platform.of(REPORT).map(reported)).toEqual(
      expect.arrayContaining([
        [SEQUENCE, '13000000001', 0, 0],
        [SEQUENCE, '+8613000000002', 2, 27],
      ]),
    );
  });

  it('5: no Unbind, a plain FIN, and the next connection goes on', async () => {
    const w = await world();
    const first = await w.login(1, 'shop');
    expect(await submitted(first, SEQUENCE)).toBe(0);
    first.socket.end();
    await until('gone', () => w.node.gw.accounts.get('shop')!.sessions.length === 0);
    const [sent] = await w.submits(1);
    w.smg.peers[0]!.send(frame(REPORT, '00018a890614dc4500000001', reportBody(sent!.sequence, '8613000000001', 0, 0)));
    await until('report answered', () => w.smg.peers[0]!.of(ANSWER + REPORT).length === 1);
    const second = await w.login(1, 'shop');
    await until('report', () => second.of(REPORT).length === 1);
    expect(reported(second.of(REPORT)[0]!)).toEqual([SEQUENCE, '8613000000001', 0, 0]);
    second.send(frame(UNBIND, 'b36924b942c4f1d900000009'));
    await until('closed', () => second.closed);
    expect(second.of(ANSWER + UNBIND).map((f) => [f.sequence, f.body.length])).toEqual([
      ['b36924b942c4f1d900000009', 0],
    ]);
  });

  it('8: answers to a report that are Result alone, or longer than they should be', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const bodies = [octet(0), Buffer.concat([resultBody(0), Buffer.from('deadbeef', 'hex')])];
    platform.answer = ({ command, sequence }) =>
      command === REPORT ? frame(ANSWER + REPORT, sequence, bodies.shift()!) : undefined;
    expect(await submitted(platform, SEQUENCE, { users: ['8613000000001', '8613000000002'] })).toBe(0);
    for (const { sequence, body } of await w.submits(2)) {
      w.smg.peers[0]!.send(frame(REPORT, sequence, reportBody(sequence, textAt(body, 43, 21), 0, 0)));
    }
    await until('both told', () => platform.of(REPORT).length === 2 && kept(w.node) === 0);
    expect(w.node.gw.accounts.get('shop')!.counters).toMatchObject({ receipts: 2, receiptsRetried: 0 });
  });

  it('10: TP_udhi 0x40 is a header; it goes out as 1', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const content = Buffer.from('050003420201597d', 'hex');
    expect(await submitted(platform, SEQUENCE, { tpUdhi: 0x40, coding: 8, content })).toBe(0);
    const { body } = (await w.submits(1))[0]!;
    const at = 42 + 1 + 21 + 67;
    expect(body.toString('hex', at - 2, at)).toBe('0108');
    expect(body.toString('hex', at + 5, at + 13)).toBe(content.toString('hex'));
  });

  it('11: counters that start again: another time is another message, the very same number is not taken twice', async () => {
    const w = await world();
    const first = await w.login(1, 'shop');
    expect(await submitted(first, 'b36924b942c4f1d900000000')).toBe(0);
    // The platform saw no answer, and repeats what it had sent.
    first.socket.end();
    const second = await w.login(1, 'shop');
    expect(await submitted(second, 'b36924b942c4f1d900000000')).toBe(0);
    // A new connection, a new second, its counter at 0 again.
    expect(await submitted(second, 'b36924b942c4f1da00000000')).toBe(0);
    // The same number with another text names nothing any more (1.2: 3.7.2.4).
    expect(await submitted(second, 'b36924b942c4f1da00000000', { content: Buffer.from('other') })).toBe(9);
    const sent = await w.submits(2);
    expect(sent.map((s) => s.sequence)).toHaveLength(2);
    expect(w.node.gw.accounts.get('shop')!.counters).toMatchObject({ accepted: 2, refused: 1 });
  });
});

it('11: a Submit that comes again after a restart of ours is not taken twice', async () => {
  const w = await world();
  w.smg.close();
  const first = await w.login(1, 'shop');
  expect(await submitted(first, SEQUENCE)).toBe(0);
  await w.restart();
  expect(kept(w.node)).toBe(1);
  const second = await w.login(1, 'shop');
  expect(await submitted(second, SEQUENCE)).toBe(0);
  expect(w.node.gw.accounts.get('shop')!.counters.accepted).toBe(0);
  expect(kept(w.node)).toBe(1);
});

describe('what platforms may ask', () => {
  it('Submit to a hundred users is a hundred messages, each with a sequence number of ours; to none or more it is refused', async () => {
    const w = await world({ carrier: ', window: 100' });
    const platform = await w.login(1, 'shop');
    const users = Array.from({ length: 101 }, (_, i) => String(8_613_000_000_000 + i));
    expect(await submitted(platform, SEQUENCE, { users })).toBe(5);
    expect(await submitted(platform, SEQUENCE, { users: [] })).toBe(5);
    expect(await submitted(platform, SEQUENCE, { users: users.slice(0, 100) })).toBe(0);
    const sent = await w.submits(100);
    expect(new Set(sent.map((s) => s.sequence)).size).toBe(100);
    expect(new Set(sent.map((s) => textAt(s.body, 43, 21)))).toEqual(new Set(users.slice(0, 100)));
  });

  it.each([
    ['141 octets of UCS-2', { content: Buffer.alloc(141, 0x41), coding: 8 }, 8],
    ['161 octets of ASCII', { content: Buffer.alloc(161, 0x41) }, 8],
    ['what is no number', { users: ['no number'] }, 6],
    ['one number of two that is none', { users: ['8613000000001', '12'] }, 6],
    ['ReportFlag 9', { reportFlag: 9 }, 5],
    // A record for the bill, which the user must not see: no other protocol could be told so.
    ['ReportFlag 3', { reportFlag: 3 }, 95],
    ['an ExpireTime that is no time', { expireTime: 'tomorrow' }, 5],
    ['an ExpireTime that has passed', { expireTime: '200101000000032+' }, 5],
  ] as readonly (readonly [string, SubmitFields, number])[])(
    '%s is refused with the right code',
    async (_, fields, result) => {
      const w = await world();
      const platform = await w.login(1, 'shop');
      expect(await submitted(platform, SEQUENCE, fields)).toBe(result);
      expect(w.smg.peers).toHaveLength(0);
    },
  );

  it.each([
    [0, 0, 0],
    [0, 2, 1],
    [1, 0, 1],
    [1, 2, 1],
    [2, 2, 0],
  ])('6: ReportFlag %i and a report of State %i: the platform gets %i', async (reportFlag, state, expected) => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE, { reportFlag })).toBe(0);
    const [sent] = await w.submits(1);
    // The carrier is asked for every report that may be wanted, and for none where none is.
    expect(sent!.body[42 + 1 + 21 + 63]).toBe(reportFlag === 2 ? 2 : 1);
    const smg = w.smg.peers[0]!;
    // One that was not asked for is taken all the same.
    smg.send(frame(REPORT, SEQUENCE, reportBody(sent!.sequence, '8613000000001', state, state === 2 ? 25 : 0)));
    await until('report answered', () => smg.of(ANSWER + REPORT).length === 1);
    expect(smg.of(ANSWER + REPORT)[0]!.body[0]).toBe(0);
    await until('nothing is left', () => kept(w.node) === 0);
    expect(platform.of(REPORT).map((r) => reported(r)[2])).toEqual(expected === 1 ? [state] : []);
  });

  it('Trace tells what we know of a message, and 9 for one that we do not know', async () => {
    const w = await world();
    const platform = await w.login(11, 'shop');
    const traced = async (sequence: string, user: string) => {
      const before = platform.of(ANSWER + TRACE).length;
      platform.send(frame(TRACE, SEQUENCE, Buffer.from(sequence, 'hex'), text(user, 21), text('', 8)));
      await until('trace answered', () => platform.of(ANSWER + TRACE).length > before);
      const { body } = platform.of(ANSWER + TRACE).at(-1)!;
      expect(body.length).toBe(1 + 47);
      expect(body[0]).toBe(1);
      return { result: body[1], node: textAt(body, 2, 6), received: textAt(body, 8, 16), sent: textAt(body, 24, 16) };
    };
    expect(await submitted(platform, SEQUENCE, { users: ['8613000000001', '8613000000002'] })).toBe(0);
    const [one] = await w.submits(2);
    const waiting = await traced(SEQUENCE, '8613000000001');
    expect(waiting).toMatchObject({ result: 1, node: '101001', sent: '' });
    expect(waiting.received).toMatch(/^\d{12}$/);
    w.smg.peers[0]!.send(frame(REPORT, SEQUENCE, reportBody(one!.sequence, textAt(one!.body, 43, 21), 2, 29)));
    await until('report answered', () => w.smg.peers[0]!.of(ANSWER + REPORT).length === 1);
    const failed = await traced(SEQUENCE, textAt(one!.body, 43, 21));
    expect(failed.result).toBe(29);
    expect(failed.sent).toMatch(/^\d{12}$/);
    expect(await traced(SEQUENCE, '8613000000009')).toMatchObject({ result: 9, node: '' });
    expect(await traced('b36924b942c4f1d900000099', '8613000000001')).toMatchObject({ result: 9 });
  });

  it('a connection for Trace is brought no reports, even where they go down the one that submits', async () => {
    const w = await world();
    const asking = await w.login(11, 'shop');
    const platform = await w.login(1, 'shop');
    for (const n of [1, 2, 3]) expect(await submitted(platform, `b36924b942c4f1d90000000${n}`)).toBe(0);
    for (const { sequence } of await w.submits(3))
      w.smg.peers[0]!.send(frame(REPORT, sequence, reportBody(sequence, '8613000000001', 0, 0)));
    await until('reports', () => platform.of(REPORT).length === 3);
    expect(asking.of(REPORT)).toHaveLength(0);
  });

  it('what is ours to send, and what belongs to routing, is answered with 7', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    platform.send(
      frame(DELIVER, 'b36924b942c4f1d900000001', deliverBody('8613000000001', '1065500', 0, 0, Buffer.from('x'))),
      frame(REPORT, 'b36924b942c4f1d900000002', reportBody(SEQUENCE, '8613000000001', 0, 0)),
      frame(USERRPT, 'b36924b942c4f1d900000003', text('1065500', 21), text('8613000000001', 21), octet(0), text('', 8)),
      frame(6, 'b36924b942c4f1d900000004', Buffer.from('whatever an AddSP has')),
      frame(0x10, 'b36924b942c4f1d900000005', text('', 61)),
      // Unknown: there is no answer for it.
      frame(0x77, 'b36924b942c4f1d900000006'),
      frame(BIND, 'b36924b942c4f1d900000007', bindBody(1, 'shop')),
    );
    await until('all answered', () => platform.of(ANSWER + BIND).length === 2);
    const answers = platform.came.slice(1).map((f) => [f.command, f.sequence.slice(-1), f.body[0]]);
    expect(answers).toEqual([
      [ANSWER + DELIVER, '1', 7],
      [ANSWER + REPORT, '2', 7],
      [ANSWER + USERRPT, '3', 7],
      [ANSWER + 6, '4', 7],
      [ANSWER + 0x10, '5', 7],
      // A second login on one connection.
      [ANSWER + BIND, '7', 2],
    ]);
  });

  it('a Submit cut short is answered with 8, and the connection goes on', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const whole = submitBody();
    platform.send(frame(SUBMIT, 'b36924b942c4f1d900000001', whole.subarray(0, 100)));
    // A length of the content that goes beyond the frame.
    const lying = Buffer.from(whole);
    lying.writeUInt32BE(0x7fffffff, 42 + 1 + 21 + 68);
    platform.send(frame(SUBMIT, 'b36924b942c4f1d900000002', lying));
    await until('answered', () => platform.of(ANSWER + SUBMIT).length === 2);
    expect(platform.of(ANSWER + SUBMIT).map((f) => [f.sequence.slice(-1), f.body[0]])).toEqual([
      ['1', 8],
      ['2', 8],
    ]);
    expect(await submitted(platform, SEQUENCE)).toBe(0);
  });
});

describe('what carriers send', () => {
  it('4, 10: reports and MO down the submit connection, TP_udhi 0x40 among them', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    const [sent] = await w.submits(1);
    const smg = w.smg.peers[0]!;
    const part = (n: number, hex: string): Buffer => Buffer.from(`05000309020${n}${hex}`, 'hex');
    smg.send(
      frame(REPORT, '00018a890614dc4500000001', reportBody(sent!.sequence, '8613000000001', 0, 0)),
      frame(DELIVER, '00018a890614dc4500000003', deliverBody('8613000000001', '1065500', 0x40, 8, part(2, '597d'))),
      frame(DELIVER, '00018a890614dc4500000002', deliverBody('8613000000001', '1065500', 0x40, 8, part(1, '60a8'))),
    );
    await until('MO', () => platform.of(DELIVER).length === 1 && platform.of(REPORT).length === 1);
    // Joined, in the order of their headers, and short enough for one PDU without any.
    const { body } = platform.of(DELIVER)[0]!;
    expect([textAt(body, 0, 21), textAt(body, 21, 21)]).toEqual(['8613000000001', '1065500']);
    expect(body.toString('hex', 42, 53)).toBe('0000080000000460a8597d');
    await until('all answered', () => smg.of(ANSWER + DELIVER).length === 2 && smg.of(ANSWER + REPORT).length === 1);
    expect(new Set(smg.of(ANSWER + DELIVER).map((f) => `${f.sequence} ${f.body[0]}`))).toEqual(
      new Set(['00018a890614dc4500000003 0', '00018a890614dc4500000002 0']),
    );
  });

  it('4: a login that calls itself type 1, or 3, and brings reports', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE, { users: ['8613000000001', '8613000000002'] })).toBe(0);
    const sent = await w.submits(2);
    for (const [i, type] of [1, 3].entries()) {
      const smg = await w.login(type, 'unicom');
      smg.send(frame(REPORT, SEQUENCE, reportBody(sent[i]!.sequence, textAt(sent[i]!.body, 43, 21), 0, 0)));
      await until('report answered', () => smg.of(ANSWER + REPORT).length === 1);
      // It is no way out: nothing is submitted on a connection that the carrier made.
      expect(smg.of(SUBMIT)).toHaveLength(0);
    }
    await until('reports', () => platform.of(REPORT).length === 2);
  });

  it('7: a report before the answer to its submit, on another connection', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const back = await w.login(2, 'unicom');
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    const arrived = await w.submits(1);
    w.smg.peers[0]!.answer = () => undefined;
    expect(await submitted(platform, 'b36924b942c4f1d900000008')).toBe(0);
    const [, second] = await w.submits(2);
    back.send(frame(REPORT, SEQUENCE, reportBody(second!.sequence, '8613000000001', 0, 0)));
    await until('report', () => platform.of(REPORT).length === 1);
    expect(reported(platform.of(REPORT)[0]!)[0]).toBe('b36924b942c4f1d900000008');
    w.smg.peers[0]!.send(frame(ANSWER + SUBMIT, second!.sequence, resultBody(0)));
    back.send(frame(REPORT, SEQUENCE, reportBody(arrived[0]!.sequence, '8613000000001', 0, 0)));
    await until('nothing is left', () => kept(w.node) === 0);
    expect(platform.of(REPORT)).toHaveLength(2);
  });

  it('8: answers that are Result alone, or longer than they should be', async () => {
    const w = await world();
    const bodies = [octet(0), Buffer.concat([resultBody(0), Buffer.from('deadbeef', 'hex')])];
    const platform = await w.login(1, 'shop');
    const smg = w.smg;
    const answerWith = (peer: Peer): void => {
      const polite = peer.answer;
      peer.answer = (f) => (f.command === SUBMIT ? frame(ANSWER + SUBMIT, f.sequence, bodies.shift()!) : polite(f));
    };
    expect(await submitted(platform, 'b36924b942c4f1d900000001')).toBe(0);
    await w.submits(1);
    answerWith(smg.peers[0]!);
    expect(await submitted(platform, 'b36924b942c4f1d900000002')).toBe(0);
    expect(await submitted(platform, 'b36924b942c4f1d900000003')).toBe(0);
    await until('all taken', () => w.node.gw.carriers.get('unicom')!.counters.accepted === 3);
    expect(bodies).toHaveLength(0);
  });

  it('9: State 1 is not the end, whatever number of times it comes; State 0 is, once', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const back = await w.login(2, 'unicom');
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    const [sent] = await w.submits(1);
    const report = (n: number, state: number): Buffer =>
      frame(REPORT, `00018a890614dc450000000${n}`, reportBody(sent!.sequence, '8613000000001', state, 0));
    back.send(report(1, 1), report(2, 1));
    await until('both answered', () => back.of(ANSWER + REPORT).length === 2);
    expect(kept(w.node)).toBe(1);
    back.send(report(3, 0), report(4, 0), report(5, 2), report(6, 1));
    await until('all answered', () => back.of(ANSWER + REPORT).length === 6);
    await until('nothing is left', () => kept(w.node) === 0);
    expect(platform.of(REPORT).map(reported)).toEqual([[SEQUENCE, '8613000000001', 0, 0]]);
  });

  it('State 1 goes on to a platform whose account wants such', async () => {
    const w = await world({ account: ', receipts: { intermediate: true }' });
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    const [sent] = await w.submits(1);
    const smg = w.smg.peers[0]!;
    smg.send(frame(REPORT, SEQUENCE, reportBody(sent!.sequence, '8613000000001', 1, 0)));
    await until('first report', () => platform.of(REPORT).length === 1);
    smg.send(frame(REPORT, SEQUENCE, reportBody(sent!.sequence, '8613000000001', 2, 26)));
    await until('second report', () => platform.of(REPORT).length === 2);
    expect(platform.of(REPORT).map((r) => reported(r).slice(2))).toEqual([
      [1, 0],
      [2, 26],
    ]);
  });

  it.each([11, 33, 88])('Result %i slows down and keeps the message', async (code) => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, 'b36924b942c4f1d900000001')).toBe(0);
    await w.submits(1);
    const smg = w.smg.peers[0]!;
    const polite = smg.answer;
    let slow = 1;
    smg.answer = (f) =>
      f.command === SUBMIT && slow-- > 0 ? frame(ANSWER + SUBMIT, f.sequence, resultBody(code)) : polite(f);
    expect(await submitted(platform, 'b36924b942c4f1d900000002')).toBe(0);
    const [, refused, again] = await w.submits(3);
    // Sent again it has another number: the first one names nothing.
    expect(again!.sequence).not.toBe(refused!.sequence);
    await until('taken', () => w.node.gw.carriers.get('unicom')!.counters.accepted === 2);
    expect(w.node.gw.carriers.get('unicom')!.counters.throttled).toBe(1);
    smg.send(frame(REPORT, SEQUENCE, reportBody(again!.sequence, '8613000000001', 0, 0)));
    await until('report', () => platform.of(REPORT).length === 1);
    expect(reported(platform.of(REPORT)[0]!)[0]).toBe('b36924b942c4f1d900000002');
  });

  it('a code that tables print as SGIP:-74 may be configured so: 182 is sent again', async () => {
    const w = await world({ carrier: ', codes: { retry: [-74] }' });
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, 'b36924b942c4f1d900000001')).toBe(0);
    await w.submits(1);
    const polite = w.smg.peers[0]!.answer;
    let bad = 1;
    w.smg.peers[0]!.answer = (f) =>
      f.command === SUBMIT && bad-- > 0 ? frame(ANSWER + SUBMIT, f.sequence, resultBody(182)) : polite(f);
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    await w.submits(3);
    await until('taken', () => w.node.gw.carriers.get('unicom')!.counters.accepted === 2);
    expect(w.node.gw.carriers.get('unicom')!.counters.retried).toBe(1);
  });

  it('a code in no table, printed elsewhere as SGIP:-17, is the octet 239 and ends the message', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, 'b36924b942c4f1d900000001')).toBe(0);
    await w.submits(1);
    const polite = w.smg.peers[0]!.answer;
    w.smg.peers[0]!.answer = (f) =>
      f.command === SUBMIT ? frame(ANSWER + SUBMIT, f.sequence, resultBody(239)) : polite(f);
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    await until('report', () => platform.of(REPORT).length === 1);
    expect(reported(platform.of(REPORT)[0]!)).toEqual([SEQUENCE, '8613000000001', 2, 239]);
  });

  it('UserRpt is answered with 0, and is no message; a Report on a Deliver too', async () => {
    const w = await world();
    const back = await w.login(2, 'unicom');
    back.send(
      frame(USERRPT, '00018a890614dc4500000001', text('1065500', 21), text('8613000000001', 21), octet(1), text('', 8)),
      frame(REPORT, '00018a890614dc4500000002', reportBody(SEQUENCE, '8613000000001', 0, 0, 1)),
    );
    await until('answered', () => back.came.length === 3);
    expect(back.came.slice(1).map((f) => [f.command, f.sequence.slice(-1), f.body[0]])).toEqual([
      [ANSWER + USERRPT, '1', 0],
      [ANSWER + REPORT, '2', 0],
    ]);
    expect(kept(w.node)).toBe(0);
  });

  it('an MO that nobody wants is refused with 23', async () => {
    const w = await world();
    const back = await w.login(2, 'unicom');
    back.send(frame(DELIVER, SEQUENCE, deliverBody('8613000000001', '99999', 0, 15, Buffer.from('c4e3', 'hex'))));
    await until('answered', () => back.of(ANSWER + DELIVER).length === 1);
    expect(back.of(ANSWER + DELIVER)[0]!.body[0]).toBe(23);
  });
});

describe('LinkID, in the eight octets of Reserve', () => {
  const reserveOf = (body: Buffer): string => textAt(body, body.length - 8, 8);

  it('of an MO goes to the platform, and that of its answer to the carrier', async () => {
    const w = await world();
    const platform = await w.login(1, 'shop');
    const back = await w.login(2, 'unicom');
    back.send(
      frame(DELIVER, SEQUENCE, deliverBody('8613000000001', '1065500', 0, 15, Buffer.from('c4e3', 'hex'), 'LINKID01')),
    );
    await until('MO', () => platform.of(DELIVER).length === 1);
    expect(reserveOf(platform.of(DELIVER)[0]!.body)).toBe('LINKID01');
    expect(await submitted(platform, SEQUENCE, { reserve: 'LINKID01' })).toBe(0);
    expect(reserveOf((await w.submits(1))[0]!.body)).toBe('LINKID01');
  });

  it('is that of the carrier where a message has none', async () => {
    const w = await world({ carrier: ', linkId: OURS' });
    const platform = await w.login(1, 'shop');
    expect(await submitted(platform, SEQUENCE)).toBe(0);
    expect(reserveOf((await w.submits(1))[0]!.body)).toBe('OURS');
  });
});

describe('logins', () => {
  const codec = sgipCodec();
  const credentials: BindCredentials = { name: 'yima', secret: 'pw', mode: 'tx', version: 0x12 };
  const answer = (result: Buffer): Buffer => frame(ANSWER + BIND, '0'.repeat(24), result);

  it.each([
    [1, 'credentials'],
    [2, 'refused'],
    [3, 'alreadyBound'],
    [4, 'refused'],
    [5, 'refused'],
    [99, 'refused'],
    [255, 'refused'],
  ] as const)('12: a login answered with %i is refused, and the number is shown (%s)', (result, failure) => {
    const rig = createRig({ dialect: sgip, role: 'client', credentials });
    rig.link.feed(answer(resultBody(result)));
    expect(rig.failures).toMatchObject([{ failure, status: result }]);
    expect(rig.failures[0]!.reason).toContain(`result ${result} (`);
    expect(rig.link.ended).toBe(true);
  });

  it('8: login answers that are Result alone, or longer; one without Result says nothing', () => {
    for (const [body, bound] of [
      [octet(0), true],
      [Buffer.concat([resultBody(0), Buffer.alloc(12)]), true],
      [Buffer.alloc(0), false],
    ] as const) {
      const rig = createRig({ dialect: sgip, role: 'client', credentials });
      rig.link.feed(answer(body));
      expect(rig.session.state).toBe(bound ? 'bound' : 'closed');
    }
  });

  it.each([
    ['tx', 1],
    ['rx', 2],
    ['trx', 3],
  ] as const)('a bind for %s has Login Type %i', (mode, type) => {
    const rig = createRig({ dialect: sgip, role: 'client', credentials: { ...credentials, mode } });
    const [bind] = rig.take();
    expect(bind!.octets.subarray(20).toString('hex')).toBe(bindBody(type, 'yima', 'pw').toString('hex'));
    expect(bind!.octets.length).toBe(61);
  });

  it.each([
    [1, 'tx'],
    [2, 'rx'],
    [3, 'trx'],
    [11, 'tx'],
  ] as const)('Login Type %i is taken for %s', (type, mode) => {
    const rig = createRig({ dialect: sgip, role: 'server' });
    rig.link.feed(frame(BIND, SEQUENCE, bindBody(type, 'shop')));
    expect(rig.session.mode).toBe(mode);
    expect(rig.take().map((f) => f.octets.toString('hex'))).toEqual([
      frame(ANSWER + BIND, SEQUENCE, resultBody(0)).toString('hex'),
    ]);
  });

  it.each([0, 4, 5, 6, 7, 255])('Login Type %i is answered with 4, then closed', (type) => {
    const rig = createRig({ dialect: sgip, role: 'server' });
    rig.link.feed(frame(BIND, SEQUENCE, bindBody(type, 'shop')));
    expect(rig.take().map((f) => f.octets.toString('hex'))).toEqual([
      frame(ANSWER + BIND, SEQUENCE, resultBody(4)).toString('hex'),
    ]);
    expect(rig.link.ended).toBe(true);
  });

  it('names and passwords of sixteen characters are whole', () => {
    let claimed = '';
    const rig = createRig({
      dialect: sgip,
      role: 'server',
      authenticate: (bind) => {
        claimed = `${bind.name} ${bind.password}`;
        return { accept: false, reason: 'password' };
      },
    });
    rig.link.feed(frame(BIND, SEQUENCE, bindBody(1, 'sixteen_chars_ab', 'sixteen_chars_pw')));
    expect(claimed).toBe('sixteen_chars_ab sixteen_chars_pw');
    expect(rig.take()[0]!.octets.toString('hex')).toBe(frame(ANSWER + BIND, SEQUENCE, resultBody(1)).toString('hex'));
    expect(rig.link.ended).toBe(true);
  });

  it('5: without traffic we say Unbind and close; there is no probe', () => {
    const rig = createRig({ dialect: sgip, role: 'client', credentials, limits: { idleCloseMs: 60_000 } });
    rig.link.feed(answer(resultBody(0)));
    rig.take();
    rig.wait(59_000);
    rig.session.request(codec.submit, codec.submit.fill({ userNumber: ['8613000000001'] }), 'm');
    const [submit] = rig.take();
    rig.wait(9_000);
    // An answer is due: not idle.
    expect(rig.take()).toEqual([]);
    rig.link.feed(frame(ANSWER + SUBMIT, submit!.octets.toString('hex', 8, 20), resultBody(0)));
    rig.wait(76_000);
    const [goodbye, ...others] = rig.take();
    expect(others).toEqual([]);
    expect([goodbye!.command, goodbye!.octets.length]).toEqual([UNBIND, 20]);
    rig.link.feed(frame(ANSWER + UNBIND, goodbye!.octets.toString('hex', 8, 20)));
    expect(rig.owner.told.at(-1)).toEqual({ what: 'closed', reason: IDLE, wasBound: true });
  });

  it('an answer that belongs to nothing is dropped', () => {
    const rig = createRig({ dialect: sgip, role: 'client', credentials });
    rig.link.feed(answer(resultBody(0)));
    rig.take();
    rig.link.feed(frame(ANSWER + SUBMIT, SEQUENCE, resultBody(0)), frame(ANSWER + TRACE, SEQUENCE, octet(0)));
    expect(rig.take()).toEqual([]);
    expect(rig.session.counters.unmatched).toBe(2);
    expect(rig.session.state).toBe('bound');
  });
});
