import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Breakdown } from '../../src/metric/breakdown.ts';
import { indexEntry, indexPage } from '../../src/page/index-page.ts';
import { mainWindow, type PackageView, packagePage } from '../../src/page/package-page.ts';
import { parsePage } from '../support/html.ts';
import {
  downloads,
  entry,
  historyOf,
  index,
  NOTHING,
  packageDays,
  site,
  YOUNG,
  young,
} from '../support/views.ts';

const HOSTILE = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&`;

const read = (page: string) => parsePage(page).document;
const textOf = (page: string) => parsePage(page).text;
const textsIn = (page: string, selector: string) => parsePage(page).texts(selector);
const cells = (page: string, rows = '#packages tbody tr') => parsePage(page).cells(rows);
const hrefs = (page: string, selector: string) => parsePage(page).hrefs(selector);
/** What it counts in an own window of 30 days. */
const windowOf = (breakdown: Breakdown, windowDays = 30) => ({ windowDays, breakdown });

/** A package that was never collected. */
const fresh: PackageView = { name: 'a', state: 'new', mainWindowDays: 30, warnings: [], windows: [] };

describe('every page', () => {
  const pages = { index: indexPage(index()), package: packagePage(young, site) };

  it.each(Object.entries(pages))('allows itself its own script and style and nothing else: %s', (_, page) => {
    const { document, all } = parsePage(page);
    const [policy] = all('meta[http-equiv="Content-Security-Policy"]').map((meta) =>
      meta.getAttribute('content'),
    );
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
    expect(all('h1')).toHaveLength(1);
  });
});

describe('indexPage', () => {
  it('has a row for each package', () => {
    const busy: Partial<PackageView> = {
      name: 'busy',
      state: 'stale',
      mainWindowDays: 7,
      windows: [windowOf({ ...YOUNG, count: 40_000_000 }, 7)],
      lastSuccess: '2026-04-20T00:00:00.000Z',
    };
    const unused = entry({ name: 'unused', windows: [windowOf(NOTHING)] });
    const packages = [entry(), entry(busy), unused, indexEntry({ ...fresh, name: 'new' }, false)];
    const page = indexPage(index({ packages }));
    expect(cells(page)).toEqual([
      ['young', '14', '30 days', '2,771', '99.5%', '', '25 Apr 2026', 'ok'],
      ['busy', '40,000,000', '7 days', '40,002,757', '<0.1%', '', '20 Apr 2026', 'stale'],
      ['unused', '0', '30 days', '0', '–', '', '25 Apr 2026', 'ok'],
      ['new', '–', '–', '–', '–', '', 'never', 'new'],
    ]);
    expect(hrefs(page, '#packages a')).toEqual(['young/index.html', 'busy/index.html', 'unused/index.html']);
    expect(textOf(page)).toContain('Packages41 stale, 1 new');
  });

  it('says once to which day most packages are counted, and of each other one to which', () => {
    const days = ['2026-04-24', '2026-04-20', '2026-04-24'];
    const packages = days.map((countedTo, at) => entry({ name: `p${at}`, countedTo }));
    const elements = parsePage(indexPage(index({ packages }))).all('[data-counted-to]');
    const told = elements.map((each) => `${each.tagName} ${each.getAttribute('data-counted-to')}`);
    expect(told).toEqual(['TABLE 2026-04-24', 'TD 2026-04-20']);
  });

  it('lays out a list of a thousand as one grid, and no shorter one', () => {
    const isLong = (count: number) => {
      const packages = Array.from({ length: count }, (_, at) => entry({ name: `p${at}` }));
      return read(indexPage(index({ packages }))).querySelector('#packages')?.className;
    };
    expect([isLong(999), isLong(1_000)]).toEqual(['', 'long']);
  });

  it('tells each cause of failure once, as text', () => {
    const failing = (name: string) =>
      entry({ name, state: 'failed', failure: { code: 'permission', sentence: HOSTILE } });
    const few = indexPage(index({ packages: ['a', 'b'].map(failing) }));
    expect(textOf(few)).toContain(`a, b: ${HOSTILE}`);
    expect(textOf(few).split(HOSTILE)).toHaveLength(2);
    expect(parsePage(few).all('script, img')).toHaveLength(1);
    const many = indexPage(index({ packages: [...'abcdef'].map(failing) }));
    expect(textOf(many)).toContain(`6 packages: ${HOSTILE}`);
  });

  it.each([
    ['missingDays', 'Days without data', 'nothing at all for'],
    ['partialDays', 'Days with a part of the data', 'far fewer rows than usual for'],
  ] as const)('tells %s', (what, title, sentence) => {
    const page = (list: readonly string[]) => textOf(indexPage(index({ [what]: list })));
    expect(page([])).not.toContain(title);
    expect(page(['2026-04-01', '2026-04-02'])).toContain(`${sentence} 1 Apr 2026, 2 Apr 2026.`);
    const eleven = Array.from({ length: 11 }, (_, day) => `2026-04-${10 + day}`);
    expect(page(eleven)).toContain(`${sentence} 11 days.`);
  });

  it('has its packages before its warnings, which are counted and linked to above', () => {
    const packages = [entry({ warnings: ['one', 'two'] }), entry()];
    const page = indexPage(index({ packages, partialDays: ['2026-04-01', '2026-04-02'] }));
    const text = textOf(page);
    expect(text).toMatch(/Warnings3.*25 Apr 2026.*Days with a part.*Warnings young: one/);
    expect(hrefs(page, '.facts a')).toEqual(['#warnings']);
    expect(read(page).querySelector('#warnings')?.textContent).toContain('young: two');
    expect(hrefs(indexPage(index()), '.facts a')).toEqual([]);
  });

  it('draws the lines of packages and groups on one scale, which it names', () => {
    const recent = (count: number) => ({ ...entry({ name: `n${count}` }), recent: [count, count, null] });
    const page = indexPage(index({ packages: [recent(9), recent(9_999)], groups: [recent(99)] }));
    const paths = parsePage(page).all('.spark path');
    const heights = paths.map((path) => Number(/^M\S+ (\S+?)h/.exec(path.getAttribute('d') ?? '')?.[1]));
    // Of the group first: half of the way up, then a quarter, and all of it.
    expect(heights).toEqual([13, 18.5, 2]);
    expect(textOf(page)).toContain('one logarithmic scale, from 0 to 9,999 non-CI downloads a day');
  });

  it('tells what may make figures untrue, the first ten, as text', () => {
    expect(textOf(indexPage(index()))).not.toContain('Warnings');
    const doubtful = (name: string) => entry({ name, warnings: [HOSTILE, 'second'] });
    const few = indexPage(index({ packages: [doubtful('a'), entry(), doubtful('b')] }));
    expect(textOf(few)).toContain(`Warnings a: ${HOSTILE}a: secondb: ${HOSTILE}b: second`);
    expect(read(few).querySelectorAll('script')).toHaveLength(1);
    const many = textOf(indexPage(index({ packages: [...'abcdef'].map(doubtful) })));
    expect(many).toContain('e: secondand 2 more');
    expect(many).not.toContain('f: second');
  });

  it('can be drawn before anything has been counted', () => {
    const page = indexPage(index({ finished: undefined, lastDay: undefined, packages: [] }));
    expect(read(page).querySelector('header')?.textContent).toContain('No run yet.');
    expect(textOf(page)).toContain('Counted up tonothing yet');
  });

  it('explains the metric where histories link to, and names whose figures these are', () => {
    expect(textOf(indexPage(index({ source: { name: HOSTILE, shortName: HOSTILE } })))).toContain(
      `counted from ${HOSTILE}.`,
    );
    const metric = read(indexPage(index())).querySelector('#metric');
    expect(metric?.textContent).toContain('pip, pipenv, pipx, uv, poetry or pdm');
    expect(metric?.querySelectorAll('li').length).toBeGreaterThan(3);
  });
});

describe('packagePage', () => {
  const history = historyOf(30, 1, (day) => day % 2, ['2026-04-10']);
  const windows = [...young.windows, { windowDays: 90, breakdown: { ...YOUNG, count: 20 } }];
  const full = { ...young, windows, history };

  it('shows the non-CI downloads, what is excluded, badges and snippets', () => {
    const page = packagePage(full, site);
    const document = read(page);
    expect(document.querySelector('[data-figure=count]')?.textContent).toBe('14');
    expect(textOf(page)).toContain('Of 2,771 downloads of any kind in 30 days, 2,757 (99.5%) are excluded');
    expect(textOf(page)).toContain('90 days: 20 of 2,777');
    const stems = [
      'installer-pip',
      'installer-uv',
      'installer-pip-family',
      'os-linux',
      'os-macos',
      'os-windows',
    ];
    expect(hrefs(page, 'section .badges a')).toEqual([
      ...['downloads-30d-non-ci.svg', 'downloads-90d-non-ci.svg'],
      ...stems.map((stem) => `${stem}-30d-non-ci.svg`),
    ]);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Four formats by two pictures for the hero; of each of the 21 other badges its file, from which the script makes
    // its line.
    const snippets = textsIn(page, 'pre code');
    expect(snippets).toHaveLength(8);
    const others = textsIn(page, '.others code');
    expect(others).toHaveLength(21);
    expect(others.slice(0, 2)).toEqual(['installer-pip-30d-non-ci', 'installer-pipenv-30d-non-ci']);
    expect(textsIn(page, '.others .badge').slice(0, 2)).toEqual(['pip (30d) 9', 'pipenv (30d) 0']);
    expect(document.querySelector('.others')?.getAttribute('data-stem')).toBe('downloads-30d-non-ci');
    expect(snippets[0]).toBe(
      '[![Non-CI PyPI downloads of young by installers in 30 days (a table)](https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fyoung%2Fdownloads-30d-non-ci.json)](https://pypi.org/project/young/)',
    );
  });

  const DAYS = '.scroll tbody tr';

  it('has every day in a table, newest first, with days without data told from zero', () => {
    const page = packagePage(full, site);
    const rows = cells(page, DAYS);
    expect(rows).toHaveLength(30);
    expect(rows[0]).toEqual(['2026-04-24', '2', '1', '1', '0']);
    expect(rows[14]).toEqual(['2026-04-10', 'no data']);
    expect(textOf(page)).toContain('No data for 10 Apr 2026: the table has nothing');
    const missing = Array.from({ length: 12 }, (_, day) => `2026-04-${10 + day}`);
    const many = packagePage({ ...full, history: historyOf(30, 1, 0, missing) }, site);
    expect(textOf(many)).toContain('No data for 12 days: the table has nothing at all for them');
  });

  it.each<[string, Parameters<typeof packageDays>[2], number, string[]]>([
    [
      'unknown days from those without data',
      { unknownDays: ['2026-04-21'] },
      2,
      [
        'uvno data or not known',
        'No data for 20 Apr 2026: the table has nothing at all for it',
        'Not known of 21 Apr 2026: the source does not say which downloads were by CI on it, so the sums leave it out.',
      ],
    ],
    [
      'days with a part',
      { partialDays: ['2026-04-23'] },
      0,
      ['uvonly a part of the data', '2026-04-23 (part)110'],
    ],
    ['the broken line of 2026-08-25', { last: '2026-08-26' }, 0, ['The broken line: from 25 Aug 2026']],
  ])('tells %s', (_, more, without, sentences) => {
    const days = packageDays(5, (index) => (index < without ? null : [downloads('uv', 1)]), more);
    const text = textOf(packagePage({ ...full, history: days }, site));
    for (const sentence of sentences) expect(text).toContain(sentence);
    expect(text.split('(part)')).toHaveLength(1 + (more?.partialDays?.length ?? 0));
    const usual = textOf(packagePage(full, site));
    for (const none of ['not known', 'only a part', 'broken line']) expect(usual).not.toContain(none);
  });

  it('opens the class other into names, the largest first and at most twenty, as text', () => {
    const names = (page: string) => cells(page, 'details > table tbody tr');
    expect(names(packagePage(young, site))).toEqual([
      ['requests', '61'],
      ['conda', '19'],
    ]);
    const others = new Map([
      [HOSTILE, 1_000],
      ...Array.from({ length: 25 }, (_, at) => [`p${at}`, 25 - at] as const),
    ]);
    const many = packagePage({ ...young, windows: [windowOf({ ...YOUNG, others })] }, site);
    expect(names(many)).toHaveLength(20);
    expect(names(many)[0]).toEqual([HOSTILE, '1,000']);
    expect(names(many)[19]).toEqual(['p18', '7']);
    expect(names(packagePage({ ...young, windows: [windowOf(NOTHING)] }, site))).toEqual([]);
  });

  it('tells what may make its figures untrue, and whose they are', () => {
    const page = packagePage({ ...full, warnings: [HOSTILE] }, site);
    expect(textOf(page)).toContain(`Take care with these figures. ${HOSTILE}`);
    expect(read(page).querySelectorAll('script')).toHaveLength(1);
    expect(textOf(packagePage(full, site))).not.toContain('Take care');
    expect(read(page).querySelector('footer')?.textContent).toContain('Counted from a table of the test.');
  });

  it('shows a failure as text, and since when the figures are', () => {
    const failed = (sentence: string) =>
      ({ state: 'failed', failure: { code: 'permission', sentence } }) as const;
    const page = packagePage({ ...full, ...failed(HOSTILE) }, site);
    expect(textOf(page)).toContain(`The last run failed. ${HOSTILE} permission`);
    expect(textOf(page)).toContain('those of the last success, 25 Apr 2026, 04:12 UTC.');
    expect(read(page).querySelectorAll('script')).toHaveLength(1);
    const never = packagePage({ ...fresh, ...failed('no') }, site);
    expect(textOf(never)).toContain('It has never worked.');
    expect(read(never).querySelector('svg')).toBeNull();
    expect(textOf(packagePage(fresh, site))).toContain('Not collected yet.');
  });

  it('says what to set where there is no address to paste', () => {
    const page = packagePage(full, { ...site, publicUrl: undefined });
    expect(textOf(page)).toContain('Set service.public_url in tracked.yaml');
    expect(read(page).querySelectorAll('.snippet, .others')).toHaveLength(0);
  });

  it('has no lines for shields.io where it would refuse the address', () => {
    const page = packagePage(full, { ...site, publicUrl: 'http://badges.example.com' });
    expect(textsIn(page, 'pre code')).toHaveLength(4);
    expect(textsIn(page, 'pre code').join(' ')).not.toContain('img.shields.io');
    expect(textOf(page)).toContain('only the lines for the pictures from this site');
  });

  it('shows a package that nobody downloads without empty charts', () => {
    const nobody = historyOf(20, 0);
    const page = packagePage({ ...young, windows: [windowOf(NOTHING, 20)], history: nobody }, site);
    expect(textOf(page)).toContain('Nothing was downloaded in 20 days.');
    expect(textOf(page)).toContain('None from 5 Apr 2026 to 24 Apr 2026.');
    expect(read(page).querySelectorAll('.chart')).toHaveLength(0);
  });

  it('stays small: 30 days by four installers on less than 30 kB', () => {
    const names = ['pip', 'uv', 'poetry', 'pdm'];
    const busy = (days: number) =>
      packageDays(days, (index) => names.map((name, at) => downloads(name, 17 * index + 31 * at)));
    const size = (more: Partial<PackageView>) => packagePage({ ...young, ...more }, site).length;
    // What the built page weighs beside its charts is measured by npm run bench: style and script are minified.
    expect(size({ history: busy(30) }) - size({})).toBeLessThan(9_000);
    expect(size({ history: busy(365) }) - size({})).toBeLessThan(70_000);
  });

  it('draws the mix of a short window by day', () => {
    const mixOf = (days: number) => textOf(packagePage({ ...full, history: historyOf(days, 1) }, site));
    expect(mixOf(7)).toContain('Installer mix by day');
    expect(mixOf(30)).toContain('Installer mix by week');
  });
});

describe('mainWindow', () => {
  const windows = (...lengths: number[]) => lengths.map((windowDays) => windowOf(NOTHING, windowDays));

  it.each([
    [90, [90, 7], 90],
    [90, [7, 90], 90],
    // Of a window that was just made longer, the history does not tell all days.
    [90, [7], 7],
    [90, [], undefined],
  ])('of %d days, with %j known, is %s', (mainWindowDays, known, expected) => {
    expect(mainWindow({ mainWindowDays, windows: windows(...known) })?.windowDays).toBe(expected);
  });

  it('is the headline, wherever it stands', () => {
    const page = packagePage({ ...young, mainWindowDays: 90, windows: windows(7, 90) }, site);
    expect(textOf(page)).toContain('Nothing was downloaded in 90 days');
    const packages = [entry({ mainWindowDays: 90, windows: windows(7, 90) })];
    expect(cells(indexPage(index({ packages })))[0]?.[2]).toBe('90 days');
  });
});
