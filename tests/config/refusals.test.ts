import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/document.ts';

/** The report that a text is refused with, line by line. */
function report(text: string): string[] {
  try {
    parseConfig(text, 'tracked.yaml', '/etc/pypi-badges');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  throw new Error('the text was accepted');
}

const SERVICE = 'service:\n  output_dir: out\n';
const WINDOW = 'allowed: a whole number of days from 1 to 365, or a list of different ones';
const URL = 'allowed: an http:// or https:// address without a query, a fragment or a password';
const ALL = 'Allowed: service, bigquery, clickhouse, duckdb, badges, facets, packages, groups, compare_chart';
const COLOURS =
  "a colour of shields.io, such as blue or brightgreen, or a hexadecimal one in quotes, such as '#4c1'; or a mapping of counts to colours";
const EXTRAS = 'allowed: a list of trend, sparkline, total, chart and shares of Pythons such as python>=3.10';
/** A list with a comparison, but for what is compared. */
const LIST = '[demo, {name: other, window_days: [3, 7]}, {name: short, window_days: [6, 1]}]⏎compare_chart:';
const COMPARED = 'allowed: a list of 2 to 5 names of packages or groups of the list';
const SERVED = 'lies in output_dir, which is served to everybody';
const SVG = btoa('<svg/>');

/** A file whose one entry is written `entry`; it stands on line 4. */
const withEntry = (entry: string) => `${SERVICE}packages:\n  - ${entry}\n`;
/** What stands between the service's output_dir and a sound list of packages. */
const withLines = (lines: string) => `${SERVICE}${lines}\npackages: [demo]\n`;
const withWindow = (window: string) => withEntry(`name: demo\n    window_days: ${window}`);
const withUrl = (url: string) => withLines(`  public_url: ${url}`);
/** Groups of a list of which `demo` is the only package. */
const withGroup = (group: string) => `${withEntry('demo')}groups:\n  - ${group}\n`;
const withPackages = (list: string) => `${SERVICE}packages: ${list}\n`;
const withService = (lines: string) => `service:\n  ${lines}\npackages: [demo]\n`;

/** What is written, ⏎ for a line break, and behind => how the report on it begins. */
function cases(file: (written: string) => string, rows: string): [text: string, says: string][] {
  return rows
    .trim()
    .split('\n')
    .map((row) => {
      const [written = '', says = ''] = row.split('=>');
      return [file(written.trim().replaceAll('⏎', '\n')), says.trim()];
    });
}

/** Texts with one problem. */
const REFUSED = [
  ...cases(
    withEntry,
    String.raw`
    ../x => 4:5: packages[0]: found "../x"; allowed: a package name
    name: a/b => 4:11: packages[0].name: found "a/b"
    x' OR "1\1" -- => 4:5: packages[0]: found "x' OR \"1\\1\" --"; allowed: a package name
    '' => 4:5: packages[0]: found ""
    '-a' => 4:5: packages[0]: found "-a"
    a. => 4:5: packages[0]: found "a."
    "a\n" => 4:5: packages[0]: found what looks like several lines
    café => 4:5: packages[0]: found "café"
    ${'a'.repeat(201)} => 4:5: packages[0]: found "${'a'.repeat(57)}..."; allowed: a package name: letters, digits, '.', '_' and '-', beginning and ending with a letter or digit, at most 200 characters
    name: 7 => 4:11: packages[0].name: found 7; allowed: a package name
    name: => 4:10: packages[0].name: found nothing (null); allowed: a package name
    window_days: 7 => 4:5: packages[0].name: missing; allowed: a
    [a] => 4:5: packages[0]: found a list; allowed: a package name
    name: demo⏎    windows_day: 30 => 5:5: packages[0].windows_day: unknown key; did you mean window_days? Allowed: name, window_days
    Flask_SQLAlchemy⏎  - name: flask.sqlalchemy => 5:11: packages[1].name: flask.sqlalchemy with 30 days is already listed at line 4 as Flask_SQLAlchemy, which is the same package; list each window once
    name: demo⏎    window_days: [7, 30]⏎  - name: demo⏎    window_days: [90, 7] => 6:11: packages[1].name: demo with 7 days is already listed at line 4; list each window once`,
  ),
  ...['-5', '0', '30.9', 'true', '.nan', '.inf', '366'].map((window): [string, string] => [
    withWindow(window),
    `5:18: packages[0].window_days: found ${window}; ${WINDOW}`,
  ]),
  ...cases(
    withWindow,
    `
    "30" => 5:18: packages[0].window_days: found the text "30"; ${WINDOW}
    30d => 5:18: packages[0].window_days: found "30d"; ${WINDOW}
    null => 5:18: packages[0].window_days: found nothing (null); ${WINDOW}
    [] => 5:18: packages[0].window_days: found an empty list; ${WINDOW}
    [7, 7] => 5:18: packages[0].window_days: found a list; ${WINDOW}
    [7, 0] => 5:22: packages[0].window_days[1]: found 0; ${WINDOW}
    {a: 1} => 5:18: packages[0].window_days: found a mapping; ${WINDOW}`,
  ),
  ...cases(
    (section) => withLines(section.replace(/^service:\n/, '')),
    `
    service:⏎  outputdir: x => 3:3: service.outputdir: unknown key; did you mean output_dir? Allowed: output_dir, state_dir, credential_file
    package: [x] => 3:1: package: unknown key; did you mean packages? ${ALL}
    colour: blue => 3:1: colour: unknown key. ${ALL}
    bigquery:⏎  projectid: x => 4:3: bigquery.projectid: unknown key; did you mean project_id?
    duckdb:⏎  files: x.ndjson⏎  file: x => 5:3: duckdb.file: unknown key; did you mean files? Allowed: files
    __proto__: {x: 1} => 3:1: __proto__: unknown key. Allowed:
    bigquery:⏎  table: "a.b.c\`; DROP TABLE x" => 4:10: bigquery.table: found "a.b.c\`; DROP TABLE x"; allowed: a table as project.dataset.table, without backticks
    bigquery:⏎  table: pypi.file_downloads => 4:10: bigquery.table: found "pypi.file_downloads"; allowed: a table as project.dataset.table
    service:⏎  source: sqlite => 3:11: service.source: found "sqlite"; allowed: bigquery, clickhouse or duckdb
    service:⏎  source: duckdb => 3:11: service.source: duckdb is chosen, but there is no section duckdb with files
    service:⏎  stale_threshold_days: 0 => 3:25: service.stale_threshold_days: found 0; allowed: a whole number of days from 1 to 365
    bigquery:⏎  monthly_budget_gib: 0 => 4:23: bigquery.monthly_budget_gib: found 0; allowed: a number of GiB above 0 and up to 1,000,000, or null for no limit
    bigquery:⏎  monthly_budget_gib: 1e300 => 4:23: bigquery.monthly_budget_gib: found 1e300; allowed: a number of GiB above 0 and up to 1,000,000, or null for no limit
    bigquery:⏎  query_timeout_seconds: 86400 => 4:26: bigquery.query_timeout_seconds: found 86400; allowed: a whole number of seconds from 1 to 3600
    bigquery:⏎  project_id: bigquery-public-data => 4:15: bigquery.project_id: found "bigquery-public-data"; allowed: a project of your own, which runs and pays for the queries
    bigquery:⏎  project_id: "a'b" => 4:15: bigquery.project_id: found "a'b"; allowed: a Google Cloud project id
    bigquery:⏎  location: U S => 4:13: bigquery.location: found "U S"; allowed: a BigQuery location, such as US
    service:⏎  state_dir: out/state => 3:14: service.state_dir: /etc/pypi-badges/out/state ${SERVED}
    service:⏎  credential_file: out/../out/key.json => 3:20: service.credential_file: /etc/pypi-badges/out/key.json ${SERVED}
    service:⏎  source: clickhouse⏎clickhouse:⏎  password_file: out/pass => 5:18: clickhouse.password_file: /etc/pypi-badges/out/pass ${SERVED}
    badges:⏎  color: reddish => 4:10: badges.color: found "reddish"; allowed: a colour of shields.io, such as blue
    badges:⏎  color: {-1: red} => 4:15: badges.color.-1: found "red"; allowed: ${COLOURS}
    badges:⏎  logo: data:image/svg+xml;base64,${SVG}⏎  logo_color: red => 5:15: badges.logo_color: found "red"; allowed: no colour beside an SVG, as only a logo by its name can be coloured
    badges:⏎  style: round => 4:10: badges.style: found "round"; allowed: one of flat, flat-square, plastic, for-the-badge, social
    badges:⏎  logo: https://x.example/a.svg => 4:9: badges.logo: found "https://x.example/a.svg"; allowed: a name of simpleicons.org
    badges:⏎  cache_seconds: 60 => 4:18: badges.cache_seconds: found 60; allowed: a whole number of seconds from 300 to 86400
    badges:⏎  suffix: '' => 4:11: badges.suffix: found ""; allowed: a text of 1 to 20 characters
    badges:⏎  extra: [stars] => 4:11: badges.extra[0]: found "stars"; ${EXTRAS}
    badges:⏎  extra: [3.10] => 4:11: badges.extra[0]: found 3.10; allowed: a list of trend
    badges:⏎  extra: [trend, 'python>=3.9'] => 4:18: badges.extra[1]: python>=3.9 is made from the list of Pythons, which is not counted; write facets: {every_days: 7}, which costs money, or leave it out
    service:⏎  source: clickhouse⏎facets: {every_days: 0}⏎badges: {extra: ['python>=3.9']} => 5:18: badges.extra[0]: python>=3.9 is made from the list of Pythons, which is not counted; write facets: {every_days: 7}, or leave it out
    groups:⏎  - {name: all, packages: [demo], badges: {extra: ['python>=3.9']}} => 4:52: groups[0].badges.extra[0]: python>=3.9 is made from the list of Pythons, which is not counted
    badges:⏎  colour: red => 4:3: badges.colour: unknown key; did you mean color?`,
  ),
  ...'python >= 3.10,Python>=3.10,python-3.10,python3.10,python>=3.10.1, python>=3.10,python>=3.100,python>=3,python<3.10'
    .split(',')
    .map((extra): [string, string] => [
      withLines(`badges:\n  extra: [chart, "${extra}"]`),
      `4:18: badges.extra[1]: found "${extra}"; ${EXTRAS}${/^p[^<]*3.10/i.test(extra) ? '; did you mean python>=3.10?' : ''}`,
    ]),
  ...['ftp://example.com', 'https:example.com', 'http://', 'https://x.y/?q', 'https://x.y/#f'].map(
    (url): [string, string] => [withUrl(url), `3:15: service.public_url: found "${url}"; ${URL}`],
  ),
  ...cases(
    withGroup,
    String.raw`
    {name: Demo, packages: [demo]} => 6:12: groups[0].name: demo is a package of the list; give the group another name
    {name: a_b, packages: [demo]}⏎  - {name: A-B, packages: [demo]} => 7:12: groups[1].name: there is a group a-b already
    {name: all, packages: [x]} => 6:28: groups[0].packages[0]: x is not in the list; list it under packages, too
    {name: all, packages: [requests]} => 6:28: groups[0].packages[0]: requests is not in the list; list it under packages, too
    {name: all, packages: []} => 6:27: groups[0].packages: found an empty list; allowed: a list with at least one name of packages
    {name: all} => 6:5: groups[0].packages: missing; allowed: a list with at least one name of packages
    {name: all, title: "a\tb", packages: [demo]} => 6:24: groups[0].title: found what looks like text with control characters, which is not repeated here; allowed: a text of 1 to 60 characters on one line
    {name: all, packages: [demo], package: x} => 6:35: groups[0].package: unknown key; did you mean packages? Allowed: name, title, packages, window_days, badges`,
  ),
  ...cases(
    withPackages,
    `
    [requests]⏎groups:⏎  - {name: all, packages: [request]} => 5:28: groups[0].packages[0]: request is not in the list; did you mean requests?
    [a-b]⏎groups:⏎  - {name: all, packages: [a-b, A_B]} => 5:33: groups[0].packages[1]: a-b is in the group already
    [{name: a, window_days: [7, 90]}, demo]⏎groups:⏎  - {name: all, packages: [a, demo], window_days: [30, 60]} => 5:31: groups[0].packages[1]: demo is read for 30 days only, and the group needs 60; give it window_days of 60 or more, too
    ${LIST} demo => 4:16: compare_chart: found "demo"; ${COMPARED}
    ${LIST} [demo] => 4:16: compare_chart: found a list; ${COMPARED}
    ${LIST} [a, b, c, d, e, f] => 4:16: compare_chart: found a list; ${COMPARED}
    ${LIST} [demo, 7] => 4:23: compare_chart[1]: found 7; allowed: a package name
    ${LIST} [demo, requests] => 4:23: compare_chart[1]: requests is not in the list; list it under packages, too
    ${LIST} [demo, ohter] => 4:23: compare_chart[1]: ohter is not in the list; did you mean other?
    ${LIST} [demo, other, DEMO] => 4:30: compare_chart[2]: demo is in the chart already
    ${LIST} [demo, short] => 4:23: compare_chart[1]: short is read for 6 days only, and the chart needs 7; give it window_days of 7 or more, too
    [demo, demo] => 3:18: packages[1]: demo with 30 days is already listed at line 3; list each window once
    [] => 3:11: packages: found an empty list; allowed: a list
    => 3:11: packages: found nothing (null); allowed: a list
    {demo: 30} => 3:11: packages: found a mapping; allowed: a list`,
  ),
  ...cases(
    withService,
    `
    state_dir: x => 2:3: service.output_dir: missing; allowed: the path of the folder for the badge files
    output_dir: '' => 2:15: service.output_dir: found ""; allowed: the path of the folder
    output_dir: ~/out => 2:15: service.output_dir: found "~/out"; allowed: the path of the folder for the badge files; ~ and $NAME are not expanded: write the path out`,
  ),
  [SERVICE, '1:1: packages: missing; allowed: a list with at least one package'],
  ['packages: [demo]\n', '1:1: service: missing; allowed: a mapping with at least output_dir'],
] as [string, string][];

/** Faults of the YAML itself, which have no field, and what the report on each says. */
const BROKEN: [string, string, RegExp][] = [
  ['a key twice', withService('output_dir: a\n  output_dir: b'), /:3:3: .*Map keys must be unique/],
  ['a list that is not closed', `${SERVICE}packages: [demo\n`, /:4:1: .*end with a \]/],
  [
    'a tab as indent',
    'service:\n\toutput_dir: out\npackages: [demo]\n',
    /:2:1: Tabs are not allowed as indentation/,
  ],
  ['several documents', withPackages('[a]\n---\nx: 1'), /:4:1: .*several YAML documents; keep one/],
  ['an alias of nothing', withPackages('[*demo]'), /:3:12: .*alias/],
  ['an unknown tag', withPackages('!!python/object [demo]'), /:3:11: .*Unresolved tag/],
  ['a list as a key', withPackages('[demo]\n? [x, y]\n: 1'), /:4:3: .*a key must be a word/],
  ...['', '# later\n', '- demo\n', 'demo\n'].map((text): [string, string, RegExp] => [
    `no mapping: ${JSON.stringify(text)}`,
    text,
    /:1:1: .*allowed: a mapping with service and packages$/,
  ]),
  [
    'an alias bomb, at once',
    Array.from({ length: 9 }, (_, level) => {
      const items = Array.from({ length: 10 }, () => (level === 0 ? 'lol' : `*a${level - 1}`));
      return `a${level}: &a${level} [${items.join(', ')}]\n`;
    }).join(''),
    /:1:1: .*alias/,
  ],
];

