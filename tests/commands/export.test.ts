import { lstatSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { toCsv } from '../../src/commands/export.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { localProject } from '../support/project.ts';

const HEAD = 'package,day,days,class,installer,system,downloads';
const ROWS = [
  { project: 'alpha', day: '2026-04-23', installer: 'pip', system: 'Linux', downloads: 5 },
  { project: 'alpha', day: '2026-04-24', installer: 'Nexus, Pro "3"', downloads: 2 },
  { project: 'alpha', day: '2026-04-24', ci: true, installer: 'uv', system: 'Linux', downloads: 7 },
  { project: 'beta', day: '2026-04-24', downloads: 3 },
];

/** Two packages whose days were counted from BigQuery and are in the ledger. */
async function collected() {
  const project = await bigQueryProject(['alpha', 'beta'], { rows: ROWS });
  expect((await project.run('collect', '--no-page')).exitCode).toBe(0);
  return project;
}

describe('export', () => {
  it('writes what the ledger has as CSV, oldest first; as JSON, of some packages, into a file', async () => {
    const { run, folder, read } = await collected();
    const stdout = `${HEAD}
alpha,2026-04-23,1,counted,pip,Linux,5
alpha,2026-04-24,1,other,(other),,2
alpha,2026-04-24,1,ci,uv,Linux,7
beta,2026-04-24,1,unknown,,,3
`;
    expect(await run('export')).toMatchObject({ exitCode: 0, stdout });
    const json = await run('export', '--format', 'json', '-p', 'Beta', '-o', 'days.json');
    expect(json.stdout).toBe(`1 row of 1 package in ${join(folder, 'days.json')}\n`);
    const day = { day: '2026-04-24', days: 1, class: 'unknown', installer: '', system: '', downloads: 3 };
    expect(JSON.parse(read('days.json'))).toEqual([{ package: 'beta', ...day }]);
  });

  it('writes Parquet that others can read', async () => {
    const { folder, run } = await collected();
    expect((await run('export', '--format', 'parquet', '--output', "it's.parquet")).exitCode).toBe(0);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const path = join(folder, "it's.parquet").replaceAll("'", "''");
    const reader = await connection.runAndReadAll(
      `SELECT class, sum(downloads)::INT AS downloads, max(day)::VARCHAR AS day FROM '${path}' GROUP BY class ORDER BY class`,
    );
    expect(reader.getRowsJS()).toEqual([
      ['ci', 7, '2026-04-24'],
      ['counted', 5, '2026-04-23'],
      ['other', 2, '2026-04-24'],
      ['unknown', 3, '2026-04-24'],
    ]);
    connection.closeSync();
  });

  it('takes the history where there is no ledger, and nothing before the first run', async () => {
    const at = '2026-04-24';
    const { run } = localProject(
      ['alpha', 'beta'],
      [
        { project: 'alpha', at, installer: 'pip', system: 'Linux', times: 2 },
        { project: 'alpha', at, installer: 'bandersnatch' },
      ],
    );
    expect((await run('export', '--format', 'json')).stdout).toBe('[]\n');
    await run('collect', '--no-page');
    expect((await run('export')).stdout).toBe(
      `${HEAD}\nalpha,${at},1,counted,pip,,2\nalpha,${at},1,mirror,,,1\n`,
    );
  });

  it('writes CSV so that no spreadsheet runs a text', () => {
    for (const [text, field] of [
      ['=HYPERLINK("https://x","y")', '"\'=HYPERLINK(""https://x"",""y"")"'],
      ...['+1', '-1', '@SUM(A1)', '\t=1'].map((each) => [each, `'${each}`]),
      ...['\r=1', '\n=1'].map((each) => [each, `"'${each}"`]),
      ...['pip', 'a=b', ''].map((each) => [each, each]),
      ['a, "b"', '"a, ""b"""'],
    ] as [string, string][]) {
      const rest = { package: 'alpha', day: '2026-04-24', days: 1, class: 'other', downloads: -2 } as const;
      const csv = toCsv([{ ...rest, installer: text, system: text }]);
      expect(csv).toBe(`${HEAD}\nalpha,2026-04-24,1,other,${field},${field},-2\n`);
    }
  });

  it.each(['csv', 'parquet'])('says where %s cannot be written', async (format) => {
    const { folder, run } = await collected();
    // As /dev/stdout is a link to a device or a pipe; a link here is all that a fault could replace.
    symlinkSync('/dev/null', join(folder, 'link'));
    for (const [path, says] of [
      ['none/x', /none: .*ENOENT/],
      ['output', /output/],
      ['link', /link: a device stands where a file should be; name another/],
    ] as const) {
      const refused = { exitCode: 1, stdout: '', stderr: expect.stringMatching(says) };
      expect(await run('export', '--format', format, '-o', path)).toEqual(refused);
    }
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
  });
});
