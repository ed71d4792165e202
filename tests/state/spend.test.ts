import { describe, expect, it } from 'vitest';
import {
  BudgetError,
  committedBytes,
  demandBudget,
  EMPTY_SPEND,
  gib,
  monthOf,
  nextMonthStart,
  openSpendBook,
  parseSpend,
  type Spend,
  serializeSpend,
  withQuery,
} from '../../src/state/spend.ts';

const GIB = 1024 ** 3;
const spend: Spend = {
  months: { '2026-03': { bytesBilled: 10 * GIB, queries: 4 } },
  pending: { alpha: { month: '2026-03', bytes: GIB }, beta: { month: '2026-02', bytes: GIB } },
};

describe('spend.json', () => {
  it('brings back what was saved', () => {
    expect(parseSpend(serializeSpend(spend))).toEqual(spend);
  });

  it.each([
    ['cut short', serializeSpend(spend).slice(0, 30)],
    ['null', 'null'],
    ['of another version', '{"version":2,"months":{},"pending":{}}'],
    ['without months', '{"version":1,"pending":{}}'],
    ['with a month that is a number', '{"version":1,"months":{"2026-03":5},"pending":{}}'],
    [
      'with negative bytes',
      '{"version":1,"months":{"2026-03":{"bytes_billed":-1,"queries":1}},"pending":{}}',
    ],
    ['with a query that pends nowhere', '{"version":1,"months":{},"pending":{"alpha":{"bytes":1}}}'],
  ])('is not sound when it is %s', (_, text) => {
    expect(parseSpend(text)).toBeUndefined();
  });
});

describe('months', () => {
  it('are calendar months in UTC', () => {
    expect(monthOf(new Date('2026-03-31T23:59:59Z'))).toBe('2026-03');
    expect(nextMonthStart('2026-03')).toBe('2026-04-01');
    expect(nextMonthStart('2026-12')).toBe('2027-01-01');
  });

  it('are committed to what is billed and what is being asked', () => {
    expect(committedBytes(spend, '2026-03')).toBe(11 * GIB);
    expect(committedBytes(spend, '2026-02')).toBe(GIB);
    expect(committedBytes(spend, '2026-04')).toBe(0);
  });

  it('add up', () => {
    const after = withQuery(withQuery(EMPTY_SPEND, '2026-03', 5), '2026-03', 7);
    expect(after.months).toEqual({ '2026-03': { bytesBilled: 12, queries: 2 } });
  });
});

describe('the budget', () => {
  it('may be used to its last byte', () => {
    expect(() => demandBudget(spend, '2026-03', GIB, 12 * GIB)).not.toThrow();
    expect(() => demandBudget(spend, '2026-03', GIB + 1, 12 * GIB)).toThrow(BudgetError);
    expect(() => demandBudget(spend, '2026-03', 1e15, null)).not.toThrow();
  });

  it('starts anew with the month', () => {
    expect(() => demandBudget(spend, '2026-04', 12 * GIB, 12 * GIB)).not.toThrow();
  });

  it('is shown in GiB', () => {
    expect(gib(1024 * GIB)).toBe('1,024.0 GiB');
    expect(gib(0.26 * GIB)).toBe('0.3 GiB');
  });
});

describe('the book', () => {
  const now = () => new Date('2026-03-05T00:00:00Z');

  it('writes one state after the other, however they overlap', async () => {
    const saved: Spend[] = [];
    let writing = 0;
    const save = async (state: Spend) => {
      writing += 1;
      expect(writing).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      saved.push(state);
      writing -= 1;
    };
    const book = openSpendBook(EMPTY_SPEND, save, null, now);
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(
      names.map((name, index) =>
        book.query(
          name,
          100,
          async () => index,
          (result) => Number(result),
        ),
      ),
    );
    expect(saved.at(-1)).toEqual({
      months: { '2026-03': { bytesBilled: 0 + 1 + 2 + 3, queries: 4 } },
      pending: {},
    });
    expect(book.current).toEqual(saved.at(-1));
  });

  it('does not ask when the question cannot be written down', async () => {
    const full = async () => {
      throw new Error('disk full');
    };
    let asked = false;
    const book = openSpendBook(EMPTY_SPEND, full, null, now);
    const ask = async () => {
      asked = true;
    };
    await expect(book.query('a', 1, ask, () => 0)).rejects.toThrow('disk full');
    expect(asked).toBe(false);
  });

  it('keeps two packages from taking the same rest of the budget', async () => {
    const book = openSpendBook(EMPTY_SPEND, async () => undefined, 150, now);
    const ask = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
    const results = await Promise.allSettled(['a', 'b'].map((name) => book.query(name, 100, ask, () => 100)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});
