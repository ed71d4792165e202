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

/** A file whose one entry is written `entry`; it stands on line 4. */
function withEntry(entry: string): string {
  return `${SERVICE}packages:\n  - ${entry}\n`;
}

/** A file whose one package has the window written `window`, at line 5, column 18. */
function withWindow(window: string): string {
  return withEntry(`name: demo\n    window_days: ${window}`);
}

const WINDOW = 'allowed: a whole number of days from 1 to 365, or a list of different ones';

/** A text, where its one problem stands, the field, and what the report says of it. */
const REFUSED: [string, string, string, string, string][] = [
  [
    'a path upwards as a name',
    withEntry('../x'),
    '4:5',
    'packages[0]',
    'found "../x"; allowed: a package name',
  ],
  ['a path as a name', withEntry('a/b'), '4:5', 'packages[0]', 'found "a/b"; allowed: a package name'],
  ['a path in a mapping', withEntry('name: a/b'), '4:11', 'packages[0].name', 'found "a/b"'],
  ['a backslash in a name', withEntry("'a\\b'"), '4:5', 'packages[0]', 'found "a\\\\b"'],
  ['an absolute path as a name', withEntry('name: /etc'), '4:11', 'packages[0].name', 'found "/etc"'],
  ['quotes in a name', withEntry("name: a'b"), '4:11', 'packages[0].name', 'found "a\'b"'],
  ['double quotes in a name', withEntry(`'a"b'`), '4:5', 'packages[0]', 'found "a\\"b"'],
  ['SQL in a name', withEntry("x' OR 1=1 --"), '4:5', 'packages[0]', 'allowed: a package name'],
  ['an empty name', withEntry("name: ''"), '4:11', 'packages[0].name', 'found ""; allowed: a package name'],
  ['an empty name alone', withEntry("''"), '4:5', 'packages[0]', 'found ""'],
  ['a space in a name', withEntry("'a b'"), '4:5', 'packages[0]', 'found "a b"'],
  ['a name that begins with a hyphen', withEntry("'-a'"), '4:5', 'packages[0]', 'found "-a"'],
  ['a name that ends in a dot', withEntry('a.'), '4:5', 'packages[0]', 'found "a."'],
  [
    'a line break in a name',
    withEntry('"a\\nb"'),
    '4:5',
    'packages[0]',
    'found what looks like several lines',
  ],
  [
    'a line break at the end of a name',
    withEntry('"a\\n"'),
    '4:5',
    'packages[0]',
    'found what looks like several lines',
  ],
  ['a letter beyond ASCII', withEntry('café'), '4:5', 'packages[0]', 'found "café"'],
  [
    'a name too long for a folder',
    withEntry('a'.repeat(201)),
    '4:5',
    'packages[0]',
    'at most 200 characters',
  ],
  [
    'a number as a name',
    withEntry('name: 7'),
    '4:11',
    'packages[0].name',
    'found 7; allowed: a package name',
  ],
  ['nothing as a name', withEntry('name:'), '4:10', 'packages[0].name', 'allowed: a package name'],
  ['an entry without a name', withEntry('window_days: 7'), '4:5', 'packages[0].name', 'missing; allowed: a'],
  [
    'an entry that is a list',
    withEntry('[a]'),
    '4:5',
    'packages[0]',
    'found a list; allowed: a package name',
  ],
  ['a window of -5', withWindow('-5'), '5:18', 'packages[0].window_days', `found -5; ${WINDOW}`],
  ['a window of 0', withWindow('0'), '5:18', 'packages[0].window_days', `found 0; ${WINDOW}`],
  ['a fractional window', withWindow('30.9'), '5:18', 'packages[0].window_days', `found 30.9; ${WINDOW}`],
  [
    'a quoted window',
    withWindow('"30"'),
    '5:18',
    'packages[0].window_days',
    `found the text "30"; ${WINDOW}`,
  ],
  ['a boolean window', withWindow('true'), '5:18', 'packages[0].window_days', `found true; ${WINDOW}`],
  [
    'a window that is no number',
    withWindow('.nan'),
    '5:18',
    'packages[0].window_days',
    `found .nan; ${WINDOW}`,
  ],
  ['an endless window', withWindow('.inf'), '5:18', 'packages[0].window_days', `found .inf; ${WINDOW}`],
  ['a window of 100000', withWindow('100000'), '5:18', 'packages[0].window_days', `found 100000; ${WINDOW}`],
  ['a window of 366', withWindow('366'), '5:18', 'packages[0].window_days', `found 366; ${WINDOW}`],
  ['a window in words', withWindow('30d'), '5:18', 'packages[0].window_days', `found "30d"; ${WINDOW}`],
  [
    'a window of null',
    withWindow('null'),
    '5:18',
    'packages[0].window_days',
    `found nothing (null); ${WINDOW}`,
  ],
  ['an empty list of windows', withWindow('[]'), '5:18', 'packages[0].window_days', 'found an empty list'],
  ['a window twice', withWindow('[7, 7]'), '5:18', 'packages[0].window_days', `found a list; ${WINDOW}`],
  [
    'one bad window in a list',
    withWindow('[7, 0]'),
    '5:22',
    'packages[0].window_days[1]',
    `found 0; ${WINDOW}`,
  ],
  ['a mapping as a window', withWindow('{a: 1}'), '5:18', 'packages[0].window_days', 'found a mapping'],
  [
    'an unknown key of a package',
    withEntry('name: demo\n    windows_day: 30'),
    '5:5',
    'packages[0].windows_day',
    'unknown key; did you mean window_days? Allowed: name, window_days',
  ],
  [
    'an unknown key of the service',
    'service:\n  output_dir: out\n  outputdir: x\npackages: [demo]\n',
    '3:3',
    'service.outputdir',
    'unknown key; did you mean output_dir? Allowed: output_dir, state_dir, credential_file',
  ],
  [
    'an unknown key at the top',
    `${SERVICE}package: [x]\npackages: [demo]\n`,
    '3:1',
    'package',
    'unknown key; did you mean packages? Allowed: service, bigquery, clickhouse, duckdb, badges, packages, groups',
  ],
  [
    'an unknown key that is like no other',
    `${SERVICE}colour: blue\npackages: [demo]\n`,
    '3:1',
    'colour',
    'unknown key. Allowed: service, bigquery, clickhouse, duckdb, badges, packages, groups',
  ],
  [
    'an unknown key of bigquery',
    `${SERVICE}bigquery:\n  projectid: x\npackages: [demo]\n`,
    '4:3',
    'bigquery.projectid',
    'unknown key; did you mean project_id?',
  ],
  [
    'a group with the name of a package',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: Demo, packages: [demo]}\n`,
    '5:12',
    'groups[0].name',
    'Demo is a package of the list; give the group another name',
  ],
  [
    'two groups of one name',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: a_b, packages: [demo]}\n  - {name: A-B, packages: [demo]}\n`,
    '6:12',
    'groups[1].name',
    'there is a group A-B already',
  ],
  [
    'a group of a package that is not listed',
    `${SERVICE}packages: [requests]\ngroups:\n  - {name: all, packages: [request]}\n`,
    '5:28',
    'groups[0].packages[0]',
    'request is not a package of the list; did you mean requests?',
  ],
  [
    'a group of a package that is like none of the list',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: all, packages: [requests]}\n`,
    '5:28',
    'groups[0].packages[0]',
    'requests is not a package of the list; list it under packages, too',
  ],
  [
    'a package twice in a group',
    `${SERVICE}packages: [a-b]\ngroups:\n  - {name: all, packages: [a-b, A_B]}\n`,
    '5:33',
    'groups[0].packages[1]',
    'A_B is in the group already, and would be counted twice',
  ],
  [
    'a group with a longer window than a package of it',
    `${SERVICE}packages: [{name: a, window_days: [7, 90]}, demo]\ngroups:\n  - {name: all, packages: [a, demo], window_days: [30, 60]}\n`,
    '5:31',
    'groups[0].packages[1]',
    'demo is read for 30 days only, and the group asks for 60; give it window_days of 60, too, or the group a shorter one',
  ],
  [
    'a group of nothing',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: all, packages: []}\n`,
    '5:27',
    'groups[0].packages',
    'found an empty list; allowed: a list with at least one name of packages',
  ],
  [
    'a group without packages',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: all}\n`,
    '5:5',
    'groups[0].packages',
    'missing; allowed: a list with at least one name of packages',
  ],
  [
    'a title of two lines',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: all, title: "a\\tb", packages: [demo]}\n`,
    '5:24',
    'groups[0].title',
    'allowed: a text of 1 to 60 characters on one line',
  ],
  [
    'an unknown key of a group',
    `${SERVICE}packages: [demo]\ngroups:\n  - {name: all, packages: [demo], package: x}\n`,
    '5:35',
    'groups[0].package',
    'unknown key; did you mean packages? Allowed: name, title, packages, window_days, badges',
  ],
  [
    'an unknown key of duckdb',
    `${SERVICE}duckdb:\n  files: x.ndjson\n  file: x\npackages: [demo]\n`,
    '5:3',
    'duckdb.file',
    'unknown key; did you mean files? Allowed: files',
  ],
  [
    'a key that JavaScript treats in its own way',
    `${SERVICE}__proto__: {x: 1}\npackages: [demo]\n`,
    '3:1',
    '__proto__',
    'unknown key. Allowed:',
  ],
  [
    'the same package under two spellings',
    `${SERVICE}packages:\n  - Flask_SQLAlchemy\n  - name: flask.sqlalchemy\n`,
    '5:11',
    'packages[1].name',
    'flask.sqlalchemy with 30 days is already listed at line 4 as Flask_SQLAlchemy, which is the same package; list each window once',
  ],
  [
    'the same package twice under one spelling',
    `${SERVICE}packages: [demo, demo]\n`,
    '3:18',
    'packages[1]',
    'demo with 30 days is already listed at line 3; list each window once',
  ],
  [
    'a window of a package in two entries',
    `${SERVICE}packages:\n  - name: demo\n    window_days: [7, 30]\n  - name: demo\n    window_days: [90, 7]\n`,
    '6:11',
    'packages[1].name',
    'demo with 7 days is already listed at line 4; list each window once',
  ],
  [
    'an empty list of packages',
    `${SERVICE}packages: []\n`,
    '3:11',
    'packages',
    'found an empty list; allowed: a list',
  ],
  ['a list of packages with nothing in it', `${SERVICE}packages:\n`, '3:10', 'packages', 'allowed: a list'],
  ['no list of packages', SERVICE, '1:1', 'packages', 'missing; allowed: a list with at least one package'],
  [
    'packages as a mapping',
    `${SERVICE}packages: {demo: 30}\n`,
    '3:11',
    'packages',
    'found a mapping; allowed: a list',
  ],
  [
    'no service',
    'packages: [demo]\n',
    '1:1',
    'service',
    'missing; allowed: a mapping with at least output_dir',
  ],
  [
    'no output_dir',
    'service:\n  state_dir: x\npackages: [demo]\n',
    '2:3',
    'service.output_dir',
    'missing; allowed: the path of the folder for the badge files',
  ],
  [
    'an output_dir that is empty',
    "service:\n  output_dir: ''\npackages: [demo]\n",
    '2:15',
    'service.output_dir',
    'found ""; allowed: the path of the folder',
  ],
  [
    'a tilde, which nobody expands',
    'service:\n  output_dir: ~/out\npackages: [demo]\n',
    '2:15',
    'service.output_dir',
    '~ and $NAME are not expanded: write the path out',
  ],
  [
    'a table with a backtick',
    `${SERVICE}bigquery:\n  table: "a.b.c\`; DROP TABLE x"\npackages: [demo]\n`,
    '4:10',
    'bigquery.table',
    'allowed: a table as project.dataset.table, without backticks',
  ],
  [
    'a table without a project',
    `${SERVICE}bigquery:\n  table: pypi.file_downloads\npackages: [demo]\n`,
    '4:10',
    'bigquery.table',
    'found "pypi.file_downloads"; allowed: a table as project.dataset.table',
  ],
  ...[
    'ftp://example.com',
    'javascript:alert(1)',
    'example.com',
    'https:example.com',
    'http://',
    'https://x.y/?q',
    'https://x.y/#f',
  ].map((url): [string, string, string, string, string] => [
    `a public_url of ${url}`,
    `service:\n  output_dir: out\n  public_url: ${url}\npackages: [demo]\n`,
    '3:15',
    'service.public_url',
    `found ${JSON.stringify(url)}; allowed: an http:// or https:// address without a query, a fragment or a password`,
  ]),
  [
    'a source that is neither',
    'service:\n  output_dir: out\n  source: sqlite\npackages: [demo]\n',
    '3:11',
    'service.source',
    'found "sqlite"; allowed: bigquery, clickhouse or duckdb',
  ],
  [
    'duckdb without its files',
    'service:\n  output_dir: out\n  source: duckdb\npackages: [demo]\n',
    '3:11',
    'service.source',
    'duckdb is chosen, but there is no section duckdb with files',
  ],
  [
    'a threshold of zero days',
    'service:\n  output_dir: out\n  stale_threshold_days: 0\npackages: [demo]\n',
    '3:25',
    'service.stale_threshold_days',
    'found 0; allowed: a whole number of days from 1 to 365',
  ],
  [
    'a budget of nothing',
    `${SERVICE}bigquery:\n  monthly_budget_gib: 0\npackages: [demo]\n`,
    '4:23',
    'bigquery.monthly_budget_gib',
    'found 0; allowed: a number of GiB above 0, or null for no limit',
  ],
  [
    'a time-out beyond reason',
    `${SERVICE}bigquery:\n  query_timeout_seconds: 86400\npackages: [demo]\n`,
    '4:26',
    'bigquery.query_timeout_seconds',
    'found 86400; allowed: a whole number of seconds from 1 to 3600',
  ],
  [
    'the project of the public table, which nobody else can use',
    `${SERVICE}bigquery:\n  project_id: bigquery-public-data\npackages: [demo]\n`,
    '4:15',
    'bigquery.project_id',
    'allowed: a project of your own, which runs and pays for the queries',
  ],
  [
    'a project id with a quote',
    `${SERVICE}bigquery:\n  project_id: "a'b"\npackages: [demo]\n`,
    '4:15',
    'bigquery.project_id',
    'allowed: a Google Cloud project id',
  ],
  [
    'a location with a space',
    `${SERVICE}bigquery:\n  location: U S\npackages: [demo]\n`,
    '4:13',
    'bigquery.location',
    'found "U S"; allowed: a BigQuery location, such as US',
  ],
  [
    'a state_dir that would be served',
    'service:\n  output_dir: out\n  state_dir: out/state\npackages: [demo]\n',
    '3:14',
    'service.state_dir',
    '/etc/pypi-badges/out/state lies in output_dir, which is served to everybody',
  ],
  [
    'a key file that would be served',
    'service:\n  output_dir: out\n  credential_file: out/../out/key.json\npackages: [demo]\n',
    '3:20',
    'service.credential_file',
    '/etc/pypi-badges/out/key.json lies in output_dir, which is served to everybody',
  ],
  [
    'a password that would be served',
    'service:\n  output_dir: out\n  source: clickhouse\nclickhouse:\n  password_file: out/pass\npackages: [demo]\n',
    '5:18',
    'clickhouse.password_file',
    '/etc/pypi-badges/out/pass lies in output_dir, which is served to everybody',
  ],
  [
    'badges with color: reddish',
    `${SERVICE}badges:\n  color: reddish\npackages: [demo]\n`,
    '4:10',
    'badges.color',
    'a colour of shields.io, such as blue',
  ],
  [
    'badges with color: {-1: red}',
    `${SERVICE}badges:\n  color: {-1: red}\npackages: [demo]\n`,
    '4:15',
    'badges.color.-1',
    'a mapping of counts to colours',
  ],
  [
    'badges with style: round',
    `${SERVICE}badges:\n  style: round\npackages: [demo]\n`,
    '4:10',
    'badges.style',
    'one of flat, flat-square, plastic, for-the-badge, social',
  ],
  [
    'badges with logo: https://x.example/a.svg',
    `${SERVICE}badges:\n  logo: https://x.example/a.svg\npackages: [demo]\n`,
    '4:9',
    'badges.logo',
    'a name of simpleicons.org',
  ],
  [
    'badges with cache_seconds: 60',
    `${SERVICE}badges:\n  cache_seconds: 60\npackages: [demo]\n`,
    '4:18',
    'badges.cache_seconds',
    'a whole number of seconds from 300 to 86400',
  ],
  [
    "badges with suffix: ''",
    `${SERVICE}badges:\n  suffix: ''\npackages: [demo]\n`,
    '4:11',
    'badges.suffix',
    'a text of 1 to 20 characters',
  ],
  [
    'badges with extra: [stars]',
    `${SERVICE}badges:\n  extra: [stars]\npackages: [demo]\n`,
    '4:11',
    'badges.extra[0]',
    'a list of trend, sparkline and total',
  ],
  [
    'badges with colour: red',
    `${SERVICE}badges:\n  colour: red\npackages: [demo]\n`,
    '4:3',
    'badges.colour',
    'unknown key; did you mean color?',
  ],
];

