// What a package's page does once it is open: copying, and telling the figures of the column that one chooses.
(() => {
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

  /** The Markdown line of another badge: that of the main one with its file's name and its description. */
  function lineOf(item, code) {
    const main = item.parentElement.dataset;
    const { stem } = main;
    const { scope, window: days = main.window } = item.dataset;
    const line = document.querySelector('.snippet code').textContent;
    // A package's name may be that of a file; the file's is the last, and has an ending.
    const at = line.lastIndexOf(`${stem}.`);
    const renamed = line.slice(0, at) + code.textContent + line.slice(at + stem.length);
    return renamed.replace(` ${main.scope} ${main.window}`, () => ` ${scope} ${days}`);
  }

  const told = document.querySelector('#told');

  /** A button that copies a text, which is made when it is wanted. */
  function addButton(place, name, textOf) {
    const code = place.querySelector('code');
    const button = document.createElement('button');
    button.className = 'copy';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', `Copy ${name}`);
    button.addEventListener('click', async () => {
      code.textContent = textOf(code);
      const done = await copy(code.textContent, code);
      button.textContent = done ? 'Copied' : 'Selected';
      told.textContent = done ? 'Copied to the clipboard' : 'Selected; press Ctrl+C to copy';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 2000);
    });
    place.append(button);
  }

  for (const place of document.querySelectorAll('.snippet')) {
    addButton(place, place.previousElementSibling.textContent, (code) => code.textContent);
  }
  for (const item of document.querySelectorAll('.others li')) {
    let line;
    addButton(item, `Markdown for ${item.querySelector('span').textContent}`, (code) => {
      line ??= lineOf(item, code);
      return line;
    });
  }

  /** A slider below a chart, for fingers and the keyboard as for a mouse: it tells the figures of the column at its place. */
  function addSlider(chart) {
    const columns = [...chart.querySelectorAll('.hit')];
    const slider = document.createElement('input');
    const figures = document.createElement('output');
    Object.assign(slider, { type: 'range', max: columns.length - 1, value: columns.length - 1 });
    slider.setAttribute('aria-label', chart.getAttribute('aria-label'));
    const tell = () => {
      const column = columns[slider.value];
      chart.querySelector('.chosen')?.classList.remove('chosen');
      column.classList.add('chosen');
      figures.textContent = column.textContent.replaceAll('\n', ', ');
      slider.setAttribute('aria-valuetext', figures.textContent);
    };
    slider.addEventListener('input', tell);
    chart.addEventListener('pointerover', ({ target }) => {
      const at = columns.indexOf(target);
      if (at < 0) return;
      slider.value = at;
      tell();
    });
    chart.after(slider, figures);
    tell();
  }

  // The table has the figures of every day, newest first; the charts by day have them by column.
  const plots = document.querySelectorAll('.days svg');
  const table = document.querySelector('.scroll table');
  if (table === null) return;
  const make = (name, parent) =>
    parent.appendChild(document.createElementNS('http://www.w3.org/2000/svg', name));
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent).slice(2, -1);
  const number = (text) => Number(text.replaceAll(',', ''));
  for (const [index, row] of [...table.tBodies[0].rows].reverse().entries()) {
    const [day, count, ...parts] = [...row.cells].map((cell) => cell.textContent.trim());
    const shares = names
      .map((name, at) => [name, parts[at]])
      .filter(([, part]) => part !== undefined && part !== '0')
      .map(([name, part]) => `${name} ${part} (${formatShare(number(part), number(count))})`);
    for (const plot of plots) {
      const column = make('path', plot);
      column.setAttribute('class', 'hit');
      column.setAttribute('d', `M${index} 0v186`);
      make('title', column).textContent = [`${day}: ${count}`, ...shares].join('\n');
    }
  }
  for (const chart of document.querySelectorAll('.time')) addSlider(chart);
})();
