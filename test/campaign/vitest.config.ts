import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Campaigns: too long for the tests. `npm run crash`, `npm run soak`. */
// biome-ignore lint/style/noDefaultExport: vitest reads it so
export default defineConfig({
  test: {
    include: ['test/campaign/*.campaign.ts'],
    globalSetup: [fileURLToPath(new URL('../support/build.ts', import.meta.url))],
    testTimeout: 24 * 3_600_000,
    hookTimeout: 60_000,
  },
});
