import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one line that a program can read: `120 passed, 0 failed, 0 skipped`. */
export function countingReporter(write: (line: string) => void = (line) => process.stdout.write(line)): Reporter {
  return {
    onTestRunEnd(modules, errors) {
      const { passed, failed, skipped } = count(modules);
      write(`\n${passed} passed, ${failed + errors.length} failed, ${skipped} skipped\n`);
    },
  };
}

/** A file that could not even be read has no tests, but is no success. */
function count(modules: readonly Pick<TestModule, 'children' | 'state'>[]): {
  passed: number;
  failed: number;
  skipped: number;
} {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    let failed = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'failed') failed++;
      // A test that never came to an end has shown nothing.
      else if (state === 'pending') failed++;
      else counts[state]++;
    }
    if (failed === 0 && module.state() === 'failed') failed = 1;
    counts.failed += failed;
  }
  return counts;
}
