import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acquireLock } from '../../src/state/lock.ts';
import { type BigQueryProject, bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerOptions } from '../support/bigquery-server.ts';
import { CLI, runCommand } from '../support/command.ts';

const PACKAGES = ['alpha', 'endless', 'gamma'];
const COLLECT = ['collect', '--as-of', '2026-04-25'];
const ENDLESS: ServerOptions = { trouble: [{ on: 'insert', package: 'endless', fault: { looks: 1e9 } }] };

/** A run that can be sent signals. */
function start({ folder, env }: BigQueryProject, argv = COLLECT) {
  const child = spawn(process.execPath, [CLI, ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  return { child, ended, stderr: () => stderr };
}

/** Waits until the job of the endless package runs. */
async function untilRunning({ server }: BigQueryProject): Promise<void> {
  while (!server.callsOf('results').some((call) => call.package === 'endless')) await sleep(20);
}

const locks = ({ folder }: BigQueryProject) =>
  readdirSync(join(folder, 'state')).filter((name) => name.includes('.lock'));

describe('a run that is told to end', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('by %s cancels its job, keeps what was finished and exits %i', async (signal, code) => {
    const project = await bigQueryProject(PACKAGES, ENDLESS);
    const before = {
      gamma: {
        error: 'an older story',
        window_days: 7,
        counted_to: '2026-04-18',
        last_success: '2026-04-20T00:00:00.000Z',
      },
    };
    project.put('output/_health.json', JSON.stringify({ packages: before }));
    const run = start(project);
    await untilRunning(project);
    run.child.kill(signal);
    expect(await run.ended).toEqual({ code, signal: null });
    const jobs = [...project.server.jobs.values()].filter((job) => job.package === 'endless');
    expect(jobs.map(({ cancelled }) => cancelled)).toEqual([true]);
    const { packages } = project.health();
    expect(packages['alpha']).toMatchObject({ count: 7 });
    expect(packages['endless']).toBeUndefined();
    expect(packages['gamma']).toEqual(before.gamma);
    expect(JSON.parse(project.read('output/alpha/downloads-7d-non-ci.json')).message).toBe('7');
    expect(locks(project)).toEqual([]);
    expect(run.stderr()).toContain(`interrupted by ${signal}: 1 package was finished`);
    expect(run.stderr()).not.toMatch(/Warning|^\s+at /m);
    const again = await runCommand(project.folder, [...COLLECT, '-p', 'alpha', '-p', 'gamma'], {
      env: project.env,
    });
    expect(again.exitCode).toBe(0);
  });

  it('exits at once when told a second time', async () => {
    const trouble = [...(ENDLESS.trouble ?? []), { on: 'cancel', fault: 'silence' } as const];
    const project = await bigQueryProject(PACKAGES, { trouble });
    const run = start(project);
    await untilRunning(project);
    run.child.kill('SIGTERM');
    await sleep(200);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 143, signal: null });
    // It did not wait until it could say what was finished.
    expect(run.stderr()).not.toContain('interrupted by');
  });

  it('ends even if the server no longer talks', async () => {
    const trouble = [
      { on: 'results', package: 'endless', fault: 'silence' } as const,
      { on: 'cancel', fault: 'silence' } as const,
    ];
    const project = await bigQueryProject(PACKAGES, { trouble });
    const run = start(project);
    await untilRunning(project);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 143, signal: null });
    expect(project.health().packages['alpha']).toMatchObject({ count: 7 });
    const spend = JSON.parse(project.read('state/spend.json'));
    const [spent] = Object.values(spend.months as Record<string, { bytes_billed: number }>);
    expect(spent?.bytes_billed).toBeGreaterThanOrEqual(project.server.bytesBilled);
  });

  it('while it is still asking for revisions leaves everything as it was', async () => {
    const trouble = [{ on: 'insert', revisions: true, fault: 'silence' } as const];
    const project = await bigQueryProject(PACKAGES, { trouble });
    const run = start(project);
    while (project.server.calls.length === 0) await sleep(20);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 143, signal: null });
    expect(project.health().packages).toEqual({});
  });

  it('that does something else just ends', async () => {
    const trouble = [{ on: 'dryRun', fault: 'silence' } as const];
    const project = await bigQueryProject(PACKAGES, { trouble });
    const run = start(project, [...COLLECT, '--dry-run']);
    while (project.server.calls.length === 0) await sleep(20);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 143, signal: null });
  });
});

