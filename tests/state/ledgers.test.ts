import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER, ledgerFolder, openLedgers, sweepLedgers, withDays } from '../../src/state/ledger.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SOURCE = 'bigquery:p.d.t';
const ledger = withDays(EMPTY_LEDGER, { start: '2026-09-01', end: '2026-09-02' }, [], () => 5);

function setUp() {
  const stateDir = join(tempFolder(), 'state');
  const warnings: string[] = [];
  const open = (source = SOURCE) => openLedgers(stateDir, source, (message) => warnings.push(message));
  const folder = join(stateDir, 'ledger', ledgerFolder(SOURCE));
  return { stateDir, warnings, open, folder, path: join(folder, 'alpha.json') };
}

describe('ledgers on the disk', () => {
  it('are empty at first, and then what was saved, for the operator alone', async () => {
    const { open, path, folder, stateDir, warnings } = setUp();
    expect((await open().load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    expect(existsSync(stateDir)).toBe(false);
    await open().save('alpha', ledger);
    expect((await open().load('alpha')).ledger).toEqual(ledger);
    expect(warnings).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([folder, join(folder, '..'), stateDir].map((each) => statSync(each).mode & 0o777)).toEqual([
      0o700, 0o700, 0o700,
    ]);
  });

  it('lose nothing when another source is tried in the same folder', async () => {
    const { open, warnings } = setUp();
    await open().save('alpha', ledger);
    for (const other of ['duckdb:/files', `${SOURCE}@localhost:9050`]) {
      expect((await open(other).load('alpha')).ledger).toEqual(EMPTY_LEDGER);
      await open(other).save('alpha', EMPTY_LEDGER);
    }
    expect((await open().load('alpha')).ledger).toEqual(ledger);
    expect(warnings).toEqual([]);
  });

  it('that cannot be trusted are set aside under numbers, and said so', async () => {
    const { open, path, folder, warnings } = setUp();
    for (const content of ['{', '[]']) {
      await open().save('alpha', ledger);
      writeFileSync(path, content);
      expect((await open().load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    }
    expect(readdirSync(folder).toSorted()).toEqual(['alpha.json.rejected-1', 'alpha.json.rejected-2']);
    expect(readFileSync(`${path}.rejected-1`, 'utf8')).toBe('{');
    expect(warnings[1]).toContain(`set aside as ${path}.rejected-2`);
  });

  it('are left where they are by a command that only reads', async () => {
    const { stateDir, open, path, folder } = setUp();
    await open().save('alpha', ledger);
    writeFileSync(path, '{');
    expect((await openLedgers(stateDir, SOURCE, undefined).load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    expect(readdirSync(folder)).toEqual(['alpha.json']);
  });

  it('of 0.1.0 are found where it kept them, unless they are of another source', async () => {
    const { stateDir, open, warnings } = setUp();
    mkdirSync(join(stateDir, 'ledger'), { recursive: true });
    const first = (source: string) =>
      writeFileSync(
        join(stateDir, 'ledger', 'alpha.json'),
        JSON.stringify({
          version: 1,
          source,
          query: '98c531d8559f99df',
          package: 'alpha',
          whole_read: null,
          billed: {},
          days: [['2026-09-01', 5, []]],
        }),
      );
    first(SOURCE);
    expect((await open().load('alpha')).ledger).toEqual(ledger);
    first('duckdb:/x');
    expect((await open().load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    expect(warnings).toEqual([]);
  });

  it('say so when the disk refuses', async () => {
    const { open, path } = setUp();
    mkdirSync(path, { recursive: true });
    for (const work of [open().load('alpha'), open().save('alpha', ledger)]) {
      await expect(work).rejects.toThrow('a folder stands where a file should be');
      await expect(work).rejects.toMatchObject({ code: 'disk-obstacle', affectsAll: false });
    }
  });

  it('find out beforehand whether there is room, and leave nothing of that behind', async () => {
    const { open, folder } = setUp();
    await open().demandRoom('alpha', 30);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are rid of what a killed run has left, and of nothing else', async () => {
    const { stateDir, folder } = setUp();
    mkdirSync(folder, { recursive: true });
    for (const name of ['.alpha.json.77.tmp', '.alpha.room.77.tmp', 'notes.tmp'])
      writeFileSync(join(folder, name), '');
    await sweepLedgers(stateDir, SOURCE);
    expect(readdirSync(folder)).toEqual(['notes.tmp']);
  });
});
