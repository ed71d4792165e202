import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blockOfGuide } from './guide.ts';
import { Host } from './host.ts';
import { badgeText } from './table.ts';

const OUTPUT = '/var/lib/pypi-badges/output';
const OLD_OUTPUT = '/var/lib/pypi-winnow-downloads/output';
const BADGE = 'downloads-30d-non-ci.json';

/** What pypi-winnow-downloads 0.3.0 has as deploy/systemd/, as far as moving away from it is concerned. */
const OLD_UNITS = {
  'pypi-winnow-downloads-collector.service': `[Service]
Type=oneshot
User=winnow
Group=winnow
ExecStart=/usr/bin/touch /var/lib/pypi-winnow-downloads/ran
[Install]
WantedBy=multi-user.target
`,
  'pypi-winnow-downloads-collector.timer': `[Unit]
Requires=pypi-winnow-downloads-collector.service
[Timer]
OnCalendar=daily
Persistent=true
[Install]
WantedBy=timers.target
`,
};
/** Its list, with a spelling and a second window as its users write them. */
const OLD_LIST = `# Example configuration for pypi-winnow-downloads.
service:
  # Where shields.io-endpoint JSON files are written.
  output_dir: /var/lib/pypi-winnow-downloads/output

  # Google Cloud service account JSON with BigQuery Job User +
  # BigQuery Data Viewer roles. File must be readable by the service user.
  credential_file: /etc/pypi-winnow-downloads/gcp.json

  stale_threshold_days: 3

packages:
  - name: MCP_Clipboard
    window_days: 30
  - name: MCP_Clipboard
    window_days: 7
`;

