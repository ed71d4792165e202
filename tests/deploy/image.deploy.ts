import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blockOfGuide } from './guide.ts';
import { badgeText, badgeTexts, table, trackedYaml } from './table.ts';

const USER = 65532;
const BASES = path.join(import.meta.dirname, 'bases.Containerfile');

describe('the image', () => {
  const deploy = inject('deploy');
  const store = ['--root', path.join(deploy.cache, 'containers'), '--storage-driver', 'overlay'];
  let work: string;
  let bases: Record<'build' | 'runtime', string>;
  // Podman remembers where it was and wants to be there again, so this is no temporary name.
  const runroot = '/run/pypi-badges-test';

  const engine = (program: 'buildah' | 'podman', words: readonly string[], reject = true) => {
    const command = [program, ...store, '--runroot', runroot, ...words];
    // Where both versions of control groups are mounted, crun refuses to start; it needs neither here.
    const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
    const before = ['unshare', '--mount', '--propagation=private', 'bash', '-c', hide, 'bash'];
    const argv = program === 'podman' ? [...before, ...command] : command;
    return execa('env', argv, { stdin: 'ignore', all: true, reject });
  };
  const buildah = async (...words: string[]) => (await engine('buildah', words)).stdout.trim();

  // Podman's own default asks for more than a machine that is a container itself may give.
  const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1000:1000'];
  const image = (withDuckdb: 'yes' | 'no') => `localhost/pypi-badges:duckdb-${withDuckdb}`;

  /** Makes a base image by a stage of bases.Containerfile, unless an earlier run has made it of the same. */
  async function makeBase(stage: 'build' | 'runtime') {
    const { rootfs, nodeTarball } = deploy;
    const parts = [`debian=${rootfs.bookworm}`, `node=${nodeTarball}`, 'certificates=/etc/ssl/certs'];
    const key = createHash('sha256').update(`${parts}${await readFile(BASES, 'utf8')}`);
    const name = `localhost/${stage}-base:${key.digest('hex').slice(0, 12)}`;
    if (!(await engine('buildah', ['inspect', '--type=image', name], false)).failed) return name;
    const contexts = parts.map((each) => `--build-context=${each}`);
    const how = ['--quiet', '--layers', '--isolation=chroot', '--target', stage, '--tag', name];
    await buildah('build', ...how, ...contexts, '--file', BASES, work);
    return name;
  }

  /** Builds one stage under a name, which keeps its layers for the next run. */
  const build = (withDuckdb: 'yes' | 'no', stage: string, name: string) =>
    engine('buildah', [
      ...['build', '--quiet', '--layers', '--isolation=chroot', '--network=host', '--target', stage],
      ...['--build-arg', `BUILD_BASE=${bases.build}`, '--build-arg', `RUNTIME_BASE=${bases.runtime}`],
      ...['--build-arg', `WITH_DUCKDB=${withDuckdb}`],
      ...['--volume', `${path.join(deploy.cache, 'npm-build')}:/root/.npm`],
      ...['--file', path.join(deploy.root, 'deploy/container/Containerfile'), '--tag', name, deploy.root],
    ]);

  /** Runs the image as compose.yaml and the CronJob do: read-only, no capabilities, not root. */
  const run = (words: readonly string[] = [], options = mounts(), withDuckdb: 'yes' | 'no' = 'yes') =>
    engine(
      'podman',
      [
        ...['--cgroup-manager=cgroupfs', '--runtime=crun', 'run', '--rm', '--cgroups=disabled', ...limits],
        ...['--network=none', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all'],
        ...['--security-opt=no-new-privileges', ...options, image(withDuckdb), ...words],
      ],
      false,
    );
  async function runWell(words?: readonly string[], options?: string[]) {
    const { exitCode, all, stderr } = await run(words, options);
    expect(exitCode, all).toBe(0);
    return { all: String(all), stderr };
  }

  const configMount = () => ['--volume', `${path.join(work, 'config')}:/etc/pypi-badges:ro`];
  const dataMount = (data: string) => ['--volume', `${data}:/var/lib/pypi-badges`];
  const mounts = () => [...dataMount(path.join(work, 'data')), ...configMount()];

  /** A data folder as the image's user has it. */
  async function makeData(folder: string) {
    for (const name of ['output', 'state']) await mkdir(path.join(folder, name), { recursive: true });
    await execa('chown', ['-R', `${USER}:${USER}`, folder]);
    await execa('chmod', ['-R', '0755', folder]);
    return folder;
  }

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'pypi-badges-image-'));
    await makeData(path.join(work, 'data'));
    await mkdir(path.join(work, 'config'));
    await chmod(path.join(work, 'config'), 0o755);
    const list = trackedYaml.replace('/srv/', '/etc/pypi-badges/');
    await writeFile(path.join(work, 'config/tracked.yaml'), list);
    await writeFile(path.join(work, 'config/file_downloads.ndjson'), table());
    await mkdir(path.join(deploy.cache, 'npm-build'), { recursive: true });
    bases = { build: await makeBase('build'), runtime: await makeBase('runtime') };
  });
  afterAll(async () => {
    // What these images are made of stays for the next run; what earlier ones left behind goes.
    await engine('buildah', ['rmi', '--prune'], false);
    await rm(work, { recursive: true, force: true });
  });

  it('builds from the repository', async () => {
    for (const variant of ['no', 'yes'] as const) {
      await build(variant, 'build', `${image(variant)}-build`);
      await build(variant, 'collector', image(variant));
    }
  });

  /** The files of an image, below a folder of it, that `find` gives for these words. */
  async function filesIn(name: string, folder: string, search: readonly string[][]) {
    const container = await buildah('from', '--pull-never', name);
    const root = path.join(await buildah('mount', container), folder);
    const found = [];
    for (const words of search) {
      const { stdout } = await execa('find', [root, ...words, '-printf', '%P\n']);
      found.push(stdout.split('\n').filter(Boolean));
    }
    await buildah('rm', container);
    return found;
  }

  it('holds no library beside the bundle, no shell, and runs as nobody in particular', async () => {
    const found = await filesIn(image('no'), '/', [
      // All that it needs is in the bundle.
      ['-path', '*/app/node_modules/*', '-name', 'package.json'],
      '( -name sh -o -name bash -o -name npm -o -name busybox )'.split(' '),
      '( -path */app/src -o -path */app/tests )'.split(' '),
      // Nothing outside of the data folder belongs to the user that runs.
      ['-user', String(USER), '-not', '-path', '*/var/lib/pypi-badges*'],
    ]);
    expect(found).toEqual([[], [], [], []]);
    const { config } = JSON.parse(await buildah('inspect', '--type=image', image('no'))).OCIv1;
    expect([config.User, config.Entrypoint]).toEqual([`${USER}:${USER}`, ['node', '/app/dist/cli.js']]);
  });

  it('collects with a read-only root and without capabilities', async () => {
    await runWell();
    // Every command finds the list by itself.
    expect((await runWell(['status'])).all).toContain('mcp-clipboard');
    for (const [file, text] of Object.entries(badgeTexts)) {
      expect(await readFile(path.join(work, 'data/output', file), 'utf8'), file).toBe(text);
    }
    await runWell();
  });

  it('schedules itself: runs at once the first time, waits, and ends when told to', async () => {
    await rm(path.join(work, 'data/output/_health.json'));
    const schedule = ['--name', 'pypi-badges-schedule', '--entrypoint', '["node", "/app/schedule.mjs"]'];
    const scheduled = runWell([], [...schedule, ...mounts()]);
    const podman = (...words: string[]) => engine('podman', ['--cgroup-manager=cgroupfs', ...words], false);
    while (!(await podman('logs', 'pypi-badges-schedule')).all?.includes('next run')) await sleep(300);
    await podman('kill', '--signal=TERM', 'pypi-badges-schedule');
    const { all } = await scheduled;
    expect(all).toContain('the run ended well');
    await readFile(path.join(work, 'data/output/_health.json'));
  });

  it('is unhealthy as soon as a run failed, and well again after the next good one', async () => {
    const rows = path.join(work, 'config/file_downloads.ndjson');
    const exitCodes = async () => [(await run()).exitCode, (await run(['status'])).exitCode];
    await rename(rows, `${rows}.away`);
    expect(await exitCodes()).toEqual([1, 1]);
    await rename(`${rows}.away`, rows);
    expect(await exitCodes()).toEqual([0, 0]);
  });

  it("is quiet under cron when all is well, with the guide's own line", async () => {
    const [, options = '', command = ''] =
      /^[\d, *]+ root docker run --rm (.*) pypi-badges (collect .*?) >\/dev\/null && curl /m.exec(
        blockOfGuide('MAILTO='),
      ) ?? [];
    for (const option of [
      ...['--read-only', '--cap-drop=all', '--security-opt=no-new-privileges'],
      '-v pypi-badges_data:/var/lib/pypi-badges -v /srv/pypi-badges:/etc/pypi-badges:ro',
    ]) {
      expect(`${options} `).toContain(`${option} `);
    }
    const words = command.split(' ');
    expect((await runWell(words)).stderr).toBe('');
    const bad = await run([...words, '--config', '/etc/pypi-badges/nowhere.yaml']);
    expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining('nowhere.yaml')]);
  });

  it("takes the badges of pypi-winnow-downloads over, with the guide's own line, and renews them", async () => {
    const folder = await mkdtemp(path.join(work, 'moved-'));
    await chmod(folder, 0o755);
    const data = dataMount(await makeData(path.join(folder, 'data')));
    const name = 'MCP_Clipboard/downloads-30d-non-ci.json';
    await mkdir(path.join(folder, 'old/MCP_Clipboard'), { recursive: true });
    const old = badgeText('pip*/uv/poetry/pdm (30d)', '7', 'lightgrey');
    await writeFile(path.join(folder, 'old', name), old);
    const [, place = '', script = ''] =
      /run --rm --volume badge_output:(\S+) --entrypoint node collect \\\n +-e '(.*)'$/m.exec(
        blockOfGuide('sudo mkdir -p /srv/pypi-badges'),
      ) ?? [];
    const copying = ['--volume', `${path.join(folder, 'old')}:${place}`, '--entrypoint', 'node'];
    await runWell(['-e', script], [...data, ...copying]);
    const badge = () => readFile(path.join(folder, 'data/output', name), 'utf8');
    expect(await badge()).toBe(old);
    await runWell([], [...data, ...configMount()]);
    expect(await badge()).toBe(badgeTexts['mcp-clipboard/downloads-30d-non-ci.json']);
  });

  it('is built from what it needs alone: no key, no history, no modules', async () => {
    const file = path.join(work, 'Context');
    await writeFile(file, 'FROM scratch\nCOPY . /context\n');
    const decoy = path.join(deploy.root, 'deploy/container/gcp.json');
    await writeFile(decoy, 'DECOY');
    const name = 'localhost/pypi-badges:context';
    try {
      await buildah('build', '--quiet', '--isolation=chroot', '--file', file, '--tag', name, deploy.root);
    } finally {
      await rm(decoy);
    }
    const [found = []] = await filesIn(name, 'context', [['-type', 'f']]);
    expect(found.filter((each) => !/^(src|scripts)\//.test(each)).toSorted()).toEqual([
      ...['deploy/container/schedule.mjs', 'examples/github-actions/tracked-list.yml'],
      ...['package-lock.json', 'package.json', 'tsconfig.json'],
    ]);
  });

  it('says what is wrong with a configuration, and its version', async () => {
    await writeFile(path.join(work, 'config/wrong.yaml'), 'service: {}\n');
    const check = await run(['check', '--config', '/etc/pypi-badges/wrong.yaml'], configMount(), 'no');
    expect([check.exitCode, check.all]).toEqual([2, expect.stringContaining('service.output_dir')]);
    expect((await run(['--version'], [], 'no')).stdout).toBe(deploy.version);
  });
});
