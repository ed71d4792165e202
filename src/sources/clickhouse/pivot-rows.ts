import { needsFileNames, type PivotRow, type Question } from '../query.ts';
import { count, dayReader, type RawRow, text, unexpected } from '../rows.ts';
import { SourceError } from '../source.ts';
import type { Reply } from './parts.ts';
import { ROW_LIMIT } from './query.ts';

/** ClickHouse has no NULL in these columns: what was NULL in PyPI's table is an empty text here. */
function name(row: RawRow, column: string): string | null {
  return text(row, column) || null;
}

/** @returns Undefined if the row is from before the column was there, so that its flag is not known. */
function ci(row: RawRow): boolean | undefined {
  const value = text(row, 'ci');
  if (value === 'unknown') return undefined;
  if (value !== 'true' && value !== 'false') throw unexpected('ci', value, "'true', 'false' or 'unknown'");
  return value === 'true';
}

function sidecar(row: RawRow): boolean {
  const value = row['sidecar'];
  if (value === 0 || value === 1) return value === 1;
  if (typeof value === 'boolean') return value;
  throw unexpected('sidecar', value, '0 or 1');
}

function ciUnknown(days: ReadonlySet<string>): SourceError {
  const [first, ...more] = [...days].toSorted();
  const last = more.at(-1);
  const when = last === undefined ? `on ${first}` : `on ${days.size} days from ${first} to ${last}`;
  return new SourceError(
    'ci-unknown',
    `ClickHouse's copy does not say ${when} which downloads of this package were by CI, as these rows are older than that column; use a shorter window or source: bigquery`,
  );
}

/**
 * Sorts the rows of an answer by package, and checks them one by one: a source that answers something
 * else than what was asked must not become a badge. A row of a package that was not asked for taints the
 * whole answer; whatever else is wrong with a row taints its package.
 *
 * @throws SourceError if the answer cannot be the one to this question.
 */
export function checkPivotRows({ packages, span }: Question, rows: readonly RawRow[]): Reply {
  if (rows.length >= ROW_LIMIT) {
    const error = new SourceError(
      'truncated',
      `a single day of this package fills the limit of ${ROW_LIMIT} rows of an answer, so some may be missing; please report this package`,
    );
    return { kind: 'too-much', error };
  }
  const sorted = new Map(packages.map((name): [string, PivotRow[]] => [name, []]));
  const failures = new Map<string, SourceError>();
  const unknown = new Map<string, Set<string>>();
  const dayOf = dayReader(span);
  const sidecars = needsFileNames(span);
  for (const row of rows) {
    const project = row['project'];
    const list = typeof project === 'string' ? sorted.get(project) : undefined;
    if (typeof project !== 'string' || list === undefined) {
      throw unexpected('project', project, 'a package that was asked for');
    }
    try {
      const day = dayOf(row);
      const flag = ci(row);
      const downloads = count(row, 'download_count');
      if (flag === undefined) {
        unknown.set(project, (unknown.get(project) ?? new Set()).add(day));
        continue;
      }
      list.push({
        day,
        ci: flag,
        installer: name(row, 'installer_name'),
        system: name(row, 'system_name'),
        sidecar: sidecars && sidecar(row),
        downloads,
      });
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (!failures.has(project)) failures.set(project, error);
    }
  }
  for (const [project, days] of unknown) {
    if (!failures.has(project)) failures.set(project, ciUnknown(days));
  }
  return { kind: 'rows', rows: sorted, failures };
}
