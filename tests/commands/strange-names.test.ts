import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerRow } from '../support/bigquery-server.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { crowd, hostileNameIn } from '../support/hostile-names.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * A stranger chooses the names of installers and systems in the log. Whatever they are, every badge is right, every file
 * is whole, and no name gets further than the query.
 */

const ARGV = ['collect', '--as-of', '2026-04-25'];
const DAYS = Array.from({ length: 7 }, (_, index) => `2026-04-${18 + index}`);

/** Three downloads by pip a day of each package; and on one day of `demo` one by each strange name, on a strange system. */
function rowsOf(packages: readonly string[], names: readonly string[]): ServerRow[] {
  return [
    ...packages.flatMap((project) =>
      DAYS.map((day) => ({ project, day, installer: 'pip', system: 'Linux', downloads: 3 })),
    ),
    ...names.map((name, index) => ({
      project: 'demo',
      day: '2026-04-20',
      installer: name,
      system: names[(index * 7) % names.length] ?? null,
      downloads: 1,
    })),
  ];
}

function filesBelow(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(tracked\.yaml|key\.json|rows\.ndjson)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, 'utf8')]);
}

/** Runs every command that shows what was read, and looks at all that came out. */
async function demandClean(folder: string, world: Parameters<typeof runMain>[2]) {
  for (const argv of [
    ['status'],
    ['export'],
    ['export', '--format', 'json'],
    ['report'],
    ['status', '--prometheus'],
  ]) {
    const { exitCode, stdout, stderr } = await runMain(folder, argv, world);
    expect([argv, exitCode, hostileNameIn(stdout + stderr)]).toEqual([argv, 0, undefined]);
  }
  for (const [path, text] of filesBelow(folder)) {
    expect([path, hostileNameIn(text)]).toEqual([path, undefined]);
    if (path.endsWith('.json')) expect(() => JSON.parse(text), path).not.toThrow();
  }
}

function demandBadges(folder: string, packages: readonly string[], strange: number) {
  const read = (path: string) => JSON.parse(readFileSync(join(folder, 'output', path), 'utf8'));
  for (const name of packages) {
    expect([name, read(`${name}/downloads-7d-non-ci.json`).message]).toEqual([name, '21']);
  }
  const { excluded, other, counts_by_system } = read('_health.json').packages.demo;
  expect(excluded.other).toBe(strange);
  expect(other).toEqual([{ installer: '(other)', count: strange }]);
  expect(counts_by_system).toEqual({ Linux: 21, Darwin: 0, Windows: 0 });
}

/** What asking which days have changed bills, in bytes; nothing else is paid for twice. */
const DAYS_QUERY = 10 * 1024 ** 2;

const LIST = ['alpha', 'demo', 'omega'];

describe('names that strangers chose do nothing', () => {
  it('on BigQuery, asked for each package', async () => {
    const names = crowd();
    const project = await bigQueryProject(LIST, { rows: rowsOf(LIST, names) });
    const world = { env: { ...project.env, LOG_LEVEL: 'trace' } };
    const first = await runMain(project.folder, ARGV, world);
    expect([first.exitCode, hostileNameIn(first.stdout + first.stderr)]).toEqual([0, undefined]);
    const paid = project.server.bytesBilled;
    expect((await runMain(project.folder, ARGV, world)).exitCode).toBe(0);
    expect(project.server.bytesBilled - paid).toBe(DAYS_QUERY);
    demandBadges(project.folder, LIST, names.length);
    await demandClean(project.folder, world);
  });

  it('on BigQuery, with days read for all', async () => {
    const names = crowd(3_000);
    const packages = ['demo', ...Array.from({ length: 62 }, (_, index) => `package-${index}`)];
    const project = await bigQueryProject(packages, {
      rows: rowsOf(packages, names),
      bytesPerDay: 160e6,
      bytesPerSharedDay: 2e9,
    });
    const world = { env: { ...project.env, LOG_LEVEL: 'warn' } };
    const first = await runMain(project.folder, [...ARGV, '--no-page'], world);
    expect([first.exitCode, first.stderr]).toEqual([0, '']);
    const paid = project.server.bytesBilled;
    expect(paid).toBeLessThan(20e9);
    expect((await runMain(project.folder, [...ARGV, '--no-page'], world)).exitCode).toBe(0);
    expect(project.server.bytesBilled - paid).toBe(DAYS_QUERY);
    demandBadges(project.folder, packages, names.length);
    for (const [path, text] of filesBelow(project.folder)) {
      if (/demo|state|health/.test(path)) expect([path, hostileNameIn(text)]).toEqual([path, undefined]);
      if (path.endsWith('.json')) JSON.parse(text);
    }
  });

  it('on ClickHouse', async () => {
    const names = crowd(3_000);
    const server = await startClickHouse({
      rows: rowsOf(LIST, names).map(({ installer, system, ci: _, sidecar: __, ...row }) => ({
        ...row,
        installer: installer ?? '',
        system: system ?? '',
      })),
    });
    onTestFinished(() => server.close());
    const folder = tempFolder();
    const list = LIST.map((name) => `  - {name: ${name}, window_days: 7}\n`).join('');
    writeFileSync(
      join(folder, 'tracked.yaml'),
      `service: {output_dir: output, source: clickhouse}\npackages:\n${list}`,
    );
    const world = { env: { CLICKHOUSE_URL: server.url, LOG_LEVEL: 'debug' } };
    for (const _ of [1, 2]) {
      const { exitCode, stdout, stderr } = await runMain(folder, ARGV, world);
      expect([exitCode, hostileNameIn(stdout + stderr)]).toEqual([0, undefined]);
    }
    demandBadges(folder, LIST, names.length);
    await demandClean(folder, world);
    const shown = await runMain(folder, ['show', 'demo', '--days', '7', '--as-of', '2026-04-25'], world);
    expect([shown.exitCode, hostileNameIn(shown.stdout + shown.stderr)]).toEqual([0, undefined]);
    expect(filesBelow(folder).some(([path, text]) => `${path}${text}`.includes('127.0.0.1'))).toBe(false);
  });

  it.each([600, 60_000])('on DuckDB, %d of them', async (count) => {
    const names = crowd(count);
    const folder = tempFolder();
    const downloads = rowsOf(LIST, names).map(
      ({ project, day, installer = null, system = null, downloads: times }) => ({
        at: day,
        project,
        installer,
        system,
        times,
      }),
    );
    const project = makeProject(
      folder,
      LIST.map((name) => `{name: ${name}, window_days: 7}`),
      downloads,
    );
    const { exitCode, stdout, stderr } = await runMain(project.folder, ARGV);
    expect([exitCode, hostileNameIn(stdout + stderr)]).toEqual([0, undefined]);
    demandBadges(folder, LIST, names.length);
    await demandClean(folder, {});
  });
});
