import { defineConfig } from 'vitest/config';
import { countingReporter } from './test/reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    reporters: ['default', countingReporter()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
