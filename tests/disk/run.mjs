// npm run test:disk: the built `collect` on disks that are full, read-only or somebody else's, and on file systems that
// refuse (refuse.c). It needs root on Linux, as it mounts small tmpfs of its own, and gcc; anywhere else it says so and does
// nothing.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { importTs } from '../../scripts/import-ts.mjs';

const { BigQueryServer } = await importTs('tests/support/bigquery-server.ts');

const CLI = join(import.meta.dirname, '../../dist/cli.js');
const NOBODY = 65_534;
const HERO = 'downloads-30d-non-ci.json';

let failures = 0;
function expect(what, found, expected) {
  const same = expected instanceof RegExp ? expected.test(found) : isDeepStrictEqual(found, expected);
  console.log(`  ${same ? 'ok' : 'FAILED'}  ${what}`);
  if (same) return;
  failures += 1;
  console.log(`    found    ${JSON.stringify(found)?.slice(0, 600)}`);
  console.log(
    `    expected ${expected instanceof RegExp ? expected : JSON.stringify(expected)?.slice(0, 600)}`,
  );
}

/** A tracked.yaml over a table in which each package has `downloads` downloads. */
function project(folder, downloads) {
  const row = (name) =>
    `${JSON.stringify({ timestamp: '2026-04-20 12:00:00 UTC', file: { project: name }, details: { ci: false, installer: { name: 'pip' }, system: { name: 'Linux' } } })}\n`;
  writeFileSync(
    join(folder, 'rows.ndjson'),
    ['alpha', 'beta'].map((name) => row(name).repeat(downloads)).join(''),
  );
  writeFileSync(
    join(folder, 'tracked.yaml'),
    'service:\n  output_dir: output/web\n  state_dir: state/files\n  source: duckdb\nduckdb:\n  files: rows.ndjson\npackages: [alpha, beta]\n',
  );
}

/** The same on a stand-in for BigQuery, whose days are kept in state_dir. */
function projectOnBigQuery(folder, downloads) {
  writeFileSync(
    join(folder, 'tracked.yaml'),
    'service:\n  output_dir: output/web\n  state_dir: state/files\nbigquery: {project_id: p}\npackages: [alpha, beta]\n',
  );
  const days = Array.from({ length: 24 }, (_, index) => `2026-04-${String(index + 1).padStart(2, '0')}`);
  const rows = [
    ...days.map((day) => ({ project: 'somebody', day, installer: 'pip', downloads: 1_000 })),
    ...['alpha', 'beta'].map((name) => ({ project: name, day: '2026-04-24', installer: 'pip', downloads })),
  ];
  return BigQueryServer.start({ rows });
}

/** Like `collect`, while this process plays BigQuery. */
function startCollect(server, folder, more) {
  const argv = [CLI, 'collect', '--as-of', '2026-04-25', '--full', '--log-level', 'silent'];
  const env = { PATH: process.env.PATH, HOME: folder, BIGQUERY_EMULATOR_HOST: server.host, ...more };
  return spawn(process.execPath, argv, { cwd: folder, env, stdio: 'ignore' });
}

async function collectFrom(server, folder, more = {}) {
  const [exitCode] = await once(startCollect(server, folder, more), 'close');
  return exitCode;
}

function collect(folder, { env: more, ...options } = {}) {
  const argv = [CLI, 'collect', '--as-of', '2026-04-25', '--full'];
  const env = { PATH: process.env.PATH, HOME: folder, ...more };
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: 'utf8',
    env,
    ...options,
  });
  expect(
    'nothing but log lines on stderr',
    stderr.split('\n').every((line) => line === '' || line.startsWith('{')),
    true,
  );
  return { exitCode: status, stdout, stderr };
}

const message = (folder, name) =>
  JSON.parse(readFileSync(join(folder, 'output/web', name, HERO), 'utf8')).message;
const health = (folder) => JSON.parse(readFileSync(join(folder, 'output/web/_health.json'), 'utf8')).packages;
const leftOver = (folder) =>
  readdirSync(folder, { recursive: true }).filter((path) => /\.(tmp|lock)/.test(path));

function mount(path, size) {
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', path],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? undefined : stderr.trim();
}
const remount = (path, how) => spawnSync('mount', ['-o', `remount,${how}`, path]);

