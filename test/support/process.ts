import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A gateway as a process of its own, which a test can kill. */
export interface GatewayProcess {
  /** Where its SMPP listener listens. */
  readonly port: number;
  /** Where its metrics and health are. */
  readonly admin: number;
  readonly pid: number;
  readonly log: readonly Record<string, unknown>[];
  /** Milliseconds from the start to the open listener. */
  readonly startMs: number;
  /** Ends it at once, at whatever it is; resolves when it is gone. */
  kill(): Promise<void>;
  /** Asks it to stop; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `yima serve` from `dist`. */
export async function startProcess(config: string): Promise<GatewayProcess> {
  const began = performance.now();
  const args = ['dist/src/cli/yima.js', 'serve', '--ready-json', '--config', config];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = once(child, 'exit') as Promise<[number | null, string | null]>;
  const log: Record<string, unknown>[] = [];
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout! });
  const { port, admin } = await new Promise<{ port: number; admin: number }>((resolve, reject) => {
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (entry.ready === true)
        resolve({ port: (entry.listeners as Record<string, number>).smpp!, admin: entry.admin as number });
      else log.push(entry);
    });
    void gone.then(([code, signal]) =>
      reject(new Error(`gateway ended with ${signal ?? code} before it listened: ${errors}${JSON.stringify(log)}`)),
    );
  });
  return {
    port,
    admin,
    pid: child.pid!,
    log,
    startMs: performance.now() - began,
    async kill() {
      child.kill('SIGKILL');
      const [code, signal] = await gone;
      if (signal !== 'SIGKILL') throw new Error(`gateway had ended by itself with ${signal ?? code}: ${errors}`);
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await gone;
      return code;
    },
  };
}
