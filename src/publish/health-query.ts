import { z } from 'zod';

/* What _health.json says of a package's last reading. */

/** What a package's last reading took. */
export interface QueryFacts {
  readonly daysScanned: number;
  readonly bytesProcessed: number;
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
  readonly durationMs: number;
}

const count = z.int().min(0);

export const querySchema = z
  .object({
    days_scanned: count,
    bytes_processed: count,
    bytes_billed: count,
    cache_hit: z.boolean(),
    duration_ms: count,
  })
  .transform(
    (query): QueryFacts => ({
      daysScanned: query.days_scanned,
      bytesProcessed: query.bytes_processed,
      bytesBilled: query.bytes_billed,
      cacheHit: query.cache_hit,
      durationMs: query.duration_ms,
    }),
  );

export function queryToJson(query: QueryFacts) {
  return {
    days_scanned: query.daysScanned,
    bytes_processed: query.bytesProcessed,
    bytes_billed: query.bytesBilled,
    cache_hit: query.cacheHit,
    duration_ms: query.durationMs,
  };
}
