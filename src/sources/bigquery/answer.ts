import { sanitizeMessage } from '../../errors/sanitize.ts';
import { roundedBill } from '../../units.ts';
import { isObject, type JsonObject, type RawRow } from '../rows.ts';
import { type QueryCost, SourceError } from '../source.ts';

/** Columns of an answer and their BigQuery types, in order. */
export type Columns = Readonly<Record<string, string>>;

/** One page of an answer, as jobs.getQueryResults gives it. */
export interface Page {
  readonly rows: RawRow[];
  /** Absent on the last page. */
  readonly pageToken?: string;
  /** Rows of the whole answer. */
  readonly totalRows: number;
  /** What the job took, as far as this answer tells; the bill may be smaller. */
  readonly costAtMost: QueryCost;
}

/** BigQuery's older names of the same types. */
const ALIASES: ReadonlyMap<unknown, string> = new Map([
  ['BOOLEAN', 'BOOL'],
  ['INTEGER', 'INT64'],
]);

function unexpected(what: string): SourceError {
  return new SourceError('unexpected-answer', `unexpected answer: ${what}`);
}

function checkSchema(schema: unknown, columns: Columns): void {
  const fields = isObject(schema) && Array.isArray(schema['fields']) ? schema['fields'] : [];
  const found = fields
    .map((field: unknown) => {
      const { name, type } = isObject(field) ? field : {};
      return [name, ALIASES.get(type) ?? type]
        .map((word) => (typeof word === 'string' ? word : '?'))
        .join(' ');
    })
    .join(', ');
  const expected = Object.entries(columns)
    .map((column) => column.join(' '))
    .join(', ');
  if (found !== expected) {
    throw unexpected(`its columns are ${sanitizeMessage(found) || 'not named'} instead of ${expected}`);
  }
}

/** The REST API writes every value as text; what does not fit its type is left as it is, to be refused later. */
function cell(value: unknown, type: string): unknown {
  if (type !== 'BOOL') return value;
  return value === 'true' ? true : value === 'false' ? false : value;
}

function row(value: unknown, columns: readonly [string, string][]): RawRow {
  const cells = isObject(value) && Array.isArray(value['f']) ? value['f'] : [];
  if (cells.length !== columns.length) {
    throw unexpected(`a row has ${cells.length} values instead of ${columns.length}`);
  }
  const made: Record<string, unknown> = {};
  for (const [index, [name, type]] of columns.entries()) {
    const inner: unknown = cells[index];
    made[name] = cell(isObject(inner) ? inner['v'] : undefined, type);
  }
  return made;
}

/** A whole number of at least 0 that JSON may carry as text; undefined if it is none. */
function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/**
 * Reads the body of a jobs.getQueryResults answer.
 *
 * @returns The page, or undefined if the job is not done.
 * @throws QueryRefused if the answer is not shaped like one, or has other columns.
 */
export function readPage(body: JsonObject, columns: Columns): Page | undefined {
  const { jobComplete, schema, rows = [], pageToken, totalRows } = body;
  if (jobComplete === false) return undefined;
  if (jobComplete !== true) throw unexpected('it does not say whether the job is done');
  checkSchema(schema, columns);
  if (!Array.isArray(rows)) throw unexpected('its rows are no list');
  const total = wholeNumber(totalRows);
  if (total === undefined) throw unexpected('it does not say how many rows it has');
  const named = Object.entries(columns);
  return {
    rows: rows.map((inner: unknown) => row(inner, named)),
    ...(typeof pageToken === 'string' && pageToken !== '' ? { pageToken } : {}),
    totalRows: total,
    costAtMost: readCost({ statistics: { query: body } }),
  };
}

function statisticsOf(job: JsonObject): { statistics: JsonObject; query: JsonObject } {
  const statistics = isObject(job['statistics']) ? job['statistics'] : {};
  const query = isObject(statistics['query']) ? statistics['query'] : {};
  return { statistics, query };
}

/** Bytes that a job or a dry run processed, from its statistics; undefined if they do not tell. */
export function processedBytes(job: JsonObject): number | undefined {
  const { statistics, query } = statisticsOf(job);
  return wholeNumber(query['totalBytesProcessed']) ?? wholeNumber(statistics['totalBytesProcessed']);
}

/**
 * What a job took, from its statistics. A bill that is missing or unreadable is worked out from the
 * bytes that were processed: the budget must not believe that a query was free.
 */
export function readCost(job: JsonObject): QueryCost {
  const { query } = statisticsOf(job);
  const bytesProcessed = processedBytes(job) ?? 0;
  const cacheHit = query['cacheHit'] === true;
  const free = cacheHit || bytesProcessed === 0;
  const bytesBilled = wholeNumber(query['totalBytesBilled']) ?? (free ? 0 : roundedBill(bytesProcessed));
  return { bytesProcessed, bytesBilled, cacheHit };
}

/** The same of a job that says that it is done and what it took; undefined of any other. */
export function costIfDone(job: JsonObject): QueryCost | undefined {
  const { state } = isObject(job['status']) ? job['status'] : {};
  return state === 'DONE' && processedBytes(job) !== undefined ? readCost(job) : undefined;
}
