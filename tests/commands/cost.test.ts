import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER, serializeLedger, withDays } from '../../src/state/ledger.ts';
import { ledgerFolder } from '../../src/state/ledgers.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const SOURCE = 'bigquery:bigquery-public-data.pypi.file_downloads';
const cost = (folder: string, ...argv: string[]) =>
  runMain(folder, ['cost', ...argv], { now: () => new Date('2026-11-10T12:00:00Z') });

const ledgers = (folder: string) => join(folder, 'state', 'ledger', ledgerFolder(SOURCE));

function writeSpend(folder: string, bytes_billed: number): void {
  const bill = (days_scanned: number, bytes: number) => ({ days_scanned, bytes_billed: bytes, queries: 1 });
  const spend = {
    version: 1,
    months: { '2026-11': { bytes_billed, queries: 9 } },
    pending: {},
    ages: { '36+': bill(2, 100 * MIB), '1': bill(4, 600 * MIB) },
    packages: { alpha: { '2026-11': bill(4, GIB / 2) }, beta: { '2026-10': bill(8, GIB) } },
  };
  writeFileSync(join(folder, 'state', 'spend.json'), JSON.stringify(spend));
}

/** A folder of a list alone. */
function listed(packages: readonly string[], more = ''): string {
  const folder = tempFolder();
  const text = `service: {output_dir: output${more}}\npackages: [${packages.join(', ')}]\n`;
  writeFileSync(join(folder, 'tracked.yaml'), text);
  return folder;
}

const HUNDRED = Array.from({ length: 100 }, (_, index) => `package-${index}`);

