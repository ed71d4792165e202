import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aprilRows, bigQueryProject } from '../support/bigquery-project.ts';
import type { Download } from '../support/downloads.ts';
import { localProject } from '../support/project.ts';
import { tableLines } from '../support/table-text.ts';
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
const abc = () => localProject(['alpha', 'beta', 'gamma'], TABLE);
const MIB = 1024 ** 2;

describe('collect', () => {
  it('reads, counts, logs and publishes every package', async () => {
    const { run, message, published } = abc();
    const { exitCode, stdout, stderr } = await run('collect');
    expect(exitCode).toBe(0);
    const counts = stderr.matchAll(/"package":"(\w+)","count":(\d+),.*"msg":"collected"/g);
    const byName = [...counts].map(([, ...found]) => found.join()).toSorted();
    expect(byName).toEqual(['alpha,14', 'beta,3', 'gamma,0']);
    expect(tableLines(stdout)).toEqual([
      'package | window | non-CI | all | excluded | state',
      'alpha | 30d | 14 | 100 | 86.0% | ok',
      'beta | 30d | 3 | 3 | 0.0% | ok',
      'gamma | 30d | 0 | 0 | - | no rows',
      '',
      'gamma: warning (no-rows): no download of any kind in 30 days: is the name right?',
      '',
    ]);
    const badges = ['downloads-30d', 'installer-uv-30d', 'os-linux-30d'];
    expect(badges.map((badge) => message('alpha', badge))).toEqual(['14', '5', '9']);
    expect(['beta', 'gamma'].map((name) => message(name, 'downloads-30d'))).toEqual(['3', '0']);
    for (const name of ['alpha', 'beta', 'gamma']) {
      expect(published(name).filter((file) => file.endsWith('.json'))).toHaveLength(13);
    }
  });

  it('leaves a health file with every window, which --json prints', async () => {
    const list = ['{name: Alpha, window_days: [30, 7, 31]}'];
    const { run, read, json, entry, message } = localProject(list, TABLE);
    expect((await run('collect', '--json')).stdout).toBe(read('output/_health.json'));
    expect(entry('alpha')).toMatchObject({
      count: 14,
      window_days: 30,
      windows: [
        { window_days: 30, count: 14 },
        { window_days: 7, count: 9, excluded: { ci: 0 } },
        { window_days: 31, count: 1_014 },
      ],
      attempted: '2026-04-25T04:12:00.000Z',
    });
    expect(json('alpha/history.json').days).toHaveLength(31);
    expect(['downloads-7d', 'downloads-31d'].map((badge) => message('alpha', badge))).toEqual(['9', '1k']);
  });

  it('counts whole days that end before the as-of date, and calls none fresh because it ran just now', async () => {
    const { run, entry, message } = abc();
    await run('collect', '--as-of', '2026-04-11');
    expect(message('alpha', 'downloads-30d')).toBe('1k');
    expect(entry('alpha')).toMatchObject({ count: 1_005, excluded: { ci: 86 } });
    const stderr = expect.stringContaining('alpha: stale: figures end with 2026-03-25, 30');
    expect(await run('collect', '--as-of', '2026-03-26')).toMatchObject({ exitCode: 0, stderr });
    expect(entry('alpha')).toMatchObject({ count: 1_000, counted_to: '2026-03-25' });
    const status = await run('status');
    expect(status.exitCode).toBe(1);
    expect(tableLines(status.stdout)).toContain('alpha | 30d | 1,000 | 2026-03-25 | just now | stale');
  });

  it('touches no badge that would not change', async () => {
    const { run, prints, table } = abc();
    await run('collect');
    const before = prints();
    table([...TABLE, { at: '2026-04-24', project: 'beta', installer: 'uv' }]);
    await run('collect');
    const touched = Object.entries(prints()).filter(([file, print]) => print !== before[file]);
    expect(touched.map(([file]) => file).filter((file) => file.includes('.json'))).toEqual([
      '_health.json',
      'beta/downloads-30d-non-ci.json',
      'beta/history.json',
      'beta/installer-uv-30d-non-ci.json',
    ]);
  });

  it('renews badges under another spelling of a name, adds none there, and tells of those of nobody', async () => {
    const { run, put, read, output, published, message } = abc();
    const badge = 'downloads-30d-non-ci.json';
    for (const folder of ['Alpha', 'alpha2', '.well-known']) put(`output/${folder}/${badge}`, 'old');
    put('output/ALPHA/os-linux-30d-non-ci.json', 'old');
    put('output/alphA', 'a file');
    put('output/photos/cat.json', '{}');
    mkdirSync(join(output, 'elsewhere'));
    symlinkSync('elsewhere', join(output, 'aLPHA'));
    const stderr = expect.stringContaining('badges of alpha2 are left over');
    expect(await run('collect')).toMatchObject({ exitCode: 0, stderr });
    expect([message('Alpha', 'downloads-30d'), message('ALPHA', 'os-linux-30d')]).toEqual(['14', '9']);
    expect(['Alpha', 'ALPHA', 'elsewhere'].map((folder) => published(folder).length)).toEqual([1, 1, 0]);
    for (const folder of ['alpha2', '.well-known']) expect(read(`output/${folder}/${badge}`)).toBe('old');
  });

  it('shows how far it is on a terminal', async () => {
    const { within } = abc();
    const terminal = await within({ terminal: true }, 'collect', '--log-level', 'silent');
    expect(terminal.stderr).toContain('0 of 3');
    expect(terminal.stderr).toContain('3 of 3  beta');
    expect(terminal.stderr.endsWith('\r\u001b[2K')).toBe(true);
    expect(terminal.stdout).toContain('\u001b[32mok\u001b[39m');
    const plain = await within({ terminal: true, env: { NO_COLOR: '1' } }, 'collect');
    expect(plain.stdout).toMatch(/^alpha .* ok$/m);
    expect(plain.stdout).not.toContain('\u001b');
  });
});

