import { WARNING_DAYS } from '../../src/collect/plan.ts';
import type { Outcome } from '../../src/collect/reader.ts';
import { beginRun, type RunInput } from '../../src/collect/run.ts';
import { type Day, daysOf, type Span, spanDays } from '../../src/days/day.ts';
import type { Source, SourceTraits } from '../../src/sources/source.ts';
import type { PivotRow, Question } from '../../src/sources/sql.ts';
import { NO_COST, type QueryCost } from '../../src/util.ts';
import { createState, type MemoryState } from './state.ts';

export const GB = 1_000_000_000;

/** Of a source that bills, and takes one package at a time. */
export const TRAITS: SourceTraits = {
  ...{ kind: 'bigquery', id: 'test', name: 'a table of the test', whereToLook: 'see there' },
  ...{ billed: true, keepsLedger: true, wholeLog: true, sharesDays: false },
  ...{ packagesAtOnce: 1, packageDaysAtOnce: Infinity, questionsAtOnce: Infinity },
};
const SHARING: Partial<SourceTraits> = { packageDaysAtOnce: 10_000, sharesDays: true };

/** `times` downloads that are alike. */
export interface Downloads {
  readonly day: Day;
  readonly package: string;
  readonly ci?: boolean | null;
  readonly installer?: string | null;
  readonly system?: string | null;
  readonly times?: number;
}

/** What a source was asked, and what that billed. */
export interface Asked extends Question {
  readonly bytes: number;
}

export interface SourceOptions {
  /** Bytes of a package's day, and of a day that is read for several; as many for each of them if absent. */
  readonly alone?: number;
  readonly shared?: (day: Day) => number;
  /** Whether the source cannot tell its days. */
  readonly unsupported?: boolean;
  readonly traits?: Partial<SourceTraits>;
  /** May refuse a question, before or after it is billed: what it returns is thrown. */
  readonly before?: (asked: Asked) => Promise<void> | Error | void;
  readonly estimate?: Source['estimate'];
  /** Rows that the table has on a day, if not those of its downloads. */
  readonly rowsOn?: (day: Day) => number;
}

/** How many downloads by pip a package has on a day. */
type Daily = (name: string, day: Day) => number;

/** A table in memory, and a source that answers from it. */
export function createTable(content: Downloads[] | Daily = () => 1) {
  const asked: Asked[] = [];
  const rows = typeof content === 'function' ? undefined : content;

  function pivot(name: string, span: Span): PivotRow[] {
    const groups = new Map<string, PivotRow>();
    const all =
      typeof content === 'function'
        ? daysOf(span).map((day): Downloads => ({ day, package: name, times: content(name, day) }))
        : content;
    for (const { day, package: project, ci = null, installer = 'pip', system = null, times = 1 } of all) {
      if (project !== name || day < span.start || day >= span.end) continue;
      const key = JSON.stringify([day, ci, installer, system]);
      const downloads = (groups.get(key)?.downloads ?? 0) + times;
      groups.set(key, { day, ci, installer, system, sidecar: false, downloads });
    }
    return [...groups.values()];
  }

  function rowsByDay(span: Span): Map<Day, number> {
    if (rows === undefined) return new Map(daysOf(span).map((day) => [day, 1_000_000]));
    const sums = new Map<Day, number>();
    for (const { day, times = 1 } of rows) {
      if (day >= span.start && day < span.end) sums.set(day, (sums.get(day) ?? 0) + times);
    }
    return sums;
  }

  function source(options: SourceOptions = {}): Source {
    const { alone = 0, unsupported = false, rowsOn, shared } = options;
    const costOf = ({ packages, span }: Question): QueryCost => {
      const ofDay = (day: Day) => (packages.length > 1 && shared?.(day)) || alone * packages.length;
      const bytes = daysOf(span).reduce((sum, day) => sum + ofDay(day), 0);
      return { bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false };
    };
    return {
      traits: { ...TRAITS, ...(shared === undefined ? {} : SHARING), ...options.traits },
      hasFileNames: true,
      async read(question) {
        const cost = costOf(question);
        const one = { ...question, bytes: cost.bytesBilled };
        asked.push(one);
        const problem = await options.before?.(one);
        if (problem !== undefined) throw problem;
        const rows = new Map(question.packages.map((name) => [name, pivot(name, question.span)]));
        return { rows, unknownDays: new Map(), failures: new Map(), cost };
      },
      facets: () => Promise.reject(new Error('this source has no facets')),
      estimate: options.estimate ?? (async (question) => costOf(question).bytesProcessed),
      async days(span) {
        if (unsupported) return { kind: 'unsupported', reason: 'the view is refused', cost: NO_COST };
        const told = rowsOn && new Map(daysOf(span).map((day) => [day, rowsOn(day)]));
        return { kind: 'known', rows: told ?? rowsByDay(span), cost: NO_COST };
      },
      close: async () => undefined,
    };
  }

  return {
    rows: rows ?? [],
    asked,
    source,
    /** Days that all questions together were about, each as often as it was asked for. */
    daysAsked: () => asked.flatMap(({ span }) => daysOf(span)),
    daysScanned: () => asked.reduce((sum, { span }) => sum + spanDays(span), 0),
    billed: () => asked.reduce((sum, { bytes }) => sum + bytes, 0),
    /** The questions about several packages. */
    shared: () => asked.filter(({ packages }) => packages.length > 1),
    /** Loses all that it has of a day. */
    lose: (lost: Day) => rows?.splice(0, rows.length, ...rows.filter(({ day }) => day !== lost)),
  };
}

/** Packages with one window. */
export function listOf(count: number, window: number) {
  const windows = [window] as const;
  return Array.from({ length: count }, (_, index) => ({ name: `p-${index}`, windows, total: true }));
}

type State = Pick<MemoryState, 'ledgers' | 'spend'>;

/** What a run at six in the morning of `today` is given. */
export function runInput({ ledgers, spend }: State, today: Day, packages: RunInput['packages']) {
  return {
    packages,
    full: false,
    lookBackDays: WARNING_DAYS,
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

/** A source that bills each day, 150 MB for each package alone, with runs that share a state. */
export function pricedRuns(
  options: SourceOptions,
  { daily, state = createState() }: { daily?: Daily; state?: MemoryState } = {},
) {
  const table = createTable(daily);
  const source = table.source({ alone: 150_000_000, shared: () => 10 * GB, ...options });
  return {
    ...table,
    state,
    run: (today: Day, packages: RunInput['packages'], more: Parameters<typeof runOn>[4] = {}) =>
      runOn(source, state, today, packages, more),
  };
}

/** Downloads of a package over all days that were read, or over the last ones. */
export function downloadsOf(outcome: Outcome | undefined, since: Day = ''): number {
  if (outcome?.kind !== 'read') throw new Error('not read');
  const rows = [...outcome.rows].flatMap(([day, list]) => (day < since ? [] : list));
  return rows.reduce((sum, row) => sum + row.downloads, 0);
}

/** Packages that failed, and of what. */
export function failuresOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' ? [`${outcome.package.name}: ${String(outcome.error)}`] : [],
  );
}
