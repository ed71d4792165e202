import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Host } from './host.ts';
import { badges, badgeText, table, trackedYaml } from './table.ts';

/*
 * Hosts that refuse a service what its sandbox is made of: LXC containers without nesting. init-without-mounts.pl stands for
 * what AppArmor refuses there.
 */

const SERVICE = 'pypi-badges-collect.service';
const OUTPUT = '/var/lib/pypi-badges/output';
const KEY = JSON.stringify({ type: 'service_account', project_id: 'lxc-test', private_key: 'none' });

/** The drop-in of every service in LXC's own images. */
const IMAGE = path.join(import.meta.dirname, 'lxc-image');

/** The most exposure that `systemd-analyze security` may find where nothing can be mounted. */
const EXPOSURE_LIMIT = 3;

/** Run in place of the collector: what the sandbox is there. */
const PROBE = `
  const { readFileSync, writeFileSync, statSync } = require('node:fs');
  const status = readFileSync('/proc/self/status', 'utf8');
  const tried = (action) => { try { return action(); } catch (error) { return error.code; } };
  const key = process.env.GOOGLE_APPLICATION_CREDENTIALS;
  console.error(JSON.stringify({
    key: tried(() => readFileSync(key, 'utf8')), mode: tried(() => (statSync(key).mode & 0o777).toString(8)), at: key,
    keyAtItsOwnPath: tried(() => readFileSync('/etc/pypi-badges/gcp.json', 'utf8')),
    failureEnvironment: tried(() => readFileSync('/etc/pypi-badges/failure.env', 'utf8')),
    write: tried(() => writeFileSync('/etc/pypi-badges/probe', '')),
    privileges: /CapEff:\\s*(\\w+)[\\s\\S]*NoNewPrivs:\\s*(\\d)\\s*Seccomp:\\s*(\\d)/.exec(status).slice(1),
    namespace: require('node:child_process').spawnSync('unshare', ['--user', 'true']).status !== 0,
  }));`;

