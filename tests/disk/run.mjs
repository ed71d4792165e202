// npm run test:disk: the built `collect` on disks that are full, read-only or somebody else's, and on file systems that
// refuse (refuse.c). It needs root on Linux, as it mounts small tmpfs of its own, and gcc; anywhere else it says so and does
// nothing.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { importTs } from '../../scripts/import-ts.mjs';

const { BigQueryServer } = await importTs('tests/support/bigquery-server.ts');
const { writeNdjson } = await importTs('tests/support/downloads.ts');

const CLI = join(import.meta.dirname, '../../dist/cli.js');
const NOBODY = 65_534;
const HERO = 'downloads-30d-non-ci.json';
const NAMES = ['alpha', 'beta'];

let failures = 0;
function expect(what, found, expected) {
  const same = expected instanceof RegExp ? expected.test(found) : isDeepStrictEqual(found, expected);
  console.log(`  ${same ? 'ok' : 'FAILED'}  ${what}`);
  if (same) return;
  failures += 1;
  console.log(`    found    ${JSON.stringify(found)?.slice(0, 600)}`);
  const wanted = expected instanceof RegExp ? expected : JSON.stringify(expected)?.slice(0, 600);
  console.log(`    expected ${wanted}`);
}

const FOLDERS = 'service: {output_dir: output/web, state_dir: state/files';
const writeList = (folder, source) =>
  fs.writeFileSync(join(folder, 'tracked.yaml'), `${FOLDERS}${source}packages: [${NAMES.join(', ')}]\n`);

/** A tracked.yaml over a table in which each package has `times` downloads. */
function project(folder, times) {
  const rows = NAMES.map((name) => ({
    at: '2026-04-20',
    project: name,
    installer: 'pip',
    system: 'Linux',
    times,
  }));
  writeNdjson(join(folder, 'rows.ndjson'), rows);
  writeList(folder, ', source: duckdb}\nduckdb: {files: rows.ndjson}\n');
}

/** The same on a stand-in for BigQuery, whose days are kept in state_dir. */
async function onBigQuery(folder, downloads, work) {
  writeList(folder, '}\nbigquery: {project_id: p}\n');
  const days = Array.from({ length: 24 }, (_, index) => `2026-04-${String(index + 1).padStart(2, '0')}`);
  const rows = [
    ...days.map((day) => ({ project: 'somebody', day, installer: 'pip', downloads: 1_000 })),
    ...NAMES.map((name) => ({ project: name, day: '2026-04-24', installer: 'pip', downloads })),
  ];
  const server = await BigQueryServer.start({ rows });
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

const optionsIn = (folder, env) => ({ cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env } });
const ARGV = [CLI, 'collect', '--as-of', '2026-04-25', '--full'];

/** Like `collect`, while this process plays BigQuery. */
function startCollect(server, folder, more) {
  const options = optionsIn(folder, { BIGQUERY_EMULATOR_HOST: server.host, ...more });
  return spawn(process.execPath, [...ARGV, '--log-level', 'silent'], { ...options, stdio: 'ignore' });
}

async function collectFrom(server, folder, more = {}) {
  const [exitCode] = await once(startCollect(server, folder, more), 'close');
  return exitCode;
}

function collect(folder, { env, ...user } = {}) {
  const options = { ...optionsIn(folder, env), encoding: 'utf8', ...user };
  const { status, stdout, stderr } = spawnSync(process.execPath, ARGV, options);
  const isLog = stderr.split('\n').every((line) => line === '' || line.startsWith('{'));
  expect('nothing but log lines on stderr', isLog, true);
  return { exitCode: status, stdout, stderr };
}

const doctor = (folder, env) =>
  spawnSync(process.execPath, [CLI, 'doctor'], { ...optionsIn(folder, env), encoding: 'utf8' }).stdout;

const read = (folder, path) => JSON.parse(fs.readFileSync(join(folder, 'output/web', path), 'utf8'));
const messages = (folder) => NAMES.map((name) => read(folder, join(name, HERO)).message);
const health = (folder) => read(folder, '_health.json').packages;
const isRight = (folder) =>
  expect('the next run mends it', [collect(folder).exitCode, messages(folder)], [0, ['5', '5']]);
