import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cmppCodec } from '../protocols/cmpp/tables.ts';
import { smppCodec } from '../protocols/smpp/tables.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import type { Dialect } from '../src/session/dialect.ts';
import { cmpp } from '../src/session/dialects/cmpp.ts';
import { smpp } from '../src/session/dialects/smpp.ts';
import { frameOf, type Written } from './session/rig.ts';
import {
  connectPeer,
  createWorld,
  dialIn,
  listenIn,
  type Peer,
  servePeers,
  until,
  type World,
} from './session/sockets.ts';

const v34 = smppCodec(0x34);
const v20 = cmppCodec(0x20);
const RESPONSE = 0x80000000;

let cases = 0;
afterAll(() => expect(cases).toBeGreaterThanOrEqual(10_000));

/** Reproducible: the same octets in every run. */
function createRandom(seed: number): (below: number) => number {
  let s = seed;
  return (below) => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x100000000) * below);
  };
}

const vectors = (name: string): Buffer[] => {
  const list = JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')) as {
    hex: string;
  }[];
  return list.map((v) => Buffer.from(v.hex, 'hex')).filter((b) => b.length >= 12 && b.readUInt32BE(0) === b.length);
};

/** Some octets behind the length changed, some of them lost or doubled; the length is right again. */
function mutate(frame: Buffer, header: number, random: (below: number) => number): Buffer {
  let b = Buffer.from(frame);
  for (let n = random(4); n >= 0; n--) {
    const at = 4 + random(b.length - 4);
    switch (random(4)) {
      case 0:
        b[at] = random(256);
        break;
      case 1:
        b[at] = [0x00, 0xff, 0x7f, 0x80][random(4)]!;
        break;
      case 2:
        if (b.length > header) b = b.subarray(0, Math.max(header, b.length - 1 - random(b.length - header)));
        break;
      default:
        b = Buffer.concat([b, b.subarray(at, at + random(40))]);
    }
  }
  b = Buffer.from(b.subarray(0, 4_000));
  b.writeUInt32BE(b.length, 0);
  return b;
}

/** What must come back for a whole frame, by its command alone: the answer's command, or nothing. */
type Expected = (command: number) => number | undefined;

const expectSmpp: Expected = (command) => {
  if (command >= RESPONSE || command === 0x0b || command === 0x102) return undefined;
  return v34.byId.has(command) ? command + RESPONSE : RESPONSE;
};
const expectCmpp: Expected = (command) =>
  command < RESPONSE && v20.byId.has(command) ? command + RESPONSE : undefined;

interface Kit {
  readonly dialect: Dialect;
  readonly expected: Expected;
  readonly probe: (sequence: number) => Buffer;
  readonly goodbye: number;
}
const smppKit: Kit = {
  dialect: smpp,
  expected: expectSmpp,
  probe: (sequence) => frameOf(smpp, v34.enquireLink, {}, sequence),
  goodbye: 0x06,
};
const cmppKit: Kit = {
  dialect: cmpp,
  expected: expectCmpp,
  probe: (sequence) => frameOf(cmpp, v20.activeTest, {}, sequence),
  goodbye: 0x02,
};

/**
 * Sends each frame with a probe behind it. What comes before a probe's answer belongs to its frame: exactly the answer
 * that its command has, with its sequence. A goodbye ends the session: the rest goes over the next one from `again`.
 */
async function exchange(kit: Kit, again: () => Promise<Peer>, frames: readonly Buffer[]): Promise<Written[]> {
  const answers: Written[] = [];
  const { commandAt, sequenceAt } = kit.dialect;
  let peer = await again();
  for (let from = 0; from < frames.length; ) {
    peer.frames.length = 0;
    const batch = frames.slice(from, from + 50);
    peer.send(...batch.flatMap((frame, i) => [frame, kit.probe(0xc0000000 + i)]));
    await until(() => peer.closed || peer.frames.at(-1)?.sequence === 0xc0000000 + batch.length - 1);
    let at = 0;
    for (const frame of batch) {
      const command = frame.readUInt32BE(commandAt);
      const what = `${frame.toString('hex')} (${command.toString(16)})`;
      const wanted = kit.expected(command);
      if (wanted !== undefined) {
        const answer = peer.frames[at++];
        expect(answer?.command, what).toBe(wanted);
        expect(answer!.sequence, what).toBe(frame.readUInt32BE(sequenceAt));
        answers.push(answer!);
      }
      from++;
      cases++;
      if (command === kit.goodbye) break;
      expect(peer.frames[at]?.sequence, what).toBe(0xc0000000 + batch.indexOf(frame));
      at++;
    }
    if (from < frames.length && peer.closed) peer = await again();
    else if (frames[from - 1]!.readUInt32BE(commandAt) === kit.goodbye) {
      await until(() => peer.closed);
      if (from < frames.length) peer = await again();
    }
  }
  peer.socket.destroy();
  return answers;
}