describe('collect --package', () => {
  it('runs these alone, leaves what is known of the others, and says nothing of what was never tried', async () => {
    const { run, within, health, message, table, output } = abc();
    await run('collect', '--package', 'alpha');
    expect(Object.keys(health().packages)).toEqual(['alpha']);
    expect(readdirSync(output).toSorted()).toEqual(['_health.json', 'alpha', 'index.html']);
    const { alpha } = health().packages;
    table([...TABLE, { ...NEWEST, project: 'alpha' }, { ...NEWEST, project: 'beta' }]);
    const now = () => new Date('2026-04-25T10:00:00.000Z');
    const stdout = expect.not.stringContaining('alpha');
    expect(await within({ now }, 'collect', '--package', 'BETA')).toMatchObject({ exitCode: 0, stdout });
    const last_success = '2026-04-25T10:00:00.000Z';
    expect(health().packages).toEqual({ alpha, beta: expect.objectContaining({ count: 4, last_success }) });
    expect(message('alpha', 'downloads-30d')).toBe('14');
  });
});

describe('collect --dry-run', () => {
  it('says what would be read, and writes nothing', async () => {
    const { run, files } = localProject(['{name: alpha, window_days: [7, 90]}', 'beta'], TABLE);
    const before = files();
    const { exitCode, stdout } = await run('collect', '--dry-run');
    expect(exitCode).toBe(0);
    expect(tableLines(stdout)).toEqual([
      'package | queries | days | bytes at most',
      // The table begins with 25 March. Where reading is free, the weeks that warnings look at are read, too.
      'alpha and 1 more | 1 | 31 | 0 B',
      'all | 1 | 31 | 0 B',
      '',
      'Facets of alpha, beta are due.',
      '',
    ]);
    expect(files()).toEqual(before);
  });

  it('plans what the ledger lacks, all with --full, and leaves a ledger that it cannot trust where it is', async () => {
    const options = { bytesPerDay: 100 * MIB };
    const { run, put, read, ledger, entry } = await bigQueryProject(['alpha', 'beta'], options);
    const dry = async (...argv: string[]) => (await run('collect', '--dry-run', ...argv)).stdout;
    expect(tableLines(await dry()).slice(1, 4)).toEqual([
      'alpha | 1 | 7 | 700.0 MiB',
      'beta | 1 | 7 | 700.0 MiB',
      'all | 2 | 14 | 1.4 GiB',
    ]);
    const beta = { packages: ['beta'], start: '2026-04-18', end: '2026-04-25', days: 7 };
    // Nothing is known of its price: 160 MB a day, rounded up to a MiB.
    expect(JSON.parse(await dry('--json', '-p', 'beta'))).toEqual([
      { ...beta, expected_bytes: 1_069 * MIB, bytes_at_most: 700 * MIB },
    ]);
    await run('collect');
    expect(await dry()).toMatch(/^all\s+0\s+0\s+0 B$/m);
    expect(await dry('--json')).toBe('[]\n');
    expect(JSON.parse(await dry('--json', '--full'))).toMatchObject([
      { packages: ['alpha'], days: 7, expected_bytes: 700 * MIB },
      { packages: ['beta'], days: 7, expected_bytes: 700 * MIB },
    ]);
    const path = ledger('beta');
    put(path, 'rubble');
    expect(await dry()).toMatch(/^beta\s+1\s+7\s+700\.0 MiB$/m);
    expect(read(path)).toBe('rubble');
    // A run sets it aside, says so, and reads again.
    const stderr = expect.stringContaining('beta.json.rejected-1');
    expect(await run('collect')).toMatchObject({ exitCode: 0, stderr });
    expect(entry('beta')).toMatchObject({ count: 7, query: { days_scanned: 7 } });
    expect(read(`${path}.rejected-1`)).toBe('rubble');
  });
});