/** A folder with two packages; alpha has cost half a GiB in November, beta a GiB in October, and its ledger is lost. */
function makeFolder(bigquery = ''): string {
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service:\n  output_dir: output\n${bigquery}packages:\n  - alpha\n  - {name: beta, window_days: [7, 90]}\n`,
  );
  mkdirSync(ledgers(folder), { recursive: true });
  const read = withDays(EMPTY_LEDGER, { start: '2026-11-09', end: '2026-11-10' }, [], () => 1);
  writeFileSync(
    join(ledgers(folder), 'alpha.json'),
    serializeLedger(read, { source: ledgerFolder(SOURCE), package: 'alpha' }),
  );
  writeSpend(folder, GIB);
  return folder;
}

describe('cost', () => {
  it('shows what was billed, what will be, and what more would fit', async () => {
    const { exitCode, stdout, stderr } = await cost(makeFolder());
    expect([exitCode, stderr]).toEqual([0, '']);
    // An eighth of a GiB a day: a month of both is 7.5 GiB, and 0.3 of questions about days.
    // Of alpha's month 29 days are missing, and of beta's 90 all: 119 / 8 GiB. Without a ledger: 30 * (30 + 90) / 8 = 450 GiB.
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
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
    const { stdout } = await cost(makeFolder(), '--json');
    expect(JSON.parse(stdout)).toEqual({
      month: '2026-11',
      bytes_billed: GIB,
      queries: 9,
      missing_bytes: (119 * GIB) / 8,
      projected_bytes: GIB + (119 * GIB) / 8 + 20 * (GIB / 4 + 10 * 1024 ** 2),
      whole_month_bytes: 30 * (GIB / 4 + 10 * 1024 ** 2),
      without_ledger_bytes: 450 * GIB,
      budget_bytes: 1024 * GIB,
      day: {
        alone_bytes: GIB / 4,
        shared_bytes: 165 * GIB,
        basis: 'an estimate',
        shares: false,
        break_even_packages: 1320,
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

  it('prices what is beyond the free tier', async () => {
    const folder = makeFolder('bigquery:\n  monthly_budget_gib: null\n');
    writeSpend(folder, 3 * 1024 * GIB);
    const { stdout } = await cost(folder);
    expect(stdout).toMatch(/^2026-11 to date +3,072\.0 GiB +\$12\.50$/m);
    expect(stdout).toContain('There is no budget');
  });

  it('knows when a day is read for all, and that more packages then cost no more', async () => {
    const folder = makeFolder();
    const write = (budget: number) =>
      writeFileSync(
        join(folder, 'tracked.yaml'),
        `service: {output_dir: output}\nbigquery: {monthly_budget_gib: ${budget}}\npackages: [alpha, ${HUNDRED.join(', ')}]\n`,
      );
    write(1024);
    const path = join(folder, 'state', 'spend.json');
    const kept = JSON.parse(readFileSync(path, 'utf8'));
    // 160 MB a package are 16.1 GB a day, or 15 GiB.
    kept.shared = { '2026-11': { days_scanned: 3, bytes_billed: 3 * 12 * GIB, queries: 3 } };
    kept.months['2026-11'].bytes_billed = 37 * GIB;
    // Of a name that nobody downloads nothing is read, which tells nothing of the others.
    kept.packages['package-0'] = { '2026-11': { days_scanned: 30, bytes_billed: 30, queries: 1 } };
    writeFileSync(path, JSON.stringify(kept));
    const { stdout } = await cost(folder);
    expect(stdout).toContain(
      'read once for all about 12.0 GiB (its last bills).\nDays are read once for all. The two',
    );
    expect(stdout).toContain('a month holds this list, and every package that joins it.');
    expect(stdout).toMatch(/^\(99 packages, not billed alone\) +0 +0\.0 GiB +0\.0%$/m);
    expect(stdout).toMatch(/^\(read once for all\) +3 +36\.0 GiB +97\.3%$/m);
    expect(stdout).toMatch(/^\(which days changed, failures, others\) +0\.5 GiB +1\.4%$/m);
    // 29 days of all, and the one that alpha has, of the others.
    expect(stdout).toMatch(/^the days that are missing now +360\.0 GiB /m);
    const json = async () => JSON.parse((await cost(folder, '--json')).stdout);
    const { day, more_packages } = await json();
    expect([day.shares, more_packages]).toEqual([true, 'any']);
    write(300);
    const poor = (await cost(folder)).stdout;
    expect(poor).toContain('Packages are asked for one by one. The two');
    expect(poor).toMatch(
      /does not hold this list, which needs about 360\.3 GiB: .* Until then packages are asked/,
    );
    expect((await json()).day.shares).toBe(false);
    write(400);
    expect((await cost(folder)).stdout).toContain('every package that joins it.');
    write(380);
    expect((await cost(folder)).stdout).toContain(
      'The days that are missing now need more than the 343.0 GiB that are left of it this month.',
    );
    const never = makeFolder('bigquery:\n  sharing: never\n');
    expect((await cost(never)).stdout).not.toContain('read once for all');
  });

  it('says of an estimate that a run asks for better', async () => {
    const { stdout } = await cost(listed(HUNDRED));
    expect(stdout).toContain('decides by its answer: collect --dry-run shows it.');
    expect((await cost(makeFolder())).stdout).not.toContain('decides by its answer');
  });

  it('says when the budget does not even hold the list', async () => {
    const folder = makeFolder('bigquery:\n  monthly_budget_gib: 5\n');
    const { stdout } = await cost(folder);
    expect(stdout).toContain(
      'The budget of 5.0 GiB a month does not hold this list, which needs about 7.8 GiB: raise bigquery.monthly_budget_gib, track fewer packages, or count from ClickHouse, which is free (service.source: clickhouse).',
    );
  });

  it('takes a ledger that it cannot trust for none, and leaves it', async () => {
    const folder = makeFolder();
    const path = join(ledgers(folder), 'beta.json');
    writeFileSync(path, 'rubble');
    const { exitCode, stdout } = await cost(folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^beta +0 /m);
    expect(readFileSync(path, 'utf8')).toBe('rubble');
  });

  it.each<[string, (folder: string) => void]>([
    ['spend.json is not sound', (folder) => writeFileSync(join(folder, 'state/spend.json'), 'rubble')],
    ['a folder stands where a file should be', (folder) => mkdirSync(join(ledgers(folder), 'beta.json'))],
  ])('says that %s', async (says, spoil) => {
    const folder = makeFolder();
    spoil(folder);
    const { exitCode, stdout, stderr } = await cost(folder);
    expect([exitCode, stdout, stderr]).toEqual([1, '', expect.stringContaining(says)]);
  });

  it('has nothing to show where nothing is billed', async () => {
    const folder = listed(['alpha'], ', source: duckdb}\nduckdb: {files: x.ndjson');
    expect(await cost(folder)).toEqual({ exitCode: 0, stdout: 'local files bills nothing.\n', stderr: '' });
  });

  it('starts with nothing', async () => {
    const { exitCode, stdout } = await cost(listed(['alpha']));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^2026-11 to date +0\.0 GiB +\$0\.00$/m);
  });
});
