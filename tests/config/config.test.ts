import { chmodSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/config.ts';
import { folderOf } from '../support/temp-folder.ts';

const parse = (text: string, file = 'tracked.yaml') => parseConfig(text, file, '/etc/pypi-badges');

/** A list with one package, and what else stands in its service and beside it. */
const parseWith = (service: string, sections = '') =>
  parse(`service: {output_dir: out${service}}\npackages: [demo]\n${sections}\n`);

describe('a valid tracked.yaml', () => {
  it('needs an output_dir and one package; the rest has defaults', () => {
    expect(parse('service: {output_dir: /srv/badges/output}\npackages: [demo]\n')).toEqual({
      file: 'tracked.yaml',
      outputDir: '/srv/badges/output',
      concurrency: 1,
      stateDir: '/srv/badges/state',
      staleThresholdDays: 3,
      budgetBytes: 1024 * 2 ** 30,
      source: {
        kind: 'bigquery',
        location: 'US',
        table: 'bigquery-public-data.pypi.file_downloads',
        queryTimeoutSeconds: 180,
        sharing: 'auto',
      },
      facetsEveryDays: 0,
      packages: [{ name: 'demo', windows: [30], looks: {}, total: false }],
      groups: [],
    });
  });

  it('may say everything', () => {
    const config = parse(`service:
  {output_dir: output, state_dir: elsewhere/state, credential_file: gcp.json, stale_threshold_days: 10,
   source: bigquery, concurrency: 8, public_url: 'https://badges.example.com/pypi//'}
bigquery:
  {project_id: my-project, location: EU, table: my-project.copy.downloads-2026, query_timeout_seconds: 60,
   monthly_budget_gib: 0.5}
facets: {every_days: 30}
packages:
  - Flask_SQLAlchemy
  - {name: zope.interface, window_days: [7, 30, 365]}
groups:
  - {name: all, packages: [zope.interface]}
  - {name: My_Suite, title: 'My suite', packages: [Zope-Interface, flask.sqlalchemy], window_days: [30, 7]}
compare_chart: [my-suite, Zope.Interface]
`);
    const members = ['zope-interface', 'flask-sqlalchemy'];
    expect(config).toEqual({
      file: 'tracked.yaml',
      outputDir: '/etc/pypi-badges/output',
      concurrency: 8,
      stateDir: '/etc/pypi-badges/elsewhere/state',
      staleThresholdDays: 10,
      publicUrl: 'https://badges.example.com/pypi',
      budgetBytes: 2 ** 29,
      source: {
        kind: 'bigquery',
        credentialFile: '/etc/pypi-badges/gcp.json',
        projectId: 'my-project',
        location: 'EU',
        table: 'my-project.copy.downloads-2026',
        queryTimeoutSeconds: 60,
        sharing: 'auto',
      },
      facetsEveryDays: 30,
      packages: [
        { name: 'flask-sqlalchemy', windows: [30], looks: {}, total: false },
        { name: 'zope-interface', windows: [7, 30, 365], looks: {}, total: false },
      ],
      groups: [
        { name: 'all', title: 'all', members: ['zope-interface'], windows: [30], looks: {} },
        { name: 'my-suite', title: 'My suite', members, windows: [30, 7], looks: {} },
      ],
      compareChart: ['my-suite', 'zope-interface'],
    });
  });

  const PUBLIC = { url: 'https://sql-clickhouse.clickhouse.com', user: 'demo', table: 'pypi.pypi' };
  const OWN = { url: 'https://clickhouse.example.com:8443', user: 'badges', table: 'mirror.pypi' };
  const PASSWORD = { passwordFile: '/etc/pypi-badges/secrets/clickhouse' };

  it.each([
    ['duckdb', '{files: data/*.parquet}', { files: '/etc/pypi-badges/data/*.parquet', wholeLog: false }],
    ['duckdb', '{files: /x.parquet, whole_log: true}', { files: '/x.parquet', wholeLog: true }],
    ['clickhouse', '{}', { ...PUBLIC, queryTimeoutSeconds: 60 }],
    [
      'clickhouse',
      `{url: '${OWN.url}', user: badges, password_file: secrets/clickhouse, table: mirror.pypi, query_timeout_seconds: 300}`,
      { ...OWN, ...PASSWORD, queryTimeoutSeconds: 300 },
    ],
  ])('may be about %s: %s', (kind, section, source) => {
    expect(parseWith(`, source: ${kind}`, `${kind}: ${section}`).source).toEqual({ kind, ...source });
    if (section === '{}') expect(parseWith(`, source: ${kind}`).source).toEqual({ kind, ...source });
  });

  it.each([
    [
      "facets: {every_days: 30}\nbadges: {extra: [chart, 'python>=3.9', python>=2.7]}",
      { packages: [{ looks: { extra: ['chart', 'python>=3.9', 'python>=2.7'] } }] },
    ],
    ['bigquery: {sharing: never}', { source: { sharing: 'never' } }],
    ['bigquery: {monthly_budget_gib: null}', { budgetBytes: null }],
    ['duckdb: {files: x.ndjson}', { source: { kind: 'bigquery' } }],
  ])('may say %s', (section, config) => {
    expect(parseWith('', section)).toMatchObject(config);
  });

  it.each([
    ['../out', '.', '/etc/pypi-badges/lists/out', '/etc/pypi-badges/lists/a'],
    ['out', 'out-state', '/etc/pypi-badges/lists/a/out', '/etc/pypi-badges/lists/a/out-state'],
    ['out', '..state', '/etc/pypi-badges/lists/a/out', '/etc/pypi-badges/lists/a/..state'],
  ])('resolves output %s and state %s against its own folder', (output, state, ...expected) => {
    const text = `service: {output_dir: ${output}, state_dir: ${state}}\npackages: [demo]\n`;
    const { outputDir, stateDir } = parse(text, 'lists/a/tracked.yaml');
    expect([outputDir, stateDir]).toEqual(expected);
  });

  it.each([
    [
      'use anchors, quotes and Windows line ends',
      "\r\n  - {name: a, window_days: &w [7, 30]}\r\n  - {name: 'b', window_days: *w}\r\n",
      { a: [7, 30], b: [7, 30] },
    ],
    [
      'list a package in several entries with different windows',
      ' [{name: Big_Tool, window_days: 30}, small, {name: big-tool, window_days: [7, 90]}]',
      { 'big-tool': [30, 7, 90], small: [30] },
    ],
  ])('may %s', (_, list, expected) => {
    const { packages } = parse(`service: {output_dir: "out"}\r\npackages:${list}`);
    expect(packages.map(({ name, windows }) => [name, windows])).toEqual(Object.entries(expected));
  });

  it('has looks for all packages, and for each over those', () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
    const { packages } = parse(`service: {output_dir: out}
badges:
  label: downloads
  color: {1000: green, 0: lightgrey, 100: '#fe7d37'}
  suffix: /month
  cache_seconds: 3600
  extra: [trend]
packages:
  - plain
  - name: own
    badges:
      {color: blue, style: flat-square, label_color: '333', dark: true, logo: 'data:image/svg+xml;base64,${btoa(svg)}'}
  - {name: own, window_days: 7, badges: {logo_color: 'fff'}}
`);
    const all = { label: 'downloads', suffix: '/month', cacheSeconds: 3600, extra: ['trend'] };
    const color = [
      { from: 0, color: 'lightgrey' },
      { from: 100, color: '#fe7d37' },
      { from: 1000, color: 'green' },
    ];
    const own = { style: 'flat-square', labelColor: '333', dark: true, logo: { svg }, logoColor: 'fff' };
    expect(packages).toMatchObject([
      { name: 'plain', windows: [30], looks: { ...all, color } },
      { name: 'own', windows: [30, 7], looks: { ...all, color: 'blue', ...own } },
    ]);
  });
});

