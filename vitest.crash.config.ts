import { defineConfig } from 'vitest/config';

// `npm run test:crash`: a hundred runs take most of a minute. Its files end in .crash.ts, so that `npm test`
// never picks them up.
export default defineConfig({
  test: { include: ['tests/crash/*.crash.ts'], testTimeout: 600_000 },
});
