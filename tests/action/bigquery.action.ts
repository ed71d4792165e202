import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BigQueryServer } from '../support/bigquery-server.ts';
import { lastDays } from '../support/independent.ts';
import { ledgersIn, makeOrigin, type Origin, startMain } from './git.ts';

/*
 * The Action with a source that costs money: what two runs at once were billed is in the branch to the byte.
 */

const rows = ['alpha', 'beta', 'gamma'].flatMap((project) =>
  lastDays(30).map((day) => ({ project, day, installer: 'pip', downloads: 1 })),
);

let origin: Origin;
let server: BigQueryServer;
beforeEach(async () => {
  origin = makeOrigin();
  server = await BigQueryServer.start({ rows, latencyMs: 300 });
});
afterEach(() => server.close());

/** Starts a run with a list of its own, in a workspace of its own. */
function start(name: string, packages: string) {
  const workspace = join(origin.folder, name);
  mkdirSync(join(workspace, 'temp'), { recursive: true });
  const list = `service: {output_dir: out}\nbigquery: {project_id: my-project}\npackages: [${packages}]\n`;
  writeFileSync(join(workspace, 'tracked.yaml'), list);
  return startMain(origin, {
    INPUT_SOURCE: 'bigquery',
    GITHUB_OUTPUT: join(workspace, 'outputs'),
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: join(workspace, 'temp'),
    BIGQUERY_EMULATOR_HOST: server.host,
  });
}

/** Runs it to a good end, and gives what it says. */
async function run(name: string, packages: string) {
  const { exitCode, all } = await start(name, packages);
  expect(exitCode, all).toBe(0);
  return all;
}

function spentBytes(): number {
  const { months } = JSON.parse(origin.git('show', 'badges:.state/spend.json')) as {
    months: Record<string, { bytes_billed: number }>;
  };
  return Object.values(months).reduce((sum, { bytes_billed: bytes }) => sum + bytes, 0);
}

it('keeps the ledgers and the bills of two runs at once', async () => {
  await run('first', 'alpha');
  expect(server.bytesBilled).toBeGreaterThan(0);
  expect(spentBytes()).toBe(server.bytesBilled);

  const said = await Promise.all([run('one', 'alpha, beta'), run('other', 'beta, gamma')]);
  expect(said.join('\n')).toContain('another run has published to badges meanwhile');
  expect(origin.commits()).toBe(1);
  expect(ledgersIn(origin)).toEqual(['alpha.json', 'beta.json', 'gamma.json']);
  for (const name of ['alpha', 'beta', 'gamma']) expect(origin.messageOf(name)).toBe('30');
  expect(spentBytes()).toBe(server.bytesBilled);
  // Nobody is told of accounts or projects.
  for (const path of Object.keys(origin.files())) {
    expect(origin.git('show', `badges:${path}`), path).not.toContain('my-project');
  }

  const before = server.calls.length;
  await run('next', 'alpha, beta, gamma');
  expect(server.calls.slice(before).filter((call) => call.kind === 'insert' && !call.revisions)).toEqual([]);
});

it('publishes what is finished of a run that is cancelled', async () => {
  await run('first', 'alpha');
  const badge = 'alpha/downloads-30d-non-ci.json';
  const before = origin.files()[badge];
  const running = start('cancelled', 'alpha, beta');
  while (!server.callsOf('insert').some((call) => call.package === 'beta')) await sleep(20);
  running.kill('SIGINT');
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  expect(all).toMatch(/::warning title=pypi-badges::.*SIGINT/);
  // The last step of the Action fails with it.
  const outputs = readFileSync(join(origin.folder, 'cancelled/outputs'), 'utf8');
  expect(outputs).toMatch(/exit-code<<\S+\n130\n/);
  expect([origin.files()[badge], origin.commits()]).toEqual([before, 1]);
});
