import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a file that is not built, given from the root of the package: the same from the sources and from what is built of them. */
export function packageFile(path: string): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error(`${path}: there is no package around ${import.meta.url}`);
    folder = above;
  }
  return fileURLToPath(new URL(path, folder));
}
