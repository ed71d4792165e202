import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../src/util.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';

/** What takes the place of a file; `aside` is where that is now. */
const OBSTACLES: [string, (path: string, aside: string) => void][] = [
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a folder', (path) => mkdirSync(path)],
  ['a symbolic link', (path, aside) => symlinkSync(aside, path)],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
  [
    'a file of more than 256 MiB',
    (path, aside) => {
      copyFileSync(aside, path);
      truncateSync(path, 600_000_000);
    },
  ],
];

/** Files of a run on BigQuery, one of each kind, whatever the ledger's folder is called. */
const OUTPUT = [
  'output/_health.json',
  'output/index.html',
  ...['downloads-7d-non-ci.json', 'os-linux-7d-non-ci.svg', 'history.json', 'index.html'].map(
    (name) => `output/alpha/${name}`,
  ),
];
const STATE = ['state/spend.json', 'state/spend.backup.json', 'state/ledger/*/alpha.json'];

async function afterRun(file: string, put: (path: string, aside: string) => void) {
  const project = await bigQueryProject(['alpha', 'beta'], { date: new Date('2026-04-25T04:12:00.000Z') });
  const { folder, env, server } = project;
  const run = (...argv: string[]) => runMain(folder, argv, { env });
  expect((await run('collect')).exitCode).toBe(0);
  const pattern = new RegExp(`^${file.replaceAll('.', '\\.').replace('*', '[^/]+')}$`);
  const found = Object.keys(project.files()).find((each) => pattern.test(each)) ?? '';
  const path = join(folder, found);
  renameSync(path, join(folder, 'aside'));
  put(path, join(folder, 'aside'));
  return { run, path, server, health: project.health };
}

describe.each(OBSTACLES)('%s in the place of', (what, put) => {
  it.each([...OUTPUT, ...STATE])('%s is found by doctor, and never waited for', async (file) => {
    const { run, path, server } = await afterRun(file, put);
    const doctor = await run('doctor');
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stdout).toMatch(/^FAIL {2}(output|state)_dir {3,}\S+: (a|this is a) [\w ]+; (move|put)/m);
    expect(doctor.stdout).toContain(path);
    const before = server.bytesBilled;
    const { exitCode, stderr } = await run('collect');
    expect(stderr).not.toContain('unexpected fault');
    // What is only written takes the place of all but a folder.
    const isReplaced = file.startsWith('output') && what !== 'a folder';
    expect([exitCode, isReplaced || stderr.includes(path)]).toEqual([isReplaced ? 0 : 1, true]);
    // To ask for the days bills 10 MiB, and each package as much again.
    const most = file.includes('ledger') ? 10 * MIB : 0;
    if (file.startsWith('state')) expect(server.bytesBilled - before).toBe(most);
  });
});

it.each(['state/ledger', 'state/ledger/*'])(
  'a link to nowhere in the place of %s costs no package',
  async (folder) => {
    const {
      folder: root,
      env,
      server,
      files,
    } = await bigQueryProject(['alpha'], {
      date: new Date('2026-04-25T04:12:00.000Z'),
    });
    const run = (...argv: string[]) => runMain(root, argv, { env });
    await run('collect');
    const [ledger = ''] = Object.keys(files()).filter((each) => each.startsWith('state/ledger'));
    const path = join(root, ledger.split('/').slice(0, folder.split('/').length).join('/'));
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
