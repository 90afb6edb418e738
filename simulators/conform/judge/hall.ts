import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseUdh } from '../../../protocols/text/udh.ts';
import { ANSWER, answerTo, type Frame, readFrame } from '../frame.ts';
import type { Account } from '../tongue.ts';
import { type Wire, wireOn } from '../wire.ts';
import type { JudgementName } from './judgements.ts';
import type { LoginSeen, SubmitSeen, Voice } from './voice.ts';

/** A connection of the client under judgement. */
export interface Link {
  readonly wire: Wire;
  /** The last lines of what went over it. */
  readonly lines: string[];
  readonly at: number;
  voice: Voice;
  login: LoginSeen | undefined;
  /** The login was answered, and accepted. */
  bound: boolean;
  /** Submits that wait for their answers. */
  readonly open: Map<string, Frame>;
  mostOpen: number;
  /** Requests of ours that wait for theirs. */
  readonly asked: Map<string, { readonly request: Buffer; readonly done: (answer: Frame | undefined) => void }>;
}

/** A submit that came. */
export interface Came {
  readonly link: Link;
  readonly frame: Frame;
  readonly seen: SubmitSeen;
  readonly at: number;
}

/** What a hall tells of what it sees. */
export interface Ushers {
  pass(name: JudgementName): void;
  fail(name: JudgementName, why: string, link: Link): void;
  /** Whether to answer this login; else the connection ends. */
  admit(): boolean;
  onSubmit(came: Came): void;
  /** Something happened. */
  onChange(): void;
}

/** Where a client comes to be judged: takes its connections, watches them, and answers what a carrier answers. */
export interface Hall {
  readonly port: number;
  readonly links: readonly Link[];
  /** Connections ever. */
  readonly count: number;
  /** Asks a request of ours; undefined where no answer comes in time. */
  ask(link: Link, request: Buffer, split?: boolean): Promise<Frame | undefined>;
  /** Notes the requests as asked, and leaves the sending to the caller. */
  expect(link: Link, request: Buffer): Promise<Frame | undefined>;
  answer(came: Came, code: number, id: string): void;
  sequence(link: Link): string;
  stop(): Promise<void>;
}

export interface HallOptions {
  readonly host: string;
  readonly port: number;
  readonly account: Account;
  readonly voice: (version: number) => Voice;
  readonly version: number;
  readonly within: number;
  readonly window: number | undefined;
}

const LINES = 40;
/** A login is answered late once, to see whether the client waits. */
const LOGIN_WAIT_MS = 250;

