import { describe, expect, it } from 'vitest';
import { type Day, daysOf, spanDays } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { localProject } from '../support/project.ts';

const TOTAL = 'badges: {extra: [total], suffix: /mo}';
const NOW = '2026-04-25';
const BOTH = ['alpha', 'beta'];
const LOST = '2025-05-05';

/** Each day from March 2024 to June 2027, but for one: 2 of alpha by uv, 1 in CI; 1 of beta by pip. */
const ROWS = daysOf({ start: '2024-03-01', end: '2027-06-03' })
  .filter((day) => day !== LOST)
  .flatMap((day) => [
    { project: 'alpha', day, installer: 'uv', downloads: 2 },
    { project: 'alpha', day, installer: 'uv', ci: true, downloads: 1 },
    { project: 'beta', day, installer: 'pip', downloads: 1 },
  ]);

async function house(sections = TOTAL, source?: string, names = BOTH) {
  const more = source === undefined ? { sections } : { sections, source };
  const project = await bigQueryProject(names, { rows: ROWS }, more);
  return {
    ...project,
    total: (name: string) => project.entry(name).total,
    page: (name: string) => project.read(`output/${name}/index.html`),
    collect: (today: Day = NOW) => project.at(today, 'collect'),
    fill: (from: Day, ...argv: string[]) => project.run('backfill', '--from', from, '--yes', ...argv),
  };
}

describe('a total', () => {
  it('is that since the first day that is known, which the badge and the page say', async () => {
    const { collect, json, read, total, page } = await house();
    expect((await collect()).exitCode).toBe(0);
    const badge = { label: 'total since 2026-04', message: '14', color: 'blue' };
    expect(json('alpha/total-non-ci.json')).toEqual({ schemaVersion: 1, ...badge });
    expect(read('output/alpha/total-non-ci.svg')).toContain('total since 2026-04: 14');
    expect(total('alpha')).toEqual({ since: '2026-04-18', count: 14, unknown_days: 0 });
    expect(page('alpha')).toContain(
      'Total since 18 Apr 2026</a>, the first day that is known: <b data-figure="total">14</b>.',
    );
    expect(page('alpha')).not.toContain('nothing is known');
  });

  it('outlives the year that the ledger keeps, and says how many days are not known', async () => {
    const { collect, at, total, page, ledger, read, server } = await house();
    await collect();
    // Nothing ran for more than a year.
    await collect('2027-06-01');
    // 7 days each, and those between: from 2026-04-25 to 2027-05-24.
    const known = { since: '2026-04-18', count: 28, unknown_days: 395 };
    expect(total('alpha')).toEqual(known);
    expect(page('alpha')).toContain('Of 395 days since then nothing is known; they are left out.');
    const text = read(ledger('alpha'));
    expect(text).toContain('"old":[{"spans":[["2026-04-18","2026-04-25"]]');
    expect(text).not.toContain('\n["2026-04-2');
    // By hand: 2 a day by uv, and one in CI.
    const excluded = ['sidecar', 'ci', 'mirror', 'browser', 'unknown', 'other'];
    expect(read('output/alpha/months.csv').split('\n')).toEqual([
      `month,first_day,last_day,known_days,count,pip,pipenv,pipx,uv,poetry,pdm,${excluded.map((each) => `excluded_${each}`)}`,
      '2026-04,2026-04-18,2026-04-24,7,14,0,0,0,14,0,0,0,7,0,0,0,0',
      '2027-05,2027-05-25,2027-05-31,7,14,0,0,0,14,0,0,0,7,0,0,0,0',
      '',
    ]);
    const { stdout } = await at('2027-06-01', 'export', '-p', 'alpha');
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'package,day,days,class,installer,system,downloads',
      'alpha,2026-04-18,7,counted,uv,,14',
      'alpha,2026-04-18,7,ci,uv,,7',
      'alpha,2027-05-25,1,counted,uv,,2',
    ]);
    // It stays what it was when a run looks at the past, and when its package fails.
    await collect('2027-06-02');
    const later = { ...known, count: 30 };
    expect(total('alpha')).toEqual(later);
    await at('2027-06-02', 'collect', '--as-of', '2026-04-23');
    expect(total('alpha')).toEqual(later);
    await server.close();
    expect((await collect('2027-06-03')).exitCode).toBe(1);
    expect(total('alpha')).toEqual(later);
    expect(page('alpha')).toContain('data-figure="total">30<');
  });

  it('has a chart of all that is known, and months, for a group too, and both go with the badge', async () => {
    const groups = 'groups: [{name: both, packages: [alpha, beta]}]';
    const { run, read, track, published } = localProject(
      BOTH,
      [
        ...['2024-03-01', '2025-02-10', '2026-04-20'].map((at) => ({
          project: 'alpha',
          at,
          installer: 'pip',
        })),
        { project: 'beta', at: '2025-02-11', installer: 'uv', times: 27 },
      ],
      { sections: `badges: {extra: [total, chart]}\n${groups}` },
    );
    expect((await run('collect')).exitCode).toBe(0);
    const chart = read('output/both/chart-total-non-ci-light.svg');
    expect(chart).toContain('30 since 1 Mar 2024');
    // 28 downloads on the 28 days of February 2025.
    expect(chart).toContain('At most 1 a day, from 1 Feb 2025.');
    expect(read('output/both/months.csv')).toContain('\n2025-02,2025-02-01,2025-02-28,28,28,1,0,0,27,');
    track(BOTH, { sections: groups });
    await run('collect');
    expect((await run('prune', '--yes')).exitCode).toBe(0);
    expect(published('both').filter((name) => /months|chart|total/.test(name))).toEqual([]);
  });

  it('of a group is the sum of those of its packages, whether or not they show their own', async () => {
    const { collect, fill, health, published, page } = await house(
      'groups: [{name: both, packages: [alpha, beta], window_days: 7, badges: {extra: [total]}}]',
    );
    await collect();
    expect(health().groups.both.total).toEqual({ since: '2026-04-18', count: 21, unknown_days: 0 });
    expect(health().packages.alpha).not.toHaveProperty('total');
    expect(published('alpha')).not.toContain('total-non-ci.json');
    await fill('2026-04-01', '--package', 'alpha');
    await collect('2026-04-26');
    // 25 days of alpha, 8 of beta.
    expect(health().groups.both.total).toEqual({ since: '2026-04-01', count: 58, unknown_days: 17 });
    expect(page('both')).toContain('Of 17 days since then, of all its packages together, nothing is known');
  });
});

