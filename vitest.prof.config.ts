import { defineConfig } from 'vitest/config';
import { TEST_CA } from './tests/support/google-server.ts';
process.env['NODE_EXTRA_CA_CERTS'] = TEST_CA;
export default defineConfig({ test: { include: ['tests/**/*.test.ts'], isolate: false, setupFiles: ['./tests/support/no-fsync.ts','./tests/cpu.tmp.mjs'], env: {TMPDIR:'/dev/shm'}, css: true, testTimeout: 900000, hookTimeout: 900000 } });
