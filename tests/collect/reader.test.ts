import { describe, expect, it } from 'vitest';
import type { PlannedRead } from '../../src/collect/plan.ts';
import { createReader } from '../../src/collect/reader.ts';
import { addDays, type Day, daysOf, type Span, spanDays } from '../../src/days/day.ts';
import { type Source, SourceError } from '../../src/sources/source.ts';
import type { Question } from '../../src/sources/sql.ts';
import { spansOf } from '../../src/state/ledger.ts';
import type { Ledgers } from '../../src/state/ledgers.ts';
import { openBudget } from '../../src/state/spend.ts';
import { createState, type MemoryState } from '../support/state.ts';
import { createTable, type SourceOptions } from '../support/table.ts';

const DAY = '2026-04-01';
const SPAN = { start: DAY, end: '2026-04-02' };
const NAMES: readonly [string, ...string[]] = ['alpha', 'beta', 'gamma', 'delta'];
const PLANNED: PlannedRead = { packages: NAMES, span: SPAN, expectedBytes: 0 };

/** A reader of days that all of the packages need, from a source that cannot tell which have changed. */
async function makeReader(
  source: Source,
  state: Pick<MemoryState, 'ledgers' | 'spend'>,
  span: Span,
  reads: readonly PlannedRead[],
  { today = span.end, ...more }: { today?: Day; fillsPast?: boolean; warn?: (message: string) => void } = {},
) {
  const now = () => new Date(`${today}T06:00:00Z`);
  return createReader({
    source,
    ledgers: state.ledgers,
    book: await openBudget(state.spend, null, now, () => undefined),
    known: { kind: 'unsupported' },
    plan: {
      needs: new Map(
        reads.flatMap(({ packages }) =>
          packages.map((name) => [name, { package: name, span, days: daysOf(span) }]),
        ),
      ),
      reads,
    },
    asOf: span.end,
    end: today,
    warn: () => undefined,
    now,
    ...more,
  });
}

async function reader({
  ledgers,
  planned = PLANNED,
  ...options
}: SourceOptions & { ledgers?: Partial<Ledgers>; planned?: PlannedRead } = {}) {
  const table = createTable((name) => NAMES.indexOf(name) + 1);
  const state = createState();
  const warnings: string[] = [];
  const source = table.source(options);
  const kept = { spend: state.spend, ledgers: { ...state.ledgers, ...ledgers } };
  const warn = (message: string) => void warnings.push(message);
  const made = await makeReader(source, kept, SPAN, [planned], { warn });
  return {
    warnings,
    spend: state.spend,
    asked: () => table.asked.map(({ packages }) => packages.join('+')),
    /** What each package gets: its downloads, or why not. */
    async readAll() {
      const readOne = async (name: string) => {
        const read = await made.read(name);
        const rows = read.ledger.days.get(DAY)?.rows ?? [];
        return rows.reduce((sum, { downloads }) => sum + downloads, 0);
      };
      const got: Record<string, number | string> = {};
      for (const name of NAMES) got[name] = await readOne(name).catch((error: Error) => error.message);
      return got;
    },
  };
}

const ALL = { alpha: 1, beta: 2, gamma: 3, delta: 4 };

/** Fails for every question about more than so many packages. */
const tooMany = (most: number, code: SourceError['code']) => (question: Question) =>
  question.packages.length > most ? new SourceError(code, 'too much') : undefined;

