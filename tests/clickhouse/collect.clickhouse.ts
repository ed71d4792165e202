import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { type Engine, loadNdjson, startEngine } from './engine.ts';

/*
 * The built `collect` on ClickHouse's own engine comes to the same badges and the same _health.json as on
 * DuckDB, from the example table.
 */

const root = join(import.meta.dirname, '../..');
const EXAMPLE = join(root, 'examples/file_downloads.ndjson');
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
  for (let day = Date.UTC(2026, 0, 1); day < Date.UTC(2026, 3, 25); day += 86_400_000) {
    const date = new Date(day).toISOString().slice(0, 10);
    await engine.add({ date, project: 'boto3', ci: 'false', times: 1_000 });
  }
});
afterAll(() => engine.stop());

async function collect(folder: string, source: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'tracked.yaml'), `service:\n  output_dir: output\n${source}${PACKAGES}`);
  const argv = [join(root, 'dist/cli.js'), 'collect', '--as-of', '2026-04-25', '--json'];
  const { stdout } = await execa('node', argv, { cwd: folder, env: { HOME: folder, ...env } });
  return JSON.parse(stdout) as { upstream: unknown; packages: Record<string, Record<string, unknown>> };
}

function badges(folder: string) {
  const output = join(folder, 'output');
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    files
      .filter((path) => /\/(downloads|installer|os)-.*\.json$/.test(path))
      .map((path) => [path, JSON.parse(readFileSync(join(output, path), 'utf8'))]),
  );
}

const counts = ({ packages }: Awaited<ReturnType<typeof collect>>) =>
  Object.fromEntries(
    Object.entries(packages).map(([name, { query: _, attempted: __, last_success: ___, ...rest }]) => [
      name,
      rest,
    ]),
  );

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
  expect((await engine.asked()).map(({ sql }) => /FROM (\S+)/.exec(sql)?.[1])).toEqual([
    '`pypi`.`pypi_downloads_per_day`',
  ]);
});
