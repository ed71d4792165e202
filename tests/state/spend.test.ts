import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ageOf,
  type Bill,
  type Bills,
  BudgetError,
  billedPart,
  bytesPerDay,
  bytesPerSharedDay,
  committedBytes,
  demandBudget,
  EMPTY_SPEND,
  monthOf,
  nextMonthStart,
  type Spend,
  withPurpose,
  withQuery,
} from '../../src/state/bills.ts';
import { FileRejected } from '../../src/state/checks.ts';
import {
  openSpendFile,
  parseSpend,
  readSpend,
  type SpendFile,
  serializeMoney,
  serializeSpend,
} from '../../src/state/spend.ts';
import { openSpendBook } from '../../src/state/spend-book.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GIB = 1024 ** 3;
const bill = (daysScanned: number, bytesBilled: number): Bill => ({ daysScanned, bytesBilled, queries: 1 });
const spend: Spend = {
  months: new Map([['2026-03', { bytesBilled: 10 * GIB, queries: 4 }]]),
  pending: new Map([
    ['alpha', { month: '2026-03', bytes: GIB }],
    ['constructor', { month: '2026-02', bytes: GIB }],
  ]),
  packages: new Map([
    ['alpha', new Map([['2026-03', bill(3, 450)]])],
    ['constructor', new Map([['2026-02', bill(1, 150)]])],
  ]),
  shared: new Map([['2026-03', bill(2, 2_000)]]),
  ages: new Map([['1', bill(1, 170)]]),
};

describe('spend.json', () => {
  it('brings back what was saved', () => {
    expect(parseSpend(serializeSpend(spend))).toEqual(spend);
    expect(parseSpend(serializeSpend(EMPTY_SPEND))).toEqual(EMPTY_SPEND);
  });

  it('is read as 0.1.0 wrote it', () => {
    const text =
      '{"version":1,"months":{"2026-03":{"bytes_billed":5,"queries":1}},"pending":{"a":{"month":"2026-03","bytes":7}}}';
    expect(parseSpend(text)).toEqual({
      ...EMPTY_SPEND,
      months: new Map([['2026-03', { bytesBilled: 5, queries: 1 }]]),
      pending: new Map([['a', { month: '2026-03', bytes: 7 }]]),
    });
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
    [
      'with a strange month',
      '{"version":1,"months":{"\\u001b[2J":{"bytes_billed":1,"queries":1}},"pending":{}}',
    ],
    [
      'with a query that pends in a strange month',
      '{"version":1,"months":{},"pending":{"alpha":{"month":"May","bytes":1}}}',
    ],
    [
      'with a strange age',
      '{"version":1,"months":{},"pending":{},"ages":{"\\u001b[2J":{"days_scanned":1,"bytes_billed":1,"queries":1}}}',
    ],
    ['with a query that pends nowhere', '{"version":1,"months":{},"pending":{"alpha":{"bytes":1}}}'],
    ['with packages that are a list', '{"version":1,"months":{},"pending":{},"packages":[]}'],
    [
      'with a bill of a strange month',
      '{"version":1,"months":{},"pending":{},"packages":{"a":{"May":{"days_scanned":1,"bytes_billed":1,"queries":1}}}}',
    ],
  ])('is not sound when it is %s', (_, text) => {
    expect(() => parseSpend(text)).toThrow(FileRejected);
  });
});

