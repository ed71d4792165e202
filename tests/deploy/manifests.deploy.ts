import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const KUBERNETES = '1.34';
const VALIDATOR = 'kubernetes-validate==1.34.1';

describe('the files that nothing here can run as they are', () => {
  const deploy = inject('deploy');
  const container = path.join(deploy.root, 'deploy/container');
  let work: string;

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'pypi-badges-manifests-'));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  describe('compose.yaml', () => {
    /** Debian's docker-compose, which is what `docker compose` runs. */
    const compose = (environment: string[]) =>
      execa(
        'systemd-nspawn',
        [
          ...[
            '--quiet',
            '--register=no',
            '--keep-unit',
            '--pipe',
            '--volatile=overlay',
            '-D',
            deploy.rootfs.trixie,
          ],
          ...[`--machine=pypi-badges-compose-${process.pid}`, `--bind-ro=${deploy.root}/deploy:/mnt/deploy`],
          ...environment.map((setting) => `--setenv=${setting}`),
          ...['docker-compose', '-f', '/mnt/deploy/container/compose.yaml'],
          ...['config', '--format', 'json'],
        ],
        { stdin: 'ignore', reject: false },
      );

    it('asks for the host name that it needs', async () => {
      const { exitCode, stderr } = await compose([]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('set BADGES_HOST in .env');
    });

    it('is valid, and shares one volume: written by the collector, read by Caddy', async () => {
      const { exitCode, stdout, stderr } = await compose([
        ...['BADGES_HOST=badges.example.com', 'TRACKED=/srv/list.yaml', 'KEY_FILE=/srv/key.json'],
      ]);
      expect(exitCode, stderr).toBe(0);
      const { services } = JSON.parse(stdout);
      const volumes = (service: string) =>
        Object.fromEntries(
          services[service].volumes.map((volume: Record<string, unknown>) => [
            volume['target'],
            [volume['source'], volume['read_only'] ?? false],
          ]),
        );
      expect(volumes('collect')).toEqual({
        '/var/lib/pypi-badges': ['data', false],
        '/etc/pypi-badges/tracked.yaml': ['/srv/list.yaml', true],
        '/run/secrets/gcp.json': ['/srv/key.json', true],
      });
      expect(volumes('caddy')).toMatchObject({
        '/srv': ['data', true],
        '/etc/caddy/Caddyfile': ['/mnt/deploy/caddy/Caddyfile', true],
      });
      expect(services.caddy.environment).toMatchObject({
        BADGES_HOST: 'badges.example.com',
        BADGES_ROOT: '/srv/output',
        BADGES_HEALTH: 'private',
      });
      for (const service of ['collect', 'caddy']) {
        expect(services[service]).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
      }
      expect(services.collect).toMatchObject({
        entrypoint: ['node', '/app/schedule.mjs'],
        restart: 'unless-stopped',
        environment: { COLLECT_AT: '04:17,14:17' },
        healthcheck: { test: ['CMD', 'node', '/app/dist/cli.js', 'status'] },
      });
      expect(services.collect.build.dockerfile).toBe('deploy/container/Containerfile');
      for (const file of ['tracked.yaml', '../caddy/Caddyfile', '../../deploy/container/Containerfile']) {
        await access(path.join(container, file));
      }
    });
  });

  describe('cronjob.yaml', () => {
    /** Checks against the JSON schema that Kubernetes publishes, in which unknown fields are errors. */
    const validate = async (file: string) => {
      const venv = path.join(deploy.cache, VALIDATOR.replace('==', '-'));
      const program = path.join(venv, 'bin/kubernetes-validate');
      if (
        !(await access(program).then(
          () => true,
          () => false,
        ))
      ) {
        await execa('/usr/bin/python3', ['-m', 'venv', venv]);
        await execa(path.join(venv, 'bin/pip'), [
          'install',
          '--quiet',
          '--disable-pip-version-check',
          VALIDATOR,
        ]);
      }
      return await execa(program, ['--strict', '--kubernetes-version', KUBERNETES, file], {
        reject: false,
        all: true,
      });
    };
    const manifest = path.join(container, 'cronjob.yaml');

    it("fits Kubernetes' schema", async () => {
      const { exitCode, all } = await validate(manifest);
      expect(exitCode, all).toBe(0);
      // The schema leaves this to the server, so: what mounts name is there.
      const [, job] = parseAllDocuments(await readFile(manifest, 'utf8')).map((document) => document.toJS());
      const pod = job.spec.jobTemplate.spec.template.spec;
      const named = pod.volumes.map(({ name }: { name: string }) => name);
      expect(pod.containers[0].image).toMatch(new RegExp(`:${deploy.version.replaceAll('.', '\\.')}$`));
      for (const mount of pod.containers[0].volumeMounts) expect(named).toContain(mount.name);
    });

    it.each([
      ['readOnlyRootFilesystem: true', 'readOnlyRootFileSystem: true'],
      ['restartPolicy: Never', 'restartPolicy: [Never]'],
      ['schedule: "17 4,14 * * *"', 'cron: "17 4,14 * * *"'],
    ])('would not with %s changed', async (right, wrong) => {
      const text = await readFile(manifest, 'utf8');
      expect(text).toContain(right);
      const file = path.join(work, 'wrong.yaml');
      await writeFile(file, text.replace(right, wrong));
      expect((await validate(file)).exitCode).not.toBe(0);
    });
  });

  describe('install.sh', () => {
    const script = path.join(deploy.root, 'deploy/install.sh');

    it('asks for the Node that the package asks for', async () => {
      const { engines } = JSON.parse(await readFile(path.join(deploy.root, 'package.json'), 'utf8'));
      const [, minimum] = /^readonly MINIMUM_NODE=(.*)$/m.exec(await readFile(script, 'utf8')) ?? [];
      expect(`>=${minimum}`).toBe(`${engines.node}.0`);
    });

    it('and every other script pass shellcheck', async () => {
      const { exitCode, stdout } = await execa(
        'shellcheck',
        [
          script,
          path.join(import.meta.dirname, 'rootfs.sh'),
          ...['notify-failure.sh', 'pypi-badges-doctor'].map((name) =>
            path.join(deploy.root, 'deploy/systemd', name),
          ),
        ],
        { reject: false },
      );
      expect([exitCode, stdout]).toEqual([0, '']);
    });
  });
});
