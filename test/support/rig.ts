import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import smpp from 'smpp';
import { afterEach } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../../simulators/carrier.ts';
import type { Node } from '../../src/cli/serve.ts';
import type { MessageRecord } from '../../src/store/records.ts';
import { type Setup, scratchFolder, startTestNode, until } from './node.ts';

// Peers of the gateway made of the `smpp` package, which shares no line with it: a platform, and a carrier whose every
// answer a test decides. The package's filters lose octets, so they are taken off.
smpp.PDU.maxLength = 70_000;
for (const command of Object.values(smpp.commands))
  for (const p of Object.values(command.params ?? {})) delete p.filter;
for (const row of Object.values(smpp.tlvsById)) delete row.filter;

export interface Platform {
  readonly session: smpp.Session;
  /** Every deliver_sm (or data_sm) that came, receipts and MO. */
  readonly delivers: smpp.PDU[];
  readonly alerts: smpp.PDU[];
  /** Status with which the next deliver_sm are answered; undefined: not at all. */
  answer: (pdu: smpp.PDU) => number | undefined;
  request(command: string, fields?: smpp.Fields): Promise<smpp.PDU>;
  /** A submit_sm that asks for a receipt. */
  submit(fields?: smpp.Fields): Promise<smpp.PDU>;
  /** Waits for so many receipts or MO in all. */
  delivered(n: number): Promise<smpp.PDU[]>;
  unbind(): Promise<void>;
}

export interface BindOptions {
  readonly systemId?: string;
  readonly mode?: 'transceiver' | 'transmitter' | 'receiver';
  readonly answer?: Platform['answer'];
  readonly version?: number;
}

export interface Submit {
  readonly pdu: smpp.PDU;
  /** performance.now() when it was read. */
  readonly at: number;
  readonly session: smpp.Session;
}

/** What a carrier says to a submit; undefined: nothing. `wait`: ms until it says so. */
export type Reply =
  | { readonly status?: number; readonly id?: string; readonly wait?: number; readonly fields?: smpp.Fields }
  | undefined;

export interface Smsc {
  readonly port: number;
  readonly submits: Submit[];
  readonly sessions: Set<smpp.Session>;
  /** Answers to our requests (reports, MO), by their command_status. */
  readonly answers: number[];
  reply: (pdu: smpp.PDU, session: smpp.Session) => Reply;
  /** Reports DELIVRD for every accepted submit, some ms after its answer; undefined: does not report. */
  reportAfter: number | undefined;
  /** Status of bind responses. */
  bindStatus: number;
  /** Further fields of bind responses. */
  bindFields: smpp.Fields;
  /** Sends a report about a submit; resolves with its answer. `fields` go into the deliver_sm. */
  report(pdu: smpp.PDU, id: string, stat?: string, err?: string, fields?: smpp.Fields): Promise<smpp.PDU>;
  deliver(fields: smpp.Fields, session?: smpp.Session, command?: 'deliver_sm' | 'data_sm'): Promise<smpp.PDU>;
  dropAll(): void;
  stop(): Promise<void>;
}

/** Texts of submits in the order of their coming. */
export const textsOf = (smsc: Smsc): string[] => smsc.submits.map((s) => s.pdu.short_message.toString('latin1'));

export function receiptOf(pdu: smpp.PDU): Record<string, string> {
  const text = pdu.short_message.toString('latin1');
  const found: Record<string, string> = {};
  for (const [, key, value] of text.matchAll(/(\w+(?: date)?):(\S*)/g)) found[key!] = value!;
  return found;
}

