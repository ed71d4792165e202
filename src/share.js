/**
 * The share that `part` is of `whole`, with one decimal, rounded half up; a dash if there is nothing to
 * share. What is not all is never 100.0%, and what is not nothing never 0.0%.
 *
 * In JavaScript, as the script of a package's page holds it, too (page/document.ts).
 *
 * @param {number} part
 * @param {number} whole
 * @returns {string}
 */
export function formatShare(part, whole) {
  if (whole === 0) return '-';
  const tenths = Math.floor((part * 2000 + whole) / (2 * whole));
  if (tenths === 0 && part > 0) return '<0.1%';
  if (tenths === 1000 && part < whole) return '>99.9%';
  return `${(tenths / 10).toFixed(1)}%`;
}
