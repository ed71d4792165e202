import { defineConfig } from 'vitest/config';

// `npm run test:deploy`: boots Debian under systemd-nspawn and builds the image, so it needs root and
// Debian's packages. Its files end in .deploy.ts, so that `npm test` never picks them up.
export default defineConfig({
  test: {
    include: ['tests/deploy/**/*.deploy.ts'],
    globalSetup: 'tests/deploy/setup.ts',
    pool: 'forks',
    // The steps of a file build on each other: after a failure the rest would only repeat it.
    bail: 1,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    reporters: ['verbose'],
  },
});
