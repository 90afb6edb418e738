import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { startCarrier } from '../simulators/carrier.ts';
import { createLogger } from '../src/cli/logger.ts';
import { verifyPassword } from '../src/config/secret.ts';
import { scratchFolder, yamlOf } from './support/node.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const BUILT = 'dist/src/cli/yima.js';

async function yima(args: readonly string[], input: string | Buffer = ''): Promise<Run> {
  const child = spawn(process.execPath, [BUILT, ...args], { env: { ...process.env, NO_COLOR: '1' } });
  closers.push(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

function folder(): string {
  const scratch = scratchFolder();
  closers.push(() => scratch.remove());
  return scratch.path;
}

/** A complaint: one line that says what, no stack, nothing on standard output. */
function expectComplaint(run: Run, what: RegExp, code = 1): void {
  expect(run.err).toMatch(what);
  expect(run.err).not.toMatch(/\n\s+at /);
  expect(run.out).toBe('');
  expect(run.code).toBe(code);
}

describe('yima', () => {
  it('is built as a command: what `npx yima` starts is the file itself', async () => {
    const child = spawn(BUILT, ['--version']);
    closers.push(() => child.kill('SIGKILL'));
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('without a known command says so', async () => {
    expectComplaint(await yima(['sent']), /unknown command 'sent'[\s\S]*Did you mean send/);
    const help = await yima(['--help']);
    for (const command of [
      'serve',
      'check',
      'explain',
      'send',
      'load',
      'simulate',
      'trace',
      'decode',
      'hash',
      'reload',
    ]) {
      expect(help.out).toContain(command);
    }
    expect((await yima(['--version'])).out.trim()).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
  });
});

describe('yima check', () => {
  it('passes the demo', async () => {
    const run = await yima(['check', 'config/demo.yaml']);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toContain('4 listeners, 4 accounts, 5 carriers, 1 routes');
  });

  it('names file, line, column, key and what is wrong, one problem a line', async () => {
    const file = join(folder(), 'yima.yaml');
    writeFileSync(file, 'demo: true\nadmin: { listen: nowhere }\naccuonts: []\n');
    const run = await yima(['check', file]);
    expect(run.code).toBe(1);
    const lines = run.err.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(`${file}:2:18: admin.listen: expected host:port`);
    expect(lines[1]).toMatch(`${file}:3:1: accuonts: unknown key; did you mean "accounts"?`);
  });

  it('says that a file is missing', async () => {
    const run = await yima(['check', '/nonexistent/yima.yaml']);
    expect(run.code).toBe(1);
    expect(run.err).toMatch('/nonexistent/yima.yaml:1:1: cannot read the configuration: ENOENT');
  });
});

describe('yima hash', () => {
  it('prints a hash that verifies the password and no other', async () => {
    const run = await yima(['hash'], 'päss wörd\n');
    expect(run.code).toBe(0);
    const scrypt = run.out.trim();
    expect(await verifyPassword({ scrypt }, 'päss wörd')).toBe(true);
    expect(await verifyPassword({ scrypt }, 'päss wörd\n')).toBe(false);
    expectComplaint(await yima(['hash'], '\n'), /no password on standard input/);
  });
});

describe('yima decode', () => {
  interface Vector {
    readonly name: string;
    readonly protocol: string;
    readonly version: string;
    readonly kind: string;
    readonly hex: string;
    readonly decoded: { readonly command: string };
  }
  const vectors = (file: string): Vector[] => JSON.parse(readFileSync(`test/vectors/${file}.json`, 'utf8')) as Vector[];

  it('shows published frames as JSON', async () => {
    const smpp = vectors('smpp').find((v) => /submit_sm$/i.test(v.decoded.command) && v.kind !== 'deviation')!;
    const run = await yima(['decode', 'smpp', smpp.hex]);
    expect(run.code).toBe(0);
    const shown = JSON.parse(run.out);
    expect(shown.command).toBe('submit_sm');
    expect(shown.sequence).toBe(Number.parseInt(smpp.hex.slice(24, 32), 16));
    expect(Object.keys(shown.fields)).toEqual(
      expect.arrayContaining(['source_addr', 'destination_addr', 'data_coding']),
    );
    const cmpp = vectors('cmpp').find((v) => v.decoded.command === 'CMPP_SUBMIT' && /^2/.test(String(v.version)))!;
    const spaced = cmpp.hex.replace(/../g, '$& ');
    const other = await yima(['decode', 'cmpp2', ...spaced.trim().split(' ')]);
    expect(other.code).toBe(0);
    expect(JSON.parse(other.out)).toMatchObject({ command: 'CMPP_SUBMIT', fields: { pk_total: expect.any(Number) } });
  });

  it('says what is no frame', async () => {
    expectComplaint(await yima(['decode', 'smpp', 'xyz']), /"x" is no hexadecimal digit/);
    expectComplaint(await yima(['decode', 'smpp', '000']), /3 digits make no whole octets/);
    expectComplaint(await yima(['decode', 'cmpp3', '0000000c0000000100000001ff']), /no cmpp3 frame/);
    expectComplaint(await yima(['decode', 'xmpp', '00']), /xmpp is neither a file nor a protocol \(cmpp3, /);
    expectComplaint(await yima(['decode', 'cmpp2']), /give a frame of cmpp2 in hexadecimal/);
  });

  const capture = 'test/vectors/capture/ethernet-cmpp20.pcapng';

  it('lists a capture, a line a PDU, answers with the time since their requests', async () => {
    const run = await yima(['decode', capture]);
    expect(run).toMatchObject({ code: 0, err: '25 packets, 1 connections, 10 PDUs\n' });
    const lines = run.out.trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[1]).toMatch(
      /^2026-11-24T16:20:50\.\d{6}Z #1 127\.0\.0\.1:\d+ → 127\.0\.0\.1:37890 cmpp20 CMPP_SUBMIT seq=16 .*dest_terminal_id=13800138000 .*text="Hello/,
    );
    expect(lines[2]).toMatch(/CMPP_SUBMIT_RESP seq=16 OK msg_id=13425800311158145031 \+25\.785 ms$/);
    expect(lines[4]).toContain('FLOW_CONTROL');
    expect(lines[7]).toContain('report=13425800311158145031:DELIVRD');
  });

  it('shows every field of a capture, or JSON, or only what is asked for', async () => {
    const verbose = await yima(['decode', capture, '--verbose', '--port', '37890=cmpp2']);
    expect(verbose.out).toMatch(/\n {4}fee_usertype +2\n/);
    const json = await yima(['decode', capture, '--json']);
    const pdus = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(json.err).toBe('');
    expect(pdus[2]).toMatchObject({
      command: 'CMPP_SUBMIT_RESP',
      protocol: 'cmpp20',
      elapsedMs: 25.785,
      statusName: 'OK',
      exchange: pdus[1].exchange,
    });
    const byNumber = await yima(['decode', capture, '--number', '8613800138000', '--json']);
    expect(byNumber.out.match(/"command":"\w+"/g)).toHaveLength(7);
    const byId = await yima(['decode', capture, '--id', '13425800311158145031']);
    expect(byId.out.match(/CMPP_\w+/g)).toEqual(['CMPP_SUBMIT', 'CMPP_SUBMIT_RESP', 'CMPP_DELIVER']);
    const elsewhere = await yima(['decode', capture, '--port', '2775=smpp']);
    expect(elsewhere).toMatchObject({
      out: '',
      err: '25 packets, 1 connections, 1 of them of other protocols, 0 PDUs\n',
    });
  });

  it('shows what it can of a cut capture, and where it is cut', async () => {
    const file = join(folder(), 'cut.pcapng');
    writeFileSync(file, readFileSync(capture).subarray(0, 2000));
    const run = await yima(['decode', file]);
    expect(run.code).toBe(1);
    expect(run.out).toContain('CMPP_SUBMIT_RESP');
    expect(run.err).toMatch(/cut\.pcapng: the file ends within a record of \d+ octets at octet \d+/);
    expectComplaint(await yima(['decode', 'package.json']), /package\.json: neither pcap nor pcapng: .* at octet 0/);
    expectComplaint(await yima(['decode', '.']), /\.: cannot be read: EISDIR/);
    expectComplaint(await yima(['decode', capture, '--port', '2775=sms']), /--port 2775=sms: give port=protocol/);
  });

  it('reads a capture from standard input', async () => {
    const run = await yima(['decode', '-'], readFileSync(capture));
    expect(run.out.trimEnd().split('\n')).toHaveLength(10);
  });
});

describe('yima explain', () => {
  const explain = (...args: string[]) =>
    yima(['explain', '--config', 'config/demo.yaml', '--account', 'demo', ...args]);

  it('shows coding, segments, route and alternatives', async () => {
    const text = `您的验证码是123456。${'好'.repeat(80)}`;
    const run = await explain('--from', '10690000', '--to', '8613800138000', '--text', text, '--json');
    expect(run.code).toBe(0);
    const shown = JSON.parse(run.out);
    expect(shown).toMatchObject({
      accepted: true,
      route: 'main',
      rule: { destination: '', operator: 'mobile' },
      operator: { name: 'mobile', why: 'prefix 138' },
      receipt: 'always',
      urgent: false,
    });
    const [first, second] = shown.alternatives;
    // 6 + 6 + 1 + 80 characters: 2 octets each in GBK but for the digits, and 2 each in UCS2; 134 octets a part.
    expect(first).toMatchObject({
      carrier: 'cmpp2',
      protocol: 'cmpp',
      step: 1,
      coding: 'gbk',
      registeredDelivery: 1,
      passed: [],
    });
    expect(first.segments.map((s: { octets: number }) => s.octets)).toEqual([134, 46]);
    expect(first.segments.map((s: { text: string }) => s.text).join('')).toBe(text);
    expect(first.submit).toMatchObject({ command: 'CMPP_SUBMIT', fields: { pk_total: 2, pk_number: 1, msg_fmt: 15 } });
    expect(second).toMatchObject({ carrier: 'cmpp3', step: 2, coding: 'ucs2' });
    expect(second.segments.map((s: { octets: number }) => s.octets)).toEqual([134, 52]);
    expect(shown.alternatives).toHaveLength(2);
  });

  it('says why a carrier is passed over, and what is refused', async () => {
    const down = await explain('--to', '8613800138000', '--text', 'x', '--down', 'cmpp2');
    expect(down.code).toBe(0);
    expect(down.out).toMatch(/^1\. cmpp3 [\s\S]*passed over cmpp2: down/m);
    expect(down.out).toMatch(/^operator: mobile \(prefix 138\)$/m);
    const bad = await explain('--to', 'nobody', '--text', 'x');
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/REFUSED[\s\S]*FAIL destination/);
    const none = await yima([
      'explain',
      '--config',
      'config/demo.yaml',
      '--account',
      'x',
      '--to',
      '861',
      '--text',
      'x',
    ]);
    expect(none.out).toMatch(/FAIL account +none is called x/);
    expectComplaint(await explain('--to', '861', '--text', 'x', '--down', 'nope'), /there is no carrier "nope"/);
    expectComplaint(await explain('--to', '861', '--text', '好', '--coding', 'gsm7'), /characters that gsm7 has not/);
  });
});

describe('commands for a running gateway', () => {
  async function gateway(): Promise<{ smpp: string; admin: string; child: ChildProcess; errors: () => string }> {
    const carrier = await startCarrier({ protocol: 'smpp', accounts: [{ name: 'yima', secret: 'secret' }] });
    closers.push(() => carrier.stop());
    const data = folder();
    const file = join(data, 'yima.yaml');
    const carriers = [{ name: 'smsc', protocol: 'smpp', port: carrier.port }] as const;
    writeFileSync(file, yamlOf({ data, carriers, log: 'info' }));
    const child = spawn(process.execPath, [BUILT, 'serve', '--config', file, '--ready-json']);
    closers.push(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const ports = await new Promise<{ listeners: { smpp: number }; admin: number }>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('{"ready":true')) resolve(JSON.parse(line));
      });
      child.once('close', () => reject(new Error(`the gateway ended: ${errors}`)));
    });
    return {
      smpp: String(ports.listeners.smpp),
      admin: `http://127.0.0.1:${ports.admin}`,
      child,
      errors: () => errors,
    };
  }

  it('send, load, carriers, unmatched, replay and reload work against it, and it stops when told', async () => {
    const { smpp, admin, child, errors } = await gateway();
    const who = ['--port', smpp, '--system-id', 'acme', '--password', 'secret'];

    const sent = await yima([
      'send',
      ...who,
      '--to',
      '8613800138000',
      '--text',
      '你好，世界'.repeat(40),
      '--wait',
      '20s',
    ]);
    expect(sent).toMatchObject({ code: 0, err: '' });
    const lines = sent.out.trim().split('\n');
    // 200 characters at 67 a part: three ids, then three receipts of these.
    expect(lines).toHaveLength(6);
    expect(lines.slice(3).sort()).toEqual(
      lines
        .slice(0, 3)
        .map((id) => `${id} DELIVRD`)
        .sort(),
    );

    const loaded = await yima(['load', ...who, '--count', '200', '--binds', '2', '--json']);
    expect(loaded).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(loaded.out)).toMatchObject({ messages: 200, acked: 200, receipted: 200, lost: 0, duplicated: 0 });
    const texts = join(folder(), 'texts.txt');
    writeFileSync(texts, 'hello\n\n你好\n');
    const table = await yima(['load', ...who, '--count', '10', '--texts', texts]);
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/^lost +0$/m);
    expect(table.out).toMatch(/^to receipt +p50 /m);

    const followed = await yima(['send', ...who, '--to', '13800000001', '--text', 'followed', '--wait', '20s']);
    const id = followed.out.split('\n')[0]!;
    const traced = await yima(['trace', id, '--admin', admin]);
    expect(traced).toMatchObject({ code: 0, err: '' });
    expect(traced.out).toMatch(new RegExp(`^message ${id}, MT of acme, .* → 138\\*+01$`, 'm'));
    expect(traced.out).toMatch(
      /^[-\d]+ [:.\d]+ acme ──► Yima +smpp #\d+ submit_sm seq=\d+ .*text="\(8 characters\)"$/m,
    );
    expect(traced.out).toMatch(/Yima ──► smsc +smpp #\d+ submit_sm /);
    const verbose = await yima(['trace', id, '--admin', admin, '--verbose']);
    expect(verbose.out).toMatch(/^ {6}service_type +""$/m);
    expect(JSON.parse((await yima(['trace', id, '--admin', admin, '--json'])).out).message.publicId).toBe(id);
    expect(await yima(['trace', '99', '--admin', admin])).toMatchObject({ code: 1, err: '' });
    expectComplaint(await yima(['trace', id, '--admin', admin, '--text']), /^yima: log\.text is off/);

    const carriers = await yima(['carriers', '--admin', admin]);
    expect(carriers.code).toBe(0);
    expect(carriers.out).toMatch(/^smsc +smpp +1\/1 /m);
    expect(JSON.parse((await yima(['carriers', '--admin', admin, '--json'])).out)[0].counters.submitted).toBe(214);
    expect((await yima(['unmatched', '--admin', admin])).out).toMatch(/^0 unmatched/);
    const replay = ['receipts', 'replay', '--admin', admin, '--account', 'acme', '--from', '2020-01-01T00:00:00Z'];
    expect((await yima([...replay, '--to', '2100-01-01T00:00:00Z'])).out).toMatch(/^214 receipts are told again\n$/);
    expectComplaint(await yima([...replay, '--to', 'tomorrow']), /^yima: to: give a time/);
    expect((await yima(['reload', '--admin', admin])).out).toBe('reloaded\n');

    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(code, errors()).toBe(0);
  });

  it('exit code 1 when a receipt is lost', async () => {
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'acme', secret: 'secret' }],
      behaviour: { reports: { probability: 0, states: { DELIVERED: 1 } } },
    });
    closers.push(() => carrier.stop());
    // A platform cannot tell a carrier from a gateway: this one reports nothing.
    const run = await yima([
      ...['load', '--port', String(carrier.port), '--system-id', 'acme', '--password', 'secret'],
      ...['--count', '5', '--receipt-timeout', '300ms', '--json'],
    ]);
    expect(JSON.parse(run.out)).toMatchObject({ acked: 5, lost: 5 });
    expect(run.code).toBe(1);
  });

  it('verdict joins the books of a load and of its carrier', async () => {
    const books = folder();
    const carrier = await startCarrier({
      protocol: 'smpp',
      accounts: [{ name: 'acme', secret: 'secret' }],
      behaviour: { numbers: [{ suffix: '3', state: 'EXPIRED' }], duplicateReport: { probability: 0 } },
      book: join(books, 'carrier.book'),
    });
    closers.push(() => carrier.stop());
    const load = [
      'load',
      '--port',
      String(carrier.port),
      '--system-id',
      'acme',
      '--password',
      'secret',
      '--count',
      '50',
    ];
    const loaded = await yima([
      ...load,
      ...['--mix', 'gsm7:20-200=2,ucs2:30=1', '--arrival', 'poisson:5000', '--seed', '3'],
      ...['--expect', '*=DELIVERED', '--expect', '*3=EXPIRED', '--book', join(books, 'platform.book')],
    ]);
    expect(loaded).toMatchObject({ code: 0, err: '' });
    expect(loaded.out).toMatch(/^states +DELIVERED 55, EXPIRED 6$/m);
    await carrier.stop();
    const ends = ['verdict', '--platform', join(books, 'platform.book'), '--carrier', join(books, 'carrier.book')];
    const good = await yima(ends);
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(good.out).toMatch(/^messages +50$/m);
    expect(good.out).toMatch(/^report to receipt +\d+ /m);
    expect(good.out).toMatch(/^verdict +clean$/m);
    // Without the carrier's messages all deliveries are made up.
    const [head] = readFileSync(join(books, 'carrier.book'), 'utf8').split('\n');
    writeFileSync(join(books, 'carrier.book'), `${head}\n`);
    const bad = await yima([...ends, '--json', '--named', '2']);
    expect(bad.code).toBe(1);
    const made = JSON.parse(bad.out).breaches[0];
    expect(made).toMatchObject({ kind: 'delivery made up' });
    expect(made.offenders).toHaveLength(2);
    expectComplaint(await yima(['verdict', '--platform', join(books, 'none')]), /cannot read the book .*none: ENOENT/);
    expectComplaint(
      await yima(['verdict', '--platform', join(books, 'carrier.book')]),
      /carrier\.book:1: book: it is that of a carrier/,
    );
    expectComplaint(await yima(['load', '--expect', '*3=LOST']), /"LOST" is no outcome; give one of DELIVERED/);
    expectComplaint(await yima(['load', '--mix', 'gsm7']), /"gsm7" is no part; give kind:characters=weight/);
    expectComplaint(
      await yima(['load', '--numbers', 'mars=1']),
      /"mars" is no prefix; give digits, or one of china-mobile/,
    );
  });

  it('complaints say what to do', async () => {
    expectComplaint(
      await yima(['send', '--port', '1', '--to', '861', '--text', 'x']),
      /cannot connect to 127\.0\.0\.1:1: ECONNREFUSED; does the gateway run\?/,
    );
    expectComplaint(
      await yima(['carriers', '--admin', 'http://127.0.0.1:1']),
      /cannot reach the gateway's admin at http:\/\/127\.0\.0\.1:1.*does it run\?/,
    );
    expectComplaint(await yima(['load', '--texts', '/nonexistent']), /cannot read the texts in \/nonexistent: ENOENT/);
    expectComplaint(await yima(['serve', '--config', '/nonexistent']), /cannot read the configuration: ENOENT/);
    expectComplaint(await yima(['serve', '--demo', '--config', 'x']), /give either --demo or --config/);
    const carrier = await startCarrier({ protocol: 'smpp', accounts: [{ name: 'acme', secret: 'secret' }] });
    closers.push(() => carrier.stop());
    const wrong = ['--port', String(carrier.port), '--system-id', 'acme', '--password', 'wrong'];
    expectComplaint(
      await yima(['send', ...wrong, '--to', '861', '--text', 'x']),
      /bind as "acme" refused: ESME_RINVPASWD; check/,
    );
    expectComplaint(await yima(['load', ...wrong, '--count', '1']), /refused with ESME_RINVPASWD/);
    expectComplaint(await yima(['simulate', 'smpp', '--port', String(carrier.port)]), /the port is taken/);
  });

  it('simulate runs a carrier until it is stopped', async () => {
    const child = spawn(process.execPath, [
      BUILT,
      'simulate',
      'smpp',
      '--account',
      'acme:secret',
      '--report-delay',
      '10',
    ]);
    closers.push(() => child.kill('SIGKILL'));
    const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    const port = /on 127\.0\.0\.1:(\d+), accounts acme/.exec(line)?.[1];
    const run = await yima([
      'send',
      '--port',
      port!,
      '--system-id',
      'acme',
      '--password',
      'secret',
      '--to',
      '861',
      '--text',
      'x',
      '--wait',
    ]);
    expect(run.out).toMatch(/^(\S+)\n\1 DELIVRD\n$/);
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(0);
  });
});

describe('the log', () => {
  function logged(text: boolean): Record<string, unknown> {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', text, node: 'n', to: { write: (line) => void lines.push(line) } });
    log.info(
      {
        password: 'p1',
        carrier: { secret: 's1', sharedSecret: 's2' },
        a: { b: { password: 'p2' } },
        text: 't1',
        value: { shortMessage: 't2' },
        kept: 1,
      },
      'said',
    );
    log.debug('not said');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/p1|p2|s1|s2/);
    return JSON.parse(lines[0]!) as Record<string, unknown>;
  }

  it('is JSON without secrets, and without texts unless they are asked for', () => {
    const line = logged(false);
    expect(line).toMatchObject({
      level: 'info',
      node: 'n',
      msg: 'said',
      kept: 1,
      password: '[hidden]',
      text: '[hidden]',
    });
    expect(line.value).toEqual({ shortMessage: '[hidden]' });
    expect(Number.isNaN(Date.parse(String(line.time)))).toBe(false);
    const open = logged(true);
    expect(open).toMatchObject({ text: 't1', value: { shortMessage: 't2' } });
  });
});
