import { join } from 'node:path';
import { z } from 'zod';
import { addDays, type Day, dayNumber, spanDays } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { readIfPresent } from '../disk/files.ts';
import {
  type DatedFacets,
  FACET_NOTES,
  FACETS,
  type Facet,
  type FacetList,
  sumOfValues,
} from '../metric/facets.ts';
import { jsonOf, recordOf } from '../util.ts';
import { formatRows } from './history.ts';

/*
 * <output_dir>/<package>/facets.json: the non-CI downloads of a package by Python, version, system, type, country and kind of
 * machine. docs/files.md describes it, docs/facets.schema.json is made from the schema below.
 */

export const FACETS_FILE = 'facets.json';

const VERSION = 1;

const count = z.int().min(0);
const day = z.iso.date();
const list = z
  .strictObject({
    values: z.array(z.tuple([z.string(), count])).describe('Values with their downloads.'),
    other: count.describe('Downloads with another value.'),
    unknown: count.describe('Downloads of which it is not known.'),
  })
  .describe('`values`, `other` and `unknown` add up to `total`.');

const DESCRIBED: Readonly<Record<Facet, string>> = {
  python: 'By minor version of Python, the newest first.',
  version: 'By version of the package in the order of PEP 440, the newest first.',
  system: 'By system; Linux with the C library that the client named, `Linux` alone where it named none.',
  type: 'By type of the file, `wheel` or `sdist`.',
  country: 'By country, as ISO 3166 has it.',
  kind: 'By kind of machine: installer, Python and system, with `|` between them.',
};

/** The shape of facets.json. */
const schema = z.strictObject({
  version: z.literal(VERSION).describe('Version of this format.'),
  package: z.string().describe('Normalized name of the package, or name of the group.'),
  source: z.string().describe('Where the downloads were counted.'),
  from: day.describe('First UTC day that is counted.'),
  to: day.describe('Last UTC day that is counted.'),
  total: count.describe('The non-CI downloads of these days.'),
  lists: z
    .strictObject(recordOf(FACETS, (facet) => list.describe(DESCRIBED[facet])))
    .describe('The same by facet.'),
  notes: z.array(z.string()).describe('What must be known to read the lists.'),
});

/** The JSON Schema of facets.json. */
export function facetsJsonSchema(): object {
  return { title: 'facets.json of pypi-badges', ...z.toJSONSchema(schema, { target: 'draft-7' }) };
}

/** The file's text. */
export function facetsText(packageName: string, { facets, span, source }: DatedFacets): string {
  const { total, ...lists } = facets;
  const notes = Object.values(FACET_NOTES);
  if (span.start < ERAS.uv)
    notes.push(`PyPI did not know uv before ${ERAS.uv}: earlier downloads by it are not counted.`);
  return formatRows({
    ...{ version: VERSION, package: packageName, source, from: span.start, to: addDays(span.end, -1) },
    ...{ total, lists, notes },
  });
}

/**
 * The facets of a package or group as they were last published.
 *
 * @returns undefined where there are none that can be read and used; they are then asked for again.
 */
export async function readFacets(outputDir: string, packageName: string): Promise<DatedFacets | undefined> {
  const text = await readIfPresent(join(outputDir, packageName, FACETS_FILE)).catch(() => undefined);
  const { data } = schema.safeParse(jsonOf(text ?? ''));
  if (data === undefined || data.package !== packageName) return undefined;
  const { total, lists: found, from, to, source } = data;
  const sumOf = ({ values, other, unknown }: FacetList) => sumOfValues(values) + other + unknown;
  if (Object.values(found).some((each) => sumOf(each) !== total)) return undefined;
  return { facets: { total, ...found }, span: { start: from, end: addDays(to, 1) }, source };
}

/**
 * Whether facets are so old, or so unlike those that are wanted, that the source is to be asked again.
 *
 * @param wanted `asOf` is the day before which the window ends.
 */
export function areFacetsDue(
  known: DatedFacets | undefined,
  wanted: { windowDays: number; everyDays: number; source: string; asOf: Day },
): boolean {
  if (known?.source !== wanted.source || spanDays(known.span) !== wanted.windowDays) return true;
  return dayNumber(wanted.asOf) - dayNumber(known.span.end) >= wanted.everyDays;
}
