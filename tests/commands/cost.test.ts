import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER, withDays } from '../../src/state/ledger.ts';
import { ledgerFolder, serializeLedger } from '../../src/state/ledgers.ts';
import { GIB, MIB } from '../../src/util.ts';
import { openProject } from '../support/project.ts';
import { tableLines } from '../support/table-text.ts';

const SOURCE = ledgerFolder('bigquery:bigquery-public-data.pypi.file_downloads');
const ledger = (name: string) => `state/ledger/${SOURCE}/${name}.json`;

const bill = (days_scanned: number, bytes_billed: number) => ({ days_scanned, bytes_billed, queries: 1 });
const spent = (bytes_billed: number) => ({
  version: 1,
  months: { '2026-11': { bytes_billed, queries: 9 } },
  pending: {},
  ages: { '36+': bill(2, 100 * MIB), '1': bill(4, 600 * MIB) },
  packages: { alpha: { '2026-11': bill(4, GIB / 2) }, beta: { '2026-10': bill(8, GIB) } },
});
const TWO = ['alpha', '{name: beta, window_days: [7, 90]}'];
const HUNDRED = Array.from({ length: 100 }, (_, index) => `package-${index}`);

/** A list; alpha has cost half a GiB in November, beta a GiB in October, and its ledger is lost. */
function house({ packages = TWO, bigquery = '', spend = spent(GIB) as object | null } = {}) {
  const project = openProject({});
  project.put(
    'tracked.yaml',
    `service: {output_dir: output}\nbigquery: {${bigquery}}\npackages: [${packages.join(', ')}]\n`,
  );
  const read = withDays(EMPTY_LEDGER, { start: '2026-11-09', end: '2026-11-10' }, [], () => 1);
  project.put(ledger('alpha'), serializeLedger(read, { source: SOURCE, package: 'alpha' }));
  if (spend !== null) project.put('state/spend.json', JSON.stringify(spend));
  const cost = (...argv: string[]) => project.at('2026-11-10', 'cost', ...argv);
  return { ...project, cost };
}

