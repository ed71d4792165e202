import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import type { NonEmpty } from '../../src/util.ts';
import { asCounted, countFacets, type FacetRow, randomRows } from '../support/facet-rows.ts';
import { type Engine, type EngineRow, startEngine } from './engine.ts';

/* Facets of ClickHouse's own engine, against the same rows counted one by one. */

const SPAN = { start: '2026-08-20', end: '2026-08-30' };
const NAMES = Array.from({ length: 100 }, (_, index) => `p${index}`) as unknown as NonEmpty<string>;
const ROWS = randomRows(2711, NAMES, daysOf({ start: '2026-08-18', end: '2026-09-01' }), 20_000);
/** Of one day: `many` has so many versions, some of them twice, one that is downloaded more often, and one that is none. */
const VERSIONS = 100_000;
const TWICE = 2_500;
const DAY = { start: '2026-09-10', end: '2026-09-11' };

/** What ClickPy makes of a row of BigQuery's table. */
function copied({ day, python, country, times, ...row }: FacetRow): EngineRow {
  const { project, installer, system, libc, ci, version, type, filename } = row;
  return {
    ...{ date: day, project, version, type, filename, times },
    installer: installer ?? '',
    system: system ?? '',
    libc: libc ?? '',
    country_code: country ?? '',
    ci: ci ? 'true' : 'false',
    python_minor: (python ?? '').split('.').slice(0, 2).join('.'),
  };
}

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine(120_000);
  await engine.add(
    ...ROWS.map(copied),
    { date: DAY.start, project: 'flagless', installer: 'pip', ci: 'false', times: 9 },
    { date: DAY.start, project: 'flagless', installer: 'Browser' },
    { date: DAY.start, project: 'many', installer: 'pip', ci: 'false', version: '7.0', times: 3 },
    { date: DAY.start, project: 'many', installer: 'pip', ci: 'false', version: 'a b' },
  );
  for (const date of daysOf(SPAN)) {
    await engine.add({ date, project: 'large', installer: 'uv', ci: 'false', type: 'sdist', times: 50_000 });
  }
  await engine.admin(
    `INSERT INTO pypi.pypi (date, project, installer, version, ci) SELECT '${DAY.start}', 'many', 'pip', concat('1.', toString(number % ${VERSIONS})), 'false' FROM numbers(${VERSIONS + TWICE})`,
  );
});
afterAll(() => engine.stop());
beforeEach(() => engine.asked());

it('are those that are counted one by one, of 100 packages in one question', async () => {
  const { facets, failures } = await (await engine.open()).facets({ packages: NAMES, span: SPAN });
  expect(failures.size).toBe(0);
  for (const name of NAMES)
    expect(asCounted(facets.get(name) ?? {}), name).toEqual(countFacets(ROWS, name, SPAN));
  expect(await engine.asked()).toHaveLength(1);
});

it('are those of some versions, in as many questions as addresses hold them', async () => {
  const versions = ['1.0', '2.0rc1', ...Array.from({ length: 400 }, (_, index) => `5.${index}.0`)];
  const { facets } = await (await engine.open()).facets({ packages: ['p1'], span: SPAN, versions });
  expect(asCounted(facets.get('p1') ?? {})).toEqual(countFacets(ROWS, 'p1', SPAN, versions));
  expect((await engine.asked()).length).toBe(2);
});

it('add up over days where the server refuses to read so much', async () => {
  const { facets, failures } = await (await engine.open()).facets({ packages: ['large', 'p2'], span: SPAN });
  expect(failures.size).toBe(0);
  const type = { values: [['sdist', 500_000]], unknown: 0 };
  expect(facets.get('large')).toMatchObject({ total: 500_000, type });
  expect(asCounted(facets.get('p2') ?? {})).toEqual(countFacets(ROWS, 'p2', SPAN));
  expect((await engine.asked()).length).toBeGreaterThan(3);
});

it('name 2,000 versions of 100,000 at most, and have the others and what is unknown as sums', async () => {
  const { facets } = await (await engine.open()).facets({ packages: ['many'], span: DAY });
  const { total = 0, version } = facets.get('many') ?? {};
  const found = [total, version?.values[0], version?.values.length];
  expect(found).toEqual([VERSIONS + TWICE + 4, ['7.0', 3], 1_999]);
  expect([version?.other, version?.unknown]).toEqual([total - 3 - 2 * 1_998 - 1, 1]);
});

it('are none where the flag of any download is not known', async () => {
  const span = { start: '2026-08-20', end: '2026-09-11' };
  const { facets, failures } = await (await engine.open()).facets({ packages: ['flagless', 'p3'], span });
  expect([...facets.keys()]).toEqual(['p3']);
  expect(failures.get('flagless')).toMatchObject({ code: 'incomplete-window' });
});
