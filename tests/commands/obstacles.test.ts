import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../src/util.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';

/** What takes the place of a file; `aside` is where that is now. */
const OBSTACLES: [string, (path: string, aside: string) => void][] = [
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a folder', (path) => mkdirSync(path)],
  ['a symbolic link', (path, aside) => symlinkSync(aside, path)],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
  [
    'a file of more than 256 MiB',
    (path, aside) => {
      cpSync(aside, path);
      truncateSync(path, 600_000_000);
    },
  ],
];

/** Files of a run on BigQuery, one of each kind. */
const OUTPUT = ['downloads-7d-non-ci.json', 'os-linux-7d-non-ci.svg', 'history.json', 'index.html'];
const FILES = [
  'output/_health.json',
  'output/index.html',
  ...OUTPUT.map((name) => `output/alpha/${name}`),
  'state/spend.json',
  'state/spend.backup.json',
  'a ledger',
];

/** Those of the program that are read again, one of each kind. */
const READ = ['output/_health.json', 'output/alpha/history.json', 'state/spend.json', 'a ledger'];

const DATE = new Date('2026-04-25T04:12:00.000Z');

describe.each(OBSTACLES)('%s in the place of', (what, put) => {
  it.each(/pipe|folder/.test(what) ? FILES : READ)(
    '%s is found by doctor, and never waited for',
    async (file) => {
      const { run, folder, ledger, server } = await bigQueryProject(['alpha', 'beta'], { date: DATE });
      expect((await run('collect')).exitCode).toBe(0);
      const path = join(folder, file === 'a ledger' ? ledger('alpha') : file);
      renameSync(path, join(folder, 'aside'));
      put(path, join(folder, 'aside'));

      const doctor = await run('doctor');
      expect(doctor.exitCode).toBe(1);
      expect(doctor.stdout).toMatch(/^FAIL {2}(output|state)_dir {3,}\S+: (a|this is a) [\w ]+; (move|put)/m);
      expect(doctor.stdout).toContain(path);
      const before = server.bytesBilled;
      const { exitCode, stderr } = await run('collect');
      expect(stderr).not.toContain('unexpected fault');
      // What is only written takes the place of all but a folder.
      const isOutput = file.startsWith('output');
      const isReplaced = isOutput && what !== 'a folder';
      expect([exitCode, isReplaced || stderr.includes(path)]).toEqual([isReplaced ? 0 : 1, true]);
      // To ask for the days bills 10 MiB, and each package as much again.
      if (!isOutput) expect(server.bytesBilled - before).toBe(file === 'a ledger' ? 10 * MIB : 0);
    },
  );
});

it.each(['state/ledger', 'state/ledger/*'])(
  'a link to nowhere in the place of %s costs no package',
  async (place) => {
    const { run, folder, ledger, server } = await bigQueryProject(['alpha'], { date: DATE });
    await run('collect');
    const path = join(folder, ledger('alpha').split('/').slice(0, place.split('/').length).join('/'));
    rmSync(path, { recursive: true });
    symlinkSync('gone', path);
    const before = server.bytesBilled;
    const said = `${path}: this is a link that leads nowhere`;
    expect((await run('doctor')).stdout).toContain(said);
    const { exitCode, stderr } = await run('collect');
    expect([exitCode, stderr.includes(said)]).toEqual([1, true]);
    expect(server.bytesBilled - before).toBeLessThanOrEqual(10 * MIB);
  },
);
