import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors/codes.ts';
import { type IndexView, indexPage } from '../../src/page/index-page.ts';
import { type PackageView, packagePage } from '../../src/page/package-page.ts';
import { parsePage } from '../support/html.ts';
import {
  daysWith,
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

const ROWS = '#packages tbody tr';
const indexOf = (view: Partial<IndexView> = {}, more: Partial<typeof site> = {}) =>
  parsePage(indexPage(index(view), { ...site, ...more }));
const pageOf = (view: Partial<PackageView> = {}, more: Partial<typeof site> = {}) =>
  parsePage(packagePage({ ...young, ...view }, { ...site, ...more }));
/** What it counts in an own window of 30 days. */
const windowOf = (breakdown = NOTHING, windowDays = 30) => ({ windowDays, breakdown });
/** A package that was never collected. */
const fresh: PackageView = { name: 'a', state: 'new', warnings: [], windows: [] };
/** One whose last run failed, and what strangers are told of that. */
const failed = { state: 'failed', failure: 'permission' } as const;
const WHY = `${ERRORS.permission.public} permission`;
const list = (count: number, view: Partial<PackageView> = {}) =>
  Array.from({ length: count }, (_, at) => entry({ name: `p${at}`, ...view }));

it.each([
  ['all packages', indexPage(index(), site)],
  ['a package', packagePage(young, site)],
])('the page of %s allows itself its own script and style and nothing else', (_, page) => {
  const { document, all } = parsePage(page);
  const hashOf = (tag: string) => {
    const found = [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))];
    expect(found).toHaveLength(1);
    return `'sha256-${createHash('sha256').update(String(found[0]?.[1])).digest('base64')}'`;
  };
  const policy = document
    .querySelector('meta[http-equiv="Content-Security-Policy"]')
    ?.getAttribute('content');
  expect(policy).toBe(
    `default-src 'none'; script-src ${hashOf('script')}; style-src ${hashOf('style')}; img-src data:; base-uri 'none'; form-action 'none'`,
  );
  expect(page).not.toMatch(/ style="| on\w+="/);
  expect(document.querySelector('html')?.getAttribute('lang')).toBe('en');
  expect(all('h1')).toHaveLength(1);
});

