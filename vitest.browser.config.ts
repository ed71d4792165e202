import { defineConfig } from 'vitest/config';

// npm run test:browser. Needs a Chromium: Debian's package, or CHROMIUM=<path of another>.
export default defineConfig({
  test: { include: ['tests/browser/**/*.browser.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
});
