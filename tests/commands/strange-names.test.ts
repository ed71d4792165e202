import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { MIB } from '../../src/util.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { crowd, hostileNameIn } from '../support/hostile-names.ts';
import { clickHouseProject, daily, daysUpTo, localProject } from '../support/project.ts';
import { parseXml } from '../support/xml.ts';

/*
 * A stranger chooses the names of installers and systems in the log. Whatever they are, every badge is right, every file
 * is whole, and no name gets further than the query. The operator's own texts do, and are texts wherever they stand.
 */

const WEEK = { start: '2026-04-18', end: '2026-04-25' };
const LIST = ['alpha', 'demo', 'omega'];
const WEEKLY = LIST.map((name) => `{name: ${name}, window_days: 7}`);

/** Three downloads by uv a day of each package; and on one day of `demo` one by each strange name, on a strange system. */
const rowsOf = (names: readonly string[]) => [
  ...LIST.flatMap((project) => daily(project, WEEK, 3)),
  ...names.map((installer, index) => ({
    project: 'demo',
    day: addDays(WEEK.start, 2),
    installer,
    system: names[(index * 7) % names.length] ?? '',
    downloads: 1,
  })),
];

type Project = Pick<Awaited<ReturnType<typeof clickHouseProject>>, 'within' | 'message' | 'entry' | 'files'>;

/** Collects twice, runs every command that shows what was read, and looks at all that came out. */
async function demandClean(project: Project, strange: number, ...shows: string[][]) {
  for (const argv of [
    ...['collect', 'collect', 'status', 'export', 'report'].map((name) => [name]),
    ['export', '--format', 'json'],
    ['status', '--prometheus'],
    ...shows,
  ]) {
    const { exitCode, stdout, stderr } = await project.within({ env: { LOG_LEVEL: 'trace' } }, ...argv);
    expect([argv, exitCode, hostileNameIn(stdout + stderr)]).toEqual([argv, 0, undefined]);
  }
  for (const name of LIST) expect([name, project.message(name, 'downloads-7d')]).toEqual([name, '21']);
  expect(project.entry('demo')).toMatchObject({
    excluded: { other: strange },
    other: [{ installer: '(other)', count: strange }],
    counts_by_system: { Linux: 0, Darwin: 0, Windows: 0 },
  });
  for (const [path, text] of Object.entries(project.files())) {
    if (/^(tracked\.yaml|key\.json|rows\.ndjson)$/.test(path)) continue;
    expect([path, hostileNameIn(text)]).toEqual([path, undefined]);
    expect([path, `${path}${text}`.includes('127.0.0.1')]).toEqual([path, false]);
    if (path.endsWith('.json')) expect(() => JSON.parse(text), path).not.toThrow();
  }
}

describe('names that strangers chose do nothing', () => {
  it('on BigQuery, and nothing is paid for twice', async () => {
    const names = crowd(1_000);
    const project = await bigQueryProject(LIST, { rows: rowsOf(names) });
    expect((await project.run('collect', '--no-page')).exitCode).toBe(0);
    const paid = project.server.bytesBilled;
    expect((await project.run('collect', '--no-page')).exitCode).toBe(0);
    // Which days have changed is asked each time.
    expect(project.server.bytesBilled - paid).toBe(10 * MIB);
    await demandClean(project, names.length);
  });

  it('on ClickHouse', async () => {
    const names = crowd(3_000);
    const project = await clickHouseProject(WEEKLY, { rows: rowsOf(names), days: WEEK });
    await demandClean(project, names.length, ['show', 'demo', '--days', '7']);
  });

  it('on DuckDB', async () => {
    const names = crowd(6_000);
    const project = localProject(
      WEEKLY,
      rowsOf(names).map(({ day: at, downloads: times, ...rest }) => ({ ...rest, at, times })),
    );
    await demandClean(project, names.length, ['show', 'demo', '--days', '7', '--source', 'duckdb']);
  });
});

it.each([']]>', '</title><script>x</script>', '" onload="x', "'&#0;<!--", '<![CDATA[', 'مرحبا 🐍', '$& $1'])(
  'writes files that their parsers read with the texts %s',
  async (text) => {
    const rows = daysUpTo('2026-04-24', 60).map((at) => ({ project: 'alpha', at, installer: 'pip' }));
    const quoted = JSON.stringify(text);
    const looks = `{label: ${quoted}, suffix: ${JSON.stringify(text.slice(0, 20))}, dark: true, extra: [trend, sparkline, total]}`;
    const { run, files, json, read } = localProject(['alpha'], rows, {
      service: 'public_url: https://example.com',
      sections: `badges: ${looks}\ngroups: [{name: suite, title: ${quoted}, packages: [alpha]}]`,
    });
    expect((await run('collect')).exitCode).toBe(0);
    for (const [path, content] of Object.entries(files())) {
      if (path.endsWith('.json')) JSON.parse(content);
      if (!path.endsWith('.svg')) continue;
      expect(parseXml(content).map(({ name }) => name)).not.toContain('script');
    }
    expect(json('alpha/downloads-30d-non-ci.json').label).toBe(`${text} (30d)`);
    for (const file of ['index.html', 'suite/index.html']) {
      const { document } = parseHTML(read(`output/${file}`));
      expect(document.querySelectorAll('script')).toHaveLength(1);
      expect(document.body.textContent).toContain(text);
    }
    const embedded = await run('embed', '--package', 'suite', '--format', 'html');
    expect(parseHTML(embedded.stdout).document.querySelector('img')?.getAttribute('alt')).toContain(text);
  },
);
