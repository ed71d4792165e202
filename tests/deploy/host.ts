import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa, type Options } from 'execa';
import { expect, inject } from 'vitest';
import { badgeTexts, table, trackedYaml } from './table.ts';

export const SERVICE = 'pypi-badges-collect.service';
export const OUTPUT = '/var/lib/pypi-badges/output';

/** What a visitor of a web server gets. Header names are in lower case. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** `reject: false`: a failing command is an answer, not an error. */
type RunOptions = Pick<Options, 'input' | 'reject' | 'stripFinalNewline'> & { env?: Record<string, string> };

export type Host = Awaited<ReturnType<typeof bootHost>>;

/**
 * Boots a Debian host: its own systemd in a container (systemd-nspawn), on an overlay over a cached root file system. It has
 * no network but its own loopback, npm's cache, the package at /mnt/package, Node's tarball at /mnt/node, and in /srv what the
 * tests run there, a table and a tracked.yaml for it. It ends with this process, whatever ends it: the container lives in a PID and a mount namespace whose first process is killed with its
 * parent.
 *
 * @param binds More arguments for systemd-nspawn.
 * @param init A program on the host that becomes its systemd; without one, systemd is started as it is.
 */
export async function bootHost(
  suite: 'trixie' | 'bookworm',
  {
    name = suite as string,
    binds = [] as string[],
    init,
  }: { name?: string; binds?: string[]; init?: string } = {},
) {
  const deploy = inject('deploy');
  const overlay = await mkdtemp(path.join(tmpdir(), `pypi-badges-${name}-`));
  for (const folder of ['upper', 'work', 'merged']) await mkdir(path.join(overlay, folder));
  const boot = `
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged"
    shift 2
    exec systemd-nspawn "$@"`;
  const nspawn = [
    ...['-D', path.join(overlay, 'merged'), `--machine=${path.basename(overlay)}`],
    ...['--quiet', '--register=no', '--keep-unit', '--private-network', '--console=pipe'],
    ...['--resolv-conf=off', '--timezone=off', '--link-journal=no'],
    ...[`--bind-ro=${deploy.packages}:/mnt/package`, `--bind-ro=${deploy.nodeTarball}:/mnt/node`],
    ...[`--bind-ro=${import.meta.dirname}:/mnt/tests`],
    ...[`--overlay=${deploy.npmCache}::/var/cache/npm`, ...binds],
    // Without --boot, systemd-nspawn does not know how systemd is asked to halt.
    ...(init === undefined ? ['--boot'] : ['--kill-signal=SIGRTMIN+3', init]),
  ];
  let machine: ReturnType<typeof startMachine> | undefined;
  let leader = '';

  async function powerOn() {
    const started = startMachine(boot, [deploy.rootfs[suite], overlay, ...nspawn]);
    machine = started;
    let ended = false;
    started.finally(() => {
      ended = true;
    });
    for (const deadline = Date.now() + 60_000; ; await sleep(200)) {
      if (ended || Date.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`${name} does not boot: ${(await started).all}`);
      }
      leader = (await findInit(started.pid as number)) ?? '';
      if (!leader) continue;
      const { stdout } = await run(['systemctl', 'is-system-running', '--wait'], { reject: false });
      if (stdout === 'running' || stdout === 'degraded') return;
    }
  }

  async function powerOff() {
    await run(['systemctl', 'poweroff'], { reject: false });
    const late = setTimeout(() => machine?.kill('SIGKILL'), 30_000);
    await machine;
    clearTimeout(late);
  }

  async function dispose() {
    machine?.kill('SIGKILL');
    await machine;
    await rm(overlay, { recursive: true, force: true });
  }

  /** Runs a command on the host, as its root, without the environment of this process. */
  async function run(
    command: readonly string[],
    { env = {}, input, reject = true, stripFinalNewline = true }: RunOptions = {},
  ) {
    const variables = Object.entries({
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      ...env,
    }).map(([key, value]) => `${key}=${value}`);
    const words = ['--target', leader, '--all', '--', 'env', '-i', ...variables, ...command];
    const stdin = input === undefined ? ({ stdin: 'ignore' } as const) : { input };
    return await execa('nsenter', words, { ...stdin, reject, stripFinalNewline });
  }

  /** Runs a shell script on the host and gives back its stdout. */
  const sh = async (script: string) => (await run(['bash', '-euc', script])).stdout;

  async function write(file: string, content: string, mode = '0644') {
    const script = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"';
    await run(['sh', '-euc', script, 'sh', file, mode], { input: content });
  }

  const read = async (file: string) => (await run(['cat', file], { stripFinalNewline: false })).stdout;

  /** One property of a unit. */
  const property = async (unit: string, what: string) =>
    (await run(['systemctl', 'show', `--property=${what}`, '--value', unit])).stdout;

  /** Asks a web server on the host, exactly for the given path (nothing is normalized on the way). */
  async function get(url: string, options: readonly string[] = []): Promise<Answer> {
    const curl = 'curl --silent --show-error --include --path-as-is --http1.1 --max-time 10'.split(' ');
    const { stdout } = await run([...curl, ...options, url], { stripFinalNewline: false });
    const [head = '', ...rest] = stdout.split('\r\n\r\n');
    const [statusLine = '', ...lines] = head.split('\r\n');
    const headers = lines.map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name.toLowerCase(), value.join(':').trim()];
    });
    const status = Number(statusLine.split(' ')[1]);
    return { status, headers: Object.fromEntries(headers), body: rest.join('\r\n\r\n') };
  }

  /** Waits until `check` is true, at most `seconds`. */
  async function until(what: string, seconds: number, check: () => Promise<boolean>) {
    for (const deadline = Date.now() + seconds * 1000; !(await check()); await sleep(300)) {
      if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for: ${what}`);
    }
  }

  /** Waits until a web server answers with 200. */
  const untilServed = (what: string, visit: () => Promise<Answer>) =>
    until(what, 20, async () => (await visit().catch(() => undefined))?.status === 200);

  /** Runs install.sh. npm finds all that it needs in the cache that the setup filled, as the host has no network. */
  const install = (options: readonly string[] = [], from = '/mnt/package/package') =>
    run(['bash', `${from}/deploy/install.sh`, ...options], {
      env: { npm_config_cache: '/var/cache/npm', npm_config_offline: 'true' },
      reject: false,
    });

  /** Starts the service, more often than systemd's limit on starts allows, and gives back how systemctl ended. */
  async function collect() {
    await run(['systemctl', 'reset-failed', SERVICE], { reject: false });
    return (await run(['systemctl', 'start', SERVICE], { reject: false })).exitCode;
  }

  /** What the last run of the collector itself wrote to the journal. Of a short run, journald may miss the invocation. */
  async function lastRun() {
    const pid = await property(SERVICE, 'ExecMainPID');
    return await sh(`journalctl --sync; journalctl --no-pager -o cat _PID=${pid} -t node`);
  }

  /** Writes a drop-in of the section [Service], or of another. */
  async function dropIn(what: string, lines: readonly string[], unit = SERVICE, section = 'Service') {
    await write(`/etc/systemd/system/${unit}.d/${what}.conf`, [`[${section}]`, ...lines, ''].join('\n'));
    await run(['systemctl', 'daemon-reload']);
  }
  const removeDropIn = (what: string, unit = SERVICE) =>
    sh(`rm -f /etc/systemd/system/${unit}.d/${what}.conf; systemctl daemon-reload`);

  /** Does some work while a drop-in of the service has these lines. */
  async function withDropIn(lines: readonly string[], work: () => Promise<unknown>) {
    await dropIn('test', lines);
    await work();
    await removeDropIn('test');
  }

  /** What probe.mjs finds in the sandbox of the service. */
  async function probe() {
    let exitCode: number | undefined;
    await withDropIn(['ExecStart=', 'ExecStart=node /srv/probe.mjs'], async () => {
      exitCode = await collect();
    });
    const log = await lastRun();
    expect(exitCode, log).toBe(0);
    return JSON.parse(log);
  }

  /** The badges are those of the table. */
  async function expectBadges() {
    for (const [file, text] of Object.entries(badgeTexts)) {
      expect(await read(`${OUTPUT}/${file}`), file).toBe(text);
    }
  }

  /** Tells of failures by a webhook at `path`, which ends in /srv/hooks.ndjson, and by a mail, which ends in /srv/sent/mail. */
  async function listenForFailures(path: string) {
    await sh(
      `systemd-run --quiet --unit=sink node /srv/sink.mjs 9009 /srv/hooks.ndjson; mkdir -m 1777 /srv/sent`,
    );
    await write('/usr/sbin/sendmail', '#!/bin/sh\ncat - /proc/self/status >>/srv/sent/mail\n', '0755');
    const settings = `WEBHOOK_URL=http://127.0.0.1:9009${path}\nMAIL_TO=operator@example.com\n`;
    await write('/etc/pypi-badges/failure.env', settings, '0600');
  }

  const exposureOf = async (unit: string, ...options: string[]) => {
    const security = await run(['systemd-analyze', 'security', '--no-pager', ...options, unit]);
    return Number(/Overall exposure level for \S+: (\d+\.\d+) /.exec(security.stdout)?.[1]);
  };

  const doctor = () => run(['pypi-badges-doctor'], { reject: false });

  try {
    await powerOn();
    await sh('install -m 0644 -t /srv /mnt/tests/{probe,sink}.mjs /mnt/tests/lxc-image/*.conf');
    await write('/srv/file_downloads.ndjson', table());
    await write('/srv/tracked.yaml', trackedYaml);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    ...{ powerOn, powerOff, dispose, run, sh, write, read, get, until, untilServed },
    ...{ property, exposureOf, dropIn, removeDropIn, withDropIn, probe, lastRun },
    ...{ install, collect, doctor, expectBadges, listenForFailures },
  };
}

