/** A value as JSON for people and programs: indented, with a final newline. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A whole number with thousands separators. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * The share that `part` is of `whole`, with one decimal, rounded down so that 100.0% means all of it;
 * a dash if there is nothing to share.
 */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? '-' : `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)}%`;
}

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in the largest unit that leaves at least 1, with one decimal. */
export function formatBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), BINARY_UNITS.length - 1);
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${BINARY_UNITS[power]}`;
}

const AGES: readonly [unit: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** How long ago something was, in its largest unit, rounded down. */
export function formatAge(ms: number): string {
  const age = AGES.find(([, length]) => ms >= length);
  if (age === undefined) return 'just now';
  const [unit, size] = age;
  const count = Math.floor(ms / size);
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}
