import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import type { Outcome } from '../../src/collect/run.ts';
import { parseConfig } from '../../src/config/config.ts';
import { daysOf } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import { breakdownDays } from '../../src/metric/summary.ts';
import { NOTHING_KNOWN, type PackageHealth } from '../../src/publish/health.ts';
import { otherSpellings } from '../../src/publish/left-over.ts';
import { openPublisher, publishFolder } from '../../src/publish/package.ts';
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
const QUERY = { daysScanned: 2, bytesProcessed: 5, bytesBilled: 10, cacheHit: false, durationMs: 4 };
/** A run as of 2026-04-25 that found the table three days behind; one download by uv a day, and one of a file beside. */
const outcome: Outcome = {
  kind: 'read',
  package: tracked,
  attempted,
  days: breakdownDays(span, rows, ['2026-04-10']),
  rows,
  total: undefined,
  taken: QUERY,
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

function setUp(before: PackageHealth | null = previous) {
  const folder = tempFolder();
  const config = parseConfig('service: {output_dir: out}\npackages: [demo]\n', 'tracked.yaml', folder);
  const packages = new Map(before === null ? [] : [['demo', before]]);
  const last = { upstream: NOTHING_KNOWN, packages, groups: new Map(), warnings: [] };
  const { publish } = openPublisher(config, { previous: last, now });
  return { folder, output: join(folder, 'out'), publish };
}

it('writes badges and history, and says what was counted, up to which day', async () => {
  const { output, publish } = setUp();
  const health = await publish(outcome);
  expect(health).toMatchObject({
    windowDays: 7,
    count: 7,
    windows: [
      { windowDays: 7, breakdown: { count: 7, excluded: { sidecar: 7 } } },
      { windowDays: 14, breakdown: { count: 14, excluded: { sidecar: 14 } } },
    ],
    query: QUERY,
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

const error = new OperatorError('permission', 'not allowed');
const { count: _, ...stays } = previous;
const tried = { attempted: '2026-04-25T04:12:01.000Z' };

it.each<[string, { attempted?: Date }, PackageHealth | null, object]>([
  ['for the first time', { attempted }, null, tried],
  ['after a success, whose figures stay', { attempted }, previous, { ...stays, ...tried }],
  ['without having been tried', {}, previous, stays],
  ['without having been tried, ever', {}, null, {}],
])('says why a package failed %s', async (_, when, before, expected) => {
  const { folder, publish } = setUp(before);
  const failure = { error: 'not allowed', code: 'permission' };
  const entry = await publish({ kind: 'failed', package: tracked, error, ...when });
  expect(entry).toEqual({ ...expected, failure, windowDays: 7, windows: [], warnings: [] });
  expect(readdirSync(folder)).toEqual([]);
});

it('turns what the disk refuses into a failure', async () => {
  const { output, publish } = setUp();
  writeFileSync(output, 'in the way');
  expect(await publish(outcome)).toMatchObject({
    failure: { code: 'disk-obstacle', error: expect.stringContaining('a file stands where a folder') },
    windows: [],
    countedTo: '2026-04-19',
  });
});

describe('publishFolder', () => {
  const svgs = (contents: Record<string, string>) =>
    Object.entries(contents).map(([name, content]) => ({ name: `${name}.svg`, content }));

  it('makes the folders and writes the files, once', async () => {
    const outputDir = join(tempFolder(), 'srv', 'out');
    const files = svgs({ a: '1\n', b: '2\n' });
    const prints = () => ['a.svg', 'b.svg'].map((file) => statSync(join(outputDir, 'demo', file)).ino);
    await withUmask(0o077, () => publishFolder(outputDir, 'demo', files));
    expect(readdirSync(join(outputDir, 'demo'))).toEqual(['a.svg', 'b.svg']);
    expect(statSync(join(outputDir, 'demo')).mode & 0o777).toBe(0o755);
    const before = prints();
    await publishFolder(outputDir, 'demo', files);
    expect(prints()).toEqual(before);
    await publishFolder(outputDir, 'demo', svgs({ b: '3\n' }));
    expect(readFileSync(join(outputDir, 'demo', 'b.svg'), 'utf8')).toBe('3\n');
    expect(prints()[0]).toBe(before[0]);
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
    const spellings = otherSpellings(outputDir);
    expect([...spellings.keys()]).toEqual(['flask-sqlalchemy']);
    const files = svgs({ a: 'A', b: 'B' });
    await publishFolder(outputDir, 'flask-sqlalchemy', files, spellings.get('flask-sqlalchemy'));
    for (const [folder, ...expected] of [
      ['flask-sqlalchemy', 'a.svg A', 'b.svg B'],
      ['Flask_SQLAlchemy', 'a.svg A'],
      ['flask.sqlalchemy', 'b.svg B'],
      ['flask-sqlalchemy2', 'a.svg old'],
      ['elsewhere'],
    ] as const) {
      const read = (file: string) => readFileSync(join(outputDir, folder, file), 'utf8');
      const found = readdirSync(join(outputDir, folder)).map((file) => `${file} ${read(file)}`);
      expect([folder, ...found]).toEqual([folder, ...expected]);
    }
  });

  it.each([
    ['../x', 'is not the name of a folder inside'],
    ['demo', 'a file stands where a folder should be'],
  ])('never leaves the output folder, nor takes a file for one: %s', async (name, says) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'demo'), '');
    await expect(publishFolder(folder, name, [])).rejects.toThrow(says);
    expect(readdirSync(folder)).toEqual(['demo']);
  });
});
