import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BUILT = 'dist/src/cli/yima.js';

/** Builds `dist` where a source is newer: some tests start the gateway as the process that it is. */
export function setup(): void {
  const built = existsSync(BUILT) ? statSync(BUILT).mtimeMs : 0;
  const newest = Math.max(...['src', 'protocols', 'simulators'].map(newestIn));
  if (built > newest) return;
  // Types are checked by `npm run typecheck`; what matters here is what is emitted.
  const { status, stdout } = spawnSync('npm', ['run', 'build', '--silent'], { encoding: 'utf8' });
  if (!existsSync(BUILT)) throw new Error(`build failed with status ${status}:\n${stdout}`);
  if (status !== 0) process.stderr.write(stdout);
}

function newestIn(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestIn(path) : statSync(path).mtimeMs);
  }
  return newest;
}