/** Faults of the YAML itself, which have no field. */
const BROKEN: [string, string, string, string][] = [
  [
    'a key twice',
    'service:\n  output_dir: a\n  output_dir: b\npackages: [demo]\n',
    '3:3',
    'Map keys must be unique',
  ],
  ['a list that is not closed', `${SERVICE}packages: [demo\n`, '4:1', 'end with a ]'],
  [
    'a tab as indent',
    'service:\n\toutput_dir: out\npackages: [demo]\n',
    '2:1',
    'Tabs are not allowed as indentation',
  ],
  ['several documents', `${SERVICE}packages: [a]\n---\nx: 1\n`, '4:1', 'several YAML documents; keep one'],
  ['an alias of nothing', `${SERVICE}packages: [*demo]\n`, '3:12', 'alias'],
  ['an unknown tag', `${SERVICE}packages: !!python/object [demo]\n`, '3:11', 'Unresolved tag'],
  ['a list as a key', `${SERVICE}packages: [demo]\n? [x, y]\n: 1\n`, '4:3', 'a key must be a word'],
];

/** Characters that XML forbids, or that change how a text is read, as YAML may write them. */
const UNSEEN: [string, string][] = [
  ['half of a surrogate pair', '\\ud83d'],
  ['the other half', '\\ude00'],
  ['U+FFFF', '\\uffff'],
  ['U+FFFF as it is', '\uffff'],
  ['U+FFFE', '\\ufffe'],
  ['NUL', '\\0'],
  ['an escape', '\\e'],
  ['a C1 control', '\\x9b'],
  ['a line break', '\\n'],
  ['a line separator', '\\u2028'],
  ['a paragraph separator', '\\P'],
  ['right-to-left override', '\\u202e'],
  ['a bidi isolate', '\\u2066'],
];

