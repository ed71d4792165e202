import { existsSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { TEST_CA } from './tests/support/google-server.ts';

// Node reads it when a process starts: the workers inherit it, and trust the tests' own googleapis.com.
process.env['NODE_EXTRA_CA_CERTS'] = TEST_CA;

// Nothing here is a timed test; a busy machine only takes longer. The limit is for what hangs.
const slow = { testTimeout: 900_000, hookTimeout: 900_000 };

// Else the texts of style sheets would be empty, and pages drawn without theirs.
const css = true;

// Tests make their files in memory, where there is some and programs may be run from it: on a disk, that takes half of their time.
const mounts = existsSync('/proc/mounts') ? readFileSync('/proc/mounts', 'utf8') : '';
const hasMemory = /^\S+ \/dev\/shm tmpfs rw(?!\S*noexec)/m.test(mounts);
const inMemory = {
  setupFiles: './tests/support/no-fsync.ts',
  env: hasMemory ? { TMPDIR: '/dev/shm' } : {},
};

/** `npm test` runs the projects `unit` and `mocks`; the others need more than npm, say what, and are scripts of their own. */
export default defineConfig({
  test: {
    // Tests wait for servers and for the commands that they start; each worker more loads the modules once more.
    maxWorkers: 3,
    coverage: {
      include: ['src/**/*.ts'],
      // cli.ts only hands the process to program.ts; the end-to-end tests run it as a child process.
      exclude: ['src/cli.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
    projects: [
      // Files share the modules of a process: to load them anew for each takes a third of the time.
      { test: { name: 'unit', include: ['tests/**/*.test.ts'], isolate: false, ...inMemory, css, ...slow } },
      // Each file puts modules of its own in the place of others, and so in no other file's process.
      { test: { name: 'mocks', include: ['tests/**/*.mocks.ts'], ...inMemory, css, ...slow } },
      // Nothing but time: the compiler goes through src/ once for each case.
      { test: { name: 'change', include: ['tests/*.change.ts'], ...slow } },
      // A Chromium: Debian's package, or CHROMIUM=<path of another>.
      { test: { name: 'browser', include: ['tests/browser/**/*.browser.ts'], css, ...slow } },
      // Nothing but time: its runs take a minute and a half.
      { test: { name: 'crash', include: ['tests/crash/*.crash.ts'], testTimeout: 600_000 } },
      // Nothing but time, and root for its full disks: more than a year of daily runs.
      { test: { name: 'year', include: ['tests/year/*.year.ts'], testTimeout: 1_800_000 } },
      // Python and PyPI: ClickHouse's own engine in a process of its own.
      {
        test: {
          name: 'clickhouse',
          include: ['tests/clickhouse/*.clickhouse.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      // Go and its module proxy (act, actionlint), git, npm's registry, and what `clickhouse` needs.
      { test: { name: 'action', include: ['tests/action/*.action.ts'], ...slow } },
      // Python and PyPI, for the wheel, its Node.js and uv.
      { test: { name: 'wheel', include: ['tests/wheel/*.wheel.ts'], ...slow } },
      // Debian's packages and root: it boots Debian under systemd-nspawn and builds the image.
      {
        test: {
          name: 'deploy',
          include: ['tests/deploy/**/*.deploy.ts'],
          globalSetup: 'tests/deploy/setup.ts',
          pool: 'forks',
          // Two hosts at a time share one tree of control groups, and each removes what the other has just made.
          fileParallelism: false,
          ...slow,
        },
      },
    ],
  },
});
