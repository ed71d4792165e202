import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { CLI } from '../support/command.ts';
import { tempFolder } from '../support/temp-folder.ts';

/* What ends a command from outside is no fault of it. */

describe('a command that waits for a source', () => {
  it.each([
    ['SIGINT', 130, ['show', 'alpha']],
    ['SIGTERM', 143, ['compare', 'alpha']],
    ['SIGINT', 130, ['doctor']],
    ['SIGTERM', 143, ['collect', '--dry-run']],
  ] as const)('ends by %s with %i, and has nothing to say: %j', async (signal, exitCode, argv) => {
    const server = await startClickHouse({ fault: () => 'silence' });
    onTestFinished(() => server.close());
    const folder = tempFolder();
    writeFileSync(
      join(folder, 'tracked.yaml'),
      'service: {source: clickhouse, output_dir: output}\npackages: [alpha]\n',
    );
    const running = execa(process.execPath, [CLI, ...argv], {
      cwd: folder,
      env: { HOME: folder, CLICKHOUSE_URL: server.url },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    });
    while (server.calls.length === 0 && running.exitCode === null) await sleep(20);
    running.kill(signal);
    const result = await running;
    expect([result.exitCode, result.stderr]).toEqual([exitCode, '']);
  });
});

describe('a stream that takes no more', () => {
  it.runIf(process.platform === 'linux')(
    'is named where that is stdout on a full disk, with exit code 1',
    async () => {
      const command = `"${process.execPath}" "${CLI}" --help > /dev/full`;
      const { exitCode, stderr } = await execa('bash', ['-c', command], { reject: false, stdin: 'ignore' });
      expect(exitCode).toBe(1);
      expect(stderr).toBe('pypi-badges: stdout cannot be written: ENOSPC: no space left on device, write');
    },
  );

  it.runIf(process.platform === 'linux')('ends no run where that is the log', async () => {
    const server = await startClickHouse({
      rows: [{ project: 'alpha', day: '2026-10-01', installer: 'pip', downloads: 5 }],
    });
    onTestFinished(() => server.close());
    const folder = tempFolder();
    const list = 'service: {source: clickhouse, output_dir: output}\npackages: [alpha, beta]\n';
    writeFileSync(join(folder, 'tracked.yaml'), list);
    const command = `"${process.execPath}" "${CLI}" collect --as-of 2026-10-02 2> /dev/full`;
    const { exitCode, stdout } = await execa('bash', ['-c', command], {
      cwd: folder,
      env: { CLICKHOUSE_URL: server.url },
      reject: false,
      stdin: 'ignore',
    });
    expect(stdout).toMatch(/^alpha +30d +5 /m);
    expect([exitCode, existsSync(join(folder, 'output/_health.json'))]).toEqual([0, true]);
  });

  it('is no fault where its reader has gone', async () => {
    const command = `"${process.execPath}" "${CLI}" --help | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await execa('bash', ['-c', command], { stdin: 'ignore' });
    expect([stdout, stderr]).toEqual(['0', '']);
  });
});
