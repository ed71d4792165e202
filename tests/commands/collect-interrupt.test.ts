import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Interruption } from '../../src/commands/context.ts';
import { addDays } from '../../src/days/day.ts';
import { main } from '../../src/program.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { Trouble } from '../support/bigquery-server.ts';
import { capture, runMain } from '../support/context.ts';

const COLLECT = ['collect', '--as-of', '2026-04-25'];
const NAMES = ['alpha', 'endless', 'gamma'];

/** Collects, and interrupts the run once `met` is true. */
async function interrupted(trouble: Trouble[], service: string, met: (calls: string[]) => boolean) {
  const project = await bigQueryProject(NAMES, { trouble }, { service });
  const stop = new AbortController();
  const captured = capture(project.folder, { env: project.env });
  const running = main(COLLECT, '1.2.3', { ...captured.context, interruptible: () => stop.signal });
  while (!met(project.server.callsOf('results').map((call) => call.package ?? ''))) await sleep(5);
  stop.abort(new Interruption('SIGTERM', 143));
  return { exitCode: await running, project, stderr: captured.stderr(), stdout: captured.stdout() };
}

it('keeps what was finished, and exits as the signal asks', async () => {
  const trouble: Trouble[] = [{ on: 'insert', package: 'endless', fault: { looks: 1e9 } }];
  const met = (calls: string[]) => calls.includes('endless');
  const { exitCode, project, stderr, stdout } = await interrupted(trouble, '', met);
  expect(exitCode).toBe(143);
  expect(Object.keys(project.health().packages)).toEqual(['alpha']);
  expect(stdout).toMatch(/^alpha +7d +7 .*ok$/m);
  expect(stderr).toContain('interrupted by SIGTERM: 1 package was finished; the others keep what they had');
});

it('cancels all that is under way', async () => {
  const trouble: Trouble[] = [{ on: 'insert', revisions: false, fault: { looks: 1e9 } }];
  const met = (calls: string[]) => NAMES.every((name) => calls.includes(name));
  const { exitCode, project, stderr } = await interrupted(trouble, '  concurrency: 3\n', met);
  expect(exitCode).toBe(143);
  const jobs = [...project.server.jobs.values()].filter((job) => job.package !== undefined);
  expect(jobs.map(({ cancelled }) => cancelled)).toEqual([true, true, true]);
  expect(stderr).toContain('0 packages were finished');
});

it('finishes nothing if it was interrupted before the first package', async () => {
  const trouble: Trouble[] = [{ on: 'insert', revisions: true, fault: { looks: 1e9 } }];
  const { exitCode, project } = await interrupted(trouble, '', (calls) => calls.length > 0);
  expect(exitCode).toBe(143);
  expect(project.health().packages).toEqual({});
});

it('exits 3 while another run holds the lock, and prints nothing', async () => {
  const project = await bigQueryProject(NAMES);
  project.put('state/keep', '');
  const lock = await acquireLock(join(project.folder, 'state'), () => new Date());
  const { exitCode, stdout, stderr } = await runMain(project.folder, COLLECT, { env: project.env });
  expect([exitCode, stdout]).toEqual([3, '']);
  expect(JSON.parse(stderr)).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('holds the lock'),
  });
  expect(project.server.calls).toEqual([]);
  await lock.release();
});

it('records why there can be no lock', async () => {
  const project = await bigQueryProject(NAMES);
  project.put('state', 'a file in the way');
  const { exitCode } = await runMain(project.folder, COLLECT, { env: project.env });
  expect(exitCode).toBe(1);
  expect(project.health().packages['gamma']?.['error']).toMatch(/^not attempted: .*state: a file stands/);
  expect(project.server.calls).toEqual([]);
});

it('tells of days that are read for all, and that they are kept', async () => {
  const names = Array.from({ length: 80 }, (_, index) => `package-${index}`);
  const insert = { on: 'insert', revisions: false } as const;
  const trouble: Trouble[] = [
    { ...insert, times: 1, fault: { looks: 0 } },
    { ...insert, fault: { looks: 1e9 } },
  ];
  const rows = names.flatMap((project) =>
    Array.from({ length: 150 }, (_, index) => ({
      project,
      day: addDays('2025-11-26', index),
      installer: 'pip',
      downloads: 1,
    })),
  );
  const options = { rows, trouble, pageRows: 100_000, bytesPerSharedDay: 1_000_000_000 };
  const project = await bigQueryProject(names, options);
  // 10,000 days of packages are the most of a question: 125 days.
  const config = project.read('tracked.yaml').replaceAll('window_days: 7', 'window_days: 150');
  project.put('tracked.yaml', config);
  const stop = new AbortController();
  const captured = capture(project.folder, { env: project.env, terminal: true });
  const running = main(COLLECT, '1.2.3', { ...captured.context, interruptible: () => stop.signal });
  while (!captured.stderr().includes('125 of 150 days read for all')) await sleep(5);
  stop.abort(new Interruption('SIGTERM', 143));
  expect(await running).toBe(143);
  expect(captured.stdout()).toBe('');
  expect(captured.stderr().replaceAll(/\s+/g, ' ')).toContain(
    '0 packages were finished; the others keep what they had; 125 days that all wait for were read and are kept',
  );
});
