import type { PartitionRows, Span } from '../days/day.ts';
import type { ErrorCode, Step } from '../errors/codes.ts';
import { type ErrorDetails, OperatorError } from '../errors/error.ts';
import type { PivotQuestion, PivotRow } from './query.ts';

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

/** The revisions of a span, or why the source cannot tell them. */
export type RevisionsAnswer =
  | { readonly revisions: PartitionRows; readonly cost: QueryCost }
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

/** What may be said of a question that got no answer, beside its code and its sentence. */
export interface SourceErrorDetails extends ErrorDetails {
  readonly cost?: QueryCost;
  /** Who was being talked to. */
  readonly step?: Step;
}

/** A question that got no answer. */
export class SourceError extends OperatorError {
  override name = 'SourceError';
  /** What was billed all the same, such as for a job whose answer could not be fetched; absent if that is unknown. */
  readonly cost: QueryCost | undefined;
  /** Who was being talked to; undefined if nobody was, or nobody knows. */
  readonly step: Step | undefined;

  constructor(code: ErrorCode, message: string, options: SourceErrorDetails = {}) {
    super(code, message, options);
    this.cost = options.cost;
    this.step = options.step;
  }
}
