import { expect, it } from 'vitest';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const rows = [
  { project: 'alpha', at: '2026-04-20', installer: 'pip', times: 3 },
  { project: 'alpha', at: '2026-04-21', installer: 'uv', ci: true, times: 9 },
  { project: 'alpha', at: '2026-04-21', installer: 'uv' },
];
const show = (folder: string, ...argv: string[]) =>
  runMain(folder, ['show', 'Alpha', '--source', 'duckdb', '--days', '3', '--cite', ...argv]);

it('show --cite prints a sentence, BibTeX and Markdown, each with all that repeats the count', async () => {
  const { folder } = makeProject(tempFolder(), ['alpha'], rows);
  const { exitCode, stdout } = await show(folder, '--as-of', '2026-04-22');
  expect(exitCode).toBe(0);
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
    expect.stringMatching(/^note = \{4 downloads by .*local files.*No day is unknown\. Command: \\texttt\{/),
    '}',
  ]);
  expect(bibtex).toContain(`{${command.replaceAll('--', '{-}{-}')}}`);
  expect(markdown).toMatch(/^\[alpha\]\(https:\/\/pypi\.org\/project\/alpha\/\) had \*\*4\*\* /);
  expect(markdown).toContain(`To repeat it: \`${command}\``);
  // The command as it is printed brings the same words.
  const again = await runMain(folder, command.split(' ').slice(1));
  expect(again).toMatchObject({ exitCode: 0, stdout });
});

it('show --cite names the days that are unknown', async () => {
  const { folder } = makeProject(
    tempFolder(),
    ['alpha'],
    [...rows, { project: 'alpha', at: '2024-03-01', installer: 'pip' }],
  );
  const { stdout } = await show(folder, '--as-of', '2024-03-02');
  expect(stdout).toContain('alpha had 1 download by');
  expect(stdout.match(/Unknown, and left out: 2024-02-28, 2024-02-29\./g)).toHaveLength(3);
});

it('show --cite names a day alone', async () => {
  const { folder } = makeProject(tempFolder(), ['alpha'], rows);
  const { stdout } = await show(folder, '--as-of', '2026-04-22', '--days', '1');
  expect(stdout).toContain(
    'alpha had 1 download by installers, not marked as CI, in 1 day, 21 Apr 2026 (UTC), counted',
  );
});

it('show --cite with --json or --by is refused, and what has no downloads is not cited', async () => {
  const { folder } = makeProject(tempFolder(), ['alpha'], rows);
  for (const argv of [['--json'], ['--by', 'python']]) expect((await show(folder, ...argv)).exitCode).toBe(2);
  expect(await runMain(folder, ['show', 'beta', '--source', 'duckdb', '--cite'])).toMatchObject({
    exitCode: 1,
    stdout: '',
  });
});