/** Where a text of tracked.yaml may stand: the file, the value's place, and the field. */
const TEXTS: [string, (value: string) => string, string][] = [
  ['badges.label', (value) => `${SERVICE}badges:\n  label: ${value}\npackages: [demo]\n`, '4:10'],
  ['badges.suffix', (value) => `${SERVICE}badges:\n  suffix: ${value}\npackages: [demo]\n`, '4:11'],
  ['badges.logo', (value) => `${SERVICE}badges:\n  logo: ${value}\npackages: [demo]\n`, '4:9'],
  ['badges.color', (value) => `${SERVICE}badges:\n  color: ${value}\npackages: [demo]\n`, '4:10'],
  ['packages[0].badges.label', (value) => withEntry(`{name: demo, badges: {label: ${value}}}`), '4:34'],
  [
    'groups[0].title',
    (value) => `${withEntry('demo')}groups:\n  - {name: g, packages: [demo], title: ${value}}\n`,
    '6:40',
  ],
  ['packages[0]', withEntry, '4:5'],
  ['service.output_dir', (value) => `service:\n  output_dir: ${value}\npackages: [demo]\n`, '2:15'],
  ['service.public_url', (value) => `${SERVICE}  public_url: ${value}\npackages: [demo]\n`, '3:15'],
  ['service.source', (value) => `${SERVICE}  source: ${value}\npackages: [demo]\n`, '3:11'],
];