describe('indexPage', () => {
  it('has a row for each package', () => {
    const busy = { name: 'busy', state: 'stale', lastSuccess: '2026-04-20' } as const;
    const { cells, hrefs, text } = indexOf({
      packages: [
        entry(),
        entry({ ...busy, windows: [windowOf({ ...YOUNG, count: 40_000_000 }, 7)] }),
        entry({ name: 'unused', windows: [windowOf()] }),
        { ...fresh, name: 'new', hasPage: false, recent: [] },
      ],
    });
    expect(cells(ROWS)).toEqual([
      ['young', '14', '30 days', '2,771', '99.5%', '', '25 Apr 2026', 'ok'],
      ['busy', '40,000,000', '7 days', '40,002,757', '<0.1%', '', '20 Apr 2026', 'stale'],
      ['unused', '0', '30 days', '0', '–', '', '25 Apr 2026', 'ok'],
      ['new', '–', '–', '–', '–', '', 'never', 'new'],
    ]);
    expect(hrefs('#packages a')).toEqual(['young/index.html', 'busy/index.html', 'unused/index.html']);
    expect(text).toContain('Packages41 stale, 1 new');
  });

  it('says once to which day most packages are counted, and of each other one to which', () => {
    const packages = ['24', '20', '24'].map((day) => entry({ countedTo: `2026-04-${day}` }));
    const elements = indexOf({ packages }).all('[data-counted-to]');
    const told = elements.map((each) => `${each.tagName} ${each.getAttribute('data-counted-to')}`);
    expect(told).toEqual(['TABLE 2026-04-24', 'TD 2026-04-20']);
  });

  it('lays out a list of a thousand as one grid, and no shorter one', () => {
    const tables = [999, 1_000].map((count) => indexOf({ packages: list(count) }).all('#packages')[0]);
    expect(tables.map((table) => table?.className)).toEqual(['', 'long']);
  });

  it('tells each cause of failure once', () => {
    const failing = (count: number) => indexOf({ packages: list(count, failed) }).text;
    expect(failing(2)).toContain(`p0, p1: ${WHY}`);
    expect(failing(2).split(WHY)).toHaveLength(2);
    expect(failing(6)).toContain(`6 packages: ${WHY}`);
  });

  it.each([
    ['missingDays', 'Days without data', 'nothing at all for'],
    ['partialDays', 'Days with a part of the data', 'far fewer rows than usual for'],
    ['excessDays', 'Days with too much data', 'more than twice the usual rows for'],
  ] as const)('tells %s', (what, title, sentence) => {
    const page = (days: readonly string[]) => indexOf({ [what]: days }).text;
    expect(page([])).not.toContain(title);
    const two = page(['2026-04-01', '2026-04-02']);
    expect(two).toContain(`${title} The table has ${sentence} 1 Apr 2026, 2 Apr 2026.`);
    const eleven = Array.from({ length: 11 }, (_, day) => `2026-04-${10 + day}`);
    expect(page(eleven)).toContain(`${sentence} 11 days.`);
  });

  it('has its warnings below the packages, the first ten, as text, and counts them above', () => {
    const doubtful = (count: number) => list(count, { warnings: [HOSTILE, 'second'] });
    const few = indexOf({ packages: [...doubtful(1), entry()], partialDays: ['2026-04-01', '2026-04-02'] });
    expect(few.text).toMatch(/Warnings3.*25 Apr 2026.*Days with a part.*Warnings p0: .*p0: second/);
    expect([few.hrefs('.facts a'), few.all('script').length]).toEqual([['#warnings'], 1]);
    expect(few.texts('#warnings')[0]).toContain(`p0: ${HOSTILE}`);
    const many = indexOf({ packages: doubtful(6) }).text;
    expect(many).toContain('p4: secondand 2 more');
    expect(many).not.toContain('p5: second');
    expect(indexOf().text).not.toContain('Warnings');
  });

  it('draws the lines of packages and groups on one scale, which it names', () => {
    const recent = (count: number) => ({ ...entry({ name: `n${count}` }), recent: [count, count, null] });
    const { all, text } = indexOf({ packages: [recent(9), recent(9_999)], groups: [recent(99)] });
    const starts = all('.spark path').map((path) => path.getAttribute('d')?.split('l')[0]?.split(' ')[1]);
    // Of the group first: half of the way up, then a quarter, and all of it.
    expect(starts).toEqual(['13', '18.5', '2']);
    expect(text).toContain('one logarithmic scale, from 0 to 9,999 non-CI downloads a day');
  });

  it('can be drawn before anything has been counted', () => {
    const page = indexOf({ lastDay: undefined, packages: [] }, { finished: undefined });
    expect([page.texts('header')[0], page.text].join()).toMatch(/No run yet\..*Counted up tonothing yet/s);
  });

  it('explains the metric where histories link to, and names whose figures these are', () => {
    const { text, texts } = indexOf({}, { source: { name: HOSTILE, shortName: HOSTILE } });
    expect(text).toContain(`counted from ${HOSTILE}.`);
    expect(texts('#metric')[0]).toContain('pip, pipenv, pipx, uv, poetry or pdm');
    expect(texts('#metric li').length).toBeGreaterThan(3);
  });
});

