import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Interruption } from '../../src/commands/context.ts';
import { main } from '../../src/program.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { sum } from '../../src/util.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { Trouble } from '../support/bigquery-server.ts';
import { capture } from '../support/context.ts';
import { daily } from '../support/project.ts';

const NAMES = ['alpha', 'endless', 'gamma'];
const ENDLESS: Trouble = { on: 'insert', package: 'endless', fault: { looks: 1e9 } };

/** Collects, and interrupts the run once something is met. */
async function interrupted(
  project: Awaited<ReturnType<typeof bigQueryProject>>,
  met: (asked: readonly (string | undefined)[], stderr: string) => boolean,
) {
  const stop = new AbortController();
  const captured = capture(project.folder, { env: project.env, terminal: true });
  const running = main(['collect'], '1.2.3', { ...captured.context, interruptible: () => stop.signal });
  const asked = () => project.server.callsOf('results').map((call) => call.package);
  while (!met(asked(), captured.stderr())) await sleep(5);
  stop.abort(new Interruption('SIGTERM', 143));
  expect(await running).toBe(143);
  return { stdout: captured.stdout(), stderr: captured.stderr().replaceAll(/\s+/g, ' ') };
}

describe('a run that is interrupted', () => {
  it.each<[string, Trouble[], awaited: string[], finished: string[]]>([
    ['in its second package', [ENDLESS], ['endless'], ['alpha']],
    ['in all of them', [{ on: 'insert', revisions: false, fault: { looks: 1e9 } }], NAMES, []],
    ['before the first', [{ on: 'insert', revisions: true, fault: { looks: 1e9 } }], [], []],
    [
      'by whom the server does not talk to any more',
      [
        { on: 'results', package: 'endless', fault: 'silence' },
        { on: 'cancel', fault: 'silence' },
      ],
      ['endless'],
      ['alpha'],
    ],
  ])('%s keeps what was finished, and cancels the rest', async (_, trouble, awaited, finished) => {
    const service = `concurrency: ${Math.max(1, awaited.length)}`;
    const project = await bigQueryProject(NAMES, { trouble }, { service });
    const old = { error: 'an older story', window_days: 7, counted_to: '2026-04-18' };
    project.put('output/_health.json', JSON.stringify({ packages: { gamma: old } }));
    const met = (asked: readonly unknown[]) =>
      asked.length > 0 && awaited.every((name) => asked.includes(name));
    const { stdout, stderr } = await interrupted(project, met);
    expect(Object.keys(project.health().packages).toSorted()).toEqual([...finished, 'gamma']);
    expect(project.entry('gamma')).toEqual(old);
    expect(stdout).toMatch(finished.length === 1 ? /^alpha +7d +7 .*ok/m : /^$/);
    const told = finished.length === 1 ? '1 package was' : '0 packages were';
    expect(stderr).toContain(`interrupted by SIGTERM: ${told} finished`);
    const jobs = [...project.server.jobs.values()].filter(({ looks }) => looks > 1e6);
    expect(jobs.map(({ cancelled }) => cancelled)).toEqual(jobs.map(() => true));
    expect(jobs).toHaveLength('looks' in Object(trouble[0]?.fault) ? Math.max(1, awaited.length) : 0);
    const { months } = JSON.parse(project.read('state/spend.json'));
    const { bytes_billed = 0 } = Object.values<{ bytes_billed?: number }>(months)[0] ?? {};
    expect(bytes_billed).toBeGreaterThanOrEqual(project.server.bytesBilled);
    expect(readdirSync(join(project.folder, 'state')).join()).not.toContain('.lock');
  });

  it('tells of days that are read for all, and that they are kept', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `package-${index}`);
    const insert = { on: 'insert', revisions: false } as const;
    const trouble: Trouble[] = [
      { ...insert, times: 1, fault: { looks: 0 } },
      { ...insert, fault: { looks: 1e9 } },
    ];
    const span = { start: '2025-11-26', end: '2026-04-25' };
    const project = await bigQueryProject(
      names.map((name) => `{name: ${name}, window_days: 150}`),
      { rows: daily('package-7', span, 1), trouble, pageRows: 100_000, bytesPerSharedDay: 1e9 },
    );
    // 10,000 days of packages are the most of a question: 125 days.
    const met = (_: unknown, stderr: string) => stderr.includes('125 of 150 days read for all');
    const { stdout, stderr } = await interrupted(project, met);
    expect(stdout).toBe('');
    expect(stderr).toContain(
      '0 packages were finished; the others keep what they had; 125 days that all wait for were read and are kept',
    );
  });
});

