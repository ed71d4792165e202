import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TOTAL = 'badges: {extra: [total], suffix: /mo}\n';
const NOW = '2026-04-25';

/** Each day from 2024-01-01 to 2027-12-31, but for 2025-05-05: 2 of alpha by uv, 1 in CI; 1 of beta by pip. */
const ROWS = daysOf({ start: '2024-01-01', end: '2028-01-01' })
  .filter((day) => day !== '2025-05-05')
  .flatMap((day) => [
    { project: 'alpha', day, installer: 'uv', downloads: 2 },
    { project: 'alpha', day, installer: 'uv', ci: true, downloads: 1 },
    { project: 'beta', day, installer: 'pip', downloads: 1 },
  ]);
const DAYS_OF_2024 = 366;

async function house(bigquery = TOTAL, names = ['alpha', 'beta']) {
  const project = await bigQueryProject(names, { rows: ROWS }, { bigquery });
  const at = (today: string, argv: readonly string[], answer?: string) =>
    runMain(project.folder, argv, {
      env: project.env,
      now: () => new Date(`${today}T04:12:00Z`),
      ...(answer === undefined ? {} : { ask: async () => answer }),
    });
  const badge = (name: string) => JSON.parse(project.read(`output/${name}/total-non-ci.json`));
  const total = (name: string) => project.health().packages[name]?.['total'];
  return { project, at, badge, total };
}

