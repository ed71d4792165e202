import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aprilRows, type BigQueryProject, bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';
import type { Download } from '../support/downloads.ts';
import { makeProject, withoutPages } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withUmask } from '../support/umask.ts';

/** A day's row of somebody else, so that the table's newest day is the one before the as-of date. */
const NEWEST: Download = { at: '2026-04-24', project: 'somebody-else', installer: 'pip' };

/** Three packages: two that people use and one that nobody does. */
const TABLE: readonly Download[] = [
  NEWEST,
  { at: '2026-04-24', project: 'alpha', installer: 'pip', system: 'Linux', times: 9 },
  { at: '2026-04-10', project: 'alpha', installer: 'uv', system: 'Darwin', times: 5 },
  { at: '2026-04-10', project: 'alpha', ci: true, installer: 'uv', times: 86 },
  { at: '2026-03-25', project: 'alpha', installer: 'pip', times: 1_000 },
  { at: '2026-04-20', project: 'beta', installer: 'poetry', times: 3 },
];

const collect = (folder: string, argv: string[] = [], world = {}) =>
  runMain(folder, ['collect', '--as-of', '2026-04-25', ...argv], { env: { LOG_LEVEL: 'silent' }, ...world });

const MIB = 1024 ** 2;
const AS_OF = ['collect', '--as-of', '2026-04-25'];

const onServer = ({ folder, env }: BigQueryProject, ...argv: string[]) =>
  runMain(folder, [...AS_OF, ...argv], { env: { ...env, LOG_LEVEL: 'warn' } });

/** Where the ledger of a package is, below the project's folder. */
function ledgerPath({ folder }: BigQueryProject, name: string): string {
  const [source = ''] = readdirSync(join(folder, 'state', 'ledger'));
  return join('state', 'ledger', source, `${name}.json`);
}

const columns = (text: string) => text.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));

const abc = () => makeProject(tempFolder(), ['alpha', 'beta', 'gamma'], TABLE);
const hero = 'downloads-30d-non-ci';

