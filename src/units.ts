/** Milliseconds of a UTC day. */
export const MS_PER_DAY = 86_400_000;

/** Bytes in a MiB and its like. */
export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;
export const TIB = 1024 ** 4;

/** Least that BigQuery bills for a query (https://cloud.google.com/bigquery/pricing#on_demand_pricing). */
export const MINIMUM_BILLED = 10 * MIB;

/** What BigQuery bills for reading so many bytes: rounded up to a whole MiB, and at least the minimum. */
export function roundedBill(bytes: number): number {
  return Math.max(MINIMUM_BILLED, Math.ceil(bytes / MIB) * MIB);
}
