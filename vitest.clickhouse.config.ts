import { defineConfig } from 'vitest/config';

// `npm run test:clickhouse`: needs Python and PyPI. Its files end in .clickhouse.ts, so that `npm test` never
// picks them up.
export default defineConfig({
  test: {
    include: ['tests/clickhouse/*.clickhouse.ts'],
    testTimeout: 120_000,
    hookTimeout: 900_000,
    fileParallelism: false,
  },
});
