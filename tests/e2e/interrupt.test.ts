import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BigQueryProject, bigQueryProject } from '../support/bigquery-project.ts';
import type { Trouble } from '../support/bigquery-server.ts';
import { startCommand } from '../support/command.ts';
import { clickHouseProject } from '../support/project.ts';

/* What a signal does to the process. What a run that is interrupted leaves behind: tests/commands/interrupt.test.ts. */

/** A command that can be sent signals. */
function start({ folder, env }: Pick<BigQueryProject, 'folder' | 'env'>, ...argv: string[]) {
  const child = startCommand(folder, argv, { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const PACKAGES = ['alpha', 'endless', 'gamma'];
const ENDLESS: Trouble = { on: 'insert', package: 'endless', fault: { looks: 1e9 } };

/** A run whose second package never ends, once that is asked for. */
async function running(...more: Trouble[]) {
  const project = await bigQueryProject(PACKAGES, { trouble: [ENDLESS, ...more] });
  const child = start(project, 'collect', '--as-of', '2026-04-25');
  while (!project.server.callsOf('results').some((call) => call.package === 'endless')) await sleep(10);
  return { ...project, child };
}

describe('a run that is told to end', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('by %s keeps what was finished and exits %i', async (signal, code) => {
    const { child, health, folder } = await running();
    child.kill(signal);
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(code);
    expect(health().packages).toEqual({ alpha: expect.objectContaining({ count: 7 }) });
    expect(readdirSync(join(folder, 'state')).join()).not.toContain('.lock');
    expect(stderr).toContain(`interrupted by ${signal}: 1 package was finished`);
    expect(stderr).not.toMatch(/Warning|^\s+at /m);
  });

  it('exits at once when told a second time', async () => {
    const { child, server } = await running({ on: 'cancel', fault: 'silence' });
    child.kill('SIGTERM');
    while (server.callsOf('cancel').length === 0) await sleep(10);
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(143);
    // It did not wait until it could say what was finished.
    expect(stderr).not.toContain('interrupted by');
  });

  it.each([
    ['SIGINT', 130, ['show', 'alpha']],
    ['SIGTERM', 143, ['collect', '--dry-run']],
  ] as const)('by %s just ends with %i where nothing is kept: %j', async (signal, code, argv) => {
    const days = { start: '2026-04-24', end: '2026-04-25' };
    const project = await clickHouseProject(['alpha'], { days, fault: () => 'silence' });
    const child = start(project, ...argv);
    while (project.server.calls.length === 0 && child.exitCode === null) await sleep(10);
    child.kill(signal);
    expect(await child).toMatchObject({ exitCode: code, stderr: '' });
  });
});
