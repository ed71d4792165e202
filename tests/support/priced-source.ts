import type { Outcome } from '../../src/collect/run.ts';
import { beginRun, type RunInput } from '../../src/collect/run.ts';
import { type Day, daysOf } from '../../src/days/day.ts';
import { NO_COST, type Source, type SourceTraits } from '../../src/sources/source.ts';
import type { PivotRow, Question } from '../../src/sources/sql.ts';
import type { MemoryState } from './state.ts';

export const GB = 1_000_000_000;

/** Of a source that bills, and takes one package at a time. */
export const TRAITS: SourceTraits = {
  kind: 'bigquery',
  id: 'test',
  name: 'a table of the test',
  billed: true,
  keepsLedger: true,
  wholeLog: true,
  whereToLook: 'see there',
  packagesAtOnce: 1,
  packageDaysAtOnce: Number.POSITIVE_INFINITY,
  sharesDays: false,
  questionsAtOnce: Number.POSITIVE_INFINITY,
};

/** What a priced source was asked, and what that billed. */
export interface Asked extends Question {
  readonly bytes: number;
}

export interface Pricing {
  /** Bytes of a package's day; 150 MB if absent. */
  readonly alone?: number;
  /** Bytes of a day that is read for several. */
  readonly shared: (day: Day) => number;
  /** Whether the source cannot tell its days. */
  readonly unsupported?: boolean;
  /** Rows that the table has on a day; a million if absent. */
  readonly rowsOn?: (day: Day) => number;
  /** May refuse a question, before or after it is billed. */
  readonly before?: (asked: Asked) => Promise<void> | void;
  readonly estimate?: Source['estimate'];
}

/** A source that bills each day, and in which every package has one download a day. */
export function pricedSource(pricing: Pricing) {
  const { alone = 150_000_000, shared, unsupported = false, rowsOn = () => 1_000_000, before } = pricing;
  const asked: Asked[] = [];
  const bytesOf = ({ packages, span }: Question) =>
    daysOf(span).reduce((sum, day) => sum + (packages.length > 1 ? shared(day) : alone), 0);
  const source: Source = {
    traits: { ...TRAITS, packageDaysAtOnce: 10_000, sharesDays: true },
    hasFileNames: true,
    async read(question) {
      const one = { ...question, bytes: bytesOf(question) };
      asked.push(one);
      await before?.(one);
      const row = (day: Day): PivotRow => ({
        day,
        ci: null,
        installer: 'pip',
        system: null,
        sidecar: false,
        downloads: 1,
      });
      return {
        rows: new Map(question.packages.map((name) => [name, daysOf(question.span).map(row)])),
        failures: new Map(),
        cost: { bytesProcessed: one.bytes, bytesBilled: one.bytes, cacheHit: false },
      };
    },
    facets: async () => {
      throw new Error('this source has no facets');
    },
    estimate: pricing.estimate ?? (async (question) => bytesOf(question)),
    days: async (span) =>
      unsupported
        ? { kind: 'unsupported', reason: 'no' }
        : { kind: 'known', rows: new Map(daysOf(span).map((day) => [day, rowsOn(day)])), cost: NO_COST },
    close: async () => undefined,
  };
  return { source, asked, billed: () => asked.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Packages with one window. */
export function listOf(count: number, window: number) {
  return Array.from({ length: count }, (_, index) => ({
    name: `p-${index}`,
    windows: [window] as const,
    total: true,
  }));
}

type State = Pick<MemoryState, 'ledgers' | 'spend'>;

/** What a run at six in the morning of `today` is given. */
export function runInput({ ledgers, spend }: State, today: Day, packages: RunInput['packages']) {
  return {
    packages,
    full: false,
    asOf: today,
    assertHeld: () => undefined,
    ledgers,
    spend,
    budgetBytes: null,
    warn: () => undefined,
    now: () => new Date(`${today}T06:00:00Z`),
  };
}

/** @param more `stopAfter`: how many packages are read before the run is stopped. */
export async function runOn(
  source: Source,
  state: State,
  today: Day,
  packages: RunInput['packages'],
  more: Partial<RunInput> & { stopAfter?: number } = {},
) {
  const warnings: string[] = [];
  const run = await beginRun({
    ...runInput(state, today, packages),
    open: async () => source,
    warn: (message) => warnings.push(message),
    ...more,
  });
  const outcomes: Outcome[] = [];
  for await (const outcome of run.outcomes) {
    outcomes.push(outcome);
    if (outcomes.length === more.stopAfter) break;
  }
  return { ...run, outcomes, warnings: [...run.warnings, ...warnings] };
}

/** Downloads of a package over all days that were read. */
export function downloadsOf(outcome: Outcome | undefined): number {
  if (outcome?.kind !== 'read') throw new Error('not read');
  return [...outcome.rows.values()].flat().reduce((sum, row) => sum + row.downloads, 0);
}

/** Packages that failed, and of what. */
export function failuresOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' ? [`${outcome.package.name}: ${String(outcome.error)}`] : [],
  );
}
