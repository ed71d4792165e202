import { describe, expect, it } from 'vitest';
import type { RunPlan } from '../../src/collect/plan.ts';
import { createReader } from '../../src/collect/reader.ts';
import { addDays, type Day, daysOf, type Span, spanDays } from '../../src/days/day.ts';
import { upstreamOf } from '../../src/days/upstream.ts';
import { SourceError } from '../../src/errors/error.ts';
import type { Question } from '../../src/sources/sql.ts';
import { EMPTY_LEDGER, spansOf } from '../../src/state/ledger.ts';
import { type Ledgers, ledgersInMemory } from '../../src/state/ledgers.ts';
import { openBudget } from '../../src/state/spend.ts';
import { createState } from '../support/state.ts';
import { createTable, runInput, type SourceOptions } from '../support/table.ts';

const DAY = '2026-04-01';
const ONE = { start: DAY, end: '2026-04-02' };
const FOUR = { start: DAY, end: '2026-04-05' };
const NAMES: readonly [string, ...string[]] = ['alpha', 'beta', 'gamma', 'delta'];

/** What all questions about a package brought. */
type PackageRead = Awaited<ReturnType<ReturnType<typeof createReader>['read']>>;

interface Given extends Omit<SourceOptions, 'before'> {
  readonly before?: (question: Question) => SourceError | undefined;
  readonly ledgers?: Partial<Ledgers>;
  readonly today?: Day;
  readonly plan?: Partial<RunPlan>;
  readonly fillsPast?: boolean;
}

/**
 * Reads a span that all packages need, from a source that cannot tell which days have changed. The packages have one to four
 * downloads a day.
 *
 * @returns What each package gets or why not, what was asked, and what the operator is told.
 */
async function readAll(
  span: Span,
  { before, ledgers, today = span.end, plan, fillsPast = false, ...options }: Given = {},
) {
  const table = createTable((name) => NAMES.indexOf(name) + 1);
  const state = createState();
  const warnings: string[] = [];
  const needs = new Map(NAMES.map((name) => [name, { package: name, span, days: daysOf(span) }]));
  const input = runInput(state, today, []);
  const upstream = upstreamOf(today, spanDays(span), undefined, undefined, '');
  const reader = createReader({
    input: {
      ...input,
      open: () => Promise.reject(),
      ledgers: { ...state.ledgers, ...ledgers },
      asOf: span.end,
      fillsPast,
      warn: (message) => void warnings.push(message),
    },
    source: table.source({ ...options, ...(before && { before }) }),
    book: await openBudget(state.spend, null, input.now, () => undefined),
    fetched: { known: { kind: 'unsupported' }, upstream, partialDays: [], warnings: [] },
    plan: {
      ...{ needs, faults: new Map(), warnings: [], notes: [] },
      reads: [{ packages: NAMES, span, expectedBytes: 0 }],
      ...plan,
    },
  });
  const reads = new Map<string, PackageRead | string>();
  for (const name of NAMES) reads.set(name, await reader.read(name).catch((error: Error) => error.message));
  /** Of each package a figure, or why there is none. */
  const got = (figureOf: (read: PackageRead) => unknown) =>
    Object.fromEntries(
      [...reads].map(([name, read]) => [name, typeof read === 'string' ? read : figureOf(read)]),
    );
  return {
    warnings,
    state,
    /** The packages of each question, with its first day and number of days unless that is the first day alone. */
    asked: table.asked.map(({ packages, span: { start, end } }) => {
      const days = end === ONE.end && start === DAY ? '' : ` ${start.slice(-2)}+${spanDays({ start, end })}`;
      return (packages.length === NAMES.length ? 'all' : packages.join('+')) + days;
    }),
    downloads: got(({ ledger }) =>
      (ledger.days.get(DAY)?.rows ?? []).reduce((sum, { downloads }) => sum + downloads, 0),
    ),
    /** Days in the ledger, bytes that were billed, and spans that are kept as a sum. */
    bills: got(({ ledger, cost }) => [ledger.days.size, cost.bytesBilled, ...spansOf(ledger.old)]),
  };
}

const ALL = { alpha: 1, beta: 2, gamma: 3, delta: 4 };
const everybody = (value: unknown) => Object.fromEntries(NAMES.map((name) => [name, value]));

