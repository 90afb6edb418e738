import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import { createEventRing } from '../simulators/event-ring.ts';
import { type Lab, startLab } from '../simulators/lab.ts';
import { type LabHttp, startLabHttp } from '../simulators/lab-http.ts';
import { parseScenario } from '../simulators/scenario/read.ts';
import { commandsIn, type LabClient, labClient, lengthOf } from './support/lab-client.ts';
import { until } from './support/node.ts';
import { bindBody, frame, smBody } from './support/smpp-octets.ts';

const DELIVER = 0x05;
const SUBMIT_RESP = 0x80000004;

let lab: Lab;
let http: LabHttp;
let switched: boolean[];
const clients: LabClient[] = [];

beforeEach(async () => {
  switched = [];
  const accounts = [{ name: 'acme', secret: 'secret' }];
  lab = await startLab({
    carriers: [
      { protocol: 'smpp', accounts, behaviour: { numbers: [{ suffix: '9', code: 0x0b }] } },
      { protocol: 'cmpp', version: '3.0', accounts, scenario: 'latency-bands' },
    ],
    events: 100,
  });
  http = await startLabHttp(lab, { port: 0, pdus: (on) => switched.push(on) });
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await http.close();
  await lab.stop();
});

const smsc = (): string => lab.carriers[0]!.name;

interface Told {
  readonly next: number;
  readonly missed: number;
  readonly events: readonly { readonly n: number; readonly carrier: string; readonly event: string }[];
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown> & { readonly error: string };
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port: http.port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
  let parsed = {};
  try {
    parsed = JSON.parse(response.text) as object;
  } catch {
    // Metrics and pages are no JSON.
  }
  return { ...response, body: parsed as Answer['body'] };
}

async function bound(): Promise<LabClient> {
  const client = await labClient(lab.carriers[0]!.carrier.port);
  clients.push(client);
  client.write(frame(0x09, 0, 1, bindBody()));
  await until('it is bound', () => lengthOf(client.received) > 0);
  return client;
}

const came = (client: LabClient, command: number): number =>
  commandsIn(client.received).filter((c) => c === command).length;

describe('what a lab tells', () => {
  it('in /metrics: counts by carrier, codes and states by name, latencies by edges', async () => {
    const client = await bound();
    client.write(frame(0x04, 0, 2, smBody({ registered: 1, destination: '13800000001' })));
    client.write(frame(0x04, 0, 3, smBody({ registered: 1, destination: '13800000009' })));
    await until('both are answered', () => came(client, SUBMIT_RESP) === 2);
    await until('the report is here', () => came(client, DELIVER) === 1);
    const { status, text } = await ask('GET', '/metrics');
    expect(status).toBe(200);
    const values = new Map<string, number>();
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      expect(line).toMatch(/^lab_/);
      const at = line.lastIndexOf(' ');
      values.set(line.slice(0, at), Number(line.slice(at + 1)));
    }
    const of = (name: string, more = ''): number | undefined =>
      values.get(`${name}{carrier="${smsc()}",protocol="smpp"${more}}`);
    expect(of('lab_submits_total')).toBe(2);
    expect(of('lab_submits_accepted_total')).toBe(1);
    expect(of('lab_submits_refused_total', ',code="0xb ESME_RINVDSTADR"')).toBe(1);
    expect(of('lab_reports_total', ',state="DELIVERED"')).toBe(1);
    expect(of('lab_sessions')).toBe(1);
    expect(of('lab_open', ',what="deliveries"')).toBe(1);
    expect(of('lab_answer_seconds_bucket', ',le="+Inf"')).toBe(2);
    expect(of('lab_answer_seconds_count')).toBe(2);
    expect(of('lab_report_seconds_count')).toBe(1);
    expect(values.get(`lab_submits_total{carrier="${lab.carriers[1]!.name}",protocol="cmpp"}`)).toBe(0);
  });

  it('in /state and in its reports', async () => {
    const client = await bound();
    client.write(frame(0x04, 0, 2, smBody()));
    await until('it is answered', () => came(client, SUBMIT_RESP) === 1);
    const { body } = await ask('GET', '/state');
    expect(body.carriers).toMatchObject([
      { name: smsc(), protocol: 'smpp', sessions: 1, counts: { submits: 1 }, behaviour: { hold: false } },
      { protocol: 'cmpp', sessions: 0, counts: { submits: 0 } },
    ]);
    expect((await ask('GET', '/report.json')).body).toMatchObject({ parts: [{ name: smsc() }, {}] });
    expect((await ask('GET', '/report.txt')).text).toMatch(/^submits +1$/m);
    const page = await ask('GET', '/report.html');
    expect(page.text).toMatch(/^<!doctype html>/);
    expect(page.text).toContain(smsc());
  });
});