describe('the lock', () => {
  it('that another run holds is exit code 3, and nothing is asked but by a dry run', async () => {
    const { run, put, folder, server, files } = await bigQueryProject(NAMES);
    put('state/keep', '');
    const lock = await acquireLock(join(folder, 'state'), () => new Date());
    const before = readdirSync(folder, { recursive: true });
    const stderr = expect.stringMatching(`"level":"error".*another run .process ${process.pid}, since `);
    expect(await run('collect')).toEqual({ exitCode: 3, stdout: '', stderr });
    expect(server.calls).toEqual([]);
    expect((await run('collect', '--dry-run')).exitCode).toBe(0);
    expect(readdirSync(folder, { recursive: true })).toEqual(before);
    await lock.release();
    expect(Object.keys(files()).toSorted()).toEqual(['key.json', 'state/keep', 'tracked.yaml']);
  });

  it('that cannot be had is said why', async () => {
    const { run, put, entry, server } = await bigQueryProject(NAMES);
    put('state', 'a file in the way');
    expect((await run('collect')).exitCode).toBe(1);
    expect(entry('gamma').error).toMatch(/^not attempted: .*state: a file stands/);
    expect(server.calls).toEqual([]);
  });

  it.each([
    ['removed', false],
    ['replaced', true],
  ])(
    'whose file is %s lets another run begin, and the first one pays for nothing more',
    async (_, replaced) => {
      const { run, folder, server, health, read, asked, entry } = await bigQueryProject(
        ['alpha', 'beta', 'gamma', 'delta'],
        { trouble: [{ on: 'insert', package: 'beta', times: 1, fault: { looks: 1e9 } }] },
      );
      const first = run('collect', '--no-page');
      while (!server.callsOf('results').some((call) => call.package === 'beta')) await sleep(5);
      const [name = ''] = readdirSync(join(folder, 'state')).filter((each) => each.endsWith('.lock'));
      const lock = join(folder, 'state', name);
      rmSync(lock);
      if (replaced) writeFileSync(lock, '');

      expect((await run('collect', '--no-page')).exitCode).toBe(0);
      // What was under way when the lock went is asked for twice, and nothing else.
      const all = ['alpha', 'beta', 'beta', 'gamma', 'delta'];
      expect(asked()).toEqual(all);
      for (const job of server.jobs.values()) job.looks = Math.min(job.looks, 1);
      const says = /the lock of this run, .* was removed or replaced, and another run may be under way/;
      expect(await first).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(says) });
      expect(health().packages).toMatchObject({
        alpha: { count: 7 },
        beta: { count: 7 },
        gamma: { error_code: 'lock-lost' },
        delta: { error_code: 'lock-lost', error: expect.stringMatching(/^not attempted: /) },
      });
      expect(asked()).toEqual(all);

      // No bill is erased.
      const spend = JSON.parse(read('state/spend.json'));
      const months = Object.values<{ bytes_billed: number; queries: number }>(spend.months);
      const pending = Object.values<{ bytes: number }>(spend.pending);
      const bytes = sum(months, (month) => month.bytes_billed) + sum(pending, (query) => query.bytes);
      expect(bytes).toBeGreaterThanOrEqual(server.bytesBilled);
      expect(sum(months, ({ queries }) => queries) + pending.length).toBe(server.jobs.size);
      expect((await run('collect', '--no-page')).exitCode).toBe(0);
      expect(asked()).toEqual(all);
      expect(entry('delta')).toMatchObject({ count: 7 });
    },
  );
});

it('packages that are read side by side come out in the same order, with the same files and the same bill', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `package-${index}`);
  const fault = { status: 400, reason: 'odd' };
  const options = { latencyMs: 5, trouble: [{ on: 'insert', package: 'package-7', fault } as const] };
  const collect = async (concurrency: number) => {
    const more = { service: `concurrency: ${concurrency}` };
    const { run, files, health, server } = await bigQueryProject(names, options, more);
    // The page would tell the time of each success.
    const { exitCode, stdout } = await run('collect', '--no-page');
    const { 'tracked.yaml': _, 'output/_health.json': __, ...written } = files();
    // Ledgers are kept by server, and each of the two has a port of its own.
    const kept = Object.entries(written).map(([path, text]) => [
      path.replace(/^state\/ledger\/[^/]+/, 'state/ledger/server'),
      // The account has the packages in the order in which they were done.
      path.startsWith('state/spend')
        ? JSON.parse(text)
        : text.replaceAll(/"source":"bigquery-[0-9a-f]+"/g, '"source":"server"'),
    ]);
    expect(Object.keys(health().packages)).toEqual(names);
    const table = stdout.replaceAll(/\[job .*\]/g, '');
    const found = { exitCode, table, files: Object.fromEntries(kept), billed: server.bytesBilled };
    return { mostAtOnce: server.mostAtOnce, found };
  };
  const [alone, together] = [await collect(1), await collect(8)];
  expect(together.found).toEqual(alone.found);
  expect([alone.mostAtOnce, alone.found.exitCode]).toEqual([1, 1]);
  expect(together.mostAtOnce).toBeGreaterThan(1);
  expect(together.mostAtOnce).toBeLessThanOrEqual(8);
});