/** Characters that XML forbids, or that change how a text is read, as YAML may write them: U+FFFF as it is, too. */
const UNSEEN = String.raw`\ud83d \ude00 \uffff \ufffe \0 \e \x9b \n \u2028 \P \u202e \u2066`
  .split(' ')
  .concat('\uffff');

/** Where a text of tracked.yaml may stand: the field, the value's place, and the file. */
const TEXTS: [string, string, (value: string) => string][] = [
  ['badges.label', '4:10', (value) => withLines(`badges:\n  label: ${value}`)],
  ['badges.suffix', '4:11', (value) => withLines(`badges:\n  suffix: ${value}`)],
  ['badges.logo', '4:9', (value) => withLines(`badges:\n  logo: ${value}`)],
  ['badges.color', '4:10', (value) => withLines(`badges:\n  color: ${value}`)],
  ['packages[0].badges.label', '4:34', (value) => withEntry(`{name: demo, badges: {label: ${value}}}`)],
  ['groups[0].title', '6:40', (value) => withGroup(`{name: g, packages: [demo], title: ${value}}`)],
  ['packages[0]', '4:5', withEntry],
  ['service.output_dir', '2:15', (value) => withService(`output_dir: ${value}`)],
  ['service.public_url', '3:15', withUrl],
  ['service.source', '3:11', (value) => withLines(`  source: ${value}`)],
];

