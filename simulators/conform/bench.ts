import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Bench, fail } from './check.ts';
import { answerTo, type Frame, readFrame, writeFrame } from './frame.ts';
import type { Account, Tongue } from './tongue.ts';
import { dial, type Exchange, type Wire, wireOn } from './wire.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly account: Account;
  readonly to: string;
  readonly from: string;
  readonly within: number;
  readonly reportWithin: number;
  /** Where the target dials us with reports (SGIP). */
  readonly listen?: number;
  readonly tongue: (version: number) => Tongue;
  readonly version: number;
}

/** What outlives a check: the numbers given out, and the port where the target dials us. */
export interface Ground {
  readonly target: Target;
  next: number;
  /** Connections that the target made. */
  readonly heard: Set<Wire>;
  log: Exchange;
  onFrame: () => void;
  answers: ((request: Frame) => Buffer | undefined) | undefined;
  readonly port: number | undefined;
  stop(): Promise<void>;
}

/** Listens where the target shall dial us, if it shall. */
export async function prepareGround(target: Target): Promise<Ground> {
  const tongue = target.tongue(target.version);
  let server: Server | undefined;
  const heard = new Set<Wire>();
  if (target.listen !== undefined) {
    server = createServer((socket) => {
      const wire = wireOn(socket, tongue, 'target', (line) => ground.log(line));
      heard.add(wire);
      wire.answers = (request) => (ground.answers ?? tongue.answer)(request);
      wire.onChange = () => ground.onFrame();
      socket.on('close', () => heard.delete(wire));
    });
    server.listen(target.listen);
    await once(server, 'listening');
  }
  const address = server?.address();
  const ground: Ground = {
    target,
    // A run that follows another within the same second must not use its sequences again (SGIP).
    next: Math.floor(performance.timeOrigin + performance.now()) % 1_000_000_000,
    heard,
    log: () => undefined,
    onFrame: () => undefined,
    answers: undefined,
    port: typeof address === 'object' && address !== null ? address.port : undefined,
    async stop() {
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      for (const { socket } of heard) socket.destroy();
      await closed;
    },
  };
  return ground;
}

/** A bench for one check. `clear` ends its connections. */
export function setUp(ground: Ground, log: Exchange): { bench: Bench; clear(): void } {
  const { target } = ground;
  const wires: Wire[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  ground.log = log;
  ground.onFrame = wake;
  ground.answers = undefined;

  /** Looks at once and at every frame, until there is something or the time is over. */
  function watch<T>(look: () => T | undefined, within: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const done = (found: T | undefined): void => {
        clearTimeout(late);
        waiting.delete(again);
        resolve(found);
      };
      const again = (): void => {
        const found = look();
        if (found !== undefined) done(found);
      };
      const late = setTimeout(() => done(undefined), within);
      waiting.add(again);
      again();
    });
  }

  function seen<T>(find: (frame: Frame, wire: Wire) => T | undefined, most: number): T[] {
    const list: T[] = [];
    for (const wire of [...wires, ...ground.heard]) {
      for (const frame of wire.came) {
        const found = find(frame, wire);
        if (found !== undefined && list.push(found) === most) return list;
      }
    }
    return list;
  }

  function benchOf(version: number): Bench {
    const tongue = target.tongue(version);
    const { header } = tongue;

    const bench: Bench = {
      tongue,
      account: target.account,
      to: target.to,
      from: target.from,
      within: target.within,
      reportWithin: target.reportWithin,
      listens: target.listen !== undefined,
      speaking: benchOf,
      sequence: () => tongue.sequence(ground.next++),
      async open() {
        const label = `[${wires.length + 1}]`;
        const wire = await dial(target.host, target.port, tongue, label, log, target.within);
        wire.answers = (request) => (ground.answers ?? tongue.answer)(request);
        wire.onChange = wake;
        wires.push(wire);
        return wire;
      },
      async login(form = {}) {
        const wire = await bench.open();
        const login = bench.request(tongue.commands.login, tongue.loginBody(target.account, form));
        wire.send(login);
        const code = tongue.code(await bench.answerTo(wire, login));
        if (code !== 0) fail(`the login was refused with ${code}; it is that of --account`);
        return wire;
      },
      submit: (message = {}) =>
        bench.request(
          tongue.commands.submit,
          tongue.submitBody({ to: [target.to], from: target.from, ...message }, target.account),
        ),
      request: (command, body) => writeFrame(header, command, bench.sequence(), body),
      async expect(wire, what, test, within = target.within) {
        const found = await watch<Frame | 'end'>(
          () => wire.came.find(test) ?? (wire.closed || wire.broken ? 'end' : undefined),
          within,
        );
        if (found === 'end')
          fail(`${wire.broken ? 'octets that are no frame' : 'the connection ended'} instead of ${what}`);
        return found ?? fail(`no ${what} within ${within} ms`);
      },
      answerTo(wire, request, within) {
        const { command, sequence } = readFrame(header, request);
        const what = `${tongue.name(answerTo(command))} with sequence ${sequence}`;
        return bench.expect(wire, what, (f) => f.command === answerTo(command) && f.sequence === sequence, within);
      },
      async answerOrEnd(wire, request, within = target.within) {
        const { command, sequence } = readFrame(header, request);
        const found = await watch<Frame | 'end'>(
          () =>
            wire.came.find((f) => f.command === answerTo(command) && f.sequence === sequence) ??
            (wire.closed ? 'end' : undefined),
          within,
        );
        return found === 'end' ? undefined : found;
      },
      ends: async (wire, within = target.within) =>
        (await watch(() => (wire.closed ? true : undefined), within)) ?? false,
      anywhere: (find, within) => watch(() => seen(find, 1)[0], within),
      seen: (find) => seen(find, Infinity),
      answering(answers) {
        ground.answers = answers;
      },
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    };
    return bench;
  }

  return {
    bench: benchOf(target.version),
    clear() {
      ground.answers = undefined;
      for (const wire of wires) wire.end();
    },
  };
}