describe('spend.json on the disk', () => {
  function setUp() {
    const stateDir = join(tempFolder(), 'state');
    const warnings: string[] = [];
    const file = () => openSpendFile(stateDir, (message) => warnings.push(message));
    return { stateDir, warnings, file, path: join(stateDir, 'spend.json') };
  }

  it('is empty at first, and then what was saved, for the operator alone', async () => {
    const { file, path, stateDir, warnings } = setUp();
    expect(await file().load()).toEqual(EMPTY_SPEND);
    expect(await readSpend(stateDir)).toBeUndefined();
    await file().save(spend);
    expect(await file().load()).toEqual(spend);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it('holds the money alone while a run goes on; prices are then those that the last run left', async () => {
    const { file, path, stateDir, warnings } = setUp();
    await file().save(spend);
    await file().backUp(spend);
    const months = new Map([...spend.months, ['2026-03', { bytesBilled: 12 * GIB, queries: 9 }]] as const);
    await file().note({ ...spend, months, packages: new Map() });
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')))).not.toContain('packages');
    expect(spend.packages.size).toBeGreaterThan(0);
    expect(await file().load()).toEqual({ ...spend, months });
    expect(await readSpend(stateDir)).toEqual({ ...spend, months });
    rmSync(join(stateDir, 'spend.backup.json'));
    expect(await readSpend(stateDir)).toEqual({ ...spend, months, packages: new Map() });
    expect(warnings).toEqual([]);
  });

  it('is as long for a thousand packages as for one, while a run goes on', () => {
    const thousand = Array.from(
      { length: 1_000 },
      (_, index) => [`package-${index}`, new Map([['2026-03', bill(1, 150)]])] as const,
    );
    expect(serializeMoney({ ...spend, packages: new Map(thousand) })).toBe(serializeMoney(spend));
  });

  it.each([
    ['lost', undefined, ['spend.backup.json']],
    ['not sound', '{', ['spend.backup.json', 'spend.json.rejected-1']],
  ])('that is %s is taken from the copy of the last run', async (_, content, left) => {
    const { file, path, stateDir, warnings } = setUp();
    await file().save(spend);
    await file().backUp(spend);
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
    expect(await file().load()).toEqual(spend);
    expect(readdirSync(stateDir)).toEqual(left);
    expect(warnings.at(-1)).toContain('spend.backup.json');
  });

  it('that is not sound and has no copy begins anew, and says so', async () => {
    const { file, path, stateDir, warnings } = setUp();
    mkdirSync(stateDir);
    writeFileSync(path, '{');
    expect(await readSpend(stateDir)).toBe('unreadable');
    expect(await file().load()).toEqual(EMPTY_SPEND);
    expect(readFileSync(`${path}.rejected-1`, 'utf8')).toBe('{');
    expect(warnings).toHaveLength(2);
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
    expect(after.months).toEqual(new Map([['2026-03', { bytesBilled: 12, queries: 2 }]]));
  });
});

describe('the price of a day', () => {
  const purpose = (days: string[], packages = ['a']) => ({ today: '2026-03-05', packages, days });

  it('is that of the latest month that billed anything', () => {
    const packages = new Map<string, Bills>();
    withPurpose(EMPTY_SPEND, packages, '2026-03', 300, purpose(['2026-03-03', '2026-03-04']));
    withPurpose(EMPTY_SPEND, packages, '2026-04', 0, purpose(['2026-04-01']));
    const learnt = { ...EMPTY_SPEND, packages };
    expect(bytesPerDay(learnt, 'a')).toBe(150);
    expect(bytesPerDay(learnt, 'b')).toBeUndefined();
    expect(bytesPerDay(learnt, 'constructor')).toBeUndefined();
  });

  it('of a day read once for many packages is kept apart from theirs', () => {
    const packages = new Map<string, Bills>();
    const both = { ...purpose(['2026-03-04'], ['a', 'b']), estimatedBytes: 2_002 };
    const learnt = withPurpose(EMPTY_SPEND, packages, '2026-03', 1_001, both);
    expect(bytesPerSharedDay(learnt)).toBe(1_001);
    expect(packages.size).toBe(0);
    // A day that is said to be ten times as large will bill ten times as much.
    expect(billedPart(learnt)).toBe(0.5);
    expect(billedPart(withPurpose(learnt, packages, '2026-03', 3_003, both))).toBe(1);
    expect(billedPart(EMPTY_SPEND)).toBeUndefined();
    expect(learnt.ages.size).toBe(0);
    expect(bytesPerSharedDay(EMPTY_SPEND)).toBeUndefined();
  });

  it('is kept by the age of the day, where a question was about days of one age', () => {
    expect(
      ['2026-03-04', '2026-03-03', '2026-02-26', '2026-02-25', '2026-01-01'].map((day) =>
        ageOf(day, '2026-03-05'),
      ),
    ).toEqual(['1', '2-7', '2-7', '8-35', '36+']);
    let learnt = withPurpose(EMPTY_SPEND, new Map(), '2026-03', 170, purpose(['2026-03-04']));
    learnt = withPurpose(learnt, new Map(), '2026-03', 999, purpose(['2026-03-03', '2026-03-04']));
    expect(learnt.ages).toEqual(new Map([['1', bill(1, 170)]]));
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
});

describe('the book', () => {
  const now = () => new Date('2026-03-05T00:00:00Z');
  const file = (note: SpendFile['note']): SpendFile => ({
    load: async () => EMPTY_SPEND,
    note,
    save: async (spend) => {
      last = spend;
    },
    backUp: async () => undefined,
  });
  /** What a book comes to in the end. */
  let last: Spend = EMPTY_SPEND;
  const bytes = (value: number) => () => ({ bytes: value, telling: true });

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
    const book = await openSpendBook(file(save), null, now, () => undefined);
    await Promise.all(
      ['a', 'b', 'constructor', 'd'].map((label, index) =>
        book.query({ label, expectedBytes: 100 }, async () => index, bytes(index)),
      ),
    );
    expect(saved.at(-1)).toMatchObject({
      months: new Map([['2026-03', { bytesBilled: 0 + 1 + 2 + 3, queries: 4 }]]),
      pending: new Map(),
    });
    await book.close();
    expect(last).toEqual(saved.at(-1));
  });

  it('does not ask when the question cannot be written down', async () => {
    const book = await openSpendBook(
      file(() => Promise.reject(new Error('disk full'))),
      null,
      now,
      () => undefined,
    );
    let asked = false;
    const ask = async () => {
      asked = true;
    };
    await expect(book.query({ label: 'a', expectedBytes: 1 }, ask, bytes(0))).rejects.toThrow('disk full');
    expect(asked).toBe(false);
    await book.close();
    expect(last.pending.size).toBe(0);
  });

  it('returns what was paid for when the bill cannot be written, and asks no further', async () => {
    let saves = 0;
    const book = await openSpendBook(
      file(async () => {
        saves += 1;
        if (saves > 1) throw new Error('disk full');
      }),
      null,
      now,
      () => undefined,
    );
    const ask = async () => 'answer';
    expect(await book.query({ label: 'a', expectedBytes: 100 }, ask, bytes(100))).toBe('answer');
    await expect(book.query({ label: 'b', expectedBytes: 100 }, ask, bytes(100))).rejects.toThrow(
      'disk full',
    );
    await book.close();
    expect(last.months.get('2026-03')).toEqual({ bytesBilled: 100, queries: 1 });
  });

  it('keeps questions about the same apart that are under way at once', async () => {
    const notes: Spend[] = [];
    const book = await openSpendBook(
      file(async (state) => {
        notes.push(state);
      }),
      null,
      now,
      () => undefined,
    );
    const ask = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
    const query = { label: 'a', expectedBytes: 100 };
    await Promise.all([book.query(query, ask, bytes(100)), book.query(query, ask, bytes(100))]);
    expect(Math.max(...notes.map((state) => committedBytes(state, '2026-03')))).toBe(200);
    expect(notes.at(-1)).toMatchObject({ pending: new Map() });
  });

  it('takes back only what could not be written down, and nothing that was answered meanwhile', async () => {
    let fails = false;
    const book = await openSpendBook(
      file(async () => {
        const failing = fails;
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (failing) throw new Error('disk full');
      }),
      null,
      now,
      () => undefined,
    );
    let answer = () => {};
    const first = book.query(
      { label: 'a', expectedBytes: 100 },
      () =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }),
      bytes(100),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    fails = true;
    const second = book.query({ label: 'b', expectedBytes: 100 }, async () => undefined, bytes(100));
    answer();
    await Promise.allSettled([first, second]);
    await book.close();
    expect(committedBytes(last, '2026-03')).toBe(100);
  });

  it.each([
    ['before the query is written down', 1, []],
    ['before it is sent', 2, ['note']],
    ['while it is under way', 3, ['note', 'ask']],
    ['after it', 4, ['note', 'ask', 'note']],
    ['never', 5, ['note', 'ask', 'note', 'save', 'backUp']],
  ])('asks and writes nothing more once the lock is lost: %s', async (_, lostAt, expected) => {
    const done: string[] = [];
    const step = (name: string) => async () => void done.push(name);
    let looks = 0;
    const book = await openSpendBook(
      { load: async () => EMPTY_SPEND, note: step('note'), save: step('save'), backUp: step('backUp') },
      null,
      now,
      () => {
        looks += 1;
        if (looks >= lostAt) throw new Error('lost');
      },
    );
    const query = book.query({ label: 'a', expectedBytes: 100 }, step('ask'), bytes(100));
    await (expected.includes('ask') ? query : expect(query).rejects.toThrow('lost'));
    await book.close().catch(() => undefined);
    expect(done).toEqual(expected);
  });

  it('keeps two packages from taking the same rest of the budget', async () => {
    const book = await openSpendBook(
      file(async () => undefined),
      150,
      now,
      () => undefined,
    );
    const ask = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
    const results = await Promise.allSettled(
      ['a', 'b'].map((label) => book.query({ label, expectedBytes: 100 }, ask, bytes(100))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('learns no price from an answer that says that it tells none, such as a cached one', async () => {
    const book = await openSpendBook(
      file(async () => undefined),
      null,
      now,
      () => undefined,
    );
    const span = { start: '2026-03-04', end: '2026-03-05' };
    const query = (telling: boolean, billed: number) =>
      book.query(
        { label: 'a', expectedBytes: 100, purpose: { packages: ['a'], span } },
        async () => undefined,
        () => ({ bytes: billed, telling }),
      );
    await query(true, 150);
    await query(false, 0);
    expect(book.bytesPerDay('a')).toBe(150);
    await book.close();
    expect(last.months.get('2026-03')).toEqual({ bytesBilled: 150, queries: 2 });
  });
});