describe('loadConfig', () => {
  const VALID = 'service: {output_dir: out}\npackages: [demo]\n';

  it('reads a file, also one with a byte order mark', () => {
    const folder = folderOf({ 'list.yaml': `\ufeff${VALID}` });
    expect(loadConfig('list.yaml', folder).outputDir).toBe(join(folder, 'out'));
  });

  it('says what is wrong with a file that it cannot read', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xfe]);
    const files = { 'list.yaml': VALID, 'bytes.yaml': bytes, 'huge.yaml': '', 'list/inner.yaml': '' };
    const folder = folderOf(files);
    truncateSync(join(folder, 'huge.yaml'), 600_000_000);
    chmodSync(join(folder, 'list.yaml'), 0o000);
    const user = process.geteuid?.() ?? 0;
    onTestFinished(() => process.seteuid?.(user));
    const init = 'write one with: pypi-badges init <name>..., or name another with --config <file>';
    for (const [file, says] of [
      ['none.yaml', `there is no such file; ${init}\n1 problem`],
      ['list', 'this is a folder; name a file in it'],
      ['list.yaml/tracked.yaml', 'cannot be read (ENOTDIR)'],
      ['bytes.yaml', 'the file is not UTF-8 text'],
      ['/dev/zero', 'a device stands where a file should be; put the right file in its place\n1 problem'],
      ['huge.yaml', 'a file of more than 16 MiB stands there'],
      ['list.yaml', 'you may not read this file'],
    ] as const) {
      // Root may read everything, and containers often run tests as root.
      if (file === 'list.yaml' && process.getuid?.() === 0) process.seteuid?.('nobody');
      expect(() => loadConfig(file, folder)).toThrow(`${file}: ${says}`);
    }
  });
});

