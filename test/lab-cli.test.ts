import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import smpp from 'smpp';
import { afterEach, describe, expect, it } from 'vitest';
import { scratchFolder, until } from './support/node.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Running {
  readonly child: ChildProcess;
  readonly ready: { carriers: { name: string; port: number }[]; http: number | null };
  out(): string;
  err(): string;
  /** Asks it to end, or waits for its own end. */
  ended(signal?: NodeJS.Signals): Promise<number | null>;
}

function begin(args: readonly string[]): Omit<Running, 'ready'> {
  const child = spawn(process.execPath, ['dist/src/cli/yima.js', 'lab', ...args], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  closers.push(() => child.kill('SIGKILL'));
  const gone = once(child, 'close') as Promise<[number | null]>;
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return {
    child,
    out: () => out,
    err: () => err,
    async ended(signal) {
      if (signal !== undefined) child.kill(signal);
      const [code] = await gone;
      return code;
    },
  };
}

async function lab(...args: string[]): Promise<Running> {
  const one = begin([...args, '--ready-json']);
  const lines = createInterface({ input: one.child.stdout! });
  const [line] = (await once(lines, 'line')) as [string];
  return { ...one, ready: JSON.parse(line) as Running['ready'] };
}

function folder(): string {
  const scratch = scratchFolder();
  closers.push(() => scratch.remove());
  return scratch.path;
}

/** A platform on the `smpp` package that submits once and waits for the receipt. */
async function submitOnce(port: number): Promise<smpp.Session> {
  const session = smpp.connect({ host: '127.0.0.1', port });
  session.on('error', () => session.destroy());
  closers.push(() => session.destroy());
  await once(session, 'connect');
  const send = (command: string, fields: smpp.Fields): Promise<smpp.PDU> =>
    new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));
  await send('bind_transceiver', { system_id: 'yima', password: 'demo' });
  const receipt = once(session, 'deliver_sm') as Promise<[smpp.PDU]>;
  await send('submit_sm', { destination_addr: '13800138000', registered_delivery: 1, short_message: 'hello' });
  const [pdu] = await receipt;
  session.send(pdu.response());
  return session;
}

/** TCP payloads of a pcap file by the two ports of their segments: read here, not by what wrote it. */
function payloadsIn(file: string): Map<string, Buffer> {
  const octets = readFileSync(file);
  expect(octets.readUInt32BE(0)).toBe(0xa1b2c3d4);
  const streams = new Map<string, Buffer>();
  for (let o = 24; o < octets.length; ) {
    const length = octets.readUInt32BE(o + 8);
    const ip = octets.subarray(o + 16, o + 16 + length);
    const tcp = ip.subarray((ip[0]! & 15) * 4);
    const key = `${tcp.readUInt16BE(0)} ${tcp.readUInt16BE(2)}`;
    streams.set(key, Buffer.concat([streams.get(key) ?? Buffer.alloc(0), tcp.subarray((tcp[12]! >> 4) * 4)]));
    o += 16 + length;
  }
  return streams;
}

const commandsOf = (stream: Buffer): string[] => {
  const names: string[] = [];
  for (let o = 0; o < stream.length; o += stream.readUInt32BE(o)) {
    names.push(smpp.commandsById[stream.readUInt32BE(o + 4)]?.command ?? '?');
  }
  return names;
};

