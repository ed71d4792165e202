import { type ErrorCode, type Step, sentenceOf } from '../errors/codes.ts';
import { sanitizeMessage } from '../errors/sanitize.ts';
import { type QueryCost, SourceError } from './source.ts';

/** Who is asked. */
export interface Endpoint {
  readonly step: Step;
  /** As the subject of a sentence. */
  readonly who: string;
}

/** What a sentence begins with where who refused is not the source itself, or may be either. */
const PREFIXES: Readonly<Record<Step, string>> = {
  'sign-in': 'sign-in: ',
  proxy: 'proxy: ',
  bigquery: 'BigQuery: ',
  clickhouse: '',
  pypistats: '',
};

const SPEAKERS: Readonly<Partial<Record<Step, string>>> = { proxy: 'the proxy', bigquery: 'BigQuery' };

/** What is known of a fault beside its code. */
export interface FaultDetails {
  /** Which of the code's sentences fit, the best first. */
  readonly variants?: readonly string[];
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** The server's own name for it, such as `accessDenied` or `158`. */
  readonly reason?: string;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the words are the server's own. */
  readonly spoken?: boolean;
  /** Whether the server may have had the request. */
  readonly maybeSent?: boolean;
  /** Whether every other package would meet the same, where that is more than the code says. */
  readonly affectsAll?: true;
}

/** A request without a usable answer, before anybody has decided what that means. Its message is what was said, raw. */
export class Fault extends Error {
  override name = 'Fault';
  readonly code: ErrorCode;
  readonly endpoint: Endpoint;
  readonly details: FaultDetails;
  /** How often it was tried. */
  tries = 1;

  constructor(code: ErrorCode, said: string, endpoint: Endpoint, details: FaultDetails = {}) {
    super(said);
    this.code = code;
    this.endpoint = endpoint;
    this.details = details;
  }
}

/** What is told beside the fault itself. */
export interface FaultContext {
  /** Absent if there was no job. */
  readonly jobId?: string | undefined;
  /** What was billed nonetheless. */
  readonly cost?: QueryCost | undefined;
  /** What one signs in with. */
  readonly identity?: string | undefined;
  /** What must not be repeated, whatever the server says. */
  readonly secrets?: readonly string[];
}

/** What was said, by whom, and how often. */
function saidBy({ message, tries, endpoint, details }: Fault, secrets: readonly string[]): string {
  const text = sanitizeMessage(message, secrets);
  const parts = [text, tries > 1 ? `${tries} times` : ''].filter((part) => part !== '');
  if (parts.length === 0) return '';
  const speaker = SPEAKERS[endpoint.step] ?? endpoint.who;
  return text !== '' && details.spoken ? ` (${speaker} said: ${parts.join(', ')})` : ` (${parts.join(', ')})`;
}

/**
 * A fault as a sentence for the operator: `<what happened>; <what to do> (<who> said: <words>)`. Nothing of a
 * foreign error gets through but its message, without secrets: such errors carry the request with its token.
 */
export function sourceErrorOf(fault: Fault, context: FaultContext = {}): SourceError {
  const { jobId, cost, identity, secrets = [] } = context;
  const { code, endpoint, details } = fault;
  const { step, who } = endpoint;
  const what = sentenceOf(code, who, [...(details.variants ?? []), identity, step]);
  const job = jobId === undefined ? '' : ` [job ${jobId}]`;
  // Every package signs in, and through the same proxy.
  const affectsAll = details.affectsAll ?? (step === 'sign-in' || step === 'proxy' || undefined);
  return new SourceError(code, `${PREFIXES[step]}${what}${saidBy(fault, secrets)}${job}`, {
    step,
    ...(affectsAll === undefined ? {} : { affectsAll }),
    ...(cost === undefined ? {} : { cost }),
  });
}
