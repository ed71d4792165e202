import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { CLI, runCommand } from '../support/command.ts';
import type { Download } from '../support/downloads.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TABLE: readonly Download[] = [
  { at: '2026-04-24', project: 'alpha', installer: 'pip', system: 'Linux', times: 9 },
  { at: '2026-04-01', project: 'alpha', installer: 'uv', times: 5 },
  { at: '2026-03-26', project: 'beta', installer: 'uv', ci: false, times: 1_150 },
  { at: '2026-04-20', project: 'beta', installer: null, times: 3 },
];
const AS_OF = ['--as-of', '2026-04-25'];
const hero = 'downloads-30d-non-ci';

const project = () => makeProject(tempFolder(), ['alpha', '{name: Beta, window_days: [30, 7]}'], TABLE);

describe('the built command', () => {
  it('collects, logs JSON lines to stderr, and exits 0', async () => {
    const { folder, message } = project();
    const { exitCode, stdout, stderr } = await runCommand(folder, ['collect', ...AS_OF]);
    expect(exitCode).toBe(0);
    expect(message('alpha', hero)).toBe('14');
    expect(message('beta', hero)).toBe('1.2k');
    expect(message('beta', 'downloads-7d-non-ci')).toBe('0');
    expect(stdout).not.toContain('\u001b');
    const levels = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).level);
    // The table has no file names, and figures that end with that day are stale by the real clock.
    expect(levels).toEqual(['warn', 'info', 'info', 'warn', 'warn']);
  });

  it.each([
    [['collect'], /^tracked\.yaml:7:5: packages\[0\]: found "\.\.\/x"; allowed: a package name/],
    [['check', '--config', '.'], /^\.: this is a folder/],
    [['collect', '--nonsense'], /unknown option/],
  ])('refuses with exit 2, a sentence, and nothing written: %j', async (argv, says) => {
    const { folder, track } = project();
    track(['../x']);
    const { exitCode, stdout, stderr } = await runCommand(folder, argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^\s+at |node:internal|file:\/\/\//m);
    expect(readdirSync(folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  });

  it('counts from another folder, against the folder of tracked.yaml', async () => {
    const { folder, message } = project();
    const { exitCode } = await runCommand('/', [
      'collect',
      ...AS_OF,
      '--config',
      join(folder, 'tracked.yaml'),
    ]);
    expect(exitCode).toBe(0);
    expect(message('alpha', hero)).toBe('14');
  });

  it('does not mind a reader who has seen enough', async () => {
    const { folder } = project();
    const { stderr, exitCode } = await execa({
      cwd: folder,
      reject: false,
      shell: '/bin/bash',
    })`set -o pipefail; ${process.execPath} ${CLI} check | true`;
    expect([exitCode, stderr]).toEqual([0, '']);
  });
});
