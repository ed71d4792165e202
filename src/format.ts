import { GIB, MS_PER_DAY } from './units.ts';

/** A value as JSON for people and programs: indented, with a final newline. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A whole number with thousands separators. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * The share that `part` is of `whole`, with one decimal, rounded half up; a dash if there is nothing to
 * share. What is not all is never 100.0%, and what is not nothing never 0.0%.
 */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return '-';
  const tenths = Math.floor((part * 2000 + whole) / (2 * whole));
  if (tenths === 0 && part > 0) return '<0.1%';
  if (tenths === 1000 && part < whole) return '>99.9%';
  return `${(tenths / 10).toFixed(1)}%`;
}

/** Bytes as GiB, for people; very few are said to be, and not called 0.0. */
export function formatGib(bytes: number): string {
  const value = bytes / GIB;
  if (value > 0 && value < 0.05) return '<0.1 GiB';
  return `${value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} GiB`;
}

/** `1 package`, `2 packages`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in the largest unit that leaves at least 1, with one decimal. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  // A value that rounds up to 1024.0 belongs to the next unit.
  const power = BINARY_UNITS.findIndex((_, at) => at > 0 && Number((bytes / 1024 ** at).toFixed(1)) < 1024);
  const unit = power < 0 ? BINARY_UNITS.length - 1 : power;
  return `${(bytes / 1024 ** unit).toFixed(1)} ${BINARY_UNITS[unit]}`;
}

const AGES: readonly [unit: string, ms: number][] = [
  ['day', MS_PER_DAY],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** How long ago something was, in its largest unit, rounded down. */
export function formatAge(ms: number): string {
  const age = AGES.find(([, length]) => ms >= length);
  if (age === undefined) return 'just now';
  const [unit, size] = age;
  return `${plural(Math.floor(ms / size), unit)} ago`;
}
