import { describe, expect, it } from 'vitest';
import { addDays, spanDays } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { Fault, ServerRow } from '../support/clickhouse-server.ts';
import { clickHouseProject, daysUpTo, localProject } from '../support/project.ts';

const AS_OF = '2026-10-31';
const SPAN = { start: '2026-09-11', end: '2026-11-10' };

/** Rows of a package on every day of two months. */
const daily = (project: string, ...rows: Omit<ServerRow, 'project' | 'day'>[]): ServerRow[] =>
  daysUpTo('2026-11-09', 60).flatMap((day) => rows.map((row) => ({ project, day, ...row })));

const DEMO = daily(
  'demo',
  { installer: 'pip', python: '3.9', version: '1.9', downloads: 3 },
  { installer: 'uv', python: '3.14', version: '2.0rc1', downloads: 5 },
  { installer: 'poetry', version: '2.0', downloads: 2 },
  { installer: 'pip', ci: 'true', python: '3.8', downloads: 40 },
  { installer: 'bandersnatch', downloads: 50 },
);
const large = (name: string, downloads: number) =>
  daily(name, { installer: 'pip', python: '3.9', downloads });

/** So large that each of them is a question of its own. */
const NAMES = Array.from({ length: 23 }, (_, index) => `l${index}`);
const LARGE = NAMES.flatMap((name) => large(name, 3_000_000));

interface Setting {
  rows?: ServerRow[];
  fault?: (kind: string) => Fault | undefined;
  sections?: string;
}

async function house(packages = ['demo'], { rows = DEMO, fault, sections = '' }: Setting = {}) {
  const options = { rows: [...rows], days: SPAN, fault: ({ kind }: { kind: string }) => fault?.(kind) };
  const project = await clickHouseProject(packages, options, { sections });
  return {
    ...project,
    asked: () => project.asked('facets'),
    show: (...argv: string[]) => project.at(AS_OF, 'show', ...argv),
    collect: (day = AS_OF) => project.at(day, 'collect', '--no-page'),
    facets: (name: string) =>
      project.published(name).includes('facets.json') ? project.json(`${name}/facets.json`) : undefined,
  };
}

