import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder, gone once the test that asked for it is over. */
export function tempFolder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'pypi-badges-test-')));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
