import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Host } from './host.ts';
import { badges, badgeText, table, trackedYaml } from './table.ts';

const SERVICE = 'pypi-badges-collect.service';
const TIMER = 'pypi-badges-collect.timer';
const OUTPUT = '/var/lib/pypi-badges/output';
const STATE = '/var/lib/pypi-badges/state';
const WEBHOOK_TOKEN = 'T0KEN-of-the-webhook';
/** No real key, but of its shape: what must never turn up anywhere. */
const KEY_MARK = 'MIIEvPrivateKeyOfTheDeployTest';
const key = JSON.stringify({
  type: 'service_account',
  project_id: 'deploy-test',
  private_key: `-----BEGIN PRIVATE KEY-----\n${KEY_MARK}\n-----END PRIVATE KEY-----\n`,
  client_email: 'collector@deploy-test.iam.gserviceaccount.com',
});

/** The most exposure that `systemd-analyze security` may find. A setuid sendmail rules out most of a sandbox. */
const EXPOSURE_LIMITS = {
  [SERVICE]: 1.2,
  'pypi-badges-failure@.service': 1.5,
  'pypi-badges-mail@.service': 6.7,
};

const suites = {
  trixie: { name: 'Debian 13', systemd: 257, node: 'v20.19.' },
  bookworm: { name: 'Debian 12', systemd: 252, node: 'v24.' },
} as const;

