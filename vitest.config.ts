import { defineConfig } from 'vitest/config';
import { countingReporter } from './test/reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    reporters: ['default', countingReporter()],
    // Many times what a loaded machine needs: it matters only to a test that hangs.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
