import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blockOfGuide, guide } from './guide.ts';
import { accountKey, bootHost, type Host, OUTPUT, SERVICE } from './host.ts';
import { badgeTexts, trackedYaml } from './table.ts';

const TIMER = 'pypi-badges-collect.timer';
const STATE = '/var/lib/pypi-badges/state';
const WEBHOOK_TOKEN = 'T0KEN-of-the-webhook';
const key = accountKey();
const BIGQUERY_LIST = `service: {output_dir: ${OUTPUT}, state_dir: ${STATE}}\npackages: [mcp-clipboard]\n`;

/** The most exposure that `systemd-analyze security` may find. A setuid sendmail rules out most of a sandbox. */
const EXPOSURE_LIMITS = {
  [SERVICE]: 1.2,
  'pypi-badges-failure@.service': 1.5,
  'pypi-badges-mail@.service': 6.7,
};

const words = (text: string) => text.trim().split(/\s+/);

/** Files in the output folder that no web server may hand out. */
const DECOYS = words(`.hidden.json notes.txt tracked.yaml stray.json ledger.json.tmp .state/spend.json
  .well-known/downloads.json _a/downloads.json a_/downloads.json a../downloads.json _compare/.hidden.svg no-page/notes.txt
  mcp-clipboard/.hidden.json mcp-clipboard/.htaccess mcp-clipboard/notes.txt mcp-clipboard/_health.json
  mcp-clipboard/downloads.json.tmp mcp-clipboard/old/downloads.json`);

/** Folders and files as others than PEP 503 name them, which pypi-winnow-downloads did, and as we name what is no package. */
const ODD =
  words(`mid.00_A/os-linux-30d-non-ci.json Small_00/os-linux-30d-non-ci.json 2to3/os-linux-30d-non-ci.json
  a/os-linux-30d-non-ci.json zope.interface/os-linux-30d-non-ci.json
  _compare/compare-indexed-non-ci-dark.svg mcp-clipboard/python-3-10-non-ci.json`);

const UNSERVED = words(`${DECOYS.map((file) => `/${file}`).join(' ')}
  /_health.json //_health.json /%5fhealth.json /mcp-clipboard/../_health.json /mcp-clipboard/..%2f_health.json
  //stray.json /mid.00_A /_compare /no-page /no-page/ /../state/kept.json /../state/ledger/kept.json /..%2fstate%2fkept.json /%2e%2e/state/kept.json
  /mcp-clipboard/../../state/kept.json /mcp-clipboard/..%2f..%2fstate/kept.json
  /mcp-clipboard/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/pypi-badges/tracked.yaml /state/kept.json
  /nobody/downloads-30d-non-ci.json /mcp-clipboard/downloads-31d-non-ci.json
  /MCP-clipboard/downloads-30d-non-ci.json`);

