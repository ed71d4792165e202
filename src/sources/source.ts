import type { z } from 'zod';
import type { Day, PartitionRows, Span } from '../days/day.ts';
import { ERRORS, type ErrorCode, type Step, sentenceOf } from '../errors/codes.ts';
import { type ErrorDetails, OperatorError, sanitizeMessage } from '../errors/error.ts';
import type { Env } from '../util.ts';
import type { FacetAnswer, FacetQuestion } from './facets.ts';
import type { PivotRow, Question } from './sql.ts';

/** What answering a question took. */
export interface QueryCost {
  readonly bytesProcessed: number;
  /** What the bill says: rounded up by BigQuery, and 0 for a cached answer. */
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
}

export const NO_COST: QueryCost = { bytesProcessed: 0, bytesBilled: 0, cacheHit: false };

/** Two costs together; what the second says of the cache is what counts. */
export function addCost(a: QueryCost, b: QueryCost): QueryCost {
  return {
    bytesProcessed: a.bytesProcessed + b.bytesProcessed,
    bytesBilled: a.bytesBilled + b.bytesBilled,
    cacheHit: b.cacheHit,
  };
}

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

/** Who is asked, and as whom. */
export interface Endpoint {
  readonly step: Step;
  /** As the subject of a sentence. */
  readonly who: string;
  /** What one signs in with, where what to do depends on it. */
  readonly identity?: string | undefined;
  /** What must not be repeated, whatever the server says. */
  readonly secrets?: readonly string[];
}

/** What is known of a fault beside its code. */
export interface FaultDetails extends ErrorDetails {
  /** What was billed all the same, such as for a job whose answer could not be fetched; absent if that is unknown. */
  readonly cost?: QueryCost | undefined;
  /** The server that was being asked; absent if there was none, or it is not known. */
  readonly step?: Step | undefined;
  /** Which of the code's sentences fits best. */
  readonly variant?: string | undefined;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number | undefined;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the words are the server's own. */
  readonly spoken?: boolean;
  /** Whether the server may have had the request. */
  readonly maybeSent?: boolean;
  /** Whether the query was begun and failed by itself, so that asking for its answer again cannot help. */
  readonly ofJob?: true;
  /** Whether it may pass by itself; what the code says if absent. */
  readonly passes?: boolean;
  /** What the message repeats of others, in brackets at its end. */
  readonly said?: string;
  /** How often it was tried, if more than once. */
  readonly tries?: number;
}

/** A question that got no answer, or a request without a usable one. */
export class SourceError extends OperatorError {
  override name = 'SourceError';
  /** Whether the same question, or request, may well be answered a little later, so that it says nothing of the package. */
  readonly passes: boolean;
  readonly details: FaultDetails;

  constructor(code: ErrorCode, message: string, details: FaultDetails = {}) {
    super(code, message, details);
    this.passes = details.passes ?? ERRORS[code].passes ?? false;
    this.details = details;
  }

  get cost(): QueryCost | undefined {
    return this.details.cost;
  }

  /** The same fault, of which more is known. */
  with(more: FaultDetails, message = this.message): SourceError {
    return new SourceError(this.code, message, { ...this.details, ...more });
  }
}

/** What a sign of a server means: a code, and which of its sentences fits best. */
export type Meaning = readonly [code: ErrorCode, variant?: string];

/** What a sentence begins with where who refused is not the source itself, or may be either, and who speaks then. */
const SPEAKERS: Readonly<Partial<Record<Step, readonly [prefix: string, speaker?: string]>>> = {
  'sign-in': ['sign-in: '],
  proxy: ['proxy: ', 'the proxy'],
  bigquery: ['BigQuery: ', 'BigQuery'],
};

/**
 * A request without a usable answer, as a sentence for the operator: `<what happened>; <what to do> (<who> said: <words>)`.
 * Nothing of a foreign error gets through but its message, without secrets: such errors carry the request with its token.
 *
 * @param said What a server or a library said, raw.
 */
export function fault(
  code: ErrorCode,
  said: string,
  { step, who, identity, secrets }: Endpoint,
  details: FaultDetails = {},
): SourceError {
  const [prefix = '', speaker = who] = SPEAKERS[step] ?? [];
  const words = sanitizeMessage(said, secrets);
  const end = words && ` (${details.spoken ? `${speaker} said: ` : ''}${words})`;
  return new SourceError(code, `${prefix}${sentenceOf(code, who, [details.variant, identity, step])}${end}`, {
    // Every package signs in, and through the same proxy.
    ...((step === 'sign-in' || step === 'proxy') && { affectsAll: true }),
    ...details,
    step,
    said: words,
  });
}

/** Whether a fault may pass, and one package may be to blame for it: every other package need not meet it. */
export function mayBePackages(error: unknown): error is SourceError {
  return error instanceof SourceError && error.passes && !error.affectsAll;
}

/**
 * What a question ends with that was ended by a signal.
 *
 * @param reason The signal's, whose message is told.
 * @param cost What was billed all the same; undefined if that is not known.
 */
export function interrupted(reason: unknown, cost: QueryCost | undefined): SourceError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return new SourceError('interrupted', message, { cost, cause: reason });
}

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
