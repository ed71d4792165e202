import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openState, readLedger, readSpend } from '../../src/state/files.ts';
import { EMPTY_LEDGER, withBill, withDays } from '../../src/state/ledger.ts';
import { EMPTY_SPEND, withQuery } from '../../src/state/spend.ts';

let stateDir: string;
let warnings: string[];

beforeEach(async () => {
  stateDir = join(await mkdtemp(join(tmpdir(), 'pypi-badges-state-')), 'state');
  warnings = [];
});

afterEach(() => rm(join(stateDir, '..'), { recursive: true }));

const open = (source = 'bigquery:p.d.t') =>
  openState(stateDir, source, true, (message) => warnings.push(message));
const ledger = withBill(
  withDays(EMPTY_LEDGER, { start: '2026-03-01', end: '2026-03-02' }, [], () => 5),
  '2026-03',
  1,
  100,
);

describe('state on the disk', () => {
  it('is empty at first, and then what was saved', async () => {
    const state = await open();
    expect(await state.loadLedger('alpha')).toEqual(EMPTY_LEDGER);
    expect(await state.loadSpend()).toEqual(EMPTY_SPEND);
    const spend = withQuery(EMPTY_SPEND, '2026-03', 100);
    await state.saveLedger('alpha', ledger);
    await state.saveSpend(spend);
    expect(await (await open()).loadLedger('alpha')).toEqual(ledger);
    expect(await (await open()).loadSpend()).toEqual(spend);
    expect(await readLedger(stateDir, { source: 'bigquery:p.d.t', package: 'alpha' })).toEqual(ledger);
    expect(await readSpend(stateDir)).toEqual(spend);
    expect(warnings).toEqual([]);
  });

  it('sets a ledger aside that cannot be trusted, and says why', async () => {
    await (await open()).saveLedger('alpha', ledger);
    const other = await open('duckdb:/files');
    expect(await other.loadLedger('alpha')).toEqual(EMPTY_LEDGER);
    expect(await readdir(join(stateDir, 'ledger'))).toEqual(['alpha.json.rejected']);
    expect(warnings).toEqual([expect.stringContaining('bigquery:p.d.t')]);
    expect(warnings[0]).toContain(join(stateDir, 'ledger', 'alpha.json.rejected'));
  });

  it('adds the spend up from the ledgers when spend.json is not sound', async () => {
    await (await open()).saveLedger('alpha', ledger);
    await (await open()).saveLedger('beta', withBill(ledger, '2026-03', 2, 250));
    await writeFile(join(stateDir, 'spend.json'), '{"version":1');
    expect(await readSpend(stateDir)).toBe('unreadable');
    expect(await (await open()).loadSpend()).toEqual({
      months: { '2026-03': { bytesBilled: 450, queries: 3 } },
      pending: {},
    });
    expect(await readFile(join(stateDir, 'spend.json.rejected'), 'utf8')).toBe('{"version":1');
    expect(warnings).toEqual([expect.stringContaining('spend.json.rejected')]);
  });

  it('starts from nothing when spend.json is not sound and there are no ledgers', async () => {
    await mkdir(stateDir);
    await writeFile(join(stateDir, 'spend.json'), '');
    expect(await (await open()).loadSpend()).toEqual(EMPTY_SPEND);
  });

  it('says so when the disk refuses', async () => {
    await mkdir(join(stateDir, 'ledger', 'alpha.json'), { recursive: true });
    await expect((await open()).loadLedger('alpha')).rejects.toThrow(
      'a folder stands where a file should be',
    );
    await expect((await open()).saveLedger('alpha', ledger)).rejects.toThrow(
      'a folder stands where a file should be',
    );
  });
});

describe('what a killed run has left', () => {
  it('is swept away when the state is opened, and nothing else', async () => {
    await mkdir(join(stateDir, 'ledger'), { recursive: true });
    await writeFile(join(stateDir, '.spend.json.123.tmp'), '{"ver');
    await writeFile(join(stateDir, 'ledger', '.alpha.json.77.tmp'), '');
    await writeFile(join(stateDir, 'ledger', 'notes.tmp'), '');
    await open();
    expect(await readdir(stateDir)).toEqual(['ledger']);
    expect(await readdir(join(stateDir, 'ledger'))).toEqual(['notes.tmp']);
  });
});