describe('a total', () => {
  it('is that since the first day that is known, which the badge and the page say', async () => {
    const { project, at, badge, total } = await house();
    expect((await at(NOW, ['collect'])).exitCode).toBe(0);
    expect(badge('alpha')).toEqual({
      schemaVersion: 1,
      label: 'total since 2026-04',
      message: '14',
      color: 'blue',
    });
    expect(project.read('output/alpha/total-non-ci.svg')).toContain('total since 2026-04: 14');
    expect(total('alpha')).toEqual({ since: '2026-04-18', count: 14, unknown_days: 0 });
    const page = project.read('output/alpha/index.html');
    expect(page).toContain(
      'Total since 18 Apr 2026</a>, the first day that is known: <b data-figure="total">14</b>.',
    );
    expect(page).not.toContain('nothing is known');
  });

  it('outlives the year that the ledger keeps, and says how many days are not known', async () => {
    const { project, at, total } = await house();
    await at(NOW, ['collect']);
    // Nothing ran for more than a year.
    await at('2027-06-01', ['collect']);
    // 7 days each, and those between: from 2026-04-25 to 2027-05-24.
    expect(total('alpha')).toEqual({ since: '2026-04-18', count: 28, unknown_days: 395 });
    expect(project.read('output/alpha/index.html')).toContain(
      'Of 395 days since then nothing is known; they are left out.',
    );
    const ledger = project.files();
    const text = Object.entries(ledger).find(([path]) => path.endsWith('/alpha.json'))?.[1] ?? '';
    expect(text).toContain('"old":[{"spans":[["2026-04-18","2026-04-25"]]');
    expect(text).not.toContain('\n["2026-04-2');
    // By hand: 2 a day by uv, and one in CI.
    const columns = 'count,pip,pipenv,pipx,uv,poetry,pdm';
    const excluded = ['sidecar', 'ci', 'mirror', 'browser', 'unknown', 'other'].map(
      (each) => `excluded_${each}`,
    );
    expect(project.read('output/alpha/months.csv').split('\n')).toEqual([
      `month,first_day,last_day,known_days,${columns},${excluded}`,
      '2026-04,2026-04-18,2026-04-24,7,14,0,0,0,14,0,0,0,7,0,0,0,0',
      '2027-05,2027-05-25,2027-05-31,7,14,0,0,0,14,0,0,0,7,0,0,0,0',
      '',
    ]);
    const { stdout } = await at('2027-06-01', ['export', '-p', 'alpha']);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'package,day,days,class,installer,system,downloads',
      'alpha,2026-04-18,7,counted,uv,,14',
      'alpha,2026-04-18,7,ci,uv,,7',
      'alpha,2027-05-25,1,counted,uv,,2',
    ]);
    await at('2027-06-02', ['collect']);
    expect(total('alpha')).toMatchObject({ count: 30, unknown_days: 395 });
  });

  it('stays what it was when a run looks at the past, and when its package fails', async () => {
    const { project, at, total } = await house();
    await at(NOW, ['collect']);
    await at('2027-06-01', ['collect']);
    const before = total('alpha');
    await at('2027-06-01', ['collect', '--as-of', '2026-04-23']);
    expect(total('alpha')).toEqual(before);
    const { server } = project;
    await server.close();
    expect((await at('2027-06-02', ['collect'])).exitCode).toBe(1);
    expect(total('alpha')).toEqual(before);
    expect(project.read('output/alpha/index.html')).toContain('data-figure="total">28<');
  });

  it('has a chart of all that is known, and months, for a group too, and both go with the badge', async () => {
    const rows = [
      ...['2024-03-01', '2025-02-10', '2026-04-20'].map((at) => ({ project: 'alpha', at, installer: 'pip' })),
      { project: 'beta', at: '2025-02-11', installer: 'uv', times: 27 },
    ];
    const project = makeProject(tempFolder(), ['alpha', 'beta'], rows);
    const group = 'groups: [{name: both, packages: [alpha, beta]}]\n';
    project.track(['alpha', 'beta'], `badges: {extra: [total, chart]}\n${group}`);
    expect((await runMain(project.folder, ['collect'])).exitCode).toBe(0);
    const chart = project.read('both/chart-total-non-ci-light.svg');
    expect(chart).toContain('30 since 1 Mar 2024');
    // 28 downloads on the 28 days of February 2025.
    expect(chart).toContain('At most 1 a day, from 1 Feb 2025.');
    expect(project.read('both/months.csv')).toContain('\n2025-02,2025-02-01,2025-02-28,28,28,1,0,0,27,');
    project.track(['alpha', 'beta'], group);
    await runMain(project.folder, ['collect']);
    expect((await runMain(project.folder, ['prune', '--yes'])).exitCode).toBe(0);
    const left = readdirSync(join(project.output, 'both'));
    expect(left.filter((name) => /months|chart|total/.test(name))).toEqual([]);
  });

  it('of local files is counted from their first day on', async () => {
    const rows = ['2024-03-02', '2026-04-20'].map((at) => ({ project: 'alpha', at, installer: 'pip' }));
    const project = makeProject(tempFolder(), ['alpha', 'beta'], rows);
    project.track(['alpha', 'beta'], 'badges: {extra: [total]}\n');
    expect((await runMain(project.folder, ['collect'])).exitCode).toBe(0);
    const { label, message } = JSON.parse(project.read('alpha/total-non-ci.json'));
    expect([label, message]).toEqual(['total since 2024-03', '2']);
    expect(project.message('alpha', 'downloads-30d-non-ci')).toBe('1');
    expect(project.message('beta', 'total-non-ci')).toBe('0');
    const { exitCode, stderr } = await runMain(project.folder, ['backfill', '--from', '2025-01-01']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('there is nothing to fill')]);
  });

  it('of a group is the sum of those of its packages, whether or not they show their own', async () => {
    const group = `groups: [{name: both, packages: [alpha, beta], window_days: 7, badges: {extra: [total]}}]\n`;
    const { project, at } = await house(group);
    await at(NOW, ['collect']);
    const { groups, packages } = JSON.parse(project.read('output/_health.json'));
    expect(groups.both.total).toEqual({ since: '2026-04-18', count: 21, unknown_days: 0 });
    expect(packages.alpha).not.toHaveProperty('total');
    expect(project.files()).not.toHaveProperty('output/alpha/total-non-ci.json');
    await at(NOW, ['backfill', '--from', '2026-04-01', '--yes', '--package', 'alpha']);
    await at('2026-04-26', ['collect']);
    const after = JSON.parse(project.read('output/_health.json')).groups.both.total;
    // 25 days of alpha, 8 of beta.
    expect(after).toEqual({ since: '2026-04-01', count: 58, unknown_days: 17 });
    expect(project.read('output/both/index.html')).toContain(
      'Of 17 days since then, of all its packages together, nothing is known',
    );
  });

  it('is embedded once, whatever the windows, and told of when it is not asked for any more', async () => {
    const { project, at } = await house(TOTAL);
    await at(NOW, ['collect']);
    project.track(['alpha', 'beta'], { service: '  public_url: https://x.example\n', bigquery: TOTAL });
    expect((await at(NOW, ['embed', '-p', 'alpha', '-b', 'total', '--svg'])).stdout).toBe(
      '[![Non-CI PyPI downloads of alpha by installers on known days (BigQuery)](https://x.example/alpha/total-non-ci.svg)](https://pypi.org/project/alpha/)\n',
    );
    project.track(['alpha', 'beta']);
    expect((await at(NOW, ['collect'])).stderr).toContain('badges of total are left over');
    expect((await at(NOW, ['prune', '--mark', '--yes'])).stdout).toContain('mark  alpha (total): 2 files');
    expect(project.read('output/alpha/total-non-ci.svg')).toContain('total: not tracked any more');
    expect((await at(NOW, ['prune', '--mark'])).stdout).toBe('nothing is left over\n');
  });
});

