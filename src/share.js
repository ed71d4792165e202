/**
 * The share that `part` is of `whole` in percent, rounded half up; a dash if there is nothing to share. What is not all is
 * never 100.0%, and what is not nothing never 0.0%.
 *
 * In JavaScript, as the script of a package's page holds it, too (page/document.ts).
 *
 * @param {number} part
 * @param {number} whole
 * @param {number} decimals
 * @returns {string}
 */
export function formatShare(part, whole, decimals = 1) {
  if (whole === 0) return '-';
  const steps = 10 ** decimals;
  const all = 100 * steps;
  const share = Math.floor((part * 2 * all + whole) / (2 * whole));
  const text = (count) => `${(count / steps).toFixed(decimals)}%`;
  if (share === 0 && part > 0) return `<${text(1)}`;
  if (share === all && part < whole) return `>${text(all - 1)}`;
  return text(share);
}
