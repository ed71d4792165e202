import { existsSync } from 'node:fs';
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { blockOfGuide } from './guide.ts';
import { oldList } from './table.ts';

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

  /** What commands are asked that need a daemon, a cluster or the network: their words, and what they are fed. */
  const RECORDER = `#!/bin/sh
exec 3>>/mnt/work/asked
flock 3
input=$([ -t 0 ] || [ "\${*#*-f -}" = "$*" ] || cat)
printf '%s\\0%s\\0' "\${0##*/} $*" "$input" >&3
`;
  /** Docker, of which \`compose\` is Debian's; instead of starting anything it says what it would start. */
  const DOCKER = `${RECORDER}
[ "$1" = compose ] || exit 0
file=$3
case " $* " in *' -f '*) exec docker-compose -f "$file" config --format json >/mnt/work/compose.json ;; esac
`;

  /** Runs a command in a copy of Debian 13. */
  const inDebian = (...words: string[]) =>
    execa(
      'systemd-nspawn',
      [
        ...['--quiet', '--register=no', '--keep-unit', '--pipe', '--volatile=overlay'],
        ...['-D', deploy.rootfs.trixie, `--machine=pypi-badges-${process.pid}`, ...words],
      ],
      { stdin: 'ignore', all: true, reject: false },
    );

  /** Follows commands on a Debian host, as root, in a clone of what the repository has in deploy/. */
  async function follow(commands: string, files: Record<string, string> = {}) {
    const folder = await mkdtemp(path.join(work, 'follow-'));
    const clone = path.join(folder, 'clone');
    await cp(path.join(deploy.root, 'deploy'), path.join(clone, 'deploy'), { recursive: true });
    await mkdir(path.join(folder, 'bin'));
    for (const [name, text] of Object.entries({ docker: DOCKER, kubectl: RECORDER, curl: RECORDER })) {
      await writeFile(path.join(folder, 'bin', name), text, { mode: 0o755 });
    }
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(clone, name), text);
    const { exitCode, all } = await inDebian(
      ...[`--bind=${folder}:/mnt/work`, '--setenv=PATH=/mnt/work/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...['--setenv=HOME=/root', '--setenv=EDITOR=true', '--chdir=/mnt/work/clone'],
      ...['bash', '-euxc', `${commands}\ncp -a /srv /root /mnt/work/`],
    );
    expect(exitCode, all).toBe(0);
    const text = await readFile(path.join(folder, 'asked'), 'utf8');
    const asked = [...text.matchAll(/([^\0]+)\0([^\0]*)\0/g)];
    const inputs = new Map(asked.map(([, words = '', input = '']) => [words, input]));
    return { folder, inputs, words: asked.map(([, words = '']) => words) };
  }

  describe('compose.yaml', () => {
    it('asks for the host name that it needs', async () => {
      const compose = 'docker-compose -f /mnt/deploy/container/compose.yaml config'.split(' ');
      const ended = await inDebian(`--bind-ro=${deploy.root}/deploy:/mnt/deploy`, ...compose);
      const stderr = expect.stringContaining('set BADGES_HOST in .env');
      expect(ended).toMatchObject({ failed: true, stderr });
    });

    it('is what the commands of the guide bring up: one volume, written by the collector, read by Caddy', async () => {
      const { folder, words } = await follow(
        blockOfGuide('sudo install -D -m 0644 deploy/container/tracked.yaml'),
        { 'gcp.json': '{"type":"service_account"}' },
      );
      expect(words).toEqual([
        'docker compose -f deploy/container/compose.yaml up -d --build',
        'curl -i https://badges.example.com/sampleproject/downloads-30d-non-ci.json',
      ]);
      const files = ['tracked.yaml', 'gcp.json'].map((name) => `${folder}/srv/pypi-badges/${name}`);
      const { stdout } = await execa('stat', ['--format=%a %u:%g', ...files]);
      expect(stdout.split('\n')).toEqual(['644 0:0', '400 65532:65532']);

      const clone = '/mnt/work/clone';
      const { services } = JSON.parse(await readFile(path.join(folder, 'compose.json'), 'utf8'));
      expect(services.caddy).toMatchObject({
        ...{ read_only: true, cap_drop: ['ALL'] },
        environment: {
          BADGES_HOST: 'badges.example.com',
          BADGES_ROOT: '/srv/output',
          BADGES_HEALTH: 'private',
        },
        volumes: expect.arrayContaining([
          expect.objectContaining({ target: '/srv', source: 'data', read_only: true }),
          expect.objectContaining({ target: '/etc/caddy', source: `${clone}/deploy/caddy`, read_only: true }),
        ]),
      });
      expect(services.collect).toMatchObject({
        ...{ read_only: true, cap_drop: ['ALL'] },
        volumes: [
          { target: '/var/lib/pypi-badges', source: 'data' },
          { target: '/etc/pypi-badges', source: '/srv/pypi-badges', read_only: true },
        ],
        build: { context: clone, dockerfile: 'deploy/container/Containerfile' },
        image: 'pypi-badges:latest',
        entrypoint: ['node', '/app/schedule.mjs'],
        restart: 'unless-stopped',
        environment: {
          COLLECT_AT: '04:17,14:17',
          GOOGLE_APPLICATION_CREDENTIALS: '/etc/pypi-badges/gcp.json',
        },
        healthcheck: { test: ['CMD', 'node', '/app/dist/cli.js', 'status'] },
      });
      expect(services.collect.volumes[0]).not.toHaveProperty('read_only');
    });

    it('takes over the list, the key and the badges of pypi-winnow-downloads, as the guide says', async () => {
      const commands = `OLD=.\n${blockOfGuide('sudo mkdir -p /srv/pypi-badges')}`;
      const { folder, words } = await follow(commands, { 'config.yaml': oldList, 'gcp.json': '{}' });
      const ours = oldList
        .replace('/var/lib/pypi-winnow-downloads/output', '/var/lib/pypi-badges/output')
        .replace(/^ *credential_file.*\n/m, '');
      expect(await readFile(path.join(folder, 'srv/pypi-badges/tracked.yaml'), 'utf8')).toBe(ours);
      expect(words.map((each) => each.split(' ')[4])).toEqual(['build', 'run', 'up']);
    });

    it('leaves the runs to cron where the guide says so', async () => {
      const commands = blockOfGuide('docker compose -f deploy/container/compose.yaml build');
      const { words } = await follow(`export BADGES_HOST=x; mkdir /srv/pypi-badges\n${commands}`);
      expect(words.map((each) => each.split(' ').slice(4).join(' '))).toEqual([
        'build',
        'run --rm --entrypoint node collect /app/dist/cli.js collect',
        'up -d --no-deps caddy',
      ]);
    });
  });

  it('git ignores keys and settings', async () => {
    const names = ['deploy/container/gcp.json', 'gcp.json', 'deploy/container/.env'];
    const { stdout } = await execa('git', ['check-ignore', '--no-index', ...names], { cwd: deploy.root });
    expect(stdout.split('\n')).toEqual(names);
  });

  describe('cronjob.yaml', () => {
    /** Checks against the JSON schema that Kubernetes publishes, in which unknown fields are errors. */
    const validate = async (file: string) => {
      const venv = path.join(deploy.cache, VALIDATOR.replace('==', '-'));
      const program = path.join(venv, 'bin/kubernetes-validate');
      if (!existsSync(program)) {
        const install = ['install', '--quiet', '--disable-pip-version-check', VALIDATOR];
        await execa('/usr/bin/python3', ['-m', 'venv', venv]);
        await execa(path.join(venv, 'bin/pip'), install);
      }
      const argv = ['--strict', '--kubernetes-version', KUBERNETES, file];
      return await execa(program, argv, { reject: false, all: true });
    };
    const read = async (name: string) =>
      parseAllDocuments(await readFile(path.join(container, name), 'utf8')).map((each) => each.toJS());

    it.each(['cronjob.yaml', 'web.yaml'])("%s fits Kubernetes' schema", async (name) => {
      const { exitCode, all } = await validate(path.join(container, name));
      expect(exitCode, all).toBe(0);
      // The schema leaves this to the server, so: what mounts name is there.
      const pods = (await read(name)).flatMap(
        ({ spec }) => (spec.jobTemplate?.spec.template ?? spec.template)?.spec ?? [],
      );
      for (const pod of pods) {
        const named = pod.volumes.map((volume: { name: string }) => volume.name);
        for (const mount of pod.containers[0].volumeMounts) expect(named).toContain(mount.name);
        // A tag that moves would leave a node at whatever it pulled first; what is not ours is named by its digest.
        expect(pod.containers[0].image).toMatch(
          /^registry\.example\.com\/pypi-badges:\d+\.\d+\.\d+$|:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/,
        );
      }
    });

    it('finds all that the commands of the guide create', async () => {
      const { folder, inputs, words } = await follow(
        blockOfGuide('install -D -m 0644 deploy/container/tracked.yaml ~/pypi-badges'),
        { 'gcp.json': '{}' },
      );
      const [, image] =
        /^docker build -t (\S+) -f deploy\/container\/Containerfile \.$/.exec(words[0] ?? '') ?? [];
      expect(words[1]).toBe(`docker push ${image}`);
      expect(image).toBe(`registry.example.com/pypi-badges:${deploy.version}`);
      const created = words.flatMap(
        (each) =>
          /^kubectl create (configmap|secret generic) (\S+) --from-file=(\S+)$/.exec(each)?.slice(1) ?? [],
      );
      expect(created).toEqual([
        ...['configmap', 'pypi-badges', '/root/pypi-badges/tracked.yaml'],
        ...['secret generic', 'pypi-badges', 'gcp.json'],
        ...['configmap', 'pypi-badges-web', 'deploy/caddy/Caddyfile'],
      ]);
      await access(path.join(folder, 'root/pypi-badges/tracked.yaml'));
      await access(path.join(folder, 'clone/deploy/caddy/Caddyfile'));

      const piped = parseAllDocuments(inputs.get('kubectl apply -f -') ?? '');
      const [claim, job] = piped.map((document) => document.toJS());
      expect(words).toContain('kubectl apply -f deploy/container/web.yaml');
      const [web, service] = await read('web.yaml');
      expect(words).toContain(`kubectl create job --from=cronjob/${job.metadata.name} first-run`);
      const collector = job.spec.jobTemplate.spec.template.spec;
      expect(collector.containers[0].image).toBe(image);
      expect(collector.volumes).toEqual([
        { name: 'data', persistentVolumeClaim: { claimName: claim.metadata.name } },
        { name: 'config', configMap: { name: 'pypi-badges' } },
        { name: 'key', secret: { secretName: 'pypi-badges', defaultMode: 0o440 } },
      ]);
      const { template, selector } = web.spec;
      expect(template.spec.volumes.slice(0, 2)).toEqual([
        { name: 'data', persistentVolumeClaim: { claimName: claim.metadata.name } },
        { name: 'config', configMap: { name: 'pypi-badges-web' } },
      ]);
      // The service finds the pod, and so does the job that wants to be on its node.
      expect(template.metadata.labels).toEqual(selector.matchLabels);
      expect(service.spec.selector).toEqual(selector.matchLabels);
      const [near] = collector.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution;
      expect(near.podAffinityTerm.labelSelector.matchLabels).toEqual(selector.matchLabels);
      expect(words.at(-1)).toContain(
        `/services/${service.metadata.name}:${service.spec.ports[0].name}/proxy/`,
      );
    });

    it('would not with a word changed', async () => {
      const file = path.join(work, 'wrong.yaml');
      const text = await readFile(path.join(container, 'cronjob.yaml'), 'utf8');
      await writeFile(file, text.replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem'));
      expect((await validate(file)).all).toContain('readOnlyRootFileSystem');
    });
  });

  describe('the alarm of the guide', () => {
    const JOB = 'namespace="default",job_name="pypi-badges-';
    const first = `  - {series: 'kube_job_status_start_time{${JOB}1"}', values: '100x9'}
  - {series: 'kube_job_status_failed{${JOB}1",reason="BackoffLimitExceeded"}', values: '0 0 1x7'}`;
    const second = (failed: number) => `
  - {series: 'kube_job_status_start_time{${JOB}2"}', values: '_ _ _ _ 200x5'}
  - {series: 'kube_job_status_failed{${JOB}2"}', values: '_ _ _ _ ${failed}x5'}`;
    const success = `
  - {series: 'kube_cronjob_status_last_successful_time{cronjob="pypi-badges"}', values: '50x4 230x4'}`;

    /** Prometheus' own tool, of Debian's package, without the server. */
    async function promtool() {
      const folder = path.join(deploy.cache, 'prometheus');
      const program = path.join(folder, 'usr/bin/promtool');
      if (!existsSync(program)) {
        await execa('apt-get', ['download', '-q', 'prometheus'], { cwd: work });
        await execa('sh', ['-c', `dpkg -x prometheus_*.deb ${folder}`], { cwd: work });
      }
      return program;
    }

    it.each([
      ['goes on and off with the run after it', first + second(0) + success, { 1: '', 3: '{}', 6: '' }],
      ['stays on while runs fail', first + second(1), { 1: '', 3: '{}', 6: '{}' }],
    ])('%s', async (_what, series, expected) => {
      const rules = [{ alert: 'Failed', expr: blockOfGuide('max(kube_job_status') }];
      await writeFile(path.join(work, 'rules.yml'), JSON.stringify({ groups: [{ name: 'a', rules }] }));
      const times = Object.entries(expected).map(
        ([minute, alerts]) => `  - {eval_time: ${minute}m, alertname: Failed, exp_alerts: [${alerts}]}`,
      );
      const tests = `rule_files: [rules.yml]\ntests:\n- interval: 1m\n  input_series:\n${series}\n  alert_rule_test:\n`;
      await writeFile(path.join(work, 'alarm.yml'), tests + times.join('\n'));
      const options = { cwd: work, reject: false, all: true } as const;
      const { exitCode, all } = await execa(await promtool(), ['test', 'rules', 'alarm.yml'], options);
      expect(exitCode, all).toBe(0);
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
      const others = ['notify-failure.sh', 'pypi-badges-doctor'].map((name) =>
        path.join(deploy.root, 'deploy/systemd', name),
      );
      const scripts = [script, path.join(import.meta.dirname, 'rootfs.sh'), ...others];
      const { exitCode, stdout } = await execa('shellcheck', scripts, { reject: false });
      expect([exitCode, stdout]).toEqual([0, '']);
    });
  });
});