describe('backfill', () => {
  it('says what it costs, asks, reads each day once, and makes no badge', async () => {
    const { project, at, badge, total } = await house();
    await at(NOW, ['collect']);
    const before = project.server.calls.length;
    const { exitCode, stdout } = await at(NOW, ['backfill', '--from', '2024-03-01'], 'y');
    expect(exitCode).toBe(0);
    // 2024-03-01 to 2026-04-17, of which the ledger has nothing: 778 days for each, at 150 MB; seven days have billed 1,002 MiB.
    expect(stdout).toMatch(/^alpha +3 +778 /m);
    expect(stdout).toMatch(/^all +6 +1,556 /m);
    expect(stdout).toContain('about 217.5 GiB, which is $0.00 at the list price');
    expect(stdout).toContain("This month's budget has room for");
    expect(stdout).toContain('alpha: 777 days read, 108.5 GiB billed; known since 2024-03-01');
    expect(badge('alpha').message).toBe('14');
    const asked = project.server.calls
      .slice(before)
      .filter(({ kind, package: name }) => kind === 'insert' && name === 'alpha')
      .map(({ start, end }) => [start, end]);
    // The newest first, none longer than a year, and the day that the table lacks in none of them.
    expect(asked).toEqual([
      ['2025-05-06', '2026-04-18'],
      ['2024-05-04', '2025-05-05'],
      ['2024-03-01', '2024-05-04'],
    ]);
    const bytes = project.server.bytesBilled;
    // Only the day that the table lacks is not known, and it is not paid for.
    await at(NOW, ['backfill', '--from', '2024-03-01'], 'y');
    expect(project.server.bytesBilled - bytes).toBe(10 * 1024 ** 2);
    await at('2026-04-26', ['collect']);
    expect(total('alpha')).toEqual({
      since: '2024-03-01',
      count: 2 * (DAYS_OF_2024 - 60 + 365 + 115 - 1),
      unknown_days: 1,
    });
    expect(badge('alpha').label).toBe('total since 2024-03');
  });

  it('asks nobody where nothing is billed', async () => {
    const days = daysOf({ start: '2025-01-01', end: NOW });
    const daily = (project: string, downloads: number) =>
      days.map((day) => ({ project, day, installer: 'uv', downloads }));
    // Days are told by boto3.
    const copy = await startClickHouse({ rows: [...daily('boto3', 5_000), ...daily('alpha', 3)] });
    onTestFinished(() => copy.close());
    const folder = tempFolder();
    writeFileSync(
      join(folder, 'tracked.yaml'),
      'service: {output_dir: out, source: clickhouse}\nbadges: {extra: [total]}\npackages: [{name: alpha, window_days: 7}]\n',
    );
    const run = (...argv: string[]) =>
      runMain(folder, argv, {
        env: { CLICKHOUSE_URL: copy.url },
        now: () => new Date(`${NOW}T04:12:00Z`),
      });
    const filled = await run('backfill', '--from', '2025-01-01');
    expect([filled.exitCode, filled.stdout]).toEqual([
      0,
      '1 query to clickhouse, which bills nothing\nalpha: 479 days read; known since 2025-01-01\n\nTo renew the badges: pypi-badges collect\n',
    ]);
    expect((await run('backfill', '--from', '2025-01-01')).stdout).toBe(
      'every day since 2025-01-01 is known already\n',
    );
    expect((await run('collect')).exitCode).toBe(0);
    const badge = JSON.parse(readFileSync(join(folder, 'out/alpha/total-non-ci.json'), 'utf8'));
    expect([badge.label, badge.message]).toEqual(['total since 2025-01', '1.4k']);
    // 365 days of 2025, 31 of January, 28, 31 and 24.
    expect(readFileSync(join(folder, 'out/_health.json'), 'utf8')).toContain(`"count": ${3 * 479}`);
  });

  it('says that a list price begins after the first TiB of the month, and what the budget leaves room for', async () => {
    const { at } = await house(
      `  monthly_budget_gib: 100\n${TOTAL}`,
      Array.from({ length: 12 }, (_, index) => `p-${index}`),
    );
    const { stdout } = await at(NOW, ['backfill', '--from', '2024-03-01', '--dry-run']);
    // 785 days at 160 MB for each of twelve, where no bill is known: 1.37 TiB, of which 0.37 are paid for at $6.25.
    expect(stdout).toContain('about 1,403.7 GiB, which is $2.32 at the list price');
    expect(stdout).toContain(
      "This month's budget has room for 100.0 GiB. What does not fit is left out; run this again next month",
    );
  });

  it.each([
    ['n', undefined],
    ['', undefined],
    [undefined, 'nobody is there to be asked'],
  ])('reads nothing where the answer is %j', async (answer, fault) => {
    const { project, at } = await house();
    const before = project.files();
    const { exitCode, stdout, stderr } = await at(NOW, ['backfill', '--from', '2026-01-01'], answer);
    expect(exitCode).toBe(fault === undefined ? 0 : 2);
    expect(fault === undefined ? stdout : stderr).toContain(fault ?? 'nothing was read');
    expect(project.server.bytesBilled).toBe(0);
    expect(project.files()).toEqual(before);
  });

  it('goes on where the budget ended, without a gap', async () => {
    const { at, total } = await house(`  monthly_budget_gib: 60\n${TOTAL}`);
    await at(NOW, ['collect']);
    const short = await at(NOW, ['backfill', '--from', '2024-06-01', '--yes', '-p', 'alpha']);
    expect(short.exitCode).toBe(1);
    expect(short.stdout).toContain("alpha: the month's budget would be passed");
    await at('2026-04-26', ['collect']);
    // The newest part only, after the day that the table lacks.
    expect(total('alpha')).toEqual({ since: '2025-05-06', count: 2 * 355, unknown_days: 0 });
    expect(
      (await at('2026-05-01', ['backfill', '--from', '2024-06-01', '--yes', '-p', 'alpha'])).exitCode,
    ).toBe(0);
    await at('2026-05-01', ['collect']);
    expect(total('alpha')).toMatchObject({ since: '2024-06-01', unknown_days: 1 });
  });

  it.each([
    [['--from', 'yesterday'], 'not a day; write it as YYYY-MM-DD'],
    [['--from', NOW], 'expected a day from 2018-07-26 to yesterday'],
    [['--from', '2026-01-01', '-p', 'gamma'], 'gamma: not tracked'],
    [[], "required option '--from <YYYY-MM-DD>' not specified"],
  ])('refuses %j', async (argv, message) => {
    const { at } = await house();
    const { exitCode, stderr } = await at(NOW, ['backfill', ...argv]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('refuses packages of which no total is asked for', async () => {
    const { at } = await house('');
    for (const [argv, whom] of [
      [[], 'any package'],
      [['-p', 'beta'], 'beta'],
    ] as const) {
      const { exitCode, stderr } = await at(NOW, ['backfill', '--from', '2026-01-01', ...argv]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`asks for no total of ${whom}`)]);
    }
  });
});