/** The owner answers whatever it is handed, at once. */
function answerAll(world: World, byId: (id: number) => Plan | undefined): void {
  world.owner.answering = (session, pdu, sequence) => {
    const answer = byId(pdu.id + RESPONSE)!;
    session.respond(sequence, answer, answer.fill({}), 0);
    world.owner.told.length = 0;
  };
}

function collected(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

describe('SMPP listener', () => {
  let world: World;
  let listener: Awaited<ReturnType<typeof listenIn>>;
  let witness: Peer;
  let idleTimers = 0;
  const bind = frameOf(smpp, v34.bindTransceiver, { systemId: 'acme', interfaceVersion: 0x34 }, 1);
  const submit = frameOf(
    smpp,
    v34.submitSm,
    { sourceAddr: '100', destinationAddr: '86138', shortMessage: Buffer.from('0123456789') },
    5,
  );
  const open = async (): Promise<Peer> => {
    const peer = connectPeer(listener.address.port, smpp);
    peer.send(bind);
    await until(() => peer.frames.length === 1);
    return peer;
  };
  /** The other session has noticed nothing, and nothing of the hostile ones is left. */
  const unharmed = async (): Promise<void> => {
    witness.frames.length = 0;
    witness.send(submit, smppKit.probe(77));
    await until(() => witness.frames.length === 2);
    expect(witness.frames).toMatchObject([
      { command: 0x80000004, status: 0 },
      { command: 0x80000015, sequence: 77 },
    ]);
    await until(() => listener.sessions.size === 1);
    // Sockets that linger have their timers until the peer's end is seen.
    await until(() => world.wheel.size <= idleTimers);
    expect(world.errors).toEqual([]);
  };

  beforeAll(async () => {
    world = createWorld();
    answerAll(world, (id) => v34.byId.get(id));
    listener = await listenIn(world, smpp, { badPdus: 1e9, maxConnections: 2_000 });
    witness = await open();
    idleTimers = world.wheel.size;
  });
  afterAll(async () => {
    witness.socket.destroy();
    await listener.close(0);
    expect(listener.sessions.size).toBe(0);
  });

  test('bodies cut anywhere: the right status, and the session goes on', async () => {
    const frames: Buffer[] = [];
    // sm_length is the 11th octet from the end.
    const statuses: number[] = [];
    for (let round = 0; round < 40; round++) {
      for (let octets = 16; octets < submit.length; octets++) {
        const cut = Buffer.from(submit.subarray(0, octets));
        cut.writeUInt32BE(octets, 0);
        cut.writeUInt32BE(round * 100 + octets, 12);
        frames.push(cut);
        statuses.push(octets > submit.length - 11 ? 1 : 2);
      }
    }
    const answers = await exchange(smppKit, open, frames);
    expect(answers.map((a) => a.status)).toEqual(statuses);
    expect(answers.every((a) => a.octets.length === 16)).toBe(true);
    await unharmed();
  });

  test('wrong commands: generic_nack for requests, silence for responses (quirks 61, 62)', async () => {
    const random = createRandom(1);
    const frames = Array.from({ length: 2_000 }, () => {
      const frame = Buffer.alloc(16 + random(60), random(256));
      frame.writeUInt32BE(frame.length, 0);
      let command = random(0x100000000);
      while (v34.byId.has(command)) command++;
      frame.writeUInt32BE(command, 4);
      return frame;
    });
    const answers = await exchange(smppKit, open, frames);
    expect(answers.length).toBeGreaterThan(500);
    expect(answers.every((a) => a.command === RESPONSE && a.status === 3)).toBe(true);
    await unharmed();
  });

  test('mutated vectors: every frame has its one answer or none, and memory stays flat', async () => {
    const random = createRandom(2);
    const seeds = vectors('smpp').filter((b) => b.length >= 16);
    const round = async (n: number): Promise<void> => {
      const frames = Array.from({ length: n }, () => mutate(seeds[random(seeds.length)]!, 16, random));
      await exchange(smppKit, open, frames);
    };
    await round(1_500);
    await unharmed();
    const before = collected();
    await round(3_000);
    await unharmed();
    expect(collected() - before).toBeLessThan(6_000_000);
  });

  test('lengths that cannot be, and random octets: one generic_nack at most, then the end (quirks 51, 52)', async () => {
    const random = createRandom(3);
    const before = collected();
    for (let round = 0; round < 20; round++) {
      const peers = await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const kind = i % 4;
          const octets = Buffer.alloc(16 + random(100));
          for (let k = 0; k < octets.length; k++) octets[k] = random(256);
          octets.writeUInt32BE(5, 12);
          // 0 to 15; more than any PDU; random, before a bind; the same after one.
          if (kind === 0) octets.writeUInt32BE(random(16), 0);
          if (kind === 1) octets.writeUInt32BE(70_001 + random(0xffff0000), 0);
          const peer = kind === 2 ? connectPeer(listener.address.port, smpp) : await open();
          if (kind > 1) octets[0] = 0x80 | random(128);
          peer.frames.length = 0;
          peer.send(octets);
          cases++;
          return peer;
        }),
      );
      await until(() => peers.every((p) => p.closed));
      for (const peer of peers) {
        expect(peer.frames).toMatchObject([{ command: RESPONSE, status: 2, sequence: 5 }]);
      }
    }
    await unharmed();
    expect(collected() - before).toBeLessThan(6_000_000);
  });

  test('resets, half frames and ends at any moment', async () => {
    const random = createRandom(4);
    for (let round = 0; round < 10; round++) {
      const peers = Array.from({ length: 60 }, () => connectPeer(listener.address.port, smpp));
      await Promise.all(
        peers.map(async (peer) => {
          const stream = Buffer.concat([bind, submit, submit, smppKit.probe(1)]);
          peer.send(stream.subarray(0, random(stream.length)));
          for (let wait = random(4); wait > 0; wait--) await new Promise((resolve) => setImmediate(resolve));
          if (random(2) === 0) peer.socket.resetAndDestroy();
          else peer.socket.end();
          cases++;
        }),
      );
      await until(() => peers.every((p) => p.closed));
    }
    await unharmed();
  });

  test('the default budget: ten unreadable PDUs within a minute and it is over', async () => {
    const strict = await listenIn(world, smpp);
    const peer = connectPeer(strict.address.port, smpp);
    const broken = Buffer.from(submit.subarray(0, 20));
    broken.writeUInt32BE(20, 0);
    peer.send(bind, ...Array.from({ length: 100 }, () => broken));
    await until(() => peer.closed);
    expect(peer.frames).toHaveLength(11);
    await strict.close(0);
    await unharmed();
  });
});

