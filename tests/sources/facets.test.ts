import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { openDuckDb } from '../../src/sources/duckdb/source.ts';
import { checkFacets, type FacetQuestion } from '../../src/sources/facets.ts';
import type { NonEmpty } from '../../src/util.ts';
import { copyParquet } from '../support/downloads.ts';
import { asCounted, countFacets, type FacetRow, randomRows } from '../support/facet-rows.ts';
import { folderOf } from '../support/temp-folder.ts';

/** On both sides of the day from which on every file is a distribution. */
const SPAN = { start: '2026-08-20', end: '2026-08-30' };
const NAMES = Array.from({ length: 40 }, (_, index) => `p${index}`);
const ROWS = randomRows(27, NAMES, daysOf({ start: '2026-08-18', end: '2026-09-01' }), 2_400);

/** A row as BigQuery exports it: what is NULL is left out. */
function exported({ day, project, ci, installer, python, version, system, libc, ...row }: FacetRow): string {
  const details = {
    ...{ ci, python, installer: { name: installer }, system: { name: system } },
    distro: { libc: { lib: libc } },
  };
  const file = { project, filename: row.filename, version, type: row.type };
  const exportedRow = { timestamp: `${day} 12:00:00 UTC`, country_code: row.country, file, details };
  return `${JSON.stringify(exportedRow, (_, value) => value ?? undefined)}\n`;
}

/** The facets of some packages in a file of rows. */
async function facetsIn(rows: readonly FacetRow[], question: Omit<FacetQuestion, 'span'>, kind = 'ndjson') {
  const lines = rows.map((row) => exported(row).repeat(row.times));
  const path = join(folderOf({ 'rows.ndjson': lines.join('') }), 'rows.ndjson');
  if (kind === 'parquet') {
    await copyParquet(`${path}.parquet`, `FROM read_json('${path}', maximum_depth = -1, sample_size = -1)`);
  }
  const files = kind === 'parquet' ? `${path}.parquet` : path;
  const source = await openDuckDb({ kind: 'duckdb', files, wholeLog: false });
  onTestFinished(() => source.close());
  const { facets, failures } = await source.facets({ ...question, span: SPAN });
  expect(failures.size).toBe(0);
  return facets;
}

describe('the facets of local files', () => {
  it.each(['ndjson', 'parquet'])('are those counted one by one, of 40 packages: %s', async (kind) => {
    const facets = await facetsIn(ROWS, { packages: NAMES as unknown as NonEmpty<string> }, kind);
    for (const name of NAMES)
      expect(asCounted(facets.get(name) ?? {}), name).toEqual(countFacets(ROWS, name, SPAN));
  });

  it.each([[['1.0', '2.0rc1']], [['1!0.5']], [['7']]])('are those of versions %j', async (versions) => {
    const facets = await facetsIn(ROWS, { packages: ['p1'], versions });
    expect(asCounted(facets.get('p1') ?? {})).toEqual(countFacets(ROWS, 'p1', SPAN, versions));
  });

  it('name 2,000 versions, and have what is unknown by itself, however rare it is', async () => {
    const versions = [...Array.from({ length: 2_500 }, (_, index) => `1.${index}`), 'not one'];
    const row = { ci: null, installer: 'uv', python: null, system: null, libc: null, country: null };
    const where = { day: SPAN.start, project: 'many', type: 'sdist', filename: 'a.zip' };
    const rows = versions.map((version, at) => ({ ...row, ...where, version, times: at < 2_500 ? 2 : 1 }));
    const facets = await facetsIn(rows, { packages: ['many'] });
    const { values, other, unknown } = facets.get('many')?.version ?? { values: [] };
    expect([values.length, other, unknown]).toEqual([1_999, 2 * 501, 1]);
  });
});

describe('an answer about facets', () => {
  const question = { packages: ['demo'], span: SPAN } as const;
  const row = (facet: string, value: string | null, download_count: unknown = 5, project = 'demo') => ({
    ...{ project, facet, value, download_count },
  });

  it.each([
    ['another package', [row('flag', 'false', 5, 'other')], /column project holds "other"/],
    ['another facet', [row('shoe', '42')], /column facet holds "shoe"/],
    ['a value twice', [row('flag', 'false'), ...Array(2).fill(row('python', '3.9', 2))], /each value once/],
    ['a count that is none', [row('flag', 'false', -1)], /column download_count/],
    ['more than all', [row('flag', 'false'), row('python', '3.9', 6)], /at least the downloads of each list/],
  ])('is refused for %s', (_, rows, says) => {
    expect(() => checkFacets(question, rows)).toThrow(says);
  });

  it('is folded again: what an engine should have folded does not get through', () => {
    const { facets } = checkFacets(question, [
      row('flag', 'false', 60),
      ...['<script>', '3.9 ', '3.900'].map((value) => row('python', value, 10)),
      row('python', '3.9', 30),
      row('system', '(other)', 7),
      row('system', 'Plan 9', 8),
    ]);
    expect(facets.get('demo')).toMatchObject({
      total: 60,
      python: { values: [['3.9', 30]], other: 0, unknown: 30 },
      system: { values: [], other: 52, unknown: 8 },
    });
  });

  it('is no answer where the flag of a download is not known', () => {
    const { facets, failures } = checkFacets(question, [row('flag', 'false'), row('flag', 'unknown', 1)]);
    expect(facets.size).toBe(0);
    expect(failures.get('demo')).toMatchObject({ code: 'incomplete-window' });
  });
});
