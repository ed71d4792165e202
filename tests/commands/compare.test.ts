import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ServerRow, startClickHouse } from '../support/clickhouse-server.ts';
import { ndjson } from '../support/downloads.ts';
import { daily, openProject } from '../support/project.ts';
import { type StatsOptions, type StatsRow, startPyPiStats } from '../support/pypistats-server.ts';
import { YOUNG_ROWS } from '../support/views.ts';

const AS_OF = '2026-10-31';

/** Somebody downloads boto3 every day, so that every day is there. */
const WHOLE = daily('boto3', { start: '2026-08-12', end: AS_OF }, 1_000);

const known = (rows: readonly ServerRow[]) => rows as readonly StatsRow[];

/**
 * Runs `compare` beside these files, and expects an exit code.
 *
 * @param without A day of which ClickHouse's copy has nothing.
 */
async function compare(
  argv: readonly string[] = ['young'],
  stats: StatsOptions = { rows: known(YOUNG_ROWS) },
  { files = {}, without = '', terminal = false, exitCode = 0 } = {},
) {
  const rows = [...WHOLE, ...YOUNG_ROWS].filter(({ day }) => day !== without);
  const [server, peer] = [await startClickHouse({ rows }), await startPyPiStats(stats)];
  onTestFinished(async () => {
    await server.close();
    await peer.close();
  });
  const project = openProject({ CLICKHOUSE_URL: server.url, PYPISTATS_URL: peer.url });
  for (const [name, text] of Object.entries<string>(files)) project.put(name, text);
  const result = await project.within({ now: () => new Date(AS_OF), terminal }, 'compare', ...argv);
  expect([result.exitCode, project.files()]).toEqual([exitCode, files]);
  return result;
}

