import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import type { Outcome } from '../../src/collect/run.ts';
import { parseConfig } from '../../src/config/config.ts';
import { daysOf } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import { breakdownDays } from '../../src/metric/summary.ts';
import type { PackageHealth } from '../../src/publish/health.ts';
import { otherSpellings, publishFolder, publishPackage } from '../../src/publish/package.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withUmask } from '../support/umask.ts';
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
  days: breakdownDays({ span, rows }, ['2026-04-10']),
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
  const { entry: health } = await publishPackage(outcome, config, { previous, now });
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
  expect(await publishPackage(failure, config, { previous: before, now })).toEqual({ entry: expected });
  expect(readdirSync(folder)).toEqual([]);
});

it('turns what the disk refuses into a failure', async () => {
  const { config, output } = setUp();
  writeFileSync(output, 'in the way');
  expect(await publishPackage(outcome, config, { previous, now })).toMatchObject({
    entry: {
      failure: { code: 'disk-obstacle', error: expect.stringContaining('a file stands where a folder') },
      windows: [],
      countedTo: '2026-04-19',
    },
  });
});

describe('publishFolder', () => {
  it('makes the folders and writes the files, once', async () => {
    const outputDir = join(tempFolder(), 'srv', 'out');
    const files = [
      { name: 'a.svg', content: '1\n' },
      { name: 'b.svg', content: '2\n' },
    ];
    const printOf = (file: string) => statSync(join(outputDir, 'demo', file)).ino;
    await withUmask(0o077, () => publishFolder(outputDir, 'demo', files));
    expect(readdirSync(join(outputDir, 'demo'))).toEqual(['a.svg', 'b.svg']);
    expect(statSync(join(outputDir, 'demo')).mode & 0o777).toBe(0o755);
    const before = [printOf('a.svg'), printOf('b.svg')];
    await publishFolder(outputDir, 'demo', files);
    expect([printOf('a.svg'), printOf('b.svg')]).toEqual(before);
    await publishFolder(outputDir, 'demo', [{ name: 'b.svg', content: '3\n' }]);
    expect(readFileSync(join(outputDir, 'demo', 'b.svg'), 'utf8')).toBe('3\n');
    expect(printOf('a.svg')).toBe(before[0]);
    expect(readFileSync(join(outputDir, 'demo', 'a.svg'), 'utf8')).toBe('1\n');
  });

  it('renews the badges of a folder under another spelling, and adds none to it', async () => {
    const outputDir = tempFolder();
    const put = (folder: string, file: string) => {
      mkdirSync(join(outputDir, folder), { recursive: true });
      writeFileSync(join(outputDir, folder, file), 'old');
    };
    put('Flask_SQLAlchemy', 'a.svg');
    put('flask.sqlalchemy', 'b.svg');
    put('flask-sqlalchemy2', 'a.svg');
    mkdirSync(join(outputDir, 'elsewhere'));
    symlinkSync('elsewhere', join(outputDir, 'Flask-SQLAlchemy'));
    writeFileSync(join(outputDir, 'FLASK-SQLALCHEMY'), 'a file');
    const files = [
      { name: 'a.svg', content: 'A' },
      { name: 'b.svg', content: 'B' },
    ];
    const spellings = otherSpellings(outputDir);
    expect([...spellings.keys()]).toEqual(['flask-sqlalchemy']);
    await publishFolder(outputDir, 'flask-sqlalchemy', files, spellings.get('flask-sqlalchemy'));
    const read = (folder: string) =>
      readdirSync(join(outputDir, folder)).map((file) => [
        file,
        readFileSync(join(outputDir, folder, file), 'utf8'),
      ]);
    expect(read('flask-sqlalchemy')).toEqual([
      ['a.svg', 'A'],
      ['b.svg', 'B'],
    ]);
    expect(read('Flask_SQLAlchemy')).toEqual([['a.svg', 'A']]);
    expect(read('flask.sqlalchemy')).toEqual([['b.svg', 'B']]);
    expect(read('flask-sqlalchemy2')).toEqual([['a.svg', 'old']]);
    expect(read('elsewhere')).toEqual([]);
  });

  it('never leaves the output folder', async () => {
    const folder = tempFolder();
    await expect(publishFolder(join(folder, 'out'), '../x', [])).rejects.toThrow(
      'is not the name of a folder inside',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('complains of a file where the folder should be', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'demo'), '');
    await expect(publishFolder(folder, 'demo', [])).rejects.toThrow('a file stands where a folder should be');
  });
});