describe('a second run', () => {
  it('exits 3 at once and changes nothing', async () => {
    const project = await bigQueryProject(PACKAGES, ENDLESS);
    const run = start(project);
    await untilRunning(project);
    // The badges of the package before it may still be on their way to the disk.
    await sleep(500);
    const { length } = project.server.calls.filter((call) => call.kind === 'insert');
    const before = project.files();
    const { exitCode, stdout, stderr } = await runCommand(project.folder, COLLECT, { env: project.env });
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toContain(`another run (process ${run.child.pid}, since `);
    expect(project.files()).toEqual(before);
    expect(project.server.calls.filter((call) => call.kind === 'insert')).toHaveLength(length);
    run.child.kill('SIGKILL');
    await run.ended;
    // The lock of a run that was killed is no lock any more.
    expect(locks(project)).toHaveLength(1);
    const next = await runCommand(project.folder, [...COLLECT, '-p', 'alpha'], { env: project.env });
    expect(next.exitCode).toBe(0);
    expect(locks(project)).toEqual([]);
  });

  it('may still ask what a run would read', async () => {
    const project = await bigQueryProject(PACKAGES);
    project.put('state/keep', '');
    const lock = await acquireLock(join(project.folder, 'state'), () => new Date());
    const { exitCode } = await runCommand(project.folder, [...COLLECT, '--dry-run'], { env: project.env });
    expect(exitCode).toBe(0);
    await lock.release();
  });
});

describe('packages that are read side by side', () => {
  it('come out in the same order, with the same files and the same bill', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `package-${index}`);
    const collect = async (concurrency: number) => {
      const project = await bigQueryProject(
        names,
        {
          latencyMs: 5,
          trouble: [{ on: 'insert', package: 'package-7', fault: { status: 400, reason: 'odd' } }],
        },
        { service: `  concurrency: ${concurrency}\n` },
      );
      // The page would tell the time of each success.
      const argv = [...COLLECT, '--no-page'];
      const { exitCode, stdout } = await runCommand(project.folder, argv, { env: project.env });
      const { 'tracked.yaml': _, 'output/_health.json': __, ...written } = project.files();
      // Ledgers are kept by server, and each of the two has a port of its own.
      const files = Object.fromEntries(
        Object.entries(written).map(([path, text]) => [
          path.replace(/^state\/ledger\/[^/]+/, 'state/ledger/server'),
          // The account has the packages in the order in which they were done.
          path.startsWith('state/spend')
            ? JSON.parse(text)
            : text.replaceAll(/"source":"bigquery-[0-9a-f]+"/g, '"source":"server"'),
        ]),
      );
      const order = Object.keys(project.health().packages);
      const failed = Object.entries(project.health().packages).filter(([, entry]) => 'error' in entry);
      const { bytesBilled, mostAtOnce } = project.server;
      const table = stdout.replaceAll(/\[job .*\]/g, '');
      return { exitCode, table, files, order, failed: failed.map(([name]) => name), bytesBilled, mostAtOnce };
    };
    const { mostAtOnce: one, ...alone } = await collect(1);
    const { mostAtOnce: eight, ...together } = await collect(8);
    expect(together).toEqual(alone);
    expect(alone.order).toEqual(names);
    expect(alone.failed).toEqual(['package-7']);
    expect(one).toBe(1);
    expect(eight).toBeGreaterThan(1);
    expect(eight).toBeLessThanOrEqual(8);
  });

  it('do not pass the budget together', async () => {
    const names = Array.from({ length: 16 }, (_, index) => `package-${index}`);
    // Seven days of 150 MB are about 1 GiB: six fit into 6.5.
    const project = await bigQueryProject(
      names,
      {},
      { service: '  concurrency: 16\n', bigquery: '  monthly_budget_gib: 6.5\n' },
    );
    const { exitCode } = await runCommand(project.folder, COLLECT, { env: project.env });
    expect(exitCode).toBe(1);
    expect(project.server.bytesBilled).toBeLessThanOrEqual(6.5 * 1024 ** 3);
    const errors = Object.values(project.health().packages).flatMap(({ error }) => error ?? []);
    expect(errors.length).toBeGreaterThanOrEqual(10);
    for (const error of errors) expect(error).toMatch(/^the month's budget would be passed/);
  });
});
