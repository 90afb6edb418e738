import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readScenario } from './read.ts';
import type { Scenario } from './schema.ts';

/** Names of the scenarios that come with the package. */
export function scenarioNames(): string[] {
  return readdirSync(libraryFolder())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** A scenario of the library by its name, or of any file (with a `/` or a `.yaml` in it). Throws RangeError as `readScenario` does. */
export function findScenario(nameOrFile: string): Scenario {
  return readScenario(scenarioFile(nameOrFile));
}

/** Where it is. Throws RangeError for a name that the library has not. */
export function scenarioFile(nameOrFile: string): string {
  if (/[/\\]|\.ya?ml$/.test(nameOrFile)) return nameOrFile;
  const names = scenarioNames();
  if (!names.includes(nameOrFile)) {
    throw new RangeError(`no scenario ${nameOrFile}; give a file, or one of ${names.join(', ')}`);
  }
  return join(libraryFolder(), `${nameOrFile}.yaml`);
}

/** In the package around this file, built or not. */
function libraryFolder(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new RangeError('the library of scenarios is not where the package is');
    folder = above;
  }
  return fileURLToPath(new URL('simulators/scenarios/', folder));
}
