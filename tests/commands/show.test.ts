import { readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Options, startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { daily, localProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { YOUNG_ROWS } from '../support/views.ts';

const AS_OF = '2026-10-31';

/** Somebody downloads boto3 every day, so that every day is there. */
const WHOLE = daily('boto3', { start: '2026-08-12', end: AS_OF }, 1_000);
const OTHER = {
  ...{ project: 'other-tool', day: '2026-10-20', installer: 'poetry', system: 'Windows', downloads: 1_500 },
};

async function show(argv: readonly string[], options: Options = {}, env = {}, terminal = false) {
  const server = await startClickHouse({ rows: [...WHOLE, ...YOUNG_ROWS, OTHER], ...options });
  onTestFinished(() => server.close());
  const folder = tempFolder();
  const result = await runMain(folder, ['show', ...argv], {
    env: { CLICKHOUSE_URL: server.url, LANG: 'C.UTF-8', ...env },
    now: () => new Date(`${AS_OF}T08:00:00Z`),
    terminal,
  });
  expect(readdirSync(folder)).toEqual([]);
  return { ...result, calls: server.calls };
}
const longest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('show', () => {
  // What it draws below is in README.md, and held against this program by tests/docs.test.ts.
  it('asks ClickHouse for the days of the table and the package, and names it', async () => {
    const { exitCode, stdout, stderr, calls } = await show(['Young']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^young, 30 days from 1 Oct 2026 to 30 Oct 2026 \(UTC\)\n\nAll downloads +2,771 /);
    expect(stdout).toContain('\n\nNon-CI downloads by day\n·▆·······█····················\n\n');
    expect(stdout.endsWith("\nCounted from ClickHouse's public copy of PyPI's download log.\n")).toBe(true);
    expect(longest(stdout)).toBeLessThanOrEqual(80);
    expect(calls.map(({ kind }) => kind)).toEqual(['days', 'pivot']);
  });

  it('is plain text where the locale says no more', async () => {
    const { stdout } = await show(['young'], {}, { LANG: 'C' });
    expect(stdout).not.toMatch(/[^\n -~]/);
    expect(stdout).toContain('Mirrors                         1,325   47.8%  ###############');
  });

  it('puts several side by side, and begins a new table where names are many', async () => {
    const { exitCode, stdout } = await show(['young', 'other-tool']);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual(
      expect.arrayContaining([
        '  young  other-tool',
        'All downloads  2,771  1,500',
        'Non-CI downloads  14  1,500',
        'of all  0.5%  100.0%',
        'by pip  9  0',
        'by poetry  0  1,500',
        'on Windows  0  1,500',
      ]),
    );
    const names = Array.from({ length: 9 }, (_, index) => `a-rather-long-name-${index}`);
    const rows = names.flatMap((name) => daily(name, { start: '2026-10-20', end: '2026-10-21' }, 2));
    const many = await show(names, { rows: [...WHOLE, ...rows] });
    for (const name of names) expect(many.stdout).toContain(name);
    expect(longest(many.stdout)).toBeLessThanOrEqual(80);
  });

  it('has a name above its figures where it does not fit beside their labels', async () => {
    const long = 'a-name-that-is-longer-than-what-is-left-of-a-line-beside-labels';
    const rows = [...WHOLE, ...YOUNG_ROWS, ...daily(long, { start: '2026-10-20', end: '2026-10-21' }, 2)];
    const { stdout } = await show(['young', long], { rows });
    expect(stdout).toContain(`\n\n${long}\nAll downloads          2\n`);
    expect(stdout).toMatch(/\n {18}young\nAll downloads +2,771\n/);
  });

  it('counts as many days as were asked for, up to another day', async () => {
    const { stdout } = await show(['young', '--days', '2', '--as-of', '2026-10-12']);
    expect(stdout).toMatch(/^young, 2 days from 10 Oct 2026 to 11 Oct 2026/);
    expect(stdout).toMatch(/^All downloads +1,453 /m);
    expect(stdout).toMatch(/^Non-CI downloads +8 /m);
  });

  it('has all of it for programs', async () => {
    const { packages, ...rest } = JSON.parse((await show(['young', '--json'])).stdout);
    expect(rest).toMatchObject({ source: 'clickhouse', as_of: AS_OF, window_days: 30 });
    expect(packages.young).toMatchObject({
      ...{ count: 14, all: 2_771 },
      counts: { pip: 9, uv: 5, 'pip-family': 9 },
      counts_by_system: { Linux: 86, Darwin: 3, Windows: 0 },
      excluded: { sidecar: 0, ci: 120, mirror: 1_325, browser: 31, unknown: 1_201, other: 80 },
      others: { requests: 80 },
    });
    expect(packages.young.by_day).toHaveLength(30);
    expect(packages.young.by_day).toContainEqual({ day: '2026-10-10', count: 8 });
  });

  it('says that nobody knows a package', async () => {
    expect(await show(['yuong', 'young'])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^young, 30 days/),
      stderr:
        "yuong: no download of any kind from 2026-10-01 to 2026-10-30 in ClickHouse's public copy of PyPI's download log; is the name right? See https://pypi.org/project/yuong/\n",
    });
  });

  it('says what is not known, what is there in part, and the first of many names, in colour on a terminal', async () => {
    const names = ['requests', 'conda', 'Bazel', 'Homebrew', 'setuptools', 'twine', 'maturin', 'OS'];
    const rows = [
      ...WHOLE.filter(({ day }) => day < '2026-10-21' || day > '2026-10-24').map((row) =>
        row.day === '2026-10-26' ? { ...row, downloads: 20 } : row,
      ),
      ...names.map((installer, at) => ({ ...OTHER, day: '2026-10-25', installer, downloads: 80 - at })),
      ...[1, 2, 3, 4, 5].map((downloads) => ({ ...OTHER, day: `2026-10-${25 + downloads}`, downloads })),
    ];
    const argv = ['other-tool', '--days', '10'];
    const { stdout, stderr } = await show(argv, { rows });
    expect(stderr).toContain('only a part of the rows of 2026-10-26');
    expect(stdout).toContain('\nNothing is known of 4 days.\n');
    expect(stdout).toContain('\nThe source has only a part of the rows of 26 Oct 2026.\n');
    expect(stdout).toContain(
      '\nOther programs: requests 80, conda 79, Bazel 78, Homebrew 77, setuptools 76, twine 75 and 2 more\n',
    );
    expect(stdout).toMatch(/^Windows +627 +100\.0%/m);
    expect(stdout).toContain('\n????·▂▄▅▇█\n');
    const painted = await show(argv, { rows }, {}, true);
    expect(painted.stdout).toContain('\u001B[32mNon-CI downloads');
    expect(stripVTControlCharacters(painted.stdout).replace('\n  ', ' ')).toBe(stdout);
  });

  it('has no line of days of a package that nobody installs', async () => {
    const { stdout } = await show(['other-tool'], { rows: [...WHOLE, { ...OTHER, installer: 'Nexus' }] });
    expect(stdout).not.toContain('by day');
    expect(stdout).toMatch(/^Non-CI downloads +0 +0\.0%$/m);
  });

  it('says what went wrong, and to whom', async () => {
    const denied = { exception: 497, name: 'ACCESS_DENIED', status: 403 };
    const fault = ({ kind }: { kind: string }) => (kind === 'pivot' ? denied : undefined);
    const stderr = expect.stringMatching(/^young: the user may not read the table/m);
    expect(await show(['young'], { fault })).toMatchObject({ exitCode: 1, stdout: '', stderr });
  });
});