describe('compare', () => {
  it("goes from pypistats.org's figures to the non-CI downloads, step by step", async () => {
    const { stdout, stderr } = await compare(['Young']);
    expect(stderr).toBe('');
    // 6 + 3 + 5 + 100 + 25 + 31 + 80 = 250 rows have a name that is none of pypistats.org's mirrors.
    expect(stdout).toBe(`young, 30 days from 1 Oct 2026 to 30 Oct 2026 (UTC)

                          with mirrors  without mirrors
pypistats.org                    2,771              250
ClickHouse, the same way         2,771              250
  CI runs                                          -100
  Other programs                                    -80
  Browsers                                          -31
  Mirrors                                           -25
Non-CI downloads                                     14

Why they differ
- Without mirrors: pypistats.org also leaves clients without a name out, of which there are 1,201 here.
- CI runs: pypistats.org does not look at the CI flag.
- Other programs: pypistats.org counts every program that says its name, such as requests.
- Browsers: pypistats.org counts browsers.
- Mirrors: pypistats.org knows bandersnatch, z3c.pypimirror, Artifactory and devpi, but not Nexus and pep381client.

         pypistats.org  ClickHouse, the same way  CI excluded
Linux              186                       186           86
macOS                3                         3            3
Windows              0                         0            0

Counted from ClickHouse's public copy of PyPI's download log.
`);
  });

  it('tells days that one of the two lacks from rows that differ', async () => {
    const rows = known(YOUNG_ROWS)
      .filter(({ day }) => day !== '2026-10-10')
      .map((row) => (row.day === '2026-10-02' ? { ...row, downloads: 4 } : row));
    const { stdout } = await compare(['young'], { rows });
    const line = (label: string) => stdout.split('\n').find((each) => each.trim().startsWith(label));
    expect(line('pypistats.org  ')).toMatch(/ 2,761 +240$/);
    expect(line('Days that pypistats.org lacks')).toMatch(/ \+8 +\+8$/);
    expect(line('Rows that only one of us has')).toMatch(/ \+2 +\+2$/);
    expect(line('ClickHouse, the same way')).toMatch(/ 2,771 +250$/);
    expect(line('Non-CI downloads')).toMatch(/ 14$/);
    expect(stdout).toContain('- Days that pypistats.org lacks (10 Oct 2026): it reads a day once');
  });

  it('tells of a day that we lack, on a terminal in colour', async () => {
    const without = '2026-10-13';
    const { stdout } = await compare(['young'], undefined, { without, terminal: true });
    expect(stdout).toMatch(/Days that we lack +-80 +-80\n/);
    expect(stdout).toContain('- Days that we lack (13 Oct 2026): ClickHouse has nothing of them.');
    const lines = stripVTControlCharacters(stdout).split('\n');
    expect(Math.max(...lines.map((each) => each.length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain('\u001B[1myoung');
    const { stdout: json } = await compare(['young', '--json'], undefined, { without });
    expect(JSON.parse(json).by_day[12]).toEqual({
      ...{ day: without, clickhouse: null },
      pypistats: { with_mirrors: 80, without_mirrors: 80 },
    });
  });

  const none = /^local files, duckdb\.files: no file matches .*none\.ndjson; check the path: 0 of 30 days$/m;
  const paid =
    /^PyPI's download log in BigQuery, as its ledger has them, which costs nothing: 0 of 30 days$/m;
  it.each([
    ['why the other source has nothing', 'duckdb}\nduckdb: {files: none.ndjson}', none],
    ['what BigQuery has been paid for, from the ledger, and asks it nothing', 'bigquery}', paid],
  ])('says %s', async (_, source, says) => {
    const files = { 'tracked.yaml': `service: {output_dir: out, source: ${source}\npackages: [young]\n` };
    expect((await compare(['young'], undefined, { files })).stdout).toMatch(says);
  });

  it('is data for programs with --json', async () => {
    const found = JSON.parse((await compare(['young', '--json', '--days', '20'])).stdout);
    expect(found).toMatchObject({
      package: 'young',
      source: 'clickhouse',
      days: { first: '2026-10-11', last: '2026-10-30', count: 20 },
      ours: { all: 2757, count: 0 },
      pypistats: {
        ...{ with_mirrors: 2757, without_mirrors: 236, differences: [] },
        counted_the_same_way: { with_mirrors: 2757, without_mirrors: 236 },
        excluded: { ci: 100, mirror: 25, browser: 31, other: 80 },
        count: 0,
        systems: { Linux: { pypistats: 180, counted_the_same_way: 180 } },
      },
    });
    expect(found.by_day[1]).toEqual({
      day: '2026-10-12',
      clickhouse: { all: 1232, count: 0 },
      pypistats: { with_mirrors: 1232, without_mirrors: 31 },
    });
  });

  it('compares with the other source of tracked.yaml by day', async () => {
    const known = YOUNG_ROWS.filter(({ day }) => day < '2026-10-12');
    const rows = ndjson(
      known.map(({ day: at, ci, downloads, ...row }) => {
        return { ...row, at, ci: ci === 'true', times: at === '2026-10-02' ? 4 : downloads };
      }),
    );
    const list =
      'service: {output_dir: out, source: duckdb}\nduckdb: {files: rows.ndjson}\npackages: [other]\n';
    const files = { 'rows.ndjson': rows, 'tracked.yaml': list };
    const { stdout } = await compare(['young'], undefined, { files });
    expect(stdout).toMatch(/^local files: 30 of 30 days$/m);
    expect(stdout).toMatch(/^2 Oct 2026 +6 +4 +6 +4$/m);
    // 12 and 13 October are not in the files: three days differ.
    expect(stdout).toMatch(/^12 Oct 2026 +1,232 +0 +0 +0$/m);
    expect(stdout).toMatch(/^30 days +2,771 +1,457 +14 +12$/m);
    expect(stdout).toContain('3 days differ by more than 1 %.');
  });

  it('shows what there is when pypistats.org cannot be had, and says so', async () => {
    const fault = () => ({ status: 404, body: '<html>' });
    const broken = await compare(['young'], { rows: [], fault }, { exitCode: 1 });
    expect(broken.stdout).not.toContain('Why they differ');
    expect(broken.stdout).toMatch(/^ClickHouse, the same way +2,771 +250\n/m);
    expect(broken.stdout).toMatch(/^Non-CI downloads +14\n/m);
    expect(broken.stdout).toMatch(/^Linux +- +186 +86\n/m);
    expect(broken.stderr).toMatch(/something that is not pypistats\.org answered; .*\(HTTP status 404\)/);
    const unknown = await compare(['young'], { rows: [] }, { exitCode: 1 });
    expect(unknown.stderr).toBe('young: pypistats.org does not know it\n');
  });

  it('says so where nobody knows the package', async () => {
    const { stdout, stderr } = await compare(['nobodys'], {}, { exitCode: 1 });
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^nobodys: no download of any kind .* public copy .* is the name right\?.*\nnobodys: pypistats.org does not know it\n/,
    );
  });
});