/** The whole life of an installation on one host; the steps build on each other. */
export function hostScenario(suite: keyof typeof suites) {
  const deploy = inject('deploy');
  const here = import.meta.dirname;
  let host: Host;

  // npm finds all it needs in the cache that the setup filled, as the host has no network.
  const npm = { npm_config_cache: '/var/cache/npm', npm_config_offline: 'true' };
  const install = (options: string[], from = '/mnt/package/package') =>
    host.run(['bash', `${from}/deploy/install.sh`, ...options], { env: npm, reject: false });
  const collect = async () => {
    // This test starts it more often than systemd's limit on starts allows.
    await host.run(['systemctl', 'reset-failed', SERVICE], { reject: false });
    return await host.run(['systemctl', 'start', SERVICE], { reject: false });
  };
  const dropIn = (name: string, lines: string[], unit = SERVICE) =>
    host
      .write(`/etc/systemd/system/${unit}.d/${name}.conf`, `${lines.join('\n')}\n`)
      .then(() => host.run(['systemctl', 'daemon-reload']));
  const removeDropIn = (name: string, unit = SERVICE) =>
    host.sh(`rm -f /etc/systemd/system/${unit}.d/${name}.conf; systemctl daemon-reload`);
  /** What the last run of the collector itself wrote to the journal. Of a short run, journald may miss the invocation. */
  const lastRun = async () => {
    const pid = await host.property(SERVICE, 'ExecMainPID');
    return await host.sh(`journalctl --sync; journalctl --no-pager -o cat _PID=${pid} -t node`);
  };
  /** Every file with its mode, owner, size, time and link target. */
  const snapshot = (...roots: string[]) =>
    host.sh(`find ${roots.join(' ')} -printf '%p %m %u:%g %s %T@ %l\\n' | sort`);
  /** A run that must end well; what the journal says of it stands in the failure. */
  const collectWell = async () => {
    const { exitCode } = await collect();
    const said = exitCode === 0 ? '' : await host.sh(`journalctl --no-pager -n 40 -u ${SERVICE}`);
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: '' });
  };
  const nextRun = async () => new Date(await host.property(TIMER, 'NextElapseUSecRealtime'));

  beforeAll(async () => {
    host = await Host.boot(suite, deploy.rootfs[suite], [
      `--bind-ro=${deploy.packages}:/mnt/package`,
      `--bind-ro=${deploy.nodeTarball}:/mnt/node`,
      `--overlay=${deploy.npmCache}::/var/cache/npm`,
    ]);
    await host.write('/srv/file_downloads.ndjson', table(new Date()));
    await host.write('/srv/tracked.yaml', trackedYaml);
    await host.write('/root/key.json', key, '0600');
    for (const file of ['probe.mjs', 'sink.mjs', 'lxc-image/zzz-lxc-service.conf']) {
      await host.write(`/srv/${path.basename(file)}`, await readFile(path.join(here, file), 'utf8'));
    }
  });
  afterAll(() => host?.dispose());

  describe(suites[suite].name, () => {
    it('has the systemd that this suite stands for', async () => {
      expect(await host.sh('systemctl --version | head -n 1')).toContain(`systemd ${suites[suite].systemd} `);
    });

    it('refuses too old a Node, and says how to get one', async () => {
      if (suite === 'trixie') await host.write('/usr/local/bin/node', '#!/bin/sh\necho v18.20.4\n', '0755');
      const before = await snapshot('/etc', '/opt', '/var/lib');
      const { exitCode, stderr } = await install([]);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/is version 18\.\d+\.\d+, and pypi-badges needs 20\.19\.0 or later/);
      expect(stderr).toContain('deb.nodesource.com');
      expect(stderr).toContain('https://nodejs.org/dist/');
      expect(await snapshot('/etc', '/opt', '/var/lib')).toBe(before);
      if (suite === 'trixie') await host.sh('rm /usr/local/bin/node');
      else await host.sh('cp -a /mnt/node/. /usr/local/');
      expect(await host.sh('node --version')).toContain(suites[suite].node);
    });

    it.each(['/root/.nvm', '/home/maintainer/.nvm'])('refuses a Node that lies in %s', async (home) => {
      await host.sh(`node=$(readlink -f "$(command -v node)"); install -D "$node" ${home}/bin/node
        mv "$node" "$node.away"; ln -s ${home}/bin/node "$node"`);
      const { exitCode, stderr } = await install([]);
      await host.sh(
        `for away in /usr/bin/node*.away /usr/local/bin/node*.away; do [ ! -e "$away" ] || mv "$away" "\${away%.away}"; done; rm -r ${home}`,
      );
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${home}/bin/node`)]);
      expect(stderr).toMatch(/which the service cannot see|does not run for other users than root/);
      expect(stderr).toContain('Ways to get a Node.js that the service can use');
      expect(await host.sh('ls -A /opt; ls /etc | grep pypi || true')).toBe('');
    });

    it('refuses a host that systemd did not boot, and points to the container', async () => {
      // The same root, seen from where /run is empty.
      const { exitCode, stderr } = await host.run(
        [
          'unshare',
          '--mount',
          'bash',
          '-c',
          'mount -t tmpfs none /run; exec bash /mnt/package/package/deploy/install.sh',
        ],
        { reject: false },
      );
      expect(exitCode).toBe(1);
      expect(stderr).toContain('not booted with systemd');
      expect(stderr).toContain('docs/deploy.md');
    });

    it('refuses another user than root, unknown options and files that are not there', async () => {
      const asNobody = await host.run(
        ['runuser', '-u', 'nobody', '--', 'bash', '/mnt/package/package/deploy/install.sh'],
        {
          reject: false,
        },
      );
      expect([asNobody.exitCode, asNobody.stderr]).toEqual([1, expect.stringContaining('run this as root')]);
      for (const [options, message] of [
        [['--confg', 'x'], 'unknown option --confg'],
        [['--config'], '--config needs a value'],
        [['--config', '/nowhere.yaml'], 'there is no file /nowhere.yaml'],
        [['--key', '/nowhere.json'], 'there is no file /nowhere.json'],
        [['--package', './nowhere.tgz'], 'there is no file ./nowhere.tgz'],
        [['--package', '0.0.0'], 'npm could not fetch pypi-badges@0.0.0 (above)'],
        [['--purge'], '--purge goes with --uninstall'],
      ] as const) {
        const { exitCode, stderr } = await install([...options]);
        expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
      }
      expect(await host.sh('ls -A /opt; ls /etc | grep pypi || true')).toBe('');
    });

    it('leaves nothing where the list is refused', async () => {
      for (const [list, sentence] of [
        ['service: {}\n', '/srv/bad.yaml is not valid (above)'],
        [
          'service: {output_dir: /o, credential_file: /root/key.json}\npackages: [a]\n',
          'Leave that line out and give the key to this script: --key /root/key.json',
        ],
      ] as const) {
        await host.write('/srv/bad.yaml', list);
        const { exitCode, stderr } = await install(['--config', '/srv/bad.yaml']);
        expect([exitCode, stderr]).toEqual([1, expect.stringContaining(sentence)]);
        expect(await host.sh('ls -A /opt; ls /etc/pypi-badges')).toBe('failure.env');
      }
    });

    it('installs from the unpacked tarball to a running timer, whatever the umask', async () => {
      const argv = ['--with-duckdb', '--config', '/srv/tracked.yaml', '--key', '/root/key.json'];
      const { exitCode, stdout, stderr } = await host.run(
        ['bash', '-c', `umask 077; exec bash /mnt/package/package/deploy/install.sh ${argv.join(' ')}`],
        { env: npm, reject: false },
      );
      expect(await host.sh("stat -c '%a' /opt/pypi-badges /opt/pypi-badges/releases")).toBe('755\n755');
      expect(stderr.replace(/^Creating (user|group) .*$/gm, '').trim()).toBe('');
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`Installing release ${deploy.version}-`);
      expect(await host.property(TIMER, 'ActiveState')).toBe('active');
      expect(await host.property(TIMER, 'UnitFileState')).toBe('enabled');
      expect(await host.sh('pypi-badges --version')).toBe(deploy.version);
      expect(await host.sh("stat -c '%a %U' /etc/pypi-badges/gcp.json /etc/pypi-badges/failure.env")).toBe(
        '600 root\n600 root',
      );
      expect(await host.sh('getent passwd pypi-badges')).toContain('/usr/sbin/nologin');
      // Installing is not running: an unedited tracked.yaml must not be queried at once.
      expect(await host.property(SERVICE, 'ExecMainStartTimestamp')).toBe('');
    });

    it('elapses within the hour after 04:00 and after 14:00 UTC', async () => {
      const next = await nextRun();
      expect(next.getTime()).toBeGreaterThan(Date.now());
      // The minute is the host's own.
      const minutes = next.getUTCHours() * 60 + next.getUTCMinutes();
      expect(Math.min(...[4, 14].map((hour) => Math.abs(minutes - hour * 60 - 30)))).toBeLessThanOrEqual(31);
      expect(next.getTime() - Date.now()).toBeLessThan(15 * 3_600_000);
      expect(await host.property(TIMER, 'Persistent')).toBe('yes');
    });

    it('has units that systemd verifies, with little exposure', async () => {
      const units = '/usr/local/lib/systemd/system';
      const verify = await host.run(['sh', '-c', `systemd-analyze verify ${units}/pypi-badges-* 2>&1`], {
        reject: false,
      });
      expect([verify.exitCode, verify.stdout]).toEqual([0, '']);
      for (const [unit, limit] of Object.entries(EXPOSURE_LIMITS)) {
        const security = await host.sh(`systemd-analyze security --no-pager --offline=true ${units}/${unit}`);
        const [, exposure] = /Overall exposure level for \S+: (\d+\.\d+) /.exec(security) ?? [];
        expect(Number(exposure), unit).toBeLessThanOrEqual(limit);
      }
    });

    it('changes nothing when it is installed again', async () => {
      const roots = ['/etc', '/opt', '/usr', '/var/lib/pypi-badges', '/var/lib/systemd'];
      const before = await snapshot(...roots);
      const { exitCode, stdout } = await install([
        '--config',
        '/srv/tracked.yaml',
        '--key',
        '/root/key.json',
      ]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Nothing to do');
      expect(await snapshot(...roots)).toBe(before);
    });

    it('opens what an earlier version of it has left closed', async () => {
      await host.sh('chmod 0700 /opt/pypi-badges /opt/pypi-badges/releases');
      expect((await install([])).exitCode).toBe(0);
      expect(await host.sh("stat -c '%a' /opt/pypi-badges /opt/pypi-badges/releases")).toBe('755\n755');
    });

    it('collects when systemd starts the service', async () => {
      const { exitCode } = await collect();
      expect(exitCode, await lastRun()).toBe(0);
      for (const [file, badge] of Object.entries(badges)) {
        expect(await host.read(`${OUTPUT}/${file}`), file).toBe(badgeText(badge));
      }
      const health = JSON.parse(await host.read(`${OUTPUT}/_health.json`));
      expect(health.packages['mcp-clipboard']).toMatchObject({
        count: 14,
        excluded: { ci: 120, mirror: 1325, browser: 31 },
      });
      // Beside what the run keeps there: files of whose fate the later steps can be sure.
      for (const file of ['kept.json', 'ledger/kept.json']) {
        await host.write(`${STATE}/${file}`, 'DECOY');
        await host.sh(`chown -R pypi-badges: ${STATE}`);
      }
    });

    it('logs JSON lines without secrets', async () => {
      const lines = (await lastRun()).split('\n');
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(JSON.parse(line), line).toMatchObject({ level: expect.anything() });
      const journal = await host.sh('journalctl --no-pager -o export');
      expect(journal).toContain('Collect PyPI download badges');
      expect(journal).not.toContain(KEY_MARK);
      expect(journal).not.toContain('collector@deploy-test.iam.gserviceaccount.com');
    });

    it('keeps the service in its sandbox, and lets Node work in it', async () => {
      await host.write('/tmp/seen-by-all', 'x');
      await host.sh('mkdir -p /home/maintainer && touch /home/maintainer/secret');
      await dropIn('probe', ['[Service]', 'ExecStart=', 'ExecStart=node /srv/probe.mjs']);
      const { exitCode } = await collect();
      const log = await lastRun();
      expect(exitCode, log).toBe(0);
      await removeDropIn('probe');
      const uid = Number(await host.sh('id -u pypi-badges'));
      const no = (...codes: string[]) => ({
        error: expect.stringMatching(new RegExp(`^(${codes.join('|')})$`)),
      });
      const denied = no('EROFS', 'EACCES', 'ENOENT');
      const result = JSON.parse(log);
      expect(result).toEqual({
        write: {
          output: { ok: true },
          state: { ok: true },
          '.': denied,
          '/etc/pypi-badges': denied,
          '/opt/pypi-badges': denied,
          '/etc': denied,
          '/usr': denied,
          '/var/log': denied,
          '/srv': denied,
          '/run': denied,
          '/root': denied,
          '/home': denied,
        },
        temporary: { ok: true },
        seesTemporaryFilesOfOthers: false,
        makeFolderInOutput: { ok: true },
        keyAtItsOwnPath: no('EACCES'),
        keyOfTheUnit: { ok: key.length },
        keyOfTheUnitWritable: no('EROFS', 'EACCES'),
        failureEnvironment: no('EACCES'),
        home: no('EACCES'),
        rootsHome: no('EACCES'),
        devices: [],
        otherProcesses: 0,
        userId: uid,
        capabilities: '0000000000000000',
        noNewPrivileges: '1',
        seccomp: '2',
        mount: { ok: expect.not.toBeOneOf([0]) },
        namespace: { ok: expect.not.toBeOneOf([0]) },
        setHostname: { ok: expect.not.toBeOneOf([0]) },
        interfaces: { ok: expect.any(Number) },
        webAssembly: { ok: true },
        resolve: { ok: expect.stringMatching(/^(127\.0\.0\.1|::1)$/) },
        fetch: 204,
        badgeFolderMode: { ok: '755' },
      });
    });

    it("runs any command as the service's user with the key, as docs/deploy.md says", async () => {
      const script =
        'GOOGLE_APPLICATION_CREDENTIALS=$CREDENTIALS_DIRECTORY/gcp.json; id -un; wc -c <"$GOOGLE_APPLICATION_CREDENTIALS"; exec pypi-badges check --config /etc/pypi-badges/tracked.yaml';
      const { stdout } = await host.run([
        ...['systemd-run', '--quiet', '--pipe', '--wait', '--uid=pypi-badges'],
        ...['--property=LoadCredential=gcp.json:/etc/pypi-badges/gcp.json', 'sh', '-c', script],
      ]);
      expect(stdout).toContain(`pypi-badges\n${key.length}\n`);
      expect(stdout).toContain('mcp-clipboard');
    });

    it('cannot have MemoryDenyWriteExecute=, as the unit says', async () => {
      await dropIn('mdwe', ['[Service]', 'MemoryDenyWriteExecute=true']);
      expect((await collect()).exitCode).not.toBe(0);
      expect(await host.property(SERVICE, 'ExecMainStatus')).not.toBe('1');
      await removeDropIn('mdwe');
      await collectWell();
    });

    describe('with BigQuery', () => {
      const list =
        'service: {output_dir: /var/lib/pypi-badges/output, state_dir: /var/lib/pypi-badges/state}\nbigquery: {query_timeout_seconds: 3}\npackages: [mcp-clipboard]\n';
      const message = async () =>
        JSON.parse(await host.read(`${OUTPUT}/mcp-clipboard/downloads-30d-non-ci.json`)).message;

      beforeAll(async () => {
        await host.sh('cp -a /mnt/package/google /srv/google');
        await host.sh(
          'systemd-run --quiet --unit=google node /srv/google/google.mjs; echo 127.0.0.1 oauth2.googleapis.com bigquery.googleapis.com >>/etc/hosts',
        );
        await dropIn('ca', ['[Service]', 'Environment=NODE_EXTRA_CA_CERTS=/srv/google/certificates/ca.pem']);
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const account = {
          type: 'service_account',
          project_id: 'deploy-test',
          client_email: 'collector@deploy-test.iam.gserviceaccount.com',
          private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        };
        await host.write('/root/google.json', JSON.stringify(account), '0600');
        await host.write('/srv/google.yaml', list);
      });

      it('takes a new list and a new key, says so, and keeps the old list', async () => {
        const { exitCode, stdout } = await install([
          '--config',
          '/srv/google.yaml',
          '--key',
          '/root/google.json',
        ]);
        expect(exitCode).toBe(0);
        expect(stdout).toContain('Wrote /etc/pypi-badges/tracked.yaml\n');
        expect(stdout).toContain('Wrote /etc/pypi-badges/gcp.json. The next run uses it');
        expect(await host.read('/etc/pypi-badges/tracked.yaml')).toBe(list);
        expect(await host.read('/etc/pypi-badges/tracked.yaml.old')).toBe(trackedYaml);
        expect(await host.sh("stat -c '%a %U' /etc/pypi-badges/gcp.json")).toBe('600 root');
      });

      it('signs in with the key and asks BigQuery from within the sandbox', async () => {
        await collectWell();
        expect(await message()).toBe('30');
        expect(JSON.parse(await host.read(`${STATE}/spend.json`)).months).not.toEqual({});
      });

      it('has a doctor that sees what the service sees', async () => {
        const { exitCode, stdout, stderr } = await host.run(['pypi-badges-doctor'], { reject: false });
        expect([exitCode, stderr]).toEqual([0, '']);
        expect(stdout).toMatch(
          /^ok {4}credentials .*collector@deploy-test\.iam\.gserviceaccount\.com.*deploy-test/m,
        );
        expect(stdout).toMatch(/^ok {4}permission /m);
        // Without the drop-in, the service does not trust the certificate, and neither does the doctor.
        await removeDropIn('ca');
        const without = await host.run(['pypi-badges-doctor'], { reject: false });
        expect(without.exitCode).toBe(1);
        expect(without.stdout).toMatch(/^FAIL .*NODE_EXTRA_CA_CERTS/m);
        await dropIn('ca', ['[Service]', 'Environment=NODE_EXTRA_CA_CERTS=/srv/google/certificates/ca.pem']);
        expect(await host.sh('ls /run/systemd/system /run | grep doctor || true')).toBe('');
      });

      it('waits for a network that comes late', async () => {
        await host.sh('systemctl stop google');
        // A scaled-down --wait: pauses of 4, 4, 8 and 15 seconds, beside the retries of a request.
        const start =
          'node /opt/pypi-badges/current/lib/node_modules/pypi-badges/dist/cli.js collect --config /etc/pypi-badges/tracked.yaml';
        await dropIn('wait', ['[Service]', 'ExecStart=', `ExecStart=${start} --wait 0.5`]);
        const late = host.sh('sleep 6; systemd-run --quiet --unit=google2 node /srv/google/google.mjs');
        await collectWell();
        await late;
        expect(await lastRun()).toMatch(/trying again in \d+ s/);
        await removeDropIn('wait');
      });

      it('is not called failed when it is stopped in mid-run', async () => {
        await dropIn('slow', [
          '[Service]',
          'ExecStart=',
          'ExecStart=node -e "setTimeout(() => {}, 60000); process.on(\'SIGTERM\', () => process.exit(143))"',
        ]);
        await host.sh(
          'systemctl start --no-block pypi-badges-collect; sleep 2; systemctl stop pypi-badges-collect',
        );
        expect(await host.property(SERVICE, 'ExecMainStatus')).toBe('143');
        expect(await host.property(SERVICE, 'Result')).toBe('success');
        await removeDropIn('slow');
      });

      it('goes back to the list and the key of before', async () => {
        await host.sh('systemctl stop google2');
        await removeDropIn('ca');
        const { exitCode } = await install(['--config', '/srv/tracked.yaml', '--key', '/root/key.json']);
        expect(exitCode).toBe(0);
        expect((await install([])).stdout).toContain('Nothing to do');
        await collectWell();
        expect(await message()).toBe('14');
      });
    });

    describe.each(['caddy', 'nginx'] as const)('served by %s', (server) => {
      const site = 'https://localhost';
      const visit = (target: string, options: string[] = []) =>
        host.get(`${site}${target}`, [...['--cacert', '/srv/ca.crt'], ...options]);
      const page = '<!doctype html><title>Badges</title><style>body{margin:2em}</style><p>A page';
      const history = JSON.stringify({ days: Array.from({ length: 365 }, (_, day) => [day, day * 7]) });
      const decoys = [
        '.hidden.json',
        'mcp-clipboard/.hidden.json',
        'mcp-clipboard/.htaccess',
        'mcp-clipboard/notes.txt',
        'mcp-clipboard/old/downloads.json',
        'no-page/notes.txt',
        'tracked.yaml',
        'stray.json',
        'ledger.json.tmp',
      ];

      beforeAll(async () => {
        await host.write(`${OUTPUT}/page-only/index.html`, page);
        await host.write(`${OUTPUT}/page-only/history.json`, history);
        // A folder as pypi-winnow-downloads named it.
        await host.write(`${OUTPUT}/mid.00_A/downloads-30d-non-ci.json`, '{"schemaVersion": 1}');
        await host.write(
          `${OUTPUT}/page-only/downloads-30d-non-ci.svg`,
          '<svg xmlns="http://www.w3.org/2000/svg"/>',
        );
        for (const decoy of decoys) await host.write(`${OUTPUT}/${decoy}`, 'DECOY');
        const config = (name: string) =>
          `/opt/pypi-badges/current/lib/node_modules/pypi-badges/deploy/${name}`;
        if (server === 'caddy') {
          await host.sh(`cp ${config('caddy/Caddyfile')} /etc/caddy/Caddyfile`);
          await dropIn('pypi-badges', ['[Service]', 'Environment=BADGES_HOST=localhost'], 'caddy.service');
          const { stderr } = await host.run(
            // As docs/deploy.md says: as root it would leave a log file that Caddy may not write.
            [
              ...['runuser', '-u', 'caddy', '--', 'caddy', 'validate', '--config', '/etc/caddy/Caddyfile'],
              ...['--adapter', 'caddyfile'],
            ],
            { env: { BADGES_HOST: 'localhost', HOME: '/var/lib/caddy' } },
          );
          expect(stderr).not.toContain('"level":"warn"');
          await host.run(['systemctl', 'restart', 'caddy']);
          // "localhost" gets its certificate from Caddy's own authority, a public name from Let's Encrypt.
          const authority = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt';
          await host.until(
            "Caddy's authority",
            20,
            async () => (await host.sh(`test -s ${authority} && echo yes || true`)) === 'yes',
          );
          await host.sh(`cp ${authority} /srv/ca.crt`);
        } else {
          await host.sh(`
            live=/etc/letsencrypt/live/localhost; mkdir -p $live
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
              -keyout $live/privkey.pem -out $live/fullchain.pem 2>/dev/null
            cp $live/fullchain.pem /srv/ca.crt
            sed 's/badges\\.example\\.com/localhost/' ${config('nginx/pypi-badges.conf')} >/etc/nginx/sites-available/pypi-badges
            rm -f /etc/nginx/sites-enabled/default
            ln -sf ../sites-available/pypi-badges /etc/nginx/sites-enabled/pypi-badges`);
          const { stderr } = await host.run(['nginx', '-t']);
          expect(stderr).not.toContain('[warn]');
          await host.run(['systemctl', 'restart', 'nginx']);
        }
        await host.until(`an answer from ${server}`, 20, async () =>
          visit('/').then(
            () => true,
            () => false,
          ),
        );
      });
      afterAll(async () => {
        await host.run(['systemctl', 'stop', server]);
        for (const decoy of decoys) await host.sh(`rm -rf ${OUTPUT}/${decoy}`);
      });

      it('answers every badge URL with its file, its type and headers', async () => {
        const files = (
          await host.sh(
            `cd ${OUTPUT} && find . -mindepth 2 -maxdepth 2 -name '[a-z]*.json' -o -name '[a-z]*.svg' -mindepth 2 -maxdepth 2`,
          )
        )
          .split('\n')
          .map((file) => file.slice(2))
          .filter((file) => !decoys.includes(file));
        expect(files).toEqual(expect.arrayContaining(Object.keys(badges)));
        for (const file of files) {
          const { status, headers, body } = await visit(`/${file}`);
          expect([file, status]).toEqual([file, 200]);
          expect(body, file).toBe(await host.read(`${OUTPUT}/${file}`));
          const type = file.endsWith('.svg') ? 'image/svg+xml' : 'application/json';
          expect(headers['content-type']?.split(';')[0], file).toBe(type);
          expect(headers).toMatchObject({
            'access-control-allow-origin': '*',
            'cross-origin-resource-policy': 'cross-origin',
            'x-content-type-options': 'nosniff',
            'x-frame-options': 'DENY',
            'referrer-policy': 'no-referrer',
            'strict-transport-security': expect.stringContaining('max-age='),
            'cache-control': expect.stringMatching(/^public, max-age=3600,/),
            'last-modified': expect.stringMatching(/ GMT$/),
            etag: expect.stringMatching(/^(W\/)?".+"$/),
          });
          const csp = headers['content-security-policy'];
          expect(csp).toMatch(/^default-src 'none';/);
          if (file.endsWith('.svg')) expect(csp).toContain('sandbox');
        }
      });

      it('answers a conditional request with 304, also after a run that changed nothing', async () => {
        const url = '/mcp-clipboard/downloads-30d-non-ci.json';
        const { headers } = await visit(url);
        await collectWell();
        for (const condition of [
          `If-None-Match: ${headers['etag']}`,
          `If-Modified-Since: ${headers['last-modified']}`,
        ]) {
          const again = await visit(url, ['--header', condition]);
          expect([condition, again.status, again.body]).toEqual([condition, 304, '']);
        }
        const other = await visit(url, ['--header', 'If-None-Match: "another"']);
        expect(other.status).toBe(200);
      });

      it('serves the page under a policy that lets its own style and script work', async () => {
        for (const url of ['/page-only/', '/page-only/index.html']) {
          const { status, headers, body } = await visit(url);
          expect([url, status, body]).toEqual([url, 200, page]);
          expect(headers['content-type']).toBe('text/html; charset=utf-8');
          const csp = headers['content-security-policy'] ?? '';
          expect(csp).toContain("style-src 'unsafe-inline'");
          expect(csp).toContain("img-src 'self' data:");
          expect(csp).not.toContain('sandbox');
          expect(csp).not.toMatch(/\*|https?:|unsafe-eval/);
        }
      });

      it('compresses what is long', async () => {
        const { headers } = await visit('/page-only/history.json', [
          '--header',
          'Accept-Encoding: gzip',
          '--output',
          '/dev/null',
          '--dump-header',
          '-',
        ]);
        expect(headers['content-encoding']).toBe('gzip');
        const { status, body } = await visit('/page-only/history.json', ['--compressed']);
        expect([status, body]).toEqual([200, history]);
      });

      it.each([
        '/_health.json',
        '//_health.json',
        '/%5fhealth.json',
        '/mcp-clipboard/../_health.json',
        '/mcp-clipboard/..%2f_health.json',
        '/tracked.yaml',
        '/stray.json',
        '/ledger.json.tmp',
        '/.hidden.json',
        '/mcp-clipboard/.hidden.json',
        '/mcp-clipboard/.htaccess',
        '/mcp-clipboard/notes.txt',
        '/mcp-clipboard/old/downloads.json',
        '/no-page',
        '/no-page/',
        '/../state/kept.json',
        '/../state/ledger/kept.json',
        '/..%2fstate%2fkept.json',
        '/%2e%2e/state/kept.json',
        '/mcp-clipboard/../../state/kept.json',
        '/mcp-clipboard/..%2f..%2fstate/kept.json',
        '/mcp-clipboard/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/pypi-badges/tracked.yaml',
        '/state/kept.json',
        '/nobody/downloads-30d-non-ci.json',
        '/mcp-clipboard/downloads-31d-non-ci.json',
        '/MCP-clipboard/downloads-30d-non-ci.json',
      ])('refuses %s', async (url) => {
        const { status, headers, body } = await visit(url);
        expect([400, 404]).toContain(status);
        expect(body).not.toMatch(/DECOY|href|packages|output_dir|bytes|"schemaVersion"/);
        if (status === 404) expect(headers['cache-control']).toBe('no-store');
      });

      it('refuses to be written to, and answers a preflight', async () => {
        for (const method of ['POST', 'PUT', 'DELETE']) {
          expect(
            (await visit('/mcp-clipboard/downloads-30d-non-ci.json', ['--request', method])).status,
          ).toBe(405);
        }
        const preflight = await visit('/mcp-clipboard/downloads-30d-non-ci.json', ['--request', 'OPTIONS']);
        expect(preflight.status).toBe(204);
        expect(preflight.headers).toMatchObject({
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        });
      });

      it('sends plain HTTP to HTTPS', async () => {
        const { status, headers } = await host.get(
          'http://localhost/mcp-clipboard/downloads-30d-non-ci.json',
        );
        expect(status).toBe(308);
        expect(headers['location']).toBe('https://localhost/mcp-clipboard/downloads-30d-non-ci.json');
      });

      it("logs requests without the visitor's address", async () => {
        await visit('/page-only/', ['--user-agent', 'visitors-own-browser']);
        const log = `/var/log/${server}/pypi-badges.log`;
        await host.until('the log', 5, async () => (await host.sh(`cat ${log}`)).includes('/page-only/'));
        const text = await host.sh(`cat ${log}`);
        expect(text).not.toContain('127.0.0.1');
        expect(text).not.toContain('visitors-own-browser');
        if (server === 'caddy') for (const line of text.split('\n')) JSON.parse(line);
      });

      const behindATunnel = async () => {
        await host.sh('cp /etc/caddy/Caddyfile /etc/caddy/pypi-badges.caddy');
        const global = '{\n\tdefault_bind 127.0.0.1\n}\nimport /etc/caddy/pypi-badges.caddy\n';
        await host.write('/etc/caddy/Caddyfile', global);
        await dropIn('tunnel', ['[Service]', 'Environment=BADGES_HOST=http://:8080'], 'caddy.service');
        await host.run(['systemctl', 'restart', 'caddy']);
        const url = 'http://127.0.0.1:8080/mcp-clipboard/downloads-30d-non-ci.json';
        const named = ['--header', 'Host: badges.tailnet.ts.net'];
        await host.until('an answer', 20, async () =>
          host.get(url, named).then(
            ({ status }) => status === 200,
            () => false,
          ),
        );
        expect((await host.get(url.replace('downloads', 'nothing'), named)).status).toBe(404);
        const listening = await host.sh('cat /proc/net/tcp /proc/net/tcp6');
        // 8080 is 1F90, 0A is LISTEN, and 0100007F is 127.0.0.1 as the kernel writes it.
        const at = [...listening.matchAll(/ ([0-9A-F]+):1F90 0+:0000 0A/g)].map(([, address]) => address);
        expect(at).toEqual(['0100007F']);
        await removeDropIn('tunnel', 'caddy.service');
        await host.sh('mv /etc/caddy/pypi-badges.caddy /etc/caddy/Caddyfile; systemctl restart caddy');
      };
      if (server === 'caddy') it('serves plain HTTP on loopback alone, behind a tunnel', behindATunnel);

      it('serves _health.json once the operator opts in', async () => {
        if (server === 'caddy') {
          await dropIn('health', ['[Service]', 'Environment=BADGES_HEALTH=public'], 'caddy.service');
          await host.run(['systemctl', 'restart', 'caddy']);
        } else {
          await host.sh(`
            sed -i -E 's/^\\t#(location = \\/_health|\\})/\\t\\1/' /etc/nginx/sites-available/pypi-badges
            systemctl reload nginx`);
        }
        await host.until('the health file', 20, async () =>
          visit('/_health.json').then(
            ({ status }) => status === 200,
            () => false,
          ),
        );
        const { headers, body } = await visit('/_health.json');
        expect(headers['cache-control']).toBe('no-cache');
        expect(JSON.parse(body).packages['mcp-clipboard'].count).toBe(14);
        expect((await visit('/stray.json')).status).toBe(404);
      });
    });

    describe('when a run fails', () => {
      beforeAll(async () => {
        await host.run([
          'systemd-run',
          '--quiet',
          '--unit=sink',
          'node',
          '/srv/sink.mjs',
          '9009',
          '/srv/hooks.ndjson',
        ]);
        const sendmail = '#!/bin/sh\ncat - /proc/self/status >>/var/spool/sent/mail\n';
        await host.write('/usr/sbin/sendmail', sendmail, '0755');
        await host.sh('mkdir -m 1777 /var/spool/sent');
        await host.write(
          '/etc/pypi-badges/failure.env',
          `WEBHOOK_URL=http://127.0.0.1:9009/hook/${WEBHOOK_TOKEN}\nMAIL_TO=operator@example.com\n`,
          '0600',
        );
      });
      const hooks = async () =>
        (await host.sh('cat /srv/hooks.ndjson 2>/dev/null || true'))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));

      it('tells the operator by webhook and mail what happened, and keeps the badges', async () => {
        const before = await snapshot(`${OUTPUT}/mcp-clipboard/*-non-ci.*`);
        await host.sh('mv /srv/file_downloads.ndjson /srv/gone.ndjson');
        const { exitCode, stderr } = await collect();
        const status = await host.property(SERVICE, 'ExecMainStatus');
        const said = status === '1' ? '' : await host.sh(`journalctl --no-pager -n 40 -u ${SERVICE}`);
        expect({ exitCode, status, said, stderr }).toMatchObject({ exitCode: 1, status: '1', said: '' });
        await host.until('the webhook', 20, async () => (await hooks()).length > 0);
        const [{ path: url, type, body }] = await hooks();
        expect(url).toBe(`/hook/${WEBHOOK_TOKEN}`);
        expect(type).toBe('application/json');
        const message = JSON.parse(body);
        expect(message).toMatchObject({
          unit: 'pypi-badges-collect',
          host: 'pypi-badges-test',
          result: 'exit-code',
          status: '1',
        });
        // What the run itself said of its packages, so that the message alone may do.
        expect(message.text).toMatch(
          /^pypi-badges-collect failed on pypi-badges-test\n\n2 of 2 packages failed\.\n\nmcp-clipboard, steady-tool: .*\/srv\/file_downloads\.ndjson.* \[[a-z-]+\]\n/,
        );
        expect(message.content.length).toBeLessThanOrEqual(2000);
        await host.until('the mail', 20, async () =>
          (await host.sh('cat /var/spool/sent/mail 2>/dev/null || true')).includes('journalctl'),
        );
        const mail = await host.read('/var/spool/sent/mail');
        expect(mail).toMatch(
          /^To: operator@example\.com\nSubject: pypi-badges-collect failed on pypi-badges-test\n/,
        );
        // A real sendmail is setuid or setgid.
        expect(mail).toMatch(/^NoNewPrivs:\t0$/m);
        expect(await snapshot(`${OUTPUT}/mcp-clipboard/*-non-ci.*`)).toBe(before);
        expect(await host.sh('journalctl --no-pager -o export')).not.toContain(WEBHOOK_TOKEN);
        await host.sh('mv /srv/gone.ndjson /srv/file_downloads.ndjson');
      });

      /** While the hook of one failure goes on, another failure starts no second one. */
      const hookEnded = () =>
        host.until(
          "the hook's end",
          60,
          async () =>
            (await host.sh(
              "systemctl list-units --no-legend --state=activating 'pypi-badges-failure@*' 'pypi-badges-mail@*'",
            )) === '',
        );

      const failOnce = async () => {
        await hookEnded();
        const before = (await hooks()).length;
        expect((await collect()).exitCode).not.toBe(0);
        await host.until('the webhook', 20, async () => (await hooks()).length > before);
        return JSON.parse((await hooks()).at(-1).body).text as string;
      };

      it('tells of a missing key too, and where it should be', async () => {
        await host.sh('mv /etc/pypi-badges/gcp.json /root/gcp.json');
        // A source that needs no key does without.
        await collectWell();
        await host.sh(
          'cp -p /etc/pypi-badges/tracked.yaml /srv/duckdb.yaml; cp /srv/google.yaml /etc/pypi-badges/tracked.yaml',
        );
        expect(await failOnce()).toContain(
          'there is no key at /etc/pypi-badges/gcp.json; run: install.sh --key FILE',
        );
        await host.sh(
          'mv /root/gcp.json /etc/pypi-badges/gcp.json; cp -p /srv/duckdb.yaml /etc/pypi-badges/tracked.yaml',
        );
      });

      it("gets the key where an image's drop-in takes it away, once it is installed again", async () => {
        await host.sh(
          'mkdir -p /etc/systemd/system/service.d; cp /srv/zzz-lxc-service.conf /etc/systemd/system/service.d',
        );
        await host.sh('systemctl daemon-reload; cp /srv/google.yaml /etc/pypi-badges/tracked.yaml');
        expect(await failOnce()).toContain(
          'the service was not handed the key /etc/pypi-badges/gcp.json: a drop-in takes LoadCredential= away',
        );
        expect((await install([])).stdout).toContain('LoadCredential=');
        const { stdout, exitCode } = await host.run(['pypi-badges-doctor'], { reject: false });
        expect(stdout).not.toContain('was not handed the key');
        // What it finds is told to who asks it alone.
        expect(exitCode).toBe(1);
        expect(await host.sh('journalctl --sync; journalctl -o cat')).not.toContain(
          'pypi-badges-doctor failed on',
        );
        await host.sh('rm -r /etc/systemd/system/service.d; systemctl daemon-reload');
        await host.sh('cp -p /srv/duckdb.yaml /etc/pypi-badges/tracked.yaml');
        await install([]);
        expect(await host.sh('ls /usr/local/lib/systemd/system')).not.toContain('.service.d');
      });

      it('tells that Node is gone, without Node', async () => {
        // Debian 12 has one of its own beside the one that was unpacked.
        const where = await host.sh('ls /usr/local/bin/node /usr/bin/node 2>/dev/null || true');
        for (const path of where.split('\n')) await host.sh(`mv ${path} ${path}.away`);
        const text = await failOnce();
        for (const path of where.split('\n')) await host.sh(`mv ${path}.away ${path}`);
        expect(text).toMatch(
          /^pypi-badges-collect failed on pypi-badges-test\n\nNode\.js is gone or does not start/,
        );
        expect(await host.read('/var/spool/sent/mail')).toContain('Node.js is gone');
        expect(await host.sh('journalctl --no-pager -o export')).not.toContain(WEBHOOK_TOKEN);
      });

      it('stays silent when the next run is well', async () => {
        await hookEnded();
        const before = (await hooks()).length;
        // The dead-man's switch of docs/deploy.md: a ping from within the sandbox, after a good run only.
        const curl = '-/usr/bin/curl --silent --show-error --fail --max-time 10 --output /dev/null';
        await dropIn('alive', ['[Service]', `ExecStartPost=${curl} http://127.0.0.1:9009/alive`]);
        await collectWell();
        await removeDropIn('alive');
        const after = (await hooks()).slice(before);
        expect(after.map(({ path: url }) => url)).toEqual(['/alive']);
      });
    });

    it('leaves metrics for node_exporter after a run, as docs/deploy.md says', async () => {
      const folder = '/var/lib/prometheus/node-exporter';
      await host.sh(`mkdir -p ${folder}`);
      const guide = await readFile(path.join(deploy.root, 'docs/deploy.md'), 'utf8');
      const [line] = /^ExecStopPost=.*$/m.exec(guide) ?? [];
      await dropIn('metrics', ['[Service]', line ?? 'no such line']);
      await collectWell();
      await removeDropIn('metrics');
      expect(await host.read(`${folder}/pypi-badges.prom`)).toMatch(
        /^pypi_badges\w*\{.*mcp-clipboard.*\} \d/m,
      );
      await host.sh(`rm -r ${folder}`);
    });

    it('refuses an upgrade that would not take the configuration, and leaves all as it was', async () => {
      await host.sh(
        "cp -p /etc/pypi-badges/tracked.yaml /srv/good.yaml; echo 'pakages: []' >>/etc/pypi-badges/tracked.yaml",
      );
      const current = await host.sh('readlink /opt/pypi-badges/current');
      const { exitCode, stderr } = await install(['--package', '/mnt/package/next.tgz']);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('pakages');
      expect(stderr).toContain('/etc/pypi-badges/tracked.yaml is not valid');
      expect(await host.sh('readlink /opt/pypi-badges/current')).toBe(current);
      // Nor does the release that did not take over stay behind.
      expect(await host.sh('ls -A /opt/pypi-badges/releases | grep -c 999 || true')).toBe('0');
      await host.sh('cp -p /srv/good.yaml /etc/pypi-badges/tracked.yaml');
    });

    it('keeps ledger, badges, configuration and key over an upgrade', async () => {
      const kept = ['/etc/pypi-badges', '/var/lib/pypi-badges'];
      const before = await snapshot(...kept);
      const { exitCode, stdout } = await install(['--package', '/mnt/package/next.tgz']);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Installed 999.0.0-');
      expect(await snapshot(...kept)).toBe(before);
      expect(await host.sh('readlink /opt/pypi-badges/current')).toMatch(/^releases\/999\.0\.0-\w+\+duckdb$/);
      expect(await host.sh('readlink /opt/pypi-badges/previous')).toContain(`releases/${deploy.version}-`);
      await collectWell();
      expect(await host.sh('ls /opt/pypi-badges/releases | wc -l')).toBe('2');
    });

    it('catches up on a missed run after a reboot', async () => {
      // Without the random delay, which would hold the run back by up to an hour after the boot.
      await dropIn('at-once', ['[Timer]', 'RandomizedDelaySec=0'], TIMER);
      const lastStart = await host.property(SERVICE, 'ExecMainStartTimestamp');
      expect(lastStart).not.toBe('');
      await host.sh(
        "systemctl stop pypi-badges-collect.timer; touch -d '2 days ago' /var/lib/systemd/timers/stamp-pypi-badges-collect.timer",
      );
      await host.powerOff();
      await host.powerOn();
      await host.until('the missed run', 60, async () => {
        const [state, start] = [
          await host.property(SERVICE, 'ActiveState'),
          await host.property(SERVICE, 'ExecMainStartTimestamp'),
        ];
        return state === 'inactive' && start !== '';
      });
      expect(await host.property(SERVICE, 'Result')).toBe('success');
      expect(await lastRun()).not.toBe('');
      const stamp = Number(
        await host.sh('stat -c %Y /var/lib/systemd/timers/stamp-pypi-badges-collect.timer'),
      );
      expect(Math.abs(Date.now() / 1000 - stamp)).toBeLessThan(120);
      // And the day after it is the usual hour again.
      expect([4, 5, 14, 15]).toContain((await nextRun()).getUTCHours());
      await removeDropIn('at-once', TIMER);
    });

    it('leaves the data when it is uninstalled, and takes it up when it is installed again', async () => {
      const kept = ['/etc/pypi-badges', '/var/lib/pypi-badges'];
      const before = await snapshot(...kept);
      const { exitCode, stdout } = await install(
        ['--uninstall'],
        '/opt/pypi-badges/current/lib/node_modules/pypi-badges',
      );
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Kept: /etc/pypi-badges, /var/lib/pypi-badges');
      expect(await snapshot(...kept)).toBe(before);
      expect(
        await host.sh(
          'ls /opt/pypi-badges /usr/local/bin/pypi-badges /usr/local/sbin/pypi-badges-doctor /usr/local/lib/systemd/system/pypi-badges-* 2>/dev/null || true',
        ),
      ).toBe('');
      expect(await host.sh("systemctl list-unit-files --no-legend 'pypi-badges*' || true")).toBe('');
      expect((await install(['--uninstall'])).exitCode).toBe(0);

      expect((await install(['--with-duckdb'])).exitCode).toBe(0);
      expect(await snapshot(...kept)).toBe(before);
      await collectWell();
    });

    it('leaves nothing when it is purged', async () => {
      expect((await install(['--uninstall', '--purge'])).exitCode).toBe(0);
      const left = await host.sh(
        "find / -xdev -iname '*pypi-badges*' -not -path '/mnt/*' -not -path '/proc/*' -not -path '/var/log/*' -not -path '/var/cache/npm/*' -not -path '/root/.npm/*' -not -path '/etc/nginx/*' -not -path '/etc/systemd/system/caddy.service.d/*' -not -path '/tmp/*' -not -path '/var/tmp/*'",
      );
      expect(left).toBe('');
      expect((await host.run(['id', 'pypi-badges'], { reject: false })).exitCode).toBe(1);
    });
  });
}