describe('cost', () => {
  it('shows what was billed, what will be, and what more would fit', async () => {
    const { exitCode, stdout, stderr } = await house().cost();
    expect([exitCode, stderr]).toEqual([0, '']);
    // An eighth of a GiB a day: a month of both is 7.5 GiB, and 0.3 of questions about days.
    // Of alpha's month 29 days are missing, and of beta's 90 all: 119 / 8 GiB. Without a ledger: 30 * (30 + 90) / 8 = 450 GiB.
    expect(tableLines(stdout)).toEqual([
      'BigQuery | billed | list price',
      '2026-11 to date | 1.0 GiB | $0.00',
      'the days that are missing now | 14.9 GiB | $0.00',
      '2026-11 at its end, projected | 21.1 GiB | $0.00',
      'a whole month of daily runs | 7.8 GiB | $0.00',
      'the same without a ledger | 450.0 GiB | $0.00',
      '',
      'package | days scanned | billed | share',
      'alpha | 4 | 0.5 GiB | 50.0%',
      'beta | 0 | 0.0 GiB | 0.0%',
      '(which days changed, failures, others) | 0.5 GiB | 50.0%',
      '',
      'age of the day | days scanned | billed a day',
      '1 | 4 | 150.0 MiB',
      '36+ | 2 | 50.0 MiB',
      '',
      // 165 GiB, shared by an eighth of a GiB each.
      'A day of these 2 packages: one by one about 0.3 GiB, read once for all about 165.0 GiB (an estimate).',
      'Packages are asked for one by one. The two are equal at about 1,320 packages like these.',
      '',
      'The budget of 1,024.0 GiB a month holds about 270 more packages.',
      'The list price counts the first TiB of a month as free.',
      '',
    ]);
  });

  it('shows it in bytes for programs', async () => {
    const { stdout } = await house().cost('--json');
    expect(JSON.parse(stdout)).toEqual({
      month: '2026-11',
      bytes_billed: GIB,
      queries: 9,
      missing_bytes: (119 * GIB) / 8,
      projected_bytes: GIB + (119 * GIB) / 8 + 20 * (GIB / 4 + 10 * MIB),
      whole_month_bytes: 30 * (GIB / 4 + 10 * MIB),
      without_ledger_bytes: 450 * GIB,
      budget_bytes: 1024 * GIB,
      day: {
        ...{ alone_bytes: GIB / 4, shared_bytes: 165 * GIB },
        ...{ basis: 'an estimate', shares: false, break_even_packages: 1320 },
      },
      more_packages: 270,
      shared: { days_scanned: 0, bytes_billed: 0 },
      other_bytes: GIB / 2,
      by_age: {
        '1': { days_scanned: 4, bytes_billed: 600 * MIB },
        '36+': { days_scanned: 2, bytes_billed: 100 * MIB },
      },
      packages: {
        alpha: { days_scanned: 4, bytes_billed: GIB / 2, bytes_per_day: GIB / 8 },
        beta: { days_scanned: 0, bytes_billed: 0, bytes_per_day: GIB / 8 },
      },
    });
  });

  const unlimited = { bigquery: 'monthly_budget_gib: null', spend: spent(3 * 1024 * GIB) };
  const unknown = { packages: HUNDRED, spend: null };
  it.each<[string, Parameters<typeof house>[0]]>([
    ['2026-11 to date | 3,072.0 GiB | $12.50\n', unlimited],
    ['\nThere is no budget (bigquery.monthly_budget_gib: null).\n', unlimited],
    ['2026-11 to date | 0.0 GiB | $0.00\n', unknown],
    ['decides by its answer: collect --dry-run shows it.', unknown],
    ['A day of this package: one by one about', { packages: ['alpha'], spend: null }],
    [
      'The budget of 5.0 GiB a month does not hold this list, which needs about 7.8 GiB: raise bigquery.monthly_budget_gib, track fewer packages, or count from ClickHouse, which is free (service.source: clickhouse).',
      { bigquery: 'monthly_budget_gib: 5' },
    ],
  ])('says %j', async (says, setting) => {
    const { exitCode, stdout } = await house(setting).cost();
    expect([exitCode, tableLines(stdout).join('\n')]).toEqual([0, expect.stringContaining(says)]);
  });

  it('knows when a day is read for all, and that more packages then cost no more', async () => {
    const spend = {
      ...spent(37 * GIB),
      // 160 MB a package are 16.1 GB a day, or 15 GiB.
      shared: { '2026-11': { days_scanned: 3, bytes_billed: 3 * 12 * GIB, queries: 3 } },
    };
    // Of a name that nobody downloads nothing is read, which tells nothing of the others.
    Object.assign(spend.packages, { 'package-0': { '2026-11': bill(30, 30) } });
    const packages = ['alpha', ...HUNDRED];
    const of = (budget: number) => house({ packages, bigquery: `monthly_budget_gib: ${budget}`, spend });
    const shares = async (budget: number) => JSON.parse((await of(budget).cost('--json')).stdout).day.shares;
    for (const [budget, says] of [
      [1024, /read once for all about 12\.0 GiB \(its last bills\)\.\nDays are read once for all\. The two/],
      [1024, /a month holds this list, and every package that joins it\./],
      [1024, /^\(99 packages, not billed alone\) +0 +0\.0 GiB +0\.0%$/m],
      [1024, /^\(read once for all\) +3 +36\.0 GiB +97\.3%$/m],
      // 29 days of all, and the one that alpha has, of the others.
      [1024, /^the days that are missing now +360\.0 GiB /m],
      [300, /Packages are asked for one by one\. The two/],
      [300, /does not hold this list, which needs about 360\.3 GiB: .* Until then packages are asked/],
      [380, /The days that are missing now need more than the 343\.0 GiB that are left of it this month\./],
    ] as const) {
      expect((await of(budget).cost()).stdout).toMatch(says);
    }
    expect(JSON.parse((await of(1024).cost('--json')).stdout).more_packages).toBe('any');
    expect([await shares(1024), await shares(300)]).toEqual([true, false]);
    const never = await house({ bigquery: 'sharing: never' }).cost();
    expect(never.stdout).not.toContain('read once for all');
  });

  it('takes a ledger that it cannot trust for none, and leaves it', async () => {
    const { put, read, cost } = house();
    put(ledger('beta'), 'rubble');
    expect(await cost()).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^beta +0 /m) });
    expect(read(ledger('beta'))).toBe('rubble');
  });

  it.each([
    ['spend.json is not sound', 'state/spend.json'],
    ['a folder stands where a file should be', `${ledger('beta')}/x`],
  ])('says that %s', async (says, path) => {
    const { put, cost } = house();
    put(path, 'rubble');
    expect(await cost()).toEqual({ exitCode: 1, stdout: '', stderr: expect.stringContaining(says) });
  });

  it('has nothing to show where nothing is billed', async () => {
    const { put, cost } = house();
    put('tracked.yaml', 'service: {output_dir: o, source: duckdb}\nduckdb: {files: x}\npackages: [alpha]\n');
    expect(await cost()).toEqual({ exitCode: 0, stdout: 'local files bills nothing.\n', stderr: '' });
  });
});
