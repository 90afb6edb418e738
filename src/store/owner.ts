import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreFault } from './journal.ts';

/**
 * Makes this process the owner of `folder`, by a file `owner` in it that names the process and its start time (a
 * process number alone may have been given to another process since).
 *
 * Throws `StoreFault` 'locked' if a live process, this one included, owns it; the file of a dead owner is taken over.
 * Returns the function that gives the folder up.
 */
export function ownFolder(folder: string): () => void {
  const file = join(folder, 'owner');
  const claim = join(folder, `owner.${process.pid}`);
  const own = `${process.pid} ${startOf(process.pid) ?? '?'} ${bootId()}\n`;
  // A link appears with its content or not at all, so nobody reads half an owner.
  writeFileSync(claim, own);
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (linked(claim, file)) return () => release(file, own);
      const holder = read(file);
      if (holder === undefined) continue;
      if (isAlive(holder)) throw lockedBy(folder, holder);
      takeAway(folder, file, holder);
    }
    throw lockedBy(folder, read(file) ?? '');
  } finally {
    unlinkSync(claim);
  }
}

/** Removes a dead owner's file, and puts it back if somebody else was faster and it is no longer the dead one's. */
function takeAway(folder: string, file: string, dead: string): void {
  const aside = `${file}.${process.pid}.dead`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = read(aside) ?? '';
  if (moved !== dead) linked(aside, file);
  unlinkSync(aside);
  if (moved !== dead) throw lockedBy(folder, moved);
}

function release(file: string, own: string): void {
  if (read(file) === own) unlinkSync(file);
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(holder: string): boolean {
  const [pid = '', start, boot] = holder.trim().split(' ');
  if (!/^[1-9]\d*$/.test(pid) || boot !== bootId()) return false;
  if (start !== '?') return startOf(Number(pid)) === start;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** When the process started, in clock ticks since boot: field 22 of proc(5) stat; undefined if it is gone or there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie (field 3) keeps its entry but will never write again.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '?';
  }
}

function lockedBy(folder: string, holder: string): StoreFault {
  const pid = holder.split(' ')[0];
  return new StoreFault(
    'locked',
    folder,
    `process ${pid} uses it. Stop that process, or give this one another folder.`,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
