import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import type { Outcome } from '../../src/collect/run.ts';
import { parseConfig } from '../../src/config/load.ts';
import { daysOf } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import type { PackageHealth } from '../../src/publish/health.ts';
import { publishPackage } from '../../src/publish/package.ts';
import { winnowDays } from '../../src/winnow/fold.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { downloads } from '../support/views.ts';

const span = { start: '2026-03-18', end: '2026-04-22' };
const tracked = { name: 'demo', windows: [7, 14] as const };
const attempted = new Date('2026-04-25T04:12:01.000Z');
const now = () => new Date('2026-04-25T04:12:02.000Z');

const rows = new Map(
  daysOf(span).map((day) => [day, [downloads('uv', 1), downloads('pip', 1, { sidecar: true })]]),
);
/** A run as of 2026-04-25 that found the table three days behind; one download by uv a day, and one of a file beside. */
const outcome: Outcome = {
  kind: 'read',
  package: tracked,
  attempted,
  days: winnowDays({ span, rows }, ['2026-04-10']),
  rows,
  total: undefined,
  taken: {
    daysScanned: 2,
    bytesProcessed: 5,
    bytesBilled: 10,
    cacheHit: false,
    durationMs: 4,
  },
  changes: [],
};
const previous: PackageHealth = {
  windowDays: 7,
  count: 3,
  windows: [],
  warnings: [{ code: 'no-rows', message: 'of before' }],
  countedTo: '2026-04-19',
  attempted: '2026-04-20T04:00:00.000Z',
  lastSuccess: '2026-04-20T04:00:01.000Z',
};

function setUp() {
  const folder = tempFolder();
  const config = parseConfig('service: {output_dir: out}\npackages: [demo]\n', 'tracked.yaml', folder);
  return { folder, config, output: join(folder, 'out') };
}

it('writes badges and history, and says what was counted, up to which day', async () => {
  const { config, output } = setUp();
  const { entry: health } = await publishPackage(outcome, config, { previous }, now);
  expect(health).toMatchObject({
    windowDays: 7,
    count: 7,
    windows: [
      { windowDays: 7, breakdown: { count: 7, excluded: { sidecar: 7 } } },
      { windowDays: 14, breakdown: { count: 14, excluded: { sidecar: 14 } } },
    ],
    query: { daysScanned: 2, bytesProcessed: 5, bytesBilled: 10, cacheHit: false, durationMs: 4 },
    countedTo: '2026-04-21',
    warnings: [],
    attempted: '2026-04-25T04:12:01.000Z',
    lastSuccess: '2026-04-25T04:12:02.000Z',
  });
  expect(health.failure).toBeUndefined();
  // Two windows, JSON and SVG, and the history.
  expect(readdirSync(join(output, 'demo'))).toHaveLength(CATALOGUE.length * 2 * 2 + 1);
  const history = JSON.parse(readFileSync(join(output, 'demo/history.json'), 'utf8'));
  expect(history).toMatchObject({ source: 'bigquery', partial_days: ['2026-04-10'] });
  expect(history.days).toEqual(daysOf({ start: '2026-04-08', end: '2026-04-22' }));
});

const fault = new OperatorError('permission', 'not allowed');
const failed = {
  failure: { error: 'not allowed', code: 'permission' },
  windowDays: 7,
  windows: [],
  warnings: [],
};

it.each<[string, Outcome, PackageHealth | undefined, object]>([
  [
    'for the first time',
    { kind: 'failed', package: tracked, attempted, error: fault },
    undefined,
    { ...failed, attempted: '2026-04-25T04:12:01.000Z' },
  ],
  [
    'after a success, whose figures stay',
    { kind: 'failed', package: tracked, attempted, error: fault },
    previous,
    {
      ...failed,
      countedTo: '2026-04-19',
      attempted: '2026-04-25T04:12:01.000Z',
      lastSuccess: '2026-04-20T04:00:01.000Z',
    },
  ],
  [
    'without having been tried',
    { kind: 'failed', package: tracked, error: fault },
    previous,
    {
      ...failed,
      countedTo: '2026-04-19',
      attempted: '2026-04-20T04:00:00.000Z',
      lastSuccess: '2026-04-20T04:00:01.000Z',
    },
  ],
  ['without having been tried, ever', { kind: 'failed', package: tracked, error: fault }, undefined, failed],
])('says why a package failed %s', async (_, failure, before, expected) => {
  const { config, folder } = setUp();
  expect(await publishPackage(failure, config, { previous: before }, now)).toEqual({ entry: expected });
  expect(readdirSync(folder)).toEqual([]);
});

it('turns what the disk refuses into a failure', async () => {
  const { config, output } = setUp();
  writeFileSync(output, 'in the way');
  expect(await publishPackage(outcome, config, { previous }, now)).toMatchObject({
    entry: {
      failure: { code: 'disk-obstacle', error: expect.stringContaining('a file stands where a folder') },
      windows: [],
      countedTo: '2026-04-19',
    },
  });
});
