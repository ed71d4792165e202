import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SERVICE = 'service:\n  output_dir: out\n  source: duckdb\nduckdb:\n  files: rows.ndjson\n';
const packages = (entry: string) => `${SERVICE}packages:\n  - ${entry}\n`;
const window = (value: string) => packages(`name: demo\n    window_days: ${value}`);

/** What is refused, and the line that has to be named. */
const REFUSED: [string, string, number][] = [
  ['a path upwards as a name', packages('../x'), 7],
  ['a path as a name', packages('a/b'), 7],
  ['quotes in a name', packages(`"it's"`), 7],
  ['an empty name', packages("name: ''"), 7],
  ['a window of -5', window('-5'), 8],
  ['a window of 0', window('0'), 8],
  ['a window of 30.9', window('30.9'), 8],
  ['a quoted window', window('"30"'), 8],
  ['a window of true', window('true'), 8],
  ['a window of .nan', window('.nan'), 8],
  ['a window of 100000', window('100000'), 8],
  ['an unknown key', `${packages('demo')}verbose: true\n`, 8],
  ['the same package twice', `${packages('Flask_SQLAlchemy')}  - flask-sqlalchemy\n`, 8],
  ['duplicate keys', `${SERVICE}  files: other.ndjson\npackages: [demo]\n`, 6],
  ['an empty list', `${SERVICE}packages: []\n`, 6],
  ['a missing list', SERVICE, 1],
  ['a syntax error', `${SERVICE}packages: [demo\n`, 7],
  ['several documents', `${packages('demo')}---\n${packages('demo')}`, 8],
  ['a table with a backtick', `${SERVICE}bigquery:\n  table: 'a.b.c\` --'\npackages: [demo]\n`, 7],
  [
    'a public_url that is no web address',
    `service: {output_dir: out, public_url: "ftp://example.com"}\npackages: [demo]\n`,
    1,
  ],
];

async function refused(text: string | Buffer, argv: string[]) {
  const folder = tempFolder();
  writeFileSync(join(folder, 'tracked.yaml'), text);
  writeFileSync(join(folder, 'rows.ndjson'), '');
  const { exitCode, stdout, stderr } = await runCommand(folder, argv);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).not.toMatch(/^\s+at |node:internal|file:\/\/\//m);
  expect(readdirSync(folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  return stderr;
}

describe('collect refuses, with exit 2, the place named and nothing written,', () => {
  it.each(REFUSED)('%s', async (_, text, line) => {
    const stderr = await refused(text, ['collect']);
    expect(stderr.split('\n')[0]).toMatch(new RegExp(`^tracked\\.yaml:${line}:\\d+: `));
  });

  it('a file that is no text', async () => {
    expect(await refused(Buffer.from([0xff, 0x00]), ['collect'])).toMatch(
      /^tracked\.yaml: the file is not UTF-8/,
    );
  });

  it.each([
    [['collect', '--config', 'none.yaml'], /^none\.yaml: there is no such file/],
    [['collect', '--config', '.'], /^\.: this is a folder/],
    [['check', '--config', 'none.yaml'], /^none\.yaml: there is no such file/],
    [['collect', '--as-of', 'today'], /^--as-of today: not a day/],
    [['collect', '--as-of', '2999-01-01'], /^--as-of 2999-01-01: today is /],
    [['collect', '--package', 'dmeo'], /did you mean demo\?/],
    [['collect', '--log-level', 'loud'], /'--log-level <level>' argument 'loud' is invalid/],
    [['collect', '--nonsense'], /unknown option/],
    [['nonsense'], /unknown command/],
  ])('%j', async (argv, says) => {
    expect(
      await refused(
        'service: {output_dir: out, source: duckdb}\nduckdb: {files: rows.ndjson}\npackages: [demo]\n',
        argv,
      ),
    ).toMatch(says);
  });
});
