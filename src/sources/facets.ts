import { SourceError } from '../errors/error.ts';
import { INSTALLERS, OTHER_NAME, SYSTEMS } from '../metric/classes.ts';
import {
  addFacets,
  FACETS,
  type Facet,
  type FacetList,
  type Facets,
  facetList,
  facetsOf,
  LIBCS,
  PATTERNS,
  sumOfValues,
  VALUES_MAX,
} from '../metric/facets.ts';
import { NO_COST, type QueryCost, recordOf } from '../util.ts';
import { count, type RawRow, text, unexpected } from './rows.ts';
import { literals, needsFileNames, OTHER_FILE, parametersOf, type Query, type Question } from './sql.ts';

/*
 * The question about facets: the non-CI downloads of some packages over a span by Python, version, system, type, country and
 * kind of machine. The engine folds what clients sent before it groups.
 */

/** Which packages, and which whole UTC days. */
export interface FacetQuestion extends Question {
  /** Only these versions of the packages; all if absent. */
  readonly versions?: readonly string[] | undefined;
}

/** An answer; an entry for each package asked for that did not fail. */
export interface FacetAnswer {
  readonly facets: ReadonlyMap<string, Facets>;
  readonly failures: ReadonlyMap<string, SourceError>;
  readonly cost: QueryCost;
}

/** The answer to no question. */
export const NO_ANSWER: FacetAnswer = { facets: new Map(), failures: new Map(), cost: NO_COST };

/** Two answers together, but for their cost: facets add up over days and over versions, and what failed in one has failed. */
export function addFacetAnswers(one: FacetAnswer, other: FacetAnswer): FacetAnswer {
  const facets = new Map(one.facets);
  for (const [name, more] of other.facets) {
    const before = facets.get(name);
    facets.set(name, before === undefined ? more : addFacets(before, more));
  }
  const failures = new Map([...one.failures, ...other.failures]);
  for (const name of failures.keys()) facets.delete(name);
  return { facets, failures, cost: NO_COST };
}

/** Stands among the facets for whether it is known which downloads were by CI: its counts are the total. */
const FLAG = 'flag';

/** What a query groups by: each row of the log is in each of these once. */
export const GROUPS = [FLAG, ...FACETS] as const;

/** The query as BigQuery reads it, and DuckDB after `asDuckDb`; what is unknown is never cut off. */
export function facetQuery(table: string, question: FacetQuestion, hasFileNames = true): Query {
  const { packages, span, versions } = question;
  const checked = (name: Facet, column: string) =>
    `CASE WHEN REGEXP_CONTAINS(${column}, '${PATTERNS[name]}') THEN ${column} END AS ${name}`;
  const files = hasFileNames && needsFileNames(span) ? `\n      AND NOT ${OTHER_FILE}` : '';
  const isVersion = versions ? '\n      AND file.version IN UNNEST(@versions)' : '';
  const sql = `SELECT project, facet, value, download_count
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY project, facet ORDER BY value IS NOT NULL, download_count DESC, value) AS place
  FROM (
    SELECT
      project,
      facet,
      CASE facet WHEN '${FLAG}' THEN 'false'${FACETS.map((facet) => ` WHEN '${facet}' THEN ${facet}`).join('')} END AS value,
      COUNT(*) AS download_count
    FROM (
      SELECT *, installer || '|' || python || '|' || CASE WHEN system <> '${OTHER_NAME}' THEN system END AS kind
      FROM (
        SELECT
          file.project AS project,
          details.installer.name AS installer,
          CASE WHEN REGEXP_CONTAINS(details.python, '^[23][.][0-9]{1,2}([.]|$)') THEN RTRIM(SUBSTR(details.python, 1, 4), '.') END AS python,
          ${checked('version', 'file.version')},
          CASE
            WHEN details.system.name = 'Linux' AND details.distro.libc.lib IN (${literals(LIBCS)}) THEN 'Linux ' || details.distro.libc.lib
            WHEN details.system.name IN (${literals(SYSTEMS)}) THEN details.system.name
            WHEN details.system.name <> '' THEN '${OTHER_NAME}'
          END AS system,
          CASE WHEN file.type = 'bdist_wheel' THEN 'wheel' WHEN file.type = 'sdist' THEN 'sdist' WHEN file.type <> '' THEN '${OTHER_NAME}' END AS type,
          ${checked('country', 'country_code')}
        FROM ${table}
        WHERE file.project ${packages.length > 1 ? 'IN UNNEST(@projects)' : '= @project'}
          AND timestamp >= @start
          AND timestamp < @end
          AND details.ci IS NOT TRUE
          AND details.installer.name IN (${literals(INSTALLERS)})${files}${isVersion}
      ) AS folded
    ) AS downloads
    CROSS JOIN (${GROUPS.map((facet) => `SELECT '${facet}' AS facet`).join(' UNION ALL ')}) AS facets
    GROUP BY project, facet, value
  ) AS counted
) AS placed
WHERE place <= ${VALUES_MAX}
LIMIT @limit`;
  return { sql, parameters: parametersOf(question), limit: GROUPS.length * VALUES_MAX * packages.length + 1 };
}

/** The list of a facet from the counts of its values; what the engine should have folded is folded here. */
function listOf(facet: Facet, counts: ReadonlyMap<string, number>, total: number): FacetList {
  const pattern = new RegExp(PATTERNS[facet]);
  const named = new Map([...counts].filter(([value]) => pattern.test(value)));
  const others = [...counts].filter(([value]) => !named.has(value) && value !== OTHER_NAME);
  return facetList(facet, named, sumOfValues(others), total);
}

const NO_FLAG =
  'the source does not say which downloads of all of these days were by CI, so their Pythons, versions and systems are not counted';

/**
 * Checks an answer about facets, row by row.
 *
 * @param rows With the columns of `facetQuery`.
 * @throws SourceError if a group comes twice, a row is of another package or facet than was asked for, or a list has more
 * than all downloads.
 */
export function checkFacets({ packages }: Question, rows: readonly RawRow[]): FacetAnswer {
  const found = new Map(packages.map((name) => [name, recordOf(GROUPS, () => new Map<string, number>())]));
  for (const row of rows) {
    const [project, facet, value] = [text(row, 'project'), text(row, 'facet'), text(row, 'value') ?? ''];
    const groups = found.get(project ?? '');
    if (groups === undefined) throw unexpected('project', project, 'a package that was asked for');
    const group = GROUPS.find((each) => each === facet);
    if (group === undefined) throw unexpected('facet', facet, 'a facet');
    if (groups[group].has(value)) throw unexpected('value', value, 'each value once');
    groups[group].set(value, count(row, 'download_count'));
  }
  const facets = new Map<string, Facets>();
  const failures = new Map<string, SourceError>();
  for (const [name, groups] of found) {
    if (groups.flag.has('unknown')) {
      failures.set(name, new SourceError('incomplete-window', NO_FLAG));
      continue;
    }
    const total = sumOfValues([...groups.flag]);
    const own = facetsOf(total, (facet) => listOf(facet, groups[facet], total));
    if (FACETS.some((facet) => own[facet].other < 0)) {
      throw unexpected('download_count', total, 'at least the downloads of each list');
    }
    facets.set(name, own);
  }
  return { facets, failures, cost: NO_COST };
}
