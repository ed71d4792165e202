import { readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { CLI, runCommand } from '../support/command.ts';
import type { Download } from '../support/downloads.ts';
import { makeProject, withoutPages } from '../support/project.ts';
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

  it('writes files that a web server may read, under any umask', async () => {
    const { folder, output } = project();
    const { exitCode } = await execa({ cwd: folder, reject: false })('sh', [
      '-c',
      'umask 077; exec "$@"',
      'sh',
      process.execPath,
      CLI,
      'collect',
      ...AS_OF,
    ]);
    expect(exitCode).toBe(0);
    const mode = (path: string) => (statSync(join(output, path)).mode & 0o777).toString(8);
    expect([mode('.'), mode('alpha'), mode(`alpha/${hero}.json`), mode('_health.json')]).toEqual([
      '755',
      '755',
      '644',
      '644',
    ]);
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'in the way')],
    ['a link', (path: string) => symlinkSync('/tmp', path)],
  ])('goes on when %s stands where the folder of a package should be', async (_, plant) => {
    const { folder, output, put, message, health } = project();
    put('delta/keep', '');
    plant(join(output, 'alpha'));
    const { exitCode, stdout } = await runCommand(folder, ['collect', ...AS_OF]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^alpha +30d +- +- +- +failed$/m);
    expect(stdout).toMatch(/^alpha: .*output\/alpha: .*; (move it away|.*remove it)/m);
    expect(message('beta', hero)).toBe('1.2k');
    expect(health().packages['alpha']).toMatchObject({ error: expect.stringContaining('output/alpha') });
    expect(health().packages['beta']).toMatchObject({ count: 1_150 });
  });

  it('keeps the old badges of a package that fails', async () => {
    const { folder, output, message, track, prints } = project();
    await runCommand(folder, ['collect', ...AS_OF]);
    const { '_health.json': _, ...before } = prints();
    writeFileSync(join(folder, 'rows.ndjson'), '{"timestamp": "cut of');
    track(['alpha', '{name: beta, window_days: [30, 7]}', 'gamma']);
    const { exitCode, stdout, stderr } = await runCommand(folder, ['collect', ...AS_OF]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('rows.ndjson');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(message('alpha', hero)).toBe('14');
    const { '_health.json': __, ...after } = prints();
    expect(withoutPages(after)).toEqual(withoutPages(before));
    expect(readdirSync(output)).not.toContain('gamma');
  });

  it('limits a run with --package, prints JSON with --json', async () => {
    const { folder, output, read } = project();
    const { exitCode, stdout } = await runCommand(folder, ['collect', ...AS_OF, '--json', '-p', 'BETA']);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(read('_health.json'));
    expect(Object.keys(JSON.parse(stdout).packages)).toEqual(['beta']);
    expect(readdirSync(output)).not.toContain('alpha');
  });

  it('writes nothing with --dry-run', async () => {
    const { folder } = project();
    const { exitCode, stdout } = await runCommand(folder, ['collect', ...AS_OF, '--dry-run']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^all +\d+ +\d+ +0 B$/m);
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
