import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SourceError } from '../../src/errors/error.ts';
import {
  ageOf,
  BudgetError,
  billedPart,
  bytesPerDay,
  bytesPerSharedDay,
  committedBytes,
  EMPTY_SPEND,
  monthOf,
  nextMonthStart,
  openBudget,
  openSpendFile,
  parseSpend,
  readSpend,
  type Spend,
  type SpendFile,
  serializeSpend,
  type Usage,
} from '../../src/state/spend.ts';
import { FileRejected } from '../../src/state/state-file.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GIB = 1024 ** 3;
const usage = (daysScanned: number, bytesBilled: number): Usage => ({ daysScanned, bytesBilled, queries: 1 });
const spend: Spend = {
  months: new Map([['2026-03', { bytesBilled: 10 * GIB, queries: 4 }]]),
  pending: new Map([
    ['alpha', { month: '2026-03', bytes: GIB }],
    ['constructor', { month: '2026-02', bytes: GIB }],
  ]),
  packages: new Map([
    ['alpha', new Map([['2026-03', usage(3, 450)]])],
    ['constructor', new Map([['2026-02', usage(1, 150)]])],
  ]),
  shared: new Map([['2026-03', { ...usage(2, 2_000), bytesEstimated: 4_000 }]]),
  ages: new Map([['1', usage(1, 170)]]),
};

