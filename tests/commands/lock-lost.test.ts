import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';

/* Two runs side by side, as the lock of the first was removed under it. */

const COLLECT = ['collect', '--as-of', '2026-04-25', '--no-page'];
const NAMES = ['alpha', 'beta', 'gamma', 'delta'];

interface SpendJson {
  months: Record<string, { bytes_billed: number; queries: number }>;
  pending: Record<string, { bytes: number }>;
}

describe.each<[string, (path: string) => void]>([
  ['removed', (path) => rmSync(path)],
  [
    'replaced',
    (path) => {
      rmSync(path);
      writeFileSync(path, '');
    },
  ],
])('a lock whose file is %s under a run', (_, lose) => {
  it('lets another run begin, and the first one pays for nothing more and erases no bill', async () => {
    const { folder, env, server, health, read } = await bigQueryProject(NAMES, {
      trouble: [{ on: 'insert', package: 'beta', times: 1, fault: { looks: 1e9 } }],
    });
    const first = runMain(folder, COLLECT, { env });
    while (!server.callsOf('results').some((call) => call.package === 'beta')) await sleep(5);
    const [lock = ''] = readdirSync(join(folder, 'state')).filter((name) => name.endsWith('.lock'));
    lose(join(folder, 'state', lock));

    expect((await runMain(folder, COLLECT, { env })).exitCode).toBe(0);
    const asked = [...server.jobs.values()].flatMap((job) => job.package ?? []);
    for (const job of server.jobs.values()) job.looks = Math.min(job.looks, 1);
    const { exitCode, stderr } = await first;

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /the lock of this run, .* was removed or replaced, and another run may be under way/,
    );
    expect(health().packages).toMatchObject({
      alpha: { count: 7 },
      beta: { count: 7 },
      gamma: { error_code: 'lock-lost' },
      delta: { error_code: 'lock-lost', error: expect.stringMatching(/^not attempted: /) },
    });
    // What was under way when the lock went is asked for twice, and nothing else.
    expect(asked).toEqual(['alpha', 'beta', 'beta', 'gamma', 'delta']);
    expect([...server.jobs.values()].flatMap((job) => job.package ?? [])).toEqual(asked);

    const spend: SpendJson = JSON.parse(read('state/spend.json'));
    const months = Object.values(spend.months);
    const pending = Object.values(spend.pending);
    const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
    expect(
      sum(months.map((month) => month.bytes_billed)) + sum(pending.map(({ bytes }) => bytes)),
    ).toBeGreaterThanOrEqual(server.bytesBilled);
    expect(sum(months.map(({ queries }) => queries)) + pending.length).toBe(server.jobs.size);

    expect((await runMain(folder, COLLECT, { env })).exitCode).toBe(0);
    expect([...server.jobs.values()].flatMap((job) => job.package ?? [])).toEqual(asked);
    expect(health().packages['delta']).toMatchObject({ count: 7 });
  });
});