const areOld = (folder) => expect('the old badges stay whole', messages(folder), ['3', '3']);
const isClean = (folder) => {
  const files = fs.readdirSync(folder, { recursive: true });
  expect(
    'nothing is left over',
    files.filter((path) => /\.(tmp|lock)/.test(path)),
    [],
  );
};
/** A run that fails with 1, and what it says on stdout and stderr. */
function fails(folder, options, onStdout, onStderr) {
  const { exitCode, stdout, stderr } = collect(folder, options);
  expect('exits 1', exitCode, 1);
  if (onStdout !== undefined) expect('says so for the packages', stdout, onStdout);
  if (onStderr !== undefined) expect('says so in the log', stderr, onStderr);
}

function mount(path, size) {
  const argv = ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', path];
  const { status, stderr } = spawnSync('mount', argv, { encoding: 'utf8' });
  return status === 0 ? undefined : stderr.trim();
}
const remount = (path, how) => spawnSync('mount', ['-o', `remount,${how}`, path]);

/** @param left Bytes that are left free. */
function fill(path, left = 0) {
  const name = join(path, 'filler');
  const file = fs.openSync(name, 'w');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(4_096));
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  } finally {
    fs.closeSync(file);
  }
  fs.truncateSync(name, fs.statSync(name).size - left);
}