describe('spend.json', () => {
  const alone = (days: number, bytes: number) => ({ days_scanned: days, bytes_billed: bytes, queries: 1 });

  it('brings back what was saved, under the keys that are documented', () => {
    expect(parseSpend(serializeSpend(spend))).toEqual(spend);
    expect(parseSpend(serializeSpend(EMPTY_SPEND))).toEqual(EMPTY_SPEND);
    expect(JSON.parse(serializeSpend(spend))).toEqual({
      version: 1,
      months: { '2026-03': { bytes_billed: 10 * GIB, queries: 4 } },
      pending: Object.fromEntries(spend.pending),
      packages: { alpha: { '2026-03': alone(3, 450) }, constructor: { '2026-02': alone(1, 150) } },
      shared: { '2026-03': { ...alone(2, 2_000), bytes_estimated: 4_000 } },
      ages: { '1': alone(1, 170) },
    });
  });

  it.each([
    ['cut short', serializeSpend(spend).slice(0, 30)],
    ['null', 'null'],
    ['of another version', '{"version":2,"months":{},"pending":{}}'],
    ...Object.entries({
      'without months': { months: undefined },
      'with a month that is a number': { months: { '2026-03': 5 } },
      'with negative bytes': { months: { '2026-03': { bytes_billed: -1, queries: 1 } } },
      'with a strange month': { months: { '\u001b[2J': { bytes_billed: 1, queries: 1 } } },
      'with a query that pends in a strange month': { pending: { alpha: { month: 'May', bytes: 1 } } },
      'with a query that pends nowhere': { pending: { alpha: { bytes: 1 } } },
      'with a strange age': { ages: { '\u001b[2J': alone(1, 1) } },
      'with packages that are a list': { packages: [] },
      'with the usage of a strange month': { packages: { a: { May: alone(1, 1) } } },
    }).map(([what, part]) => [what, JSON.stringify({ version: 1, months: {}, pending: {}, ...part })]),
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
    const months = new Map([...spend.months, ['2026-03', { bytesBilled: 12 * GIB, queries: 9 }]] as const);
    await file().note({ ...spend, months });
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')))).not.toContain('packages');
    expect(await file().load()).toEqual({ ...spend, months });
    expect(await readSpend(stateDir)).toEqual({ ...spend, months });
    rmSync(join(stateDir, 'spend.backup.json'));
    expect(await readSpend(stateDir)).toEqual({ ...spend, months, packages: new Map() });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['lost', undefined, ['spend.backup.json']],
    ['not sound', '{', ['spend.backup.json', 'spend.json.rejected-1']],
  ])('that is %s is taken from the copy of the last run', async (_, content, left) => {
    const { file, path, stateDir, warnings } = setUp();
    await file().save(spend);
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

it('months are calendar months in UTC, committed to what is billed and what is being asked', () => {
  expect(monthOf(new Date('2026-03-31T23:59:59Z'))).toBe('2026-03');
  expect(['2026-03', '2026-12'].map(nextMonthStart)).toEqual(['2026-04-01', '2027-01-01']);
  const committed = ['2026-03', '2026-02', '2026-04'].map((month) => committedBytes(spend, month));
  expect(committed).toEqual([11 * GIB, GIB, 0]);
});

it('days are grouped by their age when they were read', () => {
  const days = ['2026-03-04', '2026-03-03', '2026-02-26', '2026-02-25', '2026-01-01'];
  expect(days.map((day) => ageOf(day, '2026-03-05'))).toEqual(['1', '2-7', '2-7', '8-35', '36+']);
});

/** A budget at noon of a day, and what it writes. */
async function setUp({ budget = null as number | null, initial = EMPTY_SPEND, note = async () => {} } = {}) {
  const clock = { today: '2026-03-05' };
  const noted: Spend[] = [];
  const saved: Spend[] = [];
  const file: SpendFile = {
    load: async () => initial,
    async note(state) {
      await note();
      noted.push(structuredClone(state));
    },
    save: async (state) => void saved.push(structuredClone(state)),
  };
  const now = () => new Date(`${clock.today}T12:00:00Z`);
  const opened = await openBudget(file, budget, now, () => undefined);
  /** Asks without a bill. */
  const ask = (label: string, answer: () => Promise<unknown>, expectedBytes = 100) =>
    opened.query({ label, expectedBytes }, async () => ({ value: await answer(), cost: undefined }));
  /** Reads days for packages, and is billed so much. */
  const read = (
    bytesBilled: number,
    days: number,
    packages: [string, ...string[]],
    { cacheHit = false, ...more }: { cacheHit?: boolean; estimatedBytes?: number } = {},
  ) => {
    const span = { start: `2026-03-0${5 - days}`, end: '2026-03-05' };
    const query = { label: 'a', expectedBytes: 100, purpose: { packages, span, ...more } };
    return opened.query(query, async () => ({ cost: { bytesProcessed: 0, bytesBilled, cacheHit } }));
  };
  const close = async () => {
    await opened.close();
    return saved.at(-1) ?? EMPTY_SPEND;
  };
  return { budget: opened, clock, noted, ask, read, close };
}

describe('the price of a day', () => {
  it('is that of the latest month that billed anything, and two months are kept', async () => {
    const { budget, clock, read, close } = await setUp();
    clock.today = '2026-02-28';
    await read(999, 1, ['a']);
    clock.today = '2026-03-05';
    await read(100, 1, ['a']);
    await read(200, 1, ['a']);
    clock.today = '2026-04-05';
    await read(0, 1, ['a']);
    expect(['a', 'b', 'constructor'].map((name) => bytesPerDay(budget.spend, name))).toEqual([
      150,
      undefined,
      undefined,
    ]);
    const after = await close();
    expect(bytesPerDay(after, 'a')).toBe(150);
    expect([...(after.packages.get('a')?.keys() ?? [])]).toEqual(['2026-03', '2026-04']);
    expect([...after.months]).toEqual([
      ['2026-02', { bytesBilled: 999, queries: 1 }],
      ['2026-03', { bytesBilled: 300, queries: 2 }],
      ['2026-04', { bytesBilled: 0, queries: 1 }],
    ]);
  });

  it('of a day read once for many packages is kept apart from theirs', async () => {
    const { budget, read, close } = await setUp();
    expect([billedPart(budget.spend), bytesPerSharedDay(budget.spend)]).toEqual([undefined, undefined]);
    await read(1_001, 1, ['a', 'b'], { estimatedBytes: 2_002 });
    // A day that is said to be ten times as large will bill ten times as much.
    expect([billedPart(budget.spend), bytesPerSharedDay(budget.spend)]).toEqual([0.5, 1_001]);
    await read(3_003, 1, ['a', 'b'], { estimatedBytes: 2_002 });
    expect(billedPart(budget.spend)).toBe(1);
    const after = await close();
    expect([billedPart(after), bytesPerSharedDay(after)]).toEqual([1, 2_002]);
    expect([after.packages.size, after.ages.size]).toEqual([0, 0]);
  });

  it('is kept by the age of the day, where a question was about days of one age, and not learnt from a cached answer', async () => {
    const { budget, read, close } = await setUp();
    await read(170, 1, ['a']);
    await read(130, 2, ['a']);
    await read(0, 1, ['a'], { cacheHit: true });
    expect(bytesPerDay(budget.spend, 'a')).toBe(100);
    const { ages, months } = await close();
    expect(ages).toEqual(new Map([['1', usage(1, 170)]]));
    expect(months.get('2026-03')).toEqual({ bytesBilled: 300, queries: 3 });
  });
});

describe('a budget', () => {
  it.each([
    ['2026-03-05', GIB, null],
    ['2026-03-05', GIB + 1, 'it can run from 2026-04-01 (UTC), or raise bigquery.monthly_budget_gib'],
    ['2026-03-05', 12 * GIB + 1, 'it can never run within this budget; raise bigquery.monthly_budget_gib'],
    ['2026-04-05', 12 * GIB, null],
  ])(
    'may be used to its last byte, and starts anew with the month: %s, %d',
    async (today, bytes, refused) => {
      const { budget, clock } = await setUp({ budget: 12 * GIB, initial: spend });
      clock.today = today;
      const assert = () => budget.assertWithin(bytes);
      if (refused === null) return expect(assert).not.toThrow();
      expect(assert).toThrow(BudgetError);
      expect(assert).toThrow(refused);
      expect(assert).toThrow('11.0 GiB of 12.0 GiB are billed in 2026-03');
    },
  );

  it('writes one state after the other, however they overlap', async () => {
    let writing = 0;
    const { ask, noted, close } = await setUp({
      async note() {
        writing += 1;
        expect(writing).toBe(1);
        await sleep(1);
        writing -= 1;
      },
    });
    await Promise.all(['a', 'b', 'constructor', 'd'].map((label, index) => ask(label, async () => 0, index)));
    expect(noted.at(-1)).toMatchObject({
      months: new Map([['2026-03', { bytesBilled: 0 + 1 + 2 + 3, queries: 4 }]]),
      pending: new Map(),
    });
    expect(await close()).toEqual(noted.at(-1));
  });

  it('does not ask when the question cannot be written down', async () => {
    const { ask, close } = await setUp({ note: () => Promise.reject(new Error('disk full')) });
    await expect(ask('a', () => expect.unreachable('asked'))).rejects.toThrow('disk full');
    expect((await close()).pending.size).toBe(0);
  });

  it('returns what was paid for when the bill cannot be written, and asks no further', async () => {
    let notes = 0;
    const { ask, close } = await setUp({
      async note() {
        notes += 1;
        if (notes > 1) throw new Error('disk full');
      },
    });
    expect(await ask('a', async () => 'answer')).toMatchObject({ value: 'answer' });
    await expect(ask('b', async () => 'answer')).rejects.toThrow('disk full');
    expect((await close()).months.get('2026-03')).toEqual({ bytesBilled: 100, queries: 1 });
  });

  it('keeps questions about the same apart that are under way at once', async () => {
    const { ask, noted } = await setUp();
    await Promise.all([ask('a', () => sleep(5)), ask('a', () => sleep(5))]);
    expect(Math.max(...noted.map((state) => committedBytes(state, '2026-03')))).toBe(200);
    expect(noted.at(-1)).toMatchObject({ pending: new Map() });
  });

  it('takes back only what could not be written down, and nothing that was answered meanwhile', async () => {
    let fails = false;
    const { ask, close } = await setUp({
      async note() {
        const failing = fails;
        await sleep(5);
        if (failing) throw new Error('disk full');
      },
    });
    let answer = () => {};
    const first = ask('a', () => new Promise<void>((resolve) => (answer = resolve)));
    await sleep(20);
    fails = true;
    const second = ask('b', async () => undefined);
    answer();
    await Promise.allSettled([first, second]);
    expect(committedBytes(await close(), '2026-03')).toBe(100);
  });

  const cost = { bytesProcessed: 5, bytesBilled: 9, cacheHit: false };
  it.each([
    ['as expected, in whole bytes', new Error('refused'), 70],
    ['as it says', new SourceError('job-failed', 'refused', { cost }), 9],
  ])('counts a question that failed as billed %s, and throws what it failed of', async (_, error, billed) => {
    const { ask, close } = await setUp();
    await expect(ask('a', () => Promise.reject(error), 69.5)).rejects.toBe(error);
    expect((await close()).months.get('2026-03')).toEqual({ bytesBilled: billed, queries: 1 });
  });

  it('keeps two packages from taking the same rest of it', async () => {
    const { ask } = await setUp({ budget: 150 });
    const results = await Promise.allSettled(['a', 'b'].map((label) => ask(label, () => sleep(5))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it.each([
    ['before the query is written down', 1, []],
    ['before it is sent', 2, ['note']],
    ['while it is under way', 3, ['note', 'ask']],
    ['after it', 4, ['note', 'ask', 'note']],
    ['never', 5, ['note', 'ask', 'note', 'save']],
  ])('asks and writes nothing more once the lock is lost: %s', async (_, lostAt, expected) => {
    const done: string[] = [];
    let looks = 0;
    const step = (name: string) => async () => void done.push(name);
    const file = { load: async () => EMPTY_SPEND, note: step('note'), save: step('save') };
    const assertHeld = () => {
      looks += 1;
      if (looks >= lostAt) throw new Error('lost');
    };
    const budget = await openBudget(file, null, () => new Date(0), assertHeld);
    const ask = () => step('ask')().then(() => ({ cost: undefined }));
    const query = budget.query({ label: 'a', expectedBytes: 100 }, ask);
    await (expected.includes('ask') ? query : expect(query).rejects.toThrow('lost'));
    await budget.close().catch(() => undefined);
    expect(done).toEqual(expected);
  });
});
