import { expect, it } from 'vitest';
import { runMatrix } from '../simulators/matrix/run.ts';

// What `npm run matrix` prints as a table.
it('every platform protocol through the gateway to every carrier protocol', async () => {
  const { cells, platforms, carriers } = await runMatrix('dist/src/cli/yima.js');
  expect(cells.filter((cell) => cell.failed !== undefined)).toEqual([]);
  expect(cells).toHaveLength(platforms.length * carriers.length);
}, 180_000);
