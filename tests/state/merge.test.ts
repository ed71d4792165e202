import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER, type LedgerDay } from '../../src/state/ledger.ts';
import { parseLedger, serializeLedger } from '../../src/state/ledgers.ts';
import { mergeLedgers, mergeSpend } from '../../src/state/merge.ts';

const identity = { source: 'bigquery', package: 'alpha' };

const day = (downloads: number, partitionRows = 1_000): LedgerDay => ({
  partitionRows,
  rows: [{ ci: null, installer: 'pip', system: null, sidecar: false, downloads }],
});

function ledger(days: Record<string, LedgerDay>, wholeRead: string | null = null, name = 'alpha'): string {
  const about = { ...identity, package: name };
  return serializeLedger({ ...EMPTY_LEDGER, wholeRead, days: new Map(Object.entries(days)) }, about);
}

function downloads(text: string): Record<string, number | undefined> {
  const { days } = parseLedger(text, identity);
  return Object.fromEntries([...days].map(([date, { rows }]) => [date, rows[0]?.downloads]));
}

describe('mergeLedgers', () => {
  const base = ledger({ '2026-04-01': day(1), '2026-04-02': day(2) });

  it.each([
    ['ours', 10, 1],
    ['theirs', 1, 10],
    ['ours, as both were', 10, 20],
  ])('keeps the days that either run has read, and of both that which was read anew: %s', (_, our, their) => {
    const ours = ledger({ '2026-04-01': day(our), '2026-04-02': day(2), '2026-04-03': day(3) });
    const theirs = ledger({ '2026-04-01': day(their), '2026-04-02': day(2), '2026-04-04': day(4) });
    const days = { '2026-04-01': 10, '2026-04-02': 2, '2026-04-03': 3, '2026-04-04': 4 };
    expect(downloads(mergeLedgers({ base, ours, theirs }))).toEqual(days);
  });

  it.each([
    [null, null, null],
    ['2026-04-01', null, '2026-04-01'],
    [null, '2026-04-01', '2026-04-01'],
    ['2026-04-01', '2026-04-02', '2026-04-02'],
    ['2026-04-02', '2026-04-01', '2026-04-02'],
  ])('of whole readings as of %s and %s the later counts', (one, other, expected) => {
    const merged = mergeLedgers({ base: undefined, ours: ledger({}, one), theirs: ledger({}, other) });
    expect(parseLedger(merged, identity).wholeRead).toBe(expected);
  });

  it('keeps the sum of more old days, whoever has it', () => {
    const days = new Map([['2026-04-01', day(1)]]);
    const text = (old = EMPTY_LEDGER.old) => serializeLedger({ old, wholeRead: null, days }, identity);
    const one = [{ spans: [{ start: '2025-01-01', end: '2025-01-03' }], rows: day(2).rows }];
    const more = [{ spans: [{ start: '2024-01-01', end: '2025-01-03' }], rows: day(9).rows }];
    for (const less of [text(one), text()]) {
      const merged = [mergeLedgers({ base, ours: less, theirs: text(more) })];
      merged.push(mergeLedgers({ base, ours: text(more), theirs: less }));
      for (const each of merged) expect(parseLedger(each, identity).old).toEqual(more);
    }
    expect(mergeLedgers({ base, ours: text(), theirs: text() })).not.toContain('"old"');
  });

  it.each(['', '{', '[]', '{"source": 1}', '{"source":"bigquery","package":"alpha","version":2}'])(
    'takes the other run for a file that is not sound: %s',
    (broken) => {
      const sound = ledger({ '2026-04-03': day(3) });
      expect(mergeLedgers({ base, ours: broken, theirs: sound })).toBe(sound);
      expect(mergeLedgers({ base, ours: sound, theirs: broken })).toBe(sound);
      expect(downloads(mergeLedgers({ base: broken, ours: sound, theirs: sound }))).toEqual({
        '2026-04-03': 3,
      });
    },
  );

  it('does not mix packages', () => {
    const [ours, theirs] = [ledger({ '2026-04-03': day(3) }), ledger({ '2026-04-04': day(4) }, null, 'beta')];
    expect(mergeLedgers({ base, ours, theirs })).toBe(ours);
  });
});

