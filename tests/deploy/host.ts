import { mkdir, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** What a visitor of a web server gets. Header names are in lower case. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: string;
  /** false: a failing command is an answer, not an error. */
  reject?: boolean;
}

/**
 * A Debian host that boots its own systemd in a container (systemd-nspawn), on an overlay over a cached
 * root file system. It has no network but its own loopback. It ends with this process, whatever ends it:
 * the container lives in a PID and a mount namespace whose first process is killed with its parent.
 */
export class Host {
  private readonly name: string;
  private readonly rootfs: string;
  private readonly binds: readonly string[];
  private readonly init: readonly string[];
  private readonly overlay: string;
  private machine: ReturnType<typeof startMachine> | undefined;
  private leader = '';

  private constructor(
    name: string,
    rootfs: string,
    binds: readonly string[],
    init: readonly string[],
    overlay: string,
  ) {
    this.name = name;
    this.rootfs = rootfs;
    this.binds = binds;
    this.init = init;
    this.overlay = overlay;
  }

  /**
   * Boots a host.
   *
   * @param binds Arguments for systemd-nspawn.
   * @param init A program on the host that becomes its systemd; without one, systemd is started as it is.
   */
  static async boot(name: string, rootfs: string, binds: string[], init?: string): Promise<Host> {
    const overlay = await mkdtemp(path.join(tmpdir(), `pypi-badges-${name}-`));
    for (const folder of ['upper', 'work', 'merged']) await mkdir(path.join(overlay, folder));
    // Without --boot, systemd-nspawn does not know how systemd is asked to halt.
    const start = init === undefined ? ['--boot'] : ['--kill-signal=SIGRTMIN+3', init];
    const host = new Host(name, rootfs, binds, start, overlay);
    try {
      await host.powerOn();
    } catch (error) {
      await host.dispose();
      throw error;
    }
    return host;
  }

  async powerOn() {
    const { overlay, rootfs } = this;
    const boot = `
      mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged"
      shift 2
      exec systemd-nspawn "$@"`;
    const nspawn = [
      ...['-D', path.join(overlay, 'merged'), `--machine=${path.basename(overlay)}`],
      ...['--quiet', '--register=no', '--keep-unit', '--private-network', '--console=pipe'],
      ...['--resolv-conf=off', '--timezone=off', '--link-journal=no', ...this.binds, ...this.init],
    ];
    const machine = startMachine(boot, [rootfs, overlay, ...nspawn]);
    this.machine = machine;
    let ended = false;
    machine.finally(() => {
      ended = true;
    });
    for (const deadline = Date.now() + 60_000; ; await sleep(200)) {
      if (ended || Date.now() > deadline) {
        machine.kill('SIGKILL');
        throw new Error(`${this.name} does not boot: ${(await machine).all}`);
      }
      this.leader = (await findInit(machine.pid as number)) ?? '';
      if (!this.leader) continue;
      const { stdout } = await this.run(['systemctl', 'is-system-running', '--wait'], { reject: false });
      if (stdout === 'running' || stdout === 'degraded') return;
    }
  }

  async powerOff() {
    await this.run(['systemctl', 'poweroff'], { reject: false });
    const late = setTimeout(() => this.machine?.kill('SIGKILL'), 30_000);
    await this.machine;
    clearTimeout(late);
  }

  async dispose() {
    this.machine?.kill('SIGKILL');
    await this.machine;
    await rm(this.overlay, { recursive: true, force: true });
  }

  /** Runs a command on the host, as its root, without the environment of this process. */
  async run(command: string[], { env = {}, input, reject = true }: RunOptions = {}) {
    const variables = Object.entries({
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      ...env,
    }).map(([key, value]) => `${key}=${value}`);
    const stdin = input === undefined ? ({ stdin: 'ignore' } as const) : { input };
    return await execa(
      'nsenter',
      ['--target', this.leader, '--all', '--', 'env', '-i', ...variables, ...command],
      {
        ...stdin,
        reject,
      },
    );
  }

  /** Runs a shell script on the host and gives back its stdout. */
  async sh(script: string, options?: RunOptions): Promise<string> {
    return (await this.run(['bash', '-euc', script], options)).stdout;
  }

  async write(file: string, content: string, mode = '0644') {
    await this.run(
      ['sh', '-euc', 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', 'sh', file, mode],
      {
        input: content,
      },
    );
  }

  async read(file: string): Promise<string> {
    const { stdout } = await execa('nsenter', ['--target', this.leader, '--all', '--', 'cat', file], {
      stripFinalNewline: false,
    });
    return stdout;
  }

  /** One property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run(['systemctl', 'show', `--property=${name}`, '--value', unit])).stdout;
  }

  /** Asks a web server on the host, exactly for the given path (nothing is normalized on the way). */
  async get(url: string, options: string[] = []): Promise<Answer> {
    const { stdout } = await execa(
      'nsenter',
      [
        ...[
          '--target',
          this.leader,
          '--all',
          '--',
          'curl',
          '--silent',
          '--show-error',
          '--include',
          '--path-as-is',
        ],
        ...['--http1.1', '--max-time', '10', ...options, url],
      ],
      { stripFinalNewline: false },
    );
    const [head = '', ...rest] = stdout.split('\r\n\r\n');
    const [statusLine = '', ...lines] = head.split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
  }

  /** Waits until `check` is true, at most `seconds`. */
  async until(what: string, seconds: number, check: () => Promise<boolean>) {
    for (const deadline = Date.now() + seconds * 1000; !(await check()); await sleep(300)) {
      if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for: ${what}`);
    }
  }
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