export async function openHall(options: HallOptions, ushers: Ushers): Promise<Hall> {
  const { account, within } = options;
  const links: Link[] = [];
  let count = 0;
  let sequences = 0;
  const greeting = options.voice(options.version);
  const server = createServer((socket) => accept(socket));

  function accept(socket: Parameters<typeof wireOn>[0]): void {
    count++;
    const lines: string[] = [];
    const wire = wireOn(socket, greeting.tongue, `[${count}]`, (line) => {
      if (lines.length === LINES) lines.shift();
      lines.push(line);
    });
    const link: Link = {
      wire,
      lines,
      at: performance.now(),
      voice: greeting,
      login: undefined,
      bound: false,
      open: new Map(),
      mostOpen: 0,
      asked: new Map(),
    };
    links.push(link);
    wire.answers = () => undefined;
    wire.onFrame = (frame) => {
      if (frame.command >= ANSWER) onAnswer(link, frame);
      else onRequest(link, frame);
    };
    wire.onChange = () => {
      if (wire.closed) {
        links.splice(links.indexOf(link), 1);
        for (const { done } of link.asked.values()) done(undefined);
      }
      ushers.onChange();
    };
    ushers.onChange();
  }

  function onRequest(link: Link, frame: Frame) {
    const { tongue } = link.voice;
    if (link.voice.logins.includes(frame.command)) return onLogin(link, frame);
    if (link.login === undefined && frame.command !== tongue.commands.probe) {
      return ushers.fail('login-first', `its first frame is ${tongue.name(frame.command)}`, link);
    }
    const seen = link.voice.submit(frame);
    if (seen !== undefined) return onSubmit(link, frame, seen);
    const answer = tongue.answer(frame);
    if (answer !== undefined) link.wire.send(answer);
  }

  function onLogin(link: Link, frame: Frame) {
    if (link.login !== undefined) return ushers.fail('login-once', 'a second login came', link);
    let seen: LoginSeen;
    try {
      seen = link.voice.login(frame, account);
    } catch (error) {
      ushers.fail('login-fields', (error as Error).message, link);
      link.wire.end();
      return;
    }
    link.login = seen;
    ushers.pass('login-first');
    ushers.pass('login-once');
    if (seen.fault === '') ushers.pass('login-fields');
    else ushers.fail('login-fields', seen.fault, link);
    if (seen.proven) ushers.pass('login-authenticator');
    else ushers.fail('login-authenticator', `of ${JSON.stringify(seen.name)}; the account is ${account.name}`, link);
    if (!ushers.admit()) {
      link.wire.socket.end();
      return;
    }
    link.voice = options.voice(seen.version);
    setTimeout(() => {
      if (link.wire.closed) return;
      if (link.open.size === 0) ushers.pass('login-waits');
      link.bound = true;
      link.wire.send(link.voice.loginAnswer(frame, account));
      ushers.onChange();
    }, LOGIN_WAIT_MS);
  }

  function onSubmit(link: Link, frame: Frame, seen: SubmitSeen): void {
    const { open } = link;
    if (!link.bound) ushers.fail('login-waits', 'a submit came before the answer to the login', link);
    if (open.has(frame.sequence)) ushers.fail('submit-sequences', `sequence ${frame.sequence} is open already`, link);
    else ushers.pass('submit-sequences');
    open.set(frame.sequence, frame);
    link.mostOpen = Math.max(link.mostOpen, open.size);
    const { window } = options;
    if (window !== undefined && open.size > window) {
      ushers.fail('window', `${open.size} submits are open; the window is ${window}`, link);
    } else if (open.size === window) ushers.pass('window');
    if (seen.fault === '') ushers.pass('submit-fields');
    else ushers.fail('submit-fields', seen.fault, link);
    if (seen.udhi) judgeHeader(link, seen);
    ushers.onSubmit({ link, frame, seen, at: performance.now() });
  }

  function judgeHeader(link: Link, { content }: SubmitSeen) {
    const { fault, concat } = parseUdh(content);
    if (fault !== undefined) return ushers.fail('long-headers', `its header does not parse: ${fault}`, link);
    if (concat === undefined) return;
    const { total, seq } = concat;
    if (total < 1 || seq < 1 || seq > total) return ushers.fail('long-headers', `part ${seq} of ${total}`, link);
    ushers.pass('long-headers');
  }

  function onAnswer(link: Link, frame: Frame) {
    const waiting = link.asked.get(frame.sequence);
    const { tongue } = link.voice;
    if (waiting === undefined) {
      // A generic_nack answers what was no request of a table.
      if (frame.command !== ANSWER) ushers.fail('answers-known', `${tongue.name(frame.command)} answers nothing`, link);
      return;
    }
    const { command } = readFrame(tongue.header, waiting.request);
    if (frame.command !== answerTo(command)) {
      if (frame.command !== ANSWER && command !== 0x7777) {
        ushers.fail('answers-known', `${tongue.name(frame.command)} answers ${tongue.name(command)}`, link);
      }
    } else ushers.pass('answers-known');
    link.asked.delete(frame.sequence);
    waiting.done(frame);
  }

  server.listen(options.port, options.host);
  await once(server, 'listening');

  const hall: Hall = {
    port: (server.address() as AddressInfo).port,
    links,
    get count() {
      return count;
    },
    sequence: (link) => link.voice.tongue.sequence(++sequences),
    expect(link, request) {
      const { sequence } = readFrame(link.voice.tongue.header, request);
      return new Promise((resolve) => {
        const done = (answer: Frame | undefined): void => {
          clearTimeout(late);
          resolve(answer);
        };
        // An answer that comes later is still an answer: what was asked is not forgotten.
        const late = setTimeout(() => resolve(undefined), within);
        link.asked.set(sequence, { request, done });
        if (link.wire.closed) done(undefined);
      });
    },
    ask(link, request, split = false) {
      const answer = hall.expect(link, request);
      if (split) void link.wire.dribble(request);
      else link.wire.send(request);
      return answer;
    },
    answer({ link, frame }, code, id) {
      if (!link.open.delete(frame.sequence) || link.wire.closed) return;
      link.wire.send(link.voice.submitAnswer(frame, code, id));
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const { wire } of [...links]) wire.end();
      await closed;
    },
  };
  return hall;
}