// systemd's own exit codes: NAMESPACE, CREDENTIALS.
describe.each([
  ['bookworm', "Proxmox's Debian 12", [226, 243], []],
  ['trixie', "LXC's image of Debian 13", [226, 0], [`--bind-ro=${IMAGE}:/etc/systemd/system/service.d`]],
] as const)('%s: %s without nesting', (suite, _what, refused, image) => {
  const deploy = inject('deploy');
  let host: Host;
  const install = (...options: string[]) =>
    host.run(['bash', '/mnt/package/package/deploy/install.sh', ...options], {
      env: { npm_config_cache: '/var/cache/npm', npm_config_offline: 'true' },
      reject: false,
    });
  const log = async () =>
    await host.sh(`journalctl --sync; journalctl --no-pager -o cat -u ${SERVICE} -t node`);

  beforeAll(async () => {
    host = await Host.boot(
      `${suite}-lxc`,
      deploy.rootfs[suite],
      [
        `--bind-ro=${deploy.packages}:/mnt/package`,
        `--bind-ro=${deploy.nodeTarball}:/mnt/node`,
        `--bind-ro=${import.meta.dirname}:/mnt/tests`,
        `--overlay=${deploy.npmCache}::/var/cache/npm`,
        ...image,
      ],
      '/mnt/tests/init-without-mounts.pl',
    );
    if (suite === 'bookworm') await host.sh('cp -a /mnt/node/. /usr/local/');
    await host.write('/srv/file_downloads.ndjson', table(new Date()));
    await host.write('/srv/tracked.yaml', trackedYaml);
    await host.write('/srv/probe.cjs', PROBE);
    await host.write('/srv/sink.mjs', await readFile(path.join(import.meta.dirname, 'sink.mjs'), 'utf8'));
    await host.write('/root/key.json', KEY, '0600');
  });
  afterAll(() => host?.dispose());

  it('refuses what the sandbox is made of', async () => {
    const exitCodes = [];
    for (const property of ['ProtectSystem=strict', 'LoadCredential=x:/etc/passwd']) {
      const words = ['systemd-run', '--collect', '--wait', '--quiet', `--property=${property}`, 'true'];
      exitCodes.push((await host.run(words, { reject: false })).exitCode);
    }
    expect(exitCodes).toEqual(refused);
  });

  it('installs what works here, says what is lost, and does so once', async () => {
    const { exitCode, stdout, stderr } = await install(
      ...['--with-duckdb', '--config', '/srv/tracked.yaml', '--key', '/root/key.json'],
    );
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('This host refuses mounts to services');
    expect(stdout).toContain('nesting=1');
    expect(stdout).toContain('LoadCredential=');
    expect((await install()).stdout).toContain('Nothing to do');
    expect(await host.sh('ls /run/systemd/system | grep pypi || true')).toBe('');
    const security = await host.sh(`systemd-analyze security --no-pager ${SERVICE}`);
    const exposure = /Overall exposure level for \S+: (\d+\.\d+) /.exec(security)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_LIMIT);
  });

  it('collects', async () => {
    const { exitCode } = await host.run(['systemctl', 'start', SERVICE], { reject: false });
    expect(exitCode, await log()).toBe(0);
    for (const [file, badge] of Object.entries(badges)) {
      expect(await host.read(`${OUTPUT}/${file}`), file).toBe(badgeText(badge));
    }
  });

  it('is as tight as it can be, and hands over the key for the time of the run', async () => {
    await host.write(
      `/etc/systemd/system/${SERVICE}.d/probe.conf`,
      '[Service]\nExecStart=\nExecStart=node /srv/probe.cjs\n',
    );
    await host.sh(
      `systemctl daemon-reload; systemctl start ${SERVICE}; rm -r /etc/systemd/system/${SERVICE}.d; systemctl daemon-reload`,
    );
    expect(JSON.parse((await log()).split('\n').at(-1) ?? '')).toEqual({
      key: KEY,
      mode: '600',
      at: '/run/pypi-badges-collect/gcp.json',
      keyAtItsOwnPath: 'EACCES',
      failureEnvironment: 'EACCES',
      write: 'EACCES',
      privileges: ['0000000000000000', '1', '2'],
      namespace: true,
    });
    expect(await host.sh('ls /run | grep pypi || true')).toBe('');
  });

  it('has a doctor that has the key', async () => {
    await host.write(
      '/srv/bigquery.yaml',
      trackedYaml.replace('duckdb', 'bigquery').replace(/^duckdb:\n.*\n/m, ''),
    );
    await host.sh('cp /srv/bigquery.yaml /etc/pypi-badges/tracked.yaml');
    const { stdout } = await host.run(['pypi-badges-doctor'], { reject: false });
    await host.sh('cp /srv/tracked.yaml /etc/pypi-badges/tracked.yaml');
    // The key was read, and is refused for what it lacks.
    expect(stdout).toMatch(/^FAIL {2}credentials .*client_email/m);
  });

  it('tells of a failure by webhook and by mail', async () => {
    await host.sh('systemd-run --quiet --unit=sink node /srv/sink.mjs 9009 /srv/hooks.ndjson');
    await host.write('/usr/sbin/sendmail', '#!/bin/sh\ncat >>/var/spool/sent/mail\n', '0755');
    await host.sh('mkdir -m 1777 /var/spool/sent; mv /srv/file_downloads.ndjson /srv/gone.ndjson');
    await host.write(
      '/etc/pypi-badges/failure.env',
      'WEBHOOK_URL=http://127.0.0.1:9009/hook\nMAIL_TO=operator@example.com\n',
    );
    await host.run(['systemctl', 'start', SERVICE], { reject: false });
    const told = async () => await host.sh('cat /srv/hooks.ndjson /var/spool/sent/mail 2>/dev/null || true');
    await host.until('both messages', 20, async () => {
      const text = await told();
      return text.includes('2 of 2 packages failed') && text.includes('To: operator@example.com');
    });
  });
});
