import {
  codeOf,
  ERRORS,
  type ErrorCode,
  type Fault,
  GARBLED,
  type Identity,
  remedyOf,
  SILENT,
} from '../../errors/codes.ts';
import { sanitizeMessage } from '../../errors/sanitize.ts';
import { type QueryCost, SourceError } from '../source.ts';
import { faultOf, type Place } from './fault.ts';

const STEPS: Record<Fault['step'], string> = {
  'sign-in': 'sign-in',
  proxy: 'proxy',
  bigquery: 'BigQuery',
  clickhouse: 'ClickHouse',
  pypistats: 'pypistats.org',
  disk: 'disk',
};

const PARTIES = {
  token: "Google's token endpoint",
  sts: 'the security token service',
  iam: 'IAM Credentials',
  metadata: 'the metadata server',
  subject: 'the source of the token',
} as const;

/** What a fault is where the table knows no better. */
const OTHERWISE: Partial<Record<Fault['step'], ErrorCode>> = {
  'sign-in': 'sign-in-failed',
  proxy: 'proxy-refused',
};

/** Who was asked, as the subject of a sentence that begins with the step, and as somebody who said something. */
function whoIs({ step, party, server }: Fault): { who: string; speaker: string } {
  if (step === 'proxy') return { who: server ?? 'it', speaker: 'the proxy' };
  if (step === 'sign-in') {
    const who = party === undefined ? 'Google' : PARTIES[party];
    return { who, speaker: who };
  }
  return { who: 'the service', speaker: STEPS[step] };
}

/** What was said, by whom, and how often; or the system's word for it. */
function saidBy(fault: Fault, speaker: string, tries: number): string {
  const { status, reason } = fault;
  const spoke = reason === undefined ? status !== undefined : reason !== GARBLED && reason !== SILENT;
  const text = sanitizeMessage(fault.message) || (fault.code ?? '');
  const tried = tries > 1 ? `${tries} times` : '';
  const told = [text, tried].filter((part) => part !== '').join(', ');
  if (told === '') return '';
  return text !== '' && spoke ? ` (${speaker} said: ${told})` : ` (${told})`;
}

/** What is known beside the fault itself. */
export interface FaultContext {
  /** Absent if there was no job. */
  readonly jobId?: string;
  /** How often it was tried, if more than once. */
  readonly tries?: number;
  /** What was billed nonetheless. */
  readonly cost?: QueryCost;
  /** What one signs in with. */
  readonly identity?: Identity | undefined;
  /** Who was asked, where the fault does not tell. */
  readonly place?: Place;
}

/**
 * A fault as a sentence for the operator: `<step>: <what happened>; <what to do> (<who> said: <words>)`. This is
 * the only place that words what Google says, and nothing of the foreign error but its message, without secrets, gets
 * through: such errors carry the request with its token.
 */
export function bigQueryError(error: unknown, context: FaultContext = {}): SourceError {
  const { jobId, tries = 1, cost, identity, place } = context;
  const job = jobId === undefined ? '' : ` [job ${jobId}]`;
  const billed = cost === undefined ? {} : { cost };
  if (error instanceof SourceError) {
    const { code, message, affectsAll } = error;
    return new SourceError(code, `${message}${job}`, { affectsAll, ...billed });
  }
  const fault = faultOf(error, place);
  const code = codeOf(fault) ?? OTHERWISE[fault.step] ?? 'source-failed';
  const { who, speaker } = whoIs(fault);
  const what = remedyOf(code, who, identity) ?? 'the request failed';
  const text = `${STEPS[fault.step]}: ${what}${saidBy(fault, speaker, tries)}${job}`;
  // Every package signs in, and through the same proxy.
  const affectsAll = fault.step !== 'bigquery' || ERRORS[code].affectsAll === true;
  return new SourceError(code, text, { affectsAll, step: fault.step, ...billed });
}

/** Whether the question itself was refused, so that another one may well be answered. */
export function isRefusal(error: unknown): error is SourceError {
  return error instanceof SourceError && ERRORS[error.code].refused === true;
}