describe('what a lab is told', () => {
  it('changes what a carrier does from then on', async () => {
    const client = await bound();
    const path = `/behaviour?carrier=${smsc()}`;
    expect((await ask('PATCH', path, { hold: true })).body).toMatchObject({ hold: true });
    client.write(frame(0x04, 0, 2, smBody({ registered: 1 })));
    await until('the report waits', () => lab.carriers[0]!.carrier.standing().waiting === 1);
    expect(came(client, DELIVER)).toBe(0);
    await ask('PATCH', path, { hold: false });
    await until('it is sent', () => came(client, DELIVER) === 1);
  });

  it('puts rules on a carrier and takes them off', async () => {
    const client = await bound();
    const at = `?carrier=${smsc()}`;
    const rule = { name: 'full', when: { number: '*0002' }, then: { errorRate: { probability: 1, code: 0x14 } } };
    expect((await ask('POST', `/rules${at}`, rule)).status).toBe(201);
    expect((await ask('GET', `/rules${at}`)).body).toMatchObject([{ name: 'full' }]);
    client.write(frame(0x04, 0, 2, smBody({ destination: '13800000002' })));
    await until('it is answered', () => came(client, SUBMIT_RESP) === 1);
    expect(lab.carriers[0]!.carrier.books.codes.get(0x14)).toBe(1);
    const other = await ask('DELETE', `/rules/fool${at}`);
    expect([other.status, other.body.error]).toEqual([404, 'rule: there is no "fool"; there are: full']);
    expect((await ask('DELETE', `/rules/full${at}`)).status).toBe(200);
    client.write(frame(0x04, 0, 3, smBody({ destination: '13800000002' })));
    await until('it is answered', () => came(client, SUBMIT_RESP) === 2);
    expect(lab.carriers[0]!.carrier.books.counts.accepted).toBe(1);
  });

  it('sends messages of handsets and cuts connections', async () => {
    const client = await bound();
    const sent = await ask('POST', `/mo?carrier=${smsc()}`, { from: '13800000001', to: '10690000', text: '你好' });
    expect(sent.status).toBe(202);
    await until('the MO is here', () => came(client, DELIVER) === 1);
    expect(Buffer.concat(client.received).includes(Buffer.from('4f60597d', 'hex'))).toBe(true);
    const closed = new Promise((resolve) => client.socket.once('close', resolve));
    expect((await ask('POST', '/drop')).body).toMatchObject({
      cut: [{ carrier: smsc(), sessions: 1 }, { sessions: 0 }],
    });
    await closed;
  });

  it('is recorded: what was changed, sent and cut, as a scenario that a carrier can be started with', async () => {
    const at = `?carrier=${smsc()}`;
    await ask('PATCH', `/behaviour${at}`, { hold: true, responseDelay: { min: 1, max: 2 } });
    await ask('POST', `/rules${at}`, { name: 'full', when: { number: '*0002' }, then: { hold: false } });
    await ask('DELETE', `/rules/full${at}`);
    await ask('POST', '/drop');
    const { status, text } = await ask('GET', `/recording${at}`);
    expect(status).toBe(200);
    const scenario = parseScenario(text, 'recording');
    expect(scenario.schedule).toMatchObject([
      { change: { hold: true, responseDelay: { min: 1, max: 2 } } },
      { addRule: { name: 'full' } },
      { removeRule: 'full' },
      { drop: true },
    ]);
    const accounts = [{ name: 'acme', secret: 'secret' }];
    const again = await startCarrier({ protocol: 'smpp', accounts, scenario });
    await until('what was changed is changed again', () => again.behaviour.hold);
    await again.stop();
  });

  it('is told as it happens, from where the asker was', async () => {
    const client = await bound();
    const first = (await ask('GET', '/events')).body as unknown as Told;
    expect(first.events.map((e) => `${e.n} ${e.carrier} ${e.event}`)).toEqual([
      `1 ${smsc()} start`,
      `2 ${lab.carriers[1]!.name} start`,
      `3 ${smsc()} login`,
    ]);
    client.write(frame(0x04, 0, 2, smBody({ destination: '13800000009' })));
    await until('it is answered', () => came(client, SUBMIT_RESP) === 1);
    const second = (await ask('GET', `/events?since=${first.next}`)).body as unknown as Told;
    expect(second.missed).toBe(0);
    expect(second.events[0]).toMatchObject({ n: 4, event: 'submit', carrier: smsc() });
    expect((await ask('GET', '/events?since=x')).body.error).toMatch(/^since: x is no number/);
  });

  it('tells which scenario a carrier plays', async () => {
    const none = await ask('GET', `/scenario?carrier=${smsc()}`);
    expect([none.status, none.body.error]).toEqual([404, `scenario: ${smsc()} plays none`]);
    expect((await ask('GET', `/scenario?carrier=${lab.carriers[1]!.name}`)).body).toMatchObject({
      name: 'latency-bands',
    });
  });

  it('switches the log of PDUs', async () => {
    await ask('PUT', '/pdus', { on: true });
    await ask('PUT', '/pdus', { on: false });
    expect(switched).toEqual([true, false]);
  });

  it.each([
    [
      'an unknown rule',
      'PATCH',
      '/behaviour?carrier=SMSC',
      { delay: 1 },
      400,
      /delay is no rule; the rules are seed, /,
    ],
    ['a bad value', 'PATCH', '/behaviour?carrier=SMSC', { hold: 'yes' }, 400, /hold is "yes"; give a boolean/],
    ['what is no object', 'PATCH', '/behaviour?carrier=SMSC', [1], 400, /give an object of what to change/],
    ['what is no JSON', 'PATCH', '/behaviour?carrier=SMSC', '{hold', 400, /the body is not JSON/],
    ['no carrier where there are two', 'PATCH', '/behaviour', { hold: true }, 400, /carrier: say which, by \?carrier=/],
    ['a carrier that is none', 'POST', '/mo?carrier=x', {}, 404, /there is no "x"; give one of smpp-/],
    ['an MO without a text', 'POST', '/mo?carrier=SMSC', { from: '1', to: '2' }, 400, /^text: /],
    ['an MO of letters', 'POST', '/mo?carrier=SMSC', { from: 'me', to: '2', text: '' }, 400, /^from: give the digits/],
    [
      'an MO that its coding does not hold',
      'POST',
      '/mo?carrier=SMSC',
      { from: '1', to: '2', text: '你', coding: 'gsm7' },
      400,
      /has a character that gsm7 has not; leave out coding/,
    ],
    [
      'an MO for nobody',
      'POST',
      '/mo?carrier=SMSC',
      { from: '1', to: '2', text: 'a', account: 'x' },
      400,
      /no account "x"/,
    ],
    ['a rule that is none', 'POST', '/rules?carrier=SMSC', 'null', 400, /give an object \{ name, when, then \}/],
    ['a rule of another name', 'POST', '/rules?carrier=SMSC', { name: 'a', then: { x: 1 } }, 400, /x is no rule/],
    ['a switch that is none', 'PUT', '/pdus', { on: 1 }, 400, /on: .*; give \{"on": true\}/],
    ['a way that is none', 'GET', '/stat', undefined, 404, /there is no \/stat; there are GET \/metrics, /],
    ['a method that is none', 'POST', '/state', {}, 405, /\/state takes GET/],
    ['a body without an end', 'POST', '/mo?carrier=SMSC', 'x'.repeat(2 << 20), 413, /a body may have/],
  ])('says what is wrong with %s', async (_, method, path, body, status, words) => {
    const answer = await ask(method, path.replace('SMSC', smsc()), body);
    expect(answer.body.error).toMatch(words);
    expect(answer.status).toBe(status);
    expect((await ask('GET', '/state')).status).toBe(200);
  });

  it('answers no page of a browser, under whatever name', async () => {
    const path = `/behaviour?carrier=${smsc()}`;
    const page = await ask('PATCH', path, { hold: true }, { origin: 'http://evil.example' });
    expect([page.status, page.body.error]).toEqual([403, 'a lab does not answer pages of a browser']);
    const rebound = await ask('GET', '/state', undefined, { host: `evil.example:${http.port}` });
    expect(rebound.status).toBe(403);
    expect(lab.carriers[0]!.carrier.behaviour.hold).toBe(false);
  });
});