describe('collect', () => {
  it('counts, counts and publishes every package', async () => {
    const project = abc();
    const { exitCode, stdout } = await collect(project.folder);
    expect(exitCode).toBe(0);
    expect(columns(stdout)).toEqual([
      'package | window | non-CI | all | excluded | state',
      'alpha | 30d | 14 | 100 | 86.0% | ok',
      'beta | 30d | 3 | 3 | 0.0% | ok',
      'gamma | 30d | 0 | 0 | - | no rows',
      '',
      'gamma: warning (no-rows): no download of any kind in 30 days: is the name right?',
      '',
    ]);
    expect(project.message('alpha', hero)).toBe('14');
    expect(project.message('alpha', 'installer-uv-30d-non-ci')).toBe('5');
    expect(project.message('alpha', 'os-linux-30d-non-ci')).toBe('9');
    expect(project.message('beta', hero)).toBe('3');
    expect(project.message('gamma', hero)).toBe('0');
    for (const name of ['alpha', 'beta', 'gamma']) {
      const json = readdirSync(join(project.output, name)).filter((file) => file.endsWith('.json'));
      expect(json).toHaveLength(13);
      expect(json).toContain('history.json');
    }
  });

  it('leaves a health file with the breakdown of every window', async () => {
    const project = makeProject(tempFolder(), ['{name: Alpha, window_days: [30, 7, 31]}'], TABLE);
    await collect(project.folder);
    const { started, finished, upstream, packages } = project.health();
    expect([started, finished]).toEqual(['2026-04-25T04:12:00.000Z', '2026-04-25T04:12:00.000Z']);
    expect(upstream).toMatchObject({ last_day: '2026-04-24' });
    expect(Object.keys(packages)).toEqual(['alpha']);
    expect(packages['alpha']).toMatchObject({
      count: 14,
      window_days: 30,
      counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
      counts_by_system: { Linux: 9, Darwin: 5, Windows: 0 },
      excluded: { sidecar: 0, ci: 86, mirror: 0, browser: 0, unknown: 0, other: 0 },
      windows: [
        { window_days: 30, count: 14 },
        { window_days: 7, count: 9, excluded: { ci: 0 } },
        { window_days: 31, count: 1_014 },
      ],
      query: { bytes_processed: 0, bytes_billed: 0, cache_hit: false },
      counted_to: '2026-04-24',
      warnings: [],
      attempted: '2026-04-25T04:12:00.000Z',
      last_success: '2026-04-25T04:12:00.000Z',
    });
    expect(project.message('alpha', 'downloads-7d-non-ci')).toBe('9');
    expect(project.message('alpha', 'downloads-31d-non-ci')).toBe('1k');
  });

  it('counts whole days that end before the as-of date, which is today unless told otherwise', async () => {
    const project = abc();
    await runMain(project.folder, ['collect', '--log-level', 'silent']);
    expect(project.message('alpha', hero)).toBe('14');
    const earlier = makeProject(tempFolder(), ['alpha'], TABLE);
    await runMain(earlier.folder, ['collect', '--as-of', '2026-04-11', '--log-level', 'silent']);
    expect(earlier.message('alpha', hero)).toBe('1k');
    expect(earlier.health().packages['alpha']).toMatchObject({ count: 1_005, excluded: { ci: 86 } });
  });

  it('touches no badge that would not change', async () => {
    const project = abc();
    await collect(project.folder);
    const { '_health.json': first, ...before } = project.prints();
    project.table([...TABLE, { at: '2026-04-24', project: 'beta', installer: 'uv' }]);
    await collect(project.folder);
    const { '_health.json': second, ...after } = project.prints();
    expect(second).not.toBe(first);
    const touched = Object.keys(after).filter(
      (file) => after[file] !== before[file] && file.includes('.json'),
    );
    expect(touched).toEqual([
      'beta/downloads-30d-non-ci.json',
      'beta/history.json',
      'beta/installer-uv-30d-non-ci.json',
    ]);
  });

  it('prints _health.json with --json', async () => {
    const project = abc();
    const { exitCode, stdout } = await collect(project.folder, ['--json']);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(project.read('_health.json'));
  });

  it('logs each package, and shows how far it is on a terminal', async () => {
    const project = abc();
    const { stderr } = await collect(project.folder, [], { env: {} });
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const counts = lines.flatMap((line) => (line.msg === 'collected' ? [[line.package, line.count]] : []));
    expect(Object.fromEntries(counts)).toEqual({ alpha: 14, beta: 3, gamma: 0 });
    const terminal = await collect(project.folder, [], { terminal: true });
    expect(terminal.stderr).toContain('0 of 3');
    expect(terminal.stderr).toContain('2 of 3  beta');
    expect(terminal.stderr.endsWith('\r\u001b[2K')).toBe(true);
    expect(terminal.stdout).toContain('\u001b[32mok\u001b[39m');
    const plain = await collect(project.folder, [], { terminal: true, env: { NO_COLOR: '1' } });
    expect(plain.stdout).toMatch(/^alpha .* ok$/m);
    expect(plain.stdout).not.toContain('\u001b');
  });
});

describe('collect --package', () => {
  it('runs these alone and leaves what is known of the others', async () => {
    const project = abc();
    await collect(project.folder);
    const before = project.health().packages;
    project.table([...TABLE, { ...NEWEST, project: 'alpha' }, { ...NEWEST, project: 'beta' }]);
    const later = () => new Date('2026-04-25T10:00:00.000Z');
    const { exitCode, stdout } = await collect(project.folder, ['--package', 'BETA'], { now: later });
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('alpha');
    const after = project.health().packages;
    expect(Object.keys(after)).toEqual(['alpha', 'beta', 'gamma']);
    expect(after['alpha']).toEqual(before['alpha']);
    expect(after['beta']).toMatchObject({ count: 4, last_success: '2026-04-25T10:00:00.000Z' });
    expect(project.message('alpha', hero)).toBe('14');
  });

  it('says nothing of packages that were never tried', async () => {
    const project = abc();
    await collect(project.folder, ['--package', 'beta']);
    expect(Object.keys(project.health().packages)).toEqual(['beta']);
    expect(readdirSync(project.output).toSorted()).toEqual(['_health.json', 'beta', 'index.html']);
  });
});

