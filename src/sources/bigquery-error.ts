import { SourceError } from './source.ts';

/** What Google's client attaches to its errors: an HTTP status or a network code, and reasons. */
interface ForeignError {
  readonly message?: string;
  readonly code?: number | string;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
}

interface Remedy {
  readonly matches: (error: ForeignError, reason: string) => boolean;
  readonly text: string;
  /** Whether every other package would meet the same. */
  readonly affectsAll: boolean;
}

const NETWORK = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

/** In the order in which they are tried: the narrow ones first. */
const REMEDIES: readonly Remedy[] = [
  {
    matches: (error) => /default credentials/i.test(error.message ?? ''),
    text: 'there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth application-default login',
    affectsAll: true,
  },
  {
    matches: (error) => /project id/i.test(error.message ?? '') && error.code === undefined,
    text: 'the credentials name no project; set bigquery.project_id in tracked.yaml',
    affectsAll: true,
  },
  {
    matches: (error) => error.code === 401 || /invalid_grant|invalid_client/.test(error.message ?? ''),
    text: 'Google refused the credentials; make a new key for the service account, or log in again',
    affectsAll: true,
  },
  {
    matches: (error, reason) =>
      reason === 'accessNotConfigured' || /has not been used in project/.test(error.message ?? ''),
    text: 'the BigQuery API is not enabled in the project; run: gcloud services enable bigquery.googleapis.com',
    affectsAll: true,
  },
  {
    matches: (_, reason) => reason === 'quotaExceeded',
    text: 'a quota of the project is used up (on the free tier: 1 TiB a month); wait for the next month, or turn on billing',
    affectsAll: true,
  },
  {
    matches: (error, reason) => reason === 'accessDenied' || error.code === 403,
    text: 'permission denied; grant the service account the roles BigQuery Job User (roles/bigquery.jobUser) and BigQuery Data Viewer (roles/bigquery.dataViewer)',
    affectsAll: true,
  },
  {
    matches: (error, reason) => reason === 'notFound' || error.code === 404,
    text: 'not found; check bigquery.table, bigquery.location and bigquery.project_id in tracked.yaml',
    affectsAll: true,
  },
  {
    matches: (_, reason) => reason === 'invalidQuery',
    text: 'BigQuery does not understand the query; check that bigquery.table has the schema of the public table',
    affectsAll: true,
  },
  {
    matches: (error) => NETWORK.includes(String(error.code)),
    text: 'BigQuery cannot be reached; check the network, DNS and any proxy',
    affectsAll: false,
  },
];

/** One line of a foreign message, short enough to read. */
function firstLine(message: string): string {
  const line = (message.split('\n').find((part) => part.trim() !== '') ?? '').trim();
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}

/**
 * An error of Google's client as a sentence that says what to do. This is the only place that knows
 * how that client words its errors.
 */
export function bigQueryError(error: unknown, jobId?: string): SourceError {
  if (error instanceof SourceError) return error;
  const foreign = (error ?? {}) as ForeignError;
  const reason = foreign.errors?.find((inner) => inner.reason !== undefined)?.reason ?? '';
  const remedy = REMEDIES.find(({ matches }) => matches(foreign, reason));
  const said = firstLine(foreign.message ?? String(error));
  const job = jobId === undefined ? '' : ` [job ${jobId}]`;
  const text =
    remedy === undefined ? `BigQuery failed: ${said}${job}` : `${remedy.text} (BigQuery said: ${said})${job}`;
  return new SourceError(text, { affectsAll: remedy?.affectsAll ?? false, cause: error });
}
