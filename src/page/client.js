// What every page does once it is open: telling when it has grown old. Without its script everything on it is readable
// all the same. It asks nothing of anybody.
(() => {
  const MS_PER_DAY = 86_400_000;
  const threshold = Number(document.body.dataset.staleDays);
  const age = (text) => Math.floor((Date.now() - Date.parse(text)) / MS_PER_DAY);
  const endOf = (day) => `${day}T24:00:00Z`;

  // A page that nobody redraws cannot know that it is old; whoever opens it can.
  for (const state of document.querySelectorAll('.state.ok, .state.warn')) {
    const { countedTo } = state.closest('[data-counted-to]')?.dataset ?? {};
    // Yesterday is the newest day that can have been counted, and it ended with the midnight after it.
    if (!(age(endOf(countedTo)) > threshold)) continue;
    state.classList.replace('ok', 'warn');
    state.textContent = 'stale';
  }
  // Of a package's page only the day is known; it lasts until its end.
  const { finished } = document.body.dataset;
  const drawn = age(finished.length > 10 ? finished : endOf(finished));
  const late = document.querySelector('#late');
  if (drawn >= threshold) {
    late.querySelector('span').textContent = `${drawn.toLocaleString('en-US')} days`;
    late.hidden = false;
  }
})();
