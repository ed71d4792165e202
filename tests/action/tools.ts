import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../support/python.mjs';

/*
 * actionlint and act, built by Go from its module proxy into the cache folder.
 */

const TOOLS = {
  actionlint: 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
  act: 'github.com/nektos/act@v0.2.89',
};

/** Path of a tool, which is built unless it is there. */
export function goTool(name: keyof typeof TOOLS): string {
  const module = TOOLS[name];
  const folder = join(CACHE, 'go', module.replaceAll('/', '-'));
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('go', ['install', module], {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
      stdio: 'pipe',
    });
  } catch (error) {
    throw new Error(`these tests need Go (1.24 or newer) to build ${module}`, { cause: error });
  }
  return path;
}
