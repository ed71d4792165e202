import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays, spanDays } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { type Fault, type ServerRow, startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AS_OF = '2026-10-31';
const SCHEMA = readFileSync(new URL('../../docs/facets.schema.json', import.meta.url), 'utf8');
const ajv = new Ajv();
addFormats.default(ajv);
const isFacets = ajv.compile(JSON.parse(SCHEMA));

/** Rows of a package on every day of two months. */
function daily(project: string, ...rows: Omit<ServerRow, 'project' | 'day'>[]): ServerRow[] {
  return Array.from({ length: 60 }, (_, back) => addDays(AS_OF, 9 - back)).flatMap((day) =>
    rows.map((row) => ({ project, day, ...row })),
  );
}

const WHOLE = daily('boto3', { installer: 'pip', downloads: 1_000 });
const DEMO = daily(
  'demo',
  { installer: 'pip', python: '3.9', version: '1.9', downloads: 3 },
  { installer: 'uv', python: '3.14', version: '2.0rc1', downloads: 5 },
  { installer: 'poetry', version: '2.0', downloads: 2 },
  { installer: 'pip', ci: 'true', python: '3.8', downloads: 40 },
  { installer: 'bandersnatch', downloads: 50 },
);
/** Sixty million downloads a day. */
const GIANT = daily('giant', { installer: 'pip', python: '3.9', downloads: 60_000_000 });

/** So large that each of them is a question of its own. */
const NAMES = Array.from({ length: 23 }, (_, index) => `l${index}`);
const LARGE = NAMES.flatMap((name) => daily(name, { installer: 'pip', downloads: 3_000_000 }));

interface World {
  rows?: readonly ServerRow[];
  fault?: (kind: string) => Fault | undefined;
}

async function house({ rows = DEMO, fault }: World = {}) {
  const server = await startClickHouse({
    rows: [...WHOLE, ...rows],
    fault: ({ kind }) => fault?.(kind),
  });
  onTestFinished(() => server.close());
  const folder = tempFolder();
  const env = { CLICKHOUSE_URL: server.url, LANG: 'C.UTF-8' };
  return {
    folder,
    env,
    now: () => new Date(`${AS_OF}T08:00:00Z`),
    run: (day: string, ...argv: string[]) =>
      runMain(folder, argv, { env, now: () => new Date(`${day}T08:00:00Z`) }),
    list: (packages: string) =>
      writeFileSync(
        join(folder, 'tracked.yaml'),
        `service: {output_dir: output, source: clickhouse}\n${packages}\n`,
      ),
    asked: () => server.calls.filter(({ kind }) => kind === 'facets'),
    facets: (name: string) => {
      const path = join(folder, 'output', name, 'facets.json');
      return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
    },
    read: (path: string) => readFileSync(join(folder, 'output', path), 'utf8'),
  };
}

describe('show --by', () => {
  it('prints a table that can be pasted as it is', async () => {
    const { run } = await house();
    const { exitCode, stdout, stderr } = await run(AS_OF, 'show', 'Demo', '--by', 'python', '--markdown');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`| Python | Share | Downloads |
| --- | ---: | ---: |
| 3.14 | 50.0% | 150 |
| 3.9 | 30.0% | 90 |
| other | 0.0% | 0 |
| unknown | 20.0% | 60 |
| Total | 100.0% | 300 |

demo, 30 days from 1 Oct 2026 to 30 Oct 2026 (UTC): 300 downloads by installers, not marked as CI, counted from ClickHouse's public copy of PyPI's download log.

poetry and pdm do not send their Python, so their downloads are unknown here.

\`pypi-badges show demo --by python --days 30 --markdown\`
`);
  });

  it('has versions by series, too', async () => {
    const { stdout } = await (await house()).run(AS_OF, 'show', 'demo', '--by', 'version');
    const lines = stdout.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, '  '));
    expect(lines).toEqual(
      expect.arrayContaining(['2.0  20.0%  60', '2.0rc1  50.0%  150', '2.*  70.0%  210', '1.*  30.0%  90']),
    );
  });

  it('fits into the 80 columns of a terminal', async () => {
    const { folder, env, now } = await house();
    const world = { env: { ...env, NO_COLOR: '1' }, now, terminal: true };
    const { stdout } = await runMain(folder, ['show', 'demo', '--by', 'version'], world);
    expect(stdout).toMatch(/^2\.0rc1 +50\.0% +150$/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('asks for the versions of --of by name', async () => {
    const { run, asked } = await house();
    const { stdout } = await run(AS_OF, 'show', 'demo', '--by', 'python', '--of', '2.*', '--markdown');
    expect(asked().map(({ versions }) => versions)).toEqual([undefined, "['2.0','2.0rc1']"]);
    expect(stdout).toContain("`pypi-badges show demo --by python --of '2.*' --days 30 --markdown`");
  });

  it('has every value for programs', async () => {
    const { stdout } = await (await house()).run(AS_OF, 'show', 'demo', '--by', 'version', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      source: 'clickhouse',
      by: 'version',
      packages: {
        demo: {
          from: '2026-10-01',
          to: '2026-10-30',
          total: 300,
          series: {
            values: [
              ['2.*', 210],
              ['1.*', 90],
            ],
          },
        },
      },
    });
  });

  it('takes the newest days of a package with very many downloads, and says which', async () => {
    const { run, asked } = await house({ rows: GIANT });
    const { exitCode, stdout } = await run(AS_OF, 'show', 'giant', '--by', 'python');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('giant, 5 days from 26 Oct 2026 to 30 Oct 2026 (UTC): 300,000,000');
    expect(stdout).toContain('Only the newest of 30 days');
    // No question is to read more than 100 million rows.
    expect(asked().map(({ start = '', end = '' }) => spanDays({ start, end }))).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    [['demo', '--of', '2.*'], /--of, --markdown and --yes go with --by/],
    [['demo', '--markdown'], /go with --by/],
    [['demo', '--by', 'python', '--of', 'main'], /--of main: no set of versions/],
    [['demo', '--by', 'python', '--json', '--markdown'], /choose one/],
    [['demo', '--by', 'shoe'], /Allowed choices are python, version, system, type, country/],
  ])('refuses %j', async (argv, says) => {
    const { run, asked } = await house();
    const { exitCode, stderr } = await run(AS_OF, 'show', ...argv);
    expect([exitCode, asked().length]).toEqual([2, 0]);
    expect(stderr).toMatch(says);
  });

  it.each<[string, World, string[], RegExp]>([
    ['nobody downloads', {}, ['dmeo'], /^dmeo: no download by an installer, .* is the name right/m],
    [
      'has no such version',
      {},
      ['demo', '--of', '7'],
      /^demo: none of the versions that were downloaded is wanted/m,
    ],
    [
      'has days without the flag',
      {
        rows: [
          ...DEMO,
          { project: 'demo', day: '2026-10-20', ci: 'unknown', installer: 'pip', downloads: 1 },
        ],
      },
      ['demo'],
      /^demo: it is not known of all days/m,
    ],
    [
      'is refused',
      { fault: (kind) => (kind === 'facets' ? { exception: 62 } : undefined) },
      ['demo'],
      /^demo: .*does not understand the query/m,
    ],
  ])('says why there is nothing of a package that %s', async (_, world, argv, says) => {
    const { run } = await house(world);
    const { exitCode, stdout, stderr } = await run(AS_OF, 'show', ...argv, '--by', 'python');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(says);
  });
});

