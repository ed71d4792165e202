import { codeOf, ERRORS } from '../../errors/codes.ts';
import { firstLine } from '../foreign-message.ts';
import { type QueryCost, SourceError } from '../source.ts';
import { faultOf } from './fault.ts';

/** What is known beside the fault itself. */
export interface FaultContext {
  readonly jobId?: string;
  /** How often it was tried, if more than once. */
  readonly tries?: number;
  /** What was billed nonetheless. */
  readonly cost?: QueryCost;
}

/**
 * A fault as a sentence that says what to do. This is the only place that words what BigQuery says, and
 * nothing of the foreign error but a line of its message gets through: such errors carry the
 * request with its token.
 */
export function bigQueryError(error: unknown, context: FaultContext = {}): SourceError {
  const { jobId, tries = 1, cost } = context;
  const job = jobId === undefined ? '' : ` [job ${jobId}]`;
  const billed = cost === undefined ? {} : { cost };
  if (error instanceof SourceError) {
    const { code, message, affectsAll } = error;
    return new SourceError(code, `${message}${job}`, { affectsAll, ...billed });
  }
  const fault = faultOf(error);
  const code = codeOf(fault) ?? 'source-failed';
  const { operator } = ERRORS[code];
  const tried = tries > 1 ? `, ${tries} times` : '';
  const said = `${firstLine(fault.message)}${tried}`;
  const text = operator === undefined ? `BigQuery failed: ${said}` : `${operator} (BigQuery said: ${said})`;
  return new SourceError(code, `${text}${job}`, billed);
}

/** Whether the question itself was refused, so that another one may well be answered. */
export function isRefusal(error: unknown): error is SourceError {
  return error instanceof SourceError && ERRORS[error.code].refused === true;
}