describe('yima lab', () => {
  it('runs carriers with their scenarios until it is told to end, and reports in each form', async () => {
    const at = folder();
    const files = ['html', 'json', 'txt'].map((form) => join(at, `report.${form}`));
    const args = ['smpp=latency-bands', 'cmpp/3.0', '--seed', '77', '--http', '0', '--book', join(at, 'lab.book')];
    const one = await lab(...args, ...files.flatMap((file) => ['--report', file]));
    const { carriers, http } = one.ready;
    expect(carriers.map((c) => c.name)).toEqual([`smpp-${carriers[0]!.port}`, `cmpp-${carriers[1]!.port}`]);
    await submitOnce(carriers[0]!.port);
    const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    expect(metrics).toContain(
      `lab_carrier_info{carrier="${carriers[0]!.name}",protocol="smpp",scenario="latency-bands",seed="77"} 1`,
    );
    expect(await one.ended('SIGINT')).toBe(0);
    expect(one.out()).toMatch(/^scenario +latency-bands$/m);
    expect(one.out()).toMatch(/^submits +1$/m);
    const report = JSON.parse(readFileSync(files[1]!, 'utf8')) as { parts: { imitates: string }[] };
    expect(report.parts).toHaveLength(2);
    expect(report.parts[0]!.imitates).not.toBe('');
    expect(readFileSync(files[2]!, 'utf8')).toMatch(/^seed +77$/m);
    expect(readFileSync(files[0]!, 'utf8')).toContain(carriers[0]!.name);
    expect(existsSync(join(at, 'lab-smpp-1.book'))).toBe(true);
    expect(existsSync(join(at, 'lab-cmpp-2.book'))).toBe(true);
  });

  it('writes what is said as pcap, each direction whole', async () => {
    const file = join(folder(), 'lab.pcap');
    const one = await lab('smpp', '--pcap', file);
    const { port } = one.ready.carriers[0]!;
    const session = await submitOnce(port);
    const mine = (session as unknown as { socket: { localPort: number } }).socket.localPort;
    session.destroy();
    expect(await one.ended('SIGTERM')).toBe(0);
    const streams = payloadsIn(file);
    expect([...streams.keys()].sort()).toEqual([`${mine} ${port}`, `${port} ${mine}`].sort());
    const said = commandsOf(streams.get(`${mine} ${port}`)!);
    expect(said.slice(0, 2)).toEqual(['bind_transceiver', 'submit_sm']);
    expect(commandsOf(streams.get(`${port} ${mine}`)!)).toEqual([
      'bind_transceiver_resp',
      'submit_sm_resp',
      'deliver_sm',
    ]);
  });

  it('prints PDUs as they are said, from the start or when it is told to', async () => {
    const one = await lab('smpp', '--http', '0');
    const { port } = one.ready.carriers[0]!;
    await submitOnce(port);
    expect(one.out()).not.toContain('submit_sm');
    const put = { method: 'PUT', body: '{"on": true}' };
    await fetch(`http://127.0.0.1:${one.ready.http}/pdus`, put);
    await submitOnce(port);
    await until('the PDUs are told', () => one.out().includes('deliver_sm_resp'));
    expect(one.out()).toMatch(/ submit_sm seq=2 .*destination_addr=13800138000 .*text="hello"/);
    expect(one.out()).toMatch(/ submit_sm_resp seq=2 ESME_ROK message_id=\d+ \+[\d.]+ ms/);
    expect(await one.ended('SIGTERM')).toBe(0);
  });

  it('ends by itself after a while, and shows no picture where there is no terminal', async () => {
    const one = begin(['cmpp', '--view', '--for', '1500ms']);
    expect(await one.ended()).toBe(0);
    expect(one.out()).toMatch(/^cmpp carrier on 127\.0\.0\.1:\d+, accounts yima$/m);
    expect(one.out()).toMatch(/^submits +0$/m);
    expect(one.out()).not.toContain('\u001b');
  });

  it.each([
    [['cmpq'], /give protocol\[\/version\]\[:port\]\[=scenario\], such as/],
    [['cmpp:77777'], /give protocol\[\/version\]\[:port\]/],
    [['cmpp/9'], /lab: cannot start cmpp: carrier: no cmpp version 9; give one of 2\.0/],
    [['cmpp=nonesuch'], /no scenario nonesuch; give a file, or one of /],
    [['cmpp', '--report', 'a.pdf'], /--report a\.pdf: give a name that ends in \.html, \.json, \.txt/],
    [['cmpp', '--account', 'x'], /--account x: give name:secret/],
    [['cmpp', '--pcap', '/nonesuch/a.pcap'], /--pcap: cannot write \/nonesuch\/a\.pcap: ENOENT/],
    [['cmpp', '--view', '--pdus'], /both want the screen/],
    [['cmpp', '--http', 'x'], /give a port, or host:port/],
    [[], /missing required argument/],
  ])('says what is wrong with %j', async (args, words) => {
    const one = begin(args);
    expect(await one.ended()).not.toBe(0);
    expect(one.err()).toMatch(words);
    expect(one.err()).not.toMatch(/\n\s+at /);
  });
});

describe('what follows a command', () => {
  it('is its own: a --version is the version that is spoken', async () => {
    const child = spawn(process.execPath, ['dist/src/cli/yima.js', 'simulate', 'cmpp', '--version', '9']);
    closers.push(() => child.kill('SIGKILL'));
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    await once(child, 'close');
    expect(err).toContain('no cmpp version 9; give one of 2.0, 2.1, 3.0');
  });
});
