import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLmdb } from '../src/store/lmdb.ts';

const engineModule = new URL('../dist/src/store/lmdb.js', import.meta.url);
beforeAll(() => {
  if (!existsSync(fileURLToPath(engineModule))) throw new Error('dist/ is missing: run npm run build first');
});

/** Of util-linux: sets a process's limits, from outside too. */
const prlimit = 'prlimit';

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yima-store-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The batch that goes under a sequence number: 100 octets to 300 KB that tell it from every other. */
function batchOf(sequence: number): Buffer {
  return Buffer.alloc(100 + ((sequence * 7_919) % 300_000), `<${sequence}>`);
}

/** Runs `body` in a process of its own, with `engine`, `batchOf`, `commitOf` and `say` at hand; its lines are what it said. */
function run(body: string, under: readonly string[] = []): { lines: AsyncIterator<string>; ended: Promise<void> } {
  const script = `
    import { writeSync } from 'node:fs';
    import { openLmdb } from ${JSON.stringify(engineModule.href)};
    const say = (what) => writeSync(1, what + '\\n');
    const batchOf = ${batchOf.toString()};
    const commitOf = (batch, more) => ({ batch, coldPut: [], coldDelete: [], trimTo: 0, ...more });
    say('opening');
    const engine = openLmdb(${JSON.stringify(folder)});
    ${body}`;
  const [program, ...args] = [...under, process.execPath, '--input-type=module', '-e', script];
  const started = spawn(program!, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child = started;
  const ended = new Promise<void>((resolve, reject) => {
    started.once('error', reject);
    started.once('close', () => resolve());
  });
  return { lines: createInterface({ input: started.stdout })[Symbol.asyncIterator](), ended };
}

const appender = `
  for (let next = engine.journal.last + 1, under = 0; ; next++) {
    const sequence = next;
    engine.journal.append(commitOf(batchOf(sequence), {
      coldPut: [{ id: sequence, keys: [Buffer.from('key ' + sequence)], due: sequence, record: Buffer.from('record ' + sequence) }],
      coldDelete: sequence > 20 ? [sequence - 20] : [],
      trimTo: Math.max(0, sequence - 40),
    })).then((got) => { under--; say(got === sequence ? got : 'wrong number ' + got); });
    if (++under === 8) await new Promise((go) => setTimeout(go, 1));
    while (under >= 8) await new Promise(setImmediate);
  }`;

describe('kill -9', () => {
  test('every append that resolved is there after the restart, whole, in order, with its cold part', async () => {
    // Lines to wait for before the kill; 0 and 1 kill while the store is being opened or replayed.
    let newest = 0;
    for (const after of [1, 0, 30, 3, 61, 1, 17, 90, 2, 45]) {
      const { lines, ended } = run(appender);
      const said: string[] = [];
      while (said.length <= after) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`the child ended by itself after ${said.join(' ')}`);
        said.push(value);
      }
      child!.kill('SIGKILL');
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) said.push(line.value);
      await ended;

      expect(said.shift()).toBe('opening');
      expect(said).toEqual(said.map((_, i) => String(newest + i + 1)));
      const resolved = newest + said.length;

      const engine = openLmdb(folder);
      const { first, last } = engine.journal;
      // One more may be on disk whose answer the kill cut off, and one that was being answered.
      expect(last).toBeGreaterThanOrEqual(resolved);
      expect(last).toBeLessThanOrEqual(resolved + 2);
      expect(first).toBe(Math.max(1, last - 39));
      const found: number[] = [];
      engine.journal.replay((sequence, batch) => {
        found.push(sequence);
        if (Buffer.compare(batch, batchOf(sequence)) !== 0)
          throw new Error(`batch ${sequence} is not what was appended`);
      });
      expect(found).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i));
      expect(engine.cold.count).toBe(Math.min(20, last));
      for (let id = Math.max(1, last - 25); id <= last + 1; id++) {
        const record = id > last - 20 && id <= last ? `record ${id}` : undefined;
        const entry = engine.cold.get(Buffer.from(`key ${id}`));
        expect(entry && Buffer.from(entry.record).toString()).toBe(record);
      }
      await engine.close();
      newest = last;
    }
    expect(newest).toBeGreaterThan(200);
  });

  test('while it lives its folder is refused to others', async () => {
    const { lines, ended } = run(`say('open'); setInterval(() => {}, 1000);`);
    await lines.next();
    await lines.next();
    expect(() => openLmdb(folder)).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringContaining(`process ${child!.pid} uses it`) }),
    );
    child!.kill('SIGKILL');
    await ended;
    await openLmdb(folder).close();
  });
});