/** The key file of a service account that the stand-in for Google accepts. */
export function accountKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({
    type: 'service_account',
    project_id: 'deploy-test',
    client_email: 'collector@deploy-test.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
}

/** Runs a shell script in PID and mount namespaces of its own, which end with this process. */
function startMachine(script: string, words: readonly string[]) {
  const namespaces = '--mount --pid --fork --kill-child --mount-proc --propagation private'.split(' ');
  const command = ['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'bash', '-ec', script, 'bash', ...words];
  return execa('setpriv', command, { stdin: 'ignore', all: true, reject: false });
}

/**
 * The container's init, two generations below the process that made its namespaces; undefined until it is
 * systemd as PID 1 of its own. (Before that, systemd-nspawn's helpers stand in the same place, and a
 * command sent through them would run on this machine.)
 */
async function findInit(pid: number): Promise<string | undefined> {
  let current = String(pid);
  for (let generation = 0; generation < 2; generation++) {
    const children = await readFile(`/proc/${current}/task/${current}/children`, 'utf8').catch(() => '');
    const child = children.trim().split(' ')[0];
    if (!child) return undefined;
    current = child;
  }
  const status = await readFile(`/proc/${current}/status`, 'utf8').catch(() => '');
  const program = await readlink(`/proc/${current}/exe`).catch(() => '');
  return /^NSpid:.*\t1$/m.test(status) && program.endsWith('/systemd/systemd') ? current : undefined;
}
