import type { Span } from '../../days/day.ts';
import { ERAS } from '../../days/eras.ts';
import { INSTALLERS, KNOWN_INSTALLERS, OTHER_NAME, SYSTEMS } from '../../metric/classes.ts';
import { LIBCS, PATTERNS, VALUES_MAX } from '../../metric/facets.ts';
import { type FacetQuestion, GROUPS } from '../facets.ts';
import type { RawRow } from '../rows.ts';
import { DISTRIBUTION_ENDINGS, literals, needsFileNames, type Question } from '../sql.ts';

/*
 * What ClickHouse is asked, in its dialect: the same question as `pivotQuery` puts to BigQuery and DuckDB,
 * and with the same rows for an answer.
 */

/** A statement with typed parameters. No value ever stands in its text. */
export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
}

/**
 * LIMIT of every question, and `max_result_rows` with it. The public endpoint answers with 10,000 rows at
 * most, so an answer of so many rows may be cut off.
 */
export const ROW_LIMIT = 9_999;

/**
 * Sent with every question. The public endpoint's own default for what exceeds a limit is `break`: it
 * answers 200 with the part that it has read so far, and nothing in the answer tells.
 */
export const SETTINGS = {
  read_overflow_mode: 'throw',
  result_overflow_mode: 'throw',
  timeout_overflow_mode: 'throw',
  // These two are ClickHouse's own defaults, which a server may have changed: `any` leaves out groups without a
  // word, and the leaf's mode is for servers that read through others. A setting that changes nothing is allowed
  // to everybody.
  group_by_overflow_mode: 'throw',
  read_overflow_mode_leaf: 'throw',
  max_result_rows: String(ROW_LIMIT),
  // The server answers when it is done, so that an error comes as an error and not behind half of the rows.
  wait_end_of_query: '1',
} as const;

/** A checked `database.table` as ClickHouse quotes it. */
function quoted(...names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join('.');
}

/** Whether a row is of a file that is no distribution. */
const OTHER_FILE = `date < {distributions_only_since:Date} AND NOT (${DISTRIBUTION_ENDINGS.map((ending) => `endsWith(filename, '${ending}')`).join(' OR ')})`;

/** The rows of the packages and days that a statement is about; a condition may follow. */
const rowsOf = (table: string) => `${quoted(...table.split('.'))}
WHERE project IN {projects:Array(String)} AND date >= {start:Date} AND date < {end:Date}`;

/** What every statement about packages and days is given. */
function parametersOf({ packages, span: { start, end } }: Question): Statement['parameters'] {
  const since = needsFileNames({ start, end }) && { distributions_only_since: ERAS.distributions };
  return { projects: packages, start, end, limit: ROW_LIMIT, ...since };
}

/**
 * The pivot rows of some packages over a span. The filename is one more column to read, so it is only
 * asked for where it can matter. What was NULL in PyPI's table is an empty text here. As in `pivotQuery`, names that are on
 * no list are folded, and files that are no distributions are one row a day; but a flag that is not known stays one, as
 * it makes the whole day unknown. A flag that cannot be compared with 'unknown' is refused by the server.
 *
 * @param table `database.table`, from a checked configuration.
 */
export function pivotStatement(table: string, question: Question): Statement {
  const sidecars = needsFileNames(question.span);
  const folded = (name: string, known: readonly string[]) =>
    `multiIf(${sidecars ? "sidecar, '', " : ''}${name} IN ('', ${literals(known)}), ${name}, '${OTHER_NAME}')`;
  return {
    sql: `SELECT
  project,
  day,
  if(${sidecars ? 'sidecar AND ' : ''}flag != 'unknown', ${sidecars ? "'false'" : 'toString(flag)'}, toString(flag)) AS ci,
  ${folded('installer', KNOWN_INSTALLERS)} AS installer_name,
  ${folded('system', SYSTEMS)} AS system_name,
  count() AS download_count${sidecars ? ',\n  sidecar' : ''}
FROM (
  SELECT project, date AS day, ci AS flag, installer, system${sidecars ? `,\n    ${OTHER_FILE} AS sidecar` : ''}
  FROM ${rowsOf(table)}
)
GROUP BY project, day, ci, installer_name, system_name${sidecars ? ', sidecar' : ''}
LIMIT {limit:UInt32}
FORMAT JSONCompact`,
    parameters: parametersOf(question),
  };
}

