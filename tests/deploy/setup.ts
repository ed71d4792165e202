import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { rolldown } from 'rolldown';
import type { TestProject } from 'vitest/node';

/** Where everything that is slow to make is kept between runs; outside the repository. */
const CACHE = '/var/cache/pypi-badges';
const ROOT = path.resolve(import.meta.dirname, '../..');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** What the tests get from here (vitest's `inject`). */
declare module 'vitest' {
  interface ProvidedContext {
    deploy: {
      /** The repository. */
      root: string;
      /** Kept between runs. */
      cache: string;
      /** Debian root file systems by suite; read only. */
      rootfs: Record<'trixie' | 'bookworm', string>;
      /** Bound into hosts at /mnt/package: pypi-badges.tgz, next.tgz, both unpacked. */
      packages: string;
      /** An npm cache that holds DuckDB. */
      npmCache: string;
      /** Node and npm laid out as in Node's own tarball, for Debian 12. */
      nodeTarball: string;
      /** The version in package.json. */
      version: string;
    };
  }
}

const DEBIAN_PACKAGES = [
  ...['debootstrap', 'debian-archive-keyring', 'systemd-container', 'buildah', 'podman', 'crun'],
  ...['python3-venv', 'shellcheck'],
];

/** Installs what the test needs and the machine lacks, from Debian's packages. */
async function installDebianPackages() {
  const query = ['--show', `--showformat=$\{db:Status-Status} $\{Package}\n`, ...DEBIAN_PACKAGES];
  const { stdout } = await execa('dpkg-query', query, { reject: false });
  const missing = DEBIAN_PACKAGES.filter((name) => !stdout.split('\n').includes(`installed ${name}`));
  if (missing.length === 0) return;
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'ignore' } as const;
  const lock = ['-o', 'DPkg::Lock::Timeout=600'];
  await execa('apt-get', ['update', '-q', ...lock], options);
  await execa('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...lock, ...missing], options);
}

/** The package as users get it, and the same as a later version. */
async function pack(into: string) {
  // Readable for the hosts' other users too, which a temporary folder is not.
  await fs.chmod(into, 0o755);
  // The build prints too; npm's own answer is the last line.
  const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', into], { cwd: ROOT });
  const name = stdout.trim().split('\n').at(-1) as string;
  await fs.rename(path.join(into, name), path.join(into, 'pypi-badges.tgz'));
  await execa('tar', ['-xzf', 'pypi-badges.tgz'], { cwd: into });

  const next = path.join(into, 'next');
  await fs.cp(path.join(into, 'package'), next, { recursive: true });
  const manifest = JSON.parse(await fs.readFile(path.join(next, 'package.json'), 'utf8'));
  const { version } = manifest;
  manifest.version = '999.0.0';
  delete manifest.scripts;
  await fs.writeFile(path.join(next, 'package.json'), JSON.stringify(manifest, null, 2));
  await execa('npm', ['pack', '--silent', '--pack-destination', into], { cwd: next });
  await fs.rename(path.join(into, 'pypi-badges-999.0.0.tgz'), path.join(into, 'next.tgz'));
  return version as string;
}

/** The stand-in for Google, which runs on the hosts. */
async function bundleGoogle(into: string) {
  const bundle = await rolldown({ input: path.join(import.meta.dirname, 'google.ts'), platform: 'node' });
  await bundle.write({ file: path.join(into, 'google/google.mjs'), format: 'esm' });
  const certificates = path.join(ROOT, 'tests/support/certificates');
  await fs.cp(certificates, path.join(into, 'google/certificates'), { recursive: true });
}

/** Fills an npm cache with DuckDB as the package has it locked, so that the hosts need no network. */
async function fillNpmCache(packages: string) {
  const npmCache = path.join(CACHE, 'npm');
  const dist = path.join(packages, 'package/dist');
  const lock = await fs.readFile(path.join(dist, 'duckdb.package-lock.json'), 'utf8');
  const stamp = path.join(npmCache, `duckdb-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  if (existsSync(stamp)) return npmCache;
  const folder = path.join(packages, 'duckdb');
  await fs.mkdir(folder);
  for (const name of ['package.json', 'package-lock.json']) {
    await fs.cp(path.join(dist, `duckdb.${name}`), path.join(folder, name));
  }
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', `--cache=${npmCache}`];
  await execa('npm', words, { cwd: folder, stdin: 'ignore' });
  // install.sh runs npm without rights, and npm writes to its cache when it reads from it.
  await execa('chown', ['-R', 'nobody', npmCache]);
  await fs.writeFile(stamp, '');
  return npmCache;
}

/** Node's own tarball as the npm registry has it, with npm beside it, laid out as under /usr/local. */
async function unpackNode() {
  const [node, npm] = ['24.21.0', '11.6.2'];
  const target = path.join(CACHE, `node-${node}-npm-${npm}`);
  if (existsSync(target)) return target;
  const work = `${target}.new`;
  await fs.rm(work, { recursive: true, force: true });
  const name = `node-linux-${process.arch}`;
  await execa('npm', ['install', '--global', `--prefix=${work}`, `${name}@${node}`, `npm@${npm}`]);
  // npm makes a link of it, which Node's own tarball has not.
  const installed = path.join(work, 'lib/node_modules', name);
  await fs.rename(path.join(installed, 'bin/node'), path.join(work, 'bin/node'));
  await fs.rm(installed, { recursive: true });
  await fs.rename(work, target);
  return target;
}

export default async function setup(project: TestProject) {
  if (process.getuid?.() !== 0) {
    throw new Error('test:deploy needs root: it boots Debian under systemd-nspawn and builds the image');
  }
  if (!existsSync('/etc/debian_version')) {
    throw new Error("test:deploy needs a Debian host: what it uses comes from Debian's packages");
  }
  await fs.readFile(CERTIFICATES);
  await fs.mkdir(CACHE, { recursive: true });
  await installDebianPackages();

  const rootfs = async (suite: string) => {
    const script = path.join(import.meta.dirname, 'rootfs.sh');
    const { stdout } = await execa('bash', [script, suite, CACHE], { stdin: 'ignore' });
    return stdout.trim();
  };
  const packages = await fs.mkdtemp(path.join(tmpdir(), 'pypi-badges-deploy-'));
  const [trixie, bookworm, version, nodeTarball] = await Promise.all([
    rootfs('trixie'),
    rootfs('bookworm'),
    pack(packages),
    unpackNode(),
    bundleGoogle(packages),
  ]);
  const npmCache = await fillNpmCache(packages);

  const made = { rootfs: { trixie, bookworm }, packages, npmCache, nodeTarball, version };
  project.provide('deploy', { root: ROOT, cache: CACHE, ...made });
  return () => fs.rm(packages, { recursive: true, force: true });
}