/** @param left Bytes that are left free. */
function fill(path, left = 0) {
  const name = join(path, 'filler');
  const file = openSync(name, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
  truncateSync(name, statSync(name).size - left);
}

/** Runs a case in a folder of its own, whose output and state are each on a tmpfs. */
async function on(title, work) {
  console.log(title);
  const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-disk-'));
  const mounts = ['output', 'state'].map((name) => join(folder, name));
  try {
    for (const path of mounts) {
      mkdirSync(path);
      const refused = mount(path, '2m');
      if (refused !== undefined) throw new Error(refused);
    }
    project(folder, 3);
    expect('a first run is well', collect(folder).exitCode, 0);
    project(folder, 5);
    await work(folder);
  } finally {
    for (const path of mounts) spawnSync('umount', [path]);
    rmSync(folder, { recursive: true, force: true });
  }
}

const { EPERM, EINVAL, ENOTSUP, EDQUOT, ESTALE, EBUSY } = constants.errno;

/** @returns The variables with which a file system refuses, below the folder `below`. */
function refusing(folder, operations, below = folder) {
  const library = join(folder, 'refuse.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'refuse.c'), '-ldl']);
  const list = Object.entries(operations).map(([name, error]) => `${name}=${error}`);
  return { LD_PRELOAD: library, REFUSE: list.join(' '), REFUSE_BELOW: below };
}

const doctor = (folder, env) =>
  spawnSync(process.execPath, [CLI, 'doctor'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, ...env },
  });

async function shares() {
  for (const [title, operations] of [
    ['modes', { chmod: EPERM }],
    ['fsync of a folder', { 'fsync-folder': EINVAL }],
    ['sockets', { bind: ENOTSUP }],
    ['modes, fsync and sockets', { chmod: EPERM, fsync: EINVAL, 'fsync-folder': EINVAL, bind: EPERM }],
  ]) {
    await on(`a share without ${title}`, async (folder) => {
      const env = refusing(folder, operations);
      const { stdout } = doctor(folder, env);
      expect('doctor finds nothing', /^FAIL {2}(output|state)/m.test(stdout), false);
      expect('a run is well', [collect(folder, { env }).exitCode, message(folder, 'beta')], [0, '5']);
      const server = await projectOnBigQuery(folder, 7);
      try {
        const exitCode = await collectFrom(server, folder, env);
        expect('so is one on BigQuery', [exitCode, message(folder, 'beta')], [0, '7']);
      } finally {
        await server.close();
      }
    });
  }

  for (const [operation, error, code, says] of [
    ['write', EDQUOT, 'disk-full', /the quota is used up; free some space or raise the quota \(EDQUOT\)/],
    ['open', ESTALE, 'disk-failed', /the share does not answer.*mount it again \(ESTALE\)/],
    ['rename', EBUSY, 'disk-obstacle', /it is in use, or a mount of its own.*\(EBUSY\)/],
  ]) {
    await on(`output_dir refuses to ${operation} with ${code}`, (folder) => {
      const env = refusing(folder, { [operation]: error }, join(folder, 'output'));
      expect(
        'doctor sees it',
        doctor(folder, env).stdout,
        new RegExp(`^FAIL {2}output_dir .*${says.source}`, 'm'),
      );
      const { exitCode, stdout, stderr } = collect(folder, { env });
      expect('exits 1', exitCode, 1);
      expect('says so for the packages', stdout, says);
      expect('has its code', stderr, new RegExp(`"error_code":"${code}"`));
      expect('the old badges stay whole', [message(folder, 'alpha'), message(folder, 'beta')], ['3', '3']);
      expect('the next run mends it', [collect(folder).exitCode, message(folder, 'beta')], [0, '5']);
    });
  }

  await on('the lock on a share without sockets', async (folder) => {
    const env = refusing(folder, { bind: ENOTSUP });
    const server = await projectOnBigQuery(folder, 5);
    const first = startCollect(server, folder, env);
    try {
      server.become({ trouble: [{ on: 'insert', package: 'alpha', fault: { looks: 1e9 } }] });
      while (!server.callsOf('results').some((call) => call.package === 'alpha')) await sleep(20);
      first.kill('SIGSTOP');
      expect('is kept while its owner is stopped', await collectFrom(server, folder, env), 3);
      const gone = once(first, 'close');
      first.kill('SIGKILL');
      await gone;
      server.become({ trouble: [] });
      expect('is free once its owner is killed', await collectFrom(server, folder, env), 0);
    } finally {
      first.kill('SIGKILL');
      await server.close();
    }
  });
}

async function main() {
  await on('output_dir is full', (folder) => {
    const before = health(folder);
    fill(join(folder, 'output'));
    const { exitCode, stdout, stderr } = collect(folder);
    expect('exits 1', exitCode, 1);
    expect(
      'says so for the packages',
      stdout,
      /alpha, beta|alpha: .*the disk is full .*free some space.*\(ENOSPC\)/,
    );
    expect('says so for the health file', stderr, /_health.json could not be written: .*the disk is full/);
    expect('the old badges stay whole', [message(folder, 'alpha'), message(folder, 'beta')], ['3', '3']);
    expect('the old health file stays whole', health(folder), before);
    expect('nothing is left over', leftOver(folder), []);
    rmSync(join(folder, 'output/filler'));
    expect('the next run mends it', [collect(folder).exitCode, message(folder, 'beta')], [0, '5']);
  });

  await on('output_dir is read-only', (folder) => {
    remount(join(folder, 'output'), 'ro');
    const { exitCode, stdout, stderr } = collect(folder);
    expect('exits 1', exitCode, 1);
    expect('says so for the packages', stdout, /the file system is read-only; mount it writable/);
    expect('says so for the health file', stderr, /_health.json could not be written: .*read-only/);
    expect('the old badges stay', [message(folder, 'alpha'), message(folder, 'beta')], ['3', '3']);
    const doctor = spawnSync(process.execPath, [CLI, 'doctor'], { cwd: folder, encoding: 'utf8' });
    expect('doctor sees it', doctor.stdout, /^FAIL {2}output_dir .*read-only/m);
    remount(join(folder, 'output'), 'rw');
    expect('the next run mends it', [collect(folder).exitCode, message(folder, 'beta')], [0, '5']);
  });

  await on('state_dir is full', async (folder) => {
    const server = await projectOnBigQuery(folder, 5);
    try {
      fill(join(folder, 'state'));
      expect('exits 1', await collectFrom(server, folder), 1);
      for (const { error } of Object.values(health(folder)))
        expect('the health file says so', error, /state.*the disk is full/);
      expect('the old badges stay', [message(folder, 'alpha'), message(folder, 'beta')], ['3', '3']);
      expect('nothing was asked, and nothing paid', [server.calls.length, server.bytesBilled], [0, 0]);
      rmSync(join(folder, 'state/filler'));
      expect('the next run mends it', [await collectFrom(server, folder), message(folder, 'beta')], [0, '5']);
      expect('nothing is left over', leftOver(folder), []);
    } finally {
      await server.close();
    }
  });

  await on('state_dir has room for the account of money and not for a ledger', async (folder) => {
    const server = await projectOnBigQuery(folder, 5);
    try {
      fill(join(folder, 'state'), 12 * 1024);
      for (let run = 0; run < 3; run += 1) {
        expect('exits 1', await collectFrom(server, folder), 1);
        expect('the health file says so', health(folder).alpha.error, /state.*the disk is full/);
      }
      // The question about days is asked, and bills its 10 MiB; no package is.
      expect('no package was paid for', server.bytesBilled, 3 * 10 * 1024 ** 2);
      rmSync(join(folder, 'state/filler'));
      expect('the next run mends it', [await collectFrom(server, folder), message(folder, 'beta')], [0, '5']);
    } finally {
      await server.close();
    }
  });

  await on('state_dir is read-only', (folder) => {
    remount(join(folder, 'state'), 'ro');
    const { exitCode } = collect(folder);
    expect('exits 1', exitCode, 1);
    expect('the health file says so', health(folder).beta.error, /^not attempted: .*state.*read-only/);
    expect('the old badges stay', [message(folder, 'alpha'), message(folder, 'beta')], ['3', '3']);
    remount(join(folder, 'state'), 'rw');
    expect('the next run mends it', [collect(folder).exitCode, message(folder, 'beta')], [0, '5']);
  });

  await on('the folder of a package belongs to somebody else', (folder) => {
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    chmodSync(folder, 0o755);
    chownSync(join(folder, 'output/web/alpha'), 0, 0);
    const { exitCode } = collect(folder, { uid: NOBODY, gid: NOBODY });
    expect('exits 1', exitCode, 1);
    expect('the health file says so', health(folder).alpha.error, /output\/web\/alpha.*permission denied/);
    expect(
      'the old badge stays, the other is new',
      [message(folder, 'alpha'), message(folder, 'beta')],
      ['3', '5'],
    );
  });

  await on('a link is planted where the folder of a package should be', (folder) => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    rmSync(join(folder, 'output/web/alpha'), { recursive: true });
    symlinkSync(elsewhere, join(folder, 'output/web/alpha'));
    const { exitCode } = collect(folder);
    expect('exits 1', exitCode, 1);
    expect('it is not followed', readdirSync(elsewhere), []);
    expect(
      'the health file says so',
      health(folder).alpha.error,
      /output\/web\/alpha.*symbolic link.*remove it/,
    );
    expect('the other is new', message(folder, 'beta'), '5');
  });
}

if (process.platform !== 'linux' || process.getuid() !== 0) {
  console.log('left out: mounting a small tmpfs needs root on Linux');
} else {
  const probe = mkdtempSync(join(tmpdir(), 'pypi-badges-disk-'));
  const refused = mount(probe, '64k');
  if (refused === undefined) {
    spawnSync('umount', [probe]);
    await main();
    await shares();
    console.log(failures === 0 ? 'all is well' : `${failures} failed`);
  } else {
    console.log(`left out: this root may not mount a tmpfs (${refused})`);
  }
  rmSync(probe, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
