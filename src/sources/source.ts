import type { z } from 'zod';
import type { Day, PartitionRows, Span } from '../days/day.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { SourceError } from '../errors/error.ts';
import type { Env, QueryCost } from '../util.ts';
import type { FacetAnswer, FacetQuestion } from './facets.ts';
import type { PivotRow, Question } from './sql.ts';

/** The whole answer to a question; never a part of it. */
export interface Answer {
  /** By package; an entry, maybe without rows, for each package asked for that did not fail. */
  readonly rows: ReadonlyMap<string, readonly PivotRow[]>;
  /** By package, the days that its rows say nothing of, as it is not known which were by CI. */
  readonly unknownDays: ReadonlyMap<string, ReadonlySet<Day>>;
  /** Packages whose rows cannot be had or trusted, while the others' can. */
  readonly failures: ReadonlyMap<string, SourceError>;
  readonly cost: QueryCost;
}

/**
 * How many rows each day of a span has, or why the source cannot tell. `unsupported` is a fact about the table, never the
 * name for a request that failed. `refused` says that it is the account that may not know, so that a source which told
 * its days before has not become one that cannot.
 */
export type DaysAnswer = { readonly cost: QueryCost } & (
  | { readonly kind: 'known'; readonly rows: PartitionRows }
  | { readonly kind: 'unsupported'; readonly reason: string; readonly refused?: true }
);

/** What the rest of the program may expect of a source, known without opening it. */
export interface SourceTraits {
  /** What tracked.yaml calls it. */
  readonly kind: string;
  /** Kind, place and server of the data: what was read from one source is no answer of another. */
  readonly id: string;
  /** Whose figures these are, as words that follow "counted from". */
  readonly name: string;
  /** Whether questions cost money. One about days does, too; an estimate never. */
  readonly billed: boolean;
  /** Whether days that were read are kept: not where reading is free and files may be replaced. */
  readonly keepsLedger: boolean;
  /** Whether it holds every package's downloads, so that a day without any row is late or missing. */
  readonly wholeLog: boolean;
  /** What an operator can do about a table that is behind, as words in brackets. */
  readonly whereToLook: string;
  /** Most packages, and most packages times days, in one question. */
  readonly packagesAtOnce: number;
  readonly packageDaysAtOnce: number;
  /** Whether a day may be read once for many packages, at a price of its own. */
  readonly sharesDays: boolean;
  /** Most questions at a time. */
  readonly questionsAtOnce: number;
  /** What may be asked about facets of a server that is somebody's gift; absent where there is no limit but the price. */
  readonly facetLimits?: {
    /** Most rows of the log that a question is to read, and those of a package whose facets are asked for at all. */
    readonly rowsAtOnce: number;
    readonly rowsOfPackage: number;
    readonly questionsARun: number;
  };
}

/** Something that knows the downloads of packages, day by day. */
export interface Source {
  readonly traits: SourceTraits;
  /** Whether it tells files that can be installed from those beside them. */
  readonly hasFileNames: boolean;
  /** Who asks and who pays, in words and for the operator alone; absent where nobody does. */
  readonly payer?: string;
  /**
   * The pivot rows of some packages over a span of whole UTC days.
   *
   * @throws SourceError when there is no complete answer.
   */
  read(question: Question, signal?: AbortSignal): Promise<Answer>;
  /** What `read` would read, in bytes and at most. Costs nothing. */
  estimate(question: Question, signal?: AbortSignal): Promise<number>;
  /**
   * The facets of some packages over a span, whole.
   *
   * @throws SourceError when there is no complete answer.
   */
  facets(question: FacetQuestion, signal?: AbortSignal): Promise<FacetAnswer>;
  /** What `facets` would read, in bytes and at most. Costs nothing; absent where reading does not either. */
  estimateFacets?(question: FacetQuestion, signal?: AbortSignal): Promise<number>;
  /**
   * How many rows the days of a span have. A table that cannot tell, such as a view, says so; this is no failure.
   *
   * @throws SourceError when there is no answer.
   */
  days(span: Span, signal?: AbortSignal): Promise<DaysAnswer>;
  /** How far this machine's clock was ahead of the server's at its last answer, in milliseconds; absent without a server. */
  readonly clockSkewMs?: () => number | undefined;
  /** What `doctor` finds, at no cost; absent where asking for days is free, which does it. Throws nothing. */
  check?(question: Question): Promise<Finding[]>;
  /** Frees what the source holds. It answers nothing afterwards. */
  close(): Promise<void>;
}

/** What a sign of a server means: a code, and which of its sentences fits best. */
export type Meaning = readonly [code: ErrorCode, variant?: string];

/** What a source may know of the world. */
export interface World {
  readonly env: Env;
  /** For sources that compare their clock with this one. */
  readonly now: () => Date;
  /** How the program introduces itself to servers, such as `pypi-badges/1.0.0 (+https://example.com)`. */
  readonly product?: string;
  /** Whether somebody waits for the answer at a terminal, who is soon to be told that there is none. */
  readonly isWaitedFor?: true;
}

/** What `doctor` finds: `note` is worth knowing and needs no fix. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'note' | 'FAIL';
  readonly text: string;
  /** What was thrown, if the check itself broke. */
  readonly error?: unknown;
}

/** What tracked.yaml says, in its shape, that a source may be configured by. */
export interface Described {
  /** Its own section; undefined if there is none. */
  readonly section: unknown;
  readonly credentialFile?: string | undefined;
  /** Makes a path of the file absolute. */
  readonly absolute: (path: string) => string;
}

/** A kind of source: all that the rest of the program knows of it. Its client is loaded when it is opened, not before. */
export interface SourceKind<C extends { readonly kind: string }> {
  /** What `service.source` and its section in tracked.yaml are called. */
  readonly kind: C['kind'];
  /** Whose figures these are, as words that follow "counted from". */
  readonly name: string;
  /** Where there is little room, or that was said already. */
  readonly shortName: string;
  /** The shape of its section, with defaults: a `mapping` of fields.ts. */
  readonly section: z.ZodObject;
  /** @param described Of the right shape. */
  configure(described: Described): C;
  /** Most bytes to be billed in a calendar month, or null for no limit; absent where nothing is billed. */
  budgetBytes?(section: unknown): number | null;
  /** The field and the absolute path of a file that must not be served; undefined if there is none. */
  privateFile?(config: C): readonly [field: readonly [string, string], path: string | undefined];
  traits(config: C, env: Env): Omit<SourceTraits, 'kind' | 'name'>;
  /** What is asked and how, for `check`: the first line's value is the source itself. Asks nobody. */
  describe(config: C, env: Env): Promise<[name: string, value: string][]>;
  /** @throws SourceError if it cannot be opened. */
  open(config: C, world: World): Promise<Source>;
}