describe('a question for several packages', () => {
  it.each([
    ['is asked once, however many wait for it', {}],
    ['brings the rows themselves where nothing is kept', { billed: false, keepsLedger: false }],
  ])('%s', async (_, traits) => {
    const { readAll, asked } = await reader({ traits });
    expect(await readAll()).toEqual(ALL);
    expect(asked()).toEqual(['alpha+beta+gamma+delta']);
  });

  it.each(['truncated', 'timeout', 'too-large'] as const)(
    'that is billed and is %s is asked for one by one, and the operator is told once',
    async (code) => {
      const { readAll, asked, warnings } = await reader({ before: tooMany(1, code) });
      expect(await readAll()).toEqual(ALL);
      expect(asked()).toEqual(['alpha+beta+gamma+delta', ...NAMES]);
      expect(warnings).toEqual([`${DAY} for 4 packages together: too much; they are asked for one by one`]);
    },
  );

  it.each(['truncated', 'timeout', 'unexpected-answer', 'source-failed'] as const)(
    'that is free and fails by %s is halved until it is answered, without a word',
    async (code) => {
      const free = { traits: { billed: false }, before: tooMany(2, code) };
      const { readAll, asked, warnings } = await reader(free);
      expect(await readAll()).toEqual(ALL);
      expect(asked()).toEqual(['alpha+beta+gamma+delta', 'alpha+beta', 'gamma+delta']);
      expect(warnings).toEqual([]);
    },
  );

  it('is asked once for a cause that all would meet, and billed as expected where nobody knows better', async () => {
    const before = () => new SourceError('credentials-refused', 'gone', { affectsAll: true });
    const { readAll, asked, spend } = await reader({ before, planned: { ...PLANNED, expectedBytes: 5e9 } });
    const failed = await readAll();
    expect(new Set(Object.values(failed))).toEqual(new Set(['gone']));
    // Every package would meet the same.
    expect(asked()).toEqual(['alpha+beta+gamma+delta']);
    expect((await spend.load()).months.get('2026-04')?.bytesBilled).toBe(5e9);
  });

  it('leaves a failure in a part to the packages of that part', async () => {
    const { readAll } = await reader({
      before: (question) =>
        tooMany(1, 'timeout')(question) ??
        (question.packages[0] === 'beta' ? new SourceError('truncated', 'beta is too long') : undefined),
    });
    expect(await readAll()).toEqual({ ...ALL, beta: 'beta is too long' });
  });

  it('is given up in the middle for such a cause', async () => {
    const { readAll, asked } = await reader({
      before: (question) =>
        tooMany(1, 'timeout')(question) ??
        (question.packages[0] === 'beta' ? new SourceError('credentials-refused', 'no more') : undefined),
    });
    expect(await readAll()).toEqual({ alpha: 1, beta: 'no more', gamma: 'no more', delta: 'no more' });
    expect(asked()).toEqual(['alpha+beta+gamma+delta', 'alpha', 'beta']);
  });

  it('whose answer was damaged before it reached the ledgers is no count that is too low', async () => {
    const { readAll } = await reader({ ledgers: { append: async () => undefined } });
    const lost =
      '2026-04-01 was read, and what was kept of it is damaged or gone; the next run reads it again';
    expect(new Set(Object.values(await readAll()))).toEqual(new Set([lost]));
  });

  it('leaves a ledger that cannot be saved to its package', async () => {
    const save = async (name: string) => {
      if (name === 'gamma') throw new Error('the disk is full');
    };
    const { readAll } = await reader({ ledgers: { save } });
    expect(await readAll()).toEqual({ ...ALL, gamma: 'the disk is full' });
  });
});