describe('a tracked.yaml that cannot be used', () => {
  it.each(TEXTS)(
    'is refused for characters in %s that would break files or mislead',
    (field, fileWith, place) => {
      for (const [what, written] of UNSEEN) {
        const [problem = '', last] = report(fileWith(`"a${written}b"`));
        expect([what, problem]).toEqual([
          what,
          expect.stringContaining(`tracked.yaml:${place}: ${field}: found what looks like `),
        ]);
        expect(problem).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\uffff]/u);
        expect(last).toBe('1 problem in tracked.yaml; nothing was queried or written');
      }
    },
  );

  it('is refused for a key of such characters, which is not repeated', () => {
    const [problem] = report(`${SERVICE}"a\\u202eb": 1\npackages: [demo]\n`);
    expect(problem).toContain(
      'tracked.yaml:3:1: (not repeated here): what looks like text with control characters stands here as a key',
    );
  });

  it.each(REFUSED)('is refused for %s', (_, text, place, field, says) => {
    const [problem = '', last, ...more] = report(text);
    expect(problem).toContain(`tracked.yaml:${place}: ${field}: `);
    expect(problem).toContain(says);
    expect(last).toBe('1 problem in tracked.yaml; nothing was queried or written');
    expect(more).toEqual([]);
  });

  it.each(BROKEN)('is refused for %s', (_, text, place, says) => {
    const [problem = ''] = report(text);
    expect(problem).toContain(`tracked.yaml:${place}: `);
    expect(problem).toContain(says);
  });

  it.each([
    ['nothing', ''],
    ['a comment alone', '# later\n'],
    ['a list', '- demo\n'],
    ['a word', 'demo\n'],
  ])('is refused when it holds %s', (_, text) => {
    const [problem] = report(text);
    expect(problem).toMatch(/^tracked\.yaml:1:1: .*allowed: a mapping with service and packages$/);
  });

  it('is refused for an alias bomb, at once', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const items = Array.from({ length: 10 }, () => (level === 0 ? 'lol' : `*a${level - 1}`));
      return `a${level}: &a${level} [${items.join(', ')}]\n`;
    });
    const [problem] = report(levels.join(''));
    expect(problem).toMatch(/^tracked\.yaml:1:1: .*alias/);
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
  - other