describe('packagePage', () => {
  const history = historyOf(30, 1, (day) => day % 2, ['2026-04-10']);
  const windows = [...young.windows, windowOf({ ...YOUNG, count: 20 }, 90)];
  const full = { windows, history };

  it('shows the non-CI downloads, what is excluded, badges and snippets', () => {
    const { text, texts, hrefs, all } = pageOf(full);
    expect(texts('[data-figure=count]')).toEqual(['14']);
    expect(text).toContain('Of 2,771 downloads of any kind in 30 days, 2,757 (99.5%) are excluded');
    expect(text).toMatch(/90 days: 20 of 2,777.*Installer mix by week/);
    const main = 'downloads-30d downloads-90d installer-pip-30d installer-uv-30d installer-pip-family-30d';
    const stems = `${main} os-linux-30d os-macos-30d os-windows-30d`.split(' ');
    expect(hrefs('section .badges a')).toEqual(stems.map((stem) => `${stem}-non-ci.svg`));
    const ids = all('[id]').map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Four formats by two pictures for the hero; of each other badge its file, from which the script makes its line.
    expect([texts('pre code').length, texts('.others code').length]).toEqual([8, 21]);
    expect(texts('.others li').slice(0, 2)).toEqual([
      'pip (30d) 9 installer-pip-30d-non-ci',
      'pipenv (30d) 0 installer-pipenv-30d-non-ci',
    ]);
    expect(all('.others')[0]?.getAttribute('data-stem')).toBe('downloads-30d-non-ci');
    expect(texts('pre code')[0]).toBe(
      '[![Non-CI PyPI downloads of young by installers in 30 days (a table)](https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fyoung%2Fdownloads-30d-non-ci.json)](https://pypi.org/project/young/)',
    );
  });

  it('has every day in a table, newest first, with days without data told from zero', () => {
    const { cells, text } = pageOf(full);
    const rows = cells('.scroll tbody tr');
    expect(rows).toHaveLength(30);
    expect([rows[0], rows[14]]).toEqual([
      ['2026-04-24', '2', '1', '1', '0'],
      ['2026-04-10', 'no data'],
    ]);
    expect(text).toContain('No data for 10 Apr 2026: the table has nothing');
    const twelve = Array.from({ length: 30 }, (_, day) => (day < 12 ? null : 1));
    const sentence = 'No data for 12 days: the table has nothing at all for them';
    expect(pageOf({ ...full, history: daysWith(twelve) }).text).toContain(sentence);
  });

  const NO_DATA = 'No data for 20 Apr 2026: the table has nothing at all for it';
  const NOT_KNOWN =
    'Not known of 21 Apr 2026: the source does not say which downloads were by CI on it, so the sums leave it out.';
  it.each<[Parameters<typeof packageDays>[2], number, ...sentences: string[]]>([
    [{ unknownDays: ['2026-04-21'] }, 2, 'uvno data or not known', NO_DATA, NOT_KNOWN],
    [{ partialDays: ['2026-04-23'] }, 0, 'uvonly a part of the data', '2026-04-23 (part)110'],
    [{ last: '2026-08-26' }, 0, 'The broken line: from 25 Aug 2026'],
  ])('tells what days lack: %j', (more, without, ...sentences) => {
    const days = packageDays(5, (index) => (index < without ? null : [downloads('uv', 1)]), more);
    const { text } = pageOf({ ...full, history: days });
    for (const sentence of [...sentences, 'Installer mix by day']) expect(text).toContain(sentence);
    expect(text.split('(part)')).toHaveLength(1 + (more?.partialDays?.length ?? 0));
    expect(pageOf(full).text).not.toMatch(/not known|only a part|broken line/);
  });

  it('opens the class other into names, the largest first, as text', () => {
    const names = (...others: [string, number][]) =>
      pageOf({ windows: [windowOf({ ...YOUNG, others: new Map(others) })] }).cells(
        'details > table tbody tr',
      );
    expect(names(['conda', 19], [HOSTILE, 1_000])).toEqual([
      [HOSTILE, '1,000'],
      ['conda', '19'],
    ]);
    expect(names()).toEqual([]);
  });

  it('tells what may make its figures untrue, and whose they are', () => {
    const { text, texts, all } = pageOf({ ...full, warnings: [HOSTILE] });
    expect(text).toContain(`Take care with these figures. ${HOSTILE}`);
    expect(texts('footer')[0]).toContain('Counted from a table of the test.');
    expect(all('script')).toHaveLength(1);
    expect(pageOf(full).text).not.toContain('Take care');
  });

  it('shows a failure, and since when the figures are', () => {
    const { text } = pageOf({ ...full, ...failed });
    expect(text).toContain(`The last run failed. ${WHY}`);
    expect(text).toContain('those of the last success, 25 Apr 2026, 04:12 UTC.');
    const never = parsePage(packagePage({ ...fresh, ...failed }, site));
    expect(never.text).toContain('It has never worked.');
    expect(never.all('svg')).toEqual([]);
    expect(packagePage(fresh, site)).toContain('Not collected yet.');
  });

  it('has no lines for shields.io where it would refuse the address, and says what to set where there is none', () => {
    const { text, texts } = pageOf(full, { publicUrl: 'http://badges.example.com' });
    expect(texts('pre code')).toHaveLength(4);
    expect(texts('pre code').join(' ')).not.toContain('img.shields.io');
    expect(text).toContain('only the lines for the pictures from this site');
    const nowhere = pageOf(full, { publicUrl: undefined });
    expect(nowhere.text).toContain('Set service.public_url in tracked.yaml');
    expect(nowhere.all('.snippet, .others')).toEqual([]);
  });

  it('shows a package that nobody downloads without empty charts', () => {
    const { text, all } = pageOf({ windows: [windowOf(NOTHING, 20)], history: historyOf(20, 0) });
    expect(text).toMatch(/Nothing was downloaded in 20 days\..*None from 5 Apr 2026 to 24 Apr 2026\./);
    expect(all('.chart')).toEqual([]);
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
});