it.each<[string, World, number, RegExp]>([
  [
    'the server refuses the first',
    { fault: (kind) => (kind === 'facets' ? { exception: 497 } : undefined) },
    0,
    /^23 packages: the user may not read the table/,
  ],
  ['these are too many questions', {}, 20, /^l20, l21, l22: a run asks at most 20 such questions/],
  [
    'nothing is known of their days',
    { rows: NAMES.map((project) => ({ project, day: '2026-10-20', ci: 'unknown', downloads: 1 })) },
    0,
    /^23 packages: it is not known of all days which/,
  ],
])('show --by says of each package why there is no table of it, where %s', async (_, world, tables, says) => {
  const { run } = await house({ rows: LARGE, ...world });
  const { exitCode, stdout, stderr } = await run(AS_OF, 'show', ...NAMES, '--by', 'python');
  expect([exitCode, stdout.match(/30 days from/g) ?? []]).toEqual([1, Array(tables).fill('30 days from')]);
  expect(stderr.trim()).toMatch(says);
});

describe('show --by on BigQuery', () => {
  const ask = async (argv: string[], answer: string | undefined) => {
    const project = await bigQueryProject(['demo']);
    const result = await runMain(
      project.folder,
      [
        'show',
        'demo',
        '--source',
        'bigquery',
        '--by',
        'python',
        '--days',
        '7',
        '--as-of',
        '2026-04-25',
        ...argv,
      ],
      { env: project.env, ...(answer !== undefined && { ask: async () => answer }) },
    );
    const spend = project.files()['state/spend.json'];
    return { ...result, months: spend && JSON.parse(spend).months, server: project.server };
  };

  it('says the price, and reads and books nothing where that is too much', async () => {
    const { exitCode, stdout, stderr, months, server } = await ask([], 'n');
    expect([exitCode, stdout, months, server.bytesBilled]).toEqual([0, '', undefined, 0]);
    // Seven days at 330 MB; the server's dry run says 150 MB a day.
    expect(stderr).toBe(
      'This bills about 2.2 GiB ($0.01) by our estimate, and at most 1.0 GiB ($0.01) by a dry run; the first TiB of a month is free.\n',
    );
  });

  it('needs --yes where nobody can be asked', async () => {
    const { exitCode, stderr, server } = await ask([], undefined);
    expect([exitCode, server.bytesBilled]).toEqual([2, 0]);
    expect(stderr).toContain('repeat it with --yes');
  });

  it.each([
    [['--yes'], undefined, 1],
    [[], 'y', 1],
    [['--yes', '--of', '>=1'], undefined, 2],
  ])('reads what is agreed to, and books the bill: %j', async (argv, answer, questions) => {
    const { exitCode, stdout, months, server } = await ask(argv, answer);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^3\.9 +100\.0% +7$/m);
    const asked = server.callsOf('insert').filter(({ revisions }) => !revisions);
    expect(asked).toHaveLength(questions);
    expect(months['2026-04'].bytes_billed).toBe(server.bytesBilled);
    expect(months['2026-04'].queries).toBe(questions + 1);
  });

  it('prints what was paid for also where the budget ends with it', async () => {
    const project = await bigQueryProject(['a', 'b'], {}, { bigquery: '  monthly_budget_gib: 3\n' });
    const argv = 'show a b --source bigquery --by python --days 7 --as-of 2026-04-25 --yes'.split(' ');
    const { exitCode, stdout, stderr } = await runMain(project.folder, argv, { env: project.env });
    expect([exitCode, stdout.match(/^\w+(?=, 7 days)/gm)]).toEqual([1, ['a']]);
    expect(stderr).toMatch(/^b: the month's budget would be passed/m);
  });

  it('is part of collect where every_days asks for it, and the budget has room', async () => {
    const project = await bigQueryProject(['demo']);
    const run = async (more: string) => {
      project.put('tracked.yaml', `${project.read('tracked.yaml')}${more}`);
      await runMain(project.folder, ['collect', '--as-of', '2026-04-25'], { env: project.env });
      return project.files()['output/demo/facets.json'];
    };
    const plan = () =>
      runMain(project.folder, ['collect', '--as-of', '2026-04-25', '--dry-run'], { env: project.env });
    expect((await plan()).stdout).not.toContain('acets');
    expect(await run('')).toBeUndefined();
    project.put('tracked.yaml', `${project.read('tracked.yaml')}facets: {every_days: 7}\n`);
    expect((await plan()).stdout).toContain(
      '\nFacets of demo are due, and expected to bill about 2.2 GiB more.\n',
    );
    expect(JSON.parse((await run('')) ?? '')).toMatchObject({ total: 7 });
    expect((await plan()).stdout).not.toContain('acets');
    const poor = await bigQueryProject(['demo'], {}, { bigquery: '  monthly_budget_gib: 2\n' });
    poor.put('tracked.yaml', `${poor.read('tracked.yaml')}facets: {every_days: 7}\n`);
    const { exitCode, stderr } = await runMain(poor.folder, ['collect', '--as-of', '2026-04-25'], {
      env: poor.env,
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("no Pythons, versions and systems of demo: the month's budget would be passed");
  });
});

describe('collect', () => {
  it('asks once for a hundred packages', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const rows = names.map((project) => ({ project, day: '2026-10-20', installer: 'uv', downloads: 2 }));
    const { run, list, asked, facets } = await house({ rows });
    list(`packages: [${names.join(', ')}]`);
    await run(AS_OF, 'collect', '--no-page');
    expect(asked().map(({ projects }) => projects.length)).toEqual([100]);
    expect(names.map((name) => facets(name).total)).toEqual(names.map(() => 2));
  });

  it('asks every seventh day, shows it on the page, and keeps nothing of it in the ledger', async () => {
    const { folder, run, list, asked, facets, read } = await house();
    list('packages: [demo]');
    expect((await run(AS_OF, 'collect')).exitCode).toBe(0);
    const first = facets('demo');
    expect(isFacets(first), JSON.stringify(isFacets.errors)).toBe(true);
    expect(first).toMatchObject({ from: '2026-10-01', to: '2026-10-30', total: 300, source: 'clickhouse' });
    expect(first.lists.python).toEqual({
      values: [
        ['3.14', 150],
        ['3.9', 90],
      ],
      other: 0,
      unknown: 60,
    });
    expect(read('demo/index.html')).toContain('Of 300 non-CI downloads from 1 Oct 2026 to 30 Oct 2026.');
    const state = readdirSync(join(folder, 'state'), { recursive: true, encoding: 'utf8' });
    for (const file of state.filter((name) => name.endsWith('.json')))
      expect(readFileSync(join(folder, 'state', file), 'utf8')).not.toMatch(/python|facet/);
    await run(addDays(AS_OF, 6), 'collect');
    expect([asked().length, facets('demo')]).toEqual([1, first]);
    expect(read('demo/index.html')).toContain('from 1 Oct 2026 to 30 Oct 2026.');
    await run(addDays(AS_OF, 7), 'collect');
    expect([asked().length, facets('demo').to]).toEqual([2, '2026-11-06']);
  });

  it('keeps the facets that it has when the query fails, and the package is well', async () => {
    let broken = false;
    const { run, list, facets } = await house({
      fault: (kind) => (broken && kind === 'facets' ? { exception: 62 } : undefined),
    });
    list('packages: [demo]');
    await run(AS_OF, 'collect', '--no-page');
    broken = true;
    const { exitCode, stderr } = await run(addDays(AS_OF, 7), 'collect', '--no-page');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('no Pythons, versions and systems of demo: ');
    expect(facets('demo').to).toBe('2026-10-30');
  });

  it('asks nothing about a package with very many downloads, and in parts about large ones', async () => {
    const large = (name: string) => daily(name, { installer: 'pip', downloads: 1_200_000 });
    const rows = [...GIANT, ...DEMO, ...['l1', 'l2', 'l3'].flatMap(large)];
    const { run, list, asked, facets } = await house({ rows });
    list('packages: [giant, l1, l2, demo, l3]');
    const { exitCode, stderr } = await run(AS_OF, 'collect', '--no-page');
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      'no Pythons, versions and systems of giant: it has more than 300,000,000 downloads',
    );
    expect(asked().map(({ projects }) => projects.join(' '))).toEqual(['l1 l2 demo', 'l3']);
    expect(facets('giant')).toBeUndefined();
  });

  it('asks at most twenty questions a run, and goes on with the next', async () => {
    const { run, list, asked } = await house({ rows: LARGE });
    list(`packages: [${NAMES.join(', ')}]`);
    await run(AS_OF, 'collect', '--no-page');
    expect(asked()).toHaveLength(20);
    await run(addDays(AS_OF, 1), 'collect', '--no-page');
    expect(asked()).toHaveLength(23);
  });

  it('adds up the facets of groups, and asks about all members when one is due', async () => {
    const { run, list, asked, facets } = await house({
      rows: [...DEMO, ...daily('new', { installer: 'uv', python: '3.9', downloads: 1 })],
    });
    list('packages: [demo]');
    await run(AS_OF, 'collect', '--no-page');
    list('packages: [demo, new]\ngroups: [{name: both, packages: [demo, new]}]');
    await run(addDays(AS_OF, 1), 'collect', '--no-page');
    expect(asked().at(-1)?.projects).toEqual(['demo', 'new']);
    expect(facets('both')).toMatchObject({
      total: 330,
      lists: {
        python: {
          values: [
            ['3.14', 150],
            ['3.9', 120],
          ],
          unknown: 60,
        },
      },
    });
  });

  it.each([
    ['without downloads', 'nobody', 300],
    ['that is too large', 'giant', undefined],
  ])('asks no more often about a group with a package %s', async (_, name, total) => {
    const { run, list, asked, facets, read } = await house({ rows: [...DEMO, ...GIANT] });
    list(`packages: [demo, ${name}]\ngroups: [{name: both, packages: [demo, ${name}]}]`);
    for (const day of [0, 1, 2, 7, 8]) await run(addDays('2026-10-30', day), 'collect');
    expect(asked().map(({ projects }) => projects)).toEqual([['demo'], ['demo']]);
    expect(facets('both')?.total).toBe(total);
    expect(read(`${name}/index.html`)).not.toContain('Pythons, versions');
  });

  it('makes badges of shares of Pythons, of groups, too, and removes them once they are not asked for', async () => {
    const { run, list, read } = await house({
      rows: [...DEMO, ...daily('small', { installer: 'uv', python: '3.9', downloads: 3 })],
    });
    const say = (name: string, file: string) => {
      const { label, message } = JSON.parse(read(`${name}/${file}-non-ci.json`));
      return `${label} | ${message}`;
    };
    const packages = 'packages: [demo, small]\ngroups: [{name: both, packages: [demo, small]}]';
    list(`badges: {extra: ['python>=3.10', 'python>=3.9']}\n${packages}`);
    const { exitCode, stderr } = await run(AS_OF, 'collect');
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left')]);
    // 150 of 240 that are known; 90 of less than a hundred; 150 of 330.
    expect(say('demo', 'python-3-10')).toBe('python ≥ 3.10 | 63%');
    expect(say('demo', 'python-3-9')).toBe('python ≥ 3.9 | 100%');
    expect(say('small', 'python-3-9')).toBe('python ≥ 3.9 | too few');
    expect(say('both', 'python-3-10')).toBe('python ≥ 3.10 | 45%');
    expect(read('both/index.html')).toContain(
      '<a class="badge blue" href="python-3-10-non-ci.svg"><span>python ≥ 3.10</span> <b>45%</b></a>',
    );
    // Between the days on which they are counted, they stay as they were.
    await run(addDays(AS_OF, 1), 'collect');
    expect(say('demo', 'python-3-10')).toBe('python ≥ 3.10 | 63%');
    list(`badges: {extra: ['python>=3.9']}\n${packages}`);
    const again = await run(addDays(AS_OF, 2), 'collect');
    expect(again.stderr).toContain('badges of python-3-10 are left over');
    expect((await run(addDays(AS_OF, 2), 'prune', '--mark', '--yes')).stdout).toContain(
      'mark  demo (python-3-10): 2 files',
    );
    expect(say('demo', 'python-3-10')).toBe('python ≥ 3.10 | not tracked any more');
    await run(addDays(AS_OF, 2), 'prune', '--yes');
    expect(() => read('demo/python-3-10-non-ci.json')).toThrow('ENOENT');
    expect(say('demo', 'python-3-9')).toBe('python ≥ 3.9 | 100%');
  });

  it('has a share of Pythons say that it was not counted where that failed', async () => {
    const { run, list, read } = await house({
      fault: (kind) => (kind === 'facets' ? { exception: 62 } : undefined),
    });
    list("badges: {extra: ['python>=3.10']}\npackages: [demo]");
    expect((await run(AS_OF, 'collect', '--no-page')).exitCode).toBe(0);
    expect(JSON.parse(read('demo/python-3-10-non-ci.json')).message).toBe('not counted');
  });

  it('warns of one kind of machine, and tells strangers', async () => {
    const { folder, list } = await house();
    list('packages: [demo]');
    const line = (ci: boolean) =>
      JSON.stringify({
        timestamp: '2026-10-20 12:00:00 UTC',
        file: { project: 'demo' },
        details: {
          ci,
          python: '3.9.1',
          installer: { name: 'pip' },
          system: { name: 'Linux' },
          distro: { libc: { lib: 'glibc' } },
        },
      });
    const days = Array.from({ length: 20 }, (_, index) =>
      line(false).replace('2026-10-20', addDays('2026-10-05', index)),
    );
    writeFileSync(
      join(folder, 'rows.ndjson'),
      days.flatMap((each) => Array<string>(60).fill(each)).join('\n'),
    );
    writeFileSync(
      join(folder, 'tracked.yaml'),
      'service: {output_dir: output, source: duckdb}\nduckdb: {files: rows.ndjson}\npackages: [demo]\n',
    );
    await runMain(folder, ['collect'], { now: () => new Date(`${AS_OF}T08:00:00Z`) });
    const health = JSON.parse(readFileSync(join(folder, 'output/_health.json'), 'utf8'));
    expect(health.packages.demo.warnings).toEqual([
      {
        code: 'one-kind',
        message:
          '100.0% of the 1,200 downloads from 2026-10-01 to 2026-10-30 came from one kind of machine (pip, Python 3.9, Linux glibc); that can be one fleet',
      },
    ]);
    expect(readFileSync(join(folder, 'output/demo/index.html'), 'utf8')).toContain('that can be one fleet');
  });

  it('asks nothing where every_days is 0', async () => {
    const { run, list, asked, facets } = await house();
    list('facets: {every_days: 0}\npackages: [demo]');
    expect((await run(AS_OF, 'collect', '--no-page')).exitCode).toBe(0);
    expect([asked().length, facets('demo')]).toEqual([0, undefined]);
  });
});
