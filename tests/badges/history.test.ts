import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountFromHistory,
  buildHistory,
  historyJsonSchema,
  historyText,
  parseHistory,
} from '../../src/badges/history.ts';
import { addDays, daysOf } from '../../src/days/day.ts';
import type { PivotRow } from '../../src/sources/query.ts';
import { winnow } from '../../src/winnow/winnow.ts';

const SCHEMA = readFileSync(new URL('../../docs/history.schema.json', import.meta.url), 'utf8');
const ajv = new Ajv();
addFormats.default(ajv);
const isHistory = ajv.compile(JSON.parse(SCHEMA));

const span = { start: '2026-04-20', end: '2026-04-25' };
const row = (day: string, installer: string | null, downloads: number, more: Partial<PivotRow> = {}) => ({
  day,
  ci: null,
  installer,
  system: null,
  downloads,
  ...more,
});
const ROWS = [
  row('2026-04-20', 'pip', 9, { system: 'Linux' }),
  row('2026-04-20', 'uv', 5, { system: 'Darwin' }),
  row('2026-04-20', 'uv', 70, { ci: true }),
  row('2026-04-22', 'bandersnatch', 1_325, { system: 'Linux' }),
  row('2026-04-24', 'pdm', 2),
  row('2026-04-24', null, 31),
];
const input = {
  package: 'demo',
  span,
  rows: ROWS,
  missingDays: ['2026-04-01', '2026-04-23'],
  publicUrl: undefined,
};

describe('buildHistory', () => {
  it('has one figure a day: 0 without downloads, null without data', () => {
    const history = buildHistory(input);
    expect(history.days).toEqual(['2026-04-20', '2026-04-21', '2026-04-22', '2026-04-23', '2026-04-24']);
    expect(history.missing_days).toEqual(['2026-04-23']);
    expect(history.count).toEqual([14, 0, 0, null, 2]);
    expect(history.installers.pip).toEqual([9, 0, 0, null, 0]);
    expect(history.installers.uv).toEqual([5, 0, 0, null, 0]);
    expect(history.installers.pdm).toEqual([0, 0, 0, null, 2]);
    expect(history.systems.Linux).toEqual([9, 0, 1_325, null, 0]);
    expect(history.excluded.ci).toEqual([70, 0, 0, null, 0]);
    expect(history.excluded.mirror).toEqual([0, 0, 1_325, null, 0]);
    expect(history.excluded.unknown).toEqual([0, 0, 0, null, 31]);
  });

  it('believes rows more than the list of missing days', () => {
    const history = buildHistory({ ...input, missingDays: ['2026-04-20'] });
    expect(history.missing_days).toEqual([]);
    expect(history.count[0]).toBe(14);
  });

  it('links the metric, beside the file or where it is served', () => {
    expect(buildHistory(input).metric.url).toBe('../index.html#metric');
    expect(buildHistory({ ...input, publicUrl: 'https://b.example.com' }).metric.url).toBe(
      'https://b.example.com/index.html#metric',
    );
    expect(buildHistory(input).blind_spots.join(' ')).toContain('pipx and pipenv run pip');
  });

  const anyRow = fc.record({
    day: fc.nat(4).map((day) => addDays(span.start, day)),
    ci: fc.constantFrom(true, false, null),
    installer: fc.constantFrom('pip', 'uv', 'poetry', 'Browser', 'Nexus', 'conda', '', null),
    system: fc.constantFrom('Linux', 'Darwin', 'Windows', 'BSD', null),
    downloads: fc.nat(1e9),
  });

  it('adds up to what the same rows come to as a window', () => {
    fc.assert(
      fc.property(fc.array(anyRow), fc.integer({ min: 1, max: 5 }), (rows, windowDays) => {
        const history = buildHistory({ ...input, rows });
        const start = addDays(span.end, -windowDays);
        expect(accountFromHistory(history, windowDays)).toEqual(
          winnow(rows.filter(({ day }) => day >= start)),
        );
      }),
    );
  });

  it('is valid by the published schema, and survives being written', () => {
    fc.assert(
      fc.property(fc.array(anyRow), fc.subarray(daysOf(span)), (rows, missingDays) => {
        const history = buildHistory({ ...input, rows, missingDays });
        const text = historyText(history);
        expect(isHistory(JSON.parse(text)), JSON.stringify(isHistory.errors)).toBe(true);
        expect(parseHistory(text)).toEqual(history);
      }),
    );
  });

  it('keeps a year of a large package below 40 kB, each column on its line', () => {
    const year = { start: '2025-04-25', end: '2026-04-25' };
    const rows = daysOf(year).flatMap((day) => [
      row(day, 'pip', 1_234_567, { system: 'Linux' }),
      row(day, 'uv', 1_234_567, { system: 'Darwin' }),
      row(day, 'uv', 12_345_678, { ci: true }),
    ]);
    const text = historyText(buildHistory({ ...input, span: year, rows }));
    expect(text.length).toBeLessThan(40_000);
    expect(text.split('\n').length).toBeLessThan(40);
  });
});

describe('accountFromHistory', () => {
  it('knows nothing of days before its first', () => {
    expect(accountFromHistory(buildHistory(input), 6)).toBeUndefined();
  });
});

describe('parseHistory', () => {
  const good = JSON.parse(historyText(buildHistory(input)));
  it.each([
    ['no JSON', '{'],
    ['another version', { ...good, version: 2 }],
    ['columns of another length', { ...good, count: [1] }],
    ['a negative count', { ...good, count: [-1, 0, 0, null, 2] }],
    [
      'a day that is none',
      { ...good, days: ['2026-04-20', '2026-04-21', '2026-04-22', '2026-04-23', '2026-02-30'] },
    ],
    ['no day', { ...good, days: [], count: [] }],
    ['a stranger', { ...good, extra: 1 }],
    ['nothing', null],
  ])('refuses %s', (_, value) => {
    expect(parseHistory(typeof value === 'string' ? value : JSON.stringify(value))).toBeUndefined();
  });
});

describe('docs/history.schema.json', () => {
  it('is current; if not, run: npm run schema', () => {
    expect(SCHEMA).toBe(`${JSON.stringify(historyJsonSchema(), null, 2)}\n`);
  });

  it('refuses what is none', () => {
    expect(isHistory({})).toBe(false);
    expect(isHistory({ ...JSON.parse(historyText(buildHistory(input))), count: ['1'] })).toBe(false);
  });
});