describe('mergeSpend', () => {
  type Given = Partial<Record<'april' | 'may' | 'pending' | 'alpha' | 'beta', number>>;

  /** Bytes by month, with as many queries; what is pending is of April. */
  function spend({ april, may, pending, alpha, beta }: Given): string {
    const bill = (bytes: number) => ({ bytes_billed: bytes, queries: bytes });
    const bills = (of: Record<string, number | undefined>, billOf: (bytes: number) => object) =>
      Object.fromEntries(
        Object.entries(of).flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, billOf(bytes)]])),
      );
    const ofAlpha = (key: string) =>
      bills({ [key]: alpha }, (bytes) => ({ ...bill(bytes), days_scanned: 1 }));
    return JSON.stringify({
      version: 1,
      months: bills({ '2026-04': april, '2026-05': may }, bill),
      pending: bills({ alpha: pending }, (bytes) => ({ month: '2026-04', bytes })),
      ages: ofAlpha('1'),
      shared: ofAlpha('2026-04'),
      packages: bills({ alpha, beta }, (bytes) => ({ '2026-04': { ...bill(bytes), days_scanned: 2 } })),
    });
  }

  const months = (text: string) => {
    const value = JSON.parse(text) as { months: Record<string, { bytes_billed: number }>; pending: object };
    expect(value.pending).toEqual({});
    return Object.fromEntries(Object.entries(value.months).map(([name, bill]) => [name, bill.bytes_billed]));
  };

  // base, ours, theirs, and what all three were billed by hand.
  const TEN = { april: 10 };
  it.each<[string, Given | undefined, Given, Given, april: number, more?: object]>([
    ['both spent', TEN, { april: 13 }, { april: 15 }, 18],
    ['nothing was there', undefined, { april: 3 }, { april: 5 }, 8],
    ['one crossed into May', TEN, { april: 12 }, { april: 10, may: 4 }, 12, { '2026-05': 4 }],
    ['neither spent', TEN, TEN, TEN, 10],
    ['a killed run had 7 pending', { april: 10, pending: 7 }, { april: 20 }, { april: 22 }, 25],
    ['ours was killed', TEN, { april: 12, pending: 4 }, { april: 13 }, 19],
    ['ours forgot and began anew', TEN, { april: 2 }, { april: 13 }, 13],
  ])('%s', (_, base, ours, theirs, april, more = {}) => {
    const before = base === undefined ? undefined : spend(base);
    const merged = mergeSpend({ base: before, ours: spend(ours), theirs: spend(theirs) });
    expect(months(merged)).toEqual({ '2026-04': april, ...more });
  });

  it('adds up packages, ages and what was read for all', () => {
    const [base, ours, theirs] = [{ alpha: 4 }, { alpha: 6, beta: 1 }, { alpha: 7 }].map(spend);
    const merged = mergeSpend({ base, ours: ours ?? '', theirs: theirs ?? '' });
    const { packages, ages, shared } = JSON.parse(merged);
    const bill = (bytes: number, days: number) => {
      return { bytes_billed: bytes, queries: bytes, days_scanned: days };
    };
    expect(packages).toEqual({ alpha: { '2026-04': bill(9, 2) }, beta: { '2026-04': bill(1, 2) } });
    expect([ages, shared]).toEqual([{ '1': bill(9, 1) }, { '2026-04': bill(9, 1) }]);
  });

  it.each(['', '{}', '{"version":1,"months":[]}'])(
    'takes the other run for one that is not sound: %s',
    (broken) => {
      const sound = spend({ april: 3 });
      expect(mergeSpend({ base: sound, ours: broken, theirs: sound })).toBe(sound);
      expect(mergeSpend({ base: sound, ours: sound, theirs: broken })).toBe(sound);
      expect(months(mergeSpend({ base: broken, ours: sound, theirs: sound }))).toEqual({ '2026-04': 6 });
    },
  );
});
