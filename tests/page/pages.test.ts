import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { indexPage } from '../../src/page/index-page.ts';
import { packagePage } from '../../src/page/package-page.ts';
import { stateOf } from '../../src/page/parts.ts';
import { entry, historyOf, index, NOTHING, NOW, site, YOUNG, young } from '../support/views.ts';

const HOSTILE = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&`;

const read = (page: string) => parseHTML(page).document;
const textOf = (page: string) =>
  (read(page).querySelector('main')?.textContent ?? '').replaceAll(/\s+/g, ' ').trim();
const cells = (page: string) =>
  [...read(page).querySelectorAll('#packages tbody tr')].map((row) =>
    [...row.querySelectorAll('th, td')].map((cell) => (cell.textContent ?? '').trim()),
  );

describe('every page', () => {
  const pages = { index: indexPage(index(), NOW), package: packagePage(young, site, NOW) };

  it.each(Object.entries(pages))('allows itself its own script and style and nothing else: %s', (_, page) => {
    const document = read(page);
    const policy = document
      .querySelector('meta[http-equiv="Content-Security-Policy"]')
      ?.getAttribute('content');
    const hash = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const inline = (tag: string) => {
      const found = [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))];
      expect(found).toHaveLength(1);
      return found[0]?.[1];
    };
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hash(inline('script'))}`,
      `style-src ${hash(inline('style'))}`,
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(page).not.toMatch(/ style="| on\w+="/);
    expect(document.querySelector('html')?.getAttribute('lang')).toBe('en');
    expect(document.querySelectorAll('h1')).toHaveLength(1);
  });
});

describe('indexPage', () => {
  it('has a row for each package', () => {
    const busy = { windowDays: 7, account: { ...YOUNG, count: 40_000_000 } };
    const page = indexPage(
      index({
        packages: [
          entry(),
          entry({ name: 'busy', windows: [busy], lastSuccess: '2026-04-20T00:00:00.000Z' }),
          entry({ name: 'unused', windows: [{ windowDays: 30, account: NOTHING }] }),
          { name: 'new', state: 'new', windows: [], sparkline: undefined, hasPage: false },
        ],
      }),
      NOW,
    );
    expect(cells(page)).toEqual([
      ['young', '14', '30 days', '2,771', '99.4%', '', '25 Apr 2026', 'ok'],
      ['busy', '40,000,000', '7 days', '40,002,757', '<0.1%', '', '20 Apr 2026', 'stale'],
      ['unused', '0', '30 days', '0', '–', '', '25 Apr 2026', 'ok'],
      ['new', '–', '–', '–', '–', '', 'never', 'not yet'],
    ]);
    const links = [...read(page).querySelectorAll('#packages a')].map((link) => link.getAttribute('href'));
    expect(links).toEqual(['young/index.html', 'busy/index.html', 'unused/index.html']);
    expect(textOf(page)).toContain('Packages41 stale, 1 not collected yet');
  });

  it('tells each cause of failure once, as text', () => {
    const failing = (name: string) =>
      entry({ name, state: 'failed', failure: { code: 'permission', sentence: HOSTILE } });
    const few = indexPage(index({ packages: ['a', 'b'].map(failing) }), NOW);
    expect(textOf(few)).toContain(`a, b: ${HOSTILE}`);
    expect(textOf(few).split(HOSTILE)).toHaveLength(2);
    expect(read(few).querySelectorAll('script')).toHaveLength(1);
    expect(read(few).querySelectorAll('img')).toHaveLength(0);
    const many = indexPage(index({ packages: [...'abcdef'].map(failing) }), NOW);
    expect(textOf(many)).toContain(`6 packages: ${HOSTILE}`);
  });

  it('tells days without data', () => {
    expect(textOf(indexPage(index(), NOW))).not.toContain('Days without data');
    const two = indexPage(index({ missingDays: ['2026-04-01', '2026-04-02'] }), NOW);
    expect(textOf(two)).toContain('nothing at all for 1 Apr 2026, 2 Apr 2026.');
    const eleven = Array.from({ length: 11 }, (_, day) => `2026-04-${10 + day}`);
    expect(textOf(indexPage(index({ missingDays: eleven }), NOW))).toContain('nothing at all for 11 days.');
  });

  it('can be drawn before anything has been counted', () => {
    const page = indexPage(index({ finished: undefined, lastDay: undefined, packages: [] }), NOW);
    expect(read(page).querySelector('header')?.textContent).toContain('No run yet.');
    expect(textOf(page)).toContain('Counted up tonothing yet');
  });

  it('explains the metric where histories link to', () => {
    const metric = read(indexPage(index(), NOW)).querySelector('#metric');
    expect(metric?.textContent).toContain('pip, pipenv, pipx, uv, poetry or pdm');
    expect(metric?.querySelectorAll('li').length).toBeGreaterThan(3);
  });
});

