import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootHost, type Host, SERVICE } from './host.ts';
import { trackedYaml } from './table.ts';

/*
 * Hosts that refuse a service what its sandbox is made of: LXC containers without nesting. init-without-mounts.pl stands for
 * what AppArmor refuses there.
 */

const KEY = JSON.stringify({ type: 'service_account', project_id: 'lxc-test', private_key: 'none' });

/** The drop-in of every service in LXC's own images. */
const IMAGE = `--bind-ro=${path.join(import.meta.dirname, 'lxc-image')}:/etc/systemd/system/service.d`;

/** The most exposure that `systemd-analyze security` may find where nothing can be mounted. */
const EXPOSURE_LIMIT = 3;

describe.each([
  ['bookworm', "Proxmox's Debian 12", []],
  ['trixie', "LXC's image of Debian 13", [IMAGE]],
] as const)('%s: %s without nesting', (suite, _what, image) => {
  let host: Host;

  beforeAll(async () => {
    host = await bootHost(suite, {
      name: `${suite}-lxc`,
      binds: [...image],
      init: '/mnt/tests/init-without-mounts.pl',
    });
    if (suite === 'bookworm') await host.sh('cp -a /mnt/node/. /usr/local/');
    await host.write('/root/key.json', KEY, '0600');
  });
  afterAll(() => host?.dispose());

  it('installs what works here, says what is lost, and does so once', async () => {
    const argv = ['--with-duckdb', '--config', '/srv/tracked.yaml', '--key', '/root/key.json'];
    const { exitCode, stdout, stderr } = await host.install(argv);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(
      /This host refuses mounts to services[\s\S]*nesting=1[\s\S]*takes LoadCredential= away/,
    );
    expect((await host.install()).stdout).toContain('Nothing to do');
    expect(await host.sh('ls /run/systemd/system | grep pypi || true')).toBe('');
    expect(await host.exposureOf(SERVICE)).toBeLessThanOrEqual(EXPOSURE_LIMIT);
  });

  it('collects', async () => {
    expect(await host.collect(), await host.lastRun()).toBe(0);
    await host.expectBadges();
  });

  it('is as tight as it can be, and hands over the key for the time of the run', async () => {
    expect(await host.probe()).toMatchObject({
      keyOfTheUnit: { ok: KEY.length },
      keyMode: { ok: '600' },
      keyAt: '/run/pypi-badges-collect/gcp.json',
      keyAtItsOwnPath: { error: 'EACCES' },
      failureEnvironment: { error: 'EACCES' },
      write: { '/etc/pypi-badges': { error: 'EACCES' } },
      capabilities: '0000000000000000',
      noNewPrivileges: '1',
      seccomp: '2',
      namespace: { ok: expect.not.toBeOneOf([0]) },
    });
    expect(await host.sh('ls /run | grep pypi || true')).toBe('');
  });

  it('has a doctor that has the key', async () => {
    const bigQuery = trackedYaml.replace('duckdb', 'bigquery').replace(/^duckdb:\n.*\n/m, '');
    await host.write('/etc/pypi-badges/tracked.yaml', bigQuery);
    const { stdout } = await host.doctor();
    await host.sh('cp /srv/tracked.yaml /etc/pypi-badges/tracked.yaml');
    // The key was read, and is refused for what it lacks.
    expect(stdout).toMatch(/^FAIL {2}credentials .*client_email/m);
  });

  it('tells of a failure by webhook and by mail', async () => {
    await host.listenForFailures('/hook');
    await host.sh('mv /srv/file_downloads.ndjson /srv/gone.ndjson');
    await host.collect();
    await host.until('both messages', 20, async () => {
      const text = await host.sh('cat /srv/hooks.ndjson /srv/sent/mail 2>/dev/null || true');
      return text.includes('2 of 2 packages failed') && text.includes('To: operator@example.com');
    });
  });
});
