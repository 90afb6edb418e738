import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Engine, StoreFault } from '../src/store/journal.ts';
import { openLmdb } from '../src/store/lmdb.ts';
import { commitOf, replayed, storeContract } from './store.contract.ts';

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'yima-store-'));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

storeContract('lmdb', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yima-store-'));
  return {
    open: (limits) => openLmdb(join(folder, 'made', 'here'), limits),
    discard: () => rmSync(folder, { recursive: true, force: true }),
  };
});

function faultOf(open: () => unknown): StoreFault {
  try {
    open();
  } catch (error) {
    if (error instanceof StoreFault) return error;
    throw error;
  }
  throw new Error('it opened');
}

/** Pages of files that are mapped into this process, in MB. */
function mappedMegabytes(): number {
  return Number(/RssFile:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}

describe('lmdb: one owner', () => {
  test('a second open is refused, and says who has it', async () => {
    const folder = newFolder();
    const engine = openLmdb(folder);
    const fault = faultOf(() => openLmdb(folder));
    expect(fault.code).toBe('locked');
    expect(fault.message).toContain(folder);
    expect(fault.message).toContain(`process ${process.pid}`);
    expect(await engine.journal.append(commitOf('one'))).toBe(1);
    await engine.close();
    const again = openLmdb(folder);
    await engine.close(); // a late second close gives up nothing of the new owner's
    expect(faultOf(() => openLmdb(folder)).code).toBe('locked');
    await again.close();
  });

  test('the folder of a process that is gone is taken over, also if its number was given away since', async () => {
    const folder = newFolder();
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    // Gone; alive but started at another time; from before the last boot; garbage.
    for (const owner of [`${child.pid} 1 ${boot}`, `${process.pid} 1 ${boot}`, `${process.pid} ? other`, '', 'junk']) {
      writeFileSync(join(folder, 'owner'), owner);
      await openLmdb(folder).close();
    }
  });

  test('a live process is refused by its number and start time', () => {
    const folder = newFolder();
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'latin1');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    writeFileSync(join(folder, 'owner'), `${process.ppid} ${start} ${boot}\n`);
    const fault = faultOf(() => openLmdb(folder));
    expect([fault.code, fault.message]).toEqual(['locked', expect.stringContaining(`process ${process.ppid} uses it`)]);
  });

  test('two processes do not share the file even if the owner file is lost', async () => {
    const folder = newFolder();
    const lmdb = import.meta.resolve('lmdb');
    const holder = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { open } from ${JSON.stringify(lmdb)};
       const db = open({ path: ${JSON.stringify(join(folder, 'journal.mdb'))} });
       await db.put('x', 1); db.get('x');
       console.log('open');
       setInterval(() => db.get('x'), 1000);`,
    ]);
    const gone = new Promise((resolve) => holder.once('exit', resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        holder.stdout.once('data', () => resolve());
        holder.once('exit', () => reject(new Error('the holder ended')));
      });
      expect(faultOf(() => openLmdb(folder)).code).toBe('locked');
    } finally {
      holder.kill('SIGKILL');
      await gone;
    }
  });
});

describe('lmdb: damage', () => {
  async function filled(): Promise<string> {
    const folder = newFolder();
    const engine = openLmdb(folder);
    for (let i = 1; i <= 3; i++) await engine.journal.append(commitOf(Buffer.alloc(50_000, `batch ${i} `)));
    await engine.close();
    return folder;
  }

  test('a changed octet of a batch is reported, not replayed', async () => {
    const folder = await filled();
    const file = join(folder, 'journal.mdb');
    const octets = readFileSync(file);
    octets[octets.indexOf('batch 2 batch 2') + 20_000]! ^= 1;
    writeFileSync(file, octets);
    const engine = openLmdb(folder);
    const seen: number[] = [];
    expect(faultOf(() => engine.journal.replay((sequence) => seen.push(sequence)))).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('batch 2'),
    });
    expect(seen).toEqual([1]);
    await engine.close();
  });

  test('a file that is not a store is reported and left alone', async () => {
    const folder = newFolder();
    const file = join(folder, 'journal.mdb');
    writeFileSync(file, Buffer.alloc(100_000, 'not a database '));
    const fault = faultOf(() => openLmdb(folder));
    expect([fault.code, fault.message]).toEqual(['corrupt', expect.stringContaining(folder)]);
    expect(readFileSync(file, 'latin1')).toMatch(/^not a database/);
    truncateSync(file, 0);
    await openLmdb(folder).close(); // and the folder was given up
  });

  test('a folder that cannot be made is a fault with its name', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    const fault = faultOf(() => openLmdb(join(folder, 'file', 'store')));
    expect([fault.code, fault.message]).toEqual(['failed', expect.stringContaining(join(folder, 'file', 'store'))]);
  });

  test('a file that cannot be opened is a fault, and works once it can', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'journal.mdb'));
    expect(faultOf(() => openLmdb(folder)).code).toBe('failed');
    rmSync(join(folder, 'journal.mdb'), { recursive: true });
    await openLmdb(folder).close();
  });
});

describe('lmdb: size', () => {
  async function churn(engine: Engine, commits: number, keep: number, sizeOf: (i: number) => number): Promise<void> {
    const buffer = Buffer.alloc(500_000, 'x');
    for (let i = 0; i < commits; i++) {
      const trimTo = Math.max(0, engine.journal.last - keep);
      await engine.journal.append(commitOf(buffer.subarray(0, sizeOf(i)), { trimTo }));
    }
  }

  test('the file stays near what is live, and mapped pages are let go', async () => {
    const folder = newFolder();
    const engine = openLmdb(folder, { maxMapped: 4 * 2 ** 20 });
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return 2_000 + (seed % 198_000);
    };
    const before = mappedMegabytes();
    await churn(engine, 1_500, 100, random);
    const used = statSync(join(folder, 'journal.mdb')).blocks * 512;
    expect(engine.journal.last - engine.journal.first).toBe(100);
    expect(used).toBeLessThan(engine.journal.octets * 1.5);
    // 64 commits between two looks, each trim mapping at most two 64 KiB windows, on top of the limit.
    expect(mappedMegabytes() - before).toBeLessThan(4 + 8 + 4);
    const [first] = replayed(engine)[0]!;
    expect(first).toBe(engine.journal.first);
    await engine.close();
  });

  test('the address space given at first is no limit', async () => {
    const folder = newFolder();
    const engine = openLmdb(folder, { mapSize: 2 ** 20 });
    await churn(engine, 40, 100, () => 200_000);
    expect(replayed(engine).map(([, batch]) => batch.length)).toEqual(Array.from({ length: 40 }, () => 200_000));
    await engine.close();
  });
});