/** docs/deploy.md, followed as it stands by somebody who has a Debian 13, and by somebody who has the predecessor. */
describe('docs/deploy.md on a host', () => {
  const deploy = inject('deploy');
  let host: Host;

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = JSON.stringify({
    type: 'service_account',
    project_id: 'deploy-test',
    client_email: 'collector@deploy-test.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  /** The commands of a block in the clone; the editor is one that replaces the example's package. */
  const follow = (commands: string) =>
    host.run(['bash', '-euxc', `cd /root/clone\n${commands}`], {
      env: { EDITOR: '/srv/editor' },
      reject: false,
    });
  // Google's stand-in has port 443.
  const site = 'localhost:8443';
  const visit = (path: string) => host.get(`https://${site}/${path}`, ['--cacert', '/srv/ca.crt']);
  const message = async (file: string) => JSON.parse(await host.read(`${OUTPUT}/${file}`)).message;
  const trustGoogle = () =>
    host.write(
      '/etc/systemd/system/pypi-badges-collect.service.d/ca.conf',
      '[Service]\nEnvironment=NODE_EXTRA_CA_CERTS=/srv/google/certificates/ca.pem\n',
    );

  beforeAll(async () => {
    host = await Host.boot('guide', deploy.rootfs.trixie, [
      `--bind-ro=${deploy.packages}:/mnt/package`,
      `--overlay=${deploy.npmCache}::/var/cache/npm`,
    ]);
    await host.write('/root/.npmrc', 'cache=/var/cache/npm\noffline=true\n');
    await host.write(
      '/srv/editor',
      '#!/bin/sh\nsed -i \'s/name: sampleproject/name: mcp-clipboard/\' "$1"\n',
      '0755',
    );
    await host.sh(`
      mkdir /root/clone
      cp /mnt/package/pypi-badges.tgz /root/clone/pypi-badges-${deploy.version}.tgz
      cp -a /mnt/package/google /srv/google
      systemd-run --quiet --unit=google node /srv/google/google.mjs
      echo 127.0.0.1 oauth2.googleapis.com bigquery.googleapis.com >>/etc/hosts`);
    await host.write('/root/clone/gcp.json', key, '0600');
    await trustGoogle();
  });
  afterAll(() => host?.dispose());

  it('leads to badges', async () => {
    const block = blockOfGuide('npm ci && npm pack');
    // There is no network to build from; what that makes lies in the clone.
    const [first, ...rest] = block.split('\n');
    expect(first).toBe('npm ci && npm pack');
    const { exitCode, stderr } = await follow(rest.join('\n'));
    expect(exitCode, stderr).toBe(0);
    expect(await message(`mcp-clipboard/${BADGE}`)).toBe('30');
    expect(await host.property('pypi-badges-collect.timer', 'ActiveState')).toBe('active');
  });

  it('looks at it, with every command', async () => {
    const { exitCode, stdout, stderr } = await follow(
      blockOfGuide('pypi-badges check --config /etc/pypi-badges/tracked.yaml'),
    );
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('is valid: 1 package');
    expect(stdout).toMatch(/^ok {4}permission /m);
    expect(stdout).toContain('pypi-badges-collect.timer');
  });

  it('leads to a web server that serves them', async () => {
    const block = blockOfGuide('sudo apt-get install -y caddy').replaceAll('badges.example.com', site);
    const { exitCode, stderr } = await follow(block);
    const said = exitCode === 0 ? '' : await host.sh('journalctl --no-pager -n 20 -o cat -u caddy');
    expect(exitCode, stderr + said).toBe(0);
    // "localhost" gets its certificate from Caddy's own authority, a public name from Let's Encrypt.
    const authority = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt';
    await host.until("Caddy's authority", 20, async () => (await host.sh(`ls ${authority} || true`)) !== '');
    await host.sh(`cp ${authority} /srv/ca.crt`);
    await host.until('Caddy', 20, async () =>
      visit('').then(
        () => true,
        () => false,
      ),
    );
    const { status, body } = await visit(`mcp-clipboard/${BADGE}`);
    expect([status, JSON.parse(body).message]).toEqual([200, '30']);
    // To check the configuration leaves nothing behind that Caddy may not write.
    await host.sh('sudo -u caddy caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile 2>&1');
    expect(await host.sh('find /var/log/caddy -not -user caddy')).toBe('');
    await host.sh('systemctl restart caddy');
  });

  describe('from pypi-winnow-downloads', () => {
    beforeAll(async () => {
      const purge = await host.run(
        ['bash', '/root/clone/package/deploy/install.sh', '--uninstall', '--purge'],
        { reject: false },
      );
      expect(purge.exitCode, purge.stderr).toBe(0);
      await trustGoogle();
      for (const [name, text] of Object.entries(OLD_UNITS)) {
        await host.write(`/etc/systemd/system/${name}`, text);
      }
      // Its own instructions.
      await host.sh(`
        useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/pypi-winnow-downloads winnow
        install -d -o winnow -g winnow -m 0755 ${OLD_OUTPUT}
        install -d -o root -g winnow -m 0750 /etc/pypi-winnow-downloads`);
      await host.write('/etc/pypi-winnow-downloads/config.yaml', OLD_LIST, '0640');
      await host.write('/etc/pypi-winnow-downloads/gcp.json', key, '0640');
      const health = {
        started: new Date(Date.now() - 3_660_000).toISOString().replace('Z', '000+00:00'),
        finished: new Date(Date.now() - 3_600_000).toISOString().replace('Z', '000+00:00'),
        packages: { MCP_Clipboard: { count: 7, window_days: 30 } },
      };
      await host.write(`${OLD_OUTPUT}/_health.json`, JSON.stringify(health));
      for (const days of [7, 30]) {
        await host.write(
          `${OLD_OUTPUT}/MCP_Clipboard/downloads-${days}d-non-ci.json`,
          badgeText([`pip*/uv/poetry/pdm (${days}d)`, '7', 'lightgrey']),
        );
      }
      await host.sh(`
        chown -R root:winnow /etc/pypi-winnow-downloads; chown -R winnow:winnow /var/lib/pypi-winnow-downloads
        systemctl daemon-reload; systemctl enable --now pypi-winnow-downloads-collector.timer`);
    });

    it('moves: badges are there before the first run, and status knows when they were counted', async () => {
      const block = blockOfGuide('sudo systemctl disable --now pypi-winnow-downloads-collector.timer');
      const [start, ...before] = block.trim().split('\n').toReversed();
      expect(start).toBe('sudo systemctl start pypi-badges-collect');
      const { exitCode, stderr } = await follow(before.toReversed().join('\n'));
      expect(exitCode, stderr).toBe(0);
      expect(await host.sh('systemctl list-timers --all --no-legend | grep -c winnow || true')).toBe('0');
      expect(await host.sh('systemctl is-enabled pypi-winnow-downloads-collector.timer || true')).toBe(
        'disabled',
      );

      const { status, body } = await visit(`MCP_Clipboard/${BADGE}`);
      expect([status, JSON.parse(body).message]).toEqual([200, '7']);
      const told = await host.run(['pypi-badges', 'status', '--config', '/etc/pypi-badges/tracked.yaml'], {
        reject: false,
      });
      expect(told.stdout).toMatch(/^mcp-clipboard +30d +7 .* 1 hour ago +ok$/m);
      expect(told.stdout).not.toMatch(/never|new/);
    });

    it('renews both spellings from then on', async () => {
      const { exitCode, stderr } = await follow('sudo systemctl start pypi-badges-collect');
      expect(exitCode, stderr).toBe(0);
      for (const folder of ['mcp-clipboard', 'MCP_Clipboard']) {
        for (const [file, expected] of [
          [BADGE, '30'],
          ['downloads-7d-non-ci.json', '7'],
        ]) {
          const { status, body } = await visit(`${folder}/${file}`);
          expect([folder, file, status, JSON.parse(body).message]).toEqual([folder, file, 200, expected]);
        }
      }
      expect((await visit('_health.json')).status).toBe(404);
      expect((await visit('MCP_Clipboard/../_health.json')).status).toBe(404);
    });
  });
});