describe('a tracked.yaml that cannot be used', () => {
  it.each(TEXTS)(
    'is refused for characters in %s that would break files or mislead',
    (field, place, file) => {
      for (const written of UNSEEN) {
        const [problem = '', last] = report(file(`"a${written}b"`));
        const says = expect.stringContaining(`tracked.yaml:${place}: ${field}: found what looks like `);
        expect([written, problem]).toEqual([written, says]);
        expect(problem).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\uffff]/u);
        expect(last).toBe('1 problem in tracked.yaml; nothing was queried or written');
      }
    },
  );

  it('is refused for a key of such characters, which is not repeated', () => {
    const [problem] = report(withLines(String.raw`"a\u202eb": 1`));
    expect(problem).toContain(
      'tracked.yaml:3:1: (not repeated here): what looks like text with control characters stands here as a key',
    );
  });

  it.each(REFUSED)('is refused: %j', (text, says) => {
    const [problem = '', ...rest] = report(text);
    expect(problem.slice(0, 'tracked.yaml:'.length + says.length)).toBe(`tracked.yaml:${says}`);
    expect(rest).toEqual(['1 problem in tracked.yaml; nothing was queried or written']);
  });

  it.each(BROKEN)('is refused for %s', (_, text, says) => {
    expect(report(text)[0]).toMatch(says);
  });

  it('has all its problems in one report, in the order of its lines', () => {
    const lines = report(`service:
  output_dir: 7
  public_url: ftp://x
bigquery:
  tabel: a.b.c
packages:
  - ../x
  - name: demo
    window_days: -1
  - Other
  - {name: other, colour: red}
extra: 1
groups: [{name: b, packages: [7]}, {name: a b}]
`);
    expect(lines.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'tracked.yaml:2:15 service.output_dir',
      'tracked.yaml:3:15 service.public_url',
      'tracked.yaml:5:3 bigquery.tabel',
      'tracked.yaml:7:5 packages[0]',
      'tracked.yaml:9:18 packages[1].window_days',
      'tracked.yaml:11:12 packages[3].name',
      'tracked.yaml:11:19 packages[3].colour',
      'tracked.yaml:12:1 extra',
      'tracked.yaml:13:31 groups[0].packages[0]',
      'tracked.yaml:13:36 groups[1].packages',
      'tracked.yaml:13:43 groups[1].name',
      '11 problems in tracked.yaml; nothing was queried or written',
    ]);
  });

  it('keeps the positions of what stands behind an alias', () => {
    const lines = report(`service: {output_dir: out}
bigquery: &b
  table: wrong
duckdb: {files: x, colour: *b}
packages:
  - {name: demo, window_days: &w 400}
  - {name: other, window_days: *w}
`);
    for (const [index, says] of [
      '3:10: bigquery.table: found "wrong"',
      '4:20: duckdb.colour: unknown key',
      '6:34: packages[0].window_days: found 400',
      '7:32: packages[1].window_days: found 400',
    ].entries()) {
      expect(lines[index]).toContain(`tracked.yaml:${says}`);
    }
  });
});

