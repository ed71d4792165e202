import type { Day } from './day.ts';

/**
 * The first day on which PyPI's log has what it lacked on all days before. Frozen: what the log did not record then, nobody can add.
 */
export const ERAS = {
  /** Half of the rows. No day before is read. */
  rows: '2018-07-26',
  /** `details.ci`: the column came in February 2024, and older rows are NULL. A day before is unknown, and never paid for. */
  ci: '2024-03-01',
  /** uv: the parser did not know its user agent. Days before are counted without it. */
  uv: '2024-04-23',
  /**
   * That every row is a distribution (https://blog.pypi.org/posts/2026-08-31-download-counts: the change went out during
   * the day before, which therefore is asked by file name, like all others before).
   */
  distributions: '2026-08-25',
} as const satisfies Record<string, Day>;
