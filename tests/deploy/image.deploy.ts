import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blockOfGuide } from './guide.ts';
import { badges, badgeText, table, trackedYaml } from './table.ts';

const USER = 65532;
/** Raised when the base images below are made in another way. */
const LAYOUT = 2;

/**
 * No registry for images can be reached, so the base images are made here, in the image of those that the
 * Containerfile names: Debian with Node and npm to build, and Node with its libraries alone to run.
 */
describe('the image', () => {
  const deploy = inject('deploy');
  const store = ['--root', path.join(deploy.cache, 'containers'), '--storage-driver', 'overlay'];
  let work: string;
  // Podman remembers where it was and wants to be there again, so this is no temporary name.
  const runroot = '/run/pypi-badges-test';

  // Where both versions of control groups are mounted, crun refuses to start; it needs neither here.
  const hideUnified = ['unshare', '--mount', '--propagation=private', 'bash', '-c'];
  const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
  const engine = (program: 'buildah' | 'podman', words: string[], reject = true) =>
    execa(
      'env',
      [
        ...(program === 'podman' ? [...hideUnified, script, 'bash'] : []),
        program,
        ...store,
        '--runroot',
        runroot,
        ...words,
      ],
      {
        stdin: 'ignore',
        all: true,
        reject,
      },
    );

  const key = createHash('sha256')
    .update(deploy.rootfs.bookworm + deploy.nodeTarball + LAYOUT)
    .digest('hex')
    .slice(0, 12);
  const bases = { build: `localhost/build-base:${key}`, runtime: `localhost/runtime-base:${key}` };
  // Podman's own default asks for more than a machine that is a container itself may give.
  const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1000:1000'];
  const image = (withDuckdb: 'yes' | 'no') => `localhost/pypi-badges:duckdb-${withDuckdb}`;

  const exists = async (name: string) =>
    (await engine('buildah', ['inspect', '--type=image', name], false)).exitCode === 0;

  async function makeBases() {
    if (!(await exists(bases.build))) {
      const container = (await engine('buildah', ['from', 'scratch'])).stdout.trim();
      await engine('buildah', ['copy', '--quiet', container, deploy.rootfs.bookworm, '/']);
      await engine('buildah', ['copy', '--quiet', container, deploy.nodeTarball, '/usr/local']);
      await engine('buildah', [
        'copy',
        '--quiet',
        container,
        '/etc/ssl/certs/ca-certificates.crt',
        '/etc/host-ca.crt',
      ]);
      await engine('buildah', [
        'config',
        '--env',
        'NODE_EXTRA_CA_CERTS=/etc/host-ca.crt',
        '--env',
        'PATH=/usr/local/bin:/usr/bin:/bin',
        container,
      ]);
      await engine('buildah', ['commit', '--quiet', '--rm', container, bases.build]);
    }
    if (!(await exists(bases.runtime))) {
      const root = path.join(work, 'runtime');
      const needed = await execa('ldd', [path.join(deploy.nodeTarball, 'bin/node')]);
      const libraries = [...needed.stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file as string);
      // Other names than a shell's folders, so that what works does so without one.
      for (const folder of ['nodejs/bin', 'var/lib', 'tmp'])
        await mkdir(path.join(root, folder), { recursive: true });
      await execa('cp', [path.join(deploy.nodeTarball, 'bin/node'), path.join(root, 'nodejs/bin/node')]);
      for (const file of [...libraries, '/etc/ssl/certs/ca-certificates.crt']) {
        await execa('install', [
          '-D',
          '-m',
          '0755',
          path.join(deploy.rootfs.bookworm, file),
          path.join(root, file),
        ]);
      }
      const container = (await engine('buildah', ['from', 'scratch'])).stdout.trim();
      await engine('buildah', ['copy', '--quiet', container, root, '/']);
      await engine('buildah', ['config', '--entrypoint', '["/nodejs/bin/node"]', container]);
      await engine('buildah', ['commit', '--quiet', '--rm', container, bases.runtime]);
    }
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
  const run = (withDuckdb: 'yes' | 'no', options: string[], words: string[] = []) =>
    engine(
      'podman',
      [
        ...[
          '--cgroup-manager=cgroupfs',
          '--runtime=crun',
          'run',
          '--rm',
          '--cgroups=disabled',
          ...limits,
          '--network=none',
        ],
        ...['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt=no-new-privileges'],
        ...[...options, image(withDuckdb), ...words],
      ],
      false,
    );

  const mounts = () => [
    ...['--volume', `${path.join(work, 'data')}:/var/lib/pypi-badges`],
    ...['--volume', `${path.join(work, 'config')}:/etc/pypi-badges:ro`],
  ];

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'pypi-badges-image-'));
    for (const folder of ['data/output', 'data/state', 'config']) {
      await mkdir(path.join(work, folder), { recursive: true });
      await chmod(path.join(work, folder), 0o755);
    }
    for (const folder of ['data', 'data/output', 'data/state'])
      await chown(path.join(work, folder), USER, USER);
    await writeFile(
      path.join(work, 'config/tracked.yaml'),
      trackedYaml.replace('/srv/', '/etc/pypi-badges/'),
    );
    await writeFile(path.join(work, 'config/file_downloads.ndjson'), table(new Date()));
    await mkdir(path.join(deploy.cache, 'npm-build'), { recursive: true });
    await makeBases();
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

  it('holds no library beside the bundle, no shell, and runs as nobody in particular', async () => {
    const container = (await engine('buildah', ['from', '--pull-never', image('no')])).stdout.trim();
    const root = (await engine('buildah', ['mount', container])).stdout.trim();
    const find = async (...words: string[]) =>
      (await execa('find', [root, ...words, '-printf', '%P\n'])).stdout.split('\n').filter(Boolean);
    // All that it needs is in the bundle.
    expect(await find('-path', '*/app/node_modules/*', '-name', 'package.json')).toEqual([]);
    expect(
      await find('-name', 'sh', '-o', '-name', 'bash', '-o', '-name', 'npm', '-o', '-name', 'busybox'),
    ).toEqual([]);
    expect(await find('(', '-path', '*/app/src', '-o', '-path', '*/app/tests', ')')).toEqual([]);
    // Nothing outside of the data folder belongs to the user that runs.
    expect(await find('-user', String(USER), '-not', '-path', '*/var/lib/pypi-badges*')).toEqual([]);
    const { stdout } = await engine('buildah', ['inspect', '--type=image', image('no')]);
    const { config } = JSON.parse(stdout).OCIv1;
    expect(config.User).toBe(`${USER}:${USER}`);
    expect(config.Entrypoint).toEqual(['node', '/app/dist/cli.js']);
    await engine('buildah', ['rm', container]);
  });

  it('collects with a read-only root and without capabilities', async () => {
    const { exitCode, all } = await run('yes', mounts());
    expect(exitCode, all).toBe(0);
    // Every command finds the list by itself.
    const status = await run('yes', mounts(), ['status']);
    expect([status.exitCode, status.all]).toEqual([0, expect.stringContaining('mcp-clipboard')]);
    for (const [file, badge] of Object.entries(badges)) {
      expect(await readFile(path.join(work, 'data/output', file), 'utf8'), file).toBe(badgeText(badge));
    }
    const again = await run('yes', mounts());
    expect(again.exitCode, again.all).toBe(0);
  });

  it('schedules itself: runs at once the first time, waits, and ends when told to', async () => {
    await rm(path.join(work, 'data/output/_health.json'));
    const scheduled = run('yes', [
      ...['--name', 'pypi-badges-schedule', '--entrypoint', '["node", "/app/schedule.mjs"]'],
      ...mounts(),
    ]);
    const podman = (...words: string[]) => engine('podman', ['--cgroup-manager=cgroupfs', ...words], false);
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(300)) {
      if ((await podman('logs', 'pypi-badges-schedule')).all?.includes('next run')) break;
    }
    await podman('kill', '--signal=TERM', 'pypi-badges-schedule');
    const { exitCode, all } = await scheduled;
    expect(exitCode, all).toBe(0);
    expect(all).toContain('the run ended well');
    // It did not wait for that run.
    expect(all?.match(/next run:/g)).toHaveLength(1);
    expect(all).toMatch(/next run: \d{4}-\d\d-\d\dT\d\d:17:00/);
    await readFile(path.join(work, 'data/output/_health.json'));
  });

  it('is unhealthy as soon as a run failed, and well again after the next good one', async () => {
    const rows = path.join(work, 'config/file_downloads.ndjson');
    const health = async () => (await run('yes', mounts(), ['status'])).exitCode;
    expect(await health()).toBe(0);
    const text = await readFile(rows);
    await rm(rows);
    expect((await run('yes', mounts())).exitCode).toBe(1);
    expect(await health()).toBe(1);
    await writeFile(rows, text);
    expect((await run('yes', mounts())).exitCode).toBe(0);
    expect(await health()).toBe(0);
  });

  it("is quiet under cron when all is well, with the guide's own line", async () => {
    const line =
      blockOfGuide('MAILTO=')
        .split('\n')
        .find((each) => each.includes('docker run')) ?? '';
    const [, options = '', words = ''] =
      /^[\d, *]+ root docker run --rm (.*) pypi-badges (collect .*?) >\/dev\/null && curl /.exec(line) ?? [];
    for (const option of ['--read-only', '--cap-drop=all', '--security-opt=no-new-privileges']) {
      expect(options.split(' ')).toContain(option);
    }
    expect(options).toMatch(
      /-v pypi-badges_data:\/var\/lib\/pypi-badges -v \/srv\/pypi-badges:\/etc\/pypi-badges:ro/,
    );
    const good = await run('yes', mounts(), words.split(' '));
    expect([good.exitCode, good.stderr]).toEqual([0, '']);
    const bad = await run('yes', mounts(), [
      ...words.split(' '),
      '--config',
      '/etc/pypi-badges/nowhere.yaml',
    ]);
    expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining('nowhere.yaml')]);
  });

  it("takes the badges of pypi-winnow-downloads over, with the guide's own line, and renews them", async () => {
    const folder = await mkdtemp(path.join(work, 'moved-'));
    for (const name of ['old/MCP_Clipboard', 'data/output', 'data/state']) {
      await mkdir(path.join(folder, name), { recursive: true });
    }
    for (const name of ['data', 'data/output', 'data/state'])
      await chown(path.join(folder, name), USER, USER);
    await chmod(folder, 0o755);
    const name = 'MCP_Clipboard/downloads-30d-non-ci.json';
    await writeFile(
      path.join(folder, 'old', name),
      badgeText(['pip*/uv/poetry/pdm (30d)', '7', 'lightgrey']),
    );
    const [, options = '', script = ''] =
      /run --rm --volume badge_output:(\S+) --entrypoint node collect \\\n +-e '(.*)'$/m.exec(
        blockOfGuide('sudo mkdir -p /srv/pypi-badges'),
      ) ?? [];
    const data = ['--volume', `${path.join(folder, 'data')}:/var/lib/pypi-badges`];
    const copied = await run(
      'yes',
      [...data, '--volume', `${path.join(folder, 'old')}:${options}`, '--entrypoint', 'node'],
      ['-e', script],
    );
    expect(copied.exitCode, copied.all).toBe(0);
    const badge = path.join(folder, 'data/output', name);
    expect(await readFile(badge, 'utf8')).toContain('"7"');
    const config = ['--volume', `${path.join(work, 'config')}:/etc/pypi-badges:ro`];
    const collected = await run('yes', [...data, ...config]);
    expect(collected.exitCode, collected.all).toBe(0);
    expect(await readFile(badge, 'utf8')).toBe(
      badgeText(badges['mcp-clipboard/downloads-30d-non-ci.json'] as [string, string, string]),
    );
  });

  it('is built from what it needs alone: no key, no history, no modules', async () => {
    const file = path.join(work, 'Context');
    await writeFile(file, 'FROM scratch\nCOPY . /context\n');
    const decoy = path.join(deploy.root, 'deploy/container/gcp.json');
    await writeFile(decoy, 'DECOY');
    try {
      await engine('buildah', [
        ...['build', '--quiet', '--isolation=chroot', '--file', file],
        ...['--tag', 'localhost/pypi-badges:context', deploy.root],
      ]);
    } finally {
      await rm(decoy);
    }
    const container = (
      await engine('buildah', ['from', '--pull-never', 'localhost/pypi-badges:context'])
    ).stdout.trim();
    const root = (await engine('buildah', ['mount', container])).stdout.trim();
    const { stdout } = await execa('find', [path.join(root, 'context'), '-type', 'f', '-printf', '%P\n']);
    await engine('buildah', ['rm', container]);
    const others = stdout.split('\n').filter((name) => !/^(src|scripts)\//.test(name));
    expect(others.toSorted()).toEqual([
      ...['deploy/container/schedule.mjs', 'examples/github-actions/tracked-list.yml'],
      ...['package-lock.json', 'package.json', 'tsconfig.json'],
    ]);
  });

  it('says what is wrong with a configuration, and its version', async () => {
    await writeFile(path.join(work, 'config/wrong.yaml'), 'service: {}\n');
    const config = ['--volume', `${path.join(work, 'config')}:/etc/pypi-badges:ro`];
    const check = await run('no', config, ['check', '--config', '/etc/pypi-badges/wrong.yaml']);
    expect([check.exitCode, check.all]).toEqual([2, expect.stringContaining('service.output_dir')]);
    expect((await run('no', [], ['--version'])).stdout).toBe(deploy.version);
  });
});