/**
 * The facets of some packages over a span, each as one row with its counts: a package has as many rows as there are facets,
 * however many versions it has. A flag that is not known counts for `flag`, whatever the client. As in `facetQuery`, what clients
 * sent is folded before it is grouped.
 *
 * @param table `database.table`, from a checked configuration.
 */
export function facetStatement(table: string, question: FacetQuestion): Statement {
  const { span, versions } = question;
  const sidecars = needsFileNames(span);
  const checked = (name: keyof typeof PATTERNS, column: string) =>
    `if(match(${column}, '${PATTERNS[name]}'), toString(${column}), '')`;
  return {
    sql: `SELECT project, facet, groupArray((value, downloads)) AS counts
FROM (
  SELECT project, pair.1 AS facet, pair.2 AS value, count() AS downloads
  FROM (
    SELECT project, arrayJoin([${GROUPS.map((group) => `('${group}', folded_${group})`).join(', ')}]) AS pair
    FROM (
      SELECT
        project,
        toString(ci) AS folded_flag,
        ${checked('python', 'python_minor')} AS folded_python,
        ${checked('version', 'version')} AS folded_version,
        multiIf(system = 'Linux' AND libc IN (${literals(LIBCS)}), concat('Linux ', libc), system IN ('', ${literals(SYSTEMS)}), toString(system), '${OTHER_NAME}') AS folded_system,
        multiIf(type = 'bdist_wheel', 'wheel', type IN ('', 'sdist'), toString(type), '${OTHER_NAME}') AS folded_type,
        ${checked('country', 'country_code')} AS folded_country,
        if(folded_python = '' OR folded_system IN ('', '${OTHER_NAME}'), '', concat(installer, '|', folded_python, '|', folded_system)) AS folded_kind
      FROM ${rowsOf(table)}
        AND (ci = 'unknown' OR ci = 'false' AND installer IN (${literals(INSTALLERS)}))${
          sidecars ? `\n        AND NOT (${OTHER_FILE})` : ''
        }${versions === undefined ? '' : '\n        AND version IN {versions:Array(String)}'}
    )
  )
  GROUP BY project, facet, value
  ORDER BY value != '', downloads DESC, value
  LIMIT ${VALUES_MAX} BY project, facet
)
GROUP BY project, facet
LIMIT {limit:UInt32}
FORMAT JSONCompact`,
    parameters: { ...parametersOf(question), ...(versions && { versions }) },
  };
}

/** The rows of a facet statement with a row for each value, as other sources answer. */
export function facetRows(rows: readonly RawRow[]): RawRow[] {
  return rows.flatMap(({ project, facet, counts }) =>
    [counts].flat().map((pair) => {
      const [value, download_count] = [pair].flat();
      return { project, facet, value, download_count };
    }),
  );
}

/**
 * Ten of the most downloaded packages. A count of the whole table is past the endpoint's read limit; what
 * these have of a day tells whether it is there, whether it is whole, and whether it has changed.
 */
export const REFERENCE_PACKAGES =
  'boto3 urllib3 requests certifi idna packaging setuptools typing-extensions charset-normalizer numpy'.split(
    ' ',
  );

/** The table of ClickPy that has the downloads of each package and day, several rows for each. */
function perDay(table: string): string {
  return quoted(table.replace(/\..*/, ''), 'pypi_downloads_per_day');
}

/** How many rows the reference packages have on each day of a span. */
export function daysStatement(table: string, span: Span): Statement {
  return {
    sql: `SELECT date AS day, sum(count) AS row_count
FROM ${perDay(table)}
WHERE project IN {projects:Array(String)}
  AND date >= {start:Date}
  AND date < {end:Date}
GROUP BY day
LIMIT {limit:UInt32}
FORMAT JSONCompact`,
    parameters: { projects: REFERENCE_PACKAGES, start: span.start, end: span.end, limit: ROW_LIMIT },
  };
}

/** How many rows the reference packages have at all: 0 where only other packages were copied. */
export function referenceStatement(table: string): Statement {
  return {
    sql: `SELECT count() AS row_count
FROM ${perDay(table)}
WHERE project IN {projects:Array(String)}
FORMAT JSONCompact`,
    parameters: { projects: REFERENCE_PACKAGES },
  };
}