describe('backfill', () => {
  it('says what it costs, asks, reads each day once, and makes no badge', async () => {
    const { collect, within, message, json, total, server } = await house();
    await collect();
    const before = server.calls.length;
    const fill = () => within({ ask: async () => 'y' }, 'backfill', '--from', '2024-03-01');
    const { exitCode, stdout } = await fill();
    expect(exitCode).toBe(0);
    // 2024-03-01 to 2026-04-17, of which the ledger has nothing: 778 days for each, at 150 MB; seven days have billed 1,002 MiB.
    expect(stdout).toMatch(/^alpha +3 +778 /m);
    expect(stdout).toMatch(/^all +6 +1,556 /m);
    expect(stdout).toContain('about 217.5 GiB, which is $0.00 at the list price');
    expect(stdout).toContain("This month's budget has room for");
    expect(stdout).toContain('alpha: 777 days read, 108.5 GiB billed; known since 2024-03-01');
    expect(message('alpha', 'total')).toBe('14');
    const asked = server.calls
      .slice(before)
      .filter(({ kind, package: name }) => kind === 'insert' && name === 'alpha')
      .map(({ start, end }) => [start, end]);
    // The newest first, none longer than a year, and the day that the table lacks in none of them.
    expect(asked).toEqual([
      ['2025-05-06', '2026-04-18'],
      ['2024-05-04', LOST],
      ['2024-03-01', '2024-05-04'],
    ]);
    const bytes = server.bytesBilled;
    // Only the day that the table lacks is not known, and it is not paid for.
    await fill();
    expect(server.bytesBilled - bytes).toBe(10 * 1024 ** 2);
    await collect('2026-04-26');
    const count = 2 * (spanDays({ start: '2024-03-01', end: '2026-04-26' }) - 1);
    expect(total('alpha')).toEqual({ since: '2024-03-01', count, unknown_days: 1 });
    expect(json('alpha/total-non-ci.json').label).toBe('total since 2024-03');
  });

  it('says that a list price begins after the first TiB of the month, and what the budget leaves room for', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `p-${index}`);
    const { run } = await house(TOTAL, 'monthly_budget_gib: 100', names);
    const { stdout } = await run('backfill', '--from', '2024-03-01', '--dry-run');
    // 785 days at 160 MB for each of twelve, where no bill is known: 1.37 TiB, of which 0.37 are paid for at $6.25.
    expect(stdout).toContain('about 1,403.7 GiB, which is $2.32 at the list price');
    expect(stdout).toContain(
      "This month's budget has room for 100.0 GiB. What does not fit is left out; run this again next month",
    );
  });

  it('goes on where the budget ended, without a gap', async () => {
    const { collect, fill, at, total } = await house(TOTAL, 'monthly_budget_gib: 60', ['alpha']);
    await collect();
    const stdout = expect.stringContaining("alpha: the month's budget would be passed");
    expect(await fill('2024-06-01')).toMatchObject({ exitCode: 1, stdout });
    await collect('2026-04-26');
    // The newest part only, after the day that the table lacks.
    expect(total('alpha')).toEqual({ since: '2025-05-06', count: 2 * 355, unknown_days: 0 });
    expect((await at('2026-05-01', 'backfill', '--from', '2024-06-01', '--yes')).exitCode).toBe(0);
    await collect('2026-05-01');
    expect(total('alpha')).toMatchObject({ since: '2024-06-01', unknown_days: 1 });
  });

  it('reads nothing where the operator does not agree', async () => {
    const { within, files, server } = await house();
    const before = files();
    const result = await within({ ask: async () => 'n' }, 'backfill', '--from', '2026-01-01');
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing was read') });
    expect([server.bytesBilled, files()]).toEqual([0, before]);
  });

  it.each([
    ['no total is asked for', () => house(''), 'asks for no total of any package'],
    ['files are counted', () => localProject(BOTH, [], { sections: TOTAL }), 'there is nothing to fill'],
  ])('is of no use where %s', async (_, open, says) => {
    const refused = { exitCode: 2, stdout: '', stderr: expect.stringContaining(says) };
    expect(await (await open()).run('backfill', '--from', '2026-01-01')).toEqual(refused);
  });
});
