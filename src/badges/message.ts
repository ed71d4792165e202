const THOUSAND = { suffix: 'k', size: 1_000n };
const MILLION = { suffix: 'M', size: 1_000_000n };
const BILLION = { suffix: 'B', size: 1_000_000_000n };

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
  const unit = [THOUSAND, MILLION].find(({ size }) => tenthsOf(exact, size) < 10_000n) ?? BILLION;
  const tenths = tenthsOf(exact, unit.size);
  const decimal = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${tenths / 10n}${decimal}${unit.suffix}`;
}

/** Beyond this a percentage says less than words. */
const CHANGE_MAX = 999;

/**
 * A change in whole percent as a badge shows it.
 *
 * @param percent Undefined if there is nothing to compare with.
 */
export function formatChange(percent: number | undefined): string {
  if (percent === undefined) return 'nothing to compare';
  if (percent > CHANGE_MAX) return `over +${CHANGE_MAX} %`;
  if (percent === 0) return '±0 %';
  return percent > 0 ? `+${percent} %` : `−${-percent} %`;
}