/** Registers an afterEach that ends everything a test began, newest first. */
export function useRig() {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function platform(port: number, options: BindOptions = {}): Promise<Platform> {
    const session = smpp.connect({ host: '127.0.0.1', port });
    session.on('error', () => session.destroy());
    await once(session, 'connect');
    closers.push(() => session.destroy());
    const p: Platform = {
      session,
      delivers: [],
      alerts: [],
      answer: options.answer ?? (() => 0),
      request: (command, fields) =>
        new Promise((resolve, reject) => {
          if (!session.send(new smpp.PDU(command, fields), resolve)) reject(new Error('not writable'));
        }),
      submit: (fields) =>
        p.request('submit_sm', {
          source_addr: '10690000',
          destination_addr: '13800000001',
          registered_delivery: 1,
          short_message: Buffer.from('hello'),
          ...fields,
        }),
      async delivered(n) {
        await until(`${n} deliver_sm`, () => p.delivers.length >= n);
        return p.delivers;
      },
      async unbind() {
        await p.request('unbind');
        const closed = once(session, 'close');
        session.destroy();
        await closed;
      },
    };
    session.on('pdu', (pdu: smpp.PDU) => {
      if (pdu.command === 'enquire_link' || pdu.command === 'unbind') session.send(pdu.response());
      if (pdu.command === 'alert_notification') p.alerts.push(pdu);
      if (pdu.command !== 'deliver_sm' && pdu.command !== 'data_sm') return;
      p.delivers.push(pdu);
      const status = p.answer(pdu);
      if (status !== undefined) session.send(pdu.response({ command_status: status }));
    });
    const bound = await p.request(`bind_${options.mode ?? 'transceiver'}`, {
      system_id: options.systemId ?? 'acme',
      password: 'secret',
      interface_version: options.version ?? 0x34,
    });
    if (bound.command_status !== 0) throw new Error(`bind refused with ${bound.command_status}`);
    return p;
  }

  async function smsc(port = 0): Promise<Smsc> {
    const sessions = new Set<smpp.Session>();
    const submits: Submit[] = [];
    let nextId = 1000;
    const server = smpp.createServer({}, (session: smpp.Session) => {
      session.on('error', () => session.destroy());
      session.on('close', () => sessions.delete(session));
      session.on('pdu', (pdu: smpp.PDU) => {
        if (pdu.command.startsWith('bind_') && !pdu.isResponse()) {
          if (c.bindStatus === 0) sessions.add(session);
          session.send(pdu.response({ system_id: 'smsc', command_status: c.bindStatus, ...c.bindFields }));
        } else if (pdu.command === 'enquire_link' || pdu.command === 'unbind') session.send(pdu.response());
        else if (pdu.command === 'submit_sm' || pdu.command === 'data_sm') {
          submits.push({ pdu, at: performance.now(), session });
          const reply = c.reply(pdu, session);
          if (reply === undefined) return;
          const { status = 0, id = String(nextId++), wait = 0, fields = {} } = reply;
          const say = (): void => {
            session.send(pdu.response({ command_status: status, message_id: status === 0 ? id : '', ...fields }));
            if (status === 0 && c.reportAfter !== undefined && (pdu.registered_delivery & 3) !== 0)
              setTimeout(() => void c.report(pdu, id).catch(() => undefined), c.reportAfter);
          };
          if (wait === 0) say();
          else setTimeout(say, wait);
        }
      });
    });
    const c: Smsc = {
      port: 0,
      submits,
      sessions,
      answers: [],
      reply: () => ({}),
      reportAfter: 0,
      bindStatus: 0,
      bindFields: {},
      report: (pdu, id, stat = 'DELIVRD', err = '000', fields = {}) =>
        c.deliver({
          esm_class: 4,
          source_addr: pdu.destination_addr,
          destination_addr: pdu.source_addr,
          short_message: Buffer.from(
            `id:${id} sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:${stat} err:${err} text:`,
          ),
          ...fields,
        }),
      deliver: (fields, session = [...sessions][0], command = 'deliver_sm') =>
        new Promise((resolve, reject) => {
          const sent = session?.send(new smpp.PDU(command, fields), (answer: smpp.PDU) => {
            c.answers.push(answer.command_status);
            resolve(answer);
          });
          if (sent !== true) reject(new Error('no session'));
        }),
      dropAll() {
        for (const s of sessions) s.destroy();
      },
      async stop() {
        if (!server.listening) return;
        const closed = once(server, 'close');
        server.close();
        for (const s of [...sessions]) s.destroy();
        await closed;
      },
    };
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => c.stop());
    return Object.assign(c, { port: (server.address() as AddressInfo).port });
  }

  return {
    platform,
    smsc,
    /** A simulated carrier that keeps every message. */
    async sim(options: Partial<CarrierOptions> & Pick<CarrierOptions, 'protocol'>): Promise<Carrier> {
      const name = options.protocol === 'cmpp' ? '900001' : 'yima';
      const c = await startCarrier({ record: 'messages', ...options, accounts: [{ name, secret: 'secret' }] });
      closers.push(() => c.stop());
      return c;
    },
    /** A node that is stopped after the test unless the test did it. */
    async node(setup: Omit<Setup, 'data'> & { data?: string }): Promise<Node & { port: number }> {
      const n = await startTestNode({ ...setup, data: setup.data ?? this.folder() });
      let stopped: Promise<void> | undefined;
      const stop = n.stop;
      n.stop = (withinMs) => {
        stopped ??= stop(withinMs);
        return stopped;
      };
      closers.push(() => n.stop(300));
      return n;
    },
    folder(): string {
      const folder = scratchFolder();
      closers.push(() => folder.remove());
      return folder.path;
    },
  };
}

/** Waits until so many carriers are bound. */
export const carrierUp = (n: Node, ...names: string[]): Promise<void> =>
  until(`${names} up`, () => names.every((name) => n.gw.carriers.get(name)?.up === true));

export async function recordsOf(n: Node): Promise<MessageRecord[]> {
  await n.gw.batch.settled(); // what has just ended may stand in a batch on its way to the disk
  n.gw.records.durable(n.engine.journal.last);
  await n.gw.records.flush();
  const all: MessageRecord[] = [];
  await n.gw.records.read(0, 4_000_000_000_000, (r) => all.push(r));
  return all;
}

/** Messages that the gateway still keeps. */
export const kept = (n: Node): number => n.gw.state.active.size + n.gw.state.frozen.count;