describe('packagePage', () => {
  const history = historyOf(
    30,
    () => 1,
    (day) => day % 2,
    ['2026-04-10'],
  );
  const windows = [...young.windows, { windowDays: 90, account: { ...YOUNG, count: 20 } }];
  const full = { ...young, windows, history };

  it('shows the honest count, what was winnowed out, badges and snippets', () => {
    const page = packagePage(full, site, NOW);
    const document = read(page);
    expect(document.querySelector('[data-figure=count]')?.textContent).toBe('14');
    expect(textOf(page)).toContain(
      'Of 2,771 downloads of any kind in 30 days, 2,757 (99.4%) were winnowed out',
    );
    expect(textOf(page)).toContain('90 days: 20 of 2,777');
    const badges = [...document.querySelectorAll('section .badges a')].map((link) =>
      link.getAttribute('href'),
    );
    expect(badges).toEqual([
      'downloads-30d-non-ci.svg',
      'downloads-90d-non-ci.svg',
      'installer-pip-30d-non-ci.svg',
      'installer-uv-30d-non-ci.svg',
      'installer-pip-family-30d-non-ci.svg',
      'os-linux-30d-non-ci.svg',
      'os-macos-30d-non-ci.svg',
      'os-windows-30d-non-ci.svg',
    ]);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Four formats by two pictures for the hero, and Markdown for each of the 21 other badges.
    const snippets = [...document.querySelectorAll('code')].map(({ textContent }) => textContent ?? '');
    expect(snippets).toHaveLength(8 + 21);
    expect(snippets[0]).toBe(
      '[![PyPI downloads of young by pip, uv, poetry and pdm in the last 30 days, CI left out](https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fyoung%2Fdownloads-30d-non-ci.json)](https://pypi.org/project/young/)',
    );
  });

  it('has every day in a table, newest first, with days without data told from zero', () => {
    const rows = [...read(packagePage(full, site, NOW)).querySelectorAll('.scroll tbody tr')].map((row) =>
      [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent),
    );
    expect(rows).toHaveLength(30);
    expect(rows[0]).toEqual(['2026-04-24', '2', '1', '1', '0']);
    expect(rows[14]).toEqual(['2026-04-10', 'no data']);
    expect(textOf(packagePage(full, site, NOW))).toContain('No data for 10 Apr 2026: the table has nothing');
    const many = historyOf(
      30,
      () => 1,
      () => 0,
      Array.from({ length: 12 }, (_, day) => `2026-04-${10 + day}`),
    );
    expect(textOf(packagePage({ ...full, history: many }, site, NOW))).toContain(
      'No data for 12 days: the table has nothing at all for them',
    );
  });

  it('has no figure for what a history does not tell', () => {
    const pip = history.installers.pip.map((figure, day) => (day === 29 ? null : figure));
    const told = { ...history, installers: { ...history.installers, pip } };
    const row = read(packagePage({ ...full, history: told }, site, NOW)).querySelector('.scroll tbody tr');
    expect([...(row?.querySelectorAll('td') ?? [])].map(({ textContent }) => textContent)).toEqual([
      '2',
      '–',
      '1',
      '0',
    ]);
  });

  it('shows a failure as text, and since when the figures are', () => {
    const page = packagePage(
      { ...full, state: 'failed', failure: { code: 'permission', sentence: HOSTILE } },
      site,
      NOW,
    );
    expect(textOf(page)).toContain(`The last run failed.${HOSTILE} permission`);
    expect(textOf(page)).toContain('those of the last success, 25 Apr 2026, 04:12 UTC.');
    expect(read(page).querySelectorAll('script')).toHaveLength(1);
    const never = packagePage(
      { name: 'a', state: 'failed', failure: { code: 'permission', sentence: 'no' }, windows: [] },
      site,
      NOW,
    );
    expect(textOf(never)).toContain('It has never worked.');
    expect(read(never).querySelector('svg')).toBeNull();
    expect(textOf(packagePage({ name: 'a', state: 'new', windows: [] }, site, NOW))).toContain(
      'Not collected yet.',
    );
  });

  it('says what to set where there is no address to paste', () => {
    const page = packagePage(full, { ...site, publicUrl: undefined }, NOW);
    expect(textOf(page)).toContain('Set service.public_url in tracked.yaml');
    expect(read(page).querySelectorAll('.copy')).toHaveLength(0);
  });

  it('shows a package that nobody downloads without empty charts', () => {
    const nobody = historyOf(20, () => 0);
    const page = packagePage(
      { ...young, windows: [{ windowDays: 20, account: NOTHING }], history: nobody },
      site,
      NOW,
    );
    expect(textOf(page)).toContain('Nobody and nothing has downloaded it in 20 days.');
    expect(textOf(page)).toContain('None from 5 Apr 2026 to 24 Apr 2026.');
    expect(read(page).querySelectorAll('.chart')).toHaveLength(0);
  });

  it('draws the mix of a short window by day', () => {
    expect(textOf(packagePage({ ...full, history: historyOf(7, () => 1) }, site, NOW))).toContain(
      'Installer mix by day',
    );
    expect(textOf(packagePage(full, site, NOW))).toContain('Installer mix by week');
  });
});

describe('stateOf', () => {
  it.each([
    ['ok', '2026-04-25T04:12:00.000Z', 'ok'],
    ['ok', '2026-04-22T06:00:00.001Z', 'ok'],
    ['ok', '2026-04-22T06:00:00.000Z', 'stale'],
    ['ok', undefined, 'ok'],
    ['failed', '2026-04-01T00:00:00.000Z', 'failed'],
    ['new', undefined, 'new'],
  ] as const)('of %s with the last success at %s is %s', (state, lastSuccess, expected) => {
    expect(stateOf({ state, ...(lastSuccess === undefined ? {} : { lastSuccess }) }, 3, NOW)).toBe(expected);
  });
});
