import { defineConfig } from 'vitest/config';
import { TEST_CA } from './tests/support/google-server.ts';

// Node reads it when a process starts: the workers inherit it, and trust the tests' own googleapis.com.
process.env['NODE_EXTRA_CA_CERTS'] = TEST_CA;

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // The end-to-end tests mostly wait for the commands that they start.
    maxWorkers: 4,
    // Nothing here is a timed test; a busy machine only takes longer.
    testTimeout: 60_000,
    coverage: {
      include: ['src/**/*.ts'],
      // cli.ts only hands the process to program.ts; the end-to-end tests run it as a child process.
      exclude: ['src/cli.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
});