describe('a lab that cannot start', () => {
  it('names the carrier, and leaves none running', async () => {
    const accounts = [{ name: 'acme', secret: 'secret' }];
    const taken = lab.carriers[0]!.carrier.port;
    await expect(
      startLab({
        carriers: [
          { protocol: 'smgp', accounts },
          { protocol: 'cmpp', accounts, port: taken },
        ],
      }),
    ).rejects.toThrow(`lab: cannot start cmpp on 127.0.0.1:${taken}: the port is taken; give another`);
    await expect(startLab({ carriers: [{ protocol: 'smpp', version: '9', accounts }] })).rejects.toThrow(
      /lab: cannot start smpp: carrier: no smpp version 9; give one of 3\.4/,
    );
    await expect(startLab({ carriers: [] })).rejects.toThrow('lab: no carrier; give at least one');
    await expect(startLabHttp(lab, { port: http.port })).rejects.toThrow(
      `lab: HTTP cannot listen on 127.0.0.1:${http.port}: the port is taken; give another`,
    );
  });
});

describe('the newest events', () => {
  it('are as many as there is room for, and what is gone is counted', () => {
    const ring = createEventRing(3);
    const source = { name: 'later named' };
    for (let k = 1; k <= 5; k++) ring.add(source, `{"t":${k}}`);
    source.name = 'smpp-1';
    const told = (n: number): unknown => JSON.parse(ring.since(n));
    const event = (n: number): object => ({ n, carrier: 'smpp-1', t: n });
    expect(told(0)).toEqual({ next: 5, missed: 2, events: [event(3), event(4), event(5)] });
    expect(told(4)).toEqual({ next: 5, missed: 0, events: [event(5)] });
    expect(told(5)).toEqual({ next: 5, missed: 0, events: [] });
    expect(told(99)).toEqual({ next: 5, missed: 0, events: [] });
  });
});
