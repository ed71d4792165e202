import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { CLI } from '../support/command.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { type Engine, loadNdjson, startEngine } from './engine.ts';

/*
 * Built commands on ClickHouse's own engine with the example table: `collect` comes to the same badges and the same
 * _health.json as on DuckDB, and README's first command prints what README shows.
 */

const root = join(import.meta.dirname, '../..');
const EXAMPLE = join(root, 'examples/file_downloads.ndjson');
const AS_OF = '2026-04-25';
const PACKAGES = `packages:
  - example-young
  - {name: example-moved-to-uv, window_days: [30, 90]}
  - {name: example-large, window_days: [7, 30]}
  - example-unused
`;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine(200_000);
  await loadNdjson(engine, EXAMPLE);
  // Days are told by the largest packages: a thousand downloads of each day of the example's.
  const days = daysOf({ start: '2026-01-01', end: AS_OF });
  await engine.add(...days.map((date) => ({ date, project: 'boto3', ci: 'false' as const, times: 1_000 })));
});
afterAll(() => engine.stop());

const run = (folder: string, argv: string[], env: Record<string, string>) =>
  execa('node', [CLI, ...argv], { cwd: folder, env: { HOME: folder, ...env } });

async function collect(folder: string, source: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'tracked.yaml'), `service:\n  output_dir: output\n${source}${PACKAGES}`);
  const { stdout } = await run(folder, ['collect', '--as-of', AS_OF, '--json'], env);
  return JSON.parse(stdout) as { upstream: unknown; packages: Record<string, Record<string, unknown>> };
}

function badges(folder: string) {
  const output = join(folder, 'output');
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' });
  const own = files.filter((path) => /\/(downloads|installer|os)-.*\.json$/.test(path));
  return Object.fromEntries(own.map((path) => [path, JSON.parse(readFileSync(join(output, path), 'utf8'))]));
}

/** What was counted, without when and how. */
const counts = ({ packages }: Awaited<ReturnType<typeof collect>>) =>
  Object.entries(packages).map(([, { query: _, attempted: __, last_success: ___, ...rest }]) => rest);

it('comes to what DuckDB comes to, and reads each day once', async () => {
  const [truth, place] = [tempFolder(), tempFolder()];
  const expected = await collect(truth, `  source: duckdb\nduckdb:\n  files: ${EXAMPLE}\n`);
  const env = { CLICKHOUSE_URL: engine.url };
  await engine.asked();
  const found = await collect(place, '  source: clickhouse\n', env);
  expect(counts(found)).toEqual(counts(expected));
  expect(badges(place)).toEqual(badges(truth));
  expect(Object.keys(badges(place)).length).toBeGreaterThan(60);
  expect((await engine.asked()).length).toBeLessThanOrEqual(6);
  await collect(place, '  source: clickhouse\n', env);
  // Only which days there are: none has changed.
  const tables = (await engine.asked()).map(({ sql }) => /FROM (\S+)/.exec(sql)?.[1]);
  expect(tables).toEqual(['`pypi`.`pypi_downloads_per_day`']);
});

it('shows the account of a package without a list or an account, and leaves nothing behind', async () => {
  const folder = tempFolder();
  const env = { LANG: 'C.UTF-8', CLICKHOUSE_URL: engine.url };
  const { stdout, stderr } = await run(folder, ['show', 'Example_Young', '--as-of', AS_OF], env);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^All downloads +2,771 +100\.0%/m);
  expect(stdout).toMatch(/^Mirrors +1,325 +47\.8%/m);
  expect(stdout).toMatch(/^Non-CI downloads +14 +0\.5%/m);
  expect(stdout).toContain("Counted from ClickHouse's public copy of PyPI's download log.");
  expect(readdirSync(folder)).toEqual([]);
});