const logo = (content: string | Buffer) =>
  withLines(`badges: {logo: 'data:image/svg+xml;base64,${Buffer.from(content).toString('base64')}'}`);
const PATH = '<path d="M0 0h4v4z"/>';

it.each([
  `<svg xmlns="http://www.w3.org/2000/svg">${PATH}</svg>\n`,
  `\ufeff<?xml version="1.0"?>\n<!-- <b> -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">\n<svg>${PATH}</svg >`,
  `<!DOCTYPE svg [ <!ENTITY a "b"> ]><svg:svg xmlns:svg="http://www.w3.org/2000/svg"></svg:svg><!-- end -->`,
  '<svg aria-label="a > b"/>',
])('a logo may be the SVG %s', (svg) => {
  expect(() => parseConfig(logo(svg), 'tracked.yaml', '/etc/pypi-badges')).not.toThrow();
});

it.each<[string, string | Buffer]>([
  ['a PNG', Buffer.from('89504e470d0a1a0a0000000d', 'hex')],
  ['a page', `<html><svg>${PATH}</svg></html>`],
  ['a word', 'svg'],
  ['an element with a longer name', '<svgs></svgs>'],
  ['cut short', `<svg>${PATH.slice(0, 12)}`],
  ['of elements that are left open', '<svg><g></svg>'],
  ['of attributes without quotes', '<svg width=1/>'],
  ['with an entity of HTML', '<svg><text>&nbsp;</text></svg>'],
  ['followed by more', '<svg></svg><script/>'],
  ['with a character that XML forbids', '<svg>\0</svg>'],
  ['UTF-16', Buffer.from('<svg></svg>', 'utf16le')],
  ['in no UTF-8', Buffer.from('<svg>\xe9</svg>', 'latin1')],
])('a logo that is no SVG is refused: %s', (_, content) => {
  expect(report(logo(content))[0]).toMatch(/badges\.logo: found .*; allowed: .* or a whole SVG as data:/);
});