describe('collect, with a ledger', () => {
  it('reads nothing twice, and says with --full which days had changed', async () => {
    const rows = aprilRows(['alpha', 'beta']);
    const { run, entry, message } = await bigQueryProject(['alpha', 'beta'], { rows });
    const daysScanned = async (...argv: string[]) => {
      const { stdout } = await run('collect', ...argv);
      return [entry('alpha').query.days_scanned, stdout];
    };
    expect((await daysScanned())[0]).toBe(7);
    expect((await daysScanned())[0]).toBe(0);
    expect(entry('alpha')).toMatchObject({ count: 7 });
    const same = expect.stringContaining('\nno day had changed since it was read\n');
    expect(await daysScanned('--full')).toEqual([7, same]);
    rows.push({ project: 'alpha', day: '2026-04-20', installer: 'uv', downloads: 2_000 });
    const changed = '\nalpha: 1 day had changed since it was read\n  2026-04-20: 3 -> 2,003 downloads\n';
    const [, told] = await daysScanned('--full', '--package', 'alpha');
    expect(told).toContain(changed);
    expect(message('alpha', 'downloads-7d')).toBe('2k');
  });

  it('whose disk refuses fails a dry run', async () => {
    const { run, put, folder, ledger } = await bigQueryProject(['alpha', 'beta']);
    await run('collect', '--no-page');
    const path = ledger('beta');
    rmSync(join(folder, path));
    put(`${path}/x`, '');
    const stderr = expect.stringContaining('a folder stands where a file should be');
    expect(await run('collect', '--dry-run')).toEqual({ exitCode: 1, stdout: '', stderr });
  });

  it('keeps its state for the operator alone, whatever the umask', async () => {
    for (const mask of [0o022, 0o077]) {
      const { run, folder } = await bigQueryProject(['alpha']);
      await withUmask(mask, () => run('collect', '--no-page'));
      const mode = (path: string) => statSync(join(folder, path)).mode & 0o777;
      const entries = readdirSync(join(folder, 'state'), { recursive: true, encoding: 'utf8' });
      expect(entries.filter((path) => path.endsWith('.json')).length).toBeGreaterThanOrEqual(2);
      for (const path of ['', ...entries])
        expect(mode(join('state', path))).toBe(path.endsWith('.json') ? 0o600 : 0o700);
      expect([mode('output/_health.json'), mode('output/alpha')]).toEqual([0o644, 0o755]);
    }
  });
});

