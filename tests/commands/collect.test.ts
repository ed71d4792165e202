import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain } from '../support/context.ts';
import type { Download } from '../support/downloads.ts';
import { makeProject, withoutPages } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

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

const abc = () => makeProject(tempFolder(), ['alpha', 'beta', 'gamma'], TABLE);
const hero = 'downloads-30d-non-ci';

describe('collect', () => {
  it('counts, winnows and publishes every package', async () => {
    const project = abc();
    const { exitCode, stdout } = await collect(project.folder);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'package | window | honest | all | winnowed out | state',
      'alpha | 30d | 14 | 100 | 86.0% | ok',
      'beta | 30d | 3 | 3 | 0.0% | ok',
      'gamma | 30d | 0 | 0 | - | ok',
      '',
    ]);
    expect(project.message('alpha', hero)).toBe('14');
    expect(project.message('alpha', 'installer-uv-30d-non-ci')).toBe('5');
    expect(project.message('alpha', 'os-linux-30d-non-ci')).toBe('9');
    expect(project.message('beta', hero)).toBe('3');
    expect(project.message('gamma', hero)).toBe('0');
    for (const name of ['alpha', 'beta', 'gamma']) {
      const json = readdirSync(join(project.output, name)).filter((file) => file.endsWith('.json'));
      expect(json).toHaveLength(12);
      expect(json).toContain('history.json');
    }
  });

  it('leaves a health file with the account of every window', async () => {
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
      excluded: { ci: 86, mirror: 0, browser: 0, unknown: 0, other: 0 },
      windows: [
        { window_days: 30, count: 14 },
        { window_days: 7, count: 9, excluded: { ci: 0 } },
        { window_days: 31, count: 1_014 },
      ],
      query: { bytes_processed: 0, bytes_billed: 0, cache_hit: false },
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
    expect(lines.filter(({ msg }) => msg === 'collected')).toMatchObject([
      { package: 'alpha', count: 14 },
      { package: 'beta', count: 3 },
      { package: 'gamma', count: 0 },
    ]);
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

  it('refuses a name that is not tracked before it does anything', async () => {
    const project = abc();
    const { exitCode, stdout, stderr } = await collect(project.folder, ['--package', 'alhpa']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toBe('--package alhpa: not tracked in tracked.yaml; did you mean alpha?\n');
    expect(project.prints()).toEqual({});
  });
});

describe('collect --dry-run', () => {
  it('says what would be read and writes nothing', async () => {
    const project = makeProject(tempFolder(), ['{name: alpha, window_days: [7, 90]}', 'beta'], TABLE);
    const { exitCode, stdout } = await collect(project.folder, ['--dry-run']);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'package | queries | days | bytes at most',
      // The table has rows on four days of the last 90, and on three of the last 30.
      'alpha | 4 | 4 | 0 B',
      'beta | 3 | 3 | 0 B',
      'all | 7 | 7 | 0 B',
      '',
    ]);
    expect(readdirSync(project.folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  });

  it('says so as JSON', async () => {
    const project = abc();
    const { stdout } = await collect(project.folder, ['--dry-run', '--json', '--package', 'beta']);
    const queries = ['2026-04-10', '2026-04-20', '2026-04-24'].map((start) => ({ start, bytes_at_most: 0 }));
    expect(JSON.parse(stdout)).toMatchObject([{ package: 'beta', days: 3, bytes_at_most: 0, queries }]);
  });

  it('plans nothing once the ledger has everything, and everything with --full', async () => {
    const project = abc();
    await collect(project.folder);
    expect((await collect(project.folder, ['--dry-run'])).stdout).toMatch(/^all\s+0\s+0\s+0 B$/m);
    expect((await collect(project.folder, ['--dry-run', '--full'])).stdout).toMatch(/^all\s+9\s+9\s+0 B$/m);
  });

  it('leaves a ledger that it cannot trust where it is', async () => {
    const project = abc();
    await collect(project.folder);
    const ledger = join(project.folder, 'state', 'ledger', 'beta.json');
    writeFileSync(ledger, 'rubble');
    expect((await collect(project.folder, ['--dry-run'])).stdout).toMatch(/^beta\s+3\s+3\s+0 B$/m);
    expect(readFileSync(ledger, 'utf8')).toBe('rubble');
  });
});

describe('collect --dry-run, on a disk that refuses', () => {
  it('says so', async () => {
    const project = abc();
    mkdirSync(join(project.folder, 'state', 'ledger', 'beta.json'), { recursive: true });
    const { exitCode, stdout, stderr } = await collect(project.folder, ['--dry-run']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('a folder stands where a file should be');
  });
});

describe('collect, with a ledger', () => {
  it('reads nothing twice, and says with --full which days had changed', async () => {
    const project = abc();
    await collect(project.folder);
    expect(project.health().packages['alpha']).toMatchObject({ query: { days_scanned: 3 } });
    await collect(project.folder);
    expect(project.health().packages['alpha']).toMatchObject({ count: 14, query: { days_scanned: 0 } });

    const same = await collect(project.folder, ['--full']);
    expect(same.stdout).toContain('\nno day had changed since it was read\n');
    project.table([...TABLE, { at: '2026-04-10', project: 'alpha', installer: 'uv', times: 2_000 }]);
    const changed = await collect(project.folder, ['--full', '--package', 'alpha']);
    expect(changed.stdout).toContain(
      '\nalpha: 1 day had changed since it was read\n  2026-04-10: 91 -> 2,091 downloads\n',
    );
    expect(project.message('alpha', hero)).toBe('2k');
  });

  it('sets a ledger aside that it cannot trust, says so, and reads again', async () => {
    const project = abc();
    await collect(project.folder);
    writeFileSync(join(project.folder, 'state', 'ledger', 'beta.json'), '{"version":1');
    const { exitCode, stderr } = await collect(project.folder, [], { env: { LOG_LEVEL: 'warn' } });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('beta.json.rejected');
    expect(project.health().packages['beta']).toMatchObject({ count: 3, query: { days_scanned: 3 } });
    expect(readdirSync(join(project.folder, 'state', 'ledger')).toSorted()).toEqual([
      'alpha.json',
      'beta.json',
      'beta.json.rejected',
      'gamma.json',
    ]);
  });

  it('ends the window earlier when the table is late, and says so', async () => {
    const project = makeProject(tempFolder(), ['beta'], TABLE.slice(4)); // its newest day is 2026-04-20
    const { exitCode, stderr } = await collect(project.folder, [], { env: { LOG_LEVEL: 'warn' } });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the table ends with 2026-04-20');
    expect(project.message('beta', hero)).toBe('3');
    const { upstream } = project.health() as { upstream: { last_day: string; missing_days: string[] } };
    expect(upstream.last_day).toBe('2026-04-20');
    // 2026-03-22 to 2026-04-20 without the two days that have rows.
    expect(upstream.missing_days).toHaveLength(28);
  });

  it('keeps the badges when the table is more than a week behind', async () => {
    const project = makeProject(tempFolder(), ['beta'], TABLE.slice(5));
    await collect(project.folder);
    const badge = project.read(`beta/${hero}.json`);
    const { exitCode, stdout } = await runMain(project.folder, ['collect', '--as-of', '2026-04-29'], {
      env: { LOG_LEVEL: 'silent' },
      now: () => new Date('2026-04-29T04:00:00Z'),
    });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('beta: not attempted: the table has no rows since 2026-04-20');
    expect(project.read(`beta/${hero}.json`)).toBe(badge);
    expect(project.health().packages['beta']).toMatchObject({ last_success: '2026-04-25T04:12:00.000Z' });
  });
});

describe('collect, when something fails', () => {
  const OLD = '{"message": "old"}';

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

  it('keeps the old badges of a package whose answer is refused', async () => {
    const project = abc();
    project.put(`beta/${hero}.json`, OLD);
    const crowd = Array.from({ length: 16_000 }, (_, index) => ({
      at: '2026-04-20',
      project: 'beta',
      installer: `client-${index}`,
    }));
    project.table([...TABLE, ...crowd]);
    const { exitCode, stdout } = await collect(project.folder);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('beta: result truncated: ');
    expect(project.read(`beta/${hero}.json`)).toBe(OLD);
    expect(project.health().packages['alpha']).toMatchObject({ count: 14 });
  });

  it('remembers the last success of a package that fails', async () => {
    const project = abc();
    await collect(project.folder);
    rmSync(join(project.output, 'beta'), { recursive: true });
    writeFileSync(join(project.output, 'beta'), '');
    const later = () => new Date('2026-04-26T04:12:00.000Z');
    await collect(project.folder, [], { now: later });
    expect(project.health().packages['beta']).toMatchObject({
      error: expect.stringContaining('move it away'),
      attempted: '2026-04-26T04:12:00.000Z',
      last_success: '2026-04-25T04:12:00.000Z',
    });
    expect(project.health().packages['alpha']).toMatchObject({ last_success: '2026-04-26T04:12:00.000Z' });
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

  it('forgets packages that are no longer tracked', async () => {
    const project = abc();
    await collect(project.folder);
    project.track(['gamma', 'alpha']);
    await collect(project.folder);
    expect(Object.keys(project.health().packages)).toEqual(['gamma', 'alpha']);
    expect(project.message('beta', hero)).toBe('3');
  });

  it('warns of badges that are as old as stale_threshold_days', async () => {
    const project = abc();
    await collect(project.folder);
    rmSync(join(project.folder, 'rows.ndjson'));
    const stale = async (hours: number) => {
      const now = () => new Date(Date.parse('2026-04-25T04:12:00.000Z') + hours * 3_600_000);
      const { stderr } = await collect(project.folder, ['--package', 'alpha'], { env: {}, now });
      return [...stderr.matchAll(/stale: the badges of (\w+) are (\d+) days old/g)].map((match) =>
        match.slice(1),
      );
    };
    expect(await stale(3 * 24 - 1)).toEqual([]);
    expect(await stale(3 * 24)).toEqual(['alpha', 'beta', 'gamma'].map((name) => [name, '3']));
    expect(await stale(10 * 24)).toEqual(['alpha', 'beta', 'gamma'].map((name) => [name, '10']));
    project.track(['alpha'], '  stale_threshold_days: 11\n');
    expect(await stale(10 * 24)).toEqual([]);
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

  it('refuses an as-of date that is no day, or not over', async () => {
    const project = abc();
    for (const day of ['2026-04-26', '2026-02-30', 'today']) {
      const { exitCode, stderr } = await runMain(project.folder, ['collect', '--as-of', day]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`--as-of ${day}: `);
    }
    expect(project.prints()).toEqual({});
  });

  it('refuses a log level that there is not', async () => {
    const project = abc();
    const { exitCode, stderr } = await collect(project.folder, ['--log-level', 'loud']);
    expect([exitCode, stderr.split(';')[0]]).toEqual([2, 'log level "loud" is unknown']);
    expect(project.prints()).toEqual({});
  });
});