/** Runs a case in a folder of its own, whose output and state are each on a tmpfs. */
async function on(title, work) {
  console.log(title);
  const folder = fs.mkdtempSync(join(tmpdir(), 'pypi-badges-disk-'));
  const mounts = ['output', 'state'].map((name) => join(folder, name));
  try {
    for (const path of mounts) {
      fs.mkdirSync(path);
      const refused = mount(path, '2m');
      if (refused !== undefined) throw new Error(refused);
    }
    project(folder, 3);
    expect('a first run is well', collect(folder).exitCode, 0);
    project(folder, 5);
    await work(folder);
  } finally {
    for (const path of mounts) spawnSync('umount', [path]);
    fs.rmSync(folder, { recursive: true, force: true });
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

async function shares() {
  for (const [title, operations] of [
    ['modes', { chmod: EPERM }],
    ['fsync of a folder', { 'fsync-folder': EINVAL }],
    ['sockets', { bind: ENOTSUP }],
    ['modes, fsync and sockets', { chmod: EPERM, fsync: EINVAL, 'fsync-folder': EINVAL, bind: EPERM }],
  ]) {
    await on(`a share without ${title}`, async (folder) => {
      const env = refusing(folder, operations);
      expect('doctor finds nothing', /^FAIL {2}(output|state)/m.test(doctor(folder, env)), false);
      expect('a run is well', [collect(folder, { env }).exitCode, messages(folder)], [0, ['5', '5']]);
      await onBigQuery(folder, 7, async (server) => {
        const exitCode = await collectFrom(server, folder, env);
        expect('so is one on BigQuery', [exitCode, messages(folder)], [0, ['7', '7']]);
      });
    });
  }

  for (const [operation, error, code, says] of [
    ['write', EDQUOT, 'disk-full', /the quota is used up; free some space or raise the quota \(EDQUOT\)/],
    ['open', ESTALE, 'disk-failed', /the share does not answer.*mount it again \(ESTALE\)/],
    ['rename', EBUSY, 'disk-obstacle', /it is in use, or a mount of its own.*\(EBUSY\)/],
  ]) {
    await on(`output_dir refuses to ${operation} with ${code}`, (folder) => {
      const env = refusing(folder, { [operation]: error }, join(folder, 'output'));
      const seen = new RegExp(`^FAIL {2}output_dir .*${says.source}`, 'm');
      expect('doctor sees it', doctor(folder, env), seen);
      fails(folder, { env }, says, new RegExp(`"error_code":"${code}"`));
      areOld(folder);
      isRight(folder);
    });
  }

  await on('the lock on a share without sockets', (folder) =>
    onBigQuery(folder, 5, async (server) => {
      const env = refusing(folder, { bind: ENOTSUP });
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
      }
    }),
  );
}

async function main() {
  await on('output_dir is full', (folder) => {
    const before = health(folder);
    fill(join(folder, 'output'));
    const says = /alpha, beta|alpha: .*the disk is full .*free some space.*\(ENOSPC\)/;
    fails(folder, {}, says, /_health.json could not be written: .*the disk is full/);
    areOld(folder);
    expect('the old health file stays whole', health(folder), before);
    isClean(folder);
    fs.rmSync(join(folder, 'output/filler'));
    isRight(folder);
  });

  await on('output_dir is read-only', (folder) => {
    remount(join(folder, 'output'), 'ro');
    const says = /the file system is read-only; mount it writable/;
    fails(folder, {}, says, /_health.json could not be written: .*read-only/);
    areOld(folder);
    expect('doctor sees it', doctor(folder), /^FAIL {2}output_dir .*read-only/m);
    remount(join(folder, 'output'), 'rw');
    isRight(folder);
  });

  /** A full state_dir with so many bytes left: runs fail, having billed so much, until there is room. */
  const stateFull = (folder, left, runs, billed) =>
    onBigQuery(folder, 5, async (server) => {
      fill(join(folder, 'state'), left);
      for (let run = 0; run < runs; run += 1) {
        expect('exits 1', await collectFrom(server, folder), 1);
        for (const { error } of Object.values(health(folder)))
          expect('the health file says so', error, /state.*the disk is full/);
      }
      areOld(folder);
      expect('no package was paid for', server.bytesBilled, billed);
      if (billed === 0) expect('nothing was asked', server.calls.length, 0);
      fs.rmSync(join(folder, 'state/filler'));
      const exitCode = await collectFrom(server, folder);
      expect('the next run mends it', [exitCode, messages(folder)], [0, ['5', '5']]);
      isClean(folder);
    });
  await on('state_dir is full', (folder) => stateFull(folder, 0, 1, 0));
  // The question about days is asked, and bills its 10 MiB; no package is.
  await on('state_dir has room for the account of money and not for a ledger', (folder) =>
    stateFull(folder, 12 * 1024, 3, 3 * 10 * 1024 ** 2),
  );

  await on('state_dir is read-only', (folder) => {
    remount(join(folder, 'state'), 'ro');
    fails(folder);
    expect('the health file says so', health(folder).beta.error, /^not attempted: .*state.*read-only/);
    areOld(folder);
    remount(join(folder, 'state'), 'rw');
    isRight(folder);
  });

  await on('the folder of a package belongs to somebody else', (folder) => {
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    fs.chmodSync(folder, 0o755);
    fs.chownSync(join(folder, 'output/web/alpha'), 0, 0);
    fails(folder, { uid: NOBODY, gid: NOBODY });
    expect('the health file says so', health(folder).alpha.error, /output\/web\/alpha.*permission denied/);
    expect('the old badge stays, the other is new', messages(folder), ['3', '5']);
  });

  // To list a folder and to enter it are two permissions.
  const user = { uid: NOBODY, gid: NOBODY };
  await on('the folder of output_dir may be listed and not entered', (folder) => {
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    fs.chmodSync(folder, 0o755);
    fs.chownSync(join(folder, 'output'), 0, 0);
    fs.chmodSync(join(folder, 'output'), 0o744);
    fails(folder, user, undefined, /_health\.json could not be written: \S+\/output\/web: permission denied/);
    areOld(folder);
  });

  await on('output_dir is a dead link in a folder that may be entered and not listed', (folder) => {
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    fs.chmodSync(folder, 0o755);
    fs.rmSync(join(folder, 'output/web'), { recursive: true });
    fs.symlinkSync('nowhere', join(folder, 'output/web'));
    fs.chownSync(join(folder, 'output'), 0, 0);
    fs.chmodSync(join(folder, 'output'), 0o711);
    fails(folder, user, undefined, /output\/web: this is a link that leads nowhere/);
  });

  await on('a link is planted where the folder of a package should be', (folder) => {
    const elsewhere = join(folder, 'elsewhere');
    fs.mkdirSync(elsewhere);
    fs.rmSync(join(folder, 'output/web/alpha'), { recursive: true });
    fs.symlinkSync(elsewhere, join(folder, 'output/web/alpha'));
    fails(folder);
    expect('it is not followed', fs.readdirSync(elsewhere), []);
    const says = /output\/web\/alpha.*symbolic link.*remove it/;
    expect('the health file says so', health(folder).alpha.error, says);
    expect('the other is new', read(folder, join('beta', HERO)).message, '5');
  });
}

if (process.platform !== 'linux' || process.getuid() !== 0) {
  console.log('left out: mounting a small tmpfs needs root on Linux');
} else {
  const probe = fs.mkdtempSync(join(tmpdir(), 'pypi-badges-disk-'));
  const refused = mount(probe, '64k');
  if (refused === undefined) {
    spawnSync('umount', [probe]);
    await main();
    await shares();
    console.log(failures === 0 ? 'all is well' : `${failures} failed`);
  } else {
    console.log(`left out: this root may not mount a tmpfs (${refused})`);
  }
  fs.rmSync(probe, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