describe('a question about several days that are read once for all', () => {
  const FOUR = { start: '2026-04-01', end: '2026-04-05' };
  const [FIRST_HALF, SECOND_HALF] = ['2026-04-01+2', '2026-04-03+2'];

  /** Every package has one download a day; a question bills 100 bytes a day for each of its packages. */
  async function four(before: (question: Question) => SourceError | undefined, today?: Day) {
    const table = createTable();
    const warnings: string[] = [];
    const planned = { packages: NAMES, span: FOUR, expectedBytes: 0 };
    const made = await makeReader(table.source({ before, alone: 100 }), createState(), FOUR, [planned], {
      ...(today === undefined ? {} : { today, fillsPast: true }),
      warn: (message) => void warnings.push(message),
    });
    const got: Record<string, unknown> = {};
    for (const name of NAMES) {
      try {
        const { ledger, cost } = await made.read(name);
        got[name] = [ledger?.days.size, cost.bytesBilled, ...spansOf(ledger?.old ?? [])];
      } catch (error) {
        got[name] = (error as Error).message;
      }
    }
    const asked = table.asked.map(
      ({ packages, span }) =>
        `${packages.length === 4 ? '' : packages.join()}${span.start}+${spanDays(span)}`,
    );
    return { got, asked, warnings };
  }

  const cost = { bytesProcessed: 40, bytesBilled: 40, cacheHit: false };
  const longerThan = (days: number, code: SourceError['code']) => (question: Question) =>
    question.packages.length > 1 && spanDays(question.span) > days
      ? new SourceError(code, 'too much', { cost })
      : undefined;
  const everybody = (value: unknown) => Object.fromEntries(NAMES.map((name) => [name, value]));

  it.each(['truncated', 'timeout'] as const)('is asked for in halves where it is %s', async (code) => {
    const { got, asked, warnings } = await four(longerThan(2, code));
    expect(asked).toEqual(['2026-04-01+4', SECOND_HALF, FIRST_HALF]);
    // Four days, and a quarter of what the question in vain was billed.
    expect(got).toEqual(everybody([4, 410]));
    expect(warnings).toEqual([
      '2026-04-01 for 4 packages together: too much; fewer days are asked for at a time',
    ]);
  });

  it('is asked for package by package where it is refused', async () => {
    const { got, asked } = await four(longerThan(2, 'too-large'));
    expect(asked).toEqual(['2026-04-01+4', ...NAMES.map((name) => `${name}2026-04-01+4`)]);
    expect(got).toEqual(everybody([4, 410]));
  });

  it('has a day asked for package by package that is too long alone', async () => {
    const { got, asked, warnings } = await four((question) =>
      question.span.end === FOUR.end ? longerThan(0, 'truncated')(question) : undefined,
    );
    expect(asked.slice(0, 3)).toEqual(['2026-04-01+4', SECOND_HALF, '2026-04-04+1']);
    expect(asked.slice(3)).toEqual([
      ...NAMES.map((name) => `${name}2026-04-04+1`),
      '2026-04-03+1',
      // Two days were too long.
      '2026-04-02+1',
      '2026-04-01+1',
    ]);
    expect(got).toEqual(everybody([4, 430]));
    expect(warnings.map((warning) => warning.split('; ')[1])).toEqual([
      'fewer days are asked for at a time',
      'fewer days are asked for at a time',
      'they are asked for one by one',
    ]);
  });

  it.each([
    [
      'beta',
      ['', 'alpha,beta', 'gamma,delta', 'alpha', 'beta'],
      { alpha: [4, 430], gamma: [4, 410], delta: [4, 410] },
    ],
    [
      'delta',
      ['', 'alpha,beta', 'gamma,delta', 'gamma', 'delta'],
      { alpha: [4, 410], beta: [4, 410], gamma: [4, 430] },
    ],
  ])('leaves a fault that may pass to %s, after a fault of halves', async (bad, questions, rest) => {
    const { got, asked } = await four(({ packages }) =>
      packages.includes(bad) ? new SourceError('job-failed', 'no', { cost }) : undefined,
    );
    expect(asked).toEqual(questions.map((names) => `${names}2026-04-01+4`));
    // A quarter of what the first question in vain was billed, and half of what the second was.
    expect(got).toEqual({ ...rest, [bad]: 'no' });
  });

  it.each([
    { what: 'answered', days: 4, billed: 400 },
    { what: 'refused', days: 2, billed: 410 },
  ])('is whole where its days are too old to be kept one by one, and is $what', async ({ days, billed }) => {
    const { got } = await four(longerThan(days, 'too-large'), '2028-01-01');
    expect(got).toEqual(everybody([0, billed, FOUR]));
  });

  it.each([
    { what: 'for all', code: 'credentials-refused', of: 4, failing: NAMES },
    {
      what: 'for all, when it is asked for one by one',
      code: 'credentials-refused',
      of: 1,
      failing: NAMES.slice(1),
    },
    { what: 'for one package', code: 'truncated', of: 1, failing: ['beta'] },
  ] as const)('fails where a part of it fails $what', async ({ code, of, failing }) => {
    const { got } = await four((question) => {
      const last = question.span.end === '2026-04-03';
      if (last && (of === 4 || question.packages.join() === 'beta')) return new SourceError(code, 'no');
      return longerThan(last ? of : 2, last ? 'too-large' : 'truncated')(question);
    });
    expect(NAMES.filter((name) => got[name] === 'no')).toEqual(failing);
  });
});

describe('a package that needs its whole window from a source that cannot tell what changed', () => {
  const SPAN_OF_THREE = { start: '2026-04-01', end: '2026-04-04' };
  const DAYS = daysOf(SPAN_OF_THREE);

  /** Asks a question for each day, of which one may fail. */
  async function wholeRead(packages: readonly [string, ...string[]], failing?: string) {
    const state = createState();
    const before = ({ span }: Question) =>
      span.start === failing ? new SourceError('timeout', 'too slow') : undefined;
    const reads = DAYS.map((day) => ({
      packages,
      span: { start: day, end: addDays(day, 1) },
      expectedBytes: 0,
    }));
    const made = await makeReader(createTable().source({ before }), state, SPAN_OF_THREE, reads);
    await made.read('alpha').catch(() => undefined);
    return (await state.ledgers.load('alpha')).ledger.wholeRead;
  }

  it('has read it when all of its questions are answered, and not before', async () => {
    for (const packages of [['alpha', 'beta'], ['alpha']] as const) {
      expect(await wholeRead([...packages])).toBe('2026-04-04');
      expect(await wholeRead([...packages], '2026-04-03')).toBeNull();
    }
  });
});
