import { GIB, MS_PER_DAY } from './util.ts';

/** A whole number with thousands separators. */
export function formatNumber(value: number): string {
  // Intl says the same, ten times slower, and takes longer to load than a page takes to draw.
  if (value >= 0 && value < 1_000) return String(value);
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** Tenths of a unit, rounded half up in whole numbers: floating point would turn 1,150 into 1.1k. */
function tenthsOf(count: bigint, size: bigint): bigint {
  return (count * 10n + size / 2n) / size;
}

/**
 * A count as a badge shows it: below 1,000 in full, then with one decimal and k, M or B, without a
 * trailing `.0`. Rounding carries into the next unit: 999,949 is 999.9k, 999,950 is 1M.
 *
 * @param count A whole number of at least 0.
 */
export function formatCount(count: number): string {
  if (count < 1_000) return String(count);
  const exact = BigInt(count);
  const power = [1, 2].find((thousands) => tenthsOf(exact, 1_000n ** BigInt(thousands)) < 10_000n) ?? 3;
  const tenths = tenthsOf(exact, 1_000n ** BigInt(power));
  const decimal = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${tenths / 10n}${decimal}${' kMB'[power]}`;
}

export { formatShare } from './share.js';

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

/** Names in one line, at most so many of them: `a, b and 2 more`. */
export function nameSome(names: readonly string[], most = 5): string {
  const more = names.length - most;
  return names.slice(0, most).join(', ') + (more > 0 ? ` and ${formatNumber(more)} more` : '');
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