/** Fails for every question about more than so many packages. */
const tooMany = (most: number, code: SourceError['code']) => (question: Question) =>
  question.packages.length > most ? new SourceError(code, 'too much') : undefined;

describe('a question for several packages', () => {
  it.each([
    ['is asked once, however many wait for it', {}],
    ['brings the rows themselves where nothing is kept', { billed: false, keepsLedger: false }],
  ])('%s', async (_, traits) => {
    expect(await readAll(ONE, { traits })).toMatchObject({ downloads: ALL, asked: ['all'] });
  });

  it('leaves nothing in memory of packages that were read', async () => {
    const ledgers = ledgersInMemory();
    expect(await readAll(FOUR, { ledgers, before: tooMany(2, 'truncated') })).toMatchObject({
      downloads: ALL,
    });
    for (const name of NAMES) expect((await ledgers.load(name)).ledger).toBe(EMPTY_LEDGER);
  });

  it.each(['truncated', 'timeout', 'too-large'] as const)(
    'that is billed and is %s is asked for one by one, and the operator is told once',
    async (code) => {
      const { downloads, asked, warnings } = await readAll(ONE, { before: tooMany(1, code) });
      expect([downloads, asked]).toEqual([ALL, ['all', ...NAMES]]);
      expect(warnings).toEqual([`${DAY} for 4 packages together: too much; they are asked for one by one`]);
    },
  );

  it.each(['truncated', 'timeout', 'unexpected-answer', 'source-failed'] as const)(
    'that is free and fails by %s is halved until it is answered, without a word',
    async (code) => {
      const found = await readAll(ONE, { traits: { billed: false }, before: tooMany(2, code) });
      const asked = ['all', 'alpha+beta', 'gamma+delta'];
      expect(found).toMatchObject({ downloads: ALL, asked, warnings: [] });
    },
  );

  it('is asked once for a cause that all would meet, and billed as expected where nobody knows better', async () => {
    const before = () => new SourceError('credentials-refused', 'gone', { affectsAll: true });
    const reads = [{ packages: NAMES, span: ONE, expectedBytes: 5e9 }];
    const needs = new Map();
    const { downloads, asked, state } = await readAll(ONE, { before, plan: { needs, reads } });
    expect([downloads, asked]).toEqual([everybody('gone'), ['all']]);
    expect((await state.spend.load()).months.get('2026-04')?.bytesBilled).toBe(5e9);
  });

  it.each([
    ['leaves a failure in a part to that part', 'truncated', { ...ALL, beta: 'no' }, NAMES],
    [
      'is given up in the middle for a cause that all would meet',
      'credentials-refused',
      { ...everybody('no'), alpha: 1 },
      ['alpha', 'beta'],
    ],
  ] as const)('%s', async (_, code, expected, parts) => {
    const before = (question: Question) =>
      tooMany(1, 'timeout')(question) ??
      (question.packages[0] === 'beta' ? new SourceError(code, 'no') : undefined);
    expect(await readAll(ONE, { before })).toMatchObject({ downloads: expected, asked: ['all', ...parts] });
  });

  it('whose answer was damaged before it reached the ledgers is no count that is too low', async () => {
    const lost = `${DAY} was read, and what was kept of it is damaged or gone; the next run reads it again`;
    const { downloads } = await readAll(ONE, { ledgers: { append: async () => undefined } });
    expect(downloads).toEqual(everybody(lost));
  });

  it('leaves a ledger that cannot be saved to its package', async () => {
    const save = async (name: string) => {
      if (name === 'gamma') throw new Error('the disk is full');
    };
    const { downloads } = await readAll(ONE, { ledgers: { save } });
    expect(downloads).toEqual({ ...ALL, gamma: 'the disk is full' });
  });
});