describe('show --by', () => {
  it('prints a table that can be pasted as it is', async () => {
    const { show } = await house();
    const stdout = `| Python | Share | Downloads |
| --- | ---: | ---: |
| 3.14 | 50.0% | 150 |
| 3.9 | 30.0% | 90 |
| other | 0.0% | 0 |
| unknown | 20.0% | 60 |
| Total | 100.0% | 300 |

demo, 30 days from 1 Oct 2026 to 30 Oct 2026 (UTC): 300 downloads by installers, not marked as CI, counted from ClickHouse's public copy of PyPI's download log.

poetry and pdm do not send their Python, so their downloads are unknown here.

\`pypi-badges show demo --by python --days 30 --markdown\`
`;
    const result = await show('Demo', '--by', 'python', '--markdown');
    expect(result).toEqual({ exitCode: 0, stdout, stderr: '' });
  });

  it('has versions by series, too, within the 80 columns of a terminal, and every value for programs', async () => {
    const { within, show } = await house();
    const world = { env: { NO_COLOR: '1' }, now: () => new Date(AS_OF), terminal: true };
    const { stdout } = await within(world, 'show', 'demo', '--by', 'version');
    const lines = stdout.split('\n').map((line) => line.trimEnd());
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const rows = ['2.0  20.0%  60', '2.0rc1  50.0%  150', '2.*  70.0%  210', '1.*  30.0%  90'];
    expect(lines.map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual(expect.arrayContaining(rows));
    const json = await show('demo', '--by', 'version', '--json');
    const { packages, ...rest } = JSON.parse(json.stdout);
    expect(rest).toEqual({ source: 'clickhouse', by: 'version' });
    expect(packages.demo).toMatchObject({ from: '2026-10-01', to: '2026-10-30', total: 300 });
    expect(String(packages.demo.series.values)).toBe('2.*,210,1.*,90');
  });

  it('asks for the versions of --of by name', async () => {
    const { show, asked } = await house();
    const { stdout } = await show('demo', '--by', 'python', '--of', '2.*', '--markdown');
    expect(asked().map(({ versions }) => versions)).toEqual([undefined, "['2.0','2.0rc1']"]);
    expect(stdout).toContain("`pypi-badges show demo --by python --of '2.*' --days 30 --markdown`");
  });

  it('takes the newest days of a package with very many downloads, and says which', async () => {
    const { show, asked } = await house(['giant'], { rows: large('giant', 60_000_000) });
    const { exitCode, stdout } = await show('giant', '--by', 'python');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('giant, 5 days from 26 Oct 2026 to 30 Oct 2026 (UTC): 300,000,000');
    expect(stdout).toContain('Only the newest of 30 days');
    // No question is to read more than 100 million rows.
    expect(asked().map(({ start = '', end = '' }) => spanDays({ start, end }))).toEqual([1, 1, 1, 1, 1]);
  });

  const flagless: ServerRow = { project: 'demo', day: '2026-10-20', ci: 'unknown', downloads: 1 };
  const refused = (kind: string) => (kind === 'facets' ? { exception: 62 } : undefined);
  it.each<[string, Setting, string[], RegExp]>([
    ['nobody downloads', {}, ['dmeo'], /^dmeo: no download by an installer, .* is the name right/m],
    ['has no such version', {}, ['demo', '--of', '7'], /^demo: none of the versions that were downloaded/m],
    ['has days without the flag', { rows: [...DEMO, flagless] }, ['demo'], /^demo: it is not known of all/m],
    ['is refused', { fault: refused }, ['demo'], /^demo: .*does not understand the query/m],
  ])('says why there is nothing of a package that %s', async (_, setting, argv, says) => {
    const { show } = await house(['demo'], setting);
    const stderr = expect.stringMatching(says);
    expect(await show(...argv, '--by', 'python')).toEqual({ exitCode: 1, stdout: '', stderr });
  });

  const denied = (kind: string) => (kind === 'facets' ? { exception: 497 } : undefined);
  it.each<[string, Setting, number, RegExp]>([
    ['the server refuses the first', { fault: denied }, 0, /^23 packages: the user may not read the table/],
    ['these are too many questions', {}, 20, /^l20, l21, l22: a run asks at most 20 such questions/],
  ])('says of each of many packages why there is no table, where %s', async (_, setting, tables, says) => {
    const { show } = await house(['demo'], { rows: LARGE, ...setting });
    const { exitCode, stdout, stderr } = await show(...NAMES, '--by', 'python');
    expect([exitCode, stdout.match(/30 days from/g) ?? []]).toEqual([1, Array(tables).fill('30 days from')]);
    expect(stderr.trim()).toMatch(says);
  });
});

describe('facets on BigQuery', () => {
  const ask = async (argv: string[], answer?: string) => {
    const { within, files, server } = await bigQueryProject(['demo']);
    const world = answer === undefined ? {} : { ask: async () => answer };
    const options = ['--source', 'bigquery', '--by', 'python', '--days', '7', '--as-of', '2026-04-25'];
    const result = await within(world, 'show', 'demo', ...options, ...argv);
    const spend = files()['state/spend.json'];
    return { ...result, months: spend && JSON.parse(spend).months, server };
  };

  it('are shown at a price, and nothing is read and booked where that is too much', async () => {
    const { server, ...result } = await ask([], 'n');
    expect(server.bytesBilled).toBe(0);
    // Seven days at 330 MB; the server's dry run says 150 MB a day.
    const stderr =
      'This bills about 2.2 GiB ($0.01) by our estimate, and at most 1.0 GiB ($0.01) by a dry run; the first TiB of a month is free.\n';
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr, months: undefined });
  });

  it.each([
    [['--yes'], 1],
    [['--yes', '--of', '>=1'], 2],
  ])('are read where that is agreed to, and the bill is booked: %j', async (argv, questions) => {
    const { exitCode, stdout, months, server } = await ask(argv);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^3\.9 +100\.0% +7$/m);
    expect(server.callsOf('insert').filter(({ revisions }) => !revisions)).toHaveLength(questions);
    const { bytes_billed, queries } = months['2026-04'];
    expect([bytes_billed, queries]).toEqual([server.bytesBilled, questions + 1]);
  });

  it('are shown also where the budget ends with them', async () => {
    const { run } = await bigQueryProject(['a', 'b'], {}, { source: 'monthly_budget_gib: 3' });
    const argv = 'show a b --source bigquery --by python --days 7 --as-of 2026-04-25 --yes'.split(' ');
    const { exitCode, stdout, stderr } = await run(...argv);
    expect([exitCode, stdout.match(/^\w+(?=, 7 days)/gm)]).toEqual([1, ['a']]);
    expect(stderr).toMatch(/^b: the month's budget would be passed/m);
  });

  it('are part of collect where every_days asks for it, and the budget has room', async () => {
    const { run, track, published, json } = await bigQueryProject(['demo']);
    const plan = async () => (await run('collect', '--dry-run')).stdout;
    expect(await plan()).not.toContain('acets');
    await run('collect', '--no-page');
    expect(published('demo')).not.toContain('facets.json');
    const sections = 'facets: {every_days: 7}';
    track(['demo'], { sections, source: 'monthly_budget_gib: 2' });
    const why = "no Pythons, versions and systems of demo: the month's budget would be passed";
    expect((await run('collect', '--no-page')).stderr).toContain(why);
    track(['demo'], { sections });
    expect(await plan()).toContain('\nFacets of demo are due, and expected to bill about 2.2 GiB more.\n');
    await run('collect', '--no-page');
    expect(json('demo/facets.json')).toMatchObject({ total: 7 });
    expect(await plan()).not.toContain('acets');
  });
});