/** The whole life of an installation on one host; the steps build on each other. */
describe.each([
  ['bookworm', 'Debian 12', 'v24.'],
  ['trixie', 'Debian 13', 'v20.19.'],
] as const)('%s: %s', (suite, _name, version) => {
  const deploy = inject('deploy');
  let host: Host;

  /** An install.sh that refuses: exit 1, and each of these on stderr. */
  async function refuses(options: readonly string[], ...said: (string | RegExp)[]) {
    const { exitCode, stderr } = await host.install(options);
    expect(exitCode, stderr).toBe(1);
    for (const words of said) expect(stderr).toMatch(words);
  }
  async function installs(options: readonly string[], from?: string) {
    const { exitCode, stdout, stderr } = await host.install(options, from);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  }
  /** Every file with its mode, owner, size, time and link target. */
  const snapshot = (...roots: string[]) =>
    host.sh(`find ${roots.join(' ')} -printf '%p %m %u:%g %s %T@ %l\\n' | sort`);
  /** A run that must end well; what the journal says of it stands in the failure. */
  async function collectWell() {
    const exitCode = await host.collect();
    const said = exitCode === 0 ? '' : await host.sh(`journalctl --no-pager -n 40 -u ${SERVICE}`);
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: '' });
  }
  /** What is on the host of pypi-badges. */
  const left = () => host.sh('ls -A /opt; ls -A /etc/pypi-badges 2>/dev/null || true');
  const journal = () => host.sh('journalctl --sync; journalctl --no-pager -o export');

  beforeAll(async () => {
    host = await bootHost(suite);
    await host.write('/srv/google.yaml', BIGQUERY_LIST);
    await host.write('/root/key.json', key, '0600');
    await host.write('/srv/bad.yaml', 'service: {}\n');
    await host.write('/srv/keyed.yaml', BIGQUERY_LIST.replace('}', ', credential_file: /root/key.json}'));
  });
  afterAll(() => host?.dispose());

  it('refuses too old a Node, and says how to get one', async () => {
    if (suite === 'trixie') await host.write('/usr/local/bin/node', '#!/bin/sh\necho v18.20.4\n', '0755');
    const before = await snapshot('/etc', '/opt', '/var/lib');
    const said = /is version 18\.\d+\.\d+, and pypi-badges needs 20\.19\.0 or later/;
    await refuses([], said, 'deb.nodesource.com', 'https://nodejs.org/dist/');
    expect(await snapshot('/etc', '/opt', '/var/lib')).toBe(before);
    if (suite === 'trixie') await host.sh('rm /usr/local/bin/node');
    else await host.sh('cp -a /mnt/node/. /usr/local/');
    expect(await host.sh('node --version')).toContain(version);
  });

  it.each(['/root/.nvm', '/home/maintainer/.nvm'])('refuses a Node that lies in %s', async (home) => {
    await host.sh(`node=$(readlink -f "$(command -v node)"); install -D "$node" ${home}/bin/node
        mv "$node" "$node.away"; ln -s ${home}/bin/node "$node"`);
    const { exitCode, stderr } = await host.install();
    await host.sh(`rm -r ${home}
        for away in /usr/bin/node*.away /usr/local/bin/node*.away; do [ ! -e "$away" ] || mv "$away" "\${away%.away}"; done`);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${home}/bin/node`)]);
    expect(stderr).toMatch(/which the service cannot see|does not run for other users than root/);
    expect(stderr).toContain('Ways to get a Node.js that the service can use');
    expect(await left()).toBe('');
  });

  it.each([
    // The same root, seen from where /run is empty.
    [
      'unshare --mount bash -c "mount -t tmpfs none /run; exec bash $0"',
      /not booted with systemd.*docs\/deploy\.md/s,
    ],
    ['runuser -u nobody -- bash $0', /run this as root/],
  ])('refuses a host that systemd did not boot, and another user than root: %s', async (how, said) => {
    const argv = ['bash', '-c', how, '/mnt/package/package/deploy/install.sh'];
    const { exitCode, stderr } = await host.run(argv, { reject: false });
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(said)]);
  });

  it.each([
    ['--confg x', 'unknown option --confg'],
    ['--config', '--config needs a value'],
    ['--config /nowhere.yaml', 'there is no file /nowhere.yaml'],
    ['--key /nowhere.json', 'there is no file /nowhere.json'],
    ['--package ./nowhere.tgz', 'there is no file ./nowhere.tgz'],
    ['--package 0.0.0', 'npm could not fetch pypi-badges@0.0.0 (above)'],
    ['--purge', '--purge goes with --uninstall'],
    // For a list to be checked by the service's user, there must be one.
    ['--config /srv/bad.yaml', '/srv/bad.yaml is not valid (above)', 'failure.env'],
    ['--config /srv/keyed.yaml', 'give the key to this script: --key /root/key.json', 'failure.env'],
  ])('refuses %s, and leaves nothing', async (options, said, leaves = '') => {
    await refuses(options.split(' '), said);
    expect(await left()).toBe(leaves);
  });

  it('installs from the unpacked tarball to a running timer, whatever the umask', async () => {
    const argv = ['--with-duckdb', '--config', '/srv/tracked.yaml', '--key', '/root/key.json'];
    const strict = `umask 077; exec bash /mnt/package/package/deploy/install.sh ${argv.join(' ')}`;
    const env = { npm_config_cache: '/var/cache/npm', npm_config_offline: 'true' };
    const { exitCode, stdout, stderr } = await host.run(['bash', '-c', strict], { env, reject: false });
    expect(await host.sh("stat -c '%a' /opt/pypi-badges /opt/pypi-badges/releases")).toBe('755\n755');
    expect(stderr.replace(/^Creating (user|group) .*$/gm, '').trim()).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Installing release ${deploy.version}-`);
    expect(await host.property(TIMER, 'ActiveState')).toBe('active');
    expect(await host.property(TIMER, 'UnitFileState')).toBe('enabled');
    expect(await host.sh('pypi-badges --version')).toBe(deploy.version);
    const secrets = await host.sh("stat -c '%a %U' /etc/pypi-badges/gcp.json /etc/pypi-badges/failure.env");
    expect(secrets).toBe('600 root\n600 root');
    expect(await host.sh('getent passwd pypi-badges')).toContain('/usr/sbin/nologin');
    // Installing is not running: an unedited tracked.yaml must not be queried at once.
    expect(await host.property(SERVICE, 'ExecMainStartTimestamp')).toBe('');
  });

  it('elapses within the hour after 04:00 and after 14:00 UTC', async () => {
    const next = new Date(await host.property(TIMER, 'NextElapseUSecRealtime'));
    expect(next.getTime()).toBeGreaterThan(Date.now());
    // The minute is the host's own.
    const minutes = next.getUTCHours() * 60 + next.getUTCMinutes();
    expect(Math.min(...[4, 14].map((hour) => Math.abs(minutes - hour * 60 - 30)))).toBeLessThanOrEqual(31);
    expect(next.getTime() - Date.now()).toBeLessThan(15 * 3_600_000);
    expect(await host.property(TIMER, 'Persistent')).toBe('yes');
  });

  it('has units that systemd verifies, with little exposure', async () => {
    const units = '/usr/local/lib/systemd/system';
    expect(await host.sh(`systemd-analyze verify ${units}/pypi-badges-* 2>&1`)).toBe('');
    for (const [unit, limit] of Object.entries(EXPOSURE_LIMITS)) {
      expect(await host.exposureOf(`${units}/${unit}`, '--offline=true'), unit).toBeLessThanOrEqual(limit);
    }
  });

  it('changes nothing when it is installed again', async () => {
    const roots = ['/etc', '/opt', '/usr', '/var/lib/pypi-badges', '/var/lib/systemd'];
    const before = await snapshot(...roots);
    const again = ['--config', '/srv/tracked.yaml', '--key', '/root/key.json'];
    expect(await installs(again)).toContain('Nothing to do');
    expect(await snapshot(...roots)).toBe(before);
  });

  it('opens what an earlier version of it has left closed', async () => {
    await host.sh('chmod 0700 /opt/pypi-badges /opt/pypi-badges/releases');
    await installs([]);
    expect(await host.sh("stat -c '%a' /opt/pypi-badges /opt/pypi-badges/releases")).toBe('755\n755');
  });

  it('collects when systemd starts the service', async () => {
    await collectWell();
    await host.expectBadges();
    const { packages } = JSON.parse(await host.read(`${OUTPUT}/_health.json`));
    const excluded = { ci: 120, mirror: 1325, browser: 31 };
    expect(packages['mcp-clipboard']).toMatchObject({ count: 14, excluded });
    // Beside what the run keeps there: files of whose fate the later steps can be sure.
    for (const file of ['kept.json', 'ledger/kept.json']) await host.write(`${STATE}/${file}`, 'DECOY');
    await host.sh(`chown -R pypi-badges: ${STATE}`);
  });

  it('logs JSON lines without secrets', async () => {
    for (const line of (await host.lastRun()).split('\n'))
      expect(JSON.parse(line), line).toMatchObject({ level: expect.anything() });
    const text = await journal();
    expect(text).toContain('Collect PyPI download badges');
    const { private_key: pem, client_email: account } = JSON.parse(key);
    for (const secret of [pem.split('\n')[1], account]) expect(text).not.toContain(secret);
  });

  it('keeps the service in its sandbox, and lets Node work in it', async () => {
    await host.write('/tmp/seen-by-all', 'x');
    await host.write('/home/maintainer/secret', '');
    const no = (...codes: string[]) => ({
      error: expect.stringMatching(new RegExp(`^(${codes.join('|')})$`)),
    });
    const fails = { ok: expect.not.toBeOneOf([0]) };
    const { write, ...result } = await host.probe();
    const { output, state, ...others } = write;
    expect([output, state]).toEqual([{ ok: true }, { ok: true }]);
    expect(Object.keys(others)).toHaveLength(10);
    for (const folder of Object.values(others)) expect(folder).toEqual(no('EROFS', 'EACCES', 'ENOENT'));
    expect(result).toEqual({
      temporary: { ok: true },
      seesTemporaryFilesOfOthers: false,
      makeFolderInOutput: { ok: true },
      keyAtItsOwnPath: no('EACCES'),
      keyAt: expect.stringMatching(/^\/run\/credentials\//),
      keyMode: { ok: expect.stringMatching(/^4[04]0$/) },
      keyOfTheUnit: { ok: key.length },
      keyOfTheUnitWritable: no('EROFS', 'EACCES'),
      failureEnvironment: no('EACCES'),
      home: no('EACCES'),
      rootsHome: no('EACCES'),
      devices: [],
      otherProcesses: 0,
      userId: Number(await host.sh('id -u pypi-badges')),
      capabilities: '0000000000000000',
      noNewPrivileges: '1',
      seccomp: '2',
      mount: fails,
      namespace: fails,
      setHostname: fails,
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
    await host.withDropIn(['MemoryDenyWriteExecute=true'], async () => {
      expect(await host.collect()).not.toBe(0);
      expect(await host.property(SERVICE, 'ExecMainStatus')).not.toBe('1');
    });
    await collectWell();
  });

  it('takes a new list and a new key, says so, and keeps the old list', async () => {
    await host.write('/root/new.json', accountKey(), '0600');
    const stdout = await installs(['--config', '/srv/google.yaml', '--key', '/root/new.json']);
    expect(stdout).toContain('Wrote /etc/pypi-badges/tracked.yaml\n');
    expect(stdout).toContain('Wrote /etc/pypi-badges/gcp.json. The next run uses it');
    expect(await host.read('/etc/pypi-badges/tracked.yaml')).toBe(BIGQUERY_LIST);
    expect(await host.read('/etc/pypi-badges/tracked.yaml.old')).toBe(trackedYaml);
    expect(await host.sh("stat -c '%a %U' /etc/pypi-badges/gcp.json")).toBe('600 root');
    await installs(['--config', '/srv/tracked.yaml', '--key', '/root/key.json']);
    expect(await installs([])).toContain('Nothing to do');
  });

  it('is not called failed when it is stopped in mid-run', async () => {
    const slow = `setTimeout(() => {}, 60000); process.on('SIGTERM', () => process.exit(143))`;
    await host.withDropIn(['ExecStart=', `ExecStart=node -e "${slow}"`], () =>
      host.sh(`systemctl start --no-block ${SERVICE}; sleep 2; systemctl stop ${SERVICE}`),
    );
    expect(await host.property(SERVICE, 'ExecMainStatus')).toBe('143');
    expect(await host.property(SERVICE, 'Result')).toBe('success');
  });

  describe.each(['caddy', 'nginx'] as const)('served by %s', (server) => {
    const BADGE = '/mcp-clipboard/downloads-30d-non-ci.json';
    const visit = (target: string, options: string[] = []) =>
      host.get(`https://localhost${target}`, ['--cacert', '/srv/ca.crt', ...options]);
    const page = '<!doctype html><title>Badges</title><style>body{margin:2em}</style><p>A page';
    const history = JSON.stringify({ days: Array.from({ length: 365 }, (_, day) => [day, day * 7]) });
    const files: Record<string, string> = {
      'page-only/index.html': page,
      'page-only/history.json': history,
      'page-only/downloads-30d-non-ci.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      ...Object.fromEntries(ODD.map((file) => [file, '{"schemaVersion": 1}'])),
      ...Object.fromEntries(DECOYS.map((decoy) => [decoy, 'DECOY'])),
    };

    async function startCaddy() {
      await host.sh(blockOfGuide('sudo apt-get install -y caddy').replace('badges.example.com', 'localhost'));
      // As the guide says: as root it would leave a log file that Caddy may not write.
      const check = 'sudo -u caddy caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile';
      expect(await host.sh(`${check} 2>&1; find /var/log/caddy -not -user caddy`)).not.toMatch(
        /"level":"warn"|^\/var/m,
      );
      await host.sh('systemctl restart caddy');
      // "localhost" gets its certificate from Caddy's own authority, a public name from Let's Encrypt.
      const authority = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt';
      const copy = `cp ${authority} /srv/ca.crt 2>/dev/null && echo done || true`;
      await host.until("Caddy's authority", 20, async () => (await host.sh(copy)) === 'done');
    }

    async function startNginx() {
      await host.sh(`
          live=/etc/letsencrypt/live/localhost; mkdir -p $live
          openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
            -keyout $live/privkey.pem -out $live/fullchain.pem 2>/dev/null
          cp $live/fullchain.pem /srv/ca.crt
          sed 's/badges\\.example\\.com/localhost/' /opt/pypi-badges/current/lib/node_modules/pypi-badges/deploy/nginx/pypi-badges.conf >/etc/nginx/sites-available/pypi-badges
          rm -f /etc/nginx/sites-enabled/default
          ln -sf ../sites-available/pypi-badges /etc/nginx/sites-enabled/pypi-badges`);
      expect((await host.run(['nginx', '-t'])).stderr).not.toContain('[warn]');
      await host.sh('systemctl restart nginx');
    }

    beforeAll(async () => {
      for (const [file, text] of Object.entries(files)) await host.write(`${OUTPUT}/${file}`, text);
      await (server === 'caddy' ? startCaddy() : startNginx());
      await host.untilServed(server, () => visit('/'));
    });
    afterAll(async () => {
      await host.sh(`systemctl stop ${server}; cd ${OUTPUT}; rm -rf ${[...DECOYS, ...ODD].join(' ')}`);
    });

    it('answers every badge URL with its file, its type and headers', async () => {
      const found = (await host.sh(`cd ${OUTPUT} && ls */[a-z]*.{json,svg}`)).split('\n');
      const served = found.filter((file) => !DECOYS.includes(file));
      expect(served).toEqual(expect.arrayContaining([...Object.keys(badgeTexts), ...ODD]));
      for (const file of served) {
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
      const { headers } = await visit(BADGE);
      await collectWell();
      for (const [condition, status] of [
        [`If-None-Match: ${headers['etag']}`, 304],
        [`If-Modified-Since: ${headers['last-modified']}`, 304],
        ['If-None-Match: "another"', 200],
      ] as const) {
        const again = await visit(BADGE, ['--header', condition]);
        expect([condition, again.status, again.body === '']).toEqual([condition, status, status === 304]);
      }
    });

    it.each(['', 'index.html'])(
      'serves the page %s under a policy that lets its own style work',
      async (name) => {
        const { status, headers, body } = await visit(`/page-only/${name}`);
        expect([status, body]).toEqual([200, page]);
        expect((await visit('/page-only')).status).toBeLessThan(400);
        expect(headers['content-type']).toBe('text/html; charset=utf-8');
        const csp = headers['content-security-policy'] ?? '';
        expect(csp).toContain("style-src 'unsafe-inline'");
        expect(csp).toContain("img-src 'self' data:");
        expect(csp).not.toMatch(/sandbox|\*|https?:|unsafe-eval/);
      },
    );

    it('compresses what is long', async () => {
      const head = '--output /dev/null --dump-header - --header'.split(' ');
      const { headers } = await visit('/page-only/history.json', [...head, 'Accept-Encoding: gzip']);
      expect(headers['content-encoding']).toBe('gzip');
      const { status, body } = await visit('/page-only/history.json', ['--compressed']);
      expect([status, body]).toEqual([200, history]);
    });

    it.each(UNSERVED)('refuses %s', async (url) => {
      const { status, headers, body } = await visit(url);
      expect([400, 404]).toContain(status);
      expect(body).not.toMatch(/DECOY|href|packages|output_dir|bytes|"schemaVersion"/);
      if (status === 404) expect(headers['cache-control']).toBe('no-store');
    });

    it('refuses to be written to, and answers a preflight', async () => {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        expect((await visit(BADGE, ['--request', method])).status).toBe(405);
      }
      const allowed = {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      };
      expect(await visit(BADGE, ['--request', 'OPTIONS'])).toMatchObject({ status: 204, headers: allowed });
    });

    it('sends plain HTTP to HTTPS', async () => {
      const { status, headers } = await host.get(`http://localhost${BADGE}`);
      expect([status, headers['location']]).toEqual([308, `https://localhost${BADGE}`]);
    });

    it("logs requests without the visitor's address", async () => {
      await visit('/page-only/', ['--user-agent', 'visitors-own-browser']);
      const log = () => host.sh(`cat /var/log/${server}/pypi-badges.log`);
      await host.until('the log', 5, async () => (await log()).includes('/page-only/'));
      const text = await log();
      expect(text).not.toMatch(/127\.0\.0\.1|visitors-own-browser/);
      if (server === 'caddy') for (const line of text.split('\n')) JSON.parse(line);
    });

    it.runIf(server === 'caddy')('serves plain HTTP on loopback alone, behind a tunnel', async () => {
      await host.sh('cp /etc/caddy/Caddyfile /etc/caddy/pypi-badges.caddy');
      const global = '{\n\tdefault_bind 127.0.0.1\n}\nimport /etc/caddy/pypi-badges.caddy\n';
      await host.write('/etc/caddy/Caddyfile', global);
      await host.dropIn('tunnel', ['Environment=BADGES_HOST=http://:8080'], 'caddy.service');
      await host.sh('systemctl restart caddy');
      const ask = (file: string) =>
        host.get(`http://127.0.0.1:8080${file}`, ['--header', 'Host: badges.tailnet.ts.net']);
      await host.untilServed('Caddy behind a tunnel', () => ask(BADGE));
      expect((await ask(BADGE.replace('downloads', 'nothing'))).status).toBe(404);
      const listening = await host.sh('cat /proc/net/tcp /proc/net/tcp6');
      // 8080 is 1F90, 0A is LISTEN, and 0100007F is 127.0.0.1 as the kernel writes it.
      const at = [...listening.matchAll(/ ([0-9A-F]+):1F90 0+:0000 0A/g)].map(([, address]) => address);
      expect(at).toEqual(['0100007F']);
      await host.removeDropIn('tunnel', 'caddy.service');
      await host.sh('mv /etc/caddy/pypi-badges.caddy /etc/caddy/Caddyfile; systemctl restart caddy');
    });

    it('serves _health.json once the operator opts in', async () => {
      if (server === 'caddy') {
        await host.dropIn('health', ['Environment=BADGES_HEALTH=public'], 'caddy.service');
        await host.sh('systemctl restart caddy');
      } else {
        await host.sh(`
            sed -i -E 's/^\\t#(location = \\/_health|\\})/\\t\\1/' /etc/nginx/sites-available/pypi-badges
            systemctl reload nginx`);
      }
      await host.untilServed('the health file', () => visit('/_health.json'));
      const { headers, body } = await visit('/_health.json');
      expect(headers['cache-control']).toBe('no-cache');
      expect(JSON.parse(body).packages['mcp-clipboard'].count).toBe(14);
      expect((await visit('/stray.json')).status).toBe(404);
    });
  });

  describe('when a run fails', () => {
    beforeAll(async () => {
      await host.sh('cp -p /etc/pypi-badges/tracked.yaml /srv/duckdb.yaml');
      await host.listenForFailures(`/hook/${WEBHOOK_TOKEN}`);
    });
    const hooks = async () =>
      JSON.parse(`[${(await host.sh('cat /srv/hooks.ndjson 2>/dev/null || true')).replaceAll('\n', ',')}]`);
    const mail = () => host.sh('cat /srv/sent/mail 2>/dev/null || true');
    const take = (list: 'google' | 'duckdb') =>
      host.sh(`cp -p /srv/${list}.yaml /etc/pypi-badges/tracked.yaml`);

    /** While the hook of one failure goes on, another failure starts no second one. */
    const hookEnded = () =>
      host.until("the hook's end", 60, async () => {
        const units = "'pypi-badges-failure@*' 'pypi-badges-mail@*'";
        return (await host.sh(`systemctl list-units --no-legend --state=activating ${units}`)) === '';
      });

    /** Fails, and gives back what the webhook was sent. */
    const failOnce = async () => {
      await hookEnded();
      const before = (await hooks()).length;
      expect(await host.collect()).not.toBe(0);
      await host.until('the webhook', 20, async () => (await hooks()).length > before);
      return (await hooks()).at(-1);
    };

    it('tells the operator by webhook and mail what happened, and keeps the badges', async () => {
      const before = await snapshot(`${OUTPUT}/mcp-clipboard/*-non-ci.*`);
      await host.sh('mv /srv/file_downloads.ndjson /srv/gone.ndjson');
      const { path: url, type, body } = await failOnce();
      expect([url, type]).toEqual([`/hook/${WEBHOOK_TOKEN}`, 'application/json']);
      const message = JSON.parse(body);
      const told = {
        unit: 'pypi-badges-collect',
        host: 'pypi-badges-test',
        result: 'exit-code',
        status: '1',
      };
      expect(message).toMatchObject(told);
      // What the run itself said of its packages, so that the message alone may do.
      expect(message.text).toMatch(
        /^pypi-badges-collect failed on pypi-badges-test\n\n2 of 2 packages failed\.\n\nmcp-clipboard, steady-tool: .*\/srv\/file_downloads\.ndjson.* \[[a-z-]+\]\n/,
      );
      expect(message.content.length).toBeLessThanOrEqual(2000);
      await host.until('the mail', 20, async () => (await mail()).includes('journalctl'));
      expect(await mail()).toMatch(
        /^To: operator@example\.com\nSubject: pypi-badges-collect failed on pypi-badges-test\n/,
      );
      // A real sendmail is setuid or setgid.
      expect(await mail()).toMatch(/^NoNewPrivs:\t0$/m);
      expect(await snapshot(`${OUTPUT}/mcp-clipboard/*-non-ci.*`)).toBe(before);
      expect(await journal()).not.toContain(WEBHOOK_TOKEN);
      await host.sh('mv /srv/gone.ndjson /srv/file_downloads.ndjson');
    });

    it('tells of a missing key too, and where it should be', async () => {
      await host.sh('mv /etc/pypi-badges/gcp.json /root/gcp.json');
      // A source that needs no key does without.
      await collectWell();
      await take('google');
      const says = 'there is no key at /etc/pypi-badges/gcp.json; run: install.sh --key FILE';
      expect((await failOnce()).body).toContain(says);
      await host.sh('mv /root/gcp.json /etc/pypi-badges/gcp.json');
      await take('duckdb');
    });

    it("gets the key where an image's drop-in takes it away, once it is installed again", async () => {
      await host.sh(`mkdir -p /etc/systemd/system/service.d
          cp /srv/zzz-lxc-service.conf /etc/systemd/system/service.d; systemctl daemon-reload`);
      await take('google');
      expect((await failOnce()).body).toContain(
        'the service was not handed the key /etc/pypi-badges/gcp.json: a drop-in takes LoadCredential= away',
      );
      expect(await installs([])).toContain('LoadCredential=');
      const { stdout, exitCode } = await host.doctor();
      expect(stdout).not.toContain('was not handed the key');
      // What it finds is told to who asks it alone.
      expect(exitCode).toBe(1);
      expect(await journal()).not.toContain('pypi-badges-doctor failed on');
      await host.sh('rm -r /etc/systemd/system/service.d; systemctl daemon-reload');
      await take('duckdb');
      await installs([]);
      expect(await host.sh('ls /usr/local/lib/systemd/system')).not.toContain('.service.d');
    });

    it('tells that Node is gone, without Node', async () => {
      // Debian 12 has one of its own beside the one that was unpacked.
      const where = (await host.sh('ls /usr/local/bin/node /usr/bin/node 2>/dev/null || true')).split('\n');
      for (const node of where) await host.sh(`mv ${node} ${node}.away`);
      const { body } = await failOnce();
      for (const node of where) await host.sh(`mv ${node}.away ${node}`);
      expect(JSON.parse(body).text).toMatch(
        /^pypi-badges-collect failed on pypi-badges-test\n\nNode\.js is gone or does not start/,
      );
      expect(await mail()).toContain('Node.js is gone');
      expect(await journal()).not.toContain(WEBHOOK_TOKEN);
    });

    it('stays silent when the next run is well', async () => {
      await hookEnded();
      const before = (await hooks()).length;
      // The dead-man's switch of docs/deploy.md: a ping from within the sandbox, after a good run only.
      const curl = '-/usr/bin/curl --silent --show-error --fail --max-time 10 --output /dev/null';
      await host.withDropIn([`ExecStartPost=${curl} http://127.0.0.1:9009/alive`], collectWell);
      expect((await hooks()).slice(before)).toMatchObject([{ path: '/alive' }]);
    });
  });

  it('leaves metrics for node_exporter after a run, as docs/deploy.md says', async () => {
    const folder = '/var/lib/prometheus/node-exporter';
    await host.sh(`mkdir -p ${folder}`);
    await host.withDropIn([/^ExecStopPost=.*$/m.exec(guide)?.[0] ?? 'no such line'], collectWell);
    const metrics = await host.read(`${folder}/pypi-badges.prom`);
    expect(metrics).toMatch(/^pypi_badges\w*\{.*mcp-clipboard.*\} \d/m);
    await host.sh(`rm -r ${folder}`);
  });

  const KEPT = ['/etc/pypi-badges', '/var/lib/pypi-badges'];

  it('refuses an upgrade that would not take the configuration, and leaves all as it was', async () => {
    const list = '/etc/pypi-badges/tracked.yaml';
    await host.sh(`cp -p ${list} /srv/good.yaml; echo 'pakages: []' >>${list}`);
    const current = await host.sh('readlink /opt/pypi-badges/current');
    await refuses(['--package', '/mnt/package/next.tgz'], 'pakages', `${list} is not valid`);
    expect(await host.sh('readlink /opt/pypi-badges/current')).toBe(current);
    // Nor does the release that did not take over stay behind.
    expect(await host.sh('ls -A /opt/pypi-badges/releases')).not.toContain('999');
    await host.sh(`cp -p /srv/good.yaml ${list}`);
  });

  it('keeps ledger, badges, configuration and key over an upgrade', async () => {
    const before = await snapshot(...KEPT);
    expect(await installs(['--package', '/mnt/package/next.tgz'])).toContain('Installed 999.0.0-');
    expect(await snapshot(...KEPT)).toBe(before);
    expect(await host.sh('readlink /opt/pypi-badges/current')).toMatch(/^releases\/999\.0\.0-\w+\+duckdb$/);
    expect(await host.sh('readlink /opt/pypi-badges/previous')).toContain(`releases/${deploy.version}-`);
    await collectWell();
    expect(await host.sh('ls /opt/pypi-badges/releases | wc -l')).toBe('2');
  });

  it('catches up on a missed run after a reboot', async () => {
    const stamp = '/var/lib/systemd/timers/stamp-pypi-badges-collect.timer';
    // Without the random delay, which would hold the run back by up to an hour after the boot.
    await host.dropIn('at-once', ['RandomizedDelaySec=0'], TIMER, 'Timer');
    expect(await host.property(SERVICE, 'ExecMainStartTimestamp')).not.toBe('');
    await host.sh(`systemctl stop ${TIMER}; touch -d '2 days ago' ${stamp}`);
    await host.powerOff();
    await host.powerOn();
    await host.until('the missed run', 60, async () => {
      const state = await host.property(SERVICE, 'ActiveState');
      return state === 'inactive' && (await host.property(SERVICE, 'ExecMainStartTimestamp')) !== '';
    });
    expect(await host.property(SERVICE, 'Result')).toBe('success');
    const seconds = Number(await host.sh(`stat -c %Y ${stamp}`));
    expect(Math.abs(Date.now() / 1000 - seconds)).toBeLessThan(120);
    await host.removeDropIn('at-once', TIMER);
  });

  it('leaves the data when it is uninstalled, and takes it up when it is installed again', async () => {
    const before = await snapshot(...KEPT);
    const stdout = await installs(['--uninstall'], '/opt/pypi-badges/current/lib/node_modules/pypi-badges');
    expect(stdout).toContain(`Kept: ${KEPT.join(', ')}`);
    expect(await snapshot(...KEPT)).toBe(before);
    const left = await host.sh(`
        systemctl list-unit-files --no-legend 'pypi-badges*' || true
        ls /opt/pypi-badges /usr/local/bin/pypi-badges /usr/local/sbin/pypi-badges-doctor \
          /usr/local/lib/systemd/system/pypi-badges-* 2>/dev/null || true`);
    expect(left).toBe('');
    await installs(['--uninstall']);
    await installs(['--with-duckdb']);
    expect(await snapshot(...KEPT)).toBe(before);
    await collectWell();
  });

  it('leaves nothing when it is purged', async () => {
    await installs(['--uninstall', '--purge']);
    const others = words(
      '/mnt /proc /var/log /var/cache/npm /root/.npm /etc/nginx /etc/systemd/system/caddy.service.d /tmp /var/tmp',
    );
    const not = others.map((folder) => `-not -path '${folder}/*'`);
    expect(await host.sh(`find / -xdev -iname '*pypi-badges*' ${not.join(' ')}`)).toBe('');
    expect((await host.run(['id', 'pypi-badges'], { reject: false })).exitCode).toBe(1);
  });
});