describe('collect --dry-run', () => {
  it('says what would be read and writes nothing', async () => {
    const project = makeProject(tempFolder(), ['{name: alpha, window_days: [7, 90]}', 'beta'], TABLE);
    const { exitCode, stdout } = await collect(project.folder, ['--dry-run']);
    expect(exitCode).toBe(0);
    expect(columns(stdout)).toEqual([
      'package | queries | days | bytes at most',
      // The table begins with 25 March. Where reading is free, the weeks that warnings look at are read, too.
      'alpha and 1 more | 1 | 31 | 0 B',
      'all | 1 | 31 | 0 B',
      '',
      'Facets of alpha, beta are due.',
      '',
    ]);
    expect(readdirSync(project.folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  });

  it('says so as JSON', async () => {
    const project = abc();
    const { stdout } = await collect(project.folder, ['--dry-run', '--json', '-p', 'beta', '-p', 'gamma']);
    expect(JSON.parse(stdout)).toEqual([
      {
        packages: ['beta', 'gamma'],
        start: '2026-03-25',
        end: '2026-04-25',
        days: 31,
        expected_bytes: 0,
        bytes_at_most: 0,
      },
    ]);
  });

  it('plans nothing once the ledger has everything, and everything with --full', async () => {
    const project = await bigQueryProject(['alpha', 'beta'], { bytesPerDay: 100 * MIB });
    const dry = (...argv: string[]) => onServer(project, '--dry-run', ...argv);
    expect(columns((await dry()).stdout).slice(1, 4)).toEqual([
      'alpha | 1 | 7 | 700.0 MiB',
      'beta | 1 | 7 | 700.0 MiB',
      'all | 2 | 14 | 1.4 GiB',
    ]);
    // Nothing is known of its price: 160 MB a day, rounded up to a MiB.
    expect(JSON.parse((await dry('--json', '-p', 'beta')).stdout)).toEqual([
      {
        packages: ['beta'],
        start: '2026-04-18',
        end: '2026-04-25',
        days: 7,
        expected_bytes: 1_069 * MIB,
        bytes_at_most: 700 * MIB,
      },
    ]);
    await onServer(project);
    expect((await dry()).stdout).toMatch(/^all\s+0\s+0\s+0 B$/m);
    expect(JSON.parse((await dry('--json')).stdout)).toEqual([]);
    expect(JSON.parse((await dry('--json', '--full')).stdout)).toMatchObject([
      { packages: ['alpha'], days: 7, expected_bytes: 700 * MIB },
      { packages: ['beta'], days: 7, expected_bytes: 700 * MIB },
    ]);
    expect((await dry('--full')).stdout).toMatch(/^all\s+2\s+14\s+1\.4 GiB$/m);
  });

  it('leaves a ledger that it cannot trust where it is', async () => {
    const project = await bigQueryProject(['alpha', 'beta'], { bytesPerDay: 100 * MIB });
    await onServer(project);
    const ledger = ledgerPath(project, 'beta');
    project.put(ledger, 'rubble');
    expect((await onServer(project, '--dry-run')).stdout).toMatch(/^beta\s+1\s+7\s+700\.0 MiB$/m);
    expect(project.read(ledger)).toBe('rubble');
  });

  it('says so where the disk refuses', async () => {
    const project = await bigQueryProject(['alpha', 'beta']);
    await onServer(project);
    const ledger = join(project.folder, ledgerPath(project, 'beta'));
    rmSync(ledger);
    mkdirSync(ledger);
    const { exitCode, stdout, stderr } = await onServer(project, '--dry-run');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('a folder stands where a file should be');
    // In a run it is the failure of its package alone.
    expect((await onServer(project)).exitCode).toBe(1);
    const { alpha, beta } = project.health().packages;
    expect(beta?.['error']).toMatch(/ledger\/.*\/beta.json: a folder stands/);
    expect(alpha).toMatchObject({ count: 7 });
    expect(project.read(ledgerPath(project, 'alpha'))).toContain('2026-04-24');
  });
});

describe('collect, with a ledger', () => {
  it('reads nothing twice, and says with --full which days had changed', async () => {
    const rows = aprilRows(['alpha', 'beta']);
    const project = await bigQueryProject(['alpha', 'beta'], { rows });
    const scanned = () => project.health().packages['alpha']?.['query'];
    await onServer(project);
    expect(scanned()).toMatchObject({ days_scanned: 7 });
    await onServer(project);
    expect(scanned()).toMatchObject({ days_scanned: 0 });
    expect(project.health().packages['alpha']).toMatchObject({ count: 7 });

    const same = await onServer(project, '--full');
    expect(same.stdout).toContain('\nno day had changed since it was read\n');
    expect(scanned()).toMatchObject({ days_scanned: 7 });
    rows.push({ project: 'alpha', day: '2026-04-20', installer: 'uv', downloads: 2_000 });
    const changed = await onServer(project, '--full', '--package', 'alpha');
    expect(changed.stdout).toContain(
      '\nalpha: 1 day had changed since it was read\n  2026-04-20: 3 -> 2,003 downloads\n',
    );
    expect(JSON.parse(project.read('output/alpha/downloads-7d-non-ci.json')).message).toBe('2k');
  });

  it('sets a ledger aside that it cannot trust, says so, and reads again', async () => {
    const project = await bigQueryProject(['alpha', 'beta']);
    await onServer(project);
    const ledger = ledgerPath(project, 'beta');
    project.put(ledger, '{"version":1');
    const { exitCode, stderr } = await onServer(project);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('beta.json.rejected-1');
    expect(project.health().packages['beta']).toMatchObject({ count: 7, query: { days_scanned: 7 } });
    expect(readdirSync(join(project.folder, ledger, '..')).toSorted()).toEqual([
      'alpha.json',
      'beta.json',
      'beta.json.rejected-1',
    ]);
  });

  it('keeps its state for the operator alone', async () => {
    const project = await bigQueryProject(['alpha']);
    await withUmask(0o022, () => onServer(project));
    const state = join(project.folder, 'state');
    const modes = readdirSync(state, { recursive: true, withFileTypes: true }).map((entry) => {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      return [entry.isDirectory() ? 'folder' : 'file', mode.toString(8)];
    });
    expect(modes.filter(([kind]) => kind === 'file').length).toBeGreaterThanOrEqual(2);
    for (const [kind, mode] of modes) expect(mode).toBe(kind === 'folder' ? '700' : '600');
    expect(statSync(state).mode & 0o777).toBe(0o700);
    const other = await bigQueryProject(['alpha']);
    await withUmask(0o077, () => onServer(other));
    expect(statSync(join(other.folder, 'state', 'spend.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(other.folder, 'output', '_health.json')).mode & 0o777).toBe(0o644);
  });
});

describe('collect, and what is known of the table', () => {
  it('ends the window earlier when the table is late, and says so', async () => {
    const rows = aprilRows(['alpha']).filter(({ day }) => day <= '2026-04-20' && day !== '2026-04-17');
    const project = await bigQueryProject(['alpha'], { rows });
    const { exitCode, stderr } = await onServer(project);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the table ends with 2026-04-20');
    expect(stderr).toContain('the table has no rows on 2026-04-17');
    // The 14th to the 20th, less the 17th.
    expect(project.health().packages['alpha']).toMatchObject({ count: 6, counted_to: '2026-04-20' });
    expect(project.health().upstream).toEqual({
      last_day: '2026-04-20',
      missing_days: ['2026-04-17'],
      partial_days: [],
      excess_days: [],
    });
  });

  it('counts days of which the table has only a part as they are, and says so', async () => {
    // The weekday of the 22nd before: 15, 8 and 1 April, with three rows each.
    const rows = aprilRows(['alpha']).filter(
      ({ day, installer }) => day !== '2026-04-22' || installer === 'pip',
    );
    const project = await bigQueryProject(['alpha'], { rows });
    const { exitCode, stderr } = await onServer(project);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the table has only a part of the rows of 2026-04-22');
    expect(project.health().packages['alpha']).toMatchObject({ count: 7, counted_to: '2026-04-24' });
    expect(project.health().upstream).toMatchObject({ missing_days: [], partial_days: ['2026-04-22'] });
    expect(JSON.parse(project.read('output/alpha/history.json')).partial_days).toEqual(['2026-04-22']);
    expect(project.read('output/alpha/index.html')).toContain('2026-04-22 <small>(part)</small>');
    expect(project.read('output/index.html')).toContain('far fewer rows than usual for 22 Apr 2026');
  });

  it('keeps the badges when the table is more than a week behind', async () => {
    const project = await bigQueryProject(['alpha']);
    await onServer(project);
    const badge = project.read('output/alpha/downloads-7d-non-ci.json');
    const { exitCode, stdout } = await runMain(project.folder, ['collect'], {
      env: { ...project.env, LOG_LEVEL: 'warn' },
      // Its newest day is eight days before the day before.
      now: () => new Date('2026-05-03T04:00:00Z'),
    });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('alpha: not attempted: the table has no whole day since 2026-04-24');
    expect(project.read('output/alpha/downloads-7d-non-ci.json')).toBe(badge);
    expect(project.health()).toMatchObject({
      upstream: { last_day: '2026-04-24' },
      packages: {
        alpha: {
          error_code: 'upstream-late',
          counted_to: '2026-04-24',
          last_success: '2026-04-25T04:12:00.000Z',
        },
      },
    });
  });

  it('forgets nothing of it in a run that learns less, or nothing', async () => {
    const gaps = ['2026-04-12', '2026-04-20'];
    const rows = aprilRows(['alpha', 'beta']).filter(({ day }) => !gaps.includes(day));
    const project = await bigQueryProject(['alpha', 'beta'], { rows });
    const yaml = project.read('tracked.yaml').replace('beta, window_days: 7', 'beta, window_days: 14');
    project.put('tracked.yaml', yaml);
    await onServer(project);
    const known = { last_day: '2026-04-24', missing_days: gaps, partial_days: [], excess_days: [] };
    expect(project.health().upstream).toEqual(known);

    // Seven days do not reach back to the 12th.
    expect((await onServer(project, '--package', 'alpha')).exitCode).toBe(0);
    expect(project.health().upstream).toEqual(known);
    // Without the server, the key file is needed, and is none.
    const failed = await runMain(project.folder, AS_OF, { env: { LOG_LEVEL: 'silent' } });
    expect(failed.exitCode).toBe(1);
    expect(project.health().packages['alpha']).toHaveProperty('error');
    expect(project.health().upstream).toEqual(known);
    const { stdout } = await runMain(project.folder, ['status', '--prometheus']);
    // 2026-04-24T00:00:00Z
    expect(stdout).toContain('pypi_badges_upstream_last_day_timestamp_seconds 1776988800\n');
    expect(stdout).toContain('pypi_badges_upstream_missing_days 2\n');

    rows.push({ project: 'beta', day: '2026-04-20', installer: 'pip', downloads: 3 });
    rows.push({ project: 'alpha', day: '2026-04-20', installer: 'pip', downloads: 3 });
    await onServer(project, '--package', 'alpha');
    expect(project.health().upstream).toEqual({ ...known, missing_days: ['2026-04-12'] });
  });
});

describe('collect, when something fails', () => {
  it.each([
    ['a file stands where its folder should be', (path: string) => writeFileSync(path, ''), 'move it away'],
    [
      'a link stands where its folder should be',
      (path: string) => symlinkSync('/tmp', path),
      'links are not followed',
    ],
  ])('publishes the others when %s', async (_, plant, says) => {
    const project = abc();
    mkdirSync(project.output);
    plant(join(project.output, 'beta'));
    const { exitCode, stdout } = await collect(project.folder);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^beta\s+30d\s+-\s+-\s+-\s+failed$/m);
    expect(stdout).toMatch(/^alpha .* ok$/m);
    expect(stdout).toContain(says);
    expect(project.message('alpha', hero)).toBe('14');
    expect(project.message('gamma', hero)).toBe('0');
    const { beta } = project.health().packages;
    expect(beta).toMatchObject({ window_days: 30, attempted: '2026-04-25T04:12:00.000Z' });
    expect(beta?.['error']).toContain(says);
    expect(beta).not.toHaveProperty('last_success');
    expect(beta).not.toHaveProperty('count');
  });

  it('tells a fault of the source once, keeps every badge and writes the health file', async () => {
    const project = abc();
    await collect(project.folder);
    const { '_health.json': _, ...before } = project.prints();
    rmSync(join(project.folder, 'rows.ndjson'));
    const later = () => new Date('2026-04-26T04:12:00.000Z');
    const { exitCode, stdout } = await collect(project.folder, [], { now: later });
    expect(exitCode).toBe(1);
    expect(stdout.match(/no file matches/g)).toHaveLength(1);
    expect(stdout).toContain('check the path');
    const { '_health.json': __, ...after } = project.prints();
    expect(withoutPages(after)).toEqual(withoutPages(before));
    const { packages } = project.health();
    for (const name of ['alpha', 'beta', 'gamma']) {
      expect(packages[name]).toMatchObject({
        error: expect.stringMatching(/no file matches .*rows\.ndjson/),
        last_success: '2026-04-25T04:12:00.000Z',
      });
    }
  });

  it('does not pretend to have tried what it could not', async () => {
    const project = abc();
    rmSync(join(project.folder, 'rows.ndjson'));
    expect((await collect(project.folder)).exitCode).toBe(1);
    const { alpha } = project.health().packages;
    expect(Object.keys(alpha ?? {}).toSorted()).toEqual(['error', 'error_code', 'window_days']);
    expect(readdirSync(project.output).toSorted()).toEqual(['_health.json', 'index.html']);
  });

  it('fails when only the health file cannot be written', async () => {
    const project = abc();
    mkdirSync(join(project.output, '_health.json'), { recursive: true });
    const { exitCode, stderr, stdout } = await collect(project.folder, [], { env: {} });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/_health\.json could not be written: .*a folder stands where a file should be/);
    expect(stdout).toMatch(/^alpha .* ok$/m);
    expect(project.message('alpha', hero)).toBe('14');
  });

  it('replaces a health file that nobody can read, with a warning', async () => {
    const project = abc();
    project.put('_health.json', '{"packages": ');
    const { exitCode, stderr } = await collect(project.folder, [], { env: {} });
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/"level":"warn".*_health\.json .* is unreadable/);
    expect(project.health().packages['alpha']).toMatchObject({ count: 14 });
  });

  it('warns of figures that end more than stale_threshold_days before yesterday', async () => {
    const project = abc();
    await collect(project.folder);
    rmSync(join(project.folder, 'rows.ndjson'));
    const stale = async (day: string) => {
      const now = () => new Date(`${day}T00:00:00.000Z`);
      const { stderr } = await collect(project.folder, ['--package', 'alpha'], { env: {}, now });
      return [...stderr.matchAll(/the figures of (\w+) end with (\S+), (\d+ days) before yesterday/g)].map(
        (match) => match.slice(1),
      );
    };
    const all = (behind: string) => ['alpha', 'beta', 'gamma'].map((name) => [name, '2026-04-24', behind]);
    // The day before the 28th is the 27th, three days after the 24th.
    expect(await stale('2026-04-28')).toEqual([]);
    expect(await stale('2026-04-29')).toEqual(all('4 days'));
    expect(await stale('2026-05-05')).toEqual(all('10 days'));
    project.track(['alpha'], '  stale_threshold_days: 10\n');
    expect(await stale('2026-05-05')).toEqual([]);
  });

  it('warns once of many figures that end alike', async () => {
    const names = ['one', 'two', 'three', 'four', 'five'];
    const project = makeProject(tempFolder(), names, [NEWEST]);
    await collect(project.folder);
    const now = () => new Date('2026-04-29T00:00:00.000Z');
    const { stderr } = await collect(project.folder, ['--package', 'one'], { env: {}, now });
    const told = (who: string) =>
      expect.stringMatching(`^stale: the figures of ${who} end with 2026-04-24, 4 days before yesterday`);
    expect(stderr.match(/stale: .*/g)).toEqual(['one', 'two', 'three', '2 more packages'].map(told));
  });

  it('is no fresh figure because it ran just now', async () => {
    const project = abc();
    const { exitCode, stderr } = await runMain(project.folder, ['collect', '--as-of', '2026-03-26'], {
      env: { LOG_LEVEL: 'warn' },
    });
    expect(exitCode).toBe(0);
    expect(project.health().packages['alpha']).toMatchObject({ count: 1_000, counted_to: '2026-03-25' });
    expect(stderr).toContain('the figures of alpha end with 2026-03-25, 30 days before yesterday');
    const status = await runMain(project.folder, ['status']);
    expect(status.exitCode).toBe(1);
    expect(columns(status.stdout)).toContain('alpha | 30d | 1,000 | 2026-03-25 | just now | stale');
  });
});

describe('collect with a wrong configuration', () => {
  it('queries and writes nothing, whatever else is asked', async () => {
    const project = abc();
    project.track(['alpha', '../beta']);
    for (const argv of [[], ['--dry-run'], ['--json'], ['--package', 'alpha']]) {
      const { exitCode, stdout, stderr } = await collect(project.folder, argv);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^tracked\.yaml:8:5: packages\[1\]: found "\.\.\/beta"/);
    }
    expect(readdirSync(project.folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  });

  it.each([
    ['--as-of', '2026-04-26', 'today is 2026-04-25'],
    ['--package', 'alhpa', 'not tracked in tracked.yaml; did you mean alpha?'],
  ])('refuses %s %s before it does anything', async (option, value, says) => {
    const project = abc();
    const { exitCode, stdout, stderr } = await runMain(project.folder, ['collect', option, value]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${option} ${value}: ${says}`);
    expect(project.prints()).toEqual({});
  });
});
