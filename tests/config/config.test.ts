import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';

const parse = (text: string, file = 'tracked.yaml') => parseConfig(text, file, '/etc/pypi-badges');

describe('a valid tracked.yaml', () => {
  it('needs an output_dir and one package; the rest has defaults', () => {
    expect(parse('service: {output_dir: /srv/badges/output}\npackages: [demo]\n')).toEqual({
      file: 'tracked.yaml',
      outputDir: '/srv/badges/output',
      concurrency: 1,
      stateDir: '/srv/badges/state',
      staleThresholdDays: 3,
      monthlyBudgetGib: 1024,
      source: {
        kind: 'bigquery',
        location: 'US',
        table: 'bigquery-public-data.pypi.file_downloads',
        queryTimeoutSeconds: 180,
        sharing: 'auto',
      },
      packages: [{ name: 'demo', windows: [30] }],
      groups: [],
    });
  });

  it('is taken over from pypi-winnow-downloads as it is', () => {
    const config = parse(`# pypi-winnow-downloads
service:
  output_dir: /var/lib/pypi-winnow-downloads/output
  credential_file: /etc/pypi-winnow-downloads/gcp.json
  stale_threshold_days: 5

packages:
  - name: mcp-clipboard
    window_days: 30
  - name: yt-dont-recommend
    window_days: 7
`);
    expect(config).toMatchObject({
      outputDir: '/var/lib/pypi-winnow-downloads/output',
      staleThresholdDays: 5,
      source: { kind: 'bigquery', credentialFile: '/etc/pypi-winnow-downloads/gcp.json' },
      packages: [
        { name: 'mcp-clipboard', windows: [30] },
        { name: 'yt-dont-recommend', windows: [7] },
      ],
    });
  });

  it('may say everything', () => {
    const config = parse(`service:
  output_dir: output
  state_dir: elsewhere/state
  credential_file: gcp.json
  stale_threshold_days: 10
  source: bigquery
  concurrency: 8
  public_url: https://badges.example.com/pypi//
bigquery:
  project_id: my-project
  location: EU
  table: my-project.copy.downloads-2026
  query_timeout_seconds: 60
  monthly_budget_gib: 0.5
packages:
  - Flask_SQLAlchemy
  - {name: zope.interface, window_days: [7, 30, 365]}
groups:
  - {name: all, packages: [zope.interface]}
  - {name: My_Suite, title: 'My suite', packages: [Zope-Interface, flask.sqlalchemy], window_days: [30, 7]}
`);
    expect(config).toEqual({
      file: 'tracked.yaml',
      outputDir: '/etc/pypi-badges/output',
      concurrency: 8,
      stateDir: '/etc/pypi-badges/elsewhere/state',
      staleThresholdDays: 10,
      publicUrl: 'https://badges.example.com/pypi',
      monthlyBudgetGib: 0.5,
      source: {
        kind: 'bigquery',
        credentialFile: '/etc/pypi-badges/gcp.json',
        projectId: 'my-project',
        location: 'EU',
        table: 'my-project.copy.downloads-2026',
        queryTimeoutSeconds: 60,
        sharing: 'auto',
      },
      packages: [
        { name: 'flask-sqlalchemy', windows: [30] },
        { name: 'zope-interface', windows: [7, 30, 365] },
      ],
      groups: [
        { name: 'all', title: 'all', members: ['zope-interface'], windows: [30] },
        {
          name: 'my-suite',
          title: 'My suite',
          members: ['zope-interface', 'flask-sqlalchemy'],
          windows: [30, 7],
        },
      ],
    });
  });

  it('may be about local files', () => {
    const config = parse(
      'service: {output_dir: out, source: duckdb}\nduckdb: {files: data/*.parquet}\npackages: [demo]\n',
    );
    expect(config.source).toEqual({
      kind: 'duckdb',
      files: '/etc/pypi-badges/data/*.parquet',
      wholeLog: false,
    });
  });

  it('may be about every day of the log, in local files', () => {
    const config = parse(
      'service: {output_dir: out, source: duckdb}\nduckdb: {files: all.parquet, whole_log: true}\npackages: [demo]\n',
    );
    expect(config.source).toMatchObject({ wholeLog: true });
  });

  it("may be about ClickHouse's public copy, which needs nothing else", () => {
    const config = parse('service: {output_dir: out, source: clickhouse}\npackages: [demo]\n');
    expect(config.source).toEqual({
      kind: 'clickhouse',
      url: 'https://sql-clickhouse.clickhouse.com',
      user: 'demo',
      table: 'pypi.pypi',
      queryTimeoutSeconds: 60,
    });
  });

  it('may be about a ClickHouse of your own', () => {
    const config = parse(`service: {output_dir: out, source: clickhouse}
clickhouse:
  url: https://clickhouse.example.com:8443
  user: badges
  password_file: secrets/clickhouse
  table: mirror.pypi
  query_timeout_seconds: 300
packages: [demo]
`);
    expect(config.source).toEqual({
      kind: 'clickhouse',
      url: 'https://clickhouse.example.com:8443',
      user: 'badges',
      passwordFile: '/etc/pypi-badges/secrets/clickhouse',
      table: 'mirror.pypi',
      queryTimeoutSeconds: 300,
    });
  });

  it('may forbid that a day is read once for all packages', () => {
    const config = parse('service: {output_dir: out}\nbigquery: {sharing: never}\npackages: [demo]\n');
    expect(config.source).toMatchObject({ sharing: 'never' });
  });

  it('may describe a source that is not chosen', () => {
    const config = parse('service: {output_dir: out}\nduckdb: {files: x.ndjson}\npackages: [demo]\n');
    expect(config.source.kind).toBe('bigquery');
  });

  it('may switch the budget off', () => {
    expect(
      parse('service: {output_dir: out}\nbigquery: {monthly_budget_gib: null}\npackages: [demo]\n'),
    ).toMatchObject({ monthlyBudgetGib: null });
  });

  it('resolves paths against its own folder, not the working directory', () => {
    const config = parse(
      'service: {output_dir: ../out, state_dir: .}\npackages: [demo]\n',
      'lists/a/tracked.yaml',
    );
    expect(config.outputDir).toBe('/etc/pypi-badges/lists/out');
    expect(config.stateDir).toBe('/etc/pypi-badges/lists/a');
  });

  it('may keep its state beside an output folder of a similar name', () => {
    expect(parse('service: {output_dir: out, state_dir: out-state}\npackages: [demo]\n').stateDir).toBe(
      '/etc/pypi-badges/out-state',
    );
    expect(parse('service: {output_dir: out, state_dir: ..state}\npackages: [demo]\n').stateDir).toBe(
      '/etc/pypi-badges/..state',
    );
  });

  it('may use anchors, quotes, a byte order mark and Windows line ends', () => {
    const config = parse(
      'service: {output_dir: "out"}\r\npackages:\r\n  - {name: a, window_days: &w [7, 30]}\r\n  - {name: \'b\', window_days: *w}\r\n',
    );
    expect(config.packages).toEqual([
      { name: 'a', windows: [7, 30] },
      { name: 'b', windows: [7, 30] },
    ]);
  });

  it('may list a package in several entries with different windows', () => {
    const config = parse(
      'service: {output_dir: out}\npackages:\n  - {name: Big_Tool, window_days: 30}\n  - small\n  - {name: big-tool, window_days: [7, 90]}\n',
    );
    expect(config.packages).toEqual([
      { name: 'big-tool', windows: [30, 7, 90] },
      { name: 'small', windows: [30] },
    ]);
  });

  it('is frozen all the way down', () => {
    const config = parse('service: {output_dir: out}\npackages: [demo]\n');
    const parts = [config, config.source, config.packages, config.packages[0], config.packages[0]?.windows];
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('has looks for all packages, and for each over those', () => {
    const logo = `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')}`;
    const { packages } = parse(
      `service: {output_dir: out}
badges:
  label: downloads
  color: {1000: green, 0: lightgrey, 100: '#fe7d37'}
  suffix: /month
  cache_seconds: 3600
  extra: [trend]
packages:
  - plain
  - name: own
    badges: {color: blue, style: flat-square, logo: '${logo}', label_color: '333', dark: true}
  - {name: own, window_days: 7, badges: {logo_color: white}}
`.replace('white', "'fff'"),
    );
    const all = { label: 'downloads', suffix: '/month', cacheSeconds: 3600, extra: ['trend'] };
    expect(packages).toEqual([
      {
        name: 'plain',
        windows: [30],
        looks: {
          ...all,
          color: [
            { from: 0, color: 'lightgrey' },
            { from: 100, color: '#fe7d37' },
            { from: 1000, color: 'green' },
          ],
        },
      },
      {
        name: 'own',
        windows: [30, 7],
        looks: {
          ...all,
          color: 'blue',
          style: 'flat-square',
          labelColor: '333',
          dark: true,
          logo: { svg: '<svg xmlns="http://www.w3.org/2000/svg"/>' },
          logoColor: 'fff',
        },
      },
    ]);
  });
});