extra: 1
`);
    expect(lines.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'tracked.yaml:2:15 service.output_dir',
      'tracked.yaml:3:15 service.public_url',
      'tracked.yaml:5:3 bigquery.tabel',
      'tracked.yaml:7:5 packages[0]',
      'tracked.yaml:9:18 packages[1].window_days',
      'tracked.yaml:11:5 packages[3]',
      'tracked.yaml:12:1 extra',
      '7 problems in tracked.yaml; nothing was queried or written',
    ]);
  });

  it('is told about in short, however long what it holds', () => {
    const [problem = ''] = report(withEntry(`'${'/'.repeat(5_000)}'`));
    expect(problem.length).toBeLessThan(300);
  });

  it('keeps the positions of what stands behind an alias', () => {
    const text = `service: &s {output_dir: out}\nbigquery: &b\n  table: wrong\nduckdb: {files: x, colour: *b}\npackages: [demo]\n`;
    expect(report(text)[0]).toContain('tracked.yaml:3:10: bigquery.table: found "wrong"');
    expect(report(text)[1]).toContain('tracked.yaml:4:20: duckdb.colour: unknown key');
    const aliased = `${SERVICE}packages:\n  - &p {name: demo, window_days: &w 400}\n  - {name: other, window_days: *w}\n  - {name: x, window_days: &m {a: 1}}\n  - {name: y, window_days: *m}\n`;
    expect(report(aliased)[0]).toContain('tracked.yaml:4:');
    expect(report(aliased)[1]).toMatch(/tracked\.yaml:5:\d+: packages\[1\]\.window_days: found 400/);
    expect(report(aliased)[3]).toContain('found a mapping');
  });
});
