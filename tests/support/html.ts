import { parseHTML } from 'linkedom';

/** A page as a browser reads it. */
export function parsePage(page: string) {
  const { document } = parseHTML(page);
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  const trimmed = ({ textContent }: { textContent: string | null }) => (textContent ?? '').trim();
  return {
    document,
    all,
    /** What its main part says, on one line. */
    text: (document.querySelector('main')?.textContent ?? '').replaceAll(/\s+/g, ' ').trim(),
    texts: (selector: string) => all(selector).map(trimmed),
    hrefs: (selector: string) => all(selector).map((link) => link.getAttribute('href')),
    /** The cells of each of these rows. */
    cells: (rows: string) => all(rows).map((row) => [...row.querySelectorAll('th, td')].map(trimmed)),
  };
}
