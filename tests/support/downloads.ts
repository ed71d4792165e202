import { writeFileSync } from 'node:fs';

/** One row of the table: one file download. Every part of `details` can be missing, as in the real one. */
export interface Download {
  /** `YYYY-MM-DD` or with a time of the day behind it, `YYYY-MM-DD HH:MM:SS`. UTC. */
  readonly at: string;
  readonly project?: string;
  readonly ci?: boolean | null;
  readonly installer?: string | null;
  readonly system?: string | null;
  /** What `details` holds instead of the three above. */
  readonly details?: unknown;
  /** How many downloads like this one. */
  readonly times?: number;
}

const named = (name: string | null) => (name === null ? null : { name });

/** The rows as the public table's export writes them, one JSON object a line. */
export function ndjson(downloads: readonly Download[]): string {
  return downloads
    .flatMap(({ at, project = 'demo', ci = null, installer = null, system = null, times = 1, ...rest }) => {
      const details = { ci, installer: named(installer), system: named(system) };
      const line = JSON.stringify({
        timestamp: `${at.length === 10 ? `${at} 12:00:00` : at} UTC`,
        file: { project },
        details: 'details' in rest ? rest.details : details,
      });
      return Array.from({ length: times }, () => `${line}\n`);
    })
    .join('');
}

export function writeNdjson(path: string, downloads: readonly Download[]): void {
  writeFileSync(path, ndjson(downloads));
}

/** Writes a Parquet file of what a SELECT gives, by an engine of its own. */
export async function copyParquet(path: string, select: string): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}
