import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DownloadRow } from '../../src/metric/breakdown.ts';
import { type PackageDays, totalOf } from '../../src/metric/package-days.ts';
import { historyJsonSchema, historyText, parseHistory, readHistory } from '../../src/publish/history.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { anyRow, downloads, packageDays } from '../support/views.ts';

const SCHEMA = readFileSync(new URL('../../docs/history.schema.json', import.meta.url), 'utf8');
const ajv = new Ajv();
addFormats.default(ajv);
const isHistory = ajv.compile(JSON.parse(SCHEMA));

/** 20 to 24 April 2026. */
const ROWS: (DownloadRow[] | null)[] = [
  [
    downloads('pip', 9, { system: 'Linux' }),
    downloads('uv', 5, { system: 'Darwin' }),
    downloads('uv', 70, { ci: true }),
    downloads('pip', 11, { sidecar: true, system: 'Linux' }),
  ],
  [],
  [downloads('bandersnatch', 1_325, { system: 'Linux' })],
  null,
  [downloads('pdm', 2), downloads(null, 31)],
];
const all = packageDays(5, (index) => ROWS[index] ?? null, { partialDays: ['2026-04-22'] });
const textOf = (days: PackageDays, publicUrl?: string) =>
  historyText(days, { name: 'demo' }, 'bigquery', publicUrl);
const written = JSON.parse(textOf(all));

describe('historyText', () => {
  it('has one figure a day: 0 without downloads, null without data', () => {
    expect(written).toMatchObject({
      version: 1,
      package: 'demo',
      source: 'bigquery',
      days: ['2026-04-20', '2026-04-21', '2026-04-22', '2026-04-23', '2026-04-24'],
      missing_days: ['2026-04-23'],
      partial_days: ['2026-04-22'],
      count: [14, 0, 0, null, 2],
      installers: { pip: [9, 0, 0, null, 0], uv: [5, 0, 0, null, 0], pdm: [0, 0, 0, null, 2] },
      systems: { Linux: [9, 0, 1_325, null, 0] },
      excluded: {
        sidecar: [11, 0, 0, null, 0],
        ci: [70, 0, 0, null, 0],
        mirror: [0, 0, 1_325, null, 0],
        unknown: [0, 0, 0, null, 31],
      },
    });
  });

  it('links the metric, beside the file or where it is served', () => {
    expect(written.metric.url).toBe('../index.html#metric');
    const served = JSON.parse(textOf(all, 'https://b.example.com'));
    expect(served.metric.url).toBe('https://b.example.com/index.html#metric');
    expect(written.blind_spots.join(' ')).toContain('pipenv runs pip; pipx runs pip or, from 1.12 on, uv');
  });

  it('is valid by the published schema, and survives being written and read', () => {
    const anyDay = fc.option(fc.array(anyRow, { maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(anyDay, { minLength: 1, maxLength: 9 }), fc.boolean(), (rows, partial) => {
        const more = { partialDays: partial ? ['2026-04-24'] : [] };
        const days = packageDays(rows.length, (index) => rows[index] ?? null, more);
        const text = textOf(days);
        expect(isHistory(JSON.parse(text)), JSON.stringify(isHistory.errors)).toBe(true);
        // The names behind the class other are not in the file.
        const known = days.map(({ breakdown, ...day }) => {
          return { ...day, breakdown: breakdown && { ...breakdown, others: new Map() } };
        });
        expect(parseHistory(text, 'demo')).toEqual(known);
      }),
    );
  });

  it('keeps a year of a large package below 40 kB, each column on its line', () => {
    const day = ['pip', 'uv'].map((name) => downloads(name, 1_234_567, { system: 'Linux' }));
    const year = packageDays(365, () => [...day, downloads('uv', 12_345_678, { ci: true })]);
    const text = textOf(year);
    expect(text.length).toBeLessThan(40_000);
    expect(text.split('\n').length).toBeLessThan(42);
  });
});

describe('readHistory', () => {
  /** What is read of a text that stands where the history of `demo` should be. */
  async function readText(text: string) {
    const output = tempFolder();
    mkdirSync(join(output, 'demo'));
    writeFileSync(join(output, 'demo/history.json'), text);
    return readHistory(output, 'demo');
  }
  const read = async (change: object) => (await readText(JSON.stringify({ ...written, ...change })))?.days;

  const { days: dates, installers, systems, excluded } = written;
  it.each([
    ['another version', { version: 2 }],
    ['another package', { package: 'other' }],
    ['a column of another length', { count: [1] }],
    ['an installer of another length', { installers: { ...installers, uv: [] } }],
    ['a negative count', { count: [-1, 0, 0, null, 2] }],
    ['a figure for a day without data', { installers: { ...installers, uv: [5, 0, 0, 1, 0] } }],
    ['no figure for a day with data', { excluded: { ...excluded, ci: [null, 0, 0, null, 0] } }],
    ['a day that is none', { days: dates.with(4, '2026-02-30') }],
    ['no day', { days: [], count: [] }],
    ['no counts', { count: undefined }],
  ])('refuses %s', async (_, change) => {
    expect(await read(change)).toBeUndefined();
  });

  it('takes what was written, with its text, and neither a part of it nor nothing', async () => {
    const text = textOf(all);
    expect(await readText(text)).toEqual({ days: all, text });
    for (const other of ['null', '{', '']) expect(await readText(other)).toBeUndefined();
    expect(await readHistory(tempFolder(), 'demo')).toBeUndefined();
  });

  // An installer that is added to the list has no column in the files of before.
  it('takes a column that the file lacks for zeros, and leaves out one that this version does not know', async () => {
    const days = await read({
      extra: 1,
      installers: { ...installers, pdm: undefined, hatch: [1, 0, 0, null, 0] },
      systems: { ...systems, Linux: undefined },
      excluded: { ...excluded, mirror: undefined },
    });
    expect(days && totalOf(days)).toEqual({
      count: 14,
      counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
      countsBySystem: { Linux: 0, Darwin: 5, Windows: 0 },
      excluded: { sidecar: 11, ci: 70, mirror: 0, browser: 0, unknown: 31, other: 0 },
      others: new Map(),
    });
  });
});

describe('docs/history.schema.json', () => {
  it('is current; if not, run: npm run schema', () => {
    expect(SCHEMA).toBe(`${JSON.stringify(historyJsonSchema(), null, 2)}\n`);
  });

  it('refuses what is none', () => {
    const tried = [{}, { ...written, count: ['1'] }, { ...written, extra: 1 }];
    expect(tried.filter((each) => isHistory(each))).toEqual([]);
  });
});