describe('no room', () => {
  test('an append that finds none is refused as full, leaves nothing, and succeeds once there is room', async () => {
    // The kernel refuses writes beyond 8 MB of a file (EFBIG) until the test lifts that limit.
    const { lines, ended } = run(
      `
      const batch = (n) => Buffer.alloc(200_000, '<' + n + '>');
      const cold = (id) => [{ id, keys: [Buffer.from('key')], due: id, record: Buffer.from('record') }];
      let n = 1;
      const fill = async () => {
        for (;; n++) {
          try { await engine.journal.append(commitOf(batch(n), { coldPut: cold(n) })); }
          catch (fault) { return fault; }
        }
      };
      const report = (fault) => {
        const replayed = [];
        engine.journal.replay((sequence, octets) => {
          if (Buffer.compare(octets, octets.length === 200_000 ? batch(sequence) : Buffer.from('small')) !== 0) throw new Error('batch ' + sequence);
          replayed.push(sequence);
        });
        say(JSON.stringify({
          code: fault.code, message: fault.message, n, last: engine.journal.last, replayed,
          octets: engine.journal.octets, count: engine.cold.count, named: engine.cold.get(Buffer.from('key')).id,
        }));
      };
      report(await fill());
      report(await fill()); // the same commit once more
      await engine.journal.append(commitOf(Buffer.from('small'), { trimTo: engine.journal.last - 5 })); n++;
      const before = n;
      const fault = await fill(); // into the room that the trim made
      say(JSON.stringify({ code: fault.code, more: n - before }));
      for await (const _ of process.stdin) break; // the limit is lifted now
      for (let i = 0; i < 50; i++, n++) await engine.journal.append(commitOf(batch(n)));
      report({});
      await engine.close();
      say('closed');`,
      [prlimit, '--fsize=8000000:unlimited'],
    );
    const next = async () => String((await lines.next()).value);
    expect(await next()).toBe('opening');
    const one = JSON.parse(await next());
    expect(one).toMatchObject({
      code: 'full',
      last: one.n - 1,
      octets: one.last * 200_000,
      count: one.last,
      named: one.last,
    });
    expect(one.message).toContain(folder);
    expect(one.last).toBeGreaterThan(20);
    expect(one.replayed).toEqual(Array.from({ length: one.last }, (_, i) => i + 1));
    expect(JSON.parse(await next())).toEqual(one);
    const two = JSON.parse(await next());
    expect(two.code).toBe('full');
    expect(two.more).toBeGreaterThan(10);

    const lift = spawn(prlimit, ['--pid', String(child!.pid), '--fsize=unlimited'], { stdio: 'inherit' });
    expect(await new Promise((resolve) => lift.once('close', resolve))).toBe(0);
    child!.stdin!.end('go');
    const three = JSON.parse(await next());
    expect(three.last).toBe(one.last + 1 + two.more + 50);
    expect(three.replayed).toEqual(Array.from({ length: three.last - one.last + 5 }, (_, i) => one.last - 4 + i));
    expect(await next()).toBe('closed');
    await ended;

    const engine = openLmdb(folder);
    expect(engine.journal.last).toBe(three.last);
    await engine.close();
  });
});
