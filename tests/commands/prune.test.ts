import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLedgers } from '../../src/state/ledgers.ts';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AS_OF = ['--as-of', '2026-04-25'];

/** A folder that was collected with three entries, of which the list has only alpha's 30 days any more. */
async function house() {
  const project = makeProject(
    tempFolder(),
    ['{name: alpha, window_days: [30, 7]}', 'beta'],
    [
      { project: 'alpha', at: '2026-04-24', installer: 'pip' },
      { project: 'beta', at: '2026-04-24', installer: 'pip' },
    ],
  );
  expect((await runMain(project.folder, ['collect', ...AS_OF])).exitCode).toBe(0);
  const ledger = (name: string) => join(project.folder, 'state/ledger/bigquery-x', `${name}.json`);
  mkdirSync(join(project.folder, 'state/ledger/bigquery-x'), { recursive: true });
  for (const name of ['alpha', 'beta']) writeFileSync(ledger(name), '{}');
  project.put('photos/cat.json', '{}');
  project.put('beta/notes.txt', 'mine');
  project.track(['alpha']);
  const files = (folder: string) => readdirSync(join(project.output, folder)).toSorted();
  return { project, ledger, files, run: (...argv: string[]) => runMain(project.folder, argv) };
}

describe('prune', () => {
  it('takes what waits for the ledger of a package that is not listed', async () => {
    const project = makeProject(tempFolder(), ['alpha'], []);
    writeFileSync(
      join(project.folder, 'tracked.yaml'),
      'service: {output_dir: output, state_dir: state}\nbigquery: {project_id: p}\npackages: [alpha]\n',
    );
    const source = 'bigquery:bigquery-public-data.pypi.file_downloads';
    const stateDir = join(project.folder, 'state');
    const open = () => openLedgers(stateDir, source, undefined);
    const rows = new Map([
      ['alpha', []],
      ['gone', []],
    ]);
    await open().append({ start: '2026-04-24', end: '2026-04-25' }, rows, () => 1);
    const pruned = await runMain(project.folder, ['prune', '--yes']);
    expect(pruned.stderr).toBe('');
    expect(pruned.stdout).toMatch(/^remove {2}ledger\/.*\/gone\.json\n$/);
    await open().recover();
    expect((await open().load('gone')).ledger.days.size).toBe(0);
    expect((await open().load('alpha')).ledger.days.size).toBe(1);
  });

  it('says what it would remove, and leaves it', async () => {
    const { project, ledger, run } = await house();
    const before = project.prints();
    const { exitCode, stdout } = await run('prune', '--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `remove  alpha (7d): 22 files
remove  beta (not listed): 25 files
remove  ledger/bigquery-x/beta.json
this was a dry run; nothing was changed
`,
    );
    expect(project.prints()).toEqual(before);
    expect(existsSync(ledger('beta'))).toBe(true);
  });

  it('removes badges, pages and ledgers that are not listed, and nothing else', async () => {
    const { project, ledger, files, run } = await house();
    expect((await run('prune', '--yes')).exitCode).toBe(0);
    expect(files('alpha')).toHaveLength(25);
    expect(files('alpha').filter((name) => name.includes('-7d-'))).toEqual([]);
    expect(files('beta')).toEqual(['notes.txt']);
    expect(files('photos')).toEqual(['cat.json']);
    expect([existsSync(ledger('alpha')), existsSync(ledger('beta'))]).toEqual([true, false]);
    expect((await run('prune')).stdout).toBe('nothing is left over\n');
    expect((await run('collect', ...AS_OF)).stderr).not.toContain('left-over');
    expect(project.message('alpha', 'downloads-30d-non-ci')).toBe('1');
  });

  it.each([
    ['trend-30d-non-ci.json', '"label": "trend (30d)"'],
    ['trend-30d-non-ci.svg', 'trend (30d): not tracked any more'],
    ['sparkline-30d-non-ci.svg', 'by day (30d): not tracked any more'],
  ])('marks %s by its own name', async (file, expected) => {
    const project = makeProject(
      tempFolder(),
      ['alpha', '{name: beta, badges: {extra: [trend, sparkline]}}'],
      [{ project: 'beta', at: '2026-04-24', installer: 'pip' }],
    );
    await runMain(project.folder, ['collect', ...AS_OF]);
    project.track(['alpha']);
    expect((await runMain(project.folder, ['prune', '--mark', '--yes'])).stdout).toContain(
      'mark  beta (not listed): 27 files\n',
    );
    expect(project.read(`beta/${file}`)).toContain(expected);
  });

  it('marks badges, which then say so and are told of no more', async () => {
    const { project, ledger, files, run } = await house();
    expect((await run('collect', ...AS_OF)).stderr).toContain('left-over');
    const { stdout } = await run('prune', '--mark', '--yes');
    expect(stdout).toContain('mark  beta (not listed): 22 files\n');
    expect(JSON.parse(project.read('beta/installer-uv-30d-non-ci.json'))).toEqual({
      schemaVersion: 1,
      label: 'uv (30d)',
      message: 'not tracked any more',
      color: 'lightgrey',
    });
    expect(project.read('beta/installer-uv-30d-non-ci.svg')).toContain('not tracked any more');
    expect(files('beta').filter((name) => !name.includes('-non-ci.'))).toEqual(['notes.txt']);
    expect(project.message('alpha', 'downloads-7d-non-ci')).toBe('not tracked any more');
    expect((await run('collect', ...AS_OF)).stderr).not.toContain('left-over');
    expect((await run('prune', '--mark')).stdout).toBe('nothing is left over\n');
    // The ledger is there still, and all of it goes with a prune that removes.
    expect(existsSync(ledger('beta'))).toBe(true);
    const dry = await run('prune', '--dry-run');
    expect(dry.stdout).toContain(
      'remove  beta (not listed): 22 files\nremove  ledger/bigquery-x/beta.json\n',
    );
    // Listed again, it is counted again.
    project.track(['alpha', 'beta']);
    await run('collect', ...AS_OF);
    expect(project.message('beta', 'downloads-30d-non-ci')).toBe('1');
  });

  it.each([
    ['y', 0, '', false],
    ['Yes ', 0, '', false],
    ['', 0, 'nothing was changed\n', true],
    ['n', 0, 'nothing was changed\n', true],
    [undefined, 2, '', true],
  ])('asks before it removes; with the answer %j it exits %i', async (answer, exitCode, last, isLeft) => {
    const { project } = await house();
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return String(answer);
    };
    const result = await runMain(project.folder, ['prune'], answer === undefined ? {} : { ask });
    expect([result.exitCode, asked]).toEqual([
      exitCode,
      answer === undefined ? [] : ['Remove all of this? [y/N] '],
    ]);
    expect(result.stdout.split('beta.json\n')[1]).toBe(last);
    expect(existsSync(join(project.output, 'beta/index.html'))).toBe(isLeft);
  });

  it('removes a folder in which nothing is left', async () => {
    const { project, run } = await house();
    project.put('gone/downloads-7d-non-ci.json', '{}');
    await run('prune', '--yes');
    expect(existsSync(join(project.output, 'gone'))).toBe(false);
    expect(existsSync(join(project.output, 'beta'))).toBe(true);
  });
});