describe('collect', () => {
  it('asks every seventh day, shows it on the page, and keeps nothing of it in the ledger', async () => {
    const { at, asked, facets, read, files } = await house();
    expect((await at(AS_OF, 'collect')).exitCode).toBe(0);
    const first = facets('demo');
    expect(first).toMatchObject({ from: '2026-10-01', to: '2026-10-30', total: 300, source: 'clickhouse' });
    expect(first.lists.python).toMatchObject({ other: 0, unknown: 60 });
    expect(String(first.lists.python.values)).toBe('3.14,150,3.9,90');
    expect(read('output/demo/index.html')).toContain(
      'Of 300 non-CI downloads from 1 Oct 2026 to 30 Oct 2026.',
    );
    for (const [path, text] of Object.entries(files())) {
      if (path.startsWith('state/')) expect(text).not.toMatch(/python|facet/);
    }
    await at(addDays(AS_OF, 6), 'collect');
    expect([asked().length, facets('demo')]).toEqual([1, first]);
    expect(read('output/demo/index.html')).toContain('from 1 Oct 2026 to 30 Oct 2026.');
    await at(addDays(AS_OF, 7), 'collect');
    expect([asked().length, facets('demo').to]).toEqual([2, '2026-11-06']);
  });

  it('keeps the facets that it has when the query fails, and the package is well', async () => {
    let broken = false;
    const fault = (kind: string) => (broken && kind === 'facets' ? { exception: 62 } : undefined);
    const { collect, facets } = await house(['demo'], { fault });
    await collect();
    broken = true;
    const stderr = expect.stringContaining('no Pythons, versions and systems of demo: ');
    expect(await collect(addDays(AS_OF, 7))).toMatchObject({ exitCode: 0, stderr });
    expect(facets('demo').to).toBe('2026-10-30');
  });

  it('asks once for many packages, nothing about one with very many downloads, and in parts about large ones', async () => {
    const rows = [
      ...large('giant', 60_000_000),
      ...['l1', 'l2', 'l3'].flatMap((name) => large(name, 1_200_000)),
      ...DEMO,
    ];
    const { collect, asked, facets } = await house(['giant', 'l1', 'l2', 'demo', 'l3'], { rows });
    const why = 'no Pythons, versions and systems of giant: it has more than 300,000,000 downloads';
    expect(await collect()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(why) });
    expect(asked().map(({ projects }) => projects.join(' '))).toEqual(['l1 l2 demo', 'l3']);
    expect([facets('giant'), facets('demo').total]).toEqual([undefined, 300]);
  });

  it('asks at most twenty questions a run, and goes on with the next', async () => {
    const { collect, asked } = await house(NAMES, { rows: LARGE });
    await collect();
    expect(asked()).toHaveLength(20);
    await collect(addDays(AS_OF, 1));
    expect(asked()).toHaveLength(23);
  });

  it('adds up the facets of groups, and asks about all members when one is due', async () => {
    const { collect, track, asked, facets } = await house(['demo'], {
      rows: [...DEMO, ...daily('new', { installer: 'uv', python: '3.9', downloads: 1 })],
    });
    await collect();
    track(['demo', 'new'], { sections: 'groups: [{name: both, packages: [demo, new]}]' });
    await collect(addDays(AS_OF, 1));
    expect(asked().at(-1)?.projects).toEqual(['demo', 'new']);
    expect(facets('both')).toMatchObject({ total: 330, lists: { python: { unknown: 60 } } });
    expect(String(facets('both').lists.python.values)).toBe('3.14,150,3.9,120');
  });

  it.each([
    ['without downloads', 'nobody', 300],
    ['that is too large', 'giant', undefined],
  ])('asks no more often about a group with a package %s', async (_, name, total) => {
    const { at, asked, facets, read } = await house(['demo', name], {
      rows: [...DEMO, ...large('giant', 60_000_000)],
      sections: `groups: [{name: both, packages: [demo, ${name}]}]`,
    });
    for (const day of [0, 1, 2, 7, 8]) await at(addDays('2026-10-30', day), 'collect');
    expect(asked().map(({ projects }) => projects)).toEqual([['demo'], ['demo']]);
    expect(facets('both')?.total).toBe(total);
    expect(read(`output/${name}/index.html`)).not.toContain('Pythons, versions');
  });

  it('makes badges of shares of Pythons, of groups, too, and removes them once they are not asked for', async () => {
    const packages = ['demo', 'small'];
    const sections = (...shares: string[]) =>
      `badges: {extra: [${shares.join(', ')}]}\ngroups: [{name: both, packages: [demo, small]}]`;
    const { at, track, json, read, published } = await house(packages, {
      rows: [...DEMO, ...daily('small', { installer: 'uv', python: '3.9', downloads: 3 })],
      sections: sections("'python>=3.10'", "'python>=3.9'"),
    });
    const say = (name: string, file: string) => {
      const { label, message } = json(`${name}/${file}-non-ci.json`);
      return `${label} | ${message}`;
    };
    const { exitCode, stderr } = await at(AS_OF, 'collect');
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left')]);
    // 150 of 240 that are known; 90 of less than a hundred; 150 of 330.
    expect(say('demo', 'python-3-10')).toBe('python ≥ 3.10 | 63%');
    expect(say('demo', 'python-3-9')).toBe('python ≥ 3.9 | 100%');
    expect(say('small', 'python-3-9')).toBe('python ≥ 3.9 | too few');
    expect(say('both', 'python-3-10')).toBe('python ≥ 3.10 | 45%');
    expect(read('output/both/index.html')).toContain(
      '<a class="badge blue" href="python-3-10-non-ci.svg"><span>python ≥ 3.10</span> <b>45%</b></a>',
    );
    // Between the days on which they are counted, they stay as they were.
    await at(addDays(AS_OF, 1), 'collect');
    expect(say('demo', 'python-3-10')).toBe('python ≥ 3.10 | 63%');
    track(packages, { sections: sections("'python>=3.9'") });
    const left = await at(addDays(AS_OF, 2), 'collect');
    expect(left.stderr).toContain('badges of python-3-10 are left over');
    await at(addDays(AS_OF, 2), 'prune', '--yes');
    expect(published('demo').filter((file) => file.includes('python'))).toEqual([
      'python-3-9-non-ci.json',
      'python-3-9-non-ci.svg',
    ]);
  });

  it('warns of one kind of machine, and tells strangers', async () => {
    const details = {
      ci: false,
      python: '3.9.1',
      installer: { name: 'pip' },
      system: { name: 'Linux' },
      distro: { libc: { lib: 'glibc' } },
    };
    const rows = daysUpTo('2026-10-24', 20).map((at) => ({ at, details, times: 60 }));
    const { at, entry, read } = localProject(['demo'], rows);
    await at(AS_OF, 'collect');
    const message =
      '100.0% of the 1,200 downloads from 2026-10-01 to 2026-10-30 came from one kind of machine (pip, Python 3.9, Linux glibc); that can be one fleet';
    expect(entry('demo').warnings).toEqual([{ code: 'one-kind', message }]);
    expect(read('output/demo/index.html')).toContain('that can be one fleet');
  });
});
