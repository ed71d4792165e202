// What the page does once it is open: sorting, filtering, copying, and telling when it has grown old.
// Without it everything is readable all the same. It asks nothing of anybody.
(() => {
  const MS_PER_DAY = 86_400_000;

  function sortBy(header) {
    const table = header.closest('table');
    const column = [...header.parentElement.children].indexOf(header);
    const numeric = header.classList.contains('number');
    const before = header.getAttribute('aria-sort');
    const first = numeric ? 'descending' : 'ascending';
    const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
    for (const other of header.parentElement.children) other.removeAttribute('aria-sort');
    header.setAttribute('aria-sort', order);
    const value = (row) => row.children[column].dataset.value ?? row.children[column].textContent.trim();
    const compare = numeric
      ? (a, b) => Number(value(a)) - Number(value(b))
      : (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
    const sign = order === 'ascending' ? 1 : -1;
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
  }

  for (const button of document.querySelectorAll('thead button')) {
    button.addEventListener('click', () => sortBy(button.closest('th')));
  }

  const filter = document.querySelector('#filter');
  if (filter !== null) {
    const shown = document.querySelector('#shown');
    const rows = [...document.querySelectorAll('#packages tbody tr')];
    const apply = () => {
      const wanted = filter.value
        .trim()
        .toLowerCase()
        .replaceAll(/[-_.]+/g, '-');
      let count = 0;
      for (const row of rows) {
        row.hidden = !row.dataset.name.includes(wanted);
        if (!row.hidden) count += 1;
      }
      shown.textContent = `${count.toLocaleString('en-US')} of ${rows.length.toLocaleString('en-US')} shown`;
    };
    filter.addEventListener('input', apply);
    filter.closest('[hidden]').hidden = false;
    apply();
  }

  async function copy(text, code) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      return document.execCommand('copy');
    }
  }

  const told = document.querySelector('#told');
  for (const button of document.querySelectorAll('.copy')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const code = button.parentElement.querySelector('code');
      const done = await copy(code.textContent, code);
      button.textContent = done ? 'Copied' : 'Selected';
      told.textContent = done ? 'Copied to the clipboard' : 'Selected; press Ctrl+C to copy';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 2000);
    });
  }

  // A page that nobody redraws cannot know that it is old; whoever opens it can.
  const threshold = Number(document.body.dataset.staleDays);
  const age = (text) => Math.floor((Date.now() - Date.parse(text)) / MS_PER_DAY);
  for (const state of document.querySelectorAll('[data-counted-to]')) {
    // Yesterday is the newest day that can have been counted, and it ended with the midnight after it.
    const behind = age(`${state.dataset.countedTo}T00:00:00Z`) - 1;
    if (behind <= threshold || !state.classList.contains('ok')) continue;
    state.classList.replace('ok', 'warn');
    state.textContent = 'stale';
    state.closest('td')?.setAttribute('data-value', 'stale');
  }
  const drawn = age(document.body.dataset.finished);
  const late = document.querySelector('#late');
  if (drawn >= threshold) {
    late.querySelector('span').textContent = `${drawn.toLocaleString('en-US')} days`;
    late.hidden = false;
  }
})();