describe('collect, and what is known of the table', () => {
  it('ends the window earlier when the table is late, counts what days have, and says so', async () => {
    const days = aprilRows(['alpha']).filter(({ day }) => day <= '2026-04-22' && day !== '2026-04-17');
    // The weekday of the 20th before: 13 and 6 April, with three rows each.
    const rows = days.filter(({ day, ci }) => day !== '2026-04-20' || ci !== true);
    const { run, entry, health, json, read } = await bigQueryProject(['alpha'], { rows });
    const { exitCode, stderr } = await run('collect');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the table ends with 2026-04-22');
    expect(stderr).toContain('the table has no rows on 2026-04-17');
    expect(stderr).toContain('the table has only a part of the rows of 2026-04-20');
    // The 16th to the 22nd, less the 17th.
    expect(entry('alpha')).toMatchObject({ count: 6, counted_to: '2026-04-22' });
    expect(health().upstream).toMatchObject({
      ...{ last_day: '2026-04-22', missing_days: ['2026-04-17'] },
      ...{ partial_days: ['2026-04-20'], excess_days: [] },
    });
    expect(json('alpha/history.json').partial_days).toEqual(['2026-04-20']);
    expect(read('output/alpha/index.html')).toContain('2026-04-20 <small>(part)</small>');
    expect(read('output/index.html')).toContain('far fewer rows than usual for 20 Apr 2026');
  });

  it('forgets nothing of it in a run that learns less, or nothing', async () => {
    const gaps = ['2026-04-12', '2026-04-20'];
    const names = ['alpha', '{name: beta, window_days: 14}'];
    const rows = aprilRows(['alpha', 'beta']).filter(({ day }) => !gaps.includes(day));
    const { run, within, entry, health } = await bigQueryProject(names, { rows });
    await run('collect');
    // Seven days do not reach back to the 12th.
    expect((await run('collect', '--package', 'alpha')).exitCode).toBe(0);
    expect(health().upstream).toMatchObject({ last_day: '2026-04-24', missing_days: gaps });
    const failed = await within({ env: { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1' } }, 'collect');
    expect(failed.exitCode).toBe(1);
    expect(entry('alpha')).toHaveProperty('error');
    expect(health().upstream).toMatchObject({ last_day: '2026-04-24', missing_days: gaps });
  });
});

describe('collect, when something fails', () => {
  it.each<[string, (path: string) => void, string]>([
    ['a file', (path) => writeFileSync(path, ''), 'move it away'],
    ['a link', (path) => symlinkSync('/tmp', path), 'links are not followed'],
  ])('publishes the others when %s stands where its folder should be', async (_, plant, says) => {
    const { run, output, entry, message } = abc();
    mkdirSync(output);
    plant(join(output, 'beta'));
    const { exitCode, stdout } = await run('collect');
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining(says)]);
    expect(stdout).toMatch(/^alpha .* ok\nbeta\s+30d\s+-\s+-\s+-\s+failed$/m);
    expect(['alpha', 'gamma'].map((name) => message(name, 'downloads-30d'))).toEqual(['14', '0']);
    expect(entry('beta').error).toContain(says);
  });

  it('tells a fault of the source once, keeps every badge and writes the health file', async () => {
    const { run, at, folder, output, prints, entry, table } = abc();
    rmSync(join(folder, 'rows.ndjson'));
    expect((await run('collect')).exitCode).toBe(1);
    // It does not pretend to have tried what it could not.
    expect(Object.keys(entry('alpha')).toSorted()).toEqual(['error', 'error_code', 'window_days']);
    expect(readdirSync(output).toSorted()).toEqual(['_health.json', 'index.html']);
    table(TABLE);
    await run('collect');
    const { '_health.json': _, ...before } = prints();
    rmSync(join(folder, 'rows.ndjson'));
    const { exitCode, stdout } = await at('2026-04-26', 'collect');
    expect([exitCode, stdout.match(/no file matches.*; check the path/g)]).toEqual([1, [expect.any(String)]]);
    expect(prints()).toEqual({ ...before, '_health.json': expect.any(String) });
    const [attempted, last_success] = Array(2).fill('2026-04-25T04:12:00.000Z');
    for (const name of ['alpha', 'beta', 'gamma']) {
      expect(entry(name)).toEqual({
        ...{ error: expect.stringMatching(/no file matches .*rows\.ndjson/), error_code: 'files-missing' },
        ...{ window_days: 30, counted_to: '2026-04-24', attempted, last_success },
      });
    }
  });

  it('replaces a health file that nobody can read', async () => {
    const { run, put, health } = abc();
    put('output/_health.json', '{"packages": ');
    const stderr = expect.stringMatching(/"level":"warn".*_health\.json .* is unreadable/);
    expect(await run('collect')).toMatchObject({ exitCode: 0, stderr });
    expect(health().packages.alpha).toMatchObject({ count: 14 });
  });

  it('warns of figures that end more than stale_threshold_days before yesterday', async () => {
    const { run, at, folder, track } = abc();
    await run('collect');
    rmSync(join(folder, 'rows.ndjson'));
    const stale = async (day: string) => {
      const { stderr } = await at(day, 'collect', '--package', 'alpha', '--no-page');
      const sentence = /(\w+): stale: figures end with (\S+), (\d+ days) before yesterday/g;
      return [...stderr.matchAll(sentence)].map((match) => match.slice(1));
    };
    const all = (behind: string) => ['alpha', 'beta', 'gamma'].map((name) => [name, '2026-04-24', behind]);
    // The day before the 28th is the 27th, three days after the 24th.
    expect(await stale('2026-04-28')).toEqual([]);
    expect(await stale('2026-04-29')).toEqual(all('4 days'));
    track(['alpha'], { service: 'stale_threshold_days: 10' });
    expect(await stale('2026-05-05')).toEqual([]);
  });
});
