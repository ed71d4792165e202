import { expect, it } from 'vitest';
import { HEALTH_WINNOW } from '../support/old-files.ts';
import { localProject } from '../support/project.ts';
import { tableLines } from '../support/table-text.ts';

/* An output folder that was taken over from pypi-winnow-downloads, as docs/deploy.md tells. */

it('what pypi-winnow-downloads left is shown by status, and taken over by collect', async () => {
  const at = '2026-04-24';
  const { put, within, health, message } = localProject(
    ['Small_00', 'bad', 'constructor'],
    [
      { at, project: 'small-00', installer: 'pip', times: 20 },
      { at, project: 'bad', installer: 'uv', times: 3 },
      { at, project: 'constructor', installer: 'uv', times: 4 },
    ],
  );
  put('output/_health.json', JSON.stringify(HEALTH_WINNOW));
  const run = (...argv: string[]) => within({ now: () => new Date('2026-04-25T12:00:00.000Z') }, ...argv);
  const { exitCode, stdout, stderr } = await run('status');
  expect([exitCode, stderr]).toEqual([1, '']);
  expect(tableLines(stdout)).toEqual([
    'last run: 2026-04-25T04:12:42.654Z (7 hours ago)',
    '',
    'package | window | non-CI | counted to | last success | state',
    'small-00 | 30d | 14 | 2026-04-24 | 7 hours ago | ok',
    'bad | 30d | - | - | never | failed',
    'constructor | - | - | - | never | new',
    '',
    'bad: Quota exceeded',
    '',
  ]);
  expect((await run('collect', '--no-page')).exitCode).toBe(0);
  expect(message('small-00', 'downloads-30d')).toBe('20');
  const packages = { 'small-00': { count: 20 }, bad: { count: 3 }, constructor: { count: 4 } };
  expect(health().packages).toMatchObject(packages);
  expect((await run('status')).exitCode).toBe(0);
});
