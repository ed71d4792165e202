import { lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { toCsv } from '../../src/commands/export.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROWS = [
  { project: 'alpha', day: '2026-04-23', installer: 'pip', system: 'Linux', downloads: 5 },
  { project: 'alpha', day: '2026-04-24', installer: 'Nexus, Pro "3"', downloads: 2 },
  { project: 'alpha', day: '2026-04-24', ci: true, installer: 'uv', system: 'Linux', downloads: 7 },
  { project: 'beta', day: '2026-04-24', downloads: 3 },
];

/** Two packages whose days were counted from BigQuery and are in the ledger. */
async function collected() {
  const project = await bigQueryProject(['alpha', 'beta'], { rows: ROWS });
  const run = (...argv: string[]) => runMain(project.folder, argv, { env: project.env });
  expect((await run('collect', '--as-of', '2026-04-25')).exitCode).toBe(0);
  return { project, run };
}

describe('export', () => {
  it('writes what the ledger has as CSV, oldest first', async () => {
    const { run } = await collected();
    const { exitCode, stdout } = await run('export');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`package,day,days,class,installer,system,downloads
alpha,2026-04-23,1,counted,pip,Linux,5
alpha,2026-04-24,1,other,(other),,2
alpha,2026-04-24,1,ci,uv,Linux,7
beta,2026-04-24,1,unknown,,,3
`);
  });

  it('writes JSON, of some packages, into a file', async () => {
    const { project, run } = await collected();
    const { stdout } = await run('export', '--format', 'json', '-p', 'Beta', '-o', 'days.json');
    expect(stdout).toBe(`1 row of 1 package in ${join(project.folder, 'days.json')}\n`);
    expect(JSON.parse(project.read('days.json'))).toEqual([
      {
        package: 'beta',
        day: '2026-04-24',
        days: 1,
        class: 'unknown',
        installer: '',
        system: '',
        downloads: 3,
      },
    ]);
  });

  it('writes Parquet that others can read', async () => {
    const { project, run } = await collected();
    expect((await run('export', '--format', 'parquet', '--output', "it's.parquet")).exitCode).toBe(0);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const path = join(project.folder, "it's.parquet").replaceAll("'", "''");
    const reader = await connection.runAndReadAll(
      `SELECT class, sum(downloads)::INT AS downloads, max(day)::VARCHAR AS day FROM '${path}' GROUP BY class ORDER BY class`,
    );
    expect(reader.getRowObjectsJS()).toEqual([
      { class: 'ci', downloads: 7, day: '2026-04-24' },
      { class: 'counted', downloads: 5, day: '2026-04-23' },
      { class: 'other', downloads: 2, day: '2026-04-24' },
      { class: 'unknown', downloads: 3, day: '2026-04-24' },
    ]);
    connection.closeSync();
  });

  it('takes the history where there is no ledger', async () => {
    const project = makeProject(
      tempFolder(),
      ['alpha', 'beta'],
      [
        { project: 'alpha', at: '2026-04-24', installer: 'pip', system: 'Linux', times: 2 },
        { project: 'alpha', at: '2026-04-24', installer: 'bandersnatch' },
      ],
    );
    await runMain(project.folder, ['collect', '--as-of', '2026-04-25']);
    expect(
      (await runMain(project.folder, ['export'])).stdout,
    ).toBe(`package,day,days,class,installer,system,downloads
alpha,2026-04-24,1,counted,pip,,2
alpha,2026-04-24,1,mirror,,,1
`);
  });

  it.each([
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ['=HYPERLINK("https://x","y")', '"\'=HYPERLINK(""https://x"",""y"")"'],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', '"\'\r=1"'],
    ['\n=1', '"\'\n=1"'],
    ['pip', 'pip'],
    ['a=b', 'a=b'],
    ['a, "b"', '"a, ""b"""'],
    ['', ''],
  ])('writes %j into CSV so that no spreadsheet runs it', (name, field) => {
    const rest = { package: 'alpha', day: '2026-04-24', days: 1, class: 'other', downloads: -2 } as const;
    expect(toCsv([{ ...rest, installer: name, system: name }])).toBe(
      `package,day,days,class,installer,system,downloads\nalpha,2026-04-24,1,other,${field},${field},-2\n`,
    );
  });

  it.each(['csv', 'parquet'])('says where %s cannot be written', async (format) => {
    const { project, run } = await collected();
    const { exitCode, stderr } = await run('export', '--format', format, '-o', 'none/x');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/none: .*ENOENT/);
    const taken = await run('export', '--format', format, '-o', 'output');
    expect([taken.exitCode, taken.stderr]).toEqual([1, expect.stringContaining('output')]);
    // As /dev/stdout is a link to a device or a pipe; a link here is all that a fault could replace.
    symlinkSync('/dev/null', join(project.folder, 'link'));
    const device = await run('export', '--format', format, '-o', 'link');
    expect([device.exitCode, device.stderr]).toEqual([
      1,
      expect.stringContaining('link: a device stands where a file should be; name another'),
    ]);
    expect(lstatSync(join(project.folder, 'link')).isSymbolicLink()).toBe(true);
  });

  it('has nothing before the first run', async () => {
    const folder = tempFolder();
    writeFileSync(
      join(folder, 'tracked.yaml'),
      'service: {output_dir: out, source: duckdb}\nduckdb: {files: x}\npackages: [a]\n',
    );
    expect((await runMain(folder, ['export', '--format', 'json'])).stdout).toBe('[]\n');
  });

  it.each([
    [['--format', 'xml'], "argument 'xml' is invalid. Allowed choices are csv, json, parquet."],
    [['--format', 'parquet'], '--format parquet is no text: name a file with --output <file>'],
    [['-p', 'gamma'], '--package gamma: not tracked'],
  ])('refuses %j', async (argv, sentence) => {
    const { folder } = makeProject(tempFolder(), ['alpha'], []);
    const { exitCode, stderr } = await runMain(folder, ['export', ...argv]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
  });
});