describe.each([
  ['SMPP', smppKit, 'smpp', 16, (id: number) => v34.byId.get(id)],
  ['CMPP', cmppKit, 'cmpp', 12, (id: number) => v20.byId.get(id)],
] as const)('%s client at a hostile carrier', (_name, kit, vectorFile, header, byId) => {
  const { dialect } = kit;
  const bindAnswer = (bind: Written): Buffer =>
    dialect === smpp
      ? frameOf(smpp, v34.bindTransceiverResp, { systemId: 'smsc' }, bind.sequence)
      : frameOf(cmpp, v20.connectResp, { version: 0x20 }, bind.sequence);

  async function carriers() {
    const world = createWorld();
    answerAll(world, byId);
    const waiting: Peer[] = [];
    const server = await servePeers(dialect, (peer) => {
      peer.onFrame = (frame) => {
        peer.send(bindAnswer(frame));
        peer.onFrame = undefined;
        waiting.push(peer);
      };
    });
    const carrier = dialIn(world, dialect, server.port, {
      bind: { name: '900001', secret: 'pw', mode: 'trx', version: dialect === smpp ? 0x34 : 0x20 },
      badPdus: 1e9,
      reconnect: { fromMs: 100, toMs: 100, credentialTries: 3, alreadyBoundMs: 100 },
    });
    /** The carrier's end of a session that is bound, the next one if the last has ended. */
    const bound = async (): Promise<Peer> => {
      while (waiting.length === 0) {
        await world.wait(200, 100);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await until(() => carrier.sessions.length === 1);
      return waiting.shift()!;
    };
    const stop = async (): Promise<void> => {
      let closed = false;
      void carrier.close(0).then(() => {
        closed = true;
      });
      while (!closed) await world.wait(1_000);
      await server.close();
      expect(world.errors).toEqual([]);
    };
    return { world, carrier, bound, stop };
  }

  test('mutated vectors: every frame has its one answer or none; our own requests are answered', async () => {
    const random = createRandom(5);
    const seeds = vectors(vectorFile).filter((b) => b.length >= header);
    const { world, carrier, bound, stop } = await carriers();
    const frames = Array.from({ length: 2_000 }, () => mutate(seeds[random(seeds.length)]!, header, random));
    await exchange(kit, bound, frames);
    const peer = await bound();
    const [session] = carrier.sessions;
    peer.frames.length = 0;
    const submit = byId(0x04)!;
    const sequence = session!.request(submit, submit.fill({}), 'after all that');
    await until(() => peer.frames.length === 1);
    const answer = byId(0x80000004)!;
    peer.send(frameOf(dialect, answer, { messageId: 'x' } as never, sequence));
    await until(() => world.owner.told.some((t) => t.what === 'answer' && t.token === 'after all that'));
    await stop();
  });

  test('answers that fit nothing, cut answers, answers to everything', async () => {
    const random = createRandom(6);
    const { world, carrier, bound, stop } = await carriers();
    const peer = await bound();
    const [session] = carrier.sessions;
    const submit = byId(0x04)!;
    const ids = [0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000000, 0x80000103];
    for (let round = 0; round < 20; round++) {
      world.owner.told.length = 0;
      const open: number[] = [];
      while (session!.room > 0) open.push(session!.request(submit, submit.fill({}), `t${open.length}`));
      peer.frames.length = 0;
      const octets: Buffer[] = [];
      for (let i = 0; i < 50; i++) {
        const frame = Buffer.alloc(header + random(30), random(256));
        frame.writeUInt32BE(frame.length, 0);
        frame.writeUInt32BE(ids[random(ids.length)]!, dialect.commandAt);
        frame.writeUInt32BE(random(3) === 0 ? open[random(open.length)]! : random(0x100000000), dialect.sequenceAt);
        octets.push(frame);
        cases++;
      }
      peer.send(...octets, kit.probe(0xc0000000));
      await until(() => peer.frames.at(-1)?.sequence === 0xc0000000);
      // Each token came back at most once for its slot, and what is open is what is counted.
      const ended = world.owner.told.flatMap((t) => (t.what === 'answer' || t.what === 'expired' ? [t.token] : []));
      expect(new Set(ended).size).toBe(ended.length);
      expect(session!.windowUsed).toBe(open.length - ended.length);
      await world.wait(10_200, 600);
      expect(session!.windowUsed).toBe(0);
      expect(session!.state).toBe('bound');
      peer.send(kit.probe(1));
    }
    expect(session!.counters.unmatched).toBeGreaterThan(100);
    await stop();
  });

  test('lengths that cannot be, random octets, ends: the session goes, the next one comes', async () => {
    const random = createRandom(7);
    const { world, carrier, bound, stop } = await carriers();
    const submit = byId(0x04)!;
    for (let round = 0; round < 150; round++) {
      const peer = await bound();
      const [session] = carrier.sessions;
      world.owner.told.length = 0;
      session!.request(submit, submit.fill({}), 'open');
      const octets = Buffer.alloc(header + random(60));
      for (let k = 0; k < octets.length; k++) octets[k] = random(256);
      if (round % 3 === 0) octets.writeUInt32BE(random(header), 0);
      else if (round % 3 === 1) octets[0] = 0x80;
      else octets.writeUInt32BE(octets.length + 1, 0);
      peer.frames.length = 0;
      peer.send(octets);
      // A frame that does not end is left to its timer.
      if (round % 3 === 2) {
        await until(() => session!.counters.octetsIn > 0);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await world.wait(10_600);
      }
      await until(() => session!.state === 'closed');
      // Once, and for the slow frame it is the response timeout that comes first.
      const ends = world.owner.told.filter((t) => t.what === 'lost' || t.what === 'expired');
      expect(ends).toMatchObject([{ token: 'open' }]);
      if (dialect === smpp && round % 3 !== 2) {
        await until(() => peer.frames.some((f) => f.command === RESPONSE && f.status === 2));
      }
      cases++;
    }
    await stop();
  });
});
