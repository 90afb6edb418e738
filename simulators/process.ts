import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the operating system says of a process. */
interface Usage {
  readonly pid: number;
  /** CPU of all its threads so far, in microseconds (granularity: the kernel's tick). */
  cpu(): number;
  /** Resident memory in MB: all of it, and without mapped files. */
  rss(): { readonly all: number; readonly anonymous: number };
}

/** A process under measurement: started, awaited until it says that it is ready, read from the operating system, ended. */
export interface Measured extends Usage {
  readonly name: string;
  /** Fields of its ready line. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Resolves with all that it printed after the ready line. */
  stop(): Promise<string>;
}

/** Microseconds in a tick of /proc: USER_HZ is 100 on Linux. */
const TICK = 10_000;

/** Starts `node` with `args`; resolves at its first line of JSON on standard output, rejects if it ends before. */
export async function start(name: string, args: readonly string[]): Promise<Measured> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it was ready`)));
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      printed += text;
      const line = printed.split('\n').find((l) => l.startsWith('{') && l.includes('"ready"'));
      if (line === undefined) return;
      try {
        resolve(JSON.parse(line) as Record<string, unknown>);
      } catch {
        // The line is not whole yet.
      }
    });
  });
  return {
    name,
    ready,
    ...usageOf(child),
    async stop() {
      await ended(child);
      return printed;
    },
  };
}

function usageOf(child: ChildProcess): Usage {
  const pid = child.pid ?? 0;
  return {
    pid,
    cpu() {
      // utime and stime are the 14th and 15th field; the name in brackets may hold blanks.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * TICK;
    },
    rss() {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const kb = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
      return { all: kb('VmRSS') / 1024, anonymous: kb('RssAnon') / 1024 };
    },
  };
}

/** A process that runs to its end by itself. */
export interface Running extends Usage {
  /** Resolves with what it printed. A status of 1 is a verdict, not a failure. */
  readonly done: Promise<string>;
}

/** Starts `node` with `args`. */
export function launch(name: string, args: readonly string[]): Running {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    printed += text;
  });
  const done = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 || code === 1) resolve(printed);
      else reject(new Error(`${name} ended with ${code}`));
    });
  });
  return { ...usageOf(child), done };
}

/** Runs `node` with `args` to its end; resolves with what it printed. */
export const run = (name: string, args: readonly string[]): Promise<string> => launch(name, args).done;

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('exit', () => {
      clearTimeout(hard);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
