// What the page of all packages does once it is open: sorting and filtering.
(() => {
  /** A number as it is shown; a dash is less than any. */
  const number = (text) => (/\d/.test(text) ? Number(text.replaceAll(/[^\d.]/g, '')) : -1);
  const WINDOW = 2;
  /** What a column is sorted by, from the cells of a row. */
  const KEYS = {
    text: (cell) => cell(),
    number: (cell) => number(cell()),
    count: (cell) => number(cell()),
    // Exact, where the cell is rounded: non-CI and all downloads stand before it.
    share: (cell) => (number(cell()) < 0 ? -1 : 1 - number(cell(1)) / number(cell(3))),
    date: (cell) => Date.parse(`${cell()} UTC`) || 0,
  };

  function sortBy(header) {
    const table = header.closest('table');
    const column = header.cellIndex;
    const by = header.dataset.by ?? 'text';
    const first = by === 'text' || by === 'date' ? 'ascending' : 'descending';
    const before = header.getAttribute('aria-sort');
    const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
    for (const other of header.parentElement.children) other.removeAttribute('aria-sort');
    header.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => {
      const cell = (at = column) => row.cells[at].textContent.trim();
      return { row, key: KEYS[by](cell), days: by === 'count' ? number(cell(WINDOW)) : 0 };
    });
    // Counts of different windows cannot be compared: those of one stand together, the longest first.
    keyed.sort((a, b) => b.days - a.days || sign * (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    body.append(...keyed.map(({ row }) => row));
  }

  for (const button of document.querySelectorAll('thead button')) {
    button.addEventListener('click', () => sortBy(button.closest('th')));
  }

  const filter = document.querySelector('#filter');
  const shown = document.querySelector('#shown');
  const rows = [...document.querySelector('#packages').tBodies[0].rows];
  const names = rows.map((row) => row.cells[0].textContent.trim());
  const apply = () => {
    const wanted = filter.value
      .trim()
      .toLowerCase()
      .replaceAll(/[-_.]+/g, '-');
    let count = 0;
    for (const [index, row] of rows.entries()) {
      row.hidden = !names[index].includes(wanted);
      if (!row.hidden) count += 1;
    }
    shown.textContent = `${count.toLocaleString('en-US')} of ${rows.length.toLocaleString('en-US')} shown`;
  };
  filter.addEventListener('input', apply);
  filter.closest('[hidden]').hidden = false;
  apply();
})();
