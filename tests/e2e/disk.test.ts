import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runCommand } from '../support/command.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

/* What of a disk's faults needs no root; tests/disk has the rest. */

const COLLECT = ['collect', '--as-of', '2026-04-25'];
const HERO = 'downloads-30d-non-ci';
const project = () =>
  makeProject(
    tempFolder(),
    ['alpha', 'beta'],
    [
      { at: '2026-04-24', project: 'alpha', installer: 'pip', system: 'Linux', ci: false, times: 9 },
      { at: '2026-04-24', project: 'beta', installer: 'pip', times: 4 },
    ],
  );

describe('a disk in disorder', () => {
  it('with a folder for a health file: the badges are made, and exit 1 tells', async () => {
    const { folder, put, message } = project();
    put('_health.json/something', '');
    const { exitCode, stderr } = await runCommand(folder, COLLECT);
    expect(exitCode).toBe(1);
    expect([message('alpha', HERO), message('beta', HERO)]).toEqual(['9', '4']);
    expect(stderr).toMatch(
      /_health.json could not be written: .*a folder stands where a file should be; move it away/,
    );
    expect(stderr).not.toMatch(/^\s+at |Warning/m);
  });

  it('with a folder for a badge: that package fails, the other does not', async () => {
    const { folder, put, message, health } = project();
    put(`alpha/${HERO}.json/something`, '');
    const { exitCode } = await runCommand(folder, COLLECT);
    expect(exitCode).toBe(1);
    expect(message('beta', HERO)).toBe('4');
    expect(health().packages['alpha']?.['error']).toMatch(
      /alpha\/downloads-30d.*a folder stands where a file should be/,
    );
    expect(health().packages['beta']).toMatchObject({ count: 4 });
  });

  it('with a file for a state folder: nothing is asked, and the health file says why', async () => {
    const { folder, health, output } = project();
    writeFileSync(join(folder, 'state'), 'in the way');
    const { exitCode } = await runCommand(folder, COLLECT);
    expect(exitCode).toBe(1);
    expect(health().packages['beta']?.['error']).toMatch(
      /^not attempted: .*state: a file stands where a folder/,
    );
    expect(existsSync(join(output, 'beta'))).toBe(false);
    rmSync(join(folder, 'state'));
    expect((await runCommand(folder, COLLECT)).exitCode).toBe(0);
  });

  it('with a ledger that is a folder: the package fails, the other does not', async () => {
    const { folder, env, read, health } = await bigQueryProject(['alpha', 'beta']);
    expect((await runCommand(folder, COLLECT, { env })).exitCode).toBe(0);
    const [source = ''] = readdirSync(join(folder, 'state/ledger'));
    const ledger = join(folder, 'state/ledger', source, 'alpha.json');
    rmSync(ledger);
    mkdirSync(ledger);
    expect((await runCommand(folder, COLLECT, { env })).exitCode).toBe(1);
    expect(health().packages['alpha']?.['error']).toMatch(/ledger\/.*\/alpha.json: a folder stands/);
    expect(health().packages['beta']).toMatchObject({ count: 7 });
    expect(read(`state/ledger/${source}/beta.json`)).toContain('2026-04-24');
  });
});
