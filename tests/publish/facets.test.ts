import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { type DatedFacets, facetList, facetsOf } from '../../src/metric/facets.ts';
import { areFacetsDue, facetsJsonSchema, facetsText, readFacets } from '../../src/publish/facets.ts';
import { tempFolder } from '../support/temp-folder.ts';

const read = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

const VALUES = new Map([['1!2.0+a', 9]]);
const DATED: DatedFacets = {
  facets: facetsOf(20, (facet) => facetList(facet, facet === 'version' ? VALUES : new Map(), 3, 20)),
  span: { start: '2026-03-26', end: '2026-04-25' },
  source: 'clickhouse',
};

/** The facets of a package whose file holds a text. */
async function published(text: string | undefined) {
  const folder = tempFolder();
  mkdirSync(join(folder, 'demo'));
  if (text !== undefined) writeFileSync(join(folder, 'demo/facets.json'), text);
  return readFacets(folder, 'demo');
}

describe('facets.json', () => {
  it('is read as it was written, and is valid by the published schema, like the example of the docs', async () => {
    expect(JSON.parse(read('facets.schema.json'))).toEqual(facetsJsonSchema());
    const ajv = new Ajv();
    addFormats.default(ajv);
    const isFacets = ajv.compile(JSON.parse(read('facets.schema.json')));
    const text = facetsText('demo', DATED);
    const [, example = ''] = /## facets\.json[\s\S]*?```json\n([\s\S]*?)```/.exec(read('files.md')) ?? [];
    for (const each of [text, example])
      expect(isFacets(JSON.parse(each)), JSON.stringify(isFacets.errors)).toBe(true);
    expect(await published(text)).toEqual(DATED);
  });

  it('says of days before PyPI knew uv that they are without it', () => {
    const old = { ...DATED, span: { start: '2024-04-01', end: '2024-05-01' } };
    const notes = (dated: DatedFacets): string[] => JSON.parse(facetsText('demo', dated)).notes;
    expect(notes(old).join(' ')).toContain('did not know uv before 2024-04-23');
    expect(notes(DATED).join(' ')).not.toContain('did not know uv');
  });

  const TEXT = facetsText('demo', DATED);
  it.each([
    ['no file', undefined],
    ['no JSON', '{'],
    ['another version', TEXT.replace('"version": 1', '"version": 2')],
    ['another package', facetsText('other', DATED)],
    ['a total that is not its lists', TEXT.replace('"total": 20', '"total": 21')],
    ['a count that is none', TEXT.replace('"total": 20', '"total": -1')],
  ])('is none with %s', async (_, text) => {
    expect(await published(text)).toBeUndefined();
  });
});

describe('facets are due', () => {
  const wanted = { windowDays: 30, everyDays: 7, source: 'clickhouse', asOf: '2026-05-01' };
  it.each<[string, DatedFacets, object, boolean]>([
    ['not before it is time', DATED, {}, false],
    ['of another window', DATED, { windowDays: 7 }, true],
    ['of another source', DATED, { source: 'duckdb' }, true],
  ])('%s', (_, known, more, expected) => {
    expect(areFacetsDue(known, { ...wanted, ...more })).toBe(expected);
  });
});