describe('output, state and key must not lie in each other', () => {
  const SERVED = 'output_dir, which is served to everybody; choose a place outside of it';
  const KEPT = 'state_dir, whose files are replaced and for the operator alone; choose a place outside of it';
  // In each folder, called ~ here: real/out, real/out/in and real/state; links to these; and linked, a link to real.
  it.each<[string, string, string, string | undefined]>([
    ['out', 'state', 'key', undefined],
    ['in', 'state', 'key', undefined],
    ['out', 'in', 'key', `service.state_dir: ~/in (a link to ~/real/out/in) lies in ${SERVED}`],
    ['real/out', 'linked/out/new/deep', 'key', `(a link to ~/real/out/new/deep) lies in ${SERVED}`],
    ['out', 'real/out', 'key', `service.state_dir: ~/real/out lies in ${SERVED}`],
    ['in', 'real/out', 'key', `service.output_dir: ~/in (a link to ~/real/out/in) lies in ${KEPT}`],
    ['state/web', 'real/state', 'key', 'service.output_dir: ~/state/web (a link to '],
    ['out', 'state', 'in/key', `(a link to ~/real/out/in/key) lies in ${SERVED}`],
    ['real/out', 'state', 'real/out/away', 'service.credential_file: ~/real/out/away (a link to '],
    ['out', 'real/state', 'state/key', `(a link to ~/real/state/key) lies in ${KEPT}`],
  ])('output %s, state %s, key %s', (output, state, key, says) => {
    const real = (folder: string, path: string) => join(folder, 'real', path);
    const text = `service: {output_dir: ${output}, state_dir: ${state}, credential_file: ${key}}\npackages: [demo]\n`;
    const folder = folderOf({ key: '', 'tracked.yaml': text });
    for (const path of ['out/in', 'state']) mkdirSync(real(folder, path), { recursive: true });
    for (const path of ['out', 'out/in', 'state'])
      symlinkSync(real(folder, path), join(folder, basename(path)));
    symlinkSync('real', join(folder, 'linked'));
    symlinkSync(join(folder, 'key'), real(folder, 'out/away'));
    const load = () => loadConfig('tracked.yaml', folder);
    if (says === undefined) load();
    else expect(load).toThrow(says.replaceAll('~', folder));
  });
});