describe('a question about several days that are read once for all', () => {
  const cost = { bytesProcessed: 40, bytesBilled: 40, cacheHit: false };
  const longerThan = (days: number, code: SourceError['code']) => (question: Question) =>
    question.packages.length > 1 && spanDays(question.span) > days
      ? new SourceError(code, 'too much', { cost })
      : undefined;
  /** A question bills 100 bytes a day for each of its packages. */
  const readFour = (before: Given['before'] & {}, more: Given = {}) =>
    readAll(FOUR, { before, alone: 100, ...more });
  const oneByOne = (days: string) => NAMES.map((name) => `${name}${days}`);

  it.each(['truncated', 'timeout', 'job-timeout'] as const)(
    'is asked for in halves where it is %s',
    async (code) => {
      const { bills, asked, warnings } = await readFour(longerThan(2, code));
      expect(asked).toEqual(['all 01+4', 'all 03+2', 'all 01+2']);
      // Four days, and a quarter of what the question in vain was billed.
      expect(bills).toEqual(everybody([4, 410]));
      const told = `${DAY} for 4 packages together: too much; fewer days are asked for at a time`;
      expect(warnings).toEqual([told]);
    },
  );

  it('is asked for package by package where it is refused', async () => {
    const { bills, asked } = await readFour(longerThan(2, 'too-large'));
    expect(asked).toEqual(['all 01+4', ...oneByOne(' 01+4')]);
    expect(bills).toEqual(everybody([4, 410]));
  });

  it('has a day asked for package by package that is too long alone', async () => {
    const { bills, asked, warnings } = await readFour((question) =>
      question.span.end === FOUR.end ? longerThan(0, 'truncated')(question) : undefined,
    );
    // Two days were too long.
    const shorter = ['all 03+1', 'all 02+1', 'all'];
    expect(asked).toEqual(['all 01+4', 'all 03+2', 'all 04+1', ...oneByOne(' 04+1'), ...shorter]);
    expect(bills).toEqual(everybody([4, 430]));
    const fewer = 'fewer days are asked for at a time';
    expect(warnings.map((warning) => warning.split('; ')[1])).toEqual([
      ...[fewer, fewer],
      'they are asked for one by one',
    ]);
  });

  it.each([
    ['beta', ['alpha', 'beta'], { alpha: [4, 430], gamma: [4, 410], delta: [4, 410] }],
    ['delta', ['gamma', 'delta'], { alpha: [4, 410], beta: [4, 410], gamma: [4, 430] }],
  ])('leaves a fault that may pass to %s, after a fault of halves', async (bad, alone, rest) => {
    const { bills, asked } = await readFour(({ packages }) =>
      packages.includes(bad) ? new SourceError('job-failed', 'no', { cost }) : undefined,
    );
    const questions = ['all', 'alpha+beta', 'gamma+delta', ...alone];
    expect(asked).toEqual(questions.map((names) => `${names} 01+4`));
    // A quarter of what the first question in vain was billed, and half of what the second was.
    expect(bills).toEqual({ ...rest, [bad]: 'no' });
  });

  it.each([
    { what: 'answered', days: 4, billed: 400 },
    { what: 'refused', days: 2, billed: 410 },
  ])('is whole where its days are too old to be kept one by one, and is $what', async ({ days, billed }) => {
    const old = { today: '2028-01-01', fillsPast: true };
    const { bills } = await readFour(longerThan(days, 'too-large'), old);
    expect(bills).toEqual(everybody([0, billed, FOUR]));
  });

  it.each([
    ['for all', 'credentials-refused', 4, NAMES],
    ['for all, when it is asked for one by one', 'credentials-refused', 1, NAMES.slice(1)],
    ['for one package', 'truncated', 1, ['beta']],
  ] as const)('fails where a part of it fails %s', async (_, code, of, failing) => {
    const { bills } = await readFour((question) => {
      const last = question.span.end === '2026-04-03';
      if (last && (of === 4 || question.packages.join() === 'beta')) return new SourceError(code, 'no');
      return longerThan(last ? of : 2, last ? 'too-large' : 'truncated')(question);
    });
    expect(NAMES.filter((name) => bills[name] === 'no')).toEqual(failing);
  });
});

it('a whole window of a source that cannot tell what changed is read when all of its questions are answered, and not before', async () => {
  for (const failing of [undefined, '2026-04-03']) {
    for (const packages of [NAMES, ['alpha'] as const]) {
      const reads = daysOf(FOUR).map((day) => {
        return { packages, span: { start: day, end: addDays(day, 1) }, expectedBytes: 0 };
      });
      const needs = new Map(NAMES.map((name) => [name, { package: name, span: FOUR, days: daysOf(FOUR) }]));
      const { state } = await readAll(FOUR, {
        plan: { needs, reads },
        before: ({ span }) => (span.start === failing ? new SourceError('timeout', 'too slow') : undefined),
      });
      const { ledger } = await state.ledgers.load('alpha');
      expect(ledger.wholeRead).toBe(failing === undefined ? FOUR.end : null);
    }
  }
});
