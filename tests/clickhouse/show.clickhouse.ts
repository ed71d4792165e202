import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { type Engine, loadNdjson, startEngine } from './engine.ts';

/* README's first command, built, on ClickHouse's own engine: what it prints is what README shows. */

const root = join(import.meta.dirname, '../..');
const AS_OF = '2026-04-25';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine(200_000);
  await loadNdjson(engine, join(root, 'examples/file_downloads.ndjson'));
  for (let back = 1; back <= 80; back += 1) {
    await engine.add({ date: addDays(AS_OF, -back), project: 'boto3', ci: 'false', times: 1_000 });
  }
});
afterAll(() => engine.stop());

it('shows the account of a package without a list or an account, and leaves nothing behind', async () => {
  const folder = tempFolder();
  const { stdout, stderr } = await execa(
    'node',
    [join(root, 'dist/cli.js'), 'show', 'Example_Young', '--as-of', AS_OF],
    { cwd: folder, env: { HOME: folder, LANG: 'C.UTF-8', CLICKHOUSE_URL: engine.url } },
  );
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^All downloads +2,771 +100\.0%/m);
  expect(stdout).toMatch(/^Mirrors +1,325 +47\.8%/m);
  expect(stdout).toMatch(/^Non-CI downloads +14 +0\.5%/m);
  expect(stdout).toContain("Counted from ClickHouse's public copy of PyPI's download log.");
  expect(readdirSync(folder)).toEqual([]);
});
