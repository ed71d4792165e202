import { OperatorError } from '../errors.ts';
import type { PivotQuestion, PivotRow } from './query.ts';
import type { Day, Span } from './span.ts';

/** What answering a question took. */
export interface QueryCost {
  readonly bytesProcessed: number;
  /** What the bill says: rounded up by BigQuery, and 0 for a cached answer. */
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
}

/** The whole answer to a question; never a part of it. */
export interface PivotAnswer {
  readonly rows: readonly PivotRow[];
  readonly cost: QueryCost;
}

/**
 * How many rows each day has in the whole table, over all packages; a day without any is absent. It is
 * a day's revision: it changes when the table is filled in later.
 */
export type Revisions = ReadonlyMap<Day, number>;

/** The revisions of a span, or why the source cannot tell them. */
export type RevisionsAnswer =
  | { readonly revisions: Revisions; readonly cost: QueryCost }
  | { readonly unavailable: string };

/** Something that knows the downloads of packages, day by day. */
export interface Source {
  /** Whether questions cost money. A question about revisions does, too; an estimate never. */
  readonly billed: boolean;
  /**
   * The pivot rows of one package over a span of whole UTC days.
   *
   * @throws SourceError when there is no complete answer.
   */
  pivot(question: PivotQuestion, signal?: AbortSignal): Promise<PivotAnswer>;
  /** What `pivot` would read, in bytes and at most. Costs nothing. */
  estimate(question: PivotQuestion, signal?: AbortSignal): Promise<number>;
  /**
   * The revisions of a span of days. A source that cannot tell them, such as an emulator, says so;
   * this is no failure.
   *
   * @throws SourceError when nothing else can be asked either.
   */
  revisions(span: Span, signal?: AbortSignal): Promise<RevisionsAnswer>;
  /** Frees what the source holds. It answers nothing afterwards. */
  close(): Promise<void>;
}

/** A question that got no answer. */
export class SourceError extends OperatorError {
  override name = 'SourceError';
  /** Whether every other package would fail in the same way: nobody needs to be told three hundred times. */
  readonly affectsAll: boolean;
  /** What was billed all the same, such as for a job whose answer could not be fetched; absent if that is unknown. */
  readonly cost: QueryCost | undefined;

  constructor(message: string, options: { affectsAll?: boolean; cost?: QueryCost; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.affectsAll = options.affectsAll ?? false;
    this.cost = options.cost;
  }
}
