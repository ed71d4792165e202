import type { QueryCost } from '../util.ts';
import { ERRORS, type ErrorCode, type Step, sentenceOf } from './codes.ts';

/** What may be said of an error beside its code and its sentence. */
export interface ErrorDetails {
  /** Whether every other package would meet the same; what the code says if absent. */
  readonly affectsAll?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * A fault that a person can mend. Its message is all that the operator is shown, so it says what happened,
 * to what, and what to do; it never carries secrets and needs no stack trace.
 */
export class OperatorError extends Error {
  override name = 'OperatorError';
  readonly code: ErrorCode;
  /** Whether every other package would meet the same; it is then reported once. */
  readonly affectsAll: boolean;

  constructor(code: ErrorCode, message: string, { affectsAll, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.code = code;
    this.affectsAll = affectsAll ?? ERRORS[code].affectsAll ?? false;
  }
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

/** Wrong usage or configuration: nothing is queried or written, and the command exits 2. */
export class UsageError extends OperatorError {
  override name = 'UsageError';

  constructor(message: string, code: 'usage' | 'configuration' = 'usage') {
    super(code, message);
  }
}

/** The code of anything thrown; what is no OperatorError is a fault of this program. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof OperatorError ? error.code : 'bug';
}

/** Whether every other package would meet the same, so that nothing more is to be asked. */
export function affectsAll(error: unknown): error is OperatorError {
  return error instanceof OperatorError && error.affectsAll;
}

/** The fault of this program that is, or that caused, what was thrown; undefined if there is none. */
export function bugIn(error: unknown): unknown {
  if (!(error instanceof OperatorError)) return error;
  return error.code === 'bug' ? (error.cause ?? error) : undefined;
}

/**
 * The message of anything thrown, on one line: an operator's sentence as it is, and anything else
 * (which is then a fault of this program) marked as unexpected so that it gets reported.
 */
export function describeError(error: unknown): string {
  if (error instanceof OperatorError) return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `unexpected fault (please report it): ${sanitizeMessage(text)}`;
}

/** Longest text of others that is shown, in characters. */
const LENGTH_MAX = 300;

/** What stands in a secret's place. */
export const REMOVED = '[removed]';

/** Fewer letters are part of half of all words. */
const SECRET_MIN = 4;

/** Secrets that are known by how they look: a PEM block, a JWT, Google's access tokens, `user:password@` of an address. */
const LOOKS_SECRET =
  /-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\bya29\.[\w.-]+|(?<=:\/\/)[^\s/?#@]*:[^\s/?#@]*(?=@)/g;

/**
 * A text on one line, with control, bidi and other invisible characters replaced by U+FFFD: it can neither begin a line
 * of its own, nor move a terminal's cursor, nor change the order in which it is read.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd')
    .trim();
}

/**
 * What a server or library said, as it may stand in an error's message: on one line, at most 300 characters, without
 * secrets.
 *
 * @param secrets Values that must not be shown: keys, tokens and passwords as the program has read them.
 */
export function sanitizeMessage(message: string, secrets: Iterable<string> = []): string {
  const known = [...secrets].filter((secret) => secret.length >= SECRET_MIN);
  const forms = new Set(known.flatMap((secret) => [secret, encodeURIComponent(secret)]));
  const clean = [...forms]
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, form) => text.replaceAll(form, REMOVED), message)
    .replaceAll(LOOKS_SECRET, REMOVED);
  const line = printable(clean);
  return line.length <= LENGTH_MAX ? line : `${line.slice(0, LENGTH_MAX - 3).trimEnd()}...`;
}

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