describe('show --cite', () => {
  const rows = [
    { project: 'alpha', at: '2026-04-20', installer: 'pip', times: 3 },
    { project: 'alpha', at: '2026-04-21', installer: 'uv', ci: true, times: 9 },
    { project: 'alpha', at: '2026-04-21', installer: 'uv' },
  ];
  const cite = ['show', 'Alpha', '--source', 'duckdb', '--days', '3', '--cite'];

  it('prints a sentence, BibTeX and Markdown, each with all that repeats the count', async () => {
    const { run, files } = localProject(['alpha'], rows);
    const before = files();
    const { exitCode, stdout } = await run(...cite, '--as-of', '2026-04-22');
    expect([exitCode, files()]).toEqual([0, before]);
    const [sentence = '', bibtex = '', markdown = ''] = stdout.trimEnd().split('\n\n');
    const command = 'pypi-badges show alpha --days 3 --as-of 2026-04-22 --source duckdb --cite';
    expect(sentence).toBe(
      `alpha had 4 downloads by installers, not marked as CI, in 3 days from 19 Apr 2026 to 21 Apr 2026 (UTC), counted from local files by pypi-badges 1.2.3 on 25 Apr 2026. One download of one file counts when its CI flag is not set and its installer is pip, pipenv, pipx, uv, poetry or pdm. No number of downloads is a number of users. No day is unknown. To repeat it: ${command}`,
    );
    expect(bibtex.split('\n').map((line) => line.trim())).toEqual([
      '@misc{pypi-alpha-2026-04-21,',
      'title = {{PyPI downloads of alpha, 3 days from 19 Apr 2026 to 21 Apr 2026}},',
      'author = {{pypi-badges 1.2.3}},',
      'year = {2026},',
      'url = {https://pypi.org/project/alpha/},',
      'urldate = {2026-04-25},',
      expect.stringMatching(
        /^note = \{4 downloads by .*local files.*No day is unknown\. Command: \\texttt\{/,
      ),
      '}',
    ]);
    expect(bibtex).toContain(`{${command.replaceAll('--', '{-}{-}')}}`);
    expect(markdown).toMatch(/^\[alpha\]\(https:\/\/pypi\.org\/project\/alpha\/\) had \*\*4\*\* /);
    expect(markdown).toContain(`To repeat it: \`${command}\``);
    // The command as it is printed brings the same words.
    expect(await run(...command.split(' ').slice(1))).toMatchObject({ exitCode: 0, stdout });
  });

  it.each([
    ['the days that are unknown', '2024-03-02', '3', 'Unknown, and left out: 2024-02-28, 2024-02-29.', 3],
    ['a day alone', '2026-04-22', '1', 'not marked as CI, in 1 day, 21 Apr 2026 (UTC), counted', 1],
  ])('names %s', async (_, end, days, says, times) => {
    const { run } = localProject(['alpha'], [...rows, { ...rows[2], at: '2024-03-01' }]);
    const { stdout } = await run(...cite, '--as-of', end, '--days', days);
    expect(stdout).toContain('alpha had 1 download by installers, ');
    expect(stdout.split(says)).toHaveLength(times + 1);
  });
});
