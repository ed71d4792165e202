import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openLedgers } from '../../src/state/ledgers.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { localProject } from '../support/project.ts';

const LEDGER = 'state/ledger/bigquery-x';

/** A folder that was collected with three entries, of which the list has only alpha's 30 days any more. */
async function house() {
  const project = localProject(
    [
      '{name: alpha, window_days: [30, 7], badges: {extra: [trend]}}',
      '{name: beta, badges: {extra: [trend, sparkline]}}',
    ],
    ['alpha', 'beta'].map((name) => ({ project: name, at: '2026-04-24', installer: 'pip' })),
  );
  expect((await project.run('collect')).exitCode).toBe(0);
  for (const name of ['alpha', 'beta']) project.put(`${LEDGER}/${name}.json`, '{}');
  project.put('output/photos/cat.json', '{}');
  project.put('output/beta/notes.txt', 'mine');
  project.track(['alpha']);
  const has = (path: string) => existsSync(join(project.folder, path));
  return { ...project, has };
}

describe('prune', () => {
  it('takes what waits for the ledger of a package that is not listed', async () => {
    const { run, folder, server } = await bigQueryProject(['alpha']);
    const source = `bigquery:bigquery-public-data.pypi.file_downloads on ${server.host}`;
    const open = () => openLedgers(join(folder, 'state'), source, undefined);
    const rows = new Map(['alpha', 'gone'].map((name) => [name, []]));
    await open().append({ start: '2026-04-24', end: '2026-04-25' }, rows, () => 1);
    const { stdout, stderr } = await run('prune', '--yes');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^remove {2}ledger\/.*\/gone\.json\n$/);
    await open().recover();
    expect((await open().load('gone')).ledger.days.size).toBe(0);
    expect((await open().load('alpha')).ledger.days.size).toBe(1);
  });

  it('follows no link to ledgers', async () => {
    const { run, folder, put, has } = await house();
    put('elsewhere/gone.json', '{}');
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'state/ledger/linked'));
    expect((await run('prune', '--yes')).stdout).not.toContain('linked');
    expect(has('elsewhere/gone.json')).toBe(true);
  });

  it('says what it would remove, leaves it, and then removes it and nothing else', async () => {
    const { run, put, prints, has, published, message } = await house();
    const before = prints();
    const list = `remove  alpha (7d, trend (30d)): 26 files
remove  beta (not listed): 30 files
remove  ledger/bigquery-x/beta.json
`;
    const stdout = `${list}this was a dry run; nothing was changed\n`;
    expect(await run('prune', '--dry-run')).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect([prints(), has(`${LEDGER}/beta.json`)]).toEqual([before, true]);

    put('output/gone/downloads-7d-non-ci.json', '{}');
    expect((await run('prune', '--yes')).exitCode).toBe(0);
    expect(published('alpha')).toHaveLength(25);
    expect(published('alpha').filter((name) => name.includes('-7d-'))).toEqual([]);
    expect(['beta', 'photos'].map(published)).toEqual([['notes.txt'], ['cat.json']]);
    // A folder in which nothing is left is gone, too.
    const left = [`${LEDGER}/alpha.json`, `${LEDGER}/beta.json`, 'output/gone', 'output/beta'].map(has);
    expect(left).toEqual([true, false, false, true]);
    expect((await run('prune', '--dry-run')).stdout).toBe('nothing is left over\n');
    expect((await run('collect')).stderr).not.toContain('left-over');
    expect(message('alpha', 'downloads-30d')).toBe('1');
  });

  it('marks badges, which then say so by their own names and are told of no more', async () => {
    const { run, track, read, json, message, published, has } = await house();
    expect((await run('collect')).stderr).toContain(
      'badges of 7d, trend (30d) are left over: no longer listed, so no longer renewed; list them again in window_days or badges.extra, or run: pypi-badges prune',
    );
    const { stdout } = await run('prune', '--mark', '--yes');
    expect(stdout).toContain('mark  beta (not listed): 27 files\n');
    const grey = { message: 'not tracked any more', color: 'lightgrey' };
    expect(json('beta/installer-uv-30d-non-ci.json')).toEqual({
      schemaVersion: 1,
      label: 'uv (30d)',
      ...grey,
    });
    expect(json('beta/trend-30d-non-ci.json').label).toBe('trend (30d)');
    for (const [file, expected] of [
      ['installer-uv-30d', 'not tracked any more'],
      ['trend-30d', 'trend (30d): not tracked any more'],
      ['sparkline-30d', 'by day (30d): not tracked any more'],
    ]) {
      expect(read(`output/beta/${file}-non-ci.svg`)).toContain(expected);
    }
    expect(published('beta').filter((name) => !name.includes('-non-ci'))).toEqual(['notes.txt']);
    expect(message('alpha', 'downloads-7d')).toBe('not tracked any more');
    expect((await run('collect')).stderr).not.toContain('left-over');
    expect((await run('prune', '--mark')).stdout).toBe('nothing is left over\n');
    // The ledger is there still, and all of it goes with a prune that removes.
    expect(has(`${LEDGER}/beta.json`)).toBe(true);
    const dry = await run('prune', '--dry-run');
    const rest = 'remove  beta (not listed): 27 files\nremove  ledger/bigquery-x/beta.json\n';
    expect(dry.stdout).toContain(rest);
    // Listed again, it is counted again.
    track(['alpha', 'beta']);
    await run('collect');
    expect(message('beta', 'downloads-30d')).toBe('1');
  });

  it.each([
    ['y', 0, '', false],
    ['Yes ', 0, '', false],
    ['', 0, 'nothing was changed\n', true],
    ['n', 0, 'nothing was changed\n', true],
    [undefined, 2, '', true],
  ])('asks before it removes; with the answer %j it exits %i', async (answer, exitCode, last, isLeft) => {
    const { within, has } = await house();
    const ask = vi.fn(async () => String(answer));
    const result = await within(answer === undefined ? {} : { ask }, 'prune');
    const questions = answer === undefined ? [] : [['Remove all of this? [y/N] ']];
    expect([result.exitCode, ask.mock.calls]).toEqual([exitCode, questions]);
    expect(result.stdout.split('beta.json\n')[1]).toBe(last);
    expect(has('output/beta/index.html')).toBe(isLeft);
  });
});
