import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openLedgers } from '../../src/state/ledgers.ts';
import { EMPTY_SPEND, openSpendFile, serializeSpend } from '../../src/state/spend.ts';
import { createTable, downloadsOf, failuresOf, GB, listOf, runOn } from '../support/table.ts';
import { tempFolder } from '../support/temp-folder.ts';

/* A disk that fails after an answer was paid for. */

/** How many operations from now on succeed, and whether the disk fails once after them, or for good. */
const disk = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, forGood: false }));

vi.mock('node:fs', async (original) => {
  const fs = await original<Record<string, unknown>>();
  const failing =
    (run: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) => {
      disk.left -= 1;
      if (disk.left < 0 && disk.forGood && run === fs['existsSync']) return false;
      if (disk.left === -1 || (disk.left < 0 && disk.forGood)) {
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      }
      return run(...given);
    };
  return Object.fromEntries(
    Object.entries(fs).map(([name, value]) => [
      name,
      name.endsWith('Sync') && typeof value === 'function' ? failing(value as () => unknown) : value,
    ]),
  );
});

const TODAY = '2026-11-29';
const WINDOW = 3;

/** A run whose disk fails at the given operation after the first answer, and then one on a sound disk. */
async function twoRuns(packages: number, operation: number, forGood = false) {
  const stateDir = join(tempFolder(), 'state');
  mkdirSync(stateDir);
  // Each package bills more alone than a day that is read for all.
  const bill = new Map([['2026-11', { daysScanned: 1, bytesBilled: 20 * GB, queries: 1 }]]);
  const list = listOf(packages, WINDOW);
  const spent = { ...EMPTY_SPEND, packages: new Map(list.map(({ name }) => [name, bill])) };
  writeFileSync(join(stateDir, 'spend.json'), serializeSpend(spent));
  const { source, asked } = createTable();
  const before = () => {
    if (asked.length === 1) Object.assign(disk, { left: operation, forGood });
  };
  const run = () => {
    const warn = (message: string) => void warnings.push(message);
    const state = { ledgers: openLedgers(stateDir, 'test', warn), spend: openSpendFile(stateDir, warn) };
    return runOn(source({ alone: 20 * GB, shared: () => 10 * GB, before }), state, TODAY, list, { warn });
  };
  const warnings: string[] = [];
  const first = await run();
  const failed = disk.left < 0;
  disk.left = Number.POSITIVE_INFINITY;
  const paid = asked.length;
  const second = await run();
  return { failed, first, second, paid, paidAgain: asked.length - paid, warnings };
}

describe.each([1, 2])('an answer about so many packages: %d', (packages) => {
  it('is not paid for again, whichever operation of the disk fails once after it', async () => {
    let operation = 0;
    for (; ; operation += 1) {
      const { failed, second, paid, paidAgain } = await twoRuns(packages, operation);
      if (!failed) break;
      expect([operation, paid, paidAgain]).toEqual([operation, 1, 0]);
      expect(failuresOf(second.outcomes)).toEqual([]);
      expect(second.outcomes.map((outcome) => downloadsOf(outcome))).toEqual(Array(packages).fill(WINDOW));
    }
    // Each file is opened, written, made safe and renamed.
    expect(operation).toBeGreaterThan(20);
  });

  it('is lost, and said to be, where the disk fails for good', async () => {
    const { first, second, paidAgain, warnings } = await twoRuns(packages, 0, true);
    expect(failuresOf(first.outcomes).join()).toContain('the disk failed; check the kernel log (EIO)');
    expect(warnings).toContainEqual(
      expect.stringMatching(/; the answer could not be saved twice, and is lost$/),
    );
    expect(paidAgain).toBeGreaterThan(0);
    expect(second.outcomes.map((outcome) => downloadsOf(outcome))).toEqual(Array(packages).fill(WINDOW));
  });
});
