import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blockOfGuide } from './guide.ts';
import { accountKey, bootHost, type Host, OUTPUT, SERVICE } from './host.ts';
import { badgeText, oldList } from './table.ts';

const OLD_OUTPUT = '/var/lib/pypi-winnow-downloads/output';
const BADGE = 'downloads-30d-non-ci.json';

/** What pypi-winnow-downloads 0.3.0 has as deploy/systemd/, as far as moving away from it is concerned. */
const OLD_UNITS = {
  'pypi-winnow-downloads-collector.service':
    '[Service]\nType=oneshot\nUser=winnow\nExecStart=/usr/bin/true\n',
  'pypi-winnow-downloads-collector.timer': '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n',
};

/** docs/deploy.md, followed as it stands by somebody who has a Debian 13, and by somebody who has the predecessor. */
describe('docs/deploy.md on a host', () => {
  const deploy = inject('deploy');
  let host: Host;

  const key = accountKey();
  /** What a badge says, read as a web server does: without any rights. */
  const message = async (file: string) =>
    JSON.parse(await host.sh(`runuser -u nobody -- cat ${OUTPUT}/${file}`)).message;
  /** Follows the commands of a block in the clone; the editor is one that replaces the example's package. */
  async function leads(commands: string) {
    const options = { env: { EDITOR: '/srv/editor' }, reject: false };
    const { exitCode, stdout, stderr } = await host.run(
      ['bash', '-euxc', `cd /root/clone\n${commands}`],
      options,
    );
    expect(exitCode, stderr).toBe(0);
    return stdout;
  }

  /** Starts the stand-in for Google, which the host takes for it. */
  const startGoogle = 'systemd-run --quiet --collect --unit=google node /srv/google/google.mjs';
  /** Has the service trust its certificate. */
  const trustGoogle = () =>
    host.dropIn('ca', ['Environment=NODE_EXTRA_CA_CERTS=/srv/google/certificates/ca.pem']);

  beforeAll(async () => {
    host = await bootHost('trixie', { name: 'guide' });
    await host.write('/root/.npmrc', 'cache=/var/cache/npm\noffline=true\n');
    const editor = `sed -i 's/name: sampleproject/name: mcp-clipboard/' "$1"`;
    await host.write('/srv/editor', `#!/bin/sh\n${editor}\n`, '0755');
    await host.write('/root/clone/gcp.json', key, '0600');
    await host.sh(`cp /mnt/package/pypi-badges.tgz /root/clone/pypi-badges-${deploy.version}.tgz`);
    const names = 'oauth2.googleapis.com bigquery.googleapis.com';
    await host.sh(`cp -a /mnt/package/google /srv; ${startGoogle}; echo 127.0.0.1 ${names} >>/etc/hosts`);
    await trustGoogle();
  });
  afterAll(() => host?.dispose());

  it('leads to badges', async () => {
    // There is no network to build from; what that makes lies in the clone.
    const [first, ...rest] = blockOfGuide('npm ci && npm pack').split('\n');
    expect(first).toBe('npm ci && npm pack');
    await leads(rest.join('\n'));
    expect(await message(`mcp-clipboard/${BADGE}`)).toBe('30');
    expect(await host.property('pypi-badges-collect.timer', 'ActiveState')).toBe('active');
  });

  it('looks at it, with every command', async () => {
    const stdout = await leads(blockOfGuide('pypi-badges check --config /etc/pypi-badges/tracked.yaml'));
    expect(stdout).toContain('is valid: 1 package');
    expect(stdout).toMatch(/^ok {4}credentials .*collector@deploy-test\..*deploy-test/m);
    expect(stdout).toMatch(/^ok {4}permission /m);
    expect(stdout).toContain('pypi-badges-collect.timer');
  });

  it('has a doctor that sees what the service sees', async () => {
    // Without the drop-in, the service does not trust the certificate, and neither does the doctor.
    await host.removeDropIn('ca');
    const { exitCode, stdout } = await host.doctor();
    expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^FAIL .*NODE_EXTRA_CA_CERTS/m)]);
    await trustGoogle();
    expect(await host.sh('ls /run/systemd/system /run | grep doctor || true')).toBe('');
  });

  it('waits for a network that comes late', async () => {
    await host.sh('systemctl stop google');
    // A scaled-down --wait: pauses of 4, 4, 8 and 15 seconds, beside the retries of a request.
    const start = (await host.property(SERVICE, 'ExecStart')).replace(
      /.*argv\[\]=(.*) --wait 20 ;.*/,
      '$1 --wait 0.5',
    );
    const quick = 'bigquery: {query_timeout_seconds: 3}';
    await host.sh(`echo '${quick}' >>/etc/pypi-badges/tracked.yaml`);
    await host.withDropIn(['ExecStart=', `ExecStart=${start}`], async () => {
      const late = host.sh(`sleep 6; ${startGoogle}`);
      expect(await host.collect()).toBe(0);
      await late;
    });
    expect(await host.lastRun()).toMatch(/trying again in \d+ s/);
  });

  describe('from pypi-winnow-downloads', () => {
    beforeAll(async () => {
      const purge = await host.install(['--uninstall', '--purge'], '/root/clone/package');
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
      await host.write('/etc/pypi-winnow-downloads/config.yaml', oldList, '0640');
      await host.write('/etc/pypi-winnow-downloads/gcp.json', key, '0640');
      const ago = (minutes: number) =>
        new Date(Date.now() - minutes * 60_000).toISOString().replace('Z', '000+00:00');
      const packages = { MCP_Clipboard: { count: 7, window_days: 30 } };
      const health = { started: ago(61), finished: ago(60), packages };
      await host.write(`${OLD_OUTPUT}/_health.json`, JSON.stringify(health));
      for (const days of [7, 30]) {
        const badge = badgeText(`pip*/uv/poetry/pdm (${days}d)`, '7', 'lightgrey');
        await host.write(`${OLD_OUTPUT}/MCP_Clipboard/downloads-${days}d-non-ci.json`, badge);
      }
      await host.sh(`
        chown -R root:winnow /etc/pypi-winnow-downloads; chown -R winnow:winnow /var/lib/pypi-winnow-downloads
        systemctl daemon-reload; systemctl enable --now pypi-winnow-downloads-collector.timer`);
    });

    it('moves: badges are there before the first run, and status knows when they were counted', async () => {
      const block = blockOfGuide('sudo systemctl disable --now pypi-winnow-downloads-collector.timer');
      const [start, ...before] = block.trim().split('\n').toReversed();
      expect(start).toBe('sudo systemctl start pypi-badges-collect');
      await leads(before.toReversed().join('\n'));
      const timers = await host.sh('systemctl list-timers --all --no-legend');
      expect(timers).not.toContain('winnow');
      const enabled = 'systemctl is-enabled pypi-winnow-downloads-collector.timer || true';
      expect(await host.sh(enabled)).toBe('disabled');
      expect(await message(`MCP_Clipboard/${BADGE}`)).toBe('7');
      const told = await host.run(['pypi-badges', 'status', '--config', '/etc/pypi-badges/tracked.yaml'], {
        reject: false,
      });
      expect(told.stdout).toMatch(/^mcp-clipboard +30d +7 .* 1 hour ago +ok$/m);
      expect(told.stdout).not.toMatch(/never|new/);
    });

    it('renews both spellings from then on', async () => {
      await leads('sudo systemctl start pypi-badges-collect');
      for (const folder of ['mcp-clipboard', 'MCP_Clipboard']) {
        expect(await message(`${folder}/${BADGE}`)).toBe('30');
        expect(await message(`${folder}/downloads-7d-non-ci.json`)).toBe('7');
      }
    });
  });
});
